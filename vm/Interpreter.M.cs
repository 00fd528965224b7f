namespace Optimistic.Vm;

/// <summary>M: multiplication and division, in the order of the table. Nothing traps (spec 1.5.5).</summary>
public static unsafe partial class Interpreter
{
    private static void Mul(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] * x[i.Rs2];

    private static void Mulh(ulong* x, Instruction i) => x[i.Rd] = (ulong)Math.BigMul((long)x[i.Rs1], (long)x[i.Rs2], out _);

    // rs1 is signed: as unsigned it is 2^64 too large when negative.
    private static void Mulhsu(ulong* x, Instruction i) =>
        x[i.Rd] = Math.BigMul(x[i.Rs1], x[i.Rs2], out _) - ((ulong)((long)x[i.Rs1] >> 63) & x[i.Rs2]);

    private static void Mulhu(ulong* x, Instruction i) => x[i.Rd] = Math.BigMul(x[i.Rs1], x[i.Rs2], out _);

    private static void Div(ulong* x, Instruction i)
    {
        long a = (long)x[i.Rs1], b = (long)x[i.Rs2];
        x[i.Rd] = b == 0 ? ulong.MaxValue : b == -1 ? (ulong)-a : (ulong)(a / b);
    }

    private static void Divu(ulong* x, Instruction i)
    {
        ulong a = x[i.Rs1], b = x[i.Rs2];
        x[i.Rd] = b == 0 ? ulong.MaxValue : a / b;
    }

    private static void Rem(ulong* x, Instruction i)
    {
        long a = (long)x[i.Rs1], b = (long)x[i.Rs2];
        x[i.Rd] = b == 0 ? (ulong)a : b == -1 ? 0 : (ulong)(a % b);
    }

    private static void Remu(ulong* x, Instruction i)
    {
        ulong a = x[i.Rs1], b = x[i.Rs2];
        x[i.Rd] = b == 0 ? a : a % b;
    }

    private static void Mulw(ulong* x, Instruction i) => x[i.Rd] = (ulong)((int)x[i.Rs1] * (int)x[i.Rs2]);

    private static void Divw(ulong* x, Instruction i)
    {
        int a = (int)x[i.Rs1], b = (int)x[i.Rs2];
        x[i.Rd] = b == 0 ? ulong.MaxValue : b == -1 ? (ulong)-a : (ulong)(a / b);
    }

    private static void Divuw(ulong* x, Instruction i)
    {
        uint a = (uint)x[i.Rs1], b = (uint)x[i.Rs2];
        x[i.Rd] = b == 0 ? ulong.MaxValue : (ulong)(int)(a / b);
    }

    private static void Remw(ulong* x, Instruction i)
    {
        int a = (int)x[i.Rs1], b = (int)x[i.Rs2];
        x[i.Rd] = b == 0 ? (ulong)a : b == -1 ? 0 : (ulong)(a % b);
    }

    private static void Remuw(ulong* x, Instruction i)
    {
        uint a = (uint)x[i.Rs1], b = (uint)x[i.Rs2];
        x[i.Rd] = (ulong)(int)(b == 0 ? a : a % b);
    }
}
