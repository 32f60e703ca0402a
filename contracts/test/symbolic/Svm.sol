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

    /// @dev Whether `inner` permits nowhere more than `outer`; written apart from src/Envelope.sol on purpose.
    function within(uint64[32] memory inner, uint64[32] memory outer) internal pure returns (bool ok) {
        ok = true;
        for (uint256 i = 0; i < 32; ++i) {
            ok = and(ok, i < 16 ? inner[i] <= outer[i] : inner[i] >= outer[i]);
        }
    }

    function equal(uint64[32] memory a, uint64[32] memory b) internal pure returns (bool ok) {
        ok = true;
        for (uint256 i = 0; i < 32; ++i) {
            ok = and(ok, a[i] == b[i]);
        }
    }
}
