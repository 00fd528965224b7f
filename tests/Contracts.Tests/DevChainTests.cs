using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;

namespace Optimistic.Contracts.Tests;

/// <summary>The development chain starts, obeys, and leaves nothing behind.</summary>
public sealed class DevChainTests(ChainFixture fixture)
{
    private static readonly BigInteger Ether = BigInteger.Pow(10, 18);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task FundsThePublicAccounts()
    {
        foreach (Account account in DevChain.Accounts)
            Assert.True(await fixture.Chain.Client.GetBalanceAsync(account.Address, cancel: Cancel) > 9_000 * Ether);
        Assert.Equal(DevChain.DefaultChainId, fixture.Chain.Client.ChainId);
    }

    [Fact]
    public async Task MovesTimeSnapshotsAndReorganizes()
    {
        await using DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        EthereumClient client = chain.Client;
        await chain.MineAsync(5, cancel: Cancel);
        string snapshot = await chain.SnapshotAsync(Cancel);
        BlockHeader before = (await client.GetBlockAsync(BlockParameter.Latest, Cancel))!;
        await chain.IncreaseTimeAsync(10_000, Cancel);
        BlockHeader later = (await client.GetBlockAsync(BlockParameter.Latest, Cancel))!;
        Assert.InRange(later.Timestamp, before.Timestamp + 10_000, before.Timestamp + 10_100);
        await chain.WarpAsync(later.Timestamp + 77, Cancel);
        Assert.Equal(later.Timestamp + 77, (await client.GetBlockAsync(BlockParameter.Latest, Cancel))!.Timestamp);

        await chain.ReorganizeAsync(2, Cancel);
        BlockHeader replaced = (await client.GetBlockAsync(later.Number, Cancel))!;
        Assert.NotEqual(later.Hash, replaced.Hash);
        Assert.Equal(later.ParentHash, replaced.ParentHash);

        await chain.RevertAsync(snapshot, Cancel);
        Assert.Equal(before, await client.GetBlockAsync(BlockParameter.Latest, Cancel));
        Assert.Equal(before.Number - 1, (await client.GetBlockAsync(BlockParameter.Safe, Cancel))!.Number);
        Assert.Equal(before.Number - 2, (await client.GetBlockAsync(BlockParameter.Finalized, Cancel))!.Number);
        Assert.Null(await client.GetBlockAsync(before.Number + 10, Cancel));
    }

    [Fact]
    public async Task TellsWhyItDoesNotStart()
    {
        ToolchainException error = await Assert.ThrowsAsync<ToolchainException>(
            () => DevChain.StartAsync(new DevChainOptions { Port = fixture.Chain.Url.Port }, Cancel));
        Assert.DoesNotContain('\n', error.Message);
        Assert.Contains("anvil", error.Message);
    }

    [Fact]
    public async Task EndsWithTheProcessThatStartedIt()
    {
        await using DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        using EthereumClient client = await EthereumClient.ConnectAsync(
            [chain.Url], null, new JsonRpcOptions { MaxAttempts = 1 }, cancel: Cancel);
        await chain.AbandonAsync();
        await Assert.ThrowsAsync<RpcUnreachableException>(() => client.GetBlockNumberAsync(Cancel));
        // The guard deletes the folder after the chain has ended.
        for (int i = 0; i < 3000 && chain.LeftScratch; i++)
            await Task.Delay(20, Cancel);
        Assert.False(chain.LeftScratch);
    }

    [Fact]
    public async Task OutlivesItsParentWhenAsked()
    {
        DevChain chain = await DevChain.StartAsync(new DevChainOptions { OutlivesParent = true }, Cancel);
        using Process process = Process.GetProcessById(chain.ProcessId);
        await chain.DisposeAsync();
        using (EthereumClient client = await EthereumClient.ConnectAsync(chain.Url, cancel: Cancel))
            Assert.Equal(0UL, await client.GetBlockNumberAsync(Cancel));
        using Process kill = Process.Start("kill", process.Id.ToString(CultureInfo.InvariantCulture));
        await kill.WaitForExitAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        Assert.False(chain.LeftScratch);
    }
}
