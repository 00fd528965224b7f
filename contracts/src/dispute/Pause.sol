// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// The pauses of a Tournament (spec 4.8.4), in one slot: since when the running pause runs in bits 0–39, zero when none
/// does, and the seconds of all pauses before it in bits 40–71. Block time.
type Pause is uint256;

using {since, beforeIt, running, pausedBy, timeAt} for Pause global;

function newPause(uint40 since_, uint32 before) pure returns (Pause) {
    return Pause.wrap(uint256(since_) | uint256(before) << 40);
}

function since(Pause self) pure returns (uint40) {
    return uint40(Pause.unwrap(self));
}

function beforeIt(Pause self) pure returns (uint32) {
    return uint32(Pause.unwrap(self) >> 40);
}

/// Whether it is paused at a block's timestamp: no longer from the second in which the budget is spent.
function running(Pause self, uint256 timestamp, uint32 budget) pure returns (bool) {
    return self.since() != 0 && timestamp - self.since() < budget - self.beforeIt();
}

/// The seconds of all pauses up to a block's timestamp, at most the budget.
function pausedBy(Pause self, uint256 timestamp, uint32 budget) pure returns (uint32) {
    if (self.since() == 0) return self.beforeIt();
    return self.running(timestamp, budget) ? self.beforeIt() + uint32(timestamp - self.since()) : budget;
}

/// Dispute time (spec 4.8.2).
function timeAt(Pause self, uint256 timestamp, uint32 budget) pure returns (uint40) {
    // Unchecked because a Tournament has not been paused for longer than time has passed.
    unchecked {
        return uint40(timestamp - pausedBy(self, timestamp, budget));
    }
}
