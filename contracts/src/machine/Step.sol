// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {expand} from "./Compressed.sol";
import {Instruction, Opcode} from "./Instruction.sol";
import {Machine, littleEndian, splice, swapLanes, takeMachine} from "./Machine.sol";
import {MachineStatus} from "./MachineStatus.sol";
import {QuadProof, countOnes} from "./QuadProof.sol";
import {OpeningMismatch, Witness, openWitness} from "./Witness.sol";

// The instruction step (spec 1.4, 3.2). Dispatch comes first; below it the instructions, in the order of
// specs/instructions.tsv. Every `unchecked` in this file is there because registers are numbers modulo 2^64, and the
// ISA manual asks for results that wrap.

// pc is below this when a fetch can succeed (spec 1.2.1); an output is not longer (spec 1.6.2).
uint64 constant SLOT_BYTES = 2 ** 29;
// What a good pc has not: bit 0, and those of 2^29 and up (spec 1.4.3).
uint256 constant BAD_PC_BITS = ~uint256(SLOT_BYTES - 2);
// The tree address of text byte 0 (spec 1.2.1).
uint256 constant TEXT = 0x1_8000_0000;

using {takeMachine} for Witness;

/// spec 3.2
function stepMachine(bytes32 machineRoot, bytes calldata witness) pure returns (bytes32) {
    Machine memory m = openWitness(witness).takeMachine();
    bool isRunning = m.status == MachineStatus.RUNNING;
    if (isRunning && m.stepsLeft != 0 && m.pc & BAD_PC_BITS == 0) {
        (uint256 rd, uint64 value) = execute(m, fetch(m, machineRoot));
        unchecked {
            m.stepsLeft--;
        }
        if (m.status == MachineStatus.RUNNING) m.pc = m.next;
        m.witness.close();
        return m.rootAfter(rd, value);
    }
    m.takeMemoryRoot(machineRoot);
    m.witness.close();
    if (!isRunning) return machineRoot;
    if (m.stepsLeft == 0) {
        m.status = MachineStatus.OUT_OF_STEPS;
    } else {
        m.stepsLeft--;
        m.status = MachineStatus.BAD_PC;
    }
    return m.rootAfter(0, 0);
}

/// The instruction at pc, expanded to 32 bits (spec 1.4.4); sets `next` to the address behind it. Holds the machine
/// against its root as soon as its memory root is known.
function fetch(Machine memory m, bytes32 machineRoot) pure returns (Instruction) {
    unchecked {
        uint256 treeAddress = TEXT + m.pc;
        (bytes32 word, QuadProof proof) = m.fetchWord(treeAddress >> 5);
        if (m.root() != machineRoot) revert OpeningMismatch();
        // Four bytes behind pc, the first the lowest. Those beyond the word are zero yet.
        uint256 place = treeAddress & 31;
        uint256 bits = swapLanes((uint256(word) << (8 * place)) >> 192);
        if (bits & 3 != 3) {
            m.next = m.pc + 2;
            return Instruction.wrap(expand(uint16(bits)));
        }
        if (place == 30) {
            // The word behind only for a long instruction that crosses into it (spec 3.2.2).
            (word,,) = m.accessNext(treeAddress >> 5, proof);
            bits |= uint256(swapLanes(uint256(word) >> 192) & 0xffff) << 16;
        }
        m.next = m.pc + 4;
        return Instruction.wrap(uint32(bits));
    }
}

/// Executes one instruction but for the write to rd: `value` goes to register `rd` when the machine still runs. An
/// instruction that stops the machine sets the status and changes nothing else (spec 1.4.5).
function execute(Machine memory m, Instruction i) pure returns (uint256 rd, uint64 value) {
    uint256 opcode = i.opcode();
    if (opcode == Opcode.BRANCH) {
        branch(m, i);
        return (0, 0);
    }
    if (opcode == Opcode.STORE) {
        store(m, i);
        return (0, 0);
    }
    if (opcode == Opcode.MISC_MEM) {
        miscMem(m, i);
        return (0, 0);
    }
    if (opcode == Opcode.SYSTEM) return system(m, i);
    rd = i.rd();
    if (opcode == Opcode.LOAD) value = load(m, i);
    else if (opcode == Opcode.OP_IMM) value = operateImmediate(m, i);
    else if (opcode == Opcode.OP) value = operate(m, i);
    else if (opcode == Opcode.OP_IMM_32) value = operateImmediate32(m, i);
    else if (opcode == Opcode.OP_32) value = operate32(m, i);
    else if (opcode == Opcode.LUI) value = lui(i);
    else if (opcode == Opcode.AUIPC) value = auipc(m, i);
    else if (opcode == Opcode.JAL) value = jal(m, i);
    else if (opcode == Opcode.JALR) value = jalr(m, i);
    else if (opcode == Opcode.AMO) value = atomic(m, i);
    else illegal(m);
    // A stopped machine keeps its registers.
    if (m.status != MachineStatus.RUNNING) rd = 0;
}

function illegal(Machine memory m) pure returns (uint64) {
    m.status = MachineStatus.ILLEGAL_INSTRUCTION;
    return 0;
}

/// The address of a load or store before it is taken modulo 2^32 (spec 1.2.2).
function reduced(uint64 base, uint64 immediate) pure returns (uint256) {
    unchecked {
        return uint32(base + immediate);
    }
}

function branch(Machine memory m, Instruction i) pure {
    uint256 row = i.funct3();
    (uint64 a, uint64 b) = m.xx(i.rs1(), i.rs2());
    bool taken;
    if (row == 0) taken = beq(a, b);
    else if (row == 1) taken = bne(a, b);
    else if (row == 4) taken = blt(a, b);
    else if (row == 5) taken = bge(a, b);
    else if (row == 6) taken = bltu(a, b);
    else if (row == 7) taken = bgeu(a, b);
    else illegal(m);
    unchecked {
        if (taken) m.next = uint64(m.pc + i.immediateB());
    }
}

function load(Machine memory m, Instruction i) pure returns (uint64) {
    uint256 row = i.funct3();
    if (row == 7) return illegal(m);
    uint64 bytes_ = m.read(reduced(m.x(i.rs1()), i.immediateI()), 1 << (row & 3));
    if (row == 0) return lb(bytes_);
    if (row == 1) return lh(bytes_);
    if (row == 2) return lw(bytes_);
    if (row == 3) return ld(bytes_);
    if (row == 4) return lbu(bytes_);
    if (row == 5) return lhu(bytes_);
    return lwu(bytes_);
}

function store(Machine memory m, Instruction i) pure {
    uint256 row = i.funct3();
    (uint64 base, uint64 value) = m.xx(i.rs1(), i.rs2());
    uint256 treeAddress = reduced(base, i.immediateS());
    if (row == 0) sb(m, treeAddress, value);
    else if (row == 1) sh(m, treeAddress, value);
    else if (row == 2) sw(m, treeAddress, value);
    else if (row == 3) sd(m, treeAddress, value);
    else illegal(m);
}

function operateImmediate(Machine memory m, Instruction i) pure returns (uint64) {
    uint256 row = i.funct3();
    uint64 a = m.x(i.rs1());
    uint64 immediate = i.immediateI();
    if (row == 0) return addi(a, immediate);
    if (row == 2) return slti(a, immediate);
    if (row == 3) return sltiu(a, immediate);
    if (row == 4) return xori(a, immediate);
    if (row == 6) return ori(a, immediate);
    if (row == 7) return andi(a, immediate);
    uint256 funct12 = i.funct12();
    uint256 funct6 = funct12 >> 6;
    uint64 shift = uint64(funct12 & 63);
    if (row == 1) {
        if (funct6 == 0x00) return slli(a, shift);
        if (funct12 == 0x600) return clz(a);
        if (funct12 == 0x601) return ctz(a);
        if (funct12 == 0x602) return cpop(a);
        if (funct12 == 0x604) return sextB(a);
        if (funct12 == 0x605) return sextH(a);
        if (funct6 == 0x12) return bclri(a, shift);
        if (funct6 == 0x1a) return binvi(a, shift);
        if (funct6 == 0x0a) return bseti(a, shift);
        return illegal(m);
    }
    if (funct6 == 0x00) return srli(a, shift);
    if (funct6 == 0x10) return srai(a, shift);
    if (funct6 == 0x18) return rori(a, shift);
    if (funct12 == 0x287) return orcB(a);
    if (funct12 == 0x6b8) return rev8(a);
    if (funct6 == 0x12) return bexti(a, shift);
    return illegal(m);
}

function operateImmediate32(Machine memory m, Instruction i) pure returns (uint64) {
    uint256 row = i.funct3();
    uint64 a = m.x(i.rs1());
    if (row == 0) return addiw(a, i.immediateI());
    uint256 funct12 = i.funct12();
    uint256 funct7 = funct12 >> 5;
    uint64 shift = uint64(funct12 & 31);
    if (row == 1) {
        if (funct7 == 0x00) return slliw(a, shift);
        if (funct7 >> 1 == 0x02) return slliUw(a, uint64(funct12 & 63));
        if (funct12 == 0x600) return clzw(a);
        if (funct12 == 0x601) return ctzw(a);
        if (funct12 == 0x602) return cpopw(a);
        return illegal(m);
    }
    if (row == 5) {
        if (funct7 == 0x00) return srliw(a, shift);
        if (funct7 == 0x20) return sraiw(a, shift);
        if (funct7 == 0x30) return roriw(a, shift);
    }
    return illegal(m);
}

function operate(Machine memory m, Instruction i) pure returns (uint64) {
    uint256 row = i.funct7() << 4 | i.funct3();
    (uint64 a, uint64 b) = m.xx(i.rs1(), i.rs2());
    if (row == 0x000) return add(a, b);
    if (row == 0x200) return sub(a, b);
    if (row == 0x001) return sll(a, b);
    if (row == 0x002) return slt(a, b);
    if (row == 0x003) return sltu(a, b);
    if (row == 0x004) return xor(a, b);
    if (row == 0x005) return srl(a, b);
    if (row == 0x205) return sra(a, b);
    if (row == 0x006) return or(a, b);
    if (row == 0x007) return and(a, b);
    if (row == 0x010) return mul(a, b);
    if (row == 0x011) return mulh(a, b);
    if (row == 0x012) return mulhsu(a, b);
    if (row == 0x013) return mulhu(a, b);
    if (row == 0x014) return div(a, b);
    if (row == 0x015) return divu(a, b);
    if (row == 0x016) return rem(a, b);
    if (row == 0x017) return remu(a, b);
    if (row == 0x102) return sh1add(a, b);
    if (row == 0x104) return sh2add(a, b);
    if (row == 0x106) return sh3add(a, b);
    if (row == 0x207) return andn(a, b);
    if (row == 0x206) return orn(a, b);
    if (row == 0x204) return xnor(a, b);
    if (row == 0x056) return max(a, b);
    if (row == 0x057) return maxu(a, b);
    if (row == 0x054) return min(a, b);
    if (row == 0x055) return minu(a, b);
    if (row == 0x301) return rol(a, b);
    if (row == 0x305) return ror(a, b);
    if (row == 0x241) return bclr(a, b);
    if (row == 0x245) return bext(a, b);
    if (row == 0x341) return binv(a, b);
    if (row == 0x141) return bset(a, b);
    return illegal(m);
}

function operate32(Machine memory m, Instruction i) pure returns (uint64) {
    uint256 row = i.funct7() << 4 | i.funct3();
    (uint64 a, uint64 b) = m.xx(i.rs1(), i.rs2());
    if (row == 0x000) return addw(a, b);
    if (row == 0x200) return subw(a, b);
    if (row == 0x001) return sllw(a, b);
    if (row == 0x005) return srlw(a, b);
    if (row == 0x205) return sraw(a, b);
    if (row == 0x010) return mulw(a, b);
    if (row == 0x014) return divw(a, b);
    if (row == 0x015) return divuw(a, b);
    if (row == 0x016) return remw(a, b);
    if (row == 0x017) return remuw(a, b);
    if (row == 0x040) return addUw(a, b);
    if (row == 0x102) return sh1addUw(a, b);
    if (row == 0x104) return sh2addUw(a, b);
    if (row == 0x106) return sh3addUw(a, b);
    if (row == 0x044 && i.rs2() == 0) return zextH(a);
    if (row == 0x301) return rolw(a, b);
    if (row == 0x305) return rorw(a, b);
    return illegal(m);
}

/// LR, SC and AMO of both widths. aq and rl are ignored (spec 1.7.1).
function atomic(Machine memory m, Instruction i) pure returns (uint64) {
    uint256 row = i.funct7() >> 2;
    uint256 width = i.funct3();
    if (width != 2 && width != 3) return illegal(m);
    uint256 size = 1 << width;
    uint256 treeAddress = reduced(m.x(i.rs1()), 0);
    if (row == 2 ? i.rs2() != 0 : row > 4 && row & 3 != 0) return illegal(m);
    if (treeAddress & (size - 1) != 0) {
        m.status = MachineStatus.MISALIGNED_ATOMIC;
        return 0;
    }
    if (row == 2) return lr(m, treeAddress, size);
    uint64 b = m.x(i.rs2());
    if (row == 3) return sc(m, treeAddress, size, b);

    // AMO: one access that reads and writes (spec 3.2.5). The address is aligned: it never crosses a word.
    uint256 shift = 8 * (treeAddress & 31);
    (bytes32 word, QuadProof proof) = m.access(treeAddress >> 5);
    uint64 a = uint64(swapLanes((uint256(word) << shift) >> 192));
    // Word operations work on sign-extended operands, which keep the signed order and the unsigned order.
    if (width == 2) (a, b) = (extend32(a), extend32(b));
    uint64 result;
    if (row == 0x01) result = amoswap(a, b);
    else if (row == 0x00) result = amoadd(a, b);
    else if (row == 0x04) result = amoxor(a, b);
    else if (row == 0x0c) result = amoand(a, b);
    else if (row == 0x08) result = amoor(a, b);
    else if (row == 0x10) result = amomin(a, b);
    else if (row == 0x14) result = amomax(a, b);
    else if (row == 0x18) result = amominu(a, b);
    else result = amomaxu(a, b);
    (uint256 bytes_, uint256 mask) = littleEndian(result, size);
    m.replace(treeAddress >> 5, proof, splice(word, bytes_ >> shift, mask >> shift));
    return a;
}

function miscMem(Machine memory m, Instruction i) pure {
    uint256 row = i.funct3();
    if (row == 0) fence();
    else if (row == 1) fenceI();
    else illegal(m);
}

/// ECALL and EBREAK; every other SYSTEM encoding is illegal (spec 1.5.4).
function system(Machine memory m, Instruction i) pure returns (uint256 rd, uint64 value) {
    if (i.word() == 0x00000073) return ecall(m);
    if (i.word() == 0x00100073) ebreak(m);
    else illegal(m);
}

function extend32(uint64 a) pure returns (uint64) {
    return uint64(int64(int32(uint32(a))));
}

// ---- RV64I ----------------------------------------------------------------------------------------------------------

function lui(Instruction i) pure returns (uint64) {
    return i.immediateU();
}

function auipc(Machine memory m, Instruction i) pure returns (uint64) {
    unchecked {
        return uint64(m.pc + i.immediateU());
    }
}

function jal(Machine memory m, Instruction i) pure returns (uint64 link) {
    link = uint64(m.next);
    unchecked {
        m.next = uint64(m.pc + i.immediateJ());
    }
}

/// spec 1.5.3
function jalr(Machine memory m, Instruction i) pure returns (uint64 link) {
    if (i.funct3() != 0) return illegal(m);
    link = uint64(m.next);
    unchecked {
        m.next = (m.x(i.rs1()) + i.immediateI()) & ~uint64(1);
    }
}

function beq(uint64 a, uint64 b) pure returns (bool) {
    return a == b;
}

function bne(uint64 a, uint64 b) pure returns (bool) {
    return a != b;
}

function blt(uint64 a, uint64 b) pure returns (bool) {
    return int64(a) < int64(b);
}

function bge(uint64 a, uint64 b) pure returns (bool) {
    return int64(a) >= int64(b);
}

function bltu(uint64 a, uint64 b) pure returns (bool) {
    return a < b;
}

function bgeu(uint64 a, uint64 b) pure returns (bool) {
    return a >= b;
}

function lb(uint64 bytes_) pure returns (uint64) {
    return uint64(int64(int8(uint8(bytes_))));
}

function lh(uint64 bytes_) pure returns (uint64) {
    return uint64(int64(int16(uint16(bytes_))));
}

function lw(uint64 bytes_) pure returns (uint64) {
    return extend32(bytes_);
}

function ld(uint64 bytes_) pure returns (uint64) {
    return bytes_;
}

function lbu(uint64 bytes_) pure returns (uint64) {
    return uint8(bytes_);
}

function lhu(uint64 bytes_) pure returns (uint64) {
    return uint16(bytes_);
}

function lwu(uint64 bytes_) pure returns (uint64) {
    return uint32(bytes_);
}

function sb(Machine memory m, uint256 treeAddress, uint64 value) pure {
    m.write(treeAddress, 1, value);
}

function sh(Machine memory m, uint256 treeAddress, uint64 value) pure {
    m.write(treeAddress, 2, value);
}

function sw(Machine memory m, uint256 treeAddress, uint64 value) pure {
    m.write(treeAddress, 4, value);
}

function sd(Machine memory m, uint256 treeAddress, uint64 value) pure {
    m.write(treeAddress, 8, value);
}

function addi(uint64 a, uint64 immediate) pure returns (uint64) {
    return add(a, immediate);
}

function slti(uint64 a, uint64 immediate) pure returns (uint64) {
    return slt(a, immediate);
}

function sltiu(uint64 a, uint64 immediate) pure returns (uint64) {
    return sltu(a, immediate);
}

function xori(uint64 a, uint64 immediate) pure returns (uint64) {
    return a ^ immediate;
}

function ori(uint64 a, uint64 immediate) pure returns (uint64) {
    return a | immediate;
}

function andi(uint64 a, uint64 immediate) pure returns (uint64) {
    return a & immediate;
}

function slli(uint64 a, uint64 shift) pure returns (uint64) {
    return a << shift;
}

function srli(uint64 a, uint64 shift) pure returns (uint64) {
    return a >> shift;
}

function srai(uint64 a, uint64 shift) pure returns (uint64) {
    return uint64(int64(a) >> shift);
}

function addiw(uint64 a, uint64 immediate) pure returns (uint64) {
    return addw(a, immediate);
}

function slliw(uint64 a, uint64 shift) pure returns (uint64) {
    return extend32(a << shift);
}

function srliw(uint64 a, uint64 shift) pure returns (uint64) {
    return extend32(uint32(a) >> shift);
}

function sraiw(uint64 a, uint64 shift) pure returns (uint64) {
    return uint64(int64(int32(uint32(a)) >> shift));
}

function add(uint64 a, uint64 b) pure returns (uint64) {
    unchecked {
        return a + b;
    }
}

function sub(uint64 a, uint64 b) pure returns (uint64) {
    unchecked {
        return a - b;
    }
}

function sll(uint64 a, uint64 b) pure returns (uint64) {
    return a << (b & 63);
}

function slt(uint64 a, uint64 b) pure returns (uint64) {
    return int64(a) < int64(b) ? 1 : 0;
}

function sltu(uint64 a, uint64 b) pure returns (uint64) {
    return a < b ? 1 : 0;
}

function xor(uint64 a, uint64 b) pure returns (uint64) {
    return a ^ b;
}

function srl(uint64 a, uint64 b) pure returns (uint64) {
    return a >> (b & 63);
}

function sra(uint64 a, uint64 b) pure returns (uint64) {
    return uint64(int64(a) >> (b & 63));
}

function or(uint64 a, uint64 b) pure returns (uint64) {
    return a | b;
}

function and(uint64 a, uint64 b) pure returns (uint64) {
    return a & b;
}

function addw(uint64 a, uint64 b) pure returns (uint64) {
    unchecked {
        return extend32(a + b);
    }
}

function subw(uint64 a, uint64 b) pure returns (uint64) {
    unchecked {
        return extend32(a - b);
    }
}

function sllw(uint64 a, uint64 b) pure returns (uint64) {
    return slliw(a, b & 31);
}

function srlw(uint64 a, uint64 b) pure returns (uint64) {
    return srliw(a, b & 31);
}

function sraw(uint64 a, uint64 b) pure returns (uint64) {
    return sraiw(a, b & 31);
}

/// spec 1.5.2
function fence() pure {}

/// spec 1.5.2
function fenceI() pure {}

/// spec 1.6
function ecall(Machine memory m) pure returns (uint256 rd, uint64 value) {
    uint64 call = m.x(17);
    if (call == 93) {
        if (m.x(11) > SLOT_BYTES) {
            m.status = MachineStatus.OUTPUT_TOO_LONG;
        } else {
            m.halt(uint32(m.x(10)));
        }
        return (0, 0);
    }
    // write gives back its length, any other call −38.
    return (10, call == 64 ? m.x(12) : uint64(int64(-38)));
}

/// spec 1.6.5
function ebreak(Machine memory m) pure {
    m.status = MachineStatus.BREAKPOINT;
}

// ---- M --------------------------------------------------------------------------------------------------------------
// Division by zero and overflow give the values of the ISA manual (spec 1.5.5).

function mul(uint64 a, uint64 b) pure returns (uint64) {
    unchecked {
        return a * b;
    }
}

function mulh(uint64 a, uint64 b) pure returns (uint64) {
    unchecked {
        return uint64(int64((int256(int64(a)) * int256(int64(b))) >> 64));
    }
}

function mulhsu(uint64 a, uint64 b) pure returns (uint64) {
    unchecked {
        return uint64(int64((int256(int64(a)) * int256(uint256(b))) >> 64));
    }
}

function mulhu(uint64 a, uint64 b) pure returns (uint64) {
    unchecked {
        return uint64((uint256(a) * uint256(b)) >> 64);
    }
}

function div(uint64 a, uint64 b) pure returns (uint64) {
    unchecked {
        return b == 0 ? type(uint64).max : uint64(int64(a) / int64(b));
    }
}

function divu(uint64 a, uint64 b) pure returns (uint64) {
    return b == 0 ? type(uint64).max : a / b;
}

function rem(uint64 a, uint64 b) pure returns (uint64) {
    return b == 0 ? a : uint64(int64(a) % int64(b));
}

function remu(uint64 a, uint64 b) pure returns (uint64) {
    return b == 0 ? a : a % b;
}

function mulw(uint64 a, uint64 b) pure returns (uint64) {
    unchecked {
        return extend32(a * b);
    }
}

function divw(uint64 a, uint64 b) pure returns (uint64) {
    unchecked {
        return uint32(b) == 0 ? type(uint64).max : uint64(int64(int32(uint32(a)) / int32(uint32(b))));
    }
}

function divuw(uint64 a, uint64 b) pure returns (uint64) {
    return uint32(b) == 0 ? type(uint64).max : extend32(uint32(a) / uint32(b));
}

function remw(uint64 a, uint64 b) pure returns (uint64) {
    return uint32(b) == 0 ? extend32(a) : uint64(int64(int32(uint32(a)) % int32(uint32(b))));
}

function remuw(uint64 a, uint64 b) pure returns (uint64) {
    return extend32(uint32(b) == 0 ? a : uint32(a) % uint32(b));
}

// ---- A --------------------------------------------------------------------------------------------------------------
// W and D share their functions: `atomic` extends the operands and gives the size in bytes, 4 or 8.

/// spec 1.7.3
function lr(Machine memory m, uint256 treeAddress, uint256 size) pure returns (uint64 loaded) {
    loaded = m.read(treeAddress, size);
    if (size == 4) loaded = extend32(loaded);
    m.reserve(uint64(treeAddress) | 1);
}

/// spec 1.7.4
function sc(Machine memory m, uint256 treeAddress, uint256 size, uint64 b) pure returns (uint64) {
    bool reserved = m.reservation() == uint64(treeAddress) | 1;
    m.reserve(0);
    if (!reserved) return 1;
    m.write(treeAddress, size, b);
    return 0;
}

function amoswap(uint64, uint64 b) pure returns (uint64) {
    return b;
}

function amoadd(uint64 a, uint64 b) pure returns (uint64) {
    return add(a, b);
}

function amoxor(uint64 a, uint64 b) pure returns (uint64) {
    return a ^ b;
}

function amoand(uint64 a, uint64 b) pure returns (uint64) {
    return a & b;
}

function amoor(uint64 a, uint64 b) pure returns (uint64) {
    return a | b;
}

function amomin(uint64 a, uint64 b) pure returns (uint64) {
    return min(a, b);
}

function amomax(uint64 a, uint64 b) pure returns (uint64) {
    return max(a, b);
}

function amominu(uint64 a, uint64 b) pure returns (uint64) {
    return minu(a, b);
}

function amomaxu(uint64 a, uint64 b) pure returns (uint64) {
    return maxu(a, b);
}

// ---- Zba ------------------------------------------------------------------------------------------------------------

function addUw(uint64 a, uint64 b) pure returns (uint64) {
    return add(uint32(a), b);
}

function sh1add(uint64 a, uint64 b) pure returns (uint64) {
    return add(a << 1, b);
}

function sh1addUw(uint64 a, uint64 b) pure returns (uint64) {
    return add(uint64(uint32(a)) << 1, b);
}

function sh2add(uint64 a, uint64 b) pure returns (uint64) {
    return add(a << 2, b);
}

function sh2addUw(uint64 a, uint64 b) pure returns (uint64) {
    return add(uint64(uint32(a)) << 2, b);
}

function sh3add(uint64 a, uint64 b) pure returns (uint64) {
    return add(a << 3, b);
}

function sh3addUw(uint64 a, uint64 b) pure returns (uint64) {
    return add(uint64(uint32(a)) << 3, b);
}

function slliUw(uint64 a, uint64 shift) pure returns (uint64) {
    return uint64(uint32(a)) << shift;
}

// ---- Zbb ------------------------------------------------------------------------------------------------------------

function andn(uint64 a, uint64 b) pure returns (uint64) {
    return a & ~b;
}

function orn(uint64 a, uint64 b) pure returns (uint64) {
    return a | ~b;
}

function xnor(uint64 a, uint64 b) pure returns (uint64) {
    return ~(a ^ b);
}

function clz(uint64 a) pure returns (uint64) {
    unchecked {
        return leadingZeros(a) - 192;
    }
}

function clzw(uint64 a) pure returns (uint64) {
    unchecked {
        return leadingZeros(uint32(a)) - 224;
    }
}

function ctz(uint64 a) pure returns (uint64) {
    unchecked {
        return a == 0 ? 64 : 255 - leadingZeros(a & (~a + 1));
    }
}

function ctzw(uint64 a) pure returns (uint64) {
    unchecked {
        return uint32(a) == 0 ? 32 : 255 - leadingZeros(a & (~a + 1));
    }
}

function cpop(uint64 a) pure returns (uint64) {
    return uint64(countOnes(a));
}

function cpopw(uint64 a) pure returns (uint64) {
    return uint64(countOnes(uint32(a)));
}

function max(uint64 a, uint64 b) pure returns (uint64) {
    return int64(a) > int64(b) ? a : b;
}

function maxu(uint64 a, uint64 b) pure returns (uint64) {
    return a > b ? a : b;
}

function min(uint64 a, uint64 b) pure returns (uint64) {
    return int64(a) < int64(b) ? a : b;
}

function minu(uint64 a, uint64 b) pure returns (uint64) {
    return a < b ? a : b;
}

function sextB(uint64 a) pure returns (uint64) {
    return lb(a);
}

function sextH(uint64 a) pure returns (uint64) {
    return lh(a);
}

function zextH(uint64 a) pure returns (uint64) {
    return uint16(a);
}

function rol(uint64 a, uint64 b) pure returns (uint64) {
    uint64 shift = b & 63;
    unchecked {
        return a << shift | a >> (64 - shift);
    }
}

function rolw(uint64 a, uint64 b) pure returns (uint64) {
    uint32 low = uint32(a);
    uint32 shift = uint32(b) & 31;
    unchecked {
        return extend32(low << shift | low >> (32 - shift));
    }
}

function ror(uint64 a, uint64 b) pure returns (uint64) {
    return rori(a, b & 63);
}

function rori(uint64 a, uint64 shift) pure returns (uint64) {
    unchecked {
        return a >> shift | a << (64 - shift);
    }
}

function roriw(uint64 a, uint64 shift) pure returns (uint64) {
    uint32 low = uint32(a);
    unchecked {
        return extend32(low >> shift | low << (32 - uint32(shift)));
    }
}

function rorw(uint64 a, uint64 b) pure returns (uint64) {
    return roriw(a, b & 31);
}

function orcB(uint64 a) pure returns (uint64) {
    // Bit 7 of each byte that is not zero: adding 0x7f to the low seven bits carries into it, and never out of the byte.
    uint64 nonzero = (((a & 0x7f7f7f7f7f7f7f7f) + 0x7f7f7f7f7f7f7f7f) | a) & 0x8080808080808080;
    return (nonzero >> 7) * 0xff;
}

function rev8(uint64 a) pure returns (uint64) {
    return uint64(swapLanes(a));
}

/// Leading zeros of a number of 256 bits.
function leadingZeros(uint256 a) pure returns (uint64 zeros) {
    // Assembly because Solidity has no operator for the CLZ opcode.
    assembly ("memory-safe") {
        zeros := clz(a)
    }
}

// ---- Zbs ------------------------------------------------------------------------------------------------------------

function bclr(uint64 a, uint64 b) pure returns (uint64) {
    return bclri(a, b & 63);
}

function bclri(uint64 a, uint64 bit) pure returns (uint64) {
    return a & ~(uint64(1) << bit);
}

function bext(uint64 a, uint64 b) pure returns (uint64) {
    return bexti(a, b & 63);
}

function bexti(uint64 a, uint64 bit) pure returns (uint64) {
    return (a >> bit) & 1;
}

function binv(uint64 a, uint64 b) pure returns (uint64) {
    return binvi(a, b & 63);
}

function binvi(uint64 a, uint64 bit) pure returns (uint64) {
    return a ^ (uint64(1) << bit);
}

function bset(uint64 a, uint64 b) pure returns (uint64) {
    return bseti(a, b & 63);
}

function bseti(uint64 a, uint64 bit) pure returns (uint64) {
    return a | (uint64(1) << bit);
}
