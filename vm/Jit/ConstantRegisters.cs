namespace Optimistic.Vm.Jit;

/// <summary>
/// Finds the amounts of rotations: compilers keep them in registers that they set before a loop. Such a register has one value
/// that is looked for; wherever it is known to have it, the amount is a constant. Sets of registers are bit masks.
/// </summary>
internal sealed class ConstantRegisters
{
    /// <summary>Bytes of text before a region in which the instruction that sets a register may be.</summary>
    private const ulong MaxDistance = 4096;

    private readonly int?[] _values = new int?[RegisterFile.Count];

    /// <summary>Sets <see cref="Block.Constants"/> of all blocks; of entries it is what is used from there on, if it may be checked.</summary>
    public ConstantRegisters(CompiledText text, List<Block> blocks, bool isChecked)
    {
        bool isEnteredAnywhere = text.Host is not null;
        foreach (Block block in blocks)
        {
            foreach (Instruction i in block.Instructions)
            {
                if (IsRotation(i) && i.Rs2 != 0)
                    _values[i.Rs2] ??= FindValue(text, blocks, i.Rs2);
            }
        }

        FindUses(blocks);
        foreach (Block block in blocks)
            block.Constants = isEnteredAnywhere && !isChecked ? 0 : !block.IsEntry ? ~0u : isChecked ? block.Amounts : 0;

        // Masks only lose bits, so that this ends.
        for (bool isChanged = true; isChanged;)
        {
            isChanged = false;
            foreach (Block block in blocks)
            {
                uint constants = block.Constants;
                foreach (Instruction i in block.Instructions)
                    constants = After(i, constants);
                foreach (Block next in block.Successors)
                {
                    isChanged |= (next.Constants & ~constants) != 0;
                    next.Constants &= constants;
                }
            }
        }

        // What is not used need not be so.
        foreach (Block block in blocks)
            block.Constants &= block.Amounts;
    }

    /// <summary>The value that is looked for in a register which is in a set.</summary>
    public int Value(int register) => _values[register]!.Value;

    /// <summary>The set after an instruction, of that before.</summary>
    public uint After(Instruction i, uint constants) =>
        _values[i.Rd] is { } value && IsLoadOfConstant(i, i.Rd) && i.Immediate == value ? constants | 1u << i.Rd : constants & ~(1u << i.Rd);

    private static bool IsRotation(Instruction i) => i.Operation is Operation.Rol or Operation.Rolw or Operation.Ror or Operation.Rorw;

    private static bool IsLoadOfConstant(Instruction i, int register) => i.Operation == Operation.Addi && i.Rs1 == 0 && i.Rd == register;

    // A guess: what is between instructions may look like one, too.
    private static int? FindValue(CompiledText text, List<Block> blocks, int register)
    {
        foreach (Block block in blocks)
        {
            foreach (Instruction i in block.Instructions)
            {
                if (IsLoadOfConstant(i, register))
                    return (int)i.Immediate;
            }
        }

        ulong start = blocks[0].Pc;
        for (ulong distance = 2; distance <= Math.Min(start, MaxDistance); distance += 2)
        {
            Instruction i = text.Fetch(start - distance);
            if (IsLoadOfConstant(i, register))
                return (int)i.Immediate;
        }

        return null;
    }

    /// <summary>Sets <see cref="Block.Amounts"/> of all blocks.</summary>
    private void FindUses(List<Block> blocks)
    {
        for (bool isChanged = true; isChanged;)
        {
            isChanged = false;
            for (int index = blocks.Count - 1; index >= 0; index--)
            {
                Block block = blocks[index];
                uint amounts = 0;
                foreach (Block next in block.Successors)
                    amounts |= next.Amounts;
                for (int at = block.Instructions.Length - 1; at >= 0; at--)
                {
                    Instruction i = block.Instructions[at];
                    amounts &= ~(1u << i.Rd);
                    if (IsRotation(i) && _values[i.Rs2] is not null)
                        amounts |= 1u << i.Rs2;
                }

                isChanged |= amounts != block.Amounts;
                block.Amounts = amounts;
            }
        }
    }
}
