using System.Buffers.Binary;

namespace Optimistic.Vm.Tests;

/// <summary>Builds small machine states for tests.</summary>
internal sealed class TestProgram
{
    public MemoryImage Image { get; private set; } = MemoryImage.Empty;

    public MachineHead Head;

    public TestProgram(ulong pc = 0x1000, ulong stepsLeft = 1000)
    {
        Head.Control.Pc = pc;
        Head.Control.StepsLeft = stepsLeft;
    }

    /// <summary>32-bit instructions at text byte <paramref name="pc"/>.</summary>
    public TestProgram Text(ulong pc, params ReadOnlySpan<uint> words)
    {
        byte[] bytes = new byte[4 * words.Length];
        for (int i = 0; i < words.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 * i), words[i]);

        return Bytes(GuestMemory.TextAddress + pc, bytes);
    }

    /// <summary>A 16-bit instruction at text byte <paramref name="pc"/>.</summary>
    public TestProgram Halfword(ulong pc, ushort halfword) =>
        Bytes(GuestMemory.TextAddress + pc, [(byte)halfword, (byte)(halfword >> 8)]);

    /// <summary>Bytes at a tree address.</summary>
    public TestProgram Bytes(ulong address, ReadOnlySpan<byte> bytes)
    {
        Image = Image.Write(address, bytes);
        return this;
    }

    public TestProgram Set(int register, ulong value)
    {
        Head.X[register] = value;
        return this;
    }

    public void LoadInto(Machine machine) => machine.Load(Image, Head);
}
