//! Situations in which prices tell: old ones, missing ones, and ones that lie apart.

use super::{
    effects,
    plans::Focus,
    situations::{Scout, Situation, middle, round_secs},
    treasury::{PIPS, Tilt},
    world::World,
};
use alloy_primitives::Address;
use quaestor_core::{Asset, Price};
use std::collections::BTreeMap;

impl Scout<'_> {
    /// Prices of an age between the two, of one asset or of each that it concerns.
    pub(super) fn ages(&self, name: Option<&str>) -> Vec<Situation> {
        let [before, after] = self.pair.terms();
        let mut all = Vec::new();
        for asset in before.assets.iter().filter(|asset| name.is_none_or(|name| asset.symbol == name)) {
            let Some(other) = after.assets.iter().find(|other| other.address == asset.address) else { continue };
            let caps = self.limits().map(|limits| limits.price_age_secs_max);
            let [one, two] = caps;
            let mut ages: Vec<u64> = vec![
                asset.staleness_secs_max.min(one),
                other.staleness_secs_max.min(two),
                asset.staleness_secs_max.min(two),
                other.staleness_secs_max.min(one),
            ];
            ages.sort_unstable();
            ages.dedup();
            for pair in ages.windows(2) {
                let [least, most] = pair else { continue };
                // Too old for the stricter one.
                let age = round_secs(least.saturating_add(1), *most);
                let note = format!("while the price of {} is {} old", asset.symbol, effects::length(age));
                let focus = Focus { address: Some(asset.address), ..Focus::default() };
                all.extend(self.changed(&Tilt::default(), &focus, &|world| {
                    world.aged(&asset.feeds, age).aged(&other.feeds, age).noted(note.clone())
                }));
                all.extend(self.one_feed_of_several(
                    asset,
                    &format!("is {} old", effects::length(age)),
                    &|world, feed| world.aged(&[feed], age),
                ));
            }
        }
        all
    }

    /// One of several feeds is as `change` makes it, and says another price than the rest.
    fn one_feed_of_several(
        &self,
        asset: &Asset,
        how: &str,
        change: &dyn Fn(World, Address) -> World,
    ) -> Vec<Situation> {
        let Some(feed) = asset.feeds.first().copied().filter(|_| asset.feeds.len() > 1) else { return Vec::new() };
        let dear = |per_mille: u64| {
            let note = format!("while a feed of {} {how} and says {}", asset.symbol, apart(per_mille));
            let tilt = Tilt { shares: BTreeMap::from([(asset.address, PIPS / 2)]), ..Tilt::default() };
            let focus = Focus::default();
            self.changed(&tilt, &focus, &|mut world| {
                // Of three, the middle one must not stay the middle one.
                if let [_, second, _, ..] = asset.feeds.as_slice() {
                    world = world.priced(*second, (1_000 + per_mille) / 2);
                }
                change(world.priced(feed, per_mille), feed).noted(note.clone())
            })
        };
        [1_010, 990, 1_300, 700].into_iter().flat_map(dear).collect()
    }

    /// Feeds that lie apart by between the two deviations.
    pub(super) fn deviations(&self, least: u64, most: u64) -> Vec<Situation> {
        let [before, after] = self.pair.terms();
        let mut assets: Vec<&Asset> = Vec::new();
        for asset in before.assets.iter().chain(&after.assets).filter(|asset| asset.feeds.len() > 1) {
            if !assets.iter().any(|known| known.feeds == asset.feeds) {
                assets.push(asset);
            }
        }
        assets.sort_by_key(|asset| asset.address);
        let scout = self.first();
        assets.iter().flat_map(|asset| scout.feeds_apart(asset, least, most)).collect()
    }

    fn feeds_apart(&self, asset: &Asset, least: u64, most: u64) -> Vec<Situation> {
        let (by, symbol, count) = (middle(least, most).max(1), &asset.symbol, asset.feeds.len());
        let half = Tilt { shares: BTreeMap::from([(asset.address, PIPS / 2)]), ..Tilt::default() };
        let mut all = match asset.feeds.as_slice() {
            // Of two, both lie as far from their middle, but for what is rounded: one is dropped and one is not.
            [low, high] => {
                let note = format!("while the two feeds of {symbol} lie {least} bps to either side of their middle");
                self.changed(&half, &Focus::default(), &|world| {
                    let part = |price: u128| price / 10_000 * u128::from(least);
                    let world = world.moved(*low, |price| price.saturating_sub(part(price)));
                    world.moved(*high, |price| price.saturating_add(part(price)).saturating_add(1)).noted(note.clone())
                })
            }
            // With the one that deviates goes a part of what the others say together.
            [low, _, high, ..] => {
                let note =
                    format!("while the feeds of {symbol} lie from {} bps below to {by} bps above their middle", by / 4);
                self.changed(&half, &Focus::default(), &|world| {
                    let world = world.priced_bps(*low, 10_000_u64.saturating_sub(by / 4));
                    world.priced_bps(*high, 10_000 + by).noted(note.clone())
                })
            }
            _ => Vec::new(),
        };
        let focus = Focus { address: Some(asset.address), ..Focus::default() };
        for apart in [by.saturating_mul(2), by] {
            let note = format!("while feeds of {symbol} lie {apart} bps apart");
            all.extend(self.changed(&Tilt::default(), &focus, &|mut world| {
                for feed in asset.feeds.iter().skip(count.div_ceil(2)) {
                    world = world.priced_bps(*feed, 10_000 + apart);
                }
                world.noted(note.clone())
            }));
        }
        all
    }

    /// So few feeds can be read as one policy takes and the other does not.
    pub(super) fn quorums(&self, usable: u64) -> Vec<Situation> {
        let mut all = Vec::new();
        for (address, token) in &self.pair.tokens {
            let kept = usize::try_from(usable).unwrap_or(usize::MAX);
            if token.feeds.is_empty() || token.feeds.len() < kept {
                continue;
            }
            let focus = Focus { address: Some(*address), ..Focus::default() };
            let (used, unread) = token.feeds.split_at(kept.min(token.feeds.len()));
            let note =
                format!("while {} of {} feeds of {} can be read", used.len(), token.feeds.len(), self.symbol(*address));
            all.extend(self.changed(&Tilt::default(), &focus, &|world| world.unread(unread).noted(note.clone())));
        }
        all
    }

    pub(super) fn symbol(&self, token: Address) -> String {
        let listed = |terms: &quaestor_core::Terms| terms.assets.iter().find(|it| it.address == token).cloned();
        self.pair.terms().into_iter().find_map(listed).map(|asset| asset.symbol).unwrap_or_default()
    }
}

/// So many thousandths of what others say, in words.
pub(super) fn apart(per_mille: u64) -> String {
    let (percent, how) = match per_mille.checked_sub(1_000) {
        Some(above) => (above / 10, "more"),
        None => ((1_000 - per_mille) / 10, "less"),
    };
    format!("{percent} % {how} than another")
}

impl World {
    pub(super) fn aged(mut self, feeds: &[Address], age_secs: u64) -> Self {
        for feed in feeds {
            if let Some(feed) = self.feeds.get_mut(feed) {
                feed.age_secs = age_secs;
            }
        }
        self
    }

    pub(super) fn unread(mut self, feeds: &[Address]) -> Self {
        for feed in feeds {
            if let Some(feed) = self.feeds.get_mut(feed) {
                feed.price = None;
            }
        }
        self
    }

    pub(super) fn priced(self, feed: Address, per_mille: u64) -> Self {
        self.priced_bps(feed, per_mille.saturating_mul(10))
    }

    /// With another price of a feed: so many parts in ten thousand of what it says.
    pub(super) fn priced_bps(self, feed: Address, bps: u64) -> Self {
        self.moved(feed, |price| price / 10_000 * u128::from(bps))
    }

    fn moved(mut self, feed: Address, to: impl Fn(u128) -> u128) -> Self {
        if let Some(feed) = self.feeds.get_mut(&feed) {
            feed.price = feed.price.map(|price| Price(to(price.0)));
        }
        self
    }
}
