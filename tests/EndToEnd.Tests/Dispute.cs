using System.Numerics;
using Optimistic.Challenger;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.EndToEnd.Tests;

/// <summary>
/// One game about the batch of a <see cref="World"/>, on the real contracts: players act one after the other until nobody wants to, then
/// time jumps to the next moment at which something becomes possible.
/// </summary>
internal sealed class Dispute : IAsyncDisposable
{
    /// <summary>More transactions and jumps than any game here needs.</summary>
    private const int MaxTurns = 600;

    private readonly World _world;
    private readonly List<Player> _players = [];

    private Dispute(World world)
    {
        _world = world;
        Game = new L1Game(world);
    }

    public L1Game Game { get; }

    public GameState State => Game.State;

    public IReadOnlyList<Player> Players => _players;

    /// <summary>The tournament of the batch.</summary>
    public Word Tournament => ClaimRef.TournamentOf(State.Claims.Values.Single(claim => claim.Parent.IsZero).Id, _world.Batch.Hash, 0);

    /// <summary>What the truth claims in the first attempt.</summary>
    public ClaimRef TrueClaim => new(Tournament, _world.Truth.Trace.Leaf((1UL << 24) - 1), _world.Truth.Trace.Root);

    public static async Task<Dispute> BeginAsync(World world)
    {
        await world.ResetAsync();
        var dispute = new Dispute(world);
        await dispute.Game.FollowAsync();
        return dispute;
    }

    /// <summary>Adds a player, who acts after those before it.</summary>
    public T Add<T>(Func<Account, T> create)
        where T : Player
    {
        // The last account is the treasury, the first one the sequencer.
        T player = create(DevChain.Accounts[_players.Count + 1]);
        _players.Add(player);
        return player;
    }

    public Honest AddHonest(string name = "honest", ulong? claimAfterSeconds = null, ulong awakeAfterSeconds = 0) => Add(
        account => new Honest(name, _world, account, claimAfterSeconds) { AwakeAt = Game.Now + awakeAfterSeconds });

    public Liar AddLiar(Lie? lie, string name = "liar", int stamina = int.MaxValue, ulong awakeAfterSeconds = 0) => Add(
        account => new Liar(name, _world, account, lie) { Stamina = stamina, AwakeAt = Game.Now + awakeAfterSeconds });

    /// <summary>Plays until something holds; to the end when nothing is given.</summary>
    public async Task PlayAsync(Func<bool>? until = null)
    {
        until ??= IsOver;
        for (int turn = 0; turn < MaxTurns; turn++)
        {
            if (until())
                return;
            bool acted = false;
            foreach (Player player in _players)
            {
                if (!await player.ActAsync(Game))
                    continue;
                acted = true;
                await Game.FollowAsync();
                if (until())
                    return;
            }

            if (!acted)
                await JumpAsync();
        }

        Assert.Fail($"The game has not ended after {MaxTurns} turns.");
    }

    /// <summary>
    /// What the honest side is promised: its root is confirmed, it has back what it paid, the liars have lost their bonds, and all wei are
    /// accounted for (spec 4.6.6, 4.7).
    /// </summary>
    public async Task CheckTheTruthWonAsync()
    {
        var rollup = new ContractHandler(_world.Client, _world.Contracts.Rollup);
        var tournaments = new ContractHandler(_world.Client, _world.Contracts.Tournaments);
        Claim confirmed = State.Claims[await rollup.QueryAsync(new Abi.Rollup.LatestConfirmedFunction())];
        Assert.Equal(0UL, confirmed.Batch);
        Assert.Equal((TrueClaim.StateRoot, TrueClaim.TraceRoot), (confirmed.StateRoot, confirmed.TraceRoot));

        if ((await tournaments.QueryAsync(new Abi.Tournament.TermsFunction(confirmed.Tournament))).Open)
        {
            Abi.Tournament.ResultOutput result = await tournaments.QueryAsync(new Abi.Tournament.ResultFunction(confirmed.Tournament));
            Assert.Equal((Abi.Result.Winner, TrueClaim.TraceRoot), (result.Result, result.Winner));
        }

        BigInteger credited = 0;
        foreach (Player player in _players)
        {
            BigInteger credits = await CreditsAsync(player.Address);
            credited += await tournaments.QueryAsync(new Abi.Tournament.CreditsFunction(player.Address));
            if (player is Honest or Liar { Execution.IsTrue: true })
                Assert.True(credits >= (BigInteger)player.Paid, $"{player.Name} paid {player.Paid} wei and has {credits} back.");
        }

        foreach (Liar liar in _players.OfType<Liar>().Where(liar => !liar.Execution.IsTrue))
        {
            foreach (Claim claim in State.Claims.Values.Where(claim => claim.Claimer == liar.Address && claim.TraceRoot == liar.Traces.Trace.Root))
            {
                if (claim.TraceRoot == TrueClaim.TraceRoot)
                    continue;
                Assert.True(State.Arenas[claim.Tournament].Commitments[claim.TraceRoot].Eliminated, $"The root of {liar.Name} is still there.");
                BigInteger credits = await CreditsAsync(liar.Address);
                BigInteger paid = (BigInteger)(liar.Paid + liar.Staked);
                Assert.True(credits <= paid - (BigInteger)World.Parameters.Stake0, $"{liar.Name} paid {paid} wei and has {credits} back.");
            }
        }

        if (IsOver())
        {
            credited += await tournaments.QueryAsync(new Abi.Tournament.CreditsFunction(World.Treasury));
            Assert.Equal(await _world.Client.GetBalanceAsync(_world.Contracts.Tournaments), credited);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Player player in _players)
            await player.DisposeAsync();
    }

    private async Task<BigInteger> CreditsAsync(Address account) =>
        await new ContractHandler(_world.Client, _world.Contracts.Rollup).QueryAsync(new Abi.Rollup.CreditsFunction(account))
        + await new ContractHandler(_world.Client, _world.Contracts.Tournaments).QueryAsync(new Abi.Tournament.CreditsFunction(account));

    public bool IsOver() =>
        State.Claims[State.LatestConfirmed].Batch == 0 && State.Arenas.Values.All(arena => arena.Result != TournamentResult.Undecided);

    private async Task JumpAsync()
    {
        ulong[] moments = [.. Moments().Where(moment => moment > Game.Now).Order().Take(1)];
        Assert.True(moments.Length > 0, "Nobody acts, and nothing becomes possible by waiting.");
        await _world.Chain.WarpAsync(moments[0]);
        await Game.FollowAsync();
    }

    /// <summary>When clocks run out and windows close, and players come.</summary>
    private IEnumerable<ulong> Moments()
    {
        foreach (Match match in State.Matches.Values.Where(match => match.Live))
        {
            if (match.Bisection is { } bisection)
            {
                yield return bisection.Since + bisection.BalanceOne;
                yield return bisection.Since + bisection.BalanceTwo;
            }
            else if (match is { Phase: MatchPhase.AtLeaf, Leaf: { } leaf })
            {
                yield return leaf.Since + leaf.BalanceOne;
                yield return leaf.Since + leaf.BalanceTwo;
            }
        }

        foreach (Arena arena in State.Arenas.Values.Where(arena => arena.Result == TournamentResult.Undecided))
        {
            yield return arena.StartedAt + arena.AllowanceOne;
            yield return arena.StartedAt + arena.AllowanceTwo;
        }

        foreach (Claim claim in State.Claims.Values.Where(claim => !claim.Confirmed))
            yield return claim.PostedAt + State.InForce!.Parameters.Allowance;
        foreach (Player player in _players)
        {
            yield return player switch
            {
                Honest honest => honest.AwakeAt,
                Liar liar => liar.AwakeAt,
                _ => 0,
            };
        }
    }
}
