using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Optimistic.Vm;

/// <summary>Eight nodes at once: lane i of the eight states side by side in one 512-bit register.</summary>
internal static unsafe class KeccakAvx512
{
    internal const int Width = 8;

    /// <summary>Hashes eight nodes: 32 pointers to 32-byte children, node by node, and 8 x 32 bytes out.</summary>
    /// <remarks>
    /// The rounds run in place: a row's five outputs take the places of the five lanes they came from, and after two rounds every
    /// lane is home again. So a turn of the loop is two rounds with no copies.
    /// The last round computes the four lanes that the digest needs.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Nodes(byte** children, byte* output)
    {
        Vector512<ulong> b0, b1, b2, b3, b4, c0, c1, c2, c3, c4, d;
        Load(children + 0, out Vector512<ulong> s0, out Vector512<ulong> s1, out Vector512<ulong> s2, out Vector512<ulong> s3);
        Load(children + 1, out Vector512<ulong> s4, out Vector512<ulong> s5, out Vector512<ulong> s6, out Vector512<ulong> s7);
        Load(children + 2, out Vector512<ulong> s8, out Vector512<ulong> s9, out Vector512<ulong> s10, out Vector512<ulong> s11);
        Load(children + 3, out Vector512<ulong> s12, out Vector512<ulong> s13, out Vector512<ulong> s14, out Vector512<ulong> s15);
        Vector512<ulong> s16 = Vector512.Create(Keccak.NodePadding);
        Vector512<ulong> s17 = Vector512<ulong>.Zero, s18 = Vector512<ulong>.Zero, s19 = Vector512<ulong>.Zero, s20 = Vector512<ulong>.Zero;
        Vector512<ulong> s21 = Vector512<ulong>.Zero, s22 = Vector512<ulong>.Zero, s23 = Vector512<ulong>.Zero, s24 = Vector512<ulong>.Zero;

        fixed (ulong* roundConstants = Keccak.RoundConstants)
        {
            for (int round = 0; ; round += 2)
            {
                c0 = Xor(s0, s5, s10, s15, s20); c1 = Xor(s1, s6, s11, s16, s21); c2 = Xor(s2, s7, s12, s17, s22);
                c3 = Xor(s3, s8, s13, s18, s23); c4 = Xor(s4, s9, s14, s19, s24);
                d = Rotate(c1, 1); s0 = Xor(s0, c4, d); s5 = Xor(s5, c4, d); s10 = Xor(s10, c4, d); s15 = Xor(s15, c4, d); s20 = Xor(s20, c4, d);
                d = Rotate(c2, 1); s1 = Xor(s1, c0, d); s6 = Xor(s6, c0, d); s11 = Xor(s11, c0, d); s16 = Xor(s16, c0, d); s21 = Xor(s21, c0, d);
                d = Rotate(c3, 1); s2 = Xor(s2, c1, d); s7 = Xor(s7, c1, d); s12 = Xor(s12, c1, d); s17 = Xor(s17, c1, d); s22 = Xor(s22, c1, d);
                d = Rotate(c4, 1); s3 = Xor(s3, c2, d); s8 = Xor(s8, c2, d); s13 = Xor(s13, c2, d); s18 = Xor(s18, c2, d); s23 = Xor(s23, c2, d);
                d = Rotate(c0, 1); s4 = Xor(s4, c3, d); s9 = Xor(s9, c3, d); s14 = Xor(s14, c3, d); s19 = Xor(s19, c3, d); s24 = Xor(s24, c3, d);
                b0 = s0; b1 = Rotate(s6, 44); b2 = Rotate(s12, 43); b3 = Rotate(s18, 21); b4 = Rotate(s24, 14);
                s0 = Chi(b0, b1, b2); s12 = Chi(b1, b2, b3); s24 = Chi(b2, b3, b4); s6 = Chi(b3, b4, b0); s18 = Chi(b4, b0, b1);
                s0 ^= Vector512.Create(roundConstants[round]);
                b0 = Rotate(s3, 28); b1 = Rotate(s9, 20); b2 = Rotate(s10, 3); b3 = Rotate(s16, 45); b4 = Rotate(s22, 61);
                s16 = Chi(b0, b1, b2); s3 = Chi(b1, b2, b3); s10 = Chi(b2, b3, b4); s22 = Chi(b3, b4, b0); s9 = Chi(b4, b0, b1);
                b0 = Rotate(s1, 1); b1 = Rotate(s7, 6); b2 = Rotate(s13, 25); b3 = Rotate(s19, 8); b4 = Rotate(s20, 18);
                s7 = Chi(b0, b1, b2); s19 = Chi(b1, b2, b3); s1 = Chi(b2, b3, b4); s13 = Chi(b3, b4, b0); s20 = Chi(b4, b0, b1);
                b0 = Rotate(s4, 27); b1 = Rotate(s5, 36); b2 = Rotate(s11, 10); b3 = Rotate(s17, 15); b4 = Rotate(s23, 56);
                s23 = Chi(b0, b1, b2); s5 = Chi(b1, b2, b3); s17 = Chi(b2, b3, b4); s4 = Chi(b3, b4, b0); s11 = Chi(b4, b0, b1);
                b0 = Rotate(s2, 62); b1 = Rotate(s8, 55); b2 = Rotate(s14, 39); b3 = Rotate(s15, 41); b4 = Rotate(s21, 2);
                s14 = Chi(b0, b1, b2); s21 = Chi(b1, b2, b3); s8 = Chi(b2, b3, b4); s15 = Chi(b3, b4, b0); s2 = Chi(b4, b0, b1);

                if (round == 22)
                    break;

                c0 = Xor(s0, s16, s7, s23, s14); c1 = Xor(s12, s3, s19, s5, s21); c2 = Xor(s24, s10, s1, s17, s8);
                c3 = Xor(s6, s22, s13, s4, s15); c4 = Xor(s18, s9, s20, s11, s2);
                d = Rotate(c1, 1); s0 = Xor(s0, c4, d); s16 = Xor(s16, c4, d); s7 = Xor(s7, c4, d); s23 = Xor(s23, c4, d); s14 = Xor(s14, c4, d);
                d = Rotate(c2, 1); s12 = Xor(s12, c0, d); s3 = Xor(s3, c0, d); s19 = Xor(s19, c0, d); s5 = Xor(s5, c0, d); s21 = Xor(s21, c0, d);
                d = Rotate(c3, 1); s24 = Xor(s24, c1, d); s10 = Xor(s10, c1, d); s1 = Xor(s1, c1, d); s17 = Xor(s17, c1, d); s8 = Xor(s8, c1, d);
                d = Rotate(c4, 1); s6 = Xor(s6, c2, d); s22 = Xor(s22, c2, d); s13 = Xor(s13, c2, d); s4 = Xor(s4, c2, d); s15 = Xor(s15, c2, d);
                d = Rotate(c0, 1); s18 = Xor(s18, c3, d); s9 = Xor(s9, c3, d); s20 = Xor(s20, c3, d); s11 = Xor(s11, c3, d); s2 = Xor(s2, c3, d);
                b0 = s0; b1 = Rotate(s3, 44); b2 = Rotate(s1, 43); b3 = Rotate(s4, 21); b4 = Rotate(s2, 14);
                s0 = Chi(b0, b1, b2); s1 = Chi(b1, b2, b3); s2 = Chi(b2, b3, b4); s3 = Chi(b3, b4, b0); s4 = Chi(b4, b0, b1);
                s0 ^= Vector512.Create(roundConstants[round + 1]);
                b0 = Rotate(s6, 28); b1 = Rotate(s9, 20); b2 = Rotate(s7, 3); b3 = Rotate(s5, 45); b4 = Rotate(s8, 61);
                s5 = Chi(b0, b1, b2); s6 = Chi(b1, b2, b3); s7 = Chi(b2, b3, b4); s8 = Chi(b3, b4, b0); s9 = Chi(b4, b0, b1);
                b0 = Rotate(s12, 1); b1 = Rotate(s10, 6); b2 = Rotate(s13, 25); b3 = Rotate(s11, 8); b4 = Rotate(s14, 18);
                s10 = Chi(b0, b1, b2); s11 = Chi(b1, b2, b3); s12 = Chi(b2, b3, b4); s13 = Chi(b3, b4, b0); s14 = Chi(b4, b0, b1);
                b0 = Rotate(s18, 27); b1 = Rotate(s16, 36); b2 = Rotate(s19, 10); b3 = Rotate(s17, 15); b4 = Rotate(s15, 56);
                s15 = Chi(b0, b1, b2); s16 = Chi(b1, b2, b3); s17 = Chi(b2, b3, b4); s18 = Chi(b3, b4, b0); s19 = Chi(b4, b0, b1);
                b0 = Rotate(s24, 62); b1 = Rotate(s22, 55); b2 = Rotate(s20, 39); b3 = Rotate(s23, 41); b4 = Rotate(s21, 2);
                s20 = Chi(b0, b1, b2); s21 = Chi(b1, b2, b3); s22 = Chi(b2, b3, b4); s23 = Chi(b3, b4, b0); s24 = Chi(b4, b0, b1);
            }

            c0 = Xor(s0, s16, s7, s23, s14); c1 = Xor(s12, s3, s19, s5, s21); c2 = Xor(s24, s10, s1, s17, s8);
            c3 = Xor(s6, s22, s13, s4, s15); c4 = Xor(s18, s9, s20, s11, s2);
            d = Rotate(c1, 1); s0 = Xor(s0, c4, d);
            d = Rotate(c2, 1); s3 = Xor(s3, c0, d);
            d = Rotate(c3, 1); s1 = Xor(s1, c1, d);
            d = Rotate(c4, 1); s4 = Xor(s4, c2, d);
            d = Rotate(c0, 1); s2 = Xor(s2, c3, d);
            b0 = s0; b1 = Rotate(s3, 44); b2 = Rotate(s1, 43); b3 = Rotate(s4, 21); b4 = Rotate(s2, 14);
            s0 = Chi(b0, b1, b2); s1 = Chi(b1, b2, b3); s2 = Chi(b2, b3, b4); s3 = Chi(b3, b4, b0);
            s0 ^= Vector512.Create(roundConstants[23]);
        }

        // Back from lanes to nodes: after these four, a register holds 32 bytes of node i and 32 bytes of node i + 4.
        Transpose(ref s0, ref s1, ref s2, ref s3);
        Avx512F.Store((ulong*)output, Avx512F.Shuffle4x128(s0, s1, 0x44));
        Avx512F.Store((ulong*)output + 8, Avx512F.Shuffle4x128(s2, s3, 0x44));
        Avx512F.Store((ulong*)output + 16, Avx512F.Shuffle4x128(s0, s1, 0xEE));
        Avx512F.Store((ulong*)output + 24, Avx512F.Shuffle4x128(s2, s3, 0xEE));
    }

    /// <summary>One child of each of the eight nodes (the pointers are four apart), turned into four lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(
        byte** child, out Vector512<ulong> lane0, out Vector512<ulong> lane1, out Vector512<ulong> lane2, out Vector512<ulong> lane3)
    {
        lane0 = Vector512.Create(Vector256.Load((ulong*)child[0]), Vector256.Load((ulong*)child[16]));
        lane1 = Vector512.Create(Vector256.Load((ulong*)child[4]), Vector256.Load((ulong*)child[20]));
        lane2 = Vector512.Create(Vector256.Load((ulong*)child[8]), Vector256.Load((ulong*)child[24]));
        lane3 = Vector512.Create(Vector256.Load((ulong*)child[12]), Vector256.Load((ulong*)child[28]));
        Transpose(ref lane0, ref lane1, ref lane2, ref lane3);
    }

    /// <summary>Transposes the two 4 x 4 matrices in the lower and the upper halves of four registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(
        ref Vector512<ulong> row0, ref Vector512<ulong> row1, ref Vector512<ulong> row2, ref Vector512<ulong> row3)
    {
        Vector512<ulong> even01 = Avx512F.UnpackLow(row0, row1), odd01 = Avx512F.UnpackHigh(row0, row1);
        Vector512<ulong> even23 = Avx512F.UnpackLow(row2, row3), odd23 = Avx512F.UnpackHigh(row2, row3);

        // Words of the first operand are 0..7, of the second 8..15.
        Vector512<ulong> first = Vector512.Create(0UL, 1, 8, 9, 4, 5, 12, 13), second = Vector512.Create(2UL, 3, 10, 11, 6, 7, 14, 15);
        row0 = Avx512F.PermuteVar8x64x2(even01, first, even23);
        row1 = Avx512F.PermuteVar8x64x2(odd01, first, odd23);
        row2 = Avx512F.PermuteVar8x64x2(even01, second, even23);
        row3 = Avx512F.PermuteVar8x64x2(odd01, second, odd23);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Rotate(Vector512<ulong> lanes, [ConstantExpected] byte count) => Avx512F.RotateLeft(lanes, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Xor(Vector512<ulong> a, Vector512<ulong> b, Vector512<ulong> c) => Avx512F.TernaryLogic(a, b, c, 0x96);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Xor(
        Vector512<ulong> a, Vector512<ulong> b, Vector512<ulong> c, Vector512<ulong> d, Vector512<ulong> e) => Xor(Xor(a, b, c), d, e);

    /// <summary>a ^ (~b &amp; c).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Chi(Vector512<ulong> a, Vector512<ulong> b, Vector512<ulong> c) => Avx512F.TernaryLogic(a, b, c, 0xD2);
}
