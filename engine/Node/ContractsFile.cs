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
    /// <summary>Tasks of the longest kind in a batch: more are not asked for.</summary>
    private const ulong MaxProbedTasks = 1024;

    private static readonly JsonSerializerOptions Format = new(RpcJson.Options) { WriteIndented = true };

    public static ContractsFile Of(Deployment deployment, ulong maxTaskSteps, ulong maxBatchSteps) => new(
        deployment.ChainId, deployment.StepVerifier, deployment.Inbox, deployment.Tournament, deployment.Rollup, deployment.Outbox,
        deployment.Block, maxTaskSteps, maxBatchSteps);

    /// <summary>
    /// The contracts behind the address of a Rollup. The step limits are found by asking the Inbox what it would take.
    /// </summary>
    /// <param name="client">L1.</param>
    /// <param name="rollup">The Rollup.</param>
    /// <param name="outbox">The Outbox, or zero for none.</param>
    /// <param name="sequencer">A sequencer's account with some ether, as the caller.</param>
    /// <param name="cancel">Ends the waiting.</param>
    internal static async Task<ContractsFile> FindAsync(EthereumClient client, Address rollup, Address outbox, Address sequencer, CancellationToken cancel)
    {
        Deployment found = await Deployment.ReadAsync(client, rollup, outbox, cancel);
        ContractHandler inbox = new(client, found.Inbox);
        await NodeHost.RequireSequencerAsync(inbox, sequencer, cancel);
        ulong taskSteps = await LargestAsync(RollupTask.MaxStepLimit, Abi.Inbox.StepLimitOutOfRangeError.Definition, async limit =>
        {
            BigInteger fee = await inbox.QueryAsync(new Abi.Inbox.DirectFeeFunction(limit), cancel: cancel);
            await client.CallAsync(new CallRequest(found.Inbox, new Abi.Inbox.SubmitRunFunction(0, 0, limit, []).ToCallData(), sequencer, fee), cancel: cancel);
        });
        BlockHeader head = await client.GetBlockAsync(BlockParameter.Latest, cancel) ?? throw new RpcMalformedException("L1 answered no latest block.");
        EncodedTask longest = EncodedTask.Run(27, 0, 0, taskSteps, default, default, default);
        ulong tasks = await LargestAsync(MaxProbedTasks, Abi.Inbox.TooManyStepsError.Definition, count =>
        {
            byte[] calldata = BatchCodec.Encode(Enumerable.Repeat(longest, (int)count));
            return client.CallAsync(new CallRequest(found.Inbox, new Abi.Inbox.AppendFunction(head.Timestamp, head.Number, 0, calldata).ToCallData(), sequencer), cancel: cancel);
        });
        return Of(found, taskSteps, tasks * taskSteps);
    }

    /// <summary>The largest value from 1 on that a call takes without this error.</summary>
    private static async Task<ulong> LargestAsync(ulong most, AbiError tooLarge, Func<ulong, Task> call)
    {
        ulong low = 1, high = most;
        while (low < high)
        {
            ulong middle = low + (high - low + 1) / 2;
            try
            {
                await call(middle);
                low = middle;
            }
            catch (ContractRevertException error) when (error.Is(tooLarge))
            {
                high = middle - 1;
            }
        }

        return low;
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
