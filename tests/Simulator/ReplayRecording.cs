using System.Collections.Immutable;
using Optimistic.Challenger;
using Optimistic.Contracts.L1;
using Optimistic.Vm;

namespace Optimistic.Simulator;

/// <summary>A transaction of a simulated game, and the model after it.</summary>
/// <param name="Version">Of the rules whose Tournament the transaction is for.</param>
/// <param name="State">The fold of the events so far: its identity names this point of the game.</param>
/// <param name="Net">What each account has drawn out less what it paid in and for gas.</param>
/// <param name="Gas">Wei that the model has charged each account for gas.</param>
internal sealed record RecordedAction(
    ulong Timestamp,
    string Player,
    Address Sender,
    L1Action Action,
    int Version,
    UInt128 GasPrice,
    Refusal Refusal,
    IReadOnlyList<L1Event> Events,
    GameState State,
    IReadOnlyList<View> Views,
    ImmutableDictionary<Address, Int128> Net,
    ImmutableDictionary<Address, Int128> Gas)
{
    public override string ToString() =>
        $"{Timestamp} {Player}: {Action.Name} {Action.Describe()}{(Refusal == Refusal.None ? "" : $" REFUSED {Refusal}")}";
}

/// <summary>
/// A random game at the heights of the real contracts with all its transactions, the refused ones among them. L1 may have reorganised:
/// then each fork that was left is a sequence of its own, from the start.
/// </summary>
internal sealed class ReplayRecording
{
    private readonly List<IReadOnlyList<RecordedAction>> _left = [];
    private readonly List<RecordedAction> _actions = [];
    private readonly Simulation _game;
    private readonly GameState _genesis;
    private readonly ReplayViews _views;

    private ReplayRecording(int seed, Simulation game, ReplayViews views)
    {
        Seed = seed;
        _game = game;
        _genesis = game.L1.State;
        _views = views;
        game.Pending += (_, _) => Rewind();
        game.Applied += Record;
    }

    public int Seed { get; }

    public L1Model L1 => _game.L1;

    /// <summary>Every fork that was left, and the game as it went in the end.</summary>
    public IReadOnlyList<IReadOnlyList<RecordedAction>> Sequences => [.. _left, _actions];

    /// <exception cref="PropertyViolationException">The game of a model without a broken rule violates a property.</exception>
    public static ReplayRecording Play(int seed, ReplayViews views, Rule broken = Rule.None)
    {
        Simulation game = RandomGame.Create(seed, broken, shape: GameShape.Standard);
        var recording = new ReplayRecording(seed, game, views);
        try
        {
            game.RunAndCheck();
        }
        catch (PropertyViolationException violation)
        {
            // A mutant's game is replayed up to there.
            if (broken == Rule.None)
                throw new PropertyViolationException(violation.Property, $"game {seed} at full height: {violation.Message}");
        }

        return recording;
    }

    private static int VersionOf(L1Model l1, L1Action action) =>
        l1.Rules.FirstOrDefault(rules => action is Withdraw withdraw && withdraw.Holder == rules.Holder, l1.RulesOf(action)).Version;

    /// <summary>Before a transaction: if it lands elsewhere than after the last one, there was a reorganisation.</summary>
    private void Rewind()
    {
        int kept = _actions.FindLastIndex(action => ReferenceEquals(action.State, _game.L1.State)) + 1;
        if (kept == 0 && !ReferenceEquals(_genesis, _game.L1.State))
            throw new InvalidOperationException("The game goes on from a state that it has never been in.");
        if (kept == _actions.Count)
            return;
        _left.Add([.. _actions]);
        _actions.RemoveRange(kept, _actions.Count - kept);
    }

    private void Record(L1Model l1, Player player, L1Action action, Refusal refusal)
    {
        ImmutableDictionary<Address, Int128> gas = _actions.Count == 0 ? ImmutableDictionary<Address, Int128>.Empty : _actions[^1].Gas;
        gas = gas.SetItem(player.Address, gas.GetValueOrDefault(player.Address) + (Int128)(RevertedGas.Of(action, refusal) * l1.GasPrice));
        _actions.Add(new RecordedAction(
            l1.Timestamp, player.Name, player.Address, action, VersionOf(l1, action), l1.GasPrice, refusal, [.. l1.Events], l1.State, _views.Of(l1), l1.Net.ToImmutableDictionary(), gas));
    }
}
