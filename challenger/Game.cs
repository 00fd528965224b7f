using System.Collections.Immutable;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger;

/// <summary>
/// The game and the Inbox as of the last followed block. Every remembered block with events leaves its states behind, so a
/// reorganization is undone by taking an earlier one.
/// </summary>
public sealed class Game
{
    private readonly RollupContracts _contracts;
    private readonly RulesReader? _rules;
    private readonly List<(ulong Number, GameState State, InboxState Inbox)> _history = [];
    private readonly List<(ulong Number, Word Hash, ulong Timestamp)> _heads = [];

    /// <param name="rules">Knows the versions of the rules that the updates announce; null: no later version is known.</param>
    public Game(RollupContracts contracts, GameState genesis, RulesReader? rules = null)
    {
        _contracts = contracts;
        _rules = rules;
        _history.Add((0, genesis, InboxState.Empty));
    }

    public GameState State => _history[^1].State;

    public InboxState Inbox => _history[^1].Inbox;

    /// <summary>Number, hash and timestamp of the last followed block.</summary>
    public (ulong Number, Word Hash, ulong Timestamp)? Head => _heads.Count == 0 ? null : _heads[^1];

    /// <summary>Takes in one step along the chain and returns the events in it, in order.</summary>
    /// <exception cref="GameEventException">Events are missing, or the contracts are not these.</exception>
    /// <exception cref="L1DataException">Events of the Inbox are missing.</exception>
    public IReadOnlyList<(L1Event Event, LogEntry Log)> Apply(ChainUpdate update)
    {
        if (update.VoidFrom is ulong voidFrom)
        {
            // The first entry is the state before any block.
            int kept = 1 + _history.Skip(1).TakeWhile(entry => entry.Number < voidFrom).Count();
            _history.RemoveRange(kept, _history.Count - kept);
            _heads.RemoveAll(head => head.Number >= voidFrom);
        }

        var happened = new List<(L1Event, LogEntry)>();
        foreach (FollowedBlock block in update.Added)
        {
            (_, GameState state, InboxState inbox) = _history[^1];
            foreach (LogEntry log in block.Logs)
            {
                if (EventReader.Read(_contracts, log, state.Rules) is not L1Event next)
                    continue;
                if (next is RulesAddedEvent added)
                    next = added with { Rules = _rules?.Of(added.Tournament) };
                state = state.Apply(next);
                inbox = inbox.Apply(next, log, block.Timestamp);
                happened.Add((next, log));
            }

            if (block.Logs.Count > 0)
                _history.Add((block.Number, state, inbox));
            _heads.Add((block.Number, block.Hash, block.Timestamp));
        }

        if (_heads.Count > ChainFollower.RememberedBlocks)
            _heads.RemoveRange(0, _heads.Count - ChainFollower.RememberedBlocks);

        // A reorganization goes back to a block that the follower remembers, or to the start: nobody asks for what is between.
        int oldest = _heads.Count == 0 ? 0 : _history.FindLastIndex(entry => entry.Number <= _heads[0].Number);
        if (oldest > 1)
            _history.RemoveRange(1, oldest - 1);
        return happened;
    }
}
