using System.Diagnostics;
using Optimistic.Contracts.Ethereum;

namespace Optimistic.Contracts.Tests;

/// <summary>Foundry's cast: an implementation of the same formats that we did not write.</summary>
internal static class Cast
{
    public static async Task<string> RunAsync(IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        ProcessStartInfo start = new(await NodePackages.RequireAsync("cast", cancel: cancel))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync(cancel);
        string output = await process.StandardOutput.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        Assert.True(process.ExitCode == 0, $"cast {string.Join(' ', arguments)}: {await errors}");
        return output.Trim();
    }

    public static Task<string> RunAsync(params string[] arguments) => RunAsync((IEnumerable<string>)arguments);
}
