// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MAX_36} from "./ClaimRecord.sol";

/// An account's stake in one slot (spec 5.8.1): amount in bits 0–95; of its latest claim behind it, the dispute time of
/// posting in bits 96–131 (zero when there is none: that time is never zero), index of the batch after it in bits
/// 132–167 and rules version in bits 168–175; epoch in bits 176–188.
type Stake is uint256;

using {amount, latestPostedAt, latestNextBatch, latestVersion, epoch, grown, extended, taken, emptied} for Stake global;

// The last epoch: a stake that was taken so often is of no use any more.
uint16 constant MAX_EPOCH = 8191;

function amount(Stake self) pure returns (uint96) {
    return uint96(Stake.unwrap(self));
}

function latestPostedAt(Stake self) pure returns (uint40) {
    return uint40(Stake.unwrap(self) >> 96 & MAX_36);
}

function latestNextBatch(Stake self) pure returns (uint48) {
    return uint48(Stake.unwrap(self) >> 132 & MAX_36);
}

function latestVersion(Stake self) pure returns (uint8) {
    return uint8(Stake.unwrap(self) >> 168);
}

function epoch(Stake self) pure returns (uint16) {
    return uint16(Stake.unwrap(self) >> 176);
}

/// wei_: paid in, so that the sum is far below 2^96.
function grown(Stake self, uint256 wei_) pure returns (Stake) {
    return Stake.wrap(Stake.unwrap(self) + wei_);
}

/// With another latest claim.
function extended(Stake self, uint40 postedAt_, uint48 nextBatch_, uint8 version_) pure returns (Stake) {
    return Stake.wrap(
        uint256(self.epoch()) << 176 | uint256(version_) << 168 | uint256(nextBatch_) << 132 | uint256(postedAt_) << 96
            | self.amount()
    );
}

/// Less a bond, with no latest claim, in the next epoch.
function taken(Stake self, uint256 bond) pure returns (Stake) {
    return Stake.wrap(uint256(self.epoch() + 1) << 176 | (self.amount() - bond));
}

/// Nothing is left but the epoch.
function emptied(Stake self) pure returns (Stake) {
    return Stake.wrap(uint256(self.epoch()) << 176);
}
