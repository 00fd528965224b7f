using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Optimistic.Vm;

/// <summary>
/// One instruction step with a witness (spec 3.2). Recording makes the step on a live machine and writes down each access;
/// replaying needs the machine root and the witness alone. Both run <see cref="Interpreter"/>'s one body.
/// </summary>
public static unsafe class Step
{
    /// <summary>Makes one step of <paramref name="machine"/>.</summary>
    /// <returns>The witness of that step, against the machine root before it.</returns>
    public static byte[] Record(Machine machine)
    {
        var writer = new WitnessWriter();
        writer.Machine(ref machine.Head);
        if (!Fetches(machine.Head.Control))
            writer.MemoryRoot(machine.Memory.Root());

        var state = new WitnessedState<RecordingAccess>(new RecordingAccess(machine, writer));
        Interpreter.Execute(ref state, 1);
        GC.KeepAlive(machine);
        return writer.ToArray();
    }

    /// <summary>The machine root after one step from <paramref name="machineRoot"/>.</summary>
    /// <exception cref="WitnessException">The bytes are not the witness of that step.</exception>
    public static Word Replay(Word machineRoot, ReadOnlySpan<byte> witness)
    {
        var reader = new WitnessReader(witness);
        MachineHead head = reader.Machine();
        if (!Fetches(head.Control))
        {
            Word memoryRoot = reader.MemoryRoot(machineRoot, ref head);
            var closed = new WitnessedState<NoAccess>(new NoAccess(&head));
            Interpreter.Execute(ref closed, 1);
            reader.End();
            return head.Root(memoryRoot);
        }

        var state = new WitnessedState<ReplayingAccess>(new ReplayingAccess(&head, machineRoot, reader));
        Interpreter.Execute(ref state, 1);
        state.Access.End();
        return head.Root(state.Access.MemoryRoot);
    }

    /// <summary>Whether the step opens the memory (spec 3.2.1).</summary>
    private static bool Fetches(in ControlWord control) =>
        control is { Status: MachineStatus.Running, StepsLeft: not 0 } && control.Pc < GuestMemory.TextLength && control.Pc % 2 == 0;
}

/// <summary>Words of the memory tree, opened one at a time in the order of the protocol.</summary>
internal unsafe interface IWordAccess
{
    MachineHead* Head { get; }

    /// <summary>The fetch (spec 3.2.2): the value of word <paramref name="index"/>.</summary>
    Word Fetch(uint index);

    /// <summary>One access (spec 3.1.5): the value of word <paramref name="index"/>.</summary>
    Word Open(uint index);

    /// <summary>The value of the word behind the one that was fetched or opened last (spec 3.1.6).</summary>
    Word OpenNext();

    /// <summary>Writes the word that was opened last.</summary>
    void Write(in Word value);
}

/// <summary>The state of a step whose every access is an item of a witness, read or written.</summary>
internal unsafe ref struct WitnessedState<TAccess>(TAccess access) : IMachineState
    where TAccess : struct, IWordAccess, allows ref struct
{
    private TAccess _access = access;
    private Word _atomicWord;

    [UnscopedRef]
    public ref TAccess Access => ref _access;

    public readonly MachineHead* Head => _access.Head;

    public readonly void BeginStep()
    {
    }

    public Instruction Fetch(ulong pc)
    {
        ulong address = GuestMemory.TextAddress + pc;
        Word word = _access.Fetch((uint)(address / Word.Length));
        int offset = (int)(address % Word.Length);
        uint low = Read<ushort>(word, offset);
        if (Decoder.IsCompressed(low))
            return Decoder.DecodeText(low);

        uint high = offset + 2 < Word.Length
            ? Read<ushort>(word, offset + 2)
            : Read<ushort>(_access.OpenNext(), 0);
        return Decoder.DecodeText(low | high << 16);
    }

    public T Load<T>(uint address) where T : unmanaged
    {
        TwoWords words = default;
        words[0] = _access.Open(address / Word.Length);
        if (Crosses<T>(address))
            words[1] = _access.OpenNext();

        return Unsafe.ReadUnaligned<T>((byte*)&words + address % Word.Length);
    }

    public void Store<T>(uint address, T value) where T : unmanaged
    {
        // The bytes of the value at their place in two words, then each word in turn.
        TwoWords words = default;
        byte* bytes = (byte*)&words;
        words[0] = _access.Open(address / Word.Length);
        Unsafe.WriteUnaligned(bytes + address % Word.Length, value);
        _access.Write(words[0]);
        if (Crosses<T>(address))
        {
            words[1] = _access.OpenNext();
            Unsafe.WriteUnaligned(bytes + address % Word.Length, value);
            _access.Write(words[1]);
        }
    }

    public T AtomicLoad<T>(uint address) where T : unmanaged
    {
        _atomicWord = _access.Open(address / Word.Length);
        return Read<T>(_atomicWord, (int)(address % Word.Length));
    }

    public void AtomicStore<T>(uint address, T value) where T : unmanaged
    {
        Word word = _atomicWord;
        Unsafe.WriteUnaligned((byte*)&word + address % Word.Length, value);
        _access.Write(word);
    }

    public readonly void GuestWrite(ulong descriptor, ulong address, ulong length)
    {
    }

    private static bool Crosses<T>(uint address) where T : unmanaged => address % Word.Length + sizeof(T) > Word.Length;

    private static T Read<T>(Word word, int offset) where T : unmanaged => Unsafe.ReadUnaligned<T>((byte*)&word + offset);

    [InlineArray(2)]
    private struct TwoWords
    {
        private Word _first;
    }
}

/// <summary>Writes each access of a live machine down.</summary>
internal unsafe struct RecordingAccess(Machine machine, WitnessWriter writer) : IWordAccess
{
    private uint _index;

    public readonly MachineHead* Head => machine.HeadPointer;

    public Word Fetch(uint index) => Open(index, GuestMemory.Height);

    public Word Open(uint index) => Open(index, GuestMemory.QuarterHeight);

    public Word OpenNext()
    {
        int height = NextWord.PartingHeight(_index);
        if (height > 0)
            return Open(_index + 1, height);

        return machine.Memory.ReadWord(++_index);
    }

    public readonly void Write(in Word value) => machine.Memory.WriteWord(_index, value);

    private Word Open(uint index, int height)
    {
        _index = index;
        Word word = machine.Memory.ReadWord(index);
        writer.Access(word, machine.Memory.Prove(index).Below(height));
        return word;
    }
}

/// <summary>Holds each access to the memory of the machine root, and keeps the memory root current.</summary>
internal unsafe ref struct ReplayingAccess(MachineHead* head, Word machineRoot, WitnessReader reader) : IWordAccess
{
    private const int QuarterShift = 2 * GuestMemory.QuarterHeight;

    private WitnessReader _reader = reader;
    private uint _index;

    // Of the word at the index: its value, and its proof in its quarter.
    private Word _word;
    private QuadProof? _proof;

    // A to D of spec 2.3.3.
    private Quad _quarters;

    public readonly MachineHead* Head => head;

    /// <summary>The memory root after all writes so far.</summary>
    public readonly Word MemoryRoot => _quarters.Hash();

    private readonly ulong IndexInQuarter => _index & ((1UL << QuarterShift) - 1);

    public Word Fetch(uint index)
    {
        _index = index;
        _word = _reader.Unproven(QuadTreeKind.State, GuestMemory.Height, out QuadProof proof);
        _proof = proof.Below(GuestMemory.QuarterHeight);
        Word[] siblings = proof.AllSiblings();
        // Text is in D.
        _quarters = new Quad(siblings[^3], siblings[^2], siblings[^1], _proof.ComputeRoot(_word, IndexInQuarter));
        WitnessReader.CheckMachine(machineRoot, head->Root(MemoryRoot));
        return _word;
    }

    public Word Open(uint index)
    {
        _index = index;
        _word = _reader.Access(QuadTreeKind.State, GuestMemory.QuarterHeight, Quarter(index >> QuarterShift), IndexInQuarter, out _proof);
        return _word;
    }

    public Word OpenNext()
    {
        int height = NextWord.PartingHeight(_index);
        if (height == GuestMemory.QuarterHeight)
            return Open(_index + 1);

        // Under one parent: the path's node, then the node that the next word is in.
        int own = (int)(_index >> (2 * height)) & 3;
        Word[] siblings = _proof!.AllSiblings();
        Word node = _proof.Below(height).ComputeRoot(_word, _index & ((1UL << (2 * height)) - 1));
        Word nextNode = siblings[3 * height + own];
        siblings[3 * height + own] = node;
        _word = nextNode;
        if (height > 0)
        {
            _word = _reader.Access(QuadTreeKind.State, height, nextNode, 0, out QuadProof below);
            below.AllSiblings().CopyTo(siblings, 0);
        }

        _index++;
        _proof = QuadProof.Create(QuadTreeKind.State, _word, IndexInQuarter, siblings);
        return _word;
    }

    public void Write(in Word value)
    {
        _word = value;
        Word quarter = _proof!.ComputeRoot(value, IndexInQuarter);
        _quarters = (_index >> QuarterShift) switch
        {
            0 => _quarters with { C0 = quarter },
            1 => _quarters with { C1 = quarter },
            2 => _quarters with { C2 = quarter },
            uint other => throw new UnreachableException($"quarter {other} cannot be written"),
        };
    }

    public readonly void End() => _reader.End();

    private readonly Word Quarter(uint number) => number switch
    {
        0 => _quarters.C0,
        1 => _quarters.C1,
        2 => _quarters.C2,
        _ => throw new UnreachableException($"quarter {number} is not data"),
    };
}

/// <summary>Of a step that opens no word.</summary>
internal readonly unsafe struct NoAccess(MachineHead* head) : IWordAccess
{
    public MachineHead* Head => head;

    public Word Fetch(uint index) => throw Unreachable(index);

    public Word Open(uint index) => throw Unreachable(index);

    public Word OpenNext() => throw Unreachable(0);

    public void Write(in Word value) => throw Unreachable(0);

    private static UnreachableException Unreachable(uint index) => new($"word {index} is opened by a step that makes no access");
}

/// <summary>A word and the one behind it (spec 3.1.6).</summary>
internal static class NextWord
{
    /// <summary>The height below whose parent both are: the number of threes that the index ends in, in base 4.</summary>
    public static int PartingHeight(uint index) => BitOperations.TrailingZeroCount(~index) / 2;
}
