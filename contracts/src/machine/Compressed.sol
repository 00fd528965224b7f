// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Opcode} from "./Instruction.sol";

/// The 32-bit instruction that a 16-bit instruction of RV64C stands for (spec 1.9); 0, which is illegal, for an
/// encoding that is not an instruction of this machine (spec 1.9.2). Rows are in the order of the ISA manual's table
/// "RVC instruction listings", quadrant by quadrant. The two low bits of `c` are not 11.
function expand(uint16 half) pure returns (uint32) {
    uint256 c = half;
    uint256 quadrant = c & 3;
    if (quadrant == 0) return expandQuadrant0(c);
    if (quadrant == 1) return expandQuadrant1(c);
    return expandQuadrant2(c);
}

/// Registers x8 to x15 plus stack-pointer relative addresses: loads, stores, ADDI4SPN.
function expandQuadrant0(uint256 c) pure returns (uint32) {
    uint256 row = c >> 13;
    uint256 low = 8 + field(c, 2, 7); // rd' or rs2'
    uint256 base = 8 + field(c, 7, 7); // rs1'
    uint256 wordOffset = field(c, 6, 1) << 2 | field(c, 10, 7) << 3 | field(c, 5, 1) << 6;
    uint256 doubleOffset = field(c, 10, 7) << 3 | field(c, 5, 3) << 6;
    if (row == 0) {
        uint256 offset = field(c, 6, 1) << 2 | field(c, 5, 1) << 3 | field(c, 11, 3) << 4 | field(c, 7, 15) << 6;
        return offset == 0 ? 0 : encodeI(Opcode.OP_IMM, 0, low, 2, offset); // C.ADDI4SPN
    }
    if (row == 2) return encodeI(Opcode.LOAD, 2, low, base, wordOffset); // C.LW
    if (row == 3) return encodeI(Opcode.LOAD, 3, low, base, doubleOffset); // C.LD
    if (row == 6) return encodeS(2, base, low, wordOffset); // C.SW
    if (row == 7) return encodeS(3, base, low, doubleOffset); // C.SD
    return 0;
}

/// Immediates, arithmetic, jumps and branches.
function expandQuadrant1(uint256 c) pure returns (uint32) {
    uint256 row = c >> 13;
    uint256 rd = field(c, 7, 31);
    uint256 immediate = signExtend(field(c, 12, 1) << 5 | field(c, 2, 31), 5);
    if (row == 0) return encodeI(Opcode.OP_IMM, 0, rd, rd, immediate); // C.NOP, C.ADDI
    if (row == 1) return rd == 0 ? 0 : encodeI(Opcode.OP_IMM_32, 0, rd, rd, immediate); // C.ADDIW
    if (row == 2) return encodeI(Opcode.OP_IMM, 0, rd, 0, immediate); // C.LI
    if (row == 3) {
        if (rd == 2) {
            uint256 adjustment = signExtend(
                field(c, 6, 1) << 4 | field(c, 2, 1) << 5 | field(c, 5, 1) << 6 | field(c, 3, 3) << 7 | field(c, 12, 1)
                    << 9,
                9
            );
            return adjustment == 0 ? 0 : encodeI(Opcode.OP_IMM, 0, 2, 2, adjustment); // C.ADDI16SP
        }
        return immediate == 0 ? 0 : encodeU(Opcode.LUI, rd, immediate); // C.LUI
    }
    if (row == 4) return expandArithmetic(c);
    if (row == 5) {
        uint256 offset = signExtend(
            field(c, 3, 7) << 1 | field(c, 11, 1) << 4 | field(c, 2, 1) << 5 | field(c, 7, 1) << 6 | field(c, 6, 1) << 7
                | field(c, 9, 3) << 8 | field(c, 8, 1) << 10 | field(c, 12, 1) << 11,
            11
        );
        return encodeJ(0, offset); // C.J
    }
    uint256 distance = signExtend(
        field(c, 3, 3) << 1 | field(c, 10, 3) << 3 | field(c, 2, 1) << 5 | field(c, 5, 3) << 6 | field(c, 12, 1) << 8, 8
    );
    return encodeB(row - 6, 8 + (rd & 7), 0, distance); // C.BEQZ, C.BNEZ
}

/// Quadrant 1, funct3 100: operations on x8 to x15.
function expandArithmetic(uint256 c) pure returns (uint32) {
    uint256 rd = 8 + field(c, 7, 7);
    uint256 rs2 = 8 + field(c, 2, 7);
    uint256 row = field(c, 10, 3);
    uint256 immediate = field(c, 12, 1) << 5 | field(c, 2, 31);
    if (row == 0) return encodeI(Opcode.OP_IMM, 5, rd, rd, immediate); // C.SRLI
    if (row == 1) return encodeI(Opcode.OP_IMM, 5, rd, rd, 0x400 | immediate); // C.SRAI
    if (row == 2) return encodeI(Opcode.OP_IMM, 7, rd, rd, signExtend(immediate, 5)); // C.ANDI
    row = field(c, 12, 1) << 2 | field(c, 5, 3);
    if (row == 0) return encodeR(Opcode.OP, 0x20, 0, rd, rd, rs2); // C.SUB
    if (row == 1) return encodeR(Opcode.OP, 0, 4, rd, rd, rs2); // C.XOR
    if (row == 2) return encodeR(Opcode.OP, 0, 6, rd, rd, rs2); // C.OR
    if (row == 3) return encodeR(Opcode.OP, 0, 7, rd, rd, rs2); // C.AND
    if (row == 4) return encodeR(Opcode.OP_32, 0x20, 0, rd, rd, rs2); // C.SUBW
    if (row == 5) return encodeR(Opcode.OP_32, 0, 0, rd, rd, rs2); // C.ADDW
    return 0;
}

/// Any register; loads and stores relative to the stack pointer.
function expandQuadrant2(uint256 c) pure returns (uint32) {
    uint256 row = c >> 13;
    uint256 rd = field(c, 7, 31);
    uint256 rs2 = field(c, 2, 31);
    if (row == 0) return encodeI(Opcode.OP_IMM, 1, rd, rd, field(c, 12, 1) << 5 | rs2); // C.SLLI
    if (row == 2) {
        uint256 offset = field(c, 4, 7) << 2 | field(c, 12, 1) << 5 | field(c, 2, 3) << 6;
        return rd == 0 ? 0 : encodeI(Opcode.LOAD, 2, rd, 2, offset); // C.LWSP
    }
    if (row == 3) {
        uint256 offset = field(c, 5, 3) << 3 | field(c, 12, 1) << 5 | field(c, 2, 7) << 6;
        return rd == 0 ? 0 : encodeI(Opcode.LOAD, 3, rd, 2, offset); // C.LDSP
    }
    if (row == 4) {
        if (field(c, 12, 1) == 0) {
            if (rs2 != 0) return encodeR(Opcode.OP, 0, 0, rd, 0, rs2); // C.MV
            return rd == 0 ? 0 : encodeI(Opcode.JALR, 0, 0, rd, 0); // C.JR
        }
        if (rs2 != 0) return encodeR(Opcode.OP, 0, 0, rd, rd, rs2); // C.ADD
        return rd == 0 ? 0x00100073 : encodeI(Opcode.JALR, 0, 1, rd, 0); // C.EBREAK, C.JALR
    }
    if (row == 6) return encodeS(2, 2, rs2, field(c, 9, 15) << 2 | field(c, 7, 3) << 6); // C.SWSP
    if (row == 7) return encodeS(3, 2, rs2, field(c, 10, 7) << 3 | field(c, 7, 7) << 6); // C.SDSP
    return 0;
}

function field(uint256 c, uint256 lowest, uint256 mask) pure returns (uint256) {
    return (c >> lowest) & mask;
}

/// From the given sign bit upwards, to 256 bits; the encoders below take the bits that they have room for.
function signExtend(uint256 value, uint256 signBit) pure returns (uint256) {
    return (value >> signBit) & 1 == 0 ? value : value | (type(uint256).max << signBit);
}

function encodeR(uint256 opcode, uint256 funct7, uint256 funct3, uint256 rd, uint256 rs1, uint256 rs2)
    pure
    returns (uint32)
{
    return uint32(funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode);
}

function encodeI(uint256 opcode, uint256 funct3, uint256 rd, uint256 rs1, uint256 immediate) pure returns (uint32) {
    return uint32(immediate << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode);
}

function encodeS(uint256 funct3, uint256 rs1, uint256 rs2, uint256 immediate) pure returns (uint32) {
    return uint32((immediate >> 5) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (immediate & 31) << 7 | Opcode.STORE);
}

function encodeB(uint256 funct3, uint256 rs1, uint256 rs2, uint256 immediate) pure returns (uint32) {
    return uint32(
        field(immediate, 12, 1) << 31 | field(immediate, 5, 63) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12
            | field(immediate, 1, 15) << 8 | field(immediate, 11, 1) << 7 | Opcode.BRANCH
    );
}

function encodeU(uint256 opcode, uint256 rd, uint256 immediate) pure returns (uint32) {
    return uint32(immediate << 12 | rd << 7 | opcode);
}

function encodeJ(uint256 rd, uint256 immediate) pure returns (uint32) {
    return uint32(
        field(immediate, 20, 1) << 31 | field(immediate, 1, 1023) << 21 | field(immediate, 11, 1) << 20
            | field(immediate, 12, 255) << 12 | rd << 7 | Opcode.JAL
    );
}
