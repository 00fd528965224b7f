using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Optimistic.Benchmarks;

/// <summary>The C programs in programs/, built for the machine and for this host by its Makefile when they are wanted.</summary>
internal static class BenchmarkPrograms
{
    private static readonly (string Command, string Package)[] Needed =
    [
        ("make", "make"),
        ("gcc", "gcc"),
        ("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"),
        ("qemu-riscv64", "qemu-user"),
    ];

    /// <summary>A program, built.</summary>
    /// <param name="Name">As its source file.</param>
    /// <param name="Elf">Path of the guest.</param>
    /// <param name="Native">Path of the host's executable.</param>
    public sealed record Built(string Name, string Elf, string Native);

    /// <summary>Builds what is not built yet.</summary>
    /// <param name="isSmoke">Programs of a few million instructions.</param>
    /// <exception cref="InvalidOperationException">Something is missing, or does not build; the message says what to do.</exception>
    public static IReadOnlyList<Built> Build(bool isSmoke)
    {
        string[] missing = [.. Needed.Where(tool => !IsInstalled(tool.Command)).Select(tool => tool.Package)];
        if (missing.Length == 0 && !Directory.Exists("/usr/lib/picolibc/riscv64-unknown-elf"))
            missing = ["picolibc-riscv64-unknown-elf"];
        if (missing.Length != 0)
            throw new InvalidOperationException($"This benchmark builds and runs C programs: apt-get install {string.Join(' ', missing)}");

        string scale = isSmoke ? "smoke" : "full";
        string output = Path.Combine(Folder(), "..", "bin", "programs", scale);
        using Process make = Process.Start(new ProcessStartInfo("make", ["-s", "-C", Folder(), $"-j{Environment.ProcessorCount}", $"OUT={Path.GetFullPath(output)}", $"SCALE={scale}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = make.StandardError.ReadToEndAsync();
        make.StandardOutput.ReadToEnd();
        make.WaitForExit();
        if (make.ExitCode != 0)
            throw new InvalidOperationException($"The programs do not build:\n{errors.Result}");

        return [.. Directory.GetFiles(output, "*.elf").Order(StringComparer.Ordinal).Select(elf => new Built(Path.GetFileNameWithoutExtension(elf), elf, Path.ChangeExtension(elf, null)))];
    }

    private static bool IsInstalled(string command) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, command)));

    private static string Folder([CallerFilePath] string path = "") => Path.Combine(Path.GetDirectoryName(path)!, "programs");
}
