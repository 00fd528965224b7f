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

/// <summary>What liars that share a purse have agreed on.</summary>
/// <param name="Liars">Commitments at level 0.</param>
/// <param name="Tactics">Liar i plays the one of i modulo their number.</param>
/// <param name="Squatters">Further roots that join each class inside each match, and never move.</param>
/// <param name="SquatLate">They join in the last second.</param>
/// <param name="Censor">The first of so many honest transactions, at random, makes the censor spend all of C.</param>
internal sealed record Plan(int Liars, IReadOnlyList<Tactic> Tactics, int Squatters, bool SquatLate, int Censor)
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
}

/// <summary>
/// Liars that plan: they try plans in games of their own, against the solver that they will meet, change the best ones a little, and go on
/// from those that do best. So they find what no single liar would do for itself: to keep a clock for later, to lose to each other, to
/// spend time where it costs them nothing.
/// </summary>
internal static class Conspiracy
{
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

        if (plan.Squatters > 0)
            game.Add(new ClassFlooder($"{purse}, inside", game, truth, plan.Squatters, plan.SquatLate) { Address = Purse(purse), Spares = true, Willing = action => action.Value <= left });
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
        var game = new Simulation(seed, 1, setting.Tasks, setting.Shape, setting.Clocks, variant: setting.Variant);
        game.Censor = new Censor(game.Random, setting.Clocks.CensorshipSeconds, plan.Censor, whole: true);
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 20 * (ulong)setting.Clocks.Allowance, lazy: true);
        Join(game, plan, setting.Budget, setting.Tasks, honest.Traces);
        return Delays.Measure(game, honest);
    }

    /// <summary>The best plan that a beam of plans comes to.</summary>
    /// <param name="rounds">Each keeps the best <paramref name="width"/> plans and changes each of them <paramref name="width"/> times.</param>
    public static (Plan Plan, Delay Delay) Find(Setting setting, Aim aim, int seed, int rounds, int width)
    {
        var random = new Random(seed);
        int most = (int)(setting.Budget / setting.BondOf(0));
        List<Plan> plans = [.. Openings(most).Take(3 * width), .. Enumerable.Range(0, width).Select(_ => Plan.Draw(random, most))];
        var beam = new List<(Plan Plan, Delay Delay)>();
        for (int round = 0; round <= rounds; round++)
        {
            var tried = new (Plan Plan, Delay Delay)[plans.Count];
            Parallel.For(0, plans.Count, i => tried[i] = (plans[i], Play(setting, plans[i], seed)));
            beam = [.. beam.Concat(tried).OrderByDescending(one => aim == Aim.Delay ? one.Delay.Seconds : one.Delay.HonestGas).Take(width)];
            plans = [.. beam.SelectMany(one => Enumerable.Range(0, width).Select(_ => one.Plan.Changed(random, most)))];
        }

        return beam[0];
    }

    /// <summary>Where a search begins: what somebody would think of first.</summary>
    private static IEnumerable<Plan> Openings(int most)
    {
        var greedy = new Tactic(When.AtOnce, When.LastSecond, When.LastSecond, When.LastSecond, When.LastSecond, When.AtOnce);
        var saving = greedy with { Among = When.AtOnce, Enter = When.AtOnce };
        foreach (int liars in (int[])[most, Math.Max(1, most * 2 / 3), Math.Max(1, most / 2), Math.Max(1, most / 4)])
        {
            yield return new Plan(liars, [greedy], 0, false, 1);
            yield return new Plan(liars, [saving], 0, false, 1);
            yield return new Plan(liars, [saving, saving with { Among = When.LastSecond }], 1, false, 2);
        }
    }
}

/// <summary>What liars plan for.</summary>
/// <param name="Budget">Wei that they have for bonds.</param>
internal sealed record Setting(GameShape Shape, DisputeParameters Clocks, int Tasks, UInt128 Budget, Variant Variant)
{
    public UInt128 BondOf(int level) => new L1Model(new ToyWorld(Shape, Simulation.Genesis), Clocks).Bond(level);
}
