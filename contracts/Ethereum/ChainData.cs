using System.Numerics;
using System.Text.Json;
using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>The header of a block. Time is in seconds since 1970, the base fee in wei per gas.</summary>
public sealed record BlockHeader(
    ulong Number, Word Hash, Word ParentHash, ulong Timestamp, BigInteger BaseFeePerGas, ulong GasLimit, ulong GasUsed)
{
    internal static BlockHeader Read(JsonElement block)
    {
        const string What = "a block";
        return new BlockHeader(
            HexJson.UInt64(HexJson.Member(block, "number", What), "a block number"),
            HexJson.Hash(HexJson.Member(block, "hash", What), "a block hash"),
            HexJson.Hash(HexJson.Member(block, "parentHash", What), "a parent hash"),
            HexJson.UInt64(HexJson.Member(block, "timestamp", What), "a block time"),
            block.TryGetProperty("baseFeePerGas", out JsonElement fee) ? HexJson.Integer(fee, "a base fee") : BigInteger.Zero,
            HexJson.UInt64(HexJson.Member(block, "gasLimit", What), "a gas limit"),
            HexJson.UInt64(HexJson.Member(block, "gasUsed", What), "the gas used"));
    }
}

/// <summary>An event as a contract logged it.</summary>
public sealed record LogEntry(
    Address Address,
    IReadOnlyList<Word> Topics,
    ReadOnlyMemory<byte> Data,
    ulong BlockNumber,
    Word BlockHash,
    Word TransactionHash,
    ulong LogIndex)
{
    /// <summary>Whether this is such an event, by its first topic.</summary>
    public bool Is<TEvent>()
        where TEvent : IEventDTO<TEvent> => TEvent.Definition.Matches(this);

    /// <summary>The event of this log.</summary>
    /// <exception cref="AbiException">A log of something else.</exception>
    public TEvent Decode<TEvent>()
        where TEvent : IEventDTO<TEvent> => TEvent.Read(new AbiValues(TEvent.Definition.Decode(this)));

    internal static LogEntry Read(JsonElement log)
    {
        const string What = "a log";
        if (log.ValueKind == JsonValueKind.Object && log.TryGetProperty("removed", out JsonElement removed) &&
            removed.ValueKind == JsonValueKind.True)
            throw new RpcMalformedException("L1 answered a removed log to a query.");

        JsonElement topics = HexJson.Member(log, "topics", What);
        if (topics.ValueKind != JsonValueKind.Array || topics.GetArrayLength() > 4)
            throw new RpcMalformedException("L1 answered a log whose topics are not a list of at most 4.");
        return new LogEntry(
            HexJson.Address(HexJson.Member(log, "address", What), "a log's address"),
            [.. topics.EnumerateArray().Select(topic => HexJson.Hash(topic, "a topic"))],
            HexJson.Bytes(HexJson.Member(log, "data", What), "a log's data"),
            HexJson.UInt64(HexJson.Member(log, "blockNumber", What), "a log's block"),
            HexJson.Hash(HexJson.Member(log, "blockHash", What), "a log's block hash"),
            HexJson.Hash(HexJson.Member(log, "transactionHash", What), "a log's transaction"),
            HexJson.UInt64(HexJson.Member(log, "logIndex", What), "a log's index"));
    }
}

/// <summary>What a mined transaction did.</summary>
/// <param name="EffectiveGasPrice">Wei per gas that was paid.</param>
/// <param name="ContractAddress">The created contract, if it created one.</param>
public sealed record TransactionReceipt(
    Word TransactionHash,
    bool Succeeded,
    ulong BlockNumber,
    Word BlockHash,
    ulong GasUsed,
    BigInteger EffectiveGasPrice,
    Address? ContractAddress,
    IReadOnlyList<LogEntry> Logs)
{
    /// <summary>Wei that the gas cost.</summary>
    public BigInteger Fee => GasUsed * EffectiveGasPrice;

    internal static TransactionReceipt Read(JsonElement receipt)
    {
        const string What = "a receipt";
        JsonElement logs = HexJson.Member(receipt, "logs", What);
        if (logs.ValueKind != JsonValueKind.Array)
            throw new RpcMalformedException("L1 answered a receipt whose logs are not a list.");
        return new TransactionReceipt(
            HexJson.Hash(HexJson.Member(receipt, "transactionHash", What), "a receipt's transaction"),
            HexJson.UInt64(HexJson.Member(receipt, "status", What), "a receipt's status") == 1,
            HexJson.UInt64(HexJson.Member(receipt, "blockNumber", What), "a receipt's block"),
            HexJson.Hash(HexJson.Member(receipt, "blockHash", What), "a receipt's block hash"),
            HexJson.UInt64(HexJson.Member(receipt, "gasUsed", What), "the gas used"),
            HexJson.Integer(HexJson.Member(receipt, "effectiveGasPrice", What), "a gas price"),
            receipt.TryGetProperty("contractAddress", out JsonElement created) && !HexJson.IsNull(created)
                ? HexJson.Address(created, "a created contract") : null,
            [.. logs.EnumerateArray().Select(LogEntry.Read)]);
    }
}

/// <summary>A transaction as the chain has it; block members are null while it is pending.</summary>
public sealed record TransactionInfo(
    Word Hash, Address From, Address? To, ulong Nonce, ReadOnlyMemory<byte> Input, BigInteger Value, ulong? BlockNumber, Word? BlockHash)
{
    internal static TransactionInfo Read(JsonElement transaction)
    {
        const string What = "a transaction";
        JsonElement to = HexJson.Member(transaction, "to", What);
        JsonElement number = HexJson.Member(transaction, "blockNumber", What);
        JsonElement hash = HexJson.Member(transaction, "blockHash", What);
        return new TransactionInfo(
            HexJson.Hash(HexJson.Member(transaction, "hash", What), "a transaction's hash"),
            HexJson.Address(HexJson.Member(transaction, "from", What), "a transaction's sender"),
            HexJson.IsNull(to) ? null : HexJson.Address(to, "a transaction's target"),
            HexJson.UInt64(HexJson.Member(transaction, "nonce", What), "a transaction's nonce"),
            HexJson.Bytes(HexJson.Member(transaction, "input", What), "a transaction's input"),
            HexJson.Integer(HexJson.Member(transaction, "value", What), "a transaction's value"),
            HexJson.IsNull(number) ? null : HexJson.UInt64(number, "a transaction's block"),
            HexJson.IsNull(hash) ? null : HexJson.Hash(hash, "a transaction's block hash"));
    }
}

/// <summary>
/// Which logs: of these addresses (all when empty), whose topics match by position. A null topic position matches
/// anything, several words in a position match any of them.
/// </summary>
public sealed record LogFilter(IReadOnlyList<Address> Addresses, params IReadOnlyList<Word>?[] Topics)
{
    internal Dictionary<string, object?> ToJson()
    {
        Dictionary<string, object?> json = [];
        if (Addresses.Count > 0)
            json["address"] = Addresses.Select(address => (object?)address.ToString()).ToArray();
        if (Topics.Length > 0)
            json["topics"] = Topics.Select(topic => (object?)topic?.Select(word => (object?)word.ToString()).ToArray()).ToArray();
        return json;
    }
}

/// <summary>A call to simulate. Members that are null are left to the node; without fees the gas price is zero.</summary>
public sealed record CallRequest(
    Address? To, ReadOnlyMemory<byte> Data, Address? From = null, BigInteger? Value = null, ulong? GasLimit = null, FeeSuggestion? Fees = null)
{
    internal Dictionary<string, object?> ToJson()
    {
        Dictionary<string, object?> json = new() { ["input"] = HexJson.Data(Data.Span) };
        if (To is { } to)
            json["to"] = to.ToString();
        if (From is { } from)
            json["from"] = from.ToString();
        if (Value is { } value)
            json["value"] = HexJson.Quantity(value);
        if (GasLimit is { } gas)
            json["gas"] = HexJson.Quantity(gas);
        if (Fees is { } fees)
        {
            json["maxFeePerGas"] = HexJson.Quantity(fees.MaxFeePerGas);
            json["maxPriorityFeePerGas"] = HexJson.Quantity(fees.MaxPriorityFeePerGas);
        }

        return json;
    }
}
