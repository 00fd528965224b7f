using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Optimistic.Vm;

/// <summary>The state of a live run: raw memory and decoded text.</summary>
internal unsafe ref struct LiveState<TTracer> : IMachineState
    where TTracer : struct, IWriteTracer
{
    /// <summary>The most of one write call that reaches the host, in bytes; the guest is told that all was written.</summary>
    private const uint MaxConsoleWriteLength = 1 << 16;

    private readonly MachineHead* _head;
    private readonly byte* _data;
    private readonly byte* _dirty;
    private readonly Machine _machine;
    private readonly ProgramText _text;
    private readonly ref TTracer _tracer;

    // The page of text that was executed last.
    private ref Instruction _page;
    private ulong _pageStart;

    /// <param name="machine">Kept alive by the caller while this state is used.</param>
    /// <param name="tracer">Called in place.</param>
    public LiveState(Machine machine, ref TTracer tracer)
    {
        _head = machine.HeadPointer;
        _data = machine.Memory.GroupedData;
        _dirty = machine.Memory.Dirty;
        _machine = machine;
        _text = machine.Text;
        _tracer = ref tracer;
        // No pc is in this page: the first fetch looks its own up.
        _pageStart = ulong.MaxValue - ProgramText.PageLength;
    }

    public readonly MachineHead* Head => _head;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void BeginStep() => _tracer.BeginStep();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Instruction Fetch(ulong pc)
    {
        ulong offset = pc - _pageStart;
        // In bounds: a page has an instruction for each of its halfwords.
        return offset < ProgramText.PageLength ? Unsafe.Add(ref _page, (nint)(offset >> 1)) : FetchFromPage(pc);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    // In bounds: a 32-bit offset and at most seven bytes more, and the reservation goes on behind slot 7.
    public readonly T Load<T>(uint address) where T : unmanaged => Unsafe.ReadUnaligned<T>(_data + address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store<T>(uint address, T value) where T : unmanaged
    {
        // In bounds: as Load. A misaligned store may end in the next block; for all others both marks are the same byte.
        Unsafe.WriteUnaligned(_data + address, value);
        _dirty[address >> GuestMemory.BlockShift] = 1;
        _dirty[GuestMemory.DirtyGroupsOffset + (address >> GuestMemory.GroupShift)] = 1;
        ulong last = address + (ulong)sizeof(T) - 1;
        _dirty[last >> GuestMemory.BlockShift] = 1;
        if (typeof(TTracer) != typeof(NoTracer))
        {
            Trace(address / Word.Length);
            if (last / Word.Length != address / Word.Length)
                Trace((uint)(last / Word.Length));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly T AtomicLoad<T>(uint address) where T : unmanaged => Load<T>(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void AtomicStore<T>(uint address, T value) where T : unmanaged => Store(address, value);

    public readonly void GuestWrite(ulong descriptor, ulong address, ulong length)
    {
        if (_machine.Console is { } console && descriptor is 1 or 2)
        {
            // In bounds: a 32-bit offset, and no more than the slack of the reservation and of slot 8 behind it.
            int shown = (int)Math.Min(length, MaxConsoleWriteLength);
            console((int)descriptor, new ReadOnlySpan<byte>(_data + (uint)address, shown));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Instruction FetchFromPage(ulong pc)
    {
        uint page = (uint)(pc >> ProgramText.PageShift);
        _page = ref MemoryMarshal.GetArrayDataReference(_text.Page(page));
        _pageStart = (ulong)page << ProgramText.PageShift;
        return Unsafe.Add(ref _page, (nint)((pc - _pageStart) >> 1));
    }

    private readonly void Trace(uint index) => _tracer.WordWritten(index, Unsafe.ReadUnaligned<Word>(_data + (ulong)index * Word.Length));
}
