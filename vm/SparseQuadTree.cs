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
            return Hash(NodeAt(0, index), 0);
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

    /// <summary>
    /// This tree with other leaves, one after another, and its root after each: the nodes of a level are hashed together, whichever
    /// version of the tree they belong to.
    /// </summary>
    /// <param name="indices">Where the leaves are set; an index may come again.</param>
    /// <param name="leaves">None is zero.</param>
    /// <param name="roots">One for each leaf.</param>
    public unsafe SparseQuadTree SetEach(ReadOnlySpan<ulong> indices, ReadOnlySpan<Word> leaves, Span<Word> roots)
    {
        if (indices.Length != leaves.Length || roots.Length != leaves.Length || leaves.Contains(Word.Zero))
            throw new ArgumentException($"There are {indices.Length} indices and {roots.Length} roots for {leaves.Length} leaves, none of which may be zero.", nameof(leaves));
        if (leaves.IsEmpty)
            return this;

        foreach (ulong index in indices)
            CheckIndex(index);

        // The nodes of a level that change, and which of them each version changes.
        int count = leaves.Length;
        int[] changedBy = new int[count], lastVersion = new int[count];
        List<ulong> changed = Distinct(indices, changedBy);
        var nodes = new QuadNode[changed.Count];
        for (int version = 0; version < count; version++)
            nodes[changedBy[version]] = new QuadNode(leaves[version]);

        Word[] values = leaves.ToArray(), parentValues = new Word[count];
        byte*[] children = new byte*[4 * count];
        for (int height = 1; height <= Height; height++)
        {
            int[] parentOf = new int[changed.Count];
            List<ulong> parents = Distinct([.. changed.Select(index => index / 4)], parentOf);

            // The children of each parent as the versions go by: at first those of this tree.
            var current = new QuadNode?[4 * parents.Count];
            Word[] old = new Word[4 * parents.Count];
            nint[] currentHashes = new nint[4 * parents.Count];
            fixed (Word* oldHashes = old, hashes = values, parentHashes = parentValues)
            fixed (byte** gathered = children)
            {
                for (int i = 0; i < current.Length; i++)
                {
                    current[i] = NodeAt(height - 1, (4 * parents[i / 4]) + (ulong)(i % 4));
                    old[i] = Hash(current[i], height - 1);
                    currentHashes[i] = (nint)(oldHashes + i);
                }

                for (int version = 0; version < count; version++)
                {
                    int child = changedBy[version], parent = parentOf[child];
                    currentHashes[(4 * parent) + (int)(changed[child] % 4)] = (nint)(hashes + version);
                    for (int i = 0; i < 4; i++)
                        gathered[(4 * version) + i] = (byte*)currentHashes[(4 * parent) + i];
                    changedBy[version] = parent;
                    lastVersion[parent] = version;
                }

                Keccak.Gather(gathered, (byte*)parentHashes, count);
            }

            for (int child = 0; child < changed.Count; child++)
                current[(4 * parentOf[child]) + (int)(changed[child] % 4)] = nodes[child];

            nodes = new QuadNode[parents.Count];
            for (int i = 0; i < nodes.Length; i++)
                nodes[i] = QuadNode.WithHash(parentValues[lastVersion[i]], current[4 * i], current[(4 * i) + 1], current[(4 * i) + 2], current[(4 * i) + 3]);

            changed = parents;
            (values, parentValues) = (parentValues, values);
        }

        values.CopyTo(roots);
        return new SparseQuadTree(Height, nodes[0]);
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

    /// <summary>The different ones among these indices, in order of appearance, and for each index its number among them.</summary>
    private static List<ulong> Distinct(ReadOnlySpan<ulong> indices, Span<int> numbers)
    {
        var distinct = new List<ulong>();
        var known = new Dictionary<ulong, int>();
        for (int i = 0; i < indices.Length; i++)
        {
            if (!known.TryGetValue(indices[i], out numbers[i]))
            {
                known.Add(indices[i], numbers[i] = distinct.Count);
                distinct.Add(indices[i]);
            }
        }

        return distinct;
    }

    private QuadNode? NodeAt(int height, ulong index)
    {
        QuadNode? node = _root;
        for (int level = Height; level > height && node is not null; level--)
            node = node.Child((int)(index >> (2 * (level - 1 - height))) & 3);

        return node;
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
