//! What the parts of the treasury that the policy bounds leave a plan that first sells for cash and then buys with it.

use crate::swap::least_share;
use quaestor_core::{AssetId, Outlook, Value, pipeline::Context, policy::PartShare};

/// An exchange that the plan has granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Granted {
    /// What it gives.
    pub(crate) sell: AssetId,
    /// What it brings.
    pub(crate) buy: AssetId,
    /// What is given, at the oracle's prices.
    pub(crate) value: Value,
    /// What it brings at the least, at the oracle's prices.
    pub(crate) brought: Value,
}

/// Most value that the next exchange may move from `sell` to `buy`, after what `outlook` counts as done and what was
/// `granted`. One of the two is `cash`. All sales are carried out before all purchases, in whatever order they are granted.
/// `None` when a number leaves its range.
pub(crate) fn part_room(
    cx: &Context<'_>,
    outlook: &Outlook<'_>,
    granted: impl Iterator<Item = Granted> + Clone,
    cash: AssetId,
    (sell, buy): (AssetId, AssetId),
) -> Option<Value> {
    let (terms, mut room) = (cx.terms, Value(u128::MAX));
    for PartShare { part, min_bps, max_bps } in terms.parts() {
        let gives = terms.is_in(part, sell);
        if gives == terms.is_in(part, buy) {
            continue;
        }
        let (nav, held) = (outlook.nav()?, outlook.value_in(part)?);
        // At the most before a purchase lets it grow, and at the least before one lets it shrink.
        let (mut high, mut low) = (held, held);
        for Granted { sell, buy, value, brought } in granted.clone() {
            let (gives, takes, is_sale) = (terms.is_in(part, sell), terms.is_in(part, buy), buy == cash);
            match (gives, takes) {
                (true, false) => {
                    low = low.saturating_sub(value);
                    high = if is_sale { high.saturating_sub(value) } else { high };
                }
                (false, true) => {
                    high = high.checked_add(value)?;
                    low = if is_sale { low.checked_add(brought)? } else { low };
                }
                _ => {}
            }
        }
        let left = if gives {
            low.saturating_sub(least_share(nav, min_bps)?)
        } else {
            nav.share(max_bps)?.saturating_sub(high)
        };
        room = room.min(left);
    }
    Some(room)
}
