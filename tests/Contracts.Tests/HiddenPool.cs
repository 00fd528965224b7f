using System.Numerics;
using System.Text.Json;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;

namespace Optimistic.Contracts.Tests;

/// <summary>A transaction that nobody else sees.</summary>
internal sealed record HiddenTransaction(Word Hash, ulong Nonce, BigInteger Tip, BigInteger MaxFee, ulong Gas, Address To, BigInteger Value, byte[] Data, byte[] Raw);

/// <summary>
/// A private relay of one account: a real HTTP endpoint that keeps what it is sent until somebody makes a block, and then gives what does
/// not revert. As real ones do, it takes another transaction with the same nonce only when that pays a tenth more, and says nothing of what
/// it drops. A new transaction with the same call takes the place of the earlier one.
/// </summary>
internal sealed class HiddenPool : IAsyncDisposable
{
    private readonly FaultyEndpoint _endpoint;
    private readonly Lock _sync = new();
    private readonly List<HiddenTransaction> _held = [];
    private int _received;

    public HiddenPool()
    {
        // Nothing is passed on.
        _endpoint = new FaultyEndpoint(new Uri("http://127.0.0.1:1/")) { Behaviour = _ => Fault, Override = Answer };
    }

    public Uri Url => _endpoint.Url;

    /// <summary>What happens to every request.</summary>
    public Fault Fault { get; set; }

    /// <summary>Acknowledges and forgets.</summary>
    public bool Forgets { get; set; }

    /// <summary>The error that it answers everything with; null: it takes what it is sent.</summary>
    public string? Refusal { get; set; }

    /// <summary>Requests that reached it.</summary>
    public int Requests => _endpoint.Requests;

    /// <summary>Transactions that it has taken or forgotten.</summary>
    public int Received => Volatile.Read(ref _received);

    public IReadOnlyList<HiddenTransaction> Held
    {
        get
        {
            lock (_sync)
                return [.. _held.OrderBy(held => held.Nonce)];
        }
    }

    public ValueTask DisposeAsync() => _endpoint.DisposeAsync();

    /// <summary>Those that could be mined now, one after the other, and would not revert in this state; it forgets what would.</summary>
    public async Task<IReadOnlyList<HiddenTransaction>> ReadyAsync(EthereumClient client, Address sender, BlockParameter state, CancellationToken cancel)
    {
        ulong next = await client.GetTransactionCountAsync(sender, BlockParameter.Latest, cancel);
        List<HiddenTransaction> ready = [];
        foreach (HiddenTransaction held in Held)
        {
            if (held.Nonce < next || !await CanBeMinedAsync(client, sender, held, state, cancel))
                Forget(held);
            else if (held.Nonce == next)
            {
                ready.Add(held);
                next++;
            }
        }

        return ready;
    }

    /// <summary>Gives what does not revert to whoever makes the next block, behind all that it has already.</summary>
    /// <returns>How many.</returns>
    public async Task<int> GiveAsync(EthereumClient client, Address sender, CancellationToken cancel, int most = int.MaxValue)
    {
        int given = 0;
        while (given < most)
        {
            ulong next = await client.GetTransactionCountAsync(sender, BlockParameter.Pending, cancel);
            HiddenTransaction? held = Held.FirstOrDefault(held => held.Nonce == next);
            if (held is null)
                return given;
            Forget(held);
            if (!await CanBeMinedAsync(client, sender, held, BlockParameter.Pending, cancel))
                continue;
            await client.Rpc.CallAsync("eth_sendRawTransaction", [$"0x{Convert.ToHexStringLower(held.Raw)}"], cancel);
            given++;
        }

        return given;
    }

    private static async Task<bool> CanBeMinedAsync(EthereumClient client, Address sender, HiddenTransaction held, BlockParameter state, CancellationToken cancel)
    {
        try
        {
            await client.CallAsync(new CallRequest(held.To, held.Data, sender, held.Value, held.Gas, new FeeSuggestion(held.Tip, held.MaxFee)), state, cancel);
            return true;
        }
        catch (ContractRevertException)
        {
            return false;
        }
    }

    private void Forget(HiddenTransaction held)
    {
        lock (_sync)
            _held.Remove(held);
    }

    private string Answer(string text)
    {
        using JsonDocument request = JsonDocument.Parse(text);
        string id = request.RootElement.GetProperty("id").GetRawText();
        if (request.RootElement.GetProperty("method").GetString() is not "eth_sendRawTransaction")
            return Error("the method is not served here");
        if (Refusal is { } refusal)
            return Error(refusal);

        HiddenTransaction sent = Read(Convert.FromHexString(request.RootElement.GetProperty("params")[0].GetString()![2..]));
        lock (_sync)
        {
            if (!Forgets && _held.Find(held => held.Nonce == sent.Nonce) is { } rival && rival.Hash != sent.Hash)
            {
                if (sent.Tip * 10 < rival.Tip * 11 || sent.MaxFee * 10 < rival.MaxFee * 11)
                    return Error("replacement transaction underpriced");
                _held.Remove(rival);
            }

            _held.RemoveAll(held => held.To == sent.To && held.Value == sent.Value && held.Data.AsSpan().SequenceEqual(sent.Data));
            if (!Forgets)
                _held.Add(sent);
        }

        Interlocked.Increment(ref _received);
        return $$"""{"jsonrpc":"2.0","id":{{id}},"result":"{{sent.Hash}}"}""";

        string Error(string message) => $$"""{ "jsonrpc": "2.0", "id": {{id}}, "error": { "code": -32000, "message": "{{message}}" } }""";
    }

    private static HiddenTransaction Read(byte[] raw)
    {
        IReadOnlyList<RlpItem> fields = ((RlpItem.List)RlpItem.Decode(raw.AsMemory(1))).Items;
        return new HiddenTransaction(
            Keccak.Hash(raw), (ulong)Number(1), Number(2), Number(3), (ulong)Number(4), new Address(Bytes(5).Span), Number(6), Bytes(7).ToArray(), raw);

        ReadOnlyMemory<byte> Bytes(int field) => ((RlpItem.Text)fields[field]).Bytes;
        BigInteger Number(int field) => new(Bytes(field).Span, isUnsigned: true, isBigEndian: true);
    }
}
