using Optimistic.Benchmarks;

if (args is [TraceBenchmark.ChunkMode, .. string[] chunk])
    return TraceBenchmark.RunChunk(chunk);

return BenchmarkOptions.Parse(args, out string error) is { } options ? options.Mode switch
{
    "vm" => VmBenchmark.Run(options),
    "hash" => HashBenchmark.Run(options),
    "trace" => TraceBenchmark.Run(options),
    "batch" => BatchBenchmark.Run(options),
    _ => throw new InvalidOperationException($"no benchmark {options.Mode}"),
} : BenchmarkOptions.Refuse(error);
