//! What comes and goes with accounts, assets, venues and counterparties. What counts is what they are on the chain, not
//! what they are called.

use super::{
    bearing::{Bearing, Both, Can},
    changes::{Difference, Of, entry_name},
    effects, masks,
};
use crate::{explain::payments::in_words, words::symbol};
use alloy_primitives::Address;
use quaestor_core::{
    Account, Asset, AssetId, Pool, Terms, Venue, VenueKind,
    policy::{BudgetLine, Counterparty, Group},
    strategy::ParamValue,
};
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
        if rest == ["share_bps_max"] {
            let cap = |venue: &Option<Venue>| venue.as_ref().and_then(|it| it.share_bps_max).unwrap_or(u64::MAX);
            let (before, after) = (cap(&old), cap(&new));
            let shares = |terms: &Terms| {
                let venue = terms.venues.iter().find(|venue| venue.name == name)?;
                let (_, shares) = venue.kind.vault()?;
                Some([shares].into())
            };
            let rule = |terms: &Terms| masks::part(&shares(terms)?, (0, before.min(after)), terms);
            return Bearing::cap(before, after).masked(|| self.guarded(&rule));
        }
        if rest == ["price_impact_bps_max"] {
            let most =
                |venue: &Option<Venue>| venue.as_ref().and_then(|it| it.price_impact_bps_max).unwrap_or(u64::MAX);
            let (before, after) = (most(&old), most(&new));
            return Bearing::procedural(after > before, after < before, effects::price_impact(after));
        }
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
                let Asset { address, decimals, kind, staleness_secs_max, code_hash, .. } = *asset;
                (address, decimals, kind, staleness_secs_max, code_hash, feeds, of)
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

    /// Who may be paid, whatever the name, and how much.
    pub(super) fn counterparty(&self, name: &str, rest: &[&str], difference: &Difference) -> Bearing {
        let cap = |value: &Option<ParamValue>| match value {
            Some(ParamValue::Integer(bps)) => u64::try_from(*bps).unwrap_or(u64::MAX),
            _ => u64::MAX,
        };
        match rest {
            [] => {}
            ["address"] => return Bearing::both(),
            [key, ..] => {
                let (old, new) = (cap(&difference.old), cap(&difference.new));
                let rule = |terms: &Terms| masks::payee(key, old.min(new), terms);
                return Bearing::cap(old, new).masked(|| self.guarded(&rule));
            }
        }
        let more = |of: &Terms, than: &Terms| {
            let own = of.counterparties.iter().find(|it| it.name == name);
            own.is_some_and(|own| {
                let same = |it: &Counterparty| Counterparty { name: own.name.clone(), ..it.clone() } == *own;
                !than.counterparties.iter().any(same)
            })
        };
        // One that is listed under another name with other caps is paid more there, or less.
        let is_elsewhere = |of: &Terms, than: &Terms| {
            let own = of.counterparties.iter().find(|it| it.name == name);
            own.is_some_and(|own| than.counterparties.iter().any(|it| it.address == own.address && it.name != name))
        };
        let (opens, closes) = (more(self.after, self.before), more(self.before, self.after));
        if (opens || closes) && (is_elsewhere(self.before, self.after) || is_elsewhere(self.after, self.before)) {
            return Bearing::both();
        }
        let can = |it: bool| if it { Can::Maybe } else { Can::No };
        let found = Bearing::of(can(opens), can(closes));
        if opens || closes { found } else { found.because("the same receiver under another name") }
    }

    /// What a group bounds. One that comes bounds something more, one that goes something less.
    pub(super) fn group(&self, name: &str, rest: &[&str]) -> Bearing {
        let of = |terms: &Terms| {
            let group = terms.groups.iter().find(|group| group.name == name)?;
            Some((members(terms, group), group.min_bps, group.max_bps))
        };
        let bounds = |terms: &Terms| of(terms).map_or((0, u64::MAX), |(_, min_bps, max_bps)| (min_bps, max_bps));
        let ((old_min, old_max), (new_min, new_max)) = (bounds(self.before), bounds(self.after));
        let is_there = |bound: &Option<(BTreeSet<Address>, u64, u64)>, terms: &Terms| {
            let same = |group: &Group| *bound == Some((members(terms, group), group.min_bps, group.max_bps));
            terms.groups.iter().any(same)
        };
        // The narrower of both, of the group's assets as each policy lists them.
        let tight = (old_min.max(new_min), old_max.min(new_max));
        let rule = |terms: &Terms| {
            let any = of(self.after).or_else(|| of(self.before)).map(|(members, ..)| members)?;
            let own = of(terms).map_or(any, |(members, ..)| members);
            let id = |token: &Address| terms.assets.iter().position(|asset| asset.address == *token);
            let id = |token: &Address| id(token).and_then(|place| u16::try_from(place).ok()).map(AssetId);
            masks::part(&own.iter().filter_map(id).collect(), tight, terms)
        };
        let found = match (rest, of(self.before), of(self.after)) {
            (["min_bps"], ..) => Bearing::floor(old_min, new_min),
            (["max_bps"], ..) => Bearing::cap(old_max, new_max),
            ([], old @ Some(_), None) if is_there(&old, self.after) => {
                Bearing::nothing("the same group by another name")
            }
            ([], None, new @ Some(_)) if is_there(&new, self.before) => {
                Bearing::nothing("the same group by another name")
            }
            ([], Some(_), None) => Bearing::of(Can::Maybe, Can::No),
            ([], None, Some(_)) => Bearing::of(Can::No, Can::Maybe),
            _ => return Bearing::both(),
        };
        found.masked(|| self.guarded(&rule))
    }

    /// What a budget line pays.
    pub(super) fn payment(&self, name: &str, rest: &[&str], difference: &Difference) -> Bearing {
        let of = |terms: &Terms| terms.payments.iter().find(|line| line.name == name).cloned();
        let (old, new) = (of(self.before), of(self.after));
        let of_both = |number: fn(&BudgetLine) -> u64| match (&old, &new) {
            (Some(old), Some(new)) => Bearing::cap(number(old), number(new)),
            _ => Bearing::both(),
        };
        let found = match rest {
            [] => self.listed(difference),
            ["amount"] => match (&old, &new) {
                // Base units, which are comparable in one asset alone.
                (Some(old), Some(new)) if self.token_of(self.before, old) == self.token_of(self.after, new) => {
                    let can = |it: bool| if it { Can::Maybe } else { Can::No };
                    Bearing::of(can(new.amount > old.amount), can(new.amount < old.amount))
                }
                _ => Bearing::both(),
            },
            ["end"] => of_both(|line| line.end),
            ["catch_up"] => of_both(|line| line.catch_up),
            _ => Bearing::both(),
        };
        let told = |terms: &Terms, line: Option<&BudgetLine>| line.map(|line| in_words(terms, line));
        let (before, after) = (told(self.before, old.as_ref()), told(self.after, new.as_ref()));
        let burn = (self.before.risk.burn_monthly != self.after.risk.burn_monthly)
            .then(|| format!("; {}", effects::burn(self.before.risk.burn_monthly, self.after.risk.burn_monthly)));
        let burn = burn.unwrap_or_default();
        found.because(match (before, after) {
            (_, Some(after)) => format!("{name} pays {after}{burn}"),
            (Some(before), None) => format!("{name} paid {before}{burn}"),
            (None, None) => String::new(),
        })
    }

    fn token_of(&self, terms: &Terms, line: &BudgetLine) -> Option<(Address, u8)> {
        terms.asset(line.asset).map(|asset| (asset.address, asset.decimals))
    }
}

/// The assets of a group, by address.
fn members(terms: &Terms, group: &Group) -> BTreeSet<Address> {
    group.assets.iter().filter_map(|asset| terms.asset(*asset)).map(|asset| asset.address).collect()
}

type Offer = (Address, [Address; 2], u32, Option<u64>);

/// Every pool that may be traded: the router, the tokens, the fee, and how far its price may be pushed.
fn pools(terms: &Terms) -> BTreeSet<Offer> {
    let of = |venue: &'_ Venue| venue.pools.iter().map(|pool| offer(terms, venue, pool)).collect::<Vec<_>>();
    terms.venues.iter().flat_map(of).collect()
}

fn offer(terms: &Terms, venue: &Venue, pool: &Pool) -> Offer {
    let token = |asset| terms.asset(asset).map(|it| it.address).unwrap_or_default();
    let mut pair = [token(pool.a), token(pool.b)];
    pair.sort_unstable();
    (venue.address, pair, pool.fee_pips, venue.price_impact_bps_max)
}

/// As [`entry_name`] calls it.
fn pool_name(terms: &Terms, pool: &Pool) -> String {
    let mut pair = [pool.a, pool.b].map(|asset| symbol(terms, asset));
    pair.sort_unstable();
    format!("{} {}", pair.join("/"), pool.fee_pips)
}
