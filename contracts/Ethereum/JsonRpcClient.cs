using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Optimistic.Contracts.Ethereum;

/// <summary>One JSON-RPC call. Parameters are JSON values: strings, numbers, booleans, null, arrays and dictionaries.</summary>
public sealed record RpcRequest(string Method, params object?[] Parameters);

/// <summary>Limits of <see cref="JsonRpcClient"/>.</summary>
public sealed record JsonRpcOptions
{
    /// <summary>One attempt at one endpoint, from connecting to the last byte.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Attempts per call over all endpoints, at least one at each.</summary>
    public int MaxAttempts { get; init; } = 5;

    /// <summary>Pause after every endpoint has failed once; doubles up to <see cref="MaxPause"/>.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan MaxPause { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Calls per HTTP request; longer batches are split.</summary>
    public int MaxBatchCalls { get; init; } = 100;

    public long MaxResponseBytes { get; init; } = 256L << 20;
}

/// <summary>
/// JSON-RPC 2.0 over HTTP with batches. An endpoint that fails, hangs or answers garbage is left for the next one, and
/// the one that worked is used until it fails. Every method of Ethereum's API may be sent twice: a transaction is known by
/// its hash. Safe for concurrent use.
/// </summary>
public sealed class JsonRpcClient : IDisposable
{
    private readonly Endpoint[] _endpoints;
    private readonly HttpClient _http;
    private readonly JsonRpcOptions _options;
    private readonly TimeProvider _time;
    private int _current;
    private long _lastId;

    /// <param name="endpoints">HTTP URLs, the preferred one first.</param>
    /// <param name="chainId">Every endpoint must serve this chain; it is asked before its first use. Null: not checked.</param>
    public JsonRpcClient(
        IReadOnlyList<Uri> endpoints, ulong? chainId = null, JsonRpcOptions? options = null, TimeProvider? time = null)
    {
        if (endpoints.Count == 0)
            throw new ArgumentException("At least one L1 endpoint is needed.", nameof(endpoints));

        foreach (Uri endpoint in endpoints)
        {
            if (!endpoint.IsAbsoluteUri || endpoint.Scheme is not ("http" or "https"))
                throw new ArgumentException($"'{endpoint}' is not an http or https URL.", nameof(endpoints));
        }

        _endpoints = [.. endpoints.Select(uri => new Endpoint(uri))];
        _options = options ?? new JsonRpcOptions();
        _time = time ?? TimeProvider.System;
        ChainId = chainId;
        _http = new HttpClient(new SocketsHttpHandler
        {
            AutomaticDecompression = DecompressionMethods.All,
            // Long-running watchers must notice when a name moves to another machine.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = _options.MaxResponseBytes,
        };
    }

    /// <summary>The chain that every endpoint must serve.</summary>
    public ulong? ChainId { get; }

    /// <summary>The endpoint that the next call tries first, without credentials, path or query.</summary>
    public string CurrentEndpoint => _endpoints[Volatile.Read(ref _current)].Name;

    /// <summary>Calls one method and returns its result.</summary>
    /// <exception cref="RpcErrorException">The node refused.</exception>
    /// <exception cref="RpcUnreachableException">No endpoint answered.</exception>
    /// <exception cref="ChainMismatchException">An endpoint serves another chain.</exception>
    public async Task<JsonElement> CallAsync(string method, object?[] parameters, CancellationToken cancel = default)
    {
        RpcResponse[] responses = await SendAsync([new RpcRequest(method, parameters)], cancel).ConfigureAwait(false);
        return responses[0].Result();
    }

    /// <summary>
    /// Calls many methods in few HTTP requests. The answers are in the order of the requests. Calls whose answers are too much together
    /// are asked in halves.
    /// </summary>
    public async Task<IReadOnlyList<RpcResponse>> CallBatchAsync(
        IReadOnlyList<RpcRequest> requests, CancellationToken cancel = default)
    {
        List<RpcResponse> responses = new(requests.Count);
        foreach (RpcRequest[] part in requests.Chunk(_options.MaxBatchCalls))
            responses.AddRange(await SendInPartsAsync(part, cancel).ConfigureAwait(false));
        return responses;
    }

    public void Dispose() => _http.Dispose();

    private async Task<RpcResponse[]> SendInPartsAsync(RpcRequest[] requests, CancellationToken cancel)
    {
        try
        {
            return await SendAsync(requests, cancel).ConfigureAwait(false);
        }
        catch (RpcUnreachableException error) when (error.IsTooMuch && requests.Length > 1)
        {
            int half = requests.Length / 2;
            RpcResponse[] first = await SendInPartsAsync(requests[..half], cancel).ConfigureAwait(false);
            return [.. first, .. await SendInPartsAsync(requests[half..], cancel).ConfigureAwait(false)];
        }
    }

    private async Task<RpcResponse[]> SendAsync(RpcRequest[] requests, CancellationToken cancel)
    {
        int attempts = Math.Max(_options.MaxAttempts, _endpoints.Length);
        TimeSpan pause = _options.FirstPause;
        string what = requests.Length == 1 ? requests[0].Method : $"a batch of {requests.Length} calls";
        Failure? failure = null;
        int start = Volatile.Read(ref _current);
        for (int attempt = 0; attempt < attempts; attempt++)
        {
            if (attempt > 0 && attempt % _endpoints.Length == 0)
            {
                await Task.Delay(pause, _time, cancel).ConfigureAwait(false);
                pause = TimeSpan.FromTicks(Math.Min(2 * pause.Ticks, _options.MaxPause.Ticks));
            }

            int index = (start + attempt) % _endpoints.Length;
            Endpoint endpoint = _endpoints[index];
            try
            {
                if (ChainId is { } chainId && !endpoint.ServesChain)
                {
                    RpcResponse[] answer =
                        await AttemptAsync(endpoint, [new RpcRequest("eth_chainId")], cancel).ConfigureAwait(false);
                    ulong actual = HexJson.UInt64(answer[0].Result(), "eth_chainId");
                    if (actual != chainId)
                        throw new ChainMismatchException(endpoint.Name, chainId, actual);
                    endpoint.ServesChain = true;
                }

                RpcResponse[] responses = await AttemptAsync(endpoint, requests, cancel).ConfigureAwait(false);
                Volatile.Write(ref _current, index);
                return responses;
            }
            catch (TransientException transient)
            {
                failure = new Failure(endpoint.Name, transient);
            }
        }

        throw new RpcUnreachableException(
            $"L1 did not answer {what} in {attempts} attempts at {_endpoints.Length} endpoint(s); " +
            $"{failure!.Endpoint} last: {failure.Reason.Message}.", failure.Reason, failure.Reason.IsTooMuch);
    }

    private async Task<RpcResponse[]> AttemptAsync(Endpoint endpoint, RpcRequest[] requests, CancellationToken cancel)
    {
        long firstId = Interlocked.Add(ref _lastId, requests.Length) - requests.Length + 1;
        using CancellationTokenSource timeout = new(_options.AttemptTimeout, _time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancel, timeout.Token);
        byte[] body;
        try
        {
            using ByteArrayContent content = new(Write(requests, firstId));
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using HttpResponseMessage response =
                await _http.PostAsync(endpoint.Uri, content, either.Token).ConfigureAwait(false);
            body = await response.Content.ReadAsByteArrayAsync(either.Token).ConfigureAwait(false);
            // Some nodes send JSON-RPC errors with status 4xx; 429 and 5xx come from what stands before the node.
            if (!response.IsSuccessStatusCode && (response.StatusCode != HttpStatusCode.BadRequest || body is not [(byte)'{' or (byte)'[', ..]))
            {
                throw new TransientException($"HTTP status {(int)response.StatusCode}")
                {
                    IsTooMuch = response.StatusCode is HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.TooManyRequests or HttpStatusCode.GatewayTimeout,
                };
            }
        }
        catch (HttpRequestException error)
        {
            throw new TransientException(OneLine(error.InnerException?.Message ?? error.Message), error)
            {
                IsTooMuch = error.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded,
            };
        }
        catch (IOException error)
        {
            throw new TransientException(OneLine(error.Message), error);
        }
        catch (OperationCanceledException error) when (!cancel.IsCancellationRequested)
        {
            throw new TransientException($"no answer within {_options.AttemptTimeout.TotalSeconds:0.###} s", error) { IsTooMuch = true };
        }

        return Read(body, requests, firstId);
    }

    private static byte[] Write(RpcRequest[] requests, long firstId)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            if (requests.Length > 1)
                json.WriteStartArray();
            for (int i = 0; i < requests.Length; i++)
            {
                json.WriteStartObject();
                json.WriteString("jsonrpc", "2.0");
                json.WriteNumber("id", firstId + i);
                json.WriteString("method", requests[i].Method);
                json.WriteStartArray("params");
                foreach (object? parameter in requests[i].Parameters)
                    WriteValue(json, parameter);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            if (requests.Length > 1)
                json.WriteEndArray();
        }

        return stream.ToArray();
    }

    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case string text:
                json.WriteStringValue(text);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case long number:
                json.WriteNumberValue(number);
                break;
            case ulong number:
                json.WriteNumberValue(number);
                break;
            case IReadOnlyDictionary<string, object?> members:
                json.WriteStartObject();
                foreach ((string name, object? member) in members)
                {
                    json.WritePropertyName(name);
                    WriteValue(json, member);
                }

                json.WriteEndObject();
                break;
            case IEnumerable<object?> items:
                json.WriteStartArray();
                foreach (object? item in items)
                    WriteValue(json, item);
                json.WriteEndArray();
                break;
            default:
                throw new ArgumentException($"A {value.GetType().Name} is not a JSON-RPC parameter.", nameof(value));
        }
    }

    private static RpcResponse[] Read(byte[] body, RpcRequest[] requests, long firstId)
    {
        JsonElement root;
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            root = document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new TransientException("the answer is not JSON", error);
        }

        RpcResponse?[] responses = new RpcResponse?[requests.Length];
        if (root.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in root.EnumerateArray())
                Place(item);
        }
        else if (requests.Length > 1 && root.ValueKind == JsonValueKind.Object && root.TryGetProperty("error", out JsonElement refusal))
        {
            throw new TransientException($"the batch was refused: {OneLine(refusal.ToString())}") { IsTooMuch = true };
        }
        else
        {
            Place(root);
        }

        int missing = Array.IndexOf(responses, null);
        if (missing >= 0)
            throw new TransientException($"the answer to {requests[missing].Method} is missing");
        return [.. responses.OfType<RpcResponse>()];

        void Place(JsonElement item)
        {
            if (item.ValueKind != JsonValueKind.Object)
                throw new TransientException("the answer is not a JSON-RPC object");

            // An error of a request that could not be read comes back with a null id; alone, it can be but ours.
            long id = item.TryGetProperty("id", out JsonElement idElement) && idElement.ValueKind == JsonValueKind.Number &&
                idElement.TryGetInt64(out long number) ? number : requests.Length == 1 ? firstId : -1;
            if (id < firstId || id >= firstId + requests.Length)
                throw new TransientException("the answer carries another request's id");

            string method = requests[id - firstId].Method;
            if (item.TryGetProperty("error", out JsonElement error) && error.ValueKind == JsonValueKind.Object)
                responses[id - firstId] = new RpcResponse(default, ToException(method, error));
            else if (item.TryGetProperty("result", out JsonElement result))
                responses[id - firstId] = new RpcResponse(result, null);
            else
                throw new TransientException($"the answer to {method} has neither result nor error");
        }
    }

    private static RpcErrorException ToException(string method, JsonElement error)
    {
        long code = error.TryGetProperty("code", out JsonElement c) && c.ValueKind == JsonValueKind.Number &&
            c.TryGetInt64(out long number) ? number : 0;
        string text = error.TryGetProperty("message", out JsonElement m) && m.ValueKind == JsonValueKind.String
            ? m.GetString()! : "no message";
        // -32005 is "limit exceeded" by EIP-1474; hosted nodes use it, or 429, to ask for patience, or for less.
        if (code is -32005 or 429)
            throw new TransientException($"rate limited: {OneLine(text)}") { IsTooMuch = true };

        byte[] data = [];
        if (error.TryGetProperty("data", out JsonElement d))
        {
            // Revert data is a string for most nodes and nested under "data" for some.
            JsonElement inner = d.ValueKind == JsonValueKind.Object && d.TryGetProperty("data", out JsonElement nested) ? nested : d;
            if (inner.ValueKind == JsonValueKind.String)
                HexJson.TryBytes(inner.GetString(), out data);
        }

        return new RpcErrorException(method, code, OneLine(text), data);
    }

    private static string OneLine(string text)
    {
        string line = text.ReplaceLineEndings(" ").Trim().TrimEnd('.');
        return line.Length <= 300 ? line : line[..300] + "…";
    }

    /// <summary>Paths and queries of hosted endpoints hold access keys, so errors name scheme, host and port alone.</summary>
    private sealed class Endpoint(Uri uri)
    {
        public Uri Uri { get; } = uri;

        public string Name { get; } = uri.GetLeftPart(UriPartial.Scheme) + uri.Authority;

        public volatile bool ServesChain;
    }

    private sealed record Failure(string Endpoint, TransientException Reason);

    /// <summary>This attempt failed, another may not.</summary>
    private sealed class TransientException(string message, Exception? inner = null) : Exception(message, inner)
    {
        /// <summary>Whether it may be for what was asked.</summary>
        public bool IsTooMuch { get; init; }
    }
}

/// <summary>The answer to one call of a batch.</summary>
public sealed class RpcResponse
{
    private readonly JsonElement _result;

    internal RpcResponse(JsonElement result, RpcErrorException? error)
    {
        _result = result;
        Error = error;
    }

    /// <summary>The node's refusal, or null.</summary>
    public RpcErrorException? Error { get; }

    /// <summary>The result, or the node's refusal thrown.</summary>
    public JsonElement Result() => Error is null ? _result : throw Error;
}
