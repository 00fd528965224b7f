using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>The hexadecimal values of Ethereum's JSON-RPC: quantities without leading zeros, data with all digits.</summary>
internal static class HexJson
{
    public static string Quantity(ulong value) => string.Concat("0x", value.ToString("x", CultureInfo.InvariantCulture));

    public static string Quantity(BigInteger value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        string digits = value.ToString("x", CultureInfo.InvariantCulture).TrimStart('0');
        return digits.Length == 0 ? "0x0" : "0x" + digits;
    }

    public static string Data(ReadOnlySpan<byte> bytes) => string.Concat("0x", Convert.ToHexStringLower(bytes));

    public static ulong UInt64(JsonElement element, string what)
    {
        string text = Text(element, what);
        return text.StartsWith("0x", StringComparison.Ordinal) &&
            ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw new RpcMalformedException($"L1 answered '{Short(text)}' for {what}, which is not a 64-bit quantity.");
    }

    public static BigInteger Integer(JsonElement element, string what)
    {
        string text = Text(element, what);
        // The added zero keeps the sign bit clear. Quantities have at most 256 bits.
        return text.StartsWith("0x", StringComparison.Ordinal) && text.Length is > 2 and <= 66 &&
            BigInteger.TryParse("0" + text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out BigInteger value)
            ? value
            : throw new RpcMalformedException($"L1 answered '{Short(text)}' for {what}, which is not a quantity.");
    }

    public static byte[] Bytes(JsonElement element, string what)
    {
        string text = Text(element, what);
        return TryBytes(text, out byte[] bytes)
            ? bytes
            : throw new RpcMalformedException($"L1 answered '{Short(text)}' for {what}, which is not hexadecimal data.");
    }

    public static Word Hash(JsonElement element, string what) =>
        Word.TryParse(Text(element, what), out Word hash)
            ? hash
            : throw new RpcMalformedException($"L1 answered '{Short(element.ToString())}' for {what}, which is not 32 bytes.");

    public static Address Address(JsonElement element, string what) =>
        Vm.Address.TryParse(Text(element, what), out Address address)
            ? address
            : throw new RpcMalformedException($"L1 answered '{Short(element.ToString())}' for {what}, which is not an address.");

    public static JsonElement Member(JsonElement element, string name, string what) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement member)
            ? member
            : throw new RpcMalformedException($"L1 answered {what} without '{name}'.");

    public static bool IsNull(JsonElement element) => element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    public static bool TryBytes(string? text, out byte[] bytes)
    {
        bytes = [];
        if (text is null || !text.StartsWith("0x", StringComparison.Ordinal) || text.Length % 2 != 0)
            return false;

        byte[] buffer = new byte[(text.Length - 2) / 2];
        if (Convert.FromHexString(text.AsSpan(2), buffer, out _, out _) != System.Buffers.OperationStatus.Done)
            return false;

        bytes = buffer;
        return true;
    }

    private static string Text(JsonElement element, string what) =>
        element.ValueKind == JsonValueKind.String
            ? element.GetString()!
            : throw new RpcMalformedException($"L1 answered {element.ValueKind} for {what}, where a string is expected.");

    private static string Short(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
