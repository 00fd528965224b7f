namespace Optimistic.Vm.Jit.X64;

/// <summary>
/// Which registers of a region need only 32 bits, as sets of registers in bit masks. A register is narrow where its value is
/// the sign extension of its low 32 bits on every way that leads there. Its upper half is wanted where it may yet be
/// read: by an instruction, or by whoever goes on where the region leaves, unless it can be made there, of a narrow register.
/// </summary>
internal sealed class Widths
{
    private readonly Region _region;
    private readonly uint[] _narrow, _wanted;

    /// <param name="region">The region.</param>
    /// <param name="notNarrow">Registers that were seen not to be narrow where a block starts.</param>
    public Widths(Region region, Func<Block, uint> notNarrow)
    {
        _region = region;
        (_narrow, _wanted) = (new uint[region.Blocks.Count], new uint[region.Blocks.Count]);
        FindNarrow(notNarrow);
        FindWanted();
    }

    /// <summary>The narrow registers where a block starts.</summary>
    public uint Narrow(Block block) => _narrow[block.Index];

    /// <summary>The registers whose upper half is wanted where a block starts.</summary>
    public uint Wanted(Block block) => _wanted[block.Index];

    /// <summary>The registers whose upper half is wanted behind each instruction of a block.</summary>
    public uint[] WantedBehind(Block block)
    {
        var behind = new uint[block.Instructions.Length];
        Wanted(block, behind);
        return behind;
    }

    /// <summary>The narrow registers behind an instruction, of those before.</summary>
    public static uint NarrowAfter(Instruction i, ulong pc, uint narrow)
    {
        bool rs1 = Has(narrow, i.Rs1), rs2 = Has(narrow, i.Rs2);
        bool isNarrow = i.Operation switch
        {
            Operation.Lui or Operation.Jal or Operation.Jalr or
            Operation.Lb or Operation.Lh or Operation.Lw or Operation.Lbu or Operation.Lhu or
            Operation.Slti or Operation.Sltiu or Operation.Slt or Operation.Sltu or
            Operation.Addiw or Operation.Slliw or Operation.Srliw or Operation.Sraiw or
            Operation.Addw or Operation.Subw or Operation.Sllw or Operation.Srlw or Operation.Sraw or
            Operation.Mulw or Operation.Divw or Operation.Divuw or Operation.Remw or Operation.Remuw or
            Operation.Clz or Operation.Clzw or Operation.Ctz or Operation.Ctzw or Operation.Cpop or Operation.Cpopw or
            Operation.SextB or Operation.SextH or Operation.ZextH or
            Operation.Rolw or Operation.Roriw or Operation.Rorw or Operation.Bext or Operation.Bexti or
            (>= Operation.LrW and <= Operation.AmomaxuW) or Operation.ScD => true,
            Operation.Auipc => (long)pc + i.Immediate == (int)((long)pc + i.Immediate),
            Operation.Addi => i.Rs1 == 0 || i.Immediate == 0 && rs1,
            Operation.Add => i.Rs1 == 0 && rs2 || i.Rs2 == 0 && rs1,
            Operation.Andi => i.Immediate >= 0 || rs1,
            Operation.Ori or Operation.Xori or Operation.Srai => rs1,
            Operation.Srli => i.Immediate > 32,
            // With a shift (Idioms).
            Operation.Rev8 => i.Immediate is < 0 or > 32,
            Operation.Bclri or Operation.Binvi or Operation.Bseti => rs1 && i.Immediate < 31,
            _ => IsBitwise(i.Operation) && rs1 && rs2,
        };
        return i.Rd == 0 ? narrow : isNarrow ? narrow | 1u << i.Rd : narrow & ~(1u << i.Rd);
    }

    /// <summary>Whether the result of two sign extensions is one.</summary>
    public static bool IsBitwise(Operation operation) => operation is
        Operation.And or Operation.Or or Operation.Xor or Operation.Andn or Operation.Orn or Operation.Xnor or
        Operation.Max or Operation.Maxu or Operation.Min or Operation.Minu;

    public static bool Has(uint set, int register) => register == 0 || (set >> register & 1) != 0;

    // Of what comes from outside it is hoped that it is as what comes from within; entries check that.
    private void FindNarrow(Func<Block, uint> notNarrow)
    {
        // Others gain little by it.
        uint made = 1;
        foreach (Block block in _region.Blocks)
        {
            for (int index = 0; index < block.Instructions.Length; index++)
                made |= NarrowAfter(block.Instructions[index], block.Pcs[index], 0) & 1u << block.Instructions[index].Rd;
        }

        // Masks only lose bits, so that this ends.
        foreach (Block block in _region.Blocks)
            _narrow[block.Index] = block.Predecessors == 0 ? 1 : made & ~notNarrow(block);
        for (bool isChanged = true; isChanged;)
        {
            isChanged = false;
            foreach (Block block in _region.Blocks)
            {
                uint narrow = _narrow[block.Index];
                for (int index = 0; index < block.Instructions.Length; index++)
                    narrow = NarrowAfter(block.Instructions[index], block.Pcs[index], narrow);
                foreach (Block next in block.Successors)
                {
                    isChanged |= (_narrow[next.Index] & ~narrow) != 0;
                    _narrow[next.Index] &= narrow;
                }
            }
        }
    }

    private void FindWanted()
    {
        for (bool isChanged = true; isChanged;)
        {
            isChanged = false;
            for (int index = _region.Blocks.Count - 1; index >= 0; index--)
            {
                Block block = _region.Blocks[index];
                uint wanted = Wanted(block, null);
                isChanged |= wanted != _wanted[block.Index];
                _wanted[block.Index] = wanted;
            }
        }
    }

    private uint Wanted(Block block, uint[]? behind)
    {
        Span<uint> narrow = stackalloc uint[block.Instructions.Length + 1];
        narrow[0] = _narrow[block.Index];
        for (int index = 0; index < block.Instructions.Length; index++)
            narrow[index + 1] = NarrowAfter(block.Instructions[index], block.Pcs[index], narrow[index]);

        // Where the region may be left, all but what is narrow.
        bool leaves = block.End is BlockEnd.Indirect or BlockEnd.Stop ||
            block.End is BlockEnd.Fall or BlockEnd.Branch && block.NextBlock is null ||
            block.End is BlockEnd.Branch or BlockEnd.Jump && block.TargetBlock is null;
        uint wanted = leaves ? ~narrow[^1] : 0;
        foreach (Block next in block.Successors)
            wanted |= _wanted[next.Index];
        for (int index = block.Instructions.Length - 1; index >= 0; index--)
        {
            Instruction i = block.Instructions[index];
            if (behind is not null)
                behind[index] = wanted;
            wanted = WantedBefore(i, wanted, narrow[index]);
            // A misaligned one leaves the region.
            if (Region.IsAtomic(i.Operation))
                wanted |= ~narrow[index];
        }

        return block.IsCheck ? wanted | ~narrow[0] : wanted;
    }

    private static uint WantedBefore(Instruction i, uint wanted, uint narrow)
    {
        bool isWanted = i.Rd != 0 && Has(wanted, i.Rd);
        uint rs1 = 1u << i.Rs1, rs2 = 1u << i.Rs2, both = rs1 | rs2;
        bool areNarrow = Has(narrow, i.Rs1) && Has(narrow, i.Rs2);
        if (i.Rd != 0)
            wanted &= ~(1u << i.Rd);
        uint sources = i.Operation switch
        {
            Operation.Jalr => rs1,
            >= Operation.Beq and <= Operation.Bgeu or Operation.Slt or Operation.Sltu => areNarrow ? 0 : both,
            Operation.Slti or Operation.Sltiu => areNarrow ? 0 : rs1,
            Operation.Sd or (>= Operation.ScD and <= Operation.AmomaxuD) => rs2,
            Operation.Addi when i.Immediate == 0 && areNarrow => 0,
            Operation.Add when (i.Rs1 == 0 || i.Rs2 == 0) && areNarrow => 0,
            Operation.Addi or Operation.Mul or Operation.Add or Operation.Sub or Operation.Sh1add or Operation.Sh2add or Operation.Sh3add => isWanted ? both : 0,
            Operation.Ori or Operation.Xori => isWanted && !areNarrow ? rs1 : 0,
            Operation.Andi => isWanted && !areNarrow && i.Immediate < 0 ? rs1 : 0,
            Operation.And or Operation.Or or Operation.Xor or Operation.Andn or Operation.Orn or Operation.Xnor => isWanted && !areNarrow ? both : 0,
            Operation.Max or Operation.Maxu or Operation.Min or Operation.Minu => areNarrow ? 0 : both,
            Operation.Slli => isWanted && i.Immediate < 32 ? rs1 : 0,
            Operation.Sll or Operation.Bclr or Operation.Binv or Operation.Bset or Operation.Bclri or Operation.Binvi or Operation.Bseti => isWanted ? rs1 : 0,
            Operation.Srli or Operation.Srl or Operation.Sra or Operation.Bext => rs1,
            Operation.Srai => areNarrow && i.Immediate < 32 ? 0 : rs1,
            Operation.Bexti => i.Immediate < 32 ? 0 : rs1,
            Operation.Mulh or Operation.Mulhsu or Operation.Mulhu or Operation.Div or Operation.Divu or Operation.Rem or Operation.Remu => both,
            Operation.AddUw or Operation.Sh1addUw or Operation.Sh2addUw or Operation.Sh3addUw => isWanted ? rs2 : 0,
            Operation.Rev8 when i.Immediate != 0 => 0,
            Operation.Clz or Operation.Ctz or Operation.Cpop or Operation.Rori or Operation.Rol or Operation.Ror or Operation.OrcB or Operation.Rev8 => rs1,
            _ => 0,
        };
        return (wanted | sources) & ~1u;
    }
}
