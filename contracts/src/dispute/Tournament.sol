// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IClaimers} from "../interfaces/IRollup.sol";
import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {
    Bisection,
    InnerContext,
    ITournament,
    Leaf,
    MatchId,
    Outcome,
    Parameters,
    Result,
    Terms,
    TournamentPreimage,
    Winner
} from "../interfaces/ITournament.sol";
import {quad} from "../machine/QuadProof.sol";
import {Arena, newArena} from "./Arena.sol";
import {Commitment, newCommitment} from "./Commitment.sol";
import {bisectionHash, firstDifference, leafHash, matchIdOf, NodeMismatch, quadOf, requireOpens} from "./Match.sol";
import {newPause, Pause} from "./Pause.sol";
import {newProgress, Phase, Progress} from "./Progress.sol";
import {requireTraceLeaf} from "./TraceLeaf.sol";

/// All tournaments of both levels, their matches, clocks and bonds (spec 4). It runs no loop over participants and sends
/// ETH to nobody who does not ask for it.
contract Tournament is ITournament {
    error OnlyRollup();
    error OnlyGuardian();
    error IsPaused();
    error PauseBudgetSpent();
    error StakeTooSmall(uint8 level, uint256 least);
    error UnknownClaim();
    error WrongBond(uint256 expected);
    error ParametersOutOfRange();
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
    uint256 public constant ADVANCE_GAS = 69_000;
    uint256 public constant SEAL_GAS = 146_000;
    uint256 public constant PROVE_GAS = 280_000;
    uint256 public constant TIMEOUT_GAS = 152_000;
    uint256 public constant ELIMINATE_GAS = 100_000;
    uint256 public constant RESOLVE_GAS = 186_000;
    uint256 public constant SETTLE_GAS = 91_000;
    /// What the honest side pays itself and its prizes cover (spec 4.6.7).
    uint256 public constant JOIN_GAS = 171_000;
    uint256 public constant CONFIRM_GAS = 90_000;
    uint256 public constant JOIN_INNER_GAS = 130_000;
    uint256 public constant WITHDRAW_GAS = 40_000;
    /// What all calls of one side in one match cost when each reverts, since somebody has copied it and was mined first
    /// (spec 4.6.8).
    uint256 public constant COPIED_GAS = 660_000;

    IStepVerifier public immutable verifier;
    address public immutable rollup;
    address public immutable treasury;
    bytes32 public immutable domainSeparator;
    uint32 public immutable allowance;
    address public immutable guardian;
    uint32 public immutable pauseBudgetSeconds;

    uint32 private immutable CENSORSHIP;
    uint32 private immutable GRACE;
    uint32 private immutable REPLAY;
    uint32 private immutable TRACE;
    uint128 private immutable STAKE_0;
    uint128 private immutable STAKE_1;
    uint128 private immutable PRICE_CEILING;
    uint256 private immutable BOND_0;
    uint256 private immutable BOND_1;
    uint256 private immutable PRIZE_0;
    uint256 private immutable PRIZE_1;
    uint256 private immutable SHARE;

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
    Pause private _pause;

    /// rollup_: the only caller of join. treasury_: spec 4.1. guardian_, pauseBudgetSeconds_: spec 4.8.1.
    constructor(
        address verifier_,
        bytes32 domainSeparator_,
        Parameters memory parameters_,
        address rollup_,
        address treasury_,
        address guardian_,
        uint32 pauseBudgetSeconds_
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
        guardian = guardian_;
        pauseBudgetSeconds = pauseBudgetSeconds_;

        // Spec 4.6.7. The third: two prizes of level 0, the inner winner's and the share all come out of one loser's stake.
        // At level 1 the prize and the share are less than the least stake.
        uint256 ceiling = parameters_.priceCeiling;
        uint256 share = COPIED_GAS * ceiling;
        uint256 least1 = 10 * (JOIN_INNER_GAS + WITHDRAW_GAS) * ceiling;
        if (parameters_.stake1 < least1) revert StakeTooSmall(1, least1);
        uint256 least0 = 10 * (JOIN_GAS + SETTLE_GAS + CONFIRM_GAS + WITHDRAW_GAS) * ceiling;
        uint256 others = parameters_.stake1 + 10 * share;
        if (8 * least0 < others) least0 = (others + 7) / 8;
        if (parameters_.stake0 < least0) revert StakeTooSmall(0, least0);
        PRIZE_0 = parameters_.stake0 / 10;
        PRIZE_1 = parameters_.stake1 / 10;
        SHARE = share;
    }

    // Joining (spec 4.2)

    function join(
        bytes32 tournament,
        bytes32 initial,
        bytes32 firstRoot,
        address firstClaimer,
        uint40 firstPostedAt,
        bytes32[4] calldata children,
        address claimer
    ) external payable {
        if (msg.sender != rollup) revert OnlyRollup();
        uint40 now_ = _now();
        Arena arena_ = _arenas[tournament];
        bytes32 root = quadOf(children);
        if (arena_.isOpen()) {
            if (msg.value != BOND_0) revert WrongBond(BOND_0);
            uint32 balance = _join(tournament, arena_, root, 0, children, claimer, now_);
            _enter(tournament, arena_, arena_, root, balance, children, now_);
        } else {
            if (msg.value != 2 * BOND_0) revert WrongBond(2 * BOND_0);
            arena_ = newArena(0, firstPostedAt, allowance, allowance);
            emit Opened(tournament, initial, firstRoot, firstClaimer, firstPostedAt);
            uint32 balance = _join(tournament, arena_, root, 0, children, claimer, now_);
            _pair(tournament, HEIGHT_0, firstRoot, allowance, root, balance, children, now_);
            _arenas[tournament] = arena_.withMatchBegun();
        }
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
        uint40 now_ = _now();
        Arena arena_ = _arenas[tournament];
        _requireContext(tournament, context);
        if (arena_.result() != Result.Undecided) revert AlreadySettled();
        if (class != 1 && class != 2) revert WrongClass();
        bytes32 sigma = quad(context.appsRoot, context.outputsRoot, context.counters, machineRoot);
        if (sigma != (class == 1 ? context.sigmaOne : context.sigmaTwo)) revert WrongClass();
        bytes32 root = quadOf(children);
        if (_commitments[tournament][root].exists()) revert RootAlreadyJoined();
        uint32 balance = _join(tournament, arena_, root, class, children, msg.sender, now_);
        requireTraceLeaf(root, HEIGHT_1, _lastPosition(HEIGHT_1), machineRoot, lastLeaf);
        _commitments[tournament][root] = newCommitment(msg.sender, class);
        _enter(tournament, arena_, arena_, root, balance, children, now_);
    }

    /// Tells of the commitment and gives its balance (spec 4.2.4).
    function _join(
        bytes32 tournament,
        Arena arena_,
        bytes32 root,
        uint8 class,
        bytes32[4] calldata children,
        address claimer,
        uint40 now_
    ) private returns (uint32 balance) {
        uint256 elapsed = now_ - arena_.startedAt();
        uint32 granted = arena_.allowanceOf(class);
        if (elapsed >= granted) revert WindowClosed();
        balance = granted - uint32(elapsed);
        emit Joined(tournament, root, claimer, class, balance, children);
    }

    /// Pairs a commitment that joins or has won, or lets it dangle (spec 4.2.5), and stores the tournament when it is
    /// another than `stored`. children: of root; not read when nobody is dangling.
    function _enter(
        bytes32 tournament,
        Arena stored,
        Arena arena_,
        bytes32 root,
        uint32 balance,
        bytes32[4] calldata children,
        uint40 now_
    ) private {
        if (!arena_.dangles()) {
            if (_dangling[tournament] != root) _dangling[tournament] = root;
            arena_ = arena_.withDangling(balance);
        } else {
            requireOpens(children, root);
            bytes32 waiting = _dangling[tournament];
            _pair(tournament, _heightOf(arena_), waiting, arena_.danglingBalance(), root, balance, children, now_);
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
        bytes32[4] calldata children,
        uint40 now_
    ) private {
        Progress progress = newProgress(height, now_, balanceOne, balanceTwo);
        bytes32 matchId = matchIdOf(tournament, one, two);
        _matches[matchId] = bisectionHash(one, children, progress);
        emit Matched(tournament, matchId, one, two, Bisection(one, children, progress));
    }

    // Moves (spec 4.3)

    function advance(
        bytes32 matchId,
        bytes32[4] calldata children,
        Progress progress,
        bytes32[4] calldata opened,
        bytes32[4] calldata next
    ) external {
        uint40 now_ = _now();
        if (_matches[matchId] != bisectionHash(quadOf(opened), children, progress)) revert WrongState();
        if (progress.height() <= 1) revert WrongHeight();
        uint256 j = firstDifference(opened, children);
        requireOpens(next, opened[j]);

        Progress moved = progress.charged(progress.oneMoves(), now_, GRACE).descended(j, now_);
        moved = moved.withSpent(_refund(ADVANCE_GAS));
        bytes32 node = children[j];
        _matches[matchId] = bisectionHash(node, next, moved);
        emit Advanced(matchId, opened, Bisection(node, next, moved));
    }

    function seal(
        MatchId calldata id,
        bytes32[4] calldata children,
        Progress progress,
        bytes32[4] calldata leaves,
        bytes calldata agreed,
        bytes32[4] calldata opening,
        InnerContext calldata context
    ) external {
        uint40 now_ = _now();
        bytes32 matchId = matchIdOf(id);
        if (_matches[matchId] != bisectionHash(quadOf(leaves), children, progress)) revert WrongState();
        if (progress.height() != 1) revert WrongHeight();
        uint256 j = firstDifference(leaves, children);
        uint64 position = 4 * progress.position() + uint64(j);
        bool moverIsOne = progress.oneMoves();
        uint8 level = _arenas[id.tournament].level();

        Leaf memory sealed_;
        (sealed_.leafOne, sealed_.leafTwo) = moverIsOne ? (leaves[j], children[j]) : (children[j], leaves[j]);
        if (j > 0) {
            if (agreed.length != 0) revert WrongAgreed();
            sealed_.agreed = leaves[j - 1];
        } else {
            sealed_.agreed = _agreedValue(id, moverIsOne, level, position, agreed, context);
        }

        Phase phase = Phase.AtLeaf;
        if (level == 0 && _isChunk(position)) {
            requireOpens(opening, sealed_.agreed);
            if (opening[3] != 0) phase = Phase.Inner;
        }
        sealed_.progress =
            progress.charged(moverIsOne, now_, GRACE).sealedIn(phase, j, now_).withSpent(_refund(SEAL_GAS));
        if (phase == Phase.Inner) _openInner(matchId, sealed_, opening);
        _matches[matchId] = leafHash(sealed_);
        emit Sealed(matchId, sealed_);
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
        uint32 allowanceOne = sealed_.progress.balanceOne() + grant;
        uint32 allowanceTwo = sealed_.progress.balanceTwo() + grant;
        uint40 startedAt = sealed_.progress.since();
        _contexts[matchId] = keccak256(abi.encode(context));
        _arenas[matchId] = newArena(1, startedAt, allowanceOne, allowanceTwo);
        emit InnerOpened(matchId, context, startedAt, allowanceOne, allowanceTwo);
    }

    function proveTransition(
        MatchId calldata id,
        Leaf calldata state,
        TournamentPreimage calldata preimage,
        bytes calldata witness,
        Winner calldata winner
    ) external {
        if (_arenas[id.tournament].level() != 0) revert WrongLevel();
        uint256 batchHead =
            uint256(preimage.count) | uint256(preimage.time) << 64 | uint256(preimage.blockNumber) << 128;
        bytes32 batchHash = quad(preimage.previousBatch, preimage.tasksRoot, bytes32(batchHead), 0);
        if (quad(preimage.parentClaim, batchHash, bytes32(uint256(preimage.attempt)), 0) != id.tournament) {
            revert WrongPreimage();
        }
        (uint40 now_, bytes32 matchId) = _requireProvable(id, state);
        IStepVerifier.BatchContext memory batch = IStepVerifier.BatchContext({
            tasksRoot: preimage.tasksRoot,
            count: preimage.count,
            time: preimage.time,
            blockNumber: preimage.blockNumber,
            domainSeparator: domainSeparator
        });
        bytes32 proven = verifier.transition(batch, state.agreed, state.progress.position(), witness);
        _endProven(id, matchId, state, proven, winner, now_);
    }

    function proveStep(MatchId calldata id, Leaf calldata state, bytes calldata witness, Winner calldata winner)
        external
    {
        if (_arenas[id.tournament].level() != 1) revert WrongLevel();
        (uint40 now_, bytes32 matchId) = _requireProvable(id, state);
        _endProven(id, matchId, state, verifier.step(state.agreed, witness), winner, now_);
    }

    /// Before the proof, which is dear: who comes second pays no more than for its calldata.
    function _requireProvable(MatchId calldata id, Leaf calldata state)
        private
        view
        returns (uint40 now_, bytes32 matchId)
    {
        now_ = _now();
        matchId = matchIdOf(id);
        _requireLeaf(matchId, Phase.AtLeaf, state);
    }

    function timeout(MatchId calldata id, Bisection calldata state, Winner calldata winner) external {
        uint40 now_ = _now();
        bytes32 matchId = matchIdOf(id);
        if (_matches[matchId] != bisectionHash(state)) revert WrongState();
        bool moverIsOne = state.progress.oneMoves();
        if (!state.progress.overdue(moverIsOne, now_)) revert NotOverdue();
        Progress progress = state.progress.withSpent(_refund(TIMEOUT_GAS));
        _endWon(id, matchId, moverIsOne ? Outcome.Two : Outcome.One, progress, 1, 0, winner, now_);
    }

    function eliminate(MatchId calldata id, Leaf calldata state) external {
        uint40 now_ = _now();
        bytes32 matchId = matchIdOf(id);
        _requireLeaf(matchId, Phase.AtLeaf, state);
        if (!state.progress.overdue(true, now_) || !state.progress.overdue(false, now_)) revert NotOverdue();
        _endLost(id, matchId, state.progress.withSpent(_refund(ELIMINATE_GAS)), 1);
    }

    function resolveInner(MatchId calldata id, Leaf calldata state, Winner calldata winner) external {
        uint40 now_ = _now();
        bytes32 matchId = matchIdOf(id);
        _requireLeaf(matchId, Phase.Inner, state);
        Arena inner = _arenas[matchId];
        if (inner.liveMatches() != 0) revert MatchesLive();
        uint256 elapsed = now_ - inner.startedAt();
        bytes32 innerWinner = _danglingOf(matchId, inner);
        Progress progress = state.progress.withSpent(_refund(RESOLVE_GAS));
        // The shares of the matches inside go to the pot outside, with its own.
        uint32 ended = inner.endedMatches() + 1;
        if (innerWinner == 0) {
            if (elapsed < inner.longestAllowance()) revert Undecidable();
            _conclude(matchId, inner, Result.NoWinner, 0);
            _endLost(id, matchId, progress, ended);
        } else {
            Commitment commitment_ = _commitments[matchId][innerWinner];
            uint8 class = commitment_.class();
            if (elapsed < inner.allowanceOf(3 - class)) revert Undecidable();
            _conclude(matchId, inner, Result.Winner, innerWinner);
            // Its bond, and its prize out of the outer loser's bond.
            _credit(commitment_.claimer(), BOND_1 + PRIZE_1);
            progress = progress.capped(class == 1, inner.danglingBalance());
            _endWon(id, matchId, class == 1 ? Outcome.One : Outcome.Two, progress, ended, PRIZE_1, winner, now_);
        }
    }

    /// Ends a match at its leaf: the side whose leaf was proven wins unless it is overdue (spec 4.3.5).
    function _endProven(
        MatchId calldata id,
        bytes32 matchId,
        Leaf calldata state,
        bytes32 proven,
        Winner calldata winner,
        uint40 now_
    ) private {
        bool isOne = proven == state.leafOne;
        if (!isOne && proven != state.leafTwo) revert NeitherLeaf(proven);
        Progress progress = state.progress.charged(isOne, now_, GRACE).withSpent(_refund(PROVE_GAS));
        _endWon(id, matchId, isOne ? Outcome.One : Outcome.Two, progress, 1, 0, winner, now_);
    }

    // Ends (spec 4.4 to 4.6)

    /// progress: with the winner's balance and all that was spent. ended: matches, this one and those inside it. paid:
    /// already, out of the loser's bond.
    function _endWon(
        MatchId calldata id,
        bytes32 matchId,
        Outcome outcome,
        Progress progress,
        uint32 ended,
        uint256 paid,
        Winner calldata winner,
        uint40 now_
    ) private {
        delete _matches[matchId];
        emit MatchEnded(id.tournament, matchId, outcome);
        bool isOne = outcome == Outcome.One;
        bytes32 root = isOne ? id.one : id.two;
        Arena stored = _arenas[id.tournament];
        Arena arena_ = stored.withMatchEnded(ended);
        paid += progress.spent() + SHARE;
        if (arena_.level() == 0) {
            _credit(_claimerOf(id.tournament, winner.stateRoot, root), PRIZE_0);
            if (stored.endedMatches() == 0) paid += PRIZE_0;
            _credit(treasury, BOND_0 - PRIZE_0 - paid);
        } else {
            _credit(_commitments[id.tournament][root].claimer(), PRIZE_1);
            _credit(treasury, BOND_1 - PRIZE_1 - paid);
        }
        uint32 balance = isOne ? progress.balanceOne() : progress.balanceTwo();
        _enter(id.tournament, stored, arena_, root, balance, winner.children, now_);
    }

    function _endLost(MatchId calldata id, bytes32 matchId, Progress progress, uint32 ended) private {
        delete _matches[matchId];
        emit MatchEnded(id.tournament, matchId, Outcome.BothOut);
        Arena stored = _arenas[id.tournament];
        uint256 paid = progress.spent() + SHARE;
        if (stored.level() == 0) {
            if (stored.endedMatches() == 0) paid += PRIZE_0;
            _credit(treasury, 2 * BOND_0 - paid);
        } else {
            _credit(treasury, 2 * BOND_1 - paid);
        }
        _arenas[id.tournament] = stored.withMatchEnded(ended);
    }

    function settle(bytes32 tournament, bytes32 stateRoot) external {
        uint40 now_ = _now();
        Arena arena_ = _arenas[tournament];
        if (!arena_.isOpen()) revert NoTournament();
        if (arena_.level() != 0) revert WrongLevel();
        if (arena_.result() != Result.Undecided) revert AlreadySettled();
        if (arena_.liveMatches() != 0) revert MatchesLive();
        if (now_ - arena_.startedAt() < arena_.allowanceOf(0)) revert WindowOpen();
        bytes32 winner = _danglingOf(tournament, arena_);
        uint256 pot_ = _pot(arena_) - _refund(SETTLE_GAS);
        if (winner == 0) {
            _conclude(tournament, arena_, Result.NoWinner, 0);
            _credit(treasury, pot_);
        } else {
            _conclude(tournament, arena_, Result.Winner, winner);
            _credit(_claimerOf(tournament, stateRoot, winner), BOND_0 + pot_);
        }
    }

    function _conclude(bytes32 tournament, Arena arena_, Result result_, bytes32 winner) private {
        _arenas[tournament] = arena_.withResult(result_);
        emit Settled(tournament, result_, winner);
    }

    /// Of a commitment of level 0. The Rollup knows it by its claim (spec 5.4.1).
    function _claimerOf(bytes32 tournament, bytes32 stateRoot, bytes32 root) private view returns (address claimer) {
        claimer = IClaimers(rollup).claimerOf(quad(tournament, stateRoot, root, 0));
        if (claimer == address(0)) revert UnknownClaim();
    }

    // Money (spec 4.6)

    /// Refunds the sender for a move; gives the amount.
    function _refund(uint256 gasUnits) private returns (uint256 amount) {
        amount = gasUnits * (tx.gasprice < PRICE_CEILING ? tx.gasprice : PRICE_CEILING);
        _credit(msg.sender, amount);
    }

    function _credit(address account, uint256 amount) private {
        if (amount == 0) return;
        // Unchecked because credits are ether that is here: their sum is below 2^96.
        unchecked {
            credits[account] += amount;
        }
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

    /// What the tournament keeps for its winner (spec 4.6.3). At level 0 there is a prize in it from the first match to end
    /// on, and so at the end: it opens with a match.
    function _pot(Arena arena_) private view returns (uint256) {
        uint32 ended = arena_.endedMatches();
        return ended * SHARE + (ended != 0 && arena_.level() == 0 ? PRIZE_0 : 0);
    }

    /// Gas of the longest match: all advances, the seal and the dearest end.
    function _reserveGas(uint8 height) private pure returns (uint256) {
        uint256 end = PROVE_GAS;
        if (RESOLVE_GAS > end) end = RESOLVE_GAS;
        if (TIMEOUT_GAS > end) end = TIMEOUT_GAS;
        if (ELIMINATE_GAS > end) end = ELIMINATE_GAS;
        return (height - 1) * ADVANCE_GAS + SEAL_GAS + end;
    }

    // Pause (spec 4.8)

    function pause() external {
        if (msg.sender != guardian) revert OnlyGuardian();
        Pause pause_ = _pause;
        if (pause_.running(block.timestamp, pauseBudgetSeconds)) revert IsPaused();
        uint32 before = pause_.pausedBy(block.timestamp, pauseBudgetSeconds);
        if (before >= pauseBudgetSeconds) revert PauseBudgetSpent();
        _pause = newPause(uint40(block.timestamp), before);
        emit Paused(uint40(block.timestamp), before);
    }

    function unpause() external {
        if (msg.sender != guardian) revert OnlyGuardian();
        uint32 before = _pause.pausedBy(block.timestamp, pauseBudgetSeconds);
        _pause = newPause(0, before);
        emit Unpaused(before);
    }

    /// Dispute time. Reverts while it is paused.
    function _now() private view returns (uint40) {
        // Nobody can pause a Tournament without a budget: the slot need not be read.
        if (pauseBudgetSeconds == 0) return uint40(block.timestamp);
        Pause pause_ = _pause;
        if (pause_.since() != 0 && pause_.running(block.timestamp, pauseBudgetSeconds)) revert IsPaused();
        return pause_.timeAt(block.timestamp, pauseBudgetSeconds);
    }

    // Checks

    function _requireLeaf(bytes32 matchId, Phase phase, Leaf calldata state) private view {
        if (_matches[matchId] != leafHash(state) || state.progress.phase() != phase) revert WrongState();
    }

    /// Holds for level 1 tournaments alone: others have no context.
    function _requireContext(bytes32 tournament, InnerContext calldata context) private view {
        if (_contexts[tournament] != keccak256(abi.encode(context))) revert WrongContext();
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

    function terms(bytes32 tournament) external view returns (Terms memory) {
        return Terms({
            bond: BOND_0,
            window: allowance,
            time: _pause.timeAt(block.timestamp, pauseBudgetSeconds),
            paused: _pause.running(block.timestamp, pauseBudgetSeconds),
            open: _arenas[tournament].isOpen()
        });
    }

    function pauses() external view returns (uint40 since, uint32 before) {
        return (_pause.since(), _pause.beforeIt());
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

    function danglingBalance(bytes32 tournament) external view returns (uint32) {
        Arena arena_ = _arenas[tournament];
        return arena_.dangles() ? arena_.danglingBalance() : 0;
    }

    function pot(bytes32 tournament) external view returns (uint256) {
        Arena arena_ = _arenas[tournament];
        return arena_.result() == Result.Undecided ? _pot(arena_) : 0;
    }

    function commitment(bytes32 tournament, bytes32 root) external view returns (address claimer, uint8 class) {
        Commitment commitment_ = _commitments[tournament][root];
        return (commitment_.claimer(), commitment_.class());
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
