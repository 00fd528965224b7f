using Optimistic.Simulator;

namespace Optimistic.Challenger.Tests;

/// <summary>Liars that plan (specs/delay.md), on a small part of the table.</summary>
public sealed class ConspiracyTests
{
    private static readonly Setting Four = Delays.SettingOf(4);

    /// <summary>The search for plans is the same in every process, whatever the number of processors.</summary>
    [Fact]
    public void TheSameSeedFindsTheSamePlan()
    {
        Delay one = Conspiracy.Find(Four, Aim.Delay, seed: 1, rounds: 1, width: 3).Delay;
        Assert.Equal(one, Conspiracy.Find(Four, Aim.Delay, seed: 1, rounds: 1, width: 3).Delay);
    }

    /// <summary>They delay for longer than liars of whom each uses up its own clock, and no longer than the formula says.</summary>
    [Fact]
    public void PlannersOutdoTheGreedyAndStayWithinTheFormula()
    {
        foreach (int bonds in (int[])[1, 4])
        {
            Worst worst = Delays.Sweep(bonds, seed: 1, rounds: 3, width: 4);
            Assert.True(worst.Slowest.Seconds >= worst.Greedy.Seconds);
            Assert.True(worst.Slowest.Seconds <= worst.Slowest.Bound);
            Assert.True(bonds == 1 || worst.Slowest.Seconds > worst.Greedy.Seconds);
        }
    }

    /// <summary>
    /// Four times the money buys less than four times the calls of the honest side, and its bonds are one of each level at once, however many the
    /// liars are.
    /// </summary>
    [Fact]
    public void TheHonestSideIsBoundByRoundsNotByLiars()
    {
        Worst few = Delays.Sweep(2, seed: 1, rounds: 1, width: 3), many = Delays.Sweep(8, seed: 1, rounds: 1, width: 3);
        UInt128 bonds = Four.BondOf(0) + Four.BondOf(1);
        Assert.True(many.Dearest.HonestCalls < 4 * few.Dearest.HonestCalls);
        Assert.True(many.Dearest.HonestBonds <= bonds && few.Dearest.HonestBonds <= bonds);
        Assert.True(many.Slowest.Lost > few.Slowest.Lost);
    }

    /// <summary>
    /// Liars that are after the honest side's money copy its calls and join before it; behind its own claim it still ends with no less than it began with,
    /// gas at the price ceiling and reverted calls included (spec 4.6.7, 4.6.9). Where they have its claim too, it loses what reverted calls cost and no more.
    /// </summary>
    [Fact]
    public void ThievesTakeNothingFromWhoHasAClaim()
    {
        Delay robbed = Conspiracy.Find(Four, Aim.HonestLoss, seed: 1, rounds: 2, width: 3).Delay, helper = Conspiracy.Find(Four, Aim.HelperLoss, seed: 1, rounds: 2, width: 3).Delay;
        Assert.True(robbed.HonestReverted > 0 && robbed.HonestLeft >= 0);
        Assert.True(helper.HonestReverted > 0 && helper.HonestLeft < 0);
        Assert.True(-helper.HonestLeft <= (Int128)((UInt128)helper.HonestGas * Delays.Clocks.PriceCeiling));
    }
}
