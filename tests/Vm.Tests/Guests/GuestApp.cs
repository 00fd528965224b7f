using System.Collections.Immutable;
using Optimistic.Vm.Rollup;

namespace Optimistic.Vm.Tests.Guests;

/// <summary>What a sender hands to a guest.</summary>
internal sealed record GuestTask(byte[] Input)
{
    public Address Sender { get; init; } = new([.. Enumerable.Repeat((byte)0x11, Address.Length)]);

    public ulong Nonce { get; init; }
}

/// <summary>How a task ended. Printed is what it wrote to file descriptors 1 and 2.</summary>
internal sealed record GuestResult(MachineStatus Status, uint ExitCode, ulong Steps, byte[] Output, byte[] Printed);

/// <summary>A guest deployed as the only app of a rollup, whose tasks come through load, run and store (spec 3.3).</summary>
internal sealed class GuestApp : IDisposable
{
    /// <summary>L1 time and block of every task.</summary>
    public const ulong L1Time = 1_800_000_000, L1Block = 22_000_000;

    private const ulong StepLimit = 1UL << 28;

    private readonly Machine _machine = new();
    private RollupState _state;

    public GuestApp(ReadOnlySpan<byte> elf, AppPolicy policy = AppPolicy.Stateless)
    {
        var deploy = RollupTask.Deploy(policy, 0, ElfLoader.Load(elf)).From(new GuestTask([]).Sender);
        Batch batch = BatchOf(deploy);
        _state = Transition.Load(RollupState.Genesis, batch, batch.Context(Word.Zero), 0).State;
    }

    /// <summary>The memory that the next task starts from.</summary>
    public Word MemoryRoot => _state.Apps[0].Leaf.MemoryRoot;

    /// <summary>The number that the next task has in the rollup; the deploy was 0.</summary>
    public ulong NextNumber => _state.OutputsCount;

    /// <summary>The committed ELF of a sample or conformance program.</summary>
    public static string PathOf(string name) => Repository.File("vm", "guest", "elf", $"{name}.elf");

    public static GuestApp Open(string name, AppPolicy policy = AppPolicy.Stateless) => new(File.ReadAllBytes(PathOf(name)), policy);

    public GuestResult Run(GuestTask task, ulong stepLimit = StepLimit)
    {
        Batch batch = BatchOf(RollupTask.Run(0, task.Nonce, stepLimit, task.Input).From(task.Sender));
        BatchContext context = batch.Context(Word.Zero);
        LoadedTask loaded = Transition.Load(_state, batch, context, 0).Loaded!;

        var printed = new List<byte>();
        _machine.Console = (_, bytes) => printed.AddRange(bytes);
        FinishedTask finished = Transition.Run(_machine, loaded, TestContext.Current.CancellationToken);
        StoreResult stored = Transition.Store(_state, batch, context, 0, finished);
        _state = stored.State;

        // The zeros at an output's end are not among the bytes of a finished task.
        byte[] output = new byte[stored.Output.OutputLength];
        finished.Output.CopyTo(output);
        return new GuestResult(stored.Output.Status, stored.Output.ExitCode, stored.Output.StepsUsed, output, [.. printed]);
    }

    public void Dispose() => _machine.Dispose();

    private static Batch BatchOf(RollupTask task) => new(Word.Zero, ImmutableArray.Create(task), L1Time, L1Block);
}
