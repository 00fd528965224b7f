using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Optimistic.Vm;

/// <summary>
/// A machine's memory (spec 1.2) and its quad tree (spec 2.3.1): height 14 over 2^28 words of 32 bytes, 16 slots of 512 MiB.
/// </summary>
/// <remarks>
/// The tree's 2^33 bytes are one flat reservation, of which only touched pages cost memory. Data addresses are 32 bits, so that
/// <c>Data + (uint)address</c> cannot leave slots 0–7, nor an access of eight bytes slots 0–8. Stores mark their block of 8 KiB = 4^4
/// words dirty, one byte per block in a table right below <see cref="Data"/>, so that one register reaches both; a store that ends in
/// the next block may leave that one unmarked: its first bytes are compared with what they were. <see cref="Root"/> rehashes the
/// dirty blocks and their paths and nothing else. One thread at a time; and whoever holds a pointer keeps this object alive.
/// </remarks>
public sealed unsafe partial class GuestMemory : IDisposable
{
    /// <summary>Height of the tree over the words.</summary>
    public const int Height = 14;

    /// <summary>Height of a slot's subtree.</summary>
    public const int SlotHeight = 12;

    /// <summary>Height of the four subtrees under the memory root (spec 2.3.3).</summary>
    public const int QuarterHeight = Height - 1;

    /// <summary>Height of a block's subtree.</summary>
    public const int BlockHeight = 4;

    /// <summary>Block of address a: a >> 13.</summary>
    public const int BlockShift = 13;

    /// <summary>Bytes in a block.</summary>
    public const int BlockLength = 1 << BlockShift;

    /// <summary>Bytes in the tree.</summary>
    public const ulong Length = 1UL << 33;

    /// <summary>Tree address of text byte 0 (slot 12).</summary>
    public const ulong TextAddress = 0x1_8000_0000;

    /// <summary>Bytes of text: pc is below this (spec 1.2.1).</summary>
    public const ulong TextLength = 1UL << 29;

    /// <summary>Where the dirty table starts, counted from <see cref="Data"/>: block b's byte is at <c>Data + DirtyOffset + b</c>.</summary>
    public const int DirtyOffset = -(int)BlockCount;

    internal const uint BlockCount = 1u << 20;

    /// <summary>Where two words of eight bytes are, counted from <see cref="Data"/>, for whoever runs the machine.</summary>
    internal const int ScratchOffset = DirtyOffset - ScratchLength;

    private const int ScratchLength = 1 << 12;

    /// <summary>Slots 0–7, and the one block of slot 8 that a store can reach.</summary>
    internal const uint DataBlockCount = (1u << 19) + 1;

    /// <summary>Group of address a: a >> 19.</summary>
    internal const int GroupShift = BlockShift + 6;

    /// <summary>Where the groups' table starts, counted from <see cref="Dirty"/>: behind the marks of the blocks that have any.</summary>
    internal const int DirtyGroupsOffset = (int)(BlockCount - GroupCount);

    private const uint GroupBlocks = 1u << (GroupShift - BlockShift), GroupCount = (DataBlockCount + GroupBlocks - 1) / GroupBlocks;

    private const uint SlotBlocks = 1u << (2 * (SlotHeight - BlockHeight));

    private const uint BlockWords = BlockLength / Word.Length;

    /// <summary>Room for the upper half of an instruction at the end of the tree, and for whole-register reads there.</summary>
    private const ulong Slack = 1 << 16;

    private readonly Reservation _reservation, _headReservation, _hashedReservation;
    private readonly ulong* _heads;
    private readonly Nodes _nodes;
    private readonly List<int> _dirtyBlocks = [];
    private readonly byte* _data;
    private Marks _marks;
    private bool _hasLargePages;

    /// <summary>Zeroed memory.</summary>
    /// <exception cref="MemoryReservationException">The system has no address space for it.</exception>
    public GuestMemory()
    {
        _reservation = new Reservation(ScratchLength + BlockCount + Length + Slack);
        Dirty = _reservation.Pointer + ScratchLength;
        _data = Dirty - DirtyOffset;
        Text = _data + TextAddress;
        _headReservation = new Reservation(BlockCount * sizeof(ulong));
        _hashedReservation = new Reservation(BlocksAtATime * (ulong)sizeof(HashedBlock));
        _heads = (ulong*)_headReservation.Pointer;
        _nodes = new Nodes();
        _hashedBlocks = (HashedBlock*)_hashedReservation.Pointer;
    }

    /// <summary>
    /// Byte 0 of slot 0. The byte of tree address a is at <c>Data + a</c>. Who writes through it asks for it again after anything else
    /// has been done with this memory: asking is what tells that there may be dirty marks to look for.
    /// </summary>
    public byte* Data
    {
        get
        {
            _marks = Marks.OfBlocks;
            return _data;
        }
    }

    /// <summary>As <see cref="Data"/>, for who marks groups as well as blocks (<see cref="DirtyGroups"/>): what has changed is found sooner.</summary>
    internal byte* GroupedData
    {
        get
        {
            if (_marks == Marks.None)
                _marks = Marks.OfGroups;
            return _data;
        }
    }

    /// <summary>
    /// For a program that runs long: what it touches comes in large pages from now on, which cost too much for short ones; and no more
    /// when it is over.
    /// </summary>
    public void PreferLargePages(bool isLong)
    {
        if (_hasLargePages != isLong)
            _reservation.PreferLargePages(_data, (ulong)DataBlockCount << BlockShift, isLong);
        _hasLargePages = isLong;
    }

    /// <summary>Byte pc of text is at <c>Text + pc</c>; read only.</summary>
    public byte* Text { get; }

    /// <summary>
    /// One byte per block of data, not zero when a byte that a store starts at may have changed in it since the last <see cref="Root"/>.
    /// </summary>
    public byte* Dirty { get; }

    /// <summary>
    /// One byte per group of blocks, not zero when a byte that a store starts at may have changed in one of them (<see cref="GroupedData"/>).
    /// </summary>
    internal byte* DirtyGroups => Dirty + DirtyGroupsOffset;

    /// <summary>Loads 1, 2, 4 or 8 bytes at <paramref name="address"/> modulo 2^32, zero-extended (spec 1.2.2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Load(ulong address, int size)
    {
        // In bounds: a 32-bit offset and at most seven bytes more, and the reservation goes on behind slot 7.
        byte* source = _data + (uint)address;
        return size switch
        {
            1 => *source,
            2 => Unsafe.ReadUnaligned<ushort>(source),
            4 => Unsafe.ReadUnaligned<uint>(source),
            8 => Unsafe.ReadUnaligned<ulong>(source),
            _ => throw new UnreachableException($"no load has {size} bytes"),
        };
    }

    /// <summary>Stores the low 1, 2, 4 or 8 bytes of <paramref name="value"/> at <paramref name="address"/> modulo 2^32 (spec 1.2.2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ulong address, ulong value, int size)
    {
        // In bounds: as Load.
        ulong offset = (uint)address;
        byte* destination = GroupedData + offset;
        switch (size)
        {
            case 1: *destination = (byte)value; break;
            case 2: Unsafe.WriteUnaligned(destination, (ushort)value); break;
            case 4: Unsafe.WriteUnaligned(destination, (uint)value); break;
            case 8: Unsafe.WriteUnaligned(destination, value); break;
            default: throw new UnreachableException($"no store has {size} bytes");
        }

        // A misaligned store may end in the next block; for all others both marks are the same byte.
        MarkDirty(offset);
        MarkDirty(offset + (uint)size - 1);
    }

    /// <summary>Four bytes of text at <paramref name="pc"/>, little-endian: an instruction, or a compressed one and what follows it.</summary>
    /// <remarks>The caller has checked that pc is below <see cref="TextLength"/>; the last two bytes may be slot 13's zeros.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Fetch(ulong pc)
    {
        Debug.Assert(pc < TextLength);
        return Unsafe.ReadUnaligned<uint>(Text + (uint)pc);
    }

    /// <summary>Word <paramref name="index"/> of the tree: bytes 32 × index and on (spec 2.3.1).</summary>
    public Word ReadWord(uint index)
    {
        CheckWord(index);
        return Unsafe.ReadUnaligned<Word>(_data + (ulong)index * Word.Length);
    }

    /// <summary>Replaces a word that stores can reach: in slots 0–7, or one of the first of slot 8.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No store can reach this word.</exception>
    public void WriteWord(uint index, in Word word)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, DataBlockCount * BlockWords);
        Unsafe.WriteUnaligned(GroupedData + (ulong)index * Word.Length, word);
        MarkDirty((ulong)index * Word.Length);
    }

    /// <summary>Writes <paramref name="bytes"/> at <paramref name="address"/> in slots 0–7: an input, for example.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They end beyond slot 7.</exception>
    public void Write(uint address, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;

        CheckDataRange(address, bytes.Length);
        bytes.CopyTo(new Span<byte>(GroupedData + address, bytes.Length));
        ulong last = address + (ulong)bytes.Length - 1;
        for (ulong block = address >> BlockShift; block <= last >> BlockShift; block++)
            MarkDirty(block << BlockShift);
    }

    /// <summary>The bytes at <paramref name="address"/> in slots 0–7, in place: an output, for example.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They end beyond slot 7.</exception>
    public ReadOnlySpan<byte> Read(uint address, int length)
    {
        CheckDataRange(address, length);
        return new ReadOnlySpan<byte>(_data + address, length);
    }

    public void Dispose()
    {
        _reservation.Dispose();
        _headReservation.Dispose();
        _hashedReservation.Dispose();
        _nodes.Dispose();
    }

    internal static void CheckSlot(int slot) => ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, 16u, nameof(slot));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void MarkDirty(ulong address)
    {
        Dirty[address >> BlockShift] = 1;
        DirtyGroups[address >> GroupShift] = 1;
    }

    private static void CheckWord(uint index) => ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, 1u << (2 * Height), nameof(index));

    private static void CheckDataRange(uint address, int length)
    {
        if (length < 0 || address + (ulong)length > 1UL << 32)
            throw new ArgumentOutOfRangeException(nameof(address), $"{length} bytes at 0x{address:x} end beyond slot 7.");
    }

    /// <summary>Which marks lead to all that has changed since they were collected.</summary>
    private enum Marks
    {
        /// <summary>Nothing has.</summary>
        None,

        /// <summary>The blocks of marked groups need a look.</summary>
        OfGroups,

        /// <summary>All blocks do.</summary>
        OfBlocks
    }
}
