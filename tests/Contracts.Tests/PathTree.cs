using Optimistic.Vm;

namespace Optimistic.Contracts.Tests;

/// <summary>A trace tree that has one value at leaf 0 and another at all others: all that a game along its left edge needs.</summary>
internal sealed record PathTree(int Height, Word First, Word Rest)
{
    public Word Root => Left(Height);

    public ulong LastIndex => (1UL << (2 * Height)) - 1;

    /// <summary>The four children of the leftmost node at a height.</summary>
    public IReadOnlyList<Word> Children(int height)
    {
        Word rest = QuadTree.Repeat(Rest, height - 1);
        return [Left(height - 1), rest, rest, rest];
    }

    /// <summary>The encoded proof of the last leaf (spec 2.2.2).</summary>
    public byte[] ProveLast()
    {
        List<Word> siblings = [];
        for (int height = 1; height <= Height; height++)
        {
            Word rest = QuadTree.Repeat(Rest, height - 1);
            siblings.AddRange([height == Height ? Left(height - 1) : rest, rest, rest]);
        }

        return QuadProof.Create(QuadTreeKind.Trace, Rest, LastIndex, siblings.ToArray()).Encode();
    }

    private Word Left(int height)
    {
        Word node = First;
        for (int i = 0; i < height; i++)
        {
            Word rest = QuadTree.Repeat(Rest, i);
            node = Keccak.Quad(node, rest, rest, rest);
        }

        return node;
    }
}
