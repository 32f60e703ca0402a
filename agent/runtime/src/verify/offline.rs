//! What can be recomputed without a node: everything from the answers that were read to the hashes that people approve.

use super::{Difference, Report};
use crate::{
    agent::{Bundle, BundleProposal, Path, route_of},
    chain::{Read, assemble, earlier_number, rate_reads, reads_of},
    risk::{Admission, Model, admit},
};
use alloy::primitives::{B256, keccak256};
use quaestor_contracts::PolicyCodec;
use quaestor_core::{
    Batch, Call, Catalog, Decision, Inputs, Policy,
    action::encode_batch,
    gate::{self, Evidence},
    pipeline,
    snapshot::Anchor,
};
use quaestor_policies::VotedPolicy;
use serde::Serialize;
use std::collections::BTreeSet;

/// A batch of the recomputed decision as it should have been proposed.
#[derive(Serialize)]
struct Expected<'a> {
    decision: B256,
    calls: Vec<Call>,
    route: Path,
    #[serde(skip)]
    batch: &'a Batch,
}

/// Recomputes `bundle` and returns its policy, if that can be read.
pub(super) fn recompute(bundle: &Bundle, catalog: &Catalog, report: &mut Report) -> Option<VotedPolicy> {
    let hash = keccak256(&bundle.policy);
    let named = Difference::first("/decision/policy", &hash, &bundle.decision.policy)
        .or_else(|| Difference::first("/snapshot/anchor/policy_hash", &hash, &bundle.snapshot.anchor.policy_hash));
    report.recomputed("the policy's text has the hash that the decision names and the registry anchors", named);
    let policy = match quaestor_policies::parse(bundle.policy.as_bytes(), catalog) {
        Ok(policy) => policy,
        Err(problems) => {
            let readable = "a policy that this program reads";
            report.recomputed(
                "the policy is understood",
                Some(Difference::new("/policy", readable, problems.to_string())),
            );
            report.not_checked("the decision", "it cannot be recomputed without the policy");
            return None;
        }
    };
    report.recomputed("the policy is understood", None);
    check_names(bundle, &policy, report);
    check_snapshot(bundle, &policy, report);
    let Some(model) = check_model(bundle, &policy, report) else {
        report.not_checked("the decision", "it cannot be recomputed without the risk model");
        return Some(policy);
    };
    let inputs = Inputs {
        snapshot: &bundle.snapshot,
        history: &bundle.history,
        policy: &policy,
        strategies: policy.strategies(),
        model: &model,
    };
    let decision = pipeline::decide(&inputs);
    let same = decision.canonical_bytes() == bundle.decision.canonical_bytes();
    let what = "snapshot, history, policy and model give the decision, byte for byte";
    report.recomputed(what, if same { None } else { Difference::first("/decision", &decision, &bundle.decision) });
    check_proposals(bundle, &policy, &inputs, &decision, report);
    Some(policy)
}

fn check_names(bundle: &Bundle, policy: &VotedPolicy, report: &mut Report) {
    let (terms, contracts) = (policy.terms(), bundle.contracts);
    let own = Difference::first("/contracts/registry", &terms.registry, &contracts.registry)
        .or_else(|| Difference::first("/contracts/brake", &terms.brake, &contracts.brake))
        .or_else(|| Difference::first("/contracts/gate", &terms.gate, &contracts.gate))
        .or_else(|| Difference::first("/snapshot/chain_id", &terms.chain_id, &bundle.snapshot.chain_id));
    report.recomputed("chain, registry, brake and gate are those of the policy", own);
}

fn check_snapshot(bundle: &Bundle, policy: &VotedPolicy, report: &mut Report) {
    let (terms, contracts, readings) = (policy.terms(), bundle.contracts(), bundle.readings());
    let asked: Vec<Read> = reads_of(terms, &contracts, &readings).into_iter().collect();
    let found: Vec<&Read> = bundle.reads.iter().map(|it| &it.read).collect();
    report.recomputed("the reads are those that the policy calls for", Difference::first("/reads", &asked, &found));
    check_earlier(bundle, policy, report);
    let what = "the answers mean what the snapshot says";
    let code = bundle.snapshot.code.clone();
    match assemble(terms, &contracts, bundle.snapshot.block, &readings, bundle.earlier().as_ref(), code) {
        Ok(snapshot) => report.recomputed(what, Difference::first("/snapshot", &snapshot, &bundle.snapshot)),
        Err(error) => report.recomputed(what, Some(Difference::new("/reads", "a whole snapshot", error.to_string()))),
    }
}

/// What was read of the past, if anything was.
fn check_earlier(bundle: &Bundle, policy: &VotedPolicy, report: &mut Report) {
    let Some(earlier) = &bundle.earlier else { return };
    let (terms, found) = (policy.terms(), earlier.reads.iter().map(|it| &it.read).collect::<Vec<_>>());
    let asked: Vec<Read> = rate_reads(terms).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let number = earlier_number(terms, bundle.snapshot.block);
    let differs = Difference::first("/earlier/block/number", &number, &Some(earlier.block.number))
        .or_else(|| Difference::first("/earlier/reads", &asked, &found));
    report.recomputed("the reads of the past are those that the policy calls for", differs);
}

/// The model of the bundle, whatever it is; that it is the decision's, and one with which the policy lets decide, is
/// reported.
fn check_model(bundle: &Bundle, policy: &VotedPolicy, report: &mut Report) -> Option<Model> {
    let what = "the risk model has the hash that the decision names";
    let model = match Model::from_words(&bundle.model) {
        Ok(model) => model,
        Err(error) => {
            let known = "a risk model that this program knows";
            report.recomputed(what, Some(Difference::new("/model", known, error.to_string())));
            return None;
        }
    };
    let hash = quaestor_core::RiskModel::hash(&model);
    report.recomputed(what, Difference::first("/decision/model", &hash, &bundle.decision.model));
    let risk = &policy.terms().risk;
    let admitted = admit(risk, &model, bundle.snapshot.block.timestamp);
    let refused = admitted.as_ref().err();
    let refused = refused.map(|why| Difference::new("/model", &risk.model, why.to_string()));
    report.recomputed("the policy lets this model forecast", refused);
    match admitted {
        Ok(Admission::Trained) => report.not_checked(
            "the model was the newest one with a good enough score",
            "scores stand in the cards of its operator's models alone",
        ),
        Ok(Admission::Fallback) => report.not_checked(
            "the model that the policy names could not be used",
            "what its operator had stands in its journal alone",
        ),
        Ok(Admission::Named) | Err(_) => {}
    }
    Some(model)
}

fn check_proposals(
    bundle: &Bundle,
    policy: &VotedPolicy,
    inputs: &Inputs<'_>,
    decision: &Decision,
    report: &mut Report,
) {
    let mut expected = expected(bundle, policy, decision, report);
    for (index, proposal) in bundle.proposals.iter().enumerate() {
        let at = format!("/proposals/{index}");
        // The batch that it most likely is, so that what differs is named and not only that something does.
        let likely = expected
            .iter()
            .position(|it| it.decision == proposal.decision)
            .or_else(|| expected.iter().position(|it| it.calls == proposal.calls))
            .or_else(|| expected.iter().position(|it| it.route == proposal.route))
            .or(if expected.is_empty() { None } else { Some(0) });
        let what = format!("proposal {}: calls, entry, hashes and text are those of a batch", index + 1);
        let Some(position) = likely else {
            report.recomputed(what, Some(Difference::new(at, "no more proposals than batches", proposal.decision)));
            continue;
        };
        let batch = expected.swap_remove(position);
        report.recomputed(what, proposal_difference(&at, &batch, proposal));
        let cleared = cleared(bundle, policy, inputs, decision, batch.batch, proposal);
        let refused = cleared.err().map(|receipt| Difference::new(at, "cleared", receipt));
        report.recomputed(format!("proposal {}: the gate clears it with its dry run", index + 1), refused);
    }
    for left in expected {
        let why = "why an allowed batch was not proposed stands in its operator's journal alone";
        report.not_checked(format!("the batch of {} has no proposal", left.batch.address), why);
    }
}

fn expected<'a>(
    bundle: &Bundle,
    policy: &VotedPolicy,
    decision: &'a Decision,
    report: &mut Report,
) -> Vec<Expected<'a>> {
    let (terms, codec) = (policy.terms(), PolicyCodec::new(policy.terms()));
    let mut all = Vec::with_capacity(decision.batches.len());
    for batch in &decision.batches {
        let encoded = encode_batch(&codec, decision, batch).ok();
        let route = encoded.and_then(|calls| {
            let route = route_of(terms, bundle.contracts.multisend, decision, batch, &calls)?;
            Some((calls, route))
        });
        match route {
            Some((calls, route)) => {
                let id = batch.entry(decision, calls.get(1..).unwrap_or_default()).decision;
                all.push(Expected { decision: id, calls, route, batch });
            }
            None => report.not_checked(
                format!("the proposal of {}", batch.address),
                "its batch has no form that can be proposed",
            ),
        }
    }
    all
}

fn proposal_difference(at: &str, batch: &Expected<'_>, proposal: &BundleProposal) -> Option<Difference> {
    #[derive(Serialize)]
    struct Found<'a> {
        decision: B256,
        calls: &'a [Call],
        route: &'a Path,
    }
    let BundleProposal { decision, calls, route, dry_run } = proposal;
    Difference::first(at, batch, &Found { decision: *decision, calls, route })
        .or_else(|| Difference::first(&format!("{at}/dry_run/calls"), &batch.calls, &dry_run.calls))
}

/// Clears the batch as the agent did, with the brake and the registry as the snapshot has them.
fn cleared(
    bundle: &Bundle,
    policy: &VotedPolicy,
    inputs: &Inputs<'_>,
    decision: &Decision,
    batch: &Batch,
    proposal: &BundleProposal,
) -> Result<(), serde_json::Value> {
    if proposal.dry_run.block != bundle.snapshot.block {
        return Err(serde_json::json!({ "dry_run_block": proposal.dry_run.block }));
    }
    let Anchor { epoch, policy_hash } = bundle.snapshot.anchor;
    let evidence = Evidence {
        anchor_finalised: Anchor { epoch, policy_hash },
        brake: bundle.snapshot.brake,
        calls: &proposal.calls,
        dry_run: &proposal.dry_run,
        codec: &PolicyCodec::new(policy.terms()),
    };
    match gate::clear(inputs, decision, batch, &evidence) {
        Ok(_) => Ok(()),
        Err(receipt) => Err(serde_json::to_value(receipt).unwrap_or_default()),
    }
}
