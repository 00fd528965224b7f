using System.Collections.Concurrent;

namespace Optimistic.Vm.Jit;

/// <summary>
/// The profile of a program's text and the code compiled from it, shared by all machines of the program and kept between
/// tasks. Safe for many threads: counts may lose an update, which nothing but the time of compilation depends on.
/// </summary>
internal sealed class CompiledText(ProgramText text, JitLimits limits)
{
    private readonly Spot?[]?[] _pages = new Spot?[text.End >> ProgramText.PageShift][];
    private readonly ConcurrentDictionary<ulong, IndirectSite> _sites = [];
    private readonly ConcurrentQueue<Spot> _spots = [];
    private readonly Lock _compiling = new();
    private long _entries, _nextRebuild = limits.RebuildEntries;

    public JitLimits Limits => limits;

    /// <summary>The instruction at <paramref name="pc"/>, in the text.</summary>
    public Instruction Fetch(ulong pc) => text.Page((uint)(pc >> ProgramText.PageShift))[(int)(pc % ProgramText.PageLength) >> 1];

    /// <summary>The place at <paramref name="pc"/>, in the text, which control is transferred to now.</summary>
    public Spot At(ulong pc)
    {
        Spot?[]? page = _pages[pc >> ProgramText.PageShift];
        return page?[(int)(pc % ProgramText.PageLength) >> 1] ?? Create(pc);
    }

    /// <summary>As <see cref="At"/>, but null where control has never been transferred to.</summary>
    public Spot? Find(ulong pc) =>
        Contains(pc) ? _pages[pc >> ProgramText.PageShift]?[(int)(pc % ProgramText.PageLength) >> 1] : null;

    /// <summary>Whether <paramref name="pc"/> is good (spec 1.4.3), and there is text.</summary>
    public bool Contains(ulong pc) => (pc & 1) == 0 && pc < text.End;

    /// <summary>The profile of the JALR at <paramref name="pc"/>.</summary>
    public IndirectSite Site(ulong pc) => _sites.GetOrAdd(pc, _ => new IndirectSite());

    /// <summary>Compiles the region around <paramref name="spot"/>, unless another thread just did.</summary>
    public void Compile(Spot spot)
    {
        lock (_compiling)
        {
            if (spot.Code is null && spot.CanCompile)
                Publish(spot, []);
        }
    }

    /// <summary>Counts an entry into the region at <paramref name="spot"/>; after many, makes a larger one of all that is hot.</summary>
    public void CountEntry(Spot spot)
    {
        if (++_entries < _nextRebuild)
            return;

        lock (_compiling)
        {
            if (_entries < _nextRebuild)
                return;

            _nextRebuild *= 8;
            Publish(spot, _spots.Where(other => other.CanCompile && (other.Code is not null || other.Count >= limits.Threshold / 4)));
        }
    }

    private void Publish(Spot root, IEnumerable<Spot> seeds)
    {
        List<Spot> hot = [.. seeds];
        for (int max = limits.MaxInstructions; ; max /= 2)
        {
            Region region = Region.Form(this, root, hot, max);
            if (region.Blocks.Count == 0)
            {
                root.CanCompile = false;
                return;
            }

            // Half the instructions, until the method is one that is optimised; a single block always is.
            if (new RegionEmitter(region).Compile() is not { } code)
                continue;

            foreach (Block block in region.Blocks)
            {
                if (block.IsEntry)
                    At(block.Pc).Code = code;
            }

            return;
        }
    }

    private Spot Create(ulong pc)
    {
        int steps = 0;
        ulong at = pc;
        IndirectSite? site = null;
        while (true)
        {
            Instruction i = Fetch(at);
            steps++;
            if (i.Operation == Operation.Jalr)
                site = Site(at);
            at += i.Length;
            if (Region.EndsBlock(i.Operation) || steps == JitLimits.MaxBlockLength || !Contains(at))
                break;
        }

        ref Spot?[]? page = ref _pages[pc >> ProgramText.PageShift];
        Interlocked.CompareExchange(ref page, new Spot?[ProgramText.PageLength / 2], null);
        var spot = new Spot(pc, steps, site);
        if (Interlocked.CompareExchange(ref page[(int)(pc % ProgramText.PageLength) >> 1], spot, null) is { } other)
            return other;

        _spots.Enqueue(spot);
        return spot;
    }
}

/// <summary>A place that control has been transferred to: the target of a jump or branch, what follows a block, an exit.</summary>
/// <param name="pc">Its address.</param>
/// <param name="steps">Instructions from here to the end of the block, its last included.</param>
/// <param name="site">The JALR that ends the block, if one does.</param>
internal sealed class Spot(ulong pc, int steps, IndirectSite? site)
{
    private volatile RegionCode? _code;

    public ulong Pc => pc;

    public int Steps => steps;

    public IndirectSite? Site => site;

    /// <summary>Times that it was interpreted.</summary>
    public int Count { get; set; }

    /// <summary>There is something to compile here.</summary>
    public bool CanCompile { get; set; } = true;

    /// <summary>The method that has an entry here, or null.</summary>
    public RegionCode? Code
    {
        get => _code;
        set => _code = value;
    }
}

/// <summary>Where a JALR has gone.</summary>
internal sealed class IndirectSite
{
    /// <summary>More targets than a large switch statement has.</summary>
    private const int MaxTargets = 512;

    private volatile ulong[] _targets = [];
    private ulong _last = ulong.MaxValue;

    /// <summary>Targets seen, in the order of their first time.</summary>
    public ulong[] Targets => _targets;

    /// <summary>The target seen last; 2^64 - 1 before the first.</summary>
    public ulong Last => Volatile.Read(ref _last);

    public void Add(ulong target)
    {
        if (target == Last)
            return;

        Volatile.Write(ref _last, target);
        ulong[] targets = _targets;
        // Two threads may lose a target to each other: it comes again.
        if (targets.Length < MaxTargets && Array.IndexOf(targets, target) < 0)
            _targets = [.. targets, target];
    }
}
