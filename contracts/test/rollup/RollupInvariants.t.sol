// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Rollup} from "../../src/rollup/Rollup.sol";
import {Tournament} from "../../src/dispute/Tournament.sol";
import {ClaimRef, ClaimStatus} from "../../src/interfaces/IRollup.sol";
import {Result, Terms} from "../../src/interfaces/ITournament.sol";
import {Base, IPurse} from "../Base.sol";
import {TallTrace, TallTraces} from "../dispute/TallTrace.sol";
import {ToyVerifier} from "../dispute/ToyVerifier.sol";
import {RollupHarness} from "./RollupHarness.sol";

/// Claims with bonds and behind stakes, challenges, matches that the clocks end, pauses and versions of the rules, in any
/// order. What the contracts must take is called plainly, so that a refusal fails the run; what they may refuse is
/// predicted, and done exactly when it was.
contract Claimants is RollupHarness {
    using TallTraces for TallTrace;

    uint64 internal constant BATCHES = 6;
    uint256 internal constant MAX_CLAIMS = 14;
    uint256 internal constant MAX_VERSIONS = 3;

    Tournament[] public versions;
    ClaimRef[] internal refs;
    mapping(bytes32 claim => uint256) internal parentOf;
    /// Whether the claim stands, or stood, behind its claimer's stake when it was posted last.
    mapping(bytes32 claim => bool) internal isStaked;
    mapping(bytes32 claim => bool) internal isRecovered;
    bytes32[] internal tournaments;
    address[4] internal actors = [HONEST, LIAR, ANYONE, SEQUENCER];

    constructor() {
        RollupHarness.setUp();
        for (uint64 i = inbox.batchCount(); i < BATCHES; i++) {
            append(1);
        }
        vm.txGasPrice(7 gwei);
        versions.push(tournament);
        refs.push(rollup.genesis());
    }

    function setUp() public pure override {}

    function playedIn(bytes32 id) internal view override returns (Tournament) {
        (, address played) = rollup.rulesOf(rollup.firstClaim(id));
        return Tournament(played);
    }

    function isPlayed(address emitter) internal view override returns (bool) {
        for (uint256 i = 0; i < versions.length; i++) {
            if (emitter == address(versions[i])) return true;
        }
        return false;
    }

    // What may happen

    function putDown(uint8 who, uint8 extra) external {
        address account = actors[who % 3];
        uint256 value = versions[versions.length - 1].bond(0) + uint256(extra) * 1 ether / 20;
        vm.deal(account, account.balance + value);
        vm.prank(account);
        rollup.stake{value: value}();
    }

    function takeBack(uint8 who) external {
        address account = actors[who % 3];
        (uint256 amount, uint64 posted,, uint8 version,) = rollup.stakeOf(account);
        if (amount == 0) return;
        Terms memory terms = versions[version].terms(0);
        bool idle = posted == 0 || terms.time - posted >= terms.window;
        vm.prank(account);
        if (!idle) vm.expectRevert(Rollup.StakeBusy.selector);
        rollup.unstake();
    }

    function claimAfter(uint8 which, uint8 salt, uint8 who, bool staked) external {
        if (refs.length >= MAX_CLAIMS) return;
        _claimAfter(which % refs.length, uint256(salt) % 3, actors[who % 3], staked);
    }

    function _claimAfter(uint256 parent, uint256 salt, address account, bool staked) private {
        (,,, uint64 batch) = rollup.claimInfo(idOf(refs[parent]));
        uint64 next = parent == 0 ? 0 : batch + 1;
        if (next >= inbox.batchCount()) return;
        bytes32 id = tournamentOf(refs[parent], next, 0);
        bytes32 first = rollup.firstClaim(id);
        if (first != 0 && rollup.isBacked(first)) return;
        Tournament rules = versions[versions.length - 1];
        Terms memory terms = rules.terms(id);
        if (terms.paused) return;

        TallTrace memory trace = TallTraces.create(12, keccak256(abi.encode(refs[parent], salt)));
        know(trace);
        ClaimRef memory ref = ClaimRef(id, trace.last(), trace.root());
        bytes memory proof = trace.lastProof();
        if (staked) {
            if (!_stakeTakes(account, parent, terms)) return;
            vm.prank(account);
            rollup.claim(refs[parent], 0, ref.stateRoot, ref.traceRoot, proof);
        } else {
            vm.deal(account, account.balance + terms.bond);
            vm.prank(account);
            rollup.claim{value: terms.bond}(refs[parent], 0, ref.stateRoot, ref.traceRoot, proof);
        }
        _note(ref, parent, staked);
        sync();
    }

    /// Spec 5.8.2.
    function _stakeTakes(address account, uint256 parent, Terms memory terms) private view returns (bool) {
        (uint256 amount, uint64 posted, uint64 nextBatch, uint8 version,) = rollup.stakeOf(account);
        if (amount < terms.bond) return false;
        Terms memory latest = versions[version].terms(0);
        if (posted == 0 || latest.time - posted >= latest.window) return true;
        bytes32 id = idOf(refs[parent]);
        (, address claimer, uint64 parentPosted, uint64 batch) = rollup.claimInfo(id);
        (uint8 parentVersion,) = rollup.rulesOf(id);
        return parent != 0 && isStaked[id] && claimer == account && rollup.isBacked(id)
            && parentVersion == versions.length - 1 && version == parentVersion && parentPosted == posted
            && batch + 1 == nextBatch;
    }

    function _note(ClaimRef memory ref, uint256 parent, bool staked) private {
        bytes32 id = idOf(ref);
        if (id != idOf(refs[0]) && parentOf[id] == 0 && !_isKnown(id)) refs.push(ref);
        parentOf[id] = parent + 1;
        isStaked[id] = staked;
        for (uint256 i = 0; i < tournaments.length; i++) {
            if (tournaments[i] == ref.tournament) return;
        }
        tournaments.push(ref.tournament);
    }

    function _isKnown(bytes32 id) private view returns (bool) {
        for (uint256 i = 0; i < refs.length; i++) {
            if (idOf(refs[i]) == id) return true;
        }
        return false;
    }

    function challengeOne(uint8 which, uint8 salt, uint8 who) external {
        if (refs.length < 2 || refs.length >= MAX_CLAIMS) return;
        ClaimRef memory first = refs[1 + which % (refs.length - 1)];
        bytes32 firstId = rollup.firstClaim(first.tournament);
        if (idOf(first) != firstId) return;
        Tournament rules = playedIn(first.tournament);
        Terms memory terms = rules.terms(first.tournament);
        if (terms.paused) return;
        (,, uint64 posted,) = rollup.claimInfo(firstId);
        uint256 parent = parentOf[firstId] - 1;
        TallTrace memory trace = TallTraces.create(12, keccak256(abi.encode(refs[parent], 3 + uint256(salt) % 4)));
        ClaimRef memory ref = ClaimRef(first.tournament, trace.last(), trace.root());
        if (status(ref) != ClaimStatus.None) return;
        if (terms.open) {
            (, uint40 start,,,,,) = rules.arena(first.tournament);
            if (terms.time - start >= terms.window) return;
        } else {
            if (!rollup.isBacked(firstId) || terms.time - posted >= terms.window) return;
            isStaked[firstId] = false;
        }
        know(trace);
        _challenge(parent, first, trace, actors[who % 3], terms.bond);
        _note(ref, parent, false);
        sync();
    }

    function _challenge(uint256 parent, ClaimRef memory first, TallTrace memory trace, address account, uint256 value)
        private
    {
        (bytes32 last, bytes32[4] memory children, bytes memory proof) =
            (trace.last(), trace.rootChildren(), trace.lastProof());
        bytes32 batch = batchHashAfter(refs[parent]);
        vm.deal(account, account.balance + value);
        vm.prank(account);
        rollup.challenge{value: value}(refs[parent], batch, 0, first.stateRoot, first.traceRoot, last, children, proof);
    }

    function move(uint8 which, uint8 count) external {
        for (uint256 i = 0; i <= count % 6 && matches.length != 0; i++) {
            bytes32 matchId = idOf(matches[which % matches.length]);
            Terms memory terms = playedIn(matches[which % matches.length].tournament).terms(0);
            if (terms.paused || _overdue(matchId, terms) || bisections[matchId].progress.height() == 1) return;
            advance(matchId);
        }
    }

    function _overdue(bytes32 matchId, Terms memory terms) private view returns (bool) {
        uint32 balance = bisections[matchId].progress.height() % 2 == 0
            ? bisections[matchId].progress.balanceOne()
            : bisections[matchId].progress.balanceTwo();
        return terms.time - bisections[matchId].progress.since() >= balance;
    }

    /// Ends what the clocks have decided, in matches, tournaments and claims.
    function clean() public {
        bool again = true;
        while (again) {
            again = false;
            for (uint256 i = 0; i < matches.length && !again; i++) {
                bytes32 matchId = idOf(matches[i]);
                Terms memory terms = playedIn(matches[i].tournament).terms(0);
                again = !terms.paused && _overdue(matchId, terms);
                if (again) timeout(matchId);
            }
        }
        for (uint256 i = 0; i < tournaments.length; i++) {
            _settle(tournaments[i]);
        }
        for (uint256 round = 0; round < BATCHES; round++) {
            for (uint256 i = 1; i < refs.length; i++) {
                if (_isConfirmable(i)) rollup.confirm(refs[i], 0);
            }
        }
        for (uint256 i = 1; i < refs.length; i++) {
            _recover(i);
        }
    }

    function _settle(bytes32 id) private {
        Tournament rules = playedIn(id);
        Terms memory terms = rules.terms(id);
        if (!terms.open || terms.paused) return;
        (, uint40 start,,, uint32 live, bytes32 dangling, Result result) = rules.arena(id);
        if (result != Result.Undecided || live != 0 || terms.time - start < terms.window) return;
        vm.prank(MOVER);
        rules.settle(id, lastLeaves[dangling]);
    }

    function _isConfirmable(uint256 i) private view returns (bool) {
        bytes32 id = idOf(refs[i]);
        if (status(refs[i]) != ClaimStatus.Pending) return false;
        if (idOf(refs[parentOf[id] - 1]) != rollup.latestConfirmed()) return false;
        Tournament rules = playedIn(refs[i].tournament);
        Terms memory terms = rules.terms(refs[i].tournament);
        if (terms.paused) return false;
        if (terms.open) {
            (Result result, bytes32 winner) = rules.result(refs[i].tournament);
            return result == Result.Winner && winner == refs[i].traceRoot;
        }
        (,, uint64 posted,) = rollup.claimInfo(id);
        return rollup.firstClaim(refs[i].tournament) == id && rollup.isBacked(id) && terms.time - posted >= terms.window;
    }

    /// Spec 5.4.5.
    function _recover(uint256 i) private {
        bytes32 id = idOf(refs[i]);
        uint256 parent = parentOf[id] - 1;
        if (!_holdsABond(i) || parent == 0 || status(refs[parent]) != ClaimStatus.Pending) return;
        (,,, uint64 batch) = rollup.claimInfo(idOf(refs[parent]));
        (,,, uint64 confirmed) = rollup.claimInfo(rollup.latestConfirmed());
        if (confirmed == type(uint64).max || confirmed < batch) return;
        Terms memory terms = playedIn(refs[i].tournament).terms(refs[i].tournament);
        (,, uint64 posted,) = rollup.claimInfo(id);
        if (terms.paused || terms.time - posted < terms.window) return;
        rollup.recover(refs[i], refs[parent], 0);
        isRecovered[id] = true;
    }

    function wait(uint16 seconds_) external {
        pass(uint256(seconds_) % 120);
    }

    function pause(uint8 version, bool on) external {
        Tournament rules = versions[version % versions.length];
        Terms memory terms = rules.terms(0);
        vm.prank(GUARDIAN);
        if (on && !terms.paused) {
            (bool went,) = address(rules).call(abi.encodeCall(Tournament.pause, ()));
            went;
        } else {
            rules.unpause();
        }
    }

    function upgrade(uint8 more) external {
        if (versions.length == MAX_VERSIONS) return;
        Tournament next = newTournament(
            address(rollup), address(new ToyVerifier()), inbox.domainSeparator(), STAKE_0 + uint128(more) * 0.01 ether
        );
        vm.prank(GOVERNOR);
        rollup.addRules(address(next));
        versions.push(next);
    }

    function fetchAll(uint8 who) external {
        fetch(IPurse(address(rollup)), actors[who % 3]);
        for (uint256 i = 0; i < versions.length; i++) {
            fetch(IPurse(address(versions[i])), actors[who % 3]);
        }
    }

    // What must hold

    /// Whether the Rollup has the bond of a claim (spec 5.4.2).
    function _holdsABond(uint256 i) private view returns (bool) {
        bytes32 id = idOf(refs[i]);
        return rollup.firstClaim(refs[i].tournament) == id && !isStaked[id] && !isRecovered[id]
            && status(refs[i]) == ClaimStatus.Pending && !playedIn(refs[i].tournament).terms(refs[i].tournament).open;
    }

    /// Spec 4.6.6, of the Rollup and of each version's Tournament.
    function checkMoney() public view {
        uint256 held = 0;
        for (uint256 i = 1; i < refs.length; i++) {
            if (_holdsABond(i)) held += playedIn(refs[i].tournament).bond(0);
        }
        for (uint256 i = 0; i < 3; i++) {
            (uint256 amount,,,,) = rollup.stakeOf(actors[i]);
            held += amount + rollup.credits(actors[i]);
        }
        vm.assertEq(address(rollup).balance, held, "money of the Rollup");
        for (uint256 i = 0; i < versions.length; i++) {
            vm.assertEq(address(versions[i]).balance, _heldBy(versions[i]), "money of a Tournament");
        }
    }

    function _heldBy(Tournament rules) private view returns (uint256 held) {
        held = rules.credits(TREASURY) + rules.credits(MOVER);
        for (uint256 i = 0; i < 3; i++) {
            held += rules.credits(actors[i]);
        }
        for (uint256 i = 0; i < tournaments.length; i++) {
            if (address(playedIn(tournaments[i])) != address(rules)) continue;
            (,,,, uint32 live, bytes32 dangling, Result result) = rules.arena(tournaments[i]);
            uint256 bonds = 2 * live + (dangling != 0 && result == Result.Undecided ? 1 : 0);
            held += bonds * rules.bond(0) + rules.pot(tournaments[i]);
        }
        for (uint256 i = 0; i < matches.length; i++) {
            if (address(playedIn(matches[i].tournament)) != address(rules)) continue;
            held -= bisections[idOf(matches[i])].progress.spent();
        }
    }

    /// Spec 5.8.2: whatever is challenged next, its bond is there, and one account's chain has no two claims of a batch.
    function checkStakes() public view {
        for (uint256 i = 1; i < refs.length; i++) {
            bytes32 id = idOf(refs[i]);
            if (!isStaked[id] || !rollup.isBacked(id) || status(refs[i]) != ClaimStatus.Pending) continue;
            Tournament rules = playedIn(refs[i].tournament);
            Terms memory terms = rules.terms(refs[i].tournament);
            (, address claimer, uint64 posted, uint64 batch) = rollup.claimInfo(id);
            if (terms.time - posted >= terms.window) continue;
            (uint256 amount,,,,) = rollup.stakeOf(claimer);
            vm.assertTrue(amount >= rules.bond(0), "a claim in its window has nothing behind it");
            for (uint256 k = 1; k < i; k++) {
                bytes32 other = idOf(refs[k]);
                if (!isStaked[other] || !rollup.isBacked(other) || status(refs[k]) != ClaimStatus.Pending) continue;
                (, address otherClaimer, uint64 otherPosted, uint64 otherBatch) = rollup.claimInfo(other);
                Terms memory otherTerms = playedIn(refs[k].tournament).terms(0);
                bool both = otherClaimer == claimer && otherTerms.time - otherPosted < otherTerms.window;
                vm.assertTrue(!both || otherBatch != batch, "two claims of a batch behind one stake");
            }
        }
    }

    /// Everything ends, everybody fetches everything, and nothing is left anywhere.
    function finish() external {
        for (uint256 i = 0; i < versions.length; i++) {
            vm.prank(GUARDIAN);
            versions[i].unpause();
        }
        // What stands behind a lost claim is recovered once the batch of that one has been confirmed (spec 5.4.5): somebody
        // claims the batches that are left, also where a stake was taken and nothing backs the first claim (spec 5.8.4).
        for (uint256 round = 0; round < 20; round++) {
            clean();
            for (uint256 i = 0; i < refs.length; i++) {
                if (idOf(refs[i]) != rollup.latestConfirmed()) continue;
                _claimAfter(i, 0, ANYONE, false);
                break;
            }
            pass(A0);
        }
        vm.assertEq(matches.length, 0, "matches end");
        for (uint256 i = 0; i < tournaments.length; i++) {
            Tournament rules = playedIn(tournaments[i]);
            (,,,,,, Result result) = rules.arena(tournaments[i]);
            vm.assertTrue(!rules.terms(tournaments[i]).open || result == Result.Winner, "tournaments end");
        }
        address[] memory accounts = new address[](5);
        (accounts[3], accounts[4]) = (TREASURY, MOVER);
        for (uint256 i = 0; i < 3; i++) {
            accounts[i] = actors[i];
            (uint256 amount,,,,) = rollup.stakeOf(actors[i]);
            if (amount == 0) continue;
            vm.prank(actors[i]);
            rollup.unstake();
        }
        empty(IPurse(address(rollup)), accounts);
        for (uint256 i = 0; i < versions.length; i++) {
            empty(IPurse(address(versions[i])), accounts);
        }
    }
}

contract RollupInvariants is Base {
    Claimants internal claimants;

    function setUp() external {
        claimants = new Claimants();
        targetContract(address(claimants));
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = Claimants.putDown.selector;
        selectors[1] = Claimants.takeBack.selector;
        selectors[2] = Claimants.claimAfter.selector;
        selectors[3] = Claimants.challengeOne.selector;
        selectors[4] = Claimants.move.selector;
        selectors[5] = Claimants.clean.selector;
        selectors[6] = Claimants.wait.selector;
        selectors[7] = Claimants.pause.selector;
        selectors[8] = Claimants.upgrade.selector;
        selectors[9] = Claimants.fetchAll.selector;
        targetSelectors(address(claimants), selectors);
    }

    /// forge-config: default.invariant.runs = 16
    /// forge-config: default.invariant.depth = 60
    /// forge-config: default.invariant.shrink-run-limit = 100
    function invariantMoneyIsWhereTheRulesSay() external view {
        claimants.checkMoney();
        claimants.checkStakes();
    }

    function afterInvariant() external {
        claimants.finish();
    }
}
