using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;

namespace Optimistic.Vm.Tests.Guests;

/// <summary>
/// A random straight-line program: registers of the generator's choice, a body, and an end that dumps all registers and
/// the memory that the body may touch to file descriptor 1, then exits with 0. It runs in the machine and in
/// qemu-riscv64, where the same bytes must come out.
/// </summary>
/// <remarks>
/// One register, <paramref name="Base"/>, points to the middle of the sandbox and is never written by the body; it is the
/// address of every load, store and atomic, give or take an immediate. What the body leaves out: ECALL and EBREAK, jumps
/// other than over the next instruction, SC after a store that follows its LR (qemu compares values, this machine only
/// addresses; the ISA allows both), and CTZW of a zero word under a nonzero upper half, where qemu 7.2 is wrong.
/// </remarks>
/// <param name="Base">The register that addresses memory, 1 to 31.</param>
/// <param name="Registers">Initial values of x0 … x31; those of x0 and Base do not count.</param>
/// <param name="Body">Pieces of text that make sense one without the other.</param>
public sealed record StraightLineProgram(int Base, ulong[] Registers, byte[][] Body)
{
    /// <summary>Bytes that the program writes: 32 registers, then the sandbox.</summary>
    public const int DumpLength = SandboxEnd - DumpOffset;

    // Offsets from the base register; immediates reach -2048 to 2047, and an access is at most 8 bytes long.
    private const int DumpOffset = -2048, SandboxStart = DumpOffset + 32 * 8, SandboxEnd = 2048 + 8;
    private const uint BaseAddress = ElfBuilder.DataAddress + 0x1000;

    private static readonly Operation[] Plain = [.. InstructionTable.Rows.ToArray().Where(IsPlain).Select(row => row.Operation)];
    private static readonly Operation[] Loads = [Operation.Lb, Operation.Lh, Operation.Lw, Operation.Ld, Operation.Lbu, Operation.Lhu, Operation.Lwu];
    private static readonly Operation[] Stores = [Operation.Sb, Operation.Sh, Operation.Sw, Operation.Sd];
    private static readonly Operation[] Branches = [Operation.Beq, Operation.Bne, Operation.Blt, Operation.Bge, Operation.Bltu, Operation.Bgeu];

    private static readonly Operation[] Amos =
        [.. InstructionTable.Rows.ToArray().Where(row => row.Mnemonic.StartsWith("amo", StringComparison.Ordinal)).Select(row => row.Operation)];

    /// <summary>Programs of so many pieces, most of them one instruction.</summary>
    public static Arbitrary<StraightLineProgram> OfPieces(int pieces) =>
        Arb.From(
            from baseRegister in Gen.Choose(1, 31)
            from registers in Value().ArrayOf(32)
            from body in Piece(baseRegister).ArrayOf(pieces)
            select new StraightLineProgram(baseRegister, registers, body),
            Shrink);

    /// <summary>The ELF file.</summary>
    public byte[] ToElf()
    {
        var text = new List<byte>();
        void Emit(Operation operation, int rd = 0, int rs1 = 0, int rs2 = 0, int immediate = 0) =>
            text.AddRange(Bytes(Assembler.Encode(operation, rd, rs1, rs2, immediate)));

        Emit(Operation.Lui, rd: Base, immediate: (int)BaseAddress);
        for (int i = 1; i < 32; i++)
            if (i != Base)
                Emit(Operation.Ld, rd: i, rs1: Base, immediate: DumpOffset + 8 * i);

        foreach (byte[] piece in Body)
            text.AddRange(piece);

        for (int i = 0; i < 32; i++)
            Emit(Operation.Sd, rs1: Base, rs2: i, immediate: DumpOffset + 8 * i);

        const int a0 = 10, a1 = 11, a2 = 12, a7 = 17;
        Emit(Operation.Addi, rd: a1, rs1: Base, immediate: DumpOffset);
        Emit(Operation.Addi, rd: a0, immediate: 1);
        Emit(Operation.Lui, rd: a2, immediate: 0x1000);
        Emit(Operation.Addi, rd: a2, rs1: a2, immediate: DumpLength - 0x1000);
        Emit(Operation.Addi, rd: a7, immediate: 64);
        Emit(Operation.Ecall);
        Emit(Operation.Addi, rd: a0);
        Emit(Operation.Addi, rd: a1);
        Emit(Operation.Addi, rd: a7, immediate: 93);
        Emit(Operation.Ecall);

        byte[] data = new byte[0x2000];
        for (int i = 0; i < 32; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan((int)(BaseAddress - ElfBuilder.DataAddress) + DumpOffset + 8 * i), Registers[i]);

        return ElfBuilder.Build(text.ToArray(), data);
    }

    /// <summary>The first difference between two dumps in words, or null.</summary>
    public static string? Difference(ReadOnlySpan<byte> machine, ReadOnlySpan<byte> qemu)
    {
        if (machine.Length != DumpLength || qemu.Length != DumpLength)
            return $"dumps of {machine.Length} (machine) and {qemu.Length} (qemu) bytes";

        for (int at = 0; at < DumpLength; at += 8)
        {
            ulong ours = BinaryPrimitives.ReadUInt64LittleEndian(machine[at..]), theirs = BinaryPrimitives.ReadUInt64LittleEndian(qemu[at..]);
            if (ours != theirs)
                return $"{(at < 256 ? $"x{at / 8}" : $"memory at base {at + DumpOffset}")}: machine {ours:x16}, qemu {theirs:x16}";
        }

        return null;
    }

    public override string ToString()
    {
        var lines = new List<string> { $"base x{Base}" };
        lines.AddRange(Registers.Select((value, i) => $"x{i} = 0x{value:x}"));
        foreach (byte[] piece in Body)
            for (int at = 0; at < piece.Length;)
            {
                uint word = BinaryPrimitives.ReadUInt16LittleEndian(piece.AsSpan(at));
                if (!Decoder.IsCompressed(word))
                    word = BinaryPrimitives.ReadUInt32LittleEndian(piece.AsSpan(at));

                Instruction instruction = Decoder.DecodeText(word);
                lines.Add($"  {word:x8}  {instruction}");
                at += (int)instruction.Length;
            }

        return string.Join('\n', lines);
    }

    private static bool IsPlain(InstructionRow row) =>
        row.Format is Format.R or Format.I or Format.U or Format.Shift5 or Format.Shift6 or Format.Unary or Format.Fence &&
        !IsMemory(row.Operation) && row.Operation is not (Operation.Jalr or Operation.Ctzw);

    private static bool IsMemory(Operation operation) => operation is >= Operation.Lb and <= Operation.Sd;

    private static byte[] Bytes(uint word)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, word);
        return bytes;
    }

    private static byte[] Bytes(ushort halfword) => [(byte)halfword, (byte)(halfword >> 8)];

    /// <summary>Values that find bugs, and values that find the others.</summary>
    private static Gen<ulong> Value() =>
        Gen.OneOf(
            Bits64(),
            Gen.Elements(0UL, 1UL, ulong.MaxValue, 1UL << 63, (1UL << 63) - 1, 1UL << 31, (1UL << 31) - 1, 0xFFFF_FFFFUL, 0xFFFF_FFFF_8000_0000UL, 1UL << 32),
            Gen.Choose(-128, 128).Select(small => (ulong)small),
            from bits in Bits64() from shift in Gen.Choose(0, 63) select bits >> shift);

    private static Gen<ulong> Bits64() =>
        from high in Bits32() from low in Bits32() select (ulong)high << 32 | low;

    private static Gen<uint> Bits32() =>
        from high in Gen.Choose(0, 0xFFFF) from low in Gen.Choose(0, 0xFFFF) select (uint)(high << 16 | low);

    private static Gen<int> Register() => Gen.Choose(0, 31);

    private static Gen<int> Destination(int baseRegister) => Gen.Choose(0, 31).Where(register => register != baseRegister);

    private static Gen<int> Offset() => Gen.Choose(SandboxStart, 2047);

    private static Gen<byte[]> Piece(int b) => Gen.Frequency(
        (24, Single(b)),
        (8, Compressed(b)),
        (3, CountTrailingZerosW(b)),
        (4, Branch(b)),
        (2, Jump(b)),
        (4, Atomic(b)),
        (2, Reservation(b)));

    /// <summary>One 32-bit instruction that does not jump.</summary>
    private static Gen<byte[]> Single(int b) => Gen.Frequency((5, Arithmetic(b)), (1, Load(b)), (1, Store(b)));

    private static Gen<byte[]> Arithmetic(int b) =>
        from operation in Gen.Elements(Plain)
        from rd in Destination(b)
        from rs1 in Register()
        from rs2 in Register()
        from immediate in Bits32()
        select Bytes(Assembler.Encode(operation, rd, rs1, rs2, (int)Assembler.Normalize(operation, 0, 0, 0, (int)immediate).Immediate));

    private static Gen<byte[]> Load(int b) =>
        from operation in Gen.Elements(Loads)
        from rd in Destination(b)
        from offset in Offset()
        select Bytes(Assembler.Encode(operation, rd, b, 0, offset));

    private static Gen<byte[]> Store(int b) =>
        from operation in Gen.Elements(Stores)
        from rs2 in Register()
        from offset in Offset()
        select Bytes(Assembler.Encode(operation, 0, b, rs2, offset));

    /// <summary>Any 16 bits that decode to something a straight line may hold: every form and HINT of RV64C.</summary>
    private static Gen<byte[]> Compressed(int b) =>
        Gen.Choose(0, 0xFFFF).Where(halfword =>
        {
            if ((halfword & 3) == 3)
                return false;

            Instruction instruction = Decoder.DecodeText((uint)halfword);
            if (instruction.Operation is Operation.Illegal or Operation.Jal or Operation.Jalr or Operation.Ecall or Operation.Ebreak ||
                Branches.Contains(instruction.Operation) || (instruction.Rd == b && instruction.Operation is not (>= Operation.Sb and <= Operation.Sd)))
                return false;

            return !IsMemory(instruction.Operation) || instruction.Rs1 == b;
        }).Select(halfword => Bytes((ushort)halfword));

    /// <summary>CTZW of a word whose upper half is its sign: the case that qemu 7.2 has right.</summary>
    private static Gen<byte[]> CountTrailingZerosW(int b) =>
        from rd in Destination(b)
        from rs1 in Register()
        from middle in Destination(b).Where(register => register != 0)
        select (byte[])
        [
            .. Bytes(Assembler.Encode(Operation.Addiw, middle, rs1)),
            .. Bytes(Assembler.Encode(Operation.Ctzw, rd, middle))
        ];

    /// <summary>A branch over the next instruction, 32 or 16 bits long, taken or not.</summary>
    private static Gen<byte[]> Branch(int b) => Gen.OneOf(
        from operation in Gen.Elements(Branches)
        from rs1 in Register()
        from rs2 in Register()
        from over in Gen.OneOf(Single(b), Compressed(b))
        select (byte[])[.. Bytes(Assembler.Encode(operation, 0, rs1, rs2, 4 + over.Length)), .. over],
        // C.BEQZ and C.BNEZ with offset 4.
        from form in Gen.Elements(0xC011, 0xE011)
        from rs1 in Gen.Choose(0, 7)
        from over in Compressed(b)
        select (byte[])[.. Bytes((ushort)(form | rs1 << 7)), .. over]);

    private static Gen<byte[]> Jump(int b) => Gen.OneOf(
        from rd in Destination(b)
        from over in Gen.OneOf(Single(b), Compressed(b))
        select (byte[])[.. Bytes(Assembler.Encode(Operation.Jal, rd, immediate: 4 + over.Length)), .. over],
        // JALR to an address from AUIPC, whose bit 0 it must clear.
        from through in Destination(b).Where(register => register != 0)
        from rd in Destination(b)
        from odd in Gen.Choose(0, 1)
        from over in Single(b)
        select (byte[])
        [
            .. Bytes(Assembler.Encode(Operation.Auipc, through)),
            .. Bytes(Assembler.Encode(Operation.Jalr, rd, through, immediate: 12 + odd)),
            .. over
        ],
        // C.JR and C.JALR the same way; C.J with offset 4.
        from through in Destination(b).Where(register => register != 0)
        from form in Gen.Elements(0x8002, b == 1 ? 0x8002 : 0x9002)
        from over in Compressed(b)
        select (byte[])
        [
            .. Bytes(Assembler.Encode(Operation.Auipc, through)),
            .. Bytes(Assembler.Encode(Operation.Addi, through, through, immediate: 12)),
            .. Bytes((ushort)(form | through << 7)),
            .. over
        ],
        from over in Compressed(b)
        select (byte[])[.. Bytes((ushort)0xA011), .. over]);

    /// <summary>An AMO at an aligned place; aq and rl are bits 26 and 25.</summary>
    private static Gen<byte[]> Atomic(int b) =>
        from operation in Gen.Elements(Amos)
        from rd in Destination(b)
        from rs2 in Register()
        from address in Destination(b).Where(register => register != 0)
        from offset in Offset()
        from ordering in Gen.Choose(0, 3)
        select (byte[])
        [
            .. Bytes(Assembler.Encode(Operation.Addi, address, b, immediate: offset & ~7)),
            .. Bytes(Assembler.Encode(operation, rd, address, rs2) | (uint)ordering << 25)
        ];

    /// <summary>LR, an instruction that does not store, SC to the same place or another; then an SC that must fail.</summary>
    private static Gen<byte[]> Reservation(int b) =>
        from wide in Gen.Elements(true, false)
        from loaded in Destination(b)
        from between in Arithmetic(b)
        from offset in Gen.Elements(0, 0, 8)
        from address in Destination(b).Where(register => register != 0)
        from rs2 in Register()
        from first in Destination(b)
        from second in Destination(b)
        select (byte[])
        [
            .. Bytes(Assembler.Encode(wide ? Operation.LrD : Operation.LrW, loaded, b)),
            .. between,
            .. Bytes(Assembler.Encode(Operation.Addi, address, b, immediate: offset)),
            .. Bytes(Assembler.Encode(wide ? Operation.ScD : Operation.ScW, first, address, rs2)),
            .. Bytes(Assembler.Encode(wide ? Operation.ScD : Operation.ScW, second, b, rs2))
        ];

    /// <summary>Halves first, then single pieces, then registers to zero.</summary>
    private static IEnumerable<StraightLineProgram> Shrink(StraightLineProgram program)
    {
        byte[][] body = program.Body;
        for (int length = (body.Length + 1) / 2; length >= 1; length /= 2)
            for (int at = 0; at + length <= body.Length; at += length)
                yield return program with { Body = [.. body[..at], .. body[(at + length)..]] };

        for (int i = 1; i < 32; i++)
            if (program.Registers[i] != 0)
            {
                ulong[] registers = [.. program.Registers];
                registers[i] = 0;
                yield return program with { Registers = registers };
            }
    }
}
