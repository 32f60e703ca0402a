//! What the journal says, also while the agent writes it.

use super::{DecisionNow, HoldNow, Reading};
use crate::{
    agent::{Book, Bundle, Record, TrainingEnd, decision_hash},
    cli::Exit,
    config::{Config, read_bounded},
    journal::{JournalError, JournalReader},
};
use alloy::primitives::B256;
use quaestor_contracts::explain::{explain_hold, explain_refusal, line_name, rule_key};
use quaestor_core::{Catalog, Hold, Policy};
use serde::Serialize;

/// Rows that are read at a time.
const ROWS_AT_A_TIME: usize = 1_000;

/// The journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalNow {
    /// Rows.
    pub rows: u64,
    /// Hash of the last row.
    pub head: B256,
    /// When it was written, Unix milliseconds.
    pub last_unix_ms: Option<u64>,
    /// The agent's last start and stop.
    pub lifetime: Option<Lifetime>,
    /// The last alarm.
    pub alarm: Option<Alarm>,
    /// The last training that the policy's schedule asked for.
    pub training: Option<TrainingNow>,
}

/// What came of a training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrainingNow {
    /// The moment of the schedule, Unix seconds.
    pub slot: u64,
    /// A model or none.
    #[serde(flatten)]
    pub end: TrainingEnd,
}

/// When an agent ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lifetime {
    /// When it started, Unix milliseconds.
    pub started_unix_ms: u64,
    /// Version of the program.
    pub version: String,
    /// When it stopped in good order, Unix milliseconds; `None` while it runs, or if it was killed.
    pub stopped_unix_ms: Option<u64>,
}

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// When, Unix milliseconds.
    pub unix_ms: u64,
    /// What is wrong and what to do.
    pub message: String,
}

/// The journal, folded.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) journal: Reading<Option<JournalNow>>,
    pub(crate) decision: Reading<Option<DecisionNow>>,
    pub(crate) book: Reading<Book>,
}

/// Reads the whole journal.
pub(crate) fn read(config: &Config, catalog: &Catalog) -> Written {
    match fold(config, catalog) {
        Ok(written) => written,
        // An agent that never ran has none, and nothing is wrong with that.
        Err(JournalError::Missing { .. }) => Written {
            journal: Reading::Known(None),
            decision: Reading::Known(None),
            book: Reading::Known(Book::default()),
        },
        Err(error) => Written {
            journal: Reading::unknown(&error, Exit::Journal),
            decision: Reading::unknown("the journal cannot be read", Exit::Journal),
            book: Reading::unknown("the journal cannot be read", Exit::Journal),
        },
    }
}

fn fold(config: &Config, catalog: &Catalog) -> Result<Written, JournalError> {
    let reader = JournalReader::open(&config.files.journal)?;
    let mut book = Book::default();
    let mut now = JournalNow {
        rows: 0,
        head: crate::journal::genesis(),
        last_unix_ms: None,
        lifetime: None,
        alarm: None,
        training: None,
    };
    let mut decision = None;
    // Bounded by the rows that stand there now: an agent that writes faster is not followed.
    let (last, _) = reader.head()?;
    while now.rows < last {
        let rows = reader.rows(now.rows + 1, ROWS_AT_A_TIME)?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let (record, unix_ms) = (row.decode::<Record>()?, row.unix_ms);
            book.apply(&record);
            (now.rows, now.head, now.last_unix_ms) = (row.seq, row.row_hash, Some(unix_ms));
            match record {
                Record::Started { version, .. } => {
                    now.lifetime = Some(Lifetime { started_unix_ms: unix_ms, version, stopped_unix_ms: None });
                }
                Record::Stopped => {
                    if let Some(lifetime) = &mut now.lifetime {
                        lifetime.stopped_unix_ms = Some(unix_ms);
                    }
                }
                Record::Alarm { message } => now.alarm = Some(Alarm { unix_ms, message }),
                Record::Trained { slot, end } => now.training = Some(TrainingNow { slot, end }),
                Record::Decided { block, hash, bundle, allowed, refused, .. } => {
                    let (bundle, holds) = (config.files.bundles.join(bundle), Reading::Known(Vec::new()));
                    decision = Some(DecisionNow { block, hash, allowed, refused, bundle, holds });
                }
                _ => {}
            }
        }
    }
    let decision = decision.map(|decision| DecisionNow { holds: holds(&decision, catalog), ..decision });
    Ok(Written { journal: Reading::Known(Some(now)), decision: Reading::Known(decision), book: Reading::Known(book) })
}

fn holds(decision: &DecisionNow, catalog: &Catalog) -> Reading<Vec<HoldNow>> {
    let path = &decision.bundle;
    let bytes = match read_bounded(path, crate::agent::BUNDLE_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) => return Reading::unknown(format!("the bundle {}: {error}", path.display()), Exit::Ok),
    };
    match Bundle::parse(&bytes) {
        Ok(bundle) if decision_hash(&bundle.decision) == decision.hash => Reading::Known(in_words(bundle, catalog)),
        Ok(_) => Reading::unknown(format!("the bundle {} holds another decision", path.display()), Exit::Ok),
        Err(error) => Reading::unknown(format!("the bundle {}: {error}", path.display()), Exit::Ok),
    }
}

fn in_words(bundle: Bundle, catalog: &Catalog) -> Vec<HoldNow> {
    // A policy of another agent's strategies has no names here.
    let policy = quaestor_policies::parse(bundle.policy.as_bytes(), catalog).ok();
    let terms = policy.as_ref().map(Policy::terms);
    let words = |hold: &Hold| match (hold, terms) {
        (Hold::Rule { receipt }, Some(terms)) => explain_refusal(terms, receipt),
        (Hold::Rule { receipt }, None) => format!("held by {}", rule_key(receipt.rule)),
        (Hold::Strategy { line, reason }, Some(terms)) => {
            format!("strategy {}: {}", line_name(terms, *line), explain_hold(*reason))
        }
        (Hold::Strategy { line, reason }, None) => format!("strategy {line}: {}", explain_hold(*reason)),
    };
    bundle.decision.holds.into_iter().map(|hold| HoldNow { words: words(&hold), hold }).collect()
}
