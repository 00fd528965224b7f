using Optimistic.Vm.Jit.X64;

namespace Optimistic.Vm.Jit;

/// <summary>
/// Runs machines fast: compiled regions where the program is hot (tier 1), threaded code elsewhere (tier 0), the interpreter
/// for a text's first steps, for environment calls and faults, and for the last steps before a stop. All of them count every
/// instruction and leave the same state at any step, so when a region is ready, and whether it ever is, changes no result.
/// </summary>
public static unsafe class JitRunner
{
    /// <summary>Steps that tier 0 makes in a row, milliseconds of time.</summary>
    private const ulong MaxThreadedSteps = 1 << 22;

    /// <summary>Steps after which a run is a long one, milliseconds.</summary>
    private const ulong LongRun = 1 << 24;

    /// <summary>
    /// Runs <paramref name="machine"/> for exactly <paramref name="maxSteps"/> steps, or until it no longer runs.
    /// </summary>
    /// <returns>The steps made, as <see cref="Interpreter.Run(Machine, ulong)"/> counts them.</returns>
    public static ulong Run(Machine machine, ulong maxSteps) => Run(machine, maxSteps, machine.Text.Compiled);

    /// <summary>As <see cref="Run(Machine, ulong)"/>, but compiles nothing: tier 0 alone.</summary>
    public static ulong RunThreaded(Machine machine, ulong maxSteps) => Run(machine, maxSteps, machine.Text.Threaded);

    /// <summary>As <see cref="Run(Machine, ulong)"/>, with a profile and code of its own for the machine's text.</summary>
    internal static ulong Run(Machine machine, ulong maxSteps, CompiledText text)
    {
        NoTracer tracer = default;
        var state = new LiveState<NoTracer>(machine, ref tracer);
        MachineFrame* frame = machine.FramePointer;
        MachineHead* head = &frame->Head;
        ulong done = 0;
        while (done < maxSteps && head->Control.Status == MachineStatus.Running)
        {
            text.ThrowIfFailed();
            ulong pc = head->Control.Pc, limit = Math.Min(maxSteps - done, head->Control.StepsLeft);
            if (!text.Contains(pc) || limit == 0)
            {
                // It faults, or finds no steps left.
                done += Interpreter.Execute(ref state, 1);
                continue;
            }

            if (text.ColdStepsLeft is > 0 and var cold)
            {
                ulong made = Interpreter.Execute(ref state, Math.Min(limit, (ulong)cold));
                text.ColdStepsLeft = cold - (long)made;
                done += made;
                continue;
            }

            ulong steps;
            Spot spot = text.At(pc);
            if (spot.Code is not null)
            {
                if (done >= LongRun)
                    machine.Memory.PreferLargePages(true);
                long budget = (long)Math.Min(limit, done >= LongRun ? long.MaxValue : LongRun);
                steps = (ulong)(budget - RunRegions(frame, machine.Memory.Data, spot, budget, text));
                done += steps;
                if (steps != 0)
                    continue;

                // No way through a region to its next check is longer than it is; code of the host keeps the slack, and needs as much again at most.
                if (limit > (ulong)(text.Host is null ? Math.Max(text.Limits.MaxInstructions, JitLimits.MaxBlockLength) : 2 * HostText.Slack))
                    text.CountRefusal(spot, head);
                done += Interpreter.Execute(ref state, Math.Min(limit, JitLimits.MaxBlockLength));
                continue;
            }

            ThreadedText threads = text.Threads;
            ThreadedOp* op = threads.At(pc);
            if (op == null || op->Kind == ThreadedKind.Stop)
            {
                done += Interpreter.Execute(ref state, op == null ? Math.Min(limit, JitLimits.MaxBlockLength) : 1);
                continue;
            }

            if (--op->Count < 0)
            {
                spot.Recount(op);
                spot.Sample(head);
                if (!text.Limits.Compiles)
                    threads.Pair(op);
                text.Compile(spot);
                if (spot.Code is not null)
                    continue;
            }

            if (limit < (ulong)op->Steps)
            {
                done += Interpreter.Execute(ref state, limit);
                continue;
            }

            ulong slice = Math.Min(limit, MaxThreadedSteps);
            steps = slice - (ulong)threads.Run(frame, machine.Memory.Data, op, (long)slice);
            head->Control.StepsLeft -= steps;
            done += steps;
            threads.Link(frame->Exit.At, head->Control.Pc);
            if (text.Contains(head->Control.Pc))
            {
                Spot next = text.At(head->Control.Pc);
                next.SampleFirst(head);
                text.CountReturn(next);
            }

            // It stops before a misaligned atomic, too, which is the interpreter's.
            if (steps == 0)
                done += Interpreter.Execute(ref state, 1);
        }

        text.ThrowIfFailed();
        // The state holds raw pointers into the machine, and ops are freed with the text.
        GC.KeepAlive(machine);
        GC.KeepAlive(text);
        return done;
    }

    /// <summary>Runs regions, one after another, from <paramref name="spot"/> on.</summary>
    /// <returns>What is left of <paramref name="budget"/>.</returns>
    private static long RunRegions(MachineFrame* frame, byte* data, Spot spot, long budget, CompiledText text)
    {
        MachineHead* head = &frame->Head;
        ulong pc = spot.Pc;
        long left = budget, before;
        Spot? next = spot;
        do
        {
            before = left;
            pc = next.Code!(head, data, pc, &left);
            if (left == before)
                break;

            if (text.Host is null)
            {
                text.CountEntry(next);
            }
            else
            {
                long* entries = (long*)(data + GuestMemory.ScratchOffset);
                text.CountEntry(next, *entries);
                *entries = 0;
            }

            next = text.Find(pc);
        }
        while (next is { Code: not null });

        head->Control.Pc = pc;
        head->Control.StepsLeft -= (ulong)(budget - left);
        return left;
    }
}
