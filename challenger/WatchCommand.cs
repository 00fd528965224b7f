using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Serilog;
using Serilog.Events;
using Serilog.Extensions.Logging;
using Serilog.Formatting;
using Serilog.Formatting.Compact;

namespace Optimistic.Challenger;

/// <summary>Exit codes, those of sysexits.h where it has one. Frozen.</summary>
internal static class ExitCode
{
    public const int Done = 0;

    /// <summary>A broken invariant, or contracts that contradict themselves.</summary>
    public const int Broken = 70;

    public const int Usage = 64;

    /// <summary>The key file.</summary>
    public const int Key = 66;

    /// <summary>L1: unreachable, another chain, no such contracts.</summary>
    public const int Unavailable = 69;

    /// <summary>The data folder.</summary>
    public const int Data = 73;
}

/// <summary><c>optimistic-challenger watch</c>.</summary>
internal static class WatchCommand
{
    public static Command Create()
    {
        Option<string[]> l1 = new("--l1")
        {
            Description = "HTTP URL of an L1 node. Repeat it for others that take over when the first fails.",
            Required = true,
            Arity = ArgumentArity.OneOrMore,
        };
        Option<string?> send = new("--send-rpc")
        {
            Description = "HTTP URL of a private relay or a block builder: transactions go there alone, so that nobody can copy them and none that reverts is mined. While it does not get them mined they go to --l1.",
        };
        Option<string> rollup = new("--rollup") { Description = "Address of the Rollup contract.", Required = true };
        Option<string?> key = new("--key") { Description = "File with the private key, hexadecimal or a JSON keystore. Not needed to observe." };
        Option<string?> password = new("--password-file") { Description = "File with the password of the keystore." };
        Option<string> data = new("--data") { Description = "Folder for the journal, states and status.json.", Required = true };
        Option<WatchMode> mode = new("--mode")
        {
            Description = "observe: execute and report. shadow: also say what it would do. defend: do it.",
            DefaultValueFactory = _ => WatchMode.Defend,
        };
        Option<bool> json = new("--json-logs") { Description = "One JSON object a line on stdout." };
        Option<bool> verbose = new("--verbose") { Description = "Say more." };
        Option<ulong?> from = new("--from-block") { Description = "First L1 block to follow. Default: where the contracts were deployed." };
        Option<ulong?> claimAfter = new("--claim-after")
        {
            Description = "Post the claim of a batch that nobody has claimed this many seconds after it was appended. Default: leave it to the sequencers.",
        };
        Option<double?> poll = new("--poll-seconds") { Description = "Pause between looks at L1. Default: 4, on a development chain 0.15." };
        Option<string?> drill = new("--drill") { Description = "Development chains only: play for a lie, task=N,step=S,address=A,xor=X." };
        Option<ExecutionEngine> engine = new("--engine")
        {
            Description = "What executes tasks: jit, compiled code; threaded, without a compiler; or interpreter, the reference. All end in the same state.",
            DefaultValueFactory = _ => ExecutionEngine.Jit,
        };
        Command command = new("watch", "Follow L1 and defend the true results.")
        {
            l1, send, rollup, key, password, data, mode, json, verbose, from, claimAfter, poll, drill, engine,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            using Serilog.Core.Logger logger = CreateLogger(parsed.GetValue(json), parsed.GetValue(verbose));
            try
            {
                Uri[] endpoints = [.. parsed.GetValue(l1)!.Select(url => ReadUrl(l1, url))];
                WatchOptions options = new(
                    endpoints,
                    ReadAddress(parsed.GetValue(rollup)!),
                    ReadAccount(parsed.GetValue(key), parsed.GetValue(password), parsed.GetValue(mode), logger),
                    parsed.GetValue(data)!,
                    parsed.GetValue(mode),
                    parsed.GetValue(drill) is { } lie ? Drill.Parse(lie) : null,
                    parsed.GetValue(from),
                    parsed.GetValue(claimAfter),
                    ReadPoll(parsed.GetValue(poll)),
                    parsed.GetValue(engine),
                    parsed.GetValue(send) is { } url ? ReadRelay(send, url, endpoints) : null);
                return await RunAsync(options, logger, cancel).ConfigureAwait(false);
            }
            catch (Exception error) when (Explain(error) is (int code, string line))
            {
                logger.Dispose();
                Console.Error.WriteLine($"optimistic-challenger: {line}");
                return code;
            }
        });
        return command;
    }

    private static async Task<int> RunAsync(WatchOptions options, Serilog.ILogger logger, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var factory = new SerilogLoggerFactory(logger);
        Microsoft.Extensions.Logging.ILogger log = factory.CreateLogger("Optimistic.Challenger");
        try
        {
            await using Watcher watcher = await Watcher.StartAsync(options, log, TimeProvider.System, stop.Token).ConfigureAwait(false);
            await watcher.RunAsync(stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }

        logger.Information("Stopped.");
        return ExitCode.Done;

        void Stop(PosixSignalContext context)
        {
            // The process ends when the loop has, not before.
            context.Cancel = true;
            stop.Cancel();
        }
    }

    /// <summary>The exit code and the one line for an error that people can do something about; null for a defect of this program.</summary>
    private static (int Code, string Line)? Explain(Exception error) => error switch
    {
        UsageException or DrillException => (ExitCode.Usage, error.Message),
        KeyFileException => (ExitCode.Key, error.Message),
        EthereumException or IncompatibleRollupException => (ExitCode.Unavailable, error.Message),
        DataFolderException => (ExitCode.Data, error.Message),
        GameEventException or L1DataException => (ExitCode.Broken, error.Message),
        IOException or UnauthorizedAccessException => (ExitCode.Data, $"The data folder cannot be written: {error.Message}"),
        _ => null,
    };

    private static Serilog.Core.Logger CreateLogger(bool json, bool verbose)
    {
        LoggerConfiguration configuration = new LoggerConfiguration()
            .MinimumLevel.Is(verbose ? LogEventLevel.Debug : LogEventLevel.Information);
        return json
            ? configuration.WriteTo.Console(new RenderedCompactJsonFormatter()).CreateLogger()
            : configuration.WriteTo.Console(new LineFormatter(fullHashes: verbose)).CreateLogger();
    }

    private static Uri ReadUrl(Option option, string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"
            ? url
            : throw new UsageException($"{option.Name} {text} is not an http or https URL.");

    private static Uri ReadRelay(Option option, string text, Uri[] endpoints)
    {
        Uri relay = ReadUrl(option, text);
        return endpoints.Contains(relay)
            ? throw new UsageException($"{option.Name} is one of --l1: what a node is sent, everybody sees. Give it a private relay, or leave it out.")
            : relay;
    }

    private static Address ReadAddress(string text)
    {
        try
        {
            return Address.Parse(text);
        }
        catch (FormatException error)
        {
            throw new UsageException($"--rollup: {error.Message}");
        }
    }

    private static Account? ReadAccount(string? path, string? passwordPath, WatchMode mode, Serilog.ILogger logger)
    {
        if (path is null)
        {
            return mode == WatchMode.Defend
                ? throw new UsageException("--mode defend needs --key FILE: moves are transactions. Without a key, --mode observe or shadow.")
                : null;
        }

        return Account.FromFile(path, passwordPath is null ? null : () => ReadPassword(passwordPath), warning => logger.Warning("{Warning}", warning));
    }

    private static string ReadPassword(string path)
    {
        try
        {
            return File.ReadAllText(path).TrimEnd('\r', '\n');
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--password-file: {error.Message}");
        }
    }

    private static TimeSpan? ReadPoll(double? seconds) => seconds switch
    {
        null => null,
        > 0 and <= 3600 => TimeSpan.FromSeconds(seconds.Value),
        _ => throw new UsageException("--poll-seconds is above 0 and at most 3600."),
    };
}

/// <summary>Lines for people: hashes are cut to what one can compare at a glance; status and --json-logs have them in full.</summary>
internal sealed partial class LineFormatter(bool fullHashes) : ITextFormatter
{
    public void Format(LogEvent logEvent, TextWriter output)
    {
        string message = logEvent.RenderMessage(CultureInfo.InvariantCulture).Replace("\"", "", StringComparison.Ordinal);
        if (!fullHashes)
            message = LongHash().Replace(message, "0x$1…");
        string level = logEvent.Level switch
        {
            LogEventLevel.Warning => "! ",
            LogEventLevel.Error or LogEventLevel.Fatal => "ERROR ",
            _ => "",
        };
        output.WriteLine($"{logEvent.Timestamp:HH:mm:ss} {level}{message}");
        if (logEvent.Exception is not null)
            output.WriteLine(logEvent.Exception);
    }

    [GeneratedRegex("0x([0-9a-f]{8})[0-9a-f]{56}")]
    private static partial Regex LongHash();
}

/// <summary>An option cannot be understood.</summary>
internal sealed class UsageException(string message) : Exception(message);
