// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A part of published data: a subtree of height 5 (spec 5.3).
struct Chunk {
    uint32 index;
    bytes32 root;
}

/// Ordering and data availability (spec 5.1 to 5.3).
interface IInbox {
    event BatchAppended(
        uint64 indexed index,
        bytes32 batchHash,
        bytes32 tasksRoot,
        uint64 count,
        uint64 time,
        uint64 blockNumber,
        uint64 directFirst,
        uint64 directCount
    );
    /// data: the task as in spec 5.1.3 with v = 0, r = sender, s = 0.
    event TaskSubmitted(uint64 indexed queueIndex, bytes32 taskHash, bytes data);
    /// Once for each root: the data is the calldata of this transaction.
    event ChunkPublished(bytes32 indexed root);
    event Credited(address indexed account, uint256 amount);
    event Withdrawn(address indexed account, address to, uint256 amount);

    function append(uint64 time, uint64 blockNumber, uint64 directCount, bytes calldata tasks) external;
    function force(uint64 maxCount) external;
    function submitRun(uint32 app, uint64 nonce, uint64 stepLimit, bytes calldata input) external payable;
    function submitRunPublished(uint32 app, uint64 nonce, uint64 stepLimit, uint32 inputLength, Chunk[] calldata chunks)
        external
        payable;
    function submitDeploy(uint8 policy, uint64 nonce, uint64 entry, Chunk[] calldata chunks) external payable;
    function publish(bytes calldata data) external returns (bytes32 root);
    /// The caller's credits: a sequencer's share of the direct fees (spec 5.1.6).
    function withdraw(address payable to) external;

    /// Sequencers are a set fixed at deployment (spec 5.6).
    function isSequencer(address account) external view returns (bool);
    function batchCount() external view returns (uint64);
    /// Hash after batch `index`; zero when there is none.
    function batchHash(uint64 index) external view returns (bytes32);
    function domainSeparator() external view returns (bytes32);
    /// All batches that are there can be executed within this, at maxBatchSteps per replaySeconds (spec 5.1.7).
    function replaySeconds() external view returns (uint32);
    /// Steps that a batch may have in this block (spec 5.1.7).
    function freeSteps() external view returns (uint64);
    function isPublished(bytes32 root) external view returns (bool);
    /// First task not yet in a batch, and the end of the queue.
    function directQueue() external view returns (uint64 head, uint64 tail);
    /// What submitRun and submitRunPublished must be paid, exactly. submitDeploy is paid nothing.
    function directFee(uint64 stepLimit) external view returns (uint256);
    function credits(address account) external view returns (uint256);
}
