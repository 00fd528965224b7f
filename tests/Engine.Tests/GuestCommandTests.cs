using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Optimistic.Engine.Tests;

/// <summary>run, disasm and trace, through the real executable.</summary>
public sealed class GuestCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("optimistic-cli-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Run_gives_the_output_of_a_sample_and_the_promised_fields()
    {
        byte[] input = Encoding.UTF8.GetBytes("abc");
        string output = PathOf("output"), dump = PathOf("dump");
        ProcessResult result = await OptimisticProcess.RunAsync(
            input, ["run", Repository.Guest("digest"), "--input", "-", "--output", output, "--dump", $"0xE0000000:64={dump}", "--dump", $"0xC0000000:3={PathOf("in")}", "--json"]);
        Assert.Equal((0, ""), (result.ExitCode, result.Errors));
        Assert.Equal("halted", (string?)result.Json["status"]);
        Assert.Equal(0, (int)result.Json["exitCode"]!);
        Assert.True((ulong)result.Json["steps"]! > 1000);
        Assert.True((double)result.Json["seconds"]! >= 0);
        Assert.Matches("^0x[0-9a-f]{64}$", (string)result.Json["machineRoot"]!);

        byte[] written = await File.ReadAllBytesAsync(output, TestContext.Current.CancellationToken);
        Assert.Equal(SHA256.HashData(input), written[..32]);
        Assert.Equal(Vm.Keccak.Hash(input).ToArray(), written[32..]);
        Assert.Equal(written, await File.ReadAllBytesAsync(dump, TestContext.Current.CancellationToken));
        Assert.Equal(input, await File.ReadAllBytesAsync(PathOf("in"), TestContext.Current.CancellationToken));

        // The root commits to everything, the step limit as well, and is the same in every run on every engine.
        ProcessResult again = await OptimisticProcess.RunAsync(input, ["run", Repository.Guest("digest"), "--input", "-", "--engine", "interpreter", "--json"]);
        Assert.Equal((string?)result.Json["machineRoot"], (string?)again.Json["machineRoot"]);
    }

    [Fact]
    public async Task Exit_codes_tell_how_the_program_ended()
    {
        Assert.Equal((0, "halted", 0, 4), await RunTinyAsync(TinyElf.Exit(0)));
        Assert.Equal((1, "halted", 7, 4), await RunTinyAsync(TinyElf.Exit(7)));
        Assert.Equal((2, "breakpoint", 0, 1), await RunTinyAsync([TinyElf.Ebreak]));
        Assert.Equal((2, "illegalInstruction", 0, 2), await RunTinyAsync([TinyElf.Li(5, 1), 0xffffffff]));
        Assert.Equal((2, "badPc", 0, 2), await RunTinyAsync([0x80000067])); // jalr x0, -2048(x0)
        Assert.Equal((2, "outOfSteps", 0, 3), await RunTinyAsync(TinyElf.Exit(0), "--max-steps", "3"));
        Assert.Equal((0, "halted", 0, 4), await RunTinyAsync(TinyElf.Exit(0), "--max-steps", "0x4"));
    }

    [Fact]
    public async Task What_the_program_writes_goes_to_stderr()
    {
        // write(1, address of "Hi\n", 3): the text stands behind the code.
        uint[] code =
        [
            TinyElf.Li(10, 1), 0x00000597 /* auipc a1, 0 */, 0x01c58593 /* addi a1, a1, 28 */, TinyElf.Li(12, 3), TinyElf.Li(17, 64), TinyElf.Ecall,
            TinyElf.Li(17, 93), TinyElf.Ecall, BitConverter.ToUInt32("Hi\n\0"u8),
        ];
        string program = await WriteAsync("hello.elf", TinyElf.Of(code));
        ProcessResult result = await OptimisticProcess.RunAsync("run", program, "--json");
        Assert.Equal("Hi\n", result.Errors);
        Assert.Equal(3, (int)result.Json["exitCode"]!);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("run", "no-such-file.elf")]
    [InlineData("run", ".")]
    [InlineData("run", "PROGRAM", "--engine", "fast")]
    [InlineData("run", "PROGRAM", "--max-steps", "many")]
    [InlineData("run", "PROGRAM", "--max-steps", "549755813889")]
    [InlineData("run", "PROGRAM", "--max-steps", "-1")]
    [InlineData("run", "PROGRAM", "--input", "no-such-file")]
    [InlineData("run", "PROGRAM", "--output", "no/such/folder/file")]
    [InlineData("run", "PROGRAM", "--dump", "1:2")]
    [InlineData("run", "PROGRAM", "--dump", "0x200000000:1=file")]
    [InlineData("run", "PROGRAM", "--sender", "0x12")]
    [InlineData("run", "PROGRAM", "--wrong")]
    [InlineData("run", "PROGRAM", "second")]
    [InlineData("trace", "PROGRAM")]
    [InlineData("trace", "PROGRAM", "--steps", "3..2")]
    [InlineData("trace", "PROGRAM", "--steps", "100..200")]
    [InlineData("prove", "PROGRAM")]
    [InlineData("prove", "PROGRAM", "--steps", "random:0")]
    [InlineData("prove", "PROGRAM", "--steps", "0..1", "--verify", "llvm")]
    [InlineData("prove", "PROGRAM", "--steps", "100..200")]
    [InlineData("disasm", "no-such-file.elf")]
    [InlineData("nonsense")]
    [InlineData()]
    public async Task Bad_usage_is_one_line_on_stderr_and_exit_code_64(params string[] arguments)
    {
        string program = await WriteAsync("tiny.elf", TinyElf.Of(TinyElf.Exit(0)));
        ProcessResult result = await OptimisticProcess.RunAsync([.. arguments.Select(argument => argument == "PROGRAM" ? program : argument)]);
        Assert.Equal((64, ""), (result.ExitCode, result.Output));
        Assert.Matches("^optimistic: [^\n]+\n$", result.Errors);
    }

    [Fact]
    public async Task Files_that_are_no_programs_are_refused_with_the_reason()
    {
        byte[] good = TinyElf.Of(TinyElf.Exit(0));
        foreach ((int at, byte value, string reason) in ((int, byte, string)[])[(0, 0, "ELF"), (4, 1, "64-bit"), (5, 2, "little-endian"), (18, 62, "RISC-V"), (16, 3, "static")])
        {
            byte[] bad = [.. good];
            bad[at] = value;
            ProcessResult result = await OptimisticProcess.RunAsync("run", await WriteAsync("bad.elf", bad));
            Assert.Equal(64, result.ExitCode);
            Assert.Contains(reason, result.Errors, StringComparison.Ordinal);
            Assert.Single(result.Errors.TrimEnd('\n').Split('\n'));
        }
    }

    [Fact]
    public async Task Check_reports_the_null_page_and_wild_addresses()
    {
        uint[] code =
        [
            0x00003503, // ld a0, 0(x0)
            0xfff00293, // li t0, -1
            0x0002b303, // ld t1, 0(t0)
            0x00010337, // lui t1, 0x10
            0x00532023, // sw t0, 0(t1): over the code
            .. TinyElf.Exit(0),
        ];
        string program = await WriteAsync("wild.elf", TinyElf.Of(code));
        ProcessResult result = await OptimisticProcess.RunAsync("run", program, "--check", "--json");
        Assert.Equal(0, result.ExitCode);
        JsonArray findings = result.Json["findings"]!.AsArray();
        Assert.Equal([0, 2, 4], findings.Select(finding => (int)finding!["step"]!));
        Assert.Contains("null page", (string)findings[0]!["what"]!, StringComparison.Ordinal);
        Assert.Contains("wild", (string)findings[1]!["what"]!, StringComparison.Ordinal);
        Assert.Contains("code", (string)findings[2]!["what"]!, StringComparison.Ordinal);
        Assert.Equal(3, result.Errors.TrimEnd('\n').Split('\n').Length);

        // A correct program has no findings, and the same root with and without.
        ProcessResult sample = await OptimisticProcess.RunAsync("run", Repository.Guest("digest"), "--check", "--json");
        Assert.Empty(sample.Json["findings"]!.AsArray());
        Assert.Equal((string?)(await OptimisticProcess.RunAsync("run", Repository.Guest("digest"), "--json")).Json["machineRoot"], (string?)sample.Json["machineRoot"]);
    }

    [Fact]
    public async Task Trace_and_disasm_show_the_same_instructions()
    {
        string program = await WriteAsync("tiny.elf", TinyElf.Of(TinyElf.Exit(5)));
        ProcessResult trace = await OptimisticProcess.RunAsync("trace", program, "--steps", "0..100", "--json");
        ProcessResult disasm = await OptimisticProcess.RunAsync("disasm", program, "--json");
        JsonArray steps = trace.Json.AsArray();
        Assert.Equal(4, steps.Count);
        Assert.Equal(
            disasm.Json["instructions"]!.AsArray().Select(line => (string?)line!["instruction"]),
            steps.Select(step => (string?)step!["instruction"]));
        Assert.Equal("0x5", (string?)steps[3]!["registers"]![10]);
        Assert.Equal("halted", (string?)steps[3]!["status"]);

        ProcessResult text = await OptimisticProcess.RunAsync("trace", program, "--steps", "1..2");
        Assert.Equal(2, text.Output.TrimEnd('\n').Split('\n').Length);
    }

    [Fact]
    public async Task Run_loads_neither_web_server_nor_database()
    {
        string program = await WriteAsync("tiny.elf", TinyElf.Of(TinyElf.Exit(0)));
        using System.Diagnostics.Process process = OptimisticProcess.Start("run", program, "--input", "-");
        // It waits for its input: look at what it has mapped meanwhile.
        await process.StandardInput.WriteAsync(new string('x', 1 << 16 | 1));
        string maps = await File.ReadAllTextAsync($"/proc/{process.Id}/maps", TestContext.Current.CancellationToken);
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Contains("System.CommandLine.dll", maps, StringComparison.Ordinal);
        foreach (string name in (string[])["LiteDB", "Kestrel", "Serilog", "Spectre", "MessagePack"])
            Assert.DoesNotContain(name, maps, StringComparison.Ordinal);
    }

    private async Task<(int ExitCode, string? Status, int Guest, int Steps)> RunTinyAsync(uint[] code, params string[] options)
    {
        ProcessResult result = await OptimisticProcess.RunAsync(["run", await WriteAsync("tiny.elf", TinyElf.Of(code)), "--json", .. options]);
        return (result.ExitCode, (string?)result.Json["status"], (int)result.Json["exitCode"]!, (int)result.Json["steps"]!);
    }

    private string PathOf(string name) => Path.Combine(_folder, name);

    private async Task<string> WriteAsync(string name, byte[] bytes)
    {
        await File.WriteAllBytesAsync(PathOf(name), bytes, TestContext.Current.CancellationToken);
        return PathOf(name);
    }
}
