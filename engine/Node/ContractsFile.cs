using System.Text.Json;
using Optimistic.Contracts;
using Optimistic.Engine.Cli;
using Optimistic.Engine.Rpc;
using Optimistic.Vm;

namespace Optimistic.Engine.Node;

/// <summary>
/// The contracts of one rollup, as a JSON file that the deployment writes and nodes read. Limits are those that the Inbox
/// was deployed with; it does not tell them itself.
/// </summary>
public sealed record ContractsFile(
    ulong ChainId,
    Address StepVerifier,
    Address Inbox,
    Address Tournament,
    Address Rollup,
    Address Outbox,
    ulong Block,
    ulong MaxTaskSteps,
    ulong MaxBatchSteps)
{
    private static readonly JsonSerializerOptions Format = new(RpcJson.Options) { WriteIndented = true };

    public static ContractsFile Of(Deployment deployment, ulong maxTaskSteps, ulong maxBatchSteps) => new(
        deployment.ChainId, deployment.StepVerifier, deployment.Inbox, deployment.Tournament, deployment.Rollup, deployment.Outbox,
        deployment.Block, maxTaskSteps, maxBatchSteps);

    public void Save(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Format) + "\n");

    internal static ContractsFile Load(string path)
    {
        byte[] bytes = NamedFile.Read(path, "contracts file");
        try
        {
            return JsonSerializer.Deserialize<ContractsFile>(bytes, Format)
                ?? throw new CommandException($"contracts file '{path}' is empty: it is written by the deployment.");
        }
        catch (JsonException error)
        {
            throw new CommandException($"contracts file '{path}' cannot be read: {error.Message}");
        }
    }
}
