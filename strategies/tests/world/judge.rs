//! A judge that applies the rules on balances, caps, bands and the stable share to every prefix of a decision, and a model
//! that forecasts nothing.

use alloy_primitives::B256;
use quaestor_core::{
    Action, AssetId, AssetKind, Context, Exchange, Intent, Policy, Refusal, RiskModel, RiskReport, Rule, Snapshot,
    Terms, Value, Verdict, snapshot::Tally, valuation::Prices, verdict::Quantity,
};

/// Forecasts nothing.
#[derive(Debug)]
pub struct Model;

impl RiskModel for Model {
    fn hash(&self) -> B256 {
        B256::ZERO
    }

    fn assess(&self, _: &Terms, _: &Snapshot, _: &Prices, _: &[u64]) -> RiskReport {
        RiskReport::default()
    }
}

/// The strictest way to read a policy.
#[derive(Debug)]
pub struct Judge<'a> {
    pub terms: &'a Terms,
}

impl Judge<'_> {
    fn broken(&self, cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Option<Rule> {
        let held = cx.balance(intent.account, intent.asset).0 + tally.received_min(intent.account, intent.asset).0;
        if tally.spent(intent.account, intent.asset).0 + intent.amount.0 > held {
            return Some(Rule::BalanceSufficient);
        }
        if intent.value > cx.room_of(intent.purpose.line(), intent.account, tally) {
            return Some(Rule::ProposalBpsMax);
        }
        if Some(intent.value) != cx.value_of(intent.asset, intent.amount) {
            return Some(Rule::IntentMatchesActions);
        }
        let nav = cx.valuation.nav;
        let share = |bps| nav.share(bps).unwrap();
        let (before, after) =
            (|asset| self.held(cx, tally, None, asset), |asset| self.held(cx, tally, Some(intent), asset));
        for band in &self.terms.bands {
            let ((low, high), (was_low, was_high)) = (after(band.asset), before(band.asset));
            if high > share(band.max_bps) && high > was_high {
                return Some(Rule::AllocationMax);
            }
            if low < share(band.min_bps) && low < was_low {
                return Some(Rule::AllocationMin);
            }
        }
        let least = share(self.terms.limits.stable_share_bps_min);
        let (left, was) = (self.stable(cx, tally, Some(intent)), self.stable(cx, tally, None));
        (left < least && left < was).then_some(Rule::StableShareBpsMin)
    }

    /// Least value of the stable assets after what was allowed and `next`. As the policy reads it, an exchange among them
    /// takes nothing from their share.
    fn stable(&self, cx: &Context<'_>, tally: &Tally<'_>, next: Option<&Intent>) -> Value {
        let is_stable = |asset: AssetId| self.terms.assets[asset.index()].kind == AssetKind::Stable;
        let mut held = cx.valuation.stable.0;
        for exchange in tally.allowed().chain(next).flat_map(|intent| &intent.actions).filter_map(Action::exchange) {
            let Exchange { give, take, amount_in, amount_out_min, .. } = exchange;
            match (is_stable(give), is_stable(take)) {
                (true, false) => held = held.saturating_sub(cx.value_of(give, amount_in).unwrap().0),
                (false, true) => held += cx.value_of(take, amount_out_min).unwrap().0,
                _ => {}
            }
        }
        Value(held)
    }

    /// Value of `asset` after what was allowed and `next`: exchanges counted at their least output, and at the oracle's.
    fn held(&self, cx: &Context<'_>, tally: &Tally<'_>, next: Option<&Intent>, asset: AssetId) -> (Value, Value) {
        let held = cx.valuation.value_of(asset).0;
        let (mut low, mut high) = (held, held);
        for action in tally.allowed().chain(next).flat_map(|intent| &intent.actions) {
            if let Some(Exchange { give, take, amount_in, amount_out_min, .. }) = action.exchange() {
                let given = cx.value_of(give, amount_in).unwrap().0;
                if give == asset {
                    (low, high) = (low.saturating_sub(given), high.saturating_sub(given));
                }
                if take == asset {
                    (low, high) = (low + cx.value_of(take, amount_out_min).unwrap().0, high + given);
                }
            }
        }
        (Value(low), Value(high))
    }
}

impl Policy for Judge<'_> {
    fn hash(&self) -> B256 {
        B256::ZERO
    }

    fn rest_hash(&self) -> B256 {
        B256::ZERO
    }

    fn terms(&self) -> &Terms {
        self.terms
    }

    fn judge(&self, cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Verdict {
        match self.broken(cx, tally, intent) {
            Some(rule) => {
                let found = Quantity::Value(intent.value);
                Verdict::Refused(Refusal::new(rule, Quantity::None, found, cx.snapshot.block, cx.policy))
            }
            None => Verdict::Allowed,
        }
    }

    fn judge_outcome(&self, _: &Context<'_>, _: &Context<'_>, _: &[Intent]) -> Verdict {
        Verdict::Allowed
    }

    fn is_due(&self, _: u64, _: u64, _: u64) -> bool {
        true
    }
}
