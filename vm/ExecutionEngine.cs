using Optimistic.Vm.Jit;

namespace Optimistic.Vm;

/// <summary>What runs a machine. Every engine leaves the same status, step counts, memory and roots, wherever it stops.</summary>
public enum ExecutionEngine
{
    /// <summary>Compiles what runs often, runs threaded code elsewhere (<see cref="JitRunner"/>).</summary>
    Jit,

    /// <summary>The step, again and again (<see cref="Vm.Interpreter"/>).</summary>
    Interpreter,

    /// <summary>Threaded code alone: the tier below the compiled one.</summary>
    Threaded
}

/// <summary>Runs machines on the engine of choice.</summary>
public static class ExecutionEngines
{
    /// <summary>
    /// Runs <paramref name="machine"/> for exactly <paramref name="maxSteps"/> steps, or until it no longer runs.
    /// </summary>
    /// <returns>The steps made, as <see cref="Interpreter.Run(Machine, ulong)"/> counts them.</returns>
    public static ulong Run(this ExecutionEngine engine, Machine machine, ulong maxSteps) => engine switch
    {
        ExecutionEngine.Jit => JitRunner.Run(machine, maxSteps),
        ExecutionEngine.Interpreter => Interpreter.Run(machine, maxSteps),
        ExecutionEngine.Threaded => JitRunner.RunThreaded(machine, maxSteps),
        _ => throw new ArgumentOutOfRangeException(nameof(engine), engine, "This is not an execution engine."),
    };
}
