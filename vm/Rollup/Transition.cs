using System.Collections.Concurrent;
using System.Collections.Immutable;
using Optimistic.Vm.Trace;

namespace Optimistic.Vm.Rollup;

/// <summary>A task that load has put on a machine (spec 3.3.3 d): what a worker needs to run it.</summary>
/// <param name="Image">Memory of the app with the task's input.</param>
/// <param name="Head">Registers and control word of spec 1.8.</param>
/// <param name="MachineRoot">Root of both.</param>
/// <param name="IsStateful">The app keeps its memory when the task exits with 0; for others no image of it is made.</param>
public sealed record LoadedTask(MemoryImage Image, MachineHead Head, Word MachineRoot, bool IsStateful);

/// <summary>A task at the end of its chunks: what store needs of the machine (spec 3.3.4).</summary>
/// <param name="Head">Registers and control word.</param>
/// <param name="Memory">The four words that hash to the memory root.</param>
/// <param name="Middle">Slots 4 to 7.</param>
/// <param name="ChunkRoots">The machine root after each chunk, up to the one in which it stopped.</param>
/// <param name="Image">Its memory, without slots 6 to 11, when a stateful app is to keep it: it halted with exit code 0.</param>
/// <param name="Output">The output's bytes when it halted, up to the last that is not zero.</param>
public sealed record FinishedTask(
    MachineHead Head, Quad Memory, Quad Middle, ImmutableArray<Word> ChunkRoots, MemoryImage? Image, ReadOnlyMemory<byte> Output)
{
    /// <summary>Root of the memory.</summary>
    public Word MemoryRoot { get; } = Memory.Hash();

    public Word MachineRoot { get; } = Head.Root(Memory.Hash());
}

/// <summary>What load made of a task.</summary>
/// <param name="State">The state at rest after it; the same as before when the task is now loaded.</param>
/// <param name="Loaded">The task to run, or null when it is done: a deploy, a bad signature, an unknown app.</param>
/// <param name="Output">The output of a task that is done.</param>
public sealed record LoadResult(RollupState State, LoadedTask? Loaded, OutputLeaf? Output);

/// <summary>What store made of a task.</summary>
public sealed record StoreResult(RollupState State, OutputLeaf Output);

/// <summary>What a whole batch made of a state.</summary>
/// <param name="State">The state after it.</param>
/// <param name="Outputs">One a task.</param>
/// <param name="OutputBytes">The bytes of each output.</param>
/// <param name="Trace">σ after every transition: the trace of level 0 (spec 2.8.1).</param>
public sealed record BatchResult(
    RollupState State, ImmutableArray<OutputLeaf> Outputs, ImmutableArray<ReadOnlyMemory<byte>> OutputBytes, RunLengthTrace Trace);

/// <summary>The transitions of level 0 (spec 3.3): executed, recorded with a witness, and replayed from roots.</summary>
public static class Transition
{
    /// <summary>Positions a task has in the trace: load, 4094 chunks, store (spec 2.8.1).</summary>
    public const ulong Phases = 4096;

    public const ulong LoadPhase = 0, StorePhase = Phases - 1;

    /// <summary>Chunks a task has.</summary>
    public const int MaxChunks = (int)Phases - 2;

    /// <summary>Steps in a chunk.</summary>
    public const ulong ChunkSteps = 1UL << 28;

    // Steps between looks at the cancellation token: some 0.1 s.
    private const ulong SliceSteps = 1UL << 24;

    /// <summary>Executes load for task <paramref name="task"/> of <paramref name="batch"/> (spec 3.3.3).</summary>
    public static LoadResult Load(RollupState state, Batch batch, in BatchContext context, int task) => Load(state, batch, context, task, null);

    private static LoadResult Load(RollupState state, Batch batch, in BatchContext context, int task, LoadedTask? prepared)
    {
        var access = new RecordingTransition(state, null, batch, null);
        Word sigma = TransitionRules.Execute(ref access, context, state.Root, (ulong)task * Phases + LoadPhase);
        if (access.Output is { } output)
        {
            RollupTask rollupTask = batch.Tasks[task];
            ImmutableList<App> apps = state.Apps;
            if (output.Status == MachineStatus.Deployed)
            {
                // The rules have checked the signature, so there is a sender.
                rollupTask.TryGetSender(context.DomainSeparator, out Address owner);
                apps = apps.Add(Deployed(rollupTask, owner));
            }

            return new LoadResult(Checked(access.After(apps), sigma), null, output);
        }

        LoadedTask loaded = prepared ?? Prepare(state.Apps[(int)batch.Tasks[task].Head.Target], batch, context, task, state.OutputsCount);
        return state.Sigma(loaded.MachineRoot) == sigma
            ? new LoadResult(state, loaded, null)
            : throw new InvalidOperationException($"The machine of task {task} is not the one that its roots say: the app's image or the input is not what its root commits to.");
    }

    /// <summary>
    /// Runs a loaded task on <paramref name="machine"/>, chunk by chunk, until it stops. A machine that has not stopped after
    /// <see cref="MaxChunks"/> chunks is left running, and store records it as out of steps.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static FinishedTask Run(
        Machine machine, LoadedTask task, CancellationToken cancellation = default, ExecutionEngine engine = ExecutionEngine.Interpreter)
    {
        machine.Load(task.Image, task.Head);
        var roots = ImmutableArray.CreateBuilder<Word>();
        while (machine.IsRunning && roots.Count < MaxChunks)
        {
            RunChunk(machine, cancellation, engine);
            roots.Add(machine.Root());
        }

        return Finish(machine, task, roots.ToImmutable());
    }

    /// <summary>Runs one chunk: 2^28 steps, or fewer when the machine stops.</summary>
    /// <remarks>
    /// Claims rest on this run: on the reference, unless the caller has reason to trust another engine (decision 0010).
    /// </remarks>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void RunChunk(Machine machine, CancellationToken cancellation = default, ExecutionEngine engine = ExecutionEngine.Interpreter)
    {
        for (ulong done = 0; done < ChunkSteps && machine.IsRunning; done += SliceSteps)
        {
            cancellation.ThrowIfCancellationRequested();
            engine.Run(machine, SliceSteps);
        }
    }

    /// <summary>What store needs of a machine that has run its chunks.</summary>
    public static FinishedTask Finish(Machine machine, LoadedTask task, ImmutableArray<Word> chunkRoots)
    {
        GuestMemory memory = machine.Memory;
        bool hasHalted = machine.Status == MachineStatus.Halted;
        return new FinishedTask(
            machine.Head,
            new Quad(memory.SubtreeRoot(GuestMemory.SlotHeight + 1, 0), memory.SubtreeRoot(GuestMemory.SlotHeight + 1, 1),
                memory.SubtreeRoot(GuestMemory.SlotHeight + 1, 2), memory.SubtreeRoot(GuestMemory.SlotHeight + 1, 3)),
            new Quad(memory.SlotRoot(4), memory.SlotRoot(5), memory.SlotRoot(6), memory.SlotRoot(7)),
            chunkRoots,
            hasHalted && machine.ExitCode == 0 && task.IsStateful ? memory.Snapshot().ClearSlots(6, 11) : null,
            hasHalted ? OutputOf(machine) : default);
    }

    /// <summary>Executes store for task <paramref name="task"/>, which has run (spec 3.3.4).</summary>
    public static StoreResult Store(RollupState state, Batch batch, in BatchContext context, int task, FinishedTask finished)
    {
        var access = new RecordingTransition(state, finished, batch, null);
        Word sigma = TransitionRules.Execute(ref access, context, state.Sigma(finished.MachineRoot), (ulong)task * Phases + StorePhase);
        OutputLeaf output = access.Output!.Value;
        ImmutableList<App> apps = state.Apps;
        if (output is { Status: MachineStatus.Halted, ExitCode: 0 })
        {
            App app = apps[(int)output.App];
            if (app.Leaf.Policy == AppPolicy.Stateful)
            {
                MemoryImage image = finished.Image ?? throw new ArgumentException("A task of a stateful app that halted with exit code 0 has an image.", nameof(finished));
                apps = apps.SetItem((int)output.App, new App(app.Leaf with { MemoryRoot = image.Root }, image));
            }
        }

        return new StoreResult(Checked(access.After(apps), sigma), output);
    }

    /// <summary>
    /// Executes a whole batch. Signatures are checked and apps run on all processors; the result is that of the tasks one by one.
    /// </summary>
    /// <param name="state">The state before.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="domainSeparator">Of the signatures.</param>
    /// <param name="machine">One that this call may run tasks on; it makes others as it needs.</param>
    /// <param name="cancellation">Looked at between tasks, and in long ones.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static BatchResult Apply(
        RollupState state, Batch batch, Word domainSeparator, Machine machine, CancellationToken cancellation = default)
    {
        BatchContext context = batch.Context(domainSeparator);
        var outputs = ImmutableArray.CreateBuilder<OutputLeaf>(batch.Tasks.Length);
        var bytes = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>(batch.Tasks.Length);
        var trace = new RunLengthTrace.Builder(TraceTree.BatchHeight);
        using var runs = new BatchRuns(state, batch, context, machine, cancellation);
        for (int task = 0; task < batch.Tasks.Length; task++)
        {
            (LoadedTask? prepared, FinishedTask? finished) = runs.Take(task);
            LoadResult load = Load(state, batch, context, task, prepared);
            StoreResult? store = load.Loaded is null ? null : Store(state, batch, context, task, finished!);
            AddToTrace(trace, load, finished, store);
            state = store?.State ?? load.State;
            outputs.Add(store?.Output ?? load.Output!.Value);
            bytes.Add(finished?.Output ?? default);
        }

        return new BatchResult(state, outputs.MoveToImmutable(), bytes.MoveToImmutable(), trace.Build());
    }

    /// <summary>
    /// Runs the tasks of a batch ahead of the transitions that need them, a wave at a time: the next while the one before is being
    /// stored. A stateful app's tasks are run one after another, everything else in any order: what a task starts from is known
    /// without the roots, which are only known in order.
    /// </summary>
    private sealed class BatchRuns : IDisposable
    {
        /// <summary>Tasks of a wave: two waves' images and outputs are in memory.</summary>
        private const int WaveTasks = 256;

        private readonly Batch _batch;
        private readonly BatchContext _context;
        private readonly ulong _firstNumber;
        private readonly ParallelOptions _options;
        private readonly ConcurrentBag<Machine> _idle = [];
        private readonly Machine _machine;

        // By number; a stateful app's is replaced when one of its tasks has run.
        private readonly List<App> _apps;
        private int _waveStart, _nextStart;
        private (LoadedTask? Loaded, FinishedTask? Finished)[] _wave = [];
        private Task<(LoadedTask?, FinishedTask?)[]>? _next;

        public BatchRuns(RollupState state, Batch batch, in BatchContext context, Machine machine, CancellationToken cancellation)
        {
            _batch = batch;
            _context = context;
            _firstNumber = state.OutputsCount;
            _options = new ParallelOptions { CancellationToken = cancellation };
            _apps = [.. state.Apps];
            _machine = machine;
            _idle.Add(machine);
            Begin();
        }

        /// <summary>How a task was loaded and how it ended; nulls for one that runs nothing. Tasks are taken in order.</summary>
        public (LoadedTask? Loaded, FinishedTask? Finished) Take(int task)
        {
            if (task == _waveStart + _wave.Length)
            {
                _waveStart = task;
                _wave = _next!.GetAwaiter().GetResult();
                _next = null;
                if (_nextStart < _batch.Tasks.Length)
                    Begin();
            }

            return _wave[task - _waveStart];
        }

        public void Dispose()
        {
            // What the other tasks come to is of no interest any more when one has failed.
            if (_next is not null)
                ((IAsyncResult)_next).AsyncWaitHandle.WaitOne();
            foreach (Machine machine in _idle)
            {
                if (machine != _machine)
                    machine.Dispose();
            }
        }

        private void Begin()
        {
            int start = _nextStart;
            _nextStart = Math.Min(start + WaveTasks, _batch.Tasks.Length);
            int end = _nextStart;
            _next = Task.Run(() => RunWave(start, end));
        }

        private (LoadedTask?, FinishedTask?)[] RunWave(int start, int end)
        {
            Parallel.For(start, end, _options, task => _batch.Tasks[task].TryGetSender(_context.DomainSeparator, out _));
            var results = new (LoadedTask?, FinishedTask?)[end - start];
            List<Chain> chains = Chains(start, end);
            Parallel.ForEach(chains, _options, chain =>
            {
                if (!_idle.TryTake(out Machine? machine))
                    machine = new Machine();
                foreach (int task in chain.Tasks)
                {
                    LoadedTask loaded = Prepare(chain.App, _batch, _context, task, _firstNumber + (ulong)task);
                    FinishedTask finished = Run(machine, loaded, _options.CancellationToken);
                    if (finished.Image is { } image)
                        chain.App = new App(chain.App.Leaf with { MemoryRoot = image.Root }, image);
                    results[task - start] = (loaded, finished);
                }

                _idle.Add(machine);
            });
            foreach (Chain chain in chains)
                _apps[chain.Number] = chain.App;
            return results;
        }

        /// <summary>What runs one after another: the tasks of a stateful app, and each task of others by itself.</summary>
        private List<Chain> Chains(int start, int end)
        {
            var chains = new List<Chain>();
            var stateful = new Dictionary<int, Chain>();
            for (int task = start; task < end; task++)
            {
                RollupTask rollupTask = _batch.Tasks[task];
                if (!rollupTask.TryGetSender(_context.DomainSeparator, out Address sender))
                    continue;

                if (rollupTask.Head.Kind == TaskKind.Deploy)
                {
                    _apps.Add(Deployed(rollupTask, sender));
                }
                else if (rollupTask.Head.Target < _apps.Count)
                {
                    int number = (int)rollupTask.Head.Target;
                    if (!stateful.TryGetValue(number, out Chain? chain))
                    {
                        chain = new Chain(number, _apps[number]);
                        chains.Add(chain);
                        if (chain.App.Leaf.Policy == AppPolicy.Stateful)
                            stateful.Add(number, chain);
                    }

                    chain.Tasks.Add(task);
                }
            }

            return chains;
        }

        private sealed class Chain(int number, App app)
        {
            public int Number => number;

            /// <summary>As its last task has left it.</summary>
            public App App { get; set; } = app;

            public List<int> Tasks { get; } = [];
        }
    }

    /// <summary>Adds the 4096 leaves of a task to the trace of its batch (spec 2.8.1).</summary>
    /// <param name="trace">Has the leaves of the tasks before.</param>
    /// <param name="load">What load made of the task.</param>
    /// <param name="finished">The run of a task that was loaded, else null.</param>
    /// <param name="store">What store made of it, else null.</param>
    public static void AddToTrace(RunLengthTrace.Builder trace, LoadResult load, FinishedTask? finished, StoreResult? store)
    {
        if (load.Loaded is null || finished is null || store is null)
        {
            trace.Add(load.State.Root, Phases);
            return;
        }

        Word sigma = load.State.Sigma(load.Loaded.MachineRoot);
        trace.Add(sigma, 1);
        foreach (Word root in finished.ChunkRoots)
        {
            sigma = load.State.Sigma(root);
            trace.Add(sigma, 1);
        }

        trace.Add(sigma, (ulong)(MaxChunks - finished.ChunkRoots.Length));
        trace.Add(store.State.Root, 1);
    }

    /// <summary>The witness of transition <paramref name="position"/> of <paramref name="batch"/>.</summary>
    /// <param name="state">The state at rest before it; while a task is loaded, the one before its load.</param>
    /// <param name="finished">The loaded machine at the end of its chunks, for a store; else null.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="context">What the verifier knows of it.</param>
    /// <param name="position">Task × 4096 + phase.</param>
    /// <param name="after">σ after the transition.</param>
    /// <exception cref="WitnessException">The transition is a chunk of a loaded machine.</exception>
    public static byte[] Record(
        RollupState state, FinishedTask? finished, Batch batch, in BatchContext context, ulong position, out Word after)
    {
        var writer = new WitnessWriter();
        var access = new RecordingTransition(state, finished, batch, writer);
        after = TransitionRules.Execute(ref access, context, state.Sigma(finished?.MachineRoot ?? Word.Zero), position);
        return writer.ToArray();
    }

    /// <summary>σ after transition <paramref name="position"/> from <paramref name="sigma"/>.</summary>
    /// <exception cref="WitnessException">The bytes are not the witness of that transition.</exception>
    public static Word Replay(in BatchContext context, in Word sigma, ulong position, ReadOnlySpan<byte> witness)
    {
        var access = new ReplayingTransition(new WitnessReader(witness));
        Word after = TransitionRules.Execute(ref access, context, sigma, position);
        access.End();
        return after;
    }

    /// <summary>The machine that load starts for a task of <paramref name="app"/>, the <paramref name="number"/>th since genesis.</summary>
    private static LoadedTask Prepare(App app, Batch batch, in BatchContext context, int task, ulong number)
    {
        RollupTask rollupTask = batch.Tasks[task];
        rollupTask.TryGetSender(context.DomainSeparator, out Address sender);
        MachineHead head = TransitionRules.Start(context, number, rollupTask.Head, app.Leaf.Entry, sender);
        MemoryImage image = app.Image.ClearSlots(6, 7).Write(Machine.InputAddress, rollupTask.Input.Span);
        return new LoadedTask(image, head, head.Root(image.Root), app.Leaf.Policy == AppPolicy.Stateful);
    }

    private static App Deployed(RollupTask task, Address owner) =>
        new(new AppLeaf(task.DataRoot, owner, task.Head.Limit, (AppPolicy)task.Head.Target), task.Image!);

    private static RollupState Checked(RollupState state, in Word sigma) => state.Root == sigma
        ? state
        : throw new InvalidOperationException("The state is not the one that its roots say: an app's image is not what its root commits to.");

    private static byte[] OutputOf(Machine machine) =>
        machine.Memory.Read(Machine.OutputAddress, (int)machine.Register(11)).TrimEnd((byte)0).ToArray();
}
