using System.Globalization;
using System.Text;
using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>The slowest game found with so many liars.</summary>
/// <param name="Liars">Commitments of liars at level 0.</param>
/// <param name="Inside">The most commitments that joined one inner tournament.</param>
/// <param name="Seconds">Seconds from the start of the tournament to its settlement.</param>
/// <param name="Bound">What the formula of spec 4.9.2 says for as many.</param>
/// <param name="HonestGas">Gas of all transactions of the honest side, before refunds.</param>
/// <param name="HonestCalls">How many they are.</param>
/// <param name="Lost">Wei that the liars lost together.</param>
internal sealed record Delay(int Liars, int Inside, ulong Seconds, ulong Bound, ulong HonestGas, int HonestCalls, Int128 Lost);

/// <summary>Measures what liars can delay and what it costs: all of them wait until the last second with everything that they do.</summary>
internal static class Delays
{
    /// <summary>A day of censorship, ten minutes for an action, an hour for a batch and for a trace.</summary>
    public static DisputeParameters Clocks { get; } = Simulation.Clocks(censorship: 86_400, grace: 600, replay: 3_600, trace: 3_600);

    private static readonly int[] Counts = [1, 2, 3, 4, 7, 8, 15, 16, 31];

    public static IReadOnlyList<Delay> Measure(int seeds) => [.. Counts.Select(liars => Worst(liars, seeds))];

    private static Delay Worst(int liars, int seeds)
    {
        Delay? worst = null;
        for (int seed = 0; seed < seeds; seed++)
        {
            Delay one = Play(liars, seed);
            if (worst is null || one.Seconds > worst.Seconds)
                worst = one;
        }

        return worst!;
    }

    private static Delay Play(int liars, int seed)
    {
        const int Tasks = 4;
        var shape = new GameShape(4, 2, 2);
        var game = new Simulation(seed, 1, Tasks, shape, Clocks);
        game.Censor = new Censor(game.Random, Clocks.CensorshipSeconds, 1 + seed % 3, whole: true);
        SolverPlayer honest = game.AddHonest("honest", lazy: true);
        ulong gas = 0;
        int calls = 0;
        game.Landed += (_, player, action, _) =>
        {
            gas += player == honest ? Gas.CostOf(action) : 0;
            calls += player == honest ? 1 : 0;
        };
        for (int i = 0; i < liars; i++)
        {
            // In chunks, so that inner tournaments open, where the clocks of the outer match stand.
            var lie = new LieAbout(Lie.MachineInChunk, 1 + (ulong)(i % 2) * shape.Span, (ulong)game.Random.Next(15), (ulong)i);
            bool late = game.Random.Next(3) == 0;
            game.Add(new SolverPlayer(
                $"liar {i}",
                game,
                game.Traces(lie),
                new SolverPolicy(0, UInt128.MaxValue),
                action => action is PostChallenge && !late ? 0 : game.UntilTheLastSecond(action),
                honest: false));
        }

        game.RunAndCheck();
        ModelArena arena = game.L1.Arenas.Single(one => one.Level == 0);
        int inside = game.L1.Arenas.Where(one => one.Level == 1).Select(one => one.Commitments.Count).DefaultIfEmpty().Max();
        Int128 lost = 0;
        foreach (Player player in game.Players.Where(player => !player.Honest))
            lost -= game.L1.Balance(player.Address);
        return new Delay(
            liars,
            inside,
            game.WorstDelay,
            DelayFormula.Bound(Clocks, shape, arena.Commitments.Count, inside),
            gas,
            calls,
            lost);
    }

    /// <summary>The table, in the allowance A0 as the unit of time and stake(0) as that of money.</summary>
    public static string Table(IReadOnlyList<Delay> delays)
    {
        var text = new StringBuilder();
        text.AppendLine("| liars | inside | delay, A0 | formula, A0 | honest calls | honest gas, M | lost, stakes |");
        text.AppendLine("|---|---|---|---|---|---|---|");
        foreach (Delay one in delays)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {one.Liars} | {one.Inside} | {InAllowances(one.Seconds):F2} | {InAllowances(one.Bound):F1} | {one.HonestCalls} | {one.HonestGas / 1e6:F2} | {(double)one.Lost / (double)Clocks.Stake0:F1} |");
        }

        return text.ToString();
    }

    /// <summary>The measured delays over the number of liars, a power of two a step.</summary>
    public static string Plot(IReadOnlyList<Delay> delays)
    {
        const int Width = 640, Height = 360, Left = 60, Bottom = 310, Top = 20, Right = 620;
        double most = delays.Max(one => InAllowances(one.Seconds)) * 1.1, end = Math.Log2(delays[^1].Liars + 1);
        string X(int liars) => (Left + (Right - Left) * Math.Log2(liars + 1) / end).ToString("F0", CultureInfo.InvariantCulture);
        string Y(double delay) => (Bottom - (Bottom - Top) * delay / most).ToString("F0", CultureInfo.InvariantCulture);
        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">");
        svg.AppendLine("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
        for (int y = 0; y <= (int)most; y += Math.Max(1, (int)most / 8))
        {
            svg.AppendLine(CultureInfo.InvariantCulture, $"<line x1=\"{Left}\" x2=\"{Right}\" y1=\"{Y(y)}\" y2=\"{Y(y)}\" stroke=\"#ddd\"/>");
            svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{Left - 8}\" y=\"{Y(y)}\" text-anchor=\"end\">{y}</text>");
        }

        foreach (Delay one in delays)
        {
            svg.AppendLine(CultureInfo.InvariantCulture, $"<circle cx=\"{X(one.Liars)}\" cy=\"{Y(InAllowances(one.Seconds))}\" r=\"3\" fill=\"#06c\"/>");
            svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{X(one.Liars)}\" y=\"{Bottom + 18}\" text-anchor=\"middle\">{one.Liars}</text>");
        }

        string line = string.Join(' ', delays.Select(one => $"{X(one.Liars)},{Y(InAllowances(one.Seconds))}"));
        svg.AppendLine(CultureInfo.InvariantCulture, $"<polyline points=\"{line}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"2\"/>");
        svg.AppendLine(CultureInfo.InvariantCulture, $"<text x=\"{(Left + Right) / 2}\" y=\"{Height - 8}\" text-anchor=\"middle\">liars at level 0</text>");
        svg.AppendLine("<text x=\"14\" y=\"170\" transform=\"rotate(-90 14 170)\" text-anchor=\"middle\">delay, in A0</text>");
        svg.AppendLine("</svg>");
        return svg.ToString();
    }

    private static double InAllowances(ulong seconds) => (double)seconds / Clocks.Allowance;
}
