using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Optimistic.Vm;

/// <summary>
/// 32 bytes: a leaf or a node of a quad tree, a root, a hash (spec 2.1). The bytes are those of memory and of calldata,
/// in order; <see cref="FromUInt64"/> and the packed words of the rollup read them as a big-endian EVM integer.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = Length)]
public readonly struct Word : IEquatable<Word>
{
    /// <summary>Bytes in a word.</summary>
    public const int Length = 32;

    private readonly ulong _0, _1, _2, _3;

    /// <summary>Copies exactly 32 bytes.</summary>
    public Word(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new ArgumentException($"A word is {Length} bytes, not {bytes.Length}.", nameof(bytes));
        }

        this = MemoryMarshal.Read<Word>(bytes);
    }

    /// <summary>Thirty-two zero bytes.</summary>
    public static Word Zero => default;

    public bool IsZero => (_0 | _1 | _2 | _3) == 0;

    /// <summary>The bytes of this word, in place.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Bytes => MemoryMarshal.AsBytes(new ReadOnlySpan<Word>(in this));

    /// <summary>The big-endian EVM integer <paramref name="value"/>.</summary>
    public static Word FromUInt64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[Length];
        bytes.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], value);
        return new Word(bytes);
    }

    /// <summary>Parses 64 hexadecimal digits, with or without 0x.</summary>
    public static Word Parse(string text) =>
        TryParse(text, out Word word) ? word : throw new FormatException($"'{text}' is not 32 bytes in hexadecimal.");

    public static bool TryParse(string? text, out Word word)
    {
        word = default;
        ReadOnlySpan<char> digits = text;
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            digits = digits[2..];
        }

        Span<byte> bytes = stackalloc byte[Length];
        if (digits.Length != 2 * Length ||
            Convert.FromHexString(digits, bytes, out _, out int written) != System.Buffers.OperationStatus.Done || written != Length)
        {
            return false;
        }

        word = new Word(bytes);
        return true;
    }

    public void CopyTo(Span<byte> destination) => Bytes.CopyTo(destination);

    public byte[] ToArray() => Bytes.ToArray();

    /// <summary>The EVM integer these bytes spell, big-endian.</summary>
    public BigInteger ToBigInteger() => new(Bytes, isUnsigned: true, isBigEndian: true);

    public bool Equals(Word other) =>
        ((_0 ^ other._0) | (_1 ^ other._1) | (_2 ^ other._2) | (_3 ^ other._3)) == 0;

    public override bool Equals(object? obj) => obj is Word other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_0, _1, _2, _3);

    public static bool operator ==(Word left, Word right) => left.Equals(right);

    public static bool operator !=(Word left, Word right) => !left.Equals(right);

    /// <summary>Lowercase hexadecimal with 0x.</summary>
    public override string ToString() => string.Concat("0x", Convert.ToHexStringLower(Bytes));
}
