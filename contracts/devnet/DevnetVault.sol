// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @title A vault of the local DAO, for tests and the demo only
/// @dev OpenZeppelin's ERC4626 as it is. It earns nothing by itself: `accrue` pays its holders.
contract DevnetVault is ERC4626 {
    event Accrued(address indexed from, uint256 amount);

    constructor(IERC20 asset_, string memory name_, string memory symbol_) ERC20(name_, symbol_) ERC4626(asset_) {}

    /// @notice Takes `amount` of the asset from the caller, who must have approved it, and gives no shares for it.
    function accrue(uint256 amount) external {
        SafeERC20.safeTransferFrom(IERC20(asset()), msg.sender, address(this), amount);
        emit Accrued(msg.sender, amount);
    }
}
