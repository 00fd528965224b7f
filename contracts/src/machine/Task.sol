// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {QuadProof, RootMismatch, ZeroRoots, takeAccess} from "./QuadProof.sol";
import {Witness} from "./Witness.sol";

// spec 2.7.1
uint256 constant TASKS_HEIGHT = 6;

// spec 5.2.1
bytes32 constant RUN_TASK_TYPE =
    keccak256("RunTask(uint32 app,uint64 nonce,uint64 stepLimit,bytes32 inputRoot,uint64 inputLength)");
bytes32 constant DEPLOY_TASK_TYPE = keccak256("DeployTask(uint8 policy,uint64 nonce,uint64 entry,bytes32 memoryRoot)");

// Half the order of secp256k1, rounded down: a signature with a larger s has a twin with a smaller one (spec 2.6.2).
uint256 constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

/// A task and its hash (spec 2.6.1).
struct Task {
    bytes32 hash;
    bytes32 head;
    bytes32 dataRoot;
    bytes32 auth0;
    bytes32 auth1;
}

using {inputLength, limit, nonce, target, v, isDeploy, sender, digest} for Task global;
using {takeAccess} for Witness;

/// The access to a task of the batch, and its opening (spec 3.3.3).
function takeTask(Witness self, bytes32 tasksRoot, uint256 number, ZeroRoots zeros)
    pure
    returns (Task memory task, Witness rest)
{
    QuadProof proof;
    (task.hash, proof, rest) = self.takeAccess(TASKS_HEIGHT);
    if (proof.stateRoot(task.hash, number, TASKS_HEIGHT, zeros) != tasksRoot) revert RootMismatch();
    bytes32[4] memory words;
    (words, rest) = rest.opening(task.hash);
    (task.head, task.dataRoot, task.auth0, task.auth1) = (words[0], words[1], words[2], words[3]);
}

function inputLength(Task memory self) pure returns (uint64) {
    return uint64(uint256(self.head));
}

function limit(Task memory self) pure returns (uint64) {
    return uint64(uint256(self.head) >> 64);
}

function nonce(Task memory self) pure returns (uint64) {
    return uint64(uint256(self.head) >> 128);
}

function target(Task memory self) pure returns (uint32) {
    return uint32(uint256(self.head) >> 192);
}

function v(Task memory self) pure returns (uint8) {
    return uint8(uint256(self.head) >> 224);
}

function isDeploy(Task memory self) pure returns (bool) {
    return uint8(uint256(self.head) >> 232) == 1;
}

/// Who sent the task; `good` is false when its signature is not (spec 2.6.2).
function sender(Task memory self, bytes32 domainSeparator) pure returns (bool good, address from) {
    uint8 recovery = self.v();
    if (recovery == 0) return (true, address(uint160(uint256(self.auth0))));
    if (recovery != 27 && recovery != 28) return (false, address(0));
    if (uint256(self.auth1) > HALF_ORDER) return (false, address(0));
    // ecrecover gives the zero address for r = 0, r ≥ n and s = 0.
    from = ecrecover(self.digest(domainSeparator), recovery, self.auth0, self.auth1);
    good = from != address(0);
}

/// What the sender signed: EIP-712 with the type of the task's kind (spec 5.2).
function digest(Task memory self, bytes32 domainSeparator) pure returns (bytes32) {
    bytes32 structHash = self.isDeploy()
        ? keccak256(abi.encode(DEPLOY_TASK_TYPE, uint8(self.target()), self.nonce(), self.limit(), self.dataRoot))
        : keccak256(
            abi.encode(RUN_TASK_TYPE, self.target(), self.nonce(), self.limit(), self.dataRoot, self.inputLength())
        );
    return keccak256(abi.encodePacked(hex"1901", domainSeparator, structHash));
}
