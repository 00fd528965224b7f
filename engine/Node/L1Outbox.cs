using System.Globalization;
using System.Numerics;
using LiteDB;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;

namespace Optimistic.Engine.Node;

/// <summary>
/// Everything that the node sends to L1. A transaction is signed and recorded with its nonce before it is sent, so that a
/// restart sends the same one again and never a second one; a reorganization that drops it has it sent again too. The
/// account should be the node's alone; where another transaction of it takes a nonce, the record is given up, and what it
/// was for is done again. Called by one thread.
/// </summary>
public sealed class L1Outbox
{
    /// <summary>A transaction not mined for so long is sent again, with higher fees.</summary>
    private static readonly TimeSpan StuckAfter = TimeSpan.FromSeconds(30);

    /// <summary>Blocks from the head in which a receipt is looked at again even when nothing is known to have changed.</summary>
    private const ulong RecentBlocks = 8;

    /// <summary>Blocks that a mined record is kept for beyond finality: development chains reorganize deeper than that.</summary>
    private const ulong KeptBlocks = 256;

    /// <summary>Times that a nonce must be seen used up without a receipt of ours before its record counts as lost.</summary>
    private const int LostPatience = 20;

    private readonly NodeStore _store;
    private readonly EthereumClient _client;
    private readonly Account _account;
    private readonly TransactionSender _simulator;
    private readonly TimeProvider _time;
    private readonly Serilog.ILogger _log;
    private readonly List<OutboxRecord> _records;
    private readonly Dictionary<long, int> _missing = [];
    private long _nextId;

    public L1Outbox(NodeStore store, EthereumClient client, Account account, TimeProvider time, Serilog.ILogger log)
    {
        (_store, _client, _account, _time, _log) = (store, client, account, time, log);
        _simulator = new TransactionSender(client, account);
        _records = [.. store.Outbox.FindAll().OrderBy(record => record.Id)];
        _nextId = _records.Count == 0 ? 1 : _records[^1].Id + 1;
    }

    public Address Address => _account.Address;

    public int PendingCount => _records.Count(record => record.Status == OutboxStatus.Pending);

    /// <summary>The live record of a kind and key: pending, or mined and not final.</summary>
    public OutboxRecord? Find(string kind, string key) =>
        _records.LastOrDefault(record => record.Kind == kind && record.Key == key && record.Status is OutboxStatus.Pending or OutboxStatus.Mined);

    /// <summary>All records of a kind that are kept.</summary>
    public IEnumerable<OutboxRecord> Sent(string kind) => _records.Where(record => record.Kind == kind);

    public OutboxRecord? Find(long id) => _records.Find(record => record.Id == id);

    /// <summary>Simulates, records and sends a call. A live record of the same kind and key is returned instead.</summary>
    /// <param name="alsoWrite">Written with the record, in the same transaction of the database.</param>
    /// <exception cref="ContractRevertException">The call reverts now; nothing is recorded.</exception>
    public async Task<OutboxRecord> SendAsync(
        string kind, string key, Address to, FunctionMessage message, BigInteger value, CancellationToken cancel, Action<OutboxRecord>? alsoWrite = null)
    {
        if (Find(kind, key) is { } known)
            return known;

        byte[] data = message.ToCallData();
        ulong gasLimit = await _simulator.SimulateAsync(new TransactionRequest(to, data, value), cancel);
        FeeSuggestion fees = await _client.SuggestFeesAsync(cancel);
        OutboxRecord record = new()
        {
            Id = _nextId,
            Kind = kind,
            Key = key,
            Nonce = (long)await NextNonceAsync(cancel),
            To = to.Bytes.ToArray(),
            Data = data,
            Value = value.ToString(CultureInfo.InvariantCulture),
            GasLimit = (long)gasLimit,
        };
        AddAttempt(record, fees);
        _store.Write(() =>
        {
            _store.Outbox.Insert(record);
            alsoWrite?.Invoke(record);
        });
        _nextId++;
        _records.Add(record);
        await SubmitAsync(record, cancel);
        _log.Information("L1 {Kind} {Key} sent as {Transaction}", kind, key, new Word(record.Attempts[^1].Hash));
        return record;
    }

    /// <summary>Looks for receipts, sends again what got lost or stuck, and forgets what is long final.</summary>
    /// <param name="head">The head of L1.</param>
    /// <param name="finalized">The last finalized block.</param>
    /// <param name="isReorganized">Whether L1 was reorganized since the last call: then all receipts are looked at again.</param>
    /// <param name="cancel">Ends the waiting.</param>
    public async Task PollAsync(ulong head, ulong finalized, bool isReorganized, CancellationToken cancel)
    {
        OutboxRecord[] open = [.. _records.Where(record => record.Status == OutboxStatus.Pending ||
            (record.Status == OutboxStatus.Mined && (isReorganized || (ulong)record.MinedBlock + RecentBlocks > head)))];
        if (open.Length > 0)
        {
            ulong used = await _client.GetTransactionCountAsync(Address, BlockParameter.Latest, cancel);
            foreach (OutboxRecord record in open)
            {
                TransactionReceipt? receipt = await FindReceiptAsync(record, cancel);
                if (receipt is null)
                    await ReviveAsync(record, used, cancel);
                else
                    Settle(record, receipt);
            }
        }

        OutboxRecord[] done = [.. _records.Where(record => record.Status is OutboxStatus.Reverted or OutboxStatus.Lost ||
            (record.Status == OutboxStatus.Mined && (ulong)record.MinedBlock + KeptBlocks <= finalized))];
        foreach (OutboxRecord record in done)
        {
            _store.Write(() => _store.Outbox.Delete(record.Id));
            _records.Remove(record);
        }
    }

    private async Task<TransactionReceipt?> FindReceiptAsync(OutboxRecord record, CancellationToken cancel)
    {
        foreach (OutboxAttempt attempt in record.Attempts)
        {
            if (await _client.GetReceiptAsync(new Word(attempt.Hash), cancel) is { } receipt)
                return receipt;
        }

        return null;
    }

    private void Settle(OutboxRecord record, TransactionReceipt receipt)
    {
        _missing.Remove(record.Id);
        OutboxStatus status = receipt.Succeeded ? OutboxStatus.Mined : OutboxStatus.Reverted;
        if (record.Status == status && record.MinedBlock == (long)receipt.BlockNumber && record.MinedBlockHash.AsSpan().SequenceEqual(receipt.BlockHash.Bytes))
            return;

        record.Status = status;
        record.MinedBlock = (long)receipt.BlockNumber;
        record.MinedBlockHash = receipt.BlockHash.ToArray();
        record.MinedTransaction = receipt.TransactionHash.ToArray();
        _store.Write(() => _store.Outbox.Update(record));
        if (receipt.Succeeded)
            _log.Information("L1 {Kind} {Key} mined in block {Block}, gas {Gas}", record.Kind, record.Key, receipt.BlockNumber, receipt.GasUsed);
        else
            _log.Warning("L1 {Kind} {Key} reverted in block {Block}", record.Kind, record.Key, receipt.BlockNumber);
    }

    /// <summary>A record without a receipt: wait, send again, raise the fees, or give it up.</summary>
    private async Task ReviveAsync(OutboxRecord record, ulong used, CancellationToken cancel)
    {
        if (record.Status == OutboxStatus.Mined)
        {
            _log.Warning("L1 {Kind} {Key} was reorganized away: it is sent again", record.Kind, record.Key);
            record.Status = OutboxStatus.Pending;
            record.SentAt = 0;
            _store.Write(() => _store.Outbox.Update(record));
        }

        if (used > (ulong)record.Nonce)
        {
            int times = _missing.GetValueOrDefault(record.Id) + 1;
            _missing[record.Id] = times;
            if (times >= LostPatience)
            {
                _log.Warning("Another transaction of {Account} took nonce {Nonce} of {Kind} {Key}, which is done again: the account should be this node's alone", Address, record.Nonce, record.Kind, record.Key);
                record.Status = OutboxStatus.Lost;
                _store.Write(() => _store.Outbox.Update(record));
            }

            return;
        }

        _missing.Remove(record.Id);
        DateTimeOffset now = _time.GetUtcNow();
        if (record.SentAt != 0 && now.ToUnixTimeMilliseconds() - record.SentAt < StuckAfter.TotalMilliseconds)
            return;

        if (record.SentAt != 0)
        {
            OutboxAttempt last = record.Attempts[^1];
            FeeSuggestion paid = new(Number(last.Tip), Number(last.MaxFee));
            AddAttempt(record, FeeSuggestion.Max(paid.Bump(), await _client.SuggestFeesAsync(cancel)));
            _store.Write(() => _store.Outbox.Update(record));
        }

        await SubmitAsync(record, cancel);
    }

    private async Task SubmitAsync(OutboxRecord record, CancellationToken cancel)
    {
        OutboxAttempt attempt = record.Attempts[^1];
        try
        {
            await _client.Rpc.CallAsync("eth_sendRawTransaction", [$"0x{Convert.ToHexStringLower(attempt.Raw)}"], cancel);
        }
        catch (RpcErrorException error) when (error.Says("already") || error.Says("nonce too low") || error.Says("underpriced"))
        {
            // It is there, or has been mined: the next poll finds its receipt.
            _log.Debug("L1 {Kind} {Key}: {Reason}", record.Kind, record.Key, error.Text);
        }

        record.SentAt = _time.GetUtcNow().ToUnixTimeMilliseconds();
        _store.Write(() => _store.Outbox.Update(record));
    }

    private void AddAttempt(OutboxRecord record, FeeSuggestion fees)
    {
        SignedTransaction signed = new Transaction(
            _client.ChainId, (ulong)record.Nonce, fees.MaxPriorityFeePerGas, fees.MaxFeePerGas, (ulong)record.GasLimit,
            new Address(record.To), Number(record.Value), record.Data).Sign(_account);
        record.Attempts.Add(new OutboxAttempt
        {
            Hash = signed.Hash.ToArray(),
            Raw = signed.Raw.ToArray(),
            MaxFee = fees.MaxFeePerGas.ToString(CultureInfo.InvariantCulture),
            Tip = fees.MaxPriorityFeePerGas.ToString(CultureInfo.InvariantCulture),
        });
    }

    private async Task<ulong> NextNonceAsync(CancellationToken cancel)
    {
        ulong used = await _client.GetTransactionCountAsync(Address, BlockParameter.Pending, cancel);
        OutboxRecord[] live = [.. _records.Where(record => record.Status is OutboxStatus.Pending or OutboxStatus.Mined)];
        return live.Length == 0 ? used : Math.Max(used, (ulong)live.Max(record => record.Nonce) + 1);
    }

    private static BigInteger Number(string text) => BigInteger.Parse(text, CultureInfo.InvariantCulture);
}
