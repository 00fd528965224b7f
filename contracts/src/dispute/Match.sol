// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bisection, Leaf, MatchId, Phase} from "../interfaces/ITournament.sol";
import {quad} from "../machine/QuadProof.sol";

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
function bisectionHash(Bisection memory state) pure returns (bytes32) {
    return keccak256(abi.encode(Phase.Bisect, state));
}

/// What a sealed match keeps on chain (spec 4.3).
function leafHash(Phase phase, Leaf memory state) pure returns (bytes32) {
    return keccak256(abi.encode(phase, state));
}

/// Whether one is to move (spec 4.3.1). Both levels have even heights, so the height alone decides.
function oneMoves(uint8 height) pure returns (bool) {
    return height % 2 == 0;
}

function requireOpens(bytes32[4] calldata children, bytes32 node) pure {
    if (quadOf(children) != node) revert NodeMismatch();
}

function quadOf(bytes32[4] calldata children) pure returns (bytes32) {
    return quad(children[0], children[1], children[2], children[3]);
}

/// The first child in which two nodes differ. When the first three are equal it is the last: the nodes differ.
function firstDifference(bytes32[4] calldata opened, bytes32[4] calldata others) pure returns (uint256) {
    if (opened[0] != others[0]) return 0;
    if (opened[1] != others[1]) return 1;
    if (opened[2] != others[2]) return 2;
    return 3;
}
