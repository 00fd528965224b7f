using System.CommandLine;
using Optimistic.Contracts.Ethereum;
using Optimistic.Engine.Node;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Engine.Cli;

/// <summary>The command that runs a sequencer node.</summary>
internal static class NodeCommand
{
    public static Command Create()
    {
        Option<string[]> l1 = new("--l1") { Description = "URL of an Ethereum node's JSON-RPC. May be repeated: the next one takes over when one fails.", HelpName = "URL", Required = true };
        Option<string> contracts = new("--contracts") { Description = "JSON file with the contracts' addresses, as the deployment wrote it; or the address of the Rollup, and after a comma that of the Outbox.", HelpName = "FILE|ROLLUP[,OUTBOX]", Required = true };
        Option<string> key = new("--key") { Description = "Key file of the sequencer's account: 64 hexadecimal digits or a JSON keystore (password in OPTIMISTIC_PASSWORD). No other process may use the account.", HelpName = "FILE", Required = true };
        Option<string> data = new("--data") { Description = "Folder for the node's data; created when it is not there.", HelpName = "DIR", Required = true };
        Option<string> rpc = new("--rpc") { Description = "Where to serve JSON-RPC; port 0 takes a free one.", HelpName = "URL", DefaultValueFactory = _ => "http://127.0.0.1:8645" };
        Option<double> interval = new("--batch-seconds") { Description = "A batch is posted when its oldest task waits so long.", HelpName = "S", DefaultValueFactory = _ => 2 };
        Option<double> poll = new("--poll-seconds") { Description = "How often L1 is looked at.", HelpName = "S", DefaultValueFactory = _ => 1 };
        Option<int> tasks = new("--batch-tasks") { Description = "Tasks in a batch, at most 4096.", HelpName = "N", DefaultValueFactory = _ => 1000 };
        Option<string?> drill = new("--drill") { Description = "Development chains only: lie about one memory word, as task=N,step=S,address=A,xor=X, and post the wrong claim.", HelpName = "SPEC" };
        Option<string> engine = new("--engine")
        {
            Description = "What executes tasks: jit, compiled code; threaded, without a compiler; or interpreter, the reference. All end in the same state.",
            HelpName = "jit|interpreter|threaded",
            DefaultValueFactory = _ => "jit",
        };
        engine.AcceptOnlyFromAmong("jit", "interpreter", "threaded");
        Option<string> log = new("--log") { Description = "Format of the log on stderr.", HelpName = "text|json", DefaultValueFactory = _ => "text" };
        log.AcceptOnlyFromAmong("text", "json");
        Option<bool> verbose = new("--verbose") { Description = "Log more." };

        Command command = new("node",
            """
            Run a sequencer node: take tasks in over JSON-RPC, execute them, post batches and claims to L1.

            Prints one line of JSON with the URL it serves, and logs to stderr. Stop it with SIGINT or
            SIGTERM; it may also be killed at any time and loses no task that it has acknowledged.
            Exit code: 0 when stopped, 64 for bad usage or files, 69 when L1 does not answer, is another
            chain, or has not the contracts.
            """)
        { l1, contracts, key, data, rpc, interval, poll, tasks, drill, engine, log, verbose };
        command.SetAction((parsed, cancel) => NodeHost.RunAsync(
            new NodeSettings(
                [.. parsed.GetRequiredValue(l1).Select(url => UrlOf(url, "--l1"))],
                ContractsSource.Parse(parsed.GetRequiredValue(contracts)),
                KeyFile.Read(parsed.GetRequiredValue(key)),
                parsed.GetRequiredValue(data),
                UrlOf(parsed.GetRequiredValue(rpc), "--rpc").GetLeftPart(UriPartial.Authority),
                new SequencerOptions
                {
                    BatchInterval = Seconds(parsed.GetValue(interval), "--batch-seconds"),
                    PollInterval = Seconds(parsed.GetValue(poll), "--poll-seconds"),
                    MaxBatchTasks = parsed.GetValue(tasks) is >= 1 and <= Batch.MaxTasks and var count
                        ? count : throw new CommandException($"--batch-tasks is 1 to {Batch.MaxTasks}."),
                    Drill = DrillOf(parsed.GetValue(drill)),
                    Engine = Enum.Parse<ExecutionEngine>(parsed.GetRequiredValue(engine), ignoreCase: true),
                },
                parsed.GetRequiredValue(log) == "json",
                parsed.GetValue(verbose)),
            cancel));
        return command;
    }

    /// <summary>What --contracts names: a file, or addresses on L1.</summary>
    internal sealed record ContractsSource(ContractsFile? File, Address Rollup, Address Outbox)
    {
        public static ContractsSource Parse(string text)
        {
            if (!text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            {
                ContractsFile file = ContractsFile.Load(text);
                return new ContractsSource(file, file.Rollup, file.Outbox);
            }

            string[] parts = text.Split(',');
            return new ContractsSource(null, AddressOf(parts[0]), parts.Length == 2 ? AddressOf(parts[1]) : parts.Length == 1 ? default : throw new CommandException("--contracts takes a file, or the address of the Rollup and after a comma that of the Outbox."));
        }

        private static Address AddressOf(string text)
        {
            try
            {
                return Address.Parse(text);
            }
            catch (FormatException error)
            {
                throw new CommandException($"--contracts: {error.Message}");
            }
        }
    }

    public static Uri UrlOf(string text, string option) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"
            ? url
            : throw new CommandException($"{option} needs an HTTP URL like http://127.0.0.1:8545, not '{text}'.");

    private static TimeSpan Seconds(double seconds, string option) =>
        seconds is > 0 and < 86_400 ? TimeSpan.FromSeconds(seconds) : throw new CommandException($"{option} needs seconds above 0 and below a day.");

    private static Drill? DrillOf(string? text)
    {
        try
        {
            return text is null ? null : Drill.Parse(text);
        }
        catch (DrillException error)
        {
            throw new CommandException($"--drill: {error.Message}");
        }
    }
}

/// <summary>Key files named on the command line.</summary>
internal static class KeyFile
{
    private const string PasswordVariable = "OPTIMISTIC_PASSWORD";

    public static Account Read(string path)
    {
        try
        {
            return Account.FromFile(
                path,
                () => Environment.GetEnvironmentVariable(PasswordVariable)
                    ?? throw new CommandException($"key file '{path}' is an encrypted keystore: put its password into {PasswordVariable}."),
                warning => Console.Error.WriteLine($"optimistic: {warning}"));
        }
        catch (KeyFileException error)
        {
            throw new CommandException(error.Message);
        }
    }
}
