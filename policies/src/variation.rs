//! What a policy would be with other values, without writing it anew: for those who try many.
//!
//! A path is what an analyst writes: `limits.week_bps_max`, `allocation.WETH.target_bps`, `strategies.weekly.amount`, and
//! inside a strategy's lists by number or by a name in the entry, `strategies.weights.shares[0].bps` or
//! `strategies.weights.shares.ETH.bps`. A value is what the file would have there.

pub(crate) mod edit;
mod place;
mod rewrite;

use crate::{
    problem::{Problem, ProblemKind, Problems},
    read::{check, values::SHARE_BPS_MAX},
    scheduled::scheduled,
    source::is_hidden,
    voted::VotedPolicy,
};
use alloy_primitives::{B256, Keccak256};
use place::Place;
use quaestor_core::{Catalog, Policy, Terms, strategy::ParamValue};
use std::sync::Arc;

/// A value at a path, both as they stand in the file: `strategies[0].shares[1].bps`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) path: Arc<str>,
    pub(crate) value: ParamValue,
}

/// Makes variations of a policy: the same paths, ever other values.
///
/// Numbers of `[limits]`, ceilings of `[risk]`, `[allocation]`, bounds of `[groups]`, shares of vaults, caps of counterparties, and what strategies take as parameters are put in place,
/// and all strategies are built again, since each may look at the whole policy: some microseconds. Anything else is
/// read again from the file with its changes, as slowly as the file itself. Both give what the changed file would.
#[derive(Debug)]
pub struct Variations<'a> {
    base: &'a VotedPolicy,
    catalog: &'a Catalog,
    places: Vec<(Arc<str>, Place)>,
    /// Places in the order of their paths, in which they are hashed.
    order: Vec<usize>,
}

impl VotedPolicy {
    /// The policy with these values at these paths; [`Variations`] says how, and serves many.
    ///
    /// # Errors
    /// What the language says of the changed file. Lines are those of this one.
    pub fn vary(&self, changes: &[(&str, ParamValue)], catalog: &Catalog) -> Result<Self, Problems> {
        let (paths, values): (Vec<&str>, Vec<ParamValue>) = changes.iter().cloned().unzip();
        Variations::new(self, &paths, catalog)?.with(&values)
    }
}

impl<'a> Variations<'a> {
    /// Of these paths of `base`, whose catalogue is handed in.
    ///
    /// # Errors
    /// If a path leads nowhere, or two are the same. Whether the language has a key is known only once it has a value.
    pub fn new(base: &'a VotedPolicy, paths: &[&str], catalog: &'a Catalog) -> Result<Self, Problems> {
        let (mut places, mut problems): (Vec<(Arc<str>, Place)>, Vec<Problem>) = (Vec::new(), Vec::new());
        for path in paths {
            match Place::of(base.terms(), path) {
                Ok((canonical, _)) if places.iter().any(|(known, _)| **known == *canonical) => {
                    problems.push(problem(path, ProblemKind::Conflict, "is varied twice; leave one of the two out"));
                }
                Ok((canonical, place)) => places.push((canonical.into(), place)),
                Err(message) => problems.push(problem(path, ProblemKind::Unknown, message)),
            }
        }
        if !problems.is_empty() {
            return Err(Problems::new(problems));
        }
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|at| places.get(*at).map(|(path, _)| Arc::clone(path)));
        Ok(Self { base, catalog, places, order })
    }

    /// The variation with these values, in the order of the paths; a path without one stays as it is.
    ///
    /// [`Policy::hash`] of a variation is keccak256 of the hash of the file and, for each change in the order of the paths,
    /// the path as it stands in the file, `=`, the value as JSON, and a line feed: it names the variation, and is the hash of no
    /// file. [`Policy::rest_hash`] is that of the changed file.
    ///
    /// # Errors
    /// What the language says of the changed file. Lines are those of the base.
    pub fn with(&self, values: &[ParamValue]) -> Result<VotedPolicy, Problems> {
        let changes = self.changes(values);
        let hash = self.hash(&changes);
        match self.quick(values) {
            Some((terms, strategies)) => {
                let (text, cron) = (Arc::clone(&self.base.text), self.base.cron.clone());
                let found = VotedPolicy::of(hash, text, changes, terms, strategies, cron);
                Ok(VotedPolicy { file_hash: self.base.file_hash, ..found })
            }
            None => edit::read(self.base, changes, hash, self.catalog),
        }
    }

    /// All changes of the file, those of a base that is a variation itself among them, by path.
    fn changes(&self, values: &[ParamValue]) -> Vec<Change> {
        let own = self.order.iter().filter_map(|at| {
            let ((path, _), value) = (self.places.get(*at)?, values.get(*at)?);
            Some(Change { path: Arc::clone(path), value: value.clone() })
        });
        if self.base.changes.is_empty() {
            return own.collect();
        }
        let mut all: Vec<Change> = own.collect();
        let is_new = |change: &&Change| !all.iter().any(|own| own.path == change.path);
        let before: Vec<Change> = self.base.changes.iter().filter(is_new).cloned().collect();
        all.extend(before);
        all.sort_by(|one, other| one.path.cmp(&other.path));
        all
    }

    fn hash(&self, changes: &[Change]) -> B256 {
        if changes.is_empty() {
            return self.base.file_hash;
        }
        let mut hasher = Keccak256::new();
        hasher.update(self.base.file_hash);
        let mut line = Vec::with_capacity(64);
        for Change { path, value } in changes {
            line.clear();
            line.extend(path.as_bytes());
            line.push(b'=');
            // Booleans, integers, texts, lists and maps with text keys: nothing that could fail to serialise.
            let _ = serde_json::to_writer(&mut line, value);
            line.push(b'\n');
            hasher.update(&line);
        }
        hasher.finalize()
    }

    /// Terms and strategies with these values; `None` where the language must look at the whole file again, or has something
    /// to say.
    fn quick(&self, values: &[ParamValue]) -> Option<(Terms, Vec<Box<dyn quaestor_core::Strategy>>)> {
        let mut terms = self.base.terms.clone();
        let mut has_shares = false;
        for ((_, place), value) in self.places.iter().zip(values) {
            set(&mut terms, place, value)?;
            has_shares |= place.is_share();
        }
        if has_shares && !check::shares_fit(&terms) {
            return None;
        }
        let build = |position: usize| {
            let built = self.catalog.build(&terms, position).ok()?;
            Some(scheduled(built, terms.strategies.get(position)?, &terms.schedule))
        };
        let strategies = (0..terms.strategies.len()).map(build).collect::<Option<_>>()?;
        Some((terms, strategies))
    }
}

/// Puts a value in its place, if it is one that the place can have.
fn set(terms: &mut Terms, place: &Place, value: &ParamValue) -> Option<()> {
    let number = |most: u64| match value {
        ParamValue::Integer(found) => u64::try_from(*found).ok().filter(|found| *found <= most),
        _ => None,
    };
    match place {
        Place::Limit(most, slot) => *slot(&mut terms.limits) = number(*most)?,
        Place::Duration(slot) => {
            let ParamValue::Text(text) = value else { return None };
            *slot(&mut terms.limits) = crate::read::values::duration_secs(text)?;
        }
        Place::Ceiling(most, slot) => *slot(&mut terms.risk) = Some(number(*most)?),
        Place::Band(position, slot) => *slot(terms.bands.get_mut(*position)?) = number(SHARE_BPS_MAX)?,
        Place::Group(position, slot) => *slot(terms.groups.get_mut(*position)?) = number(SHARE_BPS_MAX)?,
        Place::Vault(position) => terms.venues.get_mut(*position)?.share_bps_max = Some(number(SHARE_BPS_MAX)?),
        Place::Counterparty(position, most, slot) => {
            *slot(terms.counterparties.get_mut(*position)?) = number(*most)?;
        }
        Place::Share(position) => terms.strategies.get_mut(*position)?.share_bps_max = Some(number(SHARE_BPS_MAX)?),
        Place::Param(position, steps) => {
            let (first, steps) = steps.split_first()?;
            let params = &mut terms.strategies.get_mut(*position)?.params;
            let place::Step::Key(key) = first else { return None };
            let leaf = steps.iter().try_fold(params.get_mut(key.as_str())?, |value, step| step.of(value))?;
            let is_plain = match value {
                ParamValue::Text(text) => text.is_ascii() && !text.chars().any(is_hidden),
                ParamValue::Integer(found) => *found >= 0,
                ParamValue::Bool(_) => true,
                ParamValue::List(_) | ParamValue::Table(_) => false,
            };
            let was_plain = !matches!(leaf, ParamValue::List(_) | ParamValue::Table(_));
            (is_plain && was_plain).then_some(())?;
            leaf.clone_from(value);
        }
        Place::Elsewhere => return None,
    }
    Some(())
}

fn problem(path: &str, kind: ProblemKind, message: impl Into<String>) -> Problem {
    Problem { line: 1, column: 1, path: path.to_owned(), kind, message: message.into() }
}
