using System.Buffers.Binary;

namespace Optimistic.Vm.Tests;

public sealed class ElfLoaderTests
{
    private const int Type = 16, MachineField = 18, EntryField = 24, TableOffset = 32, Flags = 48, HeaderLength = 54, HeaderCount = 56;
    private const int FirstHeader = 64, HeaderType = 0, HeaderFlags = 4, Offset = 8, Address = 16, FileLength = 32, MemoryLength = 40;

    [Fact]
    [Spec("1.10.2")]
    public void Segments_are_in_RAM_and_executable_ones_also_in_text()
    {
        GuestProgram program = ElfLoader.Load(Elf((0x1_0000, [1, 2, 3, 4], 8, true), (0x2_0000, [5, 6], 2, false)));
        Assert.Equal(0x1_0000UL, program.Entry);
        Assert.Equal(
            MemoryImage.Empty.Write(0x1_0000, [1, 2, 3, 4]).Write(GuestMemory.TextAddress + 0x1_0000, [1, 2, 3, 4]).Write(0x2_0000, [5, 6]).Root,
            program.Image.Root);
    }

    [Fact]
    [Spec("1.10.1")]
    public void Samples_of_the_guest_SDK_load()
    {
        string[] files = Directory.GetFiles(Repository.File("vm", "guest", "elf"), "*.elf");
        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.NotEqual(MemoryImage.Empty.Root, ElfLoader.Load(File.ReadAllBytes(file)).Image.Root));
    }

    [Fact]
    [Spec("1.10.1")]
    public void Segments_may_end_at_the_limits()
    {
        ElfLoader.Load(Elf((0x1FFF_FFFE, [1, 0], 2, true), (0xBFFF_FFFF, [1], 1, false)));
        ElfLoader.Load(Elf((0, [1, 0], 0x2000_0000, true), (0x2000_0000, [], 0xA000_0000, false)));
    }

    [Theory]
    [Spec("1.10.3")]
    [InlineData(0, 0UL, 1, ElfError.NotElf)]
    [InlineData(4, 1UL, 1, ElfError.Not64Bit)]
    [InlineData(5, 2UL, 1, ElfError.NotLittleEndian)]
    [InlineData(MachineField, 62UL, 2, ElfError.NotRiscV)]
    [InlineData(Type, 1UL, 2, ElfError.NotExecutable)]
    [InlineData(Type, 3UL, 2, ElfError.Dynamic)]
    [InlineData(Flags, 5UL, 4, ElfError.HardFloat)]
    [InlineData(Flags, 9UL, 4, ElfError.Rve)]
    [InlineData(HeaderCount, 0UL, 2, ElfError.NoSegments)]
    [InlineData(HeaderCount, 257UL, 2, ElfError.BadSegment)]
    [InlineData(HeaderCount, 200UL, 2, ElfError.Truncated)]
    [InlineData(HeaderLength, 32UL, 2, ElfError.BadSegment)]
    [InlineData(TableOffset, ulong.MaxValue, 8, ElfError.Truncated)]
    [InlineData(EntryField, 0x1_0001UL, 8, ElfError.BadEntry)]
    [InlineData(EntryField, 0x1_0008UL, 8, ElfError.BadEntry)]
    [InlineData(EntryField, 0x2_0000UL, 8, ElfError.BadEntry)]
    [InlineData(FirstHeader + HeaderType, 2UL, 4, ElfError.Dynamic)]
    [InlineData(FirstHeader + HeaderType, 3UL, 4, ElfError.Dynamic)]
    [InlineData(FirstHeader + HeaderType, 4UL, 4, ElfError.BadEntry)]
    [InlineData(FirstHeader + HeaderFlags, 6UL, 4, ElfError.BadEntry)]
    [InlineData(FirstHeader + Offset, 0x1_0000UL, 8, ElfError.Truncated)]
    [InlineData(FirstHeader + FileLength, 9UL, 8, ElfError.BadSegment)]
    [InlineData(FirstHeader + MemoryLength, 0UL, 8, ElfError.BadEntry)]
    [InlineData(FirstHeader + MemoryLength, 0x1_0001UL, 8, ElfError.SegmentsOverlap)]
    [InlineData(FirstHeader + MemoryLength, 0x2000_0000UL, 8, ElfError.TextTooHigh)]
    [InlineData(FirstHeader + MemoryLength, ulong.MaxValue, 8, ElfError.SegmentOutsideRam)]
    [InlineData(FirstHeader + Address, 0x2000_0000UL, 8, ElfError.TextTooHigh)]
    [InlineData(FirstHeader + Address, 0xC000_0000UL, 8, ElfError.SegmentOutsideRam)]
    [InlineData(FirstHeader + Address, 0xBFFF_FFFCUL, 8, ElfError.SegmentOutsideRam)]
    [InlineData(FirstHeader + Address, ulong.MaxValue - 3, 8, ElfError.SegmentOutsideRam)]
    public void A_file_that_is_no_program_is_refused_by_name(int offset, ulong value, int size, ElfError expected)
    {
        byte[] file = Elf((0x1_0000, [1, 2, 3, 4], 8, true), (0x2_0000, [5, 6], 2, false));
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes[..size].CopyTo(file.AsSpan(offset));
        ElfException error = Assert.Throws<ElfException>(() => ElfLoader.Load(file));
        Assert.Equal(expected, error.Error);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    [Spec("1.10.3")]
    public void A_file_cut_short_is_refused()
    {
        byte[] file = Elf((0x1_0000, [1, 2, 3, 4], 8, true));
        for (int length = 0; length < file.Length; length++)
            Assert.Throws<ElfException>(() => ElfLoader.Load(file.AsSpan(0, length)));
    }

    private static byte[] Elf(params (ulong Address, byte[] Bytes, ulong MemoryLength, bool IsExecutable)[] segments)
    {
        byte[] file = new byte[FirstHeader + 56 * segments.Length + segments.Sum(segment => segment.Bytes.Length)];
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(file);
        Span<byte> bytes = file;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[Type..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[MachineField..], 243);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[EntryField..], segments[0].Address);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[TableOffset..], FirstHeader);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[Flags..], 1);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[HeaderLength..], 56);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[HeaderCount..], (ushort)segments.Length);
        int end = FirstHeader + 56 * segments.Length;
        for (int i = 0; i < segments.Length; i++)
        {
            Span<byte> header = bytes[(FirstHeader + 56 * i)..];
            BinaryPrimitives.WriteUInt32LittleEndian(header[HeaderType..], 1);
            BinaryPrimitives.WriteUInt32LittleEndian(header[HeaderFlags..], segments[i].IsExecutable ? 5u : 6);
            BinaryPrimitives.WriteUInt64LittleEndian(header[Offset..], (ulong)end);
            BinaryPrimitives.WriteUInt64LittleEndian(header[Address..], segments[i].Address);
            BinaryPrimitives.WriteUInt64LittleEndian(header[FileLength..], (ulong)segments[i].Bytes.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(header[MemoryLength..], segments[i].MemoryLength);
            segments[i].Bytes.CopyTo(bytes[end..]);
            end += segments[i].Bytes.Length;
        }

        return file;
    }
}
