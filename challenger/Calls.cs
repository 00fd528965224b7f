using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Challenger;

/// <summary>A move cannot be proven: the own trace is not the computation. Only a liar meets it.</summary>
public sealed class UnprovableException(string message) : Exception(message);

/// <summary>Turns decided actions into calls of the contracts.</summary>
/// <param name="replay">Makes the witnesses.</param>
internal sealed class Calls(RollupContracts contracts, Replay replay)
{
    /// <summary>The contract and the call. Making a witness can take seconds.</summary>
    /// <exception cref="UnprovableException">The witness proves another value than the one claimed.</exception>
    public (Address To, FunctionMessage Message) Of(L1Action action) => action switch
    {
        ProveTransition a => (TournamentsOf(contracts, a), Prove(a)),
        ProveStep a => (TournamentsOf(contracts, a), Prove(a)),
        _ => WithoutWitness(contracts, action),
    };

    /// <summary>Of any action but a proof.</summary>
    public static (Address To, FunctionMessage Message) WithoutWitness(RollupContracts contracts, L1Action action) => action switch
    {
        PostClaim a => (contracts.Rollup, new Abi.Rollup.ClaimFunction(
            EventReader.ToAbi(a.Parent), a.Attempt, a.StateRoot, a.TraceRoot, a.LastLeaf)),
        PostChallenge a => (contracts.Rollup, new Abi.Rollup.ChallengeFunction(
            EventReader.ToAbi(a.Parent), a.BatchHash, a.Attempt, a.First.StateRoot, a.First.TraceRoot, a.StateRoot, a.Children.ToArray(), a.LastLeaf)),
        JoinInner a => (TournamentsOf(contracts, action), new Abi.Tournament.JoinInnerFunction(
            a.Tournament, EventReader.ToAbi(a.Context), (byte)a.Side, a.MachineRoot, a.Children.ToArray(), a.LastLeaf)),
        Advance a => (TournamentsOf(contracts, action), new Abi.Tournament.AdvanceFunction(
            a.Match.Id(), a.State.Children.ToArray(), Progress.Of(a.State), a.Opened.ToArray(), a.Next.ToArray())),
        Seal a => (TournamentsOf(contracts, action), new Abi.Tournament.SealFunction(
            EventReader.ToAbi(a.Match), a.State.Children.ToArray(), Progress.Of(a.State), a.Leaves.ToArray(), a.Agreed,
             a.Opening.ToArray(), EventReader.ToAbi(a.Context))),
        Timeout a => (TournamentsOf(contracts, action), new Abi.Tournament.TimeoutFunction(
            EventReader.ToAbi(a.Match), EventReader.ToAbi(a.State), EventReader.ToAbi(a.WinnerChildren, a.WinnerState))),
        Eliminate a => (TournamentsOf(contracts, action), new Abi.Tournament.EliminateFunction(
            EventReader.ToAbi(a.Match), EventReader.ToAbi(MatchPhase.AtLeaf, a.State))),
        ResolveInner a => (TournamentsOf(contracts, action), new Abi.Tournament.ResolveInnerFunction(
            EventReader.ToAbi(a.Match), EventReader.ToAbi(MatchPhase.Inner, a.State), EventReader.ToAbi(a.WinnerChildren, a.WinnerState))),
        Settle a => (TournamentsOf(contracts, action), new Abi.Tournament.SettleFunction(a.Tournament, a.WinnerState)),
        Confirm a => (contracts.Rollup, new Abi.Rollup.ConfirmFunction(EventReader.ToAbi(a.Claim), a.Attempt)),
        Recover a => (contracts.Rollup, new Abi.Rollup.RecoverFunction(EventReader.ToAbi(a.Claim), EventReader.ToAbi(a.Parent), a.Attempt)),
        Withdraw a when a.Holder == CreditHolder.Rollup => (contracts.Rollup, new Abi.Rollup.WithdrawFunction(a.To)),
        Withdraw a => (TournamentsOf(contracts, action), new Abi.Tournament.WithdrawFunction(a.To)),
        _ => throw new InvalidOperationException($"{action.Name} is not a call."),
    };

    private static Address TournamentsOf(RollupContracts contracts, L1Action action) =>
        action.Tournaments.IsZero ? contracts.Tournaments : action.Tournaments;

    private Abi.Tournament.ProveTransitionFunction Prove(ProveTransition action)
    {
        (byte[] witness, Word after, BatchPreimage batch) = replay.ProveTransition(action.Batch, action.State.Position);
        RequireClaimed(after, action.Claimed, $"transition {action.State.Position}");
        return new Abi.Tournament.ProveTransitionFunction(
            EventReader.ToAbi(action.Match),
            EventReader.ToAbi(MatchPhase.AtLeaf, action.State),
            EventReader.ToAbi(new TournamentPreimage(action.ParentClaim, action.Attempt, batch)),
            witness,
            EventReader.ToAbi(action.WinnerChildren, action.WinnerState));
    }

    private Abi.Tournament.ProveStepFunction Prove(ProveStep action)
    {
        (byte[] witness, Word after) = replay.ProveStep(action.Batch, action.Chunk, action.State.Position);
        RequireClaimed(after, action.Claimed, $"instruction {action.State.Position} of the chunk");
        return new Abi.Tournament.ProveStepFunction(
            EventReader.ToAbi(action.Match), EventReader.ToAbi(MatchPhase.AtLeaf, action.State), witness, EventReader.ToAbi(action.WinnerChildren, Word.Zero));
    }

    private static void RequireClaimed(Word after, Word claimed, string what)
    {
        if (after != claimed)
            throw new UnprovableException($"{what} gives {after}, not the claimed {claimed}");
    }
}
