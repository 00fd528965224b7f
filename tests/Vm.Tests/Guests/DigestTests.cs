using System.Security.Cryptography;
using System.Text;
using FsCheck.Xunit;
using Org.BouncyCastle.Crypto.Digests;

namespace Optimistic.Vm.Tests.Guests;

public sealed class DigestTests : IDisposable
{
    private readonly GuestApp _digest = GuestApp.Open("digest");

    /// <summary>SHA-256: FIPS 180-2, B.1 and B.2. keccak-256: the Keccak team's ShortMsgKAT_256 (Len = 0, 8) and Ethereum's.</summary>
    [Theory]
    [InlineData("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")]
    [InlineData("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", "45d3b367a6904e6e8d502ee04999a7c27647f91fa845d456525fd352ae3d7371")]
    [InlineData("transfer(address,uint256)", null, "a9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b")]
    public void Published_vectors(string text, string? sha256, string keccak256)
    {
        GuestResult result = _digest.Run(new GuestTask(Encoding.ASCII.GetBytes(text)));

        Assert.Equal((MachineStatus.Halted, 0u, 64), (result.Status, result.ExitCode, result.Output.Length));
        if (sha256 is not null)
            Assert.Equal(sha256, Convert.ToHexStringLower(result.Output.AsSpan(0, 32)));

        Assert.Equal(keccak256, Convert.ToHexStringLower(result.Output.AsSpan(32)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(55)]
    [InlineData(56)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(119)]
    [InlineData(120)]
    [InlineData(135)]
    [InlineData(136)]
    [InlineData(137)]
    [InlineData(272)]
    [InlineData(100_000)]
    public void Lengths_around_the_block_sizes(int length)
    {
        byte[] input = new byte[length];
        new Random(length).NextBytes(input);
        CheckAgainstLibraries(input);
    }

    [Property(MaxTest = 50)]
    public void Any_input(byte[] input) => CheckAgainstLibraries(input);

    public void Dispose() => _digest.Dispose();

    private void CheckAgainstLibraries(byte[] input)
    {
        var keccak = new KeccakDigest(256);
        byte[] expected = new byte[64];
        SHA256.HashData(input, expected);
        keccak.BlockUpdate(input, 0, input.Length);
        keccak.DoFinal(expected, 32);

        Assert.Equal(expected, _digest.Run(new GuestTask(input)).Output);
    }
}
