using System.Reflection.Emit;

namespace Optimistic.Vm.Jit;

/// <summary>M: multiplication and division, in the order of the table.</summary>
internal sealed partial class RegionEmitter
{
    private void EmitMul(Instruction i) => Binary(i, OpCodes.Mul);

    private void EmitMulh(Instruction i) => Call(i);

    private void EmitMulhsu(Instruction i) => Call(i);

    private void EmitMulhu(Instruction i) => Call(i);

    private void EmitDiv(Instruction i) => Divide(i, OpCodes.Div, isWord: false, isSigned: true);

    private void EmitDivu(Instruction i) => Divide(i, OpCodes.Div_Un, isWord: false, isSigned: false);

    private void EmitRem(Instruction i) => Divide(i, OpCodes.Rem, isWord: false, isSigned: true);

    private void EmitRemu(Instruction i) => Divide(i, OpCodes.Rem_Un, isWord: false, isSigned: false);

    private void EmitMulw(Instruction i) => BinaryNarrow(i, OpCodes.Mul);

    private void EmitDivw(Instruction i) => Divide(i, OpCodes.Div, isWord: true, isSigned: true);

    private void EmitDivuw(Instruction i) => Divide(i, OpCodes.Div_Un, isWord: true, isSigned: false);

    private void EmitRemw(Instruction i) => Divide(i, OpCodes.Rem, isWord: true, isSigned: true);

    private void EmitRemuw(Instruction i) => Divide(i, OpCodes.Rem_Un, isWord: true, isSigned: false);

    /// <summary>rd = rs1 op rs2; a divisor of 0, and of -1 where the quotient may overflow, is left to the interpreter's method.</summary>
    private void Divide(Instruction i, OpCode code, bool isWord, bool isSigned)
    {
        if (i.Rd == 0)
            return;

        Label stub = NewLabel(), back = NewLabel();
        Divisor();
        if (isSigned)
        {
            // 0 and -1 become 1 and 0.
            Int(1);
            Extended();
            Op(OpCodes.Add);
            Int(1);
            Extended();
            Op(OpCodes.Ble_Un, stub);
        }
        else
        {
            Op(OpCodes.Brfalse, stub);
        }

        if (isWord)
        {
            Narrow(i.Rs1);
            Narrow(i.Rs2);
            Op(code);
            SetNarrow(i.Rd);
        }
        else
        {
            Wide(i.Rs1);
            Wide(i.Rs2);
            Op(code);
            SetWide(i.Rd);
        }

        _il.MarkLabel(back);
        _stubs.Add(() =>
        {
            // By then other registers may be narrow: only the wide locals are good.
            _il.MarkLabel(stub);
            Array.Clear(_isNarrow);
            Wide(i.Rs1);
            Wide(i.Rs2);
            Op(OpCodes.Call, Method(i.Operation));
            if (isWord)
            {
                Op(OpCodes.Conv_I4);
                SetNarrow(i.Rd);
            }
            else
            {
                SetWide(i.Rd);
            }

            Op(OpCodes.Br, back);
        });

        void Divisor()
        {
            if (isWord)
                Narrow(i.Rs2);
            else
                Wide(i.Rs2);
        }

        void Extended()
        {
            if (!isWord)
                Op(OpCodes.Conv_I8);
        }
    }
}
