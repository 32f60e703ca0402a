//! A decision point: snapshot and history at one block, the model in force, everything outstanding judged again, a
//! decision, its bundle.

use super::{
    Agent, AgentError, BUNDLE_VERSION, Bundle, BundleContracts, Moment,
    bundle::{bundle_earlier, bundle_reads, decision_hash},
    policy_files::InForce,
    record::Record,
};
use crate::{
    chain::{Observation, observe},
    risk::Choice,
};
use alloy::primitives::B256;
use quaestor_contracts::{
    PolicyCodec,
    explain::{explain_hold, explain_refusal, line_name, plain},
    utc::Utc,
};
use quaestor_core::{BlockRef, Decision, History, Hold, Inputs, Policy, Terms, Verdict, pipeline};

/// What was observed at a decision point.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) observation: Observation,
    pub(super) history: History,
}

impl Agent {
    /// Observes at `block` under the policy in force.
    pub(super) async fn scene(
        &mut self,
        held: &InForce,
        block: BlockRef,
        moment: &Moment,
    ) -> Result<Scene, AgentError> {
        let terms = held.policy.terms();
        let observation = observe(&self.chain, terms, &self.contracts, block).await?;
        let codec = PolicyCodec::new(terms);
        let history = self.history.read(&self.chain, terms, &codec, block, moment.finalised.number).await?;
        Ok(Scene { observation, history })
    }

    /// Takes the decision at `block` and proposes what it allows.
    pub(super) async fn decide(&mut self, block: BlockRef, moment: &Moment) -> Result<(), AgentError> {
        let Some(held) = self.in_force.clone() else { return Ok(()) };
        self.decide_under(&held, block, moment).await
    }

    async fn decide_under(&mut self, held: &InForce, block: BlockRef, moment: &Moment) -> Result<(), AgentError> {
        let scene = self.scene(held, block, moment).await?;
        let choice = self.model_at(held, block)?;
        self.judge_outstanding(held, &scene, &choice, moment).await?;
        // Without a model that the policy allows nothing is decided; that was told.
        let Some(model) = choice.model() else { return Ok(()) };
        let inputs = Inputs {
            snapshot: &scene.observation.snapshot,
            history: &scene.history,
            policy: &held.policy,
            strategies: held.policy.strategies(),
            model,
        };
        let decision = pipeline::decide(&inputs);
        let (mut plans, mut proposals) = (Vec::new(), Vec::new());
        for batch in &decision.batches {
            if let Some((plan, proposal, cleared)) = self.preflight(held, &inputs, &decision, batch, moment).await? {
                plans.push((plan, cleared));
                proposals.push(proposal);
            }
        }
        let bundle = Bundle {
            quaestor_bundle: BUNDLE_VERSION,
            program: env!("CARGO_PKG_VERSION").into(),
            contracts: BundleContracts {
                registry: self.contracts.registry,
                brake: self.contracts.brake,
                gate: self.contracts.gate,
                multisend: self.config.contracts.multisend_call_only,
            },
            policy: held.text.clone(),
            model: model.words(),
            reads: bundle_reads(&scene.observation.readings),
            earlier: bundle_earlier(scene.observation.earlier.as_ref()),
            snapshot: scene.observation.snapshot.clone(),
            history: scene.history.clone(),
            decision: decision.clone(),
            proposals,
        };
        let folder = self.config.files.bundles.clone();
        let failed = |source| AgentError::Bundle { folder: folder.display().to_string(), source };
        let name = bundle.publish(&folder).map_err(failed)?;
        let allowed = decision.judged.iter().filter(|judged| judged.verdict.is_allowed()).count();
        let refused = decision.judged.len() - allowed;
        let hash = decision_hash(&decision);
        tell_decision(held.policy.terms(), &decision, hash, &name, allowed, refused);
        let cleared = plans.len();
        self.record(&Record::Decided { block, hash, bundle: name, allowed, refused, cleared })?;
        self.propose(held.policy.terms(), plans).await
    }

    /// Judges and simulates again what waits; what fails is withdrawn.
    async fn judge_outstanding(
        &mut self,
        held: &InForce,
        scene: &Scene,
        choice: &Choice,
        moment: &Moment,
    ) -> Result<(), AgentError> {
        for id in self.book.waiting() {
            let Some(plan) = self.book.entries.get(&id).map(|entry| entry.plan.clone()) else { continue };
            if let Err(receipt) = self.clear_at(held, scene, choice, &plan, moment).await? {
                self.unfit(id, receipt)?;
            }
        }
        Ok(())
    }
}

fn tell_decision(terms: &Terms, decision: &Decision, hash: B256, bundle: &str, allowed: usize, refused: usize) {
    let nav_usd = decision.nav.display();
    let block = decision.block.number;
    tracing::info!(block, epoch = decision.epoch, %nav_usd, allowed, refused, %hash, bundle, "decided");
    if decision.block.timestamp >= terms.review_at {
        tracing::warn!(block, "the members meant to look at the policy again by {}", Utc(terms.review_at));
    }
    for hold in &decision.holds {
        match hold {
            Hold::Rule { receipt } => {
                tracing::warn!(block, "holding: {}", explain_refusal(terms, receipt));
            }
            Hold::Strategy { line, reason } => {
                tracing::info!(block, "strategy {} holds: {}", line_name(terms, *line), explain_hold(*reason));
            }
        }
    }
    for judged in &decision.judged {
        if let Verdict::Refused(receipt) = &judged.verdict {
            let strategy = line_name(terms, judged.intent.purpose.line());
            let asset = terms.asset(judged.intent.asset).map_or_else(String::new, |asset| plain(&asset.symbol));
            let why = explain_refusal(terms, receipt);
            tracing::warn!(block, "an intent of strategy {strategy} with {asset} is refused: {why}");
        }
    }
}
