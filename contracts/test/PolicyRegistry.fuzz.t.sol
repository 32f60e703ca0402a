// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Envelope} from "../src/Envelope.sol";
import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {IPolicyRegistry} from "../src/interfaces/IPolicyRegistry.sol";
import {Dao} from "./support/Dao.sol";
import {RegistryModel} from "./support/RegistryModel.sol";

contract PolicyRegistryFuzzTest is Dao {
    RegistryModel internal model;

    /// @dev A history of calls, each drawn from one word; after each the registry and the model must show the same.
    function testFuzz_agrees_with_the_model(uint256 start, uint256[24] memory words) public {
        uint64 delay = start % 4 == 0 ? 0 : DELAY;
        uint64[32] memory ceilings = draw(start >> 8, true);
        registry = new PolicyRegistry(DAO, delay, one(GINA), ceilings);
        model = new RegistryModel(delay, GINA, ceilings);
        for (uint256 i = 0; i < words.length; ++i) {
            step(words[i]);
            compare();
        }
    }

    function testFuzz_beyond_is_the_plain_comparison(uint64[32] memory inner, uint64[32] memory outer, uint32 same)
        public
        pure
    {
        uint32 expected;
        for (uint256 i = 0; i < 32; ++i) {
            if (same >> i & 1 == 1) inner[i] = outer[i];
            if (i < 16 ? inner[i] > outer[i] : inner[i] < outer[i]) expected |= uint32(1 << i);
        }
        vm.assertEq(Envelope.beyond(inner, outer), expected);
    }

    function testFuzz_only_the_owner(address caller, uint64[32] memory numbers) public {
        vm.assume(caller != DAO);
        vm.prank(caller);
        (bool ok,) = address(registry).call(abi.encodeCall(registry.submit, (hash("x"), REST, numbers, "")));
        vm.assertFalse(ok);
    }

    function step(uint256 word) private {
        uint256 what = word % 16;
        uint256 rest = word >> 16;
        if (what < 5) advance(rest);
        else if (what < 11) submitDrawn(rest);
        else if (what < 13) veto(rest);
        else if (what == 13) scheduleDelay(rest);
        else if (what == 14) scheduleGuardian(rest);
        else scheduleCeilings(rest);
    }

    /// @dev Half of the time exactly to the next second in which something becomes due.
    function advance(uint256 rest) private {
        uint64 to = uint64(block.timestamp) + uint64(rest % (DELAY / 2));
        if (rest >> 64 & 1 == 1) {
            uint64 due = model.pending().activeAt;
            if (due == 0 || rest >> 65 & 1 == 1) due = model.nextCeilingsAt();
            if (due != 0) to = due - uint64(rest >> 66 & 1);
        }
        vm.warp(to);
        model.advance(to);
    }

    function submitDrawn(uint256 rest) private {
        bytes32 policyHash = bytes32(rest >> 250);
        bytes32 restHash = bytes32(rest >> 248 & 3);
        uint64[32] memory numbers = draw(rest, false);
        bool expected = model.submit(policyHash, restHash, numbers);
        vm.prank(DAO);
        (bool ok,) = address(registry).call(abi.encodeCall(registry.submit, (policyHash, restHash, numbers, "uri")));
        vm.assertTrue(ok == expected, "submit");
    }

    function veto(uint256 rest) private {
        address caller = rest & 7 == 0 ? STRANGER : model.guardian();
        uint64 number = rest >> 3 & 7 == 0 ? uint64(rest >> 6 & 7) : model.last();
        bool expected = model.veto(caller, number);
        vm.prank(caller);
        (bool ok,) = address(registry).call(abi.encodeCall(registry.veto, (number)));
        vm.assertTrue(ok == expected, "veto");
    }

    function scheduleDelay(uint256 rest) private {
        uint64 delay = rest & 3 == 0 ? 0 : uint64(rest >> 2) % DELAY;
        model.scheduleDelay(delay);
        vm.prank(DAO);
        registry.scheduleDelay(delay);
    }

    function scheduleGuardian(uint256 rest) private {
        address guardian = rest & 1 == 0 ? GINA : GUS;
        model.scheduleGuardian(guardian);
        vm.prank(DAO);
        registry.scheduleGuardians(one(guardian));
    }

    function scheduleCeilings(uint256 rest) private {
        uint64[32] memory ceilings = draw(rest, true);
        bool expected = model.scheduleCeilings(ceilings);
        vm.prank(DAO);
        (bool ok,) = address(registry).call(abi.encodeCall(registry.scheduleCeilings, (ceilings)));
        vm.assertTrue(ok == expected, "scheduleCeilings");
    }

    /// @dev Few slots and few values, so that equal, narrower and wider all happen; ceilings leave more room.
    function draw(uint256 word, bool asCeilings) private pure returns (uint64[32] memory numbers) {
        numbers = unset();
        uint64 room = asCeilings ? 2 : 0;
        numbers[0] = uint64(word & 3) + room;
        numbers[15] = uint64(word >> 2 & 1) + room;
        numbers[16] = uint64(word >> 3 & 3) + 2 - room;
        numbers[31] = uint64(word >> 5 & 1) + 2 - room;
    }

    function compare() private view {
        RegistryModel.Epoch memory epoch = model.active();
        same(registry.activeEpoch(), epoch);
        (uint64 number, bytes32 policyHash) = registry.active();
        vm.assertEq(number, epoch.number, "active number");
        vm.assertEq(policyHash, epoch.policyHash, "active hash");
        epoch = model.pending();
        same(registry.pendingEpoch(), epoch);
        bool waits = epoch.number != 0;
        bool vetoed = model.vetoed(model.fileOf(epoch.policyHash, epoch.restHash, epoch.numbers));
        vm.assertTrue(registry.vetoable(epoch.number) == (waits && !vetoed), "vetoable");

        vm.assertEq(registry.delaySecs(), model.delay(), "delay");
        (uint64 delay, uint64 at_) = registry.scheduledDelay();
        vm.assertEq(delay, model.nextDelay(), "next delay");
        vm.assertEq(at_, model.nextDelayAt(), "next delay at");
        vm.assertTrue(registry.isGuardian(model.guardian()), "guardian");
        vm.assertEq(registry.guardians(), one(model.guardian()));
        (, at_) = registry.scheduledGuardians();
        vm.assertEq(at_, model.nextGuardianAt(), "next guardian at");
        sameNumbers(registry.ceilings(), model.ceilings());
        uint64[32] memory ceilings;
        (ceilings, at_) = registry.scheduledCeilings();
        sameNumbers(ceilings, model.nextCeilings());
        vm.assertEq(at_, model.nextCeilingsAt(), "next ceilings at");
    }

    function same(IPolicyRegistry.Epoch memory epoch, RegistryModel.Epoch memory expected) private pure {
        vm.assertEq(epoch.number, expected.number, "number");
        vm.assertEq(epoch.policyHash, expected.policyHash, "policyHash");
        vm.assertEq(epoch.restHash, expected.restHash, "restHash");
        vm.assertEq(epoch.activeAt, expected.activeAt, "activeAt");
        sameNumbers(epoch.envelope, expected.numbers);
    }

    function sameNumbers(uint64[32] memory left, uint64[32] memory right) private pure {
        vm.assertEq(keccak256(abi.encode(left)), keccak256(abi.encode(right)), "numbers");
    }
}
