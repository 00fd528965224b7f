// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutbox, IOutputConsumer, OutputProof, TaskResult} from "../interfaces/IOutbox.sol";
import {ClaimStatus, IRollup} from "../interfaces/IRollup.sol";
import {QuadProof, RootMismatch, ZeroRoots, quad, takeProof, zeroRoots} from "../machine/QuadProof.sol";
import {Witness, openWitness} from "../machine/Witness.sol";
import {rootOfBytes} from "./DataTree.sol";

/// What waits for a delivery. Each payout begins a new round: what was put up in an earlier one is spent.
struct Reward {
    uint128 amount;
    uint64 round;
}

/// What one account has put up in a round.
struct Contribution {
    uint128 amount;
    uint64 round;
    uint64 reclaimableAt;
}

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
    error NothingToReclaim();
    error TooEarly(uint256 reclaimableAt);
    error NothingToWithdraw();
    error TransferFailed();

    uint256 private constant OUTPUTS_HEIGHT = 20;
    uint256 private constant OUTPUT_HEIGHT = 12;
    /// Gas that `deliver` keeps for what it does after the call, refunds of storage left aside.
    uint256 private constant AFTER_CALL_GAS = 60_000;

    /// How long a reward stays put after its funder last added to it (spec 5.5.4).
    uint64 public constant RECLAIM_SECONDS = 30 days;

    address public immutable rollup;

    mapping(uint64 taskNumber => mapping(address consumer => bool)) public delivered;
    mapping(bytes32 taskHash => mapping(address consumer => Reward)) private _rewards;
    mapping(bytes32 taskHash => mapping(address consumer => mapping(address funder => Contribution))) private
        _contributions;
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
        Reward memory whole = _rewards[taskHash][consumer];
        Contribution memory own = _contributions[taskHash][consumer][msg.sender];
        if (own.round != whole.round) own.amount = 0;
        // There is less ETH than 2^128 wei.
        uint128 amount = uint128(msg.value);
        _rewards[taskHash][consumer] = Reward(whole.amount + amount, whole.round);
        _contributions[taskHash][consumer][msg.sender] =
            Contribution(own.amount + amount, whole.round, uint64(block.timestamp) + RECLAIM_SECONDS);
        emit Funded(taskHash, consumer, msg.value);
    }

    function reclaim(bytes32 taskHash, address consumer) external {
        Reward memory whole = _rewards[taskHash][consumer];
        Contribution memory own = _contributions[taskHash][consumer][msg.sender];
        if (own.amount == 0 || own.round != whole.round) revert NothingToReclaim();
        if (block.timestamp < own.reclaimableAt) revert TooEarly(own.reclaimableAt);
        delete _contributions[taskHash][consumer][msg.sender];
        _rewards[taskHash][consumer].amount = whole.amount - own.amount;
        credits[msg.sender] += own.amount;
        emit Reclaimed(taskHash, consumer, msg.sender, own.amount);
        emit Credited(msg.sender, own.amount);
    }

    function reward(bytes32 taskHash, address consumer) external view returns (uint256) {
        return _rewards[taskHash][consumer].amount;
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
            Reward memory paid = _rewards[output.taskHash][consumer];
            if (paid.amount != 0) {
                _rewards[output.taskHash][consumer] = Reward(0, paid.round + 1);
                credits[msg.sender] += paid.amount;
                emit Credited(msg.sender, paid.amount);
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
