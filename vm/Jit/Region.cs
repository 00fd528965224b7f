namespace Optimistic.Vm.Jit;

/// <summary>How a block ends.</summary>
internal enum BlockEnd
{
    /// <summary>It goes on at Next.</summary>
    Fall,

    /// <summary>A conditional branch to Target, or on at Next.</summary>
    Branch,

    /// <summary>JAL to Target; Next is the return point of a call.</summary>
    Jump,

    /// <summary>JALR; Next is the return point of a call.</summary>
    Indirect,

    /// <summary>At Next is an instruction for the interpreter.</summary>
    Stop
}

/// <summary>Instructions that run in a row, in a region.</summary>
internal sealed class Block(ulong pc)
{
    public ulong Pc => pc;

    /// <summary>Which of its region's blocks it is.</summary>
    public int Index { get; set; }

    /// <summary>All of them, a branch or jump at the end included.</summary>
    public Instruction[] Instructions { get; set; } = [];

    /// <summary>Their addresses.</summary>
    public ulong[] Pcs { get; set; } = [];

    /// <summary>Times that control was transferred here in tier 0, when the region was formed.</summary>
    public int Count { get; set; }

    public BlockEnd End { get; set; }

    public ulong Next { get; set; }

    public ulong Target { get; set; }

    /// <summary>The region's block at <see cref="Next"/>, if control goes there directly; null where the region is left.</summary>
    public Block? NextBlock { get; set; }

    /// <summary>As <see cref="NextBlock"/>, at <see cref="Target"/>.</summary>
    public Block? TargetBlock { get; set; }

    /// <summary>The blocks of the region that control goes to directly.</summary>
    public List<Block> Successors { get; } = [];

    public int Predecessors { get; set; }

    /// <summary>Control comes here from outside, from a return or from an indirect jump.</summary>
    public bool IsEntry { get; set; }

    /// <summary>The registers that are amounts of rotations from here on before they are written.</summary>
    public uint Amounts { get; set; }

    /// <summary>The registers that have their constant values where it starts (<see cref="ConstantRegisters"/>).</summary>
    public uint Constants { get; set; }

    /// <summary>The budget is compared here with <see cref="MaxSteps"/>. Every cycle has such a block.</summary>
    public bool IsCheck { get; set; }

    /// <summary>Steps from here to the next check, on the longest way.</summary>
    public int MaxSteps { get; set; }

    /// <summary>
    /// Steps charged for what follows it, up to the next check: on the way that costs nothing to go. Where another is
    /// gone, the difference is charged or given back (code of the host).
    /// </summary>
    public int ChargeBehind { get; set; }

    /// <summary>Steps charged for it and what follows it.</summary>
    public int Charge => Instructions.Length + ChargeBehind;

    /// <summary>Steps made before this block and not yet taken from the budget.</summary>
    public int PendingSteps { get; set; }

    /// <summary>The successors take over the steps that are not yet taken from the budget.</summary>
    public bool CarriesSteps { get; set; }

    public Instruction Last => Instructions[^1];

    /// <summary>It ends in a jump that links, to what is not inlined.</summary>
    public bool IsCall => End is BlockEnd.Jump or BlockEnd.Indirect && Last.Rd is 1 or 5 && !CallsInlined;

    /// <summary>It ends in a call of blocks that are there for it alone.</summary>
    public bool CallsInlined { get; set; }

    /// <summary>It is another block once more, for one call: nothing enters it but what goes there directly.</summary>
    public bool IsInlined { get; init; }
}

/// <summary>
/// What is compiled into one method: executed blocks around a place, across branches, calls, returns and known indirect
/// targets, the hottest first; and those of short functions that call none once more for each hot call (code of the host),
/// which then is no call: nothing is compared where it returns, and no register moves.
/// </summary>
internal sealed class Region
{
    // A region is large from this part of the limit on.
    private const int LargeShare = 8;

    private readonly CompiledText _text;

    // By page and halfword: the block that the instruction there is in.
    private readonly Block?[]?[] _owners;
    private readonly HotQueue _queue = new();
    private readonly Instruction[] _instructions = new Instruction[JitLimits.MaxBlockLength];
    private readonly ulong[] _pcs = new ulong[JitLimits.MaxBlockLength];
    private int _count, _repeated;

    private Region(CompiledText text)
    {
        _text = text;
        _owners = new Block?[text.PageCount][];
    }

    /// <summary>Ascending by address, but for those inlined, which are behind their call. Empty when the root is an instruction for the interpreter.</summary>
    public List<Block> Blocks { get; } = [];

    /// <summary>
    /// It may expect something of registers where it is entered, and leave again if it is not so: it was not refused too often.
    /// </summary>
    public bool IsExpectant { get; private set; }

    /// <summary>Its amounts of rotations.</summary>
    public ConstantRegisters Constants { get; private set; } = null!;

    /// <summary>Too large for others to have it all again.</summary>
    public bool IsLarge => _text.Host is not null || _count > _text.Limits.MaxInstructions / LargeShare;

    /// <summary>The region around <paramref name="root"/> and <paramref name="seeds"/>; the root's block is in it however small the limit.</summary>
    public static Region Form(CompiledText text, Spot root, List<Spot> seeds, int maxInstructions)
    {
        var region = new Region(text);
        region.Grow(root, seeds, maxInstructions);
        region.Blocks.Sort((a, b) => a.Pc.CompareTo(b.Pc));
        region.Resolve();
        if (text.Host is not null)
            Inliner.Inline(region, maxInstructions);
        for (int index = 0; index < region.Blocks.Count; index++)
            region.Blocks[index].Index = index;
        region.Link(root);
        Idioms.Rewrite(region, isForHost: text.Host is not null);
        region.IsExpectant = region.Blocks.TrueForAll(block => !block.IsEntry || text.Find(block.Pc) is not { IsRefused: true });
        region.Constants = new ConstantRegisters(text, region.Blocks, region.IsExpectant);
        return region;
    }

    /// <summary>Whether an instruction is the last of its block.</summary>
    public static bool EndsBlock(Operation operation) => operation is >= Operation.Jal and <= Operation.Bgeu || IsInterpreted(operation);

    /// <summary>Whether it is LR, SC or AMO: where it is misaligned, the region is left before it.</summary>
    public static bool IsAtomic(Operation operation) => operation is >= Operation.LrW and <= Operation.AmomaxuD;

    public Block? Find(ulong pc) => Owner(pc) is { } owner && owner.Pc == pc ? owner : null;

    /// <summary>Where the JALR at the end of <paramref name="block"/> has gone.</summary>
    public IndirectSite Site(Block block) => _text.Site(block.Pcs[^1]);

    private static bool IsInterpreted(Operation operation) => operation is Operation.Illegal or Operation.Ecall or Operation.Ebreak;

    private void Grow(Spot root, List<Spot> seeds, int maxInstructions)
    {
        _queue.Enqueue(root.Pc, long.MinValue);
        foreach (Spot seed in seeds)
            _queue.Enqueue(seed.Pc, seed.Code is null ? 1 : -seed.Heat);

        while (_queue.TryDequeue(out ulong pc))
        {
            if (Owner(pc) is { } owner)
            {
                if (owner.Pc != pc)
                    Split(owner, pc);
                continue;
            }

            Block block = Read(pc);
            if (block.Instructions.Length == 0)
                continue;
            if (Blocks.Count != 0)
            {
                if (_count + block.Instructions.Length > maxInstructions)
                    break;

                // No more than half of it repeats what large regions have: they would overlap without end.
                if (_text.Find(pc) is { IsInLargeRegion: true })
                {
                    if (_text.Host is not null || 2 * (_repeated + block.Instructions.Length) > _count)
                        continue;

                    _repeated += block.Instructions.Length;
                }
            }

            Add(block);
            _count += block.Instructions.Length;
            Follow(block);
        }
    }

    private Block Read(ulong pc)
    {
        var block = new Block(pc);
        int count = 0;
        ulong at = pc;
        while (true)
        {
            Instruction i = _text.Fetch(at);
            if (IsInterpreted(i.Operation))
            {
                block.End = BlockEnd.Stop;
                break;
            }

            (_instructions[count], _pcs[count++]) = (i, at);
            ulong target = at + (ulong)i.Immediate;
            at += i.Length;
            if (EndsBlock(i.Operation))
            {
                block.Target = target;
                block.End = i.Operation switch
                {
                    Operation.Jal => BlockEnd.Jump,
                    Operation.Jalr => BlockEnd.Indirect,
                    _ => BlockEnd.Branch,
                };
                break;
            }

            if (count == JitLimits.MaxBlockLength || !_text.Contains(at) || Owner(at) is not null)
                break;
        }

        block.Next = at;
        SetInstructions(block, _instructions, _pcs, 0, count);
        return block;
    }

    /// <summary>Makes what is in <paramref name="block"/> from <paramref name="pc"/> on a block of its own.</summary>
    private void Split(Block block, ulong pc)
    {
        int at = 0, count = block.Pcs.Length;
        while (block.Pcs[at] != pc)
            at++;
        var tail = new Block(pc) { End = block.End, Next = block.Next, Target = block.Target };
        SetInstructions(tail, block.Instructions, block.Pcs, at, count - at);
        SetInstructions(block, block.Instructions, block.Pcs, 0, at);
        (block.End, block.Next) = (BlockEnd.Fall, pc);
        Add(tail);
    }

    private void Add(Block block)
    {
        Blocks.Add(block);
        foreach (ulong pc in block.Pcs)
            (_owners[pc >> ProgramText.PageShift] ??= new Block?[ProgramText.PageLength / 2])[(int)(pc % ProgramText.PageLength) >> 1] = block;
    }

    private Block? Owner(ulong pc) =>
        _text.Contains(pc) ? _owners[pc >> ProgramText.PageShift]?[(int)(pc % ProgramText.PageLength) >> 1] : null;

    // Spans of these types are not compiled ahead.
    private static void SetInstructions(Block block, Instruction[] instructions, ulong[] pcs, int start, int count)
    {
        (block.Instructions, block.Pcs) = (new Instruction[count], new ulong[count]);
        Array.Copy(instructions, start, block.Instructions, 0, count);
        Array.Copy(pcs, start, block.Pcs, 0, count);
    }

    private void Follow(Block block)
    {
        switch (block.End)
        {
            case BlockEnd.Fall:
                Seek(block.Next, isCertain: true);
                break;
            case BlockEnd.Branch:
                Seek(block.Target, isCertain: false);
                Seek(block.Next, isCertain: false);
                break;
            case BlockEnd.Jump:
                Seek(block.Target, isCertain: true);
                break;
            case BlockEnd.Indirect:
                foreach (ulong target in Site(block).Targets)
                    Seek(target, isCertain: false);
                break;
            case BlockEnd.Stop:
                break;
        }

        if (block.IsCall)
            Seek(block.Next, isCertain: false);
    }

    // What has seldom been executed stays out.
    private void Seek(ulong pc, bool isCertain)
    {
        Spot? spot = _text.Find(pc);
        if (isCertain ? _text.Contains(pc) : spot is not null && (spot.Count > _text.Limits.Threshold / JitLimits.ColdShare || spot.Code is not null))
            _queue.Enqueue(pc, spot is { IsInLargeRegion: true } ? 2 : -(spot?.Heat ?? 0));
    }

    private void Resolve()
    {
        foreach (Block block in Blocks)
        {
            block.Count = _text.Find(block.Pc)?.Count ?? 0;
            if (block.End is BlockEnd.Fall or BlockEnd.Branch)
                block.NextBlock = Find(block.Next);
            if (block.End is BlockEnd.Branch or BlockEnd.Jump)
                block.TargetBlock = Find(block.Target);
        }
    }

    private void Link(Spot root)
    {
        // Functions that are inlined do not return there otherwise, but for calls from outside.
        var returns = new HashSet<ulong>();
        foreach (Block block in Blocks)
        {
            if (block.CallsInlined)
                returns.Add(block.Next);
        }

        foreach (Block block in Blocks)
        {
            // Code of the host can be entered anywhere.
            block.IsEntry |= _text.Host is null && (block.Pc == root.Pc || _text.Find(block.Pc) is { Code: not null });
            Connect(block, block.NextBlock);
            Connect(block, block.TargetBlock);
            if (block.IsCall)
            {
                Enter(block.Next);
                if (block.End == BlockEnd.Jump)
                    Enter(block.Target);
            }

            if (block.End == BlockEnd.Indirect)
            {
                foreach (ulong target in Site(block).Targets)
                {
                    if (!returns.Contains(target))
                        Enter(target);
                }
            }
        }

        foreach (Block block in Blocks)
        {
            block.IsCheck |= block.IsEntry || block.Predecessors == 0;
            block.IsEntry = block.IsCheck && !block.IsInlined;
        }

        // Edges to blocks without a check go up, so that the order of addresses is one of them, too.
        for (int i = Blocks.Count - 1; i >= 0; i--)
        {
            Block block = Blocks[i];
            int behind = 0;
            foreach (Block next in block.Successors)
                behind = next.IsCheck ? behind : Math.Max(behind, next.MaxSteps);
            block.MaxSteps = block.Instructions.Length + behind;
            block.IsCheck |= block.MaxSteps > JitLimits.MaxUnchecked;
            block.ChargeBehind = FindChargeBehind(block);
        }

        foreach (Block block in Blocks)
        {
            block.CarriesSteps = block.End is BlockEnd.Fall or BlockEnd.Branch or BlockEnd.Jump &&
                block.Successors.TrueForAll(next => !next.IsCheck && next.Predecessors == 1);
            if (block.CarriesSteps)
            {
                foreach (Block next in block.Successors)
                    next.PendingSteps = block.PendingSteps + block.Instructions.Length;
            }
        }
    }

    private static int FindChargeBehind(Block block)
    {
        Block? next = block.End switch
        {
            BlockEnd.Branch => IsSeldomTaken(block) ? block.NextBlock : block.TargetBlock ?? block.NextBlock,
            BlockEnd.Jump => block.TargetBlock,
            BlockEnd.Fall => block.NextBlock,
            _ => null,
        };
        return next is null or { IsCheck: true } ? 0 : next.Charge;
    }

    // To charge what is not taken costs an instruction; to give back on the way that is taken one more, and a jump.
    private static bool IsSeldomTaken(Block block) =>
        block.Target > block.Pc && block.NextBlock is { } next && (block.TargetBlock?.Count ?? 0) < next.Count / 4;

    private static void Connect(Block block, Block? next)
    {
        if (next is null)
            return;

        block.Successors.Add(next);
        next.Predecessors++;
        next.IsCheck |= next.Index <= block.Index;
    }

    private void Enter(ulong pc)
    {
        if (Find(pc) is { } block)
            block.IsEntry = true;
    }
}

/// <summary>Places that may yet be in a region, the hottest first: a binary heap. (PriorityQueue is not compiled ahead for these types.)</summary>
internal sealed class HotQueue
{
    private Place[] _heap = new Place[64];
    private int _count;

    /// <summary>Those of the least order come first.</summary>
    public void Enqueue(ulong pc, long order)
    {
        if (_count == _heap.Length)
        {
            var larger = new Place[2 * _count];
            Array.Copy(_heap, larger, _count);
            _heap = larger;
        }

        int at = _count++;
        for (; at > 0 && _heap[(at - 1) / 2].Order > order; at = (at - 1) / 2)
            _heap[at] = _heap[(at - 1) / 2];
        _heap[at] = new Place(order, pc);
    }

    public bool TryDequeue(out ulong pc)
    {
        if (_count == 0)
        {
            pc = 0;
            return false;
        }

        pc = _heap[0].Pc;
        Place last = _heap[--_count];
        int at = 0;
        while (2 * at + 1 < _count)
        {
            int child = 2 * at + 1;
            if (child + 1 < _count && _heap[child + 1].Order < _heap[child].Order)
                child++;
            if (_heap[child].Order >= last.Order)
                break;

            _heap[at] = _heap[child];
            at = child;
        }

        _heap[at] = last;
        return true;
    }

    private readonly struct Place(long order, ulong pc)
    {
        public long Order => order;

        public ulong Pc => pc;
    }
}
