namespace Optimistic.Vm;

/// <summary>
/// A: LR, SC and AMO, in the order of the table (spec 1.7). Each method returns false, with nothing changed, when the
/// address is not a multiple of the access size.
/// </summary>
public static unsafe partial class Interpreter
{
    private static bool LrW<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct
    {
        uint address = (uint)x[i.Rs1];
        if (address % sizeof(uint) != 0)
            return false;

        x[i.Rd] = (ulong)(int)s.Load<uint>(address);
        s.Head->Control.Reservation = address | 1;
        return true;
    }

    private static bool ScW<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct
    {
        uint address = (uint)x[i.Rs1];
        if (address % sizeof(uint) != 0)
            return false;

        bool isReserved = s.Head->Control.Reservation == (address | 1);
        if (isReserved)
            s.Store(address, (uint)x[i.Rs2]);
        x[i.Rd] = isReserved ? 0UL : 1;
        s.Head->Control.Reservation = 0;
        return true;
    }

    private static bool AmoswapW<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out uint old) && Close(ref s, x, i, old, (uint)x[i.Rs2]);

    private static bool AmoaddW<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out uint old) && Close(ref s, x, i, old, old + (uint)x[i.Rs2]);

    private static bool AmoxorW<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out uint old) && Close(ref s, x, i, old, old ^ (uint)x[i.Rs2]);

    private static bool AmoandW<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out uint old) && Close(ref s, x, i, old, old & (uint)x[i.Rs2]);

    private static bool AmoorW<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out uint old) && Close(ref s, x, i, old, old | (uint)x[i.Rs2]);

    private static bool AmominW<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out uint old) && Close(ref s, x, i, old, (uint)Math.Min((int)old, (int)x[i.Rs2]));

    private static bool AmomaxW<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out uint old) && Close(ref s, x, i, old, (uint)Math.Max((int)old, (int)x[i.Rs2]));

    private static bool AmominuW<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out uint old) && Close(ref s, x, i, old, Math.Min(old, (uint)x[i.Rs2]));

    private static bool AmomaxuW<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out uint old) && Close(ref s, x, i, old, Math.Max(old, (uint)x[i.Rs2]));

    private static bool LrD<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct
    {
        uint address = (uint)x[i.Rs1];
        if (address % sizeof(ulong) != 0)
            return false;

        x[i.Rd] = s.Load<ulong>(address);
        s.Head->Control.Reservation = address | 1;
        return true;
    }

    private static bool ScD<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct
    {
        uint address = (uint)x[i.Rs1];
        if (address % sizeof(ulong) != 0)
            return false;

        bool isReserved = s.Head->Control.Reservation == (address | 1);
        if (isReserved)
            s.Store(address, x[i.Rs2]);
        x[i.Rd] = isReserved ? 0UL : 1;
        s.Head->Control.Reservation = 0;
        return true;
    }

    private static bool AmoswapD<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out ulong old) && Close(ref s, x, i, old, x[i.Rs2]);

    private static bool AmoaddD<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out ulong old) && Close(ref s, x, i, old, old + x[i.Rs2]);

    private static bool AmoxorD<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out ulong old) && Close(ref s, x, i, old, old ^ x[i.Rs2]);

    private static bool AmoandD<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out ulong old) && Close(ref s, x, i, old, old & x[i.Rs2]);

    private static bool AmoorD<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out ulong old) && Close(ref s, x, i, old, old | x[i.Rs2]);

    private static bool AmominD<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out ulong old) && Close(ref s, x, i, old, (ulong)Math.Min((long)old, (long)x[i.Rs2]));

    private static bool AmomaxD<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out ulong old) && Close(ref s, x, i, old, (ulong)Math.Max((long)old, (long)x[i.Rs2]));

    private static bool AmominuD<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out ulong old) && Close(ref s, x, i, old, Math.Min(old, x[i.Rs2]));

    private static bool AmomaxuD<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        Open(ref s, x, i, out ulong old) && Close(ref s, x, i, old, Math.Max(old, x[i.Rs2]));

    /// <summary>First half of an AMO: opens and reads the one word that it may write (spec 3.2.5).</summary>
    private static bool Open<TState, T>(ref TState s, ulong* x, Instruction i, out T old)
        where TState : struct, IMachineState, allows ref struct
        where T : unmanaged
    {
        uint address = (uint)x[i.Rs1];
        if (address % (uint)sizeof(T) != 0)
        {
            old = default;
            return false;
        }

        old = s.AtomicLoad<T>(address);
        return true;
    }

    /// <summary>Second half: writes the word, then rd.</summary>
    private static bool Close<TState>(ref TState s, ulong* x, Instruction i, uint old, uint value)
        where TState : struct, IMachineState, allows ref struct
    {
        s.AtomicStore((uint)x[i.Rs1], value);
        x[i.Rd] = (ulong)(int)old;
        return true;
    }

    private static bool Close<TState>(ref TState s, ulong* x, Instruction i, ulong old, ulong value)
        where TState : struct, IMachineState, allows ref struct
    {
        s.AtomicStore((uint)x[i.Rs1], value);
        x[i.Rd] = old;
        return true;
    }
}
