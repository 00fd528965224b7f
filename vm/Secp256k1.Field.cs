using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Optimistic.Vm;

/// <summary>
/// An integer modulo p = 2^256 - 2^32 - 977, the field of secp256k1 (SEC 2, section 2.4.1): five limbs of 52 bits, the highest of
/// 48, so that sums need no carries. Time depends on values: for public data only.
/// </summary>
/// <remarks>
/// A limb may exceed its 52 bits. The magnitude of an element, m, says by how much: limbs are below m × 1.25 × 2^52, the highest below
/// m × 1.25 × 2^48. Products have magnitude 1; a sum has that of both summands together, a negation one more than what it negates;
/// and factors may have up to 12, which keeps their limbs below 2^56. Comments beside formulas keep the count.
/// </remarks>
internal struct FieldElement
{
    private const ulong Mask52 = (1UL << 52) - 1, Mask48 = (1UL << 48) - 1;

    /// <summary>2^256 - p.</summary>
    private const ulong Fold256 = 0x1_0000_03D1;

    /// <summary>2^260 mod p.</summary>
    private const ulong Fold260 = Fold256 << 4;

    /// <summary>Columns are cut at bit 56, four bits above where the next one starts.</summary>
    private const int Cut = 56, Shift = 64 - Cut, Rest = Cut - 52;

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

    /// <summary>The value of ten limbs of 26 bits (<see cref="FieldLanes"/>), <paramref name="stride"/> apart.</summary>
    public static unsafe FieldElement FromLimbs26(ulong* limbs, int stride) => new()
    {
        _0 = limbs[0] + (limbs[stride] << 26),
        _1 = limbs[2 * stride] + (limbs[3 * stride] << 26),
        _2 = limbs[4 * stride] + (limbs[5 * stride] << 26),
        _3 = limbs[6 * stride] + (limbs[7 * stride] << 26),
        _4 = limbs[8 * stride] + (limbs[9 * stride] << 26),
    };

    /// <summary>Writes ten limbs of 26 bits, <paramref name="stride"/> apart; of magnitude 1 there when it is here.</summary>
    public readonly unsafe void ToLimbs26(ulong* limbs, int stride)
    {
        const ulong Mask26 = (1UL << 26) - 1;
        (limbs[0], limbs[stride]) = (_0 & Mask26, _0 >> 26);
        (limbs[2 * stride], limbs[3 * stride]) = (_1 & Mask26, _1 >> 26);
        (limbs[4 * stride], limbs[5 * stride]) = (_2 & Mask26, _2 >> 26);
        (limbs[6 * stride], limbs[7 * stride]) = (_3 & Mask26, _3 >> 26);
        (limbs[8 * stride], limbs[9 * stride]) = (_4 & Mask26, _4 >> 26);
    }

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
        // So many p are more, limb by limb, than what is negated can be.
        ulong times = ((5 * magnitude) + 4) / 4;
        return new()
        {
            _0 = (P0 * times) - _0,
            _1 = (P * times) - _1,
            _2 = (P * times) - _2,
            _3 = (P * times) - _3,
            _4 = (P4 * times) - _4,
        };
    }

    /// <summary>Half of this; half the magnitude and one.</summary>
    public readonly FieldElement Half()
    {
        // p is odd.
        ulong odd = 0 - (_0 & 1), t0 = _0 + (P0 & odd), t1 = _1 + (P & odd), t2 = _2 + (P & odd), t3 = _3 + (P & odd), t4 = _4 + (P4 & odd);
        return new()
        {
            _0 = (t0 >> 1) + ((t1 & 1) << 51),
            _1 = (t1 >> 1) + ((t2 & 1) << 51),
            _2 = (t2 >> 1) + ((t3 & 1) << 51),
            _3 = (t3 >> 1) + ((t4 & 1) << 51),
            _4 = t4 >> 1,
        };
    }

    /// <summary>Of magnitude 1.</summary>
    /// <remarks>
    /// No column has carries: the parts of its products from bit 56 up are added up apart, and what that leaves out, below 2^59, is
    /// the sum of the products modulo 2^64 less theirs.
    /// </remarks>
    public static FieldElement operator *(in FieldElement a, in FieldElement b)
    {
        ulong a0 = a._0, a1 = a._1, a2 = a._2, a3 = a._3, a4 = a._4, b0 = b._0, b1 = b._1, b2 = b._2, b3 = b._3, b4 = b._4;
        ulong b0s = b0 << Shift, b1s = b1 << Shift, b2s = b2 << Shift, b3s = b3 << Shift, b4s = b4 << Shift;
        ulong high, rest;
        high = High(a0, b0s);
        ulong v0 = (a0 * b0) - (high << Cut);
        rest = high << Rest;
        high = High(a0, b1s) + High(a1, b0s);
        ulong v1 = (a0 * b1) + (a1 * b0) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(a0, b2s) + High(a1, b1s) + High(a2, b0s);
        ulong v2 = (a0 * b2) + (a1 * b1) + (a2 * b0) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(a0, b3s) + High(a1, b2s) + High(a2, b1s) + High(a3, b0s);
        ulong v3 = (a0 * b3) + (a1 * b2) + (a2 * b1) + (a3 * b0) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(a0, b4s) + High(a1, b3s) + High(a2, b2s) + High(a3, b1s) + High(a4, b0s);
        ulong v4 = (a0 * b4) + (a1 * b3) + (a2 * b2) + (a3 * b1) + (a4 * b0) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(a1, b4s) + High(a2, b3s) + High(a3, b2s) + High(a4, b1s);
        ulong v5 = (a1 * b4) + (a2 * b3) + (a3 * b2) + (a4 * b1) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(a2, b4s) + High(a3, b3s) + High(a4, b2s);
        ulong v6 = (a2 * b4) + (a3 * b3) + (a4 * b2) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(a3, b4s) + High(a4, b3s);
        ulong v7 = (a3 * b4) + (a4 * b3) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(a4, b4s);
        ulong v8 = (a4 * b4) - (high << Cut) + rest;
        rest = high << Rest;
        return Reduce(v0, v1, v2, v3, v4, v5, v6, v7, v8, rest);
    }

    /// <summary>Of magnitude 1.</summary>
    public readonly FieldElement Square()
    {
        ulong a0 = _0, a1 = _1, a2 = _2, a3 = _3, a4 = _4, twice0 = a0 * 2, twice1 = a1 * 2, twice2 = a2 * 2, twice3 = a3 * 2;
        ulong a0s = a0 << Shift, a1s = a1 << Shift, a2s = a2 << Shift, a3s = a3 << Shift, a4s = a4 << Shift;
        ulong high, rest;
        high = High(a0, a0s);
        ulong v0 = (a0 * a0) - (high << Cut);
        rest = high << Rest;
        high = High(twice0, a1s);
        ulong v1 = (twice0 * a1) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(twice0, a2s) + High(a1, a1s);
        ulong v2 = (twice0 * a2) + (a1 * a1) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(twice0, a3s) + High(twice1, a2s);
        ulong v3 = (twice0 * a3) + (twice1 * a2) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(twice0, a4s) + High(twice1, a3s) + High(a2, a2s);
        ulong v4 = (twice0 * a4) + (twice1 * a3) + (a2 * a2) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(twice1, a4s) + High(twice2, a3s);
        ulong v5 = (twice1 * a4) + (twice2 * a3) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(twice2, a4s) + High(a3, a3s);
        ulong v6 = (twice2 * a4) + (a3 * a3) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(twice3, a4s);
        ulong v7 = (twice3 * a4) - (high << Cut) + rest;
        rest = high << Rest;
        high = High(a4, a4s);
        ulong v8 = (a4 * a4) - (high << Cut) + rest;
        rest = high << Rest;
        return Reduce(v0, v1, v2, v3, v4, v5, v6, v7, v8, rest);
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

    /// <summary>Ten columns of a product, each below 2^63, modulo p.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static FieldElement Reduce(ulong v0, ulong v1, ulong v2, ulong v3, ulong v4, ulong v5, ulong v6, ulong v7, ulong v8, ulong v9)
    {
        // Columns from 5 on have weights 2^260 and up. Cut into limbs, they come back into columns 0 to 4.
        v6 += v5 >> 52;
        v5 &= Mask52;
        v7 += v6 >> 52;
        v6 &= Mask52;
        v8 += v7 >> 52;
        v7 &= Mask52;
        v9 += v8 >> 52;
        v8 &= Mask52;
        ulong high = High(v5, Fold260 << Shift);
        v0 += (v5 * Fold260) - (high << Cut);
        v1 += (high << Rest) + (v0 >> 52);
        high = High(v6, Fold260 << Shift);
        v1 += (v6 * Fold260) - (high << Cut);
        v2 += (high << Rest) + (v1 >> 52);
        high = High(v7, Fold260 << Shift);
        v2 += (v7 * Fold260) - (high << Cut);
        v3 += (high << Rest) + (v2 >> 52);
        high = High(v8, Fold260 << Shift);
        v3 += (v8 * Fold260) - (high << Cut);
        v4 += (high << Rest) + (v3 >> 52);
        high = High(v9, Fold260 << Shift);
        v4 += (v9 * Fold260) - (high << Cut);

        // What is above bit 256: four bits of the highest limb and more.
        ulong above = (v4 >> 48) + (high << (Rest + 4));
        high = High(above, Fold256 << Shift);
        v0 = (v0 & Mask52) + (above * Fold256) - (high << Cut);
        return new() { _0 = v0 & Mask52, _1 = (v1 & Mask52) + (v0 >> 52) + (high << Rest), _2 = v2 & Mask52, _3 = v3 & Mask52, _4 = v4 & Mask48 };
    }

    /// <summary>A product from bit 56 up, of a factor and one that is shifted by <see cref="Shift"/>.</summary>
    /// <remarks>The low half takes a multiplication of its own, where one that gives both would hand it over through memory.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong High(ulong a, ulong shifted) => Bmi2.X64.IsSupported ? Bmi2.X64.MultiplyNoFlags(a, shifted) : Math.BigMul(a, shifted, out _);
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
