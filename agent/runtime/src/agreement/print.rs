//! The lines for people and programs.

use super::{Agreement, Line, State, Subject};
use quaestor_contracts::utc::Utc;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::fmt;

/// Widths of the words at the left.
const STATE: usize = 10;
const SUBJECT: usize = 11;

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Chain => "chain",
            Self::File => "file",
            Self::Language => "language",
            Self::Words => "words",
            Self::Numbers => "numbers",
            Self::Contracts => "contracts",
            Self::Expiry => "expiry",
            Self::Agent => "agent",
            Self::Epoch => "epoch",
            Self::Delay => "delay",
            Self::Guardians => "guardians",
            Self::Ceilings => "ceilings",
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Agrees => "ok",
            Self::Differs => "DIFFERS",
            Self::Unchecked => "unchecked",
            Self::Pending => "pending",
        })
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain_id, registry, finalised, .. } = self;
        writeln!(
            f,
            "registry eip155:{chain_id}:{registry} at the final block {}, {}",
            finalised.number,
            Utc(finalised.timestamp)
        )?;
        for line in &self.lines {
            print(f, line)?;
        }
        let things = |count: usize| if count == 1 { "1 thing".to_owned() } else { format!("{count} things") };
        match (self.count(State::Differs), self.count(State::Unchecked)) {
            (0, 0) => write!(f, "chain, file and agent agree"),
            (0, unchecked) => write!(f, "nothing differs, but {} could not be checked", things(unchecked)),
            (1, _) => write!(f, "1 thing DIFFERS"),
            (differs, _) => write!(f, "{} DIFFER", things(differs)),
        }
    }
}

fn print(f: &mut fmt::Formatter<'_>, line: &Line) -> fmt::Result {
    let Line { subject, state, says, remedy } = line;
    let (mut state, mut subject) = (state.to_string(), subject.to_string());
    for text in says.lines().map(crate::status::one_line) {
        writeln!(f, "{state:STATE$}{subject:SUBJECT$}{text}")?;
        (state, subject) = (String::new(), String::new());
    }
    for (position, text) in remedy.iter().flat_map(|remedy| remedy.lines()).map(crate::status::one_line).enumerate() {
        let what = if position == 0 { "to do: " } else { "" };
        writeln!(f, "{:STATE$}{:SUBJECT$}{what}{text}", "", "")?;
    }
    Ok(())
}

impl Serialize for Agreement {
    /// `{"ok":…,"chain_id":…,"registry":…,"finalised":…,"head":…,"differs":…,"unchecked":…,"lines":[…]}`; `ok` where
    /// nothing differs and everything could be checked.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (differs, unchecked) = (self.count(State::Differs), self.count(State::Unchecked));
        let mut out = serializer.serialize_struct("Agreement", 8)?;
        out.serialize_field("ok", &(differs == 0 && unchecked == 0))?;
        out.serialize_field("chain_id", &self.chain_id)?;
        out.serialize_field("registry", &self.registry)?;
        out.serialize_field("finalised", &self.finalised)?;
        out.serialize_field("head", &self.head)?;
        out.serialize_field("differs", &differs)?;
        out.serialize_field("unchecked", &unchecked)?;
        out.serialize_field("lines", &self.lines)?;
        out.end()
    }
}
