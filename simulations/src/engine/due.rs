//! When decisions are due.

use super::Plan;
use crate::market::{BLOCK_SECS, Market};
use quaestor_core::{Policy, policy::Schedule};

/// At which bars a decision is due.
pub(super) struct Due<'a> {
    market: &'a Market<'a>,
    /// Where it is bars that are counted.
    every_bars: Option<usize>,
    /// The bar of the next decision, where it is they.
    next: usize,
    /// Of a policy that decides by blocks.
    blocks: Option<u64>,
    /// Of a policy that decides by time: the ticks to come.
    ticks: std::iter::Peekable<std::vec::IntoIter<u64>>,
}

impl<'a> Due<'a> {
    pub(super) fn new(plan: &Plan<'a>) -> Self {
        let panel = plan.market.panel;
        let blocks = match plan.policy.terms().schedule {
            Schedule::EveryBlocks(blocks) => Some(blocks.max(1)),
            Schedule::Cron(_) => None,
        };
        let every_bars = plan.assumed.every_bars.map(|bars| usize::try_from(bars).unwrap_or(usize::MAX).max(1));
        let until = if every_bars.is_some() { 0 } else { panel.ends().last().copied().unwrap_or_default() };
        let ticks = plan
            .policy
            .ticks(panel.begins_at(plan.start).saturating_sub(u64::from(plan.start == 0)), until)
            .into_iter()
            .flatten()
            .collect::<Vec<_>>();
        let ticks = ticks.into_iter().peekable();
        Self { market: plan.market, every_bars, next: plan.start, blocks, ticks }
    }

    /// The first bar from `bar` on at which one may be due.
    pub(super) fn from(&self, bar: usize) -> usize {
        if self.every_bars.is_some() { self.next.max(bar) } else { bar }
    }

    /// Whether one is due at the end of `bar`; bars come in order.
    pub(super) fn at(&mut self, bar: usize) -> bool {
        if let Some(bars) = self.every_bars {
            let is_due = bar >= self.next;
            self.next = if is_due { bar.saturating_add(bars) } else { self.next };
            return is_due;
        }
        let (begin, end) = (self.market.panel.begins_at(bar), self.market.panel.ends()[bar]);
        if let Some(blocks) = self.blocks {
            let turn = |time: u64| time / BLOCK_SECS / blocks;
            return turn(begin) < turn(end);
        }
        let mut is_due = false;
        while self.ticks.next_if(|tick| *tick <= end).is_some() {
            is_due = true;
        }
        is_due
    }
}
