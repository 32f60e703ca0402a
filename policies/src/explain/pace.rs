//! How often, and how long what was proposed may be executed.

use super::{Section, Told, moments};
use quaestor_core::{Rule, policy::Schedule, words};

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("How often");
    let limits = &told.terms.limits;
    section.say(format!("It decides {}.", when(told)), &["policy.schedule", "policy.every_blocks"], &[]);
    let key = "limits.proposals_per_day_max";
    match limits.proposals_per_day_max {
        u64::MAX => section.say("No cap on the number of proposals.", &[key], &[]),
        0 => section.say("It proposes nothing: the cap is 0 proposals a day.", &[key], &[Rule::ProposalsPerDayMax]),
        most => {
            let text = format!("At most {} in any 24 hours.", words::counted(most, "proposal"));
            section.say(text, &[key], &[Rule::ProposalsPerDayMax]);
        }
    }
    let key = "limits.cooldown_min";
    match limits.cooldown_secs_min {
        0 => section.say("No least time between two proposals.", &[key], &[]),
        secs => {
            let text = format!("At least {} between two proposals.", words::duration(secs));
            section.say(text, &[key], &[Rule::CooldownSecsMin]);
        }
    }
    let (validity, most) = (words::duration(told.terms.validity_secs_longest()), limits.validity_secs_max);
    let text = format!(
        "A proposal can be executed until {validity} after its decision, and never later. The envelope allows up to {}.",
        words::duration(most)
    );
    section.say(text, &["policy.validity", "limits.validity_max"], &[Rule::ValiditySecsMax]);
    section.say(
        "While a proposal waits it is judged again, by all but the two rules of pace above, and withdrawn when the policy \
         would no longer allow it.",
        &[],
        &[],
    );
    section
}

/// When decisions are due.
pub(super) fn when(told: &Told<'_>) -> String {
    match (&told.terms.schedule, &told.policy.cron) {
        (Schedule::EveryBlocks(1), _) => "at every block".to_owned(),
        (Schedule::EveryBlocks(number), _) => {
            format!("at each block whose number is a multiple of {}, {}", words::count(*number), about(*number))
        }
        (Schedule::Cron(_), Some(line)) => moments::in_words(line),
        // A line is parsed where its policy is.
        (Schedule::Cron(line), None) => line.clone(),
    }
}

/// How long so many blocks take on Ethereum's main network.
pub(super) fn about(blocks: u64) -> String {
    format!("which is {} where a block takes twelve seconds", words::duration(blocks.saturating_mul(12)))
}
