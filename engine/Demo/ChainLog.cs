using System.Numerics;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Engine.Cli;
using Optimistic.Vm;

namespace Optimistic.Engine.Demo;

/// <summary>An event of the rollup on L1, with the call that caused it.</summary>
internal sealed record SeenEvent(L1Event Event, LogEntry Log, ulong Timestamp);

/// <summary>A transaction to one of the contracts.</summary>
internal sealed record SeenCall(Word Transaction, string Contract, string Function, Address From, ulong Gas, ulong Block);

/// <summary>
/// Everything that happens to the rollup on L1, as the demo reads it back: events in order, and each transaction with its
/// function and gas.
/// </summary>
internal sealed class ChainLog
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(100);

    private readonly EthereumClient _client;
    private readonly RollupContracts _contracts;
    private readonly ChainFollower _follower;
    private readonly Dictionary<Address, ContractArtifact> _artifacts;
    private readonly List<SeenEvent> _events = [];
    private readonly Dictionary<Word, SeenCall> _calls = [];

    public ChainLog(EthereumClient client, Contracts.Deployment deployment, IReadOnlyDictionary<Address, string> names)
    {
        _client = client;
        _contracts = new RollupContracts(deployment.Rollup, deployment.Tournament, deployment.Inbox);
        _follower = new ChainFollower(client, [deployment.Rollup, deployment.Tournament, deployment.Inbox], 0);
        _artifacts = names.ToDictionary(pair => pair.Key, pair => ContractArtifact.Of(pair.Value));
    }

    /// <summary>Told of every event, in order.</summary>
    public Action<SeenEvent>? OnEvent { get; set; }

    public IReadOnlyList<SeenEvent> Events => _events;

    public IReadOnlyCollection<SeenCall> Calls => _calls.Values;

    public IEnumerable<T> Of<T>() where T : L1Event => _events.Select(seen => seen.Event).OfType<T>();

    /// <summary>Follows L1 until an event as wanted has been seen.</summary>
    /// <param name="what">For the error: what is waited for.</param>
    /// <exception cref="CommandException">It does not come in time, or a process that must do it has ended.</exception>
    public async Task<T> WaitAsync<T>(string what, Func<T, bool> wanted, IReadOnlyList<DemoProcess> needed, CancellationToken cancel, int seconds = 90)
        where T : L1Event
    {
        long deadline = Environment.TickCount64 + seconds * 1000L;
        while (true)
        {
            await FollowAsync(cancel);
            if (Of<T>().FirstOrDefault(wanted) is { } found)
                return found;

            foreach (DemoProcess process in needed)
                process.RequireRunning();
            if (Environment.TickCount64 > deadline)
                throw new CommandException($"{what} did not happen within {seconds} s; logs are in {Path.GetDirectoryName(needed[0].LogPath)}.", ExitCode.Failed);
            await Task.Delay(PollInterval, cancel);
        }
    }

    /// <summary>Reads what is new on L1.</summary>
    public async Task FollowAsync(CancellationToken cancel)
    {
        ChainUpdate? update;
        do
        {
            update = await _follower.AdvanceAsync(cancel);
            foreach (FollowedBlock block in update?.Added ?? [])
            {
                foreach (LogEntry log in block.Logs)
                {
                    await NoteAsync(log.TransactionHash, cancel);
                    if (EventReader.Read(_contracts, log) is { } happened)
                    {
                        SeenEvent seen = new(happened, log, block.Timestamp);
                        _events.Add(seen);
                        OnEvent?.Invoke(seen);
                    }
                }
            }
        }
        while (update is not { AtHead: true });
    }

    /// <summary>Notes a transaction that the demo itself sent.</summary>
    public async Task NoteAsync(Word transaction, CancellationToken cancel)
    {
        if (_calls.ContainsKey(transaction))
            return;

        TransactionInfo? info = await _client.GetTransactionAsync(transaction, cancel);
        TransactionReceipt? receipt = await _client.GetReceiptAsync(transaction, cancel);
        if (info is null || receipt is null || info.To is not { } to || !_artifacts.TryGetValue(to, out ContractArtifact? artifact))
            return;

        string function = artifact.Abi.Functions.FirstOrDefault(function => function.Matches(info.Input.Span))?.Name ?? "?";
        _calls.Add(transaction, new SeenCall(transaction, artifact.Name, function, info.From, receipt.GasUsed, receipt.BlockNumber));
    }
}
