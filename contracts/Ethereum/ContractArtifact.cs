using System.Reflection;
using System.Text.Json;

namespace Optimistic.Contracts.Ethereum;

/// <summary>A compiled contract of <c>contracts/src</c>, from the committed artifacts that this assembly carries.</summary>
public sealed class ContractArtifact
{
    private const string Prefix = "artifacts/";
    private const string Suffix = ".json";

    private static readonly Lazy<IReadOnlyDictionary<string, ContractArtifact>> Loaded = new(LoadAll);

    private ContractArtifact(string name, JsonElement json)
    {
        Name = name;
        Abi = new ContractAbi(json.GetProperty("abi"));
        Bytecode = Hex(json, "bytecode");
        DeployedBytecode = Hex(json, "deployedBytecode");
        Immutables =
        [
            .. json.GetProperty("immutables").EnumerateArray().Select(range => (range[0].GetInt32(), range[1].GetInt32())),
        ];
    }

    /// <summary>All contracts by name.</summary>
    public static IReadOnlyDictionary<string, ContractArtifact> All => Loaded.Value;

    public string Name { get; }

    public ContractAbi Abi { get; }

    /// <summary>Creation code, to be followed by the constructor's parameters.</summary>
    public ReadOnlyMemory<byte> Bytecode { get; }

    /// <summary>The code on chain, with zeros where the constructor writes <see cref="Immutables"/>.</summary>
    public ReadOnlyMemory<byte> DeployedBytecode { get; }

    /// <summary>Byte ranges of the code that differ from one deployment to another.</summary>
    public IReadOnlyList<(int Offset, int Length)> Immutables { get; }

    /// <exception cref="EthereumException">There is no such contract.</exception>
    public static ContractArtifact Of(string name) =>
        All.TryGetValue(name, out ContractArtifact? artifact)
            ? artifact
            : throw new EthereumException($"There is no artifact of a contract called {name}: run node contracts/tools/artifacts.mjs.");

    /// <summary>The data of a transaction that deploys the contract.</summary>
    public byte[] DeploymentData(params object[] constructorValues) =>
        [.. Bytecode.Span, .. Abi.Constructor.EncodeParameters(constructorValues)];

    /// <summary>Whether code on chain is this contract, immutables aside.</summary>
    public bool IsDeployedAs(ReadOnlySpan<byte> code)
    {
        if (code.Length != DeployedBytecode.Length)
            return false;

        byte[] masked = code.ToArray();
        foreach ((int offset, int length) in Immutables)
            masked.AsSpan(offset, length).Clear();
        return masked.AsSpan().SequenceEqual(DeployedBytecode.Span);
    }

    private static Dictionary<string, ContractArtifact> LoadAll()
    {
        Assembly assembly = typeof(ContractArtifact).Assembly;
        Dictionary<string, ContractArtifact> artifacts = new(StringComparer.Ordinal);
        foreach (string resource in assembly.GetManifestResourceNames())
        {
            if (!resource.StartsWith(Prefix, StringComparison.Ordinal) || !resource.EndsWith(Suffix, StringComparison.Ordinal))
                continue;

            using Stream stream = assembly.GetManifestResourceStream(resource)!;
            using JsonDocument json = JsonDocument.Parse(stream);
            string name = resource[Prefix.Length..^Suffix.Length];
            artifacts.Add(name, new ContractArtifact(name, json.RootElement));
        }

        return artifacts;
    }

    private static byte[] Hex(JsonElement json, string name) => Convert.FromHexString(json.GetProperty(name).GetString()!.AsSpan(2));
}
