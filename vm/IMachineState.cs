namespace Optimistic.Vm;

/// <summary>
/// What the step reads and writes. Live machines, recordings and replays implement it, and there is one step over all of
/// them (spec 3.2). Addresses of data are already reduced modulo 2^32.
/// </summary>
internal unsafe interface IMachineState
{
    /// <summary>Registers and control word, in memory that does not move.</summary>
    MachineHead* Head { get; }

    /// <summary>Called once at the start of every step.</summary>
    void BeginStep();

    /// <summary>The instruction at text byte <paramref name="pc"/>, even and below 2^29 (spec 3.2.2).</summary>
    Instruction Fetch(ulong pc);

    /// <summary>Reads an integer (spec 3.2.3).</summary>
    T Load<T>(uint address) where T : unmanaged;

    /// <summary>Writes an integer (spec 3.2.4).</summary>
    void Store<T>(uint address, T value) where T : unmanaged;

    /// <summary>Reads an aligned integer whose word the next call writes, in one access (spec 3.2.5).</summary>
    T AtomicLoad<T>(uint address) where T : unmanaged;

    /// <summary>The write that completes <see cref="AtomicLoad"/>, at the same address.</summary>
    void AtomicStore<T>(uint address, T value) where T : unmanaged;

    /// <summary>The guest calls write (spec 1.6.3).</summary>
    void GuestWrite(ulong descriptor, ulong address, ulong length);
}

/// <summary>
/// Follows a live run. A type parameter, so that a run without one pays nothing. A tracer counts its steps in
/// <see cref="BeginStep"/>; a run of n steps calls it n times.
/// </summary>
public interface IWriteTracer
{
    /// <summary>A step starts.</summary>
    void BeginStep();

    /// <summary>The step has changed word <paramref name="index"/> of the memory to <paramref name="value"/>, or written the same value.</summary>
    /// <remarks>A store over two words is told of twice in its step, each word as it is after the store.</remarks>
    void WordWritten(uint index, in Word value);
}

/// <summary>Follows nothing, at no cost.</summary>
public readonly struct NoTracer : IWriteTracer
{
    public void BeginStep()
    {
    }

    public void WordWritten(uint index, in Word value)
    {
    }
}
