// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDecisionGate} from "../src/interfaces/IDecisionGate.sol";
import {Dao} from "./support/Dao.sol";

contract DecisionGateFuzzTest is Dao {
    function setUp() public override {
        super.setUp();
        found();
    }

    /// @dev Each bar is up or down by one bit; the entry passes if and only if none is up.
    function testFuzz_an_entry_passes_if_nothing_bars_it(uint256 bars, address account, bytes32 onceKey) public {
        vm.assume(account != address(0) && account != address(vm));
        IDecisionGate.Entry memory entry = entryOf("decision", hash("first"), onceKey);
        bool barred;
        if (bars & 1 != 0) (barred, entry.validUntil) = (true, uint64(block.timestamp - 1));
        if (bars & 2 != 0) (barred, entry.policy) = (true, bytes32(bars >> 8 & 3));
        if (bars & 4 != 0) (barred, entry.decision) = (true, 0);
        if (bars & 8 != 0) {
            barred = true;
            vm.prank(GINA);
            brake.pull();
            if (bars & 16 != 0) {
                vm.prank(DAO);
                brake.release();
            }
        }
        if (bars & 32 != 0) {
            barred = true;
            vm.prank(DAO);
            brake.renewLease(uint64(block.timestamp));
        }
        if (bars & 64 != 0) {
            barred = true;
            vm.prank(OTTO);
            gate.revoke(account, entry.decision);
        }
        vm.prank(account);
        (bool ok,) = address(gate).call(abi.encodeCall(gate.enter, (entry)));
        vm.assertTrue(ok == !barred);
        vm.assertTrue(gate.used(account, onceKey) == ok);
        vm.prank(account);
        (ok,) = address(gate).call(abi.encodeCall(gate.enter, (entry)));
        vm.assertFalse(ok);
    }

    function testFuzz_all_items_or_none(bytes32[] memory keys, uint256 again) public {
        vm.assume(keys.length > 0);
        uint256 count = keys.length > 40 ? 40 : keys.length;
        IDecisionGate.Entry memory entry = entryOf("decision", hash("first"), 0);
        entry.items = new IDecisionGate.Item[](count);
        bool expected = count <= gate.ITEMS_MAX();
        for (uint256 i = 0; i < count; ++i) {
            entry.items[i].onceKey = i == again % 64 ? keys[0] : keys[i];
            for (uint256 j = 0; j < i; ++j) {
                if (entry.items[j].onceKey == entry.items[i].onceKey) expected = false;
            }
        }
        (bool ok,) = address(gate).call(abi.encodeCall(gate.enter, (entry)));
        vm.assertTrue(ok == expected);
        for (uint256 i = 0; i < count; ++i) {
            vm.assertTrue(gate.used(address(this), entry.items[i].onceKey) == expected);
        }
    }
}
