using System.Buffers.Binary;

namespace Optimistic.Vm.Tests.Guests;

/// <summary>
/// Makes static RISC-V ELF files that run both in the machine and in qemu-riscv64: text at <see cref="TextAddress"/>,
/// writable data at <see cref="DataAddress"/>.
/// </summary>
internal static class ElfBuilder
{
    public const uint TextAddress = 0x10000;
    public const uint DataAddress = 0x2000_0000;

    private const int HeaderLength = 64, ProgramHeaderLength = 56, SectionHeaderLength = 64, PageLength = 4096;
    private const uint Executable = 1, Writable = 2, Readable = 4;

    /// <param name="text">Code, entered at its start.</param>
    /// <param name="data">Initialised data; may be empty.</param>
    public static byte[] Build(ReadOnlySpan<byte> text, ReadOnlySpan<byte> data)
    {
        int dataOffset = (PageLength + text.Length + PageLength - 1) / PageLength * PageLength;
        byte[] elf = new byte[dataOffset + data.Length];
        ReadOnlySpan<byte> identification = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]; // ELF64, little-endian, version 1
        identification.CopyTo(elf);
        Write16(elf, 16, 2); // ET_EXEC
        Write16(elf, 18, 243); // EM_RISCV
        Write32(elf, 20, 1);
        Write64(elf, 24, TextAddress); // entry
        Write64(elf, 32, HeaderLength); // program headers follow
        Write32(elf, 48, 1); // EF_RISCV_RVC, soft float
        Write16(elf, 52, HeaderLength);
        Write16(elf, 54, ProgramHeaderLength);
        Write16(elf, 58, SectionHeaderLength); // there are none, but qemu checks their size
        Write16(elf, 56, (ushort)(data.IsEmpty ? 1 : 2));
        WriteSegment(elf, HeaderLength, Readable | Executable, PageLength, TextAddress, text.Length);
        if (!data.IsEmpty)
            WriteSegment(elf, HeaderLength + ProgramHeaderLength, Readable | Writable, dataOffset, DataAddress, data.Length);

        text.CopyTo(elf.AsSpan(PageLength));
        data.CopyTo(elf.AsSpan(dataOffset));
        return elf;
    }

    private static void WriteSegment(byte[] elf, int at, uint flags, int offset, uint address, int length)
    {
        Write32(elf, at, 1); // PT_LOAD
        Write32(elf, at + 4, flags);
        Write64(elf, at + 8, (ulong)offset);
        Write64(elf, at + 16, address);
        Write64(elf, at + 24, address);
        Write64(elf, at + 32, (ulong)length);
        Write64(elf, at + 40, (ulong)length);
        Write64(elf, at + 48, PageLength);
    }

    private static void Write16(byte[] elf, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(elf.AsSpan(at), value);

    private static void Write32(byte[] elf, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(elf.AsSpan(at), value);

    private static void Write64(byte[] elf, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(elf.AsSpan(at), value);
}
