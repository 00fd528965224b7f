using System.Globalization;
using System.Numerics;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.EndToEnd.Tests;

/// <summary>
/// What an honest challenger ends a dispute with (spec 4.6.7), from its balance and the receipts of real transactions, at base fees up to
/// the price ceiling.
/// </summary>
public sealed class MoneyTests(World world, ITestOutputHelper output) : IClassFixture<World>
{
    private static readonly BigInteger Gwei = BigInteger.Pow(10, 9);

    /// <summary>One liar at both levels, at a low price and just below the ceiling, which leaves room for the tip.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(240)]
    public async Task TheHonestSideEndsWithNoLessThanItBegan(int baseFeeGwei)
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(Lies.MemoryWord);
        Honest honest = dispute.AddHonest();
        await CheckAsync(dispute, honest, baseFeeGwei);
    }

    /// <summary>The rivals eliminate each other: the honest side wins without a match, and has the pot (spec 4.6.4).</summary>
    [Fact]
    public async Task ItIsPaidWhenItsRivalsEliminateEachOther()
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(Lies.ByName["wrong input"], "first");
        dispute.AddLiar(Lies.ByName["wrong task number at the start"], "second");
        Honest honest = dispute.AddHonest(awakeAfterSeconds: 60);
        await CheckAsync(dispute, honest, baseFeeGwei: 240);
    }

    /// <summary>Nobody comes to the inner tournament: the one who joined it has its prize all the same (spec 4.6.3).</summary>
    [Fact]
    public async Task ItIsPaidWhenNobodyComesToTheInnerTournament()
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(Lies.MemoryWord, stamina: 7);
        Honest honest = dispute.AddHonest();
        await CheckAsync(dispute, honest, baseFeeGwei: 240);
    }

    private async Task CheckAsync(Dispute dispute, Honest honest, int baseFeeGwei)
    {
        BigInteger before = await world.Client.GetBalanceAsync(honest.Address);
        BigInteger baseFee = baseFeeGwei * Gwei;
        object[] hex = [$"0x{baseFee.ToString("x", CultureInfo.InvariantCulture)}"];
        await world.Client.Rpc.CallAsync("anvil_setNextBlockBaseFeePerGas", hex);
        await world.Client.Rpc.CallAsync("anvil_mine", []);
        await dispute.Game.FollowAsync();
        await dispute.PlayAsync(() =>
        {
            // The fee of blocks that are not full falls by up to an eighth: it is set again before each turn.
            world.Client.Rpc.CallAsync("anvil_setNextBlockBaseFeePerGas", hex).GetAwaiter().GetResult();
            return dispute.IsOver();
        });
        await dispute.CheckTheTruthWonAsync();

        var tournaments = new ContractHandler(world.Client, world.Contracts.Tournaments);
        BigInteger credit = await tournaments.QueryAsync(new Abi.Tournament.CreditsFunction(honest.Address));
        var sender = new TransactionSender(world.Client, DevChain.Accounts.Single(account => account.Address == honest.Address));
        TransactionReceipt withdrawn = await sender.SendAsync(world.Contracts.Tournaments, new Abi.Tournament.WithdrawFunction(honest.Address));
        BigInteger after = await world.Client.GetBalanceAsync(honest.Address);
        output.WriteLine($"base fee {baseFeeGwei} gwei, {honest.Gas + withdrawn.GasUsed} gas: {after - before} wei more");
        Assert.True(credit > 0);
        Assert.True(after >= before, $"The honest side has {before - after} wei less than before.");
    }
}
