//! Shares that are all there is, and caps of counterparties that say nothing new or let nothing through.

use super::Eye;
use quaestor_core::{amount::BPS_FACTOR, policy::Counterparty};

const ALL: &str = "is all there is, so that it never refuses; write less, or leave it out";
const KEYS: [&str; 5] = ["proposal_bps_max", "hour_bps_max", "day_bps_max", "week_bps_max", "month_bps_max"];

pub(super) fn look(eye: &mut Eye<'_, '_>) {
    let terms = eye.terms;
    if terms.limits.native_share_bps_max == BPS_FACTOR {
        eye.idle("limits.native_share_bps_max", ALL);
    }
    if terms.limits.stable_share_bps_min == 0 && eye.report.is_there("limits.stable_share_bps_min") {
        eye.idle("limits.stable_share_bps_min", "is 0, so that it never refuses; write more, or leave it out");
    }
    for venue in terms.venues.iter().filter(|venue| venue.share_bps_max == Some(BPS_FACTOR)) {
        eye.idle(&format!("venues.{}.share_bps_max", venue.name), ALL);
    }
    for group in terms.groups.iter().filter(|group| group.min_bps == 0 && group.max_bps == BPS_FACTOR) {
        let message = "bounds nothing: from 0 to 10000 is any share; write a bound, or leave the group out";
        eye.idle(&format!("groups.{}", group.name), message);
    }
    terms.counterparties.iter().for_each(|it| counterparty(eye, it));
}

fn counterparty(eye: &mut Eye<'_, '_>, capped: &Counterparty) {
    let caps = |first: u64, [hour, day, week, month]: [u64; 4]| [first, hour, day, week, month];
    let limits = &eye.terms.limits;
    let own = caps(capped.proposal_bps_max, capped.window_bps_max);
    let all = caps(limits.proposal_bps_max, limits.window_bps_max);
    let paid = eye.terms.payments.iter().find(|line| line.to == capped.address);
    for ((key, own), all) in KEYS.iter().zip(own).zip(all) {
        let path = format!("counterparties.{}.{key}", capped.name);
        if own == 0 {
            if let Some(line) = paid {
                let message =
                    format!("is 0, and the budget line `{}` pays it: it never can; write how much", line.name);
                eye.blocked(&path, message);
            }
        } else if own != u64::MAX && all <= own {
            let message = format!(
                "is {own}, and `limits.{key}` lets no more than {all} through to all together; write less, or leave it out"
            );
            eye.idle(&path, message);
        }
    }
}
