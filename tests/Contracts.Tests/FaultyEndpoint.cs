using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Optimistic.Contracts.Tests;

/// <summary>What an endpoint does with a request.</summary>
internal enum Fault
{
    /// <summary>Passes it on to the real node.</summary>
    None,

    /// <summary>Takes it and never answers.</summary>
    Hang,

    /// <summary>Closes the connection without an answer.</summary>
    Reset,

    /// <summary>Answers with HTTP status 500.</summary>
    Status500,

    /// <summary>Answers with HTTP status 429.</summary>
    TooMany,

    /// <summary>Answers 200 with a page of text.</summary>
    Garbage,

    /// <summary>Answers with JSON that is no JSON-RPC.</summary>
    WrongShape,

    /// <summary>Answers with another request's id.</summary>
    WrongId,

    /// <summary>Passes the request on, then loses the answer.</summary>
    LoseAnswer,
}

/// <summary>A real HTTP endpoint before a real node that fails on command.</summary>
internal sealed class FaultyEndpoint : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly HttpClient _node = new();
    private readonly Uri _target;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    public FaultyEndpoint(Uri target)
    {
        _target = target;
        using (TcpListener probe = new(IPAddress.Loopback, 0))
        {
            probe.Start();
            Url = new Uri($"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/");
        }

        _listener.Prefixes.Add(Url.ToString());
        _listener.Start();
        _serving = ServeAsync();
    }

    public Uri Url { get; }

    /// <summary>What happens to each request from now on; given the request's text.</summary>
    public Func<string, Fault> Behaviour { get; set; } = _ => Fault.None;

    /// <summary>The answer to a request in place of the node's, or null for the node's.</summary>
    public Func<string, string?> Override { get; set; } = _ => null;

    public int Requests { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving;
        _listener.Close();
        _node.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        List<Task> open = [];
        while (!_stop.IsCancellationRequested)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception error) when (error is HttpListenerException or ObjectDisposedException)
            {
                break;
            }

            Requests++;
            open.Add(AnswerAsync(context));
        }

        await Task.WhenAll(open);
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        using StreamReader reader = new(context.Request.InputStream);
        string request = await reader.ReadToEndAsync();
        try
        {
            switch (Behaviour(request))
            {
                case Fault.None:
                    await WriteAsync(context, 200, Override(request) ?? await ForwardAsync(request));
                    break;
                case Fault.Hang:
                    await Task.Delay(Timeout.Infinite, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
                    Abort(context);
                    break;
                case Fault.LoseAnswer:
                    await ForwardAsync(request);
                    Abort(context);
                    break;
                case Fault.Reset:
                    Abort(context);
                    break;
                case Fault.Status500:
                    await WriteAsync(context, 500, "oops");
                    break;
                case Fault.TooMany:
                    await WriteAsync(context, 429, "slow down");
                    break;
                case Fault.Garbage:
                    await WriteAsync(context, 200, "<html>hello</html>");
                    break;
                case Fault.WrongShape:
                    await WriteAsync(context, 200, "{\"result\":");
                    break;
                case Fault.WrongId:
                    await WriteAsync(context, 200, """{"jsonrpc":"2.0","id":987654321,"result":"0x1"}""");
                    break;
                default:
                    throw new InvalidOperationException();
            }
        }
        catch (Exception error) when (error is HttpListenerException or ObjectDisposedException or IOException)
        {
            // The client gave up on this request, which is what these tests are about.
        }
    }

    // The listener may end a response that it aborts; what comes behind it on the connection must not be taken for the next.
    private static void Abort(HttpListenerContext context)
    {
        context.Response.KeepAlive = false;
        context.Response.Abort();
    }

    private async Task<string> ForwardAsync(string request)
    {
        using StringContent content = new(request, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await _node.PostAsync(_target, content);
        return await response.Content.ReadAsStringAsync();
    }

    private static async Task WriteAsync(HttpListenerContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        await context.Response.OutputStream.WriteAsync(bytes);
        context.Response.Close();
    }
}
