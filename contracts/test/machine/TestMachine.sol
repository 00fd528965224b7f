// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Leaves, SparseTree} from "./SparseTree.sol";

/// A machine that tests build, step by hand and hash, written from spec 1 and 2 alone.
struct TestMachine {
    Leaves leaves;
    uint64[32] x;
    uint64 pc;
    uint64 stepsLeft;
    uint64 reservation;
    uint8 status;
    uint32 exitCode;
}

using MachineOfTest for TestMachine global;

library MachineOfTest {
    using SparseTree for Leaves;

    uint256 internal constant TEXT = 0x1_8000_0000;

    /// Puts the low `size` bytes of `value` at a tree address.
    function poke(TestMachine memory self, uint256 treeAddress, uint64 value, uint256 size) internal pure {
        for (uint256 i = 0; i < size; i++) {
            uint256 place = treeAddress + i;
            uint256 shift = 248 - 8 * (place % 32);
            uint256 word = uint256(self.leaves.get(place / 32));
            word = (word & ~(uint256(0xff) << shift)) | (((uint256(value) >> (8 * i)) & 0xff) << shift);
            self.leaves.set(place / 32, bytes32(word));
        }
    }

    /// Puts an instruction at pc.
    function text(TestMachine memory self, uint32 instruction) internal pure returns (TestMachine memory) {
        poke(self, TEXT + self.pc, instruction, instruction & 3 == 3 ? 4 : 2);
        return self;
    }

    function memoryRoot(TestMachine memory self) internal pure returns (bytes32) {
        return self.leaves.node(14, 0);
    }

    function registers(TestMachine memory self, uint256 first) internal pure returns (bytes memory group) {
        for (uint256 i = first; i < first + 16; i++) {
            group = bytes.concat(group, little(self.x[i], 8));
        }
    }

    function control(TestMachine memory self) internal pure returns (bytes32) {
        bytes memory fields = bytes.concat(little(self.pc, 8), little(self.stepsLeft, 8), little(self.reservation, 8));
        return bytes32(abi.encodePacked(fields, self.status, bytes3(0), little(self.exitCode, 4)));
    }

    function root(TestMachine memory self) internal pure returns (bytes32) {
        bytes32 low = keccak256(registers(self, 0));
        bytes32 high = keccak256(registers(self, 16));
        return keccak256(abi.encode(memoryRoot(self), low, high, control(self)));
    }

    /// The machine item of a witness (spec 3.1.3).
    function item(TestMachine memory self) internal pure returns (bytes memory) {
        return abi.encodePacked(control(self), registers(self, 0), registers(self, 16));
    }

    /// The machine and its memory root, for a step that does not open the memory (spec 3.1.4).
    function closed(TestMachine memory self) internal pure returns (bytes memory) {
        return abi.encodePacked(item(self), memoryRoot(self));
    }

    /// The access to the word of a tree address, in its quarter of the memory (spec 3.1.5).
    function access(TestMachine memory self, uint256 treeAddress) internal pure returns (bytes memory) {
        return self.leaves.access(treeAddress / 32, 13);
    }

    /// The access to the word of a tree address that follows one to the word before it (spec 3.1.6).
    function accessNext(TestMachine memory self, uint256 treeAddress) internal pure returns (bytes memory) {
        uint256 index = treeAddress / 32;
        uint256 height = 0;
        while (index % 4 ** (height + 1) == 0) {
            height++;
        }
        return height == 0 ? bytes("") : self.leaves.access(index, height);
    }

    function fetch(TestMachine memory self) internal pure returns (bytes memory) {
        return self.leaves.access((TEXT + self.pc) / 32, 14);
    }

    function little(uint64 value, uint256 size) internal pure returns (bytes memory result) {
        for (uint256 i = 0; i < size; i++) {
            result = bytes.concat(result, bytes1(uint8(value >> (8 * i))));
        }
    }
}
