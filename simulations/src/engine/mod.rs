//! A run: the pipeline that runs live, bar after bar.
//!
//! ```text
//!  bar ──▶ proposals that people have decided on are executed ──▶ flows ──▶ mark ──▶ what waits is judged again
//!            at a price of this bar, after fees                                      ──▶ the pipeline decides ──▶ gate
//! ```
//!
//! A decision is taken at the end of a bar and knows nothing later. What it proposes is executed at the earliest in the next
//! bar, and not before signers or voters have taken their time. The gate clears each proposal on its own calldata; the
//! dry run that it asks for is an execution at the prices of the decision. At each later decision the gate looks at what
//! still waits once more, and what it refuses is withdrawn.

mod execute;
mod forecast;
mod treasury;

pub use forecast::Forecast;

use crate::{
    assumptions::Checked,
    market::{BAR_WHOLE, BLOCK_SECS, Market},
    run::{Fate, Proposed, Run, Split},
};
use alloy_primitives::{B256, U256};
use execute::Done;
use forecast::Remembering;
use quaestor_contracts::PolicyCodec;
use quaestor_core::{
    Batch, BlockRef, Call, Codec, Decision, Inputs, Policy, Refusal, RiskModel, Route, Rule,
    action::encode_batch,
    gate::{self, DryRun, DryRunOutcome, Evidence},
    pipeline::{self, Workspace},
    policy::Schedule,
    snapshot::{Outstanding, Spend, WINDOW_SECS},
    waiting::{Waiting, withheld},
};
use quaestor_policies::VotedPolicy;
use treasury::Treasury;

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
    /// Whether everything is done that is done live: each batch is encoded, the gate clears its calldata, and forecasts are
    /// kept for a report. Otherwise nothing is forecast that neither policy nor strategies look at, and the gate judges
    /// batches without their calldata, which has no say in what is decided. Both give the same run.
    pub thorough: bool,
}

impl std::fmt::Debug for Plan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("policy", &self.policy.hash()).field("start", &self.start).finish_non_exhaustive()
    }
}

/// A proposal on its way.
struct Pending {
    decision: Decision,
    batch: Batch,
    calls: Vec<Call>,
    /// Under which it enters the gate.
    id: B256,
    /// When people have decided on it, Unix seconds.
    ready_at: u64,
    /// Its row in [`Run::proposals`].
    row: usize,
}

struct Engine<'a> {
    plan: Plan<'a>,
    model: Remembering<'a>,
    codec: PolicyCodec<'a>,
    treasury: Treasury<'a>,
    work: Workspace,
    pending: Vec<Pending>,
    run: Run,
}

/// Runs the plan to the end of its market.
pub fn run(plan: Plan<'_>) -> Run {
    let due = due_bars(plan.policy, plan.market, plan.start);
    let mut engine = Engine::new(plan);
    for (bar, is_due) in (plan.start..plan.market.len()).zip(due) {
        engine.step(bar, is_due);
    }
    // Flows were counted bar by bar.
    engine.run.split = Split { flows_usd: engine.run.split.flows_usd, ..engine.treasury.split };
    engine.run
}

fn reads_forecast(policy: &VotedPolicy) -> bool {
    policy.terms().risk.has_ceilings() || policy.strategies().iter().any(|strategy| strategy.reads_forecast())
}

/// Whether a decision is due at the end of each bar from `start` on.
fn due_bars(policy: &VotedPolicy, market: &Market<'_>, start: usize) -> Vec<bool> {
    let bars = start..market.len();
    let begins = |bar| market.panel.begins_at(bar);
    let ends = market.panel.ends();
    if let Schedule::EveryBlocks(blocks) = policy.terms().schedule {
        let turn = |time: u64| time / BLOCK_SECS / blocks.max(1);
        return bars.map(|bar| turn(begins(bar)) < turn(ends[bar])).collect();
    }
    let until = ends.last().copied().unwrap_or_default();
    let mut ticks = policy.ticks(begins(start), until).into_iter().flatten().peekable();
    let due = |bar: usize| {
        let mut is_due = false;
        while ticks.next_if(|tick| *tick <= ends[bar]).is_some() {
            is_due = true;
        }
        is_due
    };
    bars.map(due).collect()
}

impl<'a> Engine<'a> {
    fn new(plan: Plan<'a>) -> Self {
        let terms = plan.policy.terms();
        let treasury = Treasury::new(&plan);
        let run = Run::new(&plan, &treasury.values().collect::<Vec<_>>());
        Self {
            plan,
            model: Remembering::new(plan.model, plan.thorough || reads_forecast(plan.policy)),
            codec: PolicyCodec::new(terms),
            treasury,
            work: Workspace::new(),
            pending: Vec::new(),
            run,
        }
    }

    fn step(&mut self, bar: usize, is_due: bool) {
        self.treasury.enter(bar);
        self.execute_ready(bar);
        self.treasury.move_to(bar, BAR_WHOLE);
        self.treasury.flow(bar);
        if is_due {
            self.decide(bar);
        }
        let inflow = std::mem::take(&mut self.treasury.inflow);
        self.run.mark(self.treasury.value(), inflow, self.treasury.values());
    }

    fn block(&self, bar: usize) -> BlockRef {
        let timestamp = self.plan.market.panel.ends()[bar];
        let number = timestamp / BLOCK_SECS;
        BlockRef { number, hash: B256::from(U256::from(timestamp)), timestamp }
    }

    /// Executes what people have decided on by the end of `bar`, each at its own moment.
    fn execute_ready(&mut self, bar: usize) {
        let (begin, end) = (self.plan.market.panel.begins_at(bar), self.plan.market.panel.ends()[bar]);
        self.pending.sort_by_key(|pending| pending.ready_at);
        let mut kept = Vec::with_capacity(self.pending.len());
        for pending in std::mem::take(&mut self.pending) {
            let at = pending.ready_at.max(begin);
            if at > end {
                kept.push(pending);
                continue;
            }
            if at > pending.batch.valid_until {
                self.ended(&pending, Fate::Expired { at });
                continue;
            }
            // A bar has a length.
            let through = (u128::from(at - begin) * u128::from(BAR_WHOLE) / u128::from((end - begin).max(1))) as u64;
            self.treasury.move_to(bar, through);
            match self.treasury.execute(&pending.batch) {
                Ok(done) => {
                    self.spent(&pending, at);
                    self.traded(&done);
                    self.ended(&pending, Fate::Executed { at });
                }
                // Whoever executes sees that it would revert, and may try in the next bar.
                Err(_) => {
                    self.run.proposals[pending.row].reverts += 1;
                    kept.push(pending);
                }
            }
        }
        self.pending = kept;
    }

    fn spent(&mut self, pending: &Pending, at: u64) {
        let batch = &pending.batch;
        for item in &batch.items {
            self.treasury.history.spends.push(Spend {
                timestamp: at,
                account: batch.account,
                decision: pending.id,
                once_key: item.entry.once_key,
                line: item.entry.line,
                asset: Some(item.intent.asset),
                counterparty: item.entry.counterparty,
                value: item.entry.value,
            });
        }
        self.treasury.took_nonce(batch.account);
    }

    fn traded(&mut self, done: &Done) {
        let run = &mut self.run;
        run.traded_usd += done.traded_usd;
        run.trades += done.trades;
        run.paid.fees_usd += done.fees_usd;
        run.paid.slippage_usd += done.slippage_usd;
        run.paid.gas_usd += done.gas_usd;
    }

    fn ended(&mut self, pending: &Pending, fate: Fate) {
        self.treasury.history.outstanding.retain(|it| it.decision != pending.id);
        self.run.proposals[pending.row].fate = fate;
    }

    fn decide(&mut self, bar: usize) {
        let block = self.block(bar);
        self.treasury.observe(bar, block);
        self.forget(block.timestamp);
        self.judge_waiting(block);
        let Plan { policy, market, .. } = self.plan;
        let (snapshot, history) = (&self.treasury.snapshot, &self.treasury.history);
        let strategies = policy.strategies();
        let inputs = Inputs { snapshot, history, policy, strategies, model: &self.model };
        let mut name = market.panel.hash();
        name.0[..8].copy_from_slice(&block.timestamp.to_be_bytes());
        let decision = pipeline::decide_as(&inputs, name, &mut self.work);
        self.run.decided(policy.terms(), bar, &decision, self.model.last());
        for batch in &decision.batches {
            self.propose(block, &decision, batch);
        }
    }

    /// What no window reaches any more, and what the gate would refuse for its age.
    fn forget(&mut self, now: u64) {
        let [.., longest] = WINDOW_SECS;
        let since = now.saturating_sub(longest);
        self.treasury.history.spends.retain(|spend| spend.timestamp > since);
        let (over, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().partition(|it| it.batch.valid_until < now);
        self.pending = kept;
        for pending in &over {
            self.ended(pending, Fate::Expired { at: pending.batch.valid_until });
        }
    }

    /// The gate looks at what waits once more, at the prices of now; what it refuses is withdrawn.
    fn judge_waiting(&mut self, block: BlockRef) {
        let mut kept = Vec::with_capacity(self.pending.len());
        for pending in std::mem::take(&mut self.pending) {
            match self.refusal(&pending.decision, &pending.batch, &pending.calls, pending.id) {
                Some(refusal) if !refusal.is_passing() => {
                    self.ended(&pending, Fate::Withdrawn { at: block.timestamp, rule: refusal.rule });
                }
                _ => kept.push(pending),
            }
        }
        self.pending = kept;
    }

    /// Why the gate lets `batch` not through now; `None` when it does. `id` is the name under which it enters.
    fn refusal(&self, decision: &Decision, batch: &Batch, calls: &[Call], id: B256) -> Option<Refusal> {
        let Plan { policy, thorough, .. } = self.plan;
        let (snapshot, history) = (&self.treasury.snapshot, &self.treasury.history);
        let inputs = Inputs { snapshot, history, policy, strategies: policy.strategies(), model: &self.model };
        let outcome = match self.treasury.rehearse(batch) {
            Ok(balances) => DryRunOutcome::Ran { balances, gas_used: 0 },
            Err(reverted) => DryRunOutcome::Reverted { reason: reverted.to_string() },
        };
        let dry_run = DryRun { calls: calls.to_vec(), block: snapshot.block, outcome };
        if !thorough {
            return gate::judge(&inputs, decision, batch, id, &dry_run).err();
        }
        let evidence = Evidence {
            anchor_finalised: snapshot.anchor,
            brake: snapshot.brake,
            calls,
            dry_run: &dry_run,
            codec: &self.codec,
        };
        gate::clear(&inputs, decision, batch, &evidence).err()
    }

    /// The calls of a batch, and the name under which it enters the gate: the hash that covers them, or where calldata has no
    /// part in the run, block and account.
    fn named(&self, decision: &Decision, batch: &Batch) -> Option<(Vec<Call>, B256)> {
        if !self.plan.thorough {
            let mut id = decision.inputs;
            id.0[30..].copy_from_slice(&batch.account.0.to_be_bytes());
            return Some((Vec::new(), id));
        }
        let calls = encode_batch(&self.codec, decision, batch).ok()?;
        let entry = self.codec.decode_entry(calls.first()?).ok()?;
        Some((calls, entry.decision))
    }

    /// A proposal of an allowed batch, unless something waits that withholds it or the gate refuses it.
    fn propose(&mut self, block: BlockRef, decision: &Decision, batch: &Batch) {
        let Plan { policy, assumed, .. } = self.plan;
        let terms = policy.terms();
        let waiting = self.pending.iter().map(|it| Waiting { decision: it.id, batch: &it.batch });
        if withheld(terms, &self.treasury.history, block.timestamp, decision.nav, waiting, batch).is_some() {
            self.run.withheld += 1;
            return;
        }
        let Some((calls, id)) = self.named(decision, batch) else {
            self.run.refused(Rule::CalldataMatches);
            return;
        };
        if let Some(refusal) = self.refusal(decision, batch, &calls, id) {
            return self.run.refused(refusal.rule);
        }
        let is_vote = matches!(terms.account(batch.account), Some(account) if account.route != Route::Safe);
        let delay = if is_vote { assumed.delays.governor_secs() } else { assumed.delays.safe_secs };
        if is_vote {
            self.treasury.history.outstanding.push(Outstanding {
                account: batch.account,
                proposal_id: id,
                decision: id,
                proposed_at: block.timestamp,
                valid_until: batch.valid_until,
                once_keys: batch.items.iter().map(|item| item.entry.once_key).collect(),
                value: batch.value(),
            });
        }
        let row = self.run.proposals.len();
        self.run.proposals.push(Proposed::new(block.timestamp, batch));
        let ready_at = block.timestamp.saturating_add(delay);
        let (decision, batch) = (decision.clone(), batch.clone());
        self.pending.push(Pending { decision, batch, calls, id, ready_at, row });
    }
}
