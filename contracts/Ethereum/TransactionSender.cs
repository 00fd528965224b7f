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
/// With a <see cref="PrivateRelay"/> transactions go to it alone while it works, and everything else is asked of the
/// client. What it has is simulated again with every block: when it reverts now, since another was first, it is withdrawn
/// at no cost, and those behind it take its nonce.
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
    private readonly PrivateRelay? _relay;

    /// <param name="relay">Where transactions go; null: to the client.</param>
    public TransactionSender(
        EthereumClient client, Account account, TransactionSenderOptions? options = null, TimeProvider? time = null, PrivateRelay? relay = null)
    {
        Client = client;
        _account = account;
        _relay = relay;
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
            ulong block = _relay is null ? 0 : await Client.GetBlockNumberAsync(cancel).ConfigureAwait(false);
            bool isPrivate = _relay?.IsUsedAt(block) ?? false;
            SignedTransaction first = await Nonces.SendNextAsync(
                (nonce, token) => isPrivate ? SignAsync(request, gasLimit, nonce, token) : SendFirstAsync(request, gasLimit, nonce, token),
                cancel).ConfigureAwait(false);
            Flight flight = new(request, first, isPrivate, block, isPrivate ? _relay!.Begin(block) : block);
            try
            {
                if (await WaitAsync(flight, cancel).ConfigureAwait(false) is { } receipt)
                {
                    if (flight.IsPrivate)
                        _relay!.End(receipt.BlockNumber);
                    return receipt.Succeeded ? receipt : throw await ExplainAsync(request, gasLimit, receipt, cancel).ConfigureAwait(false);
                }
            }
            catch (Exception error) when (flight.IsPrivate)
            {
                // The relay may have it still.
                Nonces.Withdraw(flight.Nonce);
                if (error is ContractRevertException)
                    _relay!.End();
                throw;
            }
            finally
            {
                Nonces.Complete(flight.Nonce);
            }

            if (taken == MaxTakenNonces)
            {
                throw new TransactionLostException(
                    $"Other transactions of {Address} keep taking the nonces, the last {flight.Nonce}: one process alone should use an account.", first.Hash);
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
    private async Task<TransactionReceipt?> WaitAsync(Flight flight, CancellationToken cancel)
    {
        using var landed = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        long start = _time.GetTimestamp(), lastSent = start;
        TimeSpan pause = _options.FirstPoll;
        int receiptless = 0;
        try
        {
            if (flight.IsPrivate)
                Offer(flight, landed.Token);
            while (true)
            {
                IReadOnlyList<RpcResponse> answers = await Client.Rpc.CallBatchAsync(
                    [
                        new RpcRequest("eth_getTransactionCount", Address.ToString(), "latest"),
                        new RpcRequest("eth_blockNumber"),
                        .. flight.Candidates.Select(candidate => new RpcRequest("eth_getTransactionReceipt", candidate.Hash.ToString())),
                    ], cancel).ConfigureAwait(false);
                foreach (RpcResponse answer in answers.Skip(2))
                {
                    if (!HexJson.IsNull(answer.Result()))
                        return TransactionReceipt.Read(answer.Result());
                }

                ulong mined = HexJson.UInt64(answers[0].Result(), "a nonce"), block = HexJson.UInt64(answers[1].Result(), "eth_blockNumber");
                receiptless = mined > flight.Nonce ? receiptless + 1 : 0;
                if (receiptless > MaxReceiptlessPolls)
                    return null;

                if (_time.GetElapsedTime(start) > _options.GiveUpAfter)
                {
                    throw new TransactionLostException(
                        $"Transaction {flight.Latest.Hash} was not mined within {_options.GiveUpAfter.TotalMinutes:0.#} minutes.", flight.Candidates[0].Hash);
                }

                if (receiptless == 0 && _relay is not null)
                {
                    bool isNewBlock = block > flight.LastBlock;
                    flight.LastBlock = Math.Max(block, flight.LastBlock);
                    if (isNewBlock && flight.IsPrivate)
                        await RequireWorthAsync(flight, cancel).ConfigureAwait(false);
                    await CloseGapAsync(flight, mined, cancel).ConfigureAwait(false);
                    // A relay may drop what it could not use in the last block, and says so to nobody.
                    if (flight.IsPrivate && (isNewBlock || flight.Offered != flight.Latest))
                        Offer(flight, landed.Token);
                }

                bool isPublishing = flight.IsPrivate && _relay!.HasFailed(flight.FirstBlock, flight.LastBlock, _time.GetElapsedTime(start));
                if (receiptless == 0 && (isPublishing || _time.GetElapsedTime(lastSent) >= _options.StuckAfter))
                {
                    lastSent = _time.GetTimestamp();
                    if (flight.IsPrivate && !isPublishing)
                    {
                        if (await RaiseAsync(flight, cancel).ConfigureAwait(false))
                            Nonces.Remember(flight.Latest);
                        Offer(flight, landed.Token);
                    }
                    else
                    {
                        flight.IsPrivate = false;
                        await PushAsync(flight, mined, cancel).ConfigureAwait(false);
                    }
                }

                await Task.Delay(pause, _time, cancel).ConfigureAwait(false);
                pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 8 / 5, _options.MaxPoll.Ticks));
            }
        }
        finally
        {
            await landed.CancelAsync().ConfigureAwait(false);
            await flight.Offering.ConfigureAwait(false);
        }
    }

    /// <summary>In a new block: what reverts now the relay will drop, and so it is given up.</summary>
    /// <exception cref="ContractRevertException">It reverts now, and only the relay has it.</exception>
    private async Task RequireWorthAsync(Flight flight, CancellationToken cancel)
    {
        Transaction latest = flight.Latest.Transaction;
        CallRequest call = new(
            latest.To, latest.Data, Address, latest.Value, latest.GasLimit, new FeeSuggestion(latest.MaxPriorityFeePerGas, latest.MaxFeePerGas));
        try
        {
            // Both in the state of one block: where it was mined itself, it reverts as well.
            if (await Client.GetTransactionCountAsync(Address, flight.LastBlock, cancel).ConfigureAwait(false) <= flight.Nonce)
                await Client.CallAsync(call, flight.LastBlock, cancel).ConfigureAwait(false);
        }
        catch (RpcErrorException)
        {
            // The node that answers does not have the block yet, or the account cannot pay these fees now. The next block tells.
        }
    }

    /// <summary>Takes the nonce of one before it that was withdrawn: nothing behind a gap is ever mined.</summary>
    private async Task CloseGapAsync(Flight flight, ulong mined, CancellationToken cancel)
    {
        ulong nonce = await Nonces.MoveDownAsync(flight.Nonce, mined, cancel).ConfigureAwait(false);
        if (nonce == flight.Nonce)
            return;
        flight.Nonce = nonce;
        SignedTransaction moved = await SignAsync(flight.Request, flight.Latest.Transaction.GasLimit, nonce, cancel).ConfigureAwait(false);
        flight.Candidates.Add(moved);
        Nonces.Remember(moved);
        if (!flight.IsPrivate)
            await TrySendAsync(moved, cancel).ConfigureAwait(false);
    }

    /// <summary>Hands it to the relay, beside everything else: a relay that hangs holds nothing up.</summary>
    private void Offer(Flight flight, CancellationToken cancel)
    {
        if (!flight.Offering.IsCompleted && flight.Offered == flight.Latest)
            return;
        flight.Offered = flight.Latest;
        flight.Offering = OfferNextAsync(flight.Offering, flight.Latest);

        async Task OfferNextAsync(Task before, SignedTransaction transaction)
        {
            await before.ConfigureAwait(false);
            await _relay!.OfferAsync(transaction, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>Sends again what the node may have lost, and raises the fees of what it still has.</summary>
    private async Task PushAsync(Flight flight, ulong mined, CancellationToken cancel)
    {
        foreach (SignedTransaction earlier in Nonces.SentBetween(mined, flight.Nonce))
            await TrySendAsync(earlier, cancel).ConfigureAwait(false);

        if (await TrySendAsync(flight.Latest, cancel).ConfigureAwait(false) || !await RaiseAsync(flight, cancel).ConfigureAwait(false))
            return;
        if (await TrySendAsync(flight.Latest, cancel).ConfigureAwait(false))
            Nonces.Remember(flight.Latest);
    }

    /// <summary>Signs it again with higher fees. False: they are as high as they may be.</summary>
    private async Task<bool> RaiseAsync(Flight flight, CancellationToken cancel)
    {
        Transaction latest = flight.Latest.Transaction;
        if (flight.Candidates.Count > _options.MaxReplacements)
            return false;
        FeeSuggestion paid = new(latest.MaxPriorityFeePerGas, latest.MaxFeePerGas);
        FeeSuggestion fees = Cap(FeeSuggestion.Max(paid.Bump(), await Client.SuggestFeesAsync(cancel).ConfigureAwait(false)));
        if (fees.MaxFeePerGas <= paid.MaxFeePerGas)
            return false;

        SignedTransaction raised = (latest with
        {
            MaxPriorityFeePerGas = fees.MaxPriorityFeePerGas,
            MaxFeePerGas = fees.MaxFeePerGas,
        }).Sign(_account);
        // Even a refused replacement may have reached another node, so its receipt is looked for as well.
        flight.Candidates.Add(raised);
        return true;
    }

    /// <summary>For a relay: signed, and above what was withdrawn in its place.</summary>
    private async Task<SignedTransaction> SignAsync(TransactionRequest request, ulong gasLimit, ulong nonce, CancellationToken cancel)
    {
        FeeSuggestion fees = await Client.SuggestFeesAsync(cancel).ConfigureAwait(false);
        if (Nonces.WithdrawnWith(nonce) is { Transaction: { } withdrawn })
            fees = FeeSuggestion.Max(fees, new FeeSuggestion(withdrawn.MaxPriorityFeePerGas, withdrawn.MaxFeePerGas).Bump());
        fees = Cap(fees);
        return new Transaction(
            Client.ChainId, nonce, fees.MaxPriorityFeePerGas, fees.MaxFeePerGas, gasLimit, request.To, request.Value, request.Data).Sign(_account);
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

    /// <summary>A request on its way.</summary>
    private sealed class Flight(TransactionRequest request, SignedTransaction first, bool isPrivate, ulong block, ulong firstBlock)
    {
        public TransactionRequest Request { get; } = request;

        /// <summary>All that was signed for it; at most one is mined, but for one that reverts.</summary>
        public List<SignedTransaction> Candidates { get; } = [first];

        public SignedTransaction Latest => Candidates[^1];

        public ulong Nonce { get; set; } = first.Transaction.Nonce;

        /// <summary>Whether only the relay has it.</summary>
        public bool IsPrivate { get; set; } = isPrivate;

        /// <summary>The block from which the relay's blocks count.</summary>
        public ulong FirstBlock { get; } = firstBlock;

        /// <summary>The block in which it was looked at last.</summary>
        public ulong LastBlock { get; set; } = block;

        /// <summary>What the relay was handed last.</summary>
        public SignedTransaction? Offered { get; set; }

        /// <summary>Handing it over.</summary>
        public Task Offering { get; set; } = Task.CompletedTask;
    }
}
