using System.Runtime.CompilerServices;

namespace Optimistic.Vm.Trace;

/// <summary>What a run of at most <see cref="MaxSteps"/> steps did, step by step and write by write: all that its machine roots depend on.</summary>
internal sealed unsafe class WindowLog : IDisposable
{
    /// <summary>Steps in a window. Longer ones hash no faster, and every buffer of a trace is proportional to it.</summary>
    public const int MaxSteps = 1 << 17;

    /// <summary>A step writes two words at most; one more pair is for what a test or a drill forges.</summary>
    public const int MaxWrites = 2 * MaxSteps + 2;

    /// <summary>Steps from one copy of the registers to the next: those of a subtree of height 5.</summary>
    public const int PieceSteps = 1 << (2 * ChunkTrace.PieceHeight);

    private readonly NativeArena _arena = new(
        (MaxSteps + 1) * (3 * sizeof(ulong) + 1) + (ulong)MaxSteps / PieceSteps * (ulong)sizeof(RegisterFile) +
        MaxWrites * (Word.Length + sizeof(int) + sizeof(uint)));

    public WindowLog()
    {
        Pcs = _arena.Take<ulong>(MaxSteps + 1);
        Reservations = _arena.Take<ulong>(MaxSteps + 1);
        Results = _arena.Take<ulong>(MaxSteps + 1);
        Registers = _arena.Take<byte>(MaxSteps + 1);
        Pieces = _arena.Take<RegisterFile>(MaxSteps / PieceSteps);
        NewWords = _arena.Take<Word>(MaxWrites);
        WriteSteps = _arena.Take<int>(MaxWrites);
        WriteWords = _arena.Take<uint>(MaxWrites);
    }

    /// <summary>Steps logged.</summary>
    public int Steps { get; set; }

    /// <summary>pc and reservation before step t; those at <see cref="Steps"/> are the ones at the end.</summary>
    public ulong* Pcs { get; }

    public ulong* Reservations { get; }

    /// <summary>The register that step t writes, 0 for none, and its value after the step.</summary>
    public byte* Registers { get; }

    public ulong* Results { get; }

    /// <summary>All registers before step t = 1024 i.</summary>
    public RegisterFile* Pieces { get; }

    /// <summary>Changes of memory words, in order. A write of what was there already is none.</summary>
    public int Writes { get; set; }

    public int* WriteSteps { get; }

    public uint* WriteWords { get; }

    public Word* NewWords { get; }

    /// <summary>Control words before the first and after the last step.</summary>
    public ControlWord First { get; set; }

    public ControlWord Last { get; set; }

    public void Dispose() => _arena.Dispose();

    /// <summary>Empties the log before a window that starts at <paramref name="head"/>.</summary>
    public void Begin(in MachineHead head)
    {
        Steps = 0;
        Writes = 0;
        First = head.Control;
    }

    /// <summary>Adds what only the next step would, at the end of a window.</summary>
    public void End(in MachineHead head)
    {
        Last = head.Control;
        if (Steps == 0)
            return;

        Results[Steps - 1] = head.X[Registers[Steps - 1]];
        Pcs[Steps] = head.Control.Pc;
        Reservations[Steps] = head.Control.Reservation;

        // These two fetch nothing, and leave pc where it was.
        if (Last.Status is MachineStatus.BadPc or MachineStatus.OutOfSteps)
            Pcs[Steps - 1] = head.Control.Pc;
    }

    /// <summary>The control word after step <paramref name="t"/> (spec 1.3).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ControlWord ControlAfter(int t)
    {
        // Only the last step of a window can stop the machine, or leave the steps as they are.
        if (t == Steps - 1)
            return Last;

        ControlWord control = First;
        control.Pc = Pcs[t + 1];
        control.Reservation = Reservations[t + 1];
        control.StepsLeft -= (ulong)t + 1;
        return control;
    }

    /// <summary>Logs that a word is about to become <paramref name="value"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(uint word, in Word value)
    {
        int i = Writes++;
        WriteSteps[i] = Steps - 1;
        WriteWords[i] = word;
        NewWords[i] = value;
    }
}

/// <summary>A live machine whose every step and write goes to a log.</summary>
internal unsafe ref struct TracedState(Machine machine, ref NoTracer tracer, WindowLog log, MemoryHistory history) : IMachineState
{
    private const int A0 = 10;

    private LiveState<NoTracer> _live = new(machine, ref tracer);
    private readonly WindowLog _log = log;
    private readonly MemoryHistory _history = history;
    private readonly byte* _data = machine.Memory.GroupedData;

    public readonly MachineHead* Head => _live.Head;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void BeginStep()
    {
        WindowLog log = _log;
        MachineHead* head = _live.Head;
        int t = log.Steps++;
        if (t > 0)
            log.Results[t - 1] = head->X[log.Registers[t - 1]];

        if (t % WindowLog.PieceSteps == 0)
            log.Pieces[t / WindowLog.PieceSteps] = head->X;

        log.Reservations[t] = head->Control.Reservation;
        log.Registers[t] = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Instruction Fetch(ulong pc)
    {
        Instruction instruction = _live.Fetch(pc);
        int t = _log.Steps - 1;
        _log.Pcs[t] = pc;
        _log.Registers[t] = instruction.Operation == Operation.Ecall ? (byte)A0 : (byte)instruction.Rd;
        return instruction;
    }

    public readonly T Load<T>(uint address)
        where T : unmanaged => _live.Load<T>(address);

    public readonly void Store<T>(uint address, T value)
        where T : unmanaged
    {
        uint first = address / Word.Length, last = (uint)((address + (ulong)sizeof(T) - 1) / Word.Length);
        Word oldFirst = WordAt(first), oldLast = WordAt(last);
        _history.Prepare(first);
        if (last != first)
            _history.Prepare(last);

        _live.Store(address, value);
        Log(first, oldFirst);
        if (last != first)
            Log(last, oldLast);
    }

    public readonly T AtomicLoad<T>(uint address)
        where T : unmanaged => Load<T>(address);

    public readonly void AtomicStore<T>(uint address, T value)
        where T : unmanaged => Store(address, value);

    public readonly void GuestWrite(ulong descriptor, ulong address, ulong length) => _live.GuestWrite(descriptor, address, length);

    private readonly Word WordAt(uint index) => Unsafe.ReadUnaligned<Word>(_data + (ulong)index * Word.Length);

    private readonly void Log(uint index, in Word old)
    {
        Word value = WordAt(index);
        if (value != old)
            _log.Write(index, value);
    }
}

/// <summary>Zeroed native arrays, freed together; what is not touched costs nothing.</summary>
internal sealed unsafe class NativeArena(ulong length) : IDisposable
{
    private const ulong Alignment = 64;

    // Every array may lose some bytes to alignment.
    private readonly Reservation _reservation = new(length + (64 * Alignment));
    private readonly ulong _length = length + (64 * Alignment);
    private ulong _used;

    public T* Take<T>(int count)
        where T : unmanaged
    {
        byte* start = _reservation.Pointer + _used;
        _used = (_used + (ulong)count * (ulong)sizeof(T) + Alignment - 1) & ~(Alignment - 1);
        return _used <= _length ? (T*)start : throw new System.Diagnostics.UnreachableException("the arena is smaller than its arrays");
    }

    public void Dispose() => _reservation.Dispose();
}
