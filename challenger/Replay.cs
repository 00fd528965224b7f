using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Optimistic.Vm.Trace;

namespace Optimistic.Challenger;

/// <summary>A batch as this player executed it, with its runs.</summary>
public sealed record ReplayedBatch(L1Batch Source, OwnClaim Claim, BatchResult Result) : IBatchTrace
{
    private RunLengthTrace Trace => Result.Trace;

    public int Height => Trace.Height;

    public Word Root => Trace.Root;

    public Word Initial => Result.Before.Root;

    public RollupState After => Result.State;

    public Quad Children(int height, ulong index)
    {
        (Word c0, Word c1, Word c2, Word c3) = Trace.Children(height, index);
        return new Quad(c0, c1, c2, c3);
    }

    public Word Leaf(ulong position) => Trace.Leaf(position);

    public byte[] Prove(ulong position) => Trace.Prove(position).Encode();

    public Quad Opening(ulong position)
    {
        ulong task = position / Transition.Phases, phase = position % Transition.Phases;
        if (task >= (ulong)Result.Runs.Length)
            return After.RootWords;

        TaskRun run = Result.Runs[(int)task];
        if (run.Finished is null || phase == Transition.StorePhase)
            return Result.StateBefore((int)task + 1).RootWords;
        ImmutableArray<Word> chunks = run.Finished.ChunkRoots;
        Word machine = phase == Transition.LoadPhase ? run.LoadedRoot : chunks[(int)Math.Min(phase, (ulong)chunks.Length) - 1];
        return Result.StateBefore((int)task).RootWords with { C3 = machine };
    }
}

/// <summary>
/// Executes every batch from L1 data alone, in the background, and answers with what it has (null: not yet). With a drill it executes a
/// lie, and that is the whole difference between an honest player and a liar.
/// </summary>
public sealed partial class Replay : IOwnTraces, IAsyncDisposable
{
    /// <summary>Level 1 traces that are kept though no dispute asks for them. Those that one asks for are kept, however many they are.</summary>
    private const int KeptChunks = 4;

    /// <summary>Batches that are kept behind the last confirmed one.</summary>
    private const int KeptStates = 2;

    /// <summary>A batch that a dispute asks for is at most so many batches away from a state file, while there are not too many of them.</summary>
    internal const int StateStride = 4;

    private const int MaxStateFiles = 32;

    /// <summary>
    /// Batches that are kept whole, with all their tasks and memories, though no dispute asks for them. Of the others that are not confirmed
    /// the state is kept: they are executed again when one does.
    /// </summary>
    internal const int KeptBatches = 16;

    /// <summary>Of the time, one part in so many at most is spent on writing state files.</summary>
    private const int SavingShare = 20;

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(2);

    /// <summary>How often the log is told how far the trace of a chunk has come.</summary>
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(10);

    private readonly InboxReader _reader;
    private readonly Journal _journal;
    private readonly Drill? _drill;
    private readonly BatchExecutor _executor;
    private readonly ExecutionEngine _engine;
    private readonly ILogger _log;
    private readonly Action _wake;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _inboxChanged = new(0);
    private readonly List<OwnClaim> _claims = [];
    private readonly SortedDictionary<ulong, ReplayedBatch> _batches = [];

    /// <summary>After each batch that is not long confirmed.</summary>
    private readonly SortedDictionary<ulong, RollupState> _states = [];

    /// <summary>The look at L1 at which a batch was executed or asked for last.</summary>
    private readonly Dictionary<ulong, ulong> _usedAt = [];

    /// <summary>That at which a dispute asked for it last.</summary>
    private readonly Dictionary<ulong, ulong> _askedAt = [];
    private readonly Dictionary<(ulong Batch, ulong Position, Word BatchHash), ChunkJob> _chunks = [];

    private readonly Task _worker;

    /// <summary>Level 1 traces are built one after another: each takes all processors, and many at once would all be late.</summary>
    private Task _building = Task.CompletedTask;

    /// <summary>States after some of the batches. The worker's.</summary>
    private readonly StateStore _store;
    private InboxState _inbox = InboxState.Empty;
    private bool _started;
    private ulong _confirmed;

    /// <summary>When the next state file may be written.</summary>
    private long _saveAgain;

    /// <summary>How often L1 has been looked at, to tell which traces are still asked for.</summary>
    private ulong _looks;

    public Replay(
        InboxReader reader, Word domainSeparator, Journal journal, Drill? drill, ILogger log, Action wake, ExecutionEngine engine = ExecutionEngine.Jit)
    {
        _reader = reader;
        _journal = journal;
        _drill = drill;
        _executor = new BatchExecutor(domainSeparator, drill, engine);
        _engine = engine;
        _log = log;
        _wake = wake;
        _store = new StateStore(Path.Combine(journal.Folder, "states"), log);
        _worker = Task.Run(ExecuteAllAsync);
    }

    /// <summary>A broken invariant that ended the execution, if one did.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>How many batches this run has executed, anew and again.</summary>
    internal int Executions { get; private set; }

    /// <summary>Batches whose results are known, of batches appended.</summary>
    public (ulong Done, ulong Of) Progress
    {
        get
        {
            lock (_gate)
                return ((ulong)_claims.Count, (ulong)_inbox.Batches.Count);
        }
    }

    public OwnClaim? Claim(ulong batch)
    {
        lock (_gate)
            return batch < (ulong)_claims.Count ? _claims[(int)batch] : null;
    }

    public IBatchTrace? Batch(ulong batch)
    {
        lock (_gate)
        {
            if (batch >= (ulong)_claims.Count)
                return null;
            _askedAt[batch] = _usedAt[batch] = _looks;
            ReplayedBatch? replayed = _batches.GetValueOrDefault(batch);
            if (replayed is null && _inboxChanged.CurrentCount == 0)
                _inboxChanged.Release();
            return replayed;
        }
    }

    public ITrace? Chunk(ulong batch, ulong position)
    {
        lock (_gate)
        {
            if (batch >= (ulong)_claims.Count || !_chunks.TryGetValue((batch, position, _claims[(int)batch].BatchHash), out ChunkJob? job))
                return null;
            job.AskedAt = _looks;
            return job.Build.IsCompletedSuccessfully ? new ChunkView(job.Build.Result) : null;
        }
    }

    /// <summary>
    /// Follows the Inbox: executes what is new, drops what a reorganization voided, and forgets what the confirmed claims have settled.
    /// </summary>
    /// <param name="confirmed">Batches that are confirmed.</param>
    public void Update(InboxState inbox, ulong confirmed)
    {
        lock (_gate)
        {
            _looks++;
            _inbox = inbox;
            _confirmed = confirmed;
            if (!_started)
            {
                _started = true;
                Restore(confirmed);
            }

            int same = 0;
            while (same < _claims.Count && same < inbox.Batches.Count && _claims[same].BatchHash == inbox.Batches[same].Batch.BatchHash)
                same++;
            if (same < _claims.Count)
            {
                LogVoided((ulong)same, (ulong)_claims.Count);
                _claims.RemoveRange(same, _claims.Count - same);
                Forget(batch => batch >= (ulong)same);
            }

            // The last confirmed batch stays, and while L1 is ahead of the execution the last executed one: the next starts from its state.
            Forget(batch => batch + KeptStates < confirmed && batch + 1 < (ulong)_claims.Count);
        }

        if (_inboxChanged.CurrentCount == 0)
            _inboxChanged.Release();
    }

    /// <summary>
    /// Starts to build the level 1 trace of a chunk, unless it is under way or there, or another is being built: that wakes the loop when it
    /// ends, so what is asked for first at that look is the next.
    /// </summary>
    public void Prepare(ulong batch, ulong position)
    {
        lock (_gate)
        {
            if (!_batches.TryGetValue(batch, out ReplayedBatch? replayed))
                return;
            (ulong, ulong, Word) key = (batch, position, replayed.Claim.BatchHash);
            if (_chunks.TryGetValue(key, out ChunkJob? job))
            {
                job.AskedAt = _looks;
                Failure ??= job.Build.Exception?.InnerException;
                return;
            }

            // What was asked for at this look or the one before belongs to a dispute that goes on: to drop it would be to build it again.
            foreach ((_, ChunkJob old) in _chunks.Where(entry => entry.Value.AskedAt + 1 < _looks).OrderBy(entry => entry.Value.AskedAt)
                .SkipLast(KeptChunks - 1).Select(entry => (_chunks.Remove(entry.Key), entry.Value)).ToArray())
            {
                old.Stop.Cancel();
            }

            if (!_building.IsCompleted)
                return;
            LogPreparing(batch, position);
            var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            Task<ChunkTrace> build = Task.Run(() => BuildChunk(replayed, position, stop.Token));
            _chunks[key] = new ChunkJob(stop, build) { AskedAt = _looks };
            _building = build;
        }
    }

    /// <summary>The witness of a level 0 transition, and the σ that it gives from the own one before it (spec 3.3).</summary>
    /// <exception cref="InvalidOperationException">The batch has not been executed.</exception>
    public (byte[] Witness, Word After, BatchPreimage Preimage) ProveTransition(ulong batch, ulong position)
    {
        ReplayedBatch replayed = Replayed(batch);
        ulong task = position / Transition.Phases, phase = position % Transition.Phases;
        BatchResult result = replayed.Result;
        bool isBeyond = task >= (ulong)result.Runs.Length;
        FinishedTask? loaded = isBeyond ? null : result.Runs[(int)task].Finished;
        FinishedTask? finished = phase == Transition.StorePhase ? loaded : null;
        RollupState before = isBeyond ? result.State : result.StateBefore((int)task + (loaded is null && phase != Transition.LoadPhase ? 1 : 0));
        byte[] witness = Transition.Record(
            before, finished, replayed.Source.Batch, replayed.Source.Batch.Context(_executor.DomainSeparator), position, out Word after);
        return (witness, after, replayed.Source.Preimage);
    }

    /// <summary>The witness of one instruction of a chunk, and the machine root that it gives from the own one before it (spec 3.2).</summary>
    /// <exception cref="InvalidOperationException">The batch has not been executed.</exception>
    public (byte[] Witness, Word After) ProveStep(ulong batch, ulong chunk, ulong position)
    {
        ReplayedBatch replayed = Replayed(batch);
        ChunkTrace? built;
        lock (_gate)
            built = _chunks.GetValueOrDefault((batch, chunk, replayed.Claim.BatchHash)) is { Build.IsCompletedSuccessfully: true } job ? job.Build.Result : null;
        using var machine = new Machine();
        if (built is not null)
        {
            // The clock runs: the way from the start of the task may be a thousand chunks long.
            built.RunTo(machine, position);
        }
        else
        {
            Drill? lie = LieOf(replayed, chunk);
            ulong start = ToChunkStart(machine, replayed, lie, chunk);
            Advance(machine, lie, start, position);
        }

        Word before = machine.Root();
        byte[] witness = Step.Record(machine);
        return (witness, Step.Replay(before, witness));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        Task[] running;
        lock (_gate)
            running = [_worker, _building];
        await Task.WhenAll(running.Select(task => task.ContinueWith(_ => { }, TaskScheduler.Default))).ConfigureAwait(false);
        _executor.Dispose();
        _stop.Dispose();
        _inboxChanged.Dispose();
    }

    private ReplayedBatch Replayed(ulong batch)
    {
        lock (_gate)
            return _batches.TryGetValue(batch, out ReplayedBatch? replayed) ? replayed : throw new InvalidOperationException($"Batch {batch} has not been executed.");
    }

    private ChunkTrace BuildChunk(ReplayedBatch replayed, ulong position, CancellationToken stop)
    {
        try
        {
            long started = System.Diagnostics.Stopwatch.GetTimestamp();
            Drill? lie = LieOf(replayed, position);
            using var machine = new Machine();
            ToChunkStart(machine, replayed, lie, position);
            long reported = started;
            ChunkTrace trace = lie is null ? ChunkTrace.Build(machine, progress: Report) : lie.BuildChunk(machine, ChunkOf(position), stop, Report);
            LogPrepared(replayed.Claim.Batch, position, trace.Steps, System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds);
            return trace;

            void Report(ulong steps)
            {
                stop.ThrowIfCancellationRequested();
                if (System.Diagnostics.Stopwatch.GetElapsedTime(reported) < ProgressInterval)
                    return;

                reported = System.Diagnostics.Stopwatch.GetTimestamp();
                LogPreparingAt(replayed.Claim.Batch, position, steps);
            }
        }
        finally
        {
            _wake();
        }
    }

    /// <summary>The drill, when it is about the task at a position.</summary>
    private Drill? LieOf(ReplayedBatch replayed, ulong position) =>
        _drill is { } drill && drill.Task == replayed.Result.Before.OutputsCount + (position / Transition.Phases) ? drill : null;

    /// <summary>The chunk of its task, from 0, at a position of the level 0 trace.</summary>
    private static int ChunkOf(ulong position) => (int)(position % Transition.Phases) - 1;

    private ulong ToChunkStart(Machine machine, ReplayedBatch replayed, Drill? lie, ulong position)
    {
        int task = (int)(position / Transition.Phases);
        TaskRun run = replayed.Result.Runs[task];
        App app = run.App ?? throw new InvalidOperationException($"No machine is loaded at transition {position}.");
        app.Start(machine, replayed.Source.Batch.Tasks[task], run.Head);
        ulong start = (ulong)ChunkOf(position) * Transition.ChunkSteps;
        Advance(machine, lie, 0, start);
        return start;
    }

    private void Advance(Machine machine, Drill? lie, ulong from, ulong count)
    {
        if (lie is null)
            Drill.AdvanceHonestly(machine, count, _stop.Token, _engine);
        else
            lie.Advance(machine, from, count, _stop.Token);
    }

    private async Task ExecuteAllAsync()
    {
        try
        {
            while (true)
            {
                await _inboxChanged.WaitAsync(_stop.Token).ConfigureAwait(false);
                while (Next() is (ulong index, InboxState inbox, var before))
                {
                    // Where it cannot be read, the way begins at an earlier one.
                    if ((before ?? Load(index)) is not RollupState state)
                        continue;
                    if (!await ExecuteAsync(index, inbox, state).ConfigureAwait(false))
                        break;
                    _wake();
                    SaveState();
                }

                SaveState();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
        catch (Exception broken)
        {
            // The daemon cannot go on without its own results: the main loop ends the process with this.
            Failure = broken;
            _wake();
        }
    }

    /// <summary>
    /// What to execute: the next on the way to what disputes ask for, else to the next of L1's, else to what earlier runs have executed, is
    /// not confirmed, and may be asked for. The way begins at the last state before it that there is.
    /// </summary>
    /// <returns>With no state: it is in the store.</returns>
    private (ulong Index, InboxState Inbox, RollupState? Before)? Next()
    {
        lock (_gate)
        {
            ulong count = (ulong)_claims.Count, to = Asked().Where(batch => !_batches.ContainsKey(batch)).DefaultIfEmpty(count).Min();
            if (to == (ulong)_inbox.Batches.Count)
            {
                to = Math.Min(_confirmed, count);
                while (to < count && _states.ContainsKey(to))
                    to++;
                if (to == count)
                    return null;
            }

            ulong from = to;
            while (from > 0 && !_states.ContainsKey(from - 1))
                from--;
            ulong stored = _store.Latest(to, _claims);
            return stored > from ? (stored, _inbox, null) : (from, _inbox, from == 0 ? RollupState.Genesis : _states[from - 1]);
        }
    }

    /// <summary>The state before a batch, from the store.</summary>
    private RollupState? Load(ulong batch)
    {
        OwnClaim? claim = Claim(batch - 1);
        if (claim is null || _store.Read(claim) is not RollupState state)
            return null;
        lock (_gate)
        {
            if (Claim(batch - 1) != claim)
                return null;
            _states[batch - 1] = state;
        }

        LogRestored(batch);
        return state;
    }

    /// <summary>Batches that disputes ask for.</summary>
    private IEnumerable<ulong> Asked() =>
        _askedAt.Where(asked => asked.Value + 1 >= _looks && asked.Key < (ulong)_claims.Count).Select(asked => asked.Key);

    private void Forget(Func<ulong, bool> which)
    {
        foreach (ulong batch in _states.Keys.Concat(_usedAt.Keys).Where(which).ToHashSet())
        {
            _states.Remove(batch);
            _batches.Remove(batch);
            _usedAt.Remove(batch);
            _askedAt.Remove(batch);
        }
    }

    /// <returns>False when L1 could not be read, or has changed meanwhile: wait for the next update.</returns>
    private async Task<bool> ExecuteAsync(ulong index, InboxState inbox, RollupState before)
    {
        L1Batch source;
        try
        {
            source = await _reader.ReadAsync(inbox, index, _stop.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is EthereumException or L1DataException)
        {
            LogUnreadable(index, error.Message);
            await Task.Delay(RetryPause, _stop.Token).ConfigureAwait(false);
            return false;
        }

        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        ReplayedBatch replayed = Execute(source, before);
        bool isAgain;
        lock (_gate)
        {
            bool current = index <= (ulong)_claims.Count && index < (ulong)_inbox.Batches.Count &&
                _inbox.Batches[(int)index].Batch.BatchHash == source.Hash;
            if (!current)
                return false;
            isAgain = index < (ulong)_claims.Count;
            if (isAgain && (_claims[(int)index].StateRoot, _claims[(int)index].TraceRoot) != (replayed.Claim.StateRoot, replayed.Claim.TraceRoot))
            {
                // One of the two is wrong. The next run does not begin with either.
                _journal.ForgetClaims(index);
                throw new InvalidOperationException($"Batch {index} came to {replayed.Claim} now and to {_claims[(int)index]} before.");
            }

            Executions++;
            if (!isAgain)
                _claims.Add(replayed.Claim);
            _states[index] = replayed.After;
            _batches[index] = replayed;
            _usedAt[index] = _looks;
            foreach (ulong old in _batches.Keys.Where(batch => _usedAt[batch] + 1 < _looks).OrderBy(batch => _usedAt[batch]).ThenBy(batch => batch)
                .Take(_batches.Count - KeptBatches).ToArray())
            {
                _batches.Remove(old);
            }
        }

        if (isAgain)
            return true;

        _journal.Record(replayed.Claim);
        LogExecuted(
            index,
            replayed.Result.Outputs.Length,
            replayed.Claim.StateRoot,
            replayed.Claim.TraceRoot,
            System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds);
        return true;
    }

    private ReplayedBatch Execute(L1Batch source, RollupState state)
    {
        BatchResult result = _executor.Execute(state, source.Batch, _stop.Token, keepRuns: true);
        return new ReplayedBatch(
            source, new OwnClaim(source.Index, source.Hash, result.State.Root, result.Trace.Root, source.AppendedAt), result);
    }

    /// <summary>
    /// Writes one state that a restart would miss: before what disputes ask for, after the last batch that is executed, and after the last
    /// that is confirmed, from which the others can be reached.
    /// </summary>
    private void SaveState()
    {
        OwnClaim claim;
        RollupState state;
        HashSet<ulong> kept;
        if (Environment.TickCount64 < _saveAgain)
            return;
        lock (_gate)
        {
            ulong count = (ulong)_claims.Count, confirmed = Math.Min(_confirmed, count);
            ulong[] asked = [.. Asked().Order()];
            ulong[] wanted = _store.Count < MaxStateFiles ? [.. asked.Where(batch => Missing(batch) > StateStride)] : [];
            ulong next = wanted.Concat(new[] { confirmed, count }.OrderByDescending(Missing)).FirstOrDefault(next => next > 0 && Missing(next) > 0 && _states.ContainsKey(next - 1));
            if (next == 0)
                return;
            claim = _claims[(int)next - 1];
            state = _states[next - 1];
            kept = [next, .. asked.Append(confirmed).Append(count).Select(batch => _store.Latest(batch, _claims))];

            ulong Missing(ulong batches) => batches - _store.Latest(batches, _claims);
        }

        long started = Environment.TickCount64;
        _store.Write(claim, state);
        _store.Keep(kept);
        _saveAgain = Environment.TickCount64 + SavingShare * (Environment.TickCount64 - started);
    }

    /// <summary>
    /// Takes up the results of earlier runs: what they say of a claim is known at once, and batches are executed again for their traces. Of
    /// another build, which may have been wrong, only what is confirmed is believed.
    /// </summary>
    private void Restore(ulong confirmed)
    {
        foreach (OwnClaim claim in _journal.ReadClaims(confirmed))
        {
            if (_claims.Count >= _inbox.Batches.Count || claim.Batch != (ulong)_claims.Count || _inbox.Batches[_claims.Count].Batch.BatchHash != claim.BatchHash)
                return;
            _claims.Add(claim);
        }
    }

    private sealed record ChunkJob(CancellationTokenSource Stop, Task<ChunkTrace> Build)
    {
        /// <summary>The look at L1 at which it was asked for last.</summary>
        public ulong AskedAt { get; set; }
    }

    /// <summary>A level 1 trace as the solver sees it.</summary>
    private sealed class ChunkView(ChunkTrace trace) : ITrace
    {
        public int Height => trace.Height;

        public Word Root => trace.Root;

        public Quad Children(int height, ulong index)
        {
            (Word c0, Word c1, Word c2, Word c3) = trace.Children(height, index);
            return new Quad(c0, c1, c2, c3);
        }

        public Word Leaf(ulong position) => trace.Leaf(position);

        public byte[] Prove(ulong position) => trace.Prove(position).Encode();
    }

    [LoggerMessage(Level = LogLevel.Information, EventName = "BatchExecuted", Message = "Executed batch {Batch}: {Tasks} tasks, state root {StateRoot}, trace root {TraceRoot}, {Seconds:0.0} s")]
    private partial void LogExecuted(ulong batch, int tasks, Word stateRoot, Word traceRoot, double seconds);

    [LoggerMessage(Level = LogLevel.Information, EventName = "ChunkWanted", Message = "Building the trace of the chunk at {Position} of batch {Batch}")]
    private partial void LogPreparing(ulong batch, ulong position);

    [LoggerMessage(Level = LogLevel.Information, EventName = "ChunkHashed", Message = "Building the trace of the chunk at {Position} of batch {Batch}: {Steps} instructions so far")]
    private partial void LogPreparingAt(ulong batch, ulong position, ulong steps);

    [LoggerMessage(Level = LogLevel.Information, EventName = "ChunkBuilt", Message = "Built the trace of the chunk at {Position} of batch {Batch}: {Steps} instructions, {Seconds:0.0} s")]
    private partial void LogPrepared(ulong batch, ulong position, ulong steps, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, EventName = "BatchUnreadable", Message = "Batch {Batch} cannot be read from L1 yet: {Reason}")]
    private partial void LogUnreadable(ulong batch, string reason);

    [LoggerMessage(Level = LogLevel.Warning, EventName = "BatchesVoided", Message = "Batches {First} to {End} (exclusive) are no longer on L1")]
    private partial void LogVoided(ulong first, ulong end);

    [LoggerMessage(Level = LogLevel.Information, EventName = "StateRestored", Message = "Going on from the state before batch {Batch}")]
    private partial void LogRestored(ulong batch);
}
