namespace Optimistic.EndToEnd.Tests;

/// <summary>Every lie at every kind of leaf, against one honest challenger (spec 4).</summary>
public sealed class LieTests(World world) : IClassFixture<World>
{
    public static IEnumerable<TheoryDataRow<string, bool>> EveryLie() =>
        Lies.ByName.Keys.Select((name, i) => new TheoryDataRow<string, bool>(name, i % 2 == 0));

    /// <summary>Either the liar claims and is challenged, or it challenges the true claim: so both sides move first, and prove as both.</summary>
    [Theory]
    [MemberData(nameof(EveryLie))]
    public async Task EveryLieLoses(string name, bool liarFirst)
    {
        Lie lie = Lies.ByName[name];
        await using Dispute dispute = await Dispute.BeginAsync(world);
        dispute.AddHonest(claimAfterSeconds: 0, awakeAfterSeconds: liarFirst ? 20UL : 0);
        Liar liar = dispute.AddLiar(lie, awakeAfterSeconds: liarFirst ? 0 : 20UL);
        Assert.NotEqual(world.Truth.Trace.Root, liar.Traces.Trace.Root);
        Assert.Equal(world.Truth.Trace.Leaf(lie.Position == 0 ? 0 : lie.Position - 1) == liar.Traces.Trace.Leaf(lie.Position == 0 ? 0 : lie.Position - 1), lie.Position > 0);
        Assert.NotEqual(world.Truth.Trace.Leaf(lie.Position), liar.Traces.Trace.Leaf(lie.Position));

        await dispute.PlayAsync();
        await dispute.CheckTheTruthWonAsync();
    }
}
