using Optimistic.Contracts.Bindings;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;

namespace Optimistic.Contracts;

/// <summary>What is fixed for ever when the contracts are deployed (spec 4.1, 5.1, 5.6).</summary>
/// <param name="Sequencers">Accounts that may append batches; the first one earns the fees of forced tasks.</param>
/// <param name="Limits">Delays and sizes of the Inbox, in seconds and steps, and wei per 2^20 steps of a direct task.</param>
/// <param name="Clocks">Clocks, stakes and the refunded gas price of the disputes.</param>
/// <param name="Treasury">Account that is credited with what lost disputes leave over.</param>
/// <param name="GenesisStateRoot">State root before the first batch.</param>
public sealed record DeploymentParameters(
    IReadOnlyList<Address> Sequencers, InboxLimits Limits, Parameters Clocks, Address Treasury, Word GenesisStateRoot)
{
    /// <summary>May pause the disputes for <see cref="PauseBudgetSeconds"/> in all (spec 4.8); zero: nobody.</summary>
    public Address Guardian { get; init; }

    public uint PauseBudgetSeconds { get; init; }

    /// <summary>May add rules for new tournaments (spec 5.7.2), and should be a timelock; zero: nobody.</summary>
    public Address Governor { get; init; }
}

/// <summary>The contracts of one rollup on one chain.</summary>
/// <param name="Tournament">Version 0 of the rules (spec 5.7).</param>
/// <param name="Block">The block of the Rollup's deployment: nothing of this rollup is older but the deployments before it.</param>
public sealed record Deployment(
    ulong ChainId,
    Address StepVerifier,
    Address Inbox,
    Address Tournament,
    Address Rollup,
    Address Outbox,
    ulong Block)
{
    /// <summary>Deploys the contracts in the order of spec 5.6.1 and reads them back.</summary>
    /// <param name="report">Told each contract with its receipt.</param>
    /// <exception cref="EthereumException">L1 refused, or what it stored is not what was sent.</exception>
    public static async Task<Deployment> DeployAsync(
        TransactionSender sender,
        DeploymentParameters parameters,
        Action<string, Address, TransactionReceipt>? report = null,
        CancellationToken cancel = default)
    {
        EthereumClient client = sender.Client;
        (Address verifier, _) = await DeployOneAsync(new StepVerifier.Deployment()).ConfigureAwait(false);
        (Address inbox, _) =
            await DeployOneAsync(new Inbox.Deployment(parameters.Sequencers, parameters.Limits)).ConfigureAwait(false);
        Word domain = await new ContractHandler(client, inbox)
            .QueryAsync(new Inbox.DomainSeparatorFunction(), cancel: cancel).ConfigureAwait(false);

        // The two name each other. The Rollup's constructor refuses when another transaction took its nonce.
        ulong nonce = await sender.Nonces.NextAsync(cancel).ConfigureAwait(false);
        Address expected = ContractAddress.Create(sender.Address, nonce + 1);
        (Address tournament, _) = await DeployOneAsync(
            new Tournament.Deployment(
                verifier, domain, parameters.Clocks, expected, parameters.Treasury, parameters.Guardian, parameters.PauseBudgetSeconds)).ConfigureAwait(false);
        (Address rollup, TransactionReceipt receipt) = await DeployOneAsync(
            new Rollup.Deployment(inbox, tournament, parameters.Governor, parameters.GenesisStateRoot)).ConfigureAwait(false);
        (Address outbox, _) = await DeployOneAsync(new Outbox.Deployment(rollup)).ConfigureAwait(false);

        Deployment deployment = await ReadAsync(client, rollup, outbox, cancel).ConfigureAwait(false);
        return deployment with { Block = receipt.BlockNumber };

        async Task<(Address Address, TransactionReceipt Receipt)> DeployOneAsync(ContractDeploymentMessage message)
        {
            (Address address, TransactionReceipt mined) = await sender.DeployAsync(message, cancel).ConfigureAwait(false);
            report?.Invoke(message.Artifact.Name, address, mined);
            return (address, mined);
        }
    }

    /// <summary>
    /// Finds the contracts of a rollup from its address and checks that each is the contract of this version, wired to
    /// the others. <see cref="Block"/> is searched for; on a node without old state it is 0.
    /// </summary>
    /// <param name="outbox">The Outbox, which the Rollup does not know; the zero address: none.</param>
    /// <exception cref="ContractMissingException">A contract is missing or another one.</exception>
    public static async Task<Deployment> ReadAsync(
        EthereumClient client, Address rollup, Address outbox = default, CancellationToken cancel = default)
    {
        await RequireAsync(client, rollup, Bindings.Rollup.Contract, cancel).ConfigureAwait(false);
        ContractHandler rollupHandler = new(client, rollup);
        Address inbox = await rollupHandler.QueryAsync(new Rollup.InboxFunction(), cancel: cancel).ConfigureAwait(false);
        Address tournament = await rollupHandler.QueryAsync(new Rollup.RulesFunction(0), cancel: cancel).ConfigureAwait(false);
        await RequireAsync(client, inbox, Bindings.Inbox.Contract, cancel).ConfigureAwait(false);
        await RequireAsync(client, tournament, Bindings.Tournament.Contract, cancel).ConfigureAwait(false);

        ContractHandler tournamentHandler = new(client, tournament);
        Address verifier = await tournamentHandler.QueryAsync(new Tournament.VerifierFunction(), cancel: cancel).ConfigureAwait(false);
        await RequireAsync(client, verifier, Bindings.StepVerifier.Contract, cancel).ConfigureAwait(false);
        Address back = await tournamentHandler.QueryAsync(new Tournament.RollupFunction(), cancel: cancel).ConfigureAwait(false);
        if (back != rollup)
            throw new ContractMissingException(tournament, $"it is the Tournament of {back}, not of the rollup {rollup}.");

        Word domain = await tournamentHandler.QueryAsync(new Tournament.DomainSeparatorFunction(), cancel: cancel).ConfigureAwait(false);
        Word own = await new ContractHandler(client, inbox)
            .QueryAsync(new Inbox.DomainSeparatorFunction(), cancel: cancel).ConfigureAwait(false);
        if (domain != own)
            throw new ContractMissingException(tournament, $"it checks signatures for another Inbox than {inbox}.");

        if (!outbox.IsZero)
        {
            await RequireAsync(client, outbox, Bindings.Outbox.Contract, cancel).ConfigureAwait(false);
            Address served = await new ContractHandler(client, outbox)
                .QueryAsync(new Outbox.RollupFunction(), cancel: cancel).ConfigureAwait(false);
            if (served != rollup)
                throw new ContractMissingException(outbox, $"it is the Outbox of {served}, not of the rollup {rollup}.");
        }

        ulong block = await FindBlockAsync(client, rollup, cancel).ConfigureAwait(false);
        return new Deployment(client.ChainId, verifier, inbox, tournament, rollup, outbox, block);
    }

    private static async Task RequireAsync(EthereumClient client, Address address, ContractArtifact artifact, CancellationToken cancel)
    {
        byte[] code = await client.GetCodeAsync(address, cancel: cancel).ConfigureAwait(false);
        if (code.Length == 0)
        {
            throw new ContractMissingException(
                address, $"there is no {artifact.Name} contract on chain {client.ChainId}: check the address and the L1 URL.");
        }

        if (!artifact.IsDeployedAs(code))
            throw new ContractMissingException(address, $"the contract there is not the {artifact.Name} of this version.");
    }

    /// <summary>The first block with code at the address, by bisection over the state of old blocks.</summary>
    private static async Task<ulong> FindBlockAsync(EthereumClient client, Address address, CancellationToken cancel)
    {
        ulong low = 0, high = await client.GetBlockNumberAsync(cancel).ConfigureAwait(false);
        try
        {
            while (low < high)
            {
                ulong middle = low + (high - low) / 2;
                byte[] code = await client.GetCodeAsync(address, middle, cancel).ConfigureAwait(false);
                (low, high) = code.Length > 0 ? (low, middle) : (middle + 1, high);
            }

            return low;
        }
        catch (RpcErrorException)
        {
            // Full nodes keep the state of few blocks; from block 0 every log is found, only later.
            return 0;
        }
    }
}
