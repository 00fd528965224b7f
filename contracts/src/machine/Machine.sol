// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {QuadProof, RootMismatch, ZeroRoots, quad, takeAccess, zeroRoots} from "./QuadProof.sol";
import {OpeningMismatch, Witness} from "./Witness.sol";

// The height of the memory tree (spec 2.3.1).
uint256 constant MEMORY_HEIGHT = 14;

/// A machine under a step (spec 1.1, 3.1.3). Registers stay in calldata: a step reads up to three and writes one.
struct Machine {
    bytes32 memoryRoot;
    uint64 pc;
    uint64 stepsLeft;
    uint64 reservation;
    uint8 status;
    uint32 exitCode;
    /// Where the next instruction is, unless this one stops the machine.
    uint64 next;
    /// Calldata offset of x0; x1 is 8 bytes further.
    uint256 registers;
    bytes32 lowRegisters;
    bytes32 highRegisters;
    /// The accesses that are still to come.
    Witness witness;
    ZeroRoots zeros;
}

using {takeAccess} for Witness;
using {x, root, access, replace, read, write} for Machine global;

/// The machine item, spec 3.1.3: it must hash to `expected`.
function takeMachine(Witness self, bytes32 expected) pure returns (Machine memory machine) {
    (uint256 offset, Witness rest) = self.take(320);
    uint256 control;
    bytes32 memoryRoot;
    bytes32 low;
    bytes32 high;
    // Assembly to hash the registers from calldata behind the free memory pointer, without allocating.
    assembly ("memory-safe") {
        memoryRoot := calldataload(offset)
        control := calldataload(add(offset, 0x20))
        let buffer := mload(0x40)
        calldatacopy(buffer, add(offset, 0x40), 0x80)
        low := keccak256(buffer, 0x80)
        calldatacopy(buffer, add(offset, 0xc0), 0x80)
        high := keccak256(buffer, 0x80)
    }
    if (quad(memoryRoot, low, high, bytes32(control)) != expected) revert OpeningMismatch();
    uint256 fields = swapLanes(control);
    machine.memoryRoot = memoryRoot;
    machine.pc = uint64(fields >> 192);
    machine.stepsLeft = uint64(fields >> 128);
    machine.reservation = uint64(fields >> 64);
    machine.exitCode = uint32(fields >> 32);
    machine.status = uint8(fields);
    machine.registers = offset + 64;
    machine.lowRegisters = low;
    machine.highRegisters = high;
    machine.witness = rest;
    machine.zeros = zeroRoots();
}

/// The value of register `name`, below 32.
function x(Machine memory self, uint256 name) pure returns (uint64) {
    uint256 offset = self.registers;
    uint256 lane;
    // Assembly because Solidity has no calldataload at a computed offset.
    assembly ("memory-safe") {
        lane := shr(192, calldataload(add(offset, shl(3, name))))
    }
    return uint64(swapLanes(lane));
}

/// spec 2.3.2, with `value` in register `rd`; rd = 0 leaves the registers as they are (spec 1.1.1).
function root(Machine memory self, uint256 rd, uint64 value) pure returns (bytes32) {
    bytes32 low = self.lowRegisters;
    bytes32 high = self.highRegisters;
    if (rd != 0) {
        uint256 group = self.registers + ((rd & 16) << 3);
        uint256 lane = swapLanes(value);
        bytes32 hash;
        // Assembly to change eight of the group's 128 bytes behind the free memory pointer.
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            calldatacopy(buffer, group, 0x80)
            let word := add(buffer, shl(5, and(shr(2, rd), 3)))
            let shift := sub(192, shl(6, and(rd, 3)))
            mstore(word, or(and(mload(word), not(shl(shift, 0xffffffffffffffff))), shl(shift, lane)))
            hash := keccak256(buffer, 0x80)
        }
        if (rd < 16) low = hash;
        else high = hash;
    }
    return quad(
        self.memoryRoot, low, high, controlWord(self.pc, self.stepsLeft, self.reservation, self.status, self.exitCode)
    );
}

/// spec 1.3.1
function controlWord(uint64 pc, uint64 stepsLeft, uint64 reservation, uint8 status, uint32 exitCode)
    pure
    returns (bytes32)
{
    return bytes32(
        swapLanes(
            uint256(pc) << 192 | uint256(stepsLeft) << 128 | uint256(reservation) << 64 | uint256(exitCode) << 32
                | status
        )
    );
}

/// The word at an index of the memory tree and its proof: the next access of the witness (spec 3.1.2).
function access(Machine memory self, uint256 index) pure returns (bytes32 word, QuadProof proof) {
    (word, proof, self.witness) = self.witness.takeAccess(MEMORY_HEIGHT);
    if (proof.stateRoot(word, index, MEMORY_HEIGHT, self.zeros) != self.memoryRoot) revert RootMismatch();
}

/// Writes the word that was just accessed (spec 3.1.2).
function replace(Machine memory self, uint256 index, QuadProof proof, bytes32 word) pure {
    self.memoryRoot = proof.stateRoot(word, index, MEMORY_HEIGHT, self.zeros);
}

/// The `size` bytes at a tree address, little-endian, in the low bytes of the result; the bytes above are of no meaning.
/// Reads a second word when the access crosses into it (spec 3.2.3).
function read(Machine memory self, uint256 treeAddress, uint256 size) pure returns (uint64) {
    uint256 index = treeAddress >> 5;
    uint256 offset = treeAddress & 31;
    (bytes32 word,) = self.access(index);
    uint256 window = uint256(word) << (8 * offset);
    if (offset + size > 32) {
        (word,) = self.access(index + 1);
        window |= uint256(word) >> (256 - 8 * offset);
    }
    return uint64(swapLanes(window >> 192));
}

/// Writes the low `size` bytes of `value`, little-endian, at a tree address. Writes a second word when the access
/// crosses into it, proven against the root after the first write (spec 3.2.4).
function write(Machine memory self, uint256 treeAddress, uint256 size, uint64 value) pure {
    uint256 index = treeAddress >> 5;
    uint256 offset = treeAddress & 31;
    (uint256 bytes_, uint256 mask) = littleEndian(value, size);
    (bytes32 word, QuadProof proof) = self.access(index);
    self.replace(index, proof, splice(word, bytes_ >> (8 * offset), mask >> (8 * offset)));
    if (offset + size > 32) {
        uint256 back = 256 - 8 * offset;
        (word, proof) = self.access(index + 1);
        self.replace(index + 1, proof, splice(word, bytes_ << back, mask << back));
    }
}

/// The low `size` bytes of `value` as the first bytes of a word, and the mask of those bytes.
function littleEndian(uint64 value, uint256 size) pure returns (uint256 bytes_, uint256 mask) {
    mask = ~(type(uint256).max >> (8 * size));
    bytes_ = (swapLanes(value) << 192) & mask;
}

/// `word` with the bytes under `mask` replaced.
function splice(bytes32 word, uint256 bytes_, uint256 mask) pure returns (bytes32) {
    return bytes32((uint256(word) & ~mask) | bytes_);
}

/// Reverses the bytes of each of the four doublewords in a word: between EVM integers and little-endian fields.
function swapLanes(uint256 v) pure returns (uint256) {
    v = ((v >> 8) & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)
        | ((v & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff) << 8);
    v = ((v >> 16) & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
        | ((v & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff) << 16);
    return ((v >> 32) & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff)
        | ((v & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff) << 32);
}
