using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Optimistic.Vm;

/// <summary>
/// The reference execution of the machine (spec 1.4): one body, which runs live machines at full speed, records witnesses
/// and replays them, whatever state it is given. The families are in Interpreter.*.cs, in the order of the table, with one
/// small method per instruction.
/// </summary>
public static unsafe partial class Interpreter
{
    /// <summary>Environment calls (spec 1.6).</summary>
    internal const ulong ExitCall = 93, WriteCall = 64;

    /// <summary>ENOSYS, negated in a0 after a call that does not exist.</summary>
    internal const long NoSuchCall = 38;

    /// <summary>The longest output in bytes.</summary>
    internal const ulong MaxOutputLength = Machine.SlotLength;

    /// <summary>Bits that a good pc has not: bit 0, and those of 2^29 and up (spec 1.4.3).</summary>
    private const ulong BadPcBits = ~(GuestMemory.TextLength - 2);

    /// <summary>
    /// Runs <paramref name="machine"/> for exactly <paramref name="maxSteps"/> steps, or until it no longer runs.
    /// </summary>
    /// <returns>The steps made; the last may be the one that halted, faulted, or found no steps left (spec 1.4.2).</returns>
    public static ulong Run(Machine machine, ulong maxSteps)
    {
        NoTracer tracer = default;
        return Run(machine, maxSteps, ref tracer);
    }

    /// <summary>As <see cref="Run(Machine, ulong)"/>, telling <paramref name="tracer"/> of every step and of every word written.</summary>
    public static ulong Run<TTracer>(Machine machine, ulong maxSteps, ref TTracer tracer)
        where TTracer : struct, IWriteTracer
    {
        var state = new LiveState<TTracer>(machine, ref tracer);
        ulong steps = Execute(ref state, maxSteps);
        // The state holds raw pointers into the machine.
        GC.KeepAlive(machine);
        return steps;
    }

    /// <summary>The step (spec 1.4), up to <paramref name="maxSteps"/> times while the machine is running.</summary>
    internal static ulong Execute<TState>(ref TState s, ulong maxSteps)
        where TState : struct, IMachineState, allows ref struct
    {
        MachineHead* head = s.Head;
        if (head->Control.Status != MachineStatus.Running) // spec 1.4.1
            return 0;

        ulong* x = (ulong*)&head->X;
        ulong pc = head->Control.Pc;
        ulong budget = Math.Min(maxSteps, head->Control.StepsLeft);
        ulong left = budget;
        MachineStatus status = MachineStatus.Running;
        while (left != 0)
        {
            left--; // spec 1.4.3
            s.BeginStep();
            if ((pc & BadPcBits) != 0)
            {
                status = MachineStatus.BadPc;
                break;
            }

            Instruction i = s.Fetch(pc);
            ulong next = pc + i.Length, rs1 = x[i.Rs1], rs2 = x[i.Rs2], value = 0;
            long immediate = i.Immediate;
            uint address = (uint)(rs1 + (ulong)immediate); // spec 1.2.2
            switch (i.Operation)
            {
                // RV64I
                case Operation.Lui: value = Lui(immediate); break;
                case Operation.Auipc: value = Auipc(pc, immediate); break;
                case Operation.Jal: value = next; next = Jal(pc, immediate); break;
                case Operation.Jalr: value = next; next = Jalr(rs1, immediate); break;
                case Operation.Beq: if (Beq(rs1, rs2)) next = pc + (ulong)immediate; break;
                case Operation.Bne: if (Bne(rs1, rs2)) next = pc + (ulong)immediate; break;
                case Operation.Blt: if (Blt(rs1, rs2)) next = pc + (ulong)immediate; break;
                case Operation.Bge: if (Bge(rs1, rs2)) next = pc + (ulong)immediate; break;
                case Operation.Bltu: if (Bltu(rs1, rs2)) next = pc + (ulong)immediate; break;
                case Operation.Bgeu: if (Bgeu(rs1, rs2)) next = pc + (ulong)immediate; break;
                case Operation.Lb: value = Lb(ref s, address); break;
                case Operation.Lh: value = Lh(ref s, address); break;
                case Operation.Lw: value = Lw(ref s, address); break;
                case Operation.Ld: value = Ld(ref s, address); break;
                case Operation.Lbu: value = Lbu(ref s, address); break;
                case Operation.Lhu: value = Lhu(ref s, address); break;
                case Operation.Lwu: value = Lwu(ref s, address); break;
                case Operation.Sb: Sb(ref s, address, rs2); break;
                case Operation.Sh: Sh(ref s, address, rs2); break;
                case Operation.Sw: Sw(ref s, address, rs2); break;
                case Operation.Sd: Sd(ref s, address, rs2); break;
                case Operation.Addi: value = Addi(rs1, immediate); break;
                case Operation.Slti: value = Slti(rs1, immediate); break;
                case Operation.Sltiu: value = Sltiu(rs1, immediate); break;
                case Operation.Xori: value = Xori(rs1, immediate); break;
                case Operation.Ori: value = Ori(rs1, immediate); break;
                case Operation.Andi: value = Andi(rs1, immediate); break;
                case Operation.Slli: value = Slli(rs1, immediate); break;
                case Operation.Srli: value = Srli(rs1, immediate); break;
                case Operation.Srai: value = Srai(rs1, immediate); break;
                case Operation.Addiw: value = Addiw(rs1, immediate); break;
                case Operation.Slliw: value = Slliw(rs1, immediate); break;
                case Operation.Srliw: value = Srliw(rs1, immediate); break;
                case Operation.Sraiw: value = Sraiw(rs1, immediate); break;
                case Operation.Add: value = Add(rs1, rs2); break;
                case Operation.Sub: value = Sub(rs1, rs2); break;
                case Operation.Sll: value = Sll(rs1, rs2); break;
                case Operation.Slt: value = Slt(rs1, rs2); break;
                case Operation.Sltu: value = Sltu(rs1, rs2); break;
                case Operation.Xor: value = Xor(rs1, rs2); break;
                case Operation.Srl: value = Srl(rs1, rs2); break;
                case Operation.Sra: value = Sra(rs1, rs2); break;
                case Operation.Or: value = Or(rs1, rs2); break;
                case Operation.And: value = And(rs1, rs2); break;
                case Operation.Addw: value = Addw(rs1, rs2); break;
                case Operation.Subw: value = Subw(rs1, rs2); break;
                case Operation.Sllw: value = Sllw(rs1, rs2); break;
                case Operation.Srlw: value = Srlw(rs1, rs2); break;
                case Operation.Sraw: value = Sraw(rs1, rs2); break;
                case Operation.Fence: break;
                case Operation.FenceI: break;
                case Operation.Ecall: status = Ecall(ref s, x); if (status != MachineStatus.Running) goto Stopped; break;
                case Operation.Ebreak: status = Ebreak(); goto Stopped;

                // M
                case Operation.Mul: value = Mul(rs1, rs2); break;
                case Operation.Mulh: value = Mulh(rs1, rs2); break;
                case Operation.Mulhsu: value = Mulhsu(rs1, rs2); break;
                case Operation.Mulhu: value = Mulhu(rs1, rs2); break;
                case Operation.Div: value = Div(rs1, rs2); break;
                case Operation.Divu: value = Divu(rs1, rs2); break;
                case Operation.Rem: value = Rem(rs1, rs2); break;
                case Operation.Remu: value = Remu(rs1, rs2); break;
                case Operation.Mulw: value = Mulw(rs1, rs2); break;
                case Operation.Divw: value = Divw(rs1, rs2); break;
                case Operation.Divuw: value = Divuw(rs1, rs2); break;
                case Operation.Remw: value = Remw(rs1, rs2); break;
                case Operation.Remuw: value = Remuw(rs1, rs2); break;

                // A
                case Operation.LrW: if ((address & 3) != 0) goto Misaligned; value = LrW(ref s, address); break;
                case Operation.ScW: if ((address & 3) != 0) goto Misaligned; value = ScW(ref s, address, rs2); break;
                case Operation.AmoswapW: if ((address & 3) != 0) goto Misaligned; value = AmoswapW(ref s, address, rs2); break;
                case Operation.AmoaddW: if ((address & 3) != 0) goto Misaligned; value = AmoaddW(ref s, address, rs2); break;
                case Operation.AmoxorW: if ((address & 3) != 0) goto Misaligned; value = AmoxorW(ref s, address, rs2); break;
                case Operation.AmoandW: if ((address & 3) != 0) goto Misaligned; value = AmoandW(ref s, address, rs2); break;
                case Operation.AmoorW: if ((address & 3) != 0) goto Misaligned; value = AmoorW(ref s, address, rs2); break;
                case Operation.AmominW: if ((address & 3) != 0) goto Misaligned; value = AmominW(ref s, address, rs2); break;
                case Operation.AmomaxW: if ((address & 3) != 0) goto Misaligned; value = AmomaxW(ref s, address, rs2); break;
                case Operation.AmominuW: if ((address & 3) != 0) goto Misaligned; value = AmominuW(ref s, address, rs2); break;
                case Operation.AmomaxuW: if ((address & 3) != 0) goto Misaligned; value = AmomaxuW(ref s, address, rs2); break;
                case Operation.LrD: if ((address & 7) != 0) goto Misaligned; value = LrD(ref s, address); break;
                case Operation.ScD: if ((address & 7) != 0) goto Misaligned; value = ScD(ref s, address, rs2); break;
                case Operation.AmoswapD: if ((address & 7) != 0) goto Misaligned; value = AmoswapD(ref s, address, rs2); break;
                case Operation.AmoaddD: if ((address & 7) != 0) goto Misaligned; value = AmoaddD(ref s, address, rs2); break;
                case Operation.AmoxorD: if ((address & 7) != 0) goto Misaligned; value = AmoxorD(ref s, address, rs2); break;
                case Operation.AmoandD: if ((address & 7) != 0) goto Misaligned; value = AmoandD(ref s, address, rs2); break;
                case Operation.AmoorD: if ((address & 7) != 0) goto Misaligned; value = AmoorD(ref s, address, rs2); break;
                case Operation.AmominD: if ((address & 7) != 0) goto Misaligned; value = AmominD(ref s, address, rs2); break;
                case Operation.AmomaxD: if ((address & 7) != 0) goto Misaligned; value = AmomaxD(ref s, address, rs2); break;
                case Operation.AmominuD: if ((address & 7) != 0) goto Misaligned; value = AmominuD(ref s, address, rs2); break;
                case Operation.AmomaxuD: if ((address & 7) != 0) goto Misaligned; value = AmomaxuD(ref s, address, rs2); break;

                // Zba
                case Operation.AddUw: value = AddUw(rs1, rs2); break;
                case Operation.Sh1add: value = Sh1add(rs1, rs2); break;
                case Operation.Sh1addUw: value = Sh1addUw(rs1, rs2); break;
                case Operation.Sh2add: value = Sh2add(rs1, rs2); break;
                case Operation.Sh2addUw: value = Sh2addUw(rs1, rs2); break;
                case Operation.Sh3add: value = Sh3add(rs1, rs2); break;
                case Operation.Sh3addUw: value = Sh3addUw(rs1, rs2); break;
                case Operation.SlliUw: value = SlliUw(rs1, immediate); break;

                // Zbb
                case Operation.Andn: value = Andn(rs1, rs2); break;
                case Operation.Orn: value = Orn(rs1, rs2); break;
                case Operation.Xnor: value = Xnor(rs1, rs2); break;
                case Operation.Clz: value = Clz(rs1); break;
                case Operation.Clzw: value = Clzw(rs1); break;
                case Operation.Ctz: value = Ctz(rs1); break;
                case Operation.Ctzw: value = Ctzw(rs1); break;
                case Operation.Cpop: value = Cpop(rs1); break;
                case Operation.Cpopw: value = Cpopw(rs1); break;
                case Operation.Max: value = Max(rs1, rs2); break;
                case Operation.Maxu: value = Maxu(rs1, rs2); break;
                case Operation.Min: value = Min(rs1, rs2); break;
                case Operation.Minu: value = Minu(rs1, rs2); break;
                case Operation.SextB: value = SextB(rs1); break;
                case Operation.SextH: value = SextH(rs1); break;
                case Operation.ZextH: value = ZextH(rs1); break;
                case Operation.Rol: value = Rol(rs1, rs2); break;
                case Operation.Rolw: value = Rolw(rs1, rs2); break;
                case Operation.Ror: value = Ror(rs1, rs2); break;
                case Operation.Rori: value = Rori(rs1, immediate); break;
                case Operation.Roriw: value = Roriw(rs1, immediate); break;
                case Operation.Rorw: value = Rorw(rs1, rs2); break;
                case Operation.OrcB: value = OrcB(rs1); break;
                case Operation.Rev8: value = Rev8(rs1); break;

                // Zbs
                case Operation.Bclr: value = Bclr(rs1, rs2); break;
                case Operation.Bclri: value = Bclri(rs1, immediate); break;
                case Operation.Bext: value = Bext(rs1, rs2); break;
                case Operation.Bexti: value = Bexti(rs1, immediate); break;
                case Operation.Binv: value = Binv(rs1, rs2); break;
                case Operation.Binvi: value = Binvi(rs1, immediate); break;
                case Operation.Bset: value = Bset(rs1, rs2); break;
                case Operation.Bseti: value = Bseti(rs1, immediate); break;

                default: status = MachineStatus.IllegalInstruction; goto Stopped;
            }

            // What has no rd has 0 there.
            x[i.Rd] = value;
            x[0] = 0;
            pc = next;
        }

        goto Stopped;

        // A step that faults or halts changes nothing but status, steps left and, at exit, the exit code (spec 1.4.5).
    Misaligned:
        status = MachineStatus.MisalignedAtomic;
    Stopped:
        ulong steps = budget - left;
        head->Control.Pc = pc;
        head->Control.StepsLeft -= steps;
        if (status == MachineStatus.Running && steps < maxSteps) // spec 1.4.2
        {
            Debug.Assert(head->Control.StepsLeft == 0);
            s.BeginStep();
            status = MachineStatus.OutOfSteps;
            steps++;
        }

        head->Control.Status = status;
        return steps;
    }
}
