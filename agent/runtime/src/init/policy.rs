//! A policy that a DAO can start from: cautious numbers, and the shares that the treasury has now.

use super::{InitError, cash, cautious, survey::Survey, wish::Wishes};
use crate::chain::{Chain, observe};
use quaestor_core::{
    Account, Amount, Catalog, Policy, Route, Terms, Value, Venue, VenueKind,
    policy::{RiskTerms, Schedule},
    valuation::{Prices, Valuation},
};
use quaestor_policies::{Facts, StrategyFacts, starting_policy};

/// An account is refilled below this share of the treasury, and up to the next, bps.
const REFILL_LOW_BPS: u64 = 500;
const REFILL_TARGET_BPS: u64 = 1_000;

/// The text of the policy; it parses.
pub(super) async fn starting(
    chain: &Chain,
    chain_id: u64,
    wishes: &Wishes,
    survey: &mut Survey,
    catalog: &Catalog,
) -> Result<String, InitError> {
    let mut facts = facts(chain_id, wishes, survey);
    // First without what depends on the treasury's worth: it is measured with the agent's own eyes.
    let measured = quaestor_policies::parse(starting_policy(&facts).as_bytes(), catalog)?;
    let valuation = value(chain, measured.terms(), survey).await?;
    match &valuation {
        Some(valuation) => {
            let symbols = measured.terms().assets.iter().map(|asset| asset.symbol.as_str());
            let weights: Vec<(&str, u64)> = symbols.zip(valuation.weights_bps()).collect();
            let weight = |symbol: &str| weights.iter().find(|(name, _)| *name == symbol).map_or(0, |(_, share)| *share);
            facts.bands = cautious::bands(&facts.assets, weight);
            let share = cautious::stable_share(&facts.assets, &facts.bands);
            facts.limits.stable_share_bps_min = facts.limits.stable_share_bps_min.max(share);
        }
        None => survey.notes.push(
            "the treasury is empty, or an asset that it holds has no usable price: the policy has no bands and no \
             strategies yet, write them before you vote on it"
                .into(),
        ),
    }
    if let Some(valuation) = valuation {
        facts.strategies = strategies(&facts, valuation.nav, measured.terms(), &valuation);
    }
    let text = starting_policy(&facts);
    quaestor_policies::parse(text.as_bytes(), catalog)?;
    Ok(text)
}

fn facts(chain_id: u64, wishes: &Wishes, survey: &Survey) -> Facts {
    let mut accounts = Vec::new();
    if let Some(address) = wishes.safe {
        accounts.push(Account { name: "operations".into(), address, route: Route::Safe });
    }
    if let (Some(governor), Some(address)) = (wishes.governor, survey.timelock) {
        let route = Route::Governor { governor, proposer: wishes.operator };
        accounts.push(Account { name: "reserve".into(), address, route });
    }
    let venue = survey.venue.iter().map(|(address, code_hash, pools)| Venue {
        name: "uniswap".into(),
        kind: VenueKind::UniswapV3,
        address: *address,
        code_hash: *code_hash,
        pools: pools.clone(),
        share_bps_max: None,
        price_impact_bps_max: None,
    });
    Facts {
        name: wishes.name.clone(),
        chain_id,
        registry: survey.contracts.registry,
        brake: survey.contracts.brake,
        gate: survey.contracts.gate,
        expires_at: survey.head.timestamp.saturating_add(cautious::LIFE_SECS),
        schedule: Schedule::Cron("0 0 0 * * *".into()),
        validity_secs: None,
        accounts,
        assets: survey.assets.clone(),
        bands: Vec::new(),
        limits: cautious::limits(&survey.ceilings, &survey.assets, survey.timelock.is_some()),
        risk: RiskTerms { history_rounds: 128, ..Default::default() },
        venues: venue.collect(),
        counterparties: Vec::new(),
        strategies: Vec::new(),
    }
}

/// What the treasury is worth; `None` when it is worth nothing or cannot be valued.
async fn value(chain: &Chain, terms: &Terms, survey: &Survey) -> Result<Option<Valuation>, InitError> {
    let observed = observe(chain, terms, &survey.contracts, survey.head).await?;
    let prices = Prices::resolve(terms, &observed.snapshot);
    let mut valuation = Valuation::default();
    let filled = valuation.fill(terms, &observed.snapshot, &prices);
    Ok(filled.filter(|()| !valuation.nav.is_zero()).map(|()| valuation))
}

fn strategies(facts: &Facts, nav: Value, terms: &Terms, valuation: &Valuation) -> Vec<StrategyFacts> {
    let Some(asset) = cash(&facts.assets).and_then(|id| facts.assets.get(id.index())) else { return Vec::new() };
    let symbol = asset.symbol.as_str();
    let has = |name: &str| facts.accounts.iter().any(|account| account.name == name);
    let mut strategies = Vec::new();
    if has("operations") && !facts.venues.is_empty() && facts.assets.len() > 1 {
        strategies.push(cautious::rebalance(symbol));
    }
    let part = |bps| whole_tokens(nav.share(bps)?, terms, valuation, symbol);
    if has("operations")
        && has("reserve")
        && let (Some(low), Some(target)) = (part(REFILL_LOW_BPS), part(REFILL_TARGET_BPS))
    {
        strategies.push(cautious::refill(symbol, low, target));
    }
    strategies
}

/// Whole tokens of cash that are worth about `value`; `None` when that is none, or none is held to measure it by.
fn whole_tokens(value: Value, terms: &Terms, valuation: &Valuation, symbol: &str) -> Option<u128> {
    let id = terms.asset_named(symbol)?;
    let held: Amount = *valuation.amounts.get(id.index())?;
    let amount = quaestor_core::amount::mul_div(held.0, value.0, valuation.value_of(id).0)?;
    let whole = amount / terms.asset(id)?.unit();
    (whole > 0).then_some(whole)
}
