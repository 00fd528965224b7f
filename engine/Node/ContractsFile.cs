using System.Numerics;
using System.Text.Json;
using Optimistic.Contracts;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Engine.Cli;
using Optimistic.Engine.Rpc;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Engine.Node;

/// <summary>
/// The contracts of one rollup, as a JSON file that the deployment writes and nodes read. Limits are those that the Inbox
/// was deployed with.
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

    /// <summary>The contracts behind the address of a Rollup.</summary>
    /// <param name="client">L1.</param>
    /// <param name="rollup">The Rollup.</param>
    /// <param name="outbox">The Outbox, or zero for none.</param>
    /// <param name="sequencer">The account of a sequencer.</param>
    /// <param name="cancel">Ends the waiting.</param>
    internal static async Task<ContractsFile> FindAsync(EthereumClient client, Address rollup, Address outbox, Address sequencer, CancellationToken cancel)
    {
        Deployment found = await Deployment.ReadAsync(client, rollup, outbox, cancel);
        ContractHandler inbox = new(client, found.Inbox);
        await NodeHost.RequireSequencerAsync(inbox, sequencer, cancel);
        Abi.InboxLimits limits = await inbox.QueryAsync(new Abi.Inbox.LimitsFunction(), cancel: cancel);
        return Of(found, limits.MaxTaskSteps, limits.MaxBatchSteps);
    }

    public void Save(string path) => File.WriteAllBytes(path, ToJson());

    /// <summary>The file's bytes.</summary>
    public byte[] ToJson() => [.. JsonSerializer.SerializeToUtf8Bytes(this, Format), (byte)'\n'];

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
