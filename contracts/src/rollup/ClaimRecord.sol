// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ClaimStatus} from "../interfaces/IRollup.sol";

/// A claim in one slot (spec 5.4): claimer in bits 0–159 (zero when its bond was recovered), time of posting in bits
/// 160–199, index of the batch after it in bits 200–247, status in bits 248–255. Zero when there is no such claim.
type ClaimRecord is uint256;

using {claimer, postedAt, nextBatch, status, withStatus, withoutClaimer} for ClaimRecord global;

function newClaimRecord(ClaimStatus status_, address claimer_, uint40 postedAt_, uint48 nextBatch_)
    pure
    returns (ClaimRecord)
{
    return ClaimRecord.wrap(
        uint256(uint160(claimer_)) | uint256(postedAt_) << 160 | uint256(nextBatch_) << 200 | uint256(status_) << 248
    );
}

function claimer(ClaimRecord self) pure returns (address) {
    return address(uint160(ClaimRecord.unwrap(self)));
}

function postedAt(ClaimRecord self) pure returns (uint40) {
    return uint40(ClaimRecord.unwrap(self) >> 160);
}

function nextBatch(ClaimRecord self) pure returns (uint48) {
    return uint48(ClaimRecord.unwrap(self) >> 200);
}

function status(ClaimRecord self) pure returns (ClaimStatus) {
    return ClaimStatus(ClaimRecord.unwrap(self) >> 248);
}

function withStatus(ClaimRecord self, ClaimStatus status_) pure returns (ClaimRecord) {
    return ClaimRecord.wrap(ClaimRecord.unwrap(self) & type(uint248).max | uint256(status_) << 248);
}

function withoutClaimer(ClaimRecord self) pure returns (ClaimRecord) {
    return ClaimRecord.wrap(ClaimRecord.unwrap(self) >> 160 << 160);
}
