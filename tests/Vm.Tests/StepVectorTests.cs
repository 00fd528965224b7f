namespace Optimistic.Vm.Tests;

public sealed class StepVectorTests
{
    [Fact]
    [Spec("3.2")]
    public void Steps_are_those_of_the_golden_file()
    {
        using var machine = new Machine();
        var names = new HashSet<string>();
        Vectors.Check("step.json", Steps(machine).Select(name =>
        {
            Assert.True(names.Add(name), $"two cases are called '{name}'");
            string preRoot = machine.Root().ToString();
            string witness = Vectors.Hex(Step.Record(machine));
            return new { Name = name, PreRoot = preRoot, PostRoot = machine.Root().ToString(), Witness = witness };
        }));
    }

    /// <summary>Puts the machine before each step of the file in turn: the chosen ones, then every fifth of random programs.</summary>
    private static IEnumerable<string> Steps(Machine machine)
    {
        foreach ((string name, TestProgram program) in StepCases.All())
        {
            program.LoadInto(machine);
            yield return name;
        }

        for (int seed = 1; seed <= 30; seed++)
        {
            RandomProgram.Create(new Random(seed), instructions: 48, steps: 40).LoadInto(machine);
            for (int step = 0; machine.IsRunning; step += 5)
            {
                yield return $"random program {seed}, step {step}";
                Interpreter.Run(machine, 4);
            }
        }
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
