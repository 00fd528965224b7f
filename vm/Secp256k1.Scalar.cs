using System.Numerics;

namespace Optimistic.Vm;

/// <summary>Integers modulo the order n of secp256k1's group, what recovery does with them. For public data only.</summary>
internal static class Scalar
{
    /// <summary>2^256 - n in limbs.</summary>
    private const ulong Fold0 = 0x402D_A173_2FC9_BEBF, Fold1 = 0x4551_2319_50B7_5FC4, Fold2 = 1;

    /// <summary>
    /// An eigenvalue: multiplying a point by lambda multiplies its x by <see cref="Beta"/>, so that a product with 256 bits becomes
    /// two with 128 (Gallant, Lambert and Vanstone, "Faster point multiplication on elliptic curves with efficient endomorphisms",
    /// 2001). Both are cube roots of 1, modulo n and modulo p.
    /// </summary>
    private static readonly UInt256 Lambda = UInt256.Read(Word.Parse("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72"));

    /// <summary>See <see cref="Lambda"/>.</summary>
    public static readonly UInt256 Beta = UInt256.Read(Word.Parse("7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501ee"));

    // Two short vectors (a, b) of the lattice a + b lambda = 0 mod n: (A1, -MinusB1) and (A2, B2 = A1); from the Euclidean algorithm
    // on n and lambda (Guide to Elliptic Curve Cryptography, algorithm 3.74).
    private static readonly BigInteger A1 = Integer("3086d221a7d46bcde86c90e49284eb15"), MinusB1 = Integer("e4437ed6010e88286f547fa90abfe4c3");

    private static readonly UInt256 MinusB1Limbs = Limbs(MinusB1), B2Limbs = Limbs(A1);

    // Multiplying by b / n and rounding, as multiplying by these and dropping 384 bits.
    private static readonly UInt256 Rounding1 = Limbs(Rounded(A1)), Rounding2 = Limbs(Rounded(MinusB1));

    /// <summary>n.</summary>
    public static UInt256 Order => new(0xBFD2_5E8C_D036_4141, 0xBAAE_DCE6_AF48_A03B, 0xFFFF_FFFF_FFFF_FFFE, ulong.MaxValue);

    /// <summary>(n - 1) / 2.</summary>
    public static UInt256 HalfOrder => new(0xDFE9_2F46_681B_20A0, 0x5D57_6E73_57A4_501D, ulong.MaxValue, 0x7FFF_FFFF_FFFF_FFFF);

    /// <summary>From 1 to n - 1.</summary>
    public static bool IsScalar(in UInt256 value) => !value.IsZero && value.CompareTo(Order) < 0;

    public static UInt256 Reduce(in UInt256 value) => value.CompareTo(Order) >= 0 ? value.Subtract(Order) : value;

    public static UInt256 Negate(in UInt256 value) => value.IsZero ? value : Order.Subtract(value);

    public static UInt256 Add(in UInt256 a, in UInt256 b)
    {
        // a - (n - b), and n more when that is negative.
        UInt256 complement = Order.Subtract(b), difference = a.Subtract(complement);
        return a.CompareTo(complement) >= 0 ? difference : Order.Subtract(complement.Subtract(a));
    }

    public static UInt256 Multiply(in UInt256 a, in UInt256 b)
    {
        Span<ulong> product = stackalloc ulong[8];
        Product(a, b, product);

        // 2^256 = 2^256 - n, which has 129 bits: each turn shortens the product by some 127, until there is nothing above.
        ReadOnlySpan<ulong> fold = [Fold0, Fold1, Fold2];
        Span<ulong> high = stackalloc ulong[4];
        while (product[4..].ContainsAnyExcept(0UL))
        {
            product[4..].CopyTo(high);
            product[4..].Clear();
            for (int i = 0; i < 4; i++)
                AddProduct(product[i..], high[i], fold);
        }

        return Reduce(new(product[0], product[1], product[2], product[3]));
    }

    /// <summary>The inverses of integers from 1 to n - 1, at the price of one.</summary>
    public static void Invert(ReadOnlySpan<UInt256> values, Span<UInt256> inverses)
    {
        // inverses[i] is the product of those before i at first.
        var product = new UInt256(1, 0, 0, 0);
        for (int i = 0; i < values.Length; i++)
        {
            inverses[i] = product;
            product = Multiply(product, values[i]);
        }

        UInt256 inverse = ModularInverse.OfOrder(product);
        for (int i = values.Length - 1; i >= 0; i--)
        {
            inverses[i] = Multiply(inverse, inverses[i]);
            inverse = Multiply(inverse, values[i]);
        }
    }

    /// <summary>k = k1 + k2 lambda, both with at most 129 bits but for their signs.</summary>
    public static void Split(in UInt256 k, out UInt256 k1, out bool isNegative1, out UInt256 k2, out bool isNegative2)
    {
        UInt256 c1 = MultiplyAndDrop(k, Rounding1), c2 = MultiplyAndDrop(k, Rounding2);
        k2 = Add(Multiply(c1, MinusB1Limbs), Negate(Multiply(c2, B2Limbs)));
        k1 = Add(k, Negate(Multiply(k2, Lambda)));
        isNegative1 = k1.CompareTo(HalfOrder) > 0;
        isNegative2 = k2.CompareTo(HalfOrder) > 0;
        if (isNegative1)
            k1 = Negate(k1);
        if (isNegative2)
            k2 = Negate(k2);
    }

    /// <summary>a b / 2^384, rounded.</summary>
    private static UInt256 MultiplyAndDrop(in UInt256 a, in UInt256 b)
    {
        Span<ulong> product = stackalloc ulong[9];
        Product(a, b, product);
        AddProduct(product[5..], 1UL << 63, [1]);
        return new(product[6], product[7], 0, 0);
    }

    private static void Product(in UInt256 a, in UInt256 b, Span<ulong> product)
    {
        product.Clear();
        ReadOnlySpan<ulong> factor = [b.Limb0, b.Limb1, b.Limb2, b.Limb3];
        AddProduct(product, a.Limb0, factor);
        AddProduct(product[1..], a.Limb1, factor);
        AddProduct(product[2..], a.Limb2, factor);
        AddProduct(product[3..], a.Limb3, factor);
    }

    /// <summary>Adds a multiple; the sum has room for the carry.</summary>
    private static void AddProduct(Span<ulong> sum, ulong times, ReadOnlySpan<ulong> limbs)
    {
        ulong carry = 0;
        for (int i = 0; i < limbs.Length; i++)
        {
            UInt128 t = Math.BigMul(times, limbs[i]) + (UInt128)sum[i] + carry;
            sum[i] = (ulong)t;
            carry = (ulong)(t >> 64);
        }

        for (int i = limbs.Length; carry != 0; i++)
        {
            sum[i] += carry;
            carry = sum[i] < carry ? 1UL : 0UL;
        }
    }

    private static BigInteger Rounded(BigInteger b)
    {
        BigInteger order = new(ToWord(Order), isUnsigned: true, isBigEndian: true);
        return ((b << 385) + order) / (2 * order);
    }

    private static byte[] ToWord(in UInt256 value)
    {
        byte[] bytes = new byte[Word.Length];
        value.Write(bytes);
        return bytes;
    }

    private static BigInteger Integer(string digits) => new(Convert.FromHexString(digits), isUnsigned: true, isBigEndian: true);

    private static UInt256 Limbs(BigInteger value)
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        byte[] digits = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        bytes.Clear();
        digits.CopyTo(bytes[(Word.Length - digits.Length)..]);
        return UInt256.Read(new Word(bytes));
    }
}
