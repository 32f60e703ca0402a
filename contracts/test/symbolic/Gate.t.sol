// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DecisionGate} from "../../src/DecisionGate.sol";
import {EmergencyBrake} from "../../src/EmergencyBrake.sol";
import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {IDecisionGate} from "../../src/interfaces/IDecisionGate.sol";
import {Vm} from "../support/Vm.sol";
import {Logic, Svm} from "./Svm.sol";

/// @title What the gate never lets through, proved on the real gate, brake and registry
/// @notice Every word of storage of all three is symbolic, and so are the caller, the entry and the time. No invariant
/// is assumed: whatever the storage holds, an `enter` that succeeds was sent while nothing barred it. The bars that
/// must outlast the step (a used key, a revoked decision, the count of pulls) are then shown to hold for good: no
/// function of the contract that keeps them takes one away (check_*_keeps_marks here, check_* in Brake.t.sol).
contract GateProof {
    using Logic for bool;

    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Svm private constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    PolicyRegistry private registry;
    EmergencyBrake private brake;
    DecisionGate private gate;

    function setUp() public {
        address[] memory guardians = new address[](1);
        guardians[0] = address(this);
        uint64[32] memory ceilings;
        // Only code is taken over, not what constructors wrote, so that every word of storage is symbolic. The
        // addresses that are immutable in the code are those of the copies.
        registry = PolicyRegistry(address(0x4E6157));
        vm.etch(address(registry), address(new PolicyRegistry(address(this), 1, guardians, ceilings)).code);
        address[] memory none;
        brake = EmergencyBrake(address(0xB4A4E));
        vm.etch(address(brake), address(new EmergencyBrake(address(this), registry, 1 days, none, 0, none)).code);
        gate = DecisionGate(address(0x6A7E));
        vm.etch(address(gate), address(new DecisionGate(registry, brake)).code);
        svm.enableSymbolicStorage(address(registry));
        svm.enableSymbolicStorage(address(brake));
        svm.enableSymbolicStorage(address(gate));
    }

    function check_enter_one(address caller) public {
        _enter(caller, _entry(1), svm.createBytes32("account key"));
    }

    function check_enter_two(address caller) public {
        _enter(caller, _entry(2), svm.createBytes32("account key"));
    }

    function check_enter_nothing(address caller) public {
        vm.warp(svm.createUint(64, "now"));
        IDecisionGate.Entry memory entry = _entry(0);
        vm.prank(caller);
        (bool ok,) = address(gate).call(abi.encodeCall(gate.enter, (entry)));
        assert(!ok);
    }

    function check_revoke(address caller, address account, bytes32 decision) public {
        vm.warp(svm.createUint(64, "now"));
        (address other, bytes32 word) = (svm.createAddress("other"), svm.createBytes32("word"));
        bool wasRevoked = gate.revoked(other, word);
        bool wasUsed = gate.used(other, word);
        bool listed = brake.isOperator(caller);
        vm.prank(caller);
        (bool ok,) = address(gate).call(abi.encodeCall(gate.revoke, (account, decision)));
        // Any listed operator, in any state; nobody else.
        assert(ok == listed);
        assert(ok.implies(gate.revoked(account, decision)));
        // Nothing else changes.
        bool same = (other == account).and(word == decision).and(ok);
        assert(same.or(gate.revoked(other, word) == wasRevoked));
        assert(gate.used(other, word) == wasUsed);
    }

    function _enter(address caller, IDecisionGate.Entry memory entry, bytes32 word) private {
        vm.warp(svm.createUint(64, "now"));
        address other = svm.createAddress("other");
        // Asked before the step, of the contracts themselves.
        (bool pulled, uint64 pulls,, uint64 leaseUntil) = brake.status();
        (, bytes32 policy) = registry.active();
        bool revoked = gate.revoked(caller, entry.decision);
        bool usedBefore = gate.used(caller, entry.items[0].onceKey);
        if (entry.items.length == 2) {
            bytes32 second = entry.items[1].onceKey;
            usedBefore = usedBefore.or(gate.used(caller, second)).or(second == entry.items[0].onceKey);
        }
        bool otherUsed = gate.used(other, word);
        bool otherRevoked = gate.revoked(other, word);

        vm.prank(caller);
        gate.enter(entry);

        assert(!pulled);
        assert(block.timestamp < leaseUntil);
        assert(block.timestamp <= entry.validUntil);
        assert(!revoked);
        assert(!usedBefore);
        assert(entry.pulls == pulls);
        assert((entry.policy == policy).and(policy != 0));
        assert(entry.decision != 0);
        // Every key is marked now, for the caller only, and no mark is lost.
        bool own;
        for (uint256 i = 0; i < entry.items.length; ++i) {
            assert(gate.used(caller, entry.items[i].onceKey));
            own = own.or(word == entry.items[i].onceKey);
        }
        own = own.and(other == caller);
        assert(own.or(gate.used(other, word) == otherUsed));
        assert(gate.revoked(other, word) == otherRevoked);
    }

    function _entry(uint256 count) private returns (IDecisionGate.Entry memory entry) {
        entry.decision = svm.createBytes32("decision");
        entry.policy = svm.createBytes32("policy");
        entry.model = svm.createBytes32("model");
        entry.validUntil = uint64(svm.createUint(64, "validUntil"));
        entry.pulls = uint64(svm.createUint(64, "pulls"));
        entry.items = new IDecisionGate.Item[](count);
        for (uint256 i = 0; i < count; ++i) {
            IDecisionGate.Item memory item = entry.items[i];
            item.onceKey = svm.createBytes32("onceKey");
            item.line = svm.createBytes32("line");
            item.asset = svm.createAddress("asset");
            item.counterparty = svm.createAddress("counterparty");
            item.amount = svm.createUint256("amount");
            item.value = svm.createUint256("value");
        }
    }
}
