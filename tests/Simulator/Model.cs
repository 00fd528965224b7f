using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>The guardian stops dispute time (spec 4.8).</summary>
internal sealed record Pause : L1Action
{
    public override string Name => "pause";

    public override Word Subject => Word.Zero;
}

internal sealed record Unpause : L1Action
{
    public override string Name => "unpause";

    public override Word Subject => Word.Zero;
}

/// <summary>A stake is put down, or grows (spec 5.8.1).</summary>
internal sealed record PutDown(UInt128 Amount) : L1Action
{
    public override string Name => "stake";

    public override Word Subject => Word.Zero;

    public override UInt128 Value => Amount;

    public override string Describe() => $"{Amount} wei";
}

/// <summary>An idle stake is taken back (spec 5.8.6).</summary>
internal sealed record TakeBack : L1Action
{
    public override string Name => "unstake";

    public override Word Subject => Word.Zero;
}

/// <summary>The governor adds a version of the rules (spec 5.7.2): a Tournament with these parameters.</summary>
internal sealed record AddRules(DisputeParameters Parameters) : L1Action
{
    public override string Name => "add-rules";

    public override Word Subject => Word.Zero;

    public override string Describe() => $"{Parameters}";
}

/// <summary>A call of a later version's Tournament, where the call itself does not name it: pause and unpause.</summary>
internal sealed record Elsewhere(int Version, L1Action Action) : L1Action
{
    public override string Key => $"{Action.Key}:{Version}";

    public override string Name => Action.Name;

    public override Word Subject => Action.Subject;

    public override string Describe() => $"{Action.Describe()}, version {Version}";
}

/// <summary>What all copies of a model share: the batches, and every σ that anybody ever opened.</summary>
internal sealed class ToyWorld(GameShape shape, Quad genesis)
{
    private readonly Dictionary<Word, Quad> _openings = new() { [genesis.Hash()] = genesis };
    private readonly Dictionary<Word, Quad> _children = [];

    public GameShape Shape => shape;

    public Quad Genesis => genesis;

    public List<(ToyBatch Batch, ulong AppendedAt)> Batches { get; } = [];

    /// <summary>A witness opens the agreed σ; the model looks it up among all that the players ever computed.</summary>
    public void Register(ToyBatchTrace trace)
    {
        foreach (Quad opening in trace.Openings)
            _openings[opening.Hash()] = opening;
        _children[trace.Root] = trace.Children(trace.Height, 0);
    }

    /// <summary>Of a root that a player has computed.</summary>
    public Quad ChildrenOf(Word root) => _children.GetValueOrDefault(root);

    public bool TryOpen(Word sigma, out Quad opening) => _openings.TryGetValue(sigma, out opening);
}

/// <summary>
/// Rollup and Tournament of spec sections 4 and 5.4 in memory, over trees of any height, with the same events. One transition function,
/// <see cref="Apply"/>; every refusal comes before the first change. Copies are cheap: the exhaustive search makes one for each step.
/// </summary>
internal sealed class L1Model
{
    private readonly ToyWorld _world;
    private readonly Rule _broken;
    private readonly Variant _variant;
    private readonly Dictionary<Word, ModelClaim> _claims = [];
    private readonly Dictionary<Word, Word> _firstClaim = [];
    private readonly Dictionary<Word, ModelArena> _arenas = [];
    private readonly Dictionary<Word, ModelMatch> _matches = [];
    private readonly Dictionary<Address, UInt128> _credits = [];
    private readonly Dictionary<Address, ModelStake> _stakes = [];
    private readonly List<ModelRules> _rules = [];
    private readonly Dictionary<Address, Int128> _net = [];
    private readonly List<L1Event> _events = [];
    private GameIndex? _index;
    private UInt128 _held;

    /// <summary>What this model alone has: it is copied before it changes, all else belongs to other copies too.</summary>
    private object _own = new();

    /// <summary>The rules of the transaction that is being carried out.</summary>
    private ModelRules _at;

    /// <param name="parameters">Of the first rules.</param>
    /// <param name="variant">Null: as the spec has it.</param>
    public L1Model(ToyWorld world, DisputeParameters parameters, Rule broken = Rule.None, Variant? variant = null)
    {
        _world = world;
        _broken = broken;
        _variant = variant ?? Variant.Spec;
        Genesis = new ClaimRef(Word.Zero, world.Genesis.Hash(), Word.Zero);
        _claims.Add(Hashes.Of(Genesis), new ModelClaim(Genesis, Word.Zero, ulong.MaxValue, 0, Address.Zero, 0, 0) { Confirmed = true });
        LatestConfirmed = Hashes.Of(Genesis);
        _at = new ModelRules(this, 0, parameters);
        State = GameState.AtGenesis(parameters, _at.Bond(0), _at.Bond(1), Genesis);
        _rules.Add(_at);
    }

    private L1Model(L1Model from)
    {
        _world = from._world;
        _broken = from._broken;
        _variant = from._variant;
        Genesis = from.Genesis;
        Timestamp = from.Timestamp;
        GasPrice = from.GasPrice;
        LatestConfirmed = from.LatestConfirmed;
        State = from.State;
        _index = from._index;
        _held = from._held;
        DisputeWrites = from.DisputeWrites;
        foreach (ModelRules rules in from._rules)
            _rules.Add(rules.Copy(this));
        _at = _rules[0];
        _claims = new(from._claims);
        _firstClaim = new(from._firstClaim);
        _arenas = new(from._arenas);
        _matches = new(from._matches);
        from._own = new();
        _credits = new(from._credits);
        _stakes = new(from._stakes);
        _net = new(from._net);
        Refusing = from.Refusing;
    }

    public static Address Treasury { get; } = Address.FromWord(ToyTraces.Named("treasury"));

    /// <summary>May add rules.</summary>
    public static Address Governor { get; } = Address.FromWord(ToyTraces.Named("governor"));

    public ToyWorld World => _world;

    public Rule Broken => _broken;

    public Variant Variant => _variant;

    public GameShape Shape => _world.Shape;

    public ClaimRef Genesis { get; }

    /// <summary>Of the block that is being made, in seconds.</summary>
    public ulong Timestamp { get; set; } = 1_000_000;

    /// <summary>Wei per gas of the next transaction.</summary>
    public UInt128 GasPrice { get; set; } = 1;

    /// <summary>All versions of the rules; the last is in force.</summary>
    public IReadOnlyList<ModelRules> Rules => _rules;

    public ModelRules InForce => _rules[^1];

    /// <summary>The rules that a claim is pinned to (spec 5.7.3).</summary>
    public ModelRules RulesOf(ModelClaim claim) => _rules[claim.Version];

    public ModelRules RulesOf(ModelArena arena) => _rules[arena.Version];

    // Of the first rules, the only ones in most games.
    public DisputeParameters Parameters => _rules[0].Parameters;

    public ulong Now => _rules[0].Now;

    public bool IsPaused => _rules[0].IsPaused;

    public UInt128 Bond(int level) => _rules[0].Bond(level);

    /// <summary>The fold of all events so far: what a player knows.</summary>
    public GameState State { get; private set; }

    /// <summary>The same as solvers look at it, made once for all players.</summary>
    public GameIndex Index => _index?.Game == State ? _index : _index = new GameIndex(State, _index);

    public Word LatestConfirmed { get; private set; }

    /// <summary>What the last transaction emitted.</summary>
    public IReadOnlyList<L1Event> Events => _events;

    /// <summary>Paid in less drawn out less gas, by account.</summary>
    public IReadOnlyDictionary<Address, Int128> Net => _net;

    /// <summary>Accounts that cannot be paid: contracts that revert, burn their gas or return too much.</summary>
    public HashSet<Address> Refusing { get; private init; } = [];

    /// <summary>Transactions that wrote to Tournament.</summary>
    public int DisputeWrites { get; private set; }

    public UInt128 Held => _held;

    public IReadOnlyCollection<ModelClaim> Claims => _claims.Values;

    public IReadOnlyCollection<ModelArena> Arenas => _arenas.Values;

    public IReadOnlyCollection<ModelMatch> Matches => _matches.Values;

    /// <summary>In the Rollup.</summary>
    public IReadOnlyDictionary<Address, UInt128> Credits => _credits;

    public IReadOnlyDictionary<Address, ModelStake> Stakes => _stakes;

    /// <summary>All that is credited to anybody, anywhere.</summary>
    public UInt128 AllCredits
    {
        get
        {
            UInt128 sum = 0;
            foreach (UInt128 credit in _credits.Values)
                sum += credit;
            foreach (ModelRules rules in _rules)
            {
                foreach (UInt128 credit in rules.Credits.Values)
                    sum += credit;
            }

            return sum;
        }
    }

    public int Batches => _world.Batches.Count;

    /// <summary>Claims, tournaments and matches are shared until one of the two changes them.</summary>
    public L1Model Copy() => new(this);

    /// <summary>Copies what an action may change, if it is shared.</summary>
    private void MakeOwn(L1Action action)
    {
        switch (action)
        {
            case Challenger.JoinInner a: MakeOwn(a.Tournament); break;
            case Challenger.Advance a: MakeOwn(a.Match.Tournament); break;
            case Challenger.Seal a: MakeOwn(a.Match.Tournament); break;
            case Challenger.ProveTransition a: MakeOwn(a.Match.Tournament); break;
            case Challenger.ProveStep a: MakeOwn(a.Match.Tournament); break;
            case Challenger.Timeout a: MakeOwn(a.Match.Tournament); break;
            case Challenger.Eliminate a: MakeOwn(a.Match.Tournament); break;
            case Challenger.ResolveInner a:
                MakeOwn(a.Match.Tournament);
                MakeOwn(Hashes.Of(a.Match));
                break;
            case Challenger.Settle a: MakeOwn(a.Tournament); break;
            default:
                foreach (Word id in _arenas.Keys)
                    MakeOwn(id);
                foreach ((Word id, ModelClaim claim) in _claims)
                {
                    if (claim.Owner != _own)
                        _claims[id] = claim.Copy(_own);
                }

                break;
        }
    }

    /// <summary>A tournament and its matches.</summary>
    private void MakeOwn(Word tournament)
    {
        if (!_arenas.TryGetValue(tournament, out ModelArena? arena) || arena.Owner == _own)
            return;
        _arenas[tournament] = arena = arena.Copy(_own);
        foreach ((Word id, ModelMatch match) in _matches)
        {
            if (match.Id.Tournament == tournament)
                _matches[id] = match.Copy(arena);
        }
    }

    public ModelClaim Claim(Word id) => _claims[id];

    public ModelArena Arena(Word id) => _arenas[id];

    public ModelArena? ArenaOrNull(Word id) => _arenas.GetValueOrDefault(id);

    public ModelMatch Match(Word id) => _matches[id];

    public ModelMatch? MatchOrNull(Word id) => _matches.GetValueOrDefault(id);

    public bool HasChildren(ModelClaim claim) => _claims.Values.Any(child => child.Parent == claim.Key);

    public bool HasMatch(Word id) => _matches.ContainsKey(id);

    public bool IsConfirmed(ulong batch) => _claims.Values.Any(claim => claim.Confirmed && claim.Batch == batch);

    public Word ConfirmedTrace(ulong batch) => _claims.Values.Single(claim => claim.Confirmed && claim.Batch == batch).Ref.TraceRoot;

    public UInt128 CreditsOf(Address account)
    {
        UInt128 sum = _credits.GetValueOrDefault(account);
        foreach (ModelRules rules in _rules)
            sum += rules.Credits.GetValueOrDefault(account);
        return sum;
    }

    /// <summary>What an account would have if it drew all its credits and its stake, less what it began with.</summary>
    public Int128 Balance(Address account) => _net.GetValueOrDefault(account) + (Int128)(CreditsOf(account) + StakeOf(account).Amount);

    public ModelStake StakeOf(Address account) => _stakes.GetValueOrDefault(account, ModelStake.None);

    /// <summary>Whether something stands behind a claim (spec 5.8.4).</summary>
    public bool IsBacked(ModelClaim claim) => claim.Confirmed || !claim.Staked || claim.Epoch == StakeOf(claim.Claimer).Epoch;

    /// <summary>Whether no claim behind it can be challenged any more (spec 5.8.2).</summary>
    public bool IsIdle(ModelStake stake) => stake.Latest is not Word latest || RulesOf(_claims[latest]) is var rules && rules.Now >= _claims[latest].PostedAt + rules.Allowance;

    public bool Holds(Rule rule) => _broken != rule;

    /// <summary>Carries out an action as the transaction that it is. A refused one changes nothing but that its gas is paid.</summary>
    public Refusal Apply(Address sender, L1Action action)
    {
        _events.Clear();
        Refusal refusal = Holds(Rule.PaymentsArePulled) || !WouldPayARefuser(sender, action) ? Dispatch(sender, action) : Refusal.TransferFailed;
        Int128 gas = (Int128)(RevertedGas.Of(action, refusal) * GasPrice);
        Int128 paid = refusal == Refusal.None ? (Int128)action.Value : 0;
        _net[sender] = _net.GetValueOrDefault(sender) - gas - paid;
        if (refusal == Refusal.None)
            _held += action.Value;
        return refusal;
    }

    private bool WouldPayARefuser(Address sender, L1Action action)
    {
        L1Model trial = Copy();
        return trial.Dispatch(sender, action) == Refusal.None && Refusing.Any(account => trial.CreditsOf(account) > CreditsOf(account));
    }

    private Refusal Dispatch(Address sender, L1Action action)
    {
        _at = RulesOf(action);
        MakeOwn(action);
        return action switch
        {
            PostClaim a => Claim(sender, a),
            PostChallenge a => Challenge(sender, a),
            JoinInner a => JoinInner(sender, a),
            Challenger.Advance a => Advance(sender, a),
            Challenger.Seal a => Seal(sender, a),
            ProveTransition a => ProveTransition(sender, a),
            ProveStep a => ProveStep(sender, a),
            Challenger.Timeout a => Timeout(sender, a),
            Challenger.Eliminate a => Eliminate(sender, a),
            ResolveInner a => ResolveInner(sender, a),
            Challenger.Settle a => Settle(sender, a),
            Challenger.Confirm a => Confirm(a),
            Challenger.Recover a => Recover(a),
            Challenger.Withdraw a => Withdraw(sender, a),
            Pause => BeginPause(),
            Unpause => EndPause(),
            PutDown a => Stake(sender, a),
            Simulator.TakeBack => Unstake(sender),
            AddRules a => AddRules(sender, a),
            Elsewhere a => Dispatch(sender, a),
            _ => throw new InvalidOperationException($"The model does not know {action}."),
        };
    }

    private Refusal Dispatch(Address sender, Elsewhere elsewhere)
    {
        _at = _rules[elsewhere.Version];
        return elsewhere.Action switch
        {
            Pause => BeginPause(),
            Unpause => EndPause(),
            _ => throw new InvalidOperationException($"{elsewhere.Action} names its tournament itself."),
        };
    }

    /// <summary>The rules of the Tournament that an action is about; of one that there is not, the first ones.</summary>
    public ModelRules RulesOf(L1Action action) => action switch
    {
        PostClaim => InForce,
        PostChallenge a => OfTournament(a.First.Tournament),
        Challenger.Confirm a => OfTournament(a.Claim.Tournament),
        Challenger.Recover a => OfTournament(a.Claim.Tournament),
        JoinInner a => OfTournament(a.Tournament),
        Challenger.Advance a => OfTournament(a.Match.Tournament),
        Challenger.Seal a => OfTournament(a.Match.Tournament),
        ProveTransition a => OfTournament(a.Match.Tournament),
        ProveStep a => OfTournament(a.Match.Tournament),
        Challenger.Timeout a => OfTournament(a.Match.Tournament),
        Challenger.Eliminate a => OfTournament(a.Match.Tournament),
        ResolveInner a => OfTournament(a.Match.Tournament),
        Challenger.Settle a => OfTournament(a.Tournament),
        Elsewhere a => _rules[a.Version],
        _ => _rules[0],
    };

    private ModelRules OfTournament(Word id) =>
        _arenas.TryGetValue(id, out ModelArena? arena) ? RulesOf(arena)
        : _firstClaim.TryGetValue(id, out Word first) ? RulesOf(_claims[first])
        : _rules[0];

    // --- Pauses (spec 4.8)

    private Refusal BeginPause()
    {
        if (_at.IsPaused)
            return Refusal.IsPaused;
        if (_at.PausedSeconds >= _at.Parameters.PauseBudgetSeconds)
            return Refusal.PauseBudgetSpent;
        _at.BeginPause();
        Emit(new PausedEvent(_at.Pauses.Since, (uint)_at.Pauses.Before, _at.Version));
        return Refusal.None;
    }

    private Refusal EndPause()
    {
        _at.EndPause();
        Emit(new UnpausedEvent((uint)_at.Pauses.Before, _at.Version));
        return Refusal.None;
    }

    // --- Rules and stakes (spec 5.7, 5.8)

    private Refusal AddRules(Address sender, AddRules a)
    {
        if (sender != Governor && Holds(Rule.OnlyTheGovernorAddsRules))
            return Refusal.OnlyGovernor;
        var rules = new ModelRules(this, _rules.Count, a.Parameters);
        _rules.Add(rules);
        Emit(new RulesAddedEvent(rules.Version, rules.Address) { Rules = new Rules(rules.Address, a.Parameters, rules.Bond(0), rules.Bond(1)) });
        return Refusal.None;
    }

    private Refusal Stake(Address sender, PutDown a)
    {
        ModelStake stake = StakeOf(sender);
        if (stake.Amount + a.Amount < InForce.Bond(0))
            return Refusal.StakeTooSmall;
        _stakes[sender] = stake with { Amount = stake.Amount + a.Amount };
        Emit(new StakedEvent(sender, a.Amount, stake.Amount + a.Amount));
        return Refusal.None;
    }

    private Refusal Unstake(Address sender)
    {
        ModelStake stake = StakeOf(sender);
        if (stake.Amount == 0)
            return Refusal.NothingStaked;
        if (!IsIdle(stake) && Holds(Rule.StakesStayUntilIdle))
            return Refusal.StakeBusy;
        _stakes[sender] = new ModelStake(0, null, stake.Epoch);
        Emit(new UnstakedEvent(sender, stake.Amount));
        Credit(CreditHolder.Rollup, sender, stake.Amount);
        return Refusal.None;
    }

    /// <summary>Whether a first claim after that parent, under the rules in force, may stand behind the account's stake (spec 5.8.2).</summary>
    private Refusal StakeRefusal(Address account, ModelClaim parent)
    {
        ModelStake stake = StakeOf(account);
        if (stake.Amount < _at.Bond(0) && Holds(Rule.StakesCoverTheBond))
            return Refusal.StakeTooSmall;
        bool extends = stake.Latest == parent.Key && (parent.Version == _at.Version || !Holds(Rule.StakesAreOfOneVersion));
        return extends || IsIdle(stake) || !Holds(Rule.StakesBackOneChain) ? Refusal.None : Refusal.StakeBusy;
    }

    /// <summary>The bond of a staked first claim is from now on its own; the other claims behind the stake lose theirs (spec 5.8.3).</summary>
    private void TakeStake(ModelClaim claim)
    {
        ModelStake stake = StakeOf(claim.Claimer);
        UInt128 bond = UInt128.Min(_at.Bond(0), stake.Amount), taken = Holds(Rule.ChallengesTakeTheStake) ? bond : 0;
        uint epoch = Holds(Rule.TakenStakesUnbackTheOthers) ? stake.Epoch + 1 : stake.Epoch;
        _stakes[claim.Claimer] = new ModelStake(stake.Amount - taken, Holds(Rule.TakenStakesUnbackTheOthers) ? null : stake.Latest, epoch);
        claim.Staked = false;
        Emit(new StakeTakenEvent(claim.Claimer, claim.Key, bond, (int)stake.Epoch + 1));
    }

    // --- Rollup (spec 5.4)

    private Refusal Claim(Address sender, PostClaim a)
    {
        if (a.Bond != _at.Bond(0) && a.Bond != 0 && Holds(Rule.BondsArePaid))
            return Refusal.WrongBond;
        if (_at.Stands)
            return Refusal.IsPaused;
        if (!_claims.TryGetValue(Hashes.Of(a.Parent), out ModelClaim? parent))
            return Refusal.UnknownParent;
        ulong batch = unchecked(parent.Batch + 1);
        if (batch >= (ulong)_world.Batches.Count)
            return Refusal.UnknownBatch;
        Word batchHash = _world.Batches[(int)batch].Batch.BatchHash;
        Word tournament = ClaimRef.TournamentOf(Hashes.Of(a.Parent), batchHash, a.Attempt);
        if (a.Attempt > 0 && Holds(Rule.AttemptsComeInOrder))
        {
            Word before = ClaimRef.TournamentOf(Hashes.Of(a.Parent), batchHash, a.Attempt - 1);
            if (!_arenas.TryGetValue(before, out ModelArena? arena) || arena.Result != TournamentResult.NoWinner
                || (arena.Version != _at.Version && !Holds(Rule.AttemptsAskTheRulesTheyWerePlayedBy)))
            {
                return Refusal.AttemptNotOpen;
            }
        }

        if (_firstClaim.TryGetValue(tournament, out Word first) && (IsBacked(_claims[first]) || !Holds(Rule.UnbackedClaimsAreReplaced)))
            return Refusal.TournamentExists;
        bool staked = a.Bond == 0 && Holds(Rule.BondsArePaid);
        if (staked && StakeRefusal(sender, parent) is var busy and not Refusal.None)
            return busy;
        if (Holds(Rule.ClaimsProveTheirLastLeaf) && !IsLastLeaf(Shape.BatchHeight, a.TraceRoot, a.StateRoot, a.LastLeaf))
            return Refusal.RootMismatch;
        var reference = new ClaimRef(tournament, a.StateRoot, a.TraceRoot);
        if (_claims.TryGetValue(Hashes.Of(reference), out ModelClaim? there) && IsBacked(there))
            return Refusal.ClaimExists;
        var claim = new ModelClaim(reference, Hashes.Of(a.Parent), batch, a.Attempt, sender, _at.Now, _at.Version) { Held = a.Value };
        if (staked)
        {
            ModelStake stake = StakeOf(sender);
            (claim.Staked, claim.Epoch) = (true, stake.Epoch);
            _stakes[sender] = stake with { Latest = Hashes.Of(reference) };
        }

        _firstClaim[tournament] = Hashes.Of(reference);
        Post(claim, staked ? ClaimBacking.Stake : ClaimBacking.Bond);
        return Refusal.None;
    }

    private Refusal Challenge(Address sender, PostChallenge a)
    {
        Word tournament = ClaimRef.TournamentOf(Hashes.Of(a.Parent), a.BatchHash, a.Attempt);
        if (!_firstClaim.TryGetValue(tournament, out Word first))
            return Refusal.NothingToChallenge;
        ModelClaim firstClaim = _claims[first];
        bool opens = !_arenas.TryGetValue(tournament, out ModelArena? arena);
        _at = Holds(Rule.RivalsPlayByTheFirstClaimsRules) ? RulesOf(firstClaim) : InForce;
        if (a.Bond != _at.Bond(0) && Holds(Rule.BondsArePaid))
            return Refusal.WrongBond;
        if (_at.Stands)
            return Refusal.IsPaused;
        if (opens && first != Hashes.Of(a.First))
            return Refusal.WrongFirstClaim;
        if (opens && !IsBacked(firstClaim) && Holds(Rule.UnbackedClaimsAreNotChallenged))
            return Refusal.NotBacked;
        if (opens && _at.Now - firstClaim.PostedAt >= _at.Allowance && Holds(Rule.WindowsClose))
            return Refusal.WindowClosed;
        Word root = Hashes.Of(a.Children);
        if (Holds(Rule.ClaimsProveTheirLastLeaf) && !IsLastLeaf(Shape.BatchHeight, root, a.StateRoot, a.LastLeaf))
            return Refusal.RootMismatch;
        var reference = new ClaimRef(tournament, a.StateRoot, root);
        bool repeated = _claims.TryGetValue(Hashes.Of(reference), out ModelClaim? there) && (IsBacked(there) || !Holds(Rule.UnbackedClaimsComeBackAsRivals));
        if (repeated && Holds(Rule.RootsJoinOnce) && Holds(Rule.EliminationIsForEver))
            return Refusal.ClaimExists;
        if (opens)
        {
            if (root == firstClaim.Ref.TraceRoot && Holds(Rule.RootsJoinOnce))
                return Refusal.RootAlreadyJoined;
            arena = new ModelArena(tournament, 0, a.Parent.StateRoot, firstClaim.PostedAt, _at.Allowance, _at.Allowance, null, _at.Version);
        }

        if (JoinRefusal(arena!, 1, root) is var refusal and not Refusal.None)
            return refusal;
        if (opens && firstClaim.Staked)
            TakeStake(firstClaim);
        if (!repeated)
            Post(new ModelClaim(reference, Hashes.Of(a.Parent), firstClaim.Batch, a.Attempt, sender, _at.Now, _at.Version), ClaimBacking.Rival);
        if (opens)
        {
            firstClaim.Held = 0;
            _arenas.Add(tournament, arena!);
            Emit(new OpenedEvent(tournament, arena!.Initial, firstClaim.Ref.TraceRoot, firstClaim.Claimer, arena.StartedAt));
            Join(arena, firstClaim.Ref.TraceRoot, firstClaim.Claimer, 0, _at.Allowance, default);
            if (_variant.Pairing != Pairing.AtOnce)
                ShowFirst(arena, firstClaim);
        }

        Join(arena!, root, sender, 0, BalanceAtJoin(arena!, 1), a.Children);
        return Refusal.None;
    }

    /// <summary>A claim is written down, perhaps again (spec 5.8.4): then its id stays, and it is posted now.</summary>
    private void Post(ModelClaim claim, ClaimBacking backing)
    {
        Word id = claim.Key;
        _claims[id] = claim;
        Emit(new ClaimedEvent(
            id, claim.Parent, claim.Ref.Tournament, claim.Batch, claim.Attempt, claim.Ref.StateRoot, claim.Ref.TraceRoot, claim.Claimer,
            claim.PostedAt, claim.Version, backing));
    }

    private Refusal Confirm(Confirm a)
    {
        ulong batch = unchecked(_claims[LatestConfirmed].Batch + 1);
        Word batchHash = batch < (ulong)_world.Batches.Count ? _world.Batches[(int)batch].Batch.BatchHash : Word.Zero;
        if (ClaimRef.TournamentOf(LatestConfirmed, batchHash, a.Attempt) != a.Claim.Tournament && Holds(Rule.OnlyChildrenOfTheLatestConfirm))
            return Refusal.NotOfLatestConfirmed;
        if (!_claims.TryGetValue(Hashes.Of(a.Claim), out ModelClaim? claim) || claim.Confirmed)
            return Refusal.NotPending;
        _at = Holds(Rule.UpgradesTouchNoPendingClaim) ? RulesOf(claim) : InForce;
        if (_at.Stands)
            return Refusal.IsPaused;
        if (_arenas.TryGetValue(claim.Ref.Tournament, out ModelArena? arena))
        {
            if (arena.Result != TournamentResult.Winner || (arena.Winner != claim.Ref.TraceRoot && Holds(Rule.OnlyTheWinnerConfirms)))
                return Refusal.NotTheWinner;
        }
        else
        {
            if (!IsBacked(claim) && Holds(Rule.UnbackedClaimsDoNotConfirm))
                return Refusal.NotBacked;
            if (_at.Now < claim.PostedAt + _at.Allowance && Holds(Rule.ConfirmWaitsForTheWindow))
                return Refusal.WindowOpen;
            if (!claim.Staked || !Holds(Rule.StakedClaimsArePaidNothing))
                Credit(CreditHolder.Rollup, claim.Claimer, _at.Bond(0));
            claim.Held = 0;
        }

        claim.Confirmed = true;
        LatestConfirmed = Hashes.Of(a.Claim);
        Emit(new ConfirmedEvent(Hashes.Of(a.Claim), claim.Batch, claim.Ref.StateRoot));
        return Refusal.None;
    }

    private Refusal Recover(Recover a)
    {
        if (!_claims.TryGetValue(Hashes.Of(a.Parent), out ModelClaim? parent))
            return Refusal.UnknownParent;
        if (!_claims.TryGetValue(Hashes.Of(a.Claim), out ModelClaim? claim))
            return Refusal.NothingToRecover;
        bool lost = !parent.Confirmed && _claims.Values.Any(other => other.Confirmed && other.Batch == parent.Batch);
        if (!lost && Holds(Rule.RecoveryNeedsALostParent))
            return Refusal.ParentNotLost;
        if (_arenas.ContainsKey(claim.Ref.Tournament))
            return Refusal.HasRivals;
        if (claim.Confirmed || (claim.Held == 0 && !claim.Staked && Holds(Rule.RecoveryHappensOnce)) || (claim.Staked && Holds(Rule.StakedClaimsArePaidNothing)))
            return Refusal.NothingToRecover;
        if (_at.Stands)
            return Refusal.IsPaused;
        if (_at.Now < claim.PostedAt + _at.Allowance)
            return Refusal.WindowOpen;
        claim.Held = 0;
        Credit(CreditHolder.Rollup, claim.Claimer, _at.Bond(0));
        return Refusal.None;
    }

    private Refusal Withdraw(Address sender, Withdraw a)
    {
        Dictionary<Address, UInt128> credits = CreditsIn(a.Holder);
        UInt128 amount = credits.GetValueOrDefault(sender);
        if (amount == 0)
            return Refusal.NothingToWithdraw;
        if (Refusing.Contains(a.To))
            return Refusal.TransferFailed;
        if (Holds(Rule.CreditsAreDrawnOnce))
            credits[sender] = 0;
        _held -= amount;
        _net[sender] = _net.GetValueOrDefault(sender) + (Int128)amount;
        Emit(new WithdrawnEvent(a.Holder, sender, a.To, amount));
        return Refusal.None;
    }

    // --- Joining (spec 4.2)

    private Refusal JoinRefusal(ModelArena arena, int side, Word root)
    {
        if (arena.Commitments.TryGetValue(root, out ModelCommitment? there)
            && Holds(there.Eliminated ? Rule.EliminationIsForEver : Rule.RootsJoinOnce))
        {
            return Refusal.RootAlreadyJoined;
        }

        return _at.Now - arena.StartedAt >= arena.AllowanceOf(side) && Holds(Rule.WindowsClose) ? Refusal.WindowClosed : Refusal.None;
    }

    /// <summary>Where more than one may wait, the first claim has to show the children of its root too.</summary>
    private void ShowFirst(ModelArena arena, ModelClaim first)
    {
        Quad children = _world.ChildrenOf(first.Ref.TraceRoot);
        arena.Commitments[first.Ref.TraceRoot].Children = children;
        arena.Queue[0] = arena.Queue[0] with { Children = children };
        Emit(new JoinedEvent(arena.Id, first.Ref.TraceRoot, first.Claimer, 0, _at.Allowance, children));
    }

    private uint BalanceAtJoin(ModelArena arena, int side)
    {
        ulong late = _at.Now - arena.StartedAt;
        uint allowance = arena.AllowanceOf(side);
        return Holds(Rule.LatenessIsCharged) ? (uint)Math.Max((long)allowance - (long)late, 1) : allowance;
    }

    private void Join(ModelArena arena, Word root, Address claimer, int side, uint balance, Quad children)
    {
        arena.Commitments[root] = new ModelCommitment(root, claimer, side)
        {
            Joins = arena.Commitments.TryGetValue(root, out ModelCommitment? again) ? again.Joins + 1 : 1,
            RanSeconds = children == default ? 0 : _at.Now - arena.StartedAt,
            Children = children,
        };
        DisputeWrites++;
        // The first claim of a tournament has joined by being there: its children are not known.
        if (children != default)
            Emit(new JoinedEvent(arena.Id, root, claimer, side, balance, children));
        Enter(arena, root, balance, children);
    }

    /// <summary>Spec 4.2.5.</summary>
    private void Enter(ModelArena arena, Word root, uint balance, Quad children)
    {
        if (_variant.Pairing != Pairing.AtOnce)
        {
            Queue(arena, new Waiting(root, balance, children));
            return;
        }

        if (arena.Dangling is not Word waiting)
        {
            arena.Dangling = root;
            arena.DanglingBalance = balance;
            return;
        }

        Quad known = arena.Commitments[waiting].Children;
        arena.Dangling = null;
        if (!Holds(Rule.TheOneThatWaitedIsOne) && known != default)
            Pair(arena, new(root, balance, children), new(waiting, arena.DanglingBalance, known), waiting);
        else
            Pair(arena, new(waiting, arena.DanglingBalance, known), new(root, balance, children));
    }

    /// <param name="one">Came first.</param>
    private void Pair(ModelArena arena, Waiting one, Waiting two, Word? waited = null)
    {
        // What the first claim's root consists of nobody may know: then it moves first.
        bool swap = _variant.FirstMove switch
        {
            FirstMove.WhoEntered => one.Children != default,
            FirstMove.MoreTime => one.Children != default && two.Balance > one.Balance,
            _ => two.Children == default,
        };
        if (swap)
            (one, two) = (two, one);
        var id = new MatchId(arena.Id, one.Root, two.Root);
        Word key = Hashes.Of(id);
        var state = new Bisection(one.Root, two.Children, 0, Shape.HeightOf(arena.Level), _at.Now, one.Balance, two.Balance, 0);
        arena.Live.Add(key);
        _matches[key] = new ModelMatch(id, key, arena)
        {
            Phase = MatchPhase.Bisect,
            Bisection = state,
            Waited = waited ?? one.Root,
            RunsOne = true,
        };
        Emit(new MatchedEvent(arena.Id, key, one.Root, two.Root, state));
    }

    /// <summary>Under rules where several may wait: never without a live match.</summary>
    private void Queue(ModelArena arena, Waiting enters)
    {
        if (enters.Children == default)
            enters = enters with { Children = arena.Commitments[enters.Root].Children };
        if (_variant.Pairing == Pairing.WinnerStays)
            arena.Queue.Insert(0, enters);
        else
            arena.Queue.Add(enters);
        PairQueued(arena);
    }

    private void PairQueued(ModelArena arena)
    {
        while (arena.Queue.Count > 1 && arena.Live.Count == 0)
        {
            IEnumerable<Waiting> order = _variant.Pairing is Pairing.MostTimeFirst or Pairing.RoundsMostWithLeast
                ? arena.Queue.OrderByDescending(waiting => waiting.Balance)
                : arena.Queue;
            List<Waiting> all = [.. order];
            int pairs = _variant.Pairing is Pairing.Rounds or Pairing.RoundsMostWithLeast ? all.Count / 2 : 1;
            for (int i = 0; i < pairs; i++)
            {
                (Waiting one, Waiting two) = _variant.Pairing == Pairing.RoundsMostWithLeast ? (all[i], all[^(i + 1)]) : (all[2 * i], all[2 * i + 1]);
                arena.Queue.Remove(one);
                arena.Queue.Remove(two);
                Pair(arena, one, two);
            }
        }

        arena.Dangling = arena.Queue is [Waiting only] ? only.Root : null;
        arena.DanglingBalance = arena.Queue is [Waiting last] ? last.Balance : 0;
    }

    /// <summary>Whether whoever ends a match has named its winner well enough (spec 4.10.9).</summary>
    private Refusal WinnerRefusal(ModelMatch match, MatchOutcome outcome, NamedWinner named)
    {
        if (outcome == MatchOutcome.BothOut)
            return Refusal.None;
        ModelArena arena = match.Arena;
        Word root = outcome == MatchOutcome.One ? match.Id.One : match.Id.Two;
        if (arena.Level == 0 && !_claims.ContainsKey(Hashes.Of(new ClaimRef(arena.Id, named.StateRoot, root))))
            return Refusal.UnknownClaim;
        return arena.Dangling is null || _variant.Pairing != Pairing.AtOnce || Hashes.Of(named.Children) == root ? Refusal.None : Refusal.NodeMismatch;
    }

    private Word StateRootOf(ModelArena arena, Word root) =>
        _claims.Values.FirstOrDefault(claim => claim.Ref.Tournament == arena.Id && claim.Ref.TraceRoot == root)?.Ref.StateRoot ?? Word.Zero;

    private Refusal JoinInner(Address sender, JoinInner a)
    {
        if (a.Bond != _at.Bond(1) && Holds(Rule.BondsArePaid))
            return Refusal.WrongBond;
        if (_at.Stands)
            return Refusal.IsPaused;
        if (!_arenas.TryGetValue(a.Tournament, out ModelArena? arena) || arena.Level != 1 || arena.Context != a.Context)
            return Refusal.WrongContext;
        if (arena.Result != TournamentResult.Undecided)
            return Refusal.AlreadySettled;
        if (a.Side is not (1 or 2))
            return Refusal.WrongClass;
        Word root = Hashes.Of(a.Children);
        Word sigma = new Quad(a.Context.AppsRoot, a.Context.OutputsRoot, a.Context.Counters, a.MachineRoot).Hash();
        if (sigma != a.Context.SigmaOf(a.Side) && Holds(Rule.InnerJoinsEndInTheirClass))
            return Refusal.WrongClass;
        if (JoinRefusal(arena, a.Side, root) is var refusal and not Refusal.None)
            return refusal;
        if (Holds(Rule.InnerJoinsProveTheirLastLeaf) && !IsLastLeaf(Shape.ChunkHeight, root, a.MachineRoot, a.LastLeaf))
            return Refusal.RootMismatch;
        Join(arena, root, sender, a.Side, BalanceAtJoin(arena, a.Side), a.Children);
        return Refusal.None;
    }

    // --- Moves (spec 4.3)

    private Refusal Advance(Address sender, Advance a)
    {
        if (BisectionRefusal(a.Match, a.State, out ModelMatch? match) is var refusal and not Refusal.None)
            return refusal;
        Bisection state = a.State;
        if (Hashes.Of(a.Opened) != state.Node && Holds(Rule.OpeningsAreChecked))
            return Refusal.WrongState;
        if (state.Height <= 1)
            return Refusal.WrongHeight;
        int j = Difference(a.Opened, state.Children);
        if (j >= 4 || (Hashes.Of(a.Next) != a.Opened.At(j) && Holds(Rule.OpeningsAreChecked)))
            return Refusal.NodeMismatch;
        int mover = Mover(match!);
        if (!CanMove(match!))
            return Refusal.Overdue;

        state = Charge(match!, state, mover) with
        {
            Node = state.Children.At(j),
            Children = a.Next,
            Position = 4 * state.Position + (ulong)j,
            Height = state.Height - 1,
            Since = _at.Now,
        };
        Turn(match!, mover);
        match!.Bisection = state with { Spent = Refund(sender, state.Spent, Gas.Advance) };
        Emit(new AdvancedEvent(match.Key, a.Opened, match.Bisection));
        return Refusal.None;
    }

    private Refusal Seal(Address sender, Seal a)
    {
        if (BisectionRefusal(a.Match, a.State, out ModelMatch? match) is var refusal and not Refusal.None)
            return refusal;
        Bisection state = a.State;
        if (Hashes.Of(a.Leaves) != state.Node && Holds(Rule.OpeningsAreChecked))
            return Refusal.WrongState;
        if (state.Height != 1)
            return Refusal.WrongHeight;
        int j = Difference(a.Leaves, state.Children);
        if (j >= 4)
            return Refusal.NodeMismatch;
        int mover = Mover(match!);
        ulong position = 4 * state.Position + (ulong)j;
        ModelArena arena = match!.Arena;
        refusal = Agreed(a, match, mover, position, j, out Word agreed);
        if (refusal != Refusal.None)
            return refusal;
        (Word one, Word two) = mover == 1 ? (a.Leaves.At(j), state.Children.At(j)) : (state.Children.At(j), a.Leaves.At(j));
        bool inner = false;
        if (arena.Level == 0 && Shape.IsChunk(position))
        {
            if (Hashes.Of(a.Opening) != agreed)
                return Refusal.NodeMismatch;
            inner = !a.Opening.C3.IsZero;
        }

        if (!CanMove(match))
            return Refusal.Overdue;
        state = Charge(match, state, mover);
        match.Bisection = null;
        match.Phase = inner ? MatchPhase.Inner : MatchPhase.AtLeaf;
        match.RunsOne = match.RunsTwo = !inner;
        match.Leaf = new Leaf(
            agreed, one, two, position, _at.Now, state.BalanceOne, state.BalanceTwo, Refund(sender, state.Spent, Gas.Seal));
        if (inner)
            OpenInner(match, a.Opening);
        Emit(new SealedEvent(match.Key, match.Phase, match.Leaf));
        return Refusal.None;
    }

    private void OpenInner(ModelMatch match, Quad opening)
    {
        Leaf leaf = match.Leaf!;
        var context = new InnerContext(opening.C0, opening.C1, opening.C2, opening.C3, leaf.LeafOne, leaf.LeafTwo);
        (uint one, uint two) = (leaf.BalanceOne + _at.InnerGrant, leaf.BalanceTwo + _at.InnerGrant);
        if (!Holds(Rule.ClocksBelongToClasses))
            one = two = Math.Max(one, two);
        var opened = new ModelArena(match.Key, 1, opening.C3, _at.Now, one, two, context, _at.Version);
        _arenas[opened.Id] = opened;
        Emit(new InnerOpenedEvent(opened.Id, context, _at.Now, opened.AllowanceOne, opened.AllowanceTwo));
    }

    /// <summary>The value before the first leaf that differs (spec 4.3.3).</summary>
    private Refusal Agreed(Seal a, ModelMatch match, int mover, ulong position, int j, out Word agreed)
    {
        ModelArena arena = match.Arena;
        agreed = default;
        if (j > 0)
        {
            agreed = a.Leaves.At(j - 1);
            return a.Agreed.Length == 0 ? Refusal.None : Refusal.WrongAgreed;
        }

        if (position == 0 && arena.Level == 1)
        {
            agreed = arena.Initial;
            return a.Agreed.Length != 0 ? Refusal.WrongAgreed : a.Context == arena.Context ? Refusal.None : Refusal.WrongContext;
        }

        if (position == 0)
        {
            if (a.Agreed.Length != 5 * Word.Length)
                return Refusal.WrongAgreed;
            Word At(int i) => new(a.Agreed.AsSpan(i * Word.Length, Word.Length));
            Word parent = Hashes.Of(new ClaimRef(At(0), At(1), At(2)));
            agreed = At(1);
            return Keccak.Quad(parent, At(3), At(4), Word.Zero) == arena.Id ? Refusal.None : Refusal.WrongAgreed;
        }

        if (a.Agreed.Length < Word.Length)
            return Refusal.WrongAgreed;
        agreed = new(a.Agreed.AsSpan(0, Word.Length));
        Word root = mover == 1 ? match.Id.One : match.Id.Two;
        bool proven = ProofRoot(Shape.HeightOf(arena.Level), a.Agreed.AsSpan(Word.Length), agreed, position - 1) == root;
        return proven || !Holds(Rule.AgreedLeafIsProven) ? Refusal.None : Refusal.RootMismatch;
    }

    private Refusal ProveTransition(Address sender, ProveTransition a)
    {
        if (_arenas.TryGetValue(a.Match.Tournament, out ModelArena? arena) && arena.Level != 0)
            return Refusal.WrongLevel;
        ToyBatch batch = _world.Batches[(int)a.Batch].Batch;
        if (new TournamentPreimage(a.ParentClaim, a.Attempt, batch.Preimage).Id() != a.Match.Tournament)
            return Refusal.WrongPreimage;
        if (LeafRefusal(a.Match, a.State, MatchPhase.AtLeaf, out _) is var refusal and not Refusal.None)
            return refusal;
        return _world.TryOpen(a.State.Agreed, out Quad sigma)
            ? Prove(sender, a.Match, a.State, batch.Transition(a.State.Position, sigma).Hash(), a.Claimed, new NamedWinner(a.WinnerChildren, a.WinnerState))
            : Refusal.WitnessRejected;
    }

    private Refusal ProveStep(Address sender, ProveStep a) =>
        !_arenas.TryGetValue(a.Match.Tournament, out ModelArena? arena) || arena.Level != 1
            ? Refusal.WrongLevel
            : Prove(sender, a.Match, a.State, ToyMachine.Step(a.State.Agreed), a.Claimed, new NamedWinner(a.WinnerChildren, Word.Zero));

    /// <summary>Spec 4.3.5. Who claims another value than the true one sends a witness that is wrong.</summary>
    private Refusal Prove(Address sender, MatchId id, Leaf leaf, Word value, Word claimed, NamedWinner winner)
    {
        if (LeafRefusal(id, leaf, MatchPhase.AtLeaf, out ModelMatch? match) is var refusal and not Refusal.None)
            return refusal;
        if (!Holds(Rule.ProofsAreChecked))
            value = claimed;
        if (value != claimed && Holds(Rule.WrongProofEliminatesNobody))
            return Refusal.WitnessRejected;
        if (value != claimed || (value != leaf.LeafOne && value != leaf.LeafTwo))
        {
            return Holds(Rule.WrongProofEliminatesNobody)
                ? Refusal.NeitherLeaf
                : End(sender, match!, MatchOutcome.BothOut, 0, leaf.Spent, Gas.Prove, default);
        }

        int side = value == leaf.LeafOne ? 1 : 2;
        if (!CanProve(match!, side))
            return Refusal.Overdue;
        int winning = Holds(Rule.ProvenSideWins) ? side : 3 - side;
        MatchOutcome outcome = winning == 1 ? MatchOutcome.One : MatchOutcome.Two;
        if (WinnerRefusal(match!, outcome, winner) is var unknown and not Refusal.None)
            return unknown;
        uint balance = side == 1 ? leaf.BalanceOne : leaf.BalanceTwo;
        uint left = (uint)Math.Max((long)balance - Cost(leaf.Since), 0);
        Ran(match!, side, leaf.Since);
        return End(sender, match!, outcome, left, leaf.Spent, Gas.Prove, winner);
    }

    private Refusal Timeout(Address sender, Challenger.Timeout a)
    {
        if (BisectionRefusal(a.Match, a.State, out ModelMatch? match) is var refusal and not Refusal.None)
            return refusal;
        if (!CanTimeout(match!))
            return Refusal.NotOverdue;
        int mover = Mover(match!);
        ulong deadline = a.State.Since + (mover == 1 ? a.State.BalanceOne : a.State.BalanceTwo);
        uint left = mover == 1 ? a.State.BalanceTwo : a.State.BalanceOne;
        if (!Holds(Rule.WaitingWinnerPaysNothing))
            left = (uint)Math.Max((long)left - (long)(_at.Now - Math.Min(deadline, _at.Now)), 1);
        return End(sender, match!, mover == 1 ? MatchOutcome.Two : MatchOutcome.One, left, a.State.Spent, Gas.Timeout, new NamedWinner(a.WinnerChildren, a.WinnerState));
    }

    private Refusal Eliminate(Address sender, Eliminate a)
    {
        if (LeafRefusal(a.Match, a.State, MatchPhase.AtLeaf, out ModelMatch? match) is var refusal and not Refusal.None)
            return refusal;
        if (!CanEliminate(match!))
            return Refusal.NotOverdue;
        if (Holds(Rule.NoTimeoutWinAtTheLeaf))
            return End(sender, match!, MatchOutcome.BothOut, 0, a.State.Spent, Gas.Eliminate, default);
        MatchOutcome outcome = a.State.BalanceOne >= a.State.BalanceTwo ? MatchOutcome.One : MatchOutcome.Two;
        Word root = outcome == MatchOutcome.One ? match!.Id.One : match!.Id.Two;
        var winner = new NamedWinner(match.Arena.Commitments[root].Children, StateRootOf(match.Arena, root));
        return End(sender, match, outcome, Math.Max(a.State.BalanceOne, a.State.BalanceTwo), a.State.Spent, Gas.Eliminate, winner);
    }

    private Refusal ResolveInner(Address sender, ResolveInner a)
    {
        if (LeafRefusal(a.Match, a.State, MatchPhase.Inner, out ModelMatch? match) is var refusal and not Refusal.None)
            return refusal;
        ModelArena inner = _arenas[match!.Key];
        if (inner.Live.Count > 0 && Holds(Rule.ResolveNeedsNoLiveMatch))
            return Refusal.MatchesLive;
        if (InnerOutcome(inner) is not MatchOutcome outcome)
            return Refusal.Undecidable;
        uint balance = outcome == MatchOutcome.One ? a.State.BalanceOne : a.State.BalanceTwo;
        if (!Holds(Rule.OuterClocksStand))
            balance = (uint)Math.Max((long)balance - (long)(_at.Now - a.State.Since), 1);
        uint ran = 0;
        if (_variant.InnerClockCounts && outcome != MatchOutcome.BothOut && inner.DanglingBalance < balance)
        {
            ran = balance - inner.DanglingBalance;
            if (Holds(Rule.InnerClocksCount))
                balance = inner.DanglingBalance;
        }

        refusal = End(sender, match, outcome, balance, a.State.Spent, Gas.Resolve, new NamedWinner(a.WinnerChildren, a.WinnerState), inner);
        if (refusal == Refusal.None && ran > 0)
            match.Arena.Commitments[outcome == MatchOutcome.One ? match.Id.One : match.Id.Two].RanSeconds += ran;
        return refusal;
    }

    private Refusal Settle(Address sender, Settle a)
    {
        if (_at.Stands)
            return Refusal.IsPaused;
        if (!_arenas.TryGetValue(a.Tournament, out ModelArena? arena))
            return Refusal.NoTournament;
        if (arena.Level != 0)
            return Refusal.WrongLevel;
        if (arena.Result != TournamentResult.Undecided)
            return Refusal.AlreadySettled;
        if (arena.Live.Count > 0 && Holds(Rule.SettleNeedsNoLiveMatch))
            return Refusal.MatchesLive;
        if (_at.Now < arena.StartedAt + _at.Allowance && Holds(Rule.SettleWaitsForTheWindow))
            return Refusal.WindowOpen;
        if (arena.Dangling is Word winner && !_claims.ContainsKey(Hashes.Of(new ClaimRef(arena.Id, a.WinnerState, winner))))
            return Refusal.UnknownClaim;
        Conclude(arena);
        UInt128 fee = Gas.Settle * UInt128.Min(GasPrice, _at.Parameters.PriceCeiling);
        fee = UInt128.Min(fee, arena.Pot);
        Credit(_at.Holder, sender, fee);
        Address rest = arena.Result == TournamentResult.Winner && Holds(Rule.PotsGoToWinners) ? arena.Commitments[arena.Winner].Claimer : Treasury;
        Credit(_at.Holder, rest, arena.Pot - fee);
        arena.Pot = 0;
        return Refusal.None;
    }

    /// <summary>Writes the result and gives the bond of the dangling commitment back (spec 4.6.4).</summary>
    private void Conclude(ModelArena arena)
    {
        arena.Result = arena.Dangling is null ? TournamentResult.NoWinner : TournamentResult.Winner;
        if (arena.Dangling is Word winner)
        {
            arena.Winner = winner;
            Credit(_at.Holder, Holds(Rule.WinnersGetTheirBondBack) ? arena.Commitments[winner].Claimer : Treasury, _at.Bond(arena.Level));
        }

        DisputeWrites++;
        Emit(new SettledEvent(arena.Id, arena.Result, arena.Winner));
    }

    /// <summary>Spec 4.4 and 4.6.3.</summary>
    private Refusal End(
        Address sender,
        ModelMatch match,
        MatchOutcome outcome,
        uint winnerBalance,
        UInt128 spent,
        ulong units,
        NamedWinner named,
        ModelArena? inner = null)
    {
        ModelArena arena = match.Arena;
        (Word winner, Word loser) = outcome == MatchOutcome.One ? (match.Id.One, match.Id.Two) : (match.Id.Two, match.Id.One);
        if (WinnerRefusal(match, outcome, named) is var refusal and not Refusal.None)
            return refusal;

        spent = Refund(sender, spent, units);
        if (inner is not null)
            Conclude(inner);
        arena.Live.Remove(match.Key);
        match.Outcome = outcome;
        match.RunsOne = match.RunsTwo = false;
        UInt128 bond = _at.Bond(arena.Level);
        UInt128 pot = Holds(Rule.MatchesLeaveAShare) ? _at.Share : 0;
        if (arena.Level == 0 && !arena.HasEnded)
            pot += _at.Prize(0);
        arena.HasEnded = true;
        arena.Pot += pot;
        if (inner is not null)
        {
            if (Holds(Rule.InnerPotsComeOut))
                arena.Pot += inner.Pot;
            else
                CreditTreasury(inner.Pot);
            inner.Pot = 0;
        }

        Emit(new MatchEndedEvent(arena.Id, match.Key, outcome));
        if (outcome == MatchOutcome.BothOut)
        {
            arena.Commitments[match.Id.One].Eliminated = true;
            arena.Commitments[match.Id.Two].Eliminated = true;
            CreditTreasury(2 * bond - spent - pot);
            if (arena.Queue.Count > 0)
                PairQueued(arena);
            return Refusal.None;
        }

        if (Holds(Rule.LosersAreEliminated))
            arena.Commitments[loser].Eliminated = true;
        UInt128 prize = Holds(Rule.PrizesAreATenth) ? _at.Prize(arena.Level) : _at.Stake(arena.Level) / 2;
        Credit(_at.Holder, arena.Commitments[winner].Claimer, prize);
        UInt128 innerPrize = inner is null ? 0 : _at.Prize(1);
        if (inner is not null && Holds(Rule.InnerWinnersGetAPrize))
            Credit(_at.Holder, inner.Commitments[inner.Winner].Claimer, innerPrize);
        else
            innerPrize = 0;
        UInt128 rest = bond - spent - prize - innerPrize - pot;
        if (Holds(Rule.LosersForfeit))
            CreditTreasury(rest);
        else
            Credit(_at.Holder, arena.Commitments[loser].Claimer, rest);
        if (Holds(Rule.WinnersArePairedAgain))
            Enter(arena, winner, winnerBalance, named.Children);
        else
            (arena.Dangling, arena.DanglingBalance) = (winner, winnerBalance);
        return Refusal.None;
    }

    // --- What is possible when (spec 4.3.8)

    public bool CanMove(ModelMatch match) =>
        match.Phase == MatchPhase.Bisect && (!IsMoverOverdue(match) || !Holds(Rule.OverdueCannotMove));

    public bool CanTimeout(ModelMatch match)
    {
        if (match.Phase != MatchPhase.Bisect)
            return false;
        ulong now = RulesOf(match.Arena).Now;
        Bisection state = match.Bisection!;
        ulong deadline = state.Since + (Mover(match) == 1 ? state.BalanceOne : state.BalanceTwo);
        return now >= (Holds(Rule.TimeoutNeedsOverdue) ? deadline : deadline - 1)
            && (Holds(Rule.DecidedResultNeverExpires) || now <= deadline + 1);
    }

    public bool CanProve(ModelMatch match, int side) =>
        match.Phase == MatchPhase.AtLeaf
        && (!Holds(Rule.OverdueCannotProve) || RulesOf(match.Arena).Now < match.Leaf!.Since + (side == 1 ? match.Leaf.BalanceOne : match.Leaf.BalanceTwo));

    public bool CanEliminate(ModelMatch match)
    {
        if (match.Phase != MatchPhase.AtLeaf)
            return false;
        (uint one, uint two) = (match.Leaf!.BalanceOne, match.Leaf.BalanceTwo);
        bool both = Holds(Rule.EliminationNeedsBothOverdue) && Holds(Rule.NoTimeoutWinAtTheLeaf);
        return RulesOf(match.Arena).Now >= match.Leaf.Since + (both ? Math.Max(one, two) : Math.Min(one, two));
    }

    /// <summary>The outcome of an inner tournament that is decided by now; null while it is not.</summary>
    public MatchOutcome? InnerOutcome(ModelArena inner)
    {
        ulong now = RulesOf(inner).Now;
        bool closedOne = now >= inner.StartedAt + inner.AllowanceOne;
        bool closedTwo = now >= inner.StartedAt + inner.AllowanceTwo;
        bool waits = Holds(Rule.ResolveWaitsForTheAbsentClass);
        if (inner.Dangling is not Word dangling)
            return closedOne && closedTwo ? MatchOutcome.BothOut : null;
        return inner.Commitments[dangling].Side == 1
            ? closedTwo || !waits ? MatchOutcome.One : null
            : closedOne || !waits ? MatchOutcome.Two : null;
    }

    public int Mover(ModelMatch match) => !Holds(Rule.SidesTakeTurns) || (Shape.HeightOf(match.Arena.Level) - match.Bisection!.Height) % 2 == 0 ? 1 : 2;

    public bool IsMoverOverdue(ModelMatch match)
    {
        Bisection state = match.Bisection!;
        return RulesOf(match.Arena).Now >= state.Since + (Mover(match) == 1 ? state.BalanceOne : state.BalanceTwo);
    }

    /// <summary>The timestamps of blocks from which on something is possible by waiting; some of them have passed.</summary>
    public IEnumerable<ulong> Deadlines()
    {
        foreach (ModelMatch match in _matches.Values)
        {
            if (match.Outcome is not null)
                continue;
            ModelRules rules = RulesOf(match.Arena);
            if (match.Bisection is Bisection state)
            {
                yield return rules.TimestampOf(state.Since + (Mover(match) == 1 ? state.BalanceOne : state.BalanceTwo));
            }
            else if (match.Phase == MatchPhase.AtLeaf)
            {
                yield return rules.TimestampOf(match.Leaf!.Since + match.Leaf.BalanceOne);
                yield return rules.TimestampOf(match.Leaf.Since + match.Leaf.BalanceTwo);
            }
        }

        foreach (ModelArena arena in _arenas.Values)
        {
            if (arena.Result != TournamentResult.Undecided)
                continue;
            yield return RulesOf(arena).TimestampOf(arena.StartedAt + arena.AllowanceOne);
            yield return RulesOf(arena).TimestampOf(arena.StartedAt + arena.AllowanceTwo);
        }

        foreach (ModelClaim claim in _claims.Values)
        {
            if (claim.Confirmed || claim.Parent.IsZero || _arenas.ContainsKey(claim.Ref.Tournament))
                continue;
            ModelRules rules = RulesOf(claim);
            ulong over = claim.PostedAt + rules.Parameters.Allowance;
            yield return rules.TimestampOf(over);

            // From then on others confirm it too (spec 4.7.5).
            yield return rules.TimestampOf(over + rules.Parameters.GraceSeconds);
        }

        foreach (ModelRules rules in _rules)
        {
            if (rules.IsPaused)
                yield return rules.PauseEndsAt;
        }
    }

    private Refusal BisectionRefusal(MatchId id, Bisection state, out ModelMatch? match) =>
        MatchRefusal(id, MatchPhase.Bisect, out match) is var refusal and not Refusal.None ? refusal
        : match!.Bisection == state ? Refusal.None
        : Refusal.WrongState;

    private Refusal LeafRefusal(MatchId id, Leaf state, MatchPhase phase, out ModelMatch? match) =>
        MatchRefusal(id, phase, out match) is var refusal and not Refusal.None ? refusal
        : match!.Leaf == state ? Refusal.None
        : Refusal.WrongState;

    private Refusal MatchRefusal(MatchId id, MatchPhase phase, out ModelMatch? match)
    {
        bool there = _matches.TryGetValue(Hashes.Of(id), out match);
        return _at.Stands ? Refusal.IsPaused : there && match!.Outcome is null && match.Phase == phase ? Refusal.None : Refusal.WrongState;
    }

    private int Difference(Quad opened, Quad others)
    {
        if (Holds(Rule.FirstDifferenceIsChosen))
            return opened.FirstDifference(others);
        int j = 3;
        while (j > 0 && opened.At(j) == others.At(j))
            j--;
        return j;
    }

    // --- Clocks and money

    private uint Cost(ulong since)
    {
        ulong seconds = _at.Now - since;
        uint grace = Holds(Rule.GraceIsFree) ? _at.Parameters.GraceSeconds : 0;
        return Holds(Rule.MovesCostTime) && seconds > grace ? (uint)(seconds - grace) : 0;
    }

    private Bisection Charge(ModelMatch match, Bisection state, int mover)
    {
        Ran(match, mover, state.Since);
        uint cost = Cost(state.Since);
        return mover == 1
            ? state with { BalanceOne = (uint)Math.Max((long)state.BalanceOne - cost, 1) }
            : state with { BalanceTwo = (uint)Math.Max((long)state.BalanceTwo - cost, 1) };
    }

    /// <summary>What a side's clock ran, for the properties alone.</summary>
    private void Ran(ModelMatch match, int side, ulong since)
    {
        ModelCommitment commitment = match.Arena.Commitments[side == 1 ? match.Id.One : match.Id.Two];
        commitment.RanSeconds += _at.Now - since;
        commitment.Moves++;
    }

    private void Turn(ModelMatch match, int mover)
    {
        bool next = Holds(Rule.SidesTakeTurns) ? mover == 2 : mover == 1;
        (match.RunsOne, match.RunsTwo) = (next, !next);
    }

    private UInt128 Refund(Address sender, UInt128 spent, ulong units)
    {
        UInt128 price = Holds(Rule.RefundsHaveACeiling) ? UInt128.Min(GasPrice, _at.Parameters.PriceCeiling) : GasPrice;
        UInt128 amount = units * price;
        DisputeWrites++;
        Credit(_at.Holder, sender, amount);
        return Holds(Rule.RefundsAreBooked) ? spent + amount : spent;
    }

    private void CreditTreasury(UInt128 amount)
    {
        if (Holds(Rule.TheTreasuryGetsTheRest))
            Credit(_at.Holder, Treasury, amount);
    }

    private void Credit(CreditHolder holder, Address account, UInt128 amount)
    {
        if (amount == 0)
            return;
        Dictionary<Address, UInt128> credits = CreditsIn(holder);
        credits[account] = credits.GetValueOrDefault(account) + amount;
        Emit(new CreditedEvent(holder, account, amount));
    }

    private Dictionary<Address, UInt128> CreditsIn(CreditHolder holder) =>
        holder == CreditHolder.Rollup ? _credits : _rules.Single(rules => rules.Holder == holder).Credits;

    private void Emit(L1Event happened)
    {
        _events.Add(happened);
        State = State.Apply(happened);
    }

    private static bool IsLastLeaf(int height, Word root, Word leaf, byte[] proof) =>
        ProofRoot(height, proof, leaf, (1UL << (2 * height)) - 1) == root;

    private static Word? ProofRoot(int height, ReadOnlySpan<byte> proof, Word leaf, ulong position) =>
        QuadProof.TryRead(ref proof, QuadTreeKind.Trace, height, out QuadProof? read, out _) && proof.IsEmpty
            ? read!.ComputeRoot(leaf, position)
            : null;
}

/// <summary>How whoever ends a match names its winner (spec 4.10.9).</summary>
internal readonly record struct NamedWinner(Quad Children, Word StateRoot);

/// <summary>A version of the rules: a Tournament with its clocks, its money and its pauses (spec 4.1, 4.8, 5.7).</summary>
internal sealed class ModelRules(L1Model l1, int version, DisputeParameters parameters)
{
    private Address? _address;
    private ulong _pausedSince;
    private ulong _pausedBefore;

    public int Version => version;

    public DisputeParameters Parameters => parameters;

    public Address Address => _address ??= ReplayChain.TournamentsOf(version);

    /// <summary>In this Tournament.</summary>
    public Dictionary<Address, UInt128> Credits { get; private init; } = [];

    public CreditHolder Holder => CreditHolder.Of(version);

    /// <summary>Dispute time (spec 4.8.2).</summary>
    public ulong Now => l1.Holds(Rule.PausesStopClocks) ? l1.Timestamp - PausedSeconds : l1.Timestamp;

    public bool IsPaused => _pausedSince != 0 && (!l1.Holds(Rule.PausesHaveABudget) || l1.Timestamp - _pausedSince < parameters.PauseBudgetSeconds - _pausedBefore);

    /// <summary>Nothing moves (spec 4.8.3). Each action asks where its contract does.</summary>
    public bool Stands => (IsPaused || (!l1.Holds(Rule.PausesAreOfOneVersion) && l1.Rules.Any(rules => rules.IsPaused))) && l1.Holds(Rule.NothingMovesDuringAPause);

    /// <summary>When the pause that runs ends by itself (spec 4.8.1).</summary>
    public ulong PauseEndsAt => l1.Holds(Rule.PausesHaveABudget) ? _pausedSince + parameters.PauseBudgetSeconds - _pausedBefore : ulong.MaxValue;

    /// <summary>Seconds of all pauses so far.</summary>
    public ulong PausedSeconds => _pausedBefore + (_pausedSince == 0 ? 0
        : l1.Holds(Rule.PausesHaveABudget) ? Math.Min(l1.Timestamp - _pausedSince, parameters.PauseBudgetSeconds - _pausedBefore) : l1.Timestamp - _pausedSince);

    /// <summary>As the contract keeps them (spec 4.8.4).</summary>
    public (ulong Since, ulong Before) Pauses => (_pausedSince, _pausedBefore);

    public uint Allowance => l1.Holds(Rule.AllowanceCoversTheBudgets) ? parameters.Allowance : parameters.Allowance - 1;

    public uint InnerGrant => l1.Holds(Rule.InnerGrantCoversTraceAndGrace) ? parameters.InnerGrant : parameters.TraceSeconds;

    public UInt128 Bond(int level) => Stake(level) + Reserve(level);

    public UInt128 Stake(int level) => level == 0 ? parameters.Stake0 : parameters.Stake1;

    public UInt128 Prize(int level) => Stake(level) / 10;

    /// <summary>What each match leaves in the pot (spec 4.6.3).</summary>
    public UInt128 Share => Gas.Copied * parameters.PriceCeiling;

    public UInt128 Reserve(int level) => Gas.Reserve(l1.Shape.HeightOf(level)) * parameters.PriceCeiling;

    /// <summary>The timestamp of the block in which that dispute time comes, if there is no further pause; the end of time during one.</summary>
    public ulong TimestampOf(ulong time) =>
        IsPaused && l1.Holds(Rule.PausesStopClocks) ? ulong.MaxValue : time > Now ? l1.Timestamp + (time - Now) : Math.Min(time, l1.Timestamp);

    public void BeginPause() => (_pausedBefore, _pausedSince) = (PausedSeconds, l1.Timestamp);

    public void EndPause() => (_pausedBefore, _pausedSince) = (PausedSeconds, 0);

    public ModelRules Copy(L1Model to) => new(to, version, parameters)
    {
        Credits = new(Credits),
        _address = _address,
        _pausedSince = _pausedSince,
        _pausedBefore = _pausedBefore,
    };
}

/// <summary>An account's stake (spec 5.8.1).</summary>
/// <param name="Latest">Its latest claim behind it.</param>
/// <param name="Epoch">How often it was taken.</param>
internal sealed record ModelStake(UInt128 Amount, Word? Latest, uint Epoch)
{
    public static ModelStake None { get; } = new(0, null, 0);
}

/// <summary>A claim (spec 5.4).</summary>
internal sealed class ModelClaim(ClaimRef reference, Word parent, ulong batch, ulong attempt, Address claimer, ulong postedAt, int version)
{
    public ClaimRef Ref => reference;

    /// <summary>Its id.</summary>
    public Word Key { get; } = Hashes.Of(reference);

    public Word Parent => parent;

    public ulong Batch => batch;

    public ulong Attempt => attempt;

    public Address Claimer => claimer;

    /// <summary>Dispute time.</summary>
    public ulong PostedAt => postedAt;

    /// <summary>Of the rules that it is pinned to.</summary>
    public int Version => version;

    /// <summary>It stands behind its claimer's stake of that epoch.</summary>
    public bool Staked { get; set; }

    public uint Epoch { get; set; }

    public bool Confirmed { get; set; }

    /// <summary>The bond that the Rollup holds for it; none when it went on to Tournament or back.</summary>
    public UInt128 Held { get; set; }

    /// <summary>The model that may change it; null until it is copied first.</summary>
    public object? Owner { get; private set; }

    public ModelClaim Copy(object owner)
    {
        var copy = (ModelClaim)MemberwiseClone();
        copy.Owner = owner;
        return copy;
    }
}

/// <summary>A tournament of either level (spec 4.2).</summary>
internal sealed class ModelArena(Word id, int level, Word initial, ulong startedAt, uint one, uint two, InnerContext? context, int version)
{
    public Word Id => id;

    public int Level => level;

    public Word Initial => initial;

    public ulong StartedAt => startedAt;

    public uint AllowanceOne => one;

    public uint AllowanceTwo => two;

    public InnerContext? Context => context;

    /// <summary>Of the rules that it is played by.</summary>
    public int Version => version;

    public Dictionary<Word, ModelCommitment> Commitments { get; private set; } = [];

    public HashSet<Word> Live { get; private set; } = [];

    public Word? Dangling { get; set; }

    public uint DanglingBalance { get; set; }

    /// <summary>All that wait, under rules where more than one may; the dangling one among them.</summary>
    public List<Waiting> Queue { get; private set; } = [];

    /// <summary>How many wait.</summary>
    public int Waits => Queue.Count > 0 ? Queue.Count : Dangling is null ? 0 : 1;

    public TournamentResult Result { get; set; }

    public Word Winner { get; set; }

    /// <summary>Kept for the winner (spec 4.6.4).</summary>
    public UInt128 Pot { get; set; }

    /// <summary>A match of it has ended.</summary>
    public bool HasEnded { get; set; }

    public uint AllowanceOf(int side) => side == 2 ? AllowanceTwo : AllowanceOne;

    /// <summary>The model that may change it.</summary>
    public object? Owner { get; private set; }

    public ModelArena Copy(object owner)
    {
        var copy = (ModelArena)MemberwiseClone();
        copy.Owner = owner;
        copy.Commitments = new(Commitments.Count);
        foreach ((Word root, ModelCommitment commitment) in Commitments)
            copy.Commitments.Add(root, commitment.Copy());
        copy.Live = [.. Live];
        copy.Queue = Queue.Count == 0 ? [] : [.. Queue];
        return copy;
    }
}

/// <summary>A commitment that waits for a rival.</summary>
/// <param name="Children">Of its root; default where nobody has shown them.</param>
internal sealed record Waiting(Word Root, uint Balance, Quad Children);

/// <summary>A trace root in a tournament (spec 4.2.3).</summary>
internal sealed class ModelCommitment(Word root, Address claimer, int side)
{
    public Word Root => root;

    public Address Claimer => claimer;

    public int Side => side;

    public bool Eliminated { get; set; }

    public Quad Children { get; set; }

    /// <summary>Seconds that its clock has run until its moves, the wait before it joined among them. For the properties alone.</summary>
    public ulong RanSeconds { get; set; }

    /// <summary>Moves made for it. For the properties alone.</summary>
    public int Moves { get; set; }

    /// <summary>How often it joined. For the properties alone.</summary>
    public int Joins { get; set; } = 1;

    public ModelCommitment Copy() => (ModelCommitment)MemberwiseClone();
}

/// <summary>A match (spec 4.3).</summary>
internal sealed class ModelMatch(MatchId id, Word key, ModelArena arena)
{
    public MatchId Id => id;

    /// <summary>The hash of its id.</summary>
    public Word Key => key;

    public ModelArena Arena { get; private set; } = arena;

    public MatchPhase Phase { get; set; }

    public Bisection? Bisection { get; set; }

    public Leaf? Leaf { get; set; }

    public MatchOutcome? Outcome { get; set; }

    /// <summary>The commitment that was dangling when it was made. For the properties alone.</summary>
    public Word Waited { get; init; }

    public bool RunsOne { get; set; }

    public bool RunsTwo { get; set; }

    public UInt128 Spent => Bisection?.Spent ?? Leaf!.Spent;

    public ModelMatch Copy(ModelArena copied)
    {
        var copy = (ModelMatch)MemberwiseClone();
        copy.Arena = copied;
        return copy;
    }
}
