using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Trace;

namespace Optimistic.EndToEnd.Tests;

/// <summary>A trace of the machine's library as the solver sees it.</summary>
internal class TreeTrace(TraceTree tree) : ITrace
{
    public int Height => tree.Height;

    public Word Root => tree.Root;

    public Quad Children(int height, ulong index)
    {
        (Word c0, Word c1, Word c2, Word c3) = tree.Children(height, index);
        return new Quad(c0, c1, c2, c3);
    }

    public Word Leaf(ulong position) => tree.Leaf(position);

    public byte[] Prove(ulong position) => tree.Prove(position).Encode();
}

/// <summary>Equal σ from <paramref name="Start"/> to the next run. A leaf that is no σ at all has no opening.</summary>
internal readonly record struct SigmaRun(ulong Start, Word Leaf, Quad Opening)
{
    public static SigmaRun Of(ulong start, Quad opening) => new(start, opening.Hash(), opening);
}

/// <summary>The level 0 trace that some player claims.</summary>
internal sealed class SigmaTrace : TreeTrace, IBatchTrace
{
    private readonly SigmaRun[] _runs;

    public SigmaTrace(Word initial, IReadOnlyList<SigmaRun> runs)
        : base(Build(runs))
    {
        Initial = initial;
        _runs = [.. runs];
    }

    public Word Initial { get; }

    public Quad Opening(ulong position) => _runs.Last(run => run.Start <= position).Opening;

    private static RunLengthTrace Build(IReadOnlyList<SigmaRun> runs)
    {
        var builder = new RunLengthTrace.Builder(TraceTree.BatchHeight);
        for (int i = 0; i < runs.Count; i++)
        {
            ulong end = i + 1 < runs.Count ? runs[i + 1].Start : 1UL << (2 * TraceTree.BatchHeight);
            builder.Add(runs[i].Leaf, end - runs[i].Start);
        }

        return builder.Build();
    }
}

/// <summary>The traces of a player that follows one batch, and who is not asked how it came by them.</summary>
/// <param name="claim">What it claims.</param>
/// <param name="batch">Its level 0 trace.</param>
/// <param name="chunk">Its level 1 traces by position; null where it has none.</param>
internal sealed class ScriptedTraces(OwnClaim claim, SigmaTrace batch, Func<ulong, ITrace?> chunk) : IOwnTraces
{
    private readonly Dictionary<ulong, ITrace?> _chunks = [];

    public SigmaTrace Trace => batch;

    public OwnClaim? Claim(ulong index) => index == claim.Batch ? claim : null;

    public IBatchTrace? Batch(ulong index) => index == claim.Batch ? batch : null;

    public ITrace? Chunk(ulong index, ulong position)
    {
        if (index != claim.Batch)
            return null;
        if (!_chunks.TryGetValue(position, out ITrace? trace))
            _chunks[position] = trace = chunk(position);
        return trace;
    }
}
