using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Limb = System.Runtime.Intrinsics.Vector256<ulong>;

namespace Optimistic.Vm;

/// <summary>
/// Recovers signers four at a time (<see cref="FieldLanes"/>), in groups that share their inversions (Montgomery's trick). All lanes do
/// the same: windows of signed digits (Strauss), with tables of affine multiples, and additions that know of no exceptions. Where two
/// points happen to be equal or opposite, the z of their sum is zero and stays so to the end, and the signature is recovered alone.
/// </summary>
internal static unsafe class RecoveryLanes
{
    /// <summary>Signatures of a group.</summary>
    public const int GroupLength = Vectors * Width;

    private const int Width = FieldLanes.Width;

    /// <summary>Vectors of four signatures in a group: their tables together fill a good part of a core's cache.</summary>
    private const int Vectors = 8;

    /// <summary>Bits of a signed digit of a point, and multiples in its table.</summary>
    private const int PointWindow = 5, PointMultiples = 1 << (PointWindow - 1);

    /// <summary>Bits of a signed digit of the generator, and multiples in each of its two tables.</summary>
    private const int GeneratorWindow = 2 * PointWindow, GeneratorMultiples = 1 << (GeneratorWindow - 1);

    /// <summary>Digits of a point's factor of 129 bits, and of half a factor of the generator.</summary>
    private const int PointDigits = 26, GeneratorDigits = PointDigits / 2;

    /// <summary>Tables hold limbs of 32 bits: x, y, and of points x times beta; they are read four at a time.</summary>
    private const int EntryLength = 32, YOffset = FieldLanes.Count, TurnedOffset = 2 * FieldLanes.Count, GeneratorEntryLength = 20;

    // Multiples of G and of 2^128 G.
    private static readonly uint[] LowGeneratorTable = GeneratorTable(0), HighGeneratorTable = GeneratorTable(128);

    /// <summary>The signers of at most <see cref="GroupLength"/> signatures; null where the precompile returns nothing.</summary>
    public static void Recover(ReadOnlySpan<SignedDigest> signatures, Span<Address?> signers)
    {
        Workspace* w = (Workspace*)NativeMemory.AlignedAlloc((nuint)sizeof(Workspace), 64);
        try
        {
            Recover(w, signatures, signers);
        }
        finally
        {
            NativeMemory.AlignedFree(w);
        }
    }

    private static void Recover(Workspace* w, ReadOnlySpan<SignedDigest> signatures, Span<Address?> signers)
    {
        int vectors = (signatures.Length + Width - 1) / Width;
        Span<UInt256> r = stackalloc UInt256[GroupLength], inverses = stackalloc UInt256[GroupLength];
        Span<bool> isGood = stackalloc bool[GroupLength];
        for (int i = 0; i < vectors * Width; i++)
        {
            isGood[i] = i < signatures.Length && signatures[i].IsInRange;
            r[i] = isGood[i] ? UInt256.Read(signatures[i].R) : new(1, 0, 0, 0);
        }

        Scalar.Invert(r[..(vectors * Width)], inverses);
        for (int vector = 0; vector < vectors; vector++)
        {
            for (int lane = 0; lane < Width; lane++)
            {
                int i = (vector * Width) + lane;
                SignedDigest signature = isGood[i] ? signatures[i] : default;
                short* digits = w->DigitsOf(vector) + lane;
                UInt256 u1 = Scalar.Multiply(Scalar.Negate(Scalar.Reduce(UInt256.Read(signature.Digest))), inverses[i]);
                UInt256 u2 = Scalar.Multiply(UInt256.Read(signature.S), inverses[i]);
                Scalar.Split(u2, out UInt256 k1, out bool isNegative1, out UInt256 k2, out bool isNegative2);
                SignedDigits(new(u1.Limb0, u1.Limb1, 0, 0), GeneratorWindow, GeneratorDigits, false, digits);
                SignedDigits(new(u1.Limb2, u1.Limb3, 0, 0), GeneratorWindow, GeneratorDigits, false, digits + (GeneratorDigits * Width));
                SignedDigits(k1, PointWindow, PointDigits, isNegative1, digits + (2 * GeneratorDigits * Width));
                SignedDigits(k2, PointWindow, PointDigits, isNegative2, digits + ((2 * GeneratorDigits) + PointDigits) * Width);
            }

            Lift(w, vector, r.Slice(vector * Width, Width), signatures[(vector * Width)..], isGood.Slice(vector * Width, Width));
        }

        BuildTables(w, vectors);
        for (int vector = 0; vector < vectors; vector++)
            SumOfMultiples(w, vector);

        // A lane without a z is one for the recovery of one signature.
        Span<bool> isExceptional = stackalloc bool[GroupLength];
        for (int i = 0; i < vectors * Width; i++)
        {
            FieldLanes* z = &w->Sum(i / Width)->Z;
            isExceptional[i] = FieldLanes.Get(z, i % Width).IsZero;
            if (isExceptional[i])
                FieldLanes.Set(z, i % Width, FieldElement.One);
        }

        for (int vector = 0; vector < vectors; vector++)
            w->Denominators()[vector] = w->Sum(vector)->Z;
        Invert(w, vectors);
        Span<byte> coordinates = stackalloc byte[2 * Word.Length];
        for (int vector = 0; vector < vectors; vector++)
        {
            JacobianLanes* sum = w->Sum(vector);
            FieldLanes* t = w->Temporaries(), inverse = w->Denominators() + vector;
            FieldLanes.Square(t, inverse);
            FieldLanes.Multiply(t + 1, &sum->X, t);
            FieldLanes.Multiply(t + 2, t, inverse);
            FieldLanes.Multiply(t + 3, &sum->Y, t + 2);
            for (int i = vector * Width; i < Math.Min((vector + 1) * Width, signatures.Length); i++)
            {
                signers[i] = null;
                if (!isGood[i])
                    continue;

                if (isExceptional[i])
                {
                    if (Secp256k1.TryRecover(signatures[i].Digest, signatures[i].V, signatures[i].R, signatures[i].S, out Address signer))
                        signers[i] = signer;
                    continue;
                }

                FieldLanes.Get(t + 1, i % Width).ToUInt256().Write(coordinates);
                FieldLanes.Get(t + 3, i % Width).ToUInt256().Write(coordinates[Word.Length..]);
                signers[i] = Address.FromWord(Keccak.Hash(coordinates));
            }
        }
    }

    /// <summary>Sets the first multiples of a vector to the points with these x; clears <paramref name="isGood"/> of those that are none, and takes G for them.</summary>
    private static void Lift(Workspace* w, int vector, ReadOnlySpan<UInt256> r, ReadOnlySpan<SignedDigest> signatures, Span<bool> isGood)
    {
        FieldLanes* x = w->Multiple(vector, 1), y = x + 1, t = w->Temporaries(), cube = t + 8;
        for (int lane = 0; lane < Width; lane++)
            FieldLanes.Set(x, lane, FieldElement.FromUInt256(r[lane]));
        FieldLanes.Square(t, x);
        FieldLanes.Multiply(cube, t, x);
        FieldLanes.SetAll(t, FieldElement.FromInteger(7));
        FieldLanes.Add(cube, cube, t); // 2
        SquareRoot(y, cube, t);
        FieldLanes.Square(t, y);
        FieldLanes.Subtract(t, t, cube, 2);
        for (int lane = 0; lane < Width; lane++)
        {
            if (!isGood[lane] || !FieldLanes.Get(t, lane).IsZero)
            {
                isGood[lane] = false;
                FieldLanes.Set(x, lane, AffinePoint.Generator.X);
                FieldLanes.Set(y, lane, AffinePoint.Generator.Y);
                continue;
            }

            UInt256 root = FieldLanes.Get(y, lane).ToUInt256();
            bool isOdd = (root.Limb0 & 1) != 0;
            FieldLanes.Set(y, lane, FieldElement.FromUInt256(isOdd == (signatures[lane].V == 28) ? root : FieldElement.Prime.Subtract(root)));
        }
    }

    /// <summary>As <see cref="FieldElement.TrySquareRoot"/>, of magnitude 1 or 2; the square is to be checked.</summary>
    /// <param name="root">Not <paramref name="a"/>.</param>
    /// <param name="a">Not among <paramref name="t"/>.</param>
    /// <param name="t">Eight elements for use.</param>
    private static void SquareRoot(FieldLanes* root, FieldLanes* a, FieldLanes* t)
    {
        FieldLanes* x2 = t, x3 = t + 1, x6 = t + 2, x11 = t + 3, x22 = t + 4, x44 = t + 5, s = t + 6, u = t + 7;
        Raise(x2, a, 1, a, s);
        Raise(x3, x2, 1, a, s);
        Raise(x6, x3, 3, x3, s);
        Raise(u, x6, 3, x3, s); // 2^9 - 1
        Raise(x11, u, 2, x2, s);
        Raise(x22, x11, 11, x11, s);
        Raise(x44, x22, 22, x22, s);
        Raise(u, x44, 44, x44, s); // 2^88 - 1
        Raise(x6, u, 88, u, s); // 2^176 - 1
        Raise(u, x6, 44, x44, s); // 2^220 - 1
        Raise(x6, u, 3, x3, s); // 2^223 - 1
        Raise(u, x6, 23, x22, s);
        Raise(x6, u, 6, x2, s);
        FieldLanes.Square(s, x6);
        FieldLanes.Square(root, s);
    }

    /// <summary><paramref name="a"/> squared <paramref name="count"/> times, times <paramref name="factor"/>; all but the last two may be the same.</summary>
    private static void Raise(FieldLanes* result, FieldLanes* a, int count, FieldLanes* factor, FieldLanes* s)
    {
        // Back and forth between two places, so that the last square is in s.
        FieldLanes* from = a, to = count % 2 == 1 ? s : result;
        for (; count > 0; count--)
        {
            FieldLanes.Square(to, from);
            from = to;
            to = to == s ? result : s;
        }

        FieldLanes.Multiply(result, s, factor);
    }

    /// <summary>The multiples 1 to 16 of all points, affine: each round makes those up to twice what there is.</summary>
    private static void BuildTables(Workspace* w, int vectors)
    {
        FieldLanes* slope = w->Temporaries(), u = slope + 1, v = slope + 2, beta = slope + 3;
        for (int done = 1; done < PointMultiples; done *= 2)
        {
            // The sums of what there is most of, twice it the last: never opposite, as the points have a large prime order.
            FieldLanes* denominator = w->Denominators();
            for (int vector = 0; vector < vectors; vector++)
            {
                FieldLanes* a = w->Multiple(vector, done);
                for (int i = 1; i < done; i++)
                    FieldLanes.Subtract(denominator++, a, w->Multiple(vector, i), 1); // 3
                FieldLanes.Add(denominator++, a + 1, a + 1); // 2
            }

            Invert(w, vectors * done);
            FieldLanes* inverse = w->Denominators();
            for (int vector = 0; vector < vectors; vector++)
            {
                FieldLanes* a = w->Multiple(vector, done);
                for (int i = 1; i <= done; i++, inverse++)
                {
                    FieldLanes* b = w->Multiple(vector, i), sum = w->Multiple(vector, done + i);
                    if (i == done)
                    {
                        FieldLanes.Square(u, a);
                        FieldLanes.Add(v, u, u);
                        FieldLanes.Add(v, v, u); // 3
                    }
                    else
                    {
                        FieldLanes.Subtract(v, a + 1, b + 1, 1); // 3
                    }

                    FieldLanes.Multiply(slope, v, inverse);
                    FieldLanes.Square(u, slope);
                    FieldLanes.Subtract(u, u, a, 1); // 3
                    FieldLanes.Subtract(u, u, b, 1); // 5
                    FieldLanes.Reduce(sum, u);
                    FieldLanes.Subtract(v, a, sum, 1); // 3
                    FieldLanes.Multiply(u, slope, v);
                    FieldLanes.Subtract(u, u, a + 1, 1); // 3
                    FieldLanes.Reduce(sum + 1, u);
                }
            }
        }

        FieldLanes.SetAll(beta, FieldElement.FromUInt256(Scalar.Beta));
        for (int vector = 0; vector < vectors; vector++)
        {
            for (int i = 1; i <= PointMultiples; i++)
            {
                FieldLanes* point = w->Multiple(vector, i);
                uint* entry = w->TableOf(vector) + ((i - 1) * EntryLength);
                FieldLanes.Multiply(u, point, beta);
                for (int lane = 0; lane < Width; lane++, entry += PointMultiples * EntryLength)
                {
                    Write(entry, point, lane);
                    Write(entry + YOffset, point + 1, lane);
                    Write(entry + TurnedOffset, u, lane);
                }
            }
        }
    }

    /// <summary>u1 G + u2 times the point in every lane, by the digits of both.</summary>
    private static void SumOfMultiples(Workspace* w, int vector)
    {
        JacobianLanes* sum = w->Sum(vector), other = w->OtherSum();
        FieldLanes* t = w->Temporaries();
        short* digits = w->DigitsOf(vector);
        uint* table = w->TableOf(vector);
        FieldLanes.SetAll(&sum->X, FieldElement.One);
        FieldLanes.SetAll(&sum->Y, FieldElement.One);
        FieldLanes.SetAll(&sum->Z, FieldElement.One);

        // Lanes to which nothing has been added: all ones, and what is in them means nothing.
        Limb isInfinity = Limb.AllBitsSet;
        fixed (uint* low = LowGeneratorTable, high = HighGeneratorTable)
        {
            for (int i = PointDigits - 1; i >= 0; i--)
            {
                for (int bit = 0; i < PointDigits - 1 && bit < PointWindow; bit++)
                    Double(sum, t);

                short* first = digits + (((2 * GeneratorDigits) + i) * Width), second = first + (PointDigits * Width);
                Add(ref sum, ref other, t, ref isInfinity, first, table, 0, EntryLength, PointMultiples * EntryLength);
                Add(ref sum, ref other, t, ref isInfinity, second, table, TurnedOffset, EntryLength, PointMultiples * EntryLength);
                if (i % 2 == 0)
                {
                    Add(ref sum, ref other, t, ref isInfinity, digits + (i / 2 * Width), low, 0, GeneratorEntryLength, 0);
                    Add(ref sum, ref other, t, ref isInfinity, digits + (((i / 2) + GeneratorDigits) * Width), high, 0, GeneratorEntryLength, 0);
                }
            }
        }

        if (sum != w->Sum(vector))
            *other = *sum;

        FieldLanes.SetAll(t, default);
        sum = w->Sum(vector);
        FieldLanes.Select(&sum->Z, isInfinity, t, &sum->Z);
    }

    /// <summary>As <see cref="JacobianPoint.Double"/>.</summary>
    private static void Double(JacobianLanes* point, FieldLanes* t)
    {
        FieldLanes* yy = t, slope = t + 1, minusXyy = t + 2, x = t + 3, u = t + 4, z = t + 5;
        FieldLanes.Square(yy, &point->Y);
        FieldLanes.Square(u, &point->X);
        FieldLanes.ThreeHalves(slope, u); // 3
        FieldLanes.Multiply(u, &point->X, yy);
        FieldLanes.Negate(minusXyy, u, 1); // 2
        FieldLanes.Square(x, slope);
        FieldLanes.Add(x, x, minusXyy);
        FieldLanes.Add(&point->X, x, minusXyy); // 5
        FieldLanes.Add(u, &point->X, minusXyy); // 7
        FieldLanes.Multiply(x, slope, u);
        FieldLanes.Square(u, yy);
        FieldLanes.Add(u, u, x); // 2
        FieldLanes.Multiply(z, &point->Y, &point->Z);
        FieldLanes.Negate(&point->Y, u, 2); // 3
        point->Z = *z;
    }

    /// <summary>Adds to each lane the multiple of its digit; of these, x is <paramref name="xOffset"/> behind the entry's start.</summary>
    private static void Add(
        ref JacobianLanes* sum, ref JacobianLanes* other, FieldLanes* t, ref Limb isInfinity, short* digits, uint* table, int xOffset, int entryLength, int laneLength)
    {
        FieldLanes* x = t, y = t + 1, u = t + 2, v = t + 3, across = t + 4, up = t + 5, cube = t + 6;
        uint* e0 = Entry(table, digits[0], entryLength), e1 = Entry(table + laneLength, digits[1], entryLength);
        uint* e2 = Entry(table + (2 * laneLength), digits[2], entryLength), e3 = Entry(table + (3 * laneLength), digits[3], entryLength);
        Limb digit = Avx2.ConvertToVector256Int64(digits).AsUInt64(), isZero = Vector256.Equals(digit, Limb.Zero), isNegative = Vector256.GreaterThan(Vector256<long>.Zero, digit.AsInt64()).AsUInt64();
        Gather(x, e0 + xOffset, e1 + xOffset, e2 + xOffset, e3 + xOffset);
        Gather(y, e0 + YOffset, e1 + YOffset, e2 + YOffset, e3 + YOffset);
        FieldLanes.Negate(u, y, 1);
        FieldLanes.Select(y, isNegative, u, y); // 2

        // The formulas of JacobianPoint.Add.
        FieldLanes.Square(u, &sum->Z);
        FieldLanes.Multiply(v, x, u);
        FieldLanes.Subtract(across, v, &sum->X, 5); // 7
        FieldLanes.Multiply(v, y, u);
        FieldLanes.Multiply(u, v, &sum->Z);
        FieldLanes.Subtract(up, u, &sum->Y, 3); // 5
        FieldLanes.Square(u, across);
        FieldLanes.Multiply(cube, u, across);
        FieldLanes.Multiply(v, &sum->X, u);
        FieldLanes.Multiply(&other->Z, &sum->Z, across);
        FieldLanes.Square(u, up);
        FieldLanes.Add(across, cube, v);
        FieldLanes.Add(across, across, v); // 3
        FieldLanes.Subtract(&other->X, u, across, 3); // 5
        FieldLanes.Subtract(v, v, &other->X, 5); // 7
        FieldLanes.Multiply(u, up, v);
        FieldLanes.Multiply(v, &sum->Y, cube);
        FieldLanes.Subtract(&other->Y, u, v, 1); // 3
        if ((isZero | isInfinity) != Limb.Zero)
        {
            FieldLanes.SetAll(u, FieldElement.One);
            FieldLanes.Select(&other->X, isInfinity, x, &other->X);
            FieldLanes.Select(&other->Y, isInfinity, y, &other->Y);
            FieldLanes.Select(&other->Z, isInfinity, u, &other->Z);
            FieldLanes.Select(&other->X, isZero, &sum->X, &other->X);
            FieldLanes.Select(&other->Y, isZero, &sum->Y, &other->Y);
            FieldLanes.Select(&other->Z, isZero, &sum->Z, &other->Z);
            isInfinity &= isZero;
        }

        JacobianLanes* last = sum;
        sum = other;
        other = last;
    }

    /// <summary>The entry of a digit; any for zero.</summary>
    private static uint* Entry(uint* table, int digit, int entryLength) => table + ((Math.Max(Math.Abs(digit), 1) - 1) * entryLength);

    /// <summary>Turns <paramref name="count"/> denominators, none of them zero, into their inverses at the price of one.</summary>
    private static void Invert(Workspace* w, int count)
    {
        FieldLanes* denominators = w->Denominators(), products = w->Products(), t = w->Temporaries();
        products[0] = denominators[0];
        for (int i = 1; i < count; i++)
            FieldLanes.Multiply(products + i, products + i - 1, denominators + i);

        // Of the four lanes' products, two and two.
        FieldLanes* all = count == 1 ? denominators : products + count - 1;
        FieldElement p0 = FieldLanes.Get(all, 0), p1 = FieldLanes.Get(all, 1), p2 = FieldLanes.Get(all, 2), p3 = FieldLanes.Get(all, 3);
        FieldElement low = p0 * p1, high = p2 * p3, inverse = (low * high).Invert(), ofLow = inverse * high, ofHigh = inverse * low;
        FieldLanes.Set(t, 0, ofLow * p1);
        FieldLanes.Set(t, 1, ofLow * p0);
        FieldLanes.Set(t, 2, ofHigh * p3);
        FieldLanes.Set(t, 3, ofHigh * p2);
        FieldLanes* last = t, next = t + 1;
        for (int i = count - 1; i > 0; i--)
        {
            FieldLanes.Multiply(next, last, denominators + i);
            FieldLanes.Multiply(denominators + i, products + i - 1, last);
            FieldLanes* other = last;
            last = next;
            next = other;
        }

        denominators[0] = *last;
    }

    /// <summary>
    /// Digits, the lowest first and <see cref="Width"/> apart, that add up to <paramref name="value"/> or to its negative: at most
    /// 2^(<paramref name="window"/> - 1) in size. The value is below half of what all digits can be.
    /// </summary>
    private static void SignedDigits(in UInt256 value, int window, int count, bool negate, short* digits)
    {
        int carry = 0;
        for (int i = 0; i < count; i++)
        {
            int digit = (int)(value.Bits(i * window) & ((1UL << window) - 1)) + carry;
            carry = digit > 1 << (window - 1) ? 1 : 0;
            digit -= carry << window;
            digits[i * Width] = (short)(negate ? -digit : digit);
        }
    }

    /// <summary>Reads an element from four places in tables, one a lane.</summary>
    private static void Gather(FieldLanes* element, uint* e0, uint* e1, uint* e2, uint* e3)
    {
        Limb* limbs = (Limb*)element;
        Transpose(e0, e1, e2, e3, out limbs[0], out limbs[1], out limbs[2], out limbs[3]);
        Transpose(e0 + 4, e1 + 4, e2 + 4, e3 + 4, out limbs[4], out limbs[5], out limbs[6], out limbs[7]);
        Transpose(e0 + 8, e1 + 8, e2 + 8, e3 + 8, out limbs[8], out limbs[9], out _, out _);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(uint* e0, uint* e1, uint* e2, uint* e3, out Limb l0, out Limb l1, out Limb l2, out Limb l3)
    {
        Limb a = Avx2.ConvertToVector256Int64(e0).AsUInt64(), b = Avx2.ConvertToVector256Int64(e1).AsUInt64();
        Limb c = Avx2.ConvertToVector256Int64(e2).AsUInt64(), d = Avx2.ConvertToVector256Int64(e3).AsUInt64();
        Limb ab02 = Avx2.UnpackLow(a, b), ab13 = Avx2.UnpackHigh(a, b), cd02 = Avx2.UnpackLow(c, d), cd13 = Avx2.UnpackHigh(c, d);
        l0 = Avx2.Permute2x128(ab02, cd02, 0x20);
        l1 = Avx2.Permute2x128(ab13, cd13, 0x20);
        l2 = Avx2.Permute2x128(ab02, cd02, 0x31);
        l3 = Avx2.Permute2x128(ab13, cd13, 0x31);
    }

    /// <summary>Writes a lane as it stands in tables.</summary>
    private static void Write(uint* entry, FieldLanes* element, int lane)
    {
        ulong* limbs = (ulong*)element + lane;
        for (int i = 0; i < FieldLanes.Count; i++)
            entry[i] = (uint)limbs[i * Width];
    }

    private static uint[] GeneratorTable(int shift)
    {
        // Two limbs more than it needs, which the last read touches.
        uint[] table = new uint[(GeneratorMultiples * GeneratorEntryLength) + 2];
        ulong* limbs = stackalloc ulong[2 * FieldLanes.Count];
        int start = 0;
        foreach (AffinePoint multiple in AffinePoint.Generator.TimesPowerOfTwo(shift).Multiples(GeneratorMultiples))
        {
            // Limbs within their bits: lanes count magnitudes from there.
            FieldElement.FromUInt256(multiple.X.ToUInt256()).ToLimbs26(limbs, 1);
            FieldElement.FromUInt256(multiple.Y.ToUInt256()).ToLimbs26(limbs + FieldLanes.Count, 1);
            for (int i = 0; i < 2 * FieldLanes.Count; i++)
                table[start + i] = (uint)limbs[i];
            start += GeneratorEntryLength;
        }

        return table;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct JacobianLanes
    {
        public FieldLanes X, Y, Z;
    }

    /// <summary>What a group needs, at a multiple of 64 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Workspace
    {
        private const int TemporaryCount = 16, DigitCount = 2 * (GeneratorDigits + PointDigits) * Width;

        private fixed byte _temporaries[TemporaryCount * FieldLanes.Length];
        private fixed byte _sums[(Vectors + 1) * 3 * FieldLanes.Length];
        private fixed byte _denominators[Vectors * PointMultiples / 2 * FieldLanes.Length];
        private fixed byte _products[Vectors * PointMultiples / 2 * FieldLanes.Length];
        private fixed byte _multiples[Vectors * PointMultiples * 2 * FieldLanes.Length];
        private fixed uint _tables[Vectors * Width * PointMultiples * EntryLength];
        private fixed short _digits[Vectors * DigitCount];

        // All of it is memory that does not move.
        public FieldLanes* Temporaries() => (FieldLanes*)Unsafe.AsPointer(ref _temporaries[0]);

        public FieldLanes* Denominators() => (FieldLanes*)Unsafe.AsPointer(ref _denominators[0]);

        public FieldLanes* Products() => (FieldLanes*)Unsafe.AsPointer(ref _products[0]);

        public JacobianLanes* Sum(int vector) => (JacobianLanes*)Unsafe.AsPointer(ref _sums[0]) + vector;

        public JacobianLanes* OtherSum() => Sum(Vectors);

        /// <summary>x of a multiple from 1 of a vector's points; y follows.</summary>
        public FieldLanes* Multiple(int vector, int multiple) =>
            (FieldLanes*)Unsafe.AsPointer(ref _multiples[0]) + (2 * ((vector * PointMultiples) + multiple - 1));

        /// <summary>The entries of the first lane, then those of the others.</summary>
        public uint* TableOf(int vector) => (uint*)Unsafe.AsPointer(ref _tables[0]) + (vector * Width * PointMultiples * EntryLength);

        /// <summary>Digits of the lower and the upper half of the generator's factor, and of both parts of the point's.</summary>
        public short* DigitsOf(int vector) => (short*)Unsafe.AsPointer(ref _digits[0]) + (vector * DigitCount);
    }
}
