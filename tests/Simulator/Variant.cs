namespace Optimistic.Simulator;

/// <summary>Who meets whom, and when.</summary>
internal enum Pairing
{
    /// <summary>Whoever enters meets the one that waits (spec 4.2.5): never two wait.</summary>
    AtOnce,

    /// <summary>One match at a time; whoever has waited longest comes next, and the winner goes to the back.</summary>
    OldestFirst,

    /// <summary>One match at a time; the winner stays and meets whoever has waited longest.</summary>
    WinnerStays,

    /// <summary>One match at a time, of the two that have most time left.</summary>
    MostTimeFirst,

    /// <summary>In rounds: whoever enters waits until no match is live, and then all are paired, in the order in which they came.</summary>
    Rounds,

    /// <summary>In rounds, the one with most time left against the one with least.</summary>
    RoundsMostWithLeast,
}

/// <summary>Which of two that meet moves first.</summary>
internal enum FirstMove
{
    /// <summary>The one that waited (spec 4.2.5).</summary>
    WhoWaited,

    /// <summary>The one that came later.</summary>
    WhoEntered,

    /// <summary>The one with more time left.</summary>
    MoreTime,
}

/// <summary>Rules of pairing and of clocks that were weighed against each other (decision 0019).</summary>
/// <param name="InnerClockCounts">Whoever wins an inner tournament goes on with no more time than its commitment in there has left (spec 4.3.7).</param>
internal sealed record Variant(string Name, Pairing Pairing = Pairing.AtOnce, FirstMove FirstMove = FirstMove.WhoWaited, bool InnerClockCounts = true)
{
    /// <summary>Spec 4.</summary>
    public static Variant Spec { get; } = new("today's");

    public static IReadOnlyList<Variant> All { get; } =
    [
        Spec,
        new("the later one moves first", FirstMove: FirstMove.WhoEntered),
        new("the one with more time moves first", FirstMove: FirstMove.MoreTime),
        new("one match at a time, first come first served", Pairing.OldestFirst),
        new("one match at a time, winner stays", Pairing.WinnerStays),
        new("one match at a time, most time left first", Pairing.MostTimeFirst),
        new("bracket: rounds, in order of coming", Pairing.Rounds),
        new("bracket: rounds, most time against least", Pairing.RoundsMostWithLeast),
        new("the outer clock stays as it was", InnerClockCounts: false),
    ];
}
