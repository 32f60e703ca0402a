//! What the owners of the local DAO's Safe do: confirm on chain and execute.

use super::{Devnet, DevnetError};
use alloy::{
    primitives::{Address, B256, U256},
    rpc::types::TransactionReceipt,
};
use quaestor_contracts::{
    bindings::ISafe,
    safe::{SafeTx, approve_hash, approved_signatures},
};

/// A Safe transaction that was executed.
#[derive(Debug, Clone)]
pub struct Executed {
    /// Its safeTxHash.
    pub safe_tx_hash: B256,
    /// The receipt of `execTransaction`.
    pub receipt: TransactionReceipt,
}

impl Devnet {
    /// The nonce at which the Safe executes next.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn safe_nonce(&self) -> Result<u64, DevnetError> {
        let safe = self.dao.safe.account;
        let nonce: U256 = self.chain.read(safe, &ISafe::nonceCall {}).await?;
        u64::try_from(nonce).map_err(|_| DevnetError::Missing { contract: safe, what: "nonce below 2^64" })
    }

    /// The safeTxHash of a transaction of this DAO's Safe, computed here.
    pub fn safe_tx_hash(&self, tx: &SafeTx) -> B256 {
        tx.hash(self.dao.chain_id, self.dao.safe.account)
    }

    /// An owner confirms on chain.
    ///
    /// # Errors
    /// If the account is no owner.
    pub async fn approve(&self, owner: Address, safe_tx_hash: B256) -> Result<TransactionReceipt, DevnetError> {
        Ok(self.chain.send("approveHash", owner, &approve_hash(self.dao.safe.account, safe_tx_hash)).await?)
    }

    /// The owners who confirmed on chain.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn approvers(&self, safe_tx_hash: B256) -> Result<Vec<Address>, DevnetError> {
        let safe = self.dao.safe.account;
        let mut approvers = Vec::new();
        for owner in self.chain.read(safe, &ISafe::getOwnersCall {}).await? {
            let approved = ISafe::approvedHashesCall { owner, messageHash: safe_tx_hash };
            if !self.chain.read(safe, &approved).await?.is_zero() {
                approvers.push(owner);
            }
        }
        Ok(approvers)
    }

    /// Executes what the owners of the Safe have confirmed on chain; the sender need not be one.
    ///
    /// # Errors
    /// If confirmations lack or a call in it reverts, with the revert data.
    pub async fn execute(&self, sender: Address, tx: &SafeTx) -> Result<Executed, DevnetError> {
        let safe_tx_hash = self.safe_tx_hash(tx);
        let signatures = approved_signatures(&self.approvers(safe_tx_hash).await?);
        let execute = tx.execute(self.dao.safe.account, signatures);
        let receipt = self.chain.send("execTransaction", sender, &execute).await?;
        Ok(Executed { safe_tx_hash, receipt })
    }
}
