using Xunit.v3;

namespace Optimistic.Vm.Tests;

/// <summary>The section of specs/ that a test holds the code to, as the trait "Spec".</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class, AllowMultiple = true)]
public sealed class SpecAttribute(string section) : Attribute, ITraitAttribute
{
    /// <summary>A section number, "1.4.2".</summary>
    public string Section { get; } = section;

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("Spec", Section)];
}
