namespace Optimistic.Vm;

/// <summary>RV64I: the base instructions, in the order of the table.</summary>
public static unsafe partial class Interpreter
{
    private const int A0 = 10, A1 = 11, A2 = 12, A7 = 17;

    private static ulong Lui(long immediate) => (ulong)immediate;

    private static ulong Auipc(ulong pc, long immediate) => pc + (ulong)immediate;

    // The target of a jump; the loop links.

    private static ulong Jal(ulong pc, long immediate) => pc + (ulong)immediate;

    private static ulong Jalr(ulong rs1, long immediate) => rs1 + (ulong)immediate & ~1UL;

    // Whether a branch is taken.

    private static bool Beq(ulong rs1, ulong rs2) => rs1 == rs2;

    private static bool Bne(ulong rs1, ulong rs2) => rs1 != rs2;

    private static bool Blt(ulong rs1, ulong rs2) => (long)rs1 < (long)rs2;

    private static bool Bge(ulong rs1, ulong rs2) => (long)rs1 >= (long)rs2;

    private static bool Bltu(ulong rs1, ulong rs2) => rs1 < rs2;

    private static bool Bgeu(ulong rs1, ulong rs2) => rs1 >= rs2;

    private static ulong Lb<TState>(ref TState s, uint address) where TState : struct, IMachineState, allows ref struct =>
        (ulong)s.Load<sbyte>(address);

    private static ulong Lh<TState>(ref TState s, uint address) where TState : struct, IMachineState, allows ref struct =>
        (ulong)s.Load<short>(address);

    private static ulong Lw<TState>(ref TState s, uint address) where TState : struct, IMachineState, allows ref struct =>
        (ulong)s.Load<int>(address);

    private static ulong Ld<TState>(ref TState s, uint address) where TState : struct, IMachineState, allows ref struct =>
        s.Load<ulong>(address);

    private static ulong Lbu<TState>(ref TState s, uint address) where TState : struct, IMachineState, allows ref struct =>
        s.Load<byte>(address);

    private static ulong Lhu<TState>(ref TState s, uint address) where TState : struct, IMachineState, allows ref struct =>
        s.Load<ushort>(address);

    private static ulong Lwu<TState>(ref TState s, uint address) where TState : struct, IMachineState, allows ref struct =>
        s.Load<uint>(address);

    private static void Sb<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct =>
        s.Store(address, (byte)rs2);

    private static void Sh<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct =>
        s.Store(address, (ushort)rs2);

    private static void Sw<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct =>
        s.Store(address, (uint)rs2);

    private static void Sd<TState>(ref TState s, uint address, ulong rs2) where TState : struct, IMachineState, allows ref struct =>
        s.Store(address, rs2);

    private static ulong Addi(ulong rs1, long immediate) => rs1 + (ulong)immediate;

    private static ulong Slti(ulong rs1, long immediate) => (long)rs1 < immediate ? 1UL : 0;

    private static ulong Sltiu(ulong rs1, long immediate) => rs1 < (ulong)immediate ? 1UL : 0;

    private static ulong Xori(ulong rs1, long immediate) => rs1 ^ (ulong)immediate;

    private static ulong Ori(ulong rs1, long immediate) => rs1 | (ulong)immediate;

    private static ulong Andi(ulong rs1, long immediate) => rs1 & (ulong)immediate;

    private static ulong Slli(ulong rs1, long immediate) => rs1 << (int)immediate;

    private static ulong Srli(ulong rs1, long immediate) => rs1 >> (int)immediate;

    private static ulong Srai(ulong rs1, long immediate) => (ulong)((long)rs1 >> (int)immediate);

    private static ulong Addiw(ulong rs1, long immediate) => (ulong)((int)rs1 + (int)immediate);

    private static ulong Slliw(ulong rs1, long immediate) => (ulong)((int)rs1 << (int)immediate);

    private static ulong Srliw(ulong rs1, long immediate) => (ulong)(int)((uint)rs1 >> (int)immediate);

    private static ulong Sraiw(ulong rs1, long immediate) => (ulong)((int)rs1 >> (int)immediate);

    private static ulong Add(ulong rs1, ulong rs2) => rs1 + rs2;

    private static ulong Sub(ulong rs1, ulong rs2) => rs1 - rs2;

    // C# takes shift amounts modulo 64 or 32, as the ISA does.

    private static ulong Sll(ulong rs1, ulong rs2) => rs1 << (int)rs2;

    private static ulong Slt(ulong rs1, ulong rs2) => (long)rs1 < (long)rs2 ? 1UL : 0;

    private static ulong Sltu(ulong rs1, ulong rs2) => rs1 < rs2 ? 1UL : 0;

    private static ulong Xor(ulong rs1, ulong rs2) => rs1 ^ rs2;

    private static ulong Srl(ulong rs1, ulong rs2) => rs1 >> (int)rs2;

    private static ulong Sra(ulong rs1, ulong rs2) => (ulong)((long)rs1 >> (int)rs2);

    private static ulong Or(ulong rs1, ulong rs2) => rs1 | rs2;

    private static ulong And(ulong rs1, ulong rs2) => rs1 & rs2;

    private static ulong Addw(ulong rs1, ulong rs2) => (ulong)((int)rs1 + (int)rs2);

    private static ulong Subw(ulong rs1, ulong rs2) => (ulong)((int)rs1 - (int)rs2);

    private static ulong Sllw(ulong rs1, ulong rs2) => (ulong)((int)rs1 << (int)rs2);

    private static ulong Srlw(ulong rs1, ulong rs2) => (ulong)(int)((uint)rs1 >> (int)rs2);

    private static ulong Sraw(ulong rs1, ulong rs2) => (ulong)((int)rs1 >> (int)rs2);

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
}
