// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Tournament} from "../../src/dispute/Tournament.sol";
import {Parameters} from "../../src/interfaces/ITournament.sol";
import {DisputeHarness} from "./DisputeHarness.sol";
import {TallTrace, TallTraces} from "./TallTrace.sol";

/// Prizes and the pot (spec 4.6.3, 4.6.4), and the least stakes (spec 4.6.7).
contract MoneyTest is DisputeHarness {
    using TallTraces for TallTrace;

    address internal constant LIAR = address(0x3003);

    function setUp() external {
        deployTournament(address(this));
        setUpDispute();
    }

    /// External, so that all of it is the next call that is expected to revert.
    function newWith(uint128 stake0, uint128 stake1, uint128 ceiling) external returns (Tournament) {
        Parameters memory parameters = tournament.parameters();
        (parameters.stake0, parameters.stake1, parameters.priceCeiling) = (stake0, stake1, ceiling);
        return new Tournament(address(1), 0, parameters, address(1), address(1), address(0), 0);
    }

    function testStakesTooSmallForTheHonestSideAreRefused() external {
        uint128 least0 = uint128(
            10
                * (tournament.JOIN_GAS()
                    + tournament.SETTLE_GAS()
                    + tournament.CONFIRM_GAS()
                    + tournament.WITHDRAW_GAS())
        );
        uint128 least1 = uint128(10 * (tournament.JOIN_INNER_GAS() + tournament.WITHDRAW_GAS()));
        this.newWith(least0 * CEILING, least1 * CEILING, CEILING);
        vm.expectRevert(abi.encodeWithSelector(Tournament.StakeTooSmall.selector, 0, least0 * CEILING));
        this.newWith(least0 * CEILING - 1, least1 * CEILING, CEILING);
        vm.expectRevert(abi.encodeWithSelector(Tournament.StakeTooSmall.selector, 1, least1 * CEILING));
        this.newWith(least0 * CEILING, least1 * CEILING - 1, CEILING);
        // The inner winner's prize and the share come out of a loser's stake outside.
        uint128 most = 80 ether - 10 * uint128(share());
        this.newWith(10 ether, most, CEILING);
        vm.expectRevert(abi.encodeWithSelector(Tournament.StakeTooSmall.selector, 0, 10 ether + 1));
        this.newWith(10 ether, most + 8, CEILING);
    }

    /// The dearest stakes inside that the constructor takes: the outer loser's stake pays the pot and both prizes.
    function testTheOuterLosersStakePaysAllPrizes() external {
        uint256 share_ = tournament.COPIED_GAS() * 1 gwei;
        uint256 stake1 = 8 ether - 10 * share_;
        tournament = newPlayed(1 ether, uint128(stake1));
        openWith(lieFrom(1, 1), LIAR, trueTrace(), HONEST);
        bytes32 outer = onlyMatch();
        playToSeal(outer);
        joinInner(outer, 2, trueChunk(0, 5), HONEST);
        pass(A0 + GRANT);
        resolve(outer);
        vm.assertEq(tournament.pot(tournamentId()), 0.1 ether + share_);
        settle();
        uint256 prizes = 0.2 ether + stake1 / 10 + share_;
        vm.assertEq(tournament.credits(HONEST), tournament.bond(0) + tournament.bond(1) + prizes);
        // Nothing of the stake is left for the treasury, which has the reserve: nobody has paid for gas here.
        vm.assertEq(tournament.credits(TREASURY), tournament.bond(0) - 1 ether);
        vm.assertEq(address(tournament).balance, tournament.credits(HONEST) + tournament.credits(TREASURY));
    }

    function newPlayed(uint128 stake0, uint128 stake1) internal returns (Tournament) {
        Parameters memory parameters = tournament.parameters();
        (parameters.stake0, parameters.stake1, parameters.priceCeiling) = (stake0, stake1, 1 gwei);
        return new Tournament(
            address(tournament.verifier()), keccak256("domain"), parameters, address(this), TREASURY, GUARDIAN, 0
        );
    }

    /// The rivals of the true root eliminate each other: it wins without a match, and has the pot for its trouble.
    function testTheWinnerHasAPrizeWithoutAMatch() external {
        vm.txGasPrice(2 gwei);
        openWith(lieFrom(4096, 1), LIAR, lieFrom(4096, 2), LIAR);
        bytes32 liars = onlyMatch();
        joinWith(trueTrace(), HONEST);
        playToSeal(liars);
        uint256 before = leaves[liars].progress.spent();
        pass(A0);
        eliminate(liars);
        uint256 kept = STAKE_0 / 10 + share();
        vm.assertEq(tournament.pot(tournamentId()), kept);
        before += tournament.ELIMINATE_GAS() * 2 gwei;
        vm.assertEq(tournament.credits(TREASURY), 2 * tournament.bond(0) - before - kept);
        settle();
        uint256 settling = tournament.SETTLE_GAS() * 2 gwei;
        vm.assertEq(tournament.credits(HONEST), tournament.bond(0) + kept - settling);
        vm.assertEq(tournament.credits(address(this)), settling);
        vm.assertEq(tournament.pot(tournamentId()), 0);
    }

    /// Of the first match to end a prize and a share, of each other one a share.
    function testOnePrizeIsInThePotAndAShareOfEachMatch() external {
        openWith(lieFrom(4096, 1), LIAR, trueTrace(), HONEST);
        bytes32 first = onlyMatch();
        playToSeal(first);
        prove(first);
        vm.assertEq(tournament.credits(TREASURY), tournament.bond(0) - STAKE_0 / 5 - share());
        joinWith(lieFrom(4095, 2), LIAR);
        bytes32 second = onlyMatch();
        playToSeal(second);
        prove(second);
        vm.assertEq(tournament.credits(TREASURY), 2 * (tournament.bond(0) - share()) - 3 * STAKE_0 / 10);
        vm.assertEq(tournament.credits(HONEST), STAKE_0 / 5);
        vm.assertEq(tournament.pot(tournamentId()), STAKE_0 / 10 + 2 * share());
        pass(A0);
        settle();
        vm.assertEq(tournament.credits(HONEST), tournament.bond(0) + 3 * STAKE_0 / 10 + 2 * share());
    }

    /// The shares of the matches inside come out with the inner winner, or with nobody.
    function testSharesOfInnerMatchesGoToTheOuterPot() external {
        openWith(lieFrom(1, 1), LIAR, trueTrace(), HONEST);
        bytes32 outer = onlyMatch();
        playToSeal(outer);
        uint256 fresh = vm.snapshotState();
        joinInner(outer, 1, falseChunk(0, 5, 3, lieMachine(1)), LIAR);
        joinInner(outer, 2, trueChunk(0, 5), HONEST);
        bytes32 inner = idOf(matches[1]);
        playToSeal(inner);
        prove(inner);
        vm.assertEq(tournament.pot(outer), share());
        vm.assertEq(tournament.pot(tournamentId()), 0);
        pass(A0 + GRANT);
        resolve(outer);
        vm.assertEq(tournament.pot(outer), 0);
        vm.assertEq(tournament.pot(tournamentId()), STAKE_0 / 10 + 2 * share());
        settle();
        // Both bonds, a prize of each match and each tournament, and both shares.
        vm.assertEq(
            tournament.credits(HONEST), tournament.bond(0) + tournament.bond(1) + (STAKE_0 + STAKE_1) / 5 + 2 * share()
        );
        vm.assertEq(address(tournament).balance, tournament.credits(HONEST) + tournament.credits(TREASURY));
        vm.revertToState(fresh);

        joinInner(outer, 1, falseChunk(0, 5, 3, lieMachine(1)), LIAR);
        joinInner(outer, 1, falseChunk(0, 5, 4, lieMachine(1)), LIAR);
        playToSeal(inner = idOf(matches[1]));
        pass(A0 + GRANT);
        eliminate(inner);
        resolve(outer);
        vm.assertEq(tournament.pot(tournamentId()), STAKE_0 / 10 + 2 * share());
        settle();
        vm.assertEq(tournament.credits(TREASURY), 2 * (tournament.bond(0) + tournament.bond(1)));
    }
}
