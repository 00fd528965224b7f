namespace Optimistic.Vm.Jit.X64;

/// <summary>
/// Makes a region into code of the host (<see cref="HostText"/>). The registers that matter most are in registers of the host
/// while it runs; of these a narrow one, or one whose upper half is not wanted (<see cref="Widths"/>), may hold
/// anything in its upper half. Steps are taken from the budget at checks, for the longest way to the next, and what a
/// shorter way leaves is given back where it branches off. The instructions are in HostEmitter.*.cs.
/// </summary>
/// <remarks>
/// In bounds: memory is reached at the segment + a 32-bit offset and at most seven bytes more, and the reservation of
/// <see cref="GuestMemory"/> goes on behind slot 7; dirty marks are at the segment + DirtyOffset + such an offset >> 13.
/// </remarks>
internal sealed partial class HostEmitter
{
    private const Host Budget = Host.Rbp;

    /// <summary>Targets of a JALR that are compared one by one.</summary>
    private const int MaxGuesses = 3;

    /// <summary>Bytes of text in a region that has a table of its entries.</summary>
    private const ulong MaxTableSpan = 1 << 17;

    private readonly Region _region;
    private readonly HostText _text;
    private readonly Widths _widths;
    private readonly Assembler _code = new();
    private readonly CodeLabel[] _labels, _starts, _entries;
    private readonly List<Action> _stubs = [];
    private readonly RegisterMap _base;
    private readonly RegisterMap[] _maps;
    private readonly uint _written;
    private readonly Block?[] _onlyPredecessors;
    private readonly List<Block> _targets = [];
    private CodeLabel? _table;

    // Where the instruction that is being emitted is.
    private Block _block = null!;
    private RegisterMap _map = null!;
    private BlockRegisters? _local;
    private int _index;
    private uint[] _wantedBehind = [];
    private uint _constants;
    private StoreGroup?[] _groups = [];

    // Registers of the host whose upper half is not the guest's; narrow guest registers; upper halves known to be zero.
    private uint _low, _narrow, _zeroUpper;

    // What the flags say at a place in the code: how a register, or its low half, compares with zero.
    private (int At, Host Host, bool IsWhole, bool HasSign) _flags;

    public HostEmitter(Region region, HostText text, Func<Block, uint> notNarrow)
    {
        (_region, _text) = (region, text);
        _widths = new Widths(region, notNarrow);
        _maps = RegisterMap.Of(region, out _base);
        _base.Exits = NewExits();
        int count = region.Blocks.Count;
        (_labels, _starts, _entries, _onlyPredecessors) = (new CodeLabel[count], new CodeLabel[count], new CodeLabel[count], new Block?[count]);
        foreach (Block block in region.Blocks)
        {
            foreach (Instruction i in block.Instructions)
                _written |= 1u << i.Rd;
            if (block is { IsEntry: true, Constants: 0 })
                _targets.Add(block);
            _maps[block.Index].Exits ??= NewExits();
            _labels[block.Index] = _code.NewLabel();
            _starts[block.Index] = block.IsCheck ? _labels[block.Index] : _code.NewLabel();
            _entries[block.Index] = _code.NewLabel();
            foreach (Block next in block.Successors)
            {
                if (TakesRefund(next))
                    _onlyPredecessors[next.Index] = block;
            }
        }
    }

    private MapExits NewExits() => new(_code.NewLabel(), _code.NewLabel(), _code.NewLabel(), _code.NewLabel());

    /// <summary>Makes the code and publishes it; null when the system does not let it be executed.</summary>
    public RegionCode? Compile()
    {
        for (int i = 0; i < _region.Blocks.Count; i++)
            EmitBlock(i);

        // A stub may not add stubs.
        foreach (Action stub in _stubs)
            stub();

        foreach (Block block in _region.Blocks)
        {
            if (!block.IsInlined)
                EmitEntry(block);
        }

        EmitTable();
        EmitExits(_base);
        foreach (RegisterMap map in _maps)
        {
            if (!map.IsEmitted)
                EmitExits(map);
        }

        return _text.TryAdd(_code, _region.Blocks, _entries) ? _text.Code : null;
    }

    private void EmitBlock(int position)
    {
        _block = _region.Blocks[position];
        Block? following = position + 1 < _region.Blocks.Count ? _region.Blocks[position + 1] : null;
        _map = _maps[_block.Index];
        _code.Mark(_labels[_block.Index]);
        _narrow = _widths.Narrow(_block);
        _low = _map.Mapped & ~_widths.Wanted(_block);
        _zeroUpper = 0;
        _flags = default;
        _wantedBehind = _widths.WantedBehind(_block);
        _constants = _block.Constants;
        if (_block.IsCheck)
        {
            CodeLabel stub = _code.NewLabel();
            _code.Do(Alu.Sub, w: true, Budget, _block.Charge);
            _code.JumpIf(Condition.Less, stub);
            // Not to an entry, which may be this.
            LeaveLater(stub, _block.Pc, _block.Charge, isOut: true);
        }
        else if (RefundOnEntry(_block) is not 0 and int refund)
        {
            _code.Do(Alu.Add, w: true, Budget, refund);
        }

        if (!_block.IsCheck)
            _code.Mark(_starts[_block.Index]);

        _groups = StoreGroup.Of(_block);
        bool hasJump = _block.End is BlockEnd.Branch or BlockEnd.Jump or BlockEnd.Indirect;
        int count = _block.Instructions.Length - (hasJump ? 1 : 0);
        _local = BlockRegisters.Of(_block, _map);
        if (_local is not null)
            _map = _map.Copy();
        for (_index = 0; _index < count; Advance())
        {
            MakeRoom();
            Emit(_block.Instructions[_index]);
        }

        TakeHome();
        switch (_block.End)
        {
            case BlockEnd.Fall:
                GoTo(_block.NextBlock, _block.Next, following);
                break;
            case BlockEnd.Stop:
                Leave(_block.Next);
                break;
            case BlockEnd.Branch:
                EmitBranch(_block.Last, following);
                break;
            case BlockEnd.Jump:
                EmitJal(_block.Last);
                GoTo(_block.TargetBlock, _block.Target, following);
                break;
            case BlockEnd.Indirect:
                EmitJalr(_block.Last);
                break;
        }
    }

    private void Advance()
    {
        Instruction i = _block.Instructions[_index];
        _narrow = Widths.NarrowAfter(i, _block.Pcs[_index], _narrow);
        _constants = _region.Constants.After(i, _constants);
        _local?.Pass(_index);
        _index++;
    }

    /// <summary>Gives the result of the instruction a register, if that is better (<see cref="BlockRegisters"/>). Flags stay.</summary>
    private void MakeRoom()
    {
        RegisterMap home = _maps[_block.Index];
        if (_local is null || _local.Victim(_index, _map, home) is not (>= 0 and var victim))
            return;

        Instruction i = _block.Instructions[_index];
        if (victim != 0)
        {
            uint bit = 1u << victim;
            if ((_written & bit) != 0 && !_local.IsDead(victim))
            {
                if ((_low & _narrow & bit) != 0)
                    _code.MoveSignExtended32(_map[victim], _map[victim]);
                _code.Store(w: true, HostText.Home(victim), _map[victim]);
            }

            (_low, _zeroUpper) = (_low & ~bit, _zeroUpper & ~bit);
        }

        Host host = _map.Replace(victim, i.Rd, home[i.Rd]);
        if (i.Rd == i.Rs1 || i.Rd == i.Rs2)
            _code.Move(w: true, host, HostText.Home(i.Rd));
    }

    /// <summary>Registers are where the block's map has them again. Flags stay.</summary>
    private void TakeHome()
    {
        if (_local is null)
            return;

        RegisterMap home = _maps[_block.Index];
        Remap(_map, home, _low & _narrow);
        for (int register = 1; register < RegisterFile.Count; register++)
        {
            if (_map[register] != home[register])
                (_low, _zeroUpper) = (_low & ~(1u << register), _zeroUpper & ~(1u << register));
        }

        (_map, _local) = (home, null);
    }

    /// <summary>The instruction behind the one that is being emitted.</summary>
    private Instruction Next => _index + 1 < _block.Instructions.Length ? _block.Instructions[_index + 1] : Instruction.Illegal;

    // Ways between blocks

    /// <summary>Steps charged at the last check that are not made behind <paramref name="block"/>.</summary>
    private static int StepsBehind(Block block) => block.ChargeBehind;

    /// <summary>Steps to give back on the way from one block to the next; to charge if negative.</summary>
    private static int Refund(Block from, Block to) => StepsBehind(from) - (to.IsCheck ? 0 : to.Charge);

    /// <summary>What is given back where a block starts: it has one way in.</summary>
    private int RefundOnEntry(Block block) =>
        _onlyPredecessors[block.Index] is { } from ? Refund(from, block) : 0;

    private static bool TakesRefund(Block to) => !to.IsCheck && to.Predecessors == 1;

    private void GoTo(Block? next, ulong pc, Block? following)
    {
        if (next is null)
        {
            Leave(pc);
            return;
        }

        Widen(_widths.Wanted(next));
        if (!TakesRefund(next) && Refund(_block, next) is not 0 and int refund)
            _code.Do(Alu.Add, w: true, Budget, refund);
        Remap(_map, _maps[next.Index], _low & _narrow);
        if (next != following)
            _code.Jump(_labels[next.Index]);
    }

    /// <summary>Leaves for <paramref name="pc"/>, here.</summary>
    private void Leave(ulong pc) => LeaveNow(_map, pc, StepsBehind(_block), _low & _narrow, isOut: false);

    /// <summary>As <see cref="Leave"/>, apart.</summary>
    private void LeaveLater(CodeLabel stub, ulong pc, int refund, bool isOut)
    {
        (RegisterMap map, uint low) = (_map, _low & _narrow);
        _stubs.Add(() =>
        {
            _code.Mark(stub);
            LeaveNow(map, pc, refund, low, isOut);
        });
    }

    /// <param name="map">Where the registers are.</param>
    /// <param name="pc">Where to.</param>
    /// <param name="refund">Steps that are charged and not made.</param>
    /// <param name="low">Narrow registers whose upper half is yet to be made.</param>
    /// <param name="isOut">Out of all regions.</param>
    private void LeaveNow(RegisterMap map, ulong pc, int refund, uint low, bool isOut)
    {
        if (refund != 0)
            _code.Do(Alu.Add, w: true, Budget, refund);
        for (uint left = low & _written; left != 0; left &= left - 1)
        {
            Host host = map[System.Numerics.BitOperations.TrailingZeroCount(left)];
            _code.MoveSignExtended32(host, host);
        }

        bool isInText = (pc & 1) == 0 && pc < _text.End;
        if (isInText)
            _text.Exit(pc);
        _code.MoveConstant(Host.Rax, (long)pc);
        _code.Jump(isInText && !isOut ? map.Exits.Next : map.Exits.Out);
    }

    /// <summary>The label of the way to where a branch goes when it is taken, with what is to be done on it.</summary>
    private CodeLabel TargetLabel(Block? next, ulong pc)
    {
        CodeLabel stub;
        if (next is null)
        {
            stub = _code.NewLabel();
            LeaveLater(stub, pc, StepsBehind(_block), isOut: false);
            return stub;
        }

        int refund = TakesRefund(next) ? 0 : Refund(_block, next);
        if (refund == 0 && _maps[next.Index] == _map)
            return _labels[next.Index];

        stub = _code.NewLabel();
        (RegisterMap map, uint low) = (_map, _low & _narrow);
        _stubs.Add(() =>
        {
            _code.Mark(stub);
            if (refund != 0)
                _code.Do(Alu.Add, w: true, Budget, refund);
            Remap(map, _maps[next.Index], low);
            _code.Jump(_labels[next.Index]);
        });
        return stub;
    }

    /// <summary>
    /// The way of an indirect jump to a block. All registers are whole, and some known to be narrow; where the block
    /// expects others to be, that is checked.
    /// </summary>
    /// <param name="map">Where the registers are.</param>
    /// <param name="block">Where to; its address is in RAX.</param>
    /// <param name="narrow">The registers that are known to be narrow.</param>
    private void EmitTarget(RegisterMap map, Block block, uint narrow)
    {
        for (uint unknown = Unknown(block, narrow); unknown != 0; unknown &= unknown - 1)
        {
            int register = System.Numerics.BitOperations.TrailingZeroCount(unknown);
            Operand value = map[register] != Host.None ? map[register] : HostText.Home(register);
            _code.MoveSignExtended32(Host.Rdx, value);
            _code.Do(Alu.Cmp, w: true, Host.Rdx, value);
            // Its entry will refuse.
            _code.JumpIf(Condition.NotEqual, map.Exits.Anywhere);
        }

        Remap(map, _maps[block.Index], 0);
        _code.Jump(_labels[block.Index]);
    }

    private uint Unknown(Block block, uint narrow) => _widths.Narrow(block) & ~narrow & ~1u;

    /// <summary>Moves registers to where another map has them. Flags stay.</summary>
    private void Remap(RegisterMap from, RegisterMap to, uint low)
    {
        if (from == to)
            return;

        for (uint left = from.Mapped & _written; left != 0; left &= left - 1)
        {
            int register = System.Numerics.BitOperations.TrailingZeroCount(left);
            if (from[register] == to[register])
                continue;
            if ((low >> register & 1) != 0)
                _code.MoveSignExtended32(from[register], from[register]);
            _code.Store(w: true, HostText.Home(register), from[register]);
        }

        for (uint left = to.Mapped; left != 0; left &= left - 1)
        {
            int register = System.Numerics.BitOperations.TrailingZeroCount(left);
            if (from[register] != to[register])
                _code.Move(w: true, to[register], HostText.Home(register));
        }
    }

    /// <summary>From outside: registers are taken from the frame, if they are as the block expects them; otherwise it leaves again.</summary>
    private void EmitEntry(Block block)
    {
        CodeLabel refused = _code.NewLabel();
        _code.Mark(_entries[block.Index]);
        for (uint left = block.Constants; left != 0; left &= left - 1)
        {
            int register = System.Numerics.BitOperations.TrailingZeroCount(left);
            _code.Do(Alu.Cmp, w: true, HostText.Home(register), _region.Constants.Value(register));
            _code.JumpIf(Condition.NotEqual, refused);
        }

        for (uint left = _widths.Narrow(block) & ~1u; left != 0; left &= left - 1)
        {
            Operand home = HostText.Home(System.Numerics.BitOperations.TrailingZeroCount(left));
            _code.MoveSignExtended32(Host.Rax, home);
            _code.Do(Alu.Cmp, w: true, Host.Rax, home);
            _code.JumpIf(Condition.NotEqual, refused);
        }

        _code.Do(Alu.Add, w: true, Operand.InSegment(Host.None, GuestMemory.ScratchOffset), 1);
        if (!block.IsCheck)
        {
            _code.Do(Alu.Sub, w: true, Budget, block.Charge);
            CodeLabel enough = _code.NewLabel();
            _code.JumpIf(Condition.NotLess, enough);
            _code.Do(Alu.Add, w: true, Budget, block.Charge);
            _code.Jump(refused);
            _code.Mark(enough);
        }

        RegisterMap map = _maps[block.Index];
        _code.Call(map.Exits.Load);
        _code.Jump(_starts[block.Index]);

        // Out again, with the registers where they were.
        _code.Mark(refused);
        _code.MoveConstant(Host.Rax, (long)block.Pc);
        _code.MoveConstant(Host.Rdx, HostText.Leave);
        _code.Jump(Host.Rdx);
    }

    /// <summary>Registers go to the frame.</summary>
    private void EmitExits(RegisterMap map)
    {
        MapExits exits = map.Exits;
        map.IsEmitted = true;
        // Behind the address that it returns to.
        _code.Mark(exits.Load);
        for (uint left = map.Mapped; left != 0; left &= left - 1)
        {
            int register = System.Numerics.BitOperations.TrailingZeroCount(left);
            _code.Move(w: true, map[register], HostText.Home(register + 1));
        }

        _code.Return();
        _code.Mark(exits.Anywhere);
        _code.Do(Alu.Cmp, w: true, Host.Rax, (int)_text.End);
        _code.JumpIf(Condition.NotBelow, exits.Out);
        _code.MoveConstant(Host.Rdx, _text.Entries);
        // In bounds: an entry for each halfword of text, and the pc is even.
        _code.Do(Alu.Cmp, w: true, Operand.At(Host.Rdx, Host.Rax, scale: 2), 0);
        _code.JumpIf(Condition.Equal, exits.Out);
        _code.Mark(exits.Next);
        StoreMapped();
        _code.MoveConstant(Host.Rdx, _text.Entries);
        _code.Jump(Operand.At(Host.Rdx, Host.Rax, scale: 2));
        _code.Mark(exits.Out);
        StoreMapped();
        _code.MoveConstant(Host.Rdx, HostText.Leave);
        _code.Jump(Host.Rdx);

        void StoreMapped()
        {
            for (uint left = map.Mapped & _written; left != 0; left &= left - 1)
            {
                int register = System.Numerics.BitOperations.TrailingZeroCount(left);
                _code.Store(w: true, HostText.Home(register), map[register]);
            }
        }
    }

    /// <summary>The entries of this region, for a jump from within, by the base map: for each halfword where it goes.</summary>
    private void EmitTable()
    {
        if (_table is not { } table)
            return;

        var labels = new CodeLabel[_region.Blocks.Count];
        foreach (Block block in _targets)
        {
            labels[block.Index] = _code.NewLabel();
            _code.Mark(labels[block.Index]);
            EmitTarget(_base, block, 0);
        }

        _code.AlignTo(sizeof(long));
        _code.Mark(table);
        (ulong first, ulong last) = (_targets[0].Pc, _targets[^1].Pc);
        for (ulong pc = first; pc <= last; pc += 2)
            _code.AddressOf(_region.Find(pc) is { IsEntry: true, Constants: 0 } block ? labels[block.Index] : _base.Exits.Anywhere);
    }

    // Registers

    /// <summary>Makes the upper halves of registers right.</summary>
    private void Widen(uint registers)
    {
        for (uint left = registers & _low; left != 0; left &= left - 1)
            Widen(System.Numerics.BitOperations.TrailingZeroCount(left));
    }

    private void Widen(int register)
    {
        if ((_low >> register & 1) == 0)
            return;

        if ((_narrow >> register & 1) == 0)
            throw new System.Diagnostics.UnreachableException($"x{register} has lost its upper half, which is wanted.");
        _code.MoveSignExtended32(_map[register], _map[register]);
        _low &= ~(1u << register);
        _zeroUpper &= ~(1u << register);
    }

    private bool IsNarrow(int register) => Widths.Has(_narrow, register);

    private bool IsMapped(int register) => _map[register] != Host.None;

    private bool IsWanted(Instruction i) => (_wantedBehind[_index] >> i.Rd & 1) != 0;

    /// <summary>Where the register's value is.</summary>
    /// <param name="w">All of it is needed, not its low 32 bits alone.</param>
    private Operand Source(int register, bool w)
    {
        if (!IsMapped(register))
            return HostText.Home(register);

        if (w)
            Widen(register);
        return _map[register];
    }

    /// <summary>The register's value in a register of the host: <paramref name="spare"/>, unless it is in one.</summary>
    private Host Read(int register, bool w, Host spare)
    {
        Operand source = Source(register, w);
        if (!source.IsMemory)
            return source.Base;

        if (register == 0)
            _code.MoveConstant(spare, 0);
        else
            _code.Move(w, spare, source);
        return spare;
    }

    /// <summary>Where the result goes: RAX if the register is in the frame.</summary>
    private Host Target(int register) => IsMapped(register) ? _map[register] : Host.Rax;

    /// <summary>Whether <paramref name="host"/> holds the register.</summary>
    private bool Holds(Host host, int register) => IsMapped(register) && _map[register] == host;

    /// <summary>What the upper half of a result is.</summary>
    private enum Upper
    {
        /// <summary>The guest's.</summary>
        Right,

        /// <summary>The guest's, and zero.</summary>
        Zero,

        /// <summary>Zero; the guest's is the sign, or not wanted.</summary>
        Cut,

        /// <summary>Anything; the guest's is the sign, or not wanted.</summary>
        Any
    }

    /// <summary>The register's new value is in <paramref name="host"/>, its target.</summary>
    private void Set(Instruction i, Host host, Upper upper)
    {
        if (i.Rd == 0)
            return;

        uint bit = 1u << i.Rd;
        bool isNarrow = Widths.Has(Widths.NarrowAfter(i, _block.Pcs[_index], _narrow), i.Rd);
        if (upper is Upper.Cut or Upper.Any && !IsMapped(i.Rd))
        {
            if (isNarrow)
                _code.MoveSignExtended32(host, host);
            upper = Upper.Right;
        }

        if (!IsMapped(i.Rd))
        {
            _code.Store(w: true, HostText.Home(i.Rd), host);
            return;
        }

        if (host != _map[i.Rd])
            _code.Move(w: true, _map[i.Rd], host);
        _low = upper is Upper.Cut or Upper.Any ? _low | bit : _low & ~bit;
        _zeroUpper = upper is Upper.Cut or Upper.Zero ? _zeroUpper | bit : _zeroUpper & ~bit;
    }
}
