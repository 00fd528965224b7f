// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DefaultSibling, MaskOutOfRange, RootMismatch, zeroRoots} from "../../src/machine/QuadProof.sol";
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
        // Their paths part above height 1.
        (m.x[5], m.x[6]) = (0x7c, 0xffeeddccbbaa9988);
        m.poke(0x78, 0x1122334455667788, 8);
        m.poke(0xa0, 0x1122334455667788, 8);
        m.poke(0x1000, 0x1122334455667788, 8);
        m.text(0x0062b023); // SD x6, 0(x5)
        root = m.root();
        witness = bytes.concat(m.item(), m.fetch(), m.access(0x7c), m.accessNext(0x80));
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
        assertSame(refuses(m.root(), bytes.concat(m.closed(), hex"00")), WitnessTooLong.selector);
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
        // Of the machine, what decides whether there is a fetch and where may be refused as the wrong length or path.
        if (place > 32 && place < 288 + 32) assertSame(name, OpeningMismatch.selector);
        vm.assertTrue(
            name == OpeningMismatch.selector || name == RootMismatch.selector || name == MaskOutOfRange.selector
                || name == WitnessTooShort.selector || name == WitnessTooLong.selector
                || name == DefaultSibling.selector
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
            changed[327 - bit / 8] |= bytes1(uint8(1 << (bit % 8)));
            assertSame(refuses(root, changed), MaskOutOfRange.selector);
        }
    }

    /// A sibling that equals its default may not be present (spec 2.2.3): at each place of the fetch and of a load.
    function testPresentDefault() external view {
        TestMachine memory m;
        (m.pc, m.stepsLeft) = (0, 10);
        m.text(0x00003003); // LD x0, 0(x0)
        bytes memory fetched = m.fetch();
        bytes memory loaded = m.access(0);
        // D of the load's point of view is no sibling in its quarter: both proofs are without siblings.
        vm.assertEq(fetched.length, 40);
        vm.assertEq(loaded.length, 40);
        _verifier.step(m.root(), bytes.concat(m.item(), fetched, loaded));
        for (uint256 bit = 0; bit < 42; bit++) {
            bytes memory padded = padWith(fetched, bit);
            assertSame(refuses(m.root(), bytes.concat(m.item(), padded, loaded)), DefaultSibling.selector);
            if (bit >= 39) continue;
            padded = padWith(loaded, bit);
            assertSame(refuses(m.root(), bytes.concat(m.item(), fetched, padded)), DefaultSibling.selector);
        }
    }

    /// The access with one sibling that its mask had left out.
    function padWith(bytes memory access, uint256 bit) private pure returns (bytes memory padded) {
        padded = bytes.concat(access, SparseTree.empty(bit / 3));
        padded[39 - bit / 8] = bytes1(uint8(1 << (bit % 8)));
    }

    /// All three siblings of a level, one of them the default.
    function testPresentDefaultAmongThree() external view {
        TestMachine memory m;
        (m.pc, m.stepsLeft) = (0, 10);
        m.text(0x0000006f);
        m.poke(0x1_8000_0020, 1, 1);
        m.poke(0x1_8000_0060, 1, 1);
        bytes memory fetched = m.fetch();
        vm.assertEq(fetched.length, 104);
        bytes memory padded = bytes.concat(prefix(fetched, 72), bytes32(0), suffix(fetched, 72));
        padded[39] |= 0x02;
        assertSame(refuses(m.root(), bytes.concat(m.item(), padded)), DefaultSibling.selector);
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

    function suffix(bytes memory whole, uint256 start) private pure returns (bytes memory part) {
        part = new bytes(whole.length - start);
        for (uint256 i = 0; i < part.length; i++) {
            part[i] = whole[start + i];
        }
    }
}
