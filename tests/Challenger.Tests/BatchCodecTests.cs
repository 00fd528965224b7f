using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Optimistic.Contracts.L1;
using Optimistic.Simulator;
using Optimistic.Vm;

namespace Optimistic.Challenger.Tests;

/// <summary>The encoding of tasks in calldata (spec 5.1.3).</summary>
public sealed class BatchCodecTests
{
    [Property(MaxTest = 200)]
    public void WhatIsEncodedDecodesToTheSameTasks(int seed)
    {
        EncodedTask[] tasks = RandomTasks(new Random(seed));
        IReadOnlyList<EncodedTask> read = BatchCodec.Decode(BatchCodec.Encode(tasks));
        Assert.Equal(tasks.Length, read.Count);
        for (int i = 0; i < tasks.Length; i++)
        {
            Assert.Equal(tasks[i] with { Input = default, Chunks = [] }, read[i] with { Input = default, Chunks = [] });
            Assert.True(tasks[i].Input.Span.SequenceEqual(read[i].Input.Span));
            Assert.Equal(tasks[i].Chunks, read[i].Chunks);
        }
    }

    /// <summary>Every byte is a part of some task, so bytes cut off are either whole tasks or an error.</summary>
    [Property(MaxTest = 100)]
    public void CutOffBytesAreWholeTasksLessOrAnError(int seed)
    {
        var random = new Random(seed);
        EncodedTask[] tasks = RandomTasks(random);
        byte[] bytes = BatchCodec.Encode(tasks);
        int cut = random.Next(bytes.Length);
        int whole = 0, at = 0;
        while (at + BatchCodec.LengthOf(tasks[whole]) <= cut)
            at += BatchCodec.LengthOf(tasks[whole++]);

        if (at == cut)
            Assert.Equal(whole, BatchCodec.Decode(bytes.AsMemory(0, cut)).Count);
        else
            Assert.Throws<BatchEncodingException>(() => BatchCodec.Decode(bytes.AsMemory(0, cut)));
    }

    /// <summary>Garbage is an error with a name, never another exception, and what decodes encodes to the same bytes.</summary>
    [Property(MaxTest = 500)]
    public void DecodingAndEncodingAgreeOnAnyBytes(int seed)
    {
        var random = new Random(seed);
        byte[] bytes = BatchCodec.Encode(RandomTasks(random));
        for (int i = random.Next(4); i > 0; i--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(4);
        try
        {
            Assert.Equal(bytes, BatchCodec.Encode(BatchCodec.Decode(bytes)));
        }
        catch (BatchEncodingException refused)
        {
            Assert.NotEmpty(refused.Message);
        }
    }

    [Fact]
    public void ARunIsEncodedAsTheSpecSays()
    {
        EncodedTask task = EncodedTask.Run(27, 1, 2, 3, Word.FromUInt64(4), Word.FromUInt64(5), new byte[] { 0xaa, 0xbb });
        string expected = string.Concat(
            "00", "1b", "00000001", "0000000000000002", "0000000000000003", new string('0', 63), "4", new string('0', 63), "5", "00000002", "aabb");
        Assert.Equal(expected, Convert.ToHexStringLower(BatchCodec.Encode([task])));
    }

    [Fact]
    public void ChunksOutOfOrderAreRefused()
    {
        DataChunk chunk = new(7, Word.FromUInt64(1));
        byte[] bytes = BatchCodec.Encode([EncodedTask.Deploy(0, 0, 0, 0, default, default, [chunk, chunk])]);
        Assert.Throws<BatchEncodingException>(() => BatchCodec.Decode(bytes));
    }

    private static EncodedTask[] RandomTasks(Random random)
    {
        var tasks = new EncodedTask[random.Next(1, 6)];
        for (int i = 0; i < tasks.Length; i++)
        {
            byte v = (byte)(random.Next(3) is var k && k == 0 ? 0 : 26 + k);
            uint target = (uint)random.NextInt64(uint.MaxValue);
            ulong nonce = (ulong)random.NextInt64(), limit = (ulong)random.NextInt64();
            Word r = ToyTraces.Named($"r{random.Next()}"), s = ToyTraces.Named($"s{random.Next()}");
            uint index = 0;
            DataChunk[] chunks = [.. Enumerable.Range(0, random.Next(5)).Select(_ => new DataChunk(index += (uint)random.Next(1, 9), ToyTraces.Named($"{index}")))];
            byte[] input = new byte[random.Next(40)];
            random.NextBytes(input);
            tasks[i] = random.Next(3) switch
            {
                0 => EncodedTask.Run(v, target, nonce, limit, r, s, input),
                1 => EncodedTask.Deploy(v, target, nonce, limit, r, s, chunks),
                _ => EncodedTask.RunPublished(v, target, nonce, limit, r, s, (uint)random.Next(), chunks),
            };
        }

        return tasks;
    }
}
