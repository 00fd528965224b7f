using System.Collections.Immutable;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Engine.Node;

/// <summary>A claim as L1 has it (spec 5.4).</summary>
/// <param name="Block">Number of its block.</param>
public sealed record PostedClaim(ClaimedEvent Event, ulong Block)
{
    /// <summary>Dispute time (spec 4.8.2).</summary>
    public ulong PostedAt => Event.PostedAt;

    public ClaimRef Ref => new(Event.Tournament, Event.StateRoot, Event.TraceRoot);
}

/// <summary>What the events of the Rollup and the Tournament say: claims, and how their tournaments ended. Immutable.</summary>
public sealed record ClaimTree(
    ImmutableDictionary<Word, PostedClaim> Claims,
    ImmutableDictionary<Word, Word> FirstOf,
    ImmutableDictionary<Word, SettledEvent> Settled,
    ImmutableHashSet<Word> Opened,
    ImmutableDictionary<Word, ulong> ConfirmedBatches,
    Word LatestConfirmed)
{
    /// <summary>Pending claims whose stake was taken: they are as if they were not there (spec 5.8.4).</summary>
    public ImmutableHashSet<Word> Unbacked { get; init; } = [];

    public Stakes Stakes { get; init; } = Stakes.Empty;

    /// <summary>The versions of the rules (spec 5.7.1); null where this program does not know them.</summary>
    public ImmutableArray<Rules?> Rules { get; init; } = [];

    /// <summary>The rules that a new first claim pins (spec 5.7.3).</summary>
    public Rules? InForce => Rules[^1];

    /// <summary>Whether the window of a claim is over, by the clock of its rules. Of rules that are not known nobody can say, so it is not.</summary>
    public bool IsWindowOver(PostedClaim claim, ulong timestamp) =>
        Rules[claim.Event.Version] is { } rules && rules.TimeAt(timestamp) >= claim.PostedAt + rules.Parameters.Allowance;

    /// <summary>Only genesis.</summary>
    /// <param name="rules">Version 0.</param>
    public static ClaimTree Of(ClaimRef genesis, Rules rules) => new(
        ImmutableDictionary<Word, PostedClaim>.Empty,
        ImmutableDictionary<Word, Word>.Empty,
        ImmutableDictionary<Word, SettledEvent>.Empty,
        [],
        ImmutableDictionary<Word, ulong>.Empty,
        genesis.Id())
    {
        Rules = [rules],
    };

    public ClaimTree Apply(L1Event happened, LogEntry log) => happened switch
    {
        ClaimedEvent e => this with
        {
            Claims = Claims.SetItem(e.Id, new PostedClaim(e, log.BlockNumber)),
            FirstOf = e.Backing == ClaimBacking.Rival ? FirstOf : FirstOf.SetItem(e.Tournament, e.Id),
            Unbacked = Unbacked.Remove(e.Id),
            Stakes = Stakes.Apply(e),
        },
        StakeTakenEvent e => this with
        {
            Claims = Claims.SetItem(e.Claim, Claims[e.Claim] with { Event = Claims[e.Claim].Event with { Backing = ClaimBacking.Bond } }),
            Unbacked = Unbacked.Union(
                from claim in Claims.Values
                where claim.Event.Claimer == e.Account && claim.Event.Backing == ClaimBacking.Stake
                where claim.Event.Id != e.Claim && !ConfirmedBatches.ContainsKey(claim.Event.Id)
                select claim.Event.Id),
            Stakes = Stakes.Apply(e),
        },
        StakedEvent or UnstakedEvent => this with { Stakes = Stakes.Apply(happened) },
        PausedEvent e => WithPause(e.Version, e),
        UnpausedEvent e => WithPause(e.Version, e),
        RulesAddedEvent { Version: > 0 } e => this with { Rules = Rules.Add(e.Rules) },
        ConfirmedEvent e => this with { ConfirmedBatches = ConfirmedBatches.SetItem(e.Id, e.Batch), LatestConfirmed = e.Id },
        OpenedEvent e => this with { Opened = Opened.Add(e.Tournament) },
        SettledEvent e => this with { Settled = Settled.SetItem(e.Tournament, e) },
        _ => this,
    };

    private ClaimTree WithPause(int version, L1Event happened) =>
        this with { Rules = Rules.SetItem(version, Rules[version]! with { Pauses = Rules[version]!.Pauses.Apply(happened) }) };
}

/// <summary>All that L1 says about this rollup at one block.</summary>
public sealed record L1State(ulong Block, Word BlockHash, ulong Timestamp, InboxState Inbox, ClaimTree Claims);

/// <summary>Follows L1 block by block and undoes what a reorganization voids.</summary>
public sealed class L1View
{
    private readonly ChainFollower _follower;
    private readonly RollupContracts _contracts;
    private readonly RulesReader _rules;
    private readonly List<L1State> _history = [];
    private readonly L1State _start;
    private L1State _base;

    /// <summary>Followed, and not taken in yet.</summary>
    private ChainUpdate? _unread;

    public L1View(EthereumClient client, RollupContracts contracts, ulong firstBlock, ClaimRef genesis, Rules rules)
    {
        _contracts = contracts;
        _rules = new RulesReader(client);
        _follower = new ChainFollower(client, [contracts.Inbox, contracts.Rollup, contracts.Tournaments], firstBlock);
        _start = new L1State(0, Word.Zero, 0, InboxState.Empty, ClaimTree.Of(genesis, rules));
        _base = _start;
    }

    /// <summary>Reorganizations seen so far.</summary>
    public int Reorganizations { get; private set; }

    public L1State Current => _history.Count == 0 ? _base : _history[^1];

    /// <summary>Follows L1 to its head.</summary>
    /// <param name="cancel">Ends the waiting.</param>
    /// <returns>False when L1 moved meanwhile: call again.</returns>
    /// <exception cref="L1DataException">Events contradict each other.</exception>
    public async Task<bool> FollowAsync(CancellationToken cancel)
    {
        while (true)
        {
            _unread ??= await _follower.AdvanceAsync(cancel);
            if (_unread is not { } update)
                return false;
            await _rules.LearnAsync(update.Added, cancel);
            _unread = null;

            if (update.VoidFrom is { } from)
            {
                Reorganizations++;
                _history.RemoveAll(state => state.Block >= from);
                if (_history.Count == 0 && _base.Block >= from)
                    _base = _start;
            }

            foreach (FollowedBlock block in update.Added)
                Add(block);
            if (update.AtHead)
                return true;
        }
    }

    private void Add(FollowedBlock block)
    {
        InboxState inbox = Current.Inbox;
        ClaimTree claims = Current.Claims;
        foreach (LogEntry log in block.Logs)
        {
            if (EventReader.Read(_contracts, log, claims.Rules) is not { } happened)
                continue;
            if (happened is RulesAddedEvent added)
                happened = added with { Rules = _rules.Of(added.Tournament) };
            inbox = inbox.Apply(happened, log, block.Timestamp);
            claims = claims.Apply(happened, log);
        }

        _history.Add(new L1State(block.Number, block.Hash, block.Timestamp, inbox, claims));
        if (_history.Count > ChainFollower.RememberedBlocks)
        {
            _base = _history[0];
            _history.RemoveAt(0);
        }
    }
}
