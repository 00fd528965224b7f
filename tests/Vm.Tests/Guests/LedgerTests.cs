using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Optimistic.Vm.Rollup;

namespace Optimistic.Vm.Tests.Guests;

public sealed class LedgerTests : IDisposable
{
    private const byte Mint = 1, Transfer = 2, Balance = 3, Supply = 4;
    private const int Owner = 1, Alice = 2, Bob = 3;

    private readonly GuestApp _ledger = GuestApp.Open("ledger", AppPolicy.Stateful);

    /// <summary>A task of a random history: who sends what, and whether the nonce is fresh.</summary>
    public sealed record Step(int Sender, byte Operation, int Other, ulong Amount, int NonceAhead);

    [Fact]
    public void Transfers_persist_between_tasks()
    {
        Accepted(Send(Owner, 0, Mint, Alice, 100), 100, 100);
        Accepted(Send(Owner, 1, Mint, Alice, 20), 120, 120);
        Accepted(Send(Alice, 0, Transfer, Bob, 50), 70, 50);
        Accepted(Send(Bob, 7, Transfer, Alice, 50), 0, 120);
        Accepted(Send(Bob, 0, Balance, Alice), 120);
        Accepted(Send(Bob, 0, Balance, Owner), 0);

        GuestResult supply = Send(Alice, 0, Supply);
        Assert.Equal((120UL, 2UL), (BitConverter.ToUInt64(supply.Output, 0), BitConverter.ToUInt64(supply.Output, 8)));
        Assert.Equal(Account(Owner), new Address(supply.Output.AsSpan(16)));
    }

    [Fact]
    public void Refused_tasks_say_why_and_change_nothing()
    {
        Accepted(Send(Owner, 5, Mint, Alice, 100), 100, 100);
        Word before = _ledger.MemoryRoot;

        Refused(Send(Owner, 5, Mint, Alice, 1), 2, "nonce already used");
        Refused(Send(Owner, 4, Mint, Alice, 1), 2, "nonce already used");
        Refused(Send(Alice, 0, Mint, Alice, 1), 3, "only the owner mints");
        Refused(Send(Owner, 6, Mint, Alice, 0), 4, "amount is zero");
        Refused(Send(Alice, 0, Transfer, Bob, 0), 4, "amount is zero");
        Refused(Send(Alice, 0, Transfer, Alice, 1), 5, "sender and receiver are the same");
        Refused(Send(Alice, 0, Transfer, Bob, 101), 6, "insufficient balance");
        Refused(Send(Bob, 0, Transfer, Alice, 1), 6, "insufficient balance");
        Refused(Send(Owner, 6, Mint, Bob, ulong.MaxValue - 99), 7, "supply would exceed 2^64 - 1");

        const string malformed = "unknown operation or wrong length";
        Refused(Run(Owner, 6, []), 1, malformed);
        Refused(Run(Owner, 6, [9]), 1, malformed);
        Refused(Run(Owner, 6, [Supply, 0]), 1, malformed);
        Refused(Run(Owner, 6, [Mint, .. new byte[27]]), 1, malformed);
        Refused(Run(Owner, 6, [Transfer, .. new byte[29]]), 1, malformed);
        Refused(Run(Owner, 6, [Balance, .. new byte[28]]), 1, malformed);

        Assert.Equal(before, _ledger.MemoryRoot);
        Accepted(Send(Owner, 6, Mint, Bob, ulong.MaxValue - 100), ulong.MaxValue - 100, ulong.MaxValue);
        Accepted(Send(Alice, 0, Transfer, Bob, 100), 0, ulong.MaxValue);
    }

    /// <summary>Enough accounts for the table to grow several times while their balances stay.</summary>
    [Fact]
    public void The_table_grows()
    {
        const int accounts = 200;
        for (int i = 0; i < accounts; i++)
            Accepted(Send(Owner, (ulong)i, Mint, 100 + i, (ulong)i + 1), (ulong)i + 1, (ulong)(i + 1) * (ulong)(i + 2) / 2);

        for (int i = 0; i < accounts; i++)
            Accepted(Send(Alice, 0, Balance, 100 + i), (ulong)i + 1);

        for (int i = 0; i < accounts; i += 7)
            Accepted(Send(100 + i, 0, Transfer, 1000 + i, 1), (ulong)i, 1);
    }

    [Fact]
    public void The_same_history_gives_the_same_memory()
    {
        using GuestApp other = GuestApp.Open("ledger", AppPolicy.Stateful);
        for (int i = 0; i < 30; i++)
        {
            var task = new GuestTask(Input(Mint, 50 + i % 11, 3)) { Sender = Account(Owner), Nonce = (ulong)i };
            Assert.Equal(_ledger.Run(task).Output, other.Run(task).Output);
            Assert.Equal(_ledger.MemoryRoot, other.MemoryRoot);
        }
    }

    [Property(MaxTest = 15)]
    public Property Random_histories_agree_with_a_model()
    {
        Gen<Step> step =
            from sender in Gen.Choose(1, 5)
            from operation in Gen.Elements(Mint, Transfer, Transfer, Transfer, Balance)
            from other in Gen.Choose(1, 5)
            from amount in Gen.OneOf(Gen.Choose(0, 100).Select(small => (ulong)small), Gen.Constant(ulong.MaxValue - 50))
            from ahead in Gen.Choose(-1, 3)
            select new Step(sender, operation, other, amount, ahead);

        return Prop.ForAll(step.ArrayOf(40).ToArbitrary(), steps => CheckAgainstModel(steps));
    }

    public void Dispose() => _ledger.Dispose();

    private static void CheckAgainstModel(Step[] steps)
    {
        using GuestApp ledger = GuestApp.Open("ledger", AppPolicy.Stateful);
        var balances = new Dictionary<int, ulong>();
        var nonces = new Dictionary<int, Int128>();
        int? owner = null;
        foreach (Step step in steps)
        {
            Int128 nonce = Int128.Max(0, nonces.GetValueOrDefault(step.Sender, -1) + step.NonceAhead);
            GuestResult result = ledger.Run(new GuestTask(Input(step.Operation, step.Other, step.Amount)) { Sender = Account(step.Sender), Nonce = (ulong)nonce });

            if (step.Operation == Balance)
            {
                Accepted(result, balances.GetValueOrDefault(step.Other));
                continue;
            }

            UInt128 supply = balances.Values.Aggregate((UInt128)0, (sum, balance) => sum + balance);
            uint expected =
                nonce <= nonces.GetValueOrDefault(step.Sender, -1) ? 2
                : step.Operation == Mint && owner is not null && owner != step.Sender ? 3
                : step.Amount == 0 ? 4
                : step.Operation == Transfer && step.Sender == step.Other ? 5
                : step.Operation == Transfer && balances.GetValueOrDefault(step.Sender) < step.Amount ? 6
                : step.Operation == Mint && supply + step.Amount > ulong.MaxValue ? 7u
                : 0;
            Assert.Equal(expected, result.ExitCode);
            if (expected != 0)
                continue;

            nonces[step.Sender] = nonce;
            balances[step.Other] = balances.GetValueOrDefault(step.Other) + step.Amount;
            if (step.Operation == Mint)
            {
                owner ??= step.Sender;
                Accepted(result, balances[step.Other], (ulong)supply + step.Amount);
            }
            else
            {
                balances[step.Sender] -= step.Amount;
                Accepted(result, balances[step.Sender], balances[step.Other]);
            }
        }
    }

    private GuestResult Send(int sender, ulong nonce, byte operation, int other = 0, ulong amount = 0) =>
        Run(sender, nonce, Input(operation, other, amount));

    private GuestResult Run(int sender, ulong nonce, byte[] input) =>
        _ledger.Run(new GuestTask(input) { Sender = Account(sender), Nonce = nonce });

    private static byte[] Input(byte operation, int other, ulong amount) => operation switch
    {
        Mint or Transfer => [operation, .. Account(other).Bytes, .. BitConverter.GetBytes(amount)],
        Balance => [operation, .. Account(other).Bytes],
        _ => [operation]
    };

    /// <summary>An address that says who it is at both ends.</summary>
    private static Address Account(int who)
    {
        byte[] address = new byte[20];
        BitConverter.TryWriteBytes(address.AsSpan(0), who);
        BitConverter.TryWriteBytes(address.AsSpan(16), ~who);
        return new Address(address);
    }

    private static void Accepted(GuestResult result, params ulong[] output)
    {
        Assert.Equal((MachineStatus.Halted, 0u), (result.Status, result.ExitCode));
        Assert.Equal(output.SelectMany(BitConverter.GetBytes), result.Output);
    }

    private static void Refused(GuestResult result, uint exitCode, string reason)
    {
        Assert.Equal((MachineStatus.Halted, exitCode), (result.Status, result.ExitCode));
        Assert.Equal(reason, Encoding.ASCII.GetString(result.Output));
    }
}
