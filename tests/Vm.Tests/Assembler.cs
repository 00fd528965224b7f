namespace Optimistic.Vm.Tests;

/// <summary>Encodes instructions for tests, from the ISA manual's formats and the table's match values.</summary>
internal static class Assembler
{
    /// <summary>Fields that the operation's format lacks are ignored.</summary>
    public static uint Encode(Operation operation, int rd = 0, int rs1 = 0, int rs2 = 0, int immediate = 0)
    {
        ref readonly InstructionRow row = ref InstructionTable.Row(operation);
        uint d = (uint)rd << 7, a = (uint)rs1 << 15, b = (uint)rs2 << 20, i = (uint)immediate;
        return row.Match | row.Format switch
        {
            Format.R or Format.Atomic => d | a | b,
            Format.I => d | a | i << 20,
            Format.S => a | b | (i & 0x1f) << 7 | (i & 0xfe0) << 20,
            Format.B => a | b | (i & 0x1e) << 7 | (i & 0x7e0) << 20 | (i & 0x800) >> 4 | (i & 0x1000) << 19,
            Format.U => d | i & 0xfffff000,
            Format.J => d | (i & 0x7fe) << 20 | (i & 0x800) << 9 | i & 0xff000 | (i & 0x100000) << 11,
            Format.Shift5 or Format.Shift6 => d | a | i << 20,
            Format.Unary or Format.LoadReserved => d | a,
            _ => 0
        };
    }

    /// <summary>The fields that an operation's format has, from 32 random bits each.</summary>
    public static Instruction Normalize(Operation operation, int rd, int rs1, int rs2, int immediate)
    {
        Format format = InstructionTable.Row(operation).Format;
        bool hasRd = format is not (Format.S or Format.B or Format.Fence or Format.System);
        bool hasRs1 = format is not (Format.U or Format.J or Format.Fence or Format.System);
        bool hasRs2 = format is Format.R or Format.S or Format.B or Format.Atomic;
        int value = format switch
        {
            Format.I or Format.S => immediate << 20 >> 20,
            Format.B => immediate << 19 >> 19 & ~1,
            Format.U => immediate & ~0xfff,
            Format.J => immediate << 11 >> 11 & ~1,
            Format.Shift5 => immediate & 31,
            Format.Shift6 => immediate & 63,
            _ => 0
        };
        return new Instruction(operation, hasRd ? rd & 31 : 0, hasRs1 ? rs1 & 31 : 0, hasRs2 ? rs2 & 31 : 0, value);
    }
}
