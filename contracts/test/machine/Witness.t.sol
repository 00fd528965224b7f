// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MaskOutOfRange, RootMismatch, zeroRoots} from "../../src/machine/QuadProof.sol";
import {OpeningMismatch, WitnessTooLong, WitnessTooShort} from "../../src/machine/Witness.sol";
import {SparseTree} from "./SparseTree.sol";
import {TestMachine} from "./TestMachine.sol";
import {VerifierTest} from "./VerifierTest.sol";

/// Witnesses that are not what the step asks for are refused with a named error (spec 3.4).
contract WitnessTest is VerifierTest {
    /// A store of eight bytes across two words: machine, fetch, two writes.
    function straddlingStore() private pure returns (bytes32 root, bytes memory witness) {
        TestMachine memory m;
        (m.pc, m.stepsLeft) = (0x1000, 10);
        (m.x[5], m.x[6]) = (0x3c, 0xffeeddccbbaa9988);
        m.poke(0x38, 0x1122334455667788, 8);
        m.poke(0x1000, 0x1122334455667788, 8);
        m.text(0x0062b023); // SD x6, 0(x5)
        root = m.root();
        witness = bytes.concat(m.item(), m.fetch(), m.access(0x3c));
        m.poke(0x3c, m.x[6], 4);
        witness = bytes.concat(witness, m.access(0x40));
    }

    function refuses(bytes32 root, bytes memory witness) private view returns (bytes4) {
        (bool success, bytes memory answer) =
            address(_verifier).staticcall(abi.encodeCall(_verifier.step, (root, witness)));
        vm.assertTrue(!success);
        vm.assertEq(answer.length, 4);
        return bytes4(answer);
    }

    function assertSame(bytes4 a, bytes4 b) private pure {
        vm.assertEq(bytes32(a), bytes32(b));
    }

    function testWholeWitnessIsAccepted() external view {
        (bytes32 root, bytes memory witness) = straddlingStore();
        _verifier.step(root, witness);
    }

    function testTruncatedWitness() external view {
        (bytes32 root, bytes memory witness) = straddlingStore();
        for (uint256 length = 0; length < witness.length; length += length < 400 ? 13 : 37) {
            assertSame(refuses(root, prefix(witness, length)), WitnessTooShort.selector);
        }
        assertSame(refuses(root, prefix(witness, witness.length - 1)), WitnessTooShort.selector);
    }

    function testExtendedWitness() external view {
        (bytes32 root, bytes memory witness) = straddlingStore();
        assertSame(refuses(root, bytes.concat(witness, hex"00")), WitnessTooLong.selector);
    }

    /// A stopped machine reads nothing behind the machine item.
    function testExtendedWitnessOfStoppedMachine() external view {
        TestMachine memory m;
        m.status = 1;
        assertSame(refuses(m.root(), bytes.concat(m.item(), hex"00")), WitnessTooLong.selector);
    }

    /// Each byte changed, in each of several bits: never accepted, always a name.
    function testCorruptedWitness() external view {
        (bytes32 root, bytes memory witness) = straddlingStore();
        for (uint256 i = 0; i < witness.length; i++) {
            this.corrupts(root, witness, i, bytes1(uint8(1 << (i % 8))));
        }
    }

    /// External so that each case starts with empty memory.
    function corrupts(bytes32 root, bytes memory witness, uint256 place, bytes1 bits) external view {
        witness[place] ^= bits;
        bytes4 name = refuses(root, witness);
        if (place < 320) assertSame(name, OpeningMismatch.selector);
        vm.assertTrue(
            name == OpeningMismatch.selector || name == RootMismatch.selector || name == MaskOutOfRange.selector
                || name == WitnessTooShort.selector || name == WitnessTooLong.selector
        );
    }

    function testWrongRoot() external view {
        (bytes32 root, bytes memory witness) = straddlingStore();
        assertSame(refuses(bytes32(uint256(root) ^ 1), witness), OpeningMismatch.selector);
    }

    function testMaskOutOfRange() external view {
        (bytes32 root, bytes memory witness) = straddlingStore();
        // The mask of the fetch is behind the machine and the word; bit 42 is the first of height 14.
        for (uint256 bit = 42; bit < 64; bit++) {
            bytes memory changed = bytes.concat(witness);
            changed[359 - bit / 8] |= bytes1(uint8(1 << (bit % 8)));
            assertSame(refuses(root, changed), MaskOutOfRange.selector);
        }
    }

    /// A sibling that equals its default may be present (spec 2.2.3).
    function testPresentDefault() external view {
        TestMachine memory m;
        (m.pc, m.stepsLeft) = (0, 10);
        m.text(0x0000006f);
        bytes memory fetched = m.fetch();
        vm.assertEq(fetched.length, 40);
        fetched[39] = 0x01;
        bytes32 result = _verifier.step(m.root(), bytes.concat(m.item(), fetched, bytes32(0)));
        m.stepsLeft = 9;
        vm.assertEq(result, m.root());
    }

    function testZeroRoots() external pure {
        for (uint256 height = 0; height < 20; height++) {
            vm.assertEq(zeroRoots().zero(height), SparseTree.empty(height));
            vm.assertEq(zeroRoots().from(height).zero(0), SparseTree.empty(height));
        }
    }

    function prefix(bytes memory whole, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            part[i] = whole[i];
        }
    }
}
