//! What waits for people: executed when it is their time, judged again, withdrawn.

use super::{Engine, Pending, Wanted, treasury::Treasury};
use crate::{
    market::{BAR_WHOLE, BLOCK_SECS},
    run::Fate,
};
use alloy_primitives::{B256, U256};
use quaestor_core::{
    AccountId, BlockRef, Inputs, Intent, Policy, Refusal, Route, Snapshot, Terms, policy::Due, waiting::Waiting,
};

/// What of `intents` is paid to counterparties that the policy caps.
pub(super) fn dues(terms: &Terms, intents: &[Intent]) -> Vec<Due> {
    terms.dues(intents.iter().map(|intent| (intent.counterparty, intent.value)))
}

impl Pending {
    /// When something is to be done about it next, Unix seconds.
    fn next_at(&self) -> u64 {
        self.voted_at.unwrap_or(self.ready_at)
    }

    /// As it binds its account.
    pub(super) fn waiting(&self, terms: &Terms) -> Waiting {
        let account = &terms.accounts[self.account.index()];
        let on_safe = account.route == Route::Safe;
        let dues = dues(terms, &self.intents);
        Waiting { decision: self.id, account: account.address, value: self.value, dues, on_safe }
    }
}

impl Engine<'_> {
    /// Executes what people have decided on by the end of `bar`, each at its own moment.
    pub(super) fn execute_ready(&mut self, bar: usize) {
        self.pending.sort_by_key(Pending::next_at);
        let mut at_hand = std::mem::take(&mut self.pending);
        at_hand.retain_mut(|pending| self.still_waits(bar, pending));
        // What was queued may be due in the same bar.
        let end = self.plan.market.panel.ends()[bar];
        if at_hand.iter().any(|pending| self.is_vote(pending.account) && pending.next_at() <= end) {
            at_hand.retain_mut(|pending| !self.is_vote(pending.account) || self.still_waits(bar, pending));
        }
        self.pending = at_hand;
    }

    /// Does what is due of `pending` in `bar`; whether something of it is left.
    fn still_waits(&mut self, bar: usize, pending: &mut Pending) -> bool {
        let (begin, end) = (self.plan.market.panel.begins_at(bar), self.plan.market.panel.ends()[bar]);
        let at = pending.next_at().max(begin);
        if at > end {
            return true;
        }
        if at > pending.valid_until {
            self.ended(pending, Fate::Expired { at: pending.valid_until });
            return false;
        }
        if self.is_asleep(bar, pending) {
            return true;
        }
        // A bar has a length.
        let through = (u128::from(at - begin) * u128::from(BAR_WHOLE) / u128::from((end - begin).max(1))) as u64;
        self.treasury.move_to(bar, through);
        self.treasury.price_now();
        if self.is_vote(pending.account)
            && let Some(refusal) = self.look(bar, at, pending)
        {
            // While the brake is pulled nothing is queued, and nothing is given up for it.
            if refusal.is_passing() {
                return true;
            }
            self.ended(pending, Fate::Withdrawn { at, rule: refusal.rule });
            return false;
        }
        if pending.voted_at.take().is_some() {
            return true;
        }
        match self.carry_out(pending) {
            Ok(done) => {
                self.spent(pending, at);
                self.traded(&done);
                self.ended(pending, Fate::Executed { at });
                false
            }
            // Whoever executes sees that it would revert, and may try in the next bar.
            Err(_) => {
                self.run.proposals[pending.row].reverts += 1;
                true
            }
        }
    }

    fn is_vote(&self, account: AccountId) -> bool {
        self.plan.policy.terms().accounts[account.index()].route != Route::Safe
    }

    /// The agent looks at a vote once more before it queues and before it executes it, at what is known then: the closes
    /// before, which feeds that work go on to confirm. Why the gate forbids it, if it does.
    fn look(&mut self, bar: usize, at: u64, pending: &Pending) -> Option<Refusal> {
        let begin = self.plan.market.panel.begins_at(bar);
        let block = BlockRef { number: at / BLOCK_SECS, hash: B256::from(U256::from(at)), timestamp: at };
        self.treasury.observe(bar.saturating_sub(1), block);
        let events = self.plan.events;
        for (asset, reading) in self.treasury.snapshot.assets.iter_mut().enumerate() {
            for (place, feed) in reading.feeds.iter_mut().enumerate() {
                let works = events.is_none_or(|events| !events.is_stale(bar, asset, place));
                if let Some(last) = feed.rounds.last_mut().filter(|last| works && last.updated_at == begin) {
                    last.updated_at = at;
                }
            }
        }
        if pending.whole.is_none() {
            let policy = self.plan.policy;
            let Treasury { snapshot, history, .. } = &self.treasury;
            let inputs = Inputs { snapshot, history, policy, strategies: policy.strategies(), model: &self.model };
            self.judge.see(&inputs, &mut self.work.valuation);
        }
        self.judged_again(pending)
    }

    /// Why the gate no longer lets through what waits, at what the treasury's snapshot shows.
    fn judged_again(&mut self, pending: &Pending) -> Option<Refusal> {
        self.rehearsed = None;
        let policy = self.plan.policy;
        let Treasury { snapshot, history, .. } = &self.treasury;
        let inputs = Inputs { snapshot, history, policy, strategies: policy.strategies(), model: &self.model };
        let Pending { account, intents, .. } = pending;
        let rehearse = |left: &mut Snapshot| self.treasury.rehearse(*account, intents, false, left).is_ok();
        match &pending.whole {
            Some(whole) => self.judge.clear(&inputs, whole, &self.codec, &mut self.left, rehearse),
            None => {
                let wanted = Wanted { id: pending.id, account: pending.account, intents: &pending.intents };
                self.judge.again(&inputs, &self.work.valuation, wanted, &mut self.left, rehearse)
            }
        }
    }

    /// The gate looks at what waits once more, at the prices of now; what it refuses is withdrawn.
    pub(super) fn judge_waiting(&mut self, block: BlockRef) {
        self.rehearsed = None;
        let mut at_hand = std::mem::take(&mut self.pending);
        at_hand.retain_mut(|pending| {
            let fate = if pending.valid_until <= block.timestamp {
                Fate::Expired { at: pending.valid_until }
            } else {
                match self.judged_again(pending).filter(|refusal| !refusal.is_passing()) {
                    Some(refusal) => Fate::Withdrawn { at: block.timestamp, rule: refusal.rule },
                    None => return true,
                }
            };
            self.leaving.push(pending.waiting(self.plan.policy.terms()));
            self.ended(pending, fate);
            false
        });
        self.pending = at_hand;
    }
}
