using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Optimistic.Vm.Trace;

namespace Optimistic.Vm.Tests;

public sealed class TraceTests
{
    /// <summary>Random runs, short and long, in a tree small enough to be built leaf by leaf.</summary>
    [Property(MaxTest = 150)]
    public void Runs_hash_like_the_leaves_they_stand_for(int seed)
    {
        var random = new Random(seed);
        int height = random.Next(0, 6);
        (RunLengthTrace trace, Word[] leaves) = RandomTrace(height, random);
        Word[][] levels = Levels(leaves, height);
        for (int h = 0; h <= height; h++)
        {
            for (int i = 0; i < levels[h].Length; i++)
                Assert.Equal(levels[h][i], trace.Node(h, (ulong)i));
        }

        Assert.Equal(levels[height][0], trace.Root);
        for (int i = 0; i < 5; i++)
        {
            ulong index = (ulong)random.Next(leaves.Length);
            QuadTreeTests.CheckProof(trace.Prove(index), trace.Root, leaves[index], index, random);
        }
    }

    [Property(MaxTest = 100)]
    public void First_divergence_is_the_first_leaf_that_differs(int seed)
    {
        var random = new Random(seed);
        (RunLengthTrace trace, Word[] leaves) = RandomTrace(4, random);
        Assert.Null(TraceTree.FirstDivergence(trace, Build(4, leaves)));

        int first = random.Next(5) switch { 0 => 0, 1 => leaves.Length - 1, _ => random.Next(leaves.Length) };
        Word[] changed = [.. leaves];
        changed[first] = QuadTreeTests.RandomWord(random);
        for (int i = first + 1; i < changed.Length && random.Next(3) != 0; i++)
            changed[i] = QuadTreeTests.RandomWord(random);

        RunLengthTrace other = Build(4, changed);
        Assert.Equal((ulong)first, TraceTree.FirstDivergence(trace, other));
        Assert.Equal((ulong)first, TraceTree.FirstDivergence(other, trace));
        Assert.Throws<ArgumentException>(() => TraceTree.FirstDivergence(trace, RunLengthTrace.Constant(3, leaves[0])));
    }

    /// <summary>A full batch: 4096 tasks of three runs each are 12,288 runs of 16,777,216 leaves.</summary>
    [Fact]
    [Spec("2.8.1")]
    public void A_batch_of_4096_tasks_is_hashed_by_its_runs()
    {
        var builder = new RunLengthTrace.Builder(TraceTree.BatchHeight);
        var random = new Random(3);
        Word last = default;
        for (int task = 0; task < 4096; task++)
        {
            builder.Add(QuadTreeTests.RandomWord(random), 1);
            builder.Add(QuadTreeTests.RandomWord(random), 4094);
            builder.Add(last = QuadTreeTests.RandomWord(random), 1);
        }

        RunLengthTrace trace = builder.Build();
        Assert.Equal(last, trace.Leaf(trace.Length - 1));
        foreach (ulong index in new ulong[] { 0, 1, 4094, 4095, 4096, trace.Length - 2, trace.Length - 1 })
            QuadTreeTests.CheckProof(trace.Prove(index), trace.Root, trace.Leaf(index), index, random);

        Assert.Throws<ArgumentOutOfRangeException>(() => builder.Add(last, 1));
    }

    [Fact]
    public void Openings_are_the_children_of_their_node()
    {
        (RunLengthTrace trace, _) = RandomTrace(5, new Random(77));
        for (int height = 5; height > 0; height--)
        {
            ulong index = (1UL << (2 * (5 - height))) - 1;
            (Word c0, Word c1, Word c2, Word c3) = trace.Children(height, index);
            Assert.Equal(trace.Node(height, index), Keccak.Quad(c0, c1, c2, c3));
            Assert.Equal(c3, trace.Node(height - 1, 4 * index + 3));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => trace.Children(0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => trace.Node(5, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => trace.Prove(1024));
    }

    [Fact]
    public void A_constant_trace_is_the_repeated_leaf()
    {
        Word leaf = Word.FromUInt64(9);
        Assert.Equal(QuadTree.Repeat(leaf, 12), RunLengthTrace.Constant(12, leaf).Root);
        Assert.Equal(new byte[8], RunLengthTrace.Constant(12, leaf).Prove(12345).Encode());
        Assert.Throws<InvalidOperationException>(() => new RunLengthTrace.Builder(2).Build());
    }

    internal static Word[][] Levels(Word[] leaves, int height)
    {
        var levels = new Word[height + 1][];
        levels[0] = leaves;
        for (int h = 1; h <= height; h++)
            levels[h] = [.. levels[h - 1].Chunk(4).Select(children => Keccak.Quad(children[0], children[1], children[2], children[3]))];

        return levels;
    }

    private static RunLengthTrace Build(int height, Word[] leaves)
    {
        var builder = new RunLengthTrace.Builder(height);
        foreach (Word leaf in leaves)
            builder.Add(leaf, 1);

        return builder.Build();
    }

    private static (RunLengthTrace Trace, Word[] Leaves) RandomTrace(int height, Random random)
    {
        var builder = new RunLengthTrace.Builder(height);
        var leaves = new List<Word>();
        int length = 1 << (2 * height), filled = random.Next(1, length + 1);
        while (leaves.Count < filled)
        {
            // Few distinct values, so that runs that are not neighbours are equal too.
            Word leaf = Word.FromUInt64((ulong)random.Next(6));
            int count = Math.Min(filled - leaves.Count, random.Next(3) == 0 ? random.Next(1, length + 1) : random.Next(1, 4));
            builder.Add(leaf, (ulong)count);
            leaves.AddRange(Enumerable.Repeat(leaf, count));
        }

        leaves.AddRange(Enumerable.Repeat(leaves[^1], length - leaves.Count));
        return (builder.Build(), [.. leaves]);
    }
}
