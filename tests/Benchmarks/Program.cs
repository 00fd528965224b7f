using Optimistic.Benchmarks;

if (args is ["vm", ..])
    return VmBenchmark.Run(args[1..]);

Console.Error.WriteLine("Usage: Benchmarks vm [--json] [--smoke]");
return 2;
