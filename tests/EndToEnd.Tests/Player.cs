using System.Numerics;
using Microsoft.Extensions.Logging.Abstractions;
using Optimistic.Challenger;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;
using Timeout = Optimistic.Challenger.Timeout;

namespace Optimistic.EndToEnd.Tests;

/// <summary>Someone with an account who acts on the game.</summary>
internal abstract class Player(string name, World world, Account account) : IAsyncDisposable
{
    public string Name => name;

    public Address Address => account.Address;

    /// <summary>Bonds paid, in wei.</summary>
    public UInt128 Paid { get; private set; }

    /// <summary>What it put down as a stake before the game, in wei.</summary>
    public UInt128 Staked { get; set; }

    /// <summary>Gas of all its transactions.</summary>
    public ulong Gas { get; private set; }

    protected World World => world;

    protected TransactionSender Sender { get; } = new(world.Client, account);

    /// <summary>Makes at most one transaction.</summary>
    /// <returns>Whether it made one.</returns>
    public abstract Task<bool> ActAsync(L1Game game);

    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;

    protected async Task SendAsync(L1Action action, Address to, FunctionMessage message)
    {
        TransactionReceipt receipt = await Sender.SendAsync(to, message, EventReader.Big(action.Value));
        Paid += action.Value;
        Gas += receipt.GasUsed;
        world.Note(NameOf(action), receipt);
        if (action is not (PostClaim or Withdraw))
            await world.CopyAsync(action.Name, to, message, EventReader.Big(action.Value));
    }

    /// <summary>Level 0 and level 1 cost differently.</summary>
    private static string NameOf(L1Action action) => action switch
    {
        Advance a => $"{a.Name} at height {a.State.Height}",
        Seal a => a.Opening == default ? $"{a.Name} to a proof" : $"{a.Name} to an inner tournament",
        _ => action.Name,
    };
}

/// <summary>
/// The challenger as it is: its re-execution of what L1 has, its solver, its calls. Only its main loop is not, because here one
/// transaction follows the other.
/// </summary>
internal sealed class Honest : Player
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60), LookAgain = TimeSpan.FromMilliseconds(5);

    private readonly SolverPolicy _policy;
    private readonly string _folder = Directory.CreateTempSubdirectory("optimistic-e2e-").FullName;
    private readonly Journal _journal;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Replay _replay;
    private readonly Calls _calls;
    private readonly HashSet<string> _recovered = [];

    /// <param name="claimAfterSeconds">Null: it waits for somebody else's claim.</param>
    public Honest(string name, World world, Account account, ulong? claimAfterSeconds = null)
        : base(name, world, account)
    {
        _policy = new SolverPolicy(claimAfterSeconds, MinimumWithdrawal: UInt128.MaxValue);
        _journal = Journal.Open(_folder, new JournalIdentity(world.Client.ChainId, world.Contracts.Rollup, 0, ""));
        _replay = new Replay(
            new InboxReader(world.Client, world.Contracts.Inbox), world.DomainSeparator, _journal, null, NullLogger.Instance, () => _wake.Release());
        _calls = new Calls(world.Contracts, _replay);
    }

    public IOwnTraces Traces => _replay;

    /// <summary>It does not look at L1 before this time.</summary>
    public ulong AwakeAt { get; init; }

    /// <summary>Executes all that L1 has.</summary>
    public async Task CatchUpAsync(L1Game game)
    {
        _replay.Update(game.Game.Inbox, unchecked(game.State.Claims[game.State.LatestConfirmed].Batch + 1));
        await UntilAsync(() => _replay.Progress is var (done, of) && done == of);
    }

    public override async Task<bool> ActAsync(L1Game game)
    {
        if (game.Now < AwakeAt)
            return false;

        await CatchUpAsync(game);
        while (true)
        {
            bool prepared = false;
            foreach (GameAction action in Solver.Decide(GameShape.Standard, Address, _policy, game.State, _replay, game.Now))
            {
                if (action is PrepareChunk prepare)
                {
                    _replay.Prepare(prepare.Batch, prepare.Position);
                    await UntilAsync(() => _replay.Chunk(prepare.Batch, prepare.Position) is not null);
                    prepared = true;
                    break;
                }

                // No event says that a bond was recovered; the daemon looks into its journal.
                if (action is Recover && !_recovered.Add(action.Key))
                    continue;
                (Address to, FunctionMessage message) = _calls.Of((L1Action)action);
                await SendAsync((L1Action)action, to, message);
                return true;
            }

            if (!prepared)
                return false;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _replay.DisposeAsync();
        _journal.Dispose();
        Directory.Delete(_folder, recursive: true);
        _wake.Dispose();
    }

    private async Task UntilAsync(Func<bool> isDone)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!isDone())
        {
            Assert.Null(_replay.Failure);
            // It wakes us a moment before the result of a background task can be seen, so we look again a little later too.
            await _wake.WaitAsync(LookAgain, patience.Token);
        }
    }
}

/// <summary>
/// The same solver over traces that are not true. What it cannot prove it tries all the same, and that has to fail.
/// </summary>
internal sealed class Liar : Player
{
    private readonly BatchExecution _execution;
    private readonly Calls _calls;
    private readonly HashSet<string> _refused = [];
    private readonly HashSet<string> _done = [];
    private int _acted;

    /// <param name="lie">Null: its traces are true.</param>
    public Liar(string name, World world, Account account, Lie? lie)
        : base(name, world, account)
    {
        _execution = new BatchExecution(RollupState.Genesis, world.Batch, world.DomainSeparator, lie);
        _calls = new Calls(world.Contracts, null!);
    }

    public BatchExecution Execution => _execution;

    public ScriptedTraces Traces => _execution.Traces;

    /// <summary>Transactions until it is never seen again.</summary>
    public int Stamina { get; init; } = int.MaxValue;

    /// <summary>It does not look at L1 before this time.</summary>
    public ulong AwakeAt { get; init; }

    /// <summary>Proofs that were refused.</summary>
    public int RefusedProofs { get; private set; }

    public override async Task<bool> ActAsync(L1Game game)
    {
        if (_acted >= Stamina || game.Now < AwakeAt)
            return false;

        foreach (GameAction action in Solver.Decide(GameShape.Standard, Address, new SolverPolicy(0, UInt128.MaxValue), game.State, Traces, game.Now))
        {
            if (action is not L1Action transaction || _refused.Contains(action.Key) || (action is Recover && !_done.Add(action.Key)))
                continue;
            if (action is ProveStep or ProveTransition)
            {
                await TryToProveAsync(transaction, game);
                _refused.Add(action.Key);
                continue;
            }

            try
            {
                (Address to, FunctionMessage message) = _calls.Of(transaction);
                await SendAsync(transaction, to, message);
                _acted++;
                return true;
            }
            catch (ContractRevertException)
            {
                // A lie that is not even a possible state of the game. An honest player is never refused.
                _refused.Add(action.Key);
            }
        }

        return false;
    }

    public override ValueTask DisposeAsync()
    {
        _execution.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The call that proves what an action wants to prove, with the witness of what is true.</summary>
    /// <param name="change">What is done to the witness.</param>
    public static FunctionMessage Proof(World world, L1Action action, Func<byte[], byte[]> change) => action switch
    {
        ProveStep a => new Contracts.Bindings.Tournament.ProveStepFunction(
            EventReader.ToAbi(a.Match),
            EventReader.ToAbi(MatchPhase.AtLeaf, a.State),
            change(world.Truth.StepWitness(a.Chunk, a.State.Position)),
            EventReader.ToAbi(a.WinnerChildren, Word.Zero)),
        ProveTransition a => new Contracts.Bindings.Tournament.ProveTransitionFunction(
            EventReader.ToAbi(a.Match),
            EventReader.ToAbi(MatchPhase.AtLeaf, a.State),
            EventReader.ToAbi(new TournamentPreimage(a.ParentClaim, a.Attempt, world.Batch.Preimage)),
            change(world.Truth.TransitionWitness(a.State.Position)),
            EventReader.ToAbi(a.WinnerChildren, a.WinnerState)),
        _ => throw new InvalidOperationException($"{action.Name} proves nothing."),
    };

    /// <summary>A witness with one bit changed.</summary>
    public static byte[] Corrupt(byte[] witness, ulong seed)
    {
        if (witness.Length == 0)
            return [1];
        witness[(int)(seed % (ulong)witness.Length)] ^= 0x40;
        return witness;
    }

    /// <summary>Its own leaf cannot be proven, whatever it sends: here the true witness with one bit changed.</summary>
    private async Task TryToProveAsync(L1Action action, L1Game game)
    {
        FunctionMessage message = Proof(World, action, witness => Corrupt(witness, game.Now));
        await Assert.ThrowsAsync<ContractRevertException>(() => Sender.SendAsync(World.Contracts.Tournaments, message));
        RefusedProofs++;
    }
}
