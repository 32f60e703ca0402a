//! Which prices count.

use super::{Section, Told};
use quaestor_core::{Rule, policy::OnDisagreement, words};

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("Prices");
    let limits = &told.terms.limits;
    section.say(
        "Prices are in US dollars and are read on the chain, at the block of the decision: the median of what the usable \
         feeds of an asset say, and its pools where it has some.",
        &[],
        &[],
    );
    let key = "limits.price_quorum_min";
    let unpriced = "While the treasury holds an asset without a price, nothing is proposed.";
    match limits.price_quorum_min {
        0 | 1 => {
            let text = format!("One usable feed is enough for a price; no feed, no price. {unpriced}");
            section.say(text, &[key], &[Rule::PriceQuorumMin]);
        }
        feeds => {
            let text = format!("With fewer than {feeds} usable feeds an asset has no price. {unpriced}");
            section.say(text, &[key], &[Rule::PriceQuorumMin]);
        }
    }
    let key = "limits.price_age_max";
    match limits.price_age_secs_max {
        u64::MAX => section.say("No greatest age of a price, beside that of each asset.", &[key], &[]),
        secs => {
            let text = format!("No price older than {} is usable, of whatever asset.", words::duration(secs));
            section.say(text, &[key], &[Rule::PriceQuorumMin]);
        }
    }
    let key = "limits.price_deviation_bps_max";
    match limits.price_deviation_bps_max {
        u64::MAX => section.say("No feed is left out because it differs from the others.", &[key], &[]),
        bps => {
            let text = format!("A feed that differs by more than {} from the median is left out.", words::share(bps));
            section.say(text, &[key], &[Rule::PriceQuorumMin]);
        }
    }
    let key = "oracles.on_disagreement";
    match told.terms.on_disagreement {
        OnDisagreement::Drop => {
            let text = match limits.price_deviation_bps_max {
                u64::MAX => "So feeds that disagree stop nothing.",
                _ => "The price is then what the others say, if they are enough.",
            };
            section.say(text, &[key], &[]);
        }
        OnDisagreement::Hold => {
            let text = "If any is left out for that, the asset has no price, and while it is held nothing is proposed.";
            section.say(text, &[key], &[Rule::PriceQuorumMin]);
        }
    }
    section
}
