using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Optimistic.Contracts.Ethereum;

/// <summary>Node packages or a development tool are missing and cannot be installed.</summary>
public sealed class ToolchainException(string message, Exception? inner = null) : EthereumException(message, inner);

/// <summary>The npm packages in <c>contracts/</c>: where they are, and how they get there.</summary>
public static class NodePackages
{
    /// <summary>Names the folder of package.json, for installations without the sources.</summary>
    public const string DirectoryVariable = "OPTIMISTIC_CONTRACTS_DIR";

    private static readonly TimeSpan InstallTimeout = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(250);

    /// <summary>The folder <c>contracts/</c>: from the environment, or beside Optimistic.sln above this program.</summary>
    /// <exception cref="ToolchainException">It cannot be found.</exception>
    public static string FindContracts()
    {
        if (Environment.GetEnvironmentVariable(DirectoryVariable) is { Length: > 0 } named)
        {
            return File.Exists(Path.Combine(named, "package.json"))
                ? Path.GetFullPath(named)
                : throw new ToolchainException($"{DirectoryVariable} is '{named}', but there is no package.json in it.");
        }

        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Optimistic.sln")))
                return Path.Combine(folder.FullName, "contracts");
        }

        throw new ToolchainException(
            $"The folder contracts/ was not found above {AppContext.BaseDirectory}: run from the source tree or set {DirectoryVariable}.");
    }

    /// <summary>The path of a Foundry tool ("anvil", "forge", "cast"); installs the pinned packages first if need be.</summary>
    /// <exception cref="ToolchainException">npm is missing or fails, or there is no binary for this platform.</exception>
    public static Task<string> RequireAsync(string tool, Action<string>? report = null, CancellationToken cancel = default) =>
        RequireAsync(FindContracts(), tool, OperatingSystem.IsWindows() ? "npm.cmd" : "npm", report, cancel);

    internal static async Task<string> RequireAsync(
        string contracts, string tool, string npm, Action<string>? report, CancellationToken cancel)
    {
        string binary = BinaryPath(contracts, tool);
        if (!IsInstalled(contracts))
            await InstallAsync(contracts, npm, report, cancel).ConfigureAwait(false);
        return File.Exists(binary)
            ? binary
            : throw new ToolchainException(
                $"{tool} has no binary for this platform ({RuntimeInformation.RuntimeIdentifier}): {binary} is missing after npm ci.");
    }

    // npm writes this file when everything else is in place.
    private static bool IsInstalled(string contracts)
    {
        FileInfo marker = new(Path.Combine(contracts, "node_modules", ".package-lock.json"));
        return marker.Exists && File.Exists(BinaryPath(contracts, "anvil"));
    }

    private static string BinaryPath(string contracts, string tool)
    {
        string system = OperatingSystem.IsWindows() ? "win32" : OperatingSystem.IsMacOS() ? "darwin" : "linux";
        string cpu = RuntimeInformation.OSArchitecture switch
        {
            Architecture.X64 => "amd64",
            Architecture.Arm64 => "arm64",
            Architecture other => other.ToString().ToLowerInvariant(),
        };
        return Path.Combine(
            contracts, "node_modules", "@foundry-rs", $"{tool}-{system}-{cpu}", "bin", OperatingSystem.IsWindows() ? tool + ".exe" : tool);
    }

    private static async Task InstallAsync(string contracts, string npmCommand, Action<string>? report, CancellationToken cancel)
    {
        // Test projects and the demo run side by side: one installs, the others wait for it.
        await using FileStream gate = await LockAsync(Path.Combine(contracts, "cache", "npm.lock"), cancel).ConfigureAwait(false);
        if (IsInstalled(contracts))
            return;

        report?.Invoke("Installing the npm packages pinned by contracts/package-lock.json (200 MB, once)");
        ProcessStartInfo start = new(npmCommand)
        {
            WorkingDirectory = contracts,
            ArgumentList = { "ci", "--ignore-scripts", "--no-audit", "--no-fund" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        Process npm;
        try
        {
            npm = Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new ToolchainException("npm was not found: install Node.js 20 or later, it brings anvil for the development chain.", error);
        }

        using (npm)
        {
            npm.StandardInput.Close();
            Task<string> output = npm.StandardOutput.ReadToEndAsync(cancel), errors = npm.StandardError.ReadToEndAsync(cancel);
            using CancellationTokenSource timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            timeout.CancelAfter(InstallTimeout);
            try
            {
                await npm.WaitForExitAsync(timeout.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                npm.Kill(entireProcessTree: true);
                cancel.ThrowIfCancellationRequested();
                throw new ToolchainException($"npm ci in {contracts} did not finish within {InstallTimeout.TotalMinutes:0} minutes.");
            }

            await output.ConfigureAwait(false);
            if (npm.ExitCode != 0)
            {
                string[] lines = (await errors.ConfigureAwait(false)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
                string reason = string.Join(" | ", lines.Where(line => line.StartsWith("npm error", StringComparison.Ordinal)).Take(3));
                throw new ToolchainException($"npm ci in {contracts} failed with code {npm.ExitCode}: {(reason.Length > 0 ? reason : "it gave no reason")}");
            }
        }
    }

    private static async Task<FileStream> LockAsync(string path, CancellationToken cancel)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        long deadline = Environment.TickCount64 + (long)InstallTimeout.TotalMilliseconds;
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException error)
            {
                if (Environment.TickCount64 > deadline)
                    throw new ToolchainException($"Another process holds {path} for more than {InstallTimeout.TotalMinutes:0} minutes.", error);
            }

            await Task.Delay(LockPause, cancel).ConfigureAwait(false);
        }
    }
}
