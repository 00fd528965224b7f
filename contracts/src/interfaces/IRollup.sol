// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Preimage of a claim id (spec 5.4.1).
struct ClaimRef {
    bytes32 tournament;
    bytes32 stateRoot;
    bytes32 traceRoot;
}

enum ClaimStatus {
    None,
    Pending,
    Confirmed
}

/// The tree of claims (spec 5.4).
interface IRollup {
    event Claimed(
        bytes32 indexed id,
        bytes32 indexed parent,
        bytes32 indexed tournament,
        uint64 batch,
        uint64 attempt,
        bytes32 stateRoot,
        bytes32 traceRoot,
        address claimer
    );
    event Confirmed(bytes32 indexed id, uint64 batch, bytes32 stateRoot);
    event Credited(address indexed account, uint256 amount);
    event Withdrawn(address indexed account, address to, uint256 amount);

    /// First claim of its tournament. Pays bond(0). `lastLeaf`: proof (spec 2.2.2) of leaf 4^12 - 1 = stateRoot.
    function claim(
        ClaimRef calldata parent,
        uint64 attempt,
        bytes32 stateRoot,
        bytes32 traceRoot,
        bytes calldata lastLeaf
    ) external payable;
    /// A rival claim. `children` are the four children of its trace root; `first` is the tournament's first claim.
    function challenge(
        ClaimRef calldata parent,
        uint64 attempt,
        ClaimRef calldata first,
        bytes32 stateRoot,
        bytes32[4] calldata children,
        bytes calldata lastLeaf
    ) external payable;
    /// Confirms the child of the latest confirmed claim (spec 5.4.4).
    function confirm(ClaimRef calldata claimed, uint64 attempt) external;
    /// Gives back the bond of an only claim whose parent lost (spec 5.4.5), after its window.
    function recover(ClaimRef calldata claimed, ClaimRef calldata parent, uint64 attempt) external;
    function withdraw(address payable to) external;

    /// batch: index of the claim's batch; genesis has type(uint64).max and batch 0 is its child.
    function claimInfo(bytes32 id)
        external
        view
        returns (ClaimStatus status, address claimer, uint64 postedAt, uint64 batch);
    function firstClaim(bytes32 tournament) external view returns (bytes32 id);
    function latestConfirmed() external view returns (bytes32 id);
    function credits(address account) external view returns (uint256);
    function inbox() external view returns (address);
    function tournaments() external view returns (address);
    function genesis() external view returns (ClaimRef memory);
}
