namespace Optimistic.Vm.Jit.X64;

/// <summary>M: multiplication and division, in the order of the table.</summary>
internal sealed partial class HostEmitter
{
    private void EmitMul(Instruction i)
    {
        if (Idioms.IsProduct(i, Next))
        {
            Product(i, Next);
            return;
        }

        bool w = IsWanted(i);
        Commutative(i, w, (to, from) => _code.Multiply(w, to, from), w ? Upper.Right : Upper.Cut);
    }

    private void EmitMulh(Instruction i) => MultiplyHigh(i, isSigned: true);

    private void EmitMulhsu(Instruction i)
    {
        // rs1 is signed: as unsigned it is 2^64 too large when negative.
        Operand left = Source(i.Rs1, w: true), right = Source(i.Rs2, w: true);
        _code.Move(w: true, Host.Rax, left);
        _code.MultiplyWide(right, isSigned: false);
        _code.Move(w: true, Host.Rax, left);
        _code.Shift(ShiftKind.Sar, w: true, Host.Rax, 63);
        _code.Do(Alu.And, w: true, Host.Rax, right);
        _code.Do(Alu.Sub, w: true, Host.Rdx, Host.Rax);
        Set(i, Host.Rdx, Upper.Right);
    }

    private void EmitMulhu(Instruction i) => MultiplyHigh(i, isSigned: false);

    private void EmitDiv(Instruction i) => Divide(i, w: true, isSigned: true, isRemainder: false);

    private void EmitDivu(Instruction i) => Divide(i, w: true, isSigned: false, isRemainder: false);

    private void EmitRem(Instruction i) => Divide(i, w: true, isSigned: true, isRemainder: true);

    private void EmitRemu(Instruction i) => Divide(i, w: true, isSigned: false, isRemainder: true);

    private void EmitMulw(Instruction i) => Commutative(i, w: false, (to, from) => _code.Multiply(w: false, to, from), Upper.Cut);

    private void EmitDivw(Instruction i) => Divide(i, w: false, isSigned: true, isRemainder: false);

    private void EmitDivuw(Instruction i) => Divide(i, w: false, isSigned: false, isRemainder: false);

    private void EmitRemw(Instruction i) => Divide(i, w: false, isSigned: true, isRemainder: true);

    private void EmitRemuw(Instruction i) => Divide(i, w: false, isSigned: false, isRemainder: true);

    private void MultiplyHigh(Instruction i, bool isSigned)
    {
        Operand left = Source(i.Rs1, w: true), right = Source(i.Rs2, w: true);
        if (Idioms.IsProduct(i, Next))
        {
            Product(i, Next);
        }
        else if (isSigned)
        {
            _code.Move(w: true, Host.Rax, left);
            _code.MultiplyWide(right, isSigned);
            Set(i, Host.Rdx, Upper.Right);
        }
        else
        {
            Host host = Target(i.Rd);
            _code.Move(w: true, Host.Rdx, left);
            _code.MultiplyWide(host, host, right);
            Set(i, host, Upper.Right);
        }
    }

    /// <summary>Both halves of a product.</summary>
    private void Product(Instruction i, Instruction next)
    {
        (Instruction low, Instruction high) = i.Operation == Operation.Mul ? (i, next) : (next, i);
        Operand left = Source(i.Rs1, w: true), right = Source(i.Rs2, w: true);
        Host lowHost = Host.Rax, highHost = Host.Rdx;
        if (high.Operation == Operation.Mulh)
        {
            _code.Move(w: true, Host.Rax, left);
            _code.MultiplyWide(right, isSigned: true);
        }
        else
        {
            (lowHost, highHost) = (Target(low.Rd), IsMapped(high.Rd) ? _map[high.Rd] : Host.Rdx);
            _code.Move(w: true, Host.Rdx, left);
            _code.MultiplyWide(highHost, lowHost, right);
        }

        Set(i, i == low ? lowHost : highHost, Upper.Right);
        Advance();
        Set(next, i == low ? highHost : lowHost, Upper.Right);
    }

    /// <summary>rd = rs1 op rs2; a divisor of 0, and of -1 where the quotient may overflow, goes apart.</summary>
    private void Divide(Instruction i, bool w, bool isSigned, bool isRemainder)
    {
        Operand left = Source(i.Rs1, w), right = Source(i.Rs2, w);
        CodeLabel stub = _code.NewLabel(), back = _code.NewLabel();
        if (isSigned)
        {
            // -1 and 0 become 0 and 1.
            _code.Move(w, Host.Rdx, right);
            _code.Do(Alu.Add, w, Host.Rdx, 1);
            _code.Do(Alu.Cmp, w, Host.Rdx, 1);
            _code.JumpIf(Condition.NotAbove, stub);
        }
        else
        {
            _code.Do(Alu.Cmp, w, right, 0);
            _code.JumpIf(Condition.Equal, stub);
        }

        _code.Move(w, Host.Rax, left);
        if (isSigned)
            _code.ExtendSignToRdx(w);
        else
            _code.MoveConstant(Host.Rdx, 0);
        _code.Divide(w, right, isSigned);
        Host result = isRemainder ? Host.Rdx : Host.Rax;
        _code.Mark(back);
        Set(i, result, w ? Upper.Right : Upper.Cut);
        _stubs.Add(() =>
        {
            // The divisor is 0 or -1 here: a mask (spec 1.5.5).
            _code.Mark(stub);
            _code.Move(w, Host.Rax, left);
            _code.Move(w, Host.Rdx, right);
            if (isRemainder)
            {
                _code.Not(w, Host.Rdx);
                _code.Do(Alu.And, w, Host.Rdx, Host.Rax);
            }
            else
            {
                _code.Negate(w, Host.Rax);
                _code.Do(Alu.And, w, Host.Rax, Host.Rdx);
                _code.Not(w, Host.Rdx);
                _code.Do(Alu.Or, w, Host.Rax, Host.Rdx);
            }

            _code.Jump(back);
        });
    }
}
