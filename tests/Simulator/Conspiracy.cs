using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>When a liar does what it may do.</summary>
internal enum When
{
    AtOnce,

    /// <summary>When half of its time is gone.</summary>
    HalfWay,

    /// <summary>In the last second.</summary>
    LastSecond,

    Never,
}

/// <summary>What one liar has been told to do.</summary>
/// <param name="Join">At level 0.</param>
/// <param name="Against">Moves at level 0 against the honest side.</param>
/// <param name="Among">Moves at level 0 against another liar.</param>
/// <param name="Enter">Joining the tournament inside a match with another liar.</param>
/// <param name="Inside">Moves in there.</param>
/// <param name="EnterAgainst">Joining the tournament inside a match with the honest side; its moves there are in the last second.</param>
internal readonly record struct Tactic(When Join, When Against, When Among, When Enter, When Inside, When EnterAgainst)
{
    public static Tactic Draw(Random random) =>
        new(At(random, 3), At(random, 3), At(random, 4), At(random, 4), At(random, 4), At(random, 3));

    /// <summary>The same with one part drawn anew.</summary>
    public Tactic Changed(Random random) => random.Next(6) switch
    {
        0 => this with { Join = At(random, 3) },
        1 => this with { Against = At(random, 3) },
        2 => this with { Among = At(random, 4) },
        3 => this with { Enter = At(random, 4) },
        4 => this with { Inside = At(random, 4) },
        _ => this with { EnterAgainst = At(random, 3) },
    };

    private static When At(Random random, int kinds) => (When)random.Next(kinds);
}

/// <summary>How liars take from the honest side what its moves bring it.</summary>
/// <param name="OneIn">They copy one in so many of its calls, and have the copy mined first, so that its own reverts; 0: none.</param>
/// <param name="Joins">Of its joins inside matches too.</param>
/// <param name="JoinFirst">They join inside matches as the honest root before it does.</param>
/// <param name="TakeTruth">They claim the truth at level 0 before it does: then nothing but refunds is promised to it (spec 4.6.9).</param>
internal readonly record struct Theft(int OneIn, bool Joins, bool JoinFirst, bool TakeTruth)
{
    public static Theft Draw(Random random) => new(random.Next(4), random.Next(2) == 0, random.Next(3) == 0, false);
}

/// <summary>What liars that share a purse have agreed on.</summary>
/// <param name="Liars">Commitments at level 0.</param>
/// <param name="Tactics">Liar i plays the one of i modulo their number.</param>
/// <param name="Squatters">Further roots that join each class inside each match, and never move.</param>
/// <param name="SquatLate">They join in the last second.</param>
/// <param name="Censor">The first of so many honest transactions, at random, makes the censor spend all of C.</param>
/// <param name="Theft">From the honest side.</param>
internal sealed record Plan(int Liars, IReadOnlyList<Tactic> Tactics, int Squatters, bool SquatLate, int Censor, Theft Theft = default)
{
    public const int MostTactics = 4;

    public static Plan Draw(Random random, int mostLiars) => new(
        random.Next(1, mostLiars + 1),
        [.. Enumerable.Range(0, random.Next(1, MostTactics + 1)).Select(_ => Tactic.Draw(random))],
        random.Next(3) == 0 ? random.Next(1, 5) : 0,
        random.Next(2) == 0,
        random.Next(1, 6));

    public Plan Changed(Random random, int mostLiars)
    {
        switch (random.Next(8))
        {
            case 0:
                return this with { Liars = Math.Clamp(random.Next(2) == 0 ? Liars + random.Next(-2, 3) : random.Next(1, mostLiars + 1), 1, mostLiars) };
            case 1:
                return this with { Squatters = Math.Max(0, Squatters + random.Next(-2, 3)) };
            case 2:
                return this with { SquatLate = !SquatLate, Censor = random.Next(1, 6) };
            case 3 when Tactics.Count < MostTactics:
                return this with { Tactics = [.. Tactics, Tactics[random.Next(Tactics.Count)].Changed(random)] };
            default:
                Tactic[] tactics = [.. Tactics];
                int one = random.Next(tactics.Length);
                tactics[one] = tactics[one].Changed(random);
                return this with { Tactics = tactics };
        }
    }
}

/// <summary>What a plan is judged by.</summary>
internal enum Aim
{
    Delay,
    HonestGas,

    /// <summary>What the honest side ends with, gas at the price ceiling and calls that reverted included, when it is the claimer of its root at level 0.</summary>
    HonestLoss,

    /// <summary>The same when another has claimed its root before it.</summary>
    HelperLoss,
}

/// <summary>
/// Liars that plan: they try plans in games of their own, against the solver that they will meet, change the best ones a little, and go on
/// from those that do best. So they find what no single liar would do for itself: to keep a clock for later, to lose to each other, to
/// spend time where it costs them nothing.
/// </summary>
internal static class Conspiracy
{
    private static Int128 Score(Delay delay, Aim aim) => aim switch
    {
        Aim.Delay => (Int128)delay.Seconds,
        Aim.HonestGas => (Int128)delay.HonestGas,
        _ => -delay.HonestLeft,
    };

    /// <summary>The same plan, as far as it steals, for one who has that aim.</summary>
    private static Plan For(Plan plan, Aim aim, Random random) => aim switch
    {
        Aim.HonestLoss => plan with { Theft = random.Next(3) == 0 ? Theft.Draw(random) : plan.Theft },
        Aim.HelperLoss => plan with { Theft = (random.Next(3) == 0 ? Theft.Draw(random) : plan.Theft) with { TakeTruth = true } },
        _ => plan,
    };

    /// <summary>Adds the liars to a game. They pay at most <paramref name="budget"/> wei for bonds, all together.</summary>
    public static void Join(Simulation game, Plan plan, UInt128 budget, int tasks, ToyTraces truth, string purse = "conspirators")
    {
        UInt128 left = budget;
        var shape = game.World.Shape;
        game.Landed += (_, player, action, refusal) =>
        {
            if (player.Address == Purse(purse) && refusal == Refusal.None)
                left -= action.Value;
        };
        for (int i = 0; i < plan.Liars; i++)
        {
            Tactic tactic = plan.Tactics[i % plan.Tactics.Count];
            ulong chunk = (ulong)(i % Math.Min(tasks, 2)) * shape.Span + 1;
            var lie = new LieAbout(Lie.MachineInChunk, chunk, (ulong)(i / 2) % Math.Min(shape.ChunkLeaves - 1, 15), (ulong)i);
            game.Add(new SolverPlayer($"{purse} {i}", game, game.Traces(lie), new SolverPolicy(0, UInt128.MaxValue), action => Delay(game, truth, tactic, action), honest: false)
            {
                Address = Purse(purse),
                Willing = action => action.Value <= left && action is not (Challenger.Timeout or Eliminate or ResolveInner or Settle or Confirm),
            });
        }

        Steal(game, plan.Theft, purse, action => action.Value <= left);
        if (plan.Squatters > 0)
            game.Add(new ClassFlooder($"{purse}, inside", game, truth, plan.Squatters, plan.SquatLate) { Address = Purse(purse), Spares = true, Willing = action => action.Value <= left });
    }

    private static void Steal(Simulation game, Theft theft, string purse, Func<L1Action, bool> canPay)
    {
        if (theft.TakeTruth || theft.JoinFirst)
        {
            game.Add(new SolverPlayer($"{purse}, first", game, game.Traces(), new SolverPolicy(0, UInt128.MaxValue), _ => 0, honest: false)
            {
                Address = Purse(purse),
                Willing = action => canPay(action) && (theft.TakeTruth && action is PostClaim or PostChallenge || theft.JoinFirst && action is JoinInner),
            });
        }

        if (theft.OneIn > 0)
        {
            game.Add(new FrontRunner($"{purse}, copying", game, theft.OneIn)
            {
                Address = Purse(purse),
                Willing = action => canPay(action) && action is not (PostClaim or PostChallenge) && (theft.Joins || action is not JoinInner),
            });
        }
    }

    private static Address Purse(string purse) => Address.FromWord(ToyTraces.Named(purse));

    private static ulong Delay(Simulation game, ToyTraces truth, Tactic tactic, L1Action action)
    {
        When when = action switch
        {
            PostChallenge => tactic.Join,
            JoinInner a => IsHonest(game, truth, a.Tournament) ? tactic.EnterAgainst : tactic.Enter,
            Advance a => Moving(a.Match),
            Seal a => Moving(a.Match),
            ProveStep a => Moving(a.Match),
            ProveTransition a => Moving(a.Match),
            _ => When.AtOnce,
        };
        ulong most = game.UntilTheLastSecond(action);
        return when switch
        {
            When.AtOnce => 0,
            When.HalfWay => most / 2,
            When.LastSecond => most,
            _ => 1UL << 40,
        };

        When Moving(MatchId match) => game.L1.Arena(match.Tournament).Level == 1
            ? IsHonest(game, truth, match.Tournament) ? When.LastSecond : tactic.Inside
            : Is(truth, match) ? tactic.Against : tactic.Among;
    }

    private static bool Is(ToyTraces truth, MatchId match) => truth[0].Root == match.One || truth[0].Root == match.Two;

    /// <summary>Whether the honest side's root is in the match that a tournament is inside of.</summary>
    private static bool IsHonest(Simulation game, ToyTraces truth, Word inner) => Is(truth, game.L1.Match(inner).Id);

    /// <summary>Plays a plan alone against one honest challenger.</summary>
    public static Delay Play(Setting setting, Plan plan, int seed)
    {
        var game = new Simulation(seed, 1, setting.Tasks, setting.Shape, setting.Clocks, variant: setting.Variant) { AtTheCeiling = true };
        game.Censor = new Censor(game.Random, setting.Clocks.CensorshipSeconds, plan.Censor, whole: true);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 20 * (ulong)setting.Clocks.Allowance, lazy: true);
        Join(game, plan, setting.Budget, setting.Tasks, honest.Traces);
        return Delays.Measure(game, honest);
    }

    /// <summary>The best plan that searches from so many seeds come to.</summary>
    /// <param name="rounds">Of each search; its width.</param>
    public static (Plan Plan, Delay Delay) Find(Setting setting, Aim aim, int seed, int rounds, int width, int searches = 1) =>
        Enumerable.Range(seed, searches).Select(one => Search(setting, aim, one, rounds, width)).MaxBy(one => Score(one.Delay, aim));

    /// <summary>The best plan that a beam of plans comes to.</summary>
    /// <param name="rounds">Each keeps the best <paramref name="width"/> plans and changes each of them <paramref name="width"/> times.</param>
    private static (Plan Plan, Delay Delay) Search(Setting setting, Aim aim, int seed, int rounds, int width)
    {
        var random = new Random(seed);
        int most = (int)(setting.Budget / setting.BondOf(0));
        List<Plan> plans = [.. Openings(most, aim).Take(3 * width), .. Enumerable.Range(0, width).Select(_ => For(Plan.Draw(random, most), aim, random))];
        var beam = new List<(Plan Plan, Delay Delay)>();
        for (int round = 0; round <= rounds; round++)
        {
            var tried = new (Plan Plan, Delay Delay)[plans.Count];
            Parallel.For(0, plans.Count, i => tried[i] = (plans[i], Play(setting, plans[i], seed)));
            beam = [.. beam.Concat(tried).OrderByDescending(one => Score(one.Delay, aim)).Take(width)];
            plans = [.. beam.SelectMany(one => Enumerable.Range(0, width).Select(_ => For(one.Plan.Changed(random, most), aim, random)))];
        }

        return beam[0];
    }

    /// <summary>Where a search begins: what somebody would think of first.</summary>
    private static IEnumerable<Plan> Openings(int most, Aim aim)
    {
        Theft theft = aim switch
        {
            Aim.HonestLoss => new(1, Joins: true, JoinFirst: false, TakeTruth: false),
            Aim.HelperLoss => new(1, Joins: true, JoinFirst: true, TakeTruth: true),
            _ => default,
        };
        var greedy = new Tactic(When.AtOnce, When.LastSecond, When.LastSecond, When.LastSecond, When.LastSecond, When.AtOnce);
        var saving = greedy with { Among = When.AtOnce, Enter = When.AtOnce };
        foreach (int liars in (int[])[most, Math.Max(1, most * 2 / 3), Math.Max(1, most / 2), Math.Max(1, most / 4)])
        {
            yield return new Plan(liars, [greedy], 0, false, 1, theft);
            yield return new Plan(liars, [saving], 0, false, 1, theft);
            yield return new Plan(liars, [saving, saving with { Among = When.LastSecond }], 1, false, 2, theft);
        }
    }
}

/// <summary>What liars plan for.</summary>
/// <param name="Budget">Wei that they have for bonds.</param>
internal sealed record Setting(GameShape Shape, DisputeParameters Clocks, int Tasks, UInt128 Budget, Variant Variant)
{
    public UInt128 BondOf(int level) => new L1Model(new ToyWorld(Shape, Simulation.Genesis), Clocks).Bond(level);
}
