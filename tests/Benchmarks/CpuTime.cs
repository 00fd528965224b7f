using System.Runtime.InteropServices;

namespace Optimistic.Benchmarks;

/// <summary>
/// CPU seconds, user and system, of all threads (getrusage(2)): what a benchmark can compare on a machine that does other
/// things too.
/// </summary>
internal static partial class CpuTime
{
    private const int Self = 0, Children = -1;

    /// <summary>CPU seconds of this process while <paramref name="work"/> runs, compilation in the background included.</summary>
    public static double Of(Action work)
    {
        double before = Usage(Self);
        work();
        return Usage(Self) - before;
    }

    /// <summary>CPU seconds of the child processes that end while <paramref name="work"/> runs.</summary>
    public static double OfChildren(Action work)
    {
        double before = Usage(Children);
        work();
        return Usage(Children) - before;
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static double Usage(int who)
    {
        // struct rusage: two timevals, user and system, then counters.
        Span<long> usage = stackalloc long[32];
        if (GetResourceUsage(who, ref usage[0]) != 0)
            throw new InvalidOperationException("getrusage fails: the benchmarks run on Linux.");
        return usage[0] + usage[2] + (usage[1] + usage[3]) / 1e6;
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static partial int GetResourceUsage(int who, ref long usage);
}
