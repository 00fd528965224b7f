// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Quad trees by the words of spec 2.1, over bytes held in memory: a recursion from the root, sharing nothing with src/.
library NaiveTree {
    function zero(uint256 height) internal pure returns (bytes32) {
        if (height == 0) return 0;
        bytes32 below = zero(height - 1);
        return keccak256(abi.encode(below, below, below, below));
    }

    /// The tree of this height over the zero-padded bytes.
    function rootOf(bytes memory data, uint256 height) internal pure returns (bytes32) {
        return nodeOf(data, height, 0);
    }

    function nodeOf(bytes memory data, uint256 height, uint256 index) internal pure returns (bytes32) {
        uint256 first = 32 * index * 4 ** height;
        if (first >= data.length) return zero(height);
        if (height == 0) {
            uint256 word = 0;
            for (uint256 i = 0; i < 32; i++) {
                uint256 value = first + i < data.length ? uint8(data[first + i]) : 0;
                word = word << 8 | value;
            }
            return bytes32(word);
        }
        return keccak256(
            abi.encode(
                nodeOf(data, height - 1, 4 * index),
                nodeOf(data, height - 1, 4 * index + 1),
                nodeOf(data, height - 1, 4 * index + 2),
                nodeOf(data, height - 1, 4 * index + 3)
            )
        );
    }

    /// The tree of this height whose node of height `leafHeight` with index indices[i] is nodes[i], all else zero.
    function composed(
        uint256[] memory indices,
        bytes32[] memory nodes,
        uint256 leafHeight,
        uint256 height,
        uint256 index
    ) internal pure returns (bytes32) {
        uint256 first = index * 4 ** (height - leafHeight);
        uint256 end = (index + 1) * 4 ** (height - leafHeight);
        bool empty = true;
        for (uint256 i = 0; i < indices.length; i++) {
            if (indices[i] < first || indices[i] >= end) continue;
            if (height == leafHeight) return nodes[i];
            empty = false;
        }
        if (empty) return zero(height);
        return keccak256(
            abi.encode(
                composed(indices, nodes, leafHeight, height - 1, 4 * index),
                composed(indices, nodes, leafHeight, height - 1, 4 * index + 1),
                composed(indices, nodes, leafHeight, height - 1, 4 * index + 2),
                composed(indices, nodes, leafHeight, height - 1, 4 * index + 3)
            )
        );
    }

    /// Proof of a node of height `leafHeight` in a tree of this height over words, in the encoding of spec 2.2.2 with the
    /// defaults of state trees.
    function stateProof(bytes memory data, uint256 height, uint256 index) internal pure returns (bytes memory) {
        uint64 mask = 0;
        bytes memory siblings;
        for (uint256 k = 0; k < height; k++) {
            uint256 path = index >> (2 * k);
            uint256 bit = 3 * k;
            for (uint256 j = 0; j < 4; j++) {
                if (j == path % 4) continue;
                bytes32 sibling = nodeOf(data, k, path / 4 * 4 + j);
                if (sibling != zero(k)) {
                    mask |= uint64(1) << uint64(bit);
                    siblings = bytes.concat(siblings, sibling);
                }
                bit++;
            }
        }
        return abi.encodePacked(mask, siblings);
    }
}
