using LiteDB;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Challenger;

/// <summary>The data folder cannot be used: one line that says why and what to do.</summary>
public sealed class DataFolderException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What a data folder belongs to. Another rollup, chain, account or drill needs another folder.</summary>
public sealed record JournalIdentity(ulong ChainId, Address Rollup, ulong FirstBlock, string Drill);

/// <summary>How far a decided action has come.</summary>
public enum ActionStage
{
    /// <summary>Written before the transaction leaves: after a kill here it may or may not be on its way.</summary>
    Intended,
    Mined,

    /// <summary>The contracts refused it: most often somebody did it first.</summary>
    Refused,

    /// <summary>It could not be sent.</summary>
    Failed,

    /// <summary>Decided in a mode that sends nothing.</summary>
    NotSent,

    /// <summary>The process ended before the outcome was known.</summary>
    Interrupted,
}

/// <summary>An action in the journal.</summary>
public sealed record JournalAction(
    long Id, string Key, string Name, string Subject, ActionStage Stage, DateTime At, string? Transaction, ulong GasUsed, string? Detail);

/// <summary>
/// What the challenger must not forget: the blocks it has followed with their logs, what it computed of each batch, and what it decided
/// and sent. Every method is one transaction of the database, so a kill at any instant leaves a place from which to go on.
/// </summary>
public sealed class Journal : IDisposable
{
    private const string FileName = "journal.db";
    private const string LockName = "lock";
    private const int Version = 1;

    /// <summary>What executes batches.</summary>
    private static readonly string Build = typeof(BatchExecutor).Module.ModuleVersionId.ToString();

    /// <summary>Actions that are kept; older ones are of no use.</summary>
    private const int MaxActions = 10_000;

    private readonly FileStream _lock;
    private readonly LiteDatabase _database;
    private readonly ILiteCollection<BsonDocument> _blocks;
    private readonly ILiteCollection<BsonDocument> _claims;
    private readonly ILiteCollection<BsonDocument> _actions;
    private readonly Lock _gate = new();

    private Journal(FileStream folderLock, LiteDatabase database, string folder)
    {
        _lock = folderLock;
        _database = database;
        Folder = folder;
        _blocks = database.GetCollection("blocks");
        _claims = database.GetCollection("claims");
        _actions = database.GetCollection("actions");
        _actions.EnsureIndex("key");
    }

    public string Folder { get; }

    /// <summary>Opens the journal of a data folder, which is made if it is not there.</summary>
    /// <exception cref="DataFolderException">It is in use, of something else, damaged, or cannot be written.</exception>
    public static Journal Open(string folder, JournalIdentity identity)
    {
        FileStream folderLock = Lock(folder);
        LiteDatabase? database = null;
        try
        {
            database = new LiteDatabase(new ConnectionString { Filename = Path.Combine(folder, FileName), Connection = ConnectionType.Direct });
            Check(database, folder, identity);
            return new Journal(folderLock, database, folder);
        }
        catch (Exception error)
        {
            database?.Dispose();
            folderLock.Dispose();
            if (error is LiteException or IOException or UnauthorizedAccessException or InvalidCastException)
                throw new DataFolderException($"The journal in '{folder}' is damaged or cannot be read ({error.Message}): move it away, L1 has all that is needed.", error);
            throw;
        }
    }

    private static FileStream Lock(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return new FileStream(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error) when (File.Exists(Path.Combine(folder, LockName)))
        {
            throw new DataFolderException($"The data folder '{folder}' is in use by another process.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new DataFolderException($"The data folder '{folder}' cannot be written: {error.Message}", error);
        }
    }

    private static void Check(LiteDatabase database, string folder, JournalIdentity identity)
    {
        ILiteCollection<BsonDocument> meta = database.GetCollection("meta");
        BsonDocument? known = meta.FindById(1);
        if (known is null)
        {
            meta.Insert(new BsonDocument
            {
                ["_id"] = 1,
                ["version"] = Version,
                ["chain"] = (long)identity.ChainId,
                ["rollup"] = identity.Rollup.ToString(),
                ["first"] = (long)identity.FirstBlock,
                ["drill"] = identity.Drill,
            });
            return;
        }

        if (known["version"].AsInt32 != Version)
            throw new DataFolderException($"The data folder '{folder}' is of another version of this program: choose another --data.");
        if (known["chain"].AsInt64 != (long)identity.ChainId || known["rollup"].AsString != identity.Rollup.ToString())
        {
            throw new DataFolderException(
                $"The data folder '{folder}' belongs to the rollup {known["rollup"].AsString} on chain {known["chain"].AsInt64}: choose another --data.");
        }

        if (known["drill"].AsString != identity.Drill)
            throw new DataFolderException($"The data folder '{folder}' was used {(known["drill"].AsString.Length == 0 ? "without a drill" : "for the drill " + known["drill"].AsString)}: choose another --data.");
        if (known["first"].AsInt64 > (long)identity.FirstBlock)
            throw new DataFolderException($"The data folder '{folder}' starts at block {known["first"].AsInt64}, after block {identity.FirstBlock}: choose another --data.");
    }

    public void Dispose()
    {
        lock (_gate)
            _database.Dispose();
        _lock.Dispose();
    }

    // --- Followed blocks

    public IReadOnlyList<FollowedBlock> ReadBlocks()
    {
        lock (_gate)
            return [.. _blocks.Query().OrderBy("_id").ToEnumerable().Select(ToBlock)];
    }

    /// <summary>Takes in one step along the chain. Empty blocks are forgotten once no reorganization can need them.</summary>
    public void Record(ChainUpdate update)
    {
        lock (_gate)
        {
            _database.BeginTrans();
            if (update.VoidFrom is ulong voidFrom)
                _blocks.DeleteMany(Query.GTE("_id", (long)voidFrom));
            foreach (FollowedBlock block in update.Added)
                _blocks.Upsert(ToDocument(block));
            if (update.Added.Count > 0 && update.Added[^1].Number > ChainFollower.RememberedBlocks)
            {
                _blocks.DeleteMany(Query.And(
                    Query.LT("_id", (long)(update.Added[^1].Number - ChainFollower.RememberedBlocks)),
                    Query.EQ("empty", true)));
            }

            _database.Commit();
        }
    }

    // --- What was computed

    /// <summary>Own results by batch, ascending; a later result for the same batch takes the place of an earlier one.</summary>
    /// <param name="confirmed">From this batch on, up to the first that another build of this program executed.</param>
    public IReadOnlyList<OwnClaim> ReadClaims(ulong confirmed)
    {
        lock (_gate)
        {
            return [.. _claims.Query().OrderBy("_id").ToEnumerable().TakeWhile(document =>
                (ulong)document["_id"].AsInt64 < confirmed || document["build"] == Build).Select(document => new OwnClaim(
                (ulong)document["_id"].AsInt64,
                Word.Parse(document["hash"].AsString),
                Word.Parse(document["state"].AsString),
                Word.Parse(document["trace"].AsString),
                (ulong)document["appended"].AsInt64))];
        }
    }

    /// <summary>Records a batch's own result; results of later batches are of another chain and go.</summary>
    public void Record(OwnClaim claim)
    {
        lock (_gate)
        {
            _database.BeginTrans();
            _claims.DeleteMany(Query.GTE("_id", (long)claim.Batch));
            _claims.Insert(new BsonDocument
            {
                ["_id"] = (long)claim.Batch,
                ["hash"] = claim.BatchHash.ToString(),
                ["state"] = claim.StateRoot.ToString(),
                ["trace"] = claim.TraceRoot.ToString(),
                ["appended"] = (long)claim.AppendedAt,
                ["build"] = Build,
            });
            _database.Commit();
        }
    }

    /// <summary>From a batch on.</summary>
    public void ForgetClaims(ulong batch)
    {
        lock (_gate)
            _claims.DeleteMany(Query.GTE("_id", (long)batch));
    }

    // --- What was decided and sent

    /// <summary>Writes down an action before anything is sent.</summary>
    /// <returns>Its number in the journal.</returns>
    public long Record(GameAction action, ActionStage stage, string? detail = null)
    {
        lock (_gate)
        {
            long id = (_actions.Count() == 0 ? 0 : _actions.Max("_id").AsInt64) + 1;
            _actions.Insert(new BsonDocument
            {
                ["_id"] = id,
                ["key"] = action.Key,
                ["name"] = action.Name,
                ["subject"] = action.Subject.ToString(),
                ["stage"] = stage.ToString(),
                ["at"] = DateTime.UtcNow,
                ["detail"] = detail,
            });
            if (id % 1000 == 0)
                _actions.DeleteMany(Query.LT("_id", id - MaxActions));
            return id;
        }
    }

    public void Finish(long id, ActionStage stage, TransactionReceipt? receipt, string? detail = null)
    {
        lock (_gate)
        {
            BsonDocument? document = _actions.FindById(id);
            if (document is null)
                return;
            document["stage"] = stage.ToString();
            document["detail"] = detail;
            if (receipt is not null)
            {
                document["transaction"] = receipt.TransactionHash.ToString();
                document["gas"] = (long)receipt.GasUsed;
            }

            _actions.Update(document);
        }
    }

    /// <summary>Actions whose outcome a kill has hidden are marked as interrupted and returned.</summary>
    public IReadOnlyList<JournalAction> TakeInterrupted()
    {
        lock (_gate)
        {
            BsonDocument[] open = [.. _actions.Find(Query.EQ("stage", nameof(ActionStage.Intended)))];
            foreach (BsonDocument document in open)
            {
                document["stage"] = nameof(ActionStage.Interrupted);
                _actions.Update(document);
            }

            return [.. open.Select(ToAction)];
        }
    }

    /// <summary>Whether an action with this key has been mined; for those of which L1 keeps no trace.</summary>
    public bool WasMined(string key)
    {
        lock (_gate)
            return _actions.Find(Query.EQ("key", key)).Any(document => document["stage"].AsString == nameof(ActionStage.Mined));
    }

    /// <summary>The last actions, newest first.</summary>
    public IReadOnlyList<JournalAction> ReadActions(int count)
    {
        lock (_gate)
            return [.. _actions.Query().OrderByDescending("_id").Limit(count).ToEnumerable().Select(ToAction)];
    }

    private static JournalAction ToAction(BsonDocument document) => new(
        document["_id"].AsInt64,
        document["key"].AsString,
        document["name"].AsString,
        document["subject"].AsString,
        Enum.Parse<ActionStage>(document["stage"].AsString),
        document["at"].AsDateTime.ToUniversalTime(),
        document.TryGetValue("transaction", out BsonValue hash) ? hash.AsString : null,
        document.TryGetValue("gas", out BsonValue gas) ? (ulong)gas.AsInt64 : 0,
        document["detail"].IsNull ? null : document["detail"].AsString);

    private static BsonDocument ToDocument(FollowedBlock block) => new()
    {
        ["_id"] = (long)block.Number,
        ["hash"] = block.Hash.ToArray(),
        ["parent"] = block.ParentHash.ToArray(),
        ["time"] = (long)block.Timestamp,
        ["empty"] = block.Logs.Count == 0,
        ["logs"] = new BsonArray(block.Logs.Select(log => (BsonValue)new BsonDocument
        {
            ["address"] = log.Address.Bytes.ToArray(),
            ["topics"] = new BsonArray(log.Topics.Select(topic => (BsonValue)topic.ToArray())),
            ["data"] = log.Data.ToArray(),
            ["transaction"] = log.TransactionHash.ToArray(),
            ["index"] = (long)log.LogIndex,
        })),
    };

    private static FollowedBlock ToBlock(BsonDocument document)
    {
        ulong number = (ulong)document["_id"].AsInt64;
        var hash = new Word(document["hash"].AsBinary);
        return new FollowedBlock(
            number,
            hash,
            new Word(document["parent"].AsBinary),
            (ulong)document["time"].AsInt64,
            [.. document["logs"].AsArray.Select(value => new LogEntry(
                new Address(value["address"].AsBinary),
                [.. value["topics"].AsArray.Select(topic => new Word(topic.AsBinary))],
                value["data"].AsBinary,
                number,
                hash,
                new Word(value["transaction"].AsBinary),
                (ulong)value["index"].AsInt64))]);
    }
}
