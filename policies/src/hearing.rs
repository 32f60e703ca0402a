//! Intents that somebody states, judged as if strategies wanted them: who asks what a policy says of this or that.

use quaestor_core::{
    History, Inputs, Intent, Policy, Refusal, RiskModel, RiskReport, Snapshot, Terms, Verdict,
    pipeline::{Context, Workspace, evaluate, judge_all, precondition},
    snapshot::Sums,
    valuation::{Prices, Valuation},
};

/// A policy with everything that its verdicts depend on, at one block. What comes before judging in the pipeline has
/// been passed: the anchor, the expiry, the brake, a whole snapshot, prices of all that is held.
#[derive(Clone)]
pub struct Hearing<'a> {
    policy: &'a dyn Policy,
    snapshot: &'a Snapshot,
    history: &'a History,
    prices: Prices,
    valuation: Valuation,
    risk: RiskReport,
}

impl std::fmt::Debug for Hearing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hearing").field("block", &self.snapshot.block).finish_non_exhaustive()
    }
}

impl<'a> Hearing<'a> {
    /// At the block of `snapshot`, with the forecast of `model`.
    ///
    /// # Errors
    /// The receipt of what forbids any proposal there, the same that a decision would hold with.
    #[expect(clippy::result_large_err, reason = "a refusal carries its receipt in place")]
    pub fn new(
        policy: &'a dyn Policy,
        snapshot: &'a Snapshot,
        history: &'a History,
        model: &dyn RiskModel,
    ) -> Result<Self, Refusal> {
        let terms = policy.terms();
        if let Some(refusal) = precondition(terms, policy.hash(), snapshot) {
            return Err(refusal);
        }
        let prices = Prices::resolve(terms, snapshot);
        let inputs = Inputs { snapshot, history, policy, strategies: &[], model };
        let mut work = Workspace::default();
        // The forecast bears on no receipt that this can give.
        evaluate(&inputs, &prices, &RiskReport::default(), &mut work)?;
        let risk = model.assess(terms, snapshot, &prices, &work.valuation.weights_bps());
        Ok(Self { policy, snapshot, history, prices, valuation: work.valuation, risk })
    }

    /// The verdicts on `intents`, each as the next of one decision after those of them that were allowed before it.
    pub fn verdicts(&self, intents: &[Intent]) -> Vec<Verdict> {
        let mut verdicts = Vec::with_capacity(intents.len());
        judge_all(self.policy, &self.context(), intents, &mut Sums::default(), &mut verdicts);
        verdicts
    }

    /// What judges look at.
    pub fn context(&self) -> Context<'_> {
        let Self { policy, snapshot, history, prices, valuation, risk } = self;
        let windows = policy.terms().limits.windows_of(history, snapshot.block.timestamp);
        let (terms, policy) = (policy.terms(), policy.hash());
        Context { terms, policy, snapshot, history, windows, prices, valuation, risk, is_new: true }
    }
}

/// A forecast that somebody states, in the place of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Stated(pub RiskReport);

impl RiskModel for Stated {
    fn hash(&self) -> alloy_primitives::B256 {
        self.0.model
    }

    fn assess(&self, _: &Terms, _: &Snapshot, _: &Prices, _: &[u64]) -> RiskReport {
        self.0.clone()
    }
}
