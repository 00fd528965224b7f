// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DigestConsumer} from "../../src/examples/DigestConsumer.sol";
import {IOutbox, IOutputConsumer, OutputProof, TaskResult} from "../../src/interfaces/IOutbox.sol";
import {ClaimRef} from "../../src/interfaces/IRollup.sol";
import {MaskOutOfRange, RootMismatch} from "../../src/machine/QuadProof.sol";
import {WitnessTooLong, WitnessTooShort} from "../../src/machine/Witness.sol";
import {Outbox} from "../../src/rollup/Outbox.sol";
import {NaiveTree} from "./NaiveTree.sol";
import {OutboxHarness} from "./OutboxHarness.sol";

/// Outputs (spec 5.5).
contract OutboxTest is OutboxHarness {
    function testVerify() external view {
        for (uint64 n = 0; n < OUTPUTS; n++) {
            OutputProof memory p = proofOf(n);
            TaskResult memory r = outbox.verifyOutput(p);
            vm.assertEq(uint256(r.app), 3);
            vm.assertEq(uint256(r.status), 1);
            vm.assertEq(uint256(r.exitCode), n == 6 ? 9 : 0);
            vm.assertEq(uint256(r.stepsUsed), 1000 + n);
            vm.assertEq(uint256(r.outputLength), outputOf(n).length);
            r = outbox.verifyOutputBytes(p, outputOf(n));
            vm.assertEq(uint256(r.stepsUsed), 1000 + n);
        }
    }

    function testVerifyWords() external {
        OutputProof memory p = proofOf(6);
        bytes memory data = outputOf(6);
        for (uint32 i = 0; i < 12; i++) {
            bytes32 word = NaiveTree.nodeOf(data, 0, i);
            outbox.verifyOutputWord(p, i, word, NaiveTree.stateProof(data, 12, i));
            bytes memory other = NaiveTree.stateProof(data, 12, i ^ 1);
            vm.expectRevert(RootMismatch.selector);
            outbox.verifyOutputWord(p, i, keccak256("another"), other);
        }
        bytes memory proof = NaiveTree.stateProof(data, 12, 0);
        bytes32 first = NaiveTree.nodeOf(data, 0, 0);
        vm.expectRevert(Outbox.IndexOutOfRange.selector);
        outbox.verifyOutputWord(p, 4 ** 12, first, proof);
    }

    /// Every byte of the proof, every field, the data, the index.
    function testWrongProofs() external {
        bytes memory encoded = abi.encode(proofOf(TASK));
        bytes memory data = outputOf(TASK);
        OutputProof memory good = proofOf(TASK);
        for (uint256 i = 0; i < good.proof.length; i += 5) {
            OutputProof memory p = abi.decode(encoded, (OutputProof));
            p.proof[i] ^= 0x01;
            vm.expectRevert();
            outbox.verifyOutput(p);
        }
        // Claim (3 words), apps, outputs, counters, number, hash, output root, result: all before the proof's offset.
        for (uint256 word = 1; word < 11; word++) {
            bytes memory changed = abi.encodePacked(encoded);
            changed[32 * word + 31] ^= 0x01;
            OutputProof memory p = abi.decode(changed, (OutputProof));
            vm.expectRevert();
            outbox.verifyOutput(p);
        }
        OutputProof memory q = proofOf(TASK);
        q.proof = abi.encodePacked(good.proof, bytes1(0));
        vm.expectRevert(WitnessTooLong.selector);
        outbox.verifyOutput(q);
        q.proof = hex"00";
        vm.expectRevert(WitnessTooShort.selector);
        outbox.verifyOutput(q);
        q.proof = hex"f000000000000000";
        vm.expectRevert(MaskOutOfRange.selector);
        outbox.verifyOutput(q);
        // The same leaf by another number.
        q = proofOf(TASK);
        q.taskNumber += 4 ** 20;
        vm.expectRevert(Outbox.IndexOutOfRange.selector);
        outbox.verifyOutput(q);

        bytes memory shorter = new bytes(63);
        bytes memory longer = abi.encodePacked(data, bytes1(0));
        vm.expectRevert(Outbox.LengthMismatch.selector);
        outbox.verifyOutputBytes(good, shorter);
        vm.expectRevert(Outbox.LengthMismatch.selector);
        outbox.verifyOutputBytes(good, longer);
        data[7] ^= 0x01;
        vm.expectRevert(Outbox.OutputMismatch.selector);
        outbox.verifyOutputBytes(good, data);
    }

    function testPendingClaimsProveNothing() external {
        OutputProof memory p = proofOf(TASK);
        p.claimed = ClaimRef(keccak256("tournament"), p.claimed.stateRoot, keccak256("trace"));
        vm.expectRevert(Outbox.NotConfirmed.selector);
        outbox.verifyOutput(p);
    }

    // Consumers

    function testDigestConsumer() external {
        DigestConsumer consumer = new DigestConsumer(address(outbox), 3);
        bytes memory data = outputOf(TASK);
        OutputProof memory p = proofOf(TASK);
        consumer.record(p, data);
        (bytes32 sha, bytes32 keccak) = consumer.digests(taskHash(TASK));
        vm.assertEq(keccak256(abi.encode(sha, keccak)), keccak256(data));

        DigestConsumer pushed = new DigestConsumer(address(outbox), 3);
        outbox.deliver(p, data, address(pushed), 100_000);
        (sha,) = pushed.digests(taskHash(TASK));
        vm.assertEq(sha, bytes32(NaiveTree.nodeOf(data, 0, 0)));
        vm.assertTrue(outbox.delivered(TASK, address(pushed)));
        vm.expectRevert(Outbox.AlreadyDelivered.selector);
        outbox.deliver(p, data, address(pushed), 100_000);

        TaskResult memory r = outbox.verifyOutput(p);
        vm.expectRevert(DigestConsumer.OnlyOutbox.selector);
        pushed.onOutput(TASK, p.taskHash, r, data);
        DigestConsumer other = new DigestConsumer(address(outbox), 4);
        vm.expectRevert(abi.encodeWithSelector(DigestConsumer.OtherApp.selector, 3));
        other.record(p, data);
        p = proofOf(6);
        data = outputOf(6);
        vm.expectRevert(abi.encodeWithSelector(DigestConsumer.TaskFailed.selector, 1, 9));
        consumer.record(p, data);
        p = proofOf(4);
        data = outputOf(4);
        vm.expectRevert(abi.encodeWithSelector(DigestConsumer.WrongOutputLength.selector, 180));
        consumer.record(p, data);
    }

    function testRewardsGoToWhoDelivers() external {
        Consumer consumer = new Consumer(outbox);
        bytes memory data = outputOf(TASK);
        OutputProof memory p = proofOf(TASK);
        vm.deal(address(this), 3 ether);
        outbox.fund{value: 1 ether}(p.taskHash, address(consumer));
        outbox.fund{value: 2 ether}(p.taskHash, address(consumer));
        vm.prank(MOVER);
        outbox.deliver(p, data, address(consumer), 100_000);
        vm.assertEq(outbox.credits(MOVER), 3 ether);
        vm.assertEq(outbox.reward(p.taskHash, address(consumer)), 0);
        vm.prank(MOVER);
        vm.expectRevert(Outbox.TransferFailed.selector);
        outbox.withdraw(payable(address(outbox)));
        vm.prank(MOVER);
        outbox.withdraw(payable(MOVER));
        vm.assertEq(MOVER.balance, 3 ether);
        vm.prank(MOVER);
        vm.expectRevert(Outbox.NothingToWithdraw.selector);
        outbox.withdraw(payable(MOVER));
    }

    /// Spec 5.5.4: each funder has back what nobody earned, once, and not before its time.
    function testRewardsThatNobodyEarnsAreReclaimed() external {
        Consumer consumer = new Consumer(outbox);
        OutputProof memory p = proofOf(TASK);
        address other = address(0x5005);
        vm.deal(address(this), 3 ether);
        vm.deal(other, 5 ether);
        outbox.fund{value: 1 ether}(p.taskHash, address(consumer));
        vm.prank(other);
        outbox.fund{value: 5 ether}(p.taskHash, address(consumer));
        vm.expectRevert(Outbox.NothingToReclaim.selector);
        outbox.reclaim(p.taskHash, address(this));
        uint256 when = vm.getBlockTimestamp() + outbox.RECLAIM_SECONDS();
        vm.expectRevert(abi.encodeWithSelector(Outbox.TooEarly.selector, when));
        outbox.reclaim(p.taskHash, address(consumer));
        // Who adds to it waits again, from then on.
        vm.warp(when - 1);
        outbox.fund{value: 2 ether}(p.taskHash, address(consumer));
        vm.warp(when);
        uint256 later = when - 1 + outbox.RECLAIM_SECONDS();
        vm.expectRevert(abi.encodeWithSelector(Outbox.TooEarly.selector, later));
        outbox.reclaim(p.taskHash, address(consumer));
        vm.prank(other);
        outbox.reclaim(p.taskHash, address(consumer));
        vm.assertEq(outbox.credits(other), 5 ether);
        vm.assertEq(outbox.reward(p.taskHash, address(consumer)), 3 ether);
        vm.warp(when + outbox.RECLAIM_SECONDS());
        outbox.reclaim(p.taskHash, address(consumer));
        vm.assertEq(outbox.credits(address(this)), 3 ether);
        vm.assertEq(outbox.reward(p.taskHash, address(consumer)), 0);
        vm.expectRevert(Outbox.NothingToReclaim.selector);
        outbox.reclaim(p.taskHash, address(consumer));
    }

    /// What was earned is spent for its funder, also when somebody puts up more after it.
    function testRewardsThatWereEarnedAreNotReclaimed() external {
        Consumer consumer = new Consumer(outbox);
        OutputProof memory p = proofOf(TASK);
        vm.deal(address(this), 3 ether);
        outbox.fund{value: 1 ether}(p.taskHash, address(consumer));
        vm.prank(MOVER);
        outbox.deliver(p, outputOf(TASK), address(consumer), 100_000);
        // It comes too late for any delivery.
        vm.deal(MOVER, 2 ether);
        vm.prank(MOVER);
        outbox.fund{value: 2 ether}(p.taskHash, address(consumer));
        vm.warp(vm.getBlockTimestamp() + outbox.RECLAIM_SECONDS());
        vm.expectRevert(Outbox.NothingToReclaim.selector);
        outbox.reclaim(p.taskHash, address(consumer));
        vm.prank(MOVER);
        outbox.reclaim(p.taskHash, address(consumer));
        vm.assertEq(outbox.credits(MOVER), 3 ether);
        vm.prank(MOVER);
        outbox.withdraw(payable(MOVER));
        vm.assertEq(address(outbox).balance, 0);
    }

    /// A consumer that burns its gas, reverts, or returns a megabyte costs its deliverer no more than was named, gets
    /// nothing, and may be tried again.
    function testHostileConsumers() external {
        Consumer consumer = new Consumer(outbox);
        bytes memory data = outputOf(TASK);
        OutputProof memory p = proofOf(TASK);
        vm.deal(address(this), 1 ether);
        outbox.fund{value: 1 ether}(p.taskHash, address(consumer));
        Consumer.Mood[3] memory moods = [Consumer.Mood.Revert, Consumer.Mood.BurnGas, Consumer.Mood.RevertBomb];
        for (uint256 i = 0; i < moods.length; i++) {
            consumer.setMood(moods[i]);
            uint256 before = gasleft();
            outbox.deliver(p, data, address(consumer), 500_000);
            vm.assertTrue(before - gasleft() < 700_000);
            vm.assertTrue(!outbox.delivered(TASK, address(consumer)));
            vm.assertEq(outbox.credits(address(this)), 0);
        }
        consumer.setMood(Consumer.Mood.ReturnBomb);
        uint256 left = gasleft();
        outbox.deliver(p, data, address(consumer), 5_000_000);
        // The consumer's own memory is paid from its own gas; here nothing of it is copied.
        vm.assertTrue(left - gasleft() < 5_200_000);
        vm.assertTrue(outbox.delivered(TASK, address(consumer)));
        vm.assertEq(outbox.credits(address(this)), 1 ether);
    }

    function testAConsumerThatCallsBack() external {
        Consumer consumer = new Consumer(outbox);
        bytes memory data = outputOf(TASK);
        OutputProof memory p = proofOf(TASK);
        consumer.setMood(Consumer.Mood.Reenter);
        consumer.setCall(abi.encodeCall(IOutbox.deliver, (p, data, address(consumer), 100_000)));
        vm.deal(address(this), 1 ether);
        outbox.fund{value: 1 ether}(p.taskHash, address(consumer));
        outbox.deliver(p, data, address(consumer), 2_000_000);
        vm.assertEq(uint256(uint32(consumer.refusal())), uint256(uint32(Outbox.AlreadyDelivered.selector)));
        vm.assertEq(consumer.calls(), 1);
        vm.assertEq(outbox.credits(address(this)), 1 ether);
        vm.assertEq(outbox.credits(address(consumer)), 0);
    }

    function testDeliveryNeedsCodeAndGas() external {
        Consumer consumer = new Consumer(outbox);
        bytes memory data = outputOf(TASK);
        OutputProof memory p = proofOf(TASK);
        vm.expectRevert(Outbox.NotAContract.selector);
        outbox.deliver(p, data, address(0xdead), 100_000);
        vm.expectRevert(Outbox.TooLittleGas.selector);
        outbox.deliver{gas: 400_000}(p, data, address(consumer), 400_000);
        outbox.deliver(p, data, address(consumer), 400_000);
    }
}

contract Consumer is IOutputConsumer {
    enum Mood {
        Accept,
        Revert,
        BurnGas,
        RevertBomb,
        ReturnBomb,
        Reenter
    }

    IOutbox private immutable OUTBOX;
    Mood public mood;
    bytes private _call;
    bytes4 public refusal;
    uint256 public calls;

    constructor(IOutbox outbox) {
        OUTBOX = outbox;
    }

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function setCall(bytes calldata call_) external {
        _call = call_;
    }

    function onOutput(uint64, bytes32, TaskResult calldata, bytes calldata) external {
        require(msg.sender == address(OUTBOX), "only the outbox");
        calls++;
        if (mood == Mood.Revert) revert("no");
        if (mood == Mood.BurnGas) while (true) {}
        if (mood == Mood.RevertBomb) {
            assembly ("memory-safe") {
                revert(0, 50000)
            }
        }
        if (mood == Mood.ReturnBomb) {
            assembly ("memory-safe") {
                return(0, 1000000)
            }
        }
        if (mood == Mood.Reenter) {
            (bool success, bytes memory reason) = address(OUTBOX).call(_call);
            require(!success, "delivered twice");
            refusal = bytes4(reason);
        }
    }
}
