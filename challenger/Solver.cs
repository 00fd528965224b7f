using System.Collections.Immutable;
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
    /// <summary>A fixed order, so that the same game gives the same actions in the same order in every process.</summary>
    private static readonly Comparer<Word> ByBytes = Comparer<Word>.Create((a, b) => a.Bytes.SequenceCompareTo(b.Bytes));

    private readonly GameShape _shape;
    private readonly Address _self;
    private readonly SolverPolicy _policy;
    private readonly GameState _game;
    private readonly IOwnTraces _own;
    private readonly bool _isPaused;

    /// <summary>Dispute time (spec 4.8.2): all that the clocks are compared with.</summary>
    private readonly ulong _now;
    private readonly Dictionary<Word, Verdict> _verdicts = [];
    private readonly HashSet<Word> _lost = [];

    private Solver(GameShape shape, Address self, SolverPolicy policy, GameState game, IOwnTraces own, ulong now)
    {
        _shape = shape;
        _self = self;
        _policy = policy;
        _game = game;
        _own = own;
        _isPaused = game.IsPaused(now);
        _now = game.TimeAt(now);
        foreach (Claim claim in game.Claims.Values.OrderBy(claim => unchecked(claim.Batch + 1)))
        {
            _verdicts[claim.Id] = Judge(claim);
            if (IsLost(claim))
                _lost.Add(claim.Id);
        }
    }

    /// <summary>What to do now, most urgent first.</summary>
    /// <param name="now">Timestamp in seconds that the next block may have; never ahead of it.</param>
    public static IReadOnlyList<GameAction> Decide(
        GameShape shape,
        Address self,
        SolverPolicy policy,
        GameState game,
        IOwnTraces own,
        ulong now)
    {
        var solver = new Solver(shape, self, policy, game, own, now);
        return solver.Decide();
    }

    /// <summary>The player's opinion of every claim.</summary>
    public static IReadOnlyDictionary<Word, Verdict> JudgeAll(GameShape shape, GameState game, IOwnTraces own) =>
        new Solver(shape, Address.Zero, new SolverPolicy(null, UInt128.MaxValue), game, own, 0)._verdicts;

    private List<GameAction> Decide()
    {
        var actions = new List<GameAction>();
        if (_isPaused)
            return [.. Withdraw()];
        var duties = Duties().OrderBy(duty => duty.Arena.Id, ByBytes).ToList();
        foreach (Duty duty in duties)
            actions.AddRange(MoveInOwnMatches(duty));
        actions.AddRange(Challenge());
        foreach (Duty duty in duties)
            actions.AddRange(JoinInner(duty));
        foreach (Duty duty in duties)
            actions.AddRange(EndOverdueMatches(duty));
        foreach (Duty duty in duties)
            actions.AddRange(Settle(duty));
        actions.AddRange(Claim());
        actions.AddRange(Confirm());
        if (actions.Count == 0)
            actions.AddRange(Withdraw());
        actions.AddRange(Recover());
        return actions;
    }

    /// <summary>A claim is right when its parent is and it says what the player's own execution says (spec 5.4.1).</summary>
    private Verdict Judge(Claim claim)
    {
        if (claim.Parent.IsZero)
            return Verdict.Accepted;

        Verdict parent = _verdicts.GetValueOrDefault(claim.Parent);
        if (parent != Verdict.Accepted)
            return parent;

        // Another version has other clocks and another verifier: it is another program that plays it.
        if (claim.Version != 0)
            return Verdict.Unknown;
        if (_own.Claim(claim.Batch) is not OwnClaim mine)
            return Verdict.Unknown;

        // The tournament's id commits to the batch hash: a claim about a batch that this player has not followed is not judged.
        if (claim.Tournament != ClaimRef.TournamentOf(claim.Parent, mine.BatchHash, claim.Attempt))
            return Verdict.Unknown;
        return claim.StateRoot == mine.StateRoot && claim.TraceRoot == mine.TraceRoot ? Verdict.Accepted : Verdict.Rejected;
    }

    /// <summary>A claim is lost when it can no longer be confirmed: nothing new is staked on its children.</summary>
    private bool IsLost(Claim claim)
    {
        if (claim.Confirmed)
            return false;
        if (_lost.Contains(claim.Parent))
            return true;
        if (_game.Arenas.TryGetValue(claim.Tournament, out Arena? arena) && arena.Result != TournamentResult.Undecided)
            return arena.Result == TournamentResult.NoWinner || arena.Winner != claim.TraceRoot;
        return _game.Claims[_game.LatestConfirmed] is var last && unchecked(last.Batch + 1) >= unchecked(claim.Batch + 1);
    }

    /// <summary>
    /// The tournaments in which this player has a say: those of level 0 whose parent claim it accepts, and those inside their matches.
    /// Never a child of a claim that it rejects (spec 4.7.2): there, no root is right, and every move would defend a wrong one.
    /// </summary>
    private IEnumerable<Duty> Duties()
    {
        foreach (Word tournament in _game.ClaimsOfTournament.Keys)
        {
            Claim first = _game.FirstClaimOf(tournament);
            if (_verdicts[first.Parent] != Verdict.Accepted || _verdicts[first.Id] == Verdict.Unknown)
                continue;
            if (!_game.Arenas.TryGetValue(tournament, out Arena? arena) || arena.Result != TournamentResult.Undecided)
                continue;

            IBatchTrace? trace = _own.Batch(first.Batch);
            yield return new Duty(arena, first.Batch, trace, null, 0);
            foreach (Match match in LiveMatches(arena))
            {
                if (match.Phase != MatchPhase.Inner || !_game.Arenas.TryGetValue(match.Id, out Arena? inner))
                    continue;

                int side = trace is null ? 0 : match.One == trace.Root ? 1 : match.Two == trace.Root ? 2 : 0;
                ITrace? chunk = side == 0 ? null : _own.Chunk(first.Batch, match.Leaf!.Position);
                yield return new Duty(inner, first.Batch, chunk, match, side);
            }
        }
    }

    /// <summary>
    /// In every match of a commitment equal to its own, the player moves when it is that commitment's turn, whoever paid for it: the
    /// root is what is defended, not the bond (spec 4.7.1). An overdue side cannot move any more, so nothing is sent for it.
    /// </summary>
    private IEnumerable<GameAction> MoveInOwnMatches(Duty duty)
    {
        if (duty.Trace is not ITrace trace)
            yield break;

        foreach (Match match in LiveMatches(duty.Arena))
        {
            int side = match.One == trace.Root ? 1 : match.Two == trace.Root ? 2 : 0;
            if (side == 0)
                continue;
            if (match.Phase == MatchPhase.Bisect && Mover(duty.Arena, match.Bisection!) == side && !IsMoverOverdue(duty.Arena, match.Bisection!))
                yield return match.Bisection!.Height > 1 ? Advance(match, trace) : Seal(duty, match, trace);
            else if (match.Phase == MatchPhase.AtLeaf && !IsOverdue(match.Leaf!, side))
                yield return Prove(duty, match, trace, side == 1 ? match.Leaf!.LeafOne : match.Leaf!.LeafTwo);
        }
    }

    /// <summary>Opens the own node, and the first child where it parts from the rival's (spec 4.3.2).</summary>
    private static Advance Advance(Match match, ITrace trace)
    {
        Bisection state = match.Bisection!;
        Quad opened = trace.Children(state.Height, state.Position);
        int j = opened.FirstDifference(state.Children);
        return new Advance(match.Ref, state, opened, trace.Children(state.Height - 1, 4 * state.Position + (ulong)j));
    }

    /// <summary>Shows the four last leaves and the value that both agree on before the first that differs (spec 4.3.3).</summary>
    private Seal Seal(Duty duty, Match match, ITrace trace)
    {
        Bisection state = match.Bisection!;
        Quad leaves = trace.Children(1, state.Position);
        int j = leaves.FirstDifference(state.Children);
        ulong position = 4 * state.Position + (ulong)j;
        byte[] agreed = j > 0 || (position == 0 && duty.Outer is not null) ? []
            : position == 0 ? InitialPreimage(duty.Arena)
            : [.. trace.Leaf(position - 1).Bytes, .. trace.Prove(position - 1)];
        Quad opening = trace is IBatchTrace batch && _shape.IsChunk(position) ? batch.Opening(position - 1) : default;
        return new Seal(match.Ref, state, leaves, agreed, opening, duty.Arena.Context ?? InnerContext.None, position);
    }

    /// <summary>The preimages of a level 0 tournament's id down to the parent's state root: five words.</summary>
    private byte[] InitialPreimage(Arena arena)
    {
        Claim first = _game.FirstClaimOf(arena.Id);
        ClaimRef parent = _game.Claims[first.Parent].Ref;
        Word batchHash = _own.Claim(first.Batch)!.BatchHash;
        return
        [
            .. parent.Tournament.Bytes,
            .. parent.StateRoot.Bytes,
            .. parent.TraceRoot.Bytes,
            .. batchHash.Bytes,
            .. Word.FromUInt64(first.Attempt).Bytes,
        ];
    }

    private L1Action Prove(Duty duty, Match match, ITrace trace, Word claimed)
    {
        Quad children = trace.Children(trace.Height, 0);
        if (duty.Outer is not null)
            return new ProveStep(match.Ref, match.Leaf!, claimed, duty.Batch, duty.Outer.Leaf!.Position, children);
        Claim first = _game.FirstClaimOf(duty.Arena.Id);
        return new ProveTransition(
            match.Ref, match.Leaf!, claimed, duty.Batch, first.Parent, first.Attempt, children, StateOf(duty.Arena, trace.Root));
    }

    /// <summary>
    /// A tournament without the right root is won by a wrong one, so the player joins while the window is open, unless an equal claim is
    /// there already: then it defends that one (spec 4.7.1). A single wrong claim is not in an arena yet; challenging it opens one.
    /// </summary>
    private IEnumerable<GameAction> Challenge()
    {
        foreach (Claim first in FirstClaims())
        {
            if (_verdicts[first.Parent] != Verdict.Accepted || _lost.Contains(first.Parent) || first.Confirmed || first.Unbacked)
                continue;

            // A claim that lost its stake is as good as not there (spec 4.7.3).
            if (_game.Rivals(first.Tournament).Any(claim => !claim.Unbacked && _verdicts[claim.Id] != Verdict.Rejected))
                continue;
            if (_game.Arenas.TryGetValue(first.Tournament, out Arena? arena) && arena.Result != TournamentResult.Undecided)
                continue;
            if (_now >= first.PostedAt + _game.Parameters.Allowance)
                continue;
            if (_own.Claim(first.Batch) is not OwnClaim mine || _own.Batch(first.Batch) is not IBatchTrace trace)
                continue;

            yield return new PostChallenge(
                _game.Claims[first.Parent].Ref,
                first.Attempt,
                first.Ref,
                mine.StateRoot,
                mine.TraceRoot,
                trace.Children(trace.Height, 0),
                trace.Prove(_shape.BatchLeaves - 1),
                _game.BondBatch);
        }
    }

    /// <summary>
    /// A batch gets a claim from this player when its tournament ended without a winner, so that the rollup never freezes (spec 4.5.2),
    /// when the first claim lost its stake (spec 4.7.3), and, if the policy says so, when nobody claims it at all. It stands behind the
    /// player's stake if that is enough and free.
    /// </summary>
    private IEnumerable<GameAction> Claim()
    {
        // Of other rules than its own it knows neither the bond nor the window.
        if (_game.RulesInForce != 0)
            yield break;
        foreach (Claim parent in _game.Claims.Values.Where(claim => !_lost.Contains(claim.Id)).OrderBy(claim => claim.Id, ByBytes))
        {
            if (_verdicts[parent.Id] != Verdict.Accepted)
                continue;
            if (_own.Claim(unchecked(parent.Batch + 1)) is not OwnClaim mine)
                continue;

            ulong attempt = 0;
            if (_game.AttemptsOfParent.TryGetValue(parent.Id, out ImmutableSortedDictionary<ulong, Word>? attempts))
            {
                (ulong last, Word tournament) = attempts.Last();
                attempt = last;
                if (_game.Arenas.TryGetValue(tournament, out Arena? arena) && arena.Result == TournamentResult.NoWinner)
                    attempt = last + 1;
                else if (!_game.FirstClaimOf(tournament).Unbacked)
                    continue;
            }
            else if (_policy.ClaimAfterSeconds is not ulong patience || _now < mine.AppendedAt + patience)
            {
                continue;
            }

            if (_own.Batch(mine.Batch) is not IBatchTrace trace)
                continue;
            yield return new PostClaim(
                parent.Ref,
                attempt,
                mine.StateRoot,
                mine.TraceRoot,
                trace.Prove(_shape.BatchLeaves - 1),
                ClaimRef.TournamentOf(parent.Id, mine.BatchHash, attempt),
                _game.Stakes.Cover(_self, parent.Id, _game.BondBatch, IsClosed) ? 0 : _game.BondBatch);
        }
    }

    private bool IsClosed(Word claim) => _now >= _game.Claims[claim].PostedAt + _game.Parameters.Allowance;

    /// <summary>
    /// The player joins the inner tournament of every match of its own root. Not of a match between two wrong roots, though one of their
    /// leaves may be right: there the class has the balance that a liar left it (spec 4.2.4), which can be too little for any move, and the
    /// bond would be lost. Building the trace is asked for here, and joining follows once it is there.
    /// </summary>
    private IEnumerable<GameAction> JoinInner(Duty duty)
    {
        if (duty.Outer is not Match outer || duty.Side == 0)
            yield break;

        ulong position = outer.Leaf!.Position;
        if (duty.Trace is not ITrace trace)
        {
            yield return new PrepareChunk(outer.Id, duty.Batch, position);
            yield break;
        }

        if (duty.Arena.Commitments.ContainsKey(trace.Root))
            yield break;
        if (_now >= duty.Arena.StartedAt + duty.Arena.AllowanceOf(duty.Side))
            yield break;

        yield return new JoinInner(
            duty.Arena.Id,
            duty.Arena.Context!,
            duty.Side,
            trace.Root,
            trace.Leaf(_shape.ChunkLeaves - 1),
            trace.Children(trace.Height, 0),
            trace.Prove(_shape.ChunkLeaves - 1),
            _game.BondChunk);
    }

    /// <summary>
    /// Whoever is overdue is out, and someone must say so, or the tournament never ends. It is said for every match, also between two
    /// wrong roots; own ones come first by the order of the rules. A decided result never expires, so there is no hurry beyond that.
    /// </summary>
    private IEnumerable<GameAction> EndOverdueMatches(Duty duty)
    {
        foreach (Match match in LiveMatches(duty.Arena))
        {
            switch (match.Phase)
            {
                case MatchPhase.Bisect when IsMoverOverdue(duty.Arena, match.Bisection!):
                    Word winner = Mover(duty.Arena, match.Bisection!) == 1 ? match.Two : match.One;
                    if (ChildrenOf(duty, winner) is Quad children)
                        yield return new Timeout(match.Ref, match.Bisection!, children, StateOf(duty.Arena, winner));
                    break;
                case MatchPhase.AtLeaf when IsOverdue(match.Leaf!, 1) && IsOverdue(match.Leaf!, 2):
                    yield return new Eliminate(match.Ref, match.Leaf!);
                    break;
                case MatchPhase.Inner when InnerOutcome(match) is MatchOutcome outcome:
                    Word outer = outcome == MatchOutcome.One ? match.One : match.Two;
                    if (outcome == MatchOutcome.BothOut)
                        yield return new ResolveInner(match.Ref, match.Leaf!, default, Word.Zero);
                    else if (ChildrenOf(duty, outer) is Quad winnerChildren)
                        yield return new ResolveInner(match.Ref, match.Leaf!, winnerChildren, StateOf(duty.Arena, outer));
                    break;
            }
        }
    }

    /// <summary>
    /// The inner tournament is decided when no match is live in it and nobody can join the side that is not there (spec 4.3.7).
    /// </summary>
    private MatchOutcome? InnerOutcome(Match outer)
    {
        if (!_game.Arenas.TryGetValue(outer.Id, out Arena? inner) || inner.LiveMatches.Count > 0)
            return null;

        Commitment? dangling = _game.Dangling(inner);
        bool closedOne = _now >= inner.StartedAt + inner.AllowanceOne;
        bool closedTwo = _now >= inner.StartedAt + inner.AllowanceTwo;
        return dangling?.Side switch
        {
            1 when closedTwo => MatchOutcome.One,
            2 when closedOne => MatchOutcome.Two,
            null when closedOne && closedTwo => MatchOutcome.BothOut,
            _ => null,
        };
    }

    /// <summary>A level 0 tournament ends when its window has passed and no match is live (spec 4.5.1). Bonds come back by it.</summary>
    private IEnumerable<GameAction> Settle(Duty duty)
    {
        if (duty.Arena.Level == 0 && duty.Arena.LiveMatches.Count == 0 && _now >= duty.Arena.StartedAt + _game.Parameters.Allowance)
            yield return new Settle(duty.Arena.Id, _game.Dangling(duty.Arena) is { } winner ? StateOf(duty.Arena, winner.Root) : Word.Zero);
    }

    /// <summary>
    /// Confirms what it accepts, one claim after the other (spec 5.4.4). A wrong claim that could be confirmed is not helped along.
    /// </summary>
    private IEnumerable<GameAction> Confirm()
    {
        foreach (Claim claim in FirstClaims().SelectMany(first => _game.Rivals(first.Tournament)))
        {
            if (claim.Confirmed || claim.Parent != _game.LatestConfirmed || _verdicts[claim.Id] != Verdict.Accepted)
                continue;

            bool won = _game.Arenas.TryGetValue(claim.Tournament, out Arena? arena)
                ? arena.Result == TournamentResult.Winner && arena.Winner == claim.TraceRoot
                : !claim.Unbacked && _now >= claim.PostedAt + _game.Parameters.Allowance;
            if (won)
                yield return new Confirm(claim.Ref, claim.Attempt);
        }
    }

    /// <summary>
    /// The bond of an own claim that nobody rivalled, under a parent that lost, comes back once its window has passed and another claim is
    /// confirmed in the parent's place (spec 5.4.5). No event says that it came back, so this is decided for ever and the journal knows that it was done.
    /// </summary>
    private IEnumerable<GameAction> Recover()
    {
        foreach (Claim claim in FirstClaims())
        {
            if (claim.Claimer != _self || claim.Confirmed || claim.Backing != ClaimBacking.Bond || _game.Arenas.ContainsKey(claim.Tournament))
                continue;

            Claim parent = _game.Claims[claim.Parent];
            bool replaced = !parent.Confirmed && _game.Claims.Values.Any(other => other.Confirmed && other.Batch == parent.Batch);
            if (replaced && _now >= claim.PostedAt + _game.Parameters.Allowance)
                yield return new Recover(claim.Ref, parent.Ref, claim.Attempt);
        }
    }

    /// <summary>Fetches credits worth their gas, when nothing else is to be done.</summary>
    private IEnumerable<GameAction> Withdraw()
    {
        foreach (CreditHolder holder in Enum.GetValues<CreditHolder>())
        {
            UInt128 credit = _game.CreditOf(holder, _self);
            if (credit >= _policy.MinimumWithdrawal && credit > 0)
                yield return new Withdraw(holder, _self, credit);
        }
    }

    /// <summary>
    /// The children of a winner's root, which pairing it again needs: its own, or those that L1 has been shown, or none when nobody waits
    /// for a rival. Null when they are needed and only others know them.
    /// </summary>
    private Quad? ChildrenOf(Duty duty, Word root)
    {
        if (duty.Trace is ITrace trace && trace.Root == root)
            return trace.Children(trace.Height, 0);
        Quad shown = duty.Arena.Commitments[root].Children;
        if (shown != default)
            return shown;
        return _game.Dangling(duty.Arena) is null ? default(Quad) : null;
    }

    /// <summary>The state root of the claim with that trace root; at level 1, where nobody asks for it, zero (spec 4.10.9).</summary>
    private Word StateOf(Arena arena, Word root) =>
        arena.Level == 1 ? Word.Zero : _game.Rivals(arena.Id).Single(claim => claim.TraceRoot == root).StateRoot;

    /// <summary>One moves first; then they alternate (spec 4.3.1).</summary>
    private int Mover(Arena arena, Bisection state) => (_shape.HeightOf(arena.Level) - state.Height) % 2 == 0 ? 1 : 2;

    private bool IsMoverOverdue(Arena arena, Bisection state) =>
        _now >= state.Since + (Mover(arena, state) == 1 ? state.BalanceOne : state.BalanceTwo);

    private bool IsOverdue(Leaf state, int side) => _now >= state.Since + (side == 1 ? state.BalanceOne : state.BalanceTwo);

    private IEnumerable<Match> LiveMatches(Arena arena) =>
        arena.LiveMatches.Select(id => _game.Matches[id]).OrderBy(match => match.Id, ByBytes);

    private IEnumerable<Claim> FirstClaims() =>
        _game.FirstClaims.Values.Select(id => _game.Claims[id]).OrderBy(claim => claim.Id, ByBytes);

    /// <summary>A tournament that matters to this player.</summary>
    /// <param name="Trace">Its own trace there; null when it has none, or not yet.</param>
    /// <param name="Outer">The match that an inner tournament decides.</param>
    /// <param name="Side">The side of the outer match that is the own root, or 0.</param>
    private sealed record Duty(Arena Arena, ulong Batch, ITrace? Trace, Match? Outer, int Side);
}
