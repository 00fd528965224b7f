// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Witness} from "./Witness.sol";

/// A proof's mask has a bit at or above three times the tree's height (spec 3.4).
error MaskOutOfRange();
/// A proof carries a sibling that is the default of its place, which the mask should leave out (spec 2.2.3).
error DefaultSibling();
/// A leaf and its proof do not give the tree's root (spec 3.4).
error RootMismatch();
/// An append finds a leaf that is not zero (spec 3.4).
error LeafNotEmpty();

/// spec 2.1.1
function quad(bytes32 c0, bytes32 c1, bytes32 c2, bytes32 c3) pure returns (bytes32 node) {
    // Assembly to hash behind the free memory pointer: abi.encode would allocate.
    assembly ("memory-safe") {
        let buffer := mload(0x40)
        mstore(buffer, c0)
        mstore(add(buffer, 0x20), c1)
        mstore(add(buffer, 0x40), c2)
        mstore(add(buffer, 0x60), c3)
        node := keccak256(buffer, 0x80)
    }
}

/// Z(0) … Z(19), the roots of empty trees (spec 2.1.2), in memory: the memory address of the first. Storing all twenty
/// costs 300 gas; hashing those that one proof needs costs more than 1,000.
type ZeroRoots is uint256;

using {zero, from} for ZeroRoots global;

/// Z(height), height below 20.
function zero(ZeroRoots self, uint256 height) pure returns (bytes32 value) {
    // Assembly to read the table by address: a memory array would check bounds on every read.
    assembly ("memory-safe") {
        value := mload(add(self, shl(5, height)))
    }
}

/// The table for the proof of a subtree: its first sibling has this height (spec 2.2.4).
function from(ZeroRoots self, uint256 height) pure returns (ZeroRoots) {
    return ZeroRoots.wrap(ZeroRoots.unwrap(self) + 32 * height);
}

/// Z(0) … Z(13), the ones that a proof in the memory tree needs.
function memoryZeroRoots() pure returns (ZeroRoots zeros) {
    // Assembly to write constants straight into allocated memory: room for twenty words, and the free memory pointer
    // moves on.
    assembly ("memory-safe") {
        zeros := mload(0x40)
        mstore(0x40, add(zeros, 0x280))
        mstore(add(zeros, 0x000), 0x0000000000000000000000000000000000000000000000000000000000000000)
        mstore(add(zeros, 0x020), 0x012893657d8eb2efad4de0a91bcd0e39ad9837745dec3ea923737ea803fc8e3d)
        mstore(add(zeros, 0x040), 0x6bf8f5aaf730b8154299a437989510cbc3cbc7b9f22cf1f131ba964fe8e3b1b3)
        mstore(add(zeros, 0x060), 0xa3e6dd91ba17622b36a56f037b348237418309fcb66bc2f50405e5a1df5fffc4)
        mstore(add(zeros, 0x080), 0xa84090a0a0508a4cf1118482d81d4d8483cdec1a96bb70d8f987c4c31d7f812c)
        mstore(add(zeros, 0x0a0), 0x134bf2e5ed73f056f0ce0ab282062feb70e10daacac5635e450ba8facb3514cf)
        mstore(add(zeros, 0x0c0), 0x647332d2816fecf77ddb72bbe5b6bef202de2dff6e8d24d74ba928905872fba3)
        mstore(add(zeros, 0x0e0), 0xc03949ebfba6b0c70ba08c119e1dd383ddec7fe17f459c7c9b87309992c0f5d2)
        mstore(add(zeros, 0x100), 0xc4903947b33fa763cd37242a4b5a6ad871401b0adcab11420dd1eac47321d89f)
        mstore(add(zeros, 0x120), 0x860b2595badf14a5948d7680e2e0cd57e4dffedb4b3f64dcc405a1619c6ff64d)
        mstore(add(zeros, 0x140), 0x9a99780c8d2b0ad5d9dbfd3b93d1a0117ae7c9340e3c686b75160d679ac0adbc)
        mstore(add(zeros, 0x160), 0x468efc9ae4b12201c98ab45c855543ce5a154f9ee82e8c234a7d58d65bd53dd3)
        mstore(add(zeros, 0x180), 0xe37f14c4c01588dbc6e0a2a70a5f2bae599a62ea1c5dbf11e71c2f447b9b103c)
        mstore(add(zeros, 0x1a0), 0x4b369cf4cc0ed138a6612921487f3aaee761e9c089060e75753e2cf855e9cfd2)
    }
}

function zeroRoots() pure returns (ZeroRoots zeros) {
    zeros = memoryZeroRoots();
    // Assembly for the rest, into the room that is left.
    assembly ("memory-safe") {
        mstore(add(zeros, 0x1c0), 0x95a3bbf10bcbad34c0197a048d27201ca4e7af9103c49cc31e4a288c939ca8cb)
        mstore(add(zeros, 0x1e0), 0x8c6a1d7bc4e13f43b56cbcbc6536834d404172cc5a807f912a054ce0e18ae166)
        mstore(add(zeros, 0x200), 0x7e7b6055cf98e1f11e73d255568d365db03e1ec0ebfc0f43e75ec2136e76dad9)
        mstore(add(zeros, 0x220), 0xdfda855e1dcddf365eafb19890f584470b4ac22f19c04edddc297d22b5971d38)
        mstore(add(zeros, 0x240), 0x9ba1845d8755d1c8d926f5df77363d2ff3283106bf3a9f6bf5f28edf217a2436)
        mstore(add(zeros, 0x260), 0x15257f6d004432381c0020456808091254992de59013fe92376c8c8a514f2ea4)
    }
}

/// The siblings of a leaf (spec 2.2.2), unread in calldata: the offset of the first in bits 0–127, the mask in bits
/// 128–191. It says nothing about which leaf: the index comes from the transition.
type QuadProof is uint256;

using {stateRoot, traceRoot, siblingAt, above} for QuadProof global;
using {takeProof, takeSiblings} for Witness;

/// A proof in a tree of the given height, at most 21.
function takeProof(Witness self, uint256 height) pure returns (QuadProof proof, Witness rest) {
    uint256 offset;
    (offset, rest) = self.take(8);
    return rest.takeSiblings(offset, height);
}

/// The siblings that the mask at a calldata offset announces.
function takeSiblings(Witness self, uint256 maskOffset, uint256 height) pure returns (QuadProof proof, Witness rest) {
    uint256 mask;
    // Assembly because Solidity has no calldataload at a computed offset.
    assembly ("memory-safe") {
        mask := shr(192, calldataload(maskOffset))
    }
    if (mask >> (3 * height) != 0) revert MaskOutOfRange();
    uint256 offset;
    (offset, rest) = self.take(32 * countOnes(mask));
    proof = QuadProof.wrap(offset | mask << 128);
}

/// An access, spec 3.1.2: a leaf and its proof, not yet compared with a root.
function takeAccess(Witness self, uint256 height) pure returns (bytes32 leaf, QuadProof proof, Witness rest) {
    uint256 offset;
    (offset, rest) = self.take(40);
    // Assembly because Solidity has no calldataload at a computed offset.
    assembly ("memory-safe") {
        leaf := calldataload(offset)
    }
    (proof, rest) = rest.takeSiblings(offset + 32, height);
}

/// The root that the proof gives a leaf of a state tree (spec 2.2.2): an absent sibling is an empty tree of its height.
/// `index` is taken modulo 4^height, and siblings above `height` are left alone.
function stateRoot(QuadProof self, bytes32 leaf, uint256 index, uint256 height, ZeroRoots zeros)
    pure
    returns (bytes32 root)
{
    bool isMinimal;
    // Assembly because this loop is most of a step's gas. The children of each node are laid out in the first 128 bytes
    // of memory, whose addresses are constants: the free memory pointer and the zero word in them are put back at the
    // end. The siblings of a level come first, then those from the path's own place on move up by one. They come
    // straight from calldata, whose bounds takeProof has checked. Behind the bits of the top level the mask has a one:
    // when that alone is left, the root is reached.
    assembly ("memory-safe") {
        let free := mload(0x40)
        let sibling := and(self, 0xffffffffffffffffffffffffffffffff)
        let top := shl(mul(3, height), 1)
        let mask := or(and(shr(128, self), sub(top, 1)), top)
        let defaults := 0
        index := shl(5, index)
        root := leaf
        for {} 1 {} {
            for {} iszero(and(mask, 7)) {} {
                let absent := mload(zeros)
                mstore(0x00, absent)
                mstore(0x20, absent)
                mstore(0x40, absent)
                mstore(0x60, absent)
                mstore(and(index, 0x60), root)
                root := keccak256(0x00, 0x80)
                zeros := add(zeros, 0x20)
                index := shr(2, index)
                mask := shr(3, mask)
            }
            if eq(mask, 1) { break }
            let absent := mload(zeros)
            switch and(mask, 7)
            case 7 {
                calldatacopy(0x00, sibling, 0x60)
                sibling := add(sibling, 0x60)
                defaults := or(
                    defaults,
                    or(or(eq(mload(0x00), absent), eq(mload(0x20), absent)), eq(mload(0x40), absent))
                )
            }
            default {
                mstore(0x00, absent)
                mstore(0x20, absent)
                mstore(0x40, absent)
                if and(mask, 1) {
                    let value := calldataload(sibling)
                    mstore(0x00, value)
                    sibling := add(sibling, 0x20)
                    defaults := or(defaults, eq(value, absent))
                }
                if and(mask, 2) {
                    let value := calldataload(sibling)
                    mstore(0x20, value)
                    sibling := add(sibling, 0x20)
                    defaults := or(defaults, eq(value, absent))
                }
                if and(mask, 4) {
                    let value := calldataload(sibling)
                    mstore(0x40, value)
                    sibling := add(sibling, 0x20)
                    defaults := or(defaults, eq(value, absent))
                }
            }
            let own := and(index, 0x60)
            mcopy(add(own, 0x20), own, sub(0x60, own))
            mstore(own, root)
            root := keccak256(0x00, 0x80)
            zeros := add(zeros, 0x20)
            index := shr(2, index)
            mask := shr(3, mask)
        }
        mstore(0x40, free)
        mstore(0x60, 0)
        isMinimal := iszero(defaults)
    }
    if (!isMinimal) revert DefaultSibling();
}

/// A sibling in a state tree: number `place`, 0 to 2, of those at `level`.
function siblingAt(QuadProof self, uint256 level, uint256 place, ZeroRoots zeros) pure returns (bytes32 value) {
    uint256 raw = QuadProof.unwrap(self);
    uint256 bit = 3 * level + place;
    if ((raw >> (128 + bit)) & 1 == 0) return zeros.zero(level);
    // Masked so that the sum is over the siblings before this one.
    uint256 offset = uint128(raw) + 32 * countOnes((raw >> 128) & ((1 << bit) - 1));
    // Assembly because Solidity has no calldataload at a computed offset.
    assembly ("memory-safe") {
        value := calldataload(offset)
    }
}

/// The part of the proof from `level` on: the proof of the path's node there (spec 2.2.4).
function above(QuadProof self, uint256 level) pure returns (QuadProof) {
    uint256 raw = QuadProof.unwrap(self);
    uint256 mask = raw >> 128;
    uint256 offset = uint128(raw) + 32 * countOnes(mask & ((1 << (3 * level)) - 1));
    return QuadProof.wrap(offset | (mask >> (3 * level)) << 128);
}

/// The root that the proof gives a leaf of a trace (spec 2.2.2): an absent sibling equals the path node beside it.
/// `index` is taken modulo 4^height.
function traceRoot(QuadProof self, bytes32 leaf, uint256 index, uint256 height) pure returns (bytes32 root) {
    // Assembly for the same reason as in stateRoot, and laid out in the same way.
    assembly ("memory-safe") {
        let free := mload(0x40)
        let sibling := and(self, 0xffffffffffffffffffffffffffffffff)
        let top := shl(mul(3, height), 1)
        let mask := or(and(shr(128, self), sub(top, 1)), top)
        index := shl(5, index)
        root := leaf
        for {} 1 {} {
            for {} iszero(and(mask, 7)) {} {
                mstore(0x00, root)
                mstore(0x20, root)
                mstore(0x40, root)
                mstore(0x60, root)
                root := keccak256(0x00, 0x80)
                index := shr(2, index)
                mask := shr(3, mask)
            }
            if eq(mask, 1) { break }
            switch and(mask, 7)
            case 7 {
                calldatacopy(0x00, sibling, 0x60)
                sibling := add(sibling, 0x60)
            }
            default {
                mstore(0x00, root)
                mstore(0x20, root)
                mstore(0x40, root)
                if and(mask, 1) {
                    mstore(0x00, calldataload(sibling))
                    sibling := add(sibling, 0x20)
                }
                if and(mask, 2) {
                    mstore(0x20, calldataload(sibling))
                    sibling := add(sibling, 0x20)
                }
                if and(mask, 4) {
                    mstore(0x40, calldataload(sibling))
                    sibling := add(sibling, 0x20)
                }
            }
            let own := and(index, 0x60)
            mcopy(add(own, 0x20), own, sub(0x60, own))
            mstore(own, root)
            root := keccak256(0x00, 0x80)
            index := shr(2, index)
            mask := shr(3, mask)
        }
        mstore(0x40, free)
        mstore(0x60, 0)
    }
}

/// The number of ones in a mask of 64 bits.
function countOnes(uint256 x) pure returns (uint256) {
    // Unchecked because the sums of each width fit their fields (the usual parallel count).
    unchecked {
        x -= (x >> 1) & 0x5555555555555555;
        x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333);
        x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
        return ((x * 0x0101010101010101) >> 56) & 0xff;
    }
}
