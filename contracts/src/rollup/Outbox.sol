// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutbox, IOutputConsumer, OutputProof, TaskResult} from "../interfaces/IOutbox.sol";
import {ClaimStatus, IRollup} from "../interfaces/IRollup.sol";
import {QuadProof, RootMismatch, ZeroRoots, quad, takeProof, zeroRoots} from "../machine/QuadProof.sol";
import {Witness, openWitness} from "../machine/Witness.sol";
import {rootOfBytes} from "./DataTree.sol";

/// Outputs proven against confirmed claims, and their delivery to contracts (spec 5.5).
contract Outbox is IOutbox {
    error NotConfirmed();
    error StateRootMismatch();
    error IndexOutOfRange();
    error LengthMismatch();
    error OutputMismatch();
    error AlreadyDelivered();
    error NotAContract();
    error TooLittleGas();
    error NothingToWithdraw();
    error TransferFailed();

    uint256 private constant OUTPUTS_HEIGHT = 20;
    uint256 private constant OUTPUT_HEIGHT = 12;
    /// Gas that `deliver` keeps for what it does after the call, refunds of storage left aside.
    uint256 private constant AFTER_CALL_GAS = 60_000;

    address public immutable rollup;

    mapping(uint64 taskNumber => mapping(address consumer => bool)) public delivered;
    mapping(bytes32 taskHash => mapping(address consumer => uint256 wei_)) public reward;
    mapping(address account => uint256 wei_) public credits;

    constructor(address rollup_) {
        rollup = rollup_;
    }

    function verifyOutput(OutputProof calldata output) external view returns (TaskResult memory) {
        return _verify(output, zeroRoots());
    }

    function verifyOutputBytes(OutputProof calldata output, bytes calldata data)
        external
        view
        returns (TaskResult memory)
    {
        return _verifyBytes(output, data);
    }

    function verifyOutputWord(OutputProof calldata output, uint32 index, bytes32 word, bytes calldata proof)
        external
        view
        returns (TaskResult memory)
    {
        ZeroRoots zeros = zeroRoots();
        _requireStateLeaf(output.outputRoot, OUTPUT_HEIGHT, index, word, proof, zeros);
        return _verify(output, zeros);
    }

    function fund(bytes32 taskHash, address consumer) external payable {
        reward[taskHash][consumer] += msg.value;
        emit Funded(taskHash, consumer, msg.value);
    }

    function deliver(OutputProof calldata output, bytes calldata data, address consumer, uint32 gasLimit) external {
        TaskResult memory taskResult = _verifyBytes(output, data);
        if (consumer.code.length == 0) revert NotAContract();
        if (delivered[output.taskNumber][consumer]) revert AlreadyDelivered();
        // Before the call, so that a consumer that calls back finds it done.
        delivered[output.taskNumber][consumer] = true;
        bool success = _call(
            consumer,
            gasLimit,
            abi.encodeCall(IOutputConsumer.onOutput, (output.taskNumber, output.taskHash, taskResult, data))
        );
        if (success) {
            uint256 amount = reward[output.taskHash][consumer];
            if (amount != 0) {
                delete reward[output.taskHash][consumer];
                credits[msg.sender] += amount;
                emit Credited(msg.sender, amount);
            }
        } else {
            delete delivered[output.taskNumber][consumer];
        }
        emit Delivered(output.taskNumber, consumer, success);
    }

    function withdraw(address payable to) external {
        uint256 amount = credits[msg.sender];
        if (amount == 0) revert NothingToWithdraw();
        delete credits[msg.sender];
        emit Withdrawn(msg.sender, to, amount);
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert TransferFailed();
    }

    function _verifyBytes(OutputProof calldata output, bytes calldata data)
        private
        view
        returns (TaskResult memory taskResult)
    {
        ZeroRoots zeros = zeroRoots();
        taskResult = _verify(output, zeros);
        if (data.length != taskResult.outputLength) revert LengthMismatch();
        if (data.length > 32 * 4 ** OUTPUT_HEIGHT) revert LengthMismatch();
        if (rootOfBytes(data, OUTPUT_HEIGHT, zeros) != output.outputRoot) revert OutputMismatch();
    }

    function _verify(OutputProof calldata output, ZeroRoots zeros) private view returns (TaskResult memory) {
        bytes32 claimId = quad(output.claimed.tournament, output.claimed.stateRoot, output.claimed.traceRoot, 0);
        (ClaimStatus status,,,) = IRollup(rollup).claimInfo(claimId);
        if (status != ClaimStatus.Confirmed) revert NotConfirmed();
        if (quad(output.appsRoot, output.outputsRoot, output.counters, 0) != output.claimed.stateRoot) {
            revert StateRootMismatch();
        }
        bytes32 leaf = quad(output.taskHash, output.outputRoot, output.resultWord, 0);
        _requireStateLeaf(output.outputsRoot, OUTPUTS_HEIGHT, output.taskNumber, leaf, output.proof, zeros);
        // Spec 2.6.3. The casts cut each field out of the word.
        uint256 word = uint256(output.resultWord);
        return TaskResult({
            app: uint32(word >> 168),
            status: uint8(word >> 160),
            exitCode: uint32(word >> 128),
            stepsUsed: uint64(word >> 64),
            outputLength: uint64(word)
        });
    }

    function _requireStateLeaf(
        bytes32 root,
        uint256 height,
        uint256 index,
        bytes32 leaf,
        bytes calldata proof,
        ZeroRoots zeros
    ) private pure {
        // A proof takes the index modulo 4^height: a larger one would be a second name of the same leaf.
        if (index >> (2 * height) != 0) revert IndexOutOfRange();
        (QuadProof siblings, Witness rest) = takeProof(openWitness(proof), height);
        rest.close();
        if (siblings.stateRoot(leaf, index, height, zeros) != root) revert RootMismatch();
    }

    /// Calls with exactly `gasLimit` gas and takes no return data.
    function _call(address target, uint256 gasLimit, bytes memory data) private returns (bool success) {
        // The call itself may take 1/64 less than what is left, and costs of its own.
        if (gasleft() * 63 / 64 < gasLimit + AFTER_CALL_GAS) revert TooLittleGas();
        // Assembly because a Solidity call copies all return data to memory, at this contract's cost.
        assembly ("memory-safe") {
            success := call(gasLimit, target, 0, add(data, 0x20), mload(data), 0, 0)
        }
    }
}
