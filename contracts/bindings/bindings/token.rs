//! Tokens (EIP-20, EIP-4626, EIP-5805, WETH9) and Chainlink's `AggregatorV3Interface` and proxies.

use alloy_sol_types::sol;

sol! {
    #[sol(all_derives)]
    interface IERC20 {
        event Transfer(address indexed from, address indexed to, uint256 value);
        event Approval(address indexed owner, address indexed spender, uint256 value);

        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function totalSupply() external view returns (uint256);
        function decimals() external view returns (uint8);
        function symbol() external view returns (string memory);
        function transfer(address to, uint256 value) external returns (bool);
        function approve(address spender, uint256 value) external returns (bool);
    }

    #[sol(all_derives)]
    interface IERC4626 {
        event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
        event Withdraw(address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares);

        function asset() external view returns (address);
        function totalAssets() external view returns (uint256);
        function convertToAssets(uint256 shares) external view returns (uint256);
        function deposit(uint256 assets, address receiver) external returns (uint256);
        function redeem(uint256 shares, address receiver, address owner) external returns (uint256);
    }

    #[sol(all_derives)]
    interface IVotes {
        function delegate(address delegatee) external;
        function delegates(address account) external view returns (address);
        function getVotes(address account) external view returns (uint256);
    }

    #[sol(all_derives)]
    interface IWETH9 {
        function deposit() external payable;
        function withdraw(uint256 wad) external;
    }

    #[sol(all_derives)]
    interface IAggregatorV3 {
        function decimals() external view returns (uint8);
        function description() external view returns (string memory);
        function getRoundData(uint80 roundId) external view returns (uint80 roundId_, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
        function latestRoundData() external view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
    }

    /// What Chainlink's proxy has beside it: the aggregators that answered before, each for a phase. An id of the proxy's
    /// rounds is the phase in the upper 16 of its 80 bits, and the aggregator's own round below.
    #[sol(all_derives)]
    interface IFeedPhases {
        function phaseAggregators(uint16 phaseId) external view returns (address);
        function latestRound() external view returns (uint256);
    }
}
