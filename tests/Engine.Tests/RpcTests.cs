using System.ComponentModel;
using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Optimistic.Engine.Rpc;
using Optimistic.Vm;

namespace Optimistic.Engine.Tests;

/// <summary>JSON-RPC 2.0 conformance, over a real server on a real port.</summary>
public sealed class RpcTests : IAsyncLifetime
{
    private static readonly RpcLimits Limits = new() { MaxBodyBytes = 4096, MaxBatchCalls = 4, MaxAnswerBytes = 2048 };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private readonly HttpClient _http = new();
    private readonly Calculator _calculator = new();
    private WebApplication _server = null!;
    private Uri _url = null!;

    public async ValueTask InitializeAsync()
    {
        Serilog.ILogger log = new Serilog.LoggerConfiguration().CreateLogger();
        _server = RpcServer.Create("http://127.0.0.1:0", _calculator, Limits, () => new Health(_calculator.IsHealthy, new JsonObject { ["calls"] = 1 }), log);
        await _server.StartAsync(Cancel);
        _url = new Uri(_server.Urls.Single());
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
    }

    // The examples of the JSON-RPC 2.0 specification, section 7, and what they leave out.
    [Theory]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":1}""", """{"jsonrpc":"2.0","id":1,"result":"0x13"}""")]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":{"right":"0x17","left":42},"id":"a"}""", """{"jsonrpc":"2.0","id":"a","result":"0x13"}""")]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":[42],"id":null}""", """{"jsonrpc":"2.0","id":null,"result":"0x2a"}""")]
    [InlineData("""{"jsonrpc":"2.0","method":"hash","params":["0x00ff"],"id":1.5}""", """{"jsonrpc":"2.0","id":1.5,"result":"0x00ff"}""")]
    [InlineData("""{"jsonrpc":"2.0","method":"hash","params":["AP8="],"id":12345678901234567890}""", """{"jsonrpc":"2.0","id":12345678901234567890,"result":"0x00ff"}""")]
    public async Task Answers_calls(string request, string expected)
    {
        (HttpStatusCode status, string? answer) = await PostAsync(request);
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(expected, answer);
    }

    [Theory]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract""", -32700)]
    [InlineData("", -32700)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","method":"subtract","params":[1],"id":1}""", -32700)]
    [InlineData("1", -32600)]
    [InlineData("[]", -32600)]
    [InlineData("null", -32600)]
    [InlineData("{}", -32600)]
    [InlineData("""{"jsonrpc":"2.0","method":1,"params":"bar","id":1}""", -32600)]
    [InlineData("""{"jsonrpc":"1.0","method":"subtract","params":[1,1],"id":1}""", -32600)]
    [InlineData("""{"method":"subtract","params":[1,1],"id":1}""", -32600)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":3,"id":1}""", -32600)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":[1,1],"id":[]}""", -32600)]
    [InlineData("""{"jsonrpc":"2.0","method":"\ud800","id":1}""", -32600)]
    [InlineData("""{"jsonrpc":"2.0","method":"nothing","id":1}""", -32601)]
    [InlineData("""{"jsonrpc":"2.0","method":"Subtract","params":[1,1],"id":1}""", -32601)]
    [InlineData("""{"jsonrpc":"2.0","method":"IsHealthy","id":1}""", -32601)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":[],"id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":[1,2,3],"id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":{"left":1,"wrong":2},"id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":["1"],"id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":[-1],"id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":[1.5],"id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":["0x10000000000000000"],"id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"subtract","params":[null],"id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"hash","params":["0xabc"],"id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"describe","params":[{"owner":"0x12"}],"id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"describe","params":[{"owner":null,"root":"0x00"}],"id":1}""", -32602)]
    [InlineData("""{"jsonrpc":"2.0","method":"refuse","id":1}""", -32003)]
    public async Task Refuses_with_the_right_code_and_a_hint(string request, int code)
    {
        (HttpStatusCode status, string? answer) = await PostAsync(request);
        Assert.Equal(HttpStatusCode.OK, status);
        JsonNode error = JsonNode.Parse(answer!)!["error"]!;
        Assert.Equal(code, (int)error["code"]!);
        Assert.NotEmpty((string)error["message"]!);
        Assert.NotEmpty((string)error["data"]!["hint"]!);
    }

    [Fact]
    public async Task An_unknown_member_and_a_wrong_type_name_their_place()
    {
        string owner = Address.Zero.ToString(), root = Word.Zero.ToString();
        (_, string? answer) = await PostAsync($$$"""{"jsonrpc":"2.0","method":"describe","params":[{"owner":"{{{owner}}}","root":"{{{root}}}","more":1}],"id":1}""");
        Assert.Contains("more", answer, StringComparison.Ordinal);

        (_, answer) = await PostAsync($$$"""{"jsonrpc":"2.0","method":"describe","params":[{"owner":"{{{owner}}}","root":"0x12"}],"id":1}""");
        Assert.Equal("thing.root", (string?)JsonNode.Parse(answer!)!["error"]!["data"]!["parameter"]);
    }

    [Fact]
    public async Task A_notification_is_executed_and_not_answered_not_even_with_an_error()
    {
        Assert.Equal((HttpStatusCode.NoContent, null), await PostAsync("""{"jsonrpc":"2.0","method":"remember","params":["0x7"]}"""));
        Assert.Equal(7UL, _calculator.Memory);
        Assert.Equal((HttpStatusCode.NoContent, null), await PostAsync("""{"jsonrpc":"2.0","method":"nothing"}"""));
        Assert.Equal((HttpStatusCode.NoContent, null), await PostAsync("""[{"jsonrpc":"2.0","method":"remember","params":[8]},{"jsonrpc":"2.0","method":"refuse"}]"""));
        Assert.Equal(8UL, _calculator.Memory);
    }

    [Fact]
    public async Task A_batch_is_answered_call_by_call()
    {
        (_, string? answer) = await PostAsync("""
            [{"jsonrpc":"2.0","method":"subtract","params":[3,1],"id":"1"},{"jsonrpc":"2.0","method":"remember","params":[9]},5,{"jsonrpc":"2.0","method":"nothing","id":"2"}]
            """);
        JsonArray answers = JsonNode.Parse(answer!)!.AsArray();
        Assert.Equal(3, answers.Count);
        Assert.Equal("0x2", (string?)answers[0]!["result"]);
        Assert.Equal(-32600, (int)answers[1]!["error"]!["code"]!);
        Assert.Equal("2", (string?)answers[2]!["id"]);
    }

    [Fact]
    public async Task Limits_of_calls_answer_and_body_hold()
    {
        string call = """{"jsonrpc":"2.0","method":"subtract","params":[3,1],"id":1}""";
        (_, string? answer) = await PostAsync($"[{string.Join(',', Enumerable.Repeat(call, Limits.MaxBatchCalls + 1))}]");
        Assert.Equal(-32005, (int)JsonNode.Parse(answer!)!["error"]!["code"]!);

        string large = """{"jsonrpc":"2.0","method":"discover","id":1}""".Replace("discover", "rpc.discover", StringComparison.Ordinal);
        (_, answer) = await PostAsync($"[{large},{large}]");
        Assert.Equal(-32005, (int)JsonNode.Parse(answer!)!.AsArray()[1]!["error"]!["code"]!);

        (HttpStatusCode status, answer) = await PostAsync(call + new string(' ', Limits.MaxBodyBytes));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, status);
        Assert.Equal(-32005, (int)JsonNode.Parse(answer!)!["error"]!["code"]!);

        (_, answer) = await PostAsync(new string('[', 4000));
        Assert.Equal(-32700, (int)JsonNode.Parse(answer!)!["error"]!["code"]!);
    }

    [Fact]
    public async Task A_body_without_length_is_limited_too()
    {
        using HttpRequestMessage request = new(HttpMethod.Post, _url)
        {
            Content = new StreamContent(new MemoryStream(new byte[3 * Limits.MaxBodyBytes])),
        };
        request.Headers.TransferEncodingChunked = true;
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using HttpResponseMessage response = await _http.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task Only_JSON_in_UTF8_is_read()
    {
        using HttpResponseMessage text = await _http.PostAsync(_url, new StringContent("{}", Encoding.UTF8, "text/plain"), Cancel);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, text.StatusCode);

        ByteArrayContent latin = new([(byte)'"', 0xe4, (byte)'"']);
        latin.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using HttpResponseMessage response = await _http.PostAsync(_url, latin, Cancel);
        Assert.Contains("-32700", await response.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);

        using HttpResponseMessage get = await _http.GetAsync(_url, Cancel);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, get.StatusCode);
    }

    [Fact]
    public async Task A_handler_that_breaks_is_an_internal_error_without_details()
    {
        (HttpStatusCode status, string? answer) = await PostAsync("""{"jsonrpc":"2.0","method":"break","id":1}""");
        Assert.Equal(HttpStatusCode.InternalServerError, status);
        Assert.Equal(-32603, (int)JsonNode.Parse(answer!)!["error"]!["code"]!);
        Assert.DoesNotContain("secret", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_is_200_or_503()
    {
        using HttpResponseMessage good = await _http.GetAsync(new Uri(_url, "health"), Cancel);
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
        _calculator.IsHealthy = false;
        using HttpResponseMessage bad = await _http.GetAsync(new Uri(_url, "health"), Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, bad.StatusCode);
        Assert.False((bool)JsonNode.Parse(await bad.Content.ReadAsStringAsync(Cancel))!["healthy"]!);
    }

    [Fact]
    public async Task Discover_describes_every_method()
    {
        JsonObject document = new RpcDispatcher(_calculator, Limits).Discover();
        JsonArray methods = document["methods"]!.AsArray();
        Assert.Equal(["break", "describe", "hash", "refuse", "remember", "rpc.discover", "subtract"], methods.Select(method => (string)method!["name"]!));
        JsonNode describe = methods[1]!;
        JsonNode schema = describe["params"]![0]!["schema"]!;
        Assert.Equal("^0x[0-9a-f]{64}$", (string?)schema["properties"]!["root"]!["pattern"]);
        Assert.Equal(["owner", "root"], schema["required"]!.AsArray().Select(name => (string)name!));
        JsonNode subtract = methods[6]!;
        Assert.True((bool)subtract["params"]![0]!["required"]!);
        Assert.False((bool)subtract["params"]![1]!["required"]!);
        Assert.Equal("the lesser one", (string?)subtract["params"]![1]!["description"]);
        await Task.CompletedTask;
    }

    [Fact]
    public async Task WebSocket_answers_messages_in_order_and_closes_on_what_it_cannot_read()
    {
        using ClientWebSocket socket = new();
        await socket.ConnectAsync(new UriBuilder(_url) { Scheme = "ws" }.Uri, Cancel);
        for (int i = 1; i <= 3; i++)
        {
            await SendAsync(socket, $$"""{"jsonrpc":"2.0","method":"subtract","params":[{{10 * i}},1],"id":{{i}}}""");
            Assert.Equal($$"""{"jsonrpc":"2.0","id":{{i}},"result":"0x{{10 * i - 1:x}}"}""", await ReceiveAsync(socket));
        }

        await SendAsync(socket, "not JSON");
        Assert.Contains("-32700", await ReceiveAsync(socket), StringComparison.Ordinal);

        await SendAsync(socket, new string(' ', Limits.MaxBodyBytes + 1));
        Assert.Null(await ReceiveAsync(socket));
        Assert.Equal(WebSocketCloseStatus.MessageTooBig, socket.CloseStatus);
    }

    [Fact]
    public async Task WebSocket_of_another_origin_is_refused()
    {
        using ClientWebSocket socket = new();
        socket.Options.SetRequestHeader("Origin", "http://elsewhere.example");
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(new UriBuilder(_url) { Scheme = "ws" }.Uri, Cancel));
    }

    private async Task<(HttpStatusCode Status, string? Answer)> PostAsync(string body)
    {
        using HttpResponseMessage response = await _http.PostAsync(_url, new StringContent(body, Encoding.UTF8, "application/json"), Cancel);
        string answer = await response.Content.ReadAsStringAsync(Cancel);
        return (response.StatusCode, answer.Length == 0 ? null : answer);
    }

    private static Task SendAsync(ClientWebSocket socket, string text) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, Cancel);

    private static async Task<string?> ReceiveAsync(ClientWebSocket socket)
    {
        byte[] part = new byte[4096];
        using MemoryStream message = new();
        while (true)
        {
            WebSocketReceiveResult received = await socket.ReceiveAsync(part, Cancel);
            if (received.MessageType == WebSocketMessageType.Close)
                return null;

            message.Write(part, 0, received.Count);
            if (received.EndOfMessage)
                return Encoding.UTF8.GetString(message.ToArray());
        }
    }

    public sealed record Thing(Address Owner, Word Root);

    public sealed class Calculator
    {
        public bool IsHealthy { get; set; } = true;

        public ulong Memory { get; private set; }

        [RpcMethod("subtract", "left - right")]
        public ulong Subtract(ulong left, [Description("the lesser one")] ulong right = 0) => left - right;

        [RpcMethod("remember", "keeps a number")]
        public void Remember(ulong value) => Memory = value;

        [RpcMethod("hash", "the same bytes")]
        public async Task<HexData> HashAsync(HexData data, CancellationToken cancel)
        {
            await Task.Delay(1, cancel);
            return data;
        }

        [RpcMethod("describe", "an object")]
        public Thing Describe(Thing thing) => thing;

        [RpcMethod("refuse", "an error")]
        public Task<Thing> RefuseAsync() => throw new RpcException(RpcErrorCode.Rejected, "No.", "Ask for something else.");

        [RpcMethod("break", "a bug")]
        public ulong Break() => throw new InvalidOperationException("a secret");
    }
}
