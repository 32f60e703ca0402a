//! Strategies that can do nothing, and shares that take nothing away.

use super::Eye;
use quaestor_core::amount::BPS_FACTOR;

pub(super) fn look(eye: &mut Eye<'_, '_>) {
    if eye.terms.strategies.is_empty() {
        let message = "none is listed, so that nothing is ever proposed; write a section `[[strategies]]`";
        eye.blocked("strategies", message);
    }
    if !eye.terms.payments.is_empty() && !eye.policy.strategies().iter().any(|it| it.pays_budget_lines()) {
        let message = "no strategy pays them; write a section `[[strategies]]` of the kind `payments`, or remove them";
        eye.blocked("payments", message);
    }
    for (place, strategy) in eye.terms.strategies.iter().enumerate() {
        let key = format!("strategies[{place}].share_bps_max");
        match strategy.share_bps_max {
            Some(0) => {
                eye.blocked(&key, "is 0, so that it may never move anything; leave the strategy out, or write more")
            }
            Some(BPS_FACTOR) => {
                eye.idle(&key, "is all of a proposal, as it is without it; write less, or leave it out")
            }
            _ => {}
        }
    }
}
