using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Optimistic.Vm;

/// <summary>Why bytes are not a proof.</summary>
public enum QuadProofError
{
    None,

    /// <summary>The bytes end before the mask, or before the siblings that the mask announces.</summary>
    TooShort,

    /// <summary>The mask has a bit at or above 3 x height (spec 2.2.3).</summary>
    MaskOutOfRange,

    /// <summary>A sibling of a state tree is there that equals its default (spec 2.2.3).</summary>
    DefaultSibling,
}

/// <summary>
/// The siblings on the path from a leaf, or from the root of a subtree, to the root of a quad tree (spec 2.2). Those that equal the
/// default of the tree's kind are left out of the encoding.
/// </summary>
public sealed class QuadProof
{
    /// <summary>The mask has three bits a level.</summary>
    public const int MaxHeight = 21;

    private const int MaskLength = sizeof(ulong);

    private readonly Word[] _present;

    private QuadProof(QuadTreeKind kind, int height, int baseHeight, ulong mask, Word[] present)
    {
        Kind = kind;
        Height = height;
        BaseHeight = baseHeight;
        Mask = mask;
        _present = present;
    }

    public QuadTreeKind Kind { get; }

    /// <summary>Levels that the proof climbs: the tree's height less <see cref="BaseHeight"/>.</summary>
    public int Height { get; }

    /// <summary>Height of what is proven: 0 for a leaf, k for a subtree of height k (spec 2.2.4).</summary>
    public int BaseHeight { get; }

    /// <summary>Bit 3k + j: sibling j of level k is present.</summary>
    public ulong Mask { get; }

    /// <summary>The present siblings, bottom up, within a level in child order.</summary>
    public ReadOnlySpan<Word> Siblings => _present;

    public int EncodedLength => MaskLength + _present.Length * Word.Length;

    /// <summary>
    /// The proof of <paramref name="leaf"/> at <paramref name="index"/> from all its siblings: three a level, bottom up, in child order.
    /// </summary>
    public static QuadProof Create(QuadTreeKind kind, in Word leaf, ulong index, ReadOnlySpan<Word> siblings, int baseHeight = 0)
    {
        int height = siblings.Length / 3;
        if (siblings.Length % 3 != 0)
            throw new ArgumentException($"{siblings.Length} siblings are not three a level.", nameof(siblings));

        CheckShape(height, index);
        ulong mask = 0;
        var present = new List<Word>();
        Word node = leaf;
        for (int level = 0; level < height; level++)
        {
            Word absent = kind == QuadTreeKind.Trace ? node : QuadTree.ZeroRoot(baseHeight + level);
            ReadOnlySpan<Word> three = siblings.Slice(3 * level, 3);
            for (int j = 0; j < 3; j++)
            {
                if (three[j] == absent)
                    continue;

                mask |= 1UL << (3 * level + j);
                present.Add(three[j]);
            }

            // The path's node above is needed only where it is the default of the next level.
            if (kind == QuadTreeKind.Trace)
                node = Parent(node, ChildPosition(index, level), three[0], three[1], three[2]);
        }

        return new QuadProof(kind, height, baseHeight, mask, [.. present]);
    }

    /// <summary>Reads the proof of a tree of <paramref name="height"/> levels from the front of <paramref name="reader"/> and advances it.</summary>
    /// <returns>False, with nothing read, when the bytes are not such a proof; <paramref name="error"/> says why.</returns>
    public static bool TryRead(
        ref ReadOnlySpan<byte> reader,
        QuadTreeKind kind,
        int height,
        [NotNullWhen(true)] out QuadProof? proof,
        out QuadProofError error,
        int baseHeight = 0)
    {
        CheckShape(height, 0);
        proof = null;
        error = QuadProofError.TooShort;
        if (!BinaryPrimitives.TryReadUInt64BigEndian(reader, out ulong mask))
            return false;

        if (mask >> (3 * height) != 0)
        {
            error = QuadProofError.MaskOutOfRange;
            return false;
        }

        int length = MaskLength + (int)ulong.PopCount(mask) * Word.Length;
        if (reader.Length < length)
            return false;

        Word[] siblings = MemoryMarshal.Cast<byte, Word>(reader[MaskLength..length]).ToArray();
        if (kind == QuadTreeKind.State && HasDefault(mask, siblings, baseHeight))
        {
            error = QuadProofError.DefaultSibling;
            return false;
        }

        error = QuadProofError.None;
        proof = new QuadProof(kind, height, baseHeight, mask, siblings);
        reader = reader[length..];
        return true;
    }

    /// <summary>Writes <see cref="EncodedLength"/> bytes (spec 2.2.2).</summary>
    /// <returns>The number of bytes written.</returns>
    public int Encode(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, Mask);
        MemoryMarshal.AsBytes(Siblings).CopyTo(destination[MaskLength..]);
        return EncodedLength;
    }

    public byte[] Encode()
    {
        byte[] bytes = new byte[EncodedLength];
        Encode(bytes);
        return bytes;
    }

    /// <summary>The root that these siblings give with <paramref name="leaf"/> at <paramref name="index"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is not below 4^<see cref="Height"/>.</exception>
    public Word ComputeRoot(in Word leaf, ulong index)
    {
        CheckShape(Height, index);
        Word node = leaf;
        int next = 0;
        for (int level = 0; level < Height; level++)
        {
            Word absent = Kind == QuadTreeKind.Trace ? node : QuadTree.ZeroRoot(BaseHeight + level);
            Word a = (Mask >> (3 * level) & 1) != 0 ? _present[next++] : absent;
            Word b = (Mask >> (3 * level + 1) & 1) != 0 ? _present[next++] : absent;
            Word c = (Mask >> (3 * level + 2) & 1) != 0 ? _present[next++] : absent;
            node = Parent(node, ChildPosition(index, level), a, b, c);
        }

        return node;
    }

    /// <summary>The lowest <paramref name="height"/> levels of this proof: that of the leaf in its subtree of this height.</summary>
    public QuadProof Below(int height)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)height, (uint)Height, nameof(height));
        ulong mask = Mask & ((1UL << (3 * height)) - 1);
        return new QuadProof(Kind, height, BaseHeight, mask, _present[..(int)ulong.PopCount(mask)]);
    }

    /// <summary>All siblings of a state tree, three a level, bottom up, in child order.</summary>
    public Word[] AllSiblings()
    {
        if (Kind != QuadTreeKind.State)
            throw new InvalidOperationException("The absent siblings of a trace depend on the leaf.");

        var all = new Word[3 * Height];
        int next = 0;
        for (int bit = 0; bit < all.Length; bit++)
            all[bit] = (Mask >> bit & 1) != 0 ? _present[next++] : QuadTree.ZeroRoot(BaseHeight + bit / 3);

        return all;
    }

    /// <summary>Whether <paramref name="leaf"/> is at <paramref name="index"/> of the tree with this root.</summary>
    public bool Verify(in Word root, in Word leaf, ulong index) => ComputeRoot(leaf, index) == root;

    private static int ChildPosition(ulong index, int level) => (int)(index >> (2 * level)) & 3;

    private static Word Parent(in Word node, int position, in Word a, in Word b, in Word c) => position switch
    {
        0 => Keccak.Quad(node, a, b, c),
        1 => Keccak.Quad(a, node, b, c),
        2 => Keccak.Quad(a, b, node, c),
        _ => Keccak.Quad(a, b, c, node),
    };

    private static bool HasDefault(ulong mask, ReadOnlySpan<Word> present, int baseHeight)
    {
        foreach (Word sibling in present)
        {
            int level = System.Numerics.BitOperations.TrailingZeroCount(mask) / 3;
            if (sibling == QuadTree.ZeroRoot(baseHeight + level))
                return true;

            mask &= mask - 1;
        }

        return false;
    }

    private static void CheckShape(int height, ulong index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)height, (uint)MaxHeight, nameof(height));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, 1UL << (2 * height), nameof(index));
    }
}
