namespace Optimistic.Vm;

/// <summary>
/// A decoded instruction in 64 bits: operation (bits 0-7), rd (8-15), rs1 (16-23), rs2 (24-28), length in bytes (29-31),
/// immediate (32-63, signed). Fields that the format does not have are zero. The layout is internal to a process and never
/// persisted.
/// </summary>
public readonly struct Instruction : IEquatable<Instruction>
{
    /// <summary>Not an instruction, four bytes long.</summary>
    public static readonly Instruction Illegal = new(Operation.Illegal);

    private const int RdShift = 8, Rs1Shift = 16, Rs2Shift = 24, LengthShift = 29, ImmediateShift = 32;

    private readonly ulong _bits;

    public Instruction(Operation operation, int rd = 0, int rs1 = 0, int rs2 = 0, int immediate = 0, bool isCompressed = false) =>
        _bits = (ulong)operation | (ulong)(rd & 31) << RdShift | (ulong)(rs1 & 31) << Rs1Shift | (ulong)(rs2 & 31) << Rs2Shift |
                (ulong)(uint)immediate << ImmediateShift | (isCompressed ? 2UL : 4) << LengthShift;

    private Instruction(ulong bits) => _bits = bits;

    public Operation Operation => (Operation)_bits;

    public int Rd => (byte)(_bits >> RdShift);

    public int Rs1 => (byte)(_bits >> Rs1Shift);

    public int Rs2 => (int)(_bits >> Rs2Shift) & 31;

    /// <summary>The immediate or the shift amount, sign-extended; for format U already shifted left by 12.</summary>
    public long Immediate => (long)_bits >> ImmediateShift;

    /// <summary>Bytes of text that it takes: 2 or 4.</summary>
    public uint Length => (uint)_bits >> LengthShift;

    /// <summary>The same instruction, two bytes long (spec 1.9.1).</summary>
    public Instruction AsCompressed() => new(_bits & ~(7UL << LengthShift) | 2UL << LengthShift);

    public bool Equals(Instruction other) => _bits == other._bits;

    public override bool Equals(object? obj) => obj is Instruction other && Equals(other);

    public override int GetHashCode() => _bits.GetHashCode();

    public static bool operator ==(Instruction left, Instruction right) => left.Equals(right);

    public static bool operator !=(Instruction left, Instruction right) => !left.Equals(right);

    /// <summary>Assembly text for an instruction at address 0.</summary>
    public override string ToString() => Disassembler.Format(this, 0);
}
