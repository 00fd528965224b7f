using System.Collections.Immutable;
using Optimistic.Vm;
using Optimistic.Vm.Rollup;

namespace Optimistic.EndToEnd.Tests;

/// <summary>Lies about the batch of a <see cref="World"/>: every kind, at every kind of leaf, by name.</summary>
internal static class Lies
{
    // Guests.Small: lui, ld, addi, sd, lui, sd, sd, lui, ld, blt, addi, beq, addi, addi, addi, ecall.
    private const ulong SumStep = 2, StoreStep = 3, BranchStep = 9, ExitStep = 15;

    private const ulong LastLeaf = (1UL << 24) - 1, LastStep = (1UL << 28) - 1;

    /// <summary>The lie that most tests tell.</summary>
    public static Lie MemoryWord { get; } =
        new ForgedMachine("memory word after a store", World.Run, 1, StoreStep, machine => machine.Memory.WriteWord(Guests.SmallCounter / Word.Length, Word.FromUInt64(99)));

    /// <summary>A lie about the same task as <see cref="MemoryWord"/>, at another step.</summary>
    public static Lie Register { get; } = new ForgedMachine("register", World.Run, 1, SumStep, machine => machine.Head.X[6] += 1);

    public static ImmutableSortedDictionary<string, Lie> ByName { get; } = new Lie[]
    {
        // Load.
        new ForgedSigma("first position: the load of a deploy", 0, ForgedSigma.Forever, AnotherAppsRoot),
        new ForgedLoad("wrong input", World.Run, loaded => WithImage(loaded, loaded.Image.Write(Machine.InputAddress, Guests.Code(3)))),
        new ForgedLoad("wrong task number at the start", World.Run, loaded => WithRegister(loaded, 11)),
        new ForgedLoad("wrong sender of a direct task", World.Direct, loaded => WithRegister(loaded, 14)),
        new ForgedSigma("load of a bad signature", Position(World.BadSignature, 0), ForgedSigma.Forever, AnotherOutputsRoot),
        new SkippedTask("skipped task", World.ExitCode),
        new SkippedTask("skipped task of an unknown app", World.UnknownApp),
        new ForgedSigma("one leaf: a load", Position(World.Direct, 0), 1, AnotherMachine),

        // Steps: first, inside, last of the run, after it, last of the chunk; both parities.
        new ForgedMachine("register at the first step", World.Run, 1, 0, machine => machine.Head.X[5] ^= 1),
        Register,
        MemoryWord,
        new ForgedMachine("pc after a branch", World.Run, 1, BranchStep, machine => machine.Head.Control.Pc += 4),
        new ForgedMachine("step count", World.Run, 1, BranchStep + 1, machine => machine.Head.Control.StepsLeft += 5),
        new ForgedMachine("halts a step early", World.Run, 1, ExitStep - 1, machine => machine.Head.Control.Status = MachineStatus.Halted),
        new ForgedMachine("halts with another exit code", World.ExitCode, 1, ExitStep, machine => machine.Head.Control.ExitCode = 0),
        new ForgedMachine("does not halt", World.Run, 1, ExitStep, RunOn),
        new ForgedMachine("register of a machine that has halted", World.Run, 1, ExitStep + 1, machine => machine.Head.X[10] = 1),
        new ForgedMachine("last step of the chunk", World.Run, 1, LastStep, machine => machine.Head.X[31] = 7),
        new ForgedMachine("does not fault", World.Fault, 1, 10, machine => machine.Head.Control.Status = MachineStatus.Halted),
        new ForgedMachine("halts when no steps are left", World.OutOfSteps, 1, 40, machine => machine.Head.Control.Status = MachineStatus.Halted),
        new ForgedMachine("register in the last step that is left", World.OutOfSteps, 1, 39, machine => machine.Head.X[1] = 1),
        new ForgedMachine("first step of the second chunk", World.Run, 2, 0, machine => machine.Head.X[10] = 1),
        new ForgedMachine("first step of the last chunk", World.Run, 4094, 0, machine => machine.Head.X[10] = 1),
        new ForgedLeaves("a chunk of noise", World.Run, 1, 5, Seed: 11),
        new ForgedLeaves("a chunk of noise from its start", World.Direct, 1, 0, Seed: 12),
        new ForgedSigma("one leaf: a chunk", Position(World.Run, 7), 1, AnotherMachine),
        new ForgedSigma("another app while a chunk runs", Position(World.Run, 1), ForgedSigma.Forever, AnotherAppsRoot),

        // Chunks without a machine.
        new ForgedSigma("first chunk of a deploy", Position(World.Deploy, 1), ForgedSigma.Forever, AnotherOutputsRoot),
        new ForgedSigma("chunk of a bad signature", Position(World.BadSignature, 2000), ForgedSigma.Forever, AnotherOutputsRoot),

        // Store.
        new ForgedStore("wrong output", World.Run, machine => machine.Memory.WriteWord(Machine.OutputAddress / Word.Length, Word.FromUInt64(5))),
        new ForgedStore("wrong output length", World.Run, machine => machine.Head.X[11] = 24),
        new ForgedStore("wrong status", World.Fault, machine => machine.Head.Control.Status = MachineStatus.OutOfSteps),
        new ForgedSigma("wrong app leaf", Position(World.Run, Transition.StorePhase), ForgedSigma.Forever, AnotherAppsRoot),
        new ForgedSigma("keeps what exited with 7", Position(World.ExitCode, Transition.StorePhase), ForgedSigma.Forever, AnotherAppsRoot),
        new ForgedSigma("store of a deploy", Position(World.Deploy, Transition.StorePhase), ForgedSigma.Forever, AnotherOutputsRoot),

        // Behind the last task.
        new ForgedSigma("load behind the last task", Position(World.Tasks, 0), ForgedSigma.Forever, AnotherAppsRoot),
        new ForgedSigma("chunk behind the last task", Position(World.Tasks, 6), ForgedSigma.Forever, AnotherOutputsRoot),
        new ForgedSigma("last position", LastLeaf, 1, AnotherAppsRoot),

        // No computation.
        new Noise("noise from the first position", 0, Seed: 21),
        new Noise("noise from the middle of a task", Position(World.Run, 1), Seed: 22),
        new Noise("noise from the store", Position(World.OutOfSteps, Transition.StorePhase), Seed: 23),
    }.ToImmutableSortedDictionary(lie => lie.Name, lie => lie, StringComparer.Ordinal);

    /// <summary>Registers that <see cref="Guests.Small"/> does not touch: what is wrong in them stays wrong.</summary>
    private const int FirstIdleRegister = 18, LastIdleRegister = 27;

    /// <summary>Different lies: those above, one about a chunk after every other one, and then more about registers.</summary>
    public static IEnumerable<Lie> Many(int count, Random random)
    {
        Lie[] named = [.. ByName.Values];
        random.Shuffle(named);
        var rest = new Queue<Lie>(named.Where(lie => lie is not ForgedLeaves { EndsRight: true }));
        for (int i = 0; i < count; i++)
        {
            if (i % 2 == 1 && rest.Count > 0)
            {
                yield return rest.Dequeue();
                continue;
            }

            int step = i / 2 % (int)(ExitStep + 1), register = FirstIdleRegister + random.Next(LastIdleRegister - FirstIdleRegister + 1);
            ulong wrong = (ulong)i + 1;
            yield return new ForgedMachine(
                $"register {register} at step {step}, {i}", i % 4 == 0 ? World.Run : World.Direct, 1, (ulong)step, machine => machine.Head.X[register] += wrong);
        }
    }

    private static ulong Position(int task, ulong phase) => (ulong)task * Transition.Phases + phase;

    private static Quad AnotherAppsRoot(Quad sigma) => sigma with { C0 = Keccak.Hash(sigma.C0.Bytes) };

    private static Quad AnotherOutputsRoot(Quad sigma) => sigma with { C1 = Keccak.Hash(sigma.C1.Bytes) };

    private static Quad AnotherMachine(Quad sigma) => sigma with { C3 = Keccak.Hash(sigma.C3.Bytes) };

    private static LoadedTask WithImage(LoadedTask loaded, MemoryImage image)
    {
        MachineHead head = loaded.Head;
        return loaded with { Image = image, MachineRoot = head.Root(image.Root) };
    }

    private static LoadedTask WithRegister(LoadedTask loaded, int register)
    {
        MachineHead head = loaded.Head;
        head.X[register] += 1;
        return loaded with { Head = head, MachineRoot = head.Root(loaded.Image.Root) };
    }

    private static void RunOn(Machine machine)
    {
        machine.Head.Control.Status = MachineStatus.Running;
        machine.Head.Control.Pc += 4;
    }
}
