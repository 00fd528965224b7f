using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Timeout = Optimistic.Challenger.Timeout;

namespace Optimistic.Simulator;

/// <summary>
/// Holds honest transactions back, all at once, for at most C seconds in sum (spec 4.1): the adversary that the allowance is made for.
/// </summary>
/// <param name="appetite">One in this many honest transactions makes it begin; 0: it never does.</param>
/// <param name="whole">It spends all it has when it begins, or a part at random.</param>
internal sealed class Censor(Random random, ulong budget, int appetite, bool whole)
{
    public ulong Budget { get; private set; } = budget;

    /// <summary>No honest transaction lands before this time.</summary>
    public ulong BlockedUntil { get; private set; }

    public static Censor None { get; } = new(new Random(0), 0, 0, whole: false);

    /// <summary>Whether a transaction that is about to land is held back.</summary>
    public bool Holds(ulong timestamp)
    {
        if (timestamp >= BlockedUntil && Budget > 0 && appetite > 0 && random.Next(appetite) == 0)
            Block(timestamp, whole ? Budget : (ulong)random.NextInt64((long)Budget + 1));
        return timestamp < BlockedUntil;
    }

    /// <summary>Takes seconds of the budget for something else that has delayed honest transactions.</summary>
    public void Spend(ulong seconds) => Budget -= seconds;

    private void Block(ulong timestamp, ulong seconds)
    {
        Budget -= seconds;
        BlockedUntil = timestamp + seconds;
    }
}

/// <summary>A player of simulated games.</summary>
internal abstract class Player(string name, Simulation game)
{
    public string Name => name;

    /// <summary>The purse: players may share one.</summary>
    public Address Address { get; init; } = Address.FromWord(ToyTraces.Named(name));

    public virtual bool Honest => false;

    protected Simulation Game => game;

    protected L1Model L1 => game.L1;

    /// <summary>Acts as often as it wants at this instant.</summary>
    /// <returns>Whether L1 has changed.</returns>
    public abstract bool Act();

    /// <summary>The next time at which it may want to act without anything having happened.</summary>
    public virtual ulong NextAct() => ulong.MaxValue;
}

/// <summary>
/// The real solver of the challenger with some traces. How long it waits before each action is a policy; an honest player waits within its
/// budget, an adversary as it likes.
/// </summary>
internal class SolverPlayer(
    string name,
    Simulation game,
    ToyTraces traces,
    SolverPolicy policy,
    Func<L1Action, ulong> delay,
    bool honest) : Player(name, game)
{
    /// <summary>More than any game needs within one instant.</summary>
    private const int MaxActionsAtOnce = 500;

    private readonly Dictionary<string, ulong> _due = [];
    private readonly HashSet<string> _done = [];
    private readonly List<(L1Action Action, string Key)> _decided = [];
    private (GameState? State, ulong Timestamp) _decidedFor;
    private ulong _next = ulong.MaxValue;
    private int _acted;
    private (ulong Timestamp, int Used) _slots;

    public ToyTraces Traces => traces;

    public override bool Honest => honest;

    /// <summary>Actions left before it walks away for good; negative: never.</summary>
    public int Stamina { get; init; } = -1;

    public ulong AwakeAt { get; init; }

    /// <summary>Transactions that find a place in one second.</summary>
    public int Slots { get; init; } = int.MaxValue;

    /// <summary>Sees and does nothing in this time.</summary>
    public (ulong From, ulong Until) Asleep { get; set; }

    /// <summary>What it is willing to do.</summary>
    public Func<L1Action, bool> Willing { get; init; } = _ => true;

    /// <summary>What it does in place of what the solver says: lies that no trace tells.</summary>
    public Func<L1Action, L1Action> Twist { get; init; } = action => action;

    /// <summary>Names of what it did with success.</summary>
    public HashSet<string> Did { get; } = [];

    private bool IsAway => L1.Timestamp < AwakeAt || (L1.Timestamp >= Asleep.From && L1.Timestamp < Asleep.Until);

    public override bool Act()
    {
        bool acted = false;
        if (IsAway)
            return false;

        for (int i = 0; i < MaxActionsAtOnce; i++)
        {
            if (Stamina >= 0 && _acted >= Stamina)
                return acted;
            if (_slots.Timestamp != L1.Timestamp)
                _slots = (L1.Timestamp, 0);
            if (_slots.Used == Slots || Next() is not L1Action action)
                return acted;

            _slots.Used++;
            _acted++;
            if (action is Recover)
                _done.Add(action.Key);
            L1Action sent = Twist(action);
            Refusal refusal = Game.Submit(this, sent);
            if (refusal != Refusal.None && sent != action)
                refusal = Game.Submit(this, action);
            if (refusal == Refusal.None)
                Did.Add(action.Name);
            else if (!honest || action is Recover)
                _done.Add(action.Key);
            acted |= refusal == Refusal.None;
            _decidedFor = default;
        }

        throw new PropertyViolationException(Property.GamesEnd, $"{Name} acts without end");
    }

    public override ulong NextAct()
    {
        if (IsAway)
            return L1.Timestamp < AwakeAt ? AwakeAt : Asleep.Until;
        ulong next = Math.Min(_next, traces.NextReady());
        if (_slots == (L1.Timestamp, Slots))
            next = L1.Timestamp + 1;
        for (ulong batch = 0; policy.ClaimAfterSeconds is ulong patience && batch < (ulong)traces.Count; batch++)
        {
            ulong claim = L1.World.Batches[(int)batch].AppendedAt + patience + L1.InForce.PausedSeconds;
            next = claim > L1.Timestamp ? Math.Min(next, claim) : next;
        }

        return next;
    }

    /// <summary>Traces that cost no time are there when they are asked for: then it looks again.</summary>
    private void Decide()
    {
        bool prepared;
        do
        {
            prepared = false;
            _decided.Clear();
            foreach (GameAction action in Solver.Decide(L1.Shape, Address, policy, L1.Index, traces, L1.Timestamp))
            {
                if (action is PrepareChunk prepare)
                    prepared |= traces.Prepare(prepare.Batch, prepare.Position);
                else if (action is L1Action transaction && Willing(transaction))
                    _decided.Add((transaction, transaction.Key));
            }
        }
        while (prepared);
        _decidedFor = (L1.State, L1.Timestamp);
    }

    private L1Action? Next()
    {
        if (_decidedFor.State != L1.State || _decidedFor.Timestamp != L1.Timestamp)
            Decide();

        _next = ulong.MaxValue;
        ulong now = L1.Timestamp;
        foreach ((L1Action action, string key) in _decided)
        {
            if (_done.Contains(key))
                continue;
            if (!_due.TryGetValue(key, out ulong due))
                _due[key] = due = now + delay(action);
            if (now >= due && (!honest || !Game.Censor.Holds(now)))
                return action;
            _next = Math.Min(_next, honest ? Math.Max(due, Game.Censor.BlockedUntil) : due);
        }

        return null;
    }
}

/// <summary>A game from genesis to the confirmation of every batch, in jumps from one instant at which something can happen to the next.</summary>
internal sealed class Simulation
{
    public static readonly GameShape SmallShape = new(3, 1, 2);

    public static readonly DisputeParameters SmallParameters = Clocks(censorship: 12, grace: 2, replay: 3, trace: 3);

    public static readonly Quad Genesis = new(ToyTraces.Named("apps"), ToyTraces.Named("outputs"), Word.Zero, Word.Zero);

    /// <summary>More instants than any game has.</summary>
    private const int MaxInstants = 200_000;

    private readonly List<Player> _players = [];
    private readonly List<string> _log = [];
    private PropertyChecks? _checks;

    public Simulation(
        int seed, int batches, int tasks, GameShape? shape = null, DisputeParameters? parameters = null, Rule broken = Rule.None, uint pauseBudget = 0, Variant? variant = null)
    {
        Random = new Random(seed);
        World = new ToyWorld(shape ?? SmallShape, Genesis);
        L1 = new L1Model(World, (parameters ?? SmallParameters) with { PauseBudgetSeconds = pauseBudget }, broken, variant);
        for (int i = 0; i < batches; i++)
            World.Batches.Add((new ToyBatch(World.Shape, ToyTraces.Named($"batch {i} {seed % 4}"), tasks), L1.Timestamp));
    }

    public L1Model L1 { get; set; }

    public ToyWorld World { get; }

    public Random Random { get; }

    public Censor Censor { get; set; } = Censor.None;

    public IReadOnlyList<Player> Players => _players;

    /// <summary>Whether the honest side keeps to its budgets, so that what it is promised is checked.</summary>
    public bool Defended { get; set; } = true;

    /// <summary>Whether the honest side pays the price ceiling for its gas (spec 4.6.7), or something below it.</summary>
    public bool AtTheCeiling { get; init; }

    /// <summary>Called before a transaction lands.</summary>
    public event Action<Player, L1Action>? Pending;

    /// <summary>Called after a transaction, before anything is checked.</summary>
    public event Action<L1Model, Player, L1Action, Refusal>? Applied;

    /// <summary>Called after a transaction went through.</summary>
    public event Action<L1Model, Player, L1Action, Refusal>? Landed;

    /// <summary>Writes every transaction down, for a failing game that is looked at.</summary>
    public bool Verbose { get; init; }

    public IReadOnlyList<string> Log => _log;

    /// <summary>Longest time from the start of a tournament of level 0 to its settlement.</summary>
    public ulong WorstDelay { get; private set; }

    public static DisputeParameters Clocks(uint censorship, uint grace, uint replay, uint trace) => new(
        censorship, grace, replay, trace, Stake0: 400_000_000, Stake1: 200_000_000, PriceCeiling: 100);

    public ToyTraces Traces(params LieAbout[] lies) => TracesReadyAfter(0, 0, lies);

    public ToyTraces TracesReadyAfter(uint replaySeconds, uint traceSeconds, params LieAbout[] lies)
    {
        var traces = new ToyTraces(() => L1.Timestamp, replaySeconds, traceSeconds);
        Quad sigma = Genesis;
        for (int i = 0; i < World.Batches.Count; i++)
        {
            (ToyBatch batch, ulong at) = World.Batches[i];
            ToyBatchTrace trace = TraceLibrary.Get(batch, sigma, i < lies.Length ? lies[i] : LieAbout.Nothing);
            traces.Append(trace, at);
            World.Register(trace);
            sigma = trace.Last;
        }

        return traces;
    }

    public T Add<T>(T player)
        where T : Player
    {
        _players.Add(player);
        return player;
    }

    /// <summary>An honest player: ready after T0 and T, and each move within G. It is censored by <see cref="Censor"/>.</summary>
    public SolverPlayer AddHonest(string name, ulong? claimAfter = null, ulong awakeAt = 0, bool lazy = false)
    {
        uint grace = L1.Parameters.GraceSeconds;
        ulong Delay(L1Action action) => lazy ? grace : (ulong)Random.Next((int)grace + 1);
        ToyTraces traces = TracesReadyAfter(L1.Parameters.ReplaySeconds, L1.Parameters.TraceSeconds);
        return Add(new SolverPlayer(name, this, traces, new SolverPolicy(claimAfter, Gas.Withdraw * 100 * L1.Parameters.PriceCeiling), Delay, honest: true)
        {
            AwakeAt = awakeAt,
        });
    }

    public SolverPlayer AddLiar(string name, LieAbout[] lies, int stamina = -1, Func<L1Action, ulong>? delay = null, ulong awakeAt = 0) =>
        Add(new SolverPlayer(name, this, Traces(lies), new SolverPolicy(0, 1), delay ?? (_ => 0), honest: false)
        {
            Stamina = stamina,
            AwakeAt = awakeAt,
        });

    /// <summary>Seconds until the last one in which an action is allowed.</summary>
    public ulong UntilTheLastSecond(L1Action action)
    {
        ulong deadline = action switch
        {
            Advance a => MoveDeadline(a.Match, a.State),
            Seal a => MoveDeadline(a.Match, a.State),
            ProveStep a => a.State.Since + (a.Claimed == a.State.LeafOne ? a.State.BalanceOne : a.State.BalanceTwo),
            ProveTransition a => a.State.Since + (a.Claimed == a.State.LeafOne ? a.State.BalanceOne : a.State.BalanceTwo),
            PostChallenge a => L1.State.Claims[a.First.Id()].PostedAt + L1.RulesOf(a).Parameters.Allowance,
            JoinInner a => L1.State.Arenas[a.Tournament].StartedAt + L1.State.Arenas[a.Tournament].AllowanceOf(a.Side),
            _ => 0,
        };
        ulong now = L1.RulesOf(action).Now;
        return deadline > now + 1 ? deadline - now - 1 : 0;
    }

    private ulong MoveDeadline(MatchId match, Bisection state)
    {
        int level = L1.State.Arenas[match.Tournament].Level;
        return state.Since + ((World.Shape.HeightOf(level) - state.Height) % 2 == 0 ? state.BalanceOne : state.BalanceTwo);
    }

    /// <summary>Sends a transaction, and checks every property after it.</summary>
    public Refusal Submit(Player sender, L1Action action)
    {
        L1Model before = L1;
        GameState known = L1.State;
        Pending?.Invoke(sender, action);
        bool raced = before != L1 || known != L1.State;
        L1.GasPrice = sender.Honest
            ? AtTheCeiling ? L1.Parameters.PriceCeiling : (UInt128)Random.NextInt64(1, (long)L1.Parameters.PriceCeiling + 1)
            : (UInt128)Random.NextInt64(1, 3 * (long)L1.Parameters.PriceCeiling);
        bool paused = L1.RulesOf(action).IsPaused;
        Refusal refusal = Apply(sender, action);
        Applied?.Invoke(L1, sender, action, refusal);
        if (Verbose)
            _log.Add($"{L1.Timestamp,8} {sender.Name}: {action.Name} {action.Describe()}{(refusal == Refusal.None ? "" : $" REFUSED {refusal}")}{Clock(action)}");
        PropertyChecks checks = Checks;
        if (refusal == Refusal.None)
        {
            PropertyChecks.Require(
                action is not AddRules || sender.Address == L1Model.Governor, Property.RulesAreTheGovernors, $"{sender.Name} adds rules");
            PropertyChecks.Require(
                !paused || (action is Elsewhere elsewhere ? elsewhere.Action : action) is Withdraw or Unpause or PutDown or TakeBack or AddRules, Property.PausesShiftDeadlines, $"{action.Name} goes through during a pause");
            checks.AfterTransition(L1);
        }

        if (refusal == Refusal.None && action is Settle settle)
        {
            ModelArena arena = L1.Arena(settle.Tournament);
            WorstDelay = Math.Max(WorstDelay, L1.RulesOf(arena).Now - arena.StartedAt);
            checks.AfterSettlement(L1, arena);
        }

        if (sender.Honest)
            Account(sender, action, refusal, raced);
        Landed?.Invoke(L1, sender, action, refusal);
        return refusal;
    }

    private string Clock(L1Action action) => action switch
    {
        Advance a => $" (since {a.State.Since}, {a.State.BalanceOne} and {a.State.BalanceTwo} s, now {L1.RulesOf(action).Now})",
        Timeout a => $" (since {a.State.Since}, {a.State.BalanceOne} and {a.State.BalanceTwo} s, now {L1.RulesOf(action).Now})",
        _ => "",
    };

    private Refusal Apply(Player sender, L1Action action)
    {
        try
        {
            return L1.Apply(sender.Address, action);
        }
        catch (GameEventException error)
        {
            throw new PropertyViolationException(Property.EventsTellAll, error.Message);
        }
    }

    /// <summary>What nobody promised to give back to the honest side (spec 4.6.7).</summary>
    private void Account(Player sender, L1Action action, Refusal refusal, bool raced)
    {
        if (Defended)
            PropertyChecks.Require(refusal == Refusal.None || raced, Property.HonestIsNeverRefused, $"{action.Name}: {refusal}");
        bool own = action switch
        {
            PostClaim or Withdraw or Recover => true,
            PostChallenge => refusal != Refusal.None,
            Confirm a => !IsClaimer(sender, a.Claim.Tournament),
            // Others made it before: the pot of a tournament of its own pays for that (spec 4.6.9).
            _ => refusal != Refusal.None && !IsClaimer(sender, action.Subject),
        };
        if (own)
            Checks.OwnExpense += RevertedGas.Of(action, refusal) * L1.GasPrice;
    }

    /// <summary>Whether a commitment of that account is in the tournament of level 0 that a tournament or match of either level belongs to.</summary>
    private bool IsClaimer(Player player, Word subject)
    {
        while (L1.MatchOrNull(subject) is ModelMatch match)
            subject = match.Arena.Id;
        return L1.ArenaOrNull(subject) is ModelArena arena && arena.Commitments.Values.Any(commitment => commitment.Claimer == player.Address);
    }

    private PropertyChecks Checks => _checks ??= new PropertyChecks(
        _players.OfType<SolverPlayer>().FirstOrDefault(player => player.Honest)?.Traces ?? Traces(),
        _players.Where(player => player.Honest).Select(player => player.Address).ToHashSet(),
        Defended && _players.Any(player => player.Honest));

    /// <summary>All batches are confirmed, and all tournaments under confirmed claims are decided: the others are of no interest to anybody honest.</summary>
    public bool IsOver => L1.IsConfirmed((ulong)L1.Batches - 1) && L1.Arenas.All(arena =>
        arena.Result != TournamentResult.Undecided
        || arena.Level == 1
        || !L1.Claim(L1.Claims.First(claim => claim.Ref.Tournament == arena.Id).Parent).Confirmed);

    /// <summary>Runs until <paramref name="until"/> holds.</summary>
    public void Run(Func<bool> until)
    {
        Player[] order = [.. _players];
        for (int i = 0; i < MaxInstants; i++)
        {
            bool acted = true;
            while (acted)
            {
                acted = false;
                Random.Shuffle(order);
                foreach (Player player in order)
                    acted |= player.Act();
            }

            if (until())
                return;
            ulong next = NextInstant();
            if (next == ulong.MaxValue)
                throw new PropertyViolationException(Property.GamesEnd, $"nobody acts, and nothing becomes possible by waiting: {Describe()}");
            L1.Timestamp = next;
        }

        throw new PropertyViolationException(Property.GamesEnd, $"the game has not ended after {MaxInstants} instants: {Describe()}");
    }

    private ulong NextInstant()
    {
        ulong next = ulong.MaxValue;
        foreach (Player player in _players)
        {
            ulong at = player.NextAct();
            if (at > L1.Timestamp)
                next = Math.Min(next, at);
        }

        foreach (ulong deadline in L1.Deadlines())
            next = deadline > L1.Timestamp ? Math.Min(next, deadline) : next;

        return next;
    }

    /// <summary>Plays to the end and checks everything that is promised.</summary>
    public void RunAndCheck()
    {
        Run(() => IsOver);
        Checks.AtTheEnd(L1, _players.Where(player => !player.Honest).Select(player => player.Address).Distinct().ToList());
    }

    /// <summary>Plays to the end, where the honest player's traces are confirmed.</summary>
    public void RunAndCheck(SolverPlayer honest)
    {
        RunAndCheck();
        for (ulong batch = 0; batch < (ulong)L1.Batches; batch++)
            PropertyChecks.Require(honest.Traces[batch].Root == L1.ConfirmedTrace(batch), Property.NoWrongStateConfirms, $"batch {batch}");
    }

    private string Describe()
    {
        IEnumerable<string> arenas = L1.Arenas.Where(arena => arena.Result == TournamentResult.Undecided).Select(arena =>
            $"level {arena.Level}, {arena.Commitments.Count} joined, {arena.Live.Count} matches");
        return string.Join("; ", arenas);
    }
}

/// <summary>Traces are told once for each thread: games choose among few batches and lies.</summary>
internal static class TraceLibrary
{
    private const int MaxTraces = 20_000;

    [ThreadStatic]
    private static Dictionary<(GameShape, Word, int, Word, LieAbout), ToyBatchTrace>? _traces;

    public static ToyBatchTrace Get(ToyBatch batch, Quad initial, LieAbout lie)
    {
        _traces ??= [];
        if (_traces.Count > MaxTraces)
            _traces.Clear();
        var key = (batch.Shape, batch.BatchHash, batch.TaskCount, initial.Hash(), lie);
        if (!_traces.TryGetValue(key, out ToyBatchTrace? trace))
            _traces[key] = trace = ToyBatchTrace.Tell(batch, initial, lie);
        return trace;
    }
}
