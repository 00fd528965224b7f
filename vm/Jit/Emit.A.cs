using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Optimistic.Vm.Jit;

/// <summary>
/// A: LR, SC and AMO, in the order of the table: the interpreter's methods, behind a check of the address that leaves a
/// misaligned one to the interpreter, which faults.
/// </summary>
internal sealed partial class RegionEmitter
{
    private void EmitLrW(Instruction i) => Atomic(i, 4);

    private void EmitScW(Instruction i) => Atomic(i, 4);

    private void EmitAmoswapW(Instruction i) => Atomic(i, 4);

    private void EmitAmoaddW(Instruction i) => Atomic(i, 4);

    private void EmitAmoxorW(Instruction i) => Atomic(i, 4);

    private void EmitAmoandW(Instruction i) => Atomic(i, 4);

    private void EmitAmoorW(Instruction i) => Atomic(i, 4);

    private void EmitAmominW(Instruction i) => Atomic(i, 4);

    private void EmitAmomaxW(Instruction i) => Atomic(i, 4);

    private void EmitAmominuW(Instruction i) => Atomic(i, 4);

    private void EmitAmomaxuW(Instruction i) => Atomic(i, 4);

    private void EmitLrD(Instruction i) => Atomic(i, 8);

    private void EmitScD(Instruction i) => Atomic(i, 8);

    private void EmitAmoswapD(Instruction i) => Atomic(i, 8);

    private void EmitAmoaddD(Instruction i) => Atomic(i, 8);

    private void EmitAmoxorD(Instruction i) => Atomic(i, 8);

    private void EmitAmoandD(Instruction i) => Atomic(i, 8);

    private void EmitAmoorD(Instruction i) => Atomic(i, 8);

    private void EmitAmominD(Instruction i) => Atomic(i, 8);

    private void EmitAmomaxD(Instruction i) => Atomic(i, 8);

    private void EmitAmominuD(Instruction i) => Atomic(i, 8);

    private void EmitAmomaxuD(Instruction i) => Atomic(i, 8);

    private void Atomic(Instruction i, int size)
    {
        Narrow(i.Rs1);
        Store(_address);
        Label stub = NewLabel();
        Load(_address);
        Int(size - 1);
        Op(OpCodes.And);
        Op(OpCodes.Brtrue, stub);
        ulong pc = _block.Pcs[_index];
        int pending = _block.PendingSteps + _index;
        _stubs.Add(() => LeaveAt(stub, pc, pending));

        _il.Emit(OpCodes.Ldloca, _atomics!);
        Load(_address);
        if (i.Operation is not (Operation.LrW or Operation.LrD))
            Wide(i.Rs2);
        Op(OpCodes.Call, Method(i.Operation).MakeGenericMethod(typeof(AtomicState)));
        SetWide(i.Rd);
    }
}

/// <summary>What the interpreter's atomic instructions need of a live machine, which outlives it.</summary>
/// <param name="head">Registers and control word.</param>
/// <param name="data">Byte 0 of memory.</param>
internal readonly unsafe struct AtomicState(MachineHead* head, byte* data) : IMachineState
{
    public MachineHead* Head => head;

    public void BeginStep()
    {
    }

    public Instruction Fetch(ulong pc) => throw new System.Diagnostics.UnreachableException("an atomic instruction fetches nothing");

    // In bounds: aligned 32-bit offsets, and the dirty table has a byte for the block of each.
    public T Load<T>(uint address) where T : unmanaged => Unsafe.ReadUnaligned<T>(data + address);

    public void Store<T>(uint address, T value) where T : unmanaged
    {
        Unsafe.WriteUnaligned(data + address, value);
        data[GuestMemory.DirtyOffset + (long)(address >> GuestMemory.BlockShift)] = 1;
    }

    public T AtomicLoad<T>(uint address) where T : unmanaged => Load<T>(address);

    public void AtomicStore<T>(uint address, T value) where T : unmanaged => Store(address, value);

    public void GuestWrite(ulong descriptor, ulong address, ulong length) =>
        throw new System.Diagnostics.UnreachableException("an atomic instruction writes nothing");
}
