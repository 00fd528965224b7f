using System.Collections.Immutable;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Contracts.L1;

/// <summary>A batch as L1 has it, with everything that its execution needs.</summary>
/// <param name="AppendedAt">Timestamp of the block that has it.</param>
public sealed record L1Batch(ulong Index, Word Hash, BatchPreimage Preimage, Batch Batch, ulong AppendedAt);

/// <summary>
/// Reads whole batches from L1 alone: signed tasks from calldata, direct ones from events, published data from calldata, each checked
/// against the roots in the events. What does not fit is an error, never half a batch.
/// </summary>
/// <param name="client">L1.</param>
/// <param name="inbox">The Inbox.</param>
public sealed class InboxReader(EthereumClient client, Address inbox)
{
    /// <summary>Words in a published chunk, 4^5 (spec 5.3.1).</summary>
    public const int ChunkHeight = 5;

    /// <summary>Bytes in a published chunk.</summary>
    public const int ChunkLength = 32 << (2 * ChunkHeight);

    /// <summary>Reads batch <paramref name="index"/>.</summary>
    /// <exception cref="L1DataException">What L1 answers is not what the events commit to.</exception>
    /// <exception cref="EthereumException">L1 does not answer.</exception>
    public async Task<L1Batch> ReadAsync(InboxState state, ulong index, CancellationToken cancel = default)
    {
        (BatchAppendedEvent appended, L1Place place) = state.Batches[checked((int)index)];
        Word previous = index == 0 ? Word.Zero : state.Batches[(int)index - 1].Batch.BatchHash;
        var preimage = new BatchPreimage(previous, appended.TasksRoot, appended.Count, appended.Time, appended.BlockNumber);
        if (preimage.Hash() != appended.BatchHash)
            throw new L1DataException($"The event of batch {index} does not hash to its batch hash {appended.BatchHash}.");

        // Each once, however often it is named: L1 pays for a name with far less than its data takes.
        var chunks = new Dictionary<Word, MemoryImage>();
        var tasks = ImmutableArray.CreateBuilder<RollupTask>((int)appended.Count);
        if (appended.Count > appended.DirectCount)
        {
            byte[] calldata = await ReadCalldataAsync(place, $"batch {index}", cancel).ConfigureAwait(false);
            Abi.Inbox.AppendFunction call = Decode($"batch {index}", () => Abi.Inbox.AppendFunction.Decode(calldata));
            foreach (EncodedTask task in Decode($"batch {index}", () => BatchCodec.Decode(call.Tasks)))
                tasks.Add(await ToTaskAsync(state, task, chunks, cancel).ConfigureAwait(false));
        }

        for (ulong i = appended.DirectFirst; i < appended.DirectFirst + appended.DirectCount; i++)
        {
            TaskSubmittedEvent submitted = state.DirectTasks[checked((int)i)];
            IReadOnlyList<EncodedTask> one = Decode($"direct task {i}", () => BatchCodec.Decode(submitted.Data));
            if (one.Count != 1)
                throw new L1DataException($"The event of direct task {i} has {one.Count} tasks.");
            RollupTask task = await ToTaskAsync(state, one[0], chunks, cancel).ConfigureAwait(false);
            if (task.Hash != submitted.TaskHash)
                throw new L1DataException($"Direct task {i} hashes to {task.Hash}, not to {submitted.TaskHash}.");
            tasks.Add(task);
        }

        if ((ulong)tasks.Count != appended.Count)
            throw new L1DataException($"Batch {index} has {tasks.Count} tasks in its data and {appended.Count} in its event.");
        var batch = new Batch(previous, tasks.ToImmutable(), appended.Time, appended.BlockNumber);
        if (batch.Hash != appended.BatchHash)
            throw new L1DataException($"The tasks of batch {index} hash to {batch.Hash}, not to {appended.BatchHash}.");
        return new L1Batch(index, batch.Hash, preimage, batch, place.Timestamp);
    }

    /// <summary>The task of spec 2.6.1 that an encoded one stands for, with its data.</summary>
    private async Task<RollupTask> ToTaskAsync(
        InboxState state, EncodedTask task, Dictionary<Word, MemoryImage> chunks, CancellationToken cancel)
    {
        TaskKind kind = task.Tag == TaskTag.Deploy ? TaskKind.Deploy : TaskKind.Run;
        var head = new TaskHead(task.InputLength, task.Limit, task.Nonce, task.Target, task.V, kind);
        if (task.Tag == TaskTag.Run)
            return RollupTask.Run(head, task.Input, task.R, task.S);

        (ulong start, ulong length) = kind == TaskKind.Deploy ? (0, GuestMemory.Length) : (Machine.InputAddress, Machine.SlotLength);
        MemoryImage image = MemoryImage.Empty;
        foreach (DataChunk chunk in task.Chunks)
        {
            if (chunk.Index >= length / ChunkLength)
                throw new L1DataException($"A task names chunk {chunk.Index} of {length / ChunkLength}.");
            if (!chunks.TryGetValue(chunk.Root, out MemoryImage? data))
            {
                byte[] bytes = await ReadChunkAsync(state, chunk.Root, cancel).ConfigureAwait(false);
                chunks[chunk.Root] = data = MemoryImage.Empty.Write(0, bytes);
            }

            image = image.Share(start + ((ulong)chunk.Index * ChunkLength), data, ChunkLength);
        }

        return kind == TaskKind.Deploy ? RollupTask.Deploy(head, image, task.R, task.S) : RollupTask.Run(head, image, task.R, task.S);
    }

    /// <summary>The bytes of a published chunk: 1 to 32,768, without the padding.</summary>
    private async Task<byte[]> ReadChunkAsync(InboxState state, Word root, CancellationToken cancel)
    {
        if (!state.Chunks.TryGetValue(root, out L1Place? place))
            throw new L1DataException($"Chunk {root} is in a task and was never published.");
        byte[] calldata = await ReadCalldataAsync(place, $"chunk {root}", cancel).ConfigureAwait(false);
        byte[] data = Decode($"chunk {root}", () => Abi.Inbox.PublishFunction.Decode(calldata)).Data;
        if (data.Length > ChunkLength || QuadTree.RootOfBytes(data, ChunkHeight) != root)
            throw new L1DataException($"The data of chunk {root} do not hash to it.");
        return data;
    }

    private async Task<byte[]> ReadCalldataAsync(L1Place place, string what, CancellationToken cancel)
    {
        TransactionInfo transaction = await client.GetTransactionAsync(place.TransactionHash, cancel).ConfigureAwait(false)
            ?? throw new L1DataException($"L1 has no transaction {place.TransactionHash}, in which {what} was posted: ask a node with full history.");
        return transaction.To == inbox && transaction.BlockHash == place.BlockHash
            ? transaction.Input.ToArray()
            : throw new L1DataException($"Transaction {place.TransactionHash} of {what} is not where its event was.");
    }

    private static T Decode<T>(string what, Func<T> decode)
    {
        try
        {
            return decode();
        }
        catch (Exception error) when (error is AbiException or BatchEncodingException)
        {
            throw new L1DataException($"The data of {what} cannot be read: {error.Message}");
        }
    }
}
