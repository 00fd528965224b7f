using System.Collections.Immutable;
using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>A small game of which every schedule is played.</summary>
/// <param name="Lies">One for each liar.</param>
internal sealed record SmallGame(string Name, GameShape Shape, DisputeParameters Clocks, IReadOnlyList<LieAbout> Lies);

/// <summary>How much was seen.</summary>
internal sealed record Explored(int States, int Transitions, int Ends, ulong WorstDelay, bool Whole);

/// <summary>
/// Every schedule of a small game: at each state each liar may do anything that its solver thinks of, the honest solver may act or wait
/// within G and what is left of C, and time may go on by a second, so that every deadline is met from just before to just after. States
/// that differ in nothing that matters for the future are looked at once. All properties are checked after every transition.
/// </summary>
internal sealed class Exhaustive
{
    private static readonly Address Honest = Address.FromWord(ToyTraces.Named("honest"));

    private readonly SmallGame _game;
    private readonly ToyWorld _world;
    private readonly ToyBatchTrace _truth;
    private readonly List<(Address Account, ToyBatchTrace Trace)> _liars = [];
    private readonly PropertyChecks _checks;
    private readonly HashSet<UInt128> _seen = [];
    private readonly Stack<Node> _open = new();
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
        var traces = new ToyTraces(() => ulong.MaxValue, 0, 0);
        traces.Append(_truth, 0);
        _checks = new PropertyChecks(traces, new HashSet<Address> { Honest }, defended: true);
        _open.Push(new Node(l1, ImmutableDictionary<string, ulong>.Empty, game.Clocks.CensorshipSeconds));
    }

    private ToyBatchTrace Tell(ToyBatch batch, LieAbout lie)
    {
        ToyBatchTrace trace = ToyBatchTrace.Tell(batch, Simulation.Genesis, lie);
        _world.Register(trace.Openings);
        return trace;
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
        if (!_seen.Add(Fingerprint(node)))
            return;
        if (l1.IsConfirmed(0) && l1.Arenas.All(arena => arena.Level == 1 || arena.Result != TournamentResult.Undecided))
        {
            _ends++;
            _checks.AtTheEnd(l1, [.. _liars.Select(liar => liar.Account)]);
            return;
        }

        foreach (L1Action action in mine)
            Try(node, Honest, action, honest: true);
        foreach ((Address account, ToyBatchTrace trace) in _liars)
        {
            var traces = new KnownTraces(_world, trace, null, 0, 0);
            foreach (GameAction action in Solver.Decide(l1.Shape, account, new SolverPolicy(0, UInt128.MaxValue), l1.Index, traces, l1.Now))
            {
                if (action is L1Action transaction and not (Withdraw or Recover))
                    Try(node, account, transaction, honest: false);
            }
        }

        // A second passes, if the honest side may still wait.
        bool late = mine.Any(action => l1.Timestamp >= node.FirstSeen[action.Key] + _game.Clocks.GraceSeconds);
        if (late && node.Censorship == 0)
            return;
        L1Model later = l1.Copy();
        later.Timestamp++;
        PropertyChecks.Require(
            later.Timestamp - 1_000_000 < 1_000, Property.GamesEnd, $"a small game is not over after a thousand seconds");
        _open.Push(node with { L1 = later, Censorship = late ? node.Censorship - 1 : node.Censorship });
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
        var seen = new Dictionary<string, ulong>();
        var actions = new List<L1Action>();
        var traces = new KnownTraces(_world, _truth, node, _game.Clocks.ReplaySeconds, _game.Clocks.TraceSeconds);
        foreach (GameAction action in Solver.Decide(l1.Shape, Honest, new SolverPolicy(null, UInt128.MaxValue), l1.Index, traces, l1.Now))
        {
            seen[action.Key] = node.FirstSeen.GetValueOrDefault(action.Key, l1.Timestamp);
            if (action is L1Action transaction)
                actions.Add(transaction);
        }

        foreach ((string key, ulong at) in node.FirstSeen)
        {
            if (key.StartsWith("prepare-chunk", StringComparison.Ordinal))
                seen[key] = at;
        }

        ImmutableDictionary<string, ulong> before = node.FirstSeen;
        bool asked = seen.Keys.Any(key => key.StartsWith("prepare-chunk", StringComparison.Ordinal) && !before.ContainsKey(key));
        node = node with { FirstSeen = seen.ToImmutableDictionary() };

        // A trace that costs no time is there when it is asked for.
        return asked ? DecideHonest(ref node) : actions;
    }

    /// <summary>Of all that matters for what can happen from here on, with times relative to now.</summary>
    private UInt128 Fingerprint(Node node)
    {
        L1Model l1 = node.L1;
        var hash = new Mixer();
        hash.Add(node.Censorship);
        hash.Add(Math.Min(l1.Timestamp - _world.Batches[0].AppendedAt, _game.Clocks.ReplaySeconds));
        hash.Add((ulong)l1.Balance(Honest));
        ulong sum = 0;
        foreach ((string key, ulong at) in node.FirstSeen)
        {
            var one = new Mixer();
            foreach (char c in key)
                one.Add(c);
            one.Add(Math.Min(l1.Timestamp - at, 1_000));
            sum += (ulong)one.Value;
        }

        foreach (ModelClaim claim in l1.Claims)
        {
            var one = new Mixer();
            one.Add(claim.Ref.Id());
            one.Add(claim.Parent.IsZero ? 0 : l1.Now - claim.PostedAt);
            one.Add(claim.Confirmed ? 1UL : 0);
            one.Add(claim.Claimer.ToWord());
            sum += (ulong)one.Value;
        }

        foreach (ModelArena arena in l1.Arenas)
        {
            var one = new Mixer();
            one.Add(arena.Id);
            one.Add(l1.Now - arena.StartedAt);
            one.Add(arena.AllowanceOne);
            one.Add(arena.AllowanceTwo);
            one.Add(arena.Dangling ?? Word.Zero);
            one.Add(arena.DanglingBalance);
            one.Add((ulong)arena.Result);
            one.Add(arena.HasEnded ? 1UL : 0);
            ulong commitments = 0;
            foreach (ModelCommitment commitment in arena.Commitments.Values)
            {
                var two = new Mixer();
                two.Add(commitment.Root);
                two.Add(commitment.Claimer.ToWord());
                two.Add((ulong)commitment.Side + (commitment.Eliminated ? 4UL : 0));
                commitments += (ulong)two.Value;
            }

            one.Add(commitments);
            sum += (ulong)one.Value;
        }

        foreach (ModelMatch match in l1.Matches)
        {
            if (match.Outcome is not null)
                continue;
            var one = new Mixer();
            one.Add(match.Id.Id());
            one.Add((ulong)match.Phase);
            if (match.Bisection is Bisection state)
            {
                one.Add(state.Node);
                one.Add((ulong)state.Height);
                one.Add(l1.Now - state.Since);
                one.Add(state.BalanceOne);
                one.Add(state.BalanceTwo);
            }
            else
            {
                one.Add(l1.Now - match.Leaf!.Since);
                one.Add(match.Leaf.BalanceOne);
                one.Add(match.Leaf.BalanceTwo);
                one.Add(match.Leaf.Position);
            }

            sum += (ulong)one.Value;
        }

        hash.Add(sum);
        return hash.Value;
    }

    /// <param name="FirstSeen">When the honest side began to want each action that it wants now.</param>
    /// <param name="Censorship">What is left of C.</param>
    private sealed record Node(L1Model L1, ImmutableDictionary<string, ulong> FirstSeen, ulong Censorship);

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
            bool ready = node is null || (node.FirstSeen.TryGetValue(key, out ulong at) && node.L1.Timestamp >= at + traceSeconds);
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

    private static readonly GameShape Lowest = new(1, 1, 1), Low = new(2, 1, 1), Inside = new(1, 1, 2);

    private static readonly LieAbout
        Chunk = new(Lie.MachineInChunk, 1, 2, 1),
        ChunkEnd = new(Lie.MachineAfterTransition, 1, 0, 2),
        Load = new(Lie.MachineAfterTransition, 0, 0, 3),
        AnotherLoad = new(Lie.OutputsAfterTransition, 0, 0, 5),
        Store = new(Lie.OutputsAfterTransition, 3, 0, 4);

    public static IReadOnlyList<SmallGame> All { get; } =
    [
        new("heights 1 and 1, a lie in a chunk", Lowest, Tight, [Chunk]),
        new("heights 1 and 1, a lie in a load", Lowest, Tight, [Load]),
        new("heights 1 and 1, lies in a load and in a store", Lowest, Tightest, [Load, Store]),
        new("heights 1 and 1, lies in a load and in a chunk", Lowest, Tightest, [Load, Chunk]),
        new("heights 1 and 2, a lie in a chunk", Inside, Tightest, [Chunk]),
        new("heights 2 and 1, lies in a load and in a store", Low, Tightest, [Load, Store]),
        new("heights 2 and 1, a lie in a chunk", Low, Tightest, [Chunk]),
    ];

    /// <summary>Too many schedules for every day: the first of them are played.</summary>
    public static IReadOnlyList<SmallGame> Larger { get; } =
    [
        new("heights 2 and 1, two lies in one chunk", Low, Tightest, [Chunk, ChunkEnd]),
        new("heights 2 and 1, three lies in loads and stores", Low, Tightest, [Load, Store, AnotherLoad]),
    ];
}
