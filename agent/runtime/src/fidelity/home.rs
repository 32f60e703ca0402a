//! A policy on the local chain: a DAO that fits it, and its text with that DAO's addresses.
//!
//! What the policy says stays: shares, limits, strategies. Addresses are those of the local DAO; where the local chain
//! cannot be as the policy wants it, what is different is told.

use super::{FidelityError, People};
use crate::devnet::{AssetPlan, Dao, Issue, Options, ReplayDay, dao::DaoAsset};
use quaestor_core::{
    Amount, AssetKind, Caip10, Limits, Policy, Price, Route, Terms, Value, VenueKind,
    policy::{ModelFallback, ModelTerms, Schedule},
};
use quaestor_policies::VotedPolicy;
use quaestor_simulations::market::ETHER;
use toml::{Table, Value as Toml};

/// The Governor counts blocks, and time is warped: a block of a vote takes a multiple of this, seconds.
pub(super) const BLOCK_SECS: u64 = crate::devnet::anvil::BLOCK_SECS;
/// Blocks of a vote and its delay that are wished for at the most: the local chain keeps all of them in memory.
const VOTE_BLOCKS_WISHED: u64 = 600;
/// The most that are made.
const VOTE_BLOCKS_MAX: u64 = 6_000;
/// Feeds answer once in a bar, and what waits is judged between two answers.
const PRICE_AGE_SECS: u64 = 26 * 3_600;
/// The same as a policy writes it.
const PRICE_AGE: &str = "26h";
/// Worth of each side of each pool, whole dollars: so deep that what a treasury trades does not move them.
const POOL_SIDE_USD: u128 = 100_000_000_000;
/// Worth of a side of all pools together, whole dollars, which is within the market's means.
const POOL_SIDES_USD: u128 = 400_000_000_000;
/// Ether that the market puts into a pool at the most.
const POOL_SIDE_ETHER: u128 = 500_000_000;
/// Beyond every run, and within the year that a lease may last.
const LEASE_SECS: u64 = 330 * 86_400;
/// The router wants wrapped ether; what a treasury without it gets on the local chain.
const SPARE_ETHER: &str = "ETHER";
const WAD: u128 = quaestor_core::amount::WAD;

fn unfit(what: impl Into<String>) -> FidelityError {
    FidelityError::Unfit { what: what.into() }
}

/// Whether a policy can run on the local chain; what is different there, for people.
///
/// # Errors
/// What it has that the local chain has not.
pub(super) fn fits(terms: &Terms) -> Result<Vec<String>, FidelityError> {
    let on = |is: fn(&Route) -> bool| terms.accounts.iter().filter(|account| is(&account.route)).count();
    if on(|route| matches!(route, Route::Safe)) > 1 || on(|route| matches!(route, Route::Governor { .. })) > 1 {
        return Err(unfit(
            "the policy has several Safes or Governors, the local DAO one of each; leave the others out",
        ));
    }
    if terms.vaults().next().is_some() {
        let what = "the policy has vaults, whose rates it reads so many blocks apart, and time is warped on the local chain; \
                    leave vaults out";
        return Err(unfit(what));
    }
    if !matches!(terms.risk.model, ModelTerms::Ewma) && terms.risk.fallback == ModelFallback::Hold {
        return Err(unfit("the policy holds without a trained model, and none is here; write `model = \"ewma\"`"));
    }
    pool_fee(terms)?;
    quote(terms)?;
    let mut notes = vec!["addresses are those of the local DAO".to_owned()];
    if !matches!(terms.risk.model, ModelTerms::Ewma) {
        notes.push("the policy's fallback, ewma, forecasts".to_owned());
    }
    let too_old = |secs: u64| secs < PRICE_AGE_SECS;
    if terms.assets.iter().any(|asset| too_old(asset.staleness_secs_max)) || too_old(terms.limits.price_age_secs_max) {
        notes.push(format!("a price may be {PRICE_AGE} old: feeds answer once in a bar"));
    }
    if terms.limits.price_quorum_min > 1 || terms.assets.iter().any(|asset| asset.feeds.len() > 1) {
        notes.push("each asset has one feed, and one is enough".to_owned());
    }
    Ok(notes)
}

/// The one fee of all pools, hundredths of a basis point.
fn pool_fee(terms: &Terms) -> Result<u32, FidelityError> {
    let mut fees: Vec<u32> = terms.venues.iter().flat_map(|venue| &venue.pools).map(|pool| pool.fee_pips).collect();
    fees.dedup();
    match fees.as_slice() {
        [] => Ok(500),
        [fee @ (500 | 3_000 | 10_000)] => Ok(*fee),
        _ => Err(unfit("all pools of the local DAO have one fee, 500, 3000 or 10000 pips; write one of these in each")),
    }
}

/// The asset that every pool trades against.
fn quote(terms: &Terms) -> Result<usize, FidelityError> {
    let pools = || terms.venues.iter().flat_map(|venue| &venue.pools);
    let of_all = |index: &usize| pools().all(|pool| pool.a.index() == *index || pool.b.index() == *index);
    let of = |index: &usize| terms.assets.get(*index).is_some_and(|asset| asset.kind == AssetKind::Stable);
    let found = (0..terms.assets.len()).filter(of_all);
    let stable_first = found.clone().find(of).or_else(|| found.clone().next());
    stable_first
        .ok_or_else(|| unfit("pools of the local DAO trade against one and the same asset; leave the others out"))
}

/// How long a block of a vote takes, seconds: so long that delay and vote are whole numbers of blocks, and not many.
///
/// # Errors
/// If no number divides both well.
pub(super) fn vote_block_secs(delays: &People) -> Result<u64, FidelityError> {
    let (delay, period) = (delays.voting_delay_secs, delays.voting_period_secs);
    let whole = delay.saturating_add(period);
    let (mut common, mut rest) = (delay, period);
    while rest > 0 {
        (common, rest) = (rest, common % rest);
    }
    let mut divisors = (1..=common / BLOCK_SECS).map(|count| count * BLOCK_SECS).filter(|secs| common % secs == 0);
    let few = |secs: &u64| whole / secs <= VOTE_BLOCKS_WISHED;
    let found = divisors.clone().find(few).or_else(|| divisors.next_back());
    found.filter(|secs| whole / secs <= VOTE_BLOCKS_MAX).ok_or_else(|| {
        unfit(format!(
            "the assumptions: {delay} and {period} seconds until a vote and of it: the Governor counts blocks; write both in \
             whole minutes or hours"
        ))
    })
}

/// The local DAO for a policy: its assets, its pools, its Governor's delays, and `history` in its feeds; it is built at
/// `begins_at`, Unix seconds.
///
/// # Errors
/// What it has that the local chain has not.
pub(super) fn options(
    terms: &Terms,
    delays: &People,
    mut history: Vec<ReplayDay>,
    begins_at: u64,
) -> Result<Options, FidelityError> {
    let first = quote(terms)?;
    let is_ether = |asset: &&quaestor_core::Asset| ETHER.contains(&asset.symbol.as_str()) && asset.decimals == 18;
    let ether = terms.assets.iter().find(is_ether).map(|asset| asset.symbol.clone());
    let mut assets: Vec<AssetPlan> = terms.assets.iter().map(|asset| plan(asset, ether.as_deref())).collect();
    let quote = assets.remove(first);
    assets.insert(0, quote);
    if ether.is_none() {
        assets.push(AssetPlan {
            symbol: SPARE_ETHER.to_owned(),
            name: SPARE_ETHER.to_owned(),
            decimals: 18,
            kind: AssetKind::Volatile,
            issue: Issue::WrappedEther,
            share_bps: 0,
        });
        history.iter_mut().for_each(with_spare_ether);
    }
    let named = ether.as_deref().unwrap_or(SPARE_ETHER);
    let ether_usd = history.last().and_then(|day| day.prices.iter().find(|(symbol, _)| symbol == named));
    let of_ether = ether_usd.map_or(u128::MAX, |(_, price)| POOL_SIDE_ETHER.saturating_mul(price.0));
    let pools = u128::try_from(assets.len()).unwrap_or(u128::MAX).max(2) - 1;
    let side = (POOL_SIDE_USD * WAD).min(POOL_SIDES_USD * WAD / pools).min(of_ether);
    let block_secs = vote_block_secs(delays)?;
    let blocks = |secs: u64| secs / block_secs;
    Ok(Options {
        assets,
        vaults: Vec::new(),
        nav: Value::ZERO,
        reserve: Value::ZERO,
        pool_side: Value(side),
        pool_fee_pips: pool_fee(terms)?,
        voting_delay_blocks: blocks(delays.voting_delay_secs),
        voting_period_blocks: u32::try_from(blocks(delays.voting_period_secs))
            .map_err(|_| unfit("the vote is too long for a Governor; write a shorter `delays.voting_period_secs`"))?,
        timelock_delay_secs: delays.timelock_secs,
        // The policy is in force as soon as it was voted.
        registry_delay_secs: 0,
        ceilings: Limits::default().envelope(),
        lease_secs: LEASE_SECS,
        begins_at: Some(begins_at),
        ..Options::new(history)
    })
}

/// The local DAO's asset of this symbol.
///
/// # Errors
/// If it has none.
pub(super) fn asset<'d>(dao: &'d Dao, symbol: &str) -> Result<&'d DaoAsset, FidelityError> {
    dao.asset(symbol).ok_or_else(|| unfit(format!("the local DAO has no {symbol}")))
}

/// Prices for every asset of the local DAO.
pub(super) fn complete(dao: &Dao, day: &mut ReplayDay) {
    if dao.asset(SPARE_ETHER).is_some() {
        with_spare_ether(day);
    }
}

/// A day's prices with that of the ether which the treasury does not hold.
fn with_spare_ether(day: &mut ReplayDay) {
    day.prices.push((SPARE_ETHER.to_owned(), Price(WAD)));
}

fn plan(asset: &quaestor_core::Asset, ether: Option<&str>) -> AssetPlan {
    let is_ether = ether == Some(asset.symbol.as_str());
    AssetPlan {
        symbol: asset.symbol.clone(),
        name: asset.symbol.clone(),
        decimals: asset.decimals,
        kind: asset.kind,
        issue: if is_ether { Issue::WrappedEther } else { Issue::Minted },
        share_bps: 0,
    }
}

/// The text of a policy with the addresses of the local DAO, deciding at the close of each bar, `close` being the seconds
/// of the day at which bars end; what of that is new, for people.
///
/// # Errors
/// If it is no table of TOML, which a policy that was read cannot be.
pub(super) fn rehome(
    text: &str,
    policy: &VotedPolicy,
    dao: &Dao,
    close: u64,
) -> Result<(String, Vec<String>), FidelityError> {
    let terms = policy.terms();
    let mut table: Table = toml::from_str(text).map_err(|error| unfit(error.to_string()))?;
    let (old, new) = (format!("eip155:{}:", terms.chain_id), format!("eip155:{}:", dao.chain_id));
    table.iter_mut().for_each(|(_, value)| on_chain(value, &old, &new));
    let here = |address| Toml::String(Caip10 { chain_id: dao.chain_id, address }.to_string());
    let mut notes = Vec::new();
    if let Some(section) = section(&mut table, &["policy"]) {
        section.insert("chain".into(), Toml::String(format!("eip155:{}", dao.chain_id)));
        section.insert("registry".into(), here(dao.controls.registry));
        section.insert("brake".into(), here(dao.controls.brake));
        section.insert("gate".into(), here(dao.controls.gate));
        section.insert("expires".into(), Toml::String(rfc3339(dao.controls.lease_until)));
        let (cron, note) = schedule(&terms.schedule, close);
        section.remove("every_blocks");
        section.insert("schedule".into(), Toml::String(cron));
        notes.extend(note);
    }
    for account in &terms.accounts {
        let Some(section) = section(&mut table, &["accounts", &account.name]) else { continue };
        match account.route {
            Route::Safe => drop(section.insert("address".into(), here(dao.safe.account))),
            Route::Governor { .. } => {
                section.insert("address".into(), here(dao.governance.timelock));
                section.insert("governor".into(), here(dao.governance.governor));
                section.insert("proposer".into(), here(dao.people.operator.address()));
            }
        }
    }
    for asset in &terms.assets {
        let local = self::asset(dao, &asset.symbol)?;
        let Some(section) = section(&mut table, &["assets", &asset.symbol]) else { continue };
        section.insert("address".into(), here(local.address));
        section.insert("feeds".into(), Toml::Array(vec![here(local.feed)]));
        if asset.code_hash.is_some() {
            let code_hash = dao.code_hash(local.address).unwrap_or_default();
            section.insert("code_hash".into(), Toml::String(code_hash.to_string()));
        }
        if asset.staleness_secs_max < PRICE_AGE_SECS {
            section.insert("staleness_max".into(), Toml::String(PRICE_AGE.to_owned()));
        }
    }
    for venue in terms.venues.iter().filter(|venue| venue.kind == VenueKind::UniswapV3) {
        let Some(section) = section(&mut table, &["venues", &venue.name]) else { continue };
        let router = dao.uniswap.router;
        section.insert("address".into(), here(router));
        section.insert("code_hash".into(), Toml::String(dao.code_hash(router).unwrap_or_default().to_string()));
    }
    if let Some(section) = section(&mut table, &["limits"]) {
        if terms.limits.price_age_secs_max < PRICE_AGE_SECS {
            section.insert("price_age_max".into(), Toml::String(PRICE_AGE.to_owned()));
        }
        if terms.limits.price_quorum_min > 1 {
            section.insert("price_quorum_min".into(), Toml::Integer(1));
        }
    }
    let text = toml::to_string(&table).map_err(|error| unfit(error.to_string()))?;
    Ok((text, notes))
}

fn section<'t>(table: &'t mut Table, path: &[&str]) -> Option<&'t mut Table> {
    path.iter().try_fold(table, |table, key| table.get_mut(*key)?.as_table_mut())
}

/// Whatever names an account of one chain names it on another.
fn on_chain(value: &mut Toml, old: &str, new: &str) {
    match value {
        Toml::String(text) => {
            if let Some(rest) = text.strip_prefix(old) {
                *text = format!("{new}{rest}");
            }
        }
        Toml::Array(list) => list.iter_mut().for_each(|value| on_chain(value, old, new)),
        Toml::Table(table) => table.iter_mut().for_each(|(_, value)| on_chain(value, old, new)),
        _ => {}
    }
}

/// The days of a schedule, each at the close of its bar.
fn schedule(found: &Schedule, close: u64) -> (String, Option<String>) {
    let (hour, minute, second) = (close / 3_600, close / 60 % 60, close % 60);
    let days = match found {
        Schedule::Cron(line) => line.split_whitespace().skip(3).collect::<Vec<_>>().join(" "),
        Schedule::EveryBlocks(_) => "* * *".to_owned(),
    };
    let cron = format!("{second} {minute} {hour} {days}");
    let note = match found {
        Schedule::Cron(line) if *line == cron => None,
        Schedule::Cron(line) => Some(format!("it decides at `{cron}`, the close of a bar, in place of `{line}`")),
        Schedule::EveryBlocks(_) => {
            Some("it decides at the close of each bar, in place of every so many blocks".into())
        }
    };
    (cron, note)
}

/// As a policy writes a time.
fn rfc3339(timestamp: u64) -> String {
    let time = i64::try_from(timestamp).ok().and_then(|secs| chrono::DateTime::from_timestamp(secs, 0));
    time.unwrap_or_default().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// What accounts hold at first where nothing is said: `value_usd` by the policy's targets, on its first Safe.
pub(super) fn opening(terms: &Terms, value_usd: u64, price: impl Fn(usize) -> Option<Price>) -> Vec<Vec<Amount>> {
    let mut held = vec![vec![Amount::ZERO; terms.assets.len()]; terms.accounts.len()];
    let mut left = 10_000u64;
    let mut shares = vec![0u64; terms.assets.len()];
    for band in &terms.bands {
        if let Some(share) = shares.get_mut(band.asset.index()) {
            *share = band.target_bps;
        }
        left = left.saturating_sub(band.target_bps);
    }
    let cash = terms.assets.iter().position(|asset| asset.kind == AssetKind::Stable);
    if let Some(share) = cash.and_then(|cash| shares.get_mut(cash)) {
        *share += left;
    }
    let account = terms.accounts.iter().position(|account| account.route == Route::Safe).unwrap_or(0);
    for (index, (asset, bps)) in terms.assets.iter().zip(shares).enumerate() {
        let value = Value(u128::from(value_usd).saturating_mul(WAD)).share(bps);
        let amount = value.zip(price(index)).and_then(|(value, price)| value.amount_at(price, asset.unit()));
        if let (Some(amount), Some(row)) = (amount, held.get_mut(account).and_then(|row| row.get_mut(index))) {
            *row = amount;
        }
    }
    held
}

#[cfg(test)]
mod tests;
