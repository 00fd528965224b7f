using System.Runtime.InteropServices;

namespace Optimistic.Vm.Trace;

/// <summary>
/// A trace held as runs of equal leaves, hashed by height and never by count: each level keeps only where its nodes change. The trace
/// of a batch (level 0) is one: three or four runs a task, and what is left of 4^12 leaves in the last.
/// </summary>
public sealed class RunLengthTrace : TraceTree
{
    private readonly RunLevels _levels;

    private RunLengthTrace(int height, RunLevels levels)
        : base(height) => _levels = levels;

    /// <summary>The trace of a batch in which nothing changes.</summary>
    public static RunLengthTrace Constant(int height, in Word leaf)
    {
        var builder = new Builder(height);
        builder.Add(leaf, 1);
        return builder.Build();
    }

    private protected override Word NodeAt(int height, ulong index) => _levels.Node(height, index);

    /// <summary>Collects leaves in order.</summary>
    public sealed class Builder
    {
        private readonly int _height;
        private readonly List<ulong> _starts = [];
        private readonly List<Word> _values = [];

        public Builder(int height)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)height, (uint)QuadProof.MaxHeight, nameof(height));
            _height = height;
        }

        /// <summary>Leaves added so far.</summary>
        public ulong Count { get; private set; }

        /// <summary>Adds <paramref name="count"/> equal leaves.</summary>
        /// <exception cref="ArgumentOutOfRangeException">The tree has no room for them.</exception>
        public void Add(in Word leaf, ulong count)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(count, (1UL << (2 * _height)) - Count, nameof(count));
            if (count > 0 && (_values.Count == 0 || _values[^1] != leaf))
            {
                _starts.Add(Count);
                _values.Add(leaf);
            }

            Count += count;
        }

        /// <summary>The trace of the leaves added; the last one fills the rest of the tree.</summary>
        /// <exception cref="InvalidOperationException">No leaf has been added.</exception>
        public RunLengthTrace Build()
        {
            if (_values.Count == 0)
                throw new InvalidOperationException("A trace has at least one leaf.");

            return new RunLengthTrace(_height, new RunLevels(_height, [.. _starts], [.. _values]));
        }
    }
}

/// <summary>The levels of a quad tree over runs: a level is where its values start, ascending from 0, and the values.</summary>
internal sealed class RunLevels
{
    /// <summary>Nodes that are hashed by one call, and by one processor: some 100 µs.</summary>
    private const int BatchNodes = 64, PartNodes = 16 * BatchNodes;

    private readonly (ulong[] Starts, Word[] Values)[] _levels;

    /// <summary>Builds all levels above the runs of the lowest one.</summary>
    public RunLevels(int height, ulong[] starts, Word[] values)
    {
        _levels = new (ulong[], Word[])[height + 1];
        _levels[0] = (starts, values);
        for (int level = 1; level <= height; level++)
            _levels[level] = Parents(_levels[level - 1].Starts, _levels[level - 1].Values, 1UL << (2 * (height - level)));
    }

    public Word Node(int level, ulong index)
    {
        (ulong[] starts, Word[] values) = _levels[level];
        int found = Array.BinarySearch(starts, index);
        return values[found >= 0 ? found : ~found - 1];
    }

    private static (ulong[] Starts, Word[] Values) Parents(ulong[] starts, Word[] values, ulong length)
    {
        // A parent is worth a run of its own when a run starts among its children, and so is the first one after it, whose children
        // are all of that run. The others repeat their neighbour.
        var parentStarts = new List<ulong>();
        var children = new List<int>();
        int run = 0;
        while (run < starts.Length)
        {
            ulong parent = starts[run] / 4;
            parentStarts.Add(parent);
            int current = starts[run] % 4 == 0 ? run : run - 1;
            for (ulong child = 4 * parent; child < 4 * parent + 4; child++)
            {
                if (current + 1 < starts.Length && starts[current + 1] <= child)
                    current++;

                children.Add(current);
            }

            run = current + 1;
            bool isMixed = children[^4] != current;
            if (isMixed && parent + 1 < length && (run == starts.Length || starts[run] / 4 > parent + 1))
            {
                parentStarts.Add(parent + 1);
                children.AddRange([current, current, current, current]);
            }
        }

        var parentValues = new Word[parentStarts.Count];
        if (parentValues.Length <= PartNodes)
            Hash(values, children, parentValues, 0);
        else
            Parallel.For(0, (parentValues.Length + PartNodes - 1) / PartNodes, part => Hash(values, children, parentValues, part * PartNodes));

        return ([.. parentStarts], parentValues);
    }

    /// <summary>Hashes at most <see cref="PartNodes"/> parents, from <paramref name="start"/> on, over children given by their places.</summary>
    private static unsafe void Hash(Word[] values, List<int> children, Word[] parents, int start)
    {
        int end = Math.Min(start + PartNodes, parents.Length);
        ReadOnlySpan<int> places = CollectionsMarshal.AsSpan(children);
        byte** pointers = stackalloc byte*[4 * BatchNodes];
        fixed (Word* source = values, target = parents)
        {
            for (; start < end; start += BatchNodes)
            {
                int count = Math.Min(BatchNodes, end - start);
                for (int i = 0; i < 4 * count; i++)
                    pointers[i] = (byte*)(source + places[(4 * start) + i]);

                Keccak.Gather(pointers, (byte*)(target + start), count);
            }
        }
    }
}
