using System.Buffers.Binary;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.EndToEnd.Tests;

/// <summary>
/// Witnesses as long as spec 3 lets them be: every tree is full, so that no sibling is left out, and every field is as long as it gets.
/// The leaves beside the paths are made up: a verifier sees no more of them than a proof shows.
/// </summary>
internal sealed class WorstProofs(int seed, Word domainSeparator)
{
    /// <summary>Where slot 4 and slot 12 begin, in words of the memory tree (spec 1.2.1).</summary>
    private const ulong QuarterWords = 1UL << 26, TextWords = 3 * QuarterWords;

    private const int QuarterHeight = 13, SlotHeight = 12;

    /// <summary>The last numbers of the outputs tree and of the apps tree.</summary>
    private const ulong OutputsCount = (1UL << 40) - 1, AppsCount = (1UL << 32) - 1;

    private const ulong LongField = 0x0123_4567_89ab_cdef, TaskCount = 4095;

    private const uint App = 0xfffe_fdfc;

    private readonly Random _random = new(seed);

    /// <summary>A transition of level 0 in a tournament.</summary>
    public sealed record TransitionProof(string Name, TournamentPreimage Tournament, Word Agreed, ulong Position, byte[] Witness, Word After);

    /// <summary>A step of a machine.</summary>
    public sealed record StepProof(string Name, Word Agreed, byte[] Witness, Word After);

    /// <summary>Every kind of transition of level 0 that opens a task (spec 3.3.3, 3.3.4).</summary>
    public IEnumerable<TransitionProof> Transitions()
    {
        RollupTask run = RollupTask.Run(new TaskHead(1 << 29, RollupTask.MaxStepLimit - 1, LongField, App, 0, TaskKind.Run), ReadOnlyMemory<byte>.Empty, default, default)
            .Sign(domainSeparator, World.SenderKey);
        RollupTask deploy = RollupTask.Deploy(new TaskHead(0, 0x1fff_fffe, LongField, (uint)AppPolicy.Stateful, 0, TaskKind.Deploy), MemoryImage.Empty, default, default)
            .Sign(domainSeparator, World.SenderKey);
        RollupTask bad = RollupTask.Run(run.Head, ReadOnlyMemory<byte>.Empty, run.Auth0, new Word(Enumerable.Repeat((byte)0xff, Word.Length).ToArray()));
        yield return LoadRun(run);
        yield return LoadDeploy(deploy);
        yield return LoadBadSignature(bad);
        yield return Store(run);
    }

    /// <summary>
    /// Stores of eight bytes over the end of a word, by an instruction over the end of a word: no other step has as many accesses (spec 3.2).
    /// </summary>
    public IEnumerable<StepProof> Steps()
    {
        yield return StoreAcross(QuarterWords, QuarterHeight);
        yield return StoreAcross(3 * QuarterWords / 4, SlotHeight);
    }

    /// <summary>A leaf of a trace of that height with its proof, as a seal and a join take it (spec 4.3.3, 4.2.3).</summary>
    public (Word Root, byte[] Item) TraceLeaf(Word leaf, ulong index, int height)
    {
        QuadProof proof = QuadProof.Create(QuadTreeKind.Trace, leaf, index, Siblings(height));
        return (proof.ComputeRoot(leaf, index), Bytes(leaf, proof));
    }

    /// <summary>The last leaf of a trace, and the children of its root.</summary>
    public (Quad Children, byte[] Item) LastTraceLeaf(Word leaf, int height)
    {
        Word[] siblings = Siblings(height);
        ulong index = (1UL << (2 * height)) - 1;
        QuadProof proof = QuadProof.Create(QuadTreeKind.Trace, leaf, index, siblings);
        Word last = proof.Below(height - 1).ComputeRoot(leaf, index >> 2);
        return (new Quad(siblings[^3], siblings[^2], siblings[^1], last), Bytes(leaf, proof));
    }

    private TransitionProof LoadRun(RollupTask task)
    {
        var middle = new Quad(Random(), Random(), QuadTree.ZeroRoot(SlotHeight), QuadTree.ZeroRoot(SlotHeight));
        var memory = new Quad(Random(), middle.Hash(), QuadTree.ZeroRoot(QuarterHeight), Random());
        (Word appsRoot, byte[] app) = OpenedApp(memory.Hash());
        return Prove("load of a run", Transition.LoadPhase, Sigma(appsRoot, Random(), Word.Zero), task, [.. app, .. Bytes(memory), .. Bytes(middle)]);
    }

    private TransitionProof LoadDeploy(RollupTask task)
    {
        (Word appsRoot, byte[] app) = Access(Word.Zero, AppsCount, QuadTree.AppsHeight);
        (Word outputsRoot, byte[] output) = Access(Word.Zero, OutputsCount, QuadTree.OutputsHeight);
        return Prove("load of a deploy", Transition.LoadPhase, Sigma(appsRoot, outputsRoot, Word.Zero), task, [.. app, .. output]);
    }

    private TransitionProof LoadBadSignature(RollupTask task)
    {
        (Word outputsRoot, byte[] output) = Access(Word.Zero, OutputsCount, QuadTree.OutputsHeight);
        return Prove("load of a bad signature", Transition.LoadPhase, Sigma(Random(), outputsRoot, Word.Zero), task, output);
    }

    /// <summary>Of a stateful app, after a task that succeeded.</summary>
    private TransitionProof Store(RollupTask task)
    {
        var middle = new Quad(Random(), Random(), Random(), Random());
        var memory = new Quad(Random(), middle.Hash(), Random(), Random());
        MachineHead head = Head(MachineStatus.Halted);
        head.X[10] = LongField << 32;
        head.X[11] = 0x1fff_fffe;
        head.X[17] = 93;
        (Word appsRoot, byte[] app) = OpenedApp(Random());
        (Word outputsRoot, byte[] output) = Access(Word.Zero, OutputsCount, QuadTree.OutputsHeight);
        return Prove(
            "store", Transition.StorePhase, Sigma(appsRoot, outputsRoot, head.Root(memory.Hash())), task,
            [.. head.Bytes, .. memory.Hash().Bytes, .. Bytes(memory), .. Bytes(middle), .. app, .. output]);
    }

    /// <summary>A store of eight bytes, four of them in the word before <paramref name="second"/>.</summary>
    private StepProof StoreAcross(ulong second, int height)
    {
        // sd x5, 0(x6), whose second half is in another word. Their paths part at height 11: within text they do not part higher.
        const uint Instruction = 5 << 20 | 6 << 15 | 3 << 12 | 0x23;
        const ulong Pc = 3 * (1UL << 27) - 2;
        const int TextHeight = 11;
        byte[] textBytes = Random().ToArray(), nextTextBytes = Random().ToArray();
        BinaryPrimitives.WriteUInt16LittleEndian(textBytes.AsSpan(30), unchecked((ushort)Instruction));
        BinaryPrimitives.WriteUInt16LittleEndian(nextTextBytes, (ushort)(Instruction >> 16));
        Word text = new(textBytes), nextText = new(nextTextBytes), data = Random(), nextData = Random();
        ulong textIndex = TextWords + Pc / Word.Length;

        QuadProof nextTextProof = Prove(nextText, 0, Siblings(TextHeight));
        QuadProof nextDataProof = Prove(nextData, 0, Siblings(height));
        Word[] dataSiblings = Siblings(QuarterHeight);
        if (height < QuarterHeight)
            SetRight(dataSiblings, second - 1, height, nextDataProof.ComputeRoot(nextData, 0));
        QuadProof dataProof = Prove(data, (second - 1) % QuarterWords, dataSiblings);

        // Slots 13 to 15 are zero in every state.
        Word[] textSiblings = Siblings(QuarterHeight + 1);
        SetRight(textSiblings, textIndex, TextHeight, nextTextProof.ComputeRoot(nextText, 0));
        textSiblings.AsSpan(3 * SlotHeight, 3).Fill(QuadTree.ZeroRoot(SlotHeight));
        Span<Word> quarters = textSiblings.AsSpan(3 * QuarterHeight);
        quarters[0] = dataProof.ComputeRoot(data, (second - 1) % QuarterWords);
        if (height == QuarterHeight)
            quarters[1] = nextDataProof.ComputeRoot(nextData, 0);
        QuadProof textProof = Prove(text, textIndex, textSiblings);

        MachineHead head = Head(MachineStatus.Running);
        head.Control.Pc = Pc;
        head.X[6] = LongField << 32 | (second * Word.Length - 4);
        byte[] witness =
        [
            .. head.Bytes, .. Bytes(text, textProof), .. Bytes(nextText, nextTextProof), .. Bytes(data, dataProof),
            .. Bytes(nextData, nextDataProof),
        ];
        Word before = head.Root(textProof.ComputeRoot(text, textIndex));
        return new StepProof($"store whose words part at height {height}", before, witness, Step.Replay(before, witness));
    }

    /// <summary>A transition in a batch of as many tasks as there can be.</summary>
    private TransitionProof Prove(string name, ulong phase, Quad sigma, RollupTask task, byte[] rest)
    {
        const ulong Number = TaskCount - 1;
        (Word tasksRoot, byte[] access) = Access(task.Hash, Number, QuadTree.TasksHeight);
        var batch = new BatchPreimage(Random(), tasksRoot, TaskCount, Time: 0xffff_fffe, BlockNumber: 0x1234_5678);
        var context = new BatchContext(tasksRoot, batch.Count, batch.Time, batch.BlockNumber, domainSeparator);
        byte[] witness = [.. Bytes(sigma), .. access, .. Bytes(task.Words), .. rest];
        ulong position = Number * Transition.Phases + phase;
        return new TransitionProof(
            name, new TournamentPreimage(Random(), Attempt: 0xffff, batch), sigma.Hash(), position, witness,
            Transition.Replay(context, sigma.Hash(), position, witness));
    }

    private (Word AppsRoot, byte[] Items) OpenedApp(Word memoryRoot)
    {
        Quad leaf = new AppLeaf(memoryRoot, Address.FromWord(Random()), 0x1fff_fffe, AppPolicy.Stateful).Words;
        (Word root, byte[] access) = Access(leaf.Hash(), App, QuadTree.AppsHeight);
        return (root, [.. access, .. Bytes(leaf)]);
    }

    private (Word Root, byte[] Item) Access(Word leaf, ulong index, int height)
    {
        QuadProof proof = Prove(leaf, index, Siblings(height));
        return (proof.ComputeRoot(leaf, index), Bytes(leaf, proof));
    }

    private MachineHead Head(MachineStatus status)
    {
        MachineHead head = default;
        head.Control.Pc = 0x1fff_fffe;
        head.Control.StepsLeft = RollupTask.MaxStepLimit - 1;
        head.Control.Reservation = 0xffff_fff9;
        head.Control.Status = status;
        for (int i = 1; i < RegisterFile.Count; i++)
            head.X[i] = BinaryPrimitives.ReadUInt64LittleEndian(Random().Bytes);
        return head;
    }

    private static Quad Sigma(Word appsRoot, Word outputsRoot, Word machineRoot)
    {
        byte[] counters = new byte[Word.Length];
        BinaryPrimitives.WriteUInt64BigEndian(counters.AsSpan(24), OutputsCount);
        BinaryPrimitives.WriteUInt64BigEndian(counters.AsSpan(16), AppsCount);
        return new Quad(appsRoot, outputsRoot, new Word(counters), machineRoot);
    }

    /// <summary>Sets the node to the right of a path, among its siblings.</summary>
    private static void SetRight(Word[] siblings, ulong index, int height, Word node) =>
        siblings[3 * height + (int)(index >> (2 * height) & 3)] = node;

    private static QuadProof Prove(Word leaf, ulong index, Word[] siblings) => QuadProof.Create(QuadTreeKind.State, leaf, index, siblings);

    private static byte[] Bytes(Word leaf, QuadProof proof) => [.. leaf.Bytes, .. proof.Encode()];

    private static byte[] Bytes(Quad quad) => [.. quad.C0.Bytes, .. quad.C1.Bytes, .. quad.C2.Bytes, .. quad.C3.Bytes];

    private Word[] Siblings(int height) => [.. Enumerable.Range(0, 3 * height).Select(_ => Random())];

    private Word Random()
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        _random.NextBytes(bytes);
        return new Word(bytes);
    }
}
