using System.Numerics;
using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>A call of a contract's function, typed. The generated bindings derive from it.</summary>
public abstract record FunctionMessage
{
    public abstract AbiFunction Function { get; }

    /// <summary>Selector and encoded arguments.</summary>
    public byte[] ToCallData() => Function.Encode(Arguments());

    protected abstract object[] Arguments();
}

/// <summary>A call of a function that returns something.</summary>
public abstract record FunctionMessage<TResult> : FunctionMessage
{
    /// <exception cref="AbiException">Not what the function returns.</exception>
    public TResult DecodeResult(ReadOnlyMemory<byte> output) => Read(new AbiValues(Function.DecodeOutputs(output)));

    protected abstract TResult Read(AbiValues values);
}

/// <summary>The deployment of a contract, typed.</summary>
public abstract record ContractDeploymentMessage
{
    public abstract ContractArtifact Artifact { get; }

    public byte[] ToDeploymentData() => Artifact.DeploymentData(Arguments());

    protected abstract object[] Arguments();
}

/// <summary>A typed event: Nethereum calls it an event DTO.</summary>
public interface IEventDTO<TSelf>
    where TSelf : IEventDTO<TSelf>
{
    static abstract AbiEvent Definition { get; }

    static abstract TSelf Read(AbiValues values);
}

/// <summary>A typed error of a contract.</summary>
public interface IErrorDTO<TSelf>
    where TSelf : IErrorDTO<TSelf>
{
    static abstract AbiError Definition { get; }

    static abstract TSelf Read(AbiValues values);
}

/// <summary>An event with the place where it was logged.</summary>
public sealed record EventLog<TEvent>(TEvent Event, LogEntry Log)
    where TEvent : IEventDTO<TEvent>;

/// <summary>Decoded ABI values by position, in the types that <see cref="AbiType"/> documents.</summary>
public readonly struct AbiValues(object[] values)
{
    public int Count => values.Length;

    public object this[int index] => values[index];

    public ulong UInt64(int index) => (ulong)values[index];

    public long Int64(int index) => (long)values[index];

    public BigInteger Integer(int index) => (BigInteger)values[index];

    public bool Bool(int index) => (bool)values[index];

    public Word Word(int index) => (Word)values[index];

    public Address Address(int index) => (Address)values[index];

    public byte[] Bytes(int index) => (byte[])values[index];

    public string String(int index) => (string)values[index];

    /// <exception cref="AbiException">A number that the enum does not name.</exception>
    public T Enum<T>(int index)
        where T : struct, Enum
    {
        T value = (T)System.Enum.ToObject(typeof(T), UInt64(index));
        return System.Enum.IsDefined(value) ? value : throw new AbiException($"{UInt64(index)} is no {typeof(T).Name}.");
    }

    /// <summary>The members of a tuple.</summary>
    public AbiValues Struct(int index) => new((object[])values[index]);

    /// <summary>The elements of an array, each read by position from the array's own values.</summary>
    public IReadOnlyList<T> Array<T>(int index, Func<AbiValues, int, T> read)
    {
        AbiValues items = Struct(index);
        T[] result = new T[items.Count];
        for (int i = 0; i < result.Length; i++)
            result[i] = read(items, i);
        return result;
    }
}
