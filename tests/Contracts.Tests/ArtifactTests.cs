using System.Diagnostics;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Optimistic.Contracts.Bindings;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;

namespace Optimistic.Contracts.Tests;

/// <summary>The committed artifacts and bindings are those of the sources, and the bindings speak the contracts' ABI.</summary>
public sealed class ArtifactTests
{
    private static readonly Word One = Keccak.Hash("one"u8), Two = Keccak.Hash("two"u8);

    private static readonly Bisection State =
        new(One, [One, Two, Word.Zero, One], BigInteger.Pow(2, 90) + 1234567890123);

    [Fact]
    public void ArtifactsAreThoseOfTheSources()
    {
        string contracts = NodePackages.FindContracts();
        IEnumerable<string> sources = ((string[])["src", "test/replay"])
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(contracts, folder), "*.sol", SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(contracts, file).Replace('\\', '/'));
        StringBuilder lines = new();
        foreach (string name in sources.Append("foundry.toml").Order(StringComparer.Ordinal))
        {
            byte[] digest = SHA256.HashData(File.ReadAllBytes(Path.Combine(contracts, name)));
            lines.Append(Convert.ToHexStringLower(digest)).Append("  ").Append(name).Append('\n');
        }

        using JsonDocument locked = JsonDocument.Parse(File.ReadAllText(Path.Combine(contracts, "package-lock.json")));
        foreach (string name in (string[])["@openzeppelin/contracts", "solc"])
        {
            JsonElement package = locked.RootElement.GetProperty("packages").GetProperty("node_modules/" + name);
            lines.Append(package.GetProperty("integrity").GetString()).Append("  ").Append(name).Append('\n');
        }

        string expected = File.ReadAllText(Path.Combine(contracts, "artifacts", "sources.sha256")).Trim();
        Assert.True(
            expected == Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines.ToString()))),
            "contracts/src changed: run node contracts/tools/artifacts.mjs and commit the result.");
    }

    [Fact]
    public async Task BindingsAreThoseOfTheArtifacts()
    {
        string contracts = NodePackages.FindContracts();
        using Process node = Process.Start(new ProcessStartInfo("node")
        {
            ArgumentList = { Path.Combine(contracts, "tools", "bindings.mjs"), "--check" },
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        string output = await node.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string errors = await node.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await node.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(node.ExitCode == 0, errors);
        Assert.Contains("match", output);
    }

    [Fact]
    public void EveryContractFitsOnChainAndHasAKnownAbi()
    {
        Assert.Superset(
            new HashSet<string> { "StepVerifier", "Inbox", "Tournament", "Rollup", "Outbox" }, ContractArtifact.All.Keys.ToHashSet());
        foreach (ContractArtifact artifact in ContractArtifact.All.Values)
        {
            // EIP-170 and EIP-3860.
            Assert.InRange(artifact.DeployedBytecode.Length, 1, 24_576);
            Assert.InRange(artifact.Bytecode.Length, artifact.DeployedBytecode.Length, 49_152);
            Assert.Equal(artifact.Abi.Functions.Count, artifact.Abi.Functions.Select(function => function.Selector).Distinct().Count());
        }
    }

    [Fact]
    public async Task MessagesAreWhatCastMakesOfTheirArguments()
    {
        Tournament.AdvanceFunction advance = new(
            One, State.Children, State.Progress, [One, Two, One, Two], [Two, Two, Two, Two]);
        string expected = await Cast.RunAsync(
            "calldata", Tournament.AdvanceFunction.Definition.Signature,
            $"{One}", $"[{One},{Two},{Word.Zero},{One}]", $"{State.Progress}",
            $"[{One},{Two},{One},{Two}]", $"[{Two},{Two},{Two},{Two}]");
        Assert.Equal(expected, "0x" + Convert.ToHexStringLower(advance.ToCallData()));

        Tournament.AdvanceFunction decoded = Tournament.AdvanceFunction.Decode(advance.ToCallData());
        Assert.Equal((advance.MatchId, State.Progress), (decoded.MatchId, decoded.Progress));
        Assert.Equal(State.Children, decoded.Children);
        Assert.Throws<AbiException>(() => Tournament.SettleFunction.Decode(advance.ToCallData()));

        Inbox.SubmitRunPublishedFunction submit = new(3, 4, 5, 6, [new Chunk(7, One), new Chunk(8, Two)]);
        Assert.Equal(
            await Cast.RunAsync("calldata", Inbox.SubmitRunPublishedFunction.Definition.Signature, "3", "4", "5", "6", $"[(7,{One}),(8,{Two})]"),
            "0x" + Convert.ToHexStringLower(submit.ToCallData()));
        Assert.Equal(submit.Chunks, Inbox.SubmitRunPublishedFunction.Decode(submit.ToCallData()).Chunks);
    }

    [Fact]
    public void EventsAreReadFromTopicsAndData()
    {
        byte[] data = Tournament.MatchedEvent.Definition.EncodeParameters(One, Two, One, Two, State)[64..];
        LogEntry log = new(Address.Zero, [Tournament.MatchedEvent.Definition.Hash, One, Two], data, 1, One, Two, 0);
        Tournament.MatchedEvent matched = log.Decode<Tournament.MatchedEvent>();
        Assert.Equal((One, Two, One, Two), (matched.Tournament, matched.MatchId, matched.One, matched.Two));
        Assert.Equal(State.Progress, matched.State.Progress);

        Assert.Throws<AbiException>(() => (log with { Topics = [One, One, Two] }).Decode<Tournament.MatchedEvent>());
        Assert.Throws<AbiException>(() => (log with { Topics = [.. log.Topics.Take(2)] }).Decode<Tournament.MatchedEvent>());
        Assert.Throws<AbiException>(() => (log with { Data = data.AsMemory(32) }).Decode<Tournament.MatchedEvent>());
    }

    [Fact]
    public void EnumsHaveTheirNamesOnly()
    {
        byte[] outcome = Word.FromUInt64(3).ToArray();
        LogEntry log = new(Address.Zero, [Tournament.MatchEndedEvent.Definition.Hash, One, Two], outcome, 1, One, Two, 0);
        Assert.Throws<AbiException>(() => log.Decode<Tournament.MatchEndedEvent>());
        Assert.Equal(Outcome.Two, (log with { Data = Word.FromUInt64(2).ToArray() }).Decode<Tournament.MatchEndedEvent>().Outcome);
    }
}
