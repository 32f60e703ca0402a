//! The vaults of a policy.

use super::Terms;
use crate::{ATOKEN_ROUNDING, Amount, AssetId, Vault, VenueId, VenueKind};
use alloy_primitives::Address;

impl Terms {
    /// The vault at `id`, if that venue is one.
    pub fn vault(&self, id: VenueId) -> Option<Vault> {
        let venue = self.venue(id)?;
        let (asset, shares) = venue.kind.vault()?;
        Some(Vault { venue: id, kind: venue.kind, address: venue.address, asset, shares })
    }

    /// The venue at `address`. Reserves of one Aave Pool share theirs: of these the one that takes or gives `asset`, or the
    /// first.
    pub fn venue_at(&self, address: Address, asset: AssetId) -> Option<VenueId> {
        let ids = (0..self.venues.len()).filter_map(|index| u16::try_from(index).ok()).map(VenueId);
        let mut there = ids.filter(|id| self.venue(*id).is_some_and(|venue| venue.address == address)).peekable();
        let first = there.peek().copied();
        let is_its = |id: &VenueId| self.vault(*id).is_some_and(|vault| vault.asset == asset || vault.shares == asset);
        there.find(is_its).or(first)
    }

    /// What the contract of `vault` must say when it is asked what belongs to it: an ERC-4626 vault its asset, an Aave
    /// Pool the aToken of the asset.
    pub fn vouched_by(&self, vault: Vault) -> Option<Address> {
        let asked = match vault.kind {
            VenueKind::AaveV3 { shares, .. } => shares,
            VenueKind::Erc4626 { .. } | VenueKind::UniswapV3 => vault.asset,
        };
        self.asset(asked).map(|asset| asset.address)
    }

    /// All vaults, in the order of the venues.
    pub fn vaults(&self) -> impl Iterator<Item = Vault> {
        let ids = (0..self.venues.len()).filter_map(|index| u16::try_from(index).ok());
        ids.filter_map(|index| self.vault(VenueId(index)))
    }

    /// The vault whose shares `asset` is, if it is any's.
    pub fn vault_of(&self, asset: AssetId) -> Option<Vault> {
        self.vaults().find(|vault| vault.shares == asset)
    }

    /// The asset whose feeds price `asset`: that of its vault, or itself.
    pub fn priced_by(&self, asset: AssetId) -> AssetId {
        self.vault_of(asset).map_or(asset, |vault| vault.asset)
    }

    /// What an exchange at `venue` may bring less than the worth of what is given: a share in bps, and beside it base
    /// units of what is received. The policy's slippage; but Aave gives one for one, and rounds.
    #[inline]
    pub fn loss_max(&self, venue: VenueId) -> (u64, Amount) {
        match self.venue(venue).map(|it| it.kind) {
            Some(VenueKind::AaveV3 { .. }) => (0, ATOKEN_ROUNDING),
            _ => (self.limits.slippage_bps_max, Amount::ZERO),
        }
    }

    /// Base units by which a balance of `asset` may miss what moved.
    #[inline]
    pub fn rounding_of(&self, asset: AssetId) -> Amount {
        let is_atoken = |vault: &Vault| vault.shares == asset && matches!(vault.kind, VenueKind::AaveV3 { .. });
        if self.vaults().any(|vault| is_atoken(&vault)) { ATOKEN_ROUNDING } else { Amount::ZERO }
    }
}
