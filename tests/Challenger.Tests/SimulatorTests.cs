using System.Numerics;
using Optimistic.Contracts.Ethereum;
using Optimistic.Simulator;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Challenger.Tests;

/// <summary>
/// Random games of the solver against every class of adversary, and the proof that the properties can fail: a model with one rule broken is
/// caught by at least one of them.
/// </summary>
public sealed class SimulatorTests(ITestOutputHelper output)
{
    [Fact]
    public void RandomGamesViolateNothing()
    {
        int seed = Random.Shared.Next(1_000_000_000);
        output.WriteLine($"seed {seed}");
        for (int i = 0; i < 3_000; i++)
        {
            GameOutcome outcome = RandomGame.Play(seed + i);
            Assert.True(
                outcome.Violated is null,
                $"{outcome.Message}: dotnet run -c Release --project tests/Simulator -- --seed {outcome.Seed} --games 1 --trace");
        }
    }

    /// <summary>The model pays what the contract pays.</summary>
    [Fact]
    public async Task GasUnitsAreThoseOfTheContract()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        await using RollupChain chain = await RollupChain.StartAsync(cancel);
        var tournament = new ContractHandler(chain.Chain.Client, chain.Deployment.Tournament);
        (FunctionMessage<BigInteger> Call, ulong Units)[] all =
        [
            (new Abi.Tournament.ADVANCEGASFunction(), Gas.Advance), (new Abi.Tournament.SEALGASFunction(), Gas.Seal),
            (new Abi.Tournament.PROVEGASFunction(), Gas.Prove), (new Abi.Tournament.TIMEOUTGASFunction(), Gas.Timeout),
            (new Abi.Tournament.ELIMINATEGASFunction(), Gas.Eliminate), (new Abi.Tournament.RESOLVEGASFunction(), Gas.Resolve),
            (new Abi.Tournament.SETTLEGASFunction(), Gas.Settle), (new Abi.Tournament.JOINGASFunction(), Gas.Join),
            (new Abi.Tournament.CONFIRMGASFunction(), Gas.Confirm), (new Abi.Tournament.JOININNERGASFunction(), Gas.JoinInner),
            (new Abi.Tournament.WITHDRAWGASFunction(), Gas.Withdraw),
        ];
        foreach ((FunctionMessage<BigInteger> call, ulong units) in all)
            Assert.Equal((call.Function.Name, units), (call.Function.Name, await tournament.QueryAsync(call, cancel: cancel)));
    }

    [Fact]
    public void TheSameSeedGivesTheSameGame()
    {
        for (int seed = 1; seed < 20; seed++)
            Assert.Equal(RandomGame.Play(seed), RandomGame.Play(seed));
    }

    /// <summary>An index that takes over what a move did not change decides as one that is made anew.</summary>
    [Fact]
    public void AnIndexMadeFromTheOneBeforeIsTheSame()
    {
        int compared = 0;
        for (int seed = 1; seed <= 40; seed++)
        {
            Simulation game = RandomGame.Create(seed);
            SolverPlayer honest = game.Players.OfType<SolverPlayer>().First(player => player.Honest);
            game.Landed += (l1, _, _, _) =>
            {
                IEnumerable<string> Keys(GameIndex index) =>
                    Solver.Decide(l1.Shape, honest.Address, new SolverPolicy(0, 1), index, honest.Traces, l1.Timestamp).Select(action => action.Key);
                Assert.Equal(Keys(new GameIndex(l1.State)), Keys(l1.Index));
                compared++;
            };
            game.RunAndCheck();
        }

        Assert.True(compared > 1_000);
    }

    /// <summary>
    /// A liar's clock at the seal is all that its class has inside. An honest player that joined there, because that liar's leaf is right,
    /// had one second for a move and lost its bond.
    /// </summary>
    [Fact]
    public void NobodyJoinsOnTheClockThatALiarLeft() => Assert.Null(RandomGame.Play(104_622).Violated);

    public static TheoryData<string> Rules => [.. Mutants.All.Select(rule => rule.ToString())];

    [Theory]
    [MemberData(nameof(Rules))]
    public void ABrokenRuleIsCaught(string rule)
    {
        MutantOutcome outcome = Mutants.Hunt(Enum.Parse<Rule>(rule), firstSeed: 1);
        output.WriteLine($"{rule}: {outcome.CaughtBy} in game {outcome.Games}");
        Assert.NotNull(outcome.CaughtBy);
    }
}
