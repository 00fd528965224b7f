using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>
/// A trace of any height over few runs of equal leaves: a node inside one run is hashed once per height, so a tree of 4^14 leaves costs
/// little more than one of 16. Not for use by two threads at once.
/// </summary>
internal class RunTrace : ITrace
{
    private readonly ulong[] _starts;
    private readonly Word[] _values;
    private readonly Word[]?[] _uniform;
    private readonly Dictionary<(int Height, ulong Index), Word> _nodes = [];
    private readonly Dictionary<ulong, byte[]> _proofs = [];

    /// <param name="runs">First position of each run and its leaf, ascending; the first starts at 0.</param>
    public RunTrace(int height, IReadOnlyList<(ulong From, Word Leaf)> runs)
    {
        if (runs.Count == 0 || runs[0].From != 0)
            throw new ArgumentException("The first run starts at position 0.", nameof(runs));
        Height = height;
        _starts = [.. runs.Select(run => run.From)];
        _values = [.. runs.Select(run => run.Leaf)];
        _uniform = new Word[runs.Count][];
        Root = Node(height, 0);
    }

    public int Height { get; }

    public Word Root { get; }

    public Quad Children(int height, ulong index) => new(
        Node(height - 1, 4 * index), Node(height - 1, 4 * index + 1), Node(height - 1, 4 * index + 2), Node(height - 1, 4 * index + 3));

    public Word Leaf(ulong position) => _values[RunAt(position)];

    /// <summary>The same array whenever it is asked for: not to be written to.</summary>
    public byte[] Prove(ulong position)
    {
        if (!_proofs.TryGetValue(position, out byte[]? proof))
            _proofs[position] = proof = MakeProof(position);
        return proof;
    }

    private byte[] MakeProof(ulong position)
    {
        var siblings = new List<Word>(3 * Height);
        for (int height = 0; height < Height; height++)
        {
            ulong index = position >> (2 * height);
            for (ulong child = index & ~3UL; child <= (index | 3); child++)
            {
                if (child != index)
                    siblings.Add(Node(height, child));
            }
        }

        return QuadProof.Create(QuadTreeKind.Trace, Leaf(position), position, [.. siblings]).Encode();
    }

    /// <summary>First positions of the runs: where something happens.</summary>
    protected ReadOnlySpan<ulong> Starts => _starts;

    protected int RunAt(ulong position)
    {
        int found = Array.BinarySearch(_starts, position);
        return found >= 0 ? found : ~found - 1;
    }

    private Word Node(int height, ulong index)
    {
        ulong first = index << (2 * height);
        int run = RunAt(first);
        if (run + 1 == _starts.Length || _starts[run + 1] - first >> (2 * height) != 0)
            return Uniform(run, height);
        if (!_nodes.TryGetValue((height, index), out Word node))
            _nodes[(height, index)] = node = Children(height, index).Hash();
        return node;
    }

    private Word Uniform(int run, int height)
    {
        if (height == 0)
            return _values[run];
        Word[] powers = _uniform[run] ??= new Word[Height];
        ref Word power = ref powers[height - 1];
        if (power.IsZero)
        {
            Word below = Uniform(run, height - 1);
            power = Keccak.Quad(below, below, below, below);
        }

        return power;
    }
}
