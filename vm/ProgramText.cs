using System.Runtime.CompilerServices;
using Optimistic.Vm.Jit;

namespace Optimistic.Vm;

/// <summary>
/// The decoded text of a program: an instruction for every halfword of slot 12, decoded page by page when first executed.
/// Text never changes (spec 1.2.4), so one object serves all machines whose images share it. Safe for many threads.
/// </summary>
internal sealed class ProgramText
{
    /// <summary>A page is a block of memory.</summary>
    public const int PageShift = GuestMemory.BlockShift;

    /// <summary>Bytes of text in a page.</summary>
    public const int PageLength = 1 << PageShift;

    public static readonly ProgramText Empty = new(MemoryImage.Empty);

    private const uint FirstBlock = (uint)(GuestMemory.TextAddress >> PageShift);

    // Keyed by the text's own node: it lives as long as an image that has it.
    private static readonly ConditionalWeakTable<QuadNode, ProgramText> Cache = [];

    // Where there is no text: zeros are illegal instructions.
    private static readonly Instruction[] IllegalPage = MakeIllegalPage();

    private readonly MemoryImage _image;
    private readonly Instruction[]?[] _pages;
    private readonly Lazy<CompiledText> _compiled, _threaded;

    private ProgramText(MemoryImage image)
    {
        _image = image.ClearSlots(0, 11);
        uint end = FirstBlock;
        foreach ((uint index, _) in _image.Blocks)
            end = index + 1;

        _pages = new Instruction[end - FirstBlock][];
        _compiled = new Lazy<CompiledText>(() => new CompiledText(this, JitLimits.Standard));
        _threaded = new Lazy<CompiledText>(() => new CompiledText(this, JitLimits.ThreadedOnly));
    }

    /// <summary>From this pc on there are only zeros: illegal instructions.</summary>
    public ulong End => (ulong)_pages.Length << PageShift;

    /// <summary>What has been compiled of it.</summary>
    public CompiledText Compiled => _compiled.Value;

    /// <summary>As <see cref="Compiled"/>, but of tier 0 alone.</summary>
    public CompiledText Threaded => _threaded.Value;

    /// <summary>The text of an image.</summary>
    public static ProgramText Of(MemoryImage image) => image.Top?.Child(3)?.Child(0) is { } slot12
        ? Cache.GetValue(slot12, _ => new ProgramText(image))
        : Empty;

    /// <summary>The instructions that start in page <paramref name="page"/>, below 2^16: one per halfword.</summary>
    public Instruction[] Page(uint page)
    {
        if (page >= (uint)_pages.Length)
            return IllegalPage;

        // Two threads may decode the same page; either result is good.
        return Volatile.Read(ref _pages[page]) ?? Decode(page);
    }

    private Instruction[] Decode(uint page)
    {
        ulong address = GuestMemory.TextAddress + ((ulong)page << PageShift);
        Span<byte> bytes = new byte[PageLength + 2];
        _image.Read(address, bytes);
        var instructions = new Instruction[PageLength / 2];
        for (int i = 0; i < instructions.Length; i++)
        {
            uint low = System.Buffers.Binary.BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]);
            uint high = System.Buffers.Binary.BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i + 2)..]);
            instructions[i] = Decoder.DecodeText(low | high << 16);
        }

        Volatile.Write(ref _pages[page], instructions);
        return instructions;
    }

    private static Instruction[] MakeIllegalPage()
    {
        var page = new Instruction[PageLength / 2];
        Array.Fill(page, Decoder.DecodeText(0));
        return page;
    }
}
