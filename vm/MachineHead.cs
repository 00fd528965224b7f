using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Optimistic.Vm;

/// <summary>The control word (spec 1.3.1): 32 bytes, laid out as they are hashed.</summary>
[StructLayout(LayoutKind.Explicit, Size = Word.Length)]
public struct ControlWord
{
    /// <summary>Address of the next instruction.</summary>
    [FieldOffset(0)]
    public ulong Pc;

    /// <summary>Instructions that may still be executed.</summary>
    [FieldOffset(8)]
    public ulong StepsLeft;

    /// <summary>0, or the reserved address with bit 0 set.</summary>
    [FieldOffset(16)]
    public ulong Reservation;

    [FieldOffset(24)]
    public MachineStatus Status;

    /// <summary>Low 32 bits of a0 at exit, else 0.</summary>
    [FieldOffset(28)]
    public uint ExitCode;
}

/// <summary>32 registers of 64 bits; x0 is zero.</summary>
[InlineArray(Count)]
public struct RegisterFile
{
    public const int Count = 32;

    private ulong _x0;
}

/// <summary>
/// All of a machine but its memory: control word and registers. Its 288 bytes are those that a witness carries after the
/// memory root (spec 3.1.3), which holds on little-endian hosts, the only ones that .NET 10 runs on.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public struct MachineHead
{
    /// <summary>Bytes of a head.</summary>
    public const int Length = 288;

    public ControlWord Control;

    public RegisterFile X;

    /// <summary>The bytes of this head, in place.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public Span<byte> Bytes => MemoryMarshal.AsBytes(new Span<MachineHead>(ref this));

    /// <summary>The machine root over a memory root and this head (spec 2.3.2).</summary>
    public Word Root(in Word memoryRoot)
    {
        ReadOnlySpan<byte> bytes = Bytes;
        Span<Word> registers = stackalloc Word[2];
        Keccak.Nodes(bytes[Word.Length..], MemoryMarshal.AsBytes(registers));
        return Keccak.Quad(memoryRoot, registers[0], registers[1], new Word(bytes[..Word.Length]));
    }
}
