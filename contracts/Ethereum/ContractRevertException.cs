using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>A contract refused a call. The error is named wherever its selector is one of this system's contracts.</summary>
public sealed class ContractRevertException : EthereumException
{
    private static readonly Lazy<IReadOnlyDictionary<uint, AbiError[]>> Known = new(CollectErrors);
    private static readonly Lazy<IReadOnlyDictionary<uint, AbiFunction>> Functions = new(CollectFunctions);

    private ContractRevertException(string message, string errorName, AbiError? error, object[] arguments, ReadOnlyMemory<byte> data)
        : base(message)
    {
        ErrorName = errorName;
        Error = error;
        Arguments = arguments;
        RevertData = data;
    }

    /// <summary>The error's name; "Error" for a reason text, "Panic" for a failed assertion, empty for a bare revert.</summary>
    public string ErrorName { get; }

    /// <summary>The error's definition, or null where no contract of ours declares it.</summary>
    public AbiError? Error { get; }

    /// <summary>The error's arguments in order; empty where <see cref="Error"/> is null.</summary>
    public IReadOnlyList<object> Arguments { get; }

    public ReadOnlyMemory<byte> RevertData { get; }

    /// <summary>The receipt, where the transaction was mined and failed there.</summary>
    public TransactionReceipt? Receipt { get; private init; }

    /// <summary>Whether the contract reverted with this error.</summary>
    public bool Is(AbiError error) => error.Matches(RevertData.Span);

    /// <summary>The typed error, where the contract reverted with it.</summary>
    public bool TryRead<TError>([NotNullWhen(true)] out TError? error)
        where TError : class, IErrorDTO<TError>
    {
        error = Is(TError.Definition) ? TError.Read(new AbiValues(TError.Definition.DecodeRevert(RevertData))) : null;
        return error is not null;
    }

    internal ContractRevertException WithReceipt(TransactionReceipt receipt) =>
        new(Message, ErrorName, Error, [.. Arguments], RevertData) { Receipt = receipt };

    internal static ContractRevertException From(CallRequest call, ReadOnlyMemory<byte> data, string nodeText)
    {
        string what = Describe(call);
        if (data.Length < 4)
        {
            return new ContractRevertException(
                data.IsEmpty ? $"{what} reverted without a reason ({nodeText})." : $"{what} reverted with {HexJson.Data(data.Span)}.",
                "", null, [], data);
        }

        uint selector = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(data.Span);
        foreach (AbiError error in Known.Value.GetValueOrDefault(selector, []))
        {
            try
            {
                object[] arguments = error.DecodeRevert(data);
                string text = string.Join(", ", error.Inputs.Select((input, i) =>
                    (input.Name.Length == 0 ? "" : input.Name + ": ") + Format(arguments[i])));
                return new ContractRevertException($"{what} reverted: {error.Name}({text}).", error.Name, error, arguments, data);
            }
            catch (AbiException)
            {
                // Four bytes can coincide: the arguments decide whether it is this error.
            }
        }

        string hex = HexJson.Data(data.Span[..Math.Min(data.Length, 100)]);
        return new ContractRevertException(
            $"{what} reverted with an error that none of our contracts declares: {hex}{(data.Length > 100 ? "…" : "")}.", "", null, [], data);
    }

    private static string Describe(CallRequest call)
    {
        if (call.To is not { } to)
            return "The deployment";

        string name = call.Data.Length >= 4 &&
            Functions.Value.TryGetValue(System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(call.Data.Span), out AbiFunction? function)
            ? function.Name : "The call";
        return $"{name} at {to}";
    }

    private static string Format(object value) => value switch
    {
        byte[] bytes => HexJson.Data(bytes.AsSpan(0, Math.Min(bytes.Length, 64))) + (bytes.Length > 64 ? $"… ({bytes.Length} bytes)" : ""),
        string text => $"\"{text.ReplaceLineEndings(" ")}\"",
        BigInteger number => number.ToString(CultureInfo.InvariantCulture),
        IEnumerable items => $"[{string.Join(", ", items.Cast<object>().Take(16).Select(Format))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static Dictionary<uint, AbiError[]> CollectErrors()
    {
        // What the compiler itself reverts with (Solidity documentation, "Error handling").
        using JsonDocument builtIn = JsonDocument.Parse(Encoding.UTF8.GetBytes(
            """[{"type":"error","name":"Error","inputs":[{"name":"","type":"string"}]},{"type":"error","name":"Panic","inputs":[{"name":"","type":"uint256"}]}]"""));
        return ContractArtifact.All.Values.SelectMany(artifact => artifact.Abi.Errors)
            .Concat(new ContractAbi(builtIn.RootElement).Errors)
            .DistinctBy(error => error.Signature)
            .GroupBy(error => error.Selector)
            .ToDictionary(group => group.Key, group => group.ToArray());
    }

    private static Dictionary<uint, AbiFunction> CollectFunctions() =>
        ContractArtifact.All.Values.SelectMany(artifact => artifact.Abi.Functions)
            .GroupBy(function => function.Selector)
            .ToDictionary(group => group.Key, group => group.First());
}
