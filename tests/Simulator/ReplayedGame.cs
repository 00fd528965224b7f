namespace Optimistic.Simulator;

/// <summary>A game that was replayed on the real contracts.</summary>
/// <param name="Actions">Transactions, the refused ones among them; those before a reorganisation count for each fork.</param>
/// <param name="Upgrades">Versions of the rules that were added.</param>
/// <param name="Later">Tournaments that were played by rules added in the game.</param>
/// <param name="Differences">The first of each sequence.</param>
internal sealed record ReplayedGame(int Seed, int Actions, int Refused, int Upgrades, int Later, IReadOnlyList<Difference> Differences)
{
    /// <summary>Plays and replays games, as many at once as there are processors.</summary>
    /// <param name="seed">Of the first game; game i has seed + i.</param>
    /// <param name="done">Called after each game.</param>
    public static async Task<IReadOnlyList<ReplayedGame>> AllAsync(int games, int seed, Action done, CancellationToken cancel = default)
    {
        var replays = new ReplayedGame[games];
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancel };
        await using ReplayChain chain = await ReplayChain.StartAsync(cancel);
        await Parallel.ForAsync(0, games, options, async (i, stop) =>
        {
            ReplayRecording game = ReplayRecording.Play(unchecked(seed + i), ReplayChain.Views);
            IReadOnlyList<Difference> differences = await chain.ReplayAsync(game, stop);
            replays[i] = new ReplayedGame(
                game.Seed,
                game.Sequences.Sum(sequence => sequence.Count),
                game.Sequences.Sum(sequence => sequence.Count(action => action.Refusal != Refusal.None)),
                game.L1.Rules.Count - 1,
                game.L1.Arenas.Count(arena => arena.Version > 0),
                differences);
            done();
        });
        return replays;
    }

    /// <summary>Replays games of a model with a broken rule until the contracts do something else than it.</summary>
    /// <returns>Null when nothing differs in all of them.</returns>
    public static async Task<Difference?> HuntAsync(ReplayChain chain, Rule broken, int games, int seed, CancellationToken cancel = default)
    {
        for (int i = 0; i < games; i++)
        {
            ReplayRecording game = ReplayRecording.Play(unchecked(seed + i), ReplayChain.Views, broken);
            if (await chain.ReplayAsync(game, cancel) is [Difference difference, ..])
                return difference;
        }

        return null;
    }
}
