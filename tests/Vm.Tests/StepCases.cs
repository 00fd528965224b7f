namespace Optimistic.Vm.Tests;

/// <summary>
/// Single steps from chosen states: every instruction, every fault, every kind of access. The states are made from fixed
/// seeds; what they become is in specs/vectors/step.json, which Solidity's step is held to as well.
/// </summary>
internal static class StepCases
{
    private const ulong Pc = 0x1_0008;
    private const uint RamAddress = 0x2_0000;

    // Every byte differs from its neighbours, in the words that the cases read.
    private static readonly byte[] Pattern = [.. Enumerable.Range(0, 96).Select(i => (byte)(0x81 + 37 * i))];

    public static IEnumerable<(string Name, TestProgram Program)> All() =>
        Instructions().Concat(Compressed()).Concat(Accesses()).Concat(Atomics()).Concat(Calls()).Concat(Faults());

    /// <summary>Every row of the table thrice: random operands, the extremes, and x0 as destination.</summary>
    private static IEnumerable<(string, TestProgram)> Instructions()
    {
        foreach (InstructionRow row in InstructionTable.Rows.ToArray())
        {
            var random = new Random((int)row.Match);
            ulong a = (ulong)random.NextInt64(long.MinValue, long.MaxValue), b = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
            yield return ($"{row.Mnemonic} random", Operands(row, random.Next(), a, b, rd: 12));
            yield return ($"{row.Mnemonic} equal", Operands(row, 0, b, b, rd: 10));
            yield return ($"{row.Mnemonic} extremes", Operands(row, -1, 0x8000_0000_8000_0000, ulong.MaxValue, rd: 11));
            yield return ($"{row.Mnemonic} zero", Operands(row, 0x7ff, ulong.MaxValue, 0, rd: 12));
            yield return ($"{row.Mnemonic} x0", Operands(row, random.Next(), a, b, rd: 0));
        }
    }

    private static TestProgram Operands(in InstructionRow row, int immediate, ulong a, ulong b, int rd)
    {
        Instruction i = Assembler.Normalize(row.Operation, rd, 10, 11, immediate);
        bool isMemory = row.Family == Family.A || row.Operation is >= Operation.Lb and <= Operation.Sd;
        ulong address = row.Family == Family.A ? RamAddress + 8 : RamAddress + 0x13 - (ulong)i.Immediate;
        return new TestProgram(Pc)
            .Text(Pc, Assembler.Encode(row.Operation, i.Rd, i.Rs1, i.Rs2, (int)i.Immediate))
            .Bytes(RamAddress, Pattern)
            .Set(10, isMemory ? address | a << 32 : a)
            .Set(11, b)
            .Set(12, 0x1234_5678_9abc_def0)
            .Set(17, 64);
    }

    /// <summary>Every kind of compressed instruction.</summary>
    private static IEnumerable<(string, TestProgram)> Compressed()
    {
        ushort[] halfwords =
        [
            0x1fe8, 0x5d7c, 0x7d7c, 0xdd7c, 0xfd7c, 0x0001, 0x1501, 0x357d, 0x55fd, 0x7139, 0x6505, 0x757d, 0x917d, 0x957d, 0x997d,
            0x8d0d, 0x8d2d, 0x8d4d, 0x8d6d, 0x9d0d, 0x9d2d, 0xa001, 0xd97d, 0xe119, 0x157e, 0x557e, 0x757e, 0x8502, 0x8082, 0x852e,
            0x9002, 0x9502, 0x952e, 0xdfaa, 0xffaa
        ];
        foreach (ushort halfword in halfwords)
        {
            string text = Disassembler.Format(Decoder.DecodeText(halfword), Pc).Replace('\t', ' ');
            yield return ($"compressed {text}", new TestProgram(Pc)
                .Halfword(Pc, halfword)
                .Halfword(Pc + 2, 0xffff)
                .Bytes(RamAddress, Pattern)
                .Bytes(RamAddress + 0xfc, Pattern)
                .Set(1, 0x1_0100)
                .Set(2, RamAddress)
                .Set(10, RamAddress)
                .Set(11, 0x1_0000_0001)
                .Set(15, 0xfedc_ba98_7654_3210));
        }
    }

    /// <summary>Loads, stores and fetches over one word and two, at the seams of the memory.</summary>
    private static IEnumerable<(string, TestProgram)> Accesses()
    {
        Operation[] operations = [.. InstructionTable.Rows.ToArray().Select(row => row.Operation).Where(o => o is >= Operation.Lb and <= Operation.Sd)];
        foreach (Operation operation in operations)
        {
            string mnemonic = InstructionTable.Row(operation).Mnemonic;
            foreach (uint offset in new uint[] { 24, 25, 28, 29, 30, 31, 32 })
                yield return ($"{mnemonic} at {offset}", Access(operation, RamAddress + offset).Bytes(RamAddress, Pattern));

            yield return ($"{mnemonic} in fresh memory", Access(operation, 0x4000_001c));
            yield return ($"{mnemonic} over two blocks", Access(operation, RamAddress + 0x1fff).Bytes(RamAddress + 0x1fe0, Pattern));
            yield return ($"{mnemonic} from RAM into input", Access(operation, 0xbfff_ffff).Bytes(0xbfff_ffe0, Pattern));
            yield return ($"{mnemonic} from input into output", Access(operation, 0xdfff_fffe).Bytes(0xdfff_ffe0, Pattern));
            yield return ($"{mnemonic} at the end of output", Access(operation, 0xffff_fff8).Bytes(0xffff_ffe0, Pattern.AsSpan(0, 32)));
            yield return ($"{mnemonic} from output into slot 8", Access(operation, 0xffff_ffff).Bytes(0xffff_ffe0, Pattern.AsSpan(0, 64)));
            yield return ($"{mnemonic} at zero", Access(operation, 0));
            yield return ($"{mnemonic} address modulo 2^32", Access(operation, 0xffff_ffff_0000_0000 + RamAddress).Bytes(RamAddress, Pattern));
        }

        uint add = Assembler.Encode(Operation.Add, 10, 11, 12);
        foreach (ulong pc in new ulong[] { 0, 0x1e, 0x1_001c, 0x1_001e, 0x1_1ffe, (1UL << 29) - 4 })
            yield return ($"fetch at 0x{pc:x}", new TestProgram(pc).Text(pc, add).Set(11, 5).Set(12, 7));

        yield return ("fetch of a halfword at the end of a word", new TestProgram(0x1e).Halfword(0x1e, 0x952e).Set(10, 1).Set(11, 2));
        yield return ("fetch at the end of text", new TestProgram((1UL << 29) - 2).Halfword((1UL << 29) - 2, 0x952e).Set(11, 2));
        yield return ("fetch beyond the end of text", new TestProgram((1UL << 29) - 2).Halfword((1UL << 29) - 2, 0x8533));
        yield return ("fetch from text, not from its copy in RAM", new TestProgram(Pc).Text(Pc, add).Bytes(Pc, Pattern).Set(11, 5));
        yield return ("store over the program", Access(Operation.Sd, Pc));
    }

    private static TestProgram Access(Operation operation, ulong address) => new TestProgram(Pc)
        .Text(Pc, Assembler.Encode(operation, 10, 13, 12, 0x11))
        .Set(12, 0xf1e2_d3c4_b5a6_9788)
        .Set(13, address - 0x11);

    private static IEnumerable<(string, TestProgram)> Atomics()
    {
        foreach ((Operation load, Operation conditional, uint size) in new[] { (Operation.LrW, Operation.ScW, 4u), (Operation.LrD, Operation.ScD, 8u) })
        {
            string suffix = size == 4 ? "w" : "d";
            uint address = RamAddress + 0x18;
            yield return ($"lr.{suffix} replaces the reservation", Reserved(load, address, 0x101));
            yield return ($"sc.{suffix} on the reservation", Reserved(conditional, address, address | 1u));
            yield return ($"sc.{suffix} elsewhere", Reserved(conditional, address, address + size | 1u));
            yield return ($"sc.{suffix} without reservation", Reserved(conditional, address, 0));
            yield return ($"sc.{suffix} at zero without reservation", Reserved(conditional, 0, 0));
            yield return ($"sc.{suffix} at zero on the reservation", Reserved(conditional, 0, 1));
            yield return ($"sc.{suffix} to x0", Reserved(conditional, address, address | 1u, rd: 0));
            yield return ($"sc.{suffix} with address modulo 2^32", Reserved(conditional, 0x5_0000_0000UL + address, address | 1u));
            yield return ($"lr.{suffix} with address modulo 2^32", Reserved(load, 0x5_0000_0000UL + address, 0));
        }

        foreach (InstructionRow row in InstructionTable.Rows.ToArray().Where(row => row.Family == Family.A))
        {
            bool isDouble = row.Mnemonic.EndsWith(".d", StringComparison.Ordinal);
            foreach (uint offset in isDouble ? new uint[] { 1, 4 } : [1, 2])
                yield return ($"{row.Mnemonic} misaligned by {offset}", Reserved(row.Operation, RamAddress + 0x18 + offset, RamAddress + 0x18 + offset | 1u));

            yield return ($"{row.Mnemonic} less", Reserved(row.Operation, RamAddress + 0x18, 0x55, operand: 1));
            yield return ($"{row.Mnemonic} in fresh memory", Reserved(row.Operation, 0xe000_0000, 0x55));
            yield return ($"{row.Mnemonic} aq rl", Reserved(row.Operation, RamAddress + 0x38, 0x55, extraBits: 3 << 25));
            yield return ($"{row.Mnemonic} rd is rs1", Reserved(row.Operation, RamAddress + 0x18, 0x55, rd: 13));
        }
    }

    private static TestProgram Reserved(
        Operation operation, ulong address, ulong reservation, int rd = 10, ulong operand = 0x8765_4321_fedc_ba98, uint extraBits = 0)
    {
        TestProgram program = new TestProgram(Pc)
            .Text(Pc, Assembler.Encode(operation, rd, 13, 12) | extraBits)
            .Bytes(RamAddress, Pattern)
            .Set(12, operand)
            .Set(13, address);
        program.Head.Control.Reservation = reservation;
        return program;
    }

    private static IEnumerable<(string, TestProgram)> Calls()
    {
        yield return ("exit", Call(93, 0, 0, 0));
        yield return ("exit with code and output", Call(93, 0xffff_fff5_ffff_fff3, 1UL << 29, 0));
        yield return ("exit with output too long", Call(93, 7, (1UL << 29) + 1, 0));
        yield return ("exit with output far too long", Call(93, 7, ulong.MaxValue, 0));
        yield return ("write", Call(64, 1, RamAddress, 17));
        yield return ("write to nowhere", Call(64, ulong.MaxValue, ulong.MaxValue, ulong.MaxValue));
        yield return ("unknown call", Call(63, 1, 2, 3));
        yield return ("unknown call with 93 in the low half", Call(1UL << 32 | 93, 1, 2, 3));
    }

    private static TestProgram Call(ulong number, ulong a0, ulong a1, ulong a2) => new TestProgram(Pc)
        .Text(Pc, Assembler.Encode(Operation.Ecall))
        .Set(10, a0)
        .Set(11, a1)
        .Set(12, a2)
        .Set(17, number);

    private static IEnumerable<(string, TestProgram)> Faults()
    {
        uint nop = Assembler.Encode(Operation.Addi);
        foreach (MachineStatus status in Enum.GetValues<MachineStatus>())
        {
            TestProgram program = new TestProgram(Pc).Text(Pc, nop);
            program.Head.Control.Status = status;
            if (status != MachineStatus.Running)
                yield return ($"not running: {status}", program);
        }

        yield return ("out of steps", new TestProgram(Pc, stepsLeft: 0).Text(Pc, nop));
        yield return ("out of steps comes before bad pc", new TestProgram(1, stepsLeft: 0));
        yield return ("last step", new TestProgram(Pc, stepsLeft: 1).Text(Pc, nop));
        yield return ("all steps left", new TestProgram(Pc, stepsLeft: ulong.MaxValue).Text(Pc, nop));
        foreach (ulong pc in new ulong[] { 1, 0x1_0009, 1UL << 29, (1UL << 29) + 1, 1UL << 32, Pc + (1UL << 32), ulong.MaxValue, ulong.MaxValue - 1 })
            yield return ($"bad pc 0x{pc:x}", new TestProgram(pc).Text(Pc, nop));

        uint[] illegal =
        [
            0, 0xffff_ffff, 0x0000_0003 | 0x7f, // no opcode
            0x3000_2073, 0xc000_2573, // CSRRS
            0x1050_0073, 0x3020_0073, 0x0010_0173, // WFI, MRET, EBREAK with rd
            0x0000_200f, // MISC-MEM with funct3 2
            0x0000_3007, 0x0000_3027, 0x0000_0053, // FLD, FSD, FADD.S
            0x0000_7003, 0x0000_4023, 0x0000_2063, 0x0000_1067, // loads, stores, branches, JALR with funct3 that is not
            0x8000_0033, 0x4000_1033, 0x0200_101b, 0x8000_1013, // funct7 that is not
            0x1010_202f, 0x2000_202f, 0x0000_002f, // LR with rs2, funct5 that is not, AMO of bytes
            0x0811_403b, 0x6060_1013, 0x6980_5013, 0x2880_5013 // Zbb with rs2 that is not
        ];
        foreach (uint word in illegal)
            yield return ($"illegal 0x{word:x8}", new TestProgram(Pc).Text(Pc, word).Set(1, 2));

        foreach (ushort halfword in new ushort[] { 0x0010, 0x2000, 0x8000, 0xa000, 0x2005, 0x6081, 0x6101, 0x9c41, 0x9c61, 0x2002, 0x4002, 0x6002, 0x8002, 0xa002 })
            yield return ($"illegal halfword 0x{halfword:x4}", new TestProgram(Pc).Halfword(Pc, halfword));

        yield return ("misaligned atomic comes before the reservation", Reserved(Operation.ScD, RamAddress + 4, RamAddress + 5));
        yield return ("breakpoint", new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Ebreak)));
        yield return ("compressed breakpoint", new TestProgram(Pc).Halfword(Pc, 0x9002));
        yield return ("jump far away", new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Jalr, 1, 10, 0, 1)).Set(10, ulong.MaxValue));
        yield return ("jump below zero", new TestProgram(0x10).Text(0x10, Assembler.Encode(Operation.Jal, 1, immediate: -0x100)));
        yield return ("jalr with rd = rs1", new TestProgram(Pc).Text(Pc, Assembler.Encode(Operation.Jalr, 10, 10, 0, 7)).Set(10, 0x2000));
    }
}
