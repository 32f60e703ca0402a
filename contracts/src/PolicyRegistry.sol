// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Envelope} from "./Envelope.sol";
import {Timeline} from "./Timeline.sol";
import {IPolicyRegistry} from "./interfaces/IPolicyRegistry.sol";

/// @title PolicyRegistry
/// @dev State is internal so that the proofs in test/symbolic can state their invariants over storage.
contract PolicyRegistry is IPolicyRegistry, Ownable {
    using Timeline for Timeline.Line;

    /// @inheritdoc IPolicyRegistry
    uint64 public constant DELAY_SECS_MAX = 365 days;
    /// @inheritdoc IPolicyRegistry
    uint256 public constant GUARDIANS_MAX = 16;

    Timeline.Line internal _epochLine;
    Timeline.Line internal _delayLine;
    Timeline.Line internal _guardianLine;
    Timeline.Line internal _ceilingLine;

    mapping(uint64 number => Epoch) internal _epochs;
    mapping(bytes32 file => bool) internal _vetoed;
    mapping(uint64 version => uint64) internal _delays;
    mapping(uint64 version => address[]) internal _guardians;
    mapping(uint64 version => mapping(address => bool)) internal _isGuardian;
    mapping(uint64 version => uint64[32]) internal _ceilings;

    /// @param owner_ the DAO's timelock
    /// @param delaySecs_ how long what widens a policy waits, in seconds; may be zero
    /// @param guardians_ who may veto here and pull the brake
    /// @param ceilings_ the constitution
    constructor(address owner_, uint64 delaySecs_, address[] memory guardians_, uint64[32] memory ceilings_)
        Ownable(owner_)
    {
        _putDelay(delaySecs_, 0);
        _putGuardians(guardians_, 0);
        _putCeilings(ceilings_, 0);
    }

    /// @inheritdoc IPolicyRegistry
    function submit(bytes32 policyHash, bytes32 restHash, uint64[32] calldata envelope, string calldata uri)
        external
        onlyOwner
        returns (uint64 number)
    {
        if (policyHash == 0 || restHash == 0) revert ZeroHash();
        (uint64 replaced,) = _epochLine.waiting();
        uint64[32] memory numbers = envelope;
        _requireWithinCeilings(numbers);

        uint64 activeAt;
        (number, activeAt) = _epochLine.put(_narrows(restHash, numbers) ? 0 : delaySecs());
        _epochs[number] = Epoch(policyHash, restHash, numbers, uri, activeAt, number);

        if (replaced != 0) emit EpochReplaced(replaced, number);
        emit EpochSubmitted(number, policyHash, restHash, numbers, uri, activeAt, vetoable(number));
    }

    /// @inheritdoc IPolicyRegistry
    function veto(uint64 number) external {
        if (!isGuardian(msg.sender)) revert NotGuardian(msg.sender);
        (uint64 pending,) = _epochLine.waiting();
        if (number == 0 || number != pending) revert NotPending(number);
        bytes32 file = _fileOf(number);
        if (_vetoed[file]) revert VetoSpent(number);
        _vetoed[file] = true;
        _epochLine.drop();
        emit EpochVetoed(number, msg.sender);
    }

    /// @inheritdoc IPolicyRegistry
    function scheduleDelay(uint64 delaySecs_) external onlyOwner {
        _putDelay(delaySecs_, delaySecs());
    }

    /// @inheritdoc IPolicyRegistry
    function scheduleGuardians(address[] calldata guardians_) external onlyOwner {
        _putGuardians(guardians_, delaySecs());
    }

    /// @inheritdoc IPolicyRegistry
    function scheduleCeilings(uint64[32] calldata ceilings_) external onlyOwner {
        (uint64 pending,) = _epochLine.waiting();
        _requireFits(_epochLine.inForce(), ceilings_);
        _requireFits(pending, ceilings_);
        _putCeilings(ceilings_, delaySecs());
    }

    /// @inheritdoc IPolicyRegistry
    function active() external view returns (uint64 number, bytes32 policyHash) {
        number = _epochLine.inForce();
        policyHash = _epochs[number].policyHash;
    }

    /// @inheritdoc IPolicyRegistry
    function activeEpoch() external view returns (Epoch memory) {
        return _epochs[_epochLine.inForce()];
    }

    /// @inheritdoc IPolicyRegistry
    function pendingEpoch() external view returns (Epoch memory) {
        (uint64 pending,) = _epochLine.waiting();
        return _epochs[pending];
    }

    /// @inheritdoc IPolicyRegistry
    function epoch(uint64 number) external view returns (Epoch memory) {
        return _epochs[number];
    }

    /// @inheritdoc IPolicyRegistry
    function vetoable(uint64 number) public view returns (bool) {
        (uint64 pending,) = _epochLine.waiting();
        return number != 0 && number == pending && !_vetoed[_fileOf(number)];
    }

    /// @inheritdoc IPolicyRegistry
    function isGuardian(address account) public view returns (bool) {
        return _isGuardian[_guardianLine.inForce()][account];
    }

    /// @inheritdoc IPolicyRegistry
    function guardians() external view returns (address[] memory) {
        return _guardians[_guardianLine.inForce()];
    }

    /// @inheritdoc IPolicyRegistry
    function delaySecs() public view returns (uint64) {
        return _delays[_delayLine.inForce()];
    }

    /// @inheritdoc IPolicyRegistry
    function ceilings() public view returns (uint64[32] memory) {
        return _ceilings[_ceilingLine.inForce()];
    }

    /// @inheritdoc IPolicyRegistry
    function scheduledDelay() external view returns (uint64 delaySecs_, uint64 inForceAt) {
        uint64 version;
        (version, inForceAt) = _delayLine.waiting();
        delaySecs_ = _delays[version];
    }

    /// @inheritdoc IPolicyRegistry
    function scheduledGuardians() external view returns (address[] memory guardians_, uint64 inForceAt) {
        uint64 version;
        (version, inForceAt) = _guardianLine.waiting();
        guardians_ = _guardians[version];
    }

    /// @inheritdoc IPolicyRegistry
    function scheduledCeilings() external view returns (uint64[32] memory ceilings_, uint64 inForceAt) {
        uint64 version;
        (version, inForceAt) = _ceilingLine.waiting();
        ceilings_ = _ceilings[version];
    }

    function _putDelay(uint64 delaySecs_, uint64 after_) private {
        if (delaySecs_ > DELAY_SECS_MAX) revert DelayTooLong(delaySecs_, DELAY_SECS_MAX);
        (uint64 version, uint64 inForceAt) = _delayLine.put(after_);
        _delays[version] = delaySecs_;
        emit DelayScheduled(delaySecs_, inForceAt);
    }

    function _putGuardians(address[] memory guardians_, uint64 after_) private {
        uint256 count = guardians_.length;
        if (count == 0 || count > GUARDIANS_MAX) revert GuardianCount(count, GUARDIANS_MAX);
        (uint64 version, uint64 inForceAt) = _guardianLine.put(after_);
        mapping(address => bool) storage listed = _isGuardian[version];
        for (uint256 i = 0; i < count; ++i) {
            address guardian = guardians_[i];
            if (guardian == address(0)) revert ZeroGuardian();
            if (listed[guardian]) revert DuplicateGuardian(guardian);
            listed[guardian] = true;
        }
        _guardians[version] = guardians_;
        emit GuardiansScheduled(guardians_, inForceAt);
    }

    function _putCeilings(uint64[32] memory ceilings_, uint64 after_) private {
        (uint64 version, uint64 inForceAt) = _ceilingLine.put(after_);
        _ceilings[version] = ceilings_;
        emit CeilingsScheduled(ceilings_, inForceAt);
    }

    function _requireWithinCeilings(uint64[32] memory numbers) private view {
        uint32 slots = Envelope.beyond(numbers, ceilings());
        (uint64 scheduled,) = _ceilingLine.waiting();
        if (scheduled != 0) slots |= Envelope.beyond(numbers, _ceilings[scheduled]);
        if (slots != 0) revert BeyondCeilings(slots);
    }

    function _requireFits(uint64 number, uint64[32] memory ceilings_) private view {
        if (number == 0) return;
        uint32 slots = Envelope.beyond(_epochs[number].envelope, ceilings_);
        if (slots != 0) revert CeilingsExceeded(number, slots);
    }

    /// @dev Before the first epoch `restHash` is zero there, which no submission has: then nothing narrows.
    function _narrows(bytes32 restHash, uint64[32] memory numbers) private view returns (bool) {
        Epoch storage held = _epochs[_epochLine.inForce()];
        return held.restHash == restHash && Envelope.beyond(numbers, held.envelope) == 0;
    }

    function _fileOf(uint64 number) private view returns (bytes32) {
        Epoch storage held = _epochs[number];
        return keccak256(abi.encode(held.policyHash, held.restHash, held.envelope));
    }
}
