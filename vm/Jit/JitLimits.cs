namespace Optimistic.Vm.Jit;

/// <summary>When and how much is compiled. Nothing here changes results.</summary>
/// <param name="Threshold">A place that control has been transferred to so often, not compiled yet, is compiled.</param>
/// <param name="MaxInstructions">Instructions in a region: larger methods are compiled without optimisation.</param>
/// <param name="RebuildEntries">
/// After so many entries into regions a larger one is made of all that is hot, and again after eight times as many.
/// </param>
internal sealed record JitLimits(int Threshold, int MaxInstructions, long RebuildEntries)
{
    public static readonly JitLimits Standard = new(Threshold: 1000, MaxInstructions: 2200, RebuildEntries: 20_000);

    /// <summary>Instructions in a block.</summary>
    public const int MaxBlockLength = 256;
}
