using System.Text.Json;
using System.Text.Json.Nodes;
using Serilog;

namespace Optimistic.Engine.Rpc;

/// <summary>How a node is, for load balancers and people: served at /health with 200 or 503.</summary>
public sealed record Health(bool IsHealthy, JsonObject Details);

/// <summary>The HTTP server of a node: JSON-RPC at /, health at /health.</summary>
public static class RpcServer
{
    /// <param name="url">Where to listen; port 0 takes a free one, see <see cref="WebApplication.Urls"/>.</param>
    /// <param name="api">The object whose marked methods are served.</param>
    public static WebApplication Create(string url, object api, RpcLimits limits, Func<Health> health, Serilog.ILogger log)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [] });
        builder.WebHost.UseUrls(url);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // The endpoint counts the bytes itself and answers with a JSON-RPC error.
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MaxConcurrentUpgradedConnections = limits.MaxSockets + 16;
        });
        builder.Services.AddSerilog(log);

        WebApplication app = builder.Build();
        app.UseExceptionHandler(failed => failed.Run(RpcEndpoint.WriteInternalErrorAsync));
        app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.FromSeconds(30), KeepAliveTimeout = TimeSpan.FromSeconds(30) });
        new RpcEndpoint(new RpcDispatcher(api, limits), limits).Map(app);
        app.MapGet("/health", async context =>
        {
            Health now = health();
            context.Response.StatusCode = now.IsHealthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            context.Response.ContentType = "application/json";
            JsonObject answer = now.Details;
            answer["healthy"] = now.IsHealthy;
            await context.Response.WriteAsync(answer.ToJsonString(JsonSerializerOptions.Web), context.RequestAborted);
        });
        return app;
    }
}
