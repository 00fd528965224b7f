using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>A named parameter. <paramref name="Indexed"/> is for those of events that go into topics.</summary>
public sealed record AbiParameter(string Name, AbiType Type, bool Indexed = false)
{
    internal static AbiParameter[] ParseAll(JsonElement parameters) =>
    [
        .. parameters.EnumerateArray().Select(parameter => new AbiParameter(
            parameter.GetProperty("name").GetString()!,
            AbiType.Parse(parameter),
            parameter.TryGetProperty("indexed", out JsonElement indexed) && indexed.GetBoolean())),
    ];
}

/// <summary>The name and parameters of a function, an event or an error, and the hash that names it on chain.</summary>
public abstract class AbiDefinition
{
    private readonly AbiType.TupleType _inputs;

    private protected AbiDefinition(string name, AbiParameter[] inputs)
    {
        Name = name;
        _inputs = new AbiType.TupleType(inputs);
        Signature = name + _inputs.Name;
        Hash = Keccak.Hash(Encoding.ASCII.GetBytes(Signature));
    }

    public string Name { get; }

    /// <summary>Name and canonical types: <c>transfer(address,uint256)</c>.</summary>
    public string Signature { get; }

    /// <summary>keccak256 of the signature: topic 0 of an event.</summary>
    public Word Hash { get; }

    public IReadOnlyList<AbiParameter> Inputs => _inputs.Members;

    /// <summary>The first four bytes of the hash: the selector of a function or an error.</summary>
    public uint Selector => BinaryPrimitives.ReadUInt32BigEndian(Hash.Bytes);

    /// <summary>The encoded parameters without a selector.</summary>
    /// <exception cref="AbiException">A value does not fit its type.</exception>
    public byte[] EncodeParameters(params object[] values) => _inputs.Encode(values);

    /// <summary>The parameters from data without a selector.</summary>
    /// <exception cref="AbiException">Not an encoding of these parameters.</exception>
    public object[] DecodeParameters(ReadOnlyMemory<byte> data) => _inputs.Decode(data);

    /// <summary>Selector and parameters.</summary>
    public byte[] Encode(params object[] values) => [.. Hash.Bytes[..4], .. EncodeParameters(values)];

    /// <summary>Whether data starts with this selector.</summary>
    public bool Matches(ReadOnlySpan<byte> data) => data.Length >= 4 && data[..4].SequenceEqual(Hash.Bytes[..4]);

    public override string ToString() => Signature;
}

/// <summary>A function of a contract.</summary>
public sealed class AbiFunction : AbiDefinition
{
    private readonly AbiType.TupleType _outputs;

    internal AbiFunction(string name, AbiParameter[] inputs, AbiParameter[] outputs, string mutability)
        : base(name, inputs)
    {
        _outputs = new AbiType.TupleType(outputs);
        IsView = mutability is "view" or "pure";
        IsPayable = mutability == "payable";
    }

    public IReadOnlyList<AbiParameter> Outputs => _outputs.Members;

    /// <summary>Whether it changes nothing, so that it is called and not sent.</summary>
    public bool IsView { get; }

    public bool IsPayable { get; }

    /// <summary>The returned values.</summary>
    /// <exception cref="AbiException">Not an encoding of the outputs.</exception>
    public object[] DecodeOutputs(ReadOnlyMemory<byte> data) => _outputs.Decode(data);

    /// <summary>The parameters of calldata that starts with this function's selector.</summary>
    /// <exception cref="AbiException">The selector is another, or the rest is no encoding of the parameters.</exception>
    public object[] DecodeCall(ReadOnlyMemory<byte> data) =>
        Matches(data.Span) ? DecodeParameters(data[4..]) : throw new AbiException($"The calldata does not call {Signature}.");
}

/// <summary>An error that a contract reverts with.</summary>
public sealed class AbiError : AbiDefinition
{
    internal AbiError(string name, AbiParameter[] inputs)
        : base(name, inputs)
    {
    }

    /// <summary>The arguments of revert data that starts with this error's selector.</summary>
    /// <exception cref="AbiException">Another error, or no encoding of its parameters.</exception>
    public object[] DecodeRevert(ReadOnlyMemory<byte> data) =>
        Matches(data.Span) ? DecodeParameters(data[4..]) : throw new AbiException($"The revert data is not {Signature}.");
}

/// <summary>An event of a contract.</summary>
public sealed class AbiEvent : AbiDefinition
{
    private readonly AbiType.TupleType _data;

    internal AbiEvent(string name, AbiParameter[] inputs)
        : base(name, inputs) =>
        _data = new AbiType.TupleType([.. inputs.Where(input => !input.Indexed)]);

    public bool Matches(LogEntry log) => log.Topics.Count > 0 && log.Topics[0] == Hash;

    /// <summary>All parameters in declaration order; an indexed parameter of dynamic type is its hash.</summary>
    /// <exception cref="AbiException">Not a log of this event.</exception>
    public object[] Decode(LogEntry log)
    {
        int indexed = Inputs.Count(input => input.Indexed);
        if (!Matches(log) || log.Topics.Count != 1 + indexed)
            throw new AbiException($"The log is not a {Signature}.");

        object[] data = _data.Decode(log.Data), values = new object[Inputs.Count];
        int topic = 1, position = 0;
        for (int i = 0; i < values.Length; i++)
        {
            if (!Inputs[i].Indexed)
            {
                values[i] = data[position++];
                continue;
            }

            Word word = log.Topics[topic++];
            AbiType type = Inputs[i].Type;
            // Only values of one word are in a topic as they are; the rest is hashed.
            values[i] = type.IsDynamic || type.HeadLength != 32 ? word : type.Decode(new AbiFrame(word.ToArray()), 0);
        }

        return values;
    }
}

/// <summary>The ABI of a contract, from the JSON that the compiler writes.</summary>
public sealed class ContractAbi
{
    private readonly Dictionary<string, AbiFunction> _functions = [];
    private readonly Dictionary<string, AbiEvent> _events = [];
    private readonly Dictionary<string, AbiError> _errors = [];

    /// <exception cref="AbiException">Not a contract ABI.</exception>
    public ContractAbi(JsonElement abi)
    {
        AbiParameter[] constructor = [];
        foreach (JsonElement item in abi.EnumerateArray())
        {
            string name = item.TryGetProperty("name", out JsonElement n) ? n.GetString()! : "";
            AbiParameter[] inputs = item.TryGetProperty("inputs", out JsonElement i) ? AbiParameter.ParseAll(i) : [];
            switch (item.GetProperty("type").GetString())
            {
                case "function":
                    AbiFunction function = new(
                        name, inputs, AbiParameter.ParseAll(item.GetProperty("outputs")),
                        item.GetProperty("stateMutability").GetString()!);
                    _functions[function.Signature] = function;
                    break;
                case "event":
                    AbiEvent contractEvent = new(name, inputs);
                    _events[contractEvent.Signature] = contractEvent;
                    break;
                case "error":
                    AbiError error = new(name, inputs);
                    _errors[error.Signature] = error;
                    break;
                case "constructor":
                    constructor = inputs;
                    break;
                default:
                    // receive and fallback have no parameters to encode.
                    break;
            }
        }

        Constructor = new AbiFunction("constructor", constructor, [], "nonpayable");
    }

    public IReadOnlyCollection<AbiFunction> Functions => _functions.Values;

    public IReadOnlyCollection<AbiEvent> Events => _events.Values;

    public IReadOnlyCollection<AbiError> Errors => _errors.Values;

    /// <summary>Its selector means nothing; its parameters follow the bytecode.</summary>
    public AbiFunction Constructor { get; }

    /// <summary>Finds a function by signature, or by name where no other has it.</summary>
    public AbiFunction Function(string signature) => Find(_functions, signature, "function");

    public AbiEvent Event(string signature) => Find(_events, signature, "event");

    public AbiError Error(string signature) => Find(_errors, signature, "error");

    private static T Find<T>(Dictionary<string, T> definitions, string signature, string kind)
        where T : AbiDefinition
    {
        if (definitions.TryGetValue(signature, out T? exact))
            return exact;

        T[] named = [.. definitions.Values.Where(definition => definition.Name == signature)];
        return named.Length == 1
            ? named[0]
            : throw new AbiException($"The ABI has {(named.Length == 0 ? "no" : "more than one")} {kind} {signature}.");
    }
}
