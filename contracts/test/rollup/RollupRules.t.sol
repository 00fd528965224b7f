// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Rollup} from "../../src/rollup/Rollup.sol";
import {Tournament} from "../../src/dispute/Tournament.sol";
import {ClaimRef, ClaimStatus, IRollup} from "../../src/interfaces/IRollup.sol";
import {TallTrace, TallTraces} from "../dispute/TallTrace.sol";
import {ToyVerifier} from "../dispute/ToyVerifier.sol";
import {RollupHarness} from "./RollupHarness.sol";

/// Rules versions (spec 5.7): claims are pinned to the version in force when their tournament's first claim is posted.
contract RollupRulesTest is RollupHarness {
    using TallTraces for TallTrace;

    Tournament internal old;

    function setUp() public override {
        super.setUp();
        old = tournament;
    }

    /// Another verifier and another stake come into force.
    function upgrade(uint128 stake0) internal returns (Tournament next) {
        next = newTournament(address(rollup), address(new ToyVerifier()), inbox.domainSeparator(), stake0);
        vm.prank(GOVERNOR);
        rollup.addRules(address(next));
    }

    function versionOf(ClaimRef memory ref) internal view returns (uint8 version) {
        (version,) = rollup.rulesOf(idOf(ref));
    }

    function testOnlyTheGovernorAddsRules() external {
        Tournament next = newTournament(address(rollup), address(1), inbox.domainSeparator(), STAKE_0);
        vm.expectRevert(Rollup.OnlyGovernor.selector);
        rollup.addRules(address(next));
        vm.prank(GOVERNOR);
        vm.expectEmit();
        emit IRollup.RulesAdded(1, address(next));
        rollup.addRules(address(next));
        (uint8 version, address inForce) = rollup.rulesInForce();
        vm.assertEq(uint256(version), 1);
        vm.assertEq(inForce, address(next));
        vm.assertEq(rollup.rules(0), address(old));
        vm.assertEq(rollup.rules(1), address(next));
    }

    function testRulesOfAnotherRollupOrInboxAreRefused() external {
        Tournament foreign = newTournament(address(1), address(1), inbox.domainSeparator(), STAKE_0);
        vm.prank(GOVERNOR);
        vm.expectRevert(Rollup.WrongRules.selector);
        rollup.addRules(address(foreign));
        foreign = newTournament(address(rollup), address(1), keccak256("another inbox"), STAKE_0);
        vm.prank(GOVERNOR);
        vm.expectRevert(Rollup.WrongRules.selector);
        rollup.addRules(address(foreign));
    }

    function testThereAreAtMost256Versions() external {
        for (uint256 i = 1; i < 256; i++) {
            vm.prank(GOVERNOR);
            rollup.addRules(address(old));
        }
        vm.prank(GOVERNOR);
        vm.expectRevert(Rollup.TooManyRules.selector);
        rollup.addRules(address(old));
    }

    /// A pending claim keeps its window and its bond, and its rivals join by its rules, with its verifier.
    function testAnUpgradeTouchesNoPendingClaim() external {
        ClaimRef memory genesis = rollup.genesis();
        ClaimRef memory lie = claim(genesis, 0, 0, lieFrom(4096, 1), LIAR);
        Tournament next = upgrade(2 * STAKE_0);
        vm.assertEq(uint256(versionOf(lie)), 0);

        TallTrace memory truth = trueTrace();
        (bytes32 last, bytes32[4] memory children, bytes memory proof) =
            (truth.last(), truth.rootChildren(), truth.lastProof());
        uint256 newBond = next.bond(0);
        vm.deal(address(this), newBond);
        vm.expectRevert(abi.encodeWithSelector(Rollup.WrongBond.selector, bond));
        rollup.challenge{value: newBond}(genesis, batchHash(), 0, lie.stateRoot, lie.traceRoot, last, children, proof);

        ClaimRef memory ref = challenge(genesis, 0, lie, truth, HONEST);
        vm.assertEq(uint256(versionOf(ref)), 0);
        vm.assertEq(address(old).balance, 2 * bond);
        vm.assertEq(address(next).balance, 0);
        vm.expectRevert(Tournament.OnlyRollup.selector);
        next.join(lie.tournament, 0, 0, LIAR, 1, children, LIAR);
        bytes32 matchId = onlyMatch();
        playToSeal(matchId);
        prove(matchId);

        // A child that is posted now plays by the new rules, though its parent plays by the old ones.
        bond = newBond;
        ClaimRef memory child = claim(ref, 1, 0, TallTraces.create(12, keccak256("after")), HONEST);
        vm.assertEq(uint256(versionOf(child)), 1);
        pass(A0);
        settle(lie.tournament);
        rollup.confirm(ref, 0);
        rollup.confirm(child, 0);
        vm.assertEq(rollup.credits(HONEST), newBond);
        vm.assertEq(address(rollup).balance, newBond);
    }

    /// A next attempt plays by the rules then in force, and asks the result of the last one where that was played.
    function testANextAttemptPinsTheRulesInForce() external {
        ClaimRef memory genesis = rollup.genesis();
        ClaimRef memory first = claim(genesis, 0, 0, lieFrom(4096, 1), LIAR);
        challenge(genesis, 0, first, lieFrom(4096, 2), LIAR);
        bytes32 liars = onlyMatch();
        playToSeal(liars);
        pass(A0);
        eliminate(liars);
        Tournament next = upgrade(STAKE_0);
        settle(first.tournament);
        ClaimRef memory again = claim(genesis, 0, 1, trueTrace(), HONEST);
        vm.assertEq(uint256(versionOf(again)), 1);
        vm.assertTrue(!old.terms(again.tournament).open && !next.terms(again.tournament).open);
        pass(A0);
        rollup.confirm(again, 1);
    }

    /// The guardian of one version pauses the claims pinned to it and no others (spec 4.8.3).
    function testAPauseStandsForItsOwnClaims() external {
        ClaimRef memory genesis = rollup.genesis();
        ClaimRef memory first = claim(genesis, 0, 0, trueTrace(), HONEST);
        upgrade(STAKE_0);
        ClaimRef memory second = claim(first, 1, 0, TallTraces.create(12, keccak256("after")), HONEST);
        pass(10);
        vm.prank(GUARDIAN);
        old.pause();
        pass(A0);
        vm.expectRevert(Rollup.IsPaused.selector);
        rollup.confirm(first, 0);
        TallTrace memory lie = lieFrom(1, 1);
        (bytes32 last, bytes32[4] memory children, bytes memory proof) =
            (lie.last(), lie.rootChildren(), lie.lastProof());
        vm.deal(address(this), bond);
        vm.expectRevert(Rollup.IsPaused.selector);
        rollup.challenge{value: bond}(genesis, batchHash(), 0, first.stateRoot, first.traceRoot, last, children, proof);
        vm.prank(GUARDIAN);
        old.unpause();
        // Ten seconds of the window passed before the pause.
        pass(A0 - 11);
        vm.expectRevert(Rollup.WindowOpen.selector);
        rollup.confirm(first, 0);
        pass(1);
        rollup.confirm(first, 0);
        rollup.confirm(second, 0);
    }

    function testPausedRulesTakeNoNewClaims() external {
        ClaimRef memory genesis = rollup.genesis();
        TallTrace memory truth = trueTrace();
        (bytes32 last, bytes32 root, bytes memory proof) = (truth.last(), truth.root(), truth.lastProof());
        vm.deal(address(this), 2 * bond);
        vm.prank(GUARDIAN);
        old.pause();
        vm.expectRevert(Rollup.IsPaused.selector);
        rollup.claim{value: bond}(genesis, 0, last, root, proof);
        pass(PAUSE_BUDGET);
        rollup.claim{value: bond}(genesis, 0, last, root, proof);
        (,, uint64 postedAt,) = rollup.claimInfo(idOf(refOf(genesis, 0, 0, truth)));
        vm.assertEq(uint256(postedAt), vm.getBlockTimestamp() - PAUSE_BUDGET);
    }
}
