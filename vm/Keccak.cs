using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Optimistic.Vm;

/// <summary>
/// keccak-256 as Ethereum uses it (padding byte 0x01, not SHA3's 0x06), and above all the quad-tree node
/// <c>keccak256(c0 ‖ c1 ‖ c2 ‖ c3)</c> (spec 2.1): 128 bytes, exactly one permutation, hashed several at a time.
/// </summary>
/// <remarks>
/// The kernel for nodes is chosen once, at start-up: eight nodes a time with AVX-512, four with AVX2, else one. The environment
/// variable <c>OPTIMISTIC_KECCAK</c> = <c>avx512</c> | <c>avx2</c> | <c>scalar</c> forces one.
/// </remarks>
public static unsafe class Keccak
{
    /// <summary>Names the kernel to use, instead of the best that this processor has.</summary>
    public const string KernelVariable = "OPTIMISTIC_KECCAK";

    /// <summary>Bytes of a node's four children.</summary>
    public const int NodeLength = 4 * Word.Length;

    /// <summary>Bytes absorbed by one permutation: 1600 bits less twice the digest.</summary>
    private const int Rate = 136;

    /// <summary>
    /// Lane 16 of a node's block: the message ends with lane 15, and its first and last padding bits share the next, the last of the rate.
    /// </summary>
    internal const ulong NodePadding = 0x8000_0000_0000_0001;

    private static readonly KeccakKernel ActiveKernel =
        Choose(Environment.GetEnvironmentVariable(KernelVariable), Avx512F.IsSupported, Avx2.IsSupported);

    /// <summary>The kernel that hashes nodes in this process.</summary>
    public static KeccakKernel Kernel => ActiveKernel;

    /// <summary>Checks the environment variable, so that a program can report it before its first hash; hashing checks it too.</summary>
    /// <exception cref="KeccakKernelException">It names no kernel, or one that this processor cannot run.</exception>
    public static void CheckEnvironment() =>
        _ = Choose(Environment.GetEnvironmentVariable(KernelVariable), Avx512F.IsSupported, Avx2.IsSupported);

    /// <summary>FIPS 202, 3.2.5.</summary>
    internal static ReadOnlySpan<ulong> RoundConstants =>
    [
        0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B, 0x0000000080000001,
        0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
        0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
        0x000000000000800A, 0x800000008000000A, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
    ];

    /// <summary>keccak-256 of any number of bytes.</summary>
    public static Word Hash(ReadOnlySpan<byte> message)
    {
        ulong* state = stackalloc ulong[25];
        Span<byte> block = new(state, Rate);
        new Span<ulong>(state, 25).Clear();
        while (true)
        {
            int length = Math.Min(message.Length, Rate);
            for (int i = 0; i < length; i++)
                block[i] ^= message[i];

            if (length < Rate)
                break;

            KeccakScalar.Permute(state);
            message = message[Rate..];
        }

        block[message.Length] ^= 0x01;
        block[Rate - 1] ^= 0x80;
        KeccakScalar.Permute(state);
        return new Word(block[..Word.Length]);
    }

    /// <summary>The quad-tree node over four children.</summary>
    public static Word Quad(in Word c0, in Word c1, in Word c2, in Word c3)
    {
        fixed (Word* p0 = &c0, p1 = &c1, p2 = &c2, p3 = &c3)
        {
            byte** children = stackalloc byte*[4] { (byte*)p0, (byte*)p1, (byte*)p2, (byte*)p3 };
            Word node;
            KeccakScalar.Nodes(children, (byte*)&node);
            return node;
        }
    }

    /// <summary>The quad-tree node over four children side by side.</summary>
    /// <exception cref="ArgumentException"><paramref name="children"/> is not 128 bytes.</exception>
    public static Word Node(ReadOnlySpan<byte> children)
    {
        if (children.Length != NodeLength)
            throw new ArgumentException($"A node has {NodeLength} bytes of children, not {children.Length}.", nameof(children));

        ReadOnlySpan<Word> words = MemoryMarshal.Cast<byte, Word>(children);
        return Quad(words[0], words[1], words[2], words[3]);
    }

    /// <summary>Hashes n nodes: <paramref name="input"/> is n x 128 bytes, <paramref name="output"/> n x 32.</summary>
    /// <remarks>The output may be the beginning of the input: nodes are read before the place they are written to is reached.</remarks>
    /// <exception cref="ArgumentException">The lengths are not those of the same number of nodes.</exception>
    public static void Nodes(ReadOnlySpan<byte> input, Span<byte> output)
    {
        int count = input.Length / NodeLength;
        if (input.Length % NodeLength != 0 || output.Length != count * Word.Length)
            throw new ArgumentException($"{input.Length} bytes of children do not make {output.Length} bytes of nodes.", nameof(output));

        fixed (byte* source = input, destination = output)
            Nodes(source, destination, count);
    }

    /// <summary>Hashes n nodes of words: <paramref name="children"/> holds 4 n words, <paramref name="nodes"/> n.</summary>
    public static void Nodes(ReadOnlySpan<Word> children, Span<Word> nodes) =>
        Nodes(MemoryMarshal.AsBytes(children), MemoryMarshal.AsBytes(nodes));

    /// <summary>Hashes <paramref name="count"/> nodes whose children lie side by side; see <see cref="Nodes(ReadOnlySpan{byte}, Span{byte})"/>.</summary>
    public static void Nodes(byte* input, byte* output, nint count)
    {
        byte** children = stackalloc byte*[4 * KeccakAvx512.Width];
        while (count > 0)
        {
            int batch = (int)Math.Min(count, KeccakAvx512.Width);
            for (int i = 0; i < 4 * batch; i++)
                children[i] = input + i * Word.Length;

            Gather(children, output, batch);
            input += batch * NodeLength;
            output += batch * Word.Length;
            count -= batch;
        }
    }

    /// <summary>
    /// Hashes <paramref name="count"/> nodes whose children lie anywhere: 4 x count pointers to 32 bytes each, node by node in child
    /// order, and count x 32 bytes out. Best in multiples of eight.
    /// </summary>
    public static void Gather(byte** children, byte* output, nint count) => Gather(ActiveKernel, children, output, count);

    /// <summary>As above with a given kernel, which this processor must support.</summary>
    internal static void Gather(KeccakKernel kernel, byte** children, byte* output, nint count)
    {
        if (kernel == KeccakKernel.Avx512)
        {
            for (; count >= KeccakAvx512.Width; count -= KeccakAvx512.Width)
            {
                KeccakAvx512.Nodes(children, output);
                children += 4 * KeccakAvx512.Width;
                output += Word.Length * KeccakAvx512.Width;
            }
        }

        if (kernel != KeccakKernel.Scalar)
        {
            for (; count >= KeccakAvx2.Width; count -= KeccakAvx2.Width)
            {
                KeccakAvx2.Nodes(children, output);
                children += 4 * KeccakAvx2.Width;
                output += Word.Length * KeccakAvx2.Width;
            }

            // Four at once cost little more than one alone, so two or three are padded with copies of the last.
            if (count > 1)
            {
                GatherPadded(children, output, (int)count);
                return;
            }
        }

        for (; count > 0; count--)
        {
            KeccakScalar.Nodes(children, output);
            children += 4;
            output += Word.Length;
        }
    }

    private static void GatherPadded(byte** children, byte* output, int count)
    {
        byte** padded = stackalloc byte*[4 * KeccakAvx2.Width];
        byte* nodes = stackalloc byte[Word.Length * KeccakAvx2.Width];
        for (int i = 0; i < 4 * KeccakAvx2.Width; i++)
            padded[i] = children[Math.Min(i, 4 * (count - 1) + i % 4)];

        KeccakAvx2.Nodes(padded, nodes);
        Unsafe.CopyBlockUnaligned(output, nodes, (uint)(count * Word.Length));
    }

    /// <summary>The kernel that <paramref name="forced"/> names, or else the best one.</summary>
    /// <exception cref="KeccakKernelException">There is no such kernel, or this processor cannot run it.</exception>
    internal static KeccakKernel Choose(string? forced, bool hasAvx512, bool hasAvx2)
    {
        // The kernel for eight leaves remainders to the one for four, so it needs both.
        hasAvx512 &= hasAvx2;
        return forced switch
        {
            null or "" => hasAvx512 ? KeccakKernel.Avx512 : hasAvx2 ? KeccakKernel.Avx2 : KeccakKernel.Scalar,
            "avx512" => hasAvx512 ? KeccakKernel.Avx512 : throw Unsupported("AVX-512F"),
            "avx2" => hasAvx2 ? KeccakKernel.Avx2 : throw Unsupported("AVX2"),
            "scalar" => KeccakKernel.Scalar,
            _ => throw new KeccakKernelException($"{KernelVariable}={forced} names no kernel. Use avx512, avx2 or scalar, or unset it."),
        };

        KeccakKernelException Unsupported(string feature) =>
            new($"{KernelVariable}={forced} needs {feature}, which this processor does not have. Unset it to use the best kernel.");
    }
}

/// <summary>How nodes are hashed. All kernels give the same bytes.</summary>
public enum KeccakKernel
{
    Scalar,
    Avx2,
    Avx512,
}

/// <summary><see cref="Keccak.KernelVariable"/> asks for a kernel that cannot be had.</summary>
public sealed class KeccakKernelException(string message) : Exception(message);
