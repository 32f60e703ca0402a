//! All rows as columns, for notebooks, and as one document, for programs.

use super::{About, Judged, Outcome, Results};
use crate::table::{Column, Table};
use quaestor_core::strategy::ParamValue;
use serde::{Serialize, Serializer, ser::SerializeMap};

impl Serialize for Outcome {
    /// By name; what does not exist is null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, found) in self.reals() {
            map.serialize_entry(name, &known(found))?;
        }
        for (name, found) in self.wholes() {
            map.serialize_entry(name, &found)?;
        }
        map.end()
    }
}

fn known(found: f64) -> Option<f64> {
    (!found.is_nan()).then_some(found)
}

/// A row a configuration: its number, what is varied, its figures. One that the language refuses has no figures.
pub fn table(results: &Results) -> Table {
    let (about, outcomes) = (results.about(), results.outcomes());
    let points = about.points();
    let count = outcomes.len();
    let numbers = (0..count).map(|row| row as i64).collect();
    let mut table = Table::default().with("row", Column::Whole(numbers));
    let all: Vec<_> = (0..count as u64).map(|row| points.point(row)).collect();
    for (place, axis) in about.spec.axes.iter().enumerate() {
        let whole = |value: &ParamValue| match value {
            ParamValue::Integer(number) => Some(*number),
            _ => None,
        };
        let column = match axis.values.iter().map(whole).collect::<Option<Vec<i64>>>() {
            Some(numbers) => Column::Whole(all.iter().map(|point| numbers[point.places[place]]).collect()),
            None => Column::Text(all.iter().map(|point| axis.told(point.places[place])).collect()),
        };
        table = table.with(axis.key.clone(), column);
    }
    for (place, asset) in about.weights.iter().flat_map(|weights| &weights.assets).enumerate() {
        let weight = |bps: u64| i64::try_from(bps).unwrap_or(i64::MAX);
        let column = all.iter().map(|point| weight(point.weights[place])).collect();
        table = table.with(format!("weights.{asset}"), Column::Whole(column));
    }
    for (place, (name, _)) in Outcome::NONE.reals().iter().enumerate() {
        table =
            table.with(*name, Column::Real(outcomes.iter().map(|outcome| known(outcome.reals()[place].1)).collect()));
    }
    for (place, (name, _)) in Outcome::NONE.wholes().iter().enumerate() {
        table =
            table.with(*name, Column::Whole(outcomes.iter().map(|outcome| outcome.wholes()[place].1.into()).collect()));
    }
    table
}

/// Everything, for programs.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// The rows.
    pub results: &'a Results,
    /// What they came to.
    pub judged: &'a Judged,
}

/// One row.
#[derive(Serialize)]
struct Line<'a> {
    row: u64,
    values: Vec<String>,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

impl Serialize for Document<'_> {
    /// Row by row, so that nothing is there twice.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Head<'a> {
            #[serde(flatten)]
            about: &'a About,
            #[serde(flatten)]
            judged: &'a Judged,
            keys: Vec<String>,
            rows: Rows<'a>,
        }
        let about = self.results.about();
        Head { about, judged: self.judged, keys: about.keys(), rows: Rows(self.results) }.serialize(serializer)
    }
}

struct Rows<'a>(&'a Results);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (about, points) = (self.0.about(), self.0.about().points());
        let line = |(row, outcome)| Line { row, values: about.values(&points.point(row)), outcome };
        serializer.collect_seq((0..).zip(self.0.outcomes()).map(line))
    }
}
