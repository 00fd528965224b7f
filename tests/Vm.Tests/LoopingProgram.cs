using System.Buffers.Binary;

namespace Optimistic.Vm.Tests;

/// <summary>
/// Random programs that loop, branch, call, return and jump through tables, over all instructions: loads and stores of all
/// alignments, at the edges of blocks and of the address space; atomics; environment calls; now and then a fault.
/// </summary>
internal sealed class LoopingProgram
{
    public const ulong Entry = 0x1000;

    private const int Ra = 1, Data = 2, Edge = 3, End = 4, Saved = 27, MaxDepth = 3, MaxLength = 6000;

    // Never written but where a piece says so: bases, loop counters, scratch of a piece.
    private static readonly int[] Counters = [8, 9, 18, 19];
    private static readonly int[] Free = [5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 28, 29];
    private const int Scratch = 30, Scratch2 = 31, CallNumber = 17, SavedStack = 26;
    private static readonly int[] Amounts = [24, 25];

    private static readonly Operation[] Plain = [.. Rows(row => row.Format is Format.R or Format.Unary or Format.Shift5 or Format.Shift6 or Format.U ||
        row is { Format: Format.I, Operation: not Operation.Jalr and (< Operation.Lb or > Operation.Lwu) })];
    private static readonly Operation[] Loads = [.. Rows(row => row.Operation is >= Operation.Lb and <= Operation.Lwu)];
    private static readonly Operation[] Stores = [.. Rows(row => row.Operation is >= Operation.Sb and <= Operation.Sd)];
    private static readonly Operation[] Branches = [.. Rows(row => row.Format == Format.B)];
    private static readonly Operation[] Rotates = [Operation.Rol, Operation.Rolw, Operation.Ror, Operation.Rorw];
    private static readonly Operation[] Reservations = [Operation.LrW, Operation.ScW, Operation.LrD, Operation.ScD];
    private static readonly Operation[] Atomics = [.. Rows(row => row.Family == Family.A)];

    private readonly Random _random;
    private readonly List<byte> _text = [];
    private readonly List<(int At, int Function)> _calls = [];
    private readonly int _functions;
    private readonly bool _hasIdioms;
    private int _function;

    private LoopingProgram(Random random, bool hasIdioms)
    {
        (_random, _hasIdioms) = (random, hasIdioms);
        _functions = random.Next(1, 6);
    }

    /// <summary>
    /// A program with up to <paramref name="steps"/> steps. With idioms, what compilers make of one thing in several
    /// instructions comes often, and so does what differs from it in a detail; and rows of atomics.
    /// </summary>
    public static TestProgram Create(Random random, ulong steps, bool hasIdioms = false)
    {
        var builder = new LoopingProgram(random, hasIdioms);
        builder.Build();
        return builder.Program(steps);
    }

    /// <summary>A loop without end over a few idioms and near misses, rows of atomics now and then, which leaves nothing for long.</summary>
    public static TestProgram CreateIdioms(Random random)
    {
        var builder = new LoopingProgram(random, hasIdioms: true);
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            switch (random.Next(10))
            {
                case 0: builder.AtomicRow(); break;
                case 1: builder.If(MaxDepth); break;
                case 2: builder.Arithmetic(); break;
                default: builder.Idiom(); break;
            }
        }

        builder.Add(Operation.Jal, 0, immediate: -builder._text.Count);
        return builder.Program(ulong.MaxValue);
    }

    private static IEnumerable<Operation> Rows(Func<InstructionRow, bool> filter) =>
        InstructionTable.Rows.ToArray().Where(filter).Select(row => row.Operation);

    private TestProgram Program(ulong steps)
    {
        TestProgram program = new TestProgram(Entry, steps)
            .Bytes(GuestMemory.TextAddress + Entry, [.. _text])
            .Set(Data, 0x2_0000 + (ulong)_random.Next(0, 16))
            .Set(Edge, 0x4_0000 - (ulong)_random.Next(0, 24))
            .Set(End, 0xFFFF_FFF0 + (ulong)_random.Next(0, 16))
            .Set(Saved, 0x9_0000);
        byte[] data = new byte[4096];
        _random.NextBytes(data);
        program.Bytes(0x1_F800, data);
        program.Set(Amounts[0], 16).Set(Amounts[1], (ulong)_random.Next(12, 14));
        foreach (int register in Free)
            program.Set(register, _random.Next(4) switch { 0 => (ulong)_random.NextInt64(), 1 => (ulong)(long)_random.Next(int.MinValue, int.MaxValue), 2 => ~0UL << _random.Next(64), _ => (ulong)_random.Next(256) });
        return program;
    }

    private void Build()
    {
        int[] starts = new int[_functions];
        for (_function = 0; _function < _functions; _function++)
        {
            starts[_function] = _text.Count;
            int slot = 8 * _function, pieces = _random.Next(4, 24);
            // The last calls none, and need not save where it returns to.
            bool isLeaf = _function != 0 && _function + 1 == _functions && pieces < 16;
            if (_function != 0 && !isLeaf)
                Add(Operation.Sd, 0, Saved, Ra, slot);
            Pieces(0, isLeaf ? pieces / 2 : pieces);
            if (_function == 0)
            {
                Finish();
            }
            else
            {
                if (!isLeaf)
                    Add(Operation.Ld, Ra, Saved, 0, slot);
                Add(Operation.Jalr, 0, Ra);
            }
        }

        foreach ((int at, int function) in _calls)
            Patch(at, Assembler.Encode(Operation.Jal, Ra, immediate: starts[function] - at));
    }

    private void Finish()
    {
        switch (_random.Next(5))
        {
            case 0:
                Add(Operation.Ebreak);
                break;
            case 1:
                AddHalf(0);
                break;
            case 2:
                Add(Operation.Jal, 0, immediate: -_text.Count);
                break;
            default:
                Add(Operation.Addi, CallNumber, 0, 0, 93);
                Add(Operation.Addi, 11, 0, 0, 16);
                Add(Operation.Ecall);
                break;
        }
    }

    private void Pieces(int depth, int count)
    {
        for (int i = 0; i < count && _text.Count < MaxLength; i++)
            Piece(depth);
    }

    private void Piece(int depth)
    {
        if (_hasIdioms && _random.Next(2) == 0)
        {
            if (_random.Next(6) == 0)
                AtomicRow();
            else
                Idiom();
            return;
        }

        int choice = _random.Next(depth < MaxDepth ? 40 : 30);
        switch (choice)
        {
            case < 16: Arithmetic(); break;
            case < 18: Compressed(); break;
            case < 21: Add(Any(Loads), Target(), Base(), 0, Offset()); break;
            case < 23: Add(Any(Stores), 0, Base(), Source(), Offset()); break;
            case 23: StoreRow(); break;
            case 24: Atomic(); break;
            case 25: Pairs(); break;
            case 26: if (_random.Next(4) == 0) Call(); else Arithmetic(); break;
            case 27: if (_random.Next(3) == 0) StackFrame(depth); else Rotations(); break;
            case 28: if (_random.Next(8) == 0) Add(_random.Next(2) == 0 ? Operation.Fence : Operation.FenceI); else Add(Operation.Addi, Target(), Source()); break;
            case 29: Add(Operation.Addi, Target(), 0, 0, _random.Next(-2048, 2048)); break;
            case < 33: Loop(depth); break;
            case < 36: If(depth); break;
            case < 38: Function(); break;
            default: Switch(depth); break;
        }
    }

    private void Arithmetic()
    {
        Operation operation = Any(Plain);
        Add(operation, Target(), Source(), Source(), (int)Assembler.Normalize(operation, 0, 0, 0, _random.Next(int.MinValue, int.MaxValue)).Immediate);
    }

    private void Compressed()
    {
        while (true)
        {
            int halfword = _random.Next(1 << 16);
            Instruction i = Decoder.DecodeText((uint)halfword);
            if ((halfword & 3) == 3 || i.Operation is Operation.Illegal or (>= Operation.Jal and <= Operation.Sd) or Operation.Ecall or Operation.Ebreak ||
                (i.Rd != 0 && !Free.Contains(i.Rd)))
                continue;

            AddHalf((ushort)halfword);
            return;
        }
    }

    // Several stores over one base, with what changes it between some of them.
    private void StoreRow()
    {
        int register = Base();
        for (int i = _random.Next(2, 6); i > 0; i--)
            Add(Any(Stores), 0, register, Source(), _random.Next(3) == 0 ? _random.Next(-2048, 2048) : _random.Next(-24, 24));
    }

    private void Atomic()
    {
        // One in 64 is misaligned, or may be.
        int mask = _random.Next(64) == 0 ? ~0 : ~7;
        Add(Operation.Addi, Scratch, Data, 0, _random.Next(-2048, 2048));
        Add(Operation.Andi, Scratch, Scratch, 0, mask);
        Add(Any(Atomics), Target(), Scratch, Source());
        if (_random.Next(2) == 0)
            Add(_random.Next(2) == 0 ? Operation.ScD : Operation.ScW, Target(), Scratch, Source());
    }

    // Several atomics over one place, with registers that are used often and seldom.
    private void AtomicRow()
    {
        int at = _random.Next(3) switch { 0 => Scratch, 1 => Scratch2, _ => Any(Free) };
        Add(Operation.Addi, at, _random.Next(8) == 0 ? End : Data, 0, _random.Next(-2048, 2048));
        Add(Operation.Andi, at, at, 0, _random.Next(256) == 0 ? -2 : -8);
        for (int i = _random.Next(1, 5); i > 0; i--)
        {
            // Words in the upper half, too; the last may be where the address was.
            if (_random.Next(8) == 0)
                Add(Operation.Xori, at, at, 0, 4);
            Operation operation = Any(_random.Next(3) == 0 ? Reservations : Atomics);
            bool isDouble = operation >= Operation.LrD;
            if (isDouble)
                Add(Operation.Andi, at, at, 0, -8);
            int target = i == 1 && at < Scratch ? at : Target();
            Add(operation, target == at && i != 1 ? 0 : target, at, _random.Next(8) == 0 ? at : Source());
            if (_random.Next(4) == 0)
                Add(Any(Loads), Free.First(register => register != at), at);
        }
    }

    // What is recognised as one thing, of few registers, so that some are the same; now and then with a detail changed, or something between.
    private void Idiom()
    {
        int[] registers = [.. Enumerable.Range(0, _random.Next(3, 7)).Select(_ => Any(Free))];
        int source = Any(registers), other = Any(registers), a = Any(registers), b = Any(registers), target = Any(registers);
        bool isWord = _random.Next(2) == 0, isEven = _random.Next(2) == 0;
        int width = isWord ? 32 : 64, amount = _random.Next(1, width);
        (Operation left, Operation right) = isWord ? (Operation.Slliw, Operation.Srliw) : (Operation.Slli, Operation.Srli);
        Instruction[] code = _random.Next(14) switch
        {
            0 or 1 => [Of(left, a, source, 0, amount), Of(right, b, source, 0, width - amount), Either(Of(AnyOf(Operation.Or, Operation.Xor, Operation.Add, isWord ? Operation.Addw : Operation.Or), target, a, b))],
            2 => [Of(AnyOf(Operation.Sub, Operation.Subw), b, 0, other), Of(isWord ? Operation.Sllw : Operation.Sll, a, source, isEven ? other : b),
                Of(isWord ? Operation.Srlw : Operation.Srl, b, source, isEven ? b : other), Either(Of(_random.Next(4) == 0 ? Operation.Xor : Operation.Or, target, a, b))],
            3 => [Of(Operation.Rev8, a, source), Of(AnyOf(Operation.Srli, Operation.Srai), target, a, 0, AnyOf(32, 48, 40, 63))],
            4 => [Of(Operation.Slli, a, source, 0, AnyOf(32, 48, 56)), Of(AnyOf(Operation.Srli, Operation.Srai), target, a, 0, AnyOf(32, 48, 56, 31, 30, 29, 16))],
            5 => [Of(left, a, source, 0, amount), Of(AnyOf(right, isWord ? Operation.Sraiw : Operation.Srai), target, a, 0, amount)],
            6 => [Of(Any(Loads), a, Base(), 0, Offset()), Of(AnyOf(Operation.Andi, Operation.ZextH, Operation.SextB, Operation.SextH, Operation.Addiw, Operation.AddUw), target, a, 0, AnyOf(255, 0, 127, 2047))],
            7 => [Of(Operation.Andi, a, source, 0, 255), Of(AnyOf(Operation.Add, Operation.AddUw, Operation.Sh1add, Operation.Sh2add, Operation.Sh3add, Operation.Sh2addUw), b, a, Base()), Of(Any(Loads), target, b, 0, Offset())],
            8 => [Of(Operation.Andi, source, source, 0, 511), Of(Operation.Slli, a, source, 0, AnyOf(32, 1, 2)), Of(Operation.Srli, a, a, 0, _random.Next(29, 32)), Either(Of(Operation.Add, b, a, _random.Next(2) == 0 ? other : Data)), Of(Operation.Lw, target, b)],
            9 => [Of(AnyOf(Operation.Lui, Operation.Auipc), a, 0, 0, _random.Next(4) == 0 ? -4096 : _random.Next(0x20, 0x40) << 12), Of(AnyOf(Operation.Addi, Operation.Addiw, Operation.Lw, Operation.Sd), target, a, target, _random.Next(-2048, 2048))],
            10 => [Of(AnyOf(Operation.Add, Operation.Sub), a, source, other), Of(Operation.Sltu, b, isEven ? a : source, isEven ? source : other), Of(Operation.Add, target, b, target)],
            11 => [Of(AnyOf(Operation.Mul, Operation.Mulhu, Operation.Mulh), a, source, other), Of(AnyOf(Operation.Mul, Operation.Mulhu, Operation.Mulh), b, isEven ? other : source, isEven ? source : other)],
            12 => [Of(Operation.Andi, a, source, 0, 1), Of(AnyOf(Operation.Addi, Operation.Xori, Operation.Slli), b, a, 0, 3)],
            _ => [Of(AnyOf(Operation.Slt, Operation.Sltu, Operation.Slti, Operation.Sltiu), a, source, other, 1), Of(AnyOf(Operation.Xori, Operation.Sltiu), target, a, 0, 1)],
        };
        foreach (Instruction each in code)
        {
            Instruction i = each;
            if (_random.Next(6) == 0)
            {
                Operation operation = Any(Plain);
                Add(operation, Any(registers), Any(registers), Any(registers), (int)Assembler.Normalize(operation, 0, 0, 0, _random.Next(int.MinValue, int.MaxValue)).Immediate);
            }

            if (_random.Next(12) == 0)
            {
                i = _random.Next(4) switch
                {
                    0 => Of(i.Operation, i.Rd == 0 ? 0 : Any(registers), i.Rs1, i.Rs2, (int)i.Immediate),
                    1 => Of(i.Operation, i.Rd, i.Rs1 is 0 or < 5 ? i.Rs1 : Any(registers), i.Rs2, (int)i.Immediate),
                    2 => Of(i.Operation, i.Rd, i.Rs1, Any(registers), (int)i.Immediate),
                    _ => Of(i.Operation, i.Rd, i.Rs1, i.Rs2, (int)i.Immediate + _random.Next(-1, 2)),
                };
            }

            Add(i.Operation, i.Rd, i.Rs1, i.Rs2, (int)i.Immediate);
        }

        static Instruction Of(Operation operation, int rd, int rs1, int rs2 = 0, int immediate = 0) => Assembler.Normalize(operation, rd, rs1, rs2, immediate);

        T AnyOf<T>(params T[] of) => Any(of);

        Instruction Either(Instruction i) => _random.Next(2) == 0 ? i : Of(i.Operation, i.Rd, i.Rs2, i.Rs1);
    }

    // What compilers make for rotations and extensions without Zbb.
    private void Pairs()
    {
        int source = Source(), a = Target(), b = Target(), n = _random.Next(1, 32);
        bool isWord = _random.Next(2) == 0;
        Add(isWord ? Operation.Slliw : Operation.Slli, a, source, 0, n);
        Add(isWord ? Operation.Srliw : Operation.Srli, b, source, 0, _random.Next(4) == 0 ? n : (isWord ? 32 : 64) - n);
        Add(Operation.Or, Target(), a, b);
        int c = Target();
        Add(Operation.Slli, c, Source(), 0, 32);
        Add(_random.Next(2) == 0 ? Operation.Srli : Operation.Srai, c, c, 0, _random.Next(16, 48));
    }

    // Amounts in registers that are set before: here, before a loop, or far away; sometimes to another value.
    private void Rotations()
    {
        if (_random.Next(2) == 0)
            Add(Operation.Addi, Amounts[0], 0, 0, _random.Next(8) == 0 ? _random.Next(-2048, 2048) : 16);
        if (_random.Next(3) == 0)
            Add(Operation.Addi, Amounts[1], 0, 0, _random.Next(8) == 0 ? 7 : 12);
        for (int i = _random.Next(1, 5); i > 0; i--)
            Add(Any(Rotates), Target(), Source(), Any(Amounts));
    }

    // A frame below the stack pointer, as functions have it; or the stack pointer at, and over, the edges of the address space.
    private void StackFrame(int depth)
    {
        Add(Operation.Addi, SavedStack, Data);
        if (_random.Next(6) == 0)
            Add(Operation.Addi, Data, _random.Next(2) == 0 ? End : 0, 0, _random.Next(-2048, 2048));
        else
            Add(Operation.Addi, Data, Data, 0, -16 * _random.Next(1, 9));
        for (int i = _random.Next(1, 7); i > 0; i--)
            Add(_random.Next(2) == 0 ? Any(Stores) : Any(Loads), Target(), Data, Source(), _random.Next(4) == 0 ? _random.Next(-2048, 2048) : 8 * _random.Next(0, 16));
        if (depth < MaxDepth && _random.Next(3) == 0)
            Arithmetic();
        Add(Operation.Addi, Data, SavedStack);
    }

    private void Call()
    {
        Add(Operation.Addi, CallNumber, 0, 0, _random.Next(2) == 0 ? 64 : 12);
        Add(Operation.Ecall);
    }

    private void Loop(int depth)
    {
        int counter = Counters[depth];
        Add(Operation.Addi, counter, 0, 0, _random.Next(1, depth == 0 ? 120 : 8));
        int start = _text.Count;
        Pieces(depth + 1, _random.Next(1, 9));
        Add(Operation.Addi, counter, counter, 0, -1);
        if (_random.Next(2) == 0)
        {
            Add(Operation.Bne, 0, counter, 0, start - _text.Count);
        }
        else
        {
            Add(Operation.Beq, 0, counter, 0, 8);
            Add(Operation.Jal, 0, immediate: start - _text.Count);
        }
    }

    private void If(int depth)
    {
        int at = _text.Count;
        Operation operation = Any(Branches);
        int a = Source(), b = Source();
        if (_hasIdioms && _random.Next(3) == 0)
        {
            Instruction i = Assembler.Normalize(Any<Operation>([Operation.Slt, Operation.Sltu, Operation.Sltiu, Operation.Addi, Operation.And]), Any(Free), a, b, _random.Next(4) == 0 ? -1 : 1);
            Add(i.Operation, i.Rd, i.Rs1, i.Rs2, (int)i.Immediate);
            if (_random.Next(4) == 0)
                Arithmetic();
            (operation, a, b) = (_random.Next(4) == 0 ? operation : _random.Next(2) == 0 ? Operation.Beq : Operation.Bne, i.Rd, 0);
            at = _text.Count;
        }

        Add(operation, 0, a, b);
        Pieces(depth + 1, _random.Next(1, 6));
        int skip = -1;
        if (_random.Next(2) == 0)
        {
            skip = _text.Count;
            Add(Operation.Jal);
        }

        Patch(at, Assembler.Encode(operation, 0, a, b, _text.Count - at));
        if (skip < 0)
            return;
        Pieces(depth + 1, _random.Next(1, 6));
        Patch(skip, Assembler.Encode(Operation.Jal, 0, immediate: _text.Count - skip));
    }

    private void Function()
    {
        if (_function + 1 == _functions)
            return;

        int callee = _random.Next(_function + 1, _functions);
        if (_random.Next(3) != 0)
        {
            _calls.Add((_text.Count, callee));
            Add(Operation.Jal);
            return;
        }

        // Through a pointer to a jump that calls: the return point is behind the JAL.
        Add(Operation.Auipc, Scratch);
        Add(Operation.Jalr, 0, Scratch, 0, 8 + _random.Next(2));
        _calls.Add((_text.Count, callee));
        Add(Operation.Jal);
    }

    private void Switch(int depth)
    {
        Add(Operation.Andi, Scratch, Source(), 0, 3);
        Add(Operation.Slli, Scratch, Scratch, 0, 2);
        Add(Operation.Auipc, Scratch2);
        Add(Operation.Add, Scratch2, Scratch2, Scratch);
        Add(Operation.Jalr, _random.Next(4) == 0 ? Scratch2 : 0, Scratch2, 0, 12);
        int table = _text.Count;
        for (int i = 0; i < 4; i++)
            Add(Operation.Jal);
        int[] ends = new int[4];
        for (int i = 0; i < 4; i++)
        {
            Patch(table + 4 * i, Assembler.Encode(Operation.Jal, 0, immediate: _text.Count - table - 4 * i));
            Pieces(depth + 1, _random.Next(1, 4));
            ends[i] = _text.Count;
            Add(Operation.Jal);
        }

        foreach (int end in ends)
            Patch(end, Assembler.Encode(Operation.Jal, 0, immediate: _text.Count - end));
    }

    private T Any<T>(T[] of) => of[_random.Next(of.Length)];

    private int Target() => _random.Next(16) == 0 ? 0 : Any(Free);

    private int Source() => _random.Next(8) switch { 0 => 0, 1 => Any(Counters), _ => Any(Free) };

    private int Base() => _random.Next(6) switch { 0 => Edge, 1 => End, _ => Data };

    private int Offset() => _random.Next(2) == 0 ? _random.Next(-2048, 2048) : _random.Next(-16, 16);

    private void Add(Operation operation, int rd = 0, int rs1 = 0, int rs2 = 0, int immediate = 0)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Assembler.Encode(operation, rd, rs1, rs2, immediate));
        _text.AddRange(bytes);
    }

    private void AddHalf(ushort halfword)
    {
        _text.Add((byte)halfword);
        _text.Add((byte)(halfword >> 8));
    }

    private void Patch(int at, uint word)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, word);
        for (int i = 0; i < 4; i++)
            _text[at + i] = bytes[i];
    }
}
