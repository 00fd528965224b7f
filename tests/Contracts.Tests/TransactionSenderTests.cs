using System.Numerics;
using System.Text;
using Optimistic.Contracts.Ethereum;
using Optimistic.Vm;

namespace Optimistic.Contracts.Tests;

/// <summary>Transactions that meet reverts, rivals, empty pockets, lost answers, stuck pools and reorganizations.</summary>
public sealed class TransactionSenderTests(ChainFixture fixture)
{
    // CALLDATACOPY of everything, then REVERT with it.
    private const string RevertsWithItsInput = "365f5f37365ffd";

    // Logs the input after its first word under that word as topic.
    private const string LogsItsInput = "602036036020 5f37 5f35 60203603 5f a1 00";

    // SLOAD(0), JUMPI to a revert; else SSTORE(0, 1): works once.
    private const string WorksOnce = "5f54600a57 60015f5500 5b 5f5ffd";

    private static readonly TransactionSenderOptions Quick = new()
    {
        StuckAfter = TimeSpan.FromMilliseconds(100),
        MaxPoll = TimeSpan.FromMilliseconds(20),
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private DevChain Chain => fixture.Chain;

    [Fact]
    public async Task SendsEtherAndReportsGas()
    {
        TransactionSender sender = new(Chain.Client, DevChain.Accounts[1]);
        Address target = Fresh("ether");
        TransactionReceipt receipt = await sender.SendAsync(new TransactionRequest(target, default, 123), Cancel);
        Assert.Equal(21_000UL, receipt.GasUsed);
        Assert.Equal(receipt.GasUsed * receipt.EffectiveGasPrice, receipt.Fee);
        Assert.Equal(123, await Chain.Client.GetBalanceAsync(target, cancel: Cancel));
        TransactionInfo info = (await Chain.Client.GetTransactionAsync(receipt.TransactionHash, Cancel))!;
        Assert.Equal((DevChain.Accounts[1].Address, target), (info.From, info.To));
    }

    [Fact]
    public async Task NamesTheRevertBeforeItCostsAnything()
    {
        Address contract = await PlaceAsync("revert", RevertsWithItsInput);
        TransactionSender sender = new(Chain.Client, DevChain.Accounts[2]);
        BigInteger before = await Chain.Client.GetBalanceAsync(sender.Address, cancel: Cancel);
        byte[] reason = [0x08, 0xc3, 0x79, 0xa0, .. Word.FromUInt64(32).ToArray(), .. Word.FromUInt64(4).ToArray(), .. Encoding.ASCII.GetBytes("nope"), .. new byte[28]];

        ContractRevertException error = await Assert.ThrowsAsync<ContractRevertException>(
            () => sender.SendAsync(new TransactionRequest(contract, reason), Cancel));
        Assert.Equal("Error", error.ErrorName);
        Assert.Equal("nope", Assert.Single(error.Arguments));
        Assert.Null(error.Receipt);
        Assert.Contains("nope", error.Message);

        error = await Assert.ThrowsAsync<ContractRevertException>(
            () => Chain.Client.CallAsync(new CallRequest(contract, new byte[] { 1, 2, 3, 4, 5 }), cancel: Cancel));
        Assert.Contains("0x0102030405", error.Message);
        error = await Assert.ThrowsAsync<ContractRevertException>(
            () => Chain.Client.CallAsync(new CallRequest(contract, default), cancel: Cancel));
        Assert.Contains("without a reason", error.Message);
        Assert.Equal(before, await Chain.Client.GetBalanceAsync(sender.Address, cancel: Cancel));
    }

    [Fact]
    public async Task ReadsLogsByRangeByBlockAndByTopic()
    {
        Address contract = await PlaceAsync("log", LogsItsInput);
        TransactionSender sender = new(Chain.Client, DevChain.Accounts[3]);
        Word one = Keccak.Hash("one"u8), two = Keccak.Hash("two"u8);
        TransactionReceipt first = await sender.SendAsync(new TransactionRequest(contract, (byte[])[.. one.Bytes, 1, 2, 3]), Cancel);
        TransactionReceipt second = await sender.SendAsync(new TransactionRequest(contract, two.ToArray()), Cancel);

        LogFilter all = new([contract]);
        IReadOnlyList<LogEntry> range = await Chain.Client.GetLogsAsync(all, first.BlockNumber, second.BlockNumber, Cancel);
        Assert.Equal([one, two], range.Select(log => log.Topics[0]));
        Assert.Equal([1, 2, 3], range[0].Data.ToArray());
        Assert.Equal(first.Logs[0] with { Topics = range[0].Topics, Data = range[0].Data }, range[0]);
        Assert.Equal(two, Assert.Single(await Chain.Client.GetLogsAsync(all, second.BlockHash, Cancel)).Topics[0]);
        Assert.Equal(one, Assert.Single(await Chain.Client.GetLogsAsync(
            new LogFilter([contract], [one, Keccak.Hash("other"u8)]), 0, second.BlockNumber, Cancel)).Topics[0]);
        await Assert.ThrowsAsync<RpcErrorException>(() => Chain.Client.GetLogsAsync(all, Keccak.Hash("no block"u8), Cancel));
    }

    [Fact]
    public async Task ManyAtOnceLeaveNoGap()
    {
        TransactionSender sender = new(Chain.Client, DevChain.Accounts[4]);
        ulong before = await Chain.Client.GetTransactionCountAsync(sender.Address, BlockParameter.Latest, Cancel);
        TransactionReceipt[] receipts = await Task.WhenAll(Enumerable.Range(0, 20).Select(i =>
            sender.SendAsync(new TransactionRequest(Fresh("many"), default, i), Cancel)));
        Assert.Equal(20, receipts.Select(receipt => receipt.TransactionHash).Distinct().Count());
        Assert.Equal(before + 20, await Chain.Client.GetTransactionCountAsync(sender.Address, BlockParameter.Latest, Cancel));
    }

    [Fact]
    public async Task SaysWhoCannotPay()
    {
        Account poor = new(Keccak.Hash("poor"u8));
        TransactionSender sender = new(Chain.Client, poor);
        InsufficientFundsException error = await Assert.ThrowsAsync<InsufficientFundsException>(
            () => sender.SendAsync(new TransactionRequest(Fresh("x"), default, 1), Cancel));
        Assert.Equal(poor.Address, error.Account);
        error = await Assert.ThrowsAsync<InsufficientFundsException>(
            () => sender.SendAsync(new TransactionRequest(Fresh("x"), default, 0, 21_000), Cancel));
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task ARivalMinedFirstIsARevertWithAReceipt()
    {
        await using DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        Address contract = Fresh("once");
        await chain.SetCodeAsync(contract, Convert.FromHexString(WorksOnce.Replace(" ", "", StringComparison.Ordinal)), Cancel);
        TransactionSender one = new(chain.Client, DevChain.Accounts[0]), two = new(chain.Client, DevChain.Accounts[1]);
        await chain.SetAutomineAsync(false, Cancel);
        Task<TransactionReceipt> first = one.SendAsync(new TransactionRequest(contract, default), Cancel);
        await PooledAsync(chain, 1);
        Task<TransactionReceipt> second = two.SendAsync(new TransactionRequest(contract, default), Cancel);
        await PooledAsync(chain, 2);
        await chain.MineAsync(cancel: Cancel);

        // Both pay the same tip, so either may be first.
        Task<TransactionReceipt>[] both = [first, second];
        await Task.WhenAll(both).ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.Equal(1, both.Count(task => task.IsCompletedSuccessfully));
        ContractRevertException error = Assert.IsType<ContractRevertException>(both.Single(task => task.IsFaulted).Exception!.InnerException);
        Assert.False(error.Receipt!.Succeeded);
    }

    [Fact]
    public async Task RaisesTheFeeOfATransactionThatIsStuck()
    {
        await using DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        TransactionSender sender = new(chain.Client, DevChain.Accounts[0], Quick);
        await chain.SetAutomineAsync(false, Cancel);
        Task<TransactionReceipt> sending = sender.SendAsync(new TransactionRequest(Fresh("stuck"), default, 1), Cancel);
        Word first = await PooledAsync(chain, 1);
        // Above what the first fees allow: the transaction can only be mined once they were raised.
        await chain.SetNextBaseFeeAsync(BigInteger.Pow(10, 10), Cancel);
        await chain.MineAsync(cancel: Cancel);
        await chain.SetIntervalAsync(1, Cancel);

        TransactionReceipt receipt = await sending;
        Assert.NotEqual(first, receipt.TransactionHash);
        Assert.Equal(1UL, await chain.Client.GetTransactionCountAsync(sender.Address, BlockParameter.Latest, Cancel));
    }

    /// <summary>Somebody uses the account by hand, with the nonce of a transaction that is under way.</summary>
    [Fact]
    public async Task SendsAgainWhenAnotherTransactionTookItsNonce()
    {
        await using DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        TransactionSender sender = new(chain.Client, DevChain.Accounts[0], Quick with { StuckAfter = TimeSpan.FromMinutes(1) });
        await chain.SetAutomineAsync(false, Cancel);
        Address target = Fresh("taken"), other = Fresh("by hand");
        Task<TransactionReceipt> sending = sender.SendAsync(new TransactionRequest(target, default, 1), Cancel);
        Word first = await PooledAsync(chain, 1);
        BigInteger fee = BigInteger.Pow(10, 11);
        await chain.Client.SendRawTransactionAsync(
            new Transaction(chain.Client.ChainId, 0, fee, fee, 21_000, other, 2, default).Sign(DevChain.Accounts[0]), Cancel);
        await chain.MineAsync(cancel: Cancel);
        await chain.SetIntervalAsync(1, Cancel);

        TransactionReceipt receipt = await sending;
        Assert.NotEqual(first, receipt.TransactionHash);
        Assert.Equal((1, 2), (await chain.Client.GetBalanceAsync(target, cancel: Cancel), await chain.Client.GetBalanceAsync(other, cancel: Cancel)));
        Assert.Equal(2UL, await chain.Client.GetTransactionCountAsync(sender.Address, BlockParameter.Latest, Cancel));
    }

    [Fact]
    public async Task SendsAgainWhatThePoolLost()
    {
        await using DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        TransactionSender sender = new(chain.Client, DevChain.Accounts[0], Quick with { StuckAfter = TimeSpan.FromSeconds(5) });
        await chain.SetAutomineAsync(false, Cancel);
        Task<TransactionReceipt> sending = sender.SendAsync(new TransactionRequest(Fresh("lost"), default, 1), Cancel);
        Word hash = await PooledAsync(chain, 1);
        await chain.DropTransactionAsync(hash, Cancel);
        Assert.Equal(hash, await PooledAsync(chain, 1));
        await chain.MineAsync(cancel: Cancel);
        Assert.True((await sending).Succeeded);
    }

    [Fact]
    public async Task GoesOnAfterAReorganizationTookItsTransactions()
    {
        await using DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        TransactionSender sender = new(chain.Client, DevChain.Accounts[0], Quick);
        await chain.MineAsync(3, cancel: Cancel);
        TransactionReceipt lost = await sender.SendAsync(new TransactionRequest(Fresh("before"), default, 1), Cancel);
        await chain.ReorganizeAsync(1, Cancel);
        Assert.Null(await chain.Client.GetReceiptAsync(lost.TransactionHash, Cancel));
        TransactionReceipt after = await sender.SendAsync(new TransactionRequest(Fresh("after"), default, 1), Cancel);
        Assert.True(after.Succeeded);
    }

    [Fact]
    public async Task ALostAnswerDoesNotSendTwice()
    {
        await using DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        await using FaultyEndpoint endpoint = new(chain.Url);
        using EthereumClient client = await EthereumClient.ConnectAsync(
            [endpoint.Url], null, new JsonRpcOptions { FirstPause = TimeSpan.FromMilliseconds(1) }, cancel: Cancel);
        int lost = 0;
        endpoint.Behaviour = request =>
            request.Contains("eth_sendRawTransaction", StringComparison.Ordinal) && lost++ == 0 ? Fault.LoseAnswer : Fault.None;
        TransactionSender sender = new(client, DevChain.Accounts[0], Quick);
        Address target = Fresh("twice");
        await sender.SendAsync(new TransactionRequest(target, default, 5), Cancel);
        Assert.True(lost > 1);
        Assert.Equal(5, await chain.Client.GetBalanceAsync(target, cancel: Cancel));
        Assert.Equal(1UL, await chain.Client.GetTransactionCountAsync(sender.Address, BlockParameter.Latest, Cancel));
    }

    [Fact]
    public async Task KeepsToItsLimitOnFeesAndPatience()
    {
        await using DevChain chain = await DevChain.StartAsync(cancel: Cancel);
        TransactionSender sender = new(chain.Client, DevChain.Accounts[0], Quick with { GiveUpAfter = TimeSpan.FromMilliseconds(300), MaxFeePerGas = 3_000_000_000 });
        await chain.SetAutomineAsync(false, Cancel);
        await Assert.ThrowsAsync<TransactionLostException>(() => sender.SendAsync(new TransactionRequest(Fresh("never"), default, 1), Cancel));
    }

    // The C# recovery decides which tasks are signed; the precompile is what L1 decides by (spec 5.2).
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task RecoversSignersAsThePrecompileDoes(int seed)
    {
        Random random = new(seed);
        Word order = Word.Parse("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
        List<(Word Digest, byte V, Word R, Word S)> cases = [];
        for (int i = 0; i < 60; i++)
        {
            Word digest = RandomWord(), r = RandomWord(), s = RandomWord();
            byte v = (byte)random.Next(26, 30);
            if (i % 2 == 0)
            {
                Signature signature = Secp256k1.Sign(digest, Keccak.Hash(digest.Bytes));
                (v, r, s) = (signature.V, signature.R, signature.S);
                if (i % 4 == 0)
                {
                    s = Minus(order, s);
                    v = (byte)(55 - v);
                }
            }

            if (i % 7 == 0)
                (r, s) = random.Next(4) switch { 0 => (Word.Zero, s), 1 => (r, Word.Zero), 2 => (order, s), _ => (r, order) };
            cases.Add((digest, v, r, s));
        }

        IReadOnlyList<CallOutcome> answers = await Chain.Client.CallBatchAsync([.. cases.Select(c => new CallRequest(
            Address.FromWord(Word.FromUInt64(1)),
            (byte[])[.. c.Digest.Bytes, .. Word.FromUInt64(c.V).Bytes, .. c.R.Bytes, .. c.S.Bytes]))], cancel: Cancel);
        for (int i = 0; i < cases.Count; i++)
        {
            bool recovered = Secp256k1.TryRecover(cases[i].Digest, cases[i].V, cases[i].R, cases[i].S, out Address signer);
            Assert.Equal(recovered ? signer.ToWord().ToArray() : [], answers[i].Output);
        }

        Word RandomWord()
        {
            byte[] bytes = new byte[32];
            random.NextBytes(bytes);
            return new Word(bytes);
        }
    }

    private static Word Minus(Word a, Word b)
    {
        byte[] bytes = new byte[32];
        byte[] difference = (a.ToBigInteger() - b.ToBigInteger()).ToByteArray(isUnsigned: true, isBigEndian: true);
        difference.CopyTo(bytes, 32 - difference.Length);
        return new Word(bytes);
    }

    private static Address Fresh(string name) => Address.FromWord(Keccak.Hash(Encoding.ASCII.GetBytes(name)));

    private async Task<Address> PlaceAsync(string name, string code)
    {
        Address address = Fresh(name);
        await Chain.SetCodeAsync(address, Convert.FromHexString(code.Replace(" ", "", StringComparison.Ordinal)), Cancel);
        return address;
    }

    /// <summary>Waits until the pool holds so many transactions and returns the hash of the latest.</summary>
    private static async Task<Word> PooledAsync(DevChain chain, int count)
    {
        while (true)
        {
            System.Text.Json.JsonElement content = await chain.Client.Rpc.CallAsync("txpool_content", [], Cancel);
            List<Word> hashes = [.. content.GetProperty("pending").EnumerateObject()
                .SelectMany(account => account.Value.EnumerateObject())
                .Select(transaction => Word.Parse(transaction.Value.GetProperty("hash").GetString()!))];
            if (hashes.Count >= count)
                return hashes[^1];
            await Task.Delay(5, Cancel);
        }
    }
}
