namespace Optimistic.Vm;

/// <summary>Zbs: single bits, in the order of the table. C# takes shift amounts modulo 64, as the ISA does.</summary>
public static unsafe partial class Interpreter
{
    private static void Bclr(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] & ~(1UL << (int)x[i.Rs2]);

    private static void Bclri(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] & ~(1UL << (int)i.Immediate);

    private static void Bext(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] >> (int)x[i.Rs2] & 1;

    private static void Bexti(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] >> (int)i.Immediate & 1;

    private static void Binv(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] ^ 1UL << (int)x[i.Rs2];

    private static void Binvi(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] ^ 1UL << (int)i.Immediate;

    private static void Bset(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] | 1UL << (int)x[i.Rs2];

    private static void Bseti(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] | 1UL << (int)i.Immediate;
}
