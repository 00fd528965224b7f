using System.Globalization;

namespace Optimistic.Vm;

/// <summary>
/// Assembly text, in the manner of GNU objdump: ABI register names, and the standard pseudo-instructions where objdump
/// prints them. Targets of jumps and branches are addresses in hexadecimal with 0x.
/// </summary>
public static class Disassembler
{
    private static readonly string[] Names =
    [
        "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
        "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"
    ];

    /// <summary>The ABI name of register <paramref name="index"/>, 0 to 31.</summary>
    public static string RegisterName(int index) => Names[index];

    /// <summary>Text of the instruction at address <paramref name="pc"/>; operands follow the name after a tab.</summary>
    public static string Format(Instruction instruction, ulong pc)
    {
        if (instruction.Operation == Operation.Illegal)
            return "illegal";

        if (Pseudo(instruction, pc) is { } pseudo)
            return pseudo;

        ref readonly InstructionRow row = ref InstructionTable.Row(instruction.Operation);
        string rd = Names[instruction.Rd], rs1 = Names[instruction.Rs1], rs2 = Names[instruction.Rs2];
        string immediate = instruction.Immediate.ToString(CultureInfo.InvariantCulture);
        string? operands = row.Format switch
        {
            Vm.Format.R => $"{rd},{rs1},{rs2}",
            Vm.Format.I when IsLoad(row.Operation) || row.Operation == Operation.Jalr => $"{rd},{immediate}({rs1})",
            Vm.Format.I => $"{rd},{rs1},{immediate}",
            Vm.Format.S => $"{rs2},{immediate}({rs1})",
            Vm.Format.B => $"{rs1},{rs2},{Target(instruction, pc)}",
            Vm.Format.U => $"{rd},0x{(uint)instruction.Immediate >> 12:x}",
            Vm.Format.J => $"{rd},{Target(instruction, pc)}",
            Vm.Format.Shift5 or Vm.Format.Shift6 => $"{rd},{rs1},0x{instruction.Immediate:x}",
            Vm.Format.Unary => $"{rd},{rs1}",
            Vm.Format.Atomic => $"{rd},{rs2},({rs1})",
            Vm.Format.LoadReserved => $"{rd},({rs1})",
            _ => null
        };
        return operands is null ? row.Mnemonic : $"{row.Mnemonic}\t{operands}";
    }

    /// <summary>Text of the 32-bit word at address <paramref name="pc"/>.</summary>
    public static string Format(uint word, ulong pc) => Format(Decoder.DecodeText(word), pc);

    private static string? Pseudo(Instruction i, ulong pc)
    {
        string rd = Names[i.Rd], rs1 = Names[i.Rs1], rs2 = Names[i.Rs2];
        return i.Operation switch
        {
            Operation.Addi when i is { Rd: 0, Rs1: 0, Immediate: 0 } => "nop",
            Operation.Addi when i.Rs1 == 0 => $"li\t{rd},{i.Immediate.ToString(CultureInfo.InvariantCulture)}",
            Operation.Addi when i.Immediate == 0 => $"mv\t{rd},{rs1}",
            Operation.Xori when i.Immediate == -1 => $"not\t{rd},{rs1}",
            Operation.Andi when i.Immediate == 255 => $"zext.b\t{rd},{rs1}",
            Operation.Addiw when i.Immediate == 0 => $"sext.w\t{rd},{rs1}",
            Operation.Sltiu when i.Immediate == 1 => $"seqz\t{rd},{rs1}",
            Operation.Sltu when i.Rs1 == 0 => $"snez\t{rd},{rs2}",
            Operation.Slt when i.Rs2 == 0 => $"sltz\t{rd},{rs1}",
            Operation.Slt when i.Rs1 == 0 => $"sgtz\t{rd},{rs2}",
            Operation.Add when i.Rs1 == 0 => $"mv\t{rd},{rs2}",
            Operation.Sub when i.Rs1 == 0 => $"neg\t{rd},{rs2}",
            Operation.Subw when i.Rs1 == 0 => $"negw\t{rd},{rs2}",
            Operation.AddUw when i.Rs2 == 0 => $"zext.w\t{rd},{rs1}",
            Operation.Beq when i.Rs2 == 0 => $"beqz\t{rs1},{Target(i, pc)}",
            Operation.Bne when i.Rs2 == 0 => $"bnez\t{rs1},{Target(i, pc)}",
            Operation.Bge when i.Rs1 == 0 => $"blez\t{rs2},{Target(i, pc)}",
            Operation.Bge when i.Rs2 == 0 => $"bgez\t{rs1},{Target(i, pc)}",
            Operation.Blt when i.Rs2 == 0 => $"bltz\t{rs1},{Target(i, pc)}",
            Operation.Blt when i.Rs1 == 0 => $"bgtz\t{rs2},{Target(i, pc)}",
            Operation.Jal when i.Rd == 0 => $"j\t{Target(i, pc)}",
            Operation.Jal when i.Rd == 1 => $"jal\t{Target(i, pc)}",
            Operation.Jalr when i is { Rd: 0, Rs1: 1, Immediate: 0 } => "ret",
            Operation.Jalr when i is { Rd: 0, Immediate: 0 } => $"jr\t{rs1}",
            Operation.Jalr when i is { Rd: 1, Immediate: 0 } => $"jalr\t{rs1}",
            _ => null
        };
    }

    private static string Target(Instruction instruction, ulong pc) => $"0x{pc + (ulong)instruction.Immediate:x}";

    private static bool IsLoad(Operation operation) => operation is >= Operation.Lb and <= Operation.Lwu;
}
