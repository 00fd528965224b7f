using System.Reflection.Emit;

namespace Optimistic.Vm.Jit;

/// <summary>Zba: address generation, in the order of the table.</summary>
internal sealed partial class RegionEmitter
{
    private void EmitAddUw(Instruction i) => AddShifted(i, 0, isWord: true);

    private void EmitSh1add(Instruction i) => AddShifted(i, 1, isWord: false);

    private void EmitSh1addUw(Instruction i) => AddShifted(i, 1, isWord: true);

    private void EmitSh2add(Instruction i) => AddShifted(i, 2, isWord: false);

    private void EmitSh2addUw(Instruction i) => AddShifted(i, 2, isWord: true);

    private void EmitSh3add(Instruction i) => AddShifted(i, 3, isWord: false);

    private void EmitSh3addUw(Instruction i) => AddShifted(i, 3, isWord: true);

    private void EmitSlliUw(Instruction i)
    {
        Narrow(i.Rs1);
        Op(OpCodes.Conv_U8);
        Int((int)i.Immediate);
        Op(OpCodes.Shl);
        SetWide(i.Rd);
    }

    /// <summary>rd = (rs1, or its low word, shifted left) + rs2.</summary>
    private void AddShifted(Instruction i, int shift, bool isWord)
    {
        if (isWord)
        {
            Narrow(i.Rs1);
            Op(OpCodes.Conv_U8);
        }
        else
        {
            Wide(i.Rs1);
        }

        if (shift != 0)
        {
            Int(shift);
            Op(OpCodes.Shl);
        }

        if (i.Rs2 != 0)
        {
            Wide(i.Rs2);
            Op(OpCodes.Add);
        }

        SetWide(i.Rd);
    }
}
