//! Pools that cost more than may be lost, votes that outlast their proposals, and receivers whom nobody pays.

use super::Eye;
use crate::read::values::duration_text;
use quaestor_core::{Route, words};

/// A basis point in hundredths of one.
const PIPS_PER_BPS: u64 = 100;
/// Few votes are over sooner, seconds: a week.
const VOTE_SECS: u64 = 604_800;

pub(super) fn look(eye: &mut Eye<'_, '_>) {
    pools(eye);
    votes(eye);
    receivers(eye);
}

fn pools(eye: &mut Eye<'_, '_>) {
    let allowed_bps = eye.terms.limits.slippage_bps_max;
    for venue in &eye.terms.venues {
        for (place, pool) in venue.pools.iter().enumerate() {
            if u64::from(pool.fee_pips) < allowed_bps.saturating_mul(PIPS_PER_BPS) {
                continue;
            }
            let message = format!(
                "has a fee of {}, and by `limits.slippage_bps_max` a swap may lose {}: none there can bring enough; allow \
                 more, or write a pool with a lower fee",
                words::fee(pool.fee_pips),
                words::share(allowed_bps)
            );
            eye.blocked(&format!("venues.{}.pools[{place}]", venue.name), message);
        }
    }
}

fn votes(eye: &mut Eye<'_, '_>) {
    let lives = eye.terms.validity_secs_longest();
    let governed = eye.terms.accounts.iter().find(|account| account.route != Route::Safe);
    let Some(Route::Governor { .. }) = governed.map(|account| &account.route) else { return };
    if lives >= VOTE_SECS {
        return;
    }
    let key = if eye.report.is_there("policy.validity") { "policy.validity" } else { "limits.validity_max" };
    let message = format!(
        "is {}, and a proposal for `{}` waits for a vote, which takes longer at most Governors (a day, a week, and two days of \
         timelock are usual): it would end before it could be executed; write more than your vote takes, such as `14d`",
        duration_text(lives),
        governed.map_or("", |account| account.name.as_str())
    );
    eye.blocked(key, message);
}

fn receivers(eye: &mut Eye<'_, '_>) {
    if !eye.terms.counterparties.is_empty() && !eye.pays_others() {
        let message = "no strategy of this policy pays anybody outside of the treasury; leave them out until one does";
        eye.idle("counterparties", message);
    }
}
