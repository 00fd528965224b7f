using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger;

/// <summary>
/// A game in the orders in which solvers look at it, and what all of them think of it alike. Who decides for several players of one
/// game makes it once. Not for use by two threads at once.
/// </summary>
public sealed class GameIndex
{
    /// <param name="before">Of a state before, if it is at hand: of a move in a match, little is new.</param>
    public GameIndex(GameState game, GameIndex? before = null)
    {
        Game = game;
        var open = new List<IndexedArena>();
        OpenArenas = open;
        if (before is not null && before.Game.Claims == game.Claims && before.Game.Arenas == game.Arenas)
        {
            (Claims, ClaimsById, Tournaments) = (before.Claims, before.ClaimsById, before.Tournaments);
            foreach (IndexedTournament tournament in Tournaments)
                AddOpen(tournament, open);
            open.Sort(static (a, b) => Compare(a.Arena.Id, b.Arena.Id));
            return;
        }

        var claims = new IndexedClaim[game.Claims.Count];
        int count = 0;
        foreach ((_, Claim claim) in game.Claims)
            claims[count++] = new IndexedClaim(claim);
        Array.Sort(claims, static (a, b) => unchecked(a.Claim.Batch + 1).CompareTo(unchecked(b.Claim.Batch + 1)) is not 0 and int order ? order : Compare(a.Claim.Id, b.Claim.Id));
        var byId = new Dictionary<Word, IndexedClaim>(claims.Length);
        for (int i = 0; i < claims.Length; i++)
        {
            claims[i].Slot = i;
            byId.Add(claims[i].Claim.Id, claims[i]);
        }

        Claims = claims;
        ClaimsById = [.. claims];
        Array.Sort(ClaimsById, static (a, b) => Compare(a.Claim.Id, b.Claim.Id));
        var tournaments = new List<IndexedTournament>(game.FirstClaims.Count);
        foreach (IndexedClaim first in ClaimsById)
        {
            if (!game.FirstClaims.TryGetValue(first.Claim.Tournament, out Word id) || id != first.Claim.Id)
                continue;
            IndexedTournament tournament = IndexTournament(first, byId);
            tournaments.Add(tournament);
            AddOpen(tournament, open);
        }

        Tournaments = tournaments;
        open.Sort(static (a, b) => Compare(a.Arena.Id, b.Arena.Id));
        foreach (IndexedClaim claim in claims)
            Complete(claim, byId);
    }

    public GameState Game { get; }

    /// <summary>By batch, so parents before their children, then by id.</summary>
    internal IndexedClaim[] Claims { get; }

    internal IndexedClaim[] ClaimsById { get; }

    /// <summary>Those of level 0, by the id of the first claim.</summary>
    internal IReadOnlyList<IndexedTournament> Tournaments { get; }

    /// <summary>Tournaments of both levels that are not decided, by id.</summary>
    internal IReadOnlyList<IndexedArena> OpenArenas { get; }

    /// <summary>A fixed order, so that the same game gives the same actions in the same order in every process.</summary>
    private static int Compare(Word a, Word b) => a.Bytes.SequenceCompareTo(b.Bytes);

    private IndexedTournament IndexTournament(IndexedClaim first, Dictionary<Word, IndexedClaim> byId)
    {
        var tournament = new IndexedTournament(first, Game.Arenas.GetValueOrDefault(first.Claim.Tournament));
        foreach (Word id in Game.ClaimsOfTournament[first.Claim.Tournament])
        {
            tournament.Rivals.Add(byId[id]);
            byId[id].Tournament = tournament;
        }

        return tournament;
    }

    private void AddOpen(IndexedTournament tournament, List<IndexedArena> open)
    {
        if (tournament.Arena is not { Result: TournamentResult.Undecided } arena)
            return;
        var outer = new IndexedArena(Game, arena, tournament, null);
        open.Add(outer);
        for (int i = 0; i < outer.Live.Length; i++)
        {
            Match match = outer.Live[i];
            if (match.Phase == MatchPhase.Inner && Game.Arenas.TryGetValue(match.Id, out Arena? inner))
                open.Add(outer.Inner[i] = new IndexedArena(Game, inner, tournament, match));
        }
    }

    private void Complete(IndexedClaim indexed, Dictionary<Word, IndexedClaim> byId)
    {
        Claim claim = indexed.Claim;
        if (!claim.Parent.IsZero)
            indexed.Parent = byId[claim.Parent];
        indexed.IsLost = IsLost(indexed);
        if (Game.AttemptsOfParent.TryGetValue(claim.Id, out var attempts))
        {
            (indexed.LastAttempt, Word tournament) = attempts.Last();
            indexed.LastTournament = byId[Game.FirstClaims[tournament]].Tournament;
        }
    }

    /// <summary>A claim is lost when it can no longer be confirmed: nothing new is staked on its children.</summary>
    private bool IsLost(IndexedClaim indexed)
    {
        if (indexed.Claim.Confirmed)
            return false;
        if (indexed.Parent is { IsLost: true })
            return true;
        if (indexed.Tournament?.Arena is Arena arena && arena.Result != TournamentResult.Undecided)
            return arena.Result == TournamentResult.NoWinner || arena.Winner != indexed.Claim.TraceRoot;
        return Game.Claims[Game.LatestConfirmed] is var last && unchecked(last.Batch + 1) >= unchecked(indexed.Claim.Batch + 1);
    }

    internal static Match[] Sorted(GameState game, Arena arena)
    {
        var matches = new Match[arena.LiveMatches.Count];
        int count = 0;
        foreach (Word id in arena.LiveMatches)
            matches[count++] = game.Matches[id];
        Array.Sort(matches, static (a, b) => Compare(a.Id, b.Id));
        return matches;
    }
}

/// <summary>A claim among the others.</summary>
internal sealed class IndexedClaim(Claim claim)
{
    public Claim Claim => claim;

    /// <summary>Place in <see cref="GameIndex.Claims"/>.</summary>
    public int Slot { get; set; }

    /// <summary>Null for genesis.</summary>
    public IndexedClaim? Parent { get; set; }

    /// <summary>Null for genesis.</summary>
    public IndexedTournament? Tournament { get; set; }

    /// <summary>It can no longer be confirmed.</summary>
    public bool IsLost { get; set; }

    /// <summary>The last attempt at its children, and its tournament; null while nobody has claimed any.</summary>
    public ulong LastAttempt { get; set; }

    public IndexedTournament? LastTournament { get; set; }
}

/// <summary>A tournament of level 0, opened or not.</summary>
internal sealed class IndexedTournament(IndexedClaim first, Arena? arena)
{
    private Word? _askedFor;
    private bool _isOf;

    public IndexedClaim First => first;

    /// <summary>Null while there is one claim alone.</summary>
    public Arena? Arena => arena;

    /// <summary>In the order in which they were posted, the first among them.</summary>
    public List<IndexedClaim> Rivals { get; } = [];

    /// <summary>Whether its id commits to that batch (spec 4.2.2). The last answer is kept, since players agree on batches.</summary>
    public bool IsOf(Word batchHash)
    {
        if (_askedFor != batchHash)
        {
            _askedFor = batchHash;
            _isOf = first.Claim.Tournament == ClaimRef.TournamentOf(first.Claim.Parent, batchHash, first.Claim.Attempt);
        }

        return _isOf;
    }
}

/// <summary>A tournament of either level that is not decided.</summary>
/// <param name="outer">The match that an inner tournament decides.</param>
internal sealed class IndexedArena(GameState game, Arena arena, IndexedTournament tournament, Match? outer)
{
    private Commitment? _dangling;
    private bool _hasLooked;

    public Arena Arena => arena;

    public IndexedTournament Tournament => tournament;

    public Match? Outer => outer;

    /// <summary>Live matches by id.</summary>
    public Match[] Live { get; } = GameIndex.Sorted(game, arena);

    /// <summary>The tournaments inside them, where there is one.</summary>
    public IndexedArena?[] Inner { get; } = new IndexedArena?[arena.LiveMatches.Count];

    /// <summary>The commitment that waits for a rival, or null.</summary>
    public Commitment? Dangling
    {
        get
        {
            if (!_hasLooked)
                _dangling = game.Dangling(arena);
            _hasLooked = true;
            return _dangling;
        }
    }
}
