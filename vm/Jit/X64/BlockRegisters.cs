namespace Optimistic.Vm.Jit.X64;

/// <summary>
/// Registers of the host within a long block: where its map leaves a result in the frame that is read again soon, it takes
/// the place of what is read last (Belady, "A study of replacement algorithms", 1966). At the block's end all are where the
/// map has them again.
/// </summary>
internal sealed class BlockRegisters
{
    /// <summary>Shorter blocks do not make up for going back to the map.</summary>
    private const int LeastLength = 16;

    /// <summary>It is written before it is read.</summary>
    private const int Overwritten = int.MaxValue;

    // Halves of an instruction. A result for the frame may have to be extended first; what is read there is late.
    private const int MoveCost = 2, ReadCost = 2, WriteCost = 3;

    // For each instruction, and behind it for rd, rs1 and rs2: where the register is needed next.
    private readonly int[] _next;

    // For each register: where it is needed next, from the instruction on that is being emitted.
    private readonly int[] _due = new int[RegisterFile.Count], _dueFirst = new int[RegisterFile.Count];
    private readonly Block _block;

    private BlockRegisters(Block block)
    {
        _block = block;
        _next = new int[3 * block.Instructions.Length];
        Array.Fill(_due, block.Instructions.Length);
        for (int index = block.Instructions.Length - 1; index >= 0; index--)
        {
            Instruction i = block.Instructions[index];
            (_next[3 * index], _next[3 * index + 1], _next[3 * index + 2]) = (_due[i.Rd], _due[i.Rs1], _due[i.Rs2]);
            _due[i.Rd] = Overwritten;
            _due[i.Rs1] = _due[i.Rs2] = index;
        }

        Array.Copy(_due, _dueFirst, _due.Length);
    }

    /// <summary>For a block that gains by it; null for others, and where it may be left in its middle.</summary>
    public static BlockRegisters? Of(Block block, RegisterMap map)
    {
        if (block.Instructions.Length < LeastLength)
            return null;

        bool hasResults = false;
        foreach (Instruction i in block.Instructions)
        {
            if (Region.IsAtomic(i.Operation))
                return null;

            hasResults |= i.Rd != 0 && map[i.Rd] == Host.None;
        }

        if (!hasResults)
            return null;

        var registers = new BlockRegisters(block);
        return registers.Gains(map) ? registers : null;
    }

    /// <summary>Goes through the block as it will be emitted, and once as it would be without.</summary>
    private bool Gains(RegisterMap home)
    {
        RegisterMap map = home.Copy();
        int with = 0, without = 0;
        for (int index = 0; index < _block.Instructions.Length; index++)
        {
            Instruction i = _block.Instructions[index];
            without += Cost(i, home);
            if (Victim(index, map, home) is >= 0 and var victim)
            {
                if (victim != 0 && !IsDead(victim))
                    with += MoveCost;
                if (i.Rd == i.Rs1 || i.Rd == i.Rs2)
                    with += MoveCost;
                map.Replace(victim, i.Rd, home[i.Rd]);
            }

            with += Cost(i, map);
            Pass(index);
        }

        for (int register = 1; register < RegisterFile.Count; register++)
        {
            if (map[register] != home[register])
                with += (map[register] != Host.None ? MoveCost : 0) + (home[register] != Host.None ? MoveCost : 0);
        }

        Array.Copy(_dueFirst, _due, _due.Length);
        return with + without / 8 < without;
    }

    private static int Cost(Instruction i, RegisterMap map) =>
        (i.Rs1 != 0 && map[i.Rs1] == Host.None ? ReadCost : 0) +
        (i.Rs2 != 0 && i.Rs2 != i.Rs1 && map[i.Rs2] == Host.None ? ReadCost : 0) +
        (i.Rd != 0 && map[i.Rd] == Host.None ? WriteCost : 0);

    /// <summary>
    /// What makes room for the result of an instruction, in the place of which it is better: a guest register, 0 if there is room
    /// anyway, or -1 if it stays in the frame.
    /// </summary>
    /// <param name="index">Of the instruction.</param>
    /// <param name="map">Where registers are now.</param>
    /// <param name="home">Where they are again at the end.</param>
    public int Victim(int index, RegisterMap map, RegisterMap home)
    {
        Instruction i = _block.Instructions[index];
        int due = _next[3 * index];
        // Read again, in the block.
        if (i.Rd == 0 || map[i.Rd] != Host.None || due >= _block.Instructions.Length)
            return -1;

        int best = -1, bestDue = due;
        for (int register = 1; register < RegisterFile.Count; register++)
        {
            if (map[register] == Host.None || register == i.Rs1 || register == i.Rs2)
                continue;

            int its = _due[register];
            if (its > due && home[i.Rd] != Host.None && map[register] == home[i.Rd])
                return register;
            if (its > bestDue)
                (best, bestDue) = (register, its);
        }

        return map.HasRoom ? 0 : best;
    }

    /// <summary>Whether a register's value is needed by no one any more.</summary>
    public bool IsDead(int register) => _due[register] == Overwritten;

    /// <summary>An instruction is done.</summary>
    public void Pass(int index)
    {
        Instruction i = _block.Instructions[index];
        _due[i.Rs1] = _next[3 * index + 1];
        _due[i.Rs2] = _next[3 * index + 2];
        _due[i.Rd] = _next[3 * index];
    }
}
