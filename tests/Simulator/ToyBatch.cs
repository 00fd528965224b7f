using System.Buffers.Binary;
using System.Collections.Concurrent;
using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>
/// A computation with the shape of the real one (load, chunks, store; machines that halt) whose step is an increment, so that whole games
/// fit into milliseconds. What it computes is irrelevant to the game; that it is one function is not.
/// </summary>
internal sealed record ToyBatch(GameShape Shape, Word TasksRoot, int TaskCount)
{
    public BatchPreimage Preimage => new(Word.Zero, TasksRoot, (ulong)TaskCount, 0, 0);

    public Word BatchHash { get; } = new BatchPreimage(Word.Zero, TasksRoot, (ulong)TaskCount, 0, 0).Hash();

    /// <summary>σ = (apps, outputs, counters, machine) after transition <paramref name="position"/>.</summary>
    public Quad Transition(ulong position, Quad sigma)
    {
        ulong task = position / Shape.Span;
        if (task >= (ulong)TaskCount)
            return sigma;

        bool loaded = !sigma.C3.IsZero;
        if (position % Shape.Span == 0)
        {
            // Every third task has a bad signature: it gets its output and loads nothing.
            return IsBad(task)
                ? sigma with { C1 = Mix(sigma.C1, TasksRoot, task) }
                : sigma with { C3 = ToyMachine.Start(Mix(sigma.Hash(), TasksRoot, task), StopOf(task)) };
        }

        if (Shape.IsChunk(position))
            return loaded ? sigma with { C3 = ToyMachine.Run(sigma.C3, Shape.ChunkLeaves) } : sigma;
        return loaded ? sigma with { C1 = Mix(sigma.C1, sigma.C3, task), C3 = Word.Zero } : sigma;
    }

    /// <summary>Positions at which a transition may do something, ascending: all others leave σ as it is.</summary>
    public IEnumerable<ulong> Events()
    {
        for (ulong task = 0; task < (ulong)TaskCount; task++)
        {
            ulong first = task * Shape.Span;
            yield return first;
            ulong chunks = Math.Min(Shape.Span - 2, StopOf(task) / Shape.ChunkLeaves + 1);
            for (ulong chunk = 1; chunk <= chunks; chunk++)
                yield return first + chunk;
            yield return first + Shape.Span - 1;
        }
    }

    /// <summary>Machines halt in the first chunk, at its last leaf, or in the second chunk, or never run.</summary>
    private uint StopOf(ulong task) => (task % 4) switch
    {
        0 => (uint)Math.Min(Shape.ChunkLeaves, 16) - 1,
        1 => Shape.ChunkLeaves <= 16 ? (uint)Shape.ChunkLeaves + 2 : 9,
        2 => 1,
        _ => 0,
    };

    private static bool IsBad(ulong task) => task % 3 == 2;

    public static Word Mix(Word a, Word b, ulong c) => Keccak.Quad(a, b, Word.FromUInt64(c), Word.Zero);
}

/// <summary>A machine of 32 bytes: 16 of identity, zero, steps done and steps to do (u32 each). It halts when they are equal.</summary>
internal static class ToyMachine
{
    public static Word Start(Word identity, uint stop) => With(identity, 0, stop);

    public static Word Step(Word machine) => Run(machine, 1);

    public static Word Run(Word machine, ulong steps)
    {
        (uint done, uint stop) = Counters(machine);
        return done >= stop ? machine : With(machine, (uint)Math.Min(done + steps, stop), stop);
    }

    /// <summary>Steps until it halts.</summary>
    public static uint Left(Word machine)
    {
        (uint done, uint stop) = Counters(machine);
        return stop > done ? stop - done : 0;
    }

    /// <summary>Another machine with the same counters; of no machine, a halted one.</summary>
    public static Word Corrupt(Word machine, ulong salt)
    {
        (uint done, uint stop) = Counters(machine);
        return With(ToyBatch.Mix(machine, Word.FromUInt64(salt), 0), done, stop);
    }

    private static (uint Done, uint Stop) Counters(Word machine) =>
        (BinaryPrimitives.ReadUInt32BigEndian(machine.Bytes[24..]), BinaryPrimitives.ReadUInt32BigEndian(machine.Bytes[28..]));

    private static Word With(Word identity, uint done, uint stop)
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        bytes.Clear();
        identity.Bytes[..16].CopyTo(bytes);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[24..], done);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[28..], stop);
        return new Word(bytes);
    }
}

/// <summary>How a liar lies about one batch.</summary>
internal enum Lie
{
    None,

    /// <summary>σ is corrupted after transition Position, and all that follows is honest again.</summary>
    MachineAfterTransition,
    OutputsAfterTransition,

    /// <summary>A machine is corrupted after Step of the chunk at Position, and all that follows is honest again.</summary>
    MachineInChunk,

    /// <summary>One leaf is wrong, and the next is what it would have been: the trace is not a computation from there on.</summary>
    OneLeaf,

    /// <summary>Four leaves of noise from Position on, and the last noise for ever.</summary>
    Noise,

    /// <summary>One leaf inside the chunk at Position is wrong, that of Step; the next is what it would have been, and so is all else.</summary>
    StepOfChunk,
}

internal sealed record LieAbout(Lie Kind, ulong Position, ulong Step, ulong Salt)
{
    public static LieAbout Nothing { get; } = new(Lie.None, 0, 0, 0);

    public Word Corrupt(Word word, ulong position) => ToyBatch.Mix(word, Word.FromUInt64(Salt), position);
}

/// <summary>The level 0 trace of a batch as someone tells it.</summary>
internal sealed class ToyBatchTrace : RunTrace, IBatchTrace
{
    private readonly Quad[] _openings;
    private readonly Dictionary<ulong, RunTrace> _chunks = [];

    private ToyBatchTrace(ToyBatch batch, LieAbout lie, Quad initial, IReadOnlyList<(ulong From, Quad Sigma)> runs)
        : base(batch.Shape.BatchHeight, [.. runs.Select(run => (run.From, run.Sigma.Hash()))])
    {
        Batch = batch;
        Lie = lie;
        Initial = initial.Hash();
        _openings = [.. runs.Select(run => run.Sigma)];
    }

    public ToyBatch Batch { get; }

    public LieAbout Lie { get; }

    public Word Initial { get; }

    public Quad Last => _openings[^1];

    /// <summary>Every σ in it.</summary>
    public IReadOnlyList<Quad> Openings => _openings;

    public Quad Opening(ulong position) => _openings[RunAt(position)];

    public static ToyBatchTrace Tell(ToyBatch batch, Quad initial, LieAbout lie)
    {
        var positions = new SortedSet<ulong>(batch.Events()) { 0 };
        if (lie.Kind != Simulator.Lie.None)
        {
            for (ulong p = lie.Position; p < Math.Min(lie.Position + 5, batch.Shape.BatchLeaves); p++)
                positions.Add(p);
        }

        var runs = new List<(ulong, Quad)>();
        Quad sigma = initial;
        foreach (ulong p in positions)
        {
            Quad next = batch.Transition(p, sigma);
            bool here = p == lie.Position;
            Quad told = lie.Kind switch
            {
                Simulator.Lie.MachineAfterTransition when here => next with { C3 = ToyMachine.Corrupt(next.C3, lie.Salt) },
                Simulator.Lie.OutputsAfterTransition or Simulator.Lie.OneLeaf when here => next with { C1 = lie.Corrupt(next.C1, p) },
                Simulator.Lie.MachineInChunk when here && !sigma.C3.IsZero && batch.Shape.IsChunk(p) =>
                    next with { C3 = Chunk(batch.Shape, sigma.C3, p, lie)[^1].Leaf },
                Simulator.Lie.Noise when p >= lie.Position => next with { C1 = lie.Corrupt(next.C1, p) },
                _ => next,
            };
            if (runs.Count == 0 || runs[^1].Item2 != told)
                runs.Add((p, told));
            sigma = lie.Kind == Simulator.Lie.OneLeaf ? next : told;
        }

        return new ToyBatchTrace(batch, lie, initial, runs);
    }

    /// <summary>The level 1 trace of the chunk at a position, from its σ before it; null where no machine is loaded.</summary>
    public RunTrace? ChunkAt(ulong position)
    {
        if (position == 0 || !Batch.Shape.IsChunk(position) || Opening(position - 1).C3 is { IsZero: true })
            return null;
        if (!_chunks.TryGetValue(position, out RunTrace? chunk))
            _chunks[position] = chunk = new RunTrace(Batch.Shape.ChunkHeight, Chunk(Batch.Shape, Opening(position - 1).C3, position, Lie));
        return chunk;
    }

    private static List<(ulong From, Word Leaf)> Chunk(GameShape shape, Word start, ulong position, LieAbout lie)
    {
        ulong leaves = shape.ChunkLeaves;
        var runs = new List<(ulong, Word)>();
        Word machine = start;
        bool lies = position == lie.Position && lie.Kind is Simulator.Lie.MachineInChunk or Simulator.Lie.StepOfChunk;
        ulong wrongStep = lie.Step % leaves;
        ulong end = Math.Min(leaves, ToyMachine.Left(start) + 1UL);
        for (ulong i = 0; i < end || (lies && i <= wrongStep); i++)
        {
            machine = ToyMachine.Step(machine);
            Word told = lies && i == wrongStep ? ToyMachine.Corrupt(machine, lie.Salt) : machine;
            if (lie.Kind != Simulator.Lie.StepOfChunk)
                machine = told;
            if (runs.Count == 0 || runs[^1].Item2 != told)
                runs.Add((i, told));
        }

        if (position == lie.Position && lie.Kind == Simulator.Lie.MachineAfterTransition)
        {
            if (runs[^1].Item1 == leaves - 1)
                runs.RemoveAt(runs.Count - 1);
            runs.Add((leaves - 1, ToyMachine.Corrupt(machine, lie.Salt)));
        }

        return runs;
    }
}

/// <summary>What a player believes about all batches, honest or not, and when it is ready with it.</summary>
internal sealed class ToyTraces(Func<ulong> clock, uint replaySeconds, uint traceSeconds) : IOwnTraces
{
    private readonly List<(ToyBatchTrace Trace, OwnClaim Claim)> _batches = [];
    private readonly Dictionary<(ulong, ulong), ulong> _chunkReadyAt = [];

    public void Append(ToyBatchTrace trace, ulong appendedAt)
    {
        ulong index = (ulong)_batches.Count;
        _batches.Add((trace, new OwnClaim(index, trace.Batch.BatchHash, trace.Last.Hash(), trace.Root, appendedAt)));
    }

    public int Count => _batches.Count;

    public Quad Last => _batches[^1].Trace.Last;

    public ToyBatchTrace this[ulong batch] => _batches[(int)batch].Trace;

    public OwnClaim? Claim(ulong batch) =>
        batch < (ulong)_batches.Count && clock() >= _batches[(int)batch].Claim.AppendedAt + replaySeconds ? _batches[(int)batch].Claim : null;

    public IBatchTrace? Batch(ulong batch) => Claim(batch) is null ? null : _batches[(int)batch].Trace;

    public ITrace? Chunk(ulong batch, ulong position) =>
        _chunkReadyAt.TryGetValue((batch, position), out ulong ready) && clock() >= ready ? _batches[(int)batch].Trace.ChunkAt(position) : null;

    /// <returns>Whether it was asked for the first time and is there at once.</returns>
    public bool Prepare(ulong batch, ulong position) => _chunkReadyAt.TryAdd((batch, position), clock() + traceSeconds) && traceSeconds == 0;

    /// <summary>When something that is being computed is ready; the end of time when nothing is.</summary>
    public ulong NextReady()
    {
        ulong next = ulong.MaxValue;
        foreach ((_, OwnClaim claim) in _batches)
            next = claim.AppendedAt + replaySeconds is ulong at && at > clock() ? Math.Min(next, at) : next;
        foreach (ulong at in _chunkReadyAt.Values)
            next = at > clock() ? Math.Min(next, at) : next;
        return next;
    }

    /// <summary>A seeded 32-byte word.</summary>
    public static Word Named(string name) => Names.GetOrAdd(name, text => Keccak.Hash(System.Text.Encoding.UTF8.GetBytes(text)));

    private static readonly ConcurrentDictionary<string, Word> Names = [];
}
