// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A trace of any height as runs of equal leaves, so that tests can afford the real heights. Deliberately naive: plain
/// Solidity, a recursion over the tree, nothing shared with src/.
struct TallTrace {
    uint8 height;
    /// First position of each run, ascending from 0.
    uint64[] starts;
    bytes32[] values;
}

library TallTraces {
    function create(uint8 height, bytes32 value) internal pure returns (TallTrace memory trace) {
        trace.height = height;
        trace.starts = new uint64[](1);
        trace.values = new bytes32[](1);
        trace.values[0] = value;
    }

    /// From `position` on every leaf is `value`: forgets what was there.
    function from(TallTrace memory trace, uint64 position, bytes32 value) internal pure returns (TallTrace memory) {
        uint256 keep = 0;
        while (keep < trace.starts.length && trace.starts[keep] < position) keep++;
        TallTrace memory next = TallTrace(trace.height, new uint64[](keep + 1), new bytes32[](keep + 1));
        for (uint256 i = 0; i < keep; i++) {
            next.starts[i] = trace.starts[i];
            next.values[i] = trace.values[i];
        }
        next.starts[keep] = position;
        next.values[keep] = value;
        return next;
    }

    function leaf(TallTrace memory trace, uint64 position) internal pure returns (bytes32) {
        uint256 run = trace.starts.length - 1;
        while (trace.starts[run] > position) run--;
        return trace.values[run];
    }

    function node(TallTrace memory trace, uint8 height, uint64 index) internal pure returns (bytes32 value) {
        uint64 first = index << (2 * height);
        uint64 end = (index + 1) << (2 * height);
        // The first run that starts behind `first`: the one before it holds the first leaf.
        uint256 run = 1;
        while (run < trace.starts.length && trace.starts[run] <= first) run++;
        if (run == trace.starts.length || trace.starts[run] >= end) {
            value = trace.values[run - 1];
            for (uint8 i = 0; i < height; i++) {
                value = hash(value, value, value, value);
            }
            return value;
        }
        return hash(
            node(trace, height - 1, 4 * index),
            node(trace, height - 1, 4 * index + 1),
            node(trace, height - 1, 4 * index + 2),
            node(trace, height - 1, 4 * index + 3)
        );
    }

    function hash(bytes32 a, bytes32 b, bytes32 c, bytes32 d) private pure returns (bytes32 value) {
        // Assembly because abi.encode allocates: a test hashes so often that memory would cost more than the hashes.
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore(buffer, a)
            mstore(add(buffer, 32), b)
            mstore(add(buffer, 64), c)
            mstore(add(buffer, 96), d)
            value := keccak256(buffer, 128)
        }
    }

    function children(TallTrace memory trace, uint8 height, uint64 index) internal pure returns (bytes32[4] memory c) {
        for (uint64 j = 0; j < 4; j++) {
            c[j] = node(trace, height - 1, 4 * index + j);
        }
    }

    function root(TallTrace memory trace) internal pure returns (bytes32) {
        return node(trace, trace.height, 0);
    }

    function rootChildren(TallTrace memory trace) internal pure returns (bytes32[4] memory) {
        return children(trace, trace.height, 0);
    }

    function last(TallTrace memory trace) internal pure returns (bytes32) {
        return trace.values[trace.values.length - 1];
    }

    /// Proof of a leaf in the encoding of spec 2.2.2 with the defaults of traces.
    function proof(TallTrace memory trace, uint64 position) internal pure returns (bytes memory) {
        uint64 mask = 0;
        bytes memory siblings;
        for (uint8 k = 0; k < trace.height; k++) {
            uint64 index = position >> (2 * k);
            bytes32 path = node(trace, k, index);
            uint64 bit = 3 * uint64(k);
            for (uint64 j = 0; j < 4; j++) {
                if (j == index % 4) continue;
                bytes32 sibling = node(trace, k, index / 4 * 4 + j);
                if (sibling != path) {
                    mask |= uint64(1) << bit;
                    siblings = bytes.concat(siblings, sibling);
                }
                bit++;
            }
        }
        return abi.encodePacked(mask, siblings);
    }

    function lastProof(TallTrace memory trace) internal pure returns (bytes memory) {
        return proof(trace, uint64(4) ** trace.height - 1);
    }
}
