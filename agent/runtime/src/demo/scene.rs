//! What the steps are made of: votes, confirmations, executions, and what the chain and the journal say of them.

use super::stage::{DemoError, PASSWORD_VAR, Stage, io_error};
use crate::{
    agent::{Bundle, Path, Plan, Record},
    devnet::{Anchored, DevnetError, demo_limits},
    journal::JournalReader,
};
use alloy::{
    primitives::{Address, B256},
    sol_types::SolCall,
};
use quaestor_contracts::{
    bindings::{IERC20, PolicyRegistry},
    safe::{Operation, SafeTx},
    utc::Utc,
};
use quaestor_core::{
    Amount, Decision, Limits, Policy,
    lifecycle::{Errand, Event, Outcome, Reason},
};
use quaestor_policies::VotedPolicy;
use std::{
    path::{Path as FilePath, PathBuf},
    time::{Duration, Instant},
};

/// Longest wait for an alarm.
const ALARM_WAIT: Duration = Duration::from_secs(20);
/// Most decisions and days that are waited for until a plan is made.
const PLANS_WAIT: u32 = 24;

/// A call's answer at the latest block.
///
/// # Errors
/// If the chain does not answer.
pub async fn read<C: SolCall>(stage: &Stage, to: Address, call: &C) -> Result<C::Return, DemoError> {
    Ok(stage.devnet.chain.read(to, call).await.map_err(DevnetError::from)?)
}

/// A day and time of UTC.
pub fn date(timestamp: u64) -> String {
    Utc(timestamp).to_string()
}

/// A policy, with the strategies that come with the agent.
///
/// # Errors
/// All its problems.
pub fn parse(text: &str) -> Result<VotedPolicy, DemoError> {
    let catalog = quaestor_strategies::catalog();
    quaestor_policies::parse(text.as_bytes(), &catalog).map_err(|problems| DemoError::Prices(problems.to_string()))
}

/// Writes a policy, and has the members vote it through. `why` is what the member who proposes it says for it.
///
/// # Errors
/// If any step fails.
pub async fn vote(stage: &Stage, name: &str, limits: Limits, why: &str) -> Result<(String, Anchored), DemoError> {
    let text = stage.policy_text(limits);
    let anchored = vote_text(stage, name, &text, why).await?;
    Ok((text, anchored))
}

/// Writes a policy of this text, and has the members vote it through.
///
/// # Errors
/// If any step fails.
pub async fn vote_text(stage: &Stage, name: &str, text: &str, why: &str) -> Result<Anchored, DemoError> {
    stage.site.write_policy(name, text)?;
    vote_file(stage, &format!("policies/{name}"), why, &[]).await
}

/// A member types `policy propose` for the policy at `path`, beside the agent's configuration, and the members vote what
/// that proposed. `world` is what the command is told of prices, for what the change would have done.
///
/// # Errors
/// If any step fails.
pub async fn vote_file(stage: &Stage, path: &str, why: &str, world: &[&str]) -> Result<Anchored, DemoError> {
    let site = &stage.site;
    let [file, motivation] = [path, "motivation.md"].map(|name| site.folder.join(name));
    std::fs::write(&motivation, why).map_err(io_error("the motivation of a vote"))?;
    let config = member_config(stage)?;
    let [file, config, keystore, motivation] =
        [&file, &config, &site.keystores.member, &motivation].map(|path| path.display().to_string());
    let uri = format!("file:{path}");
    let args = [
        "policy",
        "propose",
        &file,
        "--uri",
        &uri,
        "--config",
        &config,
        "--keystore",
        &keystore,
        "--password-env",
        PASSWORD_VAR,
        "--motivation",
        &motivation,
        "--yes",
    ];
    let said = stage.says(&[&args[..], world].concat()).await?;
    let proposals = stage.devnet.proposals().await?;
    let proposal = proposals.iter().rev().find(|it| said["description"] == it.description.as_str());
    let proposal =
        proposal.ok_or_else(|| DemoError::Told { what: format!("no such vote: {}", said["proposal_id"]) })?;
    Ok(stage.devnet.carry_policy(proposal).await?)
}

/// The agent's configuration with a node of the member's own: what people send is not in the way of what the agent sends.
fn member_config(stage: &Stage) -> Result<PathBuf, DemoError> {
    let text = std::fs::read_to_string(&stage.site.config).map_err(io_error("agent.toml"))?;
    let path = stage.site.folder.join("member.toml");
    let text = text.replace(&stage.proxy.url(), stage.devnet.chain.url().as_str());
    std::fs::write(&path, text).map_err(io_error("a member's configuration"))?;
    Ok(path)
}

/// Has the members vote the first policy, and waits its delay; its text, and how it was anchored.
///
/// # Errors
/// If any step fails.
pub async fn adopt_first_policy(stage: &mut Stage) -> Result<(String, Anchored), DemoError> {
    let text = stage.policy_text(demo_limits());
    let why = "So far nothing is permitted. With this policy the agent may begin to propose.";
    let anchored = vote_file(stage, "policy.toml", why, &[]).await?;
    stage.pass_until(anchored.active_at).await?;
    Ok((text, anchored))
}

/// Epoch and hash of the active policy.
pub async fn active(stage: &Stage) -> Result<(u64, B256), DemoError> {
    let active = read(stage, stage.devnet.dao.controls.registry, &PolicyRegistry::activeCall {}).await?;
    Ok((active.number, active.policyHash))
}

/// Mines until the plan's proposal is on chain, finally.
pub async fn propose_lands(stage: &mut Stage, plan: &Plan) -> Result<(), DemoError> {
    let id = plan.id;
    let landed = move |record: &Record| matches!(record, Record::Happened { decision, event: Event::Observed { .. } } if *decision == id);
    stage.mine_until("propose", 0, landed).await.map(drop)
}

/// Mines until the plan's life is over, and checks how.
pub async fn ended(stage: &mut Stage, plan: &Plan, wanted: impl Fn(&Outcome) -> bool) -> Result<(), DemoError> {
    let id = plan.id;
    for _ in 0..100 {
        let mut book = crate::agent::Book::default();
        let mut outcome = None;
        for record in stage.records(0)? {
            let before = book.entries.get(&id).map(|entry| entry.proposal.clone());
            book.apply(&record);
            if let (Some(before), Record::Happened { decision, event }) = (before, &record)
                && *decision == id
            {
                let (after, _) = quaestor_core::lifecycle::step(before, event);
                if let quaestor_core::lifecycle::State::Ended(how) = after.state {
                    outcome = Some(how);
                }
            }
        }
        match outcome {
            Some(outcome) if wanted(&outcome) => return Ok(()),
            Some(outcome) => {
                return Err(DemoError::Told { what: format!("the proposal ended otherwise: {outcome:?}") });
            }
            None => {
                stage.devnet.mine(1).await?;
                tokio::time::sleep(Duration::from_millis(120)).await;
            }
        }
    }
    Err(DemoError::Told { what: "the proposal did not come to its end".into() })
}

/// What an owner types, with a keystore and the agent's bundle.
pub async fn owner_types(stage: &Stage, what: &str, plan: &Plan, keystore: &FilePath) -> Result<String, DemoError> {
    let hash = Stage::safe_tx_hash(plan).unwrap_or_default().to_string();
    let bundle = stage.config.files.bundles.join(&plan.bundle).display().to_string();
    let (rpc, keystore) = (stage.proxy.url(), keystore.display().to_string());
    let (var, gate) = (PASSWORD_VAR, stage.devnet.dao.controls.gate.to_string());
    let args = [
        "safe",
        what,
        &hash,
        "--bundle",
        &bundle,
        "--rpc-url",
        &rpc,
        "--keystore",
        &keystore,
        "--password-env",
        var,
        "--gate",
        &gate,
        "--yes",
    ];
    stage.quaestor_ok(&args).await
}

/// Two owners confirm and one executes; mines until the agent has seen it to the end.
pub async fn carry(stage: &mut Stage, plan: &Plan) -> Result<(), DemoError> {
    propose_lands(stage, plan).await?;
    let Some(hash) = Stage::safe_tx_hash(plan) else { return Ok(()) };
    let [first, second, _] = stage.devnet.dao.people.owners.clone();
    stage.devnet.approve(first.address(), hash).await?;
    stage.devnet.approve(second.address(), hash).await?;
    let tx = hand_tx(stage, plan, None)?;
    stage.devnet.execute(first.address(), &tx).await?;
    ended(stage, plan, |outcome| matches!(outcome, Outcome::Executed { .. })).await
}

/// The Safe transaction of a plan, at its own nonce or at another.
fn hand_tx(stage: &Stage, plan: &Plan, nonce: Option<u64>) -> Result<SafeTx, DemoError> {
    let Path::Safe { safe, nonce: own, .. } = plan.route else {
        return Err(DemoError::Told { what: "the plan is not one of the Safe".into() });
    };
    SafeTx::for_batch(safe, stage.devnet.dao.safe.multi_send, &plan.calls, nonce.unwrap_or(own))
        .map_err(|error| DemoError::Told { what: error.to_string() })
}

/// Whether executing the plan's Safe transaction now reverts on chain.
pub async fn reverts(stage: &Stage, plan: &Plan) -> Result<bool, DemoError> {
    let tx = hand_tx(stage, plan, None)?;
    let sender = stage.devnet.dao.people.owners[0].address();
    refused(stage.devnet.execute(sender, &tx).await.map(drop))
}

/// The three people put the plan's calls at the Safe's next nonce, by hand; whether that reverts.
pub async fn by_hand_again(stage: &Stage, plan: &Plan) -> Result<bool, DemoError> {
    let tx = hand_tx(stage, plan, Some(stage.devnet.safe_nonce().await?))?;
    let hash = stage.devnet.safe_tx_hash(&tx);
    for owner in &stage.devnet.dao.people.owners {
        stage.devnet.approve(owner.address(), hash).await?;
    }
    refused(stage.devnet.execute(stage.devnet.dao.people.owners[0].address(), &tx).await.map(drop))
}

/// A refusal by the chain is what was asked for; any other failure is not.
fn refused(done: Result<(), DevnetError>) -> Result<bool, DemoError> {
    match done {
        Ok(()) => Ok(false),
        Err(DevnetError::Chain(error)) if error.revert_data().is_some() => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// The three people pay `amount` of `token` to a stranger by hand: no agent and no gate in between.
pub async fn pay_by_hand(stage: &Stage, token: Address, amount: Amount) -> Result<(), DemoError> {
    let to = stage.devnet.dao.people.stranger.address();
    call_by_hand(stage, token, &IERC20::transferCall { to, value: amount.to_u256() }).await
}

/// The three people have the Safe make this call by hand: no agent and no gate in between.
///
/// # Errors
/// If the call reverts.
pub async fn call_by_hand(stage: &Stage, to: Address, call: &impl SolCall) -> Result<(), DemoError> {
    let people = &stage.devnet.dao.people;
    let nonce = stage.devnet.safe_nonce().await?;
    let tx = SafeTx { to, value: Amount::ZERO, data: call.abi_encode().into(), operation: Operation::Call, nonce };
    let hash = stage.devnet.safe_tx_hash(&tx);
    for owner in &people.owners {
        stage.devnet.approve(owner.address(), hash).await?;
    }
    stage.devnet.execute(people.owners[0].address(), &tx).await?;
    Ok(())
}

/// How many owners have confirmed the plan's transaction on chain.
pub async fn confirmations(stage: &Stage, plan: &Plan) -> Result<usize, DemoError> {
    let Some(hash) = Stage::safe_tx_hash(plan) else { return Ok(0) };
    Ok(stage.devnet.approvers(hash).await?.len())
}

/// The next plan of the Safe: decisions an hour apart, each after another real day if `days`.
pub async fn next_plan(stage: &mut Stage, days: bool) -> Result<Plan, DemoError> {
    let safe = stage.devnet.dao.safe.account;
    plan_of(stage, days, safe).await
}

/// The next plan of this account, at the prices of now.
pub async fn next_plan_on(stage: &mut Stage, account: Address) -> Result<Plan, DemoError> {
    plan_of(stage, false, account).await
}

async fn plan_of(stage: &mut Stage, days: bool, account: Address) -> Result<Plan, DemoError> {
    let skip = stage.rows()?.len();
    for _ in 0..PLANS_WAIT {
        if days {
            stage.next_day().await?;
        }
        stage.next_decision().await?;
        let plan = stage.plans(skip)?.into_iter().find(|plan| plan.batch.address == account);
        if let Some(plan) = plan {
            return Ok(plan);
        }
    }
    Err(DemoError::Told { what: "the agent made no proposal for this account".into() })
}

/// The newest decision's bundle.
pub fn last_bundle(stage: &Stage) -> Result<Bundle, DemoError> {
    let name = stage.records(0)?.into_iter().rev().find_map(|record| match record {
        Record::Decided { bundle, .. } => Some(bundle),
        _ => None,
    });
    stage.bundle(&name.ok_or_else(|| DemoError::Told { what: "no decision was taken".into() })?)
}

/// The newest decision.
///
/// # Errors
/// If none was taken, or its bundle cannot be read.
pub fn last_decision(stage: &Stage) -> Result<Decision, DemoError> {
    Ok(last_bundle(stage)?.decision)
}

/// Whether every share lies within its band.
pub fn in_bands(decision: &Decision, policy: &VotedPolicy) -> bool {
    policy.terms().bands.iter().all(|band| {
        let weight = decision.weights_bps.get(band.asset.index()).copied().unwrap_or(0);
        (band.min_bps..=band.max_bps).contains(&weight)
    })
}

/// What a record says was signed.
pub fn signed_errand(record: &Record) -> Option<Errand> {
    match record {
        Record::Signed { errand, .. } => Some(*errand),
        _ => None,
    }
}

/// Whether two plans are for the same thing.
pub fn shares_key(one: &Plan, other: &Plan) -> bool {
    let keys = |plan: &Plan| plan.batch.items.iter().map(|item| item.entry.once_key).collect::<Vec<_>>();
    let others = keys(other);
    keys(one).iter().any(|key| others.contains(key))
}

/// The reason for which a plan is being withdrawn; none if it is not.
pub fn withdrawal(stage: &Stage, plan: &Plan) -> Result<Option<Reason>, DemoError> {
    Ok(stage.records(0)?.into_iter().find_map(|record| match record {
        Record::Happened { decision, event: Event::Withdraw { reason } } if decision == plan.id => Some(reason),
        _ => None,
    }))
}

/// Waits for the alarm of an agent with this journal.
pub async fn wait_for_alarm(journal: &FilePath) -> Option<String> {
    let begun = Instant::now();
    while begun.elapsed() < ALARM_WAIT {
        let rows = JournalReader::open(journal).and_then(|reader| reader.rows(1, 1_000)).unwrap_or_default();
        let alarm = rows.iter().find_map(|row| match row.decode::<Record>() {
            Ok(Record::Alarm { message }) => Some(message),
            _ => None,
        });
        if alarm.is_some() {
            return alarm;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}
