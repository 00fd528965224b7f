using System.Buffers.Binary;

namespace Optimistic.Vm.Jit.X64;

/// <summary>A general register of the host, numbered as instructions encode it.</summary>
internal enum Host
{
    Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi, R8, R9, R10, R11, R12, R13, R14, R15,

    None = -1
}

/// <summary>Operations of two operands, numbered as instructions encode them.</summary>
internal enum Alu
{
    Add = 0, Or = 1, And = 4, Sub = 5, Xor = 6, Cmp = 7
}

/// <summary>Shifts and rotations, numbered as instructions encode them.</summary>
internal enum ShiftKind
{
    Rol = 0, Ror = 1, Shl = 4, Shr = 5, Sar = 7
}

/// <summary>Conditions, numbered as instructions encode them. The opposite of one differs in bit 0.</summary>
internal enum Condition
{
    Below = 2, NotBelow = 3, Equal = 4, NotEqual = 5, NotAbove = 6, Above = 7, Less = 12, NotLess = 13, NotGreater = 14, Greater = 15
}

/// <summary>What an instruction works on besides its register: a register, or memory.</summary>
/// <param name="Kind">Which of them.</param>
/// <param name="Base">The register, or where the address begins.</param>
/// <param name="Index">What is added to it, times 2^<paramref name="Scale"/>, or none.</param>
/// <param name="Scale">0 to 3.</param>
/// <param name="Offset">What is added, too.</param>
internal readonly record struct Operand(OperandKind Kind, Host Base, Host Index, int Scale, int Offset)
{
    public bool IsMemory => Kind != OperandKind.Register;

    public static implicit operator Operand(Host register) => new(OperandKind.Register, register, Host.None, 0, 0);

    public static Operand At(Host register, int offset) => new(OperandKind.Memory, register, Host.None, 0, offset);

    /// <summary>Memory at <paramref name="register"/> + <paramref name="index"/> * 2^<paramref name="scale"/> + <paramref name="offset"/>.</summary>
    public static Operand At(Host register, Host index, int offset = 0, int scale = 0) => new(OperandKind.Memory, register, index, scale, offset);

    /// <summary>Memory at the segment GS, and in it at <paramref name="register"/> + <paramref name="offset"/>, of 64 bits.</summary>
    public static Operand InSegment(Host register, int offset) => new(OperandKind.Segment, register, Host.None, 0, offset);

    /// <summary>Memory at the segment GS, and in it at <paramref name="register"/> + <paramref name="offset"/> modulo 2^32.</summary>
    public static Operand InSegment32(Host register, int offset) => new(OperandKind.Segment32, register, Host.None, 0, offset);

    /// <summary>As above, with an index.</summary>
    public static Operand InSegment32(Host register, Host index, int offset, int scale) => new(OperandKind.Segment32, register, index, scale, offset);

    public bool Is(Host register) => !IsMemory && Base == register;
}

internal enum OperandKind
{
    Register, Memory, Segment, Segment32
}

/// <summary>A place in the code, known or not yet.</summary>
internal readonly record struct CodeLabel(int Index);

/// <summary>
/// Encodes instructions of x86-64 with BMI2 (AMD64 Architecture Programmer's Manual, volume 3), operands as Intel orders them:
/// the destination first. <c>w</c> says whether an instruction works on 64 bits; on 32 it makes the upper half of its destination zero.
/// </summary>
internal sealed class Assembler
{
    // Arrays: what is generic and not of this assembly is compiled at start-up, while programs wait for their first region.
    private byte[] _code = new byte[1 << 14];
    private int[] _labels = new int[64], _jumps = new int[64], _addresses = new int[64];
    private int _labelCount, _jumpCount, _addressCount;

    /// <summary>Bytes so far.</summary>
    public int Length { get; private set; }

    public CodeLabel NewLabel()
    {
        Append(ref _labels, ref _labelCount, -1);
        return new CodeLabel(_labelCount - 1);
    }

    public void Mark(CodeLabel label) => _labels[label.Index] = Length;

    /// <summary>Where a marked label is, from the start.</summary>
    public int OffsetOf(CodeLabel label) => _labels[label.Index];

    /// <summary>The code, as it is to be executed at <paramref name="address"/>.</summary>
    public ReadOnlySpan<byte> Finish(nint address)
    {
        for (int i = 0; i < _jumpCount; i += 2)
            BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(_code, _jumps[i], sizeof(int)), _labels[_jumps[i + 1]] - (_jumps[i] + sizeof(int)));
        for (int i = 0; i < _addressCount; i += 2)
            BinaryPrimitives.WriteInt64LittleEndian(new Span<byte>(_code, _addresses[i], sizeof(long)), address + _labels[_addresses[i + 1]]);
        return new ReadOnlySpan<byte>(_code, 0, Length);
    }

    // Moves

    public void Move(bool w, Host to, Operand from) => Encode(w, 0x8b, to, from);

    public void Store(bool w, Operand to, Host from) => Encode(w, 0x89, from, to);

    /// <summary>With memory: both are as one, also for other processors.</summary>
    public void Exchange(bool w, Operand a, Host b) => Encode(w, 0x87, b, a);

    public void Store16(Operand to, Host from)
    {
        Byte(0x66);
        Encode(w: false, 0x89, from, to);
    }

    public void Store8(Operand to, Host from) => Encode(w: false, 0x88, from, to, isByte: true);

    public void Store8(Operand to, sbyte value)
    {
        Encode(w: false, 0xc6, 0, to);
        Byte((byte)value);
    }

    /// <summary>Stores a value's sign extension.</summary>
    public void Store(bool w, Operand to, int value)
    {
        Encode(w, 0xc7, 0, to);
        Int(value);
    }

    public void MoveSignExtended32(Host to, Operand from) => Encode(w: true, 0x63, to, from);

    public void MoveSignExtended16(Host to, Operand from) => Encode0F(w: true, 0xbf, to, from);

    public void MoveSignExtended8(Host to, Operand from) => Encode0F(w: true, 0xbe, to, from, isByte: true);

    public void MoveZeroExtended16(Host to, Operand from) => Encode0F(w: false, 0xb7, to, from);

    public void MoveZeroExtended8(Host to, Operand from) => Encode0F(w: false, 0xb6, to, from, isByte: true);

    public void MoveConstant(Host to, long value)
    {
        if (value == 0)
        {
            Encode(w: false, 0x33, to, to);
        }
        else if (value == (uint)value)
        {
            Prefix(w: false, 0, 0, (int)to, isByte: false);
            Byte(0xb8 | (int)to & 7);
            Int((int)value);
        }
        else if (value == (int)value)
        {
            Encode(w: true, 0xc7, 0, to);
            Int((int)value);
        }
        else
        {
            Prefix(w: true, 0, 0, (int)to, isByte: false);
            Byte(0xb8 | (int)to & 7);
            Long(value);
        }
    }

    /// <summary>The address of a label.</summary>
    public void MoveAddress(Host to, CodeLabel label)
    {
        Prefix(w: true, 0, 0, (int)to, isByte: false);
        Byte(0xb8 | (int)to & 7);
        AddressOf(label);
    }

    public void Lea(bool w, Host to, Operand from) => Encode(w, 0x8d, to, from);

    public void MoveIf(bool w, Condition condition, Host to, Operand from) => Encode0F(w, 0x40 | (int)condition, to, from);

    public void SetIf(Condition condition, Host to) => Encode0F(w: false, 0x90 | (int)condition, 0, to, isByte: true);

    public void Push(Host register)
    {
        Prefix(w: false, 0, 0, (int)register, isByte: false);
        Byte(0x50 | (int)register & 7);
    }

    public void Pop(Host register)
    {
        Prefix(w: false, 0, 0, (int)register, isByte: false);
        Byte(0x58 | (int)register & 7);
    }

    // Arithmetic

    public void Do(Alu operation, bool w, Host to, Operand from) => Encode(w, (int)operation << 3 | 3, to, from);

    /// <summary>With the sign extension of a value.</summary>
    public void Do(Alu operation, bool w, Operand to, int value)
    {
        if (value == (sbyte)value)
        {
            Encode(w, 0x83, (Host)operation, to);
            Byte(value);
        }
        else if (to.Is(Host.Rax))
        {
            Prefix(w, 0, 0, 0, isByte: false);
            Byte((int)operation << 3 | 5);
            Int(value);
        }
        else
        {
            Encode(w, 0x81, (Host)operation, to);
            Int(value);
        }
    }

    public void Test(bool w, Host a, Host b) => Encode(w, 0x85, b, a);

    /// <summary>Of the lowest byte.</summary>
    public void TestLow(Host a, sbyte mask)
    {
        Encode(w: false, 0xf6, 0, a, isByte: true);
        Byte(mask);
    }

    public void Multiply(bool w, Host to, Operand from) => Encode0F(w, 0xaf, to, from);

    public void Not(bool w, Operand to) => Encode(w, 0xf7, (Host)2, to);

    public void Negate(bool w, Operand to) => Encode(w, 0xf7, (Host)3, to);

    /// <summary>high:low = RDX * operand, unsigned; the high half alone where both are one. Flags stay.</summary>
    public void MultiplyWide(Host high, Host low, Operand by) => EncodeVex(w: true, prefix: 3, map: 2, 0xf6, high, by, low);

    /// <summary>RDX:RAX = RAX * operand.</summary>
    public void MultiplyWide(Operand by, bool isSigned) => Encode(w: true, 0xf7, (Host)(isSigned ? 5 : 4), by);

    /// <summary>RAX and RDX = quotient and remainder of RDX:RAX.</summary>
    public void Divide(bool w, Operand by, bool isSigned) => Encode(w, 0xf7, (Host)(isSigned ? 7 : 6), by);

    /// <summary>RDX = the sign of RAX.</summary>
    public void ExtendSignToRdx(bool w)
    {
        if (w)
            Byte(0x48);
        Byte(0x99);
    }

    public void Shift(ShiftKind kind, bool w, Operand to, int amount)
    {
        Encode(w, 0xc1, (Host)kind, to);
        Byte(amount);
    }

    /// <summary>By the low bits of a register.</summary>
    public void Shift(ShiftKind kind, bool w, Host to, Operand from, Host amount) =>
        EncodeVex(w, kind switch { ShiftKind.Shl => 1, ShiftKind.Sar => 2, _ => 3 }, map: 2, 0xf7, to, from, amount);

    public void RotateRight(bool w, Host to, Operand from, int amount)
    {
        EncodeVex(w, prefix: 3, map: 3, 0xf0, to, from, 0);
        Byte(amount);
    }

    /// <summary>to = not a and b.</summary>
    public void AndNot(bool w, Host to, Host a, Operand b) => EncodeVex(w, prefix: 0, map: 2, 0xf2, to, b, a);

    public void CountLeadingZeros(bool w, Host to, Operand from) => EncodeF3(w, 0xbd, to, from);

    public void CountTrailingZeros(bool w, Host to, Operand from) => EncodeF3(w, 0xbc, to, from);

    public void CountOnes(bool w, Host to, Operand from) => EncodeF3(w, 0xb8, to, from);

    public void ReverseBytes(bool w, Host register)
    {
        Prefix(w, 0, 0, (int)register, isByte: false);
        Byte(0x0f);
        Byte(0xc8 | (int)register & 7);
    }

    /// <summary>Bit test and set (5), reset (6) or complement (7), or test alone (4).</summary>
    public void Bit(int what, bool w, Host to, int index)
    {
        Encode0F(w, 0xba, (Host)what, to);
        Byte(index);
    }

    // Control

    public void Jump(CodeLabel label)
    {
        if (TryShort(0xeb, label))
            return;

        Byte(0xe9);
        Relative(label);
    }

    public void JumpIf(Condition condition, CodeLabel label)
    {
        if (TryShort(0x70 | (int)condition, label))
            return;

        Byte(0x0f);
        Byte(0x80 | (int)condition);
        Relative(label);
    }

    public void Call(CodeLabel label)
    {
        Byte(0xe8);
        Relative(label);
    }

    public void Jump(Operand to) => Encode(w: false, 0xff, (Host)4, to);

    public void Return() => Byte(0xc3);

    /// <summary>Sets where the segment GS begins.</summary>
    public void SetSegment(Host register)
    {
        Byte(0xf3);
        Encode0F(w: true, 0xae, (Host)3, register);
    }

    // Vectors, of 32 bytes at an address.

    public void MoveVector(int to, Operand from) => EncodeVex(w: false, prefix: 2, map: 1, 0x6f, (Host)to, from, 0, isWide: true);

    public void StoreVector(Operand to, int from) => EncodeVex(w: false, prefix: 2, map: 1, 0x7f, (Host)from, to, 0, isWide: true);

    /// <summary>Ends the use of the upper halves of vectors.</summary>
    public void ZeroUpper()
    {
        Byte(0xc5);
        Byte(0xf8);
        Byte(0x77);
    }

    // Data

    public void AlignTo(int length)
    {
        while (Length % length != 0)
            Byte(0xcc);
    }

    /// <summary>The address of a label, as data.</summary>
    public void AddressOf(CodeLabel label)
    {
        Append(ref _addresses, ref _addressCount, Length);
        Append(ref _addresses, ref _addressCount, label.Index);
        Long(0);
    }

    // Backwards only: how far a label ahead is is not known.
    private bool TryShort(int opcode, CodeLabel label)
    {
        int distance = _labels[label.Index] - (Length + 2);
        if (_labels[label.Index] < 0 || distance < sbyte.MinValue)
            return false;

        Byte(opcode);
        Byte(distance);
        return true;
    }

    private void Relative(CodeLabel label)
    {
        Append(ref _jumps, ref _jumpCount, Length);
        Append(ref _jumps, ref _jumpCount, label.Index);
        Int(0);
    }

    private void Encode(bool w, int opcode, Host register, Operand operand, bool isByte = false)
    {
        Segment(operand);
        Prefix(w, (int)register, Number(operand.Index), Number(operand.Base), isByte && (register >= Host.Rsp || !operand.IsMemory));
        Byte(opcode);
        ModRm((int)register, operand);
    }

    private void Encode0F(bool w, int opcode, Host register, Operand operand, bool isByte = false)
    {
        Segment(operand);
        Prefix(w, (int)register, Number(operand.Index), Number(operand.Base), isByte && !operand.IsMemory);
        Byte(0x0f);
        Byte(opcode);
        ModRm((int)register, operand);
    }

    private void EncodeF3(bool w, int opcode, Host register, Operand operand)
    {
        Byte(0xf3);
        Encode0F(w, opcode, register, operand);
    }

    private void EncodeVex(bool w, int prefix, int map, int opcode, Host register, Operand operand, Host second, bool isWide = false)
    {
        int index = Number(operand.Index);
        Byte(0xc4);
        Byte((~(int)register >> 3 & 1) << 7 | (~index >> 3 & 1) << 6 | (~(int)operand.Base >> 3 & 1) << 5 | map);
        Byte((w ? 0x80 : 0) | (~(int)second & 15) << 3 | (isWide ? 4 : 0) | prefix);
        Byte(opcode);
        ModRm((int)register, operand);
    }

    private static int Number(Host register) => register == Host.None ? 0 : (int)register;

    private void Segment(Operand operand)
    {
        if (operand.Kind >= OperandKind.Segment)
            Byte(0x65);
        if (operand.Kind == OperandKind.Segment32)
            Byte(0x67);
    }

    private void Prefix(bool w, int register, int index, int target, bool isByte)
    {
        int rex = (w ? 8 : 0) | register >> 3 << 2 | index >> 3 << 1 | target >> 3;
        // Registers 4 to 7 are bytes of others without it.
        if (rex != 0 || isByte)
            Byte(0x40 | rex);
    }

    private void ModRm(int register, Operand operand)
    {
        register = (register & 7) << 3;
        int target = (int)operand.Base & 7;
        if (!operand.IsMemory)
        {
            Byte(0xc0 | register | target);
            return;
        }

        if (operand.Base == Host.None)
        {
            // The offset alone.
            Byte(register | 4);
            Byte(0x25);
            Int(operand.Offset);
            return;
        }

        bool hasIndex = operand.Index != Host.None;
        // RBP and R13 as a base have an offset always.
        int mode = operand.Offset == 0 && target != 5 ? 0 : operand.Offset == (sbyte)operand.Offset ? 0x40 : 0x80;
        if (hasIndex || target == 4)
        {
            Byte(mode | register | 4);
            Byte(operand.Scale << 6 | (hasIndex ? (int)operand.Index & 7 : 4) << 3 | target);
        }
        else
        {
            Byte(mode | register | target);
        }

        if (mode == 0x40)
            Byte(operand.Offset);
        else if (mode == 0x80)
            Int(operand.Offset);
    }

    private void Byte(int value)
    {
        if (Length == _code.Length)
        {
            byte[] longer = new byte[2 * Length];
            Buffer.BlockCopy(_code, 0, longer, 0, Length);
            _code = longer;
        }

        _code[Length++] = (byte)value;
    }

    private static void Append(ref int[] list, ref int count, int value)
    {
        if (count == list.Length)
        {
            int[] longer = new int[2 * count];
            Buffer.BlockCopy(list, 0, longer, 0, count * sizeof(int));
            list = longer;
        }

        list[count++] = value;
    }

    private void Int(int value)
    {
        for (int shift = 0; shift < 32; shift += 8)
            Byte(value >> shift);
    }

    private void Long(long value)
    {
        Int((int)value);
        Int((int)(value >> 32));
    }
}
