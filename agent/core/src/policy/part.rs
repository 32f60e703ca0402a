//! Parts of the treasury whose share of NAV the policy bounds as a whole.

use crate::{AssetId, AssetKind, Terms, Venue, VenueId, amount::BPS_FACTOR};
use serde::{Deserialize, Serialize};

/// Most parts of a policy: one bit for each in what a judge looks up.
pub const PARTS_MAX: usize = 64;

/// Assets that the policy bounds together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Name in the policy.
    pub name: String,
    /// Its assets, in the policy's order.
    pub assets: Vec<AssetId>,
    /// Least share of NAV.
    pub min_bps: u64,
    /// Greatest share of NAV.
    pub max_bps: u64,
}

/// Index of a group in [`Terms::groups`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(pub u16);

impl GroupId {
    /// Position in its list.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A part of the treasury.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The assets of a group.
    Group(GroupId),
    /// The DAO's own token, and the shares of vaults for it.
    Native,
    /// What lies in a vault: its shares.
    Vault(VenueId),
}

/// The share of NAV that a part may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartShare {
    /// Which part.
    pub part: Part,
    /// Least share of NAV.
    pub min_bps: u64,
    /// Greatest share of NAV.
    pub max_bps: u64,
}

impl Terms {
    /// The group at `id`.
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(id.index())
    }

    /// Every part whose share is bounded, at most [`PARTS_MAX`], in a fixed order.
    pub fn parts(&self) -> impl Iterator<Item = PartShare> {
        let group = |(group, id): (&Group, u16)| {
            let Group { min_bps, max_bps, .. } = *group;
            PartShare { part: Part::Group(GroupId(id)), min_bps, max_bps }
        };
        // A share of all of it or more is no bound.
        let capped = |part, max_bps| (max_bps < BPS_FACTOR).then_some(PartShare { part, min_bps: 0, max_bps });
        let native = capped(Part::Native, self.limits.native_share_bps_max);
        let vault = move |(venue, id): (&Venue, u16)| capped(Part::Vault(VenueId(id)), venue.share_bps_max?);
        self.groups.iter().zip(0..).map(group).chain(native).chain(self.venues.iter().zip(0..).filter_map(vault))
    }

    /// Whether `asset` is of this part.
    #[inline]
    pub fn is_in(&self, part: Part, asset: AssetId) -> bool {
        match part {
            Part::Group(id) => self.group(id).is_some_and(|group| group.assets.contains(&asset)),
            Part::Vault(id) => self.vault(id).is_some_and(|vault| vault.shares == asset),
            Part::Native => self.asset(asset).is_some_and(|it| it.kind == AssetKind::Native),
        }
    }

    /// Every asset of this part, in the order of the assets.
    pub fn assets_in(&self, part: Part) -> impl Iterator<Item = AssetId> {
        let ids = (0..self.assets.len()).filter_map(|index| u16::try_from(index).ok());
        ids.map(AssetId).filter(move |asset| self.is_in(part, *asset))
    }
}
