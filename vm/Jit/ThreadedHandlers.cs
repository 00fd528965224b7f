using System.Diagnostics;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Optimistic.Vm.Jit;

/// <summary>
/// The code of tier 0: for each operation a method that does one <see cref="ThreadedOp"/> and ends in a tail call of the
/// next one's, so that a run is a chain of jumps. Made when an operation is first used: a program uses some fifty.
/// </summary>
/// <remarks>
/// A handler is <c>long (ThreadedOp* op, MachineHead* head, byte* data, long budget)</c>, called with the steps of op's block
/// from op on already taken from the budget; head is that of a <see cref="MachineFrame"/>. It returns, at the end of the
/// chain, with the op that is due in <see cref="ThreadedExit.At"/> and with what is left of the budget after that op's
/// steps were taken, too. The arithmetic is the interpreter's own methods, which the runtime inlines. C# has no tail calls
/// that can be relied on, so the methods are IL.
/// In bounds: as <see cref="RegionEmitter"/>.
/// </remarks>
internal static unsafe class ThreadedHandlers
{
    private const int OpArgument = 0, HeadArgument = 1, DataArgument = 2, BudgetArgument = 3;

    private const int RegistersOffset = Word.Length, ExitOffset = MachineHead.Length;

    private static readonly Type[] Parameters = [typeof(ThreadedOp*), typeof(MachineHead*), typeof(byte*), typeof(long)];

    private static readonly nint[] Made = new nint[256];

    // The methods live as long as these.
    private static readonly List<DynamicMethod> Kept = [];

    private static readonly Lock Making = new();

    private static nint _exit, _fall, _closedJalr;

    /// <summary>Stops before the op.</summary>
    public static nint Exit => Make(ref _exit, "exit", EmitExit);

    /// <summary>Transfers control to the op's target.</summary>
    public static nint Fall => Make(ref _fall, "fall", il => EmitTransfer(il, () => PushField(il, ThreadedOp.ValueOffset, OpCodes.Ldind_I)));

    /// <summary>JALR that tells of no more targets.</summary>
    public static nint ClosedJalr => Make(ref _closedJalr, "jalr_closed", il => EmitJalr(il, isClosed: true));

    /// <summary>The handler of an operation that is not left to the interpreter.</summary>
    public static nint Of(Operation operation) =>
        Make(ref Made[(int)operation], operation.ToString(), il => Emit(il, operation));

    private static nint Make(ref nint made, string name, Action<ILGenerator> emit)
    {
        if (Volatile.Read(ref made) is not 0 and nint handler)
            return handler;

        lock (Making)
        {
            if (made != 0)
                return made;

            var method = new DynamicMethod($"threaded_{name}", typeof(long), Parameters, typeof(ThreadedHandlers).Module, skipVisibility: true) { InitLocals = false };
            emit(method.GetILGenerator(256));
            RuntimeMethodHandle handle = GetMethodDescriptor(method);
            RuntimeHelpers.PrepareMethod(handle);
            Kept.Add(method);
            Volatile.Write(ref made, handle.GetFunctionPointer());
            return made;
        }
    }

    // The runtime has no public way to the address of such a method.
    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern RuntimeMethodHandle GetMethodDescriptor(DynamicMethod method);

    private static void Emit(ILGenerator il, Operation operation)
    {
        Format format = InstructionTable.Row(operation).Format;
        switch (operation)
        {
            case Operation.Jal:
                EmitJal(il);
                return;
            case Operation.Jalr:
                EmitJalr(il, isClosed: false);
                return;
            case >= Operation.Lb and <= Operation.Lwu:
                EmitLoad(il, operation);
                break;
            case >= Operation.Sb and <= Operation.Sd:
                EmitStore(il, operation);
                break;
            default:
                switch (format)
                {
                    case Format.R:
                        Set(il, () =>
                        {
                            PushRegister(il, ThreadedOp.Rs1Offset);
                            PushRegister(il, ThreadedOp.Rs2Offset);
                            il.Emit(OpCodes.Call, Method(operation));
                        });
                        break;
                    case Format.I or Format.Shift5 or Format.Shift6:
                        Set(il, () =>
                        {
                            PushRegister(il, ThreadedOp.Rs1Offset);
                            PushField(il, ThreadedOp.ValueOffset, OpCodes.Ldind_I8);
                            il.Emit(OpCodes.Call, Method(operation));
                        });
                        break;
                    case Format.Unary:
                        Set(il, () =>
                        {
                            PushRegister(il, ThreadedOp.Rs1Offset);
                            il.Emit(OpCodes.Call, Method(operation));
                        });
                        break;
                    case Format.U:
                        Set(il, () => PushField(il, ThreadedOp.ValueOffset, OpCodes.Ldind_I8));
                        break;
                    case Format.B:
                        EmitBranch(il, operation);
                        return;
                    case Format.Atomic or Format.LoadReserved:
                        EmitAtomic(il, operation, format);
                        break;
                    case Format.Fence:
                        break;
                    default:
                        throw new UnreachableException($"{operation} is left to the interpreter");
                }

                break;
        }

        GoOn(il);
    }

    private static void EmitLoad(ILGenerator il, Operation operation) => Set(il, () =>
    {
        il.Emit(OpCodes.Ldarg, (short)DataArgument);
        PushAddress(il);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Unaligned, (byte)1);
        il.Emit(operation switch
        {
            Operation.Lb => OpCodes.Ldind_I1,
            Operation.Lh => OpCodes.Ldind_I2,
            Operation.Lw => OpCodes.Ldind_I4,
            Operation.Ld => OpCodes.Ldind_I8,
            Operation.Lbu => OpCodes.Ldind_U1,
            Operation.Lhu => OpCodes.Ldind_U2,
            _ => OpCodes.Ldind_U4,
        });
        il.Emit(operation is Operation.Lbu or Operation.Lhu or Operation.Lwu ? OpCodes.Conv_U8 : OpCodes.Conv_I8);
    });

    private static void EmitStore(ILGenerator il, Operation operation)
    {
        (int size, OpCode store) = operation switch
        {
            Operation.Sb => (1, OpCodes.Stind_I1),
            Operation.Sh => (2, OpCodes.Stind_I2),
            Operation.Sw => (4, OpCodes.Stind_I4),
            _ => (8, OpCodes.Stind_I8),
        };
        LocalBuilder address = il.DeclareLocal(typeof(ulong));
        PushAddress(il);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Stloc, address);
        il.Emit(OpCodes.Ldarg, (short)DataArgument);
        il.Emit(OpCodes.Ldloc, address);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Add);
        PushRegister(il, ThreadedOp.Rs2Offset);
        il.Emit(OpCodes.Unaligned, (byte)1);
        il.Emit(store);
        Mark(0);
        // A misaligned store may end in the next block; for all others both marks are the same byte.
        if (size > 1)
            Mark(size - 1);

        void Mark(int offset)
        {
            il.Emit(OpCodes.Ldarg, (short)DataArgument);
            il.Emit(OpCodes.Ldloc, address);
            il.Emit(OpCodes.Ldc_I4, offset);
            il.Emit(OpCodes.Conv_I8);
            il.Emit(OpCodes.Add);
            il.Emit(OpCodes.Ldc_I4, GuestMemory.BlockShift);
            il.Emit(OpCodes.Shr_Un);
            il.Emit(OpCodes.Conv_U);
            il.Emit(OpCodes.Add);
            il.Emit(OpCodes.Ldc_I4, GuestMemory.DirtyOffset);
            il.Emit(OpCodes.Add);
            il.Emit(OpCodes.Ldc_I4_1);
            il.Emit(OpCodes.Stind_I1);
        }
    }

    private static void EmitAtomic(ILGenerator il, Operation operation, Format format)
    {
        LocalBuilder state = il.DeclareLocal(typeof(AtomicState)), address = il.DeclareLocal(typeof(uint));
        Label aligned = il.DefineLabel();
        PushAddress(il);
        il.Emit(OpCodes.Stloc, address);
        il.Emit(OpCodes.Ldloc, address);
        il.Emit(OpCodes.Ldc_I4, operation >= Operation.LrD ? 7 : 3);
        il.Emit(OpCodes.And);
        il.Emit(OpCodes.Brfalse, aligned);
        // The interpreter faults.
        EmitExit(il);
        il.MarkLabel(aligned);
        il.Emit(OpCodes.Ldloca, state);
        il.Emit(OpCodes.Ldarg, (short)HeadArgument);
        il.Emit(OpCodes.Ldarg, (short)DataArgument);
        il.Emit(OpCodes.Call, typeof(AtomicState).GetConstructor([typeof(MachineHead*), typeof(byte*)])!);
        Set(il, () =>
        {
            il.Emit(OpCodes.Ldloca, state);
            il.Emit(OpCodes.Ldloc, address);
            if (format == Format.Atomic)
                PushRegister(il, ThreadedOp.Rs2Offset);
            il.Emit(OpCodes.Call, Method(operation).MakeGenericMethod(typeof(AtomicState)));
        });
    }

    private static void EmitBranch(ILGenerator il, Operation operation)
    {
        Label isNotTaken = il.DefineLabel();
        PushRegister(il, ThreadedOp.Rs1Offset);
        PushRegister(il, ThreadedOp.Rs2Offset);
        il.Emit(OpCodes.Call, Method(operation));
        il.Emit(OpCodes.Brfalse, isNotTaken);
        EmitTransfer(il, () => PushField(il, ThreadedOp.ValueOffset, OpCodes.Ldind_I));
        il.MarkLabel(isNotTaken);
        EmitTransfer(il, () => PushField(il, ThreadedOp.Size + ThreadedOp.ValueOffset, OpCodes.Ldind_I));
    }

    private static void EmitJal(ILGenerator il)
    {
        Link(il);
        EmitTransfer(il, () => PushField(il, ThreadedOp.ValueOffset, OpCodes.Ldind_I));
    }

    /// <param name="il">Where to.</param>
    /// <param name="isClosed">Leaves only when there is no op at the target, not when it is another than last time.</param>
    private static void EmitJalr(ILGenerator il, bool isClosed)
    {
        LocalBuilder pc = il.DeclareLocal(typeof(ulong)), target = il.DeclareLocal(typeof(void*));
        Label leave = il.DefineLabel();
        PushRegister(il, ThreadedOp.Rs1Offset);
        PushField(il, ThreadedOp.ValueOffset, OpCodes.Ldind_I8);
        il.Emit(OpCodes.Call, Method(Operation.Jalr));
        il.Emit(OpCodes.Stloc, pc);
        Link(il);

        // In bounds: the map has an entry for each halfword of text, and the pc is even.
        il.Emit(OpCodes.Ldloc, pc);
        PushExit(il, ThreadedExit.EndOffset);
        il.Emit(OpCodes.Ldind_I8);
        il.Emit(OpCodes.Bge_Un, leave);
        PushExit(il, ThreadedExit.MapOffset);
        il.Emit(OpCodes.Ldind_I);
        il.Emit(OpCodes.Ldloc, pc);
        il.Emit(OpCodes.Ldc_I4, sizeof(void*) / 2);
        il.Emit(OpCodes.Conv_I8);
        il.Emit(OpCodes.Mul);
        il.Emit(OpCodes.Conv_I);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ldind_I);
        il.Emit(OpCodes.Stloc, target);
        il.Emit(OpCodes.Ldloc, target);
        if (isClosed)
        {
            il.Emit(OpCodes.Brfalse, leave);
        }
        else
        {
            PushField(il, ThreadedOp.Size + ThreadedOp.ValueOffset, OpCodes.Ldind_I);
            il.Emit(OpCodes.Bne_Un, leave);
        }

        EmitTransfer(il, () => il.Emit(OpCodes.Ldloc, target));

        il.MarkLabel(leave);
        PushExit(il, ThreadedExit.PcOffset);
        il.Emit(OpCodes.Ldloc, pc);
        il.Emit(OpCodes.Stind_I8);
        PushNext(il);
        il.Emit(OpCodes.Starg, (short)OpArgument);
        EmitExit(il);
    }

    /// <summary>rd = the address behind the instruction.</summary>
    private static void Link(ILGenerator il) => Set(il, () =>
    {
        PushField(il, ThreadedOp.PcOffset, OpCodes.Ldind_I4);
        PushField(il, ThreadedOp.Rs2Offset, OpCodes.Ldind_U1);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Conv_U8);
    });

    private static void EmitExit(ILGenerator il)
    {
        PushExit(il, ThreadedExit.AtOffset);
        il.Emit(OpCodes.Ldarg, (short)OpArgument);
        il.Emit(OpCodes.Stind_I);
        il.Emit(OpCodes.Ldarg, (short)BudgetArgument);
        il.Emit(OpCodes.Ret);
    }

    /// <summary>Goes to the op behind this one.</summary>
    private static void GoOn(ILGenerator il)
    {
        PushNext(il);
        il.Emit(OpCodes.Starg, (short)OpArgument);
        Jump(il);
    }

    /// <summary>Transfers control to another op: charges its block's steps and counts it; stops before it when there are not so many, or when it is hot.</summary>
    private static void EmitTransfer(ILGenerator il, Action pushTarget)
    {
        Label leave = il.DefineLabel();
        LocalBuilder count = il.DeclareLocal(typeof(int));
        pushTarget();
        il.Emit(OpCodes.Starg, (short)OpArgument);
        il.Emit(OpCodes.Ldarg, (short)BudgetArgument);
        PushField(il, ThreadedOp.StepsOffset, OpCodes.Ldind_I4);
        il.Emit(OpCodes.Conv_I8);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Starg, (short)BudgetArgument);
        il.Emit(OpCodes.Ldarg, (short)BudgetArgument);
        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Conv_I8);
        il.Emit(OpCodes.Blt, leave);
        PushField(il, ThreadedOp.CountOffset, OpCodes.Ldind_I4);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Stloc, count);
        il.Emit(OpCodes.Ldarg, (short)OpArgument);
        il.Emit(OpCodes.Ldc_I4, ThreadedOp.CountOffset);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ldloc, count);
        il.Emit(OpCodes.Stind_I4);
        il.Emit(OpCodes.Ldloc, count);
        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Blt, leave);
        Jump(il);
        il.MarkLabel(leave);
        EmitExit(il);
    }

    private static void Jump(ILGenerator il)
    {
        for (short argument = 0; argument < Parameters.Length; argument++)
            il.Emit(OpCodes.Ldarg, argument);
        PushField(il, ThreadedOp.HandlerOffset, OpCodes.Ldind_I);
        il.Emit(OpCodes.Tailcall);
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(long), Parameters, null);
        il.Emit(OpCodes.Ret);
    }

    /// <summary>rd = what is pushed, 64 bits.</summary>
    private static void Set(ILGenerator il, Action push)
    {
        PushRegisterAddress(il, ThreadedOp.RdOffset);
        push();
        il.Emit(OpCodes.Stind_I8);
    }

    /// <summary>Pushes rs1 + the immediate, 32 bits.</summary>
    private static void PushAddress(ILGenerator il)
    {
        PushRegister(il, ThreadedOp.Rs1Offset);
        PushField(il, ThreadedOp.ValueOffset, OpCodes.Ldind_I8);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Conv_U4);
    }

    private static void PushRegister(ILGenerator il, int field)
    {
        PushRegisterAddress(il, field);
        il.Emit(OpCodes.Ldind_I8);
    }

    private static void PushRegisterAddress(ILGenerator il, int field)
    {
        il.Emit(OpCodes.Ldarg, (short)HeadArgument);
        PushField(il, field, OpCodes.Ldind_U1);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Ldc_I4, sizeof(ulong));
        il.Emit(OpCodes.Mul);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ldc_I4, RegistersOffset);
        il.Emit(OpCodes.Add);
    }

    private static void PushField(ILGenerator il, int offset, OpCode load)
    {
        il.Emit(OpCodes.Ldarg, (short)OpArgument);
        il.Emit(OpCodes.Ldc_I4, offset);
        il.Emit(OpCodes.Add);
        il.Emit(load);
    }

    private static void PushNext(ILGenerator il)
    {
        il.Emit(OpCodes.Ldarg, (short)OpArgument);
        il.Emit(OpCodes.Ldc_I4, ThreadedOp.Size);
        il.Emit(OpCodes.Add);
    }

    private static void PushExit(ILGenerator il, int offset)
    {
        il.Emit(OpCodes.Ldarg, (short)HeadArgument);
        il.Emit(OpCodes.Ldc_I4, ExitOffset + offset);
        il.Emit(OpCodes.Add);
    }

    private static MethodInfo Method(Operation operation) =>
        typeof(Interpreter).GetMethod(operation.ToString(), BindingFlags.NonPublic | BindingFlags.Static)
        ?? throw new UnreachableException($"the interpreter has no method {operation}");
}
