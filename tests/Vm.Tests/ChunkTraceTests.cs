using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Optimistic.Vm.Trace;

namespace Optimistic.Vm.Tests;

public sealed class ChunkTraceTests
{
    private static readonly ChunkTraceSizes SmallSizes = new(WindowSteps: 1024, SnapshotSteps: 2048);

    private static readonly Operation[] Loads =
        [Operation.Lb, Operation.Lh, Operation.Lw, Operation.Ld, Operation.Lbu, Operation.Lhu, Operation.Lwu];

    private static readonly Operation[] Stores = [Operation.Sb, Operation.Sh, Operation.Sw, Operation.Sd];

    private static readonly Operation[] Atomics = [Operation.AmoaddD, Operation.AmoswapW, Operation.LrD, Operation.ScD];

    /// <summary>How a program ends.</summary>
    public enum Ending
    {
        Exit,
        Breakpoint,
        IllegalInstruction,
        BadPc,
        MisalignedAtomic,
        OutputTooLong,
        OutOfSteps,
        None,
    }

    /// <summary>Every leaf against a machine stepped one by one and hashed by itself, for each way to end.</summary>
    [Theory, MemberData(nameof(Endings))]
    [Spec("2.8.2")]
    public void Every_leaf_is_the_machine_root_after_its_step(Ending ending, int seed)
    {
        var random = new Random(seed);
        Program program = LoopingProgram(ending, random, loops: random.Next(1, 120));
        const ulong MaxSteps = 5000;
        (List<Word> roots, MachineStatus status) = StepByStep(program, MaxSteps);
        using Machine machine = program.Load();
        ChunkTrace trace = ChunkTrace.Build(machine, MaxSteps, SmallSizes);

        Assert.Equal(program.ExpectedStatus, status);
        Assert.Equal(roots.Count, (int)trace.Steps);
        Assert.Equal(roots[^1], machine.Root());
        for (int step = 0; step < roots.Count; step++)
            Assert.True(roots[step] == trace.Leaf((ulong)step), $"leaf {step} of {roots.Count} differs");

        Assert.Equal(roots[^1], trace.Leaf(trace.Length - 1));
        CheckNodes(trace, roots, random);
    }

    /// <summary>Sizes of windows and snapshots are nobody's business but the builder's.</summary>
    [Property(MaxTest = 12)]
    public void The_root_does_not_depend_on_windows_and_snapshots(int seed)
    {
        var random = new Random(seed);
        Program program = LoopingProgram(Ending.Exit, random, loops: 200);
        var roots = new List<Word>();
        foreach (ChunkTraceSizes sizes in new[] { SmallSizes, new(3072, 3072, 0), new() })
        {
            using Machine machine = program.Load();
            ChunkTrace trace = ChunkTrace.Build(machine, ChunkTrace.MaxSteps, sizes);
            roots.Add(trace.Root);
            ulong leaf = (ulong)random.NextInt64((long)trace.Steps);
            QuadTreeTests.CheckProof(trace.Prove(leaf), trace.Root, trace.Leaf(leaf), leaf, random);
        }

        Assert.Single(roots.Distinct());
    }

    /// <summary>All instructions, compressed ones among them, mostly straight on.</summary>
    [Property(MaxTest = 15)]
    public void Leaves_of_random_instruction_streams_are_machine_roots(int seed)
    {
        var random = new Random(seed);
        TestProgram source = RandomProgram.Create(random, instructions: 400, steps: (ulong)random.Next(1, 600));
        var program = new Program(source.Image, source.Head, MachineStatus.Running);
        (List<Word> roots, _) = StepByStep(program, 600);
        using Machine machine = program.Load();
        ChunkTrace trace = ChunkTrace.Build(machine);
        Assert.Equal(roots.Count, (int)trace.Steps);
        for (int step = 0; step < roots.Count; step++)
            Assert.True(roots[step] == trace.Leaf((ulong)step), $"leaf {step} of {roots.Count} differs");
    }

    /// <summary>Registers and memory that come back to what they were a few steps, or some thousand, before.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(500)]
    public void Leaves_of_states_that_come_back_are_machine_roots(int period)
    {
        const int Steps = 9000;
        var source = new TestProgram(0x1000, 1UL << 39);
        source.Text(0x1000,
            Assembler.Encode(Operation.Addi, 5, 5, immediate: 1),
            Assembler.Encode(Operation.Remu, 20, 5, 6),
            Assembler.Encode(Operation.Remu, 5, 5, 6),
            Assembler.Encode(Operation.Sd, rs1: 8, rs2: 20),
            Assembler.Encode(Operation.Sub, 20, 20, 5),
            Assembler.Encode(Operation.Jal, immediate: -20));
        source.Set(6, (ulong)period).Set(8, 0x1000_0000 - 4);
        var program = new Program(source.Image, source.Head, MachineStatus.Running);
        (List<Word> roots, _) = StepByStep(program, Steps);
        using Machine machine = program.Load();
        ChunkTrace trace = ChunkTrace.Build(machine, Steps, new ChunkTraceSizes(WindowSteps: 4096));
        for (int step = 0; step < Steps; step++)
            Assert.True(roots[step] == trace.Leaf((ulong)step), $"leaf {step} differs");
    }

    /// <summary>A program that dirties a fresh block with each store: snapshots stay within their limit, and every leaf can still be had.</summary>
    [Fact]
    public void Snapshots_are_thinned_out_to_their_limit()
    {
        const ulong MaxBytes = 200 * GuestMemory.BlockLength;
        const int Steps = 24 * 1024;
        var source = new TestProgram(0x1000, 1UL << 39);
        source.Text(0x1000, Assembler.Encode(Operation.Sd, rs1: 8, rs2: 8), Assembler.Encode(Operation.Add, 8, 8, 9), Assembler.Encode(Operation.Jal, immediate: -8));
        source.Set(8, 0x1000_0000).Set(9, GuestMemory.BlockLength / 8);
        var program = new Program(source.Image, source.Head, MachineStatus.Running);
        using Machine machine = program.Load(), stepped = program.Load();
        ChunkTrace trace = ChunkTrace.Build(machine, Steps, new ChunkTraceSizes(1024, 1024, MaxBytes));
        Assert.InRange(trace.SnapshotCount, 2, 8);
        foreach (ulong step in new ulong[] { 1000, 9000, Steps - 1 })
        {
            stepped.Load(program.Image, program.Head);
            Interpreter.Run(stepped, step + 1);
            Assert.Equal(stepped.Root(), trace.Leaf(step));
        }
    }

    /// <summary>The tree over a few thousand leaves and one run, built level by level.</summary>
    [Fact]
    public void The_root_is_that_of_all_leaves()
    {
        Program program = LoopingProgram(Ending.Exit, new Random(8), loops: 60);
        (List<Word> roots, _) = StepByStep(program, 10_000);
        using Machine machine = program.Load();
        var builder = new RunLengthTrace.Builder(TraceTree.ChunkHeight);
        foreach (Word root in roots)
            builder.Add(root, 1);

        ChunkTrace trace = ChunkTrace.Build(machine);
        Assert.Equal(builder.Build().Root, trace.Root);
        Assert.Null(TraceTree.FirstDivergence(trace, builder.Build()));
    }

    [Fact]
    public void A_machine_that_does_not_run_has_a_constant_trace()
    {
        using Machine machine = LoopingProgram(Ending.Exit, new Random(1), loops: 1).Load();
        machine.Head.Control.Status = MachineStatus.Halted;
        ChunkTrace trace = ChunkTrace.Build(machine);
        Assert.Equal(0UL, trace.Steps);
        Assert.Equal(QuadTree.Repeat(machine.Root(), 14), trace.Root);
        Assert.Equal(machine.Root(), trace.Leaf(0));
        Assert.Equal(new byte[8], trace.Prove(77).Encode());
    }

    /// <summary>A whole chunk in which the machine halts soon costs what was run.</summary>
    [Fact]
    public void A_chunk_that_halts_early_is_hashed_for_its_steps_alone()
    {
        using Machine machine = LoopingProgram(Ending.Exit, new Random(5), loops: 3).Load();
        ChunkTrace trace = ChunkTrace.Build(machine);
        Assert.InRange(trace.Steps, 1UL, 1000UL);
        Assert.Equal(trace.Steps, trace.HashedSteps);
        Assert.Equal(machine.Root(), trace.Leaf(1 << 27));
        _ = trace.Prove(trace.Length - 1);
        Assert.Equal(trace.Steps, trace.HashedSteps);
        _ = trace.Leaf(0);
        Assert.Equal(2 * trace.Steps, trace.HashedSteps);
    }

    /// <summary>A forged word is there from its step on, in every leaf, and the traces part where it is.</summary>
    [Property(MaxTest = 25)]
    public void A_forged_word_parts_the_traces_at_its_step(int seed)
    {
        var random = new Random(seed);
        Program program = LoopingProgram(Ending.Exit, random, loops: 150);
        using Machine honest = program.Load(), liar = program.Load(), stepped = program.Load();
        ChunkTrace truth = ChunkTrace.Build(honest, ChunkTrace.MaxSteps, SmallSizes);
        ulong step = random.Next(3) switch { 0 => 0, 1 => truth.Steps - 1, _ => (ulong)random.NextInt64((long)truth.Steps) };
        // A word that the program never touches, so that it never falls over the lie.
        var forged = new ForgedWord(step, 0x5000_0000 / 32, QuadTreeTests.RandomWord(random));
        ChunkTrace lie = ChunkTrace.Build(liar, ChunkTrace.MaxSteps, SmallSizes, forged);
        Assert.Equal(step, TraceTree.FirstDivergence(truth, lie));

        Interpreter.Run(stepped, step + 1);
        stepped.Memory.WriteWord(forged.Index, forged.Value);
        Assert.Equal(stepped.Root(), lie.Leaf(step));
        Interpreter.Run(stepped, truth.Steps);
        Assert.Equal(stepped.Root(), lie.Leaf(lie.Length - 1));
        Assert.Equal(stepped.Root(), liar.Root());
        ulong index = (ulong)random.NextInt64((long)truth.Steps);
        QuadTreeTests.CheckProof(lie.Prove(index), lie.Root, lie.Leaf(index), index, random);

        // From any place, whatever the machine was before, and behind the end as well.
        lie.RunTo(honest, index + 1);
        Assert.Equal(lie.Leaf(index), honest.Root());
        lie.RunTo(honest, lie.Length - 1);
        Assert.Equal(lie.Leaf(lie.Length - 1), honest.Root());
    }

    [Fact]
    public void A_lie_after_the_end_is_refused()
    {
        using Machine machine = LoopingProgram(Ending.Exit, new Random(1), loops: 1).Load();
        Assert.Throws<ArgumentException>(() => ChunkTrace.Build(machine, new ForgedWord(100_000, 0, Word.FromUInt64(1))));
    }

    /// <summary>Who waits is told how far it has come, and can end it.</summary>
    [Fact]
    public void Progress_is_reported_and_may_stop_the_building()
    {
        Program program = LoopingProgram(Ending.Exit, new Random(21), loops: 300);
        using Machine machine = program.Load();
        var reported = new List<ulong>();
        ChunkTrace trace = ChunkTrace.Build(machine, ChunkTrace.MaxSteps, SmallSizes, progress: reported.Add);
        Assert.Equal(trace.Steps, reported[^1]);
        Assert.Equal(reported.Order().Distinct(), reported);
        Assert.Equal((trace.Steps + 1023) / 1024, (ulong)reported.Count);

        using Machine stopped = program.Load();
        Assert.Throws<OperationCanceledException>(() => ChunkTrace.Build(stopped, progress: _ => throw new OperationCanceledException()));
    }

    /// <summary>The next chunk starts from the machine that the last one left, snapshots and all.</summary>
    [Fact]
    public void Chunks_follow_one_another_on_one_machine()
    {
        Program program = LoopingProgram(Ending.Exit, new Random(21), loops: 300);
        (List<Word> roots, _) = StepByStep(program, 20_000);
        using Machine machine = program.Load();
        ChunkTrace first = ChunkTrace.Build(machine, 4096, SmallSizes);
        ChunkTrace second = ChunkTrace.Build(machine, 4096, SmallSizes);
        foreach (ulong step in new ulong[] { 0, 1023, 1024, 2048, 4095 })
        {
            Assert.Equal(roots[(int)step], first.Leaf(step));
            Assert.Equal(roots[4096 + (int)step], second.Leaf(step));
        }
    }

    private static void CheckNodes(ChunkTrace trace, List<Word> roots, Random random)
    {
        for (int height = 1; height <= trace.Height; height++)
        {
            ulong index = ((ulong)random.Next(roots.Count + 50)) >> (2 * height);
            (Word c0, Word c1, Word c2, Word c3) = trace.Children(height, index);
            Assert.Equal(trace.Node(height, index), Keccak.Quad(c0, c1, c2, c3));
        }

        foreach (int step in new[] { 0, roots.Count / 2, roots.Count - 1, roots.Count, roots.Count + 5000 })
        {
            Word leaf = roots[Math.Min(step, roots.Count - 1)];
            QuadTreeTests.CheckProof(trace.Prove((ulong)step), trace.Root, leaf, (ulong)step, random);
        }
    }

    private static (List<Word> Roots, MachineStatus Status) StepByStep(Program program, ulong maxSteps)
    {
        using Machine machine = program.Load();
        var roots = new List<Word>();
        while (machine.IsRunning && (ulong)roots.Count < maxSteps)
        {
            Assert.Equal(1UL, Interpreter.Run(machine, 1));
            roots.Add(machine.Root());
        }

        return (roots, machine.Status);
    }

    /// <summary>A loop of random arithmetic, loads, stores, atomics and calls around awkward addresses, and then an ending.</summary>
    private static Program LoopingProgram(Ending ending, Random random, int loops)
    {
        const int Zero = 0, Counter = 5, A0 = 10, A1 = 11, Aligned = 12, Far = 13, A7 = 17, FirstPointer = 20, Pointers = 4;
        var code = new List<uint> { I(Operation.Addi, Counter, Zero, loops), I(Operation.Addi, A7, Zero, 64) };
        int body = random.Next(8, 60), start = code.Count;
        for (int i = 0; i < body; i++)
        {
            int rd = random.Next(4) == 0 ? random.Next(24, 32) : random.Next(6, 10), rs1 = random.Next(32), rs2 = random.Next(32);
            int pointer = FirstPointer + random.Next(Pointers), offset = random.Next(-40, 40);
            code.Add(random.Next(12) switch
            {
                0 => I(Operation.Addi, rd, rs1, random.Next(-2048, 2048)),
                1 => Assembler.Encode(Operation.Add, rd, rs1, rs2),
                2 => Assembler.Encode(Operation.Mul, rd, rs1, rs2),
                3 => I(Loads[random.Next(Loads.Length)], rd, pointer, offset),
                4 or 5 or 6 or 7 => Assembler.Encode(Stores[random.Next(Stores.Length)], rs1: pointer, rs2: rs2, immediate: offset),
                8 => I(Operation.Addi, pointer, pointer, random.Next(-64, 64)),
                9 or 10 => Assembler.Encode(Atomics[random.Next(Atomics.Length)], rd, Aligned, rs2),
                _ => Assembler.Encode(Operation.Ecall),
            });
        }

        code.Add(I(Operation.Addi, Counter, Counter, -1));
        code.Add(Assembler.Encode(Operation.Bne, rs1: Counter, rs2: Zero, immediate: -4 * (code.Count - start)));
        code.AddRange(ending switch
        {
            Ending.Exit => [I(Operation.Addi, A7, Zero, 93), I(Operation.Addi, A0, Zero, 7), I(Operation.Addi, A1, Zero, 5), Assembler.Encode(Operation.Ecall)],
            Ending.Breakpoint => [Assembler.Encode(Operation.Ebreak)],
            Ending.IllegalInstruction => [0],
            Ending.BadPc => [I(Operation.Jalr, 1, Far, 0)],
            Ending.MisalignedAtomic => [I(Operation.Addi, Aligned, Aligned, 4), Assembler.Encode(Operation.AmoaddD, 6, Aligned, 7)],
            Ending.OutputTooLong => [I(Operation.Addi, A7, Zero, 93), I(Operation.Addi, A1, Zero, -1), Assembler.Encode(Operation.Ecall)],
            _ => new uint[] { Assembler.Encode(Operation.Jal) }, // for ever
        });

        byte[] text = new byte[4 * code.Count];
        for (int i = 0; i < code.Count; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(text.AsSpan(4 * i), code[i]);

        // pc is chosen so that instructions straddle words and blocks now and then.
        uint pc = 0x1_0000 + 2 * (uint)random.Next(0, 5000);
        byte[] data = new byte[random.Next(1, 20_000)];
        random.NextBytes(data);
        MemoryImage image = MemoryImage.Empty.Write(GuestMemory.TextAddress + pc, text).Write(0x2000_0000, data);
        MachineHead head = default;
        head.Control.Pc = pc;
        head.Control.StepsLeft = ending == Ending.OutOfSteps ? (ulong)random.Next(1, 4000) : 1UL << 39;
        for (int i = 1; i < 32; i++)
            head.X[i] = (ulong)random.NextInt64();

        head.X[Far] = 1UL << random.Next(29, 64);
        head.X[Aligned] = 0x3000_0000 + 8 * (ulong)random.Next(100);
        ulong[] pointers = [0xFFFF_FFF8, 0x2000_0000 + (ulong)random.Next(20_000), 0xBFFF_FFF0, 0x1_0000];
        for (int i = 0; i < Pointers; i++)
            head.X[FirstPointer + i] = pointers[i];

        return new Program(image, head, ending switch
        {
            Ending.Exit => MachineStatus.Halted,
            Ending.None => MachineStatus.Running,
            _ => Enum.Parse<MachineStatus>(ending.ToString()),
        });
    }

    private static uint I(Operation operation, int rd, int rs1, int immediate) => Assembler.Encode(operation, rd, rs1, immediate: immediate);

    private sealed record Program(MemoryImage Image, MachineHead Head, MachineStatus ExpectedStatus)
    {
        public Machine Load()
        {
            var machine = new Machine();
            machine.Load(Image, Head);
            return machine;
        }
    }

    public static IEnumerable<TheoryDataRow<Ending, int>> Endings() =>
        from ending in Enum.GetValues<Ending>() from seed in Enumerable.Range(1, 3) select new TheoryDataRow<Ending, int>(ending, (seed * 1000) + (int)ending);
}
