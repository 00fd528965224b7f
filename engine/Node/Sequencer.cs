using System.Collections.Immutable;
using System.Numerics;
using System.Threading.Channels;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Engine.Rpc;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Engine.Node;

/// <summary>How a node orders and posts.</summary>
public sealed record SequencerOptions
{
    /// <summary>A batch is sealed when its oldest task waits so long.</summary>
    public TimeSpan BatchInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often L1 is looked at.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Tasks in a batch.</summary>
    public int MaxBatchTasks { get; init; } = 1000;

    /// <summary>Bytes of one task in calldata.</summary>
    public const int MaxTaskBytes = 110_000;

    /// <summary>Bytes of tasks in a batch; Ethereum nodes pass on transactions of up to 128 KiB.</summary>
    public int MaxBatchBytes { get; init; } = 120_000;

    /// <summary>Accepted tasks that wait; more are refused.</summary>
    public int MaxWaitingTasks { get; init; } = 20_000;

    /// <summary>A batch that this node did not append is claimed by it after so long, when nobody else did.</summary>
    public TimeSpan ForeignClaimDelay { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>A state is saved after so many batches; a restart executes those after the last saved one again.</summary>
    public int SaveStateBatches { get; init; } = 16;

    /// <summary>A lie to tell, for drills on development chains; null for none.</summary>
    public Drill? Drill { get; init; }

    /// <summary>What runs the tasks.</summary>
    public ExecutionEngine Engine { get; init; } = ExecutionEngine.Jit;
}

/// <summary>What anyone may read of a node at one instant. Immutable.</summary>
/// <param name="Batches">Executed batches that L1 has, by index.</param>
/// <param name="Ahead">The batch that is under way to L1, executed already; null for none.</param>
/// <param name="AheadOutcomes">How its tasks ended.</param>
public sealed record NodeView(
    L1State L1,
    ulong SafeBlock,
    ulong FinalizedBlock,
    ImmutableList<ExecutedBatch> Batches,
    ExecutedBatch? Ahead,
    ImmutableArray<TaskOutcome> AheadOutcomes,
    RollupState State,
    bool IsSynced)
{
    /// <summary>Batches that L1 has in a block up to this one.</summary>
    public int CountUpTo(ulong block)
    {
        int count = Batches.Count;
        while (count > 0 && (count > L1.Inbox.Batches.Count || L1.Inbox.Batches[count - 1].Place.BlockNumber > block))
            count--;
        return count;
    }

    /// <summary>Batches whose claims are confirmed.</summary>
    public int SettledCount =>
        L1.Claims.ConfirmedBatches.TryGetValue(L1.Claims.LatestConfirmed, out ulong batch) ? (int)batch + 1 : 0;
}

/// <summary>
/// Orders tasks, puts them into batches, executes them, posts batches and claims, and follows what L1 makes of it. One
/// loop does all that changes state; one other takes tasks in. What readers see is <see cref="View"/>.
/// </summary>
public sealed class Sequencer
{
    /// <summary>Tasks taken in with one flush of the journal.</summary>
    private const int MaxIntake = 256;

    /// <summary>Wei of fees that are worth the gas of fetching them.</summary>
    private static readonly BigInteger MinFeesToWithdraw = BigInteger.Pow(10, 16);

    /// <summary>Publications under way at once.</summary>
    private const int MaxPublications = 32;

    /// <summary>Direct tasks of a batch: they cost some 5,000 gas each, of the 16.7 million of a transaction.</summary>
    private const ulong MaxDirectTasks = 1000;

    private readonly NodeStore _store;
    private readonly EthereumClient _client;
    private readonly ContractsFile _contracts;
    private readonly ClaimRef _genesis;
    private readonly L1View _l1;
    private readonly L1Outbox _outbox;
    private readonly InboxReader _inbox;
    private readonly Executor _executor;
    private readonly SequencerOptions _options;
    private readonly TimeProvider _time;
    private readonly Serilog.ILogger _log;

    private readonly Channel<Intake> _intake = Channel.CreateBounded<Intake>(4096);
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    // Guarded by _gate: the intake adds, the loop removes.
    private readonly Lock _gate = new();
    private readonly SortedDictionary<ulong, AcceptedTask> _waiting = [];
    private readonly Dictionary<Word, ulong> _known = [];
    private readonly Dictionary<ulong, DateTimeOffset> _acceptedAt = [];
    private ulong _nextSequence = 1;

    private ImmutableList<ExecutedBatch> _batches;
    private RollupState _state = RollupState.Genesis;
    private readonly HashSet<Word> _warned = [];
    private InFlight? _inFlight;
    private bool _isAligned, _isAtLoss;
    private volatile bool _isThrottled;
    private int _polledReorganizations = -1;
    private int _withdrawnAt;
    private NodeView _view;

    public Sequencer(
        NodeStore store,
        EthereumClient client,
        ContractsFile contracts,
        L1Terms terms,
        Account account,
        SequencerOptions options,
        TimeProvider time,
        Serilog.ILogger log)
    {
        (_store, _client, _contracts, _options, _time, _log) = (store, client, contracts, options, time, log);
        _genesis = terms.Genesis;
        RollupContracts addresses = new(contracts.Rollup, contracts.Tournament, contracts.Inbox);
        _l1 = new L1View(client, addresses, contracts.Block, terms.Genesis, terms.Rules);
        _outbox = new L1Outbox(store, client, account, time, log);
        _inbox = new InboxReader(client, contracts.Inbox);
        _executor = new Executor(terms.DomainSeparator, options.Drill, options.Engine);
        _batches = [.. store.Batches.FindAll().OrderBy(batch => batch.Index).Select(ExecutedBatch.Of)];
        LoadTasks();
        _view = new NodeView(_l1.Current, 0, 0, _batches, null, [], _state, false);
    }

    /// <summary>The latest state that readers may see.</summary>
    public NodeView View => Volatile.Read(ref _view);

    public Word DomainSeparator => _executor.DomainSeparator;

    /// <summary>Why the last turn of the loop failed, and since when turns fail; null when it did not.</summary>
    public (string Reason, DateTimeOffset Since)? Trouble { get; private set; }

    public int WaitingCount
    {
        get
        {
            lock (_gate)
                return _waiting.Count;
        }
    }

    public int OutboxCount => _outbox.PendingCount;

    /// <summary>Whether tasks wait because the Inbox takes no more steps in this time (spec 5.1.7).</summary>
    public bool IsThrottled => _isThrottled;

    /// <summary>Takes a task in. When this returns, the task survives a kill.</summary>
    /// <returns>Its place in the order; that of the first time when the same task is sent again.</returns>
    /// <exception cref="RpcException">Too many tasks wait.</exception>
    public async Task<ulong> AcceptAsync(RollupTask task, EncodedTask encoded, IReadOnlyList<DataPart> parts, Address sender, CancellationToken cancel)
    {
        Intake intake = new(task, encoded, parts, sender, new TaskCompletionSource<ulong>(TaskCreationOptions.RunContinuationsAsynchronously));
        await _intake.Writer.WriteAsync(intake, cancel);
        return await intake.Done.Task.WaitAsync(cancel);
    }

    /// <summary>The task, when this node accepted it and it is not in a batch of L1.</summary>
    public AcceptedTask? FindWaiting(Word hash)
    {
        lock (_gate)
            return _known.TryGetValue(hash, out ulong sequence) && _waiting.TryGetValue(sequence, out AcceptedTask? task) ? task : null;
    }

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        Task intake = TakeInAsync(cancel);
        try
        {
            Task loop = LoopAsync(cancel);
            // Either one ending early is a broken invariant, which ends the node.
            await await Task.WhenAny(intake, loop);
        }
        finally
        {
            _store.TakeIn();
            if (_isAligned && _batches.Count > 0)
                _store.SaveState(_batches[^1].Index, _batches[^1].Hash, _state);
            _executor.Dispose();
        }
    }

    private async Task LoopAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                if (await _l1.FollowAsync(cancel))
                    await TurnAsync(cancel);
                Trouble = null;
            }
            catch (Exception error) when (error is EthereumException or L1DataException)
            {
                // L1 may come back, or answer right the next time; nothing was changed.
                if (Trouble?.Reason != error.Message)
                    _log.Warning("{Reason}", error.Message);
                Trouble = (error.Message, Trouble?.Since ?? _time.GetUtcNow());
            }

            await PauseAsync(cancel);
        }

        cancel.ThrowIfCancellationRequested();
    }

    private async Task PauseAsync(CancellationToken cancel)
    {
        using CancellationTokenSource pause = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        pause.CancelAfter(_options.PollInterval);
        try
        {
            await _wake.Reader.ReadAsync(pause.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // Time for the next look at L1.
        }
    }

    private async Task TurnAsync(CancellationToken cancel)
    {
        _store.TakeIn();
        BlockHeader safe = await _client.GetBlockAsync(BlockParameter.Safe, cancel) ?? throw new RpcMalformedException("L1 answered no safe block.");
        BlockHeader finalized = await _client.GetBlockAsync(BlockParameter.Finalized, cancel) ?? throw new RpcMalformedException("L1 answered no finalized block.");
        await AlignAsync(cancel);
        int reorganizations = _l1.Reorganizations;
        await _outbox.PollAsync(_l1.Current.Block, finalized.Number, reorganizations != _polledReorganizations, cancel);
        _polledReorganizations = reorganizations;
        await LandAsync(cancel);
        Publish(safe.Number, finalized.Number);
        await PublishPartsAsync(cancel);
        await SealAsync(cancel);
        Publish(safe.Number, finalized.Number);
        await ClaimAsync(cancel);
        await ConfirmAsync(cancel);
        await WithdrawAsync(cancel);
    }

    private void Publish(ulong safe, ulong finalized) => Volatile.Write(ref _view, new NodeView(
        _l1.Current, safe, finalized, _batches, _inFlight?.Executed, _inFlight?.Outcomes ?? [], _inFlight?.Executed?.State ?? _state, true));

    // Taking tasks in

    private async Task TakeInAsync(CancellationToken cancel)
    {
        List<Intake> together = [];
        while (await _intake.Reader.WaitToReadAsync(cancel))
        {
            together.Clear();
            while (together.Count < MaxIntake && _intake.Reader.TryRead(out Intake? next))
                together.Add(next);
            TakeIn(together);
            _wake.Writer.TryWrite(true);
        }
    }

    private void TakeIn(List<Intake> together)
    {
        List<(Intake Intake, ulong Sequence)> answers = [];
        List<(AcceptedTask Task, TaskRecord Record)> accepted = [];
        DateTimeOffset now = _time.GetUtcNow();
        lock (_gate)
        {
            foreach (Intake intake in together)
            {
                if (!_known.TryGetValue(intake.Task.Hash, out ulong sequence))
                {
                    if (_waiting.Count + accepted.Count >= _options.MaxWaitingTasks)
                    {
                        intake.Done.SetException(new RpcException(
                            RpcErrorCode.LimitExceeded, "Too many tasks wait for a batch.", "Send the task again later."));
                        continue;
                    }

                    sequence = _nextSequence++;
                    _known.Add(intake.Task.Hash, sequence);
                    accepted.Add((new AcceptedTask(sequence, intake.Task, intake.Encoded, intake.Parts, intake.Sender), RecordOf(intake, sequence, now)));
                }

                answers.Add((intake, sequence));
            }
        }

        if (accepted.Count > 0)
            _store.Accept([.. accepted.Select(task => task.Record)]);

        lock (_gate)
        {
            foreach ((AcceptedTask task, _) in accepted)
            {
                _waiting.Add(task.Sequence, task);
                _acceptedAt.Add(task.Sequence, now);
            }
        }

        foreach ((Intake intake, ulong sequence) in answers)
            intake.Done.SetResult(sequence);
    }

    private static TaskRecord RecordOf(Intake intake, ulong sequence, DateTimeOffset now) => new()
    {
        Sequence = (long)sequence,
        Hash = intake.Task.Hash.ToString(),
        Encoded = BatchCodec.Encode([intake.Encoded]),
        Sender = intake.Sender.Bytes.ToArray(),
        Parts = [.. intake.Parts],
        AcceptedAt = now.ToUnixTimeSeconds(),
    };

    /// <summary>Tasks accepted before a restart that no executed batch has.</summary>
    private void LoadTasks()
    {
        foreach (TaskRecord record in _store.Tasks.FindAll().OrderBy(task => task.Sequence))
        {
            ulong sequence = (ulong)record.Sequence;
            _nextSequence = Math.Max(_nextSequence, sequence + 1);
            _known[Word.Parse(record.Hash)] = sequence;
            if (!_store.Receipts.Exists(receipt => receipt.TaskHash == record.Hash))
                Await(record);
        }
    }

    private void Await(TaskRecord record)
    {
        EncodedTask encoded = BatchCodec.Decode(record.Encoded)[0];
        List<DataPart> parts = [.. encoded.Chunks.Select(chunk => chunk.Root).Distinct().Select(root => new DataPart(root.ToArray(), PartOf(root)))];
        RollupTask task = TaskCodec.Decode(encoded, root => PartOf(root))!;
        lock (_gate)
        {
            _waiting[(ulong)record.Sequence] = new AcceptedTask((ulong)record.Sequence, task, encoded, parts, new Address(record.Sender));
            _acceptedAt[(ulong)record.Sequence] = DateTimeOffset.FromUnixTimeSeconds(record.AcceptedAt);
        }

        byte[] PartOf(Word root) => _store.FindPart(root)
            ?? throw new InvalidOperationException($"Chunk {root} of an accepted task is not in the database.");
    }

    // What L1 has

    /// <summary>Makes the executed batches those that L1 has.</summary>
    private async Task AlignAsync(CancellationToken cancel)
    {
        ImmutableList<(BatchAppendedEvent Batch, L1Place Place)> onL1 = _l1.Current.Inbox.Batches;
        int common = 0;
        while (common < _batches.Count && common < onL1.Count && _batches[common].Hash == onL1[common].Batch.BatchHash)
            common++;
        if (common < _batches.Count)
        {
            _log.Warning("Batches from {Index} on are no longer on L1", common);
            Truncate(common);
        }

        if (!_isAligned)
            RestoreState();

        while (_batches.Count < onL1.Count)
        {
            ulong index = (ulong)_batches.Count;
            if (_inFlight is { Executed: { } ahead } && ahead.Hash == onL1[(int)index].Batch.BatchHash)
            {
                Adopt(ahead, _inFlight.Outcomes);
                continue;
            }

            L1Batch batch = await _inbox.ReadAsync(_l1.Current.Inbox, index, cancel);
            (ExecutedBatch executed, ImmutableArray<TaskOutcome> outcomes) = await _executor.ExecuteAsync(_state, index, batch.Batch, cancel);
            Adopt(executed, outcomes);
        }

        _isAligned = true;
    }

    /// <summary>Takes an executed batch that L1 has into the chain of batches.</summary>
    private void Adopt(ExecutedBatch executed, ImmutableArray<TaskOutcome> outcomes)
    {
        Word transaction = _l1.Current.Inbox.Batches[(int)executed.Index].Place.TransactionHash;
        executed = executed with { IsOwn = _outbox.Sent("append").Any(sent => Has(sent, transaction)) || WasOwn(executed) };
        byte[]?[] bytes = [.. outcomes.Select(outcome => _store.KeepOutput(outcome.Output.OutputRoot, outcome.Bytes))];
        _store.Write(() =>
        {
            _store.Batches.Upsert(executed.ToRecord());
            for (int i = 0; i < outcomes.Length; i++)
                _store.Receipts.Upsert(RecordOf(outcomes[i], bytes[i]));
        });
        _batches = _batches.Add(executed);
        _state = executed.State!;
        lock (_gate)
        {
            foreach (TaskOutcome outcome in outcomes)
            {
                if (_known.TryGetValue(outcome.Task.Hash, out ulong sequence))
                {
                    _waiting.Remove(sequence);
                    _acceptedAt.Remove(sequence);
                }
            }
        }

        if ((executed.Index + 1) % (ulong)_options.SaveStateBatches == 0)
            _store.SaveState(executed.Index, executed.Hash, _state);
        _log.Information("Batch {Index} with {Count} tasks is on L1, state root {Root}", executed.Index, executed.Preimage.Count, executed.StateRoot);
    }

    private bool WasOwn(ExecutedBatch executed) =>
        _store.Batches.FindById((long)executed.Index) is { IsOwn: true } before && before.Hash.AsSpan().SequenceEqual(executed.Hash.Bytes);

    private static bool Has(OutboxRecord sent, Word transaction) =>
        sent.Attempts.Exists(attempt => attempt.Hash.AsSpan().SequenceEqual(transaction.Bytes));

    /// <summary>Forgets the batches from <paramref name="count"/> on; their tasks that were accepted here wait again.</summary>
    private void Truncate(int count)
    {
        List<ReceiptRecord> undone = [.. _store.Receipts.Find(receipt => receipt.Batch >= count)];
        _store.Write(() =>
        {
            _store.Receipts.DeleteMany(receipt => receipt.Batch >= count);
            _store.Batches.DeleteMany(batch => batch.Index >= count);
        });
        _batches = _batches.RemoveRange(count, _batches.Count - count);
        _isAligned = false;
        foreach (ReceiptRecord receipt in undone)
        {
            if (_store.Tasks.FindOne(task => task.Hash == receipt.TaskHash) is { } record)
                Await(record);
        }
    }

    /// <summary>Finds the state after the last executed batch: in memory, in a saved file, or by starting further back.</summary>
    private void RestoreState()
    {
        while (_batches.Count > 0)
        {
            ExecutedBatch last = _batches[^1];
            RollupState? state = last.State;
            foreach ((ulong index, Word hash, Func<RollupState?> load) in _store.SavedStates())
            {
                if (state is null && index == last.Index && hash == last.Hash)
                    state = load();
            }

            if (state is not null && state.Root == last.StateRoot)
            {
                _batches = _batches.SetItem(_batches.Count - 1, last with { State = state });
                _state = state;
                return;
            }

            // Executed again below, with the same receipts: nothing on disk has to change.
            _batches = _batches.RemoveAt(_batches.Count - 1);
        }

        _state = RollupState.Genesis;
    }

    // Batches

    /// <summary>Looks what became of the batch under way.</summary>
    private async Task LandAsync(CancellationToken cancel)
    {
        if (_inFlight is null && _store.InFlight.FindById(1) is { } record)
            await ResumeAsync(record, cancel);
        if (_inFlight is not { } flight)
            return;

        OutboxRecord? sent = _outbox.Find(flight.Record.OutboxId);
        bool isOnL1 = sent is not null && IsOnL1(sent);
        if (!isOnL1 && sent is { Status: OutboxStatus.Pending or OutboxStatus.Mined })
        {
            // A foreign batch went first: what was executed ahead is executed again on what there is now.
            if (flight.Executed is { } ahead && (ahead.Index != (ulong)_batches.Count || ahead.Preimage.Previous != PreviousHash))
                _inFlight = await ExecuteAheadAsync(flight, cancel);
            return;
        }

        if (!isOnL1)
            _log.Warning("Batch {Index} was not appended; its tasks wait for the next one", flight.Executed?.Index);
        _store.Write(() => _store.InFlight.Delete(1));
        _inFlight = null;
    }

    private async Task ResumeAsync(InFlightRecord record, CancellationToken cancel)
    {
        List<AcceptedTask> tasks = [];
        lock (_gate)
        {
            foreach (long sequence in record.Sequences)
            {
                if (_waiting.TryGetValue((ulong)sequence, out AcceptedTask? task))
                    tasks.Add(task);
            }
        }

        // Tasks that are on L1 already are no longer waiting; then there is nothing to execute ahead.
        InFlight flight = new(record, tasks.Count == record.Sequences.Count ? tasks : [], null, []);
        _inFlight = await ExecuteAheadAsync(flight, cancel);
    }

    private Word PreviousHash => _batches.Count == 0 ? Word.Zero : _batches[^1].Hash;

    /// <summary>Appends a batch when there is one to append and none under way.</summary>
    private async Task SealAsync(CancellationToken cancel)
    {
        // After a reorganization appended batches are on their way again: their tasks must not go into another one.
        if (_inFlight is not null || _outbox.Sent("append").Any(IsUnderWay))
            return;

        L1State l1 = _l1.Current;
        if (WaitingCount == 0 && DirectHead(l1.Inbox) == (ulong)l1.Inbox.DirectTasks.Count)
        {
            _isThrottled = false;
            return;
        }

        ulong free = await new ContractHandler(_client, _contracts.Inbox).QueryAsync(new Abi.Inbox.FreeStepsFunction(), cancel: cancel);
        (List<AcceptedTask> tasks, ulong direct) = ChooseBatch(l1, free);
        if (tasks.Count + (int)direct == 0)
            return;

        ulong time = Math.Max(l1.Timestamp, _batches.Count == 0 ? 0 : _batches[^1].Preimage.Time);
        ulong block = Math.Max(l1.Block, _batches.Count == 0 ? 0 : _batches[^1].Preimage.BlockNumber);
        byte[] calldata = BatchCodec.Encode(tasks.Select(task => task.Encoded));
        InFlightRecord record = new()
        {
            Id = 1,
            Sequences = [.. tasks.Select(task => (long)task.Sequence)],
            Time = (long)time,
            BlockNumber = (long)block,
            DirectCount = (long)direct,
        };
        string key = $"{_batches.Count}/{record.Sequences.FirstOrDefault()}/{DirectHead(l1.Inbox)}/{time}";
        try
        {
            try
            {
                await _outbox.SendAsync("append", key, _contracts.Inbox, new Abi.Inbox.AppendFunction(time, block, direct, calldata), BigInteger.Zero, cancel, sent =>
                {
                    record.OutboxId = sent.Id;
                    _store.InFlight.Upsert(record);
                });
            }
            catch (ContractRevertException refused) when (refused.Is(Abi.Inbox.OverdueTaskLeftError.Definition))
            {
                // More is overdue than a batch of ours takes: batches of that alone go before it.
                await _outbox.SendAsync("force", $"{_batches.Count}", _contracts.Inbox, new Abi.Inbox.ForceFunction(MaxDirectTasks), BigInteger.Zero, cancel);
                return;
            }
        }
        catch (ContractRevertException refused) when (refused.Is(Abi.Inbox.TooMuchWorkError.Definition))
        {
            // Another sequencer was first, or an overdue task does not fit yet: time makes room.
            Throttle(0);
            return;
        }

        _inFlight = await ExecuteAheadAsync(new InFlight(record, tasks, null, []), cancel);
    }

    /// <summary>
    /// The tasks of the next batch, those that were sent here and how many of the direct queue; none while it is not time for them. The two
    /// take turns at being first, and what is first waits until it fits, so that neither keeps the other out.
    /// </summary>
    /// <param name="l1">What L1 has.</param>
    /// <param name="free">Steps that the Inbox takes now.</param>
    private (List<AcceptedTask> Tasks, ulong Direct) ChooseBatch(L1State l1, ulong free)
    {
        bool isDirectFirst = l1.Inbox.Batches.Count == 0 || l1.Inbox.Batches[^1].Batch.DirectCount == 0;
        DirectChoice direct = default;
        if (isDirectFirst)
            direct = ChooseDirectTasks(l1.Inbox, (int)MaxDirectTasks, free);
        bool isHeldUp = direct is { IsShort: true, Count: 0 };
        TaskChoice chosen = ChooseTasks(l1.Inbox, Batch.MaxTasks - (int)direct.Count, free - direct.Steps);
        if (!isDirectFirst)
        {
            isHeldUp = chosen is { IsShort: true, Tasks: [] };
            direct = ChooseDirectTasks(l1.Inbox, Math.Min((int)MaxDirectTasks, Batch.MaxTasks - chosen.Tasks.Count), free - chosen.Steps);
        }

        if (free < _contracts.MaxBatchSteps && (chosen.IsShort || direct.IsShort))
            Throttle(free);
        else
            _isThrottled = false;
        return isHeldUp || (!chosen.IsDue && !IsBatchDue(l1)) ? ([], 0) : (chosen.Tasks, direct.Count);
    }

    private void Throttle(ulong free)
    {
        if (!_isThrottled)
            _log.Information("The Inbox takes {Free} steps now: what does not fit waits, {Waiting} tasks that were sent here among it", free, WaitingCount);
        _isThrottled = true;
    }

    private bool IsUnderWay(OutboxRecord append) =>
        append.Status == OutboxStatus.Pending || (append.Status == OutboxStatus.Mined && !IsOnL1(append));

    private bool IsOnL1(OutboxRecord append) => _l1.Current.Inbox.Batches.Any(batch => Has(append, batch.Place.TransactionHash));

    private static ulong DirectHead(InboxState inbox) =>
        inbox.Batches.Count == 0 ? 0 : inbox.Batches[^1].Batch.DirectFirst + inbox.Batches[^1].Batch.DirectCount;

    /// <summary>Direct tasks wait at most a batch interval of L1's own time.</summary>
    private bool IsBatchDue(L1State l1) =>
        l1.Inbox.Batches.Count == 0 || l1.Timestamp >= l1.Inbox.Batches[^1].Place.Timestamp + (ulong)_options.BatchInterval.TotalSeconds;

    /// <summary>The oldest tasks of the direct queue, as many as a batch takes: all that somebody puts there may be more than any batch can hold.</summary>
    private static DirectChoice ChooseDirectTasks(InboxState inbox, int mostTasks, ulong mostSteps)
    {
        int first = (int)DirectHead(inbox), count = 0;
        ulong steps = 0;
        for (; first + count < inbox.DirectTasks.Count && count < mostTasks; count++)
        {
            EncodedTask task = BatchCodec.Decode(inbox.DirectTasks[first + count].Data)[0];
            ulong more = task.Tag == TaskTag.Deploy ? 0 : task.Limit;
            if (steps + more > mostSteps)
                return new DirectChoice((ulong)count, steps, true);
            steps += more;
        }

        return new DirectChoice((ulong)count, steps, false);
    }

    /// <summary>The next tasks in order, within the limits of a batch; those whose data is not published yet wait, with those behind them that may need them.</summary>
    /// <param name="inbox">What L1 has.</param>
    /// <param name="mostTasks">Tasks that the batch has room for.</param>
    /// <param name="mostSteps">Steps that it has room for.</param>
    private TaskChoice ChooseTasks(InboxState inbox, int mostTasks, ulong mostSteps)
    {
        mostTasks = Math.Min(mostTasks, _options.MaxBatchTasks);
        List<AcceptedTask> tasks = [];
        int bytes = 0;
        ulong steps = 0;
        bool isFull = false, isShort = false;
        DateTimeOffset oldest = DateTimeOffset.MaxValue;
        lock (_gate)
        {
            // Nothing overtakes what it may need: no later task of the same sender, and nobody's deploy or call of an app to come overtakes
            // a deploy. A reorganization that drops published data alone must not turn the accepted order around.
            HashSet<Address> held = [];
            bool isDeployHeld = false;
            foreach (AcceptedTask task in _waiting.Values)
            {
                TaskHead head = task.Task.Head;
                bool isUnpublished = task.Parts.Any(part => !inbox.Chunks.ContainsKey(part.Root));
                bool needsDeploy = isDeployHeld && (head.Kind == TaskKind.Deploy || head.Target >= (uint)_state.Apps.Count);
                if (isUnpublished || needsDeploy || held.Contains(task.Sender))
                {
                    held.Add(task.Sender);
                    isDeployHeld |= head.Kind == TaskKind.Deploy;
                    continue;
                }

                bytes += BatchCodec.LengthOf(task.Encoded);
                ulong more = head.Kind == TaskKind.Run ? head.Limit : 0;
                isShort = steps + more > mostSteps;
                isFull = isShort || tasks.Count == mostTasks || (tasks.Count > 0 && bytes > _options.MaxBatchBytes);
                if (isFull)
                    break;

                steps += more;
                tasks.Add(task);
                oldest = _acceptedAt[task.Sequence] < oldest ? _acceptedAt[task.Sequence] : oldest;
            }
        }

        bool isDue = isFull || (tasks.Count > 0 && _time.GetUtcNow() - oldest >= _options.BatchInterval);
        return isDue ? new TaskChoice(tasks, steps, true, isShort) : new TaskChoice([], 0, false, false);
    }

    /// <summary>Executes the batch under way on what L1 has now, so that receipts come before the block does.</summary>
    private async Task<InFlight> ExecuteAheadAsync(InFlight flight, CancellationToken cancel)
    {
        if (Predict(flight) is not { } batch)
            return flight with { Executed = null, Outcomes = [] };

        (ExecutedBatch executed, ImmutableArray<TaskOutcome> outcomes) = await _executor.ExecuteAsync(_state, (ulong)_batches.Count, batch, cancel);
        return flight with { Executed = executed, Outcomes = outcomes };
    }

    /// <summary>The batch as L1 will have it, unless another goes first. Null when its data is not all here.</summary>
    private Batch? Predict(InFlight flight)
    {
        var tasks = ImmutableArray.CreateBuilder<RollupTask>();
        tasks.AddRange(flight.Tasks.Select(task => task.Task));
        if (flight.Tasks.Count != flight.Record.Sequences.Count)
            return null;

        InboxState inbox = _l1.Current.Inbox;
        int first = (int)DirectHead(inbox);
        for (int i = first; i < first + (int)flight.Record.DirectCount; i++)
        {
            if (i >= inbox.DirectTasks.Count || BatchCodec.Decode(inbox.DirectTasks[i].Data) is not [{ } encoded] ||
                TaskCodec.Decode(encoded, _store.FindPart) is not { } task)
            {
                return null;
            }

            tasks.Add(task);
        }

        return tasks.Count == 0 ? null : new Batch(PreviousHash, tasks.ToImmutable(), (ulong)flight.Record.Time, (ulong)flight.Record.BlockNumber);
    }

    private async Task PublishPartsAsync(CancellationToken cancel)
    {
        List<DataPart> missing = [];
        lock (_gate)
        {
            foreach (DataPart part in _waiting.Values.SelectMany(task => task.Parts))
            {
                if (!_l1.Current.Inbox.Chunks.ContainsKey(part.Root) && !missing.Exists(known => known.Root == part.Root))
                    missing.Add(part);
                if (missing.Count == MaxPublications)
                    break;
            }
        }

        foreach (DataPart part in missing)
            await _outbox.SendAsync("publish", part.Root.ToString(), _contracts.Inbox, new Abi.Inbox.PublishFunction(part.Bytes), BigInteger.Zero, cancel);
    }

    // Claims

    /// <summary>The claim of this node's result for a batch; its parent is the one for the batch before.</summary>
    public static ClaimRef ClaimOf(ClaimTree claims, ClaimRef parent, ExecutedBatch batch, out ulong attempt)
    {
        attempt = 0;
        Word parentId = parent.Id();
        Word tournament = ClaimRef.TournamentOf(parentId, batch.Hash, attempt);
        while (claims.Settled.TryGetValue(tournament, out SettledEvent? settled) && settled.Result == TournamentResult.NoWinner)
            tournament = ClaimRef.TournamentOf(parentId, batch.Hash, ++attempt);
        return new ClaimRef(tournament, batch.StateRoot, batch.TraceRoot);
    }

    /// <summary>Claims the first batch that nobody has claimed as this node would; its parent claim must be posted.</summary>
    private async Task ClaimAsync(CancellationToken cancel)
    {
        ClaimTree claims = _l1.Current.Claims;
        if (claims.InForce is not { } rules)
        {
            if (!_isAtLoss)
                _log.Error("Version {Version} of the rules is in force, which this program does not know: batches are posted and not claimed. Run a program that knows it", claims.Rules.Length - 1);
            _isAtLoss = true;
            return;
        }

        _isAtLoss = false;
        ClaimRef parent = LatestConfirmed(claims, out int confirmed);
        foreach (ExecutedBatch batch in _batches.Skip(confirmed))
        {
            ClaimRef claim = ClaimOf(claims, parent, batch, out ulong attempt);
            if (claims.Claims.ContainsKey(claim.Id()) && !claims.Unbacked.Contains(claim.Id()))
            {
                parent = claim;
                continue;
            }

            if (claims.FirstOf.TryGetValue(claim.Tournament, out Word rival) && !claims.Unbacked.Contains(rival))
            {
                if (_warned.Add(rival))
                    _log.Warning("Batch {Index} is claimed by {Claim} with another result: a challenger has to join with state root {State}", batch.Index, rival, batch.StateRoot);
            }
            else if (batch.IsOwn || IsForeignClaimDue(batch))
            {
                int version = claims.Claims.TryGetValue(parent.Id(), out PostedClaim? posted) ? posted.Event.Version : 0;
                bool isStaked = claims.Stakes.Cover(
                    _outbox.Address, parent.Id(), version == claims.Rules.Length - 1, rules.BondBatch,
                    id => claims.IsWindowOver(claims.Claims[id], _l1.Current.Timestamp));
                string kind = claims.Unbacked.Contains(claim.Id()) ? "claim again" : "claim";
                await _outbox.SendAsync(
                    kind, claim.Id().ToString(), _contracts.Rollup,
                    new Abi.Rollup.ClaimFunction(EventReader.ToAbi(parent), attempt, claim.StateRoot, claim.TraceRoot, batch.LastLeaf),
                    isStaked ? 0 : EventReader.Big(rules.BondBatch), cancel);
            }

            return; // what comes after it can be claimed when L1 has this claim
        }
    }

    /// <summary>The latest confirmed claim, and how many batches it closes.</summary>
    private ClaimRef LatestConfirmed(ClaimTree claims, out int confirmed)
    {
        confirmed = claims.ConfirmedBatches.TryGetValue(claims.LatestConfirmed, out ulong batch) ? (int)batch + 1 : 0;
        return claims.Claims.TryGetValue(claims.LatestConfirmed, out PostedClaim? latest) ? latest.Ref : _genesis;
    }

    private bool IsForeignClaimDue(ExecutedBatch batch) =>
        _l1.Current.Timestamp >= _l1.Current.Inbox.Batches[(int)batch.Index].Place.Timestamp + (ulong)_options.ForeignClaimDelay.TotalSeconds;

    private async Task ConfirmAsync(CancellationToken cancel)
    {
        ClaimTree claims = _l1.Current.Claims;
        ClaimRef parent = LatestConfirmed(claims, out int confirmed);
        if (confirmed >= _batches.Count)
            return;

        ClaimRef claim = ClaimOf(claims, parent, _batches[confirmed], out ulong attempt);
        if (!claims.Claims.TryGetValue(claim.Id(), out PostedClaim? posted) || claims.Unbacked.Contains(claim.Id()))
            return;

        bool isDue = claims.Opened.Contains(claim.Tournament)
            ? claims.Settled.TryGetValue(claim.Tournament, out SettledEvent? settled) && settled.Winner == claim.TraceRoot
            : claims.IsWindowOver(posted, _l1.Current.Timestamp);
        if (isDue)
        {
            await _outbox.SendAsync(
                "confirm", claim.Id().ToString(), _contracts.Rollup, new Abi.Rollup.ConfirmFunction(EventReader.ToAbi(claim), attempt), BigInteger.Zero, cancel);
        }
    }

    /// <summary>
    /// Fetches what the contracts owe the account: bonds of confirmed claims, which the next claims need, and fees of direct tasks. Looked
    /// at when more claims are confirmed than the last time.
    /// </summary>
    private async Task WithdrawAsync(CancellationToken cancel)
    {
        LatestConfirmed(_l1.Current.Claims, out int confirmed);
        if (confirmed == _withdrawnAt)
            return;

        Rules[] known = [.. _l1.Current.Claims.Rules.OfType<Rules>()];
        BigInteger least = EventReader.Big(known.Min(rules => rules.BondBatch));
        BigInteger owed = await new ContractHandler(_client, _contracts.Rollup).QueryAsync(new Abi.Rollup.CreditsFunction(_outbox.Address), cancel: cancel);
        if (owed >= least)
            await _outbox.SendAsync("withdraw", $"rollup/{confirmed}", _contracts.Rollup, new Abi.Rollup.WithdrawFunction(_outbox.Address), BigInteger.Zero, cancel);

        // Of claims that had rivals, the Tournaments have the bonds.
        foreach (Rules rules in known)
        {
            owed = await new ContractHandler(_client, rules.Tournament).QueryAsync(new Abi.Tournament.CreditsFunction(_outbox.Address), cancel: cancel);
            if (owed >= least)
                await _outbox.SendAsync("withdraw", $"{rules.Tournament}/{confirmed}", rules.Tournament, new Abi.Tournament.WithdrawFunction(_outbox.Address), BigInteger.Zero, cancel);
        }

        BigInteger fees = await new ContractHandler(_client, _contracts.Inbox).QueryAsync(new Abi.Inbox.CreditsFunction(_outbox.Address), cancel: cancel);
        if (fees >= MinFeesToWithdraw)
            await _outbox.SendAsync("withdraw", $"inbox/{confirmed}", _contracts.Inbox, new Abi.Inbox.WithdrawFunction(_outbox.Address), BigInteger.Zero, cancel);
        _withdrawnAt = confirmed;
    }

    internal static ReceiptRecord RecordOf(TaskOutcome outcome, byte[]? bytes) => new()
    {
        Number = (long)outcome.Number,
        TaskHash = outcome.Task.Hash.ToString(),
        Head = outcome.Task.Head.ToWord().ToArray(),
        DataRoot = outcome.Task.DataRoot.ToArray(),
        Sender = (outcome.Sender ?? default).Bytes.ToArray(),
        HasSender = outcome.Sender is not null,
        Batch = (long)outcome.Batch,
        Index = outcome.Index,
        OutputRoot = outcome.Output.OutputRoot.ToArray(),
        Result = outcome.Output.Result.ToArray(),
        Status = (int)outcome.Output.Status,
        App = outcome.Output.App,
        ExitCode = outcome.Output.ExitCode,
        StepsUsed = (long)outcome.Output.StepsUsed,
        OutputLength = (long)outcome.Output.OutputLength,
        Output = bytes,
    };

    private sealed record Intake(RollupTask Task, EncodedTask Encoded, IReadOnlyList<DataPart> Parts, Address Sender, TaskCompletionSource<ulong> Done);

    /// <param name="IsShort">Whether the next one has too many steps for what is left.</param>
    private readonly record struct DirectChoice(ulong Count, ulong Steps, bool IsShort);

    /// <param name="IsDue">Whether it is time for them.</param>
    /// <param name="IsShort">As of <see cref="DirectChoice"/>.</param>
    private readonly record struct TaskChoice(List<AcceptedTask> Tasks, ulong Steps, bool IsDue, bool IsShort);

    private sealed record InFlight(InFlightRecord Record, List<AcceptedTask> Tasks, ExecutedBatch? Executed, ImmutableArray<TaskOutcome> Outcomes);
}

/// <summary>What the contracts fix and the node reads once at its start.</summary>
/// <param name="Rules">Version 0.</param>
public sealed record L1Terms(ClaimRef Genesis, Rules Rules, Word DomainSeparator);
