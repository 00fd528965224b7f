namespace Optimistic.Vm.Tests;

public sealed class WitnessTests
{
    [Fact]
    [Spec("3.4")]
    public void Every_byte_of_a_step_s_witness_counts()
    {
        using var machine = new Machine();
        string[] samples = ["sd at 25", "lwu over two blocks", "amoadd.w less", "sc.d on the reservation", "exit", "sd from output into slot 8"];
        foreach ((string name, TestProgram program) in StepCases.All().Where(@case => samples.Contains(@case.Name)))
        {
            program.LoadInto(machine);
            Word root = machine.Root();
            byte[] witness = Step.Record(machine);
            WitnessCorruption.Check(witness, corrupted => Step.Replay(root, corrupted));
        }
    }

    [Fact]
    [Spec("3.4")]
    [Spec("3.1.1")]
    [Spec("3.1.2")]
    public void Errors_have_names()
    {
        using var machine = new Machine();
        // The word before is not zero, so that the proof has a sibling.
        new TestProgram(0x20).Text(0x1c, Assembler.Encode(Operation.Addi), Assembler.Encode(Operation.Addi)).LoadInto(machine);
        Word root = machine.Root();
        byte[] witness = Step.Record(machine);
        const int Mask = 288 + 32;

        Assert.Equal(WitnessError.OpeningMismatch, ErrorOf(16));
        Assert.Equal(WitnessError.OpeningMismatch, ErrorOf(40));
        Assert.Equal(WitnessError.OpeningMismatch, ErrorOf(288));
        Assert.Equal(WitnessError.MaskOutOfRange, ErrorOf(Mask));
        Assert.Equal(WitnessError.OpeningMismatch, ErrorOf(witness.Length - 1));

        WitnessError ErrorOf(int index)
        {
            byte[] corrupted = [.. witness];
            corrupted[index] ^= 0x80;
            return Assert.Throws<WitnessException>(() => Step.Replay(root, corrupted)).Error;
        }
    }

    [Fact]
    [Spec("2.2.3")]
    public void A_sibling_that_equals_the_default_may_not_be_present()
    {
        using var machine = new Machine();
        new TestProgram(0x20).Text(0x20, Assembler.Encode(Operation.Addi)).LoadInto(machine);
        Word root = machine.Root();
        byte[] witness = Step.Record(machine);
        const int Mask = 288 + 32;
        Assert.Equal(0, witness[Mask + 7] & 1);
        byte[] longer = [.. witness[..(Mask + 8)], .. new byte[Word.Length], .. witness[(Mask + 8)..]];
        longer[Mask + 7] |= 1;
        Assert.Equal(WitnessError.DefaultSibling, Assert.Throws<WitnessException>(() => Step.Replay(root, longer)).Error);
    }

    [Fact]
    [Spec("3.1.4")]
    public void A_step_without_an_access_carries_the_memory_root()
    {
        using var machine = new Machine();
        foreach (TestProgram program in new[] { new TestProgram(stepsLeft: 0), new TestProgram(pc: 1), new TestProgram(pc: GuestMemory.TextLength) })
        {
            program.Bytes(0x40, [1, 2, 3]).LoadInto(machine);
            Word root = machine.Root();
            byte[] witness = Step.Record(machine);
            Assert.Equal(MachineHead.Length + Word.Length, witness.Length);
            Assert.Equal(machine.Memory.Root(), new Word(witness.AsSpan(MachineHead.Length)));
            Assert.Equal(machine.Root(), Step.Replay(root, witness));
            WitnessCorruption.Check(witness, corrupted => Step.Replay(root, corrupted));
        }
    }

    /// <summary>Text and input are no siblings of RAM: the fetch has said what the quarters are.</summary>
    [Fact]
    [Spec("3.1.5")]
    [Spec("3.2.7")]
    public void Data_are_proven_in_their_quarter()
    {
        using var machine = new Machine();
        new TestProgram(0x20)
            .Text(0x20, Assembler.Encode(Operation.Sb, rs1: 5, rs2: 6))
            .Bytes(Machine.InputAddress, [1])
            .Set(5, 0x40)
            .Set(6, 0xff)
            .LoadInto(machine);
        Word root = machine.Root();
        byte[] witness = Step.Record(machine);
        // Machine; text with B beside it; data without a sibling.
        Assert.Equal(MachineHead.Length + (Word.Length + 8 + Word.Length) + (Word.Length + 8), witness.Length);
        Assert.Equal(machine.Root(), Step.Replay(root, witness));
        witness[^6] |= 0x80; // bit 39, the first above a quarter
        Assert.Equal(WitnessError.MaskOutOfRange, Assert.Throws<WitnessException>(() => Step.Replay(root, witness)).Error);
    }

    /// <summary>Two words whose paths part at each height there is, and from the last word of a quarter into the next.</summary>
    [Fact]
    [Spec("3.1.6")]
    public void The_next_word_is_proven_below_the_node_beside_the_first()
    {
        using var machine = new Machine();
        for (int height = 0; height <= 13; height++)
        {
            uint address = height == 13 ? uint.MaxValue : (uint)(Word.Length * (1L << (2 * height)) - 1);
            foreach (Operation operation in new[] { Operation.Sd, Operation.Ld })
            {
                new TestProgram(0x1000)
                    .Text(0x1000, Assembler.Encode(operation, rd: 7, rs1: 5, rs2: 6))
                    .Set(5, address)
                    .Set(6, 0x1122_3344_5566_7788)
                    .LoadInto(machine);
                Word root = machine.Root();
                byte[] witness = Step.Record(machine);
                Assert.Equal(machine.Root(), Step.Replay(root, witness));
                WitnessCorruption.Check(witness, corrupted => Step.Replay(root, corrupted));
            }
        }
    }
}
