namespace Optimistic.Vm.Tests;

public sealed class StepVectorTests
{
    [Fact]
    [Spec("3.2")]
    public void Steps_are_those_of_the_golden_file()
    {
        using var machine = new Machine();
        var names = new HashSet<string>();
        Vectors.Check("step.json", StepCases.All().Select(@case =>
        {
            Assert.True(names.Add(@case.Name), $"two cases are called '{@case.Name}'");
            @case.Program.LoadInto(machine);
            string preRoot = machine.Root().ToString();
            string witness = Vectors.Hex(Step.Record(machine));
            return new { @case.Name, PreRoot = preRoot, PostRoot = machine.Root().ToString(), Witness = witness };
        }));
    }

    [Fact]
    [Spec("1.9")]
    public void Expansions_are_those_of_the_golden_file()
    {
        // All 65,536 expansions as big-endian 32-bit integers, hashed; 0 is illegal, as is every halfword that is no compressed one.
        byte[] expansions = new byte[4 << 16];
        for (int halfword = 0; halfword <= ushort.MaxValue; halfword++)
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(expansions.AsSpan(4 * halfword), Decoder.Expand((ushort)halfword));

        Vectors.Check("expand.json", [new { Name = "keccak256 of all expansions", Hash = Keccak.Hash(expansions).ToString() }]);
    }
}
