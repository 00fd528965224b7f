using System.Numerics;
using Microsoft.Extensions.Logging;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger;

/// <summary>What the account of an actor can pay.</summary>
/// <param name="Balance">Wei.</param>
/// <param name="PricePerGas">Wei that a unit of gas of a transaction sent now may cost.</param>
/// <param name="Reserve">Wei that claims posted again leave for disputes (spec 4.7.3).</param>
internal readonly record struct Funds(BigInteger Balance, BigInteger PricePerGas, BigInteger Reserve)
{
    /// <summary>What has to be there for an action to be sent: nodes ask for all that it may cost, beside all that is under way.</summary>
    public BigInteger Of(L1Action action) => EventReader.Big(action.Value) + (Actor.GasLimitOf(action) ?? 0) * PricePerGas;
}

/// <summary>
/// Carries out decided actions, each in its own time, and never the same one twice at once. Every action is in the journal before its
/// transaction leaves. What the contracts refuse is no failure: the next look at L1 tells whether it is still to be done.
/// </summary>
internal sealed partial class Actor : IAsyncDisposable
{
    /// <summary>
    /// Transactions that are under way at once. Whatever is sent is mined before what is sent after it, so that many that can wait would be
    /// in the way of one that cannot; and of so many of one account geth's pool holds on to each, however full it is (txpool.accountslots).
    /// </summary>
    internal const int MaxUnderWay = 16;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1), MaxPause = TimeSpan.FromMinutes(1);

    private readonly TransactionSender _sender;
    private readonly Calls _calls;
    private readonly Journal _journal;
    private readonly ILogger _log;
    private readonly Action _wake;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Attempt> _attempts = [];

    /// <summary>Keys of the actions for which there was no money at the last look.</summary>
    private readonly HashSet<string> _unpaid = [];

    public Actor(TransactionSender sender, Calls calls, Journal journal, ILogger log, Action wake, TimeProvider time)
    {
        _sender = sender;
        _calls = calls;
        _journal = journal;
        _log = log;
        _wake = wake;
        _time = time;
    }

    /// <summary>A broken invariant met while acting, if there was one.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Keys of the actions that are under way.</summary>
    public IReadOnlyList<string> UnderWay
    {
        get
        {
            lock (_gate)
                return [.. _attempts.Where(entry => !entry.Value.Running.IsCompleted).Select(entry => entry.Key)];
        }
    }

    /// <summary>Keys of the actions that were refused or failed and will be tried again.</summary>
    public IReadOnlyList<string> Waiting
    {
        get
        {
            lock (_gate)
                return [.. _attempts.Where(entry => entry.Value is { Running.IsCompleted: true, TriedAt: not null }).Select(entry => entry.Key)];
        }
    }

    /// <summary>
    /// Starts what is decided, but for what is under way, was just done, or failed a moment ago, as far as places and money go. What was
    /// refused is tried again with the next block: a clock that runs out between two blocks has not run out in the state of the first. What
    /// finds no place is not remembered: whatever ends wakes the loop, which decides anew.
    /// </summary>
    /// <param name="decided">All that is decided, most urgent first: what is no longer among it is forgotten.</param>
    /// <param name="funds">As of the last block.</param>
    /// <param name="head">The last followed block: an action mined after it is done, though the game does not show it yet.</param>
    public void Start(IReadOnlyList<L1Action> decided, Funds funds, ulong head)
    {
        lock (_gate)
        {
            HashSet<string> keys = [.. decided.Select(action => action.Key)];
            foreach (string key in _attempts.Where(entry => entry.Value.Running.IsCompleted && !keys.Contains(entry.Key)).Select(entry => entry.Key).ToArray())
                _attempts.Remove(key);
            L1Action[] underWay = [.. _attempts.Values.Where(attempt => !attempt.Running.IsCompleted).Select(attempt => attempt.Action)];
            (IReadOnlyList<L1Action> chosen, IReadOnlyList<L1Action> unpaid) = Choose(decided.Where(action => IsDue(action, head)), underWay, funds);
            foreach (L1Action action in chosen)
            {
                Attempt attempt = _attempts.GetValueOrDefault(action.Key) ?? (_attempts[action.Key] = new Attempt { Action = action });
                attempt.Action = action;
                attempt.MinedIn = null;
                attempt.TriedAt = null;
                attempt.Running = Task.Run(() => RunAsync(action, attempt, head));
            }

            foreach (L1Action action in unpaid.Where(action => _unpaid.Add(action.Key)))
                LogUnpaid(action.Name, action.Subject, funds.Of(action), funds.Balance);
            _unpaid.IntersectWith(unpaid.Select(action => action.Key));
        }
    }

    /// <summary>
    /// Of what is due, as much as there are places and money for. What cannot be paid takes neither from what can, so that a bond which is
    /// missing stops no move. Claims have to leave the reserve: one taken stake asks for a whole chain of them, and whoever posted all, each
    /// with a bond, would have nothing left for the next lie.
    /// </summary>
    /// <param name="due">Most urgent first.</param>
    /// <param name="underWay">Sent and not mined: paid for already, though the balance does not show it.</param>
    internal static (IReadOnlyList<L1Action> Chosen, IReadOnlyList<L1Action> Unpaid) Choose(
        IEnumerable<L1Action> due, IReadOnlyCollection<L1Action> underWay, Funds funds)
    {
        BigInteger left = underWay.Aggregate(funds.Balance, (left, action) => left - funds.Of(action));
        List<L1Action> chosen = [], unpaid = [];
        foreach (L1Action action in due)
        {
            if (underWay.Count + chosen.Count >= MaxUnderWay)
                break;
            BigInteger cost = funds.Of(action), kept = action is PostClaim && action.Value > 0 ? funds.Reserve : 0;
            if (left - cost < kept)
            {
                unpaid.Add(action);
                continue;
            }

            left -= cost;
            chosen.Add(action);
        }

        return (chosen, unpaid);
    }

    private bool IsDue(L1Action action, ulong head)
    {
        if (!_attempts.TryGetValue(action.Key, out Attempt? attempt))
            return action is not Recover || !_journal.WasMined(action.Key);
        bool notSeenYet = attempt.MinedIn is ulong block && head < block;
        return attempt.Running.IsCompleted && !notSeenYet && head != attempt.TriedAt && _time.GetUtcNow() >= attempt.NotBefore;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        Task[] running;
        lock (_gate)
            running = [.. _attempts.Values.Select(attempt => attempt.Running)];
        await Task.WhenAll(running).ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task RunAsync(L1Action action, Attempt attempt, ulong head)
    {
        long id = _journal.Record(action, ActionStage.Intended);
        try
        {
            (Address to, FunctionMessage message) = _calls.Of(action);
            LogSending(action.Name, action.Describe(), action.Subject);
            var request = new TransactionRequest(to, message.ToCallData(), EventReader.Big(action.Value), GasLimitOf(action));
            TransactionReceipt receipt = await _sender.SendAsync(request, _stop.Token).ConfigureAwait(false);
            _journal.Finish(id, ActionStage.Mined, receipt);
            lock (_gate)
            {
                attempt.MinedIn = receipt.BlockNumber;
                attempt.Pause(_time, FirstPause);
            }

            LogMined(action.Name, action.Describe(), action.Subject, receipt.GasUsed, receipt.BlockNumber, receipt.TransactionHash);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // It may be on its way. The journal says so, and the next run looks at L1 first.
        }
        catch (ContractRevertException refused)
        {
            Give(attempt, id, ActionStage.Refused, refused.Message, refused.Receipt, head);
            LogRefused(action.Name, action.Subject, refused.Message);
        }
        catch (UnprovableException lie)
        {
            Give(attempt, id, ActionStage.Refused, lie.Message, null, head);
            lock (_gate)
                attempt.NotBefore = DateTimeOffset.MaxValue;
            LogUnprovable(action.Name, action.Subject, lie.Message);
        }
        catch (EthereumException failed)
        {
            Give(attempt, id, ActionStage.Failed, failed.Message, null, null);
            LogFailed(action.Name, action.Subject, failed.Message);
        }
        catch (Exception broken)
        {
            // A broken invariant ends the process; the main loop does it.
            Failure = broken;
        }
        finally
        {
            _wake();
        }
    }

    /// <summary>
    /// Twice what the call costs at most; null: as it is estimated. An estimate is true in the state of now, and the calls before it in the
    /// block may leave behind another one: whoever ends a match a moment later finds a rival to pair the winner with.
    /// </summary>
    internal static ulong? GasLimitOf(L1Action action) => Gas.CostOf(action) is > 0 and ulong cost ? 2 * cost : null;

    /// <param name="head">The block at which the contracts refused it; null: something else went wrong.</param>
    private void Give(Attempt attempt, long id, ActionStage stage, string reason, TransactionReceipt? receipt, ulong? head)
    {
        _journal.Finish(id, stage, receipt, reason);
        lock (_gate)
        {
            // The first refusal by a simulation cost nothing, and holds for its block alone.
            bool isFirst = head is not null && receipt is null && attempt.Refusals++ == 0;
            if (!isFirst)
                attempt.Pause(_time, MaxPause);
            attempt.TriedAt = head;
        }
    }

    private sealed class Attempt
    {
        private TimeSpan _pause = FirstPause / 2;

        public required L1Action Action { get; set; }

        public Task Running { get; set; } = Task.CompletedTask;

        public DateTimeOffset NotBefore { get; set; } = DateTimeOffset.MinValue;

        /// <summary>The block that has it; null: none.</summary>
        public ulong? MinedIn { get; set; }

        /// <summary>The followed block at which it was refused last; null: it was not.</summary>
        public ulong? TriedAt { get; set; }

        public int Refusals { get; set; }

        public void Pause(TimeProvider time, TimeSpan most)
        {
            _pause = TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, most.Ticks));
            NotBefore = time.GetUtcNow() + _pause;
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, EventName = "ActionSending", Message = "Sending {Action}: {Description} ({Subject})")]
    private partial void LogSending(string action, string description, Word subject);

    [LoggerMessage(Level = LogLevel.Information, EventName = "ActionMined", Message = "Done: {Description} [{Action}, {Gas} gas, block {Block}, transaction {Transaction}, {Subject}]")]
    private partial void LogMined(string action, string description, Word subject, ulong gas, ulong block, Word transaction);

    [LoggerMessage(Level = LogLevel.Information, EventName = "ActionRefused", Message = "Not needed or not possible now: {Action} ({Subject}): {Reason}")]
    private partial void LogRefused(string action, Word subject, string reason);

    [LoggerMessage(Level = LogLevel.Warning, EventName = "ActionUnprovable", Message = "Cannot {Action} ({Subject}): {Reason}")]
    private partial void LogUnprovable(string action, Word subject, string reason);

    [LoggerMessage(Level = LogLevel.Error, EventName = "ActionUnpaid", Message = "Cannot pay for {Action} ({Subject}): it needs {Cost} wei of the {Balance} that the account has, beside what is more urgent")]
    private partial void LogUnpaid(string action, Word subject, BigInteger cost, BigInteger balance);

    [LoggerMessage(Level = LogLevel.Error, EventName = "ActionFailed", Message = "Could not {Action} ({Subject}): {Reason}")]
    private partial void LogFailed(string action, Word subject, string reason);
}
