using System.Numerics;
using System.Runtime.CompilerServices;

namespace Optimistic.Vm;

/// <summary>
/// Inverses modulo the two primes of secp256k1, by division steps on the low bits (Bernstein and Yang, "Fast constant-time gcd
/// computation and modular inversion", 2019), 62 at a time, in the variable-time form: for public data only.
/// </summary>
/// <remarks>
/// Integers are five limbs of 62 bits with the sign in the highest. f and g start as the modulus and the value; steps make g zero
/// and f plus or minus one, and the same steps on d and e, which start as 0 and 1, keep d x value = f and e x value = g.
/// </remarks>
internal static class ModularInverse
{
    private const int StepsAtATime = 62;

    private const ulong Mask62 = (1UL << 62) - 1;

    private static readonly Modulus Field = new(FieldElement.Prime), Order = new(Scalar.Order);

    /// <summary>The inverse of an integer below p modulo p; 0 for 0.</summary>
    public static UInt256 OfPrime(in UInt256 value) => Invert(value, Field);

    /// <summary>The inverse of an integer below the group order modulo that order; 0 for 0.</summary>
    public static UInt256 OfOrder(in UInt256 value) => Invert(value, Order);

    private static UInt256 Invert(in UInt256 value, in Modulus modulus)
    {
        Limbs d = default, e = new(1), f = modulus.Value, g = new(value);

        // d, which ends as the inverse with the sign of f.
        long eta = -1;
        while (!g.IsZero)
        {
            Matrix matrix = Steps(ref eta, (ulong)f.Limb0, (ulong)g.Limb0);
            UpdateMultiples(ref d, ref e, matrix, modulus);
            Update(ref f, ref g, matrix);
        }

        return d.Normalize(f.IsNegative, modulus.Value);
    }

    /// <summary>62 division steps on the low bits of f and g: what they multiply (f, g) by, times 2^62.</summary>
    private static Matrix Steps(ref long eta, ulong f, ulong g)
    {
        ulong u = 1, v = 0, q = 0, r = 1;
        int left = StepsAtATime;
        while (true)
        {
            // Even g is halved; the ones put in from above end the count at what is left.
            int zeros = BitOperations.TrailingZeroCount(g | (ulong.MaxValue << left));
            g >>= zeros;
            u <<= zeros;
            v <<= zeros;
            eta -= zeros;
            left -= zeros;
            if (left == 0)
                return new((long)u, (long)v, (long)q, (long)r);

            if (eta < 0)
            {
                eta = -eta;
                (f, g) = (g, 0 - f);
                (u, q) = (q, 0 - u);
                (v, r) = (r, 0 - v);
            }

            // A multiple of f that clears several low bits of g: as many as there are steps before f and g change places, and as
            // -1 / f is right modulo 64, at most six.
            int clear = (int)Math.Min(Math.Min(eta + 1, left), 6);
            ulong w = f * ((f * f) - 2) * g & ((1UL << clear) - 1);
            g += f * w;
            q += u * w;
            r += v * w;
        }
    }

    /// <summary>(f, g) := matrix (f, g) / 2^62, without rest.</summary>
    private static void Update(ref Limbs f, ref Limbs g, in Matrix matrix)
    {
        Int128 cf = Product(matrix.U, f.Limb0) + Product(matrix.V, g.Limb0), cg = Product(matrix.Q, f.Limb0) + Product(matrix.R, g.Limb0);
        cf >>= StepsAtATime;
        cg >>= StepsAtATime;
        Limbs oldF = f, oldG = g;
        f.Limb0 = Next(ref cf, matrix.U, oldF.Limb1, matrix.V, oldG.Limb1);
        g.Limb0 = Next(ref cg, matrix.Q, oldF.Limb1, matrix.R, oldG.Limb1);
        f.Limb1 = Next(ref cf, matrix.U, oldF.Limb2, matrix.V, oldG.Limb2);
        g.Limb1 = Next(ref cg, matrix.Q, oldF.Limb2, matrix.R, oldG.Limb2);
        f.Limb2 = Next(ref cf, matrix.U, oldF.Limb3, matrix.V, oldG.Limb3);
        g.Limb2 = Next(ref cg, matrix.Q, oldF.Limb3, matrix.R, oldG.Limb3);
        f.Limb3 = Next(ref cf, matrix.U, oldF.Limb4, matrix.V, oldG.Limb4);
        g.Limb3 = Next(ref cg, matrix.Q, oldF.Limb4, matrix.R, oldG.Limb4);
        f.Limb4 = (long)cf;
        g.Limb4 = (long)cg;
    }

    /// <summary>(d, e) := matrix (d, e) / 2^62 modulo the modulus; both stay between minus two times the modulus and the modulus.</summary>
    private static void UpdateMultiples(ref Limbs d, ref Limbs e, in Matrix matrix, in Modulus modulus)
    {
        // Multiples of the modulus: one more for each negative one of d and e, and then what makes the low 62 bits zero.
        Limbs m = modulus.Value, oldD = d, oldE = e;
        long signD = d.Limb4 >> 63, signE = e.Limb4 >> 63;
        long md = (matrix.U & signD) + (matrix.V & signE), me = (matrix.Q & signD) + (matrix.R & signE);
        Int128 cd = Product(matrix.U, d.Limb0) + Product(matrix.V, e.Limb0), ce = Product(matrix.Q, d.Limb0) + Product(matrix.R, e.Limb0);
        md -= (long)((modulus.Inverse * (ulong)cd + (ulong)md) & Mask62);
        me -= (long)((modulus.Inverse * (ulong)ce + (ulong)me) & Mask62);
        cd = (cd + Product(m.Limb0, md)) >> StepsAtATime;
        ce = (ce + Product(m.Limb0, me)) >> StepsAtATime;
        cd += Product(m.Limb1, md);
        ce += Product(m.Limb1, me);
        d.Limb0 = Next(ref cd, matrix.U, oldD.Limb1, matrix.V, oldE.Limb1);
        e.Limb0 = Next(ref ce, matrix.Q, oldD.Limb1, matrix.R, oldE.Limb1);
        cd += Product(m.Limb2, md);
        ce += Product(m.Limb2, me);
        d.Limb1 = Next(ref cd, matrix.U, oldD.Limb2, matrix.V, oldE.Limb2);
        e.Limb1 = Next(ref ce, matrix.Q, oldD.Limb2, matrix.R, oldE.Limb2);
        cd += Product(m.Limb3, md);
        ce += Product(m.Limb3, me);
        d.Limb2 = Next(ref cd, matrix.U, oldD.Limb3, matrix.V, oldE.Limb3);
        e.Limb2 = Next(ref ce, matrix.Q, oldD.Limb3, matrix.R, oldE.Limb3);
        cd += Product(m.Limb4, md);
        ce += Product(m.Limb4, me);
        d.Limb3 = Next(ref cd, matrix.U, oldD.Limb4, matrix.V, oldE.Limb4);
        e.Limb3 = Next(ref ce, matrix.Q, oldD.Limb4, matrix.R, oldE.Limb4);
        d.Limb4 = (long)cd;
        e.Limb4 = (long)ce;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long Next(ref Int128 carry, long a, long x, long b, long y)
    {
        carry += Product(a, x) + Product(b, y);
        long limb = (long)((ulong)carry & Mask62);
        carry >>= StepsAtATime;
        return limb;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Int128 Product(long a, long b) => Math.BigMul(a, b);

    private readonly record struct Matrix(long U, long V, long Q, long R);

    private readonly struct Modulus(UInt256 value)
    {
        public Limbs Value { get; } = new(value);

        /// <summary>1 / value modulo 2^62; each Newton step doubles the bits that are right, three at first.</summary>
        public ulong Inverse { get; } = Enumerable.Range(0, 5).Aggregate(value.Limb0, (inverse, _) => inverse * (2 - (value.Limb0 * inverse))) & Mask62;
    }

    private struct Limbs
    {
        public long Limb0, Limb1, Limb2, Limb3, Limb4;

        public Limbs(long small) => Limb0 = small;

        public Limbs(in UInt256 value)
        {
            Limb0 = (long)(value.Limb0 & Mask62);
            Limb1 = (long)(((value.Limb0 >> 62) | (value.Limb1 << 2)) & Mask62);
            Limb2 = (long)(((value.Limb1 >> 60) | (value.Limb2 << 4)) & Mask62);
            Limb3 = (long)(((value.Limb2 >> 58) | (value.Limb3 << 6)) & Mask62);
            Limb4 = (long)(value.Limb3 >> 56);
        }

        public readonly bool IsZero => (Limb0 | Limb1 | Limb2 | Limb3 | Limb4) == 0;

        public readonly bool IsNegative => Limb4 < 0;

        /// <summary>This, negated if so asked, brought from between minus two moduli and one to the range from 0.</summary>
        public readonly UInt256 Normalize(bool negate, in Limbs modulus)
        {
            Limbs result = this;
            if (result.IsNegative)
                result = result.Plus(modulus, 1);
            if (negate)
                result = default(Limbs).Plus(result, -1);
            if (result.IsNegative)
                result = result.Plus(modulus, 1);
            return new(
                (ulong)result.Limb0 | (ulong)result.Limb1 << 62,
                (ulong)result.Limb1 >> 2 | (ulong)result.Limb2 << 60,
                (ulong)result.Limb2 >> 4 | (ulong)result.Limb3 << 58,
                (ulong)result.Limb3 >> 6 | (ulong)result.Limb4 << 56);
        }

        private readonly Limbs Plus(in Limbs other, long sign)
        {
            Limbs sum = default;
            long carry = Limb0 + (sign * other.Limb0);
            sum.Limb0 = carry & (long)Mask62;
            carry = (carry >> StepsAtATime) + Limb1 + (sign * other.Limb1);
            sum.Limb1 = carry & (long)Mask62;
            carry = (carry >> StepsAtATime) + Limb2 + (sign * other.Limb2);
            sum.Limb2 = carry & (long)Mask62;
            carry = (carry >> StepsAtATime) + Limb3 + (sign * other.Limb3);
            sum.Limb3 = carry & (long)Mask62;
            sum.Limb4 = (carry >> StepsAtATime) + Limb4 + (sign * other.Limb4);
            return sum;
        }
    }
}
