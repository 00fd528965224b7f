using Optimistic.Simulator;

namespace Optimistic.Challenger.Tests;

/// <summary>
/// Every schedule of small games: trees of heights 1 and 2, one to three liars, lies that end at level 0 and lies that open inner
/// tournaments, time in steps from the edge of one deadline to the next. Three liars at both levels are among them.
/// </summary>
public sealed class ExhaustiveTests(ITestOutputHelper output)
{
    public static TheoryData<string> Small => [.. SmallGames.All.Select(game => game.Name)];

    [Theory]
    [MemberData(nameof(Small))]
    public void EveryScheduleOfASmallGameViolatesNothing(string name)
    {
        Explored explored = Exhaustive.Explore(SmallGames.All.Single(game => game.Name == name), maxStates: 1_000_000);
        output.WriteLine($"{explored}");
        Assert.True(explored.Whole, "There are more states than are looked at.");
        Assert.True(explored.Ends > 0);
    }

    /// <summary>As specs/delay.md says: three liars at level 0 alone, three inside one match, and both at once.</summary>
    [Fact]
    public void ThreeLiarsAreAmongThemAtBothLevels()
    {
        int InChunks(SmallGame game) => game.Lies.Count(lie => game.Shape.IsChunk(lie.Position));
        IEnumerable<int> inside = SmallGames.All.Where(game => game.Lies.Count == 3).Select(InChunks);
        Assert.Equal([0, 2, 3], inside.Distinct().Order());
    }

    /// <summary>
    /// Rules that were weighed (decision 0019): a game against two liars inside a match is shortest when inner clocks count; the rules that let
    /// several wait save nothing.
    /// </summary>
    [Fact]
    public void TheWeighedRulesDelayAsTheDecisionSays()
    {
        SmallGame game = SmallGames.All.Single(game => game.Name == "heights 2 and 1, equal lies in a chunk");
        ulong Worst(Variant variant) => Exhaustive.Explore(game, maxStates: 100_000, variant: variant).WorstDelay;
        Assert.Equal(19UL, Worst(Variant.Spec));
        Assert.Equal(19UL, Worst(new Variant("rounds", Pairing.Rounds)));
        Assert.Equal(21UL, Worst(new Variant("the outer clock stays as it was", InnerClockCounts: false)));
    }

    /// <summary>The search sees a broken rule too.</summary>
    [Theory]
    [InlineData("GraceIsFree")]
    [InlineData("AllowanceCoversTheBudgets")]
    [InlineData("ProofsAreChecked")]
    public void TheSearchCatchesABrokenRule(string rule) =>
        Assert.Throws<PropertyViolationException>(() => Exhaustive.Explore(SmallGames.All[0], maxStates: 200_000, Enum.Parse<Rule>(rule)));
}
