namespace Optimistic.Vm.Tests.Guests;

/// <summary>What a task hands to a guest (spec 1.8.1).</summary>
internal sealed record GuestTask(byte[] Input)
{
    public byte[] Sender { get; init; } = new byte[20];

    public ulong Nonce { get; init; }

    public ulong Number { get; init; }

    public ulong L1Time { get; init; }

    public ulong L1Block { get; init; }
}

/// <summary>How a task ended. Printed is what it wrote to file descriptors 1 and 2.</summary>
internal sealed record GuestResult(MachineStatus Status, uint ExitCode, ulong Steps, byte[] Output, byte[] Printed);

/// <summary>A deployed guest: its image, and, when it is stateful, what its tasks leave in it.</summary>
internal sealed class GuestApp : IDisposable
{
    private const ulong MaxSteps = 1UL << 28;
    private const int A0 = 10, A1 = 11, FirstInputSlot = 6, LastOutputSlot = 8;

    private readonly Machine _machine = new();
    private readonly ulong _entry;
    private readonly bool _isStateful;
    private MemoryImage _image;

    public GuestApp(ReadOnlySpan<byte> elf, bool isStateful = false)
    {
        GuestProgram program = ElfLoader.Load(elf);
        _image = program.Image;
        _entry = program.Entry;
        _isStateful = isStateful;
    }

    /// <summary>The memory that the next task starts from.</summary>
    public Word MemoryRoot => _image.Root;

    /// <summary>The committed ELF of a sample or conformance program.</summary>
    public static string PathOf(string name) => Repository.File("vm", "guest", "elf", $"{name}.elf");

    public static GuestApp Open(string name, bool isStateful = false) => new(File.ReadAllBytes(PathOf(name)), isStateful);

    /// <summary>Runs one task, and keeps its memory when the app is stateful and the task was accepted.</summary>
    public GuestResult Run(GuestTask task, ulong maxSteps = MaxSteps)
    {
        var head = new MachineHead();
        head.Control.Pc = _entry;
        head.Control.StepsLeft = maxSteps;
        head.X[2] = Machine.InitialStackPointer;
        ulong[] arguments = [(ulong)task.Input.Length, task.Number, task.L1Time, task.L1Block, 0, 0, 0, task.Nonce];
        byte[] sender = [.. task.Sender, 0, 0, 0, 0];
        for (int i = 0; i < 3; i++)
            arguments[4 + i] = BitConverter.ToUInt64(sender, 8 * i);

        for (int i = 0; i < arguments.Length; i++)
            head.X[A0 + i] = arguments[i];

        var printed = new List<byte>();
        _machine.Console = (_, bytes) => printed.AddRange(bytes);
        _machine.Load(_image.Write(Machine.InputAddress, task.Input), head);
        ulong steps = Interpreter.Run(_machine, maxSteps + 1);

        bool halted = _machine.Status == MachineStatus.Halted;
        byte[] output = halted ? _machine.Memory.Read(Machine.OutputAddress, (int)_machine.Register(A1)).ToArray() : [];
        if (_isStateful && halted && _machine.ExitCode == 0)
            _image = _machine.Memory.Snapshot().ClearSlots(FirstInputSlot, LastOutputSlot);

        return new GuestResult(_machine.Status, _machine.ExitCode, steps, output, [.. printed]);
    }

    public void Dispose() => _machine.Dispose();
}
