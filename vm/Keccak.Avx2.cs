using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Optimistic.Vm;

/// <summary>Four nodes at once: lane i of the four states side by side in one 256-bit register.</summary>
internal static unsafe class KeccakAvx2
{
    internal const int Width = 4;

    /// <summary>Hashes four nodes: sixteen pointers to 32-byte children, node by node, and 4 x 32 bytes out.</summary>
    /// <remarks>
    /// The 25 lanes are in memory, each loaded once and stored once a round; the sixteen registers hold what a row needs: the five
    /// lanes, the theta words d, and the column parities c of the next round, added up on the way. So nothing is spilled.
    /// The rounds run in place: a row's five outputs take the places of the five lanes they came from, and after two rounds every
    /// lane is home again. The last round computes the four lanes that the digest needs.
    /// </remarks>
    [SkipLocalsInit]
    internal static void Nodes(byte** children, byte* output)
    {
        Vector256<ulong> b, b0, b1, b2, b3, b4, c0, c1, c2, c3, c4, d0, d1, d2, d3, d4;
        // No lane in two lines of the cache.
        byte* space = stackalloc byte[25 * 32 + 31];
        var s = (Vector256<ulong>*)((nuint)(space + 31) & ~(nuint)31);
        Load(children + 0, s + 0);
        Load(children + 1, s + 4);
        Load(children + 2, s + 8);
        Load(children + 3, s + 12);
        s[16] = Vector256.Create(Keccak.NodePadding);
        s[17] = s[18] = s[19] = s[20] = s[21] = s[22] = s[23] = s[24] = Vector256<ulong>.Zero;
        c0 = s[0] ^ s[5] ^ s[10] ^ s[15]; c1 = s[1] ^ s[6] ^ s[11] ^ s[16]; c2 = s[2] ^ s[7] ^ s[12]; c3 = s[3] ^ s[8] ^ s[13]; c4 = s[4] ^ s[9] ^ s[14];

        fixed (ulong* roundConstants = Keccak.RoundConstants)
        {
            for (int round = 0; ; round += 2)
            {
                d0 = c4 ^ RotateBy1(c1); d1 = c0 ^ RotateBy1(c2); d2 = c1 ^ RotateBy1(c3); d3 = c2 ^ RotateBy1(c4); d4 = c3 ^ RotateBy1(c0);
                b0 = s[0] ^ d0; b1 = Rotate(s[6] ^ d1, 44); b2 = Rotate(s[12] ^ d2, 43); b3 = Rotate(s[18] ^ d3, 21); b4 = Rotate(s[24] ^ d4, 14);
                s[0] = c0 = Chi(b0, b1, b2) ^ Vector256.Create(roundConstants[round]); s[12] = c1 = Chi(b1, b2, b3); s[24] = c2 = Chi(b2, b3, b4); s[6] = c3 = Chi(b3, b4, b0); s[18] = c4 = Chi(b4, b0, b1);
                b0 = Rotate(s[3] ^ d3, 28); b1 = Rotate(s[9] ^ d4, 20); b2 = Rotate(s[10] ^ d0, 3); b3 = Rotate(s[16] ^ d1, 45); b4 = Rotate(s[22] ^ d2, 61);
                s[16] = b = Chi(b0, b1, b2); c0 ^= b; s[3] = b = Chi(b1, b2, b3); c1 ^= b; s[10] = b = Chi(b2, b3, b4); c2 ^= b; s[22] = b = Chi(b3, b4, b0); c3 ^= b; s[9] = b = Chi(b4, b0, b1); c4 ^= b;
                b0 = RotateBy1(s[1] ^ d1); b1 = Rotate(s[7] ^ d2, 6); b2 = Rotate(s[13] ^ d3, 25); b3 = RotateBy8(s[19] ^ d4); b4 = Rotate(s[20] ^ d0, 18);
                s[7] = b = Chi(b0, b1, b2); c0 ^= b; s[19] = b = Chi(b1, b2, b3); c1 ^= b; s[1] = b = Chi(b2, b3, b4); c2 ^= b; s[13] = b = Chi(b3, b4, b0); c3 ^= b; s[20] = b = Chi(b4, b0, b1); c4 ^= b;
                b0 = Rotate(s[4] ^ d4, 27); b1 = Rotate(s[5] ^ d0, 36); b2 = Rotate(s[11] ^ d1, 10); b3 = Rotate(s[17] ^ d2, 15); b4 = RotateBy56(s[23] ^ d3);
                s[23] = b = Chi(b0, b1, b2); c0 ^= b; s[5] = b = Chi(b1, b2, b3); c1 ^= b; s[17] = b = Chi(b2, b3, b4); c2 ^= b; s[4] = b = Chi(b3, b4, b0); c3 ^= b; s[11] = b = Chi(b4, b0, b1); c4 ^= b;
                b0 = Rotate(s[2] ^ d2, 62); b1 = Rotate(s[8] ^ d3, 55); b2 = Rotate(s[14] ^ d4, 39); b3 = Rotate(s[15] ^ d0, 41); b4 = Rotate(s[21] ^ d1, 2);
                s[14] = b = Chi(b0, b1, b2); c0 ^= b; s[21] = b = Chi(b1, b2, b3); c1 ^= b; s[8] = b = Chi(b2, b3, b4); c2 ^= b; s[15] = b = Chi(b3, b4, b0); c3 ^= b; s[2] = b = Chi(b4, b0, b1); c4 ^= b;

                if (round == 22)
                    break;

                d0 = c4 ^ RotateBy1(c1); d1 = c0 ^ RotateBy1(c2); d2 = c1 ^ RotateBy1(c3); d3 = c2 ^ RotateBy1(c4); d4 = c3 ^ RotateBy1(c0);
                b0 = s[0] ^ d0; b1 = Rotate(s[3] ^ d1, 44); b2 = Rotate(s[1] ^ d2, 43); b3 = Rotate(s[4] ^ d3, 21); b4 = Rotate(s[2] ^ d4, 14);
                s[0] = c0 = Chi(b0, b1, b2) ^ Vector256.Create(roundConstants[round + 1]); s[1] = c1 = Chi(b1, b2, b3); s[2] = c2 = Chi(b2, b3, b4); s[3] = c3 = Chi(b3, b4, b0); s[4] = c4 = Chi(b4, b0, b1);
                b0 = Rotate(s[6] ^ d3, 28); b1 = Rotate(s[9] ^ d4, 20); b2 = Rotate(s[7] ^ d0, 3); b3 = Rotate(s[5] ^ d1, 45); b4 = Rotate(s[8] ^ d2, 61);
                s[5] = b = Chi(b0, b1, b2); c0 ^= b; s[6] = b = Chi(b1, b2, b3); c1 ^= b; s[7] = b = Chi(b2, b3, b4); c2 ^= b; s[8] = b = Chi(b3, b4, b0); c3 ^= b; s[9] = b = Chi(b4, b0, b1); c4 ^= b;
                b0 = RotateBy1(s[12] ^ d1); b1 = Rotate(s[10] ^ d2, 6); b2 = Rotate(s[13] ^ d3, 25); b3 = RotateBy8(s[11] ^ d4); b4 = Rotate(s[14] ^ d0, 18);
                s[10] = b = Chi(b0, b1, b2); c0 ^= b; s[11] = b = Chi(b1, b2, b3); c1 ^= b; s[12] = b = Chi(b2, b3, b4); c2 ^= b; s[13] = b = Chi(b3, b4, b0); c3 ^= b; s[14] = b = Chi(b4, b0, b1); c4 ^= b;
                b0 = Rotate(s[18] ^ d4, 27); b1 = Rotate(s[16] ^ d0, 36); b2 = Rotate(s[19] ^ d1, 10); b3 = Rotate(s[17] ^ d2, 15); b4 = RotateBy56(s[15] ^ d3);
                s[15] = b = Chi(b0, b1, b2); c0 ^= b; s[16] = b = Chi(b1, b2, b3); c1 ^= b; s[17] = b = Chi(b2, b3, b4); c2 ^= b; s[18] = b = Chi(b3, b4, b0); c3 ^= b; s[19] = b = Chi(b4, b0, b1); c4 ^= b;
                b0 = Rotate(s[24] ^ d2, 62); b1 = Rotate(s[22] ^ d3, 55); b2 = Rotate(s[20] ^ d4, 39); b3 = Rotate(s[23] ^ d0, 41); b4 = Rotate(s[21] ^ d1, 2);
                s[20] = b = Chi(b0, b1, b2); c0 ^= b; s[21] = b = Chi(b1, b2, b3); c1 ^= b; s[22] = b = Chi(b2, b3, b4); c2 ^= b; s[23] = b = Chi(b3, b4, b0); c3 ^= b; s[24] = b = Chi(b4, b0, b1); c4 ^= b;
            }

            d0 = c4 ^ RotateBy1(c1); d1 = c0 ^ RotateBy1(c2); d2 = c1 ^ RotateBy1(c3); d3 = c2 ^ RotateBy1(c4); d4 = c3 ^ RotateBy1(c0);
            b0 = s[0] ^ d0; b1 = Rotate(s[3] ^ d1, 44); b2 = Rotate(s[1] ^ d2, 43); b3 = Rotate(s[4] ^ d3, 21); b4 = Rotate(s[2] ^ d4, 14);
            c0 = Chi(b0, b1, b2) ^ Vector256.Create(roundConstants[23]); c1 = Chi(b1, b2, b3); c2 = Chi(b2, b3, b4); c3 = Chi(b3, b4, b0);
        }

        Transpose(ref c0, ref c1, ref c2, ref c3);
        // Not Vector256.Store: a method that calls it is not compiled ahead, and this one takes 12 ms.
        Avx.Store((ulong*)output, c0);
        Avx.Store((ulong*)output + 4, c1);
        Avx.Store((ulong*)output + 8, c2);
        Avx.Store((ulong*)output + 12, c3);
    }

    /// <summary>One child of each of the four nodes (the pointers are four apart), turned into four lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(byte** child, Vector256<ulong>* lanes)
    {
        Vector256<ulong> lane0 = Vector256.Load((ulong*)child[0]), lane1 = Vector256.Load((ulong*)child[4]);
        Vector256<ulong> lane2 = Vector256.Load((ulong*)child[8]), lane3 = Vector256.Load((ulong*)child[12]);
        Transpose(ref lane0, ref lane1, ref lane2, ref lane3);
        lanes[0] = lane0;
        lanes[1] = lane1;
        lanes[2] = lane2;
        lanes[3] = lane3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(
        ref Vector256<ulong> row0, ref Vector256<ulong> row1, ref Vector256<ulong> row2, ref Vector256<ulong> row3)
    {
        Vector256<ulong> even01 = Avx2.UnpackLow(row0, row1), odd01 = Avx2.UnpackHigh(row0, row1);
        Vector256<ulong> even23 = Avx2.UnpackLow(row2, row3), odd23 = Avx2.UnpackHigh(row2, row3);
        row0 = Avx2.Permute2x128(even01, even23, 0x20);
        row1 = Avx2.Permute2x128(odd01, odd23, 0x20);
        row2 = Avx2.Permute2x128(even01, even23, 0x31);
        row3 = Avx2.Permute2x128(odd01, odd23, 0x31);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Chi(Vector256<ulong> lane, Vector256<ulong> next, Vector256<ulong> afterNext) =>
        Avx2.AndNot(next, afterNext) ^ lane;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Rotate(Vector256<ulong> lanes, [ConstantExpected] byte count) =>
        (lanes << count) | (lanes >>> (64 - count));

    /// <summary>An addition has more execution ports than a shift.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> RotateBy1(Vector256<ulong> lanes) => (lanes + lanes) | (lanes >>> 63);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> RotateBy8(Vector256<ulong> lanes) => Avx2.Shuffle(lanes.AsByte(), Vector256.Create(
        (byte)7, 0, 1, 2, 3, 4, 5, 6, 15, 8, 9, 10, 11, 12, 13, 14, 7, 0, 1, 2, 3, 4, 5, 6, 15, 8, 9, 10, 11, 12, 13, 14)).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> RotateBy56(Vector256<ulong> lanes) => Avx2.Shuffle(lanes.AsByte(), Vector256.Create(
        (byte)1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14, 15, 8, 1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14, 15, 8)).AsUInt64();
}
