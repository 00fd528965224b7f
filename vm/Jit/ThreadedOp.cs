using System.Runtime.InteropServices;

namespace Optimistic.Vm.Jit;

/// <summary>What a <see cref="ThreadedOp"/> is to the runner when tier 0 stops before it.</summary>
internal enum ThreadedKind : byte
{
    /// <summary>An instruction.</summary>
    Instruction,

    /// <summary>An instruction that is left to the interpreter: ECALL, EBREAK, an illegal one.</summary>
    Stop,

    /// <summary>Behind a branch: where it goes on when it is not taken, once Target is not the op itself.</summary>
    Next,

    /// <summary>Behind a branch or JAL whose target is not known yet; Target is the branch or JAL.</summary>
    Target,

    /// <summary>Behind a JALR, which has gone to the pc of <see cref="ThreadedExit"/>; Target is where it went before.</summary>
    Indirect,

    /// <summary>Behind the last instruction of a block that ends without a jump, like <see cref="Next"/>.</summary>
    Fall
}

/// <summary>An instruction of tier 0, or a place where tier 0 leaves a block. Handlers read it at these offsets.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct ThreadedOp
{
    public const int Size = 32;
    public const int HandlerOffset = 0, ValueOffset = 8, RdOffset = 16, Rs1Offset = 17, Rs2Offset = 18, StepsOffset = 20, CountOffset = 24, PcOffset = 28;

    /// <summary>Code that does it and goes on to the next op (<see cref="ThreadedHandlers"/>).</summary>
    [FieldOffset(HandlerOffset)]
    public nint Handler;

    /// <summary>The immediate; for LUI and AUIPC what is loaded.</summary>
    [FieldOffset(ValueOffset)]
    public long Value;

    /// <summary>Where a branch or JAL goes.</summary>
    [FieldOffset(ValueOffset)]
    public ThreadedOp* Target;

    /// <summary>A register; x0 as a destination is <see cref="ThreadedExit.Discarded"/>.</summary>
    [FieldOffset(RdOffset)]
    public byte Rd;

    [FieldOffset(Rs1Offset)]
    public byte Rs1;

    /// <summary>A register; of JAL and JALR the length of the instruction.</summary>
    [FieldOffset(Rs2Offset)]
    public byte Rs2;

    [FieldOffset(19)]
    public ThreadedKind Kind;

    /// <summary>Steps from here to the end of the block, this one included; charged when control is transferred here.</summary>
    [FieldOffset(StepsOffset)]
    public int Steps;

    /// <summary>Transfers until tier 0 leaves here with a negative count: the place is hot.</summary>
    [FieldOffset(CountOffset)]
    public int Count;

    /// <summary>Its address, sign-extended: a branch may lead below 0.</summary>
    [FieldOffset(PcOffset)]
    public int Pc;
}

/// <summary>What tier 0 keeps behind a machine's head, and its answer when it stops.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
internal unsafe struct ThreadedExit
{
    public const int DiscardedOffset = 0, AtOffset = 8, PcOffset = 16, MapOffset = 24, EndOffset = 32;

    /// <summary>Register 32: what is written to x0.</summary>
    [FieldOffset(DiscardedOffset)]
    public ulong Discarded;

    /// <summary>The op that is due.</summary>
    [FieldOffset(AtOffset)]
    public ThreadedOp* At;

    /// <summary>Its address, if it is <see cref="ThreadedKind.Indirect"/>.</summary>
    [FieldOffset(PcOffset)]
    public ulong Pc;

    /// <summary>An op, or null, for each halfword of text.</summary>
    [FieldOffset(MapOffset)]
    public ThreadedOp** Map;

    /// <summary>The end of the text.</summary>
    [FieldOffset(EndOffset)]
    public ulong End;
}

/// <summary>A machine's head with what tier 0 keeps behind it.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
internal struct MachineFrame
{
    public MachineHead Head;

    public ThreadedExit Exit;
}
