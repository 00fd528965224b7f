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

/// <summary>The seam to the workers: executes whole batches, in this process for now, one at a time.</summary>
/// <param name="domainSeparator">Of the signatures (spec 5.2.2).</param>
/// <param name="drill">A lie to tell in one task, on a development chain; null for none.</param>
/// <param name="engine">What runs the tasks.</param>
public sealed class Executor(Word domainSeparator, Drill? drill = null, ExecutionEngine engine = ExecutionEngine.Jit) : IDisposable
{
    private readonly SemaphoreSlim _oneBatch = new(1, 1);
    private readonly BatchExecutor _executor = new(domainSeparator, drill, engine);

    public Word DomainSeparator => _executor.DomainSeparator;

    /// <summary>Executes batch number <paramref name="index"/> on a state.</summary>
    public async Task<(ExecutedBatch Batch, ImmutableArray<TaskOutcome> Outcomes)> ExecuteAsync(
        RollupState state, ulong index, Batch batch, CancellationToken cancel)
    {
        await _oneBatch.WaitAsync(cancel);
        try
        {
            return await Task.Run(() => Execute(state, index, batch, cancel), cancel);
        }
        finally
        {
            _oneBatch.Release();
        }
    }

    public void Dispose()
    {
        _executor.Dispose();
        _oneBatch.Dispose();
    }

    private (ExecutedBatch, ImmutableArray<TaskOutcome>) Execute(RollupState state, ulong index, Batch batch, CancellationToken cancel)
    {
        BatchResult result = _executor.Execute(state, batch, cancel);
        BatchPreimage preimage = new(batch.PreviousHash, batch.TasksRoot, (ulong)batch.Tasks.Length, batch.Time, batch.BlockNumber);
        RunLengthTrace trace = result.Trace;
        ExecutedBatch executed = new(
            index, batch.Hash, preimage, state.OutputsCount, result.State.RootWords, trace.Root, trace.Prove(trace.Length - 1).Encode(), false, result.State);
        ImmutableArray<TaskOutcome> outcomes =
        [
            .. batch.Tasks.Select((task, i) => new TaskOutcome(
                state.OutputsCount + (ulong)i,
                index,
                i,
                task,
                task.TryGetSender(DomainSeparator, out Address sender) ? sender : null,
                result.Outputs[i],
                result.OutputBytes[i])),
        ];
        return (executed, outcomes);
    }
}
