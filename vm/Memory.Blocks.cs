using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Optimistic.Vm;

/// <summary>Hashing blocks: many together, level by level, and of blocks that were hashed lately only what has changed in them.</summary>
public sealed unsafe partial class GuestMemory
{
    /// <summary>Blocks that are hashed together, and those that are remembered: most tasks change no more.</summary>
    private const int BlocksAtATime = 8;

    /// <summary>Nodes inside a block: 64 of height 1, 16 of height 2, 4 of height 3, the block's root.</summary>
    private const int InnerNodeCount = 64 + 16 + 4 + 1;

    private readonly HashedBlock* _hashedBlocks;
    private long _hashings;

    /// <summary>The root over the 4^4 words of one block.</summary>
    [SkipLocalsInit]
    internal static void HashBlock(byte* block, byte* root)
    {
        HashedBlock hashed;
        HashedBlock* one = &hashed;
        one->Forget(block);
        Rehash(&one, &block, 1);
        *(Word*)root = *hashed.Root;
    }

    /// <summary>Rehashes dirty blocks, <paramref name="start"/> to <paramref name="end"/> - 1 of them, none of which need be remembered.</summary>
    private void HashBlocks(int start, int end)
    {
        // From the pool of the thread: fresh memory would cost a fault a page.
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BlocksAtATime * sizeof(HashedBlock));
        HashedBlock** entries = stackalloc HashedBlock*[BlocksAtATime];
        fixed (byte* hashed = buffer)
        {
            for (; start < end; start += BlocksAtATime)
            {
                int count = Math.Min(end - start, BlocksAtATime);
                for (int i = 0; i < count; i++)
                {
                    entries[i] = (HashedBlock*)hashed + i;
                    entries[i]->Forget(BlockPointer((uint)_dirtyBlocks[start + i]));
                }

                HashBlocks(entries, start, count);
            }
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Rehashes all dirty blocks, at most <see cref="BlocksAtATime"/>, with what is remembered of them.</summary>
    private void HashFewBlocks()
    {
        _hashings++;
        HashedBlock** entries = stackalloc HashedBlock*[BlocksAtATime];
        for (int i = 0; i < _dirtyBlocks.Count; i++)
        {
            // Its own entry, else the one that was used longest ago; never one of this time, as there are no more blocks than entries.
            uint block = (uint)_dirtyBlocks[i];
            HashedBlock* entry = null;
            for (HashedBlock* other = _hashedBlocks; other < _hashedBlocks + BlocksAtATime; other++)
            {
                if (other->IsKnown && other->Block == block)
                {
                    entry = other;
                    break;
                }

                if (entry == null || other->UsedAt < entry->UsedAt)
                    entry = other;
            }

            entry->IsKnown &= entry->Block == block;
            entry->Block = block;
            entry->UsedAt = _hashings;
            entries[i] = entry;
        }

        HashBlocks(entries, 0, _dirtyBlocks.Count);
    }

    private void HashBlocks(HashedBlock** entries, int start, int count)
    {
        byte** blocks = stackalloc byte*[BlocksAtATime];
        for (int i = 0; i < count; i++)
            blocks[i] = BlockPointer((uint)_dirtyBlocks[start + i]);

        Rehash(entries, blocks, count);
        for (int i = 0; i < count; i++)
            *_nodes.At(BlockHeight, (uint)_dirtyBlocks[start + i]) = *entries[i]->Root;
    }

    /// <summary>Brings what is known of blocks up to what they are. Nodes of a level are hashed together; those of nothing but zeros are known.</summary>
    [SkipLocalsInit]
    private static void Rehash(HashedBlock** entries, byte** blocks, int count)
    {
        const int MaxNodes = BlocksAtATime * (int)BlockWords / 4;
        byte** children = stackalloc byte*[4 * MaxNodes];
        Word** targets = stackalloc Word*[MaxNodes];
        Word* hashes = stackalloc Word[MaxNodes];
        ulong* changed = stackalloc ulong[BlocksAtATime];
        for (int i = 0; i < count; i++)
            changed[i] = entries[i]->Update(blocks[i]);

        for (int height = 1; height <= BlockHeight; height++)
        {
            int hashed = 0;
            for (int i = 0; i < count; i++)
            {
                HashedBlock* entry = entries[i];
                ulong parents = 0;
                for (ulong left = changed[i]; left != 0; left &= left - 1)
                {
                    int node = System.Numerics.BitOperations.TrailingZeroCount(left);
                    parents |= 1UL << (node / 4);
                    if (entry->FindEmpty(height, node))
                    {
                        *entry->Node(height, node) = QuadTree.ZeroRoot(height);
                        continue;
                    }

                    for (int child = 0; child < 4; child++)
                        children[(4 * hashed) + child] = (byte*)entry->Node(height - 1, (4 * node) + child);
                    targets[hashed++] = entry->Node(height, node);
                }

                changed[i] = parents;
            }

            Keccak.Gather(children, (byte*)hashes, hashed);
            for (int i = 0; i < hashed; i++)
                *targets[i] = hashes[i];
        }
    }

    /// <summary>A block's content when it was hashed, and all nodes above it; or the nodes alone, of a block that stays as it is meanwhile.</summary>
    private struct HashedBlock
    {
        // Null where the content is here.
        private byte* _source;

        public uint Block;

        /// <summary>Whether content and nodes mean anything.</summary>
        public bool IsKnown;

        /// <summary>The count of hashings when it was last of use.</summary>
        public long UsedAt;

        // By height from 1 up, a bit a node: whether there are only zeros below.
        private fixed ulong _isEmpty[BlockHeight + 1];
        private fixed byte _content[BlockLength];
        private fixed byte _nodes[InnerNodeCount * Word.Length];

        // Entries are in memory that does not move.
        public Word* Root => Node(BlockHeight, 0);

        public Word* Node(int height, int index) => height switch
        {
            0 => (Word*)(_source != null ? _source : (byte*)Unsafe.AsPointer(ref _content[0])) + index,
            1 => (Word*)Unsafe.AsPointer(ref _nodes[0]) + index,
            2 => (Word*)Unsafe.AsPointer(ref _nodes[0]) + 64 + index,
            3 => (Word*)Unsafe.AsPointer(ref _nodes[0]) + 64 + 16 + index,
            _ => (Word*)Unsafe.AsPointer(ref _nodes[0]) + 64 + 16 + 4,
        };

        /// <summary>Turns to a block whose content is not to be remembered.</summary>
        public void Forget(byte* source)
        {
            _source = source;
            IsKnown = false;
        }

        /// <summary>Takes over the content of a block, if it is to be remembered.</summary>
        /// <returns>A bit for each node of height 1 below which it is another.</returns>
        public ulong Update(byte* block)
        {
            if (_source != null)
                return ulong.MaxValue;

            byte* content = (byte*)Node(0, 0);
            ulong changed = 0;
            for (int group = 0; group < (int)BlockWords / 4; group++, block += Keccak.NodeLength, content += Keccak.NodeLength)
            {
                Vector256<byte> w0 = Vector256.Load(block), w1 = Vector256.Load(block + 32), w2 = Vector256.Load(block + 64), w3 = Vector256.Load(block + 96);
                Vector256<byte> difference = (w0 ^ Vector256.Load(content)) | (w1 ^ Vector256.Load(content + 32)) | (w2 ^ Vector256.Load(content + 64)) | (w3 ^ Vector256.Load(content + 96));
                if (IsKnown && difference == Vector256<byte>.Zero)
                    continue;

                changed |= 1UL << group;
                *(Vector256<byte>*)content = w0;
                *(Vector256<byte>*)(content + 32) = w1;
                *(Vector256<byte>*)(content + 64) = w2;
                *(Vector256<byte>*)(content + 96) = w3;
            }

            IsKnown = true;
            return changed;
        }

        /// <summary>Whether there are only zeros below a node, from what is below it.</summary>
        public bool FindEmpty(int height, int node)
        {
            bool isEmpty;
            if (height == 1)
            {
                byte* group = (byte*)Node(0, 4 * node);
                isEmpty = (Vector256.Load(group) | Vector256.Load(group + 32) | Vector256.Load(group + 64) | Vector256.Load(group + 96)) == Vector256<byte>.Zero;
            }
            else
            {
                isEmpty = (_isEmpty[height - 1] >> (4 * node) & 15) == 15;
            }

            _isEmpty[height] = (_isEmpty[height] & ~(1UL << node)) | (isEmpty ? 1UL << node : 0);
            return isEmpty;
        }
    }
}
