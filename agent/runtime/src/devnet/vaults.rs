//! What the vaults of the local market earn.

use super::{Devnet, DevnetError, dao::DaoVault, people};
use alloy::primitives::U256;
use quaestor_contracts::bindings::{DevnetVault, IERC4626};

impl Devnet {
    /// Pays the holders of `vault` this share of what it holds, in bps rounded down: the market's own money.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn accrue(&self, vault: &DaoVault, bps: u64) -> Result<(), DevnetError> {
        let held = self.chain.read(vault.address, &IERC4626::totalAssetsCall {}).await?;
        let amount = held * U256::from(bps) / U256::from(quaestor_core::amount::BPS_ONE);
        let accrue = people::call(vault.address, &DevnetVault::accrueCall { amount });
        self.chain.send("accrue", self.dao.people.market.address(), &accrue).await?;
        Ok(())
    }
}
