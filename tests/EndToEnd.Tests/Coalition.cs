using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using Optimistic.Challenger;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Contracts.Tests;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Optimistic.Vm.Trace;
using Xunit.Sdk;

namespace Optimistic.EndToEnd.Tests;

/// <summary>When a liar makes the moves that it has.</summary>
internal enum Tactic
{
    /// <summary>At once.</summary>
    Prompt,

    /// <summary>In the last second of its clock, so that each match lasts as long as it can.</summary>
    LastInstant,

    /// <summary>Never: it joins, and its clock runs out.</summary>
    Silent,
}

/// <summary>An account of the coalition.</summary>
/// <param name="Receiver">A contract that the account acts through, and that spoils what is paid to it; null: it acts by itself.</param>
internal sealed record Purse(Account Account, Address? Receiver = null, Spoiling Spoiling = default)
{
    /// <summary>Who the contracts think it is.</summary>
    public Address Address => Receiver ?? Account.Address;

    public ulong Nonce { get; set; }

    /// <summary>What it has done: what was refused once is refused again.</summary>
    public HashSet<(Word Subject, int Height)> Done { get; } = [];
}

/// <summary>A root that an account plays in a tournament.</summary>
/// <param name="JoinAt">It joins a tournament of level 0 in this second.</param>
/// <param name="Inner">The only inner tournament that it plays in; null: it plays at level 0, and in all those of its matches.</param>
internal sealed record Part(string Name, Purse Purse, IOwnTraces Traces, Tactic Tactic, ulong JoinAt, Word? Inner);

/// <summary>Something that a part has to do.</summary>
/// <param name="Subject">The match, or the inner tournament that it joins; zero: it joins at level 0.</param>
/// <param name="Height">Of the node that it answers, 0 at the leaf.</param>
/// <param name="Due">Timestamp of the block in which it does it.</param>
internal sealed record Turn(Part Part, Word Subject, int Height, ulong Due)
{
    public (Word Subject, int Height) Key => (Subject, Height);
}

/// <summary>How long a match took, in seconds of L1.</summary>
/// <param name="Inside">Of these in its inner tournament.</param>
internal sealed record MatchTime(Word Id, int Level, bool IsHonest, ulong Seconds, ulong Inside);

/// <summary>
/// Many liars that are one purse, against one challenger process. They lie about everything there is to lie about, at both levels, and
/// they make the blocks: they choose the second of every block, and hold the honest side's transactions back for as long as the
/// censorship budget lets them. Time is what their blocks say, so the speed of the machine decides nothing. Beside the liars there are
/// a front-runner, which copies every honest call that it sees in the pool and has it mined before it; a squatter, which joins the true
/// root before the honest side can; and contracts that spoil every payment to them.
/// </summary>
internal sealed class Coalition : IAsyncDisposable
{
    /// <summary>More blocks than any game here needs.</summary>
    private const int MaxBlocks = 6_000;

    /// <summary>How long the challenger may take to look at a block and to send what follows from it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120), Look = TimeSpan.FromMilliseconds(8);

    private static readonly BigInteger Gwei = BigInteger.Pow(10, 9), Ether = BigInteger.Pow(10, 18);

    /// <summary>Base fee of every block, and what the coalition pays at most and tips, wei.</summary>
    private static readonly BigInteger BaseFee = 100 * Gwei, MaxFee = 1000 * Gwei, Tip = Gwei, FirstTip = 50 * Gwei;

    /// <summary>Gas that each call of the coalition may use.</summary>
    private const ulong GasLimit = 350_000;

    /// <summary>In the place of a height: joining.</summary>
    private const int JoinKey = -1;

    /// <summary>Gas of a call through a receiver, and of a payment that one makes fail.</summary>
    private const ulong ReceiverGas = 100_000;

    /// <summary>Of the liars at level 0, every so many-eth acts through a receiver that misbehaves.</summary>
    private const int ReceiverEvery = 3;

    /// <summary>Steps of the chunks here after which nothing happens any more.</summary>
    private const ulong BusySteps = 64;

    private readonly World _world;
    private readonly Random _random;
    private readonly ProgramProcess _challenger;
    private readonly string _folder;
    private readonly Account _honest;
    private readonly Calls _calls;
    private readonly List<BatchExecution> _executions = [];
    private readonly List<Part> _parts = [];
    private readonly Dictionary<(Word Tournament, Word Root), Part> _playing = [];
    private readonly HashSet<Word> _infiltrated = [];
    private readonly Dictionary<Word, ulong> _matchedAt = [];
    private readonly List<MatchTime> _matchTimes = [];
    private readonly List<Purse> _purses = [];
    private readonly Purse _frontRunner = new(new Account(Keccak.Hash("front-runner"u8)));
    private readonly Purse _squatter = new(new Account(Keccak.Hash("squatter"u8)));
    private readonly int _sybils;
    private readonly bool _thieves;
    private readonly HiddenPool? _relay;
    private uint _censorship;

    private Coalition(World world, int seed, int sybils, bool thieves, HiddenPool? relay)
    {
        _world = world;
        _random = new Random(seed);
        _sybils = sybils;
        _thieves = thieves;
        _relay = relay;
        _censorship = World.Parameters.CensorshipSeconds;
        _calls = new Calls(world.Contracts, null!);
        _folder = Directory.CreateTempSubdirectory("optimistic-liars-").FullName;
        _honest = DevChain.Accounts[HonestAccount];
        string[] arguments =
        [
            "watch", "--l1", world.Chain.Url.ToString(), "--rollup", world.Contracts.Rollup.ToString(),
            "--key", KeyPath, "--data", DataFolder, "--poll-seconds", "0.05",
        ];
        _challenger = new ProgramProcess(
            "challenger", _folder, ProgramProcess.Challenger, relay is null ? arguments : [.. arguments, "--send-rpc", relay.Url.ToString()]);
        Game = new L1Game(world);
    }

    public const int HonestAccount = 7;

    /// <summary>What each account of the coalition has.</summary>
    public const int PurseEther = 100;

    public L1Game Game { get; }

    public GameState State => Game.State;

    public IReadOnlyList<Part> Parts => _parts;

    /// <summary>Those that join true roots.</summary>
    public IReadOnlyList<Address> Thieves => [_frontRunner.Address, _squatter.Address];

    /// <summary>All accounts of the coalition.</summary>
    public IEnumerable<Purse> Purses => [.. _purses, _frontRunner, _squatter];

    public Address Honest => _honest.Address;

    public IReadOnlyList<MatchTime> MatchTimes => _matchTimes;

    /// <summary>Transactions mined, of everybody.</summary>
    public int Transactions { get; private set; }

    public int HonestTransactions { get; private set; }

    /// <summary>Of these reverted on L1.</summary>
    public int HonestReverts { get; private set; }

    public ulong HonestGas { get; private set; }

    /// <summary>What the reverted transactions of the honest side cost it, wei.</summary>
    public BigInteger HonestRevertCost { get; private set; }

    /// <summary>Honest calls that the front-runner copied.</summary>
    public int Copied { get; private set; }

    public int Blocks { get; private set; }

    /// <summary>Transactions of the coalition that reverted on L1: false proofs, and moves that came too late.</summary>
    public int CoalitionReverts { get; private set; }

    /// <summary>Proofs that the coalition made, of leaves that were right against another liar's, and tried to make.</summary>
    public int Proofs { get; private set; }

    public int FalseProofs { get; private set; }

    /// <summary>Seconds by which the blocks held honest transactions back.</summary>
    public uint Censored => World.Parameters.CensorshipSeconds - _censorship;

    /// <summary>Timestamp of the block that settled the tournament; 0: it is not settled.</summary>
    public ulong SettledAt { get; private set; }

    public string ChallengerLog => _challenger.Log;

    private string KeyPath => Path.Combine(_folder, "honest.key");

    private string DataFolder => Path.Combine(_folder, "challenger");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <param name="liars">At level 0.</param>
    /// <param name="sybils">Of these, how many also join each inner tournament of the honest side, on either side of it.</param>
    /// <param name="thieves">Whether the squatter takes the true root at level 0, and the front-runner copies joins too: then the honest side may be nobody's claimer.</param>
    /// <param name="hidden">Whether the challenger sends through a private relay. Whoever makes the blocks takes what it has when all else is chosen, and drops what would revert.</param>
    /// <param name="honestEther">What the challenger's account has.</param>
    public static async Task<Coalition> BeginAsync(World world, int liars, int sybils, bool thieves, bool hidden, int honestEther, int seed)
    {
        await world.ResetAsync();
        var coalition = new Coalition(world, seed, sybils, thieves, hidden ? new HiddenPool() : null);
        await coalition.PrepareAsync(liars, honestEther);
        return coalition;
    }

    /// <summary>Plays until the batch is confirmed, everything is settled and the challenger has fetched what it is owed.</summary>
    public async Task PlayAsync()
    {
        _challenger.Start();
        for (; Blocks < MaxBlocks; Blocks++)
        {
            await FollowAsync();
            (int underWay, int waiting) = await ChallengerActsAsync();
            if (underWay + waiting == 0 && IsOver())
                return;
            Infiltrate();

            ulong next = Moments().Where(moment => moment > Game.Now).DefaultIfEmpty(0UL).Min();
            if (underWay + waiting > 0)
                next = Math.Min(next == 0 ? ulong.MaxValue : next, Game.Now + 1 + (underWay > 0 ? Censor() : 0));
            Assert.True(next > 0, "Nobody acts, and nothing becomes possible by waiting.");
            int sent = await SendAsync(next);
            sent += await FrontRunAsync();
            await MineAsync(next, sent, _relay is null ? underWay : await _relay.GiveAsync(_world.Client, Honest, Cancel));
        }

        Assert.Fail($"The game has not ended after {MaxBlocks} blocks.");
    }

    /// <summary>
    /// Everybody but the challenger fetches what it is owed. A receiver that spoils its own payment gets nothing by it, and then has it paid
    /// elsewhere.
    /// </summary>
    public async Task FetchAsync(params Account[] others)
    {
        Purse[] purses = [.. Purses, .. others.Select(account => new Purse(account))];
        foreach (Purse other in purses[^others.Length..])
            other.Nonce = await _world.Client.GetTransactionCountAsync(other.Account.Address, BlockParameter.Latest, Cancel);
        (Purse Purse, UInt128 Credit)[] spoilt = [.. Purses.Where(purse => purse.Receiver is not null && Credit(purse) > 0).Select(purse => (purse, Credit(purse)))];
        Assert.NotEmpty(spoilt);
        await MineAsync(Game.Now + 1, await SendAsync([.. spoilt.Select(one => Withdrawal(one.Purse, one.Purse.Address))]), honest: 0);
        await FollowAsync();
        foreach ((Purse purse, UInt128 credit) in spoilt)
        {
            bool takes = purse.Spoiling == Spoiling.Bomb;
            Assert.Equal(takes ? 0 : credit, Credit(purse));
            Assert.Equal(takes ? (BigInteger)credit : 0, await _world.Client.GetBalanceAsync(purse.Address, cancel: Cancel));
        }

        purses = [.. purses.Where(purse => Credit(purse) > 0)];
        await MineAsync(Game.Now + 1, await SendAsync([.. purses.Select(purse => Withdrawal(purse, purse.Account.Address))]), honest: 0);
        await FollowAsync();

        UInt128 Credit(Purse purse) => State.CreditOf(CreditHolder.Tournament, purse.Address);

        RpcRequest Withdrawal(Purse purse, Address to) =>
            Sign(purse, _world.Contracts.Tournaments, new Contracts.Bindings.Tournament.WithdrawFunction(to).ToCallData(), 0, Tip);
    }

    public async ValueTask DisposeAsync()
    {
        _challenger.Dispose();
        if (_relay is not null)
            await _relay.DisposeAsync();
        foreach (BatchExecution execution in _executions)
            execution.Dispose();
        await _world.Chain.SetAutomineAsync(true, CancellationToken.None);
        Directory.Delete(_folder, recursive: true);
    }

    private bool IsOver() =>
        State.Claims[State.LatestConfirmed].Batch == 0 && State.Arenas.Values.All(arena => arena.Result != TournamentResult.Undecided);

    private async Task PrepareAsync(int liars, int honestEther)
    {
        await File.WriteAllTextAsync(KeyPath, DevChain.PrivateKey(HonestAccount).ToString(), Cancel);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(KeyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await _world.Chain.SetBalanceAsync(Honest, honestEther * Ether, Cancel);
        await _world.Chain.SetAutomineAsync(false, Cancel);
        await Game.FollowAsync();

        ulong start = Game.Now + 2;
        uint window = World.Parameters.Allowance, grace = World.Parameters.GraceSeconds;
        Lie[] lies = [.. Lies.Many(liars, _random)];
        for (int i = 0; i < liars; i++)
        {
            var execution = new BatchExecution(RollupState.Genesis, _world.Batch, _world.DomainSeparator, lies[i]);
            _executions.Add(execution);
            var account = new Account(Keccak.Hash(Encoding.ASCII.GetBytes($"liar {i}")));
            int receiver = i / ReceiverEvery;
            Purse purse = i % ReceiverEvery == ReceiverEvery - 1
                ? new Purse(account, await Receiver.PlaceAsync(_world.Chain, receiver, Cancel), Receiver.KindOf(receiver))
                : new Purse(account);
            _purses.Add(purse);

            // The first one claims; two thirds of the rest come with it, some later, some when their clock has little more than the grace, and
            // one in the last second in which it can.
            Tactic tactic = (i % 8) switch { 0 or 4 => Tactic.Prompt, 7 => Tactic.Silent, _ => Tactic.LastInstant };
            ulong joinAt = start + (i % 6) switch
            {
                _ when i == 0 => 0UL,
                _ when i == liars - 1 => window - 1,
                3 => (ulong)_random.Next(2, (int)window),
                5 => window - grace - 1,
                _ => 1,
            };
            _parts.Add(new Part(lies[i].Name, purse, execution.Traces, tactic, joinAt, Inner: null));
        }

        foreach (Purse purse in Purses)
            await _world.Chain.SetBalanceAsync(purse.Account.Address, PurseEther * Ether, Cancel);
        if (_thieves)
            _parts.Insert(0, new Part("squatter", _squatter, _world.Truth.Traces, Tactic.Silent, start + 1, Inner: null));

        Assert.Equal(liars, _executions.Select(execution => execution.Trace.Root).Append(_world.Truth.Trace.Root).Distinct().Count() - 1);
    }

    /// <summary>Follows L1 to its head, which is one block on, and notes when matches begin and end.</summary>
    private async Task FollowAsync()
    {
        await Game.FollowAsync();
        foreach (Match match in State.Matches.Values)
        {
            _matchedAt.TryAdd(match.Id, Game.Now);
            if (match.Live || _matchTimes.Any(time => time.Id == match.Id))
                continue;
            Arena arena = State.Arenas[match.Tournament];
            ulong inside = State.Arenas.TryGetValue(match.Id, out Arena? inner) ? Game.Now - inner.StartedAt : 0;
            bool isHonest = IsHonest(arena, match.One) || IsHonest(arena, match.Two);
            _matchTimes.Add(new MatchTime(match.Id, arena.Level, isHonest, Game.Now - _matchedAt[match.Id], inside));
        }

        if (SettledAt == 0 && State.Arenas.Values.Any(arena => arena is { Level: 0, Result: not TournamentResult.Undecided }))
            SettledAt = Game.Now;
    }

    /// <summary>Whether a root is the true one, whoever joined it.</summary>
    private bool IsHonest(Arena arena, Word root) => root == (arena.Level == 0
        ? _world.Truth.Trace.Root
        : _world.Truth.Traces.Chunk(0, State.Matches[arena.Id].Leaf!.Position)?.Root);

    /// <summary>Waits until the challenger has looked at this block and all that it wants to do is in the pool.</summary>
    /// <returns>Its transactions in the pool or at the relay, and what it cannot do before the next block.</returns>
    private async Task<(int UnderWay, int Waiting)> ChallengerActsAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(Patience);
        string path = Path.Combine(DataFolder, StatusFile.Name), seen = "";
        while (true)
        {
            _challenger.RequireStartedOrKilled();
            if (File.Exists(path))
            {
                seen = await File.ReadAllTextAsync(path, Cancel);
                using JsonDocument status = JsonDocument.Parse(seen);
                int decided = Count("decided"), underWay = Count("underWay"), waiting = Count("waiting");
                int Count(string list) => status.RootElement.GetProperty(list).GetArrayLength();
                bool hasLooked = status.RootElement.GetProperty("head").GetProperty("number").GetUInt64() == Game.Game.Head!.Value.Number &&
                    status.RootElement.GetProperty("executedBatches").GetUInt64() == 1;
                // What is decided and neither under way nor waits for the next block is local work.
                if (hasLooked && decided == underWay + waiting && await InPoolAsync() == underWay)
                    return (underWay, waiting);
            }

            if (patience.IsCancellationRequested)
                throw new XunitException($"The challenger does not come to rest at block {Game.Game.Head!.Value.Number}: {seen}\n{_challenger.Tail()}");
            await Task.Delay(Look, Cancel);
        }
    }

    private async Task<int> InPoolAsync() => _relay is not null ? (await _relay.ReadyAsync(_world.Client, Honest, BlockParameter.Latest, Cancel)).Count : (int)(
        await _world.Client.GetTransactionCountAsync(Honest, BlockParameter.Pending, Cancel)
        - await _world.Client.GetTransactionCountAsync(Honest, BlockParameter.Latest, Cancel));

    /// <summary>Seconds by which the next block with honest transactions is late.</summary>
    private ulong Censor()
    {
        if (_censorship == 0 || _random.Next(3) != 0)
            return 0;
        return (ulong)_random.Next(1, (int)Math.Min(_censorship, World.Parameters.CensorshipSeconds / 5) + 1);
    }

    /// <summary>Makes a block at a time, with everything that is in the pool.</summary>
    private async Task MineAsync(ulong timestamp, int sent, int honest)
    {
        if (honest > 0)
            _censorship -= (uint)(timestamp - Game.Now - 1);
        await _world.Chain.SetNextBaseFeeAsync(BaseFee, Cancel);
        await _world.Chain.WarpAsync(timestamp, Cancel);
        JsonElement receipts = await _world.Client.Rpc.CallAsync("eth_getBlockReceipts", ["latest"], Cancel);
        Assert.Equal(sent + honest, receipts.GetArrayLength());
        foreach (JsonElement receipt in receipts.EnumerateArray())
        {
            bool reverted = receipt.GetProperty("status").GetString() != "0x1";
            Transactions++;
            if (Address.Parse(receipt.GetProperty("from").GetString()!) != Honest)
            {
                CoalitionReverts += reverted ? 1 : 0;
                continue;
            }

            HonestTransactions++;
            ulong gas = Convert.ToUInt64(receipt.GetProperty("gasUsed").GetString(), 16);
            HonestGas += gas;
            if (reverted)
            {
                HonestReverts++;
                HonestRevertCost += gas * (BigInteger)Convert.ToUInt64(receipt.GetProperty("effectiveGasPrice").GetString(), 16);
            }
        }
    }

    /// <summary>When the coalition acts, clocks run out and windows close.</summary>
    private IEnumerable<ulong> Moments()
    {
        foreach (Turn turn in Turns())
            yield return turn.Due;
        foreach (Match match in State.Matches.Values.Where(match => match.Live))
        {
            if (match.Bisection is { } bisection)
                yield return bisection.Since + MoversBalance(match, bisection);
            else if (match is { Phase: MatchPhase.AtLeaf, Leaf: { } leaf })
                yield return leaf.Since + Math.Max(leaf.BalanceOne, leaf.BalanceTwo);
        }

        foreach (Arena arena in State.Arenas.Values.Where(arena => arena.Result == TournamentResult.Undecided))
        {
            yield return arena.StartedAt + arena.AllowanceOne;
            yield return arena.StartedAt + arena.AllowanceTwo;
        }
    }

    private bool IsOnesTurn(Match match, Bisection state) =>
        (GameShape.Standard.HeightOf(State.Arenas[match.Tournament].Level) - state.Height) % 2 == 0;

    private uint MoversBalance(Match match, Bisection state) => IsOnesTurn(match, state) ? state.BalanceOne : state.BalanceTwo;

    /// <summary>What the coalition has to do: each once, whether it is refused or not.</summary>
    private IEnumerable<Turn> Turns() => AllTurns().Where(turn => !turn.Part.Purse.Done.Contains(turn.Key));

    private IEnumerable<Turn> AllTurns()
    {
        ulong soon = Game.Now + 1;
        if (SettledAt == 0)
        {
            foreach (Part part in _parts.Where(part => part.Inner is null))
                yield return new Turn(part, Word.Zero, 0, Math.Max(soon, part.JoinAt));
        }

        foreach (Match match in State.Matches.Values.Where(match => match.Live))
        {
            IEnumerable<Turn?> turns = match switch
            {
                { Bisection: { } state } => [MoveOf(match, IsOnesTurn(match, state) ? match.One : match.Two, state.Height, state.Since, MoversBalance(match, state))],
                { Phase: MatchPhase.AtLeaf, Leaf: { } leaf } =>
                    [MoveOf(match, match.One, 0, leaf.Since, leaf.BalanceOne), MoveOf(match, match.Two, 0, leaf.Since, leaf.BalanceTwo)],
                _ => JoinsOf(match, State.Arenas[match.Id]),
            };
            foreach (Turn? turn in turns)
            {
                if (turn is not null)
                    yield return turn;
            }
        }
    }

    /// <summary>Null when nobody of the coalition plays that root, or it is overdue, or does not move.</summary>
    private Turn? MoveOf(Match match, Word root, int height, ulong since, uint balance)
    {
        ulong soon = Game.Now + 1;
        if (!_playing.TryGetValue((match.Tournament, root), out Part? part) || part.Tactic == Tactic.Silent || soon >= since + balance)
            return null;
        return new Turn(part, match.Id, height, part.Tactic == Tactic.LastInstant ? since + balance - 1 : soon);
    }

    private IEnumerable<Turn?> JoinsOf(Match outer, Arena inner)
    {
        foreach ((Word root, int side) in new[] { (outer.One, 1), (outer.Two, 2) })
        {
            if (_playing.TryGetValue((outer.Tournament, root), out Part? part) && part.Tactic != Tactic.Silent)
                yield return JoinOf(part, side);
        }

        foreach (Part sybil in _parts.Where(part => part.Inner == inner.Id))
            yield return JoinOf(sybil, ((SybilTraces)sybil.Traces).Side);

        Turn? JoinOf(Part part, int side)
        {
            // The later it joins, the later it is known; with less than the grace left it could not make a move.
            uint allowance = inner.AllowanceOf(side), reserve = World.Parameters.GraceSeconds + 1;
            ulong joinAt = part.Tactic == Tactic.LastInstant && allowance > reserve ? inner.StartedAt + allowance - reserve : 0;
            ulong due = Math.Max(Game.Now + 1, joinAt);
            return due < inner.StartedAt + allowance ? new Turn(part, inner.Id, JoinKey, due) : null;
        }
    }

    /// <summary>
    /// Sends others into every new inner tournament of the honest side: they end in the contested root of the liar, or in the true one,
    /// and come to it in a way that is nobody's computation.
    /// </summary>
    private void Infiltrate()
    {
        foreach (Match outer in State.Matches.Values.Where(match => match is { Live: true, Phase: MatchPhase.Inner }))
        {
            Arena arena = State.Arenas[outer.Tournament];
            if (!IsHonest(arena, outer.One) && !IsHonest(arena, outer.Two) || !_infiltrated.Add(outer.Id))
                continue;

            ulong position = outer.Leaf!.Position;
            bool honestIsOne = IsHonest(arena, outer.One);
            if (_thieves || _random.Next(2) == 0)
            {
                var truth = new SybilTraces(_world.Truth.Traces, position, _world.Truth.Traces.Chunk(0, position)!, honestIsOne ? 1 : 2);
                _parts.Add(new Part("squatter", _squatter, truth, Tactic.Silent, 0, outer.Id));
            }

            // In some the last of them takes the honest side, in others all do.
            int firstInside = _random.Next(3) == 0 ? 0 : _sybils - 1;
            for (int i = 0; i < _sybils; i++)
            {
                Word root = honestIsOne == (i >= firstInside) ? outer.One : outer.Two;
                IOwnTraces outside = _playing.TryGetValue((outer.Tournament, root), out Part? ally) ? ally.Traces : _world.Truth.Traces;
                TreeTrace forged = Forge(outside.Chunk(0, position)!, from: (ulong)_random.Next((int)BusySteps), _random.Next());
                Purse[] free = [.. _purses.Except(_parts.Where(part => part.Inner == outer.Id).Select(part => part.Purse)).Where(purse => !IsIn(outer, purse))];
                if (free.Length == 0)
                    break;
                Purse purse = free[_random.Next(free.Length)];
                _parts.Add(new Part(
                    "sybil", purse, new SybilTraces(outside, position, forged, root == outer.One ? 1 : 2),
                    i % 2 == 0 ? Tactic.LastInstant : Tactic.Prompt, 0, outer.Id));
            }
        }
    }

    private bool IsIn(Match match, Purse purse) => new[] { match.One, match.Two }.Any(
        root => _playing.TryGetValue((match.Tournament, root), out Part? part) && part.Purse == purse);

    /// <summary>Another way to the same end: noise from a step on, for a few steps.</summary>
    private static TreeTrace Forge(ITrace chunk, ulong from, int seed)
    {
        var noise = new Random(seed);
        var builder = new RunLengthTrace.Builder(TraceTree.ChunkHeight);
        byte[] bytes = new byte[Word.Length];
        for (ulong step = 0; step < 2 * BusySteps; step++)
        {
            noise.NextBytes(bytes);
            builder.Add(step >= from && step < from + 8 ? new Word(bytes) : chunk.Leaf(step), 1);
        }

        builder.Add(chunk.Leaf((1UL << (2 * TraceTree.ChunkHeight)) - 1), (1UL << (2 * TraceTree.ChunkHeight)) - builder.Count);
        return new TreeTrace(builder.Build());
    }

    /// <summary>Sends all that the coalition does in the block of this time.</summary>
    /// <returns>How many transactions.</returns>
    private async Task<int> SendAsync(ulong timestamp)
    {
        var requests = new List<RpcRequest>();
        foreach (Turn turn in Turns().Where(turn => turn.Due <= timestamp).ToArray())
        {
            Purse purse = turn.Part.Purse;
            purse.Done.Add(turn.Key);
            L1Action? action = Solver.Decide(
                    GameShape.Standard, purse.Address, new SolverPolicy(0, UInt128.MaxValue), State, turn.Part.Traces, timestamp)
                .OfType<L1Action>().FirstOrDefault(action => IsAbout(action, turn.Subject));
            if (action is null)
                continue;
            Remember(turn.Part, action);
            (Address to, FunctionMessage message) = action is ProveStep or ProveTransition ? (_world.Contracts.Tournaments, Prove(action)) : _calls.Of(action);
            requests.Add(Sign(purse, to, message.ToCallData(), EventReader.Big(action.Value), purse == _squatter ? FirstTip : Tip));
        }

        return await SendAsync(requests);
    }

    /// <summary>Copies the honest side's calls out of the pool, as its own and with a higher tip.</summary>
    /// <returns>How many transactions.</returns>
    private async Task<int> FrontRunAsync()
    {
        var requests = new List<RpcRequest>();
        Address honest = Honest, own = _frontRunner.Address;
        JsonElement pool = await _world.Client.Rpc.CallAsync("txpool_content", [], Cancel);
        foreach (JsonProperty sender in pool.GetProperty("pending").EnumerateObject().Where(sender => Address.Parse(sender.Name) == honest))
        {
            foreach (JsonProperty pending in sender.Value.EnumerateObject().OrderBy(pending => ulong.Parse(pending.Name, CultureInfo.InvariantCulture)))
            {
                byte[] data = Convert.FromHexString(pending.Value.GetProperty("input").GetString()![2..]);
                UInt128 value = UInt128.Parse(pending.Value.GetProperty("value").GetString()![2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                // What pays a bond joins.
                if (value != 0 && !_thieves)
                    continue;
                for (int at; (at = data.AsSpan().IndexOf(honest.Bytes)) >= 0;)
                    own.Bytes.CopyTo(data.AsSpan(at));
                requests.Add(Sign(_frontRunner, Address.Parse(pending.Value.GetProperty("to").GetString()!), data, (BigInteger)value, FirstTip));
                Copied++;
            }
        }

        return await SendAsync(requests);
    }

    private RpcRequest Sign(Purse purse, Address to, ReadOnlyMemory<byte> data, BigInteger value, BigInteger tip)
    {
        SignedTransaction signed = new Transaction(
            _world.Client.ChainId, purse.Nonce++, tip, MaxFee, GasLimit + (purse.Receiver is null ? 0 : ReceiverGas), purse.Receiver ?? to, value,
            purse.Receiver is null ? data : Receiver.Call(to, data)).Sign(purse.Account);
        return new RpcRequest("eth_sendRawTransaction", $"0x{Convert.ToHexStringLower(signed.Raw.Span)}");
    }

    /// <returns>How many.</returns>
    private async Task<int> SendAsync(IReadOnlyCollection<RpcRequest> requests)
    {
        if (requests.Count == 0)
            return 0;
        foreach (RpcResponse answer in await _world.Client.Rpc.CallBatchAsync([.. requests], Cancel))
            answer.Result();
        return requests.Count;
    }

    private static bool IsAbout(L1Action action, Word subject) => action switch
    {
        PostClaim or PostChallenge => subject.IsZero,
        JoinInner or Challenger.Advance or Seal or ProveStep or ProveTransition => action.Subject == subject,
        _ => false,
    };

    /// <summary>Who plays which root, from the moment it joins.</summary>
    private void Remember(Part part, L1Action action)
    {
        (Word Tournament, Word Root)? joined = action switch
        {
            PostClaim a => (a.Tournament, a.TraceRoot),
            PostChallenge a => (a.First.Tournament, a.TraceRoot),
            JoinInner a => (a.Tournament, a.Root),
            _ => null,
        };
        if (joined is { } place)
            _playing[place] = part;
    }

    /// <summary>
    /// The true witness where a liar's leaf happens to be right, which it is against another liar that was wrong before it; else the same
    /// with one byte changed, which L1 must refuse.
    /// </summary>
    private FunctionMessage Prove(L1Action action)
    {
        (ITrace? truth, ulong position, Word agreed, Word claimed) = action switch
        {
            ProveStep a => (_world.Truth.Traces.Chunk(0, a.Chunk), a.State.Position, a.State.Agreed, a.Claimed),
            ProveTransition a => ((ITrace?)_world.Truth.Trace, a.State.Position, a.State.Agreed, a.Claimed),
            _ => throw new InvalidOperationException($"{action.Name} proves nothing."),
        };
        bool isRight = truth is not null && truth.Leaf(position) == claimed && (position == 0 || truth.Leaf(position - 1) == agreed);
        if (isRight)
            Proofs++;
        else
            FalseProofs++;
        return Liar.Proof(_world, action, isRight ? witness => witness : witness => Liar.Corrupt(witness, position));
    }

    /// <summary>What somebody believes who has only one inner tournament in mind, and another way to its end.</summary>
    private sealed class SybilTraces(IOwnTraces outside, ulong position, ITrace forged, int side) : IOwnTraces
    {
        public int Side => side;

        public OwnClaim? Claim(ulong batch) => outside.Claim(batch);

        public IBatchTrace? Batch(ulong batch) => outside.Batch(batch);

        public ITrace? Chunk(ulong batch, ulong at) => at == position ? forged : outside.Chunk(batch, at);
    }
}

/// <summary>What a receiver does with a payment.</summary>
internal enum Spoiling
{
    /// <summary>Reverts, with much data.</summary>
    Revert,

    /// <summary>Burns all gas that it is given.</summary>
    Burn,

    /// <summary>Takes it, and returns much data.</summary>
    Bomb,
}

/// <summary>A contract that does what its owner's call says, and spoils every payment to it.</summary>
internal static class Receiver
{
    /// <summary>
    /// Without calldata: jumps to its end. Else CALL of the first 20 bytes of calldata, with the rest of them and all the value, and REVERT
    /// when that fails.
    /// </summary>
    private const string Forward = "36156029576014360380601460003760006000826000346000356060" + "1c5af160275760006000fd5b005b";

    /// <summary>With 64 KiB of data; a loop; the same data.</summary>
    private static readonly string[] Spoil = ["620100006000fd", "602956", "620100006000f3"];

    public static Spoiling KindOf(int number) => (Spoiling)(number % Spoil.Length);

    public static async Task<Address> PlaceAsync(DevChain chain, int number, CancellationToken cancel)
    {
        Address address = new Account(Keccak.Hash(Encoding.ASCII.GetBytes($"receiver {number}"))).Address;
        await chain.SetCodeAsync(address, Convert.FromHexString(Forward + Spoil[(int)KindOf(number)]), cancel);
        return address;
    }

    /// <summary>Calldata with which it makes a call.</summary>
    public static byte[] Call(Address to, ReadOnlyMemory<byte> data) => [.. to.Bytes, .. data.Span];
}
