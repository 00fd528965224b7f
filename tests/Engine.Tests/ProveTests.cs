using Optimistic.Contracts.Bindings;
using Optimistic.Contracts.Ethereum;
using Optimistic.Engine.Cli;
using Optimistic.Vm;

namespace Optimistic.Engine.Tests;

/// <summary>prove, through the real executable and on a real EVM.</summary>
public sealed class ProveTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Steps_of_a_sample_are_verified_by_Solidity()
    {
        ProcessResult result = await OptimisticProcess.RunAsync("prove", Repository.Guest("digest"), "--steps", "random:50", "--seed", "7", "--verify", "evm", "--json");
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Equal((50, 0), ((int)result.Json["verified"]!, (int)result.Json["failed"]!));
        Assert.InRange((ulong)result.Json["gasMedian"]!, (ulong)result.Json["gasMin"]!, (ulong)result.Json["gasMax"]!);
        Assert.Null(result.Json["failure"]);
    }

    [Fact]
    public async Task All_steps_and_ranges_are_counted_with_both_ends()
    {
        string program = Path.GetTempFileName();
        await File.WriteAllBytesAsync(program, TinyElf.Of(TinyElf.Exit(0)), Cancel);
        Assert.Equal(4, (int)(await OptimisticProcess.RunAsync("prove", program, "--steps", "all", "--json")).Json["verified"]!);
        Assert.Equal(2, (int)(await OptimisticProcess.RunAsync("prove", program, "--steps", "1..2", "--json")).Json["verified"]!);
        Assert.Equal(1, (int)(await OptimisticProcess.RunAsync("prove", program, "--steps", "3", "--json")).Json["verified"]!);
        File.Delete(program);
    }

    [Fact]
    public async Task Measured_gas_is_that_of_a_real_transaction_and_wrong_witnesses_are_named()
    {
        await using StepJudge judge = await StepJudge.StartAsync(_ => { }, Cancel);
        GuestProgram program = ElfLoader.Load(await File.ReadAllBytesAsync(Repository.Guest("digest"), Cancel));
        using Machine machine = new();
        MachineHead head = default;
        head.Control.Pc = program.Entry;
        head.Control.StepsLeft = 1_000_000;
        head.X[2] = Machine.InitialStackPointer;
        machine.Load(program.Image, head);
        for (int i = 0; i < 5; i++)
        {
            Interpreter.Run(machine, 997);
            Word before = machine.Root();
            byte[] witness = Step.Record(machine);
            ProvenStep step = new((ulong)i, before, witness, machine.Root());
            StepVerdict verdict = (await judge.VerifyAsync([step], Cancel))[0];
            Assert.Null(verdict.Failure);
            TransactionReceipt receipt = await new TransactionSender(judge.Chain.Client, DevChain.Accounts[1])
                .SendAsync(judge.Verifier, new StepVerifier.StepFunction(before, witness), cancel: Cancel);
            Assert.Equal(receipt.GasUsed, verdict.Gas);

            byte[] broken = [.. witness];
            broken[^1] ^= 1;
            StepVerdict refused = (await judge.VerifyAsync([step with { Witness = broken }], Cancel))[0];
            Assert.Contains("RootMismatch", refused.Failure, StringComparison.Ordinal);
            StepVerdict other = (await judge.VerifyAsync([step with { After = before }], Cancel))[0];
            Assert.Contains("Solidity gives", other.Failure, StringComparison.Ordinal);
        }
    }
}
