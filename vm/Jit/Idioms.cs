using System.Numerics;

namespace Optimistic.Vm.Jit;

/// <summary>
/// Rewrites a region's blocks: what compilers make of one thing in several instructions (a rotation of two shifts, an
/// extension of two, a constant of two, an address) becomes one instruction, and what nobody reads is not made. Each block
/// keeps its length: an instruction that is not made is a FENCE. Nobody looks into the middle of a block, but where an
/// atomic instruction may leave it; at exits all registers are as they should be.
/// </summary>
/// <remarks>
/// Two instructions come out of this that the table does not have. REV8 with an immediate n shifts what it makes right, by n
/// without sign, or by -n with it; |n| is 32 or more. A load with a register rs2 (code of the host alone) adds it to the address, shifted
/// by the immediate's low two bits; the offset is the rest.
/// </remarks>
internal sealed class Idioms
{
    /// <summary>Instructions over which one is moved up to its partner.</summary>
    private const int MaxMove = 8;

    private static readonly Instruction Nothing = new(Operation.Fence);

    private readonly Region _region;
    private readonly bool _isForHost;

    // By block, the registers that are read from where it starts on, before they are written.
    private readonly uint[] _live;

    // The block that is rewritten, and for each of its instructions the one that made rs1 and rs2, or -1 for one before it.
    private Instruction[] _code = [];
    private ulong[] _pcs = [];
    private int[] _first = [], _second = [];
    private readonly int[] _last = new int[RegisterFile.Count];
    private uint _liveBehind;

    private Idioms(Region region, bool isForHost)
    {
        (_region, _isForHost, _live) = (region, isForHost, new uint[region.Blocks.Count]);
        FindLive();
    }

    public static void Rewrite(Region region, bool isForHost)
    {
        var idioms = new Idioms(region, isForHost);
        foreach (Block block in region.Blocks)
            idioms.Rewrite(block);
    }

    /// <summary>Whether a load has an index.</summary>
    public static bool IsIndexed(Instruction i) => i.Rs2 != 0 && IsLoad(i.Operation);

    /// <summary>Whether the second, with the sum or difference of the first, says whether that carried.</summary>
    public static bool IsCarry(Instruction i, Instruction next) => next.Operation == Operation.Sltu && i.Rd != 0 && next.Rd != 0 && i.Operation switch
    {
        Operation.Add => i.Rs1 != 0 && i.Rs2 != 0 && next.Rs1 == i.Rd && (next.Rs2 == i.Rs1 || next.Rs2 == i.Rs2) && next.Rs2 != i.Rd && next.Rd != i.Rd,
        Operation.Sub => next.Rs1 == i.Rs1 && next.Rs2 == i.Rs2 && i.Rd != i.Rs1 && i.Rd != i.Rs2 && next.Rd != i.Rd && i.Rs1 != 0 && i.Rs2 != 0,
        _ => false,
    };

    /// <summary>Whether two are the halves of one product, in any order.</summary>
    public static bool IsProduct(Instruction i, Instruction next)
    {
        bool isHalf = (i.Operation, next.Operation) is (Operation.Mul, Operation.Mulhu or Operation.Mulh) or (Operation.Mulhu or Operation.Mulh, Operation.Mul);
        return isHalf && i.Rd != 0 && next.Rd != 0 && i.Rd != next.Rd && i.Rd != i.Rs1 && i.Rd != i.Rs2 &&
            (i.Rs1 == next.Rs1 && i.Rs2 == next.Rs2 || i.Rs1 == next.Rs2 && i.Rs2 == next.Rs1);
    }

    private static bool IsLoad(Operation operation) => operation is >= Operation.Lb and <= Operation.Lwu;

    private static bool IsStore(Operation operation) => operation is >= Operation.Sb and <= Operation.Sd;

    /// <summary>Whether the region may be left before it.</summary>
    private static bool MayLeave(Instruction i) => Region.IsAtomic(i.Operation) || Region.EndsBlock(i.Operation);

    private static bool Reads(Instruction i, int register) => register != 0 && (i.Rs1 == register || i.Rs2 == register);

    private static bool Writes(Instruction i, int register) => register != 0 && i.Rd == register;

    // Liveness

    private void FindLive()
    {
        for (bool isChanged = true; isChanged;)
        {
            isChanged = false;
            for (int index = _region.Blocks.Count - 1; index >= 0; index--)
            {
                Block block = _region.Blocks[index];
                // At a check the region may be left.
                if (block.IsCheck && _live[index] != 0)
                    continue;

                uint live = block.IsCheck ? ~0u : LiveBehind(block);
                for (int at = block.Instructions.Length - 1; at >= 0 && !block.IsCheck; at--)
                    live = LiveBefore(block.Instructions[at], live);
                isChanged |= live != _live[index];
                _live[index] = live;
            }
        }
    }

    private uint LiveBehind(Block block)
    {
        bool leaves = block.End is BlockEnd.Indirect or BlockEnd.Stop ||
            block.End is BlockEnd.Fall or BlockEnd.Branch && block.NextBlock is null ||
            block.End is BlockEnd.Branch or BlockEnd.Jump && block.TargetBlock is null;
        uint live = leaves ? ~0u : 0;
        foreach (Block next in block.Successors)
            live |= _live[next.Index];
        return live;
    }

    private static uint LiveBefore(Instruction i, uint live) =>
        Region.IsAtomic(i.Operation) ? ~0u : live & ~(1u << i.Rd) | 1u << i.Rs1 | 1u << i.Rs2;

    private void Rewrite(Block block)
    {
        // Blocks that are inlined share theirs with others.
        (_code, _pcs) = (new Instruction[block.Instructions.Length], new ulong[block.Pcs.Length]);
        Array.Copy(block.Instructions, _code, _code.Length);
        Array.Copy(block.Pcs, _pcs, _pcs.Length);
        (block.Instructions, block.Pcs, _liveBehind) = (_code, _pcs, LiveBehind(block));
        if (_first.Length < _code.Length)
            (_first, _second) = (new int[_code.Length], new int[_code.Length]);
        for (int register = 0; register < _last.Length; register++)
            _last[register] = -1;
        for (int at = 0; at < _code.Length; at++)
        {
            (_first[at], _second[at]) = (_last[_code[at].Rs1], _last[_code[at].Rs2]);
            while (TryRewrite(at))
            {
            }

            if (_code[at].Rd != 0)
                _last[_code[at].Rd] = at;
        }

        uint live = _liveBehind;
        for (int at = _code.Length - 1; at >= 0; at--)
        {
            Instruction i = _code[at];
            bool isMade = IsStore(i.Operation) || MayLeave(i) || i.Rd != 0 && (live >> i.Rd & 1) != 0;
            if (isMade)
                live = LiveBefore(i, live);
            else
                _code[at] = Nothing;
        }

        if (_isForHost)
            MovePartners();
    }

    /// <summary>Whether what <paramref name="at"/> makes is read by <paramref name="user"/>, behind it, and by nobody else.</summary>
    private bool IsOnlyFor(int at, int user)
    {
        int register = _code[at].Rd;
        for (int other = at + 1; other < user; other++)
        {
            if (Reads(_code[other], register) || Writes(_code[other], register) || MayLeave(_code[other]))
                return false;
        }

        if (Writes(_code[user], register))
            return true;
        for (int other = user + 1; other < _code.Length; other++)
        {
            if (Reads(_code[other], register) || Region.IsAtomic(_code[other].Operation) || other + 1 < _code.Length && MayLeave(_code[other]))
                return false;
            if (Writes(_code[other], register))
                return true;
        }

        return (_liveBehind >> register & 1) == 0;
    }

    /// <summary>
    /// Whether <paramref name="user"/> can read what a register was before <paramref name="from"/>: who writes it in between makes
    /// it for the user alone, which will not need it.
    /// </summary>
    private bool Reaches(int register, int from, int user)
    {
        for (int at = from; at < user; at++)
        {
            if (Writes(_code[at], register) && !IsOnlyFor(at, user))
                return false;
        }

        return true;
    }

    /// <summary>Puts another instruction where the user is, whose sources were made at <paramref name="first"/> and <paramref name="second"/>.</summary>
    private bool Replace(int user, Instruction by, int first, int second = -1)
    {
        // What has overwritten them is not made.
        for (int at = first + 1; at < user; at++)
        {
            if (Writes(_code[at], by.Rs1))
                _code[at] = Nothing;
        }

        for (int at = second + 1; at < user; at++)
        {
            if (Writes(_code[at], by.Rs2))
                _code[at] = Nothing;
        }

        (_code[user], _first[user], _second[user]) = (by, first, second);
        return true;
    }

    private bool TryRewrite(int at)
    {
        Instruction i = _code[at];
        if (i.Rd == 0 && !IsStore(i.Operation) && !Region.EndsBlock(i.Operation))
            return false;

        switch (i.Operation)
        {
            case Operation.Srli or Operation.Srai or Operation.Srliw or Operation.Sraiw:
                return TryExtension(at, i);
            case Operation.Addi or Operation.Addiw when i.Rs1 != 0:
                return TryConstant(at, i) || i is { Operation: Operation.Addiw, Immediate: 0 } && TryCopy(at, i);
            case Operation.Andi or Operation.ZextH or Operation.SextB or Operation.SextH:
                return TryCopy(at, i);
            case Operation.AddUw when i.Rs2 == 0:
                return TryCopy(at, i);
            case Operation.Add:
                return TryRotation(at, i) || TryShiftedAddition(at, i, i.Rs1, _first[at], i.Rs2, _second[at]) || TryShiftedAddition(at, i, i.Rs2, _second[at], i.Rs1, _first[at]);
            case Operation.Or or Operation.Xor or Operation.Addw:
                return TryRotation(at, i);
            case >= Operation.Lb and <= Operation.Sd:
                return TryAddress(at, i) || _isForHost && TryIndex(at, i);
            case Operation.Beq or Operation.Bne:
                return i.Rs2 == 0 && TryComparison(at, i);
            default:
                return false;
        }
    }

    /// <summary>A shift to the left, and one to the right: an extension of the low bits, or a part of them. REV8 and a shift: fewer bytes.</summary>
    private bool TryExtension(int at, Instruction i)
    {
        int from = _first[at];
        if (from < 0)
            return false;

        Instruction shift = _code[from];
        int left = (int)shift.Immediate, right = (int)i.Immediate, source = shift.Rs1;
        bool isSigned = i.Operation is Operation.Srai or Operation.Sraiw, isSame = left == right;
        Instruction? by = (shift.Operation, i.Operation) switch
        {
            (Operation.Rev8, Operation.Srli or Operation.Srai) when left == 0 && right >= 32 =>
                new Instruction(Operation.Rev8, i.Rd, source, 0, isSigned ? -right : right),
            (Operation.Slli, Operation.Srli) when left == 32 && right < 32 => new Instruction(Operation.SlliUw, i.Rd, source, 0, 32 - right),
            (Operation.Slli, Operation.Srli) when left == 32 && right == 32 => new Instruction(Operation.AddUw, i.Rd, source),
            (Operation.Slli, Operation.Srli) when left == 32 => new Instruction(Operation.Srliw, i.Rd, source, 0, right - 32),
            (Operation.Slli, Operation.Srai) when left == 32 && right >= 32 => right == 32 ? new Instruction(Operation.Addiw, i.Rd, source) : new Instruction(Operation.Sraiw, i.Rd, source, 0, right - 32),
            (Operation.Slli, Operation.Srli) when isSame && left > 32 => Low(64 - left),
            (Operation.Slliw, Operation.Srliw) when isSame && left > 0 => Low(32 - left),
            (Operation.Slli, Operation.Srai) when isSame && left is 48 or 56 => new Instruction(left == 48 ? Operation.SextH : Operation.SextB, i.Rd, source),
            (Operation.Slliw, Operation.Sraiw) when isSame && left is 16 or 24 => new Instruction(left == 16 ? Operation.SextH : Operation.SextB, i.Rd, source),
            _ => null,
        };
        return by is { } instruction && Reaches(source, from, at) && Replace(at, instruction, _first[from]);

        Instruction Low(int bits) => bits == 16 ? new Instruction(Operation.ZextH, i.Rd, source) : new Instruction(Operation.Andi, i.Rd, source, 0, (int)((1L << bits) - 1));
    }

    /// <summary>LUI or AUIPC, and ADDI or ADDIW.</summary>
    private bool TryConstant(int at, Instruction i)
    {
        if (!IsConstant(_first[at], out long value))
            return false;

        long sum = i.Operation == Operation.Addiw ? (int)(value + i.Immediate) : value + i.Immediate;
        return sum == (int)sum && Replace(at, new Instruction(Operation.Lui, i.Rd, immediate: (int)sum), -1);
    }

    /// <summary>LUI or AUIPC, and a load or store.</summary>
    private bool TryAddress(int at, Instruction i) => i.Rs1 != 0 && (IsStore(i.Operation) || i.Rs2 == 0) && IsConstant(_first[at], out long value) &&
        Replace(at, new Instruction(i.Operation, i.Rd, 0, i.Rs2, (int)(value + i.Immediate)), -1, _second[at]);

    private bool IsConstant(int at, out long value)
    {
        value = at < 0 ? 0 : _code[at].Immediate + (_code[at].Operation == Operation.Auipc ? (long)_pcs[at] : 0);
        return at >= 0 && _code[at].Operation is Operation.Lui or Operation.Auipc;
    }

    /// <summary>An extension of what is already so.</summary>
    private bool TryCopy(int at, Instruction i)
    {
        if (_first[at] < 0)
            return false;

        int bits = Bits(_code[_first[at]]), signed = SignedBits(_code[_first[at]]);
        bool isCopy = i.Operation switch
        {
            Operation.Andi => i.Immediate >= 0 && bits < 32 && ((1L << bits) - 1 & ~i.Immediate) == 0,
            Operation.ZextH => bits <= 16,
            Operation.AddUw => bits <= 32,
            Operation.SextB => signed <= 8,
            Operation.SextH => signed <= 16,
            _ => signed <= 32,
        };
        if (!isCopy)
            return false;

        _code[at] = i.Rd == i.Rs1 ? Nothing : new Instruction(Operation.Addi, i.Rd, i.Rs1);
        return true;
    }

    /// <summary>How many low bits are all that is not zero in what an instruction makes.</summary>
    private static int Bits(Instruction i) => i.Operation switch
    {
        Operation.Lbu => 8,
        Operation.Lhu or Operation.ZextH => 16,
        Operation.Lwu => 32,
        Operation.AddUw when i.Rs2 == 0 => 32,
        Operation.Andi when i.Immediate >= 0 => 32 - BitOperations.LeadingZeroCount((uint)i.Immediate),
        Operation.Srli => 64 - (int)i.Immediate,
        Operation.Srliw when i.Immediate > 0 => 32 - (int)i.Immediate,
        Operation.Rev8 when i.Immediate > 0 => 64 - (int)i.Immediate,
        Operation.Slt or Operation.Sltu or Operation.Slti or Operation.Sltiu or Operation.Bext or Operation.Bexti => 1,
        _ => 64,
    };

    /// <summary>How many low bits it is the sign extension of.</summary>
    private static int SignedBits(Instruction i) => i.Operation switch
    {
        Operation.Lb or Operation.SextB => 8,
        Operation.Lh or Operation.SextH => 16,
        _ => Math.Min(Bits(i) + 1, 64),
    };

    /// <summary>Two shifts of one value, one to each side, by amounts that make up its width; and both in one.</summary>
    private bool TryRotation(int at, Instruction i)
    {
        (int a, int b) = (_first[at], _second[at]);
        if (a < 0 || b < 0)
            return false;
        if (_code[a].Operation is Operation.Srli or Operation.Srliw or Operation.Srl or Operation.Srlw)
            (a, b) = (b, a);
        (Instruction left, Instruction right) = (_code[a], _code[b]);
        (Operation operation, Operation other, bool isWord) = (left.Operation, right.Operation) switch
        {
            (Operation.Slli, Operation.Srli) => (Operation.Rori, Operation.Rori, false),
            (Operation.Slliw, Operation.Srliw) => (Operation.Roriw, Operation.Roriw, true),
            (Operation.Sll, Operation.Srl) => (Operation.Rol, Operation.Ror, false),
            (Operation.Sllw, Operation.Srlw) => (Operation.Rolw, Operation.Rorw, true),
            _ => (Operation.Illegal, Operation.Illegal, false),
        };
        int source = left.Rs1;
        if (operation == Operation.Illegal || source == 0 || right.Rs1 != source || _first[a] != _first[b] || i.Operation == Operation.Addw && !isWord)
            return false;

        if (operation is Operation.Rori or Operation.Roriw)
        {
            // No bit is in both parts, or the sum would not be it.
            return left.Immediate > 0 && left.Immediate + right.Immediate == (isWord ? 32 : 64) && Reaches(source, Math.Min(a, b), at) &&
                Replace(at, new Instruction(operation, i.Rd, source, 0, (int)right.Immediate), _first[a]);
        }

        // By n, and by as much as is missing. All bits are in both parts where n is 0.
        if (i.Operation != Operation.Or)
            return false;
        return TryRotationBy(at, i, operation, source, a, b, isWord) || TryRotationBy(at, i, other, source, b, a, isWord);
    }

    private bool TryRotationBy(int at, Instruction i, Operation operation, int source, int by, int back, bool isWord)
    {
        int amount = _code[by].Rs2, rest = _second[back], from = Math.Min(by, back);
        if (amount == 0 || rest < 0 || _code[rest] is not { Operation: Operation.Sub or Operation.Subw } difference || difference.Rs2 != amount || _second[rest] != _second[by])
            return false;

        int whole = _first[rest];
        bool isNegation = difference.Rs1 == 0 ||
            whole >= 0 && _code[whole] is { Operation: Operation.Addi, Rs1: 0 } constant && (constant.Immediate & (isWord ? 31 : 63)) == 0;
        if (!isNegation)
            return false;

        for (int between = Math.Min(from, rest); between < at; between++)
        {
            if (Writes(_code[between], amount))
                return false;
        }

        return Reaches(source, from, at) && Replace(at, new Instruction(operation, i.Rd, source, amount), _first[by], _second[by]);
    }

    /// <summary>A shift by up to three, and an addition.</summary>
    private bool TryShiftedAddition(int at, Instruction i, int register, int from, int addend, int addendFrom)
    {
        if (register == 0 || addend == 0 || from < 0 || register == addend)
            return false;

        Instruction shift = _code[from];
        Operation operation = (shift.Operation, shift.Immediate) switch
        {
            (Operation.Slli, 1) => Operation.Sh1add,
            (Operation.Slli, 2) => Operation.Sh2add,
            (Operation.Slli, 3) => Operation.Sh3add,
            (Operation.SlliUw, 0) => Operation.AddUw,
            (Operation.SlliUw, 1) => Operation.Sh1addUw,
            (Operation.SlliUw, 2) => Operation.Sh2addUw,
            (Operation.SlliUw, 3) => Operation.Sh3addUw,
            (Operation.AddUw, _) when shift.Rs2 == 0 => Operation.AddUw,
            _ => Operation.Illegal,
        };
        // The addend is read as it is here, which is not always as it was there.
        return operation != Operation.Illegal && shift.Rs1 != 0 && (addend != shift.Rs1 || addendFrom == _first[from]) && Reaches(shift.Rs1, from, at) &&
            Replace(at, new Instruction(operation, i.Rd, shift.Rs1, addend), _first[from], addendFrom);
    }

    /// <summary>An addition for a load alone.</summary>
    private bool TryIndex(int at, Instruction i)
    {
        int from = _first[at];
        if (!IsLoad(i.Operation) || i.Rs2 != 0 || from < 0)
            return false;

        Instruction sum = _code[from];
        int shift = sum.Operation switch
        {
            Operation.Add or Operation.AddUw => 0,
            Operation.Sh1add or Operation.Sh1addUw => 1,
            Operation.Sh2add or Operation.Sh2addUw => 2,
            Operation.Sh3add or Operation.Sh3addUw => 3,
            _ => -1,
        };
        // Addresses have 32 bits, so that none of the upper half counts.
        return shift >= 0 && sum.Rs1 != 0 && sum.Rs2 != 0 && IsOnlyFor(from, at) && Reaches(sum.Rs1, from, at) && Reaches(sum.Rs2, from, at) &&
            Replace(at, new Instruction(i.Operation, i.Rd, sum.Rs2, sum.Rs1, (int)i.Immediate << 2 | shift), _second[from], _first[from]);
    }

    /// <summary>A comparison, and a branch on what it says.</summary>
    private bool TryComparison(int at, Instruction i)
    {
        int from = _first[at];
        if (from < 0)
            return false;

        Instruction comparison = _code[from];
        bool isIf = i.Operation == Operation.Bne;
        Instruction? by = comparison.Operation switch
        {
            Operation.Slt => new Instruction(isIf ? Operation.Blt : Operation.Bge, 0, comparison.Rs1, comparison.Rs2, (int)i.Immediate),
            Operation.Sltu => new Instruction(isIf ? Operation.Bltu : Operation.Bgeu, 0, comparison.Rs1, comparison.Rs2, (int)i.Immediate),
            Operation.Sltiu when comparison.Immediate == 1 => new Instruction(isIf ? Operation.Beq : Operation.Bne, 0, comparison.Rs1, 0, (int)i.Immediate),
            _ => null,
        };
        return by is { } instruction && Reaches(comparison.Rs1, from, at) && Reaches(comparison.Rs2, from, at) && Replace(at, instruction, _first[from], _second[from]);
    }

    /// <summary>Moves the upper half of a product up to the lower, and what says whether a sum carried to the sum.</summary>
    private void MovePartners()
    {
        for (int at = 0; at + 1 < _code.Length; at++)
        {
            Instruction i = _code[at];
            if (i.Operation is not (Operation.Mul or Operation.Mulh or Operation.Mulhu or Operation.Add or Operation.Sub))
                continue;

            for (int other = at + 1; other < Math.Min(_code.Length, at + MaxMove); other++)
            {
                Instruction partner = _code[other];
                if (MayLeave(partner))
                    break;
                if (IsCarry(i, partner) || IsProduct(i, partner))
                {
                    if (CanMove(partner, at + 1, other))
                        Move(other, at + 1);
                    break;
                }
            }
        }
    }

    private bool CanMove(Instruction i, int to, int from)
    {
        for (int at = to; at < from; at++)
        {
            if (Writes(_code[at], i.Rs1) || Writes(_code[at], i.Rs2) || Writes(_code[at], i.Rd) || Reads(_code[at], i.Rd))
                return false;
        }

        return true;
    }

    private void Move(int from, int to)
    {
        (Instruction i, ulong pc) = (_code[from], _pcs[from]);
        for (int at = from; at > to; at--)
            (_code[at], _pcs[at]) = (_code[at - 1], _pcs[at - 1]);
        (_code[to], _pcs[to]) = (i, pc);
    }
}
