// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {DevnetAsset} from "../devnet/DevnetAsset.sol";
import {DevnetGovernor} from "../devnet/DevnetGovernor.sol";
import {DevnetVault} from "../devnet/DevnetVault.sol";
import {DevnetVotes} from "../devnet/DevnetVotes.sol";
import {ReplayFeed} from "../devnet/ReplayFeed.sol";
import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {Dao} from "./support/Dao.sol";

contract DevnetUnitTest is Dao {
    function test_a_feed_replays_rounds_from_one() public {
        ReplayFeed feed = new ReplayFeed(address(this), 8, "ETH / USD");
        refuses(abi.encodeWithSelector(ReplayFeed.NoDataPresent.selector, 0));
        feed.latestRoundData();
        feed.push(2000e8, START);
        ReplayFeed.Round[] memory rounds = new ReplayFeed.Round[](2);
        rounds[0] = ReplayFeed.Round(1900e8, START + 60);
        rounds[1] = ReplayFeed.Round(-1, START + 120);
        feed.pushMany(rounds);
        (uint80 roundId, int256 answer,, uint256 updatedAt, uint80 answeredInRound) = feed.latestRoundData();
        vm.assertEq(roundId, 3);
        vm.assertEq(answer, -1);
        vm.assertEq(updatedAt, START + 120);
        vm.assertEq(answeredInRound, 3);
        (roundId, answer,,,) = feed.getRoundData(1);
        vm.assertEq(roundId, 1);
        vm.assertEq(answer, 2000e8);
        refuses(abi.encodeWithSelector(ReplayFeed.NoDataPresent.selector, 4));
        feed.getRoundData(4);
        vm.assertEq(feed.decimals(), 8);
        vm.assertEq(feed.description(), "ETH / USD");
    }

    function test_an_asset_has_its_own_decimals() public {
        DevnetAsset asset = new DevnetAsset("USD Coin", "USDC", 6, address(this));
        asset.mint(STRANGER, 5e6);
        vm.assertEq(asset.decimals(), 6);
        vm.assertEq(asset.balanceOf(STRANGER), 5e6);
    }

    function test_a_vault_pays_its_holders_what_accrues() public {
        DevnetAsset asset = new DevnetAsset("USD Coin", "USDC", 6, address(this));
        DevnetVault vault = new DevnetVault(asset, "Savings USDC", "sUSDC");
        asset.mint(address(this), 1_100e6);
        asset.approve(address(vault), type(uint256).max);
        vm.assertEq(vault.decimals(), 6);
        vm.assertEq(vault.convertToAssets(1e6), 1e6);
        vm.assertEq(vault.deposit(1_000e6, STRANGER), 1_000e6);
        vault.accrue(100e6);
        vm.assertEq(vault.convertToAssets(1e6), 1_099_999);
        vm.prank(STRANGER);
        vm.assertEq(vault.redeem(1_000e6, STRANGER, STRANGER), 1_099_999_999);
        vm.assertEq(asset.balanceOf(STRANGER), 1_099_999_999);
    }

    function test_a_vote_anchors_a_policy() public {
        uint256[] memory amounts = new uint256[](1);
        amounts[0] = 100e18;
        DevnetVotes token = new DevnetVotes("DAO", "DAO", one(address(this)), amounts);
        token.delegate(address(this));
        TimelockController timelock = new TimelockController(60, none(), one(address(0)), address(this));
        DevnetGovernor governor = new DevnetGovernor("DAO", token, timelock, 1, 10, 1e18, 4);
        timelock.grantRole(timelock.PROPOSER_ROLE(), address(governor));
        registry = new PolicyRegistry(address(timelock), DELAY, one(GINA), constitution());

        (address[] memory targets, uint256[] memory values) = (one(address(registry)), new uint256[](1));
        bytes[] memory calls = new bytes[](1);
        calls[0] = abi.encodeCall(registry.submit, (hash("first"), REST, numbersOf(4000, 2000), "first"));
        vm.roll(100);
        uint256 proposal = governor.propose(targets, values, calls, "first policy");
        vm.roll(102);
        governor.castVote(proposal, 1);
        vm.roll(113);
        governor.queue(targets, values, calls, keccak256("first policy"));
        vm.warp(START + 61);
        governor.execute(targets, values, calls, keccak256("first policy"));
        expectPending(1);
        vm.warp(START + 61 + DELAY);
        expectActive(1, "first");
    }
}
