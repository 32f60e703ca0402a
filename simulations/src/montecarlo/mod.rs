//! A policy on many made-up futures: the pipeline that runs live, once for each.
//!
//! Of each path only its figures are kept, and of the first ones their value and fall at a bounded number of times, so that
//! memory does not grow with the length of a path. Paths are made in any order on any number of threads and collected in
//! theirs.

mod about;
mod hold;
mod outcome;
mod results;
mod row;

pub use about::{About, PART_KIND};
pub use outcome::{Figures, Outcome, table};
pub use results::{Distribution, Fan, LEVELS, Odds, Results, Side};

use crate::{
    assumptions::Checked,
    engine::{self, Plan},
    market::{Listing, Market, MarketError},
    paths::Paths,
};
use quaestor_core::{Policy, RiskModel};
use quaestor_policies::VotedPolicy;
use rayon::prelude::*;
use std::ops::Range;

/// Most paths.
pub const PATHS_MAX: u64 = 10_000_000;
/// Most times at which values are kept for the fan, one a path.
pub const FAN_POINTS_MAX: usize = 120;
/// Paths of which values are kept for the fan: the first ones. Bands of more would look the same.
pub const FAN_PATHS_MAX: u64 = 20_000;
/// Paths that one thread makes between two looks at whether to go on.
const BATCH: usize = 64;

/// What is run on each path.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The policy in force throughout.
    pub policy: &'a VotedPolicy,
    /// The model that forecasts.
    pub model: &'a dyn RiskModel,
    /// What is assumed beside prices.
    pub assumed: &'a Checked,
    /// The futures.
    pub paths: &'a Paths,
}

impl std::fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scene").field("paths", &self.paths.hash()).finish_non_exhaustive()
    }
}

/// Bars at whose ends values are kept: evenly spread, the last one included.
pub fn fan_bars(bars: usize) -> Vec<usize> {
    let points = bars.min(FAN_POINTS_MAX);
    (1..=points).map(|point| point * bars / points - 1).collect()
}

/// One thread's room: a panel that each path is written into, and what the market is beside it.
struct Room {
    panel: crate::Panel,
    listing: Option<Listing>,
}

impl<'a> Scene<'a> {
    fn plan<'b>(&self, number: u64, market: &'b Market<'b>) -> Plan<'b>
    where
        'a: 'b,
    {
        let Self { policy, model, assumed, paths } = *self;
        let (start, seed) = (paths.start(), paths.seed_of(number));
        Plan { policy, model, market, assumed, start, seed, events: None, thorough: false }
    }

    fn room(&self) -> Result<Room, MarketError> {
        let panel = self.paths.panel();
        let listing = Market::new(&panel, self.policy.terms(), self.assumed)?.into_listing();
        Ok(Room { panel, listing: Some(listing) })
    }

    /// The outcome of path `number`.
    fn outcome(&self, room: &mut Room, number: u64, fan: &[usize]) -> Result<Outcome, MarketError> {
        if room.listing.is_none() {
            *room = self.room()?;
        }
        self.paths.fill(number, room.panel.marks_mut());
        let Some(listing) = room.listing.take() else { return Ok(Outcome::default()) };
        let market = listing.on(&room.panel);
        let run = engine::run(self.plan(number, &market));
        let fan = if number < FAN_PATHS_MAX { fan } else { &[] };
        let found = Outcome::of(number, &run, &market, self.policy.terms(), fan);
        room.listing = Some(market.into_listing());
        Ok(found)
    }

    /// What the treasury is worth before the first made-up bar, dollars.
    ///
    /// # Errors
    /// If an asset has no prices or a vault no yield.
    pub fn initial_value(&self) -> Result<f64, MarketError> {
        let mut room = self.room()?;
        self.paths.fill(0, room.panel.marks_mut());
        let Some(listing) = room.listing.take() else { return Ok(0.0) };
        Ok(engine::run(self.plan(0, &listing.on(&room.panel))).initial_value)
    }

    /// Hands outcomes of the paths `numbers` on in their order, some at a time, until `take` says that it is enough.
    ///
    /// # Errors
    /// If an asset has no prices or a vault no yield; or that of `take`.
    pub fn run<E: From<MarketError>>(
        &self,
        numbers: Range<u64>,
        mut take: impl FnMut(Vec<Outcome>) -> Result<bool, E>,
    ) -> Result<(), E> {
        let fan = fan_bars(self.paths.terms().bars);
        let batch = (BATCH * rayon::current_num_threads()) as u64;
        // An asset without prices is found out before anything is begun.
        drop(self.room()?);
        let mut next = numbers.start;
        while next < numbers.end {
            let until = next.saturating_add(batch).min(numbers.end);
            let one = |room: &mut Option<Room>, place: usize| {
                let room = match room {
                    Some(room) => room,
                    None => room.insert(self.room()?),
                };
                self.outcome(room, next + place as u64, &fan)
            };
            let made: Result<Vec<Outcome>, MarketError> =
                (0..(until - next) as usize).into_par_iter().with_min_len(BATCH / 4).map_init(|| None, one).collect();
            if !take(made?)? {
                return Ok(());
            }
            next = until;
        }
        Ok(())
    }
}
