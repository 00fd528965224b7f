using Optimistic.Challenger;

namespace Optimistic.Simulator;

/// <summary>
/// What a call costs at most that reverts because somebody made the same one just before: little more than its calldata. The gas snapshot
/// holds real calls to it.
/// </summary>
internal static class RevertedGas
{
    /// <summary>What the model charges for a call: nothing for one about which nobody has promised anything.</summary>
    public static ulong Of(L1Action action, Refusal refusal) =>
        refusal == Refusal.None ? Gas.CostOf(action) : Math.Min(Gas.CostOf(action), Of(action.Name));

    /// <param name="call">The name of the action.</param>
    public static ulong Of(string call) => call switch
    {
        "advance" => 41_000,
        "seal" => 98_000,
        "prove-transition" or "prove-step" => 250_000,
        "challenge" or "join-inner" => 95_000,
        _ => 45_000,
    };

    /// <summary>
    /// All calls of one side in one match of trees of that height (spec 4.6.9): every second advance, the seal, and the end, which at level 0
    /// may come with joining the inner tournament.
    /// </summary>
    public static ulong OfMatch(int height) =>
        (ulong)(height / 2) * Of("advance") + Of("seal") + Math.Max(Of("prove-step"), Of("resolve-inner") + Of("join-inner"));
}
