// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IPolicyRegistry} from "./IPolicyRegistry.sol";

/// @title The brake on the agent, and its lease
/// @notice A guardian of the registry pulls at once, for a bounded time, and once until the DAO arms that guardian
/// again. Only the owner (the DAO's timelock) releases or extends. The agent's right lapses unless the DAO renews the
/// lease: no brake is needed against a DAO that has gone silent.
///
/// Monitors may read `paused()`, `Paused` and `Unpaused` as in every OpenZeppelin Pausable; a pull that ends by time
/// reads as not paused and, since no transaction ends it, emits no `Unpaused`.
interface IEmergencyBrake {
    /// @param pulls the count of pulls, this one included
    /// @param until first second (Unix) in which the pull no longer holds
    event Pulled(address indexed guardian, uint64 indexed pulls, uint64 until);
    event Released(uint64 indexed pulls);
    event Extended(uint64 indexed pulls, uint64 until);
    event Armed(address indexed guardian);
    event OperatorSet(address indexed operator, bool listed);
    event LeaseRenewed(uint64 until);

    error ZeroAddress();
    error NoCode(address registry);
    error PullSecsOutOfBounds(uint64 pullSecs, uint64 pullSecsMin, uint64 pullSecsMax);
    error NotGuardian(address caller);
    /// @notice This guardian has pulled and was not armed again.
    error NotArmed(address guardian);
    error AlreadyPulled(uint64 until);
    /// @notice Nothing is pulled, or the pull has ended by time.
    error NotPulled();
    error NotLater(uint64 until, uint64 presentEnd);
    error ExtensionTooLong(uint64 until, uint64 untilMax);
    error LeaseTooLong(uint64 until, uint64 untilMax);
    error TooManyOperators(uint256 count, uint256 countMax);

    /// @notice Stops the agent now and for `pullSecs`. Only a guardian of the registry that is armed, which it then no
    /// longer is. Reverts while pulled.
    function pull() external;

    /// @notice Ends the pull. Only the owner. What was prepared before it stays barred by the count of pulls.
    function release() external;

    /// @notice Lets a pull that holds end later. Only the owner. At most EXTENSION_SECS_MAX past the present end.
    /// @param until first second (Unix) in which the pull no longer holds
    function extend(uint64 until) external;

    /// @notice Lets this address pull once, if and as long as it is a guardian of the registry. Only the owner. It may
    /// be armed before it is a guardian.
    function arm(address guardian) external;

    /// @notice Puts an operator on the list or takes it off. Only the owner.
    function setOperator(address operator, bool listed) external;

    /// @notice Sets the end of the lease of all operators. Only the owner. It may be earlier than before (a time in the
    /// past ends the lease at once), and at most LEASE_SECS_MAX from now.
    /// @param until first second (Unix) in which the lease no longer holds
    function renewLease(uint64 until) external;

    /// @notice All that a transaction or an agent needs, in one call.
    /// @return pulled whether a pull holds now
    /// @return pulls the count of pulls ever
    /// @return pulledUntil see `pulledUntil()`
    /// @return leaseUntil first second in which the lease no longer holds
    function status() external view returns (bool pulled, uint64 pulls, uint64 pulledUntil, uint64 leaseUntil);

    function pulls() external view returns (uint64);

    /// @notice First second in which the last pull no longer holds (no longer held); 0 before the first pull and after
    /// a release.
    function pulledUntil() external view returns (uint64);

    function leaseUntil() external view returns (uint64);

    function isArmed(address guardian) external view returns (bool);

    function isOperator(address account) external view returns (bool);

    /// @notice In no particular order.
    function operators() external view returns (address[] memory);

    /// @notice How long a pull holds, in seconds.
    function pullSecs() external view returns (uint64);

    /// @notice The registry whose guardians may pull.
    function registry() external view returns (IPolicyRegistry);

    function PULL_SECS_MIN() external view returns (uint64);

    function PULL_SECS_MAX() external view returns (uint64);

    function EXTENSION_SECS_MAX() external view returns (uint64);

    function LEASE_SECS_MAX() external view returns (uint64);

    function OPERATORS_MAX() external view returns (uint256);
}
