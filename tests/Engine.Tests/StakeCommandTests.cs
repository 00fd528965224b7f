using System.Numerics;
using Optimistic.Contracts.Bindings;
using Optimistic.Contracts.Ethereum;
using Optimistic.Engine.Node;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Engine.Tests;

/// <summary>The commands for stakes as processes, and a node whose claims stand behind one.</summary>
public sealed class StakeCommandTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stake_is_put_down_stands_behind_claims_and_is_taken_back()
    {
        await using NodeRig rig = await NodeRig.StartAsync();
        string[] at = ["--l1", rig.Chain.Url.ToString(), "--contracts", rig.ContractsPath, "--json"], key = ["--key", rig.KeyPath("sequencer")];
        string account = NodeRig.SequencerAccount.Address.ToString();
        BigInteger bond = await new ContractHandler(rig.Chain.Client, rig.Deployment.Tournament).QueryAsync(new Tournament.BondFunction(0), cancel: Cancel);

        await FailsAsync(64, "a stake is at least", ["stake", "deposit", "0.0001", .. key, .. at]);
        await FailsAsync(64, "is a number like", ["stake", "deposit", "much", .. key, .. at]);
        await FailsAsync(64, "is a number like", ["stake", "deposit", "-1", .. key, .. at]);
        await FailsAsync(1, "has no stake", ["stake", "withdraw", .. key, .. at]);
        ProcessResult deposited = await OptimisticProcess.RunAsync(["stake", "deposit", "1.5", .. key, .. at]);
        Assert.Equal((0, "1500000000000000000"), (deposited.ExitCode, (string?)deposited.Json["stake"]));
        Assert.Equal(bond.ToString(), (string?)deposited.Json["bond"]);
        Assert.Equal(0, (int)deposited.Json["busySeconds"]!);

        // The node's claims cost no bond; one of them is the latest behind the stake, so that is busy.
        NodeProcess node = await rig.StartNodeAsync();
        uint app = await node.DeployAsync("digest", AppPolicy.Stateless);
        await node.SubmitAsync(app, 1, [1]);
        SyncStatus status = await node.WaitForAsync<SyncStatus>(
            "opt_syncStatus", [], now => now.Tasks == 2 && now.ClaimedBatches == now.PostedBatches && now.WaitingTasks == 0);
        IReadOnlyList<LogEntry> logs = await rig.Chain.Client.GetLogsAsync(new LogFilter([rig.Deployment.Rollup]), 0, await rig.Chain.Client.GetBlockNumberAsync(Cancel), Cancel);
        Rollup.ClaimedEvent[] claims = [.. logs.Where(log => log.Is<Rollup.ClaimedEvent>()).Select(log => log.Decode<Rollup.ClaimedEvent>())];
        Assert.Equal(status.ClaimedBatches, (ulong)claims.Length);
        Assert.All(claims, claim => Assert.Equal(Backing.Stake, claim.Backing));
        Assert.Equal(0, (await node.StopAsync()).ExitCode);
        await FailsAsync(1, "stands behind the stake for another", ["stake", "withdraw", .. key, .. at]);
        ProcessResult shown = await OptimisticProcess.RunAsync(["stake", "show", account, .. at]);
        Assert.InRange((int)shown.Json["busySeconds"]!, 1, 781);

        await rig.Chain.IncreaseTimeAsync(2000, Cancel);
        BigInteger before = await rig.Chain.Client.GetBalanceAsync(NodeRig.SequencerAccount.Address, cancel: Cancel);
        ProcessResult withdrawn = await OptimisticProcess.RunAsync(["stake", "withdraw", .. key, .. at]);
        Assert.Equal((0, "0", "0"), (withdrawn.ExitCode, (string?)withdrawn.Json["stake"], (string?)withdrawn.Json["credit"]));
        BigInteger gained = await rig.Chain.Client.GetBalanceAsync(NodeRig.SequencerAccount.Address, cancel: Cancel) - before;
        Assert.InRange(gained, 149 * BigInteger.Pow(10, 16), 15 * BigInteger.Pow(10, 17));

        ProcessResult table = await OptimisticProcess.RunAsync(["stake", "show", account, .. at.SkipLast(1)]);
        Assert.Contains("0 ether", table.Output, StringComparison.Ordinal);
        await FailsAsync(64, "ACCOUNT", ["stake", "show", "0x12", .. at]);
    }

    private static async Task FailsAsync(int code, string message, string[] arguments)
    {
        ProcessResult result = await OptimisticProcess.RunAsync(arguments);
        Assert.Equal(code, result.ExitCode);
        Assert.Contains(message, result.Errors, StringComparison.Ordinal);
    }
}
