namespace Optimistic.Vm.Tests;

/// <summary>The Solidity step reads side by side with the instruction table: same families, same order, same names.</summary>
public sealed partial class SolidityOrderTests
{
    [System.Text.RegularExpressions.GeneratedRegex(@"^(?:// ---- (?<family>\w+) -+|function (?<name>\w+)\()", System.Text.RegularExpressions.RegexOptions.Multiline)]
    private static partial System.Text.RegularExpressions.Regex FamilyOrFunction();

    /// <summary>A row's function: <c>SH1ADD.UW</c> is <c>sh1addUw</c>. The two widths of an atomic share one.</summary>
    private static string FunctionOf(string name, string family)
    {
        string[] words = name.ToLowerInvariant().Split('.');
        return family == "A" ? words[0] : words[0] + string.Concat(words[1..].Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
    }

    [Fact]
    [Spec("1.5.1")]
    public void Functions_are_in_the_order_of_the_table()
    {
        var expected = File.ReadLines(Repository.File("specs", "instructions.tsv")).Skip(1)
            .Select(line => line.Split('\t'))
            .Select(row => (Family: row[1], Name: FunctionOf(row[0], row[1])))
            .Distinct()
            .ToList();
        var names = expected.Select(e => e.Name).ToHashSet();

        string family = "";
        var actual = new List<(string Family, string Name)>();
        foreach (System.Text.RegularExpressions.Match match in FamilyOrFunction().Matches(File.ReadAllText(Repository.File("contracts", "src", "machine", "Step.sol"))))
        {
            if (match.Groups["family"].Success)
                family = match.Groups["family"].Value;
            else if (family.Length > 0 && names.Contains(match.Groups["name"].Value))
                actual.Add((family, match.Groups["name"].Value));
        }

        Assert.Equal(expected, actual);
    }
}
