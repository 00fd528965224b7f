using System.Numerics;
using System.Security.Cryptography;
using System.Text.Json;
using Optimistic.Challenger;
using Optimistic.Contracts;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Engine.Cli;
using Optimistic.Engine.Node;
using Optimistic.Engine.Rpc;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Xunit.Sdk;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.EndToEnd.Tests;

/// <summary>
/// The whole system as processes on a chain of its own: a sequencer node, a challenger, a node that lies about one memory word, and a
/// player for the lie. Something may happen to all of it at every look at L1 (<see cref="Meanwhile"/>).
/// </summary>
internal sealed class Story : IAsyncDisposable
{
    private const int Deployer = 0, Sequencer = 1, User = 2, Liar = 3, Defender = 4, LiarsPlayer = 5;

    /// <summary>Accounts for <see cref="PlayForALieAsync"/>.</summary>
    public const int FirstPlayer = 6, SecondPlayer = 7;

    private const ulong MaxTaskSteps = 1UL << 32, StepLimit = 1UL << 24;

    /// <summary>How much time is let pass at once when nobody has a clock that runs.</summary>
    private const ulong JumpSeconds = 300;

    /// <summary>Looks without news after which time is let pass.</summary>
    private const int IdleLooks = 12;

    private static readonly TimeSpan LookPause = TimeSpan.FromMilliseconds(100);

    private static readonly Abi.Parameters Clocks = new(
        CensorshipSeconds: 1_500,
        GraceSeconds: 120,
        ReplaySeconds: 120,
        TraceSeconds: 120,
        Stake0: BigInteger.Pow(10, 18),
        Stake1: BigInteger.Pow(10, 17),
        PriceCeiling: BigInteger.Pow(10, 10));

    private readonly string _folder = Directory.CreateTempSubdirectory("optimistic-story-").FullName;
    private readonly List<ProgramProcess> _processes = [];
    private readonly List<(Acceptance Task, byte[] Input)> _acknowledged = [];
    private readonly HashSet<Word> _trueStateRoots = [];
    private readonly Uri[] _endpoints;
    private readonly string _nodeUrl = $"http://127.0.0.1:{ProgramProcess.FreePort()}";
    private readonly string _liarUrl = $"http://127.0.0.1:{ProgramProcess.FreePort()}";
    private readonly ITestOutputHelper _output;
    private readonly ChainFollower _follower;
    private readonly RulesReader _rules;
    private Game _game;
    private int _idle;
    private ulong _nonce;

    private Story(DevChain chain, Deployment deployment, Uri[] endpoints, ITestOutputHelper output)
    {
        Chain = chain;
        Deployment = deployment;
        _endpoints = endpoints;
        _output = output;
        _follower = new ChainFollower(chain.Client, [deployment.Rollup, deployment.Tournament, deployment.Inbox], 0);
        _rules = new RulesReader(chain.Client);
        _game = null!;
        Node = Process("node", ProgramProcess.Engine, NodeArguments("node", Sequencer, _nodeUrl));
        Challenger = Process("challenger", ProgramProcess.Challenger, ChallengerArguments("challenger", Defender));
    }

    public DevChain Chain { get; }

    public Deployment Deployment { get; }

    public ProgramProcess Node { get; }

    public ProgramProcess Challenger { get; }

    /// <summary>All that run, or would if nobody had killed them.</summary>
    public IReadOnlyList<ProgramProcess> Processes => _processes;

    /// <summary>What happens at each look at L1.</summary>
    public Func<Task> Meanwhile { get; set; } = () => Task.CompletedTask;

    /// <summary>
    /// Whether time is let pass when nobody has a clock that runs. No game ends while it is not: what must happen during the story is waited
    /// for here, however fast the machine is.
    /// </summary>
    public Func<bool> TimeMayPass { get; set; } = () => true;

    public GameState State => _game.State;

    /// <summary>The block of <see cref="State"/>.</summary>
    public ulong Block => _game.Head!.Value.Number;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <param name="through">The endpoints that the processes use, made from the chain's own; null: that one.</param>
    public static async Task<Story> BeginAsync(ITestOutputHelper output, Func<Uri, Uri[]>? through = null)
    {
        DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        var sender = new TransactionSender(chain.Client, DevChain.Accounts[Deployer]);
        var parameters = new DeploymentParameters(
            [DevChain.Accounts[Sequencer].Address, DevChain.Accounts[Liar].Address],
            new Abi.InboxLimits(3600, 86_400, MaxTaskSteps, 1UL << 50, Clocks.ReplaySeconds, 1_000_000),
            Clocks,
            DevChain.Accounts[Deployer].Address,
            RollupState.Genesis.Root)
        {
            Governor = DevChain.Accounts[Deployer].Address,
        };
        Deployment deployment = await Deployment.DeployAsync(sender, parameters, cancel: Cancel);
        var story = new Story(chain, deployment, through?.Invoke(chain.Url) ?? [chain.Url], output);
        await story.PrepareAsync();
        story.Node.Start();
        story.Challenger.Start();
        await story.AnswersAsync(story.Node, story._nodeUrl);
        await story.HasLookedAsync(story.Challenger);
        return story;
    }

    /// <summary>Deploys the digest app and submits tasks. What is acknowledged is remembered.</summary>
    /// <param name="after">What happens right after each acknowledgement.</param>
    public async Task SubmitHonestTasksAsync(int tasks, Func<Task>? after = null)
    {
        byte[] elf = await File.ReadAllBytesAsync(Path.Combine(NodePackages.FindContracts(), "..", "vm", "guest", "elf", "digest.elf"), Cancel);
        Account user = DevChain.Accounts[User];
        RollupTask deploy = RollupTask.Deploy(AppPolicy.Stateless, _nonce++, ElfLoader.Load(elf));
        var submitted = new SubmittedDeploy(
            elf, AppPolicy.Stateless, deploy.Head.Nonce, user.Address, user.Sign(deploy.Digest(TaskSignature.DomainSeparator(Chain.Client.ChainId, Deployment.Inbox))).ToArray());
        await WithNodeAsync(_nodeUrl, node => node.CallAsync<Acceptance>("opt_deployApp", [submitted], Cancel));
        for (int i = 0; i < tasks; i++)
        {
            byte[] input = [.. Enumerable.Range(0, 40 + 100 * i).Select(j => (byte)(i * 31 + j))];
            ulong nonce = _nonce++;
            Acceptance accepted = await WithNodeAsync(_nodeUrl, node => node.SubmitAsync(user, 0, nonce, StepLimit, input, Cancel));
            _acknowledged.Add((accepted, input));
            if (after is not null)
                await after();
        }
    }

    /// <summary>Waits until every acknowledged task is on L1 and its batch claimed.</summary>
    public Task ClaimedAsync() => UntilAsync("the claims of all tasks", async () =>
    {
        foreach ((Acceptance task, _) in _acknowledged)
        {
            if (await ReceiptAsync(_nodeUrl, task.TaskHash) is not { Stage: >= TaskStage.Posted } receipt)
                return false;
            if (!State.Claims.Values.Any(claim => claim.Batch == receipt.Batch))
                return false;
        }

        return true;
    });

    /// <summary>Another sequencer orders a task and claims a wrong result, and somebody plays for it. Returns when the lie is on L1.</summary>
    public async Task LieAsync()
    {
        ulong number = 1 + (ulong)_acknowledged.Count;
        string drill = $"task={number},step=900,address=0x{Machine.InputAddress + 300:x},xor=20";
        ProgramProcess liar = Process("liar", ProgramProcess.Engine, [.. NodeArguments("liar", Liar, _liarUrl), "--drill", drill]);
        liar.Start();
        await AnswersAsync(liar, _liarUrl);
        byte[] input = [.. Enumerable.Range(0, 400).Select(i => (byte)i)];
        ulong nonce = _nonce++;
        Acceptance accepted = await WithNodeAsync(_liarUrl, node => node.SubmitAsync(DevChain.Accounts[User], 0, nonce, StepLimit, input, Cancel));
        _acknowledged.Add((accepted, input));
        ProgramProcess player = Process("player", ProgramProcess.Challenger, [.. ChallengerArguments("player", LiarsPlayer), "--drill", drill]);
        player.Start();
        await HasLookedAsync(player);
        await UntilAsync("the wrong claim", async () =>
        {
            await LearnTrueRootsAsync();
            return State.Claims.Values.Any(IsLie);
        });
    }

    /// <summary>Starts a player that is wrong about a memory word of an honest task, and with it about a claim that is there.</summary>
    /// <param name="task">Its number.</param>
    public async Task PlayForALieAsync(int account, int task)
    {
        ProgramProcess player = Process(
            $"player {account}", ProgramProcess.Challenger,
            [.. ChallengerArguments($"player {account}", account), "--drill", $"task={task},step=900,address=0x{Machine.InputAddress + 30:x},xor=20"]);
        player.Start();
        await HasLookedAsync(player);
    }

    /// <summary>Deploys a Tournament with other clocks and stakes, and has the governor add it as the next version of the rules.</summary>
    /// <param name="meanwhile">What happens between.</param>
    /// <returns>Its address.</returns>
    public async Task<Address> AddRulesAsync(Func<Address, Task>? meanwhile = null)
    {
        var governor = new TransactionSender(Chain.Client, DevChain.Accounts[Deployer]);
        Word domain = await new ContractHandler(Chain.Client, Deployment.Inbox).QueryAsync(new Abi.Inbox.DomainSeparatorFunction(), cancel: Cancel);
        Abi.Parameters clocks = Clocks with { CensorshipSeconds = 2_100, Stake0 = 2 * Clocks.Stake0, Stake1 = 3 * Clocks.Stake1 };
        (Address tournament, _) = await governor.DeployAsync(
            new Abi.Tournament.Deployment(Deployment.StepVerifier, domain, clocks, Deployment.Rollup, governor.Address, Address.Zero, 0), Cancel);
        if (meanwhile is not null)
            await meanwhile(tournament);
        await governor.SendAsync(Deployment.Rollup, new Abi.Rollup.AddRulesFunction(tournament), cancel: Cancel);
        return tournament;
    }

    /// <summary>Plays until all batches are confirmed, with what the node says about them.</summary>
    public async Task AllIsConfirmedAsync()
    {
        await UntilAsync("the confirmation of all batches", async () =>
        {
            await LearnTrueRootsAsync();
            ulong last = (ulong)_game.Inbox.Batches.Count - 1;
            return State.Claims[State.LatestConfirmed].Batch == last;
        });

        foreach (Claim claim in State.Claims.Values.Where(claim => claim.Confirmed && !claim.Parent.IsZero))
            Assert.Contains(claim.StateRoot, _trueStateRoots);
    }

    /// <summary>Plays until all batches are confirmed, and checks what is on L1 and at the node.</summary>
    public async Task TruthWinsAsync()
    {
        await AllIsConfirmedAsync();
        Claim lie = Assert.Single(State.Claims.Values, IsLie);
        Assert.False(lie.Confirmed);
        Assert.True(State.Arenas[lie.Tournament].Commitments[lie.TraceRoot].Eliminated);
        Assert.Equal(lie.Claimer, await new ContractHandler(Chain.Client, Deployment.Rollup)
            .QueryAsync(new Abi.Rollup.ClaimerOfFunction(lie.Id), cancel: Cancel));
        Assert.Contains(
            State.Matches.Values, match => match is { Live: false, Phase: MatchPhase.AtLeaf } && State.Arenas[match.Tournament].Level == 1);

        if (!Node.IsRunning)
            Node.Start();
        await AnswersAsync(Node, _nodeUrl);
        foreach ((Acceptance task, byte[] input) in _acknowledged)
        {
            await UntilAsync($"the settlement of task {task.Sequence} at the node", async () => await ReceiptAsync(_nodeUrl, task.TaskHash) is { Stage: TaskStage.Settled });
            TaskReceipt receipt = (await ReceiptAsync(_nodeUrl, task.TaskHash))!;
            Assert.True(receipt.Status == MachineStatus.Halted, $"Task {task.Sequence}, number {receipt.Number} in batch {receipt.Batch}: {receipt.Status}.");
            OutputInfo output = await WithNodeAsync(_nodeUrl, node => node.CallAsync<OutputInfo>("opt_getOutput", [task.TaskHash], Cancel));
            Assert.Equal(SHA256.HashData(input), output.Data.Bytes[..32].ToArray());
        }
    }

    /// <summary>Looks at L1 until something holds, and lets time pass where nobody has a clock that runs.</summary>
    public async Task UntilAsync(string what, Func<Task<bool>> holds, int seconds = 150)
    {
        long deadline = Environment.TickCount64 + 1000L * seconds;
        while (true)
        {
            await FollowAsync();
            if (await holds())
                return;
            foreach (ProgramProcess process in _processes)
                process.RequireStartedOrKilled();
            if (Environment.TickCount64 > deadline)
                throw new XunitException($"{what} did not come within {seconds} s.\n{string.Join('\n', _processes.Select(process => $"--- {process.Name}\n{process.Tail(12)}"))}");

            await Meanwhile();
            if (++_idle > IdleLooks && TimeMayPass() && IsNobodysClockRunning())
            {
                _idle = 0;
                await Chain.IncreaseTimeAsync(JumpSeconds, Cancel);
            }

            await Task.Delay(LookPause, Cancel);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ProgramProcess process in _processes)
            process.Dispose();
        // Shown when the test fails.
        foreach (ProgramProcess process in _processes)
            _output.WriteLine($"--- {process.Name}\n{process.Tail(80)}");
        await Chain.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task PrepareAsync()
    {
        Abi.ClaimRef genesis = await new ContractHandler(Chain.Client, Deployment.Rollup).QueryAsync(new Abi.Rollup.GenesisFunction(), cancel: Cancel);
        _game = new Game(
            new RollupContracts(Deployment.Rollup, Deployment.Tournament, Deployment.Inbox),
            GameState.AtGenesis(await Rules.ReadAsync(Chain.Client, Deployment.Tournament, Cancel), EventReader.From(genesis)),
            _rules);
        ContractsFile.Of(Deployment, MaxTaskSteps, 1UL << 50).Save(Path.Combine(_folder, "contracts.json"));
        foreach (int account in new[] { Sequencer, Liar, Defender, LiarsPlayer, FirstPlayer, SecondPlayer })
        {
            await File.WriteAllTextAsync(KeyOf(account), DevChain.PrivateKey(account).ToString(), Cancel);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(KeyOf(account), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    private ProgramProcess Process(string name, string executable, string[] arguments)
    {
        var process = new ProgramProcess(name, _folder, executable, arguments);
        _processes.Add(process);
        return process;
    }

    private string KeyOf(int account) => Path.Combine(_folder, $"account-{account}.key");

    private string[] NodeArguments(string name, int account, string url) =>
    [
        "node", .. _endpoints.SelectMany(endpoint => new[] { "--l1", endpoint.ToString() }), "--contracts", Path.Combine(_folder, "contracts.json"),
        "--key", KeyOf(account), "--data", Path.Combine(_folder, name), "--rpc", url, "--batch-seconds", "0.3", "--poll-seconds", "0.15",
    ];

    private string[] ChallengerArguments(string name, int account) =>
    [
        "watch", .. _endpoints.SelectMany(endpoint => new[] { "--l1", endpoint.ToString() }), "--rollup", Deployment.Rollup.ToString(),
        "--key", KeyOf(account), "--data", Path.Combine(_folder, name),
    ];

    private async Task FollowAsync()
    {
        while (true)
        {
            ChainUpdate? update = await _follower.AdvanceAsync(Cancel);
            if (update is null)
                continue;
            await _rules.LearnAsync(update.Added, Cancel);
            if (_game.Apply(update).Count > 0)
                _idle = 0;
            if (update.AtHead)
                return;
        }
    }

    /// <summary>
    /// Whether letting time pass hurts nobody honest: every claim that is alone is true, and in every tournament the true side waits for
    /// windows to close.
    /// </summary>
    private bool IsNobodysClockRunning()
    {
        if (_game.Inbox.Batches.Count == 0 || State.Claims.Values.Count(claim => !claim.Confirmed) == 0)
            return false;
        bool lonelyLie = State.ClaimsOfTournament.Values.Any(
            claims => claims.Count == 1 && !State.Claims[claims[0]].Confirmed && !_trueStateRoots.Contains(State.Claims[claims[0]].StateRoot));
        if (lonelyLie)
            return false;
        foreach (Arena arena in State.Arenas.Values.Where(arena => arena.Result == TournamentResult.Undecided))
        {
            bool onlyInner = arena.LiveMatches.All(id => State.Matches[id].Phase == MatchPhase.Inner);
            bool defended = arena.LiveMatches.Count > 0 || State.Dangling(arena)?.Claimer is { } claimer &&
                (claimer == DevChain.Accounts[Defender].Address || claimer == DevChain.Accounts[Sequencer].Address);
            if (!onlyInner || !defended)
                return false;
        }

        return true;
    }

    /// <summary>A wrong claim of the liar's: its node's, or its player's when the true claim came first after a reorganization.</summary>
    private bool IsLie(Claim claim) =>
        (claim.Claimer == DevChain.Accounts[Liar].Address || claim.Claimer == DevChain.Accounts[LiarsPlayer].Address) &&
        !_trueStateRoots.Contains(claim.StateRoot);

    /// <summary>The honest node's results, which a test knows to be true; a node that is down is asked later.</summary>
    private async Task LearnTrueRootsAsync()
    {
        for (ulong batch = 0; batch < (ulong)_game.Inbox.Batches.Count; batch++)
        {
            ulong index = batch;
            if (await TryWithNodeAsync(_nodeUrl, async node => (BatchInfo?)await node.CallAsync<BatchInfo>("opt_getBatch", [index], Cancel)) is { } info)
                _trueStateRoots.Add(info.StateRoot);
        }
    }

    private Task<TaskReceipt?> ReceiptAsync(string url, Word task) => TryWithNodeAsync(url, async node =>
    {
        JsonElement receipt = await node.CallAsync("opt_getTaskReceipt", [task], Cancel);
        return receipt.ValueKind == JsonValueKind.Null ? null : receipt.Deserialize<TaskReceipt>(RpcJson.Options);
    });

    private async Task AnswersAsync(ProgramProcess process, string url) =>
        await UntilAsync($"an answer of {process.Name}", async () =>
            await TryWithNodeAsync(url, async node => (SyncStatus?)await node.CallAsync<SyncStatus>("opt_syncStatus", [], Cancel)) is { IsSynced: true });

    /// <summary>A challenger writes its status when it has seen L1.</summary>
    private Task HasLookedAsync(ProgramProcess challenger) => UntilAsync(
        $"a look of {challenger.Name} at L1", () => Task.FromResult(File.Exists(Path.Combine(_folder, challenger.Name, StatusFile.Name))));

    /// <summary>Asks until the node answers, which it cannot while it is down.</summary>
    private async Task<T> WithNodeAsync<T>(string url, Func<NodeClient, Task<T>> ask)
        where T : class
    {
        T? answer = null;
        await UntilAsync($"an answer of {url}", async () => (answer = await TryWithNodeAsync(url, async node => (T?)await ask(node))) is not null);
        return answer!;
    }

    private static async Task<T?> TryWithNodeAsync<T>(string url, Func<NodeClient, Task<T?>> ask)
        where T : class
    {
        using var node = new NodeClient(url);
        try
        {
            return await ask(node);
        }
        catch (CommandException refused) when (refused.ExitCode is Engine.Cli.ExitCode.Unavailable or Engine.Cli.ExitCode.Failed)
        {
            return null;
        }
    }
}
