using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger;

/// <summary>
/// One thing to do. Its <see cref="Key"/> names the thing and the state it answers, so the same decision made twice has the same key
/// and a journal can tell what is already under way.
/// </summary>
public abstract record GameAction
{
    public abstract string Key { get; }

    /// <summary>Short lower-case name for logs and journals.</summary>
    public abstract string Name { get; }

    /// <summary>The batch, tournament or match that it is about.</summary>
    public abstract Word Subject { get; }

    /// <summary>
    /// Until a clock of the own side has run out and it is too late for it; <see cref="ulong.MaxValue"/>: what it does can be done at any time
    /// after. Of more than can be done at once the least comes first (spec 4.7.4).
    /// </summary>
    public ulong SecondsLeft { get; init; } = ulong.MaxValue;

    /// <summary>A few words for people: where in the game it is.</summary>
    public virtual string Describe() => Name;
}

/// <summary>An action that is a transaction to the Rollup or to the Tournament.</summary>
public abstract record L1Action : GameAction
{
    public override string Key => $"{Name}:{Subject}";

    /// <summary>Wei to send along.</summary>
    public virtual UInt128 Value => 0;

    /// <summary>The Tournament of the rules that it is played under (spec 5.7), where it is a call of that; zero: that of version 0.</summary>
    public Address Tournaments { get; init; }
}

/// <summary>Build the level 1 trace of a chunk: local work, wanted before a move can be made.</summary>
public sealed record PrepareChunk(Word Match, ulong Batch, ulong Position) : GameAction
{
    public override string Key => $"{Name}:{Batch}:{Position}";

    public override string Name => "prepare-chunk";

    public override Word Subject => Match;

    public override string Describe() => $"build the trace of the chunk at {Position} of batch {Batch}";
}

public sealed record PostClaim(
    ClaimRef Parent,
    ulong Attempt,
    Word StateRoot,
    Word TraceRoot,
    byte[] LastLeaf,
    Word Tournament,
    UInt128 Bond) : L1Action
{
    /// <summary>The batch that it is about: earlier ones are wanted first.</summary>
    public ulong Batch { get; init; }

    public override string Name => "claim";

    public override Word Subject => Tournament;

    public override UInt128 Value => Bond;

    public override string Describe() => $"claim state root {StateRoot}, attempt {Attempt}";
}

public sealed record PostChallenge(
    ClaimRef Parent,
    Word BatchHash,
    ulong Attempt,
    ClaimRef First,
    Word StateRoot,
    Word TraceRoot,
    Quad Children,
    byte[] LastLeaf,
    UInt128 Bond) : L1Action
{
    public override string Name => "challenge";

    public override Word Subject => First.Tournament;

    public override UInt128 Value => Bond;

    public override string Describe() => $"challenge claim {First.Id()} with state root {StateRoot} and trace root {TraceRoot}";
}

public sealed record JoinInner(
    Word Tournament,
    InnerContext Context,
    int Side,
    Word Root,
    Word MachineRoot,
    Quad Children,
    byte[] LastLeaf,
    UInt128 Bond) : L1Action
{
    public override string Name => "join-inner";

    public override Word Subject => Tournament;

    public override UInt128 Value => Bond;

    public override string Describe() => $"join the inner tournament on side {Side} with root {Root}";
}

public sealed record Advance(MatchId Match, Bisection State, Quad Opened, Quad Next) : L1Action
{
    public override string Key => $"{Name}:{Subject}:{State.Height}:{State.Node}";

    public override string Name => "advance";

    public override Word Subject => Match.Id();

    public override string Describe() => $"open the node of height {State.Height} at {State.Position}";
}

public sealed record Seal(
    MatchId Match,
    Bisection State,
    Quad Leaves,
    byte[] Agreed,
    Quad Opening,
    InnerContext Context,
    ulong Position) : L1Action
{
    public override string Key => $"{Name}:{Subject}:{State.Node}";

    public override string Name => "seal";

    public override Word Subject => Match.Id();

    public override string Describe() => $"seal: the traces part at leaf {Position}";
}

/// <summary>Prove a level 0 transition; the witness is made when it is sent.</summary>
/// <param name="Claimed">The own leaf, which the witness must give: a proof of the other one would help the rival.</param>
public sealed record ProveTransition(
    MatchId Match,
    Leaf State,
    Word Claimed,
    ulong Batch,
    Word ParentClaim,
    ulong Attempt,
    Quad WinnerChildren,
    Word WinnerState) : L1Action
{
    public override string Name => "prove-transition";

    public override Word Subject => Match.Id();

    public override string Describe() => $"prove transition {State.Position} of batch {Batch}";
}

/// <summary>Prove one instruction of a chunk; the witness is made when it is sent.</summary>
/// <param name="Claimed">The own leaf, as for a transition.</param>
public sealed record ProveStep(
    MatchId Match,
    Leaf State,
    Word Claimed,
    ulong Batch,
    ulong Chunk,
    Quad WinnerChildren) : L1Action
{
    public override string Name => "prove-step";

    public override Word Subject => Match.Id();

    public override string Describe() => $"prove instruction {State.Position} of the chunk at {Chunk} of batch {Batch}";
}

/// <param name="WinnerState">State root of the winning claim; zero at level 1 (spec 4.10.9).</param>
public sealed record Timeout(MatchId Match, Bisection State, Quad WinnerChildren, Word WinnerState) : L1Action
{
    public override string Key => $"{Name}:{Subject}:{State.Node}";

    public override string Name => "timeout";

    public override Word Subject => Match.Id();

    public override string Describe() => $"end the match at height {State.Height}: its mover is overdue";
}

public sealed record Eliminate(MatchId Match, Leaf State) : L1Action
{
    public override string Name => "eliminate";

    public override Word Subject => Match.Id();

    public override string Describe() => $"end the match at leaf {State.Position}: both are overdue";
}

public sealed record ResolveInner(MatchId Match, Leaf State, Quad WinnerChildren, Word WinnerState) : L1Action
{
    public override string Name => "resolve-inner";

    public override Word Subject => Match.Id();

    public override string Describe() => $"resolve the inner tournament of the chunk at {State.Position}";
}

/// <param name="WinnerState">State root of the winning claim; zero when there is none.</param>
public sealed record Settle(Word Tournament, Word WinnerState) : L1Action
{
    public override string Name => "settle";

    public override Word Subject => Tournament;

    public override string Describe() => "settle the tournament";
}

public sealed record Confirm(ClaimRef Claim, ulong Attempt) : L1Action
{
    public override string Name => "confirm";

    public override Word Subject => Claim.Id();

    public override string Describe() => $"confirm state root {Claim.StateRoot}";
}

public sealed record Recover(ClaimRef Claim, ClaimRef Parent, ulong Attempt) : L1Action
{
    public override string Name => "recover";

    public override Word Subject => Claim.Id();

    public override string Describe() => "recover the bond of a claim whose parent lost";
}

public sealed record Withdraw(CreditHolder Holder, Address To, UInt128 Amount) : L1Action
{
    public override string Key => $"{Name}:{Holder}:{Amount}";

    public override string Name => "withdraw";

    public override Word Subject => To.ToWord();

    public override string Describe() => $"withdraw {Amount} wei from the {Holder}";
}

/// <summary>Gas units that a move is refunded (spec 4.6.2), and what the dearest transaction of each kind costs (spec 4.6.7, gas snapshots).</summary>
public static class Gas
{
    public const ulong Advance = 69_000, Seal = 146_000, Prove = 280_000, Timeout = 152_000, Eliminate = 100_000, Resolve = 186_000;

    public const ulong Settle = 91_000, Join = 171_000, Confirm = 90_000, JoinInner = 130_000, Withdraw = 40_000;

    /// <summary>All calls of one side in one match, when each reverts because somebody made it just before (spec 4.6.9).</summary>
    public const ulong Copied = 660_000;

    /// <summary>What the sender of an action pays at most; 0: nobody has promised anything.</summary>
    public static ulong CostOf(L1Action action) => action switch
    {
        PostClaim or PostChallenge => Join,
        Challenger.JoinInner => JoinInner,
        Challenger.Advance => Advance,
        Challenger.Seal => Seal,
        ProveTransition or ProveStep => Prove,
        Challenger.Timeout => Timeout,
        Challenger.Eliminate => Eliminate,
        ResolveInner => Resolve,
        Challenger.Settle => Settle,
        Challenger.Confirm => Confirm,
        Challenger.Withdraw => Withdraw,
        _ => 0,
    };

    /// <summary>The longest match: all advances, the seal and the dearest end.</summary>
    public static ulong Reserve(int height) => (ulong)(height - 1) * Advance + Seal + Prove;
}
