using System.Buffers.Binary;
using System.Numerics;

namespace Optimistic.Vm;

/// <summary>Zbb: basic bit manipulation, in the order of the table.</summary>
public static partial class Interpreter
{
    private static ulong Andn(ulong rs1, ulong rs2) => rs1 & ~rs2;

    private static ulong Orn(ulong rs1, ulong rs2) => rs1 | ~rs2;

    private static ulong Xnor(ulong rs1, ulong rs2) => ~(rs1 ^ rs2);

    // The counts of .NET are defined at zero: 64 and 32, as the ISA has them.

    private static ulong Clz(ulong rs1) => (ulong)BitOperations.LeadingZeroCount(rs1);

    private static ulong Clzw(ulong rs1) => (ulong)BitOperations.LeadingZeroCount((uint)rs1);

    private static ulong Ctz(ulong rs1) => (ulong)BitOperations.TrailingZeroCount(rs1);

    private static ulong Ctzw(ulong rs1) => (ulong)BitOperations.TrailingZeroCount((uint)rs1);

    private static ulong Cpop(ulong rs1) => (ulong)BitOperations.PopCount(rs1);

    private static ulong Cpopw(ulong rs1) => (ulong)BitOperations.PopCount((uint)rs1);

    private static ulong Max(ulong rs1, ulong rs2) => (ulong)Math.Max((long)rs1, (long)rs2);

    private static ulong Maxu(ulong rs1, ulong rs2) => Math.Max(rs1, rs2);

    private static ulong Min(ulong rs1, ulong rs2) => (ulong)Math.Min((long)rs1, (long)rs2);

    private static ulong Minu(ulong rs1, ulong rs2) => Math.Min(rs1, rs2);

    private static ulong SextB(ulong rs1) => (ulong)(sbyte)rs1;

    private static ulong SextH(ulong rs1) => (ulong)(short)rs1;

    private static ulong ZextH(ulong rs1) => (ushort)rs1;

    private static ulong Rol(ulong rs1, ulong rs2) => BitOperations.RotateLeft(rs1, (int)rs2);

    private static ulong Rolw(ulong rs1, ulong rs2) => (ulong)(int)BitOperations.RotateLeft((uint)rs1, (int)rs2);

    private static ulong Ror(ulong rs1, ulong rs2) => BitOperations.RotateRight(rs1, (int)rs2);

    private static ulong Rori(ulong rs1, long immediate) => BitOperations.RotateRight(rs1, (int)immediate);

    private static ulong Roriw(ulong rs1, long immediate) => (ulong)(int)BitOperations.RotateRight((uint)rs1, (int)immediate);

    private static ulong Rorw(ulong rs1, ulong rs2) => (ulong)(int)BitOperations.RotateRight((uint)rs1, (int)rs2);

    private static ulong OrcB(ulong rs1)
    {
        // The low bit of each byte: whether any of its bits is set. No sum below carries out of its byte.
        const ulong Low7 = 0x7f7f7f7f7f7f7f7f;
        ulong any = (((rs1 & Low7) + Low7 | rs1) >> 7) & 0x0101010101010101;
        return any * 0xff;
    }

    private static ulong Rev8(ulong rs1) => BinaryPrimitives.ReverseEndianness(rs1);
}
