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
                goto BadPc;

            Instruction i = s.Fetch(pc);
            ulong next = pc + i.Length;
            switch (i.Operation)
            {
                // RV64I
                case Operation.Lui: Lui(x, i); break;
                case Operation.Auipc: Auipc(x, i, pc); break;
                case Operation.Jal: next = Jal(x, i, pc); break;
                case Operation.Jalr: next = Jalr(x, i, pc); break;
                case Operation.Beq: next = Beq(x, i, pc); break;
                case Operation.Bne: next = Bne(x, i, pc); break;
                case Operation.Blt: next = Blt(x, i, pc); break;
                case Operation.Bge: next = Bge(x, i, pc); break;
                case Operation.Bltu: next = Bltu(x, i, pc); break;
                case Operation.Bgeu: next = Bgeu(x, i, pc); break;
                case Operation.Lb: Lb(ref s, x, i); break;
                case Operation.Lh: Lh(ref s, x, i); break;
                case Operation.Lw: Lw(ref s, x, i); break;
                case Operation.Ld: Ld(ref s, x, i); break;
                case Operation.Lbu: Lbu(ref s, x, i); break;
                case Operation.Lhu: Lhu(ref s, x, i); break;
                case Operation.Lwu: Lwu(ref s, x, i); break;
                case Operation.Sb: Sb(ref s, x, i); break;
                case Operation.Sh: Sh(ref s, x, i); break;
                case Operation.Sw: Sw(ref s, x, i); break;
                case Operation.Sd: Sd(ref s, x, i); break;
                case Operation.Addi: Addi(x, i); break;
                case Operation.Slti: Slti(x, i); break;
                case Operation.Sltiu: Sltiu(x, i); break;
                case Operation.Xori: Xori(x, i); break;
                case Operation.Ori: Ori(x, i); break;
                case Operation.Andi: Andi(x, i); break;
                case Operation.Slli: Slli(x, i); break;
                case Operation.Srli: Srli(x, i); break;
                case Operation.Srai: Srai(x, i); break;
                case Operation.Addiw: Addiw(x, i); break;
                case Operation.Slliw: Slliw(x, i); break;
                case Operation.Srliw: Srliw(x, i); break;
                case Operation.Sraiw: Sraiw(x, i); break;
                case Operation.Add: Add(x, i); break;
                case Operation.Sub: Sub(x, i); break;
                case Operation.Sll: Sll(x, i); break;
                case Operation.Slt: Slt(x, i); break;
                case Operation.Sltu: Sltu(x, i); break;
                case Operation.Xor: Xor(x, i); break;
                case Operation.Srl: Srl(x, i); break;
                case Operation.Sra: Sra(x, i); break;
                case Operation.Or: Or(x, i); break;
                case Operation.And: And(x, i); break;
                case Operation.Addw: Addw(x, i); break;
                case Operation.Subw: Subw(x, i); break;
                case Operation.Sllw: Sllw(x, i); break;
                case Operation.Srlw: Srlw(x, i); break;
                case Operation.Sraw: Sraw(x, i); break;
                case Operation.Fence: break;
                case Operation.FenceI: break;
                case Operation.Ecall: status = Ecall(ref s, x); goto Called;
                case Operation.Ebreak: status = Ebreak(); goto Faulted;

                // M
                case Operation.Mul: Mul(x, i); break;
                case Operation.Mulh: Mulh(x, i); break;
                case Operation.Mulhsu: Mulhsu(x, i); break;
                case Operation.Mulhu: Mulhu(x, i); break;
                case Operation.Div: Div(x, i); break;
                case Operation.Divu: Divu(x, i); break;
                case Operation.Rem: Rem(x, i); break;
                case Operation.Remu: Remu(x, i); break;
                case Operation.Mulw: Mulw(x, i); break;
                case Operation.Divw: Divw(x, i); break;
                case Operation.Divuw: Divuw(x, i); break;
                case Operation.Remw: Remw(x, i); break;
                case Operation.Remuw: Remuw(x, i); break;

                // A
                case Operation.LrW: if (!LrW(ref s, x, i)) goto Misaligned; break;
                case Operation.ScW: if (!ScW(ref s, x, i)) goto Misaligned; break;
                case Operation.AmoswapW: if (!AmoswapW(ref s, x, i)) goto Misaligned; break;
                case Operation.AmoaddW: if (!AmoaddW(ref s, x, i)) goto Misaligned; break;
                case Operation.AmoxorW: if (!AmoxorW(ref s, x, i)) goto Misaligned; break;
                case Operation.AmoandW: if (!AmoandW(ref s, x, i)) goto Misaligned; break;
                case Operation.AmoorW: if (!AmoorW(ref s, x, i)) goto Misaligned; break;
                case Operation.AmominW: if (!AmominW(ref s, x, i)) goto Misaligned; break;
                case Operation.AmomaxW: if (!AmomaxW(ref s, x, i)) goto Misaligned; break;
                case Operation.AmominuW: if (!AmominuW(ref s, x, i)) goto Misaligned; break;
                case Operation.AmomaxuW: if (!AmomaxuW(ref s, x, i)) goto Misaligned; break;
                case Operation.LrD: if (!LrD(ref s, x, i)) goto Misaligned; break;
                case Operation.ScD: if (!ScD(ref s, x, i)) goto Misaligned; break;
                case Operation.AmoswapD: if (!AmoswapD(ref s, x, i)) goto Misaligned; break;
                case Operation.AmoaddD: if (!AmoaddD(ref s, x, i)) goto Misaligned; break;
                case Operation.AmoxorD: if (!AmoxorD(ref s, x, i)) goto Misaligned; break;
                case Operation.AmoandD: if (!AmoandD(ref s, x, i)) goto Misaligned; break;
                case Operation.AmoorD: if (!AmoorD(ref s, x, i)) goto Misaligned; break;
                case Operation.AmominD: if (!AmominD(ref s, x, i)) goto Misaligned; break;
                case Operation.AmomaxD: if (!AmomaxD(ref s, x, i)) goto Misaligned; break;
                case Operation.AmominuD: if (!AmominuD(ref s, x, i)) goto Misaligned; break;
                case Operation.AmomaxuD: if (!AmomaxuD(ref s, x, i)) goto Misaligned; break;

                // Zba
                case Operation.AddUw: AddUw(x, i); break;
                case Operation.Sh1add: Sh1add(x, i); break;
                case Operation.Sh1addUw: Sh1addUw(x, i); break;
                case Operation.Sh2add: Sh2add(x, i); break;
                case Operation.Sh2addUw: Sh2addUw(x, i); break;
                case Operation.Sh3add: Sh3add(x, i); break;
                case Operation.Sh3addUw: Sh3addUw(x, i); break;
                case Operation.SlliUw: SlliUw(x, i); break;

                // Zbb
                case Operation.Andn: Andn(x, i); break;
                case Operation.Orn: Orn(x, i); break;
                case Operation.Xnor: Xnor(x, i); break;
                case Operation.Clz: Clz(x, i); break;
                case Operation.Clzw: Clzw(x, i); break;
                case Operation.Ctz: Ctz(x, i); break;
                case Operation.Ctzw: Ctzw(x, i); break;
                case Operation.Cpop: Cpop(x, i); break;
                case Operation.Cpopw: Cpopw(x, i); break;
                case Operation.Max: Max(x, i); break;
                case Operation.Maxu: Maxu(x, i); break;
                case Operation.Min: Min(x, i); break;
                case Operation.Minu: Minu(x, i); break;
                case Operation.SextB: SextB(x, i); break;
                case Operation.SextH: SextH(x, i); break;
                case Operation.ZextH: ZextH(x, i); break;
                case Operation.Rol: Rol(x, i); break;
                case Operation.Rolw: Rolw(x, i); break;
                case Operation.Ror: Ror(x, i); break;
                case Operation.Rori: Rori(x, i); break;
                case Operation.Roriw: Roriw(x, i); break;
                case Operation.Rorw: Rorw(x, i); break;
                case Operation.OrcB: OrcB(x, i); break;
                case Operation.Rev8: Rev8(x, i); break;

                // Zbs
                case Operation.Bclr: Bclr(x, i); break;
                case Operation.Bclri: Bclri(x, i); break;
                case Operation.Bext: Bext(x, i); break;
                case Operation.Bexti: Bexti(x, i); break;
                case Operation.Binv: Binv(x, i); break;
                case Operation.Binvi: Binvi(x, i); break;
                case Operation.Bset: Bset(x, i); break;
                case Operation.Bseti: Bseti(x, i); break;

                default: goto Illegal;
            }

            x[0] = 0;
            pc = next;
            continue;

        Called:
            if (status != MachineStatus.Running)
                goto Faulted;
            pc = next;
            continue;

        // A step that faults or halts changes nothing but status, steps left and, at exit, the exit code (spec 1.4.5).
        BadPc:
            status = MachineStatus.BadPc;
            goto Faulted;
        Illegal:
            status = MachineStatus.IllegalInstruction;
            goto Faulted;
        Misaligned:
            status = MachineStatus.MisalignedAtomic;
        Faulted:
            break;
        }

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
