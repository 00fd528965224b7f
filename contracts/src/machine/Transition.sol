// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {Machine, controlWord, swapLanes, takeMachine} from "./Machine.sol";
import {MachineStatus} from "./MachineStatus.sol";
import {LeafNotEmpty, QuadProof, RootMismatch, ZeroRoots, quad, takeAccess, zeroRoots} from "./QuadProof.sol";
import {Task, takeTask} from "./Task.sol";
import {Witness, openWitness} from "./Witness.sol";

// The transitions of level 0 (spec 3.3).

/// A chunk of instructions on a loaded machine is proven by a trace of level 1 (spec 3.3.2).
error ChunkNotProvable();

using {takeMachine, takeAccess, takeTask} for Witness;

// spec 2.8.1
uint256 constant PHASES = 4096;
uint256 constant STORE_PHASE = 4095;

// spec 2.5.1, 2.6.3
uint256 constant APPS_HEIGHT = 16;
uint256 constant OUTPUTS_HEIGHT = 20;

// spec 2.5.2
uint256 constant STATEFUL = 1;

/// The rollup state (spec 2.4.1).
struct Sigma {
    bytes32 appsRoot;
    bytes32 outputsRoot;
    uint64 outputsCount;
    uint64 appsCount;
    bytes32 machineRoot;
}

/// The fields of an output's result word (spec 2.6.3).
struct Result {
    uint64 outputLength;
    uint64 stepsUsed;
    uint32 exitCode;
    uint8 status;
    uint32 app;
}

using {sigmaRoot} for Sigma;

/// spec 3.3
function transitionBatch(
    IStepVerifier.BatchContext calldata batch,
    bytes32 sigmaBefore,
    uint64 position,
    bytes calldata data
) pure returns (bytes32) {
    Witness witness = openWitness(data);
    uint256 number = position / PHASES;
    uint256 phase = position % PHASES;
    if (number >= batch.count) {
        witness.close();
        return sigmaBefore;
    }
    Sigma memory sigma;
    (sigma, witness) = takeSigma(witness, sigmaBefore);
    if (phase != 0) {
        if (sigma.machineRoot == 0) {
            witness.close();
            return sigmaBefore;
        }
        if (phase != STORE_PHASE) revert ChunkNotProvable();
    }
    ZeroRoots zeros = zeroRoots();
    Task memory task;
    (task, witness) = witness.takeTask(batch.tasksRoot, number, zeros);
    witness = phase == 0 ? load(batch, sigma, task, witness, zeros) : store(sigma, task, witness, zeros);
    witness.close();
    return sigma.sigmaRoot();
}

// ---- Load -----------------------------------------------------------------------------------------------------------

/// spec 3.3.3
function load(
    IStepVerifier.BatchContext calldata batch,
    Sigma memory sigma,
    Task memory task,
    Witness witness,
    ZeroRoots zeros
) pure returns (Witness) {
    (bool signed, address sender) = task.sender(batch.domainSeparator);
    Result memory result;
    result.app = task.target();
    if (!signed) {
        result.status = MachineStatus.BAD_SIGNATURE;
    } else if (task.isDeploy()) {
        witness = deploy(sigma, task, sender, witness, zeros);
        result.status = MachineStatus.DEPLOYED;
        unchecked {
            // deploy has counted the app, so its number is one below the count.
            result.app = uint32(sigma.appsCount - 1);
        }
    } else if (task.target() >= sigma.appsCount) {
        result.status = MachineStatus.UNKNOWN_APP;
    } else {
        return run(batch, sigma, task, sender, witness, zeros);
    }
    return append(sigma, task, zeros.zero(12), result, witness, zeros);
}

/// spec 3.3.3 (b)
function deploy(Sigma memory sigma, Task memory task, address sender, Witness witness, ZeroRoots zeros)
    pure
    returns (Witness)
{
    bytes32 head = bytes32(uint256(task.limit()) | uint256(task.target() & 0xff) << 64);
    bytes32 app = quad(task.dataRoot, bytes32(uint256(uint160(sender))), head, 0);
    (sigma.appsRoot, witness) = fill(witness, sigma.appsRoot, sigma.appsCount, APPS_HEIGHT, app, zeros);
    sigma.appsCount++;
    return witness;
}

/// spec 3.3.3 (d): the machine of spec 1.8 on the app's memory and the task's input.
function run(
    IStepVerifier.BatchContext calldata batch,
    Sigma memory sigma,
    Task memory task,
    address sender,
    Witness witness,
    ZeroRoots zeros
) pure returns (Witness) {
    bytes32 leaf;
    QuadProof proof;
    (leaf, proof, witness) = witness.takeAccess(APPS_HEIGHT);
    if (proof.stateRoot(leaf, task.target(), APPS_HEIGHT, zeros) != sigma.appsRoot) revert RootMismatch();
    bytes32[4] memory app;
    (app, witness) = witness.opening(leaf);
    bytes32[4] memory slots;
    (slots, witness) = witness.opening(app[0]);
    bytes32[4] memory middle;
    (middle, witness) = witness.opening(slots[1]);
    bytes32 memoryRoot = quad(slots[0], quad(middle[0], middle[1], task.dataRoot, zeros.zero(12)), slots[2], slots[3]);

    // Words of the register groups, four registers each; the sender's 20 bytes are in x14, x15 and half of x16.
    uint256 arguments = uint256(task.inputLength()) << 64 | sigma.outputsCount;
    uint256 times = uint256(batch.time) << 192 | uint256(batch.blockNumber) << 128;
    uint256 from = uint256(uint160(sender)) << 96;
    bytes32 low = quad(
        bytes32(swapLanes(uint256(0xc0000000) << 64)),
        0,
        bytes32(swapLanes(arguments)),
        bytes32(swapLanes(times) | from >> 128)
    );
    bytes32 high = quad(bytes32(from << 128 | swapLanes(uint256(task.nonce()) << 128)), 0, 0, 0);
    uint64 entry = uint64(uint256(app[2]));
    sigma.machineRoot = quad(memoryRoot, low, high, controlWord(entry, task.limit(), 0, MachineStatus.RUNNING, 0));
    return witness;
}

// ---- Store ----------------------------------------------------------------------------------------------------------

/// spec 3.3.4
function store(Sigma memory sigma, Task memory task, Witness witness, ZeroRoots zeros) pure returns (Witness) {
    Machine memory m = witness.takeMachine();
    m.takeMemoryRoot(sigma.machineRoot);
    witness = m.witness;
    Result memory result;
    result.status = m.status == MachineStatus.RUNNING ? MachineStatus.OUT_OF_STEPS : uint8(m.status);
    result.app = task.target();
    unchecked {
        // Modulo 2^64 by the spec; in a machine that was loaded from this task it cannot wrap.
        result.stepsUsed = task.limit() - uint64(m.stepsLeft);
    }
    bytes32 outputRoot = zeros.zero(12);
    if (m.status == MachineStatus.HALTED) {
        bytes32[4] memory slots;
        (slots, witness) = witness.opening(m.memoryRoot);
        bytes32[4] memory middle;
        (middle, witness) = witness.opening(slots[1]);
        outputRoot = middle[3];
        result.outputLength = m.x(11);
        result.exitCode = m.exitCode();
        if (result.exitCode == 0) witness = keep(sigma, task, slots, middle, witness, zeros);
    }
    sigma.machineRoot = 0;
    return append(sigma, task, outputRoot, result, witness, zeros);
}

/// The RAM of a stateful app after a task that succeeded (spec 3.3.4 (a)).
function keep(
    Sigma memory sigma,
    Task memory task,
    bytes32[4] memory slots,
    bytes32[4] memory middle,
    Witness witness,
    ZeroRoots zeros
) pure returns (Witness) {
    uint256 number = task.target();
    bytes32 leaf;
    QuadProof proof;
    (leaf, proof, witness) = witness.takeAccess(APPS_HEIGHT);
    if (proof.stateRoot(leaf, number, APPS_HEIGHT, zeros) != sigma.appsRoot) revert RootMismatch();
    bytes32[4] memory app;
    (app, witness) = witness.opening(leaf);
    if (uint8(uint256(app[2]) >> 64) == STATEFUL) {
        bytes32 ram =
            quad(slots[0], quad(middle[0], middle[1], zeros.zero(12), zeros.zero(12)), zeros.zero(13), slots[3]);
        leaf = quad(ram, app[1], app[2], 0);
        sigma.appsRoot = proof.stateRoot(leaf, number, APPS_HEIGHT, zeros);
    }
    return witness;
}

// ---- Parts ----------------------------------------------------------------------------------------------------------

/// spec 3.3.5
function append(
    Sigma memory sigma,
    Task memory task,
    bytes32 outputRoot,
    Result memory result,
    Witness witness,
    ZeroRoots zeros
) pure returns (Witness) {
    uint256 word = uint256(result.outputLength) | uint256(result.stepsUsed) << 64 | uint256(result.exitCode) << 128
        | uint256(result.status) << 160 | uint256(result.app) << 168;
    bytes32 leaf = quad(task.hash, outputRoot, bytes32(word), 0);
    (sigma.outputsRoot, witness) = fill(witness, sigma.outputsRoot, sigma.outputsCount, OUTPUTS_HEIGHT, leaf, zeros);
    sigma.outputsCount++;
    return witness;
}

/// An access that writes a leaf which must be zero.
function fill(Witness witness, bytes32 root, uint256 index, uint256 height, bytes32 leaf, ZeroRoots zeros)
    pure
    returns (bytes32, Witness)
{
    (bytes32 before, QuadProof proof, Witness rest) = witness.takeAccess(height);
    if (proof.stateRoot(before, index, height, zeros) != root) revert RootMismatch();
    if (before != 0) revert LeafNotEmpty();
    return (proof.stateRoot(leaf, index, height, zeros), rest);
}

/// The opening of a rollup state (spec 2.4.1).
function takeSigma(Witness witness, bytes32 node) pure returns (Sigma memory sigma, Witness) {
    (bytes32[4] memory words, Witness rest) = witness.opening(node);
    sigma.appsRoot = words[0];
    sigma.outputsRoot = words[1];
    sigma.outputsCount = uint64(uint256(words[2]));
    sigma.appsCount = uint64(uint256(words[2]) >> 64);
    sigma.machineRoot = words[3];
    return (sigma, rest);
}

function sigmaRoot(Sigma memory self) pure returns (bytes32) {
    bytes32 counters = bytes32(uint256(self.outputsCount) | uint256(self.appsCount) << 64);
    return quad(self.appsRoot, self.outputsRoot, counters, self.machineRoot);
}
