using System.Buffers.Binary;
using FsCheck.Xunit;
using Optimistic.Vm.Rollup;

namespace Optimistic.Vm.Tests;

public sealed class RollupTests : IDisposable
{
    private readonly Machine _machine = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _machine.Dispose();

    [Fact]
    [Spec("3.3")]
    [Spec("2.6.3")]
    public void Tasks_end_as_they_should()
    {
        BatchResult first = RollupScenario.Execute(RollupState.Genesis, RollupScenario.First);
        Assert.Equal(
            [
                MachineStatus.UnknownApp, MachineStatus.Deployed, MachineStatus.Deployed, MachineStatus.Halted, MachineStatus.Halted, MachineStatus.Halted,
                MachineStatus.Halted, MachineStatus.Halted, MachineStatus.OutOfSteps, MachineStatus.Breakpoint, MachineStatus.UnknownApp
            ],
            first.Outputs.Select(output => output.Status));
        Assert.Equal([0u, 0u, 1u, 0u, 0u, 0u, 1u, 1u, 0u, 0u, 2u], first.Outputs.Select(output => output.App));
        Assert.Equal([0u, 0u, 0u, 0u, 0u, 7u, 0u, 9u, 0u, 0u, 0u], first.Outputs.Select(output => output.ExitCode));
        Assert.Equal([0UL, 0, 0, 16, 16, 16, 16, 16, 0, 0, 0], first.Outputs.Select(output => output.OutputLength));
        Assert.Equal([0UL, 0, 0, 16, 16, 16, 16, 16, 1000, 11, 0], first.Outputs.Select(output => output.StepsUsed));

        // The stateful app counts what it has committed: the run with exit code 7 saw 3 and left 2.
        Assert.Equal([1UL, 2, 3, 1, 1], CountsOf(first, 3, 4, 5, 6, 7));
        Assert.Equal([3UL, 4, 5, 6, 7], first.OutputBytes[3..8].Select(bytes => BinaryPrimitives.ReadUInt64LittleEndian(Padded(bytes)[8..])));

        BatchResult second = RollupScenario.Execute(first.State, RollupScenario.Second);
        Assert.Equal(
            [
                MachineStatus.Halted, MachineStatus.BadSignature, MachineStatus.BadSignature, MachineStatus.BadSignature, MachineStatus.BadSignature,
                MachineStatus.BadSignature, MachineStatus.Deployed, MachineStatus.BadPc, MachineStatus.Deployed, MachineStatus.Halted,
                MachineStatus.OutOfSteps, MachineStatus.Halted
            ],
            second.Outputs.Select(output => output.Status));
        Assert.Equal([3UL, 1, 4], CountsOf(second, 0, 9, 11));
        Assert.Equal(4, second.State.Apps.Count);
        Assert.Equal((ulong)(RollupScenario.First.Tasks.Length + RollupScenario.Second.Tasks.Length), second.State.OutputsCount);
        Assert.Equal(RollupScenario.Caller, second.State.Apps[1].Leaf.Owner);
        Assert.Equal(Secp256k1.AddressOf(RollupScenario.Key), second.State.Apps[0].Leaf.Owner);
        Assert.All(second.State.Apps, app => Assert.Equal(app.Leaf.MemoryRoot, app.Image.Root));
        for (int i = 0; i < second.Outputs.Length; i++)
        {
            ulong number = first.State.OutputsCount + (ulong)i;
            Assert.Equal(second.Outputs[i].Hash(), second.State.OutputAt(number));
            Assert.True(second.State.ProveOutput(number).Verify(second.State.RootWords.C1, second.Outputs[i].Hash(), number));
        }
    }

    [Fact]
    [Spec("2.4.3")]
    public void The_genesis_root_is_fixed() =>
        Assert.Equal(Keccak.Quad(QuadTree.ZeroRoot(16), QuadTree.ZeroRoot(20), Word.Zero, Word.Zero), RollupState.Genesis.Root);

    [Fact]
    [Spec("2.8.1")]
    [Spec("3.3")]
    public void Every_transition_replays_to_the_leaf_of_the_trace()
    {
        RollupState state = RollupState.Genesis;
        foreach (RecordedTransition transition in RecordedTransition.OfScenario(_machine))
        {
            Assert.Equal(transition.After, Transition.Replay(transition.Context, transition.Before, transition.Position, transition.Witness));
            Assert.Equal(transition.After, transition.Trace.Leaf(transition.Position));
            Assert.Equal(transition.Before, transition.Position == 0 ? state.Root : transition.Trace.Leaf(transition.Position - 1));
            if (transition.StateAfterBatch is { } after)
                state = after;
        }
    }

    [Property(MaxTest = 12)]
    [Spec("3.3")]
    public void Random_batches_replay_to_their_trace_and_go_on_from_a_file(int seed)
    {
        var random = new Random(seed);
        RollupState state = RollupState.Genesis;
        Word previous = Word.Zero;
        for (int number = 0; number < 3; number++)
        {
            var batch = new Batch(previous, [.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => RandomTask(random))], (ulong)random.NextInt64(), (ulong)random.NextInt64());
            BatchContext context = batch.Context(RollupScenario.Domain);
            BatchResult result = RollupScenario.Execute(state, batch);
            for (int task = 0; task < batch.Tasks.Length; task++)
            {
                ulong start = (ulong)task * Transition.Phases;
                Replays(state, null, start);
                LoadResult load = Transition.Load(state, batch, context, task);
                if (load.Loaded is null)
                {
                    state = load.State;
                    Replays(state, null, start + 1 + (ulong)random.Next((int)Transition.StorePhase));
                    continue;
                }

                FinishedTask finished = Transition.Run(_machine, load.Loaded, Cancellation, ExecutionEngine.Interpreter);
                foreach (ExecutionEngine engine in (ReadOnlySpan<ExecutionEngine>)[ExecutionEngine.Threaded, ExecutionEngine.Jit])
                    Assert.Equal(finished.ChunkRoots, Transition.Run(_machine, load.Loaded, Cancellation, engine).ChunkRoots);
                Replays(state, finished, start + Transition.StorePhase);
                StoreResult store = Transition.Store(state, batch, context, task, finished);
                Assert.Equal(result.Outputs[task], store.Output);
                state = store.State;
            }

            Assert.Equal(result.State.Root, state.Root);
            Assert.Equal(state.Root, result.Trace.Leaf((1UL << 24) - 1));
            state = StateFile.Read(new MemoryStream(Written(state)));
            Assert.Equal(result.State.Root, state.Root);
            previous = batch.Hash;

            void Replays(RollupState before, FinishedTask? finished, ulong position)
            {
                byte[] witness = Transition.Record(before, finished, batch, context, position, out Word after);
                Assert.Equal(after, result.Trace.Leaf(position));
                Assert.Equal(after, Transition.Replay(context, before.Sigma(finished?.MachineRoot ?? Word.Zero), position, witness));
            }
        }
    }

    [Fact]
    [Spec("3.3.2")]
    public void A_chunk_of_a_loaded_machine_is_not_provable()
    {
        BatchContext context = RollupScenario.First.Context(RollupScenario.Domain);
        RollupState state = RollupState.Genesis;
        for (int task = 0; task < 3; task++)
            state = Transition.Load(state, RollupScenario.First, context, task).State;

        LoadResult load = Transition.Load(state, RollupScenario.First, context, 3);
        FinishedTask finished = Transition.Run(_machine, load.Loaded!, Cancellation);
        const ulong Position = 3 * Transition.Phases + 5;
        WitnessException recording = Assert.Throws<WitnessException>(
            () => Transition.Record(state, finished, RollupScenario.First, context, Position, out _));
        Assert.Equal(WitnessError.ChunkNotProvable, recording.Error);

        byte[] opening = new byte[4 * Word.Length];
        Quad sigma = state.SigmaWith(finished.MachineRoot).Words;
        Word[] words = [sigma.C0, sigma.C1, sigma.C2, sigma.C3];
        for (int i = 0; i < 4; i++)
            words[i].CopyTo(opening.AsSpan(i * Word.Length));
        WitnessException replaying = Assert.Throws<WitnessException>(
            () => Transition.Replay(context, state.Sigma(finished.MachineRoot), Position, opening));
        Assert.Equal(WitnessError.ChunkNotProvable, replaying.Error);
    }

    [Fact]
    [Spec("3.4")]
    public void Every_byte_of_a_transition_s_witness_counts()
    {
        string[] samples =
        [
            "run a stateful app again from L1: load", "run a stateful app again from L1: store", "fault: store",
            "deploy a stateless app from L1: load", "run before there is an app: first chunk", "run before there is an app: load"
        ];
        foreach (RecordedTransition transition in RecordedTransition.OfScenario(_machine).Where(transition => samples.Contains(transition.Name)))
            WitnessCorruption.Check(transition.Witness, witness => Transition.Replay(transition.Context, transition.Before, transition.Position, witness));
    }

    [Fact]
    [Spec("2.4")]
    public void A_state_is_the_same_after_writing_and_reading()
    {
        BatchResult first = RollupScenario.Execute(RollupState.Genesis, RollupScenario.First);
        byte[] bytes = Written(first.State);
        RollupState read = StateFile.Read(new MemoryStream(bytes));
        Assert.Equal(first.State.Root, read.Root);
        Assert.Equal(bytes, Written(read));
        Word direct = RollupScenario.Execute(first.State, RollupScenario.Second).State.Root;
        Word restarted = RollupScenario.Execute(read, RollupScenario.Second).State.Root;
        Assert.Equal(direct, restarted);
        Assert.Equal(RollupState.Genesis.Root, StateFile.Read(new MemoryStream(Written(RollupState.Genesis))).Root);
    }

    [Fact]
    public void A_damaged_state_file_is_refused_with_a_named_error()
    {
        byte[] bytes = Written(RollupScenario.Execute(RollupState.Genesis, RollupScenario.First).State);
        var random = new Random(7);
        for (int i = 0; i < 300; i++)
        {
            byte[] damaged = [.. bytes];
            damaged[i < 120 ? i : random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            Assert.Throws<StateFileException>(() => StateFile.Read(new MemoryStream(damaged)));
        }

        for (int i = 0; i < 100; i++)
        {
            int length = i < 90 ? i : random.Next(bytes.Length);
            StateFileException error = Assert.Throws<StateFileException>(() => StateFile.Read(new MemoryStream(bytes, 0, length)));
            Assert.Equal(StateFileError.Truncated, error.Error);
        }

        Assert.Equal(
            StateFileError.BadField,
            Assert.Throws<StateFileException>(() => StateFile.Read(new MemoryStream([.. bytes, 0]))).Error);
    }

    [Fact]
    [Spec("2.8.1")]
    public void A_task_may_run_over_chunks()
    {
        // Enough steps for one chunk and a bit of the next.
        byte[] input = new byte[8];
        input[0] = (byte)RollupScenario.LoopForever;
        var batch = new Batch(
            Word.Zero,
            [RollupTask.Deploy(AppPolicy.Stateless, 0, RollupScenario.Counter).From(RollupScenario.Caller),
             RollupTask.Run(0, 0, Transition.ChunkSteps + 5, input).From(RollupScenario.Caller)],
            1,
            1);
        BatchResult result = RollupScenario.Execute(RollupState.Genesis, batch);
        Assert.Equal(Transition.ChunkSteps + 5, result.Outputs[1].StepsUsed);
        Assert.Equal(MachineStatus.OutOfSteps, result.Outputs[1].Status);
        Word[] leaves = [.. Enumerable.Range(0, 4).Select(phase => result.Trace.Leaf(Transition.Phases + (ulong)phase))];
        Assert.Equal(4, leaves.Append(result.State.Root).Distinct().Count());
        Assert.Equal(leaves[2], leaves[3]);
    }

    /// <summary>One byte at the end of slot 6 is an input of half a GiB: who lays it out runs out of memory by a batch of such tasks.</summary>
    [Fact]
    [Spec("5.3.2")]
    public void A_sparse_input_takes_the_room_of_what_is_in_it()
    {
        MemoryImage chunk = MemoryImage.Empty.Write(0, [7, 1, 2, 3]);
        MemoryImage input = MemoryImage.Empty;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (ulong part = 0; part < 4096; part++)
            input = input.Share(Machine.InputAddress + (4 * part + 3) * (1 << 15), chunk, 1 << 15);
        RollupTask[] tasks =
        [
            .. Enumerable.Range(0, 64).Select(nonce => RollupTask.Run(
                new TaskHead(RollupTask.MaxInputLength, 1000, (ulong)nonce, 0, 0, TaskKind.Run), input, RollupScenario.Caller.ToWord(), Word.Zero)),
        ];
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64L << 20);

        byte[] dense = new byte[Machine.SlotLength];
        for (int part = 0; part < 4096; part++)
            new byte[] { 7, 1, 2, 3 }.CopyTo(dense, (4 * part + 3) * (1 << 15));
        Assert.Equal(QuadTree.RootOfBytes(dense, GuestMemory.SlotHeight), tasks[0].DataRoot);
    }

    [Fact]
    public void A_run_can_be_cancelled()
    {
        using var executor = new BatchExecutor(RollupScenario.Domain);
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => executor.Execute(RollupState.Genesis, RollupScenario.First, cancellation.Token));
    }

    /// <summary>A run or a deploy, from L1 or signed well or badly; every second program is random instructions.</summary>
    private static RollupTask RandomTask(Random random)
    {
        RollupTask task;
        if (random.Next(3) == 0)
        {
            TestProgram program = RandomProgram.Create(random, instructions: 24, steps: 0);
            GuestProgram guest = random.Next(2) == 0 ? RollupScenario.Counter : new GuestProgram(program.Image, program.Head.Control.Pc);
            task = RollupTask.Deploy((AppPolicy)random.Next(2), (ulong)random.NextInt64(), guest);
        }
        else
        {
            byte[] input = new byte[random.Next(100)];
            if (random.Next(2) == 0)
                random.NextBytes(input);
            task = RollupTask.Run((uint)random.Next(5), (ulong)random.NextInt64(), (ulong)random.Next(1, 60), input);
            if (random.Next(2) == 0)
            {
                RollupTask published = RollupTask.Run(task.Head, MemoryImage.Empty.Write(Machine.InputAddress, input), task.Auth0, task.Auth1);
                Assert.Equal(task.Hash, published.Hash);
                task = published;
            }
        }

        return random.Next(4) switch
        {
            0 => task.With(new Signature(new Word(Bytes(random)), new Word(Bytes(random)), (byte)random.Next(2))),
            1 => task.Sign(RollupScenario.Domain, RollupScenario.Key),
            _ => task.From(new Address(Bytes(random).AsSpan(0, Address.Length)))
        };
    }

    private static byte[] Bytes(Random random)
    {
        byte[] bytes = new byte[Word.Length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static ulong[] CountsOf(BatchResult result, params int[] tasks) =>
        [.. tasks.Select(task => BinaryPrimitives.ReadUInt64LittleEndian(Padded(result.OutputBytes[task])))];

    private static byte[] Padded(ReadOnlyMemory<byte> output) => [.. output.ToArray(), .. new byte[16]];

    private static byte[] Written(RollupState state)
    {
        var stream = new MemoryStream();
        StateFile.Write(state, stream);
        return stream.ToArray();
    }
}
