using System.Buffers.Binary;

namespace Optimistic.Vm.Rollup;

/// <summary>What a task asks for (spec 2.6.1). The numbers are frozen.</summary>
public enum TaskKind : byte
{
    /// <summary>Call an app.</summary>
    Run = 0,

    /// <summary>Create one.</summary>
    Deploy = 1
}

/// <summary>Whether an app remembers (spec 2.5.2). The numbers are frozen.</summary>
public enum AppPolicy : byte
{
    /// <summary>Every task starts from the deployed memory.</summary>
    Stateless = 0,

    /// <summary>RAM persists from task to task.</summary>
    Stateful = 1
}

/// <summary>The head of a task (spec 2.6.1): one word. A kind but deploy is a run.</summary>
/// <param name="Length">Run: bytes of input. Deploy: 0.</param>
/// <param name="Limit">Run: step limit. Deploy: the app's entry.</param>
/// <param name="Nonce">Handed to the guest with the sender.</param>
/// <param name="Target">Run: app number. Deploy: the policy, in the low eight bits.</param>
/// <param name="V">0 from L1, else the recovery id 27 or 28.</param>
/// <param name="Kind">Run or deploy.</param>
public readonly record struct TaskHead(ulong Length, ulong Limit, ulong Nonce, uint Target, byte V, TaskKind Kind)
{
    public Word ToWord()
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        bytes.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], Length);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], Limit);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Nonce);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], Target);
        bytes[3] = V;
        bytes[2] = (byte)Kind;
        return new Word(bytes);
    }

    public static TaskHead FromWord(in Word word)
    {
        ReadOnlySpan<byte> bytes = word.Bytes;
        return new TaskHead(
            BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
            bytes[3],
            (TaskKind)bytes[2]);
    }
}

/// <summary>A task with its data (spec 2.6.1). Immutable.</summary>
public sealed class RollupTask
{
    /// <summary>The largest step limit (spec 2.6.1).</summary>
    public const ulong MaxStepLimit = 1UL << 39;

    /// <summary>Bytes of the longest input.</summary>
    public const ulong MaxInputLength = Machine.SlotLength;

    private volatile Recovery? _recovery;

    private RollupTask(TaskHead head, Word dataRoot, Word auth0, Word auth1, ReadOnlyMemory<byte> input, MemoryImage? image)
    {
        Head = head;
        DataRoot = dataRoot;
        Auth0 = auth0;
        Auth1 = auth1;
        Input = input;
        Image = image;
        Hash = Words.Hash();
    }

    public TaskHead Head { get; }

    /// <summary>Root of the input (slot 6), or of the new app's memory.</summary>
    public Word DataRoot { get; }

    /// <summary>r of the signature, or the caller on L1.</summary>
    public Word Auth0 { get; }

    /// <summary>s of the signature, or zero.</summary>
    public Word Auth1 { get; }

    /// <summary>Run: the bytes of slot 6 up to the last that is not zero, at least. None when they are in <see cref="Image"/>.</summary>
    public ReadOnlyMemory<byte> Input { get; }

    /// <summary>Deploy: the memory whose root is <see cref="DataRoot"/>. Run with published input: a memory with the input in slot 6.</summary>
    public MemoryImage? Image { get; }

    /// <summary>The task hash.</summary>
    public Word Hash { get; }

    /// <summary>The four words that hash to it.</summary>
    public Quad Words => new(Head.ToWord(), DataRoot, Auth0, Auth1);

    /// <summary>A run that nobody has signed yet.</summary>
    public static RollupTask Run(uint app, ulong nonce, ulong stepLimit, ReadOnlyMemory<byte> input) =>
        Run(new TaskHead((ulong)input.Length, stepLimit, nonce, app, 0, TaskKind.Run), input, Word.Zero, Word.Zero);

    /// <summary>A run as L1 has it: the head and the authorization are data, whatever they say.</summary>
    public static RollupTask Run(TaskHead head, ReadOnlyMemory<byte> input, Word auth0, Word auth1) =>
        new(head, QuadTree.RootOfBytes(input.Span, GuestMemory.SlotHeight), auth0, auth1, input, null);

    /// <summary>
    /// As above, with published input (spec 5.3): a few bytes on L1 can name an input of half a GiB, so it is never laid out.
    /// </summary>
    /// <param name="input">Nothing but slot 6 of it is looked at.</param>
    public static RollupTask Run(TaskHead head, MemoryImage input, Word auth0, Word auth1) =>
        new(head, input.SlotRoot(6), auth0, auth1, default, input);

    /// <summary>A deploy that nobody has signed yet.</summary>
    public static RollupTask Deploy(AppPolicy policy, ulong nonce, GuestProgram program) =>
        Deploy(new TaskHead(0, program.Entry, nonce, (uint)policy, 0, TaskKind.Deploy), program.Image, Word.Zero, Word.Zero);

    /// <summary>A deploy as L1 has it.</summary>
    public static RollupTask Deploy(TaskHead head, MemoryImage image, Word auth0, Word auth1) =>
        new(head, image.Root, auth0, auth1, default, image);

    /// <summary>This task, sent by a caller on L1 (spec 2.6.2).</summary>
    public RollupTask From(Address caller) => new(Head with { V = 0 }, DataRoot, caller.ToWord(), Word.Zero, Input, Image);

    /// <summary>This task with a signature.</summary>
    public RollupTask With(Signature signature) =>
        new(Head with { V = signature.V }, DataRoot, signature.R, signature.S, Input, Image);

    /// <summary>This task, signed.</summary>
    public RollupTask Sign(Word domainSeparator, Word privateKey) => With(Secp256k1.Sign(Digest(domainSeparator), privateKey));

    /// <summary>Writes the input of a run to slot 6, which is zero.</summary>
    internal void WriteInput(GuestMemory memory)
    {
        memory.Write(Machine.InputAddress, Input.Span);
        foreach ((uint index, ReadOnlyMemory<byte> bytes) in Published)
            memory.Write(index << GuestMemory.BlockShift, bytes.Span);
    }

    /// <summary>As above, in an image.</summary>
    internal MemoryImage WriteInput(MemoryImage memory)
    {
        memory = memory.Write(Machine.InputAddress, Input.Span);
        foreach ((uint index, ReadOnlyMemory<byte> bytes) in Published)
            memory = memory.Write((ulong)index << GuestMemory.BlockShift, bytes.Span);
        return memory;
    }

    /// <summary>The blocks of published input, which are below 2^32.</summary>
    private IEnumerable<(uint Index, ReadOnlyMemory<byte> Bytes)> Published => Head.Kind != TaskKind.Deploy && Image is { } image ? image.Blocks : [];

    /// <summary>What a sender signs (spec 5.2.1).</summary>
    public Word Digest(in Word domainSeparator) => TaskSignature.Digest(domainSeparator, Head, DataRoot);

    /// <summary>Who sent it; false when its signature is not good (spec 2.6.2). Remembered for the domain asked for last.</summary>
    public bool TryGetSender(in Word domainSeparator, out Address sender)
    {
        // Threads may find it twice; it is the same.
        Recovery? recovery = _recovery;
        if (recovery is null || recovery.DomainSeparator != domainSeparator)
        {
            bool isGood = TaskSignature.TryGetSender(domainSeparator, Words, out Address found);
            _recovery = recovery = new Recovery(domainSeparator, isGood, found);
        }

        sender = recovery.Sender;
        return recovery.IsGood;
    }

    /// <summary>Tasks whose senders are best found by one call of <see cref="FindSenders"/>.</summary>
    internal const int RecoveredTogether = 32;

    /// <summary>Finds the senders of tasks together, for <see cref="TryGetSender"/> to remember.</summary>
    public static void FindSenders(ReadOnlySpan<RollupTask> tasks, in Word domainSeparator)
    {
        var signed = new List<(RollupTask Task, SignedDigest Digest)>(tasks.Length);
        foreach (RollupTask task in tasks)
        {
            if (task._recovery?.DomainSeparator != domainSeparator && TaskSignature.TryGetSigned(domainSeparator, task.Words, out SignedDigest digest))
                signed.Add((task, digest));
        }

        Span<Address?> signers = new Address?[signed.Count];
        Secp256k1.Recover([.. signed.Select(one => one.Digest)], signers);
        for (int i = 0; i < signed.Count; i++)
            signed[i].Task._recovery = new Recovery(domainSeparator, signers[i] is { IsZero: false }, signers[i] ?? default);
    }

    private sealed record Recovery(Word DomainSeparator, bool IsGood, Address Sender);
}

/// <summary>EIP-712 signatures of tasks (spec 2.6.2, 5.2).</summary>
public static class TaskSignature
{
    private static readonly Word DomainType =
        Keccak.Hash("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"u8);

    private static readonly Word DomainName = Keccak.Hash("Optimistic"u8);

    private static readonly Word DomainVersion = Keccak.Hash("1"u8);

    private static readonly Word RunType =
        Keccak.Hash("RunTask(uint32 app,uint64 nonce,uint64 stepLimit,bytes32 inputRoot,uint64 inputLength)"u8);

    private static readonly Word DeployType = Keccak.Hash("DeployTask(uint8 policy,uint64 nonce,uint64 entry,bytes32 memoryRoot)"u8);

    /// <summary>The domain separator of a rollup (spec 5.2.2).</summary>
    public static Word DomainSeparator(ulong chainId, Address inbox) =>
        HashWords(DomainType, DomainName, DomainVersion, Word.FromUInt64(chainId), inbox.ToWord());

    /// <summary>The digest that the sender of a task signs (spec 5.2.1).</summary>
    public static Word Digest(in Word domainSeparator, in TaskHead head, in Word dataRoot)
    {
        Word structHash = head.Kind == TaskKind.Deploy
            ? HashWords(DeployType, Word.FromUInt64((byte)head.Target), Word.FromUInt64(head.Nonce), Word.FromUInt64(head.Limit), dataRoot)
            : HashWords(RunType, Word.FromUInt64(head.Target), Word.FromUInt64(head.Nonce), Word.FromUInt64(head.Limit), dataRoot, Word.FromUInt64(head.Length));
        Span<byte> message = stackalloc byte[2 + 2 * Word.Length];
        message[0] = 0x19;
        message[1] = 0x01;
        domainSeparator.CopyTo(message[2..]);
        structHash.CopyTo(message[(2 + Word.Length)..]);
        return Keccak.Hash(message);
    }

    /// <summary>The sender of a task given by its four words; false when its signature is not good (spec 2.6.2).</summary>
    internal static bool TryGetSender(in Word domainSeparator, in Quad task, out Address sender)
    {
        if (TaskHead.FromWord(task.C0).V == 0)
        {
            sender = Address.FromWord(task.C2);
            return true;
        }

        sender = default;
        return TryGetSigned(domainSeparator, task, out SignedDigest signed) &&
               Secp256k1.TryRecover(signed.Digest, signed.V, signed.R, signed.S, out sender) &&
               !sender.IsZero;
    }

    /// <summary>What the signature of a task signs; false for one from L1, or with a signature that is not even looked at.</summary>
    internal static bool TryGetSigned(in Word domainSeparator, in Quad task, out SignedDigest signed)
    {
        TaskHead head = TaskHead.FromWord(task.C0);
        bool isSigned = head.V != 0 && Secp256k1.IsLowS(task.C3);
        signed = isSigned ? new SignedDigest(Digest(domainSeparator, head, task.C1), head.V, task.C2, task.C3) : default;
        return isSigned;
    }

    private static Word HashWords(params ReadOnlySpan<Word> words) => Keccak.Hash(System.Runtime.InteropServices.MemoryMarshal.AsBytes(words));
}
