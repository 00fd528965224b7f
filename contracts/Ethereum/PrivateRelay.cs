namespace Optimistic.Contracts.Ethereum;

/// <summary>
/// An endpoint that takes signed transactions, shows them to nobody before they are mined, and drops those that would revert: a builder's,
/// or a relay to builders (decision 0020). Nothing that it answers is believed. What is not mined is offered to it again with every block,
/// and when the chain has not got it after <see cref="MaxBlocks"/> the relay does not work, whether it is down, hangs, refuses, or takes
/// transactions and forgets them: then everything goes out in public, and after <see cref="PauseBlocks"/> the relay has another chance.
/// Safe for concurrent use.
/// </summary>
public sealed class PrivateRelay : IDisposable
{
    /// <summary>Blocks of L1 in which it has to bring a transaction in: three minutes, time enough for one that reaches a fifth of the builders.</summary>
    public const ulong MaxBlocks = 15;

    /// <summary>Blocks of L1 for which a relay that failed is not used: half an hour.</summary>
    public const ulong PauseBlocks = 150;

    private readonly JsonRpcClient _rpc;
    private readonly Lock _sync = new();
    private ulong? _failedAt, _waitingSince;
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

    /// <summary>How long a transaction waits for it where fewer than <see cref="MaxBlocks"/> come in that time; well within the time in which it has to be mined.</summary>
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
    internal void End()
    {
        lock (_sync)
            _waitingSince = null;
    }

    /// <summary>It did not bring a transaction in.</summary>
    internal void Fail(ulong block)
    {
        string reason;
        lock (_sync)
        {
            if (_failedAt is not null)
                return;
            _failedAt = block;
            _waitingSince = null;
            reason = _answer;
        }

        Report?.Invoke(reason);
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
