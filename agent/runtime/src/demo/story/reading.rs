//! The step in which members read a change of policy before they vote on it, with the commands that anyone may type; and what
//! is told of a vote.

use super::{
    super::{
        report::{Findings, text_of},
        stage::{DemoError, Stage, io_error},
    },
    Story,
    risk::KNOWN_PRICES,
};
use crate::devnet::{Anchored, anvil::BLOCK_SECS, dao::Governance, demo_limits};
use quaestor_contracts::governor::proposer_suffix;
use quaestor_core::Limits;
use quaestor_simulations::Day;
use serde_json::Value;

/// The file of the tighter policy, in the folder of policies.
const TIGHTER: &str = "epoch-2.toml";
/// What the member who proposes it says for it.
pub(super) const WHY: &str = "Smaller steps while the market falls: no proposal moves more than 1.5 % of the treasury.";
/// Most of the treasury that it lets one proposal move, bps.
const PROPOSAL_BPS_MAX: u64 = 150;
/// The first section of an explanation.
const IN_SHORT: &str = "In short";
/// The first of the real days over which both policies are run; the last is the one before the members trained.
const YEAR_FROM: &str = "2020-05-12";
/// How a sentence of `policy impact` begins that is of a scenario.
const OF_A_SCENARIO: &str = "In ";

/// What the members read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The policy.
    pub(super) text: String,
    /// Its file, beside the agent's configuration.
    pub(super) path: String,
    /// Prices and treasury, as `policy impact` and `policy propose` are told them.
    pub(super) world: Vec<String>,
    /// What the vote has to say too: the witness of what changes, and what it would have done.
    pub(super) sentences: Vec<String>,
}

impl Story {
    pub(super) async fn reads(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let text = stage.policy_text(Limits { proposal_bps_max: PROPOSAL_BPS_MAX, ..demo_limits() });
        let new = stage.site.write_policy(TIGHTER, &text)?;
        let (old, new) = (stage.site.policy.display().to_string(), new.display().to_string());
        explained(&stage.says(&["policy", "explain", &new]).await?, found);
        let witness = compared(&stage.says(&["policy", "diff", &old, &new]).await?, found);
        let world = world(stage).await?;
        let words: Vec<&str> = world.iter().map(String::as_str).collect();
        let mut sentences = tried(&stage.says(&[&["policy", "impact", &old, &new], &words[..]].concat()).await?, found);
        sentences.extend(witness);
        self.read = Read { text, path: format!("policies/{TIGHTER}"), world, sentences };
        Ok(())
    }
}

/// The policy in short.
fn explained(said: &Value, found: &mut Findings) {
    let short = list(&said["sections"]).find(|it| it["heading"] == IN_SHORT);
    let sentences: Vec<&str> =
        list(&short.unwrap_or(&Value::Null)["sentences"]).map(|it| text_of(&it["text"])).collect();
    found.check("`policy explain` says the tighter policy in short", !sentences.is_empty());
    found.told("explain", &sentences, below(&sentences));
}

/// What changes; the witness of it.
fn compared(said: &Value, found: &mut Findings) -> Option<String> {
    let report = &said["report"]["structuredReport"];
    let mut told = vec![text_of(&report["summary"]).to_owned()];
    for check in list(&report["checks"]) {
        let details = text_of(&check["details"]);
        told.push(match text_of(&check["checkId"]) {
            "policy-activation" => details.to_owned(),
            _ => format!("{}: {details}", text_of(&check["title"])),
        });
        told.extend(list(&check["info"]).map(|it| text_of(it).to_owned()));
    }
    let witness = list(&said["changes"]).find_map(|change| change["closes"]["sentence"].as_str());
    let is_proved = said["verdict"] == "narrows" && witness.is_some();
    found.check("`policy diff` proves that it permits nothing anew, and shows what it refuses", is_proved);
    found.told("diff", &told, below(&told));
    witness.map(str::to_owned)
}

/// What the change would have done over a year of real prices, and in scenarios; a sentence each.
fn tried(said: &Value, found: &mut Findings) -> Vec<String> {
    let findings: Vec<String> = list(&said["findings"]).map(|it| text_of(it).to_owned()).collect();
    let (old, new) = (&said["old"], &said["new"]);
    let last = new["to"].as_u64().and_then(Day::at).map_or_else(String::new, |day| day.to_string());
    let mut told = vec![format!("{} days of real prices, the last {last}, and this treasury:", new["bars"])];
    // Those of scenarios come last.
    told.extend(findings.iter().take_while(|it| !it.starts_with(OF_A_SCENARIO)).cloned());
    let instead = |key: &str| format!("{} instead of {}", new[key], old[key]);
    told.push(format!("Refused: {}; withdrawn while they waited: {}.", instead("refusals"), instead("withdrawn")));
    told.push(format!("The vote also says what it would have done in {} scenarios.", list(&new["scenarios"]).count()));
    found.check("`policy impact` says what it would have done", !findings.is_empty());
    found.told("impact", &findings, below(&told));
    findings
}

/// The arguments that name the year before and the treasury as it is.
async fn world(stage: &Stage) -> Result<Vec<String>, DemoError> {
    let assumed = stage.site.folder.join("treasury.toml");
    std::fs::write(&assumed, treasury(stage).await?).map_err(io_error("what the treasury holds"))?;
    let prices = stage.site.folder.join(KNOWN_PRICES);
    let [prices, assumed] = [prices, assumed].map(|path| path.display().to_string());
    Ok(["--data", &prices, "--assume", &assumed, "--from", YEAR_FROM].map(str::to_owned).to_vec())
}

/// What the treasury holds, what its vaults earn by themselves, which is nothing on a local chain, and how long a vote takes.
async fn treasury(stage: &Stage) -> Result<String, DemoError> {
    let dao = &stage.devnet.dao;
    let mut text = String::new();
    for (name, account) in [("operations", dao.safe.account), ("reserve", dao.governance.timelock)] {
        text += &format!("[holdings.{name}]\n");
        for asset in &dao.assets {
            let held = stage.balance(asset.address, account).await?;
            text += &format!("{} = \"{}\"\n", asset.symbol, held.display(asset.decimals));
        }
    }
    text += "[yields]\n";
    for vault in &dao.vaults {
        text += &format!("{} = 0\n", vault.name);
    }
    let Governance { voting_delay_blocks, voting_period_blocks, timelock_delay_secs, .. } = dao.governance;
    let [delay, period] = [voting_delay_blocks, voting_period_blocks.into()].map(|blocks| blocks * BLOCK_SECS);
    text += &format!(
        "[delays]\nvoting_delay_secs = {delay}\nvoting_period_secs = {period}\ntimelock_secs = {timelock_delay_secs}\n"
    );
    Ok(text)
}

/// What a vote reads that a member put with `policy propose`: its title, and its parts.
pub(super) fn tell_vote(stage: &Stage, anchored: &Anchored, found: &mut Findings) {
    let description = &anchored.voted.proposal.description;
    let title = description.lines().next().unwrap_or_default().trim_start_matches("# ");
    let parts: Vec<&str> = description.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let parts = parts.join(", ");
    let words = format!("a member puts it to the vote with `policy propose`: “{title}”\nits text: {parts}");
    found.told("vote", description, words);
    let [member, ..] = &stage.devnet.dao.people.members;
    let is_signed = description.ends_with(&proposer_suffix(member.address()));
    found.check("the text ends with who proposes it, so that nobody else can", is_signed);
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Lines below the sentence before them.
fn below(lines: &[impl AsRef<str>]) -> String {
    lines.iter().map(|line| format!("  {}\n", line.as_ref())).collect()
}
