//! A treasury in which both policies let things pass, to change in one respect.

use super::{
    changes::opened,
    plans,
    world::{Call, Feed, World},
};
use crate::{print::Plain, voted::VotedPolicy};
use alloy_primitives::{Address, B256, keccak256};
use quaestor_core::{
    Amount, AssetKind, Caip10, Policy, Price, Route, Terms, Value,
    amount::{WAD, pow10},
    strategy::ParamValue,
    valuation::{Twap, tick_of},
};
use std::collections::{BTreeMap, BTreeSet};

/// What the treasury is worth, whole units of the quote currency.
const WORTH: u128 = 10_000_000;
/// Shares are counted in hundredths of a basis point.
pub(super) const PIPS: u64 = 1_000_000;
/// How long before the earlier expiry it is, seconds.
const BEFORE_EXPIRY_SECS: u64 = 30 * 86_400;

/// A token that either policy lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Whether both list it.
    pub(super) is_common: bool,
    pub(super) is_stable: bool,
    /// As the old and the new policy say.
    pub(super) decimals: [Option<u8>; 2],
    /// Whole units of the quote currency that a token costs here.
    price: u128,
    /// Feeds of both, each once.
    pub(super) feeds: Vec<Address>,
    /// The asset of the vault whose shares it is.
    pub(super) vault_of: Option<Address>,
    /// The narrower of both bands, pips.
    pub(super) least: u64,
    pub(super) most: u64,
}

/// Two policies, with everything that either names, by address.
#[derive(Debug)]
pub(super) struct Pair<'p> {
    pub(super) old: &'p VotedPolicy,
    pub(super) new: &'p VotedPolicy,
    pub(super) tokens: BTreeMap<Address, Token>,
    /// Accounts, and whether both list them.
    pub(super) accounts: BTreeMap<Address, bool>,
    /// Counterparties, and whether both list them.
    pub(super) payees: BTreeMap<Address, bool>,
    /// Lines of strategies, and whether both have them.
    pub(super) lines: BTreeMap<B256, bool>,
    /// Exchanges with what they give, and whether both list them.
    pub(super) exchanges: BTreeMap<(Address, Call), bool>,
    /// What either calls a counterparty, by its address.
    pub(super) names: BTreeMap<Address, String>,
}

/// Which of the two policies is right where they differ on what is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Believed {
    Old,
    New,
}

/// In what a treasury differs from a balanced one.
#[derive(Debug, Clone, Default)]
pub(super) struct Tilt {
    /// Shares that are given, pips of all.
    pub(super) shares: BTreeMap<Address, u64>,
    /// The share of all stable assets, pips.
    pub(super) stable: Option<u64>,
}

impl<'p> Pair<'p> {
    /// `plain` is what the files of the two say.
    pub(super) fn new(old: &'p VotedPolicy, new: &'p VotedPolicy, plain: [&Plain; 2]) -> Self {
        let listed = |of: &dyn Fn(&Terms) -> BTreeSet<Address>| {
            let (before, after) = (of(old.terms()), of(new.terms()));
            let is_common = |address: &Address| before.contains(address) && after.contains(address);
            before.union(&after).map(|address| (*address, is_common(address))).collect::<BTreeMap<_, _>>()
        };
        let line_set =
            |policy: &VotedPolicy| policy.terms().strategies.iter().map(|it| it.line).collect::<BTreeSet<_>>();
        let (before, after) = (line_set(old), line_set(new));
        let both = |line: &B256| before.contains(line) && after.contains(line);
        let tokens = listed(&|terms| terms.assets.iter().map(|asset| asset.address).collect());
        Self {
            old,
            new,
            tokens: tokens.into_iter().map(|(address, common)| (address, token(old, new, address, common))).collect(),
            accounts: listed(&|terms| terms.accounts.iter().map(|account| account.address).collect()),
            payees: listed(&|terms| terms.counterparties.iter().map(|it| it.address).collect()),
            lines: before.union(&after).map(|line| (*line, both(line))).collect(),
            exchanges: {
                let (before, after) = (plans::exchanges(old.terms()), plans::exchanges(new.terms()));
                let both = |it: &(Address, Call)| before.contains(it) && after.contains(it);
                before.union(&after).map(|it| (*it, both(it))).collect()
            },
            names: unambiguous(plain.into_iter().flat_map(names).collect()),
        }
    }

    /// Both, the old one first.
    pub(super) fn terms(&self) -> [&'p Terms; 2] {
        [self.old.terms(), self.new.terms()]
    }

    /// The line of a strategy that both have, or else of one that either has.
    pub(super) fn line(&self) -> B256 {
        let first = self.lines.iter().find(|(_, common)| **common).or_else(|| self.lines.iter().next());
        first.map_or_else(|| keccak256(""), |(line, _)| *line)
    }

    /// The accounts that spend: Safes of both first.
    pub(super) fn spenders(&self) -> Vec<Address> {
        let is_safe = |address: &Address| {
            let routes = self.terms().map(|terms| {
                terms.account_at(*address).and_then(|id| terms.account(id)).map(|account| account.route == Route::Safe)
            });
            routes.contains(&Some(true))
        };
        let mut all: Vec<(bool, bool, Address)> =
            self.accounts.iter().map(|(address, common)| (!common, !is_safe(address), *address)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, _, address)| address).collect()
    }

    /// Whose word on what is so on the chain is taken, where the two differ: first the one's, then the other's; which
    /// comes first does not depend on which is the older. One where they agree.
    pub(super) fn believed(&self) -> Vec<Believed> {
        let [old, new] = self.terms();
        let decimals = self.tokens.values().any(|token| matches!(token.decimals, [Some(a), Some(b)] if a != b));
        let code = old
            .pins()
            .any(|(address, pinned)| new.pins().any(|(other, differs)| other == address && differs != pinned));
        let routes = old.accounts.iter().any(|account| {
            let is_safe = |account: &quaestor_core::Account| account.route == Route::Safe;
            new.accounts.iter().any(|other| other.address == account.address && is_safe(other) != is_safe(account))
        });
        let chain = old.chain_id != new.chain_id;
        let mut all = vec![Believed::Old, Believed::New];
        if identity(self.new) < identity(self.old) {
            all.reverse();
        }
        if !(decimals || code || routes || chain) {
            all.truncate(1);
        }
        all
    }

    /// A treasury all of whose money is in the account `main`.
    pub(super) fn treasury(&self, main: Address, tilt: &Tilt, believed: Believed) -> World {
        let mut terms = self.terms();
        if believed == Believed::New {
            terms.reverse();
        }
        let decimals = |token: &Token| {
            let mut said = token.decimals;
            if believed == Believed::New {
                said.reverse();
            }
            said.into_iter().flatten().next().unwrap_or_default()
        };
        let expires = terms.map(|terms| terms.expires_at).into_iter().min().unwrap_or_default();
        let mut world = World {
            chain_id: terms.map(|terms| terms.chain_id).into_iter().next().unwrap_or_default(),
            now: expires.saturating_sub(BEFORE_EXPIRY_SECS.min(expires / 2).max(1)),
            decimals: self.tokens.iter().map(|(address, token)| (*address, decimals(token))).collect(),
            feeds: BTreeMap::new(),
            ticks: BTreeMap::new(),
            held: BTreeMap::new(),
            code: BTreeMap::new(),
            vaults: BTreeMap::new(),
            safes: BTreeMap::new(),
            past: Vec::new(),
            forecast: [Some(0); 4],
            notes: Vec::new(),
        };
        for token in self.tokens.values() {
            for feed in &token.feeds {
                let price = Some(Price(token.price.saturating_mul(WAD)));
                world.feeds.entry(*feed).or_insert(Feed { price, age_secs: 0 });
            }
        }
        for terms in terms {
            for twap in &terms.twaps {
                if let Some(tick) = self.tick(terms, twap) {
                    let token = terms.asset(twap.asset).map(|it| it.address).unwrap_or_default();
                    world.ticks.entry((twap.pool, token)).or_insert(tick);
                }
            }
            for (address, code_hash) in terms.pins() {
                world.code.entry(address).or_insert(code_hash);
            }
            for vault in terms.vaults() {
                if let Some(said) = terms.vouched_by(vault) {
                    let asset = terms.asset(vault.asset).map(|it| it.address).unwrap_or_default();
                    world.vaults.entry((vault.address, asset)).or_insert(said);
                }
            }
            for account in &terms.accounts {
                world.safes.entry(account.address).or_insert(account.route == Route::Safe);
            }
        }
        for (address, pips) in self.shares(tilt) {
            self.hold(&mut world, main, address, Value(WORTH * WAD / u128::from(PIPS) * u128::from(pips)));
        }
        world
    }

    /// The mean tick at which a pool says what the feeds say here, to within a basis point.
    fn tick(&self, terms: &Terms, twap: &Twap) -> Option<i32> {
        let (asset, quote) = (terms.asset(twap.asset)?, terms.asset(twap.quote)?);
        let price = |address: &Address| self.tokens.get(address).map(|token| token.price);
        let ratio = WAD.checked_mul(price(&asset.address)?)?.checked_div(price(&quote.address)?)?;
        tick_of(Price(ratio), asset.unit(), quote.unit())
    }

    /// Lets `account` hold so much more of a token.
    pub(super) fn hold(&self, world: &mut World, account: Address, address: Address, value: Value) {
        let amount = self.amount(world, address, value);
        let held = world.held.entry((account, address)).or_insert(Amount::ZERO);
        *held = held.saturating_add(amount);
    }

    /// What has this value here, rounded down; nothing of a token that is not listed, or where it cannot be counted.
    pub(super) fn amount(&self, world: &World, address: Address, value: Value) -> Amount {
        let (Some(token), Some(decimals)) = (self.tokens.get(&address), world.decimals.get(&address)) else {
            return Amount::ZERO;
        };
        let price = Price(token.price.saturating_mul(WAD));
        value.amount_at(price, pow10(*decimals)).unwrap_or(Amount::ZERO)
    }

    /// The share of each token, in pips: within the bands and above the stable floor where that is possible.
    fn shares(&self, tilt: &Tilt) -> BTreeMap<Address, u64> {
        let mut shares: BTreeMap<Address, u64> = BTreeMap::new();
        let all = PIPS;
        for (address, pips) in &tilt.shares {
            shares.insert(*address, *pips);
        }
        let free: Vec<(Address, &Token)> = self
            .tokens
            .iter()
            .filter(|(address, _)| !tilt.shares.contains_key(*address))
            .map(|(address, token)| (*address, token))
            .collect();
        let sum = |shares: &BTreeMap<Address, u64>| shares.values().sum::<u64>();
        for (address, token) in &free {
            let room = all.saturating_sub(sum(&shares));
            // What only one of them lists is held a little, beside the rest.
            let least = if token.is_common { token.least } else { token.least.max(all / 50) };
            shares.insert(*address, least.min(room));
        }
        let stable_wanted = tilt.stable.unwrap_or_else(|| {
            let floor = self.terms().map(|terms| terms.limits.stable_share_bps_min).into_iter().max();
            (floor.unwrap_or_default().saturating_mul(100) + all / 20).min(all)
        });
        let stable = |shares: &BTreeMap<Address, u64>| {
            let stables = shares.iter().filter(|(address, _)| self.is_stable(**address));
            stables.map(|(_, pips)| *pips).sum::<u64>()
        };
        let missing = stable_wanted.saturating_sub(stable(&shares)).min(all.saturating_sub(sum(&shares)));
        fill(&mut shares, &free, missing, true);
        let rest = all.saturating_sub(sum(&shares));
        if tilt.stable.is_some() {
            // Exactly so much is stable, so that the rest is not, bands or no bands.
            let others: Vec<_> = free.iter().filter(|(_, token)| !token.is_stable).copied().collect();
            let left = fill(&mut shares, &others, rest, false);
            if let Some((address, _)) = others.first() {
                *shares.entry(*address).or_default() += left;
            }
            return shares;
        }
        let left = fill(&mut shares, &free, rest, false);
        if let Some((address, _)) = free.iter().find(|(_, token)| token.is_stable).or_else(|| free.first()) {
            *shares.entry(*address).or_default() += left;
        }
        shares
    }

    fn is_stable(&self, address: Address) -> bool {
        self.tokens.get(&address).is_some_and(|token| token.is_stable)
    }
}

/// The counterparties of a file by address.
fn names(plain: &Plain) -> Vec<(Address, String)> {
    let Some(ParamValue::Table(listed)) = plain.get("counterparties") else { return Vec::new() };
    let named = |(name, value): (&String, &ParamValue)| {
        let ParamValue::Table(fields) = opened(value) else { return None };
        let Some(ParamValue::Text(text)) = fields.get("address") else { return None };
        text.parse::<Caip10>().ok().map(|account| (account.address, name.clone()))
    };
    listed.iter().filter_map(named).collect()
}

/// Without names that stand for two addresses.
fn unambiguous(names: BTreeSet<(Address, String)>) -> BTreeMap<Address, String> {
    let is_one = |name: &String| names.iter().filter(|(_, other)| other == name).count() == 1;
    names.iter().filter(|(_, name)| is_one(name)).cloned().collect()
}

/// Spreads `pips` over tokens by the room that their bands leave; what did not fit.
fn fill(shares: &mut BTreeMap<Address, u64>, free: &[(Address, &Token)], pips: u64, stable_only: bool) -> u64 {
    let room_of = |shares: &BTreeMap<Address, u64>, address: &Address, token: &Token| {
        token.most.saturating_sub(shares.get(address).copied().unwrap_or_default())
    };
    let among: Vec<_> = free.iter().filter(|(_, token)| token.is_stable || !stable_only).collect();
    let room: u64 = among.iter().map(|(address, token)| room_of(shares, address, token)).sum();
    if room == 0 {
        return pips;
    }
    let given = pips.min(room);
    let mut left = given;
    for (address, token) in &among {
        let own = room_of(shares, address, token);
        // Both are below the whole, so that the product fits.
        let part = given.saturating_mul(own).checked_div(room).unwrap_or_default().min(left);
        *shares.entry(*address).or_default() += part;
        left -= part;
    }
    for (address, token) in &among {
        let part = room_of(shares, address, token).min(left);
        *shares.entry(*address).or_default() += part;
        left -= part;
    }
    pips - given + left
}

/// A hash of what a policy says, whatever its file looks like.
pub(super) fn identity(policy: &VotedPolicy) -> B256 {
    let envelope: Vec<u8> = policy.envelope().iter().flat_map(|number| number.to_be_bytes()).collect();
    keccak256([policy.rest_hash().as_slice(), &envelope].concat())
}

/// What both policies say of a token together.
fn token(old: &VotedPolicy, new: &VotedPolicy, address: Address, is_common: bool) -> Token {
    let mut found = Token {
        is_common,
        is_stable: false,
        decimals: [None; 2],
        price: 0,
        feeds: Vec::new(),
        vault_of: None,
        least: 0,
        most: PIPS,
    };
    for (terms, decimals) in [old.terms(), new.terms()].into_iter().zip(&mut found.decimals) {
        let Some(asset) = terms.assets.iter().find(|asset| asset.address == address) else { continue };
        found.is_stable |= asset.kind == AssetKind::Stable;
        *decimals = Some(asset.decimals);
        found.price = found.price.max(match asset.kind {
            AssetKind::Stable => 1,
            AssetKind::Native => 4,
            AssetKind::Volatile => 2_000,
        });
        found.feeds.extend(&asset.feeds);
        let id = terms.asset_named(&asset.symbol);
        if let Some(vault) = id.and_then(|id| terms.vault_of(id)) {
            found.vault_of = terms.asset(vault.asset).map(|asset| asset.address);
        }
        if let Some(band) = terms.bands.iter().find(|band| Some(band.asset) == id) {
            found.least = found.least.max(band.min_bps.saturating_mul(100));
            found.most = found.most.min(band.max_bps.saturating_mul(100));
        }
    }
    if found.is_stable {
        found.price = 1;
    }
    found.feeds.sort_unstable();
    found.feeds.dedup();
    found
}
