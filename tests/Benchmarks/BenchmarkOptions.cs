using System.Globalization;

namespace Optimistic.Benchmarks;

/// <summary>What a benchmark is asked for.</summary>
/// <param name="Mode">One of <see cref="Modes"/>.</param>
/// <param name="IsJson">One JSON document on standard output, instead of a table.</param>
/// <param name="IsSmoke">As little work as shows that the benchmark still runs and its results agree.</param>
/// <param name="Runs">Runs that a median is taken of.</param>
/// <param name="Names">The rows that are wanted; all when empty.</param>
internal sealed record BenchmarkOptions(string Mode, bool IsJson, bool IsSmoke, int Runs, IReadOnlyList<string> Names)
{
    public static readonly string[] Modes = ["vm", "hash", "trace", "batch"];

    private const int DefaultRuns = 5, MaxRuns = 99;

    /// <summary>Exit code of bad usage (sysexits.h, EX_USAGE).</summary>
    private const int BadUsage = 64;

    /// <returns>Null, and why, when the arguments are not right.</returns>
    public static BenchmarkOptions? Parse(string[] args, out string error)
    {
        error = "";
        if (args is not [string mode, ..] || mode.StartsWith('-'))
            error = "Name a benchmark.";
        else if (!Modes.Contains(mode))
            error = $"There is no benchmark \"{mode}\".";
        else
        {
            bool isJson = false, isSmoke = false;
            int? runs = null;
            var names = new List<string>();
            for (int i = 1; i < args.Length && error.Length == 0; i++)
            {
                switch (args[i])
                {
                    case "--json":
                        isJson = true;
                        break;
                    case "--smoke":
                        isSmoke = true;
                        break;
                    case "--runs":
                        if (++i < args.Length && int.TryParse(args[i], NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is >= 1 and <= MaxRuns)
                            runs = count;
                        else
                            error = $"--runs takes a number from 1 to {MaxRuns}.";
                        break;
                    case ['-', ..]:
                        error = $"There is no option {args[i]}.";
                        break;
                    default:
                        names.Add(args[i]);
                        break;
                }
            }

            if (error.Length == 0)
                return new BenchmarkOptions(mode, isJson, isSmoke, runs ?? (isSmoke ? 1 : DefaultRuns), names);
        }

        return null;
    }

    /// <summary>Says what is wrong and what would be right.</summary>
    /// <returns>The process's exit code.</returns>
    public static int Refuse(string error)
    {
        Console.Error.WriteLine(error);
        Console.Error.WriteLine($"Usage: Benchmarks {string.Join('|', Modes)} [--json] [--smoke] [--runs N] [ROW...]");
        return BadUsage;
    }
}
