//! Safe 1.5.0 (`@safe-global/safe-smart-account`, `contracts/Safe.sol` and `contracts/interfaces/ISafe.sol`).
//! `Enum.Operation` is a `uint8` in the ABI and declared as one here.

use alloy_sol_types::sol;

sol! {
    #[sol(all_derives)]
    interface ISafe {
        event SafeSetup(address indexed initiator, address[] owners, uint256 threshold, address initializer, address fallbackHandler);
        event ApproveHash(bytes32 indexed approvedHash, address indexed owner);
        event ExecutionSuccess(bytes32 indexed txHash, uint256 payment);
        event ExecutionFailure(bytes32 indexed txHash, uint256 payment);
        event ExecutionFromModuleSuccess(address indexed module);
        event ExecutionFromModuleFailure(address indexed module);
        /// Of SafeL2 alone (`contracts/SafeL2.sol`), before each execution.
        event SafeMultiSigTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures, bytes additionalInfo);
        /// Likewise, before what a module does.
        event SafeModuleTransaction(address module, address to, uint256 value, bytes data, uint8 operation);
        event AddedOwner(address indexed owner);
        event RemovedOwner(address indexed owner);
        event ChangedThreshold(uint256 threshold);

        function VERSION() external view returns (string memory);
        function nonce() external view returns (uint256);
        function getThreshold() external view returns (uint256);
        function getOwners() external view returns (address[] memory);
        function isOwner(address owner) external view returns (bool);
        function domainSeparator() external view returns (bytes32);
        function approvedHashes(address owner, bytes32 messageHash) external view returns (uint256);
        function approveHash(bytes32 hashToApprove) external;
        function getModulesPaginated(address start, uint256 pageSize) external view returns (address[] memory array, address next);
        function getTransactionHash(address to, uint256 value, bytes calldata data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, uint256 _nonce) external view returns (bytes32);
        /// Of the CompatibilityFallbackHandler since 1.5.0.
        function encodeTransactionData(address to, uint256 value, bytes calldata data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, uint256 _nonce) external view returns (bytes memory);
        function execTransaction(address to, uint256 value, bytes calldata data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address payable refundReceiver, bytes memory signatures) external payable returns (bool success);
        function setup(address[] calldata owners, uint256 threshold, address to, bytes calldata data, address fallbackHandler, address paymentToken, uint256 payment, address payable paymentReceiver) external;
    }

    #[sol(all_derives)]
    interface ISafeProxyFactory {
        event ProxyCreation(address indexed proxy, address singleton);

        function createProxyWithNonce(address singleton, bytes memory initializer, uint256 saltNonce) external returns (address proxy);
        function proxyCreationCode() external pure returns (bytes memory);
    }

    #[sol(all_derives)]
    interface IMultiSendCallOnly {
        function multiSend(bytes memory transactions) external payable;
    }
}
