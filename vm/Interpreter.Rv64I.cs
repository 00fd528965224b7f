namespace Optimistic.Vm;

/// <summary>RV64I: the base instructions, in the order of the table.</summary>
public static unsafe partial class Interpreter
{
    private const int A0 = 10, A1 = 11, A2 = 12, A7 = 17;

    private static void Lui(ulong* x, Instruction i) => x[i.Rd] = (ulong)i.Immediate;

    private static void Auipc(ulong* x, Instruction i, ulong pc) => x[i.Rd] = pc + (ulong)i.Immediate;

    // Control transfers return the next pc.

    private static ulong Jal(ulong* x, Instruction i, ulong pc)
    {
        x[i.Rd] = pc + i.Length;
        return pc + (ulong)i.Immediate;
    }

    private static ulong Jalr(ulong* x, Instruction i, ulong pc)
    {
        // rs1 may be rd: the target comes first (spec 1.5.3).
        ulong target = x[i.Rs1] + (ulong)i.Immediate & ~1UL;
        x[i.Rd] = pc + i.Length;
        return target;
    }

    private static ulong Beq(ulong* x, Instruction i, ulong pc) => Branch(x[i.Rs1] == x[i.Rs2], i, pc);

    private static ulong Bne(ulong* x, Instruction i, ulong pc) => Branch(x[i.Rs1] != x[i.Rs2], i, pc);

    private static ulong Blt(ulong* x, Instruction i, ulong pc) => Branch((long)x[i.Rs1] < (long)x[i.Rs2], i, pc);

    private static ulong Bge(ulong* x, Instruction i, ulong pc) => Branch((long)x[i.Rs1] >= (long)x[i.Rs2], i, pc);

    private static ulong Bltu(ulong* x, Instruction i, ulong pc) => Branch(x[i.Rs1] < x[i.Rs2], i, pc);

    private static ulong Bgeu(ulong* x, Instruction i, ulong pc) => Branch(x[i.Rs1] >= x[i.Rs2], i, pc);

    private static ulong Branch(bool taken, Instruction i, ulong pc) => taken ? pc + (ulong)i.Immediate : pc + i.Length;

    private static void Lb<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        x[i.Rd] = (ulong)s.Load<sbyte>(Address(x, i));

    private static void Lh<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        x[i.Rd] = (ulong)s.Load<short>(Address(x, i));

    private static void Lw<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        x[i.Rd] = (ulong)s.Load<int>(Address(x, i));

    private static void Ld<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        x[i.Rd] = s.Load<ulong>(Address(x, i));

    private static void Lbu<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        x[i.Rd] = s.Load<byte>(Address(x, i));

    private static void Lhu<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        x[i.Rd] = s.Load<ushort>(Address(x, i));

    private static void Lwu<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        x[i.Rd] = s.Load<uint>(Address(x, i));

    private static void Sb<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        s.Store(Address(x, i), (byte)x[i.Rs2]);

    private static void Sh<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        s.Store(Address(x, i), (ushort)x[i.Rs2]);

    private static void Sw<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        s.Store(Address(x, i), (uint)x[i.Rs2]);

    private static void Sd<TState>(ref TState s, ulong* x, Instruction i) where TState : struct, IMachineState, allows ref struct =>
        s.Store(Address(x, i), x[i.Rs2]);

    private static void Addi(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] + (ulong)i.Immediate;

    private static void Slti(ulong* x, Instruction i) => x[i.Rd] = (long)x[i.Rs1] < i.Immediate ? 1UL : 0;

    private static void Sltiu(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] < (ulong)i.Immediate ? 1UL : 0;

    private static void Xori(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] ^ (ulong)i.Immediate;

    private static void Ori(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] | (ulong)i.Immediate;

    private static void Andi(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] & (ulong)i.Immediate;

    private static void Slli(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] << (int)i.Immediate;

    private static void Srli(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] >> (int)i.Immediate;

    private static void Srai(ulong* x, Instruction i) => x[i.Rd] = (ulong)((long)x[i.Rs1] >> (int)i.Immediate);

    private static void Addiw(ulong* x, Instruction i) => x[i.Rd] = (ulong)((int)x[i.Rs1] + (int)i.Immediate);

    private static void Slliw(ulong* x, Instruction i) => x[i.Rd] = (ulong)((int)x[i.Rs1] << (int)i.Immediate);

    private static void Srliw(ulong* x, Instruction i) => x[i.Rd] = (ulong)(int)((uint)x[i.Rs1] >> (int)i.Immediate);

    private static void Sraiw(ulong* x, Instruction i) => x[i.Rd] = (ulong)((int)x[i.Rs1] >> (int)i.Immediate);

    private static void Add(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] + x[i.Rs2];

    private static void Sub(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] - x[i.Rs2];

    // C# takes shift amounts modulo 64 or 32, as the ISA does.

    private static void Sll(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] << (int)x[i.Rs2];

    private static void Slt(ulong* x, Instruction i) => x[i.Rd] = (long)x[i.Rs1] < (long)x[i.Rs2] ? 1UL : 0;

    private static void Sltu(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] < x[i.Rs2] ? 1UL : 0;

    private static void Xor(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] ^ x[i.Rs2];

    private static void Srl(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] >> (int)x[i.Rs2];

    private static void Sra(ulong* x, Instruction i) => x[i.Rd] = (ulong)((long)x[i.Rs1] >> (int)x[i.Rs2]);

    private static void Or(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] | x[i.Rs2];

    private static void And(ulong* x, Instruction i) => x[i.Rd] = x[i.Rs1] & x[i.Rs2];

    private static void Addw(ulong* x, Instruction i) => x[i.Rd] = (ulong)((int)x[i.Rs1] + (int)x[i.Rs2]);

    private static void Subw(ulong* x, Instruction i) => x[i.Rd] = (ulong)((int)x[i.Rs1] - (int)x[i.Rs2]);

    private static void Sllw(ulong* x, Instruction i) => x[i.Rd] = (ulong)((int)x[i.Rs1] << (int)x[i.Rs2]);

    private static void Srlw(ulong* x, Instruction i) => x[i.Rd] = (ulong)(int)((uint)x[i.Rs1] >> (int)x[i.Rs2]);

    private static void Sraw(ulong* x, Instruction i) => x[i.Rd] = (ulong)((int)x[i.Rs1] >> (int)x[i.Rs2]);

    // FENCE and FENCE.I do nothing (spec 1.5.2).

    /// <summary>The status after the call: running goes on behind it, any other stays on it (spec 1.6).</summary>
    private static MachineStatus Ecall<TState>(ref TState s, ulong* x) where TState : struct, IMachineState, allows ref struct
    {
        switch (x[A7])
        {
            case ExitCall:
                if (x[A1] > MaxOutputLength)
                    return MachineStatus.OutputTooLong;
                s.Head->Control.ExitCode = (uint)x[A0];
                return MachineStatus.Halted;
            case WriteCall:
                s.GuestWrite(x[A0], x[A1], x[A2]);
                x[A0] = x[A2];
                return MachineStatus.Running;
            default:
                x[A0] = unchecked((ulong)-NoSuchCall);
                return MachineStatus.Running;
        }
    }

    private static MachineStatus Ebreak() => MachineStatus.Breakpoint;

    /// <summary>The address of a load or store, modulo 2^32 (spec 1.2.2).</summary>
    private static uint Address(ulong* x, Instruction i) => (uint)(x[i.Rs1] + (ulong)i.Immediate);
}
