//! One person's transactions: signed, sent and waited for, each wait bounded. The agent's own go through its journal.

use crate::chain::{Chain, ChainError};
use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, TxKind},
    providers::Provider,
    rpc::types::{BlockNumberOrTag, Log, TransactionReceipt, TransactionRequest},
    signers::{SignerSync, local::PrivateKeySigner},
};
use quaestor_core::{BlockRef, Call};
use std::time::{Duration, Instant};

/// A node's estimate is raised by this share: state may change before the transaction runs.
const GAS_MARGIN_PERCENT: u64 = 30;
/// No transaction may use more gas (EIP-7825).
const GAS_MAX: u64 = 16_777_216;
/// Time between two questions for a receipt.
const POLL: Duration = Duration::from_millis(500);
/// Longest wait for a transaction to be included.
pub const WAIT_MAX: Duration = Duration::from_secs(180);

/// Why a transaction did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The node did not answer, or refused; a revert in the estimate is a refusal, and nothing was sent then.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The key cannot sign.
    #[error("the key of {address} cannot sign: {reason}")]
    Sign {
        /// Its address.
        address: Address,
        /// The signer's words.
        reason: String,
    },
    /// It is in a block, and failed there.
    #[error("transaction {tx} failed in block {block}; nothing but its gas was spent, look at it with an explorer")]
    Reverted {
        /// The transaction.
        tx: B256,
        /// Number of the block.
        block: u64,
    },
    /// It was sent, and is in no block yet.
    #[error(
        "transaction {tx} was sent and is in no block after {waited_secs} s; look whether it is included before sending \
         another"
    )]
    NotIncluded {
        /// The transaction.
        tx: B256,
        /// How long it was waited for.
        waited_secs: u64,
    },
}

/// A transaction in a block, where it succeeded.
#[derive(Debug, Clone)]
pub struct Mined {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Its hash.
    pub tx: B256,
    /// Its block.
    pub block: BlockRef,
    /// The contract that it created, if it created one.
    pub contract: Option<Address>,
    /// Its events.
    pub logs: Vec<Log>,
}

/// Sends one person's transactions, one after the other.
#[derive(Debug)]
pub struct Sender {
    chain: Chain,
    chain_id: u64,
    signer: PrivateKeySigner,
    wait_max: Duration,
}

impl Sender {
    /// Sends from `signer` on `chain`, which the node says is `chain_id`; waits at most `wait_max` for each receipt.
    pub fn new(chain: Chain, chain_id: u64, signer: PrivateKeySigner, wait_max: Duration) -> Self {
        Self { chain, chain_id, signer, wait_max }
    }

    /// Who pays for the gas.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// The node.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// EIP-155 chain id.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Makes a call and waits until it is in a block.
    ///
    /// # Errors
    /// If it would revert or does, the node fails, or it is not included in time.
    pub async fn call(&self, call: &Call) -> Result<Mined, SendError> {
        let request = TransactionRequest::default().with_to(call.to).with_value(call.value.to_u256());
        self.send(request.with_input(call.data.clone()), TxKind::Call(call.to)).await
    }

    /// Creates a contract from creation code with its arguments, and waits until it is in a block.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn create(&self, creation_code: Bytes) -> Result<Mined, SendError> {
        self.send(TransactionRequest::default().with_deploy_code(creation_code), TxKind::Create).await
    }

    async fn send(&self, request: TransactionRequest, to: TxKind) -> Result<Mined, SendError> {
        let (provider, from) = (self.chain.provider(), self.address());
        let nonce = provider.get_transaction_count(from).pending().await;
        let nonce = nonce.map_err(self.chain.failed("eth_getTransactionCount"))?;
        let request = request.with_from(from);
        let gas = provider.estimate_gas(request.clone()).await.map_err(self.chain.failed("eth_estimateGas"))?;
        let fees = provider.estimate_eip1559_fees().await.map_err(self.chain.failed("eth_feeHistory"))?;
        let tx = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit: (gas.saturating_mul(100 + GAS_MARGIN_PERCENT) / 100).min(GAS_MAX),
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            to,
            value: request.value.unwrap_or_default(),
            access_list: Default::default(),
            input: request.input.into_input().unwrap_or_default(),
        };
        let cannot = |error: alloy::signers::Error| SendError::Sign { address: from, reason: error.to_string() };
        let signature = self.signer.sign_hash_sync(&tx.signature_hash()).map_err(cannot)?;
        let envelope = TxEnvelope::from(tx.into_signed(signature));
        let sent = provider.send_raw_transaction(&envelope.encoded_2718()).await;
        sent.map(drop).map_err(self.chain.failed("eth_sendRawTransaction"))?;
        self.wait(*envelope.tx_hash()).await
    }

    /// Waits for the receipt. Once the bytes are out, an answer that fails to come is asked for again until the end.
    async fn wait(&self, tx: B256) -> Result<Mined, SendError> {
        let began = Instant::now();
        loop {
            let found = self.chain.provider().get_transaction_receipt(tx).await;
            if let Ok(Some(receipt)) = found
                && let Some(mined) = self.mined(tx, receipt).await?
            {
                return Ok(mined);
            }
            if began.elapsed() >= self.wait_max {
                return Err(SendError::NotIncluded { tx, waited_secs: self.wait_max.as_secs() });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn mined(&self, tx: B256, receipt: TransactionReceipt) -> Result<Option<Mined>, SendError> {
        let Some(number) = receipt.block_number else { return Ok(None) };
        if !receipt.status() {
            return Err(SendError::Reverted { tx, block: number });
        }
        let block = self.chain.block(BlockNumberOrTag::Number(number)).await?;
        let (contract, logs) = (receipt.contract_address, receipt.logs().to_vec());
        Ok(Some(Mined { chain_id: self.chain_id, tx, block, contract, logs }))
    }
}
