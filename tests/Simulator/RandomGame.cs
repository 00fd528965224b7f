using Optimistic.Challenger;
using Optimistic.Contracts.L1;

namespace Optimistic.Simulator;

/// <summary>What became of one game.</summary>
/// <param name="Digest">Of who did what when, and what came of it: the same for the same seed in every process, on any number of threads.</param>
internal sealed record GameOutcome(int Seed, Property? Violated, string Message, ulong WorstDelay, int Transactions, ulong Digest);

/// <summary>Games drawn from a seed: a shape, clocks, one honest challenger, and adversaries of every class.</summary>
internal static class RandomGame
{
    private static readonly GameShape[] Shapes = [new(2, 1, 1), new(2, 1, 2), new(3, 1, 2), new(3, 2, 1), new(4, 2, 2), new(12, 6, 14)];

    private static readonly uint[] Censorships = [0, 1, 3, 6, 12], Graces = [1, 2, 3], Replays = [0, 2, 5], Traces = [0, 1, 4];

    /// <param name="shape">Null: one of several. With a shape given rules are added while the claims come, so that many are played by them.</param>
    public static Simulation Create(int seed, Rule broken = Rule.None, bool verbose = false, GameShape? shape = null, Variant? variant = null)
    {
        var random = new Random(seed);
        GameShape drawn = Pick(random, Shapes);
        DisputeParameters clocks = Simulation.Clocks(Pick(random, Censorships), Pick(random, Graces), Pick(random, Replays), Pick(random, Traces));
        int tasks = random.Next(1, (int)Math.Min((shape ?? drawn).BatchLeaves / (shape ?? drawn).Span, 5) + 1);
        int batches = random.Next(4) == 0 ? 2 : 1;

        // Stakes and further rules are drawn apart: without them a seed gives the game that it always gave.
        var further = new Random(~seed);
        bool staked = further.Next(3) == 0, upgraded = further.Next(5) == 0;
        bool replayed = shape is not null;
        var scenes = new Random(seed ^ 0x5CE7E);
        if (!replayed && scenes.Next(40) == 0)
            return Scene(scenes, drawn, clocks, broken, verbose, variant);
        shape ??= drawn;
        if (staked || (upgraded && replayed))
            batches = further.Next(2, 4);
        bool guarded = random.Next(6) == 0;
        var game = new Simulation(random.Next(), batches, tasks, shape, clocks, broken, guarded ? (uint)random.Next(60) : 0, variant) { Verbose = verbose };
        if (upgraded && further.Next(4) == 0)
        {
            // Nobody honest is there until the liars are done, and no liar can prove anything: the next attempt is played by other rules.
            game.AddLiar("one", [new LieAbout(Lie.OutputsAfterTransition, 0, 0, 1)]);
            game.AddLiar("two", [new LieAbout(Lie.OutputsAfterTransition, 0, 0, 2)]);
            game.Add(new Governor("governor", game, further));
            game.AddHonest("honest", claimAfter: 200, awakeAt: game.L1.Timestamp + 200);
            return game;
        }

        game.Censor = new Censor(game.Random, clocks.CensorshipSeconds, Pick(random, [0, 1, 3, 8]), random.Next(2) == 0);

        // In some games the honest side is the first to claim; in others it challenges.
        SolverPlayer honest = game.AddHonest("honest", random.Next(2) == 0 ? 200 : (ulong)random.Next(12), lazy: random.Next(2) == 0);
        var traces = new List<ToyTraces> { honest.Traces };
        int liars = random.Next(1, 5);
        for (int i = 0; i < liars; i++)
            AddAdversary(game, random, i, tasks, batches, honest, traces);
        if (guarded || random.Next(3) == 0)
            game.Add(new Meddler("meddler", game, traces));
        if (random.Next(6) == 0)
            game.Add(new FrontRunner("front runner", game, random.Next(1, 4)));
        if (guarded)
            game.Add(new Guardian("guardian", game));
        else if (clocks.CensorshipSeconds > 0 && random.Next(6) == 0)
            game.Add(new Reorger("reorger", game, random.Next(2, 12)));

        if (upgraded)
            game.Add(new Governor("governor", game, further, withinSeconds: replayed ? 8 : 60));
        if (upgraded && guarded)
            game.Add(new Guardian("other guardian", game, version: 1));

        if (scenes.Next(30) == 0 && batches == 1)
        {
            var setting = new Setting(shape, clocks, tasks, (UInt128)scenes.Next(2, 8) * game.L1.Bond(0), game.L1.Variant);
            Aim aim = scenes.Next(3) switch { 0 => Aim.Delay, 1 => Aim.HonestLoss, _ => Aim.HelperLoss };
            Conspiracy.Join(game, Conspiracy.Find(setting, aim, scenes.Next(), rounds: 0, width: 1).Plan, setting.Budget, tasks, honest.Traces);
        }

        // Somebody has to claim.
        game.AddLiar("sequencer", Lies(game.Random, shape, tasks, batches), delay: _ => 3);
        if (staked && further.Next(2) == 0)
            game.Add(new Stretcher("stretcher", game, traces, further));
        if (staked && further.Next(3) == 0)
            game.Add(new LateJoiner("late", game, Lies(further, shape, tasks, batches)));
        if (staked)
        {
            // Of the honest side too: its claims lose their backing when one of them is challenged.
            foreach (SolverPlayer player in game.Players.OfType<SolverPlayer>().ToList())
            {
                if (further.Next(2) == 0)
                    game.Add(new Staker($"stake of {player.Name}", game, player.Address, further));
            }
        }

        return game;
    }

    /// <summary>What chance brings too seldom: claims behind one stake while a rival takes it, or new rules come. Nobody honest is there until it is over.</summary>
    private static Simulation Scene(Random random, GameShape shape, DisputeParameters clocks, Rule broken, bool verbose, Variant? variant)
    {
        bool upgraded = random.Next(2) == 0;
        var game = new Simulation(random.Next(), upgraded ? 3 : 2, 1, shape, clocks, broken, variant: variant) { Verbose = verbose };
        SolverPlayer honest = game.AddHonest("honest", claimAfter: 200, awakeAt: game.L1.Timestamp + 200);
        if (upgraded)
        {
            game.Add(new Stretcher("stretcher", game, [honest.Traces], random));
            game.Add(new Governor("governor", game, random, withinSeconds: 8));
            return game;
        }

        // One that tells the truth claims a chain behind its stake; a rival of the first claim takes the stake from the others.
        SolverPlayer sequencer = game.Add(new SolverPlayer("sequencer", game, game.Traces(), new SolverPolicy(0, UInt128.MaxValue), _ => 0, honest: false)
        {
            Willing = action => action is not PostClaim claim || claim.Bond == 0,
        });
        SolverPlayer rival = game.AddLiar("rival", [new LieAbout(Lie.OutputsAfterTransition, 0, 0, 1)], awakeAt: game.L1.Timestamp + (ulong)random.Next(1, 3));
        game.Add(new Stretcher("stretcher", game, [rival.Traces], random) { Replaces = false });
        game.Submit(sequencer, new PutDown(game.L1.Bond(0)));
        return game;
    }

    public static GameOutcome Play(int seed, Rule broken = Rule.None, Variant? variant = null)
    {
        Simulation? game = null;
        int transactions = 0;
        ulong digest = (ulong)seed;
        Property? violated = null;
        string message = "";
        try
        {
            game = Create(seed, broken, variant: variant);
            game.Landed += (l1, sender, action, refusal) =>
            {
                transactions++;
                foreach (char c in sender.Name)
                    digest = (digest ^ c) * 0x100000001B3;
                foreach (char c in action.Name)
                    digest = (digest ^ c) * 0x100000001B3;
                digest = (digest ^ (l1.Timestamp << 8) ^ (ulong)refusal) * 0x9E3779B97F4A7C15;
            };
            game.RunAndCheck();
        }
        catch (PropertyViolationException violation)
        {
            (violated, message) = (violation.Property, violation.Message);
        }

        return new GameOutcome(seed, violated, message, game?.WorstDelay ?? 0, transactions, digest);
    }

    private static void AddAdversary(Simulation game, Random random, int i, int tasks, int batches, SolverPlayer honest, List<ToyTraces> all)
    {
        LieAbout[] Lie() => Lies(random, game.World.Shape, tasks, batches);
        string name = $"liar {i}";
        SolverPlayer? player = null;
        switch (random.Next(11))
        {
            case 0: player = game.Add(new GreedyDelayer(name, game, Lie())); break;
            case 1: player = game.Add(new LateJoiner(name, game, Lie())); break;
            case 2: player = game.Add(new Abandoner(name, game, random.Next(1, 14), Lie())); break;
            case 3: player = game.Add(new TruthSquatter(name, game, random.Next(3) == 0 ? -1 : random.Next(1, 6))); break;
            case 4: player = game.Add(new Fabricator(name, game, Lie())); break;
            case 5: player = game.Add(new Griefer(name, game, Lie())); break;
            case 6: game.Add(new ClassFlooder(name, game, honest.Traces, random.Next(1, 4), late: random.Next(2) == 0)); break;
            case 7:
                // A sybil: one purse, many roots.
                for (int k = random.Next(2, 5); k > 0; k--)
                    player = game.Add(Purse($"{name} {k}", name, Lie(), random.Next(3) == 0));
                break;
            case 8:
                // Colluders: one of them gives up, for the other to win what can be won.
                player = game.Add(Purse($"{name} a", name, Lie(), slow: false));
                game.Add(new Abandoner($"{name} b", game, random.Next(1, 6), Lie()) { Address = player.Address });
                break;
            case 9: player = game.AddLiar(name, Lie(), delay: _ => (ulong)random.Next(4)); break;
            default: player = game.AddLiar(name, Lie(), awakeAt: game.L1.Timestamp + (ulong)random.Next(20)); break;
        }

        if (player is not null)
            all.Add(player.Traces);

        SolverPlayer Purse(string playing, string purse, LieAbout[] lies, bool slow) =>
            new(playing, game, game.Traces(lies), new SolverPolicy(0, 1), slow ? game.UntilTheLastSecond : _ => 0, honest: false)
            {
                Address = Vm.Address.FromWord(ToyTraces.Named(purse)),
            };
    }

    /// <summary>A lie about one of the batches: at a load, a chunk, a store, or behind the last task.</summary>
    public static LieAbout[] Lies(Random random, GameShape shape, int tasks, int batches)
    {
        var lies = new LieAbout[batches];
        Array.Fill(lies, LieAbout.Nothing);
        ulong task = (ulong)random.Next(tasks);
        ulong position = random.Next(6) switch
        {
            0 => 0,
            1 => task * shape.Span,
            2 => task * shape.Span + shape.Span - 1,
            3 => Math.Min((ulong)tasks * shape.Span + (ulong)random.Next(3), shape.BatchLeaves - 1),
            _ => task * shape.Span + 1 + (ulong)random.Next((int)Math.Min(shape.Span - 2, 3)),
        };
        lies[random.Next(batches)] = new LieAbout((Lie)random.Next(1, 6), position, (ulong)random.Next((int)Math.Min(shape.ChunkLeaves, 16)), (ulong)random.Next(4));
        return lies;
    }

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];
}
