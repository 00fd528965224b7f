using System.Numerics;
using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>An EIP-1559 transaction without access list. Fees are wei per gas; a null target creates a contract.</summary>
public sealed record Transaction(
    ulong ChainId,
    ulong Nonce,
    BigInteger MaxPriorityFeePerGas,
    BigInteger MaxFeePerGas,
    ulong GasLimit,
    Address? To,
    BigInteger Value,
    ReadOnlyMemory<byte> Data)
{
    private const byte Type = 2;

    /// <summary>What the sender signs: keccak256(2 ‖ rlp of the fields).</summary>
    public Word SigningHash() => Keccak.Hash(Serialize(Fields()));

    /// <summary>Signs with the account's key.</summary>
    public SignedTransaction Sign(Account account)
    {
        Signature signature = account.Sign(SigningHash());
        byte[] raw = Serialize(
        [
            .. Fields(), (ulong)signature.YParity, signature.R.ToBigInteger(), signature.S.ToBigInteger(),
        ]);
        return new SignedTransaction(this, Keccak.Hash(raw), raw);
    }

    private RlpItem[] Fields() =>
    [
        ChainId, Nonce, MaxPriorityFeePerGas, MaxFeePerGas, GasLimit,
        To is { } to ? to.Bytes.ToArray() : Array.Empty<byte>(), Value, Data.ToArray(), Array.Empty<RlpItem>(),
    ];

    private static byte[] Serialize(RlpItem[] fields) => [Type, .. ((RlpItem)fields).Encode()];
}

/// <summary>A transaction as it goes over the wire, and the hash by which everyone knows it.</summary>
public sealed record SignedTransaction(Transaction Transaction, Word Hash, ReadOnlyMemory<byte> Raw);
