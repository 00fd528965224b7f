// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// One trace root in one tournament of level 1 (spec 4.2.3), in one slot that is written once: claimer in bits 0–159,
/// class in bits 160–167. Zero when the root never joined: a claimer is never the zero address. At level 0 the Rollup
/// keeps the claimers.
type Commitment is uint256;

using {exists, claimer, class} for Commitment global;

function newCommitment(address claimer_, uint8 class_) pure returns (Commitment) {
    return Commitment.wrap(uint256(uint160(claimer_)) | uint256(class_) << 160);
}

function exists(Commitment self) pure returns (bool) {
    return Commitment.unwrap(self) != 0;
}

function claimer(Commitment self) pure returns (address) {
    return address(uint160(Commitment.unwrap(self)));
}

function class(Commitment self) pure returns (uint8) {
    return uint8(Commitment.unwrap(self) >> 160);
}
