using System.Buffers.Binary;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Optimistic.Vm.Tests;

namespace Optimistic.EndToEnd.Tests;

/// <summary>Programs that the tests deploy.</summary>
internal static class Guests
{
    /// <summary>Input of <see cref="Small"/> that makes it loop for ever, so that it runs out of steps.</summary>
    public const long Loop = 100;

    /// <summary>Input of <see cref="Small"/> that makes it fault.</summary>
    public const long Break = -1;

    /// <summary>Where <see cref="Small"/> keeps its count.</summary>
    public const uint SmallCounter = 0x2_0000;

    private const ulong SmallEntry = 0x1_0000;

    /// <summary>
    /// Some twenty instructions: counts its tasks in RAM, puts the count and the task number into the output, and exits with the code
    /// that is the input's first doubleword, or loops or faults.
    /// </summary>
    public static GuestProgram Small { get; } = Assemble(
        Assembler.Encode(Operation.Lui, 5, immediate: (int)SmallCounter),
        Assembler.Encode(Operation.Ld, 6, 5),
        Assembler.Encode(Operation.Addi, 6, 6, immediate: 1),
        Assembler.Encode(Operation.Sd, 0, 5, 6),
        Assembler.Encode(Operation.Lui, 7, immediate: unchecked((int)Machine.OutputAddress)),
        Assembler.Encode(Operation.Sd, 0, 7, 6),
        Assembler.Encode(Operation.Sd, 0, 7, 11, 8),
        Assembler.Encode(Operation.Lui, 28, immediate: unchecked((int)Machine.InputAddress)),
        Assembler.Encode(Operation.Ld, 29, 28),
        Assembler.Encode(Operation.Blt, 0, 29, 0, 28),
        Assembler.Encode(Operation.Addi, 30, 0, immediate: (int)Loop),
        Assembler.Encode(Operation.Beq, 0, 29, 30, 0),
        Assembler.Encode(Operation.Addi, 10, 29),
        Assembler.Encode(Operation.Addi, 11, 0, immediate: 16),
        Assembler.Encode(Operation.Addi, 17, 0, immediate: 93),
        Assembler.Encode(Operation.Ecall),
        Assembler.Encode(Operation.Ebreak));

    /// <summary>A sample of vm/guest/elf, by name.</summary>
    public static GuestProgram Sample(string name) =>
        ElfLoader.Load(File.ReadAllBytes(Path.Combine(NodePackages.FindContracts(), "..", "vm", "guest", "elf", name + ".elf")));

    /// <summary>Input of <see cref="Small"/>.</summary>
    public static byte[] Code(long code)
    {
        byte[] input = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(input, code);
        return input;
    }

    private static GuestProgram Assemble(params ReadOnlySpan<uint> words)
    {
        byte[] text = new byte[4 * words.Length];
        for (int i = 0; i < words.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(text.AsSpan(4 * i), words[i]);
        return new GuestProgram(
            MemoryImage.Empty.Write(SmallEntry, text).Write(GuestMemory.TextAddress + SmallEntry, text), SmallEntry);
    }
}
