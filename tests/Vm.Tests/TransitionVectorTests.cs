namespace Optimistic.Vm.Tests;

public sealed class TransitionVectorTests
{
    [Fact]
    [Spec("3.3")]
    [Spec("5.2")]
    public void Transitions_are_those_of_the_golden_file()
    {
        using var machine = new Machine();
        var names = new HashSet<string>();
        Vectors.Check("transition.json", RecordedTransition.OfScenario(machine).Select(transition =>
        {
            Assert.True(names.Add(transition.Name), $"two transitions are called '{transition.Name}'");
            return new
            {
                transition.Name,
                TasksRoot = transition.Context.TasksRoot.ToString(),
                transition.Context.Count,
                transition.Context.Time,
                Block = transition.Context.BlockNumber,
                DomainSeparator = transition.Context.DomainSeparator.ToString(),
                Sigma = transition.Before.ToString(),
                transition.Position,
                Witness = Vectors.Hex(transition.Witness),
                SigmaAfter = transition.After.ToString()
            };
        }));
    }
}
