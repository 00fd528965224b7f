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
    Address Claimer,
    ulong PostedAt,
    int Version,
    ClaimBacking Backing) : L1Event;

/// <summary>What stands behind a claim (spec 5.4.7).</summary>
public enum ClaimBacking
{
    /// <summary>The bond of a rival, held by the Tournament.</summary>
    Rival,

    /// <summary>The bond of a first claim, held by the Rollup.</summary>
    Bond,

    /// <summary>The stake of its claimer.</summary>
    Stake,
}

/// <summary>Rules are in force from here on, for new tournaments (spec 5.7.2).</summary>
public sealed record RulesAddedEvent(int Version, Address Tournament) : L1Event
{
    /// <summary>What they are, which the event does not tell; null when they are not known here.</summary>
    public Rules? Rules { get; init; }
}

public sealed record StakedEvent(Address Account, UInt128 Amount, UInt128 Total) : L1Event;

public sealed record UnstakedEvent(Address Account, UInt128 Amount) : L1Event;

/// <summary>A challenged claim took its bond out of its account's stake; the account's other claims behind it lost theirs (spec 5.8.4).</summary>
public sealed record StakeTakenEvent(Address Account, Word Claim, UInt128 Amount, int Epoch) : L1Event;

/// <summary>Since is block time, Before the seconds of the pauses that have ended (spec 4.8.4).</summary>
/// <param name="Version">Of the rules that are paused.</param>
public sealed record PausedEvent(ulong Since, uint Before, int Version = 0) : L1Event;

public sealed record UnpausedEvent(uint Before, int Version = 0) : L1Event;

public sealed record ConfirmedEvent(Word Id, ulong Batch, Word StateRoot) : L1Event;

/// <summary>Who owes a credit: the Rollup and each Tournament have their own accounts.</summary>
public readonly record struct CreditHolder
{
    private readonly int _contract;

    private CreditHolder(int contract) => _contract = contract;

    public static CreditHolder Rollup => default;

    /// <summary>That of version 0 of the rules.</summary>
    public static CreditHolder Tournament => Of(0);

    /// <summary>The Tournament of a version of the rules.</summary>
    public static CreditHolder Of(int version) => new(version + 1);

    public override string ToString() => _contract switch
    {
        0 => "Rollup",
        1 => "Tournament",
        _ => $"Tournament of rules {_contract - 1}",
    };
}

public sealed record CreditedEvent(CreditHolder Holder, Address Account, UInt128 Amount) : L1Event;

public sealed record WithdrawnEvent(CreditHolder Holder, Address Account, Address To, UInt128 Amount) : L1Event;

/// <summary>A tournament of level 0 with its first commitment, whose children nobody has been shown.</summary>
public sealed record OpenedEvent(Word Tournament, Word Initial, Word FirstRoot, Address FirstClaimer, ulong StartedAt) : L1Event;

public sealed record InnerOpenedEvent(
    Word MatchId,
    InnerContext Context,
    ulong StartedAt,
    uint AllowanceOne,
    uint AllowanceTwo) : L1Event;

/// <summary>Side: 0 at level 0, 1 or 2 at level 1.</summary>
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
