namespace Optimistic.Simulator;

/// <summary>A rule that was broken, and the property that noticed it.</summary>
/// <param name="Games">Games until then; all that were played when nothing noticed it.</param>
/// <param name="Seed">Of the game that noticed it.</param>
internal sealed record MutantOutcome(Rule Rule, Property? CaughtBy, int Games, int Seed, string Message);

/// <summary>Breaks every rule of the model, one at a time, and plays until a property notices.</summary>
internal static class Mutants
{
    /// <summary>Rules whose breach nothing noticed in so many games count as not caught.</summary>
    public const int MaxGames = 12_000;

    public static IReadOnlyList<Rule> All { get; } = [.. Enum.GetValues<Rule>().Where(rule => rule != Rule.None)];

    public static MutantOutcome Hunt(Rule rule, int firstSeed)
    {
        for (int i = 0; i < MaxGames; i++)
        {
            GameOutcome outcome = RandomGame.Play(unchecked(firstSeed + i), rule);
            if (outcome.Violated is Property property)
                return new MutantOutcome(rule, property, i + 1, outcome.Seed, outcome.Message);
        }

        return new MutantOutcome(rule, null, MaxGames, firstSeed, "");
    }

    /// <param name="firstSeed">Mutants play the same games, from this seed on.</param>
    /// <param name="done">Called after each, from several threads.</param>
    public static IReadOnlyList<MutantOutcome> HuntAll(int firstSeed, Action done)
    {
        var outcomes = new MutantOutcome[All.Count];
        Parallel.For(0, outcomes.Length, i =>
        {
            outcomes[i] = Hunt(All[i], firstSeed);
            done();
        });
        return outcomes;
    }
}
