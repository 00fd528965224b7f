using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Optimistic.Vm;

namespace Optimistic.Benchmarks;

/// <summary>
/// The C programs under the default engine, its tier 0 alone, qemu-riscv64 and as native code, in turn: CPU seconds, medians,
/// compilation included. All must print the same checksum and exit with 0, and both engines must come to the same roots.
/// </summary>
internal static class VmBenchmark
{
    /// <summary>Steps of tier 0, whose speed does not depend on how long it runs.</summary>
    private const ulong Tier0Steps = 100_000_000;

    /// <summary>Times are medians in CPU seconds.</summary>
    private sealed record Row(
        string Name, ulong Steps, double Seconds, double QemuSeconds, double NativeSeconds, double Mips, double Tier0Mips, double VsQemu, double VsNative, string Checksum, string Root);

    public static int Run(BenchmarkOptions options)
    {
        Host host = Host.Describe();
        IReadOnlyList<BenchmarkPrograms.Built> programs = BenchmarkPrograms.Build(options.IsSmoke);
        if (options.Names.FirstOrDefault(name => programs.All(program => program.Name != name)) is { } unknown)
            return BenchmarkOptions.Refuse($"There is no program \"{unknown}\" among {string.Join(", ", programs.Select(program => program.Name))}.");

        if (!options.IsJson)
        {
            Console.WriteLine(host);
            Console.WriteLine($"{"",-10} {"steps",14} {"ours",9} {"qemu",9} {"native",9} {"MIPS",6} {"tier 0",6} {"x qemu",6} {"native/",7}  checksum, root");
        }

        var rows = new List<Row>();
        using var machine = new Machine();
        foreach (BenchmarkPrograms.Built program in programs.Where(program => options.Names.Count == 0 || options.Names.Contains(program.Name)))
        {
            Row row = Measure(machine, program, options.Runs);
            rows.Add(row);
            if (!options.IsJson)
                Console.WriteLine($"{row.Name,-10} {row.Steps,14:N0} {row.Seconds,7:F3} s {row.QemuSeconds,7:F3} s {row.NativeSeconds,7:F3} s {row.Mips,6:F0} {row.Tier0Mips,6:F0} {row.VsQemu,6:F2} {row.VsNative,7:F2}  {row.Checksum} {row.Root[..10]}");
        }

        double vsQemu = GeometricMean(rows.Select(row => row.VsQemu)), least = rows.Min(row => row.VsQemu);
        double vsNative = GeometricMean(rows.Select(row => row.VsNative)), tier0 = CpuTime.Median(rows.Select(row => row.Tier0Mips));
        if (options.IsJson)
            Console.WriteLine(JsonSerializer.Serialize(new { rows, geomeanVsQemu = vsQemu, minVsQemu = least, geomeanVsNative = vsNative, tier0MipsMedian = tier0, machine = host }, JsonSerializerOptions.Web));
        else
            Console.WriteLine($"geometric mean {vsQemu:F2} x qemu, least {least:F2}; {vsNative:F2} x native time; tier 0 {tier0:F0} MIPS");
        return 0;
    }

    private static Row Measure(Machine machine, BenchmarkPrograms.Built program, int runs)
    {
        byte[] file = File.ReadAllBytes(program.Elf);
        double[] ours = new double[runs], qemu = new double[runs], native = new double[runs], tier0 = new double[runs];
        string checksum = "";
        ulong steps = 0;
        Word root = default;
        for (int run = 0; run < runs; run++)
        {
            // An image of its own for each run, so that each compiles.
            GuestProgram guest = ElfLoader.Load(file);
            var printed = new StringBuilder();
            Start(machine, guest, printed);
            ours[run] = CpuTime.Of(() => steps = ExecutionEngine.Jit.Run(machine, ulong.MaxValue));
            string result = printed.ToString();
            if (machine.Status != MachineStatus.Halted || machine.ExitCode != 0)
                throw new InvalidOperationException($"{program.Name}: {machine.Status}, exit code {machine.ExitCode}: {result}");
            root = machine.Root();

            // A part of the run is enough, and the same part again on the engine that is checked by it.
            ulong part = Math.Min(steps, Tier0Steps);
            printed.Clear();
            Start(machine, guest, printed);
            tier0[run] = part / CpuTime.Of(() => ExecutionEngine.Threaded.Run(machine, part)) / 1e6;
            Word partRoot = machine.Root();
            if (part != steps)
            {
                Start(machine, guest, null);
                ExecutionEngine.Jit.Run(machine, part);
                Require(program, "the engines' roots after the same steps", partRoot.ToString(), machine.Root().ToString());
            }
            else
            {
                Require(program, "the engines' roots", root.ToString(), partRoot.ToString());
                Require(program, "the engines' output", result, printed.ToString());
            }

            string byQemu = "", byNative = "";
            qemu[run] = CpuTime.OfChildren(() => byQemu = OutputOf("qemu-riscv64", program.Elf));
            native[run] = CpuTime.OfChildren(() => byNative = OutputOf(program.Native));
            Require(program, "the output in qemu-riscv64", result, byQemu);
            Require(program, "the output of the native program", result, byNative);
            checksum = result.TrimEnd()[^16..];
        }

        double seconds = CpuTime.Median(ours), qemuSeconds = CpuTime.Median(qemu), nativeSeconds = CpuTime.Median(native);
        return new Row(program.Name, steps, seconds, qemuSeconds, nativeSeconds, steps / seconds / 1e6, CpuTime.Median(tier0), qemuSeconds / seconds, seconds / nativeSeconds, checksum, root.ToString());
    }

    private static void Start(Machine machine, GuestProgram program, StringBuilder? printed)
    {
        MachineHead head = default;
        head.Control.Pc = program.Entry;
        head.Control.StepsLeft = ulong.MaxValue;
        head.X[2] = Machine.InitialStackPointer;
        machine.Load(program.Image, head);
        machine.Console = printed is null ? null : (descriptor, bytes) => printed.Append(Encoding.ASCII.GetString(bytes));
    }

    private static string OutputOf(string command, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : $"exit code {process.ExitCode}: {output}";
    }

    private static void Require(BenchmarkPrograms.Built program, string what, string expected, string actual)
    {
        if (expected != actual)
            throw new InvalidOperationException($"{program.Name}: {what}: {actual}, not {expected}");
    }

    private static double GeometricMean(IEnumerable<double> values) => Math.Exp(values.Average(Math.Log));
}
