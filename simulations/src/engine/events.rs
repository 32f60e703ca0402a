//! What happens in a run beside prices: oracles fail, venues stand still, people sleep, the brake is pulled, flows change.
//!
//! What the pipeline can see it sees as live: a feed that is not updated shows old rounds, a pulled brake is read as pulled.
//! So it is the policy's own rules that refuse.

use super::{Engine, Pending};
use crate::{market::Market, run::Fate};
use quaestor_core::{AccountId, Intent, Rule, Snapshot, VenueId, snapshot::Round};
use std::ops::Range;

/// How a feed fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It keeps its last round, whose time grows old.
    Stale,
    /// It goes on to post rounds, all at the price of before.
    Frozen,
}

/// A feed that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedFault {
    /// Place of the asset in the policy.
    pub asset: usize,
    /// Place of the feed in the policy's list of the asset; `None` for all of them.
    pub feed: Option<usize>,
    /// How.
    pub fault: Fault,
    /// At the ends of these bars of the market.
    pub bars: Range<usize>,
}

/// What happens in bars of the market. The default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Events {
    /// Feeds that fail.
    pub feeds: Vec<FeedFault>,
    /// Every exchange at the venue reverts in these bars; `None` for all venues.
    pub frozen: Vec<(Option<VenueId>, Range<usize>)>,
    /// Nothing of the account is confirmed, voted on or executed in these bars; `None` for all accounts.
    pub asleep: Vec<(Option<AccountId>, Range<usize>)>,
    /// The brake is pulled at the beginning of the first of these bars and released after the last.
    pub pulled: Vec<Range<usize>>,
    /// Of each flow that changes, by its place: seconds of flow from the beginning of the run to the end of each bar of the
    /// market. A second in which it flows twice as fast counts twice.
    pub flow_secs: Vec<(usize, Vec<u64>)>,
}

impl Events {
    /// Changes what the chain says at the end of `bar`; feeds show at most so many `rounds`, so many posted ones `apart`.
    pub(super) fn observe(
        &self,
        bar: usize,
        (rounds, apart): (usize, usize),
        market: &Market<'_>,
        snapshot: &mut Snapshot,
    ) {
        let pulls = self.pulled.iter().filter(|bars| bars.start <= bar).count();
        snapshot.brake.pulls = pulls as u64;
        snapshot.brake.pulled = self.pulled.iter().any(|bars| bars.contains(&bar));
        for (asset, reading) in snapshot.assets.iter_mut().enumerate() {
            for (place, feed) in reading.feeds.iter_mut().enumerate() {
                let is_its = |it: &&FeedFault| it.asset == asset && it.feed.is_none_or(|feed| feed == place);
                // Before the first fault it shows what the market says.
                if !self.feeds.iter().filter(is_its).any(|fault| fault.bars.start <= bar) {
                    continue;
                }
                feed.rounds.clear();
                let posted = |at: usize| self.round(at, asset, place, market);
                feed.rounds.extend((0..=bar).rev().filter_map(posted).step_by(apart).take(rounds));
                feed.rounds.reverse();
            }
        }
    }

    /// The round that a feed posts at the end of `bar`, if it posts one.
    fn round(&self, bar: usize, asset: usize, place: usize, market: &Market<'_>) -> Option<Round> {
        let mut round = market.round(bar, asset)?;
        let is_its = |it: &&FeedFault| it.asset == asset && it.feed.is_none_or(|feed| feed == place);
        for fault in self.feeds.iter().filter(is_its).filter(|it| it.bars.contains(&bar)) {
            match fault.fault {
                Fault::Stale => return None,
                Fault::Frozen => round.price = market.round(fault.bars.start.saturating_sub(1), asset)?.price,
            }
        }
        Some(round)
    }

    /// Whether a feed is not updated in `bar`.
    pub(super) fn is_stale(&self, bar: usize, asset: usize, place: usize) -> bool {
        let is_its = |it: &FeedFault| it.asset == asset && it.feed.is_none_or(|feed| feed == place);
        self.feeds.iter().any(|it| it.fault == Fault::Stale && is_its(it) && it.bars.contains(&bar))
    }

    /// Whether any of `intents` exchanges something at a venue that stands still in `bar`.
    pub(super) fn freezes(&self, bar: usize, intents: &[Intent]) -> bool {
        let exchanges = || intents.iter().flat_map(|intent| &intent.actions).filter_map(|action| action.exchange());
        let here = self.frozen.iter().filter(|(_, bars)| bars.contains(&bar));
        here.into_iter().any(|(venue, _)| exchanges().any(|it| venue.is_none_or(|venue| venue == it.venue)))
    }

    /// Whether nobody acts for `account` in `bar`.
    pub(super) fn sleeps(&self, bar: usize, account: AccountId) -> bool {
        let is_its = |of: &Option<AccountId>| of.is_none_or(|of| of == account);
        self.asleep.iter().any(|(of, bars)| is_its(of) && bars.contains(&bar))
    }

    /// Seconds of flow to the end of `bar`, where so many have `elapsed`.
    pub(super) fn flow_secs(&self, flow: usize, bar: usize, elapsed: u64) -> u64 {
        let changed = self.flow_secs.iter().find(|(of, _)| *of == flow);
        changed.and_then(|(_, secs)| secs.get(bar)).copied().unwrap_or(elapsed)
    }
}

impl Engine<'_> {
    /// The brake is pulled at the beginning of `bar`: the agent withdraws what waits, as live, for it could never run again.
    pub(super) fn heed_brake(&mut self, events: &Events, bar: usize) {
        if self.pending.is_empty() || !events.pulled.iter().any(|bars| bars.start == bar) {
            return;
        }
        let at = self.plan.market.panel.begins_at(bar);
        for mut pending in std::mem::take(&mut self.pending) {
            let fate = match pending.valid_until < at {
                true => Fate::Expired { at: pending.valid_until },
                false => Fate::Withdrawn { at, rule: Rule::BrakePulled },
            };
            self.ended(&mut pending, fate);
        }
    }

    /// Whether people leave it as it is in `bar`.
    pub(super) fn is_asleep(&self, bar: usize, pending: &Pending) -> bool {
        self.plan.events.is_some_and(|events| events.sleeps(bar, pending.account))
    }
}
