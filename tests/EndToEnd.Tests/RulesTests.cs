using System.Numerics;
using Optimistic.Challenger;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.EndToEnd.Tests;

/// <summary>Versions of the rules (spec 5.7): node and challenger as processes, on contracts that a governor adds to.</summary>
public sealed class RulesTests(World world, ITestOutputHelper output) : IClassFixture<World>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>
    /// A dispute under version 0 is live when version 1, with other clocks and bonds, comes into force, and goes on beside one under
    /// version 1. Claims under version 1 are children of claims under version 0.
    /// </summary>
    [Fact]
    public async Task DisputesUnderTwoVersionsAreWonAtOnce()
    {
        await using Story story = await Story.BeginAsync(output);
        bool bothAreLive = false;
        story.TimeMayPass = () => bothAreLive;
        await story.SubmitHonestTasksAsync(2);
        await story.ClaimedAsync();
        await story.PlayForALieAsync(Story.FirstPlayer, task: 2);
        await story.UntilAsync("a dispute under version 0", () => Task.FromResult(Live(story.State).SequenceEqual([0])));

        Address tournament = await story.AddRulesAsync();
        await story.SubmitHonestTasksAsync(2);
        await story.ClaimedAsync();
        await story.PlayForALieAsync(Story.SecondPlayer, task: 5);
        await story.UntilAsync("disputes under both versions", () => Task.FromResult(Live(story.State).SequenceEqual([0, 1])));
        bothAreLive = true;
        await story.AllIsConfirmedAsync();

        GameState game = story.State;
        Assert.Equal(tournament, game.InForce!.Tournament);
        Assert.NotEqual(game.Rules[0]!.BondBatch, game.InForce.BondBatch);
        Assert.NotEqual(game.Rules[0]!.Parameters.Allowance, game.InForce.Parameters.Allowance);
        foreach ((int player, int version) in new[] { (Story.FirstPlayer, 0), (Story.SecondPlayer, 1) })
        {
            Claim lie = Assert.Single(game.Claims.Values, claim => claim.Claimer == DevChain.Accounts[player].Address);
            Assert.Equal((version, false), (lie.Version, lie.Confirmed));
            Arena arena = game.Arenas[lie.Tournament];
            Assert.Equal(TournamentResult.Winner, arena.Result);
            Assert.True(arena.Commitments[lie.TraceRoot].Eliminated);
            Assert.Equal((ulong)game.Rules[version]!.Parameters.Allowance, arena.AllowanceOne);
            Assert.Contains(game.Matches.Values, match => match is { Live: false, Phase: MatchPhase.AtLeaf } && game.Arenas[match.Tournament].Context is not null);

            // Each Tournament owes what it holds.
            BigInteger owed = game.Credits.Where(credit => credit.Key.Holder == CreditHolder.Of(version)).Aggregate(BigInteger.Zero, (sum, credit) => sum + (BigInteger)credit.Value);
            Assert.Equal(owed, await story.Chain.Client.GetBalanceAsync(game.Rules[version]!.Tournament, story.Block, Cancel));
        }
    }

    /// <summary>
    /// A version whose code is another: a challenger goes on with what it knows, and a node that would have to claim under it does not
    /// start.
    /// </summary>
    [Fact]
    public async Task RulesThatAreNotKnownAreNotPlayed()
    {
        await using Story story = await Story.BeginAsync(output);
        await story.SubmitHonestTasksAsync(1);
        await story.ClaimedAsync();
        Address tournament = await story.AddRulesAsync(async deployed =>
        {
            byte[] code = await story.Chain.Client.GetCodeAsync(deployed, cancel: Cancel);
            await story.Chain.SetCodeAsync(deployed, (byte[])[.. code, 0], Cancel);
        });
        Assert.Equal(tournament, (await Assert.ThrowsAsync<UnknownRulesException>(() => Rules.ReadAsync(story.Chain.Client, tournament, Cancel))).Tournament);

        // The claim under version 0 is defended and confirmed as ever.
        await story.AllIsConfirmedAsync();
        Assert.Equal([true, false], story.State.Rules.Select(rules => rules is not null));
        Assert.True(story.Challenger.IsRunning);

        await story.Node.KillAsync();
        story.Node.Start();
        Assert.Equal(Engine.Cli.ExitCode.Unavailable, await story.Node.EndAsync(Cancel));
        Assert.Contains(tournament.ToString(), story.Node.Tail(2), StringComparison.Ordinal);
    }

    /// <summary>Its guardian pauses a Tournament before the governor adds it: who follows the Rollup learns that with its announcement.</summary>
    [Fact]
    public async Task ATournamentThatWasPausedBeforeItWasAddedIsPaused()
    {
        await world.ResetAsync();
        var before = new L1Game(world);
        await before.FollowAsync();
        var guardian = new TransactionSender(world.Client, World.Guardian);
        Abi.Parameters clocks = await new ContractHandler(world.Client, world.Contracts.Tournaments).QueryAsync(new Abi.Tournament.ParametersFunction(), cancel: Cancel);
        (Address tournament, _) = await guardian.DeployAsync(
            new Abi.Tournament.Deployment(
                world.Deployment.StepVerifier, world.DomainSeparator, clocks, world.Contracts.Rollup, World.Treasury, guardian.Address, 500),
            Cancel);
        await guardian.SendAsync(tournament, new Abi.Tournament.PauseFunction(), cancel: Cancel);
        await before.FollowAsync();
        await guardian.SendAsync(world.Contracts.Rollup, new Abi.Rollup.AddRulesFunction(tournament), cancel: Cancel);
        var later = new L1Game(world);
        foreach (L1Game game in new[] { before, later })
        {
            await game.FollowAsync();
            Rules rules = game.State.Rules[1]!;
            Assert.Equal((tournament, 500U), (rules.Tournament, rules.Parameters.PauseBudgetSeconds));
            Assert.True(rules.IsPaused(game.Now));
            Assert.False(rules.IsPaused(game.Now + 500));
            Assert.False(game.State.Rules[0]!.IsPaused(game.Now));
        }

        // Set back to before the announcement and announced again.
        await guardian.SendAsync(tournament, new Abi.Tournament.UnpauseFunction(), cancel: Cancel);
        await before.FollowAsync();
        Assert.False(before.State.Rules[1]!.IsPaused(before.Now));
        await world.Chain.ReorganizeAsync(2, Cancel);
        await before.FollowAsync();
        Assert.Single(before.State.Rules);
        await guardian.SendAsync(world.Contracts.Rollup, new Abi.Rollup.AddRulesFunction(tournament), cancel: Cancel);
        await before.FollowAsync();
        Assert.True(before.State.Rules[1]!.IsPaused(before.Now));
    }

    /// <summary>Versions of the tournaments of level 0 that are not decided.</summary>
    private static IEnumerable<int> Live(GameState game) =>
        game.Arenas.Values.Where(arena => arena is { Level: 0, Result: TournamentResult.Undecided }).Select(arena => game.FirstClaimOf(arena.Id).Version).Order();
}
