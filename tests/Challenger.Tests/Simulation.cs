using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger.Tests;

/// <summary>A player of simulated games. Every tick of one second each player acts once, in random order.</summary>
internal abstract class Player(string name, ModelL1 l1)
{
    public string Name => name;

    public Address Address { get; } = Address.FromWord(ToyTraces.Named(name));

    protected ModelL1 L1 => l1;

    public abstract void Act();
}

/// <summary>
/// The real solver with some traces. How long it waits before each action is a policy; an honest player waits within its budget, an
/// adversary as it likes.
/// </summary>
internal class SolverPlayer(
    string name,
    ModelL1 l1,
    GameShape shape,
    ToyTraces traces,
    SolverPolicy policy,
    Func<L1Action, ulong> delay,
    bool honest) : Player(name, l1)
{
    /// <summary>More than any game needs within one second.</summary>
    private const int MaxActionsPerTick = 200;

    private readonly Dictionary<string, ulong> _due = [];
    private readonly HashSet<string> _done = [];

    public ToyTraces Traces => traces;

    public bool Honest => honest;

    /// <summary>Actions left before it walks away for good; negative: never.</summary>
    public int Stamina { get; init; } = -1;

    public ulong AwakeAt { get; init; }

    /// <summary>Sees and does nothing in this time.</summary>
    public (ulong From, ulong Until) Asleep { get; set; }

    /// <summary>What it is willing to do.</summary>
    public Func<L1Action, bool> Willing { get; init; } = _ => true;

    /// <summary>Names of what it did with success.</summary>
    public HashSet<string> Did { get; } = [];

    private int _acted;

    public override void Act()
    {
        if (L1.Now < AwakeAt || (L1.Now >= Asleep.From && L1.Now < Asleep.Until))
            return;

        for (int i = 0; i < MaxActionsPerTick; i++)
        {
            if (Stamina >= 0 && _acted >= Stamina)
                return;
            if (Next() is not L1Action action)
                return;

            // Refused for good: a lie cannot be proven, and no event tells that a bond was recovered.
            _acted++;
            if (action is Recover)
                _done.Add(action.Key);
            try
            {
                L1.Execute(Address, action);
                Did.Add(action.Name);
            }
            catch (ModelRevertException refused) when (!honest || action is Recover)
            {
                _done.Add(action.Key);
                _ = refused;
            }
        }

        Assert.Fail($"{Name} acts without end.");
    }

    private L1Action? Next()
    {
        foreach (GameAction action in Solver.Decide(shape, Address, policy, L1.State, traces, L1.Now))
        {
            if (action is PrepareChunk prepare)
                traces.Prepare(prepare.Batch, prepare.Position);
            if (action is not L1Action transaction || _done.Contains(action.Key) || !Willing(transaction))
                continue;
            if (!_due.TryGetValue(action.Key, out ulong due))
                _due[action.Key] = due = L1.Now + delay(transaction);
            if (L1.Now >= due)
                return transaction;
        }

        return null;
    }
}

/// <summary>Joins inner tournaments on the class of the honest side, with another trace that ends in the same machine.</summary>
internal sealed class ClassSquatter(string name, ModelL1 l1, GameShape shape, ToyTraces honest, int roots) : Player(name, l1)
{
    private readonly HashSet<(Word, int)> _joined = [];

    public override void Act()
    {
        foreach (Arena inner in L1.State.Arenas.Values.Where(arena => arena.Level == 1 && arena.Result == TournamentResult.Undecided))
        {
            Match outer = L1.State.Matches[inner.Id];
            Claim claim = L1.State.Rivals(outer.Tournament).First();
            Leaf leaf = outer.Leaf!;
            ToyTrace? truth = honest.BuildChunk(claim.Batch, leaf.Position);
            if (truth is null)
                continue;

            for (int k = 0; k < roots; k++)
            {
                if (!_joined.Add((inner.Id, k)))
                    continue;

                var leaves = new Word[shape.ChunkLeaves];
                for (ulong i = 0; i < shape.ChunkLeaves; i++)
                    leaves[i] = i == shape.ChunkLeaves - 1 ? truth.Leaf(i) : ToyTraces.Named($"{Name} {k} {i}");
                var squat = new ToyTrace(shape.ChunkHeight, leaves);
                for (int side = 1; side <= 2; side++)
                {
                    try
                    {
                        L1.Execute(Address, new JoinInner(
                            inner.Id,
                            inner.Context!,
                            side,
                            squat.Root,
                            leaves[^1],
                            squat.Children(squat.Height, 0),
                            squat.Prove(shape.ChunkLeaves - 1),
                            L1.State.BondChunk));
                        return;
                    }
                    catch (ModelRevertException)
                    {
                        // The other class, or neither: it can only guess.
                    }
                }
            }
        }
    }
}

/// <summary>Calls whatever comes to mind, right or wrong, for anyone's commitments, with the traces of everybody.</summary>
internal sealed class Meddler(string name, ModelL1 l1, GameShape shape, IReadOnlyList<ToyTraces> all, Random random) : Player(name, l1)
{
    public override void Act()
    {
        if (random.Next(3) != 0)
            return;

        var ideas = new List<L1Action>();
        foreach (ToyTraces traces in all)
        {
            // A time out of order makes it try moves that are too early, and join what it should not.
            ulong now = L1.Now + (ulong)random.Next(4);
            foreach (GameAction action in Solver.Decide(shape, Address, new SolverPolicy(0, 1), L1.State, traces, now))
            {
                if (action is PrepareChunk prepare)
                    traces.Prepare(prepare.Batch, prepare.Position);
                if (action is L1Action transaction)
                    ideas.Add(transaction);
            }
        }

        foreach (Match match in L1.State.Matches.Values.Where(match => match.Live))
        {
            if (match.Bisection is Bisection bisection)
                ideas.Add(new Timeout(match.Ref, bisection, default));
            if (match.Leaf is Leaf leaf)
                ideas.AddRange([new Eliminate(match.Ref, leaf), new ResolveInner(match.Ref, leaf, default), new ProveStep(match.Ref, leaf, leaf.LeafOne, 0, 0, default)]);
        }

        if (ideas.Count == 0)
            return;
        try
        {
            L1.Execute(Address, ideas[random.Next(ideas.Count)]);
        }
        catch (ModelRevertException)
        {
            // It does not know what it does.
        }
    }
}

/// <summary>A game from genesis to the confirmation of every batch.</summary>
internal sealed class Simulation
{
    public static readonly GameShape Shape = new(3, 1, 2);

    public static readonly DisputeParameters Parameters = new(
        CensorshipSeconds: 12, GraceSeconds: 2, ReplaySeconds: 3, TraceSeconds: 3, Stake0: 1_000_000, Stake1: 100_000, PriceCeiling: 3);

    public static readonly Quad Genesis = new(ToyTraces.Named("apps"), ToyTraces.Named("outputs"), Word.Zero, Word.Zero);

    private readonly List<Player> _players = [];
    private readonly List<(ToyMachine Machine, ulong At)> _batches = [];
    private readonly Random _random;

    public Simulation(int seed, int batches, int tasks)
    {
        _random = new Random(seed);
        L1 = new ModelL1(Shape, Parameters, Genesis);
        for (int i = 0; i < batches; i++)
        {
            var machine = new ToyMachine(Shape, ToyTraces.Named($"batch {seed} {i}"), tasks);
            L1.AppendBatch(machine);
            _batches.Add((machine, L1.Now));
        }
    }

    public ModelL1 L1 { get; }

    public Random Random => _random;

    public ToyTraces Traces(params LieAbout[] lies)
    {
        var traces = new ToyTraces(Shape, Genesis, () => L1.Now, Parameters.ReplaySeconds, Parameters.TraceSeconds);
        L1.Register([Genesis]);
        for (int i = 0; i < _batches.Count; i++)
        {
            traces.Append(_batches[i].Machine, i < lies.Length ? lies[i] : LieAbout.Nothing, _batches[i].At);
            L1.Register(traces.Openings((ulong)i));
        }

        return traces;
    }

    public T Add<T>(T player)
        where T : Player
    {
        _players.Add(player);
        return player;
    }

    /// <summary>
    /// An honest player: at most G for each move and, in sum, C beyond that. An action is seen a second after what it answers.
    /// </summary>
    public SolverPlayer AddHonest(string name, ulong? claimAfter = null, ulong awakeAt = 0)
    {
        uint budget = Parameters.CensorshipSeconds;
        ulong Delay(L1Action action)
        {
            ulong delay = (ulong)_random.Next((int)Parameters.GraceSeconds);
            if (budget > 0 && _random.Next(6) == 0)
            {
                uint censored = (uint)_random.Next((int)budget + 1);
                budget -= censored;
                delay += censored;
            }

            return delay;
        }

        return Add(new SolverPlayer(name, L1, Shape, Traces(), new SolverPolicy(claimAfter, 1), Delay, honest: true) { AwakeAt = awakeAt });
    }

    public SolverPlayer AddLiar(string name, LieAbout[] lies, int stamina = -1, Func<L1Action, ulong>? delay = null, ulong awakeAt = 0) =>
        Add(new SolverPlayer(name, L1, Shape, Traces(lies), new SolverPolicy(0, 1), delay ?? (_ => 0), honest: false)
        {
            Stamina = stamina,
            AwakeAt = awakeAt,
        });

    /// <summary>Waits with every move until the last second in which it is allowed.</summary>
    public static ulong AtTheLastSecond(ModelL1 l1, L1Action action)
    {
        ulong deadline = action switch
        {
            Advance a => a.State.Since + (Mover(l1, a.Match, a.State.Height) == 1 ? a.State.BalanceOne : a.State.BalanceTwo) - 1,
            Seal a => a.State.Since + (Mover(l1, a.Match, a.State.Height) == 1 ? a.State.BalanceOne : a.State.BalanceTwo) - 1,
            PostChallenge a => l1.State.Claims[a.First.Id()].PostedAt + Parameters.Allowance - 1,
            JoinInner a => l1.State.Arenas[a.Tournament].StartedAt + l1.State.Arenas[a.Tournament].AllowanceOf(a.Side) - 1,
            _ => 0,
        };
        return deadline > l1.Now ? deadline - l1.Now : 0;
    }

    private static int Mover(ModelL1 l1, MatchId match, int height) =>
        (Shape.HeightOf(l1.State.Arenas[match.Tournament].Level) - height) % 2 == 0 ? 1 : 2;

    public UInt128 CreditsOf(Player player) =>
        L1.State.CreditOf(CreditHolder.Rollup, player.Address) + L1.State.CreditOf(CreditHolder.Tournament, player.Address);

    private string Of(Address address) => _players.Find(player => player.Address == address)?.Name ?? "?";

    /// <summary>Runs until <paramref name="until"/> holds.</summary>
    public void Run(Func<bool> until, int maxSeconds = 4_000)
    {
        for (int i = 0; i < maxSeconds; i++)
        {
            L1.Now++;
            Player[] order = [.. _players];
            _random.Shuffle(order);
            foreach (Player player in order)
                player.Act();
            if (until())
                return;
        }

        IEnumerable<string> claims = L1.State.Claims.Values.Select(claim => $"claim {claim.Batch}/{claim.Attempt} by {Of(claim.Claimer)} {(claim.Confirmed ? "confirmed" : "pending")}");
        IEnumerable<string> arenas = L1.State.Arenas.Values.Select(arena =>
            $"arena {arena.Level} {arena.Result}: {string.Join(", ", arena.Commitments.Values.Select(c => $"{Of(c.Claimer)}{(c.Eliminated ? " out" : "")}"))}; live {arena.LiveMatches.Count}");
        IEnumerable<string> matches = L1.State.Matches.Values.Where(match => match.Live).Select(match => match.ToString());
        Assert.Fail($"The game has not ended after {maxSeconds} seconds, at {L1.Now}:\n{string.Join('\n', [.. claims, .. arenas, .. matches])}");
    }

    /// <summary>
    /// Runs to the end and checks what one honest player is promised: every batch confirms with the true root, its root is never
    /// eliminated, and it has back at least what it paid (spec 4.7, decision 0003).
    /// </summary>
    public void RunAndCheck(SolverPlayer honest)
    {
        Run(() => L1.IsConfirmed((ulong)L1.Batches - 1) && L1.AllDecidedFor(honest.Address));
        for (ulong batch = 0; batch < (ulong)L1.Batches; batch++)
            Assert.Equal(honest.Traces.Claim(batch)!.TraceRoot, L1.ConfirmedTrace(batch));
        Assert.DoesNotContain(L1.Eliminated, lost => lost.Claimer == honest.Address);

        Assert.True(L1.Net.GetValueOrDefault(honest.Address) + (Int128)CreditsOf(honest) >= 0, "An honest player has lost money.");
    }
}
