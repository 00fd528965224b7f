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

/// <summary>
/// Signing and signer recovery on the curve of Ethereum (SEC 2, section 2.4.1). Recovery accepts and refuses exactly what
/// the EVM's ecrecover precompile does, so that the same bytes have the same signer on both sides.
/// </summary>
public static class Secp256k1
{
    private static readonly X9ECParameters Curve = CustomNamedCurves.GetByName("secp256k1");
    private static readonly BigInteger HalfOrder = Curve.N.ShiftRight(1);

    /// <summary>Whether these 32 bytes are a private key: an integer from 1 to the group order − 1.</summary>
    public static bool IsPrivateKey(Word key) => IsScalar(ToInteger(key));

    /// <summary>Whether s is at most half the group order (EIP-2): of a signature and its mirror, one alone has it.</summary>
    public static bool IsLowS(Word s) => ToInteger(s).CompareTo(HalfOrder) <= 0;

    /// <summary>The address whose private key this is.</summary>
    /// <exception cref="ArgumentException">Not a private key.</exception>
    public static Address AddressOf(Word privateKey) =>
        AddressOf(new FixedPointCombMultiplier().Multiply(Curve.G, Scalar(privateKey)));

    /// <summary>Signs a 32-byte digest with the deterministic nonce of RFC 6979 (HMAC-SHA-256) and low s (EIP-2).</summary>
    /// <exception cref="ArgumentException">Not a private key.</exception>
    public static Signature Sign(Word digest, Word privateKey)
    {
        BigInteger d = Scalar(privateKey);
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
    public static bool TryRecover(Word digest, byte v, Word r, Word s, out Address signer)
    {
        signer = default;
        BigInteger ri = ToInteger(r), si = ToInteger(s);
        if (v is not (27 or 28) || !IsScalar(ri) || !IsScalar(si) || !TryLift(ri, v == 28, out ECPoint? point))
            return false;

        BigInteger inverse = ri.ModInverse(Curve.N);
        BigInteger u1 = ToInteger(digest).Negate().Multiply(inverse).Mod(Curve.N);
        BigInteger u2 = si.Multiply(inverse).Mod(Curve.N);
        ECPoint key = ECAlgorithms.SumOfTwoMultiplies(Curve.G, u1, point, u2);
        if (key.IsInfinity)
            return false;

        signer = AddressOf(key);
        return true;
    }

    /// <summary>The signer of a digest; see the other overload.</summary>
    public static bool TryRecover(Word digest, Signature signature, out Address signer) =>
        TryRecover(digest, signature.V, signature.R, signature.S, out signer);

    private static bool TryLift(BigInteger x, bool odd, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ECPoint? point)
    {
        ECFieldElement fieldX = Curve.Curve.FromBigInteger(x);
        ECFieldElement? y = fieldX.Square().Multiply(fieldX).Add(Curve.Curve.B).Sqrt();
        point = null;
        if (y is null)
            return false;

        point = Curve.Curve.CreatePoint(x, (y.TestBitZero() == odd ? y : y.Negate()).ToBigInteger());
        return true;
    }

    private static Address AddressOf(ECPoint publicKey)
    {
        Span<byte> uncompressed = stackalloc byte[65];
        publicKey.Normalize().EncodeTo(compressed: false, uncompressed);
        return Address.FromWord(Keccak.Hash(uncompressed[1..]));
    }

    private static bool IsScalar(BigInteger value) => value.SignValue > 0 && value.CompareTo(Curve.N) < 0;

    private static BigInteger Scalar(Word privateKey)
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
