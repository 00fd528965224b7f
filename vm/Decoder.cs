namespace Optimistic.Vm;

/// <summary>Turns text into instructions: 32-bit words by the instruction table, halfwords by their expansion.</summary>
public static class Decoder
{
    private const int RaRegister = 1, SpRegister = 2;

    // Rows by opcode (bits 2-6) and funct3 (bits 12-14): at most a handful share both.
    private static readonly InstructionRow[][] Buckets = BuildBuckets();

    /// <summary>Whether an instruction that starts with this halfword is 16 bits long (spec 1.4.4).</summary>
    public static bool IsCompressed(uint halfword) => (halfword & 3) != 3;

    /// <summary>Decodes a 32-bit word (spec 1.5.1); an illegal word gives the illegal instruction, four bytes long.</summary>
    public static Instruction Decode(uint word)
    {
        if ((word & 3) != 3)
            return Instruction.Illegal;

        foreach (ref readonly InstructionRow row in Buckets[Bucket(word)].AsSpan())
            if ((word & row.Mask) == row.Match)
                return Fields(row.Operation, row.Format, word);

        return Instruction.Illegal;
    }

    /// <summary>
    /// Decodes the instruction at the start of <paramref name="text"/>: the halfword there in bits 0-15 and the one after
    /// it in bits 16-31, which counts only for 32-bit instructions (spec 1.4.4).
    /// </summary>
    public static Instruction DecodeText(uint text) =>
        IsCompressed(text) ? Decode(Expand((ushort)text)).AsCompressed() : Decode(text);

    /// <summary>
    /// The 32-bit instruction that a 16-bit one stands for (spec 1.9), or 0, which is illegal, when it stands for none.
    /// </summary>
    public static uint Expand(ushort halfword)
    {
        uint c = halfword;
        uint funct3 = c >> 13;
        return (c & 3) switch
        {
            0 => ExpandQuadrant0(c, funct3),
            1 => ExpandQuadrant1(c, funct3),
            2 => ExpandQuadrant2(c, funct3),
            _ => 0
        };
    }

    private static uint ExpandQuadrant0(uint c, uint funct3)
    {
        uint rd = 8 + Bits(c, 2, 3), rs1 = 8 + Bits(c, 7, 3);
        uint wordOffset = Bits(c, 10, 3) << 3 | Bits(c, 6, 1) << 2 | Bits(c, 5, 1) << 6;
        uint doubleOffset = Bits(c, 10, 3) << 3 | Bits(c, 5, 2) << 6;
        switch (funct3)
        {
            case 0: // C.ADDI4SPN
                uint immediate = Bits(c, 11, 2) << 4 | Bits(c, 7, 4) << 6 | Bits(c, 6, 1) << 2 | Bits(c, 5, 1) << 3;
                return immediate == 0 ? 0 : TypeI(Operation.Addi, rd, SpRegister, immediate);
            case 2: // C.LW
                return TypeI(Operation.Lw, rd, rs1, wordOffset);
            case 3: // C.LD
                return TypeI(Operation.Ld, rd, rs1, doubleOffset);
            case 6: // C.SW
                return TypeS(Operation.Sw, rs1, rd, wordOffset);
            case 7: // C.SD
                return TypeS(Operation.Sd, rs1, rd, doubleOffset);
            default: // C.FLD, reserved, C.FSD
                return 0;
        }
    }

    private static uint ExpandQuadrant1(uint c, uint funct3)
    {
        uint rd = Bits(c, 7, 5), shortRd = 8 + Bits(c, 7, 3);
        uint immediate = SignExtend(Bits(c, 12, 1) << 5 | Bits(c, 2, 5), 6);
        switch (funct3)
        {
            case 0: // C.NOP, C.ADDI
                return TypeI(Operation.Addi, rd, rd, immediate);
            case 1: // C.ADDIW
                return rd == 0 ? 0 : TypeI(Operation.Addiw, rd, rd, immediate);
            case 2: // C.LI
                return TypeI(Operation.Addi, rd, 0, immediate);
            case 3 when rd == SpRegister: // C.ADDI16SP
                uint adjustment = SignExtend(
                    Bits(c, 12, 1) << 9 | Bits(c, 6, 1) << 4 | Bits(c, 5, 1) << 6 | Bits(c, 3, 2) << 7 | Bits(c, 2, 1) << 5, 10);
                return adjustment == 0 ? 0 : TypeI(Operation.Addi, SpRegister, SpRegister, adjustment);
            case 3: // C.LUI
                return immediate == 0 ? 0 : Match(Operation.Lui) | rd << 7 | immediate << 12;
            case 4:
                return ExpandArithmetic(c, shortRd, immediate);
            case 5: // C.J
                uint target = SignExtend(
                    Bits(c, 12, 1) << 11 | Bits(c, 11, 1) << 4 | Bits(c, 9, 2) << 8 | Bits(c, 8, 1) << 10 |
                    Bits(c, 7, 1) << 6 | Bits(c, 6, 1) << 7 | Bits(c, 3, 3) << 1 | Bits(c, 2, 1) << 5, 12);
                return Match(Operation.Jal) |
                       (target >> 20 & 1) << 31 | (target >> 1 & 0x3ff) << 21 | (target >> 11 & 1) << 20 | (target >> 12 & 0xff) << 12;
            default: // C.BEQZ, C.BNEZ
                uint offset = SignExtend(
                    Bits(c, 12, 1) << 8 | Bits(c, 10, 2) << 3 | Bits(c, 5, 2) << 6 | Bits(c, 3, 2) << 1 | Bits(c, 2, 1) << 5, 9);
                return Match(funct3 == 6 ? Operation.Beq : Operation.Bne) | shortRd << 15 |
                       (offset >> 12 & 1) << 31 | (offset >> 5 & 0x3f) << 25 | (offset >> 1 & 0xf) << 8 | (offset >> 11 & 1) << 7;
        }
    }

    private static uint ExpandArithmetic(uint c, uint rd, uint immediate)
    {
        uint shift = immediate & 63, rs2 = 8 + Bits(c, 2, 3);
        return Bits(c, 10, 2) switch
        {
            0 => TypeI(Operation.Srli, rd, rd, shift),
            1 => TypeI(Operation.Srai, rd, rd, shift),
            2 => TypeI(Operation.Andi, rd, rd, immediate),
            _ => (Bits(c, 12, 1) << 2 | Bits(c, 5, 2)) switch
            {
                0 => TypeR(Operation.Sub, rd, rd, rs2),
                1 => TypeR(Operation.Xor, rd, rd, rs2),
                2 => TypeR(Operation.Or, rd, rd, rs2),
                3 => TypeR(Operation.And, rd, rd, rs2),
                4 => TypeR(Operation.Subw, rd, rd, rs2),
                5 => TypeR(Operation.Addw, rd, rd, rs2),
                _ => 0
            }
        };
    }

    private static uint ExpandQuadrant2(uint c, uint funct3)
    {
        uint rd = Bits(c, 7, 5), rs2 = Bits(c, 2, 5);
        switch (funct3)
        {
            case 0: // C.SLLI
                return TypeI(Operation.Slli, rd, rd, Bits(c, 12, 1) << 5 | Bits(c, 2, 5));
            case 2: // C.LWSP
                return rd == 0 ? 0 : TypeI(Operation.Lw, rd, SpRegister, Bits(c, 12, 1) << 5 | Bits(c, 4, 3) << 2 | Bits(c, 2, 2) << 6);
            case 3: // C.LDSP
                return rd == 0 ? 0 : TypeI(Operation.Ld, rd, SpRegister, Bits(c, 12, 1) << 5 | Bits(c, 5, 2) << 3 | Bits(c, 2, 3) << 6);
            case 4 when Bits(c, 12, 1) == 0: // C.JR, C.MV
                if (rs2 != 0)
                    return TypeR(Operation.Add, rd, 0, rs2);
                return rd == 0 ? 0 : TypeI(Operation.Jalr, 0, rd, 0);
            case 4: // C.EBREAK, C.JALR, C.ADD
                if (rs2 != 0)
                    return TypeR(Operation.Add, rd, rd, rs2);
                return rd == 0 ? Match(Operation.Ebreak) : TypeI(Operation.Jalr, RaRegister, rd, 0);
            case 6: // C.SWSP
                return TypeS(Operation.Sw, SpRegister, rs2, Bits(c, 9, 4) << 2 | Bits(c, 7, 2) << 6);
            case 7: // C.SDSP
                return TypeS(Operation.Sd, SpRegister, rs2, Bits(c, 10, 3) << 3 | Bits(c, 7, 3) << 6);
            default: // C.FLDSP, C.FSDSP
                return 0;
        }
    }

    private static uint Match(Operation operation) => InstructionTable.Row(operation).Match;

    private static uint TypeR(Operation operation, uint rd, uint rs1, uint rs2) =>
        Match(operation) | rd << 7 | rs1 << 15 | rs2 << 20;

    private static uint TypeI(Operation operation, uint rd, uint rs1, uint immediate) =>
        Match(operation) | rd << 7 | rs1 << 15 | immediate << 20;

    private static uint TypeS(Operation operation, uint rs1, uint rs2, uint immediate) =>
        Match(operation) | (immediate & 31) << 7 | rs1 << 15 | rs2 << 20 | (immediate >> 5) << 25;

    private static uint Bits(uint value, int start, int count) => value >> start & ((1u << count) - 1);

    private static uint SignExtend(uint value, int bits) => (uint)((int)(value << (32 - bits)) >> (32 - bits));

    private static Instruction Fields(Operation operation, Format format, uint word)
    {
        int rd = (int)Bits(word, 7, 5), rs1 = (int)Bits(word, 15, 5), rs2 = (int)Bits(word, 20, 5);
        int signed = (int)word;
        return format switch
        {
            Format.R or Format.Atomic => new(operation, rd, rs1, rs2),
            Format.I => new(operation, rd, rs1, immediate: signed >> 20),
            Format.S => new(operation, 0, rs1, rs2, signed >> 25 << 5 | rd),
            Format.B => new(operation, 0, rs1, rs2, signed >> 31 << 12 | (rd & 1) << 11 | (int)Bits(word, 25, 6) << 5 | rd & 30),
            Format.U => new(operation, rd, immediate: signed & ~0xfff),
            Format.J => new(operation, rd,
                immediate: signed >> 31 << 20 | signed & 0xff000 | (int)Bits(word, 20, 1) << 11 | (int)Bits(word, 21, 10) << 1),
            Format.Shift5 => new(operation, rd, rs1, immediate: rs2),
            Format.Shift6 => new(operation, rd, rs1, immediate: (int)Bits(word, 20, 6)),
            Format.Unary or Format.LoadReserved => new(operation, rd, rs1),
            Format.Fence or Format.System => new(operation),
            _ => throw new ArgumentOutOfRangeException(nameof(format))
        };
    }

    private static int Bucket(uint word) => (int)(Bits(word, 2, 5) << 3 | Bits(word, 12, 3));

    private static InstructionRow[][] BuildBuckets()
    {
        var buckets = new InstructionRow[256][];
        for (int i = 0; i < buckets.Length; i++)
        {
            uint key = 3 | (uint)i >> 3 << 2 | ((uint)i & 7) << 12;
            int count = 0;
            foreach (ref readonly InstructionRow row in InstructionTable.Rows)
                count += IsIn(row, key) ? 1 : 0;
            InstructionRow[] rows = buckets[i] = new InstructionRow[count];
            foreach (ref readonly InstructionRow row in InstructionTable.Rows)
            {
                if (IsIn(row, key))
                    rows[^count--] = row;
            }
        }

        return buckets;

        static bool IsIn(in InstructionRow row, uint key) => ((key ^ row.Match) & row.Mask & 0x707f) == 0;
    }
}
