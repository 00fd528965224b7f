using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Optimistic.Vm;

namespace Optimistic.Benchmarks;

/// <summary>
/// Guest programs under the JIT, the interpreter and qemu-riscv64, in turn: CPU seconds, medians, compile time included. Beside
/// each program its steps and the machine root at the end, which both engines must agree on.
/// </summary>
internal static partial class VmBenchmark
{
    private const int Runs = 3;

    /// <summary>Steps of the interpreter, whose speed does not depend on how long it runs.</summary>
    private const ulong InterpreterSteps = 20_000_000, SmokeSteps = 1_000_000;

    public static int Run(string[] args)
    {
        bool isSmoke = args.Contains("--smoke"), isJson = args.Contains("--json");
        var rows = new List<Row>();
        using var machine = new Machine();
        IEnumerable<string> paths = args.Where(arg => !arg.StartsWith("--", StringComparison.Ordinal));
        if (!paths.Any())
            paths = Directory.GetFiles(Folder(), "*.elf").Order();
        foreach (string path in paths)
        {
            Row row = Measure(machine, path, isSmoke);
            rows.Add(row);
            if (!isJson)
                Console.WriteLine($"{row.Name,-12} {row.Steps,14:N0} steps  jit {row.JitSeconds,7:F3} s {row.JitMips,6:F0} MIPS  interpreter {row.InterpreterMips,4:F0} MIPS  qemu {row.QemuSeconds,7:F3} s  {row.VersusQemu,5:F2} x qemu  {row.Root[..10]}");
        }

        Row[] compared = [.. rows.Where(row => row.QemuSeconds > 0)];
        double geomean = compared.Length == 0 ? 0 : Math.Exp(compared.Average(row => Math.Log(row.VersusQemu)));
        double least = compared.Length == 0 ? 0 : compared.Min(row => row.VersusQemu);
        double interpreter = Median([.. rows.Select(row => row.InterpreterMips)]);
        if (isJson)
            Console.WriteLine(JsonSerializer.Serialize(new { rows, geomeanVsQemu = geomean, minVsQemu = least, tier0MipsMedian = interpreter, processors = Environment.ProcessorCount, runtime = Environment.Version.ToString() }, JsonSerializerOptions.Web));
        else
            Console.WriteLine($"geometric mean {geomean:F2} x qemu, least {least:F2}; interpreter {interpreter:F0} MIPS; {Environment.ProcessorCount} processors, .NET {Environment.Version}");
        return 0;
    }

    private sealed record Row(string Name, ulong Steps, double JitSeconds, double JitMips, double InterpreterMips, double QemuSeconds, double VersusQemu, string Root);

    private static Row Measure(Machine machine, string path, bool isSmoke)
    {
        byte[] file = File.ReadAllBytes(path);
        ulong limit = isSmoke ? SmokeSteps : ulong.MaxValue;
        double[] jit = new double[isSmoke ? 1 : Runs], qemu = new double[jit.Length], mips = new double[jit.Length];
        ulong steps = 0;
        Word root = default;
        for (int run = 0; run < jit.Length; run++)
        {
            // A text of its own for each run, so that each compiles.
            GuestProgram program = ElfLoader.Load(file);
            Start(machine, program);
            jit[run] = Cpu(() => steps = ExecutionEngine.Jit.Run(machine, limit));
            root = machine.Root();

            ulong part = Math.Min(steps, isSmoke ? SmokeSteps : InterpreterSteps);
            Start(machine, program);
            mips[run] = part / Cpu(() => ExecutionEngine.Interpreter.Run(machine, part)) / 1e6;
            if (part == steps && machine.Root() != root)
                throw new InvalidOperationException($"{path}: the engines end at different roots");
            qemu[run] = isSmoke ? 0 : Qemu(path);
        }

        double jitSeconds = Median(jit), qemuSeconds = Median(qemu);
        return new Row(Path.GetFileNameWithoutExtension(path), steps, jitSeconds, steps / jitSeconds / 1e6, Median(mips), qemuSeconds, qemuSeconds / jitSeconds, root.ToString());
    }

    private static void Start(Machine machine, GuestProgram program)
    {
        MachineHead head = default;
        head.Control.Pc = program.Entry;
        head.Control.StepsLeft = ulong.MaxValue;
        head.X[2] = Machine.InitialStackPointer;
        machine.Load(program.Image, head);
    }

    private static double Cpu(Action run)
    {
        using Process process = Process.GetCurrentProcess();
        TimeSpan before = process.TotalProcessorTime;
        run();
        process.Refresh();
        return (process.TotalProcessorTime - before).TotalSeconds;
    }

    private static double Qemu(string path)
    {
        var start = new ProcessStartInfo("qemu-riscv64", [path]) { RedirectStandardOutput = true, RedirectStandardError = true };
        double before = ChildSeconds();
        using Process process = Process.Start(start) ?? throw new InvalidOperationException("qemu-riscv64 does not start: install qemu-user");
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return ChildSeconds() - before;
    }

    /// <summary>CPU seconds of the child processes that have ended (getrusage(2), RUSAGE_CHILDREN).</summary>
    private static double ChildSeconds()
    {
        Span<long> usage = stackalloc long[32];
        if (GetResourceUsage(-1, ref usage[0]) != 0)
            throw new InvalidOperationException("getrusage fails: this benchmark runs on Linux");
        return usage[0] + usage[2] + (usage[1] + usage[3]) / 1e6;
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static partial int GetResourceUsage(int who, ref long usage);

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static string Folder([CallerFilePath] string path = "") =>
        Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "vm", "guest", "elf", "programs");
}
