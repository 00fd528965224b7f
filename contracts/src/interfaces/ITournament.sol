// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Progress} from "../dispute/Progress.sol";

struct Parameters {
    uint32 censorshipSeconds;
    uint32 graceSeconds;
    uint32 replaySeconds;
    uint32 traceSeconds;
    uint128 stake0;
    uint128 stake1;
    /// Highest gas price, in wei, at which moves are refunded; gas reserves are priced at it.
    uint128 priceCeiling;
}

struct MatchId {
    bytes32 tournament;
    bytes32 one;
    bytes32 two;
}

/// State of a match in bisection (spec 4.3.1).
struct Bisection {
    bytes32 node;
    bytes32[4] children;
    Progress progress;
}

/// State of a sealed match, phases leaf and inner (spec 4.3.3).
struct Leaf {
    bytes32 agreed;
    bytes32 leafOne;
    bytes32 leafTwo;
    Progress progress;
}

/// Of the side that wins a match: the four children of its root, needed when it is paired again, and at level 0 its
/// state root, which with the trace root names its claim (spec 4.10.9).
struct Winner {
    bytes32[4] children;
    bytes32 stateRoot;
}

/// The opening of the agreed sigma and the two contested ones (spec 4.2.3).
struct InnerContext {
    bytes32 appsRoot;
    bytes32 outputsRoot;
    bytes32 counters;
    bytes32 machineRoot;
    bytes32 sigmaOne;
    bytes32 sigmaTwo;
}

/// Preimage of the id of a level 0 tournament (spec 4.2.2) and of the batch hash in it (spec 2.7.2).
struct TournamentPreimage {
    bytes32 parentClaim;
    uint64 attempt;
    bytes32 previousBatch;
    bytes32 tasksRoot;
    uint64 count;
    uint64 time;
    uint64 blockNumber;
}

enum Outcome {
    BothOut,
    One,
    Two
}

enum Result {
    Undecided,
    Winner,
    NoWinner
}

/// What a claim needs to know of the rules that it is pinned to (spec 5.4.8).
struct Terms {
    /// bond(0), wei.
    uint256 bond;
    /// A0, seconds.
    uint32 window;
    /// Dispute time (spec 4.8.2).
    uint40 time;
    bool paused;
    /// Whether the tournament asked for is open.
    bool open;
}

/// All tournaments of both levels (spec 4), under one version of the rules (spec 5.7).
interface ITournament {
    /// A level 0 tournament, with its first commitment. Those of level 1 open with InnerOpened. Times in all events but
    /// Paused are dispute time.
    event Opened(
        bytes32 indexed tournament, bytes32 initial, bytes32 firstRoot, address firstClaimer, uint40 startedAt
    );
    event InnerOpened(
        bytes32 indexed matchId, InnerContext context, uint40 startedAt, uint32 allowanceOne, uint32 allowanceTwo
    );
    /// class: 0 at level 0; 1 or 2 at level 1.
    event Joined(
        bytes32 indexed tournament,
        bytes32 indexed root,
        address indexed claimer,
        uint8 class,
        uint32 balance,
        bytes32[4] children
    );
    event Matched(bytes32 indexed tournament, bytes32 indexed matchId, bytes32 one, bytes32 two, Bisection state);
    /// opened: the four children of the node that the mover opened. At the first move they are those of root one, which
    /// the first claim of a level 0 tournament has not shown; its winner's children are needed to pair it again.
    event Advanced(bytes32 indexed matchId, bytes32[4] opened, Bisection state);
    event Sealed(bytes32 indexed matchId, Leaf state);
    event MatchEnded(bytes32 indexed tournament, bytes32 indexed matchId, Outcome outcome);
    event Settled(bytes32 indexed tournament, Result result, bytes32 winner);
    event Credited(address indexed account, uint256 amount);
    event Withdrawn(address indexed account, address to, uint256 amount);
    /// since: block time; before: seconds of the pauses that have ended (spec 4.8.4).
    event Paused(uint40 since, uint32 before);
    event Unpaused(uint32 before);

    /// Rollup only, which has checked the last leaves and that the root is new. Brings in the root with the children
    /// given. When the tournament is not open, opens it with the first claim and takes 2 bond(0), else bond(0).
    /// initial: the parent's state root; it and the three after it are read when the tournament opens.
    function join(
        bytes32 tournament,
        bytes32 initial,
        bytes32 firstRoot,
        address firstClaimer,
        uint40 firstPostedAt,
        bytes32[4] calldata children,
        address claimer
    ) external payable;
    /// class: 1 or 2. machineRoot: the last leaf, proven by `lastLeaf` (spec 2.2.2); value = bond(1).
    function joinInner(
        bytes32 tournament,
        InnerContext calldata context,
        uint8 class,
        bytes32 machineRoot,
        bytes32[4] calldata children,
        bytes calldata lastLeaf
    ) external payable;

    /// children and progress are of the match's state; its node is the one that `opened` opens.
    function advance(
        bytes32 matchId,
        bytes32[4] calldata children,
        Progress progress,
        bytes32[4] calldata opened,
        bytes32[4] calldata next
    ) external;
    /// children and progress are of the match's state; its node is the one that `leaves` open.
    /// agreed (spec 4.3.3): empty when leaf p - 1 is among `leaves`, and for p = 0 at level 1; for p = 0 at level 0 the
    /// parent claim's tournament, state root and trace root, the batch hash and the attempt as a word (160 bytes); else
    /// leaf p - 1 (32 bytes) and its proof (spec 2.2.2) against the mover's root.
    /// opening: of the agreed sigma when p is a chunk at level 0, else four zero words. For p = 0 at level 1,
    /// context is the inner context, else it may be zero.
    function seal(
        MatchId calldata id,
        bytes32[4] calldata children,
        Progress progress,
        bytes32[4] calldata leaves,
        bytes calldata agreed,
        bytes32[4] calldata opening,
        InnerContext calldata context
    ) external;
    function proveTransition(
        MatchId calldata id,
        Leaf calldata state,
        TournamentPreimage calldata preimage,
        bytes calldata witness,
        Winner calldata winner
    ) external;
    function proveStep(MatchId calldata id, Leaf calldata state, bytes calldata witness, Winner calldata winner)
        external;
    function timeout(MatchId calldata id, Bisection calldata state, Winner calldata winner) external;
    function eliminate(MatchId calldata id, Leaf calldata state) external;
    function resolveInner(MatchId calldata id, Leaf calldata state, Winner calldata winner) external;
    /// stateRoot: of the winning claim; not read when there is none.
    function settle(bytes32 tournament, bytes32 stateRoot) external;
    function withdraw(address payable to) external;
    /// The guardian only (spec 4.8).
    function pause() external;
    function unpause() external;

    function terms(bytes32 tournament) external view returns (Terms memory);
    function result(bytes32 tournament) external view returns (Result result_, bytes32 winner);
    function arena(bytes32 tournament)
        external
        view
        returns (
            uint8 level,
            uint40 startedAt,
            uint32 allowanceOne,
            uint32 allowanceTwo,
            uint32 liveMatches,
            bytes32 dangling,
            Result result_
        );
    /// Seconds that the dangling commitment has left.
    function danglingBalance(bytes32 tournament) external view returns (uint32);
    /// Wei kept for the winner of the level 0 tournament (spec 4.6.3), so far in this one.
    function pot(bytes32 tournament) external view returns (uint256);
    /// Of level 1 alone; the claimers of level 0 are in the Rollup.
    function commitment(bytes32 tournament, bytes32 root) external view returns (address claimer, uint8 class);
    function matchHash(bytes32 matchId) external view returns (bytes32);
    function bond(uint8 level) external view returns (uint256);
    function credits(address account) external view returns (uint256);
    function parameters() external view returns (Parameters memory);
    function allowance() external view returns (uint32);
    function rollup() external view returns (address);
    function domainSeparator() external view returns (bytes32);
    /// Account that is credited with what a match leaves over (spec 4.6.3).
    function treasury() external view returns (address);
    function guardian() external view returns (address);
    function pauseBudgetSeconds() external view returns (uint32);
    /// since is zero when no pause runs (spec 4.8.4).
    function pauses() external view returns (uint40 since, uint32 before);
}
