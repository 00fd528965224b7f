using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;

namespace Optimistic.Contracts.Tests;

/// <summary>The ABI codec against the examples of the specification and against cast.</summary>
public sealed class AbiTests
{
    // The examples of "Contract ABI Specification", Solidity documentation.
    [Fact]
    public void EncodesTheExamplesOfTheSpecification()
    {
        ContractAbi abi = Abi(
            """
            [{"type":"function","name":"baz","inputs":[{"name":"x","type":"uint32"},{"name":"y","type":"bool"}],"outputs":[],"stateMutability":"pure"},
             {"type":"function","name":"bar","inputs":[{"name":"","type":"bytes3[2]"}],"outputs":[],"stateMutability":"pure"},
             {"type":"function","name":"sam","inputs":[{"name":"","type":"bytes"},{"name":"","type":"bool"},{"name":"","type":"uint256[]"}],"outputs":[],"stateMutability":"pure"},
             {"type":"function","name":"f","inputs":[{"name":"","type":"uint256"},{"name":"","type":"uint32[]"},{"name":"","type":"bytes10"},{"name":"","type":"bytes"}],"outputs":[],"stateMutability":"pure"},
             {"type":"function","name":"g","inputs":[{"name":"","type":"uint256[][]"},{"name":"","type":"string[]"}],"outputs":[],"stateMutability":"pure"}]
            """);

        Assert.Equal(
            "cdcd77c0" + Words("45", "1"),
            Hex(abi.Function("baz").Encode(69UL, true)));
        Assert.Equal(
            "fce353f6" + "6162630000000000000000000000000000000000000000000000000000000000" + "6465660000000000000000000000000000000000000000000000000000000000",
            Hex(abi.Function("bar").Encode([new object[] { "abc"u8.ToArray(), "def"u8.ToArray() }])));
        Assert.Equal(
            "a5643bf2" + Words("60", "1", "a0", "4") + "6461766500000000000000000000000000000000000000000000000000000000" + Words("3", "1", "2", "3"),
            Hex(abi.Function("sam").Encode("dave"u8.ToArray(), true, new[] { 1, 2, 3 })));
        Assert.Equal(
            "8be65246" + Words("123", "80") + "3132333435363738393000000000000000000000000000000000000000000000" + Words("e0", "2", "456", "789", "d")
            + "48656c6c6f2c20776f726c642100000000000000000000000000000000000000",
            Hex(abi.Function("f").Encode(0x123UL, new[] { 0x456U, 0x789U }, "1234567890"u8.ToArray(), "Hello, world!"u8.ToArray())));
        Assert.Equal(
            "2289b18c" + Words("40", "140", "2", "40", "a0", "2", "1", "2", "1", "3", "3", "60", "a0", "e0", "3")
            + "6f6e650000000000000000000000000000000000000000000000000000000000" + Words("3")
            + "74776f0000000000000000000000000000000000000000000000000000000000" + Words("5")
            + "7468726565000000000000000000000000000000000000000000000000000000",
            Hex(abi.Function("g").Encode(new[] { [1, 2], new[] { 3 } }, new[] { "one", "two", "three" })));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task EncodesLikeCastAndDecodesWhatItEncodes(int seed)
    {
        Random random = new(seed);
        for (int i = 0; i < 8; i++)
        {
            Sample sample = Sample.Tuple(random, depth: 3, count: random.Next(1, 5));
            AbiFunction function = Abi(
                $$"""[{"type":"function","name":"f","inputs":{{sample.Components}},"outputs":{{sample.Components}},"stateMutability":"view"}]""").Functions.Single();
            object[] values = (object[])sample.Value;

            byte[] encoded = function.EncodeParameters(values);

            string expected = await Cast.RunAsync([
                "abi-encode", function.Signature, "--", .. sample.Members.Select(member => member.Text)]);
            Assert.Equal(expected, "0x" + Hex(encoded));
            AssertSame(values, function.DecodeOutputs(encoded));
        }
    }

    [Theory]
    [InlineData(10)]
    [InlineData(11)]
    public void RefusesBrokenDataWithANamedError(int seed)
    {
        Random random = new(seed);
        int refused = 0;
        for (int i = 0; i < 300; i++)
        {
            Sample sample = Sample.Tuple(random, depth: 3, count: random.Next(1, 5));
            AbiFunction function = Abi(
                $$"""[{"type":"function","name":"f","inputs":{{sample.Components}},"outputs":[],"stateMutability":"view"}]""").Functions.Single();
            byte[] encoded = function.EncodeParameters((object[])sample.Value);
            byte[] broken = random.Next(2) == 0
                ? encoded[..random.Next(encoded.Length)]
                : [.. encoded];
            for (int flips = random.Next(4); flips > 0 && broken.Length > 0; flips--)
                broken[random.Next(broken.Length)] = (byte)random.Next(256);
            try
            {
                function.DecodeParameters(broken);
            }
            catch (AbiException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 150, 300);
    }

    [Fact]
    public void BoundsWhatSharedOffsetsCanSpell()
    {
        // An array whose 20,000 elements all point at one array of 20,000 elements: 640 KB that would spell 400 million.
        ContractAbi abi = Abi("""[{"type":"function","name":"f","inputs":[{"name":"","type":"uint256[][]"}],"outputs":[],"stateMutability":"view"}]""");
        const int Count = 20_000;
        byte[] data = new byte[32 * (2 + Count + 1 + Count)];
        void Put(int word, int value) => System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(data.AsSpan(32 * word + 28), value);
        Put(0, 32);
        Put(1, Count);
        for (int i = 0; i < Count; i++)
            Put(2 + i, 32 * Count);
        Put(2 + Count, Count);

        Assert.Contains("too many", Assert.Throws<AbiException>(() => abi.Function("f").DecodeParameters(data)).Message);
    }

    [Theory]
    [InlineData("uint8", 256)]
    [InlineData("uint8", -1)]
    [InlineData("int8", 128)]
    [InlineData("int8", -129)]
    public void RefusesNumbersThatDoNotFit(string type, int value)
    {
        AbiFunction function = Abi($$"""[{"type":"function","name":"f","inputs":[{"name":"","type":"{{type}}"}],"outputs":[],"stateMutability":"view"}]""").Functions.Single();
        Assert.Throws<AbiException>(() => function.Encode(value));
        BigInteger wide = value;
        byte[] word = [.. Enumerable.Repeat(value < 0 ? (byte)0xFF : (byte)0, 32 - 8), .. BitConverter.GetBytes((long)value).Reverse()];
        Assert.Throws<AbiException>(() => function.DecodeParameters(word));
        Assert.Throws<AbiException>(() => function.Encode("text"));
    }

    private static ContractAbi Abi(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return new ContractAbi(document.RootElement);
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);

    private static string Words(params string[] words) => string.Concat(words.Select(word => word.PadLeft(64, '0')));

    private static void AssertSame(object expected, object actual)
    {
        if (expected is object[] values)
        {
            object[] decoded = Assert.IsType<object[]>(actual);
            Assert.Equal(values.Length, decoded.Length);
            for (int i = 0; i < values.Length; i++)
                AssertSame(values[i], decoded[i]);
            return;
        }

        Assert.Equal(expected.GetType(), actual.GetType());
        if (expected is IEnumerable items and not string)
            Assert.Equal(items, (IEnumerable)actual);
        else
            Assert.Equal(expected, actual);
    }

    /// <summary>A random type with a value of it, in our form and in cast's.</summary>
    private sealed record Sample(string Json, object Value, string Text, Sample[] Members)
    {
        public string Components => $"[{string.Join(',', Members.Select(member => member.Json))}]";

        public static Sample Tuple(Random random, int depth, int count)
        {
            Sample[] members = [.. Enumerable.Range(0, count).Select(_ => Any(random, depth - 1))];
            return new Sample(
                $$"""{"name":"","type":"tuple","components":[{{string.Join(',', members.Select(member => member.Json))}}]}""",
                members.Select(member => member.Value).ToArray(),
                $"({string.Join(',', members.Select(member => member.Text))})",
                members);
        }

        private static Sample Any(Random random, int depth)
        {
            int kind = random.Next(depth > 0 ? 11 : 8);
            if (kind == 8)
                return Tuple(random, depth, random.Next(1, 4));
            if (kind < 8)
                return Simple(random, kind);

            // One type, several values: the same generator state gives the same type.
            int seed = random.Next(), count = random.Next(kind == 9 ? 0 : 1, 4);
            Sample pattern = Any(new Random(seed), depth - 1);
            Sample[] items = [.. Enumerable.Range(0, count).Select(_ => pattern)];
            string suffix = kind == 9 ? "[]" : $"[{count}]";
            using JsonDocument json = JsonDocument.Parse(pattern.Json);
            string type = json.RootElement.GetProperty("type").GetString()!;
            return new Sample(
                pattern.Json.Replace($"\"name\":\"\",\"type\":\"{type}\"", $"\"name\":\"\",\"type\":\"{type}{suffix}\"", StringComparison.Ordinal),
                items.Select(item => item.Value).ToArray(),
                $"[{string.Join(',', items.Select(item => item.Text))}]",
                []);
        }

        private static Sample Simple(Random random, int kind)
        {
            byte[] bytes = new byte[32];
            random.NextBytes(bytes);
            switch (kind)
            {
                case 0:
                    int bits = 8 * random.Next(1, 33);
                    BigInteger number = new(bytes.AsSpan(0, bits / 8), isUnsigned: true);
                    return Leaf($"uint{bits}", bits <= 64 ? (object)(ulong)number : number, number.ToString(CultureInfo.InvariantCulture));
                case 1:
                    int signedBits = 8 * random.Next(1, 33);
                    BigInteger signed = new(bytes.AsSpan(0, signedBits / 8));
                    return Leaf($"int{signedBits}", signedBits <= 64 ? (object)(long)signed : signed, signed.ToString(CultureInfo.InvariantCulture));
                case 2:
                    Address address = new(bytes.AsSpan(0, 20));
                    return Leaf("address", address, address.ToString());
                case 3:
                    return Leaf("bool", bytes[0] > 127, bytes[0] > 127 ? "true" : "false");
                case 4:
                    return Leaf("bytes32", new Word(bytes), new Word(bytes).ToString());
                case 5:
                    int length = random.Next(1, 32);
                    return Leaf($"bytes{length}", bytes[..length], "0x" + Convert.ToHexStringLower(bytes.AsSpan(0, length)));
                case 6:
                    byte[] blob = new byte[random.Next(0, 100)];
                    random.NextBytes(blob);
                    return Leaf("bytes", blob, "0x" + Convert.ToHexStringLower(blob));
                default:
                    string text = string.Concat(Enumerable.Range(0, random.Next(1, 40)).Select(_ => (char)random.Next('a', 'z' + 1)));
                    return Leaf("string", text, $"\"{text}\"");
            }
        }

        private static Sample Leaf(string type, object value, string text) =>
            new($$"""{"name":"","type":"{{type}}"}""", value, text, []);
    }
}
