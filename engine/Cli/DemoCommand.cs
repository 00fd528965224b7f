using System.CommandLine;
using Optimistic.Engine.Demo;
using Spectre.Console;

namespace Optimistic.Engine.Cli;

/// <summary>The command that shows everything on a chain of one's own.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        Option<bool> keep = new("--keep") { Description = "Leave chain, nodes and challengers running at the end, and print where they are." };
        Option<bool> json = new("--json") { Description = "Print everything as one JSON document on stdout; what happens goes to stderr." };
        Command command = new("demo",
            """
            Show the whole system on a development chain: honest batches settle, a sequencer posts a wrong
            result, one honest challenger proves it wrong on L1, a contract uses the true output.

            Needs Node.js 20 for anvil, and installs the npm packages that contracts/package-lock.json pins.
            Exit code: 0 only when every check that was read back from L1 is true, 1 when one is not.
            """)
        { keep, json };
        command.SetAction((parsed, cancel) => RunAsync(parsed.GetValue(keep), parsed.GetValue(json), cancel));
        return command;
    }

    private static async Task<int> RunAsync(bool keep, bool json, CancellationToken cancel)
    {
        IAnsiConsole screen = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(json ? Console.Error : Console.Out) });
        if (!screen.Profile.Out.IsTerminal)
            screen.Profile.Width = 160;
        string folder = Directory.CreateTempSubdirectory("optimistic-demo-").FullName;
        await using DemoRun demo = new(screen, folder, keep);
        await demo.RunAsync(cancel);
        if (json)
            CommandLine.Print(demo.ToJson());
        return demo.AllChecksHold ? ExitCode.Ok : ExitCode.Failed;
    }
}
