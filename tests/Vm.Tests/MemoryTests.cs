using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Optimistic.Vm.Tests;

public sealed unsafe class MemoryTests
{
    /// <summary>A memory as the spec words it: a dictionary of bytes by tree address.</summary>
    private sealed class Model
    {
        public Dictionary<ulong, byte> Bytes { get; private init; } = [];

        public void Store(ulong address, ulong value, int size)
        {
            for (int i = 0; i < size; i++)
                Bytes[(uint)address + (ulong)i] = (byte)(value >> (8 * i));
        }

        public Dictionary<ulong, Word> Words()
        {
            var words = new Dictionary<ulong, byte[]>();
            foreach ((ulong address, byte value) in Bytes)
            {
                if (!words.TryGetValue(address / 32, out byte[]? word))
                    words[address / 32] = word = new byte[32];

                word[address % 32] = value;
            }

            return words.ToDictionary(word => word.Key, word => new Word(word.Value));
        }

        public Word Root() => NaiveQuadTree.Root(Words(), GuestMemory.Height);

        public Model Clone() => new() { Bytes = new Dictionary<ulong, byte>(Bytes) };
    }

    /// <summary>Addresses where something could go wrong: edges of words, blocks, slots and of the whole, near one another and far.</summary>
    private static ulong RandomAddress(Random random) => random.Next(6) switch
    {
        0 => (ulong)random.NextInt64(),
        1 => (uint)random.Next() & 0xFFFF,
        2 => ((ulong)random.Next(1 << 19) << GuestMemory.BlockShift) - (ulong)random.Next(9),
        3 => 0x1_0000_0000 - (ulong)random.Next(9),
        4 => ((ulong)random.Next(9) << 29) - (ulong)random.Next(9),
        _ => 0xC000_0000 - (ulong)random.Next(4096),
    };

    private static void StoreRandomly(GuestMemory memory, Model model, Random random, int count)
    {
        for (int i = 0; i < count; i++)
        {
            ulong address = RandomAddress(random), value = random.Next(5) == 0 ? 0 : (ulong)random.NextInt64();
            int size = 1 << random.Next(4);
            if (random.Next(2) == 0)
                memory.Store(address, value, size);
            else
                StoreAsCompiledCode(memory, address, value, size);
            model.Store(address, value, size);
            ulong expected = size == 8 ? value : value & ((1UL << (8 * size)) - 1);
            Assert.Equal(expected, memory.Load(address, size));
        }
    }

    /// <summary>Compiled code marks the block of the first byte and nothing else.</summary>
    private static void StoreAsCompiledCode(GuestMemory memory, ulong address, ulong value, int size)
    {
        new ReadOnlySpan<byte>(&value, size).CopyTo(new Span<byte>(memory.Data + (uint)address, size));
        memory.Dirty[(uint)address >> GuestMemory.BlockShift] = 1;
    }

    [Property(MaxTest = 40)]
    [Spec("2.3.1")]
    public void Root_and_proofs_follow_random_stores(int seed)
    {
        var random = new Random(seed);
        using var memory = new GuestMemory();
        var model = new Model();
        for (int round = 0; round < 3; round++)
        {
            StoreRandomly(memory, model, random, random.Next(0, 12));
            Dictionary<ulong, Word> words = model.Words();
            Word root = NaiveQuadTree.Root(words, GuestMemory.Height);
            Assert.Equal(root, memory.Root());
            foreach (uint index in words.Keys.Select(key => (uint)key).Append((uint)random.Next(1 << 28)).Append((1u << 28) - 1))
            {
                Word word = words.GetValueOrDefault(index);
                Assert.Equal(word, memory.ReadWord(index));
                QuadTreeTests.CheckProof(memory.Prove(index), root, word, index, random);
            }
        }
    }

    /// <summary>The store and the root are one after another, so that a mark missing on the second block cannot hide.</summary>
    [Theory]
    [InlineData(8191, 2)]
    [InlineData(8185, 8)]
    [InlineData(0x1FFF_FFFD, 4)]
    [InlineData(0xFFFF_FFFF, 8)]
    [InlineData(0xFFFF_FFFD, 4)]
    [Spec("1.2.3")]
    public void A_store_that_spills_changes_the_root_by_both_blocks(ulong address, int size)
    {
        using var memory = new GuestMemory();
        var model = new Model();
        memory.Root();
        memory.Store(address, 0x8877_6655_4433_2211, size);
        model.Store(address, 0x8877_6655_4433_2211, size);
        Assert.Equal(model.Root(), memory.Root());
        uint second = (uint)((address + (ulong)size - 1) / 32);
        Assert.False(memory.ReadWord(second).IsZero);
        Assert.True(memory.Prove(second).Verify(memory.Root(), memory.ReadWord(second), second));
    }

    [Fact]
    [Spec("1.2.2")]
    public void Addresses_wrap_at_4_GiB_and_bytes_of_an_access_do_not()
    {
        using var memory = new GuestMemory();
        memory.Store(0xFFFF_FFFF_FFFF_FFFC, 0x0807_0605_0403_0201, 8);
        Assert.Equal(0x0807_0605_0403_0201UL, memory.Load(0x7_FFFF_FFFC, 8));
        Assert.Equal(0UL, memory.Load(0, 8));
        Assert.Equal(0x05, memory.ReadWord(1u << 27).Bytes[0]);
    }

    [Fact]
    public void Many_blocks_are_hashed_on_all_processors_to_the_same_root()
    {
        using var memory = new GuestMemory();
        byte[] bytes = new byte[3 << 20];
        new Random(5).NextBytes(bytes);
        memory.Write(0x1000_0123, bytes);
        byte[] padded = [.. new byte[0x123], .. bytes];
        Word[] words = MemoryMarshal.Cast<byte, Word>([.. padded, .. new byte[32 - padded.Length % 32]]).ToArray();
        Word expected = SparseQuadTree.Empty(GuestMemory.Height).SetRange(0x1000_0000 / 32, words).Root;
        Assert.Equal(expected, memory.Root());
        Assert.Equal(bytes, memory.Read(0x1000_0123, bytes.Length));
    }

    [Fact]
    [Spec("2.2.4")]
    [Spec("2.3.3")]
    public void Subtrees_and_slots_are_nodes_of_the_root()
    {
        using var memory = new GuestMemory();
        StoreRandomly(memory, new Model(), new Random(31), 60);
        Word root = memory.Root();
        for (int height = 1; height <= GuestMemory.Height; height++)
        {
            foreach (ulong address in new ulong[] { 0, 0xBFFF_FFF8, 0xFFFF_FFF8, 0x1_0000_0000 })
            {
                ulong index = (address / 32) >> (2 * height);
                Assert.Equal(memory.SubtreeRoot(height, index), Keccak.Quad(
                    memory.SubtreeRoot(height - 1, 4 * index), memory.SubtreeRoot(height - 1, 4 * index + 1),
                    memory.SubtreeRoot(height - 1, 4 * index + 2), memory.SubtreeRoot(height - 1, 4 * index + 3)));
            }
        }

        for (int slot = 0; slot < 16; slot++)
        {
            QuadProof proof = memory.ProveSubtree(GuestMemory.SlotHeight, (uint)slot);
            Assert.Equal((2, 12), (proof.Height, proof.BaseHeight));
            QuadTreeTests.CheckProof(proof, root, memory.SlotRoot(slot), (ulong)slot, new Random(slot));
        }

        Assert.Equal(root, memory.SubtreeRoot(14, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.SubtreeRoot(15, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.SubtreeRoot(12, 16));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.SlotRoot(16));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Prove(1u << 28));
    }

    [Fact]
    [Spec("1.2.1")]
    [Spec("1.2.4")]
    public void Text_is_loaded_at_slot_12_and_fetched_to_its_last_byte()
    {
        byte[] code = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66];
        MemoryImage image = MemoryImage.Empty.Write(GuestMemory.TextAddress + 0x10_001, code).Write(GuestMemory.TextAddress + GuestMemory.TextLength - 2, [0x77, 0x88]);
        using var memory = new GuestMemory();
        memory.Load(image);
        Assert.Equal(0x4433_2211u, memory.Fetch(0x10_001));
        Assert.Equal(0u, memory.Fetch(0x20_000));
        Assert.Equal(0x8877u, memory.Fetch(GuestMemory.TextLength - 2));
        uint word = (uint)((GuestMemory.TextAddress + 0x10_001) / 32);
        QuadTreeTests.CheckProof(memory.Prove(word), image.Root, memory.ReadWord(word), word, new Random(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.WriteWord(word, Word.Zero));
    }

    /// <summary>One machine, many tasks: images come and go in any order and stores come between, and it always is as if it were new.</summary>
    [Property(MaxTest = 60)]
    public void Loading_and_snapshots_never_leave_a_trace_of_what_was(int seed)
    {
        var random = new Random(seed);
        using var memory = new GuestMemory();
        var saved = new List<(MemoryImage Image, Model Model)> { (MemoryImage.Empty, new Model()) };
        Model model = new(), checkpoint = new();
        for (int round = 0; round < 12; round++)
        {
            StoreRandomly(memory, model, random, random.Next(0, 6));
            switch (random.Next(7))
            {
                case 0:
                    MemoryImage snapshot = memory.Snapshot();
                    Assert.Equal(model.Root(), snapshot.Root);
                    saved.Add((snapshot, model.Clone()));
                    checkpoint = model.Clone();
                    break;
                case 1:
                    (MemoryImage image, Model content) = saved[random.Next(saved.Count)];
                    memory.Load(image);
                    model = content.Clone();
                    checkpoint = content.Clone();
                    break;
                case 2:
                    byte[] bytes = new byte[random.Next(1, 20_000)];
                    random.NextBytes(bytes);
                    (MemoryImage old, Model oldContent) = saved[random.Next(saved.Count)];
                    ulong address = (RandomAddress(random) & 0xFFFF_FFFF) + (random.Next(3) == 0 ? GuestMemory.TextAddress - 0x1_0000_0000 : 0) % GuestMemory.Length;
                    address = Math.Min(address, 0xFFFF_FFFF - (ulong)bytes.Length);
                    Model written = oldContent.Clone();
                    for (int i = 0; i < bytes.Length; i++)
                        written.Bytes[address + (ulong)i] = bytes[i];

                    saved.Add((old.Write(address, bytes), written));
                    byte[] back = new byte[bytes.Length];
                    saved[^1].Image.Read(address, back);
                    Assert.Equal(bytes, back);
                    break;
                case 3:
                    int first = random.Next(12), last = random.Next(first, 12);
                    memory.ClearSlots(first, last);
                    foreach (ulong place in model.Bytes.Keys.Where(place => (int)(place >> 29) >= first && (int)(place >> 29) <= last).ToArray())
                        model.Bytes.Remove(place);
                    checkpoint = model.Clone();
                    break;
                case 4:
                    memory.Checkpoint();
                    checkpoint = model.Clone();
                    break;
                case 5:
                    memory.Rollback();
                    model = checkpoint.Clone();
                    break;
                default:
                    Assert.Equal(model.Root(), memory.Root());
                    break;
            }
        }

        Assert.Equal(model.Root(), memory.Root());
        foreach ((ulong index, Word word) in model.Words())
            Assert.Equal(word, memory.ReadWord((uint)index));

        Assert.All(saved, version => Assert.Equal(version.Model.Root(), version.Image.Root));
    }

    [Fact]
    public void Clearing_half_a_GiB_of_touched_blocks_and_loading_restores_the_empty_memory()
    {
        using var memory = new GuestMemory();
        memory.Root();
        for (uint block = 0; block < 700; block++)
            memory.Store(0x2000_0000 + block * GuestMemory.BlockLength, block + 1, 8);

        memory.Load(MemoryImage.Empty.Write(0x2000_0000 + 300 * GuestMemory.BlockLength, [9]));
        for (uint block = 0; block < 700; block++)
            Assert.Equal(block == 300 ? 9UL : 0UL, memory.Load(0x2000_0000 + block * GuestMemory.BlockLength, 8));

        memory.Load(MemoryImage.Empty);
        Assert.Equal(QuadTree.ZeroRoot(14), memory.Root());
    }

    [Fact]
    public void Images_lose_slots_and_come_back_from_their_blocks()
    {
        using var memory = new GuestMemory();
        foreach (ulong address in new ulong[] { 0x1000, 0xC000_0000, 0xE000_0010, 0xFFFF_FFFF })
            memory.Store(address, ulong.MaxValue, 8);

        MemoryImage image = memory.Snapshot();
        MemoryImage cleared = image.ClearSlots(6, 11);
        Assert.Equal(QuadTree.ZeroRoot(12), cleared.SlotRoot(6));
        Assert.Equal(QuadTree.ZeroRoot(12), cleared.SlotRoot(8));
        Assert.Equal(image.SlotRoot(0), cleared.SlotRoot(0));
        var model = new Model();
        model.Store(0x1000, ulong.MaxValue, 8);
        Assert.Equal(model.Root(), cleared.Root);
        Assert.Equal(image.Root, MemoryImage.FromBlocks(image.Blocks).Root);
        Assert.Equal(QuadTree.ZeroRoot(14), image.ClearSlots(0, 15).Root);
        Assert.Same(cleared, cleared.ClearSlots(6, 11));
        Assert.Throws<ArgumentException>(() => MemoryImage.FromBlocks([(0, new byte[5])]));
        Assert.Throws<ArgumentOutOfRangeException>(() => MemoryImage.Empty.Write(GuestMemory.Length - 1, new byte[2]));
    }

    [Fact]
    public void Ranges_beyond_slot_7_are_refused()
    {
        using var memory = new GuestMemory();
        memory.Write(0xFFFF_FFFF, [1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Write(0xFFFF_FFFF, [1, 2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Read(0xFFFF_FFFF, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Read(0, -1));
    }

    /// <summary>Large pages are for long programs: the next one, short as far as anybody knows, starts without.</summary>
    [Fact]
    public unsafe void Large_pages_end_with_the_program_that_they_were_for()
    {
        using var machine = new Machine();
        foreach (Action next in (Action[])[() => machine.Load(MemoryImage.Empty, default), () => machine.Restart(default)])
        {
            machine.Memory.PreferLargePages(true);
            next();
            Assert.DoesNotContain("hg", Flags((nuint)machine.Memory.Data));
        }

        // The flags of the mapping at an address (proc(5): hg is MADV_HUGEPAGE), where the system tells them.
        static string[] Flags(nuint address)
        {
            if (!OperatingSystem.IsLinux())
                return [];

            bool isHere = false;
            foreach (string line in File.ReadLines("/proc/self/smaps"))
            {
                string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields[0].Split('-') is [string start, string end])
                    isHere = nuint.Parse(start, System.Globalization.NumberStyles.HexNumber, null) <= address && address < nuint.Parse(end, System.Globalization.NumberStyles.HexNumber, null);
                else if (isHere && fields[0] == "VmFlags:")
                    return fields[1..];
            }

            return [];
        }
    }
}
