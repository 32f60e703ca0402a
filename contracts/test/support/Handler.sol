// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DecisionGate} from "../../src/DecisionGate.sol";
import {EmergencyBrake} from "../../src/EmergencyBrake.sol";
import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {IDecisionGate} from "../../src/interfaces/IDecisionGate.sol";
import {IPolicyRegistry} from "../../src/interfaces/IPolicyRegistry.sol";
import {Vm} from "./Vm.sol";

/// @title Everyone around the three contracts, acting at random
/// @dev Each action may be refused by the contracts; what succeeds is remembered, and what may never happen is counted
/// in `broken`, which the invariant tests hold at nothing.
contract Handler {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address private immutable dao;
    PolicyRegistry private immutable registry;
    EmergencyBrake private immutable brake;
    DecisionGate private immutable gate;
    address[2] private guardians;
    address[2] private operators;
    address[2] private accounts = [address(0xACC1), address(0xACC2)];

    /// @dev Entries are prepared at one time and sent at another, as signers do.
    bytes[] private prepared;
    string public broken;
    uint64 public highestEpoch;
    uint64 public highestPulls;
    uint64 public lastActive;
    mapping(uint64 number => uint64) public waitsUntil;
    mapping(address account => mapping(bytes32 onceKey => uint256)) public timesEntered;
    mapping(address account => mapping(bytes32 decision => bool)) public wasRevoked;
    uint256 public entered;

    constructor(
        address dao_,
        PolicyRegistry registry_,
        EmergencyBrake brake_,
        DecisionGate gate_,
        address[2] memory g,
        address[2] memory o
    ) {
        (dao, registry, brake, gate, guardians, operators) = (dao_, registry_, brake_, gate_, g, o);
    }

    function wait(uint256 secs) external {
        vm.warp(block.timestamp + secs % 8 hours);
        look();
    }

    function submit(uint256 seed) external {
        IPolicyRegistry.Epoch memory was = registry.activeEpoch();
        uint64[32] memory numbers = drawn(seed);
        uint64 delay = registry.delaySecs();
        vm.prank(dao);
        try registry.submit(bytes32(seed % 4 + 1), bytes32(seed >> 2 & 1) | bytes32(uint256(2)), numbers, "") returns (
            uint64 number
        ) {
            (uint64 active,) = registry.active();
            bool wider = was.number == 0 || was.restHash != registry.epoch(number).restHash;
            for (uint256 i = 0; i < 32; ++i) {
                wider = wider || (i < 16 ? numbers[i] > was.envelope[i] : numbers[i] < was.envelope[i]);
            }
            if (wider && delay != 0) {
                if (active == number) broken = "a widening was active at once";
                waitsUntil[number] = uint64(block.timestamp) + delay;
            } else if (active != number) {
                broken = "a narrowing had to wait";
            }
        } catch {}
        look();
    }

    function veto(uint256 seed) external {
        uint64 number = registry.pendingEpoch().number;
        vm.prank(guardians[seed % 2]);
        try registry.veto(number) {
            waitsUntil[number] = type(uint64).max;
        } catch {}
        look();
    }

    function schedule(uint256 seed) external {
        vm.prank(dao);
        if (seed % 3 == 0) {
            registry.scheduleDelay(uint64(seed >> 8) % 2 days);
        } else if (seed % 3 == 1) {
            uint64[32] memory ceilings = drawn(seed >> 8);
            ceilings[0] += 4;
            ceilings[16] = 0;
            try registry.scheduleCeilings(ceilings) {} catch {}
        } else {
            address[] memory list = new address[](1 + (seed >> 8) % 2);
            for (uint256 i = 0; i < list.length; ++i) {
                list[i] = guardians[i];
            }
            registry.scheduleGuardians(list);
        }
        look();
    }

    function pull(uint256 seed) external {
        if (seed >> 8 & 3 != 0) return;
        (bool pulled, uint64 pulls,,) = brake.status();
        vm.prank(guardians[seed % 2]);
        try brake.pull() {
            if (pulled) broken = "a pull while pulled";
            if (brake.pulls() != pulls + 1) broken = "a pull was not counted";
            if (!brake.paused()) broken = "a pull did not hold";
        } catch {}
        look();
    }

    function govern(uint256 seed) external {
        uint256 what = seed % 5;
        vm.prank(dao);
        if (what == 0) {
            try brake.release() {} catch {}
        } else if (what == 1) {
            try brake.extend(uint64(block.timestamp + (seed >> 8) % 90 days)) {} catch {}
        } else if (what == 2) {
            brake.arm(guardians[(seed >> 8) % 2]);
        } else if (what == 3) {
            brake.renewLease(uint64(block.timestamp + (seed >> 8) % 20 days));
        } else {
            brake.setOperator(operators[(seed >> 8) % 2], seed >> 16 & 1 == 0);
        }
        look();
    }

    function prepare(uint256 seed) public {
        (, bytes32 policy) = registry.active();
        IDecisionGate.Entry memory entry;
        entry.decision = bytes32(seed % 16 + 1);
        entry.policy = seed >> 8 & 15 == 0 ? bytes32(seed >> 12 & 3) : policy;
        entry.validUntil = uint64(block.timestamp + (seed >> 16) % 2 days);
        entry.pulls = brake.pulls();
        entry.items = new IDecisionGate.Item[](1 + (seed >> 40) % 3);
        for (uint256 i = 0; i < entry.items.length; ++i) {
            entry.items[i].onceKey = bytes32((seed >> (48 + 8 * i)) % 128);
        }
        prepared.push(abi.encode(entry));
    }

    /// @dev Mostly the newest, so that a good part of the entries is still good.
    function enter(uint256 seed) external {
        if (prepared.length == 0 || seed >> 200 & 1 == 0) prepare(seed >> 8);
        uint256 back = seed & 3 == 0 ? (seed >> 2) % prepared.length : 0;
        IDecisionGate.Entry memory it = abi.decode(prepared[prepared.length - 1 - back], (IDecisionGate.Entry));
        address account = accounts[seed >> 128 & 1];
        (bool pulled, uint64 pulls,, uint64 leaseUntil) = brake.status();
        (, bytes32 policy) = registry.active();
        vm.prank(account);
        try gate.enter(it) {
            entered += 1;
            if (pulled) broken = "entered while pulled";
            if (it.pulls < pulls) broken = "entered what was prepared before a pull";
            if (block.timestamp >= leaseUntil) broken = "entered without a lease";
            if (block.timestamp > it.validUntil) broken = "entered too late";
            if (policy == 0 || it.policy != policy) broken = "entered under another policy";
            if (wasRevoked[account][it.decision]) broken = "entered what was revoked";
            for (uint256 i = 0; i < it.items.length; ++i) {
                if (++timesEntered[account][it.items[i].onceKey] > 1) broken = "a key was used twice";
            }
        } catch {}
        look();
    }

    function revoke(uint256 seed) external {
        address account = accounts[seed & 1];
        bytes32 decision = bytes32((seed >> 1) % 16 + 1);
        address operator = operators[seed >> 64 & 1];
        bool listed = brake.isOperator(operator);
        vm.prank(operator);
        try gate.revoke(account, decision) {
            if (!listed) broken = "revoked by a stranger";
            wasRevoked[account][decision] = true;
        } catch {
            if (listed) broken = "an operator could not revoke";
        }
        look();
    }

    /// @dev After every action: nothing has fallen, and nothing is active early.
    function look() private {
        (uint64 active,) = registry.active();
        if (active < highestEpoch) broken = "an epoch fell";
        highestEpoch = active;
        if (block.timestamp < waitsUntil[active]) broken = "an epoch came early or after a veto";
        if (brake.pulls() < highestPulls) broken = "the count of pulls fell";
        highestPulls = brake.pulls();
    }

    function drawn(uint256 seed) private pure returns (uint64[32] memory numbers) {
        for (uint256 i = 0; i < 16; ++i) {
            numbers[i] = type(uint64).max;
        }
        numbers[0] = uint64(seed >> 16 & 7);
        numbers[16] = uint64(seed >> 24 & 7);
    }
}
