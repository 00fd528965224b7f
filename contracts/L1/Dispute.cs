using System.Numerics;
using Optimistic.Vm;

namespace Optimistic.Contracts.L1;

/// <summary>Children of a node, by number.</summary>
public static class QuadChildren
{
    public static Word At(this in Quad quad, int index) => index switch
    {
        0 => quad.C0,
        1 => quad.C1,
        2 => quad.C2,
        3 => quad.C3,
        _ => throw new ArgumentOutOfRangeException(nameof(index), index, "A node has four children."),
    };

    /// <summary>The first of the four that is another one there (spec 4.3.2), or 4 when all are equal.</summary>
    public static int FirstDifference(this in Quad quad, in Quad other)
    {
        int j = 0;
        while (j < 4 && quad.At(j) == other.At(j))
            j++;
        return j;
    }

    public static Word[] ToArray(this in Quad quad) => [quad.C0, quad.C1, quad.C2, quad.C3];

    public static Quad Of(ReadOnlySpan<Word> words) => words.Length == 4
        ? new Quad(words[0], words[1], words[2], words[3])
        : throw new ArgumentException($"A node has four children, not {words.Length}.", nameof(words));
}

/// <summary>Preimage of a claim's id (spec 5.4.1).</summary>
public sealed record ClaimRef(Word Tournament, Word StateRoot, Word TraceRoot)
{
    public Word Id() => Keccak.Quad(Tournament, StateRoot, TraceRoot, Word.Zero);

    /// <summary>Id of a level 0 tournament (spec 4.2.2).</summary>
    public static Word TournamentOf(Word parent, Word batchHash, ulong attempt) =>
        Keccak.Quad(parent, batchHash, Word.FromUInt64(attempt), Word.Zero);
}

public sealed record MatchId(Word Tournament, Word One, Word Two)
{
    /// <summary>keccak256(tournament ‖ one ‖ two) (spec 4.2.2).</summary>
    public Word Id()
    {
        Span<byte> bytes = stackalloc byte[3 * Word.Length];
        Tournament.CopyTo(bytes);
        One.CopyTo(bytes[Word.Length..]);
        Two.CopyTo(bytes[(2 * Word.Length)..]);
        return Keccak.Hash(bytes);
    }
}

/// <summary>The word that says where a match stands (spec 4.3).</summary>
public static class Progress
{
    private const int SinceShift = 40, OneShift = 80, TwoShift = 112, SpentShift = 144, PhaseShift = 240;

    public static BigInteger Of(Bisection state) =>
        Of(MatchPhase.Bisect, state.Position, state.Height, state.Since, state.BalanceOne, state.BalanceTwo, state.Spent);

    /// <summary>A sealed match has height 1.</summary>
    public static BigInteger Of(MatchPhase phase, Leaf state) =>
        Of(phase, state.Position, 1, state.Since, state.BalanceOne, state.BalanceTwo, state.Spent);

    public static ulong Position(BigInteger word) => (ulong)Field(word, 0, 32);

    public static int Height(BigInteger word) => (int)Field(word, 32, 8);

    public static ulong Since(BigInteger word) => (ulong)Field(word, SinceShift, 40);

    public static uint BalanceOne(BigInteger word) => (uint)Field(word, OneShift, 32);

    public static uint BalanceTwo(BigInteger word) => (uint)Field(word, TwoShift, 32);

    public static UInt128 Spent(BigInteger word) => (UInt128)Field(word, SpentShift, 96);

    public static MatchPhase Phase(BigInteger word) => (MatchPhase)(int)Field(word, PhaseShift, 16);

    private static BigInteger Of(MatchPhase phase, ulong position, int height, ulong since, uint one, uint two, UInt128 spent) =>
        position
        | (BigInteger)height << 32
        | (BigInteger)since << SinceShift
        | (BigInteger)one << OneShift
        | (BigInteger)two << TwoShift
        | (BigInteger)spent << SpentShift
        | (BigInteger)(int)phase << PhaseShift;

    private static BigInteger Field(BigInteger word, int shift, int bits) => word >> shift & (BigInteger.One << bits) - 1;
}

/// <summary>State of a match in bisection (spec 4.3.1). Times and balances in seconds, spent in wei.</summary>
public sealed record Bisection(
    Word Node,
    Quad Children,
    ulong Position,
    int Height,
    ulong Since,
    uint BalanceOne,
    uint BalanceTwo,
    UInt128 Spent);

/// <summary>State of a sealed match, phases leaf and inner (spec 4.3.3).</summary>
public sealed record Leaf(
    Word Agreed,
    Word LeafOne,
    Word LeafTwo,
    ulong Position,
    ulong Since,
    uint BalanceOne,
    uint BalanceTwo,
    UInt128 Spent);

/// <summary>The opening of the agreed σ and the two contested ones (spec 4.2.3).</summary>
public sealed record InnerContext(
    Word AppsRoot,
    Word OutputsRoot,
    Word Counters,
    Word MachineRoot,
    Word SigmaOne,
    Word SigmaTwo)
{
    /// <summary>What seal takes where no context is needed.</summary>
    public static InnerContext None { get; } = new(default, default, default, default, default, default);

    /// <summary>The contested σ of a class, 1 or 2.</summary>
    public Word SigmaOf(int side) => side == 1 ? SigmaOne : SigmaTwo;
}

/// <summary>Preimage of a batch hash (spec 2.7.2).</summary>
public sealed record BatchPreimage(Word Previous, Word TasksRoot, ulong Count, ulong Time, ulong BlockNumber)
{
    public Word Hash()
    {
        UInt128 low = Count + ((UInt128)Time << 64);
        Span<byte> head = stackalloc byte[Word.Length];
        head.Clear();
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(head[8..], BlockNumber);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(head[16..], low);
        return Keccak.Quad(Previous, TasksRoot, new Word(head), Word.Zero);
    }
}

/// <summary>Preimage of the id of a level 0 tournament (spec 4.2.2) and of the batch hash in it (spec 2.7.2).</summary>
public sealed record TournamentPreimage(Word ParentClaim, ulong Attempt, BatchPreimage Batch)
{
    public Word Id() => ClaimRef.TournamentOf(ParentClaim, Batch.Hash(), Attempt);
}

public enum MatchPhase
{
    None,
    Bisect,
    AtLeaf,
    Inner,
}

public enum MatchOutcome
{
    BothOut,
    One,
    Two,
}

public enum TournamentResult
{
    Undecided,
    Winner,
    NoWinner,
}

/// <summary>Fixed at deployment (spec 4.1). Seconds, and wei.</summary>
public sealed record DisputeParameters(
    uint CensorshipSeconds,
    uint GraceSeconds,
    uint ReplaySeconds,
    uint TraceSeconds,
    UInt128 Stake0,
    UInt128 Stake1,
    UInt128 PriceCeiling)
{
    /// <summary>Seconds that the guardian may pause in all (spec 4.8.1).</summary>
    public uint PauseBudgetSeconds { get; init; }

    /// <summary>A0: allowance at level 0, and the window in which rivals may join.</summary>
    public uint Allowance => CensorshipSeconds + ReplaySeconds + 2 * GraceSeconds + 1;

    /// <summary>F: added to each side's allowance when an inner tournament opens.</summary>
    public uint InnerGrant => TraceSeconds + GraceSeconds;
}
