using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Optimistic.Vm;
using Org.BouncyCastle.Crypto.Generators;

namespace Optimistic.Contracts.Ethereum;

/// <summary>
/// Version 3 of the Web3 Secret Storage Definition: AES-128-CTR under a key that scrypt or PBKDF2 makes from a password,
/// with a keccak256 MAC over the second half of that key and the ciphertext.
/// </summary>
internal static class Keystore
{
    private const int BlockBytes = 16;

    // A keystore from elsewhere must not make this process use unbounded memory or time.
    private const long MaxScryptBytes = 1L << 30;
    private const int MaxPbkdf2Rounds = 50_000_000;

    public static Word Decrypt(string path, string json, string password)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            if (root.GetProperty("version").GetInt32() != 3)
                throw Wrong(path, "its version is not 3");

            // Old files write "Crypto".
            JsonElement crypto = root.TryGetProperty("crypto", out JsonElement lower) ? lower : root.GetProperty("Crypto");
            string cipher = Text(crypto, "cipher");
            if (cipher != "aes-128-ctr")
                throw Wrong(path, $"its cipher '{cipher}' is not aes-128-ctr");

            byte[] ciphertext = Hex(crypto, "ciphertext");
            byte[] iv = Hex(crypto.GetProperty("cipherparams"), "iv");
            if (iv.Length != BlockBytes)
                throw Wrong(path, "its iv is not 16 bytes");

            byte[] derived = DeriveKey(path, crypto, Encoding.UTF8.GetBytes(password));
            Word mac = Keccak.Hash([.. derived.AsSpan(16, 16), .. ciphertext]);
            if (!CryptographicOperations.FixedTimeEquals(mac.Bytes, Hex(crypto, "mac")))
                throw new KeyFileException($"The password for key file '{path}' is wrong.");

            byte[] plain = ApplyCounterMode(derived.AsSpan(0, 16), iv, ciphertext);
            if (plain.Length > Word.Length)
                throw Wrong(path, "its secret is longer than 32 bytes");

            // Some tools dropped leading zeros of the key.
            byte[] padded = new byte[Word.Length];
            plain.CopyTo(padded, Word.Length - plain.Length);
            Word key = new(padded);
            return Secp256k1.IsPrivateKey(key) ? key : throw Wrong(path, "its secret is not a private key");
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new KeyFileException($"Key file '{path}' is not a version 3 keystore: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    private static byte[] DeriveKey(string path, JsonElement crypto, byte[] password)
    {
        JsonElement parameters = crypto.GetProperty("kdfparams");
        byte[] salt = Hex(parameters, "salt");
        int length = parameters.GetProperty("dklen").GetInt32();
        if (length is < 32 or > 1024)
            throw Wrong(path, $"its dklen {length} is not 32");

        string kdf = Text(crypto, "kdf");
        switch (kdf)
        {
            case "scrypt":
                int n = parameters.GetProperty("n").GetInt32();
                int r = parameters.GetProperty("r").GetInt32();
                int p = parameters.GetProperty("p").GetInt32();
                if (n < 2 || !int.IsPow2(n) || r is < 1 or > 1024 || p is < 1 or > 1024 || 128L * n * r > MaxScryptBytes)
                    throw Wrong(path, $"its scrypt parameters n={n}, r={r}, p={p} are not supported");
                // The check of BouncyCastle follows RFC 7914: N < 2^(128 r / 8).
                if (r == 1 && n >= 65536)
                    throw Wrong(path, $"scrypt with r=1 needs n below 65536, not {n}: export the key again with r=8");
                return SCrypt.Generate(password, salt, n, r, p, length);
            case "pbkdf2":
                int rounds = parameters.GetProperty("c").GetInt32();
                string prf = Text(parameters, "prf");
                if (prf != "hmac-sha256" || rounds is < 1 or > MaxPbkdf2Rounds)
                    throw Wrong(path, $"its pbkdf2 parameters c={rounds}, prf={prf} are not supported");
                return Rfc2898DeriveBytes.Pbkdf2(password, salt, rounds, HashAlgorithmName.SHA256, length);
            default:
                throw Wrong(path, $"its kdf '{kdf}' is neither scrypt nor pbkdf2");
        }
    }

    private static byte[] ApplyCounterMode(ReadOnlySpan<byte> key, byte[] iv, byte[] data)
    {
        using Aes aes = Aes.Create();
        aes.Key = key.ToArray();
        byte[] counter = [.. iv], stream = new byte[BlockBytes], result = new byte[data.Length];
        for (int at = 0; at < data.Length; at++)
        {
            if (at % BlockBytes == 0)
            {
                aes.EncryptEcb(counter, stream, PaddingMode.None);
                for (int i = BlockBytes - 1; i >= 0 && ++counter[i] == 0; i--)
                {
                    // the carry is the loop's condition
                }
            }

            result[at] = (byte)(data[at] ^ stream[at % BlockBytes]);
        }

        return result;
    }

    private static string Text(JsonElement element, string name) =>
        element.GetProperty(name).GetString() ?? throw new FormatException($"'{name}' is null");

    private static byte[] Hex(JsonElement element, string name)
    {
        string text = Text(element, name);
        return Convert.FromHexString(text.StartsWith("0x", StringComparison.Ordinal) ? text[2..] : text);
    }

    private static KeyFileException Wrong(string path, string reason) =>
        new($"Key file '{path}' is a keystore that cannot be used: {reason}.");
}
