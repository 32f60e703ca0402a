//! Parts of the treasury that are bounded as a whole. Only exchanges are judged here: a sale only lowers and a purchase only
//! raises a share, so that what leads back from outside is never refused, and what is exchanged within a part leaves it as it is.

use super::{
    Flow, Lookup,
    intent::{Move, moved},
    refuse,
    shares::{compare_share, compare_shares},
};
use arrayvec::ArrayVec;
use quaestor_core::{
    AssetId, Intent, Outlook, Rule, Terms, Value,
    pipeline::Context,
    policy::{PARTS_MAX, Part, PartShare},
    snapshot::Tally,
    verdict::{INPUTS_MAX, InputName, Quantity},
};
use std::{
    cmp::Ordering,
    ops::ControlFlow::{self, Continue},
};

/// What judging looks up of the parts of a policy.
#[derive(Debug, Default)]
pub(super) struct Parts {
    shares: Vec<PartShare>,
    /// Of each asset the parts that it is in, one bit for each; empty where the policy bounds none.
    of: Vec<u64>,
}

impl Parts {
    pub(super) fn new(terms: &Terms) -> Self {
        let shares: Vec<PartShare> = terms.parts().take(PARTS_MAX).collect();
        if shares.is_empty() {
            return Self::default();
        }
        let ids = (0..terms.assets.len()).filter_map(|index| u16::try_from(index).ok().map(AssetId));
        let bits = |asset: AssetId| {
            let is_in = |(_, share): &(u64, &PartShare)| terms.is_in(share.part, asset);
            bits().zip(&shares).filter(is_in).fold(0, |all, (bit, _)| all | bit)
        };
        Self { of: ids.map(bits).collect(), shares }
    }

    #[inline]
    fn of(&self, asset: AssetId) -> u64 {
        self.of.get(asset.index()).copied().unwrap_or_default()
    }

    /// The parts that have only one of the two: an exchange between them changes these and no other.
    #[inline]
    fn between(&self, sell: AssetId, buy: AssetId) -> u64 {
        self.of(sell) ^ self.of(buy)
    }

    /// The parts of these bits, each with its bit.
    fn among(&self, bits: u64) -> impl Iterator<Item = (u64, &PartShare)> {
        self::bits().zip(&self.shares).filter(move |(bit, _)| bits & bit != 0)
    }
}

fn bits() -> impl Iterator<Item = u64> {
    (0..u64::BITS).map(|place| 1 << place)
}

/// The rules of least and of greatest share, and what names the part in a receipt where the rule does not.
fn rules(part: Part) -> (Rule, Rule, Option<(InputName, Quantity)>) {
    match part {
        Part::Group(id) => (Rule::GroupMin, Rule::GroupMax, Some((InputName::Group, Quantity::Group(id)))),
        // These have no least share that could refuse.
        Part::Vault(id) => {
            let venue = (InputName::Venue, Quantity::Venue(id));
            (Rule::VenueShareBpsMax, Rule::VenueShareBpsMax, Some(venue))
        }
        Part::Native => (Rule::NativeShareBpsMax, Rule::NativeShareBpsMax, None),
    }
}

/// Judges an exchange of `value` of the intent's asset for `buy`.
#[inline]
pub(super) fn of_intent(
    parts: &Parts,
    cx: &Context<'_>,
    tally: &Tally<'_>,
    intent: &Intent,
    buy: AssetId,
    value: Value,
) -> Flow {
    match parts.between(intent.asset, buy) {
        0 => Continue(()),
        changed => exchanged(parts, &Outlook::new(cx, *tally), (cx, intent), changed, value),
    }
}

fn exchanged(
    parts: &Parts,
    outlook: &Outlook<'_>,
    (cx, intent): (&Context<'_>, &Intent),
    changed: u64,
    value: Value,
) -> Flow {
    let nav = known(cx, outlook.nav())?;
    for (bit, PartShare { part, min_bps, max_bps }) in parts.among(changed) {
        let held = known(cx, outlook.value_in(*part))?;
        let (least, most, named) = rules(*part);
        let (rule, limit, found) = if parts.of(intent.asset) & bit != 0 {
            let left = held.saturating_sub(value);
            if compare_share(left, nav, *min_bps) != Ordering::Less {
                continue;
            }
            (least, *min_bps, left.bps_of(nav))
        } else {
            let grown = held.saturating_add(value);
            if compare_share(grown, nav, *max_bps) != Ordering::Greater {
                continue;
            }
            (most, *max_bps, grown.bps_of_ceil(nav))
        };
        let looked_at = [
            (InputName::Asset, Quantity::Asset(intent.asset)),
            (InputName::Nav, Quantity::Value(nav)),
            (InputName::IntentValue, Quantity::Value(value)),
        ];
        let inputs: ArrayVec<_, INPUTS_MAX> = named.into_iter().chain(looked_at).collect();
        return refuse(cx, rule, Quantity::Bps(limit), Quantity::Bps(found.unwrap_or(u64::MAX)), &inputs);
    }
    Continue(())
}

/// A sum of an outlook; one that left its range is an unknown one.
fn known(cx: &Context<'_>, sum: Option<Value>) -> Flow<Value> {
    match sum {
        Some(sum) => Continue(sum),
        None => refuse(cx, Rule::PriceQuorumMin, Quantity::Count(1), Quantity::Count(0), &[]),
    }
}

/// Judges the parts that the exchanges of a batch have changed: each is within its share, or nearer to it than before. Greatest
/// shares are those of `worth`. `slipped` is the most that an exchange of a value may lose: what slips within a part does not
/// count against its least share.
pub(super) fn of_outcome(
    lookup: &Lookup,
    (before, after): (&Context<'_>, &Context<'_>),
    worth: Value,
    intents: &[Intent],
    slipped: impl Fn(Value) -> u128,
) -> Flow {
    let parts = &lookup.parts;
    if parts.shares.is_empty() {
        return Continue(());
    }
    let exchanges = || {
        intents.iter().filter_map(|intent| match moved(lookup, intent) {
            ControlFlow::Continue(Move::Exchange { buy, .. }) => Some((intent, buy)),
            _ => None,
        })
    };
    let changed = exchanges().fold(0, |all, (intent, buy)| all | parts.between(intent.asset, buy));
    for (bit, PartShare { part, min_bps, max_bps }) in parts.among(changed) {
        let value = |cx| known(before, Outlook::new(cx, Tally::default()).value_in(*part));
        let (held_before, held) = (value(before)?, value(after)?);
        let (nav_before, nav) = (before.valuation.nav, after.valuation.nav);
        let within = exchanges().filter(|(intent, buy)| parts.of(intent.asset) & parts.of(*buy) & bit != 0);
        let within = within.fold(0u128, |sum, (intent, _)| sum.saturating_add(slipped(intent.value)));
        let [kept, kept_nav] = [held, nav].map(|value| Value(value.0.saturating_add(within)));
        let (least, most, named) = rules(*part);
        let is_below = compare_share(kept, kept_nav, *min_bps) == Ordering::Less
            && compare_shares(kept, kept_nav, held_before, nav_before) == Ordering::Less;
        let is_above = compare_share(held, worth, *max_bps) == Ordering::Greater
            && compare_shares(held, worth, held_before, nav_before) == Ordering::Greater;
        let (rule, limit, found) = match (is_below, is_above) {
            (true, _) => (least, *min_bps, held.bps_of(nav)),
            (false, true) => (most, *max_bps, held.bps_of_ceil(worth)),
            (false, false) => continue,
        };
        let (limit, found) = (Quantity::Bps(limit), Quantity::Bps(found.unwrap_or(u64::MAX)));
        let inputs: ArrayVec<_, INPUTS_MAX> =
            named.into_iter().chain([(InputName::Nav, Quantity::Value(nav))]).collect();
        return refuse(before, rule, limit, found, &inputs);
    }
    Continue(())
}
