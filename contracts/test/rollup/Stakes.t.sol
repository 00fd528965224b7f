// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Rollup} from "../../src/rollup/Rollup.sol";
import {Tournament} from "../../src/dispute/Tournament.sol";
import {Backing, ClaimRef, ClaimStatus, IRollup} from "../../src/interfaces/IRollup.sol";
import {TallTrace, TallTraces} from "../dispute/TallTrace.sol";
import {ToyVerifier} from "../dispute/ToyVerifier.sol";
import {RollupHarness} from "./RollupHarness.sol";

/// One stake behind a chain of claims (spec 5.8).
contract StakesTest is RollupHarness {
    using TallTraces for TallTrace;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 3; i++) {
            append(1);
        }
    }

    function putDown(address account, uint256 amount) internal {
        vm.deal(account, account.balance + amount);
        vm.prank(account);
        rollup.stake{value: amount}();
    }

    function staked(ClaimRef memory parent, uint64 batch, uint64 attempt, TallTrace memory trace, address claimer)
        internal
        returns (ClaimRef memory ref)
    {
        ref = refOf(parent, batch, attempt, trace);
        know(trace);
        bytes memory proof = trace.lastProof();
        vm.prank(claimer);
        rollup.claim(parent, attempt, ref.stateRoot, ref.traceRoot, proof);
        sync();
    }

    function expectNotStaked(bytes memory error_, ClaimRef memory parent, uint64 batch, address claimer) internal {
        TallTrace memory trace = traceOf(batch);
        ClaimRef memory ref = refOf(parent, batch, 0, trace);
        bytes memory proof = trace.lastProof();
        vm.prank(claimer);
        vm.expectRevert(error_);
        rollup.claim(parent, 0, ref.stateRoot, ref.traceRoot, proof);
    }

    function traceOf(uint64 batch) internal view returns (TallTrace memory) {
        return batch == 0 ? trueTrace() : TallTraces.create(12, keccak256(abi.encode("after", batch)));
    }

    function amountOf(address account) internal view returns (uint256 amount) {
        (amount,,,,) = rollup.stakeOf(account);
    }

    function epochOf(address account) internal view returns (uint16 epoch) {
        (,,,, epoch) = rollup.stakeOf(account);
    }

    /// Honest claims for the first batches behind one stake.
    function chain(uint64 length) internal returns (ClaimRef[] memory refs) {
        refs = new ClaimRef[](length);
        ClaimRef memory parent = rollup.genesis();
        for (uint64 i = 0; i < length; i++) {
            refs[i] = staked(parent, i, 0, traceOf(i), HONEST);
            parent = refs[i];
            pass(1);
        }
    }

    function testAChainBehindOneStake() external {
        putDown(HONEST, bond);
        ClaimRef[] memory refs = chain(4);
        (uint256 amount, uint64 posted, uint64 nextBatch, uint8 version, uint16 epoch) = rollup.stakeOf(HONEST);
        vm.assertEq(amount, bond);
        vm.assertEq(uint256(posted), vm.getBlockTimestamp() - 1);
        vm.assertEq(uint256(nextBatch), 4);
        vm.assertEq(uint256(version), 0);
        vm.assertEq(uint256(epoch), 0);
        vm.assertEq(address(rollup).balance, bond);
        vm.prank(HONEST);
        vm.expectRevert(Rollup.StakeBusy.selector);
        rollup.unstake();
        pass(A0 - 2);
        vm.prank(HONEST);
        vm.expectRevert(Rollup.StakeBusy.selector);
        rollup.unstake();
        pass(1);
        for (uint256 i = 0; i < 4; i++) {
            rollup.confirm(refs[i], 0);
        }
        // Nothing was paid, and the stake is as it was.
        vm.assertEq(rollup.credits(HONEST), 0);
        vm.prank(HONEST);
        rollup.unstake();
        vm.assertEq(rollup.credits(HONEST), bond);
        vm.assertEq(amountOf(HONEST), 0);
        vm.prank(HONEST);
        vm.expectRevert(Rollup.NothingStaked.selector);
        rollup.unstake();
    }

    function testStakeChecks() external {
        vm.deal(HONEST, 10 * bond);
        vm.prank(HONEST);
        vm.expectRevert(abi.encodeWithSelector(Rollup.StakeTooSmall.selector, bond));
        rollup.stake{value: bond - 1}();
        expectNotStaked(abi.encodeWithSelector(Rollup.StakeTooSmall.selector, bond), rollup.genesis(), 0, HONEST);
        vm.prank(HONEST);
        vm.expectEmit();
        emit IRollup.Staked(HONEST, bond, bond);
        rollup.stake{value: bond}();
        vm.prank(HONEST);
        vm.expectEmit();
        emit IRollup.Staked(HONEST, 1, bond + 1);
        rollup.stake{value: 1}();
        // Somebody else's stake is of no use.
        expectNotStaked(abi.encodeWithSelector(Rollup.StakeTooSmall.selector, bond), rollup.genesis(), 0, LIAR);
    }

    /// Spec 5.8.2: the next claim follows the latest one, until the stake is idle.
    function testOnlyOneChainAtATime() external {
        putDown(HONEST, bond);
        ClaimRef[] memory refs = chain(2);
        // A sibling branch of the account's own: after the claim before the latest, after genesis, after another's claim.
        bytes memory busy = abi.encodeWithSelector(Rollup.StakeBusy.selector);
        ClaimRef memory other = claim(refs[1], 2, 0, TallTraces.create(12, keccak256("other")), ANYONE);
        expectNotStaked(busy, other, 3, HONEST);
        ClaimRef memory own = claim(other, 3, 0, traceOf(3), HONEST);
        // A claim of its own with a bond is not on the stake.
        expectNotStaked(busy, own, 4, HONEST);
        vm.warp(vm.getBlockTimestamp() + A0);
        staked(own, 4, 0, traceOf(4), HONEST);
    }

    /// Two rivals of the first batch: a claim can follow each of them.
    function branches() internal returns (ClaimRef memory one, ClaimRef memory two) {
        one = claim(rollup.genesis(), 0, 0, trueTrace(), ANYONE);
        two = challenge(rollup.genesis(), 0, one, lieFrom(1, 1), LIAR);
    }

    function testAnOlderChainDoesNotGoOn() external {
        (ClaimRef memory one, ClaimRef memory two) = branches();
        putDown(HONEST, bond);
        ClaimRef memory older = staked(one, 1, 0, traceOf(1), HONEST);
        pass(A0);
        staked(two, 1, 0, traceOf(1), HONEST);
        expectNotStaked(abi.encodeWithSelector(Rollup.StakeBusy.selector), older, 2, HONEST);
    }

    /// Nothing but the account or the epoch tells the chain that is claimed after from the one behind the stake.
    function testBranchesOfOneSecond() external {
        (ClaimRef memory one, ClaimRef memory two) = branches();
        bytes memory busy = abi.encodeWithSelector(Rollup.StakeBusy.selector);
        putDown(ANYONE, bond);
        putDown(HONEST, 2 * bond);
        uint256 before = vm.snapshotState();
        ClaimRef memory others = staked(one, 1, 0, traceOf(1), ANYONE);
        staked(two, 1, 0, traceOf(1), HONEST);
        expectNotStaked(busy, others, 2, HONEST);

        vm.revertToState(before);
        ClaimRef memory lost = staked(one, 1, 0, traceOf(1), HONEST);
        ClaimRef memory older = staked(lost, 2, 0, traceOf(2), HONEST);
        challenge(one, 0, lost, TallTraces.create(12, keccak256("rival")), LIAR);
        ClaimRef memory own = staked(two, 1, 0, traceOf(1), HONEST);
        staked(own, 2, 0, traceOf(2), HONEST);
        expectNotStaked(busy, older, 3, HONEST);
    }

    /// Spec 5.8.3: the first challenge takes the bond out of the stake, and the tournament is as if it had been posted.
    function testAChallengeTakesTheStake() external {
        putDown(HONEST, bond + 5);
        ClaimRef[] memory refs = chain(3);
        uint256 posted = vm.getBlockTimestamp() - 2;
        TallTrace memory lie = TallTraces.create(12, keccak256("rival"));
        vm.deal(LIAR, bond);
        (bytes32 last, bytes32[4] memory children, bytes memory proof) =
            (lie.last(), lie.rootChildren(), lie.lastProof());
        know(lie);
        bytes32 batch = batchHashAfter(refs[0]);
        vm.prank(LIAR);
        vm.expectEmit();
        emit IRollup.StakeTaken(HONEST, idOf(refs[1]), bond, 1);
        rollup.challenge{value: bond}(refs[0], batch, 0, refs[1].stateRoot, refs[1].traceRoot, last, children, proof);
        sync();
        vm.assertEq(address(tournament).balance, 2 * bond);
        vm.assertEq(amountOf(HONEST), 5);
        vm.assertEq(uint256(epochOf(HONEST)), 1);
        (, uint40 start,,,,,) = tournament.arena(refs[1].tournament);
        vm.assertEq(uint256(start), posted);
        vm.assertEq(rollup.claimerOf(idOf(refs[1])), HONEST);
        vm.assertTrue(rollup.isBacked(idOf(refs[1])));
        vm.assertTrue(!rollup.isBacked(idOf(refs[0])) && !rollup.isBacked(idOf(refs[2])));

        // The rest is too small for a bond and goes back at once: no claim is behind it.
        expectNotStaked(abi.encodeWithSelector(Rollup.StakeTooSmall.selector, bond), refs[2], 3, HONEST);
        vm.prank(HONEST);
        rollup.unstake();
        vm.assertEq(rollup.credits(HONEST), 5);

        // The second rival takes nothing more.
        challenge(refs[0], 0, refs[1], TallTraces.create(12, keccak256("rival 2")), ANYONE);
        vm.assertEq(address(tournament).balance, 3 * bond);
        // Its bond comes back by the tournament.
        bytes32 liars = onlyMatch();
        advance(liars);
        pass(A0);
        timeout(liars);
        bytes32 next = onlyMatch();
        if (moverRoot(next) == refs[1].traceRoot) advance(next);
        pass(A0);
        timeout(next);
        settle(refs[1].tournament);
        vm.assertTrue(tournament.credits(HONEST) >= bond);
    }

    /// Spec 5.8.4: unbacked claims neither confirm nor stand in the way, and come back by anyone's bond.
    function testUnbackedClaims() external {
        putDown(HONEST, bond);
        ClaimRef[] memory refs = chain(3);
        ClaimRef memory genesis = rollup.genesis();
        challenge(refs[1], 0, refs[2], TallTraces.create(12, keccak256("rival")), LIAR);
        pass(A0);
        vm.expectRevert(Rollup.NotBacked.selector);
        rollup.confirm(refs[0], 0);

        // Nobody challenges it: there is nothing to win.
        TallTrace memory lie = lieFrom(4096, 1);
        (bytes32 last, bytes32[4] memory children, bytes memory proof) =
            (lie.last(), lie.rootChildren(), lie.lastProof());
        vm.deal(address(this), bond);
        vm.expectRevert(Rollup.NotBacked.selector);
        rollup.challenge{value: bond}(
            genesis, batchHash(), 0, refs[0].stateRoot, refs[0].traceRoot, last, children, proof
        );

        // Anyone posts it again; its children still name it.
        ClaimRef memory again = claim(genesis, 0, 0, trueTrace(), ANYONE);
        vm.assertEq(idOf(again), idOf(refs[0]));
        vm.assertEq(rollup.claimerOf(idOf(again)), ANYONE);
        vm.assertTrue(rollup.isBacked(idOf(again)));
        (,, uint64 postedAt,) = rollup.claimInfo(idOf(again));
        vm.assertEq(uint256(postedAt), vm.getBlockTimestamp());
        vm.expectRevert(Rollup.WindowOpen.selector);
        rollup.confirm(again, 0);
        claim(refs[0], 1, 0, traceOf(1), ANYONE);
        pass(A0);
        rollup.confirm(again, 0);
        rollup.confirm(refs[1], 0);
        vm.assertEq(rollup.credits(ANYONE), 2 * bond);
    }

    /// Another first claim takes the place of an unbacked one, which comes back as its rival.
    function testAnotherFirstClaimInItsPlace() external {
        putDown(HONEST, bond);
        ClaimRef[] memory refs = chain(2);
        ClaimRef memory genesis = rollup.genesis();
        challenge(refs[0], 0, refs[1], TallTraces.create(12, keccak256("rival")), LIAR);
        ClaimRef memory lie = claim(genesis, 0, 0, lieFrom(4096, 1), LIAR);
        vm.assertEq(rollup.firstClaim(lie.tournament), idOf(lie));
        uint256 posted = vm.getBlockTimestamp();
        pass(3);
        ClaimRef memory truth = challenge(genesis, 0, lie, trueTrace(), ANYONE);
        vm.assertEq(idOf(truth), idOf(refs[0]));
        (, uint40 start,,,,,) = tournament.arena(lie.tournament);
        vm.assertEq(uint256(start), posted);
        vm.assertEq(rollup.claimerOf(idOf(truth)), ANYONE);
        bytes32 matchId = idOf(matches[1]);
        playToSeal(matchId);
        prove(matchId);
        pass(A0);
        settle(lie.tournament);
        rollup.confirm(truth, 0);
        vm.assertEq(tournament.credits(ANYONE), bond + STAKE_0 / 5 + share() - tournament.SETTLE_GAS() * tx.gasprice);
    }

    /// Spec 5.8.5: two lies behind one stake. The first challenge pays for itself, the second lie falls by itself.
    function testTwoLiesBehindOneStake() external {
        ClaimRef memory genesis = rollup.genesis();
        putDown(LIAR, bond);
        ClaimRef memory lie = staked(genesis, 0, 0, lieFrom(4096, 1), LIAR);
        ClaimRef memory onIt = staked(lie, 1, 0, TallTraces.create(12, keccak256("on a lie")), LIAR);
        pass(1);
        ClaimRef memory truth = challenge(genesis, 0, lie, trueTrace(), HONEST);
        vm.assertTrue(!rollup.isBacked(idOf(onIt)));
        vm.assertEq(amountOf(LIAR), 0);
        // A new stake does not bring the old claims back.
        putDown(LIAR, bond);
        vm.assertTrue(!rollup.isBacked(idOf(onIt)));
        bytes32 matchId = onlyMatch();
        playToSeal(matchId);
        prove(matchId);
        pass(A0);
        settle(lie.tournament);
        rollup.confirm(truth, 0);
        vm.assertTrue(tournament.credits(HONEST) > bond);
        vm.expectRevert(Rollup.NothingToRecover.selector);
        rollup.recover(onIt, lie, 0);
        vm.prank(LIAR);
        rollup.unstake();
        vm.assertEq(rollup.credits(LIAR), bond);
        vm.assertEq(tournament.credits(LIAR), 0);
    }

    /// In the second in which a stake is taken and put down again, new claims are told from the old by the epoch.
    function testTheSameSecond() external {
        putDown(HONEST, bond);
        ClaimRef[] memory refs = new ClaimRef[](2);
        refs[0] = staked(rollup.genesis(), 0, 0, trueTrace(), HONEST);
        refs[1] = staked(refs[0], 1, 0, traceOf(1), HONEST);
        challenge(rollup.genesis(), 0, refs[0], lieFrom(1, 1), LIAR);
        putDown(HONEST, bond);
        vm.assertTrue(!rollup.isBacked(idOf(refs[1])));
        ClaimRef memory again = staked(refs[0], 1, 0, traceOf(1), HONEST);
        vm.assertEq(idOf(again), idOf(refs[1]));
        vm.assertTrue(rollup.isBacked(idOf(again)));
        staked(again, 2, 0, traceOf(2), HONEST);
    }

    /// Spec 5.8.2: claims behind a stake in their windows are of one version, whose bond it covers.
    function testAnUpgradeWaitsForTheStakeToBeIdle() external {
        putDown(HONEST, bond);
        ClaimRef[] memory refs = chain(1);
        Tournament next =
            newTournament(address(rollup), address(new ToyVerifier()), inbox.domainSeparator(), 2 * STAKE_0);
        vm.prank(GOVERNOR);
        rollup.addRules(address(next));
        bytes memory small = abi.encodeWithSelector(Rollup.StakeTooSmall.selector, next.bond(0));
        expectNotStaked(small, refs[0], 1, HONEST);
        putDown(HONEST, next.bond(0));
        expectNotStaked(abi.encodeWithSelector(Rollup.StakeBusy.selector), refs[0], 1, HONEST);
        pass(A0);
        ClaimRef memory child = staked(refs[0], 1, 0, traceOf(1), HONEST);
        // The challenge takes the bond of the version that the claim is pinned to.
        uint256 before = amountOf(HONEST);
        bond = next.bond(0);
        challenge(refs[0], 0, child, TallTraces.create(12, keccak256("rival")), LIAR);
        vm.assertEq(before - amountOf(HONEST), next.bond(0));
        vm.assertEq(address(next).balance, 2 * next.bond(0));
        // The window of the claim before has passed; it is unbacked all the same, and posted again.
        vm.expectRevert(Rollup.NotBacked.selector);
        rollup.confirm(refs[0], 0);
        claim(rollup.genesis(), 0, 0, trueTrace(), ANYONE);
    }

    /// A pause holds the window open, and the stake with it.
    function testAPauseKeepsTheStake() external {
        putDown(HONEST, bond);
        ClaimRef[] memory refs = chain(1);
        vm.prank(GUARDIAN);
        tournament.pause();
        pass(A0);
        vm.prank(HONEST);
        vm.expectRevert(Rollup.StakeBusy.selector);
        rollup.unstake();
        vm.prank(GUARDIAN);
        tournament.unpause();
        pass(A0 - 1);
        // Spec 4.8.3: taking back an idle stake never asks for the pause.
        vm.prank(GUARDIAN);
        tournament.pause();
        vm.prank(HONEST);
        rollup.unstake();
        vm.assertTrue(rollup.isBacked(idOf(refs[0])));
        vm.prank(GUARDIAN);
        tournament.unpause();
        rollup.confirm(refs[0], 0);
    }

    /// A claim whose window has passed cannot be challenged: the stake may be gone.
    function testNoChallengeAfterTheWindow() external {
        putDown(HONEST, bond);
        ClaimRef[] memory refs = chain(1);
        pass(A0 - 1);
        vm.prank(HONEST);
        rollup.unstake();
        TallTrace memory lie = lieFrom(1, 1);
        (bytes32 last, bytes32[4] memory children, bytes memory proof) =
            (lie.last(), lie.rootChildren(), lie.lastProof());
        ClaimRef memory genesis = rollup.genesis();
        vm.deal(address(this), bond);
        vm.expectRevert(Rollup.WindowClosed.selector);
        rollup.challenge{value: bond}(
            genesis, batchHash(), 0, refs[0].stateRoot, refs[0].traceRoot, last, children, proof
        );
        rollup.confirm(refs[0], 0);
    }

    function testEventsSayWhatStandsBehindAClaim() external {
        putDown(HONEST, bond);
        ClaimRef memory genesis = rollup.genesis();
        TallTrace memory truth = trueTrace();
        ClaimRef memory ref = refOf(genesis, 0, 0, truth);
        bytes memory proof = truth.lastProof();
        vm.prank(HONEST);
        vm.expectEmit();
        emit IRollup.Claimed(
            idOf(ref),
            idOf(genesis),
            ref.tournament,
            0,
            0,
            ref.stateRoot,
            ref.traceRoot,
            HONEST,
            uint40(vm.getBlockTimestamp()),
            0,
            Backing.Stake
        );
        rollup.claim(genesis, 0, ref.stateRoot, ref.traceRoot, proof);
        vm.assertTrue(status(ref) == ClaimStatus.Pending);
    }
}
