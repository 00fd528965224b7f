namespace Optimistic.Vm.Jit.X64;

/// <summary>
/// Which guest registers are in registers of the host, and in which, in some blocks of a region: those that the hottest of
/// the blocks use most. Loops that seldom call have a map of their own, as alike to the one around as can be.
/// </summary>
internal sealed class RegisterMap
{
    private const int MaxDepth = 6;

    /// <summary>A loop is taken to run 2^3 times for each time that it is come to.</summary>
    private const int LoopShift = 3;

    /// <summary>What runs less often than this part of its loop does not count against it.</summary>
    private const int SeldomShare = 8;

    private const long Unit = 256;

    /// <summary>All that are not fixed (<see cref="HostText"/>); those first that need no longer encodings.</summary>
    private static readonly Host[] Free =
        [Host.Rbx, Host.Rcx, Host.Rsi, Host.Rdi, Host.R8, Host.R9, Host.R10, Host.R11, Host.R12, Host.R13, Host.R14, Host.R15];

    private readonly Host[] _hosts = new Host[RegisterFile.Count];

    private RegisterMap()
    {
        for (int register = 0; register < _hosts.Length; register++)
            _hosts[register] = Host.None;
    }

    /// <summary>The guest registers that are in registers of the host.</summary>
    public uint Mapped { get; private set; }

    /// <summary>Ways in and out of code that has its registers so (<see cref="HostEmitter"/>).</summary>
    public MapExits Exits { get; set; }

    /// <summary>They are made.</summary>
    public bool IsEmitted { get; set; }

    /// <summary>The host's register that a guest register is in, or none.</summary>
    public Host this[int register] => _hosts[register];

    /// <summary>The maps of a region's blocks, by index, and that of what is in no loop.</summary>
    public static RegisterMap[] Of(Region region, out RegisterMap outer)
    {
        List<Block> blocks = region.Blocks;
        int[] ends = LoopEnds(blocks);
        var heads = new List<Block>();
        long[] runs = FindRuns(region, ends, heads);
        outer = Choose(blocks, runs, 0, blocks.Count - 1, null);
        var maps = new RegisterMap[blocks.Count];
        for (int index = 0; index < maps.Length; index++)
            maps[index] = outer;
        foreach (Block head in heads)
        {
            // A call leaves the map and comes back to it.
            long calls = 0;
            for (int index = head.Index; index <= ends[head.Index]; index++)
                calls += blocks[index].IsCall || blocks[index].End == BlockEnd.Indirect ? runs[index] : 0;
            if (calls > runs[head.Index] / SeldomShare)
                continue;

            RegisterMap map = Choose(blocks, runs, head.Index, ends[head.Index], maps[head.Index]);
            for (int index = head.Index; index <= ends[head.Index]; index++)
                maps[index] = map;
        }

        return maps;
    }

    /// <summary>How often each block runs, about, and the heads of loops, the larger loops first.</summary>
    private static long[] FindRuns(Region region, int[] ends, List<Block> heads)
    {
        List<Block> blocks = region.Blocks;
        int[] depths = new int[blocks.Count], counts = new int[blocks.Count];
        foreach (Block block in blocks)
        {
            // What nothing jumps to runs as often as what is before it.
            int count = region.Count(block);
            counts[block.Index] = count == 0 && block.Index > 0 ? counts[block.Index - 1] : count;
            if (ends[block.Index] >= 0)
                heads.Add(block);
        }

        heads.Sort((a, b) => (ends[b.Index] - b.Index).CompareTo(ends[a.Index] - a.Index));
        long[] runs = new long[blocks.Count];
        foreach (Block block in blocks)
            runs[block.Index] = Unit;
        foreach (Block head in heads)
        {
            for (int index = head.Index; index <= ends[head.Index]; index++)
            {
                depths[index] = Math.Min(depths[index] + 1, MaxDepth);
                long share = Math.Clamp((long)counts[index] * Unit / (counts[head.Index] + 1), Unit / (4 * SeldomShare), Unit);
                runs[index] = share << LoopShift * depths[index];
            }
        }

        return runs;
    }

    private static RegisterMap Choose(List<Block> blocks, long[] runs, int first, int last, RegisterMap? outer)
    {
        long[] uses = new long[RegisterFile.Count];
        for (int index = first; index <= last; index++)
        {
            long each = runs[index];
            foreach (Instruction i in blocks[index].Instructions)
            {
                uses[i.Rd] += each;
                uses[i.Rs1] += each;
                uses[i.Rs2] += each;
            }
        }

        // The most used, and of these those that the map around has where it has them.
        uint chosen = 0;
        for (int count = 0; count < Free.Length; count++)
        {
            int best = 0;
            for (int register = 1; register < RegisterFile.Count; register++)
            {
                if ((chosen >> register & 1) == 0 && uses[register] > (best == 0 ? 0 : uses[best]))
                    best = register;
            }

            chosen |= best == 0 ? 0 : 1u << best;
        }

        if (outer is not null && (chosen & ~outer.Mapped) == 0)
            return outer;

        var map = new RegisterMap();
        for (int register = 1; register < RegisterFile.Count; register++)
        {
            if (outer is not null && Widths.Has(chosen & outer.Mapped, register))
                map.Put(register, outer[register]);
        }

        for (int register = 1; register < RegisterFile.Count; register++)
        {
            if (Widths.Has(chosen, register) && map[register] == Host.None)
                map.Put(register, map.FindFree());
        }

        // What is not used stays, too, where there is room.
        for (int register = 1; outer is not null && register < RegisterFile.Count; register++)
        {
            if (outer[register] != Host.None && map[register] == Host.None && map.IsFree(outer[register]))
                map.Put(register, outer[register]);
        }

        return map;
    }

    private Host FindFree()
    {
        foreach (Host host in Free)
        {
            if (IsFree(host))
                return host;
        }

        return Host.None;
    }

    private bool IsFree(Host host)
    {
        foreach (Host other in _hosts)
        {
            if (other == host)
                return false;
        }

        return true;
    }

    private void Put(int register, Host host)
    {
        _hosts[register] = host;
        Mapped |= 1u << register;
    }

    /// <summary>For each block the last that leads back to it, or -1. A loop is all that is between the two.</summary>
    private static int[] LoopEnds(List<Block> blocks)
    {
        int[] ends = new int[blocks.Count];
        foreach (Block block in blocks)
            ends[block.Index] = -1;
        foreach (Block block in blocks)
        {
            foreach (Block next in block.Successors)
            {
                if (next.Index <= block.Index)
                    ends[next.Index] = Math.Max(ends[next.Index], block.Index);
            }
        }

        return ends;
    }
}

/// <summary>Ways in and out for a map.</summary>
/// <param name="Load">Takes the registers from the frame; called.</param>
/// <param name="Next">To the entry at the pc in RAX, which is in the text.</param>
/// <param name="Out">Out of the regions, with the pc in RAX.</param>
/// <param name="Anywhere">To where the pc in RAX leads, which may be anywhere.</param>
internal readonly record struct MapExits(CodeLabel Load, CodeLabel Next, CodeLabel Out, CodeLabel Anywhere);
