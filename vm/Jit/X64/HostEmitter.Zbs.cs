namespace Optimistic.Vm.Jit.X64;

/// <summary>Zbs: single bits, in the order of the table.</summary>
internal sealed partial class HostEmitter
{
    private void EmitBclr(Instruction i)
    {
        Bit(i);
        _code.AndNot(w: true, Host.Rax, Host.Rax, Source(i.Rs1, IsWanted(i)));
        Set(i, Host.Rax, IsWanted(i) ? Upper.Right : Upper.Any);
    }

    private void EmitBclri(Instruction i) => SetBit(i, 6);

    private void EmitBext(Instruction i)
    {
        Operand source = Source(i.Rs1, w: true);
        _code.Shift(ShiftKind.Shr, w: true, Host.Rax, source, Read(i.Rs2, w: false, Host.Rdx));
        _code.Do(Alu.And, w: false, Host.Rax, 1);
        Set(i, Host.Rax, Upper.Zero);
    }

    private void EmitBexti(Instruction i)
    {
        bool w = i.Immediate >= 32;
        Operand source = Source(i.Rs1, w);
        Host host = Target(i.Rd);
        if (!source.Is(host))
            _code.Move(w, host, source);
        if (i.Immediate != 0)
            _code.Shift(ShiftKind.Shr, w, host, (int)i.Immediate);
        _code.Do(Alu.And, w: false, host, 1);
        Set(i, host, Upper.Zero);
    }

    private void EmitBinv(Instruction i)
    {
        Bit(i);
        _code.Do(Alu.Xor, w: true, Host.Rax, Source(i.Rs1, IsWanted(i)));
        Set(i, Host.Rax, IsWanted(i) ? Upper.Right : Upper.Any);
    }

    private void EmitBinvi(Instruction i) => SetBit(i, 7);

    private void EmitBset(Instruction i)
    {
        Bit(i);
        _code.Do(Alu.Or, w: true, Host.Rax, Source(i.Rs1, IsWanted(i)));
        Set(i, Host.Rax, IsWanted(i) ? Upper.Right : Upper.Any);
    }

    private void EmitBseti(Instruction i) => SetBit(i, 5);

    /// <summary>RAX = 1 shifted by rs2.</summary>
    private void Bit(Instruction i)
    {
        Host index = Read(i.Rs2, w: false, Host.Rdx);
        _code.MoveConstant(Host.Rax, 1);
        _code.Shift(ShiftKind.Shl, w: true, Host.Rax, Host.Rax, index);
    }

    private void SetBit(Instruction i, int what)
    {
        bool w = !(i.Immediate < 31 && IsNarrow(i.Rs1)) && (IsWanted(i) || i.Immediate >= 32);
        Operand source = Source(i.Rs1, w && IsWanted(i));
        Host host = Target(i.Rd);
        if (!source.Is(host))
            _code.Move(w, host, source);
        _code.Bit(what, w, host, (int)i.Immediate);
        Set(i, host, !w ? Upper.Cut : IsWanted(i) ? Upper.Right : Upper.Any);
    }
}
