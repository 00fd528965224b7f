// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStepVerifier} from "../../src/interfaces/IStepVerifier.sol";

/// The computation of the simulator's games (tests/Simulator/ToyBatch.cs), for their replay on the real contracts: the
/// traces have the real shape, and what they compute is small. A machine is a word: 16 bytes of identity, zero, steps
/// done and steps to do (32 bits each). It halts when they are equal. A witness ends in the value that it claims.
contract ReplayVerifier is IStepVerifier {
    error WitnessRejected();

    uint64 private constant SPAN = 4096;
    uint256 private constant CHUNK_STEPS = 4 ** 14;

    /// witness: the claimed machine.
    function step(bytes32 machineRoot, bytes calldata witness) external pure returns (bytes32 after_) {
        if (witness.length != 32) revert WitnessRejected();
        after_ = _run(machineRoot, 1);
        if (after_ != bytes32(witness)) revert WitnessRejected();
    }

    /// witness: the opening of sigma, and the claimed sigma.
    function transition(BatchContext calldata batch, bytes32 sigma, uint64 position, bytes calldata witness)
        external
        pure
        returns (bytes32 after_)
    {
        if (witness.length != 160) revert WitnessRejected();
        (bytes32 apps, bytes32 outputs, bytes32 counters, bytes32 machine, bytes32 claimed) =
            abi.decode(witness, (bytes32, bytes32, bytes32, bytes32, bytes32));
        if (_quad(apps, outputs, counters, machine) != sigma) revert WitnessRejected();
        uint64 task = position / SPAN;
        uint64 phase = position % SPAN;
        if (task < batch.count) {
            if (phase == 0) {
                bytes32 identity = _quad(task % 3 == 2 ? outputs : sigma, batch.tasksRoot, bytes32(uint256(task)), 0);
                // Every third task has a bad signature: it gets its output and loads nothing.
                if (task % 3 == 2) outputs = identity;
                else machine = _machine(identity, 0, _stopOf(task));
            } else if (machine != 0) {
                if (phase != SPAN - 1) {
                    machine = _run(machine, CHUNK_STEPS);
                } else {
                    outputs = _quad(outputs, machine, bytes32(uint256(task)), 0);
                    machine = 0;
                }
            }
        }
        after_ = _quad(apps, outputs, counters, machine);
        if (after_ != claimed) revert WitnessRejected();
    }

    function _run(bytes32 machine, uint256 steps) private pure returns (bytes32) {
        uint256 done = uint32(uint256(machine) >> 32);
        uint256 stop = uint32(uint256(machine));
        if (done >= stop) return machine;
        return _machine(machine, done + steps < stop ? done + steps : stop, stop);
    }

    function _machine(bytes32 identity, uint256 done, uint256 stop) private pure returns (bytes32) {
        return bytes32(bytes16(identity)) | bytes32(done << 32 | stop);
    }

    /// Steps of a task: it halts in its first chunk, never runs, or halts at once.
    function _stopOf(uint64 task) private pure returns (uint256) {
        if (task % 4 == 0) return 15;
        if (task % 4 == 1) return 9;
        return task % 4 == 2 ? 1 : 0;
    }

    function _quad(bytes32 a, bytes32 b, bytes32 c, bytes32 d) private pure returns (bytes32) {
        return keccak256(abi.encode(a, b, c, d));
    }
}
