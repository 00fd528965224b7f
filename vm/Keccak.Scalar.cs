using System.Runtime.CompilerServices;
using static System.Numerics.BitOperations;

namespace Optimistic.Vm;

/// <summary>Keccak-f[1600] on one state, in plain 64-bit arithmetic: the sponge of <see cref="Keccak.Hash"/> and the kernel of last resort.</summary>
internal static unsafe class KeccakScalar
{
    /// <summary>Hashes one node: four pointers to 32-byte children, 32 bytes out.</summary>
    internal static void Nodes(byte** children, byte* output)
    {
        ulong* state = stackalloc ulong[25];
        for (int child = 0; child < 4; child++)
            Unsafe.CopyBlockUnaligned(state + 4 * child, children[child], Word.Length);

        new Span<ulong>(state + 16, 9).Clear();
        state[16] = Keccak.NodePadding;
        Permute(state);
        Unsafe.CopyBlockUnaligned(output, state, Word.Length);
    }

    /// <summary>Applies the 24 rounds to 25 lanes (FIPS 202, 3.3).</summary>
    /// <remarks>
    /// The rounds run in place: a row's five outputs take the places of the five lanes they came from, and after two rounds every
    /// lane is home again. So a turn of the loop is two rounds with no copies.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Permute(ulong* state)
    {
        fixed (ulong* roundConstants = Keccak.RoundConstants)
        {
            ulong b0, b1, b2, b3, b4, c0, c1, c2, c3, c4, d0, d1, d2, d3, d4;
            ulong s0 = state[0], s1 = state[1], s2 = state[2], s3 = state[3], s4 = state[4];
            ulong s5 = state[5], s6 = state[6], s7 = state[7], s8 = state[8], s9 = state[9];
            ulong s10 = state[10], s11 = state[11], s12 = state[12], s13 = state[13], s14 = state[14];
            ulong s15 = state[15], s16 = state[16], s17 = state[17], s18 = state[18], s19 = state[19];
            ulong s20 = state[20], s21 = state[21], s22 = state[22], s23 = state[23], s24 = state[24];

            for (int round = 0; round < 24; round += 2)
            {
                c0 = s0 ^ s5 ^ s10 ^ s15 ^ s20; c1 = s1 ^ s6 ^ s11 ^ s16 ^ s21; c2 = s2 ^ s7 ^ s12 ^ s17 ^ s22;
                c3 = s3 ^ s8 ^ s13 ^ s18 ^ s23; c4 = s4 ^ s9 ^ s14 ^ s19 ^ s24;
                d0 = c4 ^ RotateLeft(c1, 1); d1 = c0 ^ RotateLeft(c2, 1); d2 = c1 ^ RotateLeft(c3, 1); d3 = c2 ^ RotateLeft(c4, 1); d4 = c3 ^ RotateLeft(c0, 1);
                b0 = s0 ^ d0; b1 = RotateLeft(s6 ^ d1, 44); b2 = RotateLeft(s12 ^ d2, 43); b3 = RotateLeft(s18 ^ d3, 21); b4 = RotateLeft(s24 ^ d4, 14);
                s0 = b0 ^ (~b1 & b2); s12 = b1 ^ (~b2 & b3); s24 = b2 ^ (~b3 & b4); s6 = b3 ^ (~b4 & b0); s18 = b4 ^ (~b0 & b1);
                s0 ^= roundConstants[round];
                b0 = RotateLeft(s3 ^ d3, 28); b1 = RotateLeft(s9 ^ d4, 20); b2 = RotateLeft(s10 ^ d0, 3); b3 = RotateLeft(s16 ^ d1, 45); b4 = RotateLeft(s22 ^ d2, 61);
                s16 = b0 ^ (~b1 & b2); s3 = b1 ^ (~b2 & b3); s10 = b2 ^ (~b3 & b4); s22 = b3 ^ (~b4 & b0); s9 = b4 ^ (~b0 & b1);
                b0 = RotateLeft(s1 ^ d1, 1); b1 = RotateLeft(s7 ^ d2, 6); b2 = RotateLeft(s13 ^ d3, 25); b3 = RotateLeft(s19 ^ d4, 8); b4 = RotateLeft(s20 ^ d0, 18);
                s7 = b0 ^ (~b1 & b2); s19 = b1 ^ (~b2 & b3); s1 = b2 ^ (~b3 & b4); s13 = b3 ^ (~b4 & b0); s20 = b4 ^ (~b0 & b1);
                b0 = RotateLeft(s4 ^ d4, 27); b1 = RotateLeft(s5 ^ d0, 36); b2 = RotateLeft(s11 ^ d1, 10); b3 = RotateLeft(s17 ^ d2, 15); b4 = RotateLeft(s23 ^ d3, 56);
                s23 = b0 ^ (~b1 & b2); s5 = b1 ^ (~b2 & b3); s17 = b2 ^ (~b3 & b4); s4 = b3 ^ (~b4 & b0); s11 = b4 ^ (~b0 & b1);
                b0 = RotateLeft(s2 ^ d2, 62); b1 = RotateLeft(s8 ^ d3, 55); b2 = RotateLeft(s14 ^ d4, 39); b3 = RotateLeft(s15 ^ d0, 41); b4 = RotateLeft(s21 ^ d1, 2);
                s14 = b0 ^ (~b1 & b2); s21 = b1 ^ (~b2 & b3); s8 = b2 ^ (~b3 & b4); s15 = b3 ^ (~b4 & b0); s2 = b4 ^ (~b0 & b1);

                c0 = s0 ^ s16 ^ s7 ^ s23 ^ s14; c1 = s12 ^ s3 ^ s19 ^ s5 ^ s21; c2 = s24 ^ s10 ^ s1 ^ s17 ^ s8;
                c3 = s6 ^ s22 ^ s13 ^ s4 ^ s15; c4 = s18 ^ s9 ^ s20 ^ s11 ^ s2;
                d0 = c4 ^ RotateLeft(c1, 1); d1 = c0 ^ RotateLeft(c2, 1); d2 = c1 ^ RotateLeft(c3, 1); d3 = c2 ^ RotateLeft(c4, 1); d4 = c3 ^ RotateLeft(c0, 1);
                b0 = s0 ^ d0; b1 = RotateLeft(s3 ^ d1, 44); b2 = RotateLeft(s1 ^ d2, 43); b3 = RotateLeft(s4 ^ d3, 21); b4 = RotateLeft(s2 ^ d4, 14);
                s0 = b0 ^ (~b1 & b2); s1 = b1 ^ (~b2 & b3); s2 = b2 ^ (~b3 & b4); s3 = b3 ^ (~b4 & b0); s4 = b4 ^ (~b0 & b1);
                s0 ^= roundConstants[round + 1];
                b0 = RotateLeft(s6 ^ d3, 28); b1 = RotateLeft(s9 ^ d4, 20); b2 = RotateLeft(s7 ^ d0, 3); b3 = RotateLeft(s5 ^ d1, 45); b4 = RotateLeft(s8 ^ d2, 61);
                s5 = b0 ^ (~b1 & b2); s6 = b1 ^ (~b2 & b3); s7 = b2 ^ (~b3 & b4); s8 = b3 ^ (~b4 & b0); s9 = b4 ^ (~b0 & b1);
                b0 = RotateLeft(s12 ^ d1, 1); b1 = RotateLeft(s10 ^ d2, 6); b2 = RotateLeft(s13 ^ d3, 25); b3 = RotateLeft(s11 ^ d4, 8); b4 = RotateLeft(s14 ^ d0, 18);
                s10 = b0 ^ (~b1 & b2); s11 = b1 ^ (~b2 & b3); s12 = b2 ^ (~b3 & b4); s13 = b3 ^ (~b4 & b0); s14 = b4 ^ (~b0 & b1);
                b0 = RotateLeft(s18 ^ d4, 27); b1 = RotateLeft(s16 ^ d0, 36); b2 = RotateLeft(s19 ^ d1, 10); b3 = RotateLeft(s17 ^ d2, 15); b4 = RotateLeft(s15 ^ d3, 56);
                s15 = b0 ^ (~b1 & b2); s16 = b1 ^ (~b2 & b3); s17 = b2 ^ (~b3 & b4); s18 = b3 ^ (~b4 & b0); s19 = b4 ^ (~b0 & b1);
                b0 = RotateLeft(s24 ^ d2, 62); b1 = RotateLeft(s22 ^ d3, 55); b2 = RotateLeft(s20 ^ d4, 39); b3 = RotateLeft(s23 ^ d0, 41); b4 = RotateLeft(s21 ^ d1, 2);
                s20 = b0 ^ (~b1 & b2); s21 = b1 ^ (~b2 & b3); s22 = b2 ^ (~b3 & b4); s23 = b3 ^ (~b4 & b0); s24 = b4 ^ (~b0 & b1);
            }

            state[0] = s0; state[1] = s1; state[2] = s2; state[3] = s3; state[4] = s4;
            state[5] = s5; state[6] = s6; state[7] = s7; state[8] = s8; state[9] = s9;
            state[10] = s10; state[11] = s11; state[12] = s12; state[13] = s13; state[14] = s14;
            state[15] = s15; state[16] = s16; state[17] = s17; state[18] = s18; state[19] = s19;
            state[20] = s20; state[21] = s21; state[22] = s22; state[23] = s23; state[24] = s24;
        }
    }
}
