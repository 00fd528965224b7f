using System.Diagnostics;

namespace Optimistic.Vm.Tests.Guests;

/// <summary>How a guest ended in qemu-riscv64.</summary>
internal sealed record QemuResult(int ExitCode, byte[] Output, string Errors);

/// <summary>
/// qemu-riscv64, which runs a guest's ELF as a Linux process: a second opinion on every instruction by people who know
/// nothing of this machine. Installs Debian's package when it is missing and this process is root.
/// </summary>
internal static class Qemu
{
    private const string Name = "qemu-riscv64";
    private const string Package = "qemu-user";
    private const int TimeoutMilliseconds = 60_000;

    private static readonly Lazy<string> Program = new(Find);

    /// <summary>Runs the ELF at <paramref name="path"/> to its end.</summary>
    public static QemuResult Run(string path, params string[] arguments)
    {
        var start = new ProcessStartInfo(Program.Value) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(path);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        if (!process.WaitForExit(TimeoutMilliseconds))
        {
            process.Kill();
            throw new TimeoutException($"{Name} {path} ran longer than {TimeoutMilliseconds} ms.");
        }

        return new QemuResult(process.ExitCode, output.ToArray(), errors.GetAwaiter().GetResult());
    }

    /// <summary>Runs an ELF in memory.</summary>
    public static QemuResult Run(byte[] elf)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, elf);
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

            return Run(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string Find()
    {
        if (OnPath() is { } found)
            return found;

        string why = "this process is not root, so it cannot install it";
        if (Environment.IsPrivilegedProcess)
        {
            Apt("update", "-qq");
            why = Apt("install", "-y", "-qq", Package);
        }

        return OnPath() ?? throw new InvalidOperationException(
            $"{Name} is missing and {why.Trim()}. Install it: apt-get install -y {Package}");
    }

    private static string? OnPath() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, Name)).FirstOrDefault(File.Exists);

    private static string Apt(params string[] arguments)
    {
        if (!File.Exists("/usr/bin/apt-get"))
            return "there is no apt-get here";

        var start = new ProcessStartInfo("/usr/bin/apt-get", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return $"apt-get {arguments[0]} ended with {process.ExitCode}: {errors.GetAwaiter().GetResult()}";
    }
}
