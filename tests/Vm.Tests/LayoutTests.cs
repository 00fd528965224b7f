using System.Numerics;
using System.Runtime.CompilerServices;
using Optimistic.Vm.Rollup;

namespace Optimistic.Vm.Tests;

/// <summary>What is hashed: frozen numbers and the places of fields, spelled out byte by byte.</summary>
public sealed class LayoutTests
{
    private static readonly Address Sender = Address.Parse("0x0102030405060708090a0b0c0d0e0f1011121314");

    [Fact]
    [Spec("1.3.2")]
    [Spec("2.6.3")]
    public void Status_numbers_are_frozen() => Assert.Equal(
        [
            "Running 0", "Halted 1", "OutOfSteps 2", "IllegalInstruction 3", "BadPc 4", "Breakpoint 5", "MisalignedAtomic 6", "OutputTooLong 7",
            "Deployed 16", "BadSignature 17", "UnknownApp 18"
        ],
        Enum.GetValues<MachineStatus>().Select(status => $"{status} {(byte)status}"));

    [Fact]
    [Spec("2.5.2")]
    [Spec("2.6.1")]
    public void Kinds_and_policies_are_frozen()
    {
        Assert.Equal(["Run 0", "Deploy 1"], Enum.GetValues<TaskKind>().Select(kind => $"{kind} {(byte)kind}"));
        Assert.Equal(["Stateless 0", "Stateful 1"], Enum.GetValues<AppPolicy>().Select(policy => $"{policy} {(byte)policy}"));
    }

    [Fact]
    [Spec("1.3.1")]
    [Spec("3.1.3")]
    public void The_head_of_a_machine_is_control_word_and_registers()
    {
        Assert.Equal(MachineHead.Length, Unsafe.SizeOf<MachineHead>());
        MachineHead head = default;
        head.Control = new ControlWord
        {
            Pc = 0x0807060504030201,
            StepsLeft = 0x100f0e0d0c0b0a09,
            Reservation = 0x1817161514131211,
            Status = (MachineStatus)0x19,
            ExitCode = 0x201f1e1d
        };
        for (int i = 0; i < RegisterFile.Count; i++)
            head.X[i] = 0x0101010101010101UL * (ulong)i + 0x0706050403020100;

        byte[] expected = [.. Enumerable.Range(1, 25).Select(i => (byte)i), 0, 0, 0, 0x1d, 0x1e, 0x1f, 0x20];
        for (int i = 0; i < RegisterFile.Count; i++)
            expected = [.. expected, .. Enumerable.Range(0, 8).Select(b => (byte)(b + i))];
        Assert.Equal(expected, head.Bytes.ToArray());
    }

    [Fact]
    [Spec("2.3.2")]
    [Spec("1.1.2")]
    public void A_machine_root_is_over_memory_two_groups_of_registers_and_control()
    {
        MachineHead head = default;
        head.Control.Pc = 0x1234;
        for (int i = 0; i < RegisterFile.Count; i++)
            head.X[i] = (ulong)i * 0x0123456789abcdef;

        Word memoryRoot = Word.FromUInt64(99);
        byte[] bytes = head.Bytes.ToArray();
        Word low = Keccak.Hash(bytes.AsSpan(32, 128)), high = Keccak.Hash(bytes.AsSpan(160, 128));
        byte[] all = [.. memoryRoot.ToArray(), .. low.ToArray(), .. high.ToArray(), .. bytes[..32]];
        Assert.Equal(Keccak.Hash(all), head.Root(memoryRoot));
    }

    [Fact]
    [Spec("1.8.1")]
    [Spec("1.8.2")]
    public void A_task_starts_with_what_it_must_know()
    {
        RollupTask deploy = RollupTask.Deploy(AppPolicy.Stateless, 0, RollupScenario.Counter).From(Sender);
        RollupTask run = RollupTask.Run(0, 77, 5000, new byte[] { 9, 8, 7 }).From(Sender);
        var batch = new Batch(Word.Zero, [deploy, run], 1_700_000_000, 20_000_000);
        BatchContext context = batch.Context(RollupScenario.Domain);
        RollupState state = Transition.Load(RollupState.Genesis, batch, context, 0).State;
        LoadedTask loaded = Transition.Load(state, batch, context, 1).Loaded!;

        var expected = new ulong[RegisterFile.Count];
        expected[2] = 0xC000_0000;
        expected[10] = 3;
        expected[11] = 1;
        expected[12] = 1_700_000_000;
        expected[13] = 20_000_000;
        expected[14] = 0x0807060504030201;
        expected[15] = 0x100f0e0d0c0b0a09;
        expected[16] = 0x14131211;
        expected[17] = 77;
        Assert.Equal(expected, Enumerable.Range(0, RegisterFile.Count).Select(i => loaded.Head.X[i]));
        ControlWord control = loaded.Head.Control;
        Assert.Equal((RollupScenario.Counter.Entry, 5000UL, 0UL, MachineStatus.Running, 0u), (control.Pc, control.StepsLeft, control.Reservation, control.Status, control.ExitCode));
        Assert.Equal(RollupScenario.Counter.Image.Write(Machine.InputAddress, [9, 8, 7]).Root, loaded.Image.Root);
        Assert.Equal(loaded.Head.Root(loaded.Image.Root), loaded.MachineRoot);
    }

    [Fact]
    [Spec("2.6.1")]
    [Spec("2.4.2")]
    public void A_task_head_is_a_sum_of_shifted_fields()
    {
        var head = new TaskHead(0x1111, 0x2222, 0x3333, 0x4444, 27, TaskKind.Deploy);
        BigInteger expected = 0x1111 + ((BigInteger)0x2222 << 64) + ((BigInteger)0x3333 << 128) + ((BigInteger)0x4444 << 192) + ((BigInteger)27 << 224) + ((BigInteger)1 << 232);
        Assert.Equal(expected, head.ToWord().ToBigInteger());
        Assert.Equal(head, TaskHead.FromWord(head.ToWord()));

        RollupTask task = RollupTask.Run(head with { Kind = TaskKind.Run }, new byte[] { 1 }, Word.FromUInt64(5), Word.FromUInt64(6));
        Word input = QuadTree.RootOfBytes([1], 12);
        Assert.Equal(Keccak.Quad((head with { Kind = TaskKind.Run }).ToWord(), input, Word.FromUInt64(5), Word.FromUInt64(6)), task.Hash);
    }

    [Fact]
    [Spec("2.6.2")]
    public void A_caller_on_L1_is_the_sender_and_a_signer_too()
    {
        RollupTask task = RollupTask.Run(1, 2, 3, default);
        Assert.True(task.From(Sender).TryGetSender(RollupScenario.Domain, out Address caller));
        Assert.Equal(Sender, caller);
        RollupTask signed = task.Sign(RollupScenario.Domain, RollupScenario.Key);
        Assert.True(signed.TryGetSender(RollupScenario.Domain, out Address signer));
        Assert.Equal(Secp256k1.AddressOf(RollupScenario.Key), signer);

        // For another rollup it is somebody else's signature.
        Assert.True(!signed.TryGetSender(TaskSignature.DomainSeparator(1, Sender), out Address other) || other != signer);
    }

    [Fact]
    [Spec("2.5.1")]
    [Spec("2.5.3")]
    public void An_app_leaf_is_four_words()
    {
        var leaf = new AppLeaf(Word.FromUInt64(7), Sender, 0x1_0000, AppPolicy.Stateful);
        Quad words = leaf.Words;
        Assert.Equal(0x1_0000 + ((BigInteger)1 << 64), words.C2.ToBigInteger());
        Assert.Equal(Keccak.Quad(Word.FromUInt64(7), Sender.ToWord(), words.C2, Word.Zero), leaf.Hash());

        // Nothing of input or output stays in a stateful app.
        using var machine = new Machine();
        BatchResult result = RollupScenario.Execute(RollupState.Genesis, RollupScenario.First);
        for (int slot = 6; slot <= 11; slot++)
            Assert.Equal(QuadTree.ZeroRoot(12), result.State.Apps[0].Image.SlotRoot(slot));
    }

    [Fact]
    [Spec("2.6.3")]
    public void A_result_is_a_sum_of_shifted_fields()
    {
        var output = new OutputLeaf(Word.FromUInt64(1), Word.FromUInt64(2), 0x1111, 0x2222, 0x3333, MachineStatus.BadSignature, 0x4444);
        BigInteger expected = 0x1111 + ((BigInteger)0x2222 << 64) + ((BigInteger)0x3333 << 128) + ((BigInteger)17 << 160) + ((BigInteger)0x4444 << 168);
        Assert.Equal(expected, output.Result.ToBigInteger());
        Assert.Equal(Keccak.Quad(Word.FromUInt64(1), Word.FromUInt64(2), output.Result, Word.Zero), output.Hash());
    }

    [Fact]
    [Spec("2.6.4")]
    public void An_output_root_is_over_slot_7_of_a_machine_that_halted()
    {
        using var machine = new Machine();
        BatchResult result = RollupScenario.Execute(RollupState.Genesis, RollupScenario.First);
        for (int task = 0; task < result.Outputs.Length; task++)
            Assert.Equal(QuadTree.RootOfBytes(result.OutputBytes[task].Span, 12), result.Outputs[task].OutputRoot);

        Assert.All(result.Outputs, output => Assert.Equal(output.Status == MachineStatus.Halted, output.OutputRoot != QuadTree.ZeroRoot(12)));
    }

    [Fact]
    [Spec("2.7.1")]
    [Spec("2.7.2")]
    public void A_batch_hash_chains_tasks_and_time()
    {
        Batch first = RollupScenario.First, second = RollupScenario.Second;
        Assert.Equal(QuadTree.Root([.. first.Tasks.Select(task => task.Hash)], 6), first.TasksRoot);
        BigInteger head = second.Tasks.Length + ((BigInteger)second.Time << 64) + ((BigInteger)second.BlockNumber << 128);
        byte[] bytes = new byte[Word.Length];
        byte[] number = head.ToByteArray(isUnsigned: true, isBigEndian: true);
        number.CopyTo(bytes, bytes.Length - number.Length);
        Assert.Equal(Keccak.Quad(first.Hash, second.TasksRoot, new Word(bytes), Word.Zero), second.Hash);
        Assert.Throws<ArgumentException>(() => new Batch(Word.Zero, [], 0, 0));
        Assert.Throws<ArgumentException>(() => new Batch(Word.Zero, [.. Enumerable.Repeat(first.Tasks[0], 4097)], 0, 0));
    }

    [Fact]
    [Spec("2.4.1")]
    [Spec("2.4.2")]
    public void Sigma_is_four_words()
    {
        using var machine = new Machine();
        RollupState state = RollupScenario.Execute(RollupState.Genesis, RollupScenario.First).State;
        Quad words = state.RootWords;
        Assert.Equal(state.OutputsCount + ((BigInteger)state.Apps.Count << 64), words.C2.ToBigInteger());
        Assert.Equal(QuadTree.Root([.. state.Apps.Select(app => app.Leaf.Hash())], 16), words.C0);
        Assert.Equal(Keccak.Quad(words.C0, words.C1, words.C2, Word.Zero), state.Root);
        Assert.Equal(Keccak.Quad(words.C0, words.C1, words.C2, Word.FromUInt64(5)), state.Sigma(Word.FromUInt64(5)));
    }
}
