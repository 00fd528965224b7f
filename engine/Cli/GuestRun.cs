using System.Buffers.Binary;
using System.CommandLine;
using System.Globalization;
using Optimistic.Vm;

namespace Optimistic.Engine.Cli;

/// <summary>
/// A program, its input, and the machine that starts as a task of it would (spec 1.8): what run, prove and trace have in
/// common. Task number, time, block, sender and nonce are zero where they are not given.
/// </summary>
internal sealed class GuestRun
{
    /// <summary>The most steps a task may have (spec 2.6.1).</summary>
    public const ulong MaxSteps = 1UL << 39;

    private readonly MachineHead _head;

    private GuestRun(LoadedProgram program, MemoryImage image, in MachineHead head, ulong inputLength) =>
        (Program, Image, _head, InputLength) = (program, image, head, inputLength);

    public LoadedProgram Program { get; }

    /// <summary>The program's memory with the input in slot 6.</summary>
    public MemoryImage Image { get; }

    public ulong InputLength { get; }

    public ulong StepLimit => _head.Control.StepsLeft;

    /// <summary>A machine at the first step; dispose it.</summary>
    public Machine Start()
    {
        Machine machine = new();
        machine.Load(Image, _head);
        return machine;
    }

    /// <summary>Loads a program file.</summary>
    public static LoadedProgram LoadProgram(string path)
    {
        byte[] file = NamedFile.Read(path, "program");
        try
        {
            return new LoadedProgram(ElfLoader.Load(file), LoadedSegment.Of(file));
        }
        catch (ElfException error)
        {
            throw new CommandException($"program '{path}' cannot run: {error.Message}");
        }
    }

    /// <summary>The arguments and options that say what to run, shared by the commands.</summary>
    public sealed class Options
    {
        private readonly Argument<string> _program = ProgramArgument();

        private readonly Option<string?> _input = new("--input", "-i") { Description = "File with the task's input; - reads stdin. Without it the input is empty.", HelpName = "FILE" };

        private readonly Option<Given<ulong>> _maxSteps = Number("--max-steps", "Stop as out of steps after this many. A task may have at most 2^39, which is the default.", "N", MaxSteps);
        private readonly Option<Given<ulong>> _number = Number("--number", "The task's number, given to the program in a1.", "N", 0);
        private readonly Option<Given<ulong>> _time = Number("--time", "L1 time in seconds, given in a2.", "N", 0);
        private readonly Option<Given<ulong>> _block = Number("--block", "L1 block number, given in a3.", "N", 0);
        private readonly Option<Given<ulong>> _nonce = Number("--nonce", "The task's nonce, given in a7.", "N", 0);

        private readonly Option<Given<Address>> _sender = new("--sender")
        {
            Description = "The sender's address, given in a4 to a6. Default: zero.",
            HelpName = "ADDRESS",
            CustomParser = result =>
            {
                if (Address.TryParse(result.Tokens[0].Value, out Address address))
                    return new Given<Address>(address);
                result.AddError($"'{result.Tokens[0].Value}' is not an address: 0x and 40 hexadecimal digits are expected.");
                return null;
            },
        };

        public void AddTo(Command command)
        {
            command.Add(_program);
            foreach (Option option in (ReadOnlySpan<Option>)[_input, _maxSteps, _number, _time, _block, _sender, _nonce])
                command.Add(option);
        }

        public GuestRun Load(ParseResult parsed)
        {
            ulong steps = parsed.GetRequiredValue(_maxSteps).Value;
            if (steps > MaxSteps)
                throw new CommandException($"--max-steps {steps} is more than a task may have: {MaxSteps}.");

            LoadedProgram program = LoadProgram(parsed.GetRequiredValue(_program));
            byte[] input = parsed.GetValue(_input) is { } path ? NamedFile.Read(path, "input") : [];
            MemoryImage image = program.Image.Write(Machine.InputAddress, input);

            MachineHead head = default;
            head.Control.Pc = program.Entry;
            head.Control.StepsLeft = steps;
            head.X[2] = Machine.InitialStackPointer;
            head.X[10] = (ulong)input.Length;
            head.X[11] = parsed.GetRequiredValue(_number).Value;
            head.X[12] = parsed.GetRequiredValue(_time).Value;
            head.X[13] = parsed.GetRequiredValue(_block).Value;
            Span<byte> sender = stackalloc byte[24];
            sender.Clear();
            parsed.GetValue(_sender)?.Value.CopyTo(sender);
            for (int i = 0; i < 3; i++)
                head.X[14 + i] = BinaryPrimitives.ReadUInt64LittleEndian(sender[(8 * i)..]);
            head.X[17] = parsed.GetRequiredValue(_nonce).Value;
            return new GuestRun(program, image, head, (ulong)input.Length);
        }

        public static Argument<string> ProgramArgument() => new("PROGRAM")
        {
            Description = "A static RISC-V ELF file (RV64IMAC with Zba, Zbb, Zbs; soft float).",
        };

        private static Option<Given<ulong>> Number(string name, string description, string helpName, ulong standard) => new(name)
        {
            Description = description,
            HelpName = helpName,
            DefaultValueFactory = _ => new Given<ulong>(standard),
            CustomParser = result =>
            {
                if (TryParseNumber(result.Tokens[0].Value, out ulong value))
                    return new Given<ulong>(value);
                result.AddError($"{name} needs a whole number, decimal or hexadecimal with 0x, not '{result.Tokens[0].Value}'.");
                return null;
            },
        };
    }

    /// <summary>A value of an option: the library's code for objects is compiled ahead, that for each kind of value would be at every start.</summary>
    private sealed record Given<T>(T Value)
        where T : struct
    {
        public override string ToString() => $"{Value}";
    }

    public static bool TryParseNumber(ReadOnlySpan<char> text, out ulong value) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}

/// <summary>A program with the segments it came from.</summary>
internal sealed record LoadedProgram(GuestProgram Program, IReadOnlyList<LoadedSegment> Segments)
{
    public MemoryImage Image => Program.Image;

    public ulong Entry => Program.Entry;
}

/// <summary>Where a segment is in memory, and what its program header allows.</summary>
internal sealed record LoadedSegment(ulong Address, ulong Length, bool IsExecutable, bool IsWritable)
{
    /// <summary>The segments of a file that <see cref="ElfLoader"/> has accepted (System V ABI, chapter 5).</summary>
    public static IReadOnlyList<LoadedSegment> Of(ReadOnlySpan<byte> file)
    {
        const uint Load = 1, Execute = 1, Write = 2;
        const int HeaderLength = 56;
        int table = (int)BinaryPrimitives.ReadUInt64LittleEndian(file[32..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(file[56..]);
        List<LoadedSegment> segments = [];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = file.Slice(table + i * HeaderLength, HeaderLength);
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
            ulong address = BinaryPrimitives.ReadUInt64LittleEndian(header[16..]);
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(header[40..]);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) == Load && length != 0)
                segments.Add(new LoadedSegment(address, length, (flags & Execute) != 0, (flags & Write) != 0));
        }

        return segments;
    }
}

/// <summary>A range of steps, both ends included; the first step of a run is step 0.</summary>
internal readonly record struct StepRange(ulong First, ulong Last)
{
    /// <summary>Reads A..B, or A for that step alone.</summary>
    public static bool TryParse(string text, out StepRange range)
    {
        range = default;
        int dots = text.IndexOf("..", StringComparison.Ordinal);
        ReadOnlySpan<char> first = dots < 0 ? text : text.AsSpan(0, dots);
        ReadOnlySpan<char> last = dots < 0 ? text : text.AsSpan(dots + 2);
        if (!GuestRun.TryParseNumber(first, out ulong a) || !GuestRun.TryParseNumber(last, out ulong b) || b < a)
            return false;

        range = new StepRange(a, b);
        return true;
    }
}
