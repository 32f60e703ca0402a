//! From what was read to the lines. Pure.

use super::{
    Agreement, Line, State, Subject,
    read::{File, Seen},
};
use crate::{
    agent::{Part, PolicyRefused, differences},
    deploy::SLOTS,
    registry::{Change, Epoch, Scheduled, shown},
    status::{JournalNow, PendingNow, Reading},
};
use alloy::primitives::Address;
use quaestor_contracts::{explain::span, utc::Utc};
use quaestor_core::{Envelope, Policy};
use quaestor_policies::VotedPolicy;

/// First slot that is narrowed by raising.
const FLOORS: usize = 16;
const FETCH: &str = "run `quaestor policy fetch`";
const SUBMIT: &str = "the submission was wrong: submit it anew with what `quaestor policy hash` prints of the file";

/// Everything that the lines say.
pub(super) fn agreement(seen: &Seen) -> Agreement {
    let mut lines = vec![chain(seen)];
    if let Some(active) = &seen.active {
        lines.extend(file(seen, active));
        lines.push(agent(seen, active));
    }
    lines.extend(seen.pending.as_ref().map(|it| pending(it, seen.has_pending)));
    lines.extend(scheduled(&seen.scheduled));
    Agreement {
        chain_id: seen.expected.chain_id,
        registry: seen.expected.registry,
        config: seen.config.clone(),
        finalised: seen.finalised,
        head: seen.head,
        lines,
    }
}

fn line(subject: Subject, state: State, says: impl Into<String>, remedy: Option<&str>) -> Line {
    Line { subject, state, says: says.into(), remedy: remedy.map(str::to_owned) }
}

fn agrees(subject: Subject, says: impl Into<String>) -> Line {
    line(subject, State::Agrees, says, None)
}

fn differs(subject: Subject, says: impl Into<String>, remedy: &str) -> Line {
    line(subject, State::Differs, says, Some(remedy))
}

fn chain(seen: &Seen) -> Line {
    let Some(active) = &seen.active else {
        let says = "no epoch is in force, so nothing is permitted";
        return differs(
            Subject::Chain,
            says,
            "let the members vote one; `quaestor policy hash` prints what they anchor",
        );
    };
    let mut says = format!("epoch {} is in force since {}: {}", active.number, Utc(active.activeAt), active.policyHash);
    if let Some(coming) = seen.coming.filter(|coming| *coming != active.number) {
        says.push_str(&format!("; at the newest block it is epoch {coming}, which the agent takes once that is final"));
    }
    agrees(Subject::Chain, says)
}

fn file(seen: &Seen, active: &Epoch) -> Vec<Line> {
    match &seen.file {
        File::Unreadable(reason) => {
            let says = format!("the files of `files.policies` cannot be looked through: {reason}");
            vec![differs(Subject::File, says, &format!("correct the list in {}", seen.config.display()))]
        }
        File::Others(others) => {
            let mut says = "no file of `files.policies` has that hash".to_owned();
            for (path, hash) in others {
                says.push_str(&format!("\n{} has {hash}", path.display()));
            }
            let remedy = format!("{FETCH}; the registry says that it is at `{}`", shown(&active.uri));
            vec![differs(Subject::File, says, &remedy)]
        }
        File::Here { path, policy } => {
            let mut lines = vec![agrees(Subject::File, format!("{} has that hash", path.display()))];
            match policy {
                Ok(policy) => lines.extend(policy_lines(seen, active, policy)),
                Err(problems) => {
                    let remedy =
                        "run the quaestor for which it was written, or let the members vote a file that this one reads";
                    let says = format!("this quaestor does not understand it:\n{problems}");
                    lines.push(differs(Subject::Language, says, remedy));
                }
            }
            lines
        }
    }
}

fn policy_lines(seen: &Seen, active: &Epoch, policy: &VotedPolicy) -> Vec<Line> {
    let found = differences(active, &seen.expected, policy);
    let has = |part| found.iter().any(|it| matches!(it, PolicyRefused::Differs { what, .. } if *what == part));
    let words = if has(Part::Words) {
        let says = format!("the rest hash of the file is {}, the registry has {}", policy.rest_hash(), active.restHash);
        differs(Subject::Words, says, SUBMIT)
    } else {
        agrees(Subject::Words, format!("the rest hash is that of the file: {}", active.restHash))
    };
    let numbers = if has(Part::Numbers) {
        differs(Subject::Numbers, numbers(&policy.envelope(), &active.envelope), SUBMIT)
    } else {
        agrees(Subject::Numbers, "the envelope is that of the file")
    };
    let elsewhere: Vec<String> =
        found.iter().filter(|it| matches!(it, PolicyRefused::Elsewhere { .. })).map(|it| it.to_string()).collect();
    let contracts = if elsewhere.is_empty() {
        agrees(Subject::Contracts, "chain, registry, brake and gate are those of the configuration")
    } else {
        let remedy = format!("correct {}, or let the members vote a file for this DAO", seen.config.display());
        differs(Subject::Contracts, elsewhere.join("\n"), &remedy)
    };
    vec![words, numbers, contracts, expiry(seen, policy)]
}

fn expiry(seen: &Seen, policy: &VotedPolicy) -> Line {
    let until = policy.terms().expires_at;
    if seen.head.timestamp >= until {
        let says = format!("it EXPIRED {}, and permits nothing since", Utc(until));
        return differs(Subject::Expiry, says, "let the members vote a policy whose `policy.expires` lies ahead");
    }
    let left = span(until - seen.head.timestamp);
    agrees(Subject::Expiry, format!("it ends {}, in {left}", Utc(until)))
}

/// Every slot in which the two differ, by its name.
fn numbers(file: &Envelope, anchored: &Envelope) -> String {
    let slots = file.iter().zip(anchored).enumerate().filter(|(_, (file, anchored))| file != anchored);
    let one = |(slot, (file, anchored)): (usize, (&u64, &u64))| {
        format!("{}: {} in the file, {} anchored", slot_name(slot), number(slot, *file), number(slot, *anchored))
    };
    slots.map(one).collect::<Vec<_>>().join("\n")
}

fn slot_name(slot: usize) -> String {
    let named = SLOTS.iter().find(|(_, of)| *of == slot);
    named.map_or_else(|| format!("slot {slot}"), |(name, _)| format!("{name} (slot {slot})"))
}

fn number(slot: usize, number: u64) -> String {
    let unset = if slot < FLOORS { u64::MAX } else { 0 };
    if number == unset { "no bound".to_owned() } else { number.to_string() }
}

fn agent(seen: &Seen, active: &Epoch) -> Line {
    let subject = Subject::Agent;
    let start = "start it with `quaestor run`";
    let (journal, book) = match (&seen.written.journal, &seen.written.book) {
        (Reading::Known(None), _) => {
            return line(subject, State::Unchecked, "none ran with this configuration yet", Some(start));
        }
        (Reading::Known(Some(journal)), Reading::Known(book)) => (journal, book),
        (Reading::Unknown { why, .. }, _) | (_, Reading::Unknown { why, .. }) => {
            let says = format!("its journal cannot be read: {why}");
            return line(subject, State::Unchecked, says, Some("see `quaestor journal verify`"));
        }
    };
    let life = life(journal);
    let remedy = || match &journal.alarm {
        Some(alarm) => format!("its last alarm, of {}: {}", Utc(alarm.unix_ms / 1_000), alarm.message),
        None if has_stopped(journal) => start.to_owned(),
        None => "a policy is taken seconds after its block is final; if it is not, read the agent's log".to_owned(),
    };
    match book.epoch {
        None => differs(subject, format!("it has taken no policy into force yet; {life}"), &remedy()),
        Some((epoch, policy)) if (epoch, policy) == (active.number, active.policyHash) => {
            agrees(subject, format!("it obeys epoch {epoch}; {}{life}", last_decision(seen, active)))
        }
        Some((epoch, policy)) => differs(subject, format!("it obeys epoch {epoch}, {policy}; {life}"), &remedy()),
    }
}

fn has_stopped(journal: &JournalNow) -> bool {
    journal.lifetime.as_ref().is_some_and(|life| life.stopped_unix_ms.is_some())
}

fn life(journal: &JournalNow) -> String {
    match &journal.lifetime {
        None => "no start is written down".to_owned(),
        Some(life) => match life.stopped_unix_ms {
            Some(stopped) => format!("it does not run, it was stopped {}", Utc(stopped / 1_000)),
            None => format!("it was started {} and not stopped", Utc(life.started_unix_ms / 1_000)),
        },
    }
}

/// What the last decision was taken under; one of before the epoch is no difference.
fn last_decision(seen: &Seen, active: &Epoch) -> String {
    match seen.decided {
        Some(it) if it.policy == active.policyHash => {
            format!("its last decision, at block {}, names it; ", it.block.number)
        }
        Some(it) => format!("its last decision, at block {}, was under epoch {}; ", it.block.number, it.epoch),
        None => String::new(),
    }
}

fn pending(it: &PendingNow, has_file: bool) -> Line {
    let veto = if it.is_vetoable { "guardians may veto it until then" } else { "it cannot be vetoed any more" };
    let says = format!("epoch {} is active from {} on; {veto}: {}", it.epoch, Utc(it.active_at), it.hash);
    let remedy = format!("run `quaestor policy fetch --epoch {}`, and read what it changes before then", it.epoch);
    line(Subject::Epoch, State::Pending, says, if has_file { None } else { Some(&remedy) })
}

fn scheduled(it: &Scheduled) -> Vec<Line> {
    let Scheduled { delay, guardians, ceilings } = it;
    let mut lines = Vec::new();
    let mut add = |subject, says: String| lines.push(line(subject, State::Pending, says, None));
    if let Some(Change { now, then, in_force_at }) = delay {
        let says = format!("from {} on what widens waits {} instead of {}", Utc(*in_force_at), span(*then), span(*now));
        add(Subject::Delay, says);
    }
    if let Some(Change { now, then, in_force_at }) = guardians {
        let named = |these: &[Address], others: &[Address]| {
            let only = these.iter().filter(|it| !others.contains(it)).map(ToString::to_string).collect::<Vec<_>>();
            if only.is_empty() { "nobody".to_owned() } else { only.join(", ") }
        };
        let (comes, goes) = (named(then, now), named(now, then));
        add(
            Subject::Guardians,
            format!("from {} on {comes} may veto and pull as well, and {goes} no more", Utc(*in_force_at)),
        );
    }
    if let Some(Change { now, then, in_force_at }) = ceilings {
        let slots = now.iter().zip(then).enumerate().filter(|(_, (now, then))| now != then);
        let one = |(slot, (now, then)): (usize, (&u64, &u64))| {
            let most = if slot < FLOORS { "at most" } else { "at least" };
            format!("{} may be {most} {} instead of {}", slot_name(slot), number(slot, *then), number(slot, *now))
        };
        let changes: Vec<String> = slots.map(one).collect();
        let changes = if changes.is_empty() { "nothing changes".to_owned() } else { changes.join(", ") };
        add(Subject::Ceilings, format!("from {} on {changes}", Utc(*in_force_at)));
    }
    lines
}
