using System.Globalization;
using Optimistic.Contracts.Bindings;
using Optimistic.Contracts.Ethereum;
using Optimistic.Engine.Cli;
using Optimistic.Vm;

namespace Optimistic.Engine.Tests;

/// <summary>prove, through the real executable and on a real EVM.</summary>
public sealed class ProveTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("digest", "54686520717569636b2062726f776e20666f78")]
    [InlineData("perft", "72336b32722f70317070717062312f626e32706e70312f33504e332f31703250332f324e325131702f50505042425050502f52334b32522077204b516b71202d3b32")]
    [InlineData("ledger", "01000102030405060708090a0b0c0d0e0f10111213e803000000000000")]
    public async Task A_thousand_random_steps_of_each_sample_are_verified_by_Solidity(string guest, string inputHex)
    {
        byte[] input = Convert.FromHexString(inputHex);
        string seed = Random.Shared.Next().ToString(CultureInfo.InvariantCulture);
        ProcessResult result = await OptimisticProcess.RunAsync(
            input, ["prove", Repository.Guest(guest), "--input", "-", "--steps", "random:1000", "--seed", seed, "--verify", "evm", "--json"]);
        Assert.Equal((0, "", seed), (result.ExitCode, result.Errors, seed));
        Assert.Equal((1000, 0, seed), ((int)result.Json["verified"]!, (int)result.Json["failed"]!, seed));
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
            broken[MachineHead.Length - 1] ^= 1;
            StepVerdict refused = (await judge.VerifyAsync([step with { Witness = broken }], Cancel))[0];
            Assert.Contains("OpeningMismatch", refused.Failure, StringComparison.Ordinal);
            StepVerdict other = (await judge.VerifyAsync([step with { After = before }], Cancel))[0];
            Assert.Contains("Solidity gives", other.Failure, StringComparison.Ordinal);
        }
    }
}
