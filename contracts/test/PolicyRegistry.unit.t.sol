// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {IPolicyRegistry} from "../src/interfaces/IPolicyRegistry.sol";
import {Dao} from "./support/Dao.sol";

contract PolicyRegistryUnitTest is Dao {
    function test_before_the_first_epoch_there_is_no_policy() public view {
        expectActive(0, "");
        expectPending(0);
        vm.assertEq(registry.activeEpoch().envelope[0], 0);
        vm.assertEq(registry.delaySecs(), DELAY);
        vm.assertEq(registry.guardians(), pair(GINA, GUS));
        vm.assertEq(registry.ceilings()[16], 1000);
        vm.assertEq(registry.owner(), DAO);
    }

    function test_the_first_epoch_waits_the_delay() public {
        vm.assertEq(submit("first", 4000, 2000), 1);
        vm.warp(START + DELAY - 1);
        expectActive(0, "");
        expectPending(1);
        vm.warp(START + DELAY);
        expectActive(1, "first");
        expectPending(0);
        vm.assertEq(registry.activeEpoch().uri, "first");
        vm.assertEq(registry.activeEpoch().activeAt, START + DELAY);
    }

    function test_without_a_delay_even_the_first_is_active_at_once() public {
        registry = new PolicyRegistry(DAO, 0, one(GINA), unset());
        submit("first", 1, 1);
        expectActive(1, "first");
        submit("wider", 2, 0);
        expectActive(2, "wider");
        vm.assertFalse(registry.vetoable(2));
    }

    function test_a_narrowing_is_active_at_once() public {
        found();
        submit("lower cap", 3999, 2000);
        expectActive(2, "lower cap");
        submit("higher floor", 3999, 2001);
        expectActive(3, "higher floor");
        submit("same numbers, other file", 3999, 2001);
        expectActive(4, "same numbers, other file");
    }

    function test_one_number_wider_waits() public {
        found();
        submit("wider cap, narrower floor", 4001, 9000);
        submit("wider floor, narrower cap", 1, 1999);
        expectActive(1, "first");
        expectPending(3);
        submitRest("same numbers, other rest", keccak256("other"), 4000, 2000);
        expectActive(1, "first");
        expectPending(4);
        vm.warp(block.timestamp + DELAY);
        expectActive(4, "same numbers, other rest");
    }

    function test_every_slot_is_compared_in_its_own_direction() public {
        registry = new PolicyRegistry(DAO, DELAY, one(GINA), unset());
        uint64[32] memory middle;
        for (uint256 i = 0; i < 32; ++i) {
            middle[i] = 100;
        }
        vm.prank(DAO);
        registry.submit(hash("middle"), REST, middle, "");
        vm.warp(block.timestamp + DELAY);
        for (uint256 i = 0; i < 32; ++i) {
            uint64[32] memory wider = abi.decode(abi.encode(middle), (uint64[32]));
            wider[i] = i < 16 ? 101 : 99;
            vm.prank(DAO);
            uint64 number = registry.submit(hash("wider"), REST, wider, "");
            expectPending(number);
            middle[i] = i < 16 ? 99 : 101;
            vm.prank(DAO);
            number = registry.submit(hash("narrower"), REST, middle, "");
            expectActive(number, "narrower");
            expectPending(0);
        }
    }

    function test_a_submission_replaces_the_pending_one() public {
        found();
        submit("wide", 5000, 1000);
        vm.expectEmit(address(registry));
        emit IPolicyRegistry.EpochReplaced(2, 3);
        submit("narrow", 1000, 2000);
        expectActive(3, "narrow");
        expectPending(0);
        vm.warp(block.timestamp + 10 * DELAY);
        expectActive(3, "narrow");
    }

    function test_a_submission_in_the_second_of_activation_is_compared_with_what_became_active() public {
        found();
        submit("wide", 5000, 1000);
        vm.warp(block.timestamp + DELAY);
        submit("between", 4500, 1500);
        expectActive(3, "between");
        vm.assertEq(registry.epoch(2).number, 2);
    }

    function test_a_submission_is_not_compared_with_the_pending_one() public {
        found();
        submit("wide", 5000, 1000);
        submit("between", 4500, 1500);
        expectActive(1, "first");
        expectPending(3);
        vm.assertEq(registry.pendingEpoch().activeAt, block.timestamp + DELAY);
    }

    function test_everything_submitted_is_in_the_log() public {
        vm.expectEmit(address(registry));
        emit IPolicyRegistry.EpochSubmitted(1, hash("first"), REST, numbersOf(4000, 2000), "first", START + DELAY, true);
        submit("first", 4000, 2000);
        vm.warp(START + DELAY);
        vm.expectEmit(address(registry));
        emit IPolicyRegistry.EpochSubmitted(
            2, hash("second"), REST, numbersOf(4000, 2001), "second", START + DELAY, false
        );
        submit("second", 4000, 2001);
    }

    function test_a_uri_may_have_any_length() public {
        string memory uri = "https://dao.example/policies/0123456789abcdef0123456789abcdef0123456789abcdef.toml";
        vm.prank(DAO);
        registry.submit(hash("first"), REST, numbersOf(4000, 2000), uri);
        vm.assertEq(registry.pendingEpoch().uri, uri);
        submit("", 4000, 2000);
        vm.assertEq(registry.pendingEpoch().uri, "");
        vm.assertEq(registry.epoch(1).uri, uri);
    }

    function test_zero_hashes_are_refused() public {
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IPolicyRegistry.ZeroHash.selector));
        registry.submit(0, REST, unset(), "");
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IPolicyRegistry.ZeroHash.selector));
        registry.submit(REST, 0, unset(), "");
    }

    function test_only_the_owner_writes() public {
        bytes memory refusal = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this));
        refuses(refusal);
        registry.submit(hash("first"), REST, numbersOf(1, 2000), "");
        refuses(refusal);
        registry.scheduleDelay(1);
        refuses(refusal);
        registry.scheduleGuardians(one(STRANGER));
        refuses(refusal);
        registry.scheduleCeilings(unset());
    }

    function test_beyond_a_ceiling_is_refused_and_all_slots_are_named() public {
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IPolicyRegistry.BeyondCeilings.selector, uint32(1 << 0 | 1 << 16)));
        registry.submit(hash("greedy"), REST, numbersOf(5001, 999), "");
        submit("at the ceiling", 5000, 1000);
        expectPending(1);
    }
}

contract PolicyRegistryVetoTest is Dao {
    function test_a_guardian_vetoes_what_waits() public {
        found();
        submit("wide", 5000, 1000);
        vm.assertTrue(registry.vetoable(2));
        vm.expectEmit(address(registry));
        emit IPolicyRegistry.EpochVetoed(2, GUS);
        vm.prank(GUS);
        registry.veto(2);
        expectPending(0);
        vm.warp(block.timestamp + DELAY);
        expectActive(1, "first");
        vm.assertEq(submit("next", 5000, 1000), 3);
    }

    function test_after_a_veto_the_same_file_waits_again_and_cannot_be_vetoed() public {
        found();
        submit("wide", 5000, 1000);
        vm.prank(GINA);
        registry.veto(2);
        vm.warp(block.timestamp + 1 days);

        uint64 activeAt = uint64(block.timestamp) + DELAY;
        vm.expectEmit(address(registry));
        emit IPolicyRegistry.EpochSubmitted(3, hash("wide"), REST, numbersOf(5000, 1000), "wide", activeAt, false);
        submit("wide", 5000, 1000);
        vm.assertFalse(registry.vetoable(3));
        vm.prank(GUS);
        refuses(abi.encodeWithSelector(IPolicyRegistry.VetoSpent.selector, 3));
        registry.veto(3);
        vm.warp(activeAt - 1);
        expectActive(1, "first");
        vm.warp(activeAt);
        expectActive(3, "wide");
    }

    function test_the_mark_of_a_veto_outlives_a_replacement() public {
        found();
        submit("wide", 5000, 1000);
        vm.prank(GINA);
        registry.veto(2);
        submit("wide", 5000, 1000);
        submit("another", 4900, 1000);
        vm.assertTrue(registry.vetoable(4));
        submit("wide", 5000, 1000);
        vm.assertFalse(registry.vetoable(5));
    }

    function test_another_file_can_be_vetoed_again() public {
        found();
        submit("wide", 5000, 1000);
        vm.prank(GINA);
        registry.veto(2);
        submitRest("wide", keccak256("other"), 5000, 1000);
        vm.assertTrue(registry.vetoable(3));
        submit("wide", 4999, 1000);
        vm.assertTrue(registry.vetoable(4));
        submit("wider", 5000, 1000);
        vm.prank(GINA);
        registry.veto(5);
        expectPending(0);
    }

    function test_a_vetoed_file_that_became_a_narrowing_is_active_at_once() public {
        found();
        submit("wide", 4500, 2000);
        vm.prank(GINA);
        registry.veto(2);
        submit("wider", 5000, 1000);
        vm.warp(block.timestamp + DELAY);
        submit("wide", 4500, 2000);
        expectActive(4, "wide");
    }

    function test_only_a_guardian_and_only_what_waits() public {
        vm.prank(GINA);
        refuses(abi.encodeWithSelector(IPolicyRegistry.NotPending.selector, 0));
        registry.veto(0);
        submit("first", 4000, 2000);
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IPolicyRegistry.NotGuardian.selector, DAO));
        registry.veto(1);
        vm.prank(GINA);
        refuses(abi.encodeWithSelector(IPolicyRegistry.NotPending.selector, 2));
        registry.veto(2);
        vm.warp(START + DELAY);
        vm.prank(GINA);
        refuses(abi.encodeWithSelector(IPolicyRegistry.NotPending.selector, 1));
        registry.veto(1);
    }

    function test_a_veto_can_come_in_the_last_second() public {
        submit("first", 4000, 2000);
        vm.warp(START + DELAY - 1);
        vm.prank(GINA);
        registry.veto(1);
        vm.warp(START + DELAY);
        expectActive(0, "");
        submit("second", 1, 5000);
        expectActive(0, "");
    }
}

contract PolicyRegistryScheduleTest is Dao {
    function test_a_delay_waits_the_delay_in_force() public {
        vm.prank(DAO);
        registry.scheduleDelay(1 hours);
        (uint64 secs, uint64 inForceAt) = registry.scheduledDelay();
        vm.assertEq(secs, 1 hours);
        vm.assertEq(inForceAt, START + DELAY);
        submit("first", 4000, 2000);
        vm.assertEq(registry.pendingEpoch().activeAt, START + DELAY);
        vm.warp(START + DELAY);
        vm.assertEq(registry.delaySecs(), 1 hours);
        (secs, inForceAt) = registry.scheduledDelay();
        vm.assertEq(secs + inForceAt, 0);
        submit("wide", 5000, 1000);
        vm.assertEq(registry.pendingEpoch().activeAt, START + DELAY + 1 hours);
    }

    function test_a_later_schedule_replaces_and_waits_anew() public {
        vm.prank(DAO);
        registry.scheduleDelay(1 hours);
        vm.warp(START + DELAY - 1);
        vm.prank(DAO);
        registry.scheduleDelay(3 hours);
        vm.warp(START + DELAY);
        vm.assertEq(registry.delaySecs(), DELAY);
        vm.warp(START + 2 * DELAY - 1);
        vm.assertEq(registry.delaySecs(), 3 hours);
    }

    function test_a_delay_has_a_bound() public {
        uint64 longest = registry.DELAY_SECS_MAX();
        bytes memory refusal = abi.encodeWithSelector(IPolicyRegistry.DelayTooLong.selector, longest + 1, longest);
        vm.prank(DAO);
        refuses(refusal);
        registry.scheduleDelay(longest + 1);
        refuses(refusal);
        new PolicyRegistry(DAO, longest + 1, one(GINA), unset());
    }

    function test_guardians_change_by_time_alone() public {
        vm.prank(DAO);
        registry.scheduleGuardians(pair(GUS, STRANGER));
        vm.assertTrue(registry.isGuardian(GINA));
        vm.assertFalse(registry.isGuardian(STRANGER));
        (address[] memory waiting, uint64 inForceAt) = registry.scheduledGuardians();
        vm.assertEq(waiting, pair(GUS, STRANGER));
        vm.assertEq(inForceAt, START + DELAY);
        vm.warp(START + DELAY);
        vm.assertFalse(registry.isGuardian(GINA));
        vm.assertTrue(registry.isGuardian(GUS));
        vm.assertTrue(registry.isGuardian(STRANGER));
        vm.assertEq(registry.guardians(), pair(GUS, STRANGER));
        (waiting,) = registry.scheduledGuardians();
        vm.assertEq(waiting.length, 0);
    }

    function test_the_set_of_guardians_is_bounded_and_clean() public {
        refuses(abi.encodeWithSelector(IPolicyRegistry.GuardianCount.selector, 0, 16));
        this.schedule(none());
        refuses(abi.encodeWithSelector(IPolicyRegistry.GuardianCount.selector, 17, 16));
        this.schedule(new address[](17));
        refuses(abi.encodeWithSelector(IPolicyRegistry.ZeroGuardian.selector));
        this.schedule(pair(GINA, address(0)));
        refuses(abi.encodeWithSelector(IPolicyRegistry.DuplicateGuardian.selector, GINA));
        this.schedule(pair(GINA, GINA));
    }

    function test_ceilings_cannot_undercut_what_is_active_or_pending() public {
        found();
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IPolicyRegistry.CeilingsExceeded.selector, 1, uint32(1 << 0 | 1 << 16)));
        registry.scheduleCeilings(numbersOf(3999, 2001));
        submit("wide", 4500, 2000);
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IPolicyRegistry.CeilingsExceeded.selector, 2, uint32(1)));
        registry.scheduleCeilings(numbersOf(4499, 2000));
        vm.prank(DAO);
        registry.scheduleCeilings(numbersOf(4500, 2000));
        vm.warp(block.timestamp + DELAY);
        vm.assertEq(registry.ceilings()[0], 4500);
    }

    function test_while_ceilings_wait_submissions_fit_both() public {
        vm.prank(DAO);
        registry.scheduleCeilings(numbersOf(6000, 3000));
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IPolicyRegistry.BeyondCeilings.selector, uint32(1)));
        registry.submit(hash("above the old"), REST, numbersOf(5001, 3000), "");
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IPolicyRegistry.BeyondCeilings.selector, uint32(1 << 16)));
        registry.submit(hash("below the new"), REST, numbersOf(5000, 2999), "");
        submit("fits both", 5000, 3000);
        vm.warp(START + DELAY);
        submit("fits the new", 6000, 3000);
        (uint64[32] memory waiting, uint64 inForceAt) = registry.scheduledCeilings();
        vm.assertEq(waiting[0] + inForceAt, 0);
    }

    function test_settings_and_an_epoch_of_the_same_second_hold_together() public {
        vm.prank(DAO);
        registry.scheduleDelay(0);
        vm.prank(DAO);
        registry.scheduleCeilings(numbersOf(4000, 1000));
        submit("first", 4000, 1000);
        vm.warp(START + DELAY);
        expectActive(1, "first");
        vm.prank(DAO);
        refuses(abi.encodeWithSelector(IPolicyRegistry.BeyondCeilings.selector, uint32(1)));
        registry.submit(hash("old room"), REST, numbersOf(4001, 1000), "");
        submitRest("other rest", keccak256("other"), 4000, 1000);
        expectActive(2, "other rest");
    }

    function schedule(address[] calldata guardians) external {
        vm.prank(DAO);
        registry.scheduleGuardians(guardians);
    }
}
