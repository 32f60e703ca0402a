//! Tables of a scenario laid over the bars of a market.

use super::{Direction, Happening, Length, ScenarioProblem, Shade, Shock, What, When, Which, prices::Change, select};
use crate::{
    Day,
    engine::{Events, Fault, FeedFault, Plan},
};
use quaestor_core::Terms;
use std::ops::Range;

/// What is known while tables are laid over bars.
pub(super) struct Laying<'a> {
    pub(super) terms: &'a Terms,
    pub(super) base: &'a Plan<'a>,
    pub(super) opening: &'a [f64],
    /// Seconds of a bar.
    pub(super) step: u64,
    pub(super) problems: Vec<ScenarioProblem>,
    /// What is meant and the policy has not.
    pub(super) lacking: Vec<String>,
    pub(super) shades: Vec<Shade>,
    /// Whether anything is changed.
    pub(super) is_effective: bool,
}

impl Laying<'_> {
    fn problem(&mut self, line: usize, message: String) {
        self.problems.push(ScenarioProblem { line, message });
    }

    /// The bar in which a moment lies, which must be one of the run.
    fn bar(&mut self, line: usize, key: &str, when: When) -> Option<usize> {
        let (panel, start) = (self.base.market.panel, self.base.start);
        let found = match when {
            When::After(Length::Bars(bars)) => start.checked_add(usize::try_from(bars).ok()?),
            When::After(Length::Secs(secs)) => start.checked_add(usize::try_from(secs / self.step).ok()?),
            When::At(at) => Some(panel.ends().partition_point(|end| *end < at)).filter(|bar| *bar >= start),
        };
        let last = panel.ends().last().copied().unwrap_or_default();
        let inside = found.filter(|bar| *bar < panel.len());
        if inside.is_none() {
            let (from, to) = (day(panel.begins_at(start) + u64::from(start > 0)), day(last));
            let bars = panel.len() - start;
            self.problem(line, format!("`{key}` lies outside of the scenario, which has {bars} bars, {from} to {to}"));
        }
        inside
    }

    /// Whole bars from one moment to before another; to the end of the run where there is none.
    fn bars(&mut self, line: usize, from: When, to: Option<When>) -> Option<Range<usize>> {
        let first = self.bar(line, "from", from)?;
        let end = self.base.market.len();
        let Some(to) = to else { return Some(first..end) };
        let start = self.base.start;
        let to = match to {
            // A part of a bar counts as the bar.
            When::After(length) => start.saturating_add(length.bars(self.step)),
            When::At(at) => self.base.market.panel.ends().partition_point(|end| *end < at),
        };
        if to <= first {
            self.problem(line, "`to` does not lie after `from`; write a later one".to_owned());
            return None;
        }
        Some(first..to.min(end))
    }

    fn shade(&mut self, bars: &Range<usize>, what: String) {
        let panel = self.base.market.panel;
        let to = panel.ends()[bars.end.clamp(1, panel.len()) - 1];
        let from = panel.begins_at(bars.start) + u64::from(bars.start > 0);
        self.shades.push(Shade { from, to, what });
        self.is_effective = true;
    }

    fn places(&mut self, line: usize, which: &Which) -> Option<Vec<usize>> {
        match select::places(which, self.terms, self.opening) {
            Ok(found) if found.is_empty() => {
                self.lacking.push(select::lacking(which));
                None
            }
            Ok(found) => Some(found),
            Err(name) => {
                let known = self.terms.assets.iter().map(|asset| asset.symbol.as_str()).collect::<Vec<_>>().join(", ");
                self.problem(line, format!("`{name}` is no asset of the policy; write one of: {known}"));
                None
            }
        }
    }

    fn symbols(&self, places: &[usize]) -> String {
        places.iter().map(|place| self.terms.assets[*place].symbol.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// What a shock does to each asset that it means.
    pub(super) fn changes(&mut self, shock: &Shock) -> Vec<Change> {
        let Some(first) = self.bar(shock.line, "at", shock.at) else { return Vec::new() };
        let Some(places) = self.places(shock.line, &shock.which) else { return Vec::new() };
        let bars = first..first.saturating_add(shock.over.bars(self.step).max(1));
        let recovery = shock.recovery.map(|recovery| {
            let from = bars.end.saturating_add(recovery.after.bars(self.step));
            (recovery.bps, from..from.saturating_add(recovery.over.bars(self.step).max(1)))
        });
        let percent = |bps: i64| format!("{}.{:02} %", bps.abs() / 100, bps.abs() % 100);
        let sign = if shock.change_bps < 0 { "−" } else { "+" };
        let symbols = self.symbols(&places);
        self.shade(&bars, format!("{symbols} {sign}{}", percent(shock.change_bps)));
        if let Some((bps, bars)) = &recovery
            && bars.start < self.base.market.len()
        {
            self.shade(bars, format!("{} of that comes back", percent(*bps)));
        }
        let change = |asset| Change { asset, bps: shock.change_bps, bars: bars.clone(), recovery: recovery.clone() };
        places.into_iter().map(change).collect()
    }

    /// Adds what happens to `events`, or to `gas`.
    pub(super) fn happen(&mut self, it: &Happening, events: &mut Events, gas: &mut Vec<(u64, Range<usize>)>) {
        let Some(bars) = self.bars(it.line, it.from, it.to) else { return };
        match &it.what {
            What::OracleStale { which, feed } => self.oracle(it.line, which, *feed, Fault::Stale, bars, events),
            What::OracleFrozen { which, feed } => self.oracle(it.line, which, *feed, Fault::Frozen, bars, events),
            What::Gas { times } => {
                self.shade(&bars, format!("gas costs {times} times as much"));
                gas.push((*times, bars));
            }
            What::VenueFrozen { venue: None } => {
                if self.terms.venues.is_empty() {
                    return self.lacking.push("a venue".to_owned());
                }
                self.shade(&bars, "every venue frozen".to_owned());
                events.frozen.push((None, bars));
            }
            What::VenueFrozen { venue: Some(name) } => match self.terms.venue_named(name) {
                Some(venue) => {
                    self.shade(&bars, format!("{name} frozen"));
                    events.frozen.push((Some(venue), bars));
                }
                None => {
                    let known = self.terms.venues.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
                    self.problem(it.line, format!("`{name}` is no venue of the policy; write one of: {known}"));
                }
            },
            What::Asleep { account: None } => {
                self.shade(&bars, "nobody confirms or votes".to_owned());
                events.asleep.push((None, bars));
            }
            What::Asleep { account: Some(name) } => match self.terms.account_named(name) {
                Some(account) => {
                    self.shade(&bars, format!("nobody acts for {name}"));
                    events.asleep.push((Some(account), bars));
                }
                None => {
                    let known = self.terms.accounts.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
                    self.problem(it.line, format!("`{name}` is no account of the policy; write one of: {known}"));
                }
            },
            What::BrakePulled => {
                self.shade(&bars, "brake pulled".to_owned());
                events.pulled.push(bars);
            }
            What::Flows { flow, direction, times } => {
                self.flows(it.line, flow.as_deref(), *direction, *times, bars, events);
            }
        }
    }

    fn oracle(
        &mut self,
        line: usize,
        which: &Which,
        feed: Option<usize>,
        fault: Fault,
        bars: Range<usize>,
        events: &mut Events,
    ) {
        let Some(mut places) = self.places(line, which) else { return };
        if let Some(feed) = feed {
            places.retain(|place| feed < self.terms.assets[*place].feeds.len());
            if places.is_empty() {
                return self.lacking.push(format!("an asset with {} feeds", feed + 1));
            }
        }
        let symbols = self.symbols(&places);
        let what = match fault {
            Fault::Stale => "not updated",
            Fault::Frozen => "frozen at the old price",
        };
        let of = feed.map_or_else(|| "feeds".to_owned(), |feed| format!("feed {}", feed + 1));
        self.shade(&bars, format!("{of} of {symbols} {what}"));
        events.feeds.extend(places.into_iter().map(|asset| FeedFault { asset, feed, fault, bars: bars.clone() }));
    }

    fn flows(
        &mut self,
        line: usize,
        name: Option<&str>,
        direction: Option<Direction>,
        times: u64,
        bars: Range<usize>,
        events: &mut Events,
    ) {
        let flows = &self.base.assumed.flows;
        if let Some(name) = name.filter(|name| !flows.iter().any(|flow| flow.name == *name)) {
            let known: Vec<&str> = flows.iter().map(|flow| flow.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return self.problem(line, format!("`{name}` is no flow that is assumed; those are: {known}"));
        }
        let is_meant = |flow: &crate::assumptions::Flow| {
            name.is_none_or(|name| flow.name == name)
                && direction.is_none_or(|direction| flow.leaves == (direction == Direction::Out))
        };
        let meant: Vec<usize> = (0..flows.len()).filter(|place| is_meant(&flows[*place])).collect();
        if meant.is_empty() {
            return self.lacking.push("a flow like that among what is assumed".to_owned());
        }
        let names = meant.iter().map(|place| flows[*place].name.as_str()).collect::<Vec<_>>().join(", ");
        let (panel, start) = (self.base.market.panel, self.base.start);
        for place in meant {
            let known = events.flow_secs.iter().position(|(of, _)| *of == place);
            let known = known.unwrap_or_else(|| {
                // As it flows without any event.
                let began = panel.begins_at(start);
                events.flow_secs.push((place, panel.ends().iter().map(|end| flows[place].secs(began, *end)).collect()));
                events.flow_secs.len() - 1
            });
            multiply(&mut events.flow_secs[known].1, start, times, &bars);
        }
        let how = if times == 0 { "stops".to_owned() } else { format!("flows {times} times as fast") };
        self.shade(&bars, format!("{names} {how}"));
    }
}

/// The day of a Unix second, for people.
pub(super) fn day(at: u64) -> String {
    Day::at(at).map_or_else(String::new, |day| day.to_string())
}

/// In each of `bars` it flows so many `times` as fast as it did; `secs` are sums from `start` on.
fn multiply(secs: &mut [u64], start: usize, times: u64, bars: &Range<usize>) {
    let (mut before, mut sum) = (0, 0u64);
    for (bar, secs) in secs.iter_mut().enumerate().skip(start) {
        let own = secs.saturating_sub(before);
        before = *secs;
        sum = sum.saturating_add(if bars.contains(&bar) { own.saturating_mul(times) } else { own });
        *secs = sum;
    }
}
