using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>Addresses of contracts before they exist.</summary>
public static class ContractAddress
{
    /// <summary>Where a deployment by this account with this nonce goes: keccak256(rlp(account, nonce)), low 20 bytes.</summary>
    public static Address Create(Address deployer, ulong nonce)
    {
        RlpItem preimage = new RlpItem[] { deployer.Bytes.ToArray(), nonce };
        return Address.FromWord(Keccak.Hash(preimage.Encode()));
    }
}
