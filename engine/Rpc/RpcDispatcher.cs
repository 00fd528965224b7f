using System.Buffers;
using System.ComponentModel;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace Optimistic.Engine.Rpc;

/// <summary>Marks a method of a class as a JSON-RPC method. Its parameters and result are the schema.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RpcMethodAttribute(string name, string summary) : Attribute
{
    public string Name { get; } = name;

    public string Summary { get; } = summary;
}

/// <summary>What one client may ask for at once.</summary>
public sealed record RpcLimits
{
    /// <summary>Bytes of a request body or WebSocket message. A program or an input travels in one.</summary>
    public int MaxBodyBytes { get; init; } = 16 << 20;

    public int MaxBatchCalls { get; init; } = 100;

    /// <summary>Bytes of the answers of a batch; calls after that are answered with an error.</summary>
    public int MaxAnswerBytes { get; init; } = 32 << 20;

    /// <summary>Open WebSocket connections.</summary>
    public int MaxSockets { get; init; } = 256;
}

/// <summary>
/// JSON-RPC 2.0 over bytes: a request or a batch in, an answer out, whatever the transport. Methods are those that
/// <see cref="RpcMethodAttribute"/> marks on the target; parameters are given by position or by name.
/// </summary>
public sealed class RpcDispatcher
{
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    private readonly Dictionary<string, Method> _methods;
    private readonly RpcLimits _limits;

    public RpcDispatcher(object target, RpcLimits limits)
    {
        _limits = limits;
        _methods = target.GetType()
            .GetMethods(BindingFlags.Public | BindingFlags.Instance)
            .Select(method => (method, attribute: method.GetCustomAttribute<RpcMethodAttribute>()))
            .Where(pair => pair.attribute is not null)
            .Select(pair => new Method(target, pair.method, pair.attribute!))
            .ToDictionary(method => method.Name, StringComparer.Ordinal);
        Method discover = new(this, typeof(RpcDispatcher).GetMethod(nameof(Discover))!, new("rpc.discover", "This document: every method with the schema of its parameters and result."));
        _methods.Add(discover.Name, discover);
    }

    /// <summary>Answers one body.</summary>
    /// <returns>The answer, or null when nothing may be answered: a notification, or a batch of them.</returns>
    public async ValueTask<byte[]?> AnswerAsync(ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        if (body.Length > _limits.MaxBodyBytes)
            return Answer(TooLarge(_limits));
        if (!Utf8.IsValid(body.Span))
            return Answer(new RpcException(RpcErrorCode.ParseError, "The body is not UTF-8.", "Send JSON in UTF-8."));

        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body, Strict);
        }
        catch (JsonException error)
        {
            return Answer(new RpcException(RpcErrorCode.ParseError, "The body is not JSON.", error.Message));
        }

        using (document)
        {
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Array)
                return await AnswerCallAsync(root, cancel);

            int count = root.GetArrayLength();
            if (count == 0)
                return Answer(new RpcException(RpcErrorCode.InvalidRequest, "The batch is empty.", "Put at least one call into a batch."));
            if (count > _limits.MaxBatchCalls)
            {
                return Answer(new RpcException(
                    RpcErrorCode.LimitExceeded, $"The batch has {count} calls.", $"Send at most {_limits.MaxBatchCalls} calls in a batch."));
            }

            return await AnswerBatchAsync(root, cancel);
        }
    }

    /// <summary>The body that is too large to be read.</summary>
    public static RpcException TooLarge(RpcLimits limits) => new(
        RpcErrorCode.LimitExceeded, "The body is too large.", $"Send at most {limits.MaxBodyBytes} bytes.");

    /// <summary>An answer to a request whose id could not be read.</summary>
    public static byte[] Answer(RpcException error) => Write(default, error, null, null);

    public JsonObject Discover()
    {
        JsonArray methods = [];
        foreach (Method method in _methods.Values.OrderBy(method => method.Name, StringComparer.Ordinal))
            methods.Add(method.Describe());

        return new JsonObject
        {
            ["openrpc"] = "1.3.2",
            ["info"] = new JsonObject
            {
                ["title"] = "Optimistic",
                ["version"] = typeof(RpcDispatcher).Assembly.GetName().Version!.ToString(3),
            },
            ["methods"] = methods,
        };
    }

    private async ValueTask<byte[]?> AnswerBatchAsync(JsonElement batch, CancellationToken cancel)
    {
        ArrayBufferWriter<byte> answers = new();
        foreach (JsonElement call in batch.EnumerateArray())
        {
            byte[]? answer = answers.WrittenCount < _limits.MaxAnswerBytes
                ? await AnswerCallAsync(call, cancel)
                : Write(IdOf(call), new RpcException(RpcErrorCode.LimitExceeded, "The answers of this batch are too large.", "Send this call again, alone."), null, null);
            if (answer is null)
                continue;

            answers.Write(answers.WrittenCount == 0 ? "["u8 : ","u8);
            answers.Write(answer);
        }

        if (answers.WrittenCount == 0)
            return null;

        answers.Write("]"u8);
        return answers.WrittenSpan.ToArray();
    }

    private async ValueTask<byte[]?> AnswerCallAsync(JsonElement call, CancellationToken cancel)
    {
        JsonElement id = default;
        bool isNotification = false;
        try
        {
            RequestOf(call, out string name, out JsonElement parameters, out id, out isNotification);
            if (!_methods.TryGetValue(name, out Method? method))
            {
                throw new RpcException(
                    RpcErrorCode.MethodNotFound, $"There is no method '{Shortened(name)}'.", "Call rpc.discover for the methods there are.");
            }

            object? result = await method.InvokeAsync(parameters, cancel);
            return isNotification ? null : Write(id, null, result, method.ResultType);
        }
        catch (RpcException error)
        {
            return isNotification ? null : Write(id, error, null, null);
        }
    }

    private static void RequestOf(JsonElement call, out string name, out JsonElement parameters, out JsonElement id, out bool isNotification)
    {
        isNotification = false;
        id = IdOf(call);
        name = "";
        parameters = default;
        if (call.ValueKind != JsonValueKind.Object)
            throw Invalid("A call is a JSON object.");
        if (!call.TryGetProperty("jsonrpc", out JsonElement version) || version.ValueKind != JsonValueKind.String || !version.ValueEquals("2.0"))
            throw Invalid("\"jsonrpc\" must be \"2.0\".");
        bool hasId = call.TryGetProperty("id", out JsonElement given);
        if (hasId && !IsId(given))
            throw Invalid("\"id\" must be a string, a number or null.");
        if (!call.TryGetProperty("method", out JsonElement method) || !TryReadString(method, out name))
            throw Invalid("\"method\" must be a string.");
        if (call.TryGetProperty("params", out parameters) && parameters.ValueKind is not (JsonValueKind.Array or JsonValueKind.Object))
            throw Invalid("\"params\" must be an array or an object.");

        isNotification = !hasId;

        static RpcException Invalid(string message) => new(
            RpcErrorCode.InvalidRequest, message, """Send {"jsonrpc":"2.0","id":1,"method":"…","params":[…]}.""");
    }

    private static JsonElement IdOf(JsonElement call) =>
        call.ValueKind == JsonValueKind.Object && call.TryGetProperty("id", out JsonElement id) && IsId(id) ? id : default;

    private static bool IsId(JsonElement id) => id.ValueKind switch
    {
        JsonValueKind.String => TryReadString(id, out _),
        JsonValueKind.Number or JsonValueKind.Null => true,
        _ => false,
    };

    /// <summary>False for what is no string, and for one that escapes half a surrogate pair.</summary>
    private static bool TryReadString(JsonElement element, out string text)
    {
        text = "";
        if (element.ValueKind != JsonValueKind.String)
            return false;

        try
        {
            text = element.GetString()!;
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static byte[] Write(JsonElement id, RpcException? error, object? result, Type? resultType)
    {
        ArrayBufferWriter<byte> buffer = new();
        using Utf8JsonWriter writer = new(buffer);
        writer.WriteStartObject();
        writer.WriteString("jsonrpc", "2.0");
        writer.WritePropertyName("id");
        if (id.ValueKind == JsonValueKind.Undefined)
            writer.WriteNullValue();
        else
            id.WriteTo(writer);

        if (error is null)
        {
            writer.WritePropertyName("result");
            JsonSerializer.Serialize(writer, result, resultType!, RpcJson.Options);
        }
        else
        {
            writer.WriteStartObject("error");
            writer.WriteNumber("code", error.Code);
            writer.WriteString("message", error.Message);
            writer.WritePropertyName("data");
            JsonObject data = error.Details?.DeepClone().AsObject() ?? [];
            data["hint"] = error.Hint;
            data.WriteTo(writer);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static string Shortened(string text) => text.Length <= 64 ? text : string.Concat(text.AsSpan(0, 61), "...");

    private sealed class Method
    {
        private readonly object _target;
        private readonly MethodInfo _method;
        private readonly RpcMethodAttribute _attribute;
        private readonly ParameterInfo[] _parameters;
        private readonly NullabilityInfoContext _nullability = new();
        private readonly Func<object, object?>? _taskResult;

        public Method(object target, MethodInfo method, RpcMethodAttribute attribute)
        {
            (_target, _method, _attribute) = (target, method, attribute);
            _parameters = [.. method.GetParameters().Where(parameter => parameter.ParameterType != typeof(CancellationToken))];
            ResultType = method.ReturnType;
            if (ResultType.IsGenericType && ResultType.GetGenericTypeDefinition() == typeof(Task<>))
            {
                PropertyInfo result = ResultType.GetProperty(nameof(Task<>.Result))!;
                _taskResult = result.GetValue;
                ResultType = ResultType.GetGenericArguments()[0];
            }
            else if (ResultType == typeof(void))
            {
                ResultType = typeof(object); // null
            }
        }

        public string Name => _attribute.Name;

        public Type ResultType { get; }

        public async ValueTask<object?> InvokeAsync(JsonElement given, CancellationToken cancel)
        {
            List<object?> arguments = [.. Bind(given)];
            if (arguments.Count < _method.GetParameters().Length)
                arguments.Add(cancel);

            object? result = _method.Invoke(_target, BindingFlags.DoNotWrapExceptions, null, [.. arguments], null);
            if (_taskResult is null)
                return result;

            Task task = (Task)result!;
            await task;
            return _taskResult(task);
        }

        public JsonObject Describe()
        {
            JsonArray parameters = [];
            foreach (ParameterInfo parameter in _parameters)
            {
                parameters.Add(new JsonObject
                {
                    ["name"] = parameter.Name,
                    ["description"] = parameter.GetCustomAttribute<DescriptionAttribute>()?.Description ?? "",
                    ["required"] = !parameter.HasDefaultValue,
                    ["schema"] = RpcJson.SchemaOf(parameter.ParameterType),
                });
            }

            return new JsonObject
            {
                ["name"] = Name,
                ["summary"] = _attribute.Summary,
                ["params"] = parameters,
                ["result"] = new JsonObject { ["name"] = "result", ["schema"] = RpcJson.SchemaOf(ResultType) },
            };
        }

        private IEnumerable<object?> Bind(JsonElement given)
        {
            if (given.ValueKind == JsonValueKind.Array && given.GetArrayLength() > _parameters.Length)
                throw Invalid($"{Name} takes {_parameters.Length} parameters, not {given.GetArrayLength()}.", null);

            if (given.ValueKind == JsonValueKind.Object)
            {
                foreach (JsonProperty member in given.EnumerateObject())
                {
                    if (!_parameters.Any(parameter => parameter.Name == member.Name))
                        throw Invalid($"{Name} has no parameter '{Shortened(member.Name)}'.", null);
                }
            }

            for (int i = 0; i < _parameters.Length; i++)
            {
                ParameterInfo parameter = _parameters[i];
                JsonElement value = default;
                bool present = given.ValueKind switch
                {
                    JsonValueKind.Array when i < given.GetArrayLength() => (value = given[i]).ValueKind != JsonValueKind.Undefined,
                    JsonValueKind.Object => given.TryGetProperty(parameter.Name!, out value),
                    _ => false,
                };
                yield return present ? Convert(parameter, value)
                    : parameter.HasDefaultValue ? parameter.DefaultValue
                    : throw Invalid($"{Name} needs the parameter '{parameter.Name}'.", parameter.Name);
            }
        }

        private object? Convert(ParameterInfo parameter, JsonElement value)
        {
            if (value.ValueKind == JsonValueKind.Null && !AcceptsNull(parameter))
                throw Invalid($"Parameter '{parameter.Name}' must not be null.", parameter.Name);

            try
            {
                return value.Deserialize(parameter.ParameterType, RpcJson.Options);
            }
            catch (JsonException error)
            {
                string at = error.Path is { Length: > 1 } path ? parameter.Name + path[1..] : parameter.Name!;
                string reason = error.Message.Split(" Path: ")[0];
                throw Invalid($"Parameter '{at}': {reason}", at);
            }
        }

        private bool AcceptsNull(ParameterInfo parameter)
        {
            lock (_nullability)
                return _nullability.Create(parameter).WriteState != NullabilityState.NotNull;
        }

        private RpcException Invalid(string message, string? parameter) => new(
            RpcErrorCode.InvalidParams,
            message,
            $"Parameters of {Name}: {(_parameters.Length == 0 ? "none" : string.Join(", ", _parameters.Select(p => p.HasDefaultValue ? $"[{p.Name}]" : p.Name)))}. Call rpc.discover for their schema.",
            parameter is null ? null : new JsonObject { ["parameter"] = parameter });
    }
}
