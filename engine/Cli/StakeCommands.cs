using System.CommandLine;
using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;
using Optimistic.Contracts.Ethereum;
using Optimistic.Contracts.L1;
using Optimistic.Vm;
using Spectre.Console;
using Abi = Optimistic.Contracts.Bindings;

namespace Optimistic.Engine.Cli;

/// <summary>Commands for the stake behind a sequencer's claims (spec 5.8): stake deposit, withdraw and show.</summary>
internal static class StakeCommands
{
    private const int EtherDigits = 18;

    public static Command Create() => new(
        "stake",
        """
        Put down the stake that stands behind an account's claims, so that they need no bond each.

        A node whose account has a stake of at least one bond uses it. No other process may use the account of a
        running node: stop the node, deposit or withdraw, and start it again.
        """)
    {
        Deposit(), Withdraw(), Show(),
    };

    private static Option<string[]> L1Option() => new("--l1")
    {
        Description = "URL of an Ethereum node's JSON-RPC. May be repeated: the next one takes over when one fails.",
        HelpName = "URL",
        Required = true,
    };

    private static Option<string> ContractsOption() => new("--contracts")
    {
        Description = "JSON file with the contracts' addresses, as the deployment wrote it; or the address of the Rollup.",
        HelpName = "FILE|ROLLUP",
        Required = true,
    };

    private static Option<string> KeyOption() => new("--key")
    {
        Description = "Key file of the account: 64 hexadecimal digits or a JSON keystore (password in OPTIMISTIC_PASSWORD).",
        HelpName = "FILE",
        Required = true,
    };

    private static Command Deposit()
    {
        Argument<string> amount = new("ETHER") { Description = "What to add to the stake." };
        Option<string[]> l1 = L1Option();
        Option<string> contracts = ContractsOption(), key = KeyOption();
        Option<bool> json = CommandLine.JsonOption();
        Command command = new("deposit", "Add to the stake. It is at least one bond of the rules in force then.") { amount, l1, contracts, key, json };
        command.SetAction(async (parsed, cancel) =>
        {
            BigInteger wei = Wei(parsed.GetRequiredValue(amount));
            Account account = KeyFile.Read(parsed.GetRequiredValue(key));
            using EthereumClient client = await ConnectAsync(parsed.GetRequiredValue(l1), cancel);
            Address rollup = NodeCommand.ContractsSource.Parse(parsed.GetRequiredValue(contracts)).Rollup;
            Staked before = await ReadAsync(client, rollup, account.Address, cancel);
            if (before.Amount + wei < before.Bond)
                throw new CommandException($"a stake is at least {Ether(before.Bond)} ether, the bond of a claim: deposit {Ether(before.Bond - before.Amount)} or more.");
            TransactionReceipt receipt = await new TransactionSender(client, account).SendAsync(rollup, new Abi.Rollup.StakeFunction(), wei, cancel: cancel);
            Report(parsed.GetValue(json), await ReadAsync(client, rollup, account.Address, cancel), receipt);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Withdraw()
    {
        Option<string[]> l1 = L1Option();
        Option<string> contracts = ContractsOption(), key = KeyOption();
        Option<bool> json = CommandLine.JsonOption();
        Command command = new("withdraw", "Take the whole stake back, with what else the Rollup owes the account. Exit code 1 while a claim behind it can be challenged.") { l1, contracts, key, json };
        command.SetAction(async (parsed, cancel) =>
        {
            Account account = KeyFile.Read(parsed.GetRequiredValue(key));
            using EthereumClient client = await ConnectAsync(parsed.GetRequiredValue(l1), cancel);
            Address rollup = NodeCommand.ContractsSource.Parse(parsed.GetRequiredValue(contracts)).Rollup;
            Staked before = await ReadAsync(client, rollup, account.Address, cancel);
            if (before.BusySeconds > 0)
                throw new CommandException($"a claim stands behind the stake for another {before.BusySeconds} s: withdraw it then.", ExitCode.Failed);
            if (before.Amount + before.Credit == 0)
                throw new CommandException($"{account.Address} has no stake and no credit there.", ExitCode.Failed);

            // The stake becomes a credit first; a command that ended between the two finds the credit.
            TransactionSender sender = new(client, account);
            if (before.Amount > 0)
                await sender.SendAsync(rollup, new Abi.Rollup.UnstakeFunction(), cancel: cancel);
            TransactionReceipt receipt = await sender.SendAsync(rollup, new Abi.Rollup.WithdrawFunction(account.Address), cancel: cancel);
            Report(parsed.GetValue(json), await ReadAsync(client, rollup, account.Address, cancel), receipt);
            return ExitCode.Ok;
        });
        return command;
    }

    private static Command Show()
    {
        Argument<string> who = new("ACCOUNT") { Description = "Address of the account." };
        Option<string[]> l1 = L1Option();
        Option<string> contracts = ContractsOption();
        Option<bool> json = CommandLine.JsonOption();
        Command command = new("show", "Print the stake of an account, and whether it is free.") { who, l1, contracts, json };
        command.SetAction(async (parsed, cancel) =>
        {
            Address account = AddressOf(parsed.GetRequiredValue(who));
            using EthereumClient client = await ConnectAsync(parsed.GetRequiredValue(l1), cancel);
            Report(parsed.GetValue(json), await ReadAsync(client, NodeCommand.ContractsSource.Parse(parsed.GetRequiredValue(contracts)).Rollup, account, cancel), null);
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>A stake as L1 has it. Wei, and seconds of dispute time.</summary>
    /// <param name="Bond">bond(0) of the rules in force: the least stake, and what one claim needs.</param>
    /// <param name="Credit">What the Rollup owes the account.</param>
    /// <param name="Epoch">How often it was taken.</param>
    /// <param name="BusySeconds">Until the window of the latest claim behind it is over; 0: it is free.</param>
    private sealed record Staked(Address Account, BigInteger Amount, BigInteger Bond, BigInteger Credit, ushort Epoch, ulong BusySeconds);

    private static async Task<Staked> ReadAsync(EthereumClient client, Address rollup, Address account, CancellationToken cancel)
    {
        ContractHandler contract = new(client, rollup);
        Address inForce = (await contract.QueryAsync(new Abi.Rollup.RulesInForceFunction(), cancel: cancel)).Tournament;
        BigInteger bond = await new ContractHandler(client, inForce).QueryAsync(new Abi.Tournament.BondFunction(0), cancel: cancel);
        BigInteger credit = await contract.QueryAsync(new Abi.Rollup.CreditsFunction(account), cancel: cancel);
        Abi.Rollup.StakeOfOutput stake = await contract.QueryAsync(new Abi.Rollup.StakeOfFunction(account), cancel: cancel);
        ulong busy = 0;
        if (stake.LatestPostedAt > 0)
        {
            ContractHandler rules = new(client, await contract.QueryAsync(new Abi.Rollup.RulesFunction(stake.LatestVersion), cancel: cancel));
            ulong now = (await rules.QueryAsync(new Abi.Tournament.TermsFunction(Word.Zero), cancel: cancel)).Time;
            ulong end = stake.LatestPostedAt + await rules.QueryAsync(new Abi.Tournament.AllowanceFunction(), cancel: cancel);
            busy = end > now ? end - now : 0;
        }

        return new Staked(account, stake.Amount, bond, credit, stake.Epoch, busy);
    }

    private static void Report(bool json, Staked stake, TransactionReceipt? receipt)
    {
        if (json)
        {
            JsonObject result = new()
            {
                ["account"] = stake.Account.ToString(),
                ["stake"] = stake.Amount.ToString(CultureInfo.InvariantCulture),
                ["bond"] = stake.Bond.ToString(CultureInfo.InvariantCulture),
                ["credit"] = stake.Credit.ToString(CultureInfo.InvariantCulture),
                ["timesTaken"] = stake.Epoch,
                ["busySeconds"] = stake.BusySeconds,
            };
            if (receipt is not null)
                result["transaction"] = receipt.TransactionHash.ToString();
            CommandLine.Print(result);
            return;
        }

        Table table = new Table().HideHeaders().AddColumn("").AddColumn("");
        table.AddRow("account", stake.Account.ToString());
        table.AddRow("stake", $"{Ether(stake.Amount)} ether");
        table.AddRow("bond of a claim", $"{Ether(stake.Bond)} ether");
        table.AddRow("credit in the Rollup", $"{Ether(stake.Credit)} ether");
        table.AddRow("taken", $"{stake.Epoch} times");
        table.AddRow("is free", stake.BusySeconds == 0 ? "now" : $"in {CommandLine.Number(stake.BusySeconds)} s");
        if (receipt is not null)
            table.AddRow("transaction", receipt.TransactionHash.ToString());
        AnsiConsole.Write(table);
    }

    private static Task<EthereumClient> ConnectAsync(string[] urls, CancellationToken cancel) =>
        EthereumClient.ConnectAsync([.. urls.Select(url => NodeCommand.UrlOf(url, "--l1"))], cancel: cancel);

    private static BigInteger Wei(string ether) =>
        decimal.TryParse(ether, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal amount) && amount > 0 && amount < 1_000_000_000 && amount.Scale <= EtherDigits
            ? (BigInteger)(amount * 1_000_000_000_000_000_000m)
            : throw new CommandException($"ETHER is a number like 2.5, not '{ether}'.");

    private static string Ether(BigInteger wei) =>
        ((decimal)wei / 1_000_000_000_000_000_000m).ToString("0.##################", CultureInfo.InvariantCulture);

    private static Address AddressOf(string text)
    {
        try
        {
            return Address.Parse(text);
        }
        catch (FormatException error)
        {
            throw new CommandException($"ACCOUNT: {error.Message}");
        }
    }
}
