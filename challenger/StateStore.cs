using Microsoft.Extensions.Logging;
using Optimistic.Vm.Rollup;

namespace Optimistic.Challenger;

/// <summary>
/// Files with states after batches, so that a restart goes on from them. What is not there, or cannot be read, costs time and nothing else:
/// every state follows from an earlier one and L1. Not for use by two threads at once.
/// </summary>
internal sealed partial class StateStore
{
    private readonly string _folder;
    private readonly ILogger _log;

    /// <summary>Names of the files by the batch after which their state is. A batch that was reorganized away may have one beside the batch in its place.</summary>
    private readonly SortedDictionary<ulong, HashSet<string>> _files = [];

    public StateStore(string folder, ILogger log)
    {
        _folder = folder;
        _log = log;
        if (!Directory.Exists(folder))
            return;
        foreach (string path in Directory.EnumerateFiles(folder))
        {
            string name = Path.GetFileName(path);
            if (name.EndsWith(".state", StringComparison.Ordinal) && ulong.TryParse(name.Split('-')[0], out ulong batch))
                Remember(batch, name);
            else
                TryDelete(path);
        }
    }

    public int Count => _files.Values.Sum(names => names.Count);

    /// <summary>The most batches, of the first <paramref name="batches"/>, after which the state is there; 0: none.</summary>
    /// <param name="claims">What the state after each batch is, by batch.</param>
    public ulong Latest(ulong batches, IReadOnlyList<OwnClaim> claims) =>
        _files.Reverse().FirstOrDefault(file => file.Key < batches && file.Value.Contains(NameOf(claims[(int)file.Key]))) is { Value: not null } found ? found.Key + 1 : 0;

    /// <summary>Null, and not to be asked for again, when it cannot be read or is another one.</summary>
    public RollupState? Read(OwnClaim claim)
    {
        string path = Path.Combine(_folder, NameOf(claim));
        try
        {
            using FileStream file = File.OpenRead(path);
            RollupState state = StateFile.Read(file);
            if (state.Root == claim.StateRoot)
                return state;
            LogDamaged(path, $"its root is {state.Root}, not {claim.StateRoot}");
        }
        catch (Exception error) when (error is StateFileException or IOException or UnauthorizedAccessException)
        {
            LogDamaged(path, error.Message);
        }

        _files.Remove(claim.Batch);
        return null;
    }

    public void Write(OwnClaim claim, RollupState state)
    {
        try
        {
            Directory.CreateDirectory(_folder);
            string path = Path.Combine(_folder, NameOf(claim)), unfinished = path + ".new";
            using (FileStream file = File.Create(unfinished))
                StateFile.Write(state, file);
            File.Move(unfinished, path, overwrite: true);
            Remember(claim.Batch, NameOf(claim));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It only makes the next start faster. Who cannot write it can still tell right from wrong.
            LogUnsaved(claim.Batch, error.Message);
        }
    }

    /// <summary>Deletes all but the states after so many batches each.</summary>
    public void Keep(IReadOnlySet<ulong> batches)
    {
        foreach (ulong batch in _files.Keys.Where(batch => !batches.Contains(batch + 1)).ToArray())
        {
            foreach (string name in _files[batch])
                TryDelete(Path.Combine(_folder, name));
            _files.Remove(batch);
        }
    }

    private static string NameOf(OwnClaim claim) => $"{claim.Batch}-{claim.BatchHash}.state";

    private void Remember(ulong batch, string name)
    {
        if (!_files.TryGetValue(batch, out HashSet<string>? names))
            _files[batch] = names = [];
        names.Add(name);
    }

    private void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogDamaged(path, error.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, EventName = "StateUnsaved", Message = "The state after batch {Batch} could not be written: {Reason}")]
    private partial void LogUnsaved(ulong batch, string reason);

    [LoggerMessage(Level = LogLevel.Warning, EventName = "StateDamaged", Message = "{Path} cannot be used: {Reason}")]
    private partial void LogDamaged(string path, string reason);
}
