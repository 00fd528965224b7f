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
    public List<Instruction> Instructions { get; init; } = [];

    /// <summary>Their addresses.</summary>
    public List<ulong> Pcs { get; init; } = [];

    public BlockEnd End { get; set; }

    public ulong Next { get; set; }

    public ulong Target { get; set; }

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
    public int Charge => Instructions.Count + ChargeBehind;

    /// <summary>Steps made before this block and not yet taken from the budget.</summary>
    public int PendingSteps { get; set; }

    /// <summary>The successors take over the steps that are not yet taken from the budget.</summary>
    public bool CarriesSteps { get; set; }

    public Instruction Last => Instructions[^1];

    /// <summary>It ends in a jump that links.</summary>
    public bool IsCall => End is BlockEnd.Jump or BlockEnd.Indirect && Last.Rd is 1 or 5;
}

/// <summary>
/// What is compiled into one method: executed blocks around a place, across branches, calls, returns and known indirect
/// targets, the hottest first.
/// </summary>
internal sealed class Region
{
    // A place is cold below this part of the threshold.
    private const int ColdShare = 32;

    // A region is large from this part of the limit on.
    private const int LargeShare = 8;

    private readonly CompiledText _text;
    private readonly Dictionary<ulong, Block> _blocks = [];
    private readonly Dictionary<ulong, Block> _owners = [];
    private readonly PriorityQueue<ulong, long> _queue = new();
    private int _repeated;

    private Region(CompiledText text) => _text = text;

    /// <summary>Ascending by address. Empty when the root is an instruction for the interpreter.</summary>
    public List<Block> Blocks { get; private set; } = [];

    /// <summary>
    /// It may expect something of registers where it is entered, and leave again if it is not so: it was not refused too often.
    /// </summary>
    public bool IsExpectant { get; private set; }

    /// <summary>Its amounts of rotations.</summary>
    public ConstantRegisters Constants { get; private set; } = null!;

    /// <summary>Too large for others to have it all again.</summary>
    public bool IsLarge => _text.Host is not null || _owners.Count > _text.Limits.MaxInstructions / LargeShare;

    /// <summary>The region around <paramref name="root"/> and <paramref name="seeds"/>; the root's block is in it however small the limit.</summary>
    public static Region Form(CompiledText text, Spot root, List<Spot> seeds, int maxInstructions)
    {
        var region = new Region(text);
        region.Grow(root, seeds, maxInstructions);
        region.Blocks = [.. region._blocks.Values.OrderBy(block => block.Pc)];
        for (int index = 0; index < region.Blocks.Count; index++)
            region.Blocks[index].Index = index;
        region.Link(root);
        region.IsExpectant = region.Blocks.TrueForAll(block => !block.IsEntry || text.Find(block.Pc) is not { IsRefused: true });
        region.Constants = new ConstantRegisters(text, region.Blocks, region.IsExpectant);
        return region;
    }

    /// <summary>Whether an instruction is the last of its block.</summary>
    public static bool EndsBlock(Operation operation) => operation is >= Operation.Jal and <= Operation.Bgeu || IsInterpreted(operation);

    public Block? Find(ulong pc) => _blocks.GetValueOrDefault(pc);

    /// <summary>Where the JALR at the end of <paramref name="block"/> has gone.</summary>
    public IndirectSite Site(Block block) => _text.Site(block.Pcs[^1]);

    private static bool IsInterpreted(Operation operation) => operation is Operation.Illegal or Operation.Ecall or Operation.Ebreak;

    private void Grow(Spot root, List<Spot> seeds, int maxInstructions)
    {
        _queue.Enqueue(root.Pc, long.MinValue);
        foreach (Spot seed in seeds)
            _queue.Enqueue(seed.Pc, seed.Code is null ? 1 : -seed.Heat);

        while (_queue.TryDequeue(out ulong pc, out _))
        {
            if (_blocks.ContainsKey(pc))
                continue;

            if (_owners.TryGetValue(pc, out Block? owner))
            {
                Split(owner, pc);
                continue;
            }

            Block block = Read(pc);
            if (block.Instructions.Count == 0)
                continue;
            if (_blocks.Count != 0)
            {
                if (_owners.Count + block.Instructions.Count > maxInstructions)
                    break;

                // No more than half of it repeats what large regions have: they would overlap without end.
                if (_text.Find(pc) is { IsInLargeRegion: true })
                {
                    if (_text.Host is not null || 2 * (_repeated + block.Instructions.Count) > _owners.Count)
                        continue;

                    _repeated += block.Instructions.Count;
                }
            }

            _blocks.Add(pc, block);
            foreach (ulong at in block.Pcs)
                _owners.Add(at, block);
            Follow(block);
        }
    }

    private Block Read(ulong pc)
    {
        var block = new Block(pc);
        ulong at = pc;
        while (true)
        {
            Instruction i = _text.Fetch(at);
            if (IsInterpreted(i.Operation) || _text.Host is not null && i.Operation is >= Operation.LrW and <= Operation.AmomaxuD)
            {
                block.End = BlockEnd.Stop;
                block.Next = at;
                return block;
            }

            block.Instructions.Add(i);
            block.Pcs.Add(at);
            ulong target = at + (ulong)i.Immediate;
            at += i.Length;
            block.Next = at;
            if (EndsBlock(i.Operation))
            {
                block.Target = target;
                block.End = i.Operation switch
                {
                    Operation.Jal => BlockEnd.Jump,
                    Operation.Jalr => BlockEnd.Indirect,
                    _ => BlockEnd.Branch,
                };
                return block;
            }

            if (block.Instructions.Count == JitLimits.MaxBlockLength || !_text.Contains(at) || _owners.ContainsKey(at))
                return block;
        }
    }

    /// <summary>Makes what is in <paramref name="block"/> from <paramref name="pc"/> on a block of its own.</summary>
    private void Split(Block block, ulong pc)
    {
        int at = block.Pcs.IndexOf(pc);
        var tail = new Block(pc)
        {
            Instructions = block.Instructions[at..],
            Pcs = block.Pcs[at..],
            End = block.End,
            Next = block.Next,
            Target = block.Target,
        };
        block.Instructions.RemoveRange(at, block.Instructions.Count - at);
        block.Pcs.RemoveRange(at, block.Pcs.Count - at);
        block.End = BlockEnd.Fall;
        block.Next = pc;
        _blocks.Add(pc, tail);
        foreach (ulong tailPc in tail.Pcs)
            _owners[tailPc] = tail;
    }

    private void Follow(Block block)
    {
        switch (block.End)
        {
            case BlockEnd.Fall:
                Add(block.Next, isCertain: true);
                break;
            case BlockEnd.Branch:
                Add(block.Target, isCertain: false);
                Add(block.Next, isCertain: false);
                break;
            case BlockEnd.Jump:
                Add(block.Target, isCertain: true);
                break;
            case BlockEnd.Indirect:
                foreach (ulong target in Site(block).Targets)
                    Add(target, isCertain: false);
                break;
            case BlockEnd.Stop:
                break;
        }

        if (block.IsCall)
            Add(block.Next, isCertain: false);
    }

    // What has seldom been executed stays out.
    private void Add(ulong pc, bool isCertain)
    {
        Spot? spot = _text.Find(pc);
        if (isCertain ? _text.Contains(pc) : spot is not null && (spot.Count > _text.Limits.Threshold / ColdShare || spot.Code is not null))
            _queue.Enqueue(pc, spot is { IsInLargeRegion: true } ? 2 : -(spot?.Heat ?? 0));
    }

    private void Link(Spot root)
    {
        foreach (Block block in Blocks)
        {
            // Code of the host can be entered anywhere.
            block.IsEntry |= _text.Host is null && (block.Pc == root.Pc || _text.Find(block.Pc) is { Code: not null });
            if (block.End is BlockEnd.Fall or BlockEnd.Branch)
                Connect(block, block.Next);
            if (block.End is BlockEnd.Branch or BlockEnd.Jump)
                Connect(block, block.Target);
            if (block.IsCall)
            {
                Enter(block.Next);
                if (block.End == BlockEnd.Jump)
                    Enter(block.Target);
            }

            if (block.End == BlockEnd.Indirect)
            {
                foreach (ulong target in Site(block).Targets)
                    Enter(target);
            }
        }

        foreach (Block block in Blocks)
        {
            block.IsCheck |= block.IsEntry || block.Predecessors == 0;
            block.IsEntry = block.IsCheck;
        }

        // Edges to blocks without a check go up, so that the order of addresses is one of them, too.
        for (int i = Blocks.Count - 1; i >= 0; i--)
        {
            Block block = Blocks[i];
            block.MaxSteps = block.Instructions.Count + block.Successors.Where(next => !next.IsCheck).Select(next => next.MaxSteps).DefaultIfEmpty().Max();
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
                    next.PendingSteps = block.PendingSteps + block.Instructions.Count;
            }
        }
    }

    // Once for each block: what it goes by is counted on, while this is compiled.
    private int FindChargeBehind(Block block)
    {
        Block? next = block.End switch
        {
            BlockEnd.Branch => IsSeldomTaken(block) ? Find(block.Next) : Find(block.Target) ?? Find(block.Next),
            BlockEnd.Jump => Find(block.Target),
            BlockEnd.Fall => Find(block.Next),
            _ => null,
        };
        return next is null or { IsCheck: true } ? 0 : next.Charge;
    }

    /// <summary>Times that control was transferred to a block in tier 0, while that was counted.</summary>
    public int Count(Block block) => _text.Find(block.Pc)?.Count ?? 0;

    // To charge what is not taken costs an instruction; to give back on the way that is taken one more, and a jump.
    private bool IsSeldomTaken(Block block) =>
        block.Target > block.Pc && Find(block.Next) is not null && (_text.Find(block.Target)?.Count ?? 0) < (_text.Find(block.Next)?.Count ?? 0) / 4;

    private void Connect(Block block, ulong pc)
    {
        if (Find(pc) is not { } next)
            return;

        block.Successors.Add(next);
        next.Predecessors++;
        next.IsCheck |= next.Pc <= block.Pc;
    }

    private void Enter(ulong pc)
    {
        if (Find(pc) is { } block)
            block.IsEntry = true;
    }
}
