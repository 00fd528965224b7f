using System.Collections.Immutable;
using Optimistic.Vm;

namespace Optimistic.Contracts.L1;

/// <summary>An account's stake (spec 5.8.1). Latest: its latest claim behind it; zero: none.</summary>
public sealed record Stake(UInt128 Amount, Word Latest);

/// <summary>All stakes: a fold of the Rollup's events.</summary>
public sealed record Stakes(ImmutableDictionary<Address, Stake> All)
{
    public static Stakes Empty { get; } = new(ImmutableDictionary<Address, Stake>.Empty);

    public Stake Of(Address account) => All.GetValueOrDefault(account, new Stake(0, Word.Zero));

    public Stakes Apply(L1Event happened) => happened switch
    {
        StakedEvent e => With(e.Account, Of(e.Account) with { Amount = e.Total }),
        UnstakedEvent e => With(e.Account, new Stake(0, Word.Zero)),
        StakeTakenEvent e => With(e.Account, new Stake(checked(Of(e.Account).Amount - e.Amount), Word.Zero)),
        ClaimedEvent { Backing: ClaimBacking.Stake } e => With(e.Claimer, Of(e.Claimer) with { Latest = e.Id }),
        _ => this,
    };

    /// <summary>Whether a first claim of the account after that parent may stand behind its stake (spec 5.8.2).</summary>
    /// <param name="isInForce">Whether the parent is pinned to the rules in force.</param>
    /// <param name="bond">bond(0) of the rules in force, wei.</param>
    /// <param name="isClosed">Whether the window of a claim has passed.</param>
    public bool Cover(Address account, Word parent, bool isInForce, UInt128 bond, Func<Word, bool> isClosed)
    {
        Stake stake = Of(account);
        return stake.Amount >= bond && (stake.Latest.IsZero || (stake.Latest == parent && isInForce) || isClosed(stake.Latest));
    }

    private Stakes With(Address account, Stake stake) => new(All.SetItem(account, stake));
}

/// <summary>Pauses so far (spec 4.8.4). Since is block time, 0 when none runs; Before is the seconds of those that ended.</summary>
public sealed record Pauses(ulong Since, uint Before)
{
    public static Pauses None { get; } = new(0, 0);

    public Pauses Apply(L1Event happened) => happened switch
    {
        PausedEvent e => new Pauses(e.Since, e.Before),
        UnpausedEvent e => new Pauses(0, e.Before),
        _ => this,
    };

    /// <param name="timestamp">Of a block.</param>
    /// <param name="budget">Seconds that the guardian may pause in all.</param>
    public bool IsPaused(ulong timestamp, uint budget) => Since != 0 && timestamp - Since < budget - Before;

    /// <summary>Dispute time at a block's timestamp (spec 4.8.2).</summary>
    public ulong TimeAt(ulong timestamp, uint budget) =>
        timestamp - (Since == 0 ? Before : IsPaused(timestamp, budget) ? Before + (timestamp - Since) : budget);
}
