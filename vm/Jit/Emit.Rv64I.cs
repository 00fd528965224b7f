using System.Reflection.Emit;

namespace Optimistic.Vm.Jit;

/// <summary>RV64I: the base instructions, in the order of the table. FENCE and FENCE.I do nothing; ECALL and EBREAK are interpreted.</summary>
internal sealed partial class RegionEmitter
{
    private void EmitLui(Instruction i)
    {
        Int((int)i.Immediate);
        SetNarrow(i.Rd);
    }

    private void EmitAuipc(Instruction i)
    {
        Constant((long)_block.Pcs[_index] + i.Immediate);
        SetWide(i.Rd);
    }

    /// <summary>Links; the block goes on to the target.</summary>
    private void EmitJal(Instruction i) => Link(i);

    /// <summary>Sets the pc and links; the target is read first (rd may be rs1).</summary>
    private void EmitJalr(Instruction i)
    {
        Wide(i.Rs1);
        Constant(i.Immediate);
        Op(OpCodes.Add);
        Constant(-2);
        Op(OpCodes.And);
        Store(_pc);
        Link(i);
    }

    /// <summary>Branches to <paramref name="target"/> or goes on behind: BEQ, BNE, BLT, BGE, BLTU, BGEU.</summary>
    private void EmitBranch(Instruction i, Label target)
    {
        // Sign extension keeps both orders.
        if (IsNarrow(i.Rs1) && IsNarrow(i.Rs2))
        {
            Narrow(i.Rs1);
            Narrow(i.Rs2);
        }
        else
        {
            Wide(i.Rs1);
            Wide(i.Rs2);
        }

        Op(i.Operation switch
        {
            Operation.Beq => OpCodes.Beq,
            Operation.Bne => OpCodes.Bne_Un,
            Operation.Blt => OpCodes.Blt,
            Operation.Bge => OpCodes.Bge,
            Operation.Bltu => OpCodes.Blt_Un,
            _ => OpCodes.Bge_Un,
        }, target);
    }

    private void EmitLb(Instruction i) => LoadNarrow(i, OpCodes.Ldind_I1);

    private void EmitLh(Instruction i) => LoadNarrow(i, OpCodes.Ldind_I2);

    private void EmitLw(Instruction i) => LoadNarrow(i, OpCodes.Ldind_I4);

    private void EmitLd(Instruction i)
    {
        if (i.Rd == 0)
            return;

        DataAddress(i);
        _il.Emit(OpCodes.Unaligned, (byte)1);
        Op(OpCodes.Ldind_I8);
        SetWide(i.Rd);
    }

    private void EmitLbu(Instruction i) => LoadNarrow(i, OpCodes.Ldind_U1);

    private void EmitLhu(Instruction i) => LoadNarrow(i, OpCodes.Ldind_U2);

    private void EmitLwu(Instruction i)
    {
        if (i.Rd == 0)
            return;

        DataAddress(i);
        _il.Emit(OpCodes.Unaligned, (byte)1);
        Op(OpCodes.Ldind_U4);
        Op(OpCodes.Conv_U8);
        SetWide(i.Rd);
    }

    private void EmitSb(Instruction i) => StoreNarrow(i, OpCodes.Stind_I1);

    private void EmitSh(Instruction i) => StoreNarrow(i, OpCodes.Stind_I2);

    private void EmitSw(Instruction i) => StoreNarrow(i, OpCodes.Stind_I4);

    private void EmitSd(Instruction i)
    {
        MarkDirty(i);
        DataAddress(i);
        Wide(i.Rs2);
        _il.Emit(OpCodes.Unaligned, (byte)1);
        Op(OpCodes.Stind_I8);
    }

    private void EmitAddi(Instruction i)
    {
        if (i.Rs1 == 0)
        {
            Int((int)i.Immediate);
            SetNarrow(i.Rd);
        }
        else if (i.Immediate == 0)
        {
            Move(i);
        }
        else
        {
            BinaryImmediate(i, OpCodes.Add);
        }
    }

    private void EmitSlti(Instruction i) => CompareImmediate(i, OpCodes.Clt);

    private void EmitSltiu(Instruction i) => CompareImmediate(i, OpCodes.Clt_Un);

    private void EmitXori(Instruction i) => BitwiseImmediate(i, OpCodes.Xor);

    private void EmitOri(Instruction i) => BitwiseImmediate(i, OpCodes.Or);

    private void EmitAndi(Instruction i)
    {
        // A mask that is not negative leaves nothing of the upper half.
        if (i.Immediate >= 0)
            BinaryNarrowImmediate(i, OpCodes.And);
        else
            BitwiseImmediate(i, OpCodes.And);
    }

    private void EmitSlli(Instruction i) => ShiftImmediate(i, OpCodes.Shl);

    private void EmitSrli(Instruction i) => ShiftImmediate(i, OpCodes.Shr_Un);

    private void EmitSrai(Instruction i)
    {
        if (IsNarrow(i.Rs1) && i.Immediate < 32)
            BinaryNarrowImmediate(i, OpCodes.Shr);
        else
            ShiftImmediate(i, OpCodes.Shr);
    }

    private void EmitAddiw(Instruction i)
    {
        if (i.Immediate == 0)
        {
            Narrow(i.Rs1);
            SetNarrow(i.Rd);
        }
        else
        {
            BinaryNarrowImmediate(i, OpCodes.Add);
        }
    }

    private void EmitSlliw(Instruction i) => BinaryNarrowImmediate(i, OpCodes.Shl);

    private void EmitSrliw(Instruction i) => BinaryNarrowImmediate(i, OpCodes.Shr_Un);

    private void EmitSraiw(Instruction i) => BinaryNarrowImmediate(i, OpCodes.Shr);

    private void EmitAdd(Instruction i)
    {
        if (i.Rs1 == 0)
            Move(new Instruction(Operation.Addi, i.Rd, i.Rs2));
        else if (i.Rs2 == 0)
            Move(i);
        else
            Binary(i, OpCodes.Add);
    }

    private void EmitSub(Instruction i) => Binary(i, OpCodes.Sub);

    private void EmitSll(Instruction i) => Shift(i, OpCodes.Shl);

    private void EmitSlt(Instruction i) => Compare(i, OpCodes.Clt);

    private void EmitSltu(Instruction i) => Compare(i, OpCodes.Clt_Un);

    private void EmitXor(Instruction i) => Bitwise(i, OpCodes.Xor);

    private void EmitSrl(Instruction i) => Shift(i, OpCodes.Shr_Un);

    private void EmitSra(Instruction i) => Shift(i, OpCodes.Shr);

    private void EmitOr(Instruction i) => Bitwise(i, OpCodes.Or);

    private void EmitAnd(Instruction i) => Bitwise(i, OpCodes.And);

    private void EmitAddw(Instruction i) => BinaryNarrow(i, OpCodes.Add);

    private void EmitSubw(Instruction i) => BinaryNarrow(i, OpCodes.Sub);

    private void EmitSllw(Instruction i) => ShiftNarrow(i, OpCodes.Shl);

    private void EmitSrlw(Instruction i) => ShiftNarrow(i, OpCodes.Shr_Un);

    private void EmitSraw(Instruction i) => ShiftNarrow(i, OpCodes.Shr);

    private void Link(Instruction i)
    {
        if (i.Rd == 0)
            return;

        Constant((long)_block.Next);
        SetWide(i.Rd);
    }

    private void Move(Instruction i)
    {
        if (IsNarrow(i.Rs1))
        {
            Narrow(i.Rs1);
            SetNarrow(i.Rd);
        }
        else
        {
            Wide(i.Rs1);
            SetWide(i.Rd);
        }
    }

    private void CompareImmediate(Instruction i, OpCode code)
    {
        Wide(i.Rs1);
        Constant(i.Immediate);
        Op(code);
        SetNarrow(i.Rd);
    }

    // Memory

    internal const int StackPointer = 2;

    // Offsets have 12 bits: addresses that begin with a stack pointer in this range have no more than 32.
    private const long LeastStackPointer = 0x1000, StackPointers = 0xFFFF_E000;

    // Fewer accesses are not worth a check at each change.
    private const int MinStackAccesses = 4;

    private static bool HasStack(Region region)
    {
        IEnumerable<Instruction> instructions = region.Blocks.SelectMany(block => block.Instructions);
        return instructions.Count(i => i.Rs1 == StackPointer && i.Operation is >= Operation.Lb and <= Operation.Sd) >= MinStackAccesses &&
            !instructions.Any(i => i.Rd == StackPointer && i.Operation is Operation.Jal or Operation.Jalr);
    }

    /// <summary>Leaves behind an instruction that set the stack pointer out of its range.</summary>
    private void CheckStack(Instruction i)
    {
        Label stub = NewLabel();
        CheckStack(stub);
        ulong pc = _block.Pcs[_index] + i.Length;
        int pending = _block.PendingSteps + _index + 1;
        _stubs.Add(() => LeaveAt(stub, pc, pending));
    }

    private void CheckStack(Label otherwise)
    {
        Load(_wide[StackPointer]!);
        Constant(-LeastStackPointer);
        Op(OpCodes.Add);
        Constant(StackPointers);
        Op(OpCodes.Bge_Un, otherwise);
    }

    /// <summary>Pushes the 32-bit address at a register plus an offset, in 64 bits.</summary>
    private void Address(int register, long offset)
    {
        if (register == StackPointer && _hasStack)
        {
            Wide(register);
            if (offset != 0)
            {
                Constant(offset);
                Op(OpCodes.Add);
            }

            return;
        }

        Narrow(register);
        if (offset != 0)
        {
            Int((int)offset);
            Op(OpCodes.Add);
        }

        Op(OpCodes.Conv_U8);
    }

    /// <summary>
    /// Marks the blocks that the stores of the group that begins here start in. What ends in the block behind, memory finds itself.
    /// </summary>
    private void MarkDirty(Instruction i)
    {
        if (_groups[_index] is not { } group)
            return;

        Mark(i.Rs1, group.First);
        if (group.Last != group.First)
            Mark(i.Rs1, group.Last);
    }

    /// <summary>Marks the block of the byte at a register plus an offset dirty.</summary>
    private void Mark(int register, long offset)
    {
        Address(register, offset);
        Int(GuestMemory.BlockShift);
        Op(OpCodes.Shr_Un);
        Argument(DataArgument);
        Op(OpCodes.Add);
        Int(GuestMemory.DirtyOffset);
        Op(OpCodes.Add);
        Int(1);
        Op(OpCodes.Stind_I1);
    }

    /// <summary>Pushes where the byte at rs1 + immediate is.</summary>
    private void DataAddress(Instruction i)
    {
        Argument(DataArgument);
        Address(i.Rs1, i.Immediate);
        Op(OpCodes.Add);
    }

    /// <summary>A load whose value is the sign extension of 32 bits.</summary>
    private void LoadNarrow(Instruction i, OpCode load)
    {
        if (i.Rd == 0)
            return;

        DataAddress(i);
        _il.Emit(OpCodes.Unaligned, (byte)1);
        Op(load);
        SetNarrow(i.Rd);
    }

    private void StoreNarrow(Instruction i, OpCode store)
    {
        MarkDirty(i);
        DataAddress(i);
        Narrow(i.Rs2);
        _il.Emit(OpCodes.Unaligned, (byte)1);
        Op(store);
    }
}
