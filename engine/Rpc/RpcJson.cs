using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Optimistic.Vm;

namespace Optimistic.Engine.Rpc;

/// <summary>Bytes in a request or an answer: written as 0x and hexadecimal digits, read as that or as base64.</summary>
public readonly record struct HexData(ReadOnlyMemory<byte> Bytes)
{
    public static implicit operator HexData(byte[] bytes) => new(bytes);

    public static bool TryParse(string text, out HexData data)
    {
        data = default;
        try
        {
            data = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
                ? Convert.FromHexString(text.AsSpan(2))
                : Convert.FromBase64String(text);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}

/// <summary>
/// How values look in JSON-RPC: quantities, words, addresses and bytes as in Ethereum's JSON-RPC, names in camelCase.
/// A member that is unknown, missing, or null where the type is not nullable is an error.
/// </summary>
public static class RpcJson
{
    public static readonly JsonSerializerOptions Options = Create();

    private static readonly JsonSchemaExporterOptions SchemaOptions = new()
    {
        TreatNullObliviousAsNonNullable = true,
        TransformSchemaNode = DescribeScalar,
    };

    /// <summary>The JSON schema of a type, for OpenRPC.</summary>
    public static JsonNode SchemaOf(Type type) => Options.GetJsonSchemaAsNode(type, SchemaOptions);

    private static JsonSerializerOptions Create()
    {
        JsonSerializerOptions options = new(JsonSerializerDefaults.General)
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
            AllowDuplicateProperties = false,
            TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
            Converters =
            {
                new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false),
                new QuantityConverter(),
                new SmallQuantityConverter(),
                new TextConverter<Word>("0x and 64 hexadecimal digits", Word.TryParse, static word => word.ToString()),
                new TextConverter<Address>("an address: 0x and 40 hexadecimal digits, checksum right or all lower case", Address.TryParse, static address => address.ToString()),
                new TextConverter<HexData>("0x and pairs of hexadecimal digits, or base64", HexData.TryParse, static data => $"0x{Convert.ToHexStringLower(data.Bytes.Span)}"),
            },
        };
        options.MakeReadOnly();
        return options;
    }

    private static JsonNode DescribeScalar(JsonSchemaExporterContext context, JsonNode schema)
    {
        Type type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        bool nullable = type != context.TypeInfo.Type;
        (string pattern, string description)? scalar = type switch
        {
            _ when type == typeof(ulong) || type == typeof(uint) || type == typeof(byte) => ("^0x(0|[1-9a-f][0-9a-f]*)$", "A quantity; a JSON number is read as well."),
            _ when type == typeof(Word) => ("^0x[0-9a-f]{64}$", "32 bytes."),
            _ when type == typeof(Address) => ("^0x[0-9a-fA-F]{40}$", "An address."),
            _ when type == typeof(HexData) => ("^0x([0-9a-f]{2})*$", "Bytes; base64 is read as well."),
            _ => null,
        };
        if (scalar is null)
            return schema;

        return new JsonObject
        {
            ["type"] = nullable ? new JsonArray("string", "null") : "string",
            ["pattern"] = scalar.Value.pattern,
            ["description"] = scalar.Value.description,
        };
    }

    /// <summary>0x and hexadecimal digits, or a JSON number that is a whole number of 64 bits.</summary>
    internal static ulong ReadQuantity(ref Utf8JsonReader reader, ulong max)
    {
        ulong value;
        bool read = reader.TokenType switch
        {
            JsonTokenType.Number => reader.TryGetUInt64(out value),
            JsonTokenType.String => TryParseQuantity(reader.GetString()!, out value),
            _ => Refuse(out value),
        };
        if (!read || value > max)
            throw new JsonException($"Expected a whole number from 0 to {max}, as a quantity like \"0x1f\" or a JSON number.");
        return value;
    }

    public static bool TryParseQuantity(string text, out ulong value) =>
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && text.Length > 2
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : Refuse(out value);

    public static string Quantity(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static bool Refuse(out ulong value)
    {
        value = 0;
        return false;
    }

    private sealed class QuantityConverter : JsonConverter<ulong>
    {
        public override ulong Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            ReadQuantity(ref reader, ulong.MaxValue);

        public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Quantity(value));
    }

    private sealed class SmallQuantityConverter : JsonConverter<uint>
    {
        public override uint Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            (uint)ReadQuantity(ref reader, uint.MaxValue);

        public override void Write(Utf8JsonWriter writer, uint value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Quantity(value));
    }

    private delegate bool TryParseText<T>(string text, out T value);

    private sealed class TextConverter<T>(string expected, TryParseText<T> parse, Func<T, string> format) : JsonConverter<T>
    {
        public override T Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && parse(reader.GetString()!, out T value)
                ? value
                : throw new JsonException($"Expected {expected}.");

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
            writer.WriteStringValue(format(value));
    }
}
