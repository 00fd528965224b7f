using Microsoft.Extensions.Logging.Abstractions;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Challenger.Tests;

/// <summary>What a challenger makes of the batches that L1 has, whatever is in them and however much is asked of it at once.</summary>
public sealed class ReplayOnL1Tests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("replay-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>As many disputes at once as a liar pays for: each needs its trace for as long as it lasts.</summary>
    [Fact]
    public async Task TracesThatDisputesAskForAreAllKept()
    {
        const int Disputes = 7;
        await using RollupChain chain = await RollupChain.StartAsync(Cancel);
        await chain.AppendAsync(
            [await chain.DeployAsync("digest", AppPolicy.Stateless, Cancel), .. Enumerable.Range(0, Disputes).Select(task => chain.Run(0, new byte[task]))], Cancel);
        await using World world = await World.OpenAsync(chain, _folder);

        ulong[] positions = [.. Enumerable.Range(1, Disputes).Select(task => (ulong)task * Transition.Phases + 1)];
        ulong[] missing = positions;
        for (int look = 0; look < 1000 && missing.Length > 0; look++)
        {
            world.Look();
            missing = [.. positions.Where(position => world.Replay.Chunk(0, position) is null)];
            foreach (ulong position in missing)
                world.Replay.Prepare(0, position);
            await Task.Delay(10, Cancel);
        }

        Assert.Empty(missing);

        // What was built proves the same as what runs from the start of the task.
        (byte[] witness, Word after) = world.Replay.ProveStep(0, positions[^1], 5000);
        Assert.Equal(world.Replay.Chunk(0, positions[^1])!.Leaf(5000), after);
        await using World other = await World.OpenAsync(chain, Path.Combine(_folder, "other"));
        Assert.Equal(witness, other.Replay.ProveStep(0, positions[^1], 5000).Witness);

        // Nobody asks for them any more: most of them go when there is another.
        for (int look = 0; look < 3; look++)
            world.Look();
        world.Replay.Prepare(0, positions[0] + 1);
        Assert.InRange(positions.Count(position => world.Replay.Chunk(0, position) is not null), 1, Disputes - 2);
    }

    /// <summary>A window of days has more batches than fit into memory with all that was in them.</summary>
    [Fact]
    public async Task ABatchThatIsNotKeptIsExecutedAgainForADispute()
    {
        const int Batches = Replay.KeptBatches + 3;
        await using RollupChain chain = await RollupChain.StartAsync(Cancel);
        await chain.AppendAsync([await chain.DeployAsync("digest", AppPolicy.Stateful, Cancel), chain.Run(0, "abc"u8.ToArray())], Cancel);
        await using World world = await World.OpenAsync(chain, _folder);
        for (int batch = 1; batch < Batches; batch++)
        {
            await chain.AppendAsync([chain.Run(0, new byte[batch])], Cancel);
            await world.FollowAsync();
        }

        ulong[] all = [.. Enumerable.Range(0, Batches).Select(batch => (ulong)batch)];
        Assert.InRange(all.Count(batch => world.Replay.Batch(batch) is not null), 1, Replay.KeptBatches);

        // Whatever is asked for at every look comes, and stays.
        for (int look = 0; look < 1000 && all.Any(batch => world.Replay.Batch(batch) is null); look++)
        {
            world.Look();
            await Task.Delay(10, Cancel);
        }

        Assert.All(all, batch => Assert.Equal(world.Replay.Claim(batch)!.TraceRoot, world.Replay.Batch(batch)?.Root));
        Assert.Equal(world.Replay.Batch(0)!.Leaf(Transition.Phases), world.Replay.ProveTransition(0, Transition.Phases).After);
    }

    /// <summary>A name of 36 bytes puts a chunk at the end of an input of half a GiB, as often as somebody pays for 36 bytes.</summary>
    [Fact]
    public async Task ABatchOfSparseInputsTakesTheRoomOfWhatIsPublished()
    {
        const int Tasks = 40;
        await using RollupChain chain = await RollupChain.StartAsync(Cancel);
        byte[] data = [1, 2, 3];
        Word root = await chain.PublishAsync(data, Cancel);
        await chain.AppendAsync([.. Enumerable.Range(0, Tasks).Select(_ => chain.RunPublished(7, [new DataChunk(16_383, root)]))], Cancel);

        Spectator spectator = Spectator.Of(chain);
        await spectator.LookAsync(Cancel);
        var reader = new InboxReader(chain.Chain.Client, chain.Contracts.Inbox);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        L1Batch batch = await reader.ReadAsync(spectator.Inbox, 0, Cancel);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 256L << 20);
        Assert.Equal(Tasks, batch.Batch.Tasks.Length);
        Assert.All(batch.Batch.Tasks, task => Assert.Equal(RollupTask.MaxInputLength, task.Head.Length));
    }

    /// <summary>A replay of all that a chain has.</summary>
    private sealed class World(Replay replay, Journal journal, Spectator spectator) : IAsyncDisposable
    {
        public Replay Replay => replay;

        public static async Task<World> OpenAsync(RollupChain chain, string folder)
        {
            Spectator spectator = Spectator.Of(chain);
            await spectator.LookAsync(Cancel);
            Journal journal = Journal.Open(folder, new JournalIdentity(chain.Chain.Client.ChainId, chain.Deployment.Rollup, 0, ""));
            var replay = new Replay(
                new InboxReader(chain.Chain.Client, chain.Contracts.Inbox), chain.DomainSeparator, journal, null, NullLogger.Instance, () => { });
            var world = new World(replay, journal, spectator);
            await world.FollowAsync();
            return world;
        }

        public void Look() => replay.Update(spectator.Inbox, 0);

        /// <summary>Executes all that L1 has.</summary>
        public async Task FollowAsync()
        {
            await spectator.LookAsync(Cancel);
            Look();
            while (replay.Progress is var (done, of) && done < of)
                await Task.Delay(10, Cancel);
        }

        public async ValueTask DisposeAsync()
        {
            await replay.DisposeAsync();
            journal.Dispose();
        }
    }
}
