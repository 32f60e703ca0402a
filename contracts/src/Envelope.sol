// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title The numbers of a policy, compared
/// @notice 32 slots: 0 to 15 are caps, narrowed by lowering; 16 to 31 are floors, narrowed by raising. What each slot
/// means is written in IPolicyRegistry.
library Envelope {
    uint256 internal constant SLOTS = 32;
    uint256 internal constant FLOORS_FROM = 16;

    /// @return slots bit i is set where `inner` permits more than `outer` in slot i; zero if it does so nowhere
    /// @dev Without branches, so that a proof sees one path instead of 2^32.
    function beyond(uint64[32] memory inner, uint64[32] memory outer) internal pure returns (uint32 slots) {
        uint256 mask;
        for (uint256 i = 0; i < FLOORS_FROM; ++i) {
            mask |= SafeCast.toUint(inner[i] > outer[i]) << i;
        }
        for (uint256 i = FLOORS_FROM; i < SLOTS; ++i) {
            mask |= SafeCast.toUint(inner[i] < outer[i]) << i;
        }
        // forge-lint: disable-next-line(unsafe-typecast) -- one bit for each of the 32 slots
        return uint32(mask);
    }
}
