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
    /// The lanes stay in memory, each loaded once and stored once a round; registers hold the five lanes of a row, the theta words d,
    /// and the column parities c of the next round, added up on the way.
    /// The rounds run in place: a row's five outputs take the places of the five lanes they came from, and after two rounds every
    /// lane is home again. So a turn of the loop is two rounds with no copies.
    /// </remarks>
    internal static void Permute(ulong* s)
    {
        fixed (ulong* roundConstants = Keccak.RoundConstants)
        {
            ulong b, b0, b1, b2, b3, b4, d0, d1, d2, d3, d4;
            ulong c0 = s[0] ^ s[5] ^ s[10] ^ s[15] ^ s[20], c1 = s[1] ^ s[6] ^ s[11] ^ s[16] ^ s[21], c2 = s[2] ^ s[7] ^ s[12] ^ s[17] ^ s[22];
            ulong c3 = s[3] ^ s[8] ^ s[13] ^ s[18] ^ s[23], c4 = s[4] ^ s[9] ^ s[14] ^ s[19] ^ s[24];
            for (int round = 0; round < 24; round += 2)
            {
                d0 = c4 ^ RotateLeft(c1, 1); d1 = c0 ^ RotateLeft(c2, 1); d2 = c1 ^ RotateLeft(c3, 1); d3 = c2 ^ RotateLeft(c4, 1); d4 = c3 ^ RotateLeft(c0, 1);
                b0 = s[0] ^ d0; b1 = RotateLeft(s[6] ^ d1, 44); b2 = RotateLeft(s[12] ^ d2, 43); b3 = RotateLeft(s[18] ^ d3, 21); b4 = RotateLeft(s[24] ^ d4, 14);
                s[0] = c0 = b0 ^ (~b1 & b2) ^ roundConstants[round]; s[12] = c1 = b1 ^ (~b2 & b3); s[24] = c2 = b2 ^ (~b3 & b4); s[6] = c3 = b3 ^ (~b4 & b0); s[18] = c4 = b4 ^ (~b0 & b1);
                b0 = RotateLeft(s[3] ^ d3, 28); b1 = RotateLeft(s[9] ^ d4, 20); b2 = RotateLeft(s[10] ^ d0, 3); b3 = RotateLeft(s[16] ^ d1, 45); b4 = RotateLeft(s[22] ^ d2, 61);
                s[16] = b = b0 ^ (~b1 & b2); c0 ^= b; s[3] = b = b1 ^ (~b2 & b3); c1 ^= b; s[10] = b = b2 ^ (~b3 & b4); c2 ^= b; s[22] = b = b3 ^ (~b4 & b0); c3 ^= b; s[9] = b = b4 ^ (~b0 & b1); c4 ^= b;
                b0 = RotateLeft(s[1] ^ d1, 1); b1 = RotateLeft(s[7] ^ d2, 6); b2 = RotateLeft(s[13] ^ d3, 25); b3 = RotateLeft(s[19] ^ d4, 8); b4 = RotateLeft(s[20] ^ d0, 18);
                s[7] = b = b0 ^ (~b1 & b2); c0 ^= b; s[19] = b = b1 ^ (~b2 & b3); c1 ^= b; s[1] = b = b2 ^ (~b3 & b4); c2 ^= b; s[13] = b = b3 ^ (~b4 & b0); c3 ^= b; s[20] = b = b4 ^ (~b0 & b1); c4 ^= b;
                b0 = RotateLeft(s[4] ^ d4, 27); b1 = RotateLeft(s[5] ^ d0, 36); b2 = RotateLeft(s[11] ^ d1, 10); b3 = RotateLeft(s[17] ^ d2, 15); b4 = RotateLeft(s[23] ^ d3, 56);
                s[23] = b = b0 ^ (~b1 & b2); c0 ^= b; s[5] = b = b1 ^ (~b2 & b3); c1 ^= b; s[17] = b = b2 ^ (~b3 & b4); c2 ^= b; s[4] = b = b3 ^ (~b4 & b0); c3 ^= b; s[11] = b = b4 ^ (~b0 & b1); c4 ^= b;
                b0 = RotateLeft(s[2] ^ d2, 62); b1 = RotateLeft(s[8] ^ d3, 55); b2 = RotateLeft(s[14] ^ d4, 39); b3 = RotateLeft(s[15] ^ d0, 41); b4 = RotateLeft(s[21] ^ d1, 2);
                s[14] = b = b0 ^ (~b1 & b2); c0 ^= b; s[21] = b = b1 ^ (~b2 & b3); c1 ^= b; s[8] = b = b2 ^ (~b3 & b4); c2 ^= b; s[15] = b = b3 ^ (~b4 & b0); c3 ^= b; s[2] = b = b4 ^ (~b0 & b1); c4 ^= b;

                d0 = c4 ^ RotateLeft(c1, 1); d1 = c0 ^ RotateLeft(c2, 1); d2 = c1 ^ RotateLeft(c3, 1); d3 = c2 ^ RotateLeft(c4, 1); d4 = c3 ^ RotateLeft(c0, 1);
                b0 = s[0] ^ d0; b1 = RotateLeft(s[3] ^ d1, 44); b2 = RotateLeft(s[1] ^ d2, 43); b3 = RotateLeft(s[4] ^ d3, 21); b4 = RotateLeft(s[2] ^ d4, 14);
                s[0] = c0 = b0 ^ (~b1 & b2) ^ roundConstants[round + 1]; s[1] = c1 = b1 ^ (~b2 & b3); s[2] = c2 = b2 ^ (~b3 & b4); s[3] = c3 = b3 ^ (~b4 & b0); s[4] = c4 = b4 ^ (~b0 & b1);
                b0 = RotateLeft(s[6] ^ d3, 28); b1 = RotateLeft(s[9] ^ d4, 20); b2 = RotateLeft(s[7] ^ d0, 3); b3 = RotateLeft(s[5] ^ d1, 45); b4 = RotateLeft(s[8] ^ d2, 61);
                s[5] = b = b0 ^ (~b1 & b2); c0 ^= b; s[6] = b = b1 ^ (~b2 & b3); c1 ^= b; s[7] = b = b2 ^ (~b3 & b4); c2 ^= b; s[8] = b = b3 ^ (~b4 & b0); c3 ^= b; s[9] = b = b4 ^ (~b0 & b1); c4 ^= b;
                b0 = RotateLeft(s[12] ^ d1, 1); b1 = RotateLeft(s[10] ^ d2, 6); b2 = RotateLeft(s[13] ^ d3, 25); b3 = RotateLeft(s[11] ^ d4, 8); b4 = RotateLeft(s[14] ^ d0, 18);
                s[10] = b = b0 ^ (~b1 & b2); c0 ^= b; s[11] = b = b1 ^ (~b2 & b3); c1 ^= b; s[12] = b = b2 ^ (~b3 & b4); c2 ^= b; s[13] = b = b3 ^ (~b4 & b0); c3 ^= b; s[14] = b = b4 ^ (~b0 & b1); c4 ^= b;
                b0 = RotateLeft(s[18] ^ d4, 27); b1 = RotateLeft(s[16] ^ d0, 36); b2 = RotateLeft(s[19] ^ d1, 10); b3 = RotateLeft(s[17] ^ d2, 15); b4 = RotateLeft(s[15] ^ d3, 56);
                s[15] = b = b0 ^ (~b1 & b2); c0 ^= b; s[16] = b = b1 ^ (~b2 & b3); c1 ^= b; s[17] = b = b2 ^ (~b3 & b4); c2 ^= b; s[18] = b = b3 ^ (~b4 & b0); c3 ^= b; s[19] = b = b4 ^ (~b0 & b1); c4 ^= b;
                b0 = RotateLeft(s[24] ^ d2, 62); b1 = RotateLeft(s[22] ^ d3, 55); b2 = RotateLeft(s[20] ^ d4, 39); b3 = RotateLeft(s[23] ^ d0, 41); b4 = RotateLeft(s[21] ^ d1, 2);
                s[20] = b = b0 ^ (~b1 & b2); c0 ^= b; s[21] = b = b1 ^ (~b2 & b3); c1 ^= b; s[22] = b = b2 ^ (~b3 & b4); c2 ^= b; s[23] = b = b3 ^ (~b4 & b0); c3 ^= b; s[24] = b = b4 ^ (~b0 & b1); c4 ^= b;
            }
        }
    }
}
