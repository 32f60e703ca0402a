//! Caps that another cap makes pointless, and caps that forbid everything.

use super::Eye;
use crate::read::values::duration_text;
use quaestor_core::{Limits, Route, Terms, snapshot::WINDOW_SECS, words};

const DAY_SECS: u64 = 86_400;
const KEYS: [&str; 5] = ["proposal_bps_max", "hour_bps_max", "day_bps_max", "week_bps_max", "month_bps_max"];
const SPANS: [&str; 5] = ["one proposal", "any hour", "any 24 hours", "any seven days", "any thirty days"];

pub(super) fn look(eye: &mut Eye<'_, '_>) {
    let limits = eye.terms.limits;
    let [hour, day, week, month] = limits.window_bps_max;
    let caps = [limits.proposal_bps_max, hour, day, week, month];
    nothing(eye, &caps);
    nested(eye, &caps);
    // Several accounts may each have a proposal at once, and votes may lie side by side.
    if is_one_safe(eye.terms) {
        by_pace(eye, &caps, &limits);
        pace(eye, &limits);
    }
}

fn is_one_safe(terms: &Terms) -> bool {
    matches!(terms.accounts.as_slice(), [account] if account.route == Route::Safe)
}

/// What is zero lets nothing through.
fn nothing(eye: &mut Eye<'_, '_>, caps: &[u64; 5]) {
    for (key, _) in KEYS.iter().zip(caps).filter(|(_, bps)| **bps == 0) {
        eye.blocked(&format!("limits.{key}"), "is 0, so that nothing can ever be proposed; write how much may move");
    }
    if eye.terms.limits.proposals_per_day_max == 0 {
        let message = "is 0, so that nothing can ever be proposed; write how many proposals there may be";
        eye.blocked("limits.proposals_per_day_max", message);
    }
}

/// What is moved in an hour is moved in the day around it too, so that the smaller cap of the longer time is met first.
fn nested(eye: &mut Eye<'_, '_>, caps: &[u64; 5]) {
    for (place, (key, bps)) in KEYS.iter().zip(caps).enumerate().filter(|(_, (_, bps))| **bps != u64::MAX) {
        let longer = KEYS.iter().zip(caps).zip(SPANS).skip(place + 1);
        let Some(((other, least), span)) = longer.min_by_key(|((_, least), _)| **least) else { continue };
        // Of a cap of nothing was warned above.
        if bps > least && *least > 0 {
            let message = format!(
                "is {bps}, and `{other}` lets {least} bps through in {span}: whatever this refuses, that refuses too; write \
                 at most {least}, or leave it out"
            );
            eye.idle(&format!("limits.{key}"), message);
        }
    }
}

/// So many proposals of so much are less than the cap.
fn by_pace(eye: &mut Eye<'_, '_>, caps: &[u64; 5], limits: &Limits) {
    let (most, each) = (limits.proposals_per_day_max, limits.proposal_bps_max);
    if most == u64::MAX || each == u64::MAX || most == 0 || each == 0 {
        return;
    }
    let windows = KEYS.iter().zip(caps).zip(SPANS).skip(1).zip(WINDOW_SECS);
    for (((key, bps), span), secs) in windows.filter(|(((_, bps), _), _)| **bps != u64::MAX) {
        let days = secs.div_ceil(DAY_SECS);
        let reached = most.saturating_mul(days).saturating_mul(each);
        if reached < *bps {
            let message = format!(
                "is {bps}, and is not reached while the treasury keeps its worth: `proposals_per_day_max` lets {} \
                 through in {span}, and `proposal_bps_max` {each} bps in each, {reached} together; write less than that, or leave \
                 it out",
                words::counted(most.saturating_mul(days), "proposal")
            );
            eye.idle(&format!("limits.{key}"), message);
        }
    }
}

/// Proposals a day, and the time between two.
fn pace(eye: &mut Eye<'_, '_>, limits: &Limits) {
    let (most, pause) = (limits.proposals_per_day_max, limits.cooldown_secs_min);
    if most == u64::MAX || most == 0 || pause == 0 {
        return;
    }
    let possible = DAY_SECS.div_ceil(pause);
    if most > possible {
        let message = format!(
            "is {most}, and `cooldown_min` of {} leaves time for {possible} in 24 hours; write at most {possible}, or leave \
             it out",
            duration_text(pause)
        );
        eye.idle("limits.proposals_per_day_max", message);
    } else if most == 1 && pause < DAY_SECS {
        let message = format!(
            "is {}, and `proposals_per_day_max` of 1 asks for 24 hours already; leave it out",
            duration_text(pause)
        );
        eye.idle("limits.cooldown_min", message);
    }
}
