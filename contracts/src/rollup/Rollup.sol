// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {requireTraceLeaf} from "../dispute/TraceLeaf.sol";
import {IInbox} from "../interfaces/IInbox.sol";
import {Backing, ClaimRef, ClaimStatus, IRollup} from "../interfaces/IRollup.sol";
import {ITournament, Result, Terms} from "../interfaces/ITournament.sol";
import {quad} from "../machine/QuadProof.sol";
import {ClaimRecord, newClaimRecord, newStakedRecord} from "./ClaimRecord.sol";
import {MAX_EPOCH, Stake} from "./Stake.sol";

/// The tree of claims (spec 5.4). It holds stakes, and the bonds of claims that have no rival; the others are held by the
/// Tournament that the claim is pinned to.
contract Rollup is IRollup {
    error WrongRules();
    error TooManyRules();
    error OnlyGovernor();
    error IsPaused();
    error WrongBond(uint256 expected);
    error StakeTooSmall(uint256 least);
    error StakeWornOut();
    error StakeBusy();
    error NothingStaked();
    error NotBacked();
    error UnknownParent();
    error UnknownBatch();
    error AttemptNotOpen();
    error TournamentExists();
    error NothingToChallenge();
    error WrongFirstClaim();
    error ClaimExists();
    error WindowOpen();
    error WindowClosed();
    error NotOfLatestConfirmed();
    error NotTheWinner();
    error NotPending();
    error NothingToRecover();
    error ParentNotLost();
    error HasRivals();
    error NothingToWithdraw();
    error TransferFailed();

    /// The version in force.
    struct InForce {
        address tournament;
        uint8 version;
    }

    /// What a claim is about. nextBatch: index of the batch after its own.
    struct Place {
        bytes32 parentId;
        bytes32 tournament;
        bytes32 batchHash;
        uint48 nextBatch;
    }

    uint256 private constant HEIGHT_0 = 12;
    uint256 private constant LAST_POSITION = 4 ** HEIGHT_0 - 1;

    address public immutable inbox;
    /// May add rules (spec 5.7.2); the zero address: nobody ever.
    address public immutable governor;
    bytes32 private immutable GENESIS_STATE_ROOT;

    bytes32 public latestConfirmed;
    mapping(bytes32 id => ClaimRecord) private _claims;
    mapping(bytes32 tournament => bytes32 id) public firstClaim;
    mapping(address account => uint256 wei_) public credits;
    mapping(address account => Stake) private _stakes;
    mapping(uint8 version => address tournament) public rules;
    InForce private _inForce;

    /// rules_: the Tournament of version 0, deployed before for the address of this contract.
    constructor(address inbox_, address rules_, address governor_, bytes32 genesisStateRoot) {
        inbox = inbox_;
        governor = governor_;
        GENESIS_STATE_ROOT = genesisStateRoot;
        _addRules(inbox_, rules_, 0);
        bytes32 id = _claimId(0, genesisStateRoot, 0);
        _claims[id] = newClaimRecord(address(0), block.timestamp, 0, 0).confirmed();
        latestConfirmed = id;
        emit Confirmed(id, type(uint64).max, genesisStateRoot);
    }

    // Claims (spec 5.4)

    function claim(
        ClaimRef calldata parent,
        uint64 attempt,
        bytes32 stateRoot,
        bytes32 traceRoot,
        bytes calldata lastLeaf
    ) external payable {
        InForce memory inForce = _inForce;
        Terms memory terms = ITournament(inForce.tournament).terms(0);
        if (msg.value != terms.bond && msg.value != 0) revert WrongBond(terms.bond);
        if (terms.paused) revert IsPaused();
        Place memory place = _locate(parent, attempt);
        if (attempt != 0) {
            bytes32 before = _tournamentId(place.parentId, place.batchHash, attempt - 1);
            (Result result,) = ITournament(_rulesOf(firstClaim[before])).result(before);
            if (result != Result.NoWinner) revert AttemptNotOpen();
        }
        bytes32 first = firstClaim[place.tournament];
        if (first != 0 && _isBacked(_claims[first])) revert TournamentExists();

        ClaimRecord record = newClaimRecord(msg.sender, terms.time, place.nextBatch, inForce.version);
        if (msg.value != terms.bond) record = _extendStake(record, _claims[place.parentId], terms);
        bytes32 id = _claimId(place.tournament, stateRoot, traceRoot);
        firstClaim[place.tournament] = id;
        Backing backing = record.staked() ? Backing.Stake : Backing.Bond;
        _post(id, record, backing, place, attempt, stateRoot, traceRoot, lastLeaf);
    }

    function challenge(
        ClaimRef calldata parent,
        bytes32 batchHash,
        uint64 attempt,
        bytes32 firstStateRoot,
        bytes32 firstTraceRoot,
        bytes32 stateRoot,
        bytes32[4] calldata children,
        bytes calldata lastLeaf
    ) external payable {
        Place memory place;
        place.parentId = _idOf(parent);
        place.tournament = _tournamentId(place.parentId, batchHash, attempt);
        // It was made of a parent that is there and the hash of the batch after it: neither is asked again.
        bytes32 firstId = firstClaim[place.tournament];
        if (firstId == 0) revert NothingToChallenge();
        ClaimRecord record = _claims[firstId];
        place.nextBatch = record.nextBatch();
        ITournament tournament = ITournament(rules[record.version()]);
        Terms memory terms = tournament.terms(place.tournament);
        if (msg.value != terms.bond) revert WrongBond(terms.bond);
        if (terms.paused) revert IsPaused();
        if (!terms.open) {
            if (_claimId(place.tournament, firstStateRoot, firstTraceRoot) != firstId) revert WrongFirstClaim();
            if (!_isBacked(record)) revert NotBacked();
            // The first bond may be gone by then: it is asked before it is moved.
            if (terms.time - record.postedAt() >= terms.window) revert WindowClosed();
            if (record.staked()) _takeStake(firstId, record, terms.bond);
        }

        bytes32 traceRoot = quad(children[0], children[1], children[2], children[3]);
        _post(
            _claimId(place.tournament, stateRoot, traceRoot),
            newClaimRecord(msg.sender, terms.time, place.nextBatch, record.version()),
            Backing.Rival,
            place,
            attempt,
            stateRoot,
            traceRoot,
            lastLeaf
        );
        tournament.join{value: terms.open ? terms.bond : 2 * terms.bond}(
            place.tournament,
            parent.stateRoot,
            firstTraceRoot,
            record.claimer(),
            record.postedAt(),
            children,
            msg.sender
        );
    }

    function confirm(ClaimRef calldata claimed, uint64 attempt) external {
        bytes32 parentId = latestConfirmed;
        uint48 batch = _claims[parentId].nextBatch();
        bytes32 batchHash = IInbox(inbox).batchHash(batch);
        if (_tournamentId(parentId, batchHash, attempt) != claimed.tournament) revert NotOfLatestConfirmed();
        bytes32 id = _idOf(claimed);
        ClaimRecord record = _claims[id];
        if (record.status() != ClaimStatus.Pending) revert NotPending();

        ITournament tournament = ITournament(rules[record.version()]);
        Terms memory terms = tournament.terms(claimed.tournament);
        if (terms.paused) revert IsPaused();
        if (terms.open) {
            (Result result, bytes32 winner) = tournament.result(claimed.tournament);
            if (result != Result.Winner || winner != claimed.traceRoot) revert NotTheWinner();
        } else {
            if (!_isBacked(record)) revert NotBacked();
            if (terms.time - record.postedAt() < terms.window) revert WindowOpen();
            if (!record.staked()) _credit(record.claimer(), terms.bond);
        }
        _claims[id] = record.confirmed();
        latestConfirmed = id;
        emit Confirmed(id, batch, claimed.stateRoot);
    }

    function recover(ClaimRef calldata claimed, ClaimRef calldata parent, uint64 attempt) external {
        if (_locate(parent, attempt).tournament != claimed.tournament) revert UnknownParent();
        ClaimRecord parentRecord = _claims[_idOf(parent)];
        bool parentLost = parentRecord.status() == ClaimStatus.Pending
            && _claims[latestConfirmed].nextBatch() >= parentRecord.nextBatch();
        if (!parentLost) revert ParentNotLost();

        bytes32 id = _idOf(claimed);
        ClaimRecord record = _claims[id];
        if (record.claimer() == address(0) || record.staked()) revert NothingToRecover();
        Terms memory terms = ITournament(rules[record.version()]).terms(claimed.tournament);
        if (terms.open) revert HasRivals();
        if (terms.paused) revert IsPaused();
        // From here on no rival can join: the bond is not needed here again.
        if (terms.time - record.postedAt() < terms.window) revert WindowOpen();
        _claims[id] = record.withoutClaimer();
        _credit(record.claimer(), terms.bond);
    }

    function withdraw(address payable to) external {
        uint256 amount = credits[msg.sender];
        if (amount == 0) revert NothingToWithdraw();
        delete credits[msg.sender];
        emit Withdrawn(msg.sender, to, amount);
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert TransferFailed();
    }

    // Stakes (spec 5.8)

    function stake() external payable {
        Stake stake_ = _stakes[msg.sender].grown(msg.value);
        uint256 least = ITournament(_inForce.tournament).bond(0);
        if (stake_.amount() < least) revert StakeTooSmall(least);
        _stakes[msg.sender] = stake_;
        emit Staked(msg.sender, msg.value, stake_.amount());
    }

    function unstake() external {
        Stake stake_ = _stakes[msg.sender];
        uint256 amount = stake_.amount();
        if (amount == 0) revert NothingStaked();
        if (!_isIdle(stake_)) revert StakeBusy();
        _stakes[msg.sender] = stake_.emptied();
        emit Unstaked(msg.sender, amount);
        _credit(msg.sender, amount);
    }

    /// Puts a new first claim behind the sender's stake (spec 5.8.2). terms: of the version that it pins.
    function _extendStake(ClaimRecord record, ClaimRecord parent, Terms memory terms) private returns (ClaimRecord) {
        Stake stake_ = _stakes[msg.sender];
        if (stake_.amount() < terms.bond) revert StakeTooSmall(terms.bond);
        if (stake_.epoch() == MAX_EPOCH) revert StakeWornOut();
        // Within one epoch and version no other claim behind this stake has this time and batch: the clock goes on, and
        // batches of a chain ascend.
        bool extends = parent.staked() && parent.claimer() == msg.sender && parent.epoch() == stake_.epoch()
            && parent.version() == record.version() && stake_.latestVersion() == record.version()
            && parent.postedAt() == stake_.latestPostedAt() && parent.nextBatch() == stake_.latestNextBatch();
        if (!extends && !_isIdle(stake_)) revert StakeBusy();
        _stakes[msg.sender] = stake_.extended(record.postedAt(), record.nextBatch(), record.version());
        return newStakedRecord(msg.sender, record.postedAt(), record.nextBatch(), record.version(), stake_.epoch());
    }

    /// The bond of a staked first claim is from now on its own; the other claims behind the stake lose theirs.
    function _takeStake(bytes32 id, ClaimRecord record, uint256 bond) private {
        address account = record.claimer();
        Stake stake_ = _stakes[account].taken(bond);
        _stakes[account] = stake_;
        _claims[id] = record.withoutStake();
        emit StakeTaken(account, id, bond, stake_.epoch());
    }

    /// Whether no claim behind it can be challenged any more.
    function _isIdle(Stake stake_) private view returns (bool) {
        if (stake_.latestPostedAt() == 0) return true;
        Terms memory terms = ITournament(rules[stake_.latestVersion()]).terms(0);
        return terms.time - stake_.latestPostedAt() >= terms.window;
    }

    /// Spec 5.8.4. Not asked for genesis.
    function _isBacked(ClaimRecord record) private view returns (bool) {
        if (record.status() != ClaimStatus.Pending) return record.status() == ClaimStatus.Confirmed;
        return !record.staked() || record.epoch() == _stakes[record.claimer()].epoch();
    }

    // Rules (spec 5.7)

    function addRules(address tournament) external {
        if (msg.sender != governor) revert OnlyGovernor();
        uint8 last = _inForce.version;
        if (last == type(uint8).max) revert TooManyRules();
        _addRules(inbox, tournament, last + 1);
    }

    function _addRules(address inbox_, address tournament, uint8 version) private {
        bool fits = ITournament(tournament).rollup() == address(this)
            && ITournament(tournament).domainSeparator() == IInbox(inbox_).domainSeparator()
            && ITournament(tournament).parameters().replaySeconds >= IInbox(inbox_).replaySeconds();
        if (!fits) revert WrongRules();
        rules[version] = tournament;
        _inForce = InForce(tournament, version);
        emit RulesAdded(version, tournament);
    }

    function _rulesOf(bytes32 id) private view returns (address) {
        return rules[_claims[id].version()];
    }

    /// The tournament among the children of `parent` at the batch after it.
    function _locate(ClaimRef calldata parent, uint64 attempt) private view returns (Place memory place) {
        place.parentId = _idOf(parent);
        ClaimRecord record = _claims[place.parentId];
        if (record.status() == ClaimStatus.None) revert UnknownParent();
        uint48 batch = record.nextBatch();
        place.batchHash = IInbox(inbox).batchHash(batch);
        if (place.batchHash == 0) revert UnknownBatch();
        place.tournament = _tournamentId(place.parentId, place.batchHash, attempt);
        place.nextBatch = batch + 1;
    }

    function _post(
        bytes32 id,
        ClaimRecord record,
        Backing backing,
        Place memory place,
        uint64 attempt,
        bytes32 stateRoot,
        bytes32 traceRoot,
        bytes calldata lastLeaf
    ) private {
        requireTraceLeaf(traceRoot, HEIGHT_0, LAST_POSITION, stateRoot, lastLeaf);
        ClaimRecord before = _claims[id];
        if (before.status() != ClaimStatus.None && _isBacked(before)) revert ClaimExists();
        _claims[id] = record;
        emit Claimed(
            id,
            place.parentId,
            place.tournament,
            place.nextBatch - 1,
            attempt,
            stateRoot,
            traceRoot,
            msg.sender,
            record.postedAt(),
            record.version(),
            backing
        );
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

    function claimerOf(bytes32 id) external view returns (address) {
        return _claims[id].claimer();
    }

    function rulesInForce() external view returns (uint8 version, address tournament) {
        return (_inForce.version, _inForce.tournament);
    }

    function rulesOf(bytes32 id) external view returns (uint8 version, address tournament) {
        version = _claims[id].version();
        return (version, rules[version]);
    }

    function isBacked(bytes32 id) external view returns (bool) {
        return _isBacked(_claims[id]);
    }

    function stakeOf(address account)
        external
        view
        returns (uint256 amount, uint64 latestPostedAt, uint64 latestNextBatch, uint8 latestVersion, uint16 epoch)
    {
        Stake stake_ = _stakes[account];
        return
            (stake_.amount(), stake_.latestPostedAt(), stake_.latestNextBatch(), stake_.latestVersion(), stake_.epoch());
    }

    function genesis() external view returns (ClaimRef memory) {
        return ClaimRef({tournament: 0, stateRoot: GENESIS_STATE_ROOT, traceRoot: 0});
    }
}
