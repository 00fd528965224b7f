using System.Collections.Concurrent;
using System.Numerics;
using Microsoft.Extensions.Logging;
using Optimistic.Contracts;
using Optimistic.Contracts.Bindings;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Parameters = Optimistic.Contracts.Bindings.Parameters;

namespace Optimistic.Challenger.Tests;

/// <summary>A rollup on a development chain: the real contracts, a sequencer that appends batches, and nobody who claims.</summary>
internal sealed class RollupChain : IAsyncDisposable
{
    public static readonly Parameters Clocks = new(
        CensorshipSeconds: 600,
        GraceSeconds: 60,
        ReplaySeconds: 60,
        TraceSeconds: 60,
        Stake0: BigInteger.Pow(10, 18),
        Stake1: BigInteger.Pow(10, 17),
        PriceCeiling: BigInteger.Pow(10, 10));

    private readonly TransactionSender _sequencer;
    private ulong _nonce;

    private RollupChain(DevChain chain, Deployment deployment, TransactionSender sequencer)
    {
        Chain = chain;
        Deployment = deployment;
        _sequencer = sequencer;
        Contracts = new RollupContracts(deployment.Rollup, deployment.Tournament, deployment.Inbox);
    }

    public DevChain Chain { get; }

    public Deployment Deployment { get; }

    public RollupContracts Contracts { get; }

    public Word DomainSeparator => TaskSignature.DomainSeparator(Chain.Client.ChainId, Deployment.Inbox);

    public static async Task<RollupChain> StartAsync(CancellationToken cancel)
    {
        DevChain chain = await DevChain.StartAsync(cancel: cancel);
        TransactionSender sequencer = new(chain.Client, DevChain.Accounts[0]);
        var parameters = new DeploymentParameters(
            [sequencer.Address],
            new InboxLimits(3600, 86_400, 1UL << 39, 1UL << 50, Clocks.ReplaySeconds, 1_000_000),
            Clocks,
            DevChain.Accounts[9].Address,
            RollupState.Genesis.Root);
        Deployment deployment = await DeployContractsAsync(sequencer, parameters, cancel);
        return new RollupChain(chain, deployment, sequencer);
    }

    /// <summary>A signed deploy, whose chunks are published first.</summary>
    public async Task<EncodedTask> DeployAsync(string elf, AppPolicy policy, CancellationToken cancel)
    {
        RollupTask task = RollupTask.Deploy(policy, _nonce++, ElfLoader.Load(File.ReadAllBytes(ElfPath(elf)))).Sign(DomainSeparator, DevChain.PrivateKey(5));
        var chunks = new List<DataChunk>();
        foreach (IGrouping<uint, (uint Index, ReadOnlyMemory<byte> Bytes)> blocks in task.Image!.Blocks.GroupBy(
            block => (uint)((ulong)block.Index * GuestMemory.BlockLength / InboxReader.ChunkLength)))
        {
            byte[] data = new byte[InboxReader.ChunkLength];
            foreach ((uint index, ReadOnlyMemory<byte> bytes) in blocks)
                bytes.CopyTo(data.AsMemory((int)((ulong)index * GuestMemory.BlockLength % InboxReader.ChunkLength)));
            await _sequencer.SendAsync(Deployment.Inbox, new Inbox.PublishFunction(data.AsSpan().TrimEnd((byte)0).ToArray()), cancel: cancel);
            chunks.Add(new DataChunk(blocks.Key, QuadTree.RootOfBytes(data, InboxReader.ChunkHeight)));
        }

        return EncodedTask.Deploy(task.Head.V, task.Head.Target, task.Head.Nonce, task.Head.Limit, task.Auth0, task.Auth1, chunks);
    }

    public async Task<Word> PublishAsync(byte[] data, CancellationToken cancel)
    {
        await _sequencer.SendAsync(Deployment.Inbox, new Inbox.PublishFunction(data), cancel: cancel);
        return QuadTree.RootOfBytes(data, InboxReader.ChunkHeight);
    }

    /// <summary>A call of an app with an input of half a GiB of which these chunks are not zero.</summary>
    public EncodedTask RunPublished(uint app, IReadOnlyList<DataChunk> chunks)
    {
        // Whose signature it is does not matter to who reads it.
        return EncodedTask.RunPublished(27, app, _nonce++, 1000, Word.FromUInt64(1), Word.FromUInt64(1), (uint)RollupTask.MaxInputLength, chunks);
    }

    public EncodedTask Run(uint app, byte[] input, ulong stepLimit = 1 << 24)
    {
        RollupTask task = RollupTask.Run(app, _nonce++, stepLimit, input).Sign(DomainSeparator, DevChain.PrivateKey(5));
        return EncodedTask.Run(task.Head.V, app, task.Head.Nonce, stepLimit, task.Auth0, task.Auth1, input);
    }

    public async Task AppendAsync(IEnumerable<EncodedTask> tasks, CancellationToken cancel, ulong directCount = 0)
    {
        BlockHeader head = (await Chain.Client.GetBlockAsync(BlockParameter.Latest, cancel))!;
        await _sequencer.SendAsync(
            Deployment.Inbox, new Inbox.AppendFunction(head.Timestamp, head.Number, directCount, BatchCodec.Encode(tasks)), cancel: cancel);
    }

    /// <summary>A task submitted on L1 by one of the accounts.</summary>
    public async Task SubmitAsync(uint app, byte[] input, CancellationToken cancel)
    {
        BigInteger fee = await new ContractHandler(Chain.Client, Deployment.Inbox).QueryAsync(new Inbox.DirectFeeFunction(1 << 24), cancel: cancel);
        await new TransactionSender(Chain.Client, DevChain.Accounts[6])
            .SendAsync(Deployment.Inbox, new Inbox.SubmitRunFunction(app, 7, 1 << 24, input), fee, cancel: cancel);
    }

    public WatchOptions Options(int account, string folder, WatchMode mode = WatchMode.Defend, Drill? drill = null, ulong? claimAfter = null) => new(
        [Chain.Url], Deployment.Rollup, DevChain.Accounts[account], folder, mode, drill, null, claimAfter, TimeSpan.FromMilliseconds(100));

    public ValueTask DisposeAsync() => Chain.DisposeAsync();

    private static Task<Deployment> DeployContractsAsync(TransactionSender sender, DeploymentParameters parameters, CancellationToken cancel) =>
        Deployment.DeployAsync(sender, parameters, cancel: cancel);

    private static string ElfPath(string name)
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Optimistic.sln")))
            folder = Path.GetDirectoryName(folder);
        return Path.Combine(folder ?? throw new InvalidOperationException("The tests do not run from the repository."), "vm", "guest", "elf", $"{name}.elf");
    }
}

/// <summary>Follows L1 on its own, for what a test wants to know.</summary>
internal sealed class Spectator
{
    private readonly ChainFollower _follower;
    private readonly Game _game;

    private Spectator(ChainFollower follower, Game game)
    {
        _follower = follower;
        _game = game;
    }

    public GameState State => _game.State;

    public InboxState Inbox => _game.Inbox;

    public static Spectator Of(RollupChain chain)
    {
        Parameters p = RollupChain.Clocks;
        GameState genesis = GameState.AtGenesis(EventReader.From(p), 0, 0, new Contracts.L1.ClaimRef(Word.Zero, RollupState.Genesis.Root, Word.Zero));
        return new Spectator(
            new ChainFollower(chain.Chain.Client, [chain.Contracts.Rollup, chain.Contracts.Tournaments, chain.Contracts.Inbox], 0),
            new Game(chain.Contracts, genesis));
    }

    public async Task<GameState> LookAsync(CancellationToken cancel)
    {
        while (true)
        {
            ChainUpdate? update = await _follower.AdvanceAsync(cancel);
            if (update is null)
                continue;
            _game.Apply(update);
            if (update.AtHead)
                return State;
        }
    }
}

/// <summary>A watcher in this process that can be stopped and started again on its folder.</summary>
internal sealed class RunningWatcher : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Watcher _watcher;
    private readonly Task _running;

    private RunningWatcher(Watcher watcher)
    {
        _watcher = watcher;
        _running = Task.Run(() => _watcher.RunAsync(_stop.Token));
    }

    public Task Running => _running;

    public static async Task<RunningWatcher> StartAsync(WatchOptions options, string name, TestLog log, CancellationToken cancel) =>
        new(await Watcher.StartAsync(options, log.Named(name), TimeProvider.System, cancel));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            await _running;
        }
        finally
        {
            await _watcher.DisposeAsync();
            _stop.Dispose();
        }
    }
}

/// <summary>What the watchers said, shown when a test fails.</summary>
internal sealed class TestLog
{
    private readonly ConcurrentQueue<string> _lines = [];

    public IReadOnlyCollection<string> Lines => _lines;

    public ILogger Named(string name) => new One(this, name);

    private sealed class One(TestLog log, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                log._lines.Enqueue($"{DateTime.UtcNow:HH:mm:ss.f} {name} {eventId.Name}: {formatter(state, exception)}");
        }
    }
}
