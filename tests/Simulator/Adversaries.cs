using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Timeout = Optimistic.Challenger.Timeout;

namespace Optimistic.Simulator;

/// <summary>Waits with every move until the last second in which it is allowed.</summary>
internal sealed class GreedyDelayer(string name, Simulation game, params LieAbout[] lies)
    : SolverPlayer(name, game, game.Traces(lies), new SolverPolicy(0, 1), game.UntilTheLastSecond, honest: false);

/// <summary>Joins, at both levels, in the last second of the window, and then plays at once.</summary>
internal sealed class LateJoiner(string name, Simulation game, params LieAbout[] lies) : SolverPlayer(
    name,
    game,
    game.Traces(lies),
    new SolverPolicy(0, 1),
    action => action is PostChallenge or Challenger.JoinInner ? game.UntilTheLastSecond(action) : 0,
    honest: false);

/// <summary>Walks away for good after some actions, whatever the state.</summary>
internal sealed class Abandoner : SolverPlayer
{
    public Abandoner(string name, Simulation game, int actions, params LieAbout[] lies)
        : base(name, game, game.Traces(lies), new SolverPolicy(0, 1), _ => 0, honest: false)
    {
        Stamina = actions;
    }
}

/// <summary>Brings the truth first, to be its claimer, and then leaves it to others; with a stamina of more it plays on for a while.</summary>
internal sealed class TruthSquatter : SolverPlayer
{
    public TruthSquatter(string name, Simulation game, int actions)
        : base(name, game, game.Traces(), new SolverPolicy(0, 1), _ => 0, honest: false)
    {
        Stamina = actions;
    }
}

/// <summary>Opens nodes that are not in its tree, shows agreed leaves that are none, and claims what it cannot prove.</summary>
internal sealed class Fabricator : SolverPlayer
{
    public Fabricator(string name, Simulation game, params LieAbout[] lies)
        : base(name, game, game.Traces(lies), new SolverPolicy(0, 1), _ => 0, honest: false)
    {
        Twist = action => game.Random.Next(4) == 0 ? action : Fabricate(game.Random, action);
    }

    private static L1Action Fabricate(Random random, L1Action action)
    {
        Word garbage = ToyTraces.Named($"garbage {random.Next(16)}");
        switch (action)
        {
            case Advance a:
                Quad opened = a.State.Children with { C3 = garbage };
                return a with { Opened = opened, Next = new Quad(garbage, garbage, garbage, garbage) };
            case Seal { State.Position: > 0 } a:
                if (a.Agreed.Length > 5 * Word.Length && random.Next(2) == 0)
                    return a with { Agreed = [.. garbage.Bytes, .. a.Agreed.AsSpan(Word.Length)] };
                return a with { Leaves = a.State.Children with { C3 = garbage }, Agreed = [] };
            case PostChallenge a when random.Next(2) == 0:
                return a with { StateRoot = garbage };
            case PostClaim a when random.Next(2) == 0:
                return a with { StateRoot = garbage };
            case JoinInner a:
                return random.Next(2) == 0 ? a with { Side = 3 - a.Side } : a with { MachineRoot = garbage };
            case ProveStep a:
                return a with { Claimed = random.Next(2) == 0 ? garbage : a.Claimed };
            case ProveTransition a:
                return a with { Claimed = random.Next(2) == 0 ? garbage : a.Claimed };
            default:
                return action;
        }
    }
}

/// <summary>
/// Joins inner tournaments with many roots that end as they must and are noise before, on both classes, and with the true root on the wrong
/// one.
/// </summary>
/// <param name="roots">How many for each class of each tournament.</param>
internal sealed class ClassFlooder(string name, Simulation game, ToyTraces truth, int roots, bool late) : Player(name, game)
{
    private readonly HashSet<(Word, int, int)> _joined = [];

    /// <summary>Leaves the true root to whoever tells it.</summary>
    public bool Spares { get; init; }

    /// <summary>What it is willing to pay for.</summary>
    public Func<L1Action, bool> Willing { get; init; } = _ => true;

    public override bool Act()
    {
        if (L1.IsPaused)
            return false;
        bool acted = false;
        foreach (ModelArena inner in L1.Arenas.Where(arena => arena.Level == 1 && arena.Result == TournamentResult.Undecided).ToList())
        {
            for (int side = 1; side <= 2; side++)
            {
                if (late && L1.RulesOf(inner).Now + 1 < inner.StartedAt + inner.AllowanceOf(side))
                    continue;
                for (int k = Spares ? 0 : -1; k < roots; k++)
                {
                    if (!_joined.Contains((inner.Id, side, k)) && Squat(inner, side, k) is JoinInner join && Willing(join) && _joined.Add((inner.Id, side, k)))
                        acted |= Game.Submit(this, join) == Refusal.None;
                }
            }
        }

        return acted;
    }

    public override ulong NextAct()
    {
        if (!late || L1.IsPaused)
            return ulong.MaxValue;
        ulong next = ulong.MaxValue;
        foreach (ModelArena inner in L1.Arenas)
        {
            if (inner.Level != 1 || inner.Result != TournamentResult.Undecided)
                continue;
            for (int side = 1; side <= 2; side++)
            {
                ulong at = inner.StartedAt + inner.AllowanceOf(side) - 1;
                if (at > L1.RulesOf(inner).Now)
                    next = Math.Min(next, L1.RulesOf(inner).TimestampOf(at));
            }
        }

        return next;
    }

    private JoinInner? Squat(ModelArena inner, int side, int k)
    {
        ModelMatch outer = L1.Match(inner.Id);
        ulong batch = L1.Claims.First(claim => claim.Ref.Tournament == outer.Arena.Id).Batch;
        if (truth[batch].ChunkAt(outer.Leaf!.Position) is not RunTrace chunk)
            return null;

        // Of the class whose σ it knows: the true one ends in the true machine; a lie has to be guessed.
        ulong leaves = L1.Shape.ChunkLeaves;
        Word last = chunk.Leaf(leaves - 1);
        if (new Quad(inner.Context!.AppsRoot, inner.Context.OutputsRoot, inner.Context.Counters, last).Hash() != inner.Context.SigmaOf(side))
        {
            if (!L1.World.TryOpen(inner.Context.SigmaOf(side), out Quad sigma))
                return null;
            last = sigma.C3;
        }

        if (k < 0)
        {
            // The true trace, on whichever side: its root would be taken there.
            return new JoinInner(
                inner.Id, inner.Context, side, chunk.Root, last, chunk.Children(chunk.Height, 0), chunk.Prove(leaves - 1), L1.RulesOf(inner).Bond(1));
        }

        ulong start = (ulong)k % (leaves - 1);
        var runs = new List<(ulong, Word)>();
        for (ulong p = 0; p < start && p < 8; p++)
            runs.Add((p, chunk.Leaf(p)));
        runs.Add(((ulong)runs.Count, ToyTraces.Named($"squat {k} {side}")));
        runs.Add((leaves - 1, last));
        var squat = new RunTrace(L1.Shape.ChunkHeight, runs);
        return new JoinInner(
            inner.Id, inner.Context, side, squat.Root, last, squat.Children(squat.Height, 0), squat.Prove(leaves - 1), L1.RulesOf(inner).Bond(1));
    }
}

/// <summary>Calls whatever comes to mind, right or wrong, early or late, for anyone's commitments, with the traces of everybody.</summary>
internal sealed class Meddler(string name, Simulation game, IReadOnlyList<ToyTraces> all) : Player(name, game)
{
    private ulong _next;
    private int _ideas = 60;

    public override ulong NextAct() => _ideas > 0 ? _next : ulong.MaxValue;

    public override bool Act()
    {
        Random random = Game.Random;
        if (_ideas <= 0 || L1.Timestamp < _next)
            return false;
        _ideas--;
        _next = L1.Timestamp + (ulong)random.Next(1, 6);
        List<L1Action> ideas = Ideas(random);
        for (int i = 0; i < 8 && ideas.Count > 0; i++)
        {
            if (Game.Submit(this, ideas[random.Next(ideas.Count)]) == Refusal.None)
                return true;
        }

        return false;
    }

    private List<L1Action> Ideas(Random random)
    {
        var ideas = new List<L1Action>();
        if (random.Next(2) == 0)
        {
            // A time out of order makes it try moves that are too early, and join what it should not.
            ToyTraces traces = all[random.Next(all.Count)];
            ulong now = L1.Timestamp + (ulong)random.Next(4);
            foreach (GameAction action in Solver.Decide(L1.Shape, Address, new SolverPolicy(0, 1), L1.Index, traces, now))
            {
                if (action is PrepareChunk prepare)
                    traces.Prepare(prepare.Batch, prepare.Position);
                if (action is L1Action transaction)
                    ideas.Add(transaction);
            }

            if (ideas.Count > 0)
                return ideas;
        }

        foreach (ModelMatch match in L1.Matches)
        {
            if (match.Outcome is not null)
                continue;
            Quad one = ChildrenOf(match.Id.One), two = ChildrenOf(match.Id.Two);
            if (match.Bisection is Bisection bisection)
                ideas.Add(new Timeout(match.Id, bisection, L1.Mover(match) == 1 ? two : one, StateOf(match.Arena, L1.Mover(match) == 1 ? match.Id.Two : match.Id.One)));
            if (match.Leaf is Leaf leaf)
                AddLeafIdeas(ideas, match, leaf, one, two);
        }

        foreach (ModelArena arena in L1.Arenas)
        {
            if (arena.Level == 0)
                ideas.Add(new Settle(arena.Id, StateOf(arena, arena.Dangling ?? Word.Zero)));
        }

        foreach (ModelClaim claim in L1.Claims)
        {
            if (claim.Parent.IsZero)
                continue;
            ideas.Add(new Confirm(claim.Ref, claim.Attempt));
            ideas.Add(new Recover(claim.Ref, L1.Claim(claim.Parent).Ref, claim.Attempt));
            foreach (ToyTraces traces in all)
                AddJoinIdeas(ideas, claim, traces[claim.Batch]);
        }

        ideas.Add(new Withdraw(CreditHolder.Tournament, Address, 1));
        ideas.Add(new PutDown(L1.Bond(0) / (UInt128)random.Next(1, 3)));
        ideas.Add(new TakeBack());
        if (random.Next(4) == 0)
            ideas.Add(new AddRules(Governor.Further(random, L1.Parameters)));
        return ideas;
    }

    private void AddLeafIdeas(List<L1Action> ideas, ModelMatch match, Leaf leaf, Quad one, Quad two)
    {
        ideas.Add(new Eliminate(match.Id, leaf));
        if (match.Phase == MatchPhase.Inner)
        {
            ideas.Add(new ResolveInner(match.Id, leaf, one, StateOf(match.Arena, match.Id.One)));
            ideas.Add(new ResolveInner(match.Id, leaf, two, StateOf(match.Arena, match.Id.Two)));
        }

        ModelClaim? claim = L1.Claims.FirstOrDefault(claim => claim.Ref.Tournament == match.Arena.Id);
        foreach ((Word value, Quad children, Word root) in ((Word, Quad, Word)[])
            [(leaf.LeafOne, one, match.Id.One), (leaf.LeafTwo, two, match.Id.Two), (leaf.Agreed, one, match.Id.One)])
        {
            ideas.Add(claim is null
                ? new ProveStep(match.Id, leaf, value, 0, 0, children)
                : new ProveTransition(match.Id, leaf, value, claim.Batch, claim.Parent, claim.Attempt, children, StateOf(match.Arena, root)));
        }
    }

    /// <summary>Of the claim with that root; one in eight times nothing, to be refused.</summary>
    private Word StateOf(ModelArena arena, Word root) => Game.Random.Next(8) == 0
        ? Word.Zero
        : L1.Claims.FirstOrDefault(claim => claim.Ref.Tournament == arena.Id && claim.Ref.TraceRoot == root)?.Ref.StateRoot ?? Word.Zero;

    /// <summary>Joins again, without a bond, or for the next attempt.</summary>
    private void AddJoinIdeas(List<L1Action> ideas, ModelClaim claim, ToyBatchTrace trace)
    {
        ClaimRef parent = L1.Claim(claim.Parent).Ref;
        byte[] last = trace.Prove(L1.Shape.BatchLeaves - 1);
        Word state = trace.Last.Hash();
        if (L1.State.Rivals(claim.Ref.Tournament).FirstOrDefault() is Claim first)
        {
            foreach (UInt128 bond in (UInt128[])[L1.RulesOf(claim).Bond(0), 0])
                ideas.Add(new PostChallenge(parent, trace.Batch.BatchHash, claim.Attempt, first.Ref, state, trace.Root, trace.Children(trace.Height, 0), last, bond));
        }

        for (ulong attempt = claim.Attempt; attempt <= claim.Attempt + 1; attempt++)
        {
            ideas.Add(new PostClaim(
                parent, attempt, state, trace.Root, last, ClaimRef.TournamentOf(claim.Parent, trace.Batch.BatchHash, attempt),
                attempt == claim.Attempt && Game.Random.Next(2) == 0 ? 0 : L1.InForce.Bond(0)));
        }
    }

    private Quad ChildrenOf(Word root)
    {
        foreach (ToyTraces traces in all)
        {
            for (ulong batch = 0; batch < (ulong)traces.Count; batch++)
            {
                if (traces[batch].Root == root)
                    return traces[batch].Children(traces[batch].Height, 0);
            }
        }

        foreach (ModelArena arena in L1.Arenas)
        {
            if (L1.State.Arenas[arena.Id].Commitments.TryGetValue(root, out Commitment? commitment))
                return commitment.Children;
        }

        return default;
    }
}

/// <summary>Sees every honest transaction before it lands, and makes the same call first, from its own purse.</summary>
internal sealed class FrontRunner : Player
{
    private readonly int _oneIn;
    private bool _running;

    /// <summary>What it is willing to copy.</summary>
    public Func<L1Action, bool> Willing { get; init; } = _ => true;

    public FrontRunner(string name, Simulation game, int oneIn)
        : base(name, game)
    {
        _oneIn = oneIn;
        game.Pending += Run;
    }

    public override bool Act() => false;

    private void Run(Player sender, L1Action action)
    {
        if (_running || !sender.Honest || action is Withdraw || !Willing(action) || Game.Random.Next(_oneIn) != 0)
            return;
        _running = true;
        Game.Submit(this, action);
        _running = false;
    }
}

/// <summary>A liar whose purse cannot be paid: a contract that reverts, burns its gas, or returns megabytes.</summary>
internal sealed class Griefer : SolverPlayer
{
    public Griefer(string name, Simulation game, params LieAbout[] lies)
        : base(name, game, game.Traces(lies), new SolverPolicy(0, 1), _ => 0, honest: false)
    {
        game.L1.Refusing.Add(Address);
    }
}

/// <summary>
/// Makes L1 reorganise to a fork on which the last transactions are gone and come again now, in another order, but for some that never do.
/// The honest side loses the time that the fork took: it counts as censored.
/// </summary>
internal sealed class Reorger : Player
{
    private const int MaxDepth = 12;

    private readonly List<(L1Model Before, Player Sender, L1Action Action)> _recent = [];
    private readonly int _oneIn;
    private L1Model _before;
    private bool _replaying;

    public Reorger(string name, Simulation game, int oneIn)
        : base(name, game)
    {
        _oneIn = oneIn;
        _before = game.L1.Copy();
        game.Landed += Remember;
    }

    public int Reorgs { get; private set; }

    private void Remember(L1Model after, Player sender, L1Action action, Refusal refusal)
    {
        if (refusal == Refusal.None && !_replaying)
        {
            _recent.Add((_before, sender, action));
            if (_recent.Count > MaxDepth)
                _recent.RemoveAt(0);
        }

        _before = after.Copy();
    }

    public override bool Act()
    {
        if (_recent.Count == 0 || Game.Random.Next(_oneIn) != 0 || L1.IsPaused)
            return false;
        int depth = Game.Random.Next(1, _recent.Count + 1);
        L1Model fork = _recent[^depth].Before;
        ulong lost = L1.Timestamp - fork.Timestamp;
        if (lost > Game.Censor.Budget || fork.IsPaused)
            return false;

        Game.Censor.Spend(lost);
        (Player Sender, L1Action Action)[] again = [.. _recent[^depth..].Select(one => (one.Sender, one.Action))];
        _recent.Clear();
        ulong timestamp = L1.Timestamp;
        Game.L1 = fork.Copy();
        Game.L1.Timestamp = timestamp;
        _before = Game.L1.Copy();
        Game.Random.Shuffle(again);
        Reorgs++;
        _replaying = true;
        foreach ((Player sender, L1Action action) in again)
        {
            if (!sender.Honest && Game.Random.Next(4) != 0)
                Game.Submit(sender, action);
        }

        _replaying = false;
        return true;
    }
}

/// <summary>The guardian of a version pauses it and goes on at random (spec 4.8).</summary>
internal sealed class Guardian(string name, Simulation game, int version = 0) : Player(name, game)
{
    private ulong _next = game.L1.Timestamp + (ulong)game.Random.Next(40);
    private int _pauses = 4;

    public override ulong NextAct() => _next;

    public override bool Act()
    {
        if (L1.Timestamp < _next || version >= L1.Rules.Count || (_pauses == 0 && !L1.Rules[version].IsPaused))
            return false;
        L1Action action = L1.Rules[version].IsPaused && Game.Random.Next(4) != 0 ? new Unpause() : new Pause();
        _pauses -= action is Pause ? 1 : 0;
        _next = L1.Timestamp + (ulong)Game.Random.Next(1, 30);
        return Game.Submit(this, version == 0 ? action : new Elsewhere(version, action)) == Refusal.None;
    }
}

/// <summary>The governor adds rules at random (spec 5.7). An honest side that keeps to the budgets of the first keeps to those of all.</summary>
internal sealed class Governor : Player
{
    private readonly Random _random;
    private ulong _next;
    private int _upgrades;

    /// <param name="withinSeconds">The first rules come in so many seconds.</param>
    public Governor(string name, Simulation game, Random random, int withinSeconds = 60)
        : base(name, game)
    {
        Address = L1Model.Governor;
        _random = random;
        _upgrades = random.Next(1, 3);
        _next = game.L1.Timestamp + (ulong)random.Next(withinSeconds);
    }

    public override ulong NextAct() => _upgrades > 0 ? _next : ulong.MaxValue;

    public override bool Act()
    {
        if (_upgrades == 0 || L1.Timestamp < _next)
            return false;
        _upgrades--;
        _next = L1.Timestamp + (ulong)_random.Next(40);
        return Game.Submit(this, new AddRules(Further(_random, L1.Parameters))) == Refusal.None;
    }

    public static DisputeParameters Further(Random random, DisputeParameters first) => first with
    {
        CensorshipSeconds = first.CensorshipSeconds + (uint)random.Next(3),
        GraceSeconds = first.GraceSeconds + (uint)random.Next(2),
        ReplaySeconds = first.ReplaySeconds + (uint)random.Next(3),
        TraceSeconds = first.TraceSeconds + (uint)random.Next(3),
        Stake0 = first.Stake0 * (UInt128)random.Next(2, 5) / 2,
        Stake1 = first.Stake1 * (UInt128)random.Next(2, 4) / 2,
        PauseBudgetSeconds = (uint)random.Next(30),
    };
}

/// <summary>
/// Stretches a stake over all that it can get behind it: first claims after any claim, of anybody's opinion, also in the place of unbacked
/// ones, and tries to have unbacked claims confirmed, and challenged.
/// </summary>
internal sealed class Stretcher(string name, Simulation game, IReadOnlyList<ToyTraces> all, Random random) : Player(name, game)
{
    private ulong _next = game.L1.Timestamp;
    private int _ideas = 25;

    /// <summary>Puts claims of its own in the place of unbacked ones.</summary>
    public bool Replaces { get; init; } = true;

    public override ulong NextAct() => _ideas > 0 ? _next : ulong.MaxValue;

    public override bool Act()
    {
        bool acted = false;
        foreach (ModelClaim claim in L1.Claims.Where(claim => !L1.IsBacked(claim)).ToList())
        {
            ToyBatchTrace other = all[random.Next(all.Count)][claim.Batch];
            acted |= Game.Submit(this, random.Next(8) switch
            {
                0 => Challenge(claim, other),
                1 when Replaces => Claim(L1.Claim(claim.Parent), claim.Attempt, other, L1.InForce.Bond(0)),
                _ => new Confirm(claim.Ref, claim.Attempt),
            }) == Refusal.None;
        }

        if (_ideas == 0 || L1.Timestamp < _next)
            return acted;
        _ideas--;
        _next = L1.Timestamp + (ulong)random.Next(1, 8);
        if (L1.StakeOf(Address).Amount < L1.InForce.Bond(0))
            acted |= Game.Submit(this, new PutDown(L1.InForce.Bond(0))) == Refusal.None;
        List<ModelClaim> parents = [.. L1.Claims.Where(claim => unchecked(claim.Batch + 1) < (ulong)L1.Batches && !L1.HasChildren(claim))];
        if (parents.Count > 0)
        {
            ModelClaim parent = parents[random.Next(parents.Count)];
            acted |= Game.Submit(this, Claim(parent, 0, all[random.Next(all.Count)][unchecked(parent.Batch + 1)], 0)) == Refusal.None;
        }

        return acted;
    }

    private PostClaim Claim(ModelClaim parent, ulong attempt, ToyBatchTrace trace, UInt128 bond) => new(
        parent.Ref, attempt, trace.Last.Hash(), trace.Root, trace.Prove(L1.Shape.BatchLeaves - 1),
        ClaimRef.TournamentOf(parent.Ref.Id(), trace.Batch.BatchHash, attempt), bond);

    private PostChallenge Challenge(ModelClaim first, ToyBatchTrace trace) => new(
        L1.Claim(first.Parent).Ref, trace.Batch.BatchHash, first.Attempt, first.Ref, trace.Last.Hash(), trace.Root, trace.Children(trace.Height, 0),
        trace.Prove(L1.Shape.BatchLeaves - 1), L1.RulesOf(first).Bond(0));
}

/// <summary>Puts down a stake for a purse, takes it back as soon as it may, or sooner, and puts it down again, perhaps in the second in which it was taken.</summary>
internal sealed class Staker : Player
{
    private readonly Random _random;
    private readonly bool _hasty;
    private ulong _next;
    private int _left;

    public Staker(string name, Simulation game, Address purse, Random random)
        : base(name, game)
    {
        Address = purse;
        _random = random;
        _hasty = random.Next(2) == 0;
        _left = random.Next(1, 8);
        _next = game.L1.Timestamp;
    }

    public override ulong NextAct() => _left > 0 ? _next : ulong.MaxValue;

    public override bool Act()
    {
        if (_left == 0 || L1.Timestamp < _next)
            return false;
        _left--;
        _next = L1.Timestamp + (ulong)(_hasty ? 1 : _random.Next(1, 30));
        UInt128 bond = L1.InForce.Bond(0), amount = L1.StakeOf(Address).Amount;
        return Game.Submit(this, amount < bond || _random.Next(4) == 0 ? new PutDown(bond * (UInt128)_random.Next(2, 5) / 2) : new TakeBack()) == Refusal.None;
    }
}
