using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Optimistic.Vm.Trace;

/// <summary>
/// The memory roots after each write of a window. Level by level: an entry of the log becomes the node above its word as it was right
/// after that write, which needs the three siblings as of then: their latest entries before it, or what the tree held before the
/// window. So each level is one pass in step order to find the siblings, and then independent hashes, many at a time on all cores.
/// </summary>
/// <remarks>
/// The pass of the next level, and writing the level below back to the tree, go along with the hashing of a level. Nodes of height 4
/// and more are the memory's own and are left up to date; those below are kept here, for blocks that have been written to.
/// </remarks>
internal sealed unsafe class MemoryHistory : IDisposable
{
    private const int MaxWrites = WindowLog.MaxWrites;

    /// <summary>Entries hashed in one go by one thread: some 100 µs.</summary>
    private const int PartEntries = 1024;

    /// <summary>Nodes whose children are gathered at a time.</summary>
    private const int BatchNodes = 64;

    private const int HashTableLength = 1 << 20;

    private readonly GuestMemory _memory;
    private readonly InnerNodes _inner = new();
    private readonly NativeArena _arena = new(
        (ulong)MaxWrites * ((3 * Word.Length) + (2 * 4 * sizeof(int)) + sizeof(int) + (2 * sizeof(ulong)) + sizeof(int)) +
        (3 * Level.Bytes) + ((ulong)HashTableLength * sizeof(int)));

    private readonly Word*[] _values = new Word*[3];
    private readonly int*[] _siblings = new int*[2];
    private readonly Level[] _levels = new Level[3];
    private readonly int* _ids, _firstEntries, _hashTable;
    private readonly ulong* _distinct, _unsorted;

    /// <summary>Follows <paramref name="memory"/>, whose tree is brought up to date and must be kept so by this object alone.</summary>
    public MemoryHistory(GuestMemory memory)
    {
        _memory = memory;
        for (int i = 0; i < 3; i++)
        {
            _values[i] = _arena.Take<Word>(MaxWrites);
            _levels[i] = new Level(_arena);
        }

        for (int i = 0; i < 2; i++)
            _siblings[i] = _arena.Take<int>(4 * MaxWrites);

        _ids = _arena.Take<int>(MaxWrites);
        _firstEntries = _arena.Take<int>(MaxWrites);
        _distinct = _arena.Take<ulong>(MaxWrites);
        _unsorted = _arena.Take<ulong>(MaxWrites);
        _hashTable = _arena.Take<int>(HashTableLength);
        Root = memory.Root();
    }

    /// <summary>The memory root after all windows so far.</summary>
    public Word Root { get; private set; }

    /// <summary>Keeps the nodes inside the block of a word, before the first write to it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prepare(uint word) => _inner.Prepare(word, _memory);

    /// <summary>Hashes all writes of a window.</summary>
    /// <returns>A memory root for each, valid until the next call.</returns>
    public Word* Hash(WindowLog log)
    {
        int writes = log.Writes;
        if (writes == 0)
            return null;

        Level words = _levels[0];
        FindWords(log, words);
        int distinctWords = words.Count;
        Index(0, words, _siblings[0], writes, log);
        Word* source = log.NewWords;
        for (int height = 0; height < GuestMemory.Height; height++)
        {
            // Values of height k are in buffer (k - 1) mod 3, and so are free again when those of height k + 3 come.
            Word* target = _values[height % 3], below = _values[(height + 1) % 3];
            Level level = _levels[height % 3], next = _levels[(height + 1) % 3], previous = _levels[(height + 2) % 3];
            int* siblings = _siblings[height % 2], nextSiblings = _siblings[(height + 1) % 2];
            Word* from = source;
            int h = height;
            int parts = (writes + PartEntries - 1) / PartEntries;
            if (parts == 1)
            {
                for (int part = -2; part < parts; part++)
                    Part(part);
            }
            else
            {
                Parallel.For(-2, parts, Part);
            }

            source = target;

            void Part(int part)
            {
                if (part == -2 && h + 1 < GuestMemory.Height)
                {
                    Ascend(level, next);
                    Index(h + 1, next, nextSiblings, writes, log);
                }
                else if (part == -1 && h > 1)
                {
                    WriteBack(h - 1, previous, below);
                }
                else if (part >= 0)
                {
                    HashPart(level, siblings, from, target, part * PartEntries, Math.Min((part + 1) * PartEntries, writes));
                }
            }
        }

        WriteBack(GuestMemory.Height - 1, _levels[(GuestMemory.Height - 1) % 3], _values[(GuestMemory.Height - 2) % 3]);
        Root = source[writes - 1];
        *_memory.NodePointer(GuestMemory.Height, 0) = Root;
        for (int i = 0; i < distinctWords; i++)
            _memory.AcceptBlock((uint)(_distinct[i] >> 32) / (GuestMemory.BlockLength / Word.Length));

        return source;
    }

    public void Dispose()
    {
        _arena.Dispose();
        _inner.Dispose();
    }

    /// <summary>Finds the distinct words of the log, ascending, and numbers the entries' words accordingly.</summary>
    private void FindWords(WindowLog log, Level words)
    {
        // An open hash table of 1 + position; at most half full.
        int length = 64;
        while (length < 2 * log.Writes)
            length *= 2;

        new Span<int>(_hashTable, length).Clear();
        int count = 0;
        for (int i = 0; i < log.Writes; i++)
        {
            uint word = log.WriteWords[i];
            uint probe = (word * 2654435769u >> 7) & (uint)(length - 1);
            while (_hashTable[probe] is var found)
            {
                if (found == 0)
                {
                    _hashTable[probe] = count + 1;
                    _unsorted[count] = (ulong)word << 32 | (uint)i;
                    _ids[i] = count++;
                    break;
                }

                if ((uint)(_unsorted[found - 1] >> 32) == word)
                {
                    _ids[i] = found - 1;
                    break;
                }

                probe = (probe + 1) & (uint)(length - 1);
            }
        }

        // Sorted by word; the first entry of each comes along, and tells which number it had.
        new Span<ulong>(_unsorted, count).CopyTo(new Span<ulong>(_distinct, count));
        new Span<ulong>(_distinct, count).Sort();
        int* ranks = _hashTable;
        for (int i = 0; i < count; i++)
        {
            words.Nodes[i] = (uint)(_distinct[i] >> 32);
            _firstEntries[i] = (int)(uint)_distinct[i];
            ranks[_ids[_firstEntries[i]]] = i;
        }

        for (int i = 0; i < log.Writes; i++)
            _ids[i] = ranks[_ids[i]];

        words.Count = count;
    }

    /// <summary>The distinct parents of a level, and where among their children each node is.</summary>
    private static void Ascend(Level level, Level parents)
    {
        for (int i = 0; i < level.Count; i++)
            parents.Nodes[level.Slots[i] / 4] = level.Nodes[i] / 4;

        parents.Count = level.ParentCount;
    }

    /// <summary>Finds for each entry its three siblings: entries before it, or (negative) the tree before this window.</summary>
    private void Index(int height, Level level, int* siblings, int writes, WindowLog log)
    {
        int parentCount = 0;
        uint lastParent = uint.MaxValue;
        for (int i = 0; i < level.Count; i++)
        {
            uint node = level.Nodes[i], parent = node / 4;
            if (parent != lastParent)
            {
                for (uint child = 0; child < 4; child++)
                {
                    int slot = (4 * parentCount) + (int)child;
                    level.Before[slot] = height == 0 ? _memory.Data + ((4 * (ulong)parent + child) * Word.Length) : Node(height, (4 * parent) + child);
                    level.Last[slot] = ~slot;
                }

                lastParent = parent;
                parentCount++;
            }

            level.Slots[i] = (4 * (parentCount - 1)) + (int)(node % 4);

            // The words' own bytes have changed since; the log has what they were.
            if (height == 0)
                level.Before[level.Slots[i]] = (byte*)(log.OldWords + _firstEntries[i]);
        }

        level.ParentCount = parentCount;
        for (int i = 0; i < writes; i++)
        {
            int slot = level.Slots[_ids[i]];
            level.Last[slot] = i;
            Unsafe.CopyBlockUnaligned(siblings + (4 * i), level.Last + (slot & ~3), 4 * sizeof(int));
            _ids[i] = slot / 4;
        }
    }

    private static void HashPart(Level level, int* siblings, Word* source, Word* target, int start, int end)
    {
        byte** children = stackalloc byte*[4 * BatchNodes];
        for (; start < end; start += BatchNodes)
        {
            int count = Math.Min(BatchNodes, end - start);
            int* batch = siblings + (4 * start);
            for (int i = 0; i < 4 * count; i++)
                children[i] = batch[i] >= 0 ? (byte*)(source + batch[i]) : level.Before[~batch[i]];

            Keccak.Gather(children, (byte*)(target + start), count);
        }
    }

    /// <summary>Puts the last value of each node of a level into the tree.</summary>
    private void WriteBack(int height, Level level, Word* values)
    {
        for (int i = 0; i < level.Count; i++)
            *(Word*)NodePointer(height, level.Nodes[i]) = values[level.Last[level.Slots[i]]];
    }

    private Word* NodePointer(int height, uint index) => height < GuestMemory.BlockHeight
        ? _inner.At(height, index)
        : _memory.NodePointer(height, index);

    private byte* Node(int height, uint index)
    {
        Word* node = NodePointer(height, index);
        return node->IsZero ? QuadTree.ZeroRootPointer(height) : (byte*)node;
    }

    /// <summary>A level of the window's tree: its distinct nodes, ascending, and the children of their parents, four slots each.</summary>
    private sealed class Level(NativeArena arena)
    {
        public const ulong Bytes = (ulong)MaxWrites * (sizeof(uint) + sizeof(int) + (4 * sizeof(int)) + (4 * sizeof(ulong)));

        public int Count;
        public int ParentCount;

        /// <summary>Index in the tree, by number.</summary>
        public readonly uint* Nodes = arena.Take<uint>(MaxWrites);

        /// <summary>Slot, by number.</summary>
        public readonly int* Slots = arena.Take<int>(MaxWrites);

        /// <summary>The latest entry of a slot, or the complement of the slot when there was none yet.</summary>
        public readonly int* Last = arena.Take<int>(4 * MaxWrites);

        /// <summary>What a slot held before the window.</summary>
        public readonly byte** Before = (byte**)arena.Take<nint>(4 * MaxWrites);
    }

    /// <summary>Nodes of heights 1 to 3 of blocks that have been written to; zero words are empty subtrees.</summary>
    private sealed class InnerNodes : IDisposable
    {
        private const uint BlockWords = GuestMemory.BlockLength / Word.Length;

        private readonly Reservation _reservation;
        private readonly Word*[] _heights = new Word*[GuestMemory.BlockHeight];
        private readonly byte* _isPrepared;

        public InnerNodes()
        {
            ulong length = 0;
            for (int height = 1; height < GuestMemory.BlockHeight; height++)
                length += Length(height) * Word.Length;

            _reservation = new Reservation(length + GuestMemory.DataBlockCount);
            byte* start = _reservation.Pointer;
            for (int height = 1; height < GuestMemory.BlockHeight; height++)
            {
                _heights[height] = (Word*)start;
                start += Length(height) * Word.Length;
            }

            _isPrepared = start;
        }

        public Word* At(int height, uint index) => _heights[height] + index;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Prepare(uint word, GuestMemory memory)
        {
            if (_isPrepared[word / BlockWords] == 0)
                Fill(word / BlockWords, memory);
        }

        public void Dispose() => _reservation.Dispose();

        private static ulong Length(int height) => GuestMemory.DataBlockCount * BlockWords >> (2 * height);

        private void Fill(uint block, GuestMemory memory)
        {
            _isPrepared[block] = 1;
            var children = new ReadOnlySpan<Word>(memory.Data + ((ulong)block * GuestMemory.BlockLength), (int)BlockWords);
            if (!children.ContainsAnyExcept(Word.Zero))
                return;

            for (int height = 1; height < GuestMemory.BlockHeight; height++)
            {
                int count = (int)BlockWords >> (2 * height);
                var nodes = new Span<Word>(At(height, block * (uint)count), count);
                Keccak.Nodes(children, nodes);
                children = nodes;
            }
        }
    }
}
