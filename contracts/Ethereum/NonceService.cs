using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>
/// The nonces of one account in one process. A nonce is taken and its transaction handed to the node under one lock, so
/// concurrent senders leave no gaps; what was sent is remembered, to be sent again after a reorganization or a restart
/// of the node lost it.
/// </summary>
public sealed class NonceService(EthereumClient client, Address address)
{
    /// <summary>Sent transactions that are kept for sending again; deeper reorganizations do not happen.</summary>
    public const int MaxRemembered = 256;

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Lock _sync = new();
    private readonly SortedSet<ulong> _inFlight = [];
    private readonly SortedDictionary<ulong, SignedTransaction> _sent = [];

    public Address Address { get; } = address;

    /// <summary>Calls <paramref name="send"/> with the next nonce, one caller at a time, and marks it as in flight.</summary>
    public async Task<SignedTransaction> SendNextAsync(
        Func<ulong, CancellationToken, Task<SignedTransaction>> send, CancellationToken cancel)
    {
        await _gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            ulong nonce = await NextAsync(cancel).ConfigureAwait(false);
            SignedTransaction sent = await send(nonce, cancel).ConfigureAwait(false);
            lock (_sync)
                _inFlight.Add(sent.Transaction.Nonce);
            Remember(sent);
            return sent;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The node's count of this account, and past what this process has in flight.</summary>
    public async Task<ulong> NextAsync(CancellationToken cancel)
    {
        ulong pending = await client.GetTransactionCountAsync(Address, BlockParameter.Pending, cancel).ConfigureAwait(false);
        lock (_sync)
            return _inFlight.Count == 0 ? pending : Math.Max(pending, _inFlight.Max + 1);
    }

    /// <summary>The latest transaction sent with a nonce takes the place of earlier ones.</summary>
    public void Remember(SignedTransaction transaction)
    {
        lock (_sync)
        {
            _sent[transaction.Transaction.Nonce] = transaction;
            if (_sent.Count > MaxRemembered)
                _sent.Remove(_sent.First().Key);
        }
    }

    /// <summary>Nobody waits for this nonce any more.</summary>
    public void Complete(ulong nonce)
    {
        lock (_sync)
            _inFlight.Remove(nonce);
    }

    /// <summary>What was sent with nonces from <paramref name="first"/> to before <paramref name="end"/>.</summary>
    public IReadOnlyList<SignedTransaction> SentBetween(ulong first, ulong end)
    {
        lock (_sync)
            return [.. _sent.Where(sent => sent.Key >= first && sent.Key < end).Select(sent => sent.Value)];
    }
}
