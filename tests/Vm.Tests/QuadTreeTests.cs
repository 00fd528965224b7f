using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Optimistic.Vm.Tests;

/// <summary>A quad tree as the spec words it (2.1.1), from a dictionary of leaves, with BouncyCastle's hash.</summary>
internal static class NaiveQuadTree
{
    private static readonly Word[] Zeros = MakeZeros();

    public static Word Zero(int height) => Zeros[height];

    public static Word Root(IReadOnlyDictionary<ulong, Word> leaves, int height) =>
        Node(leaves.Where(leaf => !leaf.Value.IsZero).OrderBy(leaf => leaf.Key).ToArray(), height);

    public static Word Quad(params ReadOnlySpan<Word> children) =>
        KeccakTests.Reference(System.Runtime.InteropServices.MemoryMarshal.AsBytes(children));

    private static Word Node(ArraySegment<KeyValuePair<ulong, Word>> leaves, int height)
    {
        if (leaves.Count == 0)
            return Zeros[height];

        if (height == 0)
            return leaves[0].Value;

        Span<Word> children = stackalloc Word[4];
        int start = 0;
        for (uint child = 0; child < 4; child++)
        {
            int end = start;
            while (end < leaves.Count && (leaves[end].Key >> (2 * (height - 1)) & 3) == child)
                end++;

            children[(int)child] = Node(leaves[start..end], height - 1);
            start = end;
        }

        return Quad(children);
    }

    private static Word[] MakeZeros()
    {
        var zeros = new Word[41];
        for (int height = 1; height < zeros.Length; height++)
            zeros[height] = Quad(zeros[height - 1], zeros[height - 1], zeros[height - 1], zeros[height - 1]);

        return zeros;
    }
}

public sealed class QuadTreeTests
{
    [Fact]
    [Spec("2.1.2")]
    public void Zero_roots_are_quads_of_the_ones_below()
    {
        for (int height = 0; height <= QuadTree.MaxZeroHeight; height++)
            Assert.Equal(NaiveQuadTree.Zero(height), QuadTree.ZeroRoot(height));

        Assert.Throws<ArgumentOutOfRangeException>(() => QuadTree.ZeroRoot(41));
        Assert.Throws<ArgumentOutOfRangeException>(() => QuadTree.ZeroRoot(-1));
    }

    /// <summary>Z(1) is keccak-256 of 128 zero bytes; the others are frozen, contracts have them as constants.</summary>
    [Theory]
    [InlineData(0, "0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData(1, "012893657d8eb2efad4de0a91bcd0e39ad9837745dec3ea923737ea803fc8e3d")]
    [InlineData(6, "647332d2816fecf77ddb72bbe5b6bef202de2dff6e8d24d74ba928905872fba3")]
    [InlineData(12, "e37f14c4c01588dbc6e0a2a70a5f2bae599a62ea1c5dbf11e71c2f447b9b103c")]
    [InlineData(13, "4b369cf4cc0ed138a6612921487f3aaee761e9c089060e75753e2cf855e9cfd2")]
    [InlineData(14, "95a3bbf10bcbad34c0197a048d27201ca4e7af9103c49cc31e4a288c939ca8cb")]
    [InlineData(16, "7e7b6055cf98e1f11e73d255568d365db03e1ec0ebfc0f43e75ec2136e76dad9")]
    [InlineData(20, "0d0236efa275718fe43da051289859a8f56f312bcdb818ef9ade63115148f249")]
    public void Zero_roots_are_frozen(int height, string root) => Assert.Equal(Word.Parse(root), QuadTree.ZeroRoot(height));

    [Property(MaxTest = 30)]
    [Spec("2.1.2")]
    public void Repeat_is_the_root_of_equal_leaves(int seed)
    {
        Word leaf = RandomWord(new Random(seed));
        for (ulong height = 0; height <= 3; height++)
        {
            var leaves = Enumerable.Range(0, 1 << (int)(2 * height)).ToDictionary(i => (ulong)i, _ => leaf);
            Assert.Equal(NaiveQuadTree.Root(leaves, (int)height), QuadTree.Repeat(leaf, (int)height));
        }
    }

    [Property(MaxTest = 40)]
    [Spec("2.1.1")]
    public void Root_of_leaves_is_the_spec_s(int seed)
    {
        var random = new Random(seed);
        int height = random.Next(0, 7);
        Word[] leaves = [.. Enumerable.Range(0, random.Next(0, Math.Min(1 << (2 * height), 300) + 1)).Select(_ => RandomWord(random))];
        var sparse = leaves.Select((leaf, i) => (leaf, i)).ToDictionary(pair => (ulong)pair.i, pair => pair.leaf);
        Assert.Equal(NaiveQuadTree.Root(sparse, height), QuadTree.Root(leaves, height));
    }

    [Fact]
    public void Root_of_bytes_pads_the_last_word_with_zeros()
    {
        byte[] bytes = [.. Enumerable.Range(1, 100).Select(i => (byte)i)];
        byte[] padded = [.. bytes, .. new byte[28]];
        Assert.Equal(QuadTree.RootOfBytes(padded, 12), QuadTree.RootOfBytes(bytes, 12));
        Assert.Equal(QuadTree.ZeroRoot(12), QuadTree.RootOfBytes([], 12));
        Assert.Throws<ArgumentException>(() => QuadTree.RootOfBytes(new byte[33], 0));
        Assert.Throws<ArgumentException>(() => QuadTree.RootOfBytes(new byte[129], 1));
    }

    /// <summary>Random sets, overwrites and clears; every version keeps its root; proofs prove and, changed anywhere, do not.</summary>
    [Property(MaxTest = 60)]
    [Spec("2.1.1")]
    [Spec("2.2.1")]
    public void Sparse_tree_agrees_with_the_naive_one(int seed)
    {
        var random = new Random(seed);
        int height = random.Next(0, QuadProof.MaxHeight + 1);
        ulong mask = (1UL << (2 * height)) - 1;
        var model = new Dictionary<ulong, Word>();
        SparseQuadTree tree = SparseQuadTree.Empty(height);
        var versions = new List<(SparseQuadTree Tree, Word Root)> { (tree, NaiveQuadTree.Root(model, height)) };
        for (int i = 0; i < 12; i++)
        {
            // Close neighbours and far ones, and now and then a leaf that goes back to zero.
            ulong index = (random.Next(2) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(40)) & mask;
            Word leaf = random.Next(4) == 0 ? Word.Zero : RandomWord(random);
            model[index] = leaf;
            tree = tree.Set(index, leaf);
            Assert.Equal(leaf, tree[index]);
            versions.Add((tree, NaiveQuadTree.Root(model, height)));
        }

        Assert.All(versions, version => Assert.Equal(version.Root, version.Tree.Root));
        foreach (ulong index in model.Keys.Append((ulong)random.NextInt64() & mask))
            CheckProof(tree.Prove(index), tree.Root, tree[index], index, random);
    }

    [Property(MaxTest = 30)]
    public void SetRange_is_as_many_sets(int seed)
    {
        var random = new Random(seed);
        Word[] leaves = [.. Enumerable.Range(0, random.Next(0, 90)).Select(_ => RandomWord(random))];
        ulong first = (ulong)random.Next(0, 4096 - leaves.Length + 1);
        SparseQuadTree before = SparseQuadTree.Empty(6).Set((ulong)random.Next(4096), RandomWord(random)), expected = before;
        for (int i = 0; i < leaves.Length; i++)
            expected = expected.Set(first + (ulong)i, leaves[i]);

        Assert.Equal(expected.Root, before.SetRange(first, leaves).Root);
    }

    [Property(MaxTest = 60)]
    public void SetEach_is_as_many_sets(int seed)
    {
        var random = new Random(seed);
        int height = random.Next(0, QuadProof.MaxHeight + 1), count = random.Next(0, 70);
        ulong mask = (1UL << (2 * height)) - 1;
        SparseQuadTree before = SparseQuadTree.Empty(height), expected;
        for (int i = random.Next(6); i > 0; i--)
            before = before.Set((ulong)random.NextInt64() & mask, RandomWord(random));

        // Neighbours in order, the same again and again, and far ones.
        ulong first = (ulong)random.NextInt64();
        ulong[] indices = [.. Enumerable.Range(0, count).Select(i => random.Next(3) switch { 0 => first + (ulong)i, 1 => (ulong)random.Next(5), _ => (ulong)random.NextInt64() } & mask)];
        Word[] leaves = [.. indices.Select(_ => RandomWord(random))], roots = new Word[count];
        SparseQuadTree after = before.SetEach(indices, leaves, roots);

        expected = before;
        for (int i = 0; i < count; i++)
        {
            expected = expected.Set(indices[i], leaves[i]);
            Assert.Equal(expected.Root, roots[i]);
        }

        Assert.Equal(expected.Root, after.Root);
        foreach (ulong index in indices)
            CheckProof(after.Prove(index), after.Root, expected[index], index, random);
    }

    [Fact]
    public void Indices_beyond_the_tree_are_refused()
    {
        SparseQuadTree tree = SparseQuadTree.Empty(2);
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Set(16, Word.FromUInt64(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.SetRange(15, [Word.FromUInt64(1), Word.FromUInt64(2)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.SetEach([16], [Word.FromUInt64(1)], new Word[1]));
        Assert.Throws<ArgumentException>(() => tree.SetEach([1], [Word.Zero], new Word[1]));
        Assert.Throws<ArgumentException>(() => tree.SetEach([1], [Word.FromUInt64(1)], new Word[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Prove(16));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree[16]);
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Prove(3).ComputeRoot(Word.Zero, 16));
        Assert.Throws<ArgumentOutOfRangeException>(() => SparseQuadTree.Empty(22));
    }

    /// <summary>The default of a trace is the path's own node: a run needs no siblings at all (spec 2.2.2).</summary>
    [Fact]
    [Spec("2.2.2")]
    public void A_trace_of_equal_leaves_is_proven_by_an_empty_mask()
    {
        Word leaf = Word.FromUInt64(7);
        var siblings = new List<Word>();
        for (int height = 0; height < 14; height++)
            siblings.AddRange(Enumerable.Repeat(QuadTree.Repeat(leaf, height), 3));

        QuadProof proof = QuadProof.Create(QuadTreeKind.Trace, leaf, 123_456_789, siblings.ToArray());
        Assert.Equal(new byte[8], proof.Encode());
        Assert.True(proof.Verify(QuadTree.Repeat(leaf, 14), leaf, 99));
        Assert.False(proof.Verify(QuadTree.Repeat(leaf, 14), Word.Zero, 99));
    }

    /// <summary>Bit 3k + j, siblings bottom up and in child order without the path's own (spec 2.2.2).</summary>
    [Fact]
    [Spec("2.2.2")]
    public void The_encoding_is_the_spec_s()
    {
        SparseQuadTree tree = SparseQuadTree.Empty(2).Set(0b0110, Word.FromUInt64(6)).Set(0b0111, Word.FromUInt64(7)).Set(0b1100, Word.FromUInt64(12));
        // Path of leaf 5: sibling leaves 4, 6, 7, of which 6 and 7 are there; sibling nodes 0, 2, 3, of which 3 is there.
        Word node3 = Keccak.Quad(Word.FromUInt64(12), Word.Zero, Word.Zero, Word.Zero);
        byte[] expected = [0, 0, 0, 0, 0, 0, 0, 0b100_110, .. Word.FromUInt64(6).Bytes, .. Word.FromUInt64(7).Bytes, .. node3.Bytes];
        Assert.Equal(expected, tree.Prove(0b0101).Encode());
    }

    [Fact]
    [Spec("2.2.3")]
    public void Reading_refuses_what_is_no_proof_and_takes_only_what_is_its_own()
    {
        byte[] encoded = [.. SparseQuadTree.Empty(3).Set(9, Word.FromUInt64(1)).Set(60, Word.FromUInt64(2)).Prove(8).Encode(), 0xAA, 0xBB];
        for (int length = 0; length < encoded.Length - 2; length++)
            Assert.Equal((QuadProofError.TooShort, length), Read(encoded.AsSpan(0, length), 3));

        Assert.Equal((QuadProofError.None, 2), Read(encoded, 3));

        byte[] outOfRange = [.. encoded];
        outOfRange[6] = 0b10; // bit 9
        Assert.Equal((QuadProofError.MaskOutOfRange, encoded.Length), Read(outOfRange, 3));
        Assert.Equal(QuadProofError.MaskOutOfRange, Read([0x80, 0, 0, 0, 0, 0, 0, 0], 21).Error);
        Assert.Equal(QuadProofError.MaskOutOfRange, Read([0, 0, 0, 0, 0, 0, 0, 1], 0).Error);

        static (QuadProofError Error, int Left) Read(ReadOnlySpan<byte> bytes, int height)
        {
            ReadOnlySpan<byte> reader = bytes;
            bool read = QuadProof.TryRead(ref reader, QuadTreeKind.State, height, out QuadProof? proof, out QuadProofError error);
            Assert.Equal(read, proof is not null);
            Assert.Equal(read, error == QuadProofError.None);
            return (error, reader.Length);
        }
    }

    /// <summary>One encoding only: a present sibling of a state tree may not equal the default (spec 2.2.3).</summary>
    [Fact]
    [Spec("2.2.3")]
    public void A_sibling_that_is_spelled_out_may_not_equal_the_default()
    {
        for (int bit = 0; bit < 9; bit++)
        {
            byte[] bytes = [0, 0, 0, 0, 0, 0, (byte)(1 << bit >> 8), (byte)(1 << bit), .. QuadTree.ZeroRoot(bit / 3).Bytes];
            ReadOnlySpan<byte> reader = bytes;
            Assert.False(QuadProof.TryRead(ref reader, QuadTreeKind.State, 3, out _, out QuadProofError error));
            Assert.Equal(QuadProofError.DefaultSibling, error);
            Assert.Equal(bytes.Length, reader.Length);
            // The default of a trace depends on the leaf, which a proof does not know.
            Assert.True(QuadProof.TryRead(ref reader, QuadTreeKind.Trace, 3, out _, out _));
        }
    }

    internal static void CheckProof(QuadProof proof, Word root, Word leaf, ulong index, Random random)
    {
        Assert.True(proof.Verify(root, leaf, index));

        byte[] encoded = proof.Encode();
        ReadOnlySpan<byte> reader = encoded;
        Assert.True(QuadProof.TryRead(ref reader, proof.Kind, proof.Height, out QuadProof? read, out _, proof.BaseHeight));
        Assert.True(reader.IsEmpty);
        Assert.Equal(encoded, read.Encode());
        Assert.True(read.Verify(root, leaf, index));

        byte[] otherLeaf = leaf.ToArray();
        otherLeaf[random.Next(32)] ^= (byte)(1 << random.Next(8));
        Assert.False(proof.Verify(root, new Word(otherLeaf), index));
        if (encoded.Length > 8)
        {
            encoded[random.Next(8, encoded.Length)] ^= (byte)(1 << random.Next(8));
            reader = encoded;
            Assert.True(QuadProof.TryRead(ref reader, proof.Kind, proof.Height, out QuadProof? tampered, out _, proof.BaseHeight));
            Assert.False(tampered.Verify(root, leaf, index));
        }
    }

    internal static Word RandomWord(Random random)
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        random.NextBytes(bytes);
        return new Word(bytes);
    }
}
