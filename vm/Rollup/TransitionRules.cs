using System.Buffers.Binary;

namespace Optimistic.Vm.Rollup;

/// <summary>The trees whose leaves transitions access.</summary>
internal enum RollupTree
{
    Tasks,
    Apps,
    Outputs
}

/// <summary>
/// What transitions of level 0 read and write (spec 3.3), item by item. Recording and replaying implement it; there is one
/// set of rules over both, and live execution is recording without writing down.
/// </summary>
internal interface ITransitionAccess
{
    /// <summary>The four words that hash to a node (spec 3.1.1).</summary>
    Quad Open(in Word node);

    /// <summary>One access to a leaf of a tree with this root (spec 3.1.2).</summary>
    Word Read(RollupTree tree, in Word root, ulong index);

    /// <summary>Writes the leaf that was read last.</summary>
    /// <returns>The tree's new root.</returns>
    Word Write(in Word leaf);

    /// <summary>The loaded machine (spec 3.1.3); returns its memory root.</summary>
    Word Machine(in Word machineRoot, out MachineHead head);

    /// <summary>The sender of the task that was read last, given by its four words; false when its signature is not good (spec 2.6.2).</summary>
    bool TryGetSender(in BatchContext batch, in Quad task, out Address sender);

    /// <summary>Told of the output that was appended.</summary>
    void Appended(in OutputLeaf output);
}

/// <summary>The rules of level 0: load, chunk and store (spec 3.3), in the order in which Solidity's Transition has them.</summary>
internal static class TransitionRules
{
    /// <summary>σ after transition <paramref name="position"/>.</summary>
    public static Word Execute<TAccess>(ref TAccess access, in BatchContext batch, in Word before, ulong position)
        where TAccess : struct, ITransitionAccess, allows ref struct
    {
        ulong number = position / Transition.Phases, phase = position % Transition.Phases;
        if (number >= batch.Count) // spec 3.3.1
            return before;

        Sigma sigma = Sigma.FromWords(access.Open(before));
        if (phase == Transition.LoadPhase)
            return Load(ref access, batch, sigma, number);
        if (sigma.MachineRoot.IsZero) // spec 3.3.2, 3.3.4
            return before;
        if (phase != Transition.StorePhase)
            throw new WitnessException(WitnessError.ChunkNotProvable, $"transition {position} is 2^28 steps: a level 1 trace proves it.");

        return Store(ref access, batch, sigma, number);
    }

    // ---- Load (spec 3.3.3)

    private static Word Load<TAccess>(ref TAccess access, in BatchContext batch, Sigma sigma, ulong number)
        where TAccess : struct, ITransitionAccess, allows ref struct
    {
        Word taskHash = access.Read(RollupTree.Tasks, batch.TasksRoot, number);
        Quad task = access.Open(taskHash);
        TaskHead head = TaskHead.FromWord(task.C0);
        MachineStatus status;
        uint app = head.Target;
        if (!access.TryGetSender(batch, task, out Address sender))
        {
            status = MachineStatus.BadSignature;
        }
        else if (head.Kind == TaskKind.Deploy)
        {
            status = MachineStatus.Deployed;
            app = (uint)sigma.AppsCount;
            Deploy(ref access, ref sigma, head, task.C1, sender);
        }
        else if (head.Target >= sigma.AppsCount)
        {
            status = MachineStatus.UnknownApp;
        }
        else
        {
            sigma.MachineRoot = Run(ref access, batch, sigma, head, task.C1, sender);
            return sigma.Hash();
        }

        Append(ref access, ref sigma, NotRun(taskHash, status, app));
        return sigma.Hash();
    }

    /// <summary>The output of a task that is not loaded.</summary>
    public static OutputLeaf NotRun(in Word taskHash, MachineStatus status, uint app) =>
        new(taskHash, QuadTree.ZeroRoot(GuestMemory.SlotHeight), 0, 0, 0, status, app);

    private static void Deploy<TAccess>(ref TAccess access, ref Sigma sigma, in TaskHead head, in Word memoryRoot, Address sender)
        where TAccess : struct, ITransitionAccess, allows ref struct
    {
        var leaf = new AppLeaf(memoryRoot, sender, head.Limit, (AppPolicy)head.Target);
        sigma.AppsRoot = Fill(ref access, RollupTree.Apps, sigma.AppsRoot, sigma.AppsCount, leaf.Hash());
        sigma.AppsCount++;
    }

    /// <summary>The root of the machine of spec 1.8 on the app's memory and the task's input.</summary>
    private static Word Run<TAccess>(
        ref TAccess access, in BatchContext batch, in Sigma sigma, in TaskHead head, in Word dataRoot, Address sender)
        where TAccess : struct, ITransitionAccess, allows ref struct
    {
        Word leaf = access.Read(RollupTree.Apps, sigma.AppsRoot, head.Target);
        AppLeaf app = AppLeaf.FromWords(access.Open(leaf));
        Quad memory = access.Open(app.MemoryRoot);
        Quad middle = access.Open(memory.C1);
        return Start(batch, sigma.OutputsCount, head, app.Entry, sender).Root((memory with { C1 = WithInput(middle, dataRoot).Hash() }).Hash());
    }

    /// <summary>Slots 4 to 7 of a machine at the start of a task: its app's, the input and no output.</summary>
    public static Quad WithInput(in Quad middle, in Word inputRoot) => middle with { C2 = inputRoot, C3 = QuadTree.ZeroRoot(GuestMemory.SlotHeight) };

    /// <summary>Registers and control word at the start of a task (spec 1.8).</summary>
    public static MachineHead Start(in BatchContext batch, ulong taskNumber, in TaskHead task, ulong entry, Address sender)
    {
        Span<byte> from = stackalloc byte[24];
        from.Clear();
        sender.CopyTo(from);
        MachineHead head = default;
        head.Control.Pc = entry;
        head.Control.StepsLeft = task.Limit;
        head.X[2] = Vm.Machine.InitialStackPointer;
        head.X[10] = task.Length;
        head.X[11] = taskNumber;
        head.X[12] = batch.Time;
        head.X[13] = batch.BlockNumber;
        head.X[14] = BinaryPrimitives.ReadUInt64LittleEndian(from);
        head.X[15] = BinaryPrimitives.ReadUInt64LittleEndian(from[8..]);
        head.X[16] = BinaryPrimitives.ReadUInt64LittleEndian(from[16..]);
        head.X[17] = task.Nonce;
        return head;
    }

    // ---- Store (spec 3.3.4)

    private static Word Store<TAccess>(ref TAccess access, in BatchContext batch, Sigma sigma, ulong number)
        where TAccess : struct, ITransitionAccess, allows ref struct
    {
        Word taskHash = access.Read(RollupTree.Tasks, batch.TasksRoot, number);
        TaskHead task = TaskHead.FromWord(access.Open(taskHash).C0);
        Word memoryRoot = access.Machine(sigma.MachineRoot, out MachineHead head);
        Quad middle = default;
        if (head.Control.Status == MachineStatus.Halted)
        {
            Quad memory = access.Open(memoryRoot);
            middle = access.Open(memory.C1);
            if (head.Control.ExitCode == 0)
                Persist(ref access, ref sigma, task.Target, memory, middle);
        }

        Append(ref access, ref sigma, Stored(taskHash, task, head, middle));
        sigma.MachineRoot = Word.Zero;
        return sigma.Hash();
    }

    /// <summary>The output of a task that was loaded, from its machine at the end.</summary>
    public static OutputLeaf Stored(in Word taskHash, in TaskHead task, in MachineHead head, in Quad middle)
    {
        MachineStatus status = head.Control.Status;
        ulong stepsUsed = task.Limit - head.Control.StepsLeft;
        return status == MachineStatus.Halted
            ? new(taskHash, middle.C3, head.X[11], stepsUsed, head.Control.ExitCode, status, task.Target)
            : new(taskHash, QuadTree.ZeroRoot(GuestMemory.SlotHeight), 0, stepsUsed, 0, status == MachineStatus.Running ? MachineStatus.OutOfSteps : status, task.Target);
    }

    /// <summary>A stateful app keeps slots 0 to 5 and its text.</summary>
    private static void Persist<TAccess>(ref TAccess access, ref Sigma sigma, uint number, in Quad memory, in Quad middle)
        where TAccess : struct, ITransitionAccess, allows ref struct
    {
        Word leaf = access.Read(RollupTree.Apps, sigma.AppsRoot, number);
        Quad app = access.Open(leaf);
        if (AppLeaf.FromWords(app).Policy != AppPolicy.Stateful)
            return;

        Word empty = QuadTree.ZeroRoot(GuestMemory.SlotHeight);
        Word middleRoot = new Quad(middle.C0, middle.C1, empty, empty).Hash();
        Word memoryRoot = new Quad(memory.C0, middleRoot, QuadTree.ZeroRoot(GuestMemory.SlotHeight + 1), memory.C3).Hash();
        sigma.AppsRoot = access.Write((app with { C0 = memoryRoot, C3 = Word.Zero }).Hash());
    }

    // ---- Appends (spec 3.3.5)

    private static void Append<TAccess>(ref TAccess access, ref Sigma sigma, in OutputLeaf output)
        where TAccess : struct, ITransitionAccess, allows ref struct
    {
        sigma.OutputsRoot = Fill(ref access, RollupTree.Outputs, sigma.OutputsRoot, sigma.OutputsCount, output.Hash());
        sigma.OutputsCount++;
        access.Appended(output);
    }

    private static Word Fill<TAccess>(ref TAccess access, RollupTree tree, in Word root, ulong index, in Word leaf)
        where TAccess : struct, ITransitionAccess, allows ref struct
    {
        Word old = access.Read(tree, root, index);
        if (!old.IsZero)
            throw new WitnessException(WitnessError.LeafNotEmpty, $"leaf {index} of the {tree} tree is {old}, not zero.");

        return access.Write(leaf);
    }
}
