using System.Runtime.Intrinsics.X86;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Org.BouncyCastle.Crypto.Digests;

namespace Optimistic.Vm.Tests;

public sealed unsafe class KeccakTests
{
    /// <summary>Published digests of Keccak-256 with the original padding, as Ethereum has it.</summary>
    [Theory]
    [InlineData("", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")]
    [InlineData("abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45")]
    [InlineData("testing", "5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02")]
    [InlineData("The quick brown fox jumps over the lazy dog", "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15")]
    [InlineData("The quick brown fox jumps over the lazy dog.", "578951e24efd62a3d63a86f7cd19aaa53c898fe287d2552133220370240b572d")]
    [InlineData("Transfer(address,address,uint256)", "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")]
    public void Hash_gives_the_published_digest(string message, string digest) =>
        Assert.Equal(Word.Parse(digest), Keccak.Hash(Encoding.ASCII.GetBytes(message)));

    [Fact]
    public void Hash_agrees_with_BouncyCastle_at_every_length_around_the_block_edges()
    {
        byte[] message = Bytes(7, 600);
        for (int length = 0; length <= message.Length; length++)
            Assert.Equal(Reference(message.AsSpan(0, length)), Keccak.Hash(message.AsSpan(0, length)));
    }

    [Property(MaxTest = 50)]
    public void Hash_agrees_with_BouncyCastle(byte[] message) => Assert.Equal(Reference(message), Keccak.Hash(message));

    [Fact]
    public void Quad_and_Node_hash_the_four_children_side_by_side()
    {
        byte[] children = Bytes(11, Keccak.NodeLength);
        Word[] words = [.. children.Chunk(Word.Length).Select(bytes => new Word(bytes))];
        Assert.Equal(Reference(children), Keccak.Node(children));
        Assert.Equal(Reference(children), Keccak.Quad(words[0], words[1], words[2], words[3]));
        Assert.Throws<ArgumentException>(() => Keccak.Node(children.AsSpan(1)));
    }

    public static TheoryData<KeccakKernel> SupportedKernels()
    {
        KeccakKernel best = Keccak.Choose(null, System.Runtime.Intrinsics.X86.Avx512F.IsSupported, Avx2.IsSupported);
        return [.. Enum.GetValues<KeccakKernel>().Where(kernel => kernel <= best)];
    }

    [Theory, MemberData(nameof(SupportedKernels))]
    public void Every_kernel_gathers_any_number_of_nodes_like_BouncyCastle(KeccakKernel kernel)
    {
        byte[] pool = Bytes(13, 97 * Word.Length);
        var random = new Random(17);
        byte** children = stackalloc byte*[4 * 35];
        fixed (byte* words = pool)
        {
            for (int count = 0; count <= 35; count++)
            {
                byte[] message = new byte[count * Keccak.NodeLength];
                for (int i = 0; i < 4 * count; i++)
                {
                    children[i] = words + random.Next(97) * Word.Length;
                    new Span<byte>(children[i], Word.Length).CopyTo(message.AsSpan(i * Word.Length));
                }

                // One word of canary behind the output: a kernel that writes whole registers must not spill.
                byte[] output = new byte[(count + 1) * Word.Length];
                fixed (byte* destination = output)
                    Keccak.Gather(kernel, children, destination, count);

                for (int node = 0; node < count; node++)
                    Assert.Equal(Reference(message.AsSpan(node * Keccak.NodeLength, Keccak.NodeLength)), new Word(output.AsSpan(node * Word.Length, Word.Length)));

                Assert.True(new Word(output.AsSpan(count * Word.Length)).IsZero);
            }
        }
    }

    /// <summary>The AVX-512 source itself, compiled here against intrinsics in software, so that it is proven where no such processor is.</summary>
    [Fact]
    public void The_AVX512_source_hashes_like_BouncyCastle_on_emulated_intrinsics()
    {
        byte[] message = Bytes(19, 8 * Keccak.NodeLength), output = new byte[8 * Word.Length];
        fixed (byte* source = message, destination = output)
        {
            byte** children = stackalloc byte*[32];
            for (int i = 0; i < 32; i++)
                children[i] = source + i * Word.Length;

#pragma warning disable CS0436 // the kernel compiled into this assembly is meant, not the one it was taken from
            KeccakAvx512.Nodes(children, destination);
#pragma warning restore CS0436
        }

        for (int node = 0; node < 8; node++)
            Assert.Equal(Reference(message.AsSpan(node * Keccak.NodeLength, Keccak.NodeLength)), new Word(output.AsSpan(node * Word.Length, Word.Length)));
    }

    [Fact]
    public void Nodes_may_overwrite_its_input()
    {
        byte[] buffer = Bytes(23, 43 * Keccak.NodeLength), original = [.. buffer];
        Keccak.Nodes(buffer, buffer.AsSpan(0, 43 * Word.Length));
        for (int node = 0; node < 43; node++)
            Assert.Equal(Reference(original.AsSpan(node * Keccak.NodeLength, Keccak.NodeLength)), new Word(buffer.AsSpan(node * Word.Length, Word.Length)));
    }

    [Fact]
    public void Nodes_refuses_lengths_that_do_not_match()
    {
        Assert.Throws<ArgumentException>(() => Keccak.Nodes(new byte[127], new byte[32]));
        Assert.Throws<ArgumentException>(() => Keccak.Nodes(new byte[128], new byte[64]));
    }

    [Fact]
    public void The_environment_variable_forces_a_kernel_and_refuses_what_cannot_be_had()
    {
        Assert.Equal(KeccakKernel.Avx512, Keccak.Choose(null, true, true));
        Assert.Equal(KeccakKernel.Avx2, Keccak.Choose("", false, true));
        Assert.Equal(KeccakKernel.Scalar, Keccak.Choose(null, false, false));
        Assert.Equal(KeccakKernel.Avx2, Keccak.Choose("avx2", true, true));
        Assert.Equal(KeccakKernel.Scalar, Keccak.Choose("scalar", true, true));
        Assert.Contains("AVX-512F", Assert.Throws<KeccakKernelException>(() => Keccak.Choose("avx512", false, true)).Message);
        Assert.Contains("AVX2", Assert.Throws<KeccakKernelException>(() => Keccak.Choose("avx2", false, false)).Message);
        Assert.Contains("sse2", Assert.Throws<KeccakKernelException>(() => Keccak.Choose("sse2", true, true)).Message);
    }

    internal static Word Reference(ReadOnlySpan<byte> message)
    {
        var digest = new KeccakDigest(256);
        digest.BlockUpdate(message);
        Span<byte> hash = stackalloc byte[Word.Length];
        digest.DoFinal(hash);
        return new Word(hash);
    }

    private static byte[] Bytes(int seed, int length)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
