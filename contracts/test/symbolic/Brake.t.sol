// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EmergencyBrake} from "../../src/EmergencyBrake.sol";
import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {Vm} from "../support/Vm.sol";
import {Logic, Svm} from "./Svm.sol";

/// @title The count of pulls never falls, and each pull raises it
/// @notice With check_enter_* in Gate.t.sol: what was prepared before a pull carries a smaller count than the brake
/// ever has again, so it never enters. Every word of storage of brake and registry is symbolic, and no invariant of it
/// is assumed.
contract BrakeProof {
    using Logic for bool;

    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Svm private constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    PolicyRegistry private registry;
    EmergencyBrake private brake;

    struct Sight {
        bool pulled;
        uint64 pulls;
        uint64 pulledUntil;
        uint64 leaseUntil;
        address owner;
    }

    function setUp() public {
        address[] memory guardians = new address[](1);
        guardians[0] = address(this);
        uint64[32] memory ceilings;
        registry = PolicyRegistry(address(0x4E6157));
        vm.etch(address(registry), address(new PolicyRegistry(address(this), 1, guardians, ceilings)).code);
        address[] memory none;
        brake = EmergencyBrake(address(0xB4A4E));
        vm.etch(address(brake), address(new EmergencyBrake(address(this), registry, 1 days, none, 0, none)).code);
        svm.enableSymbolicStorage(address(registry));
        svm.enableSymbolicStorage(address(brake));
    }

    function check_pull(address caller) public {
        vm.warp(svm.createUint(64, "now"));
        Sight memory b = _sight();
        bool guardian = registry.isGuardian(caller);
        bool armed = brake.isArmed(caller);
        vm.prank(caller);
        brake.pull();
        Sight memory a = _sight();
        // An armed guardian, once; and it holds from now for its time.
        assert(guardian.and(armed).and(!b.pulled));
        assert(!brake.isArmed(caller));
        assert((a.pulls == b.pulls + 1).and(a.pulls > b.pulls));
        assert(a.pulled.and(a.pulledUntil == block.timestamp + brake.pullSecs()));
        assert(a.leaseUntil == b.leaseUntil);
    }

    function check_release(address caller) public {
        Sight memory b = _by(caller);
        brake.release();
        Sight memory a = _sight();
        assert((caller == b.owner).and(b.pulled).and(!a.pulled));
        assert((a.pulls == b.pulls).and(a.leaseUntil == b.leaseUntil));
    }

    function check_extend(address caller, uint64 until) public {
        Sight memory b = _by(caller);
        brake.extend(until);
        Sight memory a = _sight();
        assert((caller == b.owner).and(b.pulled).and(a.pulled));
        assert(
            (a.pulledUntil > b.pulledUntil).and(a.pulledUntil <= uint256(b.pulledUntil) + brake.EXTENSION_SECS_MAX())
        );
        assert((a.pulls == b.pulls).and(a.leaseUntil == b.leaseUntil));
    }

    function check_arm(address caller, address guardian) public {
        Sight memory b = _by(caller);
        brake.arm(guardian);
        _onlyOwnerAndSame(b, caller);
    }

    function check_set_operator(address caller, address operator, bool listed) public {
        Sight memory b = _by(caller);
        brake.setOperator(operator, listed);
        _onlyOwnerAndSame(b, caller);
    }

    function check_renew_lease(address caller, uint64 until) public {
        Sight memory b = _by(caller);
        brake.renewLease(until);
        Sight memory a = _sight();
        assert((caller == b.owner).and(a.leaseUntil == until));
        assert(until <= block.timestamp + brake.LEASE_SECS_MAX());
        assert((a.pulls == b.pulls).and(a.pulled == b.pulled).and(a.pulledUntil == b.pulledUntil));
    }

    function check_ownership(address caller, address owner, bool renounce) public {
        Sight memory b = _by(caller);
        if (renounce) brake.renounceOwnership();
        else brake.transferOwnership(owner);
        _onlyOwnerAndSame(b, caller);
    }

    /// @dev By time alone a pull can end and cannot begin.
    function check_time(uint64 later) public {
        vm.warp(svm.createUint(64, "now"));
        Sight memory b = _sight();
        vm.assume(later >= block.timestamp);
        vm.warp(later);
        Sight memory a = _sight();
        assert((a.pulls == b.pulls).and(a.pulledUntil == b.pulledUntil).and(a.leaseUntil == b.leaseUntil));
        assert(a.pulled == b.pulled.and(later < b.pulledUntil));
    }

    function _onlyOwnerAndSame(Sight memory b, address caller) private view {
        Sight memory a = _sight();
        assert(caller == b.owner);
        assert((a.pulls == b.pulls).and(a.pulled == b.pulled).and(a.pulledUntil == b.pulledUntil));
        assert(a.leaseUntil == b.leaseUntil);
    }

    function _by(address caller) private returns (Sight memory seen) {
        vm.warp(svm.createUint(64, "now"));
        seen = _sight();
        vm.prank(caller);
    }

    function _sight() private view returns (Sight memory seen) {
        (seen.pulled, seen.pulls, seen.pulledUntil, seen.leaseUntil) = brake.status();
        seen.owner = brake.owner();
    }
}
