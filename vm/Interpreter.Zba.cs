namespace Optimistic.Vm;

/// <summary>Zba: address generation, in the order of the table.</summary>
public static unsafe partial class Interpreter
{
    private static void AddUw(ulong* x, Instruction i) => x[i.Rd] = (uint)x[i.Rs1] + x[i.Rs2];

    private static void Sh1add(ulong* x, Instruction i) => x[i.Rd] = (x[i.Rs1] << 1) + x[i.Rs2];

    private static void Sh1addUw(ulong* x, Instruction i) => x[i.Rd] = ((ulong)(uint)x[i.Rs1] << 1) + x[i.Rs2];

    private static void Sh2add(ulong* x, Instruction i) => x[i.Rd] = (x[i.Rs1] << 2) + x[i.Rs2];

    private static void Sh2addUw(ulong* x, Instruction i) => x[i.Rd] = ((ulong)(uint)x[i.Rs1] << 2) + x[i.Rs2];

    private static void Sh3add(ulong* x, Instruction i) => x[i.Rd] = (x[i.Rs1] << 3) + x[i.Rs2];

    private static void Sh3addUw(ulong* x, Instruction i) => x[i.Rd] = ((ulong)(uint)x[i.Rs1] << 3) + x[i.Rs2];

    private static void SlliUw(ulong* x, Instruction i) => x[i.Rd] = (ulong)(uint)x[i.Rs1] << (int)i.Immediate;
}
