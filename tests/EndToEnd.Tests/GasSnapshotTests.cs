using System.Numerics;
using System.Text.Json;
using Optimistic.Challenger;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Simulator;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Xunit.Sdk;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.EndToEnd.Tests;

/// <summary>
/// What each transaction costs, all in: the gas of its receipt, with intrinsic cost and the floor of its calldata (EIP-7623).
/// Committed in contracts/snapshots/gas.json; <see cref="WriteVariable"/> writes it again. Where a key has several costs it is the worst
/// of them, but for <c>proveInstructionMedian</c>. Keys that end in Worst are of <see cref="DearestMoves"/>, but for the steps of guests,
/// <c>proveInstructionWorst</c>.
/// </summary>
public sealed class GasSnapshotTests(World world, ITestOutputHelper output) : IClassFixture<World>
{
    /// <summary>Set to 1 to write the file instead of comparing with it.</summary>
    public const string WriteVariable = "OPTIMISTIC_UPDATE_SNAPSHOTS";

    private const int StepsOfEachGuest = 33;

    private const int StepSeed = 20_260_101;

    /// <summary>The guests are built anew more often than the contracts change, and other steps of them are then drawn.</summary>
    private const ulong StepTolerancePercent = 5;

    /// <summary>
    /// A zero byte of calldata is cheaper than another, and roots, addresses and amounts have others with every change of anything: some
    /// bytes more or less are no change of what a call costs.
    /// </summary>
    private const ulong ZeroByteTolerance = 200;

    /// <summary>How much more than was measured each gas constant has to be, so that a small change of gas is paid for.</summary>
    private const ulong MarginPercent = 3;

    /// <summary>What the project promises.</summary>
    private static readonly Dictionary<string, ulong> Limits = new()
    {
        ["proveInstructionMedian"] = 110_000,
        ["advance"] = 70_000,
        ["joinLevel0"] = 150_000,
        ["joinLevel0Staked"] = 150_000,
        ["joinInner"] = 150_000,
        ["settle"] = 120_000,
        ["confirm"] = 120_000,
        ["confirmOnlyClaim"] = 120_000,
        ["claimUnchallenged"] = 250_000,
        ["claimUnchallengedStaked"] = 250_000,
        ["disputeBothSides"] = 6_000_000,
        ["disputeHonestSide"] = 3_000_000,
        ["batchPerTask100"] = 10_000,
    };

    /// <summary>
    /// The gas constants of Tournament (spec 4.6.2, 4.6.7), which money is computed from, and the keys that they are no less than:
    /// <see cref="DearestMoves"/>, where a game can be dearer than those that are played here.
    /// </summary>
    private static readonly (string Key, FunctionMessage<BigInteger> Constant)[] Constants =
    [
        ("advanceWorst", new Abi.Tournament.ADVANCEGASFunction()),
        ("sealWorst", new Abi.Tournament.SEALGASFunction()),
        ("proveTransitionWorst", new Abi.Tournament.PROVEGASFunction()),
        ("proveStepWorst", new Abi.Tournament.PROVEGASFunction()),
        ("timeoutWorst", new Abi.Tournament.TIMEOUTGASFunction()),
        ("eliminateWorst", new Abi.Tournament.ELIMINATEGASFunction()),
        ("resolveInnerWorst", new Abi.Tournament.RESOLVEGASFunction()),
        ("settleWorst", new Abi.Tournament.SETTLEGASFunction()),
        ("joinLevel0Worst", new Abi.Tournament.JOINGASFunction()),
        ("joinInnerWorst", new Abi.Tournament.JOININNERGASFunction()),
        ("confirm", new Abi.Tournament.CONFIRMGASFunction()),
        ("confirmOnlyClaim", new Abi.Tournament.CONFIRMGASFunction()),
        ("withdraw", new Abi.Tournament.WITHDRAWGASFunction()),
        ("copiedMatch", new Abi.Tournament.COPIEDGASFunction()),
    ];

    private static string SnapshotPath => Path.Combine(NodePackages.FindContracts(), "snapshots", "gas.json");

    [Fact]
    public async Task GasIsWhatTheSnapshotSays()
    {
        var gas = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        world.Copier = DevChain.Accounts[7];
        await MeasureDisputeAsync(gas);
        await MeasureWholeDisputeAsync(gas);
        await MeasureEndAsync(gas);
        await MeasureTransitionsAsync(gas);
        await new DearestMoves(world, output, StepSeed).MeasureAsync(gas);
        await MeasureInboxAsync(gas);
        gas["copiedMatch"] = CopiedMatch();
        foreach ((string key, ulong value) in gas)
        {
            output.WriteLine($"{key} {value}");
            if (gas.TryGetValue($"{key}Worst", out ulong worst))
                Assert.True(value <= worst, $"{key} costs {value} gas in a game, more than the {worst} of the dearest.");
        }


        foreach ((string key, ulong limit) in Limits)
            Assert.True(gas[key] <= limit, $"{key} costs {gas[key]} gas, the limit is {limit}.");
        var tournament = new ContractHandler(world.Client, world.Contracts.Tournaments);
        foreach ((string key, FunctionMessage<BigInteger> constant) in Constants)
        {
            BigInteger units = await tournament.QueryAsync(constant, cancel: TestContext.Current.CancellationToken);
            Assert.True(gas[key] * (100 + MarginPercent) <= 100 * units, $"{key} costs {gas[key]} gas, and the contract reckons with {units}: that leaves less than {MarginPercent} %.");
        }

        string json = JsonSerializer.Serialize(gas, new JsonSerializerOptions { WriteIndented = true }) + "\n";
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(SnapshotPath)!);
            await File.WriteAllTextAsync(SnapshotPath, json, TestContext.Current.CancellationToken);
            return;
        }

        Assert.True(File.Exists(SnapshotPath), $"{SnapshotPath} is missing: run this test with {WriteVariable}=1.");
        var committed = JsonSerializer.Deserialize<Dictionary<string, ulong>>(
            await File.ReadAllTextAsync(SnapshotPath, TestContext.Current.CancellationToken))!;
        bool isSame = committed.Count == gas.Count && gas.All(entry => committed.TryGetValue(entry.Key, out ulong before) && IsSame(entry.Key, before, entry.Value));
        Assert.True(isSame, $"The gas has changed; look at it, then run with {WriteVariable}=1:\n{json}");
    }

    private static bool IsSame(string key, ulong committed, ulong measured)
    {
        ulong tolerance = key.StartsWith("proveInstruction", StringComparison.Ordinal) ? committed * StepTolerancePercent / 100 : ZeroByteTolerance;
        return Math.Max(committed, measured) - Math.Min(committed, measured) <= tolerance;
    }

    /// <summary>A whole match of both levels, the joins of three claims, and the proofs of instructions at its end.</summary>
    private async Task MeasureDisputeAsync(SortedDictionary<string, ulong> gas)
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddLiar(Lies.MemoryWord);
        Honest honest = dispute.AddHonest();
        dispute.AddLiar(Lies.ByName["wrong output"], "later", awakeAfterSeconds: 30);
        await dispute.PlayAsync(() => dispute.State.Matches.Values.Any(
            match => match is { Phase: MatchPhase.AtLeaf } && dispute.State.Arenas[match.Tournament].Level == 1));
        await MeasureProofsAsync(gas, dispute, honest);
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();

        gas["claim"] = Of("claim").Single();
        ulong[] challenges = [.. Of("challenge")];
        Assert.Equal(2, challenges.Length);
        gas["joinLevel0Opening"] = challenges[0];
        gas["joinLevel0Later"] = challenges[1];
        gas["joinLevel0"] = challenges.Max();
        ulong[] advances = [.. world.Spent.Where(spent => spent.Name.StartsWith("advance", StringComparison.Ordinal)).Select(spent => spent.Gas)];
        Assert.True(advances.Length >= 24, $"A match of both levels has 24 advances, not {advances.Length}.");
        gas["advance"] = advances.Max();
        gas["sealInner"] = Of("seal to an inner tournament").Max();
        gas["sealLeaf"] = Of("seal to a proof").Max();
        gas["seal"] = Math.Max(gas["sealInner"], gas["sealLeaf"]);
        gas["joinInner"] = Of("join-inner").Max();
        gas["resolveInner"] = Of("resolve-inner").Max();
        gas["settle"] = Of("settle").Single();
        gas["confirm"] = Of("confirm").Single();
        var sender = new TransactionSender(world.Client, DevChain.Accounts[2]);
        Assert.Equal(honest.Address, sender.Address);
        gas["withdraw"] = (await world.SendAsync(
            sender, "withdraw", world.Contracts.Tournaments, new Abi.Tournament.WithdrawFunction(sender.Address))).GasUsed;
    }

    /// <summary>
    /// A whole dispute between two, at full height: 12 rounds, 14 rounds and the proof, from the first claim to the confirmation. The lie
    /// stands behind a stake, which the challenge takes.
    /// </summary>
    private async Task MeasureWholeDisputeAsync(SortedDictionary<string, ulong> gas)
    {
        await using Dispute dispute = await Dispute.BeginAsync(world);
        Liar liar = dispute.AddLiar(Lies.MemoryWord);
        Honest honest = dispute.AddHonest();
        await StakeAsync(gas, DevChain.Accounts[1]);
        liar.Staked = dispute.State.InForce!.BondBatch;
        await dispute.Game.FollowAsync();
        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();
        Assert.Equal(dispute.State.InForce!.BondChunk, liar.Paid);
        Assert.Single(Of("prove-step"));
        Assert.Equal(24, world.Spent.Count(spent => spent.Name.StartsWith("advance", StringComparison.Ordinal)));
        gas["joinLevel0Staked"] = Of("challenge").Single();
        gas["disputeHonestSide"] = honest.Gas;
        gas["disputeBothSides"] = honest.Gas + liar.Gas;
    }

    private async Task StakeAsync(SortedDictionary<string, ulong> gas, Account account)
    {
        BigInteger bond = await new ContractHandler(world.Client, world.Contracts.Tournaments).QueryAsync(new Abi.Tournament.BondFunction(0));
        gas["stake"] = (await world.SendAsync(
            new TransactionSender(world.Client, account), "stake", world.Contracts.Rollup, new Abi.Rollup.StakeFunction(), bond)).GasUsed;
    }

    /// <summary>
    /// Real calls of proveStep, each at the end of the real match, whose one slot is set to what it would hold if the players had sealed
    /// that step of that guest. All else is as the match left it, so that each receipt has the whole cost.
    /// </summary>
    private async Task MeasureProofsAsync(SortedDictionary<string, ulong> gas, Dispute dispute, Honest prover)
    {
        Match match = dispute.State.Matches.Values.Single(match => match is { Phase: MatchPhase.AtLeaf } && dispute.State.Arenas[match.Tournament].Level == 1);
        Word slot = await FindMatchSlotAsync(match);
        var all = new List<ulong>();
        foreach ((string name, byte[] input) in Samples())
        {
            var own = new List<ulong>();
            foreach ((Word before, Word after, byte[] witness) in RandomSteps(Guests.Sample(name), input))
            {
                string snapshot = await world.Chain.SnapshotAsync();
                bool one = own.Count % 2 == 0;
                Word other = Keccak.Hash(after.Bytes);
                Leaf leaf = match.Leaf! with { Agreed = before, LeafOne = one ? after : other, LeafTwo = one ? other : after };
                await world.Client.Rpc.CallAsync(
                    "anvil_setStorageAt", [world.Contracts.Tournaments.ToString(), slot.ToString(), HashOf(leaf).ToString()]);
                var sender = new TransactionSender(world.Client, DevChain.Accounts[2]);
                Assert.Equal(prover.Address, sender.Address);
                var proof = new Abi.Tournament.ProveStepFunction(
                    EventReader.ToAbi(match.Ref), EventReader.ToAbi(MatchPhase.AtLeaf, leaf), witness, EventReader.ToAbi(default, Word.Zero));
                own.Add((await sender.SendAsync(world.Contracts.Tournaments, proof)).GasUsed);
                await world.CopyAsync("prove-step", world.Contracts.Tournaments, proof, 0);
                await world.Chain.RevertAsync(snapshot);
            }

            own.Sort();
            output.WriteLine($"{name}: {own.Count} steps, {own[0]} to {own[^1]}, median {own[own.Count / 2]}");
            all.AddRange(own);
        }

        all.Sort();
        gas["proveInstructionMedian"] = all[all.Count / 2];
        gas["proveInstructionWorst"] = all[^1];
    }

    private async Task<Word> FindMatchSlotAsync(Match match)
    {
        Word hash = await new ContractHandler(world.Client, world.Contracts.Tournaments).QueryAsync(new Abi.Tournament.MatchHashFunction(match.Id));
        Assert.Equal(hash, HashOf(match.Leaf!));
        for (ulong index = 0; index < 16; index++)
        {
            byte[] key = [.. match.Id.Bytes, .. Word.FromUInt64(index).Bytes];
            Word slot = Keccak.Hash(key);
            if (await world.Client.GetStorageAsync(world.Contracts.Tournaments, slot) == hash)
                return slot;
        }

        throw new XunitException("The slot of the match is not where a mapping has it.");
    }

    /// <summary>What the slot of the sealed match holds (spec 4.3).</summary>
    private static Word HashOf(Leaf leaf)
    {
        byte[] progress = new byte[Word.Length];
        byte[] bytes = Progress.Of(MatchPhase.AtLeaf, leaf).ToByteArray(isUnsigned: true, isBigEndian: true);
        bytes.CopyTo(progress.AsSpan(Word.Length - bytes.Length));
        return Keccak.Quad(leaf.Agreed, leaf.LeafOne, leaf.LeafTwo, new Word(progress));
    }

    private static IEnumerable<(string Name, byte[] Input)> Samples()
    {
        byte[] data = new byte[500];
        new Random(StepSeed).NextBytes(data);
        yield return ("digest", data);
        yield return ("perft", "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1;2"u8.ToArray());
        yield return ("ledger", [1, .. Enumerable.Range(1, 20).Select(i => (byte)i), 100, 0, 0, 0, 0, 0, 0, 0]);
    }

    private static IEnumerable<(Word Before, Word After, byte[] Witness)> RandomSteps(GuestProgram program, byte[] input)
    {
        using var machine = new Machine();
        MachineHead head = default;
        head.Control.Pc = program.Entry;
        head.Control.StepsLeft = 1UL << 39;
        head.X[2] = Machine.InitialStackPointer;
        head.X[10] = (ulong)input.Length;
        head.X[14] = 0x1234;
        head.X[17] = 1;
        MemoryImage image = program.Image.Write(Machine.InputAddress, input);
        machine.Load(image, head);
        ulong length = Interpreter.Run(machine, 1UL << 30);
        Assert.Equal(MachineStatus.Halted, machine.Status);

        var random = new Random(StepSeed);
        ulong[] steps = [.. Enumerable.Range(0, StepsOfEachGuest).Select(_ => (ulong)random.NextInt64((long)length)).Order()];
        machine.Load(image, head);
        ulong at = 0;
        foreach (ulong step in steps.Distinct())
        {
            Interpreter.Run(machine, step - at);
            Word before = machine.Root();
            byte[] witness = Step.Record(machine);
            at = step + 1;
            yield return (before, machine.Root(), witness);
        }
    }

    /// <summary>The ends of matches with somebody who does not answer.</summary>
    private async Task MeasureEndAsync(SortedDictionary<string, ulong> gas)
    {
        await using (Dispute dispute = await Dispute.BeginAsync(world))
        {
            dispute.AddLiar(Lies.MemoryWord, stamina: 2);
            dispute.AddHonest();
            await dispute.PlayAsync();
            gas["timeout"] = Of("timeout").Max();
        }

        await using (Dispute dispute = await Dispute.BeginAsync(world))
        {
            dispute.AddLiar(Lies.ByName["wrong input"], "first");
            dispute.AddLiar(Lies.ByName["wrong task number at the start"], "second");
            await dispute.PlayAsync(() => dispute.State.Arenas.Values.Any(arena => arena.Result == TournamentResult.NoWinner));
            gas["eliminate"] = Of("eliminate").Single();
        }

        await using (Dispute dispute = await Dispute.BeginAsync(world))
        {
            Honest honest = dispute.AddHonest(claimAfterSeconds: 0);
            await dispute.PlayAsync();
            gas["confirmOnlyClaim"] = Of("confirm").Single();
            var sender = new TransactionSender(world.Client, DevChain.Accounts[1]);
            TransactionReceipt withdrawn = await world.SendAsync(
                sender, "withdraw", world.Contracts.Rollup, new Abi.Rollup.WithdrawFunction(sender.Address));
            gas["claimUnchallenged"] = honest.Gas + withdrawn.GasUsed;
        }

        await using (Dispute dispute = await Dispute.BeginAsync(world))
        {
            Honest honest = dispute.AddHonest(claimAfterSeconds: 0);
            await StakeAsync(gas, DevChain.Accounts[1]);
            await dispute.Game.FollowAsync();
            await dispute.PlayAsync();
            Assert.Equal(UInt128.Zero, honest.Paid);
            gas["claimUnchallengedStaked"] = honest.Gas;
            var sender = new TransactionSender(world.Client, DevChain.Accounts[1]);
            gas["unstake"] = (await world.SendAsync(sender, "unstake", world.Contracts.Rollup, new Abi.Rollup.UnstakeFunction())).GasUsed;
        }
    }

    /// <summary>The proofs of level 0: deploy, run, store, a signature that is bad.</summary>
    private async Task MeasureTransitionsAsync(SortedDictionary<string, ulong> gas)
    {
        ulong worst = 0;
        foreach (string lie in new[] { "first position: the load of a deploy", "wrong input", "load of a bad signature", "wrong output", "wrong app leaf" })
        {
            await using Dispute dispute = await Dispute.BeginAsync(world);
            dispute.AddLiar(Lies.ByName[lie]);
            dispute.AddHonest();
            await dispute.PlayAsync(() => Of("prove-transition").Any());
            ulong cost = Of("prove-transition").Single();
            output.WriteLine($"proveTransition against '{lie}' {cost}");
            worst = Math.Max(worst, cost);
        }

        gas["proveTransition"] = worst;
    }

    /// <summary>What all calls of one side in one match cost at most that revert, since others made them just before (spec 4.6.9).</summary>
    private ulong CopiedMatch()
    {
        foreach ((string call, ulong cost) in world.Reverted)
        {
            output.WriteLine($"reverted {call} {cost}");
            Assert.InRange(cost, 21_000UL, RevertedGas.Of(call));
        }

        return RevertedGas.OfMatch(GameShape.Standard.ChunkHeight);
    }

    private async Task MeasureInboxAsync(SortedDictionary<string, ulong> gas)
    {
        await world.ResetAsync();
        var sender = new TransactionSender(world.Client, World.Sequencer);
        var random = new Random(StepSeed);
        byte[] chunk = new byte[InboxReader.ChunkLength];
        random.NextBytes(chunk);
        gas["publishChunk"] = (await world.SendAsync(sender, "publish", world.Contracts.Inbox, new Abi.Inbox.PublishFunction(chunk))).GasUsed;

        EncodedTask[] tasks = [.. Enumerable.Range(0, 100).Select(i =>
        {
            byte[] input = new byte[64];
            random.NextBytes(input);
            return world.Call(0, 1_000_000, input, Keccak.Hash(Word.FromUInt64((ulong)i).Bytes));
        })];
        TransactionReceipt appended = await world.AppendAsync(sender, "append 100", tasks);
        gas["append100"] = appended.GasUsed;
        gas["batchPerTask100"] = (appended.GasUsed + 99) / 100;
        TransactionReceipt one = await world.AppendAsync(sender, "append 1", tasks[..1]);
        gas["append1"] = one.GasUsed;

        BigInteger fee = await new ContractHandler(world.Client, world.Contracts.Inbox).QueryAsync(new Abi.Inbox.DirectFeeFunction(1_000_000));
        gas["submitTask"] = (await world.SendAsync(
            sender, "submit", world.Contracts.Inbox, new Abi.Inbox.SubmitRunFunction(0, 1, 1_000_000, tasks[0].Input.ToArray()), fee)).GasUsed;
    }

    private IEnumerable<ulong> Of(string name) => world.Spent.Where(spent => spent.Name == name).Select(spent => spent.Gas);
}
