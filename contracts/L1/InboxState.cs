using System.Collections.Immutable;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;

namespace Optimistic.Contracts.L1;

/// <summary>Where something is on L1: the transaction whose calldata has it, in a block of this hash and time.</summary>
public sealed record L1Place(Word TransactionHash, Word BlockHash, ulong BlockNumber, ulong Timestamp);

/// <summary>What the events of the Inbox have said so far: a fold, immutable, so that a reorganization undoes it at no cost.</summary>
public sealed record InboxState(
    ImmutableList<(BatchAppendedEvent Batch, L1Place Place)> Batches,
    ImmutableList<TaskSubmittedEvent> DirectTasks,
    ImmutableDictionary<Word, L1Place> Chunks)
{
    public static InboxState Empty { get; } = new(
        ImmutableList<(BatchAppendedEvent, L1Place)>.Empty,
        ImmutableList<TaskSubmittedEvent>.Empty,
        ImmutableDictionary<Word, L1Place>.Empty);

    /// <exception cref="L1DataException">An event is missing before this one.</exception>
    public InboxState Apply(L1Event happened, LogEntry log, ulong timestamp)
    {
        var place = new L1Place(log.TransactionHash, log.BlockHash, log.BlockNumber, timestamp);
        switch (happened)
        {
            case BatchAppendedEvent e:
                if (e.Index != (ulong)Batches.Count)
                    throw new L1DataException($"L1 shows batch {e.Index} where batch {Batches.Count} is next: follow it from the block of the contracts' deployment.");
                return this with { Batches = Batches.Add((e, place)) };
            case TaskSubmittedEvent e:
                if (e.QueueIndex != (ulong)DirectTasks.Count)
                    throw new L1DataException($"L1 shows direct task {e.QueueIndex} where task {DirectTasks.Count} is next: follow it from the block of the contracts' deployment.");
                return this with { DirectTasks = DirectTasks.Add(e) };
            case ChunkPublishedEvent e:
                return Chunks.ContainsKey(e.Root) ? this : this with { Chunks = Chunks.Add(e.Root, place) };
            default:
                return this;
        }
    }
}

/// <summary>L1's data contradict each other: an endpoint that is wrong or incomplete, or a first block that is too late.</summary>
public sealed class L1DataException(string message) : Exception(message);
