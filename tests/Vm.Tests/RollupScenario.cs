using System.Buffers.Binary;
using System.Collections.Immutable;
using Optimistic.Vm.Rollup;

namespace Optimistic.Vm.Tests;

/// <summary>Two batches in which every rule of spec 3.3 is met, over a small app that does what its input says.</summary>
internal static class RollupScenario
{
    public const long LoopForever = 100, Break = -1;

    private const ulong Entry = 0x1_0000;

    public static readonly Word Key = Word.FromUInt64(0xC0FFEE);

    public static readonly Address Caller = Address.Parse("0x00112233445566778899aabbccddeeff01234567");

    /// <summary>A whole batch, executed by itself.</summary>
    public static BatchResult Execute(RollupState state, Batch batch)
    {
        using var executor = new BatchExecutor(Domain);
        return executor.Execute(state, batch, TestContext.Current.CancellationToken);
    }

    public static readonly Word Domain = TaskSignature.DomainSeparator(31337, Address.Parse("0x5fbdb2315678afecb367f032d93f642f64180aa3"));

    /// <summary>
    /// Counts its tasks in RAM, puts the count and the task number into the output, and exits with the code that the input's first
    /// doubleword is; <see cref="LoopForever"/> loops, a negative one breaks.
    /// </summary>
    public static readonly GuestProgram Counter = new(
        new TestProgram().Text(
            Entry,
            Assembler.Encode(Operation.Lui, 5, immediate: 0x2_0000),
            Assembler.Encode(Operation.Ld, 6, 5),
            Assembler.Encode(Operation.Addi, 6, 6, immediate: 1),
            Assembler.Encode(Operation.Sd, 0, 5, 6),
            Assembler.Encode(Operation.Lui, 7, immediate: unchecked((int)Machine.OutputAddress)),
            Assembler.Encode(Operation.Sd, 0, 7, 6),
            Assembler.Encode(Operation.Sd, 0, 7, 11, 8),
            Assembler.Encode(Operation.Lui, 28, immediate: unchecked((int)Machine.InputAddress)),
            Assembler.Encode(Operation.Ld, 29, 28),
            Assembler.Encode(Operation.Blt, 0, 29, 0, 28),
            Assembler.Encode(Operation.Addi, 30, 0, immediate: (int)LoopForever),
            Assembler.Encode(Operation.Beq, 0, 29, 30, 0),
            Assembler.Encode(Operation.Addi, 10, 29),
            Assembler.Encode(Operation.Addi, 11, 0, immediate: 16),
            Assembler.Encode(Operation.Addi, 17, 0, immediate: 93),
            Assembler.Encode(Operation.Ecall),
            Assembler.Encode(Operation.Ebreak)).Image,
        Entry);

    // Before the batches, which add to it.
    /// <summary>The names of a batch's tasks.</summary>
    public static ImmutableDictionary<Word, string> Names { get; private set; } = ImmutableDictionary<Word, string>.Empty;

    public static Batch First { get; } = Create(
        Word.Zero,
        1_700_000_000,
        20_000_000,
        ("run before there is an app", Call(0, 0, 0).Sign(Domain, Key)),
        ("deploy a stateful app", RollupTask.Deploy(AppPolicy.Stateful, 1, Counter).Sign(Domain, Key)),
        ("deploy a stateless app from L1", RollupTask.Deploy(AppPolicy.Stateless, 2, Counter).From(Caller)),
        ("run a stateful app", Call(0, 3, 0).Sign(Domain, Key)),
        ("run a stateful app again from L1", Call(0, 4, 0).From(Caller)),
        ("run a stateful app with exit code 7", Call(0, 5, 7).Sign(Domain, Key)),
        ("run a stateless app", Call(1, 6, 0).Sign(Domain, Key)),
        ("run a stateless app with exit code 9", Call(1, 7, 9).Sign(Domain, Key)),
        ("out of steps", Call(0, 8, LoopForever).Sign(Domain, Key)),
        ("fault", Call(0, 9, Break).Sign(Domain, Key)),
        ("run an app that does not exist", Call(2, 10, 0).Sign(Domain, Key)));

    public static Batch Second { get; } = Create(
        First.Hash,
        1_700_000_012,
        20_000_001,
        ("run a stateful app in the next batch", Call(0, 11, 0).Sign(Domain, Key)),
        ("signature of zero", Call(0, 12, 0).With(new Signature(Word.Zero, Word.Zero, 0))),
        ("signature with high s", WithHighS(Call(0, 13, 0).Sign(Domain, Key))),
        ("signature with r that is no x of the curve", Call(0, 14, 0).With(new Signature(Word.FromUInt64(5), Word.FromUInt64(1), 0))),
        ("signature with an unknown v", WithV(Call(0, 15, 0).Sign(Domain, Key), 29)),
        ("deploy with a bad signature", RollupTask.Deploy(AppPolicy.Stateful, 16, Counter).With(new Signature(Word.Zero, Word.Zero, 1))),
        ("deploy with an odd entry", DeployAt(Entry + 1, 0).From(Caller)),
        ("run an app with an odd entry", Call(2, 18, 0).Sign(Domain, Key)),
        ("deploy with a policy that there is not", DeployAt(Entry, 0x1ff).From(Caller)),
        ("run an app with a policy that there is not", Call(3, 19, 0).Sign(Domain, Key)),
        ("run with a step limit of zero", RollupTask.Run(0, 20, 0, default).Sign(Domain, Key)),
        ("run from caller zero", Call(0, 21, 0).From(Address.Zero)));

    private static RollupTask Call(uint app, ulong nonce, long code)
    {
        byte[] input = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(input, code);
        return RollupTask.Run(app, nonce, 1000, input);
    }

    private static RollupTask DeployAt(ulong entry, uint target) =>
        RollupTask.Deploy(new TaskHead(0, entry, 0, target, 0, TaskKind.Deploy), Counter.Image, Word.Zero, Word.Zero);

    private static RollupTask WithHighS(RollupTask task)
    {
        var order = System.Numerics.BigInteger.Parse("0fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", System.Globalization.NumberStyles.HexNumber);
        byte[] s = new byte[Word.Length];
        (order - task.Auth1.ToBigInteger()).TryWriteBytes(s, out int length, isUnsigned: true, isBigEndian: true);
        Assert.Equal(Word.Length, length);
        return task.With(new Signature(task.Auth0, new Word(s), (byte)(28 - task.Head.V)));
    }

    private static RollupTask WithV(RollupTask task, byte v) => RollupTask.Run(task.Head with { V = v }, task.Input, task.Auth0, task.Auth1);

    private static Batch Create(Word previous, ulong time, ulong block, params (string Name, RollupTask Task)[] tasks)
    {
        Names = Names.AddRange(tasks.Select(task => KeyValuePair.Create(task.Task.Hash, task.Name)));
        return new Batch(previous, [.. tasks.Select(task => task.Task)], time, block);
    }
}
