using Optimistic.Contracts.L1;
using Optimistic.Simulator;
using Optimistic.Vm;

namespace Optimistic.Challenger.Tests;

/// <summary>Where not all can be done at once, what comes too late if it waits is done first (spec 4.7.4).</summary>
public sealed class UrgencyTests(ITestOutputHelper output)
{
    private const int Tasks = 12;

    /// <summary>
    /// In every state of games with every adversary: the order is by the seconds that are left, and these are the last in which the contracts
    /// take it.
    /// </summary>
    [Fact]
    public void TheSecondsThatAreLeftAreThose()
    {
        int first = Random.Shared.Next(1_000_000);
        output.WriteLine($"seed {first}");
        int tried = 0;
        for (int seed = first; seed < first + 12; seed++)
        {
            Simulation game = RandomGame.Create(seed);
            SolverPlayer honest = game.Players.OfType<SolverPlayer>().First(player => player.Honest);
            game.Landed += (l1, _, _, _) =>
            {
                // A pause that will end, or a version put into force, moves what is in between.
                if (l1.State.Rules.Any(rules => rules!.IsPaused(l1.Timestamp)))
                    return;
                IReadOnlyList<GameAction> decided =
                    Solver.Decide(l1.Shape, honest.Address, new SolverPolicy(0, UInt128.MaxValue), l1.Index, honest.Traces, l1.Timestamp);
                Assert.Equal(decided.OrderBy(action => action.SecondsLeft), decided);
                foreach (L1Action action in decided.OfType<L1Action>().Where(action => action.SecondsLeft != ulong.MaxValue).Take(2))
                {
                    Assert.Equal(Refusal.None, After(action.SecondsLeft - 1, action));
                    Assert.NotEqual(Refusal.None, After(action.SecondsLeft, action));
                    tried++;
                }

                Assert.All(
                    decided.Where(action => action is Advance or Seal or ProveStep or ProveTransition or JoinInner or PostChallenge or PrepareChunk),
                    action => Assert.NotEqual(ulong.MaxValue, action.SecondsLeft));

                Refusal After(ulong seconds, L1Action action)
                {
                    L1Model later = l1.Copy();
                    later.Timestamp += seconds;
                    return later.Apply(honest.Address, action);
                }
            };
            game.RunAndCheck();
        }

        Assert.True(tried > 100, $"{tried} tried");
    }

    /// <summary>
    /// Liars open a match in each batch while the player is cut off from L1 and has three seconds left in the first. It then finds a place for
    /// one transaction a second: in any other order it comes too late there.
    /// </summary>
    [Fact]
    public void AMatchThatIsShortOfTimeIsPlayedBeforeManyThatAreNot()
    {
        const int Batches = 9;
        int lost = 0;
        for (int seed = 0; seed < 20; seed++)
        {
            var game = new Simulation(seed, Batches, Tasks) { Defended = false };
            ulong start = game.L1.Now, window = game.L1.Parameters.Allowance;
            ulong claimed = start + Batches, cutOff = claimed + 2;
            var honest = game.Add(new SolverPlayer("honest", game, game.Traces(), new SolverPolicy(0, UInt128.MaxValue), _ => 0, honest: true)
            {
                Slots = 1,
                Asleep = (cutOff, claimed + 1 + window - 3),
            });
            for (int i = 0; i < Batches; i++)
            {
                int lie = i;
                var lies = new LieAbout[Batches];
                Array.Fill(lies, LieAbout.Nothing);
                lies[i] = new LieAbout(Lie.OutputsAfterTransition, 4, 0, (ulong)seed);
                game.Add(new SolverPlayer($"liar {i}", game, game.Traces(lies), new SolverPolicy(null, UInt128.MaxValue), _ => 0, honest: false)
                {
                    AwakeAt = i == 0 ? claimed + 1 : start + window - 1,

                    // About the batches before its lie it is of the honest side's opinion, and would move for it.
                    Willing = action => lie == 0 || (action is PostChallenge challenge && challenge.Attempt == 0),
                });
            }

            Word[] truth = [.. Enumerable.Range(0, Batches).Select(batch => honest.Traces[(ulong)batch].Root)];
            game.Run(() => game.IsOver || Outer().Any(IsLost));
            if (Outer().Any(IsLost))
                lost++;
            else
                Assert.Equal(Batches, Outer().Count());

            IEnumerable<Arena> Outer() => game.L1.State.Arenas.Values.Where(arena => arena.Level == 0);
            bool IsLost(Arena arena) => arena.Result != TournamentResult.Undecided && !truth.Contains(arena.Winner);
        }

        output.WriteLine($"{lost} lost");

        Assert.Equal(0, lost);
    }

    /// <summary>Many inner tournaments to join, and money for some: it goes where the window closes first, and moves are not held up by it.</summary>
    [Fact]
    public void BondsGoWhereTimeIsShort()
    {
        const int Batches = 6;
        int chances = 0;
        for (int seed = 0; seed < 4; seed++)
        {
            var game = new Simulation(seed, Batches, Tasks) { Defended = false };
            ulong start = game.L1.Now;
            var honest = game.Add(new SolverPlayer("honest", game, game.Traces(), new SolverPolicy(0, UInt128.MaxValue), _ => 0, honest: true)
            {
                Willing = action => action is not JoinInner,
            });
            int[] order = [.. Enumerable.Range(0, Batches)];
            game.Random.Shuffle(order);
            for (int i = 0; i < Batches; i++)
            {
                var lies = new LieAbout[Batches];
                Array.Fill(lies, LieAbout.Nothing);
                lies[i] = new LieAbout(Lie.MachineInChunk, 5, 3, (ulong)seed);
                game.Add(new SolverPlayer($"liar {i}", game, game.Traces(lies), new SolverPolicy(null, UInt128.MaxValue), _ => 0, honest: false)
                {
                    AwakeAt = start + 2 + (ulong)order[i],
                });
            }

            var seen = new HashSet<string>();
            game.Landed += (l1, _, _, _) =>
            {
                L1Action[] decided = [.. Solver.Decide(
                    l1.Shape, honest.Address, new SolverPolicy(0, UInt128.MaxValue), l1.Index, honest.Traces, l1.Timestamp).OfType<L1Action>()];
                JoinInner[] joins = [.. decided.OfType<JoinInner>()];
                UInt128 bond = l1.Bond(1);
                for (int payable = 0; payable < joins.Length; payable++)
                {
                    var funds = new Funds((System.Numerics.BigInteger)bond * payable + 1, 0, 0);
                    (IReadOnlyList<L1Action> chosen, IReadOnlyList<L1Action> unpaid) = Actor.Choose(decided.Where(action => action is not PostChallenge), [], funds);
                    Assert.Equal(joins.OrderBy(WindowOf).Take(payable).Select(WindowOf), chosen.OfType<JoinInner>().Select(WindowOf));
                    Assert.Equal(joins.Length - payable, unpaid.Count);
                    Assert.Equal(decided.Where(action => action.Value == 0), chosen.Where(action => action.Value == 0));

                    // What is under way is paid for.
                    Assert.DoesNotContain(Actor.Choose(joins.Skip(payable), joins[..payable], funds).Chosen, action => action.Value > 0);
                    chances += joins.Select(WindowOf).Distinct().Count() > payable ? 1 : 0;
                }

                ulong WindowOf(JoinInner join) => l1.State.Arenas[join.Tournament].StartedAt + l1.State.Arenas[join.Tournament].AllowanceOf(join.Side);
            };
            game.Run(() => game.L1.Now > start + game.L1.Parameters.Allowance);
        }

        Assert.True(chances > 50, $"{chances} chances");
    }

    [Fact]
    public void NoMoreIsUnderWayThanANodeHoldsOnTo()
    {
        Confirm[] many = [.. Enumerable.Range(0, 40).Select(i => new Confirm(new ClaimRef(ToyTraces.Named($"{i}"), default, default), 0))];
        var funds = new Funds(1_000_000_000, 10, 0);
        Assert.Equal(many[..Actor.MaxUnderWay], Actor.Choose(many, [], funds).Chosen);
        Assert.Equal(many[10..Actor.MaxUnderWay], Actor.Choose(many[10..], many[..10], funds).Chosen);
        Assert.Empty(Actor.Choose(many[Actor.MaxUnderWay..], many[..Actor.MaxUnderWay], funds).Chosen);

        // Each may cost twice what it does, at the price that is offered.
        Assert.Equal(many[..3], Actor.Choose(many, [], funds with { Balance = 3 * 2 * Gas.Confirm * 10 }).Chosen);
        Assert.Equal(many[..2], Actor.Choose(many, [], funds with { Balance = 3 * 2 * Gas.Confirm * 10 - 1 }).Chosen);
    }
}
