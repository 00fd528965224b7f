using System.CommandLine;
using Optimistic.Challenger;

RootCommand root = new("Watches an Optimistic rollup on L1, executes everything, and proves wrong results wrong.");
root.Subcommands.Add(WatchCommand.Create());
root.Subcommands.Add(StatusCommand.Create());
ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count == 0)
    return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });

foreach (System.CommandLine.Parsing.ParseError error in parsed.Errors)
    Console.Error.WriteLine($"optimistic-challenger: {error.Message}");
Console.Error.WriteLine("optimistic-challenger: try --help.");
return ExitCode.Usage;
