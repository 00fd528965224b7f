using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Benchmarks;

/// <summary>
/// Signed small tasks a second through load, run, store and the trace of their batch: as CPU time shared by all processors, and by the
/// clock on the wall, which also knows of processors that wait for one another and of whatever else the machine does. Workloads take
/// turns. The signatures are checked, every task must end with exit code 0, and every run must come to the same state and trace.
/// </summary>
internal static class BatchBenchmark
{
    private const int SmokeTasks = 64, Apps = 4, Senders = 16;

    /// <summary>Batches that are not counted: a node has run for longer than its code takes to be compiled.</summary>
    private const int WarmUps = 4;

    private const ulong StepLimit = 1_000_000;

    private static readonly Word Domain = TaskSignature.DomainSeparator(31337, Address.Parse("0x5fbdb2315678afecb367f032d93f642f64180aa3"));

    /// <param name="Name">What the tasks call.</param>
    /// <param name="TasksPerSecond">All processors.</param>
    /// <param name="CpuMicroseconds">CPU time a task.</param>
    /// <param name="WallTasksPerSecond">By the clock on the wall, the median batch.</param>
    /// <param name="ColdTasksPerSecond">By the clock on the wall, the first batch after the apps were deployed: the first workload's is that of a fresh process.</param>
    /// <param name="StepsPerTask">The mean.</param>
    /// <param name="StateRoot">After the batch.</param>
    /// <param name="TraceRoot">Of level 0.</param>
    private sealed record Row(
        string Name, double TasksPerSecond, double CpuMicroseconds, double WallTasksPerSecond, double ColdTasksPerSecond, double StepsPerTask, string StateRoot, string TraceRoot);

    public static int Run(BenchmarkOptions options)
    {
        Host host = Host.Describe();
        (string Name, string Guest, AppPolicy Policy, Func<int, byte[]> Input)[] workloads =
        [
            ("echo", "tasks/behaviour", AppPolicy.Stateless, Echo),
            ("counter", "tasks/behaviour", AppPolicy.Stateful, _ => [8]),
            ("ledger", "ledger", AppPolicy.Stateful, Transfer),
        ];
        if (options.Names.FirstOrDefault(name => workloads.All(workload => workload.Name != name)) is { } unknown)
            return BenchmarkOptions.Refuse($"There is no workload \"{unknown}\" among {string.Join(", ", workloads.Select(workload => workload.Name))}.");

        if (!options.IsJson)
            Console.WriteLine(host);

        Contender[] contenders = [.. workloads.Where(workload => options.Names.Count == 0 || options.Names.Contains(workload.Name))
            .Select(workload => new Contender(workload.Name, workload.Guest, workload.Policy, workload.Input, options.IsSmoke ? SmokeTasks : Batch.MaxTasks))];
        for (int run = options.IsSmoke ? 0 : -WarmUps; run < options.Runs; run++)
        {
            foreach (Contender contender in contenders)
                contender.Run(run >= 0);
        }

        Row[] rows = [.. contenders.Select(contender => contender.End())];
        if (!options.IsJson)
        {
            foreach (Row row in rows)
                Console.WriteLine($"{row.Name,-8} {row.TasksPerSecond,7:F0} tasks/s ({row.CpuMicroseconds,5:F1} CPU µs a task), {row.WallTasksPerSecond,6:F0}/s by the wall clock, {row.ColdTasksPerSecond,6:F0}/s at first  {row.StepsPerTask,6:F0} steps  {row.StateRoot[..10]} {row.TraceRoot[..10]}");
        }

        double tasksPerSecond = CpuTime.Median(rows.Select(row => row.TasksPerSecond));
        double wallTasksPerSecond = CpuTime.Median(rows.Select(row => row.WallTasksPerSecond));
        if (options.IsJson)
            Console.WriteLine(JsonSerializer.Serialize(new { rows, tasksPerSecond, wallTasksPerSecond, machine = host }, JsonSerializerOptions.Web));
        else
            Console.WriteLine($"median {tasksPerSecond:F0} tasks/s, {wallTasksPerSecond:F0}/s by the wall clock");
        return 0;
    }

    /// <summary>A workload with its apps, and what its batches took.</summary>
    private sealed class Contender
    {
        private readonly string _name;
        private readonly BatchExecutor _executor = new(Domain);
        private readonly BatchResult _deployed;
        private readonly ImmutableArray<RollupTask> _signed;
        private readonly List<double> _cpu = [], _wall = [];
        private double _cold, _steps;
        private string _state = "", _trace = "";

        public Contender(string name, string guest, AppPolicy policy, Func<int, byte[]> input, int tasks)
        {
            _name = name;
            GuestProgram program = ElfLoader.Load(File.ReadAllBytes(GuestPath(guest)));
            ImmutableArray<RollupTask> deploys = [.. Enumerable.Range(0, Apps).Select(app => RollupTask.Deploy(policy, (ulong)app, program).Sign(Domain, KeyOf(0)))];
            _deployed = _executor.Execute(RollupState.Genesis, new Batch(Word.Zero, deploys, 1_700_000_000, 1));
            if (name == "ledger")
                _deployed = _executor.Execute(_deployed.State, new Batch(Word.Zero, Mints(), 1_700_000_000, 1));
            _signed = [.. Enumerable.Range(0, tasks).Select(task => RollupTask.Run((uint)(task % Apps), (ulong)task + 1000, StepLimit, input(task)).Sign(Domain, KeyOf(task % Senders)))];
        }

        /// <summary>Executes the batch once.</summary>
        public void Run(bool isCounted)
        {
            // Tasks as L1 has them: whose signatures nobody has checked.
            var batch = new Batch(Word.Zero, [.. _signed.Select(task => RollupTask.Run(task.Head, task.Input, task.Auth0, task.Auth1))], 1_700_000_012, 2);
            BatchResult result = null!;
            long before = Stopwatch.GetTimestamp();
            double cpu = CpuTime.Of(() => result = _executor.Execute(_deployed.State, batch)), wall = Stopwatch.GetElapsedTime(before).TotalSeconds;
            if (isCounted)
            {
                _cpu.Add(cpu / _signed.Length);
                _wall.Add(wall / _signed.Length);
            }

            if (_cold == 0)
                _cold = wall / _signed.Length;
            if (result.Outputs.FirstOrDefault(output => output.Status != MachineStatus.Halted || output.ExitCode != 0) is { TaskHash.IsZero: false } failed)
                throw new InvalidOperationException($"{_name}: a task ends with {failed.Status}, exit code {failed.ExitCode}");
            if (_state.Length > 0 && (_state != result.State.Root.ToString() || _trace != result.Trace.Root.ToString()))
                throw new InvalidOperationException($"{_name}: the batch comes to another state or trace than before");

            (_state, _trace) = (result.State.Root.ToString(), result.Trace.Root.ToString());
            _steps = result.Outputs.Average(output => (double)output.StepsUsed);
        }

        public Row End()
        {
            _executor.Dispose();
            double perTask = CpuTime.Median(_cpu);
            return new Row(_name, Environment.ProcessorCount / perTask, perTask * 1e6, 1 / CpuTime.Median(_wall), 1 / _cold, _steps, _state, _trace);
        }
    }

    /// <summary>behaviour.c, 0c: the output is the input.</summary>
    private static byte[] Echo(int task)
    {
        byte[] input = new byte[32];
        input[0] = 0x0c;
        BinaryPrimitives.WriteInt32LittleEndian(input.AsSpan(8), task);
        return input;
    }

    /// <summary>ledger.c, 02: an amount of 1 to another sender.</summary>
    private static byte[] Transfer(int task) => Operation(2, Secp256k1.AddressOf(KeyOf((task + 1) % Senders)), 1);

    private static ImmutableArray<RollupTask> Mints() =>
    [
        .. from app in Enumerable.Range(0, Apps)
           from sender in Enumerable.Range(0, Senders)
           select RollupTask.Run((uint)app, (ulong)sender, StepLimit, Operation(1, Secp256k1.AddressOf(KeyOf(sender)), 1_000_000)).Sign(Domain, KeyOf(0)),
    ];

    private static byte[] Operation(byte kind, Address to, ulong amount)
    {
        byte[] input = new byte[29];
        input[0] = kind;
        to.CopyTo(input.AsSpan(1));
        BinaryPrimitives.WriteUInt64LittleEndian(input.AsSpan(21), amount);
        return input;
    }

    private static Word KeyOf(int sender) => Word.FromUInt64((ulong)sender + 1);

    private static string GuestPath(string name, [CallerFilePath] string path = "") =>
        Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "vm", "guest", "elf", $"{name}.elf");
}
