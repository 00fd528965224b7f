using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>A block to look at: a number, a hash (EIP-1898), or a tag.</summary>
public readonly struct BlockParameter : IEquatable<BlockParameter>
{
    private readonly string? _tag;
    private readonly Word? _hash;
    private readonly ulong _number;

    private BlockParameter(string? tag, Word? hash, ulong number)
    {
        _tag = tag;
        _hash = hash;
        _number = number;
    }

    public static BlockParameter Latest { get; } = new("latest", null, 0);

    public static BlockParameter Pending { get; } = new("pending", null, 0);

    public static BlockParameter Safe { get; } = new("safe", null, 0);

    public static BlockParameter Finalized { get; } = new("finalized", null, 0);

    public static BlockParameter Earliest { get; } = new("earliest", null, 0);

    public static BlockParameter Number(ulong number) => new(null, null, number);

    /// <summary>Reads of a block that was reorganized away fail instead of answering from another chain.</summary>
    public static BlockParameter Hash(Word hash) => new(null, hash, 0);

    public static implicit operator BlockParameter(ulong number) => Number(number);

    internal Word? BlockHash => _hash;

    internal object ToJson() => _hash is { } hash
        ? new Dictionary<string, object?> { ["blockHash"] = hash.ToString(), ["requireCanonical"] = true }
        : ToNumberOrTag();

    internal string ToNumberOrTag() => _hash is not null
        ? throw new ArgumentException("A block number or tag is needed here, not a hash.")
        : _tag ?? HexJson.Quantity(_number);

    public bool Equals(BlockParameter other) => _tag == other._tag && _hash == other._hash && _number == other._number;

    public override bool Equals(object? obj) => obj is BlockParameter other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_tag, _hash, _number);

    public static bool operator ==(BlockParameter left, BlockParameter right) => left.Equals(right);

    public static bool operator !=(BlockParameter left, BlockParameter right) => !left.Equals(right);

    public override string ToString() => _hash?.ToString() ?? ToNumberOrTag();
}
