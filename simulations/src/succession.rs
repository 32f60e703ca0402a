//! Models that come one after the other, each trained on what was known before it forecasts.

use alloy_primitives::{B256, Keccak256};
use quaestor_core::{RiskModel, RiskReport, Snapshot, Terms, valuation::Prices};
use serde::Serialize;
use std::fmt;

/// Raised whenever the same models would hash otherwise.
const VERSION: u8 = 1;

/// A model and when it may forecast.
pub struct Successor {
    /// From this time on, Unix seconds: after everything that it knows.
    pub from: u64,
    /// Until before this time, Unix seconds: it is too old then.
    pub until: u64,
    /// The model.
    pub model: Box<dyn RiskModel>,
}

/// A training along the way, for reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Training {
    /// What was known then was trained on, Unix seconds.
    pub at: u64,
    /// Records, days with features and a target.
    pub records: usize,
    /// The model; `None` where none came about.
    pub hash: Option<B256>,
    /// Its area under the ROC curve on later days of what was known, bps; `None` where the test had no drawdown, or nothing
    /// else.
    pub auc_bps: Option<u64>,
    /// Parts that it lacks, each with a colon and why.
    pub missing: Vec<String>,
    /// Why it does not forecast; `None`: it does.
    pub refused: Option<String>,
}

impl Training {
    /// What it came to, in words.
    pub fn verdict(&self) -> String {
        let told = match (&self.refused, self.hash, self.auc_bps) {
            (Some(why), None, _) => format!("no model: {why}"),
            (Some(why), Some(_), _) => format!("refused: {why}"),
            (None, _, Some(bps)) => format!("accepted, area under the ROC curve {:.2} %", bps as f64 / 100.0),
            (None, _, None) => "accepted".to_owned(),
        };
        // Why is a long story: results for programs tell it.
        let missing: Vec<&str> =
            self.missing.iter().map(|it| it.split_once(':').map_or(it.as_str(), |(part, _)| part)).collect();
        if missing.is_empty() { told } else { format!("{told}; without {}", missing.join(", ")) }
    }
}

/// Forecasts with the newest of its models that may forecast at the snapshot's time, and with another one where none may.
/// It reads nothing but that time, so that which model forecasts is known beforehand.
pub struct Succession {
    otherwise: Box<dyn RiskModel>,
    /// In the order in which they begin.
    models: Vec<Successor>,
    hash: B256,
}

impl fmt::Debug for Successor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, until, model } = self;
        f.debug_struct("Successor").field("from", from).field("until", until).field("model", &model.hash()).finish()
    }
}

impl fmt::Debug for Succession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Succession").field("hash", &self.hash).field("models", &self.models).finish_non_exhaustive()
    }
}

impl Succession {
    /// Of these models, and `otherwise` where none of them may forecast.
    pub fn new(otherwise: Box<dyn RiskModel>, mut models: Vec<Successor>) -> Self {
        // Stable: of two that begin at once the later one is the newer.
        models.sort_by_key(|it| it.from);
        let mut hasher = Keccak256::new();
        hasher.update([VERSION]);
        hasher.update(otherwise.hash());
        for Successor { from, until, model } in &models {
            hasher.update(from.to_be_bytes());
            hasher.update(until.to_be_bytes());
            hasher.update(model.hash());
        }
        Self { otherwise, models, hash: hasher.finalize() }
    }

    /// The model that forecasts at `time`, Unix seconds.
    pub fn at(&self, time: u64) -> &dyn RiskModel {
        self.newest(time).map_or(self.otherwise.as_ref(), |found| found.model.as_ref())
    }

    /// Whether one of the models forecasts at `time`, Unix seconds, and not what forecasts otherwise.
    pub fn covers(&self, time: u64) -> bool {
        self.newest(time).is_some()
    }

    fn newest(&self, time: u64) -> Option<&Successor> {
        let begun = self.models.partition_point(|it| it.from <= time);
        self.models[..begun].iter().rev().find(|it| time < it.until)
    }
}

impl RiskModel for Succession {
    /// keccak256 of all models and of when they forecast.
    fn hash(&self) -> B256 {
        self.hash
    }

    fn assess(&self, terms: &Terms, snapshot: &Snapshot, prices: &Prices, weights_bps: &[u64]) -> RiskReport {
        self.at(snapshot.block.timestamp).assess(terms, snapshot, prices, weights_bps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model that has nothing but a name.
    struct Named(u8);

    impl RiskModel for Named {
        fn hash(&self) -> B256 {
            B256::repeat_byte(self.0)
        }

        fn assess(&self, _: &Terms, _: &Snapshot, _: &Prices, _: &[u64]) -> RiskReport {
            RiskReport { model: self.hash(), ..RiskReport::default() }
        }
    }

    fn succession(models: &[(u64, u64, u8)]) -> Succession {
        let successor = |(from, until, name): &(u64, u64, u8)| Successor {
            from: *from,
            until: *until,
            model: Box::new(Named(*name)),
        };
        Succession::new(Box::new(Named(0)), models.iter().map(successor).collect())
    }

    #[test]
    fn the_newest_that_may_forecast_does() {
        let found = succession(&[(20, 60, 2), (10, 90, 1), (30, 40, 3)]);
        let named = |time: u64| found.at(time).hash().0[0];
        assert_eq!([9, 10, 19, 20, 29, 30, 39, 40, 59, 60, 89, 90].map(named), [0, 1, 1, 2, 2, 3, 3, 2, 2, 1, 1, 0]);
        assert!(!found.covers(9) && found.covers(10) && !found.covers(90));
    }

    #[test]
    fn its_hash_is_of_all_models_and_of_when_they_forecast() {
        let hash = |models: &[(u64, u64, u8)]| succession(models).hash();
        let one = hash(&[(10, 20, 1)]);
        assert_eq!(one, hash(&[(10, 20, 1)]));
        assert_eq!(hash(&[(10, 20, 1), (30, 40, 2)]), hash(&[(30, 40, 2), (10, 20, 1)]));
        for other in [&[][..], &[(11, 20, 1)], &[(10, 21, 1)], &[(10, 20, 2)], &[(10, 20, 1), (30, 40, 1)]] {
            assert_ne!(one, hash(other));
        }
    }
}
