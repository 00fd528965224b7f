// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Inbox} from "../../src/rollup/Inbox.sol";
import {Rollup} from "../../src/rollup/Rollup.sol";
import {ClaimRef, ClaimStatus} from "../../src/interfaces/IRollup.sol";
import {IInbox} from "../../src/interfaces/IInbox.sol";
import {DisputeHarness} from "../dispute/DisputeHarness.sol";
import {TallTrace, TallTraces} from "../dispute/TallTrace.sol";
import {Toy, ToyVerifier} from "../dispute/ToyVerifier.sol";
import {Vm} from "../Base.sol";

/// Claims on the real Rollup, Inbox and Tournament, with a toy transition.
abstract contract RollupHarness is DisputeHarness {
    using TallTraces for TallTrace;

    address internal constant SEQUENCER = address(0x5e0);
    address internal constant LIAR = address(0x3003);
    address internal constant ANYONE = address(0x4004);
    address internal constant GOVERNOR = address(0x60b);

    Inbox internal inbox;
    Rollup internal rollup;
    uint256 internal bond;

    function setUp() public virtual {
        setUpDispute();
        address[] memory sequencers = new address[](1);
        sequencers[0] = SEQUENCER;
        inbox = new Inbox(sequencers, Inbox.Limits(600, 60, 1 << 39, 1 << 40, REPLAY, 0));
        address expected = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 2);
        tournament = newTournament(expected, address(new ToyVerifier()), inbox.domainSeparator(), STAKE_0);
        rollup = new Rollup(address(inbox), address(tournament), GOVERNOR, initialState());
        bond = tournament.bond(0);
        vm.assertEq(rollup.latestConfirmed(), idOf(rollup.genesis()));

        (parentTournament, parentTrace) = (0, 0);
        preimage.parentClaim = idOf(rollup.genesis());
        append(TASKS);
        append(1);
    }

    /// Adds a batch; the first is the disputed one.
    function append(uint64 count) internal {
        bytes memory task = abi.encodePacked(
            uint8(0), uint8(27), uint32(1), uint64(2), uint64(3), keccak256("r"), keccak256("s"), uint32(2), "in"
        );
        bytes memory tasks;
        for (uint256 i = 0; i < count; i++) {
            tasks = abi.encodePacked(tasks, task);
        }
        uint64 index = inbox.batchCount();
        sync();
        vm.prank(SEQUENCER, SEQUENCER);
        inbox.append(uint64(vm.getBlockTimestamp()), uint64(block.number), 0, tasks);
        if (index != 0) return;
        Vm.Log memory log = vm.getRecordedLogs()[0];
        vm.assertEq(log.topics[0], IInbox.BatchAppended.selector);
        bytes32 hash;
        (hash, preimage.tasksRoot) = abi.decode(log.data, (bytes32, bytes32));
        (preimage.previousBatch, preimage.count) = (0, count);
        (preimage.time, preimage.blockNumber) = (uint64(vm.getBlockTimestamp()), uint64(block.number));
        vm.assertEq(batchHash(), hash);
    }

    function idOf(ClaimRef memory ref) internal pure returns (bytes32) {
        return Toy.quad(ref.tournament, ref.stateRoot, ref.traceRoot, 0);
    }

    function tournamentOf(ClaimRef memory parent, uint64 batch, uint64 attempt) internal view returns (bytes32) {
        return Toy.quad(idOf(parent), inbox.batchHash(batch), bytes32(uint256(attempt)), 0);
    }

    /// What a trace claims for a batch after `parent`.
    function refOf(ClaimRef memory parent, uint64 batch, uint64 attempt, TallTrace memory trace)
        internal
        view
        returns (ClaimRef memory)
    {
        return ClaimRef(tournamentOf(parent, batch, attempt), trace.last(), trace.root());
    }

    function claim(ClaimRef memory parent, uint64 batch, uint64 attempt, TallTrace memory trace, address claimer)
        internal
        returns (ClaimRef memory ref)
    {
        ref = refOf(parent, batch, attempt, trace);
        know(trace);
        bytes memory proof = trace.lastProof();
        vm.deal(claimer, claimer.balance + bond);
        vm.prank(claimer);
        rollup.claim{value: bond}(parent, attempt, ref.stateRoot, ref.traceRoot, proof);
        sync();
    }

    function challenge(
        ClaimRef memory parent,
        uint64 attempt,
        ClaimRef memory first,
        TallTrace memory trace,
        address claimer
    ) internal returns (ClaimRef memory ref) {
        ref = ClaimRef(first.tournament, trace.last(), trace.root());
        know(trace);
        bytes memory proof = trace.lastProof();
        bytes32[4] memory children = trace.rootChildren();
        bytes32 batch = batchHashAfter(parent);
        vm.deal(claimer, claimer.balance + bond);
        vm.prank(claimer);
        rollup.challenge{value: bond}(
            parent, batch, attempt, first.stateRoot, first.traceRoot, ref.stateRoot, children, proof
        );
        sync();
    }

    function batchHashAfter(ClaimRef memory parent) internal view returns (bytes32) {
        (,,, uint64 batch) = rollup.claimInfo(idOf(parent));
        // Genesis stands before batch 0.
        return inbox.batchHash(batch == type(uint64).max ? 0 : batch + 1);
    }

    function settle(bytes32 id) internal {
        (,,,,, bytes32 dangling,) = tournament.arena(id);
        tournament.settle(id, lastLeaves[dangling]);
        sync();
    }

    function status(ClaimRef memory ref) internal view returns (ClaimStatus s) {
        (s,,,) = rollup.claimInfo(idOf(ref));
    }
}
