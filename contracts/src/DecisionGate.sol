// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDecisionGate} from "./interfaces/IDecisionGate.sol";
import {IEmergencyBrake} from "./interfaces/IEmergencyBrake.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";

/// @title DecisionGate
contract DecisionGate is IDecisionGate {
    /// @inheritdoc IDecisionGate
    uint256 public constant ITEMS_MAX = 32;

    /// @inheritdoc IDecisionGate
    IPolicyRegistry public immutable registry;
    /// @inheritdoc IDecisionGate
    IEmergencyBrake public immutable brake;

    /// @inheritdoc IDecisionGate
    mapping(address account => mapping(bytes32 decision => bool)) public revoked;
    /// @inheritdoc IDecisionGate
    mapping(address account => mapping(bytes32 onceKey => bool)) public used;

    /// @param registry_ says which policy is active
    /// @param brake_ says whether the agent may act, and who operates it; must read the same registry
    constructor(IPolicyRegistry registry_, IEmergencyBrake brake_) {
        address registryOfBrake = address(brake_.registry());
        if (registryOfBrake != address(registry_)) revert RegistryMismatch(address(registry_), registryOfBrake);
        registry = registry_;
        brake = brake_;
    }

    /// @inheritdoc IDecisionGate
    function enter(Entry calldata entry) external {
        if (entry.decision == 0) revert ZeroDecision();
        uint256 count = entry.items.length;
        if (count == 0 || count > ITEMS_MAX) revert ItemCount(count, ITEMS_MAX);
        if (block.timestamp > entry.validUntil) revert Expired(entry.validUntil);
        if (revoked[msg.sender][entry.decision]) revert DecisionRevoked(msg.sender, entry.decision);
        _requireBrakeOff(entry.pulls);
        uint64 epoch = _requireActive(entry.policy);

        for (uint256 i = 0; i < count; ++i) {
            bytes32 onceKey = entry.items[i].onceKey;
            if (used[msg.sender][onceKey]) revert KeyUsed(msg.sender, onceKey);
            used[msg.sender][onceKey] = true;
        }
        emit Entered(
            msg.sender, entry.decision, entry.policy, entry.model, epoch, entry.validUntil, entry.pulls, entry.items
        );
    }

    /// @inheritdoc IDecisionGate
    function revoke(address account, bytes32 decision) external {
        if (!brake.isOperator(msg.sender)) revert NotOperator(msg.sender);
        if (revoked[account][decision]) return;
        revoked[account][decision] = true;
        emit Revoked(account, decision, msg.sender);
    }

    /// @dev The lease holds before `leaseUntil`, not at it.
    function _requireBrakeOff(uint64 pulls) private view {
        (bool pulled, uint64 counted, uint64 pulledUntil, uint64 leaseUntil) = brake.status();
        if (pulled) revert BrakePulled(pulledUntil);
        if (pulls != counted) revert PullsDiffer(pulls, counted);
        if (block.timestamp >= leaseUntil) revert LeaseLapsed(leaseUntil);
    }

    function _requireActive(bytes32 policy) private view returns (uint64 epoch) {
        bytes32 policyHash;
        (epoch, policyHash) = registry.active();
        if (policy == 0 || policy != policyHash) revert PolicyNotActive(policy, policyHash);
    }
}
