namespace Optimistic.Vm;

/// <summary>Zbs: single bits, in the order of the table. C# takes shift amounts modulo 64, as the ISA does.</summary>
public static partial class Interpreter
{
    private static ulong Bclr(ulong rs1, ulong rs2) => rs1 & ~(1UL << (int)rs2);

    private static ulong Bclri(ulong rs1, long immediate) => rs1 & ~(1UL << (int)immediate);

    private static ulong Bext(ulong rs1, ulong rs2) => rs1 >> (int)rs2 & 1;

    private static ulong Bexti(ulong rs1, long immediate) => rs1 >> (int)immediate & 1;

    private static ulong Binv(ulong rs1, ulong rs2) => rs1 ^ 1UL << (int)rs2;

    private static ulong Binvi(ulong rs1, long immediate) => rs1 ^ 1UL << (int)immediate;

    private static ulong Bset(ulong rs1, ulong rs2) => rs1 | 1UL << (int)rs2;

    private static ulong Bseti(ulong rs1, long immediate) => rs1 | 1UL << (int)immediate;
}
