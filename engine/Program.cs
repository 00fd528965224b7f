return Optimistic.Engine.Cli.CommandLine.RunAsync(args).GetAwaiter().GetResult();
