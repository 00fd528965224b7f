namespace Optimistic.Vm.Tests;

/// <summary>Random instructions that mostly go on: addresses at the seams of memory, short branches, all families.</summary>
internal static class RandomProgram
{
    private const ulong Start = 0x1_0010;

    // Registers that hold addresses; random instructions do not write them, so that accesses stay interesting.
    private static readonly int[] AddressRegisters = [2, 8, 9, 24, 25];

    // Those of atomics: mostly aligned, or a program would seldom get far.
    private static readonly int[] AtomicRegisters = [24, 25];

    private static readonly ulong[] Addresses =
    [
        0, 0x1_0000, 0x2_0018, 0x2_1ff8, 0xbfff_fff8, 0xc000_0000, 0xdfff_ffff, 0xffff_ffe8, 0xffff_ffff, 0x7_ffff_fff9
    ];

    public static TestProgram Create(Random random, int instructions, ulong steps)
    {
        var program = new TestProgram(Start, steps);
        ulong pc = Start;
        for (int i = 0; i < instructions; i++)
        {
            if (random.Next(4) == 0)
            {
                program.Halfword(pc, Halfword(random));
                pc += 2;
            }
            else
            {
                program.Text(pc, Word(random));
                pc += 4;
            }
        }

        program.Text(pc, Assembler.Encode(Operation.Ecall));
        byte[] noise = new byte[256];
        random.NextBytes(noise);
        program.Bytes(0x2_0000, noise);
        for (int register = 1; register < 32; register++)
            program.Set(register, Value(random));
        foreach (int register in AddressRegisters)
            program.Set(register, Addresses[random.Next(Addresses.Length)]);
        foreach (int register in AtomicRegisters)
            program.Set(register, Addresses[random.Next(Addresses.Length)] & ~7UL | (random.Next(8) == 0 ? 4UL : 0));
        program.Set(17, (ulong)(random.Next(2) == 0 ? 93 : 64));
        return program;
    }

    /// <summary>64 bits of one of the kinds on which instructions go wrong.</summary>
    public static ulong Value(Random random) => random.Next(6) switch
    {
        0 => (ulong)random.Next(-3, 4),
        1 => 1UL << random.Next(64),
        2 => (1UL << random.Next(64)) - 1,
        3 => (ulong)(int)random.NextInt64(1L << 32),
        4 => 0x8000_0000 + (ulong)random.Next(-2, 3),
        _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue)
    };

    private static uint Word(Random random)
    {
        while (true)
        {
            InstructionRow row = InstructionTable.Rows[random.Next(InstructionTable.Rows.Length)];
            bool usesAddress = row.Family == Family.A || row.Operation is >= Operation.Lb and <= Operation.Sd;
            if (row.Operation is Operation.Ebreak or Operation.Jalr && random.Next(4) != 0)
                continue;

            int immediate = row.Format switch
            {
                Format.B or Format.J => 2 * random.Next(-6, 12),
                Format.I or Format.S when usesAddress => random.Next(-40, 40),
                _ => random.Next(int.MinValue, int.MaxValue)
            };
            int[] registers = row.Family == Family.A ? AtomicRegisters : AddressRegisters;
            int rs1 = usesAddress && random.Next(row.Family == Family.A ? 32 : 8) != 0 ? registers[random.Next(registers.Length)] : random.Next(32);
            Instruction i = Assembler.Normalize(row.Operation, Destination(random), rs1, random.Next(32), immediate);
            uint ordering = row.Family == Family.A ? (uint)random.Next(4) << 25 : 0;
            return Assembler.Encode(i.Operation, i.Rd, i.Rs1, i.Rs2, (int)i.Immediate) | ordering;
        }
    }

    private static ushort Halfword(Random random)
    {
        while (true)
        {
            var halfword = (ushort)random.Next(1 << 16);
            Instruction i = Decoder.DecodeText(halfword);
            bool jumps = i.Operation is Operation.Jal or Operation.Jalr or Operation.Beq or Operation.Bne;
            if (Decoder.IsCompressed(halfword) && (i.Operation != Operation.Illegal || random.Next(64) == 0) &&
                (!jumps || Math.Abs(i.Immediate) < 16) && i.Operation is not (Operation.Ebreak or Operation.Jalr))
                return halfword;
        }
    }

    private static int Destination(Random random)
    {
        int register = random.Next(32);
        return AddressRegisters.Contains(register) && random.Next(8) != 0 ? 0 : register;
    }
}
