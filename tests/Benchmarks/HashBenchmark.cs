using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text.Json;
using Optimistic.Vm;
using Org.BouncyCastle.Crypto.Digests;

namespace Optimistic.Benchmarks;

/// <summary>
/// CPU nanoseconds per node of 128 bytes and core, by kernel, beside BouncyCastle: all hash the same nodes in turn, and must come to
/// the same hashes. Turns are short and many. What others do on the same core at the same time, in the thread beside it, costs a third
/// and cannot be seen from here, but in the time of the reference: the time of a kernel is its median over the tenth of the turns in
/// which the reference, before and after, was fastest; that over all turns stands beside it.
/// </summary>
internal static unsafe class HashBenchmark
{
    /// <summary>As many as a level-1 trace hashes at a time; they stay in the second-level cache.</summary>
    private const int Nodes = 1024;

    /// <summary>Nodes hashed in a turn, some 2 ms; and by what is slow.</summary>
    private const int TurnNodes = 1 << 14, SlowTurnNodes = 1 << 12;

    /// <summary>Turns for each run that is asked for.</summary>
    private const int TurnsInRun = 100;

    private const string Reference = "bouncyCastle";

    /// <param name="Name">The kernel.</param>
    /// <param name="Nanoseconds">CPU time per node, the median of the quiet turns.</param>
    /// <param name="AllTurnsNanoseconds">CPU time per node, the median of all turns.</param>
    /// <param name="TimesReference">How many times faster than BouncyCastle in the same turn, the median.</param>
    /// <param name="Result">The hash of all hashes.</param>
    private sealed record Row(string Name, double Nanoseconds, double AllTurnsNanoseconds, double TimesReference, string Result);

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

        int turns = options.IsSmoke ? options.Runs : TurnsInRun * options.Runs;
        var times = contenders.Select(_ => new double[turns]).ToArray();
        string[] results = new string[contenders.Count];
        Word[] hashes = new Word[Nodes];
        for (int i = 0; i < contenders.Count; i++)
        {
            contenders[i].Hash(children, hashes);
            results[i] = Keccak.Hash(MemoryMarshal.AsBytes(hashes.AsSpan())).ToString();
            if (results[i] != results[0])
                throw new InvalidOperationException($"{contenders[i].Name} hashes to {results[i]}, {contenders[0].Name} to {results[0]}");
        }

        for (int turn = 0; turn < turns; turn++)
        {
            for (int i = 0; i < contenders.Count; i++)
            {
                Contender contender = contenders[i];
                int repeats = contender.TurnNodes / Nodes;
                double seconds = CpuTime.Of(() =>
                {
                    for (int repeat = 0; repeat < repeats; repeat++)
                        contender.Hash(children, hashes);
                });
                times[i][turn] = seconds / repeats / Nodes * 1e9;
            }
        }

        double[] reference = times[0];
        int[] quiet = [.. Enumerable.Range(0, turns).OrderBy(turn => Math.Max(reference[turn], reference[Math.Min(turn + 1, turns - 1)])).Take((turns + 9) / 10)];
        Row[] rows = [.. contenders.Select((contender, i) => new Row(
            contender.Name,
            CpuTime.Median(quiet.Select(turn => times[i][turn])),
            CpuTime.Median(times[i]),
            CpuTime.Median(times[i].Select((time, turn) => reference[turn] / time)),
            results[i]))];
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
            Console.WriteLine($"{row.Name,-12} {row.Nanoseconds,7:F1} ns a node ({row.AllTurnsNanoseconds:F1} in all turns) {row.TimesReference,6:F2} x BouncyCastle  {row.Result[..18]}");
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
