// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title The policy that the DAO's vote put in force
/// @notice The owner (the DAO's timelock) anchors each version of the policy as an epoch: the hash of the file, the
/// hash of the file without its numbers, and the numbers themselves, its *envelope*.
///
/// The envelope has 32 slots. 0 to 15 are **caps**, narrowed by lowering; unset is `type(uint64).max`. 16 to 31 are
/// **floors**, narrowed by raising; unset is 0. A slot's meaning is never changed and never reused.
///
/// | slot   | name                   | meaning                                                           |
/// |--------|------------------------|-------------------------------------------------------------------|
/// | 0      | proposal_bps_max       | largest value of one proposal, in basis points of NAV             |
/// | 1      | hour_bps_max           | largest value in any hour, in basis points of NAV                 |
/// | 2      | day_bps_max            | largest value in any 24 hours, in basis points of NAV             |
/// | 3      | week_bps_max           | largest value in any 7 days, in basis points of NAV               |
/// | 4      | month_bps_max          | largest value in any 30 days, in basis points of NAV              |
/// | 5      | slippage_bps_max       | largest slippage against the oracle, in basis points              |
/// | 6      | price_age_secs_max     | oldest price that counts, in seconds                              |
/// | 7      | price_deviation_bps_max| largest disagreement between prices, in basis points              |
/// | 8      | proposals_per_day_max  | most proposals in any 24 hours                                    |
/// | 9      | validity_secs_max      | longest life of a proposal, in seconds                            |
/// | 10     | native_share_bps_max   | largest share of the DAO's own token, in basis points of NAV      |
/// | 11–15  | reserved (caps)        | unset                                                             |
/// | 16     | stable_share_bps_min   | smallest share of stable assets, in basis points of NAV           |
/// | 17     | price_quorum_min       | fewest sources that must agree on a price                         |
/// | 18     | cooldown_secs_min      | shortest time between two proposals, in seconds                   |
/// | 19–31  | reserved (floors)      | unset                                                             |
///
/// **Ceilings** (the constitution) bound every envelope: a cap may not be above its ceiling, a floor not below it.
///
/// A submission is compared with the epoch that is active at that second and replaces the pending one, if there is
/// one. If `restHash` is unchanged and no number is wider, it is active at once. Otherwise it waits the delay, in
/// which any guardian may veto it. Before the first epoch nothing is permitted, so the first one always waits. After a
/// veto, the same file (same hashes and numbers) may be submitted again: unless it has meanwhile become a narrowing it
/// waits the whole delay again, and then it cannot be vetoed. The mark is kept for good.
///
/// Everything that waits comes into force by time alone, in the first block whose timestamp reaches its time; no
/// transaction is needed.
interface IPolicyRegistry {
    /// @param policyHash keccak256 of the policy file's bytes
    /// @param restHash keccak256 of the canonical policy without the numbers of the envelope
    /// @param envelope the numbers, see above
    /// @param uri where the file can be read; informs people, binds nothing
    /// @param activeAt first second (Unix) in which the epoch is active
    /// @param number counts from 1 and only rises; a vetoed or replaced number is spent
    struct Epoch {
        bytes32 policyHash;
        bytes32 restHash;
        uint64[32] envelope;
        string uri;
        uint64 activeAt;
        uint64 number;
    }

    /// @notice The whole of a submission, so that every policy there ever was can be read from the logs.
    /// @param vetoable whether it waits and a guardian may still veto it
    event EpochSubmitted(
        uint64 indexed number,
        bytes32 indexed policyHash,
        bytes32 indexed restHash,
        uint64[32] envelope,
        string uri,
        uint64 activeAt,
        bool vetoable
    );
    /// @notice A pending epoch will never be active, because a later submission took its place.
    event EpochReplaced(uint64 indexed number, uint64 indexed by);
    /// @notice A pending epoch will never be active, because a guardian vetoed it.
    event EpochVetoed(uint64 indexed number, address indexed guardian);
    /// @notice Emitted at deployment too, with the first delay; likewise the next two.
    event DelayScheduled(uint64 delaySecs, uint64 inForceAt);
    event GuardiansScheduled(address[] guardians, uint64 inForceAt);
    event CeilingsScheduled(uint64[32] ceilings, uint64 inForceAt);

    /// @notice A policy must have both hashes.
    error ZeroHash();
    /// @notice The submitted numbers are wider than ceilings in force or scheduled; bit i of `slots` stands for slot i.
    error BeyondCeilings(uint32 slots);
    /// @notice The epoch, active or pending, is wider than the ceilings that were to be scheduled.
    error CeilingsExceeded(uint64 number, uint32 slots);
    error NotGuardian(address caller);
    /// @notice No epoch of this number is waiting: it is active, vetoed, replaced, or never was.
    error NotPending(uint64 number);
    /// @notice This file was vetoed before and the DAO insists.
    error VetoSpent(uint64 number);
    error DelayTooLong(uint64 delaySecs, uint64 delaySecsMax);
    error GuardianCount(uint256 count, uint256 countMax);
    error ZeroGuardian();
    error DuplicateGuardian(address guardian);

    /// @notice Anchors a policy as the next epoch. Only the owner.
    /// @return number the epoch's number
    function submit(bytes32 policyHash, bytes32 restHash, uint64[32] calldata envelope, string calldata uri)
        external
        returns (uint64 number);

    /// @notice Ends the pending epoch of this number for good. Only a guardian, and only before it is active.
    function veto(uint64 number) external;

    /// @notice Each waits the delay in force, then holds by time alone, and cannot be vetoed; a later one replaces one
    /// that waits. Only the owner. What already waits keeps the time it was given.
    function scheduleDelay(uint64 delaySecs_) external;

    /// @notice See scheduleDelay. From 1 to GUARDIANS_MAX addresses, none zero, none twice.
    function scheduleGuardians(address[] calldata guardians_) external;

    /// @notice See scheduleDelay. Refused if the active or the pending epoch is wider; while they wait, submissions
    /// must fit them and those in force.
    function scheduleCeilings(uint64[32] calldata ceilings_) external;

    /// @notice What a transaction needs to know: the epoch active now; zeros before the first.
    function active() external view returns (uint64 number, bytes32 policyHash);

    /// @notice The epoch active now, whole; all zero before the first.
    function activeEpoch() external view returns (Epoch memory);

    /// @notice The epoch that waits, whole; all zero if there is none.
    function pendingEpoch() external view returns (Epoch memory);

    /// @notice Any epoch ever submitted, those vetoed and replaced included; all zero for a number not yet given.
    function epoch(uint64 number) external view returns (Epoch memory);

    /// @notice Whether this epoch waits and a guardian may veto it.
    function vetoable(uint64 number) external view returns (bool);

    function isGuardian(address account) external view returns (bool);

    /// @notice The guardians in force: they may veto here and pull the brake.
    function guardians() external view returns (address[] memory);

    /// @notice The delay in force, in seconds.
    function delaySecs() external view returns (uint64);

    /// @notice The ceilings in force.
    function ceilings() external view returns (uint64[32] memory);

    /// @return delaySecs_ the delay that waits, and `inForceAt`, the second from which it holds; zeros if none does
    function scheduledDelay() external view returns (uint64 delaySecs_, uint64 inForceAt);

    /// @return guardians_ the guardians that wait, and `inForceAt`, the second from which they hold; empty and zero if none do
    function scheduledGuardians() external view returns (address[] memory guardians_, uint64 inForceAt);

    /// @return ceilings_ the ceilings that wait, and `inForceAt`, the second from which they hold; zeros if none do
    function scheduledCeilings() external view returns (uint64[32] memory ceilings_, uint64 inForceAt);

    /// @notice No delay is longer, in seconds, so that a slip of the keyboard cannot freeze the policy for ever.
    function DELAY_SECS_MAX() external view returns (uint64);

    function GUARDIANS_MAX() external view returns (uint256);
}
