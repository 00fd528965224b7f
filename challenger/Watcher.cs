using System.Numerics;
using Microsoft.Extensions.Logging;
using Optimistic.Contracts;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Challenger;

/// <summary>What the challenger may do.</summary>
public enum WatchMode
{
    /// <summary>Execute and report.</summary>
    Observe,

    /// <summary>Also say what it would do.</summary>
    Shadow,

    /// <summary>Do it.</summary>
    Defend,
}

/// <summary>How a watch is run.</summary>
/// <param name="FirstBlock">Where to begin to follow L1; null: the block of the contracts' deployment.</param>
/// <param name="ClaimAfterSeconds">See <see cref="SolverPolicy"/>.</param>
/// <param name="Poll">Pause between looks at L1; null: short on a development chain, a third of a slot elsewhere.</param>
/// <param name="Engine">What executes tasks.</param>
/// <param name="Relay">Where transactions go; null: to the endpoints.</param>
public sealed record WatchOptions(
    IReadOnlyList<Uri> Endpoints,
    Address Rollup,
    Account? Account,
    string DataFolder,
    WatchMode Mode,
    Drill? Drill,
    ulong? FirstBlock,
    ulong? ClaimAfterSeconds,
    TimeSpan? Poll,
    ExecutionEngine Engine = ExecutionEngine.Jit,
    Uri? Relay = null);

/// <summary>The contracts on L1 are not a rollup that this program can check.</summary>
public sealed class IncompatibleRollupException(string message) : Exception(message);

/// <summary>
/// The daemon: follow L1, execute, decide, act, and again. The loop holds no state of its own that matters: what it knows is a fold of
/// blocks in the journal, what it does follows from that, so a kill or a reorganization costs it nothing but time.
/// </summary>
public sealed partial class Watcher : IAsyncDisposable
{
    private static readonly TimeSpan DevelopmentPoll = TimeSpan.FromMilliseconds(150), LivePoll = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan FirstOutagePause = TimeSpan.FromSeconds(1), MaxOutagePause = TimeSpan.FromSeconds(30);

    /// <summary>How long a start waits for transactions of an earlier run to be mined before it goes on.</summary>
    private static readonly TimeSpan PendingPatience = TimeSpan.FromMinutes(2);

    /// <summary>Inbox and Tournament are deployed a few transactions before the Rollup, and may have events before it.</summary>
    private const ulong BlocksBeforeRollup = 256;

    /// <summary>Gas of a withdrawal, twice over: credits worth less stay.</summary>
    private const ulong WithdrawalGas = 100_000;

    private readonly WatchOptions _options;
    private readonly EthereumClient _client;
    private readonly Journal _journal;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly RollupContracts _contracts;
    private readonly ChainFollower _follower;
    private readonly RulesReader _rules;
    private readonly Game _game;
    private readonly Replay _replay;
    private readonly PrivateRelay? _relay;
    private readonly Actor? _actor;
    private readonly SolverPolicy _policy;
    private readonly StatusFile _status;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Dictionary<Word, Verdict> _reported = [];
    private readonly HashSet<string> _shadowed = [];
    private readonly HashSet<Word> _lost = [];
    private readonly bool _development;

    /// <summary>Followed, and not taken in yet.</summary>
    private ChainUpdate? _unread;

    /// <summary>Of the game at the last look: to make it takes longer than all else, and most looks find what the one before did.</summary>
    private GameIndex? _index;

    private Watcher(
        WatchOptions options,
        EthereumClient client,
        Journal journal,
        RollupContracts contracts,
        ulong firstBlock,
        GameState genesis,
        Word domainSeparator,
        ILogger log,
        TimeProvider time)
    {
        _options = options;
        _client = client;
        _journal = journal;
        _log = log;
        _time = time;
        _contracts = contracts;
        _development = Drill.DevelopmentChains.Contains(client.ChainId);
        _follower = new ChainFollower(client, [contracts.Rollup, contracts.Tournaments, contracts.Inbox], firstBlock);
        _rules = new RulesReader(client);
        _game = new Game(contracts, genesis, _rules);
        _replay = new Replay(new InboxReader(client, contracts.Inbox), domainSeparator, journal, options.Drill, log, Wake, options.Engine);
        _policy = new SolverPolicy(
            options.ClaimAfterSeconds, (UInt128)WithdrawalGas * UInt128.Max(genesis.InForce!.Parameters.PriceCeiling, 1));
        if (options.Account is { } account && options.Mode == WatchMode.Defend)
        {
            _relay = options.Relay is { } url ? new PrivateRelay(url, RelayPatience(genesis)) { Report = ReportRelay } : null;
            _actor = new Actor(new TransactionSender(client, account, relay: _relay), new Calls(contracts, _replay), journal, log, Wake, time);
        }

        _status = new StatusFile(journal.Folder);
    }

    /// <summary>Connects, checks that the contracts are there and are a rollup of this version, and opens the data folder.</summary>
    /// <exception cref="EthereumException">L1 is unreachable, of another chain, or without the contracts.</exception>
    /// <exception cref="IncompatibleRollupException">The rollup starts from another genesis.</exception>
    /// <exception cref="DrillException">A drill on a chain that is not for development.</exception>
    /// <exception cref="DataFolderException">The data folder cannot be used.</exception>
    public static async Task<Watcher> StartAsync(WatchOptions options, ILogger log, TimeProvider time, CancellationToken cancel)
    {
        EthereumClient client = await EthereumClient.ConnectAsync(options.Endpoints, time: time, cancel: cancel).ConfigureAwait(false);
        try
        {
            if (options.Drill is not null)
                Drill.RequireDevelopmentChain(client.ChainId);
            Deployment deployment = await Deployment.ReadAsync(client, options.Rollup, cancel: cancel).ConfigureAwait(false);
            var contracts = new RollupContracts(deployment.Rollup, deployment.Tournament, deployment.Inbox);
            Rules rules = await Rules.ReadAsync(client, contracts.Tournaments, cancel).ConfigureAwait(false);
            Abi.ClaimRef genesis = await new ContractHandler(client, contracts.Rollup)
                .QueryAsync(new Abi.Rollup.GenesisFunction(), cancel: cancel).ConfigureAwait(false);
            Word domainSeparator = await new ContractHandler(client, contracts.Inbox)
                .QueryAsync(new Abi.Inbox.DomainSeparatorFunction(), cancel: cancel).ConfigureAwait(false);
            if (genesis.StateRoot != RollupState.Genesis.Root)
            {
                throw new IncompatibleRollupException(
                    $"The rollup {options.Rollup} starts from state root {genesis.StateRoot}, not from the empty one {RollupState.Genesis.Root}.");
            }

            ulong first = options.FirstBlock ?? (deployment.Block > BlocksBeforeRollup ? deployment.Block - BlocksBeforeRollup : 0);
            GameState start = GameState.AtGenesis(rules, EventReader.From(genesis));
            Journal journal = Journal.Open(
                options.DataFolder, new JournalIdentity(client.ChainId, options.Rollup, first, options.Drill?.ToString() ?? ""));
            return new Watcher(options, client, journal, contracts, first, start, domainSeparator, log, time);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Watches until it is cancelled.</summary>
    /// <exception cref="GameEventException">L1's events contradict each other.</exception>
    /// <exception cref="L1DataException">As above, for the Inbox.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        LogStarted(
            _options.Mode.ToString().ToLowerInvariant(), _options.Rollup, _client.ChainId, _options.Account?.Address ?? Address.Zero, _client.Rpc.CurrentEndpoint);
        if (_options.Drill is { } drill)
            LogDrill(drill.ToString());
        if (_relay is not null)
            LogRelay(_relay.Name, PrivateRelay.MaxBlocks);
        try
        {
            await ResumeAsync(cancel).ConfigureAwait(false);
            await SettleEarlierRunAsync(cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return;
        }

        TimeSpan outage = FirstOutagePause;
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                if (await StepAsync(cancel).ConfigureAwait(false))
                    await PauseAsync(_options.Poll ?? (_development ? DevelopmentPoll : LivePoll), cancel).ConfigureAwait(false);
                outage = FirstOutagePause;
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (EthereumException error)
            {
                LogOutage(error.Message, outage.TotalSeconds);
                await PauseAsync(outage, cancel).ConfigureAwait(false);
                outage = TimeSpan.FromTicks(Math.Min(outage.Ticks * 2, MaxOutagePause.Ticks));
            }

            if ((_replay.Failure ?? _actor?.Failure) is { } broken)
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(broken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_actor is not null)
            await _actor.DisposeAsync().ConfigureAwait(false);
        _relay?.Dispose();
        await _replay.DisposeAsync().ConfigureAwait(false);
        _journal.Dispose();
        _client.Dispose();
    }

    /// <summary>Takes up what earlier runs have followed.</summary>
    private async Task ResumeAsync(CancellationToken cancel)
    {
        IReadOnlyList<FollowedBlock> blocks = _journal.ReadBlocks();
        if (blocks.Count == 0)
            return;
        await _rules.LearnAsync(blocks, cancel).ConfigureAwait(false);
        _game.Apply(new ChainUpdate(null, blocks, AtHead: false));
        _follower.Resume(blocks);
        LogResumed(blocks[^1].Number, blocks[^1].Hash);
    }

    /// <summary>
    /// Transactions that an earlier run has sent may still be on their way: acting before they are mined would do the same twice. They are
    /// waited for, but not for ever.
    /// </summary>
    private async Task SettleEarlierRunAsync(CancellationToken cancel)
    {
        foreach (JournalAction interrupted in _journal.TakeInterrupted())
            LogInterrupted(interrupted.Name, interrupted.Subject, interrupted.At);
        if (_actor is null)
            return;

        Address self = _options.Account!.Address;
        long started = _time.GetTimestamp();
        try
        {
            while (_time.GetElapsedTime(started) < PendingPatience && !cancel.IsCancellationRequested)
            {
                ulong mined = await _client.GetTransactionCountAsync(self, BlockParameter.Latest, cancel).ConfigureAwait(false);
                ulong pending = await _client.GetTransactionCountAsync(self, BlockParameter.Pending, cancel).ConfigureAwait(false);
                if (pending <= mined)
                    return;
                LogPending(pending - mined);
                await PauseAsync(LivePoll / 4, cancel).ConfigureAwait(false);
            }
        }
        catch (EthereumException error)
        {
            LogOutage(error.Message, 0);
        }
    }

    /// <summary>One look at L1. False when there is more to read at once.</summary>
    private async Task<bool> StepAsync(CancellationToken cancel)
    {
        // What the follower hands out it does not hand out again, and L1 may fail before it is taken in.
        _unread ??= await _follower.AdvanceAsync(cancel).ConfigureAwait(false);
        if (_unread is not { } update)
            return true;
        await _rules.LearnAsync(update.Added, cancel).ConfigureAwait(false);
        _unread = null;

        // First the journal, then the memory: what is known after a kill is never more than what was written.
        if (update.Added.Count > 0 || update.VoidFrom is not null)
            _journal.Record(update);
        if (update.VoidFrom is ulong voidFrom)
            LogReorganized(voidFrom);
        IReadOnlyList<(L1Event Event, LogEntry Log)> happened = _game.Apply(update);
        if (!update.AtHead || _game.Head is not { } head)
        {
            LogCatchingUp(_game.Head?.Number ?? 0);
            return false;
        }

        foreach ((L1Event one, LogEntry log) in happened)
            Report(one, log);

        GameState state = _game.State;
        if (_relay is not null)
            _relay.Patience = RelayPatience(state);
        ulong confirmed = unchecked(state.Claims[state.LatestConfirmed].Batch + 1);
        _replay.Update(_game.Inbox, confirmed);
        NextBlockTime now = NextBlockTime.After(head.Timestamp, await _follower.PendingTimeAsync(cancel).ConfigureAwait(false));
        _index = ReferenceEquals(_index?.Game, state) ? _index : new GameIndex(state, _index);
        IReadOnlyDictionary<Word, Verdict> verdicts = Solver.JudgeAll(GameShape.Standard, _index, _replay);
        ReportVerdicts(state, verdicts);

        IReadOnlyList<GameAction> actions = Solver.Decide(
            GameShape.Standard, _options.Account?.Address ?? Address.Zero, _policy, _index, _replay, now);
        await ActAsync(actions, state, head.Number, cancel).ConfigureAwait(false);
        await _status.WriteAsync(
            new StatusReport(_options, _client.ChainId, head, state, verdicts, _replay.Progress, actions, _actor?.UnderWay ?? [], _actor?.Waiting ?? [], _journal.ReadActions(20), _relay),
            cancel).ConfigureAwait(false);
        return true;
    }

    /// <summary>The bonds that a dispute asks for.</summary>
    private static BigInteger ReserveOf(GameState state) =>
        state.Rules.OfType<Rules>().Select(rules => EventReader.Big(rules.BondBatch) + EventReader.Big(rules.BondChunk)).DefaultIfEmpty().Max();

    private async Task ActAsync(IReadOnlyList<GameAction> actions, GameState state, ulong head, CancellationToken cancel)
    {
        // An observer knows what it would do, but it builds no traces for it.
        if (_options.Mode == WatchMode.Observe)
            return;
        foreach (PrepareChunk prepare in actions.OfType<PrepareChunk>())
            _replay.Prepare(prepare.Batch, prepare.Position);
        L1Action[] transactions = [.. actions.OfType<L1Action>()];
        if (_actor is null)
        {
            foreach (L1Action action in transactions.Where(action => _shadowed.Add(action.Key)))
            {
                _journal.Record(action, ActionStage.NotSent, action.Describe());
                LogShadow(action.Name, action.Describe(), action.Subject);
            }

            _shadowed.IntersectWith(transactions.Select(action => action.Key));
            return;
        }

        var funds = default(Funds);
        if (transactions.Length > 0)
        {
            BigInteger balance = await _client.GetBalanceAsync(_options.Account!.Address, cancel: cancel).ConfigureAwait(false);
            FeeSuggestion fees = await _client.SuggestFeesAsync(cancel).ConfigureAwait(false);
            funds = new Funds(balance, fees.MaxFeePerGas, ReserveOf(state));
        }

        _actor.Start(transactions, funds, head);
    }

    /// <summary>Half of the time in which every move has to be mined (spec 4.7.1): the other half is for sending it in public.</summary>
    private static TimeSpan RelayPatience(GameState state) => TimeSpan.FromSeconds(state.Rules.OfType<Rules>().Min(rules => rules.Parameters.GraceSeconds) / 2.0);

    private void ReportRelay(string? failure)
    {
        if (failure is null)
            LogRelayUsedAgain(_relay!.Name);
        else
            LogRelayFailed(_relay!.Name, failure, PrivateRelay.PauseBlocks);
    }

    private void Wake()
    {
        if (_wake.CurrentCount == 0)
            _wake.Release();
    }

    private async Task PauseAsync(TimeSpan pause, CancellationToken cancel)
    {
        try
        {
            await _wake.WaitAsync(pause, cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The loop sees it.
        }
    }

    private void ReportVerdicts(GameState state, IReadOnlyDictionary<Word, Verdict> verdicts)
    {
        foreach (Claim claim in state.Claims.Values.OrderBy(claim => unchecked(claim.Batch + 1)))
        {
            Verdict verdict = verdicts[claim.Id];
            if (claim.Confirmed && verdict == Verdict.Rejected && _lost.Add(claim.Id))
                LogWrongConfirmed(claim.Batch, claim.Id, claim.StateRoot);
            if (verdict == Verdict.Unknown || (_reported.TryGetValue(claim.Id, out Verdict before) && before == verdict))
                continue;
            _reported[claim.Id] = verdict;
            if (claim.Parent.IsZero)
                continue;
            if (verdict == Verdict.Accepted)
            {
                LogAccepted(claim.Batch, claim.Id, claim.Claimer);
                continue;
            }

            string reason = verdicts[claim.Parent] != Verdict.Accepted ? "its parent is wrong"
                : _replay.Claim(claim.Batch) is { } own && own.StateRoot != claim.StateRoot ? $"the state root is {own.StateRoot}"
                : "its trace is wrong";
            LogRejected(claim.Batch, claim.Id, claim.Claimer, reason);
        }
    }

    private void Report(L1Event happened, LogEntry log)
    {
        switch (happened)
        {
            case BatchAppendedEvent e:
                LogBatch(e.Index, e.Count, e.BatchHash, log.BlockNumber);
                break;
            case ClaimedEvent e:
                LogClaimed(e.Batch, e.Id, e.StateRoot, e.Claimer, log.BlockNumber);
                break;
            case RulesAddedEvent { Version: > 0, Rules: null } e:
                LogUnknownRules(e.Version, e.Tournament, log.BlockNumber);
                break;
            case RulesAddedEvent { Version: > 0 } e:
                LogRules(e.Version, e.Tournament, log.BlockNumber);
                break;
            case StakeTakenEvent e:
                LogStakeTaken(e.Account, e.Claim, log.BlockNumber);
                break;
            case PausedEvent:
                LogPaused(log.BlockNumber);
                break;
            case UnpausedEvent e:
                LogUnpaused(e.Before, log.BlockNumber);
                break;
            case ConfirmedEvent { Batch: ulong.MaxValue } e:
                LogGenesisConfirmed(e.StateRoot, log.BlockNumber);
                break;
            case ConfirmedEvent e:
                LogConfirmed(e.Batch, e.StateRoot, log.BlockNumber);
                break;
            case InnerOpenedEvent e:
                LogInnerOpened(e.MatchId, e.AllowanceOne, e.AllowanceTwo, log.BlockNumber);
                break;
            case JoinedEvent e:
                LogJoined(e.Root, e.Claimer, e.Tournament, e.Balance, log.BlockNumber);
                break;
            case MatchedEvent e:
                LogMatched(e.MatchId, e.One, e.Two, log.BlockNumber);
                break;
            case AdvancedEvent e:
                LogAdvanced(e.MatchId, e.State.Height, e.State.Position, e.State.BalanceOne, e.State.BalanceTwo, log.BlockNumber);
                break;
            case SealedEvent e:
                LogSealed(e.MatchId, e.Phase.ToString(), e.State.Position, log.BlockNumber);
                break;
            case MatchEndedEvent e:
                LogEnded(e.MatchId, e.Outcome.ToString(), log.BlockNumber);
                break;
            case SettledEvent e:
                LogSettled(e.Tournament, e.Result.ToString(), e.Winner, log.BlockNumber);
                break;
        }
    }
}
