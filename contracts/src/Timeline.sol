// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title A setting that changes by time alone
/// @notice Names which version of a setting is in force, and which one waits to follow it. The versions themselves
/// are kept by the caller under their number and are never written twice, so a change costs one slot and no copy, and
/// no transaction is needed when the time has come.
library Timeline {
    /// @param current in force before `nextAt`; 0 is none
    /// @param next in force from `nextAt` on; 0 is none
    /// @param nextAt the second (Unix) of the change; once it has passed nothing waits
    /// @param last highest number ever given; numbers are spent whatever becomes of them
    struct Line {
        uint64 current;
        uint64 next;
        uint64 nextAt;
        uint64 last;
    }

    /// @return version the one in force now, 0 if none
    function inForce(Line storage line) internal view returns (uint64 version) {
        return _changed(line) ? line.next : line.current;
    }

    /// @return version the one that is not yet in force, 0 if none
    /// @return dueAt first second in which it will be, 0 if none
    function waiting(Line storage line) internal view returns (uint64 version, uint64 dueAt) {
        return _changed(line) ? (0, 0) : (line.next, line.nextAt);
    }

    /// @dev Gives the next number out, in force after `delaySecs`, in place of whatever waits.
    function put(Line storage line, uint64 delaySecs) internal returns (uint64 version, uint64 dueAt) {
        version = line.last + 1;
        dueAt = uint64(block.timestamp) + delaySecs;
        (line.current, line.next, line.nextAt, line.last) = (inForce(line), version, dueAt, version);
    }

    /// @dev Forgets what waits; what is in force stays.
    function drop(Line storage line) internal {
        uint64 version = inForce(line);
        (line.current, line.next, line.nextAt) = (version, version, 0);
    }

    function _changed(Line storage line) private view returns (bool) {
        return line.nextAt <= block.timestamp;
    }
}
