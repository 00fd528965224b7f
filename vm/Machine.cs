using System.Runtime.CompilerServices;
using Optimistic.Vm.Jit;

namespace Optimistic.Vm;

/// <summary>
/// A machine (spec 1.1): memory, registers, control word. Owns 8 GiB of address space, of which it pays for what it
/// touches: keep machines and load other images into them. One thread at a time.
/// </summary>
public sealed unsafe class Machine : IDisposable
{
    /// <summary>Address of the task's input, slot 6.</summary>
    public const uint InputAddress = 0xC000_0000;

    /// <summary>Address of the task's output, slot 7.</summary>
    public const uint OutputAddress = 0xE000_0000;

    /// <summary>Bytes in a slot, and so the longest input and output.</summary>
    public const ulong SlotLength = 1UL << 29;

    /// <summary>sp at the start of a task: the end of RAM (spec 1.8.1).</summary>
    public const ulong InitialStackPointer = 0xC000_0000;

    // Pinned, so that the run loop may keep a pointer to it.
    private readonly MachineFrame[] _frame = GC.AllocateArray<MachineFrame>(1, pinned: true);

    private ProgramText _text = ProgramText.Empty;

    /// <summary>A machine of zeros: running, with no steps left.</summary>
    /// <exception cref="MemoryReservationException">The system has no address space for it.</exception>
    public Machine() => Memory = new GuestMemory();

    /// <summary>The memory. Load images through <see cref="Load"/>, which also finds their decoded text.</summary>
    public GuestMemory Memory { get; }

    /// <summary>Registers and control word, in place. x0 must stay zero.</summary>
    public ref MachineHead Head => ref _frame[0].Head;

    /// <summary>What the guest writes to file descriptors 1 and 2 (spec 1.6.3), for display; null drops it.</summary>
    public GuestConsole? Console { get; set; }

    public ulong Pc => Head.Control.Pc;

    public ulong StepsLeft => Head.Control.StepsLeft;

    public MachineStatus Status => Head.Control.Status;

    public bool IsRunning => Status == MachineStatus.Running;

    /// <summary>Low 32 bits of a0 at exit, else 0.</summary>
    public uint ExitCode => Head.Control.ExitCode;

    internal ProgramText Text => _text;

    internal MachineHead* HeadPointer => &FramePointer->Head;

    internal MachineFrame* FramePointer => (MachineFrame*)Unsafe.AsPointer(ref _frame[0]);

    /// <summary>The value of register <paramref name="index"/>, 0 to 31.</summary>
    public ulong Register(int index) => Head.X[index];

    /// <summary>Makes memory equal to <paramref name="image"/> and the rest equal to <paramref name="head"/>.</summary>
    /// <exception cref="ArgumentException">x0 is not zero.</exception>
    public void Load(MemoryImage image, in MachineHead head)
    {
        CheckHead(head);
        Memory.PreferLargePages(false);
        Memory.Load(image);
        _text = ProgramText.Of(image);
        Head = head;
    }

    /// <summary>Goes on with the memory as it is and the rest equal to <paramref name="head"/>.</summary>
    /// <exception cref="ArgumentException">x0 is not zero.</exception>
    public void Restart(in MachineHead head)
    {
        CheckHead(head);
        Memory.PreferLargePages(false);
        Head = head;
    }

    /// <summary>The machine root (spec 2.3.2), after rehashing the memory that changed since the last call.</summary>
    public Word Root() => Head.Root(Memory.Root());

    public void Dispose() => Memory.Dispose();

    private static void CheckHead(in MachineHead head)
    {
        if (head.X[0] != 0)
            throw new ArgumentException($"x0 is 0x{head.X[0]:x}, not zero.", nameof(head));
    }
}

/// <summary>Receives what a guest writes to file descriptor 1 or 2; the bytes are valid during the call only.</summary>
public delegate void GuestConsole(int descriptor, ReadOnlySpan<byte> bytes);
