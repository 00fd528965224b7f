// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStepVerifier} from "../../src/interfaces/IStepVerifier.sol";
import {LeafNotEmpty, RootMismatch} from "../../src/machine/QuadProof.sol";
import {ChunkNotProvable} from "../../src/machine/Transition.sol";
import {OpeningMismatch, WitnessTooLong, WitnessTooShort} from "../../src/machine/Witness.sol";
import {Leaves, SparseTree} from "./SparseTree.sol";
import {TestMachine} from "./TestMachine.sol";
import {VerifierTest} from "./VerifierTest.sol";

interface Signer {
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
}

/// The transitions of level 0 (spec 3.3) on a rollup of two apps and three outputs, against leaves and roots put together
/// here from the words of spec 2.
contract TransitionTest is VerifierTest {
    using SparseTree for Leaves;

    address private constant CALLER = 0x0102030405060708090a0B0c0d0e0f1011121314;
    bytes32 private constant DOMAIN = keccak256("a domain");
    uint256 private constant KEY = 0xa11ce;
    uint256 private constant STATEFUL_APP = 1;

    /// A rollup state with all that is under its roots.
    struct World {
        Leaves apps;
        Leaves outputs;
        uint64 appsCount;
        uint64 outputsCount;
        bytes32 machineRoot;
        /// The memory of app 1, as a tree of height 14.
        Leaves ram;
        Leaves tasks;
        bytes32[4] task;
        uint64 position;
    }

    function quad(bytes32 a, bytes32 b, bytes32 c, bytes32 d) private pure returns (bytes32) {
        return keccak256(abi.encode(a, b, c, d));
    }

    function appHead(uint256 entry, uint256 policy) private pure returns (bytes32) {
        return bytes32(entry | policy << 64);
    }

    function world() private pure returns (World memory w) {
        w.ram.set(0x400, bytes32(uint256(0x1234)));
        w.ram.set((5 << 24) + 7, bytes32(uint256(0x5678)));
        w.ram.set((12 << 24) + 0x400, bytes32(uint256(0x9abc)));
        w.apps.set(0, quad(w.ram.node(14, 0), bytes32(uint256(7)), appHead(0x8000, 0), 0));
        w.apps.set(1, quad(w.ram.node(14, 0), bytes32(uint256(8)), appHead(0x8002, 1), 0));
        (w.appsCount, w.outputsCount) = (2, 3);
        for (uint256 i = 0; i < 3; i++) {
            w.outputs.set(i, keccak256(abi.encode(i)));
        }
        w.position = 5 * 4096;
    }

    function sigma(World memory w) private pure returns (bytes32) {
        return keccak256(sigmaWords(w));
    }

    function sigmaWords(World memory w) private pure returns (bytes memory) {
        uint256 counters = uint256(w.outputsCount) | uint256(w.appsCount) << 64;
        return abi.encode(w.apps.node(16, 0), w.outputs.node(20, 0), counters, w.machineRoot);
    }

    /// length, limit, nonce, target, v, kind (spec 2.6.1).
    function head(uint256 length, uint256 limit, uint256 nonce, uint256 target, uint256 v, uint256 kind)
        private
        pure
        returns (bytes32)
    {
        return bytes32(length | limit << 64 | nonce << 128 | target << 192 | v << 224 | kind << 232);
    }

    function order(World memory w, bytes32 head_, bytes32 data, bytes32 auth0, bytes32 auth1) private pure {
        w.task = [head_, data, auth0, auth1];
        w.tasks.set(5, keccak256(abi.encode(w.task)));
        w.tasks.set(0, keccak256("another task"));
    }

    function context(World memory w) private pure returns (IStepVerifier.BatchContext memory) {
        return IStepVerifier.BatchContext(w.tasks.node(6, 0), 6, 0x1111, 0x2222, DOMAIN);
    }

    function taskItems(World memory w) private pure returns (bytes memory) {
        return bytes.concat(w.tasks.access(5, 6), abi.encode(w.task));
    }

    function transition(World memory w, bytes memory witness) private view returns (bytes32) {
        return _verifier.transition(context(w), sigma(w), w.position, witness);
    }

    function refuses(World memory w, bytes memory witness) private view returns (bytes32) {
        (bool success, bytes memory answer) = address(_verifier)
            .staticcall(abi.encodeCall(_verifier.transition, (context(w), sigma(w), w.position, witness)));
        vm.assertTrue(!success);
        vm.assertEq(answer.length, 4);
        return bytes4(answer);
    }

    /// spec 2.6.3
    function record(
        World memory w,
        bytes32 outputRoot,
        uint256 length,
        uint256 steps,
        uint256 code,
        uint256 status,
        uint256 app
    ) private pure {
        uint256 result = length | steps << 64 | code << 128 | status << 160 | app << 168;
        w.outputs.set(w.outputsCount, quad(keccak256(abi.encode(w.task)), outputRoot, bytes32(result), 0));
        w.outputsCount++;
    }

    // ---- Identity ---------------------------------------------------------------------------------------------------

    function testBehindTheLastTask() external view {
        World memory w = world();
        for (uint64 phase = 0; phase < 3; phase++) {
            w.position = 6 * 4096 + (phase == 2 ? 4095 : phase);
            vm.assertEq(transition(w, ""), sigma(w));
            vm.assertEq(refuses(w, hex"00"), bytes32(WitnessTooLong.selector));
        }
    }

    function testChunksWithoutMachine() external view {
        World memory w = world();
        uint64[3] memory phases = [uint64(1), 4094, 4095];
        for (uint256 i = 0; i < 3; i++) {
            w.position = 5 * 4096 + phases[i];
            vm.assertEq(transition(w, sigmaWords(w)), sigma(w));
            vm.assertEq(refuses(w, ""), bytes32(WitnessTooShort.selector));
            vm.assertEq(refuses(w, bytes.concat(sigmaWords(w), hex"00")), bytes32(WitnessTooLong.selector));
            vm.assertEq(refuses(w, abi.encode(1, 2, 3, 4)), bytes32(OpeningMismatch.selector));
        }
    }

    function testChunksWithMachine() external view {
        World memory w = world();
        w.machineRoot = bytes32(uint256(1));
        w.position = 5 * 4096 + 1;
        vm.assertEq(refuses(w, sigmaWords(w)), bytes32(ChunkNotProvable.selector));
        w.position = 5 * 4096 + 4094;
        vm.assertEq(refuses(w, sigmaWords(w)), bytes32(ChunkNotProvable.selector));
    }

    // ---- Load -------------------------------------------------------------------------------------------------------

    function runItems(World memory w, uint256 app) private pure returns (bytes memory) {
        bytes32 owner = bytes32(app + 7);
        bytes memory leaf = abi.encode(w.ram.node(14, 0), owner, appHead(0x8000 + 2 * app, app), 0);
        return bytes.concat(sigmaWords(w), taskItems(w), w.apps.access(app, 16), leaf, memoryItems(w.ram));
    }

    /// The openings of a memory root and of its second child.
    function memoryItems(Leaves memory ram) private pure returns (bytes memory) {
        return bytes.concat(
            abi.encode(ram.node(13, 0), ram.node(13, 1), ram.node(13, 2), ram.node(13, 3)),
            abi.encode(ram.node(12, 4), ram.node(12, 5), ram.node(12, 6), ram.node(12, 7))
        );
    }

    /// The machine that a run of `app` starts (spec 1.8), its input one word.
    function loaded(World memory w, uint64 app, bytes32 inputWord, address sender)
        private
        pure
        returns (TestMachine memory m)
    {
        m.leaves = w.ram;
        m.leaves.set(6 << 24, inputWord);
        m.pc = 0x8000 + 2 * app;
        m.stepsLeft = 1000;
        m.x[2] = 0xc0000000;
        (m.x[10], m.x[11], m.x[12], m.x[13], m.x[17]) = (32, 3, 0x1111, 0x2222, 77);
        bytes memory bytes_ = bytes.concat(bytes20(sender), bytes4(0));
        for (uint256 i = 0; i < 24; i++) {
            m.x[14 + i / 8] |= uint64(uint8(bytes_[i])) << uint64(8 * (i % 8));
        }
    }

    function oneWordInput(bytes32 value) private pure returns (bytes32) {
        Leaves memory input;
        input.set(0, value);
        return input.node(12, 0);
    }

    function testLoadRunFromL1() external view {
        World memory w = world();
        bytes32 input = keccak256("input");
        order(w, head(32, 1000, 77, 0, 0, 0), oneWordInput(input), bytes32(uint256(uint160(CALLER))), 0);
        bytes32 result = transition(w, runItems(w, 0));
        w.machineRoot = loaded(w, 0, input, CALLER).root();
        vm.assertEq(result, sigma(w));
    }

    function testLoadRunWithSignature() external view {
        World memory w = world();
        bytes32 input = keccak256("input");
        bytes32 data = oneWordInput(input);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("RunTask(uint32 app,uint64 nonce,uint64 stepLimit,bytes32 inputRoot,uint64 inputLength)"),
                STATEFUL_APP,
                77,
                1000,
                data,
                32
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", DOMAIN, structHash));
        (uint8 v, bytes32 r, bytes32 s) = Signer(address(vm)).sign(KEY, digest);
        order(w, head(32, 1000, 77, STATEFUL_APP, v, 0), data, r, s);
        bytes32 result = transition(w, runItems(w, STATEFUL_APP));
        w.machineRoot = loaded(w, 1, input, Signer(address(vm)).addr(KEY)).root();
        vm.assertEq(result, sigma(w));
    }

    function testLoadUnknownApp() external view {
        World memory w = world();
        order(w, head(0, 1000, 77, 2, 0, 0), SparseTree.empty(12), bytes32(uint256(uint160(CALLER))), 0);
        bytes memory witness = bytes.concat(sigmaWords(w), taskItems(w), w.outputs.access(3, 20));
        bytes32 result = transition(w, witness);
        record(w, SparseTree.empty(12), 0, 0, 0, 18, 2);
        vm.assertEq(result, sigma(w));
    }

    function testLoadDeploy() external view {
        World memory w = world();
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("DeployTask(uint8 policy,uint64 nonce,uint64 entry,bytes32 memoryRoot)"),
                1,
                9,
                0x10000,
                keccak256("memory")
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", DOMAIN, structHash));
        (uint8 v, bytes32 r, bytes32 s) = Signer(address(vm)).sign(KEY, digest);
        order(w, head(0, 0x10000, 9, 1, v, 1), keccak256("memory"), r, s);
        bytes memory witness = bytes.concat(sigmaWords(w), taskItems(w), w.apps.access(2, 16), w.outputs.access(3, 20));
        bytes32 result = transition(w, witness);
        bytes32 owner = bytes32(uint256(uint160(Signer(address(vm)).addr(KEY))));
        w.apps.set(2, quad(keccak256("memory"), owner, appHead(0x10000, 1), 0));
        w.appsCount = 3;
        record(w, SparseTree.empty(12), 0, 0, 0, 16, 2);
        vm.assertEq(result, sigma(w));
    }

    /// Other policies than 0 and 1 come from nowhere, but the transition is total: target mod 256 (spec 3.3.3 (b)).
    function testLoadDeployTakesPolicyModulo256() external view {
        World memory w = world();
        order(w, head(0, 4, 9, 0xabcd, 0, 1), keccak256("memory"), bytes32(uint256(uint160(CALLER))), 0);
        bytes memory witness = bytes.concat(sigmaWords(w), taskItems(w), w.apps.access(2, 16), w.outputs.access(3, 20));
        bytes32 result = transition(w, witness);
        w.apps.set(2, quad(keccak256("memory"), bytes32(uint256(uint160(CALLER))), appHead(4, 0xcd), 0));
        w.appsCount = 3;
        record(w, SparseTree.empty(12), 0, 0, 0, 16, 2);
        vm.assertEq(result, sigma(w));
    }

    function testLoadBadSignature() external view {
        bytes32 order_ = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes32 half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
        this.badSignature(26, bytes32(uint256(1)), bytes32(uint256(1)), 0);
        this.badSignature(1, bytes32(uint256(uint160(CALLER))), 0, 1);
        this.badSignature(27, 0, bytes32(uint256(1)), 0);
        this.badSignature(28, bytes32(uint256(1)), 0, 1);
        this.badSignature(27, order_, bytes32(uint256(1)), 0);
        this.badSignature(27, bytes32(uint256(1)), bytes32(uint256(half) + 1), 0);
        // 5 is not the x coordinate of a point of secp256k1.
        this.badSignature(27, bytes32(uint256(5)), bytes32(uint256(1)), 0);
    }

    /// External so that each case starts with empty memory.
    function badSignature(uint256 v, bytes32 r, bytes32 s, uint256 kind) external view {
        World memory w = world();
        order(w, head(32, 1000, 77, 1, v, kind), keccak256("data"), r, s);
        bytes memory witness = bytes.concat(sigmaWords(w), taskItems(w), w.outputs.access(3, 20));
        bytes32 result = transition(w, witness);
        record(w, SparseTree.empty(12), 0, 0, 0, 17, 1);
        vm.assertEq(result, sigma(w));
    }

    /// The largest s that is good: the signature recovers to some address, and the app runs for it.
    function testLoadLargestS() external view {
        World memory w = world();
        bytes32 half = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
        order(w, head(0, 1000, 77, 0, 27, 0), SparseTree.empty(12), bytes32(uint256(1)), half);
        vm.assertTrue(transition(w, runItems(w, 0)) != sigma(w));
    }

    function testLoadWrongItems() external view {
        World memory w = world();
        order(w, head(32, 1000, 77, 0, 0, 0), keccak256("data"), bytes32(uint256(uint160(CALLER))), 0);
        // Another app's leaf; another task's place.
        bytes memory witness =
            bytes.concat(sigmaWords(w), taskItems(w), w.apps.access(1, 16), new bytes(128), memoryItems(w.ram));
        vm.assertEq(refuses(w, witness), bytes32(RootMismatch.selector));
        witness = bytes.concat(sigmaWords(w), w.tasks.access(0, 6), abi.encode(w.task));
        vm.assertEq(refuses(w, witness), bytes32(RootMismatch.selector));
        witness = bytes.concat(runItems(w, 0), hex"00");
        vm.assertEq(refuses(w, witness), bytes32(WitnessTooLong.selector));
    }

    function testAppendNeedsEmptyLeaf() external view {
        World memory w = world();
        order(w, head(0, 1000, 77, 2, 0, 0), SparseTree.empty(12), bytes32(uint256(uint160(CALLER))), 0);
        w.outputs.set(3, bytes32(uint256(1)));
        bytes memory witness = bytes.concat(sigmaWords(w), taskItems(w), w.outputs.access(3, 20));
        vm.assertEq(refuses(w, witness), bytes32(LeafNotEmpty.selector));
    }

    // ---- Store ------------------------------------------------------------------------------------------------------

    /// A machine that ran app 1 (or 0) for 400 of 1000 steps and changed its RAM, wrote output, and read input.
    function finished(World memory w, uint8 status, uint32 code) private pure returns (TestMachine memory m) {
        m = loaded(w, 1, keccak256("input"), CALLER);
        w.position = 5 * 4096 + 4095;
        m.stepsLeft = 600;
        m.leaves.set(0x401, bytes32(uint256(0x4321)));
        m.leaves.set(7 << 24, keccak256("output"));
        m.leaves.set(8 << 24, bytes32(uint256(0x99)));
        m.x[11] = 40;
        (m.status, m.exitCode) = (status, code);
        w.machineRoot = m.root();
    }

    function appLeaf(bytes32 memoryRoot, uint256 app) private pure returns (bytes memory) {
        return abi.encode(memoryRoot, app + 7, appHead(0x8000 + 2 * app, app), 0);
    }

    function testStoreStateful() external view {
        World memory w = world();
        bytes32 before = w.ram.node(14, 0);
        order(w, head(32, 1000, 77, 1, 0, 0), keccak256("data"), bytes32(uint256(uint160(CALLER))), 0);
        bytes memory app = appLeaf(before, 1);
        TestMachine memory m = finished(w, 1, 0);
        bytes memory witness = bytes.concat(sigmaWords(w), taskItems(w), m.closed(), memoryItems(m.leaves));
        witness = bytes.concat(witness, w.apps.access(1, 16), app, w.outputs.access(3, 20));
        bytes32 result = transition(w, witness);
        bytes32 outputRoot = m.leaves.node(12, 7);
        w.machineRoot = 0;
        m.leaves.set(6 << 24, 0);
        m.leaves.set(7 << 24, 0);
        m.leaves.set(8 << 24, 0);
        w.apps.set(1, keccak256(appLeaf(m.memoryRoot(), 1)));
        record(w, outputRoot, 40, 400, 0, 1, 1);
        vm.assertEq(result, sigma(w));
    }

    function testStoreStateless() external view {
        World memory w = world();
        bytes memory app = appLeaf(w.ram.node(14, 0), 0);
        order(w, head(32, 1000, 77, 0, 0, 0), keccak256("data"), bytes32(uint256(uint160(CALLER))), 0);
        TestMachine memory m = finished(w, 1, 0);
        bytes memory witness = bytes.concat(sigmaWords(w), taskItems(w), m.closed(), memoryItems(m.leaves));
        witness = bytes.concat(witness, w.apps.access(0, 16), app, w.outputs.access(3, 20));
        bytes32 result = transition(w, witness);
        w.machineRoot = 0;
        record(w, m.leaves.node(12, 7), 40, 400, 0, 1, 0);
        vm.assertEq(result, sigma(w));
    }

    /// An exit code other than 0: the output is recorded, the app stays and is not read.
    function testStoreExitCode() external view {
        World memory w = world();
        order(w, head(32, 1000, 77, 1, 0, 0), keccak256("data"), bytes32(uint256(uint160(CALLER))), 0);
        TestMachine memory m = finished(w, 1, 3);
        bytes memory witness = bytes.concat(sigmaWords(w), taskItems(w), m.closed(), memoryItems(m.leaves));
        bytes32 result = transition(w, bytes.concat(witness, w.outputs.access(3, 20)));
        w.machineRoot = 0;
        record(w, m.leaves.node(12, 7), 40, 400, 3, 1, 1);
        vm.assertEq(result, sigma(w));
    }

    /// Every other status; a machine that still runs is out of steps.
    function testStoreWithoutOutput() external view {
        for (uint8 status = 0; status < 8; status++) {
            if (status != 1) this.storesWithoutOutput(status);
        }
    }

    /// External so that each case starts with empty memory.
    function storesWithoutOutput(uint8 status) external view {
        World memory w = world();
        order(w, head(32, 1000, 77, 1, 0, 0), keccak256("data"), bytes32(uint256(uint160(CALLER))), 0);
        TestMachine memory m = finished(w, status, 0);
        bytes memory witness = bytes.concat(sigmaWords(w), taskItems(w), m.closed(), w.outputs.access(3, 20));
        bytes32 result = transition(w, witness);
        w.machineRoot = 0;
        record(w, SparseTree.empty(12), 0, 400, 0, status == 0 ? 2 : status, 1);
        vm.assertEq(result, sigma(w));
    }
}
