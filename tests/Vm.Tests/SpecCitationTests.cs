using System.Reflection;
using System.Text.RegularExpressions;

namespace Optimistic.Vm.Tests;

/// <summary>Every section that code or a test cites is in specs/.</summary>
public sealed partial class SpecCitationTests
{
    private static readonly string[] Folders = ["vm", "contracts", "engine", "challenger", "tests"];

    private static readonly string[] BuildFolders = ["bin", "obj", "out", "cache", "node_modules"];

    [Fact]
    public void Every_citation_in_the_code_is_a_section()
    {
        HashSet<string> sections = Sections();
        var dangling = new List<string>();
        foreach (string folder in Folders)
        {
            foreach (string file in SourceFiles(new DirectoryInfo(Repository.File(folder))))
            {
                foreach (Match list in Citation().Matches(File.ReadAllText(file)))
                    foreach (Match number in Number().Matches(list.Value))
                        if (!sections.Contains(number.Value))
                            dangling.Add($"{Path.GetRelativePath(Repository.File(), file)}: {number.Value}");
            }
        }

        Assert.Empty(dangling);
    }

    [Fact]
    public void Every_spec_attribute_names_a_section()
    {
        HashSet<string> sections = Sections();
        IEnumerable<SpecAttribute> attributes = typeof(SpecCitationTests).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods().Cast<MemberInfo>().Append(type))
            .SelectMany(member => member.GetCustomAttributes<SpecAttribute>(inherit: false));
        Assert.All(attributes, attribute => Assert.Contains(attribute.Section, sections));
    }

    /// <summary>Sections of the machine, the state and the step; those of the dispute and the rollup have their tests elsewhere.</summary>
    [Fact]
    public void Every_requirement_of_this_assembly_has_a_test()
    {
        HashSet<string> tested =
        [
            .. typeof(SpecCitationTests).Assembly.GetTypes()
                .SelectMany(type => type.GetMethods().Cast<MemberInfo>().Append(type))
                .SelectMany(member => member.GetCustomAttributes<SpecAttribute>(inherit: false))
                .Select(attribute => attribute.Section)
        ];
        string[] requirements = [.. Sections().Where(section => section[0] is '1' or '2' or '3' && section.Count(c => c == '.') == 2)];
        Assert.All(requirements, section => Assert.True(
            tested.Contains(section) || tested.Contains(section[..section.LastIndexOf('.')]), $"no test is marked [Spec(\"{section}\")]"));
    }

    [Fact]
    public void Every_row_of_the_instruction_table_names_a_section()
    {
        HashSet<string> sections = Sections();
        Assert.All(InstructionTable.Rows.ToArray(), row => Assert.Contains(row.Section, sections));
    }

    /// <summary>The numbers that open a heading or a paragraph of specs/*.md.</summary>
    private static HashSet<string> Sections()
    {
        var sections = new HashSet<string>();
        foreach (string file in Directory.EnumerateFiles(Repository.File("specs"), "*.md"))
            foreach (string line in File.ReadLines(file))
                if (SectionStart().Match(line) is { Success: true } match)
                    sections.Add(match.Groups["number"].Value);

        Assert.Contains("1.4.2", sections);
        return sections;
    }

    private static IEnumerable<string> SourceFiles(DirectoryInfo folder)
    {
        foreach (FileInfo file in folder.EnumerateFiles())
            if (file.Extension is ".cs" or ".sol" or ".c" or ".h")
                yield return file.FullName;

        foreach (DirectoryInfo inner in folder.EnumerateDirectories())
            if (!BuildFolders.Contains(inner.Name))
                foreach (string file in SourceFiles(inner))
                    yield return file;
    }

    [GeneratedRegex(@"^(#+ )?(?<number>\d+(\.\d+)*)\.? ")]
    private static partial Regex SectionStart();

    // "spec 2.1", "spec 1.2, 2.3", "spec 1.4.2 and 1.4.3"
    [GeneratedRegex(@"\bspec \d+(\.\d+)+((, | and )\d+(\.\d+)+)*")]
    private static partial Regex Citation();

    [GeneratedRegex(@"\d+(\.\d+)+")]
    private static partial Regex Number();
}
