//! The audit for people.

use super::{
    deed::Origin,
    report::{Audit, Counts, EpochTold, Hand, How, Judged, Verdict},
    treasury::{Account, Kind},
};
use crate::registry::shown;
use quaestor_contracts::{
    explain::{plain, wad},
    utc::Utc,
};
use std::fmt;

/// Width of the words at the left.
const WORD: usize = 13;

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut page = Page { out: f };
        let Self { chain_id, first, last, .. } = self;
        page.line("audited", format_args!("{}, eip155:{chain_id}", plain(&self.name)))?;
        page.line("", format_args!("blocks {first} to {} (final), until {}", last.number, Utc(last.timestamp)))?;
        for epoch in &self.epochs {
            page.epoch(epoch)?;
        }
        for account in &self.accounts {
            page.account(account)?;
        }
        for judged in &self.judged {
            page.judged(judged)?;
        }
        for unchecked in &self.unchecked {
            page.line("NOT CHECKED", &unchecked.what)?;
            page.line("", &unchecked.why)?;
        }
        self.sum(&mut page)
    }
}

struct Page<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
}

impl Page<'_, '_> {
    fn line(&mut self, word: &str, text: impl fmt::Display) -> fmt::Result {
        let text = text.to_string();
        let mut word = word;
        for line in text.lines() {
            writeln!(self.out, "{word:WORD$}{}", shown(line))?;
            word = "";
        }
        Ok(())
    }

    fn epoch(&mut self, it: &EpochTold) -> fmt::Result {
        let until = it.until.map_or_else(|| "on".to_owned(), |until| format!("until {}", Utc(until)));
        self.line(&format!("epoch {}", it.epoch), format_args!("{}, from {} {until}", it.policy, Utc(it.from)))?;
        match (&it.missing, &it.file) {
            (Some(_), _) => self.line("", "ITS FILE CANNOT BE USED, see below"),
            (None, Some(file)) => self.line("", format_args!("its file: {file}")),
            (None, None) => Ok(()),
        }
    }

    fn account(&mut self, it: &Account) -> fmt::Result {
        let name = plain(&it.name);
        match it.kind {
            Kind::Safe => self.line("account", format_args!("{name}, the Safe {}", it.address)),
            Kind::Timelock { governor } => {
                self.line("account", format_args!("{name}, the timelock {} of the Governor {governor}", it.address))
            }
        }
    }

    fn judged(&mut self, it: &Judged) -> fmt::Result {
        let word = match &it.verdict {
            Verdict::Allowed { .. } => "allowed",
            Verdict::NotAllowed { .. } => "NOT ALLOWED",
            Verdict::ByHand { .. } => "BY HAND",
            Verdict::Unjudged { .. } => "UNJUDGED",
            Verdict::Rejection => "rejection",
            // They fill pages and say nothing of money; programs get each of them.
            Verdict::Governance => return Ok(()),
        };
        let epoch = it.epoch.map_or_else(|| "before any policy".to_owned(), |epoch| format!("under epoch {epoch}"));
        let worth = it.value.map_or_else(String::new, |value| format!(", worth {} USD", wad(value.to_u256())));
        let (account, block) = (plain(&it.account.name), it.block);
        self.line(word, format_args!("block {}, {}: {account}, {epoch}{worth}", block.number, Utc(block.timestamp)))?;
        if !matches!(it.verdict, Verdict::Allowed { .. } | Verdict::Rejection) {
            self.line("", who(it))?;
        }
        for (number, call) in it.calls.iter().enumerate() {
            self.line("", format_args!("{}. {}", number + 1, call.words))?;
        }
        // What other code did stands in no call.
        if it.calls.iter().all(|call| call.operation != "call") {
            for words in &it.out_words {
                self.line("", words)?;
            }
        }
        self.reason(&it.verdict)?;
        match it.decision {
            Some(decision) => self.line("", format_args!("decision {decision}, transaction {}", it.tx)),
            None => self.line("", format_args!("transaction {}", it.tx)),
        }
    }

    fn reason(&mut self, verdict: &Verdict) -> fmt::Result {
        match verdict {
            Verdict::Allowed { how, caveat } => {
                match how {
                    How::Bundle { name } => self.line("", format_args!("the agent's bundle {name} recomputes it"))?,
                    How::Recomputed { block } => {
                        self.line(
                            "",
                            format_args!(
                                "it is the decision of its policy at block {block}, taken again from the chain"
                            ),
                        )?;
                    }
                }
                caveat.as_ref().map_or(Ok(()), |caveat| self.line("", format_args!("NOT CHECKED: {caveat}")))
            }
            Verdict::NotAllowed { why } | Verdict::Unjudged { why } => self.line("", why),
            Verdict::ByHand { policy, .. } => self.line("", policy),
            Verdict::Rejection => self.line("", "the empty transaction that takes a withdrawn proposal's place"),
            Verdict::Governance => Ok(()),
        }
    }
}

/// Who did it, by what the chain shows.
fn who(it: &Judged) -> String {
    let sender = it.sender;
    let origin = match (&it.origin, &it.vote) {
        (Origin::Owners { signers, .. }, _) if signers.is_empty() => "by owners of the Safe".to_owned(),
        (Origin::Owners { signers, .. }, _) => {
            let signers: Vec<String> = signers.iter().map(ToString::to_string).collect();
            format!("by the owners {}", signers.join(", "))
        }
        (Origin::Module { module }, _) => format!("by the module {module}"),
        (Origin::Vote { .. }, Some(vote)) => {
            format!("by the vote `{}` ({}), proposed by {}", vote.title, vote.proposal_id, vote.proposer)
        }
        (Origin::Vote { operation }, None) => format!("by the timelock's operation {operation}"),
        (Origin::Allowance, _) => "taken by somebody who had been allowed to".to_owned(),
    };
    let gate = match it.verdict {
        Verdict::ByHand { hand: Hand::Allowance, .. } | Verdict::NotAllowed { .. } | Verdict::Unjudged { .. } => "",
        _ => ", not through the gate",
    };
    format!("{origin}{gate}; sent by {sender}")
}

impl Audit {
    fn sum(&self, page: &mut Page<'_, '_>) -> fmt::Result {
        let Counts { allowed, not_allowed, by_hand, governance, .. } = self.counts();
        page.line("in all", format_args!("batches of the agent that the policy of their time allowed: {allowed}"))?;
        if governance > 0 {
            page.line("", format_args!("votes that moved nothing of the treasury: {governance}"))?;
        }
        if self.strangers > 0 {
            page.line("", format_args!("batches at the gate of accounts that no policy names: {}", self.strangers))?;
        }
        let things = |count: usize| if count == 1 { "1 thing".to_owned() } else { format!("{count} things") };
        if self.found() > 0 {
            let found = [(not_allowed, "past the gate"), (by_hand, "by hand")];
            let parts = found.iter().filter(|(count, _)| *count > 0).map(|(count, how)| format!("{count} {how}"));
            let parts: Vec<String> = parts.collect();
            page.line(
                "",
                format_args!("{} THAT NO POLICY ALLOWED: {}", things(self.found()).to_uppercase(), parts.join(", ")),
            )?;
        }
        if self.unchecked() > 0 {
            page.line("", format_args!("{} could not be checked", things(self.unchecked())))?;
        }
        match (self.found(), self.unchecked()) {
            (0, 0) => write!(page.out, "clean: everything that the treasury did was allowed by the policy of its time"),
            (0, _) => write!(page.out, "nothing was found, but not everything could be checked"),
            _ => write!(page.out, "not clean"),
        }
    }
}
