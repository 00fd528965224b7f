using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Optimistic.Vm.Jit;

/// <summary>
/// The code of tier 0: for each operation a method that does one <see cref="ThreadedOp"/> and ends in a tail call of the
/// next one's, so that a run is a chain of jumps; and for pairs of operations, which hot blocks are made of. Made when first
/// used, and shared by all texts: a program uses some fifty.
/// </summary>
/// <remarks>
/// A handler is <c>long (ThreadedOp* op, MachineHead* head, byte* data, long budget)</c>, called with the steps of op's block
/// from op on already taken from the budget; head is that of a <see cref="MachineFrame"/>. It returns, at the end of the
/// chain, with the op that is due in <see cref="ThreadedExit.At"/> and with what is left of the budget after that op's
/// steps were taken, too. The arithmetic is the interpreter's own methods, which the runtime inlines. C# has no tail calls
/// that can be relied on, and methods with them are not compiled ahead: so the methods are IL.
/// </remarks>
internal static class ThreadedHandlers
{
    /// <summary>Pairs that are made, each a fraction of a millisecond; what would be more stays single.</summary>
    private const int MaxPairs = 512;

    private static readonly nint[] Single = new nint[256];
    private static readonly Dictionary<(Operation, Operation, PairLinks), nint> Pairs = [];

    // The methods live as long as these.
    private static readonly List<DynamicMethod> Kept = [];

    private static readonly Lock Making = new();

    private static nint _exit, _fall, _closedJalr;

    /// <summary>Stops before the op.</summary>
    public static nint Exit => Find(ref _exit, "exit", emitter => emitter.EmitExit());

    /// <summary>Transfers control to the op's target.</summary>
    public static nint Fall => Find(ref _fall, "fall", emitter => emitter.EmitFall());

    /// <summary>JALR that tells of no more targets.</summary>
    public static nint ClosedJalr => Find(ref _closedJalr, "jalr_closed", emitter => emitter.EmitJalr(isClosed: true));

    /// <summary>The handler of an operation that is not left to the interpreter.</summary>
    public static nint Of(Operation operation) =>
        Find(ref Single[(int)operation], operation.ToString(), emitter => emitter.Emit(operation));

    /// <summary>The handler of two instructions in a row; 0 when there are too many pairs.</summary>
    public static nint Of(Operation first, Operation second, PairLinks links)
    {
        lock (Making)
        {
            if (!Pairs.TryGetValue((first, second, links), out nint handler) && Pairs.Count < MaxPairs)
            {
                handler = Make($"{first}_{second}", emitter => emitter.EmitPair(first, second, links));
                Pairs.Add((first, second, links), handler);
            }

            return handler;
        }
    }

    private static nint Find(ref nint made, string name, Action<ThreadedEmitter> emit)
    {
        if (Volatile.Read(ref made) is not 0 and nint handler)
            return handler;

        lock (Making)
        {
            if (made == 0)
                Volatile.Write(ref made, Make(name, emit));
            return made;
        }
    }

    private static nint Make(string name, Action<ThreadedEmitter> emit)
    {
        var method = new DynamicMethod($"threaded_{name}", typeof(long), ThreadedEmitter.Parameters, typeof(ThreadedHandlers).Module, skipVisibility: true) { InitLocals = false };
        emit(new ThreadedEmitter(method.GetILGenerator(256)));
        RuntimeMethodHandle handle = GetMethodDescriptor(method);
        RuntimeHelpers.PrepareMethod(handle);
        Kept.Add(method);
        return handle.GetFunctionPointer();
    }

    // The runtime has no public way to the address of such a method.
    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern RuntimeMethodHandle GetMethodDescriptor(DynamicMethod method);
}
