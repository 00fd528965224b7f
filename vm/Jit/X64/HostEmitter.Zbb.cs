namespace Optimistic.Vm.Jit.X64;

/// <summary>Zbb: basic bit manipulation, in the order of the table.</summary>
internal sealed partial class HostEmitter
{
    private void EmitAndn(Instruction i)
    {
        bool w = IsWanted(i) && !(IsNarrow(i.Rs1) && IsNarrow(i.Rs2));
        Operand left = Source(i.Rs1, w);
        Host right = Read(i.Rs2, w, Host.Rdx), host = Target(i.Rd);
        _code.AndNot(w, host, right, left);
        Set(i, host, w ? Upper.Right : Upper.Cut);
    }

    private void EmitOrn(Instruction i)
    {
        bool w = IsWanted(i) && !(IsNarrow(i.Rs1) && IsNarrow(i.Rs2));
        Operand left = Source(i.Rs1, w);
        _code.Move(w, Host.Rax, Source(i.Rs2, w));
        _code.Not(w, Host.Rax);
        _code.Do(Alu.Or, w, Host.Rax, left);
        Set(i, Host.Rax, w ? Upper.Right : Upper.Cut);
    }

    private void EmitXnor(Instruction i)
    {
        bool w = IsWanted(i) && !(IsNarrow(i.Rs1) && IsNarrow(i.Rs2));
        Operand left = Source(i.Rs1, w);
        _code.Move(w, Host.Rax, Source(i.Rs2, w));
        _code.Do(Alu.Xor, w, Host.Rax, left);
        _code.Not(w, Host.Rax);
        Set(i, Host.Rax, w ? Upper.Right : Upper.Cut);
    }

    private void EmitClz(Instruction i) => Count(i, w: true, (w, to, from) => _code.CountLeadingZeros(w, to, from));

    private void EmitClzw(Instruction i) => Count(i, w: false, (w, to, from) => _code.CountLeadingZeros(w, to, from));

    private void EmitCtz(Instruction i) => Count(i, w: true, (w, to, from) => _code.CountTrailingZeros(w, to, from));

    private void EmitCtzw(Instruction i) => Count(i, w: false, (w, to, from) => _code.CountTrailingZeros(w, to, from));

    private void EmitCpop(Instruction i) => Count(i, w: true, (w, to, from) => _code.CountOnes(w, to, from));

    private void EmitCpopw(Instruction i) => Count(i, w: false, (w, to, from) => _code.CountOnes(w, to, from));

    private void EmitMax(Instruction i) => Choose(i, Condition.Less);

    private void EmitMaxu(Instruction i) => Choose(i, Condition.Below);

    private void EmitMin(Instruction i) => Choose(i, Condition.Greater);

    private void EmitMinu(Instruction i) => Choose(i, Condition.Above);

    private void EmitSextB(Instruction i) => Extend(i, Source(i.Rs1, w: false), _code.MoveSignExtended8, Upper.Right);

    private void EmitSextH(Instruction i) => Extend(i, Source(i.Rs1, w: false), _code.MoveSignExtended16, Upper.Right);

    private void EmitZextH(Instruction i) => Extend(i, Source(i.Rs1, w: false), _code.MoveZeroExtended16, Upper.Zero);

    private void EmitRol(Instruction i) => Rotate(i, w: true, isRight: false);

    private void EmitRolw(Instruction i) => Rotate(i, w: false, isRight: false);

    private void EmitRor(Instruction i) => Rotate(i, w: true, isRight: true);

    private void EmitRori(Instruction i) => RotateRight(i, w: true, (int)i.Immediate);

    private void EmitRoriw(Instruction i) => RotateRight(i, w: false, (int)i.Immediate);

    private void EmitRorw(Instruction i) => Rotate(i, w: false, isRight: true);

    private void EmitOrcB(Instruction i)
    {
        // The low bit of each byte: whether any of its bits is set. No sum below carries out of its byte.
        const long Low7 = 0x7f7f7f7f7f7f7f7f, Low1 = 0x0101010101010101;
        Operand source = Source(i.Rs1, w: true);
        _code.MoveConstant(Host.Rax, Low7);
        _code.Move(w: true, Host.Rdx, source);
        _code.Do(Alu.And, w: true, Host.Rdx, Host.Rax);
        _code.Do(Alu.Add, w: true, Host.Rdx, Host.Rax);
        _code.Do(Alu.Or, w: true, Host.Rdx, source);
        _code.Shift(ShiftKind.Shr, w: true, Host.Rdx, 7);
        _code.MoveConstant(Host.Rax, Low1);
        _code.Do(Alu.And, w: true, Host.Rdx, Host.Rax);
        _code.Move(w: true, Host.Rax, Host.Rdx);
        _code.Shift(ShiftKind.Shl, w: true, Host.Rax, 8);
        _code.Do(Alu.Sub, w: true, Host.Rax, Host.Rdx);
        Set(i, Host.Rax, Upper.Right);
    }

    private void EmitRev8(Instruction i)
    {
        if (i.Immediate != 0)
        {
            ReverseWord(i, (int)Math.Abs(i.Immediate) - 32, i.Immediate < 0);
            return;
        }

        Operand source = Source(i.Rs1, w: true);
        Host host = Target(i.Rd);
        if (!source.Is(host))
            _code.Move(w: true, host, source);
        _code.ReverseBytes(w: true, host);
        Set(i, host, Upper.Right);
    }

    /// <summary>rd = the low word with its bytes in reverse, shifted right.</summary>
    private void ReverseWord(Instruction i, int shift, bool isSigned)
    {
        Operand source = Source(i.Rs1, w: false);
        Host host = Target(i.Rd);
        if (!source.Is(host))
            _code.Move(w: false, host, source);
        _code.ReverseBytes(w: false, host);
        if (shift != 0)
            _code.Shift(isSigned ? ShiftKind.Sar : ShiftKind.Shr, w: false, host, shift);
        Set(i, host, isSigned ? Upper.Cut : Upper.Zero);
    }

    private void Count(Instruction i, bool w, Action<bool, Host, Operand> count)
    {
        Operand source = Source(i.Rs1, w);
        Host host = Target(i.Rd);
        count(w, host, source);
        Set(i, host, Upper.Zero);
    }

    /// <summary>rd = rs1, or rs2 if rs1 is on that side of it.</summary>
    private void Choose(Instruction i, Condition condition)
    {
        bool w = !(IsNarrow(i.Rs1) && IsNarrow(i.Rs2));
        Operand left = Source(i.Rs1, w), right = Source(i.Rs2, w);
        _code.Move(w, Host.Rax, left);
        _code.Do(Alu.Cmp, w, Host.Rax, right);
        _code.MoveIf(w, condition, Host.Rax, right);
        Set(i, Host.Rax, w ? Upper.Right : Upper.Cut);
    }

    private bool IsConstant(int register) => (_constants >> register & 1) != 0;

    /// <summary>rd = rs1 rotated by rs2: one way by n, the other by -n.</summary>
    private void Rotate(Instruction i, bool w, bool isRight)
    {
        if (IsConstant(i.Rs2))
        {
            int amount = _region.Constants.Value(i.Rs2);
            RotateRight(i, w, (isRight ? amount : -amount) & (w ? 63 : 31));
            return;
        }

        Operand source = Source(i.Rs1, w);
        _code.Move(w: false, Host.Rdx, Source(i.Rs2, w: false));
        _code.Negate(w: false, Host.Rdx);
        _code.Shift(isRight ? ShiftKind.Shl : ShiftKind.Shr, w, Host.Rdx, source, Host.Rdx);
        _code.Shift(isRight ? ShiftKind.Shr : ShiftKind.Shl, w, Host.Rax, source, Read(i.Rs2, w: false, Host.Rax));
        _code.Do(Alu.Or, w, Host.Rax, Host.Rdx);
        Set(i, Host.Rax, w ? Upper.Right : Upper.Cut);
    }

    private void RotateRight(Instruction i, bool w, int amount)
    {
        Operand source = Source(i.Rs1, w);
        Host host = Target(i.Rd);
        _code.RotateRight(w, host, source, amount);
        Set(i, host, w ? Upper.Right : Upper.Cut);
    }
}
