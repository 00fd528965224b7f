using System.Buffers.Binary;

namespace Optimistic.Vm.Rollup;

/// <summary>What a leaf of the apps tree commits to (spec 2.5.1).</summary>
public readonly record struct AppLeaf(Word MemoryRoot, Address Owner, ulong Entry, AppPolicy Policy)
{
    /// <summary>The four words that hash to the leaf.</summary>
    public Quad Words
    {
        get
        {
            Span<byte> head = stackalloc byte[Word.Length];
            head.Clear();
            BinaryPrimitives.WriteUInt64BigEndian(head[24..], Entry);
            head[23] = (byte)Policy;
            return new Quad(MemoryRoot, Owner.ToWord(), new Word(head), Word.Zero);
        }
    }

    public Word Hash() => Words.Hash();

    internal static AppLeaf FromWords(in Quad words) => new(
        words.C0,
        Address.FromWord(words.C1),
        BinaryPrimitives.ReadUInt64BigEndian(words.C2.Bytes[24..]),
        (AppPolicy)words.C2.Bytes[23]);
}

/// <summary>What a leaf of the outputs tree commits to (spec 2.6.3): how a task ended.</summary>
/// <param name="TaskHash">The task.</param>
/// <param name="OutputRoot">Slot 7 of the halted machine, else Z(12).</param>
/// <param name="OutputLength">Bytes of output.</param>
/// <param name="StepsUsed">Instructions executed.</param>
/// <param name="ExitCode">Of a machine that halted, else 0.</param>
/// <param name="Status">Of the machine, or of the task.</param>
/// <param name="App">The task's target; of a deploy, the new app's number.</param>
public readonly record struct OutputLeaf(
    Word TaskHash, Word OutputRoot, ulong OutputLength, ulong StepsUsed, uint ExitCode, MachineStatus Status, uint App)
{
    /// <summary>The packed fields.</summary>
    public Word Result
    {
        get
        {
            Span<byte> bytes = stackalloc byte[Word.Length];
            bytes.Clear();
            BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], OutputLength);
            BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], StepsUsed);
            BinaryPrimitives.WriteUInt32BigEndian(bytes[12..], ExitCode);
            bytes[11] = (byte)Status;
            BinaryPrimitives.WriteUInt32BigEndian(bytes[7..], App);
            return new Word(bytes);
        }
    }

    /// <summary>The four words that hash to the leaf.</summary>
    public Quad Words => new(TaskHash, OutputRoot, Result, Word.Zero);

    public Word Hash() => Words.Hash();
}

/// <summary>The four words of σ (spec 2.4).</summary>
internal record struct Sigma(Word AppsRoot, Word OutputsRoot, ulong OutputsCount, ulong AppsCount, Word MachineRoot)
{
    public readonly Quad Words
    {
        get
        {
            Span<byte> counters = stackalloc byte[Word.Length];
            counters.Clear();
            BinaryPrimitives.WriteUInt64BigEndian(counters[24..], OutputsCount);
            BinaryPrimitives.WriteUInt64BigEndian(counters[16..], AppsCount);
            return new Quad(AppsRoot, OutputsRoot, new Word(counters), MachineRoot);
        }
    }

    public readonly Word Hash() => Words.Hash();

    public static Sigma FromWords(in Quad words) => new(
        words.C0,
        words.C1,
        BinaryPrimitives.ReadUInt64BigEndian(words.C2.Bytes[24..]),
        BinaryPrimitives.ReadUInt64BigEndian(words.C2.Bytes[16..]),
        words.C3);
}
