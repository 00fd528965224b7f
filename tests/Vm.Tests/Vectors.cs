using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Optimistic.Vm.Tests;

/// <summary>
/// The golden files of specs/vectors, which C# and Solidity both are held to. A test computes what a file should say and compares.
/// Only a run with OPTIMISTIC_UPDATE_VECTORS=1 writes the files; review the difference before committing it.
/// </summary>
internal static class Vectors
{
    private const string UpdateVariable = "OPTIMISTIC_UPDATE_VECTORS";

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping
    };

    /// <summary>Compares a file, an array with one entry a line, with what it should be.</summary>
    public static void Check<T>(string fileName, IEnumerable<T> entries)
    {
        var text = new StringBuilder("[\n");
        text.AppendJoin(",\n", entries.Select(entry => JsonSerializer.Serialize(entry, Options))).Append("\n]\n");
        CheckText(fileName, text.ToString());
    }

    private static void CheckText(string fileName, string expected)
    {
        string path = Repository.File("specs", "vectors", fileName);
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
            File.WriteAllText(path, expected);

        Assert.True(File.Exists(path), $"specs/vectors/{fileName} is missing: run the tests with {UpdateVariable}=1 to make it.");
        string[] expectedLines = expected.Split('\n'), lines = File.ReadAllText(path).Split('\n');
        for (int i = 0; i < Math.Min(lines.Length, expectedLines.Length); i++)
            Assert.True(lines[i] == expectedLines[i], $"specs/vectors/{fileName}, line {i + 1}: the file says\n{lines[i]}\nbut this code says\n{expectedLines[i]}");

        Assert.Equal(expectedLines.Length, lines.Length);
    }

    /// <summary>Lowercase hexadecimal with 0x.</summary>
    public static string Hex(ReadOnlySpan<byte> bytes) => "0x" + Convert.ToHexStringLower(bytes);
}
