namespace Optimistic.Vm;

/// <summary>
/// An immutable memory (spec 1.2, 2.3): what an app is deployed as, and what a stateful one leaves behind. A persistent quad tree over
/// blocks of 8 KiB, with null for zeros: images made from one another share what they have in common, and
/// <see cref="GuestMemory.Load(MemoryImage)"/> skips it.
/// </summary>
/// <remarks>Addresses are tree addresses, below 2^33: text is at <see cref="GuestMemory.TextAddress"/> + pc.</remarks>
public sealed class MemoryImage
{
    /// <summary>All zeros.</summary>
    public static readonly MemoryImage Empty = new(null);

    internal MemoryImage(QuadNode? top) => Top = top;

    /// <summary>The memory root.</summary>
    public Word Root => Top?.Hash ?? QuadTree.ZeroRoot(GuestMemory.Height);

    /// <summary>The blocks that are not all zero, by block index, ascending; each <see cref="GuestMemory.BlockLength"/> bytes.</summary>
    public IEnumerable<(uint Index, ReadOnlyMemory<byte> Bytes)> Blocks => BlocksOf(Top, GuestMemory.Height, 0);

    internal QuadNode? Top { get; }

    /// <summary>The image with these blocks and zeros elsewhere.</summary>
    /// <param name="blocks">By block index, ascending; each <see cref="GuestMemory.BlockLength"/> bytes, which are copied.</param>
    public static MemoryImage FromBlocks(IEnumerable<(uint Index, ReadOnlyMemory<byte> Bytes)> blocks)
    {
        var changes = new List<Change>();
        foreach ((uint index, ReadOnlyMemory<byte> bytes) in blocks)
        {
            if (bytes.Length != GuestMemory.BlockLength || index >= GuestMemory.BlockCount || (changes.Count > 0 && index <= changes[^1].Index))
                throw new ArgumentException($"Block {index} of {bytes.Length} bytes is not the next block of {GuestMemory.BlockLength}.", nameof(blocks));

            changes.Add(new Change(index, Leaf(bytes.ToArray())));
        }

        return Empty.With(changes);
    }

    /// <summary>This image with <paramref name="bytes"/> at <paramref name="address"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They end beyond 2^33.</exception>
    public MemoryImage Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        CheckRange(address, bytes.Length);
        var changes = new List<Change>();
        while (!bytes.IsEmpty)
        {
            uint index = (uint)(address >> GuestMemory.BlockShift);
            int offset = (int)(address % GuestMemory.BlockLength);
            int length = Math.Min(bytes.Length, GuestMemory.BlockLength - offset);
            byte[] block = [.. BlockAt(index)];
            bytes[..length].CopyTo(block.AsSpan(offset));
            changes.Add(new Change(index, Leaf(block)));
            address += (uint)length;
            bytes = bytes[length..];
        }

        return With(changes);
    }

    /// <summary>
    /// This image with the first <paramref name="length"/> bytes of another at <paramref name="address"/>: the blocks are shared, so the
    /// same part in many places takes the room of one. Both are whole blocks.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">They end beyond 2^33, or are no whole blocks.</exception>
    public MemoryImage Share(ulong address, MemoryImage part, int length)
    {
        CheckRange(address, length);
        if (address % GuestMemory.BlockLength != 0 || length % GuestMemory.BlockLength != 0)
            throw new ArgumentOutOfRangeException(nameof(length), $"{length} bytes at 0x{address:x} are not whole blocks of {GuestMemory.BlockLength}.");

        uint first = (uint)(address >> GuestMemory.BlockShift);
        var changes = new List<Change>();
        for (uint block = 0; block < length / GuestMemory.BlockLength; block++)
            changes.Add(new Change(first + block, part.NodeAt(block)));
        return With(changes);
    }

    /// <summary>Fills <paramref name="destination"/> with the bytes at <paramref name="address"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They end beyond 2^33.</exception>
    public void Read(ulong address, Span<byte> destination)
    {
        CheckRange(address, destination.Length);
        while (!destination.IsEmpty)
        {
            int offset = (int)(address % GuestMemory.BlockLength);
            int length = Math.Min(destination.Length, GuestMemory.BlockLength - offset);
            BlockAt((uint)(address >> GuestMemory.BlockShift)).Slice(offset, length).CopyTo(destination);
            address += (uint)length;
            destination = destination[length..];
        }
    }

    /// <summary>The root of slot <paramref name="slot"/>, a tree of height 12.</summary>
    public Word SlotRoot(int slot) => Slot(slot)?.Hash ?? QuadTree.ZeroRoot(GuestMemory.SlotHeight);

    /// <summary>This image with slots <paramref name="first"/> … <paramref name="last"/> zero.</summary>
    public MemoryImage ClearSlots(int first, int last)
    {
        GuestMemory.CheckSlot(first);
        GuestMemory.CheckSlot(last);
        Span<bool> changes = stackalloc bool[4];
        bool isChanged = false;
        for (int slot = first; slot <= last; slot++)
        {
            changes[slot / 4] |= Slot(slot) is not null;
            isChanged |= changes[slot / 4];
        }

        if (!isChanged)
            return this;

        var quarters = new QuadNode?[4];
        for (int quarter = 0; quarter < 4; quarter++)
        {
            QuadNode? Kept(int slot) => slot >= first && slot <= last ? null : Slot(slot);
            quarters[quarter] = changes[quarter]
                ? QuadNode.Over(Kept(4 * quarter), Kept((4 * quarter) + 1), Kept((4 * quarter) + 2), Kept((4 * quarter) + 3), GuestMemory.QuarterHeight)
                : Top?.Child(quarter);
        }

        return new MemoryImage(QuadNode.Over(quarters[0], quarters[1], quarters[2], quarters[3], GuestMemory.Height));
    }

    /// <summary>The root of slots 4 <paramref name="quarter"/> to 4 <paramref name="quarter"/> + 3, a tree of height 13.</summary>
    internal Word QuarterRoot(int quarter) => Top?.Child(quarter)?.Hash ?? QuadTree.ZeroRoot(GuestMemory.QuarterHeight);

    /// <summary>Eight KiB of the image.</summary>
    internal ReadOnlySpan<byte> BlockAt(uint index) => NodeAt(index)?.Block ?? ZeroBlock;

    private QuadNode? NodeAt(uint block)
    {
        QuadNode? node = Top;
        for (int height = GuestMemory.Height; height > GuestMemory.BlockHeight && node is not null; height--)
            node = node.Child(ChildPosition(block, height));

        return node;
    }

    internal static int ChildPosition(uint block, int height) => (int)(block >> (2 * (height - 1 - GuestMemory.BlockHeight))) & 3;

    private static readonly byte[] ZeroBlock = new byte[GuestMemory.BlockLength];

    private QuadNode? Slot(int slot)
    {
        GuestMemory.CheckSlot(slot);
        return Top?.Child(slot / 4)?.Child(slot % 4);
    }

    private static unsafe QuadNode? Leaf(byte[] block)
    {
        if (!block.AsSpan().ContainsAnyExcept((byte)0))
            return null;

        Word root;
        fixed (byte* bytes = block)
            GuestMemory.HashBlock(bytes, (byte*)&root);

        return new QuadNode(root, block);
    }

    /// <summary>This image with other blocks, by ascending index.</summary>
    private MemoryImage With(List<Change> changes) => changes.Count == 0
        ? this
        : new MemoryImage(With(Top, GuestMemory.Height, changes, 0, changes.Count));

    private static QuadNode? With(QuadNode? node, int height, List<Change> changes, int start, int end)
    {
        if (height == GuestMemory.BlockHeight)
            return changes[start].Node;

        QuadNode?[] children = [node?.Child(0), node?.Child(1), node?.Child(2), node?.Child(3)];
        while (start < end)
        {
            int position = ChildPosition(changes[start].Index, height), next = start + 1;
            while (next < end && ChildPosition(changes[next].Index, height) == position)
                next++;

            children[position] = With(children[position], height - 1, changes, start, next);
            start = next;
        }

        return QuadNode.Over(children[0], children[1], children[2], children[3], height);
    }

    private static IEnumerable<(uint, ReadOnlyMemory<byte>)> BlocksOf(QuadNode? node, int height, uint index)
    {
        if (node is null)
            yield break;

        if (height == GuestMemory.BlockHeight)
        {
            yield return (index, node.Block);
            yield break;
        }

        for (int child = 0; child < 4; child++)
        {
            foreach ((uint, ReadOnlyMemory<byte>) block in BlocksOf(node.Child(child), height - 1, 4 * index + (uint)child))
                yield return block;
        }
    }

    private readonly record struct Change(uint Index, QuadNode? Node);

    private static void CheckRange(ulong address, int length)
    {
        if (address > GuestMemory.Length || (ulong)length > GuestMemory.Length - address)
            throw new ArgumentOutOfRangeException(nameof(address), $"{length} bytes at 0x{address:x} end beyond the memory's 2^33 bytes.");
    }
}
