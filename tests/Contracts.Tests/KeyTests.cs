using System.Numerics;
using System.Security.Cryptography;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;

namespace Optimistic.Contracts.Tests;

/// <summary>Key files, keystores, RLP and transactions against published vectors and against cast.</summary>
public sealed class KeyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("optimistic-keys-").FullName;

    // Web3 Secret Storage Definition, "Test Vectors": password testpassword.
    private const string Pbkdf2Vector =
        """
        {"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2",
        "kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
        "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}
        """;

    private const string VectorKey = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ReadsTheKeystoreVector()
    {
        Account account = Account.FromFile(Write(Pbkdf2Vector), () => "testpassword");
        Assert.Equal("0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b", account.Address.ToString());
        Assert.Equal(Secp256k1.AddressOf(Word.Parse(VectorKey)), account.Address);
    }

    [Fact]
    public async Task ReadsKeystoresThatCastWrites()
    {
        await Cast.RunAsync([
            "wallet", "import", "key", "--keystore-dir", _folder, "--private-key", VectorKey, "--unsafe-password", "a pass phrase"]);
        Account account = Account.FromFile(Path.Combine(_folder, "key"), () => "a pass phrase");
        Assert.Equal("0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b", account.Address.ToString());
    }

    [Theory]
    [InlineData(VectorKey)]
    [InlineData("0x" + VectorKey + "\n")]
    [InlineData("  0X" + VectorKey + "\r\n")]
    public void ReadsHexadecimalKeys(string text) =>
        Assert.Equal("0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b", Account.FromFile(Write(text)).Address.ToString());

    [Theory]
    [InlineData("", "not a private key")]
    [InlineData("0x1234", "not a private key")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", "not a private key")]
    [InlineData("zz28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d", "not a private key")]
    [InlineData("{", "keystore")]
    [InlineData("{\"version\":1}", "version is not 3")]
    [InlineData("{\"version\":3}", "keystore")]
    [InlineData("{\"version\":3,\"crypto\":[]}", "keystore")]
    [InlineData("{\"version\":3,\"crypto\":{\"cipher\":\"aes-128-cbc\"}}", "aes-128-ctr")]
    public void SaysWhatIsWrongWithAKeyFile(string text, string reason)
    {
        KeyFileException error = Assert.Throws<KeyFileException>(() => Account.FromFile(Write(text), () => ""));
        Assert.Contains(reason, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void SaysWhyAKeystoreDoesNotOpen()
    {
        string path = Write(Pbkdf2Vector);
        Assert.Contains("wrong", Assert.Throws<KeyFileException>(() => Account.FromFile(path, () => "guess")).Message);
        Assert.Contains("password", Assert.Throws<KeyFileException>(() => Account.FromFile(path)).Message);
        string huge = Write(Pbkdf2Vector.Replace("\"kdf\":\"pbkdf2\"", "\"kdf\":\"scrypt\"", StringComparison.Ordinal)
            .Replace("\"c\":262144", "\"n\":1073741824,\"r\":8,\"p\":1", StringComparison.Ordinal));
        Assert.Contains("not supported", Assert.Throws<KeyFileException>(() => Account.FromFile(huge, () => "x")).Message);
    }

    [Fact]
    public void SaysWhyAFileCannotBeRead()
    {
        Assert.Contains("does not exist", Assert.Throws<KeyFileException>(() => Account.FromFile(Path.Combine(_folder, "none"))).Message);
        Assert.Contains("cannot be read", Assert.Throws<KeyFileException>(() => Account.FromFile(_folder)).Message);
        string large = Path.Combine(_folder, "large");
        File.WriteAllBytes(large, new byte[100_000]);
        Assert.Contains("larger", Assert.Throws<KeyFileException>(() => Account.FromFile(large)).Message);
    }

    [Fact]
    public void WritesKeysForTheirOwnerAlone()
    {
        string path = Path.Combine(_folder, "new");
        Account written = Account.CreateFile(path);
        List<string> warnings = [];
        Assert.Equal(written.Address, Account.FromFile(path, warn: warnings.Add).Address);
        Assert.Empty(warnings);
        Assert.Throws<KeyFileException>(() => Account.CreateFile(path));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.OtherRead);
            Account.FromFile(path, warn: warnings.Add);
            Assert.Contains("chmod 600", Assert.Single(warnings));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task SignsTransactionsLikeCast(int index)
    {
        Transaction transaction = new(
            31337, 7 + (ulong)index * 300, 2_000_000_000, new BigInteger(30_000_000_000), 123_456,
            index == 0 ? DevChain.Accounts[1].Address : null, index == 0 ? BigInteger.Pow(10, 18) : 0,
            Convert.FromHexString(index == 0 ? "" : "600a600c600039600a6000f3602a60005260206000f3"));
        string[] target = index == 0 ? [DevChain.Accounts[1].Address.ToString()] : ["--create", "0x600a600c600039600a6000f3602a60005260206000f3"];

        SignedTransaction signed = transaction.Sign(DevChain.Accounts[0]);

        string expected = await Cast.RunAsync([
            "mktx", "--private-key", DevChain.PrivateKey(0).ToString(), "--chain", "31337", "--nonce", $"{transaction.Nonce}",
            "--priority-gas-price", "2000000000", "--gas-price", "30000000000", "--gas-limit", "123456", "--value", $"{transaction.Value}", .. target]);
        Assert.Equal(expected, "0x" + Convert.ToHexStringLower(signed.Raw.Span));
        Assert.Equal(Keccak.Hash(signed.Raw.Span), signed.Hash);
    }

    // Ethereum wiki, "RLP", examples.
    [Theory]
    [InlineData("646f67", "83646f67")]
    [InlineData("", "80")]
    [InlineData("00", "00")]
    [InlineData("0f", "0f")]
    [InlineData("0400", "820400")]
    [InlineData("80", "8180")]
    public void EncodesRlpStrings(string text, string encoded)
    {
        RlpItem item = Convert.FromHexString(text);
        Assert.Equal(encoded, Convert.ToHexStringLower(item.Encode()));
        Assert.Equal(text, Convert.ToHexStringLower(Assert.IsType<RlpItem.Text>(RlpItem.Decode(Convert.FromHexString(encoded))).Bytes.Span));
    }

    [Fact]
    public void EncodesRlpLists()
    {
        RlpItem empty = Array.Empty<RlpItem>();
        RlpItem nested = new RlpItem[] { empty, new RlpItem[] { empty }, new RlpItem[] { empty, new RlpItem[] { empty } } };
        Assert.Equal("c7c0c1c0c3c0c1c0", Convert.ToHexStringLower(nested.Encode()));
        RlpItem animals = new RlpItem[] { "cat"u8.ToArray(), "dog"u8.ToArray() };
        Assert.Equal("c88363617483646f67", Convert.ToHexStringLower(animals.Encode()));
        RlpItem lorem = "Lorem ipsum dolor sit amet, consectetur adipisicing elit"u8.ToArray();
        Assert.StartsWith("b8384c6f", Convert.ToHexStringLower(lorem.Encode()));
        RlpItem large = new RlpItem[] { new byte[70_000], (ulong)1024 };
        Assert.Equal(large.Encode(), RlpItem.Decode(large.Encode()).Encode());
    }

    [Theory]
    [InlineData("")]
    [InlineData("83646f")]
    [InlineData("8100")]
    [InlineData("b80183")]
    [InlineData("b90000")]
    [InlineData("c283")]
    [InlineData("0000")]
    [InlineData("bfffffffffffffffff")]
    public void RefusesWhatIsNotCanonicalRlp(string hex) =>
        Assert.Throws<FormatException>(() => RlpItem.Decode(Convert.FromHexString(hex)));

    private string Write(string text)
    {
        string path = Path.Combine(_folder, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)));
        File.WriteAllText(path, text);
        return path;
    }
}
