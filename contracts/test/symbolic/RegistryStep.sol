// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "../support/Vm.sol";
import {RegistryState} from "./RegistryState.sol";
import {Svm} from "./Svm.sol";

/// @title One step of the registry, from any state, by anyone, with anything
/// @notice Every word of the registry's storage is symbolic, and so are the caller, the arguments and the time. Each
/// proof in Registry.t.sol says in `_assume` which invariants of the storage it takes for granted and in `_prove` what
/// it shows after every step that a registry can take: the functions that write, and the passing of time. A function
/// that reverts changes nothing and ends its path. `check_deployment` shows that the first state is one of those
/// assumed.
///
/// Lengths are fixed: a URI of 5 bytes, and sets of one and of two guardians.
abstract contract RegistryStep {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Svm internal constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    RegistryState internal registry = RegistryState(address(0x4E6157));

    /// @dev What is known before the step; a proof fills in what it needs.
    struct Before {
        uint256 time;
        RegistryState.Sight sight;
        uint64 number;
        address account;
        uint256 word;
        bytes32 restHash;
        uint256 numbers;
        uint256 kept;
        uint64 delay;
        bool guards;
        uint256 ceilings;
    }

    function setUp() public {
        address[] memory guardians = new address[](1);
        guardians[0] = address(this);
        uint64[32] memory ceilings;
        // Only the code is taken over, not what the constructor wrote, so that every word of storage is symbolic.
        vm.etch(address(registry), address(new RegistryState(address(this), 1, guardians, ceilings)).code);
        svm.enableSymbolicStorage(address(registry));
    }

    function _assume(Before memory b) internal virtual;

    function _prove(Before memory b, bool timeOnly) internal view virtual;

    /// @dev What must hold of the state after deployment; by default what holds after any step.
    function _proveFirst(Before memory b) internal view virtual;

    function check_deployment(address owner, uint64 delaySecs, address guardian) public {
        vm.warp(svm.createUint(64, "now"));
        registry = new RegistryState(owner, delaySecs, _list(guardian), _numbers());
        Before memory b;
        b.number = uint64(svm.createUint(64, "number"));
        b.word = _anyWord(8);
        _proveFirst(b);
    }

    function check_submit(address caller, bytes32 policyHash, bytes32 restHash) public {
        uint64[32] memory numbers = _numbers();
        Before memory b = _by(caller);
        registry.submit(policyHash, restHash, numbers, "01234");
        _prove(b, false);
    }

    function check_veto(address caller, uint64 number) public {
        Before memory b = _by(caller);
        registry.veto(number);
        _prove(b, false);
    }

    function check_schedule_delay(address caller, uint64 delaySecs) public {
        Before memory b = _by(caller);
        registry.scheduleDelay(delaySecs);
        _prove(b, false);
    }

    function check_schedule_guardian(address caller, address guardian) public {
        Before memory b = _by(caller);
        registry.scheduleGuardians(_list(guardian));
        _prove(b, false);
    }

    function check_schedule_guardians(address caller, address first, address second) public {
        address[] memory guardians = new address[](2);
        (guardians[0], guardians[1]) = (first, second);
        Before memory b = _by(caller);
        registry.scheduleGuardians(guardians);
        _prove(b, false);
    }

    function check_schedule_ceilings(address caller) public {
        uint64[32] memory ceilings = _numbers();
        Before memory b = _by(caller);
        registry.scheduleCeilings(ceilings);
        _prove(b, false);
    }

    function check_ownership(address caller, address owner, bool renounce) public {
        Before memory b = _by(caller);
        if (renounce) registry.renounceOwnership();
        else registry.transferOwnership(owner);
        _prove(b, false);
    }

    function check_time(uint64 later) public {
        Before memory b = _by(address(this));
        vm.assume(later >= b.time);
        vm.warp(later);
        _prove(b, true);
    }

    function _by(address caller) internal returns (Before memory b) {
        vm.warp(b.time = svm.createUint(64, "now"));
        registry.blankNext();
        _assume(b);
        vm.prank(caller);
    }

    /// @dev Any word below `count`: what is proved of it is proved of each.
    function _anyWord(uint256 count) internal returns (uint256 word) {
        word = svm.createUint(8, "word");
        vm.assume(word < count);
    }

    /// @dev Made of 64-bit values: as arguments they would be words, and each would have to be shown to fit.
    function _numbers() internal returns (uint64[32] memory numbers) {
        for (uint256 i = 0; i < 32; ++i) {
            numbers[i] = uint64(svm.createUint(64, "slot"));
        }
    }

    function _list(address guardian) private pure returns (address[] memory guardians) {
        guardians = new address[](1);
        guardians[0] = guardian;
    }
}
