//! What comes and goes with accounts, assets, venues and counterparties. What counts is what they are on the chain, not
//! what they are called.

use super::{
    bearing::{Bearing, Both, Can},
    changes::{Difference, Of, entry_name},
    masks,
};
use crate::words::symbol;
use alloy_primitives::Address;
use quaestor_core::{Account, Asset, Caip10, Pool, Terms, Venue, VenueKind, strategy::ParamValue};
use std::collections::BTreeSet;

impl Both<'_> {
    pub(super) fn venue(&self, name: &str, rest: &[&str], difference: &Difference) -> Bearing {
        let named = |terms: &Terms| terms.venues.iter().position(|venue| venue.name == name);
        let of = |terms: &Terms| named(terms).and_then(|place| terms.venues.get(place).cloned());
        let (old, new) = (of(self.before), of(self.after));
        let known: Vec<_> = old.iter().chain(&new).collect();
        let is_elsewhere = |terms: &Terms| {
            let differs =
                |venue: &Venue| known.iter().any(|it| it.address == venue.address && it.code_hash != venue.code_hash);
            terms.venues.iter().any(differs)
        };
        let is_plain = matches!(rest, [] | ["pools"])
            && known.iter().all(|venue| venue.kind == VenueKind::UniswapV3)
            && (rest == ["pools"] || !(is_elsewhere(self.before) || is_elsewhere(self.after)));
        if !is_plain {
            return Bearing::both();
        }
        // A venue may be called otherwise than before: what counts is where which tokens are traded.
        let entry = difference.old.as_ref().or(difference.new.as_ref()).filter(|_| difference.of == Of::Entry);
        let entry = entry.map(entry_name);
        let more = |of: &Terms, than: &Terms| {
            let listed = pools(than);
            let is_meant = |pool: &Pool| entry.as_ref().is_none_or(|entry| *entry == pool_name(of, pool));
            let own = named(of).and_then(|place| of.venues.get(place));
            let own =
                own.map(|venue| venue.pools.iter().filter(|pool| is_meant(pool)).map(|pool| offer(of, venue, pool)));
            own.is_some_and(|mut own| own.any(|offer| !listed.contains(&offer)))
        };
        let can = |it: bool| if it { Can::Maybe } else { Can::No };
        let found = Bearing::of(can(more(self.after, self.before)), can(more(self.before, self.after)));
        let found = if (&found.opens, &found.closes) == (&Can::No, &Can::No) {
            found.because("the same pools under another name")
        } else {
            found
        };
        found.masked(|| {
            let rule = "governor_swap_bound".to_owned();
            let is = |terms: &Terms| masks::exchange(terms, None).as_ref() == Some(&rule);
            (is(self.before) && is(self.after)).then(|| rule.clone())
        })
    }

    pub(super) fn account(&self, name: &str, difference: &Difference) -> Bearing {
        let of = |terms: &Terms| terms.accounts.iter().find(|account| account.name == name).cloned();
        let same = |account: &Account, terms: &Terms| {
            terms.accounts.iter().any(|it| it.address == account.address && it.route == account.route)
        };
        let renamed = match (&difference.old, &difference.new) {
            (Some(_), None) => of(self.before).is_some_and(|account| same(&account, self.after)),
            (None, Some(_)) => of(self.after).is_some_and(|account| same(&account, self.before)),
            _ => false,
        };
        if renamed { Bearing::nothing("the same account under another name") } else { Bearing::both() }
    }

    pub(super) fn asset(&self, name: &str, difference: &Difference) -> Bearing {
        let of = |terms: &Terms| terms.assets.iter().find(|asset| asset.symbol == name).cloned();
        let same = |asset: &Asset, own: &Terms, other: &Terms| {
            let plain = |terms: &Terms, asset: &Asset| {
                let mut feeds = asset.feeds.clone();
                feeds.sort_unstable();
                let vault = terms.asset_named(&asset.symbol).and_then(|id| terms.vault_of(id));
                let of = vault.and_then(|vault| terms.asset(vault.asset)).map(|it| it.address);
                let Asset { address, decimals, kind, staleness_secs_max, .. } = *asset;
                (address, decimals, kind, staleness_secs_max, feeds, of)
            };
            other.assets.iter().any(|it| plain(other, it) == plain(own, asset))
        };
        let renamed = match (&difference.old, &difference.new) {
            (Some(_), None) => of(self.before).is_some_and(|asset| same(&asset, self.before, self.after)),
            (None, Some(_)) => of(self.after).is_some_and(|asset| same(&asset, self.after, self.before)),
            _ => false,
        };
        if renamed { Bearing::nothing("the same token under another symbol") } else { Bearing::both() }
    }

    /// Who may be paid, whatever the name.
    pub(super) fn counterparty(&self, difference: &Difference) -> Bearing {
        let is_capped = |value: &Option<ParamValue>| matches!(value, Some(ParamValue::Table(_)));
        if is_capped(&difference.old) || is_capped(&difference.new) {
            return Bearing::both();
        }
        let is_listed = |terms: &Terms, address| terms.counterparties.iter().any(|it| it.address == address);
        let more = |value: &Option<ParamValue>, than: &Terms| match value {
            Some(ParamValue::Text(text)) => {
                text.parse::<Caip10>().is_ok_and(|account| !is_listed(than, account.address))
            }
            _ => false,
        };
        let can = |it: bool| if it { Can::Maybe } else { Can::No };
        let (opens, closes) = (more(&difference.new, self.before), more(&difference.old, self.after));
        let found = Bearing::of(can(opens), can(closes));
        if opens || closes { found } else { found.because("the same receiver under another name") }
    }
}

type Offer = (Address, [Address; 2], u32);

/// Every pool that may be traded: the router, the tokens and the fee.
fn pools(terms: &Terms) -> BTreeSet<Offer> {
    let of = |venue: &'_ Venue| venue.pools.iter().map(|pool| offer(terms, venue, pool)).collect::<Vec<_>>();
    terms.venues.iter().flat_map(of).collect()
}

fn offer(terms: &Terms, venue: &Venue, pool: &Pool) -> Offer {
    let token = |asset| terms.asset(asset).map(|it| it.address).unwrap_or_default();
    let mut pair = [token(pool.a), token(pool.b)];
    pair.sort_unstable();
    (venue.address, pair, pool.fee_pips)
}

/// As [`entry_name`] calls it.
fn pool_name(terms: &Terms, pool: &Pool) -> String {
    let mut pair = [pool.a, pool.b].map(|asset| symbol(terms, asset));
    pair.sort_unstable();
    format!("{} {}", pair.join("/"), pool.fee_pips)
}
