using System.CommandLine;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Optimistic.Contracts;
using Optimistic.Contracts.Ethereum;
using Optimistic.Engine.Node;
using Optimistic.Engine.Rpc;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Spectre.Console;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Engine.Cli;

/// <summary>The command that deploys the contracts of a rollup.</summary>
internal static class DeployCommand
{
    private const ulong GweiWei = 1_000_000_000;

    public static Command Create()
    {
        Option<string[]> l1 = new("--l1") { Description = "URL of an Ethereum node's JSON-RPC. May be repeated: the next one takes over when one fails.", HelpName = "URL", Required = true };
        Option<string> key = new("--key") { Description = "Key file of the account that pays: 64 hexadecimal digits or a JSON keystore (password in OPTIMISTIC_PASSWORD). It has no rights afterwards but those named below.", HelpName = "FILE", Required = true };
        Option<string> contracts = new("--contracts") { Description = "JSON file to write the contracts' addresses to, for nodes. It must not be there yet.", HelpName = "FILE", Required = true };
        Option<string[]> sequencer = Addresses("--sequencer", "Account that may append batches; may be repeated. The first one earns the fees of forced tasks. Default: the account of --key.");
        Option<string?> treasury = OneAddress("--treasury", "Account that is credited with what lost disputes leave over. Default: the account of --key.");
        Option<string?> governor = OneAddress("--governor", "Account that may add rules for claims posted later, best a timelock. Default: nobody.");
        Option<string?> guardian = OneAddress("--guardian", "Account that may stop the clocks of disputes for --pause-seconds in all. Default: nobody.");
        Option<uint> pause = Number("--pause-seconds", "S", "What a guardian may pause in all, for ever.", 0u);
        Option<uint> censorship = Number("--censorship-seconds", "S", "How long an adversary may hold all honest transactions back, in sum.", 604_800u);
        Option<uint> grace = Number("--grace-seconds", "S", "What each move may take for free.", 600u);
        Option<uint> replay = Number("--replay-seconds", "S", "Time to execute a batch, and those before it that are not executed yet: the Inbox takes --max-batch-steps in so many seconds and no more.", 3_600u);
        Option<uint> trace = Number("--trace-seconds", "S", "Time to execute a task up to any of its chunks, and to build the trace of the 2^28 instructions there.", 3_600u);
        Option<decimal> stake0 = Number("--stake", "ETHER", "What a wrong claim loses, before gas.", 1m);
        Option<decimal> stake1 = Number("--inner-stake", "ETHER", "What a wrong trace inside a match loses, before gas.", 0.5m);
        Option<decimal> ceiling = Number("--price-ceiling", "GWEI", "Highest gas price at which moves are refunded.", 250m);
        Option<ulong> forceDelay = Number("--force-delay", "S", "After this a task sent to L1 directly can be forced in.", 86_400ul);
        Option<ulong> drift = Number("--max-drift", "S", "How far a batch's time may lie behind L1's.", 3_600ul);
        Option<ulong> taskSteps = Number("--max-task-steps", "N", "Steps that a task may use.", 1ul << 36);
        Option<ulong> batchSteps = Number("--max-batch-steps", "N", "Steps that the tasks of a batch may use together, and those of all batches in --replay-seconds: what every challenger must be able to execute in that time.", 1ul << 40);
        Option<ulong> fee = Number("--fee", "WEI", "Fee of a direct task for each 2^20 steps: --max-batch-steps of them take all of --replay-seconds.", 1_000 * GweiWei);
        Option<bool> json = CommandLine.JsonOption();
        Command command = new("deploy",
            """
            Deploy the contracts of a new rollup to L1, and write the file that nodes read.

            All of it is fixed for ever when it is deployed; only a governor, if one is named, may add rules for
            claims posted later. A challenger needs nothing but the address of the Rollup.
            """)
        {
            l1, key, contracts, sequencer, treasury, governor, guardian, pause, censorship, grace, replay, trace, stake0, stake1, ceiling, forceDelay, drift,
            taskSteps, batchSteps, fee, json,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            string path = parsed.GetRequiredValue(contracts);
            if (Path.Exists(path))
                throw new CommandException($"there is '{path}' already: name another file, or move it away.");
            if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
                throw new CommandException($"'{path}' is in no folder that exists.");
            Account account = KeyFile.Read(parsed.GetRequiredValue(key));
            DeploymentParameters parameters = new(
                parsed.GetValue(sequencer) is { Length: > 0 } named ? [.. named.Select(text => AddressOf(text, "--sequencer"))] : [account.Address],
                new Abi.InboxLimits(parsed.GetValue(forceDelay), parsed.GetValue(drift), parsed.GetValue(taskSteps), parsed.GetValue(batchSteps), parsed.GetValue(replay), parsed.GetValue(fee)),
                new Abi.Parameters(
                    parsed.GetValue(censorship), parsed.GetValue(grace), parsed.GetValue(replay), parsed.GetValue(trace),
                    Wei(parsed.GetValue(stake0), GweiWei * GweiWei, "--stake"), Wei(parsed.GetValue(stake1), GweiWei * GweiWei, "--inner-stake"),
                    Wei(parsed.GetValue(ceiling), GweiWei, "--price-ceiling")),
                parsed.GetValue(treasury) is { } to ? AddressOf(to, "--treasury") : account.Address,
                RollupState.Genesis.Root)
            {
                Governor = parsed.GetValue(governor) is { } adds ? AddressOf(adds, "--governor") : default,
                Guardian = parsed.GetValue(guardian) is { } stops ? AddressOf(stops, "--guardian") : default,
                PauseBudgetSeconds = parsed.GetValue(pause),
            };
            using EthereumClient client = await EthereumClient.ConnectAsync([.. parsed.GetRequiredValue(l1).Select(url => NodeCommand.UrlOf(url, "--l1"))], cancel: cancel);
            List<(string Name, Address Address, TransactionReceipt Receipt)> deployed = [];
            Deployment deployment = await Deployment.DeployAsync(
                new TransactionSender(client, account), parameters, (name, address, receipt) =>
                {
                    deployed.Add((name, address, receipt));
                    Console.Error.WriteLine($"{name} {address}");
                }, cancel);
            ContractsFile file = ContractsFile.Of(deployment, parsed.GetValue(taskSteps), parsed.GetValue(batchSteps));
            NamedFile.Write(path, "contracts file", stream => stream.Write(file.ToJson()));
            Report(parsed.GetValue(json), path, file, deployed);
            return ExitCode.Ok;
        });
        return command;
    }

    private static void Report(bool json, string path, ContractsFile file, List<(string Name, Address Address, TransactionReceipt Receipt)> deployed)
    {
        ulong gas = deployed.Aggregate(0UL, (sum, one) => sum + one.Receipt.GasUsed);
        BigInteger fees = deployed.Aggregate(BigInteger.Zero, (sum, one) => sum + one.Receipt.Fee);
        if (json)
        {
            CommandLine.Print(new JsonObject
            {
                ["contracts"] = JsonSerializer.SerializeToNode(file, RpcJson.Options),
                ["file"] = Path.GetFullPath(path),
                ["gas"] = new JsonObject(deployed.Select(one => KeyValuePair.Create(one.Name, (JsonNode?)one.Receipt.GasUsed))),
                ["fees"] = fees.ToString(CultureInfo.InvariantCulture),
            });
            return;
        }

        Table table = new Table().AddColumns("contract", "address").AddColumn("gas", column => column.RightAligned());
        foreach ((string name, Address address, TransactionReceipt receipt) in deployed)
            table.AddRow(name, address.ToString(), CommandLine.Number(receipt.GasUsed));
        table.AddRow("", $"{(decimal)fees / (GweiWei * (decimal)GweiWei):0.######} ether", CommandLine.Number(gas));
        AnsiConsole.Write(table);
        Console.Out.WriteLine($"{path} is for nodes; a challenger takes --rollup {file.Rollup}");
    }

    private static Option<T> Number<T>(string name, string unit, string description, T standard) =>
        new(name) { Description = description, HelpName = unit, DefaultValueFactory = _ => standard };

    private static Option<string?> OneAddress(string name, string description) => new(name) { Description = description, HelpName = "ADDRESS" };

    private static Option<string[]> Addresses(string name, string description) => new(name) { Description = description, HelpName = "ADDRESS" };

    private static BigInteger Wei(decimal amount, ulong unit, string option)
    {
        decimal wei = amount is >= 0 and < 1_000_000_000 ? amount * unit : -1;
        return wei >= 0 && wei == decimal.Truncate(wei) ? (BigInteger)wei : throw new CommandException($"{option} is from 0 to a thousand million, in whole wei.");
    }

    private static Address AddressOf(string text, string option)
    {
        try
        {
            return Address.Parse(text);
        }
        catch (FormatException error)
        {
            throw new CommandException($"{option}: {error.Message}");
        }
    }
}
