//! The status for people: a word and its facts a line.

use super::{
    AssetNow, BrakeNow, ChainNow, DecisionNow, JournalNow, OperatorNow, PendingNow, PolicyNow, ProposalNow, Reading,
    Status, TreasuryNow,
};
use crate::agent::{Path, TrainingEnd};
use quaestor_contracts::{
    explain::{plain, share, span, wad, whole_tokens},
    utc::Utc,
};
use quaestor_core::{amount::WAD_DECIMALS, policy::Band};
use std::fmt::{self, Display, Formatter};

/// Width of the words at the left.
const WORD: usize = 11;

struct Page<'a, 'f> {
    out: &'a mut Formatter<'f>,
    begun: bool,
}

impl Page<'_, '_> {
    /// A line; its word only if it is not that of the line before.
    fn line(&mut self, word: &str, text: impl Display) -> fmt::Result {
        if self.begun {
            writeln!(self.out)?;
        }
        self.begun = true;
        write!(self.out, "{word:WORD$}{text}")
    }

    fn reading<T>(
        &mut self,
        word: &str,
        reading: &Reading<T>,
        known: impl FnOnce(&mut Self, &T) -> fmt::Result,
    ) -> fmt::Result {
        match reading {
            Reading::Known(found) => known(self, found),
            Reading::Unknown { why, .. } => self.line(word, format_args!("not known: {}", one_line(why))),
        }
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut page = Page { out: f, begun: false };
        page.reading("chain", &self.chain, chain)?;
        operator(&mut page, &self.operator)?;
        page.reading("policy", &self.policy, policy)?;
        page.reading("model", &self.model, |page, it| {
            let [which, why] = it.lines();
            page.line("model", which)?;
            page.line("", one_line(&why))?;
            it.warning().map_or(Ok(()), |warning| page.line("", warning))
        })?;
        page.reading("pending", &self.pending, pending)?;
        page.reading("brake", &self.brake, brake)?;
        page.reading("treasury", &self.treasury, treasury)?;
        page.reading("proposals", &self.proposals, |page, all| proposals(page, all))?;
        page.reading("decision", &self.decision, decision)?;
        page.reading("journal", &self.journal, journal)
    }
}

fn chain(page: &mut Page<'_, '_>, it: &ChainNow) -> fmt::Result {
    let ChainNow { chain_id, head, head_age_secs, is_behind, finalised } = it;
    let behind = if *is_behind { "; THE NODE IS BEHIND, the agent waits" } else { "" };
    page.line("chain", format_args!("eip155:{chain_id}"))?;
    let (number, time) = (head.number, Utc(head.timestamp));
    page.line("", format_args!("head   {number}, {time}, {} old{behind}", span(*head_age_secs)))?;
    page.line("", format_args!("final  {}, {}", finalised.number, Utc(finalised.timestamp)))
}

fn operator(page: &mut Page<'_, '_>, it: &OperatorNow) -> fmt::Result {
    page.line("operator", it.address)?;
    page.reading("", &it.gas_wei, |page, wei| {
        let empty = if wei.is_zero() { "; SEND IT SOME" } else { "" };
        page.line("", format_args!("{} of the chain's coin for gas{empty}", whole_tokens(wei.to_u256(), WAD_DECIMALS)))
    })?;
    page.reading("", &it.is_listed, |page, listed| {
        page.line("", if *listed { "listed by the brake" } else { "NOT LISTED by the brake: the DAO must list it" })
    })?;
    roles(page, "owner of", &it.owner_of)?;
    roles(page, "proposes for", &it.proposer_for)
}

fn roles(page: &mut Page<'_, '_>, role: &str, names: &Reading<Vec<String>>) -> fmt::Result {
    match names {
        Reading::Known(names) => page.line("", format_args!("{role} {}", list(names))),
        Reading::Unknown { why, .. } => page.line("", format_args!("{role}: not known: {}", one_line(why))),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    names.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ")
}

fn policy(page: &mut Page<'_, '_>, it: &PolicyNow) -> fmt::Result {
    let PolicyNow { epoch, hash, file, name, expires_at, is_expired, review_at, is_review_due } = it;
    page.line("policy", format_args!("epoch {epoch}, {}", plain(name)))?;
    page.line("", hash)?;
    page.line("", format_args!("file {}", file.display()))?;
    let expires = if *is_expired { "EXPIRED" } else { "expires" };
    page.line("", format_args!("{expires} {}", Utc(*expires_at)))?;
    let Some(review_at) = review_at else { return Ok(()) };
    let review = if *is_review_due { "REVIEW WAS DUE" } else { "review due" };
    page.line("", format_args!("{review} {}", Utc(*review_at)))
}

fn pending(page: &mut Page<'_, '_>, it: &Option<PendingNow>) -> fmt::Result {
    let Some(PendingNow { epoch, hash, uri, active_at, is_vetoable }) = it else {
        return page.line("pending", "no epoch waits");
    };
    let veto = if *is_vetoable { "guardians may veto it until then" } else { "it cannot be vetoed" };
    page.line("pending", format_args!("epoch {epoch}, active {}; {veto}", Utc(*active_at)))?;
    page.line("", hash)?;
    page.line("", format_args!("at {}", one_line(uri)))
}

fn brake(page: &mut Page<'_, '_>, it: &BrakeNow) -> fmt::Result {
    let BrakeNow { is_pulled, pulled_until, pulls, lease_until, is_lapsed } = it;
    if *is_pulled {
        page.line("brake", format_args!("PULLED until {}", Utc(*pulled_until)))?;
    } else {
        page.line("brake", "released")?;
    }
    page.line("", format_args!("pulls so far: {pulls}"))?;
    let lease = if *is_lapsed { "lease LAPSED" } else { "lease until" };
    page.line("", format_args!("{lease} {}", Utc(*lease_until)))
}

fn treasury(page: &mut Page<'_, '_>, it: &TreasuryNow) -> fmt::Result {
    match it.nav {
        Some(nav) => page.line("treasury", format_args!("{} USD", wad(nav.to_u256())))?,
        None => page.line("treasury", "value not known: a held asset has no usable price")?,
    }
    for asset in &it.assets {
        page.line("", asset_line(asset))?;
    }
    for account in &it.accounts {
        page.line("", format_args!("{} {}", plain(&account.name), account.address))?;
        for (asset, balance) in it.assets.iter().zip(&account.balances) {
            let amount = balance.display(asset.decimals).to_string();
            page.line("", format_args!("  {:6} {amount:>28}", plain(&asset.symbol)))?;
        }
    }
    Ok(())
}

fn asset_line(asset: &AssetNow) -> String {
    let symbol = plain(&asset.symbol);
    let weight = asset.weight_bps.map_or_else(|| "?".to_owned(), share);
    let price = asset.price.map_or_else(
        || "no usable price".to_owned(),
        |price| format!("at {} USD", whole_tokens(price.to_u256(), WAD_DECIMALS)),
    );
    let band = match &asset.band {
        Some(Band { min_bps, target_bps, max_bps, .. }) => {
            let out = if asset.is_in_band == Some(false) { ", OUT OF BAND" } else { "" };
            format!("band {} to {}, target {}{out}", share(*min_bps), share(*max_bps), share(*target_bps))
        }
        None => "no band".into(),
    };
    format!("{symbol:8} {weight:>8}  {band}; {price}")
}

fn proposals(page: &mut Page<'_, '_>, all: &[ProposalNow]) -> fmt::Result {
    if all.is_empty() {
        return page.line("proposals", "none is open");
    }
    for (position, it) in all.iter().enumerate() {
        let word = if position == 0 { "proposals" } else { "" };
        let route = match &it.route {
            Path::Safe { safe, nonce, safe_tx_hash, .. } => {
                format!("Safe {safe}, nonce {nonce}, safeTxHash {safe_tx_hash}")
            }
            Path::Governor { governor, proposal_id, .. } => format!("Governor {governor}, proposal {proposal_id}"),
        };
        page.line(word, it.decision)?;
        page.line("", format_args!("  {route}"))?;
        page.line("", format_args!("  bundle {}", it.bundle.display()))?;
        page.line("", format_args!("  worth {} USD, valid until {}", wad(it.value.to_u256()), Utc(it.valid_until)))?;
        page.line("", format_args!("  waits for {}", it.waits_for))?;
        if let Reading::Unknown { why, .. } = &it.stage {
            page.line("", format_args!("  as the journal has it; the chain is not known: {}", one_line(why)))?;
        }
    }
    Ok(())
}

fn decision(page: &mut Page<'_, '_>, it: &Option<DecisionNow>) -> fmt::Result {
    let Some(it) = it else { return page.line("decision", "none was taken yet") };
    let DecisionNow { block, hash, allowed, refused, bundle, holds } = it;
    page.line("decision", format_args!("block {}, {}", block.number, Utc(block.timestamp)))?;
    page.line("", hash)?;
    page.line("", format_args!("intents: {allowed} allowed, {refused} refused"))?;
    page.line("", format_args!("bundle {}", bundle.display()))?;
    page.reading("", holds, |page, holds| {
        holds.iter().try_for_each(|hold| page.line("", format_args!("holding: {}", hold.words)))
    })
}

fn journal(page: &mut Page<'_, '_>, it: &Option<JournalNow>) -> fmt::Result {
    let Some(JournalNow { rows, head, last_unix_ms, lifetime, alarm, training }) = it else {
        return page.line("journal", "none yet: the agent never ran here");
    };
    match alarm {
        Some(alarm) => {
            page.line("alarm", format_args!("{}: {}", Utc(alarm.unix_ms / 1_000), one_line(&alarm.message)))?;
        }
        None => page.line("alarm", "none so far")?,
    }
    match training.as_ref().map(|training| (Utc(training.slot), &training.end)) {
        Some((slot, TrainingEnd::Model { hash })) => page.line("training", format_args!("{slot}: model {hash}"))?,
        Some((slot, TrainingEnd::Failed { reason })) => {
            page.line("training", format_args!("{slot}: no model: {}", one_line(reason)))?;
        }
        None => {}
    }
    match lifetime {
        Some(run) => {
            let (version, started) = (one_line(&run.version), Utc(run.started_unix_ms / 1_000));
            let end = run.stopped_unix_ms.map_or_else(
                || "no stop written down: it runs, or was killed".to_owned(),
                |ms| format!("stopped {}", Utc(ms / 1_000)),
            );
            page.line("agent", format_args!("version {version}, started {started}; {end}"))?;
        }
        None => page.line("agent", "no start is written down")?,
    }
    let last = last_unix_ms.map(|ms| format!(", the last of {}", Utc(ms / 1_000))).unwrap_or_default();
    page.line("journal", format_args!("{rows} rows{last}"))?;
    page.line("", head)
}

/// A text from elsewhere on one line, without control characters.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
