//! Treasuries and decisions at random, the same ones each time: for what nobody thought of.

use super::{
    plans::{self, Focus},
    treasury::{Believed, PIPS, Pair, Tilt, identity},
    world::{Call, Deed, Past, World},
};
use crate::hearing::{Hearing, Stated};
use alloy_primitives::{Address, keccak256};
use quaestor_core::{
    Amount, Terms, Value,
    amount::WAD,
    policy::{BudgetLine, RiskTerms},
};
use std::collections::BTreeMap;

/// Decisions that are tried in one treasury.
pub(super) const TRIES: usize = 8;
/// Most intents of a decision.
const INTENTS_MAX: u64 = 3;

/// A treasury with decisions in it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) world: World,
    pub(super) decisions: Vec<Vec<Deed>>,
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; zero where that is zero.
    fn below(&mut self, end: u64) -> u64 {
        self.roll().checked_rem(end).unwrap_or_default()
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        let place = self.below(u64::try_from(among.len()).unwrap_or(u64::MAX));
        among.get(usize::try_from(place).unwrap_or_default())
    }
}

/// Cases without end, the same for two policies whichever is the older.
pub(super) fn cases<'p>(pair: &'p Pair<'p>) -> impl Iterator<Item = Case> + 'p {
    let mut texts = [pair.old, pair.new].map(identity);
    texts.sort_unstable();
    let seed = keccak256(texts.concat());
    let mut dice = Dice(seed.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte)));
    std::iter::from_fn(move || Some(case(pair, &mut dice)))
}

fn case(pair: &Pair<'_>, dice: &mut Dice) -> Case {
    let spenders = pair.spenders();
    let main = dice.of(&spenders).copied().unwrap_or_default();
    let mut tilt = Tilt::default();
    let mut left = PIPS;
    for token in pair.tokens.keys() {
        if dice.one_in(2) {
            let share = dice.below(left);
            tilt.shares.insert(*token, share);
            left -= share;
        }
    }
    let believed = pair.believed();
    let believed = dice.of(&believed).copied().unwrap_or(Believed::Old);
    let mut world = pair.treasury(main, &tilt, believed);
    feeds(pair, dice, &mut world);
    past(pair, dice, &mut world);
    forecast(pair, dice, &mut world);
    if dice.one_in(8) {
        let expires = pair.terms().map(|terms| terms.expires_at);
        let from = expires.into_iter().min().unwrap_or_default().saturating_sub(1_000);
        let until = expires.into_iter().max().unwrap_or_default().saturating_add(1_000);
        world.now = from + dice.below(until - from);
    }
    if dice.one_in(4) {
        let (account, token) = (*dice.of(&spenders).unwrap_or(&main), pair.tokens.keys().copied().collect::<Vec<_>>());
        if let Some(token) = dice.of(&token) {
            pair.hold(&mut world, account, *token, Value(u128::from(dice.below(6_000_000)) * WAD));
        }
    }
    let decisions = decisions(pair, dice, &world, main);
    let world = world.noted("in a treasury made at random");
    Case { world, decisions }
}

fn feeds(pair: &Pair<'_>, dice: &mut Dice, world: &mut World) {
    for feed in world.feeds.values_mut() {
        if dice.one_in(6) {
            let oldest = pair.terms().map(|terms| {
                let staleness = terms.assets.iter().map(|asset| asset.staleness_secs_max).max();
                staleness.unwrap_or_default().min(terms.limits.price_age_secs_max)
            });
            feed.age_secs = dice.below(oldest.into_iter().max().unwrap_or_default().saturating_mul(2)).min(world.now);
        }
        if dice.one_in(24) {
            feed.price = None;
        }
    }
    for tick in world.ticks.values_mut() {
        *tick += i32::try_from(dice.below(401)).unwrap_or_default() - 200;
    }
    let known: Vec<_> = world.feeds.keys().copied().collect();
    if dice.one_in(4)
        && let Some(feed) = dice.of(&known)
    {
        let bps = 9_000 + dice.below(2_000);
        *world = world.clone().priced_bps(*feed, bps);
    }
}

fn past(pair: &Pair<'_>, dice: &mut Dice, world: &mut World) {
    let (spenders, payees) = (pair.spenders(), pair.payees.keys().copied().collect::<Vec<_>>());
    let count = if dice.one_in(2) { 0 } else { dice.below(6) };
    let mut ages: Vec<u64> = (0..count).map(|_| 1 + dice.below(3_000_000) / (1 + dice.below(1_000))).collect();
    ages.sort_unstable_by_key(|secs| std::cmp::Reverse(*secs));
    for secs_ago in ages {
        let value = Value(u128::from(dice.below(600_000) / (1 + dice.below(50))) * WAD);
        let account = dice.of(&spenders).copied().unwrap_or_default();
        let to = if dice.one_in(2) { dice.of(&payees).copied().unwrap_or_default() } else { Address::ZERO };
        world.past.push(Past { secs_ago, account, to, value });
    }
}

fn forecast(pair: &Pair<'_>, dice: &mut Dice, world: &mut World) {
    let of = |risk: &RiskTerms| {
        [
            risk.volatility_bps_max,
            risk.value_at_risk_bps_max,
            risk.expected_shortfall_bps_max,
            risk.drawdown_probability_bps_max,
        ]
    };
    if dice.one_in(2) {
        return;
    }
    let ceilings = pair.terms().map(|terms| of(&terms.risk));
    for (place, slot) in world.forecast.iter_mut().enumerate() {
        let highest = ceilings.iter().filter_map(|all| *all.get(place)?).max().unwrap_or_default();
        *slot = if dice.one_in(6) { None } else { Some(dice.below(highest.saturating_mul(2).saturating_add(2))) };
    }
}

fn decisions(pair: &Pair<'_>, dice: &mut Dice, world: &World, main: Address) -> Vec<Vec<Deed>> {
    // The prices of whichever policy has any; which one goes first must not depend on which is the older.
    let mut policies = [pair.old, pair.new];
    policies.sort_by_key(|policy| identity(policy));
    let seen = policies.map(|policy| world.seen_by(policy));
    let heard = policies.iter().zip(&seen).find_map(|(policy, seen)| {
        Hearing::new(*policy, &seen.snapshot, &seen.history, &Stated(seen.forecast.clone())).ok()
    });
    let Some(hearing) = heard else { return Vec::new() };
    let cx = hearing.context();
    let lines: Vec<_> = pair.lines.keys().copied().collect();
    let plans = pair.plans(main, &Focus::default());
    let slippage = pair.terms().map(|terms| terms.limits.slippage_bps_max).into_iter().max().unwrap_or_default();
    let deed = |dice: &mut Dice| {
        if dice.one_in(6)
            && let Some(deed) = payment(pair, dice, world.now)
        {
            return Some(deed);
        }
        let mut plan = *dice.of(&plans)?;
        plan.line = dice.of(&lines).copied().unwrap_or(plan.line);
        // From dust to half of everything, small ones more often.
        let most = (WAD << dice.below(23)).max(WAD);
        let value = Value(most / 1_000 * u128::from(1 + dice.below(1_000)));
        let least = Value(value.0 / 2);
        plans::deed(&cx, main, &plan, (least, value), dice.below(slippage.saturating_mul(3).saturating_add(1)))
    };
    let mut decision = |_| {
        let count = 1 + dice.below(INTENTS_MAX);
        (0..count).filter_map(|_| deed(dice)).collect::<Vec<_>>()
    };
    (0..TRIES).map(&mut decision).filter(|deeds| !deeds.is_empty()).collect()
}

/// What a budget line of either pays, or a part of it, or a little more.
fn payment(pair: &Pair<'_>, dice: &mut Dice, now: u64) -> Option<Deed> {
    let lines: BTreeMap<_, _> = pair
        .terms()
        .into_iter()
        .flat_map(|terms| terms.payments.iter().map(move |line| (identity_of(terms, line), (terms, line))))
        .collect();
    let lines: Vec<_> = lines.into_values().collect();
    let (terms, line) = *dice.of(&lines)?;
    let periods: Vec<u64> = line.payable(now).collect();
    let period = dice.of(&periods).copied().or(line.period_at(now))?;
    let amount = Amount(line.amount.0 / 16 * u128::from(1 + dice.below(17)));
    let (account, give) = (terms.account(line.account)?.address, terms.asset(line.asset)?.address);
    let call = Call::Transfer { to: line.to };
    Some(Deed { account, line: line.line, period: Some(period), give, call, amount, least: Amount::ZERO })
}

/// What a budget line says, by addresses: the same for two lines that say the same.
fn identity_of(terms: &Terms, line: &BudgetLine) -> String {
    let BudgetLine { account, to, asset, amount, every, begin, end, catch_up, .. } = line;
    let account = terms.account(*account).map(|it| it.address).unwrap_or_default();
    let asset = terms.asset(*asset).map(|it| it.address).unwrap_or_default();
    format!("{} {account} {to} {asset} {amount:?} {every:?} {begin} {end} {catch_up}", line.line)
}
