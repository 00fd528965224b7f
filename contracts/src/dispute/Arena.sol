// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Result} from "../interfaces/ITournament.sol";

/// A tournament's own data (spec 4.2.1), in one slot: start in bits 0–39, allowances of the two sides in bits 40–71 and
/// 72–103 (the same at level 0), live matches in bits 104–135, level in bits 136–143, result in bits 144–151, balance of
/// the dangling commitment in bits 152–183, matches that have ended, with those inside them, in bits 184–215, whether a
/// commitment is dangling in bit 255. Zero when there is no such tournament: a start is never zero.
type Arena is uint256;

using {
    isOpen,
    startedAt,
    allowanceOf,
    longestAllowance,
    liveMatches,
    level,
    result,
    danglingBalance,
    dangles,
    endedMatches,
    withMatchBegun,
    withMatchEnded,
    withResult,
    withDangling,
    withoutDangling
} for Arena global;

function newArena(uint8 level_, uint40 startedAt_, uint32 allowanceOne, uint32 allowanceTwo) pure returns (Arena) {
    return Arena.wrap(
        uint256(startedAt_) | uint256(allowanceOne) << 40 | uint256(allowanceTwo) << 72 | uint256(level_) << 136
    );
}

function isOpen(Arena self) pure returns (bool) {
    return Arena.unwrap(self) != 0;
}

function startedAt(Arena self) pure returns (uint40) {
    return uint40(Arena.unwrap(self));
}

/// class: 0 at level 0; 1 or 2 at level 1.
function allowanceOf(Arena self, uint8 class) pure returns (uint32) {
    return uint32(Arena.unwrap(self) >> (class == 2 ? 72 : 40));
}

function longestAllowance(Arena self) pure returns (uint32) {
    uint32 one = self.allowanceOf(1);
    uint32 two = self.allowanceOf(2);
    return one > two ? one : two;
}

function liveMatches(Arena self) pure returns (uint32) {
    return uint32(Arena.unwrap(self) >> 104);
}

function level(Arena self) pure returns (uint8) {
    return uint8(Arena.unwrap(self) >> 136);
}

function result(Arena self) pure returns (Result) {
    return Result(uint8(Arena.unwrap(self) >> 144));
}

function withMatchBegun(Arena self) pure returns (Arena) {
    // Unchecked because each match holds two bonds of its own commitments: 2^32 of them never exist.
    unchecked {
        return Arena.wrap(Arena.unwrap(self) + (1 << 104));
    }
}

/// ended: how many end with it, itself and those in its inner tournament.
function withMatchEnded(Arena self, uint32 ended) pure returns (Arena) {
    // Unchecked because a match ends once and was counted when it began, and as many never exist as above.
    unchecked {
        return Arena.wrap(Arena.unwrap(self) - (1 << 104) + (uint256(ended) << 184));
    }
}

/// The result is written once, over Undecided (zero).
function withResult(Arena self, Result result_) pure returns (Arena) {
    return Arena.wrap(Arena.unwrap(self) | uint256(result_) << 144);
}

/// In seconds. Left as it was when nothing dangles.
function danglingBalance(Arena self) pure returns (uint32) {
    return uint32(Arena.unwrap(self) >> 152);
}

/// Each has left its share in the pot (spec 4.6.3).
function endedMatches(Arena self) pure returns (uint32) {
    return uint32(Arena.unwrap(self) >> 184);
}

function dangles(Arena self) pure returns (bool) {
    return Arena.unwrap(self) >> 255 != 0;
}

/// A commitment with that balance dangles.
function withDangling(Arena self, uint32 balance) pure returns (Arena) {
    return
        Arena.wrap(
            Arena.unwrap(self) & ~(uint256(type(uint32).max) << 152) | uint256(balance) << 152 | uint256(1) << 255
        );
}

function withoutDangling(Arena self) pure returns (Arena) {
    return Arena.wrap(Arena.unwrap(self) & ~(uint256(1) << 255));
}
