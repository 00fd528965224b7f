// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Executes one transition from roots and a witness (spec 3).
interface IStepVerifier {
    /// What a level 0 transition reads of its batch (spec 3.3).
    struct BatchContext {
        bytes32 tasksRoot;
        uint64 count;
        uint64 time;
        uint64 blockNumber;
        bytes32 domainSeparator;
    }

    /// One instruction (spec 3.2): the machine root after it.
    function step(bytes32 machineRoot, bytes calldata witness) external pure returns (bytes32);

    /// Transition `position` of a batch (spec 3.3): sigma after it.
    function transition(BatchContext calldata batch, bytes32 sigma, uint64 position, bytes calldata witness)
        external
        view
        returns (bytes32);
}
