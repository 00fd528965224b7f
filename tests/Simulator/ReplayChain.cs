using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Optimistic.Challenger;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Simulator;

/// <summary>Where the real contracts and the model disagree.</summary>
/// <param name="Action">Index in the sequence.</param>
internal sealed record Difference(int Seed, int Sequence, int Action, string Transaction, string What, string Model, string Chain)
{
    public override string ToString() =>
        $"game {Seed}, sequence {Sequence}, action {Action} ({Transaction}): {What}: the model has {Model}, the chain {Chain}";
}

/// <summary>
/// Replays recorded games on the real contracts: anvil executes each game in one call of eth_simulateV1, a block with its own time for
/// every transaction, and after it a call that reads the whole state. Nothing is left on the chain, so it stays short.
/// </summary>
internal sealed class ReplayChain : IAsyncDisposable
{
    private const ulong DeployedAt = 999_999;

    /// <summary>Each far below 2^24, the limit of a transaction (EIP-7825).</summary>
    private const ulong ActionGas = 8_000_000, ReadGas = 16_000_000;

    private static readonly Address Deployer = Address.FromWord(ToyTraces.Named("deployer")), Reader = Address.FromWord(ToyTraces.Named("reader"));

    private static readonly Address GuardianAccount = Address.FromWord(ToyTraces.Named("guardian"));

    private static readonly Address OtherGuardianAccount = Address.FromWord(ToyTraces.Named("other guardian"));

    // In the order in which Deploy creates them, the Tournaments of later versions after them.
    private static readonly Address Verifier = ContractAddress.Create(Deployer, 0);
    private static readonly Address Inbox = ContractAddress.Create(Deployer, 1);
    private static readonly Address Lens = ContractAddress.Create(Deployer, 2);
    private static readonly RollupContracts Contracts = new(ContractAddress.Create(Deployer, RollupNonce), TournamentsOf(0), Inbox);

    private const ulong RollupNonce = 4;

    private static readonly UInt128 InitialBalance = UInt128.One << 100;

    private static readonly Word DomainSeparator = Keccak.Hash("replay"u8);

    /// <summary>Creates a contract from its calldata and returns the address: the node takes no transactions that create.</summary>
    private const string DeployerCode = "0x365f5f37365f5ff05f5260205ff3";

    /// <summary>Revert at once, burn all gas, or revert with a megabyte.</summary>
    private static readonly string[] RefusingCode = ["0x5f5ffd", "0xfe", "0x621000005ffd"];

    private static readonly Dictionary<uint, string> Errors = new[] { "Rollup", "Tournament" }
        .SelectMany(name => ContractArtifact.Of(name).Abi.Errors)
        .Select(error => (error.Selector, error.Name))
        .Append((Selector("WitnessRejected()"), "WitnessRejected"))
        .Distinct()
        .ToDictionary();

    /// <summary>A long game takes seconds, and on a machine that does much else, many of them.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    private readonly DevChain _chain;
    private readonly JsonRpcClient _rpc;

    private ReplayChain(DevChain chain)
    {
        _chain = chain;
        _rpc = new JsonRpcClient([chain.Url], null, new JsonRpcOptions { MaxAttempts = 1, AttemptTimeout = Patience });
    }

    public static ReplayViews Views { get; } = new(Contracts, DeployedAt);

    /// <summary>Where the Tournament of a version is deployed.</summary>
    public static Address TournamentsOf(int version) => ContractAddress.Create(Deployer, version == 0 ? RollupNonce - 1 : RollupNonce + (ulong)version);

    public static async Task<ReplayChain> StartAsync(CancellationToken cancel = default) => new(await DevChain.StartAsync(cancel: cancel));

    /// <returns>The first difference in each sequence of the game; empty when there is none.</returns>
    public async Task<IReadOnlyList<Difference>> ReplayAsync(ReplayRecording game, CancellationToken cancel = default)
    {
        var differences = new List<Difference>();
        for (int i = 0; i < game.Sequences.Count; i++)
        {
            if (await ReplayAsync(game, i, cancel) is Difference difference)
                differences.Add(difference);
        }

        return differences;
    }

    public async ValueTask DisposeAsync()
    {
        _rpc.Dispose();
        await _chain.DisposeAsync();
    }

    private async Task<Difference?> ReplayAsync(ReplayRecording game, int index, CancellationToken cancel)
    {
        IReadOnlyList<RecordedAction> actions = game.Sequences[index];
        if (actions.Count == 0)
            return null;
        List<object?> blocks = [Deploy(game.L1, actions)];
        foreach (RecordedAction action in actions)
        {
            (Address to, byte[] data) = Encode(game.L1, action);
            blocks.Add(Block(action.Timestamp, null, Call(action, to, data), Call(Reader, Lens, Read(action), ReadGas)));
        }

        JsonElement answer = await _rpc.CallAsync(
            "eth_simulateV1", [new Dictionary<string, object?> { ["blockStateCalls"] = blocks, ["validation"] = false }, "latest"], cancel);
        JsonElement[] answered = [.. answer.EnumerateArray()];
        foreach (JsonElement deployed in answered[0].GetProperty("calls").EnumerateArray())
        {
            if (!Succeeded(deployed) || new Word(Hex(deployed.GetProperty("returnData"))).IsZero)
                throw new InvalidOperationException($"A contract could not be deployed: {ErrorOf(deployed)}");
        }

        var fees = new Dictionary<Address, UInt128>();
        for (int i = 0; i < actions.Count; i++)
        {
            RecordedAction action = actions[i];
            JsonElement calls = answered[i + 1].GetProperty("calls");
            fees[action.Sender] = fees.GetValueOrDefault(action.Sender) + Quantity(calls[0].GetProperty("gasUsed")) * action.GasPrice;
            if (Compare(action, calls[0], calls[1], fees) is (string what, string model, string chain))
                return new Difference(game.Seed, index, i, action.ToString(), what, model, chain);
        }

        return null;
    }

    private static (string What, string Model, string Chain)? Compare(
        RecordedAction action, JsonElement sent, JsonElement read, Dictionary<Address, UInt128> fees)
    {
        string refusal = Succeeded(sent) ? nameof(Refusal.None) : ErrorOf(sent);
        if (refusal != action.Refusal.ToString())
            return ("refusal", action.Refusal.ToString(), refusal);

        List<L1Event> events = [.. sent.GetProperty("logs").EnumerateArray().Select(ReadLog).Select(log =>
            EventReader.Read(Contracts, log, action.State.Rules) ?? throw new InvalidOperationException($"Nobody reads {log}."))];
        if (Compare(action.Events, events) is (string, string, string) different)
            return different;

        if (!Succeeded(read))
            throw new InvalidOperationException($"The state cannot be read: {ErrorOf(read)}");
        byte[] state = Hex(read.GetProperty("returnData"));
        int at = 0;
        Word Next() => new(state.AsSpan(Word.Length * at++, Word.Length));
        foreach (View view in action.Views)
        {
            for (int k = 0; k < view.Expected.Length; k++)
            {
                Word chain = Next();
                if (chain != view.Expected[k])
                    return ($"{view.NameOf(k)} of {view.Call}", $"{view.Expected[k]}", $"{chain}");
            }
        }

        foreach ((Address account, Int128 net) in action.Net)
        {
            Word chain = Next();
            Word model = ReplayViews.W((UInt128)((Int128)InitialBalance + net + action.Gas.GetValueOrDefault(account)) - fees.GetValueOrDefault(account));
            if (chain != model)
                return ($"balance of {account}", $"{model}", $"{chain}");
        }

        return at * Word.Length == state.Length ? null : ("length of the state", $"{at * Word.Length}", $"{state.Length}");
    }

    /// <summary>All events in order, and what each account was credited with: in how many parts and when does not matter.</summary>
    private static (string What, string Model, string Chain)? Compare(IReadOnlyList<L1Event> model, IReadOnlyList<L1Event> chain)
    {
        // What is in the rules that were added, their own Tournament's views say.
        L1Event[] expected = [.. Ordered([.. model.Select(happened => happened is RulesAddedEvent added ? added with { Rules = null } : happened)])], happened = [.. Ordered(chain)];
        for (int i = 0; i < Math.Max(expected.Length, happened.Length); i++)
        {
            L1Event? one = expected.ElementAtOrDefault(i), other = happened.ElementAtOrDefault(i);
            if (one != other)
                return ($"event {i}", one?.ToString() ?? "none", other?.ToString() ?? "none");
        }

        return null;

        static IEnumerable<L1Event> Ordered(IReadOnlyList<L1Event> events) => events.Where(happened => happened is not CreditedEvent).Concat(
            events.OfType<CreditedEvent>()
                .GroupBy(credited => (credited.Holder, credited.Account))
                .OrderBy(group => group.Key.Account.ToString(), StringComparer.Ordinal)
                .Select(group => new CreditedEvent(group.Key.Holder, group.Key.Account, group.Aggregate(UInt128.Zero, (sum, credited) => sum + credited.Amount))));
    }

    /// <summary>The block in which the contracts are deployed, and all accounts have money.</summary>
    private static Dictionary<string, object?> Deploy(L1Model l1, IReadOnlyList<RecordedAction> actions)
    {
        Word[] batches = [.. l1.World.Batches.Select(batch => batch.Batch.BatchHash)];
        DisputeParameters[] further = [.. actions.Where(action => action.Refusal == Refusal.None).Select(action => action.Action).OfType<AddRules>().Select(added => added.Parameters)];
        byte[][] deployments =
        [
            Bytecode("ReplayVerifier"),
            [.. Bytecode("ReplayInbox"), .. Word.FromUInt64(32).Bytes, .. Word.FromUInt64((ulong)batches.Length).Bytes, .. batches.SelectMany(hash => hash.ToArray())],
            Bytecode("ReplayLens"),
            Tournament(l1.Parameters, GuardianAccount),
            new Abi.Rollup.Deployment(Inbox, Contracts.Tournaments, L1Model.Governor, l1.Genesis.StateRoot).ToDeploymentData(),
            .. further.Select(parameters => Tournament(parameters, OtherGuardianAccount)),
        ];
        var accounts = new Dictionary<string, object?> { [$"{Deployer}"] = Account(DeployerCode) };
        foreach (Address account in actions.SelectMany(action => action.Net.Keys).Distinct())
            accounts[$"{account}"] = Account(l1.Refusing.Contains(account) ? RefusingCode[account.Bytes[^1] % RefusingCode.Length] : null);
        return Block(DeployedAt, accounts, [.. deployments.Select(data => Call(Reader, Deployer, data, ReadGas))]);
    }

    private static byte[] Tournament(DisputeParameters clocks, Address guardian) => new Abi.Tournament.Deployment(
        Verifier,
        DomainSeparator,
        new Abi.Parameters(
            clocks.CensorshipSeconds, clocks.GraceSeconds, clocks.ReplaySeconds, clocks.TraceSeconds,
            (BigInteger)clocks.Stake0, (BigInteger)clocks.Stake1, (BigInteger)clocks.PriceCeiling),
        Contracts.Rollup,
        L1Model.Treasury,
        guardian,
        clocks.PauseBudgetSeconds).ToDeploymentData();

    private static Dictionary<string, object?> Account(string? code)
    {
        var account = new Dictionary<string, object?> { ["balance"] = Hex(InitialBalance) };
        if (code is not null)
            account["code"] = code;
        return account;
    }

    private static Dictionary<string, object?> Block(ulong timestamp, Dictionary<string, object?>? accounts, params object?[] calls)
    {
        var block = new Dictionary<string, object?>
        {
            ["blockOverrides"] = new Dictionary<string, object?> { ["time"] = Hex(timestamp), ["baseFeePerGas"] = "0x0" },
            ["calls"] = calls,
        };
        if (accounts is not null)
            block["stateOverrides"] = accounts;
        return block;
    }

    private static Dictionary<string, object?> Call(RecordedAction action, Address to, byte[] data)
    {
        Dictionary<string, object?> call = Call(action.Sender, to, data, ActionGas);
        call["value"] = Hex(action.Action.Value);
        call["gasPrice"] = Hex(action.GasPrice);
        return call;
    }

    private static Dictionary<string, object?> Call(Address from, Address to, byte[] data, ulong gas) =>
        new() { ["from"] = $"{from}", ["to"] = $"{to}", ["data"] = Hex(data), ["gas"] = Hex(gas) };

    private static byte[] Read(RecordedAction action) =>
        [.. action.Views.SelectMany(view => view.Encode()), .. action.Net.Keys.SelectMany(account => new View(account, null, []).Encode())];

    /// <summary>The call of the challenger, with a witness for ReplayVerifier: who claims what is not the case has a wrong one.</summary>
    private static (Address To, byte[] Data) Encode(L1Model l1, RecordedAction recorded)
    {
        Address tournaments = TournamentsOf(recorded.Version);
        switch (recorded.Action is Elsewhere elsewhere ? elsewhere.Action : recorded.Action)
        {
            case ProveTransition a:
                l1.World.TryOpen(a.State.Agreed, out Quad sigma);
                BatchPreimage batch = l1.World.Batches[(int)a.Batch].Batch.Preimage;
                return (tournaments, new Abi.Tournament.ProveTransitionFunction(
                    EventReader.ToAbi(a.Match),
                    EventReader.ToAbi(MatchPhase.AtLeaf, a.State),
                    EventReader.ToAbi(new TournamentPreimage(a.ParentClaim, a.Attempt, batch)),
                    [.. sigma.C0.Bytes, .. sigma.C1.Bytes, .. sigma.C2.Bytes, .. sigma.C3.Bytes, .. a.Claimed.Bytes],
                    EventReader.ToAbi(a.WinnerChildren, a.WinnerState)).ToCallData());
            case ProveStep a:
                return (tournaments, new Abi.Tournament.ProveStepFunction(
                    EventReader.ToAbi(a.Match),
                    EventReader.ToAbi(MatchPhase.AtLeaf, a.State),
                    a.Claimed.ToArray(),
                    EventReader.ToAbi(a.WinnerChildren, Word.Zero)).ToCallData());
            case Pause:
                return (tournaments, new Abi.Tournament.PauseFunction().ToCallData());
            case Unpause:
                return (tournaments, new Abi.Tournament.UnpauseFunction().ToCallData());
            case PutDown:
                return (Contracts.Rollup, new Abi.Rollup.StakeFunction().ToCallData());
            case TakeBack:
                return (Contracts.Rollup, new Abi.Rollup.UnstakeFunction().ToCallData());
            case AddRules:
                // After it; who is not the governor is refused whatever it adds.
                return (Contracts.Rollup, new Abi.Rollup.AddRulesFunction(TournamentsOf(recorded.State.Rules.Length - 1)).ToCallData());
            default:
                (Address to, FunctionMessage message) = Calls.WithoutWitness(Contracts, recorded.Action);
                return (to == Contracts.Rollup ? to : tournaments, message.ToCallData());
        }
    }

    private static bool Succeeded(JsonElement call) => call.GetProperty("status").GetString() == "0x1";

    /// <summary>The name of the error that a call reverted with.</summary>
    private static string ErrorOf(JsonElement call)
    {
        byte[] data = Hex(call.GetProperty("returnData"));
        if (data.Length < 4)
            return $"a revert without data ({call})";
        return Errors.TryGetValue(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(data), out string? name) ? name : Hex(data);
    }

    private static LogEntry ReadLog(JsonElement log) => new(
        Address.Parse(log.GetProperty("address").GetString()!),
        [.. log.GetProperty("topics").EnumerateArray().Select(topic => Word.Parse(topic.GetString()!))],
        Hex(log.GetProperty("data")),
        0, Word.Zero, Word.Zero, 0);

    private static byte[] Bytecode(string contract)
    {
        using Stream stream = typeof(ReplayChain).Assembly.GetManifestResourceStream(contract)
            ?? throw new InvalidOperationException($"There is no artifact of {contract}.");
        using JsonDocument json = JsonDocument.Parse(stream);
        return Hex(json.RootElement.GetProperty("bytecode"));
    }

    private static uint Selector(string signature) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(Keccak.Hash(System.Text.Encoding.ASCII.GetBytes(signature)).Bytes);

    private static string Hex(UInt128 value) => "0x" + value.ToString("x", CultureInfo.InvariantCulture);

    private static string Hex(byte[] data) => "0x" + Convert.ToHexStringLower(data);

    private static byte[] Hex(JsonElement text) => Convert.FromHexString(text.GetString()!.AsSpan(2));

    private static UInt128 Quantity(JsonElement text) => UInt128.Parse(text.GetString()!.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
