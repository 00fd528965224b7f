// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ZeroRoots} from "../machine/QuadProof.sol";

// A chunk of published data has 4^5 words (spec 5.3.1).
uint256 constant CHUNK_HEIGHT = 5;
uint256 constant CHUNK_BYTES = 32 * 4 ** CHUNK_HEIGHT;

/// The root of the tree of the given height (at most 19) over these bytes, zero-padded; at most 32 * 4^height bytes.
function rootOfBytes(bytes calldata data, uint256 height, ZeroRoots zeros) pure returns (bytes32) {
    uint256 words;
    uint256 scratch;
    // Assembly to copy the data behind the free memory pointer without allocating: what is hashed is not kept.
    assembly ("memory-safe") {
        scratch := mload(0x40)
        words := shr(5, add(data.length, 31))
        calldatacopy(scratch, data.offset, data.length)
        mstore(add(scratch, data.length), 0)
    }
    return rootOfWords(scratch, words, height, zeros);
}

/// The root of the tree of the given height (at most 19) whose first leaves are the `count` words at memory address
/// `words`, the rest zero. The words are overwritten, with up to three more behind them.
function rootOfWords(uint256 words, uint256 count, uint256 height, ZeroRoots zeros) pure returns (bytes32 root) {
    if (count == 0) return zeros.zero(height);
    // Assembly because this is most of the gas of a batch: each node is hashed from where its children stand, and is
    // written at or before the place of its first child. The caller owns the memory or it lies behind the free pointer.
    assembly ("memory-safe") {
        let level := zeros
        let top := add(zeros, shl(5, height))
        for {} and(gt(count, 1), lt(level, top)) { level := add(level, 0x20) } {
            // The last node's missing children: three words at most, of which those behind the padded end are not read.
            let end := add(words, shl(5, count))
            let empty := mload(level)
            mstore(end, empty)
            mstore(add(end, 0x20), empty)
            mstore(add(end, 0x40), empty)
            count := shr(2, add(count, 3))
            end := add(words, shl(7, count))
            let target := words
            for { let source := words } lt(source, end) { source := add(source, 0x80) } {
                mstore(target, keccak256(source, 0x80))
                target := add(target, 0x20)
            }
        }
        // From here on a single node with empty ones beside it: most of the way up for a short input.
        for {} lt(level, top) { level := add(level, 0x20) } {
            let empty := mload(level)
            mstore(add(words, 0x20), empty)
            mstore(add(words, 0x40), empty)
            mstore(add(words, 0x60), empty)
            mstore(words, keccak256(words, 0x80))
        }
        root := mload(words)
    }
}

/// The chunks that a tree is composed of (spec 5.3.2), pairs (index, root) of two words each, one after another in
/// memory, the number of pairs in the word before them.
type ChunkList is uint256;

using {append, length, indexAt, lastIndex, endsBelow, compose} for ChunkList global;

/// Room for `capacity` chunks, none in it.
function newChunkList(uint256 capacity) pure returns (ChunkList list) {
    // Assembly to allocate without writing zeros over the room.
    assembly ("memory-safe") {
        list := mload(0x40)
        mstore(list, 0)
        mstore(0x40, add(list, add(0x20, shl(6, capacity))))
    }
}

/// The list has room for one more, and index is above those before it.
function append(ChunkList self, uint256 index, bytes32 root) pure {
    // Assembly for a memory layout that `compose` can rewrite in place.
    assembly ("memory-safe") {
        let count := mload(self)
        let pair := add(add(self, 0x20), shl(6, count))
        mstore(pair, index)
        mstore(add(pair, 0x20), root)
        mstore(self, add(count, 1))
    }
}

function length(ChunkList self) pure returns (uint256 chunks) {
    // Assembly to read the layout above.
    assembly ("memory-safe") {
        chunks := mload(self)
    }
}

/// The index of chunk i of the list, i below its length.
function indexAt(ChunkList self, uint256 i) pure returns (uint256 index) {
    // Assembly to read the layout above.
    assembly ("memory-safe") {
        index := mload(add(add(self, 0x20), shl(6, i)))
    }
}

/// The list is not empty.
function lastIndex(ChunkList self) pure returns (uint256) {
    return self.indexAt(self.length() - 1);
}

/// Whether all indices are below this one.
function endsBelow(ChunkList self, uint256 index) pure returns (bool) {
    return self.length() == 0 || self.lastIndex() < index;
}

/// The root of a tree of the given height (5 to 19) over its chunks, those not in the list zero. Uses the list up.
function compose(ChunkList self, uint256 height, ZeroRoots zeros) pure returns (bytes32 root) {
    // Assembly to merge in place: at each height the pairs that share a parent become the parent's pair, which is never
    // written after the first of them. The children of a node are laid out behind the free memory pointer.
    assembly ("memory-safe") {
        let children := mload(0x40)
        let pairs := add(self, 0x20)
        let end := add(pairs, shl(6, mload(self)))
        root := mload(add(zeros, shl(5, height)))
        if lt(pairs, end) {
            let top := add(zeros, shl(5, height))
            for { let level := add(zeros, shl(5, CHUNK_HEIGHT)) } lt(level, top) { level := add(level, 0x20) } {
                let empty := mload(level)
                let target := pairs
                for { let source := pairs } lt(source, end) {} {
                    let parent := shr(2, mload(source))
                    mstore(children, empty)
                    mstore(add(children, 0x20), empty)
                    mstore(add(children, 0x40), empty)
                    mstore(add(children, 0x60), empty)
                    for {} lt(source, end) { source := add(source, 0x40) } {
                        let index := mload(source)
                        if iszero(eq(shr(2, index), parent)) { break }
                        mstore(add(children, shl(5, and(index, 3))), mload(add(source, 0x20)))
                    }
                    mstore(target, parent)
                    mstore(add(target, 0x20), keccak256(children, 0x80))
                    target := add(target, 0x40)
                }
                end := target
            }
            root := mload(add(pairs, 0x20))
        }
        mstore(self, 0)
    }
}
