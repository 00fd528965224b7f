using System.Diagnostics;
using Optimistic.Vm.Jit;
using Optimistic.Vm.Rollup;

namespace Optimistic.Vm.Tests;

/// <summary>The tiers between interpreter and compiled regions: what they share, and what happens while a region is compiled.</summary>
public sealed class TierTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private const ulong Loop = 0x1000;

    private readonly Machine _machine = new(), _other = new();

    public void Dispose()
    {
        _machine.Dispose();
        _other.Dispose();
    }

    [Theory]
    [InlineData(ExecutionEngine.Jit)]
    [InlineData(ExecutionEngine.Threaded)]
    [InlineData(ExecutionEngine.Interpreter)]
    public void Engines_end_alike(ExecutionEngine engine)
    {
        TestProgram program = LoopingProgram.Create(new Random(11), 3_000_000);
        program.LoadInto(_machine);
        program.LoadInto(_other);
        Assert.Equal(Interpreter.Run(_other, ulong.MaxValue), engine.Run(_machine, ulong.MaxValue));
        Assert.Equal(_other.Head.Bytes, _machine.Head.Bytes);
        Assert.Equal(_other.Root(), _machine.Root());
    }

    /// <summary>Tasks that outlast the steps of a chunk that are always interpreted.</summary>
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public void Chunks_of_tasks_end_alike_on_all_engines(int seed)
    {
        TestProgram program = LoopingProgram.Create(new Random(seed), 3_000_000);
        foreach (ExecutionEngine engine in Enum.GetValues<ExecutionEngine>())
        {
            program.LoadInto(_machine);
            program.LoadInto(_other);
            Transition.RunChunk(_machine, TestContext.Current.CancellationToken, engine);
            Interpreter.Run(_other, Transition.ChunkSteps);
            Assert.Equal(_other.Head.Bytes, _machine.Head.Bytes);
            Assert.Equal(_other.Root(), _machine.Root());
        }
    }

    [Fact]
    [Spec("2.8.1")]
    public void A_chunk_of_a_machine_that_goes_on_ends_after_its_steps()
    {
        Endless(stepsLeft: Transition.ChunkSteps + 100).LoadInto(_machine);
        Transition.RunChunk(_machine, TestContext.Current.CancellationToken);
        Assert.Equal(100UL, _machine.StepsLeft);
        Assert.Equal(Transition.ChunkSteps / 2, _machine.Register(5));
    }

    /// <summary>A chain of a hundred million handlers is jumps: calls would need gigabytes of stack.</summary>
    [Fact]
    public void Threaded_code_does_not_grow_the_stack()
    {
        Endless(stepsLeft: 100_000_001).LoadInto(_machine);
        Assert.Equal(100_000_000UL, JitRunner.RunThreaded(_machine, 100_000_000));
        Assert.Equal(50_000_000UL, _machine.Register(5));
    }

    /// <summary>The next task of a stateful app starts from the memory that the last one left: its text is the same.</summary>
    [Fact]
    public void Text_and_its_code_are_kept_between_tasks()
    {
        TestProgram program = Endless(stepsLeft: 10_000)
            .Text(Loop, Assembler.Encode(Operation.Sd, 0, 2, 5, 0))
            .Text(Loop + 4, Assembler.Encode(Operation.Addi, 5, 5, 0, 1))
            .Text(Loop + 8, Assembler.Encode(Operation.Jal, 0, immediate: -8))
            .Set(2, 0x5_0000);
        program.LoadInto(_machine);
        JitRunner.Run(_machine, 1000);
        MemoryImage next = _machine.Memory.Snapshot().ClearSlots(6, 11);
        Assert.NotEqual(program.Image.Root, next.Root);
        _other.Load(next, program.Head);
        Assert.Same(_machine.Text, _other.Text);
        Assert.Same(_machine.Text.Compiled, _other.Text.Compiled);
        Assert.Same(_machine.Text.Threaded, _other.Text.Threaded);
    }

    /// <summary>Ops are decoded, linked, paired, and left for compiled code, while other threads run them.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Threads_share_a_text_while_it_changes(bool compiles)
    {
        for (int seed = 1; seed <= 5; seed++)
        {
            TestProgram program = LoopingProgram.Create(new Random(seed), 200_000);
            program.LoadInto(_machine);
            ulong steps = Interpreter.Run(_machine, ulong.MaxValue);
            Word root = _machine.Root();
            var text = new CompiledText(_machine.Text, JitLimits.Standard with { Threshold = 2, RebuildEntries = 100, ColdSteps = 0, Compiles = compiles });
            Parallel.For(0, 4, _ =>
            {
                using var machine = new Machine();
                program.LoadInto(machine);
                Assert.Equal(steps, JitRunner.Run(machine, ulong.MaxValue, text));
                Assert.Equal(root, machine.Root());
            });
        }
    }

    [Fact]
    public void Regions_are_compiled_while_machines_run()
    {
        TestProgram program = Endless(stepsLeft: ulong.MaxValue);
        program.LoadInto(_machine);
        var text = new CompiledText(_machine.Text, JitLimits.Standard with { Threshold = 10, ColdSteps = 0 });
        ulong steps = 0;
        for (long start = Stopwatch.GetTimestamp(); text.Find(Loop)?.Code is null;)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, "no region was compiled");
            steps += JitRunner.Run(_machine, 10_001, text);
        }

        steps += JitRunner.Run(_machine, 10_001, text);
        program.LoadInto(_other);
        Assert.Equal(steps, Interpreter.Run(_other, steps));
        Assert.Equal(_other.Head.Bytes, _machine.Head.Bytes);
    }

    [Fact]
    public void Failures_of_the_compiler_reach_the_runner()
    {
        Endless(stepsLeft: ulong.MaxValue).LoadInto(_machine);
        var text = new CompiledText(_machine.Text, JitLimits.ThreadedOnly);
        Spot spot = text.At(Loop);
        for (long start = Stopwatch.GetTimestamp(); !CompilerThread.TryRequest(text, spot, _ => throw new InvalidTimeZoneException("broken"));)
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, "there is no room for a request");

        Exception error = Assert.Throws<InvalidTimeZoneException>(() =>
        {
            for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < Patience;)
                JitRunner.Run(_machine, 1000, text);
        });
        Assert.Equal("broken", error.Message);
    }

    /// <summary>x5 counts, two steps a turn.</summary>
    private static TestProgram Endless(ulong stepsLeft) => new TestProgram(Loop, stepsLeft).Text(Loop,
        Assembler.Encode(Operation.Addi, 5, 5, 0, 1),
        Assembler.Encode(Operation.Jal, 0, immediate: -4));
}
