// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// The witness ends inside an item (spec 3.4).
error WitnessTooShort();
/// Bytes are left over after the transition (spec 3.4).
error WitnessTooLong();
/// The words of an opening, or a machine, do not hash to the node that they open (spec 3.4).
error OpeningMismatch();

/// A witness that is being read (spec 3): the calldata offset of the next unread byte in bits 0–127, the offset of its
/// end in bits 128–255. Reading gives a new value; nothing is copied to memory.
type Witness is uint256;

using {take, opening, close} for Witness global;

function openWitness(bytes calldata data) pure returns (Witness witness) {
    // Assembly because Solidity does not give the calldata offset of `bytes` otherwise.
    assembly ("memory-safe") {
        witness := or(data.offset, shl(128, add(data.offset, data.length)))
    }
}

/// The next `length` bytes, as their calldata offset.
function take(Witness self, uint256 length) pure returns (uint256 offset, Witness rest) {
    uint256 raw = Witness.unwrap(self);
    // Unchecked because offsets are below calldatasize and lengths below 2^11: no carry reaches bit 128.
    unchecked {
        offset = uint128(raw);
        if (offset + length > raw >> 128) revert WitnessTooShort();
        rest = Witness.wrap(raw + length);
    }
}

/// The opening of a quad, spec 3.1.1: its four words, which must hash to `node`.
function opening(Witness self, bytes32 node) pure returns (bytes32[4] memory words, Witness rest) {
    uint256 offset;
    (offset, rest) = self.take(128);
    bytes32 hash;
    // Assembly to copy 128 bytes at once: `words` is four words of allocated memory without a length before them.
    assembly ("memory-safe") {
        calldatacopy(words, offset, 128)
        hash := keccak256(words, 128)
    }
    if (hash != node) revert OpeningMismatch();
}

function close(Witness self) pure {
    uint256 raw = Witness.unwrap(self);
    if (uint128(raw) != raw >> 128) revert WitnessTooLong();
}
