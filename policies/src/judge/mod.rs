//! Judging: what one intent may do, and what a batch may leave behind.
//!
//! Every rule either lets pass or breaks off with its receipt; the first that breaks is the verdict. Nothing here
//! allocates, so that a decision does not.

mod caps;
mod intent;
mod outcome;
mod parts;
mod payments;
mod shares;

pub(crate) use intent::judge as intent;
pub(crate) use outcome::judge as outcome;

use alloy_primitives::{Address, B256};
use parts::Parts;
use quaestor_core::{
    AssetId, AssetKind, Refusal, Rule, Terms, VenueKind, Verdict,
    pipeline::Context,
    policy::{Band, BudgetLine, Counterparty, Limits},
    verdict::{InputName, Quantity},
};
use std::ops::ControlFlow;

/// Goes on, or breaks off with a receipt.
pub(crate) type Flow<T = ()> = ControlFlow<Refusal, T>;

/// The verdict at the end of all rules.
pub(crate) fn verdict(flow: Flow) -> Verdict {
    match flow {
        ControlFlow::Continue(()) => Verdict::Allowed,
        ControlFlow::Break(refusal) => Verdict::Refused(refusal),
    }
}

/// What judging looks up, made once when the policy is read.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// Lines of the strategies, sorted.
    lines: Vec<B256>,
    /// Budget lines, sorted by line.
    budget: Vec<BudgetLine>,
    /// The treasury's own accounts, sorted.
    own: Vec<Address>,
    /// Counterparties, sorted.
    others: Vec<Address>,
    /// Counterparties with caps of their own, sorted by address.
    capped: Vec<Counterparty>,
    /// The band of each asset, in the order of the assets.
    bands: Vec<Option<Band>>,
    has_bands: bool,
    /// What is bounded as a whole.
    parts: Parts,
    /// Whether anything caps how much or how often.
    has_caps: bool,
    /// Whether each asset is stable, in the order of the assets.
    stable: Vec<bool>,
    /// The assets into which it is safe to flee: stable, and not the shares of a vault; sorted.
    havens: Vec<AssetId>,
    /// Whether any venue is a reserve of Aave, whose balances are rounded.
    has_reserves: bool,
}

impl Lookup {
    pub(crate) fn new(terms: &Terms) -> Self {
        let mut lines: Vec<B256> = terms.strategies.iter().map(|strategy| strategy.line).collect();
        let mut own: Vec<Address> = terms.accounts.iter().map(|account| account.address).collect();
        let mut others: Vec<Address> = terms.counterparties.iter().map(|it| it.address).collect();
        let capped = terms.counterparties.iter().filter(|it| it.is_capped()).cloned();
        let mut capped: Vec<Counterparty> = capped.collect();
        capped.sort_unstable_by_key(|it| it.address);
        let mut budget = terms.payments.clone();
        lines.sort_unstable();
        budget.sort_unstable_by_key(|line| line.line);
        own.sort_unstable();
        others.sort_unstable();
        let band = |position: usize| terms.bands.iter().find(|band| band.asset.index() == position).copied();
        let ids = (0..terms.assets.len()).filter_map(|index| u16::try_from(index).ok().map(AssetId));
        let is_stable = |id: &AssetId| terms.asset(*id).is_some_and(|asset| asset.kind == AssetKind::Stable);
        let havens = ids.filter(is_stable).filter(|id| terms.vault_of(*id).is_none()).collect();
        let has_reserves = terms.vaults().any(|vault| matches!(vault.kind, VenueKind::AaveV3 { .. }));
        let bands: Vec<Option<Band>> = (0..terms.assets.len()).map(band).collect();
        let has_bands = bands.iter().any(Option::is_some);
        let stable = terms.assets.iter().map(|asset| asset.kind == AssetKind::Stable).collect();
        let Limits { proposal_bps_max, window_bps_max, proposals_per_day_max, cooldown_secs_min, .. } = terms.limits;
        let has_caps =
            [proposal_bps_max, proposals_per_day_max].iter().chain(&window_bps_max).any(|cap| *cap != u64::MAX)
                || cooldown_secs_min > 0
                || terms.strategies.iter().any(|strategy| strategy.share_bps_max.is_some());
        Self {
            lines,
            budget,
            own,
            others,
            capped,
            bands,
            has_bands,
            parts: Parts::new(terms),
            has_caps,
            stable,
            havens,
            has_reserves,
        }
    }

    fn has_line(&self, line: B256) -> bool {
        self.lines.binary_search(&line).is_ok()
    }

    fn budget_line(&self, line: B256) -> Option<&BudgetLine> {
        let place = self.budget.binary_search_by_key(&line, |it| it.line).ok()?;
        self.budget.get(place)
    }

    fn is_own(&self, address: Address) -> bool {
        self.own.binary_search(&address).is_ok()
    }

    fn is_receiver(&self, address: Address) -> bool {
        self.is_own(address) || self.others.binary_search(&address).is_ok()
    }

    /// The counterparty at `address`, if it has caps of its own.
    #[inline]
    fn capped(&self, address: Address) -> Option<&Counterparty> {
        let place = self.capped.binary_search_by_key(&address, |it| it.address).ok()?;
        self.capped.get(place)
    }

    fn is_haven(&self, asset: AssetId) -> bool {
        self.havens.binary_search(&asset).is_ok()
    }

    #[inline]
    fn is_stable(&self, asset: AssetId) -> bool {
        self.stable.get(asset.index()).is_some_and(|stable| *stable)
    }

    /// Whether any asset has a band.
    #[inline]
    fn has_bands(&self) -> bool {
        self.has_bands
    }

    /// Whether any balance is rounded.
    #[inline]
    fn has_reserves(&self) -> bool {
        self.has_reserves
    }

    /// Whether anything caps how much or how often.
    #[inline]
    fn has_caps(&self) -> bool {
        self.has_caps
    }

    #[inline]
    fn band(&self, asset: AssetId) -> Option<&Band> {
        self.bands.get(asset.index())?.as_ref()
    }
}

/// Breaks off, with what the rule looked at.
#[cold]
fn refuse<T>(
    cx: &Context<'_>,
    rule: Rule,
    limit: Quantity,
    found: Quantity,
    inputs: &[(InputName, Quantity)],
) -> Flow<T> {
    let refusal = Refusal::new(rule, limit, found, cx.snapshot.block, cx.policy);
    ControlFlow::Break(inputs.iter().fold(refusal, |refusal, (name, quantity)| refusal.with(*name, *quantity)))
}
