using System.Security.Cryptography;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger.Tests;

/// <summary>
/// A computation with the shape of the real one (load, chunks, store; machines that halt) and a hash for a step, so that whole games fit
/// into milliseconds. What it computes is irrelevant to the game; that it is one function is not.
/// </summary>
internal sealed record ToyMachine(GameShape Shape, Word BatchHash, int TaskCount)
{
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
            return task % 3 == 2
                ? sigma with { C1 = Mix(sigma.C1, BatchHash, task) }
                : sigma with { C3 = Mix(sigma.Hash(), BatchHash, task) };
        }

        if (Shape.IsChunk(position))
            return loaded ? sigma with { C3 = RunChunk(sigma.C3)[^1] } : sigma;
        return loaded ? sigma with { C1 = Mix(sigma.C1, sigma.C3, task), C3 = Word.Zero } : sigma;
    }

    /// <summary>One machine in twelve is halted, and stays as it is.</summary>
    public static Word Step(Word machine) => machine.Bytes[31] < 21 ? machine : Keccak.Hash(machine.Bytes);

    public Word[] RunChunk(Word machine)
    {
        var leaves = new Word[Shape.ChunkLeaves];
        for (int i = 0; i < leaves.Length; i++)
            leaves[i] = machine = Step(machine);
        return leaves;
    }

    public static Word Mix(Word a, Word b, ulong c) => Keccak.Quad(a, b, Word.FromUInt64(c), Word.Zero);
}

/// <summary>A trace over leaves that are all in memory.</summary>
internal class ToyTrace : ITrace
{
    private readonly Word[][] _nodes;

    public ToyTrace(int height, Word[] leaves)
    {
        Height = height;
        _nodes = new Word[height + 1][];
        _nodes[0] = leaves;
        for (int h = 1; h <= height; h++)
        {
            Word[] below = _nodes[h - 1];
            _nodes[h] = new Word[below.Length / 4];
            for (int i = 0; i < _nodes[h].Length; i++)
                _nodes[h][i] = QuadChildren.Of(below.AsSpan(4 * i, 4)).Hash();
        }
    }

    public int Height { get; }

    public Word Root => _nodes[Height][0];

    public Quad Children(int height, ulong index) => QuadChildren.Of(_nodes[height - 1].AsSpan(4 * (int)index, 4));

    public Word Leaf(ulong position) => _nodes[0][position];

    public byte[] Prove(ulong position)
    {
        var siblings = new List<Word>();
        for (int h = 0; h < Height; h++)
        {
            ulong index = position >> (2 * h);
            for (ulong child = index & ~3UL; child < (index & ~3UL) + 4; child++)
            {
                if (child != index)
                    siblings.Add(_nodes[h][child]);
            }
        }

        return QuadProof.Create(QuadTreeKind.Trace, Leaf(position), position, [.. siblings]).Encode();
    }
}

internal sealed class ToyBatchTrace(GameShape shape, Word initial, Quad[] openings)
    : ToyTrace(shape.BatchHeight, [.. openings.Select(sigma => sigma.Hash())]), IBatchTrace
{
    public Word Initial { get; } = initial;

    public Quad Opening(ulong position) => openings[position];

    public Quad Last => openings[^1];

    public IReadOnlyList<Quad> Openings => openings;
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

    /// <summary>Noise from Position on.</summary>
    Noise,
}

internal sealed record LieAbout(Lie Kind, ulong Position, ulong Step, ulong Salt)
{
    public static LieAbout Nothing { get; } = new(Lie.None, 0, 0, 0);

    public Word Corrupt(Word word, ulong position) => ToyMachine.Mix(word, Word.FromUInt64(Salt), position);
}

/// <summary>The traces of a player, honest or not, over all batches.</summary>
internal sealed class ToyTraces : IOwnTraces
{
    private readonly GameShape _shape;
    private readonly List<(ToyMachine Machine, LieAbout Lie, ToyBatchTrace Trace, OwnClaim Claim)> _batches = [];
    private readonly Dictionary<(ulong, ulong), ulong> _chunkReadyAt = [];
    private readonly Func<ulong> _clock;
    private readonly uint _replaySeconds;
    private readonly uint _traceSeconds;
    private Quad _sigma;

    public ToyTraces(GameShape shape, Quad genesis, Func<ulong> clock, uint replaySeconds, uint traceSeconds)
    {
        _shape = shape;
        _sigma = genesis;
        _clock = clock;
        _replaySeconds = replaySeconds;
        _traceSeconds = traceSeconds;
    }

    public void Append(ToyMachine machine, LieAbout lie, ulong appendedAt)
    {
        var openings = new Quad[_shape.BatchLeaves];
        Word initial = _sigma.Hash();
        Quad sigma = _sigma;
        for (ulong p = 0; p < _shape.BatchLeaves; p++)
        {
            Quad next = machine.Transition(p, sigma);
            bool here = p == lie.Position;
            openings[p] = lie.Kind switch
            {
                Lie.MachineAfterTransition when here => next with { C3 = lie.Corrupt(next.C3, p) },
                Lie.OutputsAfterTransition when here => next with { C1 = lie.Corrupt(next.C1, p) },
                Lie.MachineInChunk when here && !sigma.C3.IsZero => next with { C3 = ChunkLeaves(machine, lie, p, sigma.C3)[^1] },
                Lie.OneLeaf when here => next with { C1 = lie.Corrupt(next.C1, p) },
                Lie.Noise when p >= lie.Position => next with { C1 = lie.Corrupt(next.C1, p) },
                _ => next,
            };
            sigma = lie.Kind == Lie.OneLeaf ? next : openings[p];
        }

        _sigma = sigma;
        var trace = new ToyBatchTrace(_shape, initial, openings);
        ulong index = (ulong)_batches.Count;
        _batches.Add((machine, lie, trace, new OwnClaim(index, machine.BatchHash, trace.Last.Hash(), trace.Root, appendedAt)));
    }

    public OwnClaim? Claim(ulong batch) =>
        batch < (ulong)_batches.Count && _clock() >= _batches[(int)batch].Claim.AppendedAt + _replaySeconds ? _batches[(int)batch].Claim : null;

    public IEnumerable<Quad> Openings(ulong batch) => _batches[(int)batch].Trace.Openings;

    public IBatchTrace? Batch(ulong batch) => Claim(batch) is null ? null : _batches[(int)batch].Trace;

    public ITrace? Chunk(ulong batch, ulong position) =>
        _chunkReadyAt.TryGetValue((batch, position), out ulong ready) && _clock() >= ready ? BuildChunk(batch, position) : null;

    public void Prepare(ulong batch, ulong position) => _chunkReadyAt.TryAdd((batch, position), _clock() + _traceSeconds);

    public ToyTrace? BuildChunk(ulong batch, ulong position)
    {
        (ToyMachine machine, LieAbout lie, ToyBatchTrace trace, _) = _batches[(int)batch];
        Quad before = trace.Opening(position - 1);
        Word[] leaves = ChunkLeaves(machine, lie, position, before.C3);
        return new ToyTrace(_shape.ChunkHeight, leaves);
    }

    private Word[] ChunkLeaves(ToyMachine machine, LieAbout lie, ulong position, Word start)
    {
        Word[] leaves = machine.RunChunk(start);
        if (position != lie.Position || lie.Kind is not (Lie.MachineInChunk or Lie.MachineAfterTransition))
            return leaves;
        if (lie.Kind == Lie.MachineAfterTransition)
        {
            leaves[^1] = lie.Corrupt(leaves[^1], position);
            return leaves;
        }

        ulong step = lie.Step % _shape.ChunkLeaves;
        Word state = lie.Corrupt(leaves[step], position);
        for (ulong i = step; i < _shape.ChunkLeaves; i++)
        {
            leaves[i] = state;
            state = ToyMachine.Step(state);
        }

        return leaves;
    }

    /// <summary>A seeded 32-byte word.</summary>
    public static Word Named(string name) => new(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)));
}
