using System.Buffers.Binary;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Optimistic.Engine.Tests;

/// <summary>Where things are in this repository.</summary>
internal static class Repository
{
    public static readonly string Root = Find();

    public static string Guest(string name) => Path.Combine(Root, "vm", "guest", "elf", name + ".elf");

    private static string Find()
    {
        DirectoryInfo? at = new(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "Optimistic.sln")))
            at = at.Parent;
        return at?.FullName ?? throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}

/// <summary>What a run of the real executable gave.</summary>
internal sealed record ProcessResult(int ExitCode, string Output, string Errors)
{
    public JsonNode Json => JsonNode.Parse(Output)!;
}

/// <summary>Runs the real executable.</summary>
internal static class OptimisticProcess
{
    private static readonly string Executable =
        Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "optimistic.exe" : "optimistic");

    public static Task<ProcessResult> RunAsync(params string[] arguments) => RunAsync([], arguments);

    public static async Task<ProcessResult> RunAsync(byte[] input, string[] arguments)
    {
        using Process process = Start(arguments);
        CancellationToken cancel = TestContext.Current.CancellationToken;
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancel), errors = process.StandardError.ReadToEndAsync(cancel);
        await process.StandardInput.BaseStream.WriteAsync(input, cancel);
        process.StandardInput.Close();
        await process.WaitForExitAsync(cancel);
        return new ProcessResult(process.ExitCode, await output, await errors);
    }

    public static Process Start(params string[] arguments)
    {
        ProcessStartInfo start = new(Executable)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }
}

/// <summary>Writes the smallest ELF file that holds some instructions.</summary>
internal static class TinyElf
{
    public const uint Address = 0x10000;

    public const uint Ecall = 0x00000073, Ebreak = 0x00100073;

    /// <summary>addi rd, x0, value</summary>
    public static uint Li(int rd, int value) => (uint)(value << 20 | rd << 7 | 0x13);

    /// <summary>exit(code, 0)</summary>
    public static uint[] Exit(int code) => [Li(10, code), Li(11, 0), Li(17, 93), Ecall];

    public static byte[] Of(params uint[] instructions)
    {
        const int HeaderLength = 64, ProgramHeaderLength = 56, TextOffset = HeaderLength + ProgramHeaderLength;
        byte[] file = new byte[TextOffset + 4 * instructions.Length];
        Span<byte> bytes = file;
        "\u007fELF"u8.CopyTo(bytes);
        bytes[4] = 2; // 64 bit
        bytes[5] = 1; // little-endian
        bytes[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[16..], 2); // EXEC
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[18..], 243); // RISC-V
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], Address);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], HeaderLength);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[52..], HeaderLength);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[54..], ProgramHeaderLength);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[56..], 1);
        Span<byte> header = bytes[HeaderLength..];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 1); // LOAD
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], 5); // R-X
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], TextOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], Address);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], Address);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], (ulong)(4 * instructions.Length));
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], (ulong)(4 * instructions.Length));
        for (int i = 0; i < instructions.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[(TextOffset + 4 * i)..], instructions[i]);
        return file;
    }
}
