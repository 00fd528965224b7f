namespace Optimistic.Vm.Jit;

/// <summary>
/// Runs machines fast: compiled regions where the program is hot, the interpreter, block by block, elsewhere and for the
/// last steps before a stop. Both count every instruction, so a run may stop at any step, as the interpreter does.
/// </summary>
public static unsafe class JitRunner
{
    /// <summary>
    /// Runs <paramref name="machine"/> for exactly <paramref name="maxSteps"/> steps, or until it no longer runs.
    /// </summary>
    /// <returns>The steps made, as <see cref="Interpreter.Run(Machine, ulong)"/> counts them.</returns>
    public static ulong Run(Machine machine, ulong maxSteps) => Run(machine, maxSteps, machine.Text.Compiled);

    /// <summary>As <see cref="Run(Machine, ulong)"/>, with a profile and code of its own for the machine's text.</summary>
    internal static ulong Run(Machine machine, ulong maxSteps, CompiledText text)
    {
        NoTracer tracer = default;
        var state = new LiveState<NoTracer>(machine, ref tracer);
        MachineHead* head = state.Head;
        byte* data = machine.Memory.Data;
        ulong done = 0;
        while (done < maxSteps && head->Control.Status == MachineStatus.Running)
        {
            ulong pc = head->Control.Pc;
            if (!text.Contains(pc))
            {
                // It faults, or finds no steps left.
                done += Interpreter.Execute(ref state, 1);
                continue;
            }

            Spot spot = text.At(pc);
            if (spot.Code is { } code)
            {
                long budget = (long)Math.Min(Math.Min(maxSteps - done, head->Control.StepsLeft), long.MaxValue);
                long left = budget;
                head->Control.Pc = code(head, data, pc, &left);
                ulong steps = (ulong)(budget - left);
                head->Control.StepsLeft -= steps;
                done += steps;
                if (steps != 0)
                {
                    text.CountEntry(spot);
                    continue;
                }
            }
            else if (spot.CanCompile && ++spot.Count >= text.Limits.Threshold)
            {
                text.Compile(spot);
                continue;
            }

            ulong made = Interpreter.Execute(ref state, Math.Min((ulong)spot.Steps, maxSteps - done));
            done += made;
            if (spot.Site is { } site && made == (ulong)spot.Steps)
                site.Add(head->Control.Pc);
        }

        // The state holds raw pointers into the machine.
        GC.KeepAlive(machine);
        return done;
    }
}
