using Optimistic.Vm.Jit;
using Optimistic.Vm.Jit.X64;

namespace Optimistic.Vm.Tests;

/// <summary>
/// What compilers make of one thing in several instructions is recognised, and what only looks so is not. That both mean
/// what they should is for <see cref="JitTests"/>, whose random programs are full of either.
/// </summary>
public sealed class IdiomTests : IDisposable
{
    private const int A = 10, B = 11, C = 12, D = 13, E = 14;

    private static readonly Instruction Nothing = new(Operation.Fence);

    private readonly Machine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Rotations_are_one_instruction()
    {
        foreach (Operation operation in (Operation[])[Operation.Or, Operation.Xor, Operation.Add])
        {
            Becomes([I(Operation.Slliw, B, A, 0, 7), I(Operation.Srliw, C, A, 0, 25), I(operation, A, B, C), .. Overwrite(B, C)],
                [Nothing, Nothing, I(Operation.Roriw, A, A, 0, 25)]);
            Becomes([I(Operation.Srli, B, A, 0, 11), I(Operation.Slli, A, A, 0, 53), I(operation, A, A, B), .. Overwrite(B)],
                [Nothing, Nothing, I(Operation.Rori, A, A, 0, 11)]);
        }

        Becomes([I(Operation.Slliw, B, A, 0, 7), I(Operation.Srliw, A, A, 0, 25), I(Operation.Addw, A, A, B), .. Overwrite(B)],
            [Nothing, Nothing, I(Operation.Roriw, A, A, 0, 25)]);
        Becomes([I(Operation.Subw, C, 0, D), I(Operation.Sllw, B, A, D), I(Operation.Srlw, C, A, C), I(Operation.Or, A, B, C), .. Overwrite(B, C)],
            [Nothing, Nothing, Nothing, I(Operation.Rolw, A, A, D)]);
        Becomes([I(Operation.Addi, E, 0, 0, 64), I(Operation.Sub, C, E, D), I(Operation.Srl, B, A, D), I(Operation.Sll, A, A, C), I(Operation.Or, A, B, A), .. Overwrite(B, C, E)],
            [Nothing, Nothing, Nothing, Nothing, I(Operation.Ror, A, A, D)]);
        // What is read later is made.
        Becomes([I(Operation.Slliw, B, A, 0, 7), I(Operation.Srliw, C, A, 0, 25), I(Operation.Or, A, B, C)],
            [I(Operation.Slliw, B, A, 0, 7), I(Operation.Srliw, C, A, 0, 25), I(Operation.Roriw, A, A, 0, 25)]);
    }

    [Fact]
    public void What_looks_like_a_rotation_stays()
    {
        Stays(I(Operation.Slliw, B, A, 0, 7), I(Operation.Srliw, C, A, 0, 24), I(Operation.Or, A, B, C));
        Stays(I(Operation.Slliw, B, A, 0, 7), I(Operation.Srliw, C, E, 0, 25), I(Operation.Or, A, B, C));
        Stays(I(Operation.Slliw, B, A, 0, 7), I(Operation.Sraiw, C, A, 0, 25), I(Operation.Or, A, B, C));
        Stays(I(Operation.Slli, B, A, 0, 7), I(Operation.Srliw, C, A, 0, 25), I(Operation.Or, A, B, C));
        Stays(I(Operation.Slli, B, A, 0, 7), I(Operation.Srli, C, A, 0, 57), I(Operation.Addw, A, B, C));
        // The source is another one for the second shift; or overwritten, and that is read.
        Stays(I(Operation.Slliw, B, A, 0, 7), I(Operation.Addi, A, A, 0, 1), I(Operation.Srliw, C, A, 0, 25), I(Operation.Or, D, B, C));
        Stays(I(Operation.Slliw, B, A, 0, 7), I(Operation.Srliw, C, A, 0, 25), I(Operation.Addi, A, A, 0, 1), I(Operation.Or, D, B, C));
        // By 0, all bits are in both parts.
        Stays(I(Operation.Subw, C, 0, D), I(Operation.Sllw, B, A, D), I(Operation.Srlw, E, A, C), I(Operation.Xor, A, B, E));
        // The temporary is where the source was, and the region may be left in between.
        Stays(I(Operation.Slliw, B, A, 0, 7), I(Operation.Srliw, A, A, 0, 25), I(Operation.AmoaddW, 0, D, D), I(Operation.Or, A, B, A));
    }

    [Fact]
    public void Extensions_and_byte_swaps_are_one_instruction()
    {
        Becomes([I(Operation.Slli, A, A, 0, 32), I(Operation.Srli, A, A, 0, 32)], [Nothing, I(Operation.AddUw, A, A)]);
        Becomes([I(Operation.Slli, A, A, 0, 32), I(Operation.Srai, A, A, 0, 32)], [Nothing, I(Operation.Addiw, A, A)]);
        Becomes([I(Operation.Slli, A, A, 0, 32), I(Operation.Srli, A, A, 0, 30)], [Nothing, I(Operation.SlliUw, A, A, 0, 2)]);
        Becomes([I(Operation.Slli, A, A, 0, 32), I(Operation.Srli, A, A, 0, 40)], [Nothing, I(Operation.Srliw, A, A, 0, 8)]);
        Becomes([I(Operation.Slli, A, A, 0, 32), I(Operation.Srai, A, A, 0, 40)], [Nothing, I(Operation.Sraiw, A, A, 0, 8)]);
        Becomes([I(Operation.Slli, A, A, 0, 48), I(Operation.Srli, A, A, 0, 48)], [Nothing, I(Operation.ZextH, A, A)]);
        Becomes([I(Operation.Slli, A, A, 0, 56), I(Operation.Srli, A, A, 0, 56)], [Nothing, I(Operation.Andi, A, A, 0, 255)]);
        Becomes([I(Operation.Slli, A, A, 0, 48), I(Operation.Srai, A, A, 0, 48)], [Nothing, I(Operation.SextH, A, A)]);
        Becomes([I(Operation.Slliw, A, A, 0, 24), I(Operation.Sraiw, A, A, 0, 24)], [Nothing, I(Operation.SextB, A, A)]);
        Becomes([I(Operation.Rev8, A, A), I(Operation.Srli, A, A, 0, 32)], [Nothing, I(Operation.Rev8, A, A, 0, 32)]);
        Becomes([I(Operation.Rev8, A, A), I(Operation.Srai, A, A, 0, 32)], [Nothing, I(Operation.Rev8, A, A, 0, -32)]);
        Becomes([I(Operation.Rev8, A, A), I(Operation.Srli, A, A, 0, 48)], [Nothing, I(Operation.Rev8, A, A, 0, 48)]);
        Becomes([I(Operation.Lbu, A, B), I(Operation.Andi, A, A, 0, 255)], [I(Operation.Lbu, A, B), Nothing]);
        Becomes([I(Operation.Lhu, A, B), I(Operation.Slli, A, A, 0, 48), I(Operation.Srli, C, A, 0, 48), .. Overwrite(A)], [I(Operation.Lhu, A, B), Nothing, I(Operation.Addi, C, A)]);
        Stays(I(Operation.Slli, A, A, 0, 32), I(Operation.Srai, A, A, 0, 31));
        Stays(I(Operation.Rev8, A, A), I(Operation.Srli, A, A, 0, 31));
        Stays(I(Operation.Lbu, A, B), I(Operation.Andi, A, A, 0, 127));
        Stays(I(Operation.Lb, A, B), I(Operation.Andi, A, A, 0, 255));
        Stays(I(Operation.Slli, A, A, 0, 32), I(Operation.Addi, B, A), I(Operation.Srli, A, A, 0, 32));
    }

    [Fact]
    public void Addresses_and_constants_are_part_of_what_uses_them()
    {
        Becomes([I(Operation.Sh2add, A, B, C), I(Operation.Lw, A, A, 0, -8)], [Nothing, new Instruction(Operation.Lw, A, C, B, -8 << 2 | 2)]);
        Becomes([I(Operation.Slli, A, A, 0, 32), I(Operation.Srli, A, A, 0, 29), I(Operation.Add, A, B, A), I(Operation.Ld, A, A)],
            [Nothing, Nothing, Nothing, new Instruction(Operation.Ld, A, B, A, 3)]);
        Becomes([I(Operation.Lui, A, 0, 0, 0x12345000), I(Operation.Addiw, A, A, 0, -1)], [Nothing, I(Operation.Lui, A, 0, 0, 0x12344fff)]);
        Becomes([I(Operation.Auipc, A, 0, 0, 0x2000), I(Operation.Ld, A, A, 0, 8)], [Nothing, new Instruction(Operation.Ld, A, 0, 0, 0x3008)]);
        Becomes([I(Operation.Sltu, A, B, C), I(Operation.Bne, 0, A, 0, 8), .. Overwrite(A)], [I(Operation.Sltu, A, B, C), I(Operation.Bltu, 0, B, C, 8)]);
        // The address is read later; or what it is made of is another.
        Stays(I(Operation.Sh2add, A, B, C), I(Operation.Lw, D, A));
        Stays(I(Operation.Sh2add, A, B, C), I(Operation.Addi, B, B, 0, 1), I(Operation.Lw, A, A));
    }

    /// <summary>Halves of a product, sums and their carries come together, and make less code so.</summary>
    [Fact]
    public void Partners_come_together()
    {
        Becomes([I(Operation.Mul, A, B, C), I(Operation.Addi, D, D, 0, 1), I(Operation.Mulhu, B, C, B)], [I(Operation.Mul, A, B, C), I(Operation.Mulhu, B, C, B), I(Operation.Addi, D, D, 0, 1)]);
        Becomes([I(Operation.Add, A, A, B), I(Operation.Sd, 0, D, A), I(Operation.Sltu, B, A, B)], [I(Operation.Add, A, A, B), I(Operation.Sltu, B, A, B), I(Operation.Sd, 0, D, A)]);
        Stays(I(Operation.Mul, A, B, C), I(Operation.Addi, B, B, 0, 1), I(Operation.Mulhu, B, C, B));
        Stays(I(Operation.Add, A, A, B), I(Operation.Sd, 0, D, B), I(Operation.Sltu, B, A, B));
        if (!HostText.IsSupported)
            return;

        Assert.True(
            Size(I(Operation.Mul, A, B, C), I(Operation.Mulhu, D, B, C)) < Size(I(Operation.Mul, A, B, C), I(Operation.Mulhu, D, B, B)));
        Assert.True(
            Size(I(Operation.Andi, A, A, 0, -2), I(Operation.Blt, 0, A, 0, -4)) < Size(I(Operation.Andi, A, A, 0, -2), I(Operation.Blt, 0, B, 0, -4)));
        Assert.True(
            Size(I(Operation.Add, A, B, C), I(Operation.Sltu, D, A, B)) < Size(I(Operation.Add, A, B, C), I(Operation.Sltu, D, A, E)));
    }

    private static Instruction I(Operation operation, int rd, int rs1 = 0, int rs2 = 0, int immediate = 0) => new(operation, rd, rs1, rs2, immediate);

    private static Instruction[] Overwrite(params int[] registers) => [.. registers.Select(register => I(Operation.Addi, register, 0, 0, 1))];

    private void Stays(params Instruction[] code) => Becomes(code, code);

    // What overwrites registers behind it is left out.
    private void Becomes(Instruction[] code, Instruction[] expected)
    {
        CompiledText text = Load(code);
        Region region = Region.Form(text, text.At(0x1000), [], 0);
        Idioms.Rewrite(region, isForHost: true);
        Assert.Equal(expected, region.Blocks[0].Instructions[..expected.Length]);
    }

    /// <summary>Bytes of code of the host for a block.</summary>
    private long Size(params Instruction[] code)
    {
        CompiledText text = Load(code, forHost: true);
        text.Compile(text.At(0x1000));
        return text.Host!.Length;
    }

    private CompiledText Load(Instruction[] code, bool forHost = false)
    {
        new TestProgram().Text(0x1000, [.. code.Select(i => Assembler.Encode(i.Operation, i.Rd, i.Rs1, i.Rs2, (int)i.Immediate))]).LoadInto(_machine);
        return new CompiledText(_machine.Text, new JitLimits(1, code.Length, 1, ForHost: forHost));
    }
}
