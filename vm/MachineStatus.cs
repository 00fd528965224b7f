namespace Optimistic.Vm;

/// <summary>
/// What a machine does, or how a task ended (spec 1.3.2, 2.6.3). The numbers are frozen: they are in roots.
/// </summary>
public enum MachineStatus : byte
{
    Running = 0,

    /// <summary>The program exited.</summary>
    Halted = 1,

    /// <summary>A step was due with no steps left.</summary>
    OutOfSteps = 2,

    /// <summary>Fault: the encoding is not an instruction of this machine.</summary>
    IllegalInstruction = 3,

    /// <summary>Fault: pc is odd, or 2^29 or more.</summary>
    BadPc = 4,

    /// <summary>Fault: EBREAK or C.EBREAK.</summary>
    Breakpoint = 5,

    /// <summary>Fault: LR, SC or AMO at an address that is not a multiple of its size.</summary>
    MisalignedAtomic = 6,

    /// <summary>Fault: exit with an output length above 2^29.</summary>
    OutputTooLong = 7,

    /// <summary>Of a task, never a machine: an app was deployed.</summary>
    Deployed = 16,

    /// <summary>Of a task, never a machine: its signature is not good.</summary>
    BadSignature = 17,

    /// <summary>Of a task, never a machine: it calls an app that does not exist.</summary>
    UnknownApp = 18
}
