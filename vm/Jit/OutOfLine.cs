using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Optimistic.Vm.Jit;

/// <summary>
/// Shifts and rotations of words by a register, as calls. The runtime's compiler (10.0.12, x64) reads the low word of a
/// 64-bit local in place, typed as 32 bits; where an instruction wants a fixed register that this local is in (CL of a
/// shift, EDX of a division), it moves the local elsewhere with a 32-bit move, and the upper half is lost. So the low word
/// of a register never goes to such an instruction directly.
/// </summary>
internal static class OutOfLine
{
    /// <summary>Shifts take any register: SHLX and its like, or another architecture.</summary>
    public static readonly bool HasFreeShifts = Bmi2.X64.IsSupported || !X86Base.IsSupported;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Sllw(long rs1, long rs2) => (int)rs1 << (int)rs2;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Srlw(long rs1, long rs2) => (int)((uint)rs1 >> (int)rs2);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Sraw(long rs1, long rs2) => (int)rs1 >> (int)rs2;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Rolw(long rs1, long rs2) => (int)uint.RotateLeft((uint)rs1, (int)rs2);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static long Rorw(long rs1, long rs2) => (int)uint.RotateRight((uint)rs1, (int)rs2);
}
