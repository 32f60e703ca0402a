//! What stops the agent.

use super::{Section, Told};
use crate::read::{LANGUAGE_VERSION, values::time_text};
use chrono::{DateTime, Utc};
use quaestor_core::{Rule, Terms, gate::CLEARANCE_SECS_MAX, words};

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("What stops it");
    let Terms { registry, brake, gate, .. } = told.terms;
    let text = format!(
        "It proposes only while the PolicyRegistry at {registry} names the hash of exactly this file as the policy in force. \
         The file is in version {LANGUAGE_VERSION} of the language of policies."
    );
    section.say(text, &["policy.registry", "policy.version"], &[Rule::PolicyAnchored]);
    let text = format!("From {} on this policy permits nothing.", expiry(told.terms.expires_at));
    section.say(text, &["policy.expires"], &[Rule::PolicyExpiresAt]);
    let text = match told.terms.review_at {
        u64::MAX => "No time is set at which the members look at it again.".to_owned(),
        at => {
            format!(
                "The members mean to look at it again by {}; from then on the agent says so, and acts as before.",
                expiry(at)
            )
        }
    };
    section.say(text, &["policy.review"], &[]);
    let text = format!(
        "It proposes nothing while the EmergencyBrake at {brake} is pulled or cannot be read. A guardian can pull it at once; \
         what was proposed before can then never be executed, also after the members have released it."
    );
    section.say(text, &["policy.brake"], &[Rule::BrakePulled]);
    section.say(
        "It proposes nothing once the operators' lease at the brake has ended; only the DAO renews it.",
        &["policy.brake"],
        &[Rule::LeaseLapsed],
    );
    let text = format!(
        "Each batch that it proposes begins with a call of the DecisionGate at {gate}. On the chain that makes the whole \
         batch fail if this policy is no longer in force, the brake was pulled, the lease or its time has ended, it was \
         revoked, or any of it was done before."
    );
    section.say(text, &["policy.gate"], &[]);
    section.say(
        "The exact calls run in a dry run first, and the balances that they leave are judged again. Calls that fail, or are \
         not to the last byte what was judged, are not proposed.",
        &[],
        &[Rule::DryRun, Rule::CalldataMatches],
    );
    section.say(
        "Where the chain does not say all that this policy asks for, nothing is proposed.",
        &[],
        &[Rule::SnapshotComplete],
    );
    let text = format!("What was judged is sent within {} or judged anew.", words::duration(CLEARANCE_SECS_MAX));
    section.say(text, &[], &[Rule::ClearanceFresh]);
    section
}

/// A time as people say it: `1 January 2028, 00:00 UTC`.
pub(super) fn expiry(secs: u64) -> String {
    let time = i64::try_from(secs).ok().and_then(|secs| DateTime::<Utc>::from_timestamp(secs, 0));
    let format = if secs.is_multiple_of(60) { "%-d %B %Y, %H:%M UTC" } else { "%-d %B %Y, %H:%M:%S UTC" };
    // A time beyond the calendar is said as the language writes it, or as the number that it is.
    let plain = || time_text(secs).unwrap_or_else(|| secs.to_string());
    time.map_or_else(plain, |time| time.format(format).to_string())
}
