using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Org.BouncyCastle.Asn1.X9;
using Org.BouncyCastle.Crypto.EC;
using Org.BouncyCastle.Math.EC;

namespace Optimistic.Vm.Tests;

/// <summary>Recovery of signers, and the arithmetic below it, against BouncyCastle's curve and .NET's integers.</summary>
public sealed class SignatureRecoveryTests
{
    private static readonly X9ECParameters Curve = CustomNamedCurves.GetByName("secp256k1");

    private static readonly BigInteger Prime = (BigInteger.One << 256) - (BigInteger.One << 32) - 977;

    private static readonly BigInteger Order = BigInteger.Parse("0fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", System.Globalization.NumberStyles.HexNumber, null);

    // Where reductions, carries and signs change.
    private static readonly BigInteger[] Edges =
    [
        0, 1, 2, 3, Order - 1, Order, Order + 1, Order / 2, Order / 2 + 1, Prime - 1, Prime, Prime + 1, (BigInteger.One << 256) - 1,
        BigInteger.One << 52, (BigInteger.One << 52) - 1, (BigInteger.One << 128) - 1, BigInteger.One << 128, (BigInteger.One << 255) - 1,
        (BigInteger.One << 32) + 976, (BigInteger.One << 32) + 977, (BigInteger.One << 208) - 1, (BigInteger.One << 64) - 1,
    ];

    public static Arbitrary<BigInteger> Integers() =>
        Gen.OneOf(Gen.Elements(Edges), ArbMap.Default.GeneratorFor<byte>().ArrayOf(32).Select(bytes => new BigInteger(bytes, isUnsigned: true))).ToArbitrary();

    [Property(MaxTest = 300, Arbitrary = [typeof(SignatureRecoveryTests)])]
    public void Field_arithmetic_is_that_of_integers(BigInteger a, BigInteger b)
    {
        FieldElement x = FieldElement.FromUInt256(Limbs(a)), y = FieldElement.FromUInt256(Limbs(b));

        Assert.Equal(a * b % Prime, Integer((x * y).ToUInt256()));
        Assert.Equal(a * a % Prime, Integer(x.Square().ToUInt256()));
        Assert.Equal((a + b) % Prime, Integer((x + y).ToUInt256()));
        Assert.Equal(Modulo(a - b, Prime), Integer((x + y.Negate(1)).ToUInt256()));
        Assert.Equal(Modulo(-a, Prime), Integer(x.Negate(1).ToUInt256()));

        // Factors of magnitude 12, the largest there is.
        FieldElement large = x.Negate(1) * 6, other = y.Negate(1) * 6;
        Assert.Equal(Modulo(36 * a * b, Prime), Integer((large * other).ToUInt256()));
        Assert.Equal(Modulo(36 * a * a, Prime), Integer(large.Square().ToUInt256()));
        Assert.Equal(Modulo(-6 * a, Prime), Integer(large.ToUInt256()));
        Assert.Equal(Modulo(-6 * a, Prime), Integer((large.Half() + large.Half()).ToUInt256()));
        Assert.Equal(a % Prime == 0, x.IsZero);
    }

    [Property(MaxTest = 300, Arbitrary = [typeof(SignatureRecoveryTests)])]
    public void Inverses_and_roots_are_those_of_integers(BigInteger a)
    {
        Assert.Equal(BigInteger.ModPow(a, Prime - 2, Prime), Integer(FieldElement.FromUInt256(Limbs(a)).Invert().ToUInt256()));
        Assert.Equal(BigInteger.ModPow(a, Order - 2, Order), Integer(ModularInverse.OfOrder(Limbs(a % Order))));

        bool isSquare = a % Prime == 0 || BigInteger.ModPow(a, (Prime - 1) / 2, Prime).IsOne;
        Assert.Equal(isSquare, FieldElement.FromUInt256(Limbs(a)).TrySquareRoot(out FieldElement root));
        if (isSquare)
            Assert.Equal(a % Prime, BigInteger.ModPow(Integer(root.ToUInt256()), 2, Prime));
    }

    [Property(MaxTest = 300, Arbitrary = [typeof(SignatureRecoveryTests)])]
    public void Scalars_are_integers_modulo_the_order(BigInteger a, BigInteger b)
    {
        (a, b) = (a % Order, b % Order);
        UInt256 x = Limbs(a), y = Limbs(b);
        Assert.Equal(a * b % Order, Integer(Scalar.Multiply(x, y)));
        Assert.Equal((a + b) % Order, Integer(Scalar.Add(x, y)));
        Assert.Equal(Modulo(-a, Order), Integer(Scalar.Negate(x)));

        Scalar.Split(x, out UInt256 k1, out bool isNegative1, out UInt256 k2, out bool isNegative2);
        BigInteger lambda = BigInteger.Parse("05363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72", System.Globalization.NumberStyles.HexNumber, null);
        BigInteger first = isNegative1 ? -Integer(k1) : Integer(k1), second = isNegative2 ? -Integer(k2) : Integer(k2);
        Assert.Equal(a, Modulo(first + second * lambda, Order));
        Assert.True(Integer(k1) >> 129 == 0 && Integer(k2) >> 129 == 0);
    }

    /// <summary>Any r and s, most of which nobody has signed with; the edges too.</summary>
    [Property(MaxTest = 200, Arbitrary = [typeof(SignatureRecoveryTests)])]
    public void Any_signature_has_the_signer_that_BouncyCastle_finds(BigInteger digest, BigInteger r, BigInteger s, bool isOdd) =>
        Check(digest, isOdd ? (byte)28 : (byte)27, r, s);

    [Fact]
    public void All_edges_have_the_signers_that_BouncyCastle_finds()
    {
        foreach (BigInteger r in Edges)
        {
            foreach (BigInteger s in Edges)
            {
                Check(r * 7 % (BigInteger.One << 256), 27, r, s);
                Check(0, 28, r, s);
            }
        }

        foreach (byte v in new byte[] { 0, 1, 26, 29, 255 })
            Check(1, v, 1, 1);
    }

    /// <summary>
    /// With R = k G chosen, the sum u1 G + u2 R can be made to be anything: infinity, or a sum whose operands meet, are equal or are
    /// opposite on the way.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(1023)]
    public void Sums_that_meet_themselves_are_right(int k)
    {
        Org.BouncyCastle.Math.EC.ECPoint point = Curve.G.Multiply(Org.BouncyCastle.Math.BigInteger.ValueOf(k)).Normalize();
        BigInteger r = new(point.AffineXCoord.GetEncoded(), isUnsigned: true, isBigEndian: true);
        byte v = point.AffineYCoord.TestBitZero() ? (byte)28 : (byte)27;

        // Q = (s k - z) / r G
        for (int sum = -3; sum <= 3; sum++)
        {
            for (int s = 1; s <= 4; s++)
                Check(Modulo(s * k - sum * r, Order), v, r, s);
        }

        Assert.False(Secp256k1.TryRecover(ToWord(Modulo(5 * k, Order)), v, ToWord(r), ToWord(5), out _));
    }

    private static void Check(BigInteger digest, byte v, BigInteger r, BigInteger s)
    {
        Address? expected = RecoverByBouncyCastle(digest, v, r, s);
        bool recovered = Secp256k1.TryRecover(ToWord(digest), v, ToWord(r), ToWord(s), out Address signer);
        Assert.Equal(expected, recovered ? signer : null);

        // And in each of four lanes, beside one that is as good as any.
        var signature = new SignedDigest(ToWord(digest), v, ToWord(r), ToWord(s));
        for (int lane = 0; lane < 4; lane++)
        {
            var signers = new Address?[4];
            Secp256k1.Recover([.. Enumerable.Range(0, 4).Select(i => i == lane ? signature : Ordinary)], signers);
            Assert.Equal(Enumerable.Range(0, 4).Select(i => i == lane ? expected : OrdinarySigner), signers);
        }
    }

    [Property(MaxTest = 300, Arbitrary = [typeof(SignatureRecoveryTests)])]
    public unsafe void Lanes_compute_as_integers_do(BigInteger a0, BigInteger a1, BigInteger a2, BigInteger a3, BigInteger b)
    {
        if (!FieldLanes.IsSupported)
            return;

        BigInteger[] a = [a0, a1, a2, a3];
        var places = (FieldLanes*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc(8 * FieldLanes.Length, 32);
        FieldLanes* x = places, y = places + 1, large = places + 2, other = places + 3, t = places + 4;
        for (int lane = 0; lane < FieldLanes.Width; lane++)
            FieldLanes.Set(x, lane, FieldElement.FromUInt256(Limbs(a[lane])));
        FieldLanes.SetAll(y, FieldElement.FromUInt256(Limbs(b)));

        FieldLanes.Multiply(t, x, y);
        Check(lane => a[lane] * b);
        FieldLanes.Square(t, x);
        Check(lane => a[lane] * a[lane]);
        FieldLanes.ThreeHalves(t, t);
        FieldLanes.Add(t, t, t);
        Check(lane => 3 * a[lane] * a[lane]);
        FieldLanes.Add(t, x, y);
        Check(lane => a[lane] + b);
        FieldLanes.Subtract(t, x, y, 1);
        Check(lane => a[lane] - b);

        // Factors of magnitude 8, the largest there is.
        FieldLanes.Negate(large, x, 1);
        FieldLanes.Add(large, large, large);
        FieldLanes.Add(large, large, large);
        FieldLanes.Negate(other, y, 7);
        FieldLanes.Multiply(t, large, other);
        Check(lane => 4 * a[lane] * b);
        FieldLanes.Square(t, large);
        Check(lane => 16 * a[lane] * a[lane]);
        FieldLanes.Reduce(t, large);
        Check(lane => -4 * a[lane]);
        FieldLanes.Square(other, t);
        FieldLanes.Multiply(t, other, large);
        Check(lane => BigInteger.Pow(-4 * a[lane], 3));

        var mask = System.Runtime.Intrinsics.Vector256.Create(0UL, ulong.MaxValue, 0, ulong.MaxValue);
        FieldLanes.Select(t, mask, x, y);
        Check(lane => lane % 2 == 1 ? a[lane] : b);
        System.Runtime.InteropServices.NativeMemory.AlignedFree(places);

        void Check(Func<int, BigInteger> expected)
        {
            for (int lane = 0; lane < FieldLanes.Width; lane++)
                Assert.Equal(Modulo(expected(lane), Prime), Integer(FieldLanes.Get(t, lane).ToUInt256()));
        }
    }

    /// <summary>All lengths around those of lanes and groups, good signatures and bad.</summary>
    [Fact]
    public void Many_signatures_have_the_signers_that_each_has_alone()
    {
        const int Seed = 7, Most = 70;
        var random = new Random(Seed);
        SignedDigest[] signatures = [.. Enumerable.Range(0, Most).Select(_ => RandomSignature(random))];
        Address?[] expected = [.. signatures.Select(one => Secp256k1.TryRecover(one.Digest, one.V, one.R, one.S, out Address signer) ? signer : (Address?)null)];
        Assert.InRange(expected.Count(signer => signer is null), 1, Most / 2);
        for (int length = 0; length <= Most; length++)
        {
            var signers = new Address?[length];
            Secp256k1.Recover(signatures.AsSpan(0, length), signers);
            Assert.Equal(expected[..length], signers);
        }

        Assert.Throws<ArgumentException>(() => Secp256k1.Recover(signatures, new Address?[Most - 1]));
    }

    private static SignedDigest RandomSignature(Random random)
    {
        byte[] bytes = new byte[Word.Length];
        random.NextBytes(bytes);
        var digest = new Word(bytes);
        Signature signature = Secp256k1.Sign(digest, Word.FromUInt64((ulong)random.Next(1, 100)));
        var good = new SignedDigest(digest, signature.V, signature.R, signature.S);
        return random.Next(8) switch
        {
            0 => good with { R = digest }, // every second one is no x
            1 => good with { S = Word.Zero },
            2 => good with { V = 29 },
            3 => good with { S = ToWord(Order - Integer(UInt256.Read(signature.S))), V = (byte)(55 - signature.V) },
            _ => good,
        };
    }

    private static readonly SignedDigest Ordinary = RandomOrdinary();

    private static readonly Address OrdinarySigner = Secp256k1.AddressOf(Word.FromUInt64(5));

    private static SignedDigest RandomOrdinary()
    {
        Signature signature = Secp256k1.Sign(Word.FromUInt64(17), Word.FromUInt64(5));
        return new SignedDigest(Word.FromUInt64(17), signature.V, signature.R, signature.S);
    }

    /// <summary>SEC 1, section 4.1.6, with recovery ids 0 and 1.</summary>
    private static Address? RecoverByBouncyCastle(BigInteger digest, byte v, BigInteger r, BigInteger s)
    {
        if (v is not (27 or 28) || r <= 0 || r >= Order || s <= 0 || s >= Order)
            return null;

        ECFieldElement x = Curve.Curve.FromBigInteger(Convert(r));
        ECFieldElement? y = x.Square().Multiply(x).Add(Curve.Curve.B).Sqrt();
        if (y is null)
            return null;

        Org.BouncyCastle.Math.EC.ECPoint point = Curve.Curve.CreatePoint(Convert(r), (y.TestBitZero() == (v == 28) ? y : y.Negate()).ToBigInteger());
        BigInteger inverse = BigInteger.ModPow(r, Order - 2, Order);
        Org.BouncyCastle.Math.EC.ECPoint key = Curve.G.Multiply(Convert(Modulo(-digest * inverse, Order))).Add(point.Multiply(Convert(s * inverse % Order))).Normalize();
        return key.IsInfinity ? null : Address.FromWord(Keccak.Hash(key.GetEncoded(false).AsSpan(1)));
    }

    private static Org.BouncyCastle.Math.BigInteger Convert(BigInteger value) => new(value.ToString(System.Globalization.CultureInfo.InvariantCulture));

    private static BigInteger Modulo(BigInteger value, BigInteger modulus) => ((value % modulus) + modulus) % modulus;

    private static Word ToWord(BigInteger value)
    {
        byte[] bytes = new byte[Word.Length], digits = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        digits.CopyTo(bytes, Word.Length - digits.Length);
        return new Word(bytes);
    }

    private static UInt256 Limbs(BigInteger value) => UInt256.Read(ToWord(value));

    private static BigInteger Integer(UInt256 value)
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        value.Write(bytes);
        return new BigInteger(bytes, isUnsigned: true, isBigEndian: true);
    }
}
