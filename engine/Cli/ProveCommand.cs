using System.Buffers.Binary;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;
using Spectre.Console;

namespace Optimistic.Engine.Cli;

/// <summary>Makes witnesses of steps and has them verified: by replay in C#, and by the Solidity StepVerifier.</summary>
internal static class ProveCommand
{
    /// <summary>Steps that are held in memory at once, for a choice of single steps.</summary>
    private const int MaxRandomSteps = 1_000_000;

    /// <summary>Steps whose witnesses are verified together.</summary>
    private const int BatchSteps = 64;

    public static Command Create()
    {
        GuestRun.Options guest = new();
        Option<StepChoice> steps = new("--steps")
        {
            Description = "Which steps: from A to B, both included (the first step is 0); K random ones; or all.",
            HelpName = "A..B|random:K|all",
            Required = true,
            CustomParser = result =>
            {
                if (StepChoice.TryParse(result.Tokens[0].Value, out StepChoice? choice))
                    return choice;
                result.AddError($"--steps needs A..B with A not above B, random:K with K from 1 to {MaxRandomSteps}, or all; not '{result.Tokens[0].Value}'.");
                return default!;
            },
        };
        Option<int> seed = new("--seed") { Description = "Seed of the random choice.", HelpName = "S", DefaultValueFactory = _ => 1 };
        Option<string?> verify = new("--verify")
        {
            Description = "evm: have the Solidity StepVerifier execute every step as well, on a development chain that is started for it, and measure its gas.",
            HelpName = "evm",
        };
        verify.AcceptOnlyFromAmong("evm");
        Option<bool> json = CommandLine.JsonOption();

        Command command = new("prove",
            """
            Make the witness of each chosen step, and verify it.

            Every witness is replayed from the machine root alone and must give the root after the step.
            Gas is that of a whole transaction to the verifier: 21,000, calldata with its floor
            (EIP-7623), execution. Exit code: 0 when all steps verify, 1 when one does not, 64 for bad
            usage or a file that cannot be loaded, 69 when there is no development chain.
            """);
        guest.AddTo(command);
        foreach (Option option in (ReadOnlySpan<Option>)[steps, seed, verify, json])
            command.Add(option);
        command.SetAction((parsed, cancel) => ProveAsync(
            guest.Load(parsed), parsed.GetRequiredValue(steps), parsed.GetValue(seed), parsed.GetValue(verify) == "evm", parsed.GetValue(json), cancel));
        return command;
    }

    private static async Task<int> ProveAsync(GuestRun guest, StepChoice choice, int seed, bool onEvm, bool json, CancellationToken cancel)
    {
        Tally tally = new();
        long start = Stopwatch.GetTimestamp();
        (IEnumerable<ulong> steps, ulong count) = choice.Choose(guest, seed);
        await using StepJudge? judge = onEvm ? await StepJudge.StartAsync(line => Console.Error.WriteLine(line), cancel) : null;
        if (json || Console.IsErrorRedirected)
        {
            await ProveAsync(guest, steps, judge, tally, _ => { }, cancel);
        }
        else
        {
            IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
            await console.Progress().AutoClear(true)
                .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
                .StartAsync(async progress =>
                {
                    ProgressTask bar = progress.AddTask($"proving {CommandLine.Number(count)} steps", maxValue: count);
                    await ProveAsync(guest, steps, judge, tally, done => bar.Value = done, cancel);
                });
        }

        Report(tally, Stopwatch.GetElapsedTime(start).TotalSeconds, choice.IsRandom ? seed : null, json);
        return tally.Failed == 0 ? ExitCode.Ok : ExitCode.Failed;
    }

    private static async Task ProveAsync(
        GuestRun guest, IEnumerable<ulong> steps, StepJudge? judge, Tally tally, Action<double> progress, CancellationToken cancel)
    {
        using Machine machine = guest.Start();
        Task judged = Task.CompletedTask;
        ulong at = 0;
        foreach (ulong[] chunk in steps.Chunk(BatchSteps))
        {
            List<ProvenStep> batch = [];
            foreach (ulong step in chunk)
            {
                cancel.ThrowIfCancellationRequested();
                at += Interpreter.Run(machine, step - at);
                if (at < step || !machine.IsRunning)
                    throw new CommandException($"the run ends before step {step}: {GuestCommands.NameOf(machine.Status)} after {at} steps.");

                Word before = machine.Root();
                byte[] witness = Step.Record(machine);
                at++;
                batch.Add(new ProvenStep(step, before, witness, machine.Root()));
            }

            // While the chain verifies one batch the next one is made.
            await judged;
            judged = VerifyAsync(batch, judge, tally, progress, cancel);
        }

        await judged;
    }

    private static async Task VerifyAsync(
        List<ProvenStep> batch, StepJudge? judge, Tally tally, Action<double> progress, CancellationToken cancel)
    {
        IReadOnlyList<StepVerdict>? verdicts = judge is null ? null : await judge.VerifyAsync(batch, cancel);
        for (int i = 0; i < batch.Count; i++)
        {
            string? why = Replay(batch[i]) ?? verdicts?[i].Failure;
            tally.Add(batch[i].Step, why, verdicts?[i].Gas);
        }

        progress(tally.Verified + tally.Failed);
    }

    private static string? Replay(ProvenStep step)
    {
        try
        {
            Word after = Step.Replay(step.Before, step.Witness);
            return after == step.After ? null : $"replay gives {after}, the machine has {step.After}.";
        }
        catch (WitnessException error)
        {
            return $"replay refuses the witness: {error.Message}";
        }
    }

    private static void Report(Tally tally, double seconds, int? seed, bool json)
    {
        double perSecond = (tally.Verified + tally.Failed) / Math.Max(seconds, 1e-9);
        if (json)
        {
            JsonObject result = new()
            {
                ["verified"] = tally.Verified,
                ["failed"] = tally.Failed,
                ["gasMin"] = tally.Gas(0),
                ["gasMedian"] = tally.Gas(0.5),
                ["gasMax"] = tally.Gas(1),
                ["seconds"] = Math.Round(seconds, 3),
                ["seed"] = seed,
            };
            if (tally.FirstFailure is { } failure)
                result["failure"] = new JsonObject { ["step"] = failure.Step, ["reason"] = failure.Why };
            CommandLine.Print(result);
            return;
        }

        Console.Out.WriteLine($"verified  {CommandLine.Number((ulong)tally.Verified)}");
        Console.Out.WriteLine($"failed    {CommandLine.Number((ulong)tally.Failed)}");
        if (tally.Gas(0) is { } min)
            Console.Out.WriteLine($"gas       {CommandLine.Number(min)} least, {CommandLine.Number(tally.Gas(0.5)!.Value)} median, {CommandLine.Number(tally.Gas(1)!.Value)} most");
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seconds   {seconds:0.0}  ({perSecond:0} steps a second)"));
        if (seed is not null)
            Console.Out.WriteLine($"seed      {seed}");
        if (tally.FirstFailure is { } first)
            Console.Error.WriteLine($"optimistic: step {first.Step} fails: {first.Why}");
    }

    private sealed class Tally
    {
        private readonly List<ulong> _gas = [];
        private bool _sorted;

        public int Verified { get; private set; }

        public int Failed { get; private set; }

        public (ulong Step, string Why)? FirstFailure { get; private set; }

        public void Add(ulong step, string? why, ulong? gas)
        {
            if (why is null)
                Verified++;
            else
                Failed++;
            if (why is not null)
                FirstFailure ??= (step, why);
            if (why is null && gas is { } used)
                _gas.Add(used);
        }

        /// <summary>Gas below which this share of the steps lies.</summary>
        public ulong? Gas(double share)
        {
            if (_gas.Count == 0)
                return null;

            if (!_sorted)
                _gas.Sort();
            _sorted = true;
            return _gas[(int)Math.Round(share * (_gas.Count - 1))];
        }
    }

    /// <summary>Which steps of a run are proven.</summary>
    private sealed record StepChoice(StepRange? Range, int RandomCount)
    {
        public bool IsRandom => RandomCount > 0;

        public static bool TryParse(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out StepChoice? choice)
        {
            const string Random = "random:";
            choice = null;
            if (text == "all")
                choice = new StepChoice(null, 0);
            else if (text.StartsWith(Random, StringComparison.Ordinal) && GuestRun.TryParseNumber(text.AsSpan(Random.Length), out ulong count) && count is > 0 and <= MaxRandomSteps)
                choice = new StepChoice(null, (int)count);
            else if (StepRange.TryParse(text, out StepRange range))
                choice = new StepChoice(range, 0);
            return choice is not null;
        }

        /// <summary>The steps in ascending order, and how many they are.</summary>
        public (IEnumerable<ulong> Steps, ulong Count) Choose(GuestRun guest, int seed)
        {
            if (Range is { } range)
                return (From(range.First, range.Last), range.Last - range.First + 1);

            ulong total;
            using (Machine machine = guest.Start())
                total = Interpreter.Run(machine, ulong.MaxValue);
            if (!IsRandom)
                return (From(0, total - 1), total);

            Random random = new(seed);
            SortedSet<ulong> chosen = [];
            while ((ulong)chosen.Count < Math.Min((ulong)RandomCount, total))
                chosen.Add((ulong)random.NextInt64((long)total));
            return (chosen, (ulong)chosen.Count);
        }

        private static IEnumerable<ulong> From(ulong first, ulong last)
        {
            for (ulong step = first; step <= last; step++)
                yield return step;
        }
    }
}

/// <summary>A step and its witness. Before and after are machine roots.</summary>
internal sealed record ProvenStep(ulong Step, Word Before, byte[] Witness, Word After);

/// <summary>What the chain says to a witness.</summary>
/// <param name="Failure">Null when it gives the root after the step.</param>
/// <param name="Gas">Of the whole transaction; null when it reverts.</param>
internal sealed record StepVerdict(string? Failure, ulong? Gas);

/// <summary>The Solidity StepVerifier on a development chain of its own.</summary>
internal sealed class StepJudge : IAsyncDisposable
{
    /// <summary>Where the measuring code is put.</summary>
    private static readonly Address MeterAddress = Address.Parse("0x00000000000000000000000000000000006d6574");

    /// <summary>An account whose code is STOP: calling it costs what the measurement itself costs.</summary>
    private static readonly Address IdleAddress = Address.Parse("0x0000000000000000000000000000000069646c65");

    private readonly ulong _overhead;

    private StepJudge(DevChain chain, Address verifier, ulong overhead) => (Chain, Verifier, _overhead) = (chain, verifier, overhead);

    public DevChain Chain { get; }

    public Address Verifier { get; }

    public static async Task<StepJudge> StartAsync(Action<string> report, CancellationToken cancel)
    {
        DevChain chain = await DevChain.StartAsync(new DevChainOptions { Report = report }, cancel);
        try
        {
            TransactionSender sender = new(chain.Client, DevChain.Accounts[0]);
            (Address verifier, _) = await sender.DeployAsync(new Contracts.Bindings.StepVerifier.Deployment(), cancel);
            await chain.SetCodeAsync(IdleAddress, new byte[] { 0x00 }, cancel);
            await chain.SetCodeAsync(MeterAddress, MeterOf(IdleAddress), cancel);
            // As long a calldata as any step's, or the memory that grows for the answer would be measured as well.
            byte[] idle = await chain.Client.CallAsync(new CallRequest(MeterAddress, new byte[128]), cancel: cancel);
            await chain.SetCodeAsync(MeterAddress, MeterOf(verifier), cancel);
            return new StepJudge(chain, verifier, GasOf(idle));
        }
        catch
        {
            await chain.DisposeAsync();
            throw;
        }
    }

    public async Task<IReadOnlyList<StepVerdict>> VerifyAsync(IReadOnlyList<ProvenStep> steps, CancellationToken cancel)
    {
        CallRequest[] calls = [.. steps.Select(step => new CallRequest(
            MeterAddress, new Contracts.Bindings.StepVerifier.StepFunction(step.Before, step.Witness).ToCallData()))];
        IReadOnlyList<CallOutcome> outcomes = await Chain.Client.CallBatchAsync(calls, cancel: cancel);
        StepVerdict[] verdicts = new StepVerdict[steps.Count];
        for (int i = 0; i < verdicts.Length; i++)
            verdicts[i] = await JudgeAsync(steps[i], calls[i], outcomes[i], cancel);
        return verdicts;
    }

    public ValueTask DisposeAsync() => Chain.DisposeAsync();

    private async Task<StepVerdict> JudgeAsync(ProvenStep step, CallRequest call, CallOutcome outcome, CancellationToken cancel)
    {
        if (outcome.Revert is { } broken)
            return new StepVerdict($"the measuring call fails: {broken.Message}", null);

        ReadOnlySpan<byte> words = outcome.Output;
        ulong execution = GasOf(words) - _overhead;
        Word after = new(words[32..64]);
        if (new Word(words[64..96]).IsZero)
            return new StepVerdict(await ReasonAsync(call, cancel), null);
        return after == step.After
            ? new StepVerdict(null, AllIn(call.Data.Span, execution))
            : new StepVerdict($"Solidity gives {after}, the machine has {step.After}.", null);
    }

    /// <summary>Asks the verifier itself, whose revert has the name of the error.</summary>
    private async Task<string> ReasonAsync(CallRequest call, CancellationToken cancel)
    {
        try
        {
            await Chain.Client.CallAsync(call with { To = Verifier }, cancel: cancel);
            return "Solidity reverts under the measuring call alone.";
        }
        catch (ContractRevertException revert)
        {
            return $"Solidity refuses the witness: {revert.Message}";
        }
    }

    private static ulong GasOf(ReadOnlySpan<byte> answer) => BinaryPrimitives.ReadUInt64BigEndian(answer[24..]);

    /// <summary>Gas of a transaction with this calldata: 21,000 and the calldata's price, or its floor (EIP-7623).</summary>
    private static ulong AllIn(ReadOnlySpan<byte> callData, ulong execution)
    {
        const ulong Base = 21_000, PerToken = 4, FloorPerToken = 10, TokensPerNonzeroByte = 4;
        ulong zeros = (ulong)callData.Count((byte)0);
        ulong tokens = zeros + TokensPerNonzeroByte * ((ulong)callData.Length - zeros);
        return Base + Math.Max(PerToken * tokens + execution, FloorPerToken * tokens);
    }

    /// <summary>
    /// Code that forwards its calldata to <paramref name="target"/> and answers three words: gas of the call, first word of
    /// what it returned, whether it succeeded. The target's account is touched before, as the target of a transaction is.
    /// </summary>
    private static byte[] MeterOf(Address target)
    {
        string address = Convert.ToHexStringLower(target.Bytes);
        return Convert.FromHexString(string.Concat(
            "365f5f37",             // calldatacopy(0, 0, calldatasize)
            $"73{address}3b50",     // pop(extcodesize(target))
            "5a",                   // gas before
            "60206020365f",         // return to 0x20, 32 bytes; arguments: calldatasize bytes from 0
            $"73{address}5afa",     // staticcall(gas, target, ...)
            "5a90604052",           // gas after; mstore(0x40, success)
            "90035f52",             // mstore(0, before - after)
            "60605ff3"));           // return(0, 0x60)
    }
}
