// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bisection, Leaf, MatchId} from "../interfaces/ITournament.sol";
import {quad} from "../machine/QuadProof.sol";
import {Progress} from "./Progress.sol";

/// The words given do not hash to the node that they should open.
error NodeMismatch();

/// Content-addressed, spec 4.2.2: also the id of the tournament inside the match.
function matchIdOf(MatchId calldata id) pure returns (bytes32) {
    return matchIdOf(id.tournament, id.one, id.two);
}

function matchIdOf(bytes32 tournament, bytes32 one, bytes32 two) pure returns (bytes32) {
    return keccak256(abi.encode(tournament, one, two));
}

/// What a match in bisection keeps on chain (spec 4.3).
function bisectionHash(bytes32 node, bytes32[4] calldata children, Progress progress) pure returns (bytes32 hash) {
    // Assembly to hash behind the free memory pointer, once or twice a move: abi.encode would copy and allocate.
    assembly ("memory-safe") {
        let buffer := mload(0x40)
        mstore(buffer, node)
        calldatacopy(add(buffer, 0x20), children, 0x80)
        mstore(add(buffer, 0xa0), progress)
        hash := keccak256(buffer, 0xc0)
    }
}

function bisectionHash(Bisection calldata state) pure returns (bytes32) {
    return bisectionHash(state.node, state.children, state.progress);
}

/// What a sealed match keeps on chain (spec 4.3).
function leafHash(Leaf memory state) pure returns (bytes32) {
    return quad(state.agreed, state.leafOne, state.leafTwo, bytes32(Progress.unwrap(state.progress)));
}

function requireOpens(bytes32[4] calldata children, bytes32 node) pure {
    if (quadOf(children) != node) revert NodeMismatch();
}

function quadOf(bytes32[4] calldata children) pure returns (bytes32 node) {
    // Assembly to copy the four words at once.
    assembly ("memory-safe") {
        let buffer := mload(0x40)
        calldatacopy(buffer, children, 0x80)
        node := keccak256(buffer, 0x80)
    }
}

/// The first child in which two nodes differ. When the first three are equal it is the last: the nodes differ.
function firstDifference(bytes32[4] calldata opened, bytes32[4] calldata others) pure returns (uint256) {
    if (opened[0] != others[0]) return 0;
    if (opened[1] != others[1]) return 1;
    if (opened[2] != others[2]) return 2;
    return 3;
}
