using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Optimistic.Vm.Jit.X64;

namespace Optimistic.Vm.Jit;

/// <summary>
/// The profile of a program's text, its tier 0 and the code compiled from it, shared by all machines of the program and kept
/// between tasks. Safe for many threads: counts may lose an update, which nothing but the time of compilation depends on.
/// </summary>
internal sealed class CompiledText(ProgramText text, JitLimits limits)
{
    private readonly Spot?[]?[] _pages = new Spot?[text.End >> ProgramText.PageShift][];
    private readonly Dictionary<ulong, IndirectSite> _sites = [];
    private readonly ConcurrentQueue<Spot> _spots = [];
    private readonly Lock _compiling = new();
    private readonly Lazy<HostText?> _host = new(() => limits is { Compiles: true, ForHost: true } && HostText.IsSupported ? new HostText(text.End) : null);
    private volatile ThreadedText? _threads;
    private volatile ExceptionDispatchInfo? _failure;
    private long _entries, _rebuiltAt, _nextRebuild = limits.RebuildEntries;
    private long _returns, _gatheredAt, _nextGathering = limits.RebuildEntries / JitLimits.ReturnEntries;
    private int _rebuiltSpots, _doublings;

    public JitLimits Limits => limits;

    /// <summary>Where regions are code of the host; null where they are IL. Made for the first region: short runs have none.</summary>
    public HostText? Host => _host.Value;

    /// <summary>Steps that are still to be interpreted before anything else is done.</summary>
    public long ColdStepsLeft { get; set; } = limits.ColdSteps;

    /// <summary>Tier 0.</summary>
    public ThreadedText Threads
    {
        get
        {
            return _threads ?? Create();

            ThreadedText Create()
            {
                lock (_spots)
                    return _threads ??= new ThreadedText(this, text.End);
            }
        }
    }

    /// <summary>Pages of text.</summary>
    public int PageCount => _pages.Length;

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
    public IndirectSite Site(ulong pc)
    {
        lock (_sites)
        {
            if (!_sites.TryGetValue(pc, out IndirectSite? site))
                _sites.Add(pc, site = new IndirectSite());
            return site;
        }
    }

    /// <summary>Compiles the hot region around <paramref name="spot"/>, or has it compiled, unless that is under way.</summary>
    public void Compile(Spot spot)
    {
        if (!limits.Compiles || !spot.CanCompile || spot.IsRequested)
            return;

        if (limits.InBackground)
            spot.IsRequested = CompilerThread.TryRequest(this, spot, CompileNow);
        else
            CompileNow(spot);
    }

    /// <summary>Counts an entry into the region at <paramref name="spot"/>; after many, regions are made anew of all that is hot.</summary>
    /// <param name="spot">The place.</param>
    /// <param name="count">Entries from there, of which it was the first.</param>
    public void CountEntry(Spot spot, long count = 1)
    {
        spot.Entries++;
        _entries += count;
        if (IsDue(_entries, ref _nextRebuild))
            Request(spot, Rebuild);
    }

    /// <summary>Counts a return from tier 0, to <paramref name="spot"/>; after many, what is hot there is compiled.</summary>
    public void CountReturn(Spot spot)
    {
        _returns++;
        if (limits.Compiles && IsDue(_returns, ref _nextGathering))
            Request(spot, Gather);
    }

    /// <summary>
    /// Counts that the region at <paramref name="spot"/> made no step, as registers were not as it expects them.
    /// After many such it is compiled again, without what was expected in vain.
    /// </summary>
    public unsafe void CountRefusal(Spot spot, MachineHead* head)
    {
        if (++spot.Refusals % JitLimits.MaxRefusals != 0 || spot.Refusals > JitLimits.MaxRefusals * JitLimits.MaxRecompilations)
            return;

        spot.IsRefused |= Host is null || !spot.Sample(head);
        Request(spot, CompileAgain);
    }

    /// <summary>The compiler's thread has failed with <paramref name="error"/>.</summary>
    public void Fail(Exception error) => _failure = ExceptionDispatchInfo.Capture(error);

    /// <summary>Throws what the compiler has failed with.</summary>
    public void ThrowIfFailed() => _failure?.Throw();

    // Of two threads one asks. A request that is dropped is not made up for: the next comes.
    private static bool IsDue(long count, ref long next)
    {
        long due = Volatile.Read(ref next);
        return count >= due && Interlocked.CompareExchange(ref next, due > long.MaxValue / 2 ? long.MaxValue : due * 2 + 1, due) == due;
    }

    private void Request(Spot spot, Action<Spot> compile)
    {
        if (limits.InBackground)
            CompilerThread.TryRequest(this, spot, compile);
        else
            compile(spot);
    }

    private void CompileNow(Spot spot)
    {
        lock (_compiling)
        {
            if (spot.Code is null && spot.CanCompile)
                Publish(spot, [.. _spots.Where(other => other is { Code: null, IsInLargeRegion: false, CanCompile: true } && other.Count >= limits.Threshold / 4)]);
        }
    }

    private void CompileAgain(Spot spot)
    {
        lock (_compiling)
            Publish(spot, []);
    }

    /// <summary>Compiles what is hot and not compiled yet, or puts that off until ways through tier 0 have cost as much time as it will.</summary>
    private void Gather(Spot spot)
    {
        lock (_compiling)
        {
            List<Spot> hot = [.. _spots.Where(other => other is { CanCompile: true, Code: null } && other.Count > limits.Threshold / JitLimits.GatheredShare)];
            long worth = limits.RebuildEntries / JitLimits.RebuildSpots / JitLimits.ReturnEntries * hot.Count;
            if (_returns - _gatheredAt >= worth)
            {
                _gatheredAt = _returns;
                worth = 0;
                Publish(hot, other => other.Code is not null);
            }

            Volatile.Write(ref _nextGathering, _gatheredAt + Math.Max(worth, limits.RebuildEntries / JitLimits.ReturnEntries));
        }
    }

    /// <summary>
    /// Puts all that is hot into regions anew, as few as can hold it, or puts that off until entries have cost as much time as it will.
    /// </summary>
    private void Rebuild(Spot spot)
    {
        lock (_compiling)
        {
            List<Spot> hot = [.. _spots.Where(other => other.CanCompile && (other.Code is not null || other.Count > limits.Threshold / JitLimits.ColdShare))];
            // As long as more and more is hot it is worth as much each time.
            int doublings = hot.Count > _rebuiltSpots + _rebuiltSpots / 2 ? 0 : _doublings;
            long worth = Math.Max(limits.RebuildEntries / JitLimits.RebuildSpots * hot.Count, 1) << doublings;
            if (_entries - _rebuiltAt < worth)
            {
                Volatile.Write(ref _nextRebuild, _rebuiltAt + worth);
                return;
            }

            (_rebuiltAt, _rebuiltSpots, _doublings) = (_entries, hot.Count, Math.Min(doublings + 1, JitLimits.MaxDoublings));
            Volatile.Write(ref _nextRebuild, _rebuiltAt + limits.RebuildEntries);
            foreach (Spot other in hot)
                other.IsInLargeRegion = false;
            Publish(hot, other => other.IsInLargeRegion);
        }
    }

    /// <summary>Makes regions of places, around the hottest that is in none yet.</summary>
    private void Publish(List<Spot> hot, Predicate<Spot> isDone)
    {
        for (int regions = 0; hot.Count != 0 && regions < JitLimits.RebuildRegions; regions++)
        {
            Publish(Hottest(hot), hot);
            hot.RemoveAll(other => isDone(other) || !other.CanCompile);
        }
    }

    private static Spot Hottest(List<Spot> spots)
    {
        Spot hottest = spots[0];
        foreach (Spot spot in spots)
            hottest = spot.Heat > hottest.Heat ? spot : hottest;
        return hottest;
    }

    private void Publish(Spot root, List<Spot> seeds)
    {
        for (int max = Host is null ? Math.Min(limits.MaxInstructions, JitLimits.MaxIlInstructions) : limits.MaxInstructions; ; max /= 2)
        {
            Region region = Region.Form(this, root, seeds, max);
            if (region.Blocks.Count == 0)
            {
                root.CanCompile = false;
                return;
            }

            RegionCode? code = Host is null
                ? new RegionEmitter(region).Compile()
                : new HostEmitter(region, Host, block => Find(block.Pc)?.NotNarrow ?? 0).Compile();
            if (code is null && Host is not null)
            {
                root.CanCompile = false;
                return;
            }

            // Half the instructions, until the method is one that is optimised; a single block always is.
            if (code is null)
                continue;

            foreach (Block block in region.Blocks)
            {
                if (block.IsInlined)
                    continue;

                if (block.IsEntry || Host is not null)
                {
                    At(block.Pc).Code = code;
                    _threads?.Leave(block.Pc);
                }

                if (region.IsLarge && Find(block.Pc) is { } spot)
                    spot.IsInLargeRegion = true;
            }

            return;
        }
    }

    private Spot Create(ulong pc)
    {
        ref Spot?[]? page = ref _pages[pc >> ProgramText.PageShift];
        Interlocked.CompareExchange(ref page, new Spot?[ProgramText.PageLength / 2], null);
        var spot = new Spot(this, pc);
        if (Interlocked.CompareExchange(ref page[(int)(pc % ProgramText.PageLength) >> 1], spot, null) is { } other)
            return other;

        _spots.Enqueue(spot);
        return spot;
    }
}

/// <summary>A place that control has been transferred to: the target of a jump or branch, what follows a block, an exit.</summary>
/// <param name="text">Where it is.</param>
/// <param name="pc">Its address.</param>
internal sealed unsafe class Spot(CompiledText text, ulong pc)
{
    private const int MaxSamples = 16;

    private volatile RegionCode? _code;
    private volatile bool _canCompile = true, _isRequested;
    private long _counted;
    private int _samples;
    private ThreadedOp* _op;
    private int _start = text.Limits.Threshold - 1;

    public ulong Pc => pc;

    /// <summary>Times that control was transferred here in tier 0.</summary>
    public int Count
    {
        get
        {
            if (_op == null)
                _op = text.Threads.Find(pc);
            return _op == null ? 0 : (int)Math.Min(int.MaxValue, _counted + _start - _op->Count);
        }
    }

    /// <summary>Times that a region was entered here from outside.</summary>
    public long Entries { get; set; }

    /// <summary>Times that a region was entered here and left without a step.</summary>
    public int Refusals { get; set; }

    /// <summary>Regions that are entered here take registers as they come.</summary>
    public bool IsRefused { get; set; }

    /// <summary>How much a region gains by having it.</summary>
    public long Heat => Count + Entries;

    /// <summary>There is something to compile here.</summary>
    public bool CanCompile
    {
        get => _canCompile;
        set => _canCompile = value;
    }

    /// <summary>The compiler's thread has been asked for it.</summary>
    public bool IsRequested
    {
        get => _isRequested;
        set => _isRequested = value;
    }

    /// <summary>It is in a large region.</summary>
    public bool IsInLargeRegion { get; set; }

    /// <summary>The method that has an entry here, or null.</summary>
    public RegionCode? Code
    {
        get => _code;
        set => _code = value;
    }

    /// <summary>Registers that were seen not to be sign extensions of their low 32 bits, the first times and when a region refuses them.</summary>
    public uint NotNarrow { get; private set; }

    /// <summary>As <see cref="Sample"/>, the first times.</summary>
    public void SampleFirst(MachineHead* head)
    {
        if (_samples == MaxSamples)
            return;

        _samples++;
        Sample(head);
    }

    /// <summary>Looks at a machine that is here, for <see cref="NotNarrow"/>.</summary>
    /// <returns>Whether anything was new.</returns>
    public bool Sample(MachineHead* head)
    {
        uint seen = 0;
        for (int register = 1; register < RegisterFile.Count; register++)
        {
            if ((long)head->X[register] != (int)head->X[register])
                seen |= 1u << register;
        }

        bool isNew = (seen & ~NotNarrow) != 0;
        NotNarrow |= seen;
        return isNew;
    }

    /// <summary>Starts the count of its op again, which is negative: the place is hot.</summary>
    public void Recount(ThreadedOp* op)
    {
        _counted += _start - op->Count;
        op->Count = _start = text.Limits.Compiles && CanCompile ? text.Limits.Threshold - 1 : int.MaxValue;
    }
}

/// <summary>Where a JALR has gone.</summary>
internal sealed class IndirectSite
{
    /// <summary>More targets than large switch statements and tables of functions have.</summary>
    private const int MaxTargets = 2048;

    private volatile ulong[] _targets = [];
    private ulong _last = ulong.MaxValue;

    /// <summary>Targets seen, ascending.</summary>
    public ulong[] Targets => _targets;

    /// <summary>The target seen last; 2^64 - 1 before the first.</summary>
    public ulong Last => Volatile.Read(ref _last);

    public void Add(ulong target)
    {
        if (target == Last)
            return;

        Volatile.Write(ref _last, target);
        ulong[] targets = _targets;
        int at = 0;
        for (int end = targets.Length; at < end;)
        {
            int middle = (at + end) / 2;
            (at, end) = targets[middle] < target ? (middle + 1, end) : (at, middle);
        }

        if (targets.Length == MaxTargets || at < targets.Length && targets[at] == target)
            return;

        // Two threads may lose a target to each other: it comes again.
        ulong[] more = new ulong[targets.Length + 1];
        Array.Copy(targets, more, at);
        more[at] = target;
        Array.Copy(targets, at, more, at + 1, targets.Length - at);
        _targets = more;
    }
}
