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
        const int Mask = 320 + 32;

        Assert.Equal(WitnessError.OpeningMismatch, ErrorOf(0));
        Assert.Equal(WitnessError.OpeningMismatch, ErrorOf(40));
        Assert.Equal(WitnessError.RootMismatch, ErrorOf(320));
        Assert.Equal(WitnessError.MaskOutOfRange, ErrorOf(Mask));
        Assert.Equal(WitnessError.RootMismatch, ErrorOf(witness.Length - 1));

        WitnessError ErrorOf(int index)
        {
            byte[] corrupted = [.. witness];
            corrupted[index] ^= 0x80;
            return Assert.Throws<WitnessException>(() => Step.Replay(root, corrupted)).Error;
        }
    }

    [Fact]
    [Spec("2.2.3")]
    public void A_sibling_that_equals_the_default_may_be_present()
    {
        using var machine = new Machine();
        new TestProgram(0x20).Text(0x20, Assembler.Encode(Operation.Addi)).LoadInto(machine);
        Word root = machine.Root();
        byte[] witness = Step.Record(machine);
        const int Mask = 320 + 32;
        Assert.Equal(0, witness[Mask + 7] & 1);
        byte[] longer = [.. witness[..(Mask + 8)], .. new byte[Word.Length], .. witness[(Mask + 8)..]];
        longer[Mask + 7] |= 1;
        Assert.Equal(machine.Root(), Step.Replay(root, longer));
    }
}
