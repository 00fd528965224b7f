namespace Optimistic.Vm;

/// <summary>Loading images into a guest's memory and taking them out again, at the price of the difference alone.</summary>
public sealed unsafe partial class GuestMemory
{
    /// <summary>Adjacent zero blocks from which on the pages are given back to the system rather than cleared: 512 KiB.</summary>
    private const uint ReleasedBlocks = 64;

    /// <summary>Blocks that are kept for the next checkpoints: half a MiB.</summary>
    private const int MaxSpareBlocks = 64;

    private readonly List<int> _touchedBlocks = [];
    private readonly byte[] _isTouched = new byte[DataBlockCount];

    // Blocks that may differ from the last checkpoint, and the content there of those that differed from the image.
    private readonly HashSet<int> _changedBlocks = [];
    private readonly Dictionary<int, byte[]> _checkpoint = [];
    private readonly Stack<byte[]> _spareBlocks = [];
    private MemoryImage _image = MemoryImage.Empty;

    /// <summary>
    /// Makes this memory equal to <paramref name="image"/>. Only blocks that were written since the last load, and blocks in which the
    /// last image and this one differ, are copied; nothing is hashed.
    /// </summary>
    public void Load(MemoryImage image)
    {
        CollectDirty();
        foreach (uint block in _dirtyBlocks)
            Touch(block);

        _touchedBlocks.Sort();
        RestoreRange(0, _touchedBlocks.Count, image.Top);
        Replace(_image.Top, image.Top, Height, 0);
        _image = image;
        ForgetCheckpoint();
    }

    /// <summary>Takes what this memory is now for what <see cref="Rollback"/> comes back to.</summary>
    internal void Checkpoint()
    {
        Update();
        foreach (uint block in _changedBlocks)
        {
            if (_isTouched[block] == 0)
            {
                if (_checkpoint.Remove((int)block, out byte[]? spare))
                    _spareBlocks.Push(spare);
                continue;
            }

            if (!_checkpoint.TryGetValue((int)block, out byte[]? content))
                _checkpoint[(int)block] = content = _spareBlocks.TryPop(out byte[]? spare) ? spare : new byte[BlockLength];
            new ReadOnlySpan<byte>(BlockPointer(block), BlockLength).CopyTo(content);
        }

        _changedBlocks.Clear();
    }

    /// <summary>Makes this memory what it was at the last checkpoint, load or snapshot, at the price of what has been written since.</summary>
    internal void Rollback()
    {
        CollectDirty();
        foreach (uint block in _dirtyBlocks)
            Touch(block);

        foreach (uint block in _changedBlocks)
        {
            ReadOnlySpan<byte> content = _checkpoint.TryGetValue((int)block, out byte[]? saved) ? saved : _image.BlockAt(block);
            content.CopyTo(new Span<byte>(GroupedData + (ulong)block * BlockLength, BlockLength));
            MarkDirty((ulong)block * BlockLength);
        }

        _changedBlocks.Clear();
    }

    /// <summary>Bytes that the next <see cref="Snapshot"/> copies at most.</summary>
    internal ulong TouchedBytes
    {
        get
        {
            Update();
            return (ulong)_touchedBlocks.Count * BlockLength;
        }
    }

    /// <summary>This memory as an image, which shares with the image loaded last what has not been written since.</summary>
    public MemoryImage Snapshot()
    {
        Update();
        ForgetCheckpoint();
        if (_touchedBlocks.Count == 0)
            return _image;

        _touchedBlocks.Sort();
        _image = new MemoryImage(Capture(_image.Top, Height, 0, 0, _touchedBlocks.Count));
        foreach (uint block in _touchedBlocks)
            _isTouched[block] = 0;

        _touchedBlocks.Clear();
        return _image;
    }

    /// <summary>Makes slots <paramref name="first"/> … <paramref name="last"/> zero, and of what is left a checkpoint.</summary>
    internal void ClearSlots(int first, int last)
    {
        CheckSlot(first);
        CheckSlot(last);
        Update();
        for (int slot = first; slot <= last; slot++)
            Replace(_image.Top?.Child(slot / 4)?.Child(slot % 4), null, SlotHeight, (uint)slot);

        _image = _image.ClearSlots(first, last);
        _touchedBlocks.Sort();
        int start = FirstTouched((uint)first * SlotBlocks), end = FirstTouched((uint)(last + 1) * SlotBlocks);
        RestoreRange(start, end, _image.Top);
        _nodes.UpdateAboveSlots();
        Checkpoint();
    }

    /// <summary>The first of the touched blocks, which ascend, from <paramref name="block"/> on.</summary>
    private int FirstTouched(uint block)
    {
        int found = _touchedBlocks.BinarySearch((int)block);
        return found >= 0 ? found : ~found;
    }

    /// <summary>Gives the touched blocks <paramref name="start"/> … <paramref name="end"/> - 1 what they have under <paramref name="top"/>: they are touched no more.</summary>
    private void RestoreRange(int start, int end, QuadNode? top)
    {
        for (int i = start; i < end;)
            i += Restore(i, end, top);

        _touchedBlocks.RemoveRange(start, end - start);
    }

    /// <summary>Gives touched block <paramref name="i"/>, and those zero blocks before <paramref name="end"/> that follow a zero one, the content and path that they have under <paramref name="top"/>.</summary>
    /// <returns>How many blocks that were.</returns>
    private int Restore(int i, int end, QuadNode? top)
    {
        uint first = (uint)_touchedBlocks[i];
        int count = 0;
        while (true)
        {
            uint block = first + (uint)count++;
            _isTouched[block] = 0;
            QuadNode? leaf = RestorePath(top, block);
            if (leaf is not null)
            {
                // A run of zeros ends before a block with content; alone, that block is the run.
                if (count > 1)
                    ZeroBlocks(first, (uint)count - 1);

                CopyBlock(leaf, block);
                return count;
            }

            if (i + count == end || _touchedBlocks[i + count] != (int)first + count)
            {
                ZeroBlocks(first, (uint)count);
                return count;
            }
        }
    }

    /// <summary>Sets the nodes above <paramref name="block"/> to those under <paramref name="top"/>, and returns the block's own node.</summary>
    private QuadNode? RestorePath(QuadNode? top, uint block)
    {
        QuadNode? node = top;
        for (int height = Height; ; height--)
        {
            *_nodes.At(height, block >> (2 * (height - BlockHeight))) = node?.Hash ?? Word.Zero;
            if (height == BlockHeight)
                return node;

            node = node?.Child(MemoryImage.ChildPosition(block, height));
        }
    }

    /// <summary>Copies what differs between two subtrees of images, contents and nodes.</summary>
    private void Replace(QuadNode? old, QuadNode? image, int height, uint index)
    {
        if (ReferenceEquals(old, image) || old?.Hash == image?.Hash)
            return;

        *_nodes.At(height, index) = image?.Hash ?? Word.Zero;
        if (height > BlockHeight)
        {
            for (int child = 0; child < 4; child++)
                Replace(old?.Child(child), image?.Child(child), height - 1, 4 * index + (uint)child);
        }
        else if (image is null)
        {
            ZeroBlocks(index, 1);
        }
        else
        {
            CopyBlock(image, index);
        }
    }

    /// <summary>The subtree of an image in which the touched blocks <paramref name="start"/> … <paramref name="end"/> - 1 are as they are here.</summary>
    private QuadNode? Capture(QuadNode? old, int height, uint index, int start, int end)
    {
        Word hash = _nodes.Get(height, index);
        if (hash == (old?.Hash ?? QuadTree.ZeroRoot(height)))
            return old;

        if (height == BlockHeight)
            return hash == QuadTree.ZeroRoot(height) ? null : new QuadNode(hash, new Span<byte>(BlockPointer(index), BlockLength).ToArray());

        QuadNode?[] children = [old?.Child(0), old?.Child(1), old?.Child(2), old?.Child(3)];
        while (start < end)
        {
            int position = MemoryImage.ChildPosition((uint)_touchedBlocks[start], height), next = start + 1;
            while (next < end && MemoryImage.ChildPosition((uint)_touchedBlocks[next], height) == position)
                next++;

            children[position] = Capture(children[position], height - 1, 4 * index + (uint)position, start, next);
            start = next;
        }

        return hash == QuadTree.ZeroRoot(height) ? null : QuadNode.WithHash(hash, children[0], children[1], children[2], children[3]);
    }

    private byte* BlockPointer(uint block) => _data + (ulong)block * BlockLength;

    /// <summary>The first bytes of a block, as many as a store that starts in the block before can reach.</summary>
    private ulong HeadOf(uint block) => *(ulong*)BlockPointer(block);

    private void CopyBlock(QuadNode leaf, uint block)
    {
        leaf.Block.CopyTo(new Span<byte>(BlockPointer(block), BlockLength));
        _heads[block] = HeadOf(block);
    }

    private void ZeroBlocks(uint first, uint count)
    {
        new Span<ulong>(_heads + first, (int)count).Clear();
        if (count >= ReleasedBlocks)
            _reservation.Zero(BlockPointer(first), (ulong)count * BlockLength);
        else
            new Span<byte>(BlockPointer(first), (int)count * BlockLength).Clear();
    }

    private void ForgetCheckpoint()
    {
        _changedBlocks.Clear();
        if (_checkpoint.Count > 0)
        {
            foreach (byte[] content in _checkpoint.Values)
                _spareBlocks.Push(content);
            _checkpoint.Clear();
        }

        while (_spareBlocks.Count > MaxSpareBlocks)
            _spareBlocks.Pop();
    }

    /// <summary>Remembers that a block may differ from the image loaded last, and from the last checkpoint.</summary>
    private void Touch(uint block)
    {
        _changedBlocks.Add((int)block);
        if (_isTouched[block] != 0)
            return;

        _isTouched[block] = 1;
        _touchedBlocks.Add((int)block);
    }
}
