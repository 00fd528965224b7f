using System.Buffers;
using System.Net.WebSockets;

namespace Optimistic.Engine.Rpc;

/// <summary>JSON-RPC over HTTP (POST /) and WebSocket (GET / with an upgrade).</summary>
public sealed class RpcEndpoint(RpcDispatcher dispatcher, RpcLimits limits)
{
    private int _sockets;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/", PostAsync);
        routes.MapGet("/", GetAsync);
    }

    /// <summary>What a client gets when a handler breaks: the details are in the log, not in the answer.</summary>
    public static async Task WriteInternalErrorAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        await WriteAsync(context, RpcDispatcher.Answer(new RpcException(
            RpcErrorCode.InternalError, "The node failed at this call.", "Send it again; if that fails too, see the node's log.")));
    }

    private async Task PostAsync(HttpContext context)
    {
        // A page of another origin can make a browser post text/plain without asking, but not JSON.
        if (!context.Request.HasJsonContentType())
        {
            context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
            await WriteAsync(context, RpcDispatcher.Answer(new RpcException(
                RpcErrorCode.InvalidRequest, "The body is not declared as JSON.", "Send the header Content-Type: application/json.")));
            return;
        }

        if (await ReadBodyAsync(context) is not { } body)
        {
            context.Response.StatusCode = StatusCodes.Status413PayloadTooLarge;
            await WriteAsync(context, RpcDispatcher.Answer(RpcDispatcher.TooLarge(limits)));
            return;
        }

        byte[]? answer = await dispatcher.AnswerAsync(body, context.RequestAborted);
        if (answer is null)
            context.Response.StatusCode = StatusCodes.Status204NoContent;
        else
            await WriteAsync(context, answer);
    }

    /// <returns>Null when the body is longer than the limit.</returns>
    private async Task<byte[]?> ReadBodyAsync(HttpContext context)
    {
        if (context.Request.ContentLength > limits.MaxBodyBytes)
            return null;

        using MemoryStream body = new((int)(context.Request.ContentLength ?? 0));
        byte[] part = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            for (int count; (count = await context.Request.Body.ReadAsync(part, context.RequestAborted)) > 0;)
            {
                if (body.Length + count > limits.MaxBodyBytes)
                    return null;
                body.Write(part, 0, count);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(part);
        }

        return body.ToArray();
    }

    private static async Task WriteAsync(HttpContext context, byte[] answer)
    {
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = answer.Length;
        await context.Response.Body.WriteAsync(answer, context.RequestAborted);
    }

    private async Task GetAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = "POST";
            await context.Response.WriteAsync("JSON-RPC 2.0: POST here, or open a WebSocket. /health tells how the node is.\n");
            return;
        }

        // Browsers send Origin: a page of another site must not talk to a node on this machine.
        if (context.Request.Headers.Origin is [{ } origin] &&
            !(Uri.TryCreate(origin, UriKind.Absolute, out Uri? uri) && uri.Authority == context.Request.Host.Value))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        if (Interlocked.Increment(ref _sockets) > limits.MaxSockets)
        {
            Interlocked.Decrement(ref _sockets);
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        try
        {
            using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
            await ServeAsync(socket, context.RequestAborted);
        }
        finally
        {
            Interlocked.Decrement(ref _sockets);
        }
    }

    /// <summary>One message after another: a client that wants parallel calls opens more connections.</summary>
    private async Task ServeAsync(WebSocket socket, CancellationToken cancel)
    {
        byte[] part = new byte[1 << 14];
        using MemoryStream message = new();
        while (true)
        {
            ValueWebSocketReceiveResult received;
            try
            {
                received = await socket.ReceiveAsync(part.AsMemory(), cancel);
            }
            catch (WebSocketException)
            {
                return; // the peer is gone without a goodbye
            }

            if (received.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, cancel);
                return;
            }

            if (received.MessageType == WebSocketMessageType.Binary)
            {
                await socket.CloseAsync(WebSocketCloseStatus.InvalidMessageType, "Send text messages.", cancel);
                return;
            }

            if (message.Length + received.Count > limits.MaxBodyBytes)
            {
                await socket.CloseAsync(WebSocketCloseStatus.MessageTooBig, $"Send at most {limits.MaxBodyBytes} bytes.", cancel);
                return;
            }

            message.Write(part, 0, received.Count);
            if (!received.EndOfMessage)
                continue;

            byte[]? answer = await dispatcher.AnswerAsync(message.ToArray(), cancel);
            message.SetLength(0);
            if (answer is not null)
                await socket.SendAsync(answer, WebSocketMessageType.Text, endOfMessage: true, cancel);
        }
    }
}
