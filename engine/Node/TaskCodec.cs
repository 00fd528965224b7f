using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Engine.Node;

/// <summary>Tasks between their three forms: with data, as calldata, and as chunks to publish (spec 5.1.3, 5.3).</summary>
internal static class TaskCodec
{
    /// <summary>Bytes in a chunk.</summary>
    public const int ChunkLength = 1 << 15;

    private const int ChunkHeight = 5;

    private const int BlocksPerChunk = ChunkLength / GuestMemory.BlockLength;

    /// <summary>A signed task as append's calldata carries it, and the chunks that must be published before.</summary>
    public static (EncodedTask Encoded, IReadOnlyList<DataPart> Parts) Encode(RollupTask task)
    {
        TaskHead head = task.Head;
        if (head.Kind == TaskKind.Deploy)
        {
            (List<DataChunk> chunks, List<DataPart> parts) = Split(task.Image!);
            return (EncodedTask.Deploy(head.V, head.Target, head.Nonce, head.Limit, task.Auth0, task.Auth1, chunks), parts);
        }

        if (task.Input.Length <= BatchCodec.MaxInlineInput && head.Length <= BatchCodec.MaxInlineInput)
            return (EncodedTask.Run(head.V, head.Target, head.Nonce, head.Limit, task.Auth0, task.Auth1, task.Input), []);

        (List<DataChunk> inputChunks, List<DataPart> inputParts) = Split(task.Input);
        return (EncodedTask.RunPublished(head.V, head.Target, head.Nonce, head.Limit, task.Auth0, task.Auth1, (uint)head.Length, inputChunks), inputParts);
    }

    /// <summary>The task that calldata stands for.</summary>
    /// <param name="find">The bytes of a chunk by its root; null when it is not known here.</param>
    /// <returns>Null when a chunk is not known.</returns>
    public static RollupTask? Decode(EncodedTask encoded, Func<Word, byte[]?> find)
    {
        TaskKind kind = encoded.Tag == TaskTag.Deploy ? TaskKind.Deploy : TaskKind.Run;
        TaskHead head = new(encoded.InputLength, encoded.Limit, encoded.Nonce, encoded.Target, encoded.V, kind);
        if (encoded.Tag == TaskTag.Run)
            return RollupTask.Run(head, encoded.Input, encoded.R, encoded.S);

        ulong start = kind == TaskKind.Deploy ? 0 : Machine.InputAddress;
        MemoryImage image = MemoryImage.Empty;
        foreach (DataChunk chunk in encoded.Chunks)
        {
            if (find(chunk.Root) is not { } bytes)
                return null;
            image = image.Write(start + ((ulong)chunk.Index * ChunkLength), bytes);
        }

        return kind == TaskKind.Deploy
            ? RollupTask.Deploy(head, image, encoded.R, encoded.S)
            : RollupTask.Run(head, image, encoded.R, encoded.S);
    }

    private static (List<DataChunk>, List<DataPart>) Split(MemoryImage image)
    {
        List<DataChunk> chunks = [];
        Dictionary<Word, DataPart> parts = [];
        byte[] bytes = new byte[ChunkLength];
        foreach (uint chunk in image.Blocks.Select(block => block.Index / BlocksPerChunk).Distinct())
        {
            image.Read((ulong)chunk * ChunkLength, bytes);
            Add(chunk, bytes, chunks, parts);
        }

        return (chunks, [.. parts.Values]);
    }

    private static (List<DataChunk>, List<DataPart>) Split(ReadOnlyMemory<byte> input)
    {
        List<DataChunk> chunks = [];
        Dictionary<Word, DataPart> parts = [];
        for (int at = 0; at < input.Length; at += ChunkLength)
            Add((uint)(at / ChunkLength), input.Span.Slice(at, Math.Min(ChunkLength, input.Length - at)), chunks, parts);
        return (chunks, [.. parts.Values]);
    }

    private static void Add(uint index, ReadOnlySpan<byte> bytes, List<DataChunk> chunks, Dictionary<Word, DataPart> parts)
    {
        int length = bytes.LastIndexOfAnyExcept((byte)0) + 1;
        if (length == 0)
            return;

        byte[] trimmed = bytes[..length].ToArray();
        Word root = QuadTree.RootOfBytes(trimmed, ChunkHeight);
        chunks.Add(new DataChunk(index, root));
        parts.TryAdd(root, new DataPart(root.ToArray(), trimmed));
    }
}
