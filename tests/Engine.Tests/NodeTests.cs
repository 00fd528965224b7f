using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Optimistic.Contracts.Bindings;
using Optimistic.Contracts.Ethereum;
using Optimistic.Engine.Cli;
using Optimistic.Engine.Node;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.Engine.Tests;

/// <summary>A real node process on a real chain: tasks, batches, claims, settlement, proofs.</summary>
public sealed class NodeTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_transaction_sent_by_hand_from_the_nodes_account_stops_nothing()
    {
        await using NodeRig rig = await NodeRig.StartAsync();
        NodeProcess node = await rig.StartNodeAsync();
        uint app = await node.DeployAsync("digest", AppPolicy.Stateless);

        // One with a nonce of its own, and one that takes the nonce of a transaction of the node that is under way.
        Address account = NodeRig.SequencerAccount.Address;
        await new TransactionSender(rig.Chain.Client, NodeRig.SequencerAccount).SendAsync(new TransactionRequest(NodeRig.User.Address, default, 1), Cancel);
        await rig.Chain.SetAutomineAsync(false, Cancel);
        Acceptance accepted = await node.SubmitAsync(app, 7, [1, 2, 3]);
        ulong nonce = await rig.Chain.Client.GetTransactionCountAsync(account, BlockParameter.Latest, Cancel);
        while (await rig.Chain.Client.GetTransactionCountAsync(account, BlockParameter.Pending, Cancel) == nonce)
            await Task.Delay(50, Cancel);
        BigInteger fee = BigInteger.Pow(10, 12);
        await rig.Chain.Client.SendRawTransactionAsync(
            new Transaction(rig.Chain.Client.ChainId, nonce, fee, fee, 21_000, NodeRig.User.Address, 1, default).Sign(NodeRig.SequencerAccount), Cancel);
        await rig.Chain.MineAsync(cancel: Cancel);
        await rig.Chain.SetAutomineAsync(true, Cancel);
        await node.WaitForAsync<TaskReceipt>("opt_getTaskReceipt", [accepted.TaskHash], receipt => receipt.Stage >= TaskStage.Posted);
        Assert.True(await rig.Chain.Client.GetTransactionCountAsync(account, BlockParameter.Latest, Cancel) > nonce + 1);
    }

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

    [Fact]
    public async Task Acknowledged_tasks_survive_kills_at_random_points_and_are_in_one_batch_each()
    {
        int seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        Random random = new(seed);
        await using NodeRig rig = await NodeRig.StartAsync();
        NodeProcess node = await rig.StartNodeAsync();
        uint app = await node.DeployAsync("digest", AppPolicy.Stateless);
        HashSet<Word> acknowledged = [];
        ulong nonce = 0;
        for (int round = 0; round < 6; round++)
        {
            Task killing = KillAfterAsync(node, random.Next(20, 1200));
            try
            {
                while (true)
                    acknowledged.Add((await node.SubmitAsync(app, ++nonce, BitConverter.GetBytes(nonce))).TaskHash);
            }
            catch (CommandException)
            {
                // Killed: the task under way was not acknowledged.
            }

            await killing;
            node = await rig.StartNodeAsync();
        }

        Assert.NotEmpty(acknowledged);
        foreach (Word task in acknowledged)
        {
            TaskReceipt receipt = await node.WaitForAsync<TaskReceipt>("opt_getTaskReceipt", [task], receipt => receipt.Stage >= TaskStage.Posted);
            Assert.Equal(MachineStatus.Halted, receipt.Status);
        }

        SyncStatus status = await node.CallAsync<SyncStatus>("opt_syncStatus");
        List<Word> posted = [];
        for (ulong batch = 0; batch < status.PostedBatches; batch++)
            posted.AddRange((await node.CallAsync<BatchInfo>("opt_getBatch", batch)).Tasks);
        Assert.Equal(posted.Count, posted.Distinct().Count());
        Assert.Subset(posted.ToHashSet(), acknowledged);
    }

    [Fact]
    public async Task A_restart_goes_on_from_the_saved_state_with_the_same_roots()
    {
        await using NodeRig rig = await NodeRig.StartAsync();
        NodeProcess node = await rig.StartNodeAsync();
        uint app = await node.DeployAsync("ledger", AppPolicy.Stateful);
        byte[] mint = [1, .. NodeRig.User.Address.Bytes, 100, 0, 0, 0, 0, 0, 0, 0];
        Word first = (await node.SubmitAsync(app, 1, mint)).TaskHash;
        await node.WaitForAsync<TaskReceipt>("opt_getTaskReceipt", [first], receipt => receipt.Stage >= TaskStage.Posted);
        StateRootInfo before = await node.CallAsync<StateRootInfo>("opt_getStateRoot", StateTag.Posted);
        Assert.Equal(0, (await node.StopAsync()).ExitCode);
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(rig.Folder, "data"), "state-*"));

        node = await rig.StartNodeAsync();
        Word second = (await node.SubmitAsync(app, 2, mint)).TaskHash;
        OutputInfo output = await node.WaitForAsync<OutputInfo>("opt_getOutput", [second], _ => true, ignoreErrors: true);
        Assert.Equal([200, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0], output.Data.Bytes.ToArray());
        Assert.NotEqual(before.StateRoot, (await node.CallAsync<StateRootInfo>("opt_getStateRoot")).StateRoot);

        // A node that has nothing but L1 comes to the same roots.
        await node.WaitForAsync<TaskReceipt>("opt_getTaskReceipt", [second], receipt => receipt.Stage >= TaskStage.Posted);
        StateRootInfo after = await node.CallAsync<StateRootInfo>("opt_getStateRoot", StateTag.Posted);
        await node.StopAsync();
        await using NodeProcess fresh = await NodeProcess.StartAsync(rig.NodeArguments("fresh"));
        await fresh.WaitForAsync<SyncStatus>("opt_syncStatus", [], status => status.IsSynced);
        Assert.Equal(after.StateRoot, (await fresh.CallAsync<StateRootInfo>("opt_getStateRoot", StateTag.Posted)).StateRoot);
    }

    [Fact]
    public async Task Tasks_from_L1_are_included_and_forced_batches_are_followed()
    {
        const ulong Delay = 600;
        await using NodeRig rig = await NodeRig.StartAsync(Delay);
        NodeProcess node = await rig.StartNodeAsync();
        uint app = await node.DeployAsync("digest", AppPolicy.Stateless);
        TransactionSender user = new(rig.Chain.Client, NodeRig.User);
        ContractHandler inbox = new(rig.Chain.Client, rig.Deployment.Inbox);
        BigInteger fee = await inbox.QueryAsync(new Inbox.DirectFeeFunction(NodeRig.MaxTaskSteps), cancel: Cancel);

        // A running node takes a task of the queue into its next batch.
        Word direct = await SubmitDirectAsync("direct");
        await rig.Chain.IncreaseTimeAsync(5, Cancel);
        TaskReceipt receipt = await node.WaitForAsync<TaskReceipt>("opt_getTaskReceipt", [direct], receipt => receipt.Stage >= TaskStage.Posted);
        Assert.Equal((MachineStatus.Halted, NodeRig.User.Address), (receipt.Status, receipt.From));
        Assert.True((await node.CallAsync<TaskInfo>("opt_getTask", direct)).FromL1);

        // While it is down, anyone forces an overdue one in.
        await node.KillAsync();
        Word forced = await SubmitDirectAsync("forced");
        await rig.Chain.IncreaseTimeAsync(Delay + 1, Cancel);
        await user.SendAsync(rig.Deployment.Inbox, new Inbox.ForceFunction(10), cancel: Cancel);
        node = await rig.StartNodeAsync();
        receipt = await node.WaitForAsync<TaskReceipt>("opt_getTaskReceipt", [forced], receipt => receipt.Stage >= TaskStage.Posted);
        Assert.Equal(MachineStatus.Halted, receipt.Status);
        await rig.Chain.IncreaseTimeAsync(200, Cancel);
        ClaimInfo claim = await node.WaitForAsync<ClaimInfo>("opt_getClaim", [receipt.Batch], claim => claim.Status == "pending");
        Assert.Equal(NodeRig.SequencerAccount.Address, claim.Claimer);

        async Task<Word> SubmitDirectAsync(string text)
        {
            TransactionReceipt mined = await user.SendAsync(
                rig.Deployment.Inbox, new Inbox.SubmitRunFunction(app, 1, NodeRig.MaxTaskSteps, Encoding.UTF8.GetBytes(text)), fee, cancel: Cancel);
            return inbox.EventsOf<Inbox.TaskSubmittedEvent>(mined).Single().Event.TaskHash;
        }
    }

    [Fact]
    public async Task A_reorganization_that_drops_batches_and_claims_loses_nothing()
    {
        await using NodeRig rig = await NodeRig.StartAsync();
        NodeProcess node = await rig.StartNodeAsync();
        uint app = await node.DeployAsync("digest", AppPolicy.Stateless);
        await rig.Chain.MineAsync(4, cancel: Cancel);
        Word task = (await node.SubmitAsync(app, 1, [1])).TaskHash;
        TaskReceipt before = await node.WaitForAsync<TaskReceipt>("opt_getTaskReceipt", [task], receipt => receipt.Stage >= TaskStage.Posted);
        await node.WaitForAsync<ClaimInfo>("opt_getClaim", [before.Batch], claim => claim.Status == "pending");

        ContractHandler inbox = new(rig.Chain.Client, rig.Deployment.Inbox);
        ulong count = await inbox.QueryAsync(new Inbox.BatchCountFunction(), cancel: Cancel);
        await rig.Chain.ReorganizeAsync(3, Cancel);
        Assert.True(await inbox.QueryAsync(new Inbox.BatchCountFunction(), cancel: Cancel) < count);
        long deadline = Environment.TickCount64 + 60_000;
        while (await inbox.QueryAsync(new Inbox.BatchCountFunction(), cancel: Cancel) < count && Environment.TickCount64 < deadline)
            await Task.Delay(100, Cancel);
        await node.WaitForAsync<SyncStatus>("opt_syncStatus", [], status => status.PostedBatches == count && status.ClaimedBatches == count);
        TaskReceipt after = await node.WaitForAsync<TaskReceipt>("opt_getTaskReceipt", [task], receipt => receipt.Stage >= TaskStage.Posted);
        Assert.Equal(before with { Stage = after.Stage }, after);
        Assert.Equal(count, await inbox.QueryAsync(new Inbox.BatchCountFunction(), cancel: Cancel));

        Word next = (await node.SubmitAsync(app, 2, [2])).TaskHash;
        await node.WaitForAsync<TaskReceipt>("opt_getTaskReceipt", [next], receipt => receipt.Stage >= TaskStage.Posted);
    }

    [Fact]
    public async Task Requests_are_refused_with_what_to_do()
    {
        await using NodeRig rig = await NodeRig.StartAsync();
        NodeProcess node = await rig.StartNodeAsync();
        Assert.Equal(31337UL, await node.CallAsync<ulong>("eth_chainId"));
        JsonElement document = await node.Client.CallAsync("rpc.discover", [], Cancel);
        string[] methods = [.. document.GetProperty("methods").EnumerateArray().Select(method => method.GetProperty("name").GetString()!)];
        Assert.Superset(
            new HashSet<string>
            {
                "eth_chainId", "opt_deployApp", "opt_getBatch", "opt_getClaim", "opt_getMemoryProof", "opt_getOutput", "opt_getStateRoot",
                "opt_getTask", "opt_getTaskReceipt", "opt_submitTask", "opt_syncStatus", "rpc.discover",
            },
            methods.ToHashSet());
        SubmittedTask unsigned = new(0, 1, 1000, Array.Empty<byte>(), NodeRig.User.Address, new byte[65]);
        await RefusedAsync("There is no app 0", "opt_submitTask", unsigned);
        uint app = await node.DeployAsync("digest", AppPolicy.Stateless);
        await RefusedAsync("The signature is not that of", "opt_submitTask", unsigned);
        await RefusedAsync("A signature has 65 bytes", "opt_submitTask", unsigned with { Signature = new byte[64] });
        await RefusedAsync("step limit of 0", "opt_submitTask", unsigned with { StepLimit = 0 });
        await RefusedAsync("step limit of", "opt_submitTask", unsigned with { StepLimit = NodeRig.MaxTaskSteps + 1 });
        await RefusedAsync("not an ELF file", "opt_deployApp", new SubmittedDeploy(new byte[100], AppPolicy.Stateless, 1, NodeRig.User.Address, new byte[65]));
        await RefusedAsync("is not executed", "opt_getOutput", Word.Zero);
        await RefusedAsync("at most", "opt_getOutput", Word.Zero, 0UL, NodeApi.MaxOutputPart + 1);
        await RefusedAsync("There is no app 7", "opt_getMemoryProof", 7u, 0UL);
        await RefusedAsync("outside the memory", "opt_getMemoryProof", app, GuestMemory.Length);

        // A signature for another rollup is none here, and one in the upper half of s is none anywhere.
        RollupTask task = RollupTask.Run(app, 1, 1000, default);
        Signature foreign = NodeRig.User.Sign(task.Digest(TaskSignature.DomainSeparator(1, rig.Deployment.Inbox)));
        await RefusedAsync("The signature is not that of", "opt_submitTask", unsigned with { Signature = foreign.ToArray() });

        async Task RefusedAsync(string why, string method, params object[] parameters)
        {
            CommandException error = await Assert.ThrowsAsync<CommandException>(() => node.Client.CallAsync(method, parameters, Cancel));
            Assert.Contains(why, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Many_clients_at_once_get_every_task_into_a_batch_and_bonds_come_back()
    {
        const int Clients = 8, TasksOfEach = 40;
        await using NodeRig rig = await NodeRig.StartAsync();
        // The addresses are enough: the node finds the rest and the limits on L1.
        string[] arguments = rig.NodeArguments();
        arguments[Array.IndexOf(arguments, "--contracts") + 1] = $"{rig.Deployment.Rollup},{rig.Deployment.Outbox}";
        await using NodeProcess node = await NodeProcess.StartAsync(arguments);
        await node.WaitForAsync<SyncStatus>("opt_syncStatus", [], status => status.IsSynced);
        uint app = await node.DeployAsync("digest", AppPolicy.Stateless);
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
        {
            for (int i = 0; i < TasksOfEach; i++)
            {
                Acceptance accepted = await node.SubmitAsync(app, (ulong)(client * TasksOfEach + i), [(byte)client, (byte)i]);
                await node.CallAsync<TaskInfo>("opt_getTask", accepted.TaskHash);
            }
        }));
        SyncStatus status = await node.WaitForAsync<SyncStatus>(
            "opt_syncStatus", [], status => status.Tasks == Clients * TasksOfEach + 1 && status.ClaimedBatches == status.PostedBatches && status.WaitingTasks == 0);
        await node.WaitForAsync<BatchInfo>("opt_getBatch", [status.PostedBatches - 1UL], batch => batch.Stage >= TaskStage.Posted);

        BigInteger before = await rig.Chain.Client.GetBalanceAsync(NodeRig.SequencerAccount.Address, cancel: Cancel);
        await rig.Chain.IncreaseTimeAsync(2000, Cancel);
        await node.WaitForAsync<SyncStatus>("opt_syncStatus", [], now => now.SettledBatches == status.PostedBatches);
        BigInteger bond = await new ContractHandler(rig.Chain.Client, rig.Deployment.Tournament).QueryAsync(new Tournament.BondFunction(0), cancel: Cancel);
        long deadline = Environment.TickCount64 + 30_000;
        while (await rig.Chain.Client.GetBalanceAsync(NodeRig.SequencerAccount.Address, cancel: Cancel) < before + bond / 2 && Environment.TickCount64 < deadline)
            await Task.Delay(100, Cancel);
        Assert.True(await rig.Chain.Client.GetBalanceAsync(NodeRig.SequencerAccount.Address, cancel: Cancel) > before + bond / 2);
    }

    /// <summary>Anybody may put more into the direct queue than a batch can hold, and leave it there until it is overdue: batches go on as time makes room.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task More_direct_tasks_than_a_batch_can_hold_stop_nothing(bool areOverdue)
    {
        const int Tasks = 7;
        await using NodeRig rig = await NodeRig.StartAsync(maxBatchSteps: 2 * NodeRig.MaxTaskSteps);
        TransactionSender user = new(rig.Chain.Client, NodeRig.User);
        BigInteger fee = await new ContractHandler(rig.Chain.Client, rig.Deployment.Inbox).QueryAsync(new Inbox.DirectFeeFunction(NodeRig.MaxTaskSteps), cancel: Cancel);
        for (ulong nonce = 0; nonce < Tasks; nonce++)
            await user.SendAsync(rig.Deployment.Inbox, new Inbox.SubmitRunFunction(99, nonce, NodeRig.MaxTaskSteps, []), fee, cancel: Cancel);
        if (areOverdue)
            await rig.Chain.IncreaseTimeAsync(10_000, Cancel);

        NodeProcess node = await rig.StartNodeAsync();
        Task all = AllAsync();
        while (await Task.WhenAny(all, Task.Delay(100, Cancel)) != all)
            await rig.Chain.IncreaseTimeAsync(30, Cancel);
        await all;

        async Task AllAsync()
        {
            await node.DeployAsync("digest", AppPolicy.Stateless);
            await node.WaitForAsync<SyncStatus>("opt_syncStatus", [], status => status.Tasks == Tasks + 1 && status.WaitingTasks == 0);
        }
    }

    /// <summary>
    /// The Inbox takes three of these tasks in a thousand seconds (spec 5.1.7): the node posts what fits and keeps the rest, and as L1's time
    /// passes both queues move on. No append of it reverts.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Batches_have_the_work_that_the_Inbox_takes_in_that_time(bool areDirectOverdue)
    {
        const uint Seconds = 3000, Task = Seconds / 3;
        const int Own = 5, Direct = 4;
        await using NodeRig rig = await NodeRig.StartAsync(maxBatchSteps: 3 * NodeRig.MaxTaskSteps, replaySeconds: Seconds);
        NodeProcess node = await rig.StartNodeAsync();
        uint app = await node.DeployAsync("digest", AppPolicy.Stateless);
        for (ulong nonce = 0; nonce < Own; nonce++)
            await node.SubmitAsync(app, nonce, [(byte)nonce]);
        await node.WaitForAsync<SyncStatus>("opt_syncStatus", [], status => status.Tasks == 4 && status.WaitingTasks == 2 && status.IsThrottled);

        TransactionSender user = new(rig.Chain.Client, NodeRig.User);
        BigInteger fee = await new ContractHandler(rig.Chain.Client, rig.Deployment.Inbox).QueryAsync(new Inbox.DirectFeeFunction(NodeRig.MaxTaskSteps), cancel: Cancel);
        for (ulong nonce = 0; nonce < Direct; nonce++)
            await user.SendAsync(rig.Deployment.Inbox, new Inbox.SubmitRunFunction(99, nonce, NodeRig.MaxTaskSteps, []), fee, cancel: Cancel);
        if (areDirectOverdue)
            await rig.Chain.IncreaseTimeAsync(3 * Task + 700, Cancel);

        ulong tasks = areDirectOverdue ? 7ul : 4;
        while (tasks < 1 + Own + Direct)
        {
            await node.WaitForAsync<SyncStatus>("opt_syncStatus", [], status => status.Tasks == tasks && status.IsThrottled);
            await rig.Chain.IncreaseTimeAsync(Task, Cancel);
            tasks++;
        }

        await node.WaitForAsync<SyncStatus>("opt_syncStatus", [], status => status.Tasks == tasks && status.WaitingTasks == 0 && !status.IsThrottled);
        ulong head = await rig.Chain.Client.GetBlockNumberAsync(Cancel);
        for (ulong block = 1; block <= head; block++)
        {
            JsonElement receipts = await rig.Chain.Client.Rpc.CallAsync("eth_getBlockReceipts", [$"0x{block:x}"], Cancel);
            Assert.All(receipts.EnumerateArray(), receipt => Assert.Equal("0x1", receipt.GetProperty("status").GetString()));
        }
    }

    [Fact]
    public async Task A_memory_proof_goes_up_to_the_state_root()
    {
        await using NodeRig rig = await NodeRig.StartAsync();
        NodeProcess node = await rig.StartNodeAsync();
        uint app = await node.DeployAsync("digest", AppPolicy.Stateless);
        GuestProgram program = ElfLoader.Load(await File.ReadAllBytesAsync(Repository.Guest("digest"), Cancel));
        ulong address = GuestMemory.TextAddress + program.Entry;
        MemoryProofInfo proof = await node.CallAsync<MemoryProofInfo>("opt_getMemoryProof", app, address);

        byte[] word = new byte[Word.Length];
        program.Image.Read(address / Word.Length * Word.Length, word);
        Assert.Equal(new Word(word), proof.Word);
        Assert.Equal(program.Image.Root, proof.MemoryRoot);
        Assert.Equal(proof.MemoryRoot, RootOf(proof.WordProof, GuestMemory.Height, proof.Word, proof.WordIndex));
        Word leaf = new AppLeaf(proof.MemoryRoot, proof.Owner, proof.Entry, proof.Policy).Hash();
        Assert.Equal(proof.State.AppsRoot, RootOf(proof.AppProof, QuadTree.AppsHeight, leaf, app));
        Assert.Equal(proof.State.StateRoot, new Quad(proof.State.AppsRoot, proof.State.OutputsRoot, proof.State.Counters, Word.Zero).Hash());

        static Word RootOf(Rpc.HexData encoded, int height, Word leaf, ulong index)
        {
            ReadOnlySpan<byte> bytes = encoded.Bytes.Span;
            Assert.True(QuadProof.TryRead(ref bytes, QuadTreeKind.State, height, out QuadProof? proof, out _));
            return proof.ComputeRoot(leaf, index);
        }
    }

    [Fact]
    public async Task The_client_commands_deploy_submit_and_read()
    {
        await using NodeRig rig = await NodeRig.StartAsync();
        NodeProcess node = await rig.StartNodeAsync();
        string[] at = ["--node", node.Url];
        string key = rig.KeyPath("user");
        ProcessResult deployed = await OptimisticProcess.RunAsync(["app", "deploy", Repository.Guest("digest"), "--key", key, "--json", .. at]);
        Assert.Equal(0, deployed.ExitCode);
        Assert.Equal("deployed", (string?)deployed.Json["receipt"]!["status"]);
        ProcessResult list = await OptimisticProcess.RunAsync(["app", "list", "--json", .. at]);
        Assert.Single(list.Json["apps"]!.AsArray());

        ProcessResult submitted = await OptimisticProcess.RunAsync(
            Encoding.UTF8.GetBytes("abc"), ["task", "submit", "--app", "0", "--key", key, "--input", "-", "--wait", "30", "--json", .. at]);
        Assert.Equal(0, submitted.ExitCode);
        string task = (string)submitted.Json["taskHash"]!;
        ProcessResult get = await OptimisticProcess.RunAsync(["task", "get", task, "--json", .. at]);
        Assert.Equal("halted", (string?)get.Json["receipt"]!["status"]);
        string file = Path.Combine(rig.Folder, "output");
        ProcessResult output = await OptimisticProcess.RunAsync(["task", "output", task, "-o", file, "--json", .. at]);
        Assert.Equal(0, output.ExitCode);
        Assert.Equal(SHA256.HashData("abc"u8), (await File.ReadAllBytesAsync(file, Cancel))[..32]);

        await FailsAsync(1, "does not know", ["task", "get", Word.Zero.ToString(), .. at]);
        await FailsAsync(64, "not a task hash", ["task", "get", "0x12", .. at]);
        await FailsAsync(1, "There is no app 9", ["task", "submit", "--app", "9", "--key", key, .. at]);
        await FailsAsync(64, "Key file", ["task", "submit", "--app", "0", "--key", Path.Combine(rig.Folder, "none"), .. at]);
        await FailsAsync(64, "not a private key", ["task", "submit", "--app", "0", "--key", Repository.Guest("digest"), .. at]);
        await FailsAsync(69, "no node answers", ["app", "list", "--node", "http://127.0.0.1:1"]);
        await FailsAsync(64, "--node needs", ["app", "list", "--node", "nowhere"]);
    }

    [Fact]
    public async Task A_node_that_cannot_start_says_why_in_one_line()
    {
        await using NodeRig rig = await NodeRig.StartAsync();
        string other = Path.Combine(rig.Folder, "other.json");
        ContractsFile contracts = ContractsFile.Of(rig.Deployment, NodeRig.MaxTaskSteps, 1UL << 40);
        await File.WriteAllTextAsync(rig.KeyPath("bad"), "not a key", Cancel);

        await FailsAsync(64, "cannot read contracts file", With("--contracts", "none.json"));
        await File.WriteAllTextAsync(other, "{\"chainId\": 1}", Cancel);
        await FailsAsync(64, "contracts file", With("--contracts", other));
        (contracts with { ChainId = 5 }).Save(other);
        await FailsAsync(69, "chain", With("--contracts", other));
        (contracts with { Rollup = NodeRig.User.Address }).Save(other);
        await FailsAsync(69, "no Rollup contract", With("--contracts", other));
        (contracts with { Inbox = NodeRig.User.Address }).Save(other);
        await FailsAsync(64, "names Inbox", With("--contracts", other));
        await FailsAsync(64, "--contracts", With("--contracts", "0x12"));
        await FailsAsync(69, "no Rollup contract", With("--contracts", NodeRig.User.Address.ToString()));
        await FailsAsync(64, "not a private key", With("--key", rig.KeyPath("bad")));
        await FailsAsync(64, "is not a sequencer", With("--key", rig.KeyPath("user")));
        await FailsAsync(69, "", With("--l1", "http://127.0.0.1:1"));
        await FailsAsync(64, "--l1 needs", With("--l1", "ftp://x"));
        await FailsAsync(64, "--batch-seconds", With("--batch-seconds", "0"));
        await FailsAsync(64, "--drill", [.. rig.NodeArguments(), "--drill", "task=1"]);

        NodeProcess node = await rig.StartNodeAsync();
        await FailsAsync(64, "in use by another node", rig.NodeArguments());
        await node.StopAsync();

        await File.WriteAllBytesAsync(Path.Combine(rig.Folder, "data", "tasks.journal"), new byte[100], Cancel);
        await FailsAsync(64, "damaged", rig.NodeArguments());

        string[] With(string option, string value)
        {
            string[] arguments = rig.NodeArguments();
            arguments[Array.IndexOf(arguments, option) + 1] = value;
            return arguments;
        }
    }

    private static async Task FailsAsync(int code, string why, string[] arguments)
    {
        ProcessResult result = await OptimisticProcess.RunAsync(arguments);
        string[] lines = [.. result.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.Contains("can be read by other users", StringComparison.Ordinal))];
        Assert.True(result.ExitCode == code, $"{string.Join(' ', arguments)}: exit code {result.ExitCode}, {result.Errors}");
        Assert.Single(lines);
        Assert.StartsWith("optimistic: ", lines[0], StringComparison.Ordinal);
        Assert.Contains(why, lines[0], StringComparison.Ordinal);
    }

    private static async Task KillAfterAsync(NodeProcess node, int milliseconds)
    {
        await Task.Delay(milliseconds, Cancel);
        await node.KillAsync();
    }
}
