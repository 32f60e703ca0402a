//! Who may be paid, and how much.

use crate::{Terms, Value};
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// Somebody beside the treasury's own accounts who may be paid. An unset cap is `u64::MAX`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterparty {
    /// Name in the policy.
    pub name: String,
    /// Where it is paid.
    pub address: Address,
    /// Most that one proposal pays it, bps of NAV.
    pub proposal_bps_max: u64,
    /// Most that it is paid in an hour, a day, a week and thirty days, bps of NAV.
    pub window_bps_max: [u64; 4],
}

impl Counterparty {
    /// Without caps of its own.
    pub fn new(name: impl Into<String>, address: Address) -> Self {
        Self { name: name.into(), address, proposal_bps_max: u64::MAX, window_bps_max: [u64::MAX; 4] }
    }

    /// Whether anything caps what it is paid.
    pub fn is_capped(&self) -> bool {
        self.proposal_bps_max != u64::MAX || self.has_windows()
    }

    /// Whether anything caps what it is paid in a rolling window.
    pub fn has_windows(&self) -> bool {
        self.window_bps_max.iter().any(|bps| *bps != u64::MAX)
    }
}

/// What waits to be paid to one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// To whom.
    pub to: Address,
    /// What it was worth when it was decided.
    pub value: Value,
}

impl Terms {
    /// The counterparty at this address.
    pub fn counterparty_at(&self, address: Address) -> Option<&Counterparty> {
        self.counterparties.iter().find(|it| it.address == address)
    }

    /// Those of these items that pay a counterparty with caps on rolling windows: what is kept of what waits, so that it
    /// counts.
    pub fn dues(&self, items: impl Iterator<Item = (Address, Value)>) -> Vec<Due> {
        if !self.counterparties.iter().any(Counterparty::has_windows) {
            return Vec::new();
        }
        let is_capped = |to: Address| self.counterparty_at(to).is_some_and(Counterparty::has_windows);
        items.filter(|(to, _)| is_capped(*to)).map(|(to, value)| Due { to, value }).collect()
    }
}
