using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Simulator;
using Optimistic.Vm;

namespace Optimistic.Challenger.Tests;

/// <summary>The journal keeps what it was told, belongs to one rollup, and is used by one process.</summary>
public sealed class JournalTests : IDisposable
{
    private static readonly JournalIdentity Identity = new(31337, Address.FromWord(Word.FromUInt64(7)), 5, "");

    private readonly string _folder = Directory.CreateTempSubdirectory("journal-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void BlocksComeBackAsTheyWereAndReorganizationsRemoveThem()
    {
        FollowedBlock[] blocks = [Block(10, 2), Block(11, 0), Block(12, 1), Block(13, 3)];
        using (Journal journal = Journal.Open(_folder, Identity))
        {
            journal.Record(new ChainUpdate(null, blocks, true));
            journal.Record(new ChainUpdate(12, [Block(12, 2, "other")], true));
        }

        using Journal again = Journal.Open(_folder, Identity);
        FollowedBlock[] expected = [blocks[0], blocks[1], Block(12, 2, "other")];
        IReadOnlyList<FollowedBlock> read = again.ReadBlocks();
        Assert.Equal(expected.Length, read.Count);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i] with { Logs = [] }, read[i] with { Logs = [] });
            Assert.Equal(expected[i].Logs.Select(Text), read[i].Logs.Select(Text));
        }
    }

    [Fact]
    public void EmptyBlocksAreForgottenAndOthersAreNot()
    {
        using Journal journal = Journal.Open(_folder, Identity);
        journal.Record(new ChainUpdate(null, [Block(1, 1), Block(2, 0)], false));
        journal.Record(new ChainUpdate(null, [Block(5000, 0)], true));
        Assert.Equal([1UL, 5000UL], journal.ReadBlocks().Select(block => block.Number));
    }

    [Fact]
    public void ALaterResultReplacesThoseAfterIt()
    {
        using Journal journal = Journal.Open(_folder, Identity);
        OwnClaim Claim(ulong batch, string name) => new(batch, ToyTraces.Named(name), ToyTraces.Named("s"), ToyTraces.Named("t"), batch * 7);
        foreach (ulong batch in (ulong[])[0, 1, 2, 3])
            journal.Record(Claim(batch, "a"));
        journal.Record(Claim(1, "b"));
        Assert.Equal([Claim(0, "a"), Claim(1, "b")], journal.ReadClaims(ulong.MaxValue));
    }

    [Fact]
    public void WhatAKillInterruptedIsFoundOnce()
    {
        var settle = new Settle(ToyTraces.Named("tournament"), Word.Zero);
        var recover = new Recover(new ClaimRef(default, default, default), new ClaimRef(default, default, default), 0);
        using (Journal journal = Journal.Open(_folder, Identity))
        {
            journal.Record(settle, ActionStage.Intended);
            long id = journal.Record(recover, ActionStage.Intended);
            journal.Finish(id, ActionStage.Mined, null);
        }

        using Journal again = Journal.Open(_folder, Identity);
        Assert.Equal(settle.Key, Assert.Single(again.TakeInterrupted()).Key);
        Assert.Empty(again.TakeInterrupted());
        Assert.True(again.WasMined(recover.Key));
        Assert.False(again.WasMined(settle.Key));
        Assert.Equal([ActionStage.Mined, ActionStage.Interrupted], again.ReadActions(5).Select(action => action.Stage));
    }

    [Fact]
    public void AnotherRollupChainOrDrillIsRefused()
    {
        Journal.Open(_folder, Identity).Dispose();
        foreach (JournalIdentity other in (JournalIdentity[])
        [
            Identity with { ChainId = 1 },
            Identity with { Rollup = Address.Zero },
            Identity with { Drill = "task=1" },
            Identity with { FirstBlock = 3 },
        ])
        {
            Assert.Contains("choose another --data", Assert.Throws<DataFolderException>(() => Journal.Open(_folder, other)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AFolderInUseADamagedOneAndAFileAreRefused()
    {
        using (Journal.Open(_folder, Identity))
            Assert.Contains("in use", Assert.Throws<DataFolderException>(() => Journal.Open(_folder, Identity)).Message, StringComparison.Ordinal);

        File.WriteAllBytes(Path.Combine(_folder, "journal.db"), new byte[10_000]);
        Assert.Throws<DataFolderException>(() => Journal.Open(_folder, Identity));
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        Assert.Throws<DataFolderException>(() => Journal.Open(file, Identity));
    }

    private static string Text(LogEntry log) => string.Join(
        ' ', log.Address, string.Join(',', log.Topics), Convert.ToHexString(log.Data.Span), log.BlockNumber, log.BlockHash, log.TransactionHash, log.LogIndex);

    private static FollowedBlock Block(ulong number, int logs, string chain = "one")
    {
        Word hash = ToyTraces.Named($"{chain} {number}");
        return new FollowedBlock(number, hash, ToyTraces.Named($"{chain} {number - 1}"), number * 12, [.. Enumerable.Range(0, logs).Select(i => new LogEntry(
            Address.FromWord(hash), [hash, Word.FromUInt64((ulong)i)], hash.ToArray(), number, hash, ToyTraces.Named($"tx {i}"), (ulong)i))]);
    }
}
