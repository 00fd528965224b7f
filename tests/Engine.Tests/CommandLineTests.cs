using Optimistic.Engine.Cli;

namespace Optimistic.Engine.Tests;

public sealed class CommandLineTests
{
    /// <summary>A command is made alone when it is named first, so the name that it is found by must be its own.</summary>
    [Fact]
    public void Commands_have_the_names_they_are_found_by()
    {
        Assert.All(CommandLine.Commands, command => Assert.Equal(command.Name, command.Create().Name));
        Assert.Equal(CommandLine.Commands.Length, CommandLine.Commands.DistinctBy(command => command.Name).Count());
    }
}
