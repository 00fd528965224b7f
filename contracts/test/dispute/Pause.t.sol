// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Phase} from "../../src/dispute/Progress.sol";
import {Tournament} from "../../src/dispute/Tournament.sol";
import {Bisection, ITournament, Leaf, MatchId, Parameters, Winner} from "../../src/interfaces/ITournament.sol";
import {DisputeHarness} from "./DisputeHarness.sol";
import {TallTrace, TallTraces} from "./TallTrace.sol";

/// Pauses (spec 4.8): every deadline moves by exactly the pause, and nothing else changes.
contract PauseTest is DisputeHarness {
    using TallTraces for TallTrace;

    address internal constant LIAR = address(0x3003);

    function setUp() external {
        deployTournament(address(this));
        setUpDispute();
    }

    function pauseFor(uint256 seconds_) internal {
        vm.prank(GUARDIAN);
        tournament.pause();
        pass(seconds_);
        vm.prank(GUARDIAN);
        tournament.unpause();
    }

    function disputeTime() internal view returns (uint256) {
        return tournament.terms(0).time;
    }

    function testOnlyTheGuardianPauses() external {
        vm.expectRevert(Tournament.OnlyGuardian.selector);
        tournament.pause();
        vm.expectRevert(Tournament.OnlyGuardian.selector);
        tournament.unpause();
        vm.prank(GUARDIAN);
        vm.expectEmit();
        emit ITournament.Paused(uint40(vm.getBlockTimestamp()), 0);
        tournament.pause();
        vm.prank(GUARDIAN);
        vm.expectRevert(Tournament.IsPaused.selector);
        tournament.pause();
        pass(7);
        vm.prank(GUARDIAN);
        vm.expectEmit();
        emit ITournament.Unpaused(7);
        tournament.unpause();
        (uint40 since, uint32 before) = tournament.pauses();
        vm.assertEq(uint256(since), 0);
        vm.assertEq(uint256(before), 7);
    }

    /// Spec 4.8.1: the budget is for the whole life, and the last pause ends by itself.
    function testThePauseEndsWithTheBudget() external {
        uint256 start = vm.getBlockTimestamp();
        pauseFor(PAUSE_BUDGET - 30);
        pass(50);
        vm.prank(GUARDIAN);
        tournament.pause();
        pass(29);
        vm.assertTrue(tournament.terms(0).paused);
        vm.assertEq(disputeTime(), start + 50);
        pass(1);
        vm.assertTrue(!tournament.terms(0).paused);
        vm.assertEq(disputeTime(), start + 50);
        pass(500);
        vm.assertEq(disputeTime(), start + 550);
        vm.prank(GUARDIAN);
        vm.expectRevert(Tournament.PauseBudgetSpent.selector);
        tournament.pause();
        vm.prank(GUARDIAN);
        tournament.unpause();
        vm.assertEq(disputeTime(), start + 550);
        vm.prank(GUARDIAN);
        vm.expectRevert(Tournament.PauseBudgetSpent.selector);
        tournament.pause();
    }

    function testWithoutABudgetNobodyPauses() external {
        Parameters memory parameters = tournament.parameters();
        Tournament other = new Tournament(address(1), 0, parameters, address(1), address(1), address(this), 0);
        vm.expectRevert(Tournament.PauseBudgetSpent.selector);
        other.pause();
    }

    /// Every call that moves a game is refused in every phase; withdrawing is not (spec 4.8.3).
    function testEverythingStandsWhilePaused() external {
        vm.txGasPrice(1 gwei);
        openWith(lieFrom(1, 1), LIAR, trueTrace(), HONEST);
        bytes32 outer = onlyMatch();
        advance(outer);
        Advance memory a = advanceArguments(outer);
        MatchId memory id = a.id;
        Winner memory none;
        Leaf memory leaf;
        uint256 value = tournament.bond(0);
        vm.deal(address(this), 10 * value);
        bytes32[4] memory third = lieFrom(1, 9).rootChildren();
        vm.prank(GUARDIAN);
        tournament.pause();
        pass(PAUSE_BUDGET - 1);

        vm.expectRevert(Tournament.IsPaused.selector);
        send(a);
        Seal memory s;
        s.id = id;
        s.state = a.state;
        vm.expectRevert(Tournament.IsPaused.selector);
        send(s);
        vm.expectRevert(Tournament.IsPaused.selector);
        tournament.timeout(id, a.state, none);
        vm.expectRevert(Tournament.IsPaused.selector);
        tournament.eliminate(id, leaf);
        vm.expectRevert(Tournament.IsPaused.selector);
        tournament.resolveInner(id, leaf, none);
        vm.expectRevert(Tournament.IsPaused.selector);
        tournament.settle(id.tournament, 0);
        vm.expectRevert(Tournament.IsPaused.selector);
        tournament.join{value: value}(id.tournament, 0, 0, address(0), 0, third, LIAR);
        s.context.machineRoot = 0;
        value = tournament.bond(1);
        vm.expectRevert(Tournament.IsPaused.selector);
        tournament.joinInner{value: value}(id.tournament, s.context, 1, 0, third, "");

        vm.prank(MOVER);
        tournament.withdraw(payable(MOVER));
        vm.assertEq(MOVER.balance, tournament.ADVANCE_GAS() * 1 gwei);
        pass(1);
        send(a);
    }

    function testAProofStandsWhilePaused() external {
        openWith(trueTrace(), HONEST, lieFrom(4096, 1), LIAR);
        bytes32 matchId = onlyMatch();
        playToSeal(matchId);
        (MatchId memory id, Leaf memory leaf) = (matchOf(matchId), leaves[matchId]);
        (bytes memory witness, Winner memory winner) = (witnessOf(matchId), winnerOf(provenRoot(matchId)));
        vm.prank(GUARDIAN);
        tournament.pause();
        pass(A0 + 5);
        vm.expectRevert(Tournament.IsPaused.selector);
        tournament.proveTransition(id, leaf, preimage, witness, winner);
        vm.prank(GUARDIAN);
        tournament.unpause();
        tournament.proveTransition(id, leaf, preimage, witness, winner);
    }

    /// The same schedule with and without a pause, wherever it falls: the same second of dispute time decides.
    /// forge-config: default.fuzz.runs = 32
    function testFuzzEveryDeadlineMovesByThePause(uint32 pause, uint32 at, uint32 spent) external {
        pause = uint32(bound(pause, 1, PAUSE_BUDGET));
        spent = uint32(bound(spent, GRACE, A0 - 1));
        at = uint32(bound(at, 0, spent));
        openWith(trueTrace(), HONEST, lieFrom(4096, 1), LIAR);
        uint256 start = vm.getBlockTimestamp();
        bytes32 matchId = onlyMatch();
        pass(at);
        pauseFor(pause);
        pass(spent - at);
        advance(matchId);
        vm.assertEq(uint256(bisections[matchId].progress.balanceOne()), A0 - (spent - GRACE));
        vm.assertEq(uint256(bisections[matchId].progress.since()), start + spent);

        (MatchId memory id, Winner memory winner) = (matchOf(matchId), winnerOf(trueTrace().root()));
        Bisection memory state = bisections[matchId];
        pass(A0 - 1);
        vm.expectRevert(Tournament.NotOverdue.selector);
        tournament.timeout(id, state, winner);
        pass(1);
        timeout(matchId);
        uint256 window = start + A0 + pause;
        if (vm.getBlockTimestamp() < window) vm.warp(window - 1);
        bytes32 last = lastLeaves[danglingRoot(tournamentId())];
        if (vm.getBlockTimestamp() < window) {
            vm.expectRevert(Tournament.WindowOpen.selector);
            tournament.settle(id.tournament, last);
            pass(1);
        }
        tournament.settle(id.tournament, last);
    }

    /// An inner tournament's start and windows are dispute time too.
    function testInnerWindowsMoveByThePause() external {
        pauseFor(11);
        openWith(trueTrace(), HONEST, lieFrom(1, 1), LIAR);
        bytes32 outer = onlyMatch();
        playToSeal(outer);
        vm.assertTrue(phases[outer] == Phase.Inner);
        (, uint40 start, uint32 one, uint32 two,,,) = tournament.arena(outer);
        vm.assertEq(uint256(start), vm.getBlockTimestamp() - 11);
        joinInner(outer, 1, trueChunk(0, 5), HONEST);
        pauseFor(100);
        pass(two - 1);
        vm.assertEq(uint256(one), A0 + GRANT);
        (MatchId memory id, Leaf memory leaf, Winner memory winner) =
            (matchOf(outer), leaves[outer], winnerOf(trueTrace().root()));
        vm.expectRevert(Tournament.Undecidable.selector);
        tournament.resolveInner(id, leaf, winner);
        pass(1);
        resolve(outer);
    }
}
