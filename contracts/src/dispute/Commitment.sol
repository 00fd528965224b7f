// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// One trace root in one tournament (spec 4.2.3), in one slot: claimer in bits 0–159, balance in seconds in bits 160–191,
/// class in bits 192–199, eliminated in bit 200. Zero when the root never joined: a claimer is never the zero address.
/// The balance is that of a dangling commitment; while it plays, the balance is in the state of its match.
type Commitment is uint256;

using {exists, claimer, balance, class, eliminated, withBalance, withElimination} for Commitment global;

function newCommitment(address claimer_, uint32 balance_, uint8 class_) pure returns (Commitment) {
    return Commitment.wrap(uint256(uint160(claimer_)) | uint256(balance_) << 160 | uint256(class_) << 192);
}

function exists(Commitment self) pure returns (bool) {
    return Commitment.unwrap(self) != 0;
}

function claimer(Commitment self) pure returns (address) {
    return address(uint160(Commitment.unwrap(self)));
}

function balance(Commitment self) pure returns (uint32) {
    return uint32(Commitment.unwrap(self) >> 160);
}

function class(Commitment self) pure returns (uint8) {
    return uint8(Commitment.unwrap(self) >> 192);
}

function eliminated(Commitment self) pure returns (bool) {
    return Commitment.unwrap(self) >> 200 != 0;
}

function withBalance(Commitment self, uint32 balance_) pure returns (Commitment) {
    return Commitment.wrap(Commitment.unwrap(self) & ~(uint256(type(uint32).max) << 160) | uint256(balance_) << 160);
}

function withElimination(Commitment self) pure returns (Commitment) {
    return Commitment.wrap(Commitment.unwrap(self) | 1 << 200);
}
