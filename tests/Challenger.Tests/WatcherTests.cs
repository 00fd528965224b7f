using Optimistic.Contracts.L1;
using Optimistic.Contracts.Tests;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Challenger.Tests;

/// <summary>Whole watchers on the real contracts and a real chain: an honest one against one that plays for a lie.</summary>
public sealed class WatcherTests : IDisposable
{
    private const uint SecondsAtOnce = 120;

    private readonly TestLog _log = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("challenger-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            foreach (string line in _log.Lines)
                TestContext.Current.TestOutputHelper?.WriteLine(line);
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task AnHonestWatcherDefeatsALieByOneInstruction()
    {
        await using RollupChain chain = await StartAsync();
        var drill = Drill.Parse("task=2,step=777,address=0xc0000001,xor=0x40");
        await using RunningWatcher liar = await RunningWatcher.StartAsync(
            chain.Options(1, Folder("liar"), drill: drill, claimAfter: 0), "liar", _log, Cancel);
        await using RunningWatcher honest = await RunningWatcher.StartAsync(chain.Options(2, Folder("honest")), "honest", _log, Cancel);
        GameState end = await PlayAsync(chain, [liar, honest], state => state.Claims.Values.Any(claim => claim.Confirmed && claim.Batch == 1));

        AssertHonestWon(end);
        Assert.Contains(end.Matches.Values, match => end.Arenas[match.Tournament].Level == 1 && match.Leaf is { Position: 777 });
        Assert.Contains(_log.Lines, line => line.Contains("honest ActionMined: Done: prove instruction 777", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AWatcherThatIsStoppedAgainAndAgainStillWins()
    {
        await using RollupChain chain = await StartAsync();
        var drill = Drill.Parse("task=1,step=5000,address=0x20000,xor=0xff");
        await using RunningWatcher liar = await RunningWatcher.StartAsync(
            chain.Options(1, Folder("liar"), drill: drill, claimAfter: 0), "liar", _log, Cancel);
        var random = new Random(7);
        RunningWatcher honest = await RunningWatcher.StartAsync(chain.Options(2, Folder("honest")), "honest", _log, Cancel);
        try
        {
            int looks = 0;
            GameState end = await PlayAsync(
                chain,
                [liar],
                state => state.Claims.Values.Any(claim => claim.Confirmed && claim.Batch == 0),
                async () =>
                {
                    if (++looks % 12 != 0 || looks > 100)
                        return;
                    await honest.DisposeAsync();
                    honest = await RunningWatcher.StartAsync(chain.Options(2, Folder("honest")), "honest", _log, Cancel);
                });
            AssertHonestWon(end);
        }
        finally
        {
            await honest.DisposeAsync();
        }
    }

    [Fact]
    public async Task ReorganizationsDoNotHurt()
    {
        await using RollupChain chain = await StartAsync();
        var drill = Drill.Parse("task=2,step=100,address=0xc0000000,xor=0x01");
        await using RunningWatcher liar = await RunningWatcher.StartAsync(
            chain.Options(1, Folder("liar"), drill: drill, claimAfter: 0), "liar", _log, Cancel);
        await using RunningWatcher honest = await RunningWatcher.StartAsync(chain.Options(2, Folder("honest")), "honest", _log, Cancel);
        int looks = 0;
        GameState end = await PlayAsync(
            chain,
            [liar, honest],
            state => state.Claims.Values.Any(claim => claim.Confirmed && claim.Batch == 1),
            async () =>
            {
                if (++looks % 15 == 0 && looks <= 60)
                    await chain.Chain.ReorganizeAsync(2, Cancel);
            });
        AssertHonestWon(end);
        Assert.Contains(_log.Lines, line => line.Contains("honest Reorganized", StringComparison.Ordinal));
    }

    /// <summary>A relay that says yes and forgets gets its blocks, then everything goes out in public, and it gets more chances later.</summary>
    [Fact]
    public async Task ARelayThatForgetsLosesNoGame()
    {
        await using RollupChain chain = await StartAsync();
        await using var relay = new HiddenPool { Forgets = true };
        var drill = Drill.Parse("task=2,step=300,address=0xc0000002,xor=0x10");
        await using RunningWatcher liar = await RunningWatcher.StartAsync(
            chain.Options(1, Folder("liar"), drill: drill, claimAfter: 0), "liar", _log, Cancel);
        await using RunningWatcher honest = await RunningWatcher.StartAsync(
            chain.Options(2, Folder("honest")) with { Relay = relay.Url }, "honest", _log, Cancel);
        GameState end = await PlayAsync(
            chain,
            [liar, honest],
            state => state.Claims.Values.Any(claim => claim.Confirmed && claim.Batch == 1),
            () => chain.Chain.MineAsync(3, cancel: Cancel));
        AssertHonestWon(end);
        Assert.True(relay.Received > 0);
        Assert.Contains(_log.Lines, line => line.Contains("honest RelayFailed", StringComparison.Ordinal));
        Assert.Contains($"\"endpoint\": \"{relay.Url.GetLeftPart(UriPartial.Authority)}\"", await File.ReadAllTextAsync(Path.Combine(Folder("honest"), StatusFile.Name), Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheTrueClaimsOfOthersAreConfirmedAndAnObserverSendsNothing()
    {
        await using RollupChain chain = await StartAsync();
        await using RunningWatcher observer = await RunningWatcher.StartAsync(
            chain.Options(3, Folder("observer"), WatchMode.Observe), "observer", _log, Cancel);
        await using RunningWatcher sequencer = await RunningWatcher.StartAsync(
            chain.Options(1, Folder("sequencer"), claimAfter: 0), "sequencer", _log, Cancel);
        await chain.SubmitAsync(0, [1, 2, 3], Cancel);
        await chain.AppendAsync([], Cancel, directCount: 1);
        GameState end = await PlayAsync(chain, [sequencer, observer], state => state.Claims.Values.Any(claim => claim.Confirmed && claim.Batch == 2));
        Assert.Empty(end.Arenas);
        Assert.Equal(0UL, await chain.Chain.Client.GetTransactionCountAsync(
            Contracts.Ethereum.DevChain.Accounts[3].Address, Contracts.Ethereum.BlockParameter.Latest, Cancel));
        Assert.Contains(_log.Lines, line => line.Contains("observer ClaimAccepted", StringComparison.Ordinal));
    }

    private string Folder(string name) => Path.Combine(_folder, name);

    /// <summary>Two batches: an app and a task of it, and two more tasks.</summary>
    private static async Task<RollupChain> StartAsync()
    {
        RollupChain chain = await RollupChain.StartAsync(Cancel);
        EncodedTask deploy = await chain.DeployAsync("digest", AppPolicy.Stateless, Cancel);
        await chain.AppendAsync([deploy, chain.Run(0, "abc"u8.ToArray())], Cancel);
        await chain.AppendAsync([chain.Run(0, new byte[300]), chain.Run(0, "optimistic"u8.ToArray())], Cancel);
        return chain;
    }

    /// <summary>Lets time pass wherever nobody has a move, until the game has come to what is asked.</summary>
    private static async Task<GameState> PlayAsync(
        RollupChain chain, RunningWatcher[] watchers, Func<GameState, bool> until, Func<Task>? meanwhile = null)
    {
        Spectator spectator = Spectator.Of(chain);
        int idle = 0;
        UInt128 before = 0;
        for (int look = 0; look < 1500; look++)
        {
            foreach (RunningWatcher watcher in watchers.Where(watcher => watcher.Running.IsCompleted))
                await watcher.Running;
            GameState state = await spectator.LookAsync(Cancel);
            if (until(state))
                return state;
            if (meanwhile is not null)
                await meanwhile();

            // Nobody on the clock: nothing but time is missing.
            bool onClock = state.Matches.Values.Any(match => match.Live && match.Phase != MatchPhase.Inner) || state.Claims.Count < 2 ||
                state.Arenas.Values.Any(arena => arena.Level == 1 && arena.Commitments.Count < 2);
            UInt128 mark = (UInt128)state.Claims.Count + (UInt128)state.Arenas.Values.Sum(arena => arena.Commitments.Count) * 1000;
            idle = onClock || mark != before ? 0 : idle + 1;
            before = mark;
            if (idle > 10)
                await chain.Chain.IncreaseTimeAsync(SecondsAtOnce, Cancel);
            await Task.Delay(200, Cancel);
        }

        Assert.Fail("The game has not come to its end.");
        return spectator.State;
    }

    private static void AssertHonestWon(GameState end)
    {
        Address honest = Contracts.Ethereum.DevChain.Accounts[2].Address, liar = Contracts.Ethereum.DevChain.Accounts[1].Address;
        foreach (Arena arena in end.Arenas.Values)
        {
            Assert.All(arena.Commitments.Values.Where(commitment => commitment.Claimer == honest), commitment => Assert.False(commitment.Eliminated));
            if (arena.Commitments.Values.Any(commitment => commitment.Claimer == honest))
                Assert.All(arena.Commitments.Values.Where(commitment => commitment.Claimer == liar), commitment => Assert.True(commitment.Eliminated));
        }

        Assert.Contains(end.Arenas.Values, arena => arena.Level == 1);
    }
}
