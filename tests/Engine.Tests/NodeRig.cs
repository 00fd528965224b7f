using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Optimistic.Contracts;
using Optimistic.Contracts.Bindings;
using Optimistic.Contracts.Ethereum;
using Optimistic.Engine.Cli;
using Optimistic.Engine.Node;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Engine.Tests;

/// <summary>A development chain with the contracts, and nodes as real processes on it.</summary>
internal sealed class NodeRig : IAsyncDisposable
{
    public const ulong MaxTaskSteps = 1UL << 32;

    private readonly List<NodeProcess> _nodes = [];

    private NodeRig(DevChain chain, Deployment deployment, string folder) => (Chain, Deployment, Folder) = (chain, deployment, folder);

    public DevChain Chain { get; }

    public Deployment Deployment { get; }

    public string Folder { get; }

    public string ContractsPath => Path.Combine(Folder, "contracts.json");

    /// <summary>The account of the node, which alone uses it.</summary>
    public static Account SequencerAccount => DevChain.Accounts[1];

    /// <summary>Signs tasks.</summary>
    public static Account User => DevChain.Accounts[2];

    public static async Task<NodeRig> StartAsync(ulong forceDelaySeconds = 3600, ulong maxBatchSteps = 1UL << 50, uint replaySeconds = 60)
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        string folder = Directory.CreateTempSubdirectory("optimistic-node-").FullName;
        DevChain chain = await DevChain.StartAsync(cancel: cancel);
        TransactionSender sender = new(chain.Client, DevChain.Accounts[0]);
        DeploymentParameters parameters = new(
            [SequencerAccount.Address, DevChain.Accounts[3].Address],
            new InboxLimits(forceDelaySeconds, 86_400, MaxTaskSteps, maxBatchSteps, replaySeconds, 1),
            new Parameters(600, 60, replaySeconds, 60, BigInteger.Pow(10, 17), BigInteger.Pow(10, 16), 1_000_000_000),
            DevChain.Accounts[0].Address,
            RollupState.Genesis.Root);
        Deployment deployment = await Deployment.DeployAsync(sender, parameters, cancel: cancel);
        NodeRig rig = new(chain, deployment, folder);
        ContractsFile.Of(deployment, MaxTaskSteps, maxBatchSteps).Save(rig.ContractsPath);
        await rig.WriteKeyAsync("sequencer", DevChain.PrivateKey(1));
        await rig.WriteKeyAsync("user", DevChain.PrivateKey(2));
        return rig;
    }

    private async Task WriteKeyAsync(string name, Word key)
    {
        await File.WriteAllTextAsync(KeyPath(name), key.ToString(), TestContext.Current.CancellationToken);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(KeyPath(name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public string KeyPath(string name) => Path.Combine(Folder, name + ".key");

    /// <summary>The arguments of a node of this rig.</summary>
    public string[] NodeArguments(string data = "data", params string[] more) =>
    [
        "node", "--l1", Chain.Url.ToString(), "--contracts", ContractsPath, "--key", KeyPath("sequencer"), "--data", Path.Combine(Folder, data),
        "--rpc", "http://127.0.0.1:0", "--batch-seconds", "0.3", "--poll-seconds", "0.1", .. more,
    ];

    public async Task<NodeProcess> StartNodeAsync(params string[] more)
    {
        NodeProcess node = await NodeProcess.StartAsync(NodeArguments("data", more));
        _nodes.Add(node);
        await node.WaitForAsync<SyncStatus>("opt_syncStatus", [], status => status.IsSynced);
        return node;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (NodeProcess node in _nodes)
            await node.DisposeAsync();
        await Chain.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>A node as a real process.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _log;

    private NodeProcess(Process process, Task<string> log, string url)
    {
        (_process, _log, Url) = (process, log, url);
        Client = new NodeClient(url);
    }

    public string Url { get; }

    public NodeClient Client { get; }

    public static async Task<NodeProcess> StartAsync(string[] arguments)
    {
        Process process = OptimisticProcess.Start(arguments);
        Task<string> log = process.StandardError.ReadToEndAsync(CancellationToken.None);
        string? line = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        if (line is null)
            throw new InvalidOperationException($"The node did not start: {await log}");
        return new NodeProcess(process, log, (string)JsonNode.Parse(line)!["rpc"]!);
    }

    /// <summary>As kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>As SIGTERM: waits until it has ended by itself.</summary>
    public async Task<(int ExitCode, string Log)> StopAsync()
    {
        using Process kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (_process.ExitCode, await _log);
    }

    public Task<T> CallAsync<T>(string method, params object[] parameters) =>
        Client.CallAsync<T>(method, parameters, TestContext.Current.CancellationToken);

    /// <summary>Asks again until the answer is as wanted.</summary>
    public async Task<T> WaitForAsync<T>(string method, object[] parameters, Func<T, bool> wanted, int seconds = 60, bool ignoreErrors = false)
    {
        long deadline = Environment.TickCount64 + seconds * 1000;
        while (true)
        {
            JsonElement answer = default;
            try
            {
                answer = await Client.CallAsync(method, parameters, TestContext.Current.CancellationToken);
            }
            catch (CommandException) when (ignoreErrors)
            {
                // Not there yet.
            }

            T? value = answer.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined ? default : answer.Deserialize<T>(Rpc.RpcJson.Options);
            if (value is not null && wanted(value))
                return value;
            if (Environment.TickCount64 > deadline)
            {
                await KillAsync();
                throw new TimeoutException($"{method} still answers '{answer}'. The node's log: {await _log}");
            }


            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Deploys a guest sample and waits for its number.</summary>
    public async Task<uint> DeployAsync(string guest, AppPolicy policy, ulong nonce = 1)
    {
        byte[] file = await File.ReadAllBytesAsync(Repository.Guest(guest), TestContext.Current.CancellationToken);
        RollupTask task = RollupTask.Deploy(policy, nonce, ElfLoader.Load(file));
        Word domain = await Client.DomainAsync(TestContext.Current.CancellationToken);
        Signature signature = NodeRig.User.Sign(task.Digest(domain));
        Acceptance accepted = await CallAsync<Acceptance>(
            "opt_deployApp", new SubmittedDeploy(file, policy, nonce, NodeRig.User.Address, signature.ToArray()));
        TaskReceipt receipt = await WaitForAsync<TaskReceipt>("opt_getTaskReceipt", [accepted.TaskHash], _ => true);
        Assert.Equal(MachineStatus.Deployed, receipt.Status);
        return receipt.App;
    }

    public Task<Acceptance> SubmitAsync(uint app, ulong nonce, byte[] input) =>
        Client.SubmitAsync(NodeRig.User, app, nonce, NodeRig.MaxTaskSteps, input, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
    }
}
