// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// The side has used up its time (spec 4.2.4).
error Overdue();

/// A running clock (spec 4.2.4): the seconds that its side may still spend in bits 0–31, since when it runs in bits
/// 32–71. Time is the block's.
type Clock is uint256;

using {overdue, charged} for Clock global;

function runningClock(uint40 since, uint32 balance) pure returns (Clock) {
    return Clock.wrap(uint256(since) << 32 | balance);
}

/// True from the second in which the clock has run for its whole balance.
function overdue(Clock self) view returns (bool) {
    return elapsed(self) >= uint32(Clock.unwrap(self));
}

/// The balance after a move made now: a move that took e seconds costs max(e - grace, 0). Never zero.
function charged(Clock self, uint32 grace) view returns (uint32) {
    if (self.overdue()) revert Overdue();
    uint256 seconds_ = elapsed(self);
    uint32 balance = uint32(Clock.unwrap(self));
    return seconds_ > grace ? balance - uint32(seconds_ - grace) : balance;
}

function elapsed(Clock self) view returns (uint256) {
    return block.timestamp - uint40(Clock.unwrap(self) >> 32);
}
