//! Deciding and the gate, thoroughly or quickly.

use alloy_primitives::B256;
use quaestor_contracts::PolicyCodec;
use quaestor_core::{
    AccountId, Batch, Call, Codec, Decision, History, Inputs, Intent, Refusal, RiskReport, Rule, Snapshot, Verdict,
    action::encode_batch,
    gate::{self, DryRun, DryRunOutcome, Evidence},
    pipeline::{self, Context, Workspace, judge_all, precondition},
    snapshot::Sums,
    valuation::{Prices, Valuation},
    verdict::Quantity,
};

/// A batch as it would leave: of a thorough run.
pub(super) struct Whole {
    decision: Decision,
    batch: Batch,
    calls: Vec<Call>,
    /// The hash under which it enters the gate.
    pub(super) id: B256,
}

/// Intents of one account.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The name under which they enter the gate.
    pub(super) id: B256,
    pub(super) account: AccountId,
    pub(super) intents: &'a [Intent],
}

/// What was seen at the block of the decision, and room that is used again.
#[derive(Default)]
pub(super) struct Judge {
    prices: Prices,
    risk: RiskReport,
    /// Whether the treasury could be valued.
    is_valued: bool,
    /// Whether a snapshot was found to hold what the policy names: those after it do, for a run changes neither.
    is_complete: bool,
    /// Of a thorough run.
    decision: Option<Decision>,
    valued: Valuation,
    intents: Vec<Intent>,
    sums: Sums,
    verdicts: Vec<Verdict>,
}

impl Judge {
    /// Decides: intents and verdicts are in `work`. The rule that forbids asking any strategy, if one does.
    pub(super) fn decide(
        &mut self,
        inputs: &Inputs<'_>,
        name: B256,
        thorough: bool,
        work: &mut Workspace,
    ) -> Option<Rule> {
        let (terms, snapshot) = (inputs.policy.terms(), inputs.snapshot);
        self.prices.resolve_again(terms, snapshot);
        self.is_valued = false;
        self.decision = None;
        work.intents.clear();
        work.verdicts.clear();
        if thorough {
            let decision = pipeline::decide_as(inputs, name, work);
            let forbids = decision.holds.iter().find_map(|hold| match hold {
                quaestor_core::Hold::Rule { receipt } => Some(receipt.rule),
                quaestor_core::Hold::Strategy { .. } => None,
            });
            work.intents.extend(decision.judged.iter().map(|judged| judged.intent.clone()));
            work.verdicts.extend(decision.judged.iter().map(|judged| judged.verdict.clone()));
            self.decision = Some(decision);
            self.is_valued = true;
            return forbids;
        }
        if let Some(refusal) = self.forbids(inputs) {
            return Some(refusal.rule);
        }
        // Nobody reads the shares where nobody reads the forecast.
        let is_read = terms.risk.has_ceilings() || inputs.strategies.iter().any(|it| it.reads_past());
        let valued = is_read && self.valued.fill(terms, snapshot, &self.prices).is_some();
        let weights = if valued { self.valued.weights_bps() } else { Vec::new() };
        self.risk = inputs.model.assess(terms, snapshot, &self.prices, &weights);
        match pipeline::evaluate(inputs, &self.prices, &self.risk, work) {
            Ok(()) => {
                self.is_valued = true;
                None
            }
            Err(receipt) => Some(receipt.rule),
        }
    }

    fn forbids(&mut self, inputs: &Inputs<'_>) -> Option<Refusal> {
        let (terms, policy) = (inputs.policy.terms(), inputs.policy.hash());
        let in_force = if self.is_complete { pipeline::in_force } else { precondition };
        let refusal = in_force(terms, policy, inputs.snapshot);
        self.is_complete |= refusal.is_none();
        refusal
    }

    /// Prices, values and forecast of now, for [`Self::again`] between two decisions of a quick run.
    pub(super) fn see(&mut self, inputs: &Inputs<'_>, valuation: &mut Valuation) {
        let (terms, snapshot) = (inputs.policy.terms(), inputs.snapshot);
        self.prices.resolve_again(terms, snapshot);
        self.is_valued = valuation.fill(terms, snapshot, &self.prices).is_some();
        let weights = if self.is_valued { valuation.weights_bps() } else { Vec::new() };
        self.risk = inputs.model.assess(terms, snapshot, &self.prices, &weights);
    }

    /// The batch of `account` in the decision at hand, encoded; `None` in a quick run.
    pub(super) fn whole(&self, account: AccountId, codec: &PolicyCodec<'_>) -> Option<Box<Whole>> {
        let decision = self.decision.as_ref()?;
        let batch = decision.batches.iter().find(|batch| batch.account == account)?.clone();
        let calls = encode_batch(codec, decision, &batch).ok()?;
        let id = codec.decode_entry(calls.first()?).ok()?.decision;
        Some(Box::new(Whole { decision: decision.clone(), batch, calls, id }))
    }

    /// Why the gate does not let a batch through with its calldata; `None` when it does.
    pub(super) fn clear(
        &self,
        inputs: &Inputs<'_>,
        whole: &Whole,
        codec: &PolicyCodec<'_>,
        left: &mut Snapshot,
        rehearse: impl FnOnce(&mut Snapshot) -> bool,
    ) -> Option<Refusal> {
        let outcome = match rehearse(left) {
            true => {
                let balances = left.accounts.iter().map(|account| account.balances.clone()).collect();
                DryRunOutcome::Ran { balances, gas_used: 0 }
            }
            false => DryRunOutcome::Reverted { reason: String::new() },
        };
        let snapshot = inputs.snapshot;
        let dry_run = DryRun { calls: whole.calls.clone(), block: snapshot.block, outcome };
        let evidence = Evidence {
            anchor_finalised: snapshot.anchor,
            brake: snapshot.brake,
            calls: &whole.calls,
            dry_run: &dry_run,
            codec,
        };
        gate::clear(inputs, &whole.decision, &whole.batch, &evidence).err()
    }

    /// The same without calldata, of the intents of `account` that were just judged. Where no other account acts they need
    /// not be judged once more: it was they alone that were.
    pub(super) fn first(
        &mut self,
        inputs: &Inputs<'_>,
        valuation: &Valuation,
        wanted: Wanted<'_>,
        is_alone: bool,
        left: &mut Snapshot,
        rehearse: impl FnOnce(&mut Snapshot) -> bool,
    ) -> Option<Refusal> {
        let Self { prices, risk, sums, verdicts, valued, .. } = self;
        let cx = context(inputs, inputs.history, prices, valuation, risk, true);
        if !is_alone && let Some(refusal) = judged(inputs, &cx, wanted.intents, sums, verdicts) {
            return Some(refusal);
        }
        outcome(inputs, &cx, wanted, left, valued, rehearse)
    }

    /// The same of the intents of `account` that wait under this name, at what they are worth now.
    pub(super) fn again(
        &mut self,
        inputs: &Inputs<'_>,
        valuation: &Valuation,
        wanted: Wanted<'_>,
        left: &mut Snapshot,
        rehearse: impl FnOnce(&mut Snapshot) -> bool,
    ) -> Option<Refusal> {
        if let Some(refusal) = self.forbids(inputs) {
            return Some(refusal);
        }
        let unpriced = || {
            Refusal::new(
                Rule::PriceQuorumMin,
                Quantity::None,
                Quantity::None,
                inputs.snapshot.block,
                inputs.policy.hash(),
            )
        };
        if !self.is_valued {
            return Some(unpriced());
        }
        // What waits does not count against itself.
        let without;
        let history = match inputs.history.outstanding.iter().any(|it| it.decision == wanted.id) {
            true => {
                without = inputs.history.without(wanted.id);
                &without
            }
            false => inputs.history,
        };
        let Self { prices, risk, sums, verdicts, valued, intents: now, .. } = self;
        let cx = context(inputs, history, prices, valuation, risk, false);
        now.clear();
        for intent in wanted.intents {
            match cx.revalued(intent) {
                Some(intent) => now.push(intent),
                None => return Some(unpriced()),
            }
        }
        let wanted = Wanted { intents: now, ..wanted };
        judged(inputs, &cx, now, sums, verdicts).or_else(|| outcome(inputs, &cx, wanted, left, valued, rehearse))
    }
}

fn context<'a>(
    inputs: &Inputs<'a>,
    history: &'a History,
    prices: &'a Prices,
    valuation: &'a Valuation,
    risk: &'a RiskReport,
    is_new: bool,
) -> Context<'a> {
    let (terms, policy, snapshot) = (inputs.policy.terms(), inputs.policy.hash(), inputs.snapshot);
    let windows = terms.limits.windows_of(history, snapshot.block.timestamp);
    Context { terms, policy, snapshot, history, windows, prices, valuation, risk, is_new }
}

fn judged(
    inputs: &Inputs<'_>,
    cx: &Context<'_>,
    intents: &[Intent],
    sums: &mut Sums,
    verdicts: &mut Vec<Verdict>,
) -> Option<Refusal> {
    verdicts.clear();
    judge_all(inputs.policy, cx, intents, sums, verdicts);
    verdicts.drain(..).find_map(|verdict| match verdict {
        Verdict::Allowed => None,
        Verdict::Refused(refusal) => Some(refusal),
    })
}

fn outcome(
    inputs: &Inputs<'_>,
    cx: &Context<'_>,
    wanted: Wanted<'_>,
    left: &mut Snapshot,
    valued: &mut Valuation,
    rehearse: impl FnOnce(&mut Snapshot) -> bool,
) -> Option<Refusal> {
    let ran = rehearse(left);
    gate::judge_outcome(inputs.policy, cx, wanted.account, ran.then_some(&*left), valued, wanted.intents)
}
