// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";
import {IEmergencyBrake} from "./interfaces/IEmergencyBrake.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";

/// @title EmergencyBrake
contract EmergencyBrake is IEmergencyBrake, Ownable, Pausable {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @inheritdoc IEmergencyBrake
    uint64 public constant PULL_SECS_MIN = 1 hours;
    /// @inheritdoc IEmergencyBrake
    uint64 public constant PULL_SECS_MAX = 60 days;
    /// @inheritdoc IEmergencyBrake
    uint64 public constant EXTENSION_SECS_MAX = 60 days;
    /// @inheritdoc IEmergencyBrake
    uint64 public constant LEASE_SECS_MAX = 366 days;
    /// @inheritdoc IEmergencyBrake
    uint256 public constant OPERATORS_MAX = 32;

    /// @inheritdoc IEmergencyBrake
    IPolicyRegistry public immutable registry;
    /// @inheritdoc IEmergencyBrake
    uint64 public immutable pullSecs;

    /// @inheritdoc IEmergencyBrake
    mapping(address guardian => bool) public isArmed;
    uint64 internal _pulls;
    uint64 internal _pulledUntil;
    uint64 internal _leaseUntil;
    EnumerableSet.AddressSet internal _operators;

    /// @param owner_ the DAO's timelock
    /// @param registry_ whose guardians may pull
    /// @param pullSecs_ how long a pull holds, in seconds, from PULL_SECS_MIN to PULL_SECS_MAX: longer than a vote takes
    /// @param operators_ the first operators
    /// @param leaseUntil_ the first lease's end (Unix seconds), at most LEASE_SECS_MAX from now; zero for none yet
    /// @param armedGuardians_ who may pull from the start; each must be a guardian of the registry
    constructor(
        address owner_,
        IPolicyRegistry registry_,
        uint64 pullSecs_,
        address[] memory operators_,
        uint64 leaseUntil_,
        address[] memory armedGuardians_
    ) Ownable(owner_) {
        if (address(registry_).code.length == 0) revert NoCode(address(registry_));
        if (pullSecs_ < PULL_SECS_MIN || pullSecs_ > PULL_SECS_MAX) {
            revert PullSecsOutOfBounds(pullSecs_, PULL_SECS_MIN, PULL_SECS_MAX);
        }
        registry = registry_;
        pullSecs = pullSecs_;
        for (uint256 i = 0; i < operators_.length; ++i) {
            _setOperator(operators_[i], true);
        }
        for (uint256 i = 0; i < armedGuardians_.length; ++i) {
            if (!registry_.isGuardian(armedGuardians_[i])) revert NotGuardian(armedGuardians_[i]);
            _arm(armedGuardians_[i]);
        }
        _renewLease(leaseUntil_);
    }

    /// @inheritdoc IEmergencyBrake
    function pull() external {
        if (!registry.isGuardian(msg.sender)) revert NotGuardian(msg.sender);
        if (!isArmed[msg.sender]) revert NotArmed(msg.sender);
        if (paused()) revert AlreadyPulled(_pulledUntil);
        isArmed[msg.sender] = false;
        uint64 until = uint64(block.timestamp) + pullSecs;
        _pause();
        _pulledUntil = until;
        emit Pulled(msg.sender, ++_pulls, until);
    }

    /// @inheritdoc IEmergencyBrake
    function release() external onlyOwner {
        if (!paused()) revert NotPulled();
        _unpause();
        _pulledUntil = 0;
        emit Released(_pulls);
    }

    /// @inheritdoc IEmergencyBrake
    function extend(uint64 until) external onlyOwner {
        if (!paused()) revert NotPulled();
        if (until <= _pulledUntil) revert NotLater(until, _pulledUntil);
        uint64 untilMax = _pulledUntil + EXTENSION_SECS_MAX;
        if (until > untilMax) revert ExtensionTooLong(until, untilMax);
        _pulledUntil = until;
        emit Extended(_pulls, until);
    }

    /// @inheritdoc IEmergencyBrake
    function arm(address guardian) external onlyOwner {
        _arm(guardian);
    }

    /// @inheritdoc IEmergencyBrake
    function setOperator(address operator, bool listed) external onlyOwner {
        _setOperator(operator, listed);
    }

    /// @inheritdoc IEmergencyBrake
    function renewLease(uint64 until) external onlyOwner {
        _renewLease(until);
    }

    /// @inheritdoc IEmergencyBrake
    function status() external view returns (bool pulled, uint64 pulls, uint64 pulledUntil, uint64 leaseUntil) {
        return (paused(), _pulls, _pulledUntil, _leaseUntil);
    }

    /// @inheritdoc IEmergencyBrake
    function pulls() external view returns (uint64) {
        return _pulls;
    }

    /// @inheritdoc IEmergencyBrake
    function pulledUntil() external view returns (uint64) {
        return _pulledUntil;
    }

    /// @inheritdoc IEmergencyBrake
    function leaseUntil() external view returns (uint64) {
        return _leaseUntil;
    }

    /// @notice Whether a pull holds now.
    function paused() public view override returns (bool) {
        return super.paused() && block.timestamp < _pulledUntil;
    }

    /// @inheritdoc IEmergencyBrake
    function isOperator(address account) external view returns (bool) {
        return _operators.contains(account);
    }

    /// @inheritdoc IEmergencyBrake
    function operators() external view returns (address[] memory) {
        return _operators.values();
    }

    function _arm(address guardian) private {
        if (guardian == address(0)) revert ZeroAddress();
        isArmed[guardian] = true;
        emit Armed(guardian);
    }

    function _setOperator(address operator, bool listed) private {
        if (operator == address(0)) revert ZeroAddress();
        if (listed) _operators.add(operator);
        else _operators.remove(operator);
        if (_operators.length() > OPERATORS_MAX) revert TooManyOperators(_operators.length(), OPERATORS_MAX);
        emit OperatorSet(operator, listed);
    }

    function _renewLease(uint64 until) private {
        uint64 untilMax = uint64(block.timestamp) + LEASE_SECS_MAX;
        if (until > untilMax) revert LeaseTooLong(until, untilMax);
        _leaseUntil = until;
        emit LeaseRenewed(until);
    }
}
