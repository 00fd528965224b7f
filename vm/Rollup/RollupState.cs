using System.Collections.Immutable;

namespace Optimistic.Vm.Rollup;

/// <summary>An app: what its leaf commits to, and the memory behind the leaf's memory root.</summary>
public sealed class App(AppLeaf leaf, MemoryImage image)
{
    private (Word, Quad)[]? _openings;

    public AppLeaf Leaf => leaf;

    public MemoryImage Image => image;

    /// <summary>What a load opens of an app: its leaf, its memory and slots 4 to 7, by their hashes.</summary>
    internal IReadOnlyList<(Word Hash, Quad Quad)> Openings
    {
        get
        {
            if (_openings is null)
            {
                Quad middle = Slots(4), memory = new(Slots(0).Hash(), middle.Hash(), Slots(8).Hash(), Slots(12).Hash());
                _openings = [(Leaf.Hash(), Leaf.Words), (memory.Hash(), memory), (memory.C1, middle)];
            }

            return _openings;
        }
    }

    private Quad Slots(int first) => new(Image.SlotRoot(first), Image.SlotRoot(first + 1), Image.SlotRoot(first + 2), Image.SlotRoot(first + 3));
}

/// <summary>
/// The rollup at rest (spec 2.4): no task is loaded. Immutable; every batch makes a new one that shares what has not
/// changed.
/// </summary>
public sealed class RollupState
{
    /// <summary>No app, no output (spec 2.4.3).</summary>
    public static readonly RollupState Genesis = new(
        SparseQuadTree.Empty(QuadTree.AppsHeight), SparseQuadTree.Empty(QuadTree.OutputsHeight), [], 0);

    internal RollupState(SparseQuadTree appsTree, SparseQuadTree outputsTree, ImmutableList<App> apps, ulong outputsCount)
    {
        AppsTree = appsTree;
        OutputsTree = outputsTree;
        Apps = apps;
        OutputsCount = outputsCount;
        Root = SigmaWith(Word.Zero).Hash();
    }

    /// <summary>The apps by number.</summary>
    public ImmutableList<App> Apps { get; }

    /// <summary>Tasks since genesis: the next task's number.</summary>
    public ulong OutputsCount { get; }

    /// <summary>The state root: σ with no machine.</summary>
    public Word Root { get; }

    internal SparseQuadTree AppsTree { get; }

    internal SparseQuadTree OutputsTree { get; }

    /// <summary>σ while a machine with this root is loaded; the zero word for none.</summary>
    public Word Sigma(in Word machineRoot) => machineRoot.IsZero ? Root : SigmaWith(machineRoot).Hash();

    /// <summary>The proof of app <paramref name="number"/>'s leaf in the apps tree.</summary>
    public QuadProof ProveApp(uint number) => AppsTree.Prove(number);

    /// <summary>The leaf hash of output <paramref name="number"/>.</summary>
    public Word OutputAt(ulong number) => OutputsTree[number];

    /// <summary>The proof of output <paramref name="number"/>'s leaf in the outputs tree.</summary>
    public QuadProof ProveOutput(ulong number) => OutputsTree.Prove(number);

    /// <summary>The four words that hash to <see cref="Root"/>: what the Outbox opens.</summary>
    public Quad RootWords => SigmaWith(Word.Zero).Words;

    internal Sigma SigmaWith(in Word machineRoot) =>
        new(AppsTree.Root, OutputsTree.Root, OutputsCount, (ulong)Apps.Count, machineRoot);
}
