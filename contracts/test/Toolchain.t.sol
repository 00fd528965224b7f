// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "./Base.sol";

/// The toolchain itself: cheat codes, fuzzing and the opcodes of Osaka.
contract ToolchainTest is Base {
    function testCountsLeadingZeros() external pure {
        uint256 zeros;
        assembly ("memory-safe") {
            zeros := clz(1)
        }
        vm.assertEq(zeros, 255);
    }

    function testFuzzBounds(uint256 x) external pure {
        vm.assertTrue(bound(x, 3, 9) >= 3 && bound(x, 3, 9) <= 9);
    }
}
