// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {QuadProof, RootMismatch, takeProof} from "../machine/QuadProof.sol";
import {Witness, openWitness} from "../machine/Witness.sol";

/// Reverts unless `proof` (spec 2.2.2, nothing left over) proves a leaf of a trace. index is below 4^height.
function requireTraceLeaf(bytes32 root, uint256 height, uint256 index, bytes32 leaf, bytes calldata proof) pure {
    (QuadProof siblings, Witness rest) = takeProof(openWitness(proof), height);
    rest.close();
    if (siblings.traceRoot(leaf, index, height) != root) revert RootMismatch();
}
