// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DecisionGate} from "../../src/DecisionGate.sol";
import {EmergencyBrake} from "../../src/EmergencyBrake.sol";
import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {IDecisionGate} from "../../src/interfaces/IDecisionGate.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {Vm} from "./Vm.sol";

/// @dev A DAO with the three contracts, two guardians and two operators; slot 0 has a ceiling of 5000 and slot 16 a
/// ceiling of 1000, every other slot none.
abstract contract Dao {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint64 internal constant START = 1_700_000_000;
    uint64 internal constant DELAY = 2 days;
    uint64 internal constant PULL = 21 days;
    uint64 internal constant LEASE = 90 days;
    uint64 internal constant UNSET_CAP = type(uint64).max;
    bytes32 internal constant REST = keccak256("rest");

    address internal constant DAO = address(0xDA0);
    address internal constant GINA = address(0x61A);
    address internal constant GUS = address(0x605);
    address internal constant OLGA = address(0x0178A);
    address internal constant OTTO = address(0x0770);
    address internal constant STRANGER = address(0xBAD);

    PolicyRegistry internal registry;
    EmergencyBrake internal brake;
    DecisionGate internal gate;

    function setUp() public virtual {
        vm.warp(START);
        registry = new PolicyRegistry(DAO, DELAY, pair(GINA, GUS), constitution());
        brake = new EmergencyBrake(DAO, registry, PULL, pair(OLGA, OTTO), START + LEASE, pair(GINA, GUS));
        gate = new DecisionGate(registry, brake);
    }

    function constitution() internal pure returns (uint64[32] memory ceilings) {
        ceilings = unset();
        ceilings[0] = 5000;
        ceilings[16] = 1000;
    }

    /// @dev The widest envelope there is.
    function unset() internal pure returns (uint64[32] memory numbers) {
        for (uint256 i = 0; i < 16; ++i) {
            numbers[i] = UNSET_CAP;
        }
    }

    /// @dev An envelope within the constitution that differs from others in one cap and one floor.
    function numbersOf(uint64 cap, uint64 floor) internal pure returns (uint64[32] memory numbers) {
        numbers = unset();
        numbers[0] = cap;
        numbers[16] = floor;
    }

    function submit(string memory name, uint64 cap, uint64 floor) internal returns (uint64 number) {
        return submitRest(name, REST, cap, floor);
    }

    function submitRest(string memory name, bytes32 rest, uint64 cap, uint64 floor) internal returns (uint64) {
        vm.prank(DAO);
        return registry.submit(hash(name), rest, numbersOf(cap, floor), name);
    }

    /// @dev Epoch 1, active: "first", cap 4000, floor 2000.
    function found() internal {
        submit("first", 4000, 2000);
        vm.warp(block.timestamp + DELAY);
    }

    function hash(string memory name) internal pure returns (bytes32) {
        return keccak256(bytes(name));
    }

    function entryOf(string memory decision, bytes32 policy, bytes32 onceKey)
        internal
        view
        returns (IDecisionGate.Entry memory entry)
    {
        entry.decision = hash(decision);
        entry.policy = policy;
        entry.model = hash("model");
        entry.validUntil = uint64(block.timestamp) + 1 hours;
        entry.pulls = brake.pulls();
        entry.items = new IDecisionGate.Item[](1);
        entry.items[0] = IDecisionGate.Item(onceKey, hash("line"), address(0xA55E7), address(0xC0), 7, 8);
    }

    function pair(address a, address b) internal pure returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (a, b);
    }

    function one(address a) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = a;
    }

    function none() internal pure returns (address[] memory list) {}

    function expectActive(uint64 number, string memory name) internal view {
        (uint64 activeNumber, bytes32 policyHash) = registry.active();
        IPolicyRegistry.Epoch memory whole = registry.activeEpoch();
        vm.assertEq(activeNumber, number, "active number");
        vm.assertEq(policyHash, bytes(name).length == 0 ? bytes32(0) : hash(name), "active policy");
        vm.assertEq(whole.number, number, "activeEpoch number");
        vm.assertEq(whole.policyHash, policyHash, "activeEpoch policy");
    }

    function expectPending(uint64 number) internal view {
        vm.assertEq(registry.pendingEpoch().number, number, "pending number");
    }

    /// @dev expectRevert with the error's own encoding.
    function refuses(bytes memory reason) internal {
        vm.expectRevert(reason);
    }
}
