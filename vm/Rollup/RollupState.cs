using System.Collections.Immutable;

namespace Optimistic.Vm.Rollup;

/// <summary>An app: what its leaf commits to, and the memory behind the leaf's memory root.</summary>
public sealed class App(AppLeaf leaf, MemoryImage image)
{
    public AppLeaf Leaf => leaf;

    public MemoryImage Image => image;

    /// <summary>Whether it keeps its memory from task to task.</summary>
    public bool IsStateful => leaf.Policy == AppPolicy.Stateful;

    /// <summary>The four words that hash to the memory root.</summary>
    internal Quad Memory => new(image.QuarterRoot(0), image.QuarterRoot(1), image.QuarterRoot(2), image.QuarterRoot(3));

    /// <summary>Slots 4 to 7.</summary>
    internal Quad Middle => new(image.SlotRoot(4), image.SlotRoot(5), image.SlotRoot(6), image.SlotRoot(7));

    /// <summary>Puts a task that calls this app on a machine, with <paramref name="head"/>, that of spec 1.8.</summary>
    public void Start(Machine machine, RollupTask task, in MachineHead head)
    {
        machine.Load(image.ClearSlots(6, 7), head);
        task.WriteInput(machine.Memory);
    }

    /// <summary>The task that calls this app, with <paramref name="head"/>, that of spec 1.8, and an image of what its machine starts from.</summary>
    internal LoadedTask Load(RollupTask task, in MachineHead head)
    {
        MemoryImage start = task.WriteInput(image.ClearSlots(6, 7));
        return new LoadedTask(start, head, head.Root(start.Root), IsStateful);
    }
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
