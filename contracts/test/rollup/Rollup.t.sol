// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Inbox} from "../../src/rollup/Inbox.sol";
import {Rollup} from "../../src/rollup/Rollup.sol";
import {Tournament} from "../../src/dispute/Tournament.sol";
import {ClaimRef, ClaimStatus} from "../../src/interfaces/IRollup.sol";
import {Phase} from "../../src/dispute/Progress.sol";
import {Result} from "../../src/interfaces/ITournament.sol";
import {RootMismatch} from "../../src/machine/QuadProof.sol";
import {TallTrace, TallTraces} from "../dispute/TallTrace.sol";
import {RollupHarness} from "./RollupHarness.sol";

/// The tree of claims (spec 5.4), with the real Inbox and Tournament and a toy transition.
contract RollupTest is RollupHarness {
    using TallTraces for TallTrace;

    // The path without a dispute

    function testUnchallengedClaim() external {
        ClaimRef memory genesis = rollup.genesis();
        (ClaimStatus s, address claimer, uint64 postedAt, uint64 batch) = rollup.claimInfo(idOf(genesis));
        vm.assertTrue(s == ClaimStatus.Confirmed);
        vm.assertEq(uint256(batch), type(uint64).max);

        ClaimRef memory ref = claim(genesis, 0, 0, trueTrace(), HONEST);
        uint256 posted = vm.getBlockTimestamp();
        (s, claimer, postedAt, batch) = rollup.claimInfo(idOf(ref));
        vm.assertTrue(s == ClaimStatus.Pending);
        vm.assertEq(claimer, HONEST);
        vm.assertEq(uint256(postedAt), posted);
        vm.assertEq(uint256(batch), 0);
        vm.assertEq(rollup.firstClaim(ref.tournament), idOf(ref));
        // Spec 4.5.3: nothing is written in Tournament.
        vm.assertTrue(!tournament.terms(ref.tournament).open);
        vm.assertEq(address(tournament).balance, 0);

        vm.warp(posted + A0 - 1);
        vm.expectRevert(Rollup.WindowOpen.selector);
        rollup.confirm(ref, 0);
        vm.warp(posted + A0);
        rollup.confirm(ref, 0);
        vm.assertTrue(status(ref) == ClaimStatus.Confirmed);
        vm.assertEq(rollup.latestConfirmed(), idOf(ref));
        vm.assertEq(rollup.credits(HONEST), bond);
        vm.expectRevert(Rollup.NotOfLatestConfirmed.selector);
        rollup.confirm(ref, 0);
        vm.prank(HONEST);
        vm.expectRevert(Rollup.TransferFailed.selector);
        rollup.withdraw(payable(address(rollup)));
        vm.prank(HONEST);
        rollup.withdraw(payable(HONEST));
        vm.assertEq(HONEST.balance, bond);
        vm.assertEq(address(rollup).balance, 0);
        vm.prank(HONEST);
        vm.expectRevert(Rollup.NothingToWithdraw.selector);
        rollup.withdraw(payable(HONEST));
    }

    function testClaimChecks() external {
        ClaimRef memory genesis = rollup.genesis();
        TallTrace memory trace = trueTrace();
        bytes memory proof = trace.lastProof();
        (bytes32 root, bytes32 last) = (trace.root(), trace.last());
        vm.deal(address(this), 100 * bond);
        vm.expectRevert(abi.encodeWithSelector(Rollup.WrongBond.selector, bond));
        rollup.claim{value: bond - 1}(genesis, 0, last, root, proof);
        vm.expectRevert(abi.encodeWithSelector(Rollup.WrongBond.selector, bond));
        rollup.claim{value: bond + 1}(genesis, 0, last, root, proof);
        vm.expectRevert(RootMismatch.selector);
        rollup.claim{value: bond}(genesis, 0, keccak256("another state"), root, proof);
        vm.expectRevert(RootMismatch.selector);
        rollup.claim{value: bond}(genesis, 0, last, keccak256("another trace"), proof);
        vm.expectRevert(Rollup.AttemptNotOpen.selector);
        rollup.claim{value: bond}(genesis, 1, last, root, proof);
        ClaimRef memory unknown = ClaimRef(0, keccak256("unknown"), 0);
        vm.expectRevert(Rollup.UnknownParent.selector);
        rollup.claim{value: bond}(unknown, 0, last, root, proof);

        ClaimRef memory first = claim(genesis, 0, 0, trace, HONEST);
        vm.expectRevert(Rollup.TournamentExists.selector);
        rollup.claim{value: bond}(genesis, 0, last, root, proof);
        ClaimRef memory second = claim(first, 1, 0, TallTraces.create(12, keccak256("after")), HONEST);
        // There is no third batch.
        vm.expectRevert(Rollup.UnknownBatch.selector);
        rollup.claim{value: bond}(second, 0, last, root, proof);
    }

    function testChallengeChecks() external {
        ClaimRef memory genesis = rollup.genesis();
        TallTrace memory lie = lieFrom(4096, 1);
        TallTrace memory truth = trueTrace();
        (bytes32[4] memory children, bytes memory proof, bytes32 last) =
            (truth.rootChildren(), truth.lastProof(), truth.last());
        vm.deal(address(this), 100 * bond);
        ClaimRef memory none;
        vm.expectRevert(Rollup.NothingToChallenge.selector);
        rollup.challenge{value: bond}(genesis, batchHash(), 0, none.stateRoot, none.traceRoot, last, children, proof);
        ClaimRef memory first = claim(genesis, 0, 0, lie, LIAR);
        uint256 posted = vm.getBlockTimestamp();
        vm.expectRevert(Rollup.NothingToChallenge.selector);
        rollup.challenge{value: bond}(
            genesis, keccak256("another batch"), 0, first.stateRoot, first.traceRoot, last, children, proof
        );
        vm.expectRevert(abi.encodeWithSelector(Rollup.WrongBond.selector, bond));
        rollup.challenge(genesis, batchHash(), 0, first.stateRoot, first.traceRoot, last, children, proof);
        vm.expectRevert(Rollup.WrongFirstClaim.selector);
        rollup.challenge{value: bond}(genesis, batchHash(), 0, none.stateRoot, none.traceRoot, last, children, proof);
        vm.expectRevert(RootMismatch.selector);
        rollup.challenge{value: bond}(
            genesis, batchHash(), 0, first.stateRoot, first.traceRoot, keccak256("another"), children, proof
        );
        (bytes32[4] memory lieChildren, bytes memory lieProof) = (lie.rootChildren(), lie.lastProof());
        vm.expectRevert(Rollup.ClaimExists.selector);
        rollup.challenge{value: bond}(
            genesis, batchHash(), 0, first.stateRoot, first.traceRoot, lie.last(), lieChildren, lieProof
        );
        vm.warp(posted + A0);
        vm.expectRevert(Rollup.WindowClosed.selector);
        rollup.challenge{value: bond}(genesis, batchHash(), 0, first.stateRoot, first.traceRoot, last, children, proof);
        vm.warp(posted + A0 - 1);
        rollup.challenge{value: bond}(genesis, batchHash(), 0, first.stateRoot, first.traceRoot, last, children, proof);
        vm.expectRevert(Rollup.ClaimExists.selector);
        rollup.challenge{value: bond}(genesis, batchHash(), 0, first.stateRoot, first.traceRoot, last, children, proof);
        vm.warp(posted + A0);
        vm.expectRevert(Rollup.NotTheWinner.selector);
        rollup.confirm(first, 0);
    }

    // Disputes

    function testDisputedClaim() external {
        ClaimRef memory genesis = rollup.genesis();
        ClaimRef memory lie = claim(genesis, 0, 0, lieFrom(1, 1), LIAR);
        vm.assertEq(lie.tournament, tournamentId());
        pass(3);
        ClaimRef memory truth = challenge(genesis, 0, lie, trueTrace(), HONEST);
        vm.assertEq(address(tournament).balance, 2 * bond);
        vm.assertEq(address(rollup).balance, 0);
        bytes32 outer = onlyMatch();
        vm.assertEq(uint256(bisections[outer].progress.balanceTwo()), A0 - 3);
        // Another rival, when the tournament is open, needs no first claim.
        ClaimRef memory third = challenge(genesis, 0, ClaimRef(lie.tournament, 0, 0), lieFrom(4096, 2), LIAR);

        playToSeal(outer);
        vm.assertTrue(phases[outer] == Phase.Inner);
        joinInner(outer, 1, falseChunk(0, 5, 3, lieMachine(1)), LIAR);
        joinInner(outer, 2, trueChunk(0, 5), HONEST);
        bytes32 inner = idOf(matches[1]);
        playToSeal(inner);
        prove(inner);
        pass(A0 + GRANT);
        vm.expectRevert(Rollup.NotTheWinner.selector);
        rollup.confirm(truth, 0);
        resolve(outer);
        bytes32 last = onlyMatch();
        playToSeal(last);
        prove(last);
        vm.expectRevert(Rollup.NotTheWinner.selector);
        rollup.confirm(truth, 0);
        settle(lie.tournament);
        vm.expectRevert(Rollup.NotTheWinner.selector);
        rollup.confirm(lie, 0);
        vm.expectRevert(Rollup.NotTheWinner.selector);
        rollup.confirm(third, 0);
        rollup.confirm(truth, 0);
        vm.assertEq(rollup.latestConfirmed(), idOf(truth));
        vm.assertEq(rollup.credits(HONEST), 0);
        vm.assertTrue(tournament.credits(HONEST) >= bond + tournament.bond(1));
        vm.assertTrue(status(lie) == ClaimStatus.Pending && status(third) == ClaimStatus.Pending);
    }

    /// Spec 4.5.2: attempt n + 1 is open when attempt n has no winner, and only then.
    function testNoWinnerCanBeTriedAgain() external {
        ClaimRef memory genesis = rollup.genesis();
        ClaimRef memory first = claim(genesis, 0, 0, lieFrom(4096, 1), LIAR);
        challenge(genesis, 0, first, lieFrom(4096, 2), LIAR);
        bytes32 liars = onlyMatch();
        playToSeal(liars);
        pass(A0);
        eliminate(liars);
        TallTrace memory truth = trueTrace();
        (bytes32 last, bytes32 root, bytes memory proof) = (truth.last(), truth.root(), truth.lastProof());
        vm.deal(address(this), 10 * bond);
        vm.expectRevert(Rollup.AttemptNotOpen.selector);
        rollup.claim{value: bond}(genesis, 1, last, root, proof);
        settle(first.tournament);
        vm.expectRevert(Rollup.AttemptNotOpen.selector);
        rollup.claim{value: bond}(genesis, 2, last, root, proof);

        ClaimRef memory again = claim(genesis, 0, 1, truth, HONEST);
        preimage.attempt = 1;
        vm.assertEq(again.tournament, tournamentId());
        // The attempt is part of the tournament's id, down to the proof.
        challenge(genesis, 1, again, lieFrom(0, 1), LIAR);
        bytes32 retried = onlyMatch();
        playToSeal(retried);
        prove(retried);
        pass(A0);
        settle(again.tournament);
        vm.expectRevert(Rollup.AttemptNotOpen.selector);
        rollup.claim{value: bond}(genesis, 2, last, root, proof);
        vm.expectRevert(Rollup.NotOfLatestConfirmed.selector);
        rollup.confirm(again, 0);
        rollup.confirm(again, 1);
        vm.assertEq(rollup.latestConfirmed(), idOf(again));
    }

    // The tree

    function testClaimsArePipelinedAndConfirmInOrder() external {
        ClaimRef memory first = claim(rollup.genesis(), 0, 0, trueTrace(), HONEST);
        ClaimRef memory second = claim(first, 1, 0, TallTraces.create(12, keccak256("after")), HONEST);
        (,,, uint64 batch) = rollup.claimInfo(idOf(second));
        vm.assertEq(uint256(batch), 1);
        pass(A0);
        vm.expectRevert(Rollup.NotOfLatestConfirmed.selector);
        rollup.confirm(second, 0);
        rollup.confirm(first, 0);
        rollup.confirm(second, 0);
        vm.assertEq(rollup.latestConfirmed(), idOf(second));
        vm.assertEq(rollup.credits(HONEST), 2 * bond);
        vm.assertEq(address(rollup).balance, 2 * bond);
    }

    /// Spec 5.4.5.
    function testOrphansGetTheirBondsBack() external {
        ClaimRef memory genesis = rollup.genesis();
        ClaimRef memory lie = claim(genesis, 0, 0, lieFrom(4096, 1), LIAR);
        ClaimRef memory orphan = claim(lie, 1, 0, TallTraces.create(12, keccak256("after a lie")), ANYONE);
        ClaimRef memory truth = challenge(genesis, 0, lie, trueTrace(), HONEST);
        ClaimRef memory child = claim(truth, 1, 0, TallTraces.create(12, keccak256("after")), HONEST);
        bytes32 matchId = onlyMatch();
        playToSeal(matchId);
        prove(matchId);
        vm.expectRevert(Rollup.ParentNotLost.selector);
        rollup.recover(orphan, lie, 0);
        pass(A0);
        settle(lie.tournament);
        vm.expectRevert(Rollup.ParentNotLost.selector);
        rollup.recover(orphan, lie, 0);
        rollup.confirm(truth, 0);

        vm.expectRevert(Rollup.ParentNotLost.selector);
        rollup.recover(child, truth, 0);
        vm.expectRevert(Rollup.UnknownParent.selector);
        rollup.recover(orphan, truth, 0);
        vm.expectRevert(Rollup.UnknownParent.selector);
        rollup.recover(orphan, lie, 1);
        rollup.recover(orphan, lie, 0);
        vm.assertEq(rollup.credits(ANYONE), bond);
        vm.expectRevert(Rollup.NothingToRecover.selector);
        rollup.recover(orphan, lie, 0);
        vm.expectRevert(Rollup.NothingToRecover.selector);
        rollup.recover(ClaimRef(orphan.tournament, keccak256("no"), keccak256("such")), lie, 0);
        // It cannot confirm, and its bond is not there for a rival to play against.
        vm.expectRevert(Rollup.NotOfLatestConfirmed.selector);
        rollup.confirm(orphan, 0);
        TallTrace memory rival = TallTraces.create(12, keccak256("rival"));
        (bytes32[4] memory children, bytes memory proof, bytes32 last) =
            (rival.rootChildren(), rival.lastProof(), rival.last());
        bytes32 batch = batchHashAfter(lie);
        vm.deal(address(this), bond);
        vm.expectRevert(Rollup.WindowClosed.selector);
        rollup.challenge{value: bond}(lie, batch, 0, orphan.stateRoot, orphan.traceRoot, last, children, proof);
        rollup.confirm(child, 0);
        vm.assertEq(address(rollup).balance, rollup.credits(ANYONE) + rollup.credits(HONEST));
    }

    /// An orphan keeps its window: as long as rivals may come, its bond stays.
    function testAnOrphanIsRecoveredAfterItsWindow() external {
        ClaimRef memory genesis = rollup.genesis();
        ClaimRef memory lie = claim(genesis, 0, 0, lieFrom(4096, 1), LIAR);
        ClaimRef memory truth = challenge(genesis, 0, lie, trueTrace(), HONEST);
        bytes32 matchId = onlyMatch();
        playToSeal(matchId);
        prove(matchId);
        pass(A0 - 5);
        ClaimRef memory late = claim(lie, 1, 0, TallTraces.create(12, keccak256("late")), ANYONE);
        pass(5);
        settle(lie.tournament);
        rollup.confirm(truth, 0);
        pass(A0 - 6);
        vm.expectRevert(Rollup.WindowOpen.selector);
        rollup.recover(late, lie, 0);
        uint256 fresh = vm.snapshotState();
        pass(1);
        rollup.recover(late, lie, 0);
        vm.revertToState(fresh);

        // With a rival its tournament settles as any other (spec 4.6.4).
        challenge(lie, 0, late, TallTraces.create(12, keccak256("rival")), LIAR);
        bytes32 orphans = onlyMatch();
        pass(A0);
        vm.expectRevert(Rollup.HasRivals.selector);
        rollup.recover(late, lie, 0);
        timeout(orphans);
        settle(late.tournament);
        (Result result,) = tournament.result(late.tournament);
        vm.assertTrue(result == Result.Winner);
        vm.expectRevert(Rollup.NotOfLatestConfirmed.selector);
        rollup.confirm(late, 0);
        vm.assertEq(tournament.credits(LIAR), bond + STAKE_0 / 5 + share() - tournament.SETTLE_GAS() * tx.gasprice);
    }

    function testRulesOfAnotherRollupOrInbox() external {
        bytes32 state = initialState();
        vm.expectRevert(Rollup.WrongRules.selector);
        new Rollup(address(inbox), address(tournament), GOVERNOR, state);
        address expected = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        Tournament foreign = newTournament(expected, address(1), keccak256("another inbox"), STAKE_0);
        vm.expectRevert(Rollup.WrongRules.selector);
        new Rollup(address(inbox), address(foreign), GOVERNOR, state);
    }

    /// Spec 5.1.7: an Inbox that takes more than can be executed within T0.
    function testRulesWithAShorterT0ThanTheInboxCountsOn() external {
        bytes32 state = initialState();
        address[] memory sequencers = new address[](1);
        Inbox slow = new Inbox(sequencers, Inbox.Limits(600, 60, 1 << 39, 1 << 40, REPLAY + 1, 0));
        address expected = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        Tournament hasty = newTournament(expected, address(1), slow.domainSeparator(), STAKE_0);
        vm.expectRevert(Rollup.WrongRules.selector);
        new Rollup(address(slow), address(hasty), GOVERNOR, state);
    }
}
