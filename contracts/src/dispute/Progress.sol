// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// The side has used up its time (spec 4.2.4).
error Overdue();

/// Of a match (spec 4.3).
enum Phase {
    None,
    Bisect,
    AtLeaf,
    Inner
}

/// Where a match stands, its clocks and what it has spent, in the word of spec 4.3: position in bits 0–31, height 32–39,
/// since 40–79, balances 80–111 and 112–143, spent 144–239, phase 240–255. Times are dispute time (spec 4.8).
type Progress is uint256;

using {
    position,
    height,
    since,
    balanceOne,
    balanceTwo,
    spent,
    phase,
    oneMoves,
    overdue,
    charged,
    capped,
    descended,
    sealedIn,
    withSpent
} for Progress global;

uint256 constant ONE_SHIFT = 80;
uint256 constant TWO_SHIFT = 112;
uint256 constant SPENT_SHIFT = 144;
uint256 constant PHASE_SHIFT = 240;

/// A match that begins now, at the roots.
function newProgress(uint8 height_, uint40 now_, uint32 balanceOne_, uint32 balanceTwo_) pure returns (Progress) {
    return Progress.wrap(
        uint256(height_) << 32 | uint256(now_) << 40 | uint256(balanceOne_) << ONE_SHIFT | uint256(balanceTwo_)
            << TWO_SHIFT | uint256(Phase.Bisect) << PHASE_SHIFT
    );
}

function position(Progress self) pure returns (uint64) {
    return uint32(Progress.unwrap(self));
}

function height(Progress self) pure returns (uint8) {
    return uint8(Progress.unwrap(self) >> 32);
}

function since(Progress self) pure returns (uint40) {
    return uint40(Progress.unwrap(self) >> 40);
}

function balanceOne(Progress self) pure returns (uint32) {
    return uint32(Progress.unwrap(self) >> ONE_SHIFT);
}

function balanceTwo(Progress self) pure returns (uint32) {
    return uint32(Progress.unwrap(self) >> TWO_SHIFT);
}

function spent(Progress self) pure returns (uint96) {
    return uint96(Progress.unwrap(self) >> SPENT_SHIFT);
}

function phase(Progress self) pure returns (Phase) {
    return Phase(Progress.unwrap(self) >> PHASE_SHIFT);
}

/// Whether one is to move (spec 4.3.1). Both levels have even heights, so the height alone decides.
function oneMoves(Progress self) pure returns (bool) {
    return Progress.unwrap(self) >> 32 & 1 == 0;
}

/// True from the second in which that side's clock has run for its whole balance, if it runs since `since`.
function overdue(Progress self, bool one, uint40 now_) pure returns (bool) {
    return now_ - self.since() >= (one ? self.balanceOne() : self.balanceTwo());
}

/// The side's balance after a move made now: a move that took e seconds costs max(e - grace, 0). It stays above zero.
function charged(Progress self, bool one, uint40 now_, uint32 grace) pure returns (Progress) {
    // Unchecked because time goes on, and the balance is larger than elapsed: no borrow leaves its bits.
    unchecked {
        uint256 elapsed = now_ - self.since();
        if (elapsed >= (one ? self.balanceOne() : self.balanceTwo())) revert Overdue();
        if (elapsed <= grace) return self;
        return Progress.wrap(Progress.unwrap(self) - ((elapsed - grace) << (one ? ONE_SHIFT : TWO_SHIFT)));
    }
}

/// The side goes on with no more time than that (spec 4.3.7).
function capped(Progress self, bool one, uint32 most) pure returns (Progress) {
    uint32 balance = one ? self.balanceOne() : self.balanceTwo();
    if (balance <= most) return self;
    // Unchecked because the balance is larger: no borrow leaves its bits.
    unchecked {
        return Progress.wrap(Progress.unwrap(self) - (uint256(balance - most) << (one ? ONE_SHIFT : TWO_SHIFT)));
    }
}

/// One height down, at child j, from now on.
function descended(Progress self, uint256 j, uint40 now_) pure returns (Progress) {
    uint256 raw = Progress.unwrap(self);
    // Unchecked because heights are at least 1, and positions below 4^14.
    unchecked {
        return Progress.wrap(
            raw >> ONE_SHIFT << ONE_SHIFT | uint256(now_) << 40 | uint256(uint8(raw >> 32) - 1) << 32
                | (4 * uint256(uint32(raw)) + j)
        );
    }
}

/// At leaf j of the last node, in that phase from now on. The height stays 1.
function sealedIn(Progress self, Phase phase_, uint256 j, uint40 now_) pure returns (Progress) {
    uint256 raw = Progress.unwrap(self);
    // Unchecked because positions are below 4^14.
    unchecked {
        return Progress.wrap(
            uint256(phase_) << PHASE_SHIFT | uint256(uint160(raw >> ONE_SHIFT)) << ONE_SHIFT | uint256(now_) << 40
                | uint256(1) << 32 | (4 * uint256(uint32(raw)) + j)
        );
    }
}

/// The sum over a match is at most its reserve, which the constructor keeps within 96 bits.
function withSpent(Progress self, uint256 amount) pure returns (Progress) {
    // Unchecked because of that: nothing is carried into the phase.
    unchecked {
        return Progress.wrap(Progress.unwrap(self) + (amount << SPENT_SHIFT));
    }
}
