using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using Optimistic.Challenger;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Simulator;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.EndToEnd.Tests;

/// <summary>
/// One honest challenger process against many liars at both levels. <c>OPTIMISTIC_LIARS=64 dotnet run -c Release --project
/// tests/EndToEnd.Tests -- -class '*LiarsTests' -showLiveOutput</c> plays against 64 and prints the figures; <c>OPTIMISTIC_SEED</c>
/// chooses other lies and tactics.
/// </summary>
public sealed class LiarsTests(World world, ITestOutputHelper output) : IClassFixture<World>
{
    /// <summary>Of the liars, how many also join each inner tournament of the honest side.</summary>
    private const int Sybils = 4;

    private const int HonestEther = 5;

    [Theory]
    [InlineData(8, false, false)]
    [InlineData(4, true, false)]
    [InlineData(4, true, true)]
    public async Task OneChallengerWinsAgainstManyLiars(int few, bool thieves, bool hidden)
    {
        int liars = Number("OPTIMISTIC_LIARS", few), seed = Number("OPTIMISTIC_SEED", 1);
        output.WriteLine($"{liars} liars, seed {seed}{(thieves ? ", who take the true roots too" : "")}{(hidden ? ", and the challenger sends through a private relay" : "")}");
        await using Coalition coalition = await Coalition.BeginAsync(world, liars, Sybils, thieves, hidden, HonestEther, seed);
        BigInteger before = await world.Client.GetBalanceAsync(coalition.Honest, cancel: Cancel), liarsBefore = Coalition.PurseEther * coalition.Purses.Count() * BigInteger.Pow(10, 18);
        long started = Stopwatch.GetTimestamp();
        await coalition.PlayAsync();
        TimeSpan took = Stopwatch.GetElapsedTime(started);

        // The truth is confirmed and every lie is out.
        GameState game = coalition.State;
        Claim confirmed = game.Claims[game.LatestConfirmed];
        Assert.Equal((world.Truth.Traces.Claim(0)!.StateRoot, world.Truth.Trace.Root), (confirmed.StateRoot, confirmed.TraceRoot));
        Arena outer = Assert.Single(game.Arenas.Values, arena => arena.Level == 0);
        Assert.Equal((TournamentResult.Winner, world.Truth.Trace.Root), (outer.Result, outer.Winner));
        Assert.Equal(liars + 1, outer.Commitments.Count);
        Assert.All(outer.Commitments.Values, commitment => Assert.Equal(commitment.Root != world.Truth.Trace.Root, commitment.Eliminated));
        Assert.Equal((hidden, hidden), (coalition.HonestReverts == 0, coalition.Copied == 0));
        Assert.Contains(game.Arenas.Values.SelectMany(arena => arena.Commitments.Values), commitment => coalition.Thieves.Contains(commitment.Claimer));

        // Delay, the whole and its parts (spec 4.9.2).
        int inside = game.Arenas.Values.Where(arena => arena.Level == 1).Max(arena => arena.Commitments.Count);
        DisputeParameters p = World.Parameters;
        ulong delay = coalition.SettledAt - outer.StartedAt, bound = DelayFormula.Bound(p, GameShape.Standard, liars + 1, inside);
        ulong longest0 = DelayFormula.Round(p, GameShape.Standard, inside), longest1 = DelayFormula.InnerRound(p, GameShape.Standard);
        Assert.InRange(delay, p.Allowance, bound);
        Assert.All(coalition.MatchTimes.Where(match => match.Level == 0), match => Assert.InRange(match.Seconds, 0UL, longest0 + p.CensorshipSeconds));
        Assert.All(coalition.MatchTimes.Where(match => match.Level == 1), match => Assert.InRange(match.Seconds, 0UL, longest1 + p.CensorshipSeconds));
        Assert.All(
            coalition.MatchTimes.Where(match => match is { Level: 0, IsHonest: true }),
            match => Assert.InRange(match.Seconds - match.Inside, 0UL, p.Allowance + 13 * p.GraceSeconds + p.CensorshipSeconds));

        // Money: the honest side, the liars, and every wei that the contract holds (spec 4.6).
        BigInteger after = await world.Client.GetBalanceAsync(coalition.Honest, cancel: Cancel), held = await world.Client.GetBalanceAsync(world.Contracts.Tournaments, cancel: Cancel);
        BigInteger liarsAfter = 0;
        foreach (Purse purse in coalition.Purses)
        {
            liarsAfter += await world.Client.GetBalanceAsync(purse.Account.Address, cancel: Cancel);
            liarsAfter += (BigInteger)game.CreditOf(CreditHolder.Tournament, purse.Address) + (BigInteger)game.CreditOf(CreditHolder.Rollup, purse.Address);
        }

        int innerLiars = game.Arenas.Values.Where(arena => arena.Level == 1)
            .Sum(arena => arena.Commitments.Values.Count(commitment => commitment.Eliminated && commitment.Claimer != coalition.Honest));
        UInt128 pot = p.Stake0 / 10 + (UInt128)coalition.MatchTimes.Count * Gas.Copied * p.PriceCeiling;
        UInt128 least = (UInt128)liars * (p.Stake0 / 10 * 9 - p.Stake1 / 10) + (UInt128)innerLiars * (p.Stake1 / 10 * 9) - (thieves ? pot : 0);
        Report();
        // Where others have joined every true root before it, it has no prizes, and is refunded all but what reverted: nothing, where nobody
        // sees what it sends (spec 4.6.9).
        BigInteger mayLose = thieves && !hidden ? coalition.HonestRevertCost : 0;
        Assert.True(after >= before - mayLose, $"The honest side has {before - after} wei less than before, of which it may lose {mayLose}.");
        Assert.True(liarsBefore - liarsAfter >= (BigInteger)least);
        ulong beyond = delay - Math.Min(delay, p.Allowance + p.CensorshipSeconds);
        Assert.True(liarsBefore - liarsAfter >= (BigInteger)(DelayFormula.Price(p, GameShape.Standard) * beyond));
        Assert.Equal(held, game.Credits.Where(credit => credit.Key.Holder == CreditHolder.Tournament).Aggregate(BigInteger.Zero, (sum, credit) => sum + (BigInteger)credit.Value));

        // Nobody's share is stuck.
        await coalition.FetchAsync(DevChain.Accounts[9]);
        Assert.Equal((BigInteger)coalition.State.CreditOf(CreditHolder.Tournament, coalition.Honest), await world.Client.GetBalanceAsync(world.Contracts.Tournaments, cancel: Cancel));

        // They have played, at both levels.
        Assert.True(coalition.FalseProofs > 0);
        Assert.Contains(coalition.MatchTimes, match => match is { Level: 1, IsHonest: true });
        Assert.Contains(game.Arenas.Values, arena => arena.Level == 1 && arena.Commitments.Values.Any(commitment => commitment.Claimer == coalition.Honest) && arena.Commitments.Count > 2 || thieves);

        void Report()
        {
            int honest0 = coalition.MatchTimes.Count(match => match is { Level: 0, IsHonest: true }), honest1 = coalition.MatchTimes.Count(match => match is { Level: 1, IsHonest: true });
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
                delay                {delay} s = {delay / (double)p.Allowance:F2} A0; formula {bound} s = {bound / (double)p.Allowance:F2} A0 (k = {liars + 1}, m = {inside}, A0 = {p.Allowance} s)
                censored             {coalition.Censored} of {p.CensorshipSeconds} s
                longest match        level 0: {coalition.MatchTimes.Where(match => match.Level == 0).Max(match => match.Seconds)} of {longest0} s, level 1: {coalition.MatchTimes.Where(match => match.Level == 1).Max(match => match.Seconds)} of {longest1} s
                matches              {coalition.MatchTimes.Count(match => match.Level == 0)} at level 0 ({honest0} of the honest side), {coalition.MatchTimes.Count(match => match.Level == 1)} at level 1 ({honest1})
                honest side          {Ether(before)} ether before, {Ether(after)} after; {coalition.HonestTransactions} transactions, {coalition.HonestGas / 1e6:F2} M gas, {coalition.Copied} copied, {coalition.HonestReverts} reverted and cost {Ether(coalition.HonestRevertCost)} ether
                liars                lost {Ether(liarsBefore - liarsAfter)} ether, at least {Ether((BigInteger)least)}; {coalition.Proofs} proofs, {coalition.FalseProofs} false ones, {coalition.CoalitionReverts} calls refused
                all                  {coalition.Transactions} transactions in {coalition.Blocks} blocks, {took.TotalSeconds:F1} s
                """));
        }
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static string Ether(BigInteger wei) => ((decimal)wei / 1_000_000_000_000_000_000m).ToString("F4", CultureInfo.InvariantCulture);

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
