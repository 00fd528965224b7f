using System.Text;

namespace Optimistic.Vm.Tests.Guests;

/// <summary>The committed conformance programs, in the machine and in qemu-riscv64.</summary>
public sealed class ConformanceTests
{
    /// <summary>qemu 7.2 counts CTZW of a zero word on into the upper half, and fails this program's third case.</summary>
    private const string QemuBug = "zbb-ctzw-zero";

    public static TheoryData<string> IsaPrograms => [.. Names("isa")];

    /// <summary>Program and the line that it prints, from expected.txt.</summary>
    public static TheoryData<string, string> ComputePrograms =>
        [.. File.ReadLines(Repository.File("vm", "guest", "conformance", "programs", "expected.txt")).Select(line => (line.Split(' ')[0], line))];

    [Theory]
    [MemberData(nameof(IsaPrograms))]
    [Spec("1.4.5")]
    public void Directed_cases_pass(string name)
    {
        using GuestApp app = GuestApp.Open($"isa/{name}");
        GuestResult result = app.Run(new GuestTask([]));

        Assert.Equal(MachineStatus.Halted, result.Status);
        Assert.True(result.ExitCode == 0, $"{name}: case {result.ExitCode} failed");
    }

    [Theory]
    [MemberData(nameof(IsaPrograms))]
    public void Directed_cases_pass_in_qemu(string name)
    {
        int exitCode = Qemu.Run(GuestApp.PathOf($"isa/{name}")).ExitCode;
        Assert.True(exitCode == 0 || name == QemuBug, $"{name}: case {exitCode} failed");
    }

    [Theory]
    [MemberData(nameof(ComputePrograms))]
    public void Compute_programs_print_what_they_should(string name, string line)
    {
        using GuestApp app = GuestApp.Open($"programs/{name}");
        GuestResult result = app.Run(new GuestTask([]));
        QemuResult qemu = Qemu.Run(GuestApp.PathOf($"programs/{name}"));

        Assert.Equal((MachineStatus.Halted, 0u), (result.Status, result.ExitCode));
        Assert.EndsWith(line + "\n", Encoding.ASCII.GetString(result.Printed));
        Assert.Equal(0, qemu.ExitCode);
        Assert.EndsWith(line + "\n", Encoding.ASCII.GetString(qemu.Output));
        Assert.InRange(result.Steps, 1_000_000UL, 20_000_000UL);
    }

    [Fact]
    public void Every_compute_program_has_an_expected_line() =>
        Assert.Equal(Names("programs"), ComputePrograms.Select(row => row.Data.Item1));

    [Theory]
    [InlineData("ld")]
    [InlineData("picolibc")]
    [Spec("1.10.1")]
    public void Stock_layouts_load_and_run(string name)
    {
        using GuestApp app = GuestApp.Open($"layouts/{name}");
        GuestResult result = app.Run(new GuestTask([]));

        Assert.Equal((MachineStatus.Halted, 0u), (result.Status, result.ExitCode));
        Assert.Equal("crc dbed9f73f930a076\n", Encoding.ASCII.GetString(result.Printed));
        Assert.Equal(result.Printed, Qemu.Run(GuestApp.PathOf($"layouts/{name}")).Output);
    }

    /// <summary>The samples run unchanged as Linux processes, with input and task fields from the command line.</summary>
    [Fact]
    public void Samples_give_the_same_output_in_qemu()
    {
        string input = Path.GetTempFileName();
        try
        {
            byte[] position = Encoding.ASCII.GetBytes("r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1;2");
            byte[] sender = [.. Enumerable.Range(0xA0, 20).Select(i => (byte)i)];
            byte[] mint = [1, .. new byte[20], 9, 0, 0, 0, 0, 0, 0, 0];
            byte[] transfer = [2, .. sender, 9, 0, 0, 0, 0, 0, 0, 0];
            foreach ((string name, byte[] bytes) in new[] { ("digest", position), ("perft", position), ("perft", []), ("ledger", mint), ("ledger", transfer) })
            {
                File.WriteAllBytes(input, bytes);
                using GuestApp app = GuestApp.Open(name);
                GuestResult result = app.Run(new GuestTask(bytes) { Sender = new Address(sender), Nonce = 3 });
                QemuResult qemu = Qemu.Run(GuestApp.PathOf(name), input, Convert.ToHexString(sender), "3");

                Assert.Equal(result.Output, qemu.Output);
                Assert.Equal(result.ExitCode, (uint)qemu.ExitCode);
            }
        }
        finally
        {
            File.Delete(input);
        }
    }

    private static IEnumerable<string> Names(string folder) =>
        Directory.EnumerateFiles(Repository.File("vm", "guest", "elf", folder), "*.elf")
            .Select(path => Path.GetFileNameWithoutExtension(path))
            .Order(StringComparer.Ordinal);
}
