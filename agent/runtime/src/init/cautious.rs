//! Cautious numbers, shares and strategies for a policy to start from, whoever says what it is for.

use quaestor_core::{
    Asset, AssetId, AssetKind, Envelope, Limits, amount::BPS_FACTOR, policy::Band, strategy::ParamValue,
};
use quaestor_policies::{StrategyFacts, stable_share_left};

pub(super) const HOUR: u64 = 3_600;
pub(super) const DAY: u64 = 24 * HOUR;
/// Half a year: a policy should be voted again now and then.
pub(crate) const LIFE_SECS: u64 = 180 * DAY;
/// Least distance of a band's edges from its target, bps.
const BAND_BPS_MIN: u64 = 200;

/// Numbers within the ceilings of a registry: above them a submission would revert. Proposals on a Safe live for three days;
/// where members vote they must outlive a vote, which usually takes a day, a week and two days of timelock.
pub(super) fn limits(ceilings: &Envelope, assets: &[Asset], has_votes: bool) -> Limits {
    let at = |slot: usize| ceilings.get(slot).copied();
    let cap = |slot, wanted: u64| at(slot).map_or(wanted, |ceiling| wanted.min(ceiling));
    let floor = |slot, wanted: u64| at(slot).map_or(wanted, |least| wanted.max(least));
    // What no asset lets become so old needs no bound.
    let oldest_secs = assets.iter().map(|asset| asset.staleness_secs_max).max().unwrap_or(26 * HOUR);
    // One feed alone differs from nothing.
    let deviation_bps = if assets.iter().any(|asset| asset.feeds.len() > 1) { 200 } else { u64::MAX };
    Limits {
        proposal_bps_max: cap(0, 1_000),
        window_bps_max: [cap(1, 1_000), cap(2, 2_000), cap(3, 4_000), cap(4, 8_000)],
        slippage_bps_max: cap(5, 100),
        price_age_secs_max: cap(6, oldest_secs),
        price_deviation_bps_max: cap(7, deviation_bps),
        proposals_per_day_max: cap(8, 4),
        validity_secs_max: cap(9, if has_votes { 14 * DAY } else { 3 * DAY }),
        native_share_bps_max: cap(10, u64::MAX),
        stable_share_bps_min: floor(16, 0),
        price_quorum_min: floor(17, 1),
        cooldown_secs_min: floor(18, HOUR),
    }
}

/// A band around each share, in the order of the assets, with room of a quarter of it to both sides; the DAO's own token has
/// none, so that no program buys or sells it to reach a share. What the shares leave of the whole is the first one's.
pub(super) fn bands(assets: &[Asset], share: impl Fn(&str) -> u64) -> Vec<Band> {
    let whole = BPS_FACTOR;
    let rounded_off = whole.saturating_sub(assets.iter().map(|asset| share(&asset.symbol)).sum());
    let band = |(position, asset): (usize, &Asset)| {
        let target_bps = share(&asset.symbol) + if position == 0 { rounded_off } else { 0 };
        let room = (target_bps / 4).max(BAND_BPS_MIN);
        let (min_bps, max_bps) = (target_bps.saturating_sub(room), whole.min(target_bps + room));
        Some(Band { asset: AssetId(u16::try_from(position).ok()?), min_bps, target_bps, max_bps })
    };
    assets.iter().enumerate().filter(|(_, asset)| asset.kind != AssetKind::Native).filter_map(band).collect()
}

/// What bands leave in stable assets, so that the chain holds it too; where they promise nothing, half of what is in stable
/// assets by their targets.
pub(super) fn stable_share(assets: &[Asset], bands: &[Band]) -> u64 {
    let left = stable_share_left(assets, bands);
    if left > 0 {
        return left;
    }
    let is_stable = |band: &&Band| assets.get(band.asset.index()).is_some_and(|it| it.kind == AssetKind::Stable);
    bands.iter().filter(is_stable).map(|band| band.target_bps).sum::<u64>() / 2
}

/// Operations return to the targets through `cash`.
pub(super) fn rebalance(cash: &str) -> StrategyFacts {
    StrategyFacts {
        name: "rebalance".into(),
        kind: "rebalance".into(),
        about: "When a share leaves its band, trade back to the targets.".into(),
        params: params(&[("account", "operations"), ("cash", cash), ("trade_min", "1000 USD")]),
    }
}

/// Operations are refilled from the reserve, in whole tokens of `cash`.
pub(super) fn refill(cash: &str, low: u128, target: u128) -> StrategyFacts {
    let [low, target] = [low, target].map(|tokens| format!("{tokens} {cash}"));
    StrategyFacts {
        name: "refill".into(),
        kind: "refill".into(),
        about: "When operations run low, ask the members for money from the reserve.".into(),
        params: params(&[
            ("from", "reserve"),
            ("to", "operations"),
            ("asset", cash),
            ("low", &low),
            ("target", &target),
        ]),
    }
}

fn params(given: &[(&str, &str)]) -> Vec<(String, ParamValue)> {
    given.iter().map(|(key, text)| ((*key).to_owned(), ParamValue::Text((*text).to_owned()))).collect()
}
