using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>Something between this process and Ethereum went wrong. The message is one line that says what to do.</summary>
public class EthereumException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>No endpoint answered within its attempts. Worth trying again later.</summary>
/// <param name="isTooMuch">See <see cref="IsTooMuch"/>.</param>
public sealed class RpcUnreachableException(string message, Exception? inner = null, bool isTooMuch = false) : EthereumException(message, inner)
{
    /// <summary>
    /// Whether it may be for what was asked: an answer too long, a limit of the node, or time that ran out. Then less may be answered, and the
    /// same never.
    /// </summary>
    public bool IsTooMuch { get; } = isTooMuch;
}

/// <summary>An endpoint answered something that is not JSON-RPC or not of the shape that the method promises.</summary>
public sealed class RpcMalformedException(string message, Exception? inner = null) : EthereumException(message, inner);

/// <summary>An endpoint answered with a JSON-RPC error.</summary>
/// <param name="method">The method that was called.</param>
/// <param name="code">The JSON-RPC code; 3 is a reverted execution on most nodes.</param>
/// <param name="text">The node's message.</param>
/// <param name="data">The revert data where the node sent any, else empty.</param>
public sealed class RpcErrorException(string method, long code, string text, byte[] data)
    : EthereumException($"{method} failed: {text} (code {code}).")
{
    public string Method { get; } = method;

    public long Code { get; } = code;

    public string Text { get; } = text;

    public ReadOnlyMemory<byte> RevertData { get; } = data;

    /// <summary>Nodes agree neither on the code nor on the words of a revert; both are looked at.</summary>
    public bool IsRevert => Code == 3 || RevertData.Length > 0 || Says("revert");

    /// <summary>Whether the node's message contains these words, in any case.</summary>
    public bool Says(string words) => Text.Contains(words, StringComparison.OrdinalIgnoreCase);
}

/// <summary>An endpoint serves another chain than the one asked for.</summary>
public sealed class ChainMismatchException(string endpoint, ulong expected, ulong actual)
    : EthereumException($"{endpoint} serves chain {actual}, but chain {expected} is expected: check the L1 URL.")
{
    public ulong Expected { get; } = expected;

    public ulong Actual { get; } = actual;
}

/// <summary>There is no contract, or not the expected one, at an address.</summary>
public sealed class ContractMissingException(Address address, string reason) : EthereumException($"{address}: {reason}")
{
    public Address Address { get; } = address;
}

/// <summary>A key file cannot be read or holds no key.</summary>
public sealed class KeyFileException(string message, Exception? inner = null) : EthereumException(message, inner);

/// <summary>The account cannot pay for a transaction.</summary>
public sealed class InsufficientFundsException(Address account, string text)
    : EthereumException($"{account} cannot pay for the transaction: {text}. Send it ether.")
{
    public Address Account { get; } = account;
}

/// <summary>A transaction was not mined in time, or another transaction took its place.</summary>
public sealed class TransactionLostException(string message, Word hash) : EthereumException(message)
{
    public Word Hash { get; } = hash;
}

/// <summary>Data is not the ABI encoding of the types that it should be.</summary>
public sealed class AbiException(string message) : EthereumException(message);
