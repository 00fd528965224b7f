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
    private readonly HashSet<ulong> _withdrawn = [];

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

    /// <summary>
    /// Gives a transaction in flight the first free nonce if that is below its own: one before it was withdrawn, and nothing behind a gap is
    /// ever mined. It is to be signed anew then.
    /// </summary>
    /// <param name="nonce">The one that it has.</param>
    /// <param name="mined">How many transactions of the account the chain has.</param>
    /// <param name="cancel">Ends the waiting.</param>
    public async Task<ulong> MoveDownAsync(ulong nonce, ulong mined, CancellationToken cancel)
    {
        lock (_sync)
        {
            if (FirstFree(mined) >= nonce)
                return nonce;
        }

        await _gate.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            ulong pending = await client.GetTransactionCountAsync(Address, BlockParameter.Pending, cancel).ConfigureAwait(false);
            lock (_sync)
            {
                // What waits in the pool is of an earlier run.
                ulong free = FirstFree(Math.Max(pending, mined));
                if (free >= nonce)
                    return nonce;
                _inFlight.Remove(nonce);
                _inFlight.Add(free);
                _withdrawn.Add(nonce);
                return free;
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The latest transaction sent with a nonce takes the place of earlier ones.</summary>
    public void Remember(SignedTransaction transaction)
    {
        lock (_sync)
        {
            _sent[transaction.Transaction.Nonce] = transaction;
            _withdrawn.Remove(transaction.Transaction.Nonce);
            if (_sent.Count > MaxRemembered)
            {
                ulong oldest = _sent.First().Key;
                _sent.Remove(oldest);
                _withdrawn.Remove(oldest);
            }
        }
    }

    /// <summary>What was sent with this nonce is not wanted any more, and is not sent again. Where it went it may still be known.</summary>
    public void Withdraw(ulong nonce)
    {
        lock (_sync)
            _withdrawn.Add(nonce);
    }

    /// <summary>What was sent with this nonce and withdrawn: another in its place has to pay more. Null: nothing.</summary>
    public SignedTransaction? WithdrawnWith(ulong nonce)
    {
        lock (_sync)
            return _withdrawn.Contains(nonce) ? _sent.GetValueOrDefault(nonce) : null;
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
            return [.. _sent.Where(sent => sent.Key >= first && sent.Key < end && !_withdrawn.Contains(sent.Key)).Select(sent => sent.Value)];
    }

    private ulong FirstFree(ulong from)
    {
        while (_inFlight.Contains(from))
            from++;
        return from;
    }
}
