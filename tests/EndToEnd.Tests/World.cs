using System.Numerics;
using Optimistic.Challenger;
using Optimistic.Contracts;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.EndToEnd.Tests;

/// <summary>A transaction that was mined, by the name of what it does.</summary>
internal readonly record struct Spent(string Name, ulong Gas);

/// <summary>
/// A development chain with the contracts on it and one batch of small tasks, one of every kind, that nobody has claimed yet. Time is
/// what the blocks say: one second a block, and jumps. So every run of a test has the same roots, the same calldata and the same gas.
/// </summary>
public sealed class World : IAsyncLifetime
{
    /// <summary>Tasks of the batch, by number.</summary>
    internal const int Deploy = 0, Run = 1, Fault = 2, OutOfSteps = 3, BadSignature = 4, UnknownApp = 5, ExitCode = 6, Direct = 7;

    internal const int Tasks = 8;

    /// <summary>The time of the first block: far enough in the future for anvil, and it fits into 32 bits.</summary>
    private const ulong FirstTimestamp = 4_000_000_000;

    private const uint StepLimit = 40;

    private const ulong CopyGasLimit = 2_000_000;

    private readonly List<Spent> _spent = [];
    private DevChain? _chain;
    private string? _snapshot;
    private ulong _nonce;

    /// <summary>The stakes are hardly more than the least that the contract takes at this price ceiling (spec 4.6.7).</summary>
    internal static DisputeParameters Parameters { get; } = new(
        CensorshipSeconds: 1_000,
        GraceSeconds: 100,
        ReplaySeconds: 200,
        TraceSeconds: 300,
        Stake0: 1_000_000_000_000_000_000,
        Stake1: 500_000_000_000_000_000,
        PriceCeiling: 250_000_000_000);

    internal static Account Sequencer => DevChain.Accounts[0];

    /// <summary>With a guardian, a move reads the pause: gas is measured with it.</summary>
    internal const uint PauseBudgetSeconds = 10_000;

    internal static Account Guardian => DevChain.Accounts[8];

    internal static Address Treasury => DevChain.Accounts[9].Address;

    internal DevChain Chain => _chain ?? throw new InvalidOperationException("The chain is not started.");

    internal EthereumClient Client => Chain.Client;

    internal Deployment Deployment { get; private set; } = null!;

    internal RollupContracts Contracts { get; private set; } = null!;

    internal Word DomainSeparator { get; private set; }

    internal GameState Genesis { get; private set; } = null!;

    internal L1Batch Batch { get; private set; } = null!;

    /// <summary>The batch as it is.</summary>
    internal BatchExecution Truth { get; private set; } = null!;

    /// <summary>All transactions of the harness and the players since the last <see cref="ResetAsync"/>, and those before it.</summary>
    internal IReadOnlyList<Spent> Spent => _spent;

    public async ValueTask InitializeAsync()
    {
        _chain = await DevChain.StartAsync();
        await Client.Rpc.CallAsync("anvil_setBlockTimestampInterval", [1UL]);
        await Chain.WarpAsync(FirstTimestamp);
        var sender = new TransactionSender(Client, Sequencer);
        var clocks = new Abi.Parameters(
            Parameters.CensorshipSeconds,
            Parameters.GraceSeconds,
            Parameters.ReplaySeconds,
            Parameters.TraceSeconds,
            (BigInteger)Parameters.Stake0,
            (BigInteger)Parameters.Stake1,
            (BigInteger)Parameters.PriceCeiling);
        var limits = new Abi.InboxLimits(ForceDelaySeconds: 600, MaxDriftSeconds: 3600, MaxTaskSteps: 1UL << 39, MaxBatchSteps: 1UL << 50, ReplaySeconds: Parameters.ReplaySeconds, FeePerUnit: 1_000_000);
        Deployment = await Deployment.DeployAsync(
            sender, new DeploymentParameters([Sequencer.Address], limits, clocks, Treasury, RollupState.Genesis.Root)
            {
                Guardian = Guardian.Address,
                PauseBudgetSeconds = PauseBudgetSeconds,
                Governor = Guardian.Address,
            });
        Contracts = new RollupContracts(Deployment.Rollup, Deployment.Tournament, Deployment.Inbox);
        DomainSeparator = await new ContractHandler(Client, Contracts.Inbox).QueryAsync(new Abi.Inbox.DomainSeparatorFunction());
        Genesis = GameState.AtGenesis(
            await Rules.ReadAsync(Client, Contracts.Tournaments),
            EventReader.From(await new ContractHandler(Client, Contracts.Rollup).QueryAsync(new Abi.Rollup.GenesisFunction())));

        await AppendEveryKindOfTaskAsync(sender);
        Batch = await ReadBatchAsync(0);
        Truth = new BatchExecution(RollupState.Genesis, Batch, DomainSeparator);
        _snapshot = await Chain.SnapshotAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Truth?.Dispose();
        if (_chain is not null)
            await _chain.DisposeAsync();
    }

    /// <summary>Back to the batch that nobody has claimed.</summary>
    internal async Task ResetAsync()
    {
        await Chain.RevertAsync(_snapshot!);
        _snapshot = await Chain.SnapshotAsync();
        _spent.Clear();
    }

    /// <summary>Who sends each call of the players once more, behind them, so that it reverts; null: nobody.</summary>
    internal Account? Copier { get; set; }

    /// <summary>The most gas that such a copy has cost, by what it would have done.</summary>
    internal Dictionary<string, ulong> Reverted { get; } = [];

    /// <summary>Sends a call that was mined once more.</summary>
    internal async Task CopyAsync(string name, Address to, FunctionMessage message, BigInteger value)
    {
        if (Copier is not Account copier)
            return;
        // Without a simulation, which would refuse it.
        FeeSuggestion fees = await Client.SuggestFeesAsync();
        ulong nonce = await Client.GetTransactionCountAsync(copier.Address, BlockParameter.Latest);
        SignedTransaction signed = new Transaction(
            Client.ChainId, nonce, fees.MaxPriorityFeePerGas, fees.MaxFeePerGas, CopyGasLimit, to, value, message.ToCallData()).Sign(copier);
        await Client.SendRawTransactionAsync(signed);
        TransactionReceipt? receipt = null;
        while (receipt is null)
            receipt = await Client.GetReceiptAsync(signed.Hash);
        Assert.False(receipt.Succeeded, $"{name} goes through twice.");
        Reverted[name] = Math.Max(Reverted.GetValueOrDefault(name), receipt.GasUsed);
    }

    internal void Note(string name, TransactionReceipt receipt) => _spent.Add(new Spent(name, receipt.GasUsed));

    internal async Task<TransactionReceipt> SendAsync(TransactionSender sender, string name, Address to, FunctionMessage message, BigInteger value = default)
    {
        TransactionReceipt receipt = await sender.SendAsync(to, message, value);
        Note(name, receipt);
        return receipt;
    }

    /// <summary>Publishes the chunks of a program and returns its deploy as the Inbox takes it, signed by a sender.</summary>
    internal async Task<EncodedTask> PublishAsync(TransactionSender sender, GuestProgram program, AppPolicy policy, Word senderKey)
    {
        var chunks = new List<DataChunk>();
        foreach (IGrouping<ulong, (uint Index, ReadOnlyMemory<byte> Bytes)> group in
            program.Image.Blocks.GroupBy(block => (ulong)block.Index * GuestMemory.BlockLength / InboxReader.ChunkLength))
        {
            byte[] data = new byte[InboxReader.ChunkLength];
            program.Image.Read(group.Key * InboxReader.ChunkLength, data);
            data = data.AsSpan().TrimEnd((byte)0).ToArray();
            var chunk = new DataChunk((uint)group.Key, QuadTree.RootOfBytes(data, InboxReader.ChunkHeight));
            if (!chunks.Any(known => known.Root == chunk.Root))
                await SendAsync(sender, "publish", Contracts.Inbox, new Abi.Inbox.PublishFunction(data));
            chunks.Add(chunk);
        }

        RollupTask task = RollupTask.Deploy(policy, _nonce++, program).Sign(DomainSeparator, senderKey);
        return EncodedTask.Deploy(task.Head.V, task.Head.Target, task.Head.Nonce, task.Head.Limit, task.Auth0, task.Auth1, chunks);
    }

    /// <summary>A call of an app, signed by a sender.</summary>
    internal EncodedTask Call(uint app, ulong stepLimit, byte[] input, Word senderKey)
    {
        RollupTask task = RollupTask.Run(app, _nonce++, stepLimit, input).Sign(DomainSeparator, senderKey);
        return EncodedTask.Run(task.Head.V, app, task.Head.Nonce, stepLimit, task.Auth0, task.Auth1, input);
    }

    internal async Task<TransactionReceipt> AppendAsync(TransactionSender sender, string name, IReadOnlyList<EncodedTask> tasks, ulong direct = 0)
    {
        BlockHeader head = (await Client.GetBlockAsync(BlockParameter.Latest))!;
        return await SendAsync(
            sender, name, Contracts.Inbox, new Abi.Inbox.AppendFunction(head.Timestamp, head.Number, direct, BatchCodec.Encode(tasks)));
    }

    /// <summary>A batch as anyone reads it from L1.</summary>
    internal async Task<L1Batch> ReadBatchAsync(ulong index)
    {
        var view = new L1Game(this);
        await view.FollowAsync();
        return await new InboxReader(Client, Contracts.Inbox).ReadAsync(view.Game.Inbox, index);
    }

    internal static Word SenderKey { get; } = Word.FromUInt64(0xC0FFEE);

    private async Task AppendEveryKindOfTaskAsync(TransactionSender sender)
    {
        EncodedTask bad = Call(0, StepLimit, Guests.Code(0), SenderKey);
        EncodedTask[] tasks =
        [
            await PublishAsync(sender, Guests.Small, AppPolicy.Stateful, SenderKey),
            Call(0, StepLimit, Guests.Code(0), SenderKey),
            Call(0, StepLimit, Guests.Code(Guests.Break), SenderKey),
            Call(0, StepLimit, Guests.Code(Guests.Loop), SenderKey),
            bad with { S = Word.Zero },
            Call(1000, StepLimit, Guests.Code(0), SenderKey),
            Call(0, StepLimit, Guests.Code(7), SenderKey),
        ];
        BigInteger fee = await new ContractHandler(Client, Contracts.Inbox).QueryAsync(new Abi.Inbox.DirectFeeFunction(StepLimit));
        await SendAsync(sender, "submit", Contracts.Inbox, new Abi.Inbox.SubmitRunFunction(0, _nonce++, StepLimit, Guests.Code(0)), fee);
        await AppendAsync(sender, "append", tasks, direct: 1);
    }
}

/// <summary>The game as L1 tells it.</summary>
internal sealed class L1Game
{
    private readonly RulesReader _rules;
    private readonly ChainFollower _follower;

    public L1Game(World world)
    {
        _rules = new RulesReader(world.Client);
        _follower = new ChainFollower(world.Client, [world.Contracts.Rollup, world.Contracts.Tournaments, world.Contracts.Inbox], first: 0);
        Game = new Game(world.Contracts, world.Genesis, _rules);
    }

    public Game Game { get; }

    public GameState State => Game.State;

    /// <summary>Timestamp of the last block; a transaction that is sent now gets the second after it.</summary>
    public ulong Now => Game.Head!.Value.Timestamp;

    /// <summary>Follows L1 to its head.</summary>
    public async Task FollowAsync()
    {
        while (true)
        {
            ChainUpdate? update = await _follower.AdvanceAsync();
            if (update is null)
                continue;
            await _rules.LearnAsync(update.Added);
            Game.Apply(update);
            if (!update.AtHead)
                continue;

            return;
        }
    }
}
