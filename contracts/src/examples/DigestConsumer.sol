// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutbox, IOutputConsumer, OutputProof, TaskResult} from "../interfaces/IOutbox.sol";
import {MachineStatus} from "../machine/MachineStatus.sol";

/// An example of a contract that uses outputs: it keeps the digests that the `digest` app computed, each by its task's
/// hash. `record` pulls an output with its proof; `onOutput` takes one from the Outbox's `deliver`.
contract DigestConsumer is IOutputConsumer {
    event DigestRecorded(bytes32 indexed taskHash, uint64 taskNumber, bytes digest);

    error OnlyOutbox();
    error OtherApp(uint32 app);
    error TaskFailed(uint8 status, uint32 exitCode);
    error WrongOutputLength(uint256 length);

    /// The SHA-256 and the keccak-256 of the task's input.
    struct Digest {
        bytes32 sha256Digest;
        bytes32 keccakDigest;
    }

    IOutbox public immutable outbox;
    uint32 public immutable app;
    mapping(bytes32 taskHash => Digest) public digests;

    constructor(address outbox_, uint32 app_) {
        outbox = IOutbox(outbox_);
        app = app_;
    }

    function record(OutputProof calldata output, bytes calldata data) external {
        _record(output.taskNumber, output.taskHash, outbox.verifyOutputBytes(output, data), data);
    }

    function onOutput(uint64 taskNumber, bytes32 taskHash, TaskResult calldata taskResult, bytes calldata output)
        external
    {
        if (msg.sender != address(outbox)) revert OnlyOutbox();
        _record(taskNumber, taskHash, taskResult, output);
    }

    function _record(uint64 taskNumber, bytes32 taskHash, TaskResult memory taskResult, bytes calldata output) private {
        if (taskResult.app != app) revert OtherApp(taskResult.app);
        if (taskResult.status != MachineStatus.HALTED || taskResult.exitCode != 0) {
            revert TaskFailed(taskResult.status, taskResult.exitCode);
        }
        if (output.length != 64) revert WrongOutputLength(output.length);
        digests[taskHash] = Digest({sha256Digest: bytes32(output[:32]), keccakDigest: bytes32(output[32:])});
        emit DigestRecorded(taskHash, taskNumber, output);
    }
}
