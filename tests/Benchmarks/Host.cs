using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Optimistic.Benchmarks;

/// <summary>The machine that figures were taken on, which they mean nothing without.</summary>
/// <param name="Processor">Its name, as the system gives it.</param>
/// <param name="Processors">How many there are for this process.</param>
/// <param name="Vectors">The widest vector instructions.</param>
/// <param name="System">Operating system and architecture.</param>
/// <param name="Runtime">The version of .NET.</param>
/// <param name="Load">Processes running or waiting, a minute's average at the start (loadavg).</param>
internal sealed record Host(string Processor, int Processors, string Vectors, string System, string Runtime, double Load)
{
    public static Host Describe() => new(
        ProcessorName(),
        Environment.ProcessorCount,
        Avx512F.IsSupported ? "AVX-512" : Avx2.IsSupported ? "AVX2" : "none",
        $"{RuntimeInformation.OSDescription} {RuntimeInformation.ProcessArchitecture}",
        Environment.Version.ToString(),
        Load1());

    public override string ToString() => $"{Processor}, {Processors} processors, {Vectors}, {System}, .NET {Runtime}, load {Load:F1}";

    private static string ProcessorName()
    {
        const string File = "/proc/cpuinfo", Key = "model name";
        string? line = global::System.IO.File.Exists(File) ? global::System.IO.File.ReadLines(File).FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':') + 1)..].Trim() ?? "unknown";
    }

    private static double Load1()
    {
        const string File = "/proc/loadavg";
        return global::System.IO.File.Exists(File) ? double.Parse(global::System.IO.File.ReadAllText(File).Split(' ')[0], global::System.Globalization.CultureInfo.InvariantCulture) : double.NaN;
    }
}
