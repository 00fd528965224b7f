using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Optimistic.Vm.Jit.X64;

/// <summary>
/// The compiled regions of a text as code of this host: where its entries are, and the memory that they are in. A region
/// goes on in another one by itself. Safe for many threads: an entry changes by a single write, and code never changes;
/// what is replaced is kept as long as the text.
/// </summary>
/// <remarks>
/// While regions run, the guest's registers are in a frame on the host's stack, x(r) at RSP + 8 r, or, where the region says
/// so, in registers of the host instead. The segment GS begins at byte 0 of memory, so that an address of 32 bits in it is
/// one of the guest as it is: .NET and the system's libraries use FS alone. RBP is the budget, RAX and RDX are free. A region is
/// entered with all registers in the frame, and left so for another; the gate takes them from the machine and brings them back.
/// </remarks>
internal sealed unsafe partial class HostText
{
    /// <summary>
    /// Steps that regions may be charged too little for at any time: what they run with is so much less than the budget.
    /// </summary>
    public const int Slack = JitLimits.MaxUnchecked + JitLimits.MaxBlockLength;

    /// <summary>The frame: registers, and what the gate remembers.</summary>
    private const int HeadSlot = 256, BudgetSlot = 264, FrameLength = 288;

    private static readonly Host[] Saved = [Host.Rbx, Host.Rbp, Host.R12, Host.R13, Host.R14, Host.R15];

    private static readonly HostGate? Gate = MakeGate();

    private readonly Reservation _entries;
    private readonly List<Reservation> _regions = [];

    /// <exception cref="MemoryReservationException">The system has no address space for it.</exception>
    public HostText(ulong end)
    {
        End = end;
        _entries = new Reservation(Math.Max(end / 2, 1) * sizeof(long));
        Code = Run;
    }

    /// <summary>Whether regions can be made into code of this host: x86-64 with BMI2 under Linux 5.9 or later, which lets programs set segments.</summary>
    public static bool IsSupported =>
        Bmi1.X64.IsSupported && Bmi2.X64.IsSupported && Lzcnt.X64.IsSupported && Popcnt.X64.IsSupported && Avx.IsSupported && Gate is not null;

    /// <summary>The end of the text.</summary>
    public ulong End { get; }

    /// <summary>Runs from an entry, as any region.</summary>
    public RegionCode Code { get; }

    /// <summary>Bytes of code.</summary>
    public long Length { get; private set; }

    /// <summary>Where the table of entries is: for each halfword of text an address of code, or 0.</summary>
    public nint Entries => (nint)_entries.Pointer;

    /// <summary>Code that leaves the regions: the registers are in the frame, the pc is in RAX.</summary>
    public static nint Leave => Gate!.Leave;

    /// <summary>The address of the register in the frame.</summary>
    public static Operand Home(int register) => Operand.At(Host.Rsp, sizeof(ulong) * register);

    /// <summary>Where the address of the machine's head is.</summary>
    public static Operand Head => Operand.At(Host.Rsp, HeadSlot);

    /// <summary>Regions leave for <paramref name="pc"/> through its entry: out, as long as it has none.</summary>
    public void Exit(ulong pc) => Interlocked.CompareExchange(ref ((nint*)Entries)[pc >> 1], Leave, 0);

    /// <summary>Publishes a region, with an entry for each block that can be entered.</summary>
    /// <returns>Whether the system makes it executable.</returns>
    public bool TryAdd(Assembler code, List<Block> blocks, CodeLabel[] entries)
    {
        if (TryPlace(code) is not { } memory)
            return false;

        _regions.Add(memory);
        Length += code.Length;
        nint start = (nint)memory.Pointer;
        foreach (Block block in blocks)
        {
            if (!block.IsInlined)
                Volatile.Write(ref ((nint*)Entries)[block.Pc >> 1], start + code.OffsetOf(entries[block.Index]));
        }

        return true;
    }

    private ulong Run(MachineHead* head, byte* data, ulong pc, long* budget)
    {
        if (*budget <= Slack)
            return pc;

        *budget -= Slack;
        nint entry = Volatile.Read(ref ((nint*)Entries)[pc >> 1]);
        ulong end = ((delegate* unmanaged<MachineHead*, byte*, nint, long*, ulong>)Gate!.Enter)(head, data, entry, budget);
        *budget += Slack;
        return end;
    }

    private static HostGate? MakeGate()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64 || (AuxiliaryValue(HardwareCapabilities2) & SegmentBases) == 0)
            return null;

        const int Registers = Word.Length, Bytes = RegisterFile.Count * sizeof(ulong);
        var code = new Assembler();
        CodeLabel enter = code.NewLabel(), leave = code.NewLabel();

        // The convention of calls of the System V ABI: RDI, RSI, RDX, RCX.
        code.Mark(enter);
        foreach (Host register in Saved)
            code.Push(register);
        code.Do(Alu.Sub, w: true, Host.Rsp, FrameLength);
        code.Store(w: true, Head, Host.Rdi);
        code.Store(w: true, Operand.At(Host.Rsp, BudgetSlot), Host.Rcx);
        for (int at = 0; at < Bytes; at += 32)
        {
            code.MoveVector(0, Operand.At(Host.Rdi, Registers + at));
            code.StoreVector(Operand.At(Host.Rsp, at), 0);
        }

        code.ZeroUpper();
        code.SetSegment(Host.Rsi);
        code.Move(w: true, Host.Rbp, Operand.At(Host.Rcx, 0));
        code.Jump(Host.Rdx);

        code.Mark(leave);
        code.Move(w: true, Host.Rdx, Operand.At(Host.Rsp, BudgetSlot));
        code.Store(w: true, Operand.At(Host.Rdx, 0), Host.Rbp);
        code.Move(w: true, Host.Rdx, Head);
        for (int at = 0; at < Bytes; at += 32)
        {
            code.MoveVector(0, Operand.At(Host.Rsp, at));
            code.StoreVector(Operand.At(Host.Rdx, Registers + at), 0);
        }

        code.ZeroUpper();
        code.Do(Alu.Add, w: true, Host.Rsp, FrameLength);
        for (int i = Saved.Length - 1; i >= 0; i--)
            code.Pop(Saved[i]);
        code.Return();

        return TryPlace(code) is { } memory
            ? new HostGate(memory, (nint)memory.Pointer + code.OffsetOf(enter), (nint)memory.Pointer + code.OffsetOf(leave))
            : null;
    }

    private static Reservation? TryPlace(Assembler code)
    {
        var memory = new Reservation((ulong)code.Length);
        code.Finish((nint)memory.Pointer).CopyTo(new Span<byte>(memory.Pointer, code.Length));
        if (memory.TryMakeExecutable((ulong)code.Length))
            return memory;

        memory.Dispose();
        return null;
    }

    // getauxval(3): AT_HWCAP2, HWCAP2_FSGSBASE.
    private const ulong HardwareCapabilities2 = 26, SegmentBases = 2;

    [LibraryImport("libc", EntryPoint = "getauxval")]
    private static partial ulong AuxiliaryValue(ulong type);

    /// <summary>The way into regions and out.</summary>
    /// <param name="Code">Where it is.</param>
    private sealed record HostGate(Reservation Code, nint Enter, nint Leave);
}
