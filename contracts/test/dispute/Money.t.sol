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
        // The inner winner's prize comes out of a loser's stake outside.
        this.newWith(10 ether, 80 ether, CEILING);
        vm.expectRevert(abi.encodeWithSelector(Tournament.StakeTooSmall.selector, 0, 10 ether + 1));
        this.newWith(10 ether, 80 ether + 8, CEILING);
    }

    /// The dearest stakes inside that the constructor takes: the outer loser's stake pays the pot and both prizes.
    function testTheOuterLosersStakePaysAllPrizes() external {
        tournament = newPlayed(1 ether, 8 ether);
        openWith(lieFrom(1, 1), LIAR, trueTrace(), HONEST);
        bytes32 outer = onlyMatch();
        playToSeal(outer);
        joinInner(outer, 2, trueChunk(0, 5), HONEST);
        pass(A0 + GRANT);
        resolve(outer);
        vm.assertEq(tournament.pot(tournamentId()), 0.1 ether);
        settle();
        vm.assertEq(
            tournament.credits(HONEST), tournament.bond(0) + tournament.bond(1) + 0.1 ether + 0.8 ether + 0.1 ether
        );
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
        vm.assertEq(tournament.pot(tournamentId()), STAKE_0 / 10);
        before += tournament.ELIMINATE_GAS() * 2 gwei;
        vm.assertEq(tournament.credits(TREASURY), 2 * tournament.bond(0) - before - STAKE_0 / 10);
        settle();
        uint256 settling = tournament.SETTLE_GAS() * 2 gwei;
        vm.assertEq(tournament.credits(HONEST), tournament.bond(0) + STAKE_0 / 10 - settling);
        vm.assertEq(tournament.credits(address(this)), settling);
        vm.assertEq(tournament.pot(tournamentId()), 0);
    }

    /// One pot a tournament, however many matches end.
    function testThePotIsKeptOnce() external {
        openWith(lieFrom(4096, 1), LIAR, trueTrace(), HONEST);
        bytes32 first = onlyMatch();
        playToSeal(first);
        prove(first);
        vm.assertEq(tournament.credits(TREASURY), tournament.bond(0) - STAKE_0 / 5);
        joinWith(lieFrom(4095, 2), LIAR);
        bytes32 second = onlyMatch();
        playToSeal(second);
        prove(second);
        vm.assertEq(tournament.credits(TREASURY), 2 * tournament.bond(0) - 3 * STAKE_0 / 10);
        vm.assertEq(tournament.credits(HONEST), STAKE_0 / 5);
        pass(A0);
        settle();
        vm.assertEq(tournament.credits(HONEST), tournament.bond(0) + 3 * STAKE_0 / 10);
    }
}
