using System.Runtime.InteropServices;

namespace Optimistic.Vm.Jit.X64;

/// <summary>
/// A: LR, SC and AMO, in the order of the table (spec 1.7). A machine has one thread, so plain loads and stores do. Before a
/// misaligned one the region is left, for the interpreter, which faults.
/// </summary>
internal sealed partial class HostEmitter
{
    private static readonly int ReservationOffset = (int)Marshal.OffsetOf<ControlWord>(nameof(ControlWord.Reservation));

    private void EmitLrW(Instruction i) => LoadReserved(i, w: false);

    private void EmitScW(Instruction i) => StoreConditional(i, w: false);

    private void EmitAmoswapW(Instruction i) => Swap(i, w: false);

    private void EmitAmoaddW(Instruction i) => Fetch(i, w: false, Alu.Add);

    private void EmitAmoxorW(Instruction i) => Fetch(i, w: false, Alu.Xor);

    private void EmitAmoandW(Instruction i) => Fetch(i, w: false, Alu.And);

    private void EmitAmoorW(Instruction i) => Fetch(i, w: false, Alu.Or);

    private void EmitAmominW(Instruction i) => FetchAndChoose(i, w: false, Condition.Greater);

    private void EmitAmomaxW(Instruction i) => FetchAndChoose(i, w: false, Condition.Less);

    private void EmitAmominuW(Instruction i) => FetchAndChoose(i, w: false, Condition.Above);

    private void EmitAmomaxuW(Instruction i) => FetchAndChoose(i, w: false, Condition.Below);

    private void EmitLrD(Instruction i) => LoadReserved(i, w: true);

    private void EmitScD(Instruction i) => StoreConditional(i, w: true);

    private void EmitAmoswapD(Instruction i) => Swap(i, w: true);

    private void EmitAmoaddD(Instruction i) => Fetch(i, w: true, Alu.Add);

    private void EmitAmoxorD(Instruction i) => Fetch(i, w: true, Alu.Xor);

    private void EmitAmoandD(Instruction i) => Fetch(i, w: true, Alu.And);

    private void EmitAmoorD(Instruction i) => Fetch(i, w: true, Alu.Or);

    private void EmitAmominD(Instruction i) => FetchAndChoose(i, w: true, Condition.Greater);

    private void EmitAmomaxD(Instruction i) => FetchAndChoose(i, w: true, Condition.Less);

    private void EmitAmominuD(Instruction i) => FetchAndChoose(i, w: true, Condition.Above);

    private void EmitAmomaxuD(Instruction i) => FetchAndChoose(i, w: true, Condition.Below);

    private void LoadReserved(Instruction i, bool w)
    {
        CheckAlignment(i, w);
        Reserve(i);
        _code.Store(w: true, Operand.At(Host.Rdx, ReservationOffset), Host.Rax);
        LoadOld(w, Address(i));
        Set(i, Host.Rax, Upper.Right);
    }

    private void StoreConditional(Instruction i, bool w)
    {
        CheckAlignment(i, w);
        // Here, as what follows is not always executed.
        Operand value = Source(i.Rs2, w);
        CodeLabel stub = _code.NewLabel(), back = _code.NewLabel();
        Reserve(i);
        _code.Do(Alu.Cmp, w: true, Host.Rax, Operand.At(Host.Rdx, ReservationOffset));
        // Flags stay.
        _code.Store(w: true, Operand.At(Host.Rdx, ReservationOffset), 0);
        _code.JumpIf(Condition.NotEqual, stub);
        Mark(i.Rs1, 0);
        Operand at = Address(i);
        if (value.IsMemory)
            _code.Move(w, Host.Rdx, value);
        _code.Store(w, at, value.IsMemory ? Host.Rdx : value.Base);
        _code.MoveConstant(Host.Rax, 0);
        _code.Mark(back);
        Set(i, Host.Rax, Upper.Zero);
        _stubs.Add(() =>
        {
            _code.Mark(stub);
            _code.MoveConstant(Host.Rax, 1);
            _code.Jump(back);
        });
    }

    private void Swap(Instruction i, bool w) => Update(i, w, (_, _) => { });

    /// <summary>rd = what was there, which becomes rs2 op that.</summary>
    private void Fetch(Instruction i, bool w, Alu operation) => Update(i, w, (to, at) => _code.Do(operation, w, to, at));

    /// <summary>rd = what was there, which becomes rs2 if it is on that side of it.</summary>
    private void FetchAndChoose(Instruction i, bool w, Condition condition) => Update(i, w, (to, at) =>
    {
        // The other way round: rs2 becomes what is there unless it takes its place.
        _code.Do(Alu.Cmp, w, to, at);
        _code.MoveIf(w, condition, to, at);
    });

    /// <summary>rd = what was there, and there is what <paramref name="change"/> makes of rs2 and it.</summary>
    private void Update(Instruction i, bool w, Action<Host, Operand> change)
    {
        CheckAlignment(i, w);
        Operand value = Source(i.Rs2, w);
        Mark(i.Rs1, 0);
        if (IsMapped(i.Rs1))
        {
            Operand at = Address(i);
            _code.Move(w, Host.Rdx, value);
            change(Host.Rdx, at);
            if (i.Rd != 0)
                LoadOld(w, at);
            _code.Store(w, at, Host.Rdx);
        }
        else
        {
            // Of two free registers one has the address. This exchange is a slow one.
            Operand at = Operand.InSegment32(Read(i.Rs1, w: false, Host.Rdx), 0);
            _code.Move(w, Host.Rax, value);
            change(Host.Rax, at);
            _code.Exchange(w, at, Host.Rax);
            if (!w)
                _code.MoveSignExtended32(Host.Rax, Host.Rax);
        }

        if (i.Rd != 0)
            Set(i, Host.Rax, Upper.Right);
    }

    /// <summary>Leaves before a misaligned address, as if the steps from here on had not been charged.</summary>
    private void CheckAlignment(Instruction i, bool w)
    {
        CodeLabel stub = _code.NewLabel();
        _code.TestLow(Read(i.Rs1, w: false, Host.Rax), (sbyte)(w ? 7 : 3));
        _code.JumpIf(Condition.NotEqual, stub);
        // Not to an entry, which may be this.
        LeaveLater(stub, _block.Pcs[_index], _block.Charge - _index, isOut: true);
    }

    /// <summary>RAX = what a reservation of the address is, RDX = the machine's head.</summary>
    private void Reserve(Instruction i)
    {
        Offset(Host.Rax, i.Rs1, 0);
        _code.Do(Alu.Or, w: false, Host.Rax, 1);
        _code.Move(w: true, Host.Rdx, HostText.Head);
    }

    /// <summary>RAX = what is there.</summary>
    private void LoadOld(bool w, Operand at)
    {
        if (w)
            _code.Move(w: true, Host.Rax, at);
        else
            _code.MoveSignExtended32(Host.Rax, at);
    }
}
