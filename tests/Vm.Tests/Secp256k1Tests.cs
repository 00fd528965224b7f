using System.Security.Cryptography;
using System.Text;
using FsCheck.Xunit;

namespace Optimistic.Vm.Tests;

/// <summary>Addresses and signatures against published vectors. Recovery is compared with the EVM in Contracts.Tests.</summary>
public sealed class Secp256k1Tests
{
    // The deterministic nonce vectors that Bitcoin libraries share (RFC 6979 for secp256k1), low s; digests are SHA-256.
    [Theory]
    [InlineData("1", "Satoshi Nakamoto", "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8", "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5")]
    [InlineData("1", "All those moments will be lost in time, like tears in rain. Time to die...", "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b", "547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21")]
    [InlineData("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", "Satoshi Nakamoto", "fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d0", "6b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9bebed3f153d10d93bed5")]
    [InlineData("f8b8af8ce3c7cca5e300d33939540c10d45ce001b8f252bfbc57ba0342904181", "Alan Turing", "7063ae83e7f62bbb171798131b4a0564b956930092b33b07b395615d9ec7e15c", "58dfcc1e00a35e1572f366ffe34ba0fc47db1e7189759b9fb233c5b05ab388ea")]
    public void SignsLikeOtherLibraries(string key, string message, string r, string s)
    {
        Word digest = new(SHA256.HashData(Encoding.ASCII.GetBytes(message)));
        Word privateKey = Word.Parse(key.PadLeft(64, '0'));

        Signature signature = Secp256k1.Sign(digest, privateKey);

        Assert.Equal(Word.Parse(r), signature.R);
        Assert.Equal(Word.Parse(s), signature.S);
        Assert.True(Secp256k1.TryRecover(digest, signature, out Address signer));
        Assert.Equal(Secp256k1.AddressOf(privateKey), signer);
    }

    // The first development accounts of every Ethereum tool ("test test … junk").
    [Theory]
    [InlineData("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")]
    [InlineData("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8")]
    public void DerivesAddresses(string key, string address) =>
        Assert.Equal(address, Secp256k1.AddressOf(Word.Parse(key)).ToString());

    // EIP-55, "Test Cases".
    [Theory]
    [InlineData("0x52908400098527886E0F7030069857D2E4169EE7")]
    [InlineData("0x8617E340B3D01FA5F11F306F4090FD50E238070D")]
    [InlineData("0xde709f2102306220921060314715629080e2fb77")]
    [InlineData("0x27b1fdb04752bbc536007a920d24acb045561c26")]
    [InlineData("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")]
    [InlineData("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359")]
    [InlineData("0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB")]
    [InlineData("0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb")]
    public void WritesAndChecksChecksums(string text)
    {
        Assert.Equal(text, Address.Parse(text).ToString());
        Assert.Equal(text, Address.Parse(text.ToLowerInvariant()).ToString());
    }

    [Fact]
    public void RefusesWhatIsNotAnAddress()
    {
        Assert.Contains("checksum", Assert.Throws<FormatException>(() => Address.Parse("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD")).Message);
        Assert.Contains("40", Assert.Throws<FormatException>(() => Address.Parse("0x12")).Message);
        Assert.False(Address.TryParse("5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed00", out _));
        Assert.False(Address.TryParse(null, out _));
    }

    [Fact]
    public void RefusesKeysOutsideTheGroup()
    {
        Assert.False(Secp256k1.IsPrivateKey(Word.Zero));
        Assert.False(Secp256k1.IsPrivateKey(Word.Parse("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")));
        Assert.Throws<ArgumentException>(() => Secp256k1.Sign(Word.Zero, Word.Zero));
    }

    [Property(MaxTest = 40)]
    public void RecoversWhatItSigns(byte[] seed, byte[] message)
    {
        Word key = new(SHA256.HashData(seed)), digest = new(SHA256.HashData(message));
        Signature signature = Secp256k1.Sign(digest, key);

        Assert.True(Secp256k1.IsLowS(signature.S));
        Assert.True(Secp256k1.TryRecover(digest, signature, out Address signer));
        Assert.Equal(Secp256k1.AddressOf(key), signer);
        Assert.True(!Secp256k1.TryRecover(digest, signature with { YParity = (byte)(1 - signature.YParity) }, out Address mirrored) || mirrored != signer);
    }
}
