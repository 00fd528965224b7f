using System.Reflection.Emit;

namespace Optimistic.Vm.Jit;

/// <summary>Zbb: basic bit manipulation, in the order of the table.</summary>
internal sealed partial class RegionEmitter
{
    private void EmitAndn(Instruction i) => BitwiseNot(i, OpCodes.And);

    private void EmitOrn(Instruction i) => BitwiseNot(i, OpCodes.Or);

    private void EmitXnor(Instruction i) => BitwiseNot(i, OpCodes.Xor);

    private void EmitClz(Instruction i) => CallUnary(i);

    private void EmitClzw(Instruction i) => CallUnary(i);

    private void EmitCtz(Instruction i) => CallUnary(i);

    private void EmitCtzw(Instruction i) => CallUnary(i);

    private void EmitCpop(Instruction i) => CallUnary(i);

    private void EmitCpopw(Instruction i) => CallUnary(i);

    private void EmitMax(Instruction i) => Call(i);

    private void EmitMaxu(Instruction i) => Call(i);

    private void EmitMin(Instruction i) => Call(i);

    private void EmitMinu(Instruction i) => Call(i);

    private void EmitSextB(Instruction i) => Extend(i, OpCodes.Conv_I1);

    private void EmitSextH(Instruction i) => Extend(i, OpCodes.Conv_I2);

    private void EmitZextH(Instruction i) => Extend(i, OpCodes.Conv_U2);

    private void EmitRol(Instruction i) => Rotate(i, isRight: false);

    private void EmitRolw(Instruction i) => RotateNarrow(i, OpCodes.Shl, OpCodes.Shr_Un);

    private void EmitRor(Instruction i) => Rotate(i, isRight: true);

    private void EmitRori(Instruction i) => CallImmediate(i);

    private void EmitRoriw(Instruction i) => RotateNarrowRight(i, (int)i.Immediate);

    private void EmitRorw(Instruction i) => RotateNarrow(i, OpCodes.Shr_Un, OpCodes.Shl);

    private void EmitOrcB(Instruction i) => CallUnary(i);

    private void EmitRev8(Instruction i)
    {
        CallUnary(i);
        // With a shift (Idioms).
        if (i.Immediate == 0 || i.Rd == 0)
            return;

        Wide(i.Rd);
        Int((int)Math.Abs(i.Immediate));
        Op(i.Immediate < 0 ? OpCodes.Shr : OpCodes.Shr_Un);
        SetWide(i.Rd);
    }

    private static readonly System.Reflection.MethodInfo RotateRightDoubleWord =
        ((Func<ulong, int, ulong>)System.Numerics.BitOperations.RotateRight).Method;

    private static readonly System.Reflection.MethodInfo RotateRightWord =
        ((Func<uint, int, uint>)System.Numerics.BitOperations.RotateRight).Method;

    private bool IsConstant(int register) => (_constants >> register & 1) != 0;

    /// <summary>rd = rs1 rotated by rs2.</summary>
    private void Rotate(Instruction i, bool isRight)
    {
        if (!IsConstant(i.Rs2))
        {
            Call(i);
            return;
        }

        int amount = _region.Constants.Value(i.Rs2);
        Wide(i.Rs1);
        Int((isRight ? amount : -amount) & 63);
        Op(OpCodes.Call, RotateRightDoubleWord);
        SetWide(i.Rd);
    }

    /// <summary>rd = the low word of rs1 rotated by a constant.</summary>
    private void RotateNarrowRight(Instruction i, int amount)
    {
        Narrow(i.Rs1);
        Int(amount);
        Op(OpCodes.Call, RotateRightWord);
        SetNarrow(i.Rd);
    }

    /// <summary>rd = the low word of rs1 rotated by rs2, from two shifts (see OutOfLine): one way by n, the other by -n mod 32.</summary>
    private void RotateNarrow(Instruction i, OpCode shift, OpCode back)
    {
        if (IsConstant(i.Rs2))
        {
            int amount = _region.Constants.Value(i.Rs2);
            RotateNarrowRight(i, shift == OpCodes.Shl ? -amount & 31 : amount & 31);
            return;
        }

        if (!OutOfLine.HasFreeShifts)
        {
            CallOutOfLine(i);
            return;
        }

        Narrow(i.Rs1);
        Narrow(i.Rs2);
        Int(31);
        Op(OpCodes.And);
        Op(shift);
        Narrow(i.Rs1);
        Narrow(i.Rs2);
        Op(OpCodes.Neg);
        Int(31);
        Op(OpCodes.And);
        Op(back);
        Op(OpCodes.Or);
        SetNarrow(i.Rd);
    }

    /// <summary>rd = rs1 op not rs2.</summary>
    private void BitwiseNot(Instruction i, OpCode code)
    {
        bool isNarrow = IsNarrow(i.Rs1) && IsNarrow(i.Rs2);
        if (isNarrow)
        {
            Narrow(i.Rs1);
            Narrow(i.Rs2);
        }
        else
        {
            Wide(i.Rs1);
            Wide(i.Rs2);
        }

        Op(OpCodes.Not);
        Op(code);
        if (isNarrow)
            SetNarrow(i.Rd);
        else
            SetWide(i.Rd);
    }

    /// <summary>rd = the low bits of rs1, extended.</summary>
    private void Extend(Instruction i, OpCode conversion)
    {
        Narrow(i.Rs1);
        Op(conversion);
        SetNarrow(i.Rd);
    }
}
