using System.Buffers.Binary;

namespace Optimistic.Vm;

/// <summary>What is wrong with a program's file (spec 1.10.3).</summary>
public enum ElfError
{
    NotElf,
    Truncated,
    Not64Bit,
    NotLittleEndian,
    NotRiscV,
    NotExecutable,
    Dynamic,
    HardFloat,
    Rve,
    NoSegments,
    BadSegment,
    SegmentOutsideRam,
    SegmentsOverlap,
    TextTooHigh,
    BadEntry
}

/// <summary>A file that is not a program of this machine; the message says what is wrong and what to do.</summary>
public sealed class ElfException(ElfError error, string message) : Exception(message)
{
    public ElfError Error { get; } = error;
}

/// <summary>A program: the memory that its machine starts with, and the address it starts at.</summary>
/// <param name="Image">Every segment in RAM, the executable ones also as text (spec 1.10.2).</param>
/// <param name="Entry">Address of the first instruction, even, in an executable segment.</param>
public sealed record GuestProgram(MemoryImage Image, ulong Entry);

/// <summary>Loads static ELF64 files for RISC-V (spec 1.10; System V ABI, chapter 4; RISC-V ELF psABI).</summary>
public static class ElfLoader
{
    /// <summary>More program headers than any linker makes: a limit for hostile files.</summary>
    public const int MaxProgramHeaders = 256;

    private const int HeaderLength = 64, ProgramHeaderLength = 56;
    private const byte Class64 = 2, LittleEndian = 1;
    private const ushort TypeExec = 2, TypeDyn = 3, MachineRiscV = 243;
    private const uint FlagFloatAbi = 0x6, FlagRve = 0x8;
    private const uint SegmentLoad = 1, SegmentDynamic = 2, SegmentInterpreter = 3;
    private const uint FlagExecute = 1;
    private const ulong RamEnd = Machine.InputAddress;
    private const string Toolchain = "riscv64-unknown-elf-gcc -march=rv64imac_zba_zbb_zbs -mabi=lp64 -static";

    /// <summary>The program in an ELF file.</summary>
    /// <exception cref="ElfException">The file is not a program of this machine.</exception>
    public static GuestProgram Load(ReadOnlySpan<byte> file)
    {
        CheckHeader(file);
        ulong entry = U64(file, 24);
        List<Segment> segments = ReadSegments(file);
        MemoryImage image = MemoryImage.Empty;
        foreach (Segment segment in segments)
        {
            ReadOnlySpan<byte> bytes = file.Slice(segment.Offset, segment.FileLength);
            image = image.Write(segment.Address, bytes);
            if (segment.IsExecutable)
                image = image.Write(GuestMemory.TextAddress + segment.Address, bytes);
        }

        if (entry % 2 != 0 || !segments.Exists(segment => segment.IsExecutable && entry >= segment.Address && entry < segment.End))
            throw new ElfException(ElfError.BadEntry, $"The entry 0x{entry:x} is odd or not in an executable segment: name the start symbol with -Wl,-e,<symbol>.");

        return new GuestProgram(image, entry);
    }

    private static void CheckHeader(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith("\u007fELF"u8))
            throw new ElfException(ElfError.NotElf, "This is not an ELF file: pass the linked program, not its source or a raw binary.");
        if (file.Length < HeaderLength)
            throw new ElfException(ElfError.Truncated, $"The file has {file.Length} bytes, less than an ELF header: copy it again.");
        if (file[4] != Class64)
            throw new ElfException(ElfError.Not64Bit, $"The file is not 64-bit: compile with {Toolchain}.");
        if (file[5] != LittleEndian)
            throw new ElfException(ElfError.NotLittleEndian, $"The file is not little-endian: compile with {Toolchain}.");
        if (U16(file, 18) != MachineRiscV)
            throw new ElfException(ElfError.NotRiscV, $"The file is for ELF machine {U16(file, 18)}, not for RISC-V (243): compile with {Toolchain}.");

        ushort type = U16(file, 16);
        if (type == TypeDyn)
            throw new ElfException(ElfError.Dynamic, "The file is a shared object or position-independent executable: link with -static -no-pie.");
        if (type != TypeExec)
            throw new ElfException(ElfError.NotExecutable, $"The file has ELF type {type}, not EXEC (2): link the object files into a program.");

        uint flags = U32(file, 48);
        if ((flags & FlagRve) != 0)
            throw new ElfException(ElfError.Rve, "The file is compiled for RV64E: use -march=rv64imac_zba_zbb_zbs -mabi=lp64.");
        if ((flags & FlagFloatAbi) != 0)
            throw new ElfException(ElfError.HardFloat, "The file passes floats in floating-point registers: compile and link everything with -mabi=lp64.");
    }

    private static List<Segment> ReadSegments(ReadOnlySpan<byte> file)
    {
        ulong tableOffset = U64(file, 32);
        int entryLength = U16(file, 54), count = U16(file, 56);
        if (count == 0)
            throw new ElfException(ElfError.NoSegments, "The file has no program headers: link it into a program.");
        if (count > MaxProgramHeaders)
            throw new ElfException(ElfError.BadSegment, $"The file has {count} program headers, more than {MaxProgramHeaders}: link with fewer segments.");
        if (entryLength != ProgramHeaderLength)
            throw new ElfException(ElfError.BadSegment, $"Program headers of {entryLength} bytes are not those of ELF64 ({ProgramHeaderLength}): link it again.");
        if (tableOffset > (ulong)file.Length || (ulong)(count * ProgramHeaderLength) > (ulong)file.Length - tableOffset)
            throw new ElfException(ElfError.Truncated, "The program headers are outside the file: copy it again.");

        var segments = new List<Segment>();
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = file.Slice((int)tableOffset + i * ProgramHeaderLength, ProgramHeaderLength);
            uint type = U32(header, 0);
            if (type is SegmentDynamic or SegmentInterpreter)
                throw new ElfException(ElfError.Dynamic, "The file asks for dynamic linking or an interpreter: link with -static.");
            if (type == SegmentLoad && U64(header, 40) != 0)
                segments.Add(ReadSegment(file, header, i));
        }

        if (segments.Count == 0)
            throw new ElfException(ElfError.NoSegments, "The file has nothing to load: link it into a program.");

        segments.Sort((a, b) => a.Address.CompareTo(b.Address));
        for (int i = 1; i < segments.Count; i++)
            if (segments[i].Address < segments[i - 1].End)
                throw new ElfException(ElfError.SegmentsOverlap, $"Two segments overlap at 0x{segments[i].Address:x}: check the addresses in the linker script.");

        return segments;
    }

    private static Segment ReadSegment(ReadOnlySpan<byte> file, ReadOnlySpan<byte> header, int number)
    {
        bool isExecutable = (U32(header, 4) & FlagExecute) != 0;
        ulong offset = U64(header, 8), address = U64(header, 16), fileLength = U64(header, 32), memoryLength = U64(header, 40);
        if (fileLength > memoryLength)
            throw new ElfException(ElfError.BadSegment, $"Segment {number} has more bytes in the file than in memory: link it again.");
        if (offset > (ulong)file.Length || fileLength > (ulong)file.Length - offset)
            throw new ElfException(ElfError.Truncated, $"Segment {number} is not wholly in the file: copy it again.");
        if (address >= RamEnd || memoryLength > RamEnd - address)
            throw new ElfException(ElfError.SegmentOutsideRam, $"Segment {number} at 0x{address:x} is not below 0x{RamEnd:x}: link at a lower address (-Wl,-Ttext=0x10000).");
        if (isExecutable && (address >= GuestMemory.TextLength || memoryLength > GuestMemory.TextLength - address))
            throw new ElfException(ElfError.TextTooHigh, $"Executable segment {number} at 0x{address:x} is not below 0x{GuestMemory.TextLength:x}: link at a lower address (-Wl,-Ttext=0x10000).");

        return new Segment(address, address + memoryLength, (int)offset, (int)fileLength, isExecutable);
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);

    // Not a struct: lists of structs are compiled at start-up, lists of objects are there.
    private sealed record Segment(ulong Address, ulong End, int Offset, int FileLength, bool IsExecutable);
}
