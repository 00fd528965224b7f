// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Chunk, IInbox} from "../../src/interfaces/IInbox.sol";
import {Inbox} from "../../src/rollup/Inbox.sol";
import {Base, Vm} from "../Base.sol";
import {NaiveTree} from "./NaiveTree.sol";

/// Ordering and data (spec 5.1 to 5.3). Roots are compared with a recursion over whole trees.
contract InboxTest is Base {
    uint64 internal constant DELAY = 600;
    uint64 internal constant DRIFT = 60;
    uint64 internal constant MAX_STEPS = 1 << 30;
    uint64 internal constant BATCH_STEPS = 1 << 32;
    /// A task of MAX_STEPS is 25 seconds of work.
    uint32 internal constant REPLAY = 100;
    uint128 internal constant FEE = 1000;
    address internal constant SEQUENCER = address(0x5e0);
    address internal constant SECOND = address(0x5e1);
    address internal constant USER = address(0xabc);

    Inbox internal inbox;

    function setUp() external {
        address[] memory sequencers = new address[](2);
        sequencers[0] = SEQUENCER;
        sequencers[1] = SECOND;
        inbox = new Inbox(sequencers, Inbox.Limits(DELAY, DRIFT, MAX_STEPS, BATCH_STEPS, REPLAY, FEE));
        vm.warp(1_000_000);
        vm.roll(5000);
        vm.deal(USER, 100 ether);
    }

    // Building tasks by the spec's table

    struct Task {
        uint8 tag;
        uint8 v;
        uint32 target;
        uint64 nonce;
        uint64 limit;
        bytes32 r;
        bytes32 s;
    }

    function plain(uint64 nonce) internal pure returns (Task memory) {
        return Task(0, 27, 1, nonce, 1 << 20, bytes32(uint256(11)), bytes32(uint256(12)));
    }

    function header(Task memory t) internal pure returns (bytes memory) {
        return abi.encodePacked(t.tag, t.v, t.target, t.nonce, t.limit, t.r, t.s);
    }

    function run(Task memory t, bytes memory input) internal pure returns (bytes memory) {
        return abi.encodePacked(header(t), uint32(input.length), input);
    }

    function taskHash(Task memory t, uint8 kind, uint256 length, bytes32 dataRoot) internal pure returns (bytes32) {
        uint256 head = length | uint256(t.limit) << 64 | uint256(t.nonce) << 128 | uint256(t.target) << 192
            | uint256(t.v) << 224 | uint256(kind) << 232;
        return keccak256(abi.encode(head, dataRoot, t.r, t.s));
    }

    function runHash(Task memory t, bytes memory input) internal pure returns (bytes32) {
        return taskHash(t, 0, input.length, NaiveTree.rootOf(input, 12));
    }

    function encodeChunks(Chunk[] memory chunks) internal pure returns (bytes memory encoded) {
        encoded = abi.encodePacked(uint16(chunks.length));
        for (uint256 i = 0; i < chunks.length; i++) {
            encoded = abi.encodePacked(encoded, chunks[i].index, chunks[i].root);
        }
    }

    function composed(Chunk[] memory chunks, uint256 height) internal pure returns (bytes32) {
        uint256[] memory indices = new uint256[](chunks.length);
        bytes32[] memory roots = new bytes32[](chunks.length);
        for (uint256 i = 0; i < chunks.length; i++) {
            (indices[i], roots[i]) = (chunks[i].index, chunks[i].root);
        }
        return NaiveTree.composed(indices, roots, 5, height, 0);
    }

    function chunkOf(uint256 seed) internal pure returns (bytes memory data) {
        data = new bytes(1 + uint256(keccak256(abi.encode(seed))) % 200);
        for (uint256 i = 0; i < data.length; i++) {
            data[i] = bytes1(uint8(uint256(keccak256(abi.encode(seed, i)))));
        }
    }

    function publish(uint256 seed) internal returns (bytes32) {
        vm.prank(USER, USER);
        return inbox.publish(chunkOf(seed));
    }

    function publishAt(uint32[] memory indices) internal returns (Chunk[] memory chunks) {
        chunks = new Chunk[](indices.length);
        for (uint256 i = 0; i < indices.length; i++) {
            chunks[i] = Chunk(indices[i], publish(i));
        }
    }

    function append(uint64 direct, bytes memory tasks) internal {
        vm.prank(SEQUENCER, SEQUENCER);
        inbox.append(uint64(vm.getBlockTimestamp()), uint64(block.number), direct, tasks);
    }

    function appendFails(bytes4 error, bytes memory tasks) internal {
        vm.prank(SEQUENCER, SEQUENCER);
        vm.expectRevert(error);
        inbox.append(uint64(vm.getBlockTimestamp()), uint64(block.number), 0, tasks);
    }

    function appendFails(bytes memory error, bytes memory tasks) internal {
        vm.prank(SEQUENCER, SEQUENCER);
        vm.expectRevert(error);
        inbox.append(uint64(vm.getBlockTimestamp()), uint64(block.number), 0, tasks);
    }

    function batchHash(bytes32 previous, bytes32[] memory hashes) internal view returns (bytes32) {
        bytes memory leaves = abi.encodePacked(hashes);
        uint256 head = hashes.length | vm.getBlockTimestamp() << 64 | block.number << 128;
        return keccak256(abi.encode(previous, NaiveTree.rootOf(leaves, 6), head, 0));
    }

    // Encoding, 5.1.3

    function testAllKindsInOneBatch() external {
        uint32[] memory deployAt = new uint32[](3);
        (deployAt[0], deployAt[1], deployAt[2]) = (0, 5 * 16_384 + 16_383, 12 * 16_384 + 2);
        Chunk[] memory program = publishAt(deployAt);
        uint32[] memory inputAt = new uint32[](2);
        (inputAt[0], inputAt[1]) = (1, 3);
        Chunk[] memory input = publishAt(inputAt);

        Task memory a = plain(1);
        Task memory b = plain(2);
        (b.tag, b.target, b.limit, b.v) = (1, 1, 0x10000, 28);
        Task memory c = plain(3);
        (c.tag, c.limit, c.target) = (2, MAX_STEPS, type(uint32).max);
        bytes memory tasks = abi.encodePacked(
            run(a, "hello"), header(b), encodeChunks(program), header(c), uint32(100_000), encodeChunks(input)
        );
        append(0, tasks);

        bytes32[] memory hashes = new bytes32[](3);
        hashes[0] = runHash(a, "hello");
        hashes[1] = taskHash(b, 1, 0, composed(program, 14));
        hashes[2] = taskHash(c, 0, 100_000, composed(input, 12));
        vm.assertEq(inbox.batchHash(0), batchHash(0, hashes));
        vm.assertEq(uint256(inbox.batchCount()), 1);
        vm.assertEq(inbox.batchHash(1), 0);
    }

    function testBatchesAreChained() external {
        bytes32 previous = 0;
        for (uint64 i = 0; i < 3; i++) {
            append(0, run(plain(i), abi.encode(i)));
            bytes32[] memory hashes = new bytes32[](1);
            hashes[0] = runHash(plain(i), abi.encode(i));
            previous = batchHash(previous, hashes);
            vm.assertEq(inbox.batchHash(i), previous);
            vm.warp(vm.getBlockTimestamp() + 5);
        }
    }

    /// forge-config: default.fuzz.runs = 48
    function testFuzzInputs(uint256 seed) external {
        uint256 count = 1 + seed % 22;
        bytes32[] memory hashes = new bytes32[](count);
        bytes memory tasks;
        for (uint256 i = 0; i < count; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            bytes memory input = new bytes(random % 5 == 0 ? 0 : (random >> 8) % 300);
            for (uint256 k = 0; k < input.length; k++) {
                input[k] = bytes1(uint8(random >> (k % 31)));
            }
            Task memory t = plain(uint64(random >> 64));
            t.target = uint32(random >> 32);
            t.v = uint8(27 + random % 2);
            hashes[i] = runHash(t, input);
            tasks = abi.encodePacked(tasks, run(t, input));
        }
        append(0, tasks);
        vm.assertEq(inbox.batchHash(0), batchHash(0, hashes));
    }

    function testLongestInlineInput() external {
        bytes memory input = new bytes(98_304);
        input[98_303] = 0x01;
        append(0, run(plain(1), input));
        bytes32[] memory hashes = new bytes32[](1);
        uint256[] memory at = new uint256[](1);
        bytes32[] memory node = new bytes32[](1);
        (at[0], node[0]) = (3071, bytes32(uint256(1)));
        hashes[0] = taskHash(plain(1), 0, 98_304, NaiveTree.composed(at, node, 0, 12, 0));
        vm.assertEq(inbox.batchHash(0), batchHash(0, hashes));
        appendFails(Inbox.InputTooLong.selector, run(plain(1), new bytes(98_305)));
    }

    function testTruncatedTasks() external {
        uint32[] memory indices = new uint32[](1);
        Chunk[] memory chunks = publishAt(indices);
        Task memory d = plain(1);
        (d.tag, d.target, d.limit) = (1, 0, 0);
        Task memory p = plain(1);
        p.tag = 2;
        bytes[3] memory all = [
            run(plain(0), "0123456789"),
            abi.encodePacked(header(d), encodeChunks(chunks)),
            abi.encodePacked(header(p), uint32(5), encodeChunks(chunks))
        ];
        for (uint256 k = 0; k < 3; k++) {
            bytes memory whole = all[k];
            for (uint256 length = 1; length < whole.length; length += 3) {
                bytes memory cut = new bytes(length);
                for (uint256 i = 0; i < length; i++) {
                    cut[i] = whole[i];
                }
                appendFails(Inbox.TaskTooShort.selector, cut);
            }
            append(0, whole);
        }
    }

    // Checks, 5.1.4

    function testFieldsOutOfRange() external {
        Task memory t = plain(1);
        t.tag = 3;
        appendFails(abi.encodeWithSelector(Inbox.UnknownTag.selector, 3), run(t, ""));
        t = plain(1);
        t.v = 0;
        appendFails(abi.encodeWithSelector(Inbox.WrongRecoveryId.selector, 0), run(t, ""));
        t.v = 29;
        appendFails(abi.encodeWithSelector(Inbox.WrongRecoveryId.selector, 29), run(t, ""));
        t = plain(1);
        t.limit = 0;
        appendFails(Inbox.StepLimitOutOfRange.selector, run(t, ""));
        t.limit = MAX_STEPS + 1;
        appendFails(Inbox.StepLimitOutOfRange.selector, run(t, ""));
        t.limit = MAX_STEPS;
        append(0, run(t, ""));

        t = plain(1);
        (t.tag, t.target, t.limit) = (1, 2, 0);
        appendFails(Inbox.PolicyOutOfRange.selector, abi.encodePacked(header(t), uint16(0)));
        (t.target, t.limit) = (0, 1 << 29);
        appendFails(Inbox.EntryOutOfRange.selector, abi.encodePacked(header(t), uint16(0)));
        t.limit = 3;
        appendFails(Inbox.EntryOutOfRange.selector, abi.encodePacked(header(t), uint16(0)));
        t.limit = (1 << 29) - 2;
        append(0, abi.encodePacked(header(t), uint16(0)));

        t = plain(1);
        t.tag = 2;
        appendFails(Inbox.InputTooLong.selector, abi.encodePacked(header(t), uint32((1 << 29) + 1), uint16(0)));
        append(0, abi.encodePacked(header(t), uint32(1 << 29), uint16(0)));
    }

    function testChunksAreAscendingPublishedAndInPlace() external {
        Chunk[] memory chunks = new Chunk[](2);
        (chunks[0], chunks[1]) = (Chunk(4, publish(0)), Chunk(4, publish(1)));
        Task memory t = plain(1);
        (t.tag, t.target, t.limit) = (1, 0, 0);
        appendFails(
            abi.encodeWithSelector(Inbox.ChunkIndexOutOfRange.selector, 4),
            abi.encodePacked(header(t), encodeChunks(chunks))
        );
        chunks[1].index = 3;
        appendFails(
            abi.encodeWithSelector(Inbox.ChunkIndexOutOfRange.selector, 3),
            abi.encodePacked(header(t), encodeChunks(chunks))
        );
        chunks[1] = Chunk(5, keccak256("never published"));
        appendFails(
            abi.encodeWithSelector(Inbox.ChunkNotPublished.selector, chunks[1].root),
            abi.encodePacked(header(t), encodeChunks(chunks))
        );
        chunks[1].root = chunks[0].root;
        uint32[6] memory outside =
            [6 * 16_384, 12 * 16_384 - 1, 13 * 16_384, 16 * 16_384, 17 * 16_384 + 5, type(uint32).max];
        for (uint256 i = 0; i < outside.length; i++) {
            chunks[1].index = outside[i];
            appendFails(
                abi.encodeWithSelector(Inbox.ChunkIndexOutOfRange.selector, outside[i]),
                abi.encodePacked(header(t), encodeChunks(chunks))
            );
        }
        t = plain(1);
        t.tag = 2;
        (chunks[0].index, chunks[1].index) = (0, 2);
        appendFails(
            abi.encodeWithSelector(Inbox.ChunkIndexOutOfRange.selector, 2),
            abi.encodePacked(header(t), uint32(65_536), encodeChunks(chunks))
        );
        append(0, abi.encodePacked(header(t), uint32(65_537), encodeChunks(chunks)));
    }

    function testBatchSizes() external {
        appendFails(Inbox.EmptyBatch.selector, "");
        Task memory t = plain(1);
        t.limit = MAX_STEPS;
        bytes memory four = abi.encodePacked(run(t, ""), run(t, ""), run(t, ""), run(t, ""));
        append(0, four);
        vm.warp(vm.getBlockTimestamp() + REPLAY);
        Task memory one = plain(1);
        one.limit = 1;
        appendFails(Inbox.TooManySteps.selector, abi.encodePacked(four, run(one, "")));
        bytes memory many = run(one, "");
        for (uint256 i = 0; i < 12; i++) {
            many = abi.encodePacked(many, many);
        }
        append(0, many);
        appendFails(Inbox.TooManyTasks.selector, abi.encodePacked(many, run(one, "")));
    }

    function testTimeAndBlock() external {
        bytes memory tasks = run(plain(1), "");
        uint64[2] memory badTimes = [uint64(1_000_001), 1_000_000 - DRIFT - 1];
        for (uint256 i = 0; i < 2; i++) {
            vm.prank(SEQUENCER, SEQUENCER);
            vm.expectRevert(Inbox.TimeOutOfRange.selector);
            inbox.append(badTimes[i], 5000, 0, tasks);
        }
        vm.prank(SEQUENCER, SEQUENCER);
        vm.expectRevert(Inbox.BlockOutOfRange.selector);
        inbox.append(1_000_000, 5001, 0, tasks);
        vm.prank(SEQUENCER, SEQUENCER);
        inbox.append(1_000_000 - DRIFT, 4000, 0, tasks);
        vm.prank(SECOND, SECOND);
        inbox.append(1_000_000 - 10, 4500, 0, tasks);
        vm.prank(SEQUENCER, SEQUENCER);
        vm.expectRevert(Inbox.TimeOutOfRange.selector);
        inbox.append(1_000_000 - 11, 4500, 0, tasks);
        vm.prank(SEQUENCER, SEQUENCER);
        vm.expectRevert(Inbox.BlockOutOfRange.selector);
        inbox.append(1_000_000 - 10, 4499, 0, tasks);
    }

    // Top-level calls, 5.1.5

    function testOnlySequencersAndOnlyTopLevel() external {
        bytes memory tasks = run(plain(1), "");
        vm.prank(USER, USER);
        vm.expectRevert(Inbox.OnlySequencer.selector);
        inbox.append(1_000_000, 5000, 0, tasks);
        vm.prank(SEQUENCER, USER);
        vm.expectRevert(Inbox.OnlyTopLevelCall.selector);
        inbox.append(1_000_000, 5000, 0, tasks);
        // A delegated account (EIP-7702): its code could call with what is not the transaction's calldata.
        vm.etch(SEQUENCER, abi.encodePacked(hex"ef0100", address(this)));
        vm.prank(SEQUENCER, SEQUENCER);
        vm.expectRevert(Inbox.OnlyTopLevelCall.selector);
        inbox.append(1_000_000, 5000, 0, tasks);
        vm.prank(SEQUENCER, SEQUENCER);
        vm.expectRevert(Inbox.OnlyTopLevelCall.selector);
        inbox.publish("data");
        vm.prank(USER, SEQUENCER);
        vm.expectRevert(Inbox.OnlyTopLevelCall.selector);
        inbox.publish("data");
    }

    // Published data, 5.3

    function testPublish() external {
        uint256[7] memory lengths = [uint256(1), 31, 32, 33, 129, 4097, 32_768];
        for (uint256 k = 0; k < lengths.length; k++) {
            bytes memory data = new bytes(lengths[k]);
            for (uint256 i = 0; i < data.length; i += 7) {
                data[i] = bytes1(uint8(i + 1));
            }
            data[data.length - 1] = 0xff;
            bytes32 root = NaiveTree.rootOf(data, 5);
            vm.assertTrue(!inbox.isPublished(root));
            for (uint256 i = 0; i < 2; i++) {
                vm.prank(USER, USER);
                vm.assertEq(inbox.publish(data), root);
                vm.assertTrue(inbox.isPublished(root));
            }
        }
        vm.prank(USER, USER);
        vm.expectRevert(Inbox.WrongDataLength.selector);
        inbox.publish("");
        vm.prank(USER, USER);
        vm.expectRevert(Inbox.WrongDataLength.selector);
        inbox.publish(new bytes(32_769));
    }

    /// forge-config: default.fuzz.runs = 48
    function testFuzzComposedRoots(uint256 seed) external {
        uint256 count = seed % 12;
        Chunk[] memory chunks = new Chunk[](count);
        uint32 index = 0;
        for (uint256 i = 0; i < count; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            index += uint32(random % 4 == 0 ? random >> 8 & 0x1fff : 1 + (random >> 8) % 3);
            chunks[i] = Chunk(index, publish(random % 5));
            index++;
        }
        Task memory d = plain(1);
        (d.tag, d.target, d.limit) = (1, 0, 0);
        append(0, abi.encodePacked(header(d), encodeChunks(chunks)));
        bytes32[] memory hashes = new bytes32[](1);
        hashes[0] = taskHash(d, 1, 0, composed(chunks, 14));
        vm.assertEq(inbox.batchHash(0), batchHash(0, hashes));
    }

    // Direct tasks, 5.1.1, 5.1.5, 5.1.6

    function direct(Task memory t) internal pure returns (Task memory) {
        (t.v, t.r, t.s) = (0, bytes32(uint256(uint160(USER))), 0);
        return t;
    }

    function lastSubmission() internal returns (bytes32 hash, bytes memory data) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory log = logs[logs.length - 1];
        vm.assertEq(log.topics[0], IInbox.TaskSubmitted.selector);
        return abi.decode(log.data, (bytes32, bytes));
    }

    function testDirectTasks() external {
        vm.recordLogs();
        uint256 fee = inbox.directFee(1 << 20);
        vm.assertEq(fee, FEE);
        vm.assertEq(inbox.directFee((1 << 20) + 1), 2 * FEE);
        vm.assertEq(inbox.directFee(0), 0);

        vm.prank(USER);
        inbox.submitRun{value: fee}(7, 1, 1 << 20, "input");
        Task memory a = direct(plain(1));
        a.target = 7;
        (bytes32 hash, bytes memory data) = lastSubmission();
        vm.assertEq(hash, runHash(a, "input"));
        vm.assertEq(keccak256(data), keccak256(run(a, "input")));

        uint32[] memory indices = new uint32[](2);
        (indices[0], indices[1]) = (0, 2);
        Chunk[] memory chunks = publishAt(indices);
        vm.prank(USER);
        inbox.submitRunPublished{value: fee}(7, 2, 1 << 20, 70_000, chunks);
        Task memory b = direct(plain(2));
        (b.tag, b.target) = (2, 7);
        (hash, data) = lastSubmission();
        vm.assertEq(hash, taskHash(b, 0, 70_000, composed(chunks, 12)));
        vm.assertEq(keccak256(data), keccak256(abi.encodePacked(header(b), uint32(70_000), encodeChunks(chunks))));

        vm.prank(USER);
        inbox.submitDeploy(1, 3, 0x10000, chunks);
        Task memory c = direct(plain(3));
        (c.tag, c.target, c.limit) = (1, 1, 0x10000);
        (hash, data) = lastSubmission();
        vm.assertEq(hash, taskHash(c, 1, 0, composed(chunks, 14)));
        vm.assertEq(keccak256(data), keccak256(abi.encodePacked(header(c), encodeChunks(chunks))));

        (uint64 head, uint64 tail) = inbox.directQueue();
        vm.assertEq(uint256(head), 0);
        vm.assertEq(uint256(tail), 3);
        append(2, run(plain(9), "signed"));
        bytes32[] memory hashes = new bytes32[](3);
        hashes[0] = runHash(plain(9), "signed");
        hashes[1] = runHash(a, "input");
        hashes[2] = taskHash(b, 0, 70_000, composed(chunks, 12));
        vm.assertEq(inbox.batchHash(0), batchHash(0, hashes));
        (head, tail) = inbox.directQueue();
        vm.assertEq(uint256(head), 2);
        vm.assertEq(inbox.credits(SEQUENCER), 2 * fee);
        vm.prank(SEQUENCER);
        inbox.withdraw(payable(address(0xbeef)));
        vm.assertEq(address(0xbeef).balance, 2 * fee);
        vm.prank(SEQUENCER, SEQUENCER);
        vm.expectRevert(Inbox.NotInQueue.selector);
        inbox.append(1_000_000, 5000, 2, "");
    }

    function testDirectTasksAreCheckedToo() external {
        uint256 fee = inbox.directFee(1 << 20);
        Chunk[] memory chunks = new Chunk[](1);
        chunks[0] = Chunk(0, keccak256("never published"));
        vm.startPrank(USER);
        vm.expectRevert(abi.encodeWithSelector(Inbox.WrongFee.selector, fee));
        inbox.submitRun{value: fee - 1}(0, 0, 1 << 20, "");
        vm.expectRevert(abi.encodeWithSelector(Inbox.WrongFee.selector, fee));
        inbox.submitRun{value: fee + 1}(0, 0, 1 << 20, "");
        vm.expectRevert(Inbox.StepLimitOutOfRange.selector);
        inbox.submitRun(0, 0, 0, "");
        vm.expectRevert(Inbox.StepLimitOutOfRange.selector);
        inbox.submitRun(0, 0, MAX_STEPS + 1, "");
        vm.expectRevert(Inbox.InputTooLong.selector);
        inbox.submitRun{value: fee}(0, 0, 1 << 20, new bytes(98_305));
        vm.expectRevert(Inbox.PolicyOutOfRange.selector);
        inbox.submitDeploy(2, 0, 0, chunks);
        vm.expectRevert(Inbox.EntryOutOfRange.selector);
        inbox.submitDeploy(0, 0, 1, chunks);
        vm.expectRevert(abi.encodeWithSelector(Inbox.ChunkNotPublished.selector, chunks[0].root));
        inbox.submitDeploy(0, 0, 0, chunks);
        vm.expectRevert(abi.encodeWithSelector(Inbox.ChunkNotPublished.selector, chunks[0].root));
        inbox.submitRunPublished{value: fee}(0, 0, 1 << 20, 5, chunks);
        vm.expectRevert(Inbox.InputTooLong.selector);
        inbox.submitRunPublished{value: fee}(0, 0, 1 << 20, (1 << 29) + 1, new Chunk[](0));
        vm.expectRevert(abi.encodeWithSelector(Inbox.WrongFee.selector, 0));
        inbox.submitDeploy{value: 1}(0, 0, 0, new Chunk[](0));
        vm.stopPrank();
    }

    function submit(uint64 nonce, uint64 limit) internal {
        uint256 fee = inbox.directFee(limit);
        vm.prank(USER);
        inbox.submitRun{value: fee}(0, nonce, limit, "");
    }

    /// Spec 5.1.1: to the second.
    function testTheSequencerCannotSkipAnOverdueTask() external {
        submit(0, 1);
        vm.warp(1_000_010);
        submit(1, 1);
        bytes memory tasks = run(plain(1), "");
        vm.warp(1_000_000 + DELAY);
        append(0, tasks);
        vm.expectRevert(Inbox.NothingOverdue.selector);
        inbox.force(10);
        vm.warp(1_000_000 + DELAY + 1);
        appendFails(Inbox.OverdueTaskLeft.selector, tasks);
        append(1, tasks);
        append(0, tasks);
        vm.warp(1_000_010 + DELAY + 1);
        appendFails(Inbox.OverdueTaskLeft.selector, tasks);
    }

    function testForce() external {
        vm.warp(1_000_000);
        for (uint64 i = 0; i < 5; i++) {
            submit(i, MAX_STEPS);
            if (i == 2) vm.warp(1_000_100);
        }
        vm.warp(1_000_000 + DELAY + 1);
        vm.prank(USER);
        inbox.force(2);
        bytes32[] memory hashes = new bytes32[](2);
        for (uint64 i = 0; i < 2; i++) {
            Task memory t = direct(plain(i));
            (t.target, t.limit) = (0, MAX_STEPS);
            hashes[i] = runHash(t, "");
        }
        vm.assertEq(inbox.batchHash(0), batchHash(0, hashes));
        vm.assertEq(inbox.credits(SEQUENCER), 2 * inbox.directFee(MAX_STEPS));
        // Overdue ones alone.
        inbox.force(10);
        (uint64 head,) = inbox.directQueue();
        vm.assertEq(uint256(head), 3);
        vm.expectRevert(Inbox.NothingOverdue.selector);
        inbox.force(10);
        vm.warp(1_000_100 + DELAY + 1);
        vm.expectRevert(Inbox.NothingOverdue.selector);
        inbox.force(0);
        inbox.force(10);
        (head,) = inbox.directQueue();
        vm.assertEq(uint256(head), 5);
        vm.expectRevert(Inbox.NothingOverdue.selector);
        inbox.force(1);
    }

    // Work per time, 5.1.7

    function runs(uint64 count, uint64 limit) internal pure returns (bytes memory tasks) {
        Task memory t = plain(1);
        t.limit = limit;
        for (uint256 i = 0; i < count; i++) {
            tasks = abi.encodePacked(tasks, run(t, ""));
        }
    }

    /// One batch of that many steps.
    function runOf(uint64 steps) internal pure returns (bytes memory tasks) {
        tasks = runs(steps / MAX_STEPS, MAX_STEPS);
        if (steps % MAX_STEPS != 0) tasks = abi.encodePacked(tasks, runs(1, steps % MAX_STEPS));
    }

    function tooMuchWork(uint256 time) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(Inbox.TooMuchWork.selector, time);
    }

    function queueHead() internal view returns (uint256 head) {
        (head,) = inbox.directQueue();
    }

    function testWorkIsLimitedToTheSecond() external {
        vm.assertEq(uint256(inbox.freeSteps()), BATCH_STEPS);
        append(0, runOf(BATCH_STEPS));
        vm.assertEq(uint256(inbox.freeSteps()), 0);
        appendFails(tooMuchWork(1_000_001), runs(1, 1));
        appendFails(tooMuchWork(1_000_025), runs(1, MAX_STEPS));
        appendFails(tooMuchWork(1_000_026), abi.encodePacked(runs(1, MAX_STEPS), runs(1, 1)));
        appendFails(tooMuchWork(1_000_000 + REPLAY), runOf(BATCH_STEPS));
        // What no time makes room for has another error, and a deploy has no steps.
        appendFails(Inbox.TooManySteps.selector, runOf(BATCH_STEPS + 1));
        Task memory d = plain(1);
        (d.tag, d.target, d.limit) = (1, 0, 0);
        append(0, abi.encodePacked(header(d), uint16(0)));

        vm.warp(1_000_024);
        appendFails(tooMuchWork(1_000_025), runs(1, MAX_STEPS));
        vm.warp(1_000_025);
        vm.assertEq(uint256(inbox.freeSteps()), MAX_STEPS);
        append(0, runs(1, MAX_STEPS));
        vm.assertEq(uint256(inbox.freeSteps()), 0);
        vm.warp(1_000_025 + REPLAY - 1);
        appendFails(tooMuchWork(1_000_025 + REPLAY), runOf(BATCH_STEPS));
        vm.warp(1_000_025 + REPLAY);
        append(0, runOf(BATCH_STEPS));

        // Time in which nothing came is not saved up.
        vm.warp(2_000_000);
        vm.assertEq(uint256(inbox.freeSteps()), BATCH_STEPS);
        append(0, runOf(BATCH_STEPS));
        appendFails(tooMuchWork(2_000_001), runs(1, 1));
    }

    /// What the fuzz test knows of a direct task.
    struct Queued {
        uint256 submittedAt;
        uint64 limit;
    }

    Queued[] private _queued;
    /// When the executor has executed all batches, in units of 1 / BATCH_STEPS seconds.
    uint256 private _executed;
    uint256 private _batches;
    uint256 private _lastBatchAt;

    /// Spec 5.1.7, over random submissions, appends, forced batches and time. Who executes BATCH_STEPS in REPLAY seconds has
    /// executed every batch REPLAY seconds after it came. What is refused would break that, but for a millisecond for each
    /// batch. An append leaves no overdue task, whatever room there is. The oldest overdue task can be forced as soon as its
    /// own work has passed since the last batch or since it is overdue.
    /// forge-config: default.fuzz.runs = 48
    function testFuzzAnExecutorIsNeverFurtherBehind(uint256 seed) external {
        uint256 time = 1_000_000;
        for (uint256 i = 0; i < 40; i++) {
            uint256 random = uint256(keccak256(abi.encode(seed, i)));
            time += random % 4 == 0 ? 0 : (random >> 8) % (random % 4 == 1 ? 12 : random % 4 == 2 ? 150 : DELAY);
            vm.warp(time);
            uint256 free = checkRoom();
            uint256 action = (random >> 16) % 8;
            if (action < 3) {
                uint64 limit = uint64(action == 0 ? MAX_STEPS : 1 + (random >> 64) % MAX_STEPS);
                submit(uint64(i), limit);
                _queued.push(Queued(time, limit));
            } else if (action < 7) {
                uint256 waiting = _queued.length - queueHead();
                uint64 signed = uint64(action == 3 ? 0 : action == 4 ? free : (random >> 64) % (free + 1));
                checkAppend(signed, action < 6 ? (random >> 128) % (waiting + 1) : waiting);
            } else {
                time = checkForce(1 + (random >> 64) % 5);
            }
        }
        // All that waits gets in.
        while (queueHead() < _queued.length) {
            uint256 overdue = _queued[queueHead()].submittedAt + DELAY + 1;
            if (vm.getBlockTimestamp() < overdue) vm.warp(overdue);
            checkForce(10);
        }
    }

    function checkRoom() internal view returns (uint256 free) {
        uint256 time = vm.getBlockTimestamp();
        free = inbox.freeSteps();
        uint256 from = _executed < time * BATCH_STEPS ? time * BATCH_STEPS : _executed;
        uint256 room = (time + REPLAY) * BATCH_STEPS - from;
        vm.assertTrue(free * REPLAY <= room, "no more than the executor keeps up with");
        vm.assertTrue((free + 1) * REPLAY + (_batches + 1) * (BATCH_STEPS / 1000 + 1) > room, "and no less");
    }

    function executeBatch(uint256 steps) internal {
        uint256 time = vm.getBlockTimestamp();
        if (_executed < time * BATCH_STEPS) _executed = time * BATCH_STEPS;
        _executed += steps * REPLAY;
        vm.assertTrue(_executed <= (time + REPLAY) * BATCH_STEPS, "executed in time");
        (_batches, _lastBatchAt) = (_batches + 1, time);
        vm.assertEq(uint256(inbox.batchCount()), _batches);
    }

    function isOverdue(uint256 index) internal view returns (bool) {
        return index < _queued.length && vm.getBlockTimestamp() > _queued[index].submittedAt + DELAY;
    }

    function checkAppend(uint64 signed, uint256 count) internal {
        uint256 head = queueHead();
        uint256 steps = signed;
        for (uint256 i = 0; i < count; i++) {
            steps += _queued[head + i].limit;
        }
        bytes4 error = steps > BATCH_STEPS
            ? Inbox.TooManySteps.selector
            : isOverdue(head + count)
                ? Inbox.OverdueTaskLeft.selector
                : steps > inbox.freeSteps()
                    ? Inbox.TooMuchWork.selector
                    : steps == 0 ? Inbox.EmptyBatch.selector : bytes4(0);
        (bool done, bytes memory answer) = call(
            abi.encodeCall(
                Inbox.append, (uint64(vm.getBlockTimestamp()), uint64(block.number), uint64(count), runOf(signed))
            )
        );
        vm.assertEq(bytes32(bytes4(answer)), bytes32(error));
        if (done) executeBatch(steps);
        vm.assertEq(queueHead(), done ? head + count : head);
        vm.assertTrue(!done || !isOverdue(queueHead()), "no overdue task is left");
    }

    /// Forces, at once or when the Inbox says that it can be done and not a second before. Returns the time then.
    function checkForce(uint256 most) internal returns (uint256 time) {
        uint256 head = queueHead();
        time = vm.getBlockTimestamp();
        bytes memory forcing = abi.encodeCall(Inbox.force, (uint64(most)));
        (bool done, bytes memory answer) = call(forcing);
        if (!isOverdue(head)) {
            vm.assertEq(bytes32(bytes4(answer)), bytes32(Inbox.NothingOverdue.selector));
            return time;
        }
        if (!done) {
            time = availableAt(answer);
            vm.assertEq(keccak256(answer), keccak256(tooMuchWork(time)));
            vm.assertTrue(time > vm.getBlockTimestamp());
            uint256 overdue = _queued[head].submittedAt + DELAY + 1;
            uint256 since = _lastBatchAt > overdue ? _lastBatchAt : overdue;
            uint256 work = (uint256(_queued[head].limit) * REPLAY + BATCH_STEPS - 1) / BATCH_STEPS;
            vm.assertTrue(time <= since + work, "nothing holds an overdue task up but its own work");
            vm.warp(time - 1);
            vm.expectRevert(answer);
            inbox.force(uint64(most));
            vm.warp(time);
            inbox.force(uint64(most));
        }
        uint256 steps = 0;
        vm.assertTrue(queueHead() > head && queueHead() <= head + most);
        for (uint256 i = head; i < queueHead(); i++) {
            vm.assertTrue(isOverdue(i));
            steps += _queued[i].limit;
        }
        executeBatch(steps);
    }

    function call(bytes memory data) internal returns (bool done, bytes memory answer) {
        vm.prank(SEQUENCER, SEQUENCER);
        (done, answer) = address(inbox).call(data);
    }

    function availableAt(bytes memory error) internal pure returns (uint256 time) {
        assembly ("memory-safe") {
            time := mload(add(error, 36))
        }
    }

    /// A forced batch takes what fits into the work that is free; the rest is forced as time passes.
    function testForceWithinTheWorkThatIsFree() external {
        for (uint64 i = 0; i < 6; i++) {
            submit(i, MAX_STEPS);
        }
        uint256 overdue = 1_000_000 + DELAY + 1;
        vm.warp(overdue);
        inbox.force(10);
        vm.assertEq(queueHead(), BATCH_STEPS / MAX_STEPS);
        vm.expectRevert(tooMuchWork(overdue + 25));
        inbox.force(10);
        vm.warp(overdue + 49);
        inbox.force(10);
        vm.assertEq(queueHead(), 5);
        vm.expectRevert(tooMuchWork(overdue + 50));
        inbox.force(10);
        vm.warp(overdue + 50);
        inbox.force(10);
        vm.assertEq(queueHead(), 6);
    }

    /// Spec 5.1.7: a sequencer that fills all there is, for ever, holds no task up for longer than its own work takes.
    function testForcedTasksGetInBesideASequencerThatAlwaysFills() external {
        for (uint64 i = 0; i < 6; i++) {
            submit(i, MAX_STEPS);
        }
        uint256 time = 1_000_000;
        for (; time <= 1_000_000 + DELAY; time++) {
            vm.warp(time);
            append(0, runOf(inbox.freeSteps()));
        }
        uint256 start = 1_000_000 + DELAY;
        for (uint256 forced = 0; forced < 6; time++) {
            vm.warp(time);
            // Nothing goes ahead of them.
            appendFails(Inbox.OverdueTaskLeft.selector, runOf(inbox.freeSteps()));
            appendFails(Inbox.OverdueTaskLeft.selector, runs(1, 1));
            uint256 due = start + 25 * (forced + 1);
            if (time < due) vm.expectRevert(tooMuchWork(due));
            inbox.force(10);
            if (time == due) forced++;
            vm.assertEq(queueHead(), forced);
        }
        vm.assertEq(time, start + 25 * 6 + 1);
        vm.warp(time);
        append(0, runOf(inbox.freeSteps()));
    }

    function testLimits() external view {
        Inbox.Limits memory limits = inbox.limits();
        vm.assertEq(
            keccak256(abi.encode(limits)),
            keccak256(abi.encode(Inbox.Limits(DELAY, DRIFT, MAX_STEPS, BATCH_STEPS, REPLAY, FEE)))
        );
        vm.assertEq(uint256(inbox.replaySeconds()), REPLAY);
    }

    function testDomainSeparator() external view {
        bytes32 expected = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Optimistic"),
                keccak256("1"),
                block.chainid,
                address(inbox)
            )
        );
        vm.assertEq(inbox.domainSeparator(), expected);
    }

    function testConstructorRefusesLimitsThatCannotWork() external {
        address[] memory one = new address[](1);
        vm.expectRevert(Inbox.LimitsOutOfRange.selector);
        new Inbox(new address[](0), Inbox.Limits(1, 1, 1, 1, 1, 1));
        vm.expectRevert(Inbox.LimitsOutOfRange.selector);
        new Inbox(one, Inbox.Limits(1, 1, 0, 1, 1, 1));
        vm.expectRevert(Inbox.LimitsOutOfRange.selector);
        new Inbox(one, Inbox.Limits(1, 1, (1 << 39) + 1, 1 << 40, 1, 1));
        vm.expectRevert(Inbox.LimitsOutOfRange.selector);
        new Inbox(one, Inbox.Limits(1, 1, 2, 1, 1, 1));
        vm.expectRevert(Inbox.LimitsOutOfRange.selector);
        new Inbox(one, Inbox.Limits(1, 1, 1, 1, 0, 1));
        // A sequencer that no longer exists is not a way out: others of the set go on.
        vm.assertTrue(inbox.isSequencer(SECOND) && !inbox.isSequencer(USER));
    }
}
