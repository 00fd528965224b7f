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
    /// <summary>Root of the memory, hashed when it is asked for.</summary>
    public Word MemoryRoot => Memory.Hash();

    /// <summary>The machine root, hashed when it is asked for.</summary>
    public Word MachineRoot => Head.Root(MemoryRoot);
}

/// <summary>What load made of a task.</summary>
/// <param name="State">The state at rest after it; the same as before when the task is now loaded.</param>
/// <param name="Loaded">The task to run, or null when it is done: a deploy, a bad signature, an unknown app.</param>
/// <param name="Output">The output of a task that is done.</param>
public sealed record LoadResult(RollupState State, LoadedTask? Loaded, OutputLeaf? Output);

/// <summary>What store made of a task.</summary>
public sealed record StoreResult(RollupState State, OutputLeaf Output);

/// <summary>
/// The transitions of level 0 (spec 3.3), one by one: executed, recorded with a witness, and replayed from roots. Whole batches are for
/// <see cref="BatchExecutor"/>, which comes to the same.
/// </summary>
public static class Transition
{
    /// <summary>Positions a task has in the trace: load, 4094 chunks, store (spec 2.8.1).</summary>
    public const ulong Phases = 4096;

    public const ulong LoadPhase = 0, StorePhase = Phases - 1;

    /// <summary>Chunks a task has.</summary>
    public const int MaxChunks = (int)Phases - 2;

    /// <summary>Steps in a chunk.</summary>
    public const ulong ChunkSteps = 1UL << 28;

    // Steps between looks at the cancellation token: up to 0.5 s.
    private const ulong SliceSteps = 1UL << 26;

    // The first steps of a chunk, all of a small task's: interpreted, they leave marks by which changed memory is found sooner.
    private const ulong FirstSteps = 1UL << 13;

    /// <summary>Executes load for task <paramref name="task"/> of <paramref name="batch"/> (spec 3.3.3).</summary>
    public static LoadResult Load(RollupState state, Batch batch, in BatchContext context, int task)
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

        RollupTask run = batch.Tasks[task];
        App app = state.Apps[(int)run.Head.Target];
        run.TryGetSender(context.DomainSeparator, out Address sender);
        LoadedTask loaded = app.Load(run, TransitionRules.Start(context, state.OutputsCount, run.Head, app.Leaf.Entry, sender));
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
        Machine machine, LoadedTask task, CancellationToken cancellation = default, ExecutionEngine engine = ExecutionEngine.Jit)
    {
        machine.Load(task.Image, task.Head);
        return RunChunks(machine, task.IsStateful, cancellation, engine);
    }

    /// <summary>As above, of a task that is on the machine.</summary>
    internal static FinishedTask RunChunks(Machine machine, bool isStateful, CancellationToken cancellation, ExecutionEngine engine)
    {
        var roots = ImmutableArray.CreateBuilder<Word>(1);
        while (machine.IsRunning && roots.Count < MaxChunks)
        {
            RunChunk(machine, cancellation, engine);
            roots.Add(machine.Root());
        }

        return Finish(machine, isStateful, roots.ToImmutable());
    }

    /// <summary>Runs one chunk: 2^28 steps, or fewer when the machine stops.</summary>
    /// <remarks>Claims rest on this run: on engines that are tested against the reference, not trusted (decision 0010).</remarks>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void RunChunk(Machine machine, CancellationToken cancellation = default, ExecutionEngine engine = ExecutionEngine.Jit)
    {
        cancellation.ThrowIfCancellationRequested();
        ulong done = Interpreter.Run(machine, FirstSteps);
        while (done < ChunkSteps && machine.IsRunning)
        {
            cancellation.ThrowIfCancellationRequested();
            done += engine.Run(machine, Math.Min(SliceSteps, ChunkSteps - done));
        }
    }

    /// <summary>What store needs of a machine that has run its chunks; it keeps of its memory what the app does.</summary>
    public static FinishedTask Finish(Machine machine, bool isStateful, ImmutableArray<Word> chunkRoots)
    {
        GuestMemory memory = machine.Memory;
        bool hasHalted = machine.Status == MachineStatus.Halted;
        Quad quarters = memory.Quarters, middle = memory.Middle;
        ReadOnlyMemory<byte> output = hasHalted ? OutputOf(machine) : default;
        MemoryImage? image = null;
        if (hasHalted && machine.ExitCode == 0 && isStateful)
        {
            memory.ClearSlots(6, 11);
            image = memory.Snapshot();
        }

        return new FinishedTask(machine.Head, quarters, middle, chunkRoots, image, output);
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

    /// <summary>Adds the 4096 leaves of a task to the trace of its batch (spec 2.8.1).</summary>
    /// <param name="trace">Has the leaves of the tasks before.</param>
    /// <param name="load">What load made of the task.</param>
    /// <param name="finished">The run of a task that was loaded, else null.</param>
    /// <param name="store">What store made of it, else null.</param>
    public static void AddToTrace(RunLengthTrace.Builder trace, LoadResult load, FinishedTask? finished, StoreResult? store)
    {
        if (load.Loaded is null || finished is null || store is null)
        {
            AddToTrace(trace, [load.State.Root]);
            return;
        }

        AddToTrace(trace, [load.State.Sigma(load.Loaded.MachineRoot), .. finished.ChunkRoots.Select(root => load.State.Sigma(root)), store.State.Root]);
    }

    /// <summary>As above, of σ after load, after each chunk and after store, or of one σ when no machine was loaded.</summary>
    internal static void AddToTrace(RunLengthTrace.Builder trace, ReadOnlySpan<Word> sigmas)
    {
        if (sigmas.Length == 1)
        {
            trace.Add(sigmas[0], Phases);
            return;
        }

        foreach (Word sigma in sigmas[..^1])
            trace.Add(sigma, 1);
        trace.Add(sigmas[^2], (ulong)(MaxChunks - (sigmas.Length - 2)));
        trace.Add(sigmas[^1], 1);
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

    /// <summary>The app that a deploy creates.</summary>
    internal static App Deployed(RollupTask task, Address owner) =>
        new(new AppLeaf(task.DataRoot, owner, task.Head.Limit, (AppPolicy)task.Head.Target), task.Image!);

    private static RollupState Checked(RollupState state, in Word sigma) => state.Root == sigma
        ? state
        : throw new InvalidOperationException("The state is not the one that its roots say: an app's image is not what its root commits to.");

    private static byte[] OutputOf(Machine machine) =>
        machine.Memory.Read(Machine.OutputAddress, (int)machine.Register(11)).TrimEnd((byte)0).ToArray();
}
