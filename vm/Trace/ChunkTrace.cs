using System.Diagnostics;

namespace Optimistic.Vm.Trace;

/// <summary>A word of memory replaced after a step: a lie, for drills and tests.</summary>
/// <param name="Step">The step of the chunk, from 0, whose leaf is the first wrong one.</param>
/// <param name="Index">The word's index in the memory tree; one that stores can reach.</param>
/// <param name="Value">What it becomes.</param>
public readonly record struct ForgedWord(ulong Step, uint Index, Word Value);

/// <summary>
/// The trace of a chunk (spec 2.8.2): leaf p is the machine root after step p + 1. Built by running the chunk once in windows, each
/// logged and then hashed on all cores (<see cref="WindowHasher"/>); a machine that stops leaves one run of equal leaves, whatever its
/// length.
/// </summary>
/// <remarks>
/// Kept are the nodes of height 5 and more, and now and then a snapshot of the machine. Anything lower is hashed again when it
/// is asked for, 1024 leaves at a time, by a machine that runs there from the nearest snapshot, fast: the root that comes of it is
/// compared with the one that is kept. Safe for many threads.
/// </remarks>
public sealed class ChunkTrace : TraceTree
{
    /// <summary>Steps of a chunk.</summary>
    public const ulong MaxSteps = 1UL << (2 * ChunkHeight);

    /// <summary>Height of a piece, the lowest nodes that are kept.</summary>
    internal const int PieceHeight = 5;

    /// <summary>Pieces whose leaves are kept after they were asked for.</summary>
    private const int CachedPieces = 8;

    private readonly Lock _lock = new();
    private readonly RunLevels _levels;
    private readonly List<Snapshot> _snapshots;
    private readonly LinkedList<(ulong Piece, Word[][] Levels)> _cache = [];
    private readonly ForgedWord? _forged;
    private readonly Word _last;

    private ChunkTrace(List<Word> pieces, Word last, ulong steps, List<Snapshot> snapshots, ForgedWord? forged)
        : base(ChunkHeight)
    {
        Steps = steps;
        _last = last;
        _snapshots = snapshots;
        _forged = forged;

        // Behind the pieces that ran, all leaves are the last root.
        const int LevelsAbove = ChunkHeight - PieceHeight;
        if (pieces.Count < 1 << (2 * LevelsAbove))
            pieces.Add(QuadTree.Repeat(last, PieceHeight));

        var starts = new ulong[pieces.Count];
        for (int i = 0; i < starts.Length; i++)
            starts[i] = (ulong)i;

        _levels = new RunLevels(LevelsAbove, starts, [.. pieces]);
    }

    /// <summary>Steps that the machine made; all leaves from <see cref="Steps"/> - 1 on are equal.</summary>
    public ulong Steps { get; }

    /// <summary>Machine roots hashed one by one so far, those for single leaves included.</summary>
    public ulong HashedSteps { get; private set; }

    internal int SnapshotCount => _snapshots.Count;

    /// <summary>Runs <paramref name="machine"/> through a chunk, to its end or until it stops, and leaves it there.</summary>
    /// <param name="machine">At the chunk's start. Its memory's snapshots continue from those taken here.</param>
    /// <param name="forged">A lie to be built in.</param>
    /// <param name="progress">Told of the steps hashed so far, some thirty times a second; what it throws ends the building.</param>
    /// <exception cref="ArgumentException">The machine stops before the step of the lie.</exception>
    public static ChunkTrace Build(Machine machine, ForgedWord? forged = null, Action<ulong>? progress = null) =>
        Build(machine, MaxSteps, new ChunkTraceSizes(), forged, progress);

    /// <summary>As above, with the chunk ended early as if the machine had stopped, and with other sizes: for tests and benchmarks.</summary>
    internal static ChunkTrace Build(Machine machine, ulong maxSteps, ChunkTraceSizes sizes, ForgedWord? forged = null, Action<ulong>? progress = null)
    {
        Word last = machine.Root();
        var snapshots = new List<Snapshot> { new(0, machine.Memory.Snapshot(), machine.Head) };
        var pieces = new List<Word>();
        ulong steps = 0, snapshotSteps = sizes.SnapshotSteps, snapshotBytes = 0;
        using var hasher = new WindowHasher(machine, forged);
        int window = hasher.Run(0, NextSteps());
        while (window > 0)
        {
            steps += (ulong)window;
            // A snapshot is of the machine at the end of the window, which is not run on before.
            bool goesOn = steps < maxSteps && machine.IsRunning, isSnapshot = goesOn && steps % snapshotSteps == 0;
            window = hasher.HashPieces(steps, goesOn && !isSnapshot ? NextSteps() : 0, (_, root) => pieces.Add(root));
            last = hasher.LastRoot;
            progress?.Invoke(steps);
            if (!isSnapshot)
                continue;

            snapshotBytes += machine.Memory.TouchedBytes;
            snapshots.Add(new Snapshot(steps, machine.Memory.Snapshot(), machine.Head));
            while (snapshotBytes > sizes.MaxSnapshotBytes && snapshots.Count > 1)
            {
                snapshotSteps *= 2;
                snapshotBytes /= 2;
                snapshots.RemoveAll(snapshot => snapshot.Step % snapshotSteps != 0);
            }

            window = hasher.Run(steps, NextSteps());
        }

        int NextSteps() => (int)Math.Min((ulong)sizes.WindowSteps, maxSteps - steps);

        if (forged is { } lie && lie.Step >= steps)
            throw new ArgumentException($"The machine stops after {steps} steps, before step {lie.Step} that was to be forged.", nameof(forged));

        return new ChunkTrace(pieces, last, steps, snapshots, forged) { HashedSteps = steps };
    }

    private protected override Word NodeAt(int height, ulong index)
    {
        if (height >= PieceHeight)
            return _levels.Node(height - PieceHeight, index);

        ulong firstLeaf = index << (2 * height), piece = firstLeaf >> (2 * PieceHeight);
        if (firstLeaf >= Steps)
            return QuadTree.Repeat(_last, height);

        lock (_lock)
            return PieceLevels(piece)[height][index - (piece << (2 * (PieceHeight - height)))];
    }

    /// <summary>The nodes of heights 0 to 4 of a piece, from the few asked for lately or hashed again.</summary>
    private Word[][] PieceLevels(ulong piece)
    {
        for (LinkedListNode<(ulong Piece, Word[][] Levels)>? node = _cache.First; node is not null; node = node.Next)
        {
            if (node.Value.Piece == piece)
            {
                _cache.Remove(node);
                _cache.AddFirst(node);
                return node.Value.Levels;
            }
        }

        Word[][] levels = Rebuild(piece);
        if (_cache.Count == CachedPieces)
            _cache.RemoveLast();

        _cache.AddFirst((piece, levels));
        return levels;
    }

    private Word[][] Rebuild(ulong piece)
    {
        ulong start = piece * WindowLog.PieceSteps;
        using var machine = new Machine();
        RunTo(machine, start);
        using var hasher = new WindowHasher(machine, _forged);
        int steps = hasher.Run(start, (int)Math.Min(WindowLog.PieceSteps, Steps - start));
        HashedSteps += (ulong)steps;
        var levels = new Word[PieceHeight][];
        hasher.HashPieces(0, 0, (leaves, root) =>
        {
            if (root != _levels.Node(0, piece))
                throw new UnreachableException($"piece {piece} of a chunk hashes to {root} now and hashed to {_levels.Node(0, piece)} before");

            levels[0] = leaves.ToArray();
        });
        for (int height = 1; height < PieceHeight; height++)
        {
            levels[height] = new Word[levels[height - 1].Length / 4];
            Keccak.Nodes(levels[height - 1], levels[height]);
        }

        return levels;
    }

    /// <summary>Makes a machine what it is before step <paramref name="step"/> of the chunk, from the nearest snapshot.</summary>
    public void RunTo(Machine machine, ulong step)
    {
        Snapshot snapshot = _snapshots.FindLast(snapshot => snapshot.Step <= step);
        machine.Load(snapshot.Image, snapshot.Head);
        ulong behind = step - snapshot.Step;
        if (_forged is { } lie && lie.Step >= snapshot.Step && lie.Step < step)
        {
            // A snapshot at step s has what was forged after step s - 1 already.
            ulong before = lie.Step + 1 - snapshot.Step;
            ExecutionEngine.Jit.Run(machine, before);
            machine.Memory.WriteWord(lie.Index, lie.Value);
            behind -= before;
        }

        ExecutionEngine.Jit.Run(machine, behind);
    }

    private readonly record struct Snapshot(ulong Step, MemoryImage Image, MachineHead Head);
}

/// <summary>How a trace is built; none of it changes a root.</summary>
/// <param name="WindowSteps">Steps run before they are hashed: a multiple of 1024, up to <see cref="WindowLog.MaxSteps"/>.</param>
/// <param name="SnapshotSteps">Steps between snapshots at first: a multiple of the window.</param>
/// <param name="MaxSnapshotBytes">Memory that snapshots may hold. Those in excess are dropped, at the price of longer runs to a leaf.</param>
internal sealed record ChunkTraceSizes(
    int WindowSteps = WindowLog.MaxSteps, ulong SnapshotSteps = 1 << 22, ulong MaxSnapshotBytes = 512UL << 20);
