using System.Buffers.Binary;
using System.Numerics;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Simulator;

/// <summary>A view of a contract, and the words that it returns if the model is right.</summary>
/// <param name="Call">Null: the balance of the target.</param>
internal sealed record View(Address Target, FunctionMessage? Call, Word[] Expected)
{
    /// <summary>For the contract ReplayLens: target, length of the calldata, calldata.</summary>
    public byte[] Encode() => [.. Target.Bytes, .. Call?.ToCallData() is byte[] data ? (byte[])[(byte)data.Length, .. data] : [0]];

    public string NameOf(int word)
    {
        if (Call is null)
            return "balance";
        IReadOnlyList<AbiParameter> outputs = Call.Function.Outputs;
        string member = word < outputs.Count ? outputs[word].Name : $"{word}";
        return $"{Call.ToString()!.Split(" { ")[0].Replace("Function", "", StringComparison.Ordinal)}.{member}";
    }
}

/// <summary>The whole state of a model as the views of the real contracts show it (contracts/src/interfaces).</summary>
internal sealed class ReplayViews(RollupContracts contracts, ulong deployedAt)
{
    /// <summary>Status of a claim in <c>IRollup</c>.</summary>
    private const ulong Pending = 1, Confirmed = 2;

    public List<View> Of(L1Model l1)
    {
        var views = new List<View>();
        AddRollup(views, l1);
        AddTournaments(views, l1);
        foreach (Address account in Accounts(l1))
        {
            views.Add(Rollup(new Abi.Rollup.CreditsFunction(account), W(l1.Credits.GetValueOrDefault(account))));
            foreach (ModelRules rules in l1.Rules)
                views.Add(Tournament(rules, new Abi.Tournament.CreditsFunction(account), W(rules.Credits.GetValueOrDefault(account))));
        }

        return views;
    }

    /// <summary>All that have ever paid, or were paid.</summary>
    public static IEnumerable<Address> Accounts(L1Model l1) =>
        l1.Net.Keys.Concat(l1.Credits.Keys).Concat(l1.Rules.SelectMany(rules => rules.Credits.Keys)).Distinct();

    private void AddRollup(List<View> views, L1Model l1)
    {
        views.Add(Rollup(new Abi.Rollup.LatestConfirmedFunction(), l1.LatestConfirmed));
        UInt128 held = 0;
        foreach (ModelClaim claim in l1.Claims)
        {
            Word id = claim.Ref.Id();
            bool first = l1.State.FirstClaims.GetValueOrDefault(claim.Ref.Tournament) == id;
            bool opened = l1.State.Arenas.ContainsKey(claim.Ref.Tournament);
            bool recovered = !claim.Confirmed && claim.Held == 0 && !claim.Staked && first && !opened;
            bool genesis = claim.Parent.IsZero;
            views.Add(Rollup(
                new Abi.Rollup.ClaimInfoFunction(id),
                W(claim.Confirmed ? Confirmed : Pending),
                recovered ? Word.Zero : claim.Claimer.ToWord(),
                W(genesis ? deployedAt : claim.PostedAt),
                W(claim.Batch)));
            views.Add(Rollup(new Abi.Rollup.RulesOfFunction(id), W((ulong)claim.Version), l1.RulesOf(claim).Address.ToWord()));
            if (!genesis)
                views.Add(Rollup(new Abi.Rollup.IsBackedFunction(id), W(l1.IsBacked(claim) ? 1UL : 0)));
            if (!genesis)
                views.Add(Rollup(new Abi.Rollup.FirstClaimFunction(claim.Ref.Tournament), l1.State.FirstClaims[claim.Ref.Tournament]));
            held += claim.Held;
        }

        foreach (UInt128 credit in l1.Credits.Values)
            held += credit;
        foreach ((Address account, ModelStake stake) in l1.Stakes)
        {
            held += stake.Amount;
            ModelClaim? latest = stake.Latest is Word id ? l1.Claim(id) : null;
            views.Add(Rollup(
                new Abi.Rollup.StakeOfFunction(account),
                W(stake.Amount), W(latest?.PostedAt ?? 0), W(latest is null ? 0 : latest.Batch + 1), W((ulong)(latest?.Version ?? 0)), W((ulong)stake.Epoch)));
        }

        views.Add(new View(contracts.Rollup, null, [W(held)]));
        foreach (ModelRules rules in l1.Rules.Skip(1))
        {
            UInt128 inside = HeldBy(l1, rules);
            views.Add(new View(rules.Address, null, [W(inside)]));
            held += inside;
        }

        views.Add(new View(contracts.Tournaments, null, [W(l1.Held - held)]));
    }

    /// <summary>What the Tournament of a later version holds (spec 4.6.6); that of the first holds the rest of all there is.</summary>
    private static UInt128 HeldBy(L1Model l1, ModelRules rules)
    {
        UInt128 held = 0;
        foreach (UInt128 credit in rules.Credits.Values)
            held += credit;
        foreach (ModelArena arena in l1.Arenas.Where(arena => arena.Version == rules.Version))
        {
            held += arena.Pot;
            if (arena.Result != TournamentResult.Undecided)
                continue;
            held += (UInt128)(2 * arena.Live.Count + (arena.Dangling is null ? 0 : 1)) * rules.Bond(arena.Level);
            foreach (Word match in arena.Live)
                held -= l1.Match(match).Spent;
        }

        return held;
    }

    private static void AddTournaments(List<View> views, L1Model l1)
    {
        foreach (ModelRules rules in l1.Rules)
        {
            views.Add(Tournament(rules, new Abi.Tournament.PausesFunction(), W(rules.Pauses.Since), W(rules.Pauses.Before)));
            views.Add(Tournament(
                rules, new Abi.Tournament.TermsFunction(Word.Zero), W(rules.Bond(0)), W(rules.Parameters.Allowance), W(rules.Now), W(rules.IsPaused ? 1UL : 0), W(0UL)));
        }

        foreach (ModelArena arena in l1.Arenas)
        {
            ModelRules rules = l1.RulesOf(arena);
            Word dangling = arena.Dangling ?? Word.Zero;
            views.Add(Tournament(
                rules,
                new Abi.Tournament.ArenaFunction(arena.Id),
                W((ulong)arena.Level),
                W(arena.StartedAt),
                W(arena.AllowanceOne),
                W(arena.AllowanceTwo),
                W((ulong)arena.Live.Count),
                dangling,
                W((ulong)arena.Result)));
            views.Add(Tournament(
                rules, new Abi.Tournament.DanglingBalanceFunction(arena.Id), W(arena.Dangling is null ? 0 : arena.DanglingBalance)));
            views.Add(Tournament(rules, new Abi.Tournament.PotFunction(arena.Id), W(arena.Pot)));
            views.Add(Tournament(
                rules,
                new Abi.Tournament.ResultFunction(arena.Id),
                W((ulong)arena.Result),
                arena.Result == TournamentResult.Winner ? arena.Winner : Word.Zero));
            if (arena.Level == 0)
                continue;
            foreach (ModelCommitment commitment in arena.Commitments.Values)
            {
                views.Add(Tournament(
                    rules, new Abi.Tournament.CommitmentFunction(arena.Id, commitment.Root), commitment.Claimer.ToWord(), W((ulong)commitment.Side)));
            }
        }

        foreach (ModelMatch match in l1.Matches)
            views.Add(Tournament(l1.RulesOf(match.Arena), new Abi.Tournament.MatchHashFunction(match.Id.Id()), Hash(match)));
    }

    private View Rollup(FunctionMessage call, params Word[] expected) => new(contracts.Rollup, call, expected);

    private static View Tournament(ModelRules rules, FunctionMessage call, params Word[] expected) => new(rules.Address, call, expected);

    /// <summary>The slot of a match (spec 4.3).</summary>
    private static Word Hash(ModelMatch match)
    {
        if (match.Outcome is not null)
            return Word.Zero;
        if (match.Bisection is Bisection state)
        {
            return Keccak.Hash(
                [.. state.Node.Bytes, .. state.Children.C0.Bytes, .. state.Children.C1.Bytes, .. state.Children.C2.Bytes, .. state.Children.C3.Bytes, .. W(Progress.Of(state)).Bytes]);
        }

        return Keccak.Quad(match.Leaf!.Agreed, match.Leaf.LeafOne, match.Leaf.LeafTwo, W(Progress.Of(match.Phase, match.Leaf)));
    }

    private static Word W(ulong value) => Word.FromUInt64(value);

    public static Word W(UInt128 value)
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        bytes.Clear();
        BinaryPrimitives.WriteUInt128BigEndian(bytes[16..], value);
        return new Word(bytes);
    }

    private static Word W(BigInteger value)
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        bytes.Clear();
        int length = value.GetByteCount(isUnsigned: true);
        value.TryWriteBytes(bytes[(Word.Length - length)..], out _, isUnsigned: true, isBigEndian: true);
        return new Word(bytes);
    }
}
