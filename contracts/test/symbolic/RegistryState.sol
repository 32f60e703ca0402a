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

    /// @dev The rest and one word of the numbers of the active epoch; a word holds four slots.
    function policy(uint256 word) external view returns (bytes32 restHash, uint256 numbers) {
        uint64 number = _turn(_epochLine).inForce;
        return (_epochs[number].restHash, _word(_epochs[number].envelope, word));
    }

    /// @dev One word of all that is kept of an epoch under this number.
    function epochWord(uint64 number, uint256 word) external view returns (uint256 value) {
        Epoch storage kept = _epochs[number];
        assembly {
            value := sload(add(kept.slot, word))
        }
    }

    /// @dev What the versions of this number of the delay, of the guardians and of the ceilings say, of the guardians
    /// about one account, of the ceilings in one word.
    function settings(uint64 number, address account, uint256 word)
        external
        view
        returns (uint64 delay, bool guards, uint256 ceilings_)
    {
        return (_delays[number], _isGuardian[number][account], _word(_ceilings[number], word));
    }

    /// @dev I1.
    function ordered() external view returns (bool) {
        return _ordered(_epochLine).and(_ordered(_delayLine)).and(_ordered(_guardianLine)).and(_ordered(_ceilingLine));
    }

    /// @dev I2.
    function zeroIsNothing() external view returns (bool) {
        return (_epochs[0].policyHash == 0).and(_epochs[0].restHash == 0).and(_epochs[0].number == 0);
    }

    /// @dev I3 for the four slots of one word.
    function fits(uint256 word) external view returns (bool) {
        Turn memory turn = _turn(_epochLine);
        return _fits(turn.inForce, word).and(_fits(turn.waiting, word));
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

    function _fits(uint64 number, uint256 word) private view returns (bool) {
        Turn memory turn = _turn(_ceilingLine);
        uint256 numbers = _word(_epochs[number].envelope, word);
        bool now_ = Logic.within(numbers, _word(_ceilings[turn.inForce], word), word);
        bool later = Logic.within(numbers, _word(_ceilings[turn.waiting], word), word);
        return (number != 0).implies(now_.and((turn.waiting != 0).implies(later)));
    }

    function _word(uint64[32] storage numbers, uint256 word) private view returns (uint256 value) {
        assembly {
            value := sload(add(numbers.slot, word))
        }
    }
}
