// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {StepVerifier} from "../../src/machine/StepVerifier.sol";
import {Base} from "../Base.sol";

interface Deployer {
    function deployCode(string calldata artifact) external returns (address);
}

/// A test against the deployed verifier. It is taken from its artifact: `new` would compile it into every test again,
/// ten seconds each.
abstract contract VerifierTest is Base {
    StepVerifier internal immutable _verifier = StepVerifier(Deployer(address(vm)).deployCode("StepVerifier.sol"));
}
