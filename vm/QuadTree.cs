using System.Runtime.InteropServices;

namespace Optimistic.Vm;

/// <summary>What an absent sibling in a proof stands for (spec 2.2.2).</summary>
public enum QuadTreeKind
{
    /// <summary>Memory, apps, outputs, tasks: mostly empty, so the default at height k is the empty subtree Z(k).</summary>
    State,

    /// <summary>Traces: mostly runs of equal leaves, so the default is the path's own node.</summary>
    Trace,
}

/// <summary>
/// Quad trees: <c>node = keccak256(c0 ‖ c1 ‖ c2 ‖ c3)</c> over raw 32-byte leaves, of fixed height (spec 2.1).
/// A tree of height h has 4^h leaves.
/// </summary>
public static unsafe class QuadTree
{
    /// <summary>Height of the tallest tree whose empty root is tabulated.</summary>
    public const int MaxZeroHeight = 40;

    /// <summary>Height of a batch's tasks tree (spec 2.7.1).</summary>
    public const int TasksHeight = 6;

    /// <summary>Height of the apps tree (spec 2.5.1).</summary>
    public const int AppsHeight = 16;

    /// <summary>Height of the outputs tree (spec 2.6.3).</summary>
    public const int OutputsHeight = 20;

    private static readonly Word* ZeroRootTable = MakeZeroRoots();

    /// <summary>Z(<paramref name="height"/>), the root of an empty tree; Z(0) is the zero word (spec 2.1.2).</summary>
    public static Word ZeroRoot(int height)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)height, (uint)MaxZeroHeight, nameof(height));
        return ZeroRootTable[height];
    }

    /// <summary>Z(<paramref name="height"/>) in memory that never moves and is never freed, for <see cref="Keccak.Gather(byte**, byte*, nint)"/>.</summary>
    internal static byte* ZeroRootPointer(int height) => (byte*)(ZeroRootTable + height);

    /// <summary>The root of a tree whose 4^<paramref name="height"/> leaves all are <paramref name="leaf"/> (spec 2.1.2).</summary>
    public static Word Repeat(Word leaf, int height)
    {
        for (; height > 0; height--)
            leaf = Keccak.Quad(leaf, leaf, leaf, leaf);

        return leaf;
    }

    /// <summary>The root of a tree whose first leaves are <paramref name="leaves"/> and whose others are zero.</summary>
    /// <exception cref="ArgumentException">More leaves than 4^<paramref name="height"/>.</exception>
    public static Word Root(ReadOnlySpan<Word> leaves, int height) => RootOfBytes(MemoryMarshal.AsBytes(leaves), height);

    /// <summary>The root over bytes, 32 to a leaf, zero to the end: an input's root with height 12 (spec 2.6.1).</summary>
    /// <exception cref="ArgumentException">More bytes than 32 x 4^<paramref name="height"/>.</exception>
    public static Word RootOfBytes(ReadOnlySpan<byte> bytes, int height)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)height, (uint)MaxZeroHeight, nameof(height));
        if (height < 29 && bytes.Length > (long)Word.Length << (2 * height))
            throw new ArgumentException($"{bytes.Length} bytes are more than the {1L << (2 * height)} words of a tree of height {height}.", nameof(bytes));

        if (bytes.IsEmpty)
            return ZeroRoot(height);

        // Each level is padded to whole nodes with that level's empty subtree and then hashed over itself.
        int words = (bytes.Length + Word.Length - 1) / Word.Length;
        Word[] level = new Word[RoundUpTo4(words)];
        bytes.CopyTo(MemoryMarshal.AsBytes(level.AsSpan()));
        for (int k = 0; k < height; k++)
        {
            int padded = RoundUpTo4(words);
            level.AsSpan(words, padded - words).Fill(ZeroRootTable[k]);
            words = padded / 4;
            Keccak.Nodes(level.AsSpan(0, padded), level.AsSpan(0, words));
        }

        return level[0];
    }

    private static int RoundUpTo4(int count) => (count + 3) & ~3;

    private static Word* MakeZeroRoots()
    {
        var roots = (Word*)NativeMemory.AlignedAlloc((MaxZeroHeight + 1) * Word.Length, 64);
        roots[0] = Word.Zero;
        for (int height = 0; height < MaxZeroHeight; height++)
            roots[height + 1] = Keccak.Quad(roots[height], roots[height], roots[height], roots[height]);

        return roots;
    }
}
