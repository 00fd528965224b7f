using System.Collections.Immutable;
using System.ComponentModel;
using System.Text.Json.Nodes;
using Optimistic.Contracts.L1;
using Optimistic.Engine.Rpc;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Engine.Node;

/// <summary>A state to look at, from the newest to the one that no dispute can change.</summary>
public enum StateTag
{
    /// <summary>After the last executed batch, which may not be on L1 yet.</summary>
    Latest,

    /// <summary>After the last batch that L1 has.</summary>
    Posted,

    /// <summary>After the last batch in a safe L1 block.</summary>
    Safe,

    /// <summary>After the last batch in a finalized L1 block.</summary>
    Finalized,

    /// <summary>After the last batch whose claim is confirmed: only this is dispute-proof.</summary>
    Settled,
}

/// <summary>How far a task has come.</summary>
public enum TaskStage
{
    Waiting,
    Executed,
    Posted,
    Safe,
    Finalized,
    Settled,
}

/// <summary>A run of an app, signed by its sender (EIP-712 type RunTask, spec 5.2).</summary>
/// <param name="From">The sender: must be the account that signed.</param>
/// <param name="Signature">r, s, v: 65 bytes.</param>
public sealed record SubmittedTask(uint App, ulong Nonce, ulong StepLimit, HexData Input, Address From, HexData Signature);

/// <summary>A deploy, signed by the app's owner (EIP-712 type DeployTask, spec 5.2).</summary>
/// <param name="Program">The ELF file.</param>
/// <param name="From">The owner: must be the account that signed.</param>
/// <param name="Signature">r, s, v: 65 bytes.</param>
public sealed record SubmittedDeploy(HexData Program, AppPolicy Policy, ulong Nonce, Address From, HexData Signature);

/// <param name="TaskHash">By which the task is known from now on.</param>
/// <param name="Sequence">Its place in the order of acceptance.</param>
public sealed record Acceptance(Word TaskHash, ulong Sequence);

/// <param name="Target">App; of a deploy, its policy.</param>
/// <param name="Limit">Step limit; of a deploy, its entry.</param>
/// <param name="DataRoot">Root of the input; of a deploy, of the app's memory.</param>
public sealed record TaskInfo(
    Word TaskHash, TaskKind Kind, uint Target, ulong Nonce, ulong Limit, ulong InputLength, Word DataRoot, Address? From, bool FromL1, TaskStage Stage);

public sealed record TaskReceipt(
    Word TaskHash,
    ulong Number,
    ulong Batch,
    uint Index,
    MachineStatus Status,
    uint App,
    uint ExitCode,
    ulong StepsUsed,
    ulong OutputLength,
    Word OutputRoot,
    Word ResultWord,
    Address? From,
    TaskStage Stage);

/// <summary>Where a claim is (spec 5.4.1): the preimage of its id.</summary>
public sealed record ClaimReference(Word Tournament, Word StateRoot, Word TraceRoot);

/// <summary>The struct OutputProof that the Outbox takes.</summary>
public sealed record OutputProofInfo(
    ClaimReference Claimed, Word AppsRoot, Word OutputsRoot, Word Counters, ulong TaskNumber, Word TaskHash, Word OutputRoot, Word ResultWord, HexData Proof);

/// <param name="Data">The asked part of the output.</param>
/// <param name="Proof">Null while no claim has the task.</param>
/// <param name="IsSettled">Whether that claim is confirmed, so that the Outbox takes the proof.</param>
public sealed record OutputInfo(
    Word TaskHash, ulong Number, ulong OutputLength, ulong Offset, HexData Data, OutputProofInfo? Proof, bool IsSettled);

/// <param name="Batch">The last batch before this state; null for genesis.</param>
public sealed record StateRootInfo(StateTag Tag, ulong? Batch, Word StateRoot, Word AppsRoot, Word OutputsRoot, Word Counters);

/// <param name="Word">The 32 bytes around the address.</param>
/// <param name="WordProof">Of the word in the memory root (height 14).</param>
/// <param name="AppProof">Of the app's leaf in the apps root (height 16).</param>
public sealed record MemoryProofInfo(
    StateRootInfo State, uint App, ulong Address, ulong WordIndex, Word Word, HexData WordProof, Word MemoryRoot, Address Owner, ulong Entry, AppPolicy Policy, HexData AppProof);

public sealed record BatchInfo(
    ulong Index,
    Word BatchHash,
    Word PreviousHash,
    Word TasksRoot,
    ulong Count,
    ulong Time,
    ulong BlockNumber,
    ulong FirstTask,
    Word StateRoot,
    Word TraceRoot,
    TaskStage Stage,
    Word? L1Transaction,
    ulong? L1Block,
    IReadOnlyList<Word> Tasks);

/// <param name="Status">missing, pending, confirmed.</param>
/// <param name="IsOwnResult">Whether its state root and trace are what this node computed.</param>
public sealed record ClaimInfo(
    ulong Batch, Word Id, ClaimReference Reference, Word Parent, ulong Attempt, string Status, Address? Claimer, ulong? PostedAt, bool IsOwnResult, bool IsDisputed);

public sealed record AppInfo(uint App, Address Owner, AppPolicy Policy, ulong Entry, Word MemoryRoot);

/// <param name="IsThrottled">Whether tasks wait because the Inbox takes no more steps in this time.</param>
public sealed record SyncStatus(
    bool IsSynced,
    ulong ChainId,
    Address Inbox,
    Address Rollup,
    ulong L1Block,
    Word L1BlockHash,
    ulong L1Time,
    ulong SafeBlock,
    ulong FinalizedBlock,
    uint Apps,
    ulong Tasks,
    uint WaitingTasks,
    bool IsThrottled,
    uint PostedBatches,
    uint ClaimedBatches,
    uint SettledBatches,
    string? Trouble);

/// <summary>The JSON-RPC methods of a node.</summary>
public sealed class NodeApi(Sequencer sequencer, NodeStore store, ContractsFile contracts, ClaimRef genesis)
{
    /// <summary>Bytes of output in one answer.</summary>
    public const uint MaxOutputPart = 1 << 20;

    private const int MaxListedApps = 1000;

    private readonly SemaphoreSlim _proving = new(1, 1);
    private Machine? _prover;

    [RpcMethod("eth_chainId", "The chain id of L1, which task signatures name.")]
    public ulong ChainId() => contracts.ChainId;

    [RpcMethod("opt_submitTask", "Takes a signed task in. When this answers, the task is on disk and will be in a batch.")]
    public async Task<Acceptance> SubmitTaskAsync(SubmittedTask task, CancellationToken cancel)
    {
        CheckLimit(task.StepLimit);
        RollupState state = SyncedView().State;
        if (task.App >= (uint)state.Apps.Count)
        {
            throw new RpcException(
                RpcErrorCode.NotFound, $"There is no app {task.App}.", $"Apps are 0 to {state.Apps.Count - 1} now; a new one appears in the receipt of its deploy.");
        }

        RollupTask unsigned = RollupTask.Run(task.App, task.Nonce, task.StepLimit, task.Input.Bytes);
        return await AcceptAsync(Signed(unsigned, task.Signature, task.From), task.From, cancel);
    }

    [RpcMethod("opt_deployApp", "Takes a signed deploy of a program in. The number of the app is in the receipt.")]
    public async Task<Acceptance> DeployAppAsync(SubmittedDeploy deploy, CancellationToken cancel)
    {
        SyncedView();
        GuestProgram program;
        try
        {
            program = ElfLoader.Load(deploy.Program.Bytes.Span);
        }
        catch (ElfException error)
        {
            throw new RpcException(RpcErrorCode.Rejected, error.Message, "Build the program as vm/guest/README.md says.");
        }

        if (!Enum.IsDefined(deploy.Policy))
            throw new RpcException(RpcErrorCode.InvalidParams, "There is no such policy.", "Policies are stateless and stateful.");
        RollupTask unsigned = RollupTask.Deploy(deploy.Policy, deploy.Nonce, program);
        return await AcceptAsync(Signed(unsigned, deploy.Signature, deploy.From), deploy.From, cancel);
    }

    [RpcMethod("opt_getTask", "A task by its hash, and how far it has come; null when it is not known.")]
    public TaskInfo? GetTask(Word taskHash)
    {
        NodeView view = sequencer.View;
        if (FindReceipt(view, taskHash) is { } receipt)
        {
            TaskHead head = TaskHead.FromWord(new Word(receipt.Head));
            return InfoOf(taskHash, head, new Word(receipt.DataRoot), SenderOf(receipt), StageOf(view, (ulong)receipt.Batch));
        }

        return sequencer.FindWaiting(taskHash) is { } waiting
            ? InfoOf(taskHash, waiting.Task.Head, waiting.Task.DataRoot, waiting.Sender, TaskStage.Waiting)
            : null;
    }

    [RpcMethod("opt_getTaskReceipt", "How a task ended; null while it is not executed.")]
    public TaskReceipt? GetTaskReceipt(Word taskHash)
    {
        NodeView view = sequencer.View;
        return FindReceipt(view, taskHash) is { } receipt ? ReceiptOf(view, receipt) : null;
    }

    [RpcMethod("opt_getOutput", "A part of a task's output, and the proof of the output that the Outbox takes once it is settled.")]
    public OutputInfo GetOutput(
        Word taskHash,
        [Description("First byte.")] ulong offset = 0,
        [Description("Bytes, at most 1 MiB.")] uint length = MaxOutputPart)
    {
        if (length > MaxOutputPart)
            throw new RpcException(RpcErrorCode.InvalidParams, $"An answer carries at most {MaxOutputPart} bytes of output.", "Ask part by part with offset and length.");

        NodeView view = sequencer.View;
        ReceiptRecord receipt = FindReceipt(view, taskHash) ?? throw NotExecuted(taskHash);
        TaskReceipt info = ReceiptOf(view, receipt);
        int part = (int)Math.Min(length, info.OutputLength - Math.Min(offset, info.OutputLength));
        byte[] data = store.ReadOutput(receipt, offset, part);
        (OutputProofInfo? proof, bool isSettled) = Prove(view, info);
        return new OutputInfo(taskHash, info.Number, info.OutputLength, offset, data, proof, isSettled);
    }

    [RpcMethod("opt_getStateRoot", "The state root at a tag, with the words that hash to it.")]
    public StateRootInfo GetStateRoot([Description("latest, posted, safe, finalized or settled.")] StateTag tag = StateTag.Latest) =>
        StateAt(sequencer.View, tag).Info;

    [RpcMethod("opt_getApps", "The apps there are.")]
    public IReadOnlyList<AppInfo> GetApps([Description("Number of the first one.")] uint first = 0)
    {
        RollupState state = sequencer.View.State;
        return [.. state.Apps.Skip((int)Math.Min(first, int.MaxValue)).Take(MaxListedApps).Select((app, i) =>
            new AppInfo(first + (uint)i, app.Leaf.Owner, app.Leaf.Policy, app.Leaf.Entry, app.Leaf.MemoryRoot))];
    }

    [RpcMethod("opt_getMemoryProof", "One word of an app's memory with its proof up to a state root.")]
    public async Task<MemoryProofInfo> GetMemoryProofAsync(
        uint app,
        [Description("A tree address below 2^33; the answer is the aligned word of 32 bytes around it.")] ulong address,
        [Description("latest, posted, safe, finalized or settled.")] StateTag tag = StateTag.Latest,
        CancellationToken cancel = default)
    {
        if (address >= GuestMemory.Length)
            throw new RpcException(RpcErrorCode.InvalidParams, $"Address 0x{address:x} is outside the memory of 2^33 bytes.", "Give a tree address: data below 2^32, text at 0x180000000 + pc.");

        (StateRootInfo info, RollupState? state) = StateAt(sequencer.View, tag);
        if (state is null)
            throw new RpcException(RpcErrorCode.Unavailable, "The node has been restarted and no longer has the memory of that state.", "Ask for a newer tag.");
        if (app >= (uint)state.Apps.Count)
            throw new RpcException(RpcErrorCode.NotFound, $"There is no app {app} in that state.", "See opt_getApps.");

        App found = state.Apps[(int)app];
        uint index = (uint)(address / Word.Length);
        (Word word, byte[] proof) = await ProveWordAsync(found.Image, index, cancel);
        return new MemoryProofInfo(
            info, app, address, index, word, proof, found.Leaf.MemoryRoot, found.Leaf.Owner, found.Leaf.Entry, found.Leaf.Policy, state.ProveApp(app).Encode());
    }

    [RpcMethod("opt_getBatch", "A batch by its index; null when there is none.")]
    public BatchInfo? GetBatch(ulong index)
    {
        NodeView view = sequencer.View;
        if (BatchAt(view, index) is not { } batch)
            return null;

        bool isOnL1 = index < (ulong)view.Batches.Count && index < (ulong)view.L1.Inbox.Batches.Count;
        L1Place? place = isOnL1 ? view.L1.Inbox.Batches[(int)index].Place : null;
        IReadOnlyList<Word> tasks = index < (ulong)view.Batches.Count
            ? [.. store.Receipts.Find(receipt => receipt.Batch == (long)index).OrderBy(receipt => receipt.Index).Select(receipt => Word.Parse(receipt.TaskHash))]
            : [.. view.AheadOutcomes.Select(outcome => outcome.Task.Hash)];
        return new BatchInfo(
            index, batch.Hash, batch.Preimage.Previous, batch.Preimage.TasksRoot, batch.Preimage.Count, batch.Preimage.Time, batch.Preimage.BlockNumber,
            batch.FirstTask, batch.StateRoot, batch.TraceRoot, StageOf(view, index), place?.TransactionHash, place?.BlockNumber, tasks);
    }

    [RpcMethod("opt_getClaim", "The claim of this node's result for a batch, and whether it is disputed; null when there is no such batch.")]
    public ClaimInfo? GetClaim(ulong batch)
    {
        NodeView view = sequencer.View;
        if (batch >= (ulong)view.Batches.Count)
            return null;

        ClaimTree claims = view.L1.Claims;
        ClaimRef parent = genesis, claim = genesis;
        ulong attempt = 0;
        for (int i = 0; i <= (int)batch; i++)
        {
            parent = claim;
            claim = Sequencer.ClaimOf(claims, parent, view.Batches[i], out attempt);
        }

        Word id = claim.Id();
        PostedClaim? posted = claims.Claims.GetValueOrDefault(id);
        string status = posted is null ? "missing" : claims.ConfirmedBatches.ContainsKey(id) ? "confirmed" : "pending";
        return new ClaimInfo(
            batch, id, Reference(claim), parent.Id(), attempt, status, posted?.Event.Claimer, posted?.PostedAt, true,
            claims.Opened.Contains(claim.Tournament) || (posted is null && claims.FirstOf.ContainsKey(claim.Tournament)));
    }

    [RpcMethod("opt_syncStatus", "Where the node is against L1.")]
    public SyncStatus GetSyncStatus()
    {
        NodeView view = sequencer.View;
        return new SyncStatus(
            view.IsSynced, contracts.ChainId, contracts.Inbox, contracts.Rollup, view.L1.Block, view.L1.BlockHash, view.L1.Timestamp, view.SafeBlock, view.FinalizedBlock,
            (uint)view.State.Apps.Count, view.State.OutputsCount, (uint)sequencer.WaitingCount, sequencer.IsThrottled, (uint)view.Batches.Count, (uint)ClaimedCount(view), (uint)view.SettledCount,
            sequencer.Trouble?.Reason);
    }

    /// <summary>For /health: synced, and L1 has answered within the last half minute.</summary>
    public Health GetHealth(TimeProvider time)
    {
        bool isStuck = sequencer.Trouble is { } trouble && time.GetUtcNow() - trouble.Since > TimeSpan.FromSeconds(30);
        NodeView view = sequencer.View;
        return new Health(view.IsSynced && !isStuck, new JsonObject
        {
            ["synced"] = view.IsSynced,
            ["l1Block"] = view.L1.Block,
            ["batches"] = view.Batches.Count,
            ["waitingTasks"] = sequencer.WaitingCount,
            ["pendingTransactions"] = sequencer.OutboxCount,
            ["trouble"] = sequencer.Trouble?.Reason,
        });
    }

    private NodeView SyncedView()
    {
        NodeView view = sequencer.View;
        return view.IsSynced ? view : throw new RpcException(
            RpcErrorCode.Unavailable, "The node is catching up with L1.", "Ask /health or opt_syncStatus, and send it again when it is synced.");
    }

    private void CheckLimit(ulong limit)
    {
        if (limit == 0 || limit > contracts.MaxTaskSteps)
        {
            throw new RpcException(
                RpcErrorCode.Rejected, $"A step limit of {limit} is not allowed.", $"Give 1 to {contracts.MaxTaskSteps} steps.",
                new JsonObject { ["maxTaskSteps"] = RpcJson.Quantity(contracts.MaxTaskSteps) });
        }
    }

    private RollupTask Signed(RollupTask unsigned, HexData signature, Address from)
    {
        ReadOnlySpan<byte> bytes = signature.Bytes.Span;
        if (bytes.Length != Signature.Length)
            throw new RpcException(RpcErrorCode.InvalidParams, $"A signature has 65 bytes, not {bytes.Length}.", "Send r, s and v one after another.");

        byte v = bytes[64] < 27 ? bytes[64] : (byte)(bytes[64] - 27);
        RollupTask task = unsigned.With(new Signature(new Word(bytes[..32]), new Word(bytes[32..64]), v));
        if (v > 1 || !task.TryGetSender(sequencer.DomainSeparator, out Address sender) || sender != from)
        {
            throw new RpcException(
                RpcErrorCode.Rejected, $"The signature is not that of {from} for this task.",
                "Sign the EIP-712 digest in data.digest with the key of that account, s in the lower half.",
                new JsonObject
                {
                    ["digest"] = unsigned.Digest(sequencer.DomainSeparator).ToString(),
                    ["domainSeparator"] = sequencer.DomainSeparator.ToString(),
                    ["dataRoot"] = unsigned.DataRoot.ToString(),
                });
        }

        return task;
    }

    private async Task<Acceptance> AcceptAsync(RollupTask task, Address sender, CancellationToken cancel)
    {
        (EncodedTask encoded, IReadOnlyList<DataPart> parts) = TaskCodec.Encode(task);
        if (BatchCodec.LengthOf(encoded) > SequencerOptions.MaxTaskBytes)
            throw new RpcException(RpcErrorCode.Rejected, "The task is too large for a batch.", $"A program or input may have some {SequencerOptions.MaxTaskBytes / 36 * 32} KiB that are not zero.");

        return new Acceptance(task.Hash, await sequencer.AcceptAsync(task, encoded, parts, sender, cancel));
    }

    private ReceiptRecord? FindReceipt(NodeView view, Word taskHash)
    {
        foreach (TaskOutcome outcome in view.AheadOutcomes)
        {
            if (outcome.Task.Hash == taskHash)
                return Sequencer.RecordOf(outcome, outcome.Bytes.ToArray());
        }

        string hash = taskHash.ToString();
        return store.Receipts.Find(receipt => receipt.TaskHash == hash).MinBy(receipt => receipt.Number);
    }

    private static TaskReceipt ReceiptOf(NodeView view, ReceiptRecord receipt) => new(
        Word.Parse(receipt.TaskHash), (ulong)receipt.Number, (ulong)receipt.Batch, (uint)receipt.Index, (MachineStatus)receipt.Status,
        (uint)receipt.App, (uint)receipt.ExitCode, (ulong)receipt.StepsUsed, (ulong)receipt.OutputLength, new Word(receipt.OutputRoot),
        new Word(receipt.Result), SenderOf(receipt), StageOf(view, (ulong)receipt.Batch));

    private static Address? SenderOf(ReceiptRecord receipt) => receipt.HasSender ? new Address(receipt.Sender) : null;

    private static TaskInfo InfoOf(Word hash, TaskHead head, Word dataRoot, Address? sender, TaskStage stage) =>
        new(hash, head.Kind, head.Target, head.Nonce, head.Limit, head.Length, dataRoot, sender, head.V == 0, stage);

    private static TaskStage StageOf(NodeView view, ulong batch)
    {
        ulong count = batch + 1;
        return count <= (ulong)view.SettledCount ? TaskStage.Settled
            : count <= (ulong)view.CountUpTo(view.FinalizedBlock) ? TaskStage.Finalized
            : count <= (ulong)view.CountUpTo(view.SafeBlock) ? TaskStage.Safe
            : count <= (ulong)view.Batches.Count ? TaskStage.Posted
            : TaskStage.Executed;
    }

    private static ExecutedBatch? BatchAt(NodeView view, ulong index) =>
        index < (ulong)view.Batches.Count ? view.Batches[(int)index] : view.Ahead is { } ahead && ahead.Index == index ? ahead : null;

    private static (StateRootInfo Info, RollupState? State) StateAt(NodeView view, StateTag tag)
    {
        int count = tag switch
        {
            StateTag.Posted => view.Batches.Count,
            StateTag.Safe => view.CountUpTo(view.SafeBlock),
            StateTag.Finalized => view.CountUpTo(view.FinalizedBlock),
            StateTag.Settled => Math.Min(view.SettledCount, view.Batches.Count),
            _ => view.Batches.Count + (view.Ahead is null ? 0 : 1),
        };
        ExecutedBatch? last = count == 0 ? null : BatchAt(view, (ulong)count - 1);
        RollupState? state = count == 0 ? RollupState.Genesis : last!.State;
        Quad words = last?.RootWords ?? RollupState.Genesis.RootWords;
        return (new StateRootInfo(tag, last?.Index, words.Hash(), words.C0, words.C1, words.C2), state);
    }

    /// <summary>The proof of an output against the confirmed claim when that has it, else against the newest claim that has.</summary>
    private (OutputProofInfo? Proof, bool IsSettled) Prove(NodeView view, TaskReceipt receipt)
    {
        ClaimTree claims = view.L1.Claims;
        ClaimRef parent = genesis;
        ClaimRef? best = null;
        int bestBatch = -1;
        bool isSettled = false;
        for (int i = 0; i < view.Batches.Count; i++)
        {
            ClaimRef claim = Sequencer.ClaimOf(claims, parent, view.Batches[i], out _);
            Word id = claim.Id();
            if (!claims.Claims.ContainsKey(id))
                break;

            bool confirmed = claims.ConfirmedBatches.ContainsKey(id);
            if (i >= (int)receipt.Batch && (confirmed || !isSettled))
                (best, bestBatch, isSettled) = (claim, i, confirmed);
            parent = claim;
        }

        if (best is null)
            return (null, false);

        // The outputs tree only grows: that of an earlier batch is the first leaves of today's.
        ExecutedBatch batch = view.Batches[bestBatch];
        ulong count = batch.FirstTask + batch.Preimage.Count;
        Word[] leaves = new Word[count];
        for (ulong i = 0; i < count; i++)
            leaves[i] = view.State.OutputAt(i);
        QuadProof proof = SparseQuadTree.Empty(QuadTree.OutputsHeight).SetRange(0, leaves).Prove(receipt.Number);
        OutputProofInfo info = new(
            Reference(best), batch.RootWords.C0, batch.RootWords.C1, batch.RootWords.C2, receipt.Number, receipt.TaskHash, receipt.OutputRoot, receipt.ResultWord, proof.Encode());
        return (info, isSettled);
    }

    private int ClaimedCount(NodeView view)
    {
        ClaimRef parent = genesis;
        for (int i = 0; i < view.Batches.Count; i++)
        {
            parent = Sequencer.ClaimOf(view.L1.Claims, parent, view.Batches[i], out _);
            if (!view.L1.Claims.Claims.ContainsKey(parent.Id()))
                return i;
        }

        return view.Batches.Count;
    }

    private async Task<(Word Word, byte[] Proof)> ProveWordAsync(MemoryImage image, uint index, CancellationToken cancel)
    {
        await _proving.WaitAsync(cancel);
        try
        {
            _prover ??= new Machine();
            _prover.Load(image, default);
            return (_prover.Memory.ReadWord(index), _prover.Memory.Prove(index).Encode());
        }
        finally
        {
            _proving.Release();
        }
    }

    private static ClaimReference Reference(ClaimRef claim) => new(claim.Tournament, claim.StateRoot, claim.TraceRoot);

    private static RpcException NotExecuted(Word taskHash) => new(
        RpcErrorCode.NotFound, $"Task {taskHash} is not executed, or not known here.", "Ask opt_getTask how far it is.");
}
