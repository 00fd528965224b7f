using System.Collections.Immutable;

namespace Optimistic.Vm.Rollup;

/// <summary>
/// Executes transitions on trees that are at hand, and writes each item down when there is a writer. Openings come from the
/// quads that are known of a state, its batch and its loaded machine.
/// </summary>
internal struct RecordingTransition : ITransitionAccess
{
    private readonly RollupState _state;
    private readonly Batch _batch;
    private readonly FinishedTask? _finished;
    private readonly WitnessWriter? _writer;
    private readonly Dictionary<Word, Quad> _openings = [];
    private readonly SparseQuadTree _tasks;
    private SparseQuadTree _apps, _outputs;
    private RollupTree _tree;
    private ulong _index, _taskIndex;

    public RecordingTransition(RollupState state, FinishedTask? finished, Batch batch, WitnessWriter? writer)
    {
        _state = state;
        _finished = finished;
        _batch = batch;
        _writer = writer;
        _tasks = batch.TasksTree;
        _apps = state.AppsTree;
        _outputs = state.OutputsTree;
        Word machineRoot = finished?.MachineRoot ?? Word.Zero;
        _openings[state.Sigma(machineRoot)] = state.SigmaWith(machineRoot).Words;
        if (finished is not null)
        {
            _openings[finished.MemoryRoot] = finished.Memory;
            _openings[finished.Memory.C1] = finished.Middle;
        }
    }

    /// <summary>The output that was appended, if one was.</summary>
    public OutputLeaf? Output { get; private set; }

    /// <summary>The state at rest after the transition.</summary>
    public readonly RollupState After(ImmutableList<App> apps) =>
        new(_apps, _outputs, apps, _state.OutputsCount + (Output is null ? 0UL : 1));

    public readonly Quad Open(in Word node)
    {
        Quad quad = _openings[node];
        _writer?.Opening(quad);
        return quad;
    }

    public Word Read(RollupTree tree, in Word root, ulong index)
    {
        (_tree, _index) = (tree, index);
        SparseQuadTree leaves = tree switch
        {
            RollupTree.Tasks => _tasks,
            RollupTree.Apps => _apps,
            _ => _outputs
        };
        Word leaf = leaves[index];
        _writer?.Access(leaf, leaves.Prove(index));
        if (tree == RollupTree.Tasks)
        {
            _taskIndex = index;
            _openings[leaf] = _batch.Tasks[(int)index].Words;
        }
        else if (tree == RollupTree.Apps && index < (ulong)_state.Apps.Count)
            KnowApp(_state.Apps[(int)index]);

        return leaf;
    }

    public Word Write(in Word leaf)
    {
        if (_tree == RollupTree.Apps)
            return (_apps = _apps.Set(_index, leaf)).Root;

        return (_outputs = _outputs.Set(_index, leaf)).Root;
    }

    public readonly Word Machine(in Word machineRoot, out MachineHead head)
    {
        head = _finished!.Head;
        Word memoryRoot = _finished.MemoryRoot;
        _writer?.Machine(ref head);
        _writer?.MemoryRoot(memoryRoot);
        return memoryRoot;
    }

    public readonly bool TryGetSender(in BatchContext batch, in Quad task, out Address sender) =>
        _batch.Tasks[(int)_taskIndex].TryGetSender(batch.DomainSeparator, out sender);

    public void Appended(in OutputLeaf output) => Output = output;

    private readonly void KnowApp(App app)
    {
        Quad memory = app.Memory;
        _openings[app.Leaf.Hash()] = app.Leaf.Words;
        _openings[memory.Hash()] = memory;
        _openings[memory.C1] = app.Middle;
    }
}

/// <summary>Holds each item of a witness to the root it must prove.</summary>
internal ref struct ReplayingTransition(WitnessReader reader) : ITransitionAccess
{
    private WitnessReader _reader = reader;
    private QuadProof? _proof;
    private ulong _index;

    public Quad Open(in Word node) => _reader.Opening(node);

    public Word Read(RollupTree tree, in Word root, ulong index)
    {
        int height = tree switch
        {
            RollupTree.Tasks => QuadTree.TasksHeight,
            RollupTree.Apps => QuadTree.AppsHeight,
            _ => QuadTree.OutputsHeight
        };
        _index = index;
        return _reader.Access(QuadTreeKind.State, height, root, index, out _proof);
    }

    public readonly Word Write(in Word leaf) => _proof!.ComputeRoot(leaf, _index);

    public Word Machine(in Word machineRoot, out MachineHead head)
    {
        head = _reader.Machine();
        return _reader.MemoryRoot(machineRoot, ref head);
    }

    public readonly bool TryGetSender(in BatchContext batch, in Quad task, out Address sender) =>
        TaskSignature.TryGetSender(batch.DomainSeparator, task, out sender);

    public readonly void Appended(in OutputLeaf output)
    {
    }

    public readonly void End() => _reader.End();
}
