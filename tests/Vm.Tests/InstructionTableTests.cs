namespace Optimistic.Vm.Tests;

public sealed class InstructionTableTests
{
    [Fact]
    [Spec("1.5.1")]
    public void The_table_is_the_one_of_the_spec()
    {
        IEnumerable<string> lines = InstructionTable.Rows.ToArray().Select(row =>
            $"{row.Name}\t{(row.Family == Family.Rv64I ? "RV64I" : row.Family)}\t{row.Format}\t0x{row.Mask:x8}\t0x{row.Match:x8}\t{row.Section}");
        Assert.Equal(["name\tfamily\tformat\tmask\tmatch\tsection", .. lines], File.ReadAllLines(Repository.File("specs", "instructions.tsv")));
    }

    [Fact]
    [Spec("1.5.1")]
    public void Rows_are_in_the_order_of_operations_and_families()
    {
        InstructionRow[] rows = InstructionTable.Rows.ToArray();
        Assert.Equal(Enum.GetValues<Operation>().Length - 1, rows.Length);
        for (int i = 0; i < rows.Length; i++)
        {
            Assert.Equal((Operation)(i + 1), rows[i].Operation);
            Assert.Equal(rows[i].Name.Replace(".", "", StringComparison.Ordinal), rows[i].Operation.ToString(), ignoreCase: true);
        }

        Assert.Equal(rows.Select(row => row.Family), rows.Select(row => row.Family).Order());
    }

    [Fact]
    [Spec("1.5.1")]
    public void At_most_one_row_matches_a_word()
    {
        InstructionRow[] rows = InstructionTable.Rows.ToArray();
        foreach (InstructionRow a in rows)
        {
            Assert.Equal(a.Match, a.Match & a.Mask);
            Assert.Equal(3u, a.Match & 3);
            foreach (InstructionRow b in rows.Where(b => b.Operation < a.Operation))
                Assert.NotEqual(a.Match & b.Mask & a.Mask, b.Match & a.Mask & b.Mask);
        }
    }
}
