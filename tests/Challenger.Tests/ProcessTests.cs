using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Threading.Channels;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Challenger.Tests;

/// <summary>The program as people run it: bad input, kills at any instant, endpoints that fail.</summary>
public sealed class ProcessTests : IDisposable
{
    private const int Kills = 8;
    private const string SomeAddress = "0x00000000000000000000000000000000000000aa";

    private readonly string _folder = Directory.CreateTempSubdirectory("challenger-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string KeyFile(int account)
    {
        string path = Path.Combine(_folder, $"key{account}");
        File.WriteAllText(path, DevChain.PrivateKey(account).ToString());
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(64)]
    [InlineData(64, "watch")]
    [InlineData(64, "watch", "--l1", "ftp://x", "--rollup", SomeAddress, "--key", "KEY", "--data", "DATA")]
    [InlineData(64, "watch", "--l1", "http://127.0.0.1:1", "--rollup", "0x12", "--key", "KEY", "--data", "DATA")]
    [InlineData(64, "watch", "--l1", "http://127.0.0.1:1", "--send-rpc", "relay.example", "--rollup", SomeAddress, "--key", "KEY", "--data", "DATA")]
    [InlineData(64, "watch", "--l1", "http://127.0.0.1:1", "--send-rpc", "http://127.0.0.1:1/", "--rollup", SomeAddress, "--key", "KEY", "--data", "DATA")]
    [InlineData(64, "watch", "--l1", "http://127.0.0.1:1", "--rollup", SomeAddress, "--data", "DATA")]
    [InlineData(64, "watch", "--l1", "http://127.0.0.1:1", "--rollup", SomeAddress, "--key", "KEY", "--data", "DATA", "--mode", "attack")]
    [InlineData(64, "watch", "--l1", "http://127.0.0.1:1", "--rollup", SomeAddress, "--key", "KEY", "--data", "DATA", "--drill", "task=1")]
    [InlineData(64, "watch", "--l1", "http://127.0.0.1:1", "--rollup", SomeAddress, "--key", "KEY", "--data", "DATA", "--poll-seconds", "-1")]
    [InlineData(66, "watch", "--l1", "http://127.0.0.1:1", "--rollup", SomeAddress, "--key", "/nowhere/key", "--data", "DATA")]
    [InlineData(66, "watch", "--l1", "http://127.0.0.1:1", "--rollup", SomeAddress, "--key", "/etc/hostname", "--data", "DATA")]
    [InlineData(69, "watch", "--l1", "http://127.0.0.1:1", "--rollup", SomeAddress, "--key", "KEY", "--data", "DATA")]
    [InlineData(73, "status", "--data", "/nowhere")]
    public async Task BadInputIsOneLineAndAnExitCode(int code, params string[] arguments)
    {
        (int exit, string output, string error) = await RunAsync(
            [.. arguments.Select(argument => argument == "KEY" ? KeyFile(2) : argument == "DATA" ? Path.Combine(_folder, "data") : argument)]);
        Assert.Equal((code, ""), (exit, output.Contains("   at ", StringComparison.Ordinal) ? output : ""));
        Assert.StartsWith("optimistic-challenger: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AChainWithoutTheContractsIsRefusedAndSoIsAFolderInUseOrOfAnotherRollup()
    {
        await using RollupChain chain = await RollupChain.StartAsync(Cancel);
        string data = Path.Combine(_folder, "data");
        (int exit, _, string error) = await RunAsync(Watch(chain, data) is var arguments ? [.. arguments.Select(a => a == chain.Deployment.Rollup.ToString() ? SomeAddress : a)] : []);
        Assert.Equal(ExitCode.Unavailable, exit);
        Assert.Contains("there is no Rollup contract", error, StringComparison.Ordinal);

        using (Process first = Start(Watch(chain, data), out Lines lines))
        {
            await lines.UntilAsync(line => line.Contains("\"Resumed\"", StringComparison.Ordinal) || line.Contains("\"Started\"", StringComparison.Ordinal));
            (exit, _, error) = await RunAsync(Watch(chain, data));
            Assert.Equal(ExitCode.Data, exit);
            Assert.Contains("in use", error, StringComparison.Ordinal);
            Assert.Equal(ExitCode.Done, await TerminateAsync(first));
        }

        await using RollupChain other = await RollupChain.StartAsync(Cancel);
        (exit, _, error) = await RunAsync([.. Watch(other, data), "--drill", "task=1,step=1,address=0,xor=01"]);
        Assert.Equal(ExitCode.Data, exit);
        Assert.Contains("choose another --data", error, StringComparison.Ordinal);
    }

    /// <summary>A challenger that is killed again and again, at whatever it was doing, wins all the same and repeats nothing harmful.</summary>
    [Fact]
    public async Task KilledAgainAndAgainItStillWins()
    {
        await using RollupChain chain = await RollupChain.StartAsync(Cancel);
        EncodedTask deploy = await chain.DeployAsync("digest", AppPolicy.Stateless, Cancel);
        await chain.AppendAsync([deploy, chain.Run(0, "abc"u8.ToArray())], Cancel);
        var log = new TestLog();
        await using RunningWatcher liar = await RunningWatcher.StartAsync(
            chain.Options(1, Path.Combine(_folder, "liar"), drill: Drill.Parse("task=1,step=30,address=0xc0000000,xor=0x02"), claimAfter: 0), "liar", log, Cancel);

        string data = Path.Combine(_folder, "data");
        var random = new Random(11);
        Spectator spectator = Spectator.Of(chain);
        GameState state = await spectator.LookAsync(Cancel);
        int kills = 0, looksToLive = 0;
        Process? process = null;
        try
        {
            for (int look = 0; look < 1500 && !state.Claims.Values.Any(claim => claim.Confirmed && claim.Batch == 0); look++)
            {
                if (process is null)
                {
                    process = Start(Watch(chain, data), out _);
                    looksToLive = random.Next(2, 12);
                }
                else if (kills < Kills && --looksToLive == 0)
                {
                    process.Kill();
                    await process.WaitForExitAsync(Cancel);
                    process.Dispose();
                    process = null;
                    kills++;
                    continue;
                }

                Assert.False(process.HasExited, "The challenger has ended by itself.");
                await Task.Delay(200, Cancel);
                state = await spectator.LookAsync(Cancel);
                bool onClock = state.Matches.Values.Any(match => match.Live && match.Phase != MatchPhase.Inner) ||
                    state.Arenas.Values.Any(arena => arena.Level == 1 && arena.Commitments.Count < 2);
                // The game cannot end before time is let pass: however fast the machine is, all kills come before.
                if (kills == Kills && state.Arenas.Count > 1 && !onClock)
                    await chain.Chain.IncreaseTimeAsync(60, Cancel);
            }

            Assert.Contains(state.Claims.Values, claim => claim.Confirmed && claim.Batch == 0);
            Address honest = DevChain.Accounts[2].Address;
            Assert.DoesNotContain(
                state.Arenas.Values.SelectMany(arena => arena.Commitments.Values), commitment => commitment.Claimer == honest && commitment.Eliminated);
            Assert.Equal(1, state.Claims.Values.Count(claim => claim.Claimer == honest));
            Assert.Equal(Kills, kills);

            process ??= Start(Watch(chain, data), out _);
            Assert.Equal(ExitCode.Done, await TerminateAsync(process));
            (int exit, string output, _) = await RunAsync(["status", "--data", data, "--json"]);
            Assert.Equal(ExitCode.Done, exit);
            Assert.Equal(1UL, JsonDocument.Parse(output).RootElement.GetProperty("confirmedBatches").GetUInt64());
        }
        finally
        {
            process?.Kill();
            process?.Dispose();
        }
    }

    /// <summary>The first endpoint hangs, then refuses, then is gone; the second one is only sometimes there.</summary>
    [Fact]
    public async Task EndpointsThatHangAndFailDoNotStopIt()
    {
        await using RollupChain chain = await RollupChain.StartAsync(Cancel);
        using var hanging = new TcpListener(IPAddress.Loopback, 0);
        hanging.Start();
        string data = Path.Combine(_folder, "data");
        string[] arguments = ["watch", "--l1", $"http://{hanging.LocalEndpoint}", .. Watch(chain, data)[1..]];
        using Process process = Start(arguments, out Lines lines);
        try
        {
            await lines.UntilAsync(line => line.Contains("\"Started\"", StringComparison.Ordinal));
            hanging.Stop();
            EncodedTask deploy = await chain.DeployAsync("digest", AppPolicy.Stateless, Cancel);
            await chain.AppendAsync([deploy], Cancel);
            string executed = await lines.UntilAsync(line => line.Contains("\"BatchExecuted\"", StringComparison.Ordinal));
            JsonElement fields = JsonDocument.Parse(executed).RootElement;
            Assert.Equal(0, fields.GetProperty("Batch").GetInt32());
            Assert.True(Word.TryParse(fields.GetProperty("StateRoot").GetString(), out _), executed);
            Assert.Equal(ExitCode.Done, await TerminateAsync(process));
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    private string[] Watch(RollupChain chain, string data) =>
    [
        "watch", "--l1", chain.Chain.Url.ToString(), "--rollup", chain.Deployment.Rollup.ToString(), "--key", KeyFile(2), "--data", data, "--json-logs",
    ];

    private static Process Start(string[] arguments, out Lines lines)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "optimistic-challenger.dll"));
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        Process process = Process.Start(start)!;
        lines = new Lines(process);
        return process;
    }

    private static async Task<(int Exit, string Output, string Error)> RunAsync(string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "optimistic-challenger.dll"));
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(Cancel), error = process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await output, await error);
    }

    private static async Task<int> TerminateAsync(Process process)
    {
        await Task.Delay(300, Cancel);
        using Process kill = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        return process.ExitCode;
    }

    /// <summary>What a process says, read as it comes so that it never waits for a reader.</summary>
    private sealed class Lines
    {
        private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();

        public Lines(Process process)
        {
            process.OutputDataReceived += (_, line) =>
            {
                if (line.Data is null)
                    _lines.Writer.TryComplete();
                else
                    _lines.Writer.TryWrite(line.Data);
            };
            process.ErrorDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }

        /// <summary>Reads lines, each a JSON object, until one is as asked.</summary>
        public async Task<string> UntilAsync(Func<string, bool> isAsked)
        {
            await foreach (string line in _lines.Reader.ReadAllAsync(Cancel))
            {
                Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(line).RootElement.ValueKind);
                if (isAsked(line))
                    return line;
            }

            Assert.Fail("The challenger has ended.");
            return "";
        }
    }
}
