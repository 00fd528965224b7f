using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Optimistic.Vm.Trace;

/// <summary>
/// The memory roots after each write of a window. Level by level: an entry of the log becomes the node above its word as it was right
/// after that write, which needs the three siblings as of then: their latest entries before it, or what the tree held before the
/// window. So each level is one pass in step order to find the siblings, and then independent hashes, many at a time on all cores.
/// </summary>
/// <remarks>
/// The work is in stages, one after another, each of tasks that any threads do at once: its caller's. The pass of the next level, and
/// writing the level below back to the tree, go along with the hashing of a level. Nodes of height 4 and more are the memory's own and
/// are left up to date; those below, and the words as they were before the window, are kept here, for blocks that have been written
/// to. So nothing here looks at the words of a machine, which may be running through the next window.
/// </remarks>
internal sealed unsafe class MemoryHistory : IDisposable
{
    private const int MaxWrites = WindowLog.MaxWrites;

    /// <summary>Entries hashed in one go by one thread: some 30 µs.</summary>
    private const int PartEntries = 256;

    /// <summary>Tasks of a stage that come before the parts of its level.</summary>
    private const int OtherTasks = 2;

    /// <summary>Nodes whose children are gathered at a time.</summary>
    private const int BatchNodes = 64;

    private const int HashTableLength = 1 << 20;

    private readonly GuestMemory _memory;
    private readonly InnerNodes _inner = new();
    private readonly NativeArena _arena = new(
        (ulong)MaxWrites * ((2 * 4 * sizeof(int)) + sizeof(int) + (2 * sizeof(ulong))) +
        (3 * Level.Bytes) + ((ulong)HashTableLength * sizeof(int)));

    private readonly int*[] _siblings = new int*[2];
    private readonly Level[] _levels = new Level[3];
    private readonly int* _ids, _hashTable;
    private readonly ulong* _distinct, _unsorted;
    private WindowLog _log = null!;
    private int _distinctWords;

    /// <summary>Follows <paramref name="memory"/>, whose tree is brought up to date and must be kept so by this object alone.</summary>
    public MemoryHistory(GuestMemory memory)
    {
        _memory = memory;
        for (int i = 0; i < 3; i++)
        {
            _levels[i] = new Level(_arena);
        }

        for (int i = 0; i < 2; i++)
            _siblings[i] = _arena.Take<int>(4 * MaxWrites);

        _ids = _arena.Take<int>(MaxWrites);
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

    /// <summary>A memory root for each write of the window, when all stages are done; valid until the next <see cref="Begin"/>.</summary>
    public Word* Roots => _levels[GuestMemory.Height % 3].Values;

    /// <summary>Stages in which the window is hashed: none when it has no writes.</summary>
    public int Stages { get; private set; }

    /// <summary>Turns to a window, after the one before it.</summary>
    public void Begin(WindowLog log)
    {
        _log = log;
        Stages = log.Writes == 0 ? 0 : GuestMemory.Height + 2;
    }

    /// <summary>Tasks of a stage. They may be done in any order and at once, when those of the stage before are done.</summary>
    public int TasksOf(int stage) => stage == 0 || stage == Stages - 1 ? 1 : OtherTasks + ((_log.Writes + PartEntries - 1) / PartEntries);

    /// <summary>Does a task of a stage.</summary>
    public void Do(int stage, int task)
    {
        // The stages between hash nodes of one height into those above.
        int height = stage - 1;
        if (stage == 0)
        {
            FindWords();
            Index(0);
        }
        else if (stage == Stages - 1)
        {
            WriteBack(GuestMemory.Height - 1);
            End();
        }
        else if (task >= OtherTasks)
        {
            int start = (task - OtherTasks) * PartEntries;
            HashPart(height, start, Math.Min(start + PartEntries, _log.Writes));
        }
        else if (task == 0 && height + 1 < GuestMemory.Height)
        {
            Ascend(_levels[height % 3], _levels[(height + 1) % 3]);
            Index(height + 1);
        }
        else if (task == 1 && height > 0)
        {
            WriteBack(height - 1);
        }
    }

    public void Dispose()
    {
        _arena.Dispose();
        _inner.Dispose();
    }

    /// <summary>Finds the distinct words of the log, ascending, and numbers the entries' words accordingly.</summary>
    private void FindWords()
    {
        // An open hash table of 1 + number; at most half full.
        WindowLog log = _log;
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
                    _unsorted[count] = (ulong)word << 32 | (uint)count;
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

        // Sorted by word; its number comes along.
        new Span<ulong>(_unsorted, count).CopyTo(new Span<ulong>(_distinct, count));
        new Span<ulong>(_distinct, count).Sort();
        Level words = _levels[0];
        new Span<Word>(log.NewWords, log.Writes).CopyTo(new Span<Word>(words.Values, log.Writes));
        int* ranks = _hashTable;
        for (int i = 0; i < count; i++)
        {
            words.Nodes[i] = (uint)(_distinct[i] >> 32);
            ranks[(int)(uint)_distinct[i]] = i;
        }

        for (int i = 0; i < log.Writes; i++)
            _ids[i] = ranks[_ids[i]];

        words.Count = _distinctWords = count;
    }

    /// <summary>The distinct parents of a level, and where among their children each node is.</summary>
    private static void Ascend(Level level, Level parents)
    {
        for (int i = 0; i < level.Count; i++)
            parents.Nodes[level.Slots[i] / 4] = level.Nodes[i] / 4;

        parents.Count = level.ParentCount;
    }

    /// <summary>Finds for each entry the four children of its parent: values of entries up to it, or, negative, what was before this window.</summary>
    private void Index(int height)
    {
        Level level = _levels[height % 3];
        int* siblings = _siblings[height % 2];
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
                    level.Values[~slot] = *Node(height, (4 * parent) + child);
                    level.Last[slot] = ~slot;
                }

                lastParent = parent;
                parentCount++;
            }

            level.Slots[i] = (4 * (parentCount - 1)) + (int)(node % 4);
        }

        level.ParentCount = parentCount;
        int writes = _log.Writes;
        int* ids = _ids, slots = level.Slots, last = level.Last;
        for (int i = 0; i < writes; i++)
        {
            // All four in one register: what was written in parts just now is slow to be read as a whole.
            int slot = slots[ids[i]];
            int* parent = last + (slot & ~3);
            Vector128<int> isChild = Vector128.Equals(Vector128.Create(slot & 3), Vector128.Create(0, 1, 2, 3));
            Vector128<int> latest = Vector128.ConditionalSelect(isChild, Vector128.Create(i), Vector128.Load(parent));
            latest.Store(parent);
            latest.Store(siblings + (4 * i));
            ids[i] = slot / 4;
        }
    }

    private void HashPart(int height, int start, int end)
    {
        int* siblings = _siblings[height % 2];
        Word* source = _levels[height % 3].Values, target = _levels[(height + 1) % 3].Values;
        byte** children = stackalloc byte*[4 * BatchNodes];
        for (; start < end; start += BatchNodes)
        {
            int count = Math.Min(BatchNodes, end - start);
            int* batch = siblings + (4 * start);
            for (int i = 0; i < 4 * count; i++)
            {
                children[i] = (byte*)(source + batch[i]);
                if (Sse.IsSupported)
                    Sse.Prefetch0(children[i]);
            }

            Keccak.Gather(children, (byte*)(target + start), count);
        }
    }

    /// <summary>Puts the last value of each node of a level into the tree.</summary>
    private void WriteBack(int height)
    {
        Level level = _levels[height % 3];
        for (int i = 0; i < level.Count; i++)
            *NodePointer(height, level.Nodes[i]) = level.Values[level.Last[level.Slots[i]]];
    }

    private void End()
    {
        Root = Roots[_log.Writes - 1];
        *_memory.NodePointer(GuestMemory.Height, 0) = Root;
        for (int i = 0; i < _distinctWords; i++)
            _memory.AcceptBlock((uint)(_distinct[i] >> 32) / (GuestMemory.BlockLength / Word.Length));
    }

    private Word* NodePointer(int height, uint index) => height < GuestMemory.BlockHeight
        ? _inner.At(height, index)
        : _memory.NodePointer(height, index);

    private Word* Node(int height, uint index)
    {
        Word* node = NodePointer(height, index);
        return node->IsZero ? (Word*)QuadTree.ZeroRootPointer(height) : node;
    }

    /// <summary>A level of the window's tree: its distinct nodes, ascending, the children of their parents, four slots each, and values.</summary>
    private sealed class Level
    {
        public const ulong Bytes = (ulong)MaxWrites * (sizeof(uint) + sizeof(int) + (4 * sizeof(int)) + (5 * Word.Length));

        public int Count;
        public int ParentCount;

        /// <summary>Index in the tree, by number.</summary>
        public readonly uint* Nodes;

        /// <summary>Slot, by number.</summary>
        public readonly int* Slots;

        /// <summary>The latest entry of a slot, or the complement of the slot when there was none yet.</summary>
        public readonly int* Last;

        /// <summary>By entry, the node after it; and by the complement of a slot, what that held before the window.</summary>
        public readonly Word* Values;

        public Level(NativeArena arena)
        {
            Nodes = arena.Take<uint>(MaxWrites);
            Slots = arena.Take<int>(MaxWrites);
            Last = arena.Take<int>(4 * MaxWrites);
            Values = arena.Take<Word>(5 * MaxWrites) + (4 * MaxWrites);
        }
    }

    /// <summary>Words of blocks that have been written to, and the nodes of heights 1 to 3 above; zero words are empty subtrees.</summary>
    private sealed class InnerNodes : IDisposable
    {
        private const uint BlockWords = GuestMemory.BlockLength / Word.Length;

        private readonly Reservation _reservation;
        private readonly Word*[] _heights = new Word*[GuestMemory.BlockHeight];
        private readonly byte* _isPrepared;

        public InnerNodes()
        {
            ulong length = 0;
            for (int height = 0; height < GuestMemory.BlockHeight; height++)
                length += Length(height) * Word.Length;

            _reservation = new Reservation(length + GuestMemory.DataBlockCount);
            byte* start = _reservation.Pointer;
            for (int height = 0; height < GuestMemory.BlockHeight; height++)
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
            var children = new ReadOnlySpan<Word>(memory.GroupedData + ((ulong)block * GuestMemory.BlockLength), (int)BlockWords);
            if (!children.ContainsAnyExcept(Word.Zero))
                return;

            children.CopyTo(new Span<Word>(At(0, block * BlockWords), (int)BlockWords));
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
