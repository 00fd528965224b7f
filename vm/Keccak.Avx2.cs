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
    /// The rounds run in place: a row's five outputs take the places of the five lanes they came from, and after two rounds every
    /// lane is home again. So a turn of the loop is two rounds with no copies.
    /// The last round computes the four lanes that the digest needs.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Nodes(byte** children, byte* output)
    {
        Vector256<ulong> b0, b1, b2, b3, b4, c0, c1, c2, c3, c4, d0, d1, d2, d3, d4;
        Load(children + 0, out Vector256<ulong> s0, out Vector256<ulong> s1, out Vector256<ulong> s2, out Vector256<ulong> s3);
        Load(children + 1, out Vector256<ulong> s4, out Vector256<ulong> s5, out Vector256<ulong> s6, out Vector256<ulong> s7);
        Load(children + 2, out Vector256<ulong> s8, out Vector256<ulong> s9, out Vector256<ulong> s10, out Vector256<ulong> s11);
        Load(children + 3, out Vector256<ulong> s12, out Vector256<ulong> s13, out Vector256<ulong> s14, out Vector256<ulong> s15);
        Vector256<ulong> s16 = Vector256.Create(Keccak.NodePadding);
        Vector256<ulong> s17 = Vector256<ulong>.Zero, s18 = Vector256<ulong>.Zero, s19 = Vector256<ulong>.Zero, s20 = Vector256<ulong>.Zero;
        Vector256<ulong> s21 = Vector256<ulong>.Zero, s22 = Vector256<ulong>.Zero, s23 = Vector256<ulong>.Zero, s24 = Vector256<ulong>.Zero;

        fixed (ulong* roundConstants = Keccak.RoundConstants)
        {
            for (int round = 0; ; round += 2)
            {
                c0 = s0 ^ s5 ^ s10 ^ s15 ^ s20; c1 = s1 ^ s6 ^ s11 ^ s16 ^ s21; c2 = s2 ^ s7 ^ s12 ^ s17 ^ s22;
                c3 = s3 ^ s8 ^ s13 ^ s18 ^ s23; c4 = s4 ^ s9 ^ s14 ^ s19 ^ s24;
                d0 = c4 ^ Rotate(c1, 1); d1 = c0 ^ Rotate(c2, 1); d2 = c1 ^ Rotate(c3, 1); d3 = c2 ^ Rotate(c4, 1); d4 = c3 ^ Rotate(c0, 1);
                b0 = s0 ^ d0; b1 = Rotate(s6 ^ d1, 44); b2 = Rotate(s12 ^ d2, 43); b3 = Rotate(s18 ^ d3, 21); b4 = Rotate(s24 ^ d4, 14);
                s0 = b0 ^ Avx2.AndNot(b1, b2); s12 = b1 ^ Avx2.AndNot(b2, b3); s24 = b2 ^ Avx2.AndNot(b3, b4); s6 = b3 ^ Avx2.AndNot(b4, b0); s18 = b4 ^ Avx2.AndNot(b0, b1);
                s0 ^= Vector256.Create(roundConstants[round]);
                b0 = Rotate(s3 ^ d3, 28); b1 = Rotate(s9 ^ d4, 20); b2 = Rotate(s10 ^ d0, 3); b3 = Rotate(s16 ^ d1, 45); b4 = Rotate(s22 ^ d2, 61);
                s16 = b0 ^ Avx2.AndNot(b1, b2); s3 = b1 ^ Avx2.AndNot(b2, b3); s10 = b2 ^ Avx2.AndNot(b3, b4); s22 = b3 ^ Avx2.AndNot(b4, b0); s9 = b4 ^ Avx2.AndNot(b0, b1);
                b0 = Rotate(s1 ^ d1, 1); b1 = Rotate(s7 ^ d2, 6); b2 = Rotate(s13 ^ d3, 25); b3 = Rotate(s19 ^ d4, 8); b4 = Rotate(s20 ^ d0, 18);
                s7 = b0 ^ Avx2.AndNot(b1, b2); s19 = b1 ^ Avx2.AndNot(b2, b3); s1 = b2 ^ Avx2.AndNot(b3, b4); s13 = b3 ^ Avx2.AndNot(b4, b0); s20 = b4 ^ Avx2.AndNot(b0, b1);
                b0 = Rotate(s4 ^ d4, 27); b1 = Rotate(s5 ^ d0, 36); b2 = Rotate(s11 ^ d1, 10); b3 = Rotate(s17 ^ d2, 15); b4 = Rotate(s23 ^ d3, 56);
                s23 = b0 ^ Avx2.AndNot(b1, b2); s5 = b1 ^ Avx2.AndNot(b2, b3); s17 = b2 ^ Avx2.AndNot(b3, b4); s4 = b3 ^ Avx2.AndNot(b4, b0); s11 = b4 ^ Avx2.AndNot(b0, b1);
                b0 = Rotate(s2 ^ d2, 62); b1 = Rotate(s8 ^ d3, 55); b2 = Rotate(s14 ^ d4, 39); b3 = Rotate(s15 ^ d0, 41); b4 = Rotate(s21 ^ d1, 2);
                s14 = b0 ^ Avx2.AndNot(b1, b2); s21 = b1 ^ Avx2.AndNot(b2, b3); s8 = b2 ^ Avx2.AndNot(b3, b4); s15 = b3 ^ Avx2.AndNot(b4, b0); s2 = b4 ^ Avx2.AndNot(b0, b1);

                if (round == 22)
                    break;

                c0 = s0 ^ s16 ^ s7 ^ s23 ^ s14; c1 = s12 ^ s3 ^ s19 ^ s5 ^ s21; c2 = s24 ^ s10 ^ s1 ^ s17 ^ s8;
                c3 = s6 ^ s22 ^ s13 ^ s4 ^ s15; c4 = s18 ^ s9 ^ s20 ^ s11 ^ s2;
                d0 = c4 ^ Rotate(c1, 1); d1 = c0 ^ Rotate(c2, 1); d2 = c1 ^ Rotate(c3, 1); d3 = c2 ^ Rotate(c4, 1); d4 = c3 ^ Rotate(c0, 1);
                b0 = s0 ^ d0; b1 = Rotate(s3 ^ d1, 44); b2 = Rotate(s1 ^ d2, 43); b3 = Rotate(s4 ^ d3, 21); b4 = Rotate(s2 ^ d4, 14);
                s0 = b0 ^ Avx2.AndNot(b1, b2); s1 = b1 ^ Avx2.AndNot(b2, b3); s2 = b2 ^ Avx2.AndNot(b3, b4); s3 = b3 ^ Avx2.AndNot(b4, b0); s4 = b4 ^ Avx2.AndNot(b0, b1);
                s0 ^= Vector256.Create(roundConstants[round + 1]);
                b0 = Rotate(s6 ^ d3, 28); b1 = Rotate(s9 ^ d4, 20); b2 = Rotate(s7 ^ d0, 3); b3 = Rotate(s5 ^ d1, 45); b4 = Rotate(s8 ^ d2, 61);
                s5 = b0 ^ Avx2.AndNot(b1, b2); s6 = b1 ^ Avx2.AndNot(b2, b3); s7 = b2 ^ Avx2.AndNot(b3, b4); s8 = b3 ^ Avx2.AndNot(b4, b0); s9 = b4 ^ Avx2.AndNot(b0, b1);
                b0 = Rotate(s12 ^ d1, 1); b1 = Rotate(s10 ^ d2, 6); b2 = Rotate(s13 ^ d3, 25); b3 = Rotate(s11 ^ d4, 8); b4 = Rotate(s14 ^ d0, 18);
                s10 = b0 ^ Avx2.AndNot(b1, b2); s11 = b1 ^ Avx2.AndNot(b2, b3); s12 = b2 ^ Avx2.AndNot(b3, b4); s13 = b3 ^ Avx2.AndNot(b4, b0); s14 = b4 ^ Avx2.AndNot(b0, b1);
                b0 = Rotate(s18 ^ d4, 27); b1 = Rotate(s16 ^ d0, 36); b2 = Rotate(s19 ^ d1, 10); b3 = Rotate(s17 ^ d2, 15); b4 = Rotate(s15 ^ d3, 56);
                s15 = b0 ^ Avx2.AndNot(b1, b2); s16 = b1 ^ Avx2.AndNot(b2, b3); s17 = b2 ^ Avx2.AndNot(b3, b4); s18 = b3 ^ Avx2.AndNot(b4, b0); s19 = b4 ^ Avx2.AndNot(b0, b1);
                b0 = Rotate(s24 ^ d2, 62); b1 = Rotate(s22 ^ d3, 55); b2 = Rotate(s20 ^ d4, 39); b3 = Rotate(s23 ^ d0, 41); b4 = Rotate(s21 ^ d1, 2);
                s20 = b0 ^ Avx2.AndNot(b1, b2); s21 = b1 ^ Avx2.AndNot(b2, b3); s22 = b2 ^ Avx2.AndNot(b3, b4); s23 = b3 ^ Avx2.AndNot(b4, b0); s24 = b4 ^ Avx2.AndNot(b0, b1);
            }

            c0 = s0 ^ s16 ^ s7 ^ s23 ^ s14; c1 = s12 ^ s3 ^ s19 ^ s5 ^ s21; c2 = s24 ^ s10 ^ s1 ^ s17 ^ s8;
            c3 = s6 ^ s22 ^ s13 ^ s4 ^ s15; c4 = s18 ^ s9 ^ s20 ^ s11 ^ s2;
            d0 = c4 ^ Rotate(c1, 1); d1 = c0 ^ Rotate(c2, 1); d2 = c1 ^ Rotate(c3, 1); d3 = c2 ^ Rotate(c4, 1); d4 = c3 ^ Rotate(c0, 1);
            b0 = s0 ^ d0; b1 = Rotate(s3 ^ d1, 44); b2 = Rotate(s1 ^ d2, 43); b3 = Rotate(s4 ^ d3, 21); b4 = Rotate(s2 ^ d4, 14);
            s0 = b0 ^ Avx2.AndNot(b1, b2); s1 = b1 ^ Avx2.AndNot(b2, b3); s2 = b2 ^ Avx2.AndNot(b3, b4); s3 = b3 ^ Avx2.AndNot(b4, b0);
            s0 ^= Vector256.Create(roundConstants[23]);
        }

        Transpose(ref s0, ref s1, ref s2, ref s3);
        s0.Store((ulong*)output);
        s1.Store((ulong*)output + 4);
        s2.Store((ulong*)output + 8);
        s3.Store((ulong*)output + 12);
    }

    /// <summary>One child of each of the four nodes (the pointers are four apart), turned into four lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(
        byte** child, out Vector256<ulong> lane0, out Vector256<ulong> lane1, out Vector256<ulong> lane2, out Vector256<ulong> lane3)
    {
        lane0 = Vector256.Load((ulong*)child[0]);
        lane1 = Vector256.Load((ulong*)child[4]);
        lane2 = Vector256.Load((ulong*)child[8]);
        lane3 = Vector256.Load((ulong*)child[12]);
        Transpose(ref lane0, ref lane1, ref lane2, ref lane3);
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
    private static Vector256<ulong> Rotate(Vector256<ulong> lanes, [ConstantExpected] byte count) =>
        (lanes << count) | (lanes >>> (64 - count));
}
