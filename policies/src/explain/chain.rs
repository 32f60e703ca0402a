//! What the chain itself holds of the policy.

use super::{Section, Told, caps};
use quaestor_core::{Limits, words};

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("What the chain holds");
    let (mut unset, mut unset_keys) = (Vec::new(), Vec::new());
    for Number { slot, key, what, said } in numbers(&told.terms.limits) {
        match said {
            Some(said) => section.say(format!("{what}: {said} (number {slot} of the envelope)."), &[key], &[]),
            None => {
                unset.push(what.to_lowercase());
                unset_keys.push(key);
            }
        }
    }
    if !unset.is_empty() {
        let text = format!("The chain holds no number for: {}.", unset.join("; "));
        section.say(text, &unset_keys, &[]);
    }
    section.say(
        "A vote that only narrows these numbers is in force at once. Any other change of the policy waits the delay of the \
         registry, in which a guardian may veto it, and no vote goes past the registry's ceilings.",
        &[],
        &[],
    );
    section.say(
        "The chain does not measure the treasury: it compares these numbers when a policy is voted. Whether a proposal keeps \
         to them is judged by the agent, and by whoever recomputes its decision.",
        &[],
        &[],
    );
    section
}

/// How a number is said.
type Say = fn(u64) -> String;

/// A number of the envelope; `said` is `None` where it is unset.
struct Number {
    slot: u8,
    key: &'static str,
    what: &'static str,
    said: Option<String>,
}

fn numbers(limits: &Limits) -> Vec<Number> {
    let Limits {
        proposal_bps_max: _,
        window_bps_max: _,
        slippage_bps_max,
        price_age_secs_max,
        price_deviation_bps_max,
        proposals_per_day_max,
        validity_secs_max,
        native_share_bps_max,
        stable_share_bps_min,
        price_quorum_min,
        cooldown_secs_min,
    } = *limits;
    let cap = |number: u64, said: Say| (number != u64::MAX).then(|| said(number));
    let floor = |number: u64, said: Say| (number != 0).then(|| said(number));
    let number = |slot, key, what, said| Number { slot, key, what, said };
    let [share, duration, plain]: [Say; 3] = [words::share, words::duration, |number| words::count(number)];
    let moved = [
        "Most that is moved in one proposal",
        "Most that is moved in any hour",
        "Most that is moved in any 24 hours",
        "Most that is moved in any seven days",
        "Most that is moved in any thirty days",
    ];
    let caps = caps::caps(limits);
    let caps =
        (0u8..).zip(caps).zip(moved).map(|((slot, cap), what)| number(slot, cap.key, what, cap.set().map(share)));
    let others = [
        number(5, "limits.slippage_bps_max", "Most that a trade may lose", cap(slippage_bps_max, share)),
        number(6, "limits.price_age_max", "Oldest price that counts", cap(price_age_secs_max, duration)),
        number(
            7,
            "limits.price_deviation_bps_max",
            "Furthest that a feed may differ from the median",
            cap(price_deviation_bps_max, share),
        ),
        number(8, "limits.proposals_per_day_max", "Most proposals in any 24 hours", cap(proposals_per_day_max, plain)),
        number(9, "limits.validity_max", "Longest life of a proposal", cap(validity_secs_max, duration)),
        number(10, "limits.native_share_bps_max", "Largest share of the own token", cap(native_share_bps_max, share)),
        number(16, "limits.stable_share_bps_min", "Least share in stable assets", floor(stable_share_bps_min, share)),
        number(17, "limits.price_quorum_min", "Fewest usable feeds of a price", floor(price_quorum_min, plain)),
        number(18, "limits.cooldown_min", "Least time between two proposals", floor(cooldown_secs_min, duration)),
    ];
    caps.chain(others).collect()
}
