using System.Runtime.CompilerServices;

namespace Optimistic.Vm.Tests;

/// <summary>Where the repository's files are, found from the place this file was compiled at.</summary>
internal static class Repository
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", ".."));

    /// <summary>The full path of a file given by its path from the repository's root.</summary>
    public static string File(params string[] path) => Path.Combine([Root, .. path]);

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
