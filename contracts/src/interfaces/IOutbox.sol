// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ClaimRef} from "./IRollup.sol";

/// Where an output is: a confirmed claim, the opening of its state root, and the proof of the output leaf.
struct OutputProof {
    ClaimRef claimed;
    bytes32 appsRoot;
    bytes32 outputsRoot;
    bytes32 counters;
    uint64 taskNumber;
    bytes32 taskHash;
    bytes32 outputRoot;
    bytes32 resultWord;
    bytes proof;
}

/// The fields of a result word (spec 2.6.3).
struct TaskResult {
    uint32 app;
    uint8 status;
    uint32 exitCode;
    uint64 stepsUsed;
    uint64 outputLength;
}

interface IOutputConsumer {
    function onOutput(uint64 taskNumber, bytes32 taskHash, TaskResult calldata taskResult, bytes calldata output)
        external;
}

/// Outputs proven against confirmed claims (spec 5.5).
interface IOutbox {
    event Delivered(uint64 indexed taskNumber, address indexed consumer, bool success);
    event Funded(bytes32 indexed taskHash, address indexed consumer, uint256 amount);
    event Reclaimed(bytes32 indexed taskHash, address indexed consumer, address indexed funder, uint256 amount);
    event Credited(address indexed account, uint256 amount);
    event Withdrawn(address indexed account, address to, uint256 amount);

    function verifyOutput(OutputProof calldata output) external view returns (TaskResult memory);
    function verifyOutputBytes(OutputProof calldata output, bytes calldata data)
        external
        view
        returns (TaskResult memory);
    /// One word (32 bytes) of the output, `proof` in the tree of height 12 under outputRoot.
    function verifyOutputWord(OutputProof calldata output, uint32 index, bytes32 word, bytes calldata proof)
        external
        view
        returns (TaskResult memory);
    function fund(bytes32 taskHash, address consumer) external payable;
    /// Credits the sender with what it has put up and nobody has earned for RECLAIM_SECONDS.
    function reclaim(bytes32 taskHash, address consumer) external;
    function deliver(OutputProof calldata output, bytes calldata data, address consumer, uint32 gasLimit) external;
    function withdraw(address payable to) external;

    function delivered(uint64 taskNumber, address consumer) external view returns (bool);
    /// What waits for whoever delivers an output of this task to the consumer.
    function reward(bytes32 taskHash, address consumer) external view returns (uint256);
    function credits(address account) external view returns (uint256);
    function rollup() external view returns (address);
}
