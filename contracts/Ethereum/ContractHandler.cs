using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>Reads one contract: calls of its functions and the events it logged.</summary>
public sealed class ContractHandler(EthereumClient client, Address address)
{
    public EthereumClient Client { get; } = client;

    public Address Address { get; } = address;

    /// <summary>Calls a function on the state of a block.</summary>
    /// <param name="from">The caller that the function sees; null: the zero address.</param>
    /// <exception cref="ContractRevertException">The function reverts.</exception>
    /// <exception cref="ContractMissingException">There is no contract, or not this one.</exception>
    public async Task<TResult> QueryAsync<TResult>(
        FunctionMessage<TResult> message, BlockParameter? block = null, Address? from = null, CancellationToken cancel = default)
    {
        byte[] output = await Client.CallAsync(new CallRequest(Address, message.ToCallData(), from), block, cancel).ConfigureAwait(false);
        return Decode(message, output);
    }

    /// <summary>Calls many functions on the state of one block, in few requests.</summary>
    public async Task<IReadOnlyList<TResult>> QueryBatchAsync<TResult>(
        IReadOnlyList<FunctionMessage<TResult>> messages, BlockParameter? block = null, CancellationToken cancel = default)
    {
        IReadOnlyList<CallOutcome> outcomes = await Client.CallBatchAsync(
            [.. messages.Select(message => new CallRequest(Address, message.ToCallData()))], block, cancel).ConfigureAwait(false);
        return [.. messages.Select((message, i) => outcomes[i].Revert is { } revert ? throw revert : Decode(message, outcomes[i].Output))];
    }

    /// <summary>The events of a kind in a range of blocks, both ends included.</summary>
    /// <param name="topics">Values of the indexed parameters, as <see cref="LogFilter"/> takes them.</param>
    public async Task<IReadOnlyList<EventLog<TEvent>>> GetEventsAsync<TEvent>(
        ulong first, ulong last, IReadOnlyList<IReadOnlyList<Word>?>? topics = null, CancellationToken cancel = default)
        where TEvent : IEventDTO<TEvent> =>
        Decode<TEvent>(await Client.GetLogsAsync(Filter<TEvent>(topics), first, last, cancel).ConfigureAwait(false));

    /// <summary>The events of a kind in one block.</summary>
    public async Task<IReadOnlyList<EventLog<TEvent>>> GetEventsAsync<TEvent>(
        Word blockHash, IReadOnlyList<IReadOnlyList<Word>?>? topics = null, CancellationToken cancel = default)
        where TEvent : IEventDTO<TEvent> =>
        Decode<TEvent>(await Client.GetLogsAsync(Filter<TEvent>(topics), blockHash, cancel).ConfigureAwait(false));

    /// <summary>The events of a kind that this contract logged in a transaction.</summary>
    public IReadOnlyList<EventLog<TEvent>> EventsOf<TEvent>(TransactionReceipt receipt)
        where TEvent : IEventDTO<TEvent> =>
        Decode<TEvent>(receipt.Logs.Where(log => log.Address == Address && log.Is<TEvent>()));

    private LogFilter Filter<TEvent>(IReadOnlyList<IReadOnlyList<Word>?>? topics)
        where TEvent : IEventDTO<TEvent> =>
        new([Address], [[TEvent.Definition.Hash], .. topics ?? []]);

    private static IReadOnlyList<EventLog<TEvent>> Decode<TEvent>(IEnumerable<LogEntry> logs)
        where TEvent : IEventDTO<TEvent> =>
        [.. logs.Select(log => new EventLog<TEvent>(log.Decode<TEvent>(), log))];

    private TResult Decode<TResult>(FunctionMessage<TResult> message, byte[] output)
    {
        try
        {
            return message.DecodeResult(output);
        }
        catch (AbiException error)
        {
            // An account without code answers every call with nothing.
            throw new ContractMissingException(
                Address, $"it does not answer {message.Function.Name} as this contract does ({(output.Length == 0 ? "no code there" : error.Message)})");
        }
    }
}
