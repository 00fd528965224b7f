using System.Numerics;
using Optimistic.Contracts.Bindings;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;

namespace Optimistic.Contracts.Tests;

/// <summary>The contracts are deployed, wired as the spec says, and recognized again.</summary>
public sealed class DeploymentTests(ChainFixture fixture)
{
    private static readonly Account Deployer = DevChain.Accounts[7];

    private static readonly DeploymentParameters Parameters = new(
        [DevChain.Accounts[0].Address, DevChain.Accounts[1].Address],
        new InboxLimits(3600, 600, 1UL << 36, 1UL << 38, 600, 1_000_000_000),
        new Parameters(3600, 60, 600, 300, BigInteger.Pow(10, 18), BigInteger.Pow(10, 18), 100_000_000_000),
        DevChain.Accounts[9].Address,
        Keccak.Hash("genesis"u8));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private EthereumClient Client => fixture.Chain.Client;

    [Fact]
    public async Task DeploysInOrderAndReadsBack()
    {
        List<string> order = [];
        Deployment deployment = await Deployment.DeployAsync(
            new TransactionSender(Client, Deployer), Parameters, (name, _, _) => order.Add(name), Cancel);

        Assert.Equal(["StepVerifier", "Inbox", "Tournament", "Rollup", "Outbox"], order);
        Assert.Equal(deployment, await Deployment.ReadAsync(Client, deployment.Rollup, deployment.Outbox, Cancel));

        ContractHandler inbox = new(Client, deployment.Inbox), tournament = new(Client, deployment.Tournament);
        ContractHandler rollup = new(Client, deployment.Rollup), outbox = new(Client, deployment.Outbox);
        Assert.True(await inbox.QueryAsync(new Inbox.IsSequencerFunction(Parameters.Sequencers[1]), cancel: Cancel));
        Assert.False(await inbox.QueryAsync(new Inbox.IsSequencerFunction(Deployer.Address), cancel: Cancel));
        Assert.Equal(Parameters.Clocks, await tournament.QueryAsync(new Tournament.ParametersFunction(), cancel: Cancel));
        Assert.Equal(Parameters.Treasury, await tournament.QueryAsync(new Tournament.TreasuryFunction(), cancel: Cancel));
        Assert.Equal(deployment.StepVerifier, await tournament.QueryAsync(new Tournament.VerifierFunction(), cancel: Cancel));
        Assert.Equal(deployment.Rollup, await outbox.QueryAsync(new Outbox.RollupFunction(), cancel: Cancel));
        ClaimRef genesis = await rollup.QueryAsync(new Rollup.GenesisFunction(), cancel: Cancel);
        Assert.Equal(new ClaimRef(Word.Zero, Parameters.GenesisStateRoot, Word.Zero), genesis);
        Word latest = await rollup.QueryAsync(new Rollup.LatestConfirmedFunction(), cancel: Cancel);
        Assert.Equal(Keccak.Quad(genesis.Tournament, genesis.StateRoot, genesis.TraceRoot, Word.Zero), latest);
        Assert.Equal(ClaimStatus.Confirmed, (await rollup.QueryAsync(new Rollup.ClaimInfoFunction(latest), cancel: Cancel)).Status);

        EventLog<Rollup.ConfirmedEvent> confirmed =
            Assert.Single(await rollup.GetEventsAsync<Rollup.ConfirmedEvent>(deployment.Block, deployment.Block, [[latest]], Cancel));
        Assert.Equal((latest, ulong.MaxValue), (confirmed.Event.Id, confirmed.Event.Batch));
    }

    [Fact]
    public async Task NamesTheErrorsOfTheContracts()
    {
        Deployment deployment = await Deployment.DeployAsync(new TransactionSender(Client, DevChain.Accounts[8]), Parameters, cancel: Cancel);
        TransactionSender stranger = new(Client, DevChain.Accounts[8]);
        ContractRevertException error = await Assert.ThrowsAsync<ContractRevertException>(
            () => stranger.SendAsync(deployment.Tournament, new Tournament.WithdrawFunction(stranger.Address), cancel: Cancel));
        Assert.True(error.TryRead(out Tournament.NothingToWithdrawError? nothing));
        Assert.NotNull(nothing);
        Assert.False(error.TryRead(out Tournament.OnlyRollupError? _));
        Assert.Equal("NothingToWithdraw", error.ErrorName);
        Assert.Contains("withdraw", error.Message);

        error = await Assert.ThrowsAsync<ContractRevertException>(() => stranger.DeployAsync(
            new Inbox.Deployment([], Parameters.Limits), Cancel));
        Assert.Equal("LimitsOutOfRange", error.ErrorName);
    }

    [Fact]
    public async Task RecognizesWhatIsNotThisRollup()
    {
        TransactionSender sender = new(Client, Deployer);
        ContractMissingException error = await Assert.ThrowsAsync<ContractMissingException>(
            () => Deployment.ReadAsync(Client, Address.FromWord(Keccak.Hash("nothing"u8)), cancel: Cancel));
        Assert.Contains("no Rollup", error.Message);

        (Address verifier, _) = await sender.DeployAsync(new StepVerifier.Deployment(), Cancel);
        error = await Assert.ThrowsAsync<ContractMissingException>(() => Deployment.ReadAsync(Client, verifier, cancel: Cancel));
        Assert.Contains("not the Rollup", error.Message);
        Assert.Equal(verifier, error.Address);

        error = await Assert.ThrowsAsync<ContractMissingException>(() => new ContractHandler(Client, Deployer.Address)
            .QueryAsync(new Rollup.LatestConfirmedFunction(), cancel: Cancel));
        Assert.Contains("no code", error.Message);
    }
}
