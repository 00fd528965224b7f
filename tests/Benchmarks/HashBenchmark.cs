using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text.Json;
using Optimistic.Vm;
using Org.BouncyCastle.Crypto.Digests;

namespace Optimistic.Benchmarks;

/// <summary>
/// CPU nanoseconds per node of 128 bytes and core, by kernel, beside BouncyCastle: all hash the same nodes in turn, and must come to
/// the same hashes. On a busy machine the ratios to BouncyCastle, taken turn by turn, say more than the times.
/// </summary>
internal static unsafe class HashBenchmark
{
    /// <summary>As many as a level-1 trace hashes at a time; they stay in the second-level cache.</summary>
    private const int Nodes = 1024;

    /// <summary>Nodes hashed in a turn, some 50 ms; and by what is slow.</summary>
    private const int TurnNodes = 1 << 19, SlowTurnNodes = 1 << 17, SmokeTurnNodes = 1 << 12;

    private const string Reference = "bouncyCastle";

    /// <param name="Name">The kernel.</param>
    /// <param name="Nanoseconds">CPU time per node, the median turn.</param>
    /// <param name="TimesReference">How many times faster than BouncyCastle in the same turn, the median.</param>
    /// <param name="Result">The hash of all hashes.</param>
    private sealed record Row(string Name, double Nanoseconds, double TimesReference, string Result);

    private sealed record Contender(string Name, int TurnNodes, Action<Word[], Word[]> Hash);

    public static int Run(BenchmarkOptions options)
    {
        Host host = Host.Describe();
        List<Contender> contenders = [new(Reference, SlowTurnNodes, HashByBouncyCastle), Kernel(KeccakKernel.Scalar, SlowTurnNodes)];
        if (Avx2.IsSupported)
            contenders.Add(Kernel(KeccakKernel.Avx2, TurnNodes));
        if (Avx2.IsSupported && Avx512F.IsSupported)
            contenders.Add(Kernel(KeccakKernel.Avx512, TurnNodes));
        if (options.Names.FirstOrDefault(name => contenders.All(contender => contender.Name != name)) is { } unknown)
            return BenchmarkOptions.Refuse($"This processor has no kernel \"{unknown}\", but {string.Join(", ", contenders.Select(contender => contender.Name))}.");

        // The reference always runs, for the ratios.
        contenders.RemoveAll(contender => contender.Name != Reference && options.Names.Count > 0 && !options.Names.Contains(contender.Name));

        Word[] children = new Word[4 * Nodes];
        var bytes = MemoryMarshal.AsBytes(children.AsSpan());
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)((i * 167) + (i >> 8));

        int turns = options.IsSmoke ? options.Runs : 4 * options.Runs + 1;
        var times = contenders.Select(_ => new double[turns]).ToArray();
        string[] results = new string[contenders.Count];
        for (int turn = 0; turn < turns; turn++)
        {
            for (int i = 0; i < contenders.Count; i++)
            {
                Contender contender = contenders[i];
                Word[] hashes = new Word[Nodes];
                int repeats = (options.IsSmoke ? SmokeTurnNodes : contender.TurnNodes) / Nodes;
                contender.Hash(children, hashes);
                double seconds = CpuTime.Of(() =>
                {
                    for (int repeat = 0; repeat < repeats; repeat++)
                        contender.Hash(children, hashes);
                });
                times[i][turn] = seconds / repeats / Nodes * 1e9;
                results[i] = Keccak.Hash(MemoryMarshal.AsBytes(hashes.AsSpan())).ToString();
                if (results[i] != results[0])
                    throw new InvalidOperationException($"{contender.Name} hashes to {results[i]}, {contenders[0].Name} to {results[0]}");
            }
        }

        Row[] rows = [.. contenders.Select((contender, i) => new Row(contender.Name, CpuTime.Median(times[i]), CpuTime.Median(times[i].Select((time, turn) => times[0][turn] / time)), results[i]))];
        if (options.IsJson)
        {
            var summary = new Dictionary<string, object> { ["rows"] = rows };
            foreach (Row row in rows)
                summary[$"{row.Name}Ns"] = row.Nanoseconds;
            summary["machine"] = host;
            Console.WriteLine(JsonSerializer.Serialize(summary, JsonSerializerOptions.Web));
            return 0;
        }

        Console.WriteLine(host);
        foreach (Row row in rows)
            Console.WriteLine($"{row.Name,-12} {row.Nanoseconds,7:F1} ns a node {row.TimesReference,6:F2} x BouncyCastle  {row.Result[..18]}");
        return 0;
    }

    private static Contender Kernel(KeccakKernel kernel, int turnNodes) => new(kernel.ToString().ToLowerInvariant(), turnNodes, (children, hashes) =>
    {
        const int Batch = 64;
        byte** pointers = stackalloc byte*[4 * Batch];
        fixed (Word* source = children, target = hashes)
        {
            for (int start = 0; start < Nodes; start += Batch)
            {
                for (int i = 0; i < 4 * Batch; i++)
                    pointers[i] = (byte*)(source + (4 * start) + i);
                Keccak.Gather(kernel, pointers, (byte*)(target + start), Batch);
            }
        }
    });

    private static void HashByBouncyCastle(Word[] children, Word[] hashes)
    {
        var digest = new KeccakDigest(256);
        ReadOnlySpan<byte> source = MemoryMarshal.AsBytes(children.AsSpan());
        Span<byte> target = MemoryMarshal.AsBytes(hashes.AsSpan());
        for (int i = 0; i < hashes.Length; i++)
        {
            digest.BlockUpdate(source.Slice(i * Keccak.NodeLength, Keccak.NodeLength));
            digest.DoFinal(target.Slice(i * Word.Length, Word.Length));
        }
    }
}
