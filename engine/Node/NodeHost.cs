using System.Numerics;
using System.Text.Json.Nodes;
using Optimistic.Contracts;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Engine.Cli;
using Optimistic.Engine.Rpc;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Compact;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Engine.Node;

/// <summary>What a node is started with.</summary>
internal sealed record NodeSettings(
    IReadOnlyList<Uri> L1, NodeCommand.ContractsSource Contracts, Account Account, string DataFolder, string RpcUrl, SequencerOptions Options, bool JsonLog, bool Verbose);

/// <summary>A node as a process: checks everything it depends on, then serves until it is stopped.</summary>
internal static class NodeHost
{
    /// <exception cref="CommandException">Something it was given is wrong.</exception>
    /// <exception cref="EthereumException">L1 does not answer, is another chain, or has not the contracts.</exception>
    public static async Task<int> RunAsync(NodeSettings settings, CancellationToken cancel)
    {
        using Logger log = CreateLog(settings);
        Log.Logger = log;
        using EthereumClient client = await EthereumClient.ConnectAsync(settings.L1, settings.Contracts.File?.ChainId, cancel: cancel);
        if (settings.Options.Drill is not null)
            RequireDevelopmentChain(client.ChainId);

        ContractsFile contracts = settings.Contracts.File
            ?? await ContractsFile.FindAsync(client, settings.Contracts.Rollup, settings.Contracts.Outbox, settings.Account.Address, cancel);
        L1Terms terms = await ReadTermsAsync(client, contracts, settings.Account.Address, cancel);
        using NodeStore store = NodeStore.Open(settings.DataFolder, contracts.ChainId, contracts.Rollup);
        Sequencer sequencer = new(store, client, contracts, terms, settings.Account, settings.Options, TimeProvider.System, log);
        NodeApi api = new(sequencer, store, contracts, terms.Genesis);
        await using WebApplication server = RpcServer.Create(settings.RpcUrl, api, new RpcLimits(), () => api.GetHealth(TimeProvider.System), log);
        await StartServerAsync(server, settings.RpcUrl, cancel);

        string url = server.Urls.First();
        Console.Out.WriteLine(new JsonObject { ["rpc"] = url, ["account"] = settings.Account.Address.ToString() }.ToJsonString());
        log.Information("Node of rollup {Rollup} on chain {Chain} serves JSON-RPC at {Url} as {Account}", contracts.Rollup, contracts.ChainId, url, settings.Account.Address);
        try
        {
            await sequencer.RunAsync(cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            log.Information("Stopped");
        }
        catch (DrillException error)
        {
            throw new CommandException($"--drill: {error.Message}");
        }

        return ExitCode.Ok;
    }

    private static async Task StartServerAsync(WebApplication server, string url, CancellationToken cancel)
    {
        try
        {
            await server.StartAsync(cancel);
        }
        catch (IOException error)
        {
            throw new CommandException($"cannot listen on {url}: {error.Message}", ExitCode.Unavailable);
        }
    }

    /// <exception cref="CommandException">The account may not append batches.</exception>
    public static async Task RequireSequencerAsync(ContractHandler inbox, Address account, CancellationToken cancel)
    {
        if (!await inbox.QueryAsync(new Abi.Inbox.IsSequencerFunction(account), cancel: cancel))
            throw new CommandException($"{account} is not a sequencer of Inbox {inbox.Address}: use the key of one, they were fixed at deployment.");
    }

    /// <exception cref="UnknownRulesException">The rules in force: no claim could be made under them.</exception>
    private static async Task<L1Terms> ReadTermsAsync(EthereumClient client, ContractsFile contracts, Address account, CancellationToken cancel)
    {
        Deployment found = await Deployment.ReadAsync(client, contracts.Rollup, contracts.Outbox, cancel);
        if (found.Inbox != contracts.Inbox || found.Tournament != contracts.Tournament)
            throw new CommandException($"the contracts file names Inbox {contracts.Inbox} and Tournament {contracts.Tournament}, the Rollup has {found.Inbox} and {found.Tournament}: take the file that the deployment wrote.");

        ContractHandler inbox = new(client, contracts.Inbox), rollup = new(client, contracts.Rollup);
        await RequireSequencerAsync(inbox, account, cancel);
        ClaimRef genesis = EventReader.From(await rollup.QueryAsync(new Abi.Rollup.GenesisFunction(), cancel: cancel));
        if (genesis.StateRoot != RollupState.Genesis.Root)
            throw new CommandException($"the rollup starts from state root {genesis.StateRoot}, this program from {RollupState.Genesis.Root}: use the version that it was deployed with.");

        Abi.Rollup.RulesInForceOutput inForce = await rollup.QueryAsync(new Abi.Rollup.RulesInForceFunction(), cancel: cancel);
        await Rules.ReadAsync(client, inForce.Tournament, cancel);
        Rules rules = await Rules.ReadAsync(client, contracts.Tournament, cancel);
        Word domain = await inbox.QueryAsync(new Abi.Inbox.DomainSeparatorFunction(), cancel: cancel);
        return new L1Terms(genesis, rules, domain);
    }

    private static void RequireDevelopmentChain(ulong chainId)
    {
        try
        {
            Drill.RequireDevelopmentChain(chainId);
        }
        catch (DrillException error)
        {
            throw new CommandException(error.Message);
        }
    }

    private static Logger CreateLog(NodeSettings settings)
    {
        LoggerConfiguration configuration = new LoggerConfiguration()
            .MinimumLevel.Is(settings.Verbose ? LogEventLevel.Debug : LogEventLevel.Information)
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
            .MinimumLevel.Override("System", LogEventLevel.Warning);
        return (settings.JsonLog
            ? configuration.WriteTo.Console(new CompactJsonFormatter(), standardErrorFromLevel: LogEventLevel.Verbose)
            : configuration.WriteTo.Console(
                outputTemplate: "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{NewLine}{Exception}",
                formatProvider: System.Globalization.CultureInfo.InvariantCulture, standardErrorFromLevel: LogEventLevel.Verbose)).CreateLogger();
    }
}
