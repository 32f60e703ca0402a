//! Treasuries in which one difference should tell: everything else lets pass, and what it is about lies between the two
//! policies.

use super::{
    bearing::limit_of,
    changes::Difference,
    effects,
    plans::Focus,
    treasury::{PIPS, Pair, Tilt},
    world::{Call, Deed, Past, World},
};
use crate::words::value_text;
use alloy_primitives::{Address, keccak256};
use quaestor_core::{
    Amount, Value,
    amount::WAD,
    policy::{Limits, RiskTerms},
    snapshot::WINDOW_SECS,
};
use std::collections::BTreeMap;

/// Most accounts whose money is tried.
const MAINS_MAX: usize = 3;
/// A share just beside a limit: a tenth of a percent, pips.
pub(super) const NEAR: u64 = 1_000;

/// A treasury, whose money moves, and what to look at.
#[derive(Debug, Clone)]
pub(super) struct Situation {
    pub(super) world: World,
    pub(super) main: Address,
    pub(super) focus: Focus,
    /// What another account does first in the same decision, and what that is worth.
    pub(super) before: Option<(Deed, Value)>,
}

/// The situations for `difference`, the likeliest first.
pub(super) fn of(pair: &Pair<'_>, difference: &Difference) -> Vec<Situation> {
    let parts: Vec<&str> = difference.parts.iter().map(String::as_str).collect();
    let scout = Scout { pair, mains: pair.spenders().into_iter().take(MAINS_MAX).collect() };
    match parts.as_slice() {
        ["policy", "expires"] => scout.expiry(),
        ["policy", "chain"] => scout.chains(),
        ["accounts", name, ..] => scout.account(name),
        ["assets", name, "staleness_max"] => scout.ages(Some(name)),
        ["assets", name, rest @ ..] => scout.asset(name, rest.first().copied()),
        ["allocation", symbol, ..] => scout.band(symbol),
        ["oracles", _] => {
            let (least, most) = scout.ends("price_deviation_bps_max");
            let least = least.min(most).min(4_000);
            scout.deviations(least, least.saturating_mul(3).saturating_add(2))
        }
        ["limits", key] => scout.limit(key),
        ["risk", key] => scout.risk(key),
        ["emergency", ..] => scout.risk("on_breach"),
        ["groups", name, ..] => scout.group(name),
        ["venues", name, "share_bps_max"] => scout.vault_share(name),
        ["venues", name, ..] => scout.venue(name),
        ["counterparties", name, key] if *key != "address" => scout.paid(name, key),
        ["counterparties", name, ..] => scout.payee(name),
        ["payments", name, ..] => scout.budget_line(name),
        ["strategies", name, ..] => {
            let focus = Focus { line: Some(keccak256(name)), only: true, ..Focus::default() };
            scout.plain(&Tilt::default(), &focus)
        }
        _ => scout.plain(&Tilt::default(), &Focus::default()),
    }
}

/// Makes situations.
pub(super) struct Scout<'a> {
    pub(super) pair: &'a Pair<'a>,
    /// Whose money is moved.
    pub(super) mains: Vec<Address>,
}

impl Scout<'_> {
    /// A treasury for each account that may spend, and for each word on what is so.
    pub(super) fn plain(&self, tilt: &Tilt, focus: &Focus) -> Vec<Situation> {
        self.changed(tilt, focus, &|world| world)
    }

    /// The same, changed.
    pub(super) fn changed(&self, tilt: &Tilt, focus: &Focus, change: &dyn Fn(World) -> World) -> Vec<Situation> {
        let mut all = Vec::new();
        for believed in self.pair.believed() {
            let situation = |main: &Address| {
                let world = change(self.pair.treasury(*main, tilt, believed));
                Situation { world, main: *main, focus: focus.clone(), before: None }
            };
            all.extend(self.mains.iter().map(situation));
        }
        all
    }

    /// With the money of the likeliest account alone.
    pub(super) fn first(&self) -> Self {
        Self { pair: self.pair, mains: self.mains.iter().copied().take(1).collect() }
    }

    /// Two accounts act in one decision: another one first moves so much of the whole, pips, to the one whose plans are
    /// tried.
    fn in_two_accounts(&self, pips: u64) -> Vec<Situation> {
        let others = self.pair.accounts.iter().filter(|(_, common)| **common).map(|(account, _)| *account);
        let token = self.pair.tokens.iter().find(|(_, token)| token.is_common).map(|(token, _)| *token);
        let (Some(other), Some(token)) = (others.into_iter().find(|it| !self.mains.starts_with(&[*it])), token) else {
            return Vec::new();
        };
        let mut all = self.first().plain(&Tilt::default(), &Focus::default());
        for situation in &mut all {
            let worth = self.worth(&situation.world);
            let value = Value(worth / u128::from(PIPS) * u128::from(pips));
            self.pair.hold(&mut situation.world, other, token, value);
            let amount = self.pair.amount(&situation.world, token, value);
            let (line, call) = (self.pair.line(), Call::Transfer { to: situation.main });
            let deed = Deed { account: other, line, period: None, give: token, call, amount, least: Amount::ZERO };
            situation.before = Some((deed, value));
        }
        all
    }

    pub(super) fn limits(&self) -> [&Limits; 2] {
        self.pair.terms().map(|terms| &terms.limits)
    }

    /// Smaller and larger of a number of the envelope.
    fn ends(&self, key: &str) -> (u64, u64) {
        let [old, new] = self.limits().map(|limits| limit_of(limits, key).unwrap_or_default());
        (old.min(new), old.max(new))
    }

    fn expiry(&self) -> Vec<Situation> {
        let [old, new] = self.pair.terms().map(|terms| terms.expires_at);
        let (least, most) = (old.min(new), old.max(new));
        let now = round_secs(least, most.saturating_sub(1));
        self.changed(&Tilt::default(), &Focus::default(), &|world| World { now, ..world })
    }

    fn chains(&self) -> Vec<Situation> {
        let chains = self.pair.terms().map(|terms| terms.chain_id);
        let on = |chain_id: u64| {
            let note = format!("on the chain eip155:{chain_id}");
            self.first().changed(&Tilt::default(), &Focus::default(), &move |world| {
                World { chain_id, ..world }.noted(note.clone())
            })
        };
        let mut chains = chains.to_vec();
        chains.sort_unstable();
        chains.into_iter().flat_map(on).collect()
    }

    fn limit(&self, key: &str) -> Vec<Situation> {
        let (least, most) = self.ends(key);
        let windows = ["hour_bps_max", "day_bps_max", "week_bps_max", "month_bps_max"];
        if let Some(place) = windows.iter().position(|window| *window == key) {
            let mut all = self.plain(&Tilt::default(), &Focus::default());
            all.extend(self.spent(place, least, most, None));
            all.extend(self.in_two_accounts(least.saturating_mul(100) / 3 * 2));
            all.extend(self.in_two_accounts(least.saturating_mul(100) / 3));
            all.extend(self.first().heavy());
            return all;
        }
        match key {
            "proposal_bps_max" => {
                let mut all = self.plain(&Tilt::default(), &Focus::default());
                // A share of a proposal grows with it.
                let strategies = self.pair.terms().into_iter().flat_map(|terms| &terms.strategies);
                let mut lines: Vec<_> = strategies.filter(|it| it.share_bps_max.is_some()).map(|it| it.line).collect();
                lines.sort_unstable();
                lines.dedup();
                for line in lines {
                    let focus = Focus { line: Some(line), ..Focus::default() };
                    all.extend(self.plain(&Tilt::default(), &focus));
                }
                all.extend(self.heavy());
                all
            }
            "slippage_bps_max" => {
                let lost_half_bps = least.saturating_add(most.min(10_000));
                let focus = Focus { lost_half_bps, ..Focus::default() };
                self.plain(&Tilt::default(), &focus)
            }
            "native_share_bps_max" => self.native(),
            "price_age_max" => self.ages(None),
            "price_deviation_bps_max" => self.deviations(least, most.min(10_000)),
            "price_quorum_min" => self.quorums(least.max(1)),
            "proposals_per_day_max" => {
                let mut all = self.batches(least);
                all.extend(self.in_two_accounts(NEAR / 10));
                all
            }
            "cooldown_min" => {
                let waited = round_secs(least, most.saturating_sub(1));
                self.changed(&Tilt::default(), &Focus::default(), &|world| {
                    world
                        .with_past(1, waited, Value(WAD))
                        .noted(format!("{} after the last batch", effects::length(waited)))
                })
            }
            "stable_share_bps_min" => self.stable_shares(least, most),
            _ => self.plain(&Tilt::default(), &Focus::default()),
        }
    }

    /// Nearly all of the treasury in one token, so that a single call can move much.
    fn heavy(&self) -> Vec<Situation> {
        let tokens = self.pair.tokens.iter().filter(|(_, token)| token.is_common);
        let heavy = |address: &Address| {
            let tilt = Tilt { shares: BTreeMap::from([(*address, PIPS / 10 * 9)]), ..Tilt::default() };
            self.plain(&tilt, &Focus { address: Some(*address), ..Focus::default() })
        };
        tokens.take(4).flat_map(|(address, _)| heavy(address)).collect()
    }

    /// So much was moved before, or paid to `to`, within the window at `place` and outside of every shorter one, that a
    /// small call lands between the two caps.
    pub(super) fn spent(&self, place: usize, least: u64, most: u64, to: Option<Address>) -> Vec<Situation> {
        let Some(window) = WINDOW_SECS.get(place) else { return Vec::new() };
        let shorter = place.checked_sub(1).and_then(|place| WINDOW_SECS.get(place)).copied().unwrap_or_default();
        let most = if most == u64::MAX { least.saturating_add(least / 5).saturating_add(100) } else { most };
        let others = |limits: &Limits| {
            let windows = limits.window_bps_max.into_iter().enumerate().filter(move |(other, _)| *other < place);
            windows.map(|(_, bps)| bps).chain([limits.proposal_bps_max]).filter(|bps| *bps != u64::MAX).min()
        };
        let mut caps: Vec<u64> = self.limits().into_iter().filter_map(others).collect();
        let receivers = self.pair.terms().into_iter().filter_map(|terms| terms.counterparty_at(to?));
        caps.extend(receivers.flat_map(|it| it.window_bps_max.into_iter().take(place).chain([it.proposal_bps_max])));
        caps.retain(|bps| *bps != u64::MAX);
        let focus = Focus { address: to, only: to.is_some(), ..Focus::default() };
        let receiver = to.map(|to| format!(" paid to {}", self.name_of(to))).unwrap_or_default();
        let name = ["hour", "24 hours", "seven days", "thirty days"].get(place).copied().unwrap_or_default();
        let mut cooldowns = self.limits().map(|limits| limits.cooldown_secs_min).to_vec();
        cooldowns.sort_unstable_by_key(|secs| std::cmp::Reverse(*secs));
        cooldowns.dedup();
        let after = |cooldown: u64| {
            let secs_ago = (shorter + (window - shorter) / 2).max(cooldown.saturating_add(1));
            self.changed(&Tilt::default(), &focus, &|world| {
                let nav = self.worth(&world);
                let part = |bps: u64| nav.checked_mul(u128::from(bps)).map(|scaled| Value(scaled / 10_000));
                let (Some(least), Some(most)) = (part(least), part(most)) else { return world };
                // Below the smaller one by less than the other caps let pass, so that what comes next exceeds it.
                let room = caps.iter().filter_map(|bps| part(*bps)).map(|cap| cap.0 / 2).min().unwrap_or(u128::MAX);
                let room = room.min(most.0.saturating_sub(least.0) / 2).min(least.0 / 2);
                let spent = Value(least.0.saturating_sub(room));
                let note = format!("after {}{receiver} in the last {name}", value_text(spent));
                let mut world = world.with_past(1, secs_ago, spent).noted(note);
                world.past.iter_mut().for_each(|past| past.to = to.unwrap_or_default());
                world
            })
        };
        cooldowns.into_iter().flat_map(after).collect()
    }

    fn name_of(&self, address: Address) -> String {
        self.pair.names.get(&address).cloned().unwrap_or_else(|| address.to_checksum(None))
    }

    /// What is held, in the quote currency.
    fn worth(&self, world: &World) -> u128 {
        let value = |((_, token), amount): (&(Address, Address), &quaestor_core::Amount)| {
            let listed = self.pair.tokens.get(token)?;
            let price = listed.feeds.first().or_else(|| {
                let of = listed.vault_of.and_then(|asset| self.pair.tokens.get(&asset))?;
                of.feeds.first()
            });
            let price = world.feeds.get(price?)?.price?;
            amount.value_at(price, quaestor_core::amount::pow10(*world.decimals.get(token)?))
        };
        world.held.iter().filter_map(value).fold(0u128, |sum, value| sum.saturating_add(value.0))
    }

    fn batches(&self, least: u64) -> Vec<Situation> {
        let cooldown = self.limits().map(|limits| limits.cooldown_secs_min).into_iter().max().unwrap_or_default();
        let secs_ago = cooldown.saturating_add(1).max(7_200);
        let count = usize::try_from(least.min(64)).unwrap_or_default();
        self.changed(&Tilt::default(), &Focus::default(), &|world| {
            let note = match count {
                1 => "after one batch in the last 24 hours".to_owned(),
                _ => format!("after {count} batches in the last 24 hours"),
            };
            world.with_past(count, secs_ago, Value(WAD)).noted(note)
        })
    }

    fn stable_shares(&self, least: u64, most: u64) -> Vec<Situation> {
        let (least, most) = (least.saturating_mul(100), most.saturating_mul(100));
        let shares = [middle(least, most), least.saturating_add(NEAR), most.saturating_add(NEAR)];
        let with = |stable: u64| {
            let tilt = Tilt { stable: Some(stable.min(PIPS)), ..Tilt::default() };
            self.plain(&tilt, &Focus::default())
        };
        shares.into_iter().flat_map(with).collect()
    }

    fn risk(&self, key: &str) -> Vec<Situation> {
        let of = |risk: &RiskTerms| {
            [
                risk.volatility_bps_max,
                risk.value_at_risk_bps_max,
                risk.expected_shortfall_bps_max,
                risk.drawdown_probability_bps_max,
            ]
        };
        let names = ["volatility", "value at risk", "expected shortfall", "the probability of a drawdown"];
        let keys = [
            "volatility_bps_max",
            "value_at_risk_bps_max",
            "expected_shortfall_bps_max",
            "drawdown_probability_bps_max",
        ];
        let [old, new] = self.pair.terms().map(|terms| of(&terms.risk));
        let mut all = Vec::new();
        for (place, ((name, own), (old, new))) in names.iter().zip(keys).zip(old.into_iter().zip(new)).enumerate() {
            let forecasts: Vec<Option<u64>> = match (old, new) {
                _ if own != key && key != "on_breach" => continue,
                // What no ceiling refuses: above the one that there is.
                (Some(one), None) | (None, Some(one)) => vec![Some(one.saturating_add(1)), None],
                (Some(one), Some(two)) if one != two => {
                    vec![Some(middle(one.min(two), one.max(two)).max(one.min(two) + 1))]
                }
                (Some(one), Some(_)) => vec![Some(one.saturating_add(1))],
                (None, None) => continue,
            };
            for forecast in forecasts {
                let note = match forecast {
                    Some(bps) => format!("while {name} is forecast at {bps} bps"),
                    None => format!("while nobody forecasts {name}"),
                };
                all.extend(self.changed(&Tilt::default(), &Focus::default(), &|mut world| {
                    if let Some(slot) = world.forecast.get_mut(place) {
                        *slot = forecast;
                    }
                    world.noted(note.clone())
                }));
            }
        }
        all
    }
}

/// Between two times, both of them included: a round one, if there is one.
pub(super) fn round_secs(least: u64, most: u64) -> u64 {
    let middle = middle(least, most);
    let rounded = [86_400, 3_600, 60].map(|unit| middle / unit * unit);
    rounded.into_iter().find(|secs| *secs >= least && *secs > 0).unwrap_or(middle)
}

/// Halfway, rounded down.
pub(super) fn middle(least: u64, most: u64) -> u64 {
    least + most.saturating_sub(least) / 2
}

impl World {
    /// With so many batches before, a second apart.
    fn with_past(mut self, count: usize, secs_ago: u64, value: Value) -> Self {
        let Some((account, _)) = self.held.keys().next().copied() else { return self };
        let places = 0..u64::try_from(count).unwrap_or(u64::MAX);
        self.past.extend(places.rev().map(|place| Past {
            secs_ago: secs_ago.saturating_add(place),
            account,
            to: Address::ZERO,
            value,
        }));
        self
    }
}
