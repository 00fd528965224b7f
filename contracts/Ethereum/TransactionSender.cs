using System.Numerics;
using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>What to send. A null target deploys a contract; a null gas limit is estimated.</summary>
public sealed record TransactionRequest(Address? To, ReadOnlyMemory<byte> Data, BigInteger Value = default, ulong? GasLimit = null);

/// <summary>Limits of <see cref="TransactionSender"/>.</summary>
public sealed record TransactionSenderOptions
{
    /// <summary>First pause before asking for a receipt again; it grows to <see cref="MaxPoll"/>.</summary>
    public TimeSpan FirstPoll { get; init; } = TimeSpan.FromMilliseconds(5);

    public TimeSpan MaxPoll { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A transaction not mined for so long is sent again, and with higher fees where the node has it.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromSeconds(36);

    /// <summary>Fee raises of one transaction; each is an eighth.</summary>
    public int MaxReplacements { get; init; } = 12;

    /// <summary>Wei per gas that no transaction may exceed; null: no limit.</summary>
    public BigInteger? MaxFeePerGas { get; init; }

    /// <summary>Waiting for one transaction ends after so long.</summary>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromMinutes(30);
}

/// <summary>
/// The single path by which a process sends transactions: simulate, so that a call that reverts costs nothing and says
/// why; sign; send; wait for the receipt, raising the fees or sending again when it does not come. Safe for concurrent
/// use; transactions of one account keep the order in which they were sent. An account should have one process that
/// uses it; when another transaction of the account takes a nonce, ours is simulated and sent again with the next one.
/// </summary>
public sealed class TransactionSender
{
    /// <summary>Gas cap of a transaction (EIP-7825).</summary>
    public const ulong MaxTransactionGas = 1 << 24;

    private const ulong MinTransactionGas = 21_000;
    private const int MaxSendAttempts = 12;
    private const int MaxTakenPolls = 5;

    /// <summary>Other transactions of the account that may take the nonce of one of ours before it is given up.</summary>
    private const int MaxTakenNonces = 5;

    // Receipts may appear a little after the nonce is used up: anvil and load-balanced nodes both do that.
    private const int MaxReceiptlessPolls = 20;

    private readonly TransactionSenderOptions _options;
    private readonly TimeProvider _time;
    private readonly Account _account;

    public TransactionSender(EthereumClient client, Account account, TransactionSenderOptions? options = null, TimeProvider? time = null)
    {
        Client = client;
        _account = account;
        _options = options ?? new TransactionSenderOptions();
        _time = time ?? TimeProvider.System;
        Nonces = new NonceService(client, account.Address);
    }

    public EthereumClient Client { get; }

    public Address Address => _account.Address;

    public NonceService Nonces { get; }

    /// <summary>Sends a call of a contract's function and waits until it is mined.</summary>
    /// <exception cref="ContractRevertException">The call reverts, in simulation or, with its receipt, on chain.</exception>
    /// <exception cref="InsufficientFundsException">The account cannot pay.</exception>
    /// <exception cref="TransactionLostException">Not mined in time, or other transactions of the account took every nonce.</exception>
    /// <exception cref="RpcUnreachableException">L1 does not answer; the transaction may or may not have been sent.</exception>
    public Task<TransactionReceipt> SendAsync(
        Address to, FunctionMessage message, BigInteger value = default, ulong? gasLimit = null, CancellationToken cancel = default) =>
        SendAsync(new TransactionRequest(to, message.ToCallData(), value, gasLimit), cancel);

    /// <summary>Deploys a contract and returns where it is.</summary>
    public async Task<(Address Address, TransactionReceipt Receipt)> DeployAsync(
        ContractDeploymentMessage message, CancellationToken cancel = default)
    {
        TransactionReceipt receipt =
            await SendAsync(new TransactionRequest(null, message.ToDeploymentData()), cancel).ConfigureAwait(false);
        return receipt.ContractAddress is { } address
            ? (address, receipt)
            : throw new RpcMalformedException($"L1 answered the deployment {receipt.TransactionHash} with a receipt without address.");
    }

    /// <summary>Sends a transaction and waits until it is mined; see the other overload.</summary>
    public async Task<TransactionReceipt> SendAsync(TransactionRequest request, CancellationToken cancel = default)
    {
        for (int taken = 0; ; taken++)
        {
            ulong gasLimit = await SimulateAsync(request, cancel).ConfigureAwait(false);
            SignedTransaction sent = await Nonces.SendNextAsync(
                (nonce, token) => SendFirstAsync(request, gasLimit, nonce, token), cancel).ConfigureAwait(false);
            try
            {
                if (await WaitAsync(sent, cancel).ConfigureAwait(false) is { } receipt)
                    return receipt.Succeeded ? receipt : throw await ExplainAsync(request, gasLimit, receipt, cancel).ConfigureAwait(false);
            }
            finally
            {
                Nonces.Complete(sent.Transaction.Nonce);
            }

            if (taken == MaxTakenNonces)
            {
                throw new TransactionLostException(
                    $"Other transactions of {Address} keep taking the nonces, the last {sent.Transaction.Nonce}: one process alone should use an account.", sent.Hash);
            }
        }
    }

    /// <summary>The gas limit to send with; throws when the call reverts now.</summary>
    public async Task<ulong> SimulateAsync(TransactionRequest request, CancellationToken cancel = default)
    {
        // With its fees: contracts that refund gas at the transaction's price use more of it then. A node refuses a call
        // with more gas than the account can pay for, so the balance bounds it as the cap does.
        FeeSuggestion fees = Cap(await Client.SuggestFeesAsync(cancel).ConfigureAwait(false));
        BigInteger balance = await Client.GetBalanceAsync(Address, cancel: cancel).ConfigureAwait(false) - request.Value;
        BigInteger affordable = balance.Sign < 0 ? 0 : balance / BigInteger.Max(fees.MaxFeePerGas, 1);
        ulong most = (ulong)BigInteger.Min(affordable, MaxTransactionGas);
        if (most < (request.GasLimit ?? MinTransactionGas))
        {
            throw new InsufficientFundsException(
                Address, $"it has {balance + request.Value} wei for a value of {request.Value} and gas at {fees.MaxFeePerGas} wei");
        }

        CallRequest call = new(request.To, request.Data, Address, request.Value, request.GasLimit ?? most, fees);
        try
        {
            if (request.GasLimit is { } given)
            {
                await Client.CallAsync(call, cancel: cancel).ConfigureAwait(false);
                return given;
            }

            // Storage that others write first makes a call dearer than its estimate.
            ulong estimate = await Client.EstimateGasAsync(call, cancel: cancel).ConfigureAwait(false);
            return Math.Min(estimate + estimate / 4, MaxTransactionGas);
        }
        catch (RpcErrorException error) when (error.Says("insufficient funds") || error.Says("exceeds allowance"))
        {
            throw new InsufficientFundsException(Address, error.Text);
        }
    }

    private async Task<SignedTransaction> SendFirstAsync(
        TransactionRequest request, ulong gasLimit, ulong nonce, CancellationToken cancel)
    {
        FeeSuggestion fees = Cap(await Client.SuggestFeesAsync(cancel).ConfigureAwait(false));
        for (int attempt = 0; ; attempt++)
        {
            SignedTransaction signed = new Transaction(
                Client.ChainId, nonce, fees.MaxPriorityFeePerGas, fees.MaxFeePerGas, gasLimit, request.To, request.Value, request.Data)
                .Sign(_account);
            try
            {
                await Client.SendRawTransactionAsync(signed, cancel).ConfigureAwait(false);
                return signed;
            }
            catch (RpcErrorException error) when (IsAlreadyKnown(error))
            {
                return signed;
            }
            catch (RpcErrorException error) when (error.Says("insufficient funds"))
            {
                throw new InsufficientFundsException(Address, error.Text);
            }
            catch (RpcErrorException error) when (IsNonceTooLow(error) && attempt < MaxSendAttempts)
            {
                if (await WasTakenAsync(signed.Hash, cancel).ConfigureAwait(false))
                    return signed;
                nonce = Math.Max(nonce + 1, await Nonces.NextAsync(cancel).ConfigureAwait(false));
            }
            catch (RpcErrorException error) when (IsUnderpriced(error) && attempt < MaxSendAttempts)
            {
                // The pool holds a transaction of an earlier run with this nonce, or the base fee has risen.
                FeeSuggestion raised = Cap(FeeSuggestion.Max(fees.Bump(), await Client.SuggestFeesAsync(cancel).ConfigureAwait(false)));
                if (raised == fees)
                    throw;
                fees = raised;
            }
        }
    }

    /// <summary>
    /// Whether an attempt whose answer got lost reached the chain after all. Between leaving the pool and having a receipt
    /// a transaction can be nowhere for a moment, so the question is asked a few times.
    /// </summary>
    private async Task<bool> WasTakenAsync(Word hash, CancellationToken cancel)
    {
        TimeSpan pause = _options.FirstPoll;
        for (int i = 0; i < MaxTakenPolls; i++, pause *= 2)
        {
            if (await Client.GetTransactionAsync(hash, cancel).ConfigureAwait(false) is not null ||
                await Client.GetReceiptAsync(hash, cancel).ConfigureAwait(false) is not null)
                return true;
            await Task.Delay(pause, _time, cancel).ConfigureAwait(false);
        }

        return false;
    }

    /// <returns>Null: another transaction of the account has the nonce.</returns>
    private async Task<TransactionReceipt?> WaitAsync(SignedTransaction first, CancellationToken cancel)
    {
        List<SignedTransaction> candidates = [first];
        ulong nonce = first.Transaction.Nonce;
        long start = _time.GetTimestamp(), lastSent = start;
        TimeSpan pause = _options.FirstPoll;
        int receiptless = 0;
        while (true)
        {
            IReadOnlyList<RpcResponse> answers = await Client.Rpc.CallBatchAsync(
                [
                    new RpcRequest("eth_getTransactionCount", Address.ToString(), "latest"),
                    .. candidates.Select(candidate => new RpcRequest("eth_getTransactionReceipt", candidate.Hash.ToString())),
                ], cancel).ConfigureAwait(false);
            foreach (RpcResponse answer in answers.Skip(1))
            {
                if (!HexJson.IsNull(answer.Result()))
                    return TransactionReceipt.Read(answer.Result());
            }

            ulong mined = HexJson.UInt64(answers[0].Result(), "a nonce");
            receiptless = mined > nonce ? receiptless + 1 : 0;
            if (receiptless > MaxReceiptlessPolls)
                return null;

            if (_time.GetElapsedTime(start) > _options.GiveUpAfter)
            {
                throw new TransactionLostException(
                    $"Transaction {candidates[^1].Hash} was not mined within {_options.GiveUpAfter.TotalMinutes:0.#} minutes.", first.Hash);
            }

            if (receiptless == 0 && _time.GetElapsedTime(lastSent) >= _options.StuckAfter)
            {
                lastSent = _time.GetTimestamp();
                await PushAsync(candidates, mined, cancel).ConfigureAwait(false);
            }

            await Task.Delay(pause, _time, cancel).ConfigureAwait(false);
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 8 / 5, _options.MaxPoll.Ticks));
        }
    }

    /// <summary>Sends again what the node may have lost, and raises the fees of what it still has.</summary>
    private async Task PushAsync(List<SignedTransaction> candidates, ulong mined, CancellationToken cancel)
    {
        SignedTransaction latest = candidates[^1];
        foreach (SignedTransaction earlier in Nonces.SentBetween(mined, latest.Transaction.Nonce))
            await TrySendAsync(earlier, cancel).ConfigureAwait(false);

        if (await TrySendAsync(latest, cancel).ConfigureAwait(false) || candidates.Count > _options.MaxReplacements)
            return;

        FeeSuggestion paid = new(latest.Transaction.MaxPriorityFeePerGas, latest.Transaction.MaxFeePerGas);
        FeeSuggestion fees = Cap(FeeSuggestion.Max(paid.Bump(), await Client.SuggestFeesAsync(cancel).ConfigureAwait(false)));
        if (fees.MaxFeePerGas <= paid.MaxFeePerGas)
            return;

        SignedTransaction raised = (latest.Transaction with
        {
            MaxPriorityFeePerGas = fees.MaxPriorityFeePerGas,
            MaxFeePerGas = fees.MaxFeePerGas,
        }).Sign(_account);
        // Even a refused replacement may have reached another node, so its receipt is looked for as well.
        candidates.Add(raised);
        if (await TrySendAsync(raised, cancel).ConfigureAwait(false))
            Nonces.Remember(raised);
    }

    /// <summary>Whether the node took the transaction as a new one.</summary>
    private async Task<bool> TrySendAsync(SignedTransaction transaction, CancellationToken cancel)
    {
        try
        {
            await Client.SendRawTransactionAsync(transaction, cancel).ConfigureAwait(false);
            return true;
        }
        catch (RpcErrorException error) when (
            IsAlreadyKnown(error) || IsNonceTooLow(error) || IsUnderpriced(error) || error.Says("insufficient funds"))
        {
            // What was sent before still stands; without the funds to raise its fee it is waited for.
            return false;
        }
    }

    private async Task<EthereumException> ExplainAsync(
        TransactionRequest request, ulong gasLimit, TransactionReceipt receipt, CancellationToken cancel)
    {
        CallRequest call = new(request.To, request.Data, Address, request.Value, gasLimit);
        try
        {
            // The state after the block has the rival in it that most often is the reason: one that was mined first.
            await Client.CallAsync(call, receipt.BlockNumber, cancel).ConfigureAwait(false);
        }
        catch (ContractRevertException revert)
        {
            return revert.WithReceipt(receipt);
        }
        catch (RpcErrorException halt)
        {
            // Out of gas and invalid opcodes are not reverts; nodes say them in words.
            return ContractRevertException.From(call, default, halt.Text).WithReceipt(receipt);
        }

        string reason = receipt.GasUsed >= gasLimit ? $"out of gas, limit {gasLimit}" : "the reason is gone from the chain's state";
        return ContractRevertException.From(call, default, reason).WithReceipt(receipt);
    }

    private FeeSuggestion Cap(FeeSuggestion fees) => _options.MaxFeePerGas is { } cap
        ? new FeeSuggestion(BigInteger.Min(fees.MaxPriorityFeePerGas, cap), BigInteger.Min(fees.MaxFeePerGas, cap))
        : fees;

    // Nodes share no error codes for these; the words are those of geth, reth, nethermind, erigon and anvil.
    private static bool IsAlreadyKnown(RpcErrorException error) =>
        error.Says("already known") || error.Says("already imported") || error.Says("alreadyknown");

    private static bool IsNonceTooLow(RpcErrorException error) =>
        error.Says("nonce too low") || error.Says("nonce is too low") || error.Says("oldnonce");

    private static bool IsUnderpriced(RpcErrorException error) =>
        error.Says("underpriced") || error.Says("less than block base fee") || error.Says("fee too low") || error.Says("feetoolow");
}
