// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DecisionGate} from "../src/DecisionGate.sol";
import {EmergencyBrake} from "../src/EmergencyBrake.sol";
import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {IPolicyRegistry} from "../src/interfaces/IPolicyRegistry.sol";
import {Dao} from "./support/Dao.sol";
import {Handler} from "./support/Handler.sol";

/// @dev What holds after any history of calls to the three contracts.
abstract contract Together is Dao {
    Handler internal handler;

    function setUp() public override {
        vm.warp(START);
        uint64[32] memory ceilings = unset();
        ceilings[0] = 6;
        ceilings[16] = 1;
        registry = new PolicyRegistry(DAO, 1 days, pair(GINA, GUS), ceilings);
        brake = new EmergencyBrake(DAO, registry, 1 days, pair(OLGA, OTTO), START + 30 days, pair(GINA, GUS));
        gate = new DecisionGate(registry, brake);
        submit("first", 3, 4);
        vm.warp(START + 1 days);
        handler = new Handler(DAO, registry, brake, gate, [GINA, GUS], [OLGA, OTTO]);
    }

    function targetContracts() public view returns (address[] memory) {
        return one(address(handler));
    }

    function nothingBroken() internal view {
        vm.assertEq(handler.broken(), "");
    }
}

contract PolicyRegistryInvariantTest is Together {
    function invariant_nothing_falls_and_nothing_is_early() public view {
        nothingBroken();
    }

    function invariant_active_and_pending_fit_the_ceilings() public view {
        (uint64[32] memory scheduled, uint64 inForceAt) = registry.scheduledCeilings();
        IPolicyRegistry.Epoch[2] memory epochs = [registry.activeEpoch(), registry.pendingEpoch()];
        for (uint256 i = 0; i < 2; ++i) {
            if (epochs[i].number == 0) continue;
            fits(epochs[i].envelope, registry.ceilings());
            if (inForceAt != 0) fits(epochs[i].envelope, scheduled);
        }
    }

    function fits(uint64[32] memory numbers, uint64[32] memory ceilings) private pure {
        for (uint256 i = 0; i < 32; ++i) {
            vm.assertTrue(i < 16 ? numbers[i] <= ceilings[i] : numbers[i] >= ceilings[i], "beyond a ceiling");
        }
    }
}

contract EmergencyBrakeInvariantTest is Together {
    function invariant_pulled_means_within_the_time_of_the_last_pull() public view {
        nothingBroken();
        (bool pulled, uint64 pulls, uint64 pulledUntil,) = brake.status();
        vm.assertTrue(pulled == (block.timestamp < pulledUntil), "pulled and pulledUntil");
        vm.assertTrue(!pulled || pulls > 0, "pulled without a pull");
    }
}

contract DecisionGateInvariantTest is Together {
    function invariant_nothing_enters_that_should_not() public view {
        nothingBroken();
    }
}
