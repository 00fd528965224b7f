using Optimistic.Contracts.Tests;

namespace Optimistic.EndToEnd.Tests;

/// <summary>The programs as processes, and what happens to processes and to L1.</summary>
public sealed class ProcessTests(ITestOutputHelper output)
{
    /// <summary>Node, challenger and their adversaries are killed at any instant and started again a little later.</summary>
    [Fact]
    public async Task ProcessesThatAreKilledAtAnyInstantGoOnWhereTheyWere()
    {
        var random = new Random(4);
        await using Story story = await Story.BeginAsync(output);
        var down = new Dictionary<ProgramProcess, int>();
        int kills = 0;
        story.TimeMayPass = () => kills >= 8;
        story.Meanwhile = async () =>
        {
            foreach (ProgramProcess process in down.Keys.ToArray())
            {
                if (--down[process] > 0)
                    continue;
                down.Remove(process);
                process.Start();
            }

            ProgramProcess victim = story.Processes[random.Next(story.Processes.Count)];
            if (kills >= 14 || random.Next(6) != 0 || !victim.IsRunning)
                return;
            kills++;
            await victim.KillAsync();
            down[victim] = random.Next(1, 8);
        };

        await story.SubmitHonestTasksAsync(4, async () =>
        {
            // What was acknowledged a moment ago is on disk.
            if (!story.Node.IsRunning)
                return;
            await story.Node.KillAsync();
            down[story.Node] = 1;
        });
        await story.ClaimedAsync();
        await story.LieAsync();
        await story.TruthWinsAsync();
        output.WriteLine($"{kills} kills at random points");
        Assert.InRange(kills, 8, 14);
    }

    /// <summary>L1 loses its last blocks with their transactions, again and again.</summary>
    [Fact]
    public async Task ReorganizationsUnderWayLoseNothing()
    {
        var random = new Random(5);
        await using Story story = await Story.BeginAsync(output);
        int looks = 0, reorganizations = 0;
        story.TimeMayPass = () => reorganizations >= 6;
        story.Meanwhile = async () =>
        {
            if (++looks % 9 != 0 || reorganizations >= 12)
                return;
            // The development chain calls the block before these two final, and so the node does.
            reorganizations++;
            await story.Chain.ReorganizeAsync((ulong)random.Next(1, 3), TestContext.Current.CancellationToken);
        };
        await story.SubmitHonestTasksAsync(3);
        await story.ClaimedAsync();
        await story.LieAsync();
        await story.TruthWinsAsync();
        output.WriteLine($"{reorganizations} reorganizations");
        Assert.InRange(reorganizations, 6, 12);
    }

    /// <summary>Two endpoints that fail in every way there is, and for a while both at once.</summary>
    [Fact]
    public async Task EndpointsThatFailAndHangDelayAndDoNoHarm()
    {
        var random = new Random(6);
        FaultyEndpoint[] endpoints = [];
        Fault[] quick = [Fault.Reset, Fault.Status500, Fault.TooMany, Fault.Garbage, Fault.WrongShape, Fault.WrongId, Fault.LoseAnswer];
        int looks = 0, hangs = 0, faults = 0;
        bool starting = true;
        try
        {
            // The processes end before the endpoints do.
            await using Story story = await Story.BeginAsync(output, chain =>
            {
                endpoints = [new FaultyEndpoint(chain), new FaultyEndpoint(chain)];
                foreach (FaultyEndpoint endpoint in endpoints)
                    endpoint.Behaviour = _ => Next();
                return [.. endpoints.Select(endpoint => endpoint.Url)];
            });
            story.Meanwhile = () =>
            {
                looks++;
                return Task.CompletedTask;
            };
            story.TimeMayPass = () => hangs > 0 && faults > 100;
            starting = false;
            await story.SubmitHonestTasksAsync(3);
            await story.ClaimedAsync();
            starting = true;
            await story.LieAsync();
            starting = false;
            await story.TruthWinsAsync();
            output.WriteLine($"{faults} faults, {hangs} of them hang");
            Assert.True(hangs > 0 && faults > 100);
        }
        finally
        {
            foreach (FaultyEndpoint endpoint in endpoints)
                await endpoint.DisposeAsync();
        }

        Fault Next()
        {
            lock (random)
            {
                // Ten looks of every sixty there is no L1 at all. A program that is started then says so and ends, rightly.
                bool outage = !starting && looks % 60 is >= 40 and < 50;
                if (!outage && random.Next(12) != 0)
                    return Fault.None;
                faults++;
                if (hangs < 3 && random.Next(40) == 0)
                {
                    hangs++;
                    return Fault.Hang;
                }

                return quick[random.Next(quick.Length)];
            }
        }
    }
}
