using System.Text.Json.Nodes;

namespace Optimistic.Engine.Rpc;

/// <summary>Error codes: JSON-RPC 2.0 section 5.1 and EIP-1474. Frozen.</summary>
public static class RpcErrorCode
{
    public const int ParseError = -32700;
    public const int InvalidRequest = -32600;
    public const int MethodNotFound = -32601;
    public const int InvalidParams = -32602;
    public const int InternalError = -32603;

    /// <summary>What is named does not exist: an app, a task, a batch.</summary>
    public const int NotFound = -32001;

    /// <summary>It exists but cannot be answered now: L1 does not answer, the node is catching up.</summary>
    public const int Unavailable = -32002;

    /// <summary>A task is refused: signature, limit, app, duplicate deploy.</summary>
    public const int Rejected = -32003;

    /// <summary>Too many calls in a batch, too large a body, too many tasks waiting.</summary>
    public const int LimitExceeded = -32005;
}

/// <summary>A call that is answered with an error object. <c>data.hint</c> says what the caller can do.</summary>
public sealed class RpcException(int code, string message, string hint, JsonObject? details = null) : Exception(message)
{
    public int Code { get; } = code;

    public string Hint { get; } = hint;

    /// <summary>Further members of <c>data</c>.</summary>
    public JsonObject? Details { get; } = details;
}
