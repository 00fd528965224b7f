using System.Buffers.Binary;
using System.Collections.Immutable;
using Optimistic.Vm.Rollup;
using Optimistic.Vm.Trace;

namespace Optimistic.Vm.Tests;

/// <summary>A batch executed on all processors, against its tasks one by one.</summary>
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
        var random = new Random(seed);
        var batch = new Batch(Word.Zero, [.. Enumerable.Range(0, Tasks).Select(task => RandomTask(random, task))], 1_700_000_000, 20_000_000);
        using var machine = new Machine();
        BatchResult together = Transition.Apply(RollupState.Genesis, batch, RollupScenario.Domain, machine, TestContext.Current.CancellationToken);

        BatchContext context = batch.Context(RollupScenario.Domain);
        RollupState state = RollupState.Genesis;
        var trace = new RunLengthTrace.Builder(TraceTree.BatchHeight);
        for (int task = 0; task < Tasks; task++)
        {
            LoadResult load = Transition.Load(state, batch, context, task);
            FinishedTask? finished = load.Loaded is null ? null : Transition.Run(machine, load.Loaded, TestContext.Current.CancellationToken);
            StoreResult? store = finished is null ? null : Transition.Store(state, batch, context, task, finished);
            Transition.AddToTrace(trace, load, finished, store);
            Assert.Equal(store?.Output ?? load.Output!.Value, together.Outputs[task]);
            Assert.True((finished?.Output ?? default).Span.SequenceEqual(together.OutputBytes[task].Span));
            state = store?.State ?? load.State;
        }

        Assert.Equal(state.Root, together.State.Root);
        Assert.Equal(trace.Build().Root, together.Trace.Root);
        Assert.Equal(state.Apps.Select(app => app.Image.Root), together.State.Apps.Select(app => app.Image.Root));
        Assert.Equal(6, together.Outputs.Select(output => output.Status).Distinct().Count());
    }

    [Fact]
    public void A_batch_that_is_cancelled_says_so()
    {
        using var machine = new Machine();
        var batch = new Batch(Word.Zero, [.. Enumerable.Range(0, Tasks).Select(task => RandomTask(new Random(task), task))], 0, 0);
        Assert.ThrowsAny<OperationCanceledException>(() => Transition.Apply(RollupState.Genesis, batch, RollupScenario.Domain, machine, new CancellationToken(canceled: true)));
    }

    private static RollupTask RandomTask(Random random, int number)
    {
        // Apps come one by one; the first one after some tasks that find none.
        if (number % 100 == 5)
            return RollupTask.Deploy((AppPolicy)(number / 100 % 2), (ulong)number, RollupScenario.Counter).From(RollupScenario.Caller);

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
