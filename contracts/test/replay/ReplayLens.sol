// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Many views in one call, so that the state of a game can be compared after every action. Takes (target, 20 bytes;
/// length, 1 byte; calldata) one after another and returns what the views return, one after another; for a length of
/// zero, the balance of the target.
contract ReplayLens {
    error ViewReverted(uint256 index);

    fallback(bytes calldata views) external returns (bytes memory state) {
        bytes[] memory parts = new bytes[](views.length / 21);
        uint256 count = 0;
        while (views.length > 0) {
            address target = address(bytes20(views));
            uint256 end = 21 + uint256(uint8(views[20]));
            if (end == 21) {
                parts[count++] = abi.encode(target.balance);
            } else {
                (bool read, bytes memory part) = target.staticcall(views[21:end]);
                if (!read) revert ViewReverted(count);
                parts[count++] = part;
            }
            views = views[end:];
        }
        uint256 length = 0;
        for (uint256 i = 0; i < count; i++) {
            length += parts[i].length;
        }
        state = new bytes(length);
        uint256 end_ = 0;
        for (uint256 i = 0; i < count; i++) {
            bytes memory part = parts[i];
            for (uint256 k = 32; k <= part.length; k += 32) {
                end_ += 32;
                // Assembly to copy word by word: all views here return whole words.
                assembly ("memory-safe") {
                    mstore(add(state, end_), mload(add(part, k)))
                }
            }
        }
    }
}
