namespace Optimistic.Vm.Jit.X64;

/// <summary>RV64I: the base instructions, in the order of the table. FENCE and FENCE.I do nothing; ECALL and EBREAK are interpreted.</summary>
internal sealed partial class HostEmitter
{
    private void EmitLui(Instruction i) => Constant(i, i.Immediate);

    private void EmitAuipc(Instruction i) => Constant(i, (long)_block.Pcs[_index] + i.Immediate);

    /// <summary>Links; the block goes on to the target.</summary>
    private void EmitJal(Instruction i)
    {
        if (i.Rd == 0)
            return;

        _index = _block.Instructions.Length - 1;
        Constant(i, (long)_block.Next);
    }

    /// <summary>Links, and goes where rs1 leads: to where it has gone before, or by tables.</summary>
    private void EmitJalr(Instruction i)
    {
        Widen(~(1u << i.Rd));
        IndirectSite site = _region.Site(_block);
        var targets = new List<Block>();
        foreach (ulong pc in site.Targets)
        {
            if (_region.Find(pc) is { IsEntry: true, Constants: 0 } block)
                targets.Insert(pc == site.Last ? 0 : targets.Count, block);
        }

        bool hasTable = targets.Count > MaxGuesses && _targets[^1].Pc - _targets[0].Pc < MaxTableSpan;
        // A target that is compared is even, so that nothing has to be done to it before.
        bool isPlain = i.Immediate == 0 && i.Rd == 0 && !hasTable;
        if (!isPlain)
            MakeTarget(i);
        EmitJal(i);
        if (targets.Count <= MaxGuesses)
        {
            Operand target = isPlain ? Source(i.Rs1, w: true) : Host.Rax;
            foreach (Block block in targets)
            {
                (RegisterMap map, uint narrow) = (_map, Widths.NarrowAfter(i, _block.Pcs[^1], _narrow));
                bool isDirect = map == _maps[block.Index] && Unknown(block, narrow) == 0;
                CodeLabel label = isDirect ? _labels[block.Index] : _code.NewLabel();
                _code.Do(Alu.Cmp, w: true, target, (int)block.Pc);
                _code.JumpIf(Condition.Equal, label);
                if (!isDirect)
                {
                    _stubs.Add(() =>
                    {
                        _code.Mark(label);
                        if (isPlain && Unknown(block, narrow) != 0)
                            _code.MoveConstant(Host.Rax, (long)block.Pc);
                        EmitTarget(map, block, narrow);
                    });
                }
            }
        }

        if (isPlain)
            MakeTarget(i);
        if (hasTable)
            JumpByTable();
        else
            _code.Jump(_map.Exits.Anywhere);
    }

    /// <summary>RAX = where a JALR leads.</summary>
    private void MakeTarget(Instruction i)
    {
        Operand source = Source(i.Rs1, w: true);
        if (source.IsMemory || i.Immediate == 0)
        {
            _code.Move(w: true, Host.Rax, source);
            if (i.Immediate != 0)
                _code.Do(Alu.Add, w: true, Host.Rax, (int)i.Immediate);
        }
        else
        {
            _code.Lea(w: true, Host.Rax, Operand.At(source.Base, (int)i.Immediate));
        }

        _code.Do(Alu.And, w: true, Host.Rax, -2);
    }

    private void JumpByTable()
    {
        (ulong first, ulong last) = (_targets[0].Pc, _targets[^1].Pc);
        _table ??= _code.NewLabel();
        _code.Do(Alu.Cmp, w: true, Host.Rax, (int)first);
        _code.JumpIf(Condition.Below, _map.Exits.Anywhere);
        _code.Do(Alu.Cmp, w: true, Host.Rax, (int)last);
        _code.JumpIf(Condition.Above, _map.Exits.Anywhere);
        Remap(_map, _base, 0);
        // In bounds: the pc is even, and between the table's first and last.
        _code.MoveAddress(Host.Rdx, _table.Value);
        _code.Jump(Operand.At(Host.Rdx, Host.Rax, -(int)(first * 4), scale: 2));
    }

    /// <summary>BEQ, BNE, BLT, BGE, BLTU, BGEU.</summary>
    private void EmitBranch(Instruction i, Block? following)
    {
        Block? target = _block.TargetBlock, next = _block.NextBlock;
        Widen((target is null ? 0 : _widths.Wanted(target)) | (next is null ? 0 : _widths.Wanted(next)));
        Condition condition = i.Operation switch
        {
            Operation.Beq => Condition.Equal,
            Operation.Bne => Condition.NotEqual,
            Operation.Blt => Condition.Less,
            Operation.Bge => Condition.NotLess,
            Operation.Bltu => Condition.Below,
            _ => Condition.NotBelow,
        };
        if (i.Rs2 != 0 || !IsInFlags(i.Rs1, condition))
            Compare(i.Rs1, i.Rs2);
        if (target is not null && target == following)
        {
            _code.JumpIf(condition ^ (Condition)1, TargetLabel(next, _block.Next));
            GoTo(target, _block.Target, following);
        }
        else
        {
            _code.JumpIf(condition, TargetLabel(target, _block.Target));
            GoTo(next, _block.Next, following);
        }
    }

    private void EmitLb(Instruction i) => Extend(i, Address(i), _code.MoveSignExtended8, Upper.Right);

    private void EmitLh(Instruction i) => Extend(i, Address(i), _code.MoveSignExtended16, Upper.Right);

    private void EmitLw(Instruction i)
    {
        Host host = Target(i.Rd);
        if (IsWanted(i) || !IsMapped(i.Rd))
        {
            _code.MoveSignExtended32(host, Address(i));
            Set(i, host, Upper.Right);
        }
        else
        {
            _code.Move(w: false, host, Address(i));
            Set(i, host, Upper.Cut);
        }
    }

    private void EmitLd(Instruction i)
    {
        Host host = Target(i.Rd);
        _code.Move(w: true, host, Address(i));
        Set(i, host, Upper.Right);
    }

    private void EmitLbu(Instruction i) => Extend(i, Address(i), _code.MoveZeroExtended8, Upper.Zero);

    private void EmitLhu(Instruction i) => Extend(i, Address(i), _code.MoveZeroExtended16, Upper.Zero);

    private void EmitLwu(Instruction i)
    {
        Host host = Target(i.Rd);
        _code.Move(w: false, host, Address(i));
        Set(i, host, Upper.Zero);
    }

    private void EmitSb(Instruction i)
    {
        MarkDirty(i);
        Operand at = Address(i);
        if (i.Rs2 == 0)
            _code.Store8(at, (sbyte)0);
        else
            _code.Store8(at, Read(i.Rs2, w: false, Host.Rdx));
    }

    private void EmitSh(Instruction i)
    {
        MarkDirty(i);
        Operand at = Address(i);
        _code.Store16(at, Read(i.Rs2, w: false, Host.Rdx));
    }

    private void EmitSw(Instruction i) => StoreWord(i, w: false);

    private void EmitSd(Instruction i) => StoreWord(i, w: true);

    private void EmitAddi(Instruction i)
    {
        if (i.Rs1 == 0)
            Constant(i, i.Immediate);
        else if (i.Immediate == 0)
            Copy(i, i.Rs1);
        else
            AddConstant(i, IsWanted(i), IsWanted(i) ? Upper.Right : Upper.Cut);
    }

    private void EmitSlti(Instruction i) => SetIfLess(i, Condition.Less);

    private void EmitSltiu(Instruction i) => SetIfLess(i, Condition.Below);

    private void EmitXori(Instruction i) => BitwiseImmediate(i, Alu.Xor);

    private void EmitOri(Instruction i) => BitwiseImmediate(i, Alu.Or);

    private void EmitAndi(Instruction i)
    {
        // A mask that is not negative leaves nothing of the upper half.
        if (i.Immediate >= 0)
            Immediate(i, Alu.And, w: false, Upper.Zero);
        else
            BitwiseImmediate(i, Alu.And);
    }

    private void EmitSlli(Instruction i)
    {
        bool isWanted = IsWanted(i), isFar = i.Immediate >= 32;
        ShiftImmediate(i, ShiftKind.Shl, w: isWanted || isFar, fromAll: isWanted && !isFar, isWanted ? Upper.Right : isFar ? Upper.Any : Upper.Cut);
    }

    private void EmitSrli(Instruction i) =>
        ShiftImmediate(i, ShiftKind.Shr, w: true, fromAll: true, i.Immediate >= 32 ? Upper.Zero : Upper.Right);

    private void EmitSrai(Instruction i)
    {
        bool w = !IsNarrow(i.Rs1) || i.Immediate >= 32;
        ShiftImmediate(i, ShiftKind.Sar, w, fromAll: w, w ? Upper.Right : Upper.Cut);
    }

    private void EmitAddiw(Instruction i)
    {
        Operand source = Source(i.Rs1, w: false);
        Host host = Target(i.Rd);
        if (i.Immediate != 0)
        {
            AddConstant(i, w: false, Upper.Cut);
        }
        else if (source.Is(host))
        {
            Set(i, host, Upper.Any);
        }
        else if (IsWanted(i) || source.IsMemory)
        {
            _code.MoveSignExtended32(host, source);
            Set(i, host, Upper.Right);
        }
        else
        {
            _code.Move(w: false, host, source);
            Set(i, host, Upper.Cut);
        }
    }

    private void EmitSlliw(Instruction i) => ShiftImmediate(i, ShiftKind.Shl, w: false, fromAll: false, Upper.Cut);

    private void EmitSrliw(Instruction i) => ShiftImmediate(i, ShiftKind.Shr, w: false, fromAll: false, i.Immediate > 0 ? Upper.Zero : Upper.Cut);

    private void EmitSraiw(Instruction i) => ShiftImmediate(i, ShiftKind.Sar, w: false, fromAll: false, Upper.Cut);

    private void EmitAdd(Instruction i)
    {
        bool w = IsWanted(i);
        Upper upper = w ? Upper.Right : Upper.Cut;
        if (i.Rs1 == 0 || i.Rs2 == 0)
        {
            Copy(i, i.Rs1 | i.Rs2);
        }
        else if (Idioms.IsCarry(i, Next))
        {
            AddInPlace(i, w: true, Upper.Right);
            SetIfCarried();
        }
        else
        {
            Add(i, w, upper);
        }
    }

    private void EmitSub(Instruction i)
    {
        bool isCarry = Idioms.IsCarry(i, Next);
        Subtract(i, isCarry || IsWanted(i));
        if (isCarry)
            SetIfCarried();
    }

    /// <summary>The next instruction, of the flags.</summary>
    private void SetIfCarried()
    {
        Advance();
        _code.SetIf(Condition.Below, Host.Rax);
        Host host = Target(_block.Instructions[_index].Rd);
        _code.MoveZeroExtended8(host, Host.Rax);
        Set(_block.Instructions[_index], host, Upper.Zero);
    }

    private void EmitSll(Instruction i)
    {
        bool w = IsWanted(i);
        Shift(i, ShiftKind.Shl, w: true, fromAll: w, w ? Upper.Right : Upper.Any);
    }

    private void EmitSlt(Instruction i) => SetIf(i, Condition.Less, () => Compare(i.Rs1, i.Rs2));

    private void EmitSltu(Instruction i) => SetIf(i, Condition.Below, () => Compare(i.Rs1, i.Rs2));

    private void EmitXor(Instruction i) => Bitwise(i, Alu.Xor);

    private void EmitSrl(Instruction i) => Shift(i, ShiftKind.Shr, w: true, fromAll: true, Upper.Right);

    private void EmitSra(Instruction i) => Shift(i, ShiftKind.Sar, w: true, fromAll: true, Upper.Right);

    private void EmitOr(Instruction i) => Bitwise(i, Alu.Or);

    private void EmitAnd(Instruction i) => Bitwise(i, Alu.And);

    private void EmitAddw(Instruction i) => Add(i, w: false, Upper.Cut);

    private void EmitSubw(Instruction i) => Subtract(i, w: false);

    private void EmitSllw(Instruction i) => Shift(i, ShiftKind.Shl, w: false, fromAll: false, Upper.Cut);

    private void EmitSrlw(Instruction i) => Shift(i, ShiftKind.Shr, w: false, fromAll: false, Upper.Cut);

    private void EmitSraw(Instruction i) => Shift(i, ShiftKind.Sar, w: false, fromAll: false, Upper.Cut);

    // Shapes

    /// <summary>Sets the flags.</summary>
    private void Compare(int rs1, int rs2)
    {
        // Sign extension keeps both orders.
        bool w = !(IsNarrow(rs1) && IsNarrow(rs2));
        Operand right = Source(rs2, w);
        Host left = Read(rs1, w, Host.Rax);
        if (rs2 == 0)
            _code.Test(w, left, left);
        else
            _code.Do(Alu.Cmp, w, left, right);
    }

    /// <summary>The last instruction has set the flags by its result, as a comparison with zero would, or but for order.</summary>
    private void SetFlags(Host host, bool w, bool hasSign) => _flags = (_code.Length, host, w, hasSign);

    /// <summary>Whether the flags are those of a register's comparison with zero already.</summary>
    private bool IsInFlags(int register, Condition condition) =>
        register != 0 && _flags.At == _code.Length && Holds(_flags.Host, register) && (_flags.IsWhole || IsNarrow(register)) &&
        (_flags.HasSign || condition is Condition.Equal or Condition.NotEqual);

    /// <summary>rd = the low bits of what is somewhere, extended.</summary>
    private void Extend(Instruction i, Operand from, Action<Host, Operand> move, Upper upper)
    {
        Host host = Target(i.Rd);
        move(host, from);
        Set(i, host, upper);
    }

    /// <summary>rd = a value.</summary>
    private void Constant(Instruction i, long value)
    {
        if (!IsMapped(i.Rd) && value == (int)value)
        {
            _code.Store(w: true, HostText.Home(i.Rd), (int)value);
            return;
        }

        Host host = Target(i.Rd);
        _code.MoveConstant(host, value);
        Set(i, host, value == (uint)value ? Upper.Zero : Upper.Right);
    }

    /// <summary>rd = a register.</summary>
    private void Copy(Instruction i, int register)
    {
        bool isLow = Widths.Has(_low & ~1u, register) && register != 0, isZero = Widths.Has(_zeroUpper & ~1u, register) && register != 0;
        Operand source = Source(register, w: false);
        if (!IsMapped(i.Rd) && !source.IsMemory && !isLow)
        {
            _code.Store(w: true, HostText.Home(i.Rd), source.Base);
            return;
        }

        Host host = Target(i.Rd);
        if (!source.Is(host))
            _code.Move(w: !isLow, host, source);
        Set(i, host, isLow ? (source.Is(host) ? Upper.Any : Upper.Cut) : isZero ? Upper.Zero : Upper.Right);
    }

    private void AddConstant(Instruction i, bool w, Upper upper)
    {
        Operand source = Source(i.Rs1, w);
        Host host = Target(i.Rd);
        if (i.Rd == i.Rs1 && source.IsMemory && w)
        {
            _code.Do(Alu.Add, w: true, source, (int)i.Immediate);
            return;
        }

        if (!source.IsMemory && !source.Is(host))
        {
            _code.Lea(w, host, Operand.At(source.Base, (int)i.Immediate));
        }
        else
        {
            if (source.IsMemory)
                _code.Move(w, host, source);
            _code.Do(Alu.Add, w, host, (int)i.Immediate);
            SetFlags(host, w, hasSign: false);
        }

        Set(i, host, upper);
    }

    private void Immediate(Instruction i, Alu operation, bool w, Upper upper)
    {
        Operand source = Source(i.Rs1, w);
        Host host = Target(i.Rd);
        if (!source.Is(host))
            _code.Move(w, host, source);
        _code.Do(operation, w, host, (int)i.Immediate);
        SetFlags(host, w, hasSign: true);
        Set(i, host, upper);
    }

    private void BitwiseImmediate(Instruction i, Alu operation)
    {
        bool w = IsWanted(i) && !IsNarrow(i.Rs1);
        Immediate(i, operation, w, w ? Upper.Right : Upper.Cut);
    }

    private void Bitwise(Instruction i, Alu operation)
    {
        bool w = IsWanted(i) && !(IsNarrow(i.Rs1) && IsNarrow(i.Rs2));
        Commutative(i, w, Do, w ? Upper.Right : Upper.Cut);

        void Do(Host to, Operand from)
        {
            _code.Do(operation, w, to, from);
            SetFlags(to, w, hasSign: true);
        }
    }

    private void Commutative(Instruction i, bool w, Action<Host, Operand> operation, Upper upper)
    {
        Host host = Target(i.Rd);
        (int first, int second) = Holds(host, i.Rs2) && !Holds(host, i.Rs1) ? (i.Rs2, i.Rs1) : (i.Rs1, i.Rs2);
        Operand left = Source(first, w), right = Source(second, w);
        if (!left.Is(host))
            _code.Move(w, host, left);
        operation(host, right);
        Set(i, host, upper);
    }

    private void Add(Instruction i, bool w, Upper upper)
    {
        Host host = Target(i.Rd);
        Operand left = Source(i.Rs1, w), right = Source(i.Rs2, w);
        if (left.IsMemory || right.IsMemory || left.Is(host) || right.Is(host))
        {
            AddInPlace(i, w, upper);
            return;
        }

        _code.Lea(w, host, Operand.At(left.Base, right.Base));
        Set(i, host, upper);
    }

    private void AddInPlace(Instruction i, bool w, Upper upper)
    {
        Commutative(i, w, Do, upper);

        void Do(Host to, Operand from)
        {
            _code.Do(Alu.Add, w, to, from);
            SetFlags(to, w, hasSign: false);
        }
    }

    private void Subtract(Instruction i, bool w)
    {
        Host host = Target(i.Rd);
        Operand left = Source(i.Rs1, w), right = Source(i.Rs2, w);
        if (i.Rs1 == 0 || Holds(host, i.Rs2) && !Holds(host, i.Rs1))
        {
            if (!right.Is(host))
                _code.Move(w, host, right);
            _code.Negate(w, host);
            if (i.Rs1 != 0)
                _code.Do(Alu.Add, w, host, left);
        }
        else
        {
            if (!left.Is(host))
                _code.Move(w, host, left);
            _code.Do(Alu.Sub, w, host, right);
            SetFlags(host, w, hasSign: false);
        }

        Set(i, host, w ? Upper.Right : Upper.Cut);
    }

    private void ShiftImmediate(Instruction i, ShiftKind kind, bool w, bool fromAll, Upper upper)
    {
        Operand source = Source(i.Rs1, fromAll);
        Host host = Target(i.Rd);
        if (!source.Is(host))
            _code.Move(w, host, source);
        if (i.Immediate != 0)
            _code.Shift(kind, w, host, (int)i.Immediate);
        else if (!w && source.Is(host))
            upper = Upper.Any;
        Set(i, host, upper);
    }

    private void Shift(Instruction i, ShiftKind kind, bool w, bool fromAll, Upper upper)
    {
        Operand source = Source(i.Rs1, fromAll);
        Host amount = Read(i.Rs2, w: false, Host.Rdx), host = Target(i.Rd);
        _code.Shift(kind, w, host, source, amount);
        Set(i, host, upper);
    }

    private void SetIfLess(Instruction i, Condition condition)
    {
        bool w = !IsNarrow(i.Rs1);
        SetIf(i, condition, () => _code.Do(Alu.Cmp, w, Source(i.Rs1, w), (int)i.Immediate));
    }

    /// <summary>rd = 1 or 0, by a comparison.</summary>
    private void SetIf(Instruction i, Condition condition, Action compare)
    {
        // What is zero before need not be extended; who makes it so changes flags.
        bool isFree = IsMapped(i.Rd) && i.Rd != i.Rs1 && i.Rd != i.Rs2;
        Host host = isFree ? _map[i.Rd] : Host.Rax;
        if (isFree)
            _code.MoveConstant(host, 0);
        compare();
        _code.SetIf(condition, host);
        if (!isFree)
        {
            host = Target(i.Rd);
            _code.MoveZeroExtended8(host, Host.Rax);
        }

        Set(i, host, Upper.Zero);
    }

    // Memory

    /// <summary>Where the byte at rs1 + immediate is. Takes RAX.</summary>
    private Operand Address(Instruction i)
    {
        int immediate = (int)i.Immediate;
        if (Idioms.IsIndexed(i))
            return Operand.InSegment32(Read(i.Rs1, w: false, Host.Rax), Read(i.Rs2, w: false, Host.Rdx), immediate >> 2, immediate & 3);

        return Operand.InSegment32(i.Rs1 == 0 ? Host.None : Read(i.Rs1, w: false, Host.Rax), immediate);
    }

    /// <summary>The 32-bit address at a register plus an offset.</summary>
    private void Offset(Host to, int register, int offset)
    {
        Operand source = Source(register, w: false);
        if (register == 0)
        {
            _code.MoveConstant(to, (uint)offset);
        }
        else if (source.IsMemory || offset == 0)
        {
            _code.Move(w: false, to, source);
            if (offset != 0)
                _code.Do(Alu.Add, w: false, to, offset);
        }
        else
        {
            _code.Lea(w: false, to, Operand.At(source.Base, offset));
        }
    }

    /// <summary>
    /// Marks the blocks that the stores of the group that begins here start in. What ends in the block behind, memory finds itself.
    /// </summary>
    private void MarkDirty(Instruction i)
    {
        if (_groups[_index] is not { } group)
            return;

        Mark(i.Rs1, (int)group.First);
        if (group.Last != group.First)
            Mark(i.Rs1, (int)group.Last);
    }

    private void Mark(int register, int offset)
    {
        if (register == 0)
        {
            _code.Store8(Operand.InSegment(Host.None, GuestMemory.DirtyOffset + (int)((uint)offset >> GuestMemory.BlockShift)), 1);
            return;
        }

        Offset(Host.Rdx, register, offset);
        _code.Shift(ShiftKind.Shr, w: false, Host.Rdx, GuestMemory.BlockShift);
        _code.Store8(Operand.InSegment(Host.Rdx, GuestMemory.DirtyOffset), 1);
    }

    private void StoreWord(Instruction i, bool w)
    {
        MarkDirty(i);
        Operand at = Address(i);
        if (i.Rs2 == 0)
            _code.Store(w, at, 0);
        else
            _code.Store(w, at, Read(i.Rs2, w, Host.Rdx));
    }
}
