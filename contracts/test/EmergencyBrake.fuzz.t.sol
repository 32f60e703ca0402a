// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Dao} from "./support/Dao.sol";

contract EmergencyBrakeFuzzTest is Dao {
    function testFuzz_a_pull_holds_exactly_until_its_end(uint64 after_) public {
        vm.prank(GINA);
        brake.pull();
        vm.warp(uint256(START) + after_);
        vm.assertTrue(brake.paused() == (after_ < PULL));
    }

    function testFuzz_an_extension_only_adds_and_within_its_bound(uint64 after_, uint64 until) public {
        vm.prank(GINA);
        brake.pull();
        vm.warp(uint256(START) + after_ % (2 * PULL));
        uint64 end = brake.pulledUntil();
        bool expected = brake.paused() && until > end && until <= end + brake.EXTENSION_SECS_MAX();
        vm.prank(DAO);
        (bool ok,) = address(brake).call(abi.encodeCall(brake.extend, (until)));
        vm.assertTrue(ok == expected);
        vm.assertEq(brake.pulledUntil(), ok ? until : end);
    }

    function testFuzz_a_lease_is_bounded(uint64 until) public {
        bool expected = until <= block.timestamp + brake.LEASE_SECS_MAX();
        vm.prank(DAO);
        (bool ok,) = address(brake).call(abi.encodeCall(brake.renewLease, (until)));
        vm.assertTrue(ok == expected);
        vm.assertEq(brake.leaseUntil(), ok ? until : START + LEASE);
    }

    function testFuzz_nobody_else_pulls(address caller) public {
        vm.assume(caller != GINA && caller != GUS);
        vm.prank(DAO);
        (bool armed,) = address(brake).call(abi.encodeCall(brake.arm, (caller)));
        armed;
        vm.prank(caller);
        (bool ok,) = address(brake).call(abi.encodeCall(brake.pull, ()));
        vm.assertFalse(ok);
    }

    function testFuzz_the_list_of_operators_is_what_was_set(uint8[40] memory which) public {
        bool[8] memory listed;
        (listed[0], listed[1]) = (true, true);
        address[8] memory all =
            [OLGA, OTTO, address(11), address(12), address(13), address(14), address(15), address(16)];
        for (uint256 i = 0; i < which.length; ++i) {
            uint256 index = which[i] % 8;
            listed[index] = which[i] & 8 == 0;
            vm.prank(DAO);
            brake.setOperator(all[index], listed[index]);
        }
        uint256 count;
        for (uint256 i = 0; i < 8; ++i) {
            vm.assertTrue(brake.isOperator(all[i]) == listed[i]);
            if (listed[i]) ++count;
        }
        vm.assertEq(brake.operators().length, count);
    }
}
