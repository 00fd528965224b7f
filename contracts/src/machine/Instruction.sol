// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A 32-bit instruction and its fields (RISC-V ISA, "Base Instruction Formats").
type Instruction is uint32;

using {
    word,
    opcode,
    rd,
    rs1,
    rs2,
    funct3,
    funct7,
    funct12,
    immediateI,
    immediateS,
    immediateB,
    immediateU,
    immediateJ
} for Instruction global;

/// Major opcodes, the low seven bits of an instruction.
library Opcode {
    uint256 internal constant LUI = 0x37;
    uint256 internal constant AUIPC = 0x17;
    uint256 internal constant JAL = 0x6f;
    uint256 internal constant JALR = 0x67;
    uint256 internal constant BRANCH = 0x63;
    uint256 internal constant LOAD = 0x03;
    uint256 internal constant STORE = 0x23;
    uint256 internal constant OP_IMM = 0x13;
    uint256 internal constant OP = 0x33;
    uint256 internal constant OP_IMM_32 = 0x1b;
    uint256 internal constant OP_32 = 0x3b;
    uint256 internal constant MISC_MEM = 0x0f;
    uint256 internal constant SYSTEM = 0x73;
    uint256 internal constant AMO = 0x2f;
}

function word(Instruction self) pure returns (uint256) {
    return Instruction.unwrap(self);
}

function opcode(Instruction self) pure returns (uint256) {
    return self.word() & 0x7f;
}

function rd(Instruction self) pure returns (uint256) {
    return (self.word() >> 7) & 31;
}

function rs1(Instruction self) pure returns (uint256) {
    return (self.word() >> 15) & 31;
}

function rs2(Instruction self) pure returns (uint256) {
    return (self.word() >> 20) & 31;
}

function funct3(Instruction self) pure returns (uint256) {
    return (self.word() >> 12) & 7;
}

function funct7(Instruction self) pure returns (uint256) {
    return self.word() >> 25;
}

function funct12(Instruction self) pure returns (uint256) {
    return self.word() >> 20;
}

/// Immediates are sign-extended to 64 bits from the instruction's top bit.
function immediateI(Instruction self) pure returns (uint64) {
    return uint64(int64(int32(Instruction.unwrap(self)) >> 20));
}

function immediateS(Instruction self) pure returns (uint64) {
    int32 signed = int32(Instruction.unwrap(self));
    return uint64(int64((signed >> 25) << 5)) | uint64(self.rd());
}

function immediateB(Instruction self) pure returns (uint64) {
    uint256 w = self.word();
    uint64 sign = uint64(int64(int32(uint32(w)) >> 31));
    return sign << 12 | uint64((w & 0x80) << 4 | ((w >> 20) & 0x7e0) | ((w >> 7) & 0x1e));
}

function immediateU(Instruction self) pure returns (uint64) {
    return uint64(int64(int32(Instruction.unwrap(self) & 0xfffff000)));
}

function immediateJ(Instruction self) pure returns (uint64) {
    uint256 w = self.word();
    uint64 sign = uint64(int64(int32(uint32(w)) >> 31));
    return sign << 20 | uint64((w & 0xff000) | ((w >> 9) & 0x800) | ((w >> 20) & 0x7fe));
}
