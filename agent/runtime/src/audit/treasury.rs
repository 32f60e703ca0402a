//! The treasury over the time of an audit: its policies, and through them its accounts, tokens and Governors.

use crate::{
    agent::find_policy,
    chain::Chain,
    config::{Config, FilesConfig},
    registry::{Epoch, GetError, Place, Reign, Sources, Timeline, shown},
};
use alloy::primitives::{Address, B256, keccak256};
use quaestor_core::{Catalog, Policy, Route};
use quaestor_policies::VotedPolicy;
use serde::Serialize;
use std::{collections::BTreeSet, io, path::PathBuf};

/// How an account is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// A Safe.
    Safe,
    /// The timelock of a Governor.
    Timelock {
        /// The Governor.
        governor: Address,
    },
}

/// An account that any policy of the time names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Its address.
    pub address: Address,
    /// Its name in the newest of those policies.
    pub name: String,
    /// How it is moved.
    #[serde(flatten)]
    pub kind: Kind,
}

/// An epoch that was in force, with its file.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) reign: Reign,
    /// Where the file was found; `None` where it was not.
    pub(super) from: Option<String>,
    /// What it says, or why nobody can tell.
    pub(super) policy: Result<Box<VotedPolicy>, String>,
}

impl Held {
    pub(super) fn epoch(&self) -> &Epoch {
        &self.reign.epoch
    }
}

/// Everything that the policies of the time name.
#[derive(Debug)]
pub(super) struct Treasury {
    pub(super) gate: Address,
    pub(super) multisend: Address,
    pub(super) accounts: Vec<Account>,
    pub(super) tokens: BTreeSet<Address>,
    pub(super) venues: BTreeSet<Address>,
    timeline: Timeline,
    pub(super) held: Vec<Held>,
}

impl Treasury {
    /// Finds the file of each epoch that was in force from `since` (Unix seconds) on: in `folders`, among the agent's own
    /// files, or at the URI that the registry names.
    ///
    /// # Errors
    /// If the folders cannot be looked through.
    pub(super) async fn gather(
        config: &Config,
        catalog: &Catalog,
        chain: &Chain,
        timeline: Timeline,
        folders: &[PathBuf],
        since: u64,
    ) -> io::Result<Self> {
        let policies = folders.iter().chain(&config.files.policies).cloned().collect();
        let candidates = FilesConfig { policies, ..config.files.clone() }.policy_candidates()?;
        let sources = Sources::of(config);
        let mut held = Vec::new();
        for reign in timeline.since(since) {
            let (from, bytes) = match find_policy(&candidates, reign.epoch.policyHash) {
                Some((path, bytes)) => (path.display().to_string(), Ok(bytes)),
                None => (shown(&reign.epoch.uri), sources.get(chain, &reign.epoch).await),
            };
            let from = bytes.is_ok().then_some(from);
            held.push(Held { reign: reign.clone(), from, policy: understood(bytes, catalog) });
        }
        Ok(Self::of(config, timeline, held))
    }

    pub(super) fn of(config: &Config, timeline: Timeline, held: Vec<Held>) -> Self {
        let terms = || held.iter().filter_map(|held| held.policy.as_ref().ok()).map(|policy| policy.terms());
        let mut accounts: Vec<Account> = Vec::new();
        for account in terms().flat_map(|terms| &terms.accounts) {
            let kind = match account.route {
                Route::Safe => Kind::Safe,
                Route::Governor { governor, .. } => Kind::Timelock { governor },
            };
            let named = Account { address: account.address, name: account.name.clone(), kind };
            // A later policy may call it otherwise, or know another Governor of it.
            match accounts.iter_mut().find(|known| known.address == account.address) {
                Some(known) => *known = named,
                None => accounts.push(named),
            }
        }
        let tokens = terms().flat_map(|terms| terms.assets.iter().map(|asset| asset.address)).collect();
        let venues = terms().flat_map(|terms| terms.venues.iter().map(|venue| venue.address)).collect();
        let (gate, multisend) = (config.contracts.gate, config.contracts.multisend_call_only);
        Self { gate, multisend, accounts, tokens, venues, timeline, held }
    }

    /// The epoch in force at a place of the chain, with its file.
    pub(super) fn in_force(&self, timestamp: u64, place: Place) -> Option<&Held> {
        let number = self.timeline.at(timestamp, place)?.epoch.number;
        self.held.iter().find(|held| held.epoch().number == number)
    }

    /// The newest policy that is understood.
    pub(super) fn newest(&self) -> Option<&VotedPolicy> {
        self.held.iter().rev().find_map(|held| held.policy.as_deref().ok())
    }

    /// The Governors of all timelocks.
    pub(super) fn governors(&self) -> Vec<Address> {
        let of = |account: &Account| match account.kind {
            Kind::Timelock { governor } => Some(governor),
            Kind::Safe => None,
        };
        let all: BTreeSet<Address> = self.accounts.iter().filter_map(of).collect();
        all.into_iter().collect()
    }

    /// Whether any policy that is understood has this hash.
    pub(super) fn knows(&self, policy: B256) -> bool {
        self.held.iter().any(|held| held.epoch().policyHash == policy && held.policy.is_ok())
    }
}

fn understood(bytes: Result<Vec<u8>, GetError>, catalog: &Catalog) -> Result<Box<VotedPolicy>, String> {
    let bytes = bytes.map_err(|error| error.to_string())?;
    let problems = |problems| format!("this quaestor does not understand the file {}: {problems}", keccak256(&bytes));
    quaestor_policies::parse(&bytes, catalog).map(Box::new).map_err(problems)
}
