using FsCheck.Xunit;

namespace Optimistic.Vm.Tests;

/// <summary>One step is the same four ways: the run loop, single steps, recording, and replay from the root alone.</summary>
public sealed class StepTests : IDisposable
{
    private readonly Machine _loop = new(), _recorder = new();

    public void Dispose()
    {
        _loop.Dispose();
        _recorder.Dispose();
    }

    [Fact]
    [Spec("3.2")]
    public void Every_case_replays_to_the_root_of_the_run_loop()
    {
        foreach ((string name, TestProgram program) in StepCases.All())
        {
            program.LoadInto(_loop);
            program.LoadInto(_recorder);
            Word before = _recorder.Root();
            byte[] witness = Step.Record(_recorder);
            Interpreter.Run(_loop, 1);
            Word after = _loop.Root();
            Assert.True(after == _recorder.Root(), $"{name}: recording ends elsewhere");
            Assert.True(after == Step.Replay(before, witness), $"{name}: replay ends elsewhere");
        }
    }

    [Property(MaxTest = 60)]
    [Spec("1.4")]
    [Spec("3.2")]
    public void Random_programs_have_the_same_roots_after_every_step(int seed)
    {
        TestProgram program = RandomProgram.Create(new Random(seed), instructions: 48, steps: 64);
        program.LoadInto(_loop);
        program.LoadInto(_recorder);
        Word root = _recorder.Root();
        ulong steps = 0;
        while (_recorder.IsRunning)
        {
            byte[] witness = Step.Record(_recorder);
            Assert.Equal(1UL, Interpreter.Run(_loop, 1));
            root = Step.Replay(root, witness);
            Assert.Equal(_recorder.Root(), root);
            Assert.Equal(_loop.Root(), root);
            steps++;
        }

        // The whole run at once, and a run that stops half way.
        program.LoadInto(_loop);
        Assert.Equal(steps, Interpreter.Run(_loop, ulong.MaxValue));
        Assert.Equal(root, _loop.Root());
        program.LoadInto(_loop);
        Assert.Equal(steps / 2, Interpreter.Run(_loop, steps / 2));
        Assert.Equal(steps - steps / 2, Interpreter.Run(_loop, steps - steps / 2));
        Assert.Equal(root, _loop.Root());
        Assert.Equal(0UL, Interpreter.Run(_loop, 10));
        Assert.Equal(root, _loop.Root());
    }
}
