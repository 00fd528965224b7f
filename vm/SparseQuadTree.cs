using System.Diagnostics;

namespace Optimistic.Vm;

/// <summary>
/// An immutable quad tree of mostly zero leaves (spec 2.1): apps, outputs, tasks. A change makes a new tree that shares all but one
/// path with the old, so every past version is kept for the price of its changes.
/// </summary>
public sealed class SparseQuadTree
{
    private readonly QuadNode? _root;

    private SparseQuadTree(int height, QuadNode? root)
    {
        Height = height;
        _root = root;
    }

    /// <summary>The tree's height: it has 4^height leaves.</summary>
    public int Height { get; }

    public Word Root => Hash(_root, Height);

    /// <summary>A tree whose leaves are all zero.</summary>
    public static SparseQuadTree Empty(int height)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)height, (uint)QuadProof.MaxHeight, nameof(height));
        return new SparseQuadTree(height, null);
    }

    /// <summary>The leaf at <paramref name="index"/>.</summary>
    public Word this[ulong index]
    {
        get
        {
            CheckIndex(index);
            QuadNode? node = _root;
            for (int height = Height; height > 0 && node is not null; height--)
                node = node.Child(ChildPosition(index, height));

            return Hash(node, 0);
        }
    }

    /// <summary>This tree with another leaf at <paramref name="index"/>.</summary>
    public SparseQuadTree Set(ulong index, in Word leaf) => SetRange(index, [leaf]);

    /// <summary>This tree with other leaves at <paramref name="firstIndex"/> and on.</summary>
    public SparseQuadTree SetRange(ulong firstIndex, ReadOnlySpan<Word> leaves)
    {
        if (leaves.IsEmpty)
            return this;

        CheckIndex(firstIndex);
        CheckIndex(firstIndex + (ulong)(leaves.Length - 1));
        return new SparseQuadTree(Height, With(_root, Height, firstIndex, leaves));
    }

    /// <summary>The proof of the leaf at <paramref name="index"/>.</summary>
    public QuadProof Prove(ulong index)
    {
        CheckIndex(index);
        Span<Word> siblings = stackalloc Word[3 * QuadProof.MaxHeight];
        QuadNode? node = _root;
        for (int height = Height; height > 0; height--)
        {
            int position = ChildPosition(index, height);
            for (int child = 0, next = 3 * (height - 1); child < 4; child++)
            {
                if (child != position)
                    siblings[next++] = Hash(node?.Child(child), height - 1);
            }

            node = node?.Child(position);
        }

        return QuadProof.Create(QuadTreeKind.State, Hash(node, 0), index, siblings[..(3 * Height)]);
    }

    private static QuadNode? With(QuadNode? node, int height, ulong offset, ReadOnlySpan<Word> leaves)
    {
        if (height == 0)
            return leaves[0].IsZero ? null : new QuadNode(leaves[0]);

        // The leaves lie at offset.. within this node; each child gets the part that is its own, counted from its own first leaf.
        ulong childLeaves = 1UL << (2 * (height - 1));
        QuadNode?[] children = [node?.Child(0), node?.Child(1), node?.Child(2), node?.Child(3)];
        for (int child = 0; child < 4; child++)
        {
            ulong childStart = (ulong)child * childLeaves;
            ulong start = Math.Max(offset, childStart);
            ulong end = Math.Min(offset + (ulong)leaves.Length, childStart + childLeaves);
            if (start < end)
                children[child] = With(children[child], height - 1, start - childStart, leaves[(int)(start - offset)..(int)(end - offset)]);
        }

        return QuadNode.Over(children[0], children[1], children[2], children[3], height);
    }

    private static Word Hash(QuadNode? node, int height) => node?.Hash ?? QuadTree.ZeroRoot(height);

    private static int ChildPosition(ulong index, int height) => (int)(index >> (2 * (height - 1))) & 3;

    private void CheckIndex(ulong index) =>
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, 1UL << (2 * Height), nameof(index));
}

/// <summary>A node of a persistent quad tree that is not all zero; an all-zero subtree is null. Leaves may carry a block of bytes.</summary>
internal sealed class QuadNode
{
    private readonly QuadNode? _child0, _child1, _child2, _child3;

    /// <summary>A leaf of the node tree: a word, or the root over <paramref name="block"/>.</summary>
    public QuadNode(in Word hash, byte[]? block = null)
    {
        Hash = hash;
        Block = block;
    }

    private QuadNode(in Word hash, QuadNode? child0, QuadNode? child1, QuadNode? child2, QuadNode? child3)
    {
        Hash = hash;
        _child0 = child0;
        _child1 = child1;
        _child2 = child2;
        _child3 = child3;
    }

    public Word Hash { get; }

    public byte[]? Block { get; }

    /// <summary>The node of <paramref name="height"/> over four children, null when all of them are.</summary>
    public static QuadNode? Over(QuadNode? child0, QuadNode? child1, QuadNode? child2, QuadNode? child3, int height)
    {
        if (child0 is null && child1 is null && child2 is null && child3 is null)
            return null;

        Word zero = QuadTree.ZeroRoot(height - 1);
        Word hash = Keccak.Quad(child0?.Hash ?? zero, child1?.Hash ?? zero, child2?.Hash ?? zero, child3?.Hash ?? zero);
        return new QuadNode(hash, child0, child1, child2, child3);
    }

    /// <summary>As above, with a hash that is known already.</summary>
    public static QuadNode WithHash(in Word hash, QuadNode? child0, QuadNode? child1, QuadNode? child2, QuadNode? child3) =>
        new(hash, child0, child1, child2, child3);

    public QuadNode? Child(int position) => position switch
    {
        0 => _child0,
        1 => _child1,
        2 => _child2,
        3 => _child3,
        _ => throw new UnreachableException("a node has four children"),
    };
}
