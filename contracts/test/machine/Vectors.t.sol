// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {expand} from "../../src/machine/Compressed.sol";
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

    event Gas(string what, uint256 value);

    function testSteps() external {
        string memory json = Json(address(vm)).readFile("../specs/vectors/step.json");
        string memory description = "Case(string name,bytes32 preRoot,bytes32 postRoot,bytes witness)";
        Case[] memory cases = abi.decode(Json(address(vm)).parseJsonTypeArray(json, "$", description), (Case[]));
        vm.assertTrue(cases.length > 1000);
        uint256[] memory execution = new uint256[](cases.length);
        for (uint256 i = 0; i < cases.length; i++) {
            bytes memory call = abi.encodeCall(_verifier.step, (cases[i].preRoot, cases[i].witness));
            uint256 before = gasleft();
            (bool success, bytes memory answer) = address(_verifier).staticcall(call);
            execution[i] = before - gasleft();
            if (!success || abi.decode(answer, (bytes32)) != cases[i].postRoot) revert(cases[i].name);
        }
        sort(execution);
        emit Gas("execution of a step, median", execution[cases.length / 2]);
        emit Gas("execution of a step, largest", execution[cases.length - 1]);
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
