using System.Runtime.InteropServices;
using System.Text;
using Optimistic.Vm.Rollup;

namespace Optimistic.Vm.Tests.Guests;

/// <summary>What optimistic.h promises, by the guest that ends in every way a task can end (tasks/behaviour.c).</summary>
public sealed class SdkTests : IDisposable
{
    private readonly GuestApp _app = GuestApp.Open("tasks/behaviour", AppPolicy.Stateful);

    [Fact]
    [Spec("1.8.1")]
    public void Task_fields_arrive()
    {
        byte[] sender = [.. Enumerable.Range(1, Address.Length).Select(i => (byte)i)];
        for (ulong number = _app.NextNumber; number < 4; number++)
        {
            GuestResult result = _app.Run(new GuestTask([]) { Sender = new Address(sender), Nonce = 0xAABB_CCDD_EEFF_0011 });

            ReadOnlySpan<ulong> fields = MemoryMarshal.Cast<byte, ulong>(result.Output.AsSpan(0, 40));
            Assert.Equal([0, number, GuestApp.L1Time, GuestApp.L1Block, 0xAABB_CCDD_EEFF_0011], fields.ToArray());
            Assert.Equal([.. sender, 0, 0, 0, 0], result.Output[40..]);
        }
    }

    [Theory]
    [InlineData(0x01, 7u, "seven")]
    [InlineData(0x02, 9u, "nine")]
    [InlineData(0x03, 134u, "")]
    [InlineData(0x04, 134u, "conformance/tasks/behaviour.c:53: main: assertion failed: opt_input_length() == 0")]
    [InlineData(0x05, 120u, "output over 512 MiB")]
    [InlineData(0x0b, 0u, "handler")]
    [InlineData(0xff, 2u, "unknown behaviour")]
    [Spec("1.6.2")]
    public void Exit_codes_and_outputs(byte behaviour, uint exitCode, string output)
    {
        GuestResult result = _app.Run(new GuestTask([behaviour]));

        Assert.Equal((MachineStatus.Halted, exitCode), (result.Status, result.ExitCode));
        Assert.Equal(output, Encoding.ASCII.GetString(result.Output));
    }

    [Theory]
    [InlineData(0x06, MachineStatus.IllegalInstruction)]
    [InlineData(0x07, MachineStatus.OutOfSteps)]
    [InlineData(0x0a, MachineStatus.Breakpoint)]
    public void Faults(byte behaviour, MachineStatus status) =>
        Assert.Equal(status, _app.Run(new GuestTask([behaviour]), stepLimit: 100_000).Status);

    [Fact]
    public void Accepted_tasks_alone_are_remembered_in_data_bss_and_heap()
    {
        for (ulong turn = 1; turn <= 3; turn++)
        {
            Assert.Equal([100 + turn, turn, turn], Count(0x08));
            Assert.Equal([101 + turn, turn + 1, turn + 1], Count(0x09)); // exits with 1
            Assert.Equal(MachineStatus.Breakpoint, _app.Run(new GuestTask([0x0a])).Status);
            Assert.Equal(MachineStatus.OutOfSteps, _app.Run(new GuestTask([0x08]), stepLimit: 50).Status);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(300_001)]
    public void Large_inputs_come_back_as_output(int length)
    {
        byte[] input = new byte[length];
        new Random(length).NextBytes(input);
        input[0] = 0x0c;
        Assert.Equal(input, _app.Run(new GuestTask(input)).Output);
    }

    public void Dispose() => _app.Dispose();

    private ulong[] Count(byte behaviour) => MemoryMarshal.Cast<byte, ulong>(_app.Run(new GuestTask([behaviour])).Output).ToArray();
}
