namespace Optimistic.Vm;

/// <summary>
/// What an instruction does: one value per row of the instruction table (spec 1.5.1), in the table's order. The numbers
/// are internal to a process and never persisted.
/// </summary>
public enum Operation : byte
{
    /// <summary>Not an instruction of this machine.</summary>
    Illegal,

    // RV64I
    Lui,
    Auipc,
    Jal,
    Jalr,
    Beq,
    Bne,
    Blt,
    Bge,
    Bltu,
    Bgeu,
    Lb,
    Lh,
    Lw,
    Ld,
    Lbu,
    Lhu,
    Lwu,
    Sb,
    Sh,
    Sw,
    Sd,
    Addi,
    Slti,
    Sltiu,
    Xori,
    Ori,
    Andi,
    Slli,
    Srli,
    Srai,
    Addiw,
    Slliw,
    Srliw,
    Sraiw,
    Add,
    Sub,
    Sll,
    Slt,
    Sltu,
    Xor,
    Srl,
    Sra,
    Or,
    And,
    Addw,
    Subw,
    Sllw,
    Srlw,
    Sraw,
    Fence,
    FenceI,
    Ecall,
    Ebreak,

    // M
    Mul,
    Mulh,
    Mulhsu,
    Mulhu,
    Div,
    Divu,
    Rem,
    Remu,
    Mulw,
    Divw,
    Divuw,
    Remw,
    Remuw,

    // A
    LrW,
    ScW,
    AmoswapW,
    AmoaddW,
    AmoxorW,
    AmoandW,
    AmoorW,
    AmominW,
    AmomaxW,
    AmominuW,
    AmomaxuW,
    LrD,
    ScD,
    AmoswapD,
    AmoaddD,
    AmoxorD,
    AmoandD,
    AmoorD,
    AmominD,
    AmomaxD,
    AmominuD,
    AmomaxuD,

    // Zba
    AddUw,
    Sh1add,
    Sh1addUw,
    Sh2add,
    Sh2addUw,
    Sh3add,
    Sh3addUw,
    SlliUw,

    // Zbb
    Andn,
    Orn,
    Xnor,
    Clz,
    Clzw,
    Ctz,
    Ctzw,
    Cpop,
    Cpopw,
    Max,
    Maxu,
    Min,
    Minu,
    SextB,
    SextH,
    ZextH,
    Rol,
    Rolw,
    Ror,
    Rori,
    Roriw,
    Rorw,
    OrcB,
    Rev8,

    // Zbs
    Bclr,
    Bclri,
    Bext,
    Bexti,
    Binv,
    Binvi,
    Bset,
    Bseti
}

/// <summary>The extension that an instruction belongs to, in the order of the table.</summary>
public enum Family : byte
{
    Rv64I,
    M,
    A,
    Zba,
    Zbb,
    Zbs
}

/// <summary>Which fields a 32-bit encoding has (ISA manual, "Base Instruction Formats").</summary>
public enum Format : byte
{
    /// <summary>rd, rs1, rs2.</summary>
    R,

    /// <summary>rd, rs1 and a signed 12-bit immediate.</summary>
    I,

    /// <summary>rs1, rs2 and a signed 12-bit immediate.</summary>
    S,

    /// <summary>rs1, rs2 and a signed 13-bit even offset.</summary>
    B,

    /// <summary>rd and the upper 20 bits of a 32-bit immediate.</summary>
    U,

    /// <summary>rd and a signed 21-bit even offset.</summary>
    J,

    /// <summary>rd, rs1 and a shift amount of 5 bits.</summary>
    Shift5,

    /// <summary>rd, rs1 and a shift amount of 6 bits.</summary>
    Shift6,

    /// <summary>rd and rs1; the rs2 field is part of the opcode.</summary>
    Unary,

    /// <summary>rd, rs1 (the address) and rs2; aq and rl are ignored.</summary>
    Atomic,

    /// <summary>rd and rs1 (the address); aq and rl are ignored.</summary>
    LoadReserved,

    /// <summary>No field counts.</summary>
    Fence,

    /// <summary>The whole word is the opcode.</summary>
    System
}

/// <summary>A row of the instruction table: a word w is this instruction when <c>(w &amp; Mask) == Match</c>.</summary>
/// <param name="Operation">What it does.</param>
/// <param name="Name">The name of the ISA manual, in capitals.</param>
/// <param name="Family">The extension that defines it.</param>
/// <param name="Format">The fields of its encoding.</param>
/// <param name="Mask">The bits that decide.</param>
/// <param name="Match">Their values.</param>
/// <param name="Section">The section of specs/ that fixes what the ISA manual leaves open about it.</param>
public readonly record struct InstructionRow(
    Operation Operation, string Name, Family Family, Format Format, uint Mask, uint Match, string Section)
{
    /// <summary>The name as assemblers write it.</summary>
    public string Mnemonic => Name.ToLowerInvariant();
}

/// <summary>
/// The instruction table (spec 1.5.1): every 32-bit instruction of the machine, in the order that the interpreter, the
/// JIT and the Solidity step keep. specs/instructions.tsv is the same table.
/// </summary>
public static class InstructionTable
{
    private static readonly InstructionRow[] AllRows =
    [
        // RV64I
        new(Operation.Lui, "LUI", Family.Rv64I, Format.U, 0x0000007f, 0x00000037, "1.4.5"),
        new(Operation.Auipc, "AUIPC", Family.Rv64I, Format.U, 0x0000007f, 0x00000017, "1.4.5"),
        new(Operation.Jal, "JAL", Family.Rv64I, Format.J, 0x0000007f, 0x0000006f, "1.5.3"),
        new(Operation.Jalr, "JALR", Family.Rv64I, Format.I, 0x0000707f, 0x00000067, "1.5.3"),
        new(Operation.Beq, "BEQ", Family.Rv64I, Format.B, 0x0000707f, 0x00000063, "1.5.3"),
        new(Operation.Bne, "BNE", Family.Rv64I, Format.B, 0x0000707f, 0x00001063, "1.5.3"),
        new(Operation.Blt, "BLT", Family.Rv64I, Format.B, 0x0000707f, 0x00004063, "1.5.3"),
        new(Operation.Bge, "BGE", Family.Rv64I, Format.B, 0x0000707f, 0x00005063, "1.5.3"),
        new(Operation.Bltu, "BLTU", Family.Rv64I, Format.B, 0x0000707f, 0x00006063, "1.5.3"),
        new(Operation.Bgeu, "BGEU", Family.Rv64I, Format.B, 0x0000707f, 0x00007063, "1.5.3"),
        new(Operation.Lb, "LB", Family.Rv64I, Format.I, 0x0000707f, 0x00000003, "1.2.2"),
        new(Operation.Lh, "LH", Family.Rv64I, Format.I, 0x0000707f, 0x00001003, "1.2.2"),
        new(Operation.Lw, "LW", Family.Rv64I, Format.I, 0x0000707f, 0x00002003, "1.2.2"),
        new(Operation.Ld, "LD", Family.Rv64I, Format.I, 0x0000707f, 0x00003003, "1.2.2"),
        new(Operation.Lbu, "LBU", Family.Rv64I, Format.I, 0x0000707f, 0x00004003, "1.2.2"),
        new(Operation.Lhu, "LHU", Family.Rv64I, Format.I, 0x0000707f, 0x00005003, "1.2.2"),
        new(Operation.Lwu, "LWU", Family.Rv64I, Format.I, 0x0000707f, 0x00006003, "1.2.2"),
        new(Operation.Sb, "SB", Family.Rv64I, Format.S, 0x0000707f, 0x00000023, "1.2.2"),
        new(Operation.Sh, "SH", Family.Rv64I, Format.S, 0x0000707f, 0x00001023, "1.2.2"),
        new(Operation.Sw, "SW", Family.Rv64I, Format.S, 0x0000707f, 0x00002023, "1.2.2"),
        new(Operation.Sd, "SD", Family.Rv64I, Format.S, 0x0000707f, 0x00003023, "1.2.2"),
        new(Operation.Addi, "ADDI", Family.Rv64I, Format.I, 0x0000707f, 0x00000013, "1.4.5"),
        new(Operation.Slti, "SLTI", Family.Rv64I, Format.I, 0x0000707f, 0x00002013, "1.4.5"),
        new(Operation.Sltiu, "SLTIU", Family.Rv64I, Format.I, 0x0000707f, 0x00003013, "1.4.5"),
        new(Operation.Xori, "XORI", Family.Rv64I, Format.I, 0x0000707f, 0x00004013, "1.4.5"),
        new(Operation.Ori, "ORI", Family.Rv64I, Format.I, 0x0000707f, 0x00006013, "1.4.5"),
        new(Operation.Andi, "ANDI", Family.Rv64I, Format.I, 0x0000707f, 0x00007013, "1.4.5"),
        new(Operation.Slli, "SLLI", Family.Rv64I, Format.Shift6, 0xfc00707f, 0x00001013, "1.4.5"),
        new(Operation.Srli, "SRLI", Family.Rv64I, Format.Shift6, 0xfc00707f, 0x00005013, "1.4.5"),
        new(Operation.Srai, "SRAI", Family.Rv64I, Format.Shift6, 0xfc00707f, 0x40005013, "1.4.5"),
        new(Operation.Addiw, "ADDIW", Family.Rv64I, Format.I, 0x0000707f, 0x0000001b, "1.4.5"),
        new(Operation.Slliw, "SLLIW", Family.Rv64I, Format.Shift5, 0xfe00707f, 0x0000101b, "1.4.5"),
        new(Operation.Srliw, "SRLIW", Family.Rv64I, Format.Shift5, 0xfe00707f, 0x0000501b, "1.4.5"),
        new(Operation.Sraiw, "SRAIW", Family.Rv64I, Format.Shift5, 0xfe00707f, 0x4000501b, "1.4.5"),
        new(Operation.Add, "ADD", Family.Rv64I, Format.R, 0xfe00707f, 0x00000033, "1.4.5"),
        new(Operation.Sub, "SUB", Family.Rv64I, Format.R, 0xfe00707f, 0x40000033, "1.4.5"),
        new(Operation.Sll, "SLL", Family.Rv64I, Format.R, 0xfe00707f, 0x00001033, "1.4.5"),
        new(Operation.Slt, "SLT", Family.Rv64I, Format.R, 0xfe00707f, 0x00002033, "1.4.5"),
        new(Operation.Sltu, "SLTU", Family.Rv64I, Format.R, 0xfe00707f, 0x00003033, "1.4.5"),
        new(Operation.Xor, "XOR", Family.Rv64I, Format.R, 0xfe00707f, 0x00004033, "1.4.5"),
        new(Operation.Srl, "SRL", Family.Rv64I, Format.R, 0xfe00707f, 0x00005033, "1.4.5"),
        new(Operation.Sra, "SRA", Family.Rv64I, Format.R, 0xfe00707f, 0x40005033, "1.4.5"),
        new(Operation.Or, "OR", Family.Rv64I, Format.R, 0xfe00707f, 0x00006033, "1.4.5"),
        new(Operation.And, "AND", Family.Rv64I, Format.R, 0xfe00707f, 0x00007033, "1.4.5"),
        new(Operation.Addw, "ADDW", Family.Rv64I, Format.R, 0xfe00707f, 0x0000003b, "1.4.5"),
        new(Operation.Subw, "SUBW", Family.Rv64I, Format.R, 0xfe00707f, 0x4000003b, "1.4.5"),
        new(Operation.Sllw, "SLLW", Family.Rv64I, Format.R, 0xfe00707f, 0x0000103b, "1.4.5"),
        new(Operation.Srlw, "SRLW", Family.Rv64I, Format.R, 0xfe00707f, 0x0000503b, "1.4.5"),
        new(Operation.Sraw, "SRAW", Family.Rv64I, Format.R, 0xfe00707f, 0x4000503b, "1.4.5"),
        new(Operation.Fence, "FENCE", Family.Rv64I, Format.Fence, 0x0000707f, 0x0000000f, "1.5.2"),
        new(Operation.FenceI, "FENCE.I", Family.Rv64I, Format.Fence, 0x0000707f, 0x0000100f, "1.5.2"),
        new(Operation.Ecall, "ECALL", Family.Rv64I, Format.System, 0xffffffff, 0x00000073, "1.6.1"),
        new(Operation.Ebreak, "EBREAK", Family.Rv64I, Format.System, 0xffffffff, 0x00100073, "1.6.5"),

        // M
        new(Operation.Mul, "MUL", Family.M, Format.R, 0xfe00707f, 0x02000033, "1.4.5"),
        new(Operation.Mulh, "MULH", Family.M, Format.R, 0xfe00707f, 0x02001033, "1.4.5"),
        new(Operation.Mulhsu, "MULHSU", Family.M, Format.R, 0xfe00707f, 0x02002033, "1.4.5"),
        new(Operation.Mulhu, "MULHU", Family.M, Format.R, 0xfe00707f, 0x02003033, "1.4.5"),
        new(Operation.Div, "DIV", Family.M, Format.R, 0xfe00707f, 0x02004033, "1.5.5"),
        new(Operation.Divu, "DIVU", Family.M, Format.R, 0xfe00707f, 0x02005033, "1.5.5"),
        new(Operation.Rem, "REM", Family.M, Format.R, 0xfe00707f, 0x02006033, "1.5.5"),
        new(Operation.Remu, "REMU", Family.M, Format.R, 0xfe00707f, 0x02007033, "1.5.5"),
        new(Operation.Mulw, "MULW", Family.M, Format.R, 0xfe00707f, 0x0200003b, "1.4.5"),
        new(Operation.Divw, "DIVW", Family.M, Format.R, 0xfe00707f, 0x0200403b, "1.5.5"),
        new(Operation.Divuw, "DIVUW", Family.M, Format.R, 0xfe00707f, 0x0200503b, "1.5.5"),
        new(Operation.Remw, "REMW", Family.M, Format.R, 0xfe00707f, 0x0200603b, "1.5.5"),
        new(Operation.Remuw, "REMUW", Family.M, Format.R, 0xfe00707f, 0x0200703b, "1.5.5"),

        // A
        new(Operation.LrW, "LR.W", Family.A, Format.LoadReserved, 0xf9f0707f, 0x1000202f, "1.7.3"),
        new(Operation.ScW, "SC.W", Family.A, Format.Atomic, 0xf800707f, 0x1800202f, "1.7.4"),
        new(Operation.AmoswapW, "AMOSWAP.W", Family.A, Format.Atomic, 0xf800707f, 0x0800202f, "1.7.5"),
        new(Operation.AmoaddW, "AMOADD.W", Family.A, Format.Atomic, 0xf800707f, 0x0000202f, "1.7.5"),
        new(Operation.AmoxorW, "AMOXOR.W", Family.A, Format.Atomic, 0xf800707f, 0x2000202f, "1.7.5"),
        new(Operation.AmoandW, "AMOAND.W", Family.A, Format.Atomic, 0xf800707f, 0x6000202f, "1.7.5"),
        new(Operation.AmoorW, "AMOOR.W", Family.A, Format.Atomic, 0xf800707f, 0x4000202f, "1.7.5"),
        new(Operation.AmominW, "AMOMIN.W", Family.A, Format.Atomic, 0xf800707f, 0x8000202f, "1.7.5"),
        new(Operation.AmomaxW, "AMOMAX.W", Family.A, Format.Atomic, 0xf800707f, 0xa000202f, "1.7.5"),
        new(Operation.AmominuW, "AMOMINU.W", Family.A, Format.Atomic, 0xf800707f, 0xc000202f, "1.7.5"),
        new(Operation.AmomaxuW, "AMOMAXU.W", Family.A, Format.Atomic, 0xf800707f, 0xe000202f, "1.7.5"),
        new(Operation.LrD, "LR.D", Family.A, Format.LoadReserved, 0xf9f0707f, 0x1000302f, "1.7.3"),
        new(Operation.ScD, "SC.D", Family.A, Format.Atomic, 0xf800707f, 0x1800302f, "1.7.4"),
        new(Operation.AmoswapD, "AMOSWAP.D", Family.A, Format.Atomic, 0xf800707f, 0x0800302f, "1.7.5"),
        new(Operation.AmoaddD, "AMOADD.D", Family.A, Format.Atomic, 0xf800707f, 0x0000302f, "1.7.5"),
        new(Operation.AmoxorD, "AMOXOR.D", Family.A, Format.Atomic, 0xf800707f, 0x2000302f, "1.7.5"),
        new(Operation.AmoandD, "AMOAND.D", Family.A, Format.Atomic, 0xf800707f, 0x6000302f, "1.7.5"),
        new(Operation.AmoorD, "AMOOR.D", Family.A, Format.Atomic, 0xf800707f, 0x4000302f, "1.7.5"),
        new(Operation.AmominD, "AMOMIN.D", Family.A, Format.Atomic, 0xf800707f, 0x8000302f, "1.7.5"),
        new(Operation.AmomaxD, "AMOMAX.D", Family.A, Format.Atomic, 0xf800707f, 0xa000302f, "1.7.5"),
        new(Operation.AmominuD, "AMOMINU.D", Family.A, Format.Atomic, 0xf800707f, 0xc000302f, "1.7.5"),
        new(Operation.AmomaxuD, "AMOMAXU.D", Family.A, Format.Atomic, 0xf800707f, 0xe000302f, "1.7.5"),

        // Zba
        new(Operation.AddUw, "ADD.UW", Family.Zba, Format.R, 0xfe00707f, 0x0800003b, "1.4.5"),
        new(Operation.Sh1add, "SH1ADD", Family.Zba, Format.R, 0xfe00707f, 0x20002033, "1.4.5"),
        new(Operation.Sh1addUw, "SH1ADD.UW", Family.Zba, Format.R, 0xfe00707f, 0x2000203b, "1.4.5"),
        new(Operation.Sh2add, "SH2ADD", Family.Zba, Format.R, 0xfe00707f, 0x20004033, "1.4.5"),
        new(Operation.Sh2addUw, "SH2ADD.UW", Family.Zba, Format.R, 0xfe00707f, 0x2000403b, "1.4.5"),
        new(Operation.Sh3add, "SH3ADD", Family.Zba, Format.R, 0xfe00707f, 0x20006033, "1.4.5"),
        new(Operation.Sh3addUw, "SH3ADD.UW", Family.Zba, Format.R, 0xfe00707f, 0x2000603b, "1.4.5"),
        new(Operation.SlliUw, "SLLI.UW", Family.Zba, Format.Shift6, 0xfc00707f, 0x0800101b, "1.4.5"),

        // Zbb
        new(Operation.Andn, "ANDN", Family.Zbb, Format.R, 0xfe00707f, 0x40007033, "1.4.5"),
        new(Operation.Orn, "ORN", Family.Zbb, Format.R, 0xfe00707f, 0x40006033, "1.4.5"),
        new(Operation.Xnor, "XNOR", Family.Zbb, Format.R, 0xfe00707f, 0x40004033, "1.4.5"),
        new(Operation.Clz, "CLZ", Family.Zbb, Format.Unary, 0xfff0707f, 0x60001013, "1.4.5"),
        new(Operation.Clzw, "CLZW", Family.Zbb, Format.Unary, 0xfff0707f, 0x6000101b, "1.4.5"),
        new(Operation.Ctz, "CTZ", Family.Zbb, Format.Unary, 0xfff0707f, 0x60101013, "1.4.5"),
        new(Operation.Ctzw, "CTZW", Family.Zbb, Format.Unary, 0xfff0707f, 0x6010101b, "1.4.5"),
        new(Operation.Cpop, "CPOP", Family.Zbb, Format.Unary, 0xfff0707f, 0x60201013, "1.4.5"),
        new(Operation.Cpopw, "CPOPW", Family.Zbb, Format.Unary, 0xfff0707f, 0x6020101b, "1.4.5"),
        new(Operation.Max, "MAX", Family.Zbb, Format.R, 0xfe00707f, 0x0a006033, "1.4.5"),
        new(Operation.Maxu, "MAXU", Family.Zbb, Format.R, 0xfe00707f, 0x0a007033, "1.4.5"),
        new(Operation.Min, "MIN", Family.Zbb, Format.R, 0xfe00707f, 0x0a004033, "1.4.5"),
        new(Operation.Minu, "MINU", Family.Zbb, Format.R, 0xfe00707f, 0x0a005033, "1.4.5"),
        new(Operation.SextB, "SEXT.B", Family.Zbb, Format.Unary, 0xfff0707f, 0x60401013, "1.4.5"),
        new(Operation.SextH, "SEXT.H", Family.Zbb, Format.Unary, 0xfff0707f, 0x60501013, "1.4.5"),
        new(Operation.ZextH, "ZEXT.H", Family.Zbb, Format.Unary, 0xfff0707f, 0x0800403b, "1.4.5"),
        new(Operation.Rol, "ROL", Family.Zbb, Format.R, 0xfe00707f, 0x60001033, "1.4.5"),
        new(Operation.Rolw, "ROLW", Family.Zbb, Format.R, 0xfe00707f, 0x6000103b, "1.4.5"),
        new(Operation.Ror, "ROR", Family.Zbb, Format.R, 0xfe00707f, 0x60005033, "1.4.5"),
        new(Operation.Rori, "RORI", Family.Zbb, Format.Shift6, 0xfc00707f, 0x60005013, "1.4.5"),
        new(Operation.Roriw, "RORIW", Family.Zbb, Format.Shift5, 0xfe00707f, 0x6000501b, "1.4.5"),
        new(Operation.Rorw, "RORW", Family.Zbb, Format.R, 0xfe00707f, 0x6000503b, "1.4.5"),
        new(Operation.OrcB, "ORC.B", Family.Zbb, Format.Unary, 0xfff0707f, 0x28705013, "1.4.5"),
        new(Operation.Rev8, "REV8", Family.Zbb, Format.Unary, 0xfff0707f, 0x6b805013, "1.4.5"),

        // Zbs
        new(Operation.Bclr, "BCLR", Family.Zbs, Format.R, 0xfe00707f, 0x48001033, "1.4.5"),
        new(Operation.Bclri, "BCLRI", Family.Zbs, Format.Shift6, 0xfc00707f, 0x48001013, "1.4.5"),
        new(Operation.Bext, "BEXT", Family.Zbs, Format.R, 0xfe00707f, 0x48005033, "1.4.5"),
        new(Operation.Bexti, "BEXTI", Family.Zbs, Format.Shift6, 0xfc00707f, 0x48005013, "1.4.5"),
        new(Operation.Binv, "BINV", Family.Zbs, Format.R, 0xfe00707f, 0x68001033, "1.4.5"),
        new(Operation.Binvi, "BINVI", Family.Zbs, Format.Shift6, 0xfc00707f, 0x68001013, "1.4.5"),
        new(Operation.Bset, "BSET", Family.Zbs, Format.R, 0xfe00707f, 0x28001033, "1.4.5"),
        new(Operation.Bseti, "BSETI", Family.Zbs, Format.Shift6, 0xfc00707f, 0x28001013, "1.4.5")
    ];

    /// <summary>The rows in order; row i has the operation i + 1.</summary>
    public static ReadOnlySpan<InstructionRow> Rows => AllRows;

    /// <summary>The row of a legal operation.</summary>
    public static ref readonly InstructionRow Row(Operation operation) => ref AllRows[(int)operation - 1];
}
