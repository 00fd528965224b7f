using Optimistic.Simulator;

namespace Optimistic.Challenger.Tests;

/// <summary>
/// Every schedule of small games: trees of heights 1 and 2 at both levels, three liars with lies that end at level 0 and lies that open inner
/// tournaments, time in steps from the edge of one deadline to the next.
/// </summary>
public sealed class ExhaustiveTests(ITestOutputHelper output)
{
    public static TheoryData<string> Small => [.. SmallGames.All.Select(game => game.Name)];

    [Theory]
    [MemberData(nameof(Small))]
    public void EveryScheduleOfASmallGameViolatesNothing(string name)
    {
        Explored explored = Exhaustive.Explore(Game(name), maxStates: 1_000_000);
        output.WriteLine($"{explored}");
        Assert.True(explored.Whole, "There are more states than are looked at.");
        Assert.True(explored.Results.Count > 0);
        Assert.True(explored.LeastLeft >= 0);
    }

    /// <summary>As specs/delay.md says: three liars at level 0 alone, with one, two and three lies in a chunk, on trees of all heights, and in one class.</summary>
    [Fact]
    public void ThreeLiarsAreAmongThemAtBothLevels()
    {
        int InChunks(SmallGame game) => game.Lies.Count(lie => game.Shape.IsChunk(lie.Position));
        SmallGame[] three = [.. SmallGames.All.Where(game => game.Lies.Count == 3)];
        Assert.Equal([0, 1, 2, 3], three.Select(InChunks).Distinct().Order());
        Assert.Equal(4, three.Select(game => game.Shape).Distinct().Count());
        Assert.Contains(three, game => game.Lies.Any(lie => lie.Kind == Lie.StepOfChunk));
    }

    /// <summary>
    /// What the search leaves out is the same as what it looks at: with and without it the states are the same, how the game can end, the worst delay,
    /// and the least that the honest side is left with and that the liars lose.
    /// </summary>
    [Theory]
    [InlineData("heights 1 and 1, a lie in a load")]
    [InlineData("heights 1 and 1, lies in a load and in a store")]
    [InlineData("heights 1 and 2, a lie in a chunk")]
    [InlineData("heights 2 and 1, equal lies in a chunk")]
    [InlineData("heights 2 and 1, different lies in a chunk")]
    [InlineData("heights 1 and 1, load, store, store")]
    [InlineData("heights 2 and 1, load, load, load")]
    [InlineData("heights 2 and 1, chunk, step")]
    public void WhatIsLeftOutChangesNothing(string name)
    {
        Explored full = Exhaustive.Explore(Game(name), maxStates: 100_000, reductions: Reductions.None);
        Assert.True(full.Whole);
        foreach (Reductions reductions in (Reductions[])[Reductions.Orders, Reductions.Senders, Reductions.All])
        {
            Explored reduced = Exhaustive.Explore(Game(name), maxStates: 100_000, reductions: reductions);
            Assert.True(reduced.Transitions <= full.Transitions);
            Assert.Equal(full.Results.Order(), reduced.Results.Order());
            Assert.Equal(full with { Transitions = 0, Results = [] }, reduced with { Transitions = 0, Results = [] });
        }
    }

    /// <summary>
    /// Rules that were weighed (decision 0019): a game against two liars inside a match is shortest when inner clocks count; the rules that let
    /// several wait save nothing.
    /// </summary>
    [Fact]
    public void TheWeighedRulesDelayAsTheDecisionSays()
    {
        SmallGame game = Game("heights 2 and 1, equal lies in a chunk");
        ulong Worst(Variant variant) => Exhaustive.Explore(game, maxStates: 100_000, variant: variant).WorstDelay;
        Assert.Equal(19UL, Worst(Variant.Spec));
        Assert.Equal(19UL, Worst(new Variant("rounds", Pairing.Rounds)));
        Assert.Equal(21UL, Worst(new Variant("the outer clock stays as it was", InnerClockCounts: false)));
    }

    /// <summary>The search sees a broken rule too: of those that small games can break, each.</summary>
    [Theory]
    [InlineData("MovesCostTime")]
    [InlineData("GraceIsFree")]
    [InlineData("AllowanceCoversTheBudgets")]
    [InlineData("InnerGrantCoversTraceAndGrace")]
    [InlineData("ClocksBelongToClasses")]
    [InlineData("LatenessIsCharged")]
    [InlineData("TimeoutNeedsOverdue")]
    [InlineData("WaitingWinnerPaysNothing")]
    [InlineData("DecidedResultNeverExpires")]
    [InlineData("SidesTakeTurns")]
    [InlineData("NoTimeoutWinAtTheLeaf")]
    [InlineData("OuterClocksStand")]
    [InlineData("FirstDifferenceIsChosen")]
    [InlineData("ProofsAreChecked")]
    [InlineData("WrongProofEliminatesNobody")]
    [InlineData("ProvenSideWins")]
    [InlineData("TheOneThatWaitedIsOne")]
    [InlineData("WinnersArePairedAgain")]
    [InlineData("LosersAreEliminated")]
    [InlineData("RefundsAreBooked")]
    [InlineData("PrizesAreATenth")]
    [InlineData("LosersForfeit")]
    [InlineData("WinnersGetTheirBondBack")]
    [InlineData("PotsGoToWinners")]
    [InlineData("TheTreasuryGetsTheRest")]
    public void TheSearchCatchesABrokenRule(string rule)
    {
        string[] games =
        [
            "heights 1 and 1, a lie in a chunk", "heights 1 and 2, a lie in a chunk", "heights 1 and 1, lies in a load and in a store", "heights 1 and 1, load, load, store",
        ];
        Assert.Contains(games, game => IsCaught(Game(game), Enum.Parse<Rule>(rule)));
    }

    private static bool IsCaught(SmallGame game, Rule rule)
    {
        try
        {
            Exhaustive.Explore(game, maxStates: 6_000, rule);
            return false;
        }
        catch (PropertyViolationException)
        {
            return true;
        }
    }

    private static SmallGame Game(string name) => SmallGames.All.Single(game => game.Name == name);
}
