//! The operator's transactions: prepared, signed, sent, and asked after. The chain is the truth about their nonce.

use super::{Chain, ChainError};
use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::{Decodable2718, Encodable2718},
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, TxKind, U256},
    providers::Provider,
    rpc::types::{BlockNumberOrTag, TransactionRequest},
    signers::{SignerSync, local::PrivateKeySigner},
};
use quaestor_core::{Amount, BlockRef, Call};
use serde::{Deserialize, Serialize};

/// A node's estimate is raised by this share: state may change before the transaction runs.
const GAS_MARGIN_PERCENT: u64 = 30;
/// No transaction of the operator needs more.
const GAS_MAX: u64 = 8_000_000;
/// A transaction that takes the place of another pays this much more (nodes ask for 10 %).
const REPLACEMENT_PERCENT: u128 = 125;

/// A transaction before it is signed; journalled as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsigned {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The operator.
    pub from: Address,
    /// The operator's nonce.
    pub nonce: u64,
    /// What it calls.
    pub call: Call,
    /// Gas limit.
    pub gas: u64,
    /// Wei for a unit of gas at most.
    pub max_fee_per_gas: Amount,
    /// Wei for a unit of gas to the block's proposer.
    pub max_priority_fee_per_gas: Amount,
}

/// Signed bytes; journalled before they are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedTx {
    /// Transaction hash.
    pub hash: B256,
    /// The operator.
    pub from: Address,
    /// The operator's nonce.
    pub nonce: u64,
    /// EIP-2718 bytes.
    pub raw: Bytes,
}

/// A transaction in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The block.
    pub block: BlockRef,
    /// Whether it succeeded.
    pub succeeded: bool,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxFate {
    /// It is in a block of the canonical chain.
    Included(Receipt),
    /// Its nonce is still free: it may wait at a node, or never have left.
    Free,
    /// Another transaction took its nonce, at the latest block.
    Superseded,
}

/// Prepares a call from `from` at its next nonce, with fees and a bounded gas limit. Above the fees of `replaced`, so
/// that it takes the place of that transaction, which may wait at the same nonce.
///
/// # Errors
/// If the node does not answer, or the call would revert.
pub(crate) async fn prepare(
    chain: &Chain,
    chain_id: u64,
    from: Address,
    call: Call,
    replaced: Option<&Unsigned>,
) -> Result<Unsigned, ChainError> {
    let provider = chain.provider();
    let nonce = provider.get_transaction_count(from).latest().await;
    let nonce = nonce.map_err(chain.failed("eth_getTransactionCount"))?;
    let request = TransactionRequest::default()
        .with_from(from)
        .with_to(call.to)
        .with_value(call.value.to_u256())
        .with_input(call.data.clone());
    let latest = alloy::eips::BlockId::latest();
    let gas = provider.estimate_gas(request).block(latest).await.map_err(chain.failed("eth_estimateGas"))?;
    let fees = provider.estimate_eip1559_fees().await.map_err(chain.failed("eth_feeHistory"))?;
    let above = |fee: u128| fee.saturating_mul(REPLACEMENT_PERCENT) / 100 + 1;
    let least = |of: fn(&Unsigned) -> Amount| replaced.map_or(0, |replaced| above(of(replaced).0));
    Ok(Unsigned {
        chain_id,
        from,
        nonce,
        call,
        gas: (gas.saturating_mul(100 + GAS_MARGIN_PERCENT) / 100).min(GAS_MAX),
        max_fee_per_gas: Amount(fees.max_fee_per_gas.max(least(|it| it.max_fee_per_gas))),
        max_priority_fee_per_gas: Amount(fees.max_priority_fee_per_gas.max(least(|it| it.max_priority_fee_per_gas))),
    })
}

/// Whether `unsigned` offers less for gas than a block asks for now, so that it may wait for ever.
///
/// # Errors
/// If the node does not answer.
pub(crate) async fn is_underpriced(chain: &Chain, unsigned: &Unsigned) -> Result<bool, ChainError> {
    let latest = chain.provider().get_block_by_number(BlockNumberOrTag::Latest).await;
    let latest = latest.map_err(chain.failed("eth_getBlockByNumber"))?;
    let base_fee = latest.and_then(|block| block.header.base_fee_per_gas).unwrap_or(0);
    Ok(u128::from(base_fee) > unsigned.max_fee_per_gas.0)
}

/// Signs; the bytes go to the journal before they go anywhere else.
///
/// # Errors
/// If the key cannot sign.
pub(crate) fn sign(signer: &PrivateKeySigner, unsigned: &Unsigned) -> Result<SignedTx, alloy::signers::Error> {
    let tx = TxEip1559 {
        chain_id: unsigned.chain_id,
        nonce: unsigned.nonce,
        gas_limit: unsigned.gas,
        max_fee_per_gas: unsigned.max_fee_per_gas.0,
        max_priority_fee_per_gas: unsigned.max_priority_fee_per_gas.0,
        to: TxKind::Call(unsigned.call.to),
        value: unsigned.call.value.to_u256(),
        access_list: Default::default(),
        input: unsigned.call.data.clone(),
    };
    let signature = signer.sign_hash_sync(&tx.signature_hash())?;
    let envelope = TxEnvelope::from(tx.into_signed(signature));
    let (hash, raw) = (*envelope.tx_hash(), envelope.encoded_2718().into());
    Ok(SignedTx { hash, from: unsigned.from, nonce: unsigned.nonce, raw })
}

/// Sends journalled bytes. A node that has them already is content.
///
/// # Errors
/// If the node does not answer or refuses them; whether they arrived is then to be asked by [`fate`].
pub(crate) async fn send(chain: &Chain, tx: &SignedTx) -> Result<(), ChainError> {
    debug_assert!(TxEnvelope::decode_2718(&mut tx.raw.as_ref()).is_ok(), "journalled bytes are a transaction");
    let sent = chain.provider().send_raw_transaction(&tx.raw).await;
    match sent.map(drop).map_err(chain.failed("eth_sendRawTransaction")) {
        Err(ChainError::Refused { message, .. }) if message.to_lowercase().contains("already known") => Ok(()),
        Err(ChainError::Refused { message, .. }) if message.to_lowercase().contains("already imported") => Ok(()),
        other => other,
    }
}

/// What became of `tx`, as the canonical chain says.
///
/// # Errors
/// If the node does not answer.
pub(crate) async fn fate(chain: &Chain, tx: &SignedTx) -> Result<TxFate, ChainError> {
    // The nonce first: a transaction included between the two questions is then found by the second.
    let taken = chain.provider().get_transaction_count(tx.from).latest().await;
    let taken = taken.map_err(chain.failed("eth_getTransactionCount"))?;
    let receipt = chain.provider().get_transaction_receipt(tx.hash).await;
    let receipt = receipt.map_err(chain.failed("eth_getTransactionReceipt"))?;
    if let Some(receipt) = receipt
        && let (Some(hash), Some(number)) = (receipt.block_hash, receipt.block_number)
    {
        let block = chain.block(BlockNumberOrTag::Number(number)).await?;
        if block.hash == hash {
            return Ok(TxFate::Included(Receipt { block, succeeded: receipt.status() }));
        }
    }
    Ok(if taken > tx.nonce { TxFate::Superseded } else { TxFate::Free })
}

/// The wei that `address` can spend on gas.
///
/// # Errors
/// If the node does not answer.
pub(crate) async fn gas_money(chain: &Chain, address: Address) -> Result<U256, ChainError> {
    chain.provider().get_balance(address).await.map_err(chain.failed("eth_getBalance"))
}
