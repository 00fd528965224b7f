using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Optimistic.Vm;

/// <summary>
/// An integer modulo p = 2^256 - 2^32 - 977, the field of secp256k1 (SEC 2, section 2.4.1): five limbs of 52 bits, the highest of
/// 48, so that sums need no carries. Time depends on values: for public data only.
/// </summary>
/// <remarks>
/// A limb may exceed its 52 bits. The magnitude of an element, m, says by how much: limbs are below m × 2^53, the highest below
/// m × 2^49. Products have magnitude 1; a sum has that of both summands together, a negation one more than what it negates; and
/// factors may have up to 16, so that a column of a product, five limb products, stays below 2^128. Comments beside formulas
/// keep the count.
/// </remarks>
internal struct FieldElement
{
    private const ulong Mask52 = (1UL << 52) - 1, Mask48 = (1UL << 48) - 1;

    /// <summary>2^256 - p.</summary>
    private const ulong Fold256 = 0x1_0000_03D1;

    /// <summary>2^260 mod p.</summary>
    private const ulong Fold260 = Fold256 << 4;

    // p in limbs.
    private const ulong P0 = Mask52 + 1 - Fold256, P = Mask52, P4 = Mask48;

    private ulong _0, _1, _2, _3, _4;

    public static FieldElement One => new() { _0 = 1 };

    /// <summary>The small integer <paramref name="value"/>, with magnitude 1.</summary>
    public static FieldElement FromInteger(uint value) => new() { _0 = value };

    /// <summary>p.</summary>
    public static UInt256 Prime => new(0xFFFF_FFFE_FFFF_FC2F, ulong.MaxValue, ulong.MaxValue, ulong.MaxValue);

    public static FieldElement FromUInt256(in UInt256 value) => new()
    {
        _0 = value.Limb0 & Mask52,
        _1 = ((value.Limb0 >> 52) | (value.Limb1 << 12)) & Mask52,
        _2 = ((value.Limb1 >> 40) | (value.Limb2 << 24)) & Mask52,
        _3 = ((value.Limb2 >> 28) | (value.Limb3 << 36)) & Mask52,
        _4 = value.Limb3 >> 16,
    };

    /// <summary>Sum of both magnitudes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FieldElement operator +(in FieldElement a, in FieldElement b) => new()
    {
        _0 = a._0 + b._0,
        _1 = a._1 + b._1,
        _2 = a._2 + b._2,
        _3 = a._3 + b._3,
        _4 = a._4 + b._4,
    };

    /// <summary>Magnitude times <paramref name="factor"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FieldElement operator *(in FieldElement a, uint factor) => new()
    {
        _0 = a._0 * factor,
        _1 = a._1 * factor,
        _2 = a._2 * factor,
        _3 = a._3 * factor,
        _4 = a._4 * factor,
    };

    /// <summary>Minus this, whose magnitude is at most <paramref name="magnitude"/>; of magnitude one more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly FieldElement Negate(uint magnitude)
    {
        // 2 (m + 1) p is more, limb by limb, than m can be.
        ulong times = 2 * (magnitude + 1);
        return new()
        {
            _0 = (P0 * times) - _0,
            _1 = (P * times) - _1,
            _2 = (P * times) - _2,
            _3 = (P * times) - _3,
            _4 = (P4 * times) - _4,
        };
    }

    /// <summary>Of magnitude 1.</summary>
    public static FieldElement operator *(in FieldElement a, in FieldElement b)
    {
        ulong a0 = a._0, a1 = a._1, a2 = a._2, a3 = a._3, a4 = a._4, b0 = b._0, b1 = b._1, b2 = b._2, b3 = b._3, b4 = b._4;

        // Columns 5 to 8 of the product have weights 2^260 and up. Cut into limbs, they come back into columns 0 to 4.
        Column column = default;
        column.Add(a1, b4); column.Add(a2, b3); column.Add(a3, b2); column.Add(a4, b1);
        ulong h0 = column.Take52();
        column.Add(a2, b4); column.Add(a3, b3); column.Add(a4, b2);
        ulong h1 = column.Take52();
        column.Add(a3, b4); column.Add(a4, b3);
        ulong h2 = column.Take52();
        column.Add(a4, b4);
        ulong h3 = column.Take52(), h4 = column.Low;

        column = default;
        column.Add(a0, b0); column.Add(h0, Fold260);
        ulong r0 = column.Take52();
        column.Add(a0, b1); column.Add(a1, b0); column.Add(h1, Fold260);
        ulong r1 = column.Take52();
        column.Add(a0, b2); column.Add(a1, b1); column.Add(a2, b0); column.Add(h2, Fold260);
        ulong r2 = column.Take52();
        column.Add(a0, b3); column.Add(a1, b2); column.Add(a2, b1); column.Add(a3, b0); column.Add(h3, Fold260);
        ulong r3 = column.Take52();
        column.Add(a0, b4); column.Add(a1, b3); column.Add(a2, b2); column.Add(a3, b1); column.Add(a4, b0); column.Add(h4, Fold260);
        return Finish(r0, r1, r2, r3, column);
    }

    /// <summary>Of magnitude 1.</summary>
    public readonly FieldElement Square()
    {
        ulong a0 = _0, a1 = _1, a2 = _2, a3 = _3, a4 = _4, twice0 = a0 * 2, twice1 = a1 * 2, twice2 = a2 * 2, twice3 = a3 * 2;
        Column column = default;
        column.Add(twice1, a4); column.Add(twice2, a3);
        ulong h0 = column.Take52();
        column.Add(twice2, a4); column.Add(a3, a3);
        ulong h1 = column.Take52();
        column.Add(twice3, a4);
        ulong h2 = column.Take52();
        column.Add(a4, a4);
        ulong h3 = column.Take52(), h4 = column.Low;

        column = default;
        column.Add(a0, a0); column.Add(h0, Fold260);
        ulong r0 = column.Take52();
        column.Add(twice0, a1); column.Add(h1, Fold260);
        ulong r1 = column.Take52();
        column.Add(twice0, a2); column.Add(a1, a1); column.Add(h2, Fold260);
        ulong r2 = column.Take52();
        column.Add(twice0, a3); column.Add(twice1, a2); column.Add(h3, Fold260);
        ulong r3 = column.Take52();
        column.Add(twice0, a4); column.Add(twice1, a3); column.Add(a2, a2); column.Add(h4, Fold260);
        return Finish(r0, r1, r2, r3, column);
    }

    /// <summary>This squared <paramref name="count"/> times.</summary>
    public readonly FieldElement Square(int count)
    {
        FieldElement result = this;
        for (; count > 0; count--)
            result = result.Square();
        return result;
    }

    /// <summary>One of the two square roots, of this of magnitude 1 or 2; false when there is none.</summary>
    public readonly bool TrySquareRoot(out FieldElement root)
    {
        // p = 3 mod 4, so the root is this to the power of (p + 1) / 4 = 2^254 - 2^30 - 244: 223 ones, a zero, 22 ones, 0000 1100.
        FieldElement x2 = Square() * this, x3 = x2.Square() * this;
        FieldElement x6 = x3.Square(3) * x3, x9 = x6.Square(3) * x3, x11 = x9.Square(2) * x2, x22 = x11.Square(11) * x11;
        FieldElement x44 = x22.Square(22) * x22, x88 = x44.Square(44) * x44, x176 = x88.Square(88) * x88;
        FieldElement x220 = x176.Square(44) * x44, x223 = x220.Square(3) * x3;
        root = ((x223.Square(23) * x22).Square(6) * x2).Square(2);
        return (root.Square() + Negate(2)).IsZero;
    }

    /// <summary>1 / this; 0 for 0.</summary>
    public readonly FieldElement Invert() => FromUInt256(ModularInverse.OfPrime(ToUInt256()));

    public readonly bool IsZero => ToUInt256().IsZero;

    public readonly bool IsOdd => (ToUInt256().Limb0 & 1) != 0;

    /// <summary>The integer from 0 to p - 1.</summary>
    public readonly UInt256 ToUInt256()
    {
        // Carries, and what is above 2^256 comes back at the bottom. Twice: what the first turn carries to the top is small.
        ulong t0 = _0, t1 = _1, t2 = _2, t3 = _3, t4 = _4;
        for (int turn = 0; turn < 2; turn++)
        {
            t0 += (t4 >> 48) * Fold256;
            t4 &= Mask48;
            t1 += t0 >> 52;
            t0 &= Mask52;
            t2 += t1 >> 52;
            t1 &= Mask52;
            t3 += t2 >> 52;
            t2 &= Mask52;
            t4 += t3 >> 52;
            t3 &= Mask52;
        }

        // Below 2^256, so at most one p too many.
        var value = new UInt256(t0 | (t1 << 52), (t1 >> 12) | (t2 << 40), (t2 >> 24) | (t3 << 28), (t3 >> 36) | (t4 << 16));
        return value.CompareTo(Prime) >= 0 ? value.Subtract(Prime) : value;
    }

    /// <summary>Folds what the last column has above bit 256: four bits of its limb, and what is above the limb.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static FieldElement Finish(ulong r0, ulong r1, ulong r2, ulong r3, Column column)
    {
        ulong r4 = column.Take52();
        Column first = default;
        first.Add(column.Low, Fold260);
        first.Add(r0 + ((r4 >> 48) * Fold256));
        r0 = first.Take52();
        r1 += first.Low;
        return new() { _0 = r0, _1 = r1, _2 = r2, _3 = r3, _4 = r4 & Mask48 };
    }

    /// <summary>A sum of limb products.</summary>
    private struct Column
    {
        public ulong Low, High;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(ulong a, ulong b)
        {
            ulong high = Math.BigMul(a, b, out ulong low);
            Low += low;
            High += high + (Low < low ? 1UL : 0UL);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(ulong value)
        {
            Low += value;
            High += Low < value ? 1UL : 0UL;
        }

        /// <summary>The lowest 52 bits; the others stay, as the start of the next column.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ulong Take52()
        {
            ulong taken = Low & Mask52;
            Low = (Low >> 52) | (High << 12);
            High >>= 52;
            return taken;
        }
    }
}

/// <summary>An integer of 256 bits in four limbs, the lowest first.</summary>
internal readonly record struct UInt256(ulong Limb0, ulong Limb1, ulong Limb2, ulong Limb3)
{
    public bool IsZero => (Limb0 | Limb1 | Limb2 | Limb3) == 0;

    /// <summary>64 bits from bit <paramref name="start"/> on, with zeros above bit 255.</summary>
    public ulong Bits(int start)
    {
        int shift = start % 64;
        ulong low = Limb(start / 64) >> shift;
        return shift == 0 ? low : low | (Limb((start / 64) + 1) << (64 - shift));
    }

    /// <summary>A word as a big-endian integer.</summary>
    public static UInt256 Read(in Word word)
    {
        ReadOnlySpan<byte> bytes = word.Bytes;
        return new(
            BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(bytes));
    }

    /// <summary>Writes 32 bytes, big-endian.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], Limb0);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], Limb1);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Limb2);
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Limb3);
    }

    public int CompareTo(in UInt256 other) =>
        Limb3 != other.Limb3 ? Limb3.CompareTo(other.Limb3)
        : Limb2 != other.Limb2 ? Limb2.CompareTo(other.Limb2)
        : Limb1 != other.Limb1 ? Limb1.CompareTo(other.Limb1)
        : Limb0.CompareTo(other.Limb0);

    private ulong Limb(int index) => index switch
    {
        0 => Limb0,
        1 => Limb1,
        2 => Limb2,
        3 => Limb3,
        _ => 0,
    };

    /// <summary>The difference modulo 2^256.</summary>
    public UInt256 Subtract(in UInt256 other)
    {
        ulong d0 = Limb0 - other.Limb0, borrow = Limb0 < other.Limb0 ? 1UL : 0UL;
        ulong d1 = Limb1 - other.Limb1 - borrow;
        borrow = Limb1 < other.Limb1 || (Limb1 == other.Limb1 && borrow != 0) ? 1UL : 0UL;
        ulong d2 = Limb2 - other.Limb2 - borrow;
        borrow = Limb2 < other.Limb2 || (Limb2 == other.Limb2 && borrow != 0) ? 1UL : 0UL;
        return new(d0, d1, d2, Limb3 - other.Limb3 - borrow);
    }
}
