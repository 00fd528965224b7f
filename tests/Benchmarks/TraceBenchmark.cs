using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Optimistic.Vm;
using Optimistic.Vm.Trace;

namespace Optimistic.Benchmarks;

/// <summary>
/// What commitments cost. Level 1: machine roots a second, as CPU time shared by all processors. Level 0: running in chunks with the
/// machine root after each, over running without. And the peak memory of a process that traces a full chunk.
/// </summary>
internal static class TraceBenchmark
{
    /// <summary>Steps traced in a turn, and those that are run before, so that the program is at its real work.</summary>
    private const ulong Steps = 1UL << 22, SmokeSteps = 1UL << 17, SkippedSteps = 1UL << 24;

    /// <summary>Steps of the process whose memory is measured.</summary>
    private const ulong SmokeChunkSteps = 1UL << 19;

    /// <summary>Chunks run with and without their roots.</summary>
    private const int Chunks = 2;

    /// <summary>The first argument of a process that traces one chunk and prints its peak memory.</summary>
    public const string ChunkMode = "trace-chunk";

    private const double BytesInMiB = 1 << 20;

    /// <summary>The guest whose full chunk is traced: it writes often, over much memory.</summary>
    private const string ChunkProgram = "sort";

    /// <summary>Programs that compute for longer than two chunks.</summary>
    private static readonly string[] Programs = ["aes", "chess", "keccak", "lzss", "matrix", "neural", "sha256", "sort", "sudoku", "words"];

    /// <param name="Name">The guest.</param>
    /// <param name="RootsPerSecond">Level 1, all processors.</param>
    /// <param name="CpuNanoseconds">Level 1, CPU time a root.</param>
    /// <param name="WallRootsPerSecond">Level 1 by the clock on the wall, which other processes slow down.</param>
    /// <param name="Level0Overhead">0.05 is 5 %.</param>
    /// <param name="Level1Root">Of the trace.</param>
    /// <param name="MachineRoot">After the chunks.</param>
    private sealed record Row(
        string Name, double RootsPerSecond, double CpuNanoseconds, double WallRootsPerSecond, double Level0Overhead, string Level1Root, string MachineRoot);

    public static int Run(BenchmarkOptions options)
    {
        Host host = Host.Describe();
        if (options.Names.FirstOrDefault(name => !Programs.Contains(name)) is { } unknown)
            return BenchmarkOptions.Refuse($"There is no program \"{unknown}\" among {string.Join(", ", Programs)}.");

        if (!options.IsJson)
            Console.WriteLine(host);

        var rows = new List<Row>();
        using var machine = new Machine();
        foreach (BenchmarkPrograms.Built program in BenchmarkPrograms.Build(options.IsSmoke))
        {
            if (!Programs.Contains(program.Name) || (options.Names.Count > 0 && !options.Names.Contains(program.Name)))
                continue;

            Row row = Measure(machine, program, options);
            rows.Add(row);
            if (!options.IsJson)
                Console.WriteLine($"{row.Name,-10} {row.RootsPerSecond / 1e6,6:F2} M roots/s ({row.CpuNanoseconds,4:F0} CPU ns a root, {row.WallRootsPerSecond / 1e6:F2} M/s by the wall clock)  level 0 + {row.Level0Overhead * 100,5:F2} %  {row.Level1Root[..10]} {row.MachineRoot[..10]}");
        }

        (double peak, string chunkRoot) = MeasureChunk(options.IsSmoke);
        double rootsPerSecond = CpuTime.Median(rows.Select(row => row.RootsPerSecond)), overhead = CpuTime.Median(rows.Select(row => row.Level0Overhead));
        double leastByTheWall = rows.Min(row => row.WallRootsPerSecond);
        if (options.IsJson)
            Console.WriteLine(JsonSerializer.Serialize(new { rows, rootsPerSecond, minWallRootsPerSecond = leastByTheWall, level0Overhead = overhead, chunkPeakMiB = peak, chunkRoot, machine = host }, JsonSerializerOptions.Web));
        else
            Console.WriteLine($"median {rootsPerSecond / 1e6:F2} M roots/s, at least {leastByTheWall / 1e6:F2} by the wall clock, level 0 + {overhead * 100:F2} %; a chunk of {ChunkProgram} takes {peak:F0} MiB at most, {chunkRoot[..10]}");
        return 0;
    }

    /// <summary>What the process of <see cref="ChunkMode"/> does: path of the guest, steps to trace.</summary>
    public static int RunChunk(string[] args)
    {
        using var machine = new Machine();
        Start(machine, ElfLoader.Load(File.ReadAllBytes(args[0])));
        ChunkTrace trace = ChunkTrace.Build(machine, ulong.Parse(args[1], CultureInfo.InvariantCulture), new ChunkTraceSizes());
        Console.WriteLine($"{PeakBytes().ToString(CultureInfo.InvariantCulture)} {trace.Root}");
        return 0;
    }

    private static Row Measure(Machine machine, BenchmarkPrograms.Built program, BenchmarkOptions options)
    {
        GuestProgram guest = ElfLoader.Load(File.ReadAllBytes(program.Elf));
        ulong steps = options.IsSmoke ? SmokeSteps : Steps;
        double[] cpu = new double[options.Runs], wall = new double[options.Runs], overhead = new double[options.Runs];
        Word? level1 = null, end = null;
        ulong chunk = options.IsSmoke ? SmokeSteps : ChunkTrace.MaxSteps;
        Chunked(machine, guest, chunk, withRoots: true);
        for (int run = 0; run < options.Runs; run++)
        {
            Start(machine, guest);
            if (!options.IsSmoke)
                ExecutionEngine.Jit.Run(machine, SkippedSteps);

            ChunkTrace trace = null!;
            long before = Stopwatch.GetTimestamp();
            cpu[run] = CpuTime.Of(() => trace = ChunkTrace.Build(machine, steps, new ChunkTraceSizes())) / trace.Steps;
            wall[run] = Stopwatch.GetElapsedTime(before).TotalSeconds / trace.Steps;
            Require(program, ref level1, trace.Root);

            double without = Chunked(machine, guest, chunk, withRoots: false), with = Chunked(machine, guest, chunk, withRoots: true);
            overhead[run] = with / without - 1;
            Require(program, ref end, machine.Root());
        }

        double perRoot = CpuTime.Median(cpu);
        return new Row(program.Name, Environment.ProcessorCount / perRoot, perRoot * 1e9, 1 / CpuTime.Median(wall), CpuTime.Median(overhead), level1!.Value.ToString(), end!.Value.ToString());
    }

    /// <summary>CPU seconds of running chunks on the default engine, whose code the program's text keeps from run to run.</summary>
    private static double Chunked(Machine machine, GuestProgram guest, ulong chunkSteps, bool withRoots)
    {
        Start(machine, guest);
        machine.Root();
        return CpuTime.Of(() =>
        {
            for (int chunk = 0; chunk < Chunks; chunk++)
            {
                ExecutionEngine.Jit.Run(machine, chunkSteps);
                if (withRoots)
                    machine.Root();
            }
        });
    }

    /// <summary>Peak memory in MiB of a fresh process that traces a chunk, and the trace's root.</summary>
    private static (double PeakMiB, string Root) MeasureChunk(bool isSmoke)
    {
        BenchmarkPrograms.Built program = BenchmarkPrograms.Build(isSmoke).Single(program => program.Name == ChunkProgram);
        ulong steps = isSmoke ? SmokeChunkSteps : ChunkTrace.MaxSteps;
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Assembly.GetExecutingAssembly().Location, ChunkMode, program.Elf, steps.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true };
        // Run by its own executable, not by dotnet, the process needs no path of the assembly.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) != "dotnet")
            start.ArgumentList.RemoveAt(0);
        using Process process = Process.Start(start)!;
        string[] printed = process.StandardOutput.ReadToEnd().Split();
        process.WaitForExit();
        return process.ExitCode == 0
            ? (double.Parse(printed[0], CultureInfo.InvariantCulture) / BytesInMiB, printed[1])
            : throw new InvalidOperationException($"tracing a chunk ends with exit code {process.ExitCode}");
    }

    /// <summary>The most resident memory that this process has had (VmHWM, proc(5)).</summary>
    private static long PeakBytes()
    {
        const string Key = "VmHWM:";
        string line = File.ReadLines("/proc/self/status").Single(line => line.StartsWith(Key, StringComparison.Ordinal));
        return long.Parse(line[Key.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) << 10;
    }

    private static void Start(Machine machine, GuestProgram program)
    {
        MachineHead head = default;
        head.Control.Pc = program.Entry;
        head.Control.StepsLeft = ulong.MaxValue;
        head.X[2] = Machine.InitialStackPointer;
        machine.Load(program.Image, head);
        machine.Console = null;
    }

    private static void Require(BenchmarkPrograms.Built program, ref Word? expected, Word actual)
    {
        expected ??= actual;
        if (expected != actual)
            throw new InvalidOperationException($"{program.Name}: the root is {actual} now and was {expected}");
    }
}
