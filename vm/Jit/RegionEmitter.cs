using System.Reflection;
using System.Reflection.Emit;

namespace Optimistic.Vm.Jit;

/// <summary>
/// A compiled region: runs from <paramref name="pc"/>, one of its entries, and returns the pc that it leaves at; it takes
/// the steps that it makes from <paramref name="budget"/>, which it never exceeds, and may make none.
/// </summary>
internal unsafe delegate ulong RegionCode(MachineHead* head, byte* data, ulong pc, long* budget);

/// <summary>
/// Emits a region as IL. Registers are locals, loaded at the entry and stored at the one exit. A register whose value is
/// the sign extension of 32 bits has, until the end of its block, a 32-bit local with the same value besides, so that
/// chains of 32-bit arithmetic need no extensions. The instructions are in Emit.*.cs, in the order of the table.
/// </summary>
/// <remarks>
/// In bounds: memory is reached at data + a 32-bit offset and at most seven bytes more, and the reservation of
/// <see cref="GuestMemory"/> goes on behind slot 7; dirty marks are at data + DirtyOffset + such an offset >> 13, scratch below them.
/// </remarks>
internal sealed partial class RegionEmitter
{
    // Beyond these the runtime compiles a method without optimisation (its own limits are 60,000 bytes, 20,000
    // instructions, 2,000 blocks, 2,000 locals and 8,000 references of locals).
    private const int MaxIlBytes = 58_000, MaxIlInstructions = 19_500, MaxBlocks = 1_950, MaxLocalReferences = 7_900;

    private const int HeadArgument = 1, DataArgument = 2, PcArgument = 3, BudgetArgument = 4;

    private const int RegistersOffset = Word.Length;

    private readonly Region _region;
    private readonly List<Block> _entries;
    private readonly DynamicMethod _method;
    private readonly ILGenerator _il;
    private readonly Dictionary<Block, Label> _labels = [], _entryLabels = [];
    private readonly List<Action> _stubs = [];
    private readonly Label _exit, _dispatch;
    private readonly LocalBuilder?[] _wide = new LocalBuilder?[RegisterFile.Count];
    private readonly LocalBuilder?[] _narrow = new LocalBuilder?[RegisterFile.Count];
    private readonly bool[] _isNarrow = new bool[RegisterFile.Count];
    private readonly bool[] _isWritten = new bool[RegisterFile.Count];
    private readonly LocalBuilder _head, _budget, _pc, _address, _offset;
    private StoreGroup?[] _groups = [];
    private readonly bool _hasStack;
    private LocalBuilder? _atomics;
    private int _instructions, _blockCount, _references;

    // Where the instruction that is being emitted is.
    private Block _block = null!;
    private int _index;
    private uint _constants;

    public RegionEmitter(Region region)
    {
        _region = region;
        _entries = region.Blocks.FindAll(block => block.IsEntry);
        // The first argument is what the delegate is closed over.
        _method = new DynamicMethod($"region_{region.Blocks[0].Pc:x}", typeof(ulong),
            [typeof(ushort[]), typeof(MachineHead).MakePointerType(), typeof(byte*), typeof(ulong), typeof(long*)],
            typeof(RegionEmitter).Module, skipVisibility: true)
        {
            InitLocals = false,
        };
        _il = _method.GetILGenerator(1 << 14);
        _exit = NewLabel();
        _dispatch = NewLabel();
        foreach (Block block in region.Blocks)
            _labels.Add(block, NewLabel());
        foreach (Block block in _entries)
            _entryLabels.Add(block, block.Constants == 0 ? _labels[block] : NewLabel());
        _hasStack = region.IsExpectant && HasStack(region);

        _head = _il.DeclareLocal(typeof(void).MakePointerType());
        _budget = _il.DeclareLocal(typeof(long));
        _pc = _il.DeclareLocal(typeof(ulong));
        _address = _il.DeclareLocal(typeof(int));
        _offset = _il.DeclareLocal(typeof(long));
        foreach (Instruction i in region.Blocks.SelectMany(block => block.Instructions))
        {
            foreach (int register in (ReadOnlySpan<int>)[i.Rd, i.Rs1, i.Rs2])
            {
                if (register != 0)
                    _wide[register] ??= _il.DeclareLocal(typeof(long));
            }

            _isWritten[i.Rd] = true;
        }
    }

    /// <summary>The method, compiled; null when it would be too large to be optimised.</summary>
    public RegionCode? Compile()
    {
        ulong firstPc = _entries[0].Pc;
        // One per halfword from the first entry to the last: which entry it is.
        ushort[] map = GC.AllocateUninitializedArray<ushort>((int)((_entries[^1].Pc - firstPc) >> 1) + 1, pinned: true);
        Array.Fill(map, ushort.MaxValue);
        for (int i = 0; i < _entries.Count; i++)
            map[(int)((_entries[i].Pc - firstPc) >> 1)] = (ushort)i;

        EmitEntry();
        for (int i = 0; i < _region.Blocks.Count; i++)
            EmitBlock(i);

        // A stub may not add stubs.
        foreach (Action stub in _stubs)
            stub();

        foreach (Block block in _entries)
            EmitCheckedEntry(block);
        EmitDispatch(firstPc, map);
        EmitExit();
        if (_il.ILOffset > MaxIlBytes || _instructions > MaxIlInstructions || _blockCount > MaxBlocks || _references > MaxLocalReferences)
        {
            if (_region.Blocks.Count > 1)
                return null;
        }

        // Compiles it; the delegate keeps the map, whose address is in the code.
        return _method.CreateDelegate<RegionCode>(map);
    }

    private void EmitEntry()
    {
        StoreScratch(0, HeadArgument);
        StoreScratch(1, BudgetArgument);
        Argument(HeadArgument);
        Store(_head);
        Argument(BudgetArgument);
        Op(OpCodes.Ldind_I8);
        Store(_budget);
        Argument(PcArgument);
        Store(_pc);
        for (int register = 1; register < RegisterFile.Count; register++)
        {
            if (_wide[register] is not { } local)
                continue;

            RegisterAddress(register);
            Op(OpCodes.Ldind_I8);
            Store(local);
        }

        if (_region.Blocks.Exists(block => Array.Exists(block.Instructions, i => Region.IsAtomic(i.Operation))))
        {
            _atomics = _il.DeclareLocal(typeof(AtomicState));
            _il.Emit(OpCodes.Ldloca, _atomics);
            Argument(HeadArgument);
            Argument(DataArgument);
            Op(OpCodes.Call, typeof(AtomicState).GetConstructor([typeof(MachineHead).MakePointerType(), typeof(byte*)])!);
        }

        if (_hasStack)
            CheckStack(_exit);
        Op(OpCodes.Br, _dispatch);
    }

    /// <summary>Emits the way to an entry: where registers have not the values that it expects, it leaves again.</summary>
    private void EmitCheckedEntry(Block block)
    {
        if (block.Constants == 0)
            return;

        _il.MarkLabel(_entryLabels[block]);
        for (int register = 1; register < RegisterFile.Count; register++)
        {
            if ((block.Constants >> register & 1) == 0)
                continue;

            Load(_wide[register]!);
            Constant(_region.Constants.Value(register));
            Op(OpCodes.Bne_Un, _exit);
        }

        Op(OpCodes.Br, _labels[block]);
    }

    private void EmitDispatch(ulong firstPc, ushort[] map)
    {
        _il.MarkLabel(_dispatch);
        Load(_pc);
        Constant((long)firstPc);
        Op(OpCodes.Sub);
        Store(_offset);
        Load(_offset);
        Constant(2L * map.Length);
        Op(OpCodes.Bge_Un, _exit);
        // In bounds: the offset is even, and so two bytes of the map.
        Constant(AddressOf(map));
        Load(_offset);
        Op(OpCodes.Add);
        Op(OpCodes.Conv_I);
        Op(OpCodes.Ldind_U2);
        _il.Emit(OpCodes.Switch, _entries.Select(block => _entryLabels[block]).ToArray());
        _instructions++;
        Op(OpCodes.Br, _exit);
    }

    private static unsafe long AddressOf(ushort[] pinned) => (long)System.Runtime.CompilerServices.Unsafe.AsPointer(ref pinned[0]);

    private void EmitExit()
    {
        _il.MarkLabel(_exit);
        LoadScratch(0);
        Store(_head);
        for (int register = 1; register < RegisterFile.Count; register++)
        {
            if (!_isWritten[register])
                continue;

            RegisterAddress(register);
            Load(_wide[register]!);
            Op(OpCodes.Stind_I8);
        }

        LoadScratch(1);
        Load(_budget);
        Op(OpCodes.Stind_I8);
        Load(_pc);
        Op(OpCodes.Ret);
    }

    // What only the exit needs waits in memory: the runtime's compiler would keep a host register for it in every loop.
    private void StoreScratch(int index, int argument)
    {
        ScratchAddress(index);
        Argument(argument);
        Op(OpCodes.Stind_I);
    }

    private void LoadScratch(int index)
    {
        ScratchAddress(index);
        Op(OpCodes.Ldind_I);
    }

    private void ScratchAddress(int index)
    {
        Argument(DataArgument);
        Int(GuestMemory.ScratchOffset + sizeof(long) * index);
        Op(OpCodes.Add);
    }

    private void EmitBlock(int position)
    {
        _block = _region.Blocks[position];
        Block? previous = position > 0 ? _region.Blocks[position - 1] : null;
        Block? following = position + 1 < _region.Blocks.Count ? _region.Blocks[position + 1] : null;
        _il.MarkLabel(_labels[_block]);
        // What is known of registers at the end of the block before holds here if that is the only way to come here.
        if (_block.IsCheck || _block.Predecessors != 1 || previous is null || !previous.Successors.Contains(_block))
            Array.Clear(_isNarrow);

        if (_block.IsCheck)
        {
            Label stub = NewLabel();
            Load(_budget);
            Constant(_block.MaxSteps);
            Op(OpCodes.Blt, stub);
            ulong pc = _block.Pc;
            _stubs.Add(() => LeaveAt(stub, pc, 0));
        }

        _groups = StoreGroup.Of(_block);
        bool hasJump = _block.End is BlockEnd.Branch or BlockEnd.Jump or BlockEnd.Indirect;
        int count = _block.Instructions.Length - (hasJump ? 1 : 0);
        _constants = _block.Constants;
        for (_index = 0; _index < count; _index++)
        {
            Instruction i = _block.Instructions[_index];
            Emit(i);
            _constants = _region.Constants.After(i, _constants);
            if (i.Rd == StackPointer && _hasStack)
                CheckStack(i);
        }

        int pending = _block.PendingSteps + _block.Instructions.Length;
        if (!_block.CarriesSteps)
        {
            TakeSteps(pending);
            pending = 0;
        }

        switch (_block.End)
        {
            case BlockEnd.Fall:
            case BlockEnd.Stop:
                GoTo(_block.Next, pending, following);
                break;
            case BlockEnd.Branch:
                EmitBranch(_block.Last, TargetLabel(_block.Target, pending));
                GoTo(_block.Next, pending, following);
                break;
            case BlockEnd.Jump:
                EmitJal(_block.Last);
                GoTo(_block.Target, pending, following);
                break;
            case BlockEnd.Indirect:
                EmitJalr(_block.Last);
                EmitIndirect();
                break;
        }
    }

    /// <summary>Goes where the pc is: the place that it has gone to last is tried before the others.</summary>
    private void EmitIndirect()
    {
        ulong guess = _region.Site(_block).Last;
        if (_region.Find(guess) is { IsEntry: true } block)
        {
            Load(_pc);
            Constant((long)guess);
            Op(OpCodes.Beq, _entryLabels[block]);
        }

        Op(OpCodes.Br, _dispatch);
    }

    private void GoTo(ulong pc, int pending, Block? following)
    {
        if (_block.End != BlockEnd.Stop && _region.Find(pc) is { } next)
        {
            if (next != following)
                Op(OpCodes.Br, _labels[next]);
            return;
        }

        TakeSteps(pending);
        Constant((long)pc);
        Store(_pc);
        Op(OpCodes.Br, _exit);
    }

    private Label TargetLabel(ulong pc, int pending)
    {
        if (_region.Find(pc) is { } next)
            return _labels[next];

        Label stub = NewLabel();
        _stubs.Add(() => LeaveAt(stub, pc, pending));
        return stub;
    }

    private void LeaveAt(Label stub, ulong pc, int pending)
    {
        _il.MarkLabel(stub);
        TakeSteps(pending);
        Constant((long)pc);
        Store(_pc);
        Op(OpCodes.Br, _exit);
    }

    private void TakeSteps(int steps)
    {
        if (steps == 0)
            return;

        Load(_budget);
        Constant(steps);
        Op(OpCodes.Sub);
        Store(_budget);
    }

    // Registers

    private void RegisterAddress(int register)
    {
        Load(_head);
        Int(RegistersOffset + sizeof(ulong) * register);
        Op(OpCodes.Add);
    }

    /// <summary>Pushes all 64 bits of a register.</summary>
    private void Wide(int register)
    {
        if (register == 0)
            Constant(0);
        else
            Load(_wide[register]!);
    }

    /// <summary>Pushes the low 32 bits of a register.</summary>
    private void Narrow(int register)
    {
        if (register == 0)
        {
            Int(0);
        }
        else if (_isNarrow[register])
        {
            Load(_narrow[register]!);
        }
        else
        {
            Load(_wide[register]!);
            Op(OpCodes.Conv_I4);
        }
    }

    /// <summary>Whether the register is the sign extension of its low 32 bits, and these are at hand.</summary>
    private bool IsNarrow(int register) => register == 0 || _isNarrow[register];

    /// <summary>Pops 64 bits into a register.</summary>
    private void SetWide(int register)
    {
        if (register == 0)
        {
            Op(OpCodes.Pop);
            return;
        }

        _isNarrow[register] = false;
        Store(_wide[register]!);
    }

    /// <summary>Pops 32 bits into a register, sign-extended.</summary>
    private void SetNarrow(int register)
    {
        if (register == 0)
        {
            Op(OpCodes.Pop);
            return;
        }

        LocalBuilder narrow = _narrow[register] ??= _il.DeclareLocal(typeof(int));
        Store(narrow);
        Load(narrow);
        Op(OpCodes.Conv_I8);
        Store(_wide[register]!);
        _isNarrow[register] = true;
    }

    // IL, counted

    private Label NewLabel()
    {
        _blockCount++;
        return _il.DefineLabel();
    }

    private void Op(OpCode code)
    {
        _instructions++;
        _il.Emit(code);
    }

    private void Op(OpCode code, Label target)
    {
        _instructions++;
        if (code != OpCodes.Br)
            _blockCount++;
        _il.Emit(code, target);
    }

    private void Op(OpCode code, MethodInfo method)
    {
        _instructions++;
        _il.Emit(code, method);
    }

    private void Op(OpCode code, ConstructorInfo constructor)
    {
        _instructions++;
        _il.Emit(code, constructor);
    }

    private void Argument(int index)
    {
        _references++;
        _instructions++;
        _il.Emit(OpCodes.Ldarg, (short)index);
    }

    private void Load(LocalBuilder local)
    {
        _references++;
        _instructions++;
        _il.Emit(OpCodes.Ldloc, local);
    }

    private void Store(LocalBuilder local)
    {
        _references++;
        _instructions++;
        _il.Emit(OpCodes.Stloc, local);
    }

    private void Int(int value)
    {
        _instructions++;
        _il.Emit(OpCodes.Ldc_I4, value);
    }

    /// <summary>Pushes a constant of 64 bits.</summary>
    private void Constant(long value)
    {
        if (value == (int)value)
        {
            Int((int)value);
            Op(OpCodes.Conv_I8);
        }
        else
        {
            _instructions++;
            _il.Emit(OpCodes.Ldc_I8, value);
        }
    }
}
