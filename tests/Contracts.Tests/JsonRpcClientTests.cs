using System.Text.Json;
using Optimistic.Contracts.Ethereum;

namespace Optimistic.Contracts.Tests;

/// <summary>The transport before endpoints that really fail, hang and lie.</summary>
public sealed class JsonRpcClientTests(ChainFixture fixture)
{
    private static readonly JsonRpcOptions Impatient = new()
    {
        AttemptTimeout = TimeSpan.FromSeconds(2),
        FirstPause = TimeSpan.FromMilliseconds(1),
        MaxAttempts = 3,
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string> Faults =>
        [.. Enum.GetNames<Fault>().Where(name => name != nameof(Fault.None))];

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task TakesTheNextEndpointAndStaysThere(string fault)
    {
        await using FaultyEndpoint broken = new(fixture.Chain.Url) { Behaviour = _ => Enum.Parse<Fault>(fault) };

        // A busy machine may answer late too. Only what hangs has to be given up.
        JsonRpcOptions options = fault == nameof(Fault.Hang) ? Impatient : Impatient with { AttemptTimeout = TimeSpan.FromMinutes(1) };
        using EthereumClient client = await EthereumClient.ConnectAsync(
            [broken.Url, fixture.Chain.Url], DevChain.DefaultChainId, options, cancel: Cancel);

        int requests = broken.Requests;
        await client.GetBlockNumberAsync(Cancel);
        IReadOnlyList<RpcResponse> batch = await client.Rpc.CallBatchAsync(
            [new RpcRequest("eth_chainId"), new RpcRequest("eth_blockNumber"), new RpcRequest("no_such_method")], Cancel);

        Assert.Equal("0x7a69", batch[0].Result().GetString());
        Assert.NotNull(batch[2].Error);
        Assert.Equal(requests, broken.Requests);
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task TriesAgainAndThenNamesTheEndpoint(string fault)
    {
        await using FaultyEndpoint endpoint = new(fixture.Chain.Url);
        using JsonRpcClient client = new([endpoint.Url], null, Impatient);
        int left = 2;
        endpoint.Behaviour = _ => left-- > 0 ? Enum.Parse<Fault>(fault) : Fault.None;
        JsonElement answer = await client.CallAsync("eth_chainId", [], Cancel);
        Assert.Equal("0x7a69", answer.GetString());

        endpoint.Behaviour = _ => Enum.Parse<Fault>(fault);
        RpcUnreachableException error =
            await Assert.ThrowsAsync<RpcUnreachableException>(() => client.CallAsync("eth_chainId", [], Cancel));
        Assert.Contains("eth_chainId", error.Message);
        Assert.Contains(endpoint.Url.Authority, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task SaysThatNobodyListens()
    {
        Uri nobody = new("http://127.0.0.1:9/secret-key?token=secret");
        RpcUnreachableException error = await Assert.ThrowsAsync<RpcUnreachableException>(
            () => EthereumClient.ConnectAsync([nobody], null, Impatient, cancel: Cancel));
        Assert.Contains("127.0.0.1:9", error.Message);
        Assert.DoesNotContain("secret", error.Message);
    }

    [Fact]
    public async Task RefusesAnotherChainOnAnyEndpoint()
    {
        ChainMismatchException error = await Assert.ThrowsAsync<ChainMismatchException>(
            () => EthereumClient.ConnectAsync(fixture.Chain.Url, 1, Cancel));
        Assert.Equal((1UL, DevChain.DefaultChainId), (error.Expected, error.Actual));

        await using DevChain other = await DevChain.StartAsync(new DevChainOptions { ChainId = 4242 }, Cancel);
        await using FaultyEndpoint first = new(fixture.Chain.Url);
        using EthereumClient client = await EthereumClient.ConnectAsync([first.Url, other.Url], null, Impatient, cancel: Cancel);
        first.Behaviour = _ => Fault.Status500;
        await Assert.ThrowsAsync<ChainMismatchException>(() => client.GetBlockNumberAsync(Cancel));
    }

    [Fact]
    public async Task SplitsLongBatchesAndKeepsTheirOrder()
    {
        using JsonRpcClient client = new([fixture.Chain.Url], null, new JsonRpcOptions { MaxBatchCalls = 7 });
        RpcRequest[] requests = [.. Enumerable.Range(0, 100).Select(i =>
            new RpcRequest("eth_getBalance", DevChain.Accounts[i % 10].Address.ToString(), "latest"))];
        IReadOnlyList<RpcResponse> answers = await client.CallBatchAsync(requests, Cancel);
        Assert.Equal(100, answers.Count);
        for (int i = 10; i < 100; i++)
            Assert.Equal(answers[i - 10].Result().GetString(), answers[i].Result().GetString());
    }

    [Fact]
    public async Task PassesTheNodesRefusalOn()
    {
        RpcErrorException error = await Assert.ThrowsAsync<RpcErrorException>(
            () => fixture.Chain.Client.Rpc.CallAsync("no_such_method", [], Cancel));
        Assert.Equal(-32601, error.Code);
        Assert.Contains("no_such_method", error.Message);
    }

    /// <summary>Somebody has filled L1 with events: what was one answer is more than a node sends, or than is taken.</summary>
    [Fact]
    public async Task AsksForLessWhereTheAnswerIsTooMuch()
    {
        const int Most = 9;
        await using FaultyEndpoint endpoint = new(fixture.Chain.Url);
        using JsonRpcClient client = new([endpoint.Url], null, Impatient with { MaxResponseBytes = 4_000 });
        RpcRequest[] requests = [.. Enumerable.Range(0, 60).Select(i => new RpcRequest("eth_getBalance", DevChain.Accounts[i % 10].Address.ToString(), "earliest"))];
        IReadOnlyList<RpcResponse> whole = await fixture.Chain.Client.Rpc.CallBatchAsync(requests, Cancel);
        endpoint.Override = request =>
        {
            using JsonDocument json = JsonDocument.Parse(request);
            return json.RootElement.ValueKind == JsonValueKind.Array && json.RootElement.GetArrayLength() > Most ? new string('x', 5_000) : null;
        };
        IReadOnlyList<RpcResponse> parts = await client.CallBatchAsync(requests, Cancel);
        Assert.Equal(whole.Select(answer => answer.Result().GetString()), parts.Select(answer => answer.Result().GetString()));
    }

    [Theory]
    [InlineData(-32000, "range too wide")]
    [InlineData(-32005, "query returned more than 10000 results")]
    public async Task HalvesRangesOfLogsThatTheNodeRefuses(int code, string message)
    {
        await using FaultyEndpoint endpoint = new(fixture.Chain.Url);
        using EthereumClient client = await EthereumClient.ConnectAsync([endpoint.Url], options: Impatient, cancel: Cancel);
        List<(ulong From, ulong To)> served = [];
        endpoint.Override = request =>
        {
            using JsonDocument json = JsonDocument.Parse(request);
            JsonElement filter = json.RootElement.GetProperty("params")[0];
            ulong from = Convert.ToUInt64(filter.GetProperty("fromBlock").GetString(), 16);
            ulong to = Convert.ToUInt64(filter.GetProperty("toBlock").GetString(), 16);
            bool wide = to - from >= 100;
            if (!wide)
                served.Add((from, to));
            return $$"""{"jsonrpc":"2.0","id":{{json.RootElement.GetProperty("id")}},{{(wide ? $"\"error\":{{\"code\":{code},\"message\":\"{message}\"}}" : "\"result\":[]")}}}""";
        };

        Assert.Empty(await client.GetLogsAsync(new LogFilter([]), 7, 5_006, Cancel));

        Assert.Equal((7UL, 5_006UL), (served[0].From, served[^1].To));
        for (int i = 1; i < served.Count; i++)
            Assert.Equal(served[i - 1].To + 1, served[i].From);
    }

    // Answers of hosted nodes that differ from what the specification says.
    [Theory]
    [InlineData("""{"error":{"code":3,"message":"execution reverted","data":"0x08c379a0"}}""", true, 4)]
    [InlineData("""{"error":{"code":-32015,"message":"VM execution error","data":{"data":"0x01020304"}}}""", true, 4)]
    [InlineData("""{"error":{"code":-32000,"message":"execution reverted: nope"}}""", true, 0)]
    [InlineData("""{"error":{"message":7}}""", false, 0)]
    public async Task UnderstandsErrorsOfOtherNodes(string answer, bool revert, int dataLength)
    {
        await using FaultyEndpoint endpoint = new(fixture.Chain.Url) { Override = _ => answer };
        using JsonRpcClient client = new([endpoint.Url], null, Impatient);
        RpcErrorException error = await Assert.ThrowsAsync<RpcErrorException>(() => client.CallAsync("eth_call", [], Cancel));
        Assert.Equal((revert, dataLength), (error.IsRevert, error.RevertData.Length));
    }

    [Theory]
    [InlineData("eth_blockNumber", "7")]
    [InlineData("eth_blockNumber", "\"0x\"")]
    [InlineData("eth_blockNumber", "\"0x1ffffffffffffffff\"")]
    [InlineData("eth_blockNumber", "null")]
    [InlineData("eth_getBlockByNumber", "{}")]
    [InlineData("eth_getBlockByNumber", "[]")]
    [InlineData("eth_getLogs", "{}")]
    [InlineData("eth_getLogs", "[null]")]
    [InlineData("eth_getLogs", "[{\"removed\":true}]")]
    [InlineData("eth_getTransactionReceipt", "{\"logs\":5}")]
    [InlineData("eth_getTransactionByHash", "{\"to\":1,\"blockNumber\":null,\"blockHash\":null}")]
    [InlineData("eth_getBalance", "\"0x-1\"")]
    [InlineData("eth_getCode", "\"0x123\"")]
    public async Task RefusesAnswersOfAnotherShape(string method, string result)
    {
        await using FaultyEndpoint endpoint = new(fixture.Chain.Url);
        using EthereumClient client = await EthereumClient.ConnectAsync([endpoint.Url], null, Impatient, cancel: Cancel);
        endpoint.Override = request => request.Contains(method, StringComparison.Ordinal)
            ? $$"""{"jsonrpc":"2.0","id":{{JsonDocument.Parse(request).RootElement.GetProperty("id")}},"result":{{result}}}"""
            : null;
        RpcMalformedException error = await Assert.ThrowsAsync<RpcMalformedException>(() => method switch
        {
            "eth_blockNumber" => client.GetBlockNumberAsync(Cancel),
            "eth_getBlockByNumber" => client.GetBlockAsync(BlockParameter.Latest, Cancel),
            "eth_getLogs" => client.GetLogsAsync(new LogFilter([]), 0, 0, Cancel),
            "eth_getTransactionReceipt" => client.GetReceiptAsync(default, Cancel),
            "eth_getTransactionByHash" => client.GetTransactionAsync(default, Cancel),
            "eth_getBalance" => client.GetBalanceAsync(default, cancel: Cancel),
            _ => (Task)client.GetCodeAsync(default, cancel: Cancel),
        });
        Assert.DoesNotContain('\n', error.Message);
        Assert.StartsWith("L1 ", error.Message);
    }

    [Fact]
    public async Task StopsWhenAsked()
    {
        await using FaultyEndpoint endpoint = new(fixture.Chain.Url) { Behaviour = _ => Fault.Hang };
        using JsonRpcClient client = new([endpoint.Url]);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        Task call = client.CallAsync("eth_chainId", [], stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Theory]
    [InlineData("ftp://localhost")]
    [InlineData("file:///etc/passwd")]
    public void RefusesOtherSchemes(string url) =>
        Assert.Contains("http", Assert.Throws<ArgumentException>(() => new JsonRpcClient([new Uri(url)])).Message);
}
