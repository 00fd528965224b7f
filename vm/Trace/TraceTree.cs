namespace Optimistic.Vm.Trace;

/// <summary>
/// The commitment to a computation: a quad tree whose leaf p is the state after transition p (spec 2.8). Both levels of a dispute are
/// walked through this class, each opening being the four <see cref="Children"/> of a node.
/// </summary>
public abstract class TraceTree
{
    /// <summary>Height of a batch's trace, level 0 (spec 2.8.1).</summary>
    public const int BatchHeight = 12;

    /// <summary>Height of a chunk's trace, level 1 (spec 2.8.2).</summary>
    public const int ChunkHeight = 14;

    private protected TraceTree(int height) => Height = height;

    public int Height { get; }

    /// <summary>Number of leaves, 4^<see cref="Height"/>.</summary>
    public ulong Length => 1UL << (2 * Height);

    public Word Root => Node(Height, 0);

    /// <summary>Node <paramref name="index"/> of those of <paramref name="height"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tree has no such node.</exception>
    public Word Node(int height, ulong index)
    {
        CheckNode(height, index);
        return NodeAt(height, index);
    }

    /// <summary>The state after transition <paramref name="index"/>.</summary>
    public Word Leaf(ulong index) => Node(0, index);

    /// <summary>The four children, at <paramref name="height"/> - 1, of a node that is not a leaf.</summary>
    public (Word C0, Word C1, Word C2, Word C3) Children(int height, ulong index)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        CheckNode(height, index);
        return (NodeAt(height - 1, 4 * index), NodeAt(height - 1, 4 * index + 1), NodeAt(height - 1, 4 * index + 2), NodeAt(height - 1, 4 * index + 3));
    }

    /// <summary>The proof of leaf <paramref name="index"/>, with the defaults of traces (spec 2.2.2).</summary>
    public QuadProof Prove(ulong index)
    {
        CheckNode(0, index);
        Span<Word> siblings = stackalloc Word[3 * Height];
        int next = 0;
        for (int height = 0; height < Height; height++)
        {
            ulong path = index >> (2 * height);
            for (ulong child = path & ~3UL; child <= (path | 3); child++)
            {
                if (child != path)
                    siblings[next++] = NodeAt(height, child);
            }
        }

        return QuadProof.Create(QuadTreeKind.Trace, NodeAt(0, index), index, siblings);
    }

    /// <summary>The first leaf at which two traces of one height differ, or null when they are equal.</summary>
    /// <exception cref="ArgumentException">The heights differ.</exception>
    public static ulong? FirstDivergence(TraceTree one, TraceTree other)
    {
        if (one.Height != other.Height)
            throw new ArgumentException($"A trace of height {one.Height} has no leaves in common with one of height {other.Height}.", nameof(other));

        if (one.Root == other.Root)
            return null;

        ulong index = 0;
        for (int height = one.Height - 1; height >= 0; height--)
        {
            // The parents differ, so at the latest the fourth children do.
            index *= 4;
            while ((index & 3) != 3 && one.NodeAt(height, index) == other.NodeAt(height, index))
                index++;
        }

        return index;
    }

    private protected abstract Word NodeAt(int height, ulong index);

    private void CheckNode(int height, ulong index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)height, (uint)Height, nameof(height));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, 1UL << (2 * (Height - height)), nameof(index));
    }
}
