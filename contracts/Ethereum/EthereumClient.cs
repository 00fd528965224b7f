using System.Numerics;
using System.Text.Json;
using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>The calls of Ethereum's JSON-RPC that this system needs, with every answer checked and typed.</summary>
public sealed class EthereumClient : IDisposable
{
    /// <summary>Blocks per eth_getLogs; hosted nodes refuse much more. Longer ranges are split.</summary>
    public const ulong MaxLogRangeBlocks = 2_000;

    // For nodes that suggest none: 1 gwei, the least that geth's defaults accept.
    private static readonly BigInteger DefaultTip = 1_000_000_000;

    private EthereumClient(JsonRpcClient rpc, ulong chainId)
    {
        Rpc = rpc;
        ChainId = chainId;
    }

    /// <summary>The transport, for methods that are not here.</summary>
    public JsonRpcClient Rpc { get; }

    public ulong ChainId { get; }

    /// <summary>Connects and checks the chain.</summary>
    /// <param name="endpoints">HTTP URLs, the preferred one first; the others take over when it fails.</param>
    /// <param name="chainId">The expected chain; null takes the one that answers, and then holds every endpoint to it.</param>
    /// <exception cref="RpcUnreachableException">No endpoint answered.</exception>
    /// <exception cref="ChainMismatchException">An endpoint serves another chain.</exception>
    public static async Task<EthereumClient> ConnectAsync(
        IReadOnlyList<Uri> endpoints,
        ulong? chainId = null,
        JsonRpcOptions? options = null,
        TimeProvider? time = null,
        CancellationToken cancel = default)
    {
        if (chainId is null)
        {
            using JsonRpcClient any = new(endpoints, null, options, time);
            chainId = HexJson.UInt64(await any.CallAsync("eth_chainId", [], cancel).ConfigureAwait(false), "eth_chainId");
        }

        JsonRpcClient rpc = new(endpoints, chainId, options, time);
        EthereumClient client = new(rpc, chainId.Value);
        try
        {
            await client.GetBlockNumberAsync(cancel).ConfigureAwait(false);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Connects to one endpoint; see the other overload.</summary>
    public static Task<EthereumClient> ConnectAsync(Uri endpoint, ulong? chainId = null, CancellationToken cancel = default) =>
        ConnectAsync([endpoint], chainId, cancel: cancel);

    public void Dispose() => Rpc.Dispose();

    public async Task<ulong> GetBlockNumberAsync(CancellationToken cancel = default) =>
        HexJson.UInt64(await Rpc.CallAsync("eth_blockNumber", [], cancel).ConfigureAwait(false), "eth_blockNumber");

    /// <summary>The header, or null where the node has no such block.</summary>
    public async Task<BlockHeader?> GetBlockAsync(BlockParameter block, CancellationToken cancel = default)
    {
        JsonElement answer = await Rpc.CallAsync(
            block.BlockHash is null ? "eth_getBlockByNumber" : "eth_getBlockByHash",
            [block.BlockHash?.ToString() ?? block.ToNumberOrTag(), false], cancel).ConfigureAwait(false);
        return HexJson.IsNull(answer) ? null : BlockHeader.Read(answer);
    }

    /// <summary>The headers of consecutive blocks in one batch; it ends early where the chain does.</summary>
    public async Task<IReadOnlyList<BlockHeader>> GetBlocksAsync(ulong first, int count, CancellationToken cancel = default)
    {
        IReadOnlyList<RpcResponse> answers = await Rpc.CallBatchAsync(
            [.. Enumerable.Range(0, count).Select(i => new RpcRequest("eth_getBlockByNumber", HexJson.Quantity(first + (ulong)i), false))],
            cancel).ConfigureAwait(false);
        return [.. answers.Select(answer => answer.Result()).TakeWhile(answer => !HexJson.IsNull(answer)).Select(BlockHeader.Read)];
    }

    public async Task<BigInteger> GetBalanceAsync(Address address, BlockParameter? block = null, CancellationToken cancel = default) =>
        HexJson.Integer(
            await Rpc.CallAsync("eth_getBalance", [address.ToString(), (block ?? BlockParameter.Latest).ToJson()], cancel).ConfigureAwait(false),
            "a balance");

    public async Task<byte[]> GetCodeAsync(Address address, BlockParameter? block = null, CancellationToken cancel = default) =>
        HexJson.Bytes(
            await Rpc.CallAsync("eth_getCode", [address.ToString(), (block ?? BlockParameter.Latest).ToJson()], cancel).ConfigureAwait(false),
            "code");

    public async Task<Word> GetStorageAsync(Address address, Word slot, BlockParameter? block = null, CancellationToken cancel = default) =>
        HexJson.Hash(
            await Rpc.CallAsync("eth_getStorageAt", [address.ToString(), slot.ToString(), (block ?? BlockParameter.Latest).ToJson()], cancel)
                .ConfigureAwait(false),
            "storage");

    /// <summary>How many transactions the account has sent, up to the block.</summary>
    public async Task<ulong> GetTransactionCountAsync(Address address, BlockParameter block, CancellationToken cancel = default) =>
        HexJson.UInt64(
            await Rpc.CallAsync("eth_getTransactionCount", [address.ToString(), block.ToJson()], cancel).ConfigureAwait(false),
            "a nonce");

    /// <summary>Runs a call on the state of a block and returns its output.</summary>
    /// <exception cref="ContractRevertException">The call reverts.</exception>
    public async Task<byte[]> CallAsync(CallRequest call, BlockParameter? block = null, CancellationToken cancel = default)
    {
        try
        {
            return HexJson.Bytes(
                await Rpc.CallAsync("eth_call", [call.ToJson(), (block ?? BlockParameter.Latest).ToJson()], cancel).ConfigureAwait(false),
                "eth_call");
        }
        catch (RpcErrorException error) when (error.IsRevert)
        {
            throw ContractRevertException.From(call, error.RevertData, error.Text);
        }
    }

    /// <summary>Runs many calls in few HTTP requests. Each answer is its output, or the revert as an exception.</summary>
    public async Task<IReadOnlyList<CallOutcome>> CallBatchAsync(
        IReadOnlyList<CallRequest> calls, BlockParameter? block = null, CancellationToken cancel = default)
    {
        object at = (block ?? BlockParameter.Latest).ToJson();
        IReadOnlyList<RpcResponse> answers = await Rpc.CallBatchAsync(
            [.. calls.Select(call => new RpcRequest("eth_call", call.ToJson(), at))], cancel).ConfigureAwait(false);
        CallOutcome[] outcomes = new CallOutcome[calls.Count];
        for (int i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = answers[i].Error is { IsRevert: true } error
                ? new CallOutcome([], ContractRevertException.From(calls[i], error.RevertData, error.Text))
                : new CallOutcome(HexJson.Bytes(answers[i].Result(), "eth_call"), null);
        }

        return outcomes;
    }

    /// <summary>Gas that the call needs as a transaction, everything included.</summary>
    /// <exception cref="ContractRevertException">The call reverts.</exception>
    public async Task<ulong> EstimateGasAsync(CallRequest call, BlockParameter? block = null, CancellationToken cancel = default)
    {
        try
        {
            return HexJson.UInt64(
                await Rpc.CallAsync("eth_estimateGas", [call.ToJson(), (block ?? BlockParameter.Latest).ToJson()], cancel).ConfigureAwait(false),
                "eth_estimateGas");
        }
        catch (RpcErrorException error) when (error.IsRevert)
        {
            throw ContractRevertException.From(call, error.RevertData, error.Text);
        }
    }

    /// <summary>The logs of one block, by its hash: what a follower of the chain uses, safe under reorganizations.</summary>
    public async Task<IReadOnlyList<LogEntry>> GetLogsAsync(LogFilter filter, Word blockHash, CancellationToken cancel = default)
    {
        Dictionary<string, object?> json = filter.ToJson();
        json["blockHash"] = blockHash.ToString();
        return ReadLogs(await Rpc.CallAsync("eth_getLogs", [json], cancel).ConfigureAwait(false));
    }

    /// <summary>
    /// The logs of a range of blocks, both ends included, in chain order. A range that the node refuses, as hosted nodes
    /// do with many blocks or many logs, or does not bring through, is halved until it is one block.
    /// </summary>
    public async Task<IReadOnlyList<LogEntry>> GetLogsAsync(LogFilter filter, ulong first, ulong last, CancellationToken cancel = default)
    {
        List<LogEntry> logs = [];
        ulong blocks = MaxLogRangeBlocks;
        ulong from = first;
        while (from <= last)
        {
            ulong to = from + Math.Min(blocks - 1, last - from);
            Dictionary<string, object?> json = filter.ToJson();
            json["fromBlock"] = HexJson.Quantity(from);
            json["toBlock"] = HexJson.Quantity(to);
            try
            {
                logs.AddRange(ReadLogs(await Rpc.CallAsync("eth_getLogs", [json], cancel).ConfigureAwait(false)));
                from = to + 1;
            }
            catch (EthereumException error) when (to > from && error is RpcErrorException or RpcUnreachableException { IsTooMuch: true })
            {
                blocks = (to - from + 1) / 2;
            }
        }

        return logs;
    }

    /// <summary>The receipt, or null while the transaction is not mined.</summary>
    public async Task<TransactionReceipt?> GetReceiptAsync(Word transactionHash, CancellationToken cancel = default)
    {
        JsonElement answer =
            await Rpc.CallAsync("eth_getTransactionReceipt", [transactionHash.ToString()], cancel).ConfigureAwait(false);
        return HexJson.IsNull(answer) ? null : TransactionReceipt.Read(answer);
    }

    /// <summary>The transaction, or null where the node does not know it.</summary>
    public async Task<TransactionInfo?> GetTransactionAsync(Word transactionHash, CancellationToken cancel = default)
    {
        JsonElement answer = await Rpc.CallAsync("eth_getTransactionByHash", [transactionHash.ToString()], cancel).ConfigureAwait(false);
        return HexJson.IsNull(answer) ? null : TransactionInfo.Read(answer);
    }

    /// <summary>Hands a signed transaction to the node and returns its hash.</summary>
    public async Task<Word> SendRawTransactionAsync(SignedTransaction transaction, CancellationToken cancel = default) =>
        HexJson.Hash(
            await Rpc.CallAsync("eth_sendRawTransaction", [HexJson.Data(transaction.Raw.Span)], cancel).ConfigureAwait(false),
            "eth_sendRawTransaction");

    /// <summary>
    /// Fees for inclusion soon: the node's tip, and room for the base fee to double (six full blocks in a row).
    /// </summary>
    public async Task<FeeSuggestion> SuggestFeesAsync(CancellationToken cancel = default)
    {
        IReadOnlyList<RpcResponse> answers = await Rpc.CallBatchAsync(
            [new RpcRequest("eth_getBlockByNumber", "latest", false), new RpcRequest("eth_maxPriorityFeePerGas")], cancel).ConfigureAwait(false);
        BlockHeader latest = BlockHeader.Read(answers[0].Result());
        BigInteger tip = answers[1].Error is null
            ? HexJson.Integer(answers[1].Result(), "eth_maxPriorityFeePerGas")
            : DefaultTip;
        return new FeeSuggestion(tip, 2 * latest.BaseFeePerGas + tip);
    }

    private static LogEntry[] ReadLogs(JsonElement logs) =>
        logs.ValueKind == JsonValueKind.Array
            ? [.. logs.EnumerateArray().Select(LogEntry.Read)]
            : throw new RpcMalformedException("L1 answered eth_getLogs with something that is not a list.");
}

/// <summary>Fees of an EIP-1559 transaction, in wei per gas.</summary>
public readonly record struct FeeSuggestion(BigInteger MaxPriorityFeePerGas, BigInteger MaxFeePerGas)
{
    /// <summary>Nodes replace a pending transaction when both fees rise by a tenth or more; an eighth leaves room for rounding.</summary>
    public FeeSuggestion Bump() => new(
        BigInteger.Max(MaxPriorityFeePerGas * 9 / 8 + 1, 1), BigInteger.Max(MaxFeePerGas * 9 / 8 + 1, 1));

    public static FeeSuggestion Max(FeeSuggestion a, FeeSuggestion b) => new(
        BigInteger.Max(a.MaxPriorityFeePerGas, b.MaxPriorityFeePerGas), BigInteger.Max(a.MaxFeePerGas, b.MaxFeePerGas));
}

/// <summary>What one call of a batch gave: output, or a revert.</summary>
public sealed record CallOutcome(byte[] Output, ContractRevertException? Revert);
