using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Optimistic.Vm.Tests;

/// <summary>The AVX-512 instructions that the Keccak kernel uses, word by word as Intel's manual describes them.</summary>
internal static unsafe class EmulatedAvx512F
{
    public static Vector512<ulong> RotateLeft(Vector512<ulong> value, byte count) => Map(i => ulong.RotateLeft(value[i], count));

    public static Vector512<ulong> TernaryLogic(Vector512<ulong> a, Vector512<ulong> b, Vector512<ulong> c, byte control) => Map(i =>
    {
        ulong result = 0;
        for (int bit = 0; bit < 64; bit++)
        {
            ulong row = (((a[i] >> bit) & 1) << 2) | (((b[i] >> bit) & 1) << 1) | ((c[i] >> bit) & 1);
            result |= (((ulong)control >> (int)row) & 1) << bit;
        }

        return result;
    });

    public static Vector512<ulong> UnpackLow(Vector512<ulong> left, Vector512<ulong> right) => Map(i => (i & 1) == 0 ? left[i] : right[i - 1]);

    public static Vector512<ulong> UnpackHigh(Vector512<ulong> left, Vector512<ulong> right) => Map(i => (i & 1) == 0 ? left[i + 1] : right[i]);

    public static Vector512<ulong> PermuteVar8x64x2(Vector512<ulong> lower, Vector512<ulong> indices, Vector512<ulong> upper) =>
        Map(i => (indices[i] & 8) == 0 ? lower[(int)(indices[i] & 7)] : upper[(int)(indices[i] & 7)]);

    public static Vector512<ulong> Shuffle4x128(Vector512<ulong> left, Vector512<ulong> right, byte control) => Map(i =>
    {
        int lane = (control >> (i / 2 * 2)) & 3;
        return (i < 4 ? left : right)[lane * 2 + (i & 1)];
    });

    public static void Store(ulong* address, Vector512<ulong> source) => Unsafe.WriteUnaligned(address, source);

    private static Vector512<ulong> Map(Func<int, ulong> element) => Vector512.Create(
        element(0), element(1), element(2), element(3), element(4), element(5), element(6), element(7));
}
