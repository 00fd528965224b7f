using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Optimistic.Vm;

/// <summary>The tree of a guest's memory: what is kept, what is rehashed, and proofs.</summary>
public sealed unsafe partial class GuestMemory
{
    /// <summary>Dirty blocks from which on hashing is shared among the processors: some 300 µs of it.</summary>
    private const int ParallelBlocks = 32;

    private const int BlocksPerPart = 16;

    /// <summary>The memory root, after rehashing what has changed since the last call.</summary>
    public Word Root() => SubtreeRoot(Height, 0);

    /// <summary>The root of slot <paramref name="slot"/>, a tree of height 12.</summary>
    public Word SlotRoot(int slot)
    {
        CheckSlot(slot);
        return SubtreeRoot(SlotHeight, (uint)slot);
    }

    /// <summary>The four words that hash to the memory root.</summary>
    internal Quad Quarters => new(SubtreeRoot(QuarterHeight, 0), SubtreeRoot(QuarterHeight, 1), SubtreeRoot(QuarterHeight, 2), SubtreeRoot(QuarterHeight, 3));

    /// <summary>Slots 4 to 7.</summary>
    internal Quad Middle => new(SlotRoot(4), SlotRoot(5), SlotRoot(6), SlotRoot(7));

    /// <summary>The node of <paramref name="height"/> with <paramref name="index"/> in the current tree.</summary>
    public Word SubtreeRoot(int height, ulong index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)height, (uint)Height, nameof(height));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, 1UL << (2 * (Height - height)), nameof(index));
        Update();
        if (height >= BlockHeight)
            return _nodes.Get(height, (uint)index);

        Span<Word> inner = stackalloc Word[InnerNodeCount];
        uint firstWord = (uint)index << (2 * height);
        HashInner(firstWord / BlockWords, inner);
        return Inner(inner, height, firstWord, 0);
    }

    /// <summary>The proof of word <paramref name="wordIndex"/> against the current <see cref="Root"/>.</summary>
    public QuadProof Prove(uint wordIndex)
    {
        CheckWord(wordIndex);
        Update();
        Span<Word> inner = stackalloc Word[InnerNodeCount];
        HashInner(wordIndex / BlockWords, inner);

        Span<Word> siblings = stackalloc Word[3 * Height];
        int next = 0;
        for (int height = 0; height < Height; height++)
        {
            for (uint other = 1; other < 4; other++)
            {
                // In child order, skipping the path's own child.
                uint own = wordIndex >> (2 * height) & 3, child = other - 1 < own ? other - 1 : other;
                siblings[next++] = height < BlockHeight
                    ? Inner(inner, height, wordIndex, (int)(child - own))
                    : _nodes.Get(height, (wordIndex >> (2 * height)) + child - own);
            }
        }

        return QuadProof.Create(QuadTreeKind.State, ReadWord(wordIndex), wordIndex, siblings);
    }

    /// <summary>The proof of the subtree of <paramref name="baseHeight"/> with <paramref name="index"/> (spec 2.2.4), for heights of blocks and more.</summary>
    public QuadProof ProveSubtree(int baseHeight, uint index)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(baseHeight, BlockHeight);
        Word node = SubtreeRoot(baseHeight, index);
        Span<Word> siblings = stackalloc Word[3 * (Height - baseHeight)];
        int next = 0;
        for (int height = baseHeight; height < Height; height++)
        {
            uint path = index >> (2 * (height - baseHeight));
            for (uint child = 0; child < 4; child++)
            {
                if (child != (path & 3))
                    siblings[next++] = _nodes.Get(height, (path & ~3u) + child);
            }
        }

        return QuadProof.Create(QuadTreeKind.State, node, index, siblings, baseHeight);
    }

    /// <summary>The node of <paramref name="height"/> 4 and more, in place; a zero word is an empty subtree. For a caller that hashes in our stead.</summary>
    internal Word* NodePointer(int height, uint index) => _nodes.At(height, index);

    /// <summary>Takes it that the nodes from <paramref name="block"/> to the root are up to date (<see cref="NodePointer"/>).</summary>
    internal void AcceptBlock(uint block)
    {
        Dirty[block] = 0;
        _heads[block] = HeadOf(block);
        Touch(block);
    }

    private void HashInner(uint block, Span<Word> nodes)
    {
        var children = new ReadOnlySpan<Word>(_data + (ulong)block * BlockLength, (int)BlockWords);
        for (int count = (int)BlockWords / 4; count > 0; count /= 4)
        {
            Keccak.Nodes(children, nodes[..count]);
            children = nodes[..count];
            nodes = nodes[count..];
        }
    }

    /// <summary>The node of height 0–3 above <paramref name="wordIndex"/>, or <paramref name="offset"/> nodes beside it in the same block.</summary>
    private Word Inner(ReadOnlySpan<Word> inner, int height, uint wordIndex, int offset)
    {
        int index = (int)(wordIndex % BlockWords >> (2 * height)) + offset;
        return height switch
        {
            0 => ReadWord((uint)((int)wordIndex + offset)),
            1 => inner[index],
            2 => inner[64 + index],
            _ => inner[64 + 16 + index],
        };
    }

    /// <summary>Rehashes the dirty blocks and the paths above them.</summary>
    private void Update()
    {
        CollectDirty();
        if (_dirtyBlocks.Count == 0)
            return;

        if (_dirtyBlocks.Count <= BlocksAtATime)
        {
            HashFewBlocks();
        }
        else if (_dirtyBlocks.Count < ParallelBlocks)
        {
            HashBlocks(0, _dirtyBlocks.Count);
        }
        else
        {
            Parallel.For(0, (_dirtyBlocks.Count + BlocksPerPart - 1) / BlocksPerPart, part =>
                HashBlocks(part * BlocksPerPart, Math.Min((part + 1) * BlocksPerPart, _dirtyBlocks.Count)));
        }

        foreach (uint block in _dirtyBlocks)
            Touch(block);

        _nodes.UpdateAbove(CollectionsMarshal.AsSpan(_dirtyBlocks));
    }

    /// <summary>
    /// Moves the dirty marks into <see cref="_dirtyBlocks"/>, ascending, and with them the unmarked blocks that a misaligned store
    /// reached from the block before: their first bytes are no longer those of the last collection.
    /// </summary>
    private void CollectDirty()
    {
        _dirtyBlocks.Clear();
        if (_marks == Marks.OfBlocks)
        {
            new Span<byte>(DirtyGroups, (int)GroupCount).Clear();
            CollectDirty(0, DataBlockCount);
        }
        else if (_marks == Marks.OfGroups)
        {
            // A group that a block before it marks is still to come.
            var groups = new Span<byte>(DirtyGroups, (int)GroupCount);
            int group = 0;
            while (groups[group..].IndexOfAnyExcept((byte)0) is >= 0 and var distance)
            {
                group += distance;
                groups[group] = 0;
                uint start = (uint)group++ * GroupBlocks;
                CollectDirty(start, Math.Min(start + GroupBlocks, DataBlockCount));
            }
        }

        _marks = Marks.None;
    }

    private void CollectDirty(uint start, uint end)
    {
        var marks = new Span<byte>(Dirty, (int)end);
        int block = (int)start;
        while (marks[block..].IndexOfAnyExcept((byte)0) is >= 0 and var distance)
        {
            block += distance;
            marks[block] = 0;
            _heads[block] = HeadOf((uint)block);
            _dirtyBlocks.Add(block++);
            if (block < DataBlockCount && _heads[block] != HeadOf((uint)block))
            {
                Dirty[block] = 1;
                if (block == end)
                    DirtyGroups[block / GroupBlocks] = 1;
            }
        }
    }

    /// <summary>
    /// The nodes of heights 4 to 14 in flat arrays, most of them never touched. A zero word stands for the empty subtree (no other
    /// node can be zero), so that fresh pages need no writing.
    /// </summary>
    private sealed class Nodes : IDisposable
    {
        private const int GatherWidth = 64;

        private readonly Reservation _reservation;
        private readonly Word*[] _levels = new Word*[Height + 1];
        private int[] _parents = [];

        public Nodes()
        {
            ulong count = 0;
            for (int height = BlockHeight; height <= Height; height++)
                count += LevelLength(height);

            _reservation = new Reservation(count * Word.Length);
            var next = (Word*)_reservation.Pointer;
            for (int height = BlockHeight; height <= Height; height++)
            {
                _levels[height] = next;
                next += LevelLength(height);
            }
        }

        public Word* At(int height, uint index) => _levels[height] + index;

        public Word Get(int height, uint index) => *OrZeroRoot(height, index);

        /// <summary>Rehashes all ancestors of these blocks, which ascend.</summary>
        public void UpdateAbove(ReadOnlySpan<int> blocks)
        {
            if (_parents.Length < blocks.Length)
                _parents = new int[blocks.Length];

            Span<int> parents = _parents;
            ReadOnlySpan<int> changed = blocks;
            byte** children = stackalloc byte*[4 * GatherWidth];
            byte* hashes = stackalloc byte[Word.Length * GatherWidth];
            for (int height = BlockHeight + 1; height <= Height; height++)
            {
                // Parents ascend as well, so equal ones are neighbours. They may overwrite the list that they come from.
                int count = 0;
                foreach (int child in changed)
                {
                    if (count == 0 || parents[count - 1] != child / 4)
                        parents[count++] = child / 4;
                }

                changed = parents[..count];
                for (int start = 0; start < count; start += GatherWidth)
                {
                    ReadOnlySpan<int> batch = changed[start..Math.Min(start + GatherWidth, count)];
                    for (int i = 0; i < 4 * batch.Length; i++)
                        children[i] = (byte*)OrZeroRoot(height - 1, (uint)((4 * batch[i / 4]) + (i % 4)));

                    Keccak.Gather(children, hashes, batch.Length);
                    for (int i = 0; i < batch.Length; i++)
                        *At(height, (uint)batch[i]) = ((Word*)hashes)[i];
                }
            }
        }

        /// <summary>Rehashes the nodes above the slots.</summary>
        public void UpdateAboveSlots()
        {
            byte** children = stackalloc byte*[4 * 4];
            for (int height = SlotHeight + 1; height <= Height; height++)
            {
                int count = (int)LevelLength(height);
                for (int i = 0; i < 4 * count; i++)
                    children[i] = (byte*)OrZeroRoot(height - 1, (uint)i);

                Keccak.Gather(children, (byte*)At(height, 0), count);
            }
        }

        public void Dispose() => _reservation.Dispose();

        private static uint LevelLength(int height) => 1u << (2 * (Height - height));

        private Word* OrZeroRoot(int height, uint index)
        {
            Word* node = At(height, index);
            return node->IsZero ? (Word*)QuadTree.ZeroRootPointer(height) : node;
        }
    }
}
