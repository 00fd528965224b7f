using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Optimistic.Contracts.Ethereum;
using Optimistic.Engine.Node;
using Optimistic.Engine.Rpc;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Engine.Cli;

/// <summary>Commands that talk to a node: app deploy and list, task submit, get and output.</summary>
internal static class ClientCommands
{
    /// <summary>Steps that a task may use when nothing is said.</summary>
    private const ulong StandardStepLimit = 1UL << 32;

    public static Command App()
    {
        Command command = new("app", "Deploy apps and list them.") { Deploy(), List() };
        return command;
    }

    public static Command Task()
    {
        Command command = new("task", "Send tasks to apps and read what became of them.") { Submit(), Get(), Output() };
        return command;
    }

    private static Option<string> NodeOption() => new("--node")
    {
        Description = "URL of the node's JSON-RPC.",
        HelpName = "URL",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("OPTIMISTIC_NODE") ?? "http://127.0.0.1:8645",
    };

    private static Option<string> KeyOption() => new("--key")
    {
        Description = "Key file of the sender: 64 hexadecimal digits or a JSON keystore (password in OPTIMISTIC_PASSWORD).",
        HelpName = "FILE",
        Required = true,
    };

    private static Option<ulong?> NonceOption() => new("--nonce")
    {
        Description = "The task's nonce, which the app reads to refuse replays. Default: milliseconds since 1970.",
        HelpName = "N",
    };

    private static Option<double> WaitOption(double standard) => new("--wait")
    {
        Description = "Seconds to wait until the task is executed; 0 returns at once.",
        HelpName = "S",
        DefaultValueFactory = _ => standard,
    };

    private static Argument<string> HashArgument() => new("TASK") { Description = "The task's hash." };

    private static Command Deploy()
    {
        Argument<string> program = GuestRun.Options.ProgramArgument();
        Option<string> node = NodeOption(), key = KeyOption();
        Option<string> policy = new("--policy") { Description = "stateless: each task starts from the program as deployed; stateful: RAM persists from task to task.", HelpName = "stateless|stateful", DefaultValueFactory = _ => "stateless" };
        policy.AcceptOnlyFromAmong("stateless", "stateful");
        Option<ulong?> nonce = NonceOption();
        Option<double> wait = WaitOption(60);
        Option<bool> json = CommandLine.JsonOption();
        Command command = new("deploy", "Deploy a program as an app, and print its number.") { program, node, key, policy, nonce, wait, json };
        command.SetAction(async (parsed, cancel) =>
        {
            byte[] file = NamedFile.Read(parsed.GetRequiredValue(program), "program");
            GuestProgram loaded = LoadProgram(file, parsed.GetRequiredValue(program));
            Account account = KeyFile.Read(parsed.GetRequiredValue(key));
            using NodeClient client = new(parsed.GetRequiredValue(node));
            Word domain = await client.DomainAsync(cancel);
            AppPolicy chosen = parsed.GetValue(policy) == "stateful" ? AppPolicy.Stateful : AppPolicy.Stateless;
            RollupTask task = RollupTask.Deploy(chosen, NonceOf(parsed.GetValue(nonce)), loaded);
            Signature signature = account.Sign(task.Digest(domain));
            SubmittedDeploy deploy = new(file, chosen, task.Head.Nonce, account.Address, signature.ToArray());
            Acceptance accepted = await client.CallAsync<Acceptance>("opt_deployApp", [deploy], cancel);
            TaskReceipt? receipt = await client.WaitAsync(accepted.TaskHash, parsed.GetValue(wait), cancel);
            return Report(parsed.GetValue(json), accepted, receipt);
        });
        return command;
    }

    private static Command List()
    {
        Option<string> node = NodeOption();
        Option<bool> json = CommandLine.JsonOption();
        Command command = new("list", "List the apps there are.") { node, json };
        command.SetAction(async (parsed, cancel) =>
        {
            using NodeClient client = new(parsed.GetRequiredValue(node));
            IReadOnlyList<AppInfo> apps = await client.CallAsync<IReadOnlyList<AppInfo>>("opt_getApps", [], cancel);
            if (parsed.GetValue(json))
            {
                CommandLine.Print(new JsonObject { ["apps"] = JsonSerializer.SerializeToNode(apps, RpcJson.Options) });
                return ExitCode.Ok;
            }

            foreach (AppInfo app in apps)
                Console.Out.WriteLine($"{app.App,5}  {app.Policy.ToString().ToLowerInvariant(),-9}  {app.Owner}  {app.MemoryRoot}");
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Submit()
    {
        Option<string> node = NodeOption(), key = KeyOption();
        Option<uint> app = new("--app") { Description = "Number of the app.", HelpName = "N", Required = true };
        Option<string?> input = new("--input", "-i") { Description = "File with the input; - reads stdin. Default: empty.", HelpName = "FILE" };
        Option<ulong> limit = new("--step-limit") { Description = "Steps that the task may use.", HelpName = "N", DefaultValueFactory = _ => StandardStepLimit };
        Option<ulong?> nonce = NonceOption();
        Option<double> wait = WaitOption(0);
        Option<bool> json = CommandLine.JsonOption();
        Command command = new("submit", "Sign a task and send it to an app, and print its hash.") { node, key, app, input, limit, nonce, wait, json };
        command.SetAction(async (parsed, cancel) =>
        {
            byte[] bytes = parsed.GetValue(input) is { } path ? NamedFile.Read(path, "input") : [];
            Account account = KeyFile.Read(parsed.GetRequiredValue(key));
            using NodeClient client = new(parsed.GetRequiredValue(node));
            Acceptance accepted = await client.SubmitAsync(
                account, parsed.GetRequiredValue(app), NonceOf(parsed.GetValue(nonce)), parsed.GetValue(limit), bytes, cancel);
            TaskReceipt? receipt = await client.WaitAsync(accepted.TaskHash, parsed.GetValue(wait), cancel);
            return Report(parsed.GetValue(json), accepted, receipt);
        });
        return command;
    }

    private static Command Get()
    {
        Argument<string> hash = HashArgument();
        Option<string> node = NodeOption();
        Option<bool> json = CommandLine.JsonOption();
        Command command = new("get", "Print a task and its receipt. Exit code 1 when the node does not know it.") { hash, node, json };
        command.SetAction(async (parsed, cancel) =>
        {
            Word task = HashOf(parsed.GetRequiredValue(hash));
            using NodeClient client = new(parsed.GetRequiredValue(node));
            JsonElement info = await client.CallAsync("opt_getTask", [task], cancel);
            JsonElement receipt = await client.CallAsync("opt_getTaskReceipt", [task], cancel);
            if (info.ValueKind == JsonValueKind.Null)
                throw new CommandException($"the node does not know task {task}.", ExitCode.Failed);

            if (parsed.GetValue(json))
                CommandLine.Print(new JsonObject { ["task"] = JsonNode.Parse(info.GetRawText()), ["receipt"] = JsonNode.Parse(receipt.GetRawText()) });
            else
                PrintMembers(receipt.ValueKind == JsonValueKind.Null ? info : receipt);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Output()
    {
        Argument<string> hash = HashArgument();
        Option<string> node = NodeOption();
        Option<string?> output = new("--output", "-o") { Description = "Where to write the output. Default: stdout.", HelpName = "FILE" };
        Option<bool> json = new("--json") { Description = "Print the proof for the Outbox as JSON on stdout; then --output alone gets the bytes." };
        Command command = new("output", "Write the output of a task.") { hash, node, output, json };
        command.SetAction(async (parsed, cancel) =>
        {
            Word task = HashOf(parsed.GetRequiredValue(hash));
            using NodeClient client = new(parsed.GetRequiredValue(node));
            using MemoryStream bytes = new();
            OutputInfo info;
            do
            {
                info = await client.CallAsync<OutputInfo>("opt_getOutput", [task, (ulong)bytes.Length], cancel);
                bytes.Write(info.Data.Bytes.Span);
            }
            while ((ulong)bytes.Length < info.OutputLength);

            if (parsed.GetValue(output) is { } path)
                NamedFile.Write(path, "output", file => file.Write(bytes.ToArray()));
            else if (!parsed.GetValue(json))
                Console.OpenStandardOutput().Write(bytes.ToArray());
            if (parsed.GetValue(json))
            {
                JsonObject result = JsonSerializer.SerializeToNode(info, RpcJson.Options)!.AsObject();
                result.Remove("data");
                result.Remove("offset");
                CommandLine.Print(result);
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static int Report(bool json, Acceptance accepted, TaskReceipt? receipt)
    {
        if (json)
        {
            JsonObject result = JsonSerializer.SerializeToNode(accepted, RpcJson.Options)!.AsObject();
            result["receipt"] = receipt is null ? null : JsonSerializer.SerializeToNode(receipt, RpcJson.Options);
            CommandLine.Print(result);
        }
        else
        {
            Console.Out.WriteLine($"task       {accepted.TaskHash}");
            if (receipt is not null)
            {
                Console.Out.WriteLine($"status     {GuestCommands.NameOf(receipt.Status)}");
                Console.Out.WriteLine($"app        {receipt.App}");
                Console.Out.WriteLine($"exit code  {receipt.ExitCode}");
                Console.Out.WriteLine($"steps      {CommandLine.Number(receipt.StepsUsed)}");
                Console.Out.WriteLine($"output     {CommandLine.Number(receipt.OutputLength)} bytes");
            }
        }

        return receipt is null or { Status: MachineStatus.Deployed } or { Status: MachineStatus.Halted, ExitCode: 0 } ? ExitCode.Ok
            : receipt.Status == MachineStatus.Halted ? ExitCode.Failed : ExitCode.Fault;
    }

    private static void PrintMembers(JsonElement element)
    {
        foreach (JsonProperty member in element.EnumerateObject())
            Console.Out.WriteLine($"{member.Name,-13}  {member.Value}");
    }

    private static GuestProgram LoadProgram(byte[] file, string path)
    {
        try
        {
            return ElfLoader.Load(file);
        }
        catch (ElfException error)
        {
            throw new CommandException($"program '{path}' cannot run: {error.Message}");
        }
    }

    private static Word HashOf(string text) =>
        Word.TryParse(text, out Word hash) ? hash : throw new CommandException($"'{text}' is not a task hash: 0x and 64 hexadecimal digits are expected.");

    private static ulong NonceOf(ulong? given) => given ?? (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
}

/// <summary>A client of a node's JSON-RPC.</summary>
internal sealed class NodeClient : IDisposable
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);

    private readonly JsonRpcClient _rpc;
    private readonly string _url;
    private Word? _domain;

    public NodeClient(string url)
    {
        _url = url;
        _rpc = new JsonRpcClient([NodeCommand.UrlOf(url, "--node")], null, new JsonRpcOptions { MaxAttempts = 2, AttemptTimeout = TimeSpan.FromSeconds(60) });
    }

    /// <exception cref="CommandException">The node does not answer, or answers with an error.</exception>
    public async Task<JsonElement> CallAsync(string method, object[] parameters, CancellationToken cancel)
    {
        try
        {
            object?[] arguments = [.. parameters.Select(parameter => Plain(JsonSerializer.SerializeToElement(parameter, RpcJson.Options)))];
            return await _rpc.CallAsync(method, arguments, cancel);
        }
        catch (RpcErrorException error)
        {
            throw new CommandException(error.Text, error.Code switch
            {
                RpcErrorCode.NotFound or RpcErrorCode.Rejected => ExitCode.Failed,
                RpcErrorCode.InvalidParams or RpcErrorCode.LimitExceeded => ExitCode.Usage,
                _ => ExitCode.Unavailable,
            });
        }
        catch (RpcUnreachableException)
        {
            throw new CommandException($"no node answers at {_url}: start one with 'optimistic node', or name it with --node.", ExitCode.Unavailable);
        }
    }

    public async Task<T> CallAsync<T>(string method, object[] parameters, CancellationToken cancel)
    {
        JsonElement answer = await CallAsync(method, parameters, cancel);
        try
        {
            return answer.Deserialize<T>(RpcJson.Options) ?? throw new JsonException("null");
        }
        catch (JsonException error)
        {
            throw new CommandException($"the node at {_url} answers {method} in another format ({error.Message}): use the same version.", ExitCode.Unavailable);
        }
    }

    /// <summary>The domain separator of signatures (spec 5.2.2).</summary>
    public async Task<Word> DomainAsync(CancellationToken cancel)
    {
        if (_domain is null)
        {
            SyncStatus status = await CallAsync<SyncStatus>("opt_syncStatus", [], cancel);
            _domain = TaskSignature.DomainSeparator(status.ChainId, status.Inbox);
        }

        return _domain.Value;
    }

    public async Task<Acceptance> SubmitAsync(Account account, uint app, ulong nonce, ulong stepLimit, byte[] input, CancellationToken cancel)
    {
        RollupTask task = RollupTask.Run(app, nonce, stepLimit, input);
        Signature signature = account.Sign(task.Digest(await DomainAsync(cancel)));
        return await CallAsync<Acceptance>("opt_submitTask", [new SubmittedTask(app, nonce, stepLimit, input, account.Address, signature.ToArray())], cancel);
    }

    /// <summary>Waits for a task's receipt.</summary>
    /// <returns>Null when nothing is to be waited for.</returns>
    /// <exception cref="CommandException">It does not come in time.</exception>
    public async Task<TaskReceipt?> WaitAsync(Word task, double seconds, CancellationToken cancel)
    {
        if (seconds <= 0)
            return null;

        long deadline = Environment.TickCount64 + (long)(seconds * 1000);
        while (true)
        {
            JsonElement receipt = await CallAsync("opt_getTaskReceipt", [task], cancel);
            if (receipt.ValueKind != JsonValueKind.Null)
                return receipt.Deserialize<TaskReceipt>(RpcJson.Options);
            if (Environment.TickCount64 > deadline)
                throw new CommandException(string.Create(CultureInfo.InvariantCulture, $"task {task} was accepted and is not executed after {seconds} seconds: ask again with 'optimistic task get'."), ExitCode.Unavailable);
            await Task.Delay(PollInterval, cancel);
        }
    }

    public void Dispose() => _rpc.Dispose();

    /// <summary>JSON as the values that the client takes.</summary>
    private static object? Plain(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().ToDictionary(member => member.Name, member => Plain(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().Select(Plain).ToArray(),
        JsonValueKind.String => element.GetString(),
        JsonValueKind.True or JsonValueKind.False => element.GetBoolean(),
        JsonValueKind.Null => null,
        _ => throw new ArgumentException($"{element} is no value of this API: numbers are quantities."),
    };
}
