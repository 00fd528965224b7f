// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {requireTraceLeaf} from "../dispute/TraceLeaf.sol";
import {IInbox} from "../interfaces/IInbox.sol";
import {ClaimRef, ClaimStatus, IRollup} from "../interfaces/IRollup.sol";
import {ITournament, Result} from "../interfaces/ITournament.sol";
import {quad} from "../machine/QuadProof.sol";
import {ClaimRecord, newClaimRecord} from "./ClaimRecord.sol";

/// The tree of claims (spec 5.4). It holds the bonds of claims that have no rival; the others are held by Tournament.
contract Rollup is IRollup {
    error WrongTournaments();
    error WrongBond(uint256 expected);
    error UnknownParent();
    error UnknownBatch();
    error AttemptNotOpen();
    error TournamentExists();
    error NothingToChallenge();
    error WrongFirstClaim();
    error ClaimExists();
    error WindowOpen();
    error NotOfLatestConfirmed();
    error NotTheWinner();
    error NotPending();
    error ParentNotLost();
    error HasRivals();
    error NothingToWithdraw();
    error TransferFailed();

    uint256 private constant HEIGHT_0 = 12;
    uint256 private constant LAST_POSITION = 4 ** HEIGHT_0 - 1;

    address public immutable inbox;
    address public immutable tournaments;
    uint32 private immutable WINDOW;
    uint256 private immutable BOND;
    bytes32 private immutable GENESIS_STATE_ROOT;

    bytes32 public latestConfirmed;
    mapping(bytes32 id => ClaimRecord) private _claims;
    mapping(bytes32 tournament => bytes32 id) public firstClaim;
    mapping(address account => uint256 wei_) public credits;

    /// tournaments_ is deployed before, for the address of this contract.
    constructor(address inbox_, address tournaments_, bytes32 genesisStateRoot) {
        if (ITournament(tournaments_).rollup() != address(this)) revert WrongTournaments();
        inbox = inbox_;
        tournaments = tournaments_;
        WINDOW = ITournament(tournaments_).allowance();
        BOND = ITournament(tournaments_).bond(0);
        GENESIS_STATE_ROOT = genesisStateRoot;
        bytes32 id = _claimId(0, genesisStateRoot, 0);
        _claims[id] = newClaimRecord(ClaimStatus.Confirmed, address(0), uint40(block.timestamp), 0);
        latestConfirmed = id;
        emit Confirmed(id, type(uint64).max, genesisStateRoot);
    }

    function claim(
        ClaimRef calldata parent,
        uint64 attempt,
        bytes32 stateRoot,
        bytes32 traceRoot,
        bytes calldata lastLeaf
    ) external payable {
        if (msg.value != BOND) revert WrongBond(BOND);
        (bytes32 parentId, bytes32 tournament, bytes32 batchHash, uint48 batch) = _locate(parent, attempt);
        if (attempt != 0) {
            (Result before,) = ITournament(tournaments).result(_tournamentId(parentId, batchHash, attempt - 1));
            if (before != Result.NoWinner) revert AttemptNotOpen();
        }
        if (firstClaim[tournament] != 0) revert TournamentExists();
        firstClaim[tournament] = _claimId(tournament, stateRoot, traceRoot);
        _post(parentId, tournament, batch, attempt, stateRoot, traceRoot, lastLeaf);
    }

    function challenge(
        ClaimRef calldata parent,
        uint64 attempt,
        ClaimRef calldata first,
        bytes32 stateRoot,
        bytes32[4] calldata children,
        bytes calldata lastLeaf
    ) external payable {
        if (msg.value != BOND) revert WrongBond(BOND);
        (bytes32 parentId, bytes32 tournament,, uint48 batch) = _locate(parent, attempt);
        bytes32 firstId = firstClaim[tournament];
        if (firstId == 0) revert NothingToChallenge();
        bytes32 traceRoot = quad(children[0], children[1], children[2], children[3]);
        _post(parentId, tournament, batch, attempt, stateRoot, traceRoot, lastLeaf);

        if (ITournament(tournaments).isOpen(tournament)) {
            ITournament(tournaments).join{value: BOND}(tournament, children, msg.sender);
        } else {
            if (_claimId(tournament, first.stateRoot, first.traceRoot) != firstId) revert WrongFirstClaim();
            ClaimRecord record = _claims[firstId];
            ITournament(tournaments).open{value: 2 * BOND}(
                tournament, parent.stateRoot, first.traceRoot, record.claimer(), record.postedAt(), children, msg.sender
            );
        }
    }

    function confirm(ClaimRef calldata claimed, uint64 attempt) external {
        bytes32 parentId = latestConfirmed;
        uint48 batch = _claims[parentId].nextBatch();
        bytes32 batchHash = IInbox(inbox).batchHash(batch);
        if (_tournamentId(parentId, batchHash, attempt) != claimed.tournament) revert NotOfLatestConfirmed();
        bytes32 id = _idOf(claimed);
        ClaimRecord record = _claims[id];
        if (record.status() != ClaimStatus.Pending) revert NotPending();

        if (ITournament(tournaments).isOpen(claimed.tournament)) {
            (Result result, bytes32 winner) = ITournament(tournaments).result(claimed.tournament);
            if (result != Result.Winner || winner != claimed.traceRoot) revert NotTheWinner();
        } else {
            if (block.timestamp - record.postedAt() < WINDOW) revert WindowOpen();
            _credit(record.claimer(), BOND);
        }
        _claims[id] = record.withStatus(ClaimStatus.Confirmed);
        latestConfirmed = id;
        emit Confirmed(id, batch, claimed.stateRoot);
    }

    function recover(ClaimRef calldata claimed, ClaimRef calldata parent, uint64 attempt) external {
        (, bytes32 tournament,,) = _locate(parent, attempt);
        if (tournament != claimed.tournament) revert UnknownParent();
        ClaimRecord parentRecord = _claims[_idOf(parent)];
        bool parentLost = parentRecord.status() == ClaimStatus.Pending
            && _claims[latestConfirmed].nextBatch() >= parentRecord.nextBatch();
        if (!parentLost) revert ParentNotLost();

        bytes32 id = _idOf(claimed);
        ClaimRecord record = _claims[id];
        if (record.claimer() == address(0)) revert NotPending();
        if (ITournament(tournaments).isOpen(tournament)) revert HasRivals();
        // From here on no rival can join: the bond is not needed here again.
        if (block.timestamp - record.postedAt() < WINDOW) revert WindowOpen();
        _claims[id] = record.withoutClaimer();
        _credit(record.claimer(), BOND);
    }

    function withdraw(address payable to) external {
        uint256 amount = credits[msg.sender];
        if (amount == 0) revert NothingToWithdraw();
        delete credits[msg.sender];
        emit Withdrawn(msg.sender, to, amount);
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert TransferFailed();
    }

    /// The tournament among the children of `parent` at the batch after it.
    function _locate(ClaimRef calldata parent, uint64 attempt)
        private
        view
        returns (bytes32 parentId, bytes32 tournament, bytes32 batchHash, uint48 batch)
    {
        parentId = _idOf(parent);
        ClaimRecord record = _claims[parentId];
        if (record.status() == ClaimStatus.None) revert UnknownParent();
        batch = record.nextBatch();
        batchHash = IInbox(inbox).batchHash(batch);
        if (batchHash == 0) revert UnknownBatch();
        tournament = _tournamentId(parentId, batchHash, attempt);
    }

    function _post(
        bytes32 parentId,
        bytes32 tournament,
        uint48 batch,
        uint64 attempt,
        bytes32 stateRoot,
        bytes32 traceRoot,
        bytes calldata lastLeaf
    ) private {
        requireTraceLeaf(traceRoot, HEIGHT_0, LAST_POSITION, stateRoot, lastLeaf);
        bytes32 id = _claimId(tournament, stateRoot, traceRoot);
        if (_claims[id].status() != ClaimStatus.None) revert ClaimExists();
        _claims[id] = newClaimRecord(ClaimStatus.Pending, msg.sender, uint40(block.timestamp), batch + 1);
        emit Claimed(id, parentId, tournament, batch, attempt, stateRoot, traceRoot, msg.sender);
    }

    function _credit(address account, uint256 amount) private {
        if (amount == 0) return;
        credits[account] += amount;
        emit Credited(account, amount);
    }

    /// Spec 5.4.1.
    function _claimId(bytes32 tournament, bytes32 stateRoot, bytes32 traceRoot) private pure returns (bytes32) {
        return quad(tournament, stateRoot, traceRoot, 0);
    }

    function _idOf(ClaimRef calldata claimed) private pure returns (bytes32) {
        return _claimId(claimed.tournament, claimed.stateRoot, claimed.traceRoot);
    }

    /// Spec 4.2.2.
    function _tournamentId(bytes32 parentId, bytes32 batchHash, uint64 attempt) private pure returns (bytes32) {
        return quad(parentId, batchHash, bytes32(uint256(attempt)), 0);
    }

    function claimInfo(bytes32 id)
        external
        view
        returns (ClaimStatus status, address claimer, uint64 postedAt, uint64 batch)
    {
        ClaimRecord record = _claims[id];
        status = record.status();
        if (status == ClaimStatus.None) return (status, address(0), 0, 0);
        // Unchecked because genesis, whose next batch is 0, stands before batch 0: type(uint64).max.
        unchecked {
            return (status, record.claimer(), record.postedAt(), uint64(record.nextBatch()) - 1);
        }
    }

    function genesis() external view returns (ClaimRef memory) {
        return ClaimRef({tournament: 0, stateRoot: GENESIS_STATE_ROOT, traceRoot: 0});
    }
}
