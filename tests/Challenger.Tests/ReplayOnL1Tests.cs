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

    /// <summary>
    /// What a dispute asks for is there again after as many batches as there are between two state files, however many have gone by; what
    /// cannot be read costs the way from the start and no more.
    /// </summary>
    [Fact]
    public async Task ARunGoesOnWhereTheOneBeforeItEnded()
    {
        const int Batches = 12, Disputed = 9;
        await using RollupChain chain = await RollupChain.StartAsync(Cancel);
        await chain.AppendAsync([await chain.DeployAsync("digest", AppPolicy.Stateful, Cancel), chain.Run(0, "abc"u8.ToArray())], Cancel);
        for (int batch = 1; batch < Batches; batch++)
            await chain.AppendAsync([chain.Run(0, new byte[batch])], Cancel);
        string states = Path.Combine(_folder, "states");
        Word root;
        await using (World world = await World.OpenAsync(chain, _folder))
        {
            await world.AskUntilAsync(Disputed, () => Enumerable.Range(0, Replay.StateStride + 1).Any(before => IsSaved(Disputed - before)) && IsSaved(Batches));
            root = world.Replay.Batch(Disputed)!.Root;
            Assert.Equal(Batches, world.Replay.Executions);
        }

        int needed = 0;
        bool isThere = false;
        await using (World world = await World.OpenAsync(chain, _folder, Ask))
        {
            await world.AskUntilAsync(Disputed, () => world.Replay.Batch(Disputed) is not null);
            Assert.Equal(root, world.Replay.Batch(Disputed)!.Root);

            // The one that is begun before anything is asked for, and the way to the one that is.
            Assert.InRange(needed, 1, 1 + Replay.StateStride + 1);

            // In between a new one goes on from the last, and all others are executed, but for those after which states were read.
            await chain.AppendAsync([chain.Run(0, new byte[Batches])], Cancel);
            await world.FollowAsync();
            await world.AskUntilAsync(Disputed, () => world.Replay.Executions >= Batches - 1);
        }

        foreach (string file in Directory.EnumerateFiles(states))
            await File.WriteAllBytesAsync(file, (await File.ReadAllBytesAsync(file, Cancel))[..^1], Cancel);
        await using (World world = await World.OpenAsync(chain, _folder))
        {
            await world.AskUntilAsync(Disputed, () => world.Replay.Batch(Disputed) is not null);
            Assert.Equal(root, world.Replay.Batch(Disputed)!.Root);
            Assert.Null(world.Replay.Failure);
        }

        void Ask(Replay replay)
        {
            needed += isThere ? 0 : 1;
            isThere |= replay.Batch(Disputed) is not null;
        }

        bool IsSaved(int batches) => Directory.Exists(states) && Directory.EnumerateFiles(states, $"{batches - 1}-*.state").Any();
    }

    /// <summary>What was computed is not believed for ever: where a second run of it differs, the next start begins before it.</summary>
    [Fact]
    public async Task AResultThatWasWrongIsForgotten()
    {
        await using RollupChain chain = await RollupChain.StartAsync(Cancel);
        await chain.AppendAsync([await chain.DeployAsync("digest", AppPolicy.Stateless, Cancel)], Cancel);
        await chain.AppendAsync([chain.Run(0, "abc"u8.ToArray())], Cancel);
        OwnClaim truth;
        await using (World world = await World.OpenAsync(chain, _folder))
        {
            truth = world.Replay.Claim(1)!;
            world.Journal.Record(truth with { TraceRoot = truth.StateRoot });
        }

        await using (World world = await World.OpenAsync(chain, _folder))
            await world.AskUntilAsync(1, () => world.Replay.Failure is InvalidOperationException);
        await using (World world = await World.OpenAsync(chain, _folder))
            Assert.Equal(truth, world.Replay.Claim(1));
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

        public Journal Journal => journal;

        /// <param name="executed">Called after each batch that is executed.</param>
        public static async Task<World> OpenAsync(RollupChain chain, string folder, Action<Replay>? executed = null)
        {
            Spectator spectator = Spectator.Of(chain);
            await spectator.LookAsync(Cancel);
            Journal journal = Journal.Open(folder, new JournalIdentity(chain.Chain.Client.ChainId, chain.Deployment.Rollup, 0, ""));
            Replay replay = null!;
            replay = new Replay(
                new InboxReader(chain.Chain.Client, chain.Contracts.Inbox), chain.DomainSeparator, journal, null, NullLogger.Instance, () => executed?.Invoke(replay));
            var world = new World(replay, journal, spectator);
            await world.FollowAsync();
            return world;
        }

        public void Look() => replay.Update(spectator.Inbox, 0);

        /// <summary>Looks at L1, and asks for a batch each time as a dispute does.</summary>
        public async Task AskUntilAsync(ulong batch, Func<bool> until)
        {
            for (int look = 0; !until(); look++)
            {
                Assert.True(look < 2000, "It does not come.");
                Look();
                _ = replay.Batch(batch);
                await Task.Delay(10, Cancel);
            }
        }

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
