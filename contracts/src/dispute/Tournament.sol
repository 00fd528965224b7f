// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {
    Bisection,
    InnerContext,
    ITournament,
    Leaf,
    MatchId,
    Outcome,
    Parameters,
    Phase,
    Result,
    TournamentPreimage
} from "../interfaces/ITournament.sol";
import {quad} from "../machine/QuadProof.sol";
import {requireTraceLeaf} from "./TraceLeaf.sol";
import {Arena, newArena} from "./Arena.sol";
import {Clock, runningClock} from "./Clock.sol";
import {Commitment, newCommitment} from "./Commitment.sol";
import {bisectionHash, firstDifference, leafHash, matchIdOf, oneMoves, quadOf, requireOpens} from "./Match.sol";

/// All tournaments of both levels, their matches, clocks and bonds (spec 4). It runs no loop over participants and sends
/// ETH to nobody who does not ask for it.
contract Tournament is ITournament {
    error OnlyRollup();
    error WrongBond(uint256 expected);
    error ParametersOutOfRange();
    error AlreadyOpen();
    error NoTournament();
    error WrongLevel();
    error WindowClosed();
    error WindowOpen();
    error RootAlreadyJoined();
    error WrongClass();
    error WrongContext();
    error WrongState();
    error WrongHeight();
    error WrongAgreed();
    error WrongPreimage();
    error NotOverdue();
    error NeitherLeaf(bytes32 proven);
    error Undecidable();
    error AlreadySettled();
    error MatchesLive();
    error NothingToWithdraw();
    error TransferFailed();

    uint8 public constant HEIGHT_0 = 12;
    uint8 public constant HEIGHT_1 = 14;
    /// Positions of one task at level 0, spec 2.8.1: the first is load, the last store, the rest are chunks.
    uint256 private constant POSITIONS_PER_TASK = 4096;

    /// What a move is refunded, in gas (spec 4.6.2): what it costs all in, rounded up.
    uint256 public constant ADVANCE_GAS = 71_000;
    uint256 public constant SEAL_GAS = 130_000;
    uint256 public constant PROVE_GAS = 250_000;
    uint256 public constant TIMEOUT_GAS = 150_000;
    uint256 public constant ELIMINATE_GAS = 100_000;
    uint256 public constant RESOLVE_GAS = 160_000;

    IStepVerifier public immutable verifier;
    address public immutable rollup;
    address public immutable treasury;
    bytes32 public immutable domainSeparator;
    uint32 public immutable allowance;

    uint32 private immutable CENSORSHIP;
    uint32 private immutable GRACE;
    uint32 private immutable REPLAY;
    uint32 private immutable TRACE;
    uint128 private immutable STAKE_0;
    uint128 private immutable STAKE_1;
    uint128 private immutable PRICE_CEILING;
    uint256 private immutable BOND_0;
    uint256 private immutable BOND_1;

    mapping(bytes32 tournament => Arena) private _arenas;
    /// The commitment that dangles, when the arena says that one does; after the end of a tournament, its winner. It is
    /// not cleared when it is paired: the winner of that match dangles again, and a slot that is not zero costs less.
    mapping(bytes32 tournament => bytes32 root) private _dangling;
    /// Hash of the InnerContext of a level 1 tournament.
    mapping(bytes32 tournament => bytes32) private _contexts;
    mapping(bytes32 tournament => mapping(bytes32 root => Commitment)) private _commitments;
    /// Spec 4.3: a match is one slot, cleared when it ends.
    mapping(bytes32 matchId => bytes32) private _matches;
    mapping(address account => uint256 wei_) public credits;

    /// rollup_: the only caller of open and join. treasury_: spec 4.1.
    constructor(
        address verifier_,
        bytes32 domainSeparator_,
        Parameters memory parameters_,
        address rollup_,
        address treasury_
    ) {
        uint256 grant = uint256(parameters_.traceSeconds) + parameters_.graceSeconds;
        uint256 window = uint256(parameters_.censorshipSeconds) + parameters_.replaySeconds + 2
            * uint256(parameters_.graceSeconds) + 1;
        if (window + grant > type(uint32).max) revert ParametersOutOfRange();
        uint256 reserve0 = _reserveGas(HEIGHT_0) * parameters_.priceCeiling;
        uint256 reserve1 = _reserveGas(HEIGHT_1) * parameters_.priceCeiling;
        if (reserve0 > type(uint96).max || reserve1 > type(uint96).max) revert ParametersOutOfRange();

        verifier = IStepVerifier(verifier_);
        rollup = rollup_;
        treasury = treasury_;
        domainSeparator = domainSeparator_;
        allowance = uint32(window);
        CENSORSHIP = parameters_.censorshipSeconds;
        GRACE = parameters_.graceSeconds;
        REPLAY = parameters_.replaySeconds;
        TRACE = parameters_.traceSeconds;
        STAKE_0 = parameters_.stake0;
        STAKE_1 = parameters_.stake1;
        PRICE_CEILING = parameters_.priceCeiling;
        BOND_0 = parameters_.stake0 + reserve0;
        BOND_1 = parameters_.stake1 + reserve1;
    }

    // Joining (spec 4.2)

    function open(
        bytes32 tournament,
        bytes32 initial,
        bytes32 firstRoot,
        address firstClaimer,
        uint40 startedAt,
        bytes32[4] calldata children,
        address claimer
    ) external payable {
        if (msg.sender != rollup) revert OnlyRollup();
        if (msg.value != 2 * BOND_0) revert WrongBond(2 * BOND_0);
        if (_arenas[tournament].isOpen()) revert AlreadyOpen();
        emit Opened(tournament, 0, initial, startedAt);
        bytes32[4] memory unknown;
        _commitments[tournament][firstRoot] = newCommitment(firstClaimer, allowance, 0);
        emit Joined(tournament, firstRoot, firstClaimer, 0, allowance, unknown);

        Arena arena_ = newArena(0, startedAt, allowance, allowance);
        bytes32 root = quadOf(children);
        uint32 balance = _join(tournament, arena_, root, 0, children, claimer);
        _pair(tournament, HEIGHT_0, firstRoot, allowance, root, balance, children);
        _arenas[tournament] = arena_.withMatchBegun();
    }

    function join(bytes32 tournament, bytes32[4] calldata children, address claimer) external payable {
        if (msg.sender != rollup) revert OnlyRollup();
        if (msg.value != BOND_0) revert WrongBond(BOND_0);
        Arena arena_ = _arenas[tournament];
        if (!arena_.isOpen()) revert NoTournament();
        bytes32 root = quadOf(children);
        uint32 balance = _join(tournament, arena_, root, 0, children, claimer);
        _enter(tournament, arena_, arena_, root, balance, children);
    }

    function joinInner(
        bytes32 tournament,
        InnerContext calldata context,
        uint8 class,
        bytes32 machineRoot,
        bytes32[4] calldata children,
        bytes calldata lastLeaf
    ) external payable {
        if (msg.value != BOND_1) revert WrongBond(BOND_1);
        Arena arena_ = _arenas[tournament];
        _requireContext(tournament, context);
        if (arena_.result() != Result.Undecided) revert AlreadySettled();
        if (class != 1 && class != 2) revert WrongClass();
        bytes32 sigma = quad(context.appsRoot, context.outputsRoot, context.counters, machineRoot);
        if (sigma != (class == 1 ? context.sigmaOne : context.sigmaTwo)) revert WrongClass();
        bytes32 root = quadOf(children);
        requireTraceLeaf(root, HEIGHT_1, _lastPosition(HEIGHT_1), machineRoot, lastLeaf);
        uint32 balance = _join(tournament, arena_, root, class, children, msg.sender);
        _enter(tournament, arena_, arena_, root, balance, children);
    }

    /// Records the commitment and gives its balance (spec 4.2.4).
    function _join(
        bytes32 tournament,
        Arena arena_,
        bytes32 root,
        uint8 class,
        bytes32[4] calldata children,
        address claimer
    ) private returns (uint32 balance) {
        uint256 elapsed = block.timestamp - arena_.startedAt();
        uint32 granted = arena_.allowanceOf(class);
        if (elapsed >= granted) revert WindowClosed();
        if (_commitments[tournament][root].exists()) revert RootAlreadyJoined();
        balance = granted - uint32(elapsed);
        _commitments[tournament][root] = newCommitment(claimer, balance, class);
        emit Joined(tournament, root, claimer, class, balance, children);
    }

    /// Pairs a commitment with the dangling one, or leaves it dangling (spec 4.2.5), and stores the arena if it is no
    /// longer the one in storage. children: of root; they are used, and checked, only for a pairing.
    function _enter(
        bytes32 tournament,
        Arena stored,
        Arena arena_,
        bytes32 root,
        uint32 balance,
        bytes32[4] calldata children
    ) private {
        if (!arena_.dangles()) {
            arena_ = arena_.withDangling();
            if (_dangling[tournament] != root) _dangling[tournament] = root;
            Commitment entering = _commitments[tournament][root];
            if (entering.balance() != balance) _commitments[tournament][root] = entering.withBalance(balance);
        } else {
            requireOpens(children, root);
            bytes32 waiting = _dangling[tournament];
            uint8 height = _heightOf(arena_);
            _pair(tournament, height, waiting, _commitments[tournament][waiting].balance(), root, balance, children);
            arena_ = arena_.withoutDangling().withMatchBegun();
        }
        if (Arena.unwrap(arena_) != Arena.unwrap(stored)) _arenas[tournament] = arena_;
    }

    function _pair(
        bytes32 tournament,
        uint8 height,
        bytes32 one,
        uint32 balanceOne,
        bytes32 two,
        uint32 balanceTwo,
        bytes32[4] calldata children
    ) private {
        Bisection memory state = Bisection({
            node: one,
            children: children,
            position: 0,
            height: height,
            since: uint40(block.timestamp),
            balanceOne: balanceOne,
            balanceTwo: balanceTwo,
            spent: 0
        });
        bytes32 matchId = matchIdOf(tournament, one, two);
        _matches[matchId] = bisectionHash(state);
        emit Matched(tournament, matchId, one, two, state);
    }

    // Moves (spec 4.3)

    function advance(
        MatchId calldata id,
        Bisection calldata state,
        bytes32[4] calldata opened,
        bytes32[4] calldata next
    ) external {
        bytes32 matchId = matchIdOf(id);
        Bisection memory moved = state;
        _requireBisection(matchId, moved);
        if (moved.height <= 1) revert WrongHeight();
        requireOpens(opened, moved.node);
        uint256 j = firstDifference(opened, state.children);
        requireOpens(next, opened[j]);

        _chargeMover(moved);
        moved.spent = _refund(moved.spent, ADVANCE_GAS);
        moved.node = moved.children[j];
        moved.children = next;
        moved.position = uint64(4 * uint256(moved.position) + j);
        moved.height -= 1;
        moved.since = uint40(block.timestamp);
        _matches[matchId] = bisectionHash(moved);
        emit Advanced(matchId, opened, moved);
    }

    function seal(
        MatchId calldata id,
        Bisection calldata state,
        bytes32[4] calldata leaves,
        bytes calldata agreed,
        bytes32[4] calldata opening,
        InnerContext calldata context
    ) external {
        bytes32 matchId = matchIdOf(id);
        Bisection memory moved = state;
        _requireBisection(matchId, moved);
        if (moved.height != 1) revert WrongHeight();
        requireOpens(leaves, moved.node);
        uint256 j = firstDifference(leaves, state.children);
        bool moverIsOne = oneMoves(1);

        _chargeMover(moved);
        Leaf memory sealed_ = Leaf({
            agreed: 0,
            leafOne: moverIsOne ? leaves[j] : state.children[j],
            leafTwo: moverIsOne ? state.children[j] : leaves[j],
            position: uint64(4 * uint256(moved.position) + j),
            since: uint40(block.timestamp),
            balanceOne: moved.balanceOne,
            balanceTwo: moved.balanceTwo,
            spent: _refund(moved.spent, SEAL_GAS)
        });
        uint8 level = _arenas[id.tournament].level();
        if (j > 0) {
            if (agreed.length != 0) revert WrongAgreed();
            sealed_.agreed = leaves[j - 1];
        } else {
            sealed_.agreed = _agreedValue(id, moverIsOne, level, sealed_.position, agreed, context);
        }

        Phase phase = Phase.AtLeaf;
        if (level == 0 && _isChunk(sealed_.position)) {
            requireOpens(opening, sealed_.agreed);
            if (opening[3] != 0) {
                phase = Phase.Inner;
                _openInner(matchId, sealed_, opening);
            }
        }
        _matches[matchId] = leafHash(phase, sealed_);
        emit Sealed(matchId, phase, sealed_);
    }

    /// The value before the differing leaf when that leaf is the first child of its node (spec 4.3.3).
    function _agreedValue(
        MatchId calldata id,
        bool moverIsOne,
        uint8 level,
        uint64 position,
        bytes calldata agreed,
        InnerContext calldata context
    ) private view returns (bytes32 value) {
        if (position != 0) {
            if (agreed.length < 32) revert WrongAgreed();
            value = bytes32(agreed[:32]);
            bytes32 root = moverIsOne ? id.one : id.two;
            requireTraceLeaf(root, level == 0 ? HEIGHT_0 : HEIGHT_1, position - 1, value, agreed[32:]);
        } else if (level == 0) {
            if (agreed.length != 160) revert WrongAgreed();
            (bytes32 parentTournament, bytes32 stateRoot, bytes32 traceRoot, bytes32 batchHash, uint256 attempt) =
                abi.decode(agreed, (bytes32, bytes32, bytes32, bytes32, uint256));
            bytes32 parent = quad(parentTournament, stateRoot, traceRoot, 0);
            if (quad(parent, batchHash, bytes32(attempt), 0) != id.tournament) revert WrongAgreed();
            value = stateRoot;
        } else {
            if (agreed.length != 0) revert WrongAgreed();
            _requireContext(id.tournament, context);
            value = context.machineRoot;
        }
    }

    function _openInner(bytes32 matchId, Leaf memory sealed_, bytes32[4] calldata opening) private {
        InnerContext memory context = InnerContext({
            appsRoot: opening[0],
            outputsRoot: opening[1],
            counters: opening[2],
            machineRoot: opening[3],
            sigmaOne: sealed_.leafOne,
            sigmaTwo: sealed_.leafTwo
        });
        uint32 grant = TRACE + GRACE;
        uint32 allowanceOne = sealed_.balanceOne + grant;
        uint32 allowanceTwo = sealed_.balanceTwo + grant;
        _contexts[matchId] = keccak256(abi.encode(context));
        _arenas[matchId] = newArena(1, sealed_.since, allowanceOne, allowanceTwo);
        emit InnerOpened(matchId, context, sealed_.since, allowanceOne, allowanceTwo);
    }

    function proveTransition(
        MatchId calldata id,
        Leaf calldata state,
        TournamentPreimage calldata preimage,
        bytes calldata witness,
        bytes32[4] calldata winnerChildren
    ) external {
        if (_arenas[id.tournament].level() != 0) revert WrongLevel();
        uint256 batchHead =
            uint256(preimage.count) | uint256(preimage.time) << 64 | uint256(preimage.blockNumber) << 128;
        bytes32 batchHash = quad(preimage.previousBatch, preimage.tasksRoot, bytes32(batchHead), 0);
        if (quad(preimage.parentClaim, batchHash, bytes32(uint256(preimage.attempt)), 0) != id.tournament) {
            revert WrongPreimage();
        }
        IStepVerifier.BatchContext memory batch = IStepVerifier.BatchContext({
            tasksRoot: preimage.tasksRoot,
            count: preimage.count,
            time: preimage.time,
            blockNumber: preimage.blockNumber,
            domainSeparator: domainSeparator
        });
        bytes32 proven = verifier.transition(batch, state.agreed, state.position, witness);
        _endProven(id, state, proven, winnerChildren);
    }

    function proveStep(
        MatchId calldata id,
        Leaf calldata state,
        bytes calldata witness,
        bytes32[4] calldata winnerChildren
    ) external {
        if (_arenas[id.tournament].level() != 1) revert WrongLevel();
        _endProven(id, state, verifier.step(state.agreed, witness), winnerChildren);
    }

    function timeout(MatchId calldata id, Bisection calldata state, bytes32[4] calldata winnerChildren) external {
        bytes32 matchId = matchIdOf(id);
        _requireBisection(matchId, state);
        bool moverIsOne = oneMoves(state.height);
        if (!runningClock(state.since, moverIsOne ? state.balanceOne : state.balanceTwo).overdue()) {
            revert NotOverdue();
        }
        uint96 spent = _refund(state.spent, TIMEOUT_GAS);
        if (moverIsOne) _endWon(id, matchId, Outcome.Two, state.balanceTwo, spent, winnerChildren);
        else _endWon(id, matchId, Outcome.One, state.balanceOne, spent, winnerChildren);
    }

    function eliminate(MatchId calldata id, Leaf calldata state) external {
        bytes32 matchId = matchIdOf(id);
        _requireLeaf(matchId, Phase.AtLeaf, state);
        bool bothOverdue = runningClock(state.since, state.balanceOne).overdue()
            && runningClock(state.since, state.balanceTwo).overdue();
        if (!bothOverdue) revert NotOverdue();
        _endLost(id, matchId, _refund(state.spent, ELIMINATE_GAS));
    }

    function resolveInner(MatchId calldata id, Leaf calldata state, bytes32[4] calldata winnerChildren) external {
        bytes32 matchId = matchIdOf(id);
        _requireLeaf(matchId, Phase.Inner, state);
        Arena inner = _arenas[matchId];
        if (inner.liveMatches() != 0) revert MatchesLive();
        uint256 elapsed = block.timestamp - inner.startedAt();
        bytes32 winner = _danglingOf(matchId, inner);
        uint96 spent = _refund(state.spent, RESOLVE_GAS);
        if (winner == 0) {
            if (elapsed < inner.longestAllowance()) revert Undecidable();
            _conclude(matchId, inner, winner, BOND_1);
            _endLost(id, matchId, spent);
        } else {
            uint8 class = _commitments[matchId][winner].class();
            if (elapsed < inner.allowanceOf(3 - class)) revert Undecidable();
            _conclude(matchId, inner, winner, BOND_1);
            if (class == 1) _endWon(id, matchId, Outcome.One, state.balanceOne, spent, winnerChildren);
            else _endWon(id, matchId, Outcome.Two, state.balanceTwo, spent, winnerChildren);
        }
    }

    /// Ends a match at its leaf: the side whose leaf was proven wins unless it is overdue (spec 4.3.5).
    function _endProven(MatchId calldata id, Leaf calldata state, bytes32 proven, bytes32[4] calldata winnerChildren)
        private
    {
        bytes32 matchId = matchIdOf(id);
        _requireLeaf(matchId, Phase.AtLeaf, state);
        uint96 spent = _refund(state.spent, PROVE_GAS);
        if (proven == state.leafOne) {
            uint32 balance = runningClock(state.since, state.balanceOne).charged(GRACE);
            _endWon(id, matchId, Outcome.One, balance, spent, winnerChildren);
        } else if (proven == state.leafTwo) {
            uint32 balance = runningClock(state.since, state.balanceTwo).charged(GRACE);
            _endWon(id, matchId, Outcome.Two, balance, spent, winnerChildren);
        } else {
            revert NeitherLeaf(proven);
        }
    }

    // Ends (spec 4.4 to 4.6)

    function _endWon(
        MatchId calldata id,
        bytes32 matchId,
        Outcome outcome,
        uint32 balance,
        uint96 spent,
        bytes32[4] calldata winnerChildren
    ) private {
        (bytes32 winner, bytes32 loser) = outcome == Outcome.One ? (id.one, id.two) : (id.two, id.one);
        delete _matches[matchId];
        emit MatchEnded(id.tournament, matchId, outcome);
        _eliminate(id.tournament, loser);

        Arena arena_ = _arenas[id.tournament];
        (uint256 bond_, uint256 stake) = arena_.level() == 0 ? (BOND_0, uint256(STAKE_0)) : (BOND_1, uint256(STAKE_1));
        uint256 prize = stake / 10;
        _credit(_commitments[id.tournament][winner].claimer(), prize);
        _credit(treasury, bond_ - spent - prize);
        _enter(id.tournament, arena_, arena_.withMatchEnded(), winner, balance, winnerChildren);
    }

    function _endLost(MatchId calldata id, bytes32 matchId, uint96 spent) private {
        delete _matches[matchId];
        emit MatchEnded(id.tournament, matchId, Outcome.BothOut);
        _eliminate(id.tournament, id.one);
        _eliminate(id.tournament, id.two);
        Arena arena_ = _arenas[id.tournament];
        _credit(treasury, 2 * (arena_.level() == 0 ? BOND_0 : BOND_1) - spent);
        _arenas[id.tournament] = arena_.withMatchEnded();
    }

    function settle(bytes32 tournament) external {
        Arena arena_ = _arenas[tournament];
        if (!arena_.isOpen()) revert NoTournament();
        if (arena_.level() != 0) revert WrongLevel();
        if (arena_.result() != Result.Undecided) revert AlreadySettled();
        if (arena_.liveMatches() != 0) revert MatchesLive();
        if (block.timestamp - arena_.startedAt() < arena_.allowanceOf(0)) revert WindowOpen();
        _conclude(tournament, arena_, _danglingOf(tournament, arena_), BOND_0);
    }

    /// Writes the result and gives the bond of the dangling commitment back (spec 4.6.4). winner: zero when none.
    function _conclude(bytes32 tournament, Arena arena_, bytes32 winner, uint256 bond_) private {
        Result result_ = winner == 0 ? Result.NoWinner : Result.Winner;
        _arenas[tournament] = arena_.withResult(result_);
        if (winner != 0) _credit(_commitments[tournament][winner].claimer(), bond_);
        emit Settled(tournament, result_, winner);
    }

    function _eliminate(bytes32 tournament, bytes32 root) private {
        _commitments[tournament][root] = _commitments[tournament][root].withElimination();
    }

    // Money (spec 4.6)

    /// Refunds the sender for a move and gives the match's new `spent`.
    function _refund(uint96 spent, uint256 gasUnits) private returns (uint96) {
        uint256 price = tx.gasprice < PRICE_CEILING ? tx.gasprice : PRICE_CEILING;
        uint256 amount = gasUnits * price;
        _credit(msg.sender, amount);
        // The sum over a match is at most the reserve, which the constructor keeps within 96 bits.
        return spent + uint96(amount);
    }

    function _credit(address account, uint256 amount) private {
        if (amount == 0) return;
        credits[account] += amount;
        emit Credited(account, amount);
    }

    function withdraw(address payable to) external {
        uint256 amount = credits[msg.sender];
        if (amount == 0) revert NothingToWithdraw();
        delete credits[msg.sender];
        emit Withdrawn(msg.sender, to, amount);
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert TransferFailed();
    }

    /// Gas of the longest match: all advances, the seal and the dearest end.
    function _reserveGas(uint8 height) private pure returns (uint256) {
        uint256 end = PROVE_GAS;
        if (RESOLVE_GAS > end) end = RESOLVE_GAS;
        if (TIMEOUT_GAS > end) end = TIMEOUT_GAS;
        if (ELIMINATE_GAS > end) end = ELIMINATE_GAS;
        return (height - 1) * ADVANCE_GAS + SEAL_GAS + end;
    }

    // Checks

    function _requireBisection(bytes32 matchId, Bisection memory state) private view {
        if (_matches[matchId] != bisectionHash(state)) revert WrongState();
    }

    function _requireLeaf(bytes32 matchId, Phase phase, Leaf memory state) private view {
        if (_matches[matchId] != leafHash(phase, state)) revert WrongState();
    }

    /// Holds for level 1 tournaments alone: others have no context.
    function _requireContext(bytes32 tournament, InnerContext calldata context) private view {
        if (_contexts[tournament] != keccak256(abi.encode(context))) revert WrongContext();
    }

    function _chargeMover(Bisection memory state) private view {
        if (oneMoves(state.height)) {
            state.balanceOne = runningClock(state.since, state.balanceOne).charged(GRACE);
        } else {
            state.balanceTwo = runningClock(state.since, state.balanceTwo).charged(GRACE);
        }
    }

    /// Zero when none is dangling.
    function _danglingOf(bytes32 tournament, Arena arena_) private view returns (bytes32) {
        return arena_.dangles() ? _dangling[tournament] : bytes32(0);
    }

    function _heightOf(Arena arena_) private pure returns (uint8) {
        return arena_.level() == 0 ? HEIGHT_0 : HEIGHT_1;
    }

    function _lastPosition(uint8 height) private pure returns (uint256) {
        return (1 << (2 * height)) - 1;
    }

    /// Spec 2.8.1.
    function _isChunk(uint64 position) private pure returns (bool) {
        uint256 phase = position % POSITIONS_PER_TASK;
        return phase != 0 && phase != POSITIONS_PER_TASK - 1;
    }

    // Views

    function isOpen(bytes32 tournament) external view returns (bool) {
        return _arenas[tournament].isOpen();
    }

    function result(bytes32 tournament) external view returns (Result result_, bytes32 winner) {
        result_ = _arenas[tournament].result();
        winner = result_ == Result.Winner ? _dangling[tournament] : bytes32(0);
    }

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
        )
    {
        Arena arena_ = _arenas[tournament];
        return (
            arena_.level(),
            arena_.startedAt(),
            arena_.allowanceOf(1),
            arena_.allowanceOf(2),
            arena_.liveMatches(),
            _danglingOf(tournament, arena_),
            arena_.result()
        );
    }

    function commitment(bytes32 tournament, bytes32 root)
        external
        view
        returns (address claimer, uint32 balance, uint8 class, bool eliminated)
    {
        Commitment commitment_ = _commitments[tournament][root];
        return (commitment_.claimer(), commitment_.balance(), commitment_.class(), commitment_.eliminated());
    }

    function matchHash(bytes32 matchId) external view returns (bytes32) {
        return _matches[matchId];
    }

    function bond(uint8 level) external view returns (uint256) {
        if (level > 1) revert WrongLevel();
        return level == 0 ? BOND_0 : BOND_1;
    }

    function parameters() external view returns (Parameters memory) {
        return Parameters({
            censorshipSeconds: CENSORSHIP,
            graceSeconds: GRACE,
            replaySeconds: REPLAY,
            traceSeconds: TRACE,
            stake0: STAKE_0,
            stake1: STAKE_1,
            priceCeiling: PRICE_CEILING
        });
    }
}
