//! Following what is under way, to finality: the chain is asked, and the lifecycle decides.

use super::{
    Agent, AgentError, Moment,
    errand::{RouteReading, is_proposed, read_route},
    first_failure,
    record::{Entry, Record},
};
use crate::chain::{self, SignedTx, TxFate};
use alloy::{eips::BlockId, primitives::B256, providers::Provider, rpc::types::Filter, sol_types::SolEvent};
use quaestor_contracts::{
    bindings::DecisionGate,
    explain::{explain_errand, explain_outcome, explain_reason},
};
use quaestor_core::{
    BlockRef, Policy, Refusal, Rule, Terms,
    lifecycle::{Alert, Effect, Errand, Event, Flight, Progress, Reason, State},
    verdict::Quantity,
};

impl Agent {
    /// Asks the chain about every proposal that is not over. What cannot be asked about one keeps no other from its turn;
    /// the first failure is returned.
    pub(super) async fn track(&mut self, moment: &Moment) -> Result<(), AgentError> {
        let ids: Vec<B256> = self.book.entries.keys().copied().collect();
        let mut outcome = Ok(());
        for id in ids {
            let flight = self.track_flight(id, moment).await;
            outcome = first_failure(outcome, flight)?;
            let route = self.track_route(id, moment).await;
            outcome = first_failure(outcome, route)?;
        }
        outcome
    }

    /// Folds an event in, and tells people what it asks to tell.
    pub(super) fn happened(&mut self, id: B256, event: Event) -> Result<(), AgentError> {
        let effects = self.record(&Record::Happened { decision: id, event })?;
        self.tell(&effects);
        Ok(())
    }

    /// Alerts; what else an effect asks for is what [`Agent::drive`] finds wanted next.
    pub(super) fn tell(&self, effects: &[(B256, Effect)]) {
        for (id, effect) in effects {
            match effect {
                Effect::Alert(Alert::Proposed) => tracing::info!(decision = %id, "proposed; people decide"),
                Effect::Alert(Alert::Executed) => tracing::info!(decision = %id, "executed"),
                Effect::Alert(Alert::Withdrawing(reason)) => {
                    let why = explain_reason(self.held_policy(), reason);
                    tracing::warn!(decision = %id, "withdrawing the proposal: {why}");
                }
                Effect::Alert(Alert::EndedUnexecuted(outcome)) => {
                    let how = explain_outcome(self.held_policy(), outcome);
                    tracing::warn!(decision = %id, "the proposal is over without having run: {how}");
                }
                Effect::Alert(Alert::Stuck(errand)) => {
                    let what = explain_errand(*errand);
                    tracing::error!(alarm = true, decision = %id, "the transaction {what} failed for the last time; a person must look");
                }
                Effect::Sign(_) | Effect::Send(_) | Effect::AskChain(_) => {}
            }
        }
    }

    /// Hash and terms of the policy in force, whose names are in receipts.
    fn held_policy(&self) -> Option<(B256, &Terms)> {
        self.in_force.as_ref().map(|held| (held.policy.hash(), held.policy.terms()))
    }

    fn entry(&self, id: B256) -> Option<&Entry> {
        self.book.entries.get(&id)
    }

    /// The transaction under way of a proposal, with its bytes.
    pub(super) fn flight_of(&self, id: B256) -> Option<(Flight, SignedTx)> {
        let entry = self.entry(id)?;
        let flight = entry.proposal.flight?;
        Some((flight, entry.signed.get(&flight.tx)?.clone()))
    }

    async fn track_flight(&mut self, id: B256, moment: &Moment) -> Result<(), AgentError> {
        let Some((flight, tx)) = self.flight_of(id) else { return Ok(()) };
        match chain::fate(&self.chain, &tx).await? {
            TxFate::Included(receipt) => {
                if flight.progress != Progress::Included(receipt.block) {
                    self.happened(id, Event::Included { tx: tx.hash, block: receipt.block })?;
                }
                if receipt.block.number <= moment.finalised.number {
                    let tx = tx.hash;
                    let event = if receipt.succeeded { Event::Finalised { tx } } else { Event::Failed { tx } };
                    self.happened(id, event)?;
                }
            }
            TxFate::Free if matches!(flight.progress, Progress::Included(_)) => {
                self.offered_at.remove(&tx.hash);
                self.happened(id, Event::Reorged { tx: tx.hash })?;
            }
            TxFate::Free => {}
            TxFate::Superseded if flight.errand == Errand::Revoke => {
                self.happened(id, Event::Superseded { tx: tx.hash })?;
            }
            TxFate::Superseded => {
                let count = self.chain.provider().get_transaction_count(tx.from);
                let final_count = count.block_id(BlockId::hash_canonical(moment.finalised.hash)).await;
                if final_count.map_err(self.chain.failed("eth_getTransactionCount"))? <= tx.nonce {
                    return Ok(());
                }
                // Of two transactions with one nonce the earlier one may have been taken, and a node may have lost the
                // receipt: what was to be proposed may stand.
                let stands = match (flight.errand, self.entry(id)) {
                    (Errand::Propose, Some(entry)) => {
                        is_proposed(&self.chain, &entry.plan, tx.from, moment.finalised).await?
                    }
                    _ => false,
                };
                let tx = tx.hash;
                self.happened(id, if stands { Event::Finalised { tx } } else { Event::Failed { tx } })?;
            }
        }
        Ok(())
    }

    async fn track_route(&mut self, id: B256, moment: &Moment) -> Result<(), AgentError> {
        let Some(entry) = self.entry(id) else { return Ok(()) };
        let (plan, state) = (entry.plan.clone(), entry.proposal.state.clone());
        if let State::Executed { block, .. } = state {
            if !self.chain.is_canonical(&block).await? {
                return self.happened(id, Event::ExecutionReorged);
            }
            let is_final = block.number <= moment.finalised.number;
            return if is_final { self.happened(id, Event::ExecutionFinalised) } else { Ok(()) };
        }
        let now = read_route(&self.chain, self.contracts.gate, &plan, moment.head).await?;
        if now.entered {
            let block = self.entered_at(id, plan.decision.block, moment.head).await?;
            return match block {
                Some(block) => self.happened(id, Event::Executed { block }),
                None => Ok(()),
            };
        }
        if moment.finalised.timestamp > plan.batch.valid_until {
            return self.happened(id, Event::Expired);
        }
        if let Some(reason) = self.must_withdraw(&plan, &now, moment).await? {
            return if matches!(state, State::Withdrawing { .. }) {
                Ok(())
            } else {
                self.happened(id, Event::Withdraw { reason })
            };
        }
        if now.defeated && read_route(&self.chain, self.contracts.gate, &plan, moment.finalised).await?.defeated {
            return self.happened(id, Event::Defeated);
        }
        match (state, now.stage) {
            (State::Live { stage }, Some(found)) if stage != Some(found) => {
                self.happened(id, Event::Observed { stage: found })
            }
            _ => Ok(()),
        }
    }

    async fn must_withdraw(
        &self,
        plan: &super::Plan,
        now: &RouteReading,
        moment: &Moment,
    ) -> Result<Option<Reason>, AgentError> {
        // A brake that could not be read holds everything back, but is no reason to give a proposal up.
        let readable = moment.brake.pulls != u64::MAX;
        if readable && (moment.brake.pulled || moment.brake.pulls != plan.batch.pulls) {
            return Ok(Some(Reason::BrakePulled));
        }
        if now.nonce_taken {
            let final_reading = read_route(&self.chain, self.contracts.gate, plan, moment.finalised).await?;
            if final_reading.nonce_taken && !final_reading.entered {
                return Ok(Some(Reason::Replaced));
            }
        }
        let in_force = self.in_force.as_ref().map(|held| held.policy.hash());
        if let Some(policy) = in_force.filter(|policy| *policy != plan.decision.policy) {
            let (limit, found) = (Quantity::Hash(policy), Quantity::Hash(plan.decision.policy));
            let receipt = Refusal::new(Rule::PolicyAnchored, limit, found, moment.finalised, policy);
            return Ok(Some(Reason::Unfit { receipt }));
        }
        Ok(None)
    }

    /// The block in which the gate let the batch in.
    async fn entered_at(&self, id: B256, from: BlockRef, head: BlockRef) -> Result<Option<BlockRef>, AgentError> {
        let mut low = from.number;
        while low <= head.number {
            let high = head.number.min(low.saturating_add(self.chain.logs_range_blocks() - 1));
            let filter = Filter::new().address(self.contracts.gate).from_block(low).to_block(high);
            let filter = filter.event_signature(DecisionGate::Entered::SIGNATURE_HASH).topic2(id);
            let logs = self.chain.provider().get_logs(&filter).await.map_err(self.chain.failed("eth_getLogs"))?;
            if let Some(hash) = logs.first().and_then(|log| log.block_hash) {
                return Ok(self.chain.block_of_hash(hash).await?);
            }
            low = high + 1;
        }
        Ok(None)
    }
}
