using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Contracts.L1;

/// <summary>
/// A version of the rules is in a Tournament that this program does not know: of other code, or with another verifier. Claims pinned to it
/// need a program that knows it; those of other versions do not.
/// </summary>
public sealed class UnknownRulesException(Address tournament, string what)
    : EthereumException($"Tournament {tournament} is a version of the rules that this program does not know: {what}")
{
    public Address Tournament { get; } = tournament;
}

/// <summary>A version of the rules that this program knows (spec 5.7.1): a Tournament with what was fixed when it was deployed.</summary>
/// <param name="Tournament">The contract; zero where there is none, in a model.</param>
/// <param name="BondBatch">bond(0), wei.</param>
/// <param name="BondChunk">bond(1), wei.</param>
public sealed record Rules(Address Tournament, DisputeParameters Parameters, UInt128 BondBatch, UInt128 BondChunk)
{
    /// <summary>Pauses so far. Each version has its own clock (spec 4.8.2).</summary>
    public Pauses Pauses { get; init; } = Pauses.None;

    /// <summary>Dispute time at a block's timestamp (spec 4.8.2).</summary>
    public ulong TimeAt(ulong timestamp) => Pauses.TimeAt(timestamp, Parameters.PauseBudgetSeconds);

    public bool IsPaused(ulong timestamp) => Pauses.IsPaused(timestamp, Parameters.PauseBudgetSeconds);

    /// <summary>Reads the rules of a Tournament, as they are before any pause.</summary>
    /// <exception cref="UnknownRulesException">They are not known here.</exception>
    /// <exception cref="EthereumException">L1 did not answer.</exception>
    public static async Task<Rules> ReadAsync(EthereumClient client, Address tournament, CancellationToken cancel = default)
    {
        if (!Abi.Tournament.Contract.IsDeployedAs(await client.GetCodeAsync(tournament, cancel: cancel).ConfigureAwait(false)))
            throw new UnknownRulesException(tournament, "its code is another one.");
        ContractHandler contract = new(client, tournament);
        Address verifier = await contract.QueryAsync(new Abi.Tournament.VerifierFunction(), cancel: cancel).ConfigureAwait(false);
        if (!Abi.StepVerifier.Contract.IsDeployedAs(await client.GetCodeAsync(verifier, cancel: cancel).ConfigureAwait(false)))
            throw new UnknownRulesException(tournament, $"the code of its verifier {verifier} is another one.");

        Abi.Parameters parameters = await contract.QueryAsync(new Abi.Tournament.ParametersFunction(), cancel: cancel).ConfigureAwait(false);
        return new Rules(
            tournament,
            EventReader.From(parameters) with
            {
                PauseBudgetSeconds = await contract.QueryAsync(new Abi.Tournament.PauseBudgetSecondsFunction(), cancel: cancel).ConfigureAwait(false),
            },
            EventReader.Wei(await contract.QueryAsync(new Abi.Tournament.BondFunction(0), cancel: cancel).ConfigureAwait(false)),
            EventReader.Wei(await contract.QueryAsync(new Abi.Tournament.BondFunction(1), cancel: cancel).ConfigureAwait(false)));
    }
}

/// <summary>The rules that L1 announces, read once each: what a Tournament is never changes.</summary>
public sealed class RulesReader(EthereumClient client)
{
    private readonly Dictionary<Address, Rules?> _known = [];

    /// <summary>Reads the later versions that blocks announce. It comes before their events are taken in.</summary>
    /// <exception cref="EthereumException">L1 did not answer: learn again.</exception>
    public async Task LearnAsync(IEnumerable<FollowedBlock> blocks, CancellationToken cancel = default)
    {
        foreach (LogEntry log in blocks.SelectMany(block => block.Logs).Where(log => log.Is<Abi.Rollup.RulesAddedEvent>()))
        {
            (byte version, Address tournament) = log.Decode<Abi.Rollup.RulesAddedEvent>();
            if (version == 0 || _known.ContainsKey(tournament))
                continue;
            try
            {
                _known[tournament] = await Rules.ReadAsync(client, tournament, cancel).ConfigureAwait(false);
            }
            catch (UnknownRulesException)
            {
                _known[tournament] = null;
            }
        }
    }

    /// <summary>Null when they are not known here.</summary>
    public Rules? Of(Address tournament) => _known.GetValueOrDefault(tournament);
}
