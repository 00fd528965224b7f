namespace Optimistic.Vm.Jit;

/// <summary>Stores of a block to offsets of one base register's value, marked dirty together before the first.</summary>
/// <param name="offset">Of the first byte of its first store.</param>
internal sealed class StoreGroup(long offset)
{
    /// <summary>Least offset that a store of the group starts at.</summary>
    public long First { get; private set; } = offset;

    /// <summary>Greatest offset that a store of the group starts at, at most a block from the least: they start in two blocks.</summary>
    public long Last { get; private set; } = offset;

    /// <summary>The groups of a block, by the index of their first store; null for other instructions.</summary>
    public static StoreGroup?[] Of(Block block)
    {
        var groups = new StoreGroup?[block.Instructions.Length];
        // By base register, the group of the value it has now.
        var open = new StoreGroup?[RegisterFile.Count];
        for (int index = 0; index < block.Instructions.Length; index++)
        {
            Instruction i = block.Instructions[index];
            if (i.Operation is >= Operation.Sb and <= Operation.Sd && open[i.Rs1]?.TryAdd(i.Immediate) != true)
                groups[index] = open[i.Rs1] = new StoreGroup(i.Immediate);

            open[i.Rd] = i.Rd == 0 ? open[0] : null;
        }

        return groups;
    }

    private bool TryAdd(long other)
    {
        if (Math.Max(Last, other) - Math.Min(First, other) > GuestMemory.BlockLength)
            return false;

        (First, Last) = (Math.Min(First, other), Math.Max(Last, other));
        return true;
    }
}
