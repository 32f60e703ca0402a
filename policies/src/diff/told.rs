//! A diff in words: for a terminal, for a forum, and its witnesses in sentences.

use super::{Activation, Change, Diff, Evidence, Judged, Mark, Overall, Under, effects, world::World};
use crate::words::{Told, intent_text};
use quaestor_core::{Intent, Purpose, Refusal, Terms, Verdict};
use std::fmt::Write;

/// A witness in a sentence. `aside` is what the policy says that the witness is not about, if one of the two is none of
/// the files.
pub(super) fn witness(
    world: &World,
    refused: (&Judged, &Terms),
    allowed: (&Judged, &Terms),
    aside: Option<(Under, Option<&Refusal>, &Terms)>,
) -> String {
    let (judged, terms) = allowed;
    let deed = |intent: &Intent| {
        let line = intent.purpose.line();
        let strategy = || terms.strategy(line).map(|it| format!(", as {}", it.name));
        let budget = terms.budget_line(line).map(|it| format!(", as {}", it.name));
        let period = match intent.purpose {
            Purpose::Payment { period, .. } => format!(" for period {period}"),
            Purpose::Strategy { .. } => String::new(),
        };
        format!("{}{}{period}", intent_text(terms, intent), budget.or_else(strategy).unwrap_or_default())
    };
    let deeds: Vec<String> = judged.intents.iter().map(deed).collect();
    let mut text = format!("{}, at {}", deeds.join("; then "), effects::time(world.now));
    for note in &world.notes {
        let _ = write!(text, ", {note}");
    }
    let refusal = refused.0.verdicts.iter().find_map(|verdict| match verdict {
        Verdict::Refused(refusal) => Some(Told::of(refused.1, refusal).brief()),
        Verdict::Allowed => None,
    });
    let (refuses, allows) = (under(refused.0.under), under(judged.under));
    let _ = write!(text, ": {refuses} refuses by {}, {allows} allows", refusal.unwrap_or_default());
    match aside {
        Some((of, Some(refusal), terms)) => {
            let _ = write!(text, "; {} refuses it by {}", under(of), Told::of(terms, refusal).brief());
        }
        Some((of, None, _)) => {
            let _ = write!(text, "; {} allows it", under(of));
        }
        None => {}
    }
    text
}

fn under(of: Under) -> &'static str {
    match of {
        Under::Old => "old",
        Under::New => "new",
        Under::OldChanged => "old with this change alone",
        Under::NewUnchanged => "new without this change",
    }
}

impl Mark {
    /// In a word or three.
    pub fn word(self) -> &'static str {
        match self {
            Self::Widens => "widens",
            Self::Narrows => "narrows",
            Self::WidensAndNarrows => "widens and narrows",
            Self::Neutral => "neutral",
        }
    }
}

impl Overall {
    /// In a word or three.
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Neutral => "neutral",
            Self::Narrows => "narrows",
            Self::Widens => "widens",
            Self::WidensAndNarrows => "widens and narrows",
            Self::Unproven => "unproven",
        }
    }

    /// What that means.
    pub fn about(self) -> &'static str {
        match self {
            Self::Same => "the two files say the same",
            Self::Neutral => "the new policy permits what the old one does",
            Self::Narrows => "the new policy permits nothing that the old one does not",
            Self::Widens => "the new policy permits more than the old one",
            Self::WidensAndNarrows => "the new policy permits what the old one does not, and less of something else",
            Self::Unproven => {
                "nothing was found that the new policy permits anew, and nothing rules it out: read each change"
            }
        }
    }
}

impl Activation {
    /// In a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::InForce => "it is the same file".to_owned(),
            Self::AtOnce => "in force at once: nothing but [limits] differs, and no number of it is wider".to_owned(),
            Self::Delayed { wider, rest_differs } => {
                let rest = rest_differs.then(|| "something beside [limits] differs".to_owned());
                let wider = (!wider.is_empty()).then(|| format!("wider: {}", wider.join(", ")));
                let why: Vec<String> = [rest, wider].into_iter().flatten().collect();
                format!("waits the registry's delay: {}", why.join("; "))
            }
        }
    }
}

impl Evidence {
    /// In a sentence; nothing where it is simply ruled out.
    fn sentence(&self, opens: bool) -> Option<String> {
        let direction = if opens { "widens" } else { "narrows" };
        match self {
            Self::RuledOut | Self::Procedural => None,
            Self::Masked { rule } => {
                Some(format!("masked by {rule}: under both policies that rule refuses what this one would decide"))
            }
            Self::Witness(witness) => Some(format!("{direction}: {}", witness.sentence)),
            Self::NotFound { trials, refused_by } => {
                let rules = if refused_by.is_empty() {
                    String::new()
                } else {
                    format!("; both refuse what was tried by {}", refused_by.join(", "))
                };
                Some(format!(
                    "{direction}, as far as is known: no witness was found in {trials} trials, which proves nothing{rules}"
                ))
            }
        }
    }
}

impl Change {
    /// What is to be said of it, a line each.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.effect.iter().cloned().collect();
        if matches!(self.opens, Evidence::Procedural) || matches!(self.closes, Evidence::Procedural) {
            lines = lines.into_iter().map(|effect| format!("procedural: {effect}")).collect();
        }
        let (opens, closes) = (self.opens.sentence(true), self.closes.sentence(false));
        lines.extend(opens.iter().cloned());
        lines.extend(closes.filter(|closes| opens.as_ref() != Some(closes)));
        lines
    }
}

impl Diff {
    /// What should be seen first: that the chain asks for no delay although the policy may permit more.
    pub fn warning(&self) -> Option<String> {
        (self.activation == Activation::AtOnce && self.opens.may_be()).then(|| {
            "it would be in force at once, for the registry compares numbers; yet it may permit something more: see below"
                .to_owned()
        })
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let mut text = format!("old       {}\nnew       {}\n", self.old.hash, self.new.hash);
        let _ = writeln!(text, "verdict   {}: {}", self.verdict.word(), self.verdict.about());
        let _ = writeln!(text, "on chain  {}", self.activation.sentence());
        if let Some(warning) = self.warning() {
            let _ = writeln!(text, "WARNING   {warning}");
        }
        for line in self.together() {
            let _ = writeln!(text, "          {line}");
        }
        for (place, change) in self.changes.iter().enumerate() {
            let (old, new) = (shown(change.old.as_deref()), shown(change.new.as_deref()));
            let _ = writeln!(text, "\n{:>3}. {}  {}: {old} -> {new}", place + 1, change.mark.word(), change.path);
            for line in change.lines() {
                let _ = writeln!(text, "       {line}");
            }
        }
        text
    }

    /// For a forum, in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("**{}**: {}.\n\n", self.verdict.word(), self.verdict.about());
        let _ = writeln!(text, "On chain it {}.\n", on_chain(&self.activation));
        if let Some(warning) = self.warning() {
            let _ = writeln!(text, "**Warning:** {warning}.\n");
        }
        let _ = writeln!(text, "| | hash | rest hash |\n|---|---|---|");
        for (name, version) in [("old", &self.old), ("new", &self.new)] {
            let _ = writeln!(text, "| {name} | `{}` | `{}` |", version.hash, version.rest_hash);
        }
        for line in self.together() {
            let _ = writeln!(text, "\n{line}");
        }
        let _ = writeln!(text);
        for (place, change) in self.changes.iter().enumerate() {
            let (old, new) = (code(change.old.as_deref()), code(change.new.as_deref()));
            let _ = writeln!(text, "{}. **{}** `{}`: {old} → {new}", place + 1, change.mark.word(), change.path);
            for line in change.lines() {
                let _ = writeln!(text, "   - {line}");
            }
        }
        text
    }

    /// What only all differences together show.
    fn together(&self) -> Vec<String> {
        let of = |evidence: &Evidence, all: Vec<&Evidence>, opens: bool| {
            let witness = evidence.witness()?;
            let is_told = all.iter().any(|it| it.witness() == Some(witness));
            (!is_told).then(|| evidence.sentence(opens)).flatten()
        };
        let opens = of(&self.opens, self.changes.iter().map(|change| &change.opens).collect(), true);
        let closes = of(&self.closes, self.changes.iter().map(|change| &change.closes).collect(), false);
        opens.into_iter().chain(closes).map(|line| format!("together, {line}")).collect()
    }
}

fn on_chain(activation: &Activation) -> String {
    match activation {
        Activation::InForce => "is the same file".to_owned(),
        Activation::AtOnce => format!("is {}", activation.sentence()),
        Activation::Delayed { .. } => activation.sentence(),
    }
}

/// A value, cut where it would flood the line.
/// Whole, however long: what is cut from an address is what a voter must compare.
fn shown(value: Option<&str>) -> &str {
    value.unwrap_or("nothing")
}

fn code(value: Option<&str>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| format!("`{value}`"))
}
