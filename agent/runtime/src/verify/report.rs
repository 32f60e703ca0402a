//! What was found: by level, for people and for programs.

use super::difference::Difference;
use alloy::primitives::{Address, B256};
use quaestor_core::BlockRef;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::fmt;

/// Longest text of a value in the print for people, characters; the JSON has all of it.
const SHOWN_MAX: usize = 100;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Finding {
    /// It is as it should be.
    Ok,
    /// It is not; this is the first difference.
    Differs(Difference),
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What should hold.
    pub what: String,
    /// Whether it does.
    #[serde(flatten)]
    pub finding: Finding,
}

/// What could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// What would have to hold.
    pub what: String,
    /// Why nobody, or not this run, can tell.
    pub why: String,
}

/// What the gate says of a batch, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    /// It ran, or another batch for the same purpose did: its first key is used.
    Entered,
    /// It was revoked for good.
    Revoked,
    /// Neither.
    Open,
}

/// A batch at the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AtGate {
    /// The account.
    pub account: Address,
    /// Hash under which its batch enters.
    pub decision: B256,
    /// What the gate says.
    pub state: GateState,
    /// At this block.
    pub block: BlockRef,
}

/// A part of a bundle on which nothing depends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Informational {
    /// JSON pointer; `*` stands for any index.
    pub at: &'static str,
    /// What it is for.
    pub why: &'static str,
}

/// The parts of a bundle that no check looks at.
pub const INFORMATIONAL: [Informational; 3] = [
    Informational { at: "/program", why: "version of the program that decided; what it did is recomputed" },
    Informational {
        at: "/contracts/multisend",
        why: "enters the hash of a Safe transaction, and nothing when the decision proposes none",
    },
    Informational {
        at: "/proposals/*/dry_run/outcome/gas_used",
        why: "an estimate for people; nodes may count differently",
    },
];

/// The parts of a bundle that no hash in the decision covers: offline they are taken as they are, and checked only as far
/// as the decision depends on them. Whether snapshot and history are true, only a node can tell either.
pub const ON_CHAIN_ONLY: [Informational; 2] = [
    Informational {
        at: "/reads/*/answer",
        why: "what the contracts answered, where the snapshot leaves parts of it out",
    },
    Informational { at: "/proposals/*/dry_run/outcome", why: "what a node said the batch would do" },
];

/// What verifying a bundle found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// keccak256 of the canonical bytes of the decision in the bundle.
    pub decision: B256,
    /// Its block.
    pub block: BlockRef,
    /// The policy's epoch.
    pub epoch: u64,
    /// Recomputed offline.
    pub recomputed: Vec<Check>,
    /// Compared with the chain.
    pub compared: Vec<Check>,
    /// Not checked, and why.
    pub not_checked: Vec<Unchecked>,
    /// What the gate says of the decision's batches now; empty without a node.
    pub at_gate: Vec<AtGate>,
    /// Why an input of the decision was not compared with the chain, the first of several; until one is, it is its agent's
    /// word. `None` when all were.
    pub unread: Option<String>,
}

impl Report {
    /// Whether nothing that was checked differs.
    pub fn is_ok(&self) -> bool {
        self.differences().next().is_none()
    }

    /// Every difference, in the order of the checks.
    pub fn differences(&self) -> impl Iterator<Item = (&str, &Difference)> {
        self.recomputed.iter().chain(&self.compared).filter_map(|check| match &check.finding {
            Finding::Ok => None,
            Finding::Differs(difference) => Some((check.what.as_str(), difference)),
        })
    }

    pub(super) fn recomputed(&mut self, what: impl Into<String>, difference: Option<Difference>) {
        self.recomputed.push(Check::of(what, difference));
    }

    pub(super) fn compared(&mut self, what: impl Into<String>, difference: Option<Difference>) {
        self.compared.push(Check::of(what, difference));
    }

    /// An input of the decision that this node, or none, does not tell and another might.
    pub(super) fn not_compared(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let why = why.into();
        self.unread.get_or_insert_with(|| why.clone());
        self.not_checked(what, why);
    }

    pub(super) fn not_checked(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.not_checked.push(Unchecked { what: what.into(), why: why.into() });
    }
}

impl Check {
    pub(super) fn of(what: impl Into<String>, difference: Option<Difference>) -> Self {
        Self { what: what.into(), finding: difference.map_or(Finding::Ok, Finding::Differs) }
    }
}

impl Serialize for Report {
    /// `{"ok":…,"decision":…,"block":…,"epoch":…,"levels":{"recomputed":[…],"compared":[…],"not_checked":[…]},
    /// "at_gate":[…],"informational":[…],"on_chain_only":[…]}`
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Levels<'a> {
            recomputed: &'a [Check],
            compared: &'a [Check],
            not_checked: &'a [Unchecked],
        }
        let Self { recomputed, compared, not_checked, .. } = self;
        let mut out = serializer.serialize_struct("Report", 8)?;
        out.serialize_field("ok", &self.is_ok())?;
        out.serialize_field("decision", &self.decision)?;
        out.serialize_field("block", &self.block)?;
        out.serialize_field("epoch", &self.epoch)?;
        out.serialize_field("levels", &Levels { recomputed, compared, not_checked })?;
        out.serialize_field("at_gate", &self.at_gate)?;
        out.serialize_field("informational", &INFORMATIONAL)?;
        out.serialize_field("on_chain_only", &ON_CHAIN_ONLY)?;
        out.end()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "decision {} at block {}, epoch {}", self.decision, self.block.number, self.epoch)?;
        print_level(f, "recomputed offline", &self.recomputed)?;
        print_level(f, "compared with the chain", &self.compared)?;
        for same in self.not_checked.chunk_by(|one, next| one.why == next.why) {
            if let Some(Unchecked { why, .. }) = same.first() {
                writeln!(f, "not checked: {why}")?;
            }
            for Unchecked { what, .. } in same {
                writeln!(f, "  -        {what}")?;
            }
        }
        for AtGate { account, decision, state, block } in &self.at_gate {
            let state = match state {
                GateState::Entered => "entered",
                GateState::Revoked => "revoked",
                GateState::Open => "neither entered nor revoked",
            };
            writeln!(f, "batch {decision} of {account}: {state} at the gate, as of block {}", block.number)?;
        }
        match self.differences().count() {
            0 => write!(f, "nothing that was checked differs"),
            1 => write!(f, "1 check DIFFERS: do not trust this bundle"),
            count => write!(f, "{count} checks DIFFER: do not trust this bundle"),
        }
    }
}

pub(super) fn print_level(f: &mut fmt::Formatter<'_>, title: &str, checks: &[Check]) -> fmt::Result {
    if !checks.is_empty() {
        writeln!(f, "{title}")?;
    }
    for Check { what, finding } in checks {
        match finding {
            Finding::Ok => writeln!(f, "  ok       {what}")?,
            Finding::Differs(Difference { at, expected, found }) => {
                let (expected, found) = (shown(&expected.to_string()), shown(&found.to_string()));
                writeln!(f, "  DIFFERS  {what}: at {at} expected {expected}, found {found}")?;
            }
        }
    }
    Ok(())
}

/// A value as JSON text, cut where it would flood the line. JSON escapes control characters, so a bundle cannot write
/// to a terminal.
fn shown(json: &str) -> String {
    if json.chars().count() <= SHOWN_MAX {
        return json.to_owned();
    }
    json.chars().take(SHOWN_MAX).chain(['…']).collect()
}
