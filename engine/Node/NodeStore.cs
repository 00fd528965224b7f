using LiteDB;
using MessagePack;
using Optimistic.Contracts.L1;
using Optimistic.Engine.Cli;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Engine.Node;

/// <summary>A chunk of data to be published on L1 (spec 5.3): its root and its bytes without trailing zeros, at least one.</summary>
[MessagePackObject]
public sealed record DataPart([property: Key(0)] byte[] RootBytes, [property: Key(1)] byte[] Bytes)
{
    [IgnoreMember]
    public Word Root => new(RootBytes);
}

/// <summary>A task that the node has accepted and will put into a batch.</summary>
/// <param name="Sequence">Its place in the order of acceptance.</param>
/// <param name="Task">The task with its data.</param>
/// <param name="Encoded">As calldata of append carries it.</param>
/// <param name="Parts">What must be published before it can be appended.</param>
public sealed record AcceptedTask(ulong Sequence, RollupTask Task, EncodedTask Encoded, IReadOnlyList<DataPart> Parts, Address Sender);

/// <summary>An accepted task on disk and in the journal.</summary>
[MessagePackObject]
public sealed class TaskRecord
{
    [Key(0), BsonId(false)]
    public long Sequence { get; set; }

    /// <summary>As text: LiteDB takes an indexed byte array for a list of keys.</summary>
    [Key(1)]
    public string Hash { get; set; } = "";

    [Key(2)]
    public byte[] Encoded { get; set; } = [];

    [Key(3)]
    public byte[] Sender { get; set; } = [];

    /// <summary>In the journal only; in the database parts are stored once, by root.</summary>
    [Key(4), BsonIgnore]
    public List<DataPart> Parts { get; set; } = [];

    /// <summary>Seconds since 1970.</summary>
    [Key(5)]
    public long AcceptedAt { get; set; }
}

/// <summary>How a task ended, on disk.</summary>
public sealed class ReceiptRecord
{
    [BsonId(false)]
    public long Number { get; set; }

    /// <summary>As text, see <see cref="TaskRecord.Hash"/>.</summary>
    public string TaskHash { get; set; } = "";

    public byte[] Head { get; set; } = [];

    public byte[] DataRoot { get; set; } = [];

    public byte[] Sender { get; set; } = [];

    public bool HasSender { get; set; }

    public long Batch { get; set; }

    public int Index { get; set; }

    public byte[] OutputRoot { get; set; } = [];

    public byte[] Result { get; set; } = [];

    public int Status { get; set; }

    public long App { get; set; }

    public long ExitCode { get; set; }

    public long StepsUsed { get; set; }

    public long OutputLength { get; set; }

    /// <summary>The output's bytes, when they are few; longer ones are files.</summary>
    public byte[]? Output { get; set; }
}

/// <summary>A batch that was executed, on disk.</summary>
public sealed class BatchRecord
{
    [BsonId(false)]
    public long Index { get; set; }

    public byte[] Hash { get; set; } = [];

    public byte[] Previous { get; set; } = [];

    public byte[] TasksRoot { get; set; } = [];

    public long Count { get; set; }

    public long Time { get; set; }

    public long BlockNumber { get; set; }

    public long FirstTask { get; set; }

    /// <summary>The opening of the state root: four words.</summary>
    public byte[] RootWords { get; set; } = [];

    public byte[] TraceRoot { get; set; } = [];

    /// <summary>The proof that the trace's last leaf is the state root.</summary>
    public byte[] LastLeaf { get; set; } = [];

    public bool IsOwn { get; set; }
}

/// <summary>A transaction to L1 that was recorded before it was sent.</summary>
public sealed class OutboxRecord
{
    [BsonId(false)]
    public long Id { get; set; }

    public string Kind { get; set; } = "";

    /// <summary>What it is about; one live record for each kind and key.</summary>
    public string Key { get; set; } = "";

    public long Nonce { get; set; }

    public byte[] To { get; set; } = [];

    public byte[] Data { get; set; } = [];

    public string Value { get; set; } = "0";

    public long GasLimit { get; set; }

    public List<OutboxAttempt> Attempts { get; set; } = [];

    public OutboxStatus Status { get; set; }

    public long MinedBlock { get; set; }

    public byte[] MinedBlockHash { get; set; } = [];

    public byte[] MinedTransaction { get; set; } = [];

    /// <summary>Milliseconds since 1970 of the last time it was handed to L1.</summary>
    public long SentAt { get; set; }
}

public enum OutboxStatus
{
    /// <summary>Recorded, sent or about to be.</summary>
    Pending,

    /// <summary>Mined with success; it can still be reorganized away.</summary>
    Mined,

    /// <summary>Mined and reverted.</summary>
    Reverted,

    /// <summary>Another transaction took its nonce.</summary>
    Lost,
}

/// <summary>A transaction as signed: raises of the fees make further ones with the same nonce.</summary>
public sealed class OutboxAttempt
{
    public byte[] Hash { get; set; } = [];

    public byte[] Raw { get; set; } = [];

    public string MaxFee { get; set; } = "0";

    public string Tip { get; set; } = "0";
}

/// <summary>The tasks of the batch that is under way to L1.</summary>
public sealed class InFlightRecord
{
    [BsonId(false)]
    public int Id { get; set; }

    public long OutboxId { get; set; }

    public List<long> Sequences { get; set; } = [];

    public long Time { get; set; }

    public long BlockNumber { get; set; }

    public long DirectCount { get; set; }
}

/// <summary>What the folder belongs to.</summary>
public sealed class OriginRecord
{
    [BsonId(false)]
    public int Id { get; set; }

    public int Version { get; set; }

    public long ChainId { get; set; }

    public byte[] Rollup { get; set; } = [];
}

/// <summary>
/// The folder of a node: a LiteDB database, the journal of accepted tasks before it, state files, and long outputs.
/// LiteDB 5 writes commits to disk behind the caller's back: <see cref="Write"/> returns after a checkpoint, which waits
/// for them and flushes the file. Thread-safe.
/// </summary>
public sealed class NodeStore : IDisposable
{
    private const int Version = 1;

    /// <summary>Bytes of output that are stored in the database; longer outputs are files.</summary>
    private const int MaxStoredOutput = 1 << 20;

    private readonly Lock _gate = new();
    private readonly FileStream _lock;
    private readonly LiteDatabase _database;
    private readonly Journal _journal;
    private readonly string _folder;

    // What is in the journal and not yet in the database.
    private readonly List<TaskRecord> _journaled = [];

    private NodeStore(string folder, FileStream @lock, LiteDatabase database, Journal journal)
    {
        (_folder, _lock, _database, _journal) = (folder, @lock, database, journal);
        Tasks = database.GetCollection<TaskRecord>("tasks");
        Tasks.EnsureIndex(task => task.Hash, unique: true);
        Parts = database.GetCollection("parts");
        Receipts = database.GetCollection<ReceiptRecord>("receipts");
        Receipts.EnsureIndex(receipt => receipt.TaskHash);
        Receipts.EnsureIndex(receipt => receipt.Batch);
        Batches = database.GetCollection<BatchRecord>("batches");
        Outbox = database.GetCollection<OutboxRecord>("outbox");
        InFlight = database.GetCollection<InFlightRecord>("inflight");
    }

    public ILiteCollection<TaskRecord> Tasks { get; }

    public ILiteCollection<ReceiptRecord> Receipts { get; }

    public ILiteCollection<BatchRecord> Batches { get; }

    public ILiteCollection<OutboxRecord> Outbox { get; }

    public ILiteCollection<InFlightRecord> InFlight { get; }

    private ILiteCollection<BsonDocument> Parts { get; }

    /// <summary>Opens the folder, creating it when it is not there, and takes in what the journal has.</summary>
    /// <exception cref="CommandException">The folder is another rollup's, in use, or damaged.</exception>
    internal static NodeStore Open(string folder, ulong chainId, Address rollup)
    {
        FileStream? @lock = null;
        LiteDatabase? database = null;
        try
        {
            Directory.CreateDirectory(folder);
            Directory.CreateDirectory(Path.Combine(folder, "outputs"));
            try
            {
                @lock = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                throw new CommandException($"data folder '{folder}' is in use by another node: stop that, or give another --data.");
            }

            database = new LiteDatabase(new ConnectionString { Filename = Path.Combine(folder, "node.db"), Connection = ConnectionType.Direct });
            CheckOrigin(database, folder, chainId, rollup);
            Journal journal = Journal.Open(Path.Combine(folder, "tasks.journal"), out List<JournalRecord> records);
            NodeStore store = new(folder, @lock, database, journal);
            store._journaled.AddRange(records.Select(record => MessagePackSerializer.Deserialize<TaskRecord>(record.Payload)));
            store.TakeIn();
            return store;
        }
        catch (Exception error) when (error is LiteException or JournalException or IOException or UnauthorizedAccessException or MessagePackSerializationException)
        {
            database?.Dispose();
            @lock?.Dispose();
            throw new CommandException($"data folder '{folder}' cannot be used: {error.Message}");
        }
        catch (CommandException)
        {
            database?.Dispose();
            @lock?.Dispose();
            throw;
        }
    }

    /// <summary>Changes the database in one transaction, which is on disk when this returns.</summary>
    public void Write(Action change)
    {
        lock (_gate)
        {
            _database.BeginTrans();
            try
            {
                change();
                _database.Commit();
            }
            catch
            {
                _database.Rollback();
                throw;
            }

            _database.Checkpoint();
        }
    }

    /// <summary>Puts tasks into the journal. When this returns they survive a kill and a power cut.</summary>
    public void Accept(IReadOnlyList<TaskRecord> tasks)
    {
        lock (_gate)
        {
            _journal.Append([.. tasks.Select(task => new JournalRecord((ulong)task.Sequence, MessagePackSerializer.Serialize(task)))]);
            _journaled.AddRange(tasks);
        }
    }

    /// <summary>Moves what the journal has to the database.</summary>
    public void TakeIn()
    {
        lock (_gate)
        {
            if (_journaled.Count == 0)
                return;

            Write(() =>
            {
                foreach (TaskRecord task in _journaled)
                {
                    Tasks.Upsert(task);
                    foreach (DataPart part in task.Parts)
                        Parts.Upsert(new BsonDocument { ["_id"] = part.RootBytes, ["data"] = part.Bytes });
                }
            });
            _journal.Rewrite([]);
            _journaled.Clear();
        }
    }

    /// <summary>The bytes of a chunk that an accepted task needs.</summary>
    public byte[]? FindPart(Word root) => Parts.FindById(root.ToArray())?["data"].AsBinary;

    /// <summary>Keeps the output of a task; call before its receipt is written.</summary>
    /// <returns>What goes into the receipt: the bytes when they are few, else null.</returns>
    public byte[]? KeepOutput(Word root, ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length <= MaxStoredOutput)
            return bytes.ToArray();

        string path = OutputPath(root);
        if (!File.Exists(path))
        {
            File.WriteAllBytes(path + ".part", bytes.Span);
            File.Move(path + ".part", path, overwrite: true);
        }

        return null;
    }

    /// <summary>Bytes of an output. What lies behind the bytes that were kept is zero.</summary>
    public byte[] ReadOutput(ReceiptRecord receipt, ulong offset, int length)
    {
        byte[] part = new byte[length];
        if (receipt.Output is { } bytes)
        {
            if (offset < (ulong)bytes.Length)
                bytes.AsSpan((int)offset, (int)Math.Min((ulong)length, (ulong)bytes.Length - offset)).CopyTo(part);
            return part;
        }

        using FileStream file = File.OpenRead(OutputPath(new Word(receipt.OutputRoot)));
        file.Seek((long)offset, SeekOrigin.Begin);
        file.ReadAtLeast(part, length, throwOnEndOfStream: false);
        return part;
    }

    /// <summary>Saves the state after a batch; the two latest are kept.</summary>
    public void SaveState(ulong batch, Word batchHash, RollupState state)
    {
        string path = Path.Combine(_folder, $"state-{batch:d12}-{Convert.ToHexStringLower(batchHash.Bytes)}");
        using (FileStream file = new(path + ".part", FileMode.Create))
        {
            StateFile.Write(state, file);
            file.Flush(flushToDisk: true);
        }

        File.Move(path + ".part", path, overwrite: true);
        foreach ((string old, _, _) in StateFiles().Skip(2))
            File.Delete(old);
    }

    /// <summary>The saved states, newest first. A file that cannot be read is passed over: a state can always be made again from L1.</summary>
    public IEnumerable<(ulong Batch, Word BatchHash, Func<RollupState?> Load)> SavedStates() =>
        StateFiles().Select(file => (file.Batch, file.Hash, new Func<RollupState?>(() => LoadState(file.Path))));

    public void Dispose()
    {
        lock (_gate)
        {
            _journal.Dispose();
            _database.Dispose();
            _lock.Dispose();
        }
    }

    private static RollupState? LoadState(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return StateFile.Read(file);
        }
        catch (StateFileException error)
        {
            Serilog.Log.Warning("State file {Path} is passed over: {Reason}", path, error.Message);
            return null;
        }
    }

    private static void CheckOrigin(LiteDatabase database, string folder, ulong chainId, Address rollup)
    {
        ILiteCollection<OriginRecord> origins = database.GetCollection<OriginRecord>("origin");
        OriginRecord? origin = origins.FindById(1);
        if (origin is null)
        {
            origins.Insert(new OriginRecord { Id = 1, Version = Version, ChainId = (long)chainId, Rollup = rollup.Bytes.ToArray() });
            database.Checkpoint();
            return;
        }

        if (origin.Version != Version)
            throw new CommandException($"data folder '{folder}' has format {origin.Version}, this program reads {Version}: give a new --data, everything is made again from L1.");
        if (origin.ChainId != (long)chainId || !origin.Rollup.AsSpan().SequenceEqual(rollup.Bytes))
            throw new CommandException($"data folder '{folder}' is of rollup {new Address(origin.Rollup)} on chain {origin.ChainId}, not of {rollup} on chain {chainId}: give another --data.");
    }

    private string OutputPath(Word root) => Path.Combine(_folder, "outputs", Convert.ToHexStringLower(root.Bytes));

    private IEnumerable<(string Path, ulong Batch, Word Hash)> StateFiles()
    {
        foreach (string path in Directory.GetFiles(_folder, "state-*").OrderDescending(StringComparer.Ordinal))
        {
            string[] parts = Path.GetFileName(path).Split('-');
            if (parts.Length == 3 && ulong.TryParse(parts[1], out ulong batch) && Word.TryParse(parts[2], out Word hash))
                yield return (path, batch, hash);
        }
    }
}
