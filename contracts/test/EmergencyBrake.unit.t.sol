// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {EmergencyBrake} from "../src/EmergencyBrake.sol";
import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {IEmergencyBrake} from "../src/interfaces/IEmergencyBrake.sol";
import {Dao} from "./support/Dao.sol";

contract EmergencyBrakeUnitTest is Dao {
    function test_as_deployed() public view {
        expectStatus(false, 0, 0, START + LEASE);
        vm.assertEq(brake.operators(), pair(OLGA, OTTO));
        vm.assertTrue(brake.isOperator(OLGA));
        vm.assertFalse(brake.isOperator(GINA));
        vm.assertTrue(brake.isArmed(GINA));
        vm.assertFalse(brake.isArmed(OLGA));
        vm.assertEq(brake.pullSecs(), PULL);
        vm.assertEq(address(brake.registry()), address(registry));
        vm.assertEq(brake.owner(), DAO);
    }

    function test_a_pull_holds_for_its_time_and_no_longer() public {
        vm.expectEmit(address(brake));
        emit Pausable.Paused(GINA);
        vm.expectEmit(address(brake));
        emit IEmergencyBrake.Pulled(GINA, 1, START + PULL);
        pull(GINA);
        expectStatus(true, 1, START + PULL, START + LEASE);
        vm.warp(START + PULL - 1);
        vm.assertTrue(brake.paused());
        vm.warp(START + PULL);
        vm.assertFalse(brake.paused());
        expectStatus(false, 1, START + PULL, START + LEASE);
    }

    function test_a_guardian_pulls_once_until_armed_again() public {
        pull(GINA);
        vm.assertFalse(brake.isArmed(GINA));
        vm.warp(START + PULL);
        vm.prank(GINA);
        refuses(abi.encodeWithSelector(IEmergencyBrake.NotArmed.selector, GINA));
        brake.pull();
        pull(GUS);
        expectStatus(true, 2, START + 2 * PULL, START + LEASE);
        vm.warp(START + 2 * PULL);
        vm.expectEmit(address(brake));
        emit IEmergencyBrake.Armed(GINA);
        vm.prank(DAO);
        brake.arm(GINA);
        pull(GINA);
        vm.assertEq(brake.pulls(), 3);
    }

    function test_a_pull_while_pulled_is_refused_and_costs_nothing() public {
        pull(GINA);
        vm.prank(GUS);
        refuses(abi.encodeWithSelector(IEmergencyBrake.AlreadyPulled.selector, START + PULL));
        brake.pull();
        vm.assertTrue(brake.isArmed(GUS));
    }

    function test_only_a_present_guardian_pulls() public {
        vm.prank(STRANGER);
        refuses(abi.encodeWithSelector(IEmergencyBrake.NotGuardian.selector, STRANGER));
        brake.pull();
        vm.prank(DAO);
        registry.scheduleGuardians(pair(GUS, STRANGER));
        vm.prank(DAO);
        brake.arm(STRANGER);
        vm.warp(START + DELAY);
        vm.prank(GINA);
        refuses(abi.encodeWithSelector(IEmergencyBrake.NotGuardian.selector, GINA));
        brake.pull();
        pull(STRANGER);
        vm.assertTrue(brake.paused());
    }

    function test_the_owner_releases() public {
        pull(GINA);
        vm.expectEmit(address(brake));
        emit Pausable.Unpaused(DAO);
        vm.expectEmit(address(brake));
        emit IEmergencyBrake.Released(1);
        vm.prank(DAO);
        brake.release();
        expectStatus(false, 1, 0, START + LEASE);
        pull(GUS);
        expectStatus(true, 2, START + PULL, START + LEASE);
    }

    function test_release_and_extend_need_a_pull_that_holds() public {
        bytes memory refusal = abi.encodeWithSelector(IEmergencyBrake.NotPulled.selector);
        vm.prank(DAO);
        refuses(refusal);
        brake.release();
        pull(GINA);
        vm.warp(START + PULL);
        vm.prank(DAO);
        refuses(refusal);
        brake.release();
        vm.prank(DAO);
        refuses(refusal);
        brake.extend(START + PULL + 1 days);
        vm.assertFalse(brake.paused());
    }

    function test_the_owner_extends_within_bounds() public {
        pull(GINA);
        uint64 end = START + PULL;
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IEmergencyBrake.NotLater.selector, end, end));
        brake.extend(end);
        uint64 latest = end + brake.EXTENSION_SECS_MAX();
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IEmergencyBrake.ExtensionTooLong.selector, latest + 1, latest));
        brake.extend(latest + 1);
        vm.expectEmit(address(brake));
        emit IEmergencyBrake.Extended(1, latest);
        vm.prank(DAO);
        brake.extend(latest);
        vm.warp(latest - 1);
        vm.assertTrue(brake.paused());
        vm.warp(latest);
        vm.assertFalse(brake.paused());
    }

    function test_one_lease_for_all_with_a_bound() public {
        uint64 latest = START + brake.LEASE_SECS_MAX();
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IEmergencyBrake.LeaseTooLong.selector, latest + 1, latest));
        brake.renewLease(latest + 1);
        vm.prank(DAO);
        brake.renewLease(latest);
        vm.assertEq(brake.leaseUntil(), latest);
        vm.expectEmit(address(brake));
        emit IEmergencyBrake.LeaseRenewed(0);
        vm.prank(DAO);
        brake.renewLease(0);
        vm.assertEq(brake.leaseUntil(), 0);
    }

    function test_operators_come_and_go() public {
        vm.expectEmit(address(brake));
        emit IEmergencyBrake.OperatorSet(OLGA, false);
        list(OLGA, false);
        vm.assertFalse(brake.isOperator(OLGA));
        vm.assertEq(brake.operators(), one(OTTO));
        list(STRANGER, true);
        list(STRANGER, true);
        vm.assertEq(brake.operators(), pair(OTTO, STRANGER));
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IEmergencyBrake.ZeroAddress.selector));
        brake.setOperator(address(0), true);
    }

    function test_operators_are_bounded() public {
        for (uint160 i = 3; i <= 32; ++i) {
            list(address(0xF000 + i), true);
        }
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IEmergencyBrake.TooManyOperators.selector, 33, 32));
        brake.setOperator(STRANGER, true);
        list(OTTO, false);
        list(STRANGER, true);
    }

    function test_only_the_owner_writes() public {
        pull(GINA);
        bytes memory refusal = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this));
        refuses(refusal);
        brake.release();
        refuses(refusal);
        brake.extend(START + PULL + 1);
        refuses(refusal);
        brake.arm(GINA);
        refuses(refusal);
        brake.setOperator(STRANGER, true);
        refuses(refusal);
        brake.renewLease(START);
    }

    function test_what_a_deployment_may_not_be() public {
        uint64 shortest = brake.PULL_SECS_MIN();
        uint64 longest = brake.PULL_SECS_MAX();
        refuses(abi.encodeWithSelector(IEmergencyBrake.PullSecsOutOfBounds.selector, shortest - 1, shortest, longest));
        new EmergencyBrake(DAO, registry, shortest - 1, none(), 0, none());
        refuses(abi.encodeWithSelector(IEmergencyBrake.PullSecsOutOfBounds.selector, longest + 1, shortest, longest));
        new EmergencyBrake(DAO, registry, longest + 1, none(), 0, none());
        refuses(abi.encodeWithSelector(IEmergencyBrake.NoCode.selector, STRANGER));
        new EmergencyBrake(DAO, PolicyRegistry(STRANGER), PULL, none(), 0, none());
        refuses(abi.encodeWithSelector(IEmergencyBrake.NotGuardian.selector, STRANGER));
        new EmergencyBrake(DAO, registry, PULL, none(), 0, one(STRANGER));
        refuses(abi.encodeWithSelector(Ownable.OwnableInvalidOwner.selector, address(0)));
        new EmergencyBrake(address(0), registry, PULL, none(), 0, none());
    }

    function pull(address guardian) private {
        vm.prank(guardian);
        brake.pull();
    }

    function list(address operator, bool listed) private {
        vm.prank(DAO);
        brake.setOperator(operator, listed);
    }

    function expectStatus(bool pulled, uint64 pulls, uint64 pulledUntil, uint64 leaseUntil) private view {
        (bool isPulled, uint64 count, uint64 until, uint64 lease) = brake.status();
        vm.assertTrue(isPulled == pulled);
        vm.assertTrue(brake.paused() == pulled);
        vm.assertEq(count, pulls);
        vm.assertEq(brake.pulls(), pulls);
        vm.assertEq(until, pulledUntil);
        vm.assertEq(brake.pulledUntil(), pulledUntil);
        vm.assertEq(lease, leaseUntil);
        vm.assertEq(brake.leaseUntil(), leaseUntil);
    }
}
