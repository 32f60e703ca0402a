//! What the members read: in the order of a permissions update request (ENS, Balancer), ending in OpenZeppelin's
//! `#proposer=` (`Governor.sol`, `_isValidDescriptionForProposer`), so that nobody else can make the same proposal first.

use super::{Owner, Standing};
use alloy::primitives::{Address, B256, keccak256};
use quaestor_contracts::governor::proposer_suffix;
use quaestor_core::Policy;
use quaestor_policies::VotedPolicy;
use std::fmt::Write;

/// Slots of the envelope from here on are unset at zero, those before at the greatest number.
const FLOORS_FROM: usize = 16;
/// Most bytes of assumptions that a description repeats.
const ASSUMED_BYTES_MAX: usize = 8 << 10;
const DAY_SECS: u64 = 86_400;
const HOUR_SECS: u64 = 3_600;
/// A block of Ethereum mainnet, seconds.
const BLOCK_SECS: u64 = 12;

/// What a description is made of. The same parts give the same text, and so the same proposal id.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// What the chain says.
    pub standing: &'a Standing,
    /// The policy to vote.
    pub new: &'a VotedPolicy,
    /// Where its file will be.
    pub uri: &'a str,
    /// The author's reasons, Markdown; without them a place is left for them.
    pub motivation: Option<&'a str>,
    /// What is changed, or what a first policy permits, Markdown without headings.
    pub specification: &'a str,
    /// What the change would have done, a sentence each, and the data that says so; `None` where nobody gave prices.
    pub impact: Option<(&'a [String], B256)>,
    /// Commands by which anyone recomputes what is said.
    pub commands: &'a [String],
    /// What was assumed beside prices: the name of its file in the commands, and what it says.
    pub assumed: Option<(&'a str, &'a str)>,
    /// Who proposes; without one the text has no suffix, for a Safe.
    pub proposer: Option<Address>,
}

impl std::fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("new", &self.new.hash()).field("uri", &self.uri).finish_non_exhaustive()
    }
}

/// The description, in Markdown. That of a proposal ends in `#proposer=0x…` with nothing after it.
pub fn describe(parts: &Parts<'_>) -> String {
    let motivation = match parts.motivation {
        Some(text) => text.trim().to_owned(),
        None => "*The author says here why.*".to_owned(),
    };
    let mut sections = vec![
        title(parts),
        format!("## Abstract\n\n{}", abstract_of(parts)),
        format!("## Motivation\n\n{motivation}"),
        format!("## Specification\n\n{}", parts.specification.trim()),
    ];
    if let Some(impact) = impact(parts) {
        sections.push(format!("## What it would have done\n\n{impact}"));
    }
    sections.push(format!("## Hashes\n\n{}", hashes(parts)));
    sections.push(format!("## Check it yourself\n\n```\n{}\n```", parts.commands.join("\n")));
    sections.extend(parts.assumed.map(|(name, text)| assumed(name, text)));
    sections.extend(parts.proposer.map(proposer_suffix));
    sections.join("\n\n")
}

/// Whole, so that who votes has what the commands name; one that would break out of its block is named by its hash.
fn assumed(name: &str, text: &str) -> String {
    let hash = keccak256(text);
    let is_short = text.len() <= ASSUMED_BYTES_MAX && !text.contains("```");
    let body = if is_short { format!(":\n\n```toml\n{}\n```", text.trim()) } else { ".".to_owned() };
    format!("`{name}` says what was assumed beside prices, and hashes to `{hash}`{body}")
}

/// The policy's name is free text of one line; what could be read as Markdown or as a suffix is taken from it.
fn name(policy: &VotedPolicy) -> String {
    let plain = |letter: &char| letter.is_alphanumeric() || " -_.,:()'".contains(*letter);
    policy.terms().name.chars().filter(plain).collect()
}

fn title(parts: &Parts<'_>) -> String {
    let what = match parts.standing.active {
        None => "adopt the first policy",
        Some(_) => "change the policy",
    };
    format!("# [Executable] {}: {what}", name(parts.new))
}

fn abstract_of(parts: &Parts<'_>) -> String {
    let Standing { active, pending, delay_secs, owner, .. } = parts.standing;
    let mut text = match active {
        None => format!(
            "The treasury's agent obeys the policy whose hash is anchored in `PolicyRegistry`, and so far there is none. This \
             anchors `{}`, the file at {}.",
            parts.new.hash(),
            shown_uri(parts.uri)
        ),
        Some(epoch) => format!(
            "The treasury's agent obeys the policy whose hash is anchored in `PolicyRegistry`. This anchors `{}`, the file at \
             {}, in the place of `{}`, epoch {}.",
            parts.new.hash(),
            shown_uri(parts.uri),
            epoch.policyHash,
            epoch.number
        ),
    };
    let narrows = parts.narrows();
    let same = active.as_ref().is_some_and(|active| active.envelope == parts.new.envelope());
    let _ = match narrows {
        true if same => {
            write!(text, " The two permit the same: only how the file is written differs. It is in force at once.")
        }
        true => {
            write!(text, " Nothing but numbers of the envelope differs, and none is wider: it is in force at once.")
        }
        false => write!(
            text,
            " It is in force {} after it is executed, unless a guardian vetoes it before.",
            duration(*delay_secs)
        ),
    };
    if let Some(pending) = pending {
        let _ = write!(text, " Epoch {}, `{}`, which waits now, is dropped.", pending.number, pending.policyHash);
    }
    if let Owner::Governor { voting_delay, voting_period, counts_seconds, delay_secs, .. } = owner {
        let time = |count: u64| if *counts_seconds { duration(count) } else { blocks(count) };
        let _ = write!(
            text,
            " The vote begins after {}, lasts {}, and what is voted waits {} in the timelock.",
            time(*voting_delay),
            time(*voting_period),
            duration(*delay_secs)
        );
    }
    text
}

impl Parts<'_> {
    /// Whether the registry would put it in force at once (`PolicyRegistry._narrows`).
    fn narrows(&self) -> bool {
        let Some(active) = &self.standing.active else { return false };
        let (before, after) = (&active.envelope, self.new.envelope());
        let numbers = before.iter().zip(&after).enumerate();
        let mut wider =
            numbers.filter(|(slot, (before, after))| if *slot < FLOORS_FROM { after > before } else { after < before });
        active.restHash == self.new.rest_hash() && wider.next().is_none()
    }
}

fn impact(parts: &Parts<'_>) -> Option<String> {
    let (findings, data_hash) = parts.impact?;
    let mut text = "The pipeline that runs live, on history and under stress, under the old and under the new policy, for the same \
                    treasury at the same prices, costs and delays:\n\n"
        .to_owned();
    for finding in findings {
        let _ = writeln!(text, "- {finding}");
    }
    let _ = write!(text, "\nThe prices hash to `{data_hash}`. What would have been is no promise of what will be.");
    Some(text)
}

fn hashes(parts: &Parts<'_>) -> String {
    let Standing { chain_id, registry, active, .. } = parts.standing;
    let mut text = format!(
        "| | |\n|---|---|\n| policy | `{}` |\n| rest | `{}` |\n| envelope | {} |\n| file | {} |\n| registry | `eip155:{chain_id}:{registry}` |",
        parts.new.hash(),
        parts.new.rest_hash(),
        envelope(&parts.new.envelope()),
        shown_uri(parts.uri),
    );
    if let Some(active) = active {
        let _ = write!(text, "\n| in force now | `{}`, epoch {} |", active.policyHash, active.number);
    }
    text
}

/// The slots that are set.
fn envelope(slots: &[u64; 32]) -> String {
    let unset = |slot: usize| if slot < FLOORS_FROM { u64::MAX } else { 0 };
    let set = slots.iter().enumerate().filter(|(slot, number)| **number != unset(*slot));
    let text: Vec<String> = set.map(|(slot, number)| format!("{slot}: {number}")).collect();
    if text.is_empty() { "nothing set".to_owned() } else { text.join(", ") }
}

fn shown_uri(uri: &str) -> String {
    let plain: String = uri.chars().filter(|letter| !letter.is_control() && *letter != '`' && *letter != '|').collect();
    format!("`{plain}`")
}

/// In days, hours, minutes and seconds, as far as there are any.
fn duration(secs: u64) -> String {
    let parts = [
        (secs / DAY_SECS, "day"),
        (secs % DAY_SECS / HOUR_SECS, "hour"),
        (secs % HOUR_SECS / 60, "minute"),
        (secs % 60, "second"),
    ];
    let said = parts.iter().filter(|(count, _)| *count > 0);
    let text: Vec<String> =
        said.map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" })).collect();
    if text.is_empty() { "no time".to_owned() } else { text.join(" ") }
}

fn blocks(count: u64) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} block{plural} (about {} on Ethereum mainnet)", duration(count.saturating_mul(BLOCK_SECS)))
}
