//! Which epoch was in force when, from the registry's events alone: no node needs the state of the past for it.

use super::Epoch;
use crate::chain::{Chain, ChainError, Times};
use alloy::{
    primitives::Address,
    rpc::types::{Filter, Log},
    sol_types::SolEvent,
};
use quaestor_contracts::bindings::PolicyRegistry;
use quaestor_core::BlockRef;

/// Where something stands on the chain: block and event within it.
pub type Place = (u64, u64);

/// An epoch that was in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reign {
    /// The epoch.
    pub epoch: Epoch,
    /// From this second on, Unix.
    pub from: u64,
    /// The submission that put it in force at once; `None` where time alone did.
    place: Option<Place>,
    /// First second in which another was in force; `None` while none is.
    pub until: Option<u64>,
}

/// All epochs that ever were in force, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline(Vec<Reign>);

/// An event of the registry.
enum Event {
    Submitted(Box<Epoch>),
    Vetoed(u64),
}

impl Timeline {
    /// Reads the events of `registry` from block `first` up to `last`.
    ///
    /// # Errors
    /// If the node does not serve them.
    pub async fn read(chain: &Chain, registry: Address, first: u64, last: BlockRef) -> Result<Self, ChainError> {
        let signatures =
            vec![PolicyRegistry::EpochSubmitted::SIGNATURE_HASH, PolicyRegistry::EpochVetoed::SIGNATURE_HASH];
        let filter = Filter::new().address(registry).event_signature(signatures);
        let (mut times, mut building) = (Times::default(), Building::default());
        for log in chain.logs(&filter, first, last.number).await? {
            let malformed = ChainError::Malformed { address: registry, what: "the events of PolicyRegistry" };
            let event = event(&log).ok_or(malformed)?;
            let block = times.block(chain, &log).await?;
            building.apply(event, block.timestamp, (block.number, log.log_index.unwrap_or_default()));
        }
        Ok(building.finish(last.timestamp))
    }

    /// The epoch in force at `place`, in a block of this time.
    pub fn at(&self, timestamp: u64, place: Place) -> Option<&Reign> {
        let began = |reign: &&Reign| match reign.place {
            Some(since) => since <= place,
            None => reign.from <= timestamp,
        };
        self.0.iter().rev().find(began)
    }

    /// The reigns that were not over at `timestamp`.
    pub fn since(&self, timestamp: u64) -> impl Iterator<Item = &Reign> {
        self.0.iter().filter(move |reign| reign.until.is_none_or(|until| until > timestamp))
    }
}

fn event(log: &Log) -> Option<Event> {
    if let Ok(vetoed) = PolicyRegistry::EpochVetoed::decode_log_validate(&log.inner) {
        return Some(Event::Vetoed(vetoed.number));
    }
    let submitted = PolicyRegistry::EpochSubmitted::decode_log_validate(&log.inner).ok()?.data;
    let PolicyRegistry::EpochSubmitted { number, policyHash, restHash, envelope, uri, activeAt, .. } = submitted;
    Some(Event::Submitted(Box::new(Epoch { policyHash, restHash, envelope, uri, activeAt, number })))
}

/// A timeline as its events come.
#[derive(Default)]
struct Building {
    reigns: Vec<Reign>,
    waiting: Option<Box<Epoch>>,
}

impl Building {
    fn apply(&mut self, event: Event, now: u64, place: Place) {
        self.settle(now);
        match event {
            // It narrows: in force at once, in the place of whatever waited.
            Event::Submitted(epoch) if epoch.activeAt <= now => {
                self.waiting = None;
                self.begin(*epoch, Some(place));
            }
            Event::Submitted(epoch) => self.waiting = Some(epoch),
            Event::Vetoed(number) => self.waiting = self.waiting.take().filter(|waiting| waiting.number != number),
        }
    }

    /// What waited comes into force by time alone.
    fn settle(&mut self, now: u64) {
        if let Some(epoch) = self.waiting.take_if(|waiting| waiting.activeAt <= now) {
            self.begin(*epoch, None);
        }
    }

    fn begin(&mut self, epoch: Epoch, place: Option<Place>) {
        let from = epoch.activeAt;
        if let Some(last) = self.reigns.last_mut() {
            last.until = Some(from);
        }
        self.reigns.push(Reign { epoch, from, place, until: None });
    }

    fn finish(mut self, now: u64) -> Timeline {
        self.settle(now);
        Timeline(self.reigns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::B256;

    fn epoch(number: u64, active_at: u64) -> Event {
        let hash = B256::with_last_byte(u8::try_from(number).unwrap());
        let (uri, envelope) = (String::new(), [0; 32]);
        let epoch = Epoch { policyHash: hash, restHash: hash, envelope, uri, activeAt: active_at, number };
        Event::Submitted(Box::new(epoch))
    }

    fn at(timeline: &Timeline, timestamp: u64, place: Place) -> u64 {
        timeline.at(timestamp, place).map_or(0, |reign| reign.epoch.number)
    }

    #[test]
    fn each_moment_has_the_epoch_that_the_registry_had() {
        let mut building = Building::default();
        // Waits, and comes into force by time.
        building.apply(epoch(1, 200), 100, (10, 0));
        // Narrows, at once.
        building.apply(epoch(2, 300), 300, (30, 4));
        // Wait; the first is replaced, the second vetoed.
        building.apply(epoch(3, 500), 400, (40, 0));
        building.apply(epoch(4, 550), 450, (45, 0));
        building.apply(Event::Vetoed(4), 460, (46, 0));
        // Waits in vain: what narrows takes its place at once.
        building.apply(epoch(5, 700), 600, (60, 0));
        building.apply(epoch(6, 650), 650, (65, 9));
        building.apply(epoch(7, 900), 800, (80, 0));
        let timeline = building.finish(950);
        let numbers: Vec<u64> = timeline.0.iter().map(|reign| reign.epoch.number).collect();
        assert_eq!(numbers, [1, 2, 6, 7]);
        for (timestamp, place, expected) in [
            (199, (19, 0), 0),
            (200, (20, 0), 1),
            (300, (30, 3), 1),
            (300, (30, 5), 2),
            (560, (56, 0), 2),
            (650, (65, 8), 2),
            (650, (65, 10), 6),
            (720, (72, 0), 6),
            (899, (89, 0), 6),
            (900, (90, 0), 7),
            (5_000, (500, 0), 7),
        ] {
            assert_eq!(at(&timeline, timestamp, place), expected, "{timestamp} {place:?}");
        }
        let later: Vec<u64> = timeline.since(650).map(|reign| reign.epoch.number).collect();
        assert_eq!(later, [6, 7]);
        assert_eq!(timeline.since(649).next().unwrap().until, Some(650));
    }

    #[test]
    fn what_still_waits_is_not_in_force() {
        let mut building = Building::default();
        building.apply(epoch(1, 200), 100, (10, 0));
        assert_eq!(building.finish(199), Timeline::default());
    }
}
