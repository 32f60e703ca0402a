//! A policy that was read, checked and hashed.

use crate::{
    canonical,
    document::{Report, Section},
    judge::{self, Lookup},
    problem::Problems,
    read, source,
    variation::{Change, edit},
};
use alloy_primitives::{B256, keccak256};
use chrono::{DateTime, Utc};
use quaestor_core::{
    Catalog, Envelope, Intent, Policy, Terms, Verdict, pipeline::Context, policy::Schedule, snapshot::Tally,
    strategy::Strategy,
};
use std::{
    str::FromStr,
    sync::{Arc, OnceLock},
};
use toml::de::DeTable;

/// A policy file whose every word was understood, with its strategies built and what judging needs looked up.
#[derive(Debug)]
pub struct VotedPolicy {
    pub(crate) hash: B256,
    /// Hash of the bytes of the file: of a variation that of its base.
    pub(crate) file_hash: B256,
    /// The text of the file, from which variations that change more than numbers are read again.
    pub(crate) text: Arc<str>,
    /// What a variation changes of it.
    pub(crate) changes: Vec<Change>,
    /// The canonical form and its hash; of a variation once somebody asks.
    pub(crate) rest: OnceLock<(String, B256)>,
    pub(crate) terms: Terms,
    pub(crate) strategies: Vec<Box<dyn Strategy>>,
    pub(crate) lookup: Lookup,
    pub(crate) cron: Option<Arc<cron::Schedule>>,
}

/// Reads and checks the exact bytes of a policy file. `catalog` has the kinds of strategy that the agent was built
/// with; it checks their parameters.
///
/// # Errors
/// All problems of the file at once, in its order, each with line, column and what to write instead.
pub fn parse(bytes: &[u8], catalog: &Catalog) -> Result<VotedPolicy, Problems> {
    let text = source::text_of(bytes).map_err(Problems::new)?;
    let (root, errors) = DeTable::parse_recoverable(text);
    let report = Report::of(text, root.get_ref(), &errors);
    VotedPolicy::read(text.into(), keccak256(bytes), root.get_ref(), report, catalog)
}

impl VotedPolicy {
    /// Of the document `root`, which was read from `text`, or from it and then changed.
    pub(crate) fn read(
        text: Arc<str>,
        hash: B256,
        root: &DeTable<'_>,
        mut report: Report<'_>,
        catalog: &Catalog,
    ) -> Result<Self, Problems> {
        let (terms, strategies) = read::terms(&Section::root(root), &mut report, catalog);
        if !report.is_clean() {
            return Err(Problems::new(report.into_problems()));
        }
        let cron = match &terms.schedule {
            Schedule::Cron(line) => cron::Schedule::from_str(line).ok().map(Arc::new),
            Schedule::EveryBlocks(_) => None,
        };
        let found = Self::of(hash, text, Vec::new(), terms, strategies, cron);
        // Whoever asks first reads what was set here.
        let _ = found.rest.set(Self::hashed(canonical::rest(root)));
        Ok(found)
    }

    pub(crate) fn of(
        hash: B256,
        text: Arc<str>,
        changes: Vec<Change>,
        terms: Terms,
        strategies: Vec<Box<dyn Strategy>>,
        cron: Option<Arc<cron::Schedule>>,
    ) -> Self {
        let lookup = Lookup::new(&terms);
        Self { hash, file_hash: hash, text, changes, rest: OnceLock::new(), terms, strategies, lookup, cron }
    }

    fn hashed(rest: String) -> (String, B256) {
        let hash = keccak256(rest.as_bytes());
        (rest, hash)
    }

    fn canonical(&self) -> &(String, B256) {
        self.rest.get_or_init(|| Self::hashed(edit::document(&self.text, &self.changes, canonical::rest)))
    }
}

impl VotedPolicy {
    /// The policy's strategies, built, in its order.
    pub fn strategies(&self) -> &[Box<dyn Strategy>] {
        &self.strategies
    }

    /// The numbers that `PolicyRegistry` anchors.
    pub fn envelope(&self) -> Envelope {
        self.terms.limits.envelope()
    }

    /// Every tick of its cron line after `from` and not after `until` (both Unix seconds), in order; `None` where it
    /// decides by blocks.
    pub fn ticks(&self, from: u64, until: u64) -> Option<impl Iterator<Item = u64>> {
        let from = DateTime::<Utc>::from_timestamp(i64::try_from(from).ok()?, 0)?;
        let ticks = self.cron.as_ref()?.after_owned(from);
        Some(ticks.map_while(|tick| u64::try_from(tick.timestamp()).ok()).take_while(move |tick| *tick <= until))
    }

    /// The canonical form that [`Policy::rest_hash`] is the hash of: compact JSON without the section `limits`.
    pub fn rest(&self) -> &str {
        &self.canonical().0
    }
}

impl Policy for VotedPolicy {
    fn hash(&self) -> B256 {
        self.hash
    }

    fn rest_hash(&self) -> B256 {
        self.canonical().1
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn judge(&self, cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Verdict {
        judge::verdict(judge::intent(&self.terms, &self.lookup, cx, tally, intent))
    }

    /// Judges the balances after a batch.
    ///
    /// - No balance is below what it was before less what the intents spend of it, plus what they bring at the least:
    ///   transfers between own accounts in full, swaps, deposits and redemptions their least output.
    /// - The treasury has lost no more than `slippage_bps_max` of the exchanged value and what was paid to others; one
    ///   smallest unit of value per asset and intent is allowed for rounding.
    /// - What was sold is not below its band and what was bought not above it, unless it was further out before.
    /// - The stable share is not below its floor, unless it was lower still before.
    fn judge_outcome(&self, before: &Context<'_>, after: &Context<'_>, intents: &[Intent]) -> Verdict {
        judge::verdict(judge::outcome(&self.terms, &self.lookup, before, after, intents))
    }

    /// A cron tick lies after `before` and not after `now`, or `number` is a multiple of `every_blocks`.
    fn is_due(&self, before: u64, now: u64, number: u64) -> bool {
        let tick_by = |schedule: &cron::Schedule| {
            let before = DateTime::<Utc>::from_timestamp(i64::try_from(before).ok()?, 0)?;
            let tick = schedule.after(&before).next()?;
            u64::try_from(tick.timestamp()).ok().map(|tick| tick <= now)
        };
        match (&self.terms.schedule, &self.cron) {
            (Schedule::EveryBlocks(blocks), _) => number.checked_rem(*blocks) == Some(0),
            (Schedule::Cron(_), Some(schedule)) => tick_by(schedule).unwrap_or(false),
            (Schedule::Cron(_), None) => false,
        }
    }
}
