using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.EndToEnd.Tests;

/// <summary>One thing that a player gets wrong about a batch, on purpose. All that follows from it is computed as it should be.</summary>
internal abstract record Lie(string Name)
{
    /// <summary>The first leaf of the level 0 trace that is wrong.</summary>
    public abstract ulong Position { get; }

    public sealed override string ToString() => Name;
}

/// <summary>The machine of a task is changed after a step.</summary>
/// <param name="Chunk">From 1.</param>
/// <param name="Step">Step of the chunk, from 0: the first wrong leaf of the level 1 trace.</param>
internal sealed record ForgedMachine(string Name, int Task, ulong Chunk, ulong Step, Action<Machine> Change) : Lie(Name)
{
    public override ulong Position => (ulong)Task * Transition.Phases + Chunk;
}

/// <summary>The leaves of a chunk are noise for some steps: no machine stands behind them.</summary>
/// <param name="EndsRight">
/// Whether the chunk ends as it should. Then the level 0 trace is true, and the lie is told only in an inner tournament.
/// </param>
internal sealed record ForgedLeaves(string Name, int Task, ulong Chunk, ulong Step, int Seed, bool EndsRight = false) : Lie(Name)
{
    public override ulong Position => (ulong)Task * Transition.Phases + Chunk;
}

/// <summary>The task is loaded with something else: another input, another number.</summary>
internal sealed record ForgedLoad(string Name, int Task, Func<LoadedTask, LoadedTask> Change) : Lie(Name)
{
    public override ulong Position => (ulong)Task * Transition.Phases;
}

/// <summary>Store is made of another machine than the one that ran.</summary>
internal sealed record ForgedStore(string Name, int Task, Action<Machine> Change) : Lie(Name)
{
    public override ulong Position => (ulong)Task * Transition.Phases + Transition.StorePhase;
}

/// <summary>The task is left out.</summary>
internal sealed record SkippedTask(string Name, int Task) : Lie(Name)
{
    public override ulong Position => (ulong)Task * Transition.Phases;
}

/// <summary>σ is changed from a transition on; what is true about it otherwise stays true.</summary>
/// <param name="Count">Leaves that are changed.</param>
internal sealed record ForgedSigma(string Name, ulong At, ulong Count, Func<Quad, Quad> Change) : Lie(Name)
{
    public const ulong Forever = ulong.MaxValue;

    public override ulong Position => At;
}

/// <summary>Not a computation at all: leaves that are no σ, at many places from a position on.</summary>
internal sealed record Noise(string Name, ulong At, int Seed) : Lie(Name)
{
    public override ulong Position => At;
}
