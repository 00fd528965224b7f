using System.Reflection.Emit;

namespace Optimistic.Vm.Jit;

/// <summary>M: multiplication and division, in the order of the table.</summary>
internal sealed partial class RegionEmitter
{
    private void EmitMul(Instruction i) => Binary(i, OpCodes.Mul);

    private void EmitMulh(Instruction i) => Call(i);

    private void EmitMulhsu(Instruction i) => Call(i);

    private void EmitMulhu(Instruction i) => Call(i);

    private void EmitDiv(Instruction i) => Call(i);

    private void EmitDivu(Instruction i) => Call(i);

    private void EmitRem(Instruction i) => Call(i);

    private void EmitRemu(Instruction i) => Call(i);

    private void EmitMulw(Instruction i) => BinaryNarrow(i, OpCodes.Mul);

    private void EmitDivw(Instruction i) => Call(i);

    private void EmitDivuw(Instruction i) => Call(i);

    private void EmitRemw(Instruction i) => Call(i);

    private void EmitRemuw(Instruction i) => Call(i);
}
