using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Optimistic.Contracts;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Engine.Cli;
using Optimistic.Engine.Node;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Optimistic.Vm.Trace;
using Spectre.Console;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Engine.Demo;

/// <summary>
/// The whole story on a chain of one's own: honest batches settle, a sequencer lies about one memory word, one honest
/// challenger proves it wrong on L1. Every check is read back from L1.
/// </summary>
internal sealed class DemoRun(IAnsiConsole screen, string folder, bool keep) : IAsyncDisposable
{
    private const int Deployer = 0, Honest = 1, User = 2, Liar = 3, Challenger = 4, LiarsPlayer = 5;

    private const ulong MaxTaskSteps = 1UL << 34, MaxBatchSteps = 1UL << 42, StepLimit = 1UL << 30;

    /// <summary>Seconds of the chain's time, which the demo moves forward when a window has to pass.</summary>
    private const uint Censorship = 900, Grace = 60, Replay = 120, Trace = 120;

    /// <summary>Bytes of the input about which the liar lies: some 60 blocks of SHA-256.</summary>
    private const int ContestedInputLength = 4000;

    private static readonly BigInteger Ether = BigInteger.Pow(10, 18);

    private readonly List<DemoProcess> _processes = [];
    private readonly Dictionary<int, string> _urls = [];
    private readonly List<(string Check, Word TaskHash, byte[] Output)> _expected = [];
    private readonly JsonObject _checks = [];
    private ulong _batches;
    private readonly JsonArray _rounds = [];
    private readonly JsonArray _claims = [];
    private readonly JsonObject _stateRoots = [];
    private readonly long _start = Stopwatch.GetTimestamp();
    private DevChain? _chain;
    private TransactionSender? _deployer;
    private Deployment? _deployment;
    private ChainLog? _log;
    private NodeClient? _node;
    private string _nodeUrl = "";
    private Address _consumer;

    private DevChain Chain => _chain!;

    private Deployment Contracts => _deployment!;

    private ChainLog L1 => _log!;

    private NodeClient Node => _node!;

    public bool AllChecksHold => _checks.Count > 0 && _checks.All(check => (bool)check.Value!);

    public async Task RunAsync(CancellationToken cancel)
    {
        await StartChainAsync(cancel);
        DemoProcess node = await StartNodeAsync("sequencer", Honest, null, cancel);
        DemoProcess challenger = StartChallenger("challenger", Challenger, null);
        await HonestBatchesAsync(node, challenger, cancel);
        Lie lie = await LieAsync(cancel);
        await DisputeAsync(lie, challenger, cancel);
        await SettleAsync(lie, challenger, cancel);
        await UseOutputAsync(lie, cancel);
        await ReadBackAsync(lie, cancel);
        Show();
    }

    /// <summary>The same as one JSON document.</summary>
    public JsonObject ToJson()
    {
        JsonObject gas = [];
        foreach (IGrouping<string, SeenCall> calls in L1.Calls.GroupBy(call => $"{call.Contract}.{call.Function}").OrderBy(calls => calls.Key, StringComparer.Ordinal))
            gas[calls.Key] = new JsonArray([.. calls.OrderBy(call => call.Block).Select(call => (JsonNode)call.Gas)]);

        JsonArray processes = [];
        foreach (DemoProcess process in _processes)
            processes.Add(new JsonObject { ["name"] = process.Name, ["id"] = process.Id, ["log"] = process.LogPath });

        return new JsonObject
        {
            ["chainId"] = Contracts.ChainId,
            ["l1"] = Chain.Url.ToString(),
            ["node"] = _nodeUrl,
            ["folder"] = folder,
            ["contracts"] = new JsonObject
            {
                ["stepVerifier"] = Contracts.StepVerifier.ToString(),
                ["inbox"] = Contracts.Inbox.ToString(),
                ["tournament"] = Contracts.Tournament.ToString(),
                ["rollup"] = Contracts.Rollup.ToString(),
                ["outbox"] = Contracts.Outbox.ToString(),
                ["digestConsumer"] = _consumer.ToString(),
            },
            ["claims"] = _claims.DeepClone(),
            ["rounds"] = _rounds.DeepClone(),
            ["gas"] = gas,
            ["stateRoots"] = _stateRoots.DeepClone(),
            ["processes"] = processes,
            ["seconds"] = Math.Round(Stopwatch.GetElapsedTime(_start).TotalSeconds, 1),
            ["checks"] = _checks.DeepClone(),
        };
    }

    public async ValueTask DisposeAsync()
    {
        _node?.Dispose();
        foreach (DemoProcess process in _processes)
        {
            if (!keep)
                process.End();
            process.Dispose();
        }

        if (_chain is not null)
            await _chain.DisposeAsync();
        if (!keep && AllChecksHold)
            Directory.Delete(folder, recursive: true);
    }

    // 1. The chain

    private async Task StartChainAsync(CancellationToken cancel)
    {
        Title("An Ethereum chain with the contracts");
        _chain = await DevChain.StartAsync(new DevChainOptions { OutlivesParent = keep, Report = line => Say(line) }, cancel);
        Say($"anvil, Osaka rules, chain {_chain.Client.ChainId} at {_chain.Url}");
        _deployer = new TransactionSender(_chain.Client, DevChain.Accounts[Deployer]);
        DeploymentParameters parameters = new(
            [DevChain.Accounts[Honest].Address, DevChain.Accounts[Liar].Address],
            new Abi.InboxLimits(3600, 86_400, MaxTaskSteps, MaxBatchSteps, Replay, 1_000_000_000),
            new Abi.Parameters(Censorship, Grace, Replay, Trace, Ether, Ether / 10, 10_000_000_000),
            DevChain.Accounts[Deployer].Address,
            RollupState.Genesis.Root);
        _deployment = await Deployment.DeployAsync(
            _deployer, parameters, (name, address, receipt) => Say($"{name,-13} {address}  gas {receipt.GasUsed:N0}"), cancel);
        ContractsFile.Of(_deployment, MaxTaskSteps, MaxBatchSteps).Save(ContractsPath);
        _log = new ChainLog(_chain.Client, _deployment, new Dictionary<Address, string>
        {
            [_deployment.Inbox] = "Inbox",
            [_deployment.Rollup] = "Rollup",
            [_deployment.Tournament] = "Tournament",
        });
    }

    private string ContractsPath => Path.Combine(folder, "contracts.json");

    private async Task<DemoProcess> StartNodeAsync(string name, int account, Drill? drill, CancellationToken cancel)
    {
        string url = $"http://127.0.0.1:{DemoProcess.FreePort()}";
        DemoProcess node = DemoProcess.Start(
            name, Path.Combine(AppContext.BaseDirectory, "optimistic"), folder,
            [
                "node", "--l1", Chain.Url.ToString(), "--contracts", ContractsPath, "--key", KeyOf(account), "--data", Path.Combine(folder, name),
                "--rpc", url, "--batch-seconds", "0.3", "--poll-seconds", "0.15", .. drill is null ? Array.Empty<string>() : ["--drill", drill.ToString()],
            ]);
        _processes.Add(node);
        _urls[node.Id] = url;
        await node.WaitUntilHealthyAsync(url, cancel);
        if (drill is null)
        {
            _nodeUrl = url;
            _node = new NodeClient(url);
        }

        Say($"{name}: process {node.Id}, account {DevChain.Accounts[account].Address}, JSON-RPC at {url}");
        return node;
    }

    private DemoProcess StartChallenger(string name, int account, Drill? drill)
    {
        DemoProcess process = DemoProcess.Start(
            name, Path.Combine(AppContext.BaseDirectory, "challenger", "optimistic-challenger"), folder,
            [
                "watch", "--l1", Chain.Url.ToString(), "--rollup", Contracts.Rollup.ToString(), "--key", KeyOf(account), "--data", Path.Combine(folder, name),
                "--mode", "defend", .. drill is null ? Array.Empty<string>() : ["--drill", drill.ToString()],
            ]);
        _processes.Add(process);
        Say($"{name}: process {process.Id}, account {DevChain.Accounts[account].Address}");
        return process;
    }

    private string KeyOf(int account)
    {
        string path = Path.Combine(folder, $"account-{account}.key");
        if (!File.Exists(path))
        {
            FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using FileStream file = new(path, options);
            file.Write(Encoding.ASCII.GetBytes(DevChain.PrivateKey(account).ToString()));
        }

        return path;
    }

    // 2. Honest work

    private async Task HonestBatchesAsync(DemoProcess node, DemoProcess challenger, CancellationToken cancel)
    {
        Title("Three apps, and tasks for them");
        uint digest = await DeployAsync("digest", AppPolicy.Stateless, 1, cancel);
        uint perft = await DeployAsync("perft", AppPolicy.Stateless, 2, cancel);
        uint ledger = await DeployAsync("ledger", AppPolicy.Stateful, 3, cancel);

        byte[] text = Encoding.UTF8.GetBytes("one honest challenger defeats any number of liars");
        byte[] start = Encoding.UTF8.GetBytes("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1;3");
        Address user = DevChain.Accounts[User].Address, other = DevChain.Accounts[Challenger].Address;
        await CallAsync("digestIsTrueOnL1", "digest of a sentence", digest, 10, text, [.. SHA256.HashData(text), .. Keccak.Hash(text).Bytes], cancel);
        await CallAsync("perftIsTrueOnL1", "chess moves, three deep", perft, 11, start, [.. Little(20), .. Little(400), .. Little(8902)], cancel);
        await CallAsync("ledgerMintIsOnL1", "ledger: mint 1000", ledger, 12, [1, .. user.Bytes, .. Little(1000)], [.. Little(1000), .. Little(1000)], cancel);
        await CallAsync("ledgerRemembersOnL1", "ledger: pay 250", ledger, 13, [2, .. other.Bytes, .. Little(250)], [.. Little(750), .. Little(250)], cancel);

        Title("Their claims settle, since nobody objects");
        SyncStatus status = await WaitForStatusAsync("claims of all batches", status => status.PostedBatches == _batches && status.ClaimedBatches == _batches, node, cancel);
        await Chain.IncreaseTimeAsync(Window, cancel);
        Say($"the dev chain's clock moves {Window} s, the window in which rivals may join");
        status = await WaitForStatusAsync("confirmation", status => status.SettledBatches == _batches, node, cancel);
        challenger.RequireRunning();
        await L1.FollowAsync(cancel);
        Say($"{status.SettledBatches} batches with {status.Tasks} tasks are settled on L1");
    }

    private static uint Window => Censorship + Replay + 2 * Grace + 1;

    private async Task<uint> DeployAsync(string guest, AppPolicy policy, ulong nonce, CancellationToken cancel)
    {
        byte[] file = ReadGuest(guest);
        Account user = DevChain.Accounts[User];
        RollupTask task = RollupTask.Deploy(policy, nonce, ElfLoader.Load(file));
        Signature signature = user.Sign(task.Digest(await Node.DomainAsync(cancel)));
        Acceptance accepted = await Node.CallAsync<Acceptance>("opt_deployApp", [new SubmittedDeploy(file, policy, nonce, user.Address, signature.ToArray())], cancel);
        TaskReceipt receipt = (await Node.WaitAsync(accepted.TaskHash, 60, cancel))!;
        Say($"app {receipt.App}: {guest}, {policy.ToString().ToLowerInvariant()}, {file.Length:N0} bytes of ELF");
        return receipt.App;
    }

    /// <param name="check">The check that this output, and no other, is proven on L1 in the end.</param>
    private async Task CallAsync(string check, string what, uint app, ulong nonce, byte[] input, byte[] expected, CancellationToken cancel)
    {
        Acceptance accepted = await Node.SubmitAsync(DevChain.Accounts[User], app, nonce, StepLimit, input, cancel);
        TaskReceipt receipt = (await Node.WaitAsync(accepted.TaskHash, 60, cancel))!;
        Say($"task {receipt.Number}: {what}: {receipt.StepsUsed:N0} steps, {receipt.Status.ToString().ToLowerInvariant()} with {receipt.ExitCode}, {receipt.OutputLength} bytes");
        _expected.Add((check, accepted.TaskHash, expected));
        _batches = receipt.Batch + 1;
    }

    private async Task<SyncStatus> WaitForStatusAsync(string what, Func<SyncStatus, bool> wanted, DemoProcess node, CancellationToken cancel)
    {
        long deadline = Environment.TickCount64 + 90_000;
        while (true)
        {
            SyncStatus status = await Node.CallAsync<SyncStatus>("opt_syncStatus", [], cancel);
            if (wanted(status))
                return status;

            node.RequireRunning();
            if (Environment.TickCount64 > deadline)
                throw new CommandException($"{what} did not come within 90 s; the node's log is {node.LogPath}.", ExitCode.Failed);
            await Task.Delay(100, cancel);
        }
    }

    // 3. The lie

    /// <summary>All about the batch in dispute.</summary>
    private sealed record Lie(
        Drill Drill, byte[] Input, Word TaskHash, BatchInfo Batch, ClaimedEvent WrongClaim, ClaimInfo TrueClaim, TaskReceipt Receipt, DemoProcess LiarsPlayer);

    private async Task<Lie> LieAsync(CancellationToken cancel)
    {
        Title("Another sequencer lies about one memory word");
        byte[] input = new byte[ContestedInputLength];
        for (int i = 0; i < input.Length; i++)
            input[i] = (byte)('a' + i % 26);

        SyncStatus status = await Node.CallAsync<SyncStatus>("opt_syncStatus", [], cancel);
        GuestProgram program = ElfLoader.Load(ReadGuest("digest"));
        ulong steps;
        using (Machine machine = new())
        {
            machine.Load(program.Image.Write(Machine.InputAddress, input), Rehearsal(program, input));
            steps = Interpreter.Run(machine, StepLimit);
        }

        // In the first half of the run a byte of the input flips that is hashed in the second.
        Drill drill = new(status.Tasks, steps / 5, Machine.InputAddress + ContestedInputLength - 100, "20");
        DemoProcess liar = await StartNodeAsync("liar", Liar, drill, cancel);
        DemoProcess player = StartChallenger("liars-player", LiarsPlayer, drill);
        using NodeClient client = new(NodeUrlOf(liar));
        Acceptance accepted = await client.SubmitAsync(DevChain.Accounts[User], 0, 20, StepLimit, input, cancel);
        TaskReceipt wrong = (await client.WaitAsync(accepted.TaskHash, 60, cancel))!;
        Say($"task {wrong.Number}: digest of {input.Length:N0} bytes, {wrong.StepsUsed:N0} steps; after step {drill.Step:N0} the liar flips a bit at 0x{drill.Address:x}");

        ClaimedEvent claimed = await L1.WaitAsync<ClaimedEvent>("the liar's claim", claim => claim.Batch == wrong.Batch, [liar], cancel);
        await L1.WaitAsync<BatchAppendedEvent>("the liar's batch", batch => batch.Index == wrong.Batch, [liar], cancel);
        BatchInfo batch = await WaitForBatchAsync(wrong.Batch, cancel);
        ClaimInfo right = await Node.CallAsync<ClaimInfo>("opt_getClaim", [wrong.Batch], cancel);
        TaskReceipt receipt = (await Node.WaitAsync(accepted.TaskHash, 60, cancel))!;
        Say($"batch {batch.Index} is on L1, claimed with the wrong state root {claimed.StateRoot}");
        Say($"the honest node computes              the state root {right.Reference.StateRoot}");
        _stateRoots["claimedByLiar"] = claimed.StateRoot.ToString();
        _stateRoots["true"] = right.Reference.StateRoot.ToString();
        return new Lie(drill, input, accepted.TaskHash, batch, claimed, right, receipt, player);
    }

    private string NodeUrlOf(DemoProcess process) => _urls[process.Id];

    private async Task<BatchInfo> WaitForBatchAsync(ulong index, CancellationToken cancel)
    {
        await WaitForStatusAsync("the batch of the liar at the honest node", status => status.PostedBatches > index, _processes[0], cancel);
        return await Node.CallAsync<BatchInfo>("opt_getBatch", [index], cancel);
    }

    private static MachineHead Rehearsal(GuestProgram program, byte[] input)
    {
        MachineHead head = default;
        head.Control.Pc = program.Entry;
        head.Control.StepsLeft = StepLimit;
        head.X[2] = Machine.InitialStackPointer;
        head.X[10] = (ulong)input.Length;
        return head;
    }

    // 4. The dispute

    private async Task DisputeAsync(Lie lie, DemoProcess challenger, CancellationToken cancel)
    {
        Title("One honest challenger objects, and L1 finds the false instruction");
        DemoProcess[] players = [challenger, lie.LiarsPlayer];
        L1.OnEvent = seen => Follow(lie, seen);
        await L1.WaitAsync<MatchedEvent>("the challenger's claim", matched => matched.Tournament == lie.WrongClaim.Tournament, players, cancel);
        InnerOpenedEvent inner = await L1.WaitAsync<InnerOpenedEvent>("the inner tournament", _ => true, players, cancel);
        SealedEvent leaf = await L1.WaitAsync<SealedEvent>("the instruction", seen => seen.Phase == MatchPhase.AtLeaf, players, cancel);
        ShowInstruction(lie, leaf);
        await L1.WaitAsync<MatchEndedEvent>("the proof of the instruction", ended => ended.Tournament == inner.MatchId, players, cancel);
        uint longest = Math.Max(inner.AllowanceOne, inner.AllowanceTwo);
        await Chain.IncreaseTimeAsync(longest, cancel);
        Say($"the dev chain's clock moves {longest} s, in which the liar's class could still join");
        await L1.WaitAsync<MatchEndedEvent>("the end of the match", ended => ended.Tournament == lie.WrongClaim.Tournament, players, cancel);
    }

    private void Follow(Lie lie, SeenEvent seen)
    {
        string who = L1.Calls.FirstOrDefault(call => call.Transaction == seen.Log.TransactionHash) is { } call
            ? $"[grey]{NameOf(call.From),-12} {call.Function,-16} gas {call.Gas,9:N0}[/]" : "";
        switch (seen.Event)
        {
            case ClaimedEvent e:
                Round(seen, $"claim {Short(e.Id)} for batch {e.Batch}: {(e.StateRoot == lie.WrongClaim.StateRoot ? "[red]the lie[/]" : "[green]the true root[/]")}", who, 0, null);
                break;
            case InnerOpenedEvent e:
                Round(seen, $"inner tournament over 2^28 instructions, allowances {e.AllowanceOne} s and {e.AllowanceTwo} s", who, 1, null);
                break;
            case JoinedEvent e:
                Round(seen, $"{NameOf(e.Claimer)} joins with {Short(e.Root)}, {e.Balance} s on its clock", who, null, null);
                break;
            case AdvancedEvent e:
                Round(seen, $"height {e.State.Height,2}, node {e.State.Position,11:N0}; clocks {e.State.BalanceOne} s and {e.State.BalanceTwo} s", who, LevelOf(e.MatchId), e.State.Height);
                break;
            case SealedEvent e:
                Round(seen, $"sealed: the first leaf that differs is {e.State.Position:N0}", who, LevelOf(e.MatchId), 0);
                break;
            case MatchEndedEvent e:
                Round(seen, $"match {Short(e.MatchId)} ended: side {e.Outcome.ToString().ToLowerInvariant()} wins", who, null, null);
                break;
            case SettledEvent e:
                Round(seen, $"tournament settled: {e.Result.ToString().ToLowerInvariant()} {Short(e.Winner)}", who, null, null);
                break;
            case ConfirmedEvent e:
                Round(seen, $"batch {e.Batch} confirmed with state root {Short(e.StateRoot)}", who, null, null);
                break;
        }
    }

    private void Round(SeenEvent seen, string text, string who, int? level, int? height)
    {
        screen.MarkupLine($"  [grey]L1 {seen.Log.BlockNumber,4}[/] {who} {text}");
        if (level is not null && height is not null)
        {
            SeenCall? call = L1.Calls.FirstOrDefault(call => call.Transaction == seen.Log.TransactionHash);
            _rounds.Add(new JsonObject
            {
                ["level"] = level,
                ["height"] = height,
                ["position"] = seen.Event switch { AdvancedEvent e => e.State.Position, SealedEvent e => e.State.Position, _ => 0 },
                ["by"] = call?.From.ToString(),
                ["gas"] = call?.Gas,
                ["transaction"] = seen.Log.TransactionHash.ToString(),
            });
        }
    }

    private int LevelOf(Word matchId) =>
        L1.Of<MatchedEvent>().FirstOrDefault(matched => matched.MatchId == matchId) is { } match && L1.Of<InnerOpenedEvent>().Any(inner => inner.MatchId == match.Tournament) ? 1 : 0;

    private void ShowInstruction(Lie lie, SealedEvent leaf)
    {
        GuestProgram program = ElfLoader.Load(ReadGuest("digest"));
        using Machine machine = new();
        machine.Load(program.Image.Write(Machine.InputAddress, lie.Input), Rehearsal(program, lie.Input));
        Interpreter.Run(machine, leaf.State.Position);
        string text = Disassembler.Format(machine.Memory.Fetch(machine.Pc), machine.Pc).Replace('\t', ' ');
        screen.MarkupLine($"  the traces part at instruction [bold]{leaf.State.Position:N0}[/], pc 0x{machine.Pc:x}: [bold]{Markup.Escape(text)}[/]");
        _stateRoots["contestedInstruction"] = text;
        Check("tracesPartAtTheFlippedBit", leaf.State.Position == lie.Drill.Step);
    }

    // 5. Settlement

    private async Task SettleAsync(Lie lie, DemoProcess challenger, CancellationToken cancel)
    {
        Title("The true claim settles");
        await Chain.IncreaseTimeAsync(Window, cancel);
        await L1.WaitAsync<SettledEvent>("the end of the tournament", settled => settled.Tournament == lie.WrongClaim.Tournament, [challenger], cancel);
        await L1.WaitAsync<ConfirmedEvent>("the confirmation of the true claim", confirmed => confirmed.Batch == lie.Batch.Index, [challenger], cancel);
    }

    private async Task UseOutputAsync(Lie lie, CancellationToken cancel)
    {
        Title("A contract uses the output");
        await WaitForStatusAsync("settlement at the node", status => status.SettledBatches > lie.Batch.Index, _processes[0], cancel);
        OutputInfo output = await Node.CallAsync<OutputInfo>("opt_getOutput", [lie.TaskHash], cancel);
        (_consumer, _) = await _deployer!.DeployAsync(new Abi.DigestConsumer.Deployment(Contracts.Outbox, lie.Receipt.App), cancel);
        TransactionReceipt receipt = await _deployer.SendAsync(_consumer, new Abi.DigestConsumer.RecordFunction(ForOutbox(output.Proof!), output.Data.Bytes.ToArray()), cancel: cancel);
        Abi.DigestConsumer.DigestsOutput digests = await new ContractHandler(Chain.Client, _consumer).QueryAsync(new Abi.DigestConsumer.DigestsFunction(lie.TaskHash), cancel: cancel);
        Say($"DigestConsumer {_consumer} recorded the digest {digests.Sha256Digest}, gas {receipt.GasUsed:N0}");
        Check("consumerHasTheTrueDigest", digests.Sha256Digest == new Word(SHA256.HashData(lie.Input)) && digests.KeccakDigest == Keccak.Hash(lie.Input));
    }

    private static Abi.OutputProof ForOutbox(OutputProofInfo proof) => new(
        new Abi.ClaimRef(proof.Claimed.Tournament, proof.Claimed.StateRoot, proof.Claimed.TraceRoot), proof.AppsRoot, proof.OutputsRoot, proof.Counters,
        proof.TaskNumber, proof.TaskHash, proof.OutputRoot, proof.ResultWord, proof.Proof.Bytes.ToArray());

    // 6. What L1 says

    private async Task ReadBackAsync(Lie lie, CancellationToken cancel)
    {
        EthereumClient client = Chain.Client;
        ContractHandler rollup = new(client, Contracts.Rollup), tournament = new(client, Contracts.Tournament), inbox = new(client, Contracts.Inbox);
        await L1.FollowAsync(cancel);
        Word outer = lie.WrongClaim.Tournament;
        Word wrongRoot = lie.WrongClaim.TraceRoot, trueRoot = lie.TrueClaim.Reference.TraceRoot;
        Word inner = L1.Of<InnerOpenedEvent>().First().MatchId;

        Check("contractsAreThoseOfThisVersion", (await Deployment.ReadAsync(client, Contracts.Rollup, Contracts.Outbox, cancel)).Inbox == Contracts.Inbox);
        Check("batchesArePosted", await inbox.QueryAsync(new Abi.Inbox.BatchCountFunction(), cancel: cancel) == lie.Batch.Index + 1);
        Check("liarClaimedFirst", await rollup.QueryAsync(new Abi.Rollup.FirstClaimFunction(outer), cancel: cancel) == lie.WrongClaim.Id);

        Address honest = await rollup.QueryAsync(new Abi.Rollup.ClaimerOfFunction(lie.TrueClaim.Id), cancel: cancel);
        Address wrong = await rollup.QueryAsync(new Abi.Rollup.ClaimerOfFunction(lie.WrongClaim.Id), cancel: cancel);
        Check("challengerJoinedWithTheTrueRoot", honest == AddressOf(Challenger) && !await IsEliminatedAsync(tournament, outer, trueRoot, cancel));
        Check("liarIsEliminated", wrong == AddressOf(Liar) && await IsEliminatedAsync(tournament, outer, wrongRoot, cancel));
        Check("outerRounds12", RoundsOf(0) == TraceTree.BatchHeight);
        Check("innerRounds14", RoundsOf(1) == TraceTree.ChunkHeight);
        JoinedEvent? liarInside = L1.Of<JoinedEvent>().FirstOrDefault(joined => joined.Tournament == inner && joined.Claimer == AddressOf(LiarsPlayer));
        Check("liarIsEliminatedInside", liarInside is not null && await IsEliminatedAsync(tournament, inner, liarInside.Root, cancel));
        Check("oneInstructionWasExecutedBySolidity", L1.Calls.Count(call => call is { Contract: "Tournament", Function: "proveStep" }) == 1);

        Abi.Tournament.ResultOutput result = await tournament.QueryAsync(new Abi.Tournament.ResultFunction(outer), cancel: cancel);
        Check("tournamentIsWonByTheTruth", result.Result == Abi.Result.Winner && result.Winner == trueRoot);
        Abi.Rollup.ClaimInfoOutput confirmed = await rollup.QueryAsync(new Abi.Rollup.ClaimInfoFunction(lie.TrueClaim.Id), cancel: cancel);
        Check("trueClaimIsConfirmed", confirmed.Status == Abi.ClaimStatus.Confirmed);
        Check("trueClaimIsTheLatest", await rollup.QueryAsync(new Abi.Rollup.LatestConfirmedFunction(), cancel: cancel) == lie.TrueClaim.Id);
        Check("wrongClaimIsNotConfirmed", (await rollup.QueryAsync(new Abi.Rollup.ClaimInfoFunction(lie.WrongClaim.Id), cancel: cancel)).Status != Abi.ClaimStatus.Confirmed);

        BigInteger bonds = await tournament.QueryAsync(new Abi.Tournament.BondFunction(0), cancel: cancel) + await tournament.QueryAsync(new Abi.Tournament.BondFunction(1), cancel: cancel);
        Check("liarsBondIsGone", CreditsTo(Liar) == 0 && CreditsTo(LiarsPlayer) < bonds);
        Check("challengerIsPaidBack", CreditsTo(Challenger) >= bonds);
        Check("treasuryGotTheRest", await tournament.QueryAsync(new Abi.Tournament.CreditsFunction(AddressOf(Deployer)), cancel: cancel) > 0);

        foreach (ClaimedEvent claim in L1.Of<ClaimedEvent>())
        {
            Abi.Rollup.ClaimInfoOutput info = await rollup.QueryAsync(new Abi.Rollup.ClaimInfoFunction(claim.Id), cancel: cancel);
            _claims.Add(new JsonObject
            {
                ["id"] = claim.Id.ToString(),
                ["batch"] = claim.Batch,
                ["stateRoot"] = claim.StateRoot.ToString(),
                ["traceRoot"] = claim.TraceRoot.ToString(),
                ["claimer"] = claim.Claimer.ToString(),
                ["status"] = info.Status.ToString().ToLowerInvariant(),
            });
        }

        Abi.Rollup.ClaimInfoOutput[] settled = await Task.WhenAll(L1.Of<ClaimedEvent>().Where(claim => claim.Batch < lie.Batch.Index)
            .Select(claim => rollup.QueryAsync(new Abi.Rollup.ClaimInfoFunction(claim.Id), cancel: cancel)));
        Check("honestClaimsAreConfirmed", settled.Length > 0 && settled.All(info => info.Status == Abi.ClaimStatus.Confirmed));
        ContractHandler outbox = new(client, Contracts.Outbox);
        foreach ((string check, Word task, byte[] expected) in _expected)
            Check(check, await IsProvenAsync(outbox, task, expected, cancel));

        StateRootInfo root = await Node.CallAsync<StateRootInfo>("opt_getStateRoot", [StateTag.Settled], cancel);
        _stateRoots["settled"] = root.StateRoot.ToString();
        Check("nodeAgreesWithL1", L1.Of<ConfirmedEvent>().Last().StateRoot == root.StateRoot);
    }

    /// <summary>Whether the Outbox takes these bytes as the output of the task.</summary>
    private async Task<bool> IsProvenAsync(ContractHandler outbox, Word task, byte[] expected, CancellationToken cancel)
    {
        OutputInfo output = await Node.CallAsync<OutputInfo>("opt_getOutput", [task], cancel);
        if (output.Proof is not { } proof)
            return false;

        try
        {
            Abi.TaskResult result = await outbox.QueryAsync(new Abi.Outbox.VerifyOutputBytesFunction(ForOutbox(proof), expected), cancel: cancel);
            return result is { Status: (byte)MachineStatus.Halted, ExitCode: 0 };
        }
        catch (ContractRevertException)
        {
            return false;
        }
    }

    private int RoundsOf(int level) => _rounds.Count(round => (int)round!["level"]! == level);

    /// <summary>What the Tournament has credited to an account, paid out or not.</summary>
    private BigInteger CreditsTo(int account) => L1.Of<CreditedEvent>()
        .Where(credited => credited.Holder == CreditHolder.Tournament && credited.Account == AddressOf(account))
        .Aggregate(BigInteger.Zero, (sum, credited) => sum + (BigInteger)credited.Amount);

    /// <summary>Whether a root lost a match, and that match is over on L1 (spec 4.4.1).</summary>
    private async Task<bool> IsEliminatedAsync(ContractHandler tournament, Word id, Word root, CancellationToken cancel)
    {
        foreach (MatchEndedEvent ended in L1.Of<MatchEndedEvent>().Where(ended => ended.Tournament == id))
        {
            MatchedEvent match = L1.Of<MatchedEvent>().Single(matched => matched.MatchId == ended.MatchId);
            bool lost = (match.One == root && ended.Outcome != MatchOutcome.One) || (match.Two == root && ended.Outcome != MatchOutcome.Two);
            if (lost && (await tournament.QueryAsync(new Abi.Tournament.MatchHashFunction(ended.MatchId), cancel: cancel)).IsZero)
                return true;
        }

        return false;
    }

    // The screen

    private void Check(string name, bool holds) => _checks[name] = holds;

    private void Title(string text)
    {
        screen.WriteLine();
        screen.Write(new Rule($"[bold]{Markup.Escape(text)}[/]") { Justification = Justify.Left });
    }

    private void Say(string text) => screen.MarkupLine($"  {Markup.Escape(text)}");

    private void Show()
    {
        Title("Gas of every kind of call");
        Table gas = new() { Border = TableBorder.Simple };
        gas.AddColumns("contract", "function", "calls", "least", "most");
        foreach (IGrouping<(string Contract, string Function), SeenCall> calls in L1.Calls.GroupBy(call => (call.Contract, call.Function)).OrderBy(calls => calls.Key))
        {
            gas.AddRow(
                calls.Key.Contract, calls.Key.Function, Count(calls.Count()), Count((long)calls.Min(call => call.Gas)), Count((long)calls.Max(call => call.Gas)));
        }

        screen.Write(gas);
        Title("Read back from L1");
        foreach ((string name, JsonNode? holds) in _checks)
            screen.MarkupLine($"  {((bool)holds! ? "[green]true [/]" : "[red]false[/]")} {name}");
        screen.WriteLine();
        screen.MarkupLine(string.Create(CultureInfo.InvariantCulture, $"  {Stopwatch.GetElapsedTime(_start).TotalSeconds:0} s"));
        if (keep)
        {
            Say($"Left running: chain {Chain.Url} (process {Chain.ProcessId}), node {_nodeUrl}, {string.Join(", ", _processes.Select(process => $"{process.Name} (process {process.Id})"))}");
            Say($"Keys, contracts.json and logs are in {folder}");
        }
    }

    private static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Short(Word word) => $"{word.ToString()[..10]}…";

    private static string NameOf(Address account) =>
        account == AddressOf(Honest) ? "sequencer" : account == AddressOf(Liar) ? "liar" : account == AddressOf(Challenger) ? "challenger"
        : account == AddressOf(LiarsPlayer) ? "liars-player" : account == AddressOf(Deployer) ? "deployer" : account.ToString()[..10];

    private static Address AddressOf(int account) => DevChain.Accounts[account].Address;

    private static byte[] Little(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] ReadGuest(string name) => NamedFile.Read(Path.Combine(AppContext.BaseDirectory, "guests", name + ".elf"), "sample program");
}
