using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using Optimistic.Contracts.Bindings;
using Optimistic.Contracts.Ethereum;
using Optimistic.Engine.Node;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Engine.Tests;

/// <summary>A real node process on a real chain: tasks, batches, claims, settlement, proofs.</summary>
public sealed class NodeTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_task_goes_from_JSON_RPC_to_an_output_that_the_Outbox_accepts()
    {
        await using NodeRig rig = await NodeRig.StartAsync();
        NodeProcess node = await rig.StartNodeAsync();
        uint app = await node.DeployAsync("digest", AppPolicy.Stateless);
        Assert.Equal(0u, app);

        byte[] input = Encoding.UTF8.GetBytes("a task");
        Acceptance accepted = await node.SubmitAsync(app, 7, input);
        Assert.Equal(accepted, await node.SubmitAsync(app, 7, input)); // the same task again is the same task
        TaskReceipt receipt = await node.WaitForAsync<TaskReceipt>("opt_getTaskReceipt", [accepted.TaskHash], receipt => receipt.Stage >= TaskStage.Posted);
        Assert.Equal((MachineStatus.Halted, 0u, 64UL, 1UL), (receipt.Status, receipt.ExitCode, receipt.OutputLength, receipt.Number));
        Assert.Equal(NodeRig.User.Address, receipt.From);

        OutputInfo output = await node.CallAsync<OutputInfo>("opt_getOutput", accepted.TaskHash);
        Assert.Equal(SHA256.HashData(input), output.Data.Bytes[..32].ToArray());
        OutputInfo part = await node.CallAsync<OutputInfo>("opt_getOutput", accepted.TaskHash, 30UL, 4u);
        Assert.Equal(output.Data.Bytes.Slice(30, 4).ToArray(), part.Data.Bytes.ToArray());

        // Claims are posted by themselves, and confirmed when their window has passed.
        await node.WaitForAsync<ClaimInfo>("opt_getClaim", [receipt.Batch], claim => claim.Status == "pending");
        for (ulong batch = 0; batch <= receipt.Batch; batch++)
        {
            await rig.Chain.IncreaseTimeAsync(1000, Cancel);
            await node.WaitForAsync<ClaimInfo>("opt_getClaim", [batch], claim => claim.Status == "confirmed");
        }

        output = await node.WaitForAsync<OutputInfo>("opt_getOutput", [accepted.TaskHash], output => output.IsSettled);
        OutputProofInfo proof = output.Proof!;
        OutputProof forOutbox = new(
            new ClaimRef(proof.Claimed.Tournament, proof.Claimed.StateRoot, proof.Claimed.TraceRoot), proof.AppsRoot, proof.OutputsRoot, proof.Counters,
            proof.TaskNumber, proof.TaskHash, proof.OutputRoot, proof.ResultWord, proof.Proof.Bytes.ToArray());
        TaskResult result = await new ContractHandler(rig.Chain.Client, rig.Deployment.Outbox)
            .QueryAsync(new Outbox.VerifyOutputBytesFunction(forOutbox, output.Data.Bytes.ToArray()), cancel: Cancel);
        Assert.Equal((app, 64UL, receipt.StepsUsed), (result.App, result.OutputLength, result.StepsUsed));

        StateRootInfo settled = await node.CallAsync<StateRootInfo>("opt_getStateRoot", StateTag.Settled);
        Assert.Equal(receipt.Batch, settled.Batch);
        Assert.Equal((await node.CallAsync<StateRootInfo>("opt_getStateRoot", StateTag.Latest)).StateRoot, settled.StateRoot);

        (int code, string log) = await node.StopAsync();
        Assert.Equal(0, code);
        Assert.DoesNotContain("Exception", log, StringComparison.Ordinal);
    }
}
