namespace Optimistic.Challenger;

/// <summary>
/// What the timestamp of the next block may be, in seconds. Whether a deadline is over is asked of the end that costs nothing when it is
/// wrong: a move of one's own is tried until <see cref="Earliest"/> is past it, what others' lateness allows is tried from
/// <see cref="Latest"/> on. Either is simulated before it is sent.
/// </summary>
public readonly record struct NextBlockTime(ulong Earliest, ulong Latest)
{
    /// <summary>Seconds after the last block that are believed: what tells of more would end all arithmetic.</summary>
    private const ulong Most = uint.MaxValue;

    /// <summary>Where it is known, as in a model.</summary>
    public static implicit operator NextBlockTime(ulong exact) => new(exact, exact);

    /// <param name="head">Timestamp of the last block.</param>
    /// <param name="pending">That of the pending block, as a node says, which may be anything; null: it says nothing.</param>
    public static NextBlockTime After(ulong head, ulong? pending) => new(head + 1, Math.Clamp(pending ?? 0, head + 1, head + Most));
}
