//! Preflight, the gate, and the operator's transactions: written down, signed, written down, sent.

use super::{
    Agent, AgentError, BundleProposal, Moment,
    bundle::bundle_name,
    decide::Scene,
    errand::{batch_call, read_route, revocation, tidying, withdrawal_call},
    first_failure,
    policy_files::InForce,
    record::{Entry, Path, Plan, Record},
    route::{Rehearsal, rehearse, route_of},
};
use crate::{
    chain::{self, ChainError, TxFate, read_anchor},
    risk::Choice,
};
use alloy::{
    primitives::{Address, B256},
    rpc::types::BlockNumberOrTag,
};
use quaestor_contracts::{PolicyCodec, explain};
use quaestor_core::{
    Batch, BlockRef, Codec, Decision, Inputs, Policy, Refusal, Route, Rule, Terms, Value,
    action::encode_batch,
    gate::{self, Cleared, DryRun, DryRunOutcome, Evidence, Withdrawal},
    lifecycle::{Errand, Event, Progress, Reason, State},
    snapshot::Control,
    verdict::Quantity,
    waiting::{Waiting, withheld},
};

/// After so many blocks without being included, the same bytes are offered again; a withdrawal is signed anew with higher
/// fees, and so is anything else if gas costs more by now.
const RESEND_AFTER_BLOCKS: u64 = 8;
/// Most transactions that are signed for one proposal while fees rise; after that the last one is offered again.
const SIGNED_MAX: usize = 24;

/// What may leave: nothing else is prepared, signed or sent.
enum Pass<'a> {
    Batch(&'a Cleared<Batch>),
    Withdrawal(&'a Cleared<Withdrawal>),
}

impl Agent {
    /// The plan of an allowed batch, after a dry run and the gate; `None` when it is withheld.
    pub(super) async fn preflight(
        &mut self,
        held: &InForce,
        inputs: &Inputs<'_>,
        decision: &Decision,
        batch: &Batch,
        moment: &Moment,
    ) -> Result<Option<(Plan, BundleProposal, Cleared<Batch>)>, AgentError> {
        let terms = held.policy.terms();
        if let Some(reason) = self.withhold_reason(terms, inputs, decision.nav, batch) {
            let (account, block) = (batch.address, decision.block);
            self.withheld(account, block, reason)?;
            return Ok(None);
        }
        let codec = PolicyCodec::new(terms);
        let Ok(calls) = encode_batch(&codec, decision, batch) else {
            self.alarm("an allowed batch cannot be encoded; this is a defect, please report it".into())?;
            return Ok(None);
        };
        let id = batch.entry(decision, calls.get(1..).unwrap_or_default()).decision;
        let multisend = self.config.contracts.multisend_call_only;
        let Some(route) = route_of(terms, multisend, decision, batch, &calls) else {
            self.alarm("a batch has no form for its route; this is a defect, please report it".into())?;
            return Ok(None);
        };
        let plan =
            Plan { id, decision: decision.clone(), batch: batch.clone(), calls, route, bundle: bundle_name(decision) };
        let dry_run = self.dry_run(terms, &plan, &inputs.snapshot.accounts, inputs.snapshot.block).await?;
        let cleared = match self.clear(inputs, &plan, &dry_run, &codec, moment).await? {
            Ok(cleared) => cleared,
            Err(receipt) => {
                let mut reason = format!("the gate refused it: {}", explain::explain_refusal(terms, &receipt));
                if let DryRunOutcome::Reverted { reason: words } = &dry_run.outcome {
                    reason = format!("{reason}: {words}");
                }
                let (account, block) = (batch.address, decision.block);
                self.withheld(account, block, reason)?;
                return Ok(None);
            }
        };
        self.withheld.remove(&batch.address);
        let proposal = BundleProposal { decision: id, calls: plan.calls.clone(), route: plan.route.clone(), dry_run };
        Ok(Some((plan, proposal, cleared)))
    }

    /// Written down, once for the same reason until another comes.
    fn withheld(&mut self, account: Address, block: BlockRef, reason: String) -> Result<(), AgentError> {
        if self.withheld.get(&account) == Some(&reason) {
            return Ok(());
        }
        tracing::info!(%account, reason, "withheld");
        self.withheld.insert(account, reason.clone());
        self.record(&Record::Withheld { account, block, reason })?;
        Ok(())
    }

    /// Writes all plans down, then sends the first transaction of each: one that cannot be sent loses no other.
    pub(super) async fn propose(
        &mut self,
        terms: &Terms,
        plans: Vec<(Plan, Cleared<Batch>)>,
    ) -> Result<(), AgentError> {
        let mut planned = Vec::with_capacity(plans.len());
        for (plan, cleared) in plans {
            self.tell_plan(terms, &plan);
            planned.push((plan.id, cleared));
            self.record(&Record::Planned(Box::new(plan)))?;
        }
        let mut outcome = Ok(());
        for (id, cleared) in planned {
            let done = self.run_errand(id, Errand::Propose, Pass::Batch(&cleared)).await;
            outcome = first_failure(outcome, done)?;
        }
        outcome
    }

    fn tell_plan(&self, terms: &Terms, plan: &Plan) {
        for line in explain::explain_batch(terms, &plan.calls).lines() {
            tracing::info!(decision = %plan.id, "{line}");
        }
        if let Path::Safe { safe_tx_hash, .. } = &plan.route {
            let bundle = self.config.files.bundles.join(&plan.bundle);
            let bundle = bundle.display();
            tracing::info!(decision = %plan.id, "owners look at it with: quaestor safe confirm {safe_tx_hash} --bundle {bundle}");
        }
    }

    fn withhold_reason(&self, terms: &Terms, inputs: &Inputs<'_>, nav: Value, batch: &Batch) -> Option<String> {
        let waiting = self.book.entries.values().filter(|entry| entry.proposal.may_run());
        let waiting = waiting.map(|entry| Waiting::of(terms, entry.plan.id, &entry.plan.batch));
        let now = inputs.snapshot.block.timestamp;
        if let Some(reason) = withheld(terms, inputs.history, now, nav, waiting, &Waiting::of(terms, B256::ZERO, batch))
        {
            return Some(reason.to_string());
        }
        if !inputs.snapshot.operators.contains(&self.operator) {
            return Some(format!("the brake no longer lists {} as an operator", self.operator));
        }
        let account = terms.account(batch.account)?;
        let reading = inputs.snapshot.accounts.get(batch.account.index())?;
        match (&account.route, &reading.control) {
            (Route::Governor { proposer, .. }, _) if *proposer != self.operator => {
                Some(format!("the policy lets only operator {proposer} propose for it"))
            }
            (Route::Safe, Control::Safe { owners, .. }) if !owners.contains(&self.operator) => {
                Some(format!("operator {} is not an owner of the Safe", self.operator))
            }
            _ => None,
        }
    }

    async fn dry_run(
        &self,
        terms: &Terms,
        plan: &Plan,
        accounts: &[quaestor_core::snapshot::AccountReading],
        block: BlockRef,
    ) -> Result<DryRun, ChainError> {
        let rehearsal = Rehearsal {
            terms,
            multisend: self.config.contracts.multisend_call_only,
            account: plan.batch.address,
            control: accounts.get(plan.batch.account.index()).map(|account| &account.control),
            route: &plan.route,
            calls: &plan.calls,
            block,
        };
        rehearse(&self.chain, &rehearsal).await
    }

    async fn clear(
        &self,
        inputs: &Inputs<'_>,
        plan: &Plan,
        dry_run: &DryRun,
        codec: &dyn Codec,
        moment: &Moment,
    ) -> Result<Result<Cleared<Batch>, Refusal>, AgentError> {
        let anchor_finalised = read_anchor(&self.chain, self.contracts.registry, moment.finalised.hash).await?;
        let brake = self.newest_brake().await?;
        let evidence = Evidence { anchor_finalised, brake, calls: &plan.calls, dry_run, codec };
        Ok(gate::clear(inputs, &plan.decision, &plan.batch, &evidence))
    }

    /// Clears a plan anew on what `scene` shows, with the model in force there. What another model decided, or what no
    /// model can judge, is refused.
    pub(super) async fn clear_at(
        &self,
        held: &InForce,
        scene: &Scene,
        choice: &Choice,
        plan: &Plan,
        moment: &Moment,
    ) -> Result<Result<Cleared<Batch>, Refusal>, AgentError> {
        let terms = held.policy.terms();
        let snapshot = &scene.observation.snapshot;
        let Some(model) = choice.model() else {
            let decided_with = Quantity::Hash(plan.decision.model);
            let (block, policy) = (snapshot.block, held.policy.hash());
            return Ok(Err(Refusal::new(Rule::ModelInForce, Quantity::None, decided_with, block, policy)));
        };
        let inputs = Inputs {
            snapshot,
            history: &scene.history,
            policy: &held.policy,
            strategies: held.policy.strategies(),
            model,
        };
        let dry_run = self.dry_run(terms, plan, &snapshot.accounts, snapshot.block).await?;
        self.clear(&inputs, plan, &dry_run, &PolicyCodec::new(terms), moment).await
    }

    /// Does what each proposal wants next, and offers bytes again that may never have arrived. Withdrawals come first,
    /// and what fails for one proposal keeps no other from its turn; the first failure is returned.
    pub(super) async fn drive(&mut self, moment: &Moment) -> Result<(), AgentError> {
        let withdrawing = |entry: &Entry| matches!(entry.proposal.state, State::Withdrawing { .. });
        let mut turns: Vec<(bool, B256)> =
            self.book.entries.iter().map(|(id, entry)| (!withdrawing(entry), *id)).collect();
        turns.sort_unstable();
        let mut outcome = Ok(());
        for (_, id) in turns {
            outcome = first_failure(outcome, self.drive_one(id, moment).await)?;
        }
        outcome
    }

    async fn drive_one(&mut self, id: B256, moment: &Moment) -> Result<(), AgentError> {
        let Some(entry) = self.book.entries.get(&id) else { return Ok(()) };
        match (entry.proposal.flight, entry.proposal.wants()) {
            // It ran: what is under way is only followed.
            _ if matches!(entry.proposal.state, State::Executed { .. }) => Ok(()),
            (Some(_), _) if self.must_revoke(id) => self.withdraw(id, Errand::Revoke, moment).await,
            (Some(flight), _) => self.offer_again(id, flight.errand, flight.progress, moment).await,
            (None, Some(errand @ (Errand::Revoke | Errand::Tidy))) => self.withdraw(id, errand, moment).await,
            (None, Some(errand)) => self.run_batch_errand(id, errand, moment).await,
            (None, None) => Ok(()),
        }
    }

    /// Withdraws what was judged again and failed; holds it back when nothing at all may leave now.
    pub(super) fn unfit(&mut self, id: B256, receipt: Refusal) -> Result<(), AgentError> {
        if receipt.is_passing() {
            self.held_back = true;
            tracing::warn!(decision = %id, "held back for now by {}", explain::rule_key(receipt.rule));
            return Ok(());
        }
        self.happened(id, Event::Withdraw { reason: Reason::Unfit { receipt } })
    }

    /// Judges what waits as soon as the brake or the lease no longer holds it back: from then on people can execute it.
    pub(super) async fn judge_held_back(&mut self, moment: &Moment) -> Result<(), AgentError> {
        if !self.held_back || !moment.brake.is_released() {
            return Ok(());
        }
        self.held_back = false;
        for id in self.book.waiting() {
            match self.cleared_now(id, moment).await {
                Ok(Some(Err(receipt))) => self.unfit(id, receipt)?,
                Ok(Some(Ok(_))) => {}
                Ok(None) => self.held_back = true,
                Err(error) => {
                    self.held_back = true;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Whether a withdrawal must take the place of a transaction under way.
    fn must_revoke(&self, id: B256) -> bool {
        let Some(entry) = self.book.entries.get(&id) else { return false };
        let withdrawing = matches!(entry.proposal.state, State::Withdrawing { revoked: false, .. });
        let other = entry.proposal.flight.is_some_and(|flight| !matches!(flight.errand, Errand::Revoke | Errand::Tidy));
        withdrawing && other
    }

    async fn run_batch_errand(&mut self, id: B256, errand: Errand, moment: &Moment) -> Result<(), AgentError> {
        match self.cleared_now(id, moment).await? {
            Some(Ok(cleared)) => self.run_errand(id, errand, Pass::Batch(&cleared)).await,
            Some(Err(receipt)) => self.unfit(id, receipt),
            None => Ok(()),
        }
    }

    /// Clears a proposal anew at the newest block that is deep enough; `None` while no policy is in force.
    async fn cleared_now(
        &mut self,
        id: B256,
        moment: &Moment,
    ) -> Result<Option<Result<Cleared<Batch>, Refusal>>, AgentError> {
        let Some(plan) = self.book.entries.get(&id).map(|entry| entry.plan.clone()) else { return Ok(None) };
        let Some(held) = self.in_force.clone() else { return Ok(None) };
        let depth = moment.head.number.saturating_sub(self.config.chain.confirmations);
        let block = self.chain.block(BlockNumberOrTag::Number(depth.max(plan.decision.block.number))).await?;
        let scene = self.scene(&held, block, moment).await?;
        let choice = self.model_at(&held, block)?;
        self.clear_at(&held, &scene, &choice, &plan, moment).await.map(Some)
    }

    async fn withdraw(&mut self, id: B256, errand: Errand, moment: &Moment) -> Result<(), AgentError> {
        match self.withdrawal(id, errand, moment).await? {
            Some(cleared) => self.run_errand(id, errand, Pass::Withdrawal(&cleared)).await,
            None => self.happened(id, Event::NothingToTidy),
        }
    }

    /// The revocation of a proposal, or what tidies up after it; `None` when nothing can.
    async fn withdrawal(
        &self,
        id: B256,
        errand: Errand,
        moment: &Moment,
    ) -> Result<Option<Cleared<Withdrawal>>, AgentError> {
        let Some(plan) = self.book.entries.get(&id).map(|entry| &entry.plan) else { return Ok(None) };
        let withdrawal = if errand == Errand::Revoke {
            Some(revocation(plan))
        } else {
            tidying(plan, &read_route(&self.chain, self.contracts.gate, plan, moment.head).await?)
        };
        Ok(withdrawal.map(|withdrawal| gate::clear_withdrawal(withdrawal, &moment.brake)))
    }

    /// Prepare, write down, sign, write down, send, write down. The brake is read before the signature and again before
    /// the bytes leave.
    async fn run_errand(&mut self, id: B256, errand: Errand, pass: Pass<'_>) -> Result<(), AgentError> {
        let Some(entry) = self.book.entries.get(&id) else { return Ok(()) };
        let Some(replaced) = self.may_take_nonce(id, &pass) else { return Ok(()) };
        let (multisend, chain_id) = (self.config.contracts.multisend_call_only, self.config.chain.chain_id);
        let call = match &pass {
            Pass::Batch(cleared) => batch_call(cleared, &entry.plan.route, errand, multisend, chain_id),
            Pass::Withdrawal(cleared) => Some(withdrawal_call(cleared.item(), self.contracts.gate, chain_id)),
        };
        let Some(call) = call else { return Ok(()) };
        let unsigned = match chain::prepare(&self.chain, chain_id, self.operator, call, replaced.as_ref()).await {
            Err(error) if error.is_revert() => {
                let what = explain::explain_errand(errand);
                return self.alarm(format!("the transaction {what} ({id}) would revert, so it is not sent: {error}"));
            }
            prepared => prepared?,
        };
        if !self.may_leave(&pass).await? {
            return Ok(());
        }
        self.record(&Record::Prepared { decision: id, errand, unsigned: unsigned.clone() })?;
        let tx = match chain::sign(&self.signer, &unsigned) {
            Ok(tx) => tx,
            Err(error) => return self.alarm(format!("the operator's key cannot sign: {error}")),
        };
        let effects = self.record(&Record::Signed { decision: id, errand, tx: tx.clone() })?;
        self.tell(&effects);
        self.offer(id, &tx, &pass).await
    }

    /// The operator has one transaction on the way to a block at a time, so that no two contend for a nonce: `None` while
    /// another one is. Only a withdrawal takes the place of one, of its own proposal or of another, with higher fees; one
    /// that is replaced fails finally and leaves nothing behind.
    fn may_take_nonce(&self, id: B256, pass: &Pass<'_>) -> Option<Option<chain::Unsigned>> {
        let waits = |entry: &&Entry| {
            entry.proposal.flight.is_some_and(|flight| !matches!(flight.progress, Progress::Included(_)))
        };
        let is_withdrawal =
            |entry: &Entry| entry.proposal.flight.is_some_and(|it| matches!(it.errand, Errand::Revoke | Errand::Tidy));
        let others = self.book.entries.iter().filter(|(other, _)| **other != id).map(|(_, entry)| entry);
        let blocked = others.filter(waits).any(|other| matches!(pass, Pass::Batch(_)) || is_withdrawal(other));
        if blocked {
            tracing::info!(decision = %id, "waits until the operator's transaction before it is in a block");
            return None;
        }
        let prepared = self.book.entries.values().filter(waits).filter_map(|entry| entry.prepared.as_ref());
        Some(prepared.max_by_key(|it| it.max_fee_per_gas).cloned())
    }

    async fn offer(&mut self, id: B256, tx: &chain::SignedTx, pass: &Pass<'_>) -> Result<(), AgentError> {
        if !self.may_leave(pass).await? {
            return Ok(());
        }
        let head = self.chain.block(BlockNumberOrTag::Latest).await?;
        self.offered_at.insert(tx.hash, head.number);
        chain::send(&self.chain, tx).await?;
        tracing::info!(decision = %id, tx = %tx.hash, "sent");
        self.happened(id, Event::Sent { tx: tx.hash })
    }

    async fn may_leave(&mut self, pass: &Pass<'_>) -> Result<bool, AgentError> {
        let Pass::Batch(cleared) = pass else { return Ok(true) };
        let brake = self.newest_brake().await?;
        match cleared.still_holds(&brake) {
            Ok(()) => Ok(true),
            Err(receipt) => {
                tracing::warn!("held back at the last look by {}", explain::rule_key(receipt.rule));
                Ok(false)
            }
        }
    }

    async fn offer_again(
        &mut self,
        id: B256,
        errand: Errand,
        progress: Progress,
        moment: &Moment,
    ) -> Result<(), AgentError> {
        let Some((_, tx)) = self.flight_of(id) else { return Ok(()) };
        if matches!(progress, Progress::Included(_)) {
            return Ok(());
        }
        let offered_at = self.offered_at.get(&tx.hash).copied();
        let waited = offered_at.is_some_and(|at| moment.head.number < at + RESEND_AFTER_BLOCKS);
        if waited || chain::fate(&self.chain, &tx).await? != TxFate::Free {
            return Ok(());
        }
        let bumps = self.book.entries.get(&id).map_or(0, |entry| entry.signed.len());
        if matches!(errand, Errand::Revoke | Errand::Tidy) {
            if offered_at.is_some() && bumps < SIGNED_MAX {
                return self.withdraw(id, errand, moment).await;
            }
            return match self.withdrawal(id, errand, moment).await? {
                Some(cleared) => self.offer(id, &tx, &Pass::Withdrawal(&cleared)).await,
                // Its bytes stay in the journal; nothing is left to tidy.
                None => Ok(()),
            };
        }
        let too_cheap = match self.book.entries.get(&id).and_then(|entry| entry.prepared.as_ref()) {
            Some(prepared) if offered_at.is_some() && bumps < SIGNED_MAX => {
                chain::is_underpriced(&self.chain, prepared).await?
            }
            _ => false,
        };
        match self.cleared_now(id, moment).await? {
            Some(Ok(cleared)) if too_cheap => self.run_errand(id, errand, Pass::Batch(&cleared)).await,
            Some(Ok(cleared)) => self.offer(id, &tx, &Pass::Batch(&cleared)).await,
            Some(Err(receipt)) => self.unfit(id, receipt),
            None => Ok(()),
        }
    }
}
