namespace Optimistic.Vm.Tests;

/// <summary>Holds a verifier to this: any change to a witness is refused with a named error, or changes nothing.</summary>
internal static class WitnessCorruption
{
    /// <summary>
    /// Flips a bit of every byte, cuts the witness at every fifth length, and adds to it. Nothing but <see cref="WitnessException"/> may come of it.
    /// </summary>
    public static void Check(byte[] witness, Func<byte[], Word> replay)
    {
        for (int i = 0; i < witness.Length; i++)
        {
            byte[] corrupted = [.. witness];
            corrupted[i] ^= (byte)(1 << (i % 8));
            Refused(corrupted, $"byte {i}");
        }

        for (int length = 0; length < witness.Length; length += 5)
            Refused(witness[..length], $"cut to {length} bytes", WitnessError.WitnessTooShort);

        Refused([.. witness, 0], "one byte more", WitnessError.WitnessTooLong);
        Refused([.. witness, .. new byte[32]], "a word more", WitnessError.WitnessTooLong);

        void Refused(byte[] corrupted, string what, WitnessError? expected = null)
        {
            try
            {
                replay(corrupted);
            }
            catch (WitnessException exception)
            {
                Assert.True(expected is null || exception.Error == expected, $"{what}: {exception.Error}");
                return;
            }

            Assert.Fail($"{what}: accepted");
        }
    }
}
