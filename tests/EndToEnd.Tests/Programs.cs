using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Optimistic.Contracts.Ethereum;
using Xunit.Sdk;

namespace Optimistic.EndToEnd.Tests;

/// <summary>A program of this repository, built as this test is, run as a process that can be killed and started again.</summary>
internal sealed class ProgramProcess : IDisposable
{
    private readonly string _executable;
    private readonly string[] _arguments;
    private readonly string _logPath;
    private Process? _process;
    private bool _killed;

    /// <param name="name">For messages.</param>
    /// <param name="folder">Where its log goes.</param>
    /// <param name="executable">From <see cref="Engine"/> or <see cref="Challenger"/>.</param>
    public ProgramProcess(string name, string folder, string executable, params string[] arguments)
    {
        Name = name;
        _executable = executable;
        _arguments = arguments;
        _logPath = Path.Combine(folder, name + ".log");
    }

    public static string Engine { get; } = Built("engine", "optimistic");

    public static string Challenger { get; } = Built("challenger", "optimistic-challenger");

    public string Name { get; }

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>What it has written so far, in all its runs.</summary>
    public string Log => File.Exists(_logPath) ? File.ReadAllText(_logPath) : "";

    /// <summary>A TCP port that is free now.</summary>
    public static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Start()
    {
        Assert.False(IsRunning);
        _killed = false;
        _process?.Dispose();
        // A shell gives it the file as stdout and stderr: a pipe that nobody reads would stop it.
        ProcessStartInfo start = new("/bin/sh")
        {
            ArgumentList = { "-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1 </dev/null", Name, _logPath, _executable },
            UseShellExecute = false,
        };
        foreach (string argument in _arguments)
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
    }

    /// <summary>As kill -9.</summary>
    public async Task KillAsync()
    {
        _killed = true;
        _process!.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>The exit code of a program that ends by itself.</summary>
    public async Task<int> EndAsync(CancellationToken cancel)
    {
        await _process!.WaitForExitAsync(cancel);
        return _process.ExitCode;
    }

    /// <summary>Fails the test when it has ended by itself.</summary>
    public void RequireStartedOrKilled()
    {
        if (!_killed && _process is { HasExited: true } ended)
            throw new XunitException($"{Name} ended with code {ended.ExitCode}. Its log:\n{Tail()}");
    }

    public string Tail(int lines = 40) => string.Join('\n', Log.Split('\n').TakeLast(lines));

    public void Dispose()
    {
        if (IsRunning)
        {
            _process!.Kill();
            _process.WaitForExit();
        }

        _process?.Dispose();
    }

    /// <summary>Tests run in tests/EndToEnd.Tests/bin/CONFIGURATION/FRAMEWORK: the program is in the same of its own project.</summary>
    private static string Built(string project, string name)
    {
        DirectoryInfo framework = new(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        string path = Path.Combine(
            NodePackages.FindContracts(), "..", project, "bin", framework.Parent!.Name, framework.Name, OperatingSystem.IsWindows() ? name + ".exe" : name);
        return Path.GetFullPath(path);
    }
}
