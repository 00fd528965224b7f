// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ClaimStatus} from "../interfaces/IRollup.sol";

/// A claim in one slot (spec 5.4.6): claimer in bits 0–159 (zero when its bond was recovered), dispute time of posting in
/// bits 160–195, index of the batch after it in bits 196–231, rules version in bits 232–239, epoch of the stake in bits
/// 240–252, whether it stands behind a stake in bit 253, status in bits 254–255. Zero when there is no such claim.
type ClaimRecord is uint256;

using {
    claimer,
    postedAt,
    nextBatch,
    version,
    epoch,
    staked,
    status,
    confirmed,
    withoutClaimer,
    withoutStake
} for ClaimRecord global;

uint256 constant MAX_36 = type(uint64).max >> 28;
uint256 constant STAKED_BIT = 1 << 253;

/// A pending claim with a bond.
function newClaimRecord(address claimer_, uint256 postedAt_, uint256 nextBatch_, uint8 version_)
    pure
    returns (ClaimRecord)
{
    // Times and batch indices of 36 bits: years 4147, and a batch a second for two thousand years.
    assert(postedAt_ <= MAX_36 && nextBatch_ <= MAX_36);
    return ClaimRecord.wrap(
        uint256(uint160(claimer_)) | postedAt_ << 160 | nextBatch_ << 196 | uint256(version_) << 232
            | uint256(ClaimStatus.Pending) << 254
    );
}

/// A pending claim behind its claimer's stake of that epoch.
function newStakedRecord(address claimer_, uint256 postedAt_, uint256 nextBatch_, uint8 version_, uint16 epoch_)
    pure
    returns (ClaimRecord)
{
    ClaimRecord bonded = newClaimRecord(claimer_, postedAt_, nextBatch_, version_);
    return ClaimRecord.wrap(ClaimRecord.unwrap(bonded) | uint256(epoch_) << 240 | STAKED_BIT);
}

function claimer(ClaimRecord self) pure returns (address) {
    return address(uint160(ClaimRecord.unwrap(self)));
}

function postedAt(ClaimRecord self) pure returns (uint40) {
    return uint40(ClaimRecord.unwrap(self) >> 160 & MAX_36);
}

function nextBatch(ClaimRecord self) pure returns (uint48) {
    return uint48(ClaimRecord.unwrap(self) >> 196 & MAX_36);
}

function version(ClaimRecord self) pure returns (uint8) {
    return uint8(ClaimRecord.unwrap(self) >> 232);
}

function epoch(ClaimRecord self) pure returns (uint16) {
    return uint16(ClaimRecord.unwrap(self) >> 240 & 0x1fff);
}

function staked(ClaimRecord self) pure returns (bool) {
    return ClaimRecord.unwrap(self) & STAKED_BIT != 0;
}

function status(ClaimRecord self) pure returns (ClaimStatus) {
    return ClaimStatus(ClaimRecord.unwrap(self) >> 254);
}

function confirmed(ClaimRecord self) pure returns (ClaimRecord) {
    return ClaimRecord.wrap(ClaimRecord.unwrap(self) << 2 >> 2 | uint256(ClaimStatus.Confirmed) << 254);
}

function withoutClaimer(ClaimRecord self) pure returns (ClaimRecord) {
    return ClaimRecord.wrap(ClaimRecord.unwrap(self) >> 160 << 160);
}

function withoutStake(ClaimRecord self) pure returns (ClaimRecord) {
    return ClaimRecord.wrap(ClaimRecord.unwrap(self) & ~STAKED_BIT);
}
