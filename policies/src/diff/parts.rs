//! Situations for what is bounded together, for receivers with caps of their own, and for budget lines.

use super::{
    plans::Focus,
    situations::{NEAR, Scout, Situation, middle},
    treasury::{PIPS, Tilt},
    world::World,
};
use alloy_primitives::{Address, keccak256};
use quaestor_core::{AssetKind, Terms, policy::BudgetLine};
use std::collections::{BTreeMap, BTreeSet};

/// Most assets of a part that are moved in turn.
const LEADS_MAX: usize = 4;
/// Most periods, from the first one on, whose beginnings are tried.
const PERIODS_MAX: u64 = 4;
/// Most moments that are tried for a budget line.
const MOMENTS_MAX: usize = 32;

impl Scout<'_> {
    /// The share of the group beside each end of both.
    pub(super) fn group(&self, name: &str) -> Vec<Situation> {
        let mut tokens = BTreeSet::new();
        let mut ends = vec![0, 10_000];
        for terms in self.pair.terms() {
            let Some(group) = terms.groups.iter().find(|group| group.name == name) else { continue };
            tokens.extend(group.assets.iter().filter_map(|asset| terms.asset(*asset)).map(|asset| asset.address));
            ends.extend([group.min_bps, group.max_bps]);
        }
        self.part(&tokens, ends)
    }

    /// The share of the DAO's own token beside both caps.
    pub(super) fn native(&self) -> Vec<Situation> {
        let native = |terms: &Terms| {
            let native = terms.assets.iter().filter(|asset| asset.kind == AssetKind::Native);
            native.map(|asset| asset.address).collect::<Vec<_>>()
        };
        let tokens = self.pair.terms().into_iter().flat_map(native).collect();
        let caps = self.limits().map(|limits| limits.native_share_bps_max);
        self.part(&tokens, caps.to_vec())
    }

    /// What lies in the vault beside both caps.
    pub(super) fn vault_share(&self, name: &str) -> Vec<Situation> {
        let named = |terms: &'_ Terms| terms.venues.iter().find(|venue| venue.name == name).cloned();
        let venues: Vec<_> = self.pair.terms().into_iter().filter_map(named).collect();
        let tokens = venues.iter().map(|venue| venue.address).collect();
        self.part(&tokens, venues.iter().filter_map(|venue| venue.share_bps_max).collect())
    }

    /// These tokens together have a share beside each end: one of them much and the others little, each in turn, or all
    /// alike.
    fn part(&self, tokens: &BTreeSet<Address>, mut ends: Vec<u64>) -> Vec<Situation> {
        ends.retain(|bps| *bps <= 10_000);
        ends.sort_unstable();
        ends.dedup();
        let pips: Vec<u64> = ends.iter().map(|bps| bps.saturating_mul(100)).collect();
        let between = pips.windows(2).filter_map(|pair| match pair {
            [least, most] => Some(middle(*least, *most)),
            _ => None,
        });
        let beside = pips.iter().flat_map(|end| [end.saturating_sub(NEAR), end.saturating_add(NEAR)]);
        let wholes: Vec<u64> = between.chain(beside).filter(|pips| (1..=PIPS).contains(pips)).collect();
        let least = |token: &Address| self.pair.tokens.get(token).map_or(0, |token| token.least);
        let count = u64::try_from(tokens.len()).unwrap_or(u64::MAX).max(1);
        let mut all = Vec::new();
        for lead in tokens.iter().take(LEADS_MAX) {
            let focus = Focus { address: Some(*lead), ..Focus::default() };
            for whole in &wholes {
                let others: u64 = tokens.iter().filter(|token| *token != lead).map(least).sum();
                let share = |token: &Address| {
                    if token == lead { whole.saturating_sub(others) } else { least(token) }
                };
                let heavy: BTreeMap<_, _> = tokens.iter().map(|token| (*token, share(token))).collect();
                let even: BTreeMap<_, _> = tokens.iter().map(|token| (*token, whole / count)).collect();
                for shares in [heavy, even] {
                    all.extend(self.plain(&Tilt { shares, ..Tilt::default() }, &focus));
                }
            }
        }
        all
    }

    /// Payments to whom both or one of the two call so.
    pub(super) fn payee(&self, name: &str) -> Vec<Situation> {
        let to = |address: Address| {
            let focus = Focus { address: Some(address), only: true, ..Focus::default() };
            self.plain(&Tilt::default(), &focus)
        };
        self.addresses(name).into_iter().flat_map(to).collect()
    }

    /// The same after payments to it, so that the next one lands between the two caps of `key`.
    pub(super) fn paid(&self, name: &str, key: &str) -> Vec<Situation> {
        let mut all = self.payee(name);
        let windows = ["hour_bps_max", "day_bps_max", "week_bps_max", "month_bps_max"];
        let Some(place) = windows.iter().position(|window| *window == key) else { return all };
        let cap = |terms: &Terms| {
            let receiver = terms.counterparties.iter().find(|it| it.name == name)?;
            receiver.window_bps_max.get(place).copied()
        };
        let caps = self.pair.terms().map(|terms| cap(terms).unwrap_or(u64::MAX));
        let (least, most) = (caps.into_iter().min().unwrap_or_default(), caps.into_iter().max().unwrap_or_default());
        for address in self.addresses(name) {
            all.extend(self.spent(place, least, most, Some(address)));
        }
        all
    }

    fn addresses(&self, name: &str) -> BTreeSet<Address> {
        let listed = self.pair.terms().into_iter().flat_map(|terms| &terms.counterparties);
        listed.filter(|it| it.name == name).map(|it| it.address).collect()
    }

    /// Payments of the line when a period of it begins or ends under either.
    pub(super) fn budget_line(&self, name: &str) -> Vec<Situation> {
        let of = |terms: &'_ Terms| {
            let line = terms.payments.iter().find(|line| line.name == name)?.clone();
            Some((terms.account(line.account)?.address, line))
        };
        let lines: Vec<(Address, BudgetLine)> = self.pair.terms().into_iter().filter_map(of).collect();
        let expires = self.pair.terms().map(|terms| terms.expires_at).into_iter().min().unwrap_or_default();
        let mut ways: Vec<(Address, Address)> = lines.iter().map(|(account, line)| (*account, line.to)).collect();
        ways.sort_unstable();
        ways.dedup();
        let mut all = Vec::new();
        for now in moments(&lines, expires) {
            let periods: BTreeSet<u64> =
                lines.iter().flat_map(|(_, line)| line.payable(now).collect::<Vec<_>>()).collect();
            for period in periods {
                for (account, to) in &ways {
                    let focus = Focus {
                        address: Some(*to),
                        line: Some(keccak256(name)),
                        period: Some(period),
                        only: true,
                        ..Focus::default()
                    };
                    let own = Scout { pair: self.pair, mains: vec![*account] };
                    all.extend(own.changed(&Tilt::default(), &focus, &|world| World { now, ..world }));
                }
            }
        }
        all
    }
}

/// When periods begin, and an hour later, under either line, before the policies expire.
fn moments(lines: &[(Address, BudgetLine)], expires: u64) -> Vec<u64> {
    let ends = lines.iter().map(|(_, line)| line.end).filter(|end| *end != u64::MAX);
    let ends: Vec<u64> = ends.collect();
    let mut all = BTreeSet::new();
    for (_, line) in lines {
        let late = ends.iter().filter_map(|end| line.period_at(*end));
        let periods = (0..PERIODS_MAX).chain(late.flat_map(|period| [period, period.saturating_add(1)]));
        let begins = periods.filter_map(|period| line.begins(period));
        all.extend(begins.flat_map(|begins| [begins, begins.saturating_add(3_600)]));
        let latest = line.period_at(expires.saturating_sub(1)).and_then(|period| line.begins(period));
        all.extend(latest);
    }
    all.into_iter().filter(|now| *now < expires).take(MOMENTS_MAX).collect()
}
