using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>What must hold in every game with one honest party that stays within its budgets.</summary>
internal enum Property
{
    /// <summary>Spec 4.9.1: the true root of a tournament under a true parent is never eliminated, nor the true root inside its matches.</summary>
    HonestIsNeverEliminated,

    /// <summary>Spec 4.6.7: it ends with at least the ETH that it began with, gas included.</summary>
    HonestEndsWithNoLess,

    /// <summary>No call of an honest party is refused, unless somebody made the same call a moment before.</summary>
    HonestIsNeverRefused,

    /// <summary>Every confirmed claim is the true one.</summary>
    NoWrongStateConfirms,

    /// <summary>Spec 5.4.4: confirmed claims form a chain, one for each batch.</summary>
    ConfirmedClaimsFormAChain,

    /// <summary>Spec 4.4.2: live commitments = 2 × live matches + dangling, and each is in one place.</summary>
    CommitmentsAreCounted,

    /// <summary>Spec 4.2.3: a root enters a tournament once.</summary>
    RootsEnterOnce,

    /// <summary>Spec 4.2.5: one is the commitment that waited.</summary>
    TheOneThatWaitedIsOne,

    /// <summary>One clock runs in bisection, of the side to move; two at the leaf; none while an inner game runs.</summary>
    ClocksRunWhereTheyShould,

    /// <summary>What a commitment's clock has run for its moves never exceeds its allowance and a grace for each move.</summary>
    ClocksArePaid,

    /// <summary>Spec 4.2.4: the allowance of a class is the balance of its side and F.</summary>
    ClassesHaveTheirOwnAllowance,

    /// <summary>Spec 4.4.1: a winner leaves a match with no more than it had, and with no less than its own moves left it.</summary>
    WinnersKeepTheirBalance,

    /// <summary>Spec 4.3.8: of the outcomes of a match exactly one, or none where the spec says so, is possible.</summary>
    OneOutcomeIsPossible,

    /// <summary>Spec 4.6.6: ETH held = bonds − spent + pots + credits + what the Rollup holds.</summary>
    MoneyIsConserved,

    /// <summary>Spec 4.6.2: a match never spends more than one gas reserve.</summary>
    RefundsStayInTheReserve,

    /// <summary>Spec 4.6.3: the pot has a share of each match that has ended, inside its matches too, and a prize at level 0.</summary>
    PotsAreWhole,

    /// <summary>When all is over, every bond is refunded, paid or in the treasury: what is held is credits.</summary>
    EveryBondEnds,

    /// <summary>Spec 4.6.8: every commitment that is eliminated costs the liars nine tenths of its stake, all purses together.</summary>
    LyingCosts,

    /// <summary>Spec 4.5.3: a batch that nobody challenges writes nothing to Tournament.</summary>
    UnchallengedIsFree,

    /// <summary>Spec 4.5.2: attempt n + 1 is there only when attempt n ended without a winner.</summary>
    AttemptsComeInOrder,

    /// <summary>Spec 5.4: behind every claim without a rival that may still be confirmed there is a bond.</summary>
    PendingClaimsAreBacked,

    /// <summary>Spec 4.8: a pause of s seconds, at most the budget, moves every deadline by s seconds, and nothing ends in it.</summary>
    PausesShiftDeadlines,

    /// <summary>Spec 5.7.2: rules are added by the governor alone.</summary>
    RulesAreTheGovernors,

    /// <summary>Spec 5.7.3: a tournament, its rivals and what is inside its matches have the version that its first claim pinned.</summary>
    TournamentsKeepTheirRules,

    /// <summary>Spec 5.8.2: claims in their windows behind one stake are one chain under one version, and the stake covers a bond of it.</summary>
    StakesCoverTheirClaims,

    /// <summary>Spec 5.8.4: an unbacked claim neither confirms nor opens a tournament.</summary>
    UnbackedClaimsHaveNoStanding,

    /// <summary>Spec 4.9.2: every tournament is settled within the delay formula, every game ends.</summary>
    GamesEnd,

    /// <summary>Events tell all that the contracts know: the fold of events agrees with them.</summary>
    EventsTellAll,
}

/// <summary>A property does not hold.</summary>
internal sealed class PropertyViolationException(Property property, string what) : Exception($"{property}: {what}")
{
    public Property Property => property;
}

/// <summary>What is wrong, written down only when something is.</summary>
[InterpolatedStringHandler]
internal ref struct Complaint
{
    private DefaultInterpolatedStringHandler _text;

    public Complaint(int literalLength, int formattedCount, bool holds, out bool isWanted)
    {
        isWanted = !holds;
        if (isWanted)
            _text = new DefaultInterpolatedStringHandler(literalLength, formattedCount);
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public override string ToString() => _text.ToStringAndClear();
}

/// <summary>The delay formula of spec 4.9.2, in seconds.</summary>
internal static class DelayFormula
{
    /// <summary>From the start of a tournament to its settlement.</summary>
    /// <param name="rivals">Commitments that ever join it, an honest one among them.</param>
    /// <param name="inside">The most that join one inner tournament in it.</param>
    public static ulong Bound(DisputeParameters p, GameShape shape, int rivals, int inside) =>
        p.Allowance + Log2(rivals) * Round(p, shape, inside) + p.CensorshipSeconds;

    /// <summary>M0: the longest match of level 0.</summary>
    public static ulong Round(DisputeParameters p, GameShape shape, int inside) =>
        2UL * p.Allowance + ((ulong)shape.BatchHeight + 1) * p.GraceSeconds + p.Allowance + p.InnerGrant + Log2(inside) * InnerRound(p, shape) + p.GraceSeconds;

    /// <summary>M1: the longest match of level 1.</summary>
    public static ulong InnerRound(DisputeParameters p, GameShape shape) =>
        2UL * (p.Allowance + p.InnerGrant) + ((ulong)shape.ChunkHeight + 1) * p.GraceSeconds;

    /// <summary>P of spec 4.9.4: wei that liars lose at least for each second of delay beyond A0 + C.</summary>
    public static UInt128 Price(DisputeParameters p, GameShape shape)
    {
        UInt128 share = Gas.Copied * p.PriceCeiling, loss0 = p.Stake0 / 10 * 8 - p.Stake1 / 10 - share, loss1 = p.Stake1 / 10 * 9 - share;
        return UInt128.Min(loss0 / (2 * Round(p, shape, 1)), 4 * UInt128.Min(loss0, loss1) / (9 * InnerRound(p, shape)));
    }

    /// <summary>⌈log2 n⌉, and 0 for n ≤ 1.</summary>
    public static ulong Log2(int n) => n <= 1 ? 0 : (ulong)BitOperations.Log2((uint)(n - 1)) + 1;
}

/// <summary>The checks of <see cref="Property"/>, made after every transition and at the end of a game.</summary>
/// <param name="truth">The honest traces.</param>
/// <param name="honest">Accounts of the honest side.</param>
/// <param name="defended">Whether an honest party is there, and within its budgets: if not, only what holds for everybody is checked.</param>
internal sealed class PropertyChecks(ToyTraces truth, IReadOnlySet<Address> honest, bool defended)
{
    /// <summary>Gas that the honest side paid and nobody promised to give back: claims nobody challenged, refused calls, late withdrawals.</summary>
    public UInt128 OwnExpense { get; set; }

    public static void Require(
        [DoesNotReturnIf(false)] bool holds, Property property, [InterpolatedStringHandlerArgument(nameof(holds))] ref Complaint what)
    {
        if (!holds)
            throw new PropertyViolationException(property, what.ToString());
    }

    /// <summary>Everything that must hold at every instant.</summary>
    /// <param name="before">The model of which this one is a copy, one transition earlier, where everything held: tournaments that both share are not looked at again.</param>
    public void AfterTransition(L1Model l1, L1Model? before = null)
    {
        CheckCounts(l1, before);
        CheckClocks(l1, before);
        CheckOutcomes(l1);
        CheckMoney(l1);
        CheckClaims(l1);
        CheckRules(l1);
        CheckStakes(l1);
        CheckEvents(l1, before);
        if (defended)
            CheckHonest(l1);
    }

    private static void CheckCounts(L1Model l1, L1Model? before)
    {
        foreach (ModelArena arena in l1.Arenas)
        {
            if (arena == before?.ArenaOrNull(arena.Id))
                continue;
            int live = 0;
            foreach (ModelCommitment commitment in arena.Commitments.Values)
            {
                live += commitment.Eliminated ? 0 : 1;
                Require(commitment.Joins == 1, Property.RootsEnterOnce, $"{commitment.Root} joined {commitment.Joins} times");
            }

            int counted = 2 * arena.Live.Count + arena.Waits;
            Require(live == counted, Property.CommitmentsAreCounted, $"{live} live commitments, {arena.Live.Count} matches, dangling {arena.Dangling}");
            Require(
                arena.Result == TournamentResult.Undecided || arena.Live.Count == 0,
                Property.CommitmentsAreCounted,
                $"a match is live in a tournament that has ended");
            foreach (Word id in arena.Live)
            {
                ModelMatch match = l1.Match(id);
                bool there = !arena.Commitments[match.Id.One].Eliminated && !arena.Commitments[match.Id.Two].Eliminated
                    && arena.Dangling != match.Id.One && arena.Dangling != match.Id.Two && match.Id.One != match.Id.Two;
                Require(there, Property.CommitmentsAreCounted, $"a commitment is in two places, or out and in a match");
                Require(match.Id.One == match.Waited, Property.TheOneThatWaitedIsOne, $"{match.Id.Two} waited");
            }
        }
    }

    private static void CheckClocks(L1Model l1, L1Model? before)
    {
        foreach (ModelArena arena in l1.Arenas)
        {
            if (arena == before?.ArenaOrNull(arena.Id))
                continue;
            foreach (ModelCommitment commitment in arena.Commitments.Values)
            {
                ulong paid = arena.AllowanceOf(commitment.Side) + (ulong)commitment.Moves * l1.RulesOf(arena).Parameters.GraceSeconds;
                Require(
                    commitment.RanSeconds <= paid,
                    Property.ClocksArePaid,
                    $"the clock of {commitment.Root} ran {commitment.RanSeconds} s in {commitment.Moves} moves, with {arena.AllowanceOf(commitment.Side)} s allowed");
            }

            if (arena.Dangling is Word waiting)
                CheckBalance(l1, arena, waiting, arena.DanglingBalance);
            if (arena.Level == 1 && arena.Result == TournamentResult.Undecided)
            {
                Leaf leaf = l1.Match(arena.Id).Leaf!;
                DisputeParameters parameters = l1.RulesOf(arena).Parameters;
                Require(
                    arena.AllowanceOne == leaf.BalanceOne + parameters.InnerGrant && arena.AllowanceTwo == leaf.BalanceTwo + parameters.InnerGrant,
                    Property.ClassesHaveTheirOwnAllowance,
                    $"{arena.AllowanceOne} and {arena.AllowanceTwo} s for sides with {leaf.BalanceOne} and {leaf.BalanceTwo} s");
            }

            foreach (Word id in arena.Live)
            {
                ModelMatch match = l1.Match(id);
                bool right = match.Phase switch
                {
                    MatchPhase.Bisect => match.RunsOne != match.RunsTwo && (l1.Mover(match) == 1) == match.RunsOne,
                    MatchPhase.AtLeaf => match.RunsOne && match.RunsTwo,
                    _ => !match.RunsOne && !match.RunsTwo,
                };
                bool turn = match.Bisection is not Bisection state
                    || match.RunsOne == ((l1.Shape.HeightOf(arena.Level) - state.Height) % 2 == 0);
                Require(right && turn, Property.ClocksRunWhereTheyShould, $"{match.Phase}: one {match.RunsOne}, two {match.RunsTwo}");
                CheckBalance(l1, arena, match.Id.One, match.Bisection?.BalanceOne ?? match.Leaf!.BalanceOne);
                CheckBalance(l1, arena, match.Id.Two, match.Bisection?.BalanceTwo ?? match.Leaf!.BalanceTwo);
            }
        }
    }

    /// <summary>A balance is between what is left when no grace was used and what is left when each was used whole.</summary>
    private static void CheckBalance(L1Model l1, ModelArena arena, Word root, uint balance)
    {
        ModelCommitment commitment = arena.Commitments[root];
        long without = (long)arena.AllowanceOf(commitment.Side) - (long)commitment.RanSeconds;
        long with = Math.Min(without + (long)commitment.Moves * l1.RulesOf(arena).Parameters.GraceSeconds, arena.AllowanceOf(commitment.Side));
        Require(
            balance >= without && balance <= with,
            Property.WinnersKeepTheirBalance,
            $"{root} has {balance} s; by its moves it has {without} to {with}");
    }

    private static void CheckOutcomes(L1Model l1)
    {
        foreach (ModelMatch match in l1.Matches)
        {
            if (match.Outcome is not null)
                continue;
            int outcomes = match.Phase switch
            {
                MatchPhase.Bisect => (l1.CanMove(match) ? 1 : 0) + (l1.CanTimeout(match) ? 1 : 0),
                MatchPhase.AtLeaf => (l1.CanProve(match, 1) || l1.CanProve(match, 2) ? 1 : 0) + (l1.CanEliminate(match) ? 1 : 0),
                _ => 1,
            };
            Require(outcomes == 1, Property.OneOutcomeIsPossible, $"{outcomes} outcomes of a match in phase {match.Phase}");
        }
    }

    private static void CheckMoney(L1Model l1)
    {
        UInt128 owed = 0;
        foreach (ModelArena arena in l1.Arenas)
        {
            UInt128 bonds = 0;
            if (arena.Result == TournamentResult.Undecided)
                bonds = (UInt128)(2 * arena.Live.Count + arena.Waits) * l1.RulesOf(arena).Bond(arena.Level);
            foreach (Word id in arena.Live)
            {
                UInt128 spent = l1.Match(id).Spent;
                UInt128 reserve = l1.RulesOf(arena).Reserve(arena.Level);
                Require(spent <= reserve, Property.RefundsStayInTheReserve, $"{spent} of {reserve} wei");
                bonds -= spent;
            }

            owed += bonds + arena.Pot;
            if (arena.Result == TournamentResult.Undecided)
            {
                UInt128 pot = PotOf(l1, arena);
                Require(arena.Pot == pot, Property.PotsAreWhole, $"{arena.Pot} wei are in the pot, and {pot} were left");
            }
        }

        foreach (ModelClaim claim in l1.Claims)
            owed += claim.Held;
        foreach (ModelStake stake in l1.Stakes.Values)
            owed += stake.Amount;
        owed += l1.AllCredits;
        Require(l1.Held == owed, Property.MoneyIsConserved, $"{l1.Held} wei are held, {owed} are owed");
    }

    /// <summary>What the matches that have ended left for the winner.</summary>
    private static UInt128 PotOf(L1Model l1, ModelArena arena)
    {
        int own = 0, inside = 0;
        foreach (ModelMatch match in l1.Matches)
        {
            if (match.Outcome is null)
                continue;
            if (match.Arena.Id == arena.Id)
                own++;
            else if (match.Arena.Level == 1 && l1.Match(match.Arena.Id) is { Outcome: not null } outer && outer.Arena.Id == arena.Id)
                inside++;
        }

        ModelRules rules = l1.RulesOf(arena);
        return (UInt128)(own + inside) * rules.Share + (arena.Level == 0 && own > 0 ? rules.Prize(0) : 0);
    }

    private void CheckClaims(L1Model l1)
    {
        if (l1.Arenas.Count == 0)
            Require(l1.DisputeWrites == 0, Property.UnchallengedIsFree, $"{l1.DisputeWrites} writes without a rival");
        foreach (ModelRules rules in l1.Rules)
        {
            Require(
                rules.PausedSeconds <= rules.Parameters.PauseBudgetSeconds,
                Property.PausesShiftDeadlines,
                $"{rules.PausedSeconds} s of pauses with a budget of {rules.Parameters.PauseBudgetSeconds}");
        }

        var batches = new HashSet<ulong>();
        foreach (ModelClaim claim in l1.Claims)
        {
            if (claim.Parent.IsZero)
                continue;
            if (claim.Confirmed)
            {
                Require(
                    batches.Add(claim.Batch) && l1.Claim(claim.Parent).Confirmed,
                    Property.ConfirmedClaimsFormAChain,
                    $"another claim of batch {claim.Batch}, or one whose parent is not confirmed");
                Require(!defended || IsTrue(l1, claim), Property.NoWrongStateConfirms, $"batch {claim.Batch} has a wrong state");
            }

            else if (claim.Held == 0 && !claim.Staked && !l1.State.Arenas.ContainsKey(claim.Ref.Tournament))
            {
                Require(
                    l1.IsConfirmed(claim.Batch - 1) && !l1.Claim(claim.Parent).Confirmed,
                    Property.PendingClaimsAreBacked,
                    $"a claim of batch {claim.Batch} has no bond, and its parent may still win");
            }

            if (claim.Attempt > 0)
            {
                Word before = ClaimRef.TournamentOf(claim.Parent, l1.World.Batches[(int)claim.Batch].Batch.BatchHash, claim.Attempt - 1);
                Require(
                    l1.Arenas.Any(arena => arena.Id == before && arena.Result == TournamentResult.NoWinner),
                    Property.AttemptsComeInOrder,
                    $"attempt {claim.Attempt} of batch {claim.Batch}");
            }
        }
    }

    private static void CheckRules(L1Model l1)
    {
        if (l1.Rules.Count == 1)
            return;
        foreach (ModelArena arena in l1.Arenas)
        {
            bool same = arena.Level == 0
                ? l1.Claims.All(claim => claim.Ref.Tournament != arena.Id || !arena.Commitments.ContainsKey(claim.Ref.TraceRoot) || claim.Version == arena.Version)
                : l1.Match(arena.Id).Arena.Version == arena.Version;
            Require(same, Property.TournamentsKeepTheirRules, $"a tournament of level {arena.Level} under version {arena.Version} has rivals under another");
        }
    }

    private static void CheckStakes(L1Model l1)
    {
        if (l1.Stakes.Count == 0)
            return;
        foreach ((Address account, ModelStake stake) in l1.Stakes)
        {
            // Batches ascend along a chain.
            ModelClaim? last = null;
            foreach (ModelClaim claim in l1.Claims.Where(claim => claim.Staked && claim.Claimer == account && claim.Epoch == stake.Epoch).OrderBy(claim => claim.Batch))
            {
                ModelRules rules = l1.RulesOf(claim);
                if (rules.Now >= claim.PostedAt + rules.Parameters.Allowance)
                    continue;
                Require(
                    stake.Amount >= rules.Bond(0) && (last is null || (claim.Parent == last.Key && claim.Version == last.Version)),
                    Property.StakesCoverTheirClaims,
                    $"a claim of batch {claim.Batch}, version {claim.Version}, is behind {stake.Amount} wei with one of batch {last?.Batch}, version {last?.Version}");
                last = claim;
            }
        }

        foreach (Claim told in l1.State.Claims.Values)
        {
            bool opened = l1.State.Arenas.ContainsKey(told.Tournament);
            bool first = l1.State.FirstClaims.GetValueOrDefault(told.Tournament) == told.Id;
            Require(
                !told.Unbacked || (opened ? !first : !told.Confirmed),
                Property.UnbackedClaimsHaveNoStanding,
                $"a claim of batch {told.Batch} was confirmed, or challenged, though nothing stood behind it");
        }
    }

    private static void CheckEvents(L1Model l1, L1Model? before)
    {
        GameState known = l1.State;
        bool agrees = known.LatestConfirmed == l1.LatestConfirmed;
        int open = 0;
        foreach (ModelArena arena in l1.Arenas)
        {
            open += arena.Result == TournamentResult.Undecided ? 1 : 0;
            Arena told = known.Arenas[arena.Id];
            if (before is not null && arena == before.ArenaOrNull(arena.Id) && ReferenceEquals(told, before.State.Arenas[arena.Id]))
                continue;
            agrees &= told.Result == arena.Result && SameMatches(arena.Live, told.LiveMatches);
        }

        foreach (ModelMatch match in l1.Matches)
        {
            Match told = known.Matches[match.Key];
            if (before is not null && match == before.MatchOrNull(match.Key) && ReferenceEquals(told, before.State.Matches[match.Key]))
                continue;
            agrees &= told.Outcome == match.Outcome && told.Bisection == match.Bisection && told.Leaf == match.Leaf;
        }

        foreach (ModelRules rules in l1.Rules)
        {
            foreach ((Address account, UInt128 credit) in rules.Credits)
                agrees &= credit == known.CreditOf(rules.Holder, account);
            agrees &= known.Rules[rules.Version]!.Pauses == new Pauses(rules.Pauses.Since, (uint)rules.Pauses.Before);
        }

        foreach ((Address account, UInt128 credit) in l1.Credits)
            agrees &= credit == known.CreditOf(CreditHolder.Rollup, account);
        agrees &= known.Rules.Length == l1.Rules.Count;

        foreach (ModelClaim claim in l1.Claims)
        {
            if (claim.Parent.IsZero)
                continue;
            Claim told = known.Claims[claim.Key];
            agrees &= told.Claimer == claim.Claimer && told.PostedAt == claim.PostedAt && told.Version == claim.Version && told.Confirmed == claim.Confirmed
                && (told.Unbacked == !l1.IsBacked(claim) || claim.Confirmed);
        }

        foreach ((Address account, ModelStake stake) in l1.Stakes)
            agrees &= known.Stakes.Of(account).Amount == stake.Amount && known.Stakes.Of(account).Latest == (stake.Latest ?? Word.Zero);
        agrees &= open == l1.Index.OpenArenas.Count;
        foreach (IndexedArena told in l1.Index.OpenArenas)
        {
            ModelArena arena = l1.Arena(told.Arena.Id);
            if (before is null || arena != before.ArenaOrNull(arena.Id))
                agrees &= arena.Waits > 1 || told.Dangling?.Root == arena.Dangling;
        }

        Require(agrees, Property.EventsTellAll, $"who follows events knows something else");
    }

    private static bool SameMatches(HashSet<Word> live, ImmutableHashSet<Word> told)
    {
        bool same = live.Count == told.Count;
        foreach (Word id in live)
            same &= told.Contains(id);
        return same;
    }

    private void CheckHonest(L1Model l1)
    {
        foreach (ModelArena arena in l1.Arenas)
        {
            if (TrueRoot(l1, arena) is Word root && arena.Commitments.TryGetValue(root, out ModelCommitment? commitment))
                Require(!commitment.Eliminated, Property.HonestIsNeverEliminated, $"the true root of level {arena.Level} is out");
            foreach (ModelCommitment any in arena.Commitments.Values)
            {
                Require(
                    !any.Eliminated || !honest.Contains(any.Claimer),
                    Property.HonestIsNeverEliminated,
                    $"a commitment that the honest side paid for is out at level {arena.Level}");
            }
        }
    }

    public bool IsTrue(L1Model l1, ModelClaim claim) =>
        claim.Parent.IsZero
        || (truth[claim.Batch] is var trace && claim.Ref.TraceRoot == trace.Root && claim.Ref.StateRoot == trace.Last.Hash()
            && IsTrue(l1, l1.Claim(claim.Parent)));

    /// <summary>The root that the honest side defends in a tournament; null where it has no say.</summary>
    private Word? TrueRoot(L1Model l1, ModelArena arena)
    {
        if (arena.Level == 0)
        {
            ModelClaim any = l1.Claims.First(claim => claim.Ref.Tournament == arena.Id);
            return IsTrue(l1, l1.Claim(any.Parent)) ? truth[any.Batch].Root : null;
        }

        ModelMatch outer = l1.Match(arena.Id);
        if (TrueRoot(l1, outer.Arena) is not Word root || (outer.Id.One != root && outer.Id.Two != root))
            return null;
        ulong batch = l1.Claims.First(claim => claim.Ref.Tournament == outer.Arena.Id).Batch;
        return truth[batch].ChunkAt(outer.Leaf!.Position)?.Root;
    }

    /// <summary>
    /// When a tournament of level 0 has just been settled: with an honest commitment, it did not take longer than the formula says (spec
    /// 4.9.2).
    /// </summary>
    public void AfterSettlement(L1Model l1, ModelArena settled)
    {
        ulong delay = l1.RulesOf(settled).Now - settled.StartedAt;
        Require(
            BoundOf(l1, settled) is not ulong bound || delay <= bound,
            Property.GamesEnd,
            $"{delay} s with {settled.Commitments.Count} rivals; the formula says {BoundOf(l1, settled)}");
    }

    /// <summary>Seconds that a tournament of level 0 may take; null where nothing is promised: nobody honest cares for one under a wrong parent.</summary>
    public ulong? BoundOf(L1Model l1, ModelArena settled)
    {
        if (!defended || l1.Variant.Pairing != Pairing.AtOnce || TrueRoot(l1, settled) is not Word root || !settled.Commitments.ContainsKey(root))
            return null;
        int inside = 0;
        foreach (ModelArena arena in l1.Arenas)
        {
            if (arena.Level == 1 && l1.Match(arena.Id).Arena.Id == settled.Id)
                inside = Math.Max(inside, arena.Commitments.Count);
        }

        return DelayFormula.Bound(l1.RulesOf(settled).Parameters, l1.Shape, settled.Commitments.Count, inside);
    }

    /// <summary>When nobody wants anything any more.</summary>
    public void AtTheEnd(L1Model l1, IReadOnlyCollection<Address> liars)
    {
        UInt128 credits = l1.AllCredits;
        foreach (ModelStake stake in l1.Stakes.Values)
            credits += stake.Amount;
        UInt128 stranded = 0;
        foreach (ModelClaim claim in l1.Claims)
            stranded += claim.Held;
        bool over = l1.Arenas.All(arena => arena.Result != TournamentResult.Undecided || arena.Level == 1);
        if (over && stranded == 0)
            Require(l1.Held == credits, Property.EveryBondEnds, $"{l1.Held} wei are held and {credits} credited");
        if (!defended)
            return;

        foreach (Address account in honest)
        {
            Int128 balance = l1.Balance(account) + (Int128)OwnExpense;
            Require(balance >= 0, Property.HonestEndsWithNoLess, $"an honest party has lost {-balance} wei");
        }

        CheckLosses(l1, liars);
    }

    private static void CheckLosses(L1Model l1, IReadOnlyCollection<Address> liars)
    {
        if (l1.Arenas.Any(arena => arena.Result == TournamentResult.Undecided && arena.Level == 0))
            return;
        Int128 beyond = LostBeyond(l1, liars);
        Require(beyond >= 0, Property.LyingCosts, $"the liars have lost {-beyond} wei less together than they have to");
    }

    /// <summary>What the liars have paid so far, and not got back, beyond what their eliminated commitments cost them at least (spec 4.6.8).</summary>
    public static Int128 LostBeyond(L1Model l1, IReadOnlyCollection<Address> liars)
    {
        Int128 least = 0;
        foreach (ModelArena arena in l1.Arenas)
        {
            ModelRules rules = l1.RulesOf(arena);
            foreach (ModelCommitment commitment in arena.Commitments.Values)
            {
                if (commitment.Eliminated)
                    least += (Int128)(rules.Stake(arena.Level) - rules.Prize(arena.Level) - (arena.Level == 0 ? rules.Prize(1) : 0));
            }

            // Who brings the truth first is paid as one who tells it.
            if (arena.Level == 0 && arena.Result == TournamentResult.Winner && liars.Contains(arena.Commitments[arena.Winner].Claimer))
                least -= (Int128)PotOf(l1, arena);
        }

        Int128 lost = 0;
        foreach (Address liar in liars)
            lost -= l1.Balance(liar);
        return lost - least;
    }
}
