namespace Optimistic.Vm.Jit.X64;

/// <summary>Zba: address generation, in the order of the table.</summary>
internal sealed partial class HostEmitter
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
        Host host = Target(i.Rd);
        _code.Move(w: false, host, Source(i.Rs1, w: false));
        if (i.Immediate != 0)
            _code.Shift(ShiftKind.Shl, w: true, host, (int)i.Immediate);
        Set(i, host, Upper.Right);
    }

    private void AddShifted(Instruction i, int shift, bool isWord)
    {
        bool w = IsWanted(i);
        Host index;
        if (!isWord)
        {
            index = Read(i.Rs1, w, Host.Rax);
        }
        else if (IsMapped(i.Rs1) && Widths.Has(_zeroUpper, i.Rs1))
        {
            index = _map[i.Rs1];
        }
        else
        {
            _code.Move(w: false, Host.Rax, Source(i.Rs1, w: false));
            index = Host.Rax;
        }

        Host host = Target(i.Rd);
        if (i.Rs2 == 0)
        {
            if (index != host)
                _code.Move(w, host, index);
            if (shift != 0)
                _code.Shift(ShiftKind.Shl, w, host, shift);
        }
        else
        {
            // Making all of rs2 may cut the index short that it is, too.
            Host addend = Read(i.Rs2, w, Host.Rdx);
            if (isWord && i.Rs1 == i.Rs2 && index != Host.Rax)
            {
                _code.Move(w: false, Host.Rax, index);
                index = Host.Rax;
            }

            _code.Lea(w, host, Operand.At(addend, index, scale: shift));
        }

        Set(i, host, w ? Upper.Right : Upper.Cut);
    }
}
