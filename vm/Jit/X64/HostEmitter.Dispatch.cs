using System.Diagnostics;

namespace Optimistic.Vm.Jit.X64;

/// <summary>One instruction, not a jump or branch: dispatch.</summary>
internal sealed partial class HostEmitter
{
    private void Emit(Instruction i)
    {
        // There are no faults, nor anything else to notice, but for what writes.
        if (i.Rd == 0 && i.Operation is not (>= Operation.Sb and <= Operation.Sd) && !Region.IsAtomic(i.Operation))
            return;

        switch (i.Operation)
        {
            // RV64I
            case Operation.Lui: EmitLui(i); break;
            case Operation.Auipc: EmitAuipc(i); break;
            case Operation.Lb: EmitLb(i); break;
            case Operation.Lh: EmitLh(i); break;
            case Operation.Lw: EmitLw(i); break;
            case Operation.Ld: EmitLd(i); break;
            case Operation.Lbu: EmitLbu(i); break;
            case Operation.Lhu: EmitLhu(i); break;
            case Operation.Lwu: EmitLwu(i); break;
            case Operation.Sb: EmitSb(i); break;
            case Operation.Sh: EmitSh(i); break;
            case Operation.Sw: EmitSw(i); break;
            case Operation.Sd: EmitSd(i); break;
            case Operation.Addi: EmitAddi(i); break;
            case Operation.Slti: EmitSlti(i); break;
            case Operation.Sltiu: EmitSltiu(i); break;
            case Operation.Xori: EmitXori(i); break;
            case Operation.Ori: EmitOri(i); break;
            case Operation.Andi: EmitAndi(i); break;
            case Operation.Slli: EmitSlli(i); break;
            case Operation.Srli: EmitSrli(i); break;
            case Operation.Srai: EmitSrai(i); break;
            case Operation.Addiw: EmitAddiw(i); break;
            case Operation.Slliw: EmitSlliw(i); break;
            case Operation.Srliw: EmitSrliw(i); break;
            case Operation.Sraiw: EmitSraiw(i); break;
            case Operation.Add: EmitAdd(i); break;
            case Operation.Sub: EmitSub(i); break;
            case Operation.Sll: EmitSll(i); break;
            case Operation.Slt: EmitSlt(i); break;
            case Operation.Sltu: EmitSltu(i); break;
            case Operation.Xor: EmitXor(i); break;
            case Operation.Srl: EmitSrl(i); break;
            case Operation.Sra: EmitSra(i); break;
            case Operation.Or: EmitOr(i); break;
            case Operation.And: EmitAnd(i); break;
            case Operation.Addw: EmitAddw(i); break;
            case Operation.Subw: EmitSubw(i); break;
            case Operation.Sllw: EmitSllw(i); break;
            case Operation.Srlw: EmitSrlw(i); break;
            case Operation.Sraw: EmitSraw(i); break;
            case Operation.Fence: break;
            case Operation.FenceI: break;

            // M
            case Operation.Mul: EmitMul(i); break;
            case Operation.Mulh: EmitMulh(i); break;
            case Operation.Mulhsu: EmitMulhsu(i); break;
            case Operation.Mulhu: EmitMulhu(i); break;
            case Operation.Div: EmitDiv(i); break;
            case Operation.Divu: EmitDivu(i); break;
            case Operation.Rem: EmitRem(i); break;
            case Operation.Remu: EmitRemu(i); break;
            case Operation.Mulw: EmitMulw(i); break;
            case Operation.Divw: EmitDivw(i); break;
            case Operation.Divuw: EmitDivuw(i); break;
            case Operation.Remw: EmitRemw(i); break;
            case Operation.Remuw: EmitRemuw(i); break;

            // A
            case Operation.LrW: EmitLrW(i); break;
            case Operation.ScW: EmitScW(i); break;
            case Operation.AmoswapW: EmitAmoswapW(i); break;
            case Operation.AmoaddW: EmitAmoaddW(i); break;
            case Operation.AmoxorW: EmitAmoxorW(i); break;
            case Operation.AmoandW: EmitAmoandW(i); break;
            case Operation.AmoorW: EmitAmoorW(i); break;
            case Operation.AmominW: EmitAmominW(i); break;
            case Operation.AmomaxW: EmitAmomaxW(i); break;
            case Operation.AmominuW: EmitAmominuW(i); break;
            case Operation.AmomaxuW: EmitAmomaxuW(i); break;
            case Operation.LrD: EmitLrD(i); break;
            case Operation.ScD: EmitScD(i); break;
            case Operation.AmoswapD: EmitAmoswapD(i); break;
            case Operation.AmoaddD: EmitAmoaddD(i); break;
            case Operation.AmoxorD: EmitAmoxorD(i); break;
            case Operation.AmoandD: EmitAmoandD(i); break;
            case Operation.AmoorD: EmitAmoorD(i); break;
            case Operation.AmominD: EmitAmominD(i); break;
            case Operation.AmomaxD: EmitAmomaxD(i); break;
            case Operation.AmominuD: EmitAmominuD(i); break;
            case Operation.AmomaxuD: EmitAmomaxuD(i); break;

            // Zba
            case Operation.AddUw: EmitAddUw(i); break;
            case Operation.Sh1add: EmitSh1add(i); break;
            case Operation.Sh1addUw: EmitSh1addUw(i); break;
            case Operation.Sh2add: EmitSh2add(i); break;
            case Operation.Sh2addUw: EmitSh2addUw(i); break;
            case Operation.Sh3add: EmitSh3add(i); break;
            case Operation.Sh3addUw: EmitSh3addUw(i); break;
            case Operation.SlliUw: EmitSlliUw(i); break;

            // Zbb
            case Operation.Andn: EmitAndn(i); break;
            case Operation.Orn: EmitOrn(i); break;
            case Operation.Xnor: EmitXnor(i); break;
            case Operation.Clz: EmitClz(i); break;
            case Operation.Clzw: EmitClzw(i); break;
            case Operation.Ctz: EmitCtz(i); break;
            case Operation.Ctzw: EmitCtzw(i); break;
            case Operation.Cpop: EmitCpop(i); break;
            case Operation.Cpopw: EmitCpopw(i); break;
            case Operation.Max: EmitMax(i); break;
            case Operation.Maxu: EmitMaxu(i); break;
            case Operation.Min: EmitMin(i); break;
            case Operation.Minu: EmitMinu(i); break;
            case Operation.SextB: EmitSextB(i); break;
            case Operation.SextH: EmitSextH(i); break;
            case Operation.ZextH: EmitZextH(i); break;
            case Operation.Rol: EmitRol(i); break;
            case Operation.Rolw: EmitRolw(i); break;
            case Operation.Ror: EmitRor(i); break;
            case Operation.Rori: EmitRori(i); break;
            case Operation.Roriw: EmitRoriw(i); break;
            case Operation.Rorw: EmitRorw(i); break;
            case Operation.OrcB: EmitOrcB(i); break;
            case Operation.Rev8: EmitRev8(i); break;

            // Zbs
            case Operation.Bclr: EmitBclr(i); break;
            case Operation.Bclri: EmitBclri(i); break;
            case Operation.Bext: EmitBext(i); break;
            case Operation.Bexti: EmitBexti(i); break;
            case Operation.Binv: EmitBinv(i); break;
            case Operation.Binvi: EmitBinvi(i); break;
            case Operation.Bset: EmitBset(i); break;
            case Operation.Bseti: EmitBseti(i); break;

            default: throw new UnreachableException($"{i.Operation} does not go through here.");
        }
    }
}
