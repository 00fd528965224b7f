// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A state tree with few leaves that are not zero, written from spec 2.1 and 2.2 alone: it shares no code with the
/// verifier. Heights and positions as in the spec.
struct Leaves {
    uint256[] indexes;
    bytes32[] values;
}

library SparseTree {
    function get(Leaves memory self, uint256 index) internal pure returns (bytes32) {
        for (uint256 i = 0; i < self.indexes.length; i++) {
            if (self.indexes[i] == index) return self.values[i];
        }
        return 0;
    }

    function set(Leaves memory self, uint256 index, bytes32 value) internal pure {
        for (uint256 i = 0; i < self.indexes.length; i++) {
            if (self.indexes[i] == index) {
                self.values[i] = value;
                return;
            }
        }
        uint256[] memory indexes = new uint256[](self.indexes.length + 1);
        bytes32[] memory values = new bytes32[](self.indexes.length + 1);
        for (uint256 i = 0; i < self.indexes.length; i++) {
            (indexes[i], values[i]) = (self.indexes[i], self.values[i]);
        }
        (indexes[self.indexes.length], values[self.indexes.length]) = (index, value);
        (self.indexes, self.values) = (indexes, values);
    }

    function empty(uint256 height) internal pure returns (bytes32 root) {
        for (uint256 i = 0; i < height; i++) {
            root = keccak256(abi.encode(root, root, root, root));
        }
    }

    /// The node at `position` of the given height.
    function node(Leaves memory self, uint256 height, uint256 position) internal pure returns (bytes32) {
        bool used;
        for (uint256 i = 0; i < self.indexes.length; i++) {
            used = used || self.indexes[i] >> (2 * height) == position;
        }
        if (!used) return empty(height);
        if (height == 0) return get(self, position);
        bytes32[4] memory children;
        for (uint256 i = 0; i < 4; i++) {
            children[i] = node(self, height - 1, 4 * position + i);
        }
        return keccak256(abi.encode(children));
    }

    /// The access to a leaf: word, mask and siblings (spec 2.2.2, 3.1.2).
    function access(Leaves memory self, uint256 index, uint256 height) internal pure returns (bytes memory) {
        uint64 mask;
        bytes memory siblings;
        for (uint256 k = 0; k < height; k++) {
            uint256 own = index >> (2 * k);
            uint256 first = own & ~uint256(3);
            uint256 j = 0;
            for (uint256 position = first; position < first + 4; position++) {
                if (position == own) continue;
                bytes32 sibling = node(self, k, position);
                if (sibling != empty(k)) {
                    mask |= uint64(1 << (3 * k + j));
                    siblings = bytes.concat(siblings, sibling);
                }
                j++;
            }
        }
        return abi.encodePacked(get(self, index), mask, siblings);
    }
}
