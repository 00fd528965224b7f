namespace Optimistic.Vm.Jit;

/// <summary>When and how much is compiled. Nothing here changes results.</summary>
/// <param name="Threshold">A place that control has been transferred to so often, not compiled yet, is compiled.</param>
/// <param name="MaxInstructions">Instructions in a region; of IL no more than <see cref="MaxIlInstructions"/>.</param>
/// <param name="RebuildEntries">
/// After so many entries into regions, or in proportion where more than <see cref="RebuildSpots"/> places are hot, all that is
/// hot is put into regions anew; and again after as many more while half as much again has become hot, else after twice as many
/// each time. A return from tier 0 counts as <see cref="ReturnEntries"/> of them for what is hot and not compiled yet.
/// </param>
/// <param name="ColdSteps">The first steps of a text are interpreted, unprofiled: short runs pay for no tier.</param>
/// <param name="InBackground">Regions are compiled on the compiler's thread while tier 0 goes on, not by who needs them.</param>
/// <param name="ForHost">Regions are made into code of the host where that can be done (<see cref="X64.HostText"/>), not into IL.</param>
/// <param name="Compiles">Whether anything is compiled; if not, tier 0 runs what is hot in pairs of instructions.</param>
internal sealed record JitLimits(int Threshold, int MaxInstructions, long RebuildEntries, long ColdSteps = 0, bool InBackground = false, bool ForHost = true, bool Compiles = true)
{
    public static readonly JitLimits Standard = new(
        Threshold: 1000, MaxInstructions: 60_000, RebuildEntries: 20_000, ColdSteps: 100_000, InBackground: true);

    /// <summary>Compiles nothing, and starts with tier 0.</summary>
    public static readonly JitLimits ThreadedOnly = Standard with { ColdSteps = 0, Compiles = false };

    /// <summary>Hot places whose compilation takes about the time of <see cref="RebuildEntries"/> entries.</summary>
    public const int RebuildSpots = 20;

    /// <summary>Entries of one region from another that cost the time of a return from tier 0 to the runner.</summary>
    public const int ReturnEntries = 32;

    /// <summary>A place is cold below this part of the threshold.</summary>
    public const int ColdShare = 32;

    /// <summary>What control comes to through tier 0 again and again is compiled from this part of the threshold on.</summary>
    public const int GatheredShare = 128;

    /// <summary>Times that the entries until the next making anew are doubled.</summary>
    public const int MaxDoublings = 16;

    /// <summary>Regions that are made anew at once.</summary>
    public const int RebuildRegions = 8;

    /// <summary>Times that a region may be entered at a place in vain.</summary>
    public const int MaxRefusals = 64;

    /// <summary>Times that a place is compiled again because of that.</summary>
    public const int MaxRecompilations = 4;

    /// <summary>Instructions in a region of IL: larger methods are compiled without optimisation.</summary>
    public const int MaxIlInstructions = 2200;

    /// <summary>Steps from a check to the next, but for those of a block.</summary>
    public const int MaxUnchecked = 2048;

    /// <summary>Instructions in a block.</summary>
    public const int MaxBlockLength = 256;
}
