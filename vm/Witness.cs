using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Optimistic.Vm;

/// <summary>Why bytes are not the witness of a transition (spec 3.4). The names are those of Solidity's custom errors.</summary>
public enum WitnessError
{
    /// <summary>The bytes end before the transition has all its items.</summary>
    WitnessTooShort,

    /// <summary>Bytes are left over after the transition.</summary>
    WitnessTooLong,

    /// <summary>The mask of a proof has a bit above the tree's height.</summary>
    MaskOutOfRange,

    /// <summary>A proof carries a sibling that equals its default and should have been left out.</summary>
    DefaultSibling,

    /// <summary>An access does not prove against the current root of its tree.</summary>
    RootMismatch,

    /// <summary>An opening or a machine does not hash to its node.</summary>
    OpeningMismatch,

    /// <summary>An append finds a leaf that is not zero.</summary>
    LeafNotEmpty,

    /// <summary>The transition is a chunk of a loaded machine, which a level 1 trace proves.</summary>
    ChunkNotProvable
}

/// <summary>Bytes that are not the witness of the transition they were given for.</summary>
public sealed class WitnessException(WitnessError error, string message) : Exception($"{error}: {message}")
{
    public WitnessError Error { get; } = error;
}

/// <summary>Writes the items of a witness one after another (spec 3.1).</summary>
internal sealed class WitnessWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new(4096);

    /// <summary>The witness so far.</summary>
    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    /// <summary>The four words of a quad (spec 3.1.1).</summary>
    public void Opening(in Quad quad)
    {
        Write(quad.C0);
        Write(quad.C1);
        Write(quad.C2);
        Write(quad.C3);
    }

    /// <summary>A leaf and its proof (spec 3.1.2).</summary>
    public void Access(in Word leaf, QuadProof proof)
    {
        Write(leaf);
        proof.Encode(_bytes.GetSpan(proof.EncodedLength));
        _bytes.Advance(proof.EncodedLength);
    }

    /// <summary>A machine: control word, registers (spec 3.1.3).</summary>
    public void Machine(ref MachineHead head) => _bytes.Write(head.Bytes);

    /// <summary>The memory root of a machine whose memory is not opened (spec 3.1.4).</summary>
    public void MemoryRoot(in Word memoryRoot) => Write(memoryRoot);

    private void Write(in Word word) => _bytes.Write(word.Bytes);
}

/// <summary>Reads the items of a witness one after another and holds each to the root it must prove (spec 3.1).</summary>
internal ref struct WitnessReader(ReadOnlySpan<byte> witness)
{
    private ReadOnlySpan<byte> _rest = witness;

    /// <summary>A quad whose hash is <paramref name="node"/> (spec 3.1.1).</summary>
    public Quad Opening(in Word node)
    {
        var quad = new Quad(ReadWord(), ReadWord(), ReadWord(), ReadWord());
        return quad.Hash() == node
            ? quad
            : throw new WitnessException(WitnessError.OpeningMismatch, $"the opening hashes to {quad.Hash()}, not {node}.");
    }

    /// <summary>The leaf at <paramref name="index"/> of the tree with <paramref name="root"/>, and its proof (spec 3.1.2).</summary>
    public Word Access(QuadTreeKind kind, int height, in Word root, ulong index, out QuadProof proof)
    {
        Word leaf = Unproven(kind, height, out proof);
        return proof.Verify(root, leaf, index)
            ? leaf
            : throw new WitnessException(WitnessError.RootMismatch, $"leaf {index} does not prove against the root {root}.");
    }

    /// <summary>A leaf and its proof, whose root the caller compares.</summary>
    public Word Unproven(QuadTreeKind kind, int height, out QuadProof proof)
    {
        Word leaf = ReadWord();
        if (QuadProof.TryRead(ref _rest, kind, height, out QuadProof? read, out QuadProofError error))
        {
            proof = read;
            return leaf;
        }

        throw error switch
        {
            QuadProofError.MaskOutOfRange => new WitnessException(WitnessError.MaskOutOfRange, $"the mask has a bit above a tree of height {height}."),
            QuadProofError.DefaultSibling => new WitnessException(WitnessError.DefaultSibling, "a sibling is the root of an empty tree."),
            _ => TooShort(),
        };
    }

    /// <summary>A machine, not yet held to its root (spec 3.1.3).</summary>
    public MachineHead Machine() => MemoryMarshal.Read<MachineHead>(Take(MachineHead.Length));

    /// <summary>The memory root of a machine whose memory is not opened, with which it has this machine root (spec 3.1.4).</summary>
    public Word MemoryRoot(in Word machineRoot, ref MachineHead head)
    {
        Word memoryRoot = ReadWord();
        CheckMachine(machineRoot, head.Root(memoryRoot));
        return memoryRoot;
    }

    /// <summary>Holds a machine to the root that is expected.</summary>
    public static void CheckMachine(in Word expected, in Word root)
    {
        if (root != expected)
            throw new WitnessException(WitnessError.OpeningMismatch, $"the machine hashes to {root}, not {expected}.");
    }

    /// <summary>Checks that the witness has been used up.</summary>
    public readonly void End()
    {
        if (!_rest.IsEmpty)
            throw new WitnessException(WitnessError.WitnessTooLong, $"{_rest.Length} bytes are left over.");
    }

    private Word ReadWord() => new(Take(Word.Length));

    private ReadOnlySpan<byte> Take(int length)
    {
        if (_rest.Length < length)
            throw TooShort();

        ReadOnlySpan<byte> taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }

    private static WitnessException TooShort() => new(WitnessError.WitnessTooShort, "the bytes end in the middle of an item.");
}

/// <summary>Four words that hash to a node (spec 2.1.1).</summary>
public readonly record struct Quad(Word C0, Word C1, Word C2, Word C3)
{
    public Word Hash() => Keccak.Quad(C0, C1, C2, C3);
}
