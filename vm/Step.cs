using System.Diagnostics.CodeAnalysis;
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
        writer.Machine(machine.Memory.Root(), ref machine.Head);
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
        Word memoryRoot = reader.Machine(machineRoot, out MachineHead head);
        var state = new WitnessedState<ReplayingAccess>(new ReplayingAccess(&head, memoryRoot, reader));
        Interpreter.Execute(ref state, 1);
        state.Access.End();
        return head.Root(state.Access.MemoryRoot);
    }
}

/// <summary>Words of the memory tree, opened one at a time in the order of the protocol.</summary>
internal unsafe interface IWordAccess
{
    MachineHead* Head { get; }

    /// <summary>One access (spec 3.1.2): the value of word <paramref name="index"/>.</summary>
    Word Open(uint index);

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
        Word word = _access.Open((uint)(address / Word.Length));
        int offset = (int)(address % Word.Length);
        uint low = Read<ushort>(word, offset);
        if (Decoder.IsCompressed(low))
            return Decoder.DecodeText(low);

        uint high = offset + 2 < Word.Length
            ? Read<ushort>(word, offset + 2)
            : Read<ushort>(_access.Open((uint)(address / Word.Length) + 1), 0);
        return Decoder.DecodeText(low | high << 16);
    }

    public T Load<T>(uint address) where T : unmanaged
    {
        TwoWords words = default;
        words[0] = _access.Open(address / Word.Length);
        if (Crosses<T>(address))
            words[1] = _access.Open(address / Word.Length + 1);

        return Unsafe.ReadUnaligned<T>((byte*)&words + address % Word.Length);
    }

    public void Store<T>(uint address, T value) where T : unmanaged
    {
        // The bytes of the value at their place in two words, then each word in turn: its proof is against the root after the first.
        uint index = address / Word.Length;
        TwoWords words = default;
        byte* bytes = (byte*)&words;
        words[0] = _access.Open(index);
        Unsafe.WriteUnaligned(bytes + address % Word.Length, value);
        _access.Write(words[0]);
        if (Crosses<T>(address))
        {
            words[1] = _access.Open(index + 1);
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

    public Word Open(uint index)
    {
        _index = index;
        Word word = machine.Memory.ReadWord(index);
        writer.Access(word, machine.Memory.Prove(index));
        return word;
    }

    public readonly void Write(in Word value) => machine.Memory.WriteWord(_index, value);
}

/// <summary>Holds each access to the memory root, and keeps that root current.</summary>
internal unsafe ref struct ReplayingAccess(MachineHead* head, Word memoryRoot, WitnessReader reader) : IWordAccess
{
    private WitnessReader _reader = reader;
    private uint _index;
    private QuadProof? _proof;

    public readonly MachineHead* Head => head;

    /// <summary>The memory root after all writes so far.</summary>
    public Word MemoryRoot { get; private set; } = memoryRoot;

    public Word Open(uint index)
    {
        _index = index;
        return _reader.Access(QuadTreeKind.State, GuestMemory.Height, MemoryRoot, index, out _proof);
    }

    public void Write(in Word value) => MemoryRoot = _proof!.ComputeRoot(value, _index);

    public readonly void End() => _reader.End();
}
