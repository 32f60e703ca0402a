// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @dev The part of halmos' cheatcodes that the proofs use.
interface Svm {
    function enableSymbolicStorage(address account) external;
    function createAddress(string calldata name) external returns (address);
    function createBool(string calldata name) external returns (bool);
    function createBytes32(string calldata name) external returns (bytes32);
    function createUint(uint256 bits, string calldata name) external returns (uint256);
    function createUint256(string calldata name) external returns (uint256);
}

/// @dev Solidity's `&&` and `||` branch, and each branch doubles the paths that a proof walks. These do not.
library Logic {
    function and(bool a, bool b) internal pure returns (bool c) {
        assembly ("memory-safe") {
            c := and(a, b)
        }
    }

    function or(bool a, bool b) internal pure returns (bool c) {
        assembly ("memory-safe") {
            c := or(a, b)
        }
    }

    function implies(bool a, bool b) internal pure returns (bool) {
        return or(!a, b);
    }

    function select(bool which, uint64 a, uint64 b) internal pure returns (uint64 c) {
        assembly ("memory-safe") {
            c := or(and(a, sub(0, which)), and(b, sub(which, 1)))
        }
    }

    /// @dev Whether `inner` permits nowhere more than `outer`, in one word of an envelope: slots 4 * word to 4 * word + 3,
    /// which are caps in the words 0 to 3 and floors in 4 to 7. Written apart from src/Envelope.sol on purpose.
    function within(uint256 inner, uint256 outer, uint256 word) internal pure returns (bool) {
        bool caps = true;
        bool floors = true;
        for (uint256 i = 0; i < 4; ++i) {
            // forge-lint: disable-next-line(unsafe-typecast) -- one slot of the word
            (uint64 a, uint64 b) = (uint64(inner >> 64 * i), uint64(outer >> 64 * i));
            caps = and(caps, a <= b);
            floors = and(floors, a >= b);
        }
        return and(implies(word < 4, caps), implies(word >= 4, floors));
    }
}
