using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Optimistic.Vm;

/// <summary>The operating system would not reserve address space for a guest.</summary>
public sealed class MemoryReservationException(string message) : Exception(message);

/// <summary>
/// Zeroed address space that costs memory only where it has been written: a private anonymous mapping without swap reservation on Unix,
/// committed pages on Windows.
/// </summary>
internal sealed unsafe partial class Reservation : SafeHandleZeroOrMinusOneIsInvalid
{
    private readonly nuint _length;

    /// <exception cref="MemoryReservationException">There is no such address space.</exception>
    public Reservation(ulong length)
        : base(ownsHandle: true)
    {
        _length = (nuint)length;
        if (OperatingSystem.IsWindows())
        {
            SetHandle(VirtualAlloc(0, _length, MemCommit | MemReserve, PageReadWrite));
        }
        else
        {
            int flags = MapPrivate | (OperatingSystem.IsMacOS() ? MapAnonymousMac | MapNoReserveMac : MapAnonymous | MapNoReserve);
            SetHandle(MemoryMap(0, _length, ProtectRead | ProtectWrite, flags, -1, 0));
        }

        if (IsInvalid)
        {
            throw new MemoryReservationException(
                $"Cannot reserve {length >> 20} MiB of address space for a guest (error {Marshal.GetLastPInvokeError()}). " +
                "Raise the limit of virtual memory (ulimit -v), or run fewer machines at once.");
        }
    }

    public byte* Pointer => (byte*)handle;

    /// <summary>Makes a range of whole pages zero, and gives their memory back where the system can do both at once.</summary>
    public void Zero(byte* start, ulong length)
    {
        if (!OperatingSystem.IsLinux() || MemoryAdvise((nint)start, (nuint)length, DontNeed) != 0)
            NativeMemory.Clear(start, (nuint)length);
    }

    /// <summary>Asks for large pages, or for small ones, where a range is written from now on: of large ones fewer are missing in the processor's tables.</summary>
    public void PreferLargePages(byte* start, ulong length, bool areLarge)
    {
        // A hint: a system that has none goes on as before.
        if (OperatingSystem.IsLinux())
            _ = MemoryAdvise((nint)start, (nuint)length, areLarge ? LargePages : SmallPages);
    }

    /// <summary>Makes what has been written executable, and read-only, where the system allows it: on Linux.</summary>
    public bool TryMakeExecutable(ulong length) =>
        OperatingSystem.IsLinux() && MemoryProtect(handle, (nuint)length, ProtectRead | ProtectExecute) == 0;

    protected override bool ReleaseHandle() => OperatingSystem.IsWindows()
        ? VirtualFree(handle, 0, MemRelease) != 0
        : MemoryUnmap(handle, _length) == 0;

    private const int ProtectRead = 1, ProtectWrite = 2, ProtectExecute = 4, MapPrivate = 2, DontNeed = 4, LargePages = 14, SmallPages = 15;
    private const int MapAnonymous = 0x20, MapNoReserve = 0x4000, MapAnonymousMac = 0x1000, MapNoReserveMac = 0x40;
    private const uint MemCommit = 0x1000, MemReserve = 0x2000, MemRelease = 0x8000, PageReadWrite = 4;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MemoryMap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MemoryUnmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int MemoryProtect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MemoryAdvise(nint address, nuint length, int advice);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nint VirtualAlloc(nint address, nuint length, uint type, uint protection);

    [LibraryImport("kernel32")]
    private static partial int VirtualFree(nint address, nuint length, uint type);
}
