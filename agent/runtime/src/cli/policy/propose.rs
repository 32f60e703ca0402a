//! `policy propose`: the vote that puts a policy in force, shown before it is sent.

use super::super::{
    Exit, Failure, Output,
    args::{ImpactArgs, PolicyProposeArgs},
    backtest::write,
    person,
};
use super::impact::Impact;
use crate::{
    agent::{connect, find_policy},
    ballot::{Owner, Parts, Standing, Trial, builder_file, describe, proposal, standing, submission},
    chain::Chain,
    config::{Config, read_bounded},
    registry::{PolicyUri, active_at},
};
use alloy::{
    primitives::{Address, B256, U256, keccak256},
    rpc::types::BlockNumberOrTag,
    signers::local::PrivateKeySigner,
    sol_types::SolEvent,
};
use quaestor_contracts::bindings::IGovernor;
use quaestor_core::{Call, Catalog, Policy, Route, Terms};
use quaestor_policies::{
    FILE_BYTES_MAX, VotedPolicy,
    diff::{Diff, Effort},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Most bytes of a motivation.
const MOTIVATION_BYTES_MAX: u64 = 64 << 10;

pub(super) async fn run(args: &PolicyProposeArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    // What is written for the owners of a Safe is theirs to send.
    let is_sent = !args.dry_run && args.safe_tx.is_none();
    if is_sent && !args.yes && !person::is_asked() {
        let message = "nobody can be asked here; look at it with --dry-run, or say --yes";
        return Err(Failure::new(Exit::Usage, message));
    }
    let config = Config::load(&args.config.config)?;
    let new = super::read(&args.file, catalog)?;
    leads_to(&args.uri, &args.config.config, &new)?;
    let chain = connect(&config)?;
    fits(&new, &args.file, &config)?;
    let old = in_force(&chain, &config, catalog).await?;
    let signer = args.key().source().map(|source| source.open()).transpose()?;
    let proposer = signer.as_ref().map(PrivateKeySigner::address).or(args.proposer);
    let call = submission(config.contracts.registry, &new, &args.uri);
    let governors = governors(args.governor, &new, old.as_ref().map(|(policy, _)| policy));
    let chain_id = config.chain.chain_id;
    let found = standing(&chain, chain_id, &call, &governors, args.governor.is_some(), proposer).await;
    let found = found.map_err(|error| Failure::new(Exit::Chain, error))?;
    let ballot = Ballot::of(args, catalog, found, &new, old, proposer, call, output)?;
    if let Some(path) = &args.out {
        write(path, ballot.description.as_bytes())?;
    }
    ballot.tell(output)?;
    let hindrance = ballot.hindrance(args);
    if let (Some(why), false) = (&hindrance, args.dry_run) {
        return Err(Failure::new(Exit::Failed, why));
    }
    if let Some(path) = args.safe_tx.as_ref().filter(|_| hindrance.is_none()) {
        write(path, ballot.builder_file(&new)?.as_bytes())?;
    }
    let mut document = ballot.document(&new);
    document["hindrance"] = json!(hindrance);
    if is_sent {
        let signer = signer.ok_or_else(|| {
            Failure::new(Exit::Usage, "no key is named; write --key-env NAME, or --keystore FILE --password-env NAME")
        })?;
        let id = ballot.send(args, chain, chain_id, signer, output).await?;
        document["proposal_id"] = json!(id);
    } else if let Some(why) = &hindrance {
        output.warn(why);
    }
    output.document(&document)?;
    let would_fail = matches!(ballot.standing.trial, Trial::Reverts(_));
    Ok(if would_fail { Exit::Failed } else { Exit::Ok })
}

/// The URI is one that members and agents can follow; where it names a file that is here, beside the
/// configuration as an agent would look for it, it is this one.
fn leads_to(uri: &str, config: &Path, new: &VotedPolicy) -> Result<(), Failure> {
    let wrong = |why: String| Failure::new(Exit::Usage, format!("--uri {uri}: {why}"));
    let parsed = PolicyUri::parse(uri).map_err(|error| wrong(format!("it {error}; no agent could get the file")))?;
    if let PolicyUri::File(path) = parsed
        && let Ok(bytes) = read_bounded(
            &config.parent().unwrap_or(Path::new("")).join(path),
            u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX),
        )
        && keccak256(&bytes) != new.hash()
    {
        let found = keccak256(&bytes);
        return Err(wrong(format!("the file there has the hash {found}, and the one that is proposed {}", new.hash())));
    }
    Ok(())
}

/// A policy of this DAO that is not over.
fn fits(new: &VotedPolicy, file: &Path, config: &Config) -> Result<(), Failure> {
    let (terms, file) = (new.terms(), file.display());
    let wrong = |text: String| Err(Failure::new(Exit::Configuration, format!("{file}: {text}")));
    if terms.chain_id != config.chain.chain_id {
        let (found, expected) = (terms.chain_id, config.chain.chain_id);
        return wrong(format!("policy.chain is eip155:{found}, and the configuration is of chain {expected}"));
    }
    let ours = &config.contracts;
    for (key, found, expected) in [
        ("registry", terms.registry, ours.registry),
        ("brake", terms.brake, ours.brake),
        ("gate", terms.gate, ours.gate),
    ] {
        if found != expected {
            return wrong(format!(
                "policy.{key} is {found}, and the configuration has {expected}: the agent would not obey it"
            ));
        }
    }
    Ok(())
}

/// The policy in force and its file; `None` before the first one.
async fn in_force(
    chain: &Chain,
    config: &Config,
    catalog: &Catalog,
) -> Result<Option<(VotedPolicy, PathBuf)>, Failure> {
    chain.check_chain_id(config.chain.chain_id).await.map_err(person::chain_failed)?;
    let block = chain.block(BlockNumberOrTag::Latest).await.map_err(person::chain_failed)?;
    let active = active_at(chain, config.contracts.registry, block.hash).await.map_err(person::chain_failed)?;
    let Some(active) = active else { return Ok(None) };
    let candidates = config.files.policy_candidates().map_err(|error| Failure::new(Exit::Configuration, error))?;
    let Some((path, _)) = find_policy(&candidates, active.policyHash) else {
        let text = format!(
            "the policy in force, {} of epoch {}, is not among the files of the configuration; get it with `quaestor policy fetch`",
            active.policyHash, active.number
        );
        return Err(Failure::new(Exit::Configuration, text));
    };
    Ok(Some((super::read(&path, catalog)?, path)))
}

/// The one that was named, or those that the policies name.
fn governors(named: Option<Address>, new: &VotedPolicy, old: Option<&VotedPolicy>) -> Vec<Address> {
    let of = |terms: &Terms| {
        let governor = |route: &Route| match route {
            Route::Governor { governor, .. } => Some(*governor),
            Route::Safe => None,
        };
        terms.accounts.iter().filter_map(|account| governor(&account.route)).collect::<Vec<_>>()
    };
    match named {
        Some(governor) => vec![governor],
        None => [Some(new), old].into_iter().flatten().flat_map(|policy| of(policy.terms())).collect(),
    }
}

/// What is voted.
struct Ballot {
    standing: Standing,
    call: Call,
    description: String,
    proposer: Option<Address>,
    /// The diff, where something is in force.
    diff: Option<Diff>,
    findings: Option<Vec<String>>,
}

impl Ballot {
    #[expect(clippy::too_many_arguments, reason = "everything that a ballot is made of, once")]
    fn of(
        args: &PolicyProposeArgs,
        catalog: &Catalog,
        standing: Standing,
        new: &VotedPolicy,
        old: Option<(VotedPolicy, PathBuf)>,
        proposer: Option<Address>,
        call: Call,
        output: Output,
    ) -> Result<Self, Failure> {
        let is_governed = matches!(standing.owner, Owner::Governor { .. });
        if is_governed && proposer.is_none() {
            let text =
                "the description ends with who proposes; name a key, or with --dry-run the account: --proposer ADDRESS";
            return Err(Failure::new(Exit::Usage, text));
        }
        let motivation = args.motivation.as_deref().map(motivation).transpose()?;
        let diff = old.as_ref().map(|(old, _)| Diff::between(old, new, &Effort::default()));
        let specification = match &diff {
            Some(diff) => diff.markdown(),
            None => below(&new.explain(catalog).to_markdown()),
        };
        let impact = match (&old, args.world()) {
            (Some((_, path)), Some(world)) if args.data.is_some() => {
                let args = ImpactArgs {
                    old: path.clone(),
                    new: args.file.clone(),
                    world,
                    scenario: Vec::new(),
                    out: None,
                    json: args.json,
                };
                let found = Impact::of(&args, catalog, output)?;
                Some((found.findings()?, found.data_hash()?))
            }
            _ => None,
        };
        let epoch = standing.active.as_ref().map(|epoch| epoch.number);
        let commands = commands(args, old.as_ref().map(|(_, path)| path.as_path()).zip(epoch));
        let assumed = args.assume.as_deref().filter(|_| impact.is_some()).map(assumed).transpose()?;
        let findings = impact.as_ref().map(|(findings, _)| findings.clone());
        let description = describe(&Parts {
            standing: &standing,
            new,
            uri: &args.uri,
            motivation: motivation.as_deref(),
            specification: &specification,
            impact: impact.as_ref().map(|(findings, hash): &(Vec<String>, B256)| (findings.as_slice(), *hash)),
            commands: &commands,
            assumed: assumed.as_ref().map(|(name, text)| (name.as_str(), text.as_str())),
            proposer: proposer.filter(|_| is_governed),
        });
        Ok(Self { standing, call, description, proposer, diff, findings })
    }

    /// Why it cannot be sent, and what to do.
    fn hindrance(&self, args: &PolicyProposeArgs) -> Option<String> {
        if let Trial::Reverts(why) = &self.standing.trial {
            return Some(format!("the registry would refuse it: {why}"));
        }
        match &self.standing.owner {
            Owner::Governor { governor, .. } if args.safe_tx.is_some() => Some(format!(
                "the registry is owned by the timelock of the Governor {governor}, and by no Safe: leave out --safe-tx, and propose"
            )),
            Owner::Governor { .. } => {
                let proposer = self.standing.proposer?;
                (proposer.votes < proposer.votes_min).then(|| {
                    let (address, votes, least) = (proposer.address, proposer.votes, proposer.votes_min);
                    format!(
                        "{address} has {} votes and a proposer needs {}: propose with another account, or have votes delegated to it",
                        whole(votes),
                        whole(least)
                    )
                })
            }
            Owner::Safe { safe, .. } => (!args.dry_run && args.safe_tx.is_none()).then(|| {
                format!(
                    "the registry is owned by the Safe {safe}: write a file with --safe-tx FILE, and load it in Safe's Transaction \
                     Builder"
                )
            }),
            Owner::Other(owner) => Some(format!(
                "the registry is owned by {owner}, which is neither the timelock of a Governor that a policy names (or --governor) nor \
                 a Safe; have it make the call above"
            )),
        }
    }

    fn tell(&self, output: Output) -> Result<(), Failure> {
        let Standing { owner, trial, proposer, registry, .. } = &self.standing;
        output.line(&self.description)?;
        output.line("")?;
        output.line(format_args!("call       {registry} {}", self.call.data))?;
        output.line(format_args!(
            "owner      {}",
            match owner {
                Owner::Governor { governor, timelock, .. } => format!("timelock {timelock} of Governor {governor}"),
                Owner::Safe { safe, threshold, owners } => format!("Safe {safe}, {threshold} of {owners} owners"),
                Owner::Other(address) => address.to_string(),
            }
        ))?;
        output.line(format_args!(
            "trial      {}",
            match trial {
                Trial::Epoch(number) => format!("it runs now, and would be epoch {number}"),
                Trial::Reverts(why) => format!("it reverts: {why}"),
            }
        ))?;
        if let Some(proposer) = proposer {
            let (votes, least) = (whole(proposer.votes), whole(proposer.votes_min));
            output.line(format_args!("proposer   {}, {votes} votes of {least} needed", proposer.address))?;
        }
        Ok(())
    }

    fn builder_file(&self, new: &VotedPolicy) -> Result<String, Failure> {
        let Standing { chain_id, block, owner, .. } = &self.standing;
        let name = format!("{}: {}", new.terms().name, new.hash());
        let file = builder_file(*chain_id, owner.address(), &name, block.timestamp, &self.call);
        let text = serde_json::to_string_pretty(&file).map_err(|error| Failure::new(Exit::Internal, error))?;
        Ok(text + "\n")
    }

    fn document(&self, new: &VotedPolicy) -> Value {
        let Standing { chain_id, block, registry, owner, active, trial, .. } = &self.standing;
        let kind = match owner {
            Owner::Governor { governor, .. } => {
                json!({ "kind": "governor", "governor": governor, "timelock": owner.address() })
            }
            Owner::Safe { threshold, owners, .. } => {
                json!({ "kind": "safe", "safe": owner.address(), "threshold": threshold, "owners": owners })
            }
            Owner::Other(address) => json!({ "kind": "other", "address": address }),
        };
        json!({
            "ok": true,
            "chain_id": chain_id,
            "block": block,
            "registry": registry,
            "owner": kind,
            "policy_hash": new.hash(),
            "rest_hash": new.rest_hash(),
            "replaces": active.as_ref().map(|epoch| json!({ "epoch": epoch.number, "hash": epoch.policyHash })),
            "call": { "to": self.call.to, "value": self.call.value, "data": self.call.data },
            "trial": match trial {
                Trial::Epoch(number) => json!({ "epoch": number }),
                Trial::Reverts(why) => json!({ "reverts": why }),
            },
            "proposer": self.proposer,
            "description": self.description,
            "diff": self.diff,
            "findings": self.findings,
        })
    }

    /// Sends it; the id of the proposal.
    async fn send(
        &self,
        args: &PolicyProposeArgs,
        chain: Chain,
        chain_id: u64,
        signer: PrivateKeySigner,
        output: Output,
    ) -> Result<String, Failure> {
        let Owner::Governor { governor, .. } = &self.standing.owner else {
            return Err(Failure::new(Exit::Failed, "only a Governor takes proposals"));
        };
        if output.json && !args.yes {
            // The document comes at the end; whoever is asked must have seen the text before.
            eprintln!("{}", self.description);
        }
        if !args.yes && person::ask("Propose this? Type `yes`:")? != "yes" {
            return Err(Failure::new(Exit::Failed, "nothing was sent: you did not answer `yes`"));
        }
        let proposal = proposal(self.call.clone(), self.description.clone());
        let sender = person::sender(chain, chain_id, signer);
        let mined =
            sender.call(&proposal.propose(*governor)).await.map_err(|error| Failure::new(Exit::Chain, error))?;
        // A Governor may number its proposals otherwise than by their hash; the event says it.
        let created = mined.logs.iter().filter(|log| log.address() == *governor);
        let created = created.filter_map(|log| IGovernor::ProposalCreated::decode_log_data(log.data()).ok()).next();
        let id = created.map_or_else(|| U256::from_be_bytes(proposal.id().0), |event| event.proposalId);
        let name = format!("eip155:{chain_id}:{governor}?proposalId={id}");
        output.line(format_args!("proposed   {name}, in block {} ({})", mined.block.number, mined.tx))?;
        Ok(name)
    }
}

/// Its headings below a heading of the description.
fn below(markdown: &str) -> String {
    let line = |line: &str| if line.starts_with('#') { format!("##{line}\n") } else { format!("{line}\n") };
    markdown.lines().map(line).collect()
}

/// Votes have eighteen places nearly everywhere; whole ones are for people.
fn whole(votes: U256) -> String {
    (votes / U256::from(quaestor_core::amount::WAD)).to_string()
}

fn motivation(path: &Path) -> Result<String, Failure> {
    let failed = |why: &dyn std::fmt::Display| Failure::new(Exit::Configuration, format!("{}: {why}", path.display()));
    let bytes = read_bounded(path, MOTIVATION_BYTES_MAX).map_err(|error| failed(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| failed(&"is no text; save it as UTF-8"))?;
    if text.contains("#proposer=") {
        return Err(failed(
            &"names a proposer (`#proposer=`), which only the end of the description may; leave it out",
        ));
    }
    Ok(text)
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| "policy.toml".into(), |it| it.to_string_lossy().into_owned())
}

/// The name of the file of assumptions, and what it says.
fn assumed(path: &Path) -> Result<(String, String), Failure> {
    let failed = |why: &dyn std::fmt::Display| Failure::new(Exit::Configuration, format!("{}: {why}", path.display()));
    let bytes = read_bounded(path, MOTIVATION_BYTES_MAX).map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map(|text| (name(path), text)).map_err(|error| failed(&error))
}

/// How anyone recomputes what is said, from files that they name as they like.
fn commands(args: &PolicyProposeArgs, old: Option<(&Path, u64)>) -> Vec<String> {
    let new = name(&args.file);
    let mut found = vec![format!("quaestor policy hash {new}"), format!("quaestor policy explain {new}")];
    if let Some((old, epoch)) = old {
        let old = name(old);
        let old = if old == new { format!("in-force-{old}") } else { old };
        found.push(format!("quaestor policy fetch --config agent.toml --epoch {epoch} --out {old}"));
        found.push(format!("quaestor policy diff {old} {new}"));
        if args.data.is_some() {
            found.push(format!("quaestor policy impact {old} {new} {}", args.world_words()));
        }
    }
    found
}
