using System.Diagnostics;
using System.Text.Json;

namespace Optimistic.EndToEnd.Tests;

/// <summary>The command that a newcomer runs first.</summary>
public sealed class DemoTests
{
    /// <summary>What the story has to have shown on L1; the demo may check more.</summary>
    private const int FewestChecks = 8;

    [Fact]
    public async Task TheDemoShowsTheWholeStoryAndEveryCheckIsTrueOnL1()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        ProcessStartInfo start = new(ProgramProcess.Engine, ["demo", "--json"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process demo = Process.Start(start)!;
        demo.StandardInput.Close();
        Task<string> output = demo.StandardOutput.ReadToEndAsync(cancel), errors = demo.StandardError.ReadToEndAsync(cancel);
        await demo.WaitForExitAsync(cancel);
        Assert.True(demo.ExitCode == 0, $"The demo ended with code {demo.ExitCode}: {await errors}\n{await output}");

        // One document and nothing else.
        using JsonDocument document = JsonDocument.Parse(await output);
        JsonElement root = document.RootElement;
        JsonProperty[] checks = [.. root.GetProperty("checks").EnumerateObject()];
        Assert.True(checks.Length >= FewestChecks);
        Assert.All(checks, check => Assert.Equal((check.Name, JsonValueKind.True), (check.Name, check.Value.ValueKind)));

        // Twelve heights and fourteen: a round for each but the first, and a seal.
        JsonElement[] rounds = [.. root.GetProperty("rounds").EnumerateArray()];
        Assert.Equal(12, rounds.Count(round => round.GetProperty("level").GetInt32() == 0));
        Assert.Equal(14, rounds.Count(round => round.GetProperty("level").GetInt32() == 1));
        JsonElement roots = root.GetProperty("stateRoots");
        Assert.NotEqual(roots.GetProperty("claimedByLiar").GetString(), roots.GetProperty("true").GetString());
        Assert.All(["inbox", "rollup", "tournament", "outbox", "stepVerifier"], name => Assert.StartsWith("0x", root.GetProperty("contracts").GetProperty(name).GetString(), StringComparison.Ordinal));
        Assert.True(root.GetProperty("gas").EnumerateObject().Any());
        Assert.True(root.GetProperty("claims").GetArrayLength() >= 2);
    }
}
