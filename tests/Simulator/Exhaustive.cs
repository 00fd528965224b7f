using System.Collections.Immutable;
using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>A small game of which every schedule is played.</summary>
/// <param name="Lies">One for each liar. Liars whose lies differ in the salt alone are interchangeable.</param>
internal sealed record SmallGame(string Name, GameShape Shape, DisputeParameters Clocks, IReadOnlyList<LieAbout> Lies);

/// <summary>How much was seen.</summary>
internal sealed record Explored(int States, int Transitions, int Ends, ulong WorstDelay, bool Whole);

/// <summary>
/// Every schedule of a small game: at each state each liar may do anything that its solver thinks of, the honest solver may act or wait
/// within G and what is left of C, and time may go on to the next edge of a deadline: the last second before it, the deadline itself, the
/// last second in which a move is free or the honest side may wait. States that differ in nothing that matters for the future, and those
/// that differ in the names of interchangeable liars, are looked at once. All properties are checked after every transition.
/// </summary>
internal sealed class Exhaustive
{
    private static readonly Address Honest = Address.FromWord(ToyTraces.Named("honest"));

    private readonly SmallGame _game;
    private readonly ToyWorld _world;
    private readonly ToyBatchTrace _truth;
    private readonly List<(Address Account, ToyBatchTrace Trace)> _liars = [];
    private readonly PropertyChecks _checks;

    /// <summary>
    /// The least that the honest side had in each state, and the longest that its tournament had been open: with more money, or less delay,
    /// a state has no other future, and no worse end.
    /// </summary>
    private readonly Dictionary<UInt128, (Int128 Balance, ulong Delay)> _seen = [];
    private readonly Stack<Node> _open = new();

    /// <summary>All ways to give interchangeable liars each other's names: numbers of all players, the honest one is 0.</summary>
    private readonly List<int[]> _renamings;

    /// <summary>Who tells a trace with this root, as bits.</summary>
    private readonly Dictionary<Word, uint> _tellers = [];
    private readonly Dictionary<Address, uint> _accounts = [];
    private readonly HashSet<string> _tried = [];
    private int _transitions;
    private int _ends;
    private ulong _worstDelay;

    private Exhaustive(SmallGame game, Rule broken)
    {
        _game = game;
        _world = new ToyWorld(game.Shape, Simulation.Genesis);
        var batch = new ToyBatch(game.Shape, ToyTraces.Named("small batch"), 1);
        var l1 = new L1Model(_world, game.Clocks, broken);
        _world.Batches.Add((batch, l1.Timestamp));
        _truth = Tell(batch, LieAbout.Nothing);
        for (int i = 0; i < game.Lies.Count; i++)
            _liars.Add((Address.FromWord(ToyTraces.Named($"small liar {i}")), Tell(batch, game.Lies[i])));
        Name(Honest, _truth, 0);
        for (int i = 0; i < _liars.Count; i++)
            Name(_liars[i].Account, _liars[i].Trace, i + 1);
        _renamings = [.. Renamings([0])];
        var traces = new ToyTraces(() => ulong.MaxValue, 0, 0);
        traces.Append(_truth, 0);
        _checks = new PropertyChecks(traces, new HashSet<Address> { Honest }, defended: true);
        _open.Push(new Node(l1, ImmutableDictionary<string, Want>.Empty, game.Clocks.CensorshipSeconds));
    }

    private ToyBatchTrace Tell(ToyBatch batch, LieAbout lie)
    {
        ToyBatchTrace trace = ToyBatchTrace.Tell(batch, Simulation.Genesis, lie);
        _world.Register(trace.Openings);
        return trace;
    }

    private void Name(Address account, ToyBatchTrace trace, int player)
    {
        _accounts[account] = 1U << player;
        Tells(trace.Root);
        for (ulong position = 0; position < _game.Shape.BatchLeaves; position++)
        {
            if (trace.ChunkAt(position) is RunTrace chunk)
                Tells(chunk.Root);
        }

        void Tells(Word root) => _tellers[root] = _tellers.GetValueOrDefault(root) | 1U << player;
    }

    private IEnumerable<int[]> Renamings(int[] names)
    {
        if (names.Length > _liars.Count)
        {
            yield return names;
            yield break;
        }

        LieAbout mine = _game.Lies[names.Length - 1];
        for (int other = 1; other <= _liars.Count; other++)
        {
            if (names.Contains(other) || _game.Lies[other - 1] with { Salt = mine.Salt } != mine)
                continue;
            foreach (int[] renaming in Renamings([.. names, other]))
                yield return renaming;
        }
    }

    /// <exception cref="PropertyViolationException">A property does not hold in some schedule.</exception>
    public static Explored Explore(SmallGame game, int maxStates, Rule broken = Rule.None)
    {
        var search = new Exhaustive(game, broken);
        while (search._open.Count > 0 && search._seen.Count < maxStates)
            search.Expand(search._open.Pop());
        return new Explored(search._seen.Count, search._transitions, search._ends, search._worstDelay, search._open.Count == 0);
    }

    private void Expand(Node node)
    {
        L1Model l1 = node.L1;
        IReadOnlyList<L1Action> mine = DecideHonest(ref node);
        UInt128 state = Fingerprint(node);
        (Int128 balance, ulong delay) = (l1.Balance(Honest), 0);
        foreach (ModelArena arena in l1.Arenas)
            delay = arena.Level == 0 && arena.Result == TournamentResult.Undecided ? Math.Max(delay, l1.RulesOf(arena).Now - arena.StartedAt) : delay;
        bool seen = _seen.TryGetValue(state, out (Int128 Balance, ulong Delay) worst);
        if (seen && worst.Balance <= balance && worst.Delay >= delay)
            return;
        _seen[state] = seen ? (Int128.Min(balance, worst.Balance), Math.Max(delay, worst.Delay)) : (balance, delay);
        if (l1.IsConfirmed(0) && l1.Arenas.All(arena => arena.Level == 1 || arena.Result != TournamentResult.Undecided))
        {
            _ends++;
            _checks.AtTheEnd(l1, [.. _liars.Select(liar => liar.Account)]);
            return;
        }

        foreach (L1Action action in mine)
            Try(node, Honest, action, honest: true);

        // Whichever liar ends a match or moves for somebody else: together they pay and are paid the same.
        _tried.Clear();
        foreach ((Address account, ToyBatchTrace trace) in _liars)
        {
            var traces = new KnownTraces(_world, trace, null, 0, 0);
            foreach (GameAction action in Solver.Decide(l1.Shape, account, new SolverPolicy(0, UInt128.MaxValue), l1.Index, traces, l1.Timestamp))
            {
                if (action is not L1Action transaction || action is Withdraw or Recover)
                    continue;
                if (action is PostClaim or PostChallenge or JoinInner || _tried.Add(action.Key))
                    Try(node, account, transaction, honest: false);
            }
        }

        if (NextEdge(node, mine) is not ulong next)
            return;
        bool late = mine.Any(action => l1.Timestamp >= node.Wants[action.Key].Since + _game.Clocks.GraceSeconds);
        L1Model later = l1.Copy();
        later.Timestamp = next;
        PropertyChecks.Require(
            later.Timestamp - 1_000_000 < 100_000, Property.GamesEnd, $"a small game is not over after a day");
        _open.Push(node with { L1 = later, Censorship = late ? node.Censorship - (next - l1.Timestamp) : node.Censorship });
    }

    /// <summary>The next time at which something becomes possible, ends or begins to cost; null when the honest side may not wait for it, or there is none.</summary>
    private ulong? NextEdge(Node node, IReadOnlyList<L1Action> mine)
    {
        L1Model l1 = node.L1;
        uint grace = _game.Clocks.GraceSeconds;
        ulong now = l1.Timestamp, next = ulong.MaxValue, last = ulong.MaxValue;
        void Edge(ulong at) => next = at > now ? Math.Min(next, at) : next;
        foreach (ulong deadline in l1.Deadlines())
        {
            Edge(deadline - 1);
            Edge(deadline);
        }

        foreach (ModelMatch match in l1.Matches)
        {
            if (match.Outcome is null && match.Phase != MatchPhase.Inner)
                Edge((match.Bisection?.Since ?? match.Leaf!.Since) + grace);
        }

        Edge(_world.Batches[0].AppendedAt + _game.Clocks.ReplaySeconds);
        foreach (Want want in node.Wants.Values)
        {
            if (want.Name == "prepare-chunk")
                Edge(want.Since + _game.Clocks.TraceSeconds);
        }

        foreach (L1Action action in mine)
        {
            ulong due = node.Wants[action.Key].Since + grace;
            last = Math.Min(last, Math.Max(due, now));
        }

        // What it wants is due: from here on it is held back, by the censor and no longer.
        if (last == now)
            last = now + node.Censorship;
        Edge(last == ulong.MaxValue ? 0 : last);
        return next <= last && next != ulong.MaxValue ? next : null;
    }

    private void Try(Node node, Address account, L1Action action, bool honest)
    {
        L1Model next = node.L1.Copy();
        Refusal refusal = next.Apply(account, action);
        PropertyChecks.Require(!honest || refusal == Refusal.None, Property.HonestIsNeverRefused, $"{action.Name}: {refusal}");
        if (refusal != Refusal.None)
            return;
        _transitions++;
        _checks.AfterTransition(next);
        if (action is Settle settle)
        {
            ModelArena settled = next.Arena(settle.Tournament);
            _worstDelay = Math.Max(_worstDelay, next.Now - settled.StartedAt);
            _checks.AfterSettlement(next, settled);
        }

        _open.Push(node with { L1 = next });
    }

    /// <summary>What the honest side wants to do, and since when it has wanted it.</summary>
    private List<L1Action> DecideHonest(ref Node node)
    {
        L1Model l1 = node.L1;
        var wants = ImmutableDictionary.CreateBuilder<string, Want>();
        var actions = new List<L1Action>();
        var traces = new KnownTraces(_world, _truth, node, _game.Clocks.ReplaySeconds, _game.Clocks.TraceSeconds);
        bool asked = false;
        foreach (GameAction action in Solver.Decide(l1.Shape, Honest, new SolverPolicy(null, UInt128.MaxValue), l1.Index, traces, l1.Timestamp))
        {
            bool isNew = !node.Wants.TryGetValue(action.Key, out Want? want);
            wants[action.Key] = want ?? new Want(action.Name, action is PrepareChunk prepare ? Word.FromUInt64(prepare.Position) : action.Subject, l1.Timestamp);
            asked |= isNew && action is PrepareChunk;
            if (action is L1Action transaction)
                actions.Add(transaction);
        }

        foreach ((string key, Want want) in node.Wants)
        {
            if (want.Name == "prepare-chunk")
                wants[key] = want;
        }

        node = node with { Wants = wants.ToImmutable() };

        // A trace that costs no time is there when it is asked for.
        return asked ? DecideHonest(ref node) : actions;
    }

    /// <summary>Of all that matters for what can happen from here on, with times relative to now and players' names in the least order.</summary>
    private UInt128 Fingerprint(Node node)
    {
        UInt128 least = UInt128.MaxValue;
        foreach (int[] renaming in _renamings)
            least = UInt128.Min(least, Fingerprint(node, renaming));
        return least;
    }

    private UInt128 Fingerprint(Node node, int[] renaming)
    {
        L1Model l1 = node.L1;
        DisputeParameters clocks = _game.Clocks;
        ulong Age(ulong since, ulong cap) => Math.Min(l1.Now - since, cap);
        uint Renamed(uint players)
        {
            uint renamed = 0;
            for (int player = 0; player < renaming.Length; player++)
                renamed |= (players >> player & 1) << renaming[player];
            return renamed;
        }

        uint Of(Word root) => Renamed(_tellers.GetValueOrDefault(root));
        ulong Match(MatchId id) => Of(id.One) | (ulong)Of(id.Two) << 8 | (l1.Arena(id.Tournament).Level == 1 ? Match(l1.Match(id.Tournament).Id) << 16 : 0);
        ulong Subject(Word id) => l1.HasMatch(id) ? 1 | Match(l1.Match(id).Id) << 1 : 0;

        var hash = new Mixer();
        hash.Add(node.Censorship);
        hash.Add(Math.Min(l1.Timestamp - _world.Batches[0].AppendedAt, clocks.ReplaySeconds));
        UInt128 sum = 0;
        foreach (Want want in node.Wants.Values)
        {
            var one = new Mixer();
            foreach (char c in want.Name)
                one.Add(c);
            bool trace = want.Name == "prepare-chunk";
            if (trace)
                one.Add(want.Subject);
            else
                one.Add(Subject(want.Subject));
            one.Add(Age(want.Since, trace ? clocks.TraceSeconds : clocks.GraceSeconds));
            sum += one.Value;
        }

        foreach (ModelClaim claim in l1.Claims)
        {
            var one = new Mixer();
            one.Add(Of(claim.Ref.TraceRoot));
            one.Add(claim.Attempt);
            one.Add(claim.Held > 0 && !claim.Confirmed ? Age(claim.PostedAt, clocks.Allowance) : 0);
            one.Add(claim.Confirmed ? 1UL : 0);
            one.Add(claim.Parent.IsZero ? 0 : Renamed(_accounts[claim.Claimer]));
            sum += one.Value;
        }

        foreach (ModelArena arena in l1.Arenas)
        {
            var one = new Mixer();
            one.Add(arena.Level == 1 ? Match(l1.Match(arena.Id).Id) : l1.Claims.First(claim => claim.Ref.Tournament == arena.Id).Attempt);
            one.Add((ulong)arena.Result);
            if (arena.Result == TournamentResult.Undecided)
            {
                one.Add(Age(arena.StartedAt, Math.Max(arena.AllowanceOne, arena.AllowanceTwo)));
                one.Add(arena.AllowanceOne);
                one.Add(arena.AllowanceTwo);
                one.Add(arena.Dangling is Word dangling ? Of(dangling) : 0);
                one.Add(arena.Dangling is null ? 0 : arena.DanglingBalance);
                one.Add(arena.HasEnded ? 1UL : 0);
                UInt128 commitments = 0;
                foreach (ModelCommitment commitment in arena.Commitments.Values)
                {
                    var two = new Mixer();
                    two.Add(Of(commitment.Root));
                    two.Add(Renamed(_accounts[commitment.Claimer]));
                    two.Add((ulong)commitment.Side + (commitment.Eliminated ? 4UL : 0));
                    two.Add(l1.State.Arenas[arena.Id].Commitments[commitment.Root].Children == default ? 1UL : 0);
                    commitments += two.Value;
                }

                one.Add((ulong)commitments);
                one.Add((ulong)(commitments >> 64));
            }
            else
            {
                one.Add(arena.Result == TournamentResult.Winner ? Of(arena.Winner) : 0);
            }

            sum += one.Value;
        }

        foreach (ModelMatch match in l1.Matches)
        {
            if (match.Outcome is not null)
                continue;
            var one = new Mixer();
            one.Add(Match(match.Id));
            one.Add((ulong)match.Phase);
            if (match.Bisection is Bisection state)
            {
                one.Add(state.Position);
                one.Add((ulong)state.Height);
                one.Add(Age(state.Since, Math.Max(state.BalanceOne, state.BalanceTwo) + 1UL));
                one.Add(state.BalanceOne);
                one.Add(state.BalanceTwo);
            }
            else
            {
                one.Add(match.Phase == MatchPhase.Inner ? 0 : Age(match.Leaf!.Since, Math.Max(match.Leaf.BalanceOne, match.Leaf.BalanceTwo) + 1UL));
                one.Add(match.Leaf!.BalanceOne);
                one.Add(match.Leaf.BalanceTwo);
                one.Add(match.Leaf.Position);
            }

            sum += one.Value;
        }

        hash.Add((ulong)sum);
        hash.Add((ulong)(sum >> 64));
        return hash.Value;
    }

    /// <summary>An action of the honest side that waits to be done.</summary>
    private sealed record Want(string Name, Word Subject, ulong Since);

    /// <param name="Wants">What the honest side wants, by key.</param>
    /// <param name="Censorship">What is left of C.</param>
    private sealed record Node(L1Model L1, ImmutableDictionary<string, Want> Wants, ulong Censorship);

    /// <summary>Two lanes of 64 bits, so that two states of a search do not meet by chance.</summary>
    private struct Mixer
    {
        private ulong _a, _b;

        public readonly UInt128 Value => new(_a, _b);

        public void Add(ulong value)
        {
            _a = Mix(_a ^ value) + 0x9E3779B97F4A7C15;
            _b = Mix(_b + value * 0xD6E8FEB86659FD93 + 1);
        }

        public void Add(Word word)
        {
            foreach (ulong part in System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(word.Bytes))
                Add(part);
        }

        private static ulong Mix(ulong z)
        {
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }

    /// <summary>The one batch as one player tells it. A liar has everything at once.</summary>
    private sealed class KnownTraces(ToyWorld world, ToyBatchTrace trace, Node? node, uint replaySeconds, uint traceSeconds) : IOwnTraces
    {
        public OwnClaim? Claim(ulong batch)
        {
            ulong appended = world.Batches[0].AppendedAt;
            bool ready = node is null || node.L1.Timestamp >= appended + replaySeconds;
            return batch == 0 && ready ? new OwnClaim(0, trace.Batch.BatchHash, trace.Last.Hash(), trace.Root, appended) : null;
        }

        public IBatchTrace? Batch(ulong batch) => Claim(batch) is null ? null : trace;

        public ITrace? Chunk(ulong batch, ulong position)
        {
            string key = new PrepareChunk(Word.Zero, batch, position).Key;
            bool ready = node is null || (node.Wants.TryGetValue(key, out Want? want) && node.L1.Timestamp >= want.Since + traceSeconds);
            return ready ? trace.ChunkAt(position) : null;
        }
    }
}

/// <summary>
/// The small games that are played whole. With height 1 the first claim never shows the children of its root in an advance, so whoever is
/// not its claimer cannot pair it again: there, games have one inner tournament at most. Real trees are higher.
/// </summary>
internal static class SmallGames
{
    private static readonly DisputeParameters Tight = Simulation.Clocks(censorship: 1, grace: 1, replay: 1, trace: 1);

    private static readonly DisputeParameters Tightest = Simulation.Clocks(censorship: 0, grace: 1, replay: 0, trace: 0);

    private static readonly DisputeParameters Long = Simulation.Clocks(censorship: 7, grace: 3, replay: 2, trace: 2);

    private static readonly GameShape Lowest = new(1, 1, 1), Low = new(2, 1, 1), Inside = new(1, 1, 2);

    private static readonly LieAbout
        Chunk = new(Lie.MachineInChunk, 1, 2, 1),
        ChunkEnd = new(Lie.MachineAfterTransition, 1, 0, 2),
        Load = new(Lie.MachineAfterTransition, 0, 0, 3),
        AnotherLoad = new(Lie.OutputsAfterTransition, 0, 0, 5),
        Store = new(Lie.OutputsAfterTransition, 3, 0, 4);

    private static readonly LieAbout[]
        Chunks = [Chunk, Chunk with { Salt = 8 }, Chunk with { Salt = 9 }],
        Loads = [Load, Load with { Salt = 8 }, Load with { Salt = 9 }];

    public static IReadOnlyList<SmallGame> All { get; } =
    [
        new("heights 1 and 1, a lie in a chunk", Lowest, Tight, [Chunk]),
        new("heights 1 and 1, a lie in a load", Lowest, Tight, [Load]),
        new("heights 1 and 1, lies in a load and in a store", Lowest, Tightest, [Load, Store]),
        new("heights 1 and 1, lies in a load and in a chunk", Lowest, Tightest, [Load, Chunk]),
        new("heights 1 and 2, a lie in a chunk", Inside, Tightest, [Chunk]),
        new("heights 1 and 2, equal lies in a chunk", Inside, Tightest, Chunks[..2]),
        new("heights 2 and 1, lies in a load and in a store", Low, Tightest, [Load, Store]),
        new("heights 2 and 1, a lie in a chunk", Low, Tightest, [Chunk]),
        new("heights 2 and 1, equal lies in a chunk", Low, Tightest, Chunks[..2]),
        new("heights 2 and 1, different lies in a chunk", Low, Tightest, [Chunk, ChunkEnd]),
        new("heights 2 and 1, three equal lies in a load", Low, Tightest, Loads),
        new("heights 2 and 1, three lies in loads and stores", Low, Tightest, [Load, Store, AnotherLoad]),
    ];

    /// <summary>Minutes each.</summary>
    public static IReadOnlyList<SmallGame> Larger { get; } =
    [
        new("heights 2 and 1, a lie in a chunk, with long clocks", Low, Long, [Chunk]),
        new("heights 2 and 1, equal lies in a chunk, one in a load", Low, Tightest, [.. Chunks[..2], Load]),
        new("heights 1 and 1, three equal lies in a chunk", Lowest, Tightest, Chunks),
        new("heights 2 and 1, three equal lies in a chunk", Low, Tightest, Chunks),
    ];
}
