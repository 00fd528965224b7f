using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Optimistic.Vm.Rollup;

/// <summary>What is wrong with a state file.</summary>
public enum StateFileError
{
    NotAStateFile,
    UnknownVersion,
    Truncated,

    /// <summary>A count or number that no state has.</summary>
    BadField,

    /// <summary>The content is not what the root at the end says.</summary>
    RootMismatch
}

/// <summary>Bytes that are not a state.</summary>
public sealed class StateFileException(StateFileError error, string message) : Exception(message)
{
    public StateFileError Error { get; } = error;
}

/// <summary>
/// A <see cref="RollupState"/> as bytes: everything that execution needs to go on from it. All integers are little-endian.
/// <code>
/// 8   "OPTSTATE"
/// 4   version, 1
/// 4   number of apps
/// 8   number of outputs
///     each app:   20 owner, 8 entry, 1 policy, 32 memory root, 4 number of blocks,
///                 each block: 4 index (ascending), 8192 bytes
///     each output: 32 leaf
/// 32  state root
/// </code>
/// </summary>
public static class StateFile
{
    private const uint Version = 1;

    private const int OutputsPerRead = 1024;

    private static ReadOnlySpan<byte> Magic => "OPTSTATE"u8;

    /// <summary>Writes <paramref name="state"/>.</summary>
    public static void Write(RollupState state, Stream destination)
    {
        using var writer = new BinaryWriter(destination, System.Text.Encoding.UTF8, leaveOpen: true);
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(state.Apps.Count);
        writer.Write(state.OutputsCount);
        foreach (App app in state.Apps)
        {
            writer.Write(app.Leaf.Owner.Bytes);
            writer.Write(app.Leaf.Entry);
            writer.Write((byte)app.Leaf.Policy);
            writer.Write(app.Leaf.MemoryRoot.Bytes);
            writer.Write(app.Image.Blocks.Count());
            foreach ((uint index, ReadOnlyMemory<byte> bytes) in app.Image.Blocks)
            {
                writer.Write(index);
                writer.Write(bytes.Span);
            }
        }

        for (ulong output = 0; output < state.OutputsCount; output++)
            writer.Write(state.OutputAt(output).Bytes);

        writer.Write(state.Root.Bytes);
    }

    /// <summary>Reads a state and checks that it has the root that the file says.</summary>
    /// <exception cref="StateFileException">The bytes are not a state.</exception>
    public static RollupState Read(Stream source)
    {
        Span<byte> header = stackalloc byte[24];
        Fill(source, header);
        if (!header.StartsWith(Magic))
            throw new StateFileException(StateFileError.NotAStateFile, "This is not a state file: it does not start with OPTSTATE.");

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (version != Version)
            throw new StateFileException(StateFileError.UnknownVersion, $"The state file has version {version}, this program reads {Version}: use the program that wrote it.");

        uint appsCount = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
        ulong outputsCount = BinaryPrimitives.ReadUInt64LittleEndian(header[16..]);
        if (appsCount > int.MaxValue || outputsCount > 1UL << (2 * QuadTree.OutputsHeight))
            throw new StateFileException(StateFileError.BadField, $"No state has {appsCount} apps and {outputsCount} outputs: the file is damaged.");

        ImmutableList<App>.Builder apps = ImmutableList.CreateBuilder<App>();
        var leaves = new List<Word>();
        for (uint i = 0; i < appsCount; i++)
        {
            App app = ReadApp(source, i);
            apps.Add(app);
            leaves.Add(app.Leaf.Hash());
        }

        var state = new RollupState(
            SparseQuadTree.Empty(QuadTree.AppsHeight).SetRange(0, leaves.ToArray()), ReadOutputs(source, outputsCount), apps.ToImmutable(), outputsCount);
        Word root = ReadWord(source);
        if (root != state.Root)
            throw new StateFileException(StateFileError.RootMismatch, $"The state has the root {state.Root}, the file says {root}: the file is damaged.");
        if (source.ReadByte() >= 0)
            throw new StateFileException(StateFileError.BadField, "Bytes follow the state: the file is damaged.");

        return state;
    }

    private static App ReadApp(Stream source, uint number)
    {
        Span<byte> fields = stackalloc byte[Address.Length + 8 + 1 + Word.Length + 4];
        Fill(source, fields);
        var leaf = new AppLeaf(
            new Word(fields.Slice(29, Word.Length)), new Address(fields[..Address.Length]), BinaryPrimitives.ReadUInt64LittleEndian(fields[20..]), (AppPolicy)fields[28]);
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(fields[61..]);
        var blocks = new List<(uint, ReadOnlyMemory<byte>)>();
        Span<byte> index = stackalloc byte[4];
        long last = -1;
        for (uint i = 0; i < count; i++)
        {
            Fill(source, index);
            uint block = BinaryPrimitives.ReadUInt32LittleEndian(index);
            if (block <= last || block >= GuestMemory.Length >> GuestMemory.BlockShift)
                throw new StateFileException(StateFileError.BadField, $"Block {block} of app {number} is out of order or outside memory: the file is damaged.");

            byte[] bytes = new byte[GuestMemory.BlockLength];
            Fill(source, bytes);
            blocks.Add((block, bytes));
            last = block;
        }

        MemoryImage image = MemoryImage.FromBlocks(blocks);
        return image.Root == leaf.MemoryRoot
            ? new App(leaf, image)
            : throw new StateFileException(StateFileError.RootMismatch, $"The memory of app {number} has the root {image.Root}, the file says {leaf.MemoryRoot}: the file is damaged.");
    }

    private static SparseQuadTree ReadOutputs(Stream source, ulong count)
    {
        SparseQuadTree tree = SparseQuadTree.Empty(QuadTree.OutputsHeight);
        Word[] leaves = new Word[OutputsPerRead];
        for (ulong start = 0; start < count;)
        {
            int length = (int)Math.Min(OutputsPerRead, count - start);
            Fill(source, System.Runtime.InteropServices.MemoryMarshal.AsBytes(leaves.AsSpan(0, length)));
            tree = tree.SetRange(start, leaves.AsSpan(0, length));
            start += (ulong)length;
        }

        return tree;
    }

    private static Word ReadWord(Stream source)
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        Fill(source, bytes);
        return new Word(bytes);
    }

    private static void Fill(Stream source, Span<byte> bytes)
    {
        if (source.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw new StateFileException(StateFileError.Truncated, "The state file ends too early: copy it again.");
    }
}
