using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Optimistic.Contracts.Ethereum;

namespace Optimistic.Engine.Cli;

/// <summary>Exit codes of <c>optimistic</c>. Numbers from 64 on are those of sysexits.h.</summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>It ran and the answer is no: a guest exit code other than 0, a proof that failed, a check that is false.</summary>
    public const int Failed = 1;

    /// <summary>The guest faulted or ran out of steps.</summary>
    public const int Fault = 2;

    /// <summary>Bad usage, or a file that cannot be loaded.</summary>
    public const int Usage = 64;

    /// <summary>Another process or chain that is needed does not answer, or refuses.</summary>
    public const int Unavailable = 69;

    /// <summary>Ended by SIGINT.</summary>
    public const int Interrupted = 130;
}

/// <summary>
/// What a person did, gave or depends on is wrong: one line that says what and what to do, and the exit code.
/// Everything else that goes wrong is a broken invariant and stops the process with its stack trace.
/// </summary>
internal sealed class CommandException(string message, int exitCode = ExitCode.Usage) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}

/// <summary>The root command, and the one place where an error becomes a line on stderr and an exit code.</summary>
internal static class CommandLine
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    internal static readonly NamedCommand[] Commands =
    [
        new("run", GuestCommands.Run),
        new("prove", ProveCommand.Create),
        new("disasm", GuestCommands.Disasm),
        new("trace", GuestCommands.Trace),
        new("demo", DemoCommand.Create),
        new("deploy", DeployCommand.Create),
        new("node", NodeCommand.Create),
        new("app", ClientCommands.App),
        new("task", ClientCommands.Task),
        new("stake", StakeCommands.Create),
    ];

    internal sealed record NamedCommand(string Name, Func<Command> Create);

    public static async Task<int> RunAsync(string[] arguments)
    {
        RootCommand root = new(
            "Verifiable off-chain compute for Ethereum: RISC-V programs, executed optimistically, defended on L1 by fraud proofs.");
        // The others' options take milliseconds to make: only help and errors name them.
        string? first = arguments.FirstOrDefault();
        bool isKnown = Array.Exists(Commands, command => command.Name == first);
        foreach (NamedCommand command in Commands)
        {
            if (!isKnown || command.Name == first)
                root.Add(command.Create());
        }

        ParseResult parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            string path = string.Join(' ', CommandPath(parsed.CommandResult));
            string what = parsed.UnmatchedTokens.Count > 0
                ? $"'{parsed.UnmatchedTokens[0]}' is not a command, option or argument here."
                : parsed.Errors[0].Message;
            return Fail($"{what} See '{path} --help'.", ExitCode.Usage);
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = TimeSpan.FromSeconds(30),
            });
        }
        catch (CommandException error)
        {
            return Fail(error.Message, error.ExitCode);
        }
        catch (EthereumException error)
        {
            return Fail(error.Message, ExitCode.Unavailable);
        }
        catch (OperationCanceledException)
        {
            return Fail("interrupted.", ExitCode.Interrupted);
        }
    }

    public static int Fail(string message, int exitCode)
    {
        Console.Error.WriteLine($"optimistic: {message.ReplaceLineEndings(" ")}");
        return exitCode;
    }

    /// <summary>Every command that prints a result has this.</summary>
    public static Option<bool> JsonOption() => new("--json") { Description = "Print the result as one JSON object on stdout." };

    public static void Print(JsonObject result) => Console.Out.WriteLine(result.ToJsonString(Indented));

    public static string Number(ulong value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static IEnumerable<string> CommandPath(System.CommandLine.Parsing.CommandResult result)
    {
        Stack<string> names = new();
        for (System.CommandLine.Parsing.SymbolResult? at = result; at is not null; at = at.Parent)
        {
            if (at is System.CommandLine.Parsing.CommandResult command)
                names.Push(command.Command is RootCommand ? "optimistic" : command.Command.Name);
        }

        return names;
    }
}

/// <summary>Files that people name on the command line.</summary>
internal static class NamedFile
{
    /// <summary>The largest file that is read whole: a task's input fills at most slot 6, 512 MiB.</summary>
    public const long MaxLength = 1L << 29;

    /// <param name="path">As given; "-" is stdin.</param>
    /// <param name="what">What the file is, for the error: "program", "input".</param>
    public static byte[] Read(string path, string what)
    {
        try
        {
            if (path == "-")
                return ReadToEnd(Console.OpenStandardInput(), path, what);

            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return ReadToEnd(file, path, what);
        }
        catch (Exception error) when (IsFileError(error))
        {
            throw new CommandException($"cannot read {what} '{path}': {Reason(error)}");
        }
    }

    public static void Write(string path, string what, Action<Stream> write)
    {
        try
        {
            using FileStream file = new(path, FileMode.Create, FileAccess.Write);
            write(file);
        }
        catch (Exception error) when (IsFileError(error))
        {
            throw new CommandException($"cannot write {what} '{path}': {Reason(error)}");
        }
    }

    public static bool IsFileError(Exception error) =>
        error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException;

    public static string Reason(Exception error) => error switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file.",
        UnauthorizedAccessException => "it is a folder, or not readable or writable for this user.",
        ArgumentException => "that is not a file name.",
        _ => error.Message,
    };

    private static byte[] ReadToEnd(Stream stream, string path, string what)
    {
        using MemoryStream bytes = new();
        byte[] part = new byte[1 << 16];
        for (int count; (count = stream.Read(part)) > 0;)
        {
            bytes.Write(part, 0, count);
            if (bytes.Length > MaxLength)
                throw new CommandException($"{what} '{path}' is larger than {MaxLength} bytes, the most a machine can hold.");
        }

        return bytes.ToArray();
    }
}
