// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {OutputProof} from "../../src/interfaces/IOutbox.sol";
import {Inbox} from "../../src/rollup/Inbox.sol";
import {Outbox} from "../../src/rollup/Outbox.sol";
import {Rollup} from "../../src/rollup/Rollup.sol";
import {DisputeHarness} from "../dispute/DisputeHarness.sol";
import {NaiveTree} from "./NaiveTree.sol";

/// An Outbox with outputs to deliver: the confirmed claim is genesis, whose state is full of outputs here.
abstract contract OutboxHarness is DisputeHarness {
    uint64 internal constant OUTPUTS = 7;
    uint64 internal constant TASK = 5;

    Outbox internal outbox;
    Rollup internal rollup;
    bytes32 internal appsRoot = keccak256("apps");
    bytes32 internal counters = bytes32(uint256(OUTPUTS));
    bytes internal outputLeaves;

    function setUp() public virtual {
        for (uint64 n = 0; n < OUTPUTS; n++) {
            outputLeaves = abi.encodePacked(
                outputLeaves,
                keccak256(abi.encode(taskHash(n), NaiveTree.rootOf(outputOf(n), 12), resultWord(n), bytes32(0)))
            );
        }
        bytes32 state = keccak256(abi.encode(appsRoot, NaiveTree.rootOf(outputLeaves, 20), counters, bytes32(0)));
        address[] memory sequencers = new address[](1);
        Inbox inbox = new Inbox(sequencers, Inbox.Limits(600, 60, 1 << 39, 1 << 40, REPLAY, 0));
        address expected = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        tournament = newTournament(expected, address(1), inbox.domainSeparator(), STAKE_0);
        rollup = new Rollup(address(inbox), address(tournament), address(0), state);
        outbox = new Outbox(address(rollup));
    }

    function taskHash(uint64 n) internal pure returns (bytes32) {
        return keccak256(abi.encode("task", n));
    }

    /// Of task n: 64 bytes for task 5, other lengths for others, 0 for task 0.
    function outputOf(uint64 n) internal pure returns (bytes memory data) {
        data = new bytes(n == TASK ? 64 : 45 * n);
        for (uint256 i = 0; i < data.length; i++) {
            data[i] = bytes1(uint8(i * (n + 1) + 1));
        }
    }

    function resultWord(uint64 n) internal pure returns (bytes32) {
        return bytes32(
            outputOf(n).length | uint256(1000 + n) << 64 | uint256(n == 6 ? 9 : 0) << 128 | uint256(1) << 160
                | uint256(3) << 168
        );
    }

    function proofOf(uint64 n) internal view returns (OutputProof memory p) {
        p.claimed = rollup.genesis();
        p.appsRoot = appsRoot;
        p.outputsRoot = NaiveTree.rootOf(outputLeaves, 20);
        p.counters = counters;
        p.taskNumber = n;
        p.taskHash = taskHash(n);
        p.outputRoot = NaiveTree.rootOf(outputOf(n), 12);
        p.resultWord = resultWord(n);
        p.proof = NaiveTree.stateProof(outputLeaves, 20, n);
    }
}
