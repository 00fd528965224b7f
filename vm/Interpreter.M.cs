namespace Optimistic.Vm;

/// <summary>M: multiplication and division, in the order of the table. Nothing traps (spec 1.5.5).</summary>
public static partial class Interpreter
{
    private static ulong Mul(ulong rs1, ulong rs2) => rs1 * rs2;

    private static ulong Mulh(ulong rs1, ulong rs2) => (ulong)Math.BigMul((long)rs1, (long)rs2, out _);

    // rs1 is signed: as unsigned it is 2^64 too large when negative.
    private static ulong Mulhsu(ulong rs1, ulong rs2) =>
        Math.BigMul(rs1, rs2, out _) - ((ulong)((long)rs1 >> 63) & rs2);

    private static ulong Mulhu(ulong rs1, ulong rs2) => Math.BigMul(rs1, rs2, out _);

    private static ulong Div(ulong rs1, ulong rs2)
    {
        long a = (long)rs1, b = (long)rs2;
        return b == 0 ? ulong.MaxValue : b == -1 ? (ulong)-a : (ulong)(a / b);
    }

    private static ulong Divu(ulong rs1, ulong rs2) => rs2 == 0 ? ulong.MaxValue : rs1 / rs2;

    private static ulong Rem(ulong rs1, ulong rs2)
    {
        long a = (long)rs1, b = (long)rs2;
        return b == 0 ? (ulong)a : b == -1 ? 0 : (ulong)(a % b);
    }

    private static ulong Remu(ulong rs1, ulong rs2) => rs2 == 0 ? rs1 : rs1 % rs2;

    private static ulong Mulw(ulong rs1, ulong rs2) => (ulong)((int)rs1 * (int)rs2);

    private static ulong Divw(ulong rs1, ulong rs2)
    {
        int a = (int)rs1, b = (int)rs2;
        return b == 0 ? ulong.MaxValue : b == -1 ? (ulong)-a : (ulong)(a / b);
    }

    private static ulong Divuw(ulong rs1, ulong rs2)
    {
        uint a = (uint)rs1, b = (uint)rs2;
        return b == 0 ? ulong.MaxValue : (ulong)(int)(a / b);
    }

    private static ulong Remw(ulong rs1, ulong rs2)
    {
        int a = (int)rs1, b = (int)rs2;
        return b == 0 ? (ulong)a : b == -1 ? 0 : (ulong)(a % b);
    }

    private static ulong Remuw(ulong rs1, ulong rs2)
    {
        uint a = (uint)rs1, b = (uint)rs2;
        return (ulong)(int)(b == 0 ? a : a % b);
    }
}
