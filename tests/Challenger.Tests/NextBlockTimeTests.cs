using Optimistic.Simulator;

namespace Optimistic.Challenger.Tests;

/// <summary>What a node says of its pending block may be anything, and takes nothing from the player.</summary>
public sealed class NextBlockTimeTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(null, 1001)]
    [InlineData(0UL, 1001)]
    [InlineData(1000UL, 1001)]
    [InlineData(1012UL, 1012)]
    [InlineData(ulong.MaxValue, 1000UL + uint.MaxValue)]
    public void TheEarliestIsTheHeadsWhateverIsSaidOfPending(ulong? pending, ulong latest) =>
        Assert.Equal(new NextBlockTime(1001, latest), NextBlockTime.After(1000, pending));

    /// <summary>
    /// In every state of games with every adversary: under a lie all that is decided without it is decided, every move, join and challenge as it
    /// was, and nothing that would end a match against the player's own root.
    /// </summary>
    [Fact]
    public void NoMoveIsGivenUpForALie()
    {
        int first = Random.Shared.Next(1_000_000);
        output.WriteLine($"seed {first}");
        int moves = 0, early = 0;
        for (int seed = first; seed < first + 40; seed++)
        {
            Simulation game = RandomGame.Create(seed);
            SolverPlayer honest = game.Players.OfType<SolverPlayer>().First(player => player.Honest);
            game.Landed += (l1, _, _, _) =>
            {
                if (l1.State.Rules.Any(rules => rules!.IsPaused(l1.Timestamp)))
                    return;

                var policy = new SolverPolicy(0, UInt128.MaxValue);
                ulong lie = game.Random.Next(3) == 0 ? uint.MaxValue : (ulong)game.Random.Next(400);
                IReadOnlyList<GameAction> Decide(NextBlockTime now) => Solver.Decide(l1.Shape, honest.Address, policy, l1.Index, honest.Traces, now);
                HashSet<string> truly = [.. Decide(l1.Timestamp).Select(action => action.Key)];
                IReadOnlyList<GameAction> deceived = Decide(new NextBlockTime(l1.Timestamp, l1.Timestamp + lie));
                Assert.Empty(truly.Except(deceived.Select(action => action.Key)));
                foreach (GameAction action in deceived)
                {
                    Assert.True(truly.Contains(action.Key) || action is Timeout or Eliminate or ResolveInner or Settle or Confirm or Recover or PostClaim, action.Key);
                    early += truly.Contains(action.Key) ? 0 : 1;
                }

                Advance[] own = [.. deceived.OfType<Advance>()];
                Assert.DoesNotContain(deceived.OfType<Timeout>(), end => Array.Exists(own, move => move.Match == end.Match));
                moves += own.Length;
            };
            game.RunAndCheck();
        }

        Assert.True(moves > 100 && early > 100, $"{moves} moves, {early} early");
    }
}
