using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>Hashes that a thread has made lately: games show the same nodes and name the same matches and claims again and again.</summary>
internal static class Hashes
{
    [ThreadStatic]
    private static Dictionary<Quad, Word>? _quads;

    [ThreadStatic]
    private static Dictionary<MatchId, Word>? _matches;

    [ThreadStatic]
    private static Dictionary<ClaimRef, Word>? _claims;

    public static Word Of(in Quad quad) => _quads is not null && _quads.TryGetValue(quad, out Word hash) ? hash : Keep(ref _quads, quad, quad.Hash());

    public static Word Of(MatchId match) => _matches is not null && _matches.TryGetValue(match, out Word hash) ? hash : Keep(ref _matches, match, match.Id());

    public static Word Of(ClaimRef claim) => _claims is not null && _claims.TryGetValue(claim, out Word hash) ? hash : Keep(ref _claims, claim, claim.Id());

    private static Word Keep<T>(ref Dictionary<T, Word>? kept, T key, Word hash)
        where T : notnull
    {
        const int Most = 50_000;
        kept ??= [];
        if (kept.Count == Most)
            kept.Clear();
        kept[key] = hash;
        return hash;
    }
}
