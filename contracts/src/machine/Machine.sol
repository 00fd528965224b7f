// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MachineStatus} from "./MachineStatus.sol";
import {DefaultSibling, QuadProof, RootMismatch, ZeroRoots, memoryZeroRoots, quad, takeAccess} from "./QuadProof.sol";
import {OpeningMismatch, Witness} from "./Witness.sol";

// The height of the memory tree (spec 2.3.1).
uint256 constant MEMORY_HEIGHT = 14;
// The height of A to D, the four quarters of memory (spec 2.3.3).
uint256 constant QUARTER_HEIGHT = 13;

/// A machine under a step (spec 1.1, 3.1.3).
struct Machine {
    /// The quarters of memory, and that they are the first four fields: `quarter` and `hashMemory` count on it.
    bytes32 a;
    bytes32 b;
    bytes32 c;
    bytes32 d;
    /// The children of the machine root (spec 2.3.2), and that they are the next four: `root` counts on it. Of the control
    /// word the upper half, pc and steps left, is put in at the end.
    bytes32 memoryRoot;
    bytes32 lowRegisters;
    bytes32 highRegisters;
    uint256 control;
    /// The next four are kept in whole words, which need no masking: below 2^64, the status below 2^8.
    uint256 pc;
    uint256 stepsLeft;
    uint256 status;
    /// Where the next instruction is, unless this one stops the machine.
    uint256 next;
    /// A memory address: 24 bytes before x0, so that the word at `registers + 8n` ends in xn.
    uint256 registers;
    /// The accesses that are still to come.
    Witness witness;
    ZeroRoots zeros;
}

using {takeAccess} for Witness;
using {
    x,
    xx,
    root,
    rootAfter,
    halt,
    exitCode,
    reservation,
    reserve,
    takeMemoryRoot,
    fetchWord,
    access,
    accessNext,
    replace,
    replaceBoth,
    quarter,
    setQuarter,
    read,
    write
} for Machine global;

/// The machine item, spec 3.1.3: nothing is held against a root yet, and the memory root is not known.
function takeMachine(Witness self) pure returns (Machine memory machine) {
    (uint256 offset, Witness rest) = self.take(288);
    uint256 control;
    bytes32 low;
    bytes32 high;
    uint256 registers;
    // Assembly to copy the registers to memory as they are and to hash them there. The memory for them is allocated.
    assembly ("memory-safe") {
        control := calldataload(offset)
        registers := mload(0x40)
        mstore(0x40, add(registers, 0x100))
        calldatacopy(registers, add(offset, 0x20), 0x100)
        low := keccak256(registers, 0x80)
        high := keccak256(add(registers, 0x80), 0x80)
        registers := sub(registers, 24)
    }
    uint256 fields = swapLanes(control);
    machine.lowRegisters = low;
    machine.highRegisters = high;
    machine.control = control;
    machine.pc = fields >> 192;
    machine.stepsLeft = uint64(fields >> 128);
    machine.status = uint8(fields);
    machine.registers = registers;
    machine.witness = rest;
    machine.zeros = memoryZeroRoots();
}

/// The memory root of a machine whose memory is not opened, after which the machine must hash to `expected` (spec 3.1.4).
function takeMemoryRoot(Machine memory self, bytes32 expected) pure {
    uint256 offset;
    (offset, self.witness) = self.witness.take(32);
    bytes32 memoryRoot;
    // Assembly because Solidity has no calldataload at a computed offset.
    assembly ("memory-safe") {
        memoryRoot := calldataload(offset)
    }
    self.memoryRoot = memoryRoot;
    if (self.root() != expected) revert OpeningMismatch();
}

/// The value of register `name`, below 32.
function x(Machine memory self, uint256 name) pure returns (uint64 value) {
    (value,) = self.xx(name, 0);
}

/// The values of two registers, which cost less together.
function xx(Machine memory self, uint256 name, uint256 other) pure returns (uint64, uint64) {
    uint256 registers = self.registers;
    uint256 lanes;
    // Assembly to read at an address: 64 bits of each word are the register.
    assembly ("memory-safe") {
        lanes := and(mload(add(registers, shl(3, other))), 0xffffffffffffffff)
        lanes := or(lanes, shl(64, mload(add(registers, shl(3, name)))))
    }
    lanes = swapLanes(lanes);
    return (uint64(lanes >> 64), uint64(lanes));
}

/// spec 2.3.2
function root(Machine memory self) pure returns (bytes32 hash) {
    // Assembly to hash four fields where they are.
    assembly ("memory-safe") {
        hash := keccak256(add(self, 0x80), 0x80)
    }
}

/// The machine root after the step, with `value` in register `rd`; rd = 0 leaves the registers as they are (spec 1.1.1).
function rootAfter(Machine memory self, uint256 rd, uint64 value) pure returns (bytes32) {
    uint256 lanes = swapLanes(self.pc << 192 | self.stepsLeft << 128 | uint256(value));
    self.control = (lanes >> 128) << 128 | uint128(self.control) | self.status << 56;
    if (rd != 0) {
        uint256 registers = self.registers;
        bytes32 hash;
        // Assembly to replace the last 64 bits of the word that ends in the register, and to hash its group in place.
        assembly ("memory-safe") {
            let place := add(registers, shl(3, rd))
            mstore(place, or(and(mload(place), not(0xffffffffffffffff)), and(lanes, 0xffffffffffffffff)))
            hash := keccak256(add(add(registers, 24), shl(3, and(rd, 16))), 0x80)
        }
        if (rd < 16) self.lowRegisters = hash;
        else self.highRegisters = hash;
    }
    return self.root();
}

/// The control word's last field (spec 1.3.1).
function exitCode(Machine memory self) pure returns (uint32) {
    return uint32(swapLanes(self.control) >> 32);
}

/// spec 1.6.2
function halt(Machine memory self, uint32 code) pure {
    self.status = MachineStatus.HALTED;
    self.control = (self.control & ~uint256(type(uint32).max)) | swapLanes(uint256(code) << 32);
}

/// spec 1.3.1, 1.7.3
function reservation(Machine memory self) pure returns (uint64) {
    return uint64(swapLanes(self.control) >> 64);
}

function reserve(Machine memory self, uint64 value) pure {
    self.control = (self.control & ~(uint256(type(uint64).max) << 64)) | swapLanes(uint256(value) << 64);
}

/// spec 1.3.1
function controlWord(uint64 pc, uint64 stepsLeft, uint64 reservation_, uint8 status, uint32 exitCode_)
    pure
    returns (bytes32)
{
    return bytes32(
        swapLanes(
            uint256(pc) << 192 | uint256(stepsLeft) << 128 | uint256(reservation_) << 64 | uint256(exitCode_) << 32
                | status
        )
    );
}

// ---- Memory ---------------------------------------------------------------------------------------------------------

/// Quarter `which`, below 4.
function quarter(Machine memory self, uint256 which) pure returns (bytes32 value) {
    // Assembly to read a field by its number.
    assembly ("memory-safe") {
        value := mload(add(self, shl(5, which)))
    }
}

/// Sets quarter `which`, below 4, and the memory root.
function setQuarter(Machine memory self, uint256 which, bytes32 value) pure {
    // Assembly to write a field by its number.
    assembly ("memory-safe") {
        mstore(add(self, shl(5, which)), value)
    }
    hashMemory(self);
}

function hashMemory(Machine memory self) pure {
    bytes32 hash;
    // Assembly to hash four fields where they are.
    assembly ("memory-safe") {
        hash := keccak256(self, 0x80)
    }
    self.memoryRoot = hash;
}

/// The word of text at an index of the memory tree and its proof, from which the memory root and its quarters are known
/// (spec 3.2.2). They are held against the machine root by the caller.
function fetchWord(Machine memory self, uint256 index) pure returns (bytes32 word, QuadProof proof) {
    Witness rest;
    (word, proof, rest) = self.witness.takeAccess(MEMORY_HEIGHT);
    self.witness = rest;
    self.d = proof.stateRoot(word, index, QUARTER_HEIGHT, self.zeros);
    bytes32 absent = self.zeros.zero(QUARTER_HEIGHT);
    uint256 mask = QuadProof.unwrap(proof) >> (128 + 3 * QUARTER_HEIGHT);
    bool isMinimal;
    // Assembly to read the siblings of the top level, the last ones of the proof, into the first three fields.
    assembly ("memory-safe") {
        let ones := add(add(and(mask, 1), and(shr(1, mask), 1)), shr(2, mask))
        let sibling := sub(and(rest, 0xffffffffffffffffffffffffffffffff), shl(5, ones))
        let defaults := 0
        let value := absent
        if and(mask, 1) {
            value := calldataload(sibling)
            sibling := add(sibling, 0x20)
            defaults := eq(value, absent)
        }
        mstore(self, value)
        value := absent
        if and(mask, 2) {
            value := calldataload(sibling)
            sibling := add(sibling, 0x20)
            defaults := or(defaults, eq(value, absent))
        }
        mstore(add(self, 0x20), value)
        value := absent
        if and(mask, 4) {
            value := calldataload(sibling)
            defaults := or(defaults, eq(value, absent))
        }
        mstore(add(self, 0x40), value)
        isMinimal := iszero(defaults)
    }
    if (!isMinimal) revert DefaultSibling();
    hashMemory(self);
}

/// The word at an index of the memory tree and its proof in its quarter: the next access of the witness (spec 3.1.5).
function access(Machine memory self, uint256 index) pure returns (bytes32 word, QuadProof proof) {
    (word, proof, self.witness) = self.witness.takeAccess(QUARTER_HEIGHT);
    if (proof.stateRoot(word, index, QUARTER_HEIGHT, self.zeros) != self.quarter(index >> (2 * QUARTER_HEIGHT))) {
        revert RootMismatch();
    }
}

/// The word behind the one at `index`, which was accessed with `proof` (spec 3.1.6), and its proof below the height at
/// which the two paths meet.
function accessNext(Machine memory self, uint256 index, QuadProof proof)
    pure
    returns (bytes32 word, QuadProof nextProof, uint256 height)
{
    uint256 path = index;
    for (; path & 3 == 3; path >>= 2) {
        height++;
    }
    bytes32 node =
        height == QUARTER_HEIGHT ? self.quarter((path & 3) + 1) : proof.siblingAt(height, path & 3, self.zeros);
    if (height == 0) return (node, nextProof, 0);
    (word, nextProof, self.witness) = self.witness.takeAccess(height);
    if (nextProof.stateRoot(word, 0, height, self.zeros) != node) revert RootMismatch();
}

/// Writes the word that was just accessed (spec 3.1.2).
function replace(Machine memory self, uint256 index, QuadProof proof, bytes32 word) pure {
    bytes32 node = proof.stateRoot(word, index, QUARTER_HEIGHT, self.zeros);
    self.setQuarter(index >> (2 * QUARTER_HEIGHT), node);
}

/// Writes the word at `index` and the one behind it, which were accessed with `proof` and `nextProof` (spec 3.1.6).
function replaceBoth(
    Machine memory self,
    uint256 index,
    QuadProof proof,
    bytes32 word,
    QuadProof nextProof,
    bytes32 nextWord,
    uint256 height
) pure {
    ZeroRoots zeros = self.zeros;
    bytes32 node = proof.stateRoot(word, index, height, zeros);
    bytes32 nextNode = nextProof.stateRoot(nextWord, 0, height, zeros);
    uint256 which = index >> (2 * QUARTER_HEIGHT);
    if (height == QUARTER_HEIGHT) {
        self.setQuarter(which + 1, nextNode);
    } else {
        // The parent of both, and from there on the proof of the first.
        uint256 own = (index >> (2 * height)) & 3;
        bytes32[4] memory children;
        for (uint256 i = 0; i < 4; i++) {
            if (i == own) children[i] = node;
            else if (i == own + 1) children[i] = nextNode;
            else children[i] = proof.siblingAt(height, i < own ? i : i - 1, zeros);
        }
        node = quad(children[0], children[1], children[2], children[3]);
        height++;
        node = proof.above(height).stateRoot(node, index >> (2 * height), QUARTER_HEIGHT - height, zeros.from(height));
    }
    self.setQuarter(which, node);
}

/// The `size` bytes at a tree address, little-endian, in the low bytes of the result; the bytes above are of no meaning.
/// Reads a second word when the access crosses into it (spec 3.2.3).
function read(Machine memory self, uint256 treeAddress, uint256 size) pure returns (uint64) {
    uint256 index = treeAddress >> 5;
    uint256 offset = treeAddress & 31;
    (bytes32 word, QuadProof proof) = self.access(index);
    uint256 window = uint256(word) << (8 * offset);
    if (offset + size > 32) {
        (word,,) = self.accessNext(index, proof);
        window |= uint256(word) >> (256 - 8 * offset);
    }
    return uint64(swapLanes(window >> 192));
}

/// Writes the low `size` bytes of `value`, little-endian, at a tree address. Writes a second word when the access
/// crosses into it (spec 3.2.4).
function write(Machine memory self, uint256 treeAddress, uint256 size, uint64 value) pure {
    uint256 index = treeAddress >> 5;
    uint256 offset = treeAddress & 31;
    (uint256 bytes_, uint256 mask) = littleEndian(value, size);
    (bytes32 word, QuadProof proof) = self.access(index);
    bytes32 written = splice(word, bytes_ >> (8 * offset), mask >> (8 * offset));
    if (offset + size > 32) {
        uint256 back = 256 - 8 * offset;
        (bytes32 nextWord, QuadProof nextProof, uint256 height) = self.accessNext(index, proof);
        self.replaceBoth(index, proof, written, nextProof, splice(nextWord, bytes_ << back, mask << back), height);
    } else {
        self.replace(index, proof, written);
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
