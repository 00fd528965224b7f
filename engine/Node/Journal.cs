using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using Optimistic.Vm;

namespace Optimistic.Engine.Node;

/// <summary>The journal on disk is damaged in a way that no crash explains.</summary>
public sealed class JournalException(string message) : Exception(message);

/// <summary>A numbered record of a journal. Numbers ascend.</summary>
public readonly record struct JournalRecord(ulong Number, ReadOnlyMemory<byte> Payload);

/// <summary>
/// An append-only file of records that are on disk when <see cref="Append"/> returns. LiteDB writes a commit behind the
/// caller's back, so a kill right after it can lose the commit: what is acknowledged to a client goes here first.
/// </summary>
/// <remarks>
/// Record, little-endian: number u64, length u32, check u32 (first bytes of the keccak-256 of number, length and payload),
/// payload. A crash can leave one unfinished record at the end; it was never acknowledged and is cut off when the file is
/// opened. One thread at a time.
/// </remarks>
public sealed class Journal : IDisposable
{
    /// <summary>Bytes of a record's payload.</summary>
    public const int MaxPayload = 1 << 26;

    private const int HeaderLength = 16;

    private readonly string _path;
    private SafeFileHandle _file;
    private long _length;

    private Journal(string path, SafeFileHandle file, long length) => (_path, _file, _length) = (path, file, length);

    /// <summary>Opens or creates the journal, and gives the records that are in it, in order.</summary>
    /// <exception cref="JournalException">A record that is not the last is damaged: the disk or a person changed it.</exception>
    public static Journal Open(string path, out List<JournalRecord> records)
    {
        // A crash between writing the successor and renaming it leaves the old journal in force.
        File.Delete(SuccessorOf(path));
        SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        byte[] bytes = new byte[RandomAccess.GetLength(file)];
        for (int read = 0, count; read < bytes.Length; read += count)
        {
            count = RandomAccess.Read(file, bytes.AsSpan(read), read);
            if (count == 0)
                throw new JournalException($"'{path}' got shorter while it was read: another process uses it.");
        }

        records = [];
        int at = 0;
        while (at < bytes.Length)
        {
            int end = EndOf(bytes, at);
            if (end < 0 || !IsWhole(bytes.AsSpan(at..end)))
            {
                // An unfinished write can only be at the very end.
                if (end >= 0 && end < bytes.Length)
                {
                    file.Dispose();
                    throw new JournalException($"'{path}' is damaged at byte {at}: restore it, or move it away to go on without the tasks in it.");
                }

                break;
            }

            ulong number = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
            if (records.Count > 0 && number <= records[^1].Number)
            {
                file.Dispose();
                throw new JournalException($"'{path}' is damaged at byte {at}: record {number} follows record {records[^1].Number}.");
            }

            records.Add(new JournalRecord(number, bytes.AsMemory((at + HeaderLength)..end)));
            at = end;
        }

        RandomAccess.SetLength(file, at);
        RandomAccess.FlushToDisk(file);
        return new Journal(path, file, at);
    }

    /// <summary>Appends records with one flush. When this returns they survive a power cut.</summary>
    public void Append(IReadOnlyList<JournalRecord> records)
    {
        byte[] bytes = Encode(records);
        RandomAccess.Write(_file, bytes, _length);
        RandomAccess.FlushToDisk(_file);
        _length += bytes.Length;
    }

    /// <summary>Replaces the content by what is still needed; after a crash either the old or the new content is there.</summary>
    public void Rewrite(IReadOnlyList<JournalRecord> records)
    {
        byte[] bytes = Encode(records);
        SafeFileHandle file = File.OpenHandle(SuccessorOf(_path), FileMode.Create, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
        RandomAccess.Write(file, bytes, 0);
        RandomAccess.FlushToDisk(file);
        File.Move(SuccessorOf(_path), _path, overwrite: true);
        _file.Dispose();
        (_file, _length) = (file, bytes.Length);
    }

    public void Dispose() => _file.Dispose();

    private static string SuccessorOf(string path) => path + ".next";

    private static byte[] Encode(IReadOnlyList<JournalRecord> records)
    {
        byte[] bytes = new byte[records.Sum(record => HeaderLength + record.Payload.Length)];
        Span<byte> rest = bytes;
        foreach (JournalRecord record in records)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(record.Payload.Length, MaxPayload);
            BinaryPrimitives.WriteUInt64LittleEndian(rest, record.Number);
            BinaryPrimitives.WriteUInt32LittleEndian(rest[8..], (uint)record.Payload.Length);
            record.Payload.Span.CopyTo(rest[HeaderLength..]);
            int length = HeaderLength + record.Payload.Length;
            BinaryPrimitives.WriteUInt32LittleEndian(rest[12..], CheckOf(rest[..length]));
            rest = rest[length..];
        }

        return bytes;
    }

    /// <summary>End of the record at <paramref name="at"/> by its own header; -1 when that is beyond the bytes.</summary>
    private static int EndOf(byte[] bytes, int at)
    {
        if (bytes.Length - at < HeaderLength)
            return -1;

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8));
        return length > MaxPayload || bytes.Length - at - HeaderLength < length ? -1 : at + HeaderLength + (int)length;
    }

    private static bool IsWhole(ReadOnlySpan<byte> record) =>
        BinaryPrimitives.ReadUInt32LittleEndian(record[12..]) == CheckOf(record);

    private static uint CheckOf(ReadOnlySpan<byte> record)
    {
        byte[] covered = [.. record[..12], .. record[HeaderLength..]];
        return BinaryPrimitives.ReadUInt32LittleEndian(Keccak.Hash(covered).Bytes);
    }
}
