using System.Diagnostics;
using System.Reflection;
using System.Reflection.Emit;

namespace Optimistic.Vm.Jit;

/// <summary>How the second instruction of a pair takes up the first one's result.</summary>
[Flags]
internal enum PairLinks : byte
{
    None = 0,

    /// <summary>rs1 is the first one's rd: its value is at hand.</summary>
    Rs1 = 1,

    /// <summary>rs2 is the first one's rd.</summary>
    Rs2 = 2,

    /// <summary>rd is the first one's rd, which so need not be stored.</summary>
    Rd = 4
}

/// <summary>Emits the handlers of tier 0 (<see cref="ThreadedHandlers"/>), one for each emitter.</summary>
/// <remarks>In bounds: as <see cref="RegionEmitter"/>.</remarks>
internal sealed unsafe class ThreadedEmitter(ILGenerator il)
{
    private const int OpArgument = 0, HeadArgument = 1, DataArgument = 2, BudgetArgument = 3;

    private const int RegistersOffset = Word.Length, ExitOffset = MachineHead.Length;

    public static readonly Type[] Parameters = [typeof(ThreadedOp*), typeof(MachineHead*), typeof(byte*), typeof(long)];

    // Where the instruction is, counted from the op: behind it for the second of a pair.
    private int _base;

    // The first one's result, which the second takes up.
    private LocalBuilder? _result;
    private PairLinks _links;

    /// <summary>Whether an instruction can be in a pair: it goes on to the next, or, as the second, transfers control.</summary>
    public static bool CanPair(Operation first, Operation second) =>
        first is not (>= Operation.Jal and <= Operation.Bgeu) && InstructionTable.Row(first).Family != Family.A && InstructionTable.Row(second).Family != Family.A;

    /// <summary>How two instructions in a row are linked.</summary>
    public static PairLinks LinksOf(Instruction first, Instruction second)
    {
        if (!SetsRegister(first.Operation))
            return PairLinks.None;

        Format format = InstructionTable.Row(second.Operation).Format;
        bool takesRs1 = format is Format.R or Format.I or Format.Shift5 or Format.Shift6 or Format.Unary or Format.S or Format.B;
        bool takesRs2 = format is Format.R or Format.S or Format.B;
        return (takesRs1 && first.Rd != 0 && second.Rs1 == first.Rd ? PairLinks.Rs1 : 0) |
               (takesRs2 && first.Rd != 0 && second.Rs2 == first.Rd ? PairLinks.Rs2 : 0) |
               (SetsRegister(second.Operation) && second.Rd == first.Rd ? PairLinks.Rd : 0);
    }

    /// <summary>One instruction.</summary>
    public void Emit(Operation operation)
    {
        if (EmitInstruction(operation))
            GoOn();
    }

    /// <summary>Two instructions in a row.</summary>
    public void EmitPair(Operation first, Operation second, PairLinks links)
    {
        if (links != PairLinks.None)
            _result = il.DeclareLocal(typeof(ulong));
        _links = links & PairLinks.Rd;
        EmitInstruction(first);
        _links = links & ~PairLinks.Rd;
        _base = ThreadedOp.Size;
        if (EmitInstruction(second))
            GoOn();
    }

    /// <summary>Stops before the op.</summary>
    public void EmitExit()
    {
        PushExit(ThreadedExit.AtOffset);
        il.Emit(OpCodes.Ldarg, (short)OpArgument);
        il.Emit(OpCodes.Stind_I);
        il.Emit(OpCodes.Ldarg, (short)BudgetArgument);
        il.Emit(OpCodes.Ret);
    }

    /// <summary>Transfers control to the op's target.</summary>
    public void EmitFall() => EmitTransfer(() => PushField(ThreadedOp.ValueOffset, OpCodes.Ldind_I));

    /// <param name="isClosed">Leaves only when there is no op at the target, not when it is another than last time.</param>
    public void EmitJalr(bool isClosed)
    {
        LocalBuilder pc = il.DeclareLocal(typeof(ulong)), target = il.DeclareLocal(typeof(void*));
        Label leave = il.DefineLabel();
        PushRegister(ThreadedOp.Rs1Offset);
        PushField(ThreadedOp.ValueOffset, OpCodes.Ldind_I8);
        il.Emit(OpCodes.Call, Method(Operation.Jalr));
        il.Emit(OpCodes.Stloc, pc);
        Link();

        // In bounds: the map has an entry for each halfword of text, and the pc is even.
        il.Emit(OpCodes.Ldloc, pc);
        PushExit(ThreadedExit.EndOffset);
        il.Emit(OpCodes.Ldind_I8);
        il.Emit(OpCodes.Bge_Un, leave);
        PushExit(ThreadedExit.MapOffset);
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
            PushField(ThreadedOp.Size + ThreadedOp.ValueOffset, OpCodes.Ldind_I);
            il.Emit(OpCodes.Bne_Un, leave);
        }

        EmitTransfer(() => il.Emit(OpCodes.Ldloc, target));

        il.MarkLabel(leave);
        PushExit(ThreadedExit.PcOffset);
        il.Emit(OpCodes.Ldloc, pc);
        il.Emit(OpCodes.Stind_I8);
        PushNext();
        il.Emit(OpCodes.Starg, (short)OpArgument);
        EmitExit();
    }

    private static bool SetsRegister(Operation operation) =>
        InstructionTable.Row(operation).Format is not (Format.S or Format.B or Format.Fence);

    /// <returns>Whether it goes on to the next op.</returns>
    private bool EmitInstruction(Operation operation)
    {
        switch (operation)
        {
            case Operation.Jal:
                Link();
                EmitFall();
                return false;
            case Operation.Jalr:
                // In pairs is what is hot, whose targets have been told.
                EmitJalr(isClosed: _base != 0);
                return false;
            case >= Operation.Lb and <= Operation.Lwu:
                EmitLoad(operation);
                return true;
            case >= Operation.Sb and <= Operation.Sd:
                EmitStore(operation);
                return true;
        }

        Format format = InstructionTable.Row(operation).Format;
        switch (format)
        {
            case Format.R:
                Set(() =>
                {
                    PushRegister(ThreadedOp.Rs1Offset);
                    PushRegister(ThreadedOp.Rs2Offset);
                    il.Emit(OpCodes.Call, Method(operation));
                });
                return true;
            case Format.I or Format.Shift5 or Format.Shift6:
                Set(() =>
                {
                    PushRegister(ThreadedOp.Rs1Offset);
                    PushField(ThreadedOp.ValueOffset, OpCodes.Ldind_I8);
                    il.Emit(OpCodes.Call, Method(operation));
                });
                return true;
            case Format.Unary:
                Set(() =>
                {
                    PushRegister(ThreadedOp.Rs1Offset);
                    il.Emit(OpCodes.Call, Method(operation));
                });
                return true;
            case Format.U:
                Set(() => PushField(ThreadedOp.ValueOffset, OpCodes.Ldind_I8));
                return true;
            case Format.B:
                EmitBranch(operation);
                return false;
            case Format.Atomic or Format.LoadReserved:
                EmitAtomic(operation, format);
                return true;
            case Format.Fence:
                return true;
            default:
                throw new UnreachableException($"{operation} is left to the interpreter");
        }
    }

    private void EmitLoad(Operation operation) => Set(() =>
    {
        il.Emit(OpCodes.Ldarg, (short)DataArgument);
        PushAddress();
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

    private void EmitStore(Operation operation)
    {
        LocalBuilder address = il.DeclareLocal(typeof(ulong));
        PushAddress();
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Stloc, address);
        il.Emit(OpCodes.Ldarg, (short)DataArgument);
        il.Emit(OpCodes.Ldloc, address);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Add);
        PushRegister(ThreadedOp.Rs2Offset);
        il.Emit(OpCodes.Unaligned, (byte)1);
        il.Emit(operation switch
        {
            Operation.Sb => OpCodes.Stind_I1,
            Operation.Sh => OpCodes.Stind_I2,
            Operation.Sw => OpCodes.Stind_I4,
            _ => OpCodes.Stind_I8,
        });

        // The block that it starts in: memory finds what spills into the next.
        il.Emit(OpCodes.Ldarg, (short)DataArgument);
        il.Emit(OpCodes.Ldloc, address);
        il.Emit(OpCodes.Ldc_I4, GuestMemory.BlockShift);
        il.Emit(OpCodes.Shr_Un);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ldc_I4, GuestMemory.DirtyOffset);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Stind_I1);
    }

    private void EmitAtomic(Operation operation, Format format)
    {
        LocalBuilder state = il.DeclareLocal(typeof(AtomicState)), address = il.DeclareLocal(typeof(uint));
        Label aligned = il.DefineLabel();
        PushAddress();
        il.Emit(OpCodes.Stloc, address);
        il.Emit(OpCodes.Ldloc, address);
        il.Emit(OpCodes.Ldc_I4, operation >= Operation.LrD ? 7 : 3);
        il.Emit(OpCodes.And);
        il.Emit(OpCodes.Brfalse, aligned);
        // The interpreter faults.
        EmitExit();
        il.MarkLabel(aligned);
        il.Emit(OpCodes.Ldloca, state);
        il.Emit(OpCodes.Ldarg, (short)HeadArgument);
        il.Emit(OpCodes.Ldarg, (short)DataArgument);
        il.Emit(OpCodes.Call, typeof(AtomicState).GetConstructor([typeof(MachineHead*), typeof(byte*)])!);
        Set(() =>
        {
            il.Emit(OpCodes.Ldloca, state);
            il.Emit(OpCodes.Ldloc, address);
            if (format == Format.Atomic)
                PushRegister(ThreadedOp.Rs2Offset);
            il.Emit(OpCodes.Call, Method(operation).MakeGenericMethod(typeof(AtomicState)));
        });
    }

    private void EmitBranch(Operation operation)
    {
        Label isNotTaken = il.DefineLabel();
        PushRegister(ThreadedOp.Rs1Offset);
        PushRegister(ThreadedOp.Rs2Offset);
        il.Emit(OpCodes.Call, Method(operation));
        il.Emit(OpCodes.Brfalse, isNotTaken);
        EmitFall();
        il.MarkLabel(isNotTaken);
        EmitTransfer(() => PushField(ThreadedOp.Size + ThreadedOp.ValueOffset, OpCodes.Ldind_I));
    }

    /// <summary>rd = the address behind the instruction.</summary>
    private void Link() => Set(() =>
    {
        PushField(ThreadedOp.PcOffset, OpCodes.Ldind_I4);
        PushField(ThreadedOp.Rs2Offset, OpCodes.Ldind_U1);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Conv_U8);
    });

    /// <summary>Goes to the op behind the instruction.</summary>
    private void GoOn()
    {
        PushNext();
        il.Emit(OpCodes.Starg, (short)OpArgument);
        Jump();
    }

    /// <summary>Transfers control to another op: charges its block's steps and counts it; stops before it when there are not so many, or when it is hot.</summary>
    private void EmitTransfer(Action pushTarget)
    {
        Label leave = il.DefineLabel();
        pushTarget();
        il.Emit(OpCodes.Starg, (short)OpArgument);
        il.Emit(OpCodes.Ldarg, (short)BudgetArgument);
        PushOpField(ThreadedOp.StepsOffset, OpCodes.Ldind_I4);
        il.Emit(OpCodes.Conv_I8);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Starg, (short)BudgetArgument);
        il.Emit(OpCodes.Ldarg, (short)BudgetArgument);
        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Conv_I8);
        il.Emit(OpCodes.Blt, leave);
        il.Emit(OpCodes.Ldarg, (short)OpArgument);
        il.Emit(OpCodes.Ldc_I4, ThreadedOp.CountOffset);
        il.Emit(OpCodes.Add);
        PushOpField(ThreadedOp.CountOffset, OpCodes.Ldind_I4);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Stind_I4);
        PushOpField(ThreadedOp.CountOffset, OpCodes.Ldind_I4);
        il.Emit(OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Blt, leave);
        Jump();
        il.MarkLabel(leave);
        EmitExit();
    }

    private void Jump()
    {
        for (short argument = 0; argument < Parameters.Length; argument++)
            il.Emit(OpCodes.Ldarg, argument);
        PushOpField(ThreadedOp.HandlerOffset, OpCodes.Ldind_I);
        il.Emit(OpCodes.Tailcall);
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(long), Parameters, null);
        il.Emit(OpCodes.Ret);
    }

    /// <summary>rd = what is pushed, 64 bits.</summary>
    private void Set(Action push)
    {
        if (_base == 0 && _result is not null)
        {
            push();
            il.Emit(OpCodes.Stloc, _result);
            if (_links.HasFlag(PairLinks.Rd))
                return;

            PushRegisterAddress(ThreadedOp.RdOffset);
            il.Emit(OpCodes.Ldloc, _result);
        }
        else
        {
            PushRegisterAddress(ThreadedOp.RdOffset);
            push();
        }

        il.Emit(OpCodes.Stind_I8);
    }

    /// <summary>Pushes rs1 + the immediate, 32 bits.</summary>
    private void PushAddress()
    {
        PushRegister(ThreadedOp.Rs1Offset);
        PushField(ThreadedOp.ValueOffset, OpCodes.Ldind_I8);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Conv_U4);
    }

    private void PushRegister(int field)
    {
        if (_links.HasFlag(field == ThreadedOp.Rs1Offset ? PairLinks.Rs1 : PairLinks.Rs2))
        {
            il.Emit(OpCodes.Ldloc, _result!);
            return;
        }

        PushRegisterAddress(field);
        il.Emit(OpCodes.Ldind_I8);
    }

    private void PushRegisterAddress(int field)
    {
        il.Emit(OpCodes.Ldarg, (short)HeadArgument);
        PushField(field, OpCodes.Ldind_U1);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Ldc_I4, sizeof(ulong));
        il.Emit(OpCodes.Mul);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ldc_I4, RegistersOffset);
        il.Emit(OpCodes.Add);
    }

    /// <summary>Pushes a field of the instruction.</summary>
    private void PushField(int offset, OpCode load) => PushOpField(_base + offset, load);

    private void PushOpField(int offset, OpCode load)
    {
        il.Emit(OpCodes.Ldarg, (short)OpArgument);
        il.Emit(OpCodes.Ldc_I4, offset);
        il.Emit(OpCodes.Add);
        il.Emit(load);
    }

    private void PushNext()
    {
        il.Emit(OpCodes.Ldarg, (short)OpArgument);
        il.Emit(OpCodes.Ldc_I4, _base + ThreadedOp.Size);
        il.Emit(OpCodes.Add);
    }

    private void PushExit(int offset)
    {
        il.Emit(OpCodes.Ldarg, (short)HeadArgument);
        il.Emit(OpCodes.Ldc_I4, ExitOffset + offset);
        il.Emit(OpCodes.Add);
    }

    private static MethodInfo Method(Operation operation) =>
        typeof(Interpreter).GetMethod(operation.ToString(), BindingFlags.NonPublic | BindingFlags.Static)
        ?? throw new UnreachableException($"the interpreter has no method {operation}");
}
