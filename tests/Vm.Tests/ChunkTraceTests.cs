using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Optimistic.Vm.Trace;

namespace Optimistic.Vm.Tests;

public sealed class ChunkTraceTests
{
    private static readonly ChunkTraceSizes SmallSizes = new(WindowSteps: 1024, SnapshotSteps: 2048);

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
    public void Every_leaf_is_the_machine_root_after_its_step(Ending ending, int seed)
    {
        var random = new Random(seed);
        Program program = RandomProgram(ending, random, loops: random.Next(1, 120));
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
        Program program = RandomProgram(Ending.Exit, random, loops: 200);
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

    /// <summary>The tree over a few thousand leaves and one run, built level by level.</summary>
    [Fact]
    public void The_root_is_that_of_all_leaves()
    {
        Program program = RandomProgram(Ending.Exit, new Random(8), loops: 60);
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
        using Machine machine = RandomProgram(Ending.Exit, new Random(1), loops: 1).Load();
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
        using Machine machine = RandomProgram(Ending.Exit, new Random(5), loops: 3).Load();
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
        Program program = RandomProgram(Ending.Exit, random, loops: 150);
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
    }

    [Fact]
    public void A_lie_after_the_end_is_refused()
    {
        using Machine machine = RandomProgram(Ending.Exit, new Random(1), loops: 1).Load();
        Assert.Throws<ArgumentException>(() => ChunkTrace.Build(machine, new ForgedWord(100_000, 0, Word.FromUInt64(1))));
    }

    /// <summary>The next chunk starts from the machine that the last one left, snapshots and all.</summary>
    [Fact]
    public void Chunks_follow_one_another_on_one_machine()
    {
        Program program = RandomProgram(Ending.Exit, new Random(21), loops: 300);
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
    private static Program RandomProgram(Ending ending, Random random, int loops)
    {
        const int Zero = 0, Counter = 5, A0 = 10, A1 = 11, A7 = 17, Far = 13, Aligned = 12, FirstBase = 20, Bases = 4;
        var code = new List<uint> { I(0x13, 0, Counter, Zero, loops), I(0x13, 0, A7, Zero, 64) };
        int body = random.Next(8, 60), start = code.Count;
        for (int i = 0; i < body; i++)
        {
            int rd = random.Next(4) == 0 ? random.Next(24, 32) : random.Next(6, 10), rs = random.Next(32), b = FirstBase + random.Next(Bases);
            int offset = random.Next(-40, 40);
            switch (random.Next(12))
            {
                case 0: code.Add(I(0x13, 0, rd, rs, random.Next(-2048, 2048))); break;
                case 1: code.Add(R(0x33, 0, 0, rd, rs, random.Next(32))); break;
                case 2: code.Add(R(0x33, 0, 1, rd, rs, random.Next(32))); break;
                case 3: code.Add(I(0x03, random.Next(7), rd, b, offset)); break;
                case 4 or 5 or 6 or 7: code.Add(S(0x23, random.Next(4), b, rs, offset)); break;
                case 8: code.Add(I(0x13, 0, b, b, random.Next(-64, 64))); break;
                case 9: code.Add(R(0x2F, 3, 0, rd, Aligned, rs)); break; // amoadd.d
                case 10: code.Add(random.Next(2) == 0 ? R(0x2F, 3, 0x08, rd, Aligned, Zero) : R(0x2F, 3, 0x0C, rd, Aligned, rs)); break; // lr.d, sc.d
                default: code.Add(0x0000_0073); break; // ecall
            }
        }

        code.Add(I(0x13, 0, Counter, Counter, -1));
        code.Add(B(1, Counter, Zero, -4 * (code.Count - start)));
        switch (ending)
        {
            case Ending.Exit: code.AddRange([I(0x13, 0, A7, Zero, 93), I(0x13, 0, A0, Zero, 7), I(0x13, 0, A1, Zero, 5), 0x0000_0073]); break;
            case Ending.Breakpoint: code.Add(0x0010_0073); break;
            case Ending.IllegalInstruction: code.Add(0); break;
            case Ending.BadPc: code.Add(I(0x67, 0, 1, Far, 0)); break;
            case Ending.MisalignedAtomic: code.AddRange([I(0x13, 0, Aligned, Aligned, 4), R(0x2F, 3, 0, 6, Aligned, 7)]); break;
            case Ending.OutputTooLong: code.AddRange([I(0x13, 0, A7, Zero, 93), I(0x13, 0, A1, Zero, -1), 0x0000_0073]); break;
            default: code.Add(0x0000_006F); break; // j .
        }

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
        ulong[] bases = [0xFFFF_FFF8, 0x2000_0000 + (ulong)random.Next(20_000), 0xBFFF_FFF0, 0x1_0000];
        for (int i = 0; i < Bases; i++)
            head.X[FirstBase + i] = bases[i];

        return new Program(image, head, ending switch
        {
            Ending.Exit => MachineStatus.Halted,
            Ending.None => MachineStatus.Running,
            _ => Enum.Parse<MachineStatus>(ending.ToString()),
        });
    }

    private static uint I(uint opcode, int funct3, int rd, int rs1, int immediate) =>
        opcode | (uint)rd << 7 | (uint)funct3 << 12 | (uint)rs1 << 15 | (uint)immediate << 20;

    private static uint R(uint opcode, int funct3, int funct7, int rd, int rs1, int rs2) =>
        opcode | (uint)rd << 7 | (uint)funct3 << 12 | (uint)rs1 << 15 | (uint)rs2 << 20 | (uint)funct7 << 25;

    private static uint S(uint opcode, int funct3, int rs1, int rs2, int immediate) =>
        opcode | ((uint)immediate & 31) << 7 | (uint)funct3 << 12 | (uint)rs1 << 15 | (uint)rs2 << 20 | (uint)immediate >> 5 << 25;

    private static uint B(int funct3, int rs1, int rs2, int offset) =>
        0x63 | ((uint)offset >> 11 & 1) << 7 | ((uint)offset >> 1 & 15) << 8 | (uint)funct3 << 12 | (uint)rs1 << 15 | (uint)rs2 << 20 |
        ((uint)offset >> 5 & 63) << 25 | ((uint)offset >> 12 & 1) << 31;

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
