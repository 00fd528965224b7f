using FsCheck.Fluent;
using FsCheck.Xunit;
using Optimistic.Engine.Node;

namespace Optimistic.Engine.Tests;

public sealed class JournalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("optimistic-journal-").FullName;

    private string PathOf(string name) => Path.Combine(_folder, name);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Property(MaxTest = 50)]
    public bool What_was_appended_survives_a_cut_at_any_later_byte(byte[][] payloads, uint cut)
    {
        string path = PathOf(Guid.NewGuid().ToString("N"));
        List<long> ends = [];
        using (Journal journal = Journal.Open(path, out _))
        {
            for (int i = 0; i < payloads.Length; i++)
            {
                journal.Append([new JournalRecord((ulong)i + 1, payloads[i])]);
                ends.Add(new FileInfo(path).Length);
            }
        }

        // A crash in the middle of the next append leaves some of its bytes.
        long total = ends.Count == 0 ? 0 : ends[^1];
        long keep = total == 0 ? 0 : cut % (total + 1);
        using (FileStream file = new(path, FileMode.Open))
            file.SetLength(keep);

        int whole = ends.Count(end => end <= keep);
        using (Journal journal = Journal.Open(path, out List<JournalRecord> records))
        {
            if (records.Count != whole || !records.Select(record => record.Payload.ToArray()).SequenceEqual(payloads.Take(whole), BytesEqual.Instance))
                return false;

            journal.Append([new JournalRecord(1000, new byte[] { 1, 2, 3 })]);
        }

        using (Journal.Open(path, out List<JournalRecord> records))
            return records.Count == whole + 1 && records[^1].Number == 1000;
    }

    [Fact]
    public void A_record_damaged_in_the_middle_is_refused_by_name()
    {
        string path = PathOf("damaged");
        using (Journal journal = Journal.Open(path, out _))
            journal.Append([new JournalRecord(1, new byte[100]), new JournalRecord(2, new byte[100])]);

        byte[] bytes = File.ReadAllBytes(path);
        bytes[50] ^= 1;
        File.WriteAllBytes(path, bytes);
        JournalException error = Assert.Throws<JournalException>(() => Journal.Open(path, out _));
        Assert.Contains("damaged at byte 0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rewrite_keeps_exactly_what_it_is_given_and_can_be_appended_to()
    {
        string path = PathOf("rewritten");
        using (Journal journal = Journal.Open(path, out _))
        {
            journal.Append([.. Enumerable.Range(1, 9).Select(i => new JournalRecord((ulong)i, new byte[i]))]);
            journal.Rewrite([new JournalRecord(8, new byte[8]), new JournalRecord(9, new byte[9])]);
            journal.Append([new JournalRecord(10, new byte[10])]);
        }

        File.WriteAllBytes(path + ".next", [1, 2, 3]); // a crash before a rename
        using (Journal.Open(path, out List<JournalRecord> records))
            Assert.Equal([8UL, 9, 10], records.Select(record => record.Number));
        Assert.False(File.Exists(path + ".next"));
    }

    private sealed class BytesEqual : IEqualityComparer<byte[]>
    {
        public static readonly BytesEqual Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] bytes) => bytes.Length;
    }
}
