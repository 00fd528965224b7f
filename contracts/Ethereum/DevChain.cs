using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>How a development chain is started.</summary>
public sealed record DevChainOptions
{
    /// <summary>Seconds between blocks; null mines each transaction at once.</summary>
    public int? BlockTimeSeconds { get; init; }

    /// <summary>TCP port; 0 takes a free one.</summary>
    public int Port { get; init; }

    public ulong ChainId { get; init; } = DevChain.DefaultChainId;

    /// <summary>Gas in a block. A transaction may use 2^24 of it (EIP-7825).</summary>
    public ulong BlockGasLimit { get; init; } = 60_000_000;

    /// <summary>Leaves the chain running when this object and this process end; <c>kill</c> with <see cref="DevChain.ProcessId"/> ends it.</summary>
    public bool OutlivesParent { get; init; }

    /// <summary>Told what takes long: the first installation of npm packages.</summary>
    public Action<string>? Report { get; init; }
}

/// <summary>
/// An Ethereum chain of one's own: anvil as a child process with the rules of Osaka and its gas cap per transaction. It
/// ends with this object, and with this process however that ends. Mining, time and reorganizations are under control.
/// </summary>
public sealed class DevChain : IAsyncDisposable
{
    public const ulong DefaultChainId = 31337;

    private const string LogName = "anvil.log";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StartPoll = TimeSpan.FromMilliseconds(15);

    /// <summary>
    /// Runs the chain given as arguments, and kills it with its scratch folder when standard input closes: the kernel
    /// closes that pipe however the parent ends. From then on the guard is not to be stopped before the folder is gone.
    /// </summary>
    private const string Supervisor =
        """
        scratch=$1; shift
        exec 3<&0 2>/dev/null
        "$@" </dev/null >"$scratch/anvil.log" 2>&1 3<&- &
        chain=$!
        { cat <&3 >/dev/null; trap '' TERM; kill -9 $chain 2>/dev/null; rm -rf "$scratch"; } >/dev/null 2>&1 &
        guard=$!
        exec 3<&-
        wait $chain
        code=$?
        kill $guard 2>/dev/null
        exit $code
        """;

    /// <summary>
    /// Runs the chain until it is told to end (SIGTERM), then deletes the scratch folder. Nothing of the parent's terminal
    /// or pipes is kept, so interrupts do not reach the chain and readers of the parent's output see its end.
    /// </summary>
    private const string Detacher =
        """
        scratch=$1; shift
        exec </dev/null >"$scratch/anvil.log" 2>&1
        trap '' INT HUP
        command -v setsid >/dev/null && set -- setsid "$@"
        "$@" &
        chain=$!
        trap 'kill $chain' TERM
        wait $chain
        wait $chain
        rm -rf "$scratch"
        """;

    // The keys of the public mnemonic "test test test test test test test test test test test junk", m/44'/60'/0'/0/i.
    private static readonly string[] DevKeys =
    [
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
        "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
        "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
        "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
        "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
        "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
        "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
        "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
        "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
    ];

    private static readonly Lazy<IReadOnlyList<Account>> DevAccounts =
        new(() => [.. DevKeys.Select(key => new Account(Word.Parse(key)))]);

    private readonly Process _process;
    private readonly string _scratch;
    private readonly bool _outlivesParent;
    private readonly JsonRpcClient _rpc;

    private DevChain(Process process, string scratch, bool outlivesParent, Uri url, EthereumClient client)
    {
        _process = process;
        _scratch = scratch;
        _outlivesParent = outlivesParent;
        Url = url;
        Client = client;
        // Control calls are not idempotent: mining twice is not mining once, so there is one attempt.
        _rpc = new JsonRpcClient([url], null, new JsonRpcOptions { MaxAttempts = 1, AttemptTimeout = TimeSpan.FromMinutes(2) });
    }

    /// <summary>Where it listens: http://127.0.0.1:port.</summary>
    public Uri Url { get; }

    /// <summary>The process to end a chain that outlives its parent.</summary>
    public int ProcessId => _process.Id;

    /// <summary>A client of this chain. It is disposed with the chain.</summary>
    public EthereumClient Client { get; }

    /// <summary>Ten accounts with 10,000 ether each. Their keys are public: never use them elsewhere.</summary>
    public static IReadOnlyList<Account> Accounts => DevAccounts.Value;

    /// <summary>The private key of a development account, for a key file of another process.</summary>
    public static Word PrivateKey(int index) => Word.Parse(DevKeys[index]);

    /// <summary>Starts a chain and waits until it answers.</summary>
    /// <exception cref="ToolchainException">anvil is missing, cannot be installed, or does not start.</exception>
    public static async Task<DevChain> StartAsync(DevChainOptions? options = null, CancellationToken cancel = default)
    {
        options ??= new DevChainOptions();
        string anvil = await NodePackages.RequireAsync("anvil", options.Report, cancel).ConfigureAwait(false);
        string scratch = Directory.CreateTempSubdirectory("optimistic-anvil-").FullName;
        string[] arguments =
        [
            "--host", "127.0.0.1",
            "--port", options.Port.ToString(CultureInfo.InvariantCulture),
            "--chain-id", options.ChainId.ToString(CultureInfo.InvariantCulture),
            "--hardfork", "osaka", "--enable-tx-gas-limit",
            "--gas-limit", options.BlockGasLimit.ToString(CultureInfo.InvariantCulture),
            // Safe and finalized trail the head by one and two blocks, so that tags mean something on short chains.
            "--slots-in-an-epoch", "1",
            "--no-request-size-limit",
            "--cache-path", scratch,
            .. options.BlockTimeSeconds is { } seconds ? ["--block-time", seconds.ToString(CultureInfo.InvariantCulture)] : Array.Empty<string>(),
        ];

        Process? process = null;
        EthereumClient? client = null;
        try
        {
            process = Start(anvil, arguments, scratch, options.OutlivesParent);
            using CancellationTokenSource timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            timeout.CancelAfter(StartTimeout);
            try
            {
                Uri url = await WaitForAddressAsync(process, Path.Combine(scratch, LogName), timeout.Token).ConfigureAwait(false);
                client = await EthereumClient.ConnectAsync(url, options.ChainId, timeout.Token).ConfigureAwait(false);
                return new DevChain(process, scratch, options.OutlivesParent, url, client);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                throw new ToolchainException($"anvil did not start within {StartTimeout.TotalSeconds:0} s.");
            }
        }
        catch
        {
            client?.Dispose();
            if (process is not null)
            {
                process.Kill(entireProcessTree: true);
                process.Dispose();
            }

            Directory.Delete(scratch, recursive: true);
            throw;
        }
    }

    /// <summary>Mines blocks now.</summary>
    /// <param name="count">How many.</param>
    /// <param name="intervalSeconds">Seconds between their timestamps.</param>
    public Task MineAsync(ulong count = 1, ulong intervalSeconds = 1, CancellationToken cancel = default) =>
        _rpc.CallAsync("anvil_mine", [HexJson.Quantity(count), HexJson.Quantity(intervalSeconds)], cancel);

    /// <summary>Moves the clock of the chain forward and mines a block at the new time.</summary>
    public async Task IncreaseTimeAsync(ulong seconds, CancellationToken cancel = default)
    {
        await _rpc.CallAsync("evm_increaseTime", [HexJson.Quantity(seconds)], cancel).ConfigureAwait(false);
        await MineAsync(cancel: cancel).ConfigureAwait(false);
    }

    /// <summary>Mines a block with this timestamp, which must be after the latest one.</summary>
    public async Task WarpAsync(ulong timestamp, CancellationToken cancel = default)
    {
        await SetNextTimestampAsync(timestamp, cancel).ConfigureAwait(false);
        await MineAsync(cancel: cancel).ConfigureAwait(false);
    }

    /// <summary>Gives the next block this timestamp, which must be after the latest one, without mining it now.</summary>
    public Task SetNextTimestampAsync(ulong timestamp, CancellationToken cancel = default) =>
        _rpc.CallAsync("evm_setNextBlockTimestamp", [HexJson.Quantity(timestamp)], cancel);

    /// <summary>Remembers the state of the chain; a snapshot serves one <see cref="RevertAsync"/>.</summary>
    public async Task<string> SnapshotAsync(CancellationToken cancel = default) =>
        (await _rpc.CallAsync("evm_snapshot", [], cancel).ConfigureAwait(false)).GetString()!;

    public async Task RevertAsync(string snapshot, CancellationToken cancel = default)
    {
        if (!(await _rpc.CallAsync("evm_revert", [snapshot], cancel).ConfigureAwait(false)).GetBoolean())
            throw new EthereumException($"The development chain has no snapshot {snapshot}.");
    }

    /// <summary>Replaces the last blocks by as many without their transactions.</summary>
    public Task ReorganizeAsync(ulong depth, CancellationToken cancel = default) =>
        _rpc.CallAsync("anvil_reorg", [depth, Array.Empty<object?>()], cancel);

    /// <summary>Removes a pending transaction from the pool.</summary>
    public Task DropTransactionAsync(Word hash, CancellationToken cancel = default) =>
        _rpc.CallAsync("anvil_dropTransaction", [hash.ToString()], cancel);

    public Task SetBalanceAsync(Address address, BigInteger wei, CancellationToken cancel = default) =>
        _rpc.CallAsync("anvil_setBalance", [address.ToString(), HexJson.Quantity(wei)], cancel);

    public Task SetCodeAsync(Address address, ReadOnlyMemory<byte> code, CancellationToken cancel = default) =>
        _rpc.CallAsync("anvil_setCode", [address.ToString(), HexJson.Data(code.Span)], cancel);

    /// <summary>Whether each transaction is mined at once; without it and an interval, blocks come from <see cref="MineAsync"/> alone.</summary>
    public Task SetAutomineAsync(bool on, CancellationToken cancel = default) => _rpc.CallAsync("evm_setAutomine", [on], cancel);

    /// <summary>Mines every so many seconds; 0 stops that.</summary>
    public Task SetIntervalAsync(int seconds, CancellationToken cancel = default) =>
        _rpc.CallAsync("evm_setIntervalMining", [seconds], cancel);

    public Task SetNextBaseFeeAsync(BigInteger wei, CancellationToken cancel = default) =>
        _rpc.CallAsync("anvil_setNextBlockBaseFeePerGas", [HexJson.Quantity(wei)], cancel);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _rpc.Dispose();
        if (_outlivesParent)
        {
            _process.Dispose();
            return;
        }

        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
        if (Directory.Exists(_scratch))
            Directory.Delete(_scratch, recursive: true);
    }

    /// <summary>What happens when this process ends, on demand of a test: its end of the pipe closes.</summary>
    internal async Task AbandonAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().ConfigureAwait(false);
    }

    internal bool LeftScratch => Directory.Exists(_scratch);

    private static Process Start(string anvil, string[] arguments, string scratch, bool outlivesParent)
    {
        if (OperatingSystem.IsWindows())
            throw new ToolchainException("A development chain needs a Unix shell: run this in WSL.");

        ProcessStartInfo start = new("/bin/sh")
        {
            RedirectStandardInput = true,
            UseShellExecute = false,
            ArgumentList = { "-c", outlivesParent ? Detacher : Supervisor, "anvil-supervisor", scratch, anvil },
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new ToolchainException($"{anvil} cannot be started: {error.Message}", error);
        }
    }

    /// <summary>anvil picks the port and says so in its log; nothing tells when, so the log is looked at again and again.</summary>
    private static async Task<Uri> WaitForAddressAsync(Process process, string log, CancellationToken cancel)
    {
        const string Prefix = "Listening on ";
        while (true)
        {
            bool ended = process.HasExited;
            string[] lines = File.Exists(log) ? await ReadLinesAsync(log, cancel).ConfigureAwait(false) : [];
            // The last piece may be half a line.
            if (lines.SkipLast(1).FirstOrDefault(line => line.StartsWith(Prefix, StringComparison.Ordinal)) is { } line)
                return new Uri("http://" + line[Prefix.Length..].Trim());
            if (ended)
            {
                string reason = lines.FirstOrDefault(line => line.StartsWith("error", StringComparison.OrdinalIgnoreCase))
                    ?? lines.FirstOrDefault(line => line.Length > 0) ?? "no reason given";
                throw new ToolchainException($"anvil ended at once: {reason.Trim()}");
            }

            await Task.Delay(StartPoll, cancel).ConfigureAwait(false);
        }
    }

    private static async Task<string[]> ReadLinesAsync(string log, CancellationToken cancel)
    {
        await using FileStream file = new(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using StreamReader reader = new(file);
        return (await reader.ReadToEndAsync(cancel).ConfigureAwait(false)).Split('\n');
    }
}
