//! Records to learn from, checked once so that no model has to.
//!
//! A shard is one member's [`Examples`]. It may hold several series (one treasury, one asset each), joined one after
//! the other; days rise strictly within a series, and nothing is said of the order between series.

mod error;

pub use error::ExamplesError;

use std::ops::Range;

/// Most features of a record: the Hessian of as many parameters is still small enough to send.
pub const FEATURES_MAX: usize = 256;
/// Most records of one shard, about 2,700 years of days.
pub const RECORDS_MAX: usize = 1_000_000;
/// Largest magnitude of a feature or target. Anything beyond is no daily figure of a treasury, and its square summed
/// over [`RECORDS_MAX`] records is still far from overflow.
pub const MAGNITUDE_MAX: f64 = 1e12;

/// Records of features and a target, one a day and series.
#[derive(Debug, Clone, PartialEq)]
pub struct Examples {
    names: Vec<String>,
    features: Vec<f64>,
    targets: Vec<f64>,
    days: Vec<u32>,
    /// First record of each series.
    starts: Vec<usize>,
}

/// How many records of a classification are events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classes {
    /// Records in all.
    pub records: usize,
    /// Those with target one.
    pub events: usize,
}

impl Examples {
    /// One series. `names` are those of the features, `features` is row by row (`days.len() × names.len()`), `targets`
    /// has one number a record, `days` count from 1970-01-01.
    ///
    /// # Errors
    /// If there are no records or features, a list has another length, a number is not finite or beyond
    /// [`MAGNITUDE_MAX`], or days do not rise strictly.
    pub fn new(
        names: Vec<String>,
        features: Vec<f64>,
        targets: Vec<f64>,
        days: Vec<u32>,
    ) -> Result<Self, ExamplesError> {
        if !(1..=FEATURES_MAX).contains(&names.len()) {
            return Err(ExamplesError::Features { found: names.len() });
        }
        for (position, name) in names.iter().enumerate() {
            if names.iter().take(position).any(|earlier| earlier == name) {
                return Err(ExamplesError::FeatureTwice { name: name.clone() });
            }
        }
        match days.len() {
            0 => return Err(ExamplesError::Empty),
            found if found > RECORDS_MAX => return Err(ExamplesError::TooMany { found }),
            _ => {}
        }
        let expects = |list, expected, found| match expected == found {
            true => Ok(()),
            false => Err(ExamplesError::Dimension { list, expected, found }),
        };
        expects("features", days.len() * names.len(), features.len())?;
        expects("targets", days.len(), targets.len())?;
        let examples = Self { names, features, targets, days, starts: vec![0] };
        examples.check_days()?;
        examples.check_numbers()?;
        Ok(examples)
    }

    /// Several series of the same features as one shard, in the order given.
    ///
    /// # Errors
    /// If there is none, their features differ, or they have more than [`RECORDS_MAX`] records together.
    pub fn joined(series: &[Self]) -> Result<Self, ExamplesError> {
        let (first, rest) = series.split_first().ok_or(ExamplesError::Empty)?;
        let mut all = first.clone();
        for one in rest {
            one.expect_features(&first.names)?;
            all.starts.extend(one.starts.iter().map(|start| start + all.days.len()));
            all.features.extend_from_slice(&one.features);
            all.targets.extend_from_slice(&one.targets);
            all.days.extend_from_slice(&one.days);
        }
        match all.days.len() {
            found if found > RECORDS_MAX => Err(ExamplesError::TooMany { found }),
            _ => Ok(all),
        }
    }

    /// The records whose day lies in `days`, by series.
    ///
    /// # Errors
    /// If there is none.
    pub fn within(&self, days: Range<u32>) -> Result<Self, ExamplesError> {
        let empty = |names| Self { names, features: vec![], targets: vec![], days: vec![], starts: vec![] };
        let mut kept = empty(self.names.clone());
        for series in self.series() {
            let start = kept.days.len();
            for record in series.filter(|record| days.contains(&self.days[*record])) {
                kept.features.extend_from_slice(self.row(record));
                kept.targets.push(self.targets[record]);
                kept.days.push(self.days[record]);
            }
            if kept.days.len() > start {
                kept.starts.push(start);
            }
        }
        if kept.is_empty() { Err(ExamplesError::Empty) } else { Ok(kept) }
    }

    /// The same records with other targets.
    ///
    /// # Errors
    /// If there are more or fewer than records, or one is not finite.
    pub fn with_targets(&self, targets: Vec<f64>) -> Result<Self, ExamplesError> {
        if targets.len() != self.len() {
            return Err(ExamplesError::Dimension { list: "targets", expected: self.len(), found: targets.len() });
        }
        let changed = Self { targets, ..self.clone() };
        changed.check_numbers()?;
        Ok(changed)
    }

    /// The same records with other values of the same features, row by row.
    ///
    /// # Errors
    /// If there are more or fewer than records and features ask for, or one is not finite.
    pub fn with_features(&self, features: Vec<f64>) -> Result<Self, ExamplesError> {
        if features.len() != self.features.len() {
            let [expected, found] = [self.features.len(), features.len()];
            return Err(ExamplesError::Dimension { list: "features", expected, found });
        }
        let changed = Self { features, ..self.clone() };
        changed.check_numbers()?;
        Ok(changed)
    }

    /// Fails if the features are not these, in this order.
    ///
    /// # Errors
    /// With the first feature that differs.
    pub fn expect_features(&self, names: &[String]) -> Result<(), ExamplesError> {
        for position in 0..names.len().max(self.names.len()) {
            let [expected, found] = [names.get(position), self.names.get(position)];
            if expected != found {
                let text = |name: Option<&String>| name.cloned().unwrap_or_default();
                return Err(ExamplesError::OtherFeatures { position, expected: text(expected), found: text(found) });
            }
        }
        Ok(())
    }

    /// Fails if a feature has one value only.
    ///
    /// # Errors
    /// With the first such feature.
    pub fn expect_varying(&self) -> Result<(), ExamplesError> {
        for (position, name) in self.names.iter().enumerate() {
            let value = self.features[position];
            if self.rows().all(|row| row[position] == value) {
                return Err(ExamplesError::Constant { name: name.clone(), value, records: self.len() });
            }
        }
        Ok(())
    }

    /// Fails below `least` records.
    ///
    /// # Errors
    /// With both counts.
    pub fn expect_records(&self, least: usize) -> Result<(), ExamplesError> {
        match self.len() {
            found if found < least => Err(ExamplesError::TooFewRecords { found, least }),
            _ => Ok(()),
        }
    }

    /// Counts events (target one) in the records.
    ///
    /// # Errors
    /// If a target is neither zero nor one.
    pub fn classes(&self) -> Result<Classes, ExamplesError> {
        let mut events = 0;
        for (record, target) in self.targets.iter().enumerate() {
            match *target {
                0.0 => {}
                1.0 => events += 1,
                found => return Err(ExamplesError::NotAClass { record, found }),
            }
        }
        Ok(Classes { records: self.len(), events })
    }

    /// Fails if the targets are of one class, or of either there are fewer than `least`.
    ///
    /// # Errors
    /// With the counts, or if a target is neither zero nor one.
    pub fn expect_both_classes(&self, least: usize) -> Result<Classes, ExamplesError> {
        let counts @ Classes { records, events } = self.classes()?;
        if events == 0 || events == records {
            return Err(ExamplesError::OneClass { records, events });
        }
        if events < least || records - events < least {
            return Err(ExamplesError::TooFewEvents { records, events, least });
        }
        Ok(counts)
    }

    /// How many features a record has.
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// How many records there are; never zero.
    pub fn len(&self) -> usize {
        self.days.len()
    }

    /// Always false: [`Examples::new`] refuses an empty shard.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Names of the features, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Features of all records, row by row.
    pub fn features(&self) -> &[f64] {
        &self.features
    }

    /// Features of one record.
    ///
    /// # Panics
    /// If there is no such record.
    pub fn row(&self, record: usize) -> &[f64] {
        let start = record * self.width();
        &self.features[start..start + self.width()]
    }

    /// Features, record by record.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> + Clone {
        self.features.chunks_exact(self.width())
    }

    /// Features and target, record by record.
    pub fn records(&self) -> impl Iterator<Item = (&[f64], f64)> + Clone {
        self.rows().zip(self.targets.iter().copied())
    }

    /// Targets of all records.
    pub fn targets(&self) -> &[f64] {
        &self.targets
    }

    /// Days of all records since 1970-01-01.
    pub fn days(&self) -> &[u32] {
        &self.days
    }

    /// The records of each series.
    pub fn series(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let ends = self.starts.iter().skip(1).copied().chain([self.len()]);
        self.starts.iter().zip(ends).map(|(start, end)| *start..end)
    }

    fn check_days(&self) -> Result<(), ExamplesError> {
        for (record, pair) in (1..).zip(self.days.windows(2)) {
            let [before, day] = [pair[0], pair[1]];
            if day == before {
                return Err(ExamplesError::DayTwice { record, day });
            }
            if day < before {
                return Err(ExamplesError::DaysUnordered { record, before, day });
            }
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), ExamplesError> {
        // NaN fails the comparison too.
        let usable = |number: f64| number.abs() <= MAGNITUDE_MAX;
        for (record, (row, target)) in self.records().enumerate() {
            let named = self.names.iter().map(String::as_str).zip(row.iter().copied());
            for (name, found) in named.chain([("target", target)]) {
                if !usable(found) {
                    let day = self.days[record];
                    return Err(ExamplesError::NotFinite { name: name.to_owned(), record, day, found });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
