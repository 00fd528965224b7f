using FsCheck.Xunit;

namespace Optimistic.Vm.Tests;

public sealed class DecoderTests
{
    [Property(MaxTest = 300)]
    [Spec("1.5.1")]
    public void Encoding_and_decoding_are_inverse(int rd, int rs1, int rs2, int immediate)
    {
        foreach (InstructionRow row in InstructionTable.Rows)
        {
            Instruction expected = Assembler.Normalize(row.Operation, rd, rs1, rs2, immediate * 0x01010101);
            uint word = Assembler.Encode(row.Operation, expected.Rd, expected.Rs1, expected.Rs2, (int)expected.Immediate);
            Assert.Equal(expected, Decoder.Decode(word));
            Assert.Equal(4u, Decoder.DecodeText(word).Length);
        }
    }

    [Property(MaxTest = 2000)]
    [Spec("1.5.1")]
    public void A_word_is_the_row_it_matches_or_illegal(uint seed)
    {
        // Half of the words get an opcode that exists, so that the legal and the almost legal are met.
        uint word = seed * 0x9E3779B1;
        if (seed % 2 == 0)
            word = word & ~0x7fu | InstructionTable.Rows[(int)(seed / 2 % (uint)InstructionTable.Rows.Length)].Match & 0x7f;

        Operation expected = Operation.Illegal;
        foreach (InstructionRow row in InstructionTable.Rows)
            if ((word & row.Mask) == row.Match)
                expected = row.Operation;

        Assert.Equal(expected, Decoder.Decode(word).Operation);
    }

    [Fact]
    [Spec("1.9.1")]
    public void Every_halfword_expands_to_a_legal_instruction_or_to_none()
    {
        int legal = 0;
        for (uint halfword = 0; halfword <= ushort.MaxValue; halfword++)
        {
            if (!Decoder.IsCompressed(halfword))
                continue;

            uint word = Decoder.Expand((ushort)halfword);
            Instruction instruction = Decoder.DecodeText(halfword | 0xffff0000);
            Assert.Equal(2u, instruction.Length);
            Assert.Equal(word == 0, instruction.Operation == Operation.Illegal);
            Assert.Equal(word == 0 ? 0 : 3u, word & 3);
            legal += word == 0 ? 0 : 1;
        }

        // GNU objdump 2.40 knows 38,552: it also prints C.ADDI16SP with a zero immediate, which is reserved (spec 1.9.2).
        Assert.Equal(38551, legal);
    }

    [Theory]
    [Spec("1.9.2")]
    [InlineData(0x0000)] // all zero
    [InlineData(0x0010)] // C.ADDI4SPN with zero immediate
    [InlineData(0x2000)] // C.FLD
    [InlineData(0x8000)] // quadrant 0, funct3 100
    [InlineData(0xa000)] // C.FSD
    [InlineData(0x2005)] // C.ADDIW with rd = 0
    [InlineData(0x6081)] // C.LUI with zero immediate
    [InlineData(0x6001)] // the same, rd = 0
    [InlineData(0x6101)] // C.ADDI16SP with zero immediate
    [InlineData(0x9c41)] // bits 12-10 = 111, bit 6 = 1
    [InlineData(0x9c61)]
    [InlineData(0x2002)] // C.FLDSP
    [InlineData(0x4002)] // C.LWSP with rd = 0
    [InlineData(0x6002)] // C.LDSP with rd = 0
    [InlineData(0x8002)] // C.JR with rs1 = 0
    [InlineData(0xa002)] // C.FSDSP
    public void Reserved_halfwords_are_illegal(int halfword) => Assert.Equal(0u, Decoder.Expand((ushort)halfword));

    // From GNU as 2.40 with -march=rv64imac.
    [Theory]
    [Spec("1.9.1")]
    [InlineData(0x1fe8, "addi\ta0,sp,1020")]
    [InlineData(0x5d7c, "lw\ta5,124(a0)")]
    [InlineData(0x7d7c, "ld\ta5,248(a0)")]
    [InlineData(0xdd7c, "sw\ta5,124(a0)")]
    [InlineData(0xfd7c, "sd\ta5,248(a0)")]
    [InlineData(0x0001, "nop")]
    [InlineData(0x1501, "addi\ta0,a0,-32")]
    [InlineData(0x357d, "addiw\ta0,a0,-1")]
    [InlineData(0x55fd, "li\ta1,-1")]
    [InlineData(0x7139, "addi\tsp,sp,-64")]
    [InlineData(0x6505, "lui\ta0,0x1")]
    [InlineData(0x757d, "lui\ta0,0xfffff")]
    [InlineData(0x917d, "srli\ta0,a0,0x3f")]
    [InlineData(0x957d, "srai\ta0,a0,0x3f")]
    [InlineData(0x997d, "andi\ta0,a0,-1")]
    [InlineData(0x8d0d, "sub\ta0,a0,a1")]
    [InlineData(0x8d2d, "xor\ta0,a0,a1")]
    [InlineData(0x8d4d, "or\ta0,a0,a1")]
    [InlineData(0x8d6d, "and\ta0,a0,a1")]
    [InlineData(0x9d0d, "subw\ta0,a0,a1")]
    [InlineData(0x9d2d, "addw\ta0,a0,a1")]
    [InlineData(0xa001, "j\t0x1000")]
    [InlineData(0xd97d, "beqz\ta0,0xff6")]
    [InlineData(0xe119, "bnez\ta0,0x1006")]
    [InlineData(0x157e, "slli\ta0,a0,0x3f")]
    [InlineData(0x557e, "lw\ta0,252(sp)")]
    [InlineData(0x757e, "ld\ta0,504(sp)")]
    [InlineData(0x8502, "jr\ta0")]
    [InlineData(0x8082, "ret")]
    [InlineData(0x852e, "mv\ta0,a1")]
    [InlineData(0x9002, "ebreak")]
    [InlineData(0x9502, "jalr\ta0")]
    [InlineData(0x952e, "add\ta0,a0,a1")]
    [InlineData(0xdfaa, "sw\ta0,252(sp)")]
    [InlineData(0xffaa, "sd\ta0,504(sp)")]
    public void Halfwords_expand_as_the_assembler_says(int halfword, string text) =>
        Assert.Equal(text, Disassembler.Format(Decoder.DecodeText((uint)halfword), 0x1000));
}
