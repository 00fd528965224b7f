using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>A small game of which every schedule is played.</summary>
/// <param name="Lies">One for each liar. Liars whose lies differ in the salt alone are interchangeable.</param>
internal sealed record SmallGame(string Name, GameShape Shape, DisputeParameters Clocks, IReadOnlyList<LieAbout> Lies);

/// <summary>What a search leaves out, since it is the same as what it looks at.</summary>
[Flags]
internal enum Reductions
{
    None = 0,

    /// <summary>Of the orders of moves of one instant that have nothing to do with each other, all but one (sleep sets, Godefroid 1996).</summary>
    Orders = 1,

    /// <summary>Who makes a move: anybody may make it for whoever it is for, and is paid for it; nothing else differs.</summary>
    Senders = 2,

    All = Orders | Senders,
}

/// <summary>What was seen.</summary>
/// <param name="Digest">Of all states, whatever the order in which they were come to.</param>
/// <param name="Results">How it can end: which attempt, and whose claim, is confirmed.</param>
/// <param name="LeastLeft">Wei that the honest side has at least in the end, beyond what it began with.</param>
/// <param name="LeastLost">Wei that the liars lose at least, beyond what they have to (spec 4.6.8).</param>
internal sealed record Explored(
    int States, UInt128 Digest, int Transitions, IReadOnlyCollection<string> Results, ulong WorstDelay, Int128 LeastLeft, Int128 LeastLost, bool Whole);

/// <summary>
/// Every schedule of a small game: at each state each liar may do anything that its solver thinks of, the honest solver may act or wait
/// within G and what is left of C, and time may go on to the next edge of a deadline: the last second before it, the deadline itself, the
/// last second in which a move is free or the honest side may wait. All properties are checked after every transition.
/// </summary>
/// <remarks>
/// Each state is gone on from once. States that differ in nothing that matters for the future, and those that differ in the names of
/// interchangeable liars, are one. What of the past matters for the end, money and delay, is a sum along the
/// way: it is added up over the graph of states when that is known, so that the worst way to every state counts, and not the first.
/// <see cref="Reductions"/> leave out further states and transitions.
/// </remarks>
internal sealed class Exhaustive
{
    private const string BuildTrace = "prepare-chunk";

    /// <summary>Of a move that a liar has made, or that nobody needs to make.</summary>
    private const int Done = -1;

    private static readonly Address Honest = Address.FromWord(ToyTraces.Named("honest"));

    private readonly SmallGame _game;
    private readonly Reductions _reductions;
    private readonly ToyWorld _world;
    private readonly ToyBatchTrace _truth;
    private readonly KnownTraces _mine;
    private readonly List<(Address Account, ToyBatchTrace Trace, KnownTraces Known)> _liars = [];
    private readonly PropertyChecks _checks;
    private readonly Dictionary<UInt128, int> _numbers = [];
    private readonly List<StateOfSearch> _states = [];
    private readonly List<Edge> _edges = [];
    private readonly Stack<Node> _open = new();

    /// <summary>All ways to give interchangeable liars each other's names, as what each set of players is called then: player i is bit i, the honest one is 0.</summary>
    private readonly byte[][] _renamed;

    /// <summary>A description of a state: of each thing in it its numbers, and after a 1 a byte for each set of players in it.</summary>
    private readonly List<(UInt128 Values, ulong Players)> _items = [];

    /// <summary>Who tells a trace with this root, as bits.</summary>
    private readonly Dictionary<Word, uint> _tellers = [];
    private readonly Dictionary<Address, uint> _accounts = [];

    private readonly Dictionary<Word, Named> _names = [];

    /// <summary>Proofs of what is not so: they are refused for ever.</summary>
    private readonly HashSet<WantKey> _rejected = [];

    /// <summary>Moves in the state that is being gone on from, by what they are: the edge of the honest side's, or <see cref="Done"/>.</summary>
    private readonly Dictionary<WantKey, int> _tried = [];
    private readonly HashSet<string> _results = [];
    private readonly HashSet<Address> _liarAccounts;
    private UInt128 _digest;
    private int _transitions;

    private Exhaustive(SmallGame game, Rule broken, Variant? variant, Reductions reductions)
    {
        _game = game;
        _reductions = reductions;
        _world = new ToyWorld(game.Shape, Simulation.Genesis);
        var batch = new ToyBatch(game.Shape, ToyTraces.Named("small batch"), 1);
        var l1 = new L1Model(_world, game.Clocks, broken, variant) { GasPrice = game.Clocks.PriceCeiling };
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

        // What the honest side ends with is looked at when all ways are known.
        _checks = new PropertyChecks(traces, new HashSet<Address> { Honest }, defended: true) { OwnExpense = (UInt128)long.MaxValue };
        Arrive(new Node(l1, [], game.Clocks.CensorshipSeconds, []));
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
    public static Explored Explore(SmallGame game, int maxStates, Rule broken = Rule.None, Variant? variant = null, Reductions reductions = Reductions.All)
    {
        var search = new Exhaustive(game, broken, variant, reductions);
        while (search._open.Count > 0 && search._states.Count < maxStates)
            search.Expand(search._open.Pop());
        return search.AddUp();
    }

    /// <summary>A state has been come to: returns its number. What is new in it, or in what may be left out from here on, is to be gone on from.</summary>
    private int Arrive(Node node)
    {
        IReadOnlyList<L1Action> mine = DecideHonest(ref node);
        (UInt128 fingerprint, byte[] renamed) = Fingerprint(node);
        var asleep = new ulong[node.Asleep.Length];
        for (int i = 0; i < asleep.Length; i++)
            asleep[i] = node.Asleep[i].NameUnder(renamed);
        if (_numbers.TryGetValue(fingerprint, out int number))
        {
            // Whatever has been left out there and may not be left out on this way is still to be played.
            StateOfSearch known = _states[number];
            ulong[] missing = known.Asleep.Length == 0 ? [] : [.. known.Asleep.Where(move => Array.IndexOf(asleep, move) < 0)];
            if (missing.Length == 0)
                return number;
            _states[number] = known with { Asleep = [.. known.Asleep.Where(move => Array.IndexOf(asleep, move) >= 0)] };
            _open.Push(node with
            {
                Number = number,
                Mine = mine,
                Renamed = renamed,
                Missing = missing,
                Asleep = [.. node.Asleep.Where(move => Array.IndexOf(known.Asleep, move.NameUnder(renamed)) >= 0)],
            });
            return number;
        }

        number = _states.Count;
        _numbers.Add(fingerprint, number);
        _digest += fingerprint;
        _states.Add(new StateOfSearch(asleep, IsEnd: false));
        _open.Push(node with { Number = number, Mine = mine, Renamed = renamed });
        return number;
    }

    private void Expand(Node node)
    {
        L1Model l1 = node.L1;
        IReadOnlyList<L1Action> mine = node.Mine;
        if (l1.IsConfirmed(0) && l1.Arenas.All(arena => arena.Level == 1 || arena.Result != TournamentResult.Undecided))
        {
            if (node.Missing is null)
            {
                ModelClaim confirmed = l1.Claims.Single(claim => claim.Confirmed && !claim.Parent.IsZero);
                LieAbout? lie = confirmed.Claimer == Honest ? null : _game.Lies[_liars.FindIndex(liar => liar.Account == confirmed.Claimer)];
                _results.Add($"attempt {confirmed.Attempt}, of {(lie is null ? "the honest side" : lie with { Salt = 0 })}");
                _states[node.Number] = _states[node.Number] with { IsEnd = true };
                _checks.AtTheEnd(l1, _liarAccounts);
            }

            return;
        }

        var asleep = new List<Move>(node.Asleep);
        var balances = new Balances(l1.Balance(Honest), PropertyChecks.LostBeyond(l1, _liarAccounts));
        _tried.Clear();
        foreach (L1Action action in mine)
            Try(node, Honest, action, balances, asleep);

        // Whichever liar ends a match or moves for somebody else: together they pay and are paid the same.
        foreach ((Address account, _, KnownTraces traces) in _liars)
        {
            foreach (GameAction action in Solver.Decide(l1.Shape, account, new SolverPolicy(0, UInt128.MaxValue), l1.Index, traces, l1.Timestamp))
            {
                if (action is L1Action transaction and not (Withdraw or Recover))
                    Try(node, account, transaction, balances, asleep);
            }
        }

        if (node.Missing is not null || NextEdge(node, mine) is not ulong next)
            return;
        bool late = mine.Any(action => l1.Timestamp >= node.Find(WantKey.Of(action))!.Since + _game.Clocks.GraceSeconds);
        L1Model later = l1.Copy();
        later.Timestamp = next;
        PropertyChecks.Require(
            later.Timestamp - 1_000_000 < 100_000, Property.GamesEnd, $"a small game is not over after a day");
        uint seconds = (uint)(next - l1.Timestamp);
        int to = Arrive(new Node(later, node.Wants, late ? node.Censorship - seconds : node.Censorship, []));
        _edges.Add(new Edge(node.Number, to, EdgeKind.Time, seconds, default));
    }

    private void Try(Node node, Address account, L1Action action, Balances before, List<Move> asleep)
    {
        bool honest = account == Honest, anybody = action is not (PostClaim or PostChallenge or JoinInner);
        var key = WantKey.Of(action);
        if (anybody && !honest && _tried.TryGetValue(key, out int edge))
        {
            if (edge == Done)
                return;
            if (_reductions.HasFlag(Reductions.Senders) && action is not Confirm)
            {
                // The honest side has done it: what it had of that a liar has now.
                long gained = Gained(node.L1, action);
                _edges.Add(_edges[edge] with { Left = _edges[edge].Left - gained, Lost = _edges[edge].Lost - gained });
                _tried[key] = Done;
                return;
            }
        }

        if (_rejected.Contains(key))
            return;
        Move move = MoveOf(node.L1, account, action);
        if (_reductions.HasFlag(Reductions.Orders))
        {
            ulong name = move.NameUnder(node.Renamed);
            bool skipped = node.Missing is null ? asleep.Exists(other => other.NameUnder(node.Renamed) == name) : Array.IndexOf(node.Missing, name) < 0;
            if (skipped)
            {
                if (anybody && (!honest || _reductions.HasFlag(Reductions.Senders)))
                    _tried[key] = Done;
                return;
            }
        }

        L1Model next = node.L1.Copy();
        Refusal refusal = next.Apply(account, action);
        PropertyChecks.Require(!honest || refusal == Refusal.None, Property.HonestIsNeverRefused, $"{action.Name}: {refusal}");
        if (refusal == Refusal.WitnessRejected)
            _rejected.Add(key);
        if (refusal != Refusal.None)
            return;
        _transitions++;
        _checks.AfterTransition(next, node.L1);
        var change = new Balances(next.Balance(Honest), PropertyChecks.LostBeyond(next, _liarAccounts)) - before;

        // Nobody promised to pay for the confirmation of what another has claimed (spec 4.6.7).
        if (honest && action is Confirm confirm && next.Claim(Hashes.Of(confirm.Claim)).Claimer != Honest)
            change = change with { Left = change.Left + (Int128)(Gas.CostOf(action) * next.GasPrice) };
        (EdgeKind kind, uint number) = action switch
        {
            PostClaim => (EdgeKind.Start, 0U),
            Settle settle => (EdgeKind.Settle, (uint)(_checks.BoundOf(next, next.Arena(settle.Tournament)) ?? uint.MaxValue)),
            _ => (EdgeKind.Move, 0U),
        };
        int to = Arrive(new Node(next, node.Wants, node.Censorship, [.. asleep.Where(other => other.IsIndependentOf(move))]));
        if (anybody)
            _tried[key] = honest ? _edges.Count : Done;
        _edges.Add(new Edge(node.Number, to, kind, number, change));
        if (_reductions.HasFlag(Reductions.Orders))
            asleep.Add(move);
    }

    /// <summary>Of all ways to each state, however they hang together, the worst in each respect; and whether the ends hold what is promised.</summary>
    private Explored AddUp()
    {
        int count = _states.Count;
        var edges = CollectionsMarshal.AsSpan(_edges);
        var first = new int[count + 1];
        var waits = new int[count];
        foreach (ref readonly Edge edge in edges)
        {
            first[edge.From + 1]++;
            waits[edge.To]++;
        }

        for (int i = 0; i < count; i++)
            first[i + 1] += first[i];
        var order = new int[edges.Length];
        int[] place = first[..^1];
        for (int i = 0; i < edges.Length; i++)
            order[place[edges[i].From]++] = i;

        var pasts = new Past?[count];
        pasts[0] = new Past(default, default);
        var ready = new Stack<int>([0]);
        ulong worstDelay = 0;
        var least = new Balances(Int128.MaxValue, Int128.MaxValue);
        int done = 0;
        while (ready.Count > 0)
        {
            int state = ready.Pop();
            Past past = pasts[state]!.Value;
            done++;
            if (_states[state].IsEnd)
                least = least.Least(past.Balances);
            foreach (int i in order.AsSpan(first[state]..first[state + 1]))
            {
                ref readonly Edge edge = ref edges[i];
                if (edge.Kind == EdgeKind.Settle)
                {
                    PropertyChecks.Require(past.Delay <= edge.Number, Property.GamesEnd, $"a tournament is settled after {past.Delay} s; the formula says {edge.Number}");
                    worstDelay = Math.Max(worstDelay, past.Delay);
                }

                Past next = past.After(edge);
                pasts[edge.To] = pasts[edge.To]?.Or(next) ?? next;
                if (--waits[edge.To] == 0)
                    ready.Push(edge.To);
            }
        }

        PropertyChecks.Require(done == count, Property.GamesEnd, $"time goes by and nothing happens in {count - done} states");
        PropertyChecks.Require(least.Left >= 0, Property.HonestEndsWithNoLess, $"the honest side has lost {-least.Left} wei");
        PropertyChecks.Require(least.Lost >= 0, Property.LyingCosts, $"the liars have lost {-least.Lost} wei less together than they have to");
        return new Explored(count, _digest, _transitions, _results, worstDelay, least.Left, least.Lost, _open.Count == 0);
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

    /// <summary>Of all that matters for what can happen from here on, with times relative to now and players' names in the least order, and that order.</summary>
    private (UInt128 Fingerprint, byte[] Renamed) Fingerprint(Node node)
    {
        _items.Clear();
        Describe(node);
        UInt128 least = UInt128.MaxValue;
        byte[] of = _renamed[0];
        foreach (byte[] renamed in _renamed)
        {
            UInt128 sum = 0;
            foreach ((UInt128 values, ulong players) in CollectionsMarshal.AsSpan(_items))
                sum += Mixer.Mix(values, Rename(players, renamed));
            if (sum < least)
                (least, of) = (sum, renamed);
        }

        return (least, of);
    }

    private static ulong Rename(ulong players, byte[] renamed)
    {
        ulong named = 0;
        for (int shift = 0; players >> shift != 0; shift += 8)
            named |= (ulong)renamed[players >> shift & 0xFF] << shift;
        return named;
    }

    /// <summary>Writes a state down as items whose order does not matter.</summary>
    private void Describe(Node node)
    {
        L1Model l1 = node.L1;
        DisputeParameters clocks = _game.Clocks;
        var item = new Item(this);
        item.Add(node.Censorship);
        item.Add(Math.Min(l1.Timestamp - _world.Batches[0].AppendedAt, clocks.ReplaySeconds));
        item.End();
        foreach (Want want in node.Wants)
        {
            bool trace = want.Key.Name == BuildTrace;

            // One that costs no time is there when it is asked for.
            if (trace && clocks.TraceSeconds == 0)
                continue;
            item.Add((ulong)want.Key.Name.Length << 32 | (ulong)want.Key.Name[0] << 16 | want.Key.Name[^1]);
            if (trace)
                item.Add(BinaryPrimitives.ReadUInt64BigEndian(want.Key.Subject.Bytes[24..]));
            else if (l1.MatchOrNull(want.Key.Subject) is ModelMatch match)
                item.Add(NameOf(l1, match.Key));
            item.Add(Age(want.Since, trace ? clocks.TraceSeconds : clocks.GraceSeconds));
            item.End();
        }

        foreach (ModelClaim claim in l1.Claims)
        {
            if (claim.Parent.IsZero)
                continue;
            item.Root(claim.Ref.TraceRoot);
            item.Add(claim.Attempt);
            item.Add(claim.Held > 0 && !claim.Confirmed ? Age(claim.PostedAt, clocks.Allowance + clocks.GraceSeconds) : 0);
            item.Add(claim.Confirmed ? 1UL : 0);
            item.Players(_accounts[claim.Claimer]);
            item.End();
        }

        int inside = 0;
        foreach (ModelArena arena in l1.Arenas)
        {
            // What was inside a match that has ended is of no use to anybody any more; the formula asks how many there were.
            if (arena.Level == 1)
                inside = Math.Max(inside, arena.Commitments.Count);
            if (arena.Level == 1 && arena.Result != TournamentResult.Undecided)
                continue;
            item.Add(NameOf(l1, arena.Id));
            item.Add((ulong)arena.Result);
            if (arena.Result != TournamentResult.Undecided)
            {
                item.Root(arena.Winner);
                item.End();
                continue;
            }

            item.Add(Age(arena.StartedAt, Math.Max(arena.AllowanceOne, arena.AllowanceTwo)));
            item.Add(arena.AllowanceOne);
            item.Add(arena.AllowanceTwo);
            item.Root(arena.Dangling ?? Word.Zero);
            item.Add(arena.Dangling is null ? 0 : arena.DanglingBalance);
            item.Add((ulong)arena.Pot);
            foreach (Waiting waiting in arena.Queue)
            {
                item.Root(waiting.Root);
                item.Add(waiting.Balance);
            }

            item.End();
            foreach (ModelCommitment commitment in arena.Commitments.Values)
            {
                item.Add(NameOf(l1, arena.Id));
                item.Root(commitment.Root);
                if (commitment.Eliminated)
                {
                    item.Add(4);
                }
                else
                {
                    item.Players(_accounts[commitment.Claimer]);
                    item.Add((ulong)commitment.Side);
                    item.Add(commitment.Children == default && l1.State.Arenas[arena.Id].Commitments[commitment.Root].Children == default ? 1UL : 0);
                }

                item.End();
            }
        }

        item.Add((ulong)inside);
        item.End();
        foreach (ModelMatch match in l1.Matches)
        {
            if (match.Outcome is not null)
                continue;
            item.Add(NameOf(l1, match.Key));
            item.Add((ulong)match.Phase);
            if (match.Bisection is Bisection state)
            {
                item.Add(state.Position);
                item.Add((ulong)state.Height);
                item.Add(Age(state.Since, l1.Mover(match) == 1 ? state.BalanceOne : state.BalanceTwo));
                item.Add(state.BalanceOne);
                item.Add(state.BalanceTwo);
            }
            else
            {
                Leaf leaf = match.Leaf!;
                item.Add(match.Phase == MatchPhase.Inner ? 0 : Age(leaf.Since, Math.Max(leaf.BalanceOne, leaf.BalanceTwo)));
                item.Add(leaf.BalanceOne);
                item.Add(leaf.BalanceTwo);
                item.Add(leaf.Position);
            }

            item.End();
        }

        ulong Age(ulong since, ulong cap) => Math.Min(l1.Now - since, cap);
    }

    /// <summary>Wei that whoever makes a move has of it, whoever it is: the refund less the gas.</summary>
    private static long Gained(L1Model l1, L1Action action)
    {
        UInt128 refund = action switch
        {
            Advance => Gas.Advance,
            Seal => Gas.Seal,
            ProveStep or ProveTransition => Gas.Prove,
            Challenger.Timeout => Gas.Timeout,
            Eliminate => Gas.Eliminate,
            ResolveInner => Gas.Resolve,
            Settle => Gas.Settle,
            _ => 0,
        };
        return (long)(refund * UInt128.Min(l1.GasPrice, l1.Parameters.PriceCeiling)) - (long)(Gas.CostOf(action) * l1.GasPrice);
    }

    /// <summary>A match, and the tournament inside it, by the players that are in it and in the one that it is inside of; a tournament of level 0 by its attempt.</summary>
    private Named NameOf(L1Model l1, Word id)
    {
        if (_names.TryGetValue(id, out Named name))
            return name;
        if (l1.MatchOrNull(id) is not ModelMatch match)
            return _names[id] = new Named(l1.Claims.First(claim => claim.Ref.Tournament == id).Attempt + 1, 0, 0);
        Named around = match.Arena.Level == 1 ? NameOf(l1, match.Arena.Id) : NameOf(l1, match.Arena.Id) with { Sets = 0, Players = 0 };
        ulong players = (around.Players << 8 | _tellers[match.Id.One]) << 8 | _tellers[match.Id.Two];
        return _names[id] = new Named(around.Attempt, around.Sets + 2, players);
    }

    private Move MoveOf(L1Model l1, Address account, L1Action action)
    {
        var values = new Mixer();
        values.Add((ulong)action.Name.Length << 32 | (ulong)action.Name[0] << 16 | action.Name[^1]);
        values.Add(account == Honest ? 1UL : 0);
        ulong players = 1;
        switch (action)
        {
            case Advance a:
                return In(a.Match, ends: false);
            case Seal a:
                return In(a.Match, ends: false);
            case ProveTransition a:
                values.Add(a.Claimed == a.State.LeafOne ? 1UL : 2);
                return In(a.Match, ends: true);
            case ProveStep a:
                values.Add(a.Claimed == a.State.LeafOne ? 1UL : 2);
                return In(a.Match, ends: true);
            case Challenger.Timeout a:
                return In(a.Match, ends: true);
            case Eliminate a:
                return In(a.Match, ends: true);
            case ResolveInner a:
                return In(a.Match, ends: true) with { Inner = Hashes.Of(a.Match) };
            case JoinInner a:
                Named(NameOf(l1, a.Tournament));
                values.Add((ulong)a.Side);
                return new Move(values.Value, players << 8 | _accounts[account], default, a.Tournament, default, All: false);
            case PostChallenge a:
                return new Move(values.Value, players << 8 | _accounts[account], default, a.First.Tournament, default, All: l1.ArenaOrNull(a.First.Tournament) is null);
            default:
                return new Move(values.Value, players << 8 | _accounts[account], default, default, default, All: true);
        }

        Move In(MatchId match, bool ends)
        {
            Word key = Hashes.Of(match);
            Named(NameOf(l1, key));
            return new Move(values.Value, players, key, ends ? match.Tournament : default, default, All: false);
        }

        void Named(Named name)
        {
            values.Add(name.Attempt);
            players = players << (8 * name.Sets) | name.Players;
        }
    }

    /// <summary>One thing of a description, while it is written.</summary>
    private ref struct Item(Exhaustive search)
    {
        private Mixer _values = new();
        private ulong _players = 1;

        public void Add(ulong value) => _values.Add(value);

        public void Players(uint some) => _players = _players << 8 | some;

        public void Root(Word root) => Players(search._tellers.GetValueOrDefault(root));

        public void Add(Named name)
        {
            Add(name.Attempt);
            _players = _players << (8 * name.Sets) | name.Players;
        }

        public void End()
        {
            search._items.Add((_values.Value, _players));
            (_values, _players) = (new Mixer(), 1);
        }
    }

    /// <summary>What <see cref="GameAction.Key"/> says, in less room.</summary>
    /// <param name="Subject">The match, claim or tournament that it is about; of a chunk its position.</param>
    /// <param name="Node">Where a bisection stands; what is to be proven.</param>
    private readonly record struct WantKey(string Name, Word Subject, Word Node)
    {
        public static WantKey Of(GameAction action) => action switch
        {
            Advance a => new(a.Name, Hashes.Of(a.Match), a.State.Node),
            Seal a => new(a.Name, Hashes.Of(a.Match), a.State.Node),
            Challenger.Timeout a => new(a.Name, Hashes.Of(a.Match), a.State.Node),
            ProveStep a => new(a.Name, Hashes.Of(a.Match), a.Claimed),
            ProveTransition a => new(a.Name, Hashes.Of(a.Match), a.Claimed),
            Eliminate a => new(a.Name, Hashes.Of(a.Match), default),
            ResolveInner a => new(a.Name, Hashes.Of(a.Match), default),
            Confirm a => new(a.Name, Hashes.Of(a.Claim), default),
            PrepareChunk a => OfChunk(a.Position),
            _ => new(action.Name, action.Subject, default),
        };

        public static WantKey OfChunk(ulong position) => new(BuildTrace, Word.FromUInt64(position), default);
    }

    /// <param name="Left">Wei that the honest side has, credits among them, beyond what it began with.</param>
    /// <param name="Lost">Wei that the liars have lost, beyond what they have to.</param>
    private readonly record struct Balances(Int128 Left, Int128 Lost)
    {
        public Balances Least(Balances other) => new(Int128.Min(Left, other.Left), Int128.Min(Lost, other.Lost));

        public static Balances operator +(Balances a, Balances b) => new(a.Left + b.Left, a.Lost + b.Lost);

        public static Balances operator -(Balances a, Balances b) => new(a.Left - b.Left, a.Lost - b.Lost);
    }

    /// <summary>What of the ways to a state matters for its end, each the worst of any.</summary>
    /// <param name="Delay">Seconds since the last first claim was posted.</param>
    private readonly record struct Past(Balances Balances, ulong Delay)
    {
        public Past Or(Past other) => new(Balances.Least(other.Balances), Math.Max(Delay, other.Delay));

        public Past After(in Edge edge) => new(Balances + edge.Change, edge.Kind switch
        {
            EdgeKind.Start => 0,
            EdgeKind.Time => Delay + edge.Number,
            _ => Delay,
        });
    }

    private enum EdgeKind : byte
    {
        Move,

        /// <summary>A first claim is posted.</summary>
        Start,

        /// <summary>Time goes on.</summary>
        Time,

        /// <summary>A tournament of level 0 ends.</summary>
        Settle,
    }

    /// <summary>From one state to the next.</summary>
    /// <param name="Number">The seconds that go by, or those within which the tournament had to be settled.</param>
    private readonly record struct Edge(int From, int To, EdgeKind Kind, uint Number, long Left, long Lost)
    {
        public Edge(int from, int to, EdgeKind kind, uint number, Balances change)
            : this(from, to, kind, number, checked((long)change.Left), checked((long)change.Lost))
        {
        }

        public Balances Change => new(Left, Lost);
    }

    /// <param name="Asleep">Moves, by their names, that need not be made from here, since they have been made before.</param>
    private readonly record struct StateOfSearch(ulong[] Asleep, bool IsEnd);

    /// <summary>A match or a tournament by who is in it.</summary>
    private readonly record struct Named(ulong Attempt, int Sets, ulong Players);

    /// <summary>A move that can be made at some instant, and what it reads and writes.</summary>
    /// <param name="Match">That it is made in, or zero.</param>
    /// <param name="Arena">The tournament in which it may pair somebody, or zero.</param>
    /// <param name="Inner">The tournament that it ends inside a match, or zero.</param>
    /// <param name="All">It has to do with everything.</param>
    private sealed record Move(UInt128 Values, ulong Players, Word Match, Word Arena, Word Inner, bool All)
    {
        /// <summary>
        /// Whether both can be made one after the other in either order, with the same result, each whenever the other is not made yet.
        /// </summary>
        public bool IsIndependentOf(Move other) =>
            !All && !other.All
            && (Match.IsZero || Match != other.Match)
            && (Arena.IsZero || (Arena != other.Arena && Arena != other.Inner))
            && (Inner.IsZero || (Inner != other.Arena && Inner != other.Inner));

        public ulong NameUnder(byte[] renamed) => (ulong)Mixer.Mix(Values, Rename(Players, renamed));
    }

    /// <summary>An action of the honest side that waits to be done.</summary>
    private sealed record Want(WantKey Key, ulong Since);

    /// <param name="Wants">What the honest side wants.</param>
    /// <param name="Censorship">What is left of C.</param>
    /// <param name="Asleep">Moves that have been made at this instant in another order.</param>
    private sealed record Node(L1Model L1, Want[] Wants, ulong Censorship, Move[] Asleep)
    {
        public int Number { get; init; }

        /// <summary>What of <see cref="Wants"/> are transactions.</summary>
        public IReadOnlyList<L1Action> Mine { get; init; } = [];

        /// <summary>The names under which the state is known.</summary>
        public byte[] Renamed { get; init; } = [];

        /// <summary>The moves that have been left out when the state was come to before; null: it is new.</summary>
        public ulong[]? Missing { get; init; }

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

    private static readonly GameShape Lowest = new(1, 1, 1), Low = new(2, 1, 1), Inside = new(1, 1, 2), Both = new(2, 1, 2);

    private static readonly LieAbout
        Chunk = new(Lie.MachineInChunk, 1, 2, 1),
        ChunkEnd = new(Lie.MachineAfterTransition, 1, 0, 2),
        Load = new(Lie.MachineAfterTransition, 0, 0, 3),
        AnotherLoad = new(Lie.OutputsAfterTransition, 0, 0, 5),
        Store = new(Lie.OutputsAfterTransition, 3, 0, 4),
        Step = new(Lie.StepOfChunk, 1, 1, 6);

    private static readonly (string Name, LieAbout Lie)[] Kinds = [("load", Load), ("store", Store), ("chunk", Chunk)];

    /// <summary>Together some minutes.</summary>
    private static readonly HashSet<string> TooLarge =
    [
        "heights 1 and 1, store, chunk, chunk",
        "heights 1 and 1, chunk, chunk, chunk",
        "heights 1 and 2, load, store, chunk",
        "heights 1 and 2, load, chunk, chunk",
        "heights 1 and 2, store, store, chunk",
        "heights 1 and 2, store, chunk, chunk",
        "heights 1 and 2, chunk, chunk, chunk",
        "heights 2 and 1, store, chunk, chunk",
        "heights 2 and 2, load, store, chunk",
        "heights 2 and 2, load, chunk, chunk",
        "heights 2 and 2, store, store, chunk",
        "heights 2 and 2, store, chunk, chunk",
        "heights 2 and 2, chunk, chunk, chunk",
    ];

    /// <summary>Games with other clocks than the tightest, with other lies than <see cref="OfThree"/>, and in which rules are weighed.</summary>
    private static readonly SmallGame[] Others =
    [
        new("heights 1 and 1, a lie in a chunk", Lowest, Tight, [Chunk]),
        new("heights 1 and 1, a lie in a load", Lowest, Tight, [Load]),
        new("heights 1 and 1, lies in a load and in a store", Lowest, Tightest, [Load, Store]),
        new("heights 1 and 2, a lie in a chunk", Inside, Tightest, [Chunk]),
        new("heights 2 and 1, a lie in a chunk", Low, Tightest, [Chunk]),
        new("heights 2 and 1, equal lies in a chunk", Low, Tightest, [Chunk, Chunk with { Salt = 8 }]),
        new("heights 2 and 1, different lies in a chunk", Low, Tightest, [Chunk, ChunkEnd]),
        new("heights 2 and 1, three lies in loads and stores", Low, Tightest, [Load, Store, AnotherLoad]),
        new("heights 2 and 1, a lie in a chunk, with long clocks", Low, Long, [Chunk]),
    ];

    private static IEnumerable<SmallGame> Whole => [.. Others, .. OfThree(), .. InClass()];

    /// <summary>Played by the tests.</summary>
    public static IReadOnlyList<SmallGame> All { get; } = [.. Whole.Where(game => !TooLarge.Contains(game.Name))];

    /// <summary>Not played by the tests.</summary>
    public static IReadOnlyList<SmallGame> Larger { get; } = [.. Whole.Where(game => TooLarge.Contains(game.Name))];

    /// <summary>Those in which rules of pairing and of clocks are compared: with two liars inside a match, and three at level 0.</summary>
    public static IEnumerable<SmallGame> Weighed => All.Where(game => game.Name is
        "heights 2 and 1, a lie in a chunk" or "heights 2 and 1, equal lies in a chunk" or "heights 2 and 1, different lies in a chunk"
        or "heights 2 and 1, three lies in loads and stores");

    /// <summary>
    /// Every three of the lies in a load, a store and a chunk, on trees of heights 1 and 2 at both levels. A liar may stay out, so all games of
    /// one and of two of these liars are among them. Without a lie in a chunk there is no tree of level 1.
    /// </summary>
    private static IEnumerable<SmallGame> OfThree()
    {
        foreach (GameShape shape in (GameShape[])[Lowest, Inside, Low, Both])
        {
            for (int a = 0; a < Kinds.Length; a++)
            {
                for (int b = a; b < Kinds.Length; b++)
                {
                    for (int c = b; c < Kinds.Length; c++)
                    {
                        if (Kinds[c].Lie == Chunk || shape.ChunkHeight == 1)
                            yield return Of(shape, Kinds[a], Kinds[b], Kinds[c]);
                    }
                }
            }
        }
    }

    /// <summary>Liars that have the true root at level 0 and a wrong one inside, which ends as the true one does, by a wrong step: of the honest side's class.</summary>
    private static IEnumerable<SmallGame> InClass()
    {
        (string, LieAbout) step = ("step", Step), chunk = ("chunk", Chunk);
        yield return Of(Lowest, chunk, step, step);
        yield return Of(Lowest, chunk, chunk, step);
        foreach (GameShape shape in (GameShape[])[Inside, Low, Both])
            yield return Of(shape, chunk, step);
    }

    private static SmallGame Of(GameShape shape, params (string Name, LieAbout Lie)[] lies) => new(
        $"heights {shape.BatchHeight} and {shape.ChunkHeight}, {string.Join(", ", lies.Select(lie => lie.Name))}", shape, Tightest,
        [.. lies.Select((lie, i) => lie.Lie with { Salt = 10 + (ulong)i })]);
}
