using System.Text.Json;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Contracts.L1;

/// <summary>A block that has been followed, with all logs of the followed contracts in it, in order.</summary>
public sealed record FollowedBlock(ulong Number, Word Hash, Word ParentHash, ulong Timestamp, IReadOnlyList<LogEntry> Logs);

/// <summary>One step along the chain.</summary>
/// <param name="VoidFrom">
/// Set when the chain reorganized: everything followed with this block number or a higher one is void. Undo it before taking in
/// <paramref name="Added"/>.
/// </param>
/// <param name="Added">Blocks that follow, ascending. Blocks deep below the head appear only when they have logs.</param>
/// <param name="AtHead">Whether this is all that L1 has: only then may anyone act on it.</param>
public sealed record ChainUpdate(ulong? VoidFrom, IReadOnlyList<FollowedBlock> Added, bool AtHead);

/// <summary>
/// Follows L1 by block hash: hands out every block of the contracts' events exactly once and in order, says what a reorganization voids,
/// and never hands out half a block. An endpoint that lags behind what was followed changes nothing until it insists. A Tournament that the
/// Rollup announces (spec 5.7.2) is followed from there on, and the block that announces it also has what that one has logged before.
/// </summary>
public sealed class ChainFollower
{
    /// <summary>Blocks below the head that are followed one by one, by hash; deeper ones do not reorganize and are read in ranges.</summary>
    public const ulong UnsettledBlocks = 96;

    /// <summary>Blocks that are remembered to find a common ancestor.</summary>
    public const int RememberedBlocks = 1024;

    /// <summary>Blocks read in one step.</summary>
    private const int StepBlocks = 64;

    private const ulong RangeBlocks = EthereumClient.MaxLogRangeBlocks;

    /// <summary>Times that the head must be found below what was followed before that is believed.</summary>
    private const int ShorterChainPatience = 20;

    private readonly EthereumClient _client;
    private readonly ulong _first;
    private readonly List<(ulong Number, Word Hash)> _chain = [];
    private LogFilter _filter;
    private int _seenShorter;

    /// <param name="first">The first block to follow: none of the contracts is older.</param>
    public ChainFollower(EthereumClient client, IReadOnlyList<Address> contracts, ulong first)
    {
        _client = client;
        _filter = new LogFilter(contracts);
        _first = first;
    }

    /// <summary>The last block followed; null before the first.</summary>
    public (ulong Number, Word Hash)? Last => _chain.Count == 0 ? null : _chain[^1];

    /// <summary>Continues after blocks that were followed before a restart, ascending.</summary>
    public void Resume(IReadOnlyList<FollowedBlock> followed)
    {
        if (_chain.Count > 0)
            throw new InvalidOperationException("Resume comes before the first step.");
        Follow(Announced(followed));
        foreach (FollowedBlock block in followed)
            Remember(block.Number, block.Hash);
    }

    /// <summary>
    /// The next step, or null when L1 moved under the reading: ask again. What is returned counts as followed; it must be taken in.
    /// </summary>
    /// <exception cref="EthereumException">L1 did not answer, or not properly; nothing has changed.</exception>
    public async Task<ChainUpdate?> AdvanceAsync(CancellationToken cancel = default)
    {
        BlockHeader head = await _client.GetBlockAsync(BlockParameter.Latest, cancel).ConfigureAwait(false)
            ?? throw new RpcMalformedException("L1 answered no latest block.");
        ulong? voidFrom = null;
        if (Last is { } last)
        {
            if (head.Hash == last.Hash)
            {
                _seenShorter = 0;
                return new ChainUpdate(null, [], AtHead: true);
            }

            (bool settled, voidFrom) = await FindForkAsync(head, cancel).ConfigureAwait(false);
            if (!settled)
                return null;
        }

        ulong next = Math.Max(voidFrom ?? (Last is { } tip ? tip.Number + 1 : _first), _first);
        IReadOnlyList<FollowedBlock>? added = await ReadAsync(next, head.Number, cancel).ConfigureAwait(false);
        // The blocks that announce a contract may have its events already, so they are read again with it.
        if (added is not null && Follow(Announced(added)))
            return null;
        if (added is not null)
            added = await WithEarlierAsync(added, cancel).ConfigureAwait(false);
        if (added is null)
            return null;

        _seenShorter = 0;
        if (voidFrom is { } fork)
            _chain.RemoveAll(block => block.Number >= fork);
        foreach (FollowedBlock block in added)
            Remember(block.Number, block.Hash);
        return new ChainUpdate(voidFrom, added, AtHead: Last is not { } end || end.Number >= head.Number);
    }

    private async Task<IReadOnlyList<FollowedBlock>?> ReadAsync(ulong next, ulong head, CancellationToken cancel) => next > head
        ? []
        : next + UnsettledBlocks <= head
            ? await ReadRangeAsync(next, Math.Min(next + RangeBlocks - 1, head - UnsettledBlocks), cancel).ConfigureAwait(false)
            : await ReadBlocksAsync(next, (int)Math.Min(head - next + 1, StepBlocks), cancel).ConfigureAwait(false);

    private static IEnumerable<Address> Announced(IEnumerable<FollowedBlock> blocks) =>
        from log in blocks.SelectMany(block => block.Logs)
        where log.Is<Abi.Rollup.RulesAddedEvent>()
        select log.Decode<Abi.Rollup.RulesAddedEvent>() into added
        where added.Version > 0
        select added.Tournament;

    /// <returns>Whether there is a new one among them.</returns>
    private bool Follow(IEnumerable<Address> announced)
    {
        Address[] unknown = [.. announced.Except(_filter.Addresses)];
        if (unknown.Length > 0)
            _filter = new LogFilter([.. _filter.Addresses, .. unknown]);
        return unknown.Length > 0;
    }

    /// <summary>A block that announces a Tournament gets, behind the announcement, its logs of the blocks before: it may have been paused.</summary>
    private async Task<IReadOnlyList<FollowedBlock>> WithEarlierAsync(IReadOnlyList<FollowedBlock> blocks, CancellationToken cancel)
    {
        var whole = new List<FollowedBlock>(blocks.Count);
        foreach (FollowedBlock block in blocks)
        {
            Address[] announced = [.. Announced([block])];
            IReadOnlyList<LogEntry> earlier = announced.Length == 0 || block.Number <= _first
                ? [] : await _client.GetLogsAsync(new LogFilter(announced), _first, block.Number - 1, cancel).ConfigureAwait(false);
            int at = 1 + block.Logs.ToList().FindLastIndex(log => log.Is<Abi.Rollup.RulesAddedEvent>());
            whole.Add(earlier.Count == 0 ? block : block with { Logs = [.. block.Logs.Take(at), .. earlier, .. block.Logs.Skip(at)] });
        }

        return whole;
    }

    /// <summary>
    /// The time that the block after the last one followed may have, or null from a node without a pending block, or when L1 has moved on:
    /// L1's clock runs between blocks, and who is overdue is so without a block that says it.
    /// </summary>
    public async Task<ulong?> PendingTimeAsync(CancellationToken cancel = default)
    {
        try
        {
            JsonElement pending = await _client.Rpc.CallAsync("eth_getBlockByNumber", ["pending", false], cancel).ConfigureAwait(false);
            bool isNext = !HexJson.IsNull(pending) && HexJson.UInt64(HexJson.Member(pending, "number", "the pending block"), "a block number") == Last?.Number + 1;
            return isNext ? HexJson.UInt64(HexJson.Member(pending, "timestamp", "the pending block"), "a block time") : null;
        }
        catch (Exception error) when (error is RpcErrorException or RpcMalformedException)
        {
            return null;
        }
    }

    /// <summary>Whether what was followed is still on the chain, and if not, the first block number that is not.</summary>
    private async Task<(bool Settled, ulong? VoidFrom)> FindForkAsync(BlockHeader head, CancellationToken cancel)
    {
        (ulong Number, Word Hash) last = Last!.Value;
        int from = _chain.Count;
        while (from > 0)
        {
            int start = Math.Max(0, from - (from == _chain.Count ? 1 : StepBlocks));
            List<(ulong Number, Word Hash)> asked = _chain[start..from];
            IReadOnlyList<RpcResponse> answers = await _client.Rpc.CallBatchAsync(
                [.. asked.Select(block => new RpcRequest("eth_getBlockByNumber", HexJson.Quantity(block.Number), false))], cancel).ConfigureAwait(false);
            for (int i = asked.Count - 1; i >= 0; i--)
            {
                JsonElement answer = answers[i].Result();
                if (HexJson.IsNull(answer) || BlockHeader.Read(answer).Hash != asked[i].Hash)
                    continue;
                if (asked[i] == last)
                    return (true, null);

                // The chain may be shorter for good, or this endpoint may only be behind another one that was asked before.
                bool onlyShorter = asked[i].Number >= head.Number;
                if (onlyShorter && ++_seenShorter < ShorterChainPatience)
                    return (false, null);
                return (true, asked[i].Number + 1);
            }

            from = start;
        }

        // Nothing that is remembered is left: another chain, or one that was set back to its start. Follow it from there.
        return (true, 0);
    }

    /// <summary>Blocks one by one: headers that are each other's parents, logs by block hash.</summary>
    private async Task<IReadOnlyList<FollowedBlock>?> ReadBlocksAsync(ulong first, int count, CancellationToken cancel)
    {
        IReadOnlyList<BlockHeader> headers = await _client.GetBlocksAsync(first, count, cancel).ConfigureAwait(false);
        Word? parent = first == 0 ? null : HashAt(first - 1);
        for (int i = 0; i < headers.Count; i++)
        {
            bool chained = i > 0 ? headers[i].ParentHash == headers[i - 1].Hash : parent is null || headers[0].ParentHash == parent;
            if (headers[i].Number != first + (ulong)i || !chained)
                return null;
        }

        if (headers.Count == 0)
            return null;

        IReadOnlyList<RpcResponse> answers = await _client.Rpc.CallBatchAsync(
            [
                .. headers.Select(header =>
                {
                    Dictionary<string, object?> json = _filter.ToJson();
                    json["blockHash"] = header.Hash.ToString();
                    return new RpcRequest("eth_getLogs", json);
                }),
                new RpcRequest("eth_getBlockByNumber", HexJson.Quantity(headers[^1].Number), false),
            ], cancel).ConfigureAwait(false);

        // A node that has dropped a block in the meantime may answer no logs for its hash: then the last header has changed as well.
        JsonElement again = answers[^1].Result();
        if (HexJson.IsNull(again) || BlockHeader.Read(again).Hash != headers[^1].Hash)
            return null;

        var blocks = new List<FollowedBlock>();
        for (int i = 0; i < headers.Count; i++)
        {
            LogEntry[] logs = [.. ReadLogs(answers[i].Result()).OrderBy(log => log.LogIndex)];
            if (logs.Any(log => log.BlockHash != headers[i].Hash))
                return null;
            blocks.Add(new FollowedBlock(headers[i].Number, headers[i].Hash, headers[i].ParentHash, headers[i].Timestamp, logs));
        }

        return blocks;
    }

    /// <summary>Blocks far below the head: logs of a range, and headers only where there are logs.</summary>
    private async Task<IReadOnlyList<FollowedBlock>?> ReadRangeAsync(ulong first, ulong last, CancellationToken cancel)
    {
        IReadOnlyList<LogEntry> logs = await _client.GetLogsAsync(_filter, first, last, cancel).ConfigureAwait(false);
        ulong[] numbers = [.. logs.Select(log => log.BlockNumber).Append(last).Distinct().Order()];
        var blocks = new List<FollowedBlock>();
        foreach (ulong[] some in numbers.Chunk(StepBlocks))
        {
            IReadOnlyList<RpcResponse> answers = await _client.Rpc.CallBatchAsync(
                [.. some.Select(number => new RpcRequest("eth_getBlockByNumber", HexJson.Quantity(number), false))], cancel).ConfigureAwait(false);
            foreach (RpcResponse answer in answers)
            {
                if (HexJson.IsNull(answer.Result()))
                    return null;
                BlockHeader header = BlockHeader.Read(answer.Result());
                LogEntry[] own = [.. logs.Where(log => log.BlockNumber == header.Number).OrderBy(log => log.LogIndex)];
                if (own.Any(log => log.BlockHash != header.Hash))
                    return null;
                blocks.Add(new FollowedBlock(header.Number, header.Hash, header.ParentHash, header.Timestamp, own));
            }
        }

        return blocks;
    }

    private Word? HashAt(ulong number)
    {
        foreach ((ulong known, Word hash) in _chain)
        {
            if (known == number)
                return hash;
        }

        return null;
    }

    private void Remember(ulong number, Word hash)
    {
        _chain.Add((number, hash));
        if (_chain.Count > RememberedBlocks)
            _chain.RemoveRange(0, _chain.Count - RememberedBlocks);
    }

    private static IEnumerable<LogEntry> ReadLogs(JsonElement logs) =>
        logs.ValueKind == JsonValueKind.Array
            ? logs.EnumerateArray().Select(LogEntry.Read)
            : throw new RpcMalformedException("L1 answered eth_getLogs with something that is not a list.");
}
