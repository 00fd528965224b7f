// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStepVerifier} from "../../src/interfaces/IStepVerifier.sol";

/// A transition small enough that a test can write down its traces: for tests of the tournament alone, whatever it is that
/// a step computes. A machine is quad(n, stop, 0, 0), a step counts n up to stop. Task i loads a machine with n = 0 and
/// stop = 5 + i; its store folds the machine into the outputs root.
contract ToyVerifier is IStepVerifier {
    error WrongWitness();

    function step(bytes32 machineRoot, bytes calldata witness) external pure returns (bytes32) {
        (uint256 n, uint256 stop) = abi.decode(witness, (uint256, uint256));
        if (Toy.machine(n, stop) != machineRoot) revert WrongWitness();
        return Toy.machine(n < stop ? n + 1 : n, stop);
    }

    function transition(BatchContext calldata batch, bytes32 sigma, uint64 position, bytes calldata witness)
        external
        pure
        returns (bytes32)
    {
        uint64 task = position / 4096;
        uint64 phase = position % 4096;
        if (task >= batch.count) return sigma;
        bytes32[4] memory s = abi.decode(witness, (bytes32[4]));
        if (Toy.quad(s[0], s[1], s[2], s[3]) != sigma) revert WrongWitness();
        if (phase == 0) return Toy.quad(s[0], s[1], s[2], Toy.machine(0, Toy.stopOf(task)));
        if (s[3] == 0) return sigma;
        if (phase != 4095) revert WrongWitness();
        return Toy.quad(s[0], Toy.fold(s[1], s[3]), s[2], 0);
    }
}

library Toy {
    function quad(bytes32 a, bytes32 b, bytes32 c, bytes32 d) internal pure returns (bytes32) {
        return keccak256(abi.encode(a, b, c, d));
    }

    function machine(uint256 n, uint256 stop) internal pure returns (bytes32) {
        return quad(bytes32(n), bytes32(stop), 0, 0);
    }

    function stopOf(uint64 task) internal pure returns (uint256) {
        return 5 + task;
    }

    function fold(bytes32 outputs, bytes32 machineRoot) internal pure returns (bytes32) {
        return keccak256(abi.encode(outputs, machineRoot));
    }
}
