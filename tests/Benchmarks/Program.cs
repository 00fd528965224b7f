using Optimistic.Benchmarks;

return BenchmarkOptions.Parse(args, out string error) is { } options ? options.Mode switch
{
    "vm" => VmBenchmark.Run(options),
    "hash" => HashBenchmark.Run(options),
    _ => throw new InvalidOperationException($"no benchmark {options.Mode}"),
} : BenchmarkOptions.Refuse(error);
