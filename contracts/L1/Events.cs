using Optimistic.Vm;

namespace Optimistic.Contracts.L1;

/// <summary>
/// An event of the Rollup, the Tournament or the Inbox (contracts/src/interfaces), decoded. They carry whole states, so the game is
/// known from events alone.
/// </summary>
public abstract record L1Event;

public sealed record ClaimedEvent(
    Word Id,
    Word Parent,
    Word Tournament,
    ulong Batch,
    ulong Attempt,
    Word StateRoot,
    Word TraceRoot,
    Address Claimer) : L1Event;

public sealed record ConfirmedEvent(Word Id, ulong Batch, Word StateRoot) : L1Event;

/// <summary>Credits of the Rollup and of the Tournament are separate accounts.</summary>
public enum CreditHolder
{
    Rollup,
    Tournament,
}

public sealed record CreditedEvent(CreditHolder Holder, Address Account, UInt128 Amount) : L1Event;

public sealed record WithdrawnEvent(CreditHolder Holder, Address Account, Address To, UInt128 Amount) : L1Event;

public sealed record OpenedEvent(Word Tournament, int Level, Word Initial, ulong StartedAt) : L1Event;

public sealed record InnerOpenedEvent(
    Word MatchId,
    InnerContext Context,
    ulong StartedAt,
    uint AllowanceOne,
    uint AllowanceTwo) : L1Event;

/// <summary>Side: 0 at level 0, 1 or 2 at level 1. Children are zero for the first claim of a level 0 tournament.</summary>
public sealed record JoinedEvent(
    Word Tournament,
    Word Root,
    Address Claimer,
    int Side,
    uint Balance,
    Quad Children) : L1Event;

public sealed record MatchedEvent(Word Tournament, Word MatchId, Word One, Word Two, Bisection State) : L1Event;

/// <summary>Opened: the children of the node that the mover opened.</summary>
public sealed record AdvancedEvent(Word MatchId, Quad Opened, Bisection State) : L1Event;

public sealed record SealedEvent(Word MatchId, MatchPhase Phase, Leaf State) : L1Event;

public sealed record MatchEndedEvent(Word Tournament, Word MatchId, MatchOutcome Outcome) : L1Event;

public sealed record SettledEvent(Word Tournament, TournamentResult Result, Word Winner) : L1Event;

public sealed record BatchAppendedEvent(
    ulong Index,
    Word BatchHash,
    Word TasksRoot,
    ulong Count,
    ulong Time,
    ulong BlockNumber,
    ulong DirectFirst,
    ulong DirectCount) : L1Event;

public sealed record TaskSubmittedEvent(ulong QueueIndex, Word TaskHash, ReadOnlyMemory<byte> Data) : L1Event;

public sealed record ChunkPublishedEvent(Word Root) : L1Event;
