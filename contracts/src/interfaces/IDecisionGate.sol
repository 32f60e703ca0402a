// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IEmergencyBrake} from "./IEmergencyBrake.sol";
import {IPolicyRegistry} from "./IPolicyRegistry.sol";

/// @title The gate that every batch of the agent passes
/// @notice `enter` is the first call of a batch. If it reverts, the batch reverts: so a batch runs at most once, only
/// in time, only under the policy it was decided under, and never when the brake was pulled since it was prepared.
///
/// It binds the batches that call it. Owners who act by hand, and modules, are not bound.
interface IDecisionGate {
    /// @param onceKey what the item is for; usable once for each account, for good
    /// @param line the budget line or strategy that it is counted under
    /// @param asset what leaves
    /// @param counterparty who receives or exchanges it
    /// @param amount how much, in the asset's base units
    /// @param value its value as judged, in the policy's unit of account
    struct Item {
        bytes32 onceKey;
        bytes32 line;
        address asset;
        address counterparty;
        uint256 amount;
        uint256 value;
    }

    /// @param decision hash of the decision, the calls after this one included; not zero
    /// @param policy hash of the policy that it was decided under
    /// @param model hash of the risk model that it was decided with
    /// @param validUntil last second (Unix) in which it may run
    /// @param pulls the brake's count of pulls when it was prepared
    /// @param items what it does, 1 to ITEMS_MAX
    struct Entry {
        bytes32 decision;
        bytes32 policy;
        bytes32 model;
        uint64 validUntil;
        uint64 pulls;
        Item[] items;
    }

    /// @notice A batch of `account` ran; all that was entered, so that spending can be read from these events alone.
    /// @param epoch number of the policy's epoch
    event Entered(
        address indexed account,
        bytes32 indexed decision,
        bytes32 indexed policy,
        bytes32 model,
        uint64 epoch,
        uint64 validUntil,
        uint64 pulls,
        Item[] items
    );
    event Revoked(address indexed account, bytes32 indexed decision, address indexed operator);

    /// @notice The brake reads another registry than the gate.
    error RegistryMismatch(address registry, address registryOfBrake);
    error ZeroDecision();
    error ItemCount(uint256 count, uint256 countMax);
    error BrakePulled(uint64 until);
    /// @notice The brake was pulled between the preparing and now, or the count was never the brake's.
    error PullsDiffer(uint64 entered, uint64 counted);
    error LeaseLapsed(uint64 until);
    /// @notice The policy is not the active one, or there is none.
    error PolicyNotActive(bytes32 entered, bytes32 active);
    error Expired(uint64 validUntil);
    error DecisionRevoked(address account, bytes32 decision);
    error KeyUsed(address account, bytes32 onceKey);
    error NotOperator(address caller);

    /// @notice Marks every item of the entry as done by the caller, or reverts. Any account may enter, for itself only.
    function enter(Entry calldata entry) external;

    /// @notice Bars a decision of an account for good. Any operator that the brake lists, in any state of brake and
    /// lease. Doing it again changes nothing and emits nothing.
    function revoke(address account, bytes32 decision) external;

    function revoked(address account, bytes32 decision) external view returns (bool);

    function used(address account, bytes32 onceKey) external view returns (bool);

    function registry() external view returns (IPolicyRegistry);

    function brake() external view returns (IEmergencyBrake);

    function ITEMS_MAX() external view returns (uint256);
}
