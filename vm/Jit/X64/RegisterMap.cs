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
    public MapExits Exits { get; set; } = null!;

    /// <summary>They are made.</summary>
    public bool IsEmitted { get; set; }

    /// <summary>The host's register that a guest register is in, or none.</summary>
    public Host this[int register] => _hosts[register];

    /// <summary>There is a register of the host that holds none.</summary>
    public bool HasRoom => FindFree() != Host.None;

    /// <summary>The same registers in the same places, for now.</summary>
    public RegisterMap Copy()
    {
        var copy = new RegisterMap { Mapped = Mapped, Exits = Exits };
        Array.Copy(_hosts, copy._hosts, _hosts.Length);
        return copy;
    }

    /// <summary>Puts a register in the place of another, or where there is room if that is 0; best at <paramref name="wanted"/>.</summary>
    public Host Replace(int old, int register, Host wanted)
    {
        Host host = old != 0 ? _hosts[old] : wanted != Host.None && IsFree(wanted) ? wanted : FindFree();
        (_hosts[old], Mapped) = (Host.None, old == 0 ? Mapped : Mapped & ~(1u << old));
        Put(register, host);
        return host;
    }

    /// <summary>The maps of a region's blocks, by index, and that of what is in no loop.</summary>
    public static RegisterMap[] Of(Region region, out RegisterMap outer)
    {
        List<Block> blocks = region.Blocks;
        int[] ends = LoopEnds(blocks);
        var heads = new List<Block>();
        foreach (Block block in blocks)
        {
            if (ends[block.Index] >= 0)
                heads.Add(block);
        }

        heads.Sort((a, b) => (ends[b.Index] - b.Index).CompareTo(ends[a.Index] - a.Index));
        long[] runs = FindRuns(blocks, ends, heads);
        long[] uses = FindUses(blocks, runs), calls = FindCalls(blocks, runs);
        outer = Choose(uses, 0, blocks.Count - 1, null);
        var maps = new RegisterMap[blocks.Count];
        Array.Fill(maps, outer);
        foreach (Block head in heads)
        {
            // A call leaves the map and comes back to it.
            if (calls[ends[head.Index] + 1] - calls[head.Index] > runs[head.Index] / SeldomShare)
                continue;

            RegisterMap map = Choose(uses, head.Index, ends[head.Index], maps[head.Index]);
            if (map == maps[head.Index])
                continue;

            for (int index = head.Index; index <= ends[head.Index]; index++)
                maps[index] = map;
        }

        return maps;
    }

    /// <summary>How often each block runs, about: as often as its count says, in the smallest of its loops, and more in more loops.</summary>
    /// <param name="blocks">The blocks.</param>
    /// <param name="ends">The loops.</param>
    /// <param name="heads">Where they start, the larger loops first.</param>
    private static long[] FindRuns(List<Block> blocks, int[] ends, List<Block> heads)
    {
        int[] depthChanges = new int[blocks.Count + 1], counts = new int[blocks.Count], nextFree = new int[blocks.Count + 1];
        foreach (Block block in blocks)
        {
            // What nothing jumps to runs as often as what is before it.
            counts[block.Index] = block.Count == 0 && block.Index > 0 ? counts[block.Index - 1] : block.Count;
            nextFree[block.Index] = block.Index;
        }

        nextFree[^1] = blocks.Count;
        Block?[] innermost = new Block?[blocks.Count];
        for (int i = heads.Count - 1; i >= 0; i--)
        {
            Block head = heads[i];
            depthChanges[head.Index]++;
            depthChanges[ends[head.Index] + 1]--;
            for (int index = NextFree(head.Index); index <= ends[head.Index]; index = NextFree(index))
            {
                innermost[index] = head;
                nextFree[index] = index + 1;
            }
        }

        long[] runs = new long[blocks.Count];
        int depth = 0;
        for (int index = 0; index < runs.Length; index++)
        {
            depth += depthChanges[index];
            long share = innermost[index] is { } head ? Math.Clamp((long)counts[index] * Unit / (counts[head.Index] + 1), Unit / (4 * SeldomShare), Unit) : Unit;
            runs[index] = share << LoopShift * Math.Min(depth, MaxDepth);
        }

        return runs;

        // The first block from there on that is in no loop yet, which is found faster the next time.
        int NextFree(int index)
        {
            int free = index;
            while (nextFree[free] != free)
                free = nextFree[free];
            while (nextFree[index] != free)
                (index, nextFree[index]) = (nextFree[index], free);
            return free;
        }
    }

    /// <summary>How often each register is used before each block: 32 sums for each, and behind the last.</summary>
    private static long[] FindUses(List<Block> blocks, long[] runs)
    {
        long[] sums = new long[(blocks.Count + 1) * RegisterFile.Count];
        foreach (Block block in blocks)
        {
            int to = (block.Index + 1) * RegisterFile.Count;
            Array.Copy(sums, to - RegisterFile.Count, sums, to, RegisterFile.Count);
            long each = runs[block.Index];
            foreach (Instruction i in block.Instructions)
            {
                sums[to + i.Rd] += each;
                sums[to + i.Rs1] += each;
                sums[to + i.Rs2] += each;
            }
        }

        return sums;
    }

    /// <summary>How often blocks before each one, and behind the last, call or return.</summary>
    private static long[] FindCalls(List<Block> blocks, long[] runs)
    {
        long[] sums = new long[blocks.Count + 1];
        foreach (Block block in blocks)
            sums[block.Index + 1] = sums[block.Index] + (block.IsCall || block.End == BlockEnd.Indirect ? runs[block.Index] : 0);
        return sums;
    }

    private static RegisterMap Choose(long[] sums, int first, int last, RegisterMap? outer)
    {
        long[] uses = new long[RegisterFile.Count];
        for (int register = 0; register < uses.Length; register++)
            uses[register] = sums[(last + 1) * RegisterFile.Count + register] - sums[first * RegisterFile.Count + register];

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
internal sealed record MapExits(CodeLabel Load, CodeLabel Next, CodeLabel Out, CodeLabel Anywhere);
