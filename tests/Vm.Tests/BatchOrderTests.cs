using System.Buffers.Binary;
using System.Collections.Immutable;
using Optimistic.Vm.Rollup;
using Optimistic.Vm.Trace;

namespace Optimistic.Vm.Tests;

/// <summary>A batch executed on all processors, against its tasks one by one: <see cref="BatchExecutor"/> against <see cref="Transition"/>.</summary>
public sealed class BatchOrderTests
{
    private const int Tasks = 700;

    /// <summary>
    /// Stateful and stateless apps, some deployed on the way, runs of apps that do not exist yet, other exit codes, faults, bad
    /// signatures; more tasks than are run ahead at a time.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Spec("2.8.1")]
    public void The_result_is_that_of_the_tasks_in_order(int seed)
    {
        Batch batch = RandomBatch(seed);
        using var machine = new Machine();
        using var executor = new BatchExecutor(RollupScenario.Domain);
        BatchResult together = executor.Execute(RollupState.Genesis, batch, TestContext.Current.CancellationToken, keepRuns: true);

        // Without runs a stateful app's memory goes on from task to task, and comes back when one fails.
        BatchResult alone = executor.Execute(RollupState.Genesis, batch, TestContext.Current.CancellationToken);
        AssertSame(together, alone);
        Assert.Empty(alone.Runs);

        BatchContext context = batch.Context(RollupScenario.Domain);
        RollupState state = RollupState.Genesis;
        var trace = new RunLengthTrace.Builder(TraceTree.BatchHeight);
        for (int task = 0; task < Tasks; task++)
        {
            TaskRun run = together.Runs[task];
            Assert.Equal(state.Root, together.StateBefore(task).Root);
            LoadResult load = Transition.Load(state, batch, context, task);
            FinishedTask? finished = load.Loaded is null ? null : Transition.Run(machine, load.Loaded, TestContext.Current.CancellationToken);
            StoreResult? store = finished is null ? null : Transition.Store(state, batch, context, task, finished);
            Transition.AddToTrace(trace, load, finished, store);
            Assert.Equal(store?.Output ?? load.Output!.Value, together.Outputs[task]);
            Assert.Equal(together.Outputs[task], run.Output);
            Assert.Equal(load.Loaded?.MachineRoot ?? Word.Zero, run.LoadedRoot);
            Assert.Equal(finished?.MachineRoot, run.Finished?.MachineRoot);
            Assert.Equal(finished?.ChunkRoots.AsEnumerable(), run.Finished?.ChunkRoots.AsEnumerable());
            Assert.Equal(finished?.Image?.Root, run.Finished?.Image?.Root);
            if (load.Loaded is not null && task % 10 == 0)
            {
                run.App!.Start(machine, batch.Tasks[task], run.Head);
                Assert.Equal(load.Loaded.MachineRoot, machine.Root());
            }

            Assert.True((finished?.Output ?? default).Span.SequenceEqual(together.OutputBytes[task].Span));
            state = store?.State ?? load.State;
        }

        Assert.Equal(state.Root, together.State.Root);
        Assert.Equal(trace.Build().Root, together.Trace.Root);
        Assert.Equal(state.Apps.Select(app => app.Image.Root), together.State.Apps.Select(app => app.Image.Root));
        Assert.Equal(state.Root, together.StateBefore(Tasks).Root);
        Assert.Equal(6, together.Outputs.Select(output => output.Status).Distinct().Count());
    }

    /// <summary>Also with more workers than processors, and of tasks whose senders nobody knows yet.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void The_result_is_the_same_for_any_number_of_workers(int seed)
    {
        using var single = new BatchExecutor(RollupScenario.Domain, workers: 1);
        BatchResult expected = single.Execute(RollupState.Genesis, RandomBatch(seed), TestContext.Current.CancellationToken);
        foreach (int workers in new[] { 2, 3, 5, 16 })
        {
            using var executor = new BatchExecutor(RollupScenario.Domain, workers: workers);
            AssertSame(expected, executor.Execute(RollupState.Genesis, RandomBatch(seed), TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public void A_batch_that_is_cancelled_says_so()
    {
        using var executor = new BatchExecutor(RollupScenario.Domain);
        var batch = new Batch(Word.Zero, [.. Enumerable.Range(0, Tasks).Select(task => RandomTask(new Random(task), task))], 0, 0);
        Assert.ThrowsAny<OperationCanceledException>(() => executor.Execute(RollupState.Genesis, batch, new CancellationToken(canceled: true)));
    }

    /// <summary>An executor keeps its machines: what one batch leaves on them must not show in the next.</summary>
    [Fact]
    public void Batches_on_the_same_machines_do_not_know_of_one_another()
    {
        var random = new Random(3);
        using var executor = new BatchExecutor(RollupScenario.Domain);
        RollupState state = RollupState.Genesis;
        for (int number = 0; number < 3; number++)
        {
            var batch = new Batch(Word.Zero, [.. Enumerable.Range(0, 60).Select(task => RandomTask(random, task))], 1_700_000_000, 20_000_000);
            BatchResult result = executor.Execute(state, batch, TestContext.Current.CancellationToken);
            Assert.Equal(RollupScenario.Execute(state, batch).Trace.Root, result.Trace.Root);
            state = result.State;
        }
    }

    /// <summary>The lie is told in its task and nowhere else, and a lie that cannot be told is an error of its own.</summary>
    [Fact]
    public void A_drill_lies_in_one_task()
    {
        var batch = new Batch(
            Word.Zero,
            [
                RollupTask.Deploy(AppPolicy.Stateful, 0, RollupScenario.Counter).From(RollupScenario.Caller),
                .. Enumerable.Range(1, 40).Select(task => RollupTask.Run(0, (ulong)task, 1000, new byte[8]).From(RollupScenario.Caller)),
            ],
            0,
            0);
        BatchResult honest = RollupScenario.Execute(RollupState.Genesis, batch);
        using var liar = new BatchExecutor(RollupScenario.Domain, Drill.Parse("task=20,step=0,address=0x80000000,xor=01"));
        BatchResult lying = liar.Execute(RollupState.Genesis, batch, TestContext.Current.CancellationToken);

        Assert.Equal(20UL * Transition.Phases + 1, TraceTree.FirstDivergence(honest.Trace, lying.Trace));
        Assert.Equal(honest.Outputs, lying.Outputs);
        Assert.NotEqual(honest.State.Root, lying.State.Root);

        using var speechless = new BatchExecutor(RollupScenario.Domain, Drill.Parse("task=20,step=900,address=0x80000000,xor=01"));
        Assert.Throws<DrillException>(() => speechless.Execute(RollupState.Genesis, batch, TestContext.Current.CancellationToken));
    }

    private static void AssertSame(BatchResult expected, BatchResult actual)
    {
        Assert.Equal(expected.State.Root, actual.State.Root);
        Assert.Equal(expected.Trace.Root, actual.Trace.Root);
        Assert.Equal(expected.Outputs, actual.Outputs);
        Assert.Equal(expected.State.Apps.Select(app => (app.Leaf, app.Image.Root)), actual.State.Apps.Select(app => (app.Leaf, app.Image.Root)));
    }

    private static Batch RandomBatch(int seed)
    {
        var random = new Random(seed);
        return new Batch(Word.Zero, [.. Enumerable.Range(0, Tasks).Select(task => RandomTask(random, task))], 1_700_000_000, 20_000_000);
    }

    /// <summary>The counter, deployed with something in slots that tasks find empty or that no app keeps.</summary>
    private static GuestProgram Littered()
    {
        MemoryImage image = RollupScenario.Counter.Image;
        foreach (int slot in new[] { 3, 6, 7, 8, 11, 13 })
            image = image.Write((ulong)slot * Machine.SlotLength + 0x1_2340, [1, 2, (byte)slot]);
        return new GuestProgram(image, RollupScenario.Counter.Entry);
    }

    private static RollupTask RandomTask(Random random, int number)
    {
        // Apps come one by one; the first one after some tasks that find none.
        if (number % 100 == 5)
            return RollupTask.Deploy((AppPolicy)(number / 100 % 2), (ulong)number, number / 100 % 4 < 2 ? RollupScenario.Counter : Littered()).From(RollupScenario.Caller);

        byte[] input = new byte[8];
        long code = random.Next(10) switch { 0 => 7, 1 => RollupScenario.Break, 2 => RollupScenario.LoopForever, _ => 0 };
        BinaryPrimitives.WriteInt64LittleEndian(input, code);
        RollupTask task = RollupTask.Run((uint)random.Next(8), (ulong)number, 1000, input);
        return random.Next(20) switch
        {
            0 => task.With(new Signature(Word.Zero, Word.Zero, 0)),
            1 => task.Sign(RollupScenario.Domain, RollupScenario.Key),
            _ => task.From(RollupScenario.Caller),
        };
    }
}
