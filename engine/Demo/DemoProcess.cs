using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Optimistic.Engine.Cli;

namespace Optimistic.Engine.Demo;

/// <summary>A program of this repository as a process of its own, with its log in a file.</summary>
internal sealed class DemoProcess : IDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    private DemoProcess(string name, Process process, string logPath) => (Name, _process, LogPath) = (name, process, logPath);

    public string Name { get; }

    public string LogPath { get; }

    public int Id => _process.Id;

    public bool HasEnded => _process.HasExited;

    public static DemoProcess Start(string name, string executable, string folder, params string[] arguments)
    {
        if (!File.Exists(executable))
            throw new CommandException($"{executable} is missing: build the whole solution.");

        string log = Path.Combine(folder, name + ".log");
        // A shell gives it the file as stdout and stderr, so that it outlives this process where that is wanted.
        ProcessStartInfo start = new("/bin/sh")
        {
            ArgumentList = { "-c", "log=$1; shift; exec \"$@\" >\"$log\" 2>&1 </dev/null", name, log, executable },
            UseShellExecute = false,
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return new DemoProcess(name, Process.Start(start)!, log);
    }

    /// <summary>A TCP port that is free now.</summary>
    public static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Waits until /health answers with 200.</summary>
    public async Task WaitUntilHealthyAsync(string url, CancellationToken cancel)
    {
        using HttpClient http = new() { Timeout = TimeSpan.FromSeconds(5) };
        long deadline = Environment.TickCount64 + (long)StartTimeout.TotalMilliseconds;
        while (true)
        {
            RequireRunning();
            try
            {
                using HttpResponseMessage answer = await http.GetAsync(new Uri(new Uri(url), "health"), cancel);
                if (answer.IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            if (Environment.TickCount64 > deadline)
                throw new CommandException($"{Name} did not get ready within {StartTimeout.TotalSeconds} s; its log is {LogPath}.", ExitCode.Failed);
            await Task.Delay(100, cancel);
        }
    }

    /// <exception cref="CommandException">It has ended.</exception>
    public void RequireRunning()
    {
        if (_process.HasExited)
            throw new CommandException($"{Name} ended with code {_process.ExitCode}: {LastLine()}", ExitCode.Failed);
    }

    /// <summary>Ends it and waits.</summary>
    public void End()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose() => _process.Dispose();

    private string LastLine() =>
        File.ReadLines(LogPath).LastOrDefault(line => line.Length > 0) ?? "without a word.";
}
