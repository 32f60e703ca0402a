//! Multicall3 (`mds1/multicall3`): many reads of one block in one request, and facts of that block.

use alloy_sol_types::sol;

sol! {
    #[sol(all_derives)]
    interface IMulticall3 {
        struct Call3 {
            address target;
            bool allowFailure;
            bytes callData;
        }

        struct Result {
            bool success;
            bytes returnData;
        }

        function aggregate3(Call3[] calldata calls) external payable returns (Result[] memory returnData);
        function getBlockHash(uint256 blockNumber) external view returns (bytes32 blockHash);
        function getBlockNumber() external view returns (uint256 blockNumber);
        function getChainId() external view returns (uint256 chainid);
        function getCurrentBlockTimestamp() external view returns (uint256 timestamp);
        function getLastBlockHash() external view returns (bytes32 blockHash);
        function getEthBalance(address addr) external view returns (uint256 balance);
    }
}
