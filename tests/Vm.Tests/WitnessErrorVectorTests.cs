using System.Buffers.Binary;
using System.Numerics;
using Optimistic.Vm.Rollup;

namespace Optimistic.Vm.Tests;

/// <summary>Bad witnesses and the name of what is wrong with each: golden files that Solidity's verifier must refuse by the same name.</summary>
public sealed class WitnessErrorVectorTests
{
    private const int MachineLength = 288, MaskOffset = MachineLength + Word.Length, ProofOffset = MaskOffset + 8;

    [Fact]
    [Spec("3.4")]
    public void Bad_steps_are_those_of_the_golden_file()
    {
        using var machine = new Machine();
        Vectors.Check("step-errors.json", BadSteps(machine).Select(bad =>
        {
            WitnessException exception = Assert.Throws<WitnessException>(() => Step.Replay(bad.Root, bad.Witness));
            Assert.Equal(bad.Error, exception.Error);
            return new { bad.Name, PreRoot = bad.Root.ToString(), Witness = Vectors.Hex(bad.Witness), ErrorName = bad.Error.ToString() };
        }));
    }

    [Fact]
    [Spec("3.4")]
    public void Bad_transitions_are_those_of_the_golden_file()
    {
        using var machine = new Machine();
        Vectors.Check("transition-errors.json", BadTransitions(machine).Select(bad =>
        {
            WitnessException exception = Assert.Throws<WitnessException>(() => Transition.Replay(bad.Context, bad.Sigma, bad.Position, bad.Witness));
            Assert.Equal(bad.Error, exception.Error);
            return new
            {
                bad.Name,
                TasksRoot = bad.Context.TasksRoot.ToString(),
                bad.Context.Count,
                bad.Context.Time,
                Block = bad.Context.BlockNumber,
                DomainSeparator = bad.Context.DomainSeparator.ToString(),
                Sigma = bad.Sigma.ToString(),
                bad.Position,
                Witness = Vectors.Hex(bad.Witness),
                ErrorName = bad.Error.ToString()
            };
        }));
    }

    private static IEnumerable<(string Name, Word Root, byte[] Witness, WitnessError Error)> BadSteps(Machine machine)
    {
        foreach ((string name, TestProgram program) in StepCases.All().Where(@case => @case.Name is "sd at 25" or "lw at 30" or "amoadd.d less" or "addi random" or "out of steps"))
        {
            program.LoadInto(machine);
            Word root = machine.Root();
            byte[] witness = Step.Record(machine);
            foreach ((string what, byte[] bad, WitnessError error) in Lengths(witness))
                yield return ($"{name}: {what}", root, bad, error);

            // Of the control word a byte that does not decide where text is fetched.
            foreach (int offset in new[] { 16, 31, 32, 160, MachineLength - 1 })
                yield return ($"{name}: machine byte {offset}", root, Flipped(witness, offset), WitnessError.OpeningMismatch);

            yield return ($"{name}: another root", Flipped(root), witness, WitnessError.OpeningMismatch);
            if (witness.Length == MachineLength + Word.Length)
            {
                yield return ($"{name}: memory root", root, Flipped(witness, MachineLength), WitnessError.OpeningMismatch);
                continue;
            }

            yield return ($"{name}: text", root, Flipped(witness, MachineLength + 8), WitnessError.OpeningMismatch);
            yield return ($"{name}: mask beyond the height", root, Flipped(witness, MaskOffset, 0x80), WitnessError.MaskOutOfRange);
            yield return ($"{name}: mask just beyond the height", root, Flipped(witness, MaskOffset + 2, 0x04), WitnessError.MaskOutOfRange);
            yield return ($"{name}: sibling", root, Flipped(witness, ProofOffset), WitnessError.OpeningMismatch);
            yield return ($"{name}: default sibling of the fetch", root, Padded(witness, MaskOffset), WitnessError.DefaultSibling);
            int data = ProofOffset + Word.Length * BitOperations.PopCount(BinaryPrimitives.ReadUInt64BigEndian(witness.AsSpan(MaskOffset)));
            if (witness.Length == data)
                continue;

            yield return ($"{name}: data", root, Flipped(witness, data), WitnessError.RootMismatch);
            yield return ($"{name}: data mask beyond the height", root, Flipped(witness, data + Word.Length + 3, 0x80), WitnessError.MaskOutOfRange);
            yield return ($"{name}: default sibling of data", root, Padded(witness, data + Word.Length), WitnessError.DefaultSibling);
            yield return ($"{name}: last sibling", root, Flipped(witness, witness.Length - 1), WitnessError.RootMismatch);
        }

        // A store over two words that are no neighbours in one quad: the second against the subtree that the first has beside it.
        TestProgram straddle = StepCases.All().Single(@case => @case.Name == "sd over two blocks").Program;
        straddle.LoadInto(machine);
        Word before = machine.Root();
        byte[] pair = Step.Record(machine);
        byte[] second = machine.Memory.ReadWord(0x2_2000 / Word.Length).ToArray();
        int at = pair.AsSpan().LastIndexOf(second.AsSpan(8));
        Assert.True(at > MachineLength);
        at -= 8;
        yield return ("sd over two blocks: second word", before, Flipped(pair, at), WitnessError.RootMismatch);
        yield return ("sd over two blocks: second word cut", before, pair[..(at + 31)], WitnessError.WitnessTooShort);
        yield return ("sd over two blocks: second mask cut", before, pair[..(at + 39)], WitnessError.WitnessTooShort);
    }

    private static IEnumerable<(string Name, BatchContext Context, Word Sigma, ulong Position, byte[] Witness, WitnessError Error)> BadTransitions(Machine machine)
    {
        foreach (RecordedTransition transition in RecordedTransition.OfScenario(machine))
        {
            if (transition.Name is not ("deploy a stateful app: load" or "run a stateful app again from L1: load" or "run a stateful app again from L1: store"
                or "fault: store" or "run before there is an app: first chunk" or "behind the first batch"))
                continue;

            foreach ((string what, byte[] bad, WitnessError error) in Lengths(transition.Witness))
                yield return Bad(what, bad, error);

            if (transition.Witness.Length == 0)
                continue;

            yield return Bad("σ", Flipped(transition.Witness, 0), WitnessError.OpeningMismatch);
            if (transition.Witness.Length == 4 * Word.Length)
                continue;

            const int Task = 4 * Word.Length;
            yield return Bad("task hash", Flipped(transition.Witness, Task), WitnessError.RootMismatch);
            yield return Bad("mask beyond the height", Flipped(transition.Witness, Task + Word.Length), WitnessError.MaskOutOfRange);
            // The load of a run ends in an opening, all others in the proof of an appended output.
            bool endsInOpening = transition.Name == "run a stateful app again from L1: load";
            yield return Bad("last byte", Flipped(transition.Witness, transition.Witness.Length - 1), endsInOpening ? WitnessError.OpeningMismatch : WitnessError.RootMismatch);
            int siblings = BitOperations.PopCount(BinaryPrimitives.ReadUInt64BigEndian(transition.Witness.AsSpan(Task + Word.Length)));
            yield return Bad("task opening", Flipped(transition.Witness, Task + Word.Length + 8 + siblings * Word.Length), WitnessError.OpeningMismatch);

            (string, BatchContext, Word, ulong, byte[], WitnessError) Bad(string what, byte[] witness, WitnessError error) =>
                ($"{transition.Name}: {what}", transition.Context, transition.Before, transition.Position, witness, error);
        }

        yield return FullLeaf(machine);
        yield return Chunk(machine);
    }

    /// <summary>A state that has counted one output less than it has.</summary>
    private static (string, BatchContext, Word, ulong, byte[], WitnessError) FullLeaf(Machine machine)
    {
        Batch batch = RollupScenario.First;
        BatchContext context = batch.Context(RollupScenario.Domain);
        RollupState state = RollupScenario.Execute(RollupState.Genesis, batch).State;
        var miscounted = new RollupState(state.AppsTree, state.OutputsTree, state.Apps, state.OutputsCount - 1);
        var writer = new WitnessWriter();
        var access = new RecordingTransition(miscounted, null, batch, writer);
        const ulong Position = 10 * Transition.Phases;
        Assert.Equal(WitnessError.LeafNotEmpty, Assert.Throws<WitnessException>(() => TransitionRules.Execute(ref access, context, miscounted.Root, Position)).Error);
        return ("an output where there is one", context, miscounted.Root, Position, writer.ToArray(), WitnessError.LeafNotEmpty);
    }

    private static (string, BatchContext, Word, ulong, byte[], WitnessError) Chunk(Machine machine)
    {
        RecordedTransition load = RecordedTransition.OfScenario(machine).First(transition => transition.Name == "run a stateful app: load");
        RollupState state = RollupState.Genesis;
        for (int task = 0; task < 3; task++)
            state = Transition.Load(state, RollupScenario.First, load.Context, task).State;

        LoadedTask loaded = Transition.Load(state, RollupScenario.First, load.Context, 3).Loaded!;
        var writer = new WitnessWriter();
        writer.Opening(state.SigmaWith(loaded.MachineRoot).Words);
        return ("a chunk of a loaded machine", load.Context, load.After, load.Position + 1, writer.ToArray(), WitnessError.ChunkNotProvable);
    }

    private static IEnumerable<(string What, byte[] Witness, WitnessError Error)> Lengths(byte[] witness)
    {
        yield return ("a byte more", [.. witness, 0], WitnessError.WitnessTooLong);
        yield return ("a word more", [.. witness, .. new byte[Word.Length]], WitnessError.WitnessTooLong);
        foreach (int length in new[] { 0, 31, 127, MaskOffset, MaskOffset + 7, witness.Length - 1 })
            if (length < witness.Length && length >= 0)
                yield return ($"cut to {length} bytes", witness[..length], WitnessError.WitnessTooShort);
    }

    /// <summary>With one sibling more, the lowest that the mask at this offset leaves out.</summary>
    private static byte[] Padded(byte[] witness, int maskOffset)
    {
        ulong mask = BinaryPrimitives.ReadUInt64BigEndian(witness.AsSpan(maskOffset));
        int bit = BitOperations.TrailingZeroCount(~mask);
        int place = maskOffset + 8 + bit * Word.Length;
        byte[] padded = [.. witness[..place], .. QuadTree.ZeroRoot(bit / 3).Bytes, .. witness[place..]];
        BinaryPrimitives.WriteUInt64BigEndian(padded.AsSpan(maskOffset), mask | 1UL << bit);
        return padded;
    }

    private static byte[] Flipped(byte[] witness, int offset, byte bits = 1)
    {
        byte[] flipped = [.. witness];
        flipped[offset] ^= bits;
        return flipped;
    }

    private static Word Flipped(Word root) => new(Flipped(root.ToArray(), 0));
}
