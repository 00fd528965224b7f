using System.Buffers.Binary;
using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>A value of a tuple type: its members in order.</summary>
public interface IAbiStruct
{
    object[] ToAbi();
}

/// <summary>
/// A type of the contract ABI specification and its encoding. Values are, by type: uintN and intN up to 64 bits
/// <see cref="ulong"/> and <see cref="long"/>, wider ones <see cref="BigInteger"/> (any integer is taken when encoding);
/// address <see cref="Vm.Address"/>; bool; bytes32 <see cref="Word"/>; other bytesN and bytes <c>byte[]</c>; string; arrays
/// and tuples <c>object[]</c> (any sequence, and <see cref="IAbiStruct"/>, when encoding).
/// Decoding accepts what Solidity's decoder accepts: offsets may be anywhere inside the data, unused bits must be zero.
/// </summary>
public abstract class AbiType
{
    /// <summary>Words of nested arrays may share bytes, so data of n bytes can spell far more than n values.</summary>
    public const int MaxDecodedValues = 1 << 20;

    private AbiType(string name, bool isDynamic, int headLength)
    {
        Name = name;
        IsDynamic = isDynamic;
        HeadLength = headLength;
    }

    /// <summary>The canonical name, as selectors hash it.</summary>
    public string Name { get; }

    /// <summary>Whether the head holds an offset to the value instead of the value.</summary>
    public bool IsDynamic { get; }

    /// <summary>Bytes in the head: 32, or the whole length of a static array or tuple.</summary>
    public int HeadLength { get; }

    /// <summary>Parses a parameter of an ABI JSON: its "type" and, for tuples, "components".</summary>
    /// <exception cref="AbiException">The type is unknown.</exception>
    public static AbiType Parse(JsonElement parameter)
    {
        string type = parameter.GetProperty("type").GetString()!;
        return Parse(type, parameter);
    }

    public override string ToString() => Name;

    /// <summary>Appends the encoding of a value, without the offset of a dynamic type.</summary>
    internal abstract void Encode(object value, AbiBuffer target);

    /// <summary>Reads a value at <paramref name="at"/>, without the offset of a dynamic type.</summary>
    internal abstract object Decode(AbiFrame frame, int at);

    private static AbiType Parse(string type, JsonElement parameter)
    {
        if (type.EndsWith(']'))
        {
            int open = type.LastIndexOf('[');
            AbiType element = Parse(type[..open], parameter);
            string length = type[(open + 1)..^1];
            return length.Length == 0 ? new ArrayType(element, null) : new ArrayType(element, ParseNumber(length, 1, int.MaxValue, type));
        }

        if (type == "tuple")
            return new TupleType(AbiParameter.ParseAll(parameter.GetProperty("components")));
        if (type == "address")
            return new AddressType();
        if (type == "bool")
            return new BoolType();
        if (type == "string")
            return new StringType();
        if (type == "bytes")
            return new BytesType();
        if (type.StartsWith("bytes", StringComparison.Ordinal))
            return new FixedBytesType(ParseNumber(type[5..], 1, Word.Length, type));
        if (type.StartsWith("uint", StringComparison.Ordinal))
            return new IntegerType(ParseNumber(type[4..], 8, 256, type), signed: false);
        if (type.StartsWith("int", StringComparison.Ordinal))
            return new IntegerType(ParseNumber(type[3..], 8, 256, type), signed: true);
        throw new AbiException($"The ABI type '{type}' is not known.");
    }

    private static int ParseNumber(string digits, int min, int max, string type) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= min && number <= max
            ? number
            : throw new AbiException($"The ABI type '{type}' is not known.");

    private AbiException WrongValue(object? value) =>
        new($"A {value?.GetType().Name ?? "null"} is not a value of the ABI type {Name}.");

    private sealed class IntegerType(int bits, bool signed) : AbiType((signed ? "int" : "uint") + bits, false, 32)
    {
        internal override void Encode(object value, AbiBuffer target)
        {
            Span<byte> word = target.Append(32);
            if (value is ulong small && !signed && (bits >= 64 || small >> bits == 0))
            {
                BinaryPrimitives.WriteUInt64BigEndian(word[24..], small);
                return;
            }

            BigInteger number = value switch
            {
                byte n => n,
                sbyte n => n,
                ushort n => n,
                short n => n,
                uint n => n,
                int n => n,
                ulong n => n,
                long n => n,
                UInt128 n => n,
                Int128 n => n,
                BigInteger n => n,
                Enum n => Convert.ToInt64(n, CultureInfo.InvariantCulture),
                _ => throw WrongValue(value),
            };
            (BigInteger min, BigInteger max) = signed
                ? (-(BigInteger.One << (bits - 1)), (BigInteger.One << (bits - 1)) - 1)
                : (BigInteger.Zero, (BigInteger.One << bits) - 1);
            if (number < min || number > max)
                throw new AbiException($"{number} does not fit the ABI type {Name}.");

            if (number.Sign < 0)
            {
                word.Fill(0xFF);
                number += BigInteger.One << 256;
            }

            byte[] bytes = number.ToByteArray(isUnsigned: true, isBigEndian: true);
            bytes.CopyTo(word[(32 - bytes.Length)..]);
        }

        internal override object Decode(AbiFrame frame, int at)
        {
            ReadOnlySpan<byte> word = frame.Word(at);
            if (!signed && bits <= 64)
            {
                ulong small = BinaryPrimitives.ReadUInt64BigEndian(word[24..]);
                return !word[..24].ContainsAnyExcept((byte)0) && (bits == 64 || small >> bits == 0)
                    ? small
                    : throw new AbiException($"A value does not fit the ABI type {Name}.");
            }

            BigInteger number = new(word, isUnsigned: !signed, isBigEndian: true);
            BigInteger limit = BigInteger.One << (signed ? bits - 1 : bits);
            if (number >= limit || (signed && number < -limit))
                throw new AbiException($"A value does not fit the ABI type {Name}.");
            return signed && bits <= 64 ? (object)(long)number : number;
        }
    }

    private sealed class AddressType() : AbiType("address", false, 32)
    {
        internal override void Encode(object value, AbiBuffer target)
        {
            if (value is not Address address)
                throw WrongValue(value);
            address.CopyTo(target.Append(32)[12..]);
        }

        internal override object Decode(AbiFrame frame, int at)
        {
            ReadOnlySpan<byte> word = frame.Word(at);
            return word[..12].ContainsAnyExcept((byte)0)
                ? throw new AbiException("A value does not fit the ABI type address.")
                : new Address(word[12..]);
        }
    }

    private sealed class BoolType() : AbiType("bool", false, 32)
    {
        internal override void Encode(object value, AbiBuffer target)
        {
            if (value is not bool flag)
                throw WrongValue(value);
            target.Append(32)[31] = flag ? (byte)1 : (byte)0;
        }

        internal override object Decode(AbiFrame frame, int at)
        {
            ReadOnlySpan<byte> word = frame.Word(at);
            return word[..31].ContainsAnyExcept((byte)0) || word[31] > 1
                ? throw new AbiException("A value does not fit the ABI type bool.")
                : word[31] == 1;
        }
    }

    private sealed class FixedBytesType(int length) : AbiType("bytes" + length, false, 32)
    {
        internal override void Encode(object value, AbiBuffer target)
        {
            ReadOnlySpan<byte> bytes = value switch
            {
                Word word when length == Word.Length => word.ToArray(),
                byte[] array when array.Length == length => array,
                _ => throw WrongValue(value),
            };
            bytes.CopyTo(target.Append(32));
        }

        internal override object Decode(AbiFrame frame, int at)
        {
            ReadOnlySpan<byte> word = frame.Word(at);
            if (word[length..].ContainsAnyExcept((byte)0))
                throw new AbiException($"A value does not fit the ABI type {Name}.");
            return length == Word.Length ? new Word(word) : word[..length].ToArray();
        }
    }

    private sealed class BytesType() : AbiType("bytes", true, 32)
    {
        internal override void Encode(object value, AbiBuffer target)
        {
            ReadOnlyMemory<byte> bytes = value switch
            {
                byte[] array => array,
                ReadOnlyMemory<byte> memory => memory,
                _ => throw WrongValue(value),
            };
            target.AppendBytes(bytes.Span);
        }

        internal override object Decode(AbiFrame frame, int at) => frame.Bytes(at).ToArray();
    }

    private sealed class StringType() : AbiType("string", true, 32)
    {
        internal override void Encode(object value, AbiBuffer target)
        {
            if (value is not string text)
                throw WrongValue(value);
            target.AppendBytes(Encoding.UTF8.GetBytes(text));
        }

        internal override object Decode(AbiFrame frame, int at) => Encoding.UTF8.GetString(frame.Bytes(at));
    }

    private sealed class ArrayType(AbiType element, int? length) : AbiType(
        $"{element.Name}[{length}]",
        length is null || element.IsDynamic,
        length is null || element.IsDynamic ? 32 : checked(element.HeadLength * length.Value))
    {
        internal override void Encode(object value, AbiBuffer target)
        {
            if (value is not IEnumerable sequence || value is string)
                throw WrongValue(value);

            object[] items = [.. sequence.Cast<object>()];
            if (length is null)
                BinaryPrimitives.WriteInt32BigEndian(target.Append(32)[28..], items.Length);
            else if (items.Length != length)
                throw new AbiException($"The ABI type {Name} does not have {items.Length} elements.");
            EncodeSequence(target, items, _ => element);
        }

        internal override object Decode(AbiFrame frame, int at)
        {
            int count = length ?? frame.Length(at, element.HeadLength);
            int start = length is null ? at + 32 : at;
            object[] items = frame.Allocate(count);
            AbiFrame inner = element.IsDynamic ? frame.Enter(start) : frame;
            int position = element.IsDynamic ? 0 : start;
            for (int i = 0; i < count; i++, position += element.HeadLength)
                items[i] = inner.Head(element, position);
            return items;
        }
    }

    /// <summary>A tuple: a struct, or the parameters of a function.</summary>
    internal sealed class TupleType(IReadOnlyList<AbiParameter> members) : AbiType(
        $"({string.Join(',', members.Select(member => member.Type.Name))})",
        members.Any(member => member.Type.IsDynamic),
        members.Any(member => member.Type.IsDynamic) ? 32 : members.Sum(member => member.Type.HeadLength))
    {
        public IReadOnlyList<AbiParameter> Members => members;

        public byte[] Encode(object[] values)
        {
            AbiBuffer buffer = new();
            Encode(values, buffer);
            return buffer.ToArray();
        }

        /// <summary>Decodes data that starts at the first head.</summary>
        public object[] Decode(ReadOnlyMemory<byte> data) => (object[])Decode(new AbiFrame(data), 0);

        internal override void Encode(object value, AbiBuffer target)
        {
            object[] values = value switch
            {
                object[] array => array,
                IAbiStruct item => item.ToAbi(),
                _ => throw WrongValue(value),
            };
            if (values.Length != members.Count)
                throw new AbiException($"{members.Count} values are needed for {Name}, not {values.Length}.");
            EncodeSequence(target, values, i => members[i].Type);
        }

        internal override object Decode(AbiFrame frame, int at)
        {
            object[] values = frame.Allocate(members.Count);
            AbiFrame inner = IsDynamic ? frame.Enter(at) : frame;
            int position = IsDynamic ? 0 : at;
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = inner.Head(members[i].Type, position);
                position += members[i].Type.HeadLength;
            }

            return values;
        }
    }

    /// <summary>Heads in a row, then the tails that the offsets in the heads point to.</summary>
    private static void EncodeSequence(AbiBuffer target, object[] values, Func<int, AbiType> typeOf)
    {
        int start = target.Length;
        int[] patches = new int[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            AbiType type = typeOf(i);
            patches[i] = target.Length;
            if (type.IsDynamic)
                target.Append(32);
            else
                type.Encode(values[i], target);
        }

        for (int i = 0; i < values.Length; i++)
        {
            AbiType type = typeOf(i);
            if (!type.IsDynamic)
                continue;

            target.Patch(patches[i], target.Length - start);
            type.Encode(values[i], target);
        }
    }
}

/// <summary>A growing encoding.</summary>
internal sealed class AbiBuffer
{
    private byte[] _bytes = new byte[256];

    public int Length { get; private set; }

    /// <summary>Zero bytes to be filled in before the next call.</summary>
    public Span<byte> Append(int count)
    {
        int needed = checked(Length + count);
        if (needed > _bytes.Length)
            Array.Resize(ref _bytes, Math.Max(needed, 2 * _bytes.Length));
        Span<byte> span = _bytes.AsSpan(Length, count);
        Length = needed;
        return span;
    }

    public void AppendBytes(ReadOnlySpan<byte> bytes)
    {
        BinaryPrimitives.WriteInt32BigEndian(Append(32)[28..], bytes.Length);
        bytes.CopyTo(Append((bytes.Length + 31) / 32 * 32));
    }

    public void Patch(int at, int offset) => BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(at + 28, 4), offset);

    public byte[] ToArray() => _bytes.AsSpan(0, Length).ToArray();
}

/// <summary>Encoded data as seen from the tuple or array that its offsets are relative to.</summary>
internal sealed class AbiFrame
{
    private readonly ReadOnlyMemory<byte> _data;
    private readonly Budget _budget;

    public AbiFrame(ReadOnlyMemory<byte> data)
        : this(data, new Budget())
    {
    }

    private AbiFrame(ReadOnlyMemory<byte> data, Budget budget)
    {
        _data = data;
        _budget = budget;
    }

    public AbiFrame Enter(int at) => new(_data[at..], _budget);

    public object[] Allocate(int count)
    {
        _budget.Left -= count;
        return _budget.Left >= 0 ? new object[count] : throw new AbiException("ABI data spells too many values.");
    }

    public ReadOnlySpan<byte> Word(int at) =>
        at <= _data.Length - 32 ? _data.Span.Slice(at, 32) : throw new AbiException("ABI data ends in the middle of a value.");

    public object Head(AbiType type, int at) => type.Decode(this, type.IsDynamic ? Small(at, _data.Length) : at);

    /// <summary>The length word of a dynamic array whose elements have heads of so many bytes.</summary>
    public int Length(int at, int elementLength) => Small(at, (_data.Length - at - 32) / elementLength);

    public ReadOnlySpan<byte> Bytes(int at)
    {
        int length = Small(at, _data.Length - at - 32);
        return _data.Span.Slice(at + 32, length);
    }

    /// <summary>An offset or a length: more than the data has room for is an error.</summary>
    private int Small(int at, int max)
    {
        ReadOnlySpan<byte> word = Word(at);
        ulong value = BinaryPrimitives.ReadUInt64BigEndian(word[24..]);
        return !word[..24].ContainsAnyExcept((byte)0) && max >= 0 && value <= (ulong)max
            ? (int)value
            : throw new AbiException("ABI data points outside itself.");
    }

    private sealed class Budget
    {
        public int Left = AbiType.MaxDecodedValues;
    }
}
