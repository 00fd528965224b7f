using System.Globalization;
using Optimistic.Vm.Trace;

namespace Optimistic.Vm.Rollup;

/// <summary>A drill cannot be read or cannot be carried out: one line that says why.</summary>
public sealed class DrillException(string message) : Exception(message);

/// <summary>
/// A lie for drills and tests, on development chains only: after instruction <paramref name="Step"/> of task <paramref name="Task"/>, bits of
/// one memory word flip, and the machine goes on honestly from there. Whoever claims that result stands behind one false instruction.
/// </summary>
/// <param name="Task">The task's number since genesis.</param>
/// <param name="Step">The instruction of the task, from 0, after which the bits flip.</param>
/// <param name="Address">Address of the first byte that is flipped, below 2^32.</param>
/// <param name="Xor">The bits to flip: bytes from <paramref name="Address"/> on, at most 32 and all within one aligned word of 32 bytes, not all zero.</param>
public sealed record Drill(ulong Task, ulong Step, uint Address, string Xor)
{
    /// <summary>Chain ids of development chains, the only ones on which anyone may lie.</summary>
    public static readonly IReadOnlyList<ulong> DevelopmentChains = [31337, 1337];

    // Steps between looks at the cancellation token.
    private const ulong SliceSteps = 1UL << 24;

    /// <summary>Reads <c>task=N,step=S,address=A,xor=X</c>; A and X may be hexadecimal with 0x, X always is.</summary>
    /// <exception cref="DrillException">It is not that; says which part.</exception>
    public static Drill Parse(string text)
    {
        var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = part.Split('=', 2, StringSplitOptions.TrimEntries);
            if (pair.Length != 2 || !fields.TryAdd(pair[0], pair[1]))
                throw new DrillException($"'{part}' is no part of a drill: task=N,step=S,address=A,xor=X is expected.");
        }

        ulong task = Number(fields, "task"), step = Number(fields, "step"), address = Number(fields, "address");
        if (fields.Count != 4 || !fields.TryGetValue("xor", out string? xor))
            throw new DrillException("A drill is task=N,step=S,address=A,xor=X.");
        if (step >= RollupTask.MaxStepLimit)
            throw new DrillException($"Step {step} is beyond the longest task.");
        if (address > uint.MaxValue)
            throw new DrillException($"Address 0x{address:x} is above 2^32: no store reaches it.");
        string digits = xor.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? xor[2..].ToLowerInvariant() : xor.ToLowerInvariant();
        if (digits.Length is 0 or > 2 * Word.Length || digits.Length % 2 != 0 || !digits.All(char.IsAsciiHexDigit) || digits.All(digit => digit == '0'))
            throw new DrillException($"xor={xor} is not 1 to {Word.Length} bytes in hexadecimal, not all zero.");
        if (address % Word.Length + (ulong)digits.Length / 2 > Word.Length)
            throw new DrillException($"{digits.Length / 2} bytes at 0x{address:x} are not within one word of {Word.Length} bytes.");
        return new Drill(task, step, (uint)address, digits);
    }

    /// <exception cref="DrillException">The chain is not a development chain.</exception>
    public static void RequireDevelopmentChain(ulong chainId)
    {
        if (!DevelopmentChains.Contains(chainId))
            throw new DrillException($"Drills are for development chains ({string.Join(", ", DevelopmentChains)}): chain {chainId} is not one.");
    }

    /// <summary>The chunk of the task, from 0, in which the bits flip.</summary>
    public int Chunk => (int)(Step / Transition.ChunkSteps);

    /// <summary>What <see cref="Transition.Run"/> does, with the lie in it.</summary>
    /// <exception cref="DrillException">The task stops before the step.</exception>
    public FinishedTask Run(Machine machine, LoadedTask task, CancellationToken cancellation = default)
    {
        machine.Load(task.Image, task.Head);
        var roots = System.Collections.Immutable.ImmutableArray.CreateBuilder<Word>();
        while (machine.IsRunning && roots.Count < Transition.MaxChunks)
        {
            Advance(machine, (ulong)roots.Count * Transition.ChunkSteps, Transition.ChunkSteps, cancellation);
            roots.Add(machine.Root());
        }

        if (roots.Count <= Chunk)
            throw new DrillException($"Task {Task} stops in chunk {roots.Count - 1}, before step {Step} of the drill.");
        return Transition.Finish(machine, task.IsStateful, roots.ToImmutable());
    }

    /// <summary>Makes <paramref name="count"/> steps of the task from step <paramref name="from"/>, or fewer when it stops, with the lie in them.</summary>
    /// <exception cref="DrillException">The task stops before the step.</exception>
    public void Advance(Machine machine, ulong from, ulong count, CancellationToken cancellation = default)
    {
        if (Step < from || Step - from >= count)
        {
            AdvanceHonestly(machine, count, cancellation);
            return;
        }

        AdvanceToLie(machine, from, cancellation);
        uint index = Address / Word.Length;
        machine.Memory.WriteWord(index, Lie(machine.Memory.ReadWord(index)));
        AdvanceHonestly(machine, count - (Step - from + 1), cancellation);
    }

    /// <summary>The level 1 trace of a chunk, from 0, of the task, with the lie in it if it is there.</summary>
    /// <param name="machine">At the chunk's start; left at its end.</param>
    /// <param name="chunk">The chunk of the task, from 0.</param>
    /// <param name="cancellation">Looked at until the building begins; from then on what <paramref name="progress"/> throws ends it.</param>
    /// <param name="progress">See <see cref="ChunkTrace.Build(Machine, ForgedWord?, Action{ulong}?)"/>.</param>
    public ChunkTrace BuildChunk(Machine machine, int chunk, CancellationToken cancellation = default, Action<ulong>? progress = null)
    {
        if (chunk != Chunk)
            return ChunkTrace.Build(machine, progress: progress);

        // What the word becomes is known once the chunk has run up to the lie.
        MemoryImage start = machine.Memory.Snapshot();
        MachineHead head = machine.Head;
        AdvanceToLie(machine, (ulong)chunk * Transition.ChunkSteps, cancellation);
        uint index = Address / Word.Length;
        Word value = Lie(machine.Memory.ReadWord(index));
        machine.Load(start, head);
        return ChunkTrace.Build(machine, new ForgedWord(Step % Transition.ChunkSteps, index, value), progress);
    }

    /// <summary>Makes steps without a lie, looking at the cancellation token now and then.</summary>
    public static void AdvanceHonestly(Machine machine, ulong count, CancellationToken cancellation, ExecutionEngine engine = ExecutionEngine.Jit)
    {
        for (ulong done = 0; done < count && machine.IsRunning; done += SliceSteps)
        {
            cancellation.ThrowIfCancellationRequested();
            engine.Run(machine, Math.Min(SliceSteps, count - done));
        }
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"task={Task},step={Step},address=0x{Address:x},xor=0x{Xor}");

    private void AdvanceToLie(Machine machine, ulong from, CancellationToken cancellation)
    {
        ulong before = machine.StepsLeft;
        ulong count = Step - from + 1;
        AdvanceHonestly(machine, count - 1, cancellation);
        if (machine.IsRunning)
            Interpreter.Run(machine, 1);
        if (before - machine.StepsLeft < count)
            throw new DrillException($"Task {Task} stops after {from + before - machine.StepsLeft} steps, before step {Step} of the drill.");
    }

    private Word Lie(Word honest)
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        honest.CopyTo(bytes);
        byte[] flips = Convert.FromHexString(Xor);
        for (int i = 0; i < flips.Length; i++)
            bytes[(int)(Address % Word.Length) + i] ^= flips[i];
        return new Word(bytes);
    }

    private static ulong Number(Dictionary<string, string> fields, string name)
    {
        if (!fields.TryGetValue(name, out string? text))
            throw new DrillException($"A drill has {name}=…: task=N,step=S,address=A,xor=X is expected.");
        bool hexadecimal = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return ulong.TryParse(
            hexadecimal ? text.AsSpan(2) : text,
            hexadecimal ? NumberStyles.AllowHexSpecifier : NumberStyles.None,
            CultureInfo.InvariantCulture,
            out ulong value)
            ? value
            : throw new DrillException($"{name}={text} is not a number.");
    }
}
