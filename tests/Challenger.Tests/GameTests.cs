using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Challenger.Tests;

/// <summary>The fold of L1's blocks, and how it is undone.</summary>
public sealed class GameTests
{
    private static readonly RollupContracts Contracts = new(Named(1), Named(2), Named(3));

    /// <summary>Only what a reorganization can ask for is kept, and all of that.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(ChainFollower.RememberedBlocks / 2)]
    [InlineData(ChainFollower.RememberedBlocks - 1)]
    public void AReorganizationGoesBackToAnyRememberedBlockOrToTheStart(int depth)
    {
        const int Length = 2 * ChainFollower.RememberedBlocks + 100;
        var game = new Game(Contracts, GameState.AtGenesis(new DisputeParameters(1, 1, 1, 1, 1, 1, 1), 1, 1, new ClaimRef(Word.Zero, Word.Zero, Word.Zero)));
        FollowedBlock[] chain = [.. Enumerable.Range(1, Length).Select(Block)];
        foreach (FollowedBlock[] some in chain.Chunk(97))
            game.Apply(new ChainUpdate(null, some, AtHead: false));
        Assert.Equal(Length, game.Inbox.Chunks.Count);

        int left = Length - depth;
        game.Apply(new ChainUpdate(chain[left - 1].Number + 1, [], AtHead: true));
        Assert.Equal(left, game.Inbox.Chunks.Count);
        Assert.Equal(chain[left - 1].Hash, game.Head!.Value.Hash);
        game.Apply(new ChainUpdate(null, chain[left..], AtHead: true));
        Assert.Equal(Length, game.Inbox.Chunks.Count);

        game.Apply(new ChainUpdate(0, [], AtHead: true));
        Assert.Empty(game.Inbox.Chunks);
        Assert.Null(game.Head);
    }

    private static Address Named(ulong number) => Address.FromWord(Word.FromUInt64(number));

    /// <summary>A block in which a chunk is published.</summary>
    private static FollowedBlock Block(int index)
    {
        ulong number = 10 * (ulong)index;
        Word hash = Keccak.Hash(BitConverter.GetBytes(index));
        var published = new LogEntry(Contracts.Inbox, [Abi.Inbox.ChunkPublishedEvent.Definition.Hash, hash], default, number, hash, hash, 0);
        return new FollowedBlock(number, hash, Word.Zero, number, [published]);
    }
}
