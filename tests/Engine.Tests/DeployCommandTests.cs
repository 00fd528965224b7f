using System.Numerics;
using Optimistic.Contracts;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Engine.Node;
using Optimistic.Vm;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Engine.Tests;

/// <summary>The command that deploys, as a process on a chain of its own.</summary>
public sealed class DeployCommandTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Contracts_are_deployed_as_named_and_a_node_runs_on_them()
    {
        string folder = Directory.CreateTempSubdirectory("optimistic-deploy-").FullName;
        await using DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        try
        {
            string file = Path.Combine(folder, "contracts.json");
            string deployerKey = await WriteKeyAsync(folder, 0), sequencerKey = await WriteKeyAsync(folder, 1);
            Address sequencer = DevChain.Accounts[1].Address, treasury = DevChain.Accounts[2].Address, governor = DevChain.Accounts[3].Address, guardian = DevChain.Accounts[4].Address;
            string[] arguments =
            [
                "deploy", "--l1", chain.Url.ToString(), "--key", deployerKey, "--contracts", file, "--sequencer", sequencer.ToString(), "--treasury", treasury.ToString(),
                "--governor", governor.ToString(), "--guardian", guardian.ToString(), "--pause-seconds", "1000", "--censorship-seconds", "5000", "--stake", "2.5",
                "--price-ceiling", "100.5", "--max-task-steps", "1000000", "--json",
            ];
            ProcessResult refused = await OptimisticProcess.RunAsync([.. arguments, "--inner-stake", "0.001"]);
            Assert.Equal(69, refused.ExitCode);
            Assert.Contains("StakeTooSmall", refused.Errors, StringComparison.Ordinal);
            Assert.False(File.Exists(file));

            ProcessResult deployed = await OptimisticProcess.RunAsync(arguments);
            Assert.Equal((0, ""), (deployed.ExitCode, deployed.ExitCode == 0 ? "" : deployed.Errors));
            Address rollup = Address.Parse((string)deployed.Json["contracts"]!["rollup"]!);
            Assert.Equal(5, deployed.Json["gas"]!.AsObject().Count);
            ContractsFile contracts = ContractsFile.Load(file);
            Deployment read = await Deployment.ReadAsync(chain.Client, rollup, contracts.Outbox, Cancel);
            Assert.Equal((read.Rollup, read.Inbox, read.Tournament, 1_000_000UL), (contracts.Rollup, contracts.Inbox, contracts.Tournament, contracts.MaxTaskSteps));

            Rules rules = await Rules.ReadAsync(chain.Client, contracts.Tournament, Cancel);
            Assert.Equal(
                new DisputeParameters(5000, 600, 3600, 3600, 2_500_000_000_000_000_000, 500_000_000_000_000_000, 100_500_000_000) { PauseBudgetSeconds = 1000 }, rules.Parameters);
            ContractHandler tournament = new(chain.Client, contracts.Tournament), contract = new(chain.Client, rollup), inbox = new(chain.Client, contracts.Inbox);
            Assert.Equal(governor, await contract.QueryAsync(new Abi.Rollup.GovernorFunction(), cancel: Cancel));
            Assert.Equal(guardian, await tournament.QueryAsync(new Abi.Tournament.GuardianFunction(), cancel: Cancel));
            Assert.Equal(treasury, await tournament.QueryAsync(new Abi.Tournament.TreasuryFunction(), cancel: Cancel));
            Assert.True(await inbox.QueryAsync(new Abi.Inbox.IsSequencerFunction(sequencer), cancel: Cancel));
            Assert.False(await inbox.QueryAsync(new Abi.Inbox.IsSequencerFunction(DevChain.Accounts[0].Address), cancel: Cancel));

            await using NodeProcess node = await NodeProcess.StartAsync(
                ["node", "--l1", chain.Url.ToString(), "--contracts", file, "--key", sequencerKey, "--data", Path.Combine(folder, "node"), "--rpc", "http://127.0.0.1:0"]);
            await node.WaitForAsync<SyncStatus>("opt_syncStatus", [], status => status.IsSynced);

            // What is there is not written over, and nothing is sent.
            BigInteger before = await chain.Client.GetBalanceAsync(DevChain.Accounts[0].Address, cancel: Cancel);
            ProcessResult again = await OptimisticProcess.RunAsync(arguments);
            Assert.Equal(64, again.ExitCode);
            Assert.Contains("already", again.Errors, StringComparison.Ordinal);
            Assert.Equal(before, await chain.Client.GetBalanceAsync(DevChain.Accounts[0].Address, cancel: Cancel));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task What_is_not_named_is_the_deployers_or_nobodys()
    {
        string folder = Directory.CreateTempSubdirectory("optimistic-deploy-").FullName;
        await using DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        try
        {
            string file = Path.Combine(folder, "contracts.json");
            ProcessResult deployed = await OptimisticProcess.RunAsync(
                "deploy", "--l1", chain.Url.ToString(), "--key", await WriteKeyAsync(folder, 5), "--contracts", file);
            Assert.Equal((0, ""), (deployed.ExitCode, deployed.ExitCode == 0 ? "" : deployed.Errors));
            ContractsFile contracts = ContractsFile.Load(file);
            Assert.Contains(contracts.Rollup.ToString(), deployed.Output, StringComparison.Ordinal);
            ContractHandler tournament = new(chain.Client, contracts.Tournament);
            Assert.Equal(Address.Zero, await new ContractHandler(chain.Client, contracts.Rollup).QueryAsync(new Abi.Rollup.GovernorFunction(), cancel: Cancel));
            Assert.Equal(Address.Zero, await tournament.QueryAsync(new Abi.Tournament.GuardianFunction(), cancel: Cancel));
            Assert.Equal(DevChain.Accounts[5].Address, await tournament.QueryAsync(new Abi.Tournament.TreasuryFunction(), cancel: Cancel));
            Assert.True(await new ContractHandler(chain.Client, contracts.Inbox).QueryAsync(new Abi.Inbox.IsSequencerFunction(DevChain.Accounts[5].Address), cancel: Cancel));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<string> WriteKeyAsync(string folder, int account)
    {
        string path = Path.Combine(folder, $"account-{account}.key");
        await File.WriteAllTextAsync(path, DevChain.PrivateKey(account).ToString(), Cancel);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }
}
