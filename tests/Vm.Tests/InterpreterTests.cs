using System.Globalization;
using System.Text.RegularExpressions;

namespace Optimistic.Vm.Tests;

/// <summary>Directed tests of the machine, by section of specs/1-machine.md. Each runs on the run loop and is replayed from its witness.</summary>
public sealed partial class InterpreterTests : IDisposable
{
    private const ulong Pc = 0x1_0000;
    private const uint Ram = 0x2_0000;

    private readonly Machine _machine = new(), _recorder = new();

    public void Dispose()
    {
        _machine.Dispose();
        _recorder.Dispose();
    }

    /// <summary>
    /// specs/vectors/alu.tsv was computed with unbounded integers by a model that shares nothing with this code; edges of every
    /// instruction that only computes.
    /// </summary>
    [Fact]
    [Spec("1.4.5")]
    [Spec("1.5.5")]
    public void Arithmetic_is_that_of_the_table_of_values()
    {
        string[] lines = File.ReadAllLines(Repository.File("specs", "vectors", "alu.tsv"));
        Dictionary<string, Operation> operations = InstructionTable.Rows.ToArray().ToDictionary(row => row.Name, row => row.Operation);
        var seen = new HashSet<Operation>();
        foreach (string line in lines.Skip(1))
        {
            string[] fields = line.Split('\t');
            Operation operation = operations[fields[0]];
            seen.Add(operation);
            ulong rs1 = ulong.Parse(fields[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            ulong rs2 = ulong.Parse(fields[2], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            ulong rd = ulong.Parse(fields[4], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            uint word = Assembler.Encode(operation, 10, 11, 12, int.Parse(fields[3], CultureInfo.InvariantCulture));
            Step(new TestProgram(Pc).Text(Pc, word).Set(11, rs1).Set(12, rs2));
            Assert.True(_machine.Register(10) == rd, $"{line}: 0x{_machine.Register(10):x16}");
            Assert.Equal(Pc + 4, _machine.Pc);
        }

        // All but LUI, AUIPC, jumps, branches, memory, fences and calls, which have tests of their own.
        Assert.Equal(128 - 2 - 8 - 11 - 4 - 22, seen.Count);
    }

    [Theory]
    [Spec("1.4.5")]
    [InlineData(0x7fff_f000, 0x7fff_f000UL)]
    [InlineData(unchecked((int)0x8000_0000), 0xffff_ffff_8000_0000UL)]
    public void Upper_immediates_are_sign_extended(int immediate, ulong value)
    {
        Step(new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Lui, 10, immediate: immediate)));
        Assert.Equal(value, _machine.Register(10));
        Step(new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Auipc, 10, immediate: immediate)));
        Assert.Equal(value + Pc, _machine.Register(10));
    }

    [Theory]
    [Spec("1.5.3")]
    [InlineData(Operation.Beq, 5UL, 5UL, true)]
    [InlineData(Operation.Beq, 5UL, 6UL, false)]
    [InlineData(Operation.Bne, 5UL, 5UL, false)]
    [InlineData(Operation.Bne, 5UL, 6UL, true)]
    [InlineData(Operation.Blt, ulong.MaxValue, 0UL, true)]
    [InlineData(Operation.Blt, 0UL, ulong.MaxValue, false)]
    [InlineData(Operation.Blt, 7UL, 7UL, false)]
    [InlineData(Operation.Bge, ulong.MaxValue, 0UL, false)]
    [InlineData(Operation.Bge, 0UL, ulong.MaxValue, true)]
    [InlineData(Operation.Bge, 7UL, 7UL, true)]
    [InlineData(Operation.Bltu, ulong.MaxValue, 0UL, false)]
    [InlineData(Operation.Bltu, 0UL, ulong.MaxValue, true)]
    [InlineData(Operation.Bltu, 7UL, 7UL, false)]
    [InlineData(Operation.Bgeu, ulong.MaxValue, 0UL, true)]
    [InlineData(Operation.Bgeu, 0UL, ulong.MaxValue, false)]
    [InlineData(Operation.Bgeu, 7UL, 7UL, true)]
    public void Branches(Operation operation, ulong a, ulong b, bool taken)
    {
        foreach (int offset in new[] { -4096, -2, 0, 2, 4094 })
        {
            Step(new TestProgram(Pc).Text(Pc, Assembler.Encode(operation, 0, 11, 12, offset)).Set(11, a).Set(12, b));
            Assert.Equal(taken ? Pc + (ulong)offset : Pc + 4, _machine.Pc);
        }
    }

    [Fact]
    [Spec("1.5.3")]
    public void Jumps_link_and_go()
    {
        foreach (int offset in new[] { -0x10_0000, -2, 0, 0xf_fffe })
        {
            Step(new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Jal, 1, immediate: offset)));
            Assert.Equal(Pc + (ulong)offset, _machine.Pc);
            Assert.Equal(Pc + 4, _machine.Register(1));
        }

        // The target is from rs1 before rd is written, and even.
        Step(new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Jalr, 10, 10, immediate: 4)).Set(10, 0x2_0001));
        Assert.Equal(0x2_0004UL, _machine.Pc);
        Assert.Equal(Pc + 4, _machine.Register(10));

        // Nothing is checked before the fetch.
        Step(new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Jalr, 0, 10, immediate: -1)));
        Assert.Equal(ulong.MaxValue - 1, _machine.Pc);
        Assert.Equal(MachineStatus.Running, _machine.Status);
        Assert.Equal(0UL, _machine.Register(0));
    }

    [Fact]
    [Spec("1.9.1")]
    public void A_compressed_call_links_behind_its_two_bytes()
    {
        Step(new TestProgram(Pc).Halfword(Pc, 0x9502).Set(10, 0x3_0000));
        Assert.Equal(0x3_0000UL, _machine.Pc);
        Assert.Equal(Pc + 2, _machine.Register(1));
    }

    [Theory]
    [Spec("1.2.3")]
    [InlineData(Operation.Lb, 0xffff_ffff_ffff_ff81UL)]
    [InlineData(Operation.Lh, 0xffff_ffff_ffff_8281UL)]
    [InlineData(Operation.Lw, 0xffff_ffff_8483_8281UL)]
    [InlineData(Operation.Ld, 0x8887_8685_8483_8281UL)]
    [InlineData(Operation.Lbu, 0x81UL)]
    [InlineData(Operation.Lhu, 0x8281UL)]
    [InlineData(Operation.Lwu, 0x8483_8281UL)]
    public void Loads_at_every_offset(Operation operation, ulong value)
    {
        for (uint offset = 0; offset < 40; offset++)
        {
            Step(Access(operation, Ram + offset).Bytes(Ram + offset, [0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88]));
            Assert.Equal(value, _machine.Register(10));
        }
    }

    [Theory]
    [Spec("1.2.3")]
    [InlineData(Operation.Sb, 1)]
    [InlineData(Operation.Sh, 2)]
    [InlineData(Operation.Sw, 4)]
    [InlineData(Operation.Sd, 8)]
    public void Stores_at_every_offset(Operation operation, int size)
    {
        byte[] value = [0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88];
        for (uint offset = 0; offset < 40; offset++)
        {
            TestProgram program = Access(operation, Ram + offset).Set(12, 0x8887_8685_8483_8281);
            Step(program);
            Assert.Equal(program.Image.Write(Ram + offset, value.AsSpan(0, size)).Root, _machine.Memory.Root());
        }
    }

    [Fact]
    [Spec("1.2.2")]
    public void Addresses_wrap_but_accesses_do_not()
    {
        byte[] bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        Step(Access(Operation.Ld, 0xffff_fffd).Bytes(0xffff_fffd, bytes).Bytes(0, [0xee, 0xee, 0xee, 0xee, 0xee]));
        Assert.Equal(0x0807_0605_0403_0201UL, _machine.Register(10));

        TestProgram program = Access(Operation.Sd, 0xffff_ffff).Set(12, 0x0807_0605_0403_0201);
        Step(program);
        Assert.Equal(program.Image.Write(0xffff_ffff, bytes).Root, _machine.Memory.Root());

        // What has been stored there can only be read the same way: slot 8 has no address of its own.
        Step(Access(Operation.Lbu, 0x1_0000_0000).Bytes(0x1_0000_0000, [9]).Bytes(0, [7]));
        Assert.Equal(7UL, _machine.Register(10));
    }

    [Fact]
    [Spec("1.2.4")]
    public void A_store_over_the_program_does_not_change_what_runs()
    {
        // SD over the next instruction's data copy; the ADDI after it runs all the same.
        uint addi = Assembler.Encode(Operation.Addi, 10, 0, immediate: 42);
        TestProgram program = Access(Operation.Sd, Pc + 4).Text(Pc + 4, addi).Bytes(Pc + 4, BitConverter.GetBytes(addi));
        program.LoadInto(_machine);
        Interpreter.Run(_machine, 2);
        Assert.Equal(42UL, _machine.Register(10));
        Assert.Equal(0u, BitConverter.ToUInt32(_machine.Memory.Read((uint)Pc + 4, 4)));
    }

    [Fact]
    [Spec("1.1.1")]
    public void Writes_to_x0_are_dropped()
    {
        foreach (InstructionRow row in InstructionTable.Rows.ToArray().Where(row => row.Family != Family.A && row.Operation is not (Operation.Ecall or Operation.Ebreak)))
        {
            Step(new TestProgram(Pc).Text(Pc, Assembler.Encode(row.Operation, 0, 11, 12, 0x40)).Set(11, Ram).Set(12, 77));
            Assert.Equal(0UL, _machine.Register(0));
        }
    }

    [Fact]
    [Spec("1.4.1")]
    [Spec("1.4.2")]
    [Spec("1.4.3")]
    public void A_machine_without_steps_stops_and_stays()
    {
        TestProgram program = new TestProgram(Pc, stepsLeft: 1).Text(Pc, Assembler.Encode(Operation.Addi, 10, 10, immediate: 1), Assembler.Encode(Operation.Addi, 10, 10, immediate: 1));
        program.LoadInto(_machine);
        Assert.Equal(1UL, Interpreter.Run(_machine, 1));
        Assert.Equal((MachineStatus.Running, 0UL, 1UL), (_machine.Status, _machine.StepsLeft, _machine.Register(10)));
        Assert.Equal(1UL, Interpreter.Run(_machine, 5));
        Assert.Equal((MachineStatus.OutOfSteps, 0UL, 1UL, Pc + 4), (_machine.Status, _machine.StepsLeft, _machine.Register(10), _machine.Pc));
        Word root = _machine.Root();
        Assert.Equal(0UL, Interpreter.Run(_machine, 5));
        Assert.Equal(root, _machine.Root());
        Assert.Equal(root, Vm.Step.Replay(root, Vm.Step.Record(_machine)));
    }

    [Theory]
    [Spec("1.4.5")]
    [Spec("1.6.5")]
    [InlineData(MachineStatus.IllegalInstruction)]
    [InlineData(MachineStatus.BadPc)]
    [InlineData(MachineStatus.Breakpoint)]
    [InlineData(MachineStatus.MisalignedAtomic)]
    [InlineData(MachineStatus.OutputTooLong)]
    public void A_fault_changes_nothing_but_status_and_steps_left(MachineStatus fault)
    {
        TestProgram program = fault switch
        {
            MachineStatus.IllegalInstruction => new TestProgram(Pc),
            MachineStatus.BadPc => new TestProgram(Pc + 1).Text(Pc, Assembler.Encode(Operation.Addi)),
            MachineStatus.Breakpoint => new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Ebreak)),
            MachineStatus.MisalignedAtomic => new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.ScD, 10, 11, 12)).Set(11, Ram + 4),
            _ => new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Ecall)).Set(17, 93).Set(10, 5).Set(11, (1UL << 29) + 1)
        };
        program.Head.Control.Reservation = Ram + 5;
        Step(program);
        MachineHead expected = program.Head;
        expected.Control.Status = fault;
        expected.Control.StepsLeft--;
        Assert.Equal(expected.Root(program.Image.Root), _machine.Root());
    }

    [Fact]
    [Spec("1.4.4")]
    [Spec("1.4.3")]
    public void Text_ends_at_2_to_the_29()
    {
        // The last halfword can hold a compressed instruction; a long one there has a zero upper half.
        const ulong Last = GuestMemory.TextLength - 2;
        Step(new TestProgram(Last).Halfword(Last, 0x0505));
        Assert.Equal((GuestMemory.TextLength, 1UL), (_machine.Pc, _machine.Register(10)));
        Step(new TestProgram(Last).Halfword(Last, 0x8533));
        Assert.Equal((GuestMemory.TextLength + 2, MachineStatus.Running), (_machine.Pc, _machine.Status));
        Step(new TestProgram(GuestMemory.TextLength));
        Assert.Equal(MachineStatus.BadPc, _machine.Status);
    }

    [Fact]
    [Spec("1.5.2")]
    [Spec("1.5.6")]
    public void Fences_and_hints_do_nothing()
    {
        foreach (uint word in new uint[] { 0x0ff0_000fu, 0xffff_8f8fu, 0x0000_100f, 0xffff_9f8f, 0x0000_0013, 0x0010_0013, 0x0000_1037, 0x0020_5013 })
        {
            TestProgram program = new TestProgram(Pc).Text(Pc, word).Set(31, 5);
            Step(program);
            MachineHead expected = program.Head;
            expected.Control.Pc += 4;
            expected.Control.StepsLeft--;
            Assert.Equal(expected.Root(program.Image.Root), _machine.Root());
        }
    }

    [Fact]
    [Spec("1.5.4")]
    public void There_is_no_CSR_instruction()
    {
        for (uint funct3 = 1; funct3 < 8; funct3++)
            for (uint csr = 0; csr < 0x1000; csr += 0x2f)
                Assert.Equal(Operation.Illegal, Decoder.Decode(0x73 | funct3 << 12 | csr << 20 | 10 << 7).Operation);
    }

    [Fact]
    [Spec("1.6.2")]
    public void Exit_halts_on_the_call()
    {
        Step(Call(93, 0x1_0000_0007, 1UL << 29, 0));
        Assert.Equal((MachineStatus.Halted, 7u, Pc, 1UL << 29), (_machine.Status, _machine.ExitCode, _machine.Pc, _machine.Register(11)));
        Assert.Equal(999UL, _machine.StepsLeft);
    }

    [Fact]
    [Spec("1.6.3")]
    public void Write_returns_the_length_and_reaches_the_console()
    {
        var written = new List<(int, string)>();
        _machine.Console = (descriptor, bytes) => written.Add((descriptor, System.Text.Encoding.UTF8.GetString(bytes)));
        foreach (ulong descriptor in new ulong[] { 0, 1, 2, 3, 1UL << 32 | 1 })
        {
            Step(Call(64, descriptor, Ram, 5).Bytes(Ram, "hello!"u8));
            Assert.Equal((5UL, Pc + 4), (_machine.Register(10), _machine.Pc));
        }

        Assert.Equal([(1, "hello"), (2, "hello")], written);

        // Any length and address: what is shown is limited, what is returned is not.
        Step(Call(64, 1, ulong.MaxValue, ulong.MaxValue));
        Assert.Equal(ulong.MaxValue, _machine.Register(10));
        Assert.Equal(1 << 16, written[^1].Item2.Length);
    }

    [Theory]
    [Spec("1.6.1")]
    [Spec("1.6.4")]
    [InlineData(0UL)]
    [InlineData(63UL)]
    [InlineData(94UL)]
    [InlineData(0x1_0000_005dUL)]
    [InlineData(ulong.MaxValue)]
    public void Other_calls_are_not_there(ulong number)
    {
        Step(Call(number, 1, 2, 3));
        Assert.Equal((unchecked((ulong)-38L), Pc + 4, MachineStatus.Running), (_machine.Register(10), _machine.Pc, _machine.Status));
    }

    [Fact]
    [Spec("1.7.3")]
    [Spec("1.7.4")]
    public void A_store_conditional_succeeds_on_the_reserved_address_alone()
    {
        uint lr = Assembler.Encode(Operation.LrW, 10, 11), sc = Assembler.Encode(Operation.ScW, 12, 13, 14);
        uint store = Assembler.Encode(Operation.Sw, 0, 11, 14);
        foreach ((ulong address, ulong result) in new (ulong, ulong)[] { (Ram, 0), (Ram + 4, 1), (0xabcd_0000_0000UL + Ram, 0) })
        {
            // A store in between does not break the reservation: it is an address, not a watch.
            new TestProgram(Pc).Text(Pc, lr, store, sc, sc).Bytes(Ram, [0xff, 0xff, 0xff, 0xff]).Set(11, Ram).Set(13, address).Set(14, 5).LoadInto(_machine);
            Interpreter.Run(_machine, 1);
            Assert.Equal((ulong.MaxValue, Ram | 1UL), (_machine.Register(10), _machine.Head.Control.Reservation));
            Interpreter.Run(_machine, 2);
            Assert.Equal((result, 0UL), (_machine.Register(12), _machine.Head.Control.Reservation));

            // It is gone after either.
            Interpreter.Run(_machine, 1);
            Assert.Equal(1UL, _machine.Register(12));
        }
    }

    [Fact]
    [Spec("1.7.4")]
    public void Widths_share_the_reservation()
    {
        uint lr = Assembler.Encode(Operation.LrW, 10, 11), sc = Assembler.Encode(Operation.ScD, 12, 11, 14);
        new TestProgram(Pc).Text(Pc, lr, sc).Set(11, Ram).Set(14, ulong.MaxValue).LoadInto(_machine);
        Interpreter.Run(_machine, 2);
        Assert.Equal(0UL, _machine.Register(12));
        Assert.Equal(ulong.MaxValue, BitConverter.ToUInt64(_machine.Memory.Read(Ram, 8)));
    }

    [Theory]
    [Spec("1.7.5")]
    [Spec("1.7.1")]
    [InlineData(Operation.AmoswapW, 0x0000_0005u)]
    [InlineData(Operation.AmoaddW, 0x8000_0005u)]
    [InlineData(Operation.AmoxorW, 0x8000_0005u)]
    [InlineData(Operation.AmoandW, 0x0000_0000u)]
    [InlineData(Operation.AmoorW, 0x8000_0005u)]
    [InlineData(Operation.AmominW, 0x8000_0000u)]
    [InlineData(Operation.AmomaxW, 0x0000_0005u)]
    [InlineData(Operation.AmominuW, 0x0000_0005u)]
    [InlineData(Operation.AmomaxuW, 0x8000_0000u)]
    public void Atomics_of_words(Operation operation, uint stored)
    {
        // The upper half of rs2 does not count, the neighbours stay.
        TestProgram program = new TestProgram(Pc)
            .Text(Pc, Assembler.Encode(operation, 10, 11, 12) | 3 << 25)
            .Bytes(Ram, [1, 2, 3, 4, 0, 0, 0, 0x80, 5, 6, 7, 8])
            .Set(11, Ram + 4)
            .Set(12, 0xffff_ffff_0000_0005);
        program.Head.Control.Reservation = Ram + 5;
        Step(program);
        Assert.Equal(0xffff_ffff_8000_0000, _machine.Register(10));
        Assert.Equal(program.Image.Write(Ram + 4, BitConverter.GetBytes(stored)).Root, _machine.Memory.Root());
        Assert.Equal(Ram + 5UL, _machine.Head.Control.Reservation);
    }

    [Theory]
    [Spec("1.7.5")]
    [InlineData(Operation.AmoswapD, 5UL)]
    [InlineData(Operation.AmoaddD, 0x8000_0000_0000_0005UL)]
    [InlineData(Operation.AmoxorD, 0x8000_0000_0000_0005UL)]
    [InlineData(Operation.AmoandD, 0UL)]
    [InlineData(Operation.AmoorD, 0x8000_0000_0000_0005UL)]
    [InlineData(Operation.AmominD, 0x8000_0000_0000_0000UL)]
    [InlineData(Operation.AmomaxD, 5UL)]
    [InlineData(Operation.AmominuD, 5UL)]
    [InlineData(Operation.AmomaxuD, 0x8000_0000_0000_0000UL)]
    public void Atomics_of_doublewords(Operation operation, ulong stored)
    {
        TestProgram program = new TestProgram(Pc)
            .Text(Pc, Assembler.Encode(operation, 12, 11, 12))
            .Bytes(Ram + 8, [0, 0, 0, 0, 0, 0, 0, 0x80])
            .Set(11, Ram + 8)
            .Set(12, 5);
        Step(program);
        Assert.Equal(0x8000_0000_0000_0000, _machine.Register(12));
        Assert.Equal(program.Image.Write(Ram + 8, BitConverter.GetBytes(stored)).Root, _machine.Memory.Root());
    }

    [Fact]
    [Spec("1.2.3")]
    [Spec("1.7.2")]
    public void Atomics_need_their_alignment()
    {
        foreach (InstructionRow row in InstructionTable.Rows.ToArray().Where(row => row.Family == Family.A))
        {
            uint size = row.Mnemonic.EndsWith(".d", StringComparison.Ordinal) ? 8u : 4;
            for (uint offset = 0; offset < 8; offset++)
            {
                Step(new TestProgram(Pc).Text(Pc, Assembler.Encode(row.Operation, 10, 11, 12)).Set(11, Ram + offset));
                Assert.Equal(offset % size == 0 ? MachineStatus.Running : MachineStatus.MisalignedAtomic, _machine.Status);
            }
        }
    }

    [Fact]
    public void Machines_share_decoded_text_and_keep_their_own_memory()
    {
        TestProgram program = new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Addi, 10, 10, immediate: 1), Assembler.Encode(Operation.Jal, 0, immediate: -4));
        Assert.Same(ProgramText.Of(program.Image), ProgramText.Of(program.Image.Write(Ram, [1])));
        Parallel.For(0, 4, i =>
        {
            using var machine = new Machine();
            program.LoadInto(machine);
            Interpreter.Run(machine, 2UL * (ulong)(100 + i));
            Assert.Equal((ulong)(100 + i), machine.Register(10));
        });

        // Another program in the same machine brings its own text.
        program.LoadInto(_machine);
        Interpreter.Run(_machine, 10);
        new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Addi, 10, 10, immediate: 7)).LoadInto(_machine);
        Interpreter.Run(_machine, 1);
        Assert.Equal(7UL, _machine.Register(10));
    }

    [Fact]
    public void A_tracer_sees_every_step_and_every_word_written()
    {
        TestProgram program = RandomProgram.Create(new Random(42), instructions: 48, steps: 64);
        program.LoadInto(_machine);
        program.LoadInto(_recorder);
        var tracer = new CollectingTracer([], -1);
        ulong steps = Interpreter.Run(_machine, 64, ref tracer);
        Assert.Equal(steps, (ulong)tracer.Step + 1);

        // Replaying the log over the start gives the memory at the end.
        foreach ((_, uint index, Word value) in tracer.Log)
            _recorder.Memory.WriteWord(index, value);
        Assert.Equal(_machine.Memory.Root(), _recorder.Memory.Root());
    }

    /// <summary>The methods of Interpreter.*.cs are those of the table, in its order, a family a file.</summary>
    [Fact]
    [Spec("1.5.1")]
    public void Methods_are_in_the_order_of_the_table()
    {
        foreach (IGrouping<Family, InstructionRow> family in InstructionTable.Rows.ToArray().GroupBy(row => row.Family))
        {
            string source = File.ReadAllText(Repository.File("vm", $"Interpreter.{family.Key}.cs"));
            IEnumerable<string> methods = Method().Matches(source).Select(match => match.Groups["name"].Value);
            Assert.Equal(family.Select(row => row.Operation.ToString()).Where(name => !name.StartsWith("Fence", StringComparison.Ordinal)), methods);
        }

        string loop = File.ReadAllText(Repository.File("vm", "Interpreter.cs"));
        Assert.Equal(InstructionTable.Rows.ToArray().Select(row => row.Operation.ToString()), Case().Matches(loop).Select(match => match.Groups["name"].Value));
    }

    [GeneratedRegex(@"^    private static \w+ (?<name>\w+)[<(]", RegexOptions.Multiline)]
    private static partial Regex Method();

    [GeneratedRegex(@"case Operation\.(?<name>\w+):")]
    private static partial Regex Case();

    /// <summary>One step on the run loop, checked against recording and replay.</summary>
    private void Step(TestProgram program)
    {
        program.LoadInto(_machine);
        program.LoadInto(_recorder);
        Word before = _recorder.Root();
        byte[] witness = Vm.Step.Record(_recorder);
        Interpreter.Run(_machine, 1);
        Word after = _machine.Root();
        Assert.Equal(after, _recorder.Root());
        Assert.Equal(after, Vm.Step.Replay(before, witness));
    }

    private static TestProgram Access(Operation operation, ulong address) =>
        new TestProgram(Pc).Text(Pc, Assembler.Encode(operation, 10, 11, 12, -7)).Set(11, address + 7);

    private static TestProgram Call(ulong number, ulong a0, ulong a1, ulong a2) =>
        new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Ecall)).Set(10, a0).Set(11, a1).Set(12, a2).Set(17, number);

    private record struct CollectingTracer(List<(long Step, uint Index, Word Value)> Log, long Step) : IWriteTracer
    {
        public void BeginStep() => Step++;

        public readonly void WordWritten(uint index, in Word value) => Log.Add((Step, index, value));
    }
}
