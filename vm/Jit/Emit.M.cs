using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics.X86;

namespace Optimistic.Vm.Jit;

/// <summary>M: multiplication and division, in the order of the table.</summary>
internal sealed partial class RegionEmitter
{
    private static readonly MethodInfo MultiplyHigh = ((Func<ulong, ulong, ulong>)Bmi2.X64.MultiplyNoFlags).Method;

    private LocalBuilder? _dividend, _divisor, _wordDividend, _wordDivisor;

    private void EmitMul(Instruction i) => Binary(i, OpCodes.Mul);

    private void EmitMulh(Instruction i) => Call(i);

    private void EmitMulhsu(Instruction i) => Call(i);

    private void EmitMulhu(Instruction i)
    {
        if (!Bmi2.X64.IsSupported)
        {
            Call(i);
            return;
        }

        // Math.BigMul would take the lower half through memory.
        Wide(i.Rs1);
        Wide(i.Rs2);
        Op(OpCodes.Call, MultiplyHigh);
        SetWide(i.Rd);
    }

    private void EmitDiv(Instruction i) => Divide(i, OpCodes.Div, isWord: false, isSigned: true);

    private void EmitDivu(Instruction i) => Divide(i, OpCodes.Div_Un, isWord: false, isSigned: false);

    private void EmitRem(Instruction i) => Divide(i, OpCodes.Rem, isWord: false, isSigned: true);

    private void EmitRemu(Instruction i) => Divide(i, OpCodes.Rem_Un, isWord: false, isSigned: false);

    private void EmitMulw(Instruction i) => BinaryNarrow(i, OpCodes.Mul);

    private void EmitDivw(Instruction i) => Divide(i, OpCodes.Div, isWord: true, isSigned: true);

    private void EmitDivuw(Instruction i) => Divide(i, OpCodes.Div_Un, isWord: true, isSigned: false);

    private void EmitRemw(Instruction i) => Divide(i, OpCodes.Rem, isWord: true, isSigned: true);

    private void EmitRemuw(Instruction i) => Divide(i, OpCodes.Rem_Un, isWord: true, isSigned: false);

    /// <summary>rd = rs1 op rs2; a divisor of 0, and of -1 where the quotient may overflow, goes out of line.</summary>
    private void Divide(Instruction i, OpCode code, bool isWord, bool isSigned)
    {
        if (i.Rd == 0)
            return;

        // Words are divided in locals of their own, used twice and in other blocks than they are set in (see OutOfLine).
        LocalBuilder dividend = isWord ? _wordDividend ??= _il.DeclareLocal(typeof(int)) : _dividend ??= _il.DeclareLocal(typeof(long));
        LocalBuilder divisor = isWord ? _wordDivisor ??= _il.DeclareLocal(typeof(int)) : _divisor ??= _il.DeclareLocal(typeof(long));
        if (isWord)
            Narrow(i.Rs1);
        else
            Wide(i.Rs1);
        Store(dividend);
        if (isWord)
            Narrow(i.Rs2);
        else
            Wide(i.Rs2);
        Store(divisor);

        Label stub = NewLabel(), back = NewLabel();
        Load(divisor);
        if (isSigned)
        {
            // -1 and 0 become 0 and 1.
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

        Load(dividend);
        Load(divisor);
        Op(code);
        Set();
        _il.MarkLabel(back);
        _stubs.Add(() =>
        {
            // The divisor is 0 or -1 here: a mask (spec 1.5.5).
            _il.MarkLabel(stub);
            if (code == OpCodes.Rem || code == OpCodes.Rem_Un)
            {
                Load(dividend);
                Load(divisor);
                Op(OpCodes.Not);
                Op(OpCodes.And);
            }
            else
            {
                Load(dividend);
                Op(OpCodes.Neg);
                Load(divisor);
                Op(OpCodes.And);
                Load(divisor);
                Op(OpCodes.Not);
                Op(OpCodes.Or);
            }

            Set();
            Op(OpCodes.Br, back);
        });

        void Set()
        {
            if (isWord)
                SetNarrow(i.Rd);
            else
                SetWide(i.Rd);
        }

        void Extended()
        {
            if (!isWord)
                Op(OpCodes.Conv_I8);
        }
    }
}
