using Optimistic.Contracts.Bindings;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger.Tests;

/// <summary>The follower on a real chain: whatever the chain does, what was handed out is what the chain has.</summary>
public sealed class ChainFollowerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task WhatIsFollowedIsWhatTheChainHas(int seed)
    {
        await using RollupChain chain = await RollupChain.StartAsync(Cancel);
        var random = new Random(seed);
        TransactionSender sender = new(chain.Chain.Client, DevChain.Accounts[4]);
        ChainFollower follower = Follower(chain);
        var known = new List<FollowedBlock>();
        int reorganized = 0, published = 0;
        for (int i = 0; i < 25; i++)
        {
            switch (random.Next(5))
            {
                case 0 when i > 5:
                    reorganized += await FollowAsync(follower, known);
                    await chain.Chain.ReorganizeAsync((ulong)random.Next(1, 4), Cancel);
                    break;
                case 1:
                    await chain.Chain.MineAsync((ulong)random.Next(1, 4), cancel: Cancel);
                    break;
                default:
                    await sender.SendAsync(chain.Deployment.Inbox, new Inbox.PublishFunction([1, (byte)seed, (byte)published++, 1]), cancel: Cancel);
                    break;
            }

            if (random.Next(2) == 0)
                reorganized += await FollowAsync(follower, known);
        }

        reorganized += await FollowAsync(follower, known);
        var fresh = new List<FollowedBlock>();
        await FollowAsync(Follower(chain), fresh);
        Assert.Equal(fresh.Select(block => (block.Number, block.Hash)), known.Select(block => (block.Number, block.Hash)));
        Assert.Equal(
            fresh.SelectMany(block => block.Logs).Select(log => (log.BlockHash, log.LogIndex, log.TransactionHash)),
            known.SelectMany(block => block.Logs).Select(log => (log.BlockHash, log.LogIndex, log.TransactionHash)));
        Assert.True(reorganized > 0, $"Seed {seed} reorganizes nothing that was followed.");

        // And by block number from the node itself.
        IReadOnlyList<LogEntry> all = await chain.Chain.Client.GetLogsAsync(
            new LogFilter([chain.Contracts.Rollup, chain.Contracts.Tournaments, chain.Contracts.Inbox]), 0, known[^1].Number, Cancel);
        Assert.Equal(all.Select(log => (log.BlockHash, log.LogIndex)), known.SelectMany(block => block.Logs).Select(log => (log.BlockHash, log.LogIndex)));
    }

    [Fact]
    public async Task AFarHeadIsReachedInRangesWithAllLogs()
    {
        await using RollupChain chain = await RollupChain.StartAsync(Cancel);
        TransactionSender sender = new(chain.Chain.Client, DevChain.Accounts[4]);
        for (byte i = 1; i <= 3; i++)
        {
            await sender.SendAsync(chain.Deployment.Inbox, new Inbox.PublishFunction([i]), cancel: Cancel);
            await chain.Chain.MineAsync(90, cancel: Cancel);
        }

        var known = new List<FollowedBlock>();
        await FollowAsync(Follower(chain), known);
        Assert.Equal(3, known.SelectMany(block => block.Logs).Count(log => EventReader.Read(chain.Contracts, log) is ChunkPublishedEvent));
        Assert.Equal(await chain.Chain.Client.GetBlockNumberAsync(Cancel), known[^1].Number);
    }

    [Fact]
    public async Task AResumedFollowerGoesOnWhereItWas()
    {
        await using RollupChain chain = await RollupChain.StartAsync(Cancel);
        TransactionSender sender = new(chain.Chain.Client, DevChain.Accounts[4]);
        var known = new List<FollowedBlock>();
        await FollowAsync(Follower(chain), known);
        ChainFollower resumed = Follower(chain);
        resumed.Resume(known);
        await chain.Chain.ReorganizeAsync(1, Cancel);
        await sender.SendAsync(chain.Deployment.Inbox, new Inbox.PublishFunction([9]), cancel: Cancel);
        Assert.Equal(1, await FollowAsync(resumed, known));
        var fresh = new List<FollowedBlock>();
        await FollowAsync(Follower(chain), fresh);
        Assert.Equal(fresh.Select(block => block.Hash), known.Select(block => block.Hash));
    }

    private static ChainFollower Follower(RollupChain chain) =>
        new(chain.Chain.Client, [chain.Contracts.Rollup, chain.Contracts.Tournaments, chain.Contracts.Inbox], 0);

    /// <returns>Reorganizations seen.</returns>
    private static async Task<int> FollowAsync(ChainFollower follower, List<FollowedBlock> known)
    {
        int reorganized = 0;
        for (int i = 0; i < 1000; i++)
        {
            if (await follower.AdvanceAsync(Cancel) is not ChainUpdate update)
                continue;
            if (update.VoidFrom is ulong voidFrom)
            {
                reorganized++;
                known.RemoveAll(block => block.Number >= voidFrom);
            }

            foreach (FollowedBlock block in update.Added)
            {
                Assert.True(known.Count == 0 || block.Number > known[^1].Number);
                known.Add(block);
            }

            if (update.AtHead)
                return reorganized;
        }

        Assert.Fail("The head is never reached.");
        return reorganized;
    }
}
