using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.Tests;

[assembly: AssemblyFixture(typeof(ChainFixture))]

namespace Optimistic.Contracts.Tests;

/// <summary>
/// One development chain for all tests that only add to it. Tests that turn back time, stop mining or reorganize start
/// their own: a chain takes a fifth of a second.
/// </summary>
public sealed class ChainFixture : IAsyncLifetime
{
    private DevChain? _chain;

    public DevChain Chain => _chain ?? throw new InvalidOperationException("The chain is not started.");

    public async ValueTask InitializeAsync() => _chain = await DevChain.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (_chain is not null)
            await _chain.DisposeAsync();
    }
}
