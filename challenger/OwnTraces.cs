using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger;

/// <summary>A trace as its player believes it (spec 2.8): a quad tree whose nodes, leaves and proofs it can show.</summary>
public interface ITrace
{
    int Height { get; }

    Word Root { get; }

    /// <summary>The four children of the node of this height (at least 1) with this index.</summary>
    Quad Children(int height, ulong index);

    Word Leaf(ulong position);

    /// <summary>Proof of a leaf, encoded (spec 2.2.2).</summary>
    byte[] Prove(ulong position);
}

/// <summary>The level 0 trace of a batch.</summary>
public interface IBatchTrace : ITrace
{
    /// <summary>State root of the parent claim, from which transition 0 starts.</summary>
    Word Initial { get; }

    /// <summary>The opening of σ after transition <paramref name="position"/>: apps, outputs, counters, machine root.</summary>
    Quad Opening(ulong position);
}

/// <summary>What a player claims about a batch, and when the batch was appended (timestamp of its block).</summary>
public sealed record OwnClaim(ulong Batch, Word BatchHash, Word StateRoot, Word TraceRoot, ulong AppendedAt);

/// <summary>
/// The player's own results. Null always means "not computed yet", and the solver never acts on what is not computed. An honest player
/// and a liar differ here and nowhere else.
/// </summary>
public interface IOwnTraces
{
    OwnClaim? Claim(ulong batch);

    IBatchTrace? Batch(ulong batch);

    /// <summary>The level 1 trace of the chunk at <paramref name="position"/> of the batch's trace, from σ before it.</summary>
    ITrace? Chunk(ulong batch, ulong position);
}
