using Optimistic.Simulator;

namespace Optimistic.Challenger.Tests;

/// <summary>
/// The simulator's games on the real contracts: every transaction, the refused ones among them, with the whole state compared after each;
/// and the proof that the comparison can fail.
/// </summary>
public sealed class ReplayTests(ITestOutputHelper output)
{
    private const int Games = 150;

    [Fact]
    public async Task TheContractsDoWhatTheModelDoes()
    {
        int seed = Random.Shared.Next(1_000_000_000);
        output.WriteLine($"seed {seed}");
        IReadOnlyList<ReplayedGame> replays = await ReplayedGame.AllAsync(Games, seed, () => { }, TestContext.Current.CancellationToken);
        output.WriteLine($"{replays.Sum(replay => replay.Actions)} transactions, {replays.Sum(replay => replay.Refused)} refused, {replays.Sum(replay => replay.Upgrades)} upgrades, {replays.Sum(replay => replay.Later)} tournaments by later rules");
        Assert.Contains(replays, replay => replay.Later > 0);
        Assert.Empty(replays.SelectMany(replay => replay.Differences));
        Assert.InRange(replays.Sum(replay => replay.Refused), 1, replays.Sum(replay => replay.Actions) - 1);
    }

    /// <summary>One rule of each kind: clocks, bisection, proofs, joining, pairing, ends, money.</summary>
    [Theory]
    [InlineData("GraceIsFree")]
    [InlineData("TimeoutNeedsOverdue")]
    [InlineData("OpeningsAreChecked")]
    [InlineData("ProofsAreChecked")]
    [InlineData("LatenessIsCharged")]
    [InlineData("AttemptsComeInOrder")]
    [InlineData("WinnersArePairedAgain")]
    [InlineData("ResolveWaitsForTheAbsentClass")]
    [InlineData("RefundsHaveACeiling")]
    [InlineData("PotsGoToWinners")]
    public async Task AModelWithABrokenRuleDiffers(string rule)
    {
        await using ReplayChain chain = await ReplayChain.StartAsync(TestContext.Current.CancellationToken);
        Difference? difference = await ReplayedGame.HuntAsync(
            chain, Enum.Parse<Rule>(rule), games: 100, seed: 1, TestContext.Current.CancellationToken);
        output.WriteLine($"{rule}: {difference}");
        Assert.NotNull(difference);
    }
}
