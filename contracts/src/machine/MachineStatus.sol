// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Statuses of machines (spec 1.3.2) and of tasks (spec 2.6.3). The numbers are frozen.
library MachineStatus {
    uint8 internal constant RUNNING = 0;
    uint8 internal constant HALTED = 1;
    uint8 internal constant OUT_OF_STEPS = 2;
    uint8 internal constant ILLEGAL_INSTRUCTION = 3;
    uint8 internal constant BAD_PC = 4;
    uint8 internal constant BREAKPOINT = 5;
    uint8 internal constant MISALIGNED_ATOMIC = 6;
    uint8 internal constant OUTPUT_TOO_LONG = 7;

    uint8 internal constant DEPLOYED = 16;
    uint8 internal constant BAD_SIGNATURE = 17;
    uint8 internal constant UNKNOWN_APP = 18;
}
