using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Optimistic.Vm.Trace;

namespace Optimistic.Vm.Rollup;

/// <summary>What a whole batch made of a state.</summary>
/// <param name="Before">The state before it.</param>
/// <param name="State">The state after it.</param>
/// <param name="Outputs">One a task.</param>
/// <param name="OutputBytes">The bytes of each output.</param>
/// <param name="Trace">σ after every transition: the trace of level 0 (spec 2.8.1).</param>
/// <param name="Runs">One a task when they were asked for, else none.</param>
public sealed record BatchResult(
    RollupState Before,
    RollupState State,
    ImmutableArray<OutputLeaf> Outputs,
    ImmutableArray<ReadOnlyMemory<byte>> OutputBytes,
    RunLengthTrace Trace,
    ImmutableArray<TaskRun> Runs)
{
    /// <summary>The state at rest before task <paramref name="task"/>, or after the last: made again from the runs, which must have been asked for.</summary>
    public RollupState StateBefore(int task)
    {
        if (task == Outputs.Length)
            return State;

        SparseQuadTree apps = Before.AppsTree;
        ImmutableList<App>.Builder list = Before.Apps.ToBuilder();
        foreach (TaskRun run in Runs.AsSpan()[..task])
        {
            if (run.Changed is not { } app)
                continue;

            apps = apps.Set(run.Output.App, app.Leaf.Hash());
            if (run.Output.App == (uint)list.Count)
                list.Add(app);
            else
                list[(int)run.Output.App] = app;
        }

        SparseQuadTree outputs = Before.OutputsTree.SetRange(Before.OutputsCount, [.. Outputs.Take(task).Select(output => output.Hash())]);
        return new RollupState(apps, outputs, list.ToImmutable(), Before.OutputsCount + (ulong)task);
    }
}

/// <summary>How a task of a batch went, for who has to prove it.</summary>
/// <param name="App">The app that it ran, as it was before; null for a task that was not loaded.</param>
/// <param name="Head">Registers and control word of its machine at the start.</param>
/// <param name="LoadedRoot">The machine root there.</param>
/// <param name="Finished">Its machine at the end, when it was loaded; else null.</param>
/// <param name="Output">What it came to.</param>
/// <param name="Changed">The app that it deployed, or has left different; else null.</param>
public sealed record TaskRun(App? App, MachineHead Head, Word LoadedRoot, FinishedTask? Finished, OutputLeaf Output, App? Changed);

/// <summary>
/// Executes batches on all processors. The result is that of the transitions one by one (<see cref="Transition"/>), whatever order
/// things happen in. Keeps its machines. One batch at a time.
/// </summary>
/// <remarks>
/// A batch goes through in waves of tasks, in three stages: signers are recovered, tasks run, and what they come to is sealed. Every
/// processor does what comes next of any wave, so that none waits for another but at the end. What a task starts from is known without
/// the roots, so a stateful app's tasks run one after another and all others in any order; and when a wave has run, its leaves, trees
/// and σ are hashed level by level, many at a time.
/// </remarks>
/// <param name="domainSeparator">Of the signatures (spec 5.2.2).</param>
/// <param name="drill">A lie to tell in one task, on a development chain; null for none.</param>
/// <param name="engine">What runs the tasks.</param>
/// <param name="workers">Processors to use; 0 for all.</param>
public sealed class BatchExecutor(
    Word domainSeparator, Drill? drill = null, ExecutionEngine engine = ExecutionEngine.Jit, int workers = 0) : IDisposable
{
    /// <summary>Tasks of a wave, in groups whose signers are found together.</summary>
    private const int WaveTasks = 8 * RollupTask.RecoveredTogether;

    private readonly ConcurrentBag<Machine> _machines = [];

    public Word DomainSeparator => domainSeparator;

    /// <summary>Executes a whole batch.</summary>
    /// <param name="state">The state before.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="cancellation">Looked at between tasks, and in long ones.</param>
    /// <param name="keepRuns">Whether the result has <see cref="BatchResult.Runs"/>, and with them every memory that an app had.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="DrillException">The task of the drill stops before the lie.</exception>
    public BatchResult Execute(RollupState state, Batch batch, CancellationToken cancellation = default, bool keepRuns = false)
    {
        var pipeline = new Pipeline(this, state, batch, keepRuns, cancellation);
        try
        {
            Parallel.For(0, Workers, _ => pipeline.Work());
            return pipeline.Build();
        }
        catch (AggregateException several)
        {
            ExceptionDispatchInfo.Throw(several.Flatten().InnerExceptions[0]);
            throw;
        }
    }

    public void Dispose()
    {
        foreach (Machine machine in _machines)
            machine.Dispose();
        _machines.Clear();
    }

    private Machine Rent() => _machines.TryTake(out Machine? machine) ? machine : new Machine();

    /// <summary>A task on its way: what it ran on, or why it did not run, and what came of it.</summary>
    private sealed class TaskInWave
    {
        /// <summary>The memory root's words of the app that it runs, and slots 4 to 7, as they are before.</summary>
        public Quad Memory, Middle;

        public MachineHead Head;

        public FinishedTask? Finished;

        /// <summary>Of the app that it deployed, or has left different.</summary>
        public AppLeaf? Changed;

        /// <summary>Of a task that ran nothing.</summary>
        public MachineStatus Status;

        /// <summary>The app that it ran, and the one that it made, where images are.</summary>
        public App? App, ChangedApp;
    }

    private sealed class Wave(int start, int length)
    {
        /// <summary>Number in the batch of the first task.</summary>
        public int Start => start;

        public TaskInWave[] Tasks { get; } = [.. Enumerable.Range(0, length).Select(_ => new TaskInWave())];

        /// <summary>The apps that it leaves new or different; new ones in order.</summary>
        public List<(int Number, App App)> Apps { get; } = [];
    }

    /// <param name="Do">What takes time.</param>
    /// <param name="Note">Notes that it is done, under the gate.</param>
    private readonly record struct Job(Action Do, Action Note);

    /// <summary>A batch on its way: what there is to do next, for as many workers as ask.</summary>
    private sealed class Pipeline
    {
        private readonly BatchExecutor _executor;
        private readonly Batch _batch;
        private readonly BatchContext _context;
        private readonly ulong _firstNumber;
        private readonly CancellationToken _cancellation;
        private readonly bool _keepsImages;
        private readonly Sealing _sealing;

        // By number, as the waves that have run left them.
        private readonly List<App> _apps;

        // What follows is used under the gate alone; the waves that have run are sealed in order.
        private readonly object _gate = new();
        private readonly Queue<Wave> _waves = [];
        private readonly Queue<Action> _pieces = [];
        private readonly int[] _unknownSenders;
        private Wave? _running;
        private List<Chain> _chains = [];
        private int _started, _recovered, _unfinishedPieces, _sealed;
        private bool _isSealing, _hasFailed;

        public Pipeline(BatchExecutor executor, RollupState state, Batch batch, bool keepRuns, CancellationToken cancellation)
        {
            _keepsImages = keepRuns || executor.HasDrill;
            _executor = executor;
            _batch = batch;
            _context = batch.Context(executor.DomainSeparator);
            _firstNumber = state.OutputsCount;
            _cancellation = cancellation;
            _apps = [.. state.Apps];
            _sealing = new Sealing(state, batch, keepRuns);
            _unknownSenders = [.. batch.Tasks.Chunk(WaveTasks).Select(wave => wave.Length)];
        }

        /// <summary>What the batch came to, when all workers have returned.</summary>
        public BatchResult Build() => _sealing.Build();

        /// <summary>Does what comes next, until all is done or something has failed.</summary>
        public void Work()
        {
            try
            {
                while (TryTakeNext(out Job job))
                {
                    _cancellation.ThrowIfCancellationRequested();
                    job.Do();
                    lock (_gate)
                    {
                        job.Note();
                        Monitor.PulseAll(_gate);
                    }
                }
            }
            catch
            {
                lock (_gate)
                {
                    _hasFailed = true;
                    Monitor.PulseAll(_gate);
                }

                throw;
            }
        }

        /// <summary>Waits for something to do.</summary>
        private bool TryTakeNext(out Job job)
        {
            lock (_gate)
            {
                while (!_hasFailed && _sealed < _batch.Tasks.Length)
                {
                    if (TryFind(out job))
                        return true;

                    Monitor.Wait(_gate);
                }

                job = default;
                return false;
            }
        }

        /// <summary>Runs come first, as the tasks of a stateful app wait for one another; signers are found while there is nothing else to do.</summary>
        private bool TryFind(out Job job)
        {
            if (_running is null && _started < _batch.Tasks.Length && _unknownSenders[_started / WaveTasks] == 0)
                StartWave();

            if (_pieces.TryDequeue(out Action? piece))
            {
                job = new Job(piece, EndPiece);
            }
            else if (!_isSealing && _waves.TryDequeue(out Wave? wave))
            {
                _isSealing = true;
                job = new Job(() => _sealing.Add(wave), () =>
                {
                    _isSealing = false;
                    _sealed += wave.Tasks.Length;
                });
            }
            else if (_recovered < _batch.Tasks.Length)
            {
                int start = _recovered, count = Math.Min(RollupTask.RecoveredTogether, _batch.Tasks.Length - start);
                _recovered += count;
                job = new Job(
                    () => RollupTask.FindSenders(_batch.Tasks.AsSpan(start, count), _context.DomainSeparator),
                    () => _unknownSenders[start / WaveTasks] -= count);
            }
            else
            {
                job = default;
                return false;
            }

            return true;
        }

        private void StartWave()
        {
            Wave wave = _running = new Wave(_started, Math.Min(WaveTasks, _batch.Tasks.Length - _started));
            _started += wave.Tasks.Length;
            _chains = Chains(wave);
            foreach (Chain chain in _chains)
            {
                // Of tasks that do not wait for one another, every worker takes the next.
                int pieces = chain.App.IsStateful ? 1 : Math.Min(chain.Tasks.Count, _executor.Workers);
                for (int i = 0; i < pieces; i++)
                    _pieces.Enqueue(() => Run(wave, chain));
            }

            // A piece more, so that a wave in which nothing runs ends as well.
            _unfinishedPieces = _pieces.Count + 1;
            EndPiece();
        }

        private void EndPiece()
        {
            if (--_unfinishedPieces > 0)
                return;

            Wave wave = _running!;
            foreach (Chain chain in _chains.Where(chain => chain.App != _apps[chain.Number]))
            {
                _apps[chain.Number] = chain.App;
                wave.Apps.Add((chain.Number, chain.App));
            }

            _waves.Enqueue(wave);
            _running = null;
        }

        private void Run(Wave wave, Chain chain)
        {
            Machine machine = _executor.Rent();
            if (chain.App.IsStateful && !_keepsImages)
                RunInPlace(wave, chain, machine);
            else
                RunFromImages(wave, chain, machine);
            _executor._machines.Add(machine);
        }

        private void RunFromImages(Wave wave, Chain chain, Machine machine)
        {
            while (chain.TryTakeNext(out int number))
            {
                App app = chain.App;
                TaskInWave run = Begin(wave, number, app.Leaf, app.Memory, app.Middle);
                FinishedTask finished;
                if (_executor.Lie(_firstNumber + (ulong)number) is { } lie)
                {
                    finished = lie.Run(machine, app.Load(_batch.Tasks[number], run.Head), _cancellation);
                }
                else
                {
                    app.Start(machine, _batch.Tasks[number], run.Head);
                    finished = Transition.RunChunks(machine, app.IsStateful, _cancellation, _executor.Engine);
                }

                run.App = app;
                run.Finished = finished;
                if (finished.Image is { } image)
                {
                    run.ChangedApp = chain.App = new App(app.Leaf with { MemoryRoot = image.Root }, image);
                    run.Changed = chain.App.Leaf;
                }
            }
        }

        /// <summary>Runs a stateful app's tasks on one machine, whose memory goes on from task to task: images are made of the last alone.</summary>
        private void RunInPlace(Wave wave, Chain chain, Machine machine)
        {
            AppLeaf leaf = chain.App.Leaf;
            GuestMemory memory = machine.Memory;
            machine.Load(chain.App.Image.ClearSlots(6, 7), default);
            while (chain.TryTakeNext(out int number))
            {
                TaskInWave run = Begin(wave, number, leaf, memory.Quarters, memory.Middle);
                machine.Restart(run.Head);
                _batch.Tasks[number].WriteInput(memory);
                run.Finished = Transition.RunChunks(machine, false, _cancellation, _executor.Engine);
                if (machine.Status == MachineStatus.Halted && machine.ExitCode == 0)
                {
                    memory.ClearSlots(6, 11);
                    run.Changed = leaf = leaf with { MemoryRoot = memory.Root() };
                }
                else
                {
                    memory.Rollback();
                }
            }

            if (leaf != chain.App.Leaf)
                chain.App = new App(leaf, memory.Snapshot());
        }

        /// <summary>What a task starts from, on an app with this leaf and memory (spec 3.3.3 d).</summary>
        private TaskInWave Begin(Wave wave, int number, in AppLeaf app, in Quad memory, in Quad middle)
        {
            _cancellation.ThrowIfCancellationRequested();
            RollupTask task = _batch.Tasks[number];
            task.TryGetSender(_context.DomainSeparator, out Address sender);
            TaskInWave run = wave.Tasks[number - wave.Start];
            (run.Memory, run.Middle) = (memory, middle);
            run.Head = TransitionRules.Start(_context, _firstNumber + (ulong)number, task.Head, app.Entry, sender);
            return run;
        }

        /// <summary>Carries out what needs no machine; what is left is tasks that run one after another, or, of a stateless app, in any order.</summary>
        private List<Chain> Chains(Wave wave)
        {
            var chains = new List<Chain>();
            var chainOf = new Dictionary<uint, Chain>();
            for (int i = 0; i < wave.Tasks.Length; i++)
            {
                RollupTask task = _batch.Tasks[wave.Start + i];
                TaskInWave run = wave.Tasks[i];
                if (!task.TryGetSender(_context.DomainSeparator, out Address sender))
                {
                    run.Status = MachineStatus.BadSignature;
                }
                else if (task.Head.Kind == TaskKind.Deploy)
                {
                    run.Status = MachineStatus.Deployed;
                    App app = Transition.Deployed(task, sender);
                    run.Changed = app.Leaf;
                    run.ChangedApp = app;
                    wave.Apps.Add((_apps.Count, app));
                    _apps.Add(app);
                }
                else if (task.Head.Target >= (uint)_apps.Count)
                {
                    run.Status = MachineStatus.UnknownApp;
                }
                else
                {
                    uint number = task.Head.Target;
                    if (!chainOf.TryGetValue(number, out Chain? chain))
                        chains.Add(chainOf[number] = chain = new Chain((int)number, _apps[(int)number]));
                    chain.Tasks.Add(wave.Start + i);
                }
            }

            return chains;
        }

        private sealed class Chain(int number, App app)
        {
            private int _taken;

            public int Number => number;

            /// <summary>As its last task has left it.</summary>
            public App App { get; set; } = app;

            public List<int> Tasks { get; } = [];

            public bool TryTakeNext(out int task)
            {
                int next = Interlocked.Increment(ref _taken) - 1;
                task = next < Tasks.Count ? Tasks[next] : 0;
                return next < Tasks.Count;
            }
        }
    }

    /// <summary>Puts waves that have run into the trees and the trace, in order.</summary>
    private sealed class Sealing
    {
        private readonly RollupState _before;
        private readonly Batch _batch;
        private readonly RunLengthTrace.Builder _trace = new(TraceTree.BatchHeight);
        private readonly ImmutableArray<OutputLeaf>.Builder _outputs;
        private readonly ImmutableArray<ReadOnlyMemory<byte>>.Builder _bytes;
        private readonly ImmutableArray<TaskRun>.Builder? _runs;
        private readonly ImmutableList<App>.Builder _apps;
        private readonly List<Quad> _sigmas = [];
        private SparseQuadTree _appsTree, _outputsTree;

        public Sealing(RollupState state, Batch batch, bool keepRuns)
        {
            _before = state;
            _batch = batch;
            _outputs = ImmutableArray.CreateBuilder<OutputLeaf>(batch.Tasks.Length);
            _bytes = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>(batch.Tasks.Length);
            _runs = keepRuns ? ImmutableArray.CreateBuilder<TaskRun>(batch.Tasks.Length) : null;
            _apps = state.Apps.ToBuilder();
            _appsTree = state.AppsTree;
            _outputsTree = state.OutputsTree;
        }

        public BatchResult Build() => new(
            _before,
            new RollupState(_appsTree, _outputsTree, _apps.ToImmutable(), _before.OutputsCount + (ulong)_batch.Tasks.Length),
            _outputs.MoveToImmutable(),
            _bytes.MoveToImmutable(),
            _trace.Build(),
            _runs?.MoveToImmutable() ?? []);

        public void Add(Wave wave)
        {
            TaskInWave[] tasks = wave.Tasks;
            var sigma = new Sigma(_appsTree.Root, _outputsTree.Root, _before.OutputsCount + (ulong)wave.Start, (ulong)_apps.Count, Word.Zero);
            Word[] loadedRoots = LoadedRoots(wave);
            AddOutputs(wave, loadedRoots);
            foreach ((int number, App app) in wave.Apps)
            {
                if (number == _apps.Count)
                    _apps.Add(app);
                else
                    _apps[number] = app;
            }

            // The roots of both trees after each task, and what of the apps each changes.
            Word[] outputRoots = new Word[tasks.Length], leaves = Hash([.. _outputs.Skip(wave.Start).Select(output => output.Words)]);
            _outputsTree = _outputsTree.SetEach([.. Enumerable.Range(0, tasks.Length).Select(i => sigma.OutputsCount + (ulong)i)], leaves, outputRoots);
            int[] changing = [.. Enumerable.Range(0, tasks.Length).Where(i => tasks[i].Changed is not null)];
            Word[] appsRoots = new Word[changing.Length], appLeaves = Hash([.. changing.Select(i => tasks[i].Changed!.Value.Words)]);
            _appsTree = _appsTree.SetEach([.. changing.Select(i => (ulong)_outputs[wave.Start + i].App)], appLeaves, appsRoots);

            // σ after each transition of each task (spec 3.3).
            int changes = 0;
            _sigmas.Clear();
            for (int i = 0; i < tasks.Length; i++)
            {
                if (tasks[i].Finished is { } finished)
                {
                    _sigmas.Add((sigma with { MachineRoot = loadedRoots[i] }).Words);
                    foreach (Word root in finished.ChunkRoots)
                        _sigmas.Add((sigma with { MachineRoot = root }).Words);
                }

                if (tasks[i].Changed is not null)
                    sigma.AppsRoot = appsRoots[changes++];
                if (tasks[i].Status == MachineStatus.Deployed)
                    sigma.AppsCount++;
                sigma.OutputsRoot = outputRoots[i];
                sigma.OutputsCount++;
                _sigmas.Add(sigma.Words);
            }

            Word[] hashes = Hash(CollectionsMarshal.AsSpan(_sigmas));
            int next = 0;
            foreach (TaskInWave task in tasks)
            {
                int count = task.Finished is { } finished ? finished.ChunkRoots.Length + 2 : 1;
                Transition.AddToTrace(_trace, hashes.AsSpan(next, count));
                next += count;
            }
        }

        private void AddOutputs(Wave wave, Word[] loadedRoots)
        {
            uint apps = (uint)_apps.Count;
            for (int i = 0; i < wave.Tasks.Length; i++)
            {
                TaskInWave run = wave.Tasks[i];
                RollupTask task = _batch.Tasks[wave.Start + i];
                OutputLeaf output = run.Finished is { } finished
                    ? TransitionRules.Stored(task.Hash, task.Head, finished.Head, finished.Middle)
                    : TransitionRules.NotRun(task.Hash, run.Status, run.Status == MachineStatus.Deployed ? apps++ : task.Head.Target);
                _outputs.Add(output);
                _bytes.Add(run.Finished?.Output ?? default);
                _runs?.Add(new TaskRun(run.App, run.Head, loadedRoots[i], run.Finished, output, run.ChangedApp));
            }
        }

        /// <summary>The machine roots at the start of the tasks that ran: app, input and head (spec 3.3.3 d).</summary>
        private Word[] LoadedRoots(Wave wave)
        {
            TaskInWave[] tasks = wave.Tasks;
            int[] loaded = [.. Enumerable.Range(0, tasks.Length).Where(i => tasks[i].Finished is not null)];
            Word[] middles = Hash([.. loaded.Select(i => TransitionRules.WithInput(tasks[i].Middle, _batch.Tasks[wave.Start + i].DataRoot))]);
            Word[] memories = Hash([.. loaded.Select((i, place) => tasks[i].Memory with { C1 = middles[place] })]);
            byte[] registers = new byte[loaded.Length * 2 * Keccak.NodeLength];
            for (int place = 0; place < loaded.Length; place++)
                tasks[loaded[place]].Head.Bytes[Word.Length..].CopyTo(registers.AsSpan(place * 2 * Keccak.NodeLength));
            Word[] groups = new Word[2 * loaded.Length];
            Keccak.Nodes(registers, MemoryMarshal.AsBytes(groups.AsSpan()));
            Word[] machines = Hash([.. loaded.Select((i, place) => new Quad(memories[place], groups[2 * place], groups[(2 * place) + 1], new Word(tasks[i].Head.Bytes[..Word.Length])))]);
            Word[] roots = new Word[tasks.Length];
            for (int place = 0; place < loaded.Length; place++)
                roots[loaded[place]] = machines[place];
            return roots;
        }

        private static Word[] Hash(ReadOnlySpan<Quad> quads)
        {
            Word[] hashes = new Word[quads.Length];
            Keccak.Nodes(MemoryMarshal.AsBytes(quads), MemoryMarshal.AsBytes(hashes.AsSpan()));
            return hashes;
        }
    }

    private ExecutionEngine Engine => engine;

    private int Workers => workers > 0 ? workers : Environment.ProcessorCount;

    private bool HasDrill => drill is not null;

    private Drill? Lie(ulong number) => drill is not null && drill.Task == number ? drill : null;
}
