using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Optimistic.Challenger;
using Spectre.Console;

namespace Optimistic.Simulator;

/// <summary>What the simulator does at the command line.</summary>
internal static class Commands
{
    /// <returns>0, or 1 when a property was violated or a mutant was not caught.</returns>
    public static int Run(int games, int seed, bool mutants, bool json, bool trace, Variant variant)
    {
        if (trace)
            return Trace(seed);

        var watch = Stopwatch.StartNew();
        long transactions = 0;
        ulong worst = 0, digest = 0;
        var violations = new List<GameOutcome>();
        WithProgress($"{games} games", games, step => Parallel.For(0, games, i =>
        {
            GameOutcome outcome = RandomGame.Play(unchecked(seed + i), variant: variant);
            lock (violations)
            {
                transactions += outcome.Transactions;
                digest += outcome.Digest;
                worst = Math.Max(worst, outcome.WorstDelay);
                if (outcome.Violated is not null)
                    violations.Add(outcome);
                step();
            }
        }));
        double seconds = watch.Elapsed.TotalSeconds;
        IReadOnlyList<MutantOutcome> caught = [];
        if (mutants)
            WithProgress($"{Mutants.All.Count} mutants", Mutants.All.Count, step => caught = Mutants.HuntAll(seed, step));
        foreach (MutantOutcome mutant in caught)
            Tell(mutant);
        foreach (GameOutcome violation in violations.OrderBy(violation => violation.Seed).Take(20))
            Console.Error.WriteLine($"{violation.Message}\n  dotnet run -c Release --project tests/Simulator -- --seed {violation.Seed} --games 1 --trace");

        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                games,
                seed,
                violations = violations.Count,
                mutants = caught.Count,
                mutantsCaught = caught.Count(mutant => mutant.CaughtBy is not null),
                worstDelay = worst,
                transactions,
                digest = digest.ToString("x16", CultureInfo.InvariantCulture),
                seconds = Math.Round(seconds, 1),
            }));
        }
        else
        {
            Console.WriteLine($"{games} games from seed {seed}, {transactions} transactions, {violations.Count} violations, digest {digest:x16}, {seconds:F1} s.");
        }

        return violations.Count == 0 && caught.All(mutant => mutant.CaughtBy is not null) ? 0 : 1;
    }

    /// <summary>Games that are replayed on one chain.</summary>
    private const int ReplayPart = 100;

    /// <returns>0, or 1 when the contracts and the model differ.</returns>
    public static int Replay(int games, int seed, bool json, bool trace)
    {
        if (trace)
            return Trace(seed, GameShape.Standard);

        var watch = Stopwatch.StartNew();
        var replays = new List<ReplayedGame>();
        WithProgress($"{games} games on the contracts", games, step =>
        {
            // In parts, each on a chain of its own, so that a long run says where it may be taken up again.
            for (int first = 0; first < games; first += ReplayPart)
            {
                int part = Math.Min(ReplayPart, games - first);
                replays.AddRange(ReplayedGame.AllAsync(part, seed + first, step).GetAwaiter().GetResult());
                if (games > ReplayPart)
                    Console.Error.WriteLine($"{first + part} games, {replays.Sum(replay => replay.Differences.Count)} differences; the rest: --games {games - first - part} --seed {seed + first + part}");
            }
        });
        double seconds = Math.Round(watch.Elapsed.TotalSeconds, 1);
        int actions = replays.Sum(replay => replay.Actions), refused = replays.Sum(replay => replay.Refused);
        int upgrades = replays.Sum(replay => replay.Upgrades), later = replays.Sum(replay => replay.Later);
        Difference[] differences = [.. replays.SelectMany(replay => replay.Differences)];
        foreach (Difference difference in differences.Take(20))
            Console.Error.WriteLine($"{difference}\n  dotnet run -c Release --project tests/Simulator -- --replay --seed {difference.Seed} --trace");
        Console.WriteLine(json
            ? JsonSerializer.Serialize(new { games, seed, actions, refused, upgrades, later, differences = differences.Length, seconds })
            : $"{games} games from seed {seed} replayed on the contracts, {actions} transactions, {refused} of them refused, {upgrades} upgrades, {later} tournaments by later rules, {differences.Length} differences, {seconds:F1} s.");
        return differences.Length == 0 ? 0 : 1;
    }

    /// <returns>0, or 1 when a small game has more states than are looked at.</returns>
    public static int Small()
    {
        bool whole = true;
        foreach (SmallGame game in SmallGames.All.Concat(SmallGames.Larger))
        {
            var watch = Stopwatch.StartNew();
            TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
            Explored explored = Exhaustive.Explore(game, maxStates: 10_000_000);
            whole &= explored.Whole;
            double cpu = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
            Console.WriteLine(
                $"{game.Name}: {explored.States} states, {explored.Transitions} transitions, worst delay {explored.WorstDelay} s, the honest side ends with {explored.LeastLeft} wei, "
                + $"{(explored.Whole ? "all" : "NOT ALL")}, {watch.Elapsed.TotalSeconds:F1} s, {cpu:F1} s of processors");
        }

        return whole ? 0 : 1;
    }

    /// <summary>The worst that liars with so much money were found to do, by what they have.</summary>
    /// <param name="most">Bonds of level 0, at most: 1, 2, 4 and so on.</param>
    public static int Sweep(int most, int seed, string? plot)
    {
        const int Rounds = 8, Width = 5, Searches = 5;
        List<int> bonds = [.. Enumerable.Range(0, 31).Select(i => 1 << i).TakeWhile(bonds => bonds <= most)];
        var worst = new List<Worst>();
        WithProgress("sweep", bonds.Count, step =>
        {
            foreach (int one in bonds)
            {
                worst.Add(Delays.Sweep(one, seed, Rounds, Width, Searches));
                step();
            }
        });
        Console.Write(Delays.Table(worst));
        if (plot is not null)
            File.WriteAllText(plot, Delays.Plot(worst));
        return 0;
    }

    /// <summary>The rules that were weighed against each other: exact worst delays of small games, and what was found in larger ones.</summary>
    public static int Rules(int most, int seed)
    {
        const int Rounds = 4, Width = 4, Searches = 5;
        SmallGame[] games = [.. SmallGames.Weighed];
        List<int> bonds = [.. Enumerable.Range(1, 31).Select(i => 1 << i).TakeWhile(bonds => bonds <= most)];
        var all = new List<(Variant, IReadOnlyList<ulong?>, IReadOnlyList<Delay>)>();
        WithProgress("rules", Variant.All.Count, step =>
        {
            foreach (Variant variant in Variant.All)
            {
                var small = new ulong?[games.Length];
                Parallel.For(0, games.Length, i => small[i] = WorstOf(games[i], variant));
                all.Add((variant, small, [.. bonds.Select(one => Conspiracy.Find(Delays.SettingOf(one, variant), Aim.Delay, seed, Rounds, Width, Searches).Delay)]));
                step();
            }
        });
        Console.Write(Delays.Table(all, [.. games.Select(game => game.Name)], bonds));
        return 0;
    }

    /// <returns>Null when a property does not hold.</returns>
    private static ulong? WorstOf(SmallGame game, Variant variant)
    {
        try
        {
            return Exhaustive.Explore(game, maxStates: 2_000_000, variant: variant).WorstDelay;
        }
        catch (PropertyViolationException violation)
        {
            Console.Error.WriteLine($"{variant.Name}, {game.Name}: {violation.Message}");
            return null;
        }
    }

    private static void Tell(MutantOutcome mutant) => Console.Error.WriteLine(
        $"{mutant.Rule,-34} {(mutant.CaughtBy is Property by ? $"{by}, game {mutant.Games}" : $"NOT CAUGHT in {mutant.Games} games")}");

    private static int Trace(int seed, GameShape? shape = null)
    {
        Simulation game = RandomGame.Create(seed, verbose: true, shape: shape);
        Console.WriteLine($"{game.World.Shape}, {game.L1.Parameters}");
        Console.WriteLine(string.Join(", ", game.Players.Select(player => $"{player.Name}: {player.GetType().Name}")));
        try
        {
            game.RunAndCheck();
        }
        catch (PropertyViolationException violation)
        {
            Console.WriteLine(string.Join('\n', game.Log));
            Console.WriteLine(violation.Message);
            return 1;
        }

        Console.WriteLine(string.Join('\n', game.Log));
        return 0;
    }

    /// <summary>Shows how far it is when somebody looks: where errors are shown is a terminal.</summary>
    /// <param name="work">Calls what it is given after each of <paramref name="total"/> parts.</param>
    private static void WithProgress(string title, int total, Action<Action> work)
    {
        if (Console.IsErrorRedirected)
        {
            work(() => { });
            return;
        }

        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) })
            .Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(progress =>
            {
                ProgressTask bar = progress.AddTask(title, maxValue: total);
                work(() => bar.Increment(1));
            });
    }
}
