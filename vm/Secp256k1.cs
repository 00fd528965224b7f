using Org.BouncyCastle.Asn1.X9;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.EC;
using Org.BouncyCastle.Crypto.Signers;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Math.EC;
using Org.BouncyCastle.Math.EC.Multiplier;

namespace Optimistic.Vm;

/// <summary>A recoverable ECDSA signature over secp256k1. <paramref name="YParity"/> is 0 or 1.</summary>
public readonly record struct Signature(Word R, Word S, byte YParity)
{
    /// <summary>r ‖ s ‖ v with v = 27 + parity: the 65 bytes that wallets and contracts exchange.</summary>
    public const int Length = 65;

    /// <summary>27 + parity, as ecrecover takes it.</summary>
    public byte V => (byte)(27 + YParity);

    public byte[] ToArray()
    {
        byte[] bytes = new byte[Length];
        R.CopyTo(bytes);
        S.CopyTo(bytes.AsSpan(Word.Length));
        bytes[^1] = V;
        return bytes;
    }
}

/// <summary>A digest with the signature that is to tell its signer; v is 27 or 28 where it can.</summary>
public readonly record struct SignedDigest(Word Digest, byte V, Word R, Word S)
{
    /// <summary>Whether v, r and s are within what ecrecover takes.</summary>
    internal bool IsInRange => V is 27 or 28 && Scalar.IsScalar(UInt256.Read(R)) && Scalar.IsScalar(UInt256.Read(S));
}

/// <summary>
/// Signing and signer recovery on the curve of Ethereum (SEC 2, section 2.4.1). Recovery accepts and refuses exactly what
/// the EVM's ecrecover precompile does, so that the same bytes have the same signer on both sides.
/// </summary>
public static class Secp256k1
{
    private static readonly X9ECParameters Curve = CustomNamedCurves.GetByName("secp256k1");
    private static readonly BigInteger HalfOrder = Curve.N.ShiftRight(1);

    /// <summary>Bits of a signed digit: of multiples that are made once, and for each point.</summary>
    private const int GeneratorWindow = 10, PointWindow = 5;

    /// <summary>Digits of a number of 129 bits, and the carry.</summary>
    private const int MaxDigits = 130;

    /// <summary>Odd multiples of the generator G, and of 2^128 G.</summary>
    private static readonly AffinePoint[] GeneratorMultiples = AffinePoint.Generator.OddMultiples(1 << (GeneratorWindow - 2)), HighGeneratorMultiples = AffinePoint.Generator.TimesPowerOfTwo(128).OddMultiples(1 << (GeneratorWindow - 2));

    /// <summary>Whether these 32 bytes are a private key: an integer from 1 to the group order − 1.</summary>
    public static bool IsPrivateKey(Word key) => IsScalar(ToInteger(key));

    /// <summary>Whether s is at most half the group order (EIP-2): of a signature and its mirror, one alone has it.</summary>
    public static bool IsLowS(Word s) => UInt256.Read(s).CompareTo(Scalar.HalfOrder) <= 0;

    /// <summary>The address whose private key this is.</summary>
    /// <exception cref="ArgumentException">Not a private key.</exception>
    public static Address AddressOf(Word privateKey) =>
        AddressOf(new FixedPointCombMultiplier().Multiply(Curve.G, KeyOf(privateKey)));

    /// <summary>Signs a 32-byte digest with the deterministic nonce of RFC 6979 (HMAC-SHA-256) and low s (EIP-2).</summary>
    /// <exception cref="ArgumentException">Not a private key.</exception>
    public static Signature Sign(Word digest, Word privateKey)
    {
        BigInteger d = KeyOf(privateKey);
        BigInteger z = ToInteger(digest);
        HMacDsaKCalculator nonces = new(new Sha256Digest());
        nonces.Init(Curve.N, d, digest.ToArray());
        while (true)
        {
            BigInteger k = nonces.NextK();
            ECPoint point = new FixedPointCombMultiplier().Multiply(Curve.G, k).Normalize();
            BigInteger r = point.AffineXCoord.ToBigInteger();
            BigInteger s = k.ModInverse(Curve.N).Multiply(z.Add(d.Multiply(r))).Mod(Curve.N);
            // An x at or above the order would need recovery ids 2 and 3, which the EVM does not have.
            if (!IsScalar(r) || s.SignValue == 0)
                continue;

            bool odd = point.AffineYCoord.ToBigInteger().TestBit(0);
            if (s.CompareTo(HalfOrder) > 0)
            {
                s = Curve.N.Subtract(s);
                odd = !odd;
            }

            return new Signature(ToWord(r), ToWord(s), odd ? (byte)1 : (byte)0);
        }
    }

    /// <summary>
    /// The signer of a digest, as the ecrecover precompile finds it (Yellow Paper, appendix E): v is 27 or 28, r and s are
    /// 1 … order − 1, high s is accepted. False where the precompile returns nothing.
    /// </summary>
    /// <remarks>All of it is public, so the time that this takes may depend on it, and does.</remarks>
    public static bool TryRecover(Word digest, byte v, Word r, Word s, out Address signer)
    {
        signer = default;
        UInt256 ri = UInt256.Read(r), si = UInt256.Read(s);
        if (v is not (27 or 28) || !Scalar.IsScalar(ri) || !Scalar.IsScalar(si) || !AffinePoint.TryLift(FieldElement.FromUInt256(ri), v == 28, out AffinePoint point))
            return false;

        UInt256 inverse = ModularInverse.OfOrder(ri);
        UInt256 u1 = Scalar.Multiply(Scalar.Negate(Scalar.Reduce(UInt256.Read(digest))), inverse), u2 = Scalar.Multiply(si, inverse);
        JacobianPoint key = SumOfTwoMultiples(u1, point, u2);
        if (key.IsInfinity)
            return false;

        AffinePoint publicKey = key.ToAffine(key.Z.Invert());
        Span<byte> coordinates = stackalloc byte[2 * Word.Length];
        publicKey.X.ToUInt256().Write(coordinates);
        publicKey.Y.ToUInt256().Write(coordinates[Word.Length..]);
        signer = Address.FromWord(Keccak.Hash(coordinates));
        return true;
    }

    /// <summary>The signer of a digest; see the other overload.</summary>
    public static bool TryRecover(Word digest, Signature signature, out Address signer) =>
        TryRecover(digest, signature.V, signature.R, signature.S, out signer);

    /// <summary>The signers of many digests, each as <see cref="TryRecover(Word, byte, Word, Word, out Address)"/> finds it, in a third of the time; null where there is none.</summary>
    /// <exception cref="ArgumentException">There is not one place for each signer.</exception>
    public static void Recover(ReadOnlySpan<SignedDigest> signatures, Span<Address?> signers)
    {
        if (signers.Length != signatures.Length)
            throw new ArgumentException($"There are {signers.Length} places for the signers of {signatures.Length} digests.", nameof(signers));

        int done = 0;
        for (; FieldLanes.IsSupported && signatures.Length - done >= FieldLanes.Width; done += RecoveryLanes.GroupLength)
        {
            int end = Math.Min(done + RecoveryLanes.GroupLength, signatures.Length);
            RecoveryLanes.Recover(signatures[done..end], signers[done..end]);
        }

        for (; done < signatures.Length; done++)
        {
            SignedDigest one = signatures[done];
            signers[done] = TryRecover(one.Digest, one.V, one.R, one.S, out Address signer) ? signer : null;
        }
    }

    /// <summary>
    /// u1 G + u2 <paramref name="point"/>: four multiples of 128 bits added up along one chain of doublings (Strauss), with signed
    /// digits (wNAF). u1 is cut in two, with a table for each half; u2 is split by the curve's endomorphism.
    /// </summary>
    private static JacobianPoint SumOfTwoMultiples(in UInt256 u1, in AffinePoint point, in UInt256 u2)
    {
        Scalar.Split(u2, out UInt256 k1, out bool isNegative1, out UInt256 k2, out bool isNegative2);
        AffinePoint[] multiples = point.OddMultiples(1 << (PointWindow - 2)), turned = new AffinePoint[multiples.Length];
        FieldElement beta = FieldElement.FromUInt256(Scalar.Beta);
        for (int i = 0; i < multiples.Length; i++)
            turned[i] = new AffinePoint(multiples[i].X * beta, multiples[i].Y);

        Span<short> digits = stackalloc short[4 * MaxDigits];
        Span<short> low = digits[..MaxDigits], high = digits[MaxDigits..(2 * MaxDigits)], first = digits[(2 * MaxDigits)..(3 * MaxDigits)], second = digits[(3 * MaxDigits)..];
        digits.Clear();
        SignedDigits(new(u1.Limb0, u1.Limb1, 0, 0), GeneratorWindow, false, low);
        SignedDigits(new(u1.Limb2, u1.Limb3, 0, 0), GeneratorWindow, false, high);
        SignedDigits(k1, PointWindow, isNegative1, first);
        SignedDigits(k2, PointWindow, isNegative2, second);

        JacobianPoint sum = JacobianPoint.Infinity;
        for (int bit = MaxDigits - 1; bit >= 0; bit--)
        {
            sum = sum.Double();
            AddMultiple(ref sum, low[bit], GeneratorMultiples);
            AddMultiple(ref sum, high[bit], HighGeneratorMultiples);
            AddMultiple(ref sum, first[bit], multiples);
            AddMultiple(ref sum, second[bit], turned);
        }

        return sum;
    }

    private static void AddMultiple(ref JacobianPoint sum, int digit, AffinePoint[] oddMultiples)
    {
        if (digit > 0)
            sum = sum.Add(oddMultiples[digit / 2]);
        else if (digit < 0)
            sum = sum.Add(oddMultiples[-digit / 2].Negate());
    }

    /// <summary>
    /// Digits, the lowest first, that add up to <paramref name="value"/> of at most 129 bits, or to its negative: odd, below
    /// 2^(<paramref name="window"/> - 1) in size, with at least window - 1 zeros between any two.
    /// </summary>
    private static void SignedDigits(in UInt256 value, int window, bool negate, Span<short> digits)
    {
        uint carry = 0;
        for (int bit = 0; bit < digits.Length;)
        {
            if (((uint)value.Bits(bit) & 1) == carry)
            {
                bit++;
                continue;
            }

            int digit = (int)(((uint)value.Bits(bit) & ((1u << window) - 1)) + carry);
            carry = (uint)digit >> (window - 1);
            digit -= (int)(carry << window);
            digits[bit] = (short)(negate ? -digit : digit);
            bit += window;
        }
    }

    private static Address AddressOf(ECPoint publicKey)
    {
        Span<byte> uncompressed = stackalloc byte[65];
        publicKey.Normalize().EncodeTo(compressed: false, uncompressed);
        return Address.FromWord(Keccak.Hash(uncompressed[1..]));
    }

    private static bool IsScalar(BigInteger value) => value.SignValue > 0 && value.CompareTo(Curve.N) < 0;

    private static BigInteger KeyOf(Word privateKey)
    {
        BigInteger value = ToInteger(privateKey);
        return IsScalar(value)
            ? value
            : throw new ArgumentException("Not a private key: it is zero or not below the group order.", nameof(privateKey));
    }

    private static BigInteger ToInteger(Word word) => new(1, word.Bytes);

    private static Word ToWord(BigInteger value)
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        Org.BouncyCastle.Utilities.BigIntegers.AsUnsignedByteArray(value, bytes);
        return new Word(bytes);
    }
}
