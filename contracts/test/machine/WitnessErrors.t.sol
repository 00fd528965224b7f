// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStepVerifier} from "../../src/interfaces/IStepVerifier.sol";
import {VerifierTest} from "./VerifierTest.sol";

interface Json {
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonTypeArray(string calldata json, string calldata path, string calldata typeDescription)
        external
        pure
        returns (bytes memory);
}

/// The bad witnesses in specs/vectors: refused by the name that the reference in C# gives them (spec 3.4).
contract WitnessErrorsTest is VerifierTest {
    struct BadStep {
        string name;
        bytes32 preRoot;
        bytes witness;
        string errorName;
    }

    struct BadTransition {
        string name;
        bytes32 tasksRoot;
        uint64 count;
        uint64 time;
        uint64 block;
        bytes32 domainSeparator;
        bytes32 sigma;
        uint64 position;
        bytes witness;
        string errorName;
    }

    function testBadSteps() external view {
        string memory json = Json(address(vm)).readFile("../specs/vectors/step-errors.json");
        string memory description = "BadStep(string name,bytes32 preRoot,bytes witness,string errorName)";
        BadStep[] memory cases = abi.decode(Json(address(vm)).parseJsonTypeArray(json, "$", description), (BadStep[]));
        vm.assertTrue(cases.length > 80);
        for (uint256 i = 0; i < cases.length; i++) {
            BadStep memory c = cases[i];
            refuses(c.name, c.errorName, abi.encodeCall(_verifier.step, (c.preRoot, c.witness)));
        }
    }

    function testBadTransitions() external view {
        string memory json = Json(address(vm)).readFile("../specs/vectors/transition-errors.json");
        string memory description = "BadTransition(string name,bytes32 tasksRoot,uint64 count,uint64 time,uint64 block,"
            "bytes32 domainSeparator,bytes32 sigma,uint64 position,bytes witness,string errorName)";
        BadTransition[] memory cases =
            abi.decode(Json(address(vm)).parseJsonTypeArray(json, "$", description), (BadTransition[]));
        vm.assertTrue(cases.length > 60);
        for (uint256 i = 0; i < cases.length; i++) {
            BadTransition memory c = cases[i];
            IStepVerifier.BatchContext memory batch =
                IStepVerifier.BatchContext(c.tasksRoot, c.count, c.time, c.block, c.domainSeparator);
            refuses(c.name, c.errorName, abi.encodeCall(_verifier.transition, (batch, c.sigma, c.position, c.witness)));
        }
    }

    function refuses(string memory name, string memory errorName, bytes memory call) private view {
        (bool success, bytes memory answer) = address(_verifier).staticcall(call);
        if (success || answer.length != 4) revert(name);
        if (bytes4(answer) != bytes4(keccak256(bytes.concat(bytes(errorName), "()")))) revert(name);
    }
}
