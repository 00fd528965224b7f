// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

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

/// State of a match in bisection (spec 4.3.1). Times and balances in seconds, spent in wei.
struct Bisection {
    bytes32 node;
    bytes32[4] children;
    uint64 position;
    uint8 height;
    uint40 since;
    uint32 balanceOne;
    uint32 balanceTwo;
    uint96 spent;
}

/// State of a sealed match, phases leaf and inner (spec 4.3.3).
struct Leaf {
    bytes32 agreed;
    bytes32 leafOne;
    bytes32 leafTwo;
    uint64 position;
    uint40 since;
    uint32 balanceOne;
    uint32 balanceTwo;
    uint96 spent;
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

enum Phase {
    None,
    Bisect,
    AtLeaf,
    Inner
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

/// All tournaments of both levels (spec 4).
interface ITournament {
    /// A level 0 tournament. Those of level 1 open with InnerOpened.
    event Opened(bytes32 indexed tournament, uint8 level, bytes32 initial, uint40 startedAt);
    event InnerOpened(
        bytes32 indexed matchId, InnerContext context, uint40 startedAt, uint32 allowanceOne, uint32 allowanceTwo
    );
    /// class: 0 at level 0; 1 or 2 at level 1. children are zero for the first claim of a level 0 tournament.
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
    event Sealed(bytes32 indexed matchId, Phase phase, Leaf state);
    event MatchEnded(bytes32 indexed tournament, bytes32 indexed matchId, Outcome outcome);
    event Settled(bytes32 indexed tournament, Result result, bytes32 winner);
    event Credited(address indexed account, uint256 amount);
    event Withdrawn(address indexed account, address to, uint256 amount);

    /// Rollup only, which has checked both last leaves. Opens a level 0 tournament with its first claim and its first
    /// rival, whose root has the children given; value = 2 bond(0). initial: the parent's state root.
    function open(
        bytes32 tournament,
        bytes32 initial,
        bytes32 firstRoot,
        address firstClaimer,
        uint40 startedAt,
        bytes32[4] calldata children,
        address claimer
    ) external payable;
    /// Rollup only, which has checked the last leaf; value = bond(0).
    function join(bytes32 tournament, bytes32[4] calldata children, address claimer) external payable;
    /// class: 1 or 2. machineRoot: the last leaf, proven by `lastLeaf` (spec 2.2.2); value = bond(1).
    function joinInner(
        bytes32 tournament,
        InnerContext calldata context,
        uint8 class,
        bytes32 machineRoot,
        bytes32[4] calldata children,
        bytes calldata lastLeaf
    ) external payable;

    function advance(
        MatchId calldata id,
        Bisection calldata state,
        bytes32[4] calldata opened,
        bytes32[4] calldata next
    ) external;
    /// agreed (spec 4.3.3): empty when leaf p - 1 is among `leaves`, and for p = 0 at level 1; for p = 0 at level 0 the
    /// parent claim's tournament, state root and trace root, the batch hash and the attempt as a word (160 bytes); else
    /// leaf p - 1 (32 bytes) and its proof (spec 2.2.2) against the mover's root.
    /// opening: of the agreed sigma when p is a chunk at level 0, else four zero words. For p = 0 at level 1,
    /// context is the inner context, else it may be zero.
    function seal(
        MatchId calldata id,
        Bisection calldata state,
        bytes32[4] calldata leaves,
        bytes calldata agreed,
        bytes32[4] calldata opening,
        InnerContext calldata context
    ) external;
    /// winnerChildren: the four children of the winner's root, needed when the winner is paired again.
    function proveTransition(
        MatchId calldata id,
        Leaf calldata state,
        TournamentPreimage calldata preimage,
        bytes calldata witness,
        bytes32[4] calldata winnerChildren
    ) external;
    function proveStep(
        MatchId calldata id,
        Leaf calldata state,
        bytes calldata witness,
        bytes32[4] calldata winnerChildren
    ) external;
    function timeout(MatchId calldata id, Bisection calldata state, bytes32[4] calldata winnerChildren) external;
    function eliminate(MatchId calldata id, Leaf calldata state) external;
    function resolveInner(MatchId calldata id, Leaf calldata state, bytes32[4] calldata winnerChildren) external;
    function settle(bytes32 tournament) external;
    function withdraw(address payable to) external;

    function isOpen(bytes32 tournament) external view returns (bool);
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
    function commitment(bytes32 tournament, bytes32 root)
        external
        view
        returns (address claimer, uint32 balance, uint8 class, bool eliminated);
    function matchHash(bytes32 matchId) external view returns (bytes32);
    function bond(uint8 level) external view returns (uint256);
    function credits(address account) external view returns (uint256);
    function parameters() external view returns (Parameters memory);
    function allowance() external view returns (uint32);
    function rollup() external view returns (address);
    /// Account that is credited with what a match leaves over (spec 4.6.3).
    function treasury() external view returns (address);
}
