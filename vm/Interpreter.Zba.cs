namespace Optimistic.Vm;

/// <summary>Zba: address generation, in the order of the table.</summary>
public static partial class Interpreter
{
    private static ulong AddUw(ulong rs1, ulong rs2) => (uint)rs1 + rs2;

    private static ulong Sh1add(ulong rs1, ulong rs2) => (rs1 << 1) + rs2;

    private static ulong Sh1addUw(ulong rs1, ulong rs2) => ((ulong)(uint)rs1 << 1) + rs2;

    private static ulong Sh2add(ulong rs1, ulong rs2) => (rs1 << 2) + rs2;

    private static ulong Sh2addUw(ulong rs1, ulong rs2) => ((ulong)(uint)rs1 << 2) + rs2;

    private static ulong Sh3add(ulong rs1, ulong rs2) => (rs1 << 3) + rs2;

    private static ulong Sh3addUw(ulong rs1, ulong rs2) => ((ulong)(uint)rs1 << 3) + rs2;

    private static ulong SlliUw(ulong rs1, long immediate) => (ulong)(uint)rs1 << (int)immediate;
}
