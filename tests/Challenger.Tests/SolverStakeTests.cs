using Optimistic.Contracts.L1;
using Optimistic.Simulator;
using Optimistic.Vm;

namespace Optimistic.Challenger.Tests;

/// <summary>What the solver makes of stakes, pauses and other rules: events in, actions out (spec 4.7.3, 4.8, 5.7, 5.8).</summary>
public sealed class SolverStakeTests
{
    private const ulong Start = 1_000_000;

    private static readonly GameShape Shape = new(3, 1, 2);

    private static readonly DisputeParameters Parameters = new(
        CensorshipSeconds: 12, GraceSeconds: 2, ReplaySeconds: 3, TraceSeconds: 3, Stake0: 1_000_000, Stake1: 100_000, PriceCeiling: 3)
    {
        PauseBudgetSeconds = 1_000,
    };

    private static readonly Quad Sigma = new(ToyTraces.Named("apps"), ToyTraces.Named("outputs"), Word.Zero, Word.Zero);

    private static readonly ClaimRef Genesis = new(Word.Zero, Sigma.Hash(), Word.Zero);

    private static readonly Address Self = Named("self"), Other = Named("other"), Third = Named("third");

    private static readonly UInt128 Bond = 2_000_000;

    private readonly ToyTraces _own;
    private ulong _now = Start + 100;
    private GameState _state = GameState.AtGenesis(Parameters, Bond, 200_000, Genesis);

    public SolverStakeTests()
    {
        _own = new ToyTraces(() => _now, 0, 0);
        Quad sigma = Sigma;
        for (int i = 0; i < 3; i++)
        {
            ToyBatchTrace trace = TraceLibrary.Get(new ToyBatch(Shape, ToyTraces.Named($"batch {i}"), 2), sigma, LieAbout.Nothing);
            _own.Append(trace, Start);
            sigma = trace.Last;
        }
    }

    private static Address Named(string name) => Address.FromWord(ToyTraces.Named(name));

    private static Word Tournament(ClaimRef parent, OwnClaim batch) => ClaimRef.TournamentOf(parent.Id(), batch.BatchHash, 0);

    private void Happen(L1Event happened) => _state = _state.Apply(happened);

    private ClaimRef Claim(ClaimRef parent, ulong batch, Address claimer, ClaimBacking backing, Word? trace = null, int version = 0)
    {
        OwnClaim truth = _own.Claim(batch)!;
        var claim = new ClaimRef(Tournament(parent, truth), truth.StateRoot, trace ?? truth.TraceRoot);
        Happen(new ClaimedEvent(
            claim.Id(), parent.Id(), claim.Tournament, batch, 0, claim.StateRoot, claim.TraceRoot, claimer, _state.Rules[0]!.TimeAt(_now), version, backing));
        return claim;
    }

    private List<L1Action> Decide(ulong? claimAfter = null) =>
        [.. Solver.Decide(Shape, Self, new SolverPolicy(claimAfter, UInt128.MaxValue), _state, _own, _now).OfType<L1Action>()];

    [Fact]
    public void AClaimStandsBehindAStakeThatIsEnoughAndFree()
    {
        Assert.Equal(Bond, Assert.IsType<PostClaim>(Assert.Single(Decide(claimAfter: 0))).Bond);
        Happen(new StakedEvent(Self, Bond - 1, Bond - 1));
        Assert.Equal(Bond, Assert.IsType<PostClaim>(Assert.Single(Decide(claimAfter: 0))).Bond);
        Happen(new StakedEvent(Self, 1, Bond));
        Assert.Equal(UInt128.Zero, Assert.IsType<PostClaim>(Assert.Single(Decide(claimAfter: 0))).Bond);

        // The next of the chain too; one that does not follow the latest, only when that one's window has passed.
        ClaimRef first = Claim(Genesis, 0, Self, ClaimBacking.Stake);
        Assert.Equal(UInt128.Zero, Assert.IsType<PostClaim>(Assert.Single(Decide(claimAfter: 0))).Bond);
        Claim(first, 1, Other, ClaimBacking.Bond);
        Assert.Equal(Bond, Assert.IsType<PostClaim>(Assert.Single(Decide(claimAfter: 0))).Bond);
        _now += Parameters.Allowance;
        Assert.Equal(UInt128.Zero, Assert.Single(Decide(claimAfter: 0).OfType<PostClaim>()).Bond);
    }

    [Fact]
    public void AClaimThatLostItsStakeIsPostedAgain()
    {
        Happen(new StakedEvent(Other, Bond, Bond));
        ClaimRef first = Claim(Genesis, 0, Other, ClaimBacking.Stake);
        ClaimRef second = Claim(first, 1, Other, ClaimBacking.Stake);
        Assert.Empty(Decide());
        Happen(new StakeTakenEvent(Other, second.Id(), Bond, 1));
        PostClaim again = Assert.IsType<PostClaim>(Assert.Single(Decide()));
        Assert.Equal((first.Tournament, first.TraceRoot, Bond), (again.Tournament, again.TraceRoot, again.Bond));

        // It does not confirm either, until somebody has posted it again and a new window has passed.
        _now += Parameters.Allowance;
        Assert.DoesNotContain(Decide(), action => action is Confirm);
        Claim(Genesis, 0, Third, ClaimBacking.Bond);
        Assert.Empty(Decide());
        _now += Parameters.Allowance + Parameters.GraceSeconds;
        Assert.Equal(first, Assert.IsType<Confirm>(Decide()[0]).Claim);
    }

    /// <summary>Confirming pays nothing: what another claimed and nobody disputed is left to it for the grace (spec 4.7.5).</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AClaimIsLeftToItsClaimerToConfirm(bool isOwn)
    {
        ClaimRef first = Claim(Genesis, 0, isOwn ? Self : Other, ClaimBacking.Bond);
        _now += Parameters.Allowance + (isOwn ? 0 : Parameters.GraceSeconds) - 1;
        Assert.DoesNotContain(Decide(), action => action is Confirm);
        _now++;
        Assert.Equal(first, Assert.IsType<Confirm>(Decide()[0]).Claim);
    }

    /// <summary>The bond that came back may be all that there is for the next one, and a challenge without it fails for ever.</summary>
    [Fact]
    public void CreditsThatPayForABondAreFetchedThoughThereIsMoreToDo()
    {
        Claim(Genesis, 0, Third, ClaimBacking.Bond, ToyTraces.Named("a lie"));
        Happen(new CreditedEvent(CreditHolder.Of(0), Self, 199_999));
        Assert.IsType<PostChallenge>(Assert.Single(DecideToWithdraw()));
        Happen(new CreditedEvent(CreditHolder.Of(0), Self, 1));
        Assert.Equal(["challenge", "withdraw"], DecideToWithdraw().Select(action => action.Name));

        IReadOnlyList<GameAction> DecideToWithdraw() => Solver.Decide(Shape, Self, new SolverPolicy(null, 1), _state, _own, _now);
    }

    /// <summary>A lie at the end of a chain of true claims takes the standing of them all, and whoever posts them again needs money for the next lie.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(2_199_999, 0)]
    [InlineData(4_199_999, 0)]
    [InlineData(4_200_000, 1)]
    [InlineData(6_200_000, 2)]
    [InlineData(100_000_000, 2)]
    public void ClaimsAreNotPostedAgainWithTheBondsOfADispute(ulong balance, int posted)
    {
        Happen(new StakedEvent(Other, Bond, Bond));
        ClaimRef first = Claim(Genesis, 0, Other, ClaimBacking.Stake);
        ClaimRef second = Claim(first, 1, Other, ClaimBacking.Stake);
        ClaimRef lie = Claim(second, 2, Other, ClaimBacking.Stake, ToyTraces.Named("a lie"));
        Happen(new StakeTakenEvent(Other, lie.Id(), Bond, 1));
        Claim(second, 2, Third, ClaimBacking.Rival);

        List<L1Action> decided = Decide();
        Assert.Equal(2, decided.OfType<PostClaim>().Count());
        (IReadOnlyList<L1Action> left, IReadOnlyList<L1Action> unpaid) = Actor.Choose(decided, [], new Funds(balance, 0, Bond + 200_000));
        Assert.Equal((posted, 2 - posted), (left.Count, unpaid.Count));
        PostClaim[] claims = [.. left.Cast<PostClaim>()];
        Assert.Equal(Enumerable.Range(0, posted).Select(batch => (ulong)batch), claims.Select(claim => claim.Batch));

        // Behind a stake they cost nothing.
        Happen(new StakedEvent(Self, Bond, Bond));
        decided = Decide();
        Assert.Equal(decided, Actor.Choose(decided, [], new Funds(balance, 0, Bond + 200_000)).Chosen);
    }

    [Fact]
    public void AWrongFirstClaimInThePlaceOfALostOneIsChallenged()
    {
        Happen(new StakedEvent(Other, Bond, Bond));
        ClaimRef first = Claim(Genesis, 0, Other, ClaimBacking.Stake);
        ClaimRef second = Claim(first, 1, Other, ClaimBacking.Stake);
        Happen(new StakeTakenEvent(Other, second.Id(), Bond, 1));
        ClaimRef lie = Claim(Genesis, 0, Third, ClaimBacking.Bond, ToyTraces.Named("a lie"));
        PostChallenge challenge = Assert.IsType<PostChallenge>(Assert.Single(Decide()));
        Assert.Equal((lie, first.TraceRoot), (challenge.First, challenge.TraceRoot));
    }

    [Fact]
    public void AWrongClaimWithoutABackingIsReplacedAndNotChallenged()
    {
        Happen(new StakedEvent(Other, Bond, Bond));
        ClaimRef lie = Claim(Genesis, 0, Other, ClaimBacking.Stake, ToyTraces.Named("a lie"));
        Assert.IsType<PostChallenge>(Assert.Single(Decide()));
        ClaimRef onIt = Claim(lie, 1, Other, ClaimBacking.Stake);
        Happen(new StakeTakenEvent(Other, onIt.Id(), Bond, 1));
        Assert.Equal(lie.Tournament, Assert.IsType<PostClaim>(Assert.Single(Decide())).Tournament);
    }

    [Fact]
    public void NothingIsDoneWhilePausedAndWindowsMoveByThePause()
    {
        ClaimRef first = Claim(Genesis, 0, Self, ClaimBacking.Bond);
        ulong posted = _now;
        Happen(new PausedEvent(_now + 1, 0));
        _now = posted + 500;
        Assert.Empty(Decide());
        Happen(new UnpausedEvent(499));
        Assert.Empty(Decide());
        _now = posted + 499 + Parameters.Allowance - 1;
        Assert.Empty(Decide());
        _now++;
        Assert.Equal(first, Assert.IsType<Confirm>(Decide()[0]).Claim);

        // A pause that nobody ends is over with the budget.
        Happen(new PausedEvent(_now, 499));
        _now += 500;
        Assert.Empty(Decide());
        _now++;
        Assert.Equal(first, Assert.IsType<Confirm>(Decide()[0]).Claim);
    }

    [Fact]
    public void ClaimsUnderOtherRulesAreLeftToAProgramThatKnowsThem()
    {
        Happen(new RulesAddedEvent(1, Named("rules")));
        Assert.Empty(Decide(claimAfter: 0));
        Claim(Genesis, 0, Other, ClaimBacking.Bond, ToyTraces.Named("a lie"), version: 1);
        Assert.Empty(Decide(claimAfter: 0));
    }

    [Fact]
    public void ALieUnderTheOldRulesIsChallengedAfterAnUpgrade()
    {
        ClaimRef lie = Claim(Genesis, 0, Other, ClaimBacking.Bond, ToyTraces.Named("a lie"));
        Happen(new RulesAddedEvent(1, Named("rules")));
        Assert.Equal(lie, Assert.IsType<PostChallenge>(Assert.Single(Decide())).First);
    }
}
