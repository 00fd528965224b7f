using System.Text;
using Optimistic.Vm;

namespace Optimistic.Contracts.Ethereum;

/// <summary>A private key and its address. The key never leaves this class but into signatures.</summary>
public sealed class Account
{
    private const int MaxKeyFileBytes = 64 << 10;

    private readonly Word _privateKey;

    /// <exception cref="ArgumentException">Not a private key.</exception>
    public Account(Word privateKey)
    {
        Address = Secp256k1.AddressOf(privateKey);
        _privateKey = privateKey;
    }

    public Address Address { get; }

    /// <summary>Signs a digest; see <see cref="Secp256k1.Sign"/>.</summary>
    public Signature Sign(Word digest) => Secp256k1.Sign(digest, _privateKey);

    /// <summary>
    /// Reads a key file: 64 hexadecimal digits with or without 0x, or a version 3 JSON keystore.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="password">Password of a keystore; asked for only when the file is one.</param>
    /// <param name="warn">Told about a file that others can read.</param>
    /// <exception cref="KeyFileException">The file cannot be read, is not a key, or the password is wrong.</exception>
    public static Account FromFile(string path, Func<string>? password = null, Action<string>? warn = null)
    {
        string text = ReadKeyFile(path);
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & (UnixFileMode.GroupRead | UnixFileMode.OtherRead)) != 0)
            warn?.Invoke($"Key file '{path}' can be read by other users: chmod 600 it.");

        string trimmed = text.Trim();
        if (trimmed.StartsWith('{'))
        {
            if (password is null)
                throw new KeyFileException($"Key file '{path}' is an encrypted keystore: a password is needed.");
            return new Account(Keystore.Decrypt(path, trimmed, password()));
        }

        return Word.TryParse(trimmed, out Word key) && Secp256k1.IsPrivateKey(key)
            ? new Account(key)
            : throw new KeyFileException($"Key file '{path}' is not a private key: 64 hexadecimal digits or a JSON keystore are expected.");
    }

    /// <summary>Writes a new random key to a file that its owner alone can read.</summary>
    /// <exception cref="KeyFileException">The file exists or cannot be written.</exception>
    public static Account CreateFile(string path)
    {
        Span<byte> bytes = stackalloc byte[Word.Length];
        Word key;
        do
        {
            System.Security.Cryptography.RandomNumberGenerator.Fill(bytes);
            key = new Word(bytes);
        }
        while (!Secp256k1.IsPrivateKey(key));

        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            using FileStream file = new(path, options);
            file.Write(Encoding.ASCII.GetBytes(key + "\n"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new KeyFileException($"Key file '{path}' cannot be written: {error.Message}", error);
        }

        return new Account(key);
    }

    public override string ToString() => Address.ToString();

    private static string ReadKeyFile(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            // A device or a huge file given by mistake must not be read to its end.
            byte[] bytes = new byte[MaxKeyFileBytes + 1];
            int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return length > MaxKeyFileBytes
                ? throw new KeyFileException($"Key file '{path}' is not a private key: it is larger than {MaxKeyFileBytes >> 10} KiB.")
                : Encoding.UTF8.GetString(bytes, 0, length);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new KeyFileException($"Key file '{path}' does not exist.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new KeyFileException($"Key file '{path}' cannot be read: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }
}
