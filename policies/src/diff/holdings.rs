//! Situations for what is listed, and for what is held: accounts, assets and their bands, venues.

use super::{
    plans::Focus,
    prices::apart,
    situations::{NEAR, Scout, Situation, middle},
    treasury::{PIPS, Tilt},
    world::Call,
};
use crate::words::value_text;
use alloy_primitives::{Address, B256, keccak256};
use quaestor_core::{Route, Value, amount::WAD};
use std::collections::{BTreeMap, BTreeSet};

/// What an account holds beside the rest: twice that.
const HOLDING: Value = Value(20_000_000 * WAD);

impl Scout<'_> {
    pub(super) fn venue(&self, name: &str) -> Vec<Situation> {
        let listed = self.pair.terms().map(|terms| terms.venues.iter().find(|venue| venue.name == name));
        let mut addresses: Vec<Address> = listed.into_iter().flatten().map(|venue| venue.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let codes = listed.into_iter().flatten().map(|venue| venue.code_hash).collect();
        let mut all = Vec::new();
        for address in addresses {
            let focus = Focus { address: Some(address), ..Focus::default() };
            all.extend(self.plain(&Tilt::default(), &focus));
            all.extend(self.codes(name, address, &codes, &focus));
        }
        all
    }

    /// The contract at `address` has one of these codes, where there are several.
    fn codes(&self, name: &str, address: Address, codes: &BTreeSet<B256>, focus: &Focus) -> Vec<Situation> {
        let with = |code: &B256| {
            self.changed(&Tilt::default(), focus, &|mut world| {
                world.code.insert(address, *code);
                world.noted(format!("while the code of {name} is {code}"))
            })
        };
        codes.iter().filter(|_| codes.len() > 1).flat_map(with).collect()
    }

    pub(super) fn account(&self, name: &str) -> Vec<Situation> {
        let listed = self.pair.terms().map(|terms| terms.accounts.iter().find(|account| account.name == name));
        let mut addresses: Vec<Address> = listed.into_iter().flatten().map(|account| account.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let mut kinds: Vec<bool> = listed.into_iter().flatten().map(|account| account.route == Route::Safe).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut all = Vec::new();
        for address in addresses {
            let focus = Focus { address: Some(address), ..Focus::default() };
            // Its own money, and that of others for it.
            let own = Scout { pair: self.pair, mains: vec![address] };
            all.extend(own.plain(&Tilt::default(), &focus));
            for is_safe in kinds.iter().copied().filter(|_| kinds.len() > 1) {
                let kind = if is_safe { "a Safe" } else { "a timelock" };
                all.extend(own.changed(&Tilt::default(), &focus, &|mut world| {
                    world.safes.insert(address, is_safe);
                    world.noted(format!("while {name} is {kind}"))
                }));
            }
            all.extend(self.plain(&Tilt::default(), &focus));
            // It holds much, which weighs in every share.
            for token in self.pair.tokens.keys().take(6) {
                let note = format!("while {name} holds {} of {} as well", value_text(HOLDING), self.symbol(*token));
                all.extend(self.changed(&Tilt::default(), &Focus::default(), &|mut world| {
                    self.pair.hold(&mut world, address, *token, HOLDING);
                    world.noted(note.clone())
                }));
            }
        }
        all
    }

    /// `key` is what differs of it; all of it, where it comes or goes or is another token.
    pub(super) fn asset(&self, name: &str, key: Option<&str>) -> Vec<Situation> {
        let listed = self.pair.terms().map(|terms| terms.assets.iter().find(|asset| asset.symbol == name));
        let mut addresses: Vec<Address> = listed.into_iter().flatten().map(|asset| asset.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let mut all = Vec::new();
        for address in addresses {
            let mut of = |only: &str, make: &dyn Fn() -> Vec<Situation>| {
                if key.is_none_or(|key| {
                    key == only
                        || !["code_hash", "decimals", "feeds", "kind", "twaps", "delegates", "wrapped_coin"]
                            .contains(&key)
                }) {
                    all.extend(make());
                }
            };
            let focus = Focus { address: Some(address), ..Focus::default() };
            let codes = listed.map(|asset| asset.and_then(|asset| asset.code_hash));
            // Where only one of the two pins it, the token may have any other code.
            let other = (codes.contains(&None) && codes != [None; 2]).then(|| keccak256("another token"));
            let codes = codes.into_iter().flatten().chain(other).collect();
            of("code_hash", &|| self.codes(name, address, &codes, &focus));
            of("decimals", &|| self.decimals(name, address, &focus));
            of("feeds", &|| self.feeds(name, address, &focus));
            of("kind", &|| self.held(address, &focus));
            of("twaps", &|| self.pools(name, address, &focus));
            of("delegates", &|| self.delegates(address));
            all.extend(self.plain(&Tilt::default(), &focus));
        }
        all
    }

    /// Delegations of its votes to whom either lists.
    fn delegates(&self, token: Address) -> Vec<Situation> {
        let to = self.pair.exchanges.keys().filter_map(|(give, call)| match call {
            Call::Delegate { to } if *give == token => Some(*to),
            _ => None,
        });
        let focus = |to| Focus { address: Some(to), only: true, ..Focus::default() };
        to.flat_map(|to| self.plain(&Tilt::default(), &focus(to))).collect()
    }

    fn decimals(&self, name: &str, address: Address, focus: &Focus) -> Vec<Situation> {
        let said = self.pair.tokens.get(&address).map(|token| token.decimals).unwrap_or_default();
        let mut said: Vec<u8> = said.into_iter().flatten().collect();
        said.sort_unstable();
        said.dedup();
        if said.len() < 2 {
            return Vec::new();
        }
        let with = |places: u8| {
            self.changed(&Tilt::default(), focus, &move |mut world| {
                world.decimals.insert(address, places);
                world.noted(format!("while {name} has {places} decimals"))
            })
        };
        said.into_iter().flat_map(with).collect()
    }

    /// Little and much of it, and of all stable assets just so much as must be.
    fn held(&self, address: Address, focus: &Focus) -> Vec<Situation> {
        let floors = self.limits().map(|limits| limits.stable_share_bps_min.saturating_mul(100));
        let mut all = Vec::new();
        for pips in [0, PIPS / 10, PIPS * 3 / 10, PIPS * 6 / 10] {
            let tilt = Tilt { shares: BTreeMap::from([(address, pips)]), ..Tilt::default() };
            all.extend(self.first().plain(&tilt, focus));
            for floor in floors {
                let tilt = Tilt { stable: Some(floor.min(PIPS)), ..tilt.clone() };
                all.extend(self.first().plain(&tilt, focus));
            }
        }
        all
    }

    /// Its pools cannot be read, or say something else than its feeds, or its feeds cannot be read.
    fn pools(&self, name: &str, address: Address, focus: &Focus) -> Vec<Situation> {
        let scout = self.first();
        let half = Tilt { shares: BTreeMap::from([(address, PIPS / 2)]), ..Tilt::default() };
        let mut all = Vec::new();
        for (tilt, focus) in [(Tilt::default(), focus.clone()), (half, Focus::default())] {
            // A tick is a basis point.
            for ticks in [100, -100, 2_600, -3_600] {
                let note = format!("while pools of {name} lie {ticks} ticks beside its feeds");
                all.extend(scout.changed(&tilt, &focus, &|mut world| {
                    let own = world.ticks.iter_mut().filter(|((_, token), _)| *token == address);
                    own.for_each(|(_, tick)| *tick += ticks);
                    world.noted(note.clone())
                }));
            }
            let feeds = self.pair.tokens.get(&address).map(|token| token.feeds.clone()).unwrap_or_default();
            all.extend(scout.changed(&tilt, &focus, &|world| {
                world.unread(&feeds).noted(format!("while no feed of {name} can be read"))
            }));
            all.extend(scout.changed(&tilt, &focus, &|mut world| {
                world.ticks.retain(|(_, token), _| *token != address);
                world.noted(format!("while no pool of {name} can be read"))
            }));
        }
        all
    }

    /// One feed alone, all but one, none; and one that says something else.
    fn feeds(&self, name: &str, address: Address, focus: &Focus) -> Vec<Situation> {
        let Some(token) = self.pair.tokens.get(&address) else { return Vec::new() };
        let scout = self.first();
        let mut all = Vec::new();
        for feed in &token.feeds {
            let others: Vec<Address> = token.feeds.iter().copied().filter(|other| other != feed).collect();
            let one = format!("while the feed {feed} cannot be read");
            let rest = format!("while only the feed {feed} can be read");
            all.extend(scout.changed(&Tilt::default(), focus, &|world| world.unread(&[*feed]).noted(one.clone())));
            all.extend(scout.changed(&Tilt::default(), focus, &|world| world.unread(&others).noted(rest.clone())));
            for per_mille in [1_010, 990, 1_300, 700] {
                let note = format!("while the feed {feed} says {}", apart(per_mille));
                let tilt = Tilt { shares: BTreeMap::from([(address, PIPS / 2)]), ..Tilt::default() };
                all.extend(scout.changed(&tilt, &Focus::default(), &|mut world| {
                    // Of three, the middle one must not stay the middle one.
                    if let [second, _, ..] = others.as_slice() {
                        world = world.priced(*second, (1_000 + per_mille) / 2);
                    }
                    world.priced(*feed, per_mille).noted(note.clone())
                }));
            }
        }
        all.extend(scout.changed(&Tilt::default(), &Focus::default(), &|world| {
            world.unread(&token.feeds).noted(format!("while no feed of {name} can be read"))
        }));
        all
    }

    /// The share of the asset beside each edge of both bands.
    pub(super) fn band(&self, symbol: &str) -> Vec<Situation> {
        let mut tokens: Vec<Address> = Vec::new();
        let mut edges: Vec<u64> = Vec::new();
        for terms in self.pair.terms() {
            let Some(asset) = terms.asset_named(symbol) else { continue };
            tokens.extend(terms.asset(asset).map(|it| it.address));
            let band = terms.bands.iter().find(|band| band.asset == asset);
            edges.extend(band.map_or([0, 10_000], |band| [band.min_bps, band.max_bps]));
        }
        tokens.sort_unstable();
        tokens.dedup();
        edges.sort_unstable();
        edges.dedup();
        let middles = edges.windows(2).filter_map(|pair| match pair {
            [least, most] => Some(middle(least.saturating_mul(100), most.saturating_mul(100))),
            _ => None,
        });
        let beside = edges
            .iter()
            .map(|edge| edge.saturating_mul(100))
            .flat_map(|edge| [edge.saturating_add(NEAR), edge.saturating_sub(NEAR)]);
        let shares: Vec<u64> = middles.chain(beside).filter(|pips| *pips <= PIPS).collect();
        let mut all = Vec::new();
        for token in tokens {
            let focus = Focus { address: Some(token), ..Focus::default() };
            for pips in &shares {
                let tilt = Tilt { shares: BTreeMap::from([(token, *pips)]), ..Tilt::default() };
                all.extend(self.plain(&tilt, &focus));
            }
        }
        all
    }
}
