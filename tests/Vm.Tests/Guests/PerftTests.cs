using System.Runtime.InteropServices;
using System.Text;

namespace Optimistic.Vm.Tests.Guests;

public sealed class PerftTests : IDisposable
{
    private readonly GuestApp _perft = GuestApp.Open("perft");

    /// <summary>The positions and counts of the Chess Programming Wiki, "Perft Results".</summary>
    [Theory]
    [InlineData("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1", 20UL, 400UL, 8902UL, 197281UL)]
    [InlineData("r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1", 48UL, 2039UL, 97862UL)]
    [InlineData("8/2p5/3p4/KP5r/1R3p1k/8/4P1P1/8 w - - 0 1", 14UL, 191UL, 2812UL, 43238UL, 674624UL)]
    [InlineData("r3k2r/Pppp1ppp/1b3nbN/nP6/BBP1P3/q4N2/Pp1P2PP/R2Q1RK1 w kq - 0 1", 6UL, 264UL, 9467UL, 422333UL)]
    [InlineData("r2q1rk1/pP1p2pp/Q4n2/bbp1p3/Np6/1B3NBn/pPPP1PPP/R3K2R b KQ - 0 1", 6UL, 264UL, 9467UL)]
    [InlineData("rnbq1k1r/pp1Pbppp/2p5/8/2B5/8/PPP1NnPP/RNBQK2R w KQ - 1 8", 44UL, 1486UL, 62379UL)]
    [InlineData("r4rk1/1pp1qppp/p1np1n2/2b1p1B1/2B1P1b1/P1NP1N2/1PP1QPPP/R4RK1 w - - 0 10", 46UL, 2079UL, 89890UL)]
    public void Published_counts(string position, params ulong[] expected)
    {
        GuestResult result = Run($"{position};{expected.Length}");

        Assert.Equal((MachineStatus.Halted, 0u), (result.Status, result.ExitCode));
        Assert.Equal(expected, MemoryMarshal.Cast<byte, ulong>(result.Output).ToArray());
    }

    [Theory]
    [InlineData("4k3/8/8/8/8/8/8/4K3 w - -;1", 5UL)]
    [InlineData("4k3/8/8/8/8/8/8/4K3 w - - 0 1;1\n", 5UL)]
    [InlineData("7k/5Q2/6K1/8/8/8/8/8 b - -;1", 0UL)] // stalemate
    [InlineData("R6k/6pp/8/8/8/8/8/K7 b - -;1", 0UL)] // mate
    [InlineData("8/8/8/KPp4r/8/8/8/7k w - c6;1", 4UL)] // en passant would uncover the rook
    public void Small_positions(string input, ulong expected) =>
        Assert.Equal(expected, BitConverter.ToUInt64(Run(input).Output));

    [Theory]
    [InlineData("", "FEN: the board needs eight ranks")]
    [InlineData("rnbqkbnr/pppppppp/9/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1;1", "FEN: the board needs eight ranks")]
    [InlineData("8/8/8/8/8/8/8/8 w - -;1", "FEN: each side needs one king")]
    [InlineData("4k3/8/8/8/8/8/8/4K3 x - -;1", "FEN: side to move")]
    [InlineData("4k3/8/8/8/8/8/8/4K3 w K -;1", "FEN: castling without king and rook")]
    [InlineData("4k3/8/8/8/8/8/8/4K3 w - e6;1", "FEN: en passant")]
    [InlineData("P3k3/8/8/8/8/8/8/4K3 w - -;1", "FEN: a pawn on the first or last rank")]
    [InlineData("4k3/4R3/8/8/8/8/8/4K3 w - -;1", "FEN: the side to move could take the king")]
    [InlineData("4k3/8/8/8/8/8/8/4K3 w - -", "a semicolon and a depth")]
    [InlineData("4k3/8/8/8/8/8/8/4K3 w - -;0", "depth must be 1 to 15")]
    [InlineData("4k3/8/8/8/8/8/8/4K3 w - -;16", "depth must be 1 to 15")]
    [InlineData("4k3/8/8/8/8/8/8/4K3 w - -;1 ", "depth must be 1 to 15")]
    public void Bad_input_is_refused_with_a_reason(string input, string reason)
    {
        GuestResult result = Run(input);

        Assert.Equal((MachineStatus.Halted, 1u), (result.Status, result.ExitCode));
        Assert.StartsWith(reason, Encoding.ASCII.GetString(result.Output));
    }

    public void Dispose() => _perft.Dispose();

    private GuestResult Run(string input) => _perft.Run(new GuestTask(Encoding.ASCII.GetBytes(input)));
}
