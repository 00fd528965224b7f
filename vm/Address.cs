using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Optimistic.Vm;

/// <summary>An Ethereum address: 20 bytes. Its text form carries the checksum of EIP-55.</summary>
[StructLayout(LayoutKind.Sequential, Size = Length, Pack = 4)]
public readonly struct Address : IEquatable<Address>
{
    /// <summary>Bytes in an address.</summary>
    public const int Length = 20;

    private readonly uint _0, _1, _2, _3, _4;

    /// <summary>Copies exactly 20 bytes.</summary>
    public Address(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new ArgumentException($"An address is {Length} bytes, not {bytes.Length}.", nameof(bytes));
        }

        this = MemoryMarshal.Read<Address>(bytes);
    }

    /// <summary>The address of 20 zero bytes; ecrecover answers it for a signature that nobody made.</summary>
    public static Address Zero => default;

    public bool IsZero => (_0 | _1 | _2 | _3 | _4) == 0;

    /// <summary>The bytes of this address, in place.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Bytes => MemoryMarshal.AsBytes(new ReadOnlySpan<Address>(in this));

    /// <summary>The low 20 bytes of an EVM word; the upper 12 are ignored, as the EVM does.</summary>
    public static Address FromWord(Word word) => new(word.Bytes[(Word.Length - Length)..]);

    /// <summary>The EVM word of this address: 12 zero bytes, then the 20.</summary>
    public Word ToWord()
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        bytes.Clear();
        Bytes.CopyTo(bytes[(Word.Length - Length)..]);
        return new Word(bytes);
    }

    /// <summary>Parses 0x and 40 hexadecimal digits. Mixed case must be the right EIP-55 checksum.</summary>
    /// <exception cref="FormatException">Not an address, or its checksum is wrong.</exception>
    public static Address Parse(string text)
    {
        if (!TryParseDigits(text, out Address address))
            throw new FormatException($"'{text}' is not an address: 0x and 40 hexadecimal digits are expected.");
        if (!HasRightChecksum(text, address))
            throw new FormatException($"'{text}' has a wrong checksum: a digit was changed, or write it in lower case.");
        return address;
    }

    /// <summary>As <see cref="Parse"/>, without an error.</summary>
    public static bool TryParse(string? text, out Address address) =>
        TryParseDigits(text, out address) && HasRightChecksum(text!, address);

    public void CopyTo(Span<byte> destination) => Bytes.CopyTo(destination);

    public bool Equals(Address other) =>
        ((_0 ^ other._0) | (_1 ^ other._1) | (_2 ^ other._2) | (_3 ^ other._3) | (_4 ^ other._4)) == 0;

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is Address other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_0, _1, _2, _3, _4);

    public static bool operator ==(Address left, Address right) => left.Equals(right);

    public static bool operator !=(Address left, Address right) => !left.Equals(right);

    /// <summary>0x and 40 digits with the EIP-55 checksum.</summary>
    public override string ToString()
    {
        Span<char> text = stackalloc char[2 + 2 * Length];
        "0x".CopyTo(text);
        Span<char> digits = text[2..];
        Convert.TryToHexStringLower(Bytes, digits, out _);
        Span<byte> ascii = stackalloc byte[digits.Length];
        for (int i = 0; i < digits.Length; i++)
            ascii[i] = (byte)digits[i];

        Word hash = Keccak.Hash(ascii);
        for (int i = 0; i < digits.Length; i++)
        {
            int nibble = i % 2 == 0 ? hash.Bytes[i / 2] >> 4 : hash.Bytes[i / 2] & 15;
            if (nibble >= 8)
                digits[i] = char.ToUpperInvariant(digits[i]);
        }

        return new string(text);
    }

    private static bool TryParseDigits(string? text, out Address address)
    {
        address = default;
        if (text is not { Length: 2 + 2 * Length } || text[0] != '0' || text[1] is not ('x' or 'X'))
            return false;

        Span<byte> bytes = stackalloc byte[Length];
        if (Convert.FromHexString(text.AsSpan(2), bytes, out _, out _) != System.Buffers.OperationStatus.Done)
            return false;

        address = new Address(bytes);
        return true;
    }

    private static bool HasRightChecksum(string text, Address address)
    {
        ReadOnlySpan<char> digits = text.AsSpan(2);
        bool mixed = digits.ContainsAnyInRange('a', 'f') && digits.ContainsAnyInRange('A', 'F');
        return !mixed || digits.SequenceEqual(address.ToString().AsSpan(2));
    }
}
