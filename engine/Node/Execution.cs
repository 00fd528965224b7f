using System.Collections.Concurrent;
using System.Collections.Immutable;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Optimistic.Vm.Trace;

namespace Optimistic.Engine.Node;

/// <summary>A batch and what execution made of it.</summary>
/// <param name="FirstTask">Number of its first task since genesis.</param>
/// <param name="RootWords">The opening of the state root after it.</param>
/// <param name="LastLeaf">The proof that the trace's last leaf is the state root, as claim takes it.</param>
/// <param name="IsOwn">Whether this node appended it.</param>
/// <param name="State">The state after it; null for batches before the saved state from which the node started.</param>
public sealed record ExecutedBatch(
    ulong Index, Word Hash, BatchPreimage Preimage, ulong FirstTask, Quad RootWords, Word TraceRoot, byte[] LastLeaf, bool IsOwn, RollupState? State)
{
    public Word StateRoot => RootWords.Hash();

    public static ExecutedBatch Of(BatchRecord record)
    {
        Word[] words = [.. Enumerable.Range(0, 4).Select(i => new Word(record.RootWords.AsSpan(i * Word.Length, Word.Length)))];
        return new ExecutedBatch(
            (ulong)record.Index,
            new Word(record.Hash),
            new BatchPreimage(new Word(record.Previous), new Word(record.TasksRoot), (ulong)record.Count, (ulong)record.Time, (ulong)record.BlockNumber),
            (ulong)record.FirstTask,
            new Quad(words[0], words[1], words[2], words[3]),
            new Word(record.TraceRoot),
            record.LastLeaf,
            record.IsOwn,
            null);
    }

    public BatchRecord ToRecord() => new()
    {
        Index = (long)Index,
        Hash = Hash.ToArray(),
        Previous = Preimage.Previous.ToArray(),
        TasksRoot = Preimage.TasksRoot.ToArray(),
        Count = (long)Preimage.Count,
        Time = (long)Preimage.Time,
        BlockNumber = (long)Preimage.BlockNumber,
        FirstTask = (long)FirstTask,
        RootWords = [.. RootWords.C0.Bytes, .. RootWords.C1.Bytes, .. RootWords.C2.Bytes, .. RootWords.C3.Bytes],
        TraceRoot = TraceRoot.ToArray(),
        LastLeaf = LastLeaf,
        IsOwn = IsOwn,
    };
}

/// <summary>How one task of a batch ended.</summary>
public sealed record TaskOutcome(ulong Number, ulong Batch, int Index, RollupTask Task, Address? Sender, OutputLeaf Output, ReadOnlyMemory<byte> Bytes);

/// <summary>
/// The seam to the workers: executes whole batches. In this process for now, tasks that do not depend on each other side
/// by side; what comes out is defined by the order in the batch alone.
/// </summary>
/// <param name="domainSeparator">Of the signatures (spec 5.2.2).</param>
/// <param name="drill">A lie to tell in one task, on a development chain; null for none.</param>
/// <param name="engine">What runs the tasks.</param>
public sealed class Executor(Word domainSeparator, Drill? drill = null, ExecutionEngine engine = ExecutionEngine.Interpreter) : IDisposable
{
    private readonly SemaphoreSlim _oneBatch = new(1, 1);
    private readonly ConcurrentBag<Machine> _machines = [];

    public Word DomainSeparator { get; } = domainSeparator;

    /// <summary>Executes batch number <paramref name="index"/> on a state.</summary>
    public async Task<(ExecutedBatch Batch, ImmutableArray<TaskOutcome> Outcomes)> ExecuteAsync(
        RollupState state, ulong index, Batch batch, CancellationToken cancel)
    {
        await _oneBatch.WaitAsync(cancel);
        try
        {
            FinishedTask?[] finished = new FinishedTask?[batch.Tasks.Length];
            await RunAheadAsync(state, batch, finished, cancel);
            return await Task.Run(() => Combine(state, index, batch, finished, cancel), cancel);
        }
        finally
        {
            _oneBatch.Release();
        }
    }

    public void Dispose()
    {
        foreach (Machine machine in _machines)
            machine.Dispose();
        _oneBatch.Dispose();
    }

    /// <summary>
    /// Runs tasks of existing apps side by side: those of one stateful app one after another, all others on their own. The
    /// rest, and a batch with nothing to gain, is left to <see cref="Combine"/>.
    /// </summary>
    private async Task RunAheadAsync(RollupState state, Batch batch, FinishedTask?[] finished, CancellationToken cancel)
    {
        List<List<int>> lanes = [];
        Dictionary<uint, List<int>> stateful = [];
        for (int i = 0; i < batch.Tasks.Length; i++)
        {
            TaskHead head = batch.Tasks[i].Head;
            if (head.Kind == TaskKind.Deploy || head.Target >= (uint)state.Apps.Count)
                continue;

            if (state.Apps[(int)head.Target].Leaf.Policy == AppPolicy.Stateless)
                lanes.Add([i]);
            else if (stateful.TryGetValue(head.Target, out List<int>? lane))
                lane.Add(i);
            else
                lanes.Add(stateful[head.Target] = [i]);
        }

        if (lanes.Count < 2 || Environment.ProcessorCount < 2)
            return;

        ParallelOptions cores = new() { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancel };
        await Parallel.ForEachAsync(lanes, cores, (lane, token) =>
        {
            RunLane(state, batch, lane, finished, token);
            return ValueTask.CompletedTask;
        });
    }

    private void RunLane(RollupState state, Batch batch, List<int> lane, FinishedTask?[] finished, CancellationToken cancel)
    {
        BatchContext context = batch.Context(DomainSeparator);
        ulong first = state.OutputsCount;
        using Lease lease = new(_machines);
        foreach (int i in lane)
        {
            LoadResult load = Transition.Load(state, batch, context, i);
            if (load.Loaded is not { } loaded)
                continue;

            // In this lane the outputs of the others are missing: the task's number is what it will be in the batch.
            MachineHead head = loaded.Head;
            head.X[11] = first + (ulong)i;
            finished[i] = Run(lease.Machine, loaded with { Head = head, MachineRoot = head.Root(loaded.Image.Root) }, first + (ulong)i, cancel);
            if (i != lane[^1])
                state = Transition.Store(state, batch, context, i, finished[i]!).State;
        }
    }

    private FinishedTask Run(Machine machine, LoadedTask loaded, ulong number, CancellationToken cancel) =>
        drill is not null && drill.Task == number ? drill.Run(machine, loaded, cancel) : Transition.Run(machine, loaded, cancel, engine);

    /// <summary>The batch in order, with the runs that are there already.</summary>
    private (ExecutedBatch, ImmutableArray<TaskOutcome>) Combine(
        RollupState before, ulong index, Batch batch, FinishedTask?[] finished, CancellationToken cancel)
    {
        BatchContext context = batch.Context(DomainSeparator);
        RollupState state = before;
        var outcomes = ImmutableArray.CreateBuilder<TaskOutcome>(batch.Tasks.Length);
        RunLengthTrace.Builder trace = new(TraceTree.BatchHeight);
        using Lease lease = new(_machines);
        for (int i = 0; i < batch.Tasks.Length; i++)
        {
            LoadResult load = Transition.Load(state, batch, context, i);
            FinishedTask? run = load.Loaded is null ? null : finished[i] ?? Run(lease.Machine, load.Loaded, state.OutputsCount, cancel);
            StoreResult? store = run is null ? null : Transition.Store(state, batch, context, i, run);
            Transition.AddToTrace(trace, load, run, store);
            state = store?.State ?? load.State;
            Address? sender = batch.Tasks[i].TryGetSender(DomainSeparator, out Address found) ? found : null;
            outcomes.Add(new TaskOutcome(
                before.OutputsCount + (ulong)i, index, i, batch.Tasks[i], sender, store?.Output ?? load.Output!.Value, run?.Output ?? default));
        }

        RunLengthTrace built = trace.Build();
        BatchPreimage preimage = new(batch.PreviousHash, batch.TasksRoot, (ulong)batch.Tasks.Length, batch.Time, batch.BlockNumber);
        ExecutedBatch executed = new(
            index, batch.Hash, preimage, before.OutputsCount, state.RootWords, built.Root, built.Prove(built.Length - 1).Encode(), false, state);
        return (executed, outcomes.MoveToImmutable());
    }

    /// <summary>A machine for a while; machines cost address space and are kept.</summary>
    private readonly struct Lease(ConcurrentBag<Machine> machines) : IDisposable
    {
        public Machine Machine { get; } = machines.TryTake(out Machine? machine) ? machine : new Machine();

        public void Dispose() => machines.Add(Machine);
    }
}
