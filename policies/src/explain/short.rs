//! The whole policy in a few sentences, for who reads no further.

use super::{Section, Told, caps, pace, stops};
use quaestor_core::{Route, VenueKind, words};

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("In short");
    let terms = told.terms;
    let text = format!("This is the policy “{}” of a treasury on the chain eip155:{}.", terms.name, terms.chain_id);
    section.say(text, &["policy.name", "policy.chain"], &[]);
    let owners = terms.accounts.iter().map(|account| match account.route {
        Route::Safe => format!("the owners of the Safe {}", account.name),
        Route::Governor { .. } => format!("the members' vote on {}", account.name),
    });
    let text = format!("The agent only proposes. What happens is decided by {}.", words::list(owners, "and"));
    section.say(text, &["accounts"], &[]);
    section.say(doing(told), &["accounts", "venues", "counterparties"], &[]);
    let caps = caps::caps(&terms.limits);
    let keys: Vec<&str> = caps.iter().map(|cap| cap.key).collect();
    let set: Vec<String> =
        caps.iter().filter_map(|cap| Some(format!("{} {}", words::share(cap.set()?), cap.time))).collect();
    let unset: Vec<&str> = caps.iter().filter(|cap| cap.set().is_none()).map(|cap| cap.time).collect();
    let most = match set.is_empty() {
        true => String::new(),
        false => format!("Of the treasury it may move at most {}. ", words::list(set, "and")),
    };
    let open = match unset.is_empty() {
        true => String::new(),
        false => format!("There is no cap {}.", words::list(unset, "or")),
    };
    section.say(format!("{most}{open}"), &keys, &[]);
    let text = format!(
        "It decides {}, and from {} on this policy permits nothing.",
        pace::when(told),
        stops::expiry(terms.expires_at)
    );
    section.say(text, &["policy.schedule", "policy.every_blocks", "policy.expires"], &[]);
    section
}

fn doing(told: &Told<'_>) -> String {
    let terms = told.terms;
    let has_router = terms.venues.iter().any(|venue| venue.kind == VenueKind::UniswapV3);
    let may = [
        (terms.accounts.len() > 1, "move money between the treasury's own accounts".to_owned()),
        (has_router, "trade".to_owned()),
        (terms.vaults().next().is_some(), "deposit in vaults".to_owned()),
        (!terms.delegates.is_empty(), "delegate votes".to_owned()),
        (terms.wrapped_coin.is_some(), "wrap the coin of the chain".to_owned()),
        (
            !told.terms.counterparties.is_empty(),
            format!(
                "pay {}",
                words::counted(u64::try_from(told.terms.counterparties.len()).unwrap_or(u64::MAX), "receiver")
            ),
        ),
    ];
    let (may, not): (Vec<_>, Vec<_>) = may.into_iter().partition(|(is_allowed, _)| *is_allowed);
    let not = not.iter().map(|(_, what)| if what.starts_with("pay") { "pay anybody" } else { what.as_str() });
    let (may, not) = (words::list(may.into_iter().map(|(_, what)| what), "and"), words::list(not, "nor"));
    match (may.is_empty(), not.is_empty()) {
        (true, _) => "It may do nothing.".to_owned(),
        (false, true) => format!("It may propose to {may}."),
        (false, false) => format!("It may propose to {may}. It may not {not}."),
    }
}
