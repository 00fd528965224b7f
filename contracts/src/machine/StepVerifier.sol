// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {stepMachine} from "./Step.sol";
import {transitionBatch} from "./Transition.sol";

/// The judge of every dispute (spec 3): pure functions of roots and a witness, without storage and without an owner.
contract StepVerifier is IStepVerifier {
    function step(bytes32 machineRoot, bytes calldata witness) external pure returns (bytes32) {
        return stepMachine(machineRoot, witness);
    }

    function transition(BatchContext calldata batch, bytes32 sigma, uint64 position, bytes calldata witness)
        external
        pure
        returns (bytes32)
    {
        return transitionBatch(batch, sigma, position, witness);
    }
}
