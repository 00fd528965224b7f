using System.CommandLine;
using System.Text.Json;
using Spectre.Console;

namespace Optimistic.Challenger;

/// <summary><c>optimistic-challenger status</c>: reads status.json of a data folder; the watch may be running or not.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        Option<string> data = new("--data") { Description = "Data folder of a watch.", Required = true };
        Option<bool> json = new("--json") { Description = "Print status.json as it is." };
        Command command = new("status", "Show what a watch is doing.") { data, json };
        command.SetAction(parsed =>
        {
            string path = Path.Combine(parsed.GetValue(data)!, StatusFile.Name);
            try
            {
                string text = File.ReadAllText(path);
                if (parsed.GetValue(json))
                    Console.Out.WriteLine(text);
                else
                    Show(JsonDocument.Parse(text).RootElement, File.GetLastWriteTimeUtc(path));
                return ExitCode.Done;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException)
            {
                Console.Error.WriteLine($"optimistic-challenger: there is no status in '{parsed.GetValue(data)}': {error.Message}");
                return ExitCode.Data;
            }
        });
        return command;
    }

    private static void Show(JsonElement status, DateTime writtenAt)
    {
        JsonElement head = status.GetProperty("head");
        AnsiConsole.WriteLine($"Rollup {status.GetProperty("rollup").GetString()} on chain {status.GetProperty("chainId").GetUInt64()}, mode {status.GetProperty("mode").GetString()}");
        AnsiConsole.WriteLine($"Changed {writtenAt:u}; L1 block {head.GetProperty("number").GetUInt64()}; batches: {status.GetProperty("appendedBatches").GetUInt64()} appended, {status.GetProperty("executedBatches").GetUInt64()} executed, {status.GetProperty("confirmedBatches").GetUInt64()} confirmed");
        if (status.TryGetProperty("relay", out JsonElement relay))
            AnsiConsole.WriteLine($"Transactions go {(relay.GetProperty("used").GetBoolean() ? "to" : "in public, since they were not mined through")} {relay.GetProperty("endpoint").GetString()}");
        Table("Claims", status.GetProperty("claims"), "batch", "attempt", "verdict", "confirmed", "stateRoot", "claimer");
        Table("Live matches", status.GetProperty("matches"), "level", "phase", "height", "position", "balanceOne", "balanceTwo", "id");
        Table("Latest actions", status.GetProperty("latest"), "at", "action", "stage", "gas", "transaction");
    }

    private static void Table(string title, JsonElement rows, params string[] columns)
    {
        if (rows.GetArrayLength() == 0)
            return;
        var table = new Table { Title = new TableTitle(title), Border = TableBorder.Simple };
        foreach (string column in columns)
            table.AddColumn(column);
        foreach (JsonElement row in rows.EnumerateArray())
            table.AddRow([.. columns.Select(column => Markup.Escape(row.TryGetProperty(column, out JsonElement value) ? value.ToString() : ""))]);
        AnsiConsole.Write(table);
    }
}
