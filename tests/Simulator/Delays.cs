using System.Globalization;
using System.Text;
using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>What came of a game against liars who want it to last.</summary>
/// <param name="Liars">Commitments of liars at level 0.</param>
/// <param name="Inside">The most commitments that joined one inner tournament.</param>
/// <param name="Seconds">Seconds from the start of the tournament to its settlement.</param>
/// <param name="Bound">What the formula of spec 4.9.2 says for as many.</param>
/// <param name="HonestGas">Gas of all transactions of the honest side, before refunds.</param>
/// <param name="HonestCalls">How many they are.</param>
/// <param name="HonestBonds">The most wei that the honest side had in bonds at once.</param>
/// <param name="HonestReverted">How many of them reverted.</param>
/// <param name="HonestLeft">Wei that the honest side has in the end beyond what it began with.</param>
/// <param name="Lost">Wei that the liars lost together.</param>
internal sealed record Delay(
    int Liars, int Inside, ulong Seconds, ulong Bound, ulong HonestGas, int HonestCalls, int HonestReverted, UInt128 HonestBonds, Int128 HonestLeft, Int128 Lost);

/// <summary>What liars with so much money can do at worst, as far as was found.</summary>
/// <param name="Bonds">Bonds of level 0 that their money is good for.</param>
/// <param name="Greedy">When each waits until the last second with all that it does.</param>
/// <param name="Slowest">Of the plans that were tried.</param>
/// <param name="Dearest">For the honest side.</param>
/// <param name="Robbed">That leaves the honest side least.</param>
/// <param name="Helper">The same where its root is another's.</param>
internal sealed record Worst(int Bonds, Delay Greedy, Delay Slowest, Delay Dearest, Delay Robbed, Delay Helper);

/// <summary>Measures what liars can delay, what it costs them, and what it costs the honest side.</summary>
internal static class Delays
{
    /// <summary>A day of censorship, ten minutes for an action, an hour for a batch and for a trace.</summary>
    public static DisputeParameters Clocks { get; } = Simulation.Clocks(censorship: 86_400, grace: 600, replay: 3_600, trace: 3_600);

    public static GameShape Shape { get; } = new(4, 2, 2);

    public static Setting SettingOf(int bonds, Variant? variant = null)
    {
        var setting = new Setting(Shape, Clocks, Tasks: 4, 0, variant ?? Variant.Spec);
        return setting with { Budget = (UInt128)bonds * setting.BondOf(0) };
    }

    /// <param name="rounds">Of each search for plans, and its width.</param>
    public static Worst Sweep(int bonds, int seed, int rounds, int width, int searches = 1)
    {
        Setting setting = SettingOf(bonds);
        var greedy = new Tactic(When.AtOnce, When.LastSecond, When.LastSecond, When.LastSecond, When.LastSecond, When.LastSecond);
        return new Worst(
            bonds,
            Conspiracy.Play(setting, new Plan(bonds, [greedy, greedy, greedy with { Join = When.LastSecond }], 0, false, 1), seed),
            Conspiracy.Find(setting, Aim.Delay, seed, rounds, width, searches).Delay,
            Conspiracy.Find(setting, Aim.HonestGas, seed, rounds, width, searches).Delay,
            Conspiracy.Find(setting, Aim.HonestLoss, seed, rounds, width, searches).Delay,
            Conspiracy.Find(setting, Aim.HelperLoss, seed, rounds, width, searches).Delay);
    }

    /// <summary>Plays a game of one batch to its end and checks all that is promised.</summary>
    public static Delay Measure(Simulation game, Player honest)
    {
        ulong gas = 0;
        int calls = 0, reverted = 0;
        UInt128 most = 0;
        game.Landed += (l1, player, action, refusal) =>
        {
            if (player != honest)
                return;
            gas += Gas.CostOf(action);
            calls++;
            reverted += refusal == Refusal.None ? 0 : 1;
            UInt128 bonds = 0;
            foreach (ModelArena one in l1.Arenas)
            {
                if (one.Result == TournamentResult.Undecided && one.Commitments.Values.Any(mine => mine.Claimer == honest.Address && !mine.Eliminated))
                    bonds += l1.Bond(one.Level);
            }

            most = UInt128.Max(most, bonds);
        };
        game.RunAndCheck();
        // Liars that have put their money into the truth have none left for a lie: then no tournament opens.
        int joined = game.L1.Arenas.SingleOrDefault(one => one.Level == 0)?.Commitments.Count ?? 1;
        int inside = game.L1.Arenas.Where(one => one.Level == 1).Select(one => one.Commitments.Count).DefaultIfEmpty().Max();
        Int128 lost = 0;
        foreach (Address liar in game.Players.Where(player => !player.Honest).Select(player => player.Address).Distinct())
            lost -= game.L1.Balance(liar);
        return new Delay(
            joined - 1, inside, game.WorstDelay, DelayFormula.Bound(game.L1.Parameters, game.World.Shape, joined, inside),
            gas, calls, reverted, most, game.L1.Balance(honest.Address), lost);
    }

    /// <summary>The table, in the allowance A0 as the unit of time and stake(0) as that of money.</summary>
    public static string Table(IReadOnlyList<Worst> all)
    {
        var text = new StringBuilder();
        text.AppendLine("| bonds | greedy, A0 | planned, A0 | with liars + inside | formula, A0 | lost, stakes | dearest: calls | gas, M | bonds tied up, stakes | robbed: calls | reverted | left, stakes | another's root: calls | reverted | left, stakes |");
        text.AppendLine("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (Worst one in all)
        {
            Delay slow = one.Slowest, dear = one.Dearest, robbed = one.Robbed, helper = one.Helper;
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {one.Bonds} | {InAllowances(one.Greedy.Seconds):F2} | {InAllowances(slow.Seconds):F2} | {slow.Liars} + {slow.Inside} | {InAllowances(slow.Bound):F1} | {InStakes(slow.Lost):F1} | {dear.HonestCalls} | {dear.HonestGas / 1e6:F2} | {InStakes((Int128)dear.HonestBonds):F1} | "
                + $"{robbed.HonestCalls} | {robbed.HonestReverted} | {InStakes(robbed.HonestLeft):+0.00;-0.00} | {helper.HonestCalls} | {helper.HonestReverted} | {InStakes(helper.HonestLeft):+0.00;-0.00} |");
        }

        return text.ToString();
    }

    /// <summary>The table of spec decision 0019.</summary>
    public static string Table(IReadOnlyList<(Variant Variant, IReadOnlyList<ulong?> Small, IReadOnlyList<Delay> Large)> all, IReadOnlyList<string> games, IReadOnlyList<int> bonds)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"| rule | {string.Join(" | ", games)} | {string.Join(" | ", bonds)} | honest calls | gas, M | bonds, stakes | liars lose, stakes per A0 |");
        text.AppendLine(string.Concat(Enumerable.Repeat("|---", 1 + games.Count + bonds.Count + 4)) + "|");
        foreach ((Variant variant, IReadOnlyList<ulong?> small, IReadOnlyList<Delay> large) in all)
        {
            string exact = string.Join(" | ", small.Select(one => one is ulong seconds ? $"{seconds}" : "unsafe"));
            string found = string.Join(" | ", large.Select(one => InAllowances(one.Seconds).ToString("F2", CultureInfo.InvariantCulture)));
            Delay last = large[^1];
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {variant.Name} | {exact} | {found} | {large.Max(one => one.HonestCalls)} | {large.Max(one => one.HonestGas) / 1e6:F2} | {InStakes((Int128)large.Max(one => one.HonestBonds)):F1} | {InStakes(last.Lost) / InAllowances(last.Seconds):F1} |");
        }

        return text.ToString();
    }

    /// <summary>The measured delays over the liars' money, a power of two a step: planned, and greedy below it.</summary>
    public static string Plot(IReadOnlyList<Worst> all)
    {
        const int Width = 640, Height = 360, Left = 60, Bottom = 310, Top = 20, Right = 620;
        double most = all.Max(one => InAllowances(one.Slowest.Seconds)) * 1.1, end = Math.Max(1, Math.Log2(all[^1].Bonds));
        string X(int bonds) => (Left + (Right - Left) * Math.Log2(bonds) / end).ToString("F0", CultureInfo.InvariantCulture);
        string Y(double delay) => (Bottom - (Bottom - Top) * delay / most).ToString("F0", CultureInfo.InvariantCulture);
        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">");
        svg.AppendLine("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
        for (int y = 0; y <= (int)most; y += Math.Max(1, (int)most / 8))
        {
            svg.AppendLine(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" x2=\"{Right}\" y1=\"{Y(y)}\" y2=\"{Y(y)}\" stroke=\"#ddd\"/>");
            svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{Left - 8}\" y=\"{Y(y)}\" text-anchor=\"end\">{y}</text>");
        }

        foreach (Worst one in all)
            svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{X(one.Bonds)}\" y=\"{Bottom + 18}\" text-anchor=\"middle\">{one.Bonds}</text>");
        Line("#06c", "planned", one => one.Slowest);
        Line("#999", "greedy", one => one.Greedy);
        svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{(Left + Right) / 2}\" y=\"{Height - 8}\" text-anchor=\"middle\">liars' money, in bonds of level 0</text>");
        svg.AppendLine("<text x=\"14\" y=\"170\" transform=\"rotate(-90 14 170)\" text-anchor=\"middle\">delay, in A0</text>");
        svg.AppendLine("</svg>");
        return svg.ToString();

        void Line(string colour, string name, Func<Worst, Delay> of)
        {
            string points = string.Join(' ', all.Select(one => $"{X(one.Bonds)},{Y(InAllowances(of(one).Seconds))}"));
            svg.AppendLine(CultureInfo.InvariantCulture, $"<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
            foreach (Worst one in all)
                svg.AppendLine(CultureInfo.InvariantCulture, $"<circle cx=\"{X(one.Bonds)}\" cy=\"{Y(InAllowances(of(one).Seconds))}\" r=\"3\" fill=\"{colour}\"/>");
            svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{Right}\" y=\"{Y(InAllowances(of(all[^1]).Seconds) + most / 40)}\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>");
        }
    }

    private static double InStakes(Int128 wei) => (double)wei / (double)Clocks.Stake0;

    private static double InAllowances(ulong seconds) => (double)seconds / Clocks.Allowance;
}
