// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// @title A Chainlink-compatible feed that says what it is told, for tests and the demo only
/// @notice Reads as AggregatorV3Interface does. Rounds count from 1 (a real proxy's ids carry a phase in their upper
/// bits). Answers and times are not checked: a test may want a bad one.
contract ReplayFeed is Ownable {
    struct Round {
        int192 answer;
        uint64 updatedAt;
    }

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    error NoDataPresent(uint256 roundId);

    uint256 public constant version = 4;
    uint8 public immutable decimals;
    string public description;
    Round[] private _rounds;

    constructor(address owner_, uint8 decimals_, string memory description_) Ownable(owner_) {
        decimals = decimals_;
        description = description_;
    }

    function push(int192 answer, uint64 updatedAt) external onlyOwner {
        _push(Round(answer, updatedAt));
    }

    function pushMany(Round[] calldata rounds) external onlyOwner {
        for (uint256 i = 0; i < rounds.length; ++i) {
            _push(rounds[i]);
        }
    }

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return getRoundData(uint80(_rounds.length));
    }

    function getRoundData(uint80 roundId_)
        public
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        if (roundId_ == 0 || roundId_ > _rounds.length) revert NoDataPresent(roundId_);
        Round memory round = _rounds[roundId_ - 1];
        return (roundId_, round.answer, round.updatedAt, round.updatedAt, roundId_);
    }

    function _push(Round memory round) private {
        _rounds.push(round);
        emit AnswerUpdated(round.answer, _rounds.length, round.updatedAt);
    }
}
