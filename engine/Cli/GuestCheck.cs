using Optimistic.Vm;

namespace Optimistic.Engine.Cli;

/// <summary>
/// Looks at every load, store and atomic of a run before it happens, and reports those that a correct program hardly
/// makes. The machine itself allows all of them: data addresses are taken modulo 2^32 and there is RAM everywhere.
/// </summary>
internal sealed class GuestCheck(GuestRun run, Action<GuestCheck.Finding> report)
{
    /// <summary>Findings are reported once for each instruction, and no more than this many.</summary>
    public const int MaxFindings = 100;

    private const ulong NullPageLength = 4096;

    private readonly HashSet<ulong> _reported = [];

    /// <summary>Start of the image and end of its last segment in RAM; what lies behind is heap and stack.</summary>
    private readonly ulong _imageStart = run.Program.Segments.Min(segment => segment.Address);

    public sealed record Finding(ulong Step, ulong Pc, string Instruction, string What);

    public int Count => _reported.Count;

    /// <summary>Runs to the end, or to the last allowed step.</summary>
    public void Run(Machine machine)
    {
        for (ulong step = 0; machine.IsRunning; step++)
        {
            Look(machine, step);
            Interpreter.Run(machine, 1);
        }
    }

    private void Look(Machine machine, ulong step)
    {
        ulong pc = machine.Pc;
        if (pc >= GuestMemory.TextLength || _reported.Count >= MaxFindings)
            return;

        Instruction instruction = Decoder.DecodeText(machine.Memory.Fetch(pc));
        if (!MemoryAccess.TryOf(instruction, machine, out MemoryAccess access) || Wrong(access) is not { } what || !_reported.Add(pc))
            return;

        report(new Finding(step, pc, Disassembler.Format(instruction, pc).Replace('\t', ' '), $"{(access.IsWrite ? "store" : "load")} of {access.Size} bytes at 0x{access.Address:x}: {what}"));
    }

    private string? Wrong(MemoryAccess access)
    {
        if (access.Address >> 32 != 0)
            return $"a wild address, which the machine takes modulo 2^32: 0x{(uint)access.Address:x}";

        ulong first = access.Address, end = first + (ulong)access.Size;
        if (first < NullPageLength && first < _imageStart)
            return "the null page";
        if (first < _imageStart)
            return $"below the program, which starts at 0x{_imageStart:x}";
        if (first < Machine.InputAddress)
        {
            if (end > Machine.InputAddress)
                return "over the end of RAM into the input";

            return access.IsWrite ? OverSegment(first, end) : null;
        }

        if (first < Machine.OutputAddress)
        {
            if (access.IsWrite)
                return "the input is written";
            return end > Machine.InputAddress + run.InputLength ? $"behind the input's {run.InputLength} bytes, zeros are read" : null;
        }

        return end > 1UL << 32 ? "over the end of the output" : null;
    }

    private string? OverSegment(ulong first, ulong end)
    {
        foreach (LoadedSegment segment in run.Program.Segments)
        {
            if (!segment.IsWritable && first < segment.Address + segment.Length && end > segment.Address)
                return segment.IsExecutable ? "a segment of code, of which the data copy alone changes" : "a read-only segment";
        }

        return null;
    }
}

/// <summary>The memory that an instruction is about to touch; addresses before they are reduced modulo 2^32.</summary>
internal readonly record struct MemoryAccess(ulong Address, int Size, bool IsWrite)
{
    public static bool TryOf(Instruction instruction, Machine machine, out MemoryAccess access)
    {
        (int size, bool isWrite) = instruction.Operation switch
        {
            Operation.Lb or Operation.Lbu => (1, false),
            Operation.Lh or Operation.Lhu => (2, false),
            Operation.Lw or Operation.Lwu or Operation.LrW => (4, false),
            Operation.Ld or Operation.LrD => (8, false),
            Operation.Sb => (1, true),
            Operation.Sh => (2, true),
            Operation.Sw => (4, true),
            Operation.Sd => (8, true),
            >= Operation.ScW and <= Operation.AmomaxuW => (4, true),
            >= Operation.ScD and <= Operation.AmomaxuD => (8, true),
            _ => (0, false),
        };
        long offset = instruction.Operation is >= Operation.LrW and <= Operation.AmomaxuD ? 0 : instruction.Immediate;
        access = new MemoryAccess(machine.Register(instruction.Rs1) + (ulong)offset, size, isWrite);
        return size != 0;
    }
}
