// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title What the registry should do, said in the plainest way
/// @dev Time is an action here: `advance` moves what has become due from waiting to in force, one thing after another,
/// and everything is copied, nothing numbered. It answers whether a call should succeed and does it if so.
contract RegistryModel {
    struct Epoch {
        uint64 number;
        bytes32 policyHash;
        bytes32 restHash;
        uint64[32] numbers;
        uint64 activeAt;
    }

    Epoch internal _active;
    Epoch internal _pending;
    uint64 public last;
    uint64 public time;

    uint64 public delay;
    uint64 public nextDelay;
    uint64 public nextDelayAt;
    address public guardian;
    address public nextGuardian;
    uint64 public nextGuardianAt;
    uint64[32] internal _ceilings;
    uint64[32] internal _nextCeilings;
    uint64 public nextCeilingsAt;

    mapping(bytes32 file => bool) public vetoed;

    constructor(uint64 delay_, address guardian_, uint64[32] memory ceilings_) {
        (time, delay, guardian, _ceilings) = (uint64(block.timestamp), delay_, guardian_, ceilings_);
    }

    function advance(uint64 to) external {
        time = to;
        if (_pending.number != 0 && _pending.activeAt <= to) {
            _active = _pending;
            delete _pending;
        }
        if (nextDelayAt != 0 && nextDelayAt <= to) (delay, nextDelay, nextDelayAt) = (nextDelay, 0, 0);
        if (nextGuardianAt != 0 && nextGuardianAt <= to) {
            (guardian, nextGuardian, nextGuardianAt) = (nextGuardian, address(0), 0);
        }
        if (nextCeilingsAt != 0 && nextCeilingsAt <= to) {
            _ceilings = _nextCeilings;
            delete _nextCeilings;
            nextCeilingsAt = 0;
        }
    }

    function submit(bytes32 policyHash, bytes32 restHash, uint64[32] memory numbers) external returns (bool) {
        if (policyHash == 0 || restHash == 0) return false;
        if (!fits(numbers, _ceilings)) return false;
        if (nextCeilingsAt != 0 && !fits(numbers, _nextCeilings)) return false;
        last += 1;
        delete _pending;
        bool narrows = _active.number != 0 && _active.restHash == restHash && fits(numbers, _active.numbers);
        if (narrows || delay == 0) _active = Epoch(last, policyHash, restHash, numbers, time);
        else _pending = Epoch(last, policyHash, restHash, numbers, time + delay);
        return true;
    }

    function veto(address caller, uint64 number) external returns (bool) {
        if (caller != guardian || _pending.number == 0 || _pending.number != number) return false;
        bytes32 file = fileOf(_pending.policyHash, _pending.restHash, _pending.numbers);
        if (vetoed[file]) return false;
        vetoed[file] = true;
        delete _pending;
        return true;
    }

    function scheduleDelay(uint64 delay_) external {
        if (delay == 0) (delay, nextDelay, nextDelayAt) = (delay_, 0, 0);
        else (nextDelay, nextDelayAt) = (delay_, time + delay);
    }

    function scheduleGuardian(address guardian_) external {
        if (delay == 0) (guardian, nextGuardian, nextGuardianAt) = (guardian_, address(0), 0);
        else (nextGuardian, nextGuardianAt) = (guardian_, time + delay);
    }

    function scheduleCeilings(uint64[32] memory ceilings_) external returns (bool) {
        if (_active.number != 0 && !fits(_active.numbers, ceilings_)) return false;
        if (_pending.number != 0 && !fits(_pending.numbers, ceilings_)) return false;
        if (delay == 0) {
            _ceilings = ceilings_;
            delete _nextCeilings;
            nextCeilingsAt = 0;
        } else {
            _nextCeilings = ceilings_;
            nextCeilingsAt = time + delay;
        }
        return true;
    }

    function active() external view returns (Epoch memory) {
        return _active;
    }

    function pending() external view returns (Epoch memory) {
        return _pending;
    }

    function ceilings() external view returns (uint64[32] memory) {
        return _ceilings;
    }

    function nextCeilings() external view returns (uint64[32] memory) {
        return _nextCeilings;
    }

    function fits(uint64[32] memory inner, uint64[32] memory outer) public pure returns (bool) {
        for (uint256 i = 0; i < 32; ++i) {
            if (i < 16 ? inner[i] > outer[i] : inner[i] < outer[i]) return false;
        }
        return true;
    }

    function fileOf(bytes32 policyHash, bytes32 restHash, uint64[32] memory numbers) public pure returns (bytes32) {
        return keccak256(abi.encode(policyHash, restHash, numbers));
    }
}
