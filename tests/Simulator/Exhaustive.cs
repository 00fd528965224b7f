using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>A small game of which every schedule is played.</summary>
/// <param name="Lies">One for each liar. Liars whose lies differ in the salt alone are interchangeable.</param>
internal sealed record SmallGame(string Name, GameShape Shape, DisputeParameters Clocks, IReadOnlyList<LieAbout> Lies);

/// <summary>How much was seen.</summary>
internal sealed record Explored(int States, int Expanded, int Transitions, int Ends, ulong WorstDelay, bool Whole);

/// <summary>
/// Every schedule of a small game: at each state each liar may do anything that its solver thinks of, the honest solver may act or wait
/// within G and what is left of C, and time may go on to the next edge of a deadline: the last second before it, the deadline itself, the
/// last second in which a move is free or the honest side may wait. States that differ in nothing that matters for the future, and those
/// that differ in the names of interchangeable liars, are looked at once. All properties are checked after every transition.
/// </summary>
internal sealed class Exhaustive
{
    private const string BuildTrace = "prepare-chunk";

    private static readonly Address Honest = Address.FromWord(ToyTraces.Named("honest"));

    private readonly SmallGame _game;
    private readonly ToyWorld _world;
    private readonly ToyBatchTrace _truth;
    private readonly KnownTraces _mine;
    private readonly List<(Address Account, ToyBatchTrace Trace, KnownTraces Known)> _liars = [];
    private readonly PropertyChecks _checks;

    /// <summary>The worst ways to each state, in each respect: by a better one it has no other future, and no worse end.</summary>
    private readonly Dictionary<UInt128, Past> _seen = [];

    /// <summary>The same before the honest side has been asked what it wants.</summary>
    private readonly Dictionary<UInt128, Past> _met = [];
    private readonly Stack<Node> _open = new();

    /// <summary>All ways to give interchangeable liars each other's names, as what each set of players is called then: player i is bit i, the honest one is 0.</summary>
    private readonly byte[][] _renamed;

    /// <summary>A description of a state: of each thing in it its numbers, and after a 1 a byte for each set of players in it.</summary>
    private readonly List<(UInt128 Values, ulong Players)> _items = [];

    /// <summary>Who tells a trace with this root, as bits.</summary>
    private readonly Dictionary<Word, uint> _tellers = [];
    private readonly Dictionary<Address, uint> _accounts = [];
    private readonly HashSet<WantKey> _tried = [];
    private readonly HashSet<Address> _liarAccounts;
    private int _expanded;
    private int _transitions;
    private int _ends;
    private ulong _worstDelay;

    private Exhaustive(SmallGame game, Rule broken, Variant? variant)
    {
        _game = game;
        _world = new ToyWorld(game.Shape, Simulation.Genesis);
        var batch = new ToyBatch(game.Shape, ToyTraces.Named("small batch"), 1);
        var l1 = new L1Model(_world, game.Clocks, broken, variant);
        _world.Batches.Add((batch, l1.Timestamp));
        _truth = Tell(batch, LieAbout.Nothing);
        for (int i = 0; i < game.Lies.Count; i++)
        {
            ToyBatchTrace trace = Tell(batch, game.Lies[i]);
            _liars.Add((Address.FromWord(ToyTraces.Named($"small liar {i}")), trace, new KnownTraces(_world, trace, 0, 0)));
        }

        _liarAccounts = [.. _liars.Select(liar => liar.Account)];
        _mine = new KnownTraces(_world, _truth, game.Clocks.ReplaySeconds, game.Clocks.TraceSeconds);
        Name(Honest, _truth, 0);
        for (int i = 0; i < _liars.Count; i++)
            Name(_liars[i].Account, _liars[i].Trace, i + 1);
        _renamed = [.. Renamings([0]).Select(SetsUnder)];
        var traces = new ToyTraces(() => ulong.MaxValue, 0, 0);
        traces.Append(_truth, 0);
        _checks = new PropertyChecks(traces, new HashSet<Address> { Honest }, defended: true);
        _open.Push(new Node(l1, [], game.Clocks.CensorshipSeconds));
    }

    private ToyBatchTrace Tell(ToyBatch batch, LieAbout lie)
    {
        ToyBatchTrace trace = ToyBatchTrace.Tell(batch, Simulation.Genesis, lie);
        _world.Register(trace);
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

    private static byte[] SetsUnder(int[] renaming)
    {
        var sets = new byte[1 << renaming.Length];
        for (int set = 0; set < sets.Length; set++)
        {
            for (int player = 0; player < renaming.Length; player++)
                sets[set] |= (byte)((set >> player & 1) << renaming[player]);
        }

        return sets;
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
    public static Explored Explore(SmallGame game, int maxStates, Rule broken = Rule.None, Variant? variant = null)
    {
        var search = new Exhaustive(game, broken, variant);
        while (search._open.Count > 0 && search._seen.Count < maxStates)
            search.Expand(search._open.Pop());
        return new Explored(search._seen.Count, search._expanded, search._transitions, search._ends, search._worstDelay, search._open.Count == 0);
    }

    private void Expand(Node node)
    {
        // What the honest side wants now follows from the rest: most states are known before it is asked.
        L1Model l1 = node.L1;
        Past past = PastOf(l1);
        if (!IsWorse(_met, Fingerprint(node), past))
            return;
        IReadOnlyList<L1Action> mine = DecideHonest(ref node);
        if (!IsWorse(_seen, Fingerprint(node), past))
            return;
        _expanded++;
        if (l1.IsConfirmed(0) && l1.Arenas.All(arena => arena.Level == 1 || arena.Result != TournamentResult.Undecided))
        {
            _ends++;
            _checks.AtTheEnd(l1, _liarAccounts);
            return;
        }

        foreach (L1Action action in mine)
            Try(node, Honest, action, honest: true);

        // Whichever liar ends a match or moves for somebody else: together they pay and are paid the same.
        _tried.Clear();
        foreach ((Address account, _, KnownTraces traces) in _liars)
        {
            foreach (GameAction action in Solver.Decide(l1.Shape, account, new SolverPolicy(0, UInt128.MaxValue), l1.Index, traces, l1.Timestamp))
            {
                if (action is not L1Action transaction || action is Withdraw or Recover)
                    continue;
                if (action is PostClaim or PostChallenge or JoinInner || _tried.Add(WantKey.Of(action)))
                    Try(node, account, transaction, honest: false);
            }
        }

        if (NextEdge(node, mine) is not ulong next)
            return;
        bool late = mine.Any(action => l1.Timestamp >= node.Find(WantKey.Of(action))!.Since + _game.Clocks.GraceSeconds);
        L1Model later = l1.Copy();
        later.Timestamp = next;
        PropertyChecks.Require(
            later.Timestamp - 1_000_000 < 100_000, Property.GamesEnd, $"a small game is not over after a day");
        _open.Push(node with { L1 = later, Censorship = late ? node.Censorship - (next - l1.Timestamp) : node.Censorship });
    }

    private Past PastOf(L1Model l1)
    {
        ulong delay = 0;
        foreach (ModelArena arena in l1.Arenas)
            delay = arena.Level == 0 && arena.Result == TournamentResult.Undecided ? Math.Max(delay, l1.RulesOf(arena).Now - arena.StartedAt) : delay;
        return new Past(l1.Balance(Honest), PropertyChecks.LostBeyond(l1, _liarAccounts), delay);
    }

    /// <summary>Whether nothing so bad has led to that state yet; from now on it has.</summary>
    private static bool IsWorse(Dictionary<UInt128, Past> known, UInt128 state, Past past)
    {
        ref Past worst = ref CollectionsMarshal.GetValueRefOrAddDefault(known, state, out bool seen);
        Past worse = seen ? past.Or(worst) : past;
        if (seen && worse == worst)
            return false;
        worst = worse;
        return true;
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
        foreach (Want want in node.Wants)
        {
            if (want.Key.Name == BuildTrace)
                Edge(want.Since + _game.Clocks.TraceSeconds);
        }

        foreach (L1Action action in mine)
        {
            ulong due = node.Find(WantKey.Of(action))!.Since + grace;
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
        _checks.AfterTransition(next, node.L1);
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
        var wants = new List<Want>();
        var actions = new List<L1Action>();
        bool asked = false;
        _mine.Node = node;
        foreach (GameAction action in Solver.Decide(l1.Shape, Honest, new SolverPolicy(null, UInt128.MaxValue), l1.Index, _mine, l1.Timestamp))
        {
            var key = WantKey.Of(action);
            Want? want = node.Find(key);
            bool isNew = want is null;
            wants.Add(want ?? new Want(key, l1.Timestamp));
            asked |= isNew && action is PrepareChunk;
            if (action is L1Action transaction)
                actions.Add(transaction);
        }

        // A trace that was begun will be there, wanted or not.
        foreach (Want want in node.Wants)
        {
            if (want.Key.Name == BuildTrace && !wants.Contains(want))
                wants.Add(want);
        }

        node = node with { Wants = [.. wants] };

        // A trace that costs no time is there when it is asked for.
        return asked ? DecideHonest(ref node) : actions;
    }

    /// <summary>Of all that matters for what can happen from here on, with times relative to now and players' names in the least order.</summary>
    private UInt128 Fingerprint(Node node)
    {
        _items.Clear();
        Describe(node);
        UInt128 least = UInt128.MaxValue;
        foreach (byte[] renamed in _renamed)
        {
            UInt128 sum = 0;
            foreach ((UInt128 values, ulong players) in CollectionsMarshal.AsSpan(_items))
            {
                ulong named = 0;
                for (int shift = 0; players >> shift != 0; shift += 8)
                    named |= (ulong)renamed[players >> shift & 0xFF] << shift;
                sum += Mixer.Mix(values, named);
            }

            least = UInt128.Min(least, sum);
        }

        return least;
    }

    /// <summary>Writes a state down as items whose order does not matter.</summary>
    private void Describe(Node node)
    {
        L1Model l1 = node.L1;
        DisputeParameters clocks = _game.Clocks;
        ulong Age(ulong since, ulong cap) => Math.Min(l1.Now - since, cap);
        var values = new Mixer();
        ulong players = 1;
        void Add(ulong value) => values.Add(value);
        void Players(uint some) => players = players << 8 | some;
        void Root(Word root) => Players(_tellers.GetValueOrDefault(root));
        void End()
        {
            _items.Add((values.Value, players));
            (values, players) = (new Mixer(), 1);
        }

        void Match(MatchId id)
        {
            Root(id.One);
            Root(id.Two);
            if (l1.Arena(id.Tournament).Level == 1)
                Match(l1.Match(id.Tournament).Id);
        }

        void Arena(ModelArena arena)
        {
            if (arena.Level == 1)
                Match(l1.Match(arena.Id).Id);
            else
                Add(l1.Claims.First(claim => claim.Ref.Tournament == arena.Id).Attempt);
        }

        Add(node.Censorship);
        Add(Math.Min(l1.Timestamp - _world.Batches[0].AppendedAt, clocks.ReplaySeconds));
        End();
        foreach (Want want in node.Wants)
        {
            bool trace = want.Key.Name == BuildTrace;
            foreach (char c in want.Key.Name)
                Add(c);
            if (trace)
                Add(BinaryPrimitives.ReadUInt64BigEndian(want.Key.Subject.Bytes[24..]));
            else if (l1.HasMatch(want.Key.Subject))
                Match(l1.Match(want.Key.Subject).Id);
            Add(Age(want.Since, trace ? clocks.TraceSeconds : clocks.GraceSeconds));
            End();
        }

        foreach (ModelClaim claim in l1.Claims)
        {
            Root(claim.Ref.TraceRoot);
            Add(claim.Attempt);
            Add(claim.Held > 0 && !claim.Confirmed ? Age(claim.PostedAt, clocks.Allowance) : 0);
            Add(claim.Confirmed ? 1UL : 0);
            Players(claim.Parent.IsZero ? 0 : _accounts[claim.Claimer]);
            End();
        }

        int inside = 0;
        foreach (ModelArena arena in l1.Arenas)
        {
            // What was inside a match that has ended is of no use to anybody any more; the formula asks how many there were.
            if (arena.Level == 1)
                inside = Math.Max(inside, arena.Commitments.Count);
            if (arena.Level == 1 && arena.Result != TournamentResult.Undecided)
                continue;
            Arena(arena);
            Add((ulong)arena.Result);
            if (arena.Result == TournamentResult.Undecided)
            {
                Add(Age(arena.StartedAt, Math.Max(arena.AllowanceOne, arena.AllowanceTwo)));
                Add(arena.AllowanceOne);
                Add(arena.AllowanceTwo);
                Root(arena.Dangling ?? Word.Zero);
                Add(arena.Dangling is null ? 0 : arena.DanglingBalance);
                Add((ulong)arena.Pot);
                foreach (Waiting waiting in arena.Queue)
                {
                    Root(waiting.Root);
                    Add(waiting.Balance);
                }
            }
            else
            {
                Root(arena.Winner);
            }

            End();
            foreach (ModelCommitment commitment in arena.Commitments.Values)
            {
                if (arena.Result != TournamentResult.Undecided)
                    break;
                Arena(arena);
                Root(commitment.Root);
                Players(_accounts[commitment.Claimer]);
                Add((ulong)commitment.Side + (commitment.Eliminated ? 4UL : 0));
                Add(l1.State.Arenas[arena.Id].Commitments[commitment.Root].Children == default ? 1UL : 0);
                End();
            }
        }

        Add((ulong)inside);
        End();
        foreach (ModelMatch match in l1.Matches)
        {
            if (match.Outcome is not null)
                continue;
            Match(match.Id);
            Add((ulong)match.Phase);
            if (match.Bisection is Bisection state)
            {
                Add(state.Position);
                Add((ulong)state.Height);
                Add(Age(state.Since, Math.Max(state.BalanceOne, state.BalanceTwo) + 1UL));
                Add(state.BalanceOne);
                Add(state.BalanceTwo);
            }
            else
            {
                Add(match.Phase == MatchPhase.Inner ? 0 : Age(match.Leaf!.Since, Math.Max(match.Leaf.BalanceOne, match.Leaf.BalanceTwo) + 1UL));
                Add(match.Leaf!.BalanceOne);
                Add(match.Leaf.BalanceTwo);
                Add(match.Leaf.Position);
            }

            End();
        }
    }

    /// <summary>What <see cref="GameAction.Key"/> says, in less room.</summary>
    /// <param name="Subject">The match, claim or tournament that it is about; of a chunk its position.</param>
    /// <param name="Node">Where a bisection stands.</param>
    private readonly record struct WantKey(string Name, Word Subject, Word Node)
    {
        public static WantKey Of(GameAction action) => action switch
        {
            Advance a => new(a.Name, Hashes.Of(a.Match), a.State.Node),
            Seal a => new(a.Name, Hashes.Of(a.Match), a.State.Node),
            Challenger.Timeout a => new(a.Name, Hashes.Of(a.Match), a.State.Node),
            ProveStep a => new(a.Name, Hashes.Of(a.Match), default),
            ProveTransition a => new(a.Name, Hashes.Of(a.Match), default),
            Eliminate a => new(a.Name, Hashes.Of(a.Match), default),
            ResolveInner a => new(a.Name, Hashes.Of(a.Match), default),
            Confirm a => new(a.Name, Hashes.Of(a.Claim), default),
            PrepareChunk a => OfChunk(a.Position),
            _ => new(action.Name, action.Subject, default),
        };

        public static WantKey OfChunk(ulong position) => new(BuildTrace, Word.FromUInt64(position), default);
    }

    /// <summary>What of a state's past matters for its end.</summary>
    /// <param name="Balance">Of the honest side.</param>
    /// <param name="Lost">By the liars, beyond what they have to.</param>
    /// <param name="Delay">Since its tournament of level 0 began.</param>
    private readonly record struct Past(Int128 Balance, Int128 Lost, ulong Delay)
    {
        public Past Or(Past other) => new(Int128.Min(Balance, other.Balance), Int128.Min(Lost, other.Lost), Math.Max(Delay, other.Delay));
    }

    /// <summary>An action of the honest side that waits to be done.</summary>
    private sealed record Want(WantKey Key, ulong Since);

    /// <param name="Wants">What the honest side wants.</param>
    /// <param name="Censorship">What is left of C.</param>
    private sealed record Node(L1Model L1, Want[] Wants, ulong Censorship)
    {
        public Want? Find(WantKey key) => Array.Find(Wants, want => want.Key == key);
    }

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

        public static UInt128 Mix(UInt128 values, ulong players) => new(Mix((ulong)(values >> 64) ^ players), Mix((ulong)values + players * 0xD6E8FEB86659FD93));

        private static ulong Mix(ulong z)
        {
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }

    /// <summary>The one batch as one player tells it. A liar has everything at once.</summary>
    private sealed class KnownTraces(ToyWorld world, ToyBatchTrace trace, uint replaySeconds, uint traceSeconds) : IOwnTraces
    {
        private readonly OwnClaim _claim = new(0, trace.Batch.BatchHash, trace.Last.Hash(), trace.Root, world.Batches[0].AppendedAt);

        /// <summary>Where the one who has to wait stands; null: nothing costs time.</summary>
        public Node? Node { get; set; }

        public OwnClaim? Claim(ulong batch) => batch == 0 && (Node is null || Node.L1.Timestamp >= _claim.AppendedAt + replaySeconds) ? _claim : null;

        public IBatchTrace? Batch(ulong batch) => Claim(batch) is null ? null : trace;

        public ITrace? Chunk(ulong batch, ulong position)
        {
            bool ready = Node is null || (Node.Find(WantKey.OfChunk(position)) is Want want && Node.L1.Timestamp >= want.Since + traceSeconds);
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
        new("heights 2 and 1, a lie in a chunk, with long clocks", Low, Long, [Chunk]),
        new("heights 2 and 1, equal lies in a chunk, one in a load", Low, Tightest, [.. Chunks[..2], Load]),
        new("heights 2 and 1, three equal lies in a chunk", Low, Tightest, Chunks),
    ];

    /// <summary>Half a minute, and little that the others have not.</summary>
    public static SmallGame Larger { get; } = new("heights 1 and 1, three equal lies in a chunk", Lowest, Tightest, Chunks);

    /// <summary>Those in which rules of pairing and of clocks are compared: with two liars inside a match, and three at level 0.</summary>
    public static IEnumerable<SmallGame> Weighed => All.Where(game => game.Name is
        "heights 2 and 1, a lie in a chunk" or "heights 2 and 1, equal lies in a chunk" or "heights 2 and 1, different lies in a chunk"
        or "heights 2 and 1, three lies in loads and stores");
}
