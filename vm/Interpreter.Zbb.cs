using System.Buffers.Binary;
using System.Numerics;

namespace Optimistic.Vm;

/// <summary>Zbb: basic bit manipulation, in the order of the table.</summary>
public static unsafe partial class Interpreter
{
    private static void Andn(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] & ~x[i.Rs2];

    private static void Orn(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] | ~x[i.Rs2];

    private static void Xnor(ulong* x, Instruction i) => x[i.Rd] = ~(x[i.Rs1] ^ x[i.Rs2]);

    // The counts of .NET are defined at zero: 64 and 32, as the ISA has them.

    private static void Clz(ulong* x, Instruction i) => x[i.Rd] = (ulong)BitOperations.LeadingZeroCount(x[i.Rs1]);

    private static void Clzw(ulong* x, Instruction i) => x[i.Rd] = (ulong)BitOperations.LeadingZeroCount((uint)x[i.Rs1]);

    private static void Ctz(ulong* x, Instruction i) => x[i.Rd] = (ulong)BitOperations.TrailingZeroCount(x[i.Rs1]);

    private static void Ctzw(ulong* x, Instruction i) => x[i.Rd] = (ulong)BitOperations.TrailingZeroCount((uint)x[i.Rs1]);

    private static void Cpop(ulong* x, Instruction i) => x[i.Rd] = (ulong)BitOperations.PopCount(x[i.Rs1]);

    private static void Cpopw(ulong* x, Instruction i) => x[i.Rd] = (ulong)BitOperations.PopCount((uint)x[i.Rs1]);

    private static void Max(ulong* x, Instruction i) => x[i.Rd] = (ulong)Math.Max((long)x[i.Rs1], (long)x[i.Rs2]);

    private static void Maxu(ulong* x, Instruction i) => x[i.Rd] = Math.Max(x[i.Rs1], x[i.Rs2]);

    private static void Min(ulong* x, Instruction i) => x[i.Rd] = (ulong)Math.Min((long)x[i.Rs1], (long)x[i.Rs2]);

    private static void Minu(ulong* x, Instruction i) => x[i.Rd] = Math.Min(x[i.Rs1], x[i.Rs2]);

    private static void SextB(ulong* x, Instruction i) => x[i.Rd] = (ulong)(sbyte)x[i.Rs1];

    private static void SextH(ulong* x, Instruction i) => x[i.Rd] = (ulong)(short)x[i.Rs1];

    private static void ZextH(ulong* x, Instruction i) => x[i.Rd] = (ushort)x[i.Rs1];

    private static void Rol(ulong* x, Instruction i) => x[i.Rd] = BitOperations.RotateLeft(x[i.Rs1], (int)x[i.Rs2]);

    private static void Rolw(ulong* x, Instruction i) => x[i.Rd] = (ulong)(int)BitOperations.RotateLeft((uint)x[i.Rs1], (int)x[i.Rs2]);

    private static void Ror(ulong* x, Instruction i) => x[i.Rd] = BitOperations.RotateRight(x[i.Rs1], (int)x[i.Rs2]);

    private static void Rori(ulong* x, Instruction i) => x[i.Rd] = BitOperations.RotateRight(x[i.Rs1], (int)i.Immediate);

    private static void Roriw(ulong* x, Instruction i) => x[i.Rd] = (ulong)(int)BitOperations.RotateRight((uint)x[i.Rs1], (int)i.Immediate);

    private static void Rorw(ulong* x, Instruction i) => x[i.Rd] = (ulong)(int)BitOperations.RotateRight((uint)x[i.Rs1], (int)x[i.Rs2]);

    private static void OrcB(ulong* x, Instruction i)
    {
        // The low bit of each byte: whether any of its bits is set. No sum below carries out of its byte.
        const ulong Low7 = 0x7f7f7f7f7f7f7f7f;
        ulong value = x[i.Rs1];
        ulong any = (((value & Low7) + Low7 | value) >> 7) & 0x0101010101010101;
        x[i.Rd] = any * 0xff;
    }

    private static void Rev8(ulong* x, Instruction i) => x[i.Rd] = BinaryPrimitives.ReverseEndianness(x[i.Rs1]);
}
