// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStepVerifier} from "../../src/interfaces/IStepVerifier.sol";
import {expand} from "../../src/machine/Compressed.sol";
import {DefaultSibling, MaskOutOfRange, RootMismatch} from "../../src/machine/QuadProof.sol";
import {OpeningMismatch, WitnessTooLong, WitnessTooShort} from "../../src/machine/Witness.sol";
import {VerifierTest} from "./VerifierTest.sol";

interface Json {
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonTypeArray(string calldata json, string calldata path, string calldata typeDescription)
        external
        pure
        returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata path) external pure returns (bytes32);
}

/// The golden vectors in specs/vectors: what the reference in C# computes.
contract VectorsTest is VerifierTest {
    struct Case {
        string name;
        bytes32 preRoot;
        bytes32 postRoot;
        bytes witness;
    }

    struct Transition {
        string name;
        bytes32 tasksRoot;
        uint64 count;
        uint64 time;
        uint64 block;
        bytes32 domainSeparator;
        bytes32 sigma;
        uint64 position;
        bytes witness;
        bytes32 sigmaAfter;
    }

    // The test runner prints it.
    event log_named_uint(string name, uint256 value);

    function testSteps() external {
        Case[] memory cases = steps();
        uint256[] memory execution = new uint256[](cases.length);
        for (uint256 i = 0; i < cases.length; i++) {
            bytes memory call = abi.encodeCall(_verifier.step, (cases[i].preRoot, cases[i].witness));
            uint256 before = gasleft();
            (bool success, bytes memory answer) = address(_verifier).staticcall(call);
            execution[i] = before - gasleft();
            if (!success || abi.decode(answer, (bytes32)) != cases[i].postRoot) revert(cases[i].name);
        }
        sort(execution);
        emit log_named_uint("execution of a step, median", execution[cases.length / 2]);
        emit log_named_uint("execution of a step, largest", execution[cases.length - 1]);
    }

    /// One bit of each golden witness changed: refused with a name (spec 3.4).
    function testCorruptedSteps() external view {
        Case[] memory cases = steps();
        for (uint256 i = 0; i < cases.length; i++) {
            bytes memory witness = cases[i].witness;
            flip(witness, i);
            refuses(cases[i].name, abi.encodeCall(_verifier.step, (cases[i].preRoot, witness)));
        }
    }

    function testTransitions() external view {
        Transition[] memory cases = transitions();
        for (uint256 i = 0; i < cases.length; i++) {
            (bool success, bytes memory answer) = address(_verifier).staticcall(transition(cases[i]));
            if (!success || abi.decode(answer, (bytes32)) != cases[i].sigmaAfter) revert(cases[i].name);
        }
    }

    /// Each byte of each golden witness changed in one bit.
    function testCorruptedTransitions() external view {
        Transition[] memory cases = transitions();
        for (uint256 i = 0; i < cases.length; i++) {
            this.corrupts(cases[i]);
        }
    }

    /// External so that each case starts with empty memory.
    function corrupts(Transition memory c) external view {
        bytes memory call = transition(c);
        // The witness is the last argument: its bytes end the call, but for the padding to 32.
        uint256 first = call.length - (c.witness.length + 31) / 32 * 32;
        for (uint256 i = 0; i < c.witness.length; i++) {
            bytes1 bit = bytes1(uint8(1 << (i % 8)));
            call[first + i] ^= bit;
            refuses(c.name, call);
            call[first + i] ^= bit;
        }
    }

    function refuses(string memory name, bytes memory call) private view {
        (bool success, bytes memory answer) = address(_verifier).staticcall(call);
        if (success || answer.length != 4) revert(name);
        bytes4 error_ = bytes4(answer);
        bool named = error_ == WitnessTooShort.selector || error_ == WitnessTooLong.selector
            || error_ == MaskOutOfRange.selector || error_ == RootMismatch.selector
            || error_ == OpeningMismatch.selector || error_ == DefaultSibling.selector;
        if (!named) revert(name);
    }

    /// Changes one bit somewhere, elsewhere for every `salt`.
    function flip(bytes memory data, uint256 salt) private pure {
        uint256 place = uint256(keccak256(abi.encode(salt))) % (8 * data.length);
        data[place / 8] ^= bytes1(uint8(1 << (place % 8)));
    }

    function steps() private view returns (Case[] memory cases) {
        string memory json = Json(address(vm)).readFile("../specs/vectors/step.json");
        string memory description = "Case(string name,bytes32 preRoot,bytes32 postRoot,bytes witness)";
        cases = abi.decode(Json(address(vm)).parseJsonTypeArray(json, "$", description), (Case[]));
        vm.assertTrue(cases.length > 1000);
    }

    function transitions() private view returns (Transition[] memory cases) {
        string memory json = Json(address(vm)).readFile("../specs/vectors/transition.json");
        string memory description = "Transition(string name,bytes32 tasksRoot,uint64 count,uint64 time,uint64 block,"
            "bytes32 domainSeparator,bytes32 sigma,uint64 position,bytes witness,bytes32 sigmaAfter)";
        cases = abi.decode(Json(address(vm)).parseJsonTypeArray(json, "$", description), (Transition[]));
        vm.assertTrue(cases.length > 70);
    }

    function transition(Transition memory c) private view returns (bytes memory) {
        IStepVerifier.BatchContext memory batch =
            IStepVerifier.BatchContext(c.tasksRoot, c.count, c.time, c.block, c.domainSeparator);
        return abi.encodeCall(_verifier.transition, (batch, c.sigma, c.position, c.witness));
    }

    function testExpansions() external view {
        bytes memory expansions = new bytes(4 << 16);
        for (uint256 half = 0; half < 1 << 16; half++) {
            uint32 word = half & 3 == 3 ? 0 : expand(uint16(half));
            for (uint256 i = 0; i < 4; i++) {
                expansions[4 * half + i] = bytes1(uint8(word >> (24 - 8 * i)));
            }
        }
        string memory json = Json(address(vm)).readFile("../specs/vectors/expand.json");
        vm.assertEq(keccak256(expansions), Json(address(vm)).parseJsonBytes32(json, "$[0].hash"));
    }

    function sort(uint256[] memory values) private pure {
        for (uint256 i = 1; i < values.length; i++) {
            uint256 value = values[i];
            uint256 j = i;
            for (; j > 0 && values[j - 1] > value; j--) {
                values[j] = values[j - 1];
            }
            values[j] = value;
        }
    }
}
