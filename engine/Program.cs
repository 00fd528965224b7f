return await Optimistic.Engine.Cli.CommandLine.RunAsync(args);
