using System.Numerics;

namespace Optimistic.Contracts.Ethereum;

/// <summary>Recursive length prefix encoding (Yellow Paper, appendix B): a string of bytes, or a list of items.</summary>
public abstract record RlpItem
{
    private RlpItem()
    {
    }

    public sealed record Text(ReadOnlyMemory<byte> Bytes) : RlpItem;

    public sealed record List(IReadOnlyList<RlpItem> Items) : RlpItem;

    public static implicit operator RlpItem(byte[] bytes) => new Text(bytes);

    public static implicit operator RlpItem(ulong value) => new Text(new BigInteger(value).ToRlpBytes());

    public static implicit operator RlpItem(BigInteger value) => new Text(value.ToRlpBytes());

    public static implicit operator RlpItem(RlpItem[] items) => new List(items);

    /// <summary>The encoding of this item.</summary>
    public byte[] Encode()
    {
        byte[] bytes = new byte[EncodedLength()];
        Write(bytes);
        return bytes;
    }

    /// <summary>Reads one item that fills the data exactly. Only the canonical encoding is accepted.</summary>
    /// <exception cref="FormatException">Not canonical RLP.</exception>
    public static RlpItem Decode(ReadOnlyMemory<byte> data)
    {
        RlpItem item = Read(ref data, depth: 0);
        return data.IsEmpty ? item : throw new FormatException("RLP has bytes after its item.");
    }

    private const int MaxDepth = 64;

    private int PayloadLength() => this switch
    {
        Text text => text.Bytes.Length,
        List list => list.Items.Sum(item => item.EncodedLength()),
        _ => throw new InvalidOperationException(),
    };

    private int EncodedLength()
    {
        int length = PayloadLength();
        return this is Text { Bytes: { Length: 1 } bytes } && bytes.Span[0] < 0x80 ? 1 : length < 56 ? 1 + length : 1 + Digits(length) + length;
    }

    private int Write(Span<byte> target)
    {
        int length = PayloadLength();
        if (this is Text { Bytes: { Length: 1 } bytes } && bytes.Span[0] < 0x80)
        {
            target[0] = bytes.Span[0];
            return 1;
        }

        byte prefix = this is Text ? (byte)0x80 : (byte)0xC0;
        int at = 1;
        if (length < 56)
        {
            target[0] = (byte)(prefix + length);
        }
        else
        {
            int digits = Digits(length);
            target[0] = (byte)(prefix + 55 + digits);
            for (int i = 0; i < digits; i++)
                target[at++] = (byte)(length >> (8 * (digits - 1 - i)));
        }

        if (this is Text text)
        {
            text.Bytes.Span.CopyTo(target[at..]);
            return at + length;
        }

        foreach (RlpItem item in ((List)this).Items)
            at += item.Write(target[at..]);
        return at;
    }

    private static int Digits(int length) => (32 - BitOperations.LeadingZeroCount((uint)length) + 7) / 8;

    private static RlpItem Read(ref ReadOnlyMemory<byte> data, int depth)
    {
        if (depth > MaxDepth)
            throw new FormatException("RLP is nested too deeply.");
        if (data.IsEmpty)
            throw new FormatException("RLP ends in the middle of an item.");

        byte first = data.Span[0];
        if (first < 0x80)
        {
            RlpItem single = new Text(data[..1]);
            data = data[1..];
            return single;
        }

        bool isList = first >= 0xC0;
        int kind = first - (isList ? 0xC0 : 0x80);
        int header = 1;
        long length = kind;
        if (kind > 55)
        {
            int digits = kind - 55;
            header += digits;
            if (data.Length < header || digits > 4)
                throw new FormatException("RLP has a bad length.");
            length = 0;
            foreach (byte digit in data.Span.Slice(1, digits))
                length = length << 8 | digit;
            if (length < 56 || data.Span[1] == 0)
                throw new FormatException("RLP has a length that is not the shortest.");
        }

        if (data.Length - header < length)
            throw new FormatException("RLP ends in the middle of an item.");

        ReadOnlyMemory<byte> payload = data.Slice(header, (int)length);
        data = data[(header + (int)length)..];
        if (!isList)
        {
            return payload.Length == 1 && payload.Span[0] < 0x80
                ? throw new FormatException("RLP has a prefix where a byte stands for itself.")
                : new Text(payload);
        }

        List<RlpItem> items = [];
        while (!payload.IsEmpty)
            items.Add(Read(ref payload, depth + 1));
        return new List(items);
    }
}

internal static class RlpIntegers
{
    /// <summary>Big-endian without leading zeros; zero is no bytes.</summary>
    public static byte[] ToRlpBytes(this BigInteger value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        return value.IsZero ? [] : value.ToByteArray(isUnsigned: true, isBigEndian: true);
    }
}
