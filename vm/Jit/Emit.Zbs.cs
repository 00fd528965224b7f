namespace Optimistic.Vm.Jit;

/// <summary>Zbs: single bits, in the order of the table. The interpreter's methods are small enough to be inlined.</summary>
internal sealed partial class RegionEmitter
{
    private void EmitBclr(Instruction i) => Call(i);

    private void EmitBclri(Instruction i) => CallImmediate(i);

    private void EmitBext(Instruction i) => Call(i);

    private void EmitBexti(Instruction i) => CallImmediate(i);

    private void EmitBinv(Instruction i) => Call(i);

    private void EmitBinvi(Instruction i) => CallImmediate(i);

    private void EmitBset(Instruction i) => Call(i);

    private void EmitBseti(Instruction i) => CallImmediate(i);
}
