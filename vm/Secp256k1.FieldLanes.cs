using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Limb = System.Runtime.Intrinsics.Vector256<ulong>;

namespace Optimistic.Vm;

/// <summary>
/// Four integers modulo p of secp256k1 side by side, for AVX2: ten limbs of 26 bits, the highest of 22, of four lanes each.
/// </summary>
/// <remarks>
/// The magnitude m of an element says how far its limbs may exceed their bits: below 2 m × 2^26, the highest below 2 m × 2^22, so that
/// sums need no carries. It is counted as that of <see cref="FieldElement"/> is; factors may have up to 8, which keeps their limbs
/// within the 32 bits that the processor multiplies, and columns of ten products within 64. Elements lie at multiples of 32 bytes, and
/// a result is none of the factors unless it is said that it may be.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = Length)]
internal unsafe struct FieldLanes
{
    /// <summary>Lanes.</summary>
    public const int Width = 4;

    /// <summary>Limbs.</summary>
    public const int Count = 10;

    /// <summary>Bytes.</summary>
    public const int Length = Count * Width * sizeof(ulong);

    /// <summary>Bits of a limb.</summary>
    public const int LimbBits = 26;

    private const ulong Mask26 = (1UL << LimbBits) - 1, Mask22 = (1UL << 22) - 1;

    // p in limbs.
    private const ulong P0 = Mask26 + 1 - 0x3D1, P1 = Mask26 - 0x40, P = Mask26, P9 = Mask22;

    /// <summary>Whether this processor has what the lanes need.</summary>
    public static bool IsSupported => Avx2.IsSupported;

    /// <summary>The value of a lane; its magnitude as a <see cref="FieldElement"/> is at most twice what it is here.</summary>
    public static FieldElement Get(FieldLanes* element, int lane) => FieldElement.FromLimbs26((ulong*)element + lane, Width);

    /// <summary>Sets a lane to <paramref name="value"/> of magnitude 1.</summary>
    public static void Set(FieldLanes* element, int lane, in FieldElement value) => value.ToLimbs26((ulong*)element + lane, Width);

    /// <summary>Sets all lanes to <paramref name="value"/> of magnitude 1.</summary>
    public static void SetAll(FieldLanes* element, in FieldElement value)
    {
        for (int lane = 0; lane < Width; lane++)
            Set(element, lane, value);
    }

    /// <summary>Sum of both magnitudes; the result may be a summand.</summary>
    public static void Add(FieldLanes* result, FieldLanes* a, FieldLanes* b)
    {
        Limb* r = (Limb*)result, x = (Limb*)a, y = (Limb*)b;
        r[0] = x[0] + y[0];
        r[1] = x[1] + y[1];
        r[2] = x[2] + y[2];
        r[3] = x[3] + y[3];
        r[4] = x[4] + y[4];
        r[5] = x[5] + y[5];
        r[6] = x[6] + y[6];
        r[7] = x[7] + y[7];
        r[8] = x[8] + y[8];
        r[9] = x[9] + y[9];
    }

    /// <summary>Minus <paramref name="a"/> of at most this magnitude; of magnitude one more. The result may be the argument.</summary>
    public static void Negate(FieldLanes* result, FieldLanes* a, uint magnitude)
    {
        Limb* r = (Limb*)result, x = (Limb*)a;
        ulong times = 2 * (magnitude + 1);
        Limb middle = Vector256.Create(P * times);
        r[0] = Vector256.Create(P0 * times) - x[0];
        r[1] = Vector256.Create(P1 * times) - x[1];
        r[2] = middle - x[2];
        r[3] = middle - x[3];
        r[4] = middle - x[4];
        r[5] = middle - x[5];
        r[6] = middle - x[6];
        r[7] = middle - x[7];
        r[8] = middle - x[8];
        r[9] = Vector256.Create(P9 * times) - x[9];
    }

    /// <summary>a - b, b of at most this magnitude: of the magnitude of a and one more than this. The result may be either.</summary>
    public static void Subtract(FieldLanes* result, FieldLanes* a, FieldLanes* b, uint magnitude)
    {
        Limb* r = (Limb*)result, x = (Limb*)a, y = (Limb*)b;
        ulong times = 2 * (magnitude + 1);
        Limb middle = Vector256.Create(P * times);
        r[0] = x[0] + (Vector256.Create(P0 * times) - y[0]);
        r[1] = x[1] + (Vector256.Create(P1 * times) - y[1]);
        r[2] = x[2] + (middle - y[2]);
        r[3] = x[3] + (middle - y[3]);
        r[4] = x[4] + (middle - y[4]);
        r[5] = x[5] + (middle - y[5]);
        r[6] = x[6] + (middle - y[6]);
        r[7] = x[7] + (middle - y[7]);
        r[8] = x[8] + (middle - y[8]);
        r[9] = x[9] + (Vector256.Create(P9 * times) - y[9]);
    }

    /// <summary>Half of three times <paramref name="a"/> of magnitude 1: of magnitude 2 with its highest limb, else less. The result may be the argument.</summary>
    public static void ThreeHalves(FieldLanes* result, FieldLanes* a)
    {
        // p is odd, so one of a and a + p is even.
        Limb* r = (Limb*)result, x = (Limb*)a;
        Limb one = Vector256.Create(1UL), t0 = x[0] + x[0] + x[0], odd = Limb.Zero - (t0 & one), middle = odd & Vector256.Create(P);
        t0 += odd & Vector256.Create(P0);
        Limb t1 = x[1] + x[1] + x[1] + (odd & Vector256.Create(P1));
        r[0] = (t0 >> 1) + ((t1 & one) << (LimbBits - 1));
        t0 = x[2] + x[2] + x[2] + middle;
        r[1] = (t1 >> 1) + ((t0 & one) << (LimbBits - 1));
        t1 = x[3] + x[3] + x[3] + middle;
        r[2] = (t0 >> 1) + ((t1 & one) << (LimbBits - 1));
        t0 = x[4] + x[4] + x[4] + middle;
        r[3] = (t1 >> 1) + ((t0 & one) << (LimbBits - 1));
        t1 = x[5] + x[5] + x[5] + middle;
        r[4] = (t0 >> 1) + ((t1 & one) << (LimbBits - 1));
        t0 = x[6] + x[6] + x[6] + middle;
        r[5] = (t1 >> 1) + ((t0 & one) << (LimbBits - 1));
        t1 = x[7] + x[7] + x[7] + middle;
        r[6] = (t0 >> 1) + ((t1 & one) << (LimbBits - 1));
        t0 = x[8] + x[8] + x[8] + middle;
        r[7] = (t1 >> 1) + ((t0 & one) << (LimbBits - 1));
        t1 = x[9] + x[9] + x[9] + (odd & Vector256.Create(P9));
        r[8] = (t0 >> 1) + ((t1 & one) << (LimbBits - 1));
        r[9] = t1 >> 1;
    }

    /// <summary>The same modulo p with magnitude 1. The result may be the argument.</summary>
    public static void Reduce(FieldLanes* result, FieldLanes* a)
    {
        Limb* r = (Limb*)result, x = (Limb*)a;
        Limb mask = Vector256.Create(Mask26), above = x[9] >> 22, c = x[0] + (above << 10) - (above << 5) - (above << 4) + above;
        r[0] = c & mask;
        c = x[1] + (above << 6) + (c >> LimbBits);
        r[1] = c & mask;
        c = x[2] + (c >> LimbBits);
        r[2] = c & mask;
        c = x[3] + (c >> LimbBits);
        r[3] = c & mask;
        c = x[4] + (c >> LimbBits);
        r[4] = c & mask;
        c = x[5] + (c >> LimbBits);
        r[5] = c & mask;
        c = x[6] + (c >> LimbBits);
        r[6] = c & mask;
        c = x[7] + (c >> LimbBits);
        r[7] = c & mask;
        c = x[8] + (c >> LimbBits);
        r[8] = c & mask;
        r[9] = (x[9] & Vector256.Create(Mask22)) + (c >> LimbBits);
    }

    /// <summary>The lanes of <paramref name="a"/> where the mask is all ones, else those of <paramref name="b"/>. The result may be either.</summary>
    public static void Select(FieldLanes* result, in Limb mask, FieldLanes* a, FieldLanes* b)
    {
        Limb* r = (Limb*)result, x = (Limb*)a, y = (Limb*)b;
        r[0] = Avx2.BlendVariable(y[0], x[0], mask);
        r[1] = Avx2.BlendVariable(y[1], x[1], mask);
        r[2] = Avx2.BlendVariable(y[2], x[2], mask);
        r[3] = Avx2.BlendVariable(y[3], x[3], mask);
        r[4] = Avx2.BlendVariable(y[4], x[4], mask);
        r[5] = Avx2.BlendVariable(y[5], x[5], mask);
        r[6] = Avx2.BlendVariable(y[6], x[6], mask);
        r[7] = Avx2.BlendVariable(y[7], x[7], mask);
        r[8] = Avx2.BlendVariable(y[8], x[8], mask);
        r[9] = Avx2.BlendVariable(y[9], x[9], mask);
    }

    /// <summary>Of magnitude 1.</summary>
    /// <remarks>
    /// Column by column, those from the eleventh on first: they have weights 2^260 and up, and come back into the lower ones, 2^260 being
    /// 2^36 + 15632 modulo p. Only the carries from column to column wait for one another. The sixteen registers hold one factor and what
    /// a column needs: the columns would wait for a seventeenth value, which was spilled once a product, for three times as long.
    /// </remarks>
    [SkipLocalsInit]
    public static void Multiply(FieldLanes* result, FieldLanes* a, FieldLanes* b)
    {
        byte* space = stackalloc byte[Length + 31];
        Limb* x = (Limb*)a, y = (Limb*)b, r = (Limb*)result, h = Aligned(space);
        Limb x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4], x5 = x[5], x6 = x[6], x7 = x[7], x8 = x[8], x9 = x[9];
        Limb mask = Vector256.Create(Mask26);
        Limb c = M(x1, y + 9) + M(x2, y + 8) + M(x3, y + 7) + M(x4, y + 6) + M(x5, y + 5) + M(x6, y + 4) + M(x7, y + 3) + M(x8, y + 2) + M(x9, y + 1);
        h[0] = c & mask;
        c = M(x2, y + 9) + M(x3, y + 8) + M(x4, y + 7) + M(x5, y + 6) + M(x6, y + 5) + M(x7, y + 4) + M(x8, y + 3) + M(x9, y + 2) + (c >> LimbBits);
        h[1] = c & mask;
        c = M(x3, y + 9) + M(x4, y + 8) + M(x5, y + 7) + M(x6, y + 6) + M(x7, y + 5) + M(x8, y + 4) + M(x9, y + 3) + (c >> LimbBits);
        h[2] = c & mask;
        c = M(x4, y + 9) + M(x5, y + 8) + M(x6, y + 7) + M(x7, y + 6) + M(x8, y + 5) + M(x9, y + 4) + (c >> LimbBits);
        h[3] = c & mask;
        c = M(x5, y + 9) + M(x6, y + 8) + M(x7, y + 7) + M(x8, y + 6) + M(x9, y + 5) + (c >> LimbBits);
        h[4] = c & mask;
        c = M(x6, y + 9) + M(x7, y + 8) + M(x8, y + 7) + M(x9, y + 6) + (c >> LimbBits);
        h[5] = c & mask;
        c = M(x7, y + 9) + M(x8, y + 8) + M(x9, y + 7) + (c >> LimbBits);
        h[6] = c & mask;
        c = M(x8, y + 9) + M(x9, y + 8) + (c >> LimbBits);
        h[7] = c & mask;
        c = M(x9, y + 9) + (c >> LimbBits);
        h[8] = c & mask;
        h[9] = c >> LimbBits;

        Limb fold = Vector256.Create(15632UL);
        c = M(x0, y) + M(fold, h);
        r[0] = c & mask;
        c = M(x0, y + 1) + M(x1, y) + M(fold, h + 1) + (h[0] << 10) + (c >> LimbBits);
        r[1] = c & mask;
        c = M(x0, y + 2) + M(x1, y + 1) + M(x2, y) + M(fold, h + 2) + (h[1] << 10) + (c >> LimbBits);
        r[2] = c & mask;
        c = M(x0, y + 3) + M(x1, y + 2) + M(x2, y + 1) + M(x3, y) + M(fold, h + 3) + (h[2] << 10) + (c >> LimbBits);
        r[3] = c & mask;
        c = M(x0, y + 4) + M(x1, y + 3) + M(x2, y + 2) + M(x3, y + 1) + M(x4, y) + M(fold, h + 4) + (h[3] << 10) + (c >> LimbBits);
        r[4] = c & mask;
        c = M(x0, y + 5) + M(x1, y + 4) + M(x2, y + 3) + M(x3, y + 2) + M(x4, y + 1) + M(x5, y) + M(fold, h + 5) + (h[4] << 10) + (c >> LimbBits);
        r[5] = c & mask;
        c = M(x0, y + 6) + M(x1, y + 5) + M(x2, y + 4) + M(x3, y + 3) + M(x4, y + 2) + M(x5, y + 1) + M(x6, y) + M(fold, h + 6) + (h[5] << 10) + (c >> LimbBits);
        r[6] = c & mask;
        c = M(x0, y + 7) + M(x1, y + 6) + M(x2, y + 5) + M(x3, y + 4) + M(x4, y + 3) + M(x5, y + 2) + M(x6, y + 1) + M(x7, y) + M(fold, h + 7) + (h[6] << 10) + (c >> LimbBits);
        r[7] = c & mask;
        c = M(x0, y + 8) + M(x1, y + 7) + M(x2, y + 6) + M(x3, y + 5) + M(x4, y + 4) + M(x5, y + 3) + M(x6, y + 2) + M(x7, y + 1) + M(x8, y) + M(fold, h + 8) + (h[7] << 10) + (c >> LimbBits);
        r[8] = c & mask;
        c = M(x0, y + 9) + M(x1, y + 8) + M(x2, y + 7) + M(x3, y + 6) + M(x4, y + 5) + M(x5, y + 4) + M(x6, y + 3) + M(x7, y + 2) + M(x8, y + 1) + M(x9, y) + M(fold, h + 9) + (h[8] << 10) + (c >> LimbBits);
        Finish(r, c, h[9], mask);
    }

    /// <summary>Of magnitude 1.</summary>
    [SkipLocalsInit]
    public static void Square(FieldLanes* result, FieldLanes* a)
    {
        byte* space = stackalloc byte[Length + 31];
        Limb* x = (Limb*)a, r = (Limb*)result, h = Aligned(space);
        Limb x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4], x5 = x[5], x6 = x[6], x7 = x[7], x8 = x[8], x9 = x[9];
        Limb mask = Vector256.Create(Mask26);
        Limb s = M(x1, x9) + M(x2, x8) + M(x3, x7) + M(x4, x6), c = s + s + M(x5, x5);
        h[0] = c & mask;
        s = M(x2, x9) + M(x3, x8) + M(x4, x7) + M(x5, x6);
        c = s + s + (c >> LimbBits);
        h[1] = c & mask;
        s = M(x3, x9) + M(x4, x8) + M(x5, x7);
        c = s + s + M(x6, x6) + (c >> LimbBits);
        h[2] = c & mask;
        s = M(x4, x9) + M(x5, x8) + M(x6, x7);
        c = s + s + (c >> LimbBits);
        h[3] = c & mask;
        s = M(x5, x9) + M(x6, x8);
        c = s + s + M(x7, x7) + (c >> LimbBits);
        h[4] = c & mask;
        s = M(x6, x9) + M(x7, x8);
        c = s + s + (c >> LimbBits);
        h[5] = c & mask;
        s = M(x7, x9);
        c = s + s + M(x8, x8) + (c >> LimbBits);
        h[6] = c & mask;
        s = M(x8, x9);
        c = s + s + (c >> LimbBits);
        h[7] = c & mask;
        c = M(x9, x9) + (c >> LimbBits);
        h[8] = c & mask;
        h[9] = c >> LimbBits;

        Limb fold = Vector256.Create(15632UL);
        c = M(x0, x0) + M(fold, h);
        r[0] = c & mask;
        s = M(x0, x1);
        c = s + s + M(fold, h + 1) + (h[0] << 10) + (c >> LimbBits);
        r[1] = c & mask;
        s = M(x0, x2);
        c = s + s + M(x1, x1) + M(fold, h + 2) + (h[1] << 10) + (c >> LimbBits);
        r[2] = c & mask;
        s = M(x0, x3) + M(x1, x2);
        c = s + s + M(fold, h + 3) + (h[2] << 10) + (c >> LimbBits);
        r[3] = c & mask;
        s = M(x0, x4) + M(x1, x3);
        c = s + s + M(x2, x2) + M(fold, h + 4) + (h[3] << 10) + (c >> LimbBits);
        r[4] = c & mask;
        s = M(x0, x5) + M(x1, x4) + M(x2, x3);
        c = s + s + M(fold, h + 5) + (h[4] << 10) + (c >> LimbBits);
        r[5] = c & mask;
        s = M(x0, x6) + M(x1, x5) + M(x2, x4);
        c = s + s + M(x3, x3) + M(fold, h + 6) + (h[5] << 10) + (c >> LimbBits);
        r[6] = c & mask;
        s = M(x0, x7) + M(x1, x6) + M(x2, x5) + M(x3, x4);
        c = s + s + M(fold, h + 7) + (h[6] << 10) + (c >> LimbBits);
        r[7] = c & mask;
        s = M(x0, x8) + M(x1, x7) + M(x2, x6) + M(x3, x5);
        c = s + s + M(x4, x4) + M(fold, h + 8) + (h[7] << 10) + (c >> LimbBits);
        r[8] = c & mask;
        s = M(x0, x9) + M(x1, x8) + M(x2, x7) + M(x3, x6) + M(x4, x5);
        c = s + s + M(fold, h + 9) + (h[8] << 10) + (c >> LimbBits);
        Finish(r, c, h[9], mask);
    }

    /// <summary>Brings the highest column, and what is left above 2^260, down to 256 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(Limb* r, Limb column9, Limb above260, Limb mask)
    {
        // Below 2^43, of which the processor would multiply 32 bits: times 977 = 1024 - 48 + 1.
        Limb above = (column9 >> 22) + (above260 << 14);
        r[9] = column9 & Vector256.Create(Mask22);
        Limb c = r[0] + (above << 10) - (above << 5) - (above << 4) + above;
        r[0] = c & mask;
        c = r[1] + (above << 6) + (c >> LimbBits);
        r[1] = c & mask;
        r[2] += c >> LimbBits;
    }

    /// <summary>The first place in this space, of 31 bytes more than are needed, that no lane shares with two lines of the cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Limb* Aligned(byte* space) => (Limb*)((nuint)(space + 31) & ~(nuint)31);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Limb M(Limb a, Limb* b) => Avx2.Multiply(a.AsUInt32(), Avx.LoadAlignedVector256((uint*)b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Limb M(Limb a, Limb b) => Avx2.Multiply(a.AsUInt32(), b.AsUInt32());
}
