namespace Optimistic.Contracts.Ethereum;

/// <summary>
/// An endpoint that takes signed transactions, shows them to nobody before they are mined, and drops those that would revert: a builder's,
/// or a relay to builders (decision 0020). Nothing that it answers is believed. What is not mined is offered to it again with every block,
/// and when the chain has got nothing for <see cref="MaxBlocks"/> the relay does not work, whether it is down, hangs, refuses, or takes
/// transactions and forgets them: then everything goes out in public, and after <see cref="PauseBlocks"/> the relay has another chance.
/// Safe for concurrent use.
/// </summary>
public sealed class PrivateRelay : IDisposable
{
    /// <summary>
    /// Blocks of L1 in which it has to bring in one of the transactions that wait: three minutes, time enough for one that reaches a fifth of
    /// the builders. One that brings them in one by one works.
    /// </summary>
    public const ulong MaxBlocks = 15;

    /// <summary>Blocks of L1 for which a relay that failed is not used: half an hour.</summary>
    public const ulong PauseBlocks = 150;

    private readonly JsonRpcClient _rpc;
    private readonly Lock _sync = new();
    private ulong? _failedAt, _waitingSince;
    private ulong _landedAt;
    private string _answer = "";

    /// <param name="url">An http or https URL that serves eth_sendRawTransaction; nothing else is asked of it.</param>
    /// <param name="patience">See <see cref="Patience"/>.</param>
    /// <param name="time">For the timeout of one request.</param>
    public PrivateRelay(Uri url, TimeSpan patience, TimeProvider? time = null)
    {
        // One attempt: the next block is the next one.
        _rpc = new JsonRpcClient([url], null, new JsonRpcOptions { MaxAttempts = 1, AttemptTimeout = TimeSpan.FromSeconds(5) }, time);
        Patience = patience;
    }

    /// <summary>How long any transaction waits for it, however many come in meanwhile; well within the time in which it has to be mined.</summary>
    public TimeSpan Patience { get; set; }

    /// <summary>Scheme, host and port, without what may be secret.</summary>
    public string Name => _rpc.CurrentEndpoint;

    /// <summary>Whether transactions go through it now.</summary>
    public bool IsUsed
    {
        get
        {
            lock (_sync)
                return _failedAt is null;
        }
    }

    /// <summary>Told once when it failed, with the reason, and once (null) when it is used again.</summary>
    public Action<string?>? Report { get; init; }

    public void Dispose() => _rpc.Dispose();

    /// <summary>Whether a new transaction goes through it.</summary>
    /// <param name="block">The head of L1.</param>
    internal bool IsUsedAt(ulong block)
    {
        lock (_sync)
        {
            if (_failedAt is not { } failedAt)
                return true;
            if (block < failedAt + PauseBlocks)
                return false;
            _failedAt = null;
        }

        Report?.Invoke(null);
        return true;
    }

    /// <summary>A transaction waits for it from now on.</summary>
    /// <returns>
    /// The block from which its blocks count: an earlier one when what waited before was neither mined nor given up but broke off, as when
    /// the node did not answer. Trying again does not begin to wait again.
    /// </returns>
    internal ulong Begin(ulong block)
    {
        lock (_sync)
        {
            if (_waitingSince is not { } since || block > since + 2 * MaxBlocks)
                _waitingSince = since = block;
            return Math.Min(since, block);
        }
    }

    /// <summary>What waited for it was mined, or is not wanted any more.</summary>
    /// <param name="landedAt">The block that has it; null: none.</param>
    internal void End(ulong? landedAt = null)
    {
        lock (_sync)
        {
            _waitingSince = null;
            _landedAt = Math.Max(_landedAt, landedAt ?? 0);
        }
    }

    /// <summary>Whether it does not work, as shown by a transaction that waits since a block, or by another one.</summary>
    internal bool HasFailed(ulong since, ulong block, TimeSpan waited)
    {
        string reason;
        lock (_sync)
        {
            if (_failedAt is not null)
                return true;
            if (block < Math.Max(since, _landedAt) + MaxBlocks && waited < Patience)
                return false;
            _failedAt = block;
            _waitingSince = null;
            reason = _answer;
        }

        Report?.Invoke(reason);
        return true;
    }

    /// <summary>Hands a transaction to it. Whatever it answers, the chain decides.</summary>
    internal async Task OfferAsync(SignedTransaction transaction, CancellationToken cancel)
    {
        string answer;
        try
        {
            await _rpc.CallAsync("eth_sendRawTransaction", [HexJson.Data(transaction.Raw.Span)], cancel).ConfigureAwait(false);
            answer = "it took the transaction and did not bring it in";
        }
        catch (EthereumException error)
        {
            answer = error.Message.TrimEnd('.');
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return;
        }

        lock (_sync)
            _answer = answer;
    }
}
