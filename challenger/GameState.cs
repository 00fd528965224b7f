using System.Collections.Immutable;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger;

/// <summary>Heights of the trees of the game (spec 2.8). Tests play with small ones.</summary>
/// <param name="BatchHeight">Of a level 0 trace.</param>
/// <param name="SpanHeight">Of the span of one task in it: 4^SpanHeight leaves.</param>
/// <param name="ChunkHeight">Of a level 1 trace.</param>
public sealed record GameShape(int BatchHeight, int SpanHeight, int ChunkHeight)
{
    public static GameShape Standard { get; } = new(12, 6, 14);

    public ulong Span => 1UL << (2 * SpanHeight);

    public ulong BatchLeaves => 1UL << (2 * BatchHeight);

    public ulong ChunkLeaves => 1UL << (2 * ChunkHeight);

    public int HeightOf(int level) => level == 0 ? BatchHeight : ChunkHeight;

    /// <summary>Whether a level 0 transition is neither a load nor a store (spec 2.8.1).</summary>
    public bool IsChunk(ulong position) => (position & (Span - 1)) is ulong phase && phase != 0 && phase != Span - 1;
}

/// <summary>A claim of the tree of claims (spec 5.4). PostedAt is dispute time.</summary>
/// <param name="Version">Of the rules that it is pinned to (spec 5.7.3).</param>
/// <param name="Backing">Rival once it has a rival: its bond is in the Tournament then.</param>
/// <param name="Unbacked">The stake that it stood behind was taken (spec 5.8.4).</param>
public sealed record Claim(
    Word Id,
    Word Parent,
    Word Tournament,
    ulong Batch,
    ulong Attempt,
    Word StateRoot,
    Word TraceRoot,
    Address Claimer,
    ulong PostedAt,
    int Version,
    ClaimBacking Backing,
    bool Unbacked,
    bool Confirmed)
{
    public ClaimRef Ref => new(Tournament, StateRoot, TraceRoot);
}

/// <summary>A trace root that has joined a tournament, and who paid for it (spec 4.2.3).</summary>
/// <param name="Side">0 at level 0; at level 1 the class, 1 or 2.</param>
/// <param name="Children">Zero where L1 has not been shown them: the first claim of a level 0 tournament.</param>
public sealed record Commitment(Word Root, Address Claimer, int Side, Quad Children, bool Eliminated);

/// <summary>A tournament of either level (spec 4.2). Level 1 has the id of the match that it decides.</summary>
public sealed record Arena(
    Word Id,
    int Level,
    Word Initial,
    ulong StartedAt,
    uint AllowanceOne,
    uint AllowanceTwo,
    InnerContext? Context,
    ImmutableDictionary<Word, Commitment> Commitments,
    ImmutableHashSet<Word> LiveMatches,
    TournamentResult Result,
    Word Winner)
{
    public uint AllowanceOf(int side) => side == 2 ? AllowanceTwo : AllowanceOne;
}

/// <summary>A match (spec 4.3). <see cref="Bisection"/> is its state in phase Bisect, <see cref="Leaf"/> in the phases after it.</summary>
public sealed record Match(
    Word Id,
    Word Tournament,
    Word One,
    Word Two,
    MatchPhase Phase,
    Bisection? Bisection,
    Leaf? Leaf,
    MatchOutcome? Outcome)
{
    public MatchId Ref => new(Tournament, One, Two);

    public bool Live => Outcome is null;
}

/// <summary>An event says something that cannot be after those before it: logs are missing, or the contracts are not these.</summary>
public sealed class GameEventException(string message) : Exception(message);

/// <summary>
/// The whole game as L1 tells it: a fold of events, immutable, so every block's state stays at hand for a reorg at no cost.
/// </summary>
/// <param name="Rules">The versions of the rules (spec 5.7.1); null where they are not known here.</param>
public sealed record GameState(
    ImmutableArray<Rules?> Rules,
    Word LatestConfirmed,
    ImmutableDictionary<Word, Claim> Claims,
    ImmutableDictionary<Word, ImmutableList<Word>> ClaimsOfTournament,
    ImmutableDictionary<Word, ImmutableSortedDictionary<ulong, Word>> AttemptsOfParent,
    ImmutableDictionary<Word, Arena> Arenas,
    ImmutableDictionary<Word, Match> Matches,
    ImmutableDictionary<(CreditHolder Holder, Address Account), UInt128> Credits)
{
    /// <summary>The first claim of each level 0 tournament: the one that its rivals must name (spec 5.4.3).</summary>
    public ImmutableDictionary<Word, Word> FirstClaims { get; init; } = ImmutableDictionary<Word, Word>.Empty;

    public Stakes Stakes { get; init; } = Stakes.Empty;

    /// <summary>The rules that a new first claim pins (spec 5.7.3); null when they are not known here.</summary>
    public Rules? InForce => Rules[^1];

    /// <summary>The game before any event, in a model without contracts.</summary>
    public static GameState AtGenesis(DisputeParameters parameters, UInt128 bondBatch, UInt128 bondChunk, ClaimRef genesis) =>
        AtGenesis(new Rules(Address.Zero, parameters, bondBatch, bondChunk), genesis);

    /// <summary>The game before any event: genesis is confirmed (spec 5.4.1).</summary>
    /// <param name="rules">Version 0.</param>
    public static GameState AtGenesis(Rules rules, ClaimRef genesis)
    {
        var claim = new Claim(
            genesis.Id(), Word.Zero, genesis.Tournament, ulong.MaxValue, 0, genesis.StateRoot, genesis.TraceRoot, Address.Zero, 0, 0,
            ClaimBacking.Bond, Unbacked: false, Confirmed: true);
        return new GameState(
            [rules],
            claim.Id,
            ImmutableDictionary<Word, Claim>.Empty.Add(claim.Id, claim),
            ImmutableDictionary<Word, ImmutableList<Word>>.Empty,
            ImmutableDictionary<Word, ImmutableSortedDictionary<ulong, Word>>.Empty,
            ImmutableDictionary<Word, Arena>.Empty,
            ImmutableDictionary<Word, Match>.Empty,
            ImmutableDictionary<(CreditHolder, Address), UInt128>.Empty);
    }

    /// <summary>Claims of one tournament, in the order in which they were posted.</summary>
    public IEnumerable<Claim> Rivals(Word tournament) =>
        ClaimsOfTournament.TryGetValue(tournament, out ImmutableList<Word>? ids) ? ids.Select(id => Claims[id]) : [];

    /// <summary>The first claim of a level 0 tournament.</summary>
    public Claim FirstClaimOf(Word tournament) => Claims[FirstClaims[tournament]];

    public UInt128 CreditOf(CreditHolder holder, Address account) => Credits.GetValueOrDefault((holder, account));

    /// <summary>
    /// The commitment that waits for a rival, or null. It is the live one that no live match holds (spec 4.4.2), so it needs no event.
    /// </summary>
    public Commitment? Dangling(Arena arena)
    {
        var busy = new HashSet<Word>();
        foreach (Word id in arena.LiveMatches)
        {
            Match match = Matches[id];
            busy.Add(match.One);
            busy.Add(match.Two);
        }

        Commitment? dangling = null;
        foreach (Commitment commitment in arena.Commitments.Values)
        {
            if (commitment.Eliminated || busy.Contains(commitment.Root))
                continue;
            if (dangling is not null)
                throw new GameEventException($"Tournament {arena.Id} has two commitments without a match: {dangling.Root} and {commitment.Root}.");
            dangling = commitment;
        }

        return dangling;
    }

    /// <summary>The state after one more event.</summary>
    /// <exception cref="GameEventException">It cannot follow those before it.</exception>
    public GameState Apply(L1Event happened) => happened switch
    {
        ClaimedEvent e => Apply(e),
        ConfirmedEvent e => this with
        {
            LatestConfirmed = e.Id,
            Claims = Claims.SetItem(e.Id, Known(Claims, e.Id, "claim") with { Confirmed = true }),
        },
        OpenedEvent e => Apply(e),
        RulesAddedEvent e => Apply(e),
        StakedEvent or UnstakedEvent => this with { Stakes = Stakes.Apply(happened) },
        StakeTakenEvent e => Apply(e),
        PausedEvent e => this with { Rules = Rules.SetItem(e.Version, Known(e.Version) with { Pauses = Known(e.Version).Pauses.Apply(e) }) },
        UnpausedEvent e => this with { Rules = Rules.SetItem(e.Version, Known(e.Version) with { Pauses = Known(e.Version).Pauses.Apply(e) }) },
        InnerOpenedEvent e => this with
        {
            Arenas = Arenas.SetItem(e.MatchId, NewArena(
                e.MatchId, 1, e.Context.MachineRoot, e.StartedAt, e.AllowanceOne, e.AllowanceTwo, e.Context)),
        },
        JoinedEvent e => Apply(e),
        MatchedEvent e => Apply(e),
        AdvancedEvent e => Apply(e),
        SealedEvent e => this with
        {
            Matches = Matches.SetItem(e.MatchId, Known(Matches, e.MatchId, "match") with
            {
                Phase = e.Phase,
                Bisection = null,
                Leaf = e.State,
            }),
        },
        MatchEndedEvent e => Apply(e),
        SettledEvent e => With(Arena(e.Tournament) with { Result = e.Result, Winner = e.Winner }),
        CreditedEvent e => WithCredit(e.Holder, e.Account, checked(CreditOf(e.Holder, e.Account) + e.Amount)),
        WithdrawnEvent e => CreditOf(e.Holder, e.Account) >= e.Amount
            ? WithCredit(e.Holder, e.Account, CreditOf(e.Holder, e.Account) - e.Amount)
            : throw new GameEventException($"{e.Account} withdrew {e.Amount} wei that were never credited."),
        _ => this,
    };

    /// <summary>Version 0 is known from the start.</summary>
    private GameState Apply(RulesAddedEvent e) => e.Version switch
    {
        0 => this,
        _ when e.Version == Rules.Length => this with { Rules = Rules.Add(e.Rules) },
        _ => throw new GameEventException($"Version {e.Version} of the rules comes after {Rules.Length} versions."),
    };

    private GameState Apply(AdvancedEvent e)
    {
        Match match = Known(Matches, e.MatchId, "match");
        GameState next = this with { Matches = Matches.SetItem(e.MatchId, match with { Bisection = e.State }) };

        // The first claim of a tournament shows the children of its root with its first move, not when it joins.
        Arena arena = next.Arena(match.Tournament);
        Commitment one = arena.Commitments[match.One];
        return one.Children == default && e.Opened.Hash() == match.One
            ? next.With(arena with { Commitments = arena.Commitments.SetItem(match.One, one with { Children = e.Opened }) })
            : next;
    }

    private GameState Apply(OpenedEvent e)
    {
        Word id = FirstClaims.TryGetValue(e.Tournament, out Word first)
            ? first
            : throw new GameEventException($"Tournament {e.Tournament} opens without a first claim.");
        uint allowance = Known(Claims[id].Version).Parameters.Allowance;
        Arena arena = NewArena(e.Tournament, 0, e.Initial, e.StartedAt, allowance, allowance, null);
        return this with
        {
            Arenas = Arenas.SetItem(e.Tournament, arena with
            {
                Commitments = arena.Commitments.Add(e.FirstRoot, new Commitment(e.FirstRoot, e.FirstClaimer, 0, default, Eliminated: false)),
            }),
            Claims = Claims.SetItem(id, Claims[id] with { Backing = ClaimBacking.Rival }),
        };
    }

    /// <summary>The challenged claim has its bond from now on; the account's other ones behind the stake have none (spec 5.8.3, 5.8.4).</summary>
    private GameState Apply(StakeTakenEvent e)
    {
        ImmutableDictionary<Word, Claim> claims = Claims.SetItem(e.Claim, Known(Claims, e.Claim, "claim") with { Backing = ClaimBacking.Bond });
        foreach (Claim claim in Claims.Values)
        {
            if (claim.Claimer == e.Account && claim.Backing == ClaimBacking.Stake && !claim.Confirmed && claim.Id != e.Claim)
                claims = claims.SetItem(claim.Id, claim with { Unbacked = true });
        }

        return this with { Claims = claims, Stakes = Stakes.Apply(e) };
    }

    private GameState Apply(ClaimedEvent e)
    {
        Known(Claims, e.Parent, "parent claim");
        var claim = new Claim(
            e.Id, e.Parent, e.Tournament, e.Batch, e.Attempt, e.StateRoot, e.TraceRoot, e.Claimer, e.PostedAt, e.Version, e.Backing, Unbacked: false, Confirmed: false);
        ImmutableList<Word> rivals = ClaimsOfTournament.GetValueOrDefault(e.Tournament, []);
        ImmutableSortedDictionary<ulong, Word> attempts =
            AttemptsOfParent.GetValueOrDefault(e.Parent, ImmutableSortedDictionary<ulong, Word>.Empty);
        return this with
        {
            Claims = Claims.SetItem(e.Id, claim),
            ClaimsOfTournament = ClaimsOfTournament.SetItem(e.Tournament, rivals.Contains(e.Id) ? rivals : rivals.Add(e.Id)),
            AttemptsOfParent = AttemptsOfParent.SetItem(e.Parent, attempts.SetItem(e.Attempt, e.Tournament)),
            FirstClaims = e.Backing == ClaimBacking.Rival ? FirstClaims : FirstClaims.SetItem(e.Tournament, e.Id),
            Stakes = Stakes.Apply(e),
        };
    }

    private GameState Apply(JoinedEvent e)
    {
        Arena arena = Arena(e.Tournament);
        var commitment = new Commitment(e.Root, e.Claimer, e.Side, e.Children, Eliminated: false);
        return With(arena with { Commitments = arena.Commitments.SetItem(e.Root, commitment) });
    }

    private GameState Apply(MatchedEvent e)
    {
        Arena arena = Arena(e.Tournament);
        Known(arena.Commitments, e.One, "commitment");
        Known(arena.Commitments, e.Two, "commitment");
        var match = new Match(e.MatchId, e.Tournament, e.One, e.Two, MatchPhase.Bisect, e.State, null, null);
        return With(arena with { LiveMatches = arena.LiveMatches.Add(e.MatchId) }) with { Matches = Matches.SetItem(e.MatchId, match) };
    }

    private GameState Apply(MatchEndedEvent e)
    {
        Match match = Known(Matches, e.MatchId, "match");
        Arena arena = Arena(match.Tournament);
        ImmutableDictionary<Word, Commitment> commitments = arena.Commitments;
        if (e.Outcome != MatchOutcome.One)
            commitments = commitments.SetItem(match.One, commitments[match.One] with { Eliminated = true });
        if (e.Outcome != MatchOutcome.Two)
            commitments = commitments.SetItem(match.Two, commitments[match.Two] with { Eliminated = true });

        GameState next = With(arena with { LiveMatches = arena.LiveMatches.Remove(e.MatchId), Commitments = commitments }) with
        {
            Matches = Matches.SetItem(e.MatchId, match with { Outcome = e.Outcome }),
        };

        // The inner tournament of a match ends with it (spec 4.3.7), whether or not it says so itself.
        return next.Arenas.TryGetValue(e.MatchId, out Arena? inner) && inner.Result == TournamentResult.Undecided
            ? next.With(inner with { Result = e.Outcome == MatchOutcome.BothOut ? TournamentResult.NoWinner : TournamentResult.Winner })
            : next;
    }

    private GameState With(Arena arena) => this with { Arenas = Arenas.SetItem(arena.Id, arena) };

    private GameState WithCredit(CreditHolder holder, Address account, UInt128 amount) =>
        this with { Credits = Credits.SetItem((holder, account), amount) };

    private Arena Arena(Word id) => Known(Arenas, id, "tournament");

    private static Arena NewArena(Word id, int level, Word initial, ulong start, uint one, uint two, InnerContext? context) => new(
        id,
        level,
        initial,
        start,
        one,
        two,
        context,
        ImmutableDictionary<Word, Commitment>.Empty,
        ImmutableHashSet<Word>.Empty,
        TournamentResult.Undecided,
        Word.Zero);

    private Rules Known(int version) =>
        version < Rules.Length && Rules[version] is { } rules ? rules : throw new GameEventException($"An event is of version {version} of the rules, which is not known.");

    private static T Known<T>(ImmutableDictionary<Word, T> all, Word id, string what) =>
        all.TryGetValue(id, out T? found) ? found : throw new GameEventException($"An event names the {what} {id}, which no event before it made.");
}
