// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {PolicyRegistry} from "../../src/PolicyRegistry.sol";
import {Timeline} from "../../src/Timeline.sol";
import {Logic} from "./Svm.sol";

/// @dev The registry, with its storage laid open. It adds no state and changes no function.
contract RegistryState is PolicyRegistry {
    using Logic for bool;

    /// @dev One line of versions as it stands at this second.
    struct Turn {
        uint64 inForce;
        uint64 waiting;
        uint64 at;
        uint64 last;
    }

    /// @dev All lines, and the delay in force, as a reader sees them at this second.
    struct Sight {
        Turn epochs;
        Turn delays;
        Turn guardians;
        Turn ceilings;
        uint64 delaySecs;
    }

    /// @dev What is kept under one number: of an epoch and of a version of each setting.
    struct Content {
        bytes32 policyHash;
        bytes32 restHash;
        uint64[32] envelope;
        uint64 activeAt;
        uint64 number;
        uint64 delaySecs;
        uint64[32] ceilings;
        bool guards;
    }

    constructor(address owner_, uint64 delaySecs_, address[] memory guardians_, uint64[32] memory ceilings_)
        PolicyRegistry(owner_, delaySecs_, guardians_, ceilings_)
    {}

    function sight() external view returns (Sight memory seen) {
        seen.epochs = _turn(_epochLine);
        seen.delays = _turn(_delayLine);
        seen.guardians = _turn(_guardianLine);
        seen.ceilings = _turn(_ceilingLine);
        seen.delaySecs = _delays[seen.delays.inForce];
    }

    /// @dev The rest and the numbers of the active epoch.
    function policy() external view returns (bytes32 restHash, uint64[32] memory numbers) {
        uint64 number = _turn(_epochLine).inForce;
        return (_epochs[number].restHash, _epochs[number].envelope);
    }

    /// @param account whose membership in the set of guardians of this number is told
    function content(uint64 number, address account) external view returns (Content memory held) {
        Epoch storage kept = _epochs[number];
        held.policyHash = kept.policyHash;
        held.restHash = kept.restHash;
        held.envelope = kept.envelope;
        held.activeAt = kept.activeAt;
        held.number = kept.number;
        held.delaySecs = _delays[number];
        held.ceilings = _ceilings[number];
        held.guards = _isGuardian[number][account];
    }

    /// @dev I1.
    function ordered() external view returns (bool) {
        return _ordered(_epochLine).and(_ordered(_delayLine)).and(_ordered(_guardianLine)).and(_ordered(_ceilingLine));
    }

    /// @dev I2.
    function zeroIsNothing() external view returns (bool) {
        return (_epochs[0].policyHash == 0).and(_epochs[0].restHash == 0).and(_epochs[0].number == 0);
    }

    /// @dev I3 for the four slots from `first` on, which share a word of storage.
    function fits(uint256 first) external view returns (bool) {
        Turn memory turn = _turn(_epochLine);
        return _fits(turn.inForce, first).and(_fits(turn.waiting, first));
    }

    /// @dev I4.
    function timely() external view returns (bool) {
        Turn memory turn = _turn(_epochLine);
        bool active_ = (turn.inForce != 0).implies(_epochs[turn.inForce].activeAt <= block.timestamp);
        return active_.and((turn.waiting != 0).implies(_epochs[turn.waiting].activeAt == turn.at));
    }

    /// @dev I5 for one number.
    function blank(uint64 number) public view returns (bool) {
        string storage uri = _epochs[number].uri;
        uint256 uriWord;
        uint256 count = _guardians[number].length;
        assembly {
            uriWord := sload(uri.slot)
        }
        return (number > _epochLine.last).implies(uriWord == 0).and((number > _guardianLine.last).implies(count == 0));
    }

    /// @dev I5 for the numbers that the next step may give out, said by writing the zeros that are there anyway: a
    /// zero that is written is a zero to the prover at once, one that is assumed has to be deduced at each branch.
    function blankNext() external {
        unchecked {
            string storage uri = _epochs[_epochLine.last + 1].uri;
            address[] storage list = _guardians[_guardianLine.last + 1];
            assembly {
                sstore(uri.slot, 0)
                sstore(list.slot, 0)
            }
        }
    }

    function _turn(Timeline.Line storage line) private view returns (Turn memory turn) {
        bool changed = line.nextAt <= block.timestamp;
        turn.inForce = changed.select(line.next, line.current);
        turn.waiting = changed.select(0, line.next);
        turn.at = changed.select(0, line.nextAt);
        turn.last = line.last;
    }

    function _ordered(Timeline.Line storage line) private view returns (bool) {
        Turn memory turn = _turn(line);
        return (turn.inForce <= turn.last).and(turn.waiting <= turn.last)
            .and((turn.at != 0).implies(turn.waiting > turn.inForce));
    }

    function _fits(uint64 number, uint256 first) private view returns (bool) {
        Turn memory turn = _turn(_ceilingLine);
        bool now_ = _within(_epochs[number].envelope, _ceilings[turn.inForce], first);
        bool later = _within(_epochs[number].envelope, _ceilings[turn.waiting], first);
        return (number != 0).implies(now_.and((turn.waiting != 0).implies(later)));
    }

    function _within(uint64[32] storage inner, uint64[32] storage outer, uint256 first) private view returns (bool ok) {
        ok = true;
        for (uint256 i = first; i < first + 4; ++i) {
            ok = ok.and(i < 16 ? inner[i] <= outer[i] : inner[i] >= outer[i]);
        }
    }
}
