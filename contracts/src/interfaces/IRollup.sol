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

/// What stands behind a claim (spec 5.4.7).
enum Backing {
    /// The bond of a rival, held by the Tournament.
    Rival,
    /// The bond of a first claim, held by the Rollup.
    Bond,
    /// The stake of its claimer.
    Stake
}

/// What a Tournament asks its Rollup (spec 4.2.3).
interface IClaimers {
    /// Zero when there is no such claim.
    function claimerOf(bytes32 id) external view returns (address);
}

/// The tree of claims (spec 5.4), the rules that they are pinned to (spec 5.7) and the stakes behind them (spec 5.8).
interface IRollup is IClaimers {
    event Claimed(
        bytes32 indexed id,
        bytes32 indexed parent,
        bytes32 indexed tournament,
        uint64 batch,
        uint64 attempt,
        bytes32 stateRoot,
        bytes32 traceRoot,
        address claimer,
        uint40 postedAt,
        uint8 version,
        Backing backing
    );
    event Confirmed(bytes32 indexed id, uint64 batch, bytes32 stateRoot);
    event Credited(address indexed account, uint256 amount);
    event Withdrawn(address indexed account, address to, uint256 amount);
    event RulesAdded(uint8 indexed version, address indexed tournament);
    /// total: the stake after it.
    event Staked(address indexed account, uint256 amount, uint256 total);
    event Unstaked(address indexed account, uint256 amount);
    /// claim: the one that was challenged; its bond came out of the stake. epoch: the new one. All other pending claims
    /// behind this stake are unbacked from here on (spec 5.8.4).
    event StakeTaken(address indexed account, bytes32 indexed claim, uint256 amount, uint16 epoch);

    /// First claim of its tournament. Pays bond(0) of the rules in force, or nothing and stands behind the sender's stake.
    /// `lastLeaf`: proof (spec 2.2.2) of leaf 4^12 - 1 = stateRoot.
    function claim(
        ClaimRef calldata parent,
        uint64 attempt,
        bytes32 stateRoot,
        bytes32 traceRoot,
        bytes calldata lastLeaf
    ) external payable;
    /// A rival claim. `children` are the four children of its trace root; `firstStateRoot` and `firstTraceRoot` are of the
    /// tournament's first claim, and not read when there are rivals already.
    function challenge(
        ClaimRef calldata parent,
        bytes32 batchHash,
        uint64 attempt,
        bytes32 firstStateRoot,
        bytes32 firstTraceRoot,
        bytes32 stateRoot,
        bytes32[4] calldata children,
        bytes calldata lastLeaf
    ) external payable;
    /// Confirms the child of the latest confirmed claim (spec 5.4.4).
    function confirm(ClaimRef calldata claimed, uint64 attempt) external;
    /// Gives back the bond of an only claim whose parent lost (spec 5.4.5), after its window.
    function recover(ClaimRef calldata claimed, ClaimRef calldata parent, uint64 attempt) external;
    function withdraw(address payable to) external;
    /// Adds to the sender's stake.
    function stake() external payable;
    /// Turns the sender's whole stake into credit, when it is idle.
    function unstake() external;
    /// The governor only (spec 5.7.2).
    function addRules(address tournament) external;

    /// batch: index of the claim's batch; genesis has type(uint64).max and batch 0 is its child.
    function claimInfo(bytes32 id)
        external
        view
        returns (ClaimStatus status, address claimer, uint64 postedAt, uint64 batch);
    function firstClaim(bytes32 tournament) external view returns (bytes32 id);
    function latestConfirmed() external view returns (bytes32 id);
    function credits(address account) external view returns (uint256);
    function inbox() external view returns (address);
    function governor() external view returns (address);
    function rules(uint8 version) external view returns (address tournament);
    function rulesInForce() external view returns (uint8 version, address tournament);
    function rulesOf(bytes32 id) external view returns (uint8 version, address tournament);
    /// False for a pending claim whose stake was taken (spec 5.8.4) and for no claim.
    function isBacked(bytes32 id) external view returns (bool);
    /// latestPostedAt: dispute time of the account's latest claim behind it; zero: none.
    function stakeOf(address account)
        external
        view
        returns (uint256 amount, uint64 latestPostedAt, uint64 latestNextBatch, uint8 latestVersion, uint16 epoch);
    function genesis() external view returns (ClaimRef memory);
}
