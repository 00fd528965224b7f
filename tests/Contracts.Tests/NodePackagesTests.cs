using Optimistic.Contracts.Ethereum;

namespace Optimistic.Contracts.Tests;

/// <summary>What a newcomer sees when the tools cannot be installed. The installation itself is how every chain here starts.</summary>
public sealed class NodePackagesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("optimistic-npm-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task NamesNodeWhenNpmIsMissing()
    {
        File.WriteAllText(Path.Combine(_folder, "package.json"), "{}");
        ToolchainException error = await RequireAsync("npm-that-is-not-there");
        Assert.Contains("Node.js 20", error.Message);
    }

    [Fact]
    public async Task SaysWhyNpmFailed()
    {
        File.WriteAllText(Path.Combine(_folder, "package.json"), """{"dependencies":{"solc":"0.8.37"}}""");
        ToolchainException error = await RequireAsync("npm");
        Assert.Contains("failed with code", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task NamesThePlatformWithoutABinary()
    {
        File.WriteAllText(Path.Combine(_folder, "package.json"), """{"name":"empty","version":"1.0.0"}""");
        File.WriteAllText(
            Path.Combine(_folder, "package-lock.json"),
            """{"name":"empty","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"empty","version":"1.0.0"}}}""");
        // Two at once: one installs while the other waits for its lock.
        ToolchainException[] errors = await Task.WhenAll(RequireAsync("npm"), RequireAsync("npm"));
        Assert.All(errors, error => Assert.Contains("no binary for this platform", error.Message));
    }

    private Task<ToolchainException> RequireAsync(string npm) => Assert.ThrowsAsync<ToolchainException>(
        () => NodePackages.RequireAsync(_folder, "anvil", npm, null, Cancel));
}
