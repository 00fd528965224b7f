using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Optimistic.Vm;
using Decoder = Optimistic.Vm.Decoder;

namespace Optimistic.Engine.Cli;

/// <summary>Commands for people who write guests: run, disasm, trace. They need the machine alone, no chain.</summary>
internal static class GuestCommands
{
    public static Command Run()
    {
        GuestRun.Options guest = new();
        Option<string?> output = new("--output", "-o") { Description = "Where to write the output when the program exits.", HelpName = "FILE" };
        Option<Dump[]> dumps = new("--dump")
        {
            Description = "After the run write LENGTH bytes of memory from ADDRESS to FILE. Numbers are decimal, or hexadecimal with 0x. May be repeated.",
            HelpName = "ADDRESS:LENGTH=FILE",
            CustomParser = Dump.ParseAll,
        };
        Option<bool> check = new("--check") { Description = "Run step by step and report accesses to the null page and outside program, heap, stack, input and output on stderr." };
        Option<bool> json = CommandLine.JsonOption();

        Option<string> engine = new("--engine")
        {
            Description = "What executes the program: jit compiles what runs often, threaded and interpreter do not. All end in the same state.",
            DefaultValueFactory = _ => "jit",
        };
        engine.AcceptOnlyFromAmong("jit", "threaded", "interpreter");
        Command command = new("run",
            """
            Run a program as a task would run it, and print how it ended.

            What the program writes to file descriptors 1 and 2 goes to stderr.
            Exit code: 0 when it exited with 0, 1 when it exited with another code, 2 when it
            faulted or ran out of steps, 64 for bad usage or a file that cannot be loaded.
            """);
        guest.AddTo(command);
        foreach (Option option in (ReadOnlySpan<Option>)[output, dumps, check, engine, json])
            command.Add(option);
        command.SetAction(parsed => Run(
            guest.Load(parsed), parsed.GetValue(output), parsed.GetValue(dumps) ?? [], parsed.GetValue(check),
            Enum.Parse<ExecutionEngine>(parsed.GetRequiredValue(engine), ignoreCase: true), parsed.GetValue(json)));
        return command;
    }

    public static Command Disasm()
    {
        Argument<string> program = GuestRun.Options.ProgramArgument();
        Option<bool> json = CommandLine.JsonOption();
        Command command = new("disasm", "Print the instructions of a program's executable segments.") { program, json };
        command.SetAction(parsed => Disasm(GuestRun.LoadProgram(parsed.GetRequiredValue(program)), parsed.GetValue(json)));
        return command;
    }

    public static Command Trace()
    {
        GuestRun.Options guest = new();
        Option<StepRange> steps = new("--steps")
        {
            Description = "The steps to print, from A to B, both included; the first step is 0.",
            HelpName = "A..B",
            Required = true,
            CustomParser = result =>
            {
                if (StepRange.TryParse(result.Tokens[0].Value, out StepRange range))
                    return range;
                result.AddError($"--steps needs A..B with A not above B, not '{result.Tokens[0].Value}'.");
                return default;
            },
        };
        Option<bool> json = CommandLine.JsonOption();
        Command command = new("trace",
            """
            Print the instructions of a range of steps, with the registers and the memory that they change.

            Text: step, pc, instruction, then what it changed. With --json all registers after each step.
            """);
        guest.AddTo(command);
        command.Add(steps);
        command.Add(json);
        command.SetAction(parsed => Trace(guest.Load(parsed), parsed.GetValue(steps), parsed.GetValue(json)));
        return command;
    }

    /// <summary>The name of a status in JSON: halted, outOfSteps, illegalInstruction.</summary>
    public static string NameOf(MachineStatus status) => JsonNamingPolicy.CamelCase.ConvertName(status.ToString());

    public static int ExitCodeOf(Machine machine) => machine.Status switch
    {
        MachineStatus.Halted => machine.ExitCode == 0 ? ExitCode.Ok : ExitCode.Failed,
        _ => ExitCode.Fault,
    };

    private static int Run(GuestRun guest, string? outputPath, Dump[] dumps, bool check, ExecutionEngine engine, bool json)
    {
        using Machine machine = guest.Start();
        using Stream stderr = Console.OpenStandardError();
        machine.Console = (_, bytes) => stderr.Write(bytes);

        JsonArray findings = [];
        long start = Stopwatch.GetTimestamp();
        if (check)
        {
            GuestCheck checker = new(guest, finding =>
            {
                string line = $"check: step {finding.Step}, pc 0x{finding.Pc:x}, {finding.Instruction}: {finding.What}";
                Console.Error.WriteLine(line);
                findings.Add(new JsonObject { ["step"] = finding.Step, ["pc"] = Hex(finding.Pc), ["instruction"] = finding.Instruction, ["what"] = finding.What });
            });
            checker.Run(machine);
            if (checker.Count >= GuestCheck.MaxFindings)
                Console.Error.WriteLine($"check: {GuestCheck.MaxFindings} findings, the rest is not reported.");
        }
        else
        {
            engine.Run(machine, ulong.MaxValue);
        }

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        ulong steps = machine.StepsUsed(guest);
        Word root = machine.Root();
        int outputLength = machine.Status == MachineStatus.Halted ? (int)machine.Register(11) : 0;
        if (outputPath is not null && machine.Status == MachineStatus.Halted)
            NamedFile.Write(outputPath, "output", file => file.Write(machine.Memory.Read(Machine.OutputAddress, outputLength)));
        foreach (Dump dump in dumps)
            NamedFile.Write(dump.Path, "dump", file => dump.Write(machine.Memory, file));

        if (json)
        {
            JsonObject result = new()
            {
                ["status"] = NameOf(machine.Status),
                ["exitCode"] = machine.ExitCode,
                ["steps"] = steps,
                ["seconds"] = Math.Round(seconds, 6),
                ["machineRoot"] = root.ToString(),
                ["outputLength"] = outputLength,
                ["pc"] = Hex(machine.Pc),
            };
            if (check)
                result["findings"] = findings;
            CommandLine.Print(result);
        }
        else
        {
            Console.Out.WriteLine($"status        {Describe(machine)}");
            Console.Out.WriteLine($"exit code     {machine.ExitCode}");
            Console.Out.WriteLine($"steps         {CommandLine.Number(steps)}");
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seconds       {seconds:0.000}  ({steps / Math.Max(seconds, 1e-9) / 1e6:0} million steps a second)"));
            Console.Out.WriteLine($"output        {CommandLine.Number((ulong)outputLength)} bytes");
            Console.Out.WriteLine($"machine root  {root}");
        }

        return ExitCodeOf(machine);
    }

    private static string Describe(Machine machine) => machine.Status switch
    {
        MachineStatus.Halted => "halted",
        MachineStatus.OutOfSteps => "out of steps: give more with --max-steps",
        MachineStatus.IllegalInstruction => $"illegal instruction at pc 0x{machine.Pc:x}: {Disassembler.Format(machine.Memory.Fetch(machine.Pc), machine.Pc)}",
        MachineStatus.BadPc => $"bad pc 0x{machine.Pc:x}: text ends at 0x{GuestMemory.TextLength:x}",
        MachineStatus.Breakpoint => $"breakpoint at pc 0x{machine.Pc:x}",
        MachineStatus.MisalignedAtomic => $"misaligned atomic at pc 0x{machine.Pc:x}",
        MachineStatus.OutputTooLong => $"output too long at pc 0x{machine.Pc:x}: {machine.Register(11)} bytes",
        _ => throw new UnreachableException($"a run does not end as {machine.Status}"),
    };

    private static int Disasm(LoadedProgram program, bool json)
    {
        using StreamWriter writer = new(Console.OpenStandardOutput(), new UTF8Encoding(false), 1 << 16);
        JsonArray instructions = [];
        foreach (LoadedSegment segment in program.Segments.Where(segment => segment.IsExecutable))
        {
            byte[] text = new byte[segment.Length + 2];
            program.Image.Read(GuestMemory.TextAddress + segment.Address, text);
            for (ulong at = 0; at < segment.Length;)
            {
                uint word = at + 4 <= (ulong)text.Length
                    ? BitConverter.ToUInt32(text, (int)at)
                    : BitConverter.ToUInt16(text, (int)at);
                bool isShort = Decoder.IsCompressed(word);
                ulong pc = segment.Address + at;
                string encoding = isShort ? $"{word & 0xffff:x4}" : $"{word:x8}";
                string line = TextOf(word, pc);
                if (json)
                    instructions.Add(new JsonObject { ["address"] = Hex(pc), ["encoding"] = encoding, ["instruction"] = line });
                else
                    writer.WriteLine($"{pc,8:x}:  {encoding,-8}  {line}");
                at += isShort ? 2u : 4u;
            }
        }

        writer.Flush();
        if (json)
            CommandLine.Print(new JsonObject { ["entry"] = Hex(program.Entry), ["instructions"] = instructions });
        return ExitCode.Ok;
    }

    private static int Trace(GuestRun guest, StepRange range, bool json)
    {
        using Machine machine = guest.Start();
        if (Interpreter.Run(machine, range.First) < range.First || !machine.IsRunning)
        {
            throw new CommandException(
                $"the run ends before step {range.First}: {NameOf(machine.Status)} after {machine.StepsUsed(guest)} steps.");
        }

        using StreamWriter writer = new(Console.OpenStandardOutput(), new UTF8Encoding(false), 1 << 16);
        using Utf8JsonWriter? array = json ? new Utf8JsonWriter(writer.BaseStream) : null;
        array?.WriteStartArray();
        for (ulong step = range.First; step <= range.Last && machine.IsRunning; step++)
        {
            RegisterFile before = machine.Head.X;
            ulong pc = machine.Pc;
            string text = "", encoding = "";
            MemoryAccess access = default;
            if (pc < GuestMemory.TextLength)
            {
                uint word = machine.Memory.Fetch(pc);
                encoding = Decoder.IsCompressed(word) ? $"{word & 0xffff:x4}" : $"{word:x8}";
                text = TextOf(word, pc);
                MemoryAccess.TryOf(Decoder.DecodeText(word), machine, out access);
            }

            Interpreter.Run(machine, 1);
            if (array is null)
                writer.WriteLine($"{step,10}  {pc,8:x}:  {encoding,-8}  {text,-36}{Changes(machine, before, access)}");
            else
                WriteStep(array, machine, step, pc, encoding, text, access);
        }

        array?.WriteEndArray();
        array?.Flush();
        writer.Flush();
        if (json)
            Console.Out.WriteLine();
        return ExitCode.Ok;
    }

    private static string Changes(Machine machine, in RegisterFile before, MemoryAccess access)
    {
        StringBuilder line = new();
        for (int i = 1; i < RegisterFile.Count; i++)
        {
            if (machine.Register(i) != before[i])
                line.Append(CultureInfo.InvariantCulture, $"  {Disassembler.RegisterName(i)} = 0x{machine.Register(i):x}");
        }

        if (access is { Size: > 0, IsWrite: true })
            line.Append(CultureInfo.InvariantCulture, $"  [0x{(uint)access.Address:x}] = 0x{machine.Memory.Load(access.Address, access.Size):x}");
        if (!machine.IsRunning)
            line.Append(CultureInfo.InvariantCulture, $"  {NameOf(machine.Status)}");
        return line.ToString();
    }

    private static void WriteStep(Utf8JsonWriter writer, Machine machine, ulong step, ulong pc, string encoding, string text, MemoryAccess access)
    {
        writer.WriteStartObject();
        writer.WriteNumber("step", step);
        writer.WriteString("pc", Hex(pc));
        writer.WriteString("encoding", encoding);
        writer.WriteString("instruction", text);
        writer.WriteString("status", NameOf(machine.Status));
        if (access.Size > 0)
            writer.WriteString(access.IsWrite ? "stores" : "loads", Hex((uint)access.Address));
        writer.WriteStartArray("registers");
        for (int i = 0; i < RegisterFile.Count; i++)
            writer.WriteStringValue(Hex(machine.Register(i)));
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static ulong StepsUsed(this Machine machine, GuestRun guest) => guest.StepLimit - machine.StepsLeft;

    private static string TextOf(uint word, ulong pc) => Disassembler.Format(word, pc).Replace('\t', ' ');

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    /// <summary>A range of memory to write to a file. Addresses are tree addresses below 2^33.</summary>
    private sealed record Dump(ulong Address, ulong Length, string Path)
    {
        public static Dump[] ParseAll(ArgumentResult result)
        {
            List<Dump> dumps = [];
            foreach (Token token in result.Tokens)
            {
                if (TryParse(token.Value, out Dump? dump))
                    dumps.Add(dump);
                else
                    result.AddError($"--dump needs ADDRESS:LENGTH=FILE within the memory's 2^33 bytes, not '{token.Value}'.");
            }

            return [.. dumps];
        }

        public void Write(GuestMemory memory, Stream file)
        {
            // Word by word: a dump may lie in any slot, text as well.
            for (ulong at = Address, end = Address + Length; at < end;)
            {
                int offset = (int)(at % Word.Length);
                int length = (int)Math.Min((ulong)(Word.Length - offset), end - at);
                file.Write(memory.ReadWord((uint)(at / Word.Length)).Bytes.Slice(offset, length));
                at += (ulong)length;
            }
        }

        private static bool TryParse(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Dump? dump)
        {
            dump = null;
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            int colon = text.IndexOf(':', StringComparison.Ordinal);
            if (equals < 0 || colon < 0 || colon > equals || equals + 1 == text.Length ||
                !GuestRun.TryParseNumber(text.AsSpan(0, colon), out ulong address) ||
                !GuestRun.TryParseNumber(text.AsSpan((colon + 1)..equals), out ulong length) ||
                address > GuestMemory.Length || length > GuestMemory.Length - address)
            {
                return false;
            }

            dump = new Dump(address, length, text[(equals + 1)..]);
            return true;
        }
    }
}
