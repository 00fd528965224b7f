using System.Numerics;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.EndToEnd.Tests;

/// <summary>
/// The dearest transaction of each kind that the spec allows, sent to the real contracts: the longest calldata, and all that is written is
/// written for the first time. Nobody who is paid had a credit, and the winner of a match is paired again. Trees so full, and games so
/// unlucky, cannot be had by playing: what a game would have left is written into the storage, as far as the transaction reads it.
/// </summary>
internal sealed class DearestMoves(World world, ITestOutputHelper output, int seed)
{
    /// <summary>Storage slots of Tournament and Rollup (contracts/snapshots/storage.json).</summary>
    private const ulong Arenas = 0, Dangling = 1, Contexts = 2, Commitments = 3, Matches = 4, Claims = 1;

    /// <summary>Seconds: a clock of a week has bytes as long.</summary>
    private const uint Balance = 0x0012_3456;

    private const ulong ChunkPosition = 0x00ab_cd00, StepPosition = 0x0abc_de00;

    private static readonly UInt128 LongSpent = 123_456_789_123_456_789;

    private readonly Word[] _words = [.. Enumerable.Range(0, 64).Select(i => Keccak.Hash(Word.FromUInt64((ulong)(seed + i)).Bytes))];

    private ulong _now;

    private Address Tournaments => world.Contracts.Tournaments;

    /// <summary>Gas by the key of the snapshot.</summary>
    public async Task MeasureAsync(IDictionary<string, ulong> gas)
    {
        await world.ResetAsync();
        _now = (await world.Client.GetBlockAsync(BlockParameter.Latest))!.Timestamp;
        var proofs = new WorstProofs(seed, world.DomainSeparator);
        foreach (WorstProofs.TransitionProof proof in proofs.Transitions())
            await KeepAsync("proveTransitionWorst", proof.Name, () => ProveTransitionAsync(proof));
        foreach (WorstProofs.StepProof proof in proofs.Steps())
            await KeepAsync("proveStepWorst", proof.Name, () => ProveStepAsync(proof));
        foreach (int level in (int[])[0, 1])
        {
            await KeepAsync("advanceWorst", $"level {level}", () => AdvanceAsync(level));
            await KeepAsync("sealWorst", $"level {level}", () => SealAsync(level, proofs));
            await KeepAsync("timeoutWorst", $"level {level}", () => TimeoutAsync(level));
            await KeepAsync("eliminateWorst", $"level {level}", () => EliminateAsync(level));
        }

        await KeepAsync("resolveInnerWorst", "all paid are others", ResolveInnerAsync);
        await KeepAsync("settleWorst", "by another than the winner", SettleAsync);
        await KeepAsync("joinLevel0Worst", "opens, takes a stake", () => ChallengeAsync(proofs));
        await KeepAsync("joinInnerWorst", "is paired", () => JoinInnerAsync(proofs));

        async Task KeepAsync(string key, string name, Func<Task<ulong>> measure)
        {
            string snapshot = await world.Chain.SnapshotAsync();
            ulong cost = await measure();
            await world.Chain.RevertAsync(snapshot);
            output.WriteLine($"{key}: {name}: {cost}");
            gas[key] = Math.Max(cost, gas.TryGetValue(key, out ulong before) ? before : 0);
        }
    }

    private async Task<ulong> ProveTransitionAsync(WorstProofs.TransitionProof proof)
    {
        MatchId match = new(proof.Tournament.Id(), Root, _words[4]);
        Leaf leaf = Sealed(proof.Agreed, proof.After, proof.Position, _now);
        Abi.Winner winner = await StageAsync(0, match, HashOf(MatchPhase.AtLeaf, leaf));
        return await SendAsync(5, new Abi.Tournament.ProveTransitionFunction(
            EventReader.ToAbi(match), EventReader.ToAbi(MatchPhase.AtLeaf, leaf), EventReader.ToAbi(proof.Tournament), proof.Witness, winner));
    }

    private async Task<ulong> ProveStepAsync(WorstProofs.StepProof proof)
    {
        Leaf leaf = Sealed(proof.Agreed, proof.After, StepPosition, _now);
        Abi.Winner winner = await StageAsync(1, Match, HashOf(MatchPhase.AtLeaf, leaf));
        return await SendAsync(5, new Abi.Tournament.ProveStepFunction(
            EventReader.ToAbi(Match), EventReader.ToAbi(MatchPhase.AtLeaf, leaf), proof.Witness, winner));
    }

    private async Task<ulong> AdvanceAsync(int level)
    {
        Quad next = Quad(8), opened = new(_words[12], _words[13], _words[14], next.Hash());
        Quad children = opened with { C3 = _words[15] };
        // At this height one moves (spec 4.3.1).
        var state = new Bisection(opened.Hash(), children, ChunkPosition, 4, _now, Balance, Balance, LongSpent);
        await StageAsync(level, Match, HashOf(state));
        return await SendAsync(2, new Abi.Tournament.AdvanceFunction(
            Match.Id(), state.Children.ToArray(), Progress.Of(state), opened.ToArray(), next.ToArray()));
    }

    /// <summary>The differing leaf is the first of its node; at level 0 it is a chunk, whose inner tournament opens.</summary>
    private async Task<ulong> SealAsync(int level, WorstProofs proofs)
    {
        Quad opening = Quad(8), leaves = Quad(12), children = Quad(16);
        ulong position = (level == 0 ? ChunkPosition : StepPosition) / 4;
        (Word root, byte[] agreed) = proofs.TraceLeaf(opening.Hash(), 4 * position - 1, level == 0 ? TraceHeight0 : TraceHeight1);
        // At height 1 it is two who moves.
        MatchId match = Match with { Two = root };
        var state = new Bisection(leaves.Hash(), children, position, 1, _now, Balance, Balance, LongSpent);
        await StageAsync(level, match, HashOf(state));
        var context = new InnerContext(default, default, default, default, default, default);
        return await SendAsync(level == 0 ? 3 : 2, new Abi.Tournament.SealFunction(
            EventReader.ToAbi(match), state.Children.ToArray(), Progress.Of(state), leaves.ToArray(), agreed,
            level == 0 ? opening.ToArray() : new Word[4], EventReader.ToAbi(context)));
    }

    private async Task<ulong> TimeoutAsync(int level)
    {
        // At this height it is two who is to move, so one wins.
        var state = new Bisection(_words[8], Quad(12), ChunkPosition, 3, _now - Balance, Balance, Balance, LongSpent);
        Abi.Winner winner = await StageAsync(level, Match, HashOf(state));
        return await SendAsync(5, new Abi.Tournament.TimeoutFunction(EventReader.ToAbi(Match), EventReader.ToAbi(state), winner));
    }

    private async Task<ulong> EliminateAsync(int level)
    {
        Leaf leaf = Sealed(_words[8], _words[9], ChunkPosition, _now - Balance);
        await StageAsync(level, Match, HashOf(MatchPhase.AtLeaf, leaf));
        return await SendAsync(3, new Abi.Tournament.EliminateFunction(EventReader.ToAbi(Match), EventReader.ToAbi(MatchPhase.AtLeaf, leaf)));
    }

    private async Task<ulong> ResolveInnerAsync()
    {
        Leaf leaf = Sealed(_words[8], _words[9], ChunkPosition, _now - Balance);
        Abi.Winner winner = await StageAsync(0, Match, HashOf(MatchPhase.Inner, leaf));
        Word inner = Match.Id(), innerWinner = _words[10];
        await SetAsync(Tournaments, Slot(inner, Arenas), ArenaWord(1, _now - Balance, liveMatches: 0));
        await SetAsync(Tournaments, Slot(inner, Dangling), innerWinner);
        // Of class 1, the side whose root the winner opens.
        await SetAsync(Tournaments, Slot(innerWinner, Slot(inner, Commitments)), ToWord(DevChain.Accounts[5].Address.ToWord().ToBigInteger() | BigInteger.One << 160));
        return await SendAsync(7, new Abi.Tournament.ResolveInnerFunction(
            EventReader.ToAbi(Match), EventReader.ToAbi(MatchPhase.Inner, leaf), winner));
    }

    private async Task<ulong> SettleAsync()
    {
        await StageAsync(0, Match, Word.Zero);
        Word tournament = Match.Tournament;
        await SetAsync(Tournaments, Slot(tournament, Arenas), ArenaWord(0, _now - Balance, liveMatches: 0) | BigInteger.One << 184);
        await SetAsync(Tournaments, Slot(tournament, Dangling), Root);
        return await SendAsync(3, new Abi.Tournament.SettleFunction(tournament, StateRoot));
    }

    /// <summary>Against a claim behind a stake.</summary>
    private async Task<ulong> ChallengeAsync(WorstProofs proofs)
    {
        var rollup = new ContractHandler(world.Client, world.Contracts.Rollup);
        Abi.ClaimRef genesis = await rollup.QueryAsync(new Abi.Rollup.GenesisFunction());
        BigInteger bond = await BondAsync(0);
        (Word firstRoot, byte[] firstLeaf) = proofs.TraceLeaf(_words[0], LastOf(TraceHeight0), TraceHeight0);
        var first = new TransactionSender(world.Client, DevChain.Accounts[6]);
        await first.SendAsync(world.Contracts.Rollup, new Abi.Rollup.StakeFunction(), bond);
        await first.SendAsync(world.Contracts.Rollup, new Abi.Rollup.ClaimFunction(genesis, 0, _words[0], firstRoot, firstLeaf[Word.Length..]));
        (Quad children, byte[] leaf) = proofs.LastTraceLeaf(_words[1], TraceHeight0);
        // Of the Rollup the claim and the stake that is taken, of Tournament the opening, the commitment and the match.
        return await SendAsync(5, new Abi.Rollup.ChallengeFunction(
            genesis, world.Batch.Hash, 0, _words[0], firstRoot, _words[1], children.ToArray(), leaf[Word.Length..]), world.Contracts.Rollup, bond);
    }

    private async Task<ulong> JoinInnerAsync(WorstProofs proofs)
    {
        await StageAsync(1, Match, Word.Zero);
        Word tournament = Match.Tournament, machineRoot = _words[8];
        var context = new InnerContext(_words[9], _words[10], _words[11], _words[12], Keccak.Quad(_words[9], _words[10], _words[11], machineRoot), _words[13]);
        Word[] encoded = [context.AppsRoot, context.OutputsRoot, context.Counters, context.MachineRoot, context.SigmaOne, context.SigmaTwo];
        await SetAsync(Tournaments, Slot(tournament, Contexts), Keccak.Hash((byte[])[.. encoded.SelectMany(word => word.ToArray())]));
        (Quad children, byte[] leaf) = proofs.LastTraceLeaf(machineRoot, TraceHeight1);
        return await SendAsync(2, new Abi.Tournament.JoinInnerFunction(
            tournament, EventReader.ToAbi(context), 1, machineRoot, children.ToArray(), leaf[Word.Length..]), Tournaments, await BondAsync(1));
    }

    private async Task<BigInteger> BondAsync(byte level) =>
        await new ContractHandler(world.Client, Tournaments).QueryAsync(new Abi.Tournament.BondFunction(level));

    private static ulong LastOf(int height) => (1UL << (2 * height)) - 1;

    // ---- What a game would have left

    private const int TraceHeight0 = 12, TraceHeight1 = 14;

    private Quad Children => Quad(0);

    /// <summary>Of the winner, commitment one of the match.</summary>
    private Word Root => Children.Hash();

    private Word StateRoot => _words[5];

    private MatchId Match => new(_words[6], Root, _words[4]);

    /// <summary>A tournament with that match, in which another commitment dangles, and the claimer of its commitment one.</summary>
    private async Task<Abi.Winner> StageAsync(int level, MatchId match, Word state)
    {
        await SetAsync(Tournaments, Slot(match.Tournament, Arenas), ArenaWord(level, _now, liveMatches: 1));
        await SetAsync(Tournaments, Slot(match.Tournament, Dangling), _words[7]);
        await SetAsync(Tournaments, Slot(match.Id(), Matches), state);
        Word claimer = DevChain.Accounts[6].Address.ToWord();
        if (level == 0)
            await SetAsync(world.Contracts.Rollup, Slot(new ClaimRef(match.Tournament, StateRoot, match.One).Id(), Claims), claimer);
        else
            await SetAsync(Tournaments, Slot(match.One, Slot(match.Tournament, Commitments)), claimer);
        // At level 1 the state root is not read (spec 4.10.9).
        return EventReader.ToAbi(Children, level == 0 ? StateRoot : Word.Zero);
    }

    /// <summary>The layout of Arena.sol, a commitment dangling.</summary>
    private static BigInteger ArenaWord(int level, ulong startedAt, uint liveMatches) =>
        startedAt | (BigInteger)Balance << 40 | (BigInteger)Balance << 72 | (BigInteger)liveMatches << 104 | (BigInteger)level << 136
        | (BigInteger)Balance << 152 | BigInteger.One << 255;

    private static Leaf Sealed(Word agreed, Word leafOne, ulong position, ulong since) =>
        new(agreed, leafOne, Keccak.Hash(leafOne.Bytes), position, since, Balance, Balance, LongSpent);

    private static Word HashOf(MatchPhase phase, Leaf leaf) =>
        Keccak.Quad(leaf.Agreed, leaf.LeafOne, leaf.LeafTwo, ToWord(Progress.Of(phase, leaf)));

    private static Word HashOf(Bisection state)
    {
        Word[] words = [state.Node, .. state.Children.ToArray(), ToWord(Progress.Of(state))];
        return Keccak.Hash((byte[])[.. words.SelectMany(word => word.ToArray())]);
    }

    private Quad Quad(int first) => QuadChildren.Of(_words.AsSpan(first, 4));

    private Task<ulong> SendAsync(int logs, FunctionMessage message) => SendAsync(logs, message, Tournaments, 0);

    private async Task<ulong> SendAsync(int logs, FunctionMessage message, Address to, BigInteger value)
    {
        var sender = new TransactionSender(world.Client, DevChain.Accounts[7]);
        TransactionReceipt receipt = await sender.SendAsync(to, message, value);
        // Of the credits, the end and the match that begins none is missing.
        Assert.Equal(logs, receipt.Logs.Count);
        await world.CopyAsync(NameOf(message), to, message, value);
        return receipt.GasUsed;
    }

    /// <summary>Of the action that makes such a call.</summary>
    private static string NameOf(FunctionMessage message) => message switch
    {
        Abi.Tournament.AdvanceFunction => "advance",
        Abi.Tournament.SealFunction => "seal",
        Abi.Tournament.ProveTransitionFunction => "prove-transition",
        Abi.Tournament.ProveStepFunction => "prove-step",
        Abi.Tournament.TimeoutFunction => "timeout",
        Abi.Tournament.EliminateFunction => "eliminate",
        Abi.Tournament.ResolveInnerFunction => "resolve-inner",
        Abi.Tournament.SettleFunction => "settle",
        Abi.Tournament.JoinInnerFunction => "join-inner",
        Abi.Rollup.ChallengeFunction => "challenge",
        _ => throw new InvalidOperationException($"{message.Function.Name} is no move."),
    };

    private Task SetAsync(Address contract, Word slot, BigInteger value) => SetAsync(contract, slot, ToWord(value));

    private Task SetAsync(Address contract, Word slot, Word value) =>
        world.Client.Rpc.CallAsync("anvil_setStorageAt", [contract.ToString(), slot.ToString(), value.ToString()]);

    private static Word Slot(Word key, ulong mapping) => Slot(key, Word.FromUInt64(mapping));

    private static Word Slot(Word key, Word mapping) => Keccak.Hash((byte[])[.. key.Bytes, .. mapping.Bytes]);

    private static Word ToWord(BigInteger value)
    {
        byte[] word = new byte[Word.Length];
        byte[] bytes = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        bytes.CopyTo(word.AsSpan(Word.Length - bytes.Length));
        return new Word(word);
    }
}
