using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Trace;

namespace Optimistic.EndToEnd.Tests;

/// <summary>Who plays, and who stops playing, on the real contracts (spec 4).</summary>
public sealed class ScenarioTests(World world) : IClassFixture<World>
{
    [Fact]
    public async Task AClaimThatNobodyChallengesIsConfirmedAndNoDisputeIsEverOpened()
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddHonest(claimAfterSeconds: 0);
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();
        Assert.Empty(dispute.State.Arenas);
        Assert.Equal(["claim", "confirm"], world.Spent.Select(spent => spent.Name));
    }

    [Fact]
    public async Task TheTraceOfTheLibraryIsTheTraceOfSingleSteps()
    {
        await world.ResetAsync();
        ulong position = 4096UL * World.Run + 1;
        ITrace stepByStep = world.Truth.Traces.Chunk(0, position)!;
        ChunkTrace windows = world.Truth.BuildChunkTrace(position);
        Assert.Equal(windows.Root, stepByStep.Root);
        Assert.Equal(world.Truth.StepsOf(World.Run), windows.Steps);
    }

    [Fact]
    public async Task AWrongProofIsRefusedAndEliminatesNobody()
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddHonest(awakeAfterSeconds: 0);
        Liar liar = dispute.AddLiar(Lies.MemoryWord);
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();

        // The order of turns decides who seals, and so whether the liar had its chance at the leaf before the proof came.
        await using Dispute other = await Dispute.BeginAsync(world);
        liar = other.AddLiar(Lies.MemoryWord);
        other.AddHonest();
        await other.PlayAsync();
        await other.CheckTheTruthWonAsync();
        Assert.Equal(1, liar.RefusedProofs);
    }

    [Fact]
    public async Task TwoHonestChallengersDoNotHurtEachOther()
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(Lies.MemoryWord);
        dispute.AddHonest("first");
        dispute.AddHonest("second");
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();
        Assert.Equal(2, dispute.State.Claims.Values.Count(claim => claim.Batch == 0));
    }

    [Fact]
    public async Task TwoLiarsLoseToOneHonestChallenger()
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(Lies.MemoryWord, "first");
        dispute.AddLiar(Lies.Register, "second");
        dispute.AddHonest(awakeAfterSeconds: 30);
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();
    }

    [Fact]
    public async Task ThreeLiarsOfDifferentKindsLoseToOneHonestChallenger()
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(Lies.ByName["wrong input"], "first");
        dispute.AddLiar(Lies.ByName["noise from the first position"], "second");
        dispute.AddLiar(Lies.ByName["wrong output"], "third", awakeAfterSeconds: 50);
        dispute.AddHonest(awakeAfterSeconds: 30);
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();
    }

    /// <summary>Whoever posted the true root may be gone: others defend it, and its bond goes back to who paid it.</summary>
    [Fact]
    public async Task TheTrueRootOfAPosterWhoIsOfflineIsDefended()
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(null, "poster", stamina: 1);
        dispute.AddLiar(Lies.MemoryWord, awakeAfterSeconds: 10);
        Honest watcher = dispute.AddHonest("watcher");
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();
        Assert.Equal(dispute.State.InForce!.BondChunk, watcher.Paid);
    }

    /// <summary>The liar pays for the true root itself, at both levels, so that nobody else can, and then does nothing for it.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(14)]
    public async Task ALiarWhoJoinsTheTrueRootFirstGainsNothing(int stamina)
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(null, "the liar's other account", stamina);
        dispute.AddLiar(Lies.Register, awakeAfterSeconds: 5);
        dispute.AddHonest(awakeAfterSeconds: 10);
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();
    }

    /// <summary>A claim, six moves at level 0, a join, seven at level 1: after each of them it may be gone.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(11)]
    [InlineData(14)]
    [InlineData(15)]
    public async Task ALiarWhoStopsAnsweringLoses(int stamina)
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(Lies.MemoryWord, stamina: stamina);
        dispute.AddHonest();
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();
    }

    /// <summary>It agrees with the truth at level 0, and joins the inner tournament on the right side with a wrong way to get there.</summary>
    [Fact]
    public async Task ASquatterOnTheRightSideOfAnInnerTournamentLoses()
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(Lies.MemoryWord);
        dispute.AddLiar(new ForgedLeaves("right end, wrong way", World.Run, 1, 4, Seed: 5, EndsRight: true), "squatter");
        dispute.AddHonest(awakeAfterSeconds: 5);
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();
        Arena inner = dispute.State.Arenas.Values.Single(arena => arena.Level == 1);
        Assert.Equal(3, inner.Commitments.Count);
        Assert.Equal(2, inner.Commitments.Values.Count(commitment => commitment.Eliminated));
    }

    /// <summary>
    /// Both are wrong about the same load, so neither can prove anything: both are out, and the batch can be claimed again. The liars do
    /// that as well, until somebody tells the truth.
    /// </summary>
    [Fact]
    public async Task WithoutAWinnerTheTruthIsClaimedInTheNextAttempt()
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(Lies.ByName["wrong input"], "first");
        dispute.AddLiar(Lies.ByName["wrong task number at the start"], "second");
        dispute.AddHonest(awakeAfterSeconds: 3 * (ulong)World.Parameters.Allowance);
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();
        Claim confirmed = dispute.State.Claims[dispute.State.LatestConfirmed];
        Assert.True(confirmed.Attempt > 0);
        Assert.Equal(confirmed.Attempt, (ulong)dispute.State.Arenas.Values.Count(arena => arena.Result == TournamentResult.NoWinner));
    }
}
