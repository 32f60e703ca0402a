//! A run: the pipeline that runs live, bar after bar.
//!
//! ```text
//!  bar ──▶ proposals that people have decided on are executed ──▶ flows ──▶ mark ──▶ the pipeline decides
//!            at a price of this bar, after fees                      ──▶ what waits is judged again ──▶ gate
//! ```
//!
//! A decision is taken at the end of a bar and knows nothing later. What it proposes is executed at the earliest in the next
//! bar, and not before signers or voters have taken their time. The gate clears each proposal on its own calldata; the
//! dry run that it asks for is an execution at the prices of the decision. At each later decision the gate looks at what
//! still waits once more, and what it refuses is withdrawn; so it does with a vote before it is queued and before it executes.
//! That a withdrawal is known takes some blocks: the account proposes again at the next decision. `quaestor fidelity` holds a
//! run against the whole agent on a chain.
//!
//! A quick run leaves out what has no say in what is decided: calldata and its hashes, and forecasts that nobody reads. It
//! gives the same run, and where no forecast is read and no vote waits it allocates nothing for a decision.

mod due;
mod events;
mod execute;
mod forecast;
mod judge;
mod treasury;
mod waiting;

pub use events::{Events, Fault, FeedFault};
pub use forecast::Forecast;

use crate::{
    assumptions::{Checked, Fill},
    delays::Occasion,
    market::{BAR_WHOLE, BLOCK_SECS, Market},
    run::{Fate, Proposed, Run, Split},
};
use alloy_primitives::{B256, U256};
use due::Due;
use execute::{Done, Reverted};
use forecast::Remembering;
use judge::{Judge, Wanted, Whole};
use quaestor_contracts::PolicyCodec;
use quaestor_core::{
    AccountId, Amount, BlockRef, Inputs, Intent, Policy, Purpose, Refusal, RiskModel, Route, Rule, Snapshot, Value,
    Verdict,
    pipeline::Workspace,
    snapshot::{Outstanding, Paid, Spend, WINDOW_SECS},
    verdict::Quantity,
    waiting::{Waiting, withheld},
};
use quaestor_policies::VotedPolicy;
use treasury::{Treasury, dollars};

/// What is run.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// The policy in force from the first bar to the last.
    pub policy: &'a VotedPolicy,
    /// The model that forecasts.
    pub model: &'a dyn RiskModel,
    /// Prices.
    pub market: &'a Market<'a>,
    /// What is assumed beside them.
    pub assumed: &'a Checked,
    /// The first bar of the run; those before it are the past that feeds show.
    pub start: usize,
    /// What happens beside prices; `None` outside of scenarios.
    pub events: Option<&'a Events>,
    /// Seed of whatever is drawn.
    pub seed: u64,
    /// Whether everything is done that is done live: each batch is encoded, the gate clears its calldata, and holdings and
    /// forecasts are kept for a report. A quick run gives the same values and proposals.
    pub thorough: bool,
}

impl std::fmt::Debug for Plan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("policy", &self.policy.hash()).field("start", &self.start).finish_non_exhaustive()
    }
}

/// A proposal on its way.
struct Pending {
    account: AccountId,
    intents: Vec<Intent>,
    /// The block of its decision.
    decided: BlockRef,
    /// Under which it enters the gate.
    id: B256,
    value: Value,
    /// After this the gate refuses it, Unix seconds.
    valid_until: u64,
    /// When people have decided on it, Unix seconds.
    ready_at: u64,
    /// Of a vote: when it has ended and the agent looks at it, until it was queued, Unix seconds.
    voted_at: Option<u64>,
    /// Its row in [`Run::proposals`].
    row: usize,
    /// Decision, batch and calldata; of a thorough run.
    whole: Option<Box<Whole>>,
}

/// A batch whose outcome is known.
#[derive(Clone, Copy)]
struct Rehearsed {
    /// Its row in [`Run::proposals`].
    row: usize,
    /// Of the treasury then.
    version: u64,
    done: Done,
}

struct Engine<'a> {
    plan: Plan<'a>,
    model: Remembering<'a>,
    codec: PolicyCodec<'a>,
    treasury: Treasury<'a>,
    work: Workspace,
    judge: Judge,
    /// Room for the balances after a batch.
    left: Snapshot,
    /// Whose outcome `left` holds.
    rehearsed: Option<Rehearsed>,
    pending: Vec<Pending>,
    /// Governor proposals of the decision at hand.
    bound: Vec<Outstanding>,
    /// What the decision at hand withdraws: until the chain knows that, it binds its account.
    leaving: Vec<Waiting>,
    /// Lists of intents that are over, used again.
    spare: Vec<Vec<Intent>>,
    run: Run,
}

/// Runs the plan to the end of its market.
pub fn run(plan: Plan<'_>) -> Run {
    Session::new(plan).finish()
}

/// What the treasury of the plan is worth before its first bar, by asset, dollars.
pub fn opening(plan: &Plan<'_>) -> Vec<f64> {
    Treasury::new(plan, false).values().collect()
}

/// What each account of the plan holds before its first bar, base units in the order of the assets.
pub fn opening_balances(plan: &Plan<'_>) -> Vec<Vec<Amount>> {
    Treasury::new(plan, false).snapshot.accounts.into_iter().map(|account| account.balances).collect()
}

/// A run that goes on when it is told to.
pub struct Session<'a> {
    engine: Engine<'a>,
    due: Due<'a>,
    next: usize,
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("plan", &self.engine.plan).field("next", &self.next).finish_non_exhaustive()
    }
}

impl<'a> Session<'a> {
    /// Before its first bar.
    pub fn new(plan: Plan<'a>) -> Self {
        Self { engine: Engine::new(plan), due: Due::new(&plan), next: plan.start }
    }

    /// Goes on for so many bars, at most to the end of the market; what the run came to so far, but for
    /// [`Run::split`], which is formed at its end.
    pub fn advance(&mut self, bars: usize) -> &Run {
        let until = self.next.saturating_add(bars).min(self.engine.plan.market.len());
        while self.next < until {
            let due = self.due.from(self.next).min(until);
            if self.next < due && self.engine.is_idle() {
                self.engine.idle(self.next..due);
                self.next = due;
            } else {
                self.engine.step(self.next, self.due.at(self.next));
                self.next += 1;
            }
        }
        &self.engine.run
    }

    /// Goes on to the end of the market.
    pub fn finish(mut self) -> Run {
        self.advance(usize::MAX);
        let Engine { mut run, treasury, .. } = self.engine;
        // Flows were counted bar by bar.
        run.split = Split { flows_usd: run.split.flows_usd, ..treasury.split };
        run
    }
}

impl<'a> Engine<'a> {
    fn new(plan: Plan<'a>) -> Self {
        let terms = plan.policy.terms();
        let past = terms.risk.has_ceilings() || plan.policy.strategies().iter().any(|strategy| strategy.reads_past());
        let treasury = Treasury::new(&plan, past || plan.thorough);
        let run = Run::new(&plan, &treasury.values().collect::<Vec<_>>());
        Self {
            plan,
            model: Remembering::new(plan.model, past || plan.thorough),
            codec: PolicyCodec::new(terms),
            left: treasury.balances_alone(),
            treasury,
            work: Workspace::new(),
            judge: Judge::default(),
            rehearsed: None,
            pending: Vec::new(),
            bound: Vec::new(),
            leaving: Vec::new(),
            spare: Vec::new(),
            run,
        }
    }

    /// Whether nothing but prices can move until a decision is due, and nothing is kept but values.
    fn is_idle(&self) -> bool {
        let Plan { policy, events, thorough, .. } = self.plan;
        let keeps_values_alone = !thorough && policy.terms().risk.burn_monthly.is_zero();
        keeps_values_alone && events.is_none() && self.pending.is_empty() && self.treasury.moves_by_price_alone()
    }

    /// [`Self::step`] of such bars.
    fn idle(&mut self, bars: std::ops::Range<usize>) {
        self.treasury.drift(bars, &mut self.run.values);
        self.run.inflows.resize(self.run.values.len(), 0.0);
    }

    fn step(&mut self, bar: usize, is_due: bool) {
        self.treasury.enter(bar);
        if let Some(events) = self.plan.events {
            self.heed_brake(events, bar);
        }
        if !self.pending.is_empty() {
            self.execute_ready(bar);
        }
        self.treasury.move_to(bar, BAR_WHOLE);
        self.treasury.flow(bar);
        if is_due {
            self.decide(bar);
            if self.plan.assumed.fill == Fill::SameBar {
                self.execute_at_once(bar);
            }
        }
        let inflow = std::mem::take(&mut self.treasury.inflow);
        self.run.mark(self.treasury.value(), inflow);
        if self.plan.thorough {
            self.run.hold(self.treasury.values());
        } else if !self.plan.policy.terms().risk.burn_monthly.is_zero() {
            self.run.stable.push(self.treasury.stable());
        }
    }

    fn block(&self, bar: usize) -> BlockRef {
        let timestamp = self.plan.market.panel.ends()[bar];
        let number = timestamp / BLOCK_SECS;
        BlockRef { number, hash: B256::from(U256::from(timestamp)), timestamp }
    }

    fn carry_out(&mut self, pending: &Pending) -> Result<Done, Reverted> {
        let version = self.treasury.version;
        let known = self.rehearsed.take().filter(|it| (it.row, it.version) == (pending.row, version));
        self.treasury.execute(pending.account, &pending.intents, &mut self.left, known.map(|it| it.done))
    }

    /// Executes what was proposed at the very price that was decided on.
    fn execute_at_once(&mut self, bar: usize) {
        let at = self.plan.market.panel.ends()[bar];
        for mut pending in std::mem::take(&mut self.pending) {
            if self.is_asleep(bar, &pending) {
                self.pending.push(pending);
                continue;
            }
            match self.carry_out(&pending) {
                Ok(done) => {
                    self.spent(&pending, at);
                    self.traded(&done);
                    self.ended(&mut pending, Fate::Executed { at });
                }
                Err(_) => {
                    self.run.proposals[pending.row].reverts += 1;
                    self.pending.push(pending);
                }
            }
        }
    }

    fn spent(&mut self, pending: &Pending, at: u64) {
        let terms = self.plan.policy.terms();
        let address = terms.accounts[pending.account.index()].address;
        for intent in &pending.intents {
            if let Purpose::Payment { line, period } = intent.purpose
                && terms.budget_line(line).is_some()
            {
                self.treasury.history.paid.push(Paid { account: pending.account, line, period });
            }
            let once_key = match intent.purpose {
                // Of a leg nobody can ask again: its key holds the block of its decision.
                Purpose::Strategy { .. } if !self.plan.thorough => pending.id,
                purpose => purpose.once_key(address, pending.decided.hash),
            };
            self.treasury.history.spends.push_back(Spend {
                timestamp: at,
                account: pending.account,
                decision: pending.id,
                once_key,
                line: intent.purpose.line(),
                asset: Some(intent.asset),
                counterparty: intent.counterparty,
                value: intent.value,
            });
            self.treasury.delegated(pending.account, intent);
        }
        self.treasury.took_nonce(pending.account);
    }

    fn traded(&mut self, done: &Done) {
        let run = &mut self.run;
        run.traded_usd += dollars(done.traded);
        run.trades += done.trades;
        run.paid.fees_usd += dollars(done.fees);
        run.paid.slippage_usd += dollars(done.slippage);
        run.paid.impact_usd += dollars(done.impact);
        run.paid.gas_usd += dollars(done.gas);
    }

    /// A proposal is over; its list of intents is used again.
    fn ended(&mut self, pending: &mut Pending, fate: Fate) {
        self.treasury.history.outstanding.retain(|it| it.decision != pending.id);
        self.run.proposals[pending.row].fate = fate;
        self.spare.push(std::mem::take(&mut pending.intents));
    }

    fn decide(&mut self, bar: usize) {
        let block = self.block(bar);
        self.treasury.observe(bar, block);
        self.forget(block.timestamp);
        self.run.decisions += 1;
        let Plan { policy, market, thorough, .. } = self.plan;
        let Treasury { snapshot, history, .. } = &self.treasury;
        let inputs = Inputs { snapshot, history, policy, strategies: policy.strategies(), model: &self.model };
        let mut name = market.panel.hash();
        name.0[..8].copy_from_slice(&block.timestamp.to_be_bytes());
        let is_asked = self.judge.decide(&inputs, name, thorough, &mut self.work);
        match is_asked {
            Some(rule) => self.run.refuse(block.timestamp, rule, Value::ZERO),
            None => {
                let Workspace { valuation, intents, verdicts, holds, .. } = &self.work;
                self.run.decided(block.timestamp, policy.terms(), valuation, intents.iter().zip(verdicts), holds);
            }
        }
        if thorough && let Some(report) = self.model.last(block) {
            self.run.forecast(bar, &report);
        }
        self.judge_waiting(block);
        if is_asked.is_none() {
            self.propose_all(block, name);
        }
        self.leaving.clear();
    }

    /// What no window reaches any more, what nobody could ask for again, and what the gate would refuse for its age.
    fn forget(&mut self, now: u64) {
        let terms = self.plan.policy.terms();
        let is_over = |it: &Paid| terms.budget_line(it.line).is_none_or(|line| line.is_over(it.period, now));
        self.treasury.history.paid.retain(|paid| !is_over(paid));
        let [.., longest] = WINDOW_SECS;
        let since = now.saturating_sub(longest);
        let spends = &mut self.treasury.history.spends;
        while spends.front().is_some_and(|spend| spend.timestamp <= since) {
            spends.pop_front();
        }
        let mut at_hand = std::mem::take(&mut self.pending);
        at_hand.retain_mut(|pending| {
            // In its last second it could still run.
            let is_over = pending.valid_until < now;
            if is_over {
                self.ended(pending, Fate::Expired { at: pending.valid_until });
            }
            !is_over
        });
        self.pending = at_hand;
    }

    /// A proposal of what each account is allowed, unless something waits that withholds it or the gate refuses it.
    fn propose_all(&mut self, block: BlockRef, name: B256) {
        let allowed = |work: &Workspace, account: usize| {
            let mut judged = work.intents.iter().zip(&work.verdicts);
            judged.any(|(intent, verdict)| verdict.is_allowed() && intent.account.index() == account)
        };
        let accounts = self.plan.policy.terms().accounts.len();
        let acting = (0..accounts).filter(|account| allowed(&self.work, *account)).count();
        for account in 0..accounts {
            if allowed(&self.work, account) {
                // Accounts are counted in sixteen bits.
                self.propose(block, name, AccountId(account as u16), acting == 1);
            }
        }
        // All batches of a decision are judged on the history that it was taken on.
        self.treasury.history.outstanding.append(&mut self.bound);
    }

    fn propose(&mut self, block: BlockRef, name: B256, account: AccountId, is_alone: bool) {
        let Plan { policy, assumed, .. } = self.plan;
        let terms = policy.terms();
        let mut intents = self.spare.pop().unwrap_or_default();
        intents.clear();
        if is_alone && self.work.verdicts.iter().all(Verdict::is_allowed) {
            // All of them are its own.
            std::mem::swap(&mut intents, &mut self.work.intents);
        } else {
            let judged = self.work.intents.iter().zip(&self.work.verdicts);
            let own = judged.filter(|(intent, verdict)| verdict.is_allowed() && intent.account == account);
            intents.extend(own.map(|(intent, _)| intent.clone()));
        }
        let value = intents.iter().fold(Value::ZERO, |sum, intent| Value(sum.0.saturating_add(intent.value.0)));
        let is_vote = terms.accounts[account.index()].route != Route::Safe;
        let address = terms.accounts[account.index()].address;
        let dues = waiting::dues(terms, &intents);
        let next = Waiting { decision: B256::ZERO, account: address, value, dues, on_safe: !is_vote };
        let waits = self.pending.iter().map(|it| it.waiting(terms)).chain(self.leaving.iter().cloned());
        let nav = self.work.valuation.nav;
        if withheld(terms, &self.treasury.history, block.timestamp, nav, waits, &next).is_some() {
            self.run.withheld += 1;
            self.spare.push(intents);
            return;
        }
        let Treasury { snapshot, history, .. } = &self.treasury;
        let inputs = Inputs { snapshot, history, policy, strategies: policy.strategies(), model: &self.model };
        self.rehearsed = None;
        let mut outcome = None;
        let rehearse = |left: &mut Snapshot| {
            outcome = self.treasury.rehearse(account, &intents, true, left).ok();
            outcome.is_some()
        };
        let whole = self.judge.whole(account, &self.codec);
        let (id, refusal) = match &whole {
            Some(whole) => (whole.id, self.judge.clear(&inputs, whole, &self.codec, &mut self.left, rehearse)),
            // What cannot be encoded never leaves.
            None if self.plan.thorough => {
                let none = Quantity::None;
                (B256::ZERO, Some(Refusal::new(Rule::CalldataMatches, none, none, block, policy.hash())))
            }
            None => {
                let mut id = name;
                id.0[28..30].copy_from_slice(&account.0.to_be_bytes());
                let wanted = Wanted { id, account, intents: &intents };
                (id, self.judge.first(&inputs, &self.work.valuation, wanted, is_alone, &mut self.left, rehearse))
            }
        };
        if let Some(refusal) = refusal {
            self.run.refuse(block.timestamp, refusal.rule, value);
            self.spare.push(intents);
            return;
        }
        let valid_until = block.timestamp.saturating_add(terms.validity_secs_longest()).min(terms.expires_at);
        let occasion = Occasion { seed: self.plan.seed, account: account.0, at: block.timestamp };
        let delay = if is_vote { assumed.delays.of_vote(occasion) } else { assumed.delays.of_safe(occasion) };
        if is_vote {
            self.bound.push(Outstanding {
                account,
                proposal_id: id,
                decision: id,
                proposed_at: block.timestamp,
                valid_until,
                dues: next.dues,
                once_keys: intents.iter().map(|intent| intent.purpose.once_key(address, block.hash)).collect(),
                value,
            });
        }
        let row = self.run.proposals.len();
        self.run.proposals.push(Proposed::new(block.timestamp, account, intents.len(), value, delay));
        let version = self.treasury.version;
        self.rehearsed = outcome.map(|done| Rehearsed { row, version, done });
        if self.plan.thorough {
            self.run.intents.push(intents.clone());
        }
        let ready_at = block.timestamp.saturating_add(delay);
        // The timelock counts from the block in which it is queued; the agent looks at the one before.
        let ballot = || assumed.delays.of_ballot(occasion).saturating_sub(BLOCK_SECS);
        let voted_at = is_vote.then(|| block.timestamp.saturating_add(ballot()));
        let decided = block;
        let all = Pending { account, intents, decided, id, value, valid_until, ready_at, voted_at, row, whole };
        self.pending.push(all);
    }
}
