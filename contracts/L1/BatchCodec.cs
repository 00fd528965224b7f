using System.Buffers.Binary;
using Optimistic.Vm;

namespace Optimistic.Contracts.L1;

/// <summary>First byte of an encoded task (spec 5.1.3). The numbers are frozen.</summary>
public enum TaskTag : byte
{
    Run = 0,
    Deploy = 1,
    RunPublished = 2,
}

/// <summary>A part of published data: a subtree of height 5 (spec 5.3).</summary>
public readonly record struct DataChunk(uint Index, Word Root);

/// <summary>
/// A task as calldata of <c>append</c> and the data of <c>TaskSubmitted</c> carry it (spec 5.1.3). Of <see cref="Input"/>,
/// <see cref="InputLength"/> and <see cref="Chunks"/> only those of its tag are used.
/// </summary>
/// <param name="V">27 or 28; 0 for a task that came from L1.</param>
/// <param name="Target">App; for a deploy its policy.</param>
/// <param name="Limit">Step limit; for a deploy its entry.</param>
/// <param name="InputLength">Bytes of input.</param>
/// <param name="Chunks">Indices strictly ascending; all chunks not named are zero.</param>
public sealed record EncodedTask(
    TaskTag Tag,
    byte V,
    uint Target,
    ulong Nonce,
    ulong Limit,
    Word R,
    Word S,
    ReadOnlyMemory<byte> Input,
    uint InputLength,
    IReadOnlyList<DataChunk> Chunks)
{
    public static EncodedTask Run(byte v, uint app, ulong nonce, ulong limit, Word r, Word s, ReadOnlyMemory<byte> input) =>
        new(TaskTag.Run, v, app, nonce, limit, r, s, input, (uint)input.Length, []);

    public static EncodedTask Deploy(byte v, uint policy, ulong nonce, ulong entry, Word r, Word s, IReadOnlyList<DataChunk> chunks) =>
        new(TaskTag.Deploy, v, policy, nonce, entry, r, s, default, 0, chunks);

    public static EncodedTask RunPublished(
        byte v, uint app, ulong nonce, ulong limit, Word r, Word s, uint inputLength, IReadOnlyList<DataChunk> chunks) =>
        new(TaskTag.RunPublished, v, app, nonce, limit, r, s, default, inputLength, chunks);
}

/// <summary>Bytes are not tasks in the encoding of spec 5.1.3.</summary>
public sealed class BatchEncodingException(string message) : Exception(message);

/// <summary>The encoding of tasks in calldata (spec 5.1.3): big-endian, one after another, no padding.</summary>
public static class BatchCodec
{
    /// <summary>Bytes of the longest inline input.</summary>
    public const int MaxInlineInput = 98_304;

    /// <summary>Bytes before the part that the tag decides.</summary>
    public const int HeadLength = 2 + 4 + 8 + 8 + 2 * Word.Length;

    private const int ChunkLength = 4 + Word.Length;

    /// <summary>Bytes of one encoded task.</summary>
    public static int LengthOf(EncodedTask task) => HeadLength + task.Tag switch
    {
        TaskTag.Run => 4 + task.Input.Length,
        TaskTag.Deploy => 2 + ChunkLength * task.Chunks.Count,
        _ => 6 + ChunkLength * task.Chunks.Count,
    };

    public static byte[] Encode(IEnumerable<EncodedTask> tasks)
    {
        EncodedTask[] all = [.. tasks];
        byte[] bytes = new byte[all.Sum(LengthOf)];
        Span<byte> rest = bytes;
        foreach (EncodedTask task in all)
            rest = rest[Write(task, rest)..];
        return bytes;
    }

    /// <exception cref="BatchEncodingException">Not a sequence of tasks; says where it breaks.</exception>
    public static IReadOnlyList<EncodedTask> Decode(ReadOnlyMemory<byte> bytes)
    {
        var tasks = new List<EncodedTask>();
        int at = 0;
        while (at < bytes.Length)
        {
            (EncodedTask task, int length) = Read(bytes[at..], at);
            tasks.Add(task);
            at += length;
        }

        return tasks;
    }

    private static int Write(EncodedTask task, Span<byte> to)
    {
        to[0] = (byte)task.Tag;
        to[1] = task.V;
        BinaryPrimitives.WriteUInt32BigEndian(to[2..], task.Target);
        BinaryPrimitives.WriteUInt64BigEndian(to[6..], task.Nonce);
        BinaryPrimitives.WriteUInt64BigEndian(to[14..], task.Limit);
        task.R.CopyTo(to[22..]);
        task.S.CopyTo(to[54..]);
        int at = HeadLength;
        if (task.Tag == TaskTag.Run)
        {
            if (task.Input.Length > MaxInlineInput)
                throw new BatchEncodingException($"An inline input is at most {MaxInlineInput} bytes, not {task.Input.Length}: publish it.");
            BinaryPrimitives.WriteUInt32BigEndian(to[at..], (uint)task.Input.Length);
            task.Input.Span.CopyTo(to[(at + 4)..]);
            return at + 4 + task.Input.Length;
        }

        if (task.Tag == TaskTag.RunPublished)
        {
            BinaryPrimitives.WriteUInt32BigEndian(to[at..], task.InputLength);
            at += 4;
        }

        if (task.Chunks.Count > ushort.MaxValue)
            throw new BatchEncodingException($"A task lists at most {ushort.MaxValue} chunks, not {task.Chunks.Count}.");
        BinaryPrimitives.WriteUInt16BigEndian(to[at..], (ushort)task.Chunks.Count);
        at += 2;
        foreach (DataChunk chunk in task.Chunks)
        {
            BinaryPrimitives.WriteUInt32BigEndian(to[at..], chunk.Index);
            chunk.Root.CopyTo(to[(at + 4)..]);
            at += ChunkLength;
        }

        return at;
    }

    private static (EncodedTask Task, int Length) Read(ReadOnlyMemory<byte> bytes, int offset)
    {
        ReadOnlySpan<byte> span = bytes.Span;
        Need(span, HeadLength, offset);
        if (span[0] > (byte)TaskTag.RunPublished)
            throw new BatchEncodingException($"Byte {offset} is {span[0]}, which is no kind of task.");

        var tag = (TaskTag)span[0];
        byte v = span[1];
        uint target = BinaryPrimitives.ReadUInt32BigEndian(span[2..]);
        ulong nonce = BinaryPrimitives.ReadUInt64BigEndian(span[6..]);
        ulong limit = BinaryPrimitives.ReadUInt64BigEndian(span[14..]);
        Word r = new(span.Slice(22, Word.Length)), s = new(span.Slice(54, Word.Length));
        int at = HeadLength;
        if (tag == TaskTag.Run)
        {
            Need(span, at + 4, offset);
            uint length = BinaryPrimitives.ReadUInt32BigEndian(span[at..]);
            at += 4;
            if (length > MaxInlineInput)
                throw new BatchEncodingException($"The task at byte {offset} has an inline input of {length} bytes, above {MaxInlineInput}.");
            Need(span, at + (int)length, offset);
            return (EncodedTask.Run(v, target, nonce, limit, r, s, bytes.Slice(at, (int)length)), at + (int)length);
        }

        uint inputLength = 0;
        if (tag == TaskTag.RunPublished)
        {
            Need(span, at + 4, offset);
            inputLength = BinaryPrimitives.ReadUInt32BigEndian(span[at..]);
            at += 4;
        }

        Need(span, at + 2, offset);
        int count = BinaryPrimitives.ReadUInt16BigEndian(span[at..]);
        at += 2;
        Need(span, at + count * ChunkLength, offset);
        var chunks = new DataChunk[count];
        for (int i = 0; i < count; i++, at += ChunkLength)
        {
            uint index = BinaryPrimitives.ReadUInt32BigEndian(span[at..]);
            if (i > 0 && index <= chunks[i - 1].Index)
                throw new BatchEncodingException($"The task at byte {offset} lists chunk {index} after chunk {chunks[i - 1].Index}.");
            chunks[i] = new DataChunk(index, new Word(span.Slice(at + 4, Word.Length)));
        }

        return (tag == TaskTag.Deploy
            ? EncodedTask.Deploy(v, target, nonce, limit, r, s, chunks)
            : EncodedTask.RunPublished(v, target, nonce, limit, r, s, inputLength, chunks), at);
    }

    private static void Need(ReadOnlySpan<byte> span, int length, int offset)
    {
        if (span.Length < length)
            throw new BatchEncodingException($"The task at byte {offset} ends after {span.Length} of {length} bytes or more.");
    }
}
