using Optimistic.Vm.Rollup;
using Optimistic.Vm.Trace;

namespace Optimistic.Vm.Tests;

/// <summary>A transition of the scenario with its witness.</summary>
internal sealed record RecordedTransition(
    string Name, BatchContext Context, Word Before, ulong Position, byte[] Witness, Word After, RunLengthTrace Trace, RollupState? StateAfterBatch)
{
    /// <summary>Of every task load, store and, where no machine is loaded, a first and last chunk; and one behind the last task.</summary>
    public static IEnumerable<RecordedTransition> OfScenario(Machine machine)
    {
        RollupState state = RollupState.Genesis;
        foreach (Batch batch in new[] { RollupScenario.First, RollupScenario.Second })
        {
            BatchContext context = batch.Context(RollupScenario.Domain);
            BatchResult result = RollupScenario.Execute(state, batch);
            for (int task = 0; task < batch.Tasks.Length; task++)
            {
                string name = RollupScenario.Names[batch.Tasks[task].Hash];
                ulong start = (ulong)task * Transition.Phases;
                yield return Record($"{name}: load", state, null, start);
                LoadResult load = Transition.Load(state, batch, context, task);
                if (load.Loaded is null)
                {
                    state = load.State;
                    yield return Record($"{name}: first chunk", state, null, start + 1);
                    yield return Record($"{name}: last chunk", state, null, start + Transition.MaxChunks);
                    yield return Record($"{name}: store", state, null, start + Transition.StorePhase);
                    continue;
                }

                FinishedTask finished = Transition.Run(machine, load.Loaded, TestContext.Current.CancellationToken);
                yield return Record($"{name}: store", state, finished, start + Transition.StorePhase);
                state = Transition.Store(state, batch, context, task, finished).State;
            }

            Assert.Equal(result.State.Root, state.Root);
            ulong end = (ulong)batch.Tasks.Length * Transition.Phases;
            string ofBatch = batch == RollupScenario.First ? "first" : "second";
            yield return Record($"behind the {ofBatch} batch", state, null, end);
            yield return Record($"last position of the {ofBatch} batch", state, null, (1UL << 24) - 1) with { StateAfterBatch = state };

            RecordedTransition Record(string name, RollupState before, FinishedTask? finished, ulong position)
            {
                byte[] witness = Transition.Record(before, finished, batch, context, position, out Word after);
                return new RecordedTransition(name, context, before.Sigma(finished?.MachineRoot ?? Word.Zero), position, witness, after, result.Trace, null);
            }
        }
    }
}
