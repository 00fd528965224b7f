namespace Optimistic.Vm;

/// <summary>
/// A: LR, SC and AMO, in the order of the table (spec 1.7). The loop has reduced the address and checked its alignment.
/// </summary>
public static unsafe partial class Interpreter
{
    private static ulong LrW<TState>(ref TState s, uint address) where TState : struct, IMachineState, allows ref struct
    {
        s.Head->Control.Reservation = address | 1;
        return (ulong)(int)s.Load<uint>(address);
    }

    private static ulong ScW<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        bool isReserved = s.Head->Control.Reservation == (address | 1);
        if (isReserved)
            s.Store(address, (uint)rs2);
        s.Head->Control.Reservation = 0;
        return isReserved ? 0UL : 1;
    }

    private static ulong AmoswapW<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        uint old = s.AtomicLoad<uint>(address);
        s.AtomicStore(address, (uint)rs2);
        return (ulong)(int)old;
    }

    private static ulong AmoaddW<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        uint old = s.AtomicLoad<uint>(address);
        s.AtomicStore(address, old + (uint)rs2);
        return (ulong)(int)old;
    }

    private static ulong AmoxorW<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        uint old = s.AtomicLoad<uint>(address);
        s.AtomicStore(address, old ^ (uint)rs2);
        return (ulong)(int)old;
    }

    private static ulong AmoandW<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        uint old = s.AtomicLoad<uint>(address);
        s.AtomicStore(address, old & (uint)rs2);
        return (ulong)(int)old;
    }

    private static ulong AmoorW<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        uint old = s.AtomicLoad<uint>(address);
        s.AtomicStore(address, old | (uint)rs2);
        return (ulong)(int)old;
    }

    private static ulong AmominW<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        uint old = s.AtomicLoad<uint>(address);
        s.AtomicStore(address, (uint)Math.Min((int)old, (int)rs2));
        return (ulong)(int)old;
    }

    private static ulong AmomaxW<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        uint old = s.AtomicLoad<uint>(address);
        s.AtomicStore(address, (uint)Math.Max((int)old, (int)rs2));
        return (ulong)(int)old;
    }

    private static ulong AmominuW<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        uint old = s.AtomicLoad<uint>(address);
        s.AtomicStore(address, Math.Min(old, (uint)rs2));
        return (ulong)(int)old;
    }

    private static ulong AmomaxuW<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        uint old = s.AtomicLoad<uint>(address);
        s.AtomicStore(address, Math.Max(old, (uint)rs2));
        return (ulong)(int)old;
    }

    private static ulong LrD<TState>(ref TState s, uint address) where TState : struct, IMachineState, allows ref struct
    {
        s.Head->Control.Reservation = address | 1;
        return s.Load<ulong>(address);
    }

    private static ulong ScD<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        bool isReserved = s.Head->Control.Reservation == (address | 1);
        if (isReserved)
            s.Store(address, rs2);
        s.Head->Control.Reservation = 0;
        return isReserved ? 0UL : 1;
    }

    private static ulong AmoswapD<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        ulong old = s.AtomicLoad<ulong>(address);
        s.AtomicStore(address, rs2);
        return old;
    }

    private static ulong AmoaddD<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        ulong old = s.AtomicLoad<ulong>(address);
        s.AtomicStore(address, old + rs2);
        return old;
    }

    private static ulong AmoxorD<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        ulong old = s.AtomicLoad<ulong>(address);
        s.AtomicStore(address, old ^ rs2);
        return old;
    }

    private static ulong AmoandD<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        ulong old = s.AtomicLoad<ulong>(address);
        s.AtomicStore(address, old & rs2);
        return old;
    }

    private static ulong AmoorD<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        ulong old = s.AtomicLoad<ulong>(address);
        s.AtomicStore(address, old | rs2);
        return old;
    }

    private static ulong AmominD<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        ulong old = s.AtomicLoad<ulong>(address);
        s.AtomicStore(address, (ulong)Math.Min((long)old, (long)rs2));
        return old;
    }

    private static ulong AmomaxD<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        ulong old = s.AtomicLoad<ulong>(address);
        s.AtomicStore(address, (ulong)Math.Max((long)old, (long)rs2));
        return old;
    }

    private static ulong AmominuD<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        ulong old = s.AtomicLoad<ulong>(address);
        s.AtomicStore(address, Math.Min(old, rs2));
        return old;
    }

    private static ulong AmomaxuD<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct
    {
        ulong old = s.AtomicLoad<ulong>(address);
        s.AtomicStore(address, Math.Max(old, rs2));
        return old;
    }
}
