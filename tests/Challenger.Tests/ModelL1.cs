using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger.Tests;

/// <summary>The model refuses a call, as the contracts would.</summary>
internal sealed class ModelRevertException(string message) : Exception(message);

/// <summary>
/// Rollup and Tournament of spec sections 4 and 5.4 in memory, over trees of any height, with the same events. After every call it checks
/// the properties that must always hold.
/// </summary>
internal sealed class ModelL1
{
    private const ulong MoveUnits = 1_000;

    private readonly GameShape _shape;
    private readonly DisputeParameters _parameters;
    private readonly List<ToyMachine> _batches = [];
    private readonly Dictionary<Word, ModelClaim> _claims = [];
    private readonly Dictionary<Word, Word> _firstClaim = [];
    private readonly Dictionary<Word, ModelArena> _arenas = [];
    private readonly Dictionary<Word, ModelMatch> _matches = [];
    private readonly Dictionary<(CreditHolder, Address), UInt128> _credits = [];
    private readonly Dictionary<Word, Quad> _openings = [];
    private UInt128 _held;

    public ModelL1(GameShape shape, DisputeParameters parameters, Quad genesis)
    {
        _shape = shape;
        _parameters = parameters;
        Genesis = new ClaimRef(Word.Zero, genesis.Hash(), Word.Zero);
        _claims.Add(Genesis.Id(), new ModelClaim(Genesis, Word.Zero, ulong.MaxValue, 0, Address.Zero, 0) { Confirmed = true });
        LatestConfirmed = Genesis.Id();
        State = GameState.AtGenesis(parameters, Bond(0), Bond(1), Genesis);
    }

    public static Address Treasury { get; } = Address.FromWord(ToyTraces.Named("treasury"));

    public ClaimRef Genesis { get; }

    public ulong Now { get; set; } = 1_000_000;

    public Word LatestConfirmed { get; private set; }

    /// <summary>The fold of all events so far: what a player knows.</summary>
    public GameState State { get; private set; }

    /// <summary>Paid in less drawn out, by account.</summary>
    public Dictionary<Address, Int128> Net { get; } = [];

    public int Batches => _batches.Count;

    public IEnumerable<(Word Tournament, Word Root, Address Claimer)> Eliminated =>
        from arena in _arenas.Values
        from commitment in arena.Commitments.Values
        where commitment.Eliminated
        select (arena.Id, commitment.Root, commitment.Claimer);

    public Word ConfirmedTrace(ulong batch) => _claims.Values.Single(claim => claim.Confirmed && claim.Batch == batch).Ref.TraceRoot;

    public bool IsConfirmed(ulong batch) => _claims.Values.Any(claim => claim.Confirmed && claim.Batch == batch);

    public bool AllDecidedFor(Address claimer) => _arenas.Values.All(arena =>
        arena.Result != TournamentResult.Undecided || arena.Commitments.Values.All(commitment => commitment.Claimer != claimer));

    public void AppendBatch(ToyMachine machine) => _batches.Add(machine);

    public UInt128 Bond(int level) => Stake(level) + Reserve(level);

    private UInt128 Stake(int level) => level == 0 ? _parameters.Stake0 : _parameters.Stake1;

    /// <summary>Height - 1 advances, a seal and one end.</summary>
    private UInt128 Reserve(int level) => (UInt128)(MoveUnits * (ulong)(_shape.HeightOf(level) + 1)) * _parameters.PriceCeiling;

    /// <summary>Carries out an action as the transaction that it is.</summary>
    public void Execute(Address sender, L1Action action)
    {
        Pay(sender, action.Value);
        try
        {
            Dispatch(sender, action);
        }
        catch (ModelRevertException)
        {
            // Every check comes before the first change, so the payment is all there is to undo.
            _held -= action.Value;
            Net[sender] += (Int128)action.Value;
            throw;
        }
        finally
        {
            CheckProperties();
        }
    }

    private void Dispatch(Address sender, L1Action action)
    {
        switch (action)
        {
            case PostClaim a: Claim(sender, a); break;
            case PostChallenge a: Challenge(sender, a); break;
            case JoinInner a: JoinInner(sender, a); break;
            case Advance a: Advance(sender, a); break;
            case Seal a: Seal(sender, a); break;
            case ProveTransition a: ProveTransition(sender, a); break;
            case ProveStep a: ProveStep(sender, a); break;
            case Timeout a: Timeout(sender, a); break;
            case Eliminate a: Eliminate(sender, a); break;
            case ResolveInner a: ResolveInner(sender, a); break;
            case Settle a: Settle(a); break;
            case Confirm a: Confirm(a); break;
            case Recover a: Recover(a); break;
            case Withdraw a: Withdraw(sender, a); break;
            default: throw new InvalidOperationException($"The model does not know {action}.");
        }
    }

    // --- Rollup (spec 5.4)

    private void Claim(Address sender, PostClaim a)
    {
        Require(_claims.TryGetValue(a.Parent.Id(), out ModelClaim? parent), "no parent");
        ulong batch = unchecked(parent!.Batch + 1);
        Require(batch < (ulong)_batches.Count, "no batch");
        Word tournament = ClaimRef.TournamentOf(a.Parent.Id(), _batches[(int)batch].BatchHash, a.Attempt);
        Require(!_firstClaim.ContainsKey(tournament), "claimed already");
        if (a.Attempt > 0)
        {
            Word before = ClaimRef.TournamentOf(a.Parent.Id(), _batches[(int)batch].BatchHash, a.Attempt - 1);
            Require(_arenas.TryGetValue(before, out ModelArena? arena) && arena.Result == TournamentResult.NoWinner, "attempt not open");
        }

        Require(a.Bond == Bond(0), "bond");
        RequireLastLeaf(_shape.BatchHeight, a.TraceRoot, a.StateRoot, a.LastLeaf);
        _firstClaim[tournament] = AddClaim(sender, a.Parent.Id(), new ClaimRef(tournament, a.StateRoot, a.TraceRoot), batch, a.Attempt);
    }

    private void Challenge(Address sender, PostChallenge a)
    {
        Require(_claims.TryGetValue(a.Parent.Id(), out ModelClaim? parent), "no parent");
        ulong batch = unchecked(parent!.Batch + 1);
        Word tournament = ClaimRef.TournamentOf(a.Parent.Id(), _batches[(int)batch].BatchHash, a.Attempt);
        Require(_firstClaim.TryGetValue(tournament, out Word first) && first == a.First.Id(), "first claim");
        Word root = a.Children.Hash();
        RequireLastLeaf(_shape.BatchHeight, root, a.StateRoot, a.LastLeaf);
        var reference = new ClaimRef(tournament, a.StateRoot, root);
        Require(!_claims.ContainsKey(reference.Id()), "claimed already");
        Require(a.Bond == Bond(0), "bond");
        ModelClaim firstClaim = _claims[first];
        Require(!firstClaim.Confirmed, "confirmed already");
        bool opens = !_arenas.TryGetValue(tournament, out ModelArena? arena);
        if (opens)
        {
            arena = new ModelArena(tournament, 0, a.Parent.StateRoot, firstClaim.PostedAt, _parameters.Allowance, _parameters.Allowance, null);
            RequireCanJoin(arena, 1, root);
        }
        else
        {
            RequireCanJoin(arena!, 1, root);
        }

        AddClaim(sender, a.Parent.Id(), reference, batch, a.Attempt);
        if (opens)
        {
            firstClaim.Moved = true;
            _arenas.Add(tournament, arena!);
            Emit(new OpenedEvent(tournament, 0, arena!.Initial, arena.StartedAt));
            Join(arena, firstClaim.Ref.TraceRoot, firstClaim.Claimer, 0, _parameters.Allowance, default);
        }

        _claims[reference.Id()].Moved = true;
        Join(arena!, root, sender, 0, (uint)(_parameters.Allowance - (Now - arena!.StartedAt)), a.Children);
    }

    private Word AddClaim(Address sender, Word parent, ClaimRef reference, ulong batch, ulong attempt)
    {
        _claims.Add(reference.Id(), new ModelClaim(reference, parent, batch, attempt, sender, Now));
        Emit(new ClaimedEvent(
            reference.Id(), parent, reference.Tournament, batch, attempt, reference.StateRoot, reference.TraceRoot, sender));
        return reference.Id();
    }

    private void Confirm(Confirm a)
    {
        Require(_claims.TryGetValue(a.Claim.Id(), out ModelClaim? claim) && !claim.Confirmed && claim.Parent == LatestConfirmed, "not next");
        if (_arenas.TryGetValue(claim!.Ref.Tournament, out ModelArena? arena))
        {
            Require(arena.Result == TournamentResult.Winner && arena.Winner == claim.Ref.TraceRoot, "not the winner");
        }
        else
        {
            Require(Now >= claim.PostedAt + _parameters.Allowance, "window");
            Credit(CreditHolder.Rollup, claim.Claimer, Bond(0));
            claim.Moved = true;
        }

        claim.Confirmed = true;
        LatestConfirmed = a.Claim.Id();
        Emit(new ConfirmedEvent(a.Claim.Id(), claim.Batch, claim.Ref.StateRoot));
    }

    private void Recover(Recover a)
    {
        Require(_claims.TryGetValue(a.Claim.Id(), out ModelClaim? claim) && !claim.Confirmed && !claim.Moved, "nothing to recover");
        Require(Now >= claim!.PostedAt + _parameters.Allowance, "window");
        ModelClaim parent = _claims[claim.Parent];
        Require(!parent.Confirmed && _claims.Values.Any(other => other.Confirmed && other.Batch == parent.Batch), "parent not lost");
        claim.Moved = true;
        Credit(CreditHolder.Rollup, claim.Claimer, Bond(0));
    }

    private void Withdraw(Address sender, Withdraw a)
    {
        UInt128 amount = _credits.GetValueOrDefault((a.Holder, sender));
        Require(amount > 0, "no credit");
        _credits[(a.Holder, sender)] = 0;
        _held -= amount;
        Net[sender] = Net.GetValueOrDefault(sender) + (Int128)amount;
        Emit(new WithdrawnEvent(a.Holder, sender, a.To, amount));
    }

    // --- Tournament (spec 4)

    private void RequireCanJoin(ModelArena arena, int side, Word root)
    {
        Require(arena.Result == TournamentResult.Undecided, "decided");
        Require(Now - arena.StartedAt < arena.AllowanceOf(side), "too late");
        Require(!arena.Commitments.ContainsKey(root), "joined already");
    }

    private void Join(ModelArena arena, Word root, Address claimer, int side, uint balance, Quad children)
    {
        arena.Commitments.Add(root, new ModelCommitment(root, claimer, side));
        Emit(new JoinedEvent(arena.Id, root, claimer, side, balance, children));
        Enter(arena, root, balance, children);
    }

    /// <summary>Spec 4.2.5.</summary>
    private void Enter(ModelArena arena, Word root, uint balance, Quad children)
    {
        if (arena.Dangling is not Word waiting)
        {
            arena.Dangling = root;
            arena.DanglingBalance = balance;
            return;
        }

        var id = new MatchId(arena.Id, waiting, root);
        var state = new Bisection(
            waiting, children, 0, _shape.HeightOf(arena.Level), Now, arena.DanglingBalance, balance, 0);
        arena.Dangling = null;
        arena.Live.Add(id.Id());
        _matches.Add(id.Id(), new ModelMatch(id, arena) { Phase = MatchPhase.Bisect, Bisection = state });
        Emit(new MatchedEvent(arena.Id, id.Id(), waiting, root, state));
    }

    private static void RequirePairable(ModelArena arena, Word root, Quad children) =>
        Require(arena.Dangling is null || children.Hash() == root, "children of the root");

    private void JoinInner(Address sender, JoinInner a)
    {
        Require(_arenas.TryGetValue(a.Tournament, out ModelArena? arena) && arena.Level == 1 && arena.Context == a.Context, "no such tournament");
        Require(a.Side is 1 or 2, "class");
        Word root = a.Children.Hash();
        RequireCanJoin(arena!, a.Side, root);
        RequireLastLeaf(_shape.ChunkHeight, root, a.MachineRoot, a.LastLeaf);
        Word sigma = new Quad(a.Context.AppsRoot, a.Context.OutputsRoot, a.Context.Counters, a.MachineRoot).Hash();
        Require(sigma == a.Context.SigmaOf(a.Side), "not of this class");
        Require(a.Bond == Bond(1), "bond");
        Join(arena!, root, sender, a.Side, (uint)(arena!.AllowanceOf(a.Side) - (Now - arena.StartedAt)), a.Children);
    }

    private void Advance(Address sender, Advance a)
    {
        (ModelMatch match, Bisection state, int mover) = RequireMover(a.Match, a.State);
        Require(state.Height > 1, "height");
        Require(a.Opened.Hash() == state.Node, "opening");
        int j = a.Opened.FirstDifference(state.Children);
        Require(j < 4 && a.Next.Hash() == a.Opened.At(j), "opening of the child");
        state = Charge(state, mover) with
        {
            Node = state.Children.At(j),
            Children = a.Next,
            Position = 4 * state.Position + (ulong)j,
            Height = state.Height - 1,
            Since = Now,
        };
        match.Bisection = state with { Spent = Refund(sender, state.Spent, match) };
        Emit(new AdvancedEvent(match.Id.Id(), a.Opened, match.Bisection));
    }

    private void Seal(Address sender, Seal a)
    {
        (ModelMatch match, Bisection state, int mover) = RequireMover(a.Match, a.State);
        Require(state.Height == 1 && a.Leaves.Hash() == state.Node, "opening");
        int j = a.Leaves.FirstDifference(state.Children);
        Require(j < 4, "no difference");
        ulong position = 4 * state.Position + (ulong)j;
        ModelArena arena = match.Arena;
        Word agreed = Agreed(a, match, mover, position, j);
        (Word one, Word two) = mover == 1 ? (a.Leaves.At(j), state.Children.At(j)) : (state.Children.At(j), a.Leaves.At(j));
        bool inner = false;
        if (arena.Level == 0 && _shape.IsChunk(position))
        {
            Require(a.Opening.Hash() == agreed, "opening of the agreed state");
            inner = !a.Opening.C3.IsZero;
        }

        state = Charge(state, mover);
        match.Bisection = null;
        match.Phase = inner ? MatchPhase.Inner : MatchPhase.AtLeaf;
        match.Leaf = new Leaf(
            agreed, one, two, position, Now, state.BalanceOne, state.BalanceTwo, Refund(sender, state.Spent, match));
        Emit(new SealedEvent(match.Id.Id(), match.Phase, match.Leaf));
        if (inner)
        {
            var context = new InnerContext(a.Opening.C0, a.Opening.C1, a.Opening.C2, a.Opening.C3, one, two);
            uint grant = _parameters.InnerGrant;
            var opened = new ModelArena(
                match.Id.Id(), 1, a.Opening.C3, Now, state.BalanceOne + grant, state.BalanceTwo + grant, context);
            _arenas.Add(opened.Id, opened);
            Emit(new InnerOpenedEvent(opened.Id, context, Now, opened.AllowanceOne, opened.AllowanceTwo));
        }
    }

    private Word Agreed(Seal a, ModelMatch match, int mover, ulong position, int j)
    {
        ModelArena arena = match.Arena;
        if (j > 0)
        {
            Require(a.Agreed.Length == 0, "agreed given twice");
            return a.Leaves.At(j - 1);
        }

        if (position == 0 && arena.Level == 1)
        {
            Require(a.Context == arena.Context, "context");
            return arena.Initial;
        }

        if (position == 0)
        {
            Require(a.Agreed.Length == 5 * Word.Length, "preimages of the tournament");
            Word At(int i) => new(a.Agreed.AsSpan(i * Word.Length, Word.Length));
            Word parent = new ClaimRef(At(0), At(1), At(2)).Id();
            Require(Keccak.Quad(parent, At(3), At(4), Word.Zero) == arena.Id, "preimages of the tournament");
            return At(1);
        }

        Word agreed = new(a.Agreed.AsSpan(0, Word.Length));
        Word root = mover == 1 ? match.Id.One : match.Id.Two;
        Require(ProofRoot(_shape.HeightOf(arena.Level), a.Agreed.AsSpan(Word.Length), agreed, position - 1) == root, "proof of the agreed leaf");
        return agreed;
    }

    private void ProveTransition(Address sender, ProveTransition a)
    {
        (ModelMatch match, Leaf leaf) = RequireLeaf(a.Match, a.State, MatchPhase.AtLeaf, 0);
        ModelClaim claim = _claims[_firstClaim[match.Arena.Id]];
        Require(_openings.TryGetValue(leaf.Agreed, out Quad sigma), "the witness opens the agreed state");
        Word value = _batches[(int)claim.Batch].Transition(leaf.Position, sigma).Hash();
        Require(value == a.Claimed, "its own check of the witness");
        Prove(sender, match, leaf, value, a.WinnerChildren);
    }

    private void ProveStep(Address sender, ProveStep a)
    {
        (ModelMatch match, Leaf leaf) = RequireLeaf(a.Match, a.State, MatchPhase.AtLeaf, 1);
        Word value = ToyMachine.Step(leaf.Agreed);
        Require(value == a.Claimed, "its own check of the witness");
        Prove(sender, match, leaf, value, a.WinnerChildren);
    }

    private void Prove(Address sender, ModelMatch match, Leaf leaf, Word value, Quad winnerChildren)
    {
        Require(value == leaf.LeafOne || value == leaf.LeafTwo, "proves neither");
        int side = value == leaf.LeafOne ? 1 : 2;
        uint balance = side == 1 ? leaf.BalanceOne : leaf.BalanceTwo;
        Require(Now < leaf.Since + balance, "overdue");
        uint left = balance - Cost(leaf.Since);
        End(sender, match, side == 1 ? MatchOutcome.One : MatchOutcome.Two, left, leaf.Spent, winnerChildren);
    }

    private void Timeout(Address sender, Timeout a)
    {
        ModelMatch match = RequireMatch(a.Match, MatchPhase.Bisect);
        Require(match.Bisection == a.State, "state");
        int mover = Mover(match);
        Require(Now >= a.State.Since + (mover == 1 ? a.State.BalanceOne : a.State.BalanceTwo), "not overdue");
        End(
            sender,
            match,
            mover == 1 ? MatchOutcome.Two : MatchOutcome.One,
            mover == 1 ? a.State.BalanceTwo : a.State.BalanceOne,
            a.State.Spent,
            a.WinnerChildren);
    }

    private void Eliminate(Address sender, Eliminate a)
    {
        (ModelMatch match, Leaf leaf) = RequireLeaf(a.Match, a.State, MatchPhase.AtLeaf, null);
        Require(Now >= leaf.Since + Math.Max(leaf.BalanceOne, leaf.BalanceTwo), "not both overdue");
        End(sender, match, MatchOutcome.BothOut, 0, leaf.Spent, default);
    }

    private void ResolveInner(Address sender, ResolveInner a)
    {
        (ModelMatch match, Leaf leaf) = RequireLeaf(a.Match, a.State, MatchPhase.Inner, 0);
        ModelArena inner = _arenas[match.Id.Id()];
        Require(inner.Live.Count == 0, "live matches");
        bool closedOne = Now >= inner.StartedAt + inner.AllowanceOne;
        bool closedTwo = Now >= inner.StartedAt + inner.AllowanceTwo;
        MatchOutcome outcome;
        if (inner.Dangling is Word dangling)
        {
            ModelCommitment winner = inner.Commitments[dangling];
            Require(winner.Side == 1 ? closedTwo : closedOne, "window of the other class");
            RequirePairable(match.Arena, winner.Side == 1 ? match.Id.One : match.Id.Two, a.WinnerChildren);
            outcome = winner.Side == 1 ? MatchOutcome.One : MatchOutcome.Two;
            Credit(CreditHolder.Tournament, winner.Claimer, Bond(1));
            inner.Result = TournamentResult.Winner;
            inner.Winner = dangling;
        }
        else
        {
            Require(closedOne && closedTwo, "windows");
            outcome = MatchOutcome.BothOut;
            inner.Result = TournamentResult.NoWinner;
        }

        End(sender, match, outcome, outcome == MatchOutcome.One ? leaf.BalanceOne : leaf.BalanceTwo, leaf.Spent, a.WinnerChildren);
    }

    private void Settle(Settle a)
    {
        Require(_arenas.TryGetValue(a.Tournament, out ModelArena? arena) && arena.Level == 0, "no such tournament");
        Require(arena!.Result == TournamentResult.Undecided && arena.Live.Count == 0, "live matches");
        Require(Now >= arena.StartedAt + _parameters.Allowance, "window");
        arena.Result = arena.Dangling is null ? TournamentResult.NoWinner : TournamentResult.Winner;
        if (arena.Dangling is Word winner)
        {
            arena.Winner = winner;
            Credit(CreditHolder.Tournament, arena.Commitments[winner].Claimer, Bond(0));
        }

        Emit(new SettledEvent(arena.Id, arena.Result, arena.Winner));
    }

    /// <summary>Spec 4.4 and 4.6.3.</summary>
    private void End(Address sender, ModelMatch match, MatchOutcome outcome, uint winnerBalance, UInt128 spent, Quad winnerChildren)
    {
        ModelArena arena = match.Arena;
        if (outcome != MatchOutcome.BothOut)
            RequirePairable(arena, outcome == MatchOutcome.One ? match.Id.One : match.Id.Two, winnerChildren);
        spent = Refund(sender, spent, match);
        arena.Live.Remove(match.Id.Id());
        match.Outcome = outcome;
        UInt128 bond = Bond(arena.Level);
        Emit(new MatchEndedEvent(arena.Id, match.Id.Id(), outcome));
        if (outcome == MatchOutcome.BothOut)
        {
            arena.Commitments[match.Id.One].Eliminated = true;
            arena.Commitments[match.Id.Two].Eliminated = true;
            Credit(CreditHolder.Tournament, Treasury, 2 * bond - spent);
            return;
        }

        (Word winner, Word loser) = outcome == MatchOutcome.One ? (match.Id.One, match.Id.Two) : (match.Id.Two, match.Id.One);
        arena.Commitments[loser].Eliminated = true;
        UInt128 prize = Stake(arena.Level) / 10;
        Credit(CreditHolder.Tournament, arena.Commitments[winner].Claimer, prize);
        Credit(CreditHolder.Tournament, Treasury, bond - spent - prize);
        Enter(arena, winner, winnerBalance, winnerChildren);
    }

    // --- Checks and money

    /// <summary>A witness opens the agreed σ; the model looks it up among all that the players ever computed.</summary>
    public void Register(IEnumerable<Quad> openings)
    {
        foreach (Quad opening in openings)
            _openings[opening.Hash()] = opening;
    }

    private (ModelMatch Match, Bisection State, int Mover) RequireMover(MatchId id, Bisection state)
    {
        ModelMatch match = RequireMatch(id, MatchPhase.Bisect);
        Require(match.Bisection == state, "state");
        int mover = Mover(match);
        Require(Now < state.Since + (mover == 1 ? state.BalanceOne : state.BalanceTwo), "overdue");
        return (match, state, mover);
    }

    private (ModelMatch Match, Leaf Leaf) RequireLeaf(MatchId id, Leaf state, MatchPhase phase, int? level)
    {
        ModelMatch match = RequireMatch(id, phase);
        Require(match.Leaf == state, "state");
        Require(level is null || match.Arena.Level == level, "level");
        return (match, state);
    }

    private ModelMatch RequireMatch(MatchId id, MatchPhase phase)
    {
        Require(_matches.TryGetValue(id.Id(), out ModelMatch? match) && match.Outcome is null && match.Phase == phase, "phase");
        return match!;
    }

    private int Mover(ModelMatch match) => (_shape.HeightOf(match.Arena.Level) - match.Bisection!.Height) % 2 == 0 ? 1 : 2;

    private uint Cost(ulong since) => (uint)Math.Max((long)(Now - since) - _parameters.GraceSeconds, 0);

    private Bisection Charge(Bisection state, int mover) => mover == 1
        ? state with { BalanceOne = state.BalanceOne - Cost(state.Since) }
        : state with { BalanceTwo = state.BalanceTwo - Cost(state.Since) };

    private UInt128 Refund(Address sender, UInt128 spent, ModelMatch match)
    {
        UInt128 amount = MoveUnits * _parameters.PriceCeiling;
        Credit(CreditHolder.Tournament, sender, amount);
        spent += amount;
        if (spent > Reserve(match.Arena.Level))
            throw new InvalidOperationException("A match has spent more than one gas reserve.");
        return spent;
    }

    private void Pay(Address sender, UInt128 value)
    {
        _held += value;
        Net[sender] = Net.GetValueOrDefault(sender) - (Int128)value;
    }

    private void Credit(CreditHolder holder, Address account, UInt128 amount)
    {
        _credits[(holder, account)] = _credits.GetValueOrDefault((holder, account)) + amount;
        Emit(new CreditedEvent(holder, account, amount));
    }

    private void Emit(L1Event happened) => State = State.Apply(happened, Now);

    private static void RequireLastLeaf(int height, Word root, Word leaf, byte[] proof) =>
        Require(ProofRoot(height, proof, leaf, (1UL << (2 * height)) - 1) == root, "last leaf");

    private static Word ProofRoot(int height, ReadOnlySpan<byte> proof, Word leaf, ulong position)
    {
        Require(
            QuadProof.TryRead(ref proof, QuadTreeKind.Trace, height, out QuadProof? read, out _) && proof.IsEmpty,
            "proof");
        return read!.ComputeRoot(leaf, position);
    }

    private static void Require([System.Diagnostics.CodeAnalysis.DoesNotReturnIf(false)] bool condition, string what)
    {
        if (!condition)
            throw new ModelRevertException(what);
    }

    /// <summary>What must hold at every instant (spec 4.4.2, 4.6.6), and that the fold of events knows as much as the contracts.</summary>
    private void CheckProperties()
    {
        UInt128 owed = 0;
        foreach (ModelArena arena in _arenas.Values)
        {
            int live = arena.Commitments.Values.Count(commitment => !commitment.Eliminated);
            Assert.Equal(live, 2 * arena.Live.Count + (arena.Dangling is null ? 0 : 1));
            int holding = arena.Result == TournamentResult.Undecided ? live : 0;
            owed += (UInt128)holding * Bond(arena.Level);
            foreach (Word id in arena.Live)
                owed -= _matches[id].Bisection?.Spent ?? _matches[id].Leaf!.Spent;

            Arena known = State.Arenas[arena.Id];
            Assert.Equal(arena.Dangling, State.Dangling(known)?.Root);
            Assert.Equal(arena.Result, known.Result);
            Assert.True(arena.Live.SetEquals(known.LiveMatches));
        }

        foreach (ModelClaim claim in _claims.Values.Where(claim => !claim.Parent.IsZero && !claim.Moved))
            owed += Bond(0);
        foreach (UInt128 credit in _credits.Values)
            owed += credit;
        Assert.Equal(_held, owed);
        foreach (((CreditHolder holder, Address account), UInt128 credit) in _credits)
            Assert.Equal(credit, State.CreditOf(holder, account));
        Assert.Equal(LatestConfirmed, State.LatestConfirmed);
    }

    private sealed class ModelClaim(ClaimRef reference, Word parent, ulong batch, ulong attempt, Address claimer, ulong postedAt)
    {
        public ClaimRef Ref => reference;

        public Word Parent => parent;

        public ulong Batch => batch;

        public ulong Attempt => attempt;

        public Address Claimer => claimer;

        public ulong PostedAt => postedAt;

        public bool Confirmed { get; set; }

        /// <summary>Its bond is no longer the Rollup's: it went on to the Tournament or back to the claimer.</summary>
        public bool Moved { get; set; }
    }

    private sealed class ModelArena(Word id, int level, Word initial, ulong startedAt, uint one, uint two, InnerContext? context)
    {
        public Word Id => id;

        public int Level => level;

        public Word Initial => initial;

        public ulong StartedAt => startedAt;

        public uint AllowanceOne => one;

        public uint AllowanceTwo => two;

        public InnerContext? Context => context;

        public Dictionary<Word, ModelCommitment> Commitments { get; } = [];

        public HashSet<Word> Live { get; } = [];

        public Word? Dangling { get; set; }

        public uint DanglingBalance { get; set; }

        public TournamentResult Result { get; set; }

        public Word Winner { get; set; }

        public uint AllowanceOf(int side) => side == 2 ? AllowanceTwo : AllowanceOne;
    }

    private sealed class ModelCommitment(Word root, Address claimer, int side)
    {
        public Word Root => root;

        public Address Claimer => claimer;

        public int Side => side;

        public bool Eliminated { get; set; }
    }

    private sealed class ModelMatch(MatchId id, ModelArena arena)
    {
        public MatchId Id => id;

        public ModelArena Arena => arena;

        public MatchPhase Phase { get; set; }

        public Bisection? Bisection { get; set; }

        public Leaf? Leaf { get; set; }

        public MatchOutcome? Outcome { get; set; }
    }
}
