using FsCheck.Xunit;
using Optimistic.Contracts.L1;
using Optimistic.Simulator;

namespace Optimistic.Challenger.Tests;

/// <summary>
/// Whole games of the real solver against adversaries, in a model of the contracts over small trees. Every property of the simulator is
/// checked after every call; each game checks what an honest player is promised.
/// </summary>
public sealed class SolverTests
{
    private const ulong Leaves = 64;
    private const int Tasks = 12;

    private static LieAbout RandomLie(Random random) => new(
        (Lie)random.Next(1, 6),
        random.Next(4) switch
        {
            0 => 0,
            1 => Tasks * 4 - 1,
            _ => (ulong)random.Next(Tasks * 4),
        },
        (ulong)random.Next(16),
        (ulong)random.Next());

    /// <summary>A lie that changes the trace: a corruption where nothing is loaded, or in a chunk that is none, may change nothing.</summary>
    private static LieAbout[] Lies(Simulation game, int batches)
    {
        var lies = new LieAbout[batches];
        Array.Fill(lies, LieAbout.Nothing);
        lies[game.Random.Next(batches)] = RandomLie(game.Random);
        return lies;
    }

    [Fact]
    public void AloneWithAnHonestSequencerNothingIsDisputed()
    {
        var game = new Simulation(1, batches: 3, Tasks);
        SolverPlayer sequencer = game.AddHonest("sequencer", claimAfter: 0);
        game.AddHonest("watcher");
        game.RunAndCheck(sequencer);
        Assert.Empty(game.L1.State.Arenas);
    }

    [Property(MaxTest = 60)]
    public void OneLiarLoses(int seed)
    {
        var game = new Simulation(seed, batches: 1, Tasks);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 8);
        game.AddLiar("liar", Lies(game, 1));
        game.RunAndCheck(honest);
    }

    [Theory]
    [MemberData(nameof(EveryLieEverywhere))]
    public void EveryKindOfLieAtEveryKindOfLeafLoses(int kind, ulong position, ulong step)
    {
        var game = new Simulation(unchecked((int)(position * 31 + step)), batches: 1, Tasks);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 8);
        game.AddLiar("liar", [new LieAbout((Lie)kind, position, step, 7)]);
        game.RunAndCheck(honest);
    }

    public static IEnumerable<TheoryDataRow<int, ulong, ulong>> EveryLieEverywhere()
    {
        ulong[] positions = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 22, 35, 46, 47, 48, Leaves - 1];
        foreach (Lie kind in Enum.GetValues<Lie>().Where(kind => kind != Lie.None))
        {
            foreach (ulong position in positions)
            {
                ulong[] steps = kind == Lie.MachineInChunk ? [0, 1, 7, 14, 15] : [0];
                foreach (ulong step in steps)
                    yield return new TheoryDataRow<int, ulong, ulong>((int)kind, position, step);
            }
        }
    }

    [Property(MaxTest = 40)]
    public void ALiarWhoWalksAwayAtAnyPointLoses(int seed)
    {
        var random = new Random(seed);
        var game = new Simulation(seed, batches: 1, Tasks);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 8);
        game.AddLiar("liar", Lies(game, 1), stamina: random.Next(1, 9));
        game.RunAndCheck(honest);
    }

    [Property(MaxTest = 25)]
    public void ALiarWhoTakesAllItsTimeLoses(int seed)
    {
        var game = new Simulation(seed, batches: 1, Tasks);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 8);
        game.AddLiar("liar", Lies(game, 1), delay: game.UntilTheLastSecond);
        game.RunAndCheck(honest);
    }

    [Property(MaxTest = 25)]
    public void ManyLiarsAndSquattersLose(int seed)
    {
        var game = new Simulation(seed, batches: 1, Tasks);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 8);
        for (int i = 0; i < 4; i++)
        {
            int stamina = game.Random.Next(2) == 0 ? -1 : game.Random.Next(1, 12);
            bool slow = game.Random.Next(3) == 0;
            game.AddLiar($"liar {i}", Lies(game, 1), stamina, slow ? game.UntilTheLastSecond : null);
        }

        game.Add(new ClassFlooder("squatter", game, honest.Traces, roots: 3, late: false));
        game.RunAndCheck(honest);
    }

    [Property(MaxTest = 25)]
    public void MeddlersWithEverybodysTracesChangeNothing(int seed)
    {
        var game = new Simulation(seed, batches: 1, Tasks);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 8);
        SolverPlayer liar = game.AddLiar("liar", Lies(game, 1));
        SolverPlayer other = game.AddLiar("other", Lies(game, 1), awakeAt: game.L1.Now + 5);
        game.Add(new Meddler("meddler", game, [honest.Traces, liar.Traces, other.Traces]));
        game.RunAndCheck(honest);
    }

    [Property(MaxTest = 25)]
    public void TwoHonestPlayersDoNotHurtEachOther(int seed)
    {
        var game = new Simulation(seed, batches: 1, Tasks);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 8);
        SolverPlayer second = game.AddHonest("second", claimAfter: 8);
        game.AddLiar("liar", Lies(game, 1));
        game.RunAndCheck(honest);
        game.RunAndCheck(second);
    }

    /// <summary>The true root is defended whoever posted it: here by one that posts it and leaves.</summary>
    [Property(MaxTest = 25)]
    public void TheTrueRootOfADeserterIsDefended(int seed)
    {
        var game = new Simulation(seed, batches: 1, Tasks);
        game.AddLiar("deserter", [], stamina: 1);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 12);
        game.AddLiar("liar", Lies(game, 1), awakeAt: game.L1.Now + 5);
        game.RunAndCheck(honest);
    }

    [Property(MaxTest = 20)]
    public void PipelinedBatchesConfirmAndNobodyPlaysUnderARejectedClaim(int seed)
    {
        var game = new Simulation(seed, batches: 3, Tasks);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 6);
        game.AddLiar("liar", Lies(game, 3));
        game.AddLiar("other", Lies(game, 3), awakeAt: game.L1.Now + 4);
        game.RunAndCheck(honest);
        IReadOnlyDictionary<Vm.Word, Verdict> verdicts = Solver.JudgeAll(Simulation.SmallShape, game.L1.Index, honest.Traces);
        foreach (Claim claim in game.L1.State.Claims.Values.Where(claim => claim.Claimer == honest.Address))
            Assert.Equal(Verdict.Accepted, verdicts[claim.Id]);
        foreach (Claim claim in game.L1.State.Claims.Values.Where(claim => claim.Confirmed))
            Assert.Equal(Verdict.Accepted, verdicts[claim.Id]);
    }

    /// <summary>Both wrong at the same load, which neither can prove: no winner, and the rollup goes on with the next attempt.</summary>
    [Fact]
    public void ATournamentWithoutAWinnerIsPlayedAgain()
    {
        var game = new Simulation(5, batches: 1, Tasks);
        game.AddLiar("one", [new LieAbout(Lie.OutputsAfterTransition, 4, 0, 1)]);
        game.AddLiar("two", [new LieAbout(Lie.OutputsAfterTransition, 4, 0, 2)]);
        SolverPlayer honest = game.AddHonest("honest", awakeAt: game.L1.Now + 200);
        game.Run(() => game.L1.State.Arenas.Values.Any(arena => arena.Result == TournamentResult.NoWinner) && game.L1.Now > honest.AwakeAt);
        game.RunAndCheck(honest);
        Assert.Contains(game.L1.State.Claims.Values, claim => claim.Confirmed && claim.Attempt > 0);
    }

    /// <summary>Fetching the refund of each move would cost half of it: during a dispute, credits wait until they pay for a bond (spec 4.6.7).</summary>
    [Fact]
    public void CreditsAreFetchedAfterTheDispute()
    {
        var game = new Simulation(8, batches: 1, Tasks);
        game.AddLiar("liar", [new LieAbout(Lie.OutputsAfterTransition, 4, 0, 1)]);
        SolverPlayer honest = game.Add(new SolverPlayer("honest", game, game.Traces(), new SolverPolicy(null, 1), _ => 0, honest: true));
        UInt128 most = 0;
        game.Run(() =>
        {
            UInt128 credit = game.L1.CreditsOf(honest.Address);
            if (game.L1.State.Arenas.Values.Any(arena => arena.Result == TournamentResult.Undecided))
                Assert.True(credit >= most || most >= UInt128.Min(game.L1.State.InForce!.BondBatch, game.L1.State.InForce.BondChunk), "It fetched the refund of a move.");
            most = UInt128.Max(most, credit);
            return most > 0 && credit == 0;
        });
        Assert.Contains("withdraw", honest.Did);
    }

    /// <summary>These games prove nothing about a rule that never applies in them.</summary>
    [Fact]
    public void EveryRuleIsPlayed()
    {
        var did = new HashSet<string>();
        for (int seed = 0; seed < 40; seed++)
        {
            var game = new Simulation(seed, batches: 2, Tasks);
            SolverPlayer honest = game.AddHonest("honest", claimAfter: seed % 2 == 0 ? 6 : null);
            for (int i = 0; i < 3; i++)
                game.AddLiar($"liar {i}", Lies(game, 2), stamina: game.Random.Next(1, 14), delay: _ => (ulong)game.Random.Next(3));
            if (seed % 2 == 1)
                game.AddHonest("second", claimAfter: 6);
            game.RunAndCheck(honest);
            game.Run(() => game.L1.CreditsOf(honest.Address) < Gas.Withdraw * 100 * game.L1.Parameters.PriceCeiling);
            did.UnionWith(honest.Did);
        }

        foreach (string rule in (string[])
        [
            "claim", "challenge", "join-inner", "advance", "seal", "prove-transition", "prove-step", "timeout", "resolve-inner", "settle", "confirm",
            "withdraw",
        ])
        {
            Assert.Contains(rule, did);
        }
    }

    /// <summary>
    /// The true root is out with a liar because nobody proved it in time. The bond of the claim that was built on it comes back, and the
    /// next attempt goes on (spec 4.5.2, 5.4.5).
    /// </summary>
    [Fact]
    public void TheBondOfAClaimWhoseParentLostIsRecovered()
    {
        var game = new Simulation(3, batches: 2, Tasks);
        ulong start = game.L1.Now;
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 5);
        honest.Asleep = (start + 14, start + 120);
        game.Defended = false;
        game.Add(new SolverPlayer("half", game, game.Traces(), new SolverPolicy(null, 1), _ => 0, honest: false)
        {
            Willing = action => action is Advance or Seal,
            AwakeAt = start + 14,
        });
        game.AddLiar("liar", [new LieAbout(Lie.OutputsAfterTransition, 4, 0, 9)], awakeAt: start + 15);
        game.Run(() => game.L1.IsConfirmed(1) && honest.Did.Contains("recover"));

        Assert.Contains(
            game.L1.Arenas, arena => arena.Commitments.Values.Any(commitment => commitment.Eliminated && commitment.Claimer == honest.Address));
        Assert.Contains(game.L1.State.Claims.Values, claim => claim.Confirmed && claim.Attempt == 1);
        Int128 gas = (Int128)(40 * Gas.Prove * game.L1.Parameters.PriceCeiling);
        Assert.True(game.L1.Balance(honest.Address) >= -(Int128)game.L1.Bond(0) - gas, "It has lost more than the one bond.");
    }

    [Property(MaxTest = 10)]
    public void TheSameGameGivesTheSameActions(int seed)
    {
        var game = new Simulation(seed, batches: 2, Tasks);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 6);
        game.AddLiar("liar", Lies(game, 2));
        game.Run(() =>
        {
            var policy = new SolverPolicy(6, 1);
            IEnumerable<string> once = Solver.Decide(Simulation.SmallShape, honest.Address, policy, game.L1.State, honest.Traces, game.L1.Timestamp).Select(a => a.Key);
            IEnumerable<string> twice = Solver.Decide(Simulation.SmallShape, honest.Address, policy, game.L1.State, honest.Traces, game.L1.Timestamp).Select(a => a.Key);
            Assert.Equal(once, twice);
            Assert.Equal(once.Distinct(), once);
            return game.L1.IsConfirmed(1);
        });
    }
}
