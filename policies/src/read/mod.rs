//! From the file to [`Terms`]: every section is read, every name resolved, and every problem kept.
//!
//! A value that cannot be read is reported and a stand-in put in its place, so that the rest of the file is still read
//! and checked. A stand-in never leaves this module's callers: a file with a problem yields no policy.

pub(crate) mod check;
mod delegates;
mod emergency;
pub(crate) mod federation;
mod groups;
mod holdings;
pub(crate) mod numbers;
mod oracles;
pub(crate) mod payments;
pub(crate) mod risk;
mod roles;
pub(crate) mod routes;
mod twaps;
pub(crate) mod values;
mod vaults;

use crate::{
    document::{Report, Section},
    scheduled::scheduled,
};
use alloy_primitives::{Address, keccak256};
use quaestor_core::{
    Catalog, Terms, parse_caip2,
    policy::{RiskTerms, Schedule, StrategyTerms},
    strategy::{ParamValue, Strategy, StrategyParams},
};
use std::collections::BTreeSet;
use toml::de::DeValue;

/// The version of the language that is read here.
pub(crate) const LANGUAGE_VERSION: u64 = 1;
/// Most strategies of a policy.
const STRATEGIES_MAX: usize = 16;
/// What every strategy has; the other keys are its parameters.
const STRATEGY_KEYS: [&str; 4] = ["name", "kind", "share_bps_max", "schedule"];
/// Deepest list or table in a strategy's parameters.
const PARAM_DEPTH_MAX: usize = 3;

const SECTIONS: [&str; 15] = [
    "policy",
    "roles",
    "accounts",
    "assets",
    "groups",
    "allocation",
    "oracles",
    "limits",
    "risk",
    "emergency",
    "federation",
    "venues",
    "counterparties",
    "payments",
    "strategies",
];
const POLICY_KEYS: [&str; 11] = [
    "version",
    "name",
    "chain",
    "registry",
    "brake",
    "gate",
    "expires",
    "review",
    "schedule",
    "every_blocks",
    "validity",
];

/// Reads and checks the whole file. Built strategies come in the order of the file.
pub(crate) fn terms(root: &Section<'_>, report: &mut Report<'_>, catalog: &Catalog) -> (Terms, Vec<Box<dyn Strategy>>) {
    root.only(report, &SECTIONS);
    let policy = policy_section(root, report);
    let chain_id = policy.chain_id;
    let (mut assets, bands) = holdings::assets_and_bands(root, report, chain_id);
    let shares = vaults::Shares::named(root, report, &assets);
    let venues = routes::venues(root, report, chain_id, &assets, &shares);
    vaults::complete(report, &mut assets, &venues, &shares);
    let twaps = twaps::twaps(root, report, chain_id, &assets);
    let delegates = delegates::delegates(root, report, chain_id, &assets);
    let wrapped_coin = delegates::wrapped_coin(root, report, &assets);
    let limits = numbers::limits(root, report);
    let accounts = routes::accounts(root, report, chain_id);
    let mut terms = Terms {
        name: policy.name,
        chain_id: chain_id.unwrap_or(0),
        registry: policy.registry,
        brake: policy.brake,
        gate: policy.gate,
        expires_at: policy.expires_at,
        review_at: policy.review_at,
        roles: roles::roles(root, report, chain_id, &accounts),
        on_disagreement: oracles::on_disagreement(root, report),
        twaps,
        delegates,
        wrapped_coin,
        schedule: policy.schedule,
        validity_secs: policy.validity_secs.unwrap_or(limits.validity_secs_max),
        accounts,
        venues,
        counterparties: routes::counterparties(root, report, chain_id),
        bands,
        groups: groups::groups(root, report, &assets),
        assets,
        limits,
        risk: RiskTerms {
            only_reduce: emergency::only_reduce(root, report),
            federation: federation::federation(root, report),
            ..risk::risk(root, report)
        },
        payments: Vec::new(),
        strategies: Vec::new(),
    };
    if terms.vaults().next().is_some() && terms.risk.rate_lookback_blocks == 0 {
        terms.risk.rate_lookback_blocks = risk::RATE_LOOKBACK_BLOCKS_DEFAULT;
    }
    terms.strategies = strategies(root, report, &terms.schedule);
    terms.payments = payments::payments(root, report, &terms);
    risk::burn(report, &mut terms);
    check::terms(report, &terms, policy.validity_secs.is_some());
    let built = build(report, catalog, &terms);
    (terms, built)
}

/// Every key of the language but the parameters of strategies, `*` for a name and `[*]` for a place in a list.
#[cfg(test)]
pub(crate) fn all_keys() -> Vec<String> {
    let of = |section: &str, keys: &[&str]| keys.iter().map(|key| format!("{section}.{key}")).collect::<Vec<_>>();
    let risk = risk::RISK_KEYS.iter().filter(|key| **key != "model").copied().collect::<Vec<_>>();
    [
        of("policy", &POLICY_KEYS),
        of("roles", &roles::ROLE_KEYS),
        of("accounts.*", &routes::SAFE_KEYS),
        of("accounts.*", &routes::GOVERNOR_KEYS),
        of("assets.*", &holdings::ASSET_KEYS),
        of("assets.*", &vaults::SHARE_KEYS),
        of("assets.*.twaps[*]", &twaps::TWAP_KEYS),
        of("allocation.*", &holdings::BAND_KEYS),
        of("groups.*", &groups::GROUP_KEYS),
        of("oracles", &oracles::ORACLE_KEYS),
        of("limits", &numbers::LIMIT_KEYS),
        of("risk", &risk),
        of("emergency", &emergency::EMERGENCY_KEYS),
        of("federation", &federation::FEDERATION_KEYS),
        risk::MODEL_KEYS.iter().flat_map(|keys| of("risk.model", keys)).collect(),
        of("venues.*", &routes::VENUE_KEYS),
        of("venues.*", &vaults::VAULT_KEYS),
        of("venues.*.pools[*]", &routes::POOL_KEYS),
        of("counterparties", &["*"]),
        of("counterparties.*", &routes::COUNTERPARTY_KEYS),
        of("payments[*]", &payments::PAYMENT_KEYS),
        of("strategies[*]", &STRATEGY_KEYS),
    ]
    .concat()
}

/// What the section `policy` says.
struct PolicySection {
    name: String,
    chain_id: Option<u64>,
    registry: Address,
    brake: Address,
    gate: Address,
    expires_at: u64,
    review_at: u64,
    schedule: Schedule,
    validity_secs: Option<u64>,
}

fn policy_section(root: &Section<'_>, report: &mut Report<'_>) -> PolicySection {
    let Some(section) = root.need_section(report, "policy") else { return PolicySection::unread() };
    section.only(report, &POLICY_KEYS);
    if let Some(field) = section.need(report, "version", "1")
        && let Some(version) = field.integer(report, 1, 1_000)
        && version != LANGUAGE_VERSION
    {
        // A later version may mean other things by the same words, so it is refused rather than guessed at.
        let message = format!("is {version}, and this agent reads version {LANGUAGE_VERSION}; run a newer agent");
        report.value(&field.path, message);
    }
    let name = section.need(report, "name", "\"Example DAO treasury\"").and_then(|field| {
        let name = field.text(report, "Example DAO treasury")?;
        if name.trim().is_empty() || name.chars().count() > 100 {
            report.value(&field.path, "is empty or too long; write a name of 1 to 100 letters");
        }
        Some(name.to_owned())
    });
    let chain_id = section.need(report, "chain", "\"eip155:1\"").and_then(|field| {
        let text = field.text(report, "eip155:1")?;
        let chain_id = parse_caip2(text);
        if chain_id.is_none() {
            report.value(&field.path, format!("`{text}` is not a CAIP-2 chain; write such as `eip155:1`"));
        }
        chain_id
    });
    let mut contract = |key: &str| {
        let field = section.need(report, key, "\"eip155:1:0x…\"")?;
        values::account(report, &field, chain_id)
    };
    let (registry, brake, gate) = (contract("registry"), contract("brake"), contract("gate"));
    let expires = section.need(report, "expires", "\"2027-01-01T00:00:00Z\"");
    let expires = expires.and_then(|field| values::time(report, &field));
    let review = section.may("review").and_then(|field| values::time(report, &field));
    if let (Some(review), Some(expires)) = (review, expires)
        && review >= expires
    {
        let message = "is not before `expires`, when nothing is permitted any more; write an earlier time";
        report.conflict(&section.path_of("review"), message);
    }
    PolicySection {
        name: name.unwrap_or_default(),
        chain_id,
        registry: registry.unwrap_or_default(),
        brake: brake.unwrap_or_default(),
        gate: gate.unwrap_or_default(),
        expires_at: expires.unwrap_or_default(),
        review_at: review.unwrap_or(u64::MAX),
        schedule: schedule(&section, report).unwrap_or(Schedule::EveryBlocks(1)),
        validity_secs: section.may("validity").and_then(|field| values::duration(report, &field)),
    }
}

impl PolicySection {
    fn unread() -> Self {
        Self {
            name: String::new(),
            chain_id: None,
            registry: Address::ZERO,
            brake: Address::ZERO,
            gate: Address::ZERO,
            expires_at: 0,
            review_at: u64::MAX,
            schedule: Schedule::EveryBlocks(1),
            validity_secs: None,
        }
    }
}

fn schedule(section: &Section<'_>, report: &mut Report<'_>) -> Option<Schedule> {
    match (section.may("schedule"), section.may("every_blocks")) {
        (Some(_), Some(blocks)) => {
            report.conflict(&blocks.path, "stands beside `schedule`; keep one of the two");
            None
        }
        (None, Some(blocks)) => blocks.integer(report, 1, 100_000_000).map(Schedule::EveryBlocks),
        (None, None) => {
            section.need(report, "schedule", "\"0 0 0 * * *\"` (each midnight, UTC) or `every_blocks = 7200");
            None
        }
        (Some(line), None) => values::cron(report, &line),
    }
}

fn strategies(root: &Section<'_>, report: &mut Report<'_>, pace: &Schedule) -> Vec<StrategyTerms> {
    let Some(list) = root.may("strategies") else { return Vec::new() };
    let mut names = BTreeSet::new();
    let mut strategies = Vec::new();
    for field in list.list(report, STRATEGIES_MAX) {
        let path = field.path.clone();
        let Some(section) = field.section(report) else { continue };
        let named = section.need(report, "name", "\"rebalance\"").and_then(|field| {
            let name = field.text(report, "rebalance")?;
            if !crate::document::is_name(name) {
                let message = format!("`{name}` is not a name; begin with a letter, then letters, digits, `_` and `-`");
                report.value(&field.path, message);
            }
            Some(name.to_owned())
        });
        let name = named.unwrap_or_default();
        if !name.is_empty() && !names.insert(name.clone()) {
            let message = format!("another strategy is named `{name}` too; give each its own name");
            report.conflict(&format!("{path}.name"), message);
        }
        let kind = section.need(report, "kind", "\"rebalance\"").and_then(|field| field.text(report, "rebalance"));
        let mut params = StrategyParams::new();
        for (key, field) in section.entries() {
            if !STRATEGY_KEYS.contains(&key)
                && let Some(value) = param(report, &field, PARAM_DEPTH_MAX)
            {
                params.insert(key.to_owned(), value);
            }
        }
        let line = keccak256(name.as_bytes());
        let share = section.may("share_bps_max");
        let share_bps_max = share.and_then(|field| field.integer(report, 0, values::SHARE_BPS_MAX));
        let kind = kind.unwrap_or_default().to_owned();
        let schedule = section.may("schedule").and_then(|field| own_schedule(report, &field, pace));
        strategies.push(StrategyTerms { name, line, kind, share_bps_max, schedule, params });
    }
    strategies
}

/// The cron line of a strategy, under a policy that decides by time itself.
fn own_schedule(report: &mut Report<'_>, field: &crate::document::Field<'_>, pace: &Schedule) -> Option<String> {
    let Some(Schedule::Cron(line)) = values::cron(report, field) else { return None };
    if let Schedule::EveryBlocks(_) = pace
        && !report.has_problem_in("policy")
    {
        let message = "is a time, and the policy decides `every_blocks`; leave it out, or give the policy a `schedule`";
        report.conflict(&field.path, message);
    }
    Some(line)
}

fn param(report: &mut Report<'_>, field: &crate::document::Field<'_>, depth: usize) -> Option<ParamValue> {
    match field.value {
        DeValue::String(text) => Some(ParamValue::Text(text.to_string())),
        DeValue::Boolean(flag) => Some(ParamValue::Bool(*flag)),
        DeValue::Integer(_) => {
            let most = u64::try_from(i64::MAX).unwrap_or_default();
            let number = field.integer(report, 0, most)?;
            i64::try_from(number).ok().map(ParamValue::Integer)
        }
        DeValue::Array(_) if depth > 0 => {
            let items = field.list(report, 64);
            items.iter().map(|item| param(report, item, depth - 1)).collect::<Option<_>>().map(ParamValue::List)
        }
        DeValue::Table(_) if depth > 0 => {
            let section = field.clone().section(report)?;
            let entry = |(key, field): (&str, crate::document::Field<'_>)| {
                param(report, &field, depth - 1).map(|value| (key.to_owned(), value))
            };
            section.entries().into_iter().map(entry).collect::<Option<_>>().map(ParamValue::Table)
        }
        _ => field.mistyped(report, "a text, a whole number, true, false, a list or a table of them"),
    }
}

/// Builds the strategies, which checks their parameters.
fn build(report: &mut Report<'_>, catalog: &Catalog, terms: &Terms) -> Vec<Box<dyn Strategy>> {
    let mut built = Vec::with_capacity(terms.strategies.len());
    for (position, strategy) in terms.strategies.iter().enumerate() {
        if strategy.kind.is_empty() {
            continue;
        }
        match catalog.build(terms, position) {
            Ok(found) => built.push(scheduled(found, strategy, &terms.schedule)),
            Err(problems) => {
                for problem in problems {
                    let path = format!("strategies[{position}]");
                    let path = if problem.key.is_empty() { path } else { format!("{path}.{}", problem.key) };
                    report.value(&path, problem.message);
                }
            }
        }
    }
    built
}
