//! Paths on their way: a file that holds some of them, to be gone on with or joined with others.
//!
//! The first line is a JSON object, the same in all parts of one simulation but for its `span`; each line after it is a
//! path: its figures and, of the first paths, its values over time, with commas between them and nothing where there is
//! no number. Numbers are written so that they are read back bit by bit.

use super::{Figures, Outcome};
use crate::{
    paths::{Futures, PathTerms},
    report::Provenance,
};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// What such a file says it is.
pub const PART_KIND: &str = "montecarlo";
/// Raised whenever a row would be read otherwise.
const VERSION: u32 = 1;
/// Numbers of a row before its values over time.
const FIGURES: usize = 15;

/// Paths from `first` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first.
    pub first: u64,
    /// The one after the last.
    pub end: u64,
}

/// Everything that a simulation is and its report says, but for what paths came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// [`PART_KIND`].
    pub quaestor_part: String,
    /// Of the format.
    pub version: u32,
    /// The policy's name.
    pub title: String,
    /// How futures are made up.
    pub futures: Futures,
    /// Paths of the whole simulation.
    pub paths: u64,
    /// Made-up bars of each.
    pub bars: usize,
    /// Mean length of a block of the bootstrap, bars.
    pub block: f64,
    /// When the last real bar ended, Unix seconds.
    pub begin: u64,
    /// When the last made-up bar ends, Unix seconds.
    pub end: u64,
    /// Times at which values are kept, Unix seconds.
    pub times: Vec<u64>,
    /// Value before the first made-up bar, dollars.
    pub initial_value: f64,
    /// The fall that is asked about, a share.
    pub drawdown: f64,
    /// The runway that is asked about, months.
    pub runway_months: f64,
    /// What is assumed, for people.
    pub assumed: Vec<String>,
    /// What it depends on.
    pub provenance: Provenance,
}

impl Head {
    /// Of a simulation of `paths` paths, of which nothing is asked and nothing said yet.
    pub fn new(
        title: String,
        scene: &super::Scene<'_>,
        paths: u64,
        initial_value: f64,
        provenance: Provenance,
    ) -> Self {
        let PathTerms { futures, bars, block, .. } = scene.paths.terms();
        let panel = scene.paths.panel();
        let start = scene.paths.start();
        let ends = &panel.ends()[start..];
        Self {
            quaestor_part: PART_KIND.to_owned(),
            version: VERSION,
            title,
            futures,
            paths,
            bars,
            block,
            begin: panel.begins_at(start),
            end: ends.last().copied().unwrap_or_default(),
            times: super::fan_bars(bars).into_iter().map(|bar| ends[bar]).collect(),
            initial_value,
            drawdown: 0.0,
            runway_months: 0.0,
            assumed: Vec::new(),
            provenance,
        }
    }

    /// Fails if another head is of another simulation.
    ///
    /// # Errors
    /// With what differs.
    pub fn expect_same(&self, other: &Self) -> Result<(), PartError> {
        let (own, others) = (self.provenance, other.provenance);
        let what = match () {
            () if self == other => return Ok(()),
            () if own.data_hash != others.data_hash => "the data",
            () if own.policy_hash != others.policy_hash => "the policy",
            () if own.model_hash != others.model_hash => "the model",
            () if own.assumptions_hash != others.assumptions_hash => "what is assumed",
            () if own.seed != others.seed => "the seed",
            () if self.paths != other.paths => "the number of paths",
            () if self.futures != other.futures || self.block != other.block => "how futures are made up",
            () if self.bars != other.bars || self.begin != other.begin => "the time",
            () => "what is asked",
        };
        Err(PartError::Other { what })
    }
}

/// Why a file is no part.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PartError {
    /// Another kind of file.
    #[error(
        "this is no part of a Monte-Carlo simulation: {reason}; give a file that `montecarlo --shard` or an interrupted run wrote"
    )]
    Head {
        /// What is wrong with its first line.
        reason: String,
    },
    /// Another version.
    #[error("it has the format {found} and this program writes {VERSION}; make it again")]
    Version {
        /// Its format.
        found: u32,
    },
    /// A row that is none.
    #[error("line {line} is no path: {reason}; the file is damaged, make it again")]
    Row {
        /// Line, from one.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Parts of two simulations.
    #[error("its simulation is another one: {what} differs; give parts of the same command, data and version")]
    Other {
        /// What differs.
        what: &'static str,
    },
    /// Paths that no part has.
    #[error(
        "paths {first} to {last} are missing; give the parts that have them, and finish what was interrupted with --resume"
    )]
    Missing {
        /// The first.
        first: u64,
        /// The last of those that follow without a break.
        last: u64,
    },
    /// A path that two parts have.
    #[error("path {path} is there twice; give each part once")]
    Twice {
        /// Which.
        path: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct FirstLine {
    #[serde(flatten)]
    head: Head,
    /// The paths that the file is to have; it has the first of them, or all.
    span: Span,
}

/// Some paths of a simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Of which.
    pub head: Head,
    /// Those that it is to have.
    pub span: Span,
    /// The first of them, or all.
    pub outcomes: Vec<Outcome>,
}

impl Part {
    /// Whether it has all that it is to have.
    pub fn is_whole(&self) -> bool {
        self.outcomes.len() as u64 == self.span.end - self.span.first
    }

    /// The text of the file.
    ///
    /// # Errors
    /// If the head is no JSON.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        let first = FirstLine { head: self.head.clone(), span: self.span };
        let mut text = serde_json::to_string(&first)?;
        text.push('\n');
        for outcome in &self.outcomes {
            row(&mut text, outcome);
        }
        Ok(text)
    }

    /// Reads a file. A last line that was cut off is left out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PartError> {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let bad = |error: serde_json::Error| PartError::Head { reason: error.to_string() };
        let kind: serde_json::Value = serde_json::from_str(first).map_err(bad)?;
        if kind["quaestor_part"] != PART_KIND {
            return Err(PartError::Head { reason: format!("it says {}", kind["quaestor_part"]) });
        }
        if kind["version"] != VERSION {
            let found = kind["version"].as_u64().and_then(|found| u32::try_from(found).ok()).unwrap_or_default();
            return Err(PartError::Version { found });
        }
        let FirstLine { head, span } = serde_json::from_value(kind).map_err(bad)?;
        if span.first > span.end || span.end > head.paths {
            return Err(PartError::Head { reason: format!("paths {} to {} of {}", span.first, span.end, head.paths) });
        }
        let mut outcomes = Vec::new();
        for (place, line) in rest.split_inclusive('\n').enumerate() {
            let Some(line) = line.strip_suffix('\n') else { break };
            let failed = |reason: String| PartError::Row { line: place + 2, reason };
            let outcome = read_row(line, head.times.len()).map_err(failed)?;
            let expected = span.first + outcomes.len() as u64;
            if outcome.number != expected || expected >= span.end {
                return Err(failed(format!("it is path {} and path {expected} should follow", outcome.number)));
            }
            outcomes.push(outcome);
        }
        Ok(Self { head, span, outcomes })
    }
}

/// All paths of a simulation from its parts, in any order.
///
/// # Errors
/// If parts are of different simulations, or a path is missing or there twice.
pub fn join(mut parts: Vec<Part>) -> Result<(Head, Vec<Outcome>), PartError> {
    parts.sort_by_key(|part| part.span.first);
    let head = match parts.first() {
        Some(part) => part.head.clone(),
        None => return Err(PartError::Missing { first: 0, last: 0 }),
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    for part in parts {
        head.expect_same(&part.head)?;
        let next = outcomes.len() as u64;
        if part.span.first < next && !part.outcomes.is_empty() {
            return Err(PartError::Twice { path: part.span.first });
        }
        if part.span.first > next {
            return Err(PartError::Missing { first: next, last: part.span.first - 1 });
        }
        outcomes.extend(part.outcomes);
    }
    let found = outcomes.len() as u64;
    if found < head.paths {
        return Err(PartError::Missing { first: found, last: head.paths - 1 });
    }
    Ok((head, outcomes))
}

fn row(text: &mut String, outcome: &Outcome) {
    let Outcome { number, policy, hold, runway_months_min, refusals, proposals, executed, fan } = outcome;
    // A string takes what it is given.
    let _ = write!(text, "{number},{refusals},{proposals},{executed},");
    let figures =
        |it: &Figures| [Some(it.final_value), Some(it.total_return), it.cagr, Some(it.max_drawdown), it.sharpe];
    let numbers = figures(policy).into_iter().chain(figures(hold)).chain([*runway_months_min]);
    for (place, found) in numbers.enumerate() {
        if place > 0 {
            text.push(',');
        }
        if let Some(found) = found {
            let _ = write!(text, "{found}");
        }
    }
    for found in fan {
        let _ = write!(text, ",{found}");
    }
    text.push('\n');
}

fn read_row(line: &str, times: usize) -> Result<Outcome, String> {
    let cells: Vec<&str> = line.split(',').collect();
    let fan = cells.len().checked_sub(FIGURES).filter(|fan| *fan == 0 || *fan == 2 * times);
    let Some(_) = fan else { return Err(format!("it has {} numbers", cells.len())) };
    let bad = |cell: &str| format!("`{cell}` is no number");
    let whole = |place: usize| cells[place].parse::<u64>().map_err(|_| bad(cells[place]));
    let real = |place: usize| cells[place].parse::<f64>().map_err(|_| bad(cells[place]));
    let maybe = |place: usize| if cells[place].is_empty() { Ok(None) } else { real(place).map(Some) };
    let figures = |from: usize| -> Result<Figures, String> {
        Ok(Figures {
            final_value: real(from)?,
            total_return: real(from + 1)?,
            cagr: maybe(from + 2)?,
            max_drawdown: real(from + 3)?,
            sharpe: maybe(from + 4)?,
        })
    };
    Ok(Outcome {
        number: whole(0)?,
        refusals: whole(1)?,
        proposals: whole(2)?,
        executed: whole(3)?,
        policy: figures(4)?,
        hold: figures(9)?,
        runway_months_min: maybe(14)?,
        fan: cells[FIGURES..].iter().map(|cell| cell.parse().map_err(|_| bad(cell))).collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;

    fn head(paths: u64) -> Head {
        let hash = B256::repeat_byte(7);
        Head {
            quaestor_part: PART_KIND.to_owned(),
            version: VERSION,
            title: "Test, \"quoted\"".into(),
            futures: Futures::Bootstrap,
            paths,
            bars: 365,
            block: 30.0,
            begin: 86_400,
            end: 366 * 86_400,
            times: vec![100_000, 200_000],
            initial_value: 0.1 + 0.2,
            drawdown: 0.3,
            runway_months: 12.0,
            assumed: vec!["nothing".into()],
            provenance: Provenance {
                data_hash: hash,
                policy_hash: hash,
                model_hash: hash,
                assumptions_hash: hash,
                seed: u64::MAX,
            },
        }
    }

    fn outcome(number: u64) -> Outcome {
        let policy = Figures {
            final_value: 1e7 / 3.0 + number as f64,
            total_return: -1.0 / 3.0,
            cagr: Some(5e-324),
            max_drawdown: -0.1,
            sharpe: None,
        };
        let fan = if number < 3 { vec![1.0 / 3.0, 1e7, -0.1, f32::MIN_POSITIVE] } else { Vec::new() };
        let hold = Figures { sharpe: Some(-0.0), ..policy };
        Outcome { number, policy, hold, runway_months_min: None, refusals: 2, proposals: 30, executed: 28, fan }
    }

    fn part(first: u64, end: u64) -> Part {
        Part { head: head(6), span: Span { first, end }, outcomes: (first..end).map(outcome).collect() }
    }

    #[test]
    fn a_part_is_read_back_bit_by_bit() {
        let own = part(2, 5);
        let text = own.text().unwrap();
        let found = Part::parse(&text).unwrap();
        assert_eq!(found, own);
        assert_eq!(found.text().unwrap(), text);
        assert!(found.is_whole() && found.outcomes[0].hold.sharpe.unwrap().is_sign_negative());
        let cut = Part::parse(&text[..text.len() - 5]).unwrap();
        assert_eq!((cut.outcomes.len(), cut.is_whole()), (2, false), "a line that was cut off counts for nothing");
    }

    #[test]
    fn parts_are_joined_in_any_order() {
        let (found, outcomes) = join(vec![part(4, 6), part(0, 2), part(2, 4)]).unwrap();
        assert_eq!((found, outcomes), (head(6), (0..6).map(outcome).collect::<Vec<_>>()));
        let failed = |parts: Vec<Part>| join(parts).unwrap_err();
        assert_eq!(failed(vec![part(0, 2), part(4, 6)]), PartError::Missing { first: 2, last: 3 });
        assert_eq!(failed(vec![part(0, 2), part(2, 4)]), PartError::Missing { first: 4, last: 5 });
        assert_eq!(failed(vec![part(0, 4), part(2, 6)]), PartError::Twice { path: 2 });
        let mut unfinished = part(0, 4);
        unfinished.outcomes.pop();
        assert_eq!(failed(vec![unfinished, part(4, 6)]), PartError::Missing { first: 3, last: 3 });
        let mut other = part(2, 6);
        other.head.provenance.seed = 1;
        assert_eq!(failed(vec![part(0, 2), other]), PartError::Other { what: "the seed" });
    }

    #[test]
    fn what_is_no_part_is_named() {
        let text = part(0, 2).text().unwrap();
        let said = |text: &str| Part::parse(text).unwrap_err().to_string();
        assert!(said("path,final_value\n").contains("no part of a Monte-Carlo"));
        assert!(said("{}").contains("it says null"));
        assert!(said(&text.replace("\"version\":1", "\"version\":9")).contains("format 9"));
        assert!(said(&text.replace("\n1,", "\n7,")).contains("line 3"), "{}", said(&text.replace("\n1,", "\n7,")));
        assert!(said(&text.replace("\n1,2,", "\n1,x,")).contains("`x` is no number"));
    }
}
