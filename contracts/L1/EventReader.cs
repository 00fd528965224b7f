using System.Collections.Immutable;
using System.Numerics;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Contracts.L1;

/// <summary>Addresses of the contracts of one rollup.</summary>
/// <param name="Tournaments">The Tournament of version 0 of the rules (spec 5.7); later ones are announced by the Rollup.</param>
public sealed record RollupContracts(Address Rollup, Address Tournaments, Address Inbox);

/// <summary>Decodes what the contracts of one rollup log, and turns their structs into the records of this namespace and back.</summary>
public static class EventReader
{
    /// <summary>The event of a log, or null for one that nobody here needs.</summary>
    /// <exception cref="AbiException">It has the topic of an event and not its data.</exception>
    /// <param name="rules">The versions of the rules by now; default: the first alone.</param>
    public static L1Event? Read(RollupContracts contracts, LogEntry log, ImmutableArray<Rules?> rules = default)
    {
        if (log.Address == contracts.Tournaments)
            return ReadTournament(log, 0);
        if (log.Address == contracts.Rollup)
            return ReadRollup(log);
        if (log.Address == contracts.Inbox)
            return ReadInbox(log);
        for (int version = 1; !rules.IsDefault && version < rules.Length; version++)
        {
            if (rules[version]?.Tournament == log.Address)
                return ReadTournament(log, version);
        }

        return null;
    }

    private static L1Event? ReadRollup(LogEntry log)
    {
        if (TryDecode(log, out Abi.Rollup.ClaimedEvent? claimed))
        {
            return new ClaimedEvent(
                claimed.Id, claimed.Parent, claimed.Tournament, claimed.Batch, claimed.Attempt, claimed.StateRoot, claimed.TraceRoot, claimed.Claimer,
                claimed.PostedAt, claimed.Version, (ClaimBacking)claimed.Backing);
        }

        if (TryDecode(log, out Abi.Rollup.ConfirmedEvent? confirmed))
            return new ConfirmedEvent(confirmed.Id, confirmed.Batch, confirmed.StateRoot);
        if (TryDecode(log, out Abi.Rollup.CreditedEvent? credited))
            return new CreditedEvent(CreditHolder.Rollup, credited.Account, Wei(credited.Amount));
        if (TryDecode(log, out Abi.Rollup.WithdrawnEvent? withdrawn))
            return new WithdrawnEvent(CreditHolder.Rollup, withdrawn.Account, withdrawn.To, Wei(withdrawn.Amount));
        if (TryDecode(log, out Abi.Rollup.RulesAddedEvent? rules))
            return new RulesAddedEvent(rules.Version, rules.Tournament);
        if (TryDecode(log, out Abi.Rollup.StakedEvent? staked))
            return new StakedEvent(staked.Account, Wei(staked.Amount), Wei(staked.Total));
        if (TryDecode(log, out Abi.Rollup.UnstakedEvent? unstaked))
            return new UnstakedEvent(unstaked.Account, Wei(unstaked.Amount));
        if (TryDecode(log, out Abi.Rollup.StakeTakenEvent? taken))
            return new StakeTakenEvent(taken.Account, taken.Claim, Wei(taken.Amount), taken.Epoch);
        return null;
    }

    private static L1Event? ReadTournament(LogEntry log, int version)
    {
        if (TryDecode(log, out Abi.Tournament.OpenedEvent? opened))
            return new OpenedEvent(opened.Tournament, opened.Initial, opened.FirstRoot, opened.FirstClaimer, opened.StartedAt);
        if (TryDecode(log, out Abi.Tournament.InnerOpenedEvent? inner))
            return new InnerOpenedEvent(inner.MatchId, From(inner.Context), inner.StartedAt, inner.AllowanceOne, inner.AllowanceTwo);
        if (TryDecode(log, out Abi.Tournament.JoinedEvent? joined))
            return new JoinedEvent(joined.Tournament, joined.Root, joined.Claimer, joined.Class, joined.Balance, Words(joined.Children));
        if (TryDecode(log, out Abi.Tournament.MatchedEvent? matched))
            return new MatchedEvent(matched.Tournament, matched.MatchId, matched.One, matched.Two, From(matched.State));
        if (TryDecode(log, out Abi.Tournament.AdvancedEvent? advanced))
            return new AdvancedEvent(advanced.MatchId, Words(advanced.Opened), From(advanced.State));
        if (TryDecode(log, out Abi.Tournament.SealedEvent? sealedAt))
            return new SealedEvent(sealedAt.MatchId, Progress.Phase(sealedAt.State.Progress), From(sealedAt.State));
        if (TryDecode(log, out Abi.Tournament.MatchEndedEvent? ended))
            return new MatchEndedEvent(ended.Tournament, ended.MatchId, (MatchOutcome)ended.Outcome);
        if (TryDecode(log, out Abi.Tournament.SettledEvent? settled))
            return new SettledEvent(settled.Tournament, (TournamentResult)settled.Result, settled.Winner);
        if (TryDecode(log, out Abi.Tournament.CreditedEvent? credited))
            return new CreditedEvent(CreditHolder.Of(version), credited.Account, Wei(credited.Amount));
        if (TryDecode(log, out Abi.Tournament.WithdrawnEvent? withdrawn))
            return new WithdrawnEvent(CreditHolder.Of(version), withdrawn.Account, withdrawn.To, Wei(withdrawn.Amount));
        if (TryDecode(log, out Abi.Tournament.PausedEvent? paused))
            return new PausedEvent(paused.Since, paused.Before, version);
        if (TryDecode(log, out Abi.Tournament.UnpausedEvent? unpaused))
            return new UnpausedEvent(unpaused.Before, version);
        return null;
    }

    private static L1Event? ReadInbox(LogEntry log)
    {
        if (TryDecode(log, out Abi.Inbox.BatchAppendedEvent? batch))
        {
            return new BatchAppendedEvent(
                batch.Index, batch.BatchHash, batch.TasksRoot, batch.Count, batch.Time, batch.BlockNumber, batch.DirectFirst, batch.DirectCount);
        }

        if (TryDecode(log, out Abi.Inbox.TaskSubmittedEvent? task))
            return new TaskSubmittedEvent(task.QueueIndex, task.TaskHash, task.Data);
        if (TryDecode(log, out Abi.Inbox.ChunkPublishedEvent? chunk))
            return new ChunkPublishedEvent(chunk.Root);
        return null;
    }

    private static bool TryDecode<TEvent>(LogEntry log, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TEvent? happened)
        where TEvent : class, IEventDTO<TEvent>
    {
        happened = log.Is<TEvent>() ? log.Decode<TEvent>() : null;
        return happened is not null;
    }

    public static Bisection From(Abi.Bisection state) => new(
        state.Node,
        Words(state.Children),
        Progress.Position(state.Progress),
        Progress.Height(state.Progress),
        Progress.Since(state.Progress),
        Progress.BalanceOne(state.Progress),
        Progress.BalanceTwo(state.Progress),
        Progress.Spent(state.Progress));

    public static Leaf From(Abi.Leaf state) => new(
        state.Agreed,
        state.LeafOne,
        state.LeafTwo,
        Progress.Position(state.Progress),
        Progress.Since(state.Progress),
        Progress.BalanceOne(state.Progress),
        Progress.BalanceTwo(state.Progress),
        Progress.Spent(state.Progress));

    public static InnerContext From(Abi.InnerContext context) => new(
        context.AppsRoot, context.OutputsRoot, context.Counters, context.MachineRoot, context.SigmaOne, context.SigmaTwo);

    public static ClaimRef From(Abi.ClaimRef claim) => new(claim.Tournament, claim.StateRoot, claim.TraceRoot);

    public static DisputeParameters From(Abi.Parameters parameters) => new(
        parameters.CensorshipSeconds,
        parameters.GraceSeconds,
        parameters.ReplaySeconds,
        parameters.TraceSeconds,
        Wei(parameters.Stake0),
        Wei(parameters.Stake1),
        Wei(parameters.PriceCeiling));

    public static Abi.Bisection ToAbi(Bisection state) => new(state.Node, state.Children.ToArray(), Progress.Of(state));

    public static Abi.Leaf ToAbi(MatchPhase phase, Leaf state) =>
        new(state.Agreed, state.LeafOne, state.LeafTwo, Progress.Of(phase, state));

    /// <param name="children">Of the winner's root.</param>
    /// <param name="stateRoot">Of its claim; zero at level 1.</param>
    public static Abi.Winner ToAbi(Quad children, Word stateRoot) => new(children.ToArray(), stateRoot);

    public static Abi.InnerContext ToAbi(InnerContext context) => new(
        context.AppsRoot, context.OutputsRoot, context.Counters, context.MachineRoot, context.SigmaOne, context.SigmaTwo);

    public static Abi.ClaimRef ToAbi(ClaimRef claim) => new(claim.Tournament, claim.StateRoot, claim.TraceRoot);

    public static Abi.MatchId ToAbi(MatchId match) => new(match.Tournament, match.One, match.Two);

    public static Abi.TournamentPreimage ToAbi(TournamentPreimage preimage) => new(
        preimage.ParentClaim,
        preimage.Attempt,
        preimage.Batch.Previous,
        preimage.Batch.TasksRoot,
        preimage.Batch.Count,
        preimage.Batch.Time,
        preimage.Batch.BlockNumber);

    /// <summary>More wei than 2^128 do not exist.</summary>
    public static UInt128 Wei(BigInteger value) => (UInt128)value;

    public static BigInteger Big(UInt128 value) => (BigInteger)value;

    private static Quad Words(IReadOnlyList<Word> words) => new(words[0], words[1], words[2], words[3]);
}
