using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Optimistic.Vm.Tests.Guests;

public sealed class StraightLineTests
{
    private const int PiecesPerProgram = 400;

    /// <summary>Registers and memory after random straight-line programs, word for word.</summary>
    [Property(MaxTest = 150, EndSize = 100)]
    [Spec("1.4.5")]
    [Spec("1.5.1")]
    [Spec("1.9.1")]
    public Property Registers_and_memory_agree_with_qemu() =>
        Prop.ForAll(StraightLineProgram.OfPieces(PiecesPerProgram), program =>
        {
            byte[] elf = program.ToElf();
            using var app = new GuestApp(elf);
            GuestResult machine = app.Run(new GuestTask([]));
            QemuResult qemu = Qemu.Run(elf);

            Assert.Equal((MachineStatus.Halted, 0u), (machine.Status, machine.ExitCode));
            Assert.Equal((0, ""), (qemu.ExitCode, qemu.Errors));
            string? difference = StraightLineProgram.Difference(machine.Printed, qemu.Output);
            Assert.True(difference is null, difference);
        });
}
