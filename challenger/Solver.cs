using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger;

/// <summary>What the player thinks of a claim.</summary>
public enum Verdict
{
    /// <summary>Its batch, or one before it, has not been re-executed yet, or it is about another batch than the one followed.</summary>
    Unknown,
    Accepted,
    Rejected,
}

/// <summary>What a player decides for itself.</summary>
/// <param name="ClaimAfterSeconds">
/// Post the first claim of a batch when nobody has done so this long after it was appended; null leaves it to the sequencers.
/// </param>
/// <param name="MinimumWithdrawal">Credits below this many wei are left where they are: fetching them costs gas.</param>
public sealed record SolverPolicy(ulong? ClaimAfterSeconds, UInt128 MinimumWithdrawal);

/// <summary>
/// Decides what to do: a pure function of the game, the player's own traces and the time (spec 4.7). It knows nothing of what it did
/// before; whatever L1 shows as done is done, whoever did it, so a restart, a reorg and a front-run change nothing.
/// </summary>
public sealed class Solver
{
    private readonly GameShape _shape;
    private readonly Address _self;
    private readonly SolverPolicy _policy;
    private readonly GameIndex _index;
    private readonly GameState _game;
    private readonly IOwnTraces _own;

    /// <summary>By version of the rules.</summary>
    private readonly Terms[] _terms;

    /// <summary>By the claims' slots in the index.</summary>
    private readonly Verdict[] _verdicts;
    private readonly List<GameAction> _actions = [];

    private Solver(GameShape shape, Address self, SolverPolicy policy, GameIndex index, IOwnTraces own, NextBlockTime now)
    {
        _shape = shape;
        _self = self;
        _policy = policy;
        _index = index;
        _game = index.Game;
        _own = own;
        _terms = new Terms[_game.Rules.Length];
        for (int version = 0; version < _terms.Length; version++)
        {
            if (_game.Rules[version] is Rules rules)
                _terms[version] = new Terms(rules, rules.TimeAt(now.Earliest), rules.TimeAt(now.Latest), rules.IsPaused(now.Latest));
        }

        _verdicts = new Verdict[index.Claims.Length];
        foreach (IndexedClaim claim in index.Claims)
            _verdicts[claim.Slot] = Judge(claim);
    }

    /// <summary>
    /// What to do now, most urgent first: that for which a clock of the own side runs, by the seconds that are left. If all of it can be done
    /// in time in some order, it can in this one. Then what can be done at any time after, though it ends disputes: it was decided by then.
    /// </summary>
    public static IReadOnlyList<GameAction> Decide(
        GameShape shape,
        Address self,
        SolverPolicy policy,
        GameState game,
        IOwnTraces own,
        NextBlockTime now) => Decide(shape, self, policy, new GameIndex(game), own, now);

    /// <summary>As the other, in a game that is looked at for several players.</summary>
    public static IReadOnlyList<GameAction> Decide(
        GameShape shape,
        Address self,
        SolverPolicy policy,
        GameIndex index,
        IOwnTraces own,
        NextBlockTime now)
    {
        var solver = new Solver(shape, self, policy, index, own, now);
        solver.Decide();

        // Stable: among those that are never too late, and within one second, the order of the rules.
        return [.. solver._actions.OrderBy(static action => action.SecondsLeft)];
    }

    /// <summary>The player's opinion of every claim.</summary>
    public static IReadOnlyDictionary<Word, Verdict> JudgeAll(GameShape shape, GameIndex index, IOwnTraces own)
    {
        var solver = new Solver(shape, Address.Zero, new SolverPolicy(null, UInt128.MaxValue), index, own, 0);
        return index.Claims.ToDictionary(claim => claim.Claim.Id, solver.VerdictOf);
    }

    private Verdict VerdictOf(IndexedClaim claim) => _verdicts[claim.Slot];

    private void Decide()
    {
        List<Duty> duties = Duties();
        bool isDisputed = duties.Count > 0;
        duties.RemoveAll(duty => !duty.Terms.CanPlay);
        foreach (Duty duty in duties)
            MoveInOwnMatches(duty);
        Challenge();
        foreach (Duty duty in duties)
            JoinInner(duty);
        foreach (Duty duty in duties)
            EndOverdueMatches(duty);
        foreach (Duty duty in duties)
            Settle(duty);
        Claim();
        Confirm();
        Withdraw(isDisputed || _actions.Count > 0);
        Recover();
    }

    /// <summary>A claim is right when its parent is and it says what the player's own execution says (spec 5.4.1).</summary>
    private Verdict Judge(IndexedClaim indexed)
    {
        if (indexed.Parent is not IndexedClaim above)
            return Verdict.Accepted;

        Verdict parent = VerdictOf(above);
        if (parent != Verdict.Accepted)
            return parent;

        // What is true is the same under all rules.
        Claim claim = indexed.Claim;
        if (_own.Claim(claim.Batch) is not OwnClaim mine)
            return Verdict.Unknown;

        // The tournament's id commits to the batch hash: a claim about a batch that this player has not followed is not judged.
        if (!indexed.Tournament!.IsOf(mine.BatchHash))
            return Verdict.Unknown;
        return claim.StateRoot == mine.StateRoot && claim.TraceRoot == mine.TraceRoot ? Verdict.Accepted : Verdict.Rejected;
    }

    /// <summary>
    /// The tournaments in which this player has a say: those of level 0 whose parent claim it accepts, and those inside their matches.
    /// Never a child of a claim that it rejects (spec 4.7.2): there, no root is right, and every move would defend a wrong one.
    /// </summary>
    private List<Duty> Duties()
    {
        var duties = new List<Duty>(_index.OpenArenas.Count);
        foreach (IndexedArena open in _index.OpenArenas)
        {
            IndexedClaim first = open.Tournament.First;
            if (VerdictOf(first.Parent!) != Verdict.Accepted || VerdictOf(first) == Verdict.Unknown)
                continue;

            ulong batch = first.Claim.Batch;
            IBatchTrace? trace = _own.Batch(batch);
            if (open.Outer is not Match outer)
            {
                duties.Add(new Duty(TermsOf(first.Claim), open, batch, trace, 0));
                continue;
            }

            int side = trace is null ? 0 : outer.One == trace.Root ? 1 : outer.Two == trace.Root ? 2 : 0;
            duties.Add(new Duty(TermsOf(first.Claim), open, batch, side == 0 ? null : _own.Chunk(batch, outer.Leaf!.Position), side));
        }

        return duties;
    }

    /// <summary>The rules that a claim is pinned to.</summary>
    private Terms TermsOf(Claim claim) => claim.Version < _terms.Length ? _terms[claim.Version] : default;

    /// <summary>
    /// In every match of a commitment equal to its own, the player moves when it is that commitment's turn, whoever paid for it: the
    /// root is what is defended, not the bond (spec 4.7.1). An overdue side cannot move any more, so nothing is sent for it.
    /// </summary>
    private void MoveInOwnMatches(in Duty duty)
    {
        if (duty.Trace is not ITrace trace)
            return;

        foreach (Match match in duty.Live)
        {
            int side = match.One == trace.Root ? 1 : match.Two == trace.Root ? 2 : 0;
            if (side == 0)
                continue;
            if (match is { Phase: MatchPhase.Bisect, Bisection: Bisection state } && Mover(duty.Arena, state) == side && !IsMoverOverdue(duty, match))
                Play(duty, state.Height > 1 ? Advance(match, trace) : Seal(duty, match, trace), DeadlineOf(state, side));
            else if (match is { Phase: MatchPhase.AtLeaf, Leaf: Leaf leaf } && !IsOverdue(duty, match, side))
                Play(duty, Prove(duty, match, trace, side == 1 ? leaf.LeafOne : leaf.LeafTwo), DeadlineOf(leaf, side));
        }
    }

    /// <summary>Under the rules of the tournament.</summary>
    /// <param name="deadline">Dispute time at which it is too late.</param>
    private void Play(in Duty duty, L1Action action, ulong deadline = ulong.MaxValue) =>
        _actions.Add(duty.Terms.Tournaments.IsZero && deadline == ulong.MaxValue
            ? action
            : action with { Tournaments = duty.Terms.Tournaments, SecondsLeft = duty.Terms.SecondsUntil(deadline) });

    /// <summary>Opens the own node, and the first child where it parts from the rival's (spec 4.3.2).</summary>
    private static Advance Advance(Match match, ITrace trace)
    {
        Bisection state = match.Bisection!;
        Quad opened = trace.Children(state.Height, state.Position);
        int j = opened.FirstDifference(state.Children);
        return new Advance(match.Ref, state, opened, trace.Children(state.Height - 1, 4 * state.Position + (ulong)j));
    }

    /// <summary>Shows the four last leaves and the value that both agree on before the first that differs (spec 4.3.3).</summary>
    private Seal Seal(in Duty duty, Match match, ITrace trace)
    {
        Bisection state = match.Bisection!;
        Quad leaves = trace.Children(1, state.Position);
        int j = leaves.FirstDifference(state.Children);
        ulong position = 4 * state.Position + (ulong)j;
        byte[] agreed = j > 0 || (position == 0 && duty.Outer is not null) ? []
            : position == 0 ? InitialPreimage(duty)
            : [.. trace.Leaf(position - 1).Bytes, .. trace.Prove(position - 1)];
        Quad opening = trace is IBatchTrace batch && _shape.IsChunk(position) ? batch.Opening(position - 1) : default;
        return new Seal(match.Ref, state, leaves, agreed, opening, duty.Arena.Context ?? InnerContext.None, position);
    }

    /// <summary>The preimages of a level 0 tournament's id down to the parent's state root: five words.</summary>
    private byte[] InitialPreimage(in Duty duty)
    {
        IndexedClaim first = duty.First;
        ClaimRef parent = first.Parent!.Claim.Ref;
        Word batchHash = _own.Claim(first.Claim.Batch)!.BatchHash;
        return
        [
            .. parent.Tournament.Bytes,
            .. parent.StateRoot.Bytes,
            .. parent.TraceRoot.Bytes,
            .. batchHash.Bytes,
            .. Word.FromUInt64(first.Claim.Attempt).Bytes,
        ];
    }

    private static L1Action Prove(in Duty duty, Match match, ITrace trace, Word claimed)
    {
        Quad children = trace.Children(trace.Height, 0);
        if (duty.Outer is not null)
            return new ProveStep(match.Ref, match.Leaf!, claimed, duty.Batch, duty.Outer.Leaf!.Position, children);
        Claim first = duty.First.Claim;
        return new ProveTransition(
            match.Ref, match.Leaf!, claimed, duty.Batch, first.Parent, first.Attempt, children, StateOf(duty, trace.Root));
    }

    /// <summary>
    /// A tournament without the right root is won by a wrong one, so the player joins while the window is open, unless an equal claim is
    /// there already: then it defends that one (spec 4.7.1). A single wrong claim is not in an arena yet; challenging it opens one.
    /// </summary>
    private void Challenge()
    {
        foreach (IndexedTournament tournament in _index.Tournaments)
        {
            IndexedClaim parent = tournament.First.Parent!;
            Claim first = tournament.First.Claim;
            if (VerdictOf(parent) != Verdict.Accepted || parent.IsLost || first.Confirmed || first.Unbacked)
                continue;

            // A claim that lost its stake is as good as not there (spec 4.7.3).
            if (tournament.Rivals.Exists(claim => !claim.Claim.Unbacked && VerdictOf(claim) != Verdict.Rejected))
                continue;
            if (tournament.Arena is Arena arena && arena.Result != TournamentResult.Undecided)
                continue;
            Terms terms = TermsOf(first);
            if (!terms.CanPlay || terms.IsCertainlyOver(first.PostedAt))
                continue;
            if (_own.Claim(first.Batch) is not OwnClaim mine || _own.Batch(first.Batch) is not IBatchTrace trace)
                continue;

            _actions.Add(new PostChallenge(
                parent.Claim.Ref,
                mine.BatchHash,
                first.Attempt,
                first.Ref,
                mine.StateRoot,
                mine.TraceRoot,
                trace.Children(trace.Height, 0),
                trace.Prove(_shape.BatchLeaves - 1),
                terms.Rules!.BondBatch)
            {
                SecondsLeft = terms.SecondsUntil(first.PostedAt + terms.Rules.Parameters.Allowance),
            });
        }
    }

    /// <summary>
    /// A batch gets a claim from this player when its tournament ended without a winner, so that the rollup never freezes (spec 4.5.2),
    /// when the first claim lost its stake (spec 4.7.3), and, if the policy says so, when nobody claims it at all. It stands behind the
    /// player's stake if that is enough and free.
    /// </summary>
    private void Claim()
    {
        // Of rules that it does not know it knows neither the bond nor the window.
        Terms terms = _terms[^1];
        if (!terms.CanPlay)
            return;
        UInt128 bond = terms.Rules!.BondBatch;
        foreach (IndexedClaim parent in _index.Claims)
        {
            if (parent.IsLost || VerdictOf(parent) != Verdict.Accepted)
                continue;
            if (_own.Claim(unchecked(parent.Claim.Batch + 1)) is not OwnClaim mine)
                continue;

            ulong attempt = 0;
            if (parent.LastTournament is IndexedTournament last)
            {
                attempt = parent.LastAttempt;
                if (last.Arena is { Result: TournamentResult.NoWinner })
                    attempt++;
                else if (!last.First.Claim.Unbacked)
                    continue;
            }
            else if (_policy.ClaimAfterSeconds is not ulong patience || terms.Latest < mine.AppendedAt + patience)
            {
                continue;
            }

            if (_own.Batch(mine.Batch) is not IBatchTrace trace)
                continue;
            _actions.Add(new PostClaim(
                parent.Claim.Ref,
                attempt,
                mine.StateRoot,
                mine.TraceRoot,
                trace.Prove(_shape.BatchLeaves - 1),
                ClaimRef.TournamentOf(parent.Claim.Id, mine.BatchHash, attempt),
                _game.Stakes.Cover(_self, parent.Claim.Id, parent.Claim.Version == _terms.Length - 1, bond, IsClosed) ? 0 : bond)
            {
                Batch = mine.Batch,
            });
        }
    }

    private bool IsClosed(Word claim) => TermsOf(_game.Claims[claim]).IsCertainlyOver(_game.Claims[claim].PostedAt);

    /// <summary>
    /// The player joins the inner tournament of every match of its own root. Not of a match between two wrong roots, though one of their
    /// leaves may be right: there the class has the balance that a liar left it (spec 4.2.4), which can be too little for any move, and the
    /// bond would be lost. Building the trace is asked for here, and joining follows once it is there.
    /// </summary>
    private void JoinInner(in Duty duty)
    {
        if (duty.Outer is not Match outer || duty.Side == 0)
            return;

        Arena arena = duty.Arena;
        ulong position = outer.Leaf!.Position, deadline = arena.StartedAt + arena.AllowanceOf(duty.Side);
        if (duty.Trace is not ITrace trace)
        {
            // When all have joined, its moves are wanted: it is late already.
            _actions.Add(new PrepareChunk(outer.Id, duty.Batch, position) { SecondsLeft = duty.Terms.SecondsUntil(deadline) });
            return;
        }

        if (arena.Commitments.ContainsKey(trace.Root))
            return;
        if (duty.Terms.Earliest >= deadline)
            return;

        Play(duty, new JoinInner(
            arena.Id,
            arena.Context!,
            duty.Side,
            trace.Root,
            trace.Leaf(_shape.ChunkLeaves - 1),
            trace.Children(trace.Height, 0),
            trace.Prove(_shape.ChunkLeaves - 1),
            duty.Terms.Rules!.BondChunk), deadline);
    }

    /// <summary>
    /// Whoever is overdue is out, and someone must say so, or the tournament never ends. It is said for every match, also between two
    /// wrong roots; own ones come first by the order of the rules. A decided result never expires, so there is no hurry beyond that.
    /// </summary>
    private void EndOverdueMatches(in Duty duty)
    {
        for (int i = 0; i < duty.Live.Length; i++)
        {
            Match match = duty.Live[i];
            switch (match.Phase)
            {
                case MatchPhase.Bisect when IsMoverOverdue(duty, match):
                    Word winner = Mover(duty.Arena, match.Bisection!) == 1 ? match.Two : match.One;
                    if (ChildrenOf(duty, winner) is Quad children)
                        Play(duty, new Timeout(match.Ref, match.Bisection!, children, StateOf(duty, winner)));
                    break;
                case MatchPhase.AtLeaf when IsOverdue(duty, match, 1) && IsOverdue(duty, match, 2):
                    Play(duty, new Eliminate(match.Ref, match.Leaf!));
                    break;
                case MatchPhase.Inner when InnerOutcome(duty, match, duty.Open.Inner[i]) is MatchOutcome outcome:
                    Word outer = outcome == MatchOutcome.One ? match.One : match.Two;
                    if (outcome == MatchOutcome.BothOut)
                        Play(duty, new ResolveInner(match.Ref, match.Leaf!, default, Word.Zero));
                    else if (ChildrenOf(duty, outer) is Quad winnerChildren)
                        Play(duty, new ResolveInner(match.Ref, match.Leaf!, winnerChildren, StateOf(duty, outer)));
                    break;
            }
        }
    }

    /// <summary>
    /// The inner tournament is decided when no match is live in it and nobody can join the side that is not there (spec 4.3.7).
    /// </summary>
    private static MatchOutcome? InnerOutcome(in Duty duty, Match outer, IndexedArena? inner)
    {
        if (inner is null || inner.Live.Length > 0)
            return null;

        bool closedOne = TimeOf(duty, outer, 1) >= inner.Arena.StartedAt + inner.Arena.AllowanceOne;
        bool closedTwo = TimeOf(duty, outer, 2) >= inner.Arena.StartedAt + inner.Arena.AllowanceTwo;
        return inner.Dangling?.Side switch
        {
            1 when closedTwo => MatchOutcome.One,
            2 when closedOne => MatchOutcome.Two,
            null when closedOne && closedTwo => MatchOutcome.BothOut,
            _ => null,
        };
    }

    /// <summary>A level 0 tournament ends when its window has passed and no match is live (spec 4.5.1). Bonds come back by it.</summary>
    private void Settle(in Duty duty)
    {
        if (duty.Outer is null && duty.Live.Length == 0 && duty.Terms.IsWindowOver(duty.Arena.StartedAt))
            Play(duty, new Settle(duty.Arena.Id, duty.Dangling is Commitment winner ? StateOf(duty, winner.Root) : Word.Zero));
    }

    /// <summary>
    /// Confirms what it accepts, one claim after the other (spec 5.4.4). A wrong claim that could be confirmed is not helped along. Nobody is paid
    /// for it, so a claim that had no rival is left to its claimer for a while (4.7.5).
    /// </summary>
    private void Confirm()
    {
        foreach (IndexedTournament tournament in _index.Tournaments)
        {
            if (tournament.First.Claim.Parent != _game.LatestConfirmed)
                continue;
            foreach (IndexedClaim rival in tournament.Rivals)
            {
                Claim claim = rival.Claim;
                Terms terms = TermsOf(claim);
                if (claim.Confirmed || VerdictOf(rival) != Verdict.Accepted || !terms.CanPlay)
                    continue;

                bool won = tournament.Arena is Arena arena
                    ? arena.Result == TournamentResult.Winner && arena.Winner == claim.TraceRoot
                    : !claim.Unbacked && terms.IsWindowOver(claim.PostedAt + (claim.Claimer == _self ? 0 : terms.Grace));
                if (won)
                    _actions.Add(new Confirm(claim.Ref, claim.Attempt));
            }
        }
    }

    /// <summary>
    /// The bond of an own claim that nobody rivalled, under a parent that lost, comes back once its window has passed and another claim is
    /// confirmed in the parent's place (spec 5.4.5). No event says that it came back, so this is decided for ever and the journal knows that it was done.
    /// </summary>
    private void Recover()
    {
        foreach (IndexedTournament tournament in _index.Tournaments)
        {
            Claim claim = tournament.First.Claim;
            if (claim.Claimer != _self || claim.Confirmed || claim.Backing != ClaimBacking.Bond || tournament.Arena is not null)
                continue;

            Claim parent = tournament.First.Parent!.Claim;
            bool replaced = !parent.Confirmed && Array.Exists(_index.Claims, other => other.Claim.Confirmed && other.Claim.Batch == parent.Batch);
            if (replaced && TermsOf(claim) is { CanPlay: true } terms && terms.IsWindowOver(claim.PostedAt))
                _actions.Add(new Recover(claim.Ref, parent.Ref, claim.Attempt));
        }
    }

    /// <summary>
    /// Fetches credits worth their gas. While there is a dispute, or anything else to do, only such as pay for a bond: each move is credited,
    /// and fetching that costs half of it (spec 4.6.7). Those are not left for later: what is to be done may be waiting for them.
    /// </summary>
    private void Withdraw(bool isBusy)
    {
        UInt128 least = 1;
        foreach (Terms terms in _terms)
        {
            if (isBusy && terms.Rules is Rules rules)
                least = UInt128.Max(least, UInt128.Min(rules.BondBatch, rules.BondChunk));
        }

        least = UInt128.Max(least, _policy.MinimumWithdrawal);
        UInt128 credit = _game.CreditOf(CreditHolder.Rollup, _self);
        if (credit >= least)
            _actions.Add(new Withdraw(CreditHolder.Rollup, _self, credit));
        for (int version = 0; version < _terms.Length; version++)
        {
            credit = _game.CreditOf(CreditHolder.Of(version), _self);
            if (credit >= least)
                _actions.Add(new Withdraw(CreditHolder.Of(version), _self, credit) { Tournaments = _terms[version].Tournaments });
        }
    }

    /// <summary>
    /// The children of a winner's root, which pairing it again needs: its own, or those that L1 has been shown, or none when nobody waits
    /// for a rival. Null when they are needed and only others know them.
    /// </summary>
    private static Quad? ChildrenOf(in Duty duty, Word root)
    {
        if (duty.Trace is ITrace trace && trace.Root == root)
            return trace.Children(trace.Height, 0);
        Quad shown = duty.Arena.Commitments[root].Children;
        if (shown != default)
            return shown;
        return duty.Dangling is null ? default(Quad) : null;
    }

    /// <summary>The state root of the claim with that trace root; at level 1, where nobody asks for it, zero (spec 4.10.9).</summary>
    private static Word StateOf(in Duty duty, Word root)
    {
        if (duty.Outer is not null)
            return Word.Zero;
        foreach (IndexedClaim claim in duty.Rivals)
        {
            if (claim.Claim.TraceRoot == root)
                return claim.Claim.StateRoot;
        }

        throw new GameEventException($"Tournament {duty.Arena.Id} has a commitment {root} without a claim.");
    }

    /// <summary>One moves first; then they alternate (spec 4.3.1).</summary>
    private int Mover(Arena arena, Bisection state) => (_shape.HeightOf(arena.Level) - state.Height) % 2 == 0 ? 1 : 2;

    private bool IsMoverOverdue(in Duty duty, Match match)
    {
        int mover = Mover(duty.Arena, match.Bisection!);
        return TimeOf(duty, match, mover) >= DeadlineOf(match.Bisection!, mover);
    }

    private static bool IsOverdue(in Duty duty, Match match, int side) => TimeOf(duty, match, side) >= DeadlineOf(match.Leaf!, side);

    private static ulong DeadlineOf(Bisection state, int side) => state.Since + (side == 1 ? state.BalanceOne : state.BalanceTwo);

    private static ulong DeadlineOf(Leaf state, int side) => state.Since + (side == 1 ? state.BalanceOne : state.BalanceTwo);

    /// <summary>
    /// The time by which a side of a match is judged. A node that lies about it can make the player neither give its own side up nor call it
    /// overdue, and not wait for ever with a rival's.
    /// </summary>
    private static ulong TimeOf(in Duty duty, Match match, int side) =>
        duty.Trace is ITrace trace && (side == 1 ? match.One : match.Two) == trace.Root ? duty.Terms.Earliest : duty.Terms.Latest;

    /// <summary>A version of the rules at the time of the decision.</summary>
    /// <param name="Rules">Null when they are not known here: then nothing is played under them.</param>
    /// <param name="Earliest">In dispute time (spec 4.8.2), which all clocks are compared with: see <see cref="NextBlockTime"/>.</param>
    /// <param name="Latest">As above.</param>
    private readonly record struct Terms(Rules? Rules, ulong Earliest, ulong Latest, bool IsPaused)
    {
        public bool CanPlay => Rules is not null && !IsPaused;

        public Address Tournaments => Rules?.Tournament ?? default;

        public ulong Grace => Rules?.Parameters.GraceSeconds ?? 0;

        /// <summary>At least so many, whatever the next block's time is.</summary>
        public ulong SecondsUntil(ulong deadline) => deadline == ulong.MaxValue ? deadline : deadline - Math.Min(deadline, Earliest);

        /// <summary>Whether it may be that nobody can join any more what began then.</summary>
        public bool IsWindowOver(ulong start) => Rules is not null && Latest >= start + Rules.Parameters.Allowance;

        /// <summary>Whether it is so whatever the next block's time is.</summary>
        public bool IsCertainlyOver(ulong start) => Rules is not null && Earliest >= start + Rules.Parameters.Allowance;
    }

    /// <summary>A tournament that matters to this player.</summary>
    /// <param name="Trace">Its own trace there; null when it has none, or not yet.</param>
    /// <param name="Side">The side of the outer match that is the own root, or 0.</param>
    private readonly record struct Duty(Terms Terms, IndexedArena Open, ulong Batch, ITrace? Trace, int Side)
    {
        public Arena Arena => Open.Arena;

        public Match[] Live => Open.Live;

        /// <summary>The match that an inner tournament decides.</summary>
        public Match? Outer => Open.Outer;

        public Commitment? Dangling => Open.Dangling;

        /// <summary>The first claim of its level 0 tournament.</summary>
        public IndexedClaim First => Open.Tournament.First;

        public List<IndexedClaim> Rivals => Open.Tournament.Rivals;
    }
}
