using System.Collections.Immutable;
using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Optimistic.Vm.Trace;

namespace Optimistic.EndToEnd.Tests;

/// <summary>
/// A batch of small tasks executed, with a lie or without, in the plainest way there is: the machine's root after every single step. All
/// is kept, so that every trace and every witness can be had.
/// </summary>
internal sealed class BatchExecution : IDisposable
{
    private readonly record struct TaskRun(RollupState Before, LoadResult Load, FinishedTask? Finished, RollupState After);

    private const int NoiseRuns = 40;

    private readonly Machine _machine = new();
    private readonly List<TaskRun> _tasks = [];
    private readonly L1Batch _batch;
    private readonly BatchContext _context;
    private readonly Lie? _lie;
    private readonly RollupState _before;

    public BatchExecution(RollupState before, L1Batch batch, Word domainSeparator, Lie? lie = null)
    {
        _before = before;
        _batch = batch;
        _context = batch.Batch.Context(domainSeparator);
        _lie = lie;
        List<SigmaRun> runs = Execute();
        Trace = new SigmaTrace(before.Root, Forge(runs));
        Traces = new ScriptedTraces(
            new OwnClaim(batch.Index, batch.Hash, Trace.Leaf((1UL << (2 * TraceTree.BatchHeight)) - 1), Trace.Root, batch.AppendedAt), Trace, Chunk);
    }

    /// <summary>Whether there is no lie in it.</summary>
    public bool IsTrue => _lie is null;

    public SigmaTrace Trace { get; }

    /// <summary>What a player with this execution believes.</summary>
    public ScriptedTraces Traces { get; }

    /// <summary>The state after the batch, but for a lie about σ alone.</summary>
    public RollupState After => _tasks[^1].After;

    /// <summary>The task that is loaded at a chunk, or null.</summary>
    public LoadedTask? LoadedAt(ulong position) => Transition.Phases * (ulong)_tasks.Count > position ? _tasks[TaskOf(position)].Load.Loaded : null;

    /// <summary>Steps of the task until its machine stops, the one in which it stops included.</summary>
    public ulong StepsOf(int task)
    {
        _machine.Load(_tasks[task].Load.Loaded!.Image, _tasks[task].Load.Loaded!.Head);
        ulong steps = 0;
        for (; _machine.IsRunning; steps++)
            Interpreter.Run(_machine, 1);
        return steps;
    }

    /// <summary>Witness of a transition of level 0 that is not a chunk of a loaded machine (spec 3.3).</summary>
    public byte[] TransitionWitness(ulong position)
    {
        if (position / Transition.Phases >= (ulong)_tasks.Count)
            return Transition.Record(After, null, _batch.Batch, _context, position, out _);

        TaskRun task = _tasks[TaskOf(position)];
        return (position % Transition.Phases) switch
        {
            Transition.LoadPhase => Transition.Record(task.Before, null, _batch.Batch, _context, position, out _),
            _ => Transition.Record(task.Finished is null ? task.After : task.Before, task.Finished, _batch.Batch, _context, position, out _),
        };
    }

    /// <summary>Witness of one step of a chunk (spec 3.2).</summary>
    public byte[] StepWitness(ulong position, ulong step)
    {
        Start(position);
        Interpreter.Run(_machine, step);
        return Step.Record(_machine);
    }

    /// <summary>The level 1 trace of the chunk at a position, as the trace builder of the machine's library makes it.</summary>
    public ChunkTrace BuildChunkTrace(ulong position)
    {
        Start(position);
        return ChunkTrace.Build(_machine);
    }

    public void Dispose() => _machine.Dispose();

    private static int TaskOf(ulong position) => (int)(position / Transition.Phases);

    private static Word NoiseAt(int seed, ulong place)
    {
        byte[] bytes = new byte[Word.Length];
        new Random(unchecked(seed * 7919 + (int)place)).NextBytes(bytes);
        return new Word(bytes);
    }

    private List<SigmaRun> Execute()
    {
        var runs = new List<SigmaRun>();
        RollupState state = _before;
        for (int task = 0; task < _batch.Batch.Tasks.Length; task++)
        {
            ulong start = (ulong)task * Transition.Phases;
            RollupState before = state;
            if (_lie is SkippedTask skipped && skipped.Task == task)
            {
                runs.Add(SigmaRun.Of(start, Sigma(before, Word.Zero)));
                _tasks.Add(new TaskRun(before, new LoadResult(before, null, null), null, before));
                continue;
            }

            LoadResult load = Transition.Load(before, _batch.Batch, _context, task);
            if (load.Loaded is { } honest && _lie is ForgedLoad forged && forged.Task == task)
                load = load with { Loaded = forged.Change(honest) };
            if (load.Loaded is not { } loaded)
            {
                runs.Add(SigmaRun.Of(start, Sigma(load.State, Word.Zero)));
                _tasks.Add(new TaskRun(before, load, null, load.State));
                state = load.State;
                continue;
            }

            runs.Add(SigmaRun.Of(start, Sigma(before, loaded.MachineRoot)));
            _machine.Load(loaded.Image, loaded.Head);
            ImmutableArray<Word>.Builder roots = ImmutableArray.CreateBuilder<Word>();
            ulong lastChunk = _lie switch
            {
                ForgedMachine lie when lie.Task == task => lie.Chunk,
                ForgedLeaves lie when lie.Task == task => lie.Chunk,
                _ => 1,
            };
            // A machine that has stopped does nothing in the chunks between.
            foreach (ulong chunk in lastChunk == 1 ? new ulong[] { 1 } : [1, lastChunk])
            {
                Word root = RunChunk(start + chunk)[(1UL << (2 * TraceTree.ChunkHeight)) - 1];
                roots.Add(root);
                runs.Add(SigmaRun.Of(start + chunk, Sigma(before, root)));
            }

            if (_lie is ForgedStore store && store.Task == task)
                store.Change(_machine);
            FinishedTask finished = Transition.Finish(_machine, loaded.IsStateful, roots.ToImmutable());
            state = Transition.Store(before, _batch.Batch, _context, task, finished).State;
            runs.Add(SigmaRun.Of(start + Transition.StorePhase, Sigma(state, Word.Zero)));
            _tasks.Add(new TaskRun(before, load, finished, state));
        }

        return runs;
    }

    private IReadOnlyList<SigmaRun> Forge(List<SigmaRun> runs) => _lie switch
    {
        ForgedSigma lie => Forge(runs, lie),
        Noise lie => Forge(runs, lie),
        _ => runs,
    };

    private static List<SigmaRun> Forge(List<SigmaRun> runs, ForgedSigma lie)
    {
        ulong end = lie.Count > (1UL << (2 * TraceTree.BatchHeight)) - lie.At ? ulong.MaxValue : lie.At + lie.Count;
        var starts = new SortedSet<ulong>(runs.Select(run => run.Start)) { lie.At };
        if (end != ulong.MaxValue)
            starts.Add(end);
        return [.. starts.Where(start => start < 1UL << (2 * TraceTree.BatchHeight)).Select(start =>
        {
            Quad truth = runs.Last(run => run.Start <= start).Opening;
            return SigmaRun.Of(start, start >= lie.At && start < end ? lie.Change(truth) : truth);
        })];
    }

    private static List<SigmaRun> Forge(List<SigmaRun> runs, Noise lie)
    {
        var random = new Random(lie.Seed);
        List<SigmaRun> forged = [.. runs.Where(run => run.Start < lie.At)];
        ulong at = lie.At;
        for (int i = 0; i < NoiseRuns && at < 1UL << (2 * TraceTree.BatchHeight); i++)
        {
            forged.Add(new SigmaRun(at, NoiseAt(lie.Seed, at), default));
            at += 1 + (ulong)random.Next(i % 3 == 0 ? 1 : 1 << 20);
        }

        return forged;
    }

    private TreeTrace? Chunk(ulong position)
    {
        if (LoadedAt(position) is null)
            return null;
        Start(position);
        return new TreeTrace(RunChunk(position).Build());
    }

    /// <summary>Brings the machine to the start of a chunk.</summary>
    private void Start(ulong position)
    {
        LoadedTask loaded = LoadedAt(position) ?? throw new InvalidOperationException($"No machine is loaded at position {position}.");
        _machine.Load(loaded.Image, loaded.Head);
        ulong chunk = position % Transition.Phases;
        if (chunk > 1)
            RunChunk(position - chunk + 1);
        if (_lie is ForgedMachine lie && TaskOf(lie.Position) == TaskOf(position) && lie.Chunk > 1 && lie.Chunk < chunk)
            RunChunk(lie.Position);
    }

    /// <summary>Runs the machine through the chunk at a position, with what the lie says about it.</summary>
    private ChunkLeaves RunChunk(ulong position)
    {
        var leaves = new ChunkLeaves();
        var forged = _lie is ForgedMachine lie && lie.Position == position ? lie : null;
        while (_machine.IsRunning || leaves.Count <= forged?.Step)
        {
            if (!_machine.IsRunning)
                leaves.Add(_machine.Root(), forged!.Step - leaves.Count);
            Interpreter.Run(_machine, 1);
            if (forged?.Step == leaves.Count)
                forged.Change(_machine);
            leaves.Add(_machine.Root(), 1);
        }

        if (leaves.Count == 0)
            leaves.Add(_machine.Root(), 1);
        if (_lie is ForgedLeaves noise && noise.Position == position)
            leaves.Replace(noise.Step, NoiseRuns, step => NoiseAt(noise.Seed, step), noise.EndsRight);
        return leaves;
    }

    private static Quad Sigma(RollupState state, Word machineRoot) => state.RootWords with { C3 = machineRoot };

    /// <summary>The leaves of a chunk: one by one while the machine runs, then all the same.</summary>
    private sealed class ChunkLeaves
    {
        private readonly List<(ulong Start, Word Leaf)> _runs = [];

        public ulong Count { get; private set; }

        public Word this[ulong step] => _runs.Last(run => run.Start <= step).Leaf;

        public void Add(Word leaf, ulong count)
        {
            if (count > 0)
                _runs.Add((Count, leaf));
            Count += count;
        }

        /// <param name="back">Whether the leaves after the replaced ones stay; the machine has stopped by then.</param>
        public void Replace(ulong from, int count, Func<ulong, Word> leaf, bool back)
        {
            Word before = this[from], last = _runs[^1].Leaf;
            _runs.RemoveAll(run => run.Start >= from);
            if (_runs.Count == 0 && from > 0)
                _runs.Add((0, before));
            for (ulong step = from; step < from + (ulong)count && step < 1UL << (2 * TraceTree.ChunkHeight); step++)
                _runs.Add((step, leaf(step)));
            if (back)
                _runs.Add((from + (ulong)count, last));
        }

        public RunLengthTrace Build()
        {
            var builder = new RunLengthTrace.Builder(TraceTree.ChunkHeight);
            for (int i = 0; i < _runs.Count; i++)
            {
                ulong end = i + 1 < _runs.Count ? _runs[i + 1].Start : 1UL << (2 * TraceTree.ChunkHeight);
                builder.Add(_runs[i].Leaf, end - _runs[i].Start);
            }

            return builder.Build();
        }
    }
}
