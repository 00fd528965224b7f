using System.Collections.Concurrent;
using System.Numerics;
using System.Text;
using System.Text.Json;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;

namespace Optimistic.Contracts.Tests;

/// <summary>
/// Transactions that go through a private relay: one that works, and ones that forget, hang, refuse and are not there. Time is counted in
/// blocks, and the tests make them.
/// </summary>
public sealed class PrivateRelayTests : IAsyncLifetime
{
    // SLOAD(0), JUMPI to a revert; else SSTORE(0, 1): works once.
    private const string WorksOnce = "5f54600a5760015f55005b5f5ffd";

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private static readonly TransactionSenderOptions Patient = new() { StuckAfter = Hour, MaxPoll = TimeSpan.FromMilliseconds(20) };

    private readonly ConcurrentQueue<string?> _reports = [];
    private readonly HiddenPool _pool = new();
    private DevChain? _chain;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private DevChain Chain => _chain!;

    private static Address Us => DevChain.Accounts[0].Address;

    public async ValueTask InitializeAsync()
    {
        _chain = await DevChain.StartAsync(cancel: Cancel);
        await Chain.SetAutomineAsync(false, Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        await Chain.DisposeAsync();
    }

    [Fact]
    public async Task NobodySeesATransactionBeforeItIsMined()
    {
        using PrivateRelay relay = RelayAt(_pool.Url);
        TransactionSender sender = SenderThrough(relay);
        Task<TransactionReceipt>[] sending = [.. Enumerable.Range(0, 5).Select(i => sender.SendAsync(Transfer($"hidden {i}"), Cancel))];
        await UntilAsync(() => _pool.Held.Count == 5);
        Assert.Equal([0UL, 1, 2, 3, 4], _pool.Held.Select(held => held.Nonce));
        await Chain.MineAsync(2, cancel: Cancel);
        Assert.Equal(0, await PooledAsync());
        Assert.All(sending, task => Assert.False(task.IsCompleted));

        Assert.Equal(5, await _pool.GiveAsync(Chain.Client, Us, Cancel));
        await Chain.MineAsync(cancel: Cancel);
        Assert.All(await Task.WhenAll(sending), receipt => Assert.True(receipt.Succeeded));
        Assert.Empty(_reports);
    }

    /// <summary>What a rival makes impossible is withdrawn for nothing, and what stands behind it takes its nonce and is mined.</summary>
    [Fact]
    public async Task ARivalThatIsFirstCostsNothing()
    {
        Address once = Fresh("once"), twice = Fresh("twice");
        await Chain.SetCodeAsync(once, Convert.FromHexString(WorksOnce), Cancel);
        await Chain.SetCodeAsync(twice, Convert.FromHexString(WorksOnce), Cancel);
        using PrivateRelay relay = RelayAt(_pool.Url);
        TransactionSender sender = SenderThrough(relay), rival = new(Chain.Client, DevChain.Accounts[1], Patient);
        BigInteger before = await Chain.Client.GetBalanceAsync(Us, cancel: Cancel);
        List<Task<TransactionReceipt>> sending = [];
        foreach (TransactionRequest request in new[] { Call(once), Transfer("between"), Call(twice), Transfer("last") })
        {
            sending.Add(sender.SendAsync(request, Cancel));
            await UntilAsync(() => _pool.Held.Count == sending.Count);
        }

        BigInteger fee = _pool.Held[0].MaxFee;
        Task<TransactionReceipt>[] first = [rival.SendAsync(Call(once), Cancel), rival.SendAsync(Call(twice), Cancel)];
        await UntilAsync(async () => await PooledAsync() == 2);
        await Chain.MineAsync(cancel: Cancel);
        await Task.WhenAll(first);
        foreach (int refused in new[] { 0, 2 })
            Assert.Null((await Assert.ThrowsAsync<ContractRevertException>(() => sending[refused])).Receipt);

        HashSet<Address> left = [Fresh("between"), Fresh("last")];
        await UntilAsync(() => left.SetEquals(_pool.Held.Where(held => held.Nonce < 2).Select(held => held.To)));
        Assert.True(_pool.Held[0].MaxFee * 10 >= fee * 11);
        Assert.Equal(2, await _pool.GiveAsync(Chain.Client, Us, Cancel));
        await Chain.MineAsync(cancel: Cancel);
        TransactionReceipt[] receipts = [await sending[1], await sending[3]];
        Assert.Equal(2UL, await Chain.Client.GetTransactionCountAsync(Us, BlockParameter.Latest, Cancel));
        Assert.Equal(before - receipts.Aggregate(BigInteger.Zero, (sum, receipt) => sum + receipt.Fee) - 2, await Chain.Client.GetBalanceAsync(Us, cancel: Cancel));
        Assert.Empty(_reports);
    }

    /// <summary>Relays drop what cannot be used in one block, and do not say so.</summary>
    [Fact]
    public async Task WhatTheRelayDroppedIsOfferedAgainWithTheNextBlock()
    {
        using PrivateRelay relay = RelayAt(_pool.Url);
        _pool.Forgets = true;
        Task<TransactionReceipt> sending = SenderThrough(relay).SendAsync(Transfer("dropped"), Cancel);
        await UntilAsync(() => _pool.Received == 1);
        _pool.Forgets = false;
        await Chain.MineAsync(cancel: Cancel);
        await UntilAsync(() => _pool.Held.Count == 1);
        await _pool.GiveAsync(Chain.Client, Us, Cancel);
        await Chain.MineAsync(cancel: Cancel);
        Assert.True((await sending).Succeeded);
        Assert.Empty(_reports);
    }

    /// <summary>One that brings in a transaction a block is slow for the last of many, and works.</summary>
    [Fact]
    public async Task OneByOneIsNoFailure()
    {
        const int Many = (int)PrivateRelay.MaxBlocks + 5;
        using PrivateRelay relay = RelayAt(_pool.Url);
        TransactionSender sender = SenderThrough(relay);
        Task<TransactionReceipt>[] sending = [.. Enumerable.Range(0, Many).Select(i => sender.SendAsync(Transfer($"queue {i}"), Cancel))];
        await UntilAsync(() => _pool.Held.Count == Many);
        for (int i = 0; i < Many; i++)
        {
            Assert.Equal(1, await _pool.GiveAsync(Chain.Client, Us, Cancel, most: 1));
            await Chain.MineAsync(cancel: Cancel);
            await UntilAsync(() => sending.Count(task => task.IsCompleted) == i + 1);
        }

        Assert.All(await Task.WhenAll(sending), receipt => Assert.True(receipt.Succeeded));
        Assert.Empty(_reports);
    }

    /// <summary>Nothing tells what an earlier run has sent there. It is outbid, or mined and counted.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatAnEarlierRunHasSentThereIsNotInTheWay(bool isMined)
    {
        using PrivateRelay relay = RelayAt(_pool.Url);
        TransactionSenderOptions options = Patient with { StuckAfter = TimeSpan.FromMilliseconds(50) };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        Task<TransactionReceipt> earlier = SenderThrough(relay).SendAsync(Transfer("earlier"), stop.Token);
        await UntilAsync(() => _pool.Held.Count == 1);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => earlier);

        Task<TransactionReceipt> later = new TransactionSender(Chain.Client, DevChain.Accounts[0], isMined ? Patient : options, relay: relay)
            .SendAsync(Transfer("later"), Cancel);
        if (isMined)
        {
            await _pool.GiveAsync(Chain.Client, Us, Cancel);
            await Chain.MineAsync(cancel: Cancel);
        }

        // Offered between the two, it may be there with the nonce that the block then took.
        ulong nonce = await Chain.Client.GetTransactionCountAsync(Us, BlockParameter.Latest, Cancel);
        await UntilAsync(() => _pool.Held.Any(held => held.To == Fresh("later") && held.Nonce == nonce));
        await _pool.GiveAsync(Chain.Client, Us, Cancel);
        await Chain.MineAsync(cancel: Cancel);
        Assert.True((await later).Succeeded);
        Assert.Equal(isMined ? 2UL : 1, await Chain.Client.GetTransactionCountAsync(Us, BlockParameter.Latest, Cancel));
    }

    [Fact]
    public async Task FeesAreRaisedThereAsWell()
    {
        using PrivateRelay relay = RelayAt(_pool.Url);
        TransactionSender sender = new(Chain.Client, DevChain.Accounts[0], Patient with { StuckAfter = TimeSpan.FromMilliseconds(50) }, relay: relay);
        Task<TransactionReceipt> sending = sender.SendAsync(Transfer("raised"), Cancel);
        // Above what the first fees allow.
        BigInteger fee = 10 * BigInteger.Pow(10, 9);
        await UntilAsync(() => _pool.Held.Any(held => held.MaxFee > fee));
        await Chain.SetNextBaseFeeAsync(fee, Cancel);
        await _pool.GiveAsync(Chain.Client, Us, Cancel);
        await Chain.MineAsync(cancel: Cancel);
        Assert.True((await sending).Succeeded);
        Assert.Equal(1UL, await Chain.Client.GetTransactionCountAsync(Us, BlockParameter.Latest, Cancel));
    }

    [Theory]
    [InlineData("forgets")]
    [InlineData("refuses")]
    [InlineData("is not there")]
    [InlineData("Hang")]
    [InlineData("Reset")]
    [InlineData("Status500")]
    [InlineData("Garbage")]
    [InlineData("WrongId")]
    public async Task OneThatDoesNotWorkLosesNothing(string how)
    {
        using PrivateRelay relay = RelayAt(how == "is not there" ? new Uri("http://127.0.0.1:1/") : _pool.Url);
        TransactionSender sender = SenderThrough(relay);
        _pool.Forgets = how == "forgets";
        _pool.Refusal = how == "refuses" ? "execution reverted" : null;
        _pool.Fault = Enum.TryParse(how, out Fault fault) ? fault : Fault.None;

        // Two wait for it, until it has had its blocks.
        ulong first = await Chain.Client.GetBlockNumberAsync(Cancel);
        Task<TransactionReceipt[]> sending = Task.WhenAll(sender.SendAsync(Transfer("one"), Cancel), sender.SendAsync(Transfer("two"), Cancel));
        while (!sending.IsCompleted)
        {
            await Chain.MineAsync(cancel: Cancel);
            await Task.Delay(5, Cancel);
        }

        Assert.All(await sending, receipt => Assert.True(receipt.Succeeded && receipt.BlockNumber > first + PrivateRelay.MaxBlocks));
        Assert.False(relay.IsUsed);
        Assert.NotNull(Assert.Single(_reports));

        // The next ones do not wait.
        int requests = _pool.Requests;
        Task<TransactionReceipt> next = sender.SendAsync(Transfer("three"), Cancel);
        await UntilAsync(async () => await PooledAsync() == 1);
        await Chain.MineAsync(cancel: Cancel);
        Assert.True((await next).Succeeded);
        Assert.Equal(requests, _pool.Requests);
        Assert.Single(_reports);
        if (how == "is not there")
            return;

        // It comes back, and has another chance.
        (_pool.Forgets, _pool.Refusal, _pool.Fault) = (false, null, Fault.None);
        await Chain.MineAsync(PrivateRelay.PauseBlocks, cancel: Cancel);
        Task<TransactionReceipt> hidden = sender.SendAsync(Transfer("four"), Cancel);
        await UntilAsync(() => _pool.Held.Count == 1);
        Assert.Equal(0, await PooledAsync());
        await _pool.GiveAsync(Chain.Client, Us, Cancel);
        await Chain.MineAsync(cancel: Cancel);
        Assert.True((await hidden).Succeeded);
        Assert.True(relay.IsUsed);
        Assert.Null(_reports.Last());
        Assert.Equal(2, _reports.Count);
    }

    /// <summary>Where blocks come seldom, patience ends by the clock.</summary>
    [Fact]
    public async Task PatienceEndsWithoutBlocksToo()
    {
        _pool.Forgets = true;
        using PrivateRelay relay = RelayAt(_pool.Url, TimeSpan.FromMilliseconds(50));
        Task<TransactionReceipt> sending = SenderThrough(relay).SendAsync(Transfer("soon"), Cancel);
        await UntilAsync(async () => await PooledAsync() == 1);
        await Chain.MineAsync(cancel: Cancel);
        Assert.True((await sending).Succeeded);
    }

    /// <summary>A node that fails now and then gives a relay that does not work no more blocks.</summary>
    [Fact]
    public async Task TryingAgainDoesNotBeginToWaitAgain()
    {
        await using FaultyEndpoint node = new(Chain.Url);
        using EthereumClient client = await EthereumClient.ConnectAsync([node.Url], null, new JsonRpcOptions { MaxAttempts = 1 }, cancel: Cancel);
        using PrivateRelay relay = RelayAt(_pool.Url);
        _pool.Forgets = true;
        TransactionSender sender = new(client, DevChain.Accounts[0], Patient, relay: relay);
        Task<TransactionReceipt> sending = sender.SendAsync(Transfer("again"), Cancel);
        await UntilAsync(() => _pool.Received > 0);
        await Chain.MineAsync(PrivateRelay.MaxBlocks - 5, cancel: Cancel);
        node.Behaviour = _ => Fault.Status500;
        await Assert.ThrowsAsync<RpcUnreachableException>(() => sending);
        node.Behaviour = _ => Fault.None;

        int received = _pool.Received;
        sending = sender.SendAsync(Transfer("again"), Cancel);
        await UntilAsync(() => _pool.Received > received);
        Assert.Equal(0, await PooledAsync());
        await Chain.MineAsync(5, cancel: Cancel);
        await UntilAsync(async () => await PooledAsync() == 1);
        await Chain.MineAsync(cancel: Cancel);
        Assert.True((await sending).Succeeded);
    }

    private PrivateRelay RelayAt(Uri url, TimeSpan? patience = null) => new(url, patience ?? Hour) { Report = _reports.Enqueue };

    private TransactionSender SenderThrough(PrivateRelay relay) => new(Chain.Client, DevChain.Accounts[0], Patient, relay: relay);

    private static TransactionRequest Transfer(string to) => new(Fresh(to), default, 1);

    private static TransactionRequest Call(Address contract) => new(contract, default);

    private static Address Fresh(string name) => Address.FromWord(Keccak.Hash(Encoding.ASCII.GetBytes(name)));

    /// <summary>Transactions in the public pool.</summary>
    private async Task<int> PooledAsync()
    {
        JsonElement status = await Chain.Client.Rpc.CallAsync("txpool_status", [], Cancel);
        return (int)(HexJson.UInt64(status.GetProperty("pending"), "pending") + HexJson.UInt64(status.GetProperty("queued"), "queued"));
    }

    private static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        while (!await condition())
            await Task.Delay(5, Cancel);
    }
}
