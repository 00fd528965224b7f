using System.Text.Json;
using System.Text.Json.Serialization;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Challenger;

/// <summary>What a watch knows at one moment, from which its status is written.</summary>
public sealed record StatusReport(
    WatchOptions Options,
    ulong ChainId,
    (ulong Number, Word Hash, ulong Timestamp) Head,
    GameState Game,
    IReadOnlyDictionary<Word, Verdict> Verdicts,
    (ulong Done, ulong Of) Replayed,
    IReadOnlyList<GameAction> Decided,
    IReadOnlyList<string> UnderWay,
    IReadOnlyList<string> Waiting,
    IReadOnlyList<JournalAction> Latest,
    PrivateRelay? Relay);

/// <summary>
/// status.json in the data folder: what the challenger is doing, for people and programs. It is replaced whole, so a reader never sees
/// half of it, and it decides nothing.
/// </summary>
public sealed class StatusFile(string folder)
{
    public const string Name = "status.json";

    /// <summary>Claims that are listed: the latest ones.</summary>
    private const int ListedClaims = 50;

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private string _last = "";

    public async Task WriteAsync(StatusReport report, CancellationToken cancel)
    {
        string text = JsonSerializer.Serialize(Describe(report), Json);
        if (text == _last)
            return;
        _last = text;
        string path = Path.Combine(folder, Name), unfinished = path + ".new";
        await File.WriteAllTextAsync(unfinished, text, cancel).ConfigureAwait(false);
        File.Move(unfinished, path, overwrite: true);
    }

    private static object Describe(StatusReport report)
    {
        GameState game = report.Game;
        return new
        {
            rollup = report.Options.Rollup.ToString(),
            chainId = report.ChainId,
            mode = report.Options.Mode.ToString().ToLowerInvariant(),
            account = report.Options.Account?.Address.ToString(),
            drill = report.Options.Drill?.ToString(),
            relay = report.Relay is { } relay ? new { endpoint = relay.Name, used = relay.IsUsed } : null,
            head = new { number = report.Head.Number, hash = report.Head.Hash.ToString(), timestamp = report.Head.Timestamp },
            executedBatches = report.Replayed.Done,
            appendedBatches = report.Replayed.Of,
            confirmedBatches = unchecked(game.Claims[game.LatestConfirmed].Batch + 1),
            claims = game.Claims.Values
                .Where(claim => !claim.Parent.IsZero)
                .OrderByDescending(claim => claim.Batch)
                .Take(ListedClaims)
                .Select(claim => new
                {
                    id = claim.Id.ToString(),
                    batch = claim.Batch,
                    attempt = claim.Attempt,
                    stateRoot = claim.StateRoot.ToString(),
                    traceRoot = claim.TraceRoot.ToString(),
                    claimer = claim.Claimer.ToString(),
                    confirmed = claim.Confirmed,
                    verdict = report.Verdicts[claim.Id].ToString().ToLowerInvariant(),
                }),
            matches = game.Matches.Values.Where(match => match.Live).Select(match => new
            {
                id = match.Id.ToString(),
                level = game.Arenas[match.Tournament].Level,
                phase = match.Phase.ToString(),
                height = match.Bisection?.Height,
                position = match.Bisection?.Position ?? match.Leaf?.Position,
                since = match.Bisection?.Since ?? match.Leaf?.Since,
                balanceOne = match.Bisection?.BalanceOne ?? match.Leaf?.BalanceOne,
                balanceTwo = match.Bisection?.BalanceTwo ?? match.Leaf?.BalanceTwo,
            }),
            decided = report.Decided.Select(action => action.Describe()),
            underWay = report.UnderWay,
            waiting = report.Waiting,
            latest = report.Latest.Select(action => new
            {
                action = action.Name,
                subject = action.Subject,
                stage = action.Stage.ToString().ToLowerInvariant(),
                at = action.At,
                transaction = action.Transaction,
                gas = action.GasUsed == 0 ? (ulong?)null : action.GasUsed,
                detail = action.Detail,
            }),
        };
    }
}
