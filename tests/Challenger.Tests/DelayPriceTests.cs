using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Simulator;

namespace Optimistic.Challenger.Tests;

/// <summary>What delay costs liars at least (spec 4.9.4).</summary>
public sealed class DelayPriceTests(ITestOutputHelper output)
{
    private static readonly UInt128 Ether = 1_000_000_000_000_000_000, Gwei = 1_000_000_000;

    /// <summary>The price, from the least that so many liars lose and the most that they delay, for all numbers of them.</summary>
    [Fact]
    public void NoNumberOfLiarsDelaysForLess()
    {
        int seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (int i = 0; i < 200; i++)
        {
            UInt128 ceiling = (UInt128)random.Next(300) * Gwei, share = Gas.Copied * ceiling, stake1 = 4 * share + (UInt128)random.Next(1, 1000) * Ether / 100;
            var p = new DisputeParameters(
                (uint)random.Next(1_000_000), (uint)random.Next(1, 2_000), (uint)random.Next(10_000), (uint)random.Next(10_000),
                (stake1 + 10 * share) / 8 + (UInt128)random.Next(1, 1000) * Ether / 100, stake1, ceiling);
            UInt128 price = DelayFormula.Price(p, GameShape.Standard), least0 = p.Stake0 / 10 * 9 - p.Stake1 / 10 - share, least1 = p.Stake1 / 10 * 9 - share;
            foreach (int k in Counts())
            {
                foreach (int m in Counts().Prepend(1))
                {
                    ulong beyond = DelayFormula.Bound(p, GameShape.Standard, k, m) - p.Allowance - p.CensorshipSeconds;
                    // A purse that also has the winner has the pot back, of which the shares are counted above.
                    UInt128 lost = (UInt128)(k - 1) * least0 + (UInt128)(m - 1) * least1 - p.Stake0 / 10;
                    Assert.True(lost >= price * beyond, $"{k} and {m} inside, {p}: {lost} wei for {beyond} s at {price}");
                }
            }
        }
    }

    /// <summary>Where the logarithms are largest for their numbers, and others.</summary>
    private static IEnumerable<int> Counts() => [2, 3, 4, 5, 6, 8, 9, 16, 17, 32, 33, 65, 129, 1025, 100_000];
}
